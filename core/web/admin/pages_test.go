package admin

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/hosting/provision"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/platform/pluginhost"
	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/core/sales/order"
	"github.com/ezscale/bursar/sdk/fault"
)

// A sale as staff sees it: ordered, paid, delivered, suspended, brought back, terminated.
func TestStaffFollowsASale(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		c := w.customer("Nordlicht Medien GmbH")
		p := w.order(c.ID, "web-01")
		b := w.as(auth.RoleAdmin)

		b.get("/").has("Dashboard", "Nothing waits for a person", "Nordlicht Medien GmbH", "Recurring a month", "€20.11")
		b.get("/orders").has(">1</a>", "Nordlicht Medien GmbH", "Waiting for payment", "€20.11")
		page := b.get("/orders/"+string(p.Order.ID)).has("As it was ordered", "VPS-8", "€16.90", "€3.21", "€20.11", "What it costs later", "Make now", "Cancel order")
		page.lacks("Accept order 1") // what is not paid is not accepted, and it is in no review

		w.pay(p)
		sub := string(p.Subscriptions[0])
		b.get("/orders/"+string(p.Order.ID)).has("Active", p.Invoice.Number).lacks("Cancel order 1?")
		b.get("/services").has("web-01", "VPS-8", "Active", "every month", "Nordlicht Medien GmbH")
		b.get("/services/"+sub).has("web-01", "Create", "Done", "Account on the panel", "virtfusion-fra1", "As seen", "23 Nov – 22 Dec", p.Invoice.Number, "Restart", "Open on the panel", "Terminate web-01?")
		b.get("/customers/"+string(c.ID)).has("Nordlicht Medien GmbH", "Active services", "web-01", p.Invoice.Number, "Billed, all time", "jana@nordlicht-medien-gmbh.example", "Sign in as")
		b.get("/customers/"+string(c.ID)+"?tab=payments").has("bank", "Received", "€20.11")
		b.get("/customers/"+string(c.ID)+"?tab=mails").has("receipt", "service_ready", "Sent")
		b.get("/customers/"+string(c.ID)+"?tab=audit").has("Customer create", "by itself")
		b.get("/provisioning").has("Create web-01, VPS-8", "Done", "Calls to the panel", "Create")

		b.post("/services/"+sub+"/suspend", "reason", "").goes("/services/" + sub)
		b.get("/services/" + sub).has("Say why it is suspended")
		b.post("/services/"+sub+"/suspend", "reason", "Sends spam").goes("/services/" + sub)
		w.drain()
		b.get("/services/"+sub).has("Suspended: staff.", "Sends spam", "Bring web-01 back?")
		if a, _ := w.panel.Account(sub); a.Status != "suspended" {
			t.Errorf("the panel has it %s", a.Status)
		}
		b.post("/services/" + sub + "/unsuspend").goes("/services/" + sub)
		w.drain()
		b.get("/services/" + sub).has("It is being brought back.").lacks("Suspended: staff.")

		b.post("/services/"+sub+"/terminate", "confirm", "web-02").goes("/services/" + sub)
		b.get("/services/"+sub).has("Nothing was terminated", "Terminate web-01?")
		b.post("/services/"+sub+"/terminate", "confirm", " web-01 ", "reason", "Asked for").goes("/services/" + sub)
		w.drain()
		b.get("/services/"+sub).has("Ended").lacks("Terminate web-01?", "Restart", "Suspend web-01?")
		if _, ok := w.panel.Account(sub); ok {
			t.Error("the account is still on the panel")
		}
	})
}

func TestADoublePressIsOneRestart(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	p := w.order(w.customer("Nordlicht").ID, "web-01")
	w.pay(p)
	b, here := w.as(auth.RoleSupport), "/services/"+string(p.Subscriptions[0])
	key := regexp.MustCompile(`name="key" value="([^"]+-restart)"`).FindStringSubmatch(b.get(here).body)
	if key == nil {
		t.Fatal("the form has no key")
	}
	for range 2 {
		b.post(here+"/power", "action", "restart", "key", key[1]).goes(here)
	}
	w.drain()
	n := 0
	for _, e := range w.panel.Journal() {
		if e.Method == "Power" {
			n++
		}
	}
	if n != 1 {
		t.Errorf("restarted %d times", n)
	}
	b.post(here+"/power", "action", "explode", "key", "x").goes(here)
	b.get(here).has("Choose start, stop, restart or kill.")
}

func TestAPanelThatIsDownBreaksNoPage(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	p := w.order(w.customer("Nordlicht").ID, "web-01")
	w.pay(p)
	here := "/services/" + string(p.Subscriptions[0])
	down := fault.New(fault.Unavailable, "panel_down", "The panel does not answer at the moment.")
	w.panel.Fail("State", down)
	w.panel.Fail("Login", down)
	w.clock.Forward(noon.Add(time.Hour))
	b := w.as(auth.RoleAdmin)
	b.post(here + "/refresh").goes(here)
	b.get(here).has("The panel does not answer at the moment.", "As seen", "1 h ago", "text-warning", "Account on the panel")
	b.post(here + "/login").goes(here)
	b.get(here).has("The panel does not answer at the moment.")
	b.post(here+"/login").has("Open panel.example.test", "staff=true", `rel="noopener noreferrer"`)
	b.post(here + "/refresh").goes(here)
	b.get(here).has("Read from the panel.").lacks("1 h ago")
}

func TestWhatStoppedIsSeenAndTriedAgain(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.panel.Fail("Create", fault.New(fault.Declined, "no_ipv4", "The panel has no free IPv4 in pool ash1-a."))
		p := w.order(w.customer("Kestrel Analytics").ID, "etl-4")
		w.pay(p)
		b := w.as(auth.RoleSupport)
		b.get("/").has("1 provisioning job stopped", "on virtfusion-fra1", "The panel has no free IPv4 in pool ash1-a.", "Open jobs")
		b.get("/provisioning?state=stopped").has("1 stopped", "Create etl-4, VPS-8", "Failed", "The panel has no free IPv4 in pool ash1-a.", "it begins anew", "Kestrel Analytics", "Retry")
		b.get("/services").has("Failed")
		b.get("/services/"+string(p.Subscriptions[0])).has("Create stopped.", "Retry")
		ops, err := w.site.Provision.List(w.ctx, provision.Filter{States: []provision.State{provision.Failed}})
		w.ok(err)
		here := "/provisioning/" + string(ops.List[0].ID)
		b.get(here).has(`aria-current="true"`, "Calls to the panel", "declined")
		if n := strings.Count(b.get(here).body, "count-bad"); n == 0 {
			t.Error("the rail does not count it in red")
		}
		w.as(auth.RoleReadOnly).get(here).lacks("data-key=\"r\"")
		b.post(here+"/retry", "back", here+"?state=stopped").goes(here + "?state=stopped")
		w.drain()
		b.get("/provisioning?state=stopped").has("Nothing stopped.", "0 stopped").lacks("count-bad")
		b.get("/services/" + string(p.Subscriptions[0])).has("Active").lacks("stopped.")
		b.post(here + "/retry").goes("/provisioning")
		b.get("/provisioning").has("Only a job that stopped can be tried again.")
		b.post(here+"/retry", "back", "https://evil.example/").goes("/provisioning")
	})
}

func TestOrdersAreDecided(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		c := w.customer("Harrow & Finch")
		first, second, third := w.order(c.ID, "a-1"), w.order(c.ID, "a-2"), w.order(c.ID, "a-3")
		b := w.as(auth.RoleBilling)
		at := func(p flow.Placed) string { return "/orders/" + string(p.Order.ID) }
		b.post(at(first) + "/make").goes(at(first))
		w.drain()
		b.get(at(first)).has("Active", "Open", "Harrow &amp; Finch")
		if _, ok := w.panel.Account(string(first.Subscriptions[0])); !ok {
			t.Error("it was not made")
		}
		b.post(at(second)+"/cancel", "reason", "Asked for twice").goes(at(second))
		w.drain()
		b.get(at(second)).has("Cancelled").lacks("Make now")
		b.get("/orders?state=cancelled").has(">2</a>").lacks(">3</a>")
		b.get("/orders?q=%233").has(">3</a>").lacks(">2</a>")
		b.post(at(third) + "/accept").goes(at(third))
		for _, s := range []struct {
			p    flow.Placed
			want subscription.Status
		}{{first, subscription.Active}, {second, subscription.Ended}, {third, subscription.Pending}} {
			if sub, err := w.site.Subscriptions.Get(w.ctx, s.p.Subscriptions[0]); err != nil || sub.Status != s.want {
				t.Errorf("%s is %s, want %s (%v)", sub.Label, sub.Status, s.want, err)
			}
		}
		b.get("/orders/ord_01JD0Y9F6Z8V5M3B1N7K2T4QWX").is(t, http.StatusNotFound)
		b.get("/orders/17").is(t, http.StatusNotFound)
	})
}

func (a answer) is(t *testing.T, status int) answer {
	t.Helper()
	if a.status != status {
		t.Errorf("%s: %d, want %d", a.where, a.status, status)
	}
	return a
}

func TestCustomersAreWrittenDown(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		b := w.as(auth.RoleSupport)
		b.get("/customers").has("No customers yet", "New customer")
		b.get("/customers/new").has("Company name", "Germany")
		bad := b.post("/customers/new", "kind", "company", "company", "Lindqvist <Data> AB", "email", "no address", "line1", "Storgatan 1", "city", "Lund", "postcode", "22221", "country", "SE", "currency", "EUR", "locale", "sv")
		bad.is(t, http.StatusUnprocessableEntity).has("Error:", "Enter a mail address", `aria-invalid="true"`, "Lindqvist &lt;Data&gt; AB", "Storgatan 1")
		made := b.post("/customers/new", "kind", "company", "company", "Lindqvist Data AB", "email", "Eva@Lindqvist.example", "line1", "Storgatan 1", "city", "Lund", "postcode", "22221", "country", "SE", "currency", "EUR", "locale", "sv")
		here := made.header.Get("Location")
		made.goes(here)
		b.get(here).has("Lindqvist Data AB is customer 1.", "eva@lindqvist.example", "Nobody can sign in for this customer.", "Nothing runs for this customer yet.")

		form := b.get(here+"/edit").has("Notes", `name="version" value="1"`)
		_ = form
		fields := []string{"kind", "company", "company", "Lindqvist Data AB", "email", "eva@lindqvist.example", "line1", "Storgatan 2", "city", "Lund", "postcode", "22221", "country", "SE", "currency", "USD", "locale", "sv", "terms_days", "14", "notes", "Call before suspending.", "combine", "1", "version"}
		b.post(here+"/edit", append(fields, "1")...).goes(here)
		b.get(here).has("Saved.", "Call before suspending.", "14 days to pay", "USD")
		// somebody who still has the old page does not write over it
		b.post(here+"/edit", append(fields, "1")...).is(t, http.StatusUnprocessableEntity).has("changed meanwhile")
		b.post(here+"/edit", append(append([]string{}, fields[:len(fields)-1]...), "version", "2", "terms_days", "soon")...).is(t, http.StatusUnprocessableEntity).has("Write a number of days.")

		b.post(here + "/close").goes(here)
		b.get(here).has("Closed", "Open again").lacks("Close account")
		b.get("/customers?state=active").has("Nobody found")
		b.get("/customers?state=closed").has("Lindqvist Data AB")
		b.post(here + "/reopen").goes(here)
		b.get("/customers?q=lindq").has("Lindqvist Data AB")
		b.get("/customers?q=nothing+of+it").has("Nobody found")
		b.get("/customers?sort=wrong").is(t, http.StatusUnprocessableEntity)
	})
}

func TestTheCurrencyOfABilledCustomerStays(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	c := w.customer("Nordlicht")
	w.order(c.ID, "web-01")
	b, here := w.as(auth.RoleAdmin), "/customers/"+string(c.ID)
	b.get(here + "/edit").has("It stays: there are invoices in it.")
	b.post(here+"/edit", "kind", "company", "company", "Nordlicht", "first", "Jana", "last", "Petersen", "email", c.Email, "line1", "Brooktorkai 1", "city", "Hamburg", "postcode", "20457", "country", "DE", "currency", "USD", "locale", "en", "terms_days", "0", "version", "1").goes(here)
	if got, err := w.site.Customers.Get(w.ctx, c.ID); err != nil || got.Currency != "EUR" {
		t.Error(got.Currency, err)
	}
}

func TestStaffActsInACustomersPlace(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	c := w.customer("Nordlicht")
	here := "/customers/" + string(c.ID)
	b := w.as(auth.RoleSupport)
	b.post(here+"/stand-in", "reason", " ").goes(here)
	b.get(here).has("alert-error")
	to := b.post(here+"/stand-in", "reason", "Cannot see the invoice").header.Get("Location")
	if !strings.HasPrefix(to, portalBase+"/enter?") {
		t.Fatal(to)
	}
	b.do(http.MethodGet, to, nil).goes("/")
	b.do(http.MethodGet, portalBase+"/", nil).has("portal for " + string(c.ID))
	w.browser().do(http.MethodGet, to, nil).lacks("portal for") // once
	w.as(auth.RoleAdmin).get(here+"?tab=audit").has("Mira Lindqvist", "192.0.2.1")
	w.as(auth.RoleBilling).get(here).lacks("Sign in as")
}

func TestSearchFindsByPartOfAnything(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		c := w.customer("Nordlicht Medien GmbH")
		p := w.order(c.ID, "web-01.nordlicht.example")
		b := w.as(auth.RoleSupport)
		b.get("/search").has("Customers by name")
		b.get("/search?q=nordlicht").has("2 found", "Customers", "Services", "<mark", "Nordlicht</mark> Medien GmbH", "web-01.", "VPS-8, Nordlicht Medien GmbH")
		b.get("/search?q="+p.Invoice.Number).has("1 found", "Invoices", "Nordlicht Medien GmbH, ")
		b.get("/search?q=1").has("Orders", "Customers")
		b.get("/search?q=nobody").has("Nothing found")
		b.get("/search?q=%3Cscript%3E").has("&lt;script&gt;").lacks("<script>")
		for id, to := range map[string]string{string(c.ID): "/customers/", string(p.Order.ID): "/orders/", string(p.Invoice.ID): "/invoices/", string(p.Subscriptions[0]): "/services/"} {
			b.get("/search?q=" + id).goes(to + id)
		}
	})
}

func TestTheDashboardSaysWhatWaits(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	w.plugins.status = []pluginhost.PluginStatus{
		{Type: "gateway", Name: "stripe", State: pluginhost.Healthy, Version: "1.4.0"},
		{Type: "tax", Name: "taxjar", State: pluginhost.Quarantined, LastError: "5 crashes in 10 min"},
	}
	w.plugins.problems = []pluginhost.Problem{{Text: "token: is missing"}}
	p := w.order(w.customer("Nordlicht").ID, "web-01")
	w.pay(p)
	for role, want := range map[string][]string{
		auth.RoleAdmin:   {"Plugin taxjar", "5 crashes in 10 min", "1 problem in plugins.hcl", "Received by day", "data-chart=", "charts", "Latest", "€20.11"},
		auth.RoleSupport: {"Plugin taxjar", "Active services", "Open orders", "Newest orders"},
	} {
		w.as(role).get("/").has(want...)
	}
	w.as(auth.RoleSupport).get("/").lacks("Received by day", "Recurring a month", "Latest</h2>")
	b := w.as(auth.RoleBilling)
	b.get("/?days=7").has("last 7 days", "Show as table").lacks("24 Oct")
	b.get("/?days=9999").has("last 30 days")
	if got := regexp.MustCompile(`"y":\[[0-9.,]*20\.11\]`).FindString(b.get("/?days=7").body); got == "" && !strings.Contains(b.get("/?days=7").body, "20.11]") {
		t.Error("the chart lacks what came in today")
	}
}

func TestSigningIn(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	b := w.browser()
	b.get("/customers?q=a").goes("/sign-in?next=%2Fcustomers%3Fq%3Da")
	b.get("/sign-in?next=/customers").has(`value="/customers"`, "Forgot your password")
	b.post("/sign-in", "email", "admin@shop.test", "password", "wrong").is(t, http.StatusUnprocessableEntity).has("do not belong together", "admin@shop.test").lacks("wrong\"")
	b.post("/sign-in", "email", "", "password", "").is(t, http.StatusUnprocessableEntity).has("Email is needed.")
	b.post("/sign-in", "email", "admin@shop.test", "password", password, "next", "//evil.example").goes("/")
	b.get("/sign-in?next=/orders").goes("/orders")
	b.get("/account").has("Ada Holm", "admin@shop.test")
	b.post("/account", "old", "wrong", "password", "another long password").is(t, http.StatusUnprocessableEntity)
	b.post("/account", "old", password, "password", "short").is(t, http.StatusUnprocessableEntity).has("at least 10")
	other := w.as(auth.RoleAdmin)
	b.post("/account", "old", password, "password", "another long password").goes("/account")
	b.get("/account").has("Your password is changed.")
	other.get("/").goes("/sign-in")
	b.post("/sign-out").goes("/sign-in")
	b.get("/").goes("/sign-in")
}

func TestAForgottenPassword(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		b := w.browser()
		known := b.post("/forgot", "email", "support@shop.test")
		unknown := w.browser().post("/forgot", "email", "nobody@shop.test")
		known.goes("/sign-in")
		unknown.goes("/sign-in")
		w.drain()
		var links []string
		for _, m := range w.mails.sent {
			links = append(links, regexp.MustCompile(`http://admin\.shop\.test(/reset/\S+)`).FindStringSubmatch(m.Text)...)
		}
		if len(links) != 2 {
			t.Fatal(links)
		}
		path := links[1]
		b.get(path).has("Choose a new password")
		b.post(path, "password", "short").is(t, http.StatusUnprocessableEntity).has("at least 10")
		b.post(path, "password", "a password to remember").goes("/sign-in")
		b.post(path, "password", "a password to remember").goes("/forgot")
		b.get(path).goes("/forgot")
		b.get("/forgot").has("used before or is too old")
		b.post("/sign-in", "email", "support@shop.test", "password", "a password to remember").goes("/")
	})
}

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	c := w.customer("Nordlicht")
	b := w.as(auth.RoleAdmin)
	b.do(http.MethodPost, "/customers/"+string(c.ID)+"/close", map[string][]string{"_csrf": {"guess"}}).is(t, http.StatusForbidden)
	if got, err := w.site.Customers.Get(w.ctx, c.ID); err != nil || got.Status != customer.Active {
		t.Error(got.Status, err)
	}
}

func TestAnOrderInReviewIsAccepted(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	c := w.customer("Cobalt Freight")
	w.order(c.ID, "plain")
	p := w.order(c.ID, "edge-2")
	o, _, err := w.site.Orders.Place(w.ctx, order.Placement{Customer: c.ID, Currency: "EUR", Quote: flow.Quote{}, RequestKey: "odd", Review: true, Invoice: p.Invoice.ID})
	w.ok(err)
	b, here := w.as(auth.RoleBilling), "/orders/"+string(o.ID)
	b.get("/").has("1 order waits for review")
	b.get("/orders?state=review").has("In review", ">3</a>").lacks(">2</a>")
	b.get(here).has("Accept order 3?", "it is made when it is paid")
	b.post(here + "/accept").goes(here)
	b.get(here).has("Waiting for payment", "The order is accepted.")
	w.as(auth.RoleSupport).get(here).lacks("Accept order", "Make now", "Cancel order")
}

func TestPeopleAreInvited(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		here := "/customers/" + string(w.customer("Nordlicht").ID)
		b := w.as(auth.RoleSupport)
		b.get(here+"?tab=users").has("Nobody can sign in", here+"/users/new")
		b.post(here+"/users/new", "email", "nothing", "name", "", "role", "owner").is(t, http.StatusUnprocessableEntity).has("Name is needed.")
		b.post(here+"/users/new", "email", "nothing", "name", "Jana", "role", "owner").is(t, http.StatusUnprocessableEntity).has("nothing", "aria-invalid")
		b.post(here+"/users/new", "email", "Jana@nordlicht.example", "name", "Jana Petersen", "role", "king").is(t, http.StatusUnprocessableEntity)
		b.post(here+"/users/new", "email", "Jana@nordlicht.example", "name", "Jana Petersen", "role", "owner").goes(here + "?tab=users")
		b.post(here+"/users/new", "email", "ole@nordlicht.example", "name", "Ole Brandt", "role", "technical").goes(here + "?tab=users")
		w.drain()
		to := map[string]string{}
		for _, m := range w.mails.sent {
			to[m.To.Address] = m.Text
		}
		if len(to) != 2 || !strings.HasPrefix(to["jana@nordlicht.example"], portalBase+"/reset/") {
			t.Error(to)
		}
		// invited once more to another customer: known, and without a password still
		other := "/customers/" + string(w.customer("Kestrel").ID)
		b.post(other+"/users/new", "email", "jana@nordlicht.example", "name", "J", "role", "billing").goes(other + "?tab=users")
		b.get(other+"?tab=users").has("Jana Petersen", "billing")
		page := b.get(here+"?tab=users").has("Jana Petersen", "Ole Brandt", "technical", "address not confirmed")
		users := regexp.MustCompile(`/users/(usr_[0-9A-Z]+)/role`).FindAllStringSubmatch(page.body, -1)
		if len(users) != 2 {
			t.Fatal(users)
		}
		jana, ole := here+"/users/"+users[0][1], here+"/users/"+users[1][1]
		b.post(jana+"/role", "role", "read_only").goes(here + "?tab=users")
		b.get(here + "?tab=users").has("At least one owner must remain.")
		b.post(ole+"/role", "role", "owner").goes(here + "?tab=users")
		b.post(jana+"/role", "role", "none").goes(here + "?tab=users")
		b.get(here + "?tab=users").has("no longer acts for this customer").lacks("Jana Petersen</th>")
		b.post(ole + "/disable").goes(here + "?tab=users")
		b.get(here+"?tab=users").has(">off<", "Switch on")
		b.post(ole + "/enable").goes(here + "?tab=users")
		b.get(here + "?tab=users").has("Switch off")
		w.as(auth.RoleBilling).get(here+"?tab=users").has("Ole Brandt").lacks("Switch off", "/users/new")
	})
}
