package paneltest

import (
	"context"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/panel"
	"github.com/ezscale/bursar/sdk/sim"
)

// common are the promises of all types of plugins.
var common = []testCase{
	{name: "it describes itself", run: describes},
	{name: "good settings pass the check", run: goodSettings},
	{name: "a needed setting left empty is Invalid and names its field", run: emptySetting},
	{name: "a wrong token is Forbidden", run: wrongToken},
	{name: "a dead address is Unavailable", run: deadAddress},
	{name: "odd answers are faults", run: oddAnswers},
	{name: "a redirect is not followed", run: redirect},
	{name: "a cancelled call returns within a second", run: cancelled},
	{name: "twenty calls in parallel", run: parallel},
	{name: "two instances never mix", run: twoInstances},
	{name: "changed settings count at once", run: changedSettings},
	{name: "a Remote field has choices", power: "Chooser", run: choices},
	{name: "reads send only reads", run: onlyReads},
}

func describes(t *testing.T, s Suite) {
	d := newRig(t, s).plugin.Described() // answered within five seconds, or there is no rig
	if d.Type != "panel" || d.Title == "" {
		t.Errorf("have type %q, title %q", d.Type, d.Title)
	}
	for scope, f := range map[string]form.Form{"product": d.Product, "checkout": d.Checkout} {
		values := map[string]form.Values{"product": s.Product, "checkout": s.Checkout}[scope]
		for _, spec := range f.Specs() {
			if spec.Kind == form.KindSecret {
				t.Errorf("the %s form asks for a secret, %q: those belong to the instance", scope, spec.Name)
			}
			if spec.Remote && !slices.Contains(d.Powers, "Chooser") {
				t.Errorf("the %s field %q is Remote, and the plugin is no form.Chooser", scope, spec.Name)
			}
		}
		if _, problems := f.Check(values); len(problems) > 0 {
			t.Errorf("the suite's %s values: %v", scope, problems[0])
		}
		if unknown := f.Unknown(values); len(unknown) > 0 {
			t.Errorf("the suite's %s values: the form does not know %v", scope, unknown)
		}
	}
}

func goodSettings(t *testing.T, s Suite) {
	report, err := newRig(t, s).client.Check(t.Context())
	if err != nil || len(report.Warnings) > 0 {
		t.Errorf("have %v, %v", report, err)
	}
}

// kind fails unless an error has one of the kinds.
func kind(t *testing.T, what string, err error, want ...fault.Kind) {
	t.Helper()
	if have := fault.KindOf(err); !slices.Contains(want, have) {
		t.Errorf("%s: have %q (%v), want %q", what, have, err, want)
	}
}

func emptySetting(t *testing.T, s Suite) {
	r := newRig(t, s)
	for _, spec := range r.plugin.Described().Settings.Specs() {
		if !spec.Need || len(spec.Default) > 0 || spec.When != "" {
			continue
		}
		settings := s.Settings(r.address).Clone()
		delete(settings, spec.Name)
		_, err := r.with("london", settings).Check(t.Context())
		kind(t, "without "+spec.Name, err, fault.Invalid)
		if f := fault.Of(err); f != nil && f.Field != spec.Name {
			t.Errorf("without %s: the fault is on %q", spec.Name, f.Field)
		}
	}
}

// wrong is the settings with every secret wrong.
func (r *rig) wrong() form.Values {
	settings := r.suite.Settings(r.address).Clone()
	for _, spec := range r.plugin.Described().Settings.Specs() {
		if spec.Kind == form.KindSecret && len(settings[spec.Name]) > 0 {
			settings[spec.Name] = []string{"wrong-" + spec.Name + "-0123456789"}
		}
	}
	return settings
}

func wrongToken(t *testing.T, s Suite) {
	r := newRig(t, s)
	b := r.account("sub_1", customer(1042))
	c := r.with("london", r.wrong())
	_, err := c.Check(t.Context())
	kind(t, "Check", err, fault.Forbidden)
	_, err = c.State(t.Context(), b.copied().Ref)
	kind(t, "State", err, fault.Forbidden)
	_, err = c.Suspend(t.Context(), r.op(), b.copied().Ref, "unpaid")
	kind(t, "Suspend", err, fault.Forbidden)
}

func deadAddress(t *testing.T, s Suite) {
	r := newRig(t, s)
	b := r.account("sub_1", customer(1042))
	gone := httptest.NewServer(nil)
	gone.Close()
	c := r.with("london", s.Settings(gone.URL))
	_, err := c.Check(t.Context())
	kind(t, "Check", err, fault.Unavailable)
	_, err = c.State(t.Context(), b.copied().Ref)
	kind(t, "State", err, fault.Unavailable)
	_, err = c.Suspend(t.Context(), r.op(), b.copied().Ref, "unpaid")
	kind(t, "Suspend", err, fault.Unavailable)
	_, err = c.Create(t.Context(), r.order("sub_2", customer(1043)).copied())
	kind(t, "Create", err, fault.Unavailable)
}

func oddAnswers(t *testing.T, s Suite) {
	for _, do := range []string{"html", "half", "huge", "garbage", "status:500", "status:502"} {
		t.Run(do, func(t *testing.T) {
			r := newRig(t, s)
			b := r.account("sub_1", customer(1042))
			r.fault(sim.Fault{Do: do})
			_, err := r.client.Check(t.Context())
			kind(t, "Check", err, fault.Unavailable)
			_, err = r.client.State(t.Context(), b.copied().Ref)
			kind(t, "State", err, fault.Unavailable)
			_, err = r.client.Create(t.Context(), r.order("sub_2", customer(1043)).copied())
			kind(t, "Create", err, fault.Unknown, fault.Unavailable)
			_, err = r.client.Find(t.Context(), r.order("sub_3", customer(1044)).copied())
			kind(t, "Find", err, fault.Unavailable)
			p, err := r.client.Terminate(t.Context(), r.op(), b.copied().Ref)
			if err == nil && p.Done {
				t.Error("Terminate is Done, on no good answer")
			} else if err != nil {
				kind(t, "Terminate", err, fault.Unknown, fault.Unavailable)
			}
			if strings.Contains(r.log.String(), "panic") {
				t.Errorf("it panicked: %s", lineWith(r.log.String(), "panic"))
			}
		})
	}
}

func redirect(t *testing.T, s Suite) {
	r := newRig(t, s)
	r.fault(sim.Fault{Do: "redirect"})
	if _, err := r.client.Check(t.Context()); err == nil {
		t.Error("Check is content")
	}
	for _, q := range r.vendor.Requests() {
		if strings.HasPrefix(q.Path, "/_elsewhere") {
			t.Errorf("it followed to %s %s: an address of a vendor is granted, others are not", q.Method, q.Path)
		}
	}
}

func cancelled(t *testing.T, s Suite) {
	r := newRig(t, s)
	b := r.account("sub_1", customer(1042))
	for name, call := range map[string]func(context.Context) error{
		"Check": func(ctx context.Context) error { _, err := r.client.Check(ctx); return err },
		"State": func(ctx context.Context) error { _, err := r.client.State(ctx, b.copied().Ref); return err },
		"Terminate": func(ctx context.Context) error {
			_, err := r.client.Terminate(ctx, sdk.Op{ID: "op_c", Attempt: 1, First: r.vendor.Now()}, b.copied().Ref)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			r.fault(sim.Fault{Do: "hang"})
			defer r.fault()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan error, 1)
			go func() { ended <- call(ctx) }()
			r.flight.until(t, "asks the vendor", func(n int) bool { return n > 0 })
			cancel()
			r.flight.until(t, "lets the vendor go", func(n int) bool { return n == 0 })
			kind(t, name, <-ended, fault.Unavailable, fault.Unknown)
		})
	}
}

func parallel(t *testing.T, s Suite) {
	r := newRig(t, s)
	one, two := r.account("sub_1", customer(1042)), r.account("sub_2", customer(1043))
	var all sync.WaitGroup
	for n := range 20 {
		b := []*book{one, two}[n%2]
		all.Go(func() {
			a, err := r.client.State(t.Context(), b.copied().Ref)
			if err != nil || a.ID != b.RemoteID {
				t.Errorf("call %d about %s: have %q, %v", n, b.RemoteID, a.ID, err)
			}
		})
	}
	all.Wait()
}

func twoInstances(t *testing.T, s Suite) {
	r := newRig(t, s)
	other := s.Sim()
	defer other.Close()
	server := httptest.NewServer(other)
	defer server.Close()
	there := r.with("paris", s.Settings(server.URL))
	if _, err := there.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.account("sub_1", customer(1042))
	if n := len(other.State().Accounts); n > 0 {
		t.Errorf("an account of the one instance was made at the other's vendor")
	}
	if n := len(other.Changes()); n > 0 {
		t.Errorf("the other's vendor got %d changes", n)
	}
	_, err := there.Find(t.Context(), r.order("sub_1", customer(1042)).copied())
	kind(t, "Find at the other", err, fault.NotFound)
}

func changedSettings(t *testing.T, s Suite) {
	r := newRig(t, s)
	for range 2 {
		if _, err := r.client.Check(t.Context()); err != nil {
			t.Errorf("with good settings: %v", err)
		}
		_, err := r.with("london", r.wrong()).Check(t.Context())
		kind(t, "with wrong ones, under the same label", err, fault.Forbidden)
	}
}

func choices(t *testing.T, s Suite) {
	r := newRig(t, s)
	ask := func(scope string, f form.Form, values form.Values) {
		for _, spec := range f.Specs() {
			if !spec.Remote {
				continue
			}
			list, err := r.client.Choices(t.Context(), form.Question{Scope: scope, Field: spec.Name, Product: s.Product, Filled: values})
			if err != nil || len(list) == 0 {
				t.Errorf("%s %s: have %v, %v", scope, spec.Name, list, err)
				continue
			}
			for _, v := range values[spec.Name] {
				if !slices.ContainsFunc(list, func(c form.Choice) bool { return c.Value == v && !c.Off }) {
					t.Errorf("%s %s: %q, which the suite orders, is not among %v", scope, spec.Name, v, list)
				}
			}
		}
	}
	d := r.plugin.Described()
	ask("instance", d.Settings, s.Settings(r.address))
	ask("product", d.Product, s.Product)
	ask("checkout", d.Checkout, s.Checkout)
}

func onlyReads(t *testing.T, s Suite) {
	r := newRig(t, s)
	b := r.account("sub_1", customer(1042))
	ctx, c := t.Context(), r.client
	reads := map[string]func() error{
		"Check": func() error { _, err := c.Check(ctx); return err },
		"State": func() error { _, err := c.State(ctx, b.copied().Ref); return err },
		"Find":  func() error { _, err := c.Find(ctx, b.copied()); return err },
	}
	if u, ok := sdk.As[panel.UsageReader](c); ok {
		reads["Usage"] = func() error { _, err := u.Usage(ctx, []panel.Ref{b.copied().Ref}); return err }
	}
	if l, ok := sdk.As[panel.Lister](c); ok {
		reads["Accounts"] = func() error { _, err := walk(ctx, l); return err }
	}
	if k, ok := sdk.As[panel.StockKeeper](c); ok {
		reads["Stock"] = func() error { _, err := k.Stock(ctx, s.Product); return err }
	}
	for name, read := range reads {
		r.vendor.Forget()
		if err := read(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if n := r.vendor.Changes(); len(n) > 0 {
			t.Errorf("%s sent %s", name, requests(n))
		}
		if len(r.vendor.Requests()) == 0 {
			t.Errorf("%s did not ask the vendor", name)
		}
	}
}

// walk is all accounts, or the error that the walk ended with.
func walk(ctx context.Context, l panel.Lister) (list []panel.Account, err error) {
	for a, err := range l.Accounts(ctx) {
		if err != nil {
			return list, err
		}
		list = append(list, a)
	}
	return list, nil
}
