package portal

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/contact/notify"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/core/web/webtest"
	"github.com/ezscale/bursar/sdk/gateway"
)

// show is the portal in a real browser, as whoever is asked for.
type show struct {
	*house
	mu     sync.Mutex
	who    *browser // whose cookies requests carry
	scheme string
	shown  string // body of an answer to a form, served at /shown
}

var here, _ = url.Parse(base + "/pay/return/x")

func (w *show) ServeHTTP(res http.ResponseWriter, req *http.Request) {
	w.mu.Lock()
	who, scheme, shown := w.who, w.scheme, w.shown
	w.mu.Unlock()
	if req.URL.Path == "/shown" {
		res.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = res.Write([]byte(shown))
		return
	}
	req.Header.Del("Cookie")
	for _, k := range who.jar.Cookies(here) {
		req.AddCookie(k)
	}
	req.AddCookie(&http.Cookie{Name: view.ThemeCookie, Value: scheme})
	req.Host = here.Host
	w.web.ServeHTTP(res, req)
}

// In a real browser, dark at phone width and light at a desk: no page scrolls sideways, nothing complains in the
// console, and axe finds nothing against WCAG 2.2 AA. BURSAR_SHOTS names a folder for pictures, of all four.
func TestPagesInABrowser(t *testing.T) {
	w := &show{house: newHouse(t, dbtest.SQLite(t))}
	m, empty := w.member("Jana", "Nordlicht", "Nordlicht Medien GmbH"), w.member("Ana", "Sauvage", "")
	web, paid := w.buy(m, "web-01.nordlicht.example")
	w.later(24 * time.Hour)
	db, _ := w.buy(m, "db-01.nordlicht.example")
	w.buy(m, "kunden.nordlicht.example")
	w.later(24 * time.Hour)
	open := w.order(m, "staging-02.nordlicht.example").Invoice
	w.later(48 * time.Hour)
	w.panel.Waits, w.panel.After = 5, time.Hour
	p := w.order(m, "build-01.nordlicht.example")
	s, err := w.flow.StartPayment(w.ctx, payIn(m, p.Invoice.ID))
	w.ok(err)
	w.ok(w.card.Pay(string(s.Attempt)))
	_, err = w.flow.Returned(w.ctx, s.Attempt)
	w.ok(err)
	w.ok(w.flow.Drain(w.ctx))
	_, err = w.deps.Payments.SaveMethod(w.ctx, m.ID, "card", "fake:card", gateway.Method{Kind: "card", Brand: "mastercard", Last4: "0088", ID: "tok-2", ExpYear: 2026, ExpMonth: 11})
	w.ok(err)
	third, err := w.deps.Payments.SaveMethod(w.ctx, m.ID, "card", "fake:card", gateway.Method{Kind: "paypal", Label: "rechnung@nordlicht.example", ID: "tok-3"})
	w.ok(err)
	w.ok(w.deps.Payments.Block(w.ctx, third.ID, "hard"))
	b, other, nobody := w.as(m), w.as(empty), w.visitor()
	at := "/services/" + string(web)
	acc, _ := w.panel.Account(string(web))
	acc.Addresses = []netip.Prefix{netip.MustParsePrefix("203.0.113.24/32"), netip.MustParsePrefix("2001:db8:4f:18::/64")}
	acc.Details, acc.URL = [][2]string{{"Location", "Frankfurt"}, {"System", "Debian 13"}}, "https://panel.example/server/7"
	w.panel.Put(acc)
	w.later(time.Minute)
	b.get(at)
	b.post(at+"/power", "action", "restart", "key", "a").gone(t, at)
	w.ok(w.flow.Drain(w.ctx))
	b.post("/services/"+string(db)+"/cancel", "when", "end", "reason", "too small").gone(t, "/services/"+string(db))
	b.get("/")
	token, err := w.deps.Invoices.PayToken(w.ctx, open.ID)
	w.ok(err)
	bill := "/invoices/" + string(open.ID)
	methods, err := w.deps.Payments.Methods(w.ctx, m.ID)
	w.ok(err)
	w.card.Decline(gateway.Decline{Class: gateway.Soft, Code: "51", Text: "Not enough money on the card."})
	declined := b.post(bill+"/pay", "key", "none", "way", "method:"+string(methods[0].ID)).to
	list, err := w.deps.Payments.List(w.ctx, payment.AttemptFilter{Customer: m.ID, Statuses: []payment.AttemptStatus{payment.Succeeded}, Limit: 1})
	w.ok(err)
	failed := b.post(bill+"/pay", "key", strings.TrimPrefix(declined, "/pay/return/")).body
	address := b.post("/account/address", "kind", "company", "tax_id", "!", "line1", "", "city", "Kiel", "country", "DE", "version", "1").body
	secret := b.post("/account/tokens", "label", "deploy script", "expires", "90", "scopes", "service.see").body
	leave := nobody.post("/pay/"+token, "way", "page:nowhere").body
	shown := b.post("/services/"+string(db)+"/reveal", "old", pass).body
	mails, err := w.deps.Notify.List(w.ctx, notify.Filter{Customer: m.ID, Limit: 1})
	w.ok(err)
	w.become(b)
	chromium := webtest.Open(t, w, "status of 404")

	pages := []struct {
		name, path string
		as         *browser
		shown      string
	}{
		{"overview", "/", b, ""}, {"overview-empty", "/", other, ""}, {"services", "/services", b, ""}, {"services-empty", "/services", other, ""},
		{"service", at, b, ""}, {"service-building", "/services/" + string(p.Subscriptions[0]), b, ""}, {"service-waiting", "/services/" + string(w.subOf(open.ID)), b, ""}, {"service-cancelled", "/services/" + string(db), b, ""},
		{"cancel", at + "/cancel", b, ""}, {"activity", at + "/activity", b, ""}, {"reveal", at + "/reveal", b, ""}, {"revealed", "/shown", b, shown}, {"new-password", at + "/password", b, ""},
		{"invoices", "/invoices", b, ""}, {"invoices-empty", "/invoices", other, ""}, {"invoice-paid", "/invoices/" + string(paid), b, ""}, {"invoice-open", bill, b, ""}, {"invoice-failed", "/shown", b, failed},
		{"link", "/pay/" + token, nobody, ""}, {"link-failed", "/shown", nobody, leave}, {"link-over", "/pay/nothing", nobody, ""}, {"return-declined", declined, b, ""}, {"return-paid", "/pay/return/" + string(list.List[0].ID), b, ""},
		{"payments", "/payments", b, ""}, {"methods", "/methods", b, ""}, {"methods-empty", "/methods", other, ""}, {"profile", "/account", b, ""}, {"address", "/account/address", b, ""}, {"address-failed", "/shown", b, address},
		{"security", "/account/security", b, ""}, {"tokens", "/account/tokens", b, ""}, {"token-made", "/shown", b, secret}, {"mails", "/account/mails", b, ""}, {"mail", "/account/mails/" + string(mails.List[0].ID), b, ""},
		{"accounts", "/accounts", b, ""}, {"sign-in", "/sign-in", nobody, ""}, {"forgot", "/forgot", nobody, ""},
	}
	check := func(name, path string) {
		for _, width := range []int64{390, 1440} {
			for _, scheme := range []string{"bursar", "bursar-dark"} {
				if webtest.Shots() == "" && (width == 390) != (scheme == "bursar-dark") {
					continue // two of the four say most
				}
				w.mu.Lock()
				w.scheme = scheme
				if w.shown != "" {
					w.shown = strings.Replace(strings.Replace(w.shown, `<html lang="en">`, `<html lang="en" data-theme="bursar">`, 1), `data-theme="bursar"`, `data-theme="`+scheme+`"`, 1)
					w.shown = strings.Replace(w.shown, `data-theme="bursar-dark"`, `data-theme="`+scheme+`"`, 1)
				}
				w.mu.Unlock()
				chromium.Look(fmt.Sprintf("%s-%d-%s", name, width, scheme), path, width)
			}
		}
	}
	for _, page := range pages {
		w.mu.Lock()
		w.who, w.shown = page.as, page.shown
		w.mu.Unlock()
		check(page.name, page.path)
	}
	w.later(time.Hour)
	w.down = true
	w.become(b)
	check("service-dead-panel", at)
}

func (w *show) become(b *browser) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.who, w.shown = b, ""
}

func (w *show) subOf(inv ids.Invoice) ids.Subscription {
	of, err := w.deps.Subscriptions.OfInvoices(w.ctx, []ids.Invoice{inv})
	w.ok(err)
	return of[inv][0].ID
}
