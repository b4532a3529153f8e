package portal

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
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

var noon = time.Date(2026, 11, 12, 12, 0, 0, 0, time.UTC)

const (
	pass = "correct horse battery"
	base = "http://account.shop.test"
)

var key32 = []byte("0123456789abcdef0123456789abcdef")

// house is the portal in front of a whole host, with fakes at its edges. Time stands still until it is moved.
type house struct {
	t     testing.TB
	ctx   context.Context
	clock *clock.Offset
	deps  flow.Deps
	flow  *flow.Flow
	site  *Site
	web   *route.Web
	card  *gatewaytest.Fake
	panel *metered
	mails *letters
	plan  catalog.Product
	down  bool // the panel's process is gone
}

// metered is a panel whose accounts used something.
type metered struct {
	*paneltest.Fake
	used  int64
	usage error
}

func (m *metered) Usage(_ context.Context, refs []panel.Ref) (map[string][]panel.Meter, error) {
	out := map[string][]panel.Meter{}
	for _, r := range refs {
		out[r.Service] = []panel.Meter{{Name: "traffic", Unit: "bytes", Used: m.used, Limit: 6_000_000_000_000, From: noon}}
	}
	return out, m.usage
}

// letters takes every mail.
type letters struct {
	mu    sync.Mutex
	mails []notifier.Mail
}

func (l *letters) Mail(_ context.Context, op sdk.Op, m notifier.Mail) (notifier.Receipt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mails = append(l.mails, m)
	return notifier.Receipt{ID: op.ID}, nil
}

func (l *letters) Mailer(string) (notifier.Mailer, error) { return l, nil }

func (l *letters) Poster(string) (notifier.Poster, error) {
	return nil, fault.New(fault.NotFound, "instance_not_found", "")
}

func (l *letters) Receiver(string) (notifier.Receiver, error) {
	return nil, fault.New(fault.NotFound, "instance_not_found", "")
}

// link is the address in the last mail to somebody.
func (l *letters) link(to string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := len(l.mails) - 1; i >= 0; i-- {
		if at := strings.Index(l.mails[i].Text, base+"/"); l.mails[i].To.Address == to && at >= 0 {
			return strings.Fields(l.mails[i].Text[at:])[0][len(base):]
		}
	}
	return ""
}

type drawn struct{ engine *view.Engine }

func (d drawn) Mail(_ context.Context, template, locale string, data map[string]any) (notify.Rendered, error) {
	l, err := d.engine.Mail(template, locale, data)
	return notify.Rendered{Subject: l.Subject, Text: l.Text, HTML: l.HTML}, err
}

func (h *house) Panel(string) (panel.Panel, error) {
	if h.down {
		return nil, fault.New(fault.Unavailable, "plugin_down", "")
	}
	return h.panel, nil
}

func (h *house) Gateway(instance string) (gateway.Gateway, error) {
	if instance != "card" {
		return nil, fault.New(fault.NotFound, "instance_not_found", "")
	}
	return h.card, nil
}

func (h *house) Offered() []flow.GatewayInfo {
	return []flow.GatewayInfo{{Instance: "card", Title: "Card", Up: true, CanSave: true}, {Instance: "paypal", Title: "PayPal", Up: false, CanSave: true}}
}

func (h *house) Account(instance string) string { return "fake:" + instance }

func newHouse(t testing.TB, d *db.DB) *house {
	t.Helper()
	c := clock.Ahead(clock.At(noon), 0)
	h := &house{t: t, ctx: t.Context(), clock: c, card: gatewaytest.NewFake(c.Now), panel: &metered{Fake: &paneltest.Fake{}, used: 3_100_000_000_000}, mails: &letters{}}
	box, err := secret.New(make([]byte, secret.KeySize))
	h.ok(err)
	engine, err := view.New(view.Options{Themes: []fs.FS{themes.FS}, Clock: c, Zone: time.UTC, Key: key32})
	h.ok(err)
	h.ok(engine.Check())
	work := lease.Options{Workers: 2, Poll: 5 * time.Millisecond}
	f := flow.Deps{DB: d, Clock: c, Test: c, Box: box, Outbox: outbox.New(d, c, work), Jobs: jobs.Open(d, c, work), Audit: audit.New(d, c), Inbox: inbox.New(d, c),
		Gateways: h, Receivers: h.mails, Links: flow.Links{Storefront: "http://shop.test", Portal: base, Admin: "http://admin.shop.test"}}
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
	f.Provision = provision.New(provision.Deps{DB: d, Outbox: f.Outbox, Jobs: f.Jobs, Audit: f.Audit, Box: box, Clock: c, Panels: h, Customers: f.Customers})
	f.Notify = notify.New(notify.Deps{DB: d, Jobs: f.Jobs, Clock: c, Carriers: h.mails, Renderer: drawn{engine}, From: func(context.Context) (notifier.Mailbox, error) {
		return notifier.Mailbox{Name: "ezscale", Address: "hello@shop.test"}, nil
	}})
	h.ok(f.Invoices.EnsureSeries(h.ctx))
	h.deps = f
	h.flow, err = flow.New(f)
	h.ok(err)
	h.seed()
	links := view.Sites{Storefront: "http://shop.test", Portal: base, Admin: "http://admin.shop.test"}
	h.site = New(Deps{Flow: h.flow, Auth: f.Auth, Audit: f.Audit, Settings: f.Settings, Catalog: f.Catalog, Customers: f.Customers, Invoices: f.Invoices, Payments: f.Payments, Ledger: f.Ledger,
		Subscriptions: f.Subscriptions, Provision: f.Provision, Notify: f.Notify, Clock: c, Links: links, Brand: "ezscale", Locale: "en", Key: key32})
	h.web, err = route.New(route.Deps{Auth: f.Auth, Wall: c, Log: slog.New(slog.DiscardHandler), Key: key32, Limits: map[route.Rate]route.Pace{route.Page: {Every: time.Microsecond, Burst: 1_000_000}}},
		route.Site{Name: "portal", Base: base, Realm: auth.CustomerKind, Engine: engine, SignIn: SignIn, Enter: Enter, View: h.site.View(), Routes: h.site.Routes()})
	h.ok(err)
	return h
}

// seed sells one VPS: 16.90 EUR a month, 1.50 for another address, 19 % on top.
func (h *house) seed() {
	f := h.deps
	set, err := f.Settings.Get(h.ctx)
	h.ok(err)
	b := &set.Business
	b.Name, b.Country, b.Zone, b.BaseCurrency, b.Line1, b.City, b.Postcode, b.Email, b.TaxID = "ezscale", "DE", "UTC", "EUR", "Mainkai 9", "Frankfurt am Main", "60311", "hello@shop.test", "DE000000001"
	set.Sales = settings.Sales{Currencies: []string{"EUR"}, DefaultCurrency: "EUR", TermsVersion: "2026-10", BankTransfer: true, BankText: "ezscale GmbH\nIBAN DE00 5001 0000 0000 0000 00"}
	set.Mail.FromName, set.Mail.FromAddress = "ezscale", "hello@shop.test"
	h.ok(f.Settings.Save(h.ctx, set))
	_, err = f.Taxes.SaveRule(h.ctx, tax.Rule{Class: "standard", Country: "DE", Level: 1, Code: "VAT", Category: tax.Standard, RatePPM: 190_000, From: period.Date(2020, 1, 1)})
	h.ok(err)
	_, err = f.Catalog.SaveCurrency(h.ctx, catalog.Currency{Code: "EUR", Step: 1, Active: true})
	h.ok(err)
	g, err := f.Catalog.SaveGroup(h.ctx, catalog.Group{Slug: "vps", Kind: "vps", Name: "VPS"})
	h.ok(err)
	h.plan, err = f.Catalog.SaveProduct(h.ctx, catalog.Product{Group: g.ID, Slug: "vps-8", Name: "VPS-8", Status: catalog.Public, TaxClass: "standard", Setup: catalog.SetupOnPayment, Change: "real_days",
		Panel: "vf", Values: form.Values{"package": {"1"}}, Features: []string{"4 vCPU", "8 GB memory", "160 GB NVMe", "6 TB traffic"}})
	h.ok(err)
	for _, c := range []period.Cycle{period.Monthly, period.Annually} {
		_, err = f.Catalog.NewPrice(h.ctx, catalog.Price{Owner: string(h.plan.ID), Cycle: c, Currency: "EUR", Amount: map[period.Cycle]int64{period.Monthly: 1690, period.Annually: 16900}[c], Per: 1})
		h.ok(err)
	}
}

func (h *house) ok(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// later moves the clock, as time does.
func (h *house) later(d time.Duration) { h.clock.Forward(h.clock.Now().Add(d)) }

// member is a customer and the user who owns it.
type member struct {
	customer.Customer
	user auth.User
}

func (h *house) member(first, last, company string) member {
	h.t.Helper()
	mail := strings.ToLower(first) + "@" + strings.ToLower(last) + ".example"
	c, err := h.deps.Customers.Create(h.ctx, customer.Newcomer{First: first, Last: last, Company: company, Email: mail, Currency: "EUR",
		Address: sdk.Address{Line1: "Speicherweg 12", City: "Hamburg", Postcode: "20457", Country: "DE"}})
	h.ok(err)
	u, err := h.deps.Auth.RegisterUser(h.ctx, auth.NewUser{Email: mail, Name: first + " " + last, Password: pass})
	h.ok(err)
	h.ok(h.deps.Auth.Join(h.ctx, u.ID, c.ID, auth.RoleOwner))
	return member{c, u}
}

// order places an order for one VPS.
func (h *house) order(m member, label string) flow.Placed {
	h.t.Helper()
	p, err := h.flow.Checkout(h.ctx, flow.CheckoutIn{Customer: m.ID, TermsVersion: "2026-10", RequestKey: label + string(m.ID),
		Cart: order.Cart{Currency: "EUR", Lines: []order.Line{{Key: "a", Product: h.plan.ID, Cycle: period.Monthly, Label: label}}}})
	h.ok(err)
	return p
}

// buy orders a VPS, pays it with a card that is saved, and has it made.
func (h *house) buy(m member, label string) (ids.Subscription, ids.Invoice) {
	h.t.Helper()
	p := h.order(m, label)
	s, err := h.flow.StartPayment(h.ctx, flow.PayIn{Customer: m.ID, Invoices: []ids.Invoice{p.Invoice.ID}, Gateway: "card", Save: true, Return: base + "/pay/return/{attempt}"})
	h.ok(err)
	h.ok(h.card.Pay(string(s.Attempt)))
	_, err = h.flow.Returned(h.ctx, s.Attempt)
	h.ok(err)
	h.ok(h.flow.Drain(h.ctx))
	return p.Subscriptions[0], p.Invoice.ID
}

// browser is somebody at the portal, with cookies of his own. He does not follow redirects by himself.
type browser struct {
	h    *house
	jar  http.CookieJar
	csrf string
	poll bool
}

func (h *house) visitor() *browser {
	jar, err := cookiejar.New(nil)
	h.ok(err)
	return &browser{h: h, jar: jar}
}

// as is somebody who is signed in.
func (h *house) as(m member) *browser {
	h.t.Helper()
	b := h.visitor()
	b.get(SignIn)
	if p := b.post(SignIn, "email", m.user.Email, "password", pass); p.status != http.StatusSeeOther {
		h.t.Fatalf("sign-in of %s: %d", m.user.Email, p.status)
	}
	b.get("/account")
	return b
}

// answer is what came back.
type answer struct {
	status int
	body   string
	to     string
	header http.Header
}

var csrfField = regexp.MustCompile(`name="_csrf" value="([^"]+)"`)

func (b *browser) send(req *http.Request) answer {
	b.h.t.Helper()
	for _, k := range b.jar.Cookies(req.URL) {
		req.AddCookie(k)
	}
	if b.poll {
		req.Header.Set("X-Poll", "1")
	}
	rec := httptest.NewRecorder()
	b.h.web.ServeHTTP(rec, req)
	res := rec.Result()
	b.jar.SetCookies(req.URL, res.Cookies())
	body, _ := io.ReadAll(res.Body)
	if m := csrfField.FindSubmatch(body); m != nil {
		b.csrf = string(m[1])
	}
	return answer{res.StatusCode, string(body), res.Header.Get("Location"), res.Header}
}

func (b *browser) get(path string) answer {
	b.h.t.Helper()
	return b.send(httptest.NewRequestWithContext(b.h.ctx, http.MethodGet, base+path, nil))
}

func (b *browser) post(path string, pairs ...string) answer {
	b.h.t.Helper()
	q := url.Values{"_csrf": {b.csrf}}
	for i := 0; i < len(pairs); i += 2 {
		q.Add(pairs[i], pairs[i+1])
	}
	req := httptest.NewRequestWithContext(b.h.ctx, http.MethodPost, base+path, strings.NewReader(q.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.send(req)
}

// want fails unless an answer has a status and texts; those that begin with ! must not be in it.
func (a answer) want(t testing.TB, status int, words ...string) answer {
	t.Helper()
	if a.status != status {
		t.Fatalf("status %d, want %d; to %q\n%s", a.status, status, a.to, mainOf(a.body))
	}
	for _, w := range words {
		if not, ok := strings.CutPrefix(w, "!"); ok {
			if strings.Contains(a.body, not) {
				t.Errorf("%q must not be on the page\n%s", not, mainOf(a.body))
			}
		} else if !strings.Contains(a.body, w) {
			t.Errorf("%q is not on the page\n%s", w, mainOf(a.body))
		}
	}
	return a
}

func mainOf(body string) string {
	if _, rest, ok := strings.Cut(body, "<main"); ok {
		body, _, _ = strings.Cut(rest, "</main>")
	}
	return string(bytes.Join(bytes.Fields([]byte(body)), []byte(" ")))
}

// gone fails unless an answer sends on to an address.
func (a answer) gone(t testing.TB, to string) {
	t.Helper()
	if a.status != http.StatusSeeOther || a.to != to {
		t.Fatalf("%d to %q, want 303 to %q\n%s", a.status, a.to, to, mainOf(a.body))
	}
}

var inputs = regexp.MustCompile(`<input[^>]*>`)

// value is what a field of a page holds.
func (a answer) value(name string) string {
	for _, in := range inputs.FindAllString(a.body, -1) {
		if strings.Contains(in, `name="`+name+`"`) {
			_, rest, _ := strings.Cut(in, `value="`)
			value, _, _ := strings.Cut(rest, `"`)
			return value
		}
	}
	return ""
}

// euro is an amount as pages print it.
func euro(text string) string { return fmt.Sprintf(`<span class="money">€%s</span>`, text) }
