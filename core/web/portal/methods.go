package portal

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/money"
)

func (s *Site) methodsRoutes() []route.Route {
	return []route.Route{
		get("/methods", route.Customer(auth.PaymentSee), s.methods),
		post("/methods", route.Customer(auth.MethodEdit), s.addMethod),
		post("/methods/:id/default", route.Customer(auth.MethodEdit), s.defaultMethod),
		post("/methods/:id/remove", route.Customer(auth.MethodEdit), s.removeMethod),
	}
}

// methodsPage lists the saved ways to pay.
type methodsPage struct {
	view.Page
	Tabs     []view.Tab
	Rows     []methodRow
	Add      []addWay
	CanEdit  bool
	Balance  []money.Amount
	BankText string
	Number   int64 // of the customer: the reference of a transfer
}

// methodRow is one saved way to pay.
type methodRow struct {
	ID      ids.Method
	Name    string
	Icon    string
	Default bool
	Ends    period.Day // zero: never
	Over    bool       // its last day is over
	Soon    bool       // within a month
	Blocked string     // why it is not charged any more, "" if it is
	Saved   period.Day
	Remove  view.Confirm
}

// addWay is a gateway that can save methods.
type addWay struct {
	Gateway, Title string
	Up             bool
}

func (s *Site) methods(c echo.Context) error {
	ctx, own := c.Request().Context(), customerOf(c)
	today, set, err := s.today(ctx)
	if err != nil {
		return err
	}
	list, err := s.Payments.Methods(ctx, own)
	if err != nil {
		return err
	}
	who, err := s.Customers.Get(ctx, own)
	if err != nil {
		return err
	}
	page := methodsPage{Page: view.Page{Title: "Billing", Current: "/invoices", Customer: who.Name()}, Tabs: billingTabs("methods"), CanEdit: can(c, auth.MethodEdit), Number: who.Number}
	if set.Sales.BankTransfer {
		page.BankText = set.Sales.BankText
	}
	for _, m := range list {
		row := methodRow{ID: m.ID, Name: methodName(m), Icon: methodIcon(m), Default: m.Default, Ends: m.Expires, Saved: period.On(m.Created, set.Location())}
		row.Over = !m.Expires.IsZero() && m.Expires.Before(today)
		row.Soon = !row.Over && !m.Expires.IsZero() && m.Expires.Before(today.Add(31))
		if m.Blocked != "" {
			row.Blocked = blockedWord(m.Blocked)
		}
		row.Remove = view.Confirm{Label: "Remove", Title: "Remove " + row.Name + "?", Text: "It is not charged any more. Nothing is cancelled by that; renewals are then paid by hand or with another method.",
			Action: "/methods/" + string(m.ID) + "/remove", Submit: "Remove it", Danger: true}
		page.Rows = append(page.Rows, row)
	}
	ways, err := s.Flow.Ways(ctx)
	if err != nil {
		return err
	}
	for _, w := range ways {
		if w.CanSave {
			page.Add = append(page.Add, addWay{Gateway: w.Gateway, Title: w.Title, Up: w.Up})
		}
	}
	if page.Balance, err = s.Ledger.Balance(ctx, own); err != nil {
		return err
	}
	page.Balance = orZero(page.Balance, who.Currency)
	return view.Render(c, http.StatusOK, "portal/methods.html", &page)
}

// addMethod goes to the gateway's page, where a way to pay is saved without paying.
func (s *Site) addMethod(c echo.Context) error {
	ctx := c.Request().Context()
	ways, err := s.Flow.Ways(ctx)
	if err != nil {
		return err
	}
	offered := false
	for _, w := range ways {
		offered = offered || w.Gateway == c.FormValue("gateway") && w.CanSave
	}
	if !offered {
		return outcome(c, "/methods", "", flow.ErrNoGateway)
	}
	begun, err := s.Flow.SaveMethod(ctx, customerOf(c), c.FormValue("gateway"), s.Links.Portal+"/pay/return/{attempt}")
	if err != nil {
		return outcome(c, "/methods", "", err)
	}
	s.remember(c, begun.Attempt)
	if begun.URL != "" {
		return view.Leave(c, begun.URL, "You save it on the page of our payment partner and come back here after it.", "/methods")
	}
	return c.Redirect(http.StatusSeeOther, "/pay/return/"+string(begun.Attempt))
}

func (s *Site) defaultMethod(c echo.Context) error {
	id, err := idOf[ids.Method](c, "id")
	if err != nil {
		return err
	}
	return outcome(c, "/methods", "It is charged first from now on.", s.Flow.DefaultMethod(c.Request().Context(), customerOf(c), id))
}

func (s *Site) removeMethod(c echo.Context) error {
	id, err := idOf[ids.Method](c, "id")
	if err != nil {
		return err
	}
	return outcome(c, "/methods", "It is removed.", s.Flow.ForgetMethod(c.Request().Context(), customerOf(c), id))
}
