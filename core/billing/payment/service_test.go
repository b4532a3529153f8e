package payment_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/states"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/gateway"
	"github.com/ezscale/bursar/sdk/money"
)

var declined = gateway.Decline{Class: gateway.Soft, Code: "insufficient_funds", Text: "The card was declined."}

func TestFiftyAtOnceOpenOneAttempt(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		other := k.again()
		inv, shared := ids.New[ids.Invoice](), ids.New[ids.Invoice]()
		open := func(err error) bool { return errors.Is(err, payment.ErrOpen) }
		done := together(t, 50, open, func(i int) error {
			use, set := k.Service, []ids.Invoice{inv}
			if i%2 == 1 { // half of them pay it together with another, from another process
				use, set = other, []ids.Invoice{shared, inv}
			}
			_, err := use.Plan(t.Context(), k.visit(set...))
			return err
		})
		if done != 1 || k.count("SELECT COUNT(*) FROM payment_attempts") != 1 || k.count("SELECT COUNT(*) FROM attempt_targets WHERE open_key = ?", inv) != 1 {
			t.Fatalf("%d attempts were planned", done)
		}
		of, err := k.OpenOn(t.Context(), []ids.Invoice{inv, "inv_none"})
		if err != nil || len(of) != 1 || !slices.Contains(of[inv].Invoices, inv) {
			t.Fatalf("%+v, %v", of, err)
		}
	})
}

func TestARefusedPlanLeavesNothingBehind(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		ctx, a := t.Context(), k.sent()
		err := d.Tx(ctx, func(ctx context.Context) error { // the caller goes on all the same
			if _, err := k.Plan(ctx, k.visit(ids.New[ids.Invoice](), a.Invoices[0])); !errors.Is(err, payment.ErrOpen) {
				t.Errorf("planned: %v", err)
			}
			return nil
		})
		if err != nil || k.count("SELECT COUNT(*) FROM payment_attempts") != 1 || k.count("SELECT COUNT(*) FROM attempt_targets") != 1 {
			t.Fatalf("rows were left, %v", err)
		}
	})
}

func TestOfTwentyWhoWantToCallTheGatewayOneMay(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		ctx := t.Context()
		a, err := k.Plan(ctx, k.visit(ids.New[ids.Invoice]()))
		k.ok(err)
		refused := func(err error) bool { return errors.Is(err, states.ErrRefused) || errors.Is(err, payment.ErrChanged) }
		if n := together(t, 20, refused, func(int) error { _, err := k.Send(ctx, a.ID); return err }); n != 1 {
			t.Fatalf("%d sent it", n)
		}
		if _, err := k.Resend(ctx, a.ID); !errors.Is(err, payment.ErrChanged) {
			t.Fatalf("sent again while it is being sent: %v", err)
		}
		k.clock.Add(3 * time.Minute) // who sent it is dead
		if n := together(t, 20, refused, func(int) error { _, err := k.Resend(ctx, a.ID); return err }); n != 1 {
			t.Fatalf("%d sent it again", n)
		}
		if got := k.attempt(a.ID); got.Op().ID != string(a.ID) || got.Op().Attempt != 2 || !got.Op().First.Equal(t0) {
			t.Fatalf("%+v", got.Op())
		}
	})
}

// The ways in which attempts end, and what each leaves: the invoice free or not, the event, the answer to a repetition.
func TestEnds(t *testing.T) {
	tests := []struct {
		name   string
		end    func(k *desk, id ids.Attempt) error
		status payment.AttemptStatus
		free   bool
		told   int // payment.declined
	}{
		{"declined", func(k *desk, id ids.Attempt) error { return k.Decline(k.t.Context(), id, declined, "pi_1", nil) }, payment.Declined, true, 1},
		{"refused by a gateway that did nothing", func(k *desk, id ids.Attempt) error {
			return k.Decline(k.t.Context(), id, gateway.Decline{Class: payment.ClassUnavailable}, "", nil)
		}, payment.Declined, true, 1},
		{"expired", func(k *desk, id ids.Attempt) error { return k.Expire(k.t.Context(), id) }, payment.Expired, true, 0},
		{"waiting", func(k *desk, id ids.Attempt) error {
			return k.Wait(k.t.Context(), id, "https://pay", t0.Add(time.Hour), nil)
		}, payment.Waiting, false, 0},
		{"in doubt", func(k *desk, id ids.Attempt) error { return k.Lose(k.t.Context(), id, "timeout", nil) }, payment.Unknown, false, 0},
		{"parked", func(k *desk, id ids.Attempt) error {
			if a := k.attempt(id); a.Status == payment.Sent {
				k.ok(k.Lose(k.t.Context(), id, "timeout", nil))
			}
			return k.Park(k.t.Context(), id)
		}, payment.Parked, false, 0},
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		for _, tt := range tests {
			k.t = t
			before := len(k.events(payment.EventDeclined))
			a := k.sent()
			for range 2 { // again: nothing more happens
				if err := tt.end(k, a.ID); err != nil {
					t.Fatalf("%s: %v", tt.name, err)
				}
			}
			got := k.attempt(a.ID)
			of, err := k.OpenOn(t.Context(), a.Invoices)
			if err != nil || got.Status != tt.status || (len(of) == 0) != tt.free {
				t.Errorf("%s: %s, open on %d, %v", tt.name, got.Status, len(of), err)
			}
			if told := len(k.events(payment.EventDeclined)) - before; told != tt.told {
				t.Errorf("%s: told %d times", tt.name, told)
			}
			_, err = k.Plan(t.Context(), k.visit(a.Invoices...))
			if free := err == nil; free != tt.free {
				t.Errorf("%s: another attempt: %v", tt.name, err)
			}
		}
		if n := len(k.events(payment.EventParked)); n != 1 {
			t.Errorf("staff was told %d times of one parked attempt", n)
		}
	})
}

func TestAnOldFailureChangesNothingAfterSuccess(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		ctx := t.Context()
		_, a := k.paid("pi_1")
		for name, do := range map[string]func() error{
			"decline": func() error { return k.Decline(ctx, a.ID, declined, "", nil) },
			"expire":  func() error { return k.Expire(ctx, a.ID) },
			"wait":    func() error { return k.Wait(ctx, a.ID, "https://pay", t0, nil) },
			"lose":    func() error { return k.Lose(ctx, a.ID, "", nil) },
			"later":   func() error { return k.Later(ctx, a.ID, t0, nil) },
			"send":    func() error { _, err := k.Send(ctx, a.ID); return err },
			"resend":  func() error { _, err := k.Resend(ctx, a.ID); return err },
		} {
			if err := do(); !errors.Is(err, states.ErrRefused) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if got := k.attempt(a.ID); got.Status != payment.Succeeded || got.Version != a.Version {
			t.Errorf("%+v", got)
		}
	})
}

func TestDueFindsWhatNobodyLooksAfter(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		ctx := t.Context()
		planned, err := k.Plan(ctx, k.visit(ids.New[ids.Invoice]()))
		k.ok(err)
		sent, waiting, unknown, over := k.sent(), k.sent(), k.sent(), k.sent()
		k.ok(k.Wait(ctx, waiting.ID, "https://pay", t0.Add(time.Hour), nil))
		k.ok(k.Lose(ctx, unknown.ID, "timeout", nil))
		k.ok(k.Expire(ctx, over.ID))
		names := map[ids.Attempt]string{planned.ID: "planned", sent.ID: "sent", waiting.ID: "waiting", unknown.ID: "unknown", over.ID: "over"}
		for _, tt := range []struct {
			after time.Duration
			want  string
		}{{0, ""}, {10 * time.Second, "unknown"}, {time.Minute, "unknown waiting"}, {2 * time.Minute, "unknown waiting sent"}, {5 * time.Minute, "unknown waiting sent planned"}} {
			due, err := k.Due(ctx, t0.Add(tt.after), 10)
			k.ok(err)
			var got []string
			for _, a := range due {
				if got = append(got, names[a.ID]); len(a.Invoices) != 1 {
					t.Errorf("%s is for %v", names[a.ID], a.Invoices)
				}
			}
			if have := strings.Join(got, " "); have != tt.want {
				t.Errorf("after %v: %q", tt.after, have)
			}
		}
		if due, err := k.Due(ctx, t0.Add(time.Hour), 2); err != nil || len(due) != 2 {
			t.Errorf("%d, %v", len(due), err)
		}
	})
}

func TestNotesAndTextsAreKept(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		ctx, a := t.Context(), k.sent()
		if a.Notes == nil {
			t.Error("notes are nil")
		}
		until := t0.Add(30 * time.Minute)
		k.ok(k.Wait(ctx, a.ID, "https://pay.example/ü", until, sdk.Notes{"session": "canary"}))
		k.ok(k.Later(ctx, a.ID, time.Time{}, nil)) // nil leaves them
		got, err := k.GetFor(ctx, k.cus, a.ID)
		if err != nil || got.Notes["session"] != "canary" || got.PageURL != "https://pay.example/ü" || !got.PageUntil.Equal(until) || got.Amount != eur(3000) || got.Return != "/return" {
			t.Fatalf("%+v, %v", got, err)
		}
		if n := k.count("SELECT COUNT(*) FROM payment_attempts WHERE notes_sealed LIKE '%canary%'"); n != 0 {
			t.Error("notes are not sealed")
		}
		long := gateway.Decline{Class: gateway.Hard, Code: strings.Repeat("é", 100), Text: strings.Repeat("é", 400)}
		k.ok(k.Decline(ctx, a.ID, long, "pi_9", nil))
		if got, err = k.ByRef(ctx, account, "pi_9"); err != nil || got.ID != a.ID || got.DeclineText != strings.Repeat("é", 300) || got.DeclineClass != "hard" || !got.AskAt.IsZero() {
			t.Fatalf("%+v, %v", got, err)
		}
		if _, err := k.GetFor(ctx, "cus_other", a.ID); !errors.Is(err, payment.ErrAttemptNotFound) {
			t.Errorf("another's: %v", err)
		}
		if _, err := k.GetFor(ctx, "", a.ID); !errors.Is(err, payment.ErrAttemptNotFound) {
			t.Errorf("nobody's: %v", err)
		}
	})
}

func TestSavingAMethodNeedsNoMoney(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		ctx := t.Context()
		a, err := k.Plan(ctx, payment.New{Customer: k.cus, Gateway: "us", AccountKey: account, Purpose: payment.SaveOnly, Save: true})
		k.ok(err)
		_, err = k.Send(ctx, a.ID)
		k.ok(err)
		for range 2 {
			k.ok(k.Saved(ctx, a.ID, nil))
		}
		if got := k.attempt(a.ID); got.Status != payment.Succeeded || len(got.Invoices) != 0 || !got.Amount.IsZero() {
			t.Errorf("%+v", got)
		}
		if err := k.Saved(ctx, k.sent().ID, nil); err == nil {
			t.Error("a saved method paid an invoice")
		}
	})
}

func TestPlanRefusesWhatIsNotWhole(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		inv := ids.New[ids.Invoice]()
		for name, change := range map[string]func(*payment.New){
			"no money":              func(n *payment.New) { n.Amount = eur(0) },
			"less than nothing":     func(n *payment.New) { n.Amount = eur(-5) },
			"an invoice twice":      func(n *payment.New) { n.Invoices = append(n.Invoices, inv) },
			"a charge of no method": func(n *payment.New) { n.Purpose = payment.Charge },
			"a visit with a method": func(n *payment.New) { n.Method = "pmt_1" },
			"saving with money":     func(n *payment.New) { n.Purpose = payment.SaveOnly },
			"no account":            func(n *payment.New) { n.AccountKey = "" },
			"no purpose":            func(n *payment.New) { n.Purpose = "" },
		} {
			n := k.visit(inv)
			change(&n)
			if _, err := k.Plan(t.Context(), n); err == nil {
				t.Errorf("%s was planned", name)
			}
		}
		if n := k.count("SELECT COUNT(*) FROM attempt_targets"); n != 0 {
			t.Errorf("%d rows were left", n)
		}
		free := k.visit()
		free.Amount = money.Of(5000, "JPY")
		if a, err := k.Plan(t.Context(), free); err != nil || k.attempt(a.ID).Amount != free.Amount {
			t.Errorf("funds: %v", err)
		}
	})
}

func TestAttemptsAreListedInTwoQueries(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		var made []ids.Attempt
		for range 5 {
			a, err := k.Plan(t.Context(), k.visit(ids.New[ids.Invoice](), ids.New[ids.Invoice]()))
			k.ok(err)
			made = append(made, a.ID)
		}
		slices.Reverse(made)
		var got []ids.Attempt
		f := payment.AttemptFilter{Customer: k.cus, Statuses: []payment.AttemptStatus{payment.Planned}, Limit: 2}
		for range 4 {
			ctx, n := db.CountQueries(t.Context())
			page, err := k.List(ctx, f)
			if err != nil || page.Total != 5 || n.N() != 2 {
				t.Fatalf("%+v, %d queries, %v", page, n.N(), err)
			}
			for _, a := range page.List {
				if got = append(got, a.ID); len(a.Invoices) != 2 || a.Invoices[0] > a.Invoices[1] {
					t.Errorf("%v", a.Invoices)
				}
			}
			if f.After = page.Next; f.After == "" {
				break
			}
		}
		if !slices.Equal(got, made) {
			t.Fatalf("have %v\nwant %v", got, made)
		}
		if _, err := k.List(t.Context(), payment.AttemptFilter{Sort: "amount_minor; --"}); err == nil {
			t.Error("any sort is taken")
		}
		if page, err := k.List(t.Context(), payment.AttemptFilter{Customer: "cus_other"}); err != nil || page.Total != 0 {
			t.Errorf("%+v, %v", page, err)
		}
	})
}
