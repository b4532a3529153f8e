package admin

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
)

func (s *Site) customersRoutes() []route.Route {
	return []route.Route{
		get("/customers", s.customers, auth.CustomerSee),
		get("/customers/new", s.newCustomerPage, auth.CustomerEdit),
		post("/customers/new", s.newCustomer, auth.CustomerEdit),
		get("/customers/:id", s.customer, auth.CustomerSee),
		get("/customers/:id/edit", s.editCustomerPage, auth.CustomerEdit),
		post("/customers/:id/edit", s.editCustomer, auth.CustomerEdit),
		post("/customers/:id/close", s.closeCustomer, auth.CustomerEdit),
		post("/customers/:id/reopen", s.reopenCustomer, auth.CustomerEdit),
		post("/customers/:id/stand-in", s.standIn, auth.CustomerStandIn),
	}
}

// customersPage is the list of customers.
type customersPage struct {
	view.Page
	Actions []view.Action
	Tabs    []view.Tab
	List    view.Toolbar
	Rows    []customerRow
	Empty   bool // there is not one customer yet
	New     view.Link
	Pager   view.Pager
}

// customerRow is a customer in the list.
type customerRow struct {
	ID       string
	Number   int64
	Name     string
	Contact  string // the person, where the name is a company's
	Email    string
	Country  string
	Currency string
	State    string
	Since    time.Time
}

func (s *Site) customers(c echo.Context) error {
	a := ask(c)
	f := customer.Filter{Status: one(a, "state", customer.Active, customer.Closed), Query: a.search(), Sort: a.sort(), After: a.after(), Limit: pageSize}
	found, err := s.Customers.List(c.Request().Context(), f)
	if err != nil {
		return err
	}
	page := customersPage{
		Page:  view.Page{Title: "Customers"},
		Tabs:  []view.Tab{a.tab("All", "state", "", 0), a.tab("Active", "state", "active", 0), a.tab("Closed", "state", "closed", 0)},
		List:  a.toolbar("Name, mail address or number", nil, []view.Choice{{Value: "newest", Label: "Newest first"}, {Value: "oldest", Label: "Oldest first"}, {Value: "name", Label: "By name"}, {Value: "number", Label: "By number"}}, "state"),
		Empty: found.Total == 0 && !a.narrowed("state"),
		Pager: a.pager(found.Next, len(found.List), found.Total),
	}
	for i := range page.Tabs {
		if page.Tabs[i].On && found.Total > 0 {
			page.Tabs[i].Count = found.Total
		}
	}
	if can(c, auth.CustomerEdit) {
		page.New = view.Link{Label: "New customer", Link: "/customers/new"}
		page.Actions = []view.Action{{Label: "New customer", Link: "/customers/new", Icon: "plus", Primary: true, Key: "c"}}
	}
	for _, cus := range found.List {
		page.Rows = append(page.Rows, customerRow{ID: string(cus.ID), Number: cus.Number, Name: cus.Name(), Contact: contact(cus), Email: cus.Email,
			Country: cus.Address.Country, Currency: cus.Currency, State: string(cus.Status), Since: cus.Created})
	}
	return view.Render(c, http.StatusOK, "admin/customers.html", &page)
}

// contact is the person at a company.
func contact(c customer.Customer) string {
	if c.Kind != customer.Company {
		return ""
	}
	return trimmed(c.First, c.Last)
}

// standIn lets staff act in the customer's place on the portal, with a reason that is on the trail.
func (s *Site) standIn(c echo.Context) error {
	id, err := idOf[ids.Customer](c)
	if err != nil {
		return err
	}
	ctx, here := c.Request().Context(), "/customers/"+string(id)
	secret, err := s.Auth.StandIn(ctx, id, c.FormValue("reason"))
	if err != nil {
		return refused(c, here, err)
	}
	next := "/"
	if v := c.FormValue("next"); v != "" {
		next = route.Local(v)
	}
	to, err := route.PassTo(c, "portal", secret, next)
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, to)
}

func (s *Site) closeCustomer(c echo.Context) error {
	return s.moveCustomer(c, s.Customers.Close, "is closed. What is owed stays owed.")
}

func (s *Site) reopenCustomer(c echo.Context) error {
	return s.moveCustomer(c, s.Customers.Reopen, "is open again.")
}

func (s *Site) moveCustomer(c echo.Context, move func(context.Context, ids.Customer) (customer.Customer, error), text string) error {
	id, err := idOf[ids.Customer](c)
	if err != nil {
		return err
	}
	cus, err := move(c.Request().Context(), id)
	return outcome(c, "/customers/"+string(id), fmt.Sprintf("%s %s", cus.Name(), text), err)
}
