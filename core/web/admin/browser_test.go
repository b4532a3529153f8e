package admin

import (
	"fmt"
	"net/http"
	"net/netip"
	"sync"
	"testing"

	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/hosting/provision"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/platform/pluginhost"
	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/core/sales/order"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/core/web/webtest"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/panel"
)

// busy fills a world with a month of business, and answers the addresses of what is worth a look.
func (w *world) busy() map[string]string {
	at := map[string]string{}
	names := []string{"Nordlicht Medien GmbH", "Kestrel Analytics LLC", "Lindqvist Data AB", "Harrow & Finch Ltd", "Northbound Games", "Bergmann & Sohn KG", "Atelier Sauvage", "Redshank Media"}
	var all []customer.Customer
	for _, n := range names {
		all = append(all, w.customer(n))
	}
	var first flow.Placed
	for i := range 24 {
		w.clock.Forward(noon.AddDate(0, 0, i))
		p := w.order(all[i%len(all)].ID, fmt.Sprintf("%s-%02d", []string{"web", "db", "mail", "build"}[i%4], i+1))
		if i%7 != 6 {
			w.pay(p)
		}
		if i == 0 {
			first = p
		}
	}
	w.panel.Fail("Create", fault.New(fault.Declined, "no_ipv4", "The panel has no free IPv4 in pool ash1-a."))
	stopped := w.order(all[1].ID, "etl-4.kestrel.example")
	w.pay(stopped)
	_, err := w.site.Customers.Update(w.ctx, all[0].ID, func(c *customer.Customer) error {
		c.Notes, c.TaxID, c.Phone = "Pays by card, but the board approves all above €500.\nCall before suspending build-01.", "DE123456789", "+49 40 1234567"
		return nil
	})
	w.ok(err)
	u, err := w.site.Auth.RegisterUser(w.ctx, auth.NewUser{Email: "jana@nordlicht.example", Name: "Jana Petersen", Password: password})
	w.ok(err)
	w.ok(w.site.Auth.Join(w.ctx, u.ID, all[0].ID, auth.RoleOwner))
	sub := string(first.Subscriptions[0])
	w.panel.Put(panel.Account{Service: sub, ID: "fake-" + sub, Name: "web-01.nordlicht.example", Status: panel.Active, Power: "running", URL: "https://panel.example.test/servers/1042",
		Addresses: []netip.Prefix{netip.MustParsePrefix("203.0.113.24/32"), netip.MustParsePrefix("2001:db8::24/64")}, Details: [][2]string{{"Node", "fra1-hv-04"}}})
	_, err = w.flow.Refresh(w.ctx, "", first.Subscriptions[0])
	w.ok(err)
	second := w.order(all[0].ID, "suspended-01")
	w.pay(second)
	w.ok(w.flow.SuspendService(w.ctx, second.Subscriptions[0], "Sends spam"))
	w.drain()
	_, _, err = w.site.Orders.Place(w.ctx, order.Placement{Customer: all[2].ID, Currency: "EUR", Quote: flow.Quote{}, TotalMinor: 23800, RequestKey: "odd", Review: true})
	w.ok(err)
	w.plugins.status = []pluginhost.PluginStatus{
		{Type: "gateway", Name: "stripe", State: pluginhost.Healthy, Version: "1.4.0", Since: noon}, {Type: "gateway", Name: "paypal", State: pluginhost.Healthy, Version: "1.2.1"},
		{Type: "panel", Name: "virtfusion", State: pluginhost.Restarting, LastError: "connection refused"}, {Type: "tax", Name: "taxjar", State: pluginhost.Quarantined, LastError: "5 crashes in 10 min"},
	}
	ops, err := w.site.Provision.List(w.ctx, provision.Filter{States: []provision.State{provision.Failed}})
	w.ok(err)
	for name, path := range map[string]string{
		"dashboard": "/", "customers": "/customers", "customer": "/customers/" + string(all[0].ID), "customer-payments": "/customers/" + string(all[0].ID) + "?tab=payments", "customer-audit": "/customers/" + string(all[0].ID) + "?tab=audit",
		"customer-invoices": "/customers/" + string(all[0].ID) + "?tab=invoices", "customer-users": "/customers/" + string(all[0].ID) + "?tab=users", "invite": "/customers/" + string(all[0].ID) + "/users/new", "customer-edit": "/customers/" + string(all[0].ID) + "/edit", "services": "/services", "service": "/services/" + sub, "service-failed": "/services/" + string(stopped.Subscriptions[0]),
		"service-suspended": "/services/" + string(second.Subscriptions[0]), "orders": "/orders", "order": "/orders/" + string(first.Order.ID), "provisioning": "/provisioning?state=stopped", "operation": "/provisioning/" + string(ops.List[0].ID),
		"search": "/search?q=web", "search-nothing": "/search?q=nothing+at+all", "account": "/account", "none": "/customers?q=nobody",
	} {
		at[name] = path
	}
	return at
}

// show is the site in a real browser, as whoever is asked for.
type show struct {
	*world
	mu     sync.Mutex
	as     *browser // whose cookies requests carry
	scheme string
}

func (w *show) ServeHTTP(res http.ResponseWriter, req *http.Request) {
	w.mu.Lock()
	as, scheme := w.as, w.scheme
	w.mu.Unlock()
	req.Header.Del("Cookie")
	for name, value := range as.cookies["admin.shop.test"] {
		req.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	req.AddCookie(&http.Cookie{Name: view.ThemeCookie, Value: scheme})
	req.Host = "admin.shop.test"
	req.Header.Del("Sec-Fetch-Site")
	req.Header.Del("Origin")
	w.web.ServeHTTP(res, req)
}

// In a real browser, at phone and desk width, light and dark: no page scrolls sideways, nothing complains in the
// console, and axe finds nothing against WCAG 2.2 AA. BURSAR_SHOTS names a folder for pictures.
func TestPagesInABrowser(t *testing.T) {
	w := &show{world: newWorld(t, dbtest.SQLite(t))}
	pages := w.busy()
	w.as = w.world.as(auth.RoleAdmin)
	b := webtest.Open(t, w)
	for name, path := range pages {
		for _, width := range []int64{390, 1440} {
			for _, scheme := range []string{"bursar", "bursar-dark"} {
				w.mu.Lock()
				w.scheme = scheme
				w.mu.Unlock()
				b.Look(fmt.Sprintf("%s-%d-%s", name, width, scheme), path, width)
			}
		}
	}
}
