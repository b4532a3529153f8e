package portal

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/money"
)

func (s *Site) invoicesRoutes() []route.Route {
	return []route.Route{get("/invoices", route.Customer(auth.InvoiceSee), s.invoices)}
}

// issued are the statuses of documents that customers see. Drafts are staff's.
var issued = []invoice.Status{invoice.Proforma, invoice.Opened, invoice.Paid, invoice.Void, invoice.Uncollectible}

// billingTabs are the views of billing.
func billingTabs(on string) []view.Tab {
	return []view.Tab{
		{Label: "Invoices", Link: "/invoices", On: on == "invoices"}, {Label: "Payments", Link: "/payments", On: on == "payments"},
		{Label: "Payment methods", Link: "/methods", On: on == "methods"},
	}
}

// invoicesPage lists the invoices of a customer.
type invoicesPage struct {
	view.Page
	Tabs  []view.Tab
	List  view.Toolbar
	Rows  []invoiceRow // newest first
	Sums  []invoiceSum // of the whole filter, by currency
	Total int
	Pager view.Pager
	Any   bool // there are invoices, if not of this filter
	Late  *invoiceRow
}

// invoiceSum is what a filter sums to in one currency.
type invoiceSum struct{ Total, Open money.Amount }

// invoiceRow is an invoice in a list.
type invoiceRow struct {
	ID     ids.Invoice
	Number string
	Issued period.Day
	Due    period.Day
	State  string
	For    string // names of services
	Total  money.Amount
	Open   money.Amount
	Owed   bool
}

func invoiceRows(list []invoice.Invoice, today period.Day) []invoiceRow {
	rows := make([]invoiceRow, len(list))
	for i, inv := range list {
		rows[i] = invoiceRow{ID: inv.ID, Number: cmp.Or(inv.Number, "Offer"), Issued: inv.Issued, Due: inv.Due, State: invoice.Label(inv, today), Total: inv.Amount(inv.Total)}
		if inv.Status == invoice.Opened && inv.Open() > 0 {
			rows[i].Open, rows[i].Owed = inv.Amount(inv.Open()), true
		}
		if inv.Status == invoice.Void {
			rows[i].Due = period.Day{}
		}
	}
	return rows
}

func (s *Site) invoices(c echo.Context) error {
	ctx := c.Request().Context()
	today, _, err := s.today(ctx)
	if err != nil {
		return err
	}
	f := invoice.Filter{Customer: customerOf(c), Statuses: issued, Query: strings.TrimSpace(c.QueryParam("q")), After: c.QueryParam("after"), Limit: 25}
	show, year := c.QueryParam("show"), c.QueryParam("year")
	switch show {
	case "pay":
		f.Statuses = []invoice.Status{invoice.Opened}
	case "late":
		f.Overdue = today
	case "paid":
		f.Statuses = []invoice.Status{invoice.Paid}
	default:
		show = ""
	}
	if n, err := strconv.Atoi(year); err == nil && n > 1990 && n < 3000 {
		f.From, f.To = period.Date(n, time.January, 1), period.Date(n+1, time.January, 1)
	} else {
		year = ""
	}
	if sort := c.QueryParam("sort"); sort == "oldest" || sort == "due" {
		f.Sort = sort
	}
	list, err := s.Invoices.List(ctx, f)
	if err != nil {
		return err
	}
	page := invoicesPage{Page: view.Page{Title: "Billing"}, Tabs: billingTabs("invoices"), Rows: invoiceRows(list.List, today), Total: list.Total,
		Any: list.Total > 0 || f.Query != "" || show != "" || year != "", Pager: pagerOf(c, len(list.List), list.Total, list.Next)}
	for _, sum := range list.Sums {
		page.Sums = append(page.Sums, invoiceSum{Total: money.Of(sum.Total, sum.Currency), Open: money.Of(sum.Open, sum.Currency)})
	}
	set := make([]ids.Invoice, len(list.List))
	for i, inv := range list.List {
		set[i] = inv.ID
	}
	subs, err := s.Subscriptions.OfInvoices(ctx, set)
	if err != nil {
		return err
	}
	for i := range page.Rows {
		page.Rows[i].For = namesOf(subs[page.Rows[i].ID])
		if page.Late == nil && page.Rows[i].State == "overdue" && can(c, auth.InvoicePay) {
			page.Late = &page.Rows[i]
		}
	}
	years := []view.Choice{{Label: "All years"}}
	for y := today.Time().Year(); y > today.Time().Year()-8; y-- {
		years = append(years, view.Choice{Value: strconv.Itoa(y), Label: strconv.Itoa(y)})
	}
	page.List = view.Toolbar{Action: "/invoices", Search: f.Query, Hint: "Number",
		Filters: []view.Field{
			{Name: "show", Label: "State", Value: show, Options: []view.Choice{{Label: "All"}, {Value: "pay", Label: "To pay"}, {Value: "late", Label: "Overdue"}, {Value: "paid", Label: "Paid"}}},
			{Name: "year", Label: "Year", Value: year, Options: years},
		},
		Sort: []view.Choice{{Value: "newest", Label: "Newest first"}, {Value: "oldest", Label: "Oldest first"}, {Value: "due", Label: "By due day"}}, Sorted: cmp.Or(f.Sort, "newest")}
	return view.Render(c, http.StatusOK, "portal/invoices.html", &page)
}

// namesOf names up to three services.
func namesOf(subs []subscription.Subscription) string {
	var names []string
	for _, sub := range subs {
		names = append(names, sub.Label)
	}
	if n := len(names); n > 3 {
		return strings.Join(names[:2], ", ") + ", " + count(n-2) + " more"
	}
	return strings.Join(names, ", ")
}
