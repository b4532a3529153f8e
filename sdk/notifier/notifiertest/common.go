package notifiertest

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/notifier"
	"github.com/ezscale/bursar/sdk/sim"
)

// common are the cases of all types of plugins.
var common = []testCase{
	{"it describes itself within 5 s", nil, describes},
	{"a needed setting left empty is Invalid and names its field", nil, needsItsSettings},
	{"a wrong token is Forbidden", nil, refusesAWrongToken},
	{"a dead address is Unavailable", nil, noticesADeadAddress},
	{"html half garbage and huge answers are faults and no panics", nil, survivesNonsense},
	{"a redirect is not followed", nil, followsNoRedirect},
	{"no secret is in any log line or fault", nil, keepsSecrets},
	{"a cancelled context returns within a second", nil, endsWhenCancelled},
	{"twenty calls in parallel", nil, answersInParallel},
	{"two instances never mix", nil, keepsInstancesApart},
	{"settings changed between two calls count at once", nil, takesNewSettings},
	{"a Remote field has choices", announces[form.Chooser], offersChoices},
	{"reads send only reads", nil, readsOnlyRead},
	{"cut anywhere there is one message at most", nil, sendsOnce},
	{"too many requests are waited for or Unavailable with After", nil, waitsItsTurn},
}

func describes(b *bench) { // host.Local asked, within host.DescribeWithin
	equal(b, "Type", b.plugin.Described().Type, "notifier")
	_, err := b.client.Check(b.Context())
	b.must("Check with good settings", err)
}

// needed are the settings that must be filled in.
func (b *bench) needed() []form.Spec {
	var out []form.Spec
	for _, s := range b.plugin.Described().Settings.Specs() {
		if _, set := b.settings[s.Name]; set && s.Need && len(s.Default) == 0 {
			out = append(out, s)
		}
	}
	return out
}

func needsItsSettings(b *bench) {
	needed := b.needed()
	if len(needed) == 0 {
		b.fail("The form needs nothing that Suite.Settings fills in: no vendor works without a key")
	}
	for _, s := range needed {
		without := b.settings.Clone()
		delete(without, s.Name)
		_, err := b.with("main", without).Check(b.Context())
		b.kind("Check without "+s.Name, err, fault.Invalid)
		equal(b, "The field of that fault", fault.Of(err).Field, s.Name)
	}
}

func refusesAWrongToken(b *bench) {
	for _, s := range b.needed() {
		if s.Kind != form.KindSecret {
			continue
		}
		wrong := b.settings.Clone()
		wrong[s.Name] = []string{b.settings.Get(s.Name) + "x"}
		client := b.with("main", wrong)
		_, err := client.Check(b.Context())
		b.kind("Check with a wrong "+s.Name, err, fault.Forbidden)
		_, err = b.send(b.Context(), client, b.op())
		b.kind("Sending with a wrong "+s.Name, err, fault.Forbidden)
	}
	equal(b, "Messages that were sent with a wrong token", len(b.sim.State().Messages), 0)
}

func noticesADeadAddress(b *bench) {
	url := b.url[:strings.LastIndex(b.url, ":")] + ":1" // nobody listens there
	client := b.with("main", b.suite.Settings(url))
	_, err := client.Check(b.Context())
	b.kind("Check", err, fault.Unavailable)
	_, err = b.send(b.Context(), client, b.op())
	b.kind("Sending: nothing was sent", err, fault.Unavailable)
	if announces[notifier.Finder](b) {
		_, err = client.FindMessage(b.Context(), b.op())
		b.kind("FindMessage", err, fault.Unavailable)
	}
}

func survivesNonsense(b *bench) {
	for _, do := range []string{"html", "half", "garbage", "huge", "status:500", "status:502", "status:404"} {
		b.faults(sim.Fault{Do: do})
		_, err := b.client.Check(b.Context())
		b.kind("Check, where each answer is "+do, err, fault.Unavailable, fault.Forbidden)
		op := b.op()
		_, err = b.send(b.Context(), b.client, op)
		b.kind("Sending, where each answer is "+do+": it may have been done", err, fault.Unknown)
		if announces[notifier.Finder](b) {
			b.sim.AddClock(time.Hour)
			_, err = b.client.FindMessage(b.Context(), op)
			b.kind("FindMessage, where each answer is "+do+": nobody knows, so never NotFound", err, fault.Unavailable, fault.Unknown)
		}
	}
	if text := b.log.String(); strings.Contains(text, "no fault") || strings.Contains(text, "panic") {
		b.fail("An error that nobody classified, or a panic:\n%s", text)
	}
}

func followsNoRedirect(b *bench) {
	b.faults(sim.Fault{Do: "redirect"})
	_, err := b.client.Check(b.Context())
	b.kind("Check of what redirects", err, fault.Forbidden, fault.Unavailable)
	_, err = b.send(b.Context(), b.client, b.op())
	b.kind("Sending to what redirects", err, fault.Forbidden, fault.Unknown, fault.Unavailable)
	for _, r := range b.sim.Requests() {
		if strings.HasPrefix(r.Path, "/_elsewhere") {
			b.fail("It followed a redirect to %s", r.Path)
		}
	}
}

func keepsSecrets(b *bench) {
	if hears(b) {
		b.listen()
	}
	_, err := b.send(b.Context(), b.client, b.op())
	b.must("Sending", err)
	for _, do := range []string{"cut-after", "html", "status:500", "status:401", "status:403", "status:404", "status:429"} {
		b.faults(sim.Fault{Do: do})
		_, err := b.client.Check(b.Context())
		b.heard(err)
		_, err = b.send(b.Context(), b.client, b.op())
		b.heard(err)
		if announces[notifier.Finder](b) {
			_, err = b.client.FindMessage(b.Context(), b.op())
			b.heard(err)
		}
	}
	b.faults()
	for _, s := range b.needed() {
		if s.Kind == form.KindSecret {
			wrong := b.settings.Clone()
			wrong[s.Name] = []string{b.settings.Get(s.Name) + "-wrong-secret"}
			_, err := b.with("main", wrong).Check(b.Context())
			b.heard(err)
		}
	}
	if announces[notifier.Receiver](b) {
		_, err := b.client.Receive(b.Context(), b.forgery())
		b.heard(err)
	}
	said := b.log.String() + strings.Join(b.told, "\n")
	for _, secret := range b.plugin.Described().Secrets(b.settings) {
		if at := strings.Index(said, secret); secret != "" && at >= 0 {
			b.fail("A secret is shown: …%s…", strings.ReplaceAll(said[max(0, at-120):min(len(said), at+len(secret)+20)], secret, "<HERE>"))
		}
	}
}

// forgery is a webhook that nobody signed.
func (b *bench) forgery() sdk.Webhook {
	return sdk.Webhook{Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(`{"event":"delivered","id":"1"}`), Received: b.sim.Now()}
}

func endsWhenCancelled(b *bench) {
	b.faults(sim.Fault{Do: "hang"})
	calls := map[string]func(context.Context) error{
		"Check":   func(ctx context.Context) error { _, err := b.client.Check(ctx); return err },
		"Sending": func(ctx context.Context) error { _, err := b.send(ctx, b.client, b.op()); return err },
	}
	if announces[notifier.Finder](b) {
		calls["FindMessage"] = func(ctx context.Context) error { _, err := b.client.FindMessage(ctx, b.op()); return err }
	}
	for name, call := range calls {
		ctx, stop := context.WithCancel(b.Context())
		began := time.AfterFunc(100*time.Millisecond, stop)
		done := make(chan error, 1)
		go func() { done <- call(ctx) }()
		t := time.NewTimer(100*time.Millisecond + time.Second)
		select {
		case err := <-done:
			b.kind(name+" that was cancelled", err, fault.Unknown, fault.Unavailable)
		case <-t.C:
			b.fail("%s goes on a second after its context was cancelled", name)
		}
		t.Stop()
		began.Stop()
		stop()
	}
}

func answersInParallel(b *bench) {
	var all sync.WaitGroup
	failed := make(chan error, 20)
	for range 20 {
		op := b.op()
		all.Go(func() {
			if got, err := b.send(b.Context(), b.client, op); err != nil || got.ID == "" {
				failed <- fmt.Errorf("%s: %+v, %w", op.ID, got, err)
			}
		})
	}
	all.Wait()
	select {
	case err := <-failed:
		b.fail("Of twenty in parallel: %v", err)
	default:
	}
	equal(b, "Messages at the vendor", len(b.sim.State().Messages), 20)
}

func keepsInstancesApart(b *bench) {
	other, url := serve(b, b.suite)
	one, two := b.client, b.with("other", b.suite.Settings(url))
	for n := range 2 {
		_, err := b.send(b.Context(), one, b.op())
		b.must("Sending by the first", err)
		_, err = b.send(b.Context(), two, b.op())
		b.must("Sending by the second", err)
		equal(b, "Messages at the first", len(b.sim.State().Messages), n+1)
		equal(b, "Messages at the second", len(other.State().Messages), n+1)
	}
	if announces[notifier.Finder](b) {
		_, err := one.FindMessage(b.Context(), sdk.Op{ID: "op_2", Attempt: 1, First: start})
		b.kind("FindMessage at the first for what the second sent", err, fault.NotFound, fault.Unknown)
	}
}

func takesNewSettings(b *bench) {
	other, url := serve(b, b.suite)
	_, err := b.client.Check(b.Context())
	b.must("Check", err)
	equal(b, "Requests that came to an address nobody told it", len(other.Requests()), 0)
	b.settings = b.suite.Settings(url)
	before := len(b.sim.Requests())
	_, err = b.client.Check(b.Context())
	b.must("Check with other settings", err)
	if len(other.Requests()) == 0 || len(b.sim.Requests()) != before {
		b.fail("The settings changed, but it still calls the old address")
	}
}

func offersChoices(b *bench) {
	for _, s := range b.plugin.Described().Settings.Specs() {
		if !s.Remote {
			continue
		}
		list, err := b.client.Choices(b.Context(), form.Question{Scope: "instance", Field: s.Name, Filled: b.settings})
		b.must("Choices of "+s.Name, err)
		if len(list) == 0 {
			b.fail("%s has no choices", s.Name)
		}
	}
}

func readsOnlyRead(b *bench) {
	op := b.op()
	_, err := b.send(b.Context(), b.client, op)
	b.must("Sending", err)
	before := len(b.sim.Changes())
	only := func(what string) {
		b.Helper()
		if all := b.sim.Changes(); len(all) != before {
			b.fail("%s sent %s %s", what, all[before].Method, all[before].Path)
		}
	}
	_, err = b.client.Check(b.Context())
	b.must("Check", err)
	only("Check")
	if announces[notifier.Finder](b) {
		_, err = b.client.FindMessage(b.Context(), op)
		b.must("FindMessage", err)
		only("FindMessage")
		_, err = b.client.FindMessage(b.Context(), b.op())
		b.kind("FindMessage of what never was", err, fault.NotFound, fault.Unknown)
		only("FindMessage of what never was")
	}
}

// sendsOnce sends again and again, each time in a new world with one thing that goes wrong: an answer of the vendor is
// lost, before or after it was done, or it is done late; the same with the plugin killed before each call; and the host
// forgets an answer.
func sendsOnce(b *bench) {
	story := func(w *bench) (done bool) {
		w.Helper()
		op := w.op()
		got, ok := w.deliver(op, func(ctx context.Context, op sdk.Op) (notifier.Receipt, error) { return w.send(ctx, w.client, op) })
		if !ok {
			if n := len(w.sim.State().Messages); n > 1 {
				w.fail("%d messages were sent under one operation%s", n, w.disturbed())
			}
			return false
		}
		m := w.one()
		if got.ID == "" || got.ID != m.ID {
			w.fail("The receipt names the vendor's message\n      want %q   have %q%s", m.ID, got.ID, w.disturbed())
		}
		return true
	}
	for _, do := range []string{"cut-before", "cut-after", "late:20ms", "half", "status:503:2"} {
		for _, kill := range []bool{false, true} {
			for n := 1; ; n++ {
				w := newBench(b.TB, b.suite)
				w.lost = &loss{kill: kill}
				w.faults(sim.Fault{Nth: n, Times: 1, Do: do})
				story(w)
				if len(w.sim.FaultsLeft()) > 0 {
					break
				}
			}
		}
	}
	for n := 1; ; n++ {
		w := newBench(b.TB, b.suite)
		w.lost = &loss{kill: n%2 == 0, forget: n}
		story(w)
		if w.lost.calls < n {
			return
		}
	}
}

func waitsItsTurn(b *bench) {
	b.faults(sim.Fault{Method: "change", Times: 1, Do: "status:429:60"})
	op := b.op()
	_, err := b.send(b.Context(), b.client, op)
	b.kind("Sending while there are too many requests for another minute", err, fault.Unavailable)
	if after := fault.Of(err).After; after < time.Minute || after > 10*time.Minute {
		b.fail("After is when the vendor asked us to come again\n      want 1m0s   have %v", after)
	}
	equal(b, "Messages meanwhile", len(b.sim.State().Messages), 0)
	b.sim.AddClock(fault.Of(err).After)
	_, err = b.send(b.Context(), b.client, op)
	b.must("Sending after that time", err)
	b.one()
	_, err = b.client.Check(b.Context())
	b.must("Check", err)
	b.faults(sim.Fault{Times: 1, Do: "status:429:60"})
	_, err = b.client.Check(b.Context())
	b.kind("Check while there are too many requests", err, fault.Unavailable)
}
