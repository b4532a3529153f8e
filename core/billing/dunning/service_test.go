package dunning_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/dunning"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/sdk/fault"
)

// Two runs work on the same invoices: of each step exactly one does what it says.
func TestParallelRunsTakeEachStepOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		other := dbtest.Again(t, d)
		invoices := make([]ids.Invoice, 5)
		for i := range invoices {
			invoices[i] = ids.New[ids.Invoice]()
		}
		steps := []string{"upcoming", "charge+0", "final"}
		var mu sync.Mutex
		var wg sync.WaitGroup
		done := map[string]int{}
		for i := range 10 {
			use := d
			if i%2 == 1 {
				use = other
			}
			s := dunning.New(use)
			wg.Go(func() {
				for _, inv := range invoices {
					for _, step := range steps {
						err := use.Tx(ctx, func(ctx context.Context) error { // with what the step does
							if err := s.Record(ctx, inv, step, due, dunning.Done, ""); err != nil {
								return err
							}
							return use.InsertRows(ctx, "events", []string{"kind", "subject", "payload", "at", "pending"}, [][]any{{step, string(inv), "{}", time.Unix(0, 0), true}})
						})
						switch {
						case err == nil:
							mu.Lock()
							done[string(inv)+step]++
							mu.Unlock()
						case !errors.Is(err, dunning.ErrTaken):
							t.Error(err)
						}
					}
				}
			})
		}
		wg.Wait()
		var events int
		if err := d.Read(ctx).QueryRowContext(ctx, "SELECT COUNT(*) FROM events").Scan(&events); err != nil {
			t.Fatal(err)
		}
		for key, n := range done {
			if n != 1 {
				t.Errorf("%s was done %d times", key, n)
			}
		}
		if len(done) != 15 || events != 15 {
			t.Errorf("%d steps, %d events", len(done), events)
		}
	})
}

func TestStepsOfManyInvoices(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, s := t.Context(), dunning.New(d)
		a, b, none := ids.New[ids.Invoice](), ids.New[ids.Invoice](), ids.New[ids.Invoice]()
		att := ids.New[ids.Attempt]()
		for _, r := range []struct {
			inv  ids.Invoice
			step string
			on   period.Day
			r    dunning.Result
			att  ids.Attempt
		}{{a, "upcoming", due.Add(-7), dunning.Done, ""}, {a, "charge+0", due, dunning.Done, att}, {b, "overdue1", due.Add(1), dunning.Skipped, ""}} {
			if err := s.Record(ctx, r.inv, r.step, r.on, r.r, r.att); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Record(ctx, a, "upcoming", due, dunning.Skipped, ""); !errors.Is(err, dunning.ErrTaken) {
			t.Fatalf("taken twice: %v", err)
		}
		if err := s.Conclude(ctx, att, "authenticate"); err != nil {
			t.Fatal(err)
		}
		many := []ids.Invoice{a, b, none}
		for range 2500 { // more than one statement
			many = append(many, ids.New[ids.Invoice]())
		}
		got, err := s.StepsOf(ctx, many)
		want := map[ids.Invoice]map[string]dunning.Taken{
			a: {"upcoming": {Result: dunning.Done, On: due.Add(-7)}, "charge+0": {Result: "authenticate", On: due}},
			b: {"overdue1": {Result: dunning.Skipped, On: due.Add(1)}},
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v, %v", got, err)
		}
	})
}

func TestEveryStepOfALadderFitsItsColumn(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, inv := dunning.New(d), ids.New[ids.Invoice]()
		today := due.Add(400)
		l := dunning.Default()
		l.Charges = []int{0, 365}
		state := dunning.State{Issued: due.Add(-14), Due: due, Steps: map[string]dunning.Taken{}, Chargeable: true, NewMethodOn: today, Suspendable: true}
		for _, step := range l.Due(state, today) {
			if err := s.Record(t.Context(), inv, step.Name, today, step.Result, ""); err != nil {
				t.Errorf("%s: %v", step.Name, err)
			}
		}
	})
}

func TestHolds(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, s := t.Context(), dunning.New(d)
		sub, cus := string(ids.New[ids.Subscription]()), string(ids.New[ids.Customer]())
		h := dunning.Hold{What: dunning.HoldSuspend, From: due, Until: due.Add(14)}
		if _, err := s.SetHold(ctx, sub, h, " ", "staff"); fault.KindOf(err) != fault.Invalid || fault.Of(err).Field != "reason" {
			t.Errorf("held without a reason: %v", err)
		}
		id, err := s.SetHold(ctx, sub, h, "he called", "staff:stf_1")
		if err != nil {
			t.Fatal(err)
		}
		endless := dunning.Hold{What: dunning.HoldAll, From: due}
		if _, err := s.SetHold(ctx, cus, endless, "a court says so", "staff:stf_1"); err != nil {
			t.Fatal(err)
		}
		got, err := s.HoldsOf(ctx, []string{sub, cus, "inv_1"})
		if want := (map[string][]dunning.Hold{sub: {h}, cus: {endless}}); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%v, %v", got, err)
		}
		for range 2 {
			if err := s.ReleaseHold(ctx, id, time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC)); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.ReleaseHold(ctx, ids.New[ids.Hold](), time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC)); !errors.Is(err, dunning.ErrHoldNotFound) {
			t.Errorf("an unknown hold was released: %v", err)
		}
		if got, err = s.HoldsOf(ctx, []string{sub, cus}); err != nil || len(got) != 1 {
			t.Errorf("%v, %v", got, err)
		}
	})
}

func TestTheDefaultLadderIsStoredOnFirstUse(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		other := dbtest.Again(t, d)
		var wg sync.WaitGroup
		for i := range 10 {
			use := d
			if i%2 == 1 {
				use = other
			}
			wg.Go(func() {
				if l, err := dunning.New(use).Ladder(ctx, ""); err != nil || !reflect.DeepEqual(l, dunning.Default()) {
					t.Errorf("%+v, %v", l, err)
				}
			})
		}
		wg.Wait()
		s := dunning.New(d)
		list, err := s.NamedLadders(ctx)
		if err != nil || len(list) != 1 || list[0].ID != dunning.DefaultLadder || list[0].Version != 1 {
			t.Fatalf("%+v, %v", list, err)
		}
		if _, err := ids.Parse[ids.Ladder](string(dunning.DefaultLadder)); err != nil {
			t.Error(err)
		}
		if _, err := s.Ladder(ctx, ids.New[ids.Ladder]()); !errors.Is(err, dunning.ErrLadderNotFound) {
			t.Error(err)
		}
	})
}

func TestLaddersAreSavedByVersion(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, s := t.Context(), dunning.New(d)
		mild := dunning.Default()
		mild.SuspendAfter, mild.GiveUpAfter = 21, 180
		made, err := s.SaveLadder(ctx, dunning.Named{Name: "Mild", Ladder: mild})
		if err != nil || made.ID == "" || made.Version != 1 {
			t.Fatalf("%+v, %v", made, err)
		}
		if l, err := s.Ladder(ctx, made.ID); err != nil || !reflect.DeepEqual(l, mild) {
			t.Fatalf("%+v, %v", l, err)
		}
		var won, lost int
		for i := range 3 { // three had the page open
			next := made
			next.Name = fmt.Sprint("Mild ", i)
			switch _, err := s.SaveLadder(ctx, next); {
			case err == nil:
				won++
			case errors.Is(err, dunning.ErrLadderChanged):
				lost++
			default:
				t.Error(err)
			}
		}
		if won != 1 || lost != 2 {
			t.Errorf("%d saved, %d refused", won, lost)
		}
		all, err := s.Ladders(ctx)
		if err != nil || len(all) != 2 {
			t.Fatalf("%v, %v", all, err)
		}
		if l, err := dunning.Choose(all, ""); err != nil || l.SuspendAfter != 7 {
			t.Errorf("%+v, %v", l, err)
		}
		for _, bad := range []dunning.Named{{Ladder: mild}, {Name: "x", Ladder: dunning.Ladder{TerminateAfter: 3}}} {
			if _, err := s.SaveLadder(ctx, bad); fault.KindOf(err) != fault.Invalid {
				t.Errorf("%+v: %v", bad, err)
			}
		}
	})
}
