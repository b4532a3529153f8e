package flow_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/dunning"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/billing/ledger"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/billing/run"
	"github.com/ezscale/bursar/core/contact/notify"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/lease"
	"github.com/ezscale/bursar/core/data/outbox"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/hosting/provision"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/platform/inbox"
	"github.com/ezscale/bursar/core/platform/jobs"
	"github.com/ezscale/bursar/core/platform/secret"
	"github.com/ezscale/bursar/core/platform/settings"
	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/core/sales/coupon"
	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/core/sales/order"
	"github.com/ezscale/bursar/core/sales/tax"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/gateway"
	"github.com/ezscale/bursar/sdk/gateway/gatewaytest"
	"github.com/ezscale/bursar/sdk/money"
	"github.com/ezscale/bursar/sdk/notifier"
	"github.com/ezscale/bursar/sdk/panel"
	"github.com/ezscale/bursar/sdk/panel/paneltest"
)

// start is a Sunday, the last day of a short-month trap: services bought today renew on the 28th of February.
var start = time.Date(2027, 1, 31, 9, 0, 0, 0, time.UTC)

// world is a host with fakes at its edges. Time stands still until it is moved.
type world struct {
	*flow.Flow
	t     *testing.T
	ctx   context.Context
	clock *clock.Offset
	bank  *gatewaytest.Fake
	panel *paneltest.Fake
	mails *postbox
	vps   catalog.Product
	extra catalog.Option
}

// postbox takes every mail and notice.
type postbox struct {
	mu    sync.Mutex
	mails []notifier.Mail
	posts []notifier.Post
}

func (p *postbox) Mail(_ context.Context, op sdk.Op, m notifier.Mail) (notifier.Receipt, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mails = append(p.mails, m)
	return notifier.Receipt{ID: op.ID}, nil
}

func (p *postbox) Post(_ context.Context, op sdk.Op, m notifier.Post) (notifier.Receipt, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.posts = append(p.posts, m)
	return notifier.Receipt{ID: op.ID}, nil
}

func (p *postbox) Mailer(string) (notifier.Mailer, error) { return p, nil }
func (p *postbox) Poster(string) (notifier.Poster, error) { return p, nil }

func (p *postbox) Receiver(string) (notifier.Receiver, error) {
	return nil, fault.New(fault.NotFound, "instance_not_found", "")
}

// template names the mail instead of drawing it.
func (p *postbox) template(_ context.Context, template, _ string, data map[string]any) (notify.Rendered, error) {
	return notify.Rendered{Subject: template, Text: fmt.Sprint(data["Link"])}, nil
}

type renderer func(ctx context.Context, template, locale string, data map[string]any) (notify.Rendered, error)

func (r renderer) Mail(ctx context.Context, template, locale string, data map[string]any) (notify.Rendered, error) {
	return r(ctx, template, locale, data)
}

func (w *world) Panel(string) (panel.Panel, error) { return w.panel, nil }

func (w *world) Gateway(instance string) (gateway.Gateway, error) {
	if instance != "bank" {
		return nil, fault.New(fault.NotFound, "instance_not_found", "")
	}
	return w.bank, nil
}

func (w *world) Offered() []flow.GatewayInfo {
	return []flow.GatewayInfo{{Instance: "bank", Title: "Bank", Up: true, CanSave: true}}
}

func (w *world) Account(instance string) string { return "fake:" + instance }

// newWorld puts a host together on a database.
func newWorld(t *testing.T, d *db.DB) *world {
	c := clock.Ahead(clock.At(start), 0)
	w := assemble(t, d, c, &world{bank: gatewaytest.NewFake(c.Now), panel: &paneltest.Fake{}, mails: &postbox{}})
	w.seed()
	return w
}

// again is another process on the same database and the same vendors.
func (w *world) again(d *db.DB) *world {
	return assemble(w.t, d, w.clock, w)
}

func assemble(t *testing.T, d *db.DB, c *clock.Offset, with *world) *world {
	w := &world{t: t, ctx: t.Context(), clock: c, bank: with.bank, panel: with.panel, mails: with.mails, vps: with.vps, extra: with.extra}
	key := make([]byte, secret.KeySize)
	box, err := secret.New(key)
	w.ok(err)
	work := lease.Options{Workers: 2, Poll: 5 * time.Millisecond}
	f := flow.Deps{DB: d, Clock: c, Test: c, Box: box, Outbox: outbox.New(d, c, work), Jobs: jobs.Open(d, c, work), Audit: audit.New(d, c), Inbox: inbox.New(d, c),
		Gateways: w, Receivers: w.mails, Links: flow.Links{Storefront: "https://shop.test", Portal: "https://account.test", Admin: "https://admin.test"}}
	f.Settings = settings.New(d, f.Audit, c)
	f.Auth = auth.New(auth.Deps{DB: d, Clock: c, Audit: f.Audit})
	f.Customers = customer.New(customer.Deps{DB: d, Outbox: f.Outbox, Audit: f.Audit, Clock: c})
	f.Catalog = catalog.New(catalog.Deps{DB: d, Audit: f.Audit, Clock: c})
	f.Coupons = coupon.New(coupon.Deps{DB: d, Audit: f.Audit, Clock: c})
	f.Taxes = tax.New(d, f.Audit, c)
	f.Orders = order.New(order.Deps{DB: d, Outbox: f.Outbox, Audit: f.Audit, Clock: c})
	f.Invoices = invoice.New(invoice.Deps{DB: d, Outbox: f.Outbox, Clock: c})
	f.Payments = payment.NewService(payment.Deps{DB: d, Outbox: f.Outbox, Clock: c, Box: box, LockCustomer: func(ctx context.Context, id ids.Customer) error {
		_, err := f.Customers.Lock(ctx, id)
		return err
	}})
	f.Ledger = ledger.New(ledger.Deps{DB: d, Clock: c, Base: ledger.In("EUR")})
	f.Dunning, f.Runs = dunning.New(d), run.New(d)
	f.Subscriptions = subscription.New(d, f.Outbox, c)
	f.Provision = provision.New(provision.Deps{DB: d, Outbox: f.Outbox, Jobs: f.Jobs, Audit: f.Audit, Box: box, Clock: c, Panels: w, Customers: f.Customers})
	f.Notify = notify.New(notify.Deps{DB: d, Jobs: f.Jobs, Clock: c, Carriers: w.mails, Renderer: renderer(w.mails.template), From: func(context.Context) (notifier.Mailbox, error) {
		return notifier.Mailbox{Name: "Shop", Address: "shop@example.com"}, nil
	}})
	w.ok(f.Invoices.EnsureSeries(w.ctx))
	w.Flow, err = flow.New(f)
	w.ok(err)
	return w
}

// seed sells one VPS: 10.00 EUR a month, 100.00 a year, 5.00 for each ten GB more, with 19 % on top.
func (w *world) seed() {
	s, err := w.Settings.Get(w.ctx)
	w.ok(err)
	s.Business.Name, s.Business.Country, s.Business.Zone, s.Business.BaseCurrency = "Shop", "DE", "UTC", "EUR"
	s.Business.Line1, s.Business.City, s.Business.Postcode, s.Business.Email = "Hafen 1", "Kiel", "24103", "shop@example.com"
	s.Sales.Currencies, s.Sales.DefaultCurrency, s.Sales.TermsVersion = []string{"EUR"}, "EUR", "2027-01"
	s.Mail.FromName, s.Mail.FromAddress, s.Notices.Instance = "Shop", "shop@example.com", "staff"
	w.ok(w.Settings.Save(w.ctx, s))
	_, err = w.Taxes.SaveRule(w.ctx, tax.Rule{Class: "standard", Country: "DE", Level: 1, Code: "VAT19", Category: tax.Standard, RatePPM: 190_000, From: period.Date(2020, 1, 1)})
	w.ok(err)
	_, err = w.Catalog.SaveCurrency(w.ctx, catalog.Currency{Code: "EUR", Step: 1, Active: true})
	w.ok(err)
	g, err := w.Catalog.SaveGroup(w.ctx, catalog.Group{Slug: "vps", Kind: "vps", Name: "VPS"})
	w.ok(err)
	w.vps, err = w.Catalog.SaveProduct(w.ctx, catalog.Product{Group: g.ID, Slug: "vps-1", Name: "VPS 1", Status: catalog.Public, TaxClass: "standard", Setup: catalog.SetupOnPayment,
		Change: "real_days", Panel: "vf", Values: form.Values{"package": {"1"}}})
	w.ok(err)
	w.extra, err = w.Catalog.SaveOption(w.ctx, catalog.Option{Product: w.vps.ID, Field: "extra_disk", Kind: catalog.Quantity, Label: "Extra disk", Unit: "x 10 GB", Most: 10, Step: 1})
	w.ok(err)
	for owner, prices := range map[string][2]int64{string(w.vps.ID): {1000, 10000}, string(w.extra.ID): {500, 5000}} {
		for i, cycle := range []period.Cycle{period.Monthly, period.Annually} {
			_, err := w.Catalog.NewPrice(w.ctx, catalog.Price{Owner: owner, Cycle: cycle, Currency: "EUR", Amount: prices[i], Per: 1})
			w.ok(err)
		}
	}
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// customer is a new customer in Germany.
func (w *world) customer(name string) customer.Customer {
	w.t.Helper()
	c, err := w.Customers.Create(w.ctx, customer.Newcomer{First: "Jana", Last: name, Email: name + "@example.com", Currency: "EUR",
		Address: sdk.Address{Line1: "Weg 1", City: "Kiel", Postcode: "24103", Country: "DE"}})
	w.ok(err)
	return c
}

// cart holds one VPS with n times ten GB more.
func (w *world) cart(label string, n int) order.Cart {
	return order.Cart{Currency: "EUR", Lines: []order.Line{{Key: "a", Product: w.vps.ID, Cycle: period.Monthly, Label: label, Options: map[ids.Option]string{w.extra.ID: fmt.Sprint(n)}}}}
}

// order places an order. Its key is the label.
func (w *world) order(c customer.Customer, label string) flow.Placed {
	w.t.Helper()
	p, err := w.Checkout(w.ctx, flow.CheckoutIn{Customer: c.ID, Cart: w.cart(label, 0), TermsVersion: "2027-01", RequestKey: label})
	w.ok(err)
	return p
}

// pay begins a payment on the gateway's page, plays the customer there, and comes back.
func (w *world) pay(p flow.Placed, save bool) payment.Attempt {
	w.t.Helper()
	s, err := w.StartPayment(w.ctx, flow.PayIn{Customer: p.Order.Customer, Invoices: []ids.Invoice{p.Invoice.ID}, Gateway: "bank", Save: save, Return: "https://shop.test/orders/x?attempt={attempt}"})
	w.ok(err)
	if s.URL == "" {
		w.t.Fatalf("no page was opened: %+v", s)
	}
	w.ok(w.bank.Pay(string(s.Attempt)))
	att, err := w.Returned(w.ctx, s.Attempt)
	w.ok(err)
	return att
}

// buy orders and pays a VPS and has it made.
func (w *world) buy(c customer.Customer, label string, save bool) (flow.Placed, subscription.Subscription) {
	w.t.Helper()
	p := w.order(c, label)
	if att := w.pay(p, save); att.Status != payment.Succeeded {
		w.t.Fatalf("the payment is %s", att.Status)
	}
	w.drain()
	return p, w.sub(p.Subscriptions[0])
}

func (w *world) drain() {
	w.t.Helper()
	w.ok(w.Drain(w.ctx))
}

func (w *world) days(n int) {
	w.t.Helper()
	w.ok(w.ClockAdvance(w.ctx, n))
}

func (w *world) sub(id ids.Subscription) subscription.Subscription {
	w.t.Helper()
	s, err := w.Subscriptions.Get(w.ctx, id)
	w.ok(err)
	return s
}

func (w *world) invoices(c customer.Customer) []invoice.Invoice {
	w.t.Helper()
	p, err := w.Invoices.List(w.ctx, invoice.Filter{Customer: c.ID, Sort: "oldest"})
	w.ok(err)
	return p.List
}

// openRunning gives a customer a service that runs and is billed next on a day, as an import does.
func (w *world) openRunning(c customer.Customer, billOn period.Day) subscription.Subscription {
	w.t.Helper()
	shop, err := w.Catalog.Shop(w.ctx)
	w.ok(err)
	price, ok := shop.Price(string(w.vps.ID), period.Monthly, "EUR", w.clock.Now())
	if !ok {
		w.t.Fatal("no price")
	}
	next := billOn.Add(14)
	begin := period.Schedule{Cycle: period.Monthly, Anchor: next, DOM: next.Day()}.Boundary(-1)
	sub, err := w.Subscriptions.Open(w.ctx, subscription.Opening{Customer: c.ID, Product: w.vps.ID, Label: "imported", Currency: "EUR", Cycle: period.Monthly, Anchor: begin, AnchorDay: next.Day(),
		Items: []subscription.Item{{Kind: subscription.PlanItem, Owner: string(w.vps.ID), Text: "VPS 1", Price: price.ID, QtyMicro: 1_000_000, TaxClass: "standard"}}, PeriodNo: 1, BilledTo: next, BillOn: billOn})
	w.ok(err)
	w.ok(w.Subscriptions.Oblige(w.ctx, []subscription.Obligation{{Subscription: sub.ID, Lane: subscription.TermLane, From: begin, To: next, No: 1, Kind: "imported", Net: money.Of(1000, "EUR"), NextBillOn: billOn}}))
	w.ok(w.Subscriptions.Activate(w.ctx, sub.ID))
	return sub
}

// quiet takes dunning away from what is sold from now on.
func (w *world) quiet() {
	w.t.Helper()
	l, err := w.Dunning.SaveLadder(w.ctx, dunning.Named{Name: "Never"})
	w.ok(err)
	w.vps.Ladder = l.ID
	w.vps, err = w.Catalog.SaveProduct(w.ctx, w.vps)
	w.ok(err)
}

func (w *world) today() period.Day { return period.On(w.clock.Now(), time.UTC) }

// said lists the templates of the mails to a customer.
func (w *world) said(c customer.Customer) (out []string) {
	for _, m := range w.mails.mails {
		if m.To.Address == c.Email {
			out = append(out, m.Subject)
		}
	}
	return out
}

// proven has everything verified.
func (w *world) proven() {
	w.t.Helper()
	findings, err := w.Verify(w.ctx)
	w.ok(err)
	for _, f := range findings {
		w.t.Errorf("verify: %s %s: %s", f.Check, f.Subject, f.Text)
	}
}

func (w *world) status(id ids.Subscription) panel.Status {
	a, ok := w.panel.Account(string(id))
	if !ok {
		return "none"
	}
	return a.Status
}
