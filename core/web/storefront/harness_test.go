package storefront

import (
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

// shopURL is where cookies of browsers belong.
var shopURL = &url.URL{Scheme: "http", Host: "shop.test", Path: "/"}

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// shop is the storefront in front of a whole host, with fakes at its edges. Time stands still until it is moved.
type shop struct {
	t      testing.TB
	ctx    context.Context
	clock  *clock.Offset
	flow   *flow.Flow
	site   *Site
	web    *route.Web
	card   *gatewaytest.Fake
	panel  *paneltest.Fake
	mails  *letters
	plans  map[string]catalog.Product
	coupon coupon.Coupon
	down   bool // the second gateway does not answer
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

func (s *shop) Panel(string) (panel.Panel, error) { return s.panel, nil }

func (s *shop) Gateway(instance string) (gateway.Gateway, error) {
	if instance != "card" {
		return nil, fault.New(fault.Unavailable, "gateway_down", "")
	}
	return s.card, nil
}

func (s *shop) Offered() []flow.GatewayInfo {
	return []flow.GatewayInfo{{Instance: "card", Title: "Card", Up: true, CanSave: true}, {Instance: "wallet", Title: "PayPal", Up: !s.down, CanSave: true}}
}

func (s *shop) Account(instance string) string { return "fake:" + instance }

func newShop(t testing.TB, d *db.DB) *shop {
	t.Helper()
	c := clock.Ahead(clock.At(noon), 0)
	s := &shop{t: t, ctx: t.Context(), clock: c, card: gatewaytest.NewFake(c.Now), panel: &paneltest.Fake{}, mails: &letters{}, plans: map[string]catalog.Product{}}
	box, err := secret.New(make([]byte, secret.KeySize))
	s.ok(err)
	work := lease.Options{Workers: 2, Poll: 5 * time.Millisecond}
	f := flow.Deps{DB: d, Clock: c, Test: c, Box: box, Outbox: outbox.New(d, c, work), Jobs: jobs.Open(d, c, work), Audit: audit.New(d, c), Inbox: inbox.New(d, c),
		Gateways: s, Receivers: s.mails, Links: flow.Links{Storefront: "http://shop.test", Portal: "http://account.shop.test", Admin: "http://admin.shop.test"}}
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
	f.Provision = provision.New(provision.Deps{DB: d, Outbox: f.Outbox, Jobs: f.Jobs, Audit: f.Audit, Box: box, Clock: c, Panels: s, Customers: f.Customers})
	f.Notify = notify.New(notify.Deps{DB: d, Jobs: f.Jobs, Clock: c, Carriers: s.mails, Renderer: plainMail{}, From: func(context.Context) (notifier.Mailbox, error) {
		return notifier.Mailbox{Name: "ezscale", Address: "hello@shop.test"}, nil
	}})
	s.ok(f.Invoices.EnsureSeries(s.ctx))
	s.flow, err = flow.New(f)
	s.ok(err)
	s.seed(f)
	s.build(f, "http://shop.test", "http://account.shop.test")
	return s
}

// build puts the site, and a portal that only takes passes, behind the real routes.
func (s *shop) build(f flow.Deps, store, portal string) {
	engine, err := view.New(view.Options{Themes: themeFS(), Clock: s.clock, Zone: time.UTC, Key: []byte("0123456789abcdef0123456789abcdef")})
	s.ok(err)
	links := view.Sites{Storefront: store, Portal: portal, Admin: "http://admin.shop.test"}
	s.site = New(Deps{Flow: s.flow, Catalog: f.Catalog, Settings: f.Settings, Customers: f.Customers, Orders: f.Orders, Invoices: f.Invoices, Payments: f.Payments,
		Subscriptions: f.Subscriptions, Provision: f.Provision, Auth: f.Auth, Clock: s.clock, Links: links})
	s.web, err = route.New(route.Deps{Auth: f.Auth, Wall: s.clock, Log: slog.New(slog.DiscardHandler), Key: []byte("0123456789abcdef0123456789abcdef"),
		Limits: map[route.Rate]route.Pace{route.Page: {Every: time.Microsecond, Burst: 1_000_000}}},
		route.Site{Name: "storefront", Base: store, Realm: auth.CustomerKind, Engine: engine, SignIn: "/sign-in", Routes: s.site.Routes(),
			View: view.Site{Name: "storefront", Brand: "ezscale", Links: links, Locale: "en", Fill: s.site.Fill, Policy: view.Policy{FormAction: []string{"https://pay.example"}}}},
		route.Site{Name: "portal", Base: portal, Realm: auth.CustomerKind, Engine: engine, SignIn: "/sign-in", Enter: "/enter", View: view.Site{Name: "portal", Brand: "ezscale", Links: links}})
	s.ok(err)
}

// seed sells what a hosting company sells.
func (s *shop) seed(f flow.Deps) {
	set, err := f.Settings.Get(s.ctx)
	s.ok(err)
	b := &set.Business
	b.Name, b.Country, b.Zone, b.BaseCurrency, b.Line1, b.City, b.Postcode, b.Email = "ezscale", "DE", "UTC", "EUR", "Hafenweg 1", "Frankfurt am Main", "60311", "hello@shop.test"
	set.Sales = settings.Sales{Currencies: []string{"EUR", "USD"}, DefaultCurrency: "EUR", TermsVersion: "2026-10-01", BankTransfer: true, BankText: "ezscale\nIBAN DE00 0000 0000 0000 0000 00\nBIC XXXXDEXX"}
	set.Mail.FromName, set.Mail.FromAddress = "ezscale", "hello@shop.test"
	s.ok(f.Settings.Save(s.ctx, set))
	for country, rate := range map[string]int64{"DE": 190_000, "AT": 200_000} {
		_, err = f.Taxes.SaveRule(s.ctx, tax.Rule{Class: "standard", Country: country, Level: 1, Code: "VAT", Category: tax.Standard, RatePPM: rate, From: period.Date(2020, 1, 1)})
		s.ok(err)
	}
	for _, code := range []string{"EUR", "USD"} {
		_, err = f.Catalog.SaveCurrency(s.ctx, catalog.Currency{Code: code, Step: 1, Active: true})
		s.ok(err)
	}
	_, err = f.Catalog.SaveRate(s.ctx, catalog.Rate{Currency: "USD", Base: "EUR", Pico: 920_000_000_000, Source: "test"})
	s.ok(err)
	group := func(sort int, slug, kind, name, headline string) ids.Group {
		g, err := f.Catalog.SaveGroup(s.ctx, catalog.Group{Slug: slug, Kind: kind, Name: name, Headline: headline, Sort: sort})
		s.ok(err)
		return g.ID
	}
	price := func(owner string, month int64) {
		for _, cycle := range []period.Cycle{period.Monthly, period.Quarterly, period.Annually} {
			n := map[period.Cycle]int64{period.Monthly: 1, period.Quarterly: 3, period.Annually: 10}[cycle]
			for _, cur := range []string{"EUR", "USD"} {
				_, err := f.Catalog.NewPrice(s.ctx, catalog.Price{Owner: owner, Cycle: cycle, Currency: cur, Amount: month * n, Per: 1})
				s.ok(err)
			}
		}
	}
	sell := func(g ids.Group, sort int, slug, name, sub string, month int64, more func(*catalog.Product), features ...string) {
		p := catalog.Product{Group: g, Slug: slug, Name: name, Tagline: sub, Features: features, Sort: sort, Status: catalog.Public, TaxClass: "standard", Setup: catalog.SetupOnPayment, Change: "real_days", Panel: "vf", Values: form.Values{"package": {"1"}}}
		if more != nil {
			more(&p)
		}
		p, err := f.Catalog.SaveProduct(s.ctx, p)
		s.ok(err)
		price(string(p.ID), month)
		s.plans[slug] = p
	}
	option := func(p catalog.Product, o catalog.Option, month int64) {
		o.Product = p.ID
		o, err := f.Catalog.SaveOption(s.ctx, o)
		s.ok(err)
		if month > 0 {
			price(string(o.ID), month)
		}
		for _, c := range o.Choices {
			if strings.Contains(c.Label, "Windows") {
				price(string(c.ID), 1400)
			}
		}
	}
	vps := group(1, "vps", "vps", "VPS", "KVM virtual servers with local NVMe. Root access, one IPv4 and a /64 of IPv6 included.")
	for i, v := range []struct{ n, cpu, mem, disk, traffic string }{{"2", "1", "2 GB", "40 GB", "2 TB"}, {"4", "2", "4 GB", "80 GB", "4 TB"}, {"8", "4", "8 GB", "160 GB", "6 TB"}, {"16", "8", "16 GB", "320 GB", "10 TB"}, {"32", "12", "32 GB", "640 GB", "16 TB"}} {
		month := []int64{450, 890, 1690, 3290, 6490}[i]
		sell(vps, i, "vps-"+v.n, "VPS-"+v.n, v.cpu+" vCPU, "+v.mem+", "+v.disk, month, func(p *catalog.Product) { p.Marked = v.n == "8" },
			"vCPU, shared: "+v.cpu, "Memory: "+v.mem, "NVMe storage: "+v.disk, "Traffic, out: "+v.traffic, "IPv4, IPv6: 1 + /64", "Snapshots")
		p := s.plans["vps-"+v.n]
		option(p, catalog.Option{Kind: catalog.Choices, Field: "location", Label: "Location", Needed: true, Sort: 1, Choices: []catalog.Choice{{Value: "fra", Label: "Frankfurt"}, {Value: "ams", Label: "Amsterdam", Sort: 1}, {Value: "iad", Label: "Ashburn", Sort: 2}, {Value: "sin", Label: "Singapore", Sort: 3}}}, 0)
		option(p, catalog.Option{Kind: catalog.Choices, Field: "os", Label: "Operating system", Needed: true, Sort: 2, Choices: []catalog.Choice{{Value: "debian-13", Label: "Debian 13"}, {Value: "ubuntu-24", Label: "Ubuntu 24.04", Sort: 1}, {Value: "alma-10", Label: "AlmaLinux 10", Sort: 2}, {Value: "windows", Label: "Windows 2025", Sort: 3}}}, 0)
		option(p, catalog.Option{Kind: catalog.YesNo, Field: "backups", Label: "Daily backups", Help: "Kept 7 days, restored from the panel", Sort: 3}, month/5)
		option(p, catalog.Option{Kind: catalog.Quantity, Field: "ipv4", Label: "More IPv4", Sort: 4, Most: 16, Step: 1}, 150)
	}
	ds := group(2, "dedicated", "dedicated", "Dedicated servers", "Your own machine, 30 TB traffic")
	one, none := int64(1), int64(0)
	sell(ds, 0, "ds-6", "DS-6", "Ryzen 5 7600, 64 GB", 6900, nil, "Processor: Ryzen 5 7600", "Memory: 64 GB")
	sell(ds, 1, "ds-16", "DS-16", "Ryzen 9 7950X, 128 GB", 11900, func(p *catalog.Product) { p.Free = &one }, "Processor: Ryzen 9 7950X", "Memory: 128 GB")
	sell(ds, 2, "ds-32", "DS-32", "EPYC 9354P, 256 GB", 28900, func(p *catalog.Product) { p.Free = &none }, "Processor: EPYC 9354P", "Memory: 256 GB")
	web := group(3, "web-hosting", "hosting", "Web hosting", "Sites, mail, certificates")
	sell(web, 0, "web-start", "Web Start", "1 site, 10 GB", 390, nil, "Sites: 1", "Storage: 10 GB")
	sell(web, 1, "web-pro", "Web Pro", "10 sites, 50 GB", 990, nil, "Sites: 10", "Storage: 50 GB")
	game := group(4, "game-servers", "game", "Game servers", "Minecraft, Rust, Valheim, 40 more")
	sell(game, 0, "game-4", "Game 4", "4 GB, 2 vCPU", 800, nil, "Memory: 4 GB")
	sell(game, 1, "game-6", "Game 6", "6 GB, 3 vCPU", 1200, nil, "Memory: 6 GB")
	s.coupon, err = f.Coupons.Save(s.ctx, coupon.Coupon{Code: "LAUNCH20", Kind: coupon.Percent, RatePPM: 200_000, Terms: 3, Rules: coupon.Rules{Products: []ids.Product{s.plans["vps-8"].ID}}})
	s.ok(err)
}

func (s *shop) ok(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// browser is somebody at the shop, with cookies of his own. He does not follow redirects by himself.
type browser struct {
	s    *shop
	jar  http.CookieJar
	csrf string
}

func (s *shop) visitor() *browser {
	jar, err := cookiejar.New(nil)
	s.ok(err)
	return &browser{s: s, jar: jar}
}

// page is an answer.
type page struct {
	status int
	body   string
	to     string // where it redirects
	header http.Header
}

func (p page) has(words ...string) bool {
	for _, w := range words {
		if !strings.Contains(p.body, w) {
			return false
		}
	}
	return true
}

var csrfField = regexp.MustCompile(`name="_csrf" value="([^"]+)"`)

func (b *browser) send(req *http.Request) page {
	b.s.t.Helper()
	for _, k := range b.jar.Cookies(req.URL) {
		req.AddCookie(k)
	}
	rec := httptest.NewRecorder()
	b.s.web.ServeHTTP(rec, req)
	res := rec.Result()
	b.jar.SetCookies(req.URL, res.Cookies())
	body, _ := io.ReadAll(res.Body)
	if m := csrfField.FindStringSubmatch(string(body)); m != nil {
		b.csrf = m[1]
	}
	if to, ok := strings.CutPrefix(res.Header.Get("Refresh"), "0; url="); ok { // a page that goes on by itself
		return page{http.StatusSeeOther, string(body), to, res.Header}
	}
	return page{res.StatusCode, string(body), res.Header.Get("Location"), res.Header}
}

func (b *browser) get(path string) page {
	b.s.t.Helper()
	return b.send(httptest.NewRequestWithContext(b.s.ctx, http.MethodGet, "http://shop.test"+path, nil))
}

func (b *browser) post(path string, pairs ...string) page {
	b.s.t.Helper()
	return b.postForm(path, fields(pairs...))
}

func (b *browser) postForm(path string, q url.Values) page {
	b.s.t.Helper()
	if q.Get("_csrf") == "" {
		q.Set("_csrf", b.csrf)
	}
	req := httptest.NewRequestWithContext(b.s.ctx, http.MethodPost, "http://shop.test"+path, strings.NewReader(q.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.send(req)
}

func fields(pairs ...string) url.Values {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return q
}

// put puts a plan into the cart.
func (b *browser) put(plan string, pairs ...string) page {
	b.s.t.Helper()
	b.get("/order/" + plan)
	q := fields(append([]string{"plan", plan, "cycle", "1-month", "currency", "EUR"}, pairs...)...)
	p := b.postForm("/cart", q)
	if p.status != http.StatusSeeOther || p.to != "/cart" {
		b.s.t.Fatalf("%s was not taken: %d %s", plan, p.status, p.body)
	}
	return p
}

var inputs = regexp.MustCompile(`<input[^>]*>`)

// value is what a field of a page holds.
func (p page) value(name string) string {
	for _, in := range inputs.FindAllString(p.body, -1) {
		if strings.Contains(in, `name="`+name+`"`) {
			_, rest, _ := strings.Cut(in, `value="`)
			value, _, _ := strings.Cut(rest, `"`)
			return value
		}
	}
	return ""
}

// jana is what a new customer fills in.
func jana(checkout page, more ...string) url.Values {
	q := fields("key", checkout.value("key"), "seen", checkout.value("seen"), "email", "jana@nordlicht.example", "password", "correct horse battery", "kind", "person", "first", "Jana", "last", "Petersen",
		"line1", "Speicherweg 12", "postcode", "20457", "city", "Hamburg", "country", "DE", "way", "gateway:card", "save", "1", "terms", "1")
	for i := 0; i < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return q
}

func themeFS() []fs.FS { return []fs.FS{themes.FS} }
