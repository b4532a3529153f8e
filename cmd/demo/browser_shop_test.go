package main

import (
	"slices"
	"strings"

	"github.com/chromedp/chromedp"

	"github.com/ezscale/bursar/sdk/sim"
)

// orders is from the price list to the gateway's page.
func (s *scene) orders() {
	p := s.nora
	p.visit(s.says.Sites.Storefront + "/")
	p.shows("home")
	p.presses("VPS")
	p.sees("KVM, NVMe disks")
	p.shows("plans")
	p.visit(s.says.Sites.Storefront + "/order/vps-2")
	p.presses("USD")
	p.isAt("currency=USD")
	p.chooses("London")
	p.chooses("Ubuntu 24.04 LTS")
	p.types("Extra disk", "20")
	p.leavesField()
	p.chooses("Quarterly")
	p.sees("$36.30") // (9.90 + 2 × 1.10) × 3
	p.chooses("Monthly")
	p.sees("$12.10")
	p.types("Hostname", "web-01.nora.example")
	p.shows("product")
	p.presses("Add to cart")
	p.isAt("/cart")
	p.sees("web-01.nora.example")
	p.types("Coupon", "NOPE")
	p.presses("Apply")
	p.sees("The sum is without it.")
	p.types("Coupon", "launch20")
	p.presses("Apply")
	p.sees("LAUNCH20", "$9.68")
	p.shows("cart")
	p.presses("Continue to order")
	p.sees("Save it for renewals")
	p.types("Country", "Austria")
	p.fills("Mail address", "nora@example.com", "Password", pass, "First name", "Nora", "Last name", "Lind",
		"Street and number", "Ring 1", "Postcode", "1010", "City", "Wien")
	p.sees("$11.62") // with 20 %
	p.presses("Pay $11.62")
	p.sees("1 field needs a look.")
	p.shows("checkout")
	p.types("Password", pass)
	p.chooses("I accept the")
	p.pressesTwice("Pay $11.62")
	p.isAt("/c/pay/")
}

// pays is from a declined card, over the bank's question, to a server that runs. Its plugin is killed while it is built.
func (s *scene) pays() {
	p := s.nora
	p.paysWith("Is declined", "4000000000000002")
	p.sees("Your card was declined.")
	s.faulty("virtfusion", sim.Fault{Method: "change", Path: "*/servers", Do: "slow:1s"})
	p.paysWith("Asks for 3-D Secure", "4000002500003155")
	p.presses("Complete")
	p.isAt("/orders/ord_")
	p.sees("Payment confirmed")
	s.busyWith("virtfusion", "/servers")
	s.dies("virtfusion")
	s.faulty("virtfusion")
	p.shows("building")
	p.sees("It is yours.")
	p.shows("ready")
	s.paid(1162)
	s.server = p.service()
	s.accountIs("virtfusion", s.server, "active")
}

// looks is what there is for a customer afterwards: invoice, mail, credentials, and nothing of anybody else.
func (s *scene) looks() {
	p := s.nora
	p.presses("Invoice in your account")
	p.sees("Continue as Nora Lind")
	p.shows("enter")
	p.presses("Continue")
	at := p.isAt("/invoices/inv_")
	p.sees("INV-2026-", "$11.62", "Paid")
	p.shows("invoice")
	if status, kind, start := p.gets(at + "/pdf"); status != 200 || kind != "application/pdf" || !strings.HasPrefix(start, "%PDF") {
		s.t.Errorf("the PDF: %d %s %q", status, kind, start)
	}
	if m := s.mail("nora@example.com", "web-01.nora.example is ready"); !strings.Contains(m.Text, s.says.Sites.Portal) {
		s.t.Errorf("the welcome leads nowhere: %s", m.Text)
	}
	s.until("staff's channel is told", func() bool {
		return slices.ContainsFunc(s.holds("discord").Messages, func(m sim.Message) bool { return strings.Contains(m.Subject+m.Text, "web-01.nora.example is ready") })
	})
	p.presses("Services")
	p.sees("web-01.nora.example")
	p.shows("services")
	p.presses("web-01.nora.example")
	p.isAt("/services/" + s.server)
	p.sees("Running")
	p.shows("service")
	p.presses("Reveal once")
	p.types("Your password", pass)
	p.presses("Reveal once")
	p.sees("This is shown once.", "root")
	p.shows("reveal")
	p.presses("Back to the service")
	p.sees("was shown")
	p.visit(s.says.Sites.Portal + "/services/" + s.server + "/reveal")
	p.types("Your password", pass)
	p.presses("Reveal once")
	p.sees("was shown already")
	p.misses("This is shown once.")
	p.visit(s.says.Sites.Portal + "/invoices/" + s.foreign())
	p.sees("404", "does not exist")
	p.shows("not-found")
}

// foreign is an invoice of somebody else.
func (s *scene) foreign() string {
	s.t.Helper()
	var page struct{ Data []struct{ ID string } }
	s.api("/admin/invoices?sort=oldest", &page)
	if len(page.Data) == 0 {
		s.t.Fatal("there is no other invoice")
	}
	return page.Data[0].ID
}

// buys orders a product, as somebody new or signed in, up to the gateway's page.
func (s *scene) buys(p *person, product, host string, newcomer bool) {
	s.t.Helper()
	p.visit(s.says.Sites.Storefront + "/order/" + product)
	p.types("Hostname", host)
	p.presses("Add to cart")
	p.presses("Continue to order")
	if newcomer {
		p.fills("Mail address", strings.ToLower(p.name)+"@example.com", "Password", pass, "First name", p.name, "Last name", "Berg",
			"Street and number", "Ring 1", "Postcode", "20095", "City", "Hamburg")
	}
	p.chooses("Card")
	p.chooses("I accept the")
}

// sellsGame sells with the other panel, to somebody who is signed in. The gateway's plugin is killed while she pays.
func (s *scene) sellsGame() {
	p := s.nora
	p.visit(s.says.Sites.Storefront + "/game-servers")
	p.sees("Choose the game now")
	p.visit(s.says.Sites.Storefront + "/order/game-4")
	p.chooses("Valheim")
	p.types("Name", "Friday crew")
	p.presses("Add to cart")
	p.presses("Continue to order")
	p.sees("nora@example.com")
	p.chooses("Card")
	p.chooses("I accept the")
	p.shows("checkout-known")
	p.presses("Pay $10.68")
	p.isAt("/c/pay/")
	s.dies("stripe")
	p.paysWith("Pays", "4242424242424242")
	p.isAt("/orders/ord_")
	p.sees("Installing")
	s.installed("pterodactyl")
	p.sees("It is yours.")
	s.paid(1068)
	s.game = p.service()
	s.accountIs("pterodactyl", s.game, "active")
}

// goesBack returns to the gateway's page by the back button and pays again.
func (s *scene) goesBack() {
	p := s.nora
	order := after(p.isAt("/orders/ord_"), "/orders/")
	p.backTo("card=4242424242424242")
	p.presses("Pay ")
	p.sees("This checkout is paid already")
	p.presses("Back to the shop")
	p.isAt("/orders/" + order)
	p.sees("It is yours.")
	p.visit(s.says.Sites.Storefront + "/checkout")
	p.sees("Nothing in the cart yet")
	s.exact()
}

// twoTabs pays an invoice on two pages that were both open before.
func (s *scene) twoTabs() {
	p := s.nora
	s.buys(p, "vps-1", "tabs.nora.example", false)
	p.chooses("Bank transfer")
	p.presses("Order for $5.88")
	p.isAt("/orders/ord_")
	p.sees("Your order is waiting for the payment.")
	p.shows("order-bank")
	p.presses("Invoice in your account") // no question this time: she is signed in there
	at := p.isAt("/invoices/inv_")
	other := p.second()
	other.visit(at)
	for _, tab := range []*person{p, other} {
		tab.chooses("Card On the payment page")
		tab.presses("Pay $5.88")
	}
	p.isAt("/c/pay/")
	p.paysWith("Pays", "4242424242424242")
	p.isAt("/pay/return/")
	p.sees("Paid $5.88")
	p.shows("returned")
	switch now := other.isAt("/pay"); { // as it was faster or slower than the first
	case strings.Contains(now, "/c/pay/"):
		other.do(chromedp.Reload())
		other.sees("This checkout is paid already")
		other.presses("Back to the shop")
		other.sees("Paid $5.88")
	case strings.Contains(now, "/pay/return/"):
		other.sees("Paid $5.88")
	default:
		other.sees("Nothing is taken twice")
	}
	other.visit(at)
	other.sees("Paid")
	other.misses("Pay $5.88")
	s.paid(588)
}

// signedOut sends forms that were open while another tab signed out: in the portal and at the checkout.
func (s *scene) signedOut() {
	p := s.nora
	here := s.says.Sites.Portal + "/services/" + s.server
	p.visit(here)
	other := p.second()
	other.visit(s.says.Sites.Portal + "/")
	other.presses("Change customer or sign out")
	other.presses("Sign out")
	other.isAt("/sign-in")
	p.types("Name of the service", "front")
	p.presses("Rename")
	p.isAt("/sign-in")
	p.fills("Mail address", "nora@example.com", "Password", pass)
	p.presses("Sign in")
	p.isAt("/services/" + s.server)
	p.types("Name of the service", "web-01")
	p.presses("Rename")
	p.sees("The new name is saved.")

	s.buys(p, "vps-1", "late.nora.example", false)
	other.visit(s.says.Sites.Storefront + "/checkout")
	other.presses("Sign out")
	other.sees("I have an account")
	p.presses("Pay $5.88")
	p.sees("This page was out of date", "I have an account")
	p.shows("checkout-signed-out")
	p.presses("I have an account")
	p.fills("Mail address", "nora@example.com", "Password", pass)
	p.presses("Sign in")
	p.isAt("/checkout")
	p.sees("late.nora.example")
	p.chooses("Card")
	p.chooses("I accept the")
	p.presses("Pay $5.88")
	p.paysWith("Pays", "4242424242424242")
	p.isAt("/orders/ord_")
	p.sees("Payment confirmed")
	s.paid(588)
}

// failingCards are two customers whose cards work now and fail at the renewal.
func (s *scene) failingCards() {
	both := []struct {
		p       *person
		service *string
	}{{s.max, &s.maxs}, {s.kim, &s.kims}}
	for _, x := range both {
		s.buys(x.p, "vps-1", strings.ToLower(x.p.name)+".example", true)
		x.p.presses("Pay €5.36") // 4.50 and 19 %
		x.p.paysWith("Pays now, fails at renewal", "4000000000000341")
		x.p.isAt("/orders/ord_")
		x.p.sees("Payment confirmed")
		s.paid(536)
	}
	for _, x := range both {
		x.p.sees("It is yours.")
		*x.service = x.p.service()
		s.accountIs("virtfusion", *x.service, "active")
	}
	if n := len(s.holds("virtfusion").Accounts); n != 6 { // one of the samples, three of Nora's
		s.t.Errorf("there are %d servers at the panel", n)
	}
}

// paysWith takes a test card on the gateway's page and pays.
func (p *person) paysWith(label, number string) {
	p.t.Helper()
	p.isAt("/c/pay/")
	p.presses(label)
	p.isAt("card=" + number)
	p.presses("Pay ")
}

// service is the one that the page of an order leads to.
func (p *person) service() string {
	p.t.Helper()
	id, ok := ask(p, `document.querySelector("form[action$='/open'] input[value^='/services/sub_']")?.value ?? ""`, func(s string) bool { return s != "" })
	if !ok {
		p.fail("there is no service to open")
	}
	return after(id, "/services/")
}

// backTo presses the browser's back button until it is there.
func (p *person) backTo(part string) {
	p.t.Helper()
	for range 8 {
		was, _ := ask(p, `location.href`, func(string) bool { return true })
		_, _ = chromedp.Run(p.tab, chromedp.Evaluate[bool](`(setTimeout(() => history.back()), true)`)) // the page may be gone before it can answer
		now, _ := ask(p, `location.href`, func(s string) bool { return s != was })
		if strings.Contains(now, part) {
			return
		}
	}
	p.fail("there is no way back to %s", part)
}
