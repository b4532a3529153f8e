package payment_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/base/states"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/money"
)

// Webhook, browser, scheduler and staff report one payment at the same moment, from two processes, some by our key and
// some by the gateway's reference alone; an old failure is among them.
func TestOnePaymentReportedFourWaysIsBookedOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		ctx, other := t.Context(), k.again()
		for round := range 20 {
			a, ref := k.sent(), fmt.Sprintf("pi_%d", round)
			var fresh atomic.Int32
			together(t, 5, never, func(i int) error {
				use := k.Service
				if i%2 == 1 {
					use = other
				}
				if i == 4 {
					if err := use.Decline(ctx, a.ID, declined, ref, nil); !errors.Is(err, states.ErrRefused) {
						return err
					}
					return nil // it came too late
				}
				r := report(a, ref)
				if i == 3 {
					r.Fee = eur(75)
				}
				got, err := use.Receive(ctx, r)
				if got.Fresh {
					fresh.Add(1)
				}
				return err
			})
			p, err := k.PaymentByRef(ctx, account, ref)
			if err != nil || fresh.Load() != 1 || p.Status != payment.StatusCaptured || p.Attempt != a.ID || p.Customer != k.cus || p.Amount != a.Amount {
				t.Fatalf("round %d: %d were fresh, %+v, %v", round, fresh.Load(), p, err)
			}
			if got := k.attempt(a.ID); got.Status != payment.Succeeded {
				t.Fatalf("round %d: the attempt is %s", round, got.Status)
			}
		}
		if n, told := k.count("SELECT COUNT(*) FROM payments"), k.events(payment.EventReceived); n != 20 || len(told) != 20 || len(told[0].Invoices) != 1 {
			t.Errorf("%d rows, %d events", n, len(told))
		}
		if n := k.count("SELECT COUNT(*) FROM attempt_targets WHERE open_key IS NOT NULL"); n != 0 {
			t.Errorf("%d invoices are still blocked", n)
		}
	})
}

func TestMoneyThatNobodyAskedForIsHeldOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		ctx, other := t.Context(), k.again()
		foreign := k.sent() // our key, but reported by another account: a gateway cannot settle another's attempt
		for i, key := range []string{"", "ord_17", "att_01JD0Y9F6Z8V5M3B1N7K2T4QWX", string(foreign.ID)} {
			ref := fmt.Sprintf("pi_%d", i)
			var fresh, held atomic.Int32
			together(t, 6, never, func(n int) error {
				use := k.Service
				if n%2 == 1 {
					use = other
				}
				got, err := use.Receive(ctx, payment.Report{AccountKey: "paypal:x:live", Gateway: "pp", Ref: ref, Key: key, State: payment.Captured, Amount: eur(500), On: today, Source: payment.FromGateway})
				if got.Fresh {
					fresh.Add(1)
				}
				if got.Held {
					held.Add(1)
				}
				return err
			})
			p, err := k.PaymentByRef(ctx, "paypal:x:live", ref)
			if err != nil || fresh.Load() != 1 || held.Load() != 6 || p.Status != payment.StatusHeld || p.Customer != "" || p.HoldReason == "" {
				t.Fatalf("%q: %d fresh, %d held, %+v, %v", key, fresh.Load(), held.Load(), p, err)
			}
		}
		if got := k.attempt(foreign.ID); got.Status != payment.Sent {
			t.Errorf("another account settled it: %s", got.Status)
		}
		if n := len(k.events(payment.EventHeld)); n != 4 {
			t.Errorf("staff was told %d times", n)
		}
	})
}

func TestAnotherCurrencyIsHeldAndReleasedByStaff(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		ctx, a := t.Context(), k.sent()
		r := report(a, "pi_1")
		r.Amount = money.Of(3000, "USD")
		got, err := k.Receive(ctx, r)
		if err != nil || !got.Fresh || !got.Held || got.Payment.Status != payment.StatusHeld || got.Payment.Customer != k.cus || got.Payment.HoldReason != "asked for 30.00 EUR" {
			t.Fatalf("%+v, %v", got, err)
		}
		if at := k.attempt(a.ID); at.Status != payment.Sent {
			t.Errorf("the attempt is %s", at.Status)
		}
		if err := k.Allocate(ctx, got.Payment.ID, []payment.Allocation{{Kind: payment.ToBalance, Minor: 3000}}); !errors.Is(err, payment.ErrNotCaptured) {
			t.Errorf("held money was given out: %v", err)
		}
		if _, _, err := k.Release(ctx, got.Payment.ID, "cus_other"); !errors.Is(err, payment.ErrNotFound) {
			t.Errorf("released to another customer: %v", err)
		}
		for i := range 2 {
			p, fresh, err := k.Release(ctx, got.Payment.ID, k.cus)
			if err != nil || p.Status != payment.StatusCaptured || fresh != (i == 0) {
				t.Fatalf("%+v, %v, %v", p, fresh, err)
			}
		}
		k.ok(k.Allocate(ctx, got.Payment.ID, []payment.Allocation{{Kind: payment.ToBalance, Minor: 3000}}))
	})
}

func TestHeldMoneyOfNobodyGetsItsCustomer(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		ctx := t.Context()
		got, err := k.Receive(ctx, payment.Report{AccountKey: account, Gateway: "us", Ref: "ch_1", State: payment.Captured, Amount: eur(500), On: today, Source: payment.FromGateway})
		k.ok(err)
		if _, _, err := k.Release(ctx, got.Payment.ID, ""); !errors.Is(err, payment.ErrNotFound) {
			t.Errorf("released to nobody: %v", err)
		}
		if p, fresh, err := k.Release(ctx, got.Payment.ID, k.cus); err != nil || !fresh || p.Customer != k.cus {
			t.Fatalf("%+v, %v, %v", p, fresh, err)
		}
		if p, err := k.PaymentFor(ctx, k.cus, got.Payment.ID); err != nil || p.Status != payment.StatusCaptured {
			t.Errorf("%+v, %v", p, err)
		}
	})
}

func TestLateSuccessIsMoney(t *testing.T) {
	tests := []struct {
		name string
		end  func(k *desk, id ids.Attempt) error
	}{
		{"declined", func(k *desk, id ids.Attempt) error { return k.Decline(k.t.Context(), id, declined, "", nil) }},
		{"expired", func(k *desk, id ids.Attempt) error { return k.Expire(k.t.Context(), id) }},
		{"in doubt", func(k *desk, id ids.Attempt) error { return k.Lose(k.t.Context(), id, "", nil) }},
		{"parked", func(k *desk, id ids.Attempt) error {
			k.ok(k.Lose(k.t.Context(), id, "", nil))
			return k.Park(k.t.Context(), id)
		}},
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		ctx := t.Context()
		for i, tt := range tests {
			a := k.sent()
			k.ok(tt.end(k, a.ID))
			second, err := k.Plan(ctx, k.visit(a.Invoices...)) // the customer tries again meanwhile, if he may
			got, err2 := k.Receive(ctx, report(a, fmt.Sprintf("pi_%d", i)))
			if err2 != nil || !got.Fresh || got.Held || got.Attempt.Status != payment.Succeeded || len(got.Attempt.Invoices) != 1 {
				t.Fatalf("%s: %+v, %v", tt.name, got, err2)
			}
			of, err2 := k.OpenOn(ctx, a.Invoices)
			if k.ok(err2); err == nil && of[a.Invoices[0]].ID != second.ID {
				t.Errorf("%s: the second attempt no longer holds the invoice", tt.name)
			}
			if err != nil && len(of) != 0 {
				t.Errorf("%s: the invoice is still blocked", tt.name)
			}
		}
	})
}

func TestASecondPaymentUnderOneAttemptIsOneOfItsOwn(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		p, a := k.paid("pi_1")
		r := report(a, "pi_2")
		got, err := k.Receive(t.Context(), r)
		if err != nil || !got.Fresh || got.Payment.ID == p.ID || got.Payment.Attempt != a.ID {
			t.Fatalf("%+v, %v", got, err)
		}
		if all, err := k.OfAttempt(t.Context(), a.ID); err != nil || len(all) != 2 {
			t.Errorf("%d, %v", len(all), err)
		}
	})
}

func TestTheSameReferenceWithAnotherAmountBooksNothing(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		p, a := k.paid("pi_1")
		for _, amount := range []money.Amount{eur(2999), eur(3001), money.Of(3000, "USD")} {
			r := report(a, "pi_1")
			r.Amount = amount
			if _, err := k.Receive(t.Context(), r); !errors.Is(err, payment.ErrDiffers) {
				t.Errorf("%s: %v", amount, err)
			}
		}
		if got := k.payment(p.ID); got.Amount != eur(3000) || got.Version != p.Version {
			t.Errorf("%+v", got)
		}
	})
}

func TestADebitIsPendingUntilItComesOrFails(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		ctx, a := t.Context(), k.sent()
		r := report(a, "pi_1")
		r.State = payment.Pending
		for range 2 {
			got, err := k.Receive(ctx, r)
			if err != nil || got.Fresh || got.Payment.Status != payment.StatusPending {
				t.Fatalf("%+v, %v", got, err)
			}
		}
		k.ok(k.Later(ctx, a.ID, t0.Add(24*time.Hour), sdk.Notes{"intent": "pi_1"}))
		if of, err := k.OpenOn(ctx, a.Invoices); err != nil || len(of) != 1 {
			t.Fatalf("a debit under way does not hold its invoice: %v", err)
		}
		r.State, r.On, r.Fee = payment.Captured, today.Add(4), eur(35)
		got, err := k.Receive(ctx, r)
		if err != nil || !got.Fresh || got.Payment.On != today.Add(4) || got.Payment.Fee != eur(35) || got.Attempt.Status != payment.Succeeded {
			t.Fatalf("%+v, %v", got, err)
		}
		if n := k.count("SELECT COUNT(*) FROM payments"); n != 1 {
			t.Errorf("%d rows", n)
		}
		failing := k.sent()
		r = report(failing, "pi_2")
		r.State = payment.Pending
		got, err = k.Receive(ctx, r)
		k.ok(err)
		for range 2 {
			k.ok(k.Fail(ctx, got.Payment.ID, "account closed"))
		}
		r.State = payment.Captured
		if _, err := k.Receive(ctx, r); !errors.Is(err, states.ErrRefused) {
			t.Errorf("captured after it failed, without anybody being told: %v", err)
		}
		if err := k.Fail(ctx, k.payment(got.Payment.ID).ID, ""); err != nil {
			t.Error(err)
		}
	})
}

func TestAFeeThatIsToldLaterIsKeptOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		_, a := k.paid("pi_1")
		var known atomic.Int32
		together(t, 5, never, func(int) error {
			r := report(a, "pi_1")
			r.Fee = eur(75)
			got, err := k.Receive(t.Context(), r)
			if got.FeeKnown {
				known.Add(1)
			}
			if got.Fresh || got.Payment.Fee != eur(75) {
				t.Errorf("%+v", got)
			}
			return err
		})
		if known.Load() != 1 {
			t.Errorf("the fee is to be posted %d times", known.Load())
		}
		r := report(a, "pi_1")
		r.Fee = money.Of(80, "USD")
		if got, err := k.Receive(t.Context(), r); err != nil || got.FeeKnown || got.Payment.Fee != eur(75) {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestMoneyFromStaffAndFromTheBalance(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		own := ids.New[ids.Payment]()
		for _, r := range []payment.Report{
			{Gateway: "bank", Ref: "bank:key-1", Source: payment.FromBank, Memo: "RF18 5390"},
			{ID: own, Gateway: "balance", Ref: string(own), Source: payment.FromBalance},
			{Ref: "cash:key-2", Source: payment.FromManual},
		} {
			r.AccountKey, r.State, r.Customer, r.On, r.Amount = payment.InternalAccount, payment.Captured, k.cus, today, eur(700)
			var fresh atomic.Int32
			together(t, 8, never, func(int) error {
				got, err := k.Receive(t.Context(), r)
				if got.Fresh {
					fresh.Add(1)
				}
				if got.Held || got.Attempt != nil {
					t.Errorf("%+v", got)
				}
				return err
			})
			p, err := k.PaymentByRef(t.Context(), payment.InternalAccount, r.Ref)
			if err != nil || fresh.Load() != 1 || p.Status != payment.StatusCaptured || p.Customer != k.cus || p.Source != r.Source || r.ID != "" && p.ID != own {
				t.Errorf("%d fresh, %+v, %v", fresh.Load(), p, err)
			}
		}
		if page, err := k.Payments(t.Context(), payment.Filter{Customer: k.cus, Query: "rf18"}); err != nil || page.Total != 1 {
			t.Errorf("%+v, %v", page, err)
		}
	})
}

func TestAReportThatIsNotWholeIsRefused(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		a := k.sent()
		for name, change := range map[string]func(*payment.Report){
			"no reference":            func(r *payment.Report) { r.Ref = "" },
			"no account":              func(r *payment.Report) { r.AccountKey = "" },
			"no day":                  func(r *payment.Report) { r.On = period.Day{} },
			"no state":                func(r *payment.Report) { r.State = "" },
			"nothing":                 func(r *payment.Report) { r.Amount = eur(0) },
			"less than nothing":       func(r *payment.Report) { r.Amount = eur(-1) },
			"no currency":             func(r *payment.Report) { r.Amount = money.Of(1, "") },
			"from nowhere":            func(r *payment.Report) { r.Source = "" },
			"from staff for nobody":   func(r *payment.Report) { r.Source = payment.FromBank },
			"from a nameless gateway": func(r *payment.Report) { r.Gateway = "" },
		} {
			r := report(a, "pi_1")
			change(&r)
			if _, err := k.Receive(t.Context(), r); err == nil {
				t.Errorf("%s was booked", name)
			}
		}
		if n := k.count("SELECT COUNT(*) FROM payments"); n != 0 {
			t.Errorf("%d rows", n)
		}
	})
}

func TestAllocationsNeverExceedThePayment(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		ctx := t.Context()
		p, a := k.paid("pi_1")
		inv := a.Invoices[0]
		over := func(err error) bool { return errors.Is(err, payment.ErrOverAllocated) }
		if n := together(t, 10, over, func(int) error {
			return k.Allocate(ctx, p.ID, []payment.Allocation{{Invoice: inv, Kind: payment.ToInvoice, Minor: 900}, {Kind: payment.ToBalance, Minor: 100}})
		}); n != 3 {
			t.Fatalf("given out %d times", n)
		}
		k.ok(k.Allocate(ctx, p.ID, []payment.Allocation{{Invoice: inv, Kind: payment.ToInvoice, Minor: -700}, {Kind: payment.ToLost, Minor: 700}}))
		of, err := k.OfInvoice(ctx, inv)
		if err != nil || len(of) != 1 || of[0].Minor != 2000 || of[0].Payment.ID != p.ID || of[0].Payment.Applied != 3000 {
			t.Fatalf("%+v, %v", of, err)
		}
		at, err := k.Standing(ctx, []ids.Payment{p.ID})
		if err != nil || len(at[p.ID]) != 3 || at[p.ID][0].Kind != payment.ToLost || at[p.ID][2].Minor != 2000 {
			t.Fatalf("%+v, %v", at, err)
		}
		if all, err := k.Allocations(ctx, []ids.Payment{p.ID}); err != nil || len(all[p.ID]) != 8 {
			t.Errorf("%d parts, %v", len(all[p.ID]), err)
		}
	})
}

func TestAReturnTakesBackAllThatWasGivenOut(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		ctx := t.Context()
		p, a := k.paid("pi_1")
		k.ok(k.Allocate(ctx, p.ID, []payment.Allocation{{Invoice: a.Invoices[0], Kind: payment.ToInvoice, Minor: 2500}, {Kind: payment.ToBalance, Minor: 500}}))
		given, err := k.Return(ctx, p.ID, "insufficient funds")
		if err != nil || len(given) != 2 || given[0].Minor != 500 || given[1].Minor != 2500 || given[1].Invoice != a.Invoices[0] {
			t.Fatalf("%+v, %v", given, err)
		}
		if given, err := k.Return(ctx, p.ID, "again"); err != nil || given != nil {
			t.Errorf("a second time: %+v, %v", given, err)
		}
		of, err := k.OfInvoice(ctx, a.Invoices[0])
		if got := k.payment(p.ID); err != nil || got.Status != payment.StatusFailed || got.Applied != 0 || of[0].Minor != 0 {
			t.Errorf("%+v, %+v, %v", got, of, err)
		}
		if told := k.events(payment.EventReturned); len(told) != 1 || len(told[0].Invoices) != 1 {
			t.Errorf("%+v", told)
		}
	})
}

func TestReceiveJoinsTheCallersTransaction(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		a, oops := k.sent(), errors.New("oops")
		err := d.Tx(t.Context(), func(ctx context.Context) error {
			if _, err := k.Receive(ctx, report(a, "pi_1")); err != nil {
				return err
			}
			return oops // posting failed
		})
		if !errors.Is(err, oops) || k.attempt(a.ID).Status != payment.Sent || k.count("SELECT COUNT(*) FROM payments") != 0 || len(k.events(payment.EventReceived)) != 0 {
			t.Fatal("a part was kept", err)
		}
	})
}
