package payment_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/states"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/gateway"
	"github.com/ezscale/bursar/sdk/money"
)

func (k *desk) refund(p payment.Payment, minor int64, key string) payment.Refund {
	k.t.Helper()
	f, fresh, err := k.RequestRefund(k.t.Context(), payment.NewRefund{Payment: p.ID, Customer: k.cus, Way: payment.ByGateway, Minor: minor, Reason: "asked", RequestKey: key})
	if err != nil || !fresh {
		k.t.Fatal(fresh, err)
	}
	return f
}

// sums are refunded, refunding, disputed.
func (k *desk) sums(id ids.Payment, refunded, refunding, disputed int64) {
	k.t.Helper()
	if p := k.payment(id); p.Refunded != refunded || p.Refunding != refunding || p.Disputed != disputed {
		k.t.Errorf("refunded %d, refunding %d, disputed %d; want %d, %d, %d", p.Refunded, p.Refunding, p.Disputed, refunded, refunding, disputed)
	}
}

// Refunds by staff, refunds at the gateway's own site and a dispute all want their part of one payment at once.
func TestRefundsAndDisputesTogetherNeverExceedThePayment(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		ctx, other := t.Context(), k.again()
		p, _ := k.paid("pi_1")
		may := func(err error) bool { return errors.Is(err, payment.ErrTooMuch) || errors.Is(err, payment.ErrDispute) }
		done := together(t, 24, may, func(i int) error {
			use := k.Service
			if i%2 == 1 {
				use = other
			}
			var err error
			switch i % 4 {
			case 0, 1:
				_, _, err = use.RequestRefund(ctx, payment.NewRefund{Payment: p.ID, Way: payment.ByGateway, Minor: 700, RequestKey: fmt.Sprint("k", i)})
			case 2:
				_, err = use.RefundSeen(ctx, account, gateway.Refunded{Status: gateway.Captured, Amount: eur(700), Reference: fmt.Sprint("re_", i), Payment: "pi_1"})
			case 3:
				_, err = use.TurnDispute(ctx, account, gateway.Dispute{ID: fmt.Sprint("dp_", i), Payment: "pi_1", Status: "open", Taken: true, Amount: eur(700)})
			}
			return err
		})
		got := k.payment(p.ID)
		if done != 4 || got.Refunded+got.Refunding+got.Disputed != 2800 || got.Left() != 200 {
			t.Fatalf("%d went through: %+v", done, got)
		}
		if n := k.count("SELECT COUNT(*) FROM refunds") + k.count("SELECT COUNT(*) FROM disputes"); n != 4 {
			t.Errorf("%d rows", n)
		}
		k.refund(p, 200, "the rest")
	})
}

func TestOneRequestIsOneRefund(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		ctx := t.Context()
		p, _ := k.paid("pi_1")
		q, _ := k.paid("pi_2")
		n := payment.NewRefund{Payment: p.ID, Customer: k.cus, Way: payment.ByGateway, Minor: 500, RequestKey: "key"}
		seen := make([]payment.Refund, 10)
		together(t, 10, never, func(i int) (err error) {
			seen[i], _, err = k.RequestRefund(ctx, n)
			return err
		})
		for _, f := range seen {
			if f.ID != seen[0].ID || f.Amount != eur(500) || f.Status != payment.RefundRequested {
				t.Errorf("%+v", f)
			}
		}
		k.sums(p.ID, 0, 500, 0)
		for name, other := range map[string]payment.NewRefund{
			"another amount":  {Payment: p.ID, Way: payment.ByGateway, Minor: 501, RequestKey: "key"},
			"another payment": {Payment: q.ID, Way: payment.ByGateway, Minor: 500, RequestKey: "key"},
			"another way":     {Payment: p.ID, Way: payment.Recorded, Minor: 500, RequestKey: "key"},
		} {
			if _, _, err := k.RequestRefund(ctx, other); !errors.Is(err, payment.ErrKeyUsed) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestARefundGoesItsWay(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		ctx := t.Context()
		p, _ := k.paid("pi_1")
		f := k.refund(p, 1000, "k1")
		call, err := k.SDKRefund(ctx, f)
		if err != nil || call.ID != string(f.ID) || call.Reference != "pi_1" || call.Amount != eur(1000) || call.Notes == nil {
			t.Fatalf("%+v, %v", call, err)
		}
		f, err = k.RefundSent(ctx, f.ID)
		k.ok(err)
		k.ok(k.RefundLater(ctx, f.ID, time.Time{}, "re_1", sdk.Notes{"refund": "re_1"}))
		if due, err := k.DueRefunds(ctx, t0.Add(23*time.Hour), 5); err != nil || len(due) != 0 {
			t.Errorf("asked again before a day: %+v, %v", due, err)
		}
		if due, err := k.DueRefunds(ctx, t0.Add(24*time.Hour), 5); err != nil || len(due) != 1 || due[0].Ref != "re_1" {
			t.Errorf("%+v, %v", due, err)
		}
		if call, err = k.SDKRefund(ctx, f); err != nil || call.Notes["refund"] != "re_1" {
			t.Errorf("notes %+v, %v", call.Notes, err)
		}
		changed := 0
		for range 3 {
			turn, err := k.RefundDone(ctx, f.ID, "re_1", nil)
			k.ok(err)
			if turn.Changed {
				if changed++; turn.From != payment.RefundSent {
					t.Errorf("from %s", turn.From)
				}
			}
		}
		k.sums(p.ID, 1000, 0, 0)
		if told := k.events(payment.EventRefundDone); changed != 1 || len(told) != 1 || told[0].Minor != 1000 {
			t.Errorf("changed %d times, told %+v", changed, told)
		}
		if _, err := k.RefundSent(ctx, f.ID); !errors.Is(err, states.ErrRefused) {
			t.Errorf("sent again: %v", err)
		}
	})
}

func TestARefundThatIsTurnedBackAndComesAfterAll(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		ctx := t.Context()
		p, _ := k.paid("pi_1")
		f := k.refund(p, 1000, "k1")
		_, err := k.RefundSent(ctx, f.ID)
		k.ok(err)
		turn := func(want payment.RefundStatus, from payment.RefundStatus, do func() (payment.RefundTurn, error)) {
			t.Helper()
			got, err := do()
			if err != nil || !got.Changed || got.From != from || got.Refund.Status != want {
				t.Fatalf("%+v, %v", got, err)
			}
		}
		refuse := func() (payment.RefundTurn, error) { return k.RefundRefused(ctx, f.ID, "account closed", nil) }
		finish := func() (payment.RefundTurn, error) { return k.RefundDone(ctx, f.ID, "re_1", nil) }
		turn(payment.RefundRefused, payment.RefundSent, refuse)
		k.sums(p.ID, 0, 0, 0)
		turn(payment.RefundDone, payment.RefundRefused, finish)
		k.sums(p.ID, 1000, 0, 0)
		turn(payment.RefundRefused, payment.RefundDone, refuse)
		k.sums(p.ID, 0, 0, 0)
		k.refund(p, 2500, "k2") // the money was used otherwise
		if _, err := finish(); !errors.Is(err, payment.ErrTooMuch) {
			t.Fatalf("more than the payment went back: %v", err)
		}
		k.sums(p.ID, 0, 2500, 0)
		if got, err := k.Refund(ctx, f.ID); err != nil || got.Status != payment.RefundRefused {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestALostRefundIsAskedAndNeverGivenUp(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		ctx := t.Context()
		p, _ := k.paid("pi_1")
		f := k.refund(p, 1000, "k1")
		if due, err := k.DueRefunds(ctx, t0.Add(2*time.Minute), 5); err != nil || len(due) != 1 {
			t.Fatalf("requested by somebody who died: %+v, %v", due, err)
		}
		_, err := k.RefundSent(ctx, f.ID)
		k.ok(err)
		for i := range 10 {
			k.ok(k.RefundLost(ctx, f.ID, nil))
			got, err := k.Refund(ctx, f.ID)
			k.ok(err)
			if wait := got.AskAt.Sub(k.clock.Now()); i == 0 && wait != 10*time.Second || i == 9 && wait != 24*time.Hour || got.Status != payment.RefundUnknown {
				t.Errorf("ask %d after %v, %s", i, wait, got.Status)
			}
			k.clock.Set(got.AskAt)
			_, err = k.RefundSent(ctx, f.ID) // the same call under the same key
			k.ok(err)
		}
		if turn, err := k.RefundDone(ctx, f.ID, "re_1", nil); err != nil || turn.From != payment.RefundUnknown {
			t.Errorf("%+v, %v", turn, err)
		}
		k.sums(p.ID, 1000, 0, 0)
	})
}

func TestRefundsThatAreRecorded(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		ctx := t.Context()
		p, _ := k.paid("pi_1")
		f, fresh, err := k.RequestRefund(ctx, payment.NewRefund{Payment: p.ID, Way: payment.Recorded, Minor: 2000, RequestKey: "a"})
		if err != nil || !fresh || f.Status != payment.RefundDone || f.Customer != k.cus {
			t.Fatalf("%+v, %v", f, err)
		}
		k.sums(p.ID, 2000, 0, 0)
		f, fresh, err = k.RequestRefund(ctx, payment.NewRefund{Customer: k.cus, Way: payment.Recorded, Minor: 999, Currency: "EUR", RequestKey: "b"})
		if err != nil || !fresh || f.Payment != "" || f.Amount != eur(999) {
			t.Fatalf("%+v, %v", f, err)
		}
		if told := k.events(payment.EventRefundDone); len(told) != 2 {
			t.Errorf("%+v", told)
		}
		page, err := k.Refunds(ctx, payment.RefundFilter{Customer: k.cus, Statuses: []payment.RefundStatus{payment.RefundDone}, Limit: 1})
		if err != nil || page.Total != 2 || len(page.List) != 1 || page.List[0].ID != f.ID || page.Next == "" {
			t.Errorf("%+v, %v", page, err)
		}
	})
}

func TestRefundsThatCannotBe(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		ctx := t.Context()
		p, a := k.paid("pi_1")
		r := report(k.sent(), "pi_2")
		r.State = payment.Pending
		pending, err := k.Receive(ctx, r)
		k.ok(err)
		bank, err := k.Receive(ctx, payment.Report{AccountKey: payment.InternalAccount, Ref: "bank:1", Source: payment.FromBank, State: payment.Captured, Customer: k.cus, On: today, Amount: eur(100)})
		k.ok(err)
		base := payment.NewRefund{Payment: p.ID, Customer: k.cus, Way: payment.ByGateway, Minor: 100, RequestKey: "k"}
		for _, tt := range []struct {
			name   string
			change func(*payment.NewRefund)
			err    error
		}{
			{"a unit above the payment", func(n *payment.NewRefund) { n.Minor = 3001 }, payment.ErrTooMuch},
			{"another customer's payment", func(n *payment.NewRefund) { n.Customer = "cus_other" }, payment.ErrNotFound},
			{"no such payment", func(n *payment.NewRefund) { n.Payment = "pay_none" }, payment.ErrNotFound},
			{"a debit under way", func(n *payment.NewRefund) { n.Payment = pending.Payment.ID }, payment.ErrNotCaptured},
			{"a transfer through a gateway", func(n *payment.NewRefund) { n.Payment = bank.Payment.ID }, fault.New(fault.Invalid, "refund_way", "")},
			{"nothing", func(n *payment.NewRefund) { n.Minor = 0 }, fault.New(fault.Invalid, "refund_amount", "")},
		} {
			n := base
			tt.change(&n)
			if tt.name == "another customer's payment" {
				k.customer(n.Customer)
			}
			if _, _, err := k.RequestRefund(ctx, n); !errors.Is(err, tt.err) {
				t.Errorf("%s: %v", tt.name, err)
			}
		}
		k.sums(p.ID, 0, 0, 0)
		if a.ID == "" || k.count("SELECT COUNT(*) FROM refunds") != 0 {
			t.Error("a row was left")
		}
	})
}

func TestARefundMadeAtTheGatewayIsBookedOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		ctx := t.Context()
		g := gateway.Refunded{Status: gateway.Captured, Amount: eur(300), Reference: "re_1", Payment: "pi_1"}
		if _, err := k.RefundSeen(ctx, account, g); !errors.Is(err, payment.ErrNotFound) {
			t.Fatalf("heard before its payment: %v", err)
		}
		p, _ := k.paid("pi_1")
		changed := 0
		for range 3 {
			turn, err := k.RefundSeen(ctx, account, g)
			k.ok(err)
			if turn.Changed {
				changed++
			}
		}
		k.sums(p.ID, 300, 0, 0)
		g.Amount = money.Of(300, "USD")
		g.Reference = "re_2"
		if _, err := k.RefundSeen(ctx, account, g); !errors.Is(err, money.ErrCurrency) || changed != 1 {
			t.Errorf("%v; booked %d times", err, changed)
		}
	})
}
