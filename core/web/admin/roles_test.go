package admin

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/hosting/provision"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/sdk/fault"
)

// cells says by hand which roles of staff may do what, page by page. A route that is not here fails the test.
var cells = map[string]string{
	"GET /":                                   "admin billing support read_only",
	"GET /customers":                          "admin billing support read_only",
	"GET /customers/new":                      "admin billing support",
	"POST /customers/new":                     "admin billing support",
	"GET /customers/:id":                      "admin billing support read_only",
	"GET /customers/:id/edit":                 "admin billing support",
	"POST /customers/:id/edit":                "admin billing support",
	"POST /customers/:id/close":               "admin billing support",
	"POST /customers/:id/reopen":              "admin billing support",
	"POST /customers/:id/stand-in":            "admin support",
	"GET /customers/:id/users/new":            "admin support",
	"POST /customers/:id/users/new":           "admin support",
	"POST /customers/:id/users/:user/role":    "admin support",
	"POST /customers/:id/users/:user/disable": "admin support",
	"POST /customers/:id/users/:user/enable":  "admin support",
	"GET /services":                           "admin billing support read_only",
	"GET /services/:id":                       "admin billing support read_only",
	"POST /services/:id/suspend":              "admin billing support",
	"POST /services/:id/unsuspend":            "admin billing support",
	"POST /services/:id/terminate":            "admin",
	"POST /services/:id/power":                "admin support",
	"POST /services/:id/password":             "admin support",
	"POST /services/:id/rename":               "admin support",
	"POST /services/:id/refresh":              "admin billing support read_only",
	"POST /services/:id/login":                "admin support",
	"POST /services/:id/cancel":               "admin billing support",
	"POST /services/:id/keep":                 "admin billing support",
	"GET /orders":                             "admin billing support read_only",
	"GET /orders/:id":                         "admin billing support read_only",
	"POST /orders/:id/accept":                 "admin billing",
	"POST /orders/:id/make":                   "admin billing",
	"POST /orders/:id/cancel":                 "admin billing",
	"GET /provisioning":                       "admin billing support read_only",
	"GET /provisioning/:id":                   "admin billing support read_only",
	"POST /provisioning/:id/retry":            "admin billing support",
	"GET /search":                             "admin billing support read_only",
	"GET /account":                            "admin billing support read_only",
	"POST /account":                           "admin billing support read_only",
	"POST /sign-out":                          "admin billing support read_only",
}

// open are the pages before signing in.
var open = []string{"GET /sign-in", "POST /sign-in", "GET /forgot", "POST /forgot", "GET /reset/:token", "POST /reset/:token"}

func TestEachRoleMayWhatItMay(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	c := w.customer("Nordlicht")
	w.panel.Fail("Create", fault.New(fault.Declined, "no_ipv4", "No free address."))
	p := w.order(c.ID, "web-01")
	w.pay(p)
	u, err := w.flow.Invite(w.ctx, flow.InviteIn{Customer: c.ID, Email: "jana@nordlicht.example", Name: "Jana", Role: auth.RoleOwner})
	w.ok(err)
	user := u.ID
	ops, err := w.site.Provision.List(w.ctx, provision.Filter{})
	w.ok(err)
	at := map[string]string{"/customers/": string(c.ID), "/services/": string(p.Subscriptions[0]), "/orders/": string(p.Order.ID), "/provisioning/": string(ops.List[0].ID)}
	fill := func(path string) string {
		for prefix, id := range at {
			if strings.HasPrefix(path, prefix) {
				path = strings.Replace(path, ":id", id, 1)
			}
		}
		return strings.Replace(path, ":user", string(user), 1)
	}
	var own []string
	for _, r := range slices.Concat(w.site.signRoutes(), w.site.dashboardRoutes(), w.site.customersRoutes(), w.site.usersRoutes(), w.site.servicesRoutes(), w.site.ordersRoutes(), w.site.provisioningRoutes(), w.site.searchRoutes()) {
		own = append(own, r.Method+" "+r.Path)
	}
	browsers := map[string]*browser{}
	roles := auth.StaffRoles()
	for _, role := range roles {
		browsers[role] = w.as(role)
	}
	nobody := w.browser()
	for _, key := range own {
		method, path, _ := strings.Cut(key, " ")
		if slices.Contains(open, key) {
			continue
		}
		allowed, known := cells[key]
		if !known {
			t.Errorf("nobody said who may %s", key)
			continue
		}
		ask := func(b *browser) answer {
			if method == http.MethodGet {
				return b.get(fill(path))
			}
			// a form without its fields: allowed is whatever is not forbidden
			return b.post(fill(path))
		}
		if got := ask(nobody); got.status != http.StatusSeeOther || !strings.HasPrefix(got.header.Get("Location"), "/sign-in") {
			t.Errorf("%s answers %d to nobody", key, got.status)
		}
		if key == "POST /sign-out" {
			continue
		}
		for _, role := range roles {
			may := slices.Contains(strings.Fields(allowed), role)
			got := ask(browsers[role])
			if (got.status == http.StatusForbidden) == may {
				t.Errorf("%s: %s answers %d, may is %t", role, key, got.status, may)
			}
			if may && got.status >= 500 {
				t.Errorf("%s: %s answers %d\n%s", role, key, got.status, got.main())
			}
			// a right that the service asks for beyond the route's shows as a refusal that is told
			if may && method == http.MethodPost && got.status == http.StatusSeeOther {
				browsers[role].get(fill(strings.Join(strings.Split(path, "/")[:min(3, len(strings.Split(path, "/")))], "/"))).lacks(auth.ErrForbidden.Text)
			}
		}
	}
}

// The rail leads nobody to a page that is refused, and shows who may not what is not for him.
func TestTheRailIsForItsReader(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	for _, role := range auth.StaffRoles() {
		b := w.as(role)
		for _, g := range w.site.navigation(auth.ActorAs(auth.Actor{Kind: auth.StaffKind, Role: role}), waiting{}) {
			for _, it := range g.Items {
				if got := b.get(it.Link); got.status == http.StatusForbidden || got.status >= 500 {
					t.Errorf("%s: the rail leads to %s, which answers %d", role, it.Link, got.status)
				}
			}
		}
	}
	w.as(auth.RoleReadOnly).get("/").lacks(`href="/audit"`, `href="/clock"`)
	w.as(auth.RoleAdmin).get("/").has(`href="/audit"`, `href="/clock"`)
}
