package flow_test

import (
	"slices"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/sales/order"
	"github.com/ezscale/bursar/sdk/gateway"
	"github.com/ezscale/bursar/sdk/money"
	"github.com/ezscale/bursar/sdk/panel"
)

func TestOrderPayDeliverRenew(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		c := w.customer("meier")
		q, err := w.Quote(w.ctx, flow.QuoteIn{Cart: w.cart("web", 2), Customer: c.ID})
		w.ok(err)
		if q.Total != money.Of(2380, "EUR") || q.Tax != money.Of(380, "EUR") || len(q.Lines) != 2 || len(q.Renewal) != 1 || q.Renewal[0].Total != money.Of(2380, "EUR") || q.Renewal[0].On != period.Date(2027, 2, 28) {
			t.Fatalf("the cart costs %+v", q)
		}
		p, sub := w.buy(c, "web", true)
		if sub.Status != subscription.Active || sub.PaidTo != period.Date(2027, 2, 28) || w.status(sub.ID) != panel.Active {
			t.Fatalf("bought, the service is %+v, on the panel %s", sub, w.status(sub.ID))
		}
		if inv := w.invoices(c)[0]; inv.ID != p.Invoice.ID || inv.Status != invoice.Paid || inv.Number == "" || inv.Total != 1190 {
			t.Errorf("the invoice is %+v", inv)
		}
		if got := w.said(c); !slices.Equal(got, []string{"receipt", "service_ready"}) {
			t.Errorf("the customer got %v", got)
		}
		ways, err := w.Reveal(w.ctx, c.ID, sub.ID)
		w.ok(err)
		if len(ways) == 0 || ways[0].Secret == "" {
			t.Errorf("revealed: %+v", ways)
		}
		if _, err := w.Reveal(w.ctx, c.ID, sub.ID); err == nil {
			t.Error("the credentials were shown twice")
		}
		w.proven()

		w.days(14) // 14 days before the 28th
		renewal := w.invoices(c)[1]
		if renewal.Kind != invoice.KindRenewal || renewal.Issued != period.Date(2027, 2, 14) || renewal.Due != period.Date(2027, 2, 28) || renewal.Status != invoice.Opened {
			t.Fatalf("the renewal is %+v", renewal)
		}
		w.days(14)
		if renewal = w.invoices(c)[1]; renewal.Status != invoice.Paid {
			t.Fatalf("on its due day the renewal is %s", renewal.Status)
		}
		if sub = w.sub(sub.ID); sub.PaidTo != period.Date(2027, 3, 31) || sub.BilledTo != period.Date(2027, 3, 31) {
			t.Errorf("renewed, it is paid to %s and billed to %s", sub.PaidTo, sub.BilledTo)
		}
		w.days(366)
		var ends []string
		for _, inv := range w.invoices(c) {
			if inv.Status == invoice.Paid {
				ends = append(ends, inv.Due.String())
			}
		}
		if n := len(ends); n < 13 || ends[1] != "2027-02-28" || ends[2] != "2027-03-31" || ends[3] != "2027-04-30" || ends[13] != "2028-02-29" {
			t.Errorf("a year of renewals was due on %v", ends)
		}
		if n := len(w.bank.State().Money); n != len(ends) {
			t.Errorf("%d movements of money for %d paid invoices", n, len(ends))
		}
		w.proven()
	})
}

func TestFallBehindAndComeBack(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		c := w.customer("schulz")
		_, sub := w.buy(c, "late", true)
		w.days(14)
		w.bank.Decline(slices.Repeat([]gateway.Decline{{Class: gateway.Soft, Code: "insufficient_funds", Text: "There is not enough money on the card."}}, 4)...)
		w.days(14 + 6)
		if sub = w.sub(sub.ID); sub.Status != subscription.Active {
			t.Fatalf("six days late it is %s", sub.Status)
		}
		w.days(1)
		if sub = w.sub(sub.ID); sub.Status != subscription.Suspended || w.status(sub.ID) != panel.Suspended {
			t.Fatalf("seven days late it is %s, on the panel %s; mails %v", sub.Status, w.status(sub.ID), w.said(c))
		}
		inv := w.invoices(c)[1]
		if len(w.invoices(c)) != 2 {
			t.Errorf("while suspended for non-payment %d invoices were made", len(w.invoices(c)))
		}
		page, err := w.Payments.List(w.ctx, payment.AttemptFilter{Invoice: inv.ID})
		w.ok(err)
		if page.Total != 4 {
			t.Errorf("%d charges were tried, want 4", page.Total)
		}
		w.proven()
		link, err := w.Invoices.KeepPayToken(w.ctx, inv.ID, "0123456789012345678901")
		w.ok(err)
		if again, err := w.Invoices.ByPayToken(w.ctx, link); err != nil || again.ID != inv.ID {
			t.Errorf("the link opens %v, %v", again.ID, err)
		}
		w.pay(flow.Placed{Order: w.orderOf(c.ID), Invoice: inv}, false)
		w.drain()
		if sub = w.sub(sub.ID); sub.Status != subscription.Active || w.status(sub.ID) != panel.Active {
			t.Fatalf("paid, it is %s, on the panel %s", sub.Status, w.status(sub.ID))
		}
		for _, mail := range []string{"invoice_issued", "upcoming", "payment_failed", "reminder", "service_suspended", "service_resumed"} {
			if !slices.Contains(w.said(c), mail) {
				t.Errorf("no mail %q among %v", mail, w.said(c))
			}
		}
		w.proven()
	})
}

func TestNoPaymentEndsInTermination(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		c := w.customer("krause")
		_, sub := w.buy(c, "gone", false) // no saved method
		w.days(14 + 14 + 7 + 23 + 1)
		if sub = w.sub(sub.ID); sub.Status != subscription.Ended || sub.EndReason != subscription.Unpaid || w.status(sub.ID) != "none" {
			t.Fatalf("unpaid, it is %s (%s), on the panel %s; mails %v", sub.Status, sub.EndReason, w.status(sub.ID), w.said(c))
		}
		inv := w.invoices(c)[1]
		if inv.Status != invoice.Opened {
			t.Errorf("until it is given up the invoice stays open; it is %s", inv.Status)
		}
		w.days(90)
		if inv = w.invoices(c)[1]; inv.Status != invoice.Uncollectible || inv.WrittenOff != 1190 {
			t.Errorf("given up, it is %s with %d written off", inv.Status, inv.WrittenOff)
		}
		if len(w.invoices(c)) != 2 {
			t.Errorf("%d invoices of an ended service", len(w.invoices(c)))
		}
		w.proven()
		w.ok(w.recover(inv))
		if inv = w.invoices(c)[1]; inv.Status != invoice.Paid {
			t.Errorf("paid after all, it is %s", inv.Status)
		}
		w.proven()
	})
}

// recover pays a given-up invoice by bank.
func (w *world) recover(inv invoice.Invoice) error {
	_, err := w.RecordPayment(w.ctx, flow.Manual{Customer: inv.Customer, Invoices: []ids.Invoice{inv.ID}, Amount: inv.Amount(inv.Total), Way: "bank", Key: "k" + string(inv.ID)})
	return err
}

func (w *world) orderOf(c ids.Customer) order.Order {
	w.t.Helper()
	page, err := w.Orders.List(w.ctx, order.Filter{Customer: c})
	w.ok(err)
	return page.List[0]
}

// A service bought on 31 January is billed to the last day of each of 48 months, and paid each time.
func TestAServiceFrom31JanuaryFor48Months(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		c := w.customer("januar")
		_, sub := w.buy(c, "web", true)
		due := period.Date(2027, 2, 28)
		for range 48 {
			w.clock.Forward(due.At(12, 0, time.UTC))
			w.run(due)
			w.drain()
			// The last day of the next month, said without the code that is tested.
			first := time.Date(due.Year(), due.Month()+2, 1, 0, 0, 0, 0, time.UTC)
			due = period.On(first.AddDate(0, 0, -1), time.UTC)
			if sub = w.sub(sub.ID); sub.BilledTo != due || sub.PaidTo != due {
				t.Fatalf("billed to %s and paid to %s, not to %s", sub.BilledTo, sub.PaidTo, due)
			}
		}
		if n := len(w.bank.State().Money); n != 49 {
			t.Errorf("%d payments for 49 terms", n)
		}
		w.proven()
	})
}
