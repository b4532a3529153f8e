package portal

import (
	"cmp"
	"context"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/money"
)

func (s *Site) servicesRoutes() []route.Route {
	return []route.Route{get("/services", route.Customer(auth.ServiceSee), s.services)}
}

// living are the statuses of services that are not over.
var living = []subscription.Status{subscription.Pending, subscription.Active, subscription.Suspended}

// servicesPage lists the services of a customer.
type servicesPage struct {
	view.Page
	List     view.Toolbar
	Rows     []serviceRow // newest first
	Pager    view.Pager
	Any      bool // there are services, if not of this filter
	CanOrder bool
}

// serviceRow is a service in a list.
type serviceRow struct {
	ID      ids.Subscription
	Name    string
	Product string
	Address string // main address or host name, "" while there is none
	State   string
	Renews  period.Day // zero: it does not
	Ends    period.Day // zero: it goes on
	Price   money.Amount
	Priced  bool   // whether Price is known
	Every   string // "a month"
}

func (s *Site) services(c echo.Context) error {
	ctx := c.Request().Context()
	f := subscription.Filter{Customer: customerOf(c), Query: c.QueryParam("q"), After: c.QueryParam("after"), Limit: 25}
	show := c.QueryParam("show")
	switch show {
	case "ended":
		f.Statuses = []subscription.Status{subscription.Ended}
	case "all":
	default:
		show, f.Statuses = "", living
	}
	if s := c.QueryParam("sort"); s == "oldest" {
		f.Sort = s
	}
	list, err := s.Subscriptions.List(ctx, f)
	if err != nil {
		return err
	}
	up, err := s.Flow.Upcoming(ctx, f.Customer, list.List)
	if err != nil {
		return err
	}
	page := servicesPage{Page: view.Page{Title: "Services", Customer: up.Customer.Name()}, Any: list.Total > 0 || f.Query != "" || show != "", CanOrder: can(c, auth.OrderPlace)}
	if page.Rows, err = s.serviceRows(ctx, list.List, up); err != nil {
		return err
	}
	page.List = view.Toolbar{Action: "/services", Search: f.Query, Hint: "Name or ID",
		Filters: []view.Field{{Name: "show", Label: "Which", Value: show, Options: []view.Choice{{Label: "Current"}, {Value: "ended", Label: "Ended"}, {Value: "all", Label: "All"}}}},
		Sort:    []view.Choice{{Value: "newest", Label: "Newest first"}, {Value: "oldest", Label: "Oldest first"}}, Sorted: cmp.Or(f.Sort, "newest")}
	page.Pager = pagerOf(c, len(list.List), list.Total, list.Next)
	return view.Render(c, http.StatusOK, "portal/services.html", &page)
}

// serviceRows adds to services what their panels and prices say: one statement, the rest is in memory.
func (s *Site) serviceRows(ctx context.Context, subs []subscription.Subscription, up flow.Upcoming) ([]serviceRow, error) {
	if len(subs) == 0 {
		return nil, nil
	}
	set := make([]ids.Subscription, len(subs))
	for i, sub := range subs {
		set[i] = sub.ID
	}
	accounts, err := s.Provision.Accounts(ctx, set)
	if err != nil {
		return nil, err
	}
	shop, err := s.Catalog.Shop(ctx)
	if err != nil {
		return nil, err
	}
	rows := make([]serviceRow, len(subs))
	for i, sub := range subs {
		acc := accounts[sub.ID]
		p, _ := shop.Product(sub.Product)
		price, priced := up.Prices[sub.ID]
		r := serviceRow{ID: sub.ID, Name: sub.Label, Product: p.Name, State: stateOf(sub, acc), Price: price.Net, Priced: priced, Every: cycleWord(sub.Cycle), Ends: sub.CancelOn}
		if len(acc.Addresses) > 0 {
			r.Address = acc.Addresses[0]
		} else if acc.Hostname != sub.Label {
			r.Address = acc.Hostname
		}
		if sub.Renews() && sub.Status != subscription.Pending {
			r.Renews = sub.BilledTo
		}
		rows[i] = r
	}
	return rows, nil
}

func sortCharges(list []charge) {
	slices.SortStableFunc(list, func(a, b charge) int { return a.On.Compare(b.On) })
}

// addTo adds an amount to the sum of its currency.
func addTo(sums []money.Amount, a money.Amount) []money.Amount {
	for i, s := range sums {
		if s.Currency() == a.Currency() {
			if sum, err := s.Add(a); err == nil {
				sums[i] = sum
			}
			return sums
		}
	}
	return append(sums, a)
}
