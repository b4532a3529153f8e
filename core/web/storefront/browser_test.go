package storefront

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/core/web/webtest"
	"github.com/ezscale/bursar/sdk/gateway"
)

// show is a shop in a real browser, as whoever is asked for.
type show struct {
	*shop
	mu     sync.Mutex
	as     *browser // whose cookies requests carry
	scheme string
	shown  string // body of an answer to a form, served at /shown
}

func (w *show) ServeHTTP(res http.ResponseWriter, req *http.Request) {
	w.mu.Lock()
	as, scheme, shown := w.as, w.scheme, w.shown
	w.mu.Unlock()
	if req.URL.Path == "/shown" {
		res.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = res.Write([]byte(shown))
		return
	}
	req.Header.Del("Cookie")
	for _, k := range as.jar.Cookies(shopURL) {
		req.AddCookie(k)
	}
	req.AddCookie(&http.Cookie{Name: view.ThemeCookie, Value: scheme})
	req.Host = "shop.test"
	req.Header.Del("Sec-Fetch-Site")
	req.Header.Del("Origin")
	w.web.ServeHTTP(res, req)
}

// In a real browser, at phone and desk width, light and dark: no page scrolls sideways, nothing complains in the
// console, and axe finds nothing against WCAG 2.2 AA. BURSAR_SHOTS names a folder for pictures.
func TestPagesInABrowser(t *testing.T) {
	w := &show{shop: newShop(t, dbtest.SQLite(t))}
	nobody := w.visitor()
	w.as = nobody
	b := webtest.Open(t, w, "status of 404")

	guest := w.visitor()
	guest.put("vps-8", "hostname", "web-01.nordlicht.example", "daily-backups", "1", "more-ipv4", "1", "operating-system", "windows")
	guest.put("web-start", "hostname", "nordlicht.example")
	guest.get("/cart")
	guest.post("/cart/coupon", "coupon", "launch20")
	checkout := guest.get("/checkout")
	failed := guest.postForm("/checkout", jana(checkout, "last", "", "password", "short", "terms", ""))
	refused := guest.post("/cart/coupon", "coupon", "spring")

	payer := w.visitor()
	payer.put("vps-8", "hostname", "web-01.nordlicht.example", "daily-backups", "1")
	payer.put("game-4")
	payer.postForm("/checkout", jana(payer.get("/checkout"), "email", "payer@nordlicht.example"))
	paying := w.attempt()
	w.card.Decline(gateway.Decline{Class: gateway.Soft, Code: "funds", Text: "There is not enough money on the card."})
	w.ok(w.card.Pay(string(paying.ID)))
	here := "/orders/" + string(w.orders()[0].ID)
	declined := payer.get(here + "?attempt=" + string(paying.ID)).body
	payer.post(here+"/pay", "way", "gateway:card", "save", "1")
	paying = w.attempt()
	w.ok(w.card.Pay(string(paying.ID)))
	building := payer.get(here + "?attempt=" + string(paying.ID)).body
	w.drain()
	payer.put("vps-4")

	bank := w.visitor()
	transfer := func() string { to := bank.buyByBank(t); return bank.get(to).body }()

	pages := []struct {
		name, path string
		as         *browser
		shown      string
	}{
		{"home", "/", nobody, ""}, {"vps", "/vps", nobody, ""}, {"dedicated", "/dedicated?cycle=1-year", nobody, ""}, {"pricing", "/pricing?cycle=1-year", guest, ""},
		{"product", "/order/vps-8?location=ams&more-ipv4=2&daily-backups=1&coupon=LAUNCH20", nobody, ""}, {"sold-out", "/order/ds-32", nobody, ""},
		{"cart", "/cart", guest, ""}, {"cart-empty", "/cart", nobody, ""}, {"cart-refused", "/shown", guest, refused.body},
		{"checkout", "/checkout", guest, ""}, {"checkout-us", "/checkout?country=US", guest, ""}, {"checkout-failed", "/shown", guest, failed.body}, {"checkout-known", "/checkout", payer, ""},
		{"order-declined", "/shown", payer, declined}, {"order-building", "/shown", payer, strings.ReplaceAll(building, "data-poll", "data-was")}, {"order-ready", here, payer, ""}, {"order-bank", "/shown", bank, transfer},
		{"sign-in", "/sign-in?next=/checkout", nobody, ""}, {"about", "/about", nobody, ""}, {"contact", "/contact", nobody, ""}, {"terms", "/terms", nobody, ""}, {"not-found", "/nothing", nobody, ""},
	}
	for _, p := range pages {
		for _, width := range []int64{390, 1440} {
			for _, scheme := range []string{"bursar", "bursar-dark"} {
				w.mu.Lock()
				w.as, w.shown, w.scheme = p.as, strings.Replace(p.shown, `<html lang="en">`, `<html lang="en" data-theme="`+scheme+`">`, 1), scheme
				w.mu.Unlock()
				b.Look(fmt.Sprintf("%s-%d-%s", p.name, width, scheme), p.path, width)
			}
		}
	}
}

// What scripts add works: prices follow what is chosen, without a press.
func TestPricesFollowInABrowser(t *testing.T) {
	w := &show{shop: newShop(t, dbtest.SQLite(t)), scheme: "bursar"}
	w.as = w.visitor()
	b := webtest.Open(t, w, "status of 404")
	limited, done := context.WithTimeout(b.Context, 30*time.Second)
	defer done()
	see := func(what, script, want string) {
		t.Helper()
		for range 100 {
			got, err := chromedp.Run(limited, chromedp.Evaluate[string](script))
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(got, want) {
				return
			}
			if err := chromedp.Do(limited, chromedp.Sleep(30*time.Millisecond)); err != nil {
				t.Fatal(err)
			}
		}
		got, _ := chromedp.Run(limited, chromedp.Evaluate[string](script))
		t.Errorf("%s: %q has no %q", what, got, want)
	}
	do := func(script string) {
		t.Helper()
		see("a page at rest", `String(document.querySelectorAll(".htmx-request, .htmx-swapping, .htmx-settling, .htmx-added").length)`, "0")
		if _, err := chromedp.Run(limited, chromedp.Evaluate[bool](script+"; true")); err != nil {
			t.Fatal(err)
		}
	}
	visit := func(path string) {
		t.Helper()
		if err := chromedp.Do(limited, chromedp.Navigate(b.URL+path)); err != nil {
			t.Fatal(err)
		}
	}
	visit("/")
	see("the front", `document.querySelector("#configurator .money-lg").textContent`, "€16.90")
	do(`document.getElementById("plan-vps-16").click()`)
	see("another plan", `document.querySelector("#configurator .money-lg").textContent`, "€32.90")
	do(`document.getElementById("q-daily-backups").click()`)
	see("with backups", `document.querySelector("#configurator .money-lg").textContent`, "€39.48")
	see("its link", `document.querySelector("#configurator a").href`, "daily-backups=1")
	visit("/order/vps-8")
	do(`(() => { const el = document.getElementById("o-more-ipv4-s"); el.value = 4; el.dispatchEvent(new Event("input", {bubbles: true})); el.dispatchEvent(new Event("change", {bubbles: true})); })()`)
	see("four addresses", `document.querySelector("#put .leader-total").textContent`, "€27.25") // (16.90 + 6.00) and 19 %
	see("the field beside the slider", `document.getElementById("o-more-ipv4").value`, "4")
	do(`document.getElementById("cycle-1-year").click()`)
	see("a year", `document.querySelector("#put .leader-total").textContent`, "€272.51")
	see("the address", `location.search`, "")
	w.as.put("vps-8")
	visit("/checkout")
	see("in Germany", `document.querySelector("#summary button[form=order]:last-of-type").textContent`, "")
	see("in Germany", `document.querySelector("#summary .leader-total").textContent`, "€20.11")
	do(`(() => { const el = document.getElementById("f-first"); el.value = "Jana"; })()`)
	do(`(() => { const el = document.getElementById("f-country"); el.value = "AT"; el.dispatchEvent(new Event("change", {bubbles: true})); })()`)
	see("in Austria", `document.querySelector("#summary .leader-total").textContent`, "€20.28")
	see("what the form will send", `document.querySelector("[name=seen]").value`, "20.28 EUR")
	see("what was typed", `document.getElementById("f-first").value`, "Jana")
	do(`(() => { const el = document.getElementById("f-country"); el.value = "US"; el.dispatchEvent(new Event("change", {bubbles: true})); })()`)
	see("the state", `document.getElementById("place").textContent`, "State or province")
	see("the bar", `document.getElementById("visitor").textContent`, "1")
	b.Quiet("prices")
}
