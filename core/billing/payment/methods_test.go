package payment_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
)

func (k *desk) save(id string) payment.Method {
	k.t.Helper()
	m, err := k.SaveMethod(k.t.Context(), k.cus, "us", account, card(id))
	k.ok(err)
	return m
}

func (k *desk) chargeable() (list []ids.Method) {
	k.t.Helper()
	of, err := k.Chargeable(k.t.Context(), []ids.Customer{k.cus, "cus_other"})
	k.ok(err)
	for _, m := range of[k.cus] {
		list = append(list, m.ID)
	}
	return list
}

func TestAMethodIsSealedAndOpensForItsGateway(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		m := k.save("pm_secret1")
		if n := k.count("SELECT COUNT(*) FROM payment_methods WHERE token_sealed LIKE '%pm_secret1%' OR token_sealed LIKE '%canary%' OR token_hash LIKE '%secret%'"); n != 0 {
			t.Error("the token can be read")
		}
		g, err := k.SDKMethod(t.Context(), m.ID)
		want := card("pm_secret1")
		if err != nil || g.ID != want.ID || g.Kind != want.Kind || g.Brand != want.Brand || g.Last4 != want.Last4 || g.ExpYear != 2029 || g.ExpMonth != 5 || g.Notes["secret"] != "canary-pm_secret1" {
			t.Fatalf("%+v, %v", g, err)
		}
		if _, err := k.db.Write(t.Context()).ExecContext(t.Context(), "UPDATE payment_methods SET id = 'pmt_01JD0Y9F6Z8V5M3B1N7K2T4QWX'"); err != nil {
			t.Fatal(err)
		}
		if _, err := k.SDKMethod(t.Context(), "pmt_01JD0Y9F6Z8V5M3B1N7K2T4QWX"); err == nil {
			t.Error("a sealed token opens in another row")
		}
	})
}

func TestATokenIsSavedOnceHoweverManySayIt(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		other := k.again()
		seen := make([]ids.Method, 10)
		together(t, 10, never, func(i int) error {
			use := k.Service
			if i%2 == 1 {
				use = other
			}
			m, err := use.SaveMethod(t.Context(), k.cus, "us", account, card("pm_1"))
			seen[i] = m.ID
			return err
		})
		if len(slices.Compact(slices.Clone(seen))) != 1 || k.count("SELECT COUNT(*) FROM payment_methods") != 1 {
			t.Fatal(seen)
		}
		if told := k.events(payment.EventMethodSaved); len(told) != 1 || told[0].Method != seen[0] || told[0].Customer != k.cus {
			t.Errorf("%+v", told)
		}
		stranger := ids.New[ids.Customer]()
		k.customer(stranger)
		if _, err := k.SaveMethod(t.Context(), stranger, "us", account, card("pm_1")); !errors.Is(err, payment.ErrMethodTaken) {
			t.Errorf("another customer saved it: %v", err)
		}
		if _, err := k.SaveMethod(t.Context(), stranger, "eu", "stripe:acct_2:test", card("pm_1")); err != nil {
			t.Errorf("the same name in another account: %v", err)
		}
	})
}

func TestTheDefaultIsChargedFirst(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		ctx := t.Context()
		a, b, c := k.save("pm_a"), k.save("pm_b"), k.save("pm_c")
		expect := func(what string, want ...ids.Method) {
			t.Helper()
			if got := k.chargeable(); !slices.Equal(got, want) {
				t.Errorf("%s: %v, want %v", what, got, want)
			}
		}
		if !a.Default || b.Default {
			t.Error("the first is not the default")
		}
		expect("saved", a.ID, c.ID, b.ID)
		k.ok(k.MakeDefault(ctx, k.cus, b.ID))
		expect("b is the default", b.ID, c.ID, a.ID)
		k.ok(k.Block(ctx, b.ID, "hard"))
		expect("b is blocked", c.ID, a.ID)
		k.ok(k.Unblock(ctx, b.ID))
		for range 2 {
			k.ok(k.RemoveMethod(ctx, b.ID))
		}
		expect("b is gone", c.ID, a.ID)
		if left, err := k.Methods(ctx, k.cus); err != nil || len(left) != 2 || !left[0].Default || left[0].ID != c.ID {
			t.Errorf("the newest left is not the default: %+v, %v", left, err)
		}
		if err := k.MakeDefault(ctx, k.cus, b.ID); !errors.Is(err, payment.ErrMethodNotFound) {
			t.Errorf("a removed method became the default: %v", err)
		}
		stranger := ids.New[ids.Customer]()
		k.customer(stranger)
		if err := k.MakeDefault(ctx, stranger, a.ID); !errors.Is(err, payment.ErrMethodNotFound) {
			t.Errorf("another's method became the default: %v", err)
		}
		if n := k.count("SELECT COUNT(*) FROM payment_methods WHERE is_default = TRUE"); n != 1 {
			t.Errorf("%d defaults", n)
		}
		k.clock.Set(time.Date(2029, 5, 31, 23, 0, 0, 0, time.UTC))
		expect("the last day of the cards", c.ID, a.ID)
		k.clock.Set(time.Date(2029, 6, 1, 1, 0, 0, 0, time.UTC))
		expect("the day after")
	})
}

func TestWhatIsSavedAgain(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		ctx := t.Context()
		m := k.save("pm_1")
		told := func() int { return len(k.events(payment.EventMethodSaved)) }
		k.ok(k.Block(ctx, m.ID, "hard"))
		k.clock.Add(48 * time.Hour)
		again := k.save("pm_1") // an old webhook: the card is no better for it
		if again.Blocked != "hard" || told() != 1 || !again.Created.Equal(t0) {
			t.Errorf("%+v, told %d times", again, told())
		}
		renewed := card("pm_1")
		renewed.ExpYear = 2033
		got, err := k.SaveMethod(ctx, k.cus, "us", account, renewed)
		if err != nil || got.Blocked != "" || got.Created.Equal(t0) || told() != 2 || got.Expires.Year() != 2033 {
			t.Errorf("%+v, told %d times, %v", got, told(), err)
		}
		k.ok(k.RemoveMethod(ctx, m.ID))
		if _, err := k.MethodFor(ctx, k.cus, m.ID); !errors.Is(err, payment.ErrMethodNotFound) {
			t.Errorf("a removed method is offered: %v", err)
		}
		if known, err := k.KnownMethod(ctx, account, card("pm_1")); err != nil || known.ID != m.ID || known.Status != payment.MethodRemoved {
			t.Errorf("%+v, %v", known, err)
		}
		if back := k.save("pm_1"); back.ID != m.ID || back.Status != payment.MethodActive || !back.Default || told() != 3 {
			t.Errorf("%+v, told %d times", back, told())
		}
	})
}

func TestAChargeNeedsAMethodThatMayBeCharged(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		ctx := t.Context()
		m, gone, blocked := k.save("pm_1"), k.save("pm_2"), k.save("pm_3")
		k.ok(k.RemoveMethod(ctx, gone.ID))
		k.ok(k.Block(ctx, blocked.ID, "hard"))
		for _, tt := range []struct {
			name    string
			method  ids.Method
			account string
			err     error
		}{
			{"its own", m.ID, account, nil},
			{"removed", gone.ID, account, payment.ErrMethodNotFound},
			{"blocked", blocked.ID, account, payment.ErrBlocked},
			{"of another account", m.ID, "stripe:acct_2:test", payment.ErrMethodNotFound},
			{"unknown", "pmt_none", account, payment.ErrMethodNotFound},
		} {
			_, err := k.Plan(ctx, payment.New{Customer: k.cus, Gateway: "us", AccountKey: tt.account, Method: tt.method, Purpose: payment.Charge, Amount: eur(100), Invoices: []ids.Invoice{ids.New[ids.Invoice]()}})
			if !errors.Is(err, tt.err) {
				t.Errorf("%s: %v", tt.name, err)
			}
		}
	})
}
