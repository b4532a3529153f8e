package storefront

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/sales/catalog"
)

var lineKey = regexp.MustCompile(`\?line=([a-z0-9]+)`)

func TestCart(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := newShop(t, d)
		b := s.visitor()
		if p := b.get("/cart"); p.status != http.StatusOK || !p.has("Nothing in the cart yet") {
			t.Fatalf("an empty cart is\n%s", p.body)
		}
		b.put("vps-8", "location", "ams", "operating-system", "debian-13", "hostname", "web-01.example.com", "daily-backups", "1")
		b.put("web-start")
		p := b.get("/cart")
		if !p.has("VPS-8", "web-01.example.com", "Location: Amsterdam", "€3.38", "Web Start", "€28.77", `class="num">2<`) { // 16.90 + 3.38 + 3.90, and 19 %
			t.Fatalf("the cart is\n%s", p.body)
		}
		keys := lineKey.FindAllStringSubmatch(p.body, -1)
		if len(keys) != 2 {
			t.Fatalf("%d lines can be changed", len(keys))
		}
		change := b.get("/order/vps-8?line=" + keys[0][1])
		if !change.has(`value="ams" checked`, "web-01.example.com", "Save in cart", `name="line" value="`+keys[0][1]+`"`) {
			t.Fatalf("changing shows\n%s", change.body)
		}
		b.put("vps-8", "line", keys[0][1], "location", "sin", "operating-system", "debian-13", "hostname", "web-02.example.com", "cycle", "1-year")
		p = b.get("/cart")
		if !p.has("web-02.example.com", "Location: Singapore", "€169.00") || p.has("web-01") || len(lineKey.FindAllString(p.body, -1)) != 2 {
			t.Errorf("changed, the cart is\n%s", p.body)
		}
		b.post("/cart/currency", "currency", "USD")
		if p = b.get("/cart"); !p.has("$169.00") || p.has("€") {
			t.Errorf("in dollars the cart is\n%s", p.body)
		}
		b.post("/cart/remove", "line", keys[1][1])
		if p = b.get("/cart"); p.has("Web Start") {
			t.Error("it was not removed")
		}
		if other := s.visitor().get("/cart"); other.has("VPS-8") {
			t.Error("somebody else sees the cart")
		}
	})
}

func TestWhatIsRefusedIsSaidAtItsField(t *testing.T) {
	s := newShop(t, dbtest.SQLite(t))
	tests := []struct {
		name, field, value string
		want               string
	}{
		{"a name with a space", "hostname", "not a host", "Write a name such as web-01.example.com"},
		{"a place that does not exist", "location", "moon", "Choose one of these."},
		{"more than there may be", "more-ipv4", "17", "Choose from 0 to 16"},
		{"a number that is none", "more-ipv4", "two", "Write a whole number."},
		{"a term that is not sold", "cycle", "7-month", "not sold for that term"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := s.visitor()
			b.get("/order/vps-8")
			p := b.post("/cart", "plan", "vps-8", "cycle", "1-month", "currency", "EUR", "location", "ams", "operating-system", "debian-13", "hostname", "web-01.example.com", tt.field, tt.value)
			if p.status != http.StatusUnprocessableEntity || !p.has(tt.want, `role="alert"`, "Error:") {
				t.Errorf("%d\n%s", p.status, p.body)
			}
			if tt.field != "location" && !p.has(`value="ams" checked`) {
				t.Error("what was chosen is lost")
			}
			if b.get("/cart").has("VPS-8") {
				t.Error("it is in the cart")
			}
		})
	}
	b := s.visitor()
	b.get("/order/ds-32")
	if p := b.post("/cart", "plan", "ds-32", "cycle", "1-month", "currency", "EUR"); p.status != http.StatusUnprocessableEntity || !p.has("sold out") {
		t.Errorf("sold out, it was taken: %d", p.status)
	}
	if p := b.post("/cart", "plan", "vps-8", "do", "price", "cycle", "1-year", "currency", "EUR"); p.status != http.StatusOK || !p.has("€201.11") {
		t.Errorf("the price alone: %d\n%s", p.status, p.body)
	}
	if p := b.postForm("/cart", url.Values{"plan": {"vps-8"}, "_csrf": {"x"}}); p.status != http.StatusForbidden {
		t.Errorf("without the token of the form: %d", p.status)
	}
}

func TestCoupons(t *testing.T) {
	s := newShop(t, dbtest.SQLite(t))
	b := s.visitor()
	b.put("web-start")
	b.get("/cart")
	p := b.post("/cart/coupon", "coupon", "launch20")
	if p.status != http.StatusUnprocessableEntity || !p.has("This code is not for what is in the cart.", `aria-invalid="true"`, `value="launch20"`, "€4.64") {
		t.Errorf("a code for something else: %d\n%s", p.status, p.body)
	}
	if p = b.post("/cart/coupon", "coupon", "nonsense"); !p.has("This code is not known.", "€4.64") {
		t.Errorf("an unknown code:\n%s", p.body)
	}
	if p = b.get("/cart"); p.has("aria-invalid") {
		t.Error("a refused code stays on the cart")
	}
	b.put("vps-8")
	if p = b.post("/cart/coupon", "coupon", "launch20"); p.status != http.StatusSeeOther {
		t.Fatalf("a good code: %d\n%s", p.status, p.body)
	}
	if p = b.get("/cart"); !p.has("LAUNCH20", "20% off the first 3 terms", "−€3.38", "€20.73") { // (16.90 - 3.38 + 3.90) and 19 %
		t.Errorf("with the code the cart is\n%s", p.body)
	}
	// 20 % off for two more terms: 13.52 and 19 %
	if !p.has(`then <span class="money">€16.09</span> a month from 23 Dec 2026, and <span class="money">€20.11</span> a month from 23 Feb 2027`) {
		t.Errorf("later terms are not said:\n%s", p.body)
	}
	b.post("/cart/remove", "line", lineKey.FindAllStringSubmatch(b.get("/cart").body, -1)[1][1])
	if p = b.get("/cart"); !p.has("This code is not for what is in the cart.", "The sum is without it.", "€4.64") {
		t.Errorf("without what the code was for the cart is\n%s", p.body)
	}
	b.post("/cart/coupon", "coupon", "")
	if p = b.get("/cart"); p.has(`value="LAUNCH20"`) {
		t.Error("the code was not taken away")
	}
	for range 25 {
		p = b.post("/cart/coupon", "coupon", "guess")
	}
	if !p.has("too often") {
		t.Errorf("codes can be guessed:\n%s", p.body)
	}
}

func TestALineThatIsNotSoldAnyMore(t *testing.T) {
	s := newShop(t, dbtest.SQLite(t))
	b := s.visitor()
	b.put("vps-8")
	b.put("web-start")
	p := s.plans["vps-8"]
	p.Status = catalog.Archived
	if _, err := s.site.Catalog.SaveProduct(s.ctx, p); err != nil {
		t.Fatal(err)
	}
	cart := b.get("/cart")
	if !cart.has("not sold any more", "€4.64") {
		t.Errorf("the cart is\n%s", cart.body)
	}
	checkout := b.get("/checkout")
	if !checkout.has("VPS-8", "not sold any more", "Change the cart") {
		t.Errorf("the checkout is\n%s", checkout.body)
	}
	if got := b.postForm("/checkout", jana(checkout)); got.status != http.StatusUnprocessableEntity {
		t.Errorf("it was ordered: %d", got.status)
	}
}

func TestTheCartSurvivesSigningIn(t *testing.T) {
	s := newShop(t, dbtest.SQLite(t))
	old := s.visitor()
	old.put("web-start")
	old.register(t)
	b := s.visitor()
	b.put("vps-8")
	p := b.get("/sign-in?next=/checkout")
	if !p.has("Your cart stays as it is.") {
		t.Error("it does not say so")
	}
	if p = b.post("/sign-in", "email", "jana@nordlicht.example", "password", "wrong password", "next", "/checkout"); p.status != http.StatusUnprocessableEntity || !p.has("do not belong together", "jana@nordlicht.example") {
		t.Errorf("a wrong password: %d", p.status)
	}
	if p = b.post("/sign-in", "email", "jana@nordlicht.example", "password", "correct horse battery", "next", "/checkout"); p.to != "/checkout" {
		t.Fatalf("signing in leads to %q (%d)", p.to, p.status)
	}
	if p = b.get("/checkout"); !p.has("VPS-8", "Jana Petersen", "Speicherweg 12", "Hamburg") || p.has(`name="password"`) {
		t.Errorf("the checkout is\n%s", p.body)
	}
	if p = b.post("/sign-out", "next", "https://evil.example/"); p.to != "/" {
		t.Errorf("signing out leads to %q", p.to)
	}
	if p = b.get("/cart"); !p.has("VPS-8") {
		t.Error("the cart is gone")
	}
	if p := b.get("/sign-in?next=//evil.example"); strings.Contains(p.body, "evil") {
		t.Error("next leads elsewhere")
	}
}
