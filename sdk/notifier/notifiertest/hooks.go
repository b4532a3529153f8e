package notifiertest

import (
	"bytes"
	"slices"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/notifier"
	"github.com/ezscale/bursar/sdk/sim"
)

// mailsAndHears is for testCase.needs: the hooks' cases are about mails.
var mailsAndHears = both(announces[notifier.Mailer], hears)

// hooks are the cases of a notifier.Receiver.
var hooks = []testCase{
	{"a delivery a delay a bounce and a complaint are told with their Op", mailsAndHears, hearsNews},
	{"a mail to an address that bounced is told as lasting", mailsAndHears, hearsOfSuppression},
	{"a forged stale future and edited webhook is Forbidden", mailsAndHears, refusesForgeries},
	{"a webhook received twice has the same news", mailsAndHears, hearsTwiceTheSame},
	{"a webhook that cannot be verified now is Unavailable", mailsAndHears, verifiesLater},
}

// sent is a mail that the vendor took.
func (b *bench) sent() sdk.Op {
	b.Helper()
	op := b.op()
	_, err := b.client.Mail(b.Context(), op, b.mail())
	b.must("Mail", err)
	return op
}

func hearsNews(b *bench) {
	b.listen()
	for _, tt := range []struct {
		act, status string
		lasting     bool
	}{{"delay", "delayed", false}, {"deliver", "delivered", false}, {"complain", "complained", true}} {
		op := b.sent()
		b.play(tt.act, op.ID)
		d, _ := b.news(op.ID, tt.status)
		equal(b, "Address", d.Address, b.mail().To.Address)
		equal(b, "Lasting, of "+tt.status, d.Lasting, tt.lasting)
		if d.Receipt == "" {
			b.fail("News name the vendor's message: %+v", d)
		}
	}
	b.sim.Reset() // a complaint is lasting
	b.listen()
	op := b.sent()
	b.play("bounce", op.ID)
	d, _ := b.news(op.ID, "bounced")
	equal(b, "Lasting, of an address that does not exist", d.Lasting, true)
	if d.Text == "" {
		b.fail("A bounce says why: %+v", d)
	}
}

func hearsOfSuppression(b *bench) {
	b.listen()
	op := b.sent()
	b.play("bounce", op.ID)
	b.news(op.ID, "bounced")
	next := b.op()
	_, err := b.client.Mail(b.Context(), next, b.mail())
	if fault.KindOf(err) == fault.Declined {
		return // this vendor refuses at once
	}
	b.must("Mail to an address that bounced", err)
	b.sim.AddClock(time.Minute)
	d, _ := b.news(next.ID, "bounced")
	equal(b, "Lasting", d.Lasting, true)
}

func refusesForgeries(b *bench) {
	b.listen()
	op := b.sent()
	b.play("deliver", op.ID)
	_, genuine := b.news(op.ID, "delivered")
	refused := func(what string, c notifier.Client, w sdk.Webhook) {
		b.Helper()
		list, err := c.Receive(b.Context(), w)
		b.kind("Receive of a webhook that "+what, err, fault.Forbidden)
		equal(b, "News of it", len(list), 0)
	}
	changed := func(change func(*sdk.Webhook)) sdk.Webhook {
		w := genuine
		w.Header, w.Body = genuine.Header.Clone(), slices.Clone(genuine.Body)
		change(&w)
		return w
	}
	refused("nobody signed", b.client, b.forgery())
	refused("was edited", b.client, changed(func(w *sdk.Webhook) { w.Body = bytes.Replace(w.Body, []byte(op.ID), []byte("op_9"), 1) }))
	refused("was cut", b.client, changed(func(w *sdk.Webhook) { w.Body = w.Body[:len(w.Body)-1] }))
	refused("is old", b.client, changed(func(w *sdk.Webhook) { w.Received = w.Received.Add(time.Hour) }))
	refused("is from the future", b.client, changed(func(w *sdk.Webhook) { w.Received = w.Received.Add(-10 * time.Minute) }))
	for _, s := range b.plugin.Described().Settings.Specs() {
		if s.Kind == form.KindSecret && !s.Need && b.settings.Get(s.Name) != "" {
			other := b.settings.Clone()
			other[s.Name] = []string{b.settings.Get(s.Name) + "x"}
			refused("was signed for somebody else", b.with("main", other), genuine)
			delete(other, s.Name)
			refused("came though no secret is set", b.with("main", other), genuine)
		}
	}
}

func hearsTwiceTheSame(b *bench) {
	b.listen()
	op := b.sent()
	b.play("bounce", op.ID)
	first, w := b.news(op.ID, "bounced")
	b.plugin.Kill()
	again, err := b.client.Receive(b.Context(), w)
	b.must("Receive once more", err)
	if len(again) != 1 || again[0] != first {
		b.fail("The same webhook, received again\n      want %+v   have %+v", first, again)
	}
}

func verifiesLater(b *bench) {
	b.listen()
	op := b.sent()
	b.play("bounce", op.ID)
	_, w := b.news(op.ID, "bounced")
	b.plugin.Kill()
	b.faults(sim.Fault{Do: "status:503"})
	before := len(b.sim.Requests())
	list, err := b.client.Receive(b.Context(), w)
	if len(b.sim.Requests()) == before {
		b.must("Receive of a signed and current body", err) // it needs nobody
		return
	}
	b.kind("Receive while the vendor is away", err, fault.Unavailable)
	equal(b, "News while the vendor is away", len(list), 0)
	b.faults()
	_, err = b.client.Receive(b.Context(), w)
	b.must("Receive when it is back", err)
}
