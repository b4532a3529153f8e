package storefront

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/core/sales/order"
	"github.com/ezscale/bursar/sdk/gateway"
)

// register orders what is in the cart by bank transfer, which opens an account, and fills the cart again.
func (b *browser) register(t testing.TB) {
	t.Helper()
	p := b.postForm("/checkout", jana(b.get("/checkout"), "way", "bank"))
	if p.status != http.StatusSeeOther || !strings.HasPrefix(p.to, "/orders/ord_") {
		t.Fatalf("no account was opened: %d %q\n%s", p.status, p.to, p.body)
	}
	b.put("vps-8")
}

// attempt is the newest payment there is.
func (s *shop) attempt() payment.Attempt {
	s.t.Helper()
	list, err := s.site.Payments.List(s.ctx, payment.AttemptFilter{})
	s.ok(err)
	if len(list.List) == 0 {
		s.t.Fatal("no payment was begun")
	}
	return list.List[0]
}

func (s *shop) orders() []order.Order {
	s.t.Helper()
	list, err := s.site.Orders.List(s.ctx, order.Filter{})
	s.ok(err)
	return list.List
}

func (s *shop) drain() { s.t.Helper(); s.ok(s.flow.Drain(s.ctx)) }

// One sale from the cart to the running server, as somebody new sees it.
func TestFromTheCartToTheServer(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := newShop(t, d)
		b := s.visitor()
		b.put("vps-8", "hostname", "web-01.example.com", "daily-backups", "1")
		checkout := b.get("/checkout")
		if !checkout.has(`name="email"`, "Pay", "€24.13", "Card", "PayPal", "Bank transfer", `name="save" value="1" checked`, "2026-10-01") {
			t.Fatalf("the checkout is\n%s", checkout.body)
		}
		p := b.postForm("/checkout", jana(checkout))
		att := s.attempt()
		if p.status != http.StatusSeeOther || p.to != att.PageURL || p.to == "" || !att.Save {
			t.Fatalf("it leads to %q (%d), not to %+v\n%s", p.to, p.status, att, p.body)
		}
		ord := s.orders()[0]
		here := "/orders/" + string(ord.ID)
		if want := "http://shop.test" + here + "?attempt={attempt}"; att.Return != want {
			t.Errorf("the gateway sends back to %q", att.Return)
		}
		if ord.TermsVersion != "2026-10-01" || ord.Address == "" {
			t.Errorf("the order is %+v", ord)
		}
		if b.get("/cart").has("VPS-8") {
			t.Error("the cart still holds what was ordered")
		}
		if p = b.get(here); !p.has("waiting for the payment", "Go on to the payment page") {
			t.Errorf("not paid, the order is\n%s", p.body)
		}
		s.ok(s.card.Pay(string(att.ID)))
		p = b.get(here + "?attempt=" + string(att.ID))
		if !p.has("Paid", "It is being built.", "web-01.example.com", "jana@nordlicht.example", `data-poll="2000"`, "Payment confirmed", "€24.13") || p.header.Get("Refresh") == "" {
			t.Fatalf("paid, the order is\n%s", p.body)
		}
		s.drain()
		p = b.get(here)
		if !p.has("It is yours.", "Ready", "Open in your account") || p.has("data-poll") {
			t.Fatalf("built, the order is\n%s", p.body)
		}
		p = b.post(here+"/open", "next", "/services/sub_1")
		if p.status != http.StatusSeeOther || !strings.HasPrefix(p.to, "http://account.shop.test/enter?") || !strings.Contains(p.to, url.QueryEscape("/services/sub_1")) {
			t.Errorf("the account is at %q (%d)", p.to, p.status)
		}
		methods, err := s.site.Payments.Methods(s.ctx, ord.Customer)
		s.ok(err)
		if len(methods) != 1 {
			t.Fatalf("%d ways to pay were saved", len(methods))
		}
		var mails []string
		for _, m := range s.mails.sent {
			mails = append(mails, m.Subject)
		}
		for _, want := range []string{"verify", "receipt", "service_ready"} {
			if !strings.Contains(strings.Join(mails, " "), want) {
				t.Errorf("no mail %q among %v", want, mails)
			}
		}

		// the second time the saved card pays without a page
		b.put("web-start")
		checkout = b.get("/checkout")
		if !checkout.has("Jana Petersen", "Saved", `value="method:`+string(methods[0].ID)+`" checked`) {
			t.Fatalf("the second checkout is\n%s", checkout.body)
		}
		p = b.post("/checkout", "key", checkout.value("key"), "seen", checkout.value("seen"), "way", "method:"+string(methods[0].ID), "terms", "1")
		if p.status != http.StatusSeeOther || !strings.HasPrefix(p.to, "/orders/") {
			t.Fatalf("the saved card leads to %q (%d)\n%s", p.to, p.status, p.body)
		}
		if p = b.get(p.to); !p.has("Paid", "€4.64") {
			t.Errorf("paid by the saved card the order is\n%s", p.body)
		}
	})
}

func TestWhatIsMissingIsSaidAndNothingIsLost(t *testing.T) {
	s := newShop(t, dbtest.SQLite(t))
	b := s.visitor()
	b.put("vps-8")
	tests := []struct {
		name   string
		change []string
		want   string
	}{
		{"no mail address", []string{"email", ""}, "Mail address is needed."},
		{"a mail address that is none", []string{"email", "jana"}, "Write an address such as"},
		{"a short password", []string{"password", "short"}, "Use at least 10 characters."},
		{"a company without a name", []string{"kind", "company", "company", ""}, "Company is needed."},
		{"no street", []string{"line1", ""}, "Street and number is needed."},
		{"a tax number that is none", []string{"kind", "company", "company", "Nordlicht", "tax_id", "§"}, "f-tax_id-h"},
		{"a country that does not exist", []string{"country", "XX"}, "Choose one of these."},
		{"no way to pay", []string{"way", ""}, "Choose how to pay."},
		{"a way to pay that is not there", []string{"way", "gateway:none"}, "Choose how to pay."},
		{"a saved way of somebody", []string{"way", "method:pmt_01JD7R9K"}, "Choose how to pay."},
		{"terms that were not accepted", []string{"terms", ""}, "accept the terms"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			checkout := b.get("/checkout")
			p := b.postForm("/checkout", jana(checkout, tt.change...))
			if p.status != http.StatusUnprocessableEntity || !p.has(tt.want, `aria-invalid="true"`) && !p.has(tt.want, "f-way-h") {
				t.Fatalf("%d\n%s", p.status, p.body)
			}
			if !p.has("Error:", `role="alert"`, `value="Petersen"`, `value="Hamburg"`) || p.has("correct horse battery") {
				t.Error("what was typed is lost, or the password is shown")
			}
			if p.value("key") != checkout.value("key") {
				t.Error("the order has another key now")
			}
		})
	}
	if list, err := s.site.Customers.List(s.ctx, customer.Filter{}); err != nil || list.Total != 0 || len(s.orders()) != 0 {
		t.Errorf("%d customers and %d orders came of it (%v)", list.Total, len(s.orders()), err)
	}
}

func TestPressedTwiceIsOneOrder(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := newShop(t, d)
		b := s.visitor()
		b.put("ds-16")
		form := jana(b.get("/checkout"))
		var together sync.WaitGroup
		answers := make([]page, 3)
		for i := range answers {
			one := &browser{s: s, jar: b.copyJar(), csrf: b.csrf}
			together.Go(func() {
				own := url.Values{}
				for k, v := range form {
					own[k] = v
				}
				answers[i] = one.postForm("/checkout", own)
			})
		}
		together.Wait()
		late := b.postForm("/checkout", form) // by the back button, after the cart is gone
		if n := len(s.orders()); n != 1 {
			t.Fatalf("%d orders", n)
		}
		for i, p := range append(answers, late) {
			if p.status != http.StatusSeeOther || !strings.Contains(p.to, "ord_") && p.to != s.attempt().PageURL {
				t.Errorf("press %d was answered with %d %q\n%s", i, p.status, p.to, p.body)
			}
		}
		list, err := s.site.Payments.List(s.ctx, payment.AttemptFilter{})
		s.ok(err)
		people, err := s.site.Customers.List(s.ctx, customer.Filter{})
		s.ok(err)
		if list.Total != 1 || people.Total != 1 {
			t.Errorf("%d payments of %d customers", list.Total, people.Total)
		}
	})
}

func (b *browser) copyJar() http.CookieJar {
	other := b.s.visitor()
	other.jar.SetCookies(shopURL, b.jar.Cookies(shopURL))
	return other.jar
}

func TestTheSumChangesUnderTheButton(t *testing.T) {
	s := newShop(t, dbtest.SQLite(t))
	b := s.visitor()
	b.put("vps-8")
	checkout := b.get("/checkout")
	p := b.postForm("/checkout", jana(checkout, "country", "AT", "postcode", "1010", "city", "Wien"))
	if p.status != http.StatusUnprocessableEntity || !p.has("another one than you saw", "€20.28", `value="Wien"`, `value="AT" selected`) {
		t.Fatalf("another country: %d\n%s", p.status, p.body)
	}
	if len(s.orders()) != 0 {
		t.Fatal("it was ordered at a price that nobody saw")
	}
	if p = b.get("/checkout?country=AT"); !p.has("€20.28") {
		t.Error("the sum does not follow the country")
	}
	if p = b.get("/checkout?country=US"); !p.has("State or province") {
		t.Error("the state is not asked for")
	}
	checkout = b.get("/checkout")
	s.clock.Forward(noon.Add(time.Minute))
	_, err := s.site.Catalog.NewPrice(s.ctx, catalog.Price{Owner: string(s.plans["vps-8"].ID), Cycle: period.Monthly, Currency: "EUR", Amount: 2000, Per: 1})
	s.ok(err)
	if p = b.postForm("/checkout", jana(checkout)); p.status != http.StatusUnprocessableEntity || !p.has("another one than you saw", "€23.80") {
		t.Errorf("another price: %d\n%s", p.status, p.body)
	}
	if p = b.postForm("/checkout", jana(p)); p.status != http.StatusSeeOther {
		t.Errorf("seen, it is refused: %d\n%s", p.status, p.body)
	}
}

func TestSoldOutMeanwhile(t *testing.T) {
	s := newShop(t, dbtest.SQLite(t))
	first, second := s.visitor(), s.visitor()
	first.put("ds-16")
	second.put("ds-16")
	checkout := second.get("/checkout")
	first.postForm("/checkout", jana(first.get("/checkout"), "way", "bank"))
	p := second.postForm("/checkout", jana(checkout, "email", "max@example.com", "first", "Max"))
	if p.status != http.StatusUnprocessableEntity || !p.has("DS-16:", "sold out", "Nothing was ordered.", "Change the cart") {
		t.Fatalf("the second was answered with %d\n%s", p.status, p.body)
	}
	if len(s.orders()) != 1 {
		t.Errorf("%d orders of one machine", len(s.orders()))
	}
	if p = second.get("/cart"); !p.has("DS-16", "Max") {
		t.Log("the account was opened, the cart stays")
	}
}

func TestAnAddressThatHasAnAccount(t *testing.T) {
	s := newShop(t, dbtest.SQLite(t))
	s.visitor().buyByBank(t)
	b := s.visitor()
	b.put("vps-8")
	p := b.postForm("/checkout", jana(b.get("/checkout"), "password", "another password"))
	if p.status != http.StatusUnprocessableEntity || !p.has("There is an account with this address. Sign in.") {
		t.Errorf("%d\n%s", p.status, p.body)
	}
	if p = b.postForm("/checkout", jana(b.get("/checkout"))); p.status != http.StatusSeeOther {
		t.Errorf("with the right password: %d\n%s", p.status, p.body)
	}
	if list, _ := s.site.Customers.List(s.ctx, customer.Filter{}); list.Total != 1 {
		t.Errorf("%d customers", list.Total)
	}
}

func (b *browser) buyByBank(t testing.TB) string {
	t.Helper()
	b.put("vps-8")
	p := b.postForm("/checkout", jana(b.get("/checkout"), "way", "bank"))
	if p.status != http.StatusSeeOther {
		t.Fatalf("not ordered: %d\n%s", p.status, p.body)
	}
	return p.to
}

func TestOrdersOfOthers(t *testing.T) {
	s := newShop(t, dbtest.SQLite(t))
	jana1, max := s.visitor(), s.visitor()
	hers := jana1.buyByBank(t)
	max.put("web-start")
	max.postForm("/checkout", jana(max.get("/checkout"), "email", "max@example.com", "way", "bank"))
	if p := max.get(hers); p.status != http.StatusNotFound {
		t.Errorf("another's order: %d", p.status)
	}
	max.get("/order/vps-8")
	if p := max.post(hers+"/pay", "way", "gateway:card"); p.status != http.StatusNotFound {
		t.Errorf("paying another's order: %d", p.status)
	}
	if p := max.post(hers + "/open"); p.status != http.StatusNotFound {
		t.Errorf("opening another's order: %d", p.status)
	}
	for _, odd := range []string{"/orders/x", "/orders/" + string(ids.New[ids.Order]())} {
		if p := max.get(odd); p.status != http.StatusNotFound {
			t.Errorf("%s: %d", odd, p.status)
		}
	}
	if p := s.visitor().get(hers); p.status != http.StatusSeeOther || !strings.HasPrefix(p.to, "/sign-in?next=") {
		t.Errorf("a visitor: %d %q", p.status, p.to)
	}
	if p := jana1.get(hers); !p.has("By bank transfer", "DE00 0000", "Reference", "€20.11") {
		t.Errorf("her own order is\n%s", p.body)
	}
}

func TestDeclinedAndPaidWithAnother(t *testing.T) {
	s := newShop(t, dbtest.SQLite(t))
	s.down = true
	b := s.visitor()
	b.put("vps-8")
	checkout := b.get("/checkout")
	if !checkout.has("Does not answer at the moment") {
		t.Error("a way that is down is offered")
	}
	if p := b.postForm("/checkout", jana(checkout, "way", "gateway:wallet")); !p.has("Choose how to pay.") {
		t.Error("a way that is down was taken")
	}
	b.postForm("/checkout", jana(checkout))
	att := s.attempt()
	s.card.Decline(gateway.Decline{Class: gateway.Hard, Code: "stolen", Text: "Your bank does not take this card any more."})
	_ = s.card.Pay(string(att.ID))
	here := "/orders/" + string(s.orders()[0].ID)
	p := b.get(here + "?attempt=" + string(att.ID))
	if !p.has("declined", "Your bank does not take this card any more.", "Try again", here+"/pay", "Your order waits.") || p.has("data-poll") {
		t.Fatalf("declined, the order is\n%s", p.body)
	}
	p = b.post(here+"/pay", "way", "gateway:card")
	second := s.attempt()
	if p.status != http.StatusSeeOther || second.ID == att.ID || p.to != second.PageURL {
		t.Fatalf("trying again leads to %q (%d)", p.to, p.status)
	}
	if again := b.post(here+"/pay", "way", "gateway:card"); again.to != second.PageURL {
		t.Errorf("pressed twice it leads to %q", again.to)
	}
	s.ok(s.card.Pay(string(second.ID)))
	if p = b.get(here + "?attempt=" + string(second.ID)); !p.has("Paid") {
		t.Errorf("paid, the order is\n%s", p.body)
	}
	if p = b.post(here+"/pay", "way", "gateway:card"); p.to != here {
		t.Errorf("paying once more leads to %q", p.to)
	}
}

// again signs Jana in anew.
func (s *shop) again(b *browser) *browser {
	s.t.Helper()
	b.get("/sign-in")
	if p := b.post("/sign-in", "email", "jana@nordlicht.example", "password", "correct horse battery"); p.status != http.StatusSeeOther {
		s.t.Fatalf("not signed in: %d", p.status)
	}
	return b
}

func TestMoneyThatTakesDays(t *testing.T) {
	s := newShop(t, dbtest.SQLite(t))
	b := s.visitor()
	b.put("vps-8")
	b.postForm("/checkout", jana(b.get("/checkout")))
	att := s.attempt()
	here := "/orders/" + string(s.orders()[0].ID)
	s.ok(s.card.Delay(string(att.ID)))
	p := b.get(here + "?attempt=" + string(att.ID))
	if !p.has("has not confirmed yet", "data-poll") || p.has("Go on to the payment page", here+"/pay") {
		t.Fatalf("on its way, the order is\n%s", p.body)
	}
	s.clock.Forward(noon.Add(30 * time.Hour)) // long after the page is over
	s.drain()
	if p = s.again(b).get(here); !p.has("has not confirmed yet") {
		t.Errorf("a day later the order is\n%s", p.body)
	}
	s.ok(s.card.Settle(string(att.ID), true))
	if p = s.again(b).get(here + "?attempt=" + string(att.ID)); !p.has("Paid") {
		t.Errorf("arrived, the order is\n%s", p.body)
	}
}

func TestAForgottenPassword(t *testing.T) {
	s := newShop(t, dbtest.SQLite(t))
	s.visitor().buyByBank(t)
	b := s.visitor()
	b.get("/forgot")
	known, unknown := b.post("/forgot", "email", "jana@nordlicht.example"), b.post("/forgot", "email", "nobody@example.com")
	if known.status != http.StatusSeeOther || known.to != unknown.to || known.status != unknown.status {
		t.Errorf("it tells who is a customer: %d %q, %d %q", known.status, known.to, unknown.status, unknown.to)
	}
	s.drain()
	var links []string
	for _, m := range s.mails.sent {
		if m.Subject == "reset" {
			links = append(links, m.Text)
		}
	}
	if len(links) != 1 || !strings.HasPrefix(links[0], "http://account.shop.test/reset/") {
		t.Errorf("the links are %v", links)
	}
	if p := b.get("/sign-in"); !p.has("a link is on its way") {
		t.Error("nothing is said")
	}
}
