package gatewaytest

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/gateway"
	"github.com/ezscale/bursar/sdk/money"
	"github.com/ezscale/bursar/sdk/sim"
)

// hooks are the cases of webhooks.
var hooks = []testCase{
	{"a webhook tells that a visit was paid", hears, hearsAPayment},
	{"a pending payment becomes captured by webhook", hears, hearsMoneyArrive},
	{"a refund that failed is told by webhook", hears, hearsARefundFail},
	{"a method removed by the payer is told as Gone", both(hears, announces[gateway.Charger]), hearsAMethodGo},
	{"a dispute is told, listed, and told when it ends", hears, hearsADispute},
	{"a forged stale future foreign and edited webhook is Forbidden", hears, refusesForgeries},
	{"a webhook that cannot be verified now is Unavailable", hears, verifiesLater},
	{"a hundred events shuffled and doubled leave the same state", both(hears, announces[gateway.Charger]), standsAStorm},
	{"a webhook installed again replaces the one before", announces[sdk.WebhookInstaller], replacesItsWebhook},
}

func ofAttempt(op string, s gateway.Status) func(gateway.Event) bool {
	return func(e gateway.Event) bool { return e.Attempt != nil && e.Attempt.Echo == op && e.Attempt.Status == s }
}

func hearsAPayment(b *bench) {
	b.listen()
	v := b.visit(jane(), euro, false)
	out := b.pay(v)
	e := b.news("the visit is captured", ofAttempt(v.ID, gateway.Captured))
	equal(b, "Reference by webhook", e.Attempt.Reference, out.Reference)
	b.captured(v.Attempt, *e.Attempt)
}

func hearsMoneyArrive(b *bench) {
	b.listen()
	v := b.visit(jane(), euro, false)
	b.begin(v)
	if err := b.act("delay", v.ID); err != nil {
		return // this vendor's money is there at once
	}
	equal(b, "Before", b.look(v.Attempt).Status, gateway.Pending)
	b.play("settle", v.ID)
	e := b.news("the money has arrived", ofAttempt(v.ID, gateway.Captured))
	b.captured(v.Attempt, *e.Attempt)
}

func hearsARefundFail(b *bench) {
	b.listen()
	v := b.visit(jane(), euro, false)
	paid := b.pay(v)
	r := b.refundOf(v.Attempt, paid, euro)
	b.refund(r)
	b.play("refund_fails", r.ID)
	e := b.news("the refund came back", func(e gateway.Event) bool {
		return e.Refund != nil && e.Refund.Echo == r.ID && e.Refund.Status == gateway.Declined
	})
	equal(b, "Payment", e.Refund.Payment, paid.Reference)
	equal(b, "Amount", e.Refund.Amount, euro)
}

func hearsAMethodGo(b *bench) {
	b.listen()
	m, op := b.saved(jane())
	b.play("remove_method", op)
	e := b.news("the method is gone", func(e gateway.Event) bool { return e.Gone })
	equal(b, "The method", e.Method.ID, m.ID)
}

func hearsADispute(b *bench) {
	b.listen()
	v := b.visit(jane(), euro, false)
	paid := b.pay(v)
	b.play("dispute", v.ID)
	e := b.news("the bank disputes", func(e gateway.Event) bool { return e.Dispute != nil })
	d := *e.Dispute
	equal(b, "Payment", d.Payment, paid.Reference)
	equal(b, "Amount", d.Amount, euro)
	equal(b, "Status", d.Status, "open")
	equal(b, "Taken", d.Taken, true)
	if d.ID == "" || d.URL == "" || !d.AnswerBy.After(b.sim.Now()) {
		b.fail("A dispute says what it is, where and until when to answer: %+v", d)
	}
	_, err := b.client.Refund(b.Context(), b.refundOf(v.Attempt, paid, euro))
	b.kind("Refund of what is disputed", err, fault.Declined)
	b.play("turn", v.ID, "status", "won")
	won := b.news("the dispute is won", func(e gateway.Event) bool { return e.Dispute != nil && e.Dispute.Status == "won" })
	equal(b, "Taken, after it was won", won.Dispute.Taken, false)
	if !announces[gateway.DisputeLister](b) {
		return
	}
	list, err := b.client.Disputes(b.Context(), start.Add(-time.Hour))
	b.must("Disputes", err)
	if len(list) != 1 || list[0] != *won.Dispute {
		b.fail("The list and the webhook tell the same\n      want %+v   have %+v", *won.Dispute, list)
	}
}

// forgery is a webhook that nobody signed.
func (b *bench) forgery() sdk.Webhook {
	return sdk.Webhook{
		Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(`{"id":"evt_1","event_type":"payment","type":"payment"}`), Received: b.sim.Now(),
	}
}

func refusesForgeries(b *bench) {
	b.listen()
	v := b.visit(jane(), euro, false)
	b.pay(v)
	genuine, ok := b.arrived()
	if !ok {
		b.fail("No webhook came")
	}
	_, err := b.client.Receive(b.Context(), genuine)
	b.must("Receive of a genuine webhook", err)

	refused := func(what string, c gateway.Client, w sdk.Webhook) {
		b.Helper()
		_, err := c.Receive(b.Context(), w)
		b.kind("Receive of a webhook that "+what, err, fault.Forbidden)
	}
	changed := func(change func(*sdk.Webhook)) sdk.Webhook {
		w := genuine
		w.Header, w.Body = genuine.Header.Clone(), slices.Clone(genuine.Body)
		change(&w)
		return w
	}
	refused("nobody signed", b.client, b.forgery())
	refused("lost its headers", b.client, changed(func(w *sdk.Webhook) { w.Header = http.Header{} }))
	refused("was edited", b.client, changed(func(w *sdk.Webhook) { w.Body = bytes.Replace(w.Body, []byte("1"), []byte("2"), 1) }))
	refused("was cut", b.client, changed(func(w *sdk.Webhook) { w.Body = w.Body[:len(w.Body)-1] }))
	refused("is old", b.client, changed(func(w *sdk.Webhook) { w.Received = w.Received.Add(10 * time.Minute) }))
	refused("is from the future", b.client, changed(func(w *sdk.Webhook) { w.Received = w.Received.Add(-10 * time.Minute) }))
	for name := range genuine.Header {
		if strings.Contains(strings.ToLower(name), "signature") || strings.Contains(strings.ToLower(name), "-sig") {
			refused("has another signature", b.client, changed(func(w *sdk.Webhook) {
				was := w.Header.Get(name)
				w.Header.Set(name, was[:len(was)-4]+flip(was[len(was)-4:]))
			}))
		}
	}
	for _, s := range b.plugin.Described().Settings.Specs() {
		if s.Kind == form.KindSecret && !s.Need && b.settings.Get(s.Name) != "" {
			other := b.settings.Clone()
			other[s.Name] = []string{b.settings.Get(s.Name) + "x"}
			refused("was signed for somebody else", b.with("main", other), genuine)
		}
	}
	if b.suite.Foreign != nil {
		refused("is of the other mode", b.with("foreign", b.suite.Foreign(b.settings.Clone())), genuine)
	}
}

// flip is another text of the same letters.
func flip(s string) string {
	return strings.Map(func(r rune) rune {
		if r == 'a' || r == 'A' {
			return r + 1
		}
		if r == '0' {
			return '1'
		}
		if r >= '1' && r <= '9' {
			return '0'
		}
		return r - 1
	}, s)
}

func verifiesLater(b *bench) {
	b.listen()
	v := b.visit(jane(), euro, false)
	b.pay(v)
	w, ok := b.arrived()
	if !ok {
		b.fail("No webhook came")
	}
	if err := b.sim.Faults(sim.Fault{Do: "status:503"}); err != nil {
		b.Fatal(err)
	}
	before := len(b.sim.Requests())
	events, err := b.client.Receive(b.Context(), w)
	if len(b.sim.Requests()) == before {
		b.must("Receive of a signed and current body", err) // it needs nobody
		return
	}
	b.kind("Receive while the vendor is away", err, fault.Unavailable)
	equal(b, "Events while the vendor is away", len(events), 0)
	if err := b.sim.Faults(); err != nil {
		b.Fatal(err)
	}
	_, err = b.client.Receive(b.Context(), w)
	b.must("Receive when it is back", err)
}

// standing is what a host believes after some webhooks.
type standing map[string]string

// believe applies events as a host does: by what they are about, and what is over stays over unless it was seen anew.
func (s standing) believe(events []gateway.Event) {
	for _, e := range events {
		switch {
		case e.Attempt != nil:
			s["attempt "+e.Attempt.Echo] = fmt.Sprint(e.Attempt.Status, e.Attempt.Paid, e.Attempt.Reference)
		case e.Refund != nil:
			s["refund "+e.Refund.Reference] = fmt.Sprint(e.Refund.Status, e.Refund.Amount, e.Refund.Payment, e.Refund.Echo)
		case e.Dispute != nil:
			s["dispute "+e.Dispute.ID] = fmt.Sprint(e.Dispute.Status, e.Dispute.Payment, e.Dispute.Amount, e.Dispute.Taken)
		case e.Method != nil:
			s["method "+e.Method.ID] = fmt.Sprint(e.Gone)
		}
	}
}

func standsAStorm(b *bench) {
	b.listen()
	who := jane()
	m, _ := b.saved(who)
	for n := range 26 {
		c := b.charge(who, euro, m)
		if code := b.suite.Declines[gateway.Soft]; n%7 == 3 && code != "" {
			b.play("decline", c.ID, "code", code)
			b.take(c)
			continue
		}
		out := b.take(c)
		b.refund(b.refundOf(c.Attempt, out, money.Of(500, "EUR")))
		r := b.refundOf(c.Attempt, out, money.Of(1499, "EUR"))
		b.refund(r)
		if n%5 == 0 {
			b.play("refund_fails", r.ID)
		}
		if n%5 == 0 {
			b.play("dispute", c.ID)
			b.play("turn", c.ID, "status", []string{"won", "lost"}[n%2])
		}
	}
	var all []sdk.Webhook
	for quiet := false; !quiet; {
		t := time.NewTimer(500 * time.Millisecond)
		select {
		case w := <-b.post:
			all = append(all, w)
		case <-t.C:
			quiet = true
		}
		t.Stop()
	}
	if len(all) < 50 {
		b.fail("%d webhooks came of 26 charges and their refunds", len(all))
	}
	inOrder, storm, ids := standing{}, standing{}, map[string]bool{}
	for _, w := range all {
		events, err := b.client.Receive(b.Context(), w)
		b.must("Receive", err)
		for _, e := range events {
			b.shaped(e)
			if ids[e.ID] {
				b.fail("Two events have the ID %s: one would be taken for seen before", e.ID)
			}
			ids[e.ID] = true
		}
		inOrder.believe(events)
	}
	twice := append(slices.Clone(all), all...)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(twice), func(i, j int) { twice[i], twice[j] = twice[j], twice[i] })
	for _, w := range twice {
		events, err := b.client.Receive(b.Context(), w)
		b.must("Receive", err)
		for _, e := range events {
			if !ids[e.ID] {
				b.fail("The same webhook has another event ID when it comes again: %s", e.ID)
			}
		}
		storm.believe(events)
	}
	if !maps.Equal(inOrder, storm) {
		for key, want := range inOrder {
			if storm[key] != want {
				b.fail("Shuffled and doubled, %s\n      want %s   have %s", key, want, storm[key])
			}
		}
		b.fail("Shuffled and doubled, there is more: want %d things, have %d", len(inOrder), len(storm))
	}
}

func replacesItsWebhook(b *bench) {
	b.listen()
	b.listen()
	for range 5 { // what would also go elsewhere has time to
		v := b.visit(jane(), euro, false)
		b.pay(v)
		b.news("the visit is captured", ofAttempt(v.ID, gateway.Captured))
	}
	if n := b.strays.Load(); n > 0 {
		b.fail("%d webhooks went to the address that was replaced", n)
	}
}
