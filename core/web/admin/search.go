package admin

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/core/sales/order"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
)

func (s *Site) searchRoutes() []route.Route {
	return []route.Route{{Method: http.MethodGet, Path: "/search", Handler: s.search, Who: route.Staff(auth.CustomerSee), Rate: route.Search}}
}

// searchPage is what was found, by kind.
type searchPage struct {
	view.Page
	Query  string
	Groups []foundGroup
	Found  int
	Asked  bool // there was something to search for
}

// foundGroup is what was found of a kind.
type foundGroup struct {
	Title, Icon, Kind string // Kind names the states
	All               view.Link
	Rows              []foundRow
}

// foundRow is one thing that was found, its label cut around the part that was searched for.
type foundRow struct {
	Before, Match, After string
	Sub                  string
	State                string
	Link                 string
}

// mostFound is how many of a kind are shown; the rest is behind a link.
const mostFound = 6

func (s *Site) search(c echo.Context) error {
	query := ask(c).search()
	if len(query) > 200 {
		query = query[:200]
	}
	// an ID says itself what it is
	if link := subjectLink(query); link != "" && !strings.ContainsAny(query, " /?#") && len(query) > 26 {
		return c.Redirect(http.StatusSeeOther, link)
	}
	page := searchPage{Page: view.Page{Title: "Search"}, Query: query, Asked: query != ""}
	if page.Asked {
		for _, find := range []struct {
			right auth.Right
			find  func(context.Context, string) (foundGroup, int, error)
		}{{auth.CustomerSee, s.findCustomers}, {auth.InvoiceSee, s.findInvoices}, {auth.ServiceSee, s.findServices}, {auth.OrderSee, s.findOrders}} {
			if !can(c, find.right) {
				continue
			}
			g, total, err := find.find(c.Request().Context(), query)
			if err != nil {
				return err
			}
			if total == 0 {
				continue
			}
			page.Found += total
			if total > len(g.Rows) {
				g.All.Label = fmt.Sprintf("All %s", count(total))
			} else {
				g.All = view.Link{}
			}
			page.Groups = append(page.Groups, g)
		}
	}
	return view.Render(c, http.StatusOK, "admin/search.html", &page)
}

// mark cuts a label around the part that was searched for.
func mark(row foundRow, label, query string) foundRow {
	at := strings.Index(strings.ToLower(label), strings.ToLower(query))
	if at < 0 || len(strings.ToLower(label)) != len(label) {
		row.Before = label
		return row
	}
	row.Before, row.Match, row.After = label[:at], label[at:at+len(query)], label[at+len(query):]
	return row
}

func allOf(path, query string) view.Link {
	a := asked{path: path}
	return view.Link{Link: a.with("q", query)}
}

func (s *Site) findCustomers(ctx context.Context, query string) (foundGroup, int, error) {
	g := foundGroup{Title: "Customers", Icon: "users", Kind: "customer", All: allOf("/customers", query)}
	found, err := s.Customers.List(ctx, customer.Filter{Query: query, Limit: mostFound})
	for _, x := range found.List {
		g.Rows = append(g.Rows, mark(foundRow{Sub: fmt.Sprintf("%d, %s", x.Number, x.Email), State: string(x.Status), Link: "/customers/" + string(x.ID)}, x.Name(), query))
	}
	return g, found.Total, err
}

func (s *Site) findInvoices(ctx context.Context, query string) (foundGroup, int, error) {
	g := foundGroup{Title: "Invoices", Icon: "receipt", Kind: "invoice", All: allOf("/invoices", query)}
	today, _, err := s.today(ctx)
	if err != nil {
		return g, 0, err
	}
	found, err := s.Invoices.List(ctx, invoice.Filter{Query: query, Limit: mostFound})
	if err != nil {
		return g, 0, err
	}
	names, err := s.names(ctx, pick(found.List, func(i invoice.Invoice) ids.Customer { return i.Customer }))
	for _, x := range found.List {
		g.Rows = append(g.Rows, mark(foundRow{Sub: names[x.Customer] + ", " + x.Amount(x.Total).String(), State: invoice.Label(x, today), Link: "/invoices/" + string(x.ID)}, x.Number, query))
	}
	return g, found.Total, err
}

func (s *Site) findServices(ctx context.Context, query string) (foundGroup, int, error) {
	g := foundGroup{Title: "Services", Icon: "server", Kind: "service", All: allOf("/services", query)}
	found, err := s.Subscriptions.List(ctx, subscription.Filter{Query: query, Limit: mostFound})
	if err != nil {
		return g, 0, err
	}
	rows, err := s.serviceRows(ctx, found.List)
	for _, x := range rows {
		g.Rows = append(g.Rows, mark(foundRow{Sub: x.Product + ", " + x.Customer, State: x.State, Link: "/services/" + x.ID}, x.Label, query))
	}
	return g, found.Total, err
}

func (s *Site) findOrders(ctx context.Context, query string) (foundGroup, int, error) {
	g := foundGroup{Title: "Orders", Icon: "package", Kind: "order", All: allOf("/orders", query)}
	found, err := s.Orders.List(ctx, order.Filter{Query: query, Limit: mostFound})
	if err != nil {
		return g, 0, err
	}
	rows, err := s.orderRows(ctx, found.List)
	for _, x := range rows {
		g.Rows = append(g.Rows, mark(foundRow{Sub: x.Customer + ", " + x.Total.String(), State: x.State, Link: "/orders/" + x.ID}, fmt.Sprint(x.Number), query))
	}
	return g, found.Total, err
}
