package flow_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/core/sales/coupon"
	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/sdk/money"
)

// Nobody pays for a term that was billed ahead and is not wanted any more, whoever ends the service and whatever else is
// on the invoice; and nobody gets such a term for nothing by taking the cancellation back.
func TestTermsThatNeverCome(t *testing.T) {
	ways := map[string]struct {
		leave func(w *world, sub subscription.Subscription) error
		kept  bool
	}{
		"cancelled for the end": {leave: func(w *world, sub subscription.Subscription) error {
			return w.CancelService(w.ctx, sub.Customer, sub.ID, flow.CancelIn{AtEnd: true})
		}},
		"cancelled at once": {leave: func(w *world, sub subscription.Subscription) error {
			return w.CancelService(w.ctx, sub.Customer, sub.ID, flow.CancelIn{})
		}},
		"ended by staff": {leave: func(w *world, sub subscription.Subscription) error {
			return w.TerminateService(w.ctx, sub.ID, "asked by phone")
		}},
		"cancelled for the end, and kept": {kept: true, leave: func(w *world, sub subscription.Subscription) error {
			if err := w.CancelService(w.ctx, sub.Customer, sub.ID, flow.CancelIn{AtEnd: true}); err != nil {
				return err
			}
			return w.KeepService(w.ctx, sub.Customer, sub.ID)
		}},
	}
	for name, way := range ways {
		for kind, combine := range map[string]bool{"on one invoice": true, "an invoice for each": false} {
			t.Run(name+", "+kind, func(t *testing.T) {
				dbtest.Each(t, func(t *testing.T, d *db.DB) {
					w := newWorld(t, d)
					c := w.customer("jana")
					_, err := w.Customers.Update(w.ctx, c.ID, func(c *customer.Customer) error { c.Combine = combine; return nil })
					w.ok(err)
					_, stays := w.buy(c, "web", true)
					_, leaves := w.buy(c, "db", false)
					w.days(14) // billed ahead, due on the 28th
					w.ok(way.leave(w, leaves))
					w.drain()
					w.proven()
					var open int64
					for _, inv := range w.invoices(c) {
						open += inv.Open()
					}
					if open != 1190 {
						t.Errorf("%d is owed, for one service that stays", open)
					}
					w.days(14)
					w.proven()
					taken := int64(0)
					for _, m := range w.bank.State().Money {
						taken += m.Taken - m.Back
					}
					want, to := int64(3*1190), period.Date(2027, 2, 28)
					if way.kept {
						want, to = 4*1190, period.Date(2027, 3, 31)
					}
					if taken != want {
						t.Errorf("%d was taken, want %d", taken, want)
					}
					if got := w.sub(leaves.ID); got.PaidTo != to || got.BilledTo != to || (got.Status == subscription.Ended) == way.kept {
						t.Errorf("the service that leaves is %s, paid to %s, billed to %s", got.Status, got.PaidTo, got.BilledTo)
					}
					if got := w.sub(stays.ID); got.PaidTo != period.Date(2027, 3, 31) || got.Status != subscription.Active {
						t.Errorf("the service that stays is %s, paid to %s", got.Status, got.PaidTo)
					}
				})
			})
		}
	}
}

// A credit of the rest can be what makes an invoice paid: what was paid for runs on.
func TestACreditThatPaysTheRest(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		c := w.customer("jana")
		_, stays := w.buy(c, "web", false)
		_, leaves := w.buy(c, "db", false)
		w.days(14)
		list := w.invoices(c)
		inv := list[len(list)-1]
		_, err := w.RecordPayment(w.ctx, flow.Manual{Customer: c.ID, Invoices: []ids.Invoice{inv.ID}, Amount: money.Of(1190, "EUR"), Key: "half"})
		w.ok(err)
		w.ok(w.CancelService(w.ctx, c.ID, leaves.ID, flow.CancelIn{AtEnd: true}))
		w.drain()
		w.proven()
		if got, err := w.Invoices.Get(w.ctx, inv.ID); err != nil || got.Status != invoice.Paid {
			t.Errorf("the invoice is %s: %v", got.Status, err)
		}
		if got := w.sub(stays.ID); got.PaidTo != period.Date(2027, 3, 31) {
			t.Errorf("what was paid for is paid to %s", got.PaidTo)
		}
		if got := w.sub(leaves.ID); got.PaidTo != period.Date(2027, 2, 28) {
			t.Errorf("what was cancelled is paid to %s", got.PaidTo)
		}
	})
}

// A page that was opened for another sum is not given again: more than is owed would be paid there.
func TestAPageOfAnotherSumIsClosed(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		c := w.customer("jana")
		p := w.order(c, "web")
		in := flow.PayIn{Customer: c.ID, Invoices: []ids.Invoice{p.Invoice.ID}, Gateway: "bank", Return: "https://shop.test/orders/x?attempt={attempt}"}
		first, err := w.StartPayment(w.ctx, in)
		w.ok(err)
		_, err = w.RecordPayment(w.ctx, flow.Manual{Customer: c.ID, Invoices: in.Invoices, Amount: money.Of(500, "EUR"), Key: "part"})
		w.ok(err)
		second, err := w.StartPayment(w.ctx, in)
		w.ok(err)
		if second.Attempt == first.Attempt {
			t.Fatal("the page of the whole sum was given for the rest")
		}
		att, err := w.Payments.Get(w.ctx, second.Attempt)
		w.ok(err)
		if att.Amount.Minor() != 690 || att.Status != payment.Waiting {
			t.Errorf("the page asks for %s and is %s", att.Amount, att.Status)
		}
		if old, err := w.Payments.Get(w.ctx, first.Attempt); err != nil || old.Status != payment.Expired {
			t.Errorf("the old page is %s: %v", old.Status, err)
		}
	})
}

// A service that ends before it ever ran costs nothing: what is open of it is taken back, what was paid is the customer's.
func TestAServiceThatNeverRanCostsNothing(t *testing.T) {
	for name, paid := range map[string]bool{"before it is paid": false, "when it is paid": true} {
		t.Run(name, func(t *testing.T) {
			dbtest.Each(t, func(t *testing.T, d *db.DB) {
				w := newWorld(t, d)
				w.vps.Setup = catalog.SetupManual
				var err error
				w.vps, err = w.Catalog.SaveProduct(w.ctx, w.vps)
				w.ok(err)
				c := w.customer("jana")
				cart := w.cart("web", 0)
				cart.Lines = append(cart.Lines, cart.Lines[0])
				cart.Lines[1].Key, cart.Lines[1].Label = "b", "db"
				p, err := w.Checkout(w.ctx, flow.CheckoutIn{Customer: c.ID, Cart: cart, TermsVersion: "2027-01", RequestKey: "two"})
				w.ok(err)
				var page flow.Started
				if paid {
					w.pay(p, false)
				} else {
					page, err = w.StartPayment(w.ctx, flow.PayIn{Customer: c.ID, Invoices: []ids.Invoice{p.Invoice.ID}, Gateway: "bank", Return: "https://shop.test/{attempt}"})
					w.ok(err)
				}
				w.drain()
				for i, want := range []int64{1190, 0} {
					w.ok(w.CancelService(w.ctx, c.ID, p.Subscriptions[i], flow.CancelIn{AtEnd: true}))
					w.drain()
					inv, err := w.Invoices.Get(w.ctx, p.Invoice.ID)
					w.ok(err)
					has, err := w.Ledger.BalanceIn(w.ctx, c.ID, "EUR")
					w.ok(err)
					if paid && (has.Minor() != 2380-want || inv.Open() != 0) || !paid && (inv.Open() != want || has.Minor() != 0) {
						t.Errorf("after %d were cancelled %d is open and the balance is %s", i+1, inv.Open(), has)
					}
				}
				if _, err := w.StartPayment(w.ctx, flow.PayIn{Customer: c.ID, Invoices: []ids.Invoice{p.Invoice.ID}, Gateway: "bank"}); !errors.Is(err, flow.ErrNothingOpen) {
					t.Errorf("what was taken back can be paid: %v", err)
				}
				if !paid {
					if att, err := w.Payments.Get(w.ctx, page.Attempt); err != nil || att.Status != payment.Expired {
						t.Errorf("the page that was open for it is %s: %v", att.Status, err)
					}
				}
				w.days(30)
				w.proven()
			})
		})
	}
}

// The key that a caller gives to a refund may be as long as keys may be.
func TestARefundWithACreditUnderALongKey(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		p, _ := w.buy(w.customer("jana"), "web", false)
		list, err := w.Payments.Payments(w.ctx, payment.Filter{Customer: p.Order.Customer})
		w.ok(err)
		in := flow.RefundIn{Payment: list.List[0].ID, Amount: money.Of(1190, "EUR"), Reason: "asked for it", Key: strings.Repeat("k", 64), Credit: true}
		first, err := w.Refund(w.ctx, in)
		w.ok(err)
		again, err := w.Refund(w.ctx, in)
		w.ok(err)
		w.drain()
		if r, err := w.Payments.Refund(w.ctx, first.ID); err != nil || again.ID != first.ID || r.Status != payment.RefundDone {
			t.Errorf("the refund is %s, asked again %s: %v", r.Status, again.ID, err)
		}
		w.proven()
	})
}

// What its panel would refuse is refused before it is paid, whichever way the order comes.
func TestNamesThatNoServerCanHave(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	c := w.customer("jana")
	for label, want := range map[string]error{
		"web-01.example.com": nil, "": nil, "Web": nil,
		"<script>alert(1)</script>": flow.ErrHost, "two words": flow.ErrHost, "-rf": flow.ErrHost, "ü.example.com": flow.ErrHost,
		"web\r\nX: y": flow.ErrLabel, "a\x00b": flow.ErrLabel, "moc.\u202eelpmaxe": flow.ErrLabel, "\xff": flow.ErrLabel, strings.Repeat("a.", 61): flow.ErrLabel,
	} {
		if _, err := w.Quote(w.ctx, flow.QuoteIn{Cart: w.cart(label, 0), Customer: c.ID}); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", label, err, want)
		}
	}
}

// A coupon for three terms discounts three, though one of them was billed, cancelled and kept.
func TestACouponKeepsItsTermsWhenACancellationIsTakenBack(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		_, err := w.Coupons.Save(w.ctx, coupon.Coupon{Code: "THREE", Kind: coupon.Percent, RatePPM: 500_000, Terms: 3})
		w.ok(err)
		c := w.customer("jana")
		cart := w.cart("web", 0)
		cart.Coupon = "THREE"
		p, err := w.Checkout(w.ctx, flow.CheckoutIn{Customer: c.ID, Cart: cart, TermsVersion: "2027-01", RequestKey: "three"})
		w.ok(err)
		w.pay(p, true)
		w.drain()
		w.days(14)
		w.ok(w.CancelService(w.ctx, c.ID, p.Subscriptions[0], flow.CancelIn{AtEnd: true}))
		w.ok(w.KeepService(w.ctx, c.ID, p.Subscriptions[0]))
		w.days(90)
		var totals []int64
		for _, inv := range w.invoices(c) {
			if inv.Status == invoice.Paid {
				totals = append(totals, inv.Total)
			}
		}
		if len(totals) < 4 || !slices.Equal(totals[:4], []int64{595, 595, 595, 1190}) {
			t.Errorf("the terms cost %v", totals)
		}
		w.proven()
	})
}
