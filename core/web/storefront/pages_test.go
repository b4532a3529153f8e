package storefront

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/sales/catalog"
)

var keptPaths = []string{"/", "/vps", "/vps?cycle=1-year&currency=USD", "/dedicated", "/web-hosting", "/game-servers", "/pricing", "/pricing?cycle=1-year", "/about", "/contact", "/terms", "/privacy", "/acceptable-use", "/sla"}

// Kept pages are byte for byte the same for a visitor and for somebody who is signed in with a cart, and hold nothing
// of either. Once drawn they ask the database nothing.
func TestKeptPagesAreTheSameForEverybody(t *testing.T) {
	s := newShop(t, dbtest.SQLite(t))
	known, nobody := s.visitor(), s.visitor()
	known.put("vps-8")
	known.register(t)
	for _, path := range keptPaths {
		a := nobody.get(path)
		ctx, count := db.CountQueries(s.ctx)
		req := httptest.NewRequestWithContext(ctx, http.MethodGet, "http://shop.test"+path, nil)
		b := known.send(req)
		if a.status != http.StatusOK || b.status != http.StatusOK {
			t.Errorf("%s: %d, %d", path, a.status, b.status)
		}
		if a.body != b.body {
			t.Errorf("%s differs between visitors", path)
		}
		for _, word := range []string{"_csrf", "Jana", "jana@", "/sign-out", "req_"} {
			if strings.Contains(a.body, word) {
				t.Errorf("%s holds %q", path, word)
			}
		}
		if !a.has(`hx-get="/visitor"`) {
			t.Errorf("%s does not fetch what is the visitor's", path)
		}
		if count.N() != 0 {
			t.Errorf("%s asked the database %d times", path, count.N())
		}
	}
	if p := known.get("/visitor"); !p.has("Account", `class="num">1<`) || p.has("hx-get") || p.header.Get("Cache-Control") != "no-store" {
		t.Errorf("the visitor's corner is %s", p.body)
	}
	if p := nobody.get("/visitor"); !p.has("/sign-in") || p.has("Account") {
		t.Errorf("nobody's corner is %s", p.body)
	}
}

func TestKeptPagesFollowTheCatalogue(t *testing.T) {
	s := newShop(t, dbtest.SQLite(t))
	b := s.visitor()
	if p := b.get("/vps"); !p.has("€16.90", "Most chosen", "160 GB", "+ <span class=\"money\">€3.38") {
		t.Fatalf("the comparison lacks something:\n%s", p.body)
	}
	if p := b.get("/vps?currency=USD"); !p.has("$16.90") || p.has("€16.90") {
		t.Error("dollars are not shown")
	}
	if p := b.get("/vps"); !p.has("$16.90") {
		t.Error("the currency is not remembered")
	}
	if p := b.get("/vps?cycle=1-year&currency=EUR"); !p.has("€169.00", "a year") {
		t.Error("a year is not shown")
	}
	for _, odd := range []string{"?cycle=7-year", "?cycle=x", "?currency=XXX"} {
		if p := s.visitor().get("/vps" + odd); p.status != http.StatusOK || !p.has("€16.90") {
			t.Errorf("%s: %d", odd, p.status)
		}
	}
	s.clock.Forward(noon.Add(time.Second))
	if _, err := s.site.Catalog.NewPrice(s.ctx, catalog.Price{Owner: string(s.plans["vps-8"].ID), Cycle: period.Monthly, Currency: "EUR", Amount: 1750, Per: 1}); err != nil {
		t.Fatal(err)
	}
	if p := s.visitor().get("/vps"); !p.has("€17.50") || p.has("€16.90") {
		t.Error("the page is as it was before the price changed")
	}
	if p := s.visitor().get("/dedicated"); !p.has("Sold out", "1 left") {
		t.Errorf("stock is not said:\n%s", p.body)
	}
}

func TestWhatIsNotThere(t *testing.T) {
	s := newShop(t, dbtest.SQLite(t))
	for _, path := range []string{"/nothing", "/order/nothing", "/vps/more", "/configure?plan=no", "/assets/no.css"} {
		if p := s.visitor().get(path); p.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, p.status)
		}
	}
	for path, to := range map[string]string{"/order?plan=vps-4&location=ams": "/order/vps-4?location=ams", "/order": "/pricing", "/checkout": "/cart", "/orders/ord_1": "/sign-in?next=%2Forders%2Ford_1"} {
		if p := s.visitor().get(path); p.status != http.StatusSeeOther || p.to != to {
			t.Errorf("%s leads to %q (%d)", path, p.to, p.status)
		}
	}
}

func TestTheConfiguratorShowsItsPrice(t *testing.T) {
	s := newShop(t, dbtest.SQLite(t))
	b := s.visitor()
	if p := b.get("/"); !p.has("Memory", "8 GB", "€16.90", "Frankfurt", "Price list", "Locations") {
		t.Fatalf("the front is\n%s", p.body)
	}
	p := b.get("/configure?plan=vps-4&cycle=1-month&currency=EUR&location=sin&daily-backups=1")
	if !p.has("€10.68", `value="vps-4" checked`, `value="sin" selected`) || p.has("<html") {
		t.Errorf("VPS-4 with backups is\n%s", p.body)
	}
}

func TestLinksPreselect(t *testing.T) {
	s := newShop(t, dbtest.SQLite(t))
	b := s.visitor()
	p := b.get("/order/vps-8?cycle=1-year&currency=USD&location=ams&operating-system=windows&more-ipv4=2&daily-backups=1&hostname=web-01.example.com&coupon=LAUNCH20")
	if !p.has(`value="ams" checked`, `value="windows" checked`, `value="1-year" checked`, "web-01.example.com", `name="coupon" value="LAUNCH20"`, "$") {
		t.Errorf("the order page is\n%s", p.body)
	}
	if got := p.value("more-ipv4"); got != "2" {
		t.Errorf("%q more addresses", got)
	}
	// 169.00 + 140.00 (Windows) + 33.80 (backups) + 2 x 15.00, and 19 % on top
	if !p.has("$443.63") {
		t.Errorf("the sum is not $443.63:\n%s", p.body)
	}
	if p := b.get("/order/vps-8?location=moon&more-ipv4=99"); p.status != http.StatusOK || !p.has(`value="fra" checked`) || p.value("more-ipv4") != "0" {
		t.Error("an old link does not show the usual choice")
	}
}

// A kept page costs little more than writing it.
func BenchmarkKeptPage(b *testing.B) {
	s := newShop(b, dbtest.SQLite(b))
	bare := echo.New()
	bare.GET("/", func(c echo.Context) error { return c.HTML(http.StatusOK, "<p>Hello</p>") })
	run := func(name string, h http.Handler) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				req := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "http://shop.test/", nil)
				req.Header.Set("Accept-Encoding", "gzip")
				h.ServeHTTP(httptest.NewRecorder(), req)
			}
		})
	}
	run("bare echo", bare)
	run("home", s.web)
}
