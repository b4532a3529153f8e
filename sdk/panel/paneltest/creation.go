package paneltest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/panel"
	"github.com/ezscale/bursar/sdk/sim"
)

// creation are the promises of Create and Find.
var creation = []testCase{
	{name: "a create ends active with the plan's size", run: createEnds},
	{name: "a create repeated after Done changes nothing", run: createRepeated},
	{name: "a create is cut", run: createCut},
	{name: "a create whose answer the host forgets", run: createForgotten},
	{name: "a create whose plugin is killed before every call", run: createKilled},
	{name: "what an unanswered create left is found", run: foundAfterCut},
	{name: "a second account re-uses the customer", run: secondAccount},
	{name: "somebody else's account is not taken up", run: strangers},
	{name: "two candidates are Unknown", run: twoCandidates},
	{name: "no stock is Declined out_of_stock", run: soldOut},
	{name: "a failed build is Declined and a retry builds again", run: buildFails},
	{name: "Find before anything says NotFound and makes nothing", run: findNothing},
}

const lookFirst = `Create must look for what an unanswered call left behind, before it makes another: see panel.Panel.Create, and Op.Since.`

func createEnds(t *testing.T, s Suite) {
	r := newRig(t, s)
	b := r.order("sub_1", customer(1042))
	trip := r.drive(b, b.Op, create, mishap{})
	if r.one(trip, b, ""); t.Failed() {
		return
	}
	a, err := r.client.State(t.Context(), b.copied().Ref)
	if err != nil || a.Status != panel.Active || a.ID != b.RemoteID {
		t.Errorf("State: have %+v, %v", a, err)
	}
	if have := r.of("sub_1")[0]; !covers(have.Plan, s.Plan) {
		t.Errorf("the plan: have %v, want %v", have.Plan, s.Plan)
	}
	for _, c := range b.credentials {
		if c.Username == "" || c.Password.IsZero() {
			t.Errorf("a credential without a name or a password: %q", c.Label)
		}
	}
}

func covers(have, want map[string]string) bool {
	for name, value := range want {
		if have[name] != value {
			return false
		}
	}
	return true
}

// one fails unless there is exactly the account of b, active, and its customer.
func (r *rig) one(out *trip, b *book, wrong string) {
	r.t.Helper()
	state := r.vendor.State()
	mine := r.of(b.Service)
	if out.err == nil && len(mine) == 1 && len(state.Accounts) == 1 && state.Things["customer"] <= 1 && mine[0].Status == "active" && mine[0].ID == b.RemoteID {
		return
	}
	have := fmt.Sprintf("%s; %d customers; RemoteID %q", accounts(state.Accounts), state.Things["customer"], b.RemoteID)
	r.broken(out, wrong, "1 active account for "+b.Service+" of 1 customer, by its RemoteID", have, lookFirst)
}

func createRepeated(t *testing.T, s Suite) {
	r := newRig(t, s)
	b := r.account("sub_1", customer(1042))
	id := b.RemoteID
	trip := r.drive(b, b.Op, create, mishap{})
	if n := r.vendor.Changes(); len(n) > 0 || trip.err != nil || b.RemoteID != id {
		r.broken(trip, "The create was Done. ", "nothing more at the vendor, and Done", requests(n), "What is done under one Op is done once: see sdk.Op.")
	}
}

// cuts are the ways in which a change's answer is lost or wrong.
var cuts = []struct{ name, do, what string }{
	{"before", "cut-before", "broke off before the vendor got it"},
	{"after", "cut-after", "was done, its answer lost"},
	{"in the answer of", "half", "was done, half its answer lost"},
	{"by a page of HTML instead of", "html", "was answered by a page of HTML, with status 200, and not done"},
	{"by a server error instead of", "status:500", "was answered by status 500, and not done"},
	{"by a busy server instead of", "status:503", "was answered by status 503, and not done"},
}

// changesOf counts the changes of a trip that goes well.
func changesOf(r *rig, b *book, op sdk.Op, what change) int {
	r.t.Helper()
	r.vendor.Forget()
	if trip := r.drive(b, op, what, mishap{}); trip.err != nil {
		r.t.Fatalf("%s, undisturbed, ended with: %v", what.name, trip.err)
	}
	return len(r.vendor.Changes())
}

func createCut(t *testing.T, s Suite) {
	plain := newRig(t, s)
	b := plain.order("sub_1", customer(1042))
	n := changesOf(plain, b, b.Op, create)
	if n == 0 {
		t.Fatal("a create sends no change: the simulator takes its requests for reads")
	}
	for at := 1; at <= n; at++ {
		for _, cut := range cuts {
			t.Run(fmt.Sprintf("%s its %s change", cut.name, ordinal(at)), func(t *testing.T) {
				r := newRig(t, s)
				r.fault(sim.Fault{Method: "change", Nth: at, Times: 1, Do: cut.do})
				b := r.order("sub_1", customer(1042))
				trip := r.drive(b, b.Op, create, mishap{})
				r.one(trip, b, fmt.Sprintf("Change %d of %d %s. ", at, n, cut.what))
			})
		}
	}
}

func createForgotten(t *testing.T, s Suite) {
	plain := newRig(t, s)
	b := plain.order("sub_1", customer(1042))
	calls := len(plain.drive(b, b.Op, create, mishap{}).calls)
	for at := 1; at <= calls; at++ {
		t.Run(fmt.Sprintf("of its %s call", ordinal(at)), func(t *testing.T) {
			r := newRig(t, s)
			b := r.order("sub_1", customer(1042))
			trip := r.drive(b, b.Op, create, mishap{forgets: at})
			r.one(trip, b, fmt.Sprintf("The host died before it saved the answer of call %d. ", at))
		})
	}
}

func createKilled(t *testing.T, s Suite) {
	r := newRig(t, s)
	b := r.order("sub_1", customer(1042))
	trip := r.drive(b, b.Op, create, mishap{kills: true})
	r.one(trip, b, "The plugin was killed before every call. ")
}

func foundAfterCut(t *testing.T, s Suite) {
	plain := newRig(t, s)
	b := plain.order("sub_1", customer(1042))
	n := changesOf(plain, b, b.Op, create)
	for at := 1; at <= n; at++ {
		t.Run("by its "+ordinal(at)+" change", func(t *testing.T) {
			r := newRig(t, s)
			r.fault(sim.Fault{Method: "change", Nth: at, Do: "cut-after"})
			b := r.order("sub_1", customer(1042))
			out := &trip{change: create}
			for op := b.Op; len(r.vendor.Changes()) < at; { // until the one that is cut
				if op.Attempt++; op.Attempt > longest {
					t.Fatal("the change never came")
				}
				p, err := r.step(out, b, op, mishap{})
				if err == nil {
					r.vendor.AddClock(p.After)
				}
			}
			r.fault()
			r.vendor.AddClock(2 * time.Minute)
			a, err := r.client.Find(t.Context(), b.copied())
			if made := r.vendor.State().Accounts; len(made) == 0 {
				kind(t, "Find of what is not there", err, fault.NotFound)
			} else if err != nil || a.ID != made[0].ID {
				t.Errorf("Find: have %q, %v, want %s", a.ID, err, made[0].ID)
			}
		})
	}
}

func secondAccount(t *testing.T, s Suite) {
	r := newRig(t, s)
	first := r.account("sub_1", customer(1042))
	second := r.account("sub_2", first.Customer, first.RemoteID)
	third := r.account("sub_3", customer(1042), first.RemoteID, second.RemoteID) // the host lost the customer's notes
	state := r.vendor.State()
	if n := state.Things["customer"]; n > 1 {
		t.Errorf("have %d customers, want 1", n)
	}
	if len(state.Accounts) != 3 || first.RemoteID == second.RemoteID || second.RemoteID == third.RemoteID {
		t.Errorf("have %s, want 3", accounts(state.Accounts))
	}
	if r.account("sub_4", customer(2000)); r.vendor.State().Things["customer"] == state.Things["customer"] && state.Things["customer"] > 0 {
		t.Error("another customer's account was made for the first customer")
	}
}

func strangers(t *testing.T, s Suite) {
	r := newRig(t, s)
	r.account("sub_1", customer(1042))
	mine := r.of("sub_1")[0].ID
	r.account("sub_other", customer(2000))
	r.stranger("1042") // an old one of this customer
	r.vendor.AddClock(time.Hour)
	r.stranger("2000") // another customer's, of now
	known := []string{mine}
	had := ids(r.vendor.State().Accounts)
	r.stranger("1042") // one of now, which the host knows as another subscription's
	taken := ids(r.vendor.State().Accounts)
	for _, id := range taken {
		if !slices.Contains(had, id) {
			known = append(known, id)
		}
	}
	b := r.account("sub_2", customer(1042), known...)
	if slices.Contains(taken, b.RemoteID) {
		t.Errorf("it took up %s, which another made. Have %s", b.RemoteID, accounts(r.vendor.State().Accounts))
	}
	if n := len(r.vendor.State().Accounts); n != len(taken)+1 {
		t.Errorf("have %s", accounts(r.vendor.State().Accounts))
	}
}

func ids(list []sim.Account) (out []string) {
	for _, a := range list {
		out = append(out, a.ID)
	}
	return out
}

func twoCandidates(t *testing.T, s Suite) {
	r := newRig(t, s)
	first := r.account("sub_1", customer(1042))
	b := r.order("sub_2", customer(1042))
	b.Known = []string{first.RemoteID}
	r.stranger("1042")
	r.stranger("1042")
	_, err := r.client.Find(t.Context(), b.copied())
	kind(t, "Find", err, fault.Unknown)
	trip := r.drive(b, b.Op, create, mishap{})
	kind(t, "Create", trip.err, fault.Unknown)
	if n := len(r.vendor.State().Accounts); n != 3 {
		t.Errorf("have %s, want the three that were there: a person must choose", accounts(r.vendor.State().Accounts))
	}
}

// declined fails unless an error is Declined with a code.
func declined(t *testing.T, what string, err error, code string) {
	t.Helper()
	if f := fault.Of(err); f == nil || f.Kind != fault.Declined || f.Code != code {
		t.Errorf("%s: have %v, want declined %s", what, err, code)
	}
}

func soldOut(t *testing.T, s Suite) {
	r := newRig(t, s)
	r.act("sold_out", "", nil)
	b := r.order("sub_1", customer(1042))
	trip := r.drive(b, b.Op, create, mishap{})
	declined(t, "Create", trip.err, "out_of_stock")
	if n := r.vendor.State().Accounts; len(n) > 0 {
		t.Errorf("have %s", accounts(n))
	}
	r.act("restock", "", nil)
	again := r.drive(b, r.op(), create, mishap{})
	r.one(again, b, "There was no room, then there was. ")
}

func buildFails(t *testing.T, s Suite) {
	r := newRig(t, s)
	r.act("build_fails", "", nil)
	b := r.order("sub_1", customer(1042))
	trip := r.drive(b, b.Op, create, mishap{})
	declined(t, "Create", trip.err, "build_failed")
	builds := len(r.vendor.Changes())
	trip = r.drive(b, b.Op, create, mishap{})
	declined(t, "Create, repeated under the same Op", trip.err, "build_failed")
	if n := len(r.vendor.Changes()); n != builds {
		t.Errorf("under the same Op %d more changes were made", n-builds)
	}
	for _, cut := range cuts[:2] {
		t.Run("also when the retry is cut "+cut.name+" its change", func(t *testing.T) {
			r := newRig(t, s)
			r.act("build_fails", "", nil)
			b := r.order("sub_1", customer(1042))
			r.drive(b, b.Op, create, mishap{})
			r.fault(sim.Fault{Method: "change", Times: 1, Do: cut.do})
			r.one(r.drive(b, r.op(), create, mishap{}), b, "The first build failed; of staff's retry the first change "+cut.what+". ")
		})
	}
	r.one(r.drive(b, r.op(), create, mishap{}), b, "The first build failed, then staff retried under a new Op. ")
}

func findNothing(t *testing.T, s Suite) {
	r := newRig(t, s)
	_, err := r.client.Find(t.Context(), r.order("sub_1", customer(1042)).copied())
	kind(t, "of a new customer", err, fault.NotFound)
	first := r.account("sub_1", customer(1042))
	b := r.order("sub_2", customer(1042))
	b.Known = []string{first.RemoteID}
	_, err = r.client.Find(t.Context(), b.copied())
	kind(t, "of a customer who has another account", err, fault.NotFound)
	if n := r.vendor.Changes(); len(n) > 0 {
		t.Errorf("Find sent %s", requests(n))
	}
}
