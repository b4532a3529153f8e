package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/sdk/sim"
)

// scene is what happens between people, the three sites and the vendors. browser_staff_test.go has what staff does and what
// time brings.
type scene struct {
	*play
	nora, max, kim, staff *person
	server, game          string // services of nora: a VPS and a game server
	maxs, kims            string // VPS whose cards fail at the renewal
	taken                 int64  // minor units that the gateway must have, of all currencies
	charges               int    // in as many payments
	samples               int    // servers that the panel had at the start
}

// TestABusinessIsLivedThroughInABrowser is what a person sees: people buy on the storefront, pay on the gateway's page,
// watch their servers being built and look after them in the portal; staff sees and does the rest; months pass, cards fail,
// services are suspended, brought back and ended; processes die meanwhile. In the end nothing is lost, nothing is there twice.
func TestABusinessIsLivedThroughInABrowser(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Parallel() // they wait most of the time
		s := &scene{play: newPlay(t, dbtest.DSN(t, d))}
		s.charges, s.taken = s.money()
		s.samples = len(s.holds("virtfusion").Accounts)
		all := browser(t)
		for name, p := range map[string]**person{"Nora": &s.nora, "Max": &s.max, "Kim": &s.kim, "Astrid": &s.staff} {
			*p = visitor(t, all, name)
		}
		for _, step := range []struct {
			what string
			do   func()
		}{
			{"a visitor configures, applies a coupon, opens an account and orders", s.orders},
			{"a declined card, then the bank's question, and the server is built while its plugin dies", s.pays},
			{"invoice, mail, notice and credentials are there", s.looks},
			{"a game server is sold in the same way while the gateway's plugin dies", s.sellsGame},
			{"whoever goes back after paying and sends again pays once", s.goesBack},
			{"two tabs pay one invoice once", s.twoTabs},
			{"whoever was signed out meanwhile signs in and goes on", s.signedOut},
			{"cards that will fail pay now", s.failingCards},
			{"staff sees it all", s.staffLooks},
			{"staff suspends, brings back and terminates on the panel", s.staffActs},
			{"a month later terms renew by saved cards", s.monthPasses},
			{"who does not pay is reminded and suspended", s.suspends},
			{"who pays by the link in the mail is brought back", s.paysByLink},
			{"who never pays is ended", s.endsUnpaid},
			{"the books prove right", s.proves},
		} {
			if !t.Run(step.what, func(t *testing.T) { s.before(t); step.do() }) {
				return
			}
		}
	})
}

// before has a step's failures be the step's.
func (s *scene) before(t *testing.T) {
	s.t = t
	for _, p := range []*person{s.nora, s.max, s.kim, s.staff} {
		p.t = t
	}
}

const pass = "correct horse battery"

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

// paysWith takes a test card on the gateway's page and pays.
func (p *person) paysWith(label, number string) {
	p.t.Helper()
	p.isAt("/c/pay/")
	p.presses(label)
	p.isAt("card=" + number)
	p.presses("Pay ")
}

func (s *scene) pays() {
	p := s.nora
	p.paysWith("Is declined", "4000000000000002")
	p.sees("Your card was declined.")
	s.faulty("virtfusion", sim.Fault{Method: "change", Do: "slow:700ms"})
	p.paysWith("Asks for 3-D Secure", "4000002500003155")
	p.presses("Complete")
	p.isAt("/orders/ord_")
	p.sees("Payment confirmed")
	s.dies("virtfusion")
	p.shows("building")
	p.sees("It is yours.")
	s.faulty("virtfusion")
	p.shows("ready")
	s.paid(1162)
	s.server = p.service()
	s.accountIs("virtfusion", s.server, "active")
}

// paid counts what the gateway must have taken by now, and wants it there.
func (s *scene) paid(minor int64) {
	s.t.Helper()
	s.charges++
	s.taken += minor
	s.exact()
}

// exact compares how much the gateway took, and in how many payments, with what people paid.
func (s *scene) exact() {
	s.t.Helper()
	if n, minor := s.money(); n != s.charges || minor != s.taken {
		s.t.Errorf("the gateway took %d in %d payments, people paid %d in %d", minor, n, s.taken, s.charges)
	}
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

// after is what follows these words in an address, up to its next part.
func after(address, words string) string {
	_, rest, _ := strings.Cut(address, words)
	return strings.FieldsFunc(rest+"/", func(r rune) bool { return strings.ContainsRune("/?#", r) })[0]
}

// dies kills a plugin's process and waits until another has taken its place.
func (s *scene) dies(name string) {
	s.t.Helper()
	pid := s.kills(name)
	s.until(name+" runs again", func() bool {
		now := childrenOf(s.cmd.Process.Pid, name)
		return len(now) > 0 && !slices.Contains(now, pid)
	})
}

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
	var page struct {
		Invoices []struct{ ID, Customer string }
		Items    []struct{ ID, Customer string }
		Data     []struct{ ID, Customer string }
	}
	s.api("/admin/invoices?sort=oldest", &page)
	for _, inv := range append(append(page.Invoices, page.Items...), page.Data...) {
		return inv.ID
	}
	s.t.Fatal("there is no other invoice")
	return ""
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
	if strings.Contains(other.isAt("/pay/"), "/c/pay/") {
		other.do(reload)
		other.sees("This checkout is paid already")
		other.presses("Back to the shop")
	}
	other.sees("Paid $5.88")
	s.paid(588)
}

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
	if n := len(s.holds("virtfusion").Accounts); n != s.samples+5 { // Nora has three of them
		s.t.Errorf("%d servers at the panel, %d of them from before", n, s.samples)
	}
}
