package portal

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
)

func (s *Site) accountsRoutes() []route.Route {
	return []route.Route{get("/accounts", route.SignedIn(), s.accounts), post("/accounts", route.SignedIn(), s.actFor)}
}

// accountsPage is where a person with several customers chooses for which to act.
type accountsPage struct {
	view.Page
	Rows []accountRow // oldest first
}

type accountRow struct {
	ID     ids.Customer
	Name   string
	Number int64
	Role   string
	On     bool // acted for now
}

func (s *Site) accounts(c echo.Context) error {
	ctx, a := c.Request().Context(), route.Actor(c)
	if a.User == "" {
		return auth.ErrForbidden // staff in a customer's place has this one only
	}
	all, err := s.Auth.Accounts(ctx, a.User)
	if err != nil {
		return err
	}
	var set []ids.Customer
	for _, m := range all {
		set = append(set, m.Customer)
	}
	names, err := s.Customers.Many(ctx, set)
	if err != nil {
		return err
	}
	page := accountsPage{Page: view.Page{Title: "For whom", Sub: "You may act for these customers.", Current: "/account"}}
	for _, m := range all {
		who, ok := names[m.Customer]
		if !ok {
			continue
		}
		page.Rows = append(page.Rows, accountRow{ID: who.ID, Name: who.Name(), Number: who.Number, Role: roleWord(m.Role), On: who.ID == a.Customer})
	}
	return view.Render(c, http.StatusOK, "portal/accounts.html", &page)
}

func (s *Site) actFor(c echo.Context) error {
	id, err := ids.Parse[ids.Customer](c.FormValue("customer"))
	if err != nil {
		return auth.ErrNotFound
	}
	if err := route.ActFor(c, id); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/")
}
