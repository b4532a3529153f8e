package admin

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

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
	"github.com/ezscale/bursar/core/insight"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/platform/auth"
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
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/gateway"
	"github.com/ezscale/bursar/sdk/gateway/gatewaytest"
	"github.com/ezscale/bursar/sdk/money"
	"github.com/ezscale/bursar/sdk/notifier"
	"github.com/ezscale/bursar/sdk/panel"
	"github.com/ezscale/bursar/sdk/panel/paneltest"
	"github.com/ezscale/bursar/themes"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const (
	adminBase  = "http://admin.shop.test"
	portalBase = "http://account.shop.test"
	password   = "correct horse battery"
)

// world is a whole host with fakes at its edges, behind the real routes of the admin site. Time stands still until it
// is moved.
type world struct {
	t       testing.TB
	ctx     context.Context // of a job: may everything
	clock   *clock.Offset
	flow    *flow.Flow
	site    *Site
	web     *route.Web
	card    *gatewaytest.Fake
	panel   *paneltest.Fake
	plugins *fakePlugins
	mails   *letters
	plan    catalog.Product
	staff   map[string]ids.Staff // by role
	counted *db.Counter          // of the last request

	mu     sync.Mutex
	counts bool
}

type letters struct {
	mu   sync.Mutex
	sent []notifier.Mail
}

func (l *letters) Mail(_ context.Context, op sdk.Op, m notifier.Mail) (notifier.Receipt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent = append(l.sent, m)
	return notifier.Receipt{ID: op.ID}, nil
}

func (l *letters) Post(_ context.Context, op sdk.Op, _ notifier.Post) (notifier.Receipt, error) {
	return notifier.Receipt{ID: op.ID}, nil
}
func (l *letters) Mailer(string) (notifier.Mailer, error) { return l, nil }
func (l *letters) Poster(string) (notifier.Poster, error) { return l, nil }
func (l *letters) Receiver(string) (notifier.Receiver, error) {
	return nil, fault.New(fault.NotFound, "instance_not_found", "")
}

type plainMail struct{}

func (plainMail) Mail(_ context.Context, template, _ string, data map[string]any) (notify.Rendered, error) {
	return notify.Rendered{Subject: template, Text: fmt.Sprint(data["Link"])}, nil
}

// fakePlugins says how plugins stand, as a test wants it, and writes down what it was asked to do.
type fakePlugins struct {
	status   []pluginhost.PluginStatus
	problems []pluginhost.Problem
	forms    pluginhost.Forms
	report   sdk.Report
	err      error
	asked    []string
}

func (f *fakePlugins) Status() []pluginhost.PluginStatus { return f.status }
func (f *fakePlugins) Problems() []pluginhost.Problem    { return f.problems }
func (f *fakePlugins) Instances(kind string) (out []pluginhost.InstanceInfo) {
	for _, p := range f.status {
		if kind == "" || p.Type == kind {
			out = append(out, p.Instances...)
		}
	}
	return out
}
func (f *fakePlugins) Forms(string, string) (pluginhost.Forms, bool) { return f.forms, true }
func (f *fakePlugins) FormsOf(string) (pluginhost.Forms, bool)       { return f.forms, true }
func (f *fakePlugins) Choices(context.Context, string, form.Question) ([]form.Choice, error) {
	return nil, f.err
}
func (f *fakePlugins) ask(what string) error { f.asked = append(f.asked, what); return f.err }
func (f *fakePlugins) Restart(_ context.Context, kind, name string) error {
	return f.ask("restart " + kind + "/" + name)
}
func (f *fakePlugins) Enable(_ context.Context, kind, name string) error {
	return f.ask("enable " + kind + "/" + name)
}
func (f *fakePlugins) Disable(_ context.Context, kind, name string) error {
	return f.ask("disable " + kind + "/" + name)
}
func (f *fakePlugins) Check(_ context.Context, instance string) (sdk.Report, error) {
	return f.report, f.ask("check " + instance)
}
func (f *fakePlugins) HookSecret(context.Context, string) (string, error) { return "hooksecret", f.err }
func (f *fakePlugins) InstallWebhook(_ context.Context, instance, address string) error {
	return f.ask("webhook " + instance + " " + address)
}

func (w *world) Panel(string) (panel.Panel, error) { return w.panel, nil }
func (w *world) Gateway(string) (gateway.Gateway, error) {
	return w.card, nil
}
func (w *world) Offered() []flow.GatewayInfo {
	return []flow.GatewayInfo{{Instance: "card", Title: "Card", Up: true, CanSave: true}}
}
func (w *world) Account(instance string) string { return "fake:" + instance }

func newWorld(t testing.TB, d *db.DB) *world { return newWorldAt(t, d, adminBase, portalBase) }

func newWorldAt(t testing.TB, d *db.DB, base, portal string) *world {
	t.Helper()
	c := clock.Ahead(clock.At(noon), 0)
	w := &world{t: t, ctx: t.Context(), clock: c, card: gatewaytest.NewFake(c.Now), panel: &paneltest.Fake{}, mails: &letters{}, staff: map[string]ids.Staff{}, plugins: &fakePlugins{}}
	box, err := secret.New(make([]byte, secret.KeySize))
	w.ok(err)
	work := lease.Options{Workers: 2, Poll: 5 * time.Millisecond}
	f := flow.Deps{DB: d, Clock: c, Test: c, Box: box, Outbox: outbox.New(d, c, work), Jobs: jobs.Open(d, c, work), Audit: audit.New(d, c), Inbox: inbox.New(d, c),
		Gateways: w, Receivers: w.mails, Links: flow.Links{Storefront: "http://shop.test", Portal: portal, Admin: base}}
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
	f.Notify = notify.New(notify.Deps{DB: d, Jobs: f.Jobs, Clock: c, Carriers: w.mails, Renderer: plainMail{}, From: func(context.Context) (notifier.Mailbox, error) {
		return notifier.Mailbox{Name: "ezscale", Address: "hello@shop.test"}, nil
	}})
	w.ok(f.Invoices.EnsureSeries(w.ctx))
	w.flow, err = flow.New(f)
	w.ok(err)
	w.seed(f)
	w.build(f, base, portal)
	return w
}

// build puts the site, and a portal that only takes passes, behind the real routes.
func (w *world) build(f flow.Deps, base, portal string) {
	engine, err := view.New(view.Options{Themes: []fs.FS{themes.FS}, Clock: w.clock, Zone: time.UTC, Key: []byte("0123456789abcdef0123456789abcdef")})
	w.ok(err)
	links := view.Sites{Storefront: "http://shop.test", Portal: portal, Admin: base}
	w.site = New(Deps{Flow: w.flow, Auth: f.Auth, Audit: f.Audit, Settings: f.Settings, Customers: f.Customers, Catalog: f.Catalog, Coupons: f.Coupons, Taxes: f.Taxes, Orders: f.Orders,
		Invoices: f.Invoices, Payments: f.Payments, Ledger: f.Ledger, Dunning: f.Dunning, Runs: f.Runs, Subscriptions: f.Subscriptions, Provision: f.Provision, Notify: f.Notify,
		Insight: insight.New(f.DB), Inbox: f.Inbox, Jobs: f.Jobs, Outbox: f.Outbox, Plugins: w.plugins, Engine: engine, Clock: w.clock, Wall: w.clock, Links: links, HookBase: "http://shop.test/hooks", Brand: "ezscale", Test: true})
	routes := w.site.Routes()
	for i := range routes {
		routes[i].Handler = w.counting(routes[i].Handler)
	}
	enter := route.Route{Method: http.MethodGet, Path: "/", Handler: func(c echo.Context) error {
		return c.String(http.StatusOK, "portal for "+string(route.Actor(c).Customer))
	}, Who: route.Customer(auth.CustomerSee), Rate: route.Page}
	w.web, err = route.New(route.Deps{Auth: f.Auth, Wall: w.clock, Log: slog.New(slog.NewTextHandler(w.t.Output(), &slog.HandlerOptions{Level: slog.LevelError})), Key: []byte("0123456789abcdef0123456789abcdef"),
		Limits: map[route.Rate]route.Pace{route.Page: {Every: time.Microsecond, Burst: 1_000_000}}},
		route.Site{Name: "admin", Base: base, Realm: auth.StaffKind, Engine: engine, SignIn: "/sign-in", Routes: routes, View: w.site.View()},
		route.Site{Name: "portal", Base: portal, Realm: auth.CustomerKind, Engine: engine, SignIn: "/sign-in", Enter: "/enter", Routes: []route.Route{enter}, View: view.Site{Name: "portal", Brand: "ezscale", Links: links}})
	w.ok(err)
}

// counting counts the statements of a handler, if that was asked for.
func (w *world) counting(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if !w.counts {
			return next(c)
		}
		ctx, n := db.CountQueries(c.Request().Context())
		c.SetRequest(c.Request().WithContext(ctx))
		err := next(c)
		w.mu.Lock()
		w.counted = n
		w.mu.Unlock()
		return err
	}
}

// seed sells one plan and hires one of each role.
func (w *world) seed(f flow.Deps) {
	set, err := f.Settings.Get(w.ctx)
	w.ok(err)
	b := &set.Business
	b.Name, b.Country, b.Zone, b.BaseCurrency, b.Line1, b.City, b.Postcode, b.Email = "ezscale", "DE", "UTC", "EUR", "Hafenweg 1", "Frankfurt am Main", "60311", "hello@shop.test"
	set.Sales = settings.Sales{Currencies: []string{"EUR", "USD"}, DefaultCurrency: "EUR", TermsVersion: "2026-10-01"}
	set.Mail.FromName, set.Mail.FromAddress = "ezscale", "hello@shop.test"
	w.ok(f.Settings.Save(w.ctx, set))
	_, err = f.Taxes.SaveRule(w.ctx, tax.Rule{Class: "standard", Country: "DE", Level: 1, Code: "VAT", Category: tax.Standard, RatePPM: 190_000, From: period.Date(2020, 1, 1)})
	w.ok(err)
	for _, code := range []string{"EUR", "USD"} {
		_, err = f.Catalog.SaveCurrency(w.ctx, catalog.Currency{Code: code, Step: 1, Active: true})
		w.ok(err)
	}
	g, err := f.Catalog.SaveGroup(w.ctx, catalog.Group{Slug: "vps", Kind: "vps", Name: "VPS", Headline: "KVM virtual servers"})
	w.ok(err)
	w.plan, err = f.Catalog.SaveProduct(w.ctx, catalog.Product{Group: g.ID, Slug: "vps-8", Name: "VPS-8", Tagline: "4 vCPU, 8 GB", Status: catalog.Public, TaxClass: "standard", Setup: catalog.SetupOnPayment, Change: "real_days",
		Panel: "virtfusion-fra1", Values: form.Values{"package": {"8"}}})
	w.ok(err)
	_, err = f.Catalog.NewPrice(w.ctx, catalog.Price{Owner: string(w.plan.ID), Cycle: period.Monthly, Currency: "EUR", Amount: 1690, Per: 1})
	w.ok(err)
	for role, name := range map[string]string{auth.RoleAdmin: "Ada Holm", auth.RoleBilling: "Tomas Reyes", auth.RoleSupport: "Mira Lindqvist", auth.RoleReadOnly: "Ole Brandt"} {
		m, err := f.Auth.CreateStaff(w.ctx, auth.NewStaff{Email: role + "@shop.test", Name: name, Password: password, Role: role})
		w.ok(err)
		w.staff[role] = m.ID
	}
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// customer takes a company in.
func (w *world) customer(name string) customer.Customer {
	w.t.Helper()
	slug := strings.Trim(strings.Join(regexp.MustCompile(`[a-z0-9]+`).FindAllString(strings.ToLower(name), -1), "-"), "-")
	c, err := w.site.Customers.Create(w.ctx, customer.Newcomer{Kind: customer.Company, Company: name, First: "Jana", Last: "Petersen", Email: "jana@" + slug + ".example", Currency: "EUR",
		Address: sdk.Address{Line1: "Brooktorkai 1", City: "Hamburg", Postcode: "20457", Country: "DE"}})
	w.ok(err)
	return c
}

// order places an order for one server, and does what follows.
func (w *world) order(c ids.Customer, label string) flow.Placed {
	w.t.Helper()
	p, err := w.flow.Checkout(w.ctx, flow.CheckoutIn{Customer: c, TermsVersion: "2026-10-01", RequestKey: label + string(c), Address: "192.0.2.9",
		Cart: order.Cart{Customer: c, Currency: "EUR", Lines: []order.Line{{Key: "a", Product: w.plan.ID, Cycle: period.Monthly, Label: label}}}})
	w.ok(err)
	w.drain()
	return p
}

// pay books the whole of an order's invoice as money in the bank, and does what follows.
func (w *world) pay(p flow.Placed) payment.Payment {
	w.t.Helper()
	got, err := w.flow.RecordPayment(w.ctx, flow.Manual{Customer: p.Order.Customer, Invoices: []ids.Invoice{p.Invoice.ID}, Amount: money.Of(p.Invoice.Total, p.Invoice.Currency), Key: string(p.Order.ID), Memo: "statement 12"})
	w.ok(err)
	w.drain()
	return got
}

// drain does what is due.
func (w *world) drain() {
	w.t.Helper()
	w.ok(w.flow.Drain(w.ctx))
}

// browser is somebody at a screen: it keeps cookies by host.
type browser struct {
	w       *world
	cookies map[string]map[string]string
	base    string
}

func (w *world) browser() *browser {
	return &browser{w: w, cookies: map[string]map[string]string{}, base: w.site.Links.Admin}
}

// as is a browser in which a role is signed in.
func (w *world) as(role string) *browser {
	w.t.Helper()
	b := w.browser()
	b.get("/sign-in").has("Sign in")
	b.post("/sign-in", "email", role+"@shop.test", "password", password).goes("/")
	return b
}

// answer is what came back.
type answer struct {
	t      testing.TB
	status int
	header http.Header
	body   string
	where  string
}

func (b *browser) do(method, path string, body url.Values) answer {
	b.w.t.Helper()
	target := path
	if strings.HasPrefix(path, "/") {
		target = b.base + path
	}
	u, err := url.Parse(target)
	b.w.ok(err)
	var in io.Reader
	if body != nil {
		in = strings.NewReader(body.Encode())
	}
	req := httptest.NewRequest(method, target, in)
	req.Host = u.Host
	req.Header.Set("Sec-Fetch-Site", "same-site")
	if body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for name, value := range b.cookies[u.Host] {
		req.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	res := httptest.NewRecorder()
	b.w.web.ServeHTTP(res, req)
	for _, k := range res.Result().Cookies() {
		if b.cookies[u.Host] == nil {
			b.cookies[u.Host] = map[string]string{}
		}
		if k.MaxAge < 0 {
			delete(b.cookies[u.Host], k.Name)
		} else {
			b.cookies[u.Host][k.Name] = k.Value
		}
	}
	return answer{b.w.t, res.Code, res.Header(), res.Body.String(), method + " " + path}
}

func (b *browser) get(path string) answer { b.w.t.Helper(); return b.do(http.MethodGet, path, nil) }

var csrfField = regexp.MustCompile(`name="_csrf" value="([^"]+)"`)

// post sends a form with the token of the site, which every page has.
func (b *browser) post(path string, pairs ...string) answer {
	b.w.t.Helper()
	token := ""
	for _, page := range []string{"/account", "/sign-in"} {
		if m := csrfField.FindStringSubmatch(b.get(page).body); m != nil {
			token = m[1]
			break
		}
	}
	v := url.Values{"_csrf": {token}}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return b.do(http.MethodPost, path, v)
}

// has fails unless the page says all of it.
func (a answer) has(texts ...string) answer {
	a.t.Helper()
	if a.status != http.StatusOK && a.status != http.StatusUnprocessableEntity {
		a.t.Fatalf("%s: %d %s\n%s", a.where, a.status, a.header.Get("Location"), a.body)
	}
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			a.t.Errorf("%s does not say %q\n%s", a.where, text, a.main())
		}
	}
	return a
}

// main is the page without what is on all pages, and without its signs.
func (a answer) main() string {
	_, rest, _ := strings.Cut(a.body, "<main")
	return regexp.MustCompile(`<svg.*?</svg>`).ReplaceAllString(rest, "")
}

// lacks fails if the page says any of it.
func (a answer) lacks(texts ...string) answer {
	a.t.Helper()
	for _, text := range texts {
		if strings.Contains(a.body, text) {
			a.t.Errorf("%s says %q", a.where, text)
		}
	}
	return a
}

// goes fails unless the browser is sent there.
func (a answer) goes(to string) answer {
	a.t.Helper()
	if got := a.header.Get("Location"); a.status != http.StatusSeeOther || got != to {
		a.t.Fatalf("%s: %d to %q, want %q\n%s", a.where, a.status, got, to, a.body)
	}
	return a
}
