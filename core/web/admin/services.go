package admin

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
)

func (s *Site) servicesRoutes() []route.Route {
	return []route.Route{
		get("/services", s.services, auth.ServiceSee),
		get("/services/:id", s.service, auth.ServiceSee),
		post("/services/:id/suspend", s.suspendService, auth.ServiceSuspend),
		post("/services/:id/unsuspend", s.unsuspendService, auth.ServiceSuspend),
		post("/services/:id/terminate", s.terminateService, auth.ServiceTerminate),
		post("/services/:id/power", s.powerService, auth.ServiceControl),
		post("/services/:id/password", s.resetServicePassword, auth.ServiceControl),
		post("/services/:id/rename", s.renameService, auth.ServiceControl),
		post("/services/:id/refresh", s.refreshService, auth.ServiceSee),
		post("/services/:id/login", s.loginService, auth.ServiceControl),
		post("/services/:id/cancel", s.cancelService, auth.ServiceCancel),
		post("/services/:id/keep", s.keepService, auth.ServiceCancel),
	}
}

// servicesPage is the list of services.
type servicesPage struct {
	view.Page
	Tabs  []view.Tab
	List  view.Toolbar
	Rows  []serviceRow
	Empty bool // there is not one service yet
	Pager view.Pager
}

func (s *Site) services(c echo.Context) error {
	ctx, a := c.Request().Context(), ask(c)
	shop, err := s.Catalog.Shop(ctx)
	if err != nil {
		return err
	}
	f := subscription.Filter{Query: a.search(), Sort: a.sort(), After: a.after(), Limit: pageSize}
	if st := one(a, "state", subscription.Pending, subscription.Active, subscription.Suspended, subscription.Ended); st != "" {
		f.Statuses = []subscription.Status{st}
	}
	var products []view.Choice
	for _, g := range shop.AllGroups() {
		for _, p := range shop.AllProducts(g.ID) {
			products = append(products, view.Choice{Value: string(p.ID), Label: p.Name})
			if string(p.ID) == a.get("product") {
				f.Product = p.ID
			}
		}
	}
	found, err := s.Subscriptions.List(ctx, f)
	if err != nil {
		return err
	}
	page := servicesPage{
		Page: view.Page{Title: "Services"},
		Tabs: []view.Tab{a.tab("All", "state", "", 0), a.tab("Active", "state", "active", 0), a.tab("Suspended", "state", "suspended", 0), a.tab("Waiting", "state", "pending", 0), a.tab("Ended", "state", "ended", 0)},
		List: a.toolbar("Label or ID", []view.Field{a.filter("product", "Product", "Every product", products...)},
			[]view.Choice{{Value: "newest", Label: "Newest first"}, {Value: "oldest", Label: "Oldest first"}}, "state"),
		Empty: found.Total == 0 && !a.narrowed("state", "product"),
		Pager: a.pager(found.Next, len(found.List), found.Total),
	}
	for i := range page.Tabs {
		if page.Tabs[i].On {
			page.Tabs[i].Count = found.Total
		}
	}
	if page.Rows, err = s.serviceRows(ctx, found.List); err != nil {
		return err
	}
	return view.Render(c, http.StatusOK, "admin/services.html", &page)
}

// serviceAct does something with the service of the address and goes back to its page.
func serviceAct(c echo.Context, text string, act func(ids.Subscription) error) error {
	id, err := idOf[ids.Subscription](c)
	if err != nil {
		return err
	}
	return outcome(c, "/services/"+string(id), text, act(id))
}
