package portal

import (
	"context"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/money"
)

func (s *Site) paymentsRoutes() []route.Route {
	return []route.Route{get("/payments", route.Customer(auth.PaymentSee), s.payments)}
}

// paymentsPage lists the payments of a customer.
type paymentsPage struct {
	view.Page
	Tabs    []view.Tab
	List    view.Toolbar
	Rows    []paymentRow // newest first
	Balance []money.Amount
	Pager   view.Pager
	Any     bool
}

// paymentRow is money that came.
type paymentRow struct {
	ID       ids.Payment
	On       period.Day
	Name     string // what it was paid with
	Icon     string
	State    string
	Amount   money.Amount
	Refunded money.Amount // zero: nothing went back
	Back     bool         // something went back
	For      []view.Link  // invoices, in a list
}

func (s *Site) payments(c echo.Context) error {
	ctx, own := c.Request().Context(), customerOf(c)
	f := payment.Filter{Customer: own, Query: strings.TrimSpace(c.QueryParam("q")), After: c.QueryParam("after"), Limit: 25}
	if sort := c.QueryParam("sort"); sort == "oldest" {
		f.Sort = sort
	}
	list, err := s.Payments.Payments(ctx, f)
	if err != nil {
		return err
	}
	page := paymentsPage{Page: view.Page{Title: "Billing", Current: "/invoices"}, Tabs: billingTabs("payments"), Pager: pagerOf(c, len(list.List), list.Total, list.Next), Any: list.Total > 0 || f.Query != ""}
	set := make([]ids.Payment, len(list.List))
	for i, p := range list.List {
		set[i] = p.ID
		page.Rows = append(page.Rows, rowOfPayment(p, s.titles(ctx)))
	}
	if err := s.paidFor(ctx, page.Rows, set); err != nil {
		return err
	}
	if page.Balance, err = s.Ledger.Balance(ctx, own); err != nil {
		return err
	}
	page.List = view.Toolbar{Action: "/payments", Search: f.Query, Hint: "Reference",
		Sort: []view.Choice{{Value: "newest", Label: "Newest first"}, {Value: "oldest", Label: "Oldest first"}}, Sorted: f.Sort}
	return view.Render(c, http.StatusOK, "portal/payments.html", &page)
}

// paidFor adds which invoices payments went to: two statements for the whole list.
func (s *Site) paidFor(ctx context.Context, rows []paymentRow, set []ids.Payment) error {
	parts, err := s.Payments.Allocations(ctx, set)
	if err != nil {
		return err
	}
	var all []ids.Invoice
	for _, list := range parts {
		for _, a := range list {
			if a.Invoice != "" {
				all = append(all, a.Invoice)
			}
		}
	}
	many, err := s.Invoices.Many(ctx, all)
	if err != nil {
		return err
	}
	for i := range rows {
		seen := map[ids.Invoice]bool{}
		for _, a := range parts[rows[i].ID] {
			if inv, ok := many[a.Invoice]; ok && !seen[inv.ID] {
				seen[inv.ID] = true
				rows[i].For = append(rows[i].For, view.Link{Label: inv.Number, Link: "/invoices/" + string(inv.ID)})
			}
		}
	}
	return nil
}

// titles are what gateways are called, by instance.
func (s *Site) titles(ctx context.Context) map[string]string {
	out := map[string]string{}
	ways, err := s.Flow.Ways(ctx)
	if err != nil {
		return out // they are called by their instance then
	}
	for _, w := range ways {
		out[w.Gateway] = w.Title
	}
	return out
}

// rowOfPayment names a payment by where it came from.
func rowOfPayment(p payment.Payment, titles map[string]string) paymentRow {
	row := paymentRow{ID: p.ID, On: p.On, State: stateOfPayment(p), Amount: p.Amount, Refunded: money.Of(p.Refunded, p.Amount.Currency()), Back: p.Refunded > 0}
	switch p.Source {
	case payment.FromBalance:
		row.Name, row.Icon = "From your balance", "wallet"
	case payment.FromBank:
		row.Name, row.Icon = "Bank transfer", "landmark"
	case payment.FromManual:
		row.Name, row.Icon = "Paid in person", "banknote"
	default:
		row.Name, row.Icon = titles[p.Gateway], "credit-card"
		if row.Name == "" {
			row.Name = p.Gateway
		}
	}
	return row
}

func stateOfPayment(p payment.Payment) string {
	switch {
	case p.Disputed > 0:
		return "disputed"
	case p.Refunded > 0 && p.Refunded == p.Amount.Minor():
		return "refunded"
	case p.Status == payment.StatusCaptured, p.Status == payment.StatusHeld:
		return "succeeded"
	}
	return string(p.Status)
}

// paymentRow names one payment as its payer knows it: the card, if one was charged.
func (s *Site) paymentRow(ctx context.Context, p payment.Payment) (paymentRow, error) {
	row := rowOfPayment(p, s.titles(ctx))
	if p.Source != payment.FromGateway || p.Attempt == "" {
		return row, nil
	}
	att, err := s.Payments.Get(ctx, p.Attempt)
	if err != nil || att.Method == "" {
		return row, err
	}
	m, err := s.Payments.Method(ctx, att.Method)
	if err != nil {
		return row, err
	}
	row.Name, row.Icon = methodName(m), methodIcon(m)
	return row, nil
}
