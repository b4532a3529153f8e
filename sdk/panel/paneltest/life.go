package paneltest

import (
	"fmt"
	"testing"

	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/panel"
	"github.com/ezscale/bursar/sdk/sim"
)

// life are the promises about an account that is there.
var life = []testCase{
	{name: "suspend, unsuspend, terminate, each twice", run: twice},
	{name: "a later change is cut", run: laterCut},
	{name: "a later change whose answer the host forgets", run: laterForgotten},
	{name: "terminate leaves the neighbour and the customer", run: neighbour},
	{name: "terminate of what is gone is Done", run: goneAlready},
	{name: "a 404 of a wrong base path is not NotFound", run: wrongPath},
	{name: "a locked panel is Unavailable and later Done", run: locked},
}

// stage is a step of an account's life and how it must stand afterwards, "" for gone.
type stage struct {
	change change
	status string
}

var stages = []stage{{suspend, "suspended"}, {unsuspend, "active"}, {terminate, ""}}

// at fails unless the account of b stands as it must.
func (r *rig) at(out *trip, b *book, status, wrong string) {
	r.t.Helper()
	mine := r.of(b.Service)
	if out.err == nil && (status == "" && len(mine) == 0 || len(mine) == 1 && mine[0].Status == status) {
		return
	}
	want := status
	if want == "" {
		want = "no account"
	}
	r.broken(out, wrong, want, accounts(mine), "Done is only what the vendor shows to be so. See panel.Panel."+out.change.name+".")
}

// reads fails unless State says the same.
func (r *rig) reads(b *book, status string) {
	r.t.Helper()
	a, err := r.client.State(r.t.Context(), b.copied().Ref)
	switch {
	case status == "" && err == nil && a.Status == panel.Gone:
	case status == "":
		kind(r.t, "State of what is gone", err, fault.NotFound)
	case err != nil || string(a.Status) != status:
		r.t.Errorf("State: have %q, %v, want %q", a.Status, err, status)
	}
}

func twice(t *testing.T, s Suite) {
	r := newRig(t, s)
	b := r.account("sub_1", customer(1042))
	for _, stage := range stages {
		op := r.op()
		r.at(r.drive(b, op, stage.change, mishap{}), b, stage.status, "")
		r.reads(b, stage.status)
		r.vendor.Forget()
		r.at(r.drive(b, op, stage.change, mishap{}), b, stage.status, "It was Done already, under this Op. ")
		r.at(r.drive(b, r.op(), stage.change, mishap{}), b, stage.status, "It was so already. ")
		if n := r.vendor.Changes(); len(n) > 0 && stage.status != "" {
			t.Errorf("%s of what is so already sent %s", stage.change.name, requests(n))
		}
	}
}

// before brings an account to where a stage begins.
func (r *rig) before(at int) *book {
	r.t.Helper()
	b := r.account("sub_1", customer(1042))
	for _, earlier := range stages[:at] {
		r.at(r.drive(b, r.op(), earlier.change, mishap{}), b, earlier.status, "")
	}
	r.vendor.Forget()
	return b
}

func laterCut(t *testing.T, s Suite) {
	for at, stage := range stages {
		plain := newRig(t, s)
		b := plain.before(at)
		n := changesOf(plain, b, plain.op(), stage.change)
		for nth := 1; nth <= n; nth++ {
			for _, cut := range cuts {
				t.Run(fmt.Sprintf("%s, %s its %s change", stage.change.name, cut.name, ordinal(nth)), func(t *testing.T) {
					r := newRig(t, s)
					b := r.before(at)
					r.fault(sim.Fault{Method: "change", Nth: nth, Times: 1, Do: cut.do})
					r.at(r.drive(b, r.op(), stage.change, mishap{}), b, stage.status, fmt.Sprintf("Change %d of %d %s. ", nth, n, cut.what))
				})
			}
		}
	}
}

func laterForgotten(t *testing.T, s Suite) {
	for at, stage := range stages {
		plain := newRig(t, s)
		b := plain.before(at)
		calls := len(plain.drive(b, plain.op(), stage.change, mishap{}).calls)
		for nth := 1; nth <= calls; nth++ {
			t.Run(fmt.Sprintf("%s, of its %s call", stage.change.name, ordinal(nth)), func(t *testing.T) {
				r := newRig(t, s)
				b := r.before(at)
				r.at(r.drive(b, r.op(), stage.change, mishap{forgets: nth}), b, stage.status, fmt.Sprintf("The host died before it saved the answer of call %d. ", nth))
			})
		}
	}
}

func neighbour(t *testing.T, s Suite) {
	r := newRig(t, s)
	first := r.account("sub_1", customer(1042))
	second := r.account("sub_2", first.Customer, first.RemoteID)
	customers := r.vendor.State().Things["customer"]
	r.at(r.drive(first, r.op(), terminate, mishap{}), first, "", "")
	if mine := r.of("sub_2"); len(mine) != 1 || mine[0].Status != "active" || mine[0].ID != second.RemoteID {
		t.Errorf("the neighbour: have %s", accounts(mine))
	}
	if n := r.vendor.State().Things["customer"]; n != customers {
		t.Errorf("have %d customers, want %d", n, customers)
	}
	third := r.account("sub_3", first.Customer, second.RemoteID) // the customer buys again
	r.reads(third, "active")
}

func goneAlready(t *testing.T, s Suite) {
	r := newRig(t, s)
	b := r.account("sub_1", customer(1042))
	old := *b
	old.Creation = b.copied() // the host lost everything that came after
	r.at(r.drive(b, r.op(), terminate, mishap{}), b, "", "")
	r.at(r.drive(&old, r.op(), terminate, mishap{}), &old, "", "It was gone already. ")
	_, err := r.client.Suspend(t.Context(), r.op(), old.copied().Ref, "unpaid")
	kind(t, "Suspend of what is gone", err, fault.NotFound)
}

func wrongPath(t *testing.T, s Suite) {
	r := newRig(t, s)
	b := r.account("sub_1", customer(1042))
	c := r.with("london", s.Settings(r.address+"/elsewhere"))
	not := func(what string, err error) {
		t.Helper()
		if k := fault.KindOf(err); err == nil || k == fault.NotFound || k == fault.Internal {
			t.Errorf("%s: have %v: a 404 that is not the panel's own says nothing about the account", what, err)
		}
	}
	_, err := c.State(t.Context(), b.copied().Ref)
	not("State", err)
	_, err = c.Find(t.Context(), b.copied())
	not("Find", err)
	_, err = c.Check(t.Context())
	not("Check", err)
	_, err = c.Terminate(t.Context(), r.op(), b.copied().Ref)
	not("Terminate", err)
}

func locked(t *testing.T, s Suite) {
	for at, stage := range stages {
		t.Run(stage.change.name, func(t *testing.T) {
			r := newRig(t, s)
			b := r.before(at)
			r.act("lock", "", nil)
			op, out := r.op(), &trip{change: stage.change}
			for op.Attempt = 1; op.Attempt <= 3; op.Attempt++ {
				_, err := r.step(out, b, op, mishap{})
				kind(t, "while it is locked", err, fault.Unavailable)
			}
			r.act("unlock", "", nil)
			r.at(r.drive(b, op, stage.change, mishap{}), b, stage.status, "It was locked, then it was not. ")
		})
	}
}
