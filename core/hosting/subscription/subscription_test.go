package subscription

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/base/states"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/data/lease"
	"github.com/ezscale/bursar/core/data/outbox"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/money"
)

var start = time.Date(2027, 1, 31, 9, 0, 0, 0, time.UTC)

var first = period.Date(2027, 1, 31)

// world is the service on a database, and the events it told.
type world struct {
	t   *testing.T
	ctx context.Context
	d   *db.DB
	*Service
	clock *clock.Stopped
	out   *outbox.Outbox
	told  []string
}

func newWorld(t *testing.T, d *db.DB) *world {
	w := &world{t: t, ctx: t.Context(), d: d, clock: clock.At(start)}
	w.out = outbox.New(d, w.clock, lease.Options{Workers: 1})
	w.Service = New(d, w.out, w.clock)
	hear := outbox.Step("hear", func(_ context.Context, e outbox.Event) error {
		var f Fact
		if err := e.Read(&f); err != nil {
			return err
		}
		if e.Subject != string(f.Subscription) || f.Customer == "" {
			t.Errorf("%+v", e)
		}
		w.told = append(w.told, e.Kind[len("subscription."):]+detail(f))
		return nil
	})
	routes := outbox.Routes{}
	for _, kind := range []string{EventActivated, EventSuspended, EventResumed, EventRenewed, EventEnded} {
		routes[kind] = []outbox.Follow{hear}
	}
	w.ok(w.out.Route(routes))
	return w
}

func detail(f Fact) (out string) {
	for _, text := range []string{string(f.Cause), f.Ref, f.Reason} {
		if text != "" {
			out += " " + text
		}
	}
	return out
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// heard compares the events since the last time, in any order.
func (w *world) heard(want ...string) {
	w.t.Helper()
	_, err := w.out.Drain(w.ctx)
	w.ok(err)
	slices.Sort(w.told)
	slices.Sort(want)
	if !slices.Equal(w.told, want) {
		w.t.Fatalf("told %q, want %q", w.told, want)
	}
	w.told = nil
}

// open makes a monthly service that begins on the 31st of January and is billed up to the 28th of February.
func (w *world) open(c ids.Customer, change ...func(*Opening)) Subscription {
	w.t.Helper()
	o := Opening{
		Customer: c, Order: "ord_1", Product: "prd_1", Label: "web-1", Currency: "EUR", Cycle: period.Monthly, Anchor: first, AnchorDay: 31,
		PeriodNo: 1, BilledTo: period.Date(2027, 2, 28), BillOn: period.Date(2027, 2, 14), Checkout: form.Values{"image": {"debian-13"}},
	}
	for _, f := range change {
		f(&o)
	}
	sub, err := w.Open(w.ctx, o)
	w.ok(err)
	return sub
}

func (w *world) active(c ids.Customer, change ...func(*Opening)) Subscription {
	w.t.Helper()
	sub := w.open(c, change...)
	w.ok(w.Activate(w.ctx, sub.ID))
	return w.get(sub.ID)
}

func (w *world) get(id ids.Subscription) Subscription {
	w.t.Helper()
	sub, err := w.Get(w.ctx, id)
	w.ok(err)
	return sub
}

// term is the obligation for the next term of a service.
func term(sub Subscription) Obligation {
	s := period.Schedule{Cycle: sub.Cycle, Anchor: sub.Anchor, DOM: sub.AnchorDay}
	p := s.Term(sub.PeriodNo + 1)
	return Obligation{
		Subscription: sub.ID, Lane: TermLane, From: p.From, To: p.To, No: p.No, Kind: string(p.Kind), Net: money.Of(1000, sub.Currency),
		Invoice: ids.New[ids.Invoice](), NextBillOn: sub.Cycle.BillOn(p.To, 14), Fingerprint: "f",
	}
}

func TestTheLifeOfASubscription(t *testing.T) {
	if err := life.Check(Pending); err != nil {
		t.Fatal(err)
	}
	want := map[Status]map[Action]Status{
		Pending:   {Activate: Active, Cancel: Ended},
		Active:    {Renew: Active, Suspend: Suspended, Change: Active, End: Ended},
		Suspended: {Resume: Active, Renew: Suspended, Change: Suspended, Terminate: Ended, End: Ended},
	}
	visited := 0
	life.Walk(func(s Status, a Action, next Status, ok bool) {
		visited++
		expected, may := want[s][a]
		if ok != may || (ok && next != expected) || (Subscription{Status: s}).Allows(a) != may {
			t.Errorf("%s while %s: %s %t", a, s, next, ok)
		}
	})
	if visited != 4*8 {
		t.Errorf("visited %d", visited)
	}
}

func TestOpenActivateAndEnd(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		price := money.Of(900, "EUR")
		sub := w.open("cus_1", func(o *Opening) {
			o.Items = []Item{{Kind: OptionItem, Owner: "opt_1", Text: "Disk", Price: "prc_2", QtyMicro: 2_500_000, TaxClass: "standard"},
				{Kind: PlanItem, Owner: "prd_1", Text: "VPS", Price: "prc_1", QtyMicro: 1_000_000, Override: &price, OverrideReason: "friend", TaxClass: "standard"}}
		})
		if sub.Status != Pending || sub.Renews() || sub.Version != 1 {
			t.Fatalf("%+v", sub)
		}
		got := w.get(sub.ID)
		if got.Checkout.Get("image") != "debian-13" || got.BillOn != sub.BillOn || !got.PaidTo.IsZero() || !got.Created.Equal(start) || got.Cycle != period.Monthly {
			t.Errorf("%+v", got)
		}
		items, err := w.Items(w.ctx, []ids.Subscription{sub.ID})
		w.ok(err)
		if list := items[sub.ID]; len(list) != 2 || list[0].Kind != PlanItem || *list[0].Override != price || list[1].QtyMicro != 2_500_000 {
			t.Errorf("%+v", items)
		}
		if _, err := w.GetFor(w.ctx, "cus_2", sub.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("somebody else's: %v", err)
		}
		for range 2 {
			w.ok(w.Activate(w.ctx, sub.ID))
		}
		w.heard("activated")
		w.ok(w.End(w.ctx, sub.ID, Cancelled, first))
		w.ok(w.End(w.ctx, sub.ID, Fraud, first.Add(1)))
		w.heard("ended cancelled")
		if got := w.get(sub.ID); got.Status != Ended || got.EndReason != Cancelled || got.EndedOn != first || !got.BillOn.IsZero() {
			t.Errorf("%+v", got)
		}
		w.ok(w.Activate(w.ctx, sub.ID)) // a late answer of a panel brings nothing back
		if err := w.Suspend(w.ctx, sub.ID, Suspension{Cause: CauseStaff}); !errors.Is(err, states.ErrRefused) {
			t.Error(err)
		}
		if err := w.CancelOn(w.ctx, sub.ID, first, first); !errors.Is(err, states.ErrRefused) {
			t.Error(err)
		}
		if w.get(sub.ID).Status != Ended {
			t.Error("it is back")
		}
		w.heard()
		if err := w.Activate(w.ctx, "sub_none"); !errors.Is(err, ErrNotFound) {
			t.Error(err)
		}
		pending := w.open("cus_1")
		if err := w.Suspend(w.ctx, pending.ID, Suspension{Cause: CauseUnpaid}); !errors.Is(err, states.ErrRefused) {
			t.Error(err)
		}
		w.ok(w.End(w.ctx, pending.ID, Refused, first))
		w.heard("ended refused")
	})
}

// A service comes back when its last cause is gone, not before.
func TestCausesOfASuspension(t *testing.T) {
	type step struct {
		do     string // suspend or resume
		cause  Cause
		ref    string
		status Status
		told   string
	}
	tests := []struct {
		name  string
		steps []step
	}{
		{"two causes: closing one keeps it down", []step{{"suspend", CauseUnpaid, "inv_1", Suspended, "suspended unpaid inv_1"}, {"suspend", CauseStaff, "", Suspended, ""},
			{"resume", CauseUnpaid, "inv_1", Suspended, ""}, {"resume", CauseStaff, "", Active, "resumed staff"}}},
		{"the same cause twice is one", []step{{"suspend", CauseAbuse, "", Suspended, "suspended abuse"}, {"suspend", CauseAbuse, "", Suspended, ""},
			{"resume", CauseAbuse, "", Active, "resumed abuse"}, {"resume", CauseAbuse, "", Active, ""}}},
		{"two invoices are two causes", []step{{"suspend", CauseUnpaid, "inv_1", Suspended, "suspended unpaid inv_1"}, {"suspend", CauseUnpaid, "inv_2", Suspended, ""},
			{"resume", CauseUnpaid, "inv_1", Suspended, ""}, {"resume", CauseUnpaid, "inv_1", Suspended, ""}, {"resume", CauseUnpaid, "inv_2", Active, "resumed unpaid inv_2"}}},
		{"no reference closes all of a cause", []step{{"suspend", CauseUnpaid, "inv_1", Suspended, "suspended unpaid inv_1"}, {"suspend", CauseUnpaid, "inv_2", Suspended, ""},
			{"suspend", CauseDispute, "dsp_1", Suspended, ""}, {"resume", CauseUnpaid, "", Suspended, ""}, {"resume", CauseDispute, "", Active, "resumed dispute"}}},
		{"a cause that is not open brings nothing back", []step{{"suspend", CauseTraffic, "", Suspended, "suspended traffic"}, {"resume", CauseUnpaid, "", Suspended, ""}}},
		{"down again for the same cause", []step{{"suspend", CauseUnpaid, "inv_1", Suspended, "suspended unpaid inv_1"}, {"resume", CauseUnpaid, "inv_1", Active, "resumed unpaid inv_1"},
			{"suspend", CauseUnpaid, "inv_1", Suspended, "suspended unpaid inv_1"}}},
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				w := newWorld(t, d)
				sub := w.active("cus_1")
				w.heard("activated")
				for i, s := range tt.steps {
					was := w.get(sub.ID).Status
					if s.do == "suspend" {
						w.ok(w.Suspend(w.ctx, sub.ID, Suspension{Cause: s.cause, Ref: s.ref}))
					} else {
						up, err := w.Resume(w.ctx, sub.ID, s.cause, s.ref)
						w.ok(err)
						if up != (was == Suspended && s.status == Active) {
							t.Errorf("step %d: up %t", i+1, up)
						}
					}
					if got := w.get(sub.ID).Status; got != s.status {
						t.Fatalf("step %d: %s, want %s", i+1, got, s.status)
					}
					if s.told == "" {
						w.heard()
					} else {
						w.heard(s.told)
					}
				}
				w.ok(w.End(w.ctx, sub.ID, Unpaid, first))
				w.heard("ended unpaid")
				if open, err := w.Causes(w.ctx, []ids.Subscription{sub.ID}); err != nil || len(open) != 0 {
					t.Errorf("causes are open after the end: %v %v", open, err)
				}
			})
		}
	})
}

// Twenty hands suspend and resume at once, in two processes: the status fits the causes, and every fall and
// every rise is told once.
func TestCausesOfManyHands(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		other := New(dbtest.Again(t, d), w.out, w.clock)
		other.outbox = outbox.New(other.db, w.clock, lease.Options{})
		sub := w.active("cus_1")
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				s := []*Service{w.Service, other}[i%2]
				ref := fmt.Sprint("inv_", i%5)
				if err := s.Suspend(w.ctx, sub.ID, Suspension{Cause: CauseUnpaid, Ref: ref}); err != nil {
					t.Error(err)
				}
				if _, err := s.Resume(w.ctx, sub.ID, CauseUnpaid, ref); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if got := w.get(sub.ID).Status; got != Active {
			t.Errorf("%s with no cause open", got)
		}
		_, err := w.out.Drain(w.ctx)
		w.ok(err)
		falls := 0
		for _, what := range w.told {
			switch what[:7] {
			case "suspend":
				falls++
			case "resumed":
				falls--
			}
		}
		if falls != 0 {
			t.Errorf("falls and rises do not match: %q", w.told)
		}
	})
}

// A period that is billed already refuses the whole set, and what the transaction did before.
func TestAPeriodIsBilledOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		a, b := w.active("cus_1"), w.active("cus_2")
		w.ok(w.Oblige(w.ctx, []Obligation{term(a)}))
		err := d.Tx(w.ctx, func(ctx context.Context) error {
			if err := w.Rename(ctx, b.ID, "renamed"); err != nil {
				return err
			}
			return w.Oblige(ctx, []Obligation{term(b), term(a)})
		})
		if !errors.Is(err, ErrBilled) {
			t.Fatal(err)
		}
		if list, err := w.Periods(w.ctx, b.ID, 10); err != nil || len(list) != 0 || w.get(b.ID).Label != "web-1" {
			t.Errorf("something of it stayed: %+v %v", list, err)
		}
		usage := term(a)
		usage.Lane, usage.Kind = UsageLane, "usage"
		w.ok(w.Oblige(w.ctx, []Obligation{usage}))
		var wg sync.WaitGroup
		other := New(dbtest.Again(t, d), w.out, w.clock)
		errs := make(chan error, 8)
		for i := range 8 {
			wg.Go(func() { errs <- []*Service{w.Service, other}[i%2].Oblige(w.ctx, []Obligation{term(b)}) })
		}
		wg.Wait()
		won := 0
		for range 8 {
			switch err := <-errs; {
			case err == nil:
				won++
			case !errors.Is(err, ErrBilled):
				t.Error(err)
			}
		}
		if won != 1 {
			t.Errorf("one period was billed %d times", won)
		}
	})
}

func TestAdvance(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		sub, idle := w.active("cus_1"), w.active("cus_2")
		// Three terms at once: all that moves is that of the last, which nothing follows.
		next := sub
		var set []Obligation
		for range 3 {
			o := term(next)
			next.PeriodNo, next.BilledTo = o.No, o.To
			set = append(set, o)
		}
		set[2].NextBillOn = period.Day{}
		usage := set[2]
		usage.Lane, usage.From, usage.To, usage.No = UsageLane, set[2].To, set[2].To.Add(30), 99
		w.ok(d.Tx(w.ctx, func(ctx context.Context) error {
			if err := w.Oblige(ctx, append(set, usage)); err != nil {
				return err
			}
			return w.Advance(ctx, []ids.Subscription{sub.ID})
		}))
		got := w.get(sub.ID)
		if got.BilledTo != period.Date(2027, 5, 31) || got.PeriodNo != 4 || !got.BillOn.IsZero() || got.Renews() || got.Version != sub.Version+1 {
			t.Errorf("%+v", got)
		}
		for name, ids := range map[string][]ids.Subscription{"nothing new": {sub.ID}, "nothing at all": {idle.ID}, "not there": {"sub_none"}} {
			err := d.Tx(w.ctx, func(ctx context.Context) error { return w.Advance(ctx, ids) })
			if !errors.Is(err, ErrChanged) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if after := w.get(sub.ID); after.BilledTo != got.BilledTo || after.Version != got.Version {
			t.Errorf("%+v", after)
		}
	})
}

// A monthly service bought on the 31st of January is billed to the last day of each short month and to the 31st
// of the others, four years on.
func TestMonthlyFromThe31stNeverDrifts(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		id := w.active("cus_1").ID
		for month := 1; month <= 48; month++ {
			sub := w.get(id)
			last := period.Date(2027, time.January+time.Month(month)+1, 1).Add(-1)
			if sub.BilledTo != last || sub.PeriodNo != month || sub.BillOn != last.Add(-14) {
				t.Fatalf("after %d months: term %d, billed to %s (want %s), next on %s", month, sub.PeriodNo, sub.BilledTo, last, sub.BillOn)
			}
			days, err := w.DueDays(w.ctx, sub.BillOn)
			w.ok(err)
			page, err := w.DuePage(w.ctx, sub.BillOn, "", 10)
			w.ok(err)
			if len(days) != 1 || len(page) != 1 {
				t.Fatalf("%v %v", days, page)
			}
			o := term(page[0])
			if o.From != sub.BilledTo {
				t.Fatalf("a gap or an overlap: %+v", o)
			}
			w.ok(w.Oblige(w.ctx, []Obligation{o}))
			w.ok(w.Advance(w.ctx, []ids.Subscription{id}))
		}
		list, err := w.Periods(w.ctx, id, 100)
		w.ok(err)
		if len(list) != 48 {
			t.Fatalf("%d periods", len(list))
		}
		for i := 1; i < len(list); i++ {
			if list[i].To != list[i-1].From {
				t.Errorf("between %s and %s", list[i].To, list[i-1].From)
			}
		}
	})
}

func TestDuePagesNeverSplitACustomer(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		has := map[ids.Customer]int{"cus_A": 1, "cus_B": 5, "cus_C": 2, "cus_D": 2, "cus_E": 1}
		var all []ids.Subscription
		for c, n := range has {
			for range n {
				all = append(all, w.active(c).ID)
			}
		}
		day := period.Date(2027, 2, 14)
		w.open("cus_C") // never delivered, so not billed again
		w.active("cus_C", func(o *Opening) { o.BillOn = day.Add(1) })
		slices.Sort(all)
		for limit := 1; limit <= 12; limit++ {
			var seen []ids.Subscription
			after := ids.Customer("")
			for {
				page, err := w.DuePage(w.ctx, day, after, limit)
				w.ok(err)
				if len(page) == 0 {
					break
				}
				count := map[ids.Customer]int{}
				for _, sub := range page {
					if sub.Customer <= after {
						t.Fatalf("limit %d: %s came again", limit, sub.Customer)
					}
					count[sub.Customer]++
					seen = append(seen, sub.ID)
				}
				for c, n := range count {
					if n != has[c] {
						t.Fatalf("limit %d: %d of %d services of %s", limit, n, has[c], c)
					}
				}
				after = page[len(page)-1].Customer
			}
			slices.Sort(seen)
			if !slices.Equal(seen, all) {
				t.Errorf("limit %d: %d of %d", limit, len(seen), len(all))
			}
		}
	})
}

// While it is down for its debts nothing more is billed; what staff suspended goes on being billed.
func TestRenewalsWaitWhileSuspendedForDebts(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		day := period.Date(2027, 2, 14)
		sub := w.active("cus_1")
		due := func() int {
			t.Helper()
			page, err := w.DuePage(w.ctx, day, "", 1)
			w.ok(err)
			return len(page)
		}
		w.ok(w.Suspend(w.ctx, sub.ID, Suspension{Cause: CauseStaff}))
		if due() != 1 {
			t.Error("suspended by staff: not billed")
		}
		w.ok(w.Suspend(w.ctx, sub.ID, Suspension{Cause: CauseUnpaid, Ref: "inv_1"}))
		if due() != 0 {
			t.Error("suspended for debts: billed")
		}
		_, err := w.Resume(w.ctx, sub.ID, CauseUnpaid, "inv_1")
		w.ok(err)
		if due() != 1 || w.get(sub.ID).Status != Suspended {
			t.Error("the debt is paid: not billed")
		}
		w.ok(w.CancelOn(w.ctx, sub.ID, day, period.Day{}))
		if due() != 0 {
			t.Error("cancelled: billed")
		}
		if list, err := w.Ending(w.ctx, day.Add(-1), 10); err != nil || len(list) != 0 {
			t.Error(list, err)
		}
		if list, err := w.Ending(w.ctx, day, 10); err != nil || len(list) != 1 {
			t.Error(list, err)
		}
		w.ok(w.CancelOn(w.ctx, sub.ID, period.Day{}, day))
		if due() != 1 || !w.get(sub.ID).CancelOn.IsZero() {
			t.Error("taken back: not billed")
		}
	})
}

func TestPaidIsMarkedAndToldOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		a, b := w.active("cus_1"), w.active("cus_1")
		w.heard("activated", "activated")
		one, two, other := term(a), term(b), term(b)
		two.Invoice = one.Invoice // one invoice for both
		other.From, other.To, other.No = two.To, two.To.Add(31), 3
		w.ok(w.Oblige(w.ctx, []Obligation{one, two, other}))
		of, err := w.OfInvoices(w.ctx, []ids.Invoice{one.Invoice, other.Invoice})
		w.ok(err)
		if len(of[one.Invoice]) != 2 || len(of[other.Invoice]) != 1 || of[other.Invoice][0].ID != b.ID {
			t.Fatalf("%v", of)
		}
		w.ok(w.MarkPaid(w.ctx, []ids.Invoice{one.Invoice}, start))
		w.heard("renewed", "renewed")
		if w.get(a.ID).PaidTo != one.To || w.get(b.ID).PaidTo != two.To {
			t.Errorf("%+v", w.get(a.ID))
		}
		w.ok(w.MarkPaid(w.ctx, []ids.Invoice{one.Invoice}, start.Add(time.Hour)))
		w.heard()
		list, err := w.Periods(w.ctx, b.ID, 10)
		w.ok(err)
		if len(list) != 2 || !list[0].Paid.IsZero() || !list[1].Paid.Equal(start) || list[1].Net != money.Of(1000, "EUR") {
			t.Errorf("%+v", list)
		}
		w.ok(w.MarkPaid(w.ctx, []ids.Invoice{other.Invoice, "inv_none"}, start))
		w.heard("renewed")
		oops := errors.New("oops")
		late := term(a)
		late.From, late.To = one.To, one.To.Add(31)
		w.ok(w.Oblige(w.ctx, []Obligation{late}))
		if err := d.Tx(w.ctx, func(ctx context.Context) error {
			w.ok(w.MarkPaid(ctx, []ids.Invoice{late.Invoice}, start))
			return oops
		}); !errors.Is(err, oops) {
			t.Fatal(err)
		}
		w.heard()
		if w.get(a.ID).PaidTo != one.To {
			t.Error("paid although it was undone")
		}
	})
}

// The webhook and the return of a browser say "paid" at once, in two processes.
func TestPaidByTwoHandsIsToldOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		second := dbtest.Again(t, d)
		other := New(second, outbox.New(second, w.clock, lease.Options{}), w.clock)
		for range 10 {
			sub := w.active("cus_1")
			w.heard("activated")
			o := term(sub)
			w.ok(w.Oblige(w.ctx, []Obligation{o}))
			done := make(chan error, 3)
			w.ok(d.Tx(w.ctx, func(ctx context.Context) error {
				if err := w.MarkPaid(ctx, []ids.Invoice{o.Invoice}, start); err != nil {
					return err
				}
				for range 3 {
					go func() { done <- other.MarkPaid(t.Context(), []ids.Invoice{o.Invoice}, start) }()
				}
				for range 50 { // they come to the locks meanwhile
					if _, err := w.Get(ctx, sub.ID); err != nil {
						return err
					}
				}
				return nil
			}))
			for range 3 {
				w.ok(<-done)
			}
			w.heard("renewed")
		}
	})
}

// A set of five thousand is billed, moved and paid with a number of statements that does not grow with each row.
func TestSetsOfFiveThousand(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		const n = 5000
		day := period.Date(2027, 2, 14)
		subs := make([]ids.Subscription, n)
		rows := make([][]any, n)
		for i := range rows {
			subs[i] = ids.New[ids.Subscription]()
			rows[i] = []any{subs[i], fmt.Sprintf("cus_%04d", i/2), "prd_1", "x", Active, "EUR", 1, period.Month, first, 31, 1, period.Date(2027, 2, 28), day, 0, "{}", start, 1}
		}
		w.ok(d.InsertRows(w.ctx, "subscriptions", []string{"id", "customer_id", "product_id", "label", "status", "currency", "cycle_n", "cycle_unit", "anchor_on", "anchor_dom", "period_no",
			"billed_to", "bill_on", "high_minor", "checkout_values", "created_at", "version"}, rows))
		ctx, count := db.CountQueries(w.ctx)
		page, err := w.DuePage(ctx, day, "", 2*n)
		w.ok(err)
		var obligations []Obligation
		var invoices []ids.Invoice
		for _, sub := range page {
			o := term(sub)
			obligations, invoices = append(obligations, o), append(invoices, o.Invoice)
		}
		w.ok(d.Tx(ctx, func(ctx context.Context) error {
			versions, err := w.Versions(ctx, subs)
			if err != nil || len(versions) != n {
				return errors.Join(err, fmt.Errorf("%d versions", len(versions)))
			}
			return nil
		}))
		w.ok(d.Tx(ctx, func(ctx context.Context) error {
			return errors.Join(w.Oblige(ctx, obligations), w.Advance(ctx, subs), w.MarkPaid(ctx, invoices, start))
		}))
		if count.N() > 60 {
			t.Errorf("%d statements", count.N())
		}
		var moved int
		w.ok(d.Read(w.ctx).QueryRowContext(w.ctx, "SELECT COUNT(*) FROM subscriptions WHERE billed_to = ? AND paid_to = ? AND period_no = 2 AND bill_on = ?",
			period.Date(2027, 3, 31), period.Date(2027, 3, 31), period.Date(2027, 3, 17)).Scan(&moved))
		if len(page) != n || moved != n {
			t.Errorf("%d due, %d moved", len(page), moved)
		}
		if err := w.Oblige(w.ctx, obligations[n-1:]); !errors.Is(err, ErrBilled) {
			t.Error(err)
		}
	})
}

func TestAChangeMadeMeanwhileIsNotOverwritten(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		sub := w.active("cus_1")
		w.ok(w.Rename(w.ctx, sub.ID, "newer"))
		sub.Label = "older"
		if err := w.store.save(w.ctx, sub); !errors.Is(err, ErrChanged) {
			t.Error(err)
		}
		if got := w.get(sub.ID).Label; got != "newer" {
			t.Error(got)
		}
	})
}

func TestListPages(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		for i := range 7 {
			c := ids.Customer("cus_1")
			if i == 3 {
				c = "cus_2"
			}
			w.open(c, func(o *Opening) { o.Label = fmt.Sprintf("Web-%d_%%", i) })
		}
		var labels []string
		after := ""
		for {
			page, err := w.List(w.ctx, Filter{Customer: "cus_1", Statuses: []Status{Pending}, Query: "web-", Sort: "oldest", After: after, Limit: 4})
			w.ok(err)
			if page.Total != 6 {
				t.Fatalf("total %d", page.Total)
			}
			for _, sub := range page.List {
				labels = append(labels, sub.Label)
			}
			if after = page.Next; after == "" {
				break
			}
		}
		if want := []string{"Web-0_%", "Web-1_%", "Web-2_%", "Web-4_%", "Web-5_%", "Web-6_%"}; !slices.Equal(labels, want) {
			t.Errorf("%q", labels)
		}
		for query, n := range map[string]int{"5_%": 1, "%": 7, "_": 7, "nothing": 0} {
			if page, err := w.List(w.ctx, Filter{Query: query}); err != nil || page.Total != n || len(page.List) != n {
				t.Errorf("%q: %d %v", query, page.Total, err)
			}
		}
		if _, err := w.List(w.ctx, Filter{Sort: "label; DROP TABLE"}); err == nil {
			t.Error("sorted by a caller's text")
		}
	})
}
