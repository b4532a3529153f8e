package admin

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/dunning"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/contact/notify"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/platform/inbox"
	"github.com/ezscale/bursar/core/platform/jobs"
	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/core/sales/coupon"
	"github.com/ezscale/bursar/core/web/webtest"
	"github.com/ezscale/bursar/sdk/gateway/gatewaytest"
	"github.com/ezscale/bursar/sdk/money"
)

// desk adds to a busy world what the pages of money and system have to show, and answers their addresses.
func (w *world) desk() map[string]string {
	s := w.site
	list, err := s.Payments.Payments(w.ctx, payment.Filter{Sources: []payment.Source{payment.FromBank}})
	w.ok(err)
	back := list.List[0]
	_, err = w.flow.Refund(w.ctx, flow.RefundIn{Payment: back.ID, Amount: money.Of(1000, "EUR"), Reason: "Two weeks without network", Key: "refund", Credit: true})
	w.ok(err)
	open, err := s.Invoices.OpenOf(w.ctx, back.Customer)
	w.ok(err)
	held, err := w.flow.Settle(w.ctx, payment.Report{AccountKey: "fake:card", Gateway: "card", Ref: "ch_3Qlost", State: payment.Captured, Amount: money.Of(4990, "EUR"), Source: payment.FromGateway})
	w.ok(err)
	unpaid := w.order(w.customer("Cobalt Freight Inc").ID, "edge-2").Invoice
	w.card.Fail(gatewaytest.Failure{Method: "Begin", Times: 1, Done: true}, gatewaytest.Failure{Method: "Look", Times: 100, Err: errors.New("no answer")})
	_, _ = w.flow.StartPayment(w.ctx, flow.PayIn{Customer: unpaid.Customer, Invoices: []ids.Invoice{unpaid.ID}, Gateway: "card", Return: "http://account.shop.test/pay/return/{attempt}"})
	att, err := s.Payments.List(w.ctx, payment.AttemptFilter{Invoice: unpaid.ID})
	w.ok(err)
	w.ok(s.Payments.Park(w.ctx, att.List[0].ID))
	_, err = s.Dunning.SetHold(w.ctx, string(back.Customer), dunning.Hold{What: dunning.HoldSuspend, From: period.On(w.clock.Now(), time.UTC)}, "Disk swap credit first", "Mira Lindqvist")
	w.ok(err)
	most := int64(50)
	cp, err := s.Coupons.Save(w.ctx, coupon.Coupon{Code: "LAUNCH20", Kind: coupon.Percent, RatePPM: 200_000, Terms: 3, MaxUses: &most, OncePerCustomer: true, Rules: coupon.Rules{Who: coupon.NewOnly, Products: []ids.Product{w.plan.ID}, Note: "Spring campaign"}})
	w.ok(err)
	_, err = s.Coupons.Redeem(w.ctx, coupon.Redeeming{Coupon: cp.ID, Customer: back.Customer, Order: ids.New[ids.Order](), Shares: []coupon.Share{{Subscription: ids.New[ids.Subscription]()}}})
	w.ok(err)
	_, err = s.Coupons.Save(w.ctx, coupon.Coupon{Code: "WELCOME5", Kind: coupon.Fixed, AmountMinor: 500, Currency: "EUR", Terms: 1, To: w.clock.Now().AddDate(0, 0, 30)})
	w.ok(err)
	o, err := s.Catalog.SaveOption(w.ctx, catalog.Option{Product: w.plan.ID, Kind: catalog.Choices, Label: "Location", Field: "location", Needed: true, Choices: []catalog.Choice{{Value: "fra", Label: "Frankfurt"}, {Value: "ams", Label: "Amsterdam"}}})
	w.ok(err)
	_, err = s.Catalog.NewPrice(w.ctx, catalog.Price{Owner: string(o.Choices[1].ID), Cycle: period.Monthly, Currency: "EUR", Amount: 150, Per: 1})
	w.ok(err)
	s.Jobs.Handle("odd", func(context.Context, jobs.Job) error {
		return jobs.GiveUp(errors.New("write /var/lib/bursar/export.csv: no space left on device"))
	})
	w.ok(s.Jobs.Enqueue(w.ctx, jobs.New{Kind: "odd", Payload: map[string]ids.Invoice{"invoice": unpaid.ID}}, jobs.New{Kind: "odd", Payload: map[string]string{"day": "2026-12-01"}}))
	id, _, err := s.Inbox.Keep(w.ctx, "card", "evt_3Q1x8sK2", []byte(`{"id":"evt_3Q1x8sK2","type":"charge.succeeded","data":{"object":{"amount":2011,"currency":"eur"}}}`), map[string]any{"payment": "ch_1", "state": "captured"})
	w.ok(err)
	w.ok(s.Inbox.Mark(w.ctx, id, inbox.Failed, "reported with another amount before"))
	w.panels()
	w.drain()
	_, err = w.flow.RunDay(w.ctx, period.On(w.clock.Now(), time.UTC))
	w.ok(err)
	mails, err := s.Notify.List(w.ctx, notify.Filter{})
	w.ok(err)
	product, due := "/catalog/products/"+string(w.plan.ID), period.On(w.clock.Now(), time.UTC).Add(3)
	paths := map[string]string{
		"invoices": "/invoices", "invoices-overdue": "/invoices?state=overdue", "invoices-none": "/invoices?q=nothing", "invoice": "/invoices/" + string(unpaid.ID), "invoice-why": "/invoices/" + string(unpaid.ID) + "?why=1", "invoice-pay": "/invoices/" + string(unpaid.ID) + "/pay",
		"payments": "/payments", "held": "/payments?state=held", "payment": "/payments/" + string(back.ID), "payment-held": "/payments/" + string(held.Payment.ID), "refund": "/payments/" + string(back.ID) + "/refund", "attempts": "/payments/attempts", "attempt": "/payments/attempts/" + string(att.List[0].ID),
		"decide": "/payments/attempts/" + string(att.List[0].ID) + "/decide", "coupons": "/coupons", "coupon": "/coupons/" + string(cp.ID), "coupon-edit": "/coupons/" + string(cp.ID) + "/edit", "catalog": "/catalog", "product": product, "product-edit": product + "/edit", "option": "/catalog/options/" + string(o.ID),
		"price": "/catalog/prices/new?owner=" + string(w.plan.ID), "currencies": "/catalog/currencies", "billing": "/billing?day=" + due.String(), "runs": "/billing/runs", "holds": "/billing/holds", "plugins": "/plugins", "plugin": "/plugins/panel/virtfusion", "mails": "/mails", "mail": "/mails/" + string(mails.List[0].ID),
		"audit": "/audit", "settings": "/settings", "settings-sales": "/settings?section=sales", "dunning": "/settings/dunning", "ladder": "/settings/dunning/" + string(dunning.DefaultLadder), "numbers": "/settings/numbers", "staff": "/staff", "colleague": "/staff/" + string(w.staff[auth.RoleBilling]), "clock": "/clock?since=2026-11-23",
		"jobs": "/jobs", "inbox": "/inbox", "inbox-entry": fmt.Sprintf("/inbox/%d", id), "taxes": "/taxes", "tax": "/taxes/new",
	}
	if len(open) > 0 {
		paths["invoice-open"] = "/invoices/" + string(open[0].ID)
	}
	paid, err := s.Payments.Allocations(w.ctx, []ids.Payment{back.ID})
	w.ok(err)
	paths["invoice-credited"] = "/invoices/" + string(paid[back.ID][0].Invoice)
	return paths
}

// As TestPagesInABrowser, for the pages of money, catalog and system.
func TestTheDeskInABrowser(t *testing.T) {
	w := &show{world: newWorld(t, dbtest.SQLite(t))}
	w.busy()
	pages := w.desk()
	w.as = w.world.as(auth.RoleAdmin)
	b := webtest.Open(t, w)
	for name, path := range pages {
		for _, width := range []int64{390, 1440} {
			for _, scheme := range []string{"bursar", "bursar-dark"} {
				w.mu.Lock()
				w.scheme = scheme
				w.mu.Unlock()
				b.Look(fmt.Sprintf("desk-%s-%d-%s", name, width, scheme), path, width)
			}
		}
	}
}
