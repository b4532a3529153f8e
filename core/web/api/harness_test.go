package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
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
	"github.com/ezscale/bursar/core/platform/idempotency"
	"github.com/ezscale/bursar/core/platform/inbox"
	"github.com/ezscale/bursar/core/platform/jobs"
	"github.com/ezscale/bursar/core/platform/pluginhost"
	"github.com/ezscale/bursar/core/platform/secret"
	"github.com/ezscale/bursar/core/platform/settings"
	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/core/sales/coupon"
	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/core/sales/order"
	"github.com/ezscale/bursar/core/sales/tax"
	"github.com/ezscale/bursar/core/web/api"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/gateway"
	"github.com/ezscale/bursar/sdk/gateway/gatewaytest"
	"github.com/ezscale/bursar/sdk/notifier"
	"github.com/ezscale/bursar/sdk/panel"
	"github.com/ezscale/bursar/sdk/panel/paneltest"
	"github.com/ezscale/bursar/themes"
)

var start = time.Date(2027, 3, 10, 9, 0, 0, 0, time.UTC)

// world is a host with fakes at its edges, and the API in front. Time stands still until it is moved.
type world struct {
	*flow.Flow
	t     *testing.T
	clock *clock.Offset
	bank  *gatewaytest.Fake
	panel *paneltest.Fake
	site  *api.Site
	web   *route.Web
	vps   catalog.Product
	extra catalog.Option

	checker *checker
	asked   map[string]bool // operations that answered well
}

// vendors are the plugins of a world.
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
func (w *world) Status() []pluginhost.PluginStatus {
	return []pluginhost.PluginStatus{{Type: "gateway", Name: "bank", Title: "Bank", State: pluginhost.Healthy, Since: start, Problems: []string{"line 1"},
		Calls: []pluginhost.Calls{{Method: "Begin", Count: 1, P50: time.Millisecond}}, Instances: []pluginhost.InstanceInfo{{Label: "bank", Title: "Bank", State: "ready"}}}}
}

// postbox takes mails and draws none.
type postbox struct{}

func (postbox) Mail(_ context.Context, op sdk.Op, _ notifier.Mail) (notifier.Receipt, error) {
	return notifier.Receipt{ID: op.ID}, nil
}
func (postbox) Post(_ context.Context, op sdk.Op, _ notifier.Post) (notifier.Receipt, error) {
	return notifier.Receipt{ID: op.ID}, nil
}
func (p postbox) Mailer(string) (notifier.Mailer, error) { return p, nil }
func (p postbox) Poster(string) (notifier.Poster, error) { return p, nil }
func (postbox) Receiver(string) (notifier.Receiver, error) {
	return nil, fault.New(fault.NotFound, "instance_not_found", "")
}

type renderer struct{}

func (renderer) Mail(_ context.Context, template, _ string, _ map[string]any) (notify.Rendered, error) {
	return notify.Rendered{Subject: template, Text: template}, nil
}

func newWorld(t *testing.T, d *db.DB) *world {
	t.Helper()
	w := assemble(t, d, clock.Ahead(clock.At(start), 0), &world{})
	w.seed()
	return w
}

// restart is the program after a restart: the same database, the same vendors.
func (w *world) restart(d *db.DB) *world {
	w.t.Helper()
	return assemble(w.t, d, w.clock, w)
}

func assemble(t *testing.T, d *db.DB, c *clock.Offset, like *world) *world {
	t.Helper()
	w := &world{t: t, clock: c, bank: like.bank, panel: like.panel, vps: like.vps, extra: like.extra}
	if w.bank == nil {
		w.bank, w.panel = gatewaytest.NewFake(c.Now), &paneltest.Fake{}
	}
	box, err := secret.New(make([]byte, secret.KeySize))
	w.ok(err)
	work := lease.Options{Workers: 2, Poll: 5 * time.Millisecond}
	f := flow.Deps{DB: d, Clock: c, Test: c, Box: box, Outbox: outbox.New(d, c, work), Jobs: jobs.Open(d, c, work), Audit: audit.New(d, c), Inbox: inbox.New(d, c),
		Gateways: w, Receivers: postbox{}, Links: flow.Links{Storefront: "https://shop.test", Portal: "https://account.test", Admin: "https://admin.test"}}
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
	f.Notify = notify.New(notify.Deps{DB: d, Jobs: f.Jobs, Clock: c, Carriers: postbox{}, Renderer: renderer{}, From: func(context.Context) (notifier.Mailbox, error) {
		return notifier.Mailbox{Name: "Shop", Address: "shop@example.com"}, nil
	}})
	w.ok(f.Invoices.EnsureSeries(t.Context()))
	w.Flow, err = flow.New(f)
	w.ok(err)
	keys := idempotency.New(idempotency.Deps{DB: d, Box: box, Wall: c, Wait: time.Minute})
	w.site, err = api.New(api.Deps{Flow: w.Flow, Keys: keys, Plugins: w, Links: view.Sites{Storefront: "https://shop.test", Portal: "https://account.test", Admin: "https://admin.test"}})
	w.ok(err)
	engine, err := view.New(view.Options{Themes: []fs.FS{themes.FS}, Clock: c, Key: bytes.Repeat([]byte("v"), 32), Secure: true})
	w.ok(err)
	w.web, err = route.New(route.Deps{Auth: f.Auth, Wall: c, Log: slog.New(slog.NewTextHandler(testLog{t}, &slog.HandlerOptions{Level: slog.LevelError})), Key: bytes.Repeat([]byte("k"), 32)},
		route.Site{Name: "storefront", Base: "https://shop.test", Realm: auth.CustomerKind, Engine: engine, View: view.Site{Name: "storefront", Brand: "Shop"}, Routes: w.site.Routes()})
	w.ok(err)
	return w
}

// testLog shows errors of the server beside the test.
type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	if l.t.Context().Err() == nil {
		l.t.Log(string(p))
	}
	return len(p), nil
}

// seed sells one VPS: 10.00 EUR a month, 5.00 for each ten GB more, with 19 % on top.
func (w *world) seed() {
	w.t.Helper()
	ctx := w.t.Context()
	s, err := w.Settings.Get(ctx)
	w.ok(err)
	s.Business.Name, s.Business.Country, s.Business.Zone, s.Business.BaseCurrency = "Shop", "DE", "UTC", "EUR"
	s.Business.Line1, s.Business.City, s.Business.Postcode, s.Business.Email = "Hafen 1", "Kiel", "24103", "shop@example.com"
	s.Sales.Currencies, s.Sales.DefaultCurrency, s.Sales.TermsVersion = []string{"EUR"}, "EUR", "2027-01"
	s.Mail.FromName, s.Mail.FromAddress = "Shop", "shop@example.com"
	w.ok(w.Settings.Save(ctx, s))
	_, err = w.Taxes.SaveRule(ctx, tax.Rule{Class: "standard", Country: "DE", Level: 1, Code: "VAT19", Category: tax.Standard, RatePPM: 190_000, From: period.Date(2020, 1, 1)})
	w.ok(err)
	_, err = w.Catalog.SaveCurrency(ctx, catalog.Currency{Code: "EUR", Step: 1, Active: true})
	w.ok(err)
	g, err := w.Catalog.SaveGroup(ctx, catalog.Group{Slug: "vps", Kind: "vps", Name: "VPS"})
	w.ok(err)
	w.vps, err = w.Catalog.SaveProduct(ctx, catalog.Product{Group: g.ID, Slug: "vps-1", Name: "VPS 1", Status: catalog.Public, TaxClass: "standard", Setup: catalog.SetupOnPayment,
		Change: "real_days", Panel: "vf", Values: form.Values{"package": {"1"}}})
	w.ok(err)
	w.extra, err = w.Catalog.SaveOption(ctx, catalog.Option{Product: w.vps.ID, Field: "extra_disk", Kind: catalog.Quantity, Label: "Extra disk", Unit: "x 10 GB", Most: 10, Step: 1})
	w.ok(err)
	for owner, price := range map[string]int64{string(w.vps.ID): 1000, string(w.extra.ID): 500} {
		_, err := w.Catalog.NewPrice(ctx, catalog.Price{Owner: owner, Cycle: period.Monthly, Currency: "EUR", Amount: price, Per: 1})
		w.ok(err)
	}
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// program asks with a token.
type program struct {
	w        *world
	token    string
	customer customer.Customer
}

// owner is a program of a new customer in Germany with every scope, or with some.
func (w *world) owner(name string, scopes ...string) *program {
	w.t.Helper()
	ctx := w.t.Context()
	c, err := w.Customers.Create(ctx, customer.Newcomer{First: "Jana", Last: name, Email: name + "@example.com", Currency: "EUR",
		Address: sdk.Address{Line1: "Weg 1", City: "Kiel", Postcode: "24103", Country: "DE"}})
	w.ok(err)
	u, err := w.Auth.RegisterUser(ctx, auth.NewUser{Email: c.Email, Name: "Jana " + name, Password: "correct horse battery"})
	w.ok(err)
	w.ok(w.Auth.Join(ctx, u.ID, c.ID, auth.RoleOwner))
	a, err := w.Auth.ActorOfUser(ctx, u.ID, c.ID)
	w.ok(err)
	return &program{w: w, token: w.newToken(a, string(u.ID), scopes), customer: c}
}

// staff is a program of staff in a role.
func (w *world) staff(role string, scopes ...string) *program {
	w.t.Helper()
	m, err := w.Auth.CreateStaff(w.t.Context(), auth.NewStaff{Email: string(ids.New[ids.Mail]()) + "@example.com", Name: "Sam", Password: "correct horse battery", Role: role})
	w.ok(err)
	a, err := w.Auth.ActorOfStaff(w.t.Context(), m.ID)
	w.ok(err)
	return &program{w: w, token: w.newToken(a, string(m.ID), scopes)}
}

func (w *world) newToken(a auth.Actor, owner string, scopes []string) string {
	w.t.Helper()
	if scopes == nil {
		for _, r := range auth.RightsOf(a.Kind, a.Role) {
			scopes = append(scopes, string(r))
		}
	}
	secret, _, err := w.Auth.NewToken(auth.With(w.t.Context(), a), owner, "test", scopes, time.Time{})
	w.ok(err)
	return secret
}

// on is the same program, asking another process.
func (p *program) on(w *world) *program { return &program{w: w, token: p.token, customer: p.customer} }

// answer is what came back.
type answer struct {
	t      *testing.T
	Code   int
	Header http.Header
	Body   []byte
}

// do asks. body is JSON, or a text that is sent as it is; headers are pairs.
func (p *program) do(method, path string, body any, headers ...string) answer {
	p.w.t.Helper()
	var in io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		in = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		p.w.ok(err)
		in = bytes.NewReader(text)
	}
	req := httptest.NewRequest(method, "/api/v1"+path, in)
	req.Host = "shop.test"
	if p.token != "" {
		req.Header.Set("Authorization", "Bearer "+p.token)
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res := httptest.NewRecorder()
	p.w.web.ServeHTTP(res, req)
	a := answer{t: p.w.t, Code: res.Code, Header: res.Header(), Body: res.Body.Bytes()}
	if p.w.checker != nil {
		p.w.checker.check(p.w.t, method, path, a)
		if op, _, ok := p.w.checker.find(method, path); ok && a.Code < 300 {
			p.w.asked[op.OperationID] = true
		}
	}
	return a
}

func (p *program) get(path string) answer { p.w.t.Helper(); return p.do("GET", path, nil) }

// post sends a request with a key.
func (p *program) post(path, key string, body any) answer {
	p.w.t.Helper()
	return p.do("POST", path, body, "Idempotency-Key", key)
}

// is has the answer be of a status, and reads it.
func (a answer) is(code int, into ...any) answer {
	a.t.Helper()
	if a.Code != code {
		a.t.Fatalf("%d, not %d: %s", a.Code, code, a.Body)
	}
	for _, v := range into {
		reflect.ValueOf(v).Elem().SetZero()
		if err := json.Unmarshal(a.Body, v); err != nil {
			a.t.Fatalf("%v: %s", err, a.Body)
		}
	}
	return a
}

// problem has the answer be a refusal with a code on a field.
func (a answer) problem(status int, code, field string) {
	a.t.Helper()
	var p view.Problem
	if err := json.Unmarshal(a.Body, &p); err != nil || a.Header.Get("Content-Type") != "application/problem+json" {
		a.t.Fatalf("no problem but %d %s: %s", a.Code, a.Header.Get("Content-Type"), a.Body)
	}
	if a.Code != status || p.Status != status || p.Code != code || p.Field != field || p.Detail == "" || p.Reference == "" {
		a.t.Errorf("%d %s, not %d %s on %q", a.Code, a.Body, status, code, field)
	}
}

// cart is one VPS with n times ten GB more.
func (w *world) cart(n int) map[string]any {
	return map[string]any{"currency": "EUR", "lines": []any{map[string]any{"product": "vps-1", "cycle": "1 month", "label": "web", "options": map[string]string{string(w.extra.ID): fmt.Sprint(n)}}}}
}

func (w *world) order(n int) map[string]any {
	cart := w.cart(n)
	cart["terms_version"] = "2027-01"
	return cart
}
