package gatewaytest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/gateway"
	"github.com/ezscale/bursar/sdk/money"
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
	{"no secret is in any log line fault or note", nil, keepsSecrets},
	{"a cancelled context returns within a second", nil, endsWhenCancelled},
	{"twenty calls in parallel", nil, answersInParallel},
	{"two instances never mix", nil, keepsInstancesApart},
	{"settings changed between two calls count at once", nil, takesNewSettings},
	{"a Remote field has choices", announces[form.Chooser], offersChoices},
	{"reads send only reads", nil, readsOnlyRead},
}

func describes(b *bench) { // host.Local asked, within host.DescribeWithin
	d := b.plugin.Described()
	equal(b, "Type", d.Type, "gateway")
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
		b.fail("The form needs nothing that Suite.Settings fills in: no gateway works without a key")
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
		_, err = client.Begin(b.Context(), b.visit(jane(), euro, false))
		b.kind("Begin with a wrong "+s.Name, err, fault.Forbidden)
	}
}

func noticesADeadAddress(b *bench) {
	dead, url := serve(b, b.suite)
	_ = dead
	url = url[:strings.LastIndex(url, ":")] + ":1" // nobody listens there
	client := b.with("main", b.suite.Settings(url))
	_, err := client.Check(b.Context())
	b.kind("Check", err, fault.Unavailable)
	_, err = client.Begin(b.Context(), b.visit(jane(), euro, false))
	b.kind("Begin: nothing was sent", err, fault.Unavailable)
	_, err = client.Look(b.Context(), b.visit(jane(), euro, false).Attempt)
	b.kind("Look", err, fault.Unavailable)
}

func survivesNonsense(b *bench) {
	who := jane()
	v := b.visit(who, euro, false)
	b.begin(v)
	for _, do := range []string{"html", "half", "garbage", "huge", "status:500", "status:502", "status:404"} {
		if err := b.sim.Faults(sim.Fault{Do: do}); err != nil {
			b.Fatal(err)
		}
		_, err := b.client.Check(b.Context())
		b.kind("Check, where each answer is "+do, err, fault.Unavailable, fault.Forbidden)
		_, err = b.client.Look(b.Context(), v.Attempt)
		b.kind("Look, where each answer is "+do+": nobody knows, so never NotFound", err, fault.Unavailable, fault.Unknown)
		_, err = b.client.Begin(b.Context(), b.visit(jane(), euro, false))
		b.kind("Begin, where each answer is "+do+": it may have been done", err, fault.Unknown)
	}
	if text := b.log.String(); strings.Contains(text, "no fault") || strings.Contains(text, "panic") {
		b.fail("An error that nobody classified, or a panic:\n%s", text)
	}
}

func followsNoRedirect(b *bench) {
	if err := b.sim.Faults(sim.Fault{Do: "redirect"}); err != nil {
		b.Fatal(err)
	}
	_, err := b.client.Check(b.Context())
	b.kind("Check of what redirects", err, fault.Forbidden, fault.Unavailable)
	_, err = b.client.Begin(b.Context(), b.visit(jane(), euro, false))
	b.kind("Begin at what redirects", err, fault.Forbidden, fault.Unknown, fault.Unavailable)
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
	who := jane()
	v := b.visit(who, euro, true)
	paid := b.pay(v)
	b.refund(b.refundOf(v.Attempt, paid, euro))
	for _, do := range []string{"cut-after", "html", "status:500", "status:401", "status:403"} {
		if err := b.sim.Faults(sim.Fault{Do: do}); err != nil {
			b.Fatal(err)
		}
		_, err := b.client.Check(b.Context())
		b.heard(err)
		_, err = b.client.Look(b.Context(), v.Attempt)
		b.heard(err)
	}
	_ = b.sim.Faults()
	for _, s := range b.needed() {
		if s.Kind != form.KindSecret {
			continue
		}
		wrong := b.settings.Clone()
		wrong[s.Name] = []string{b.settings.Get(s.Name) + "-wrong-secret"}
		_, err := b.with("main", wrong).Check(b.Context())
		b.heard(err)
	}
	if _, err := b.client.Receive(b.Context(), b.forgery()); err != nil {
		b.heard(err)
	}
	said := b.log.String() + strings.Join(b.told, "\n")
	for _, s := range b.plugin.Described().Settings.Specs() {
		if s.Kind != form.KindSecret {
			continue
		}
		for _, secret := range b.settings[s.Name] {
			if at := strings.Index(said, secret); secret != "" && at >= 0 {
				b.fail("The secret %s is shown: …%s…", s.Name, strings.ReplaceAll(said[max(0, at-120):min(len(said), at+len(secret)+20)], secret, "<HERE>"))
			}
		}
	}
}

func endsWhenCancelled(b *bench) {
	if err := b.sim.Faults(sim.Fault{Do: "hang"}); err != nil {
		b.Fatal(err)
	}
	v := b.visit(jane(), euro, false)
	for name, call := range map[string]func(context.Context) error{
		"Check": func(ctx context.Context) error { _, err := b.client.Check(ctx); return err },
		"Look":  func(ctx context.Context) error { _, err := b.client.Look(ctx, v.Attempt); return err },
		"Begin": func(ctx context.Context) error { _, err := b.client.Begin(ctx, v); return err },
	} {
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
	for n := range 20 {
		who := jane()
		who.ID, who.Number, who.Email = fmt.Sprintf("cus_%d", n), int64(100+n), fmt.Sprintf("p%d@example.com", n)
		v := b.visit(who, money.Of(int64(1000+n), "EUR"), false)
		all.Go(func() {
			out, err := b.client.Begin(b.Context(), v)
			if err == nil && out.Status != gateway.Waiting {
				err = fmt.Errorf("begun: %+v", out)
			}
			if err == nil {
				err = b.act("pay", v.ID)
			}
			if err == nil {
				out, err = b.client.Look(b.Context(), v.Attempt)
			}
			if err == nil && out.Status == gateway.Approved {
				out, err = b.client.Finish(b.Context(), v.Attempt)
			}
			if err == nil && (out.Status != gateway.Captured || out.Paid != v.Amount || out.Echo != v.ID) {
				err = fmt.Errorf("%s paid %s: %+v", v.ID, v.Amount, out)
			}
			if err != nil {
				failed <- err
			}
		})
	}
	all.Wait()
	select {
	case err := <-failed:
		b.fail("Of twenty in parallel: %v", err)
	default:
	}
}

func keepsInstancesApart(b *bench) {
	other, url := serve(b, b.suite)
	one, two := b.client, b.with("other", b.suite.Settings(url))
	v, w := b.visit(jane(), euro, false), b.visit(jane(), money.Of(500, "EUR"), false)
	for range 2 {
		_, err := one.Begin(b.Context(), v)
		b.must("Begin at the first", err)
		_, err = two.Begin(b.Context(), w)
		b.must("Begin at the second", err)
	}
	if err := b.act("pay", w.ID); err == nil {
		b.fail("The second instance's page is open at the first instance's vendor")
	}
	if err := other.Act(sim.Act{Do: "pay", Op: w.ID}); err != nil {
		b.fail("The second instance's page is not at its vendor: %v", err)
	}
	out, err := one.Look(b.Context(), v.Attempt)
	b.must("Look at the first", err)
	equal(b, "The first", out.Status, gateway.Waiting)
	fresh := w.Attempt
	fresh.Notes, fresh.Customer.Notes = nil, nil
	_, err = one.Look(b.Context(), fresh)
	b.kind("Look at the first for what the second did", err, fault.NotFound, fault.Unknown)
}

func takesNewSettings(b *bench) {
	other, url := serve(b, b.suite)
	_, err := b.client.Check(b.Context())
	b.must("Check", err)
	if n := len(other.Requests()); n != 0 {
		b.fail("%d requests came to an address nobody told it", n)
	}
	b.settings = b.suite.Settings(url)
	before := len(b.sim.Requests())
	_, err = b.client.Check(b.Context())
	b.must("Check with other settings", err)
	if len(other.Requests()) == 0 || len(b.sim.Requests()) != before {
		b.fail("The settings changed, but it still calls the old address")
	}
}

func offersChoices(b *bench) {
	for scope, f := range map[string]form.Form{"instance": b.plugin.Described().Settings} {
		for _, s := range f.Specs() {
			if !s.Remote {
				continue
			}
			list, err := b.client.Choices(b.Context(), form.Question{Scope: scope, Field: s.Name, Filled: b.settings})
			b.must("Choices of "+s.Name, err)
			if len(list) == 0 {
				b.fail("%s has no choices", s.Name)
			}
		}
	}
}

func readsOnlyRead(b *bench) {
	who := jane()
	v := b.visit(who, euro, true)
	b.pay(v)
	var m gateway.Method
	if announces[gateway.Charger](b) {
		m, _ = b.saved(who)
	}
	before := len(b.sim.Changes())
	only := func(what string) {
		b.Helper()
		if all := b.sim.Changes(); len(all) != before {
			b.fail("%s sent %s %s", what, all[before].Method, all[before].Path)
		}
	}
	_, err := b.client.Check(b.Context())
	b.must("Check", err)
	only("Check")
	_, err = b.client.Look(b.Context(), v.Attempt)
	b.must("Look", err)
	only("Look")
	unknown := b.visit(who, euro, false)
	_, err = b.client.Look(b.Context(), unknown.Attempt)
	b.kind("Look for what never was", err, fault.NotFound, fault.Unknown)
	only("Look for what never was")
	if announces[gateway.Charger](b) {
		_, err = b.client.Method(b.Context(), m)
		b.must("Method", err)
		only("Method")
	}
	if announces[gateway.DisputeLister](b) {
		_, err = b.client.Disputes(b.Context(), start.Add(-time.Hour))
		b.must("Disputes", err)
		only("Disputes")
	}
}
