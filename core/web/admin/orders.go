package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/sales/order"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/money"
)

func (s *Site) ordersRoutes() []route.Route {
	return []route.Route{
		get("/orders", s.orders, auth.OrderSee),
		get("/orders/:id", s.order, auth.OrderSee),
		post("/orders/:id/accept", s.acceptOrder, auth.OrderAccept),
		post("/orders/:id/make", s.makeOrder, auth.OrderAccept),
		post("/orders/:id/cancel", s.cancelOrder, auth.OrderAccept),
	}
}

// ordersPage is the list of orders.
type ordersPage struct {
	view.Page
	Tabs  []view.Tab
	List  view.Toolbar
	Rows  []orderRow
	Empty bool // nobody has ordered yet
	Pager view.Pager
}

func (s *Site) orders(c echo.Context) error {
	ctx, a := c.Request().Context(), ask(c)
	f := order.Filter{Query: a.search(), Sort: a.sort(), After: a.after(), Limit: pageSize}
	if st := one(a, "state", order.Pending, order.InReview, order.Active, order.Cancelled, order.Fraud); st != "" {
		f.Statuses = []order.Status{st}
	}
	found, err := s.Orders.List(ctx, f)
	if err != nil {
		return err
	}
	page := ordersPage{
		Page: view.Page{Title: "Orders"},
		Tabs: []view.Tab{a.tab("All", "state", "", 0), a.tab("In review", "state", "review", s.waiting(ctx).review), a.tab("Waiting for payment", "state", "pending", 0), a.tab("Active", "state", "active", 0),
			a.tab("Cancelled", "state", "cancelled", 0), a.tab("Refused", "state", "fraud", 0)},
		List:  a.toolbar("Number or ID", nil, []view.Choice{{Value: "newest", Label: "Newest first"}, {Value: "oldest", Label: "Oldest first"}}, "state"),
		Empty: found.Total == 0 && !a.narrowed("state"),
		Pager: a.pager(found.Next, len(found.List), found.Total),
	}
	for i := range page.Tabs {
		if page.Tabs[i].On {
			page.Tabs[i].Count = found.Total
		}
	}
	if page.Rows, err = s.orderRows(ctx, found.List); err != nil {
		return err
	}
	return view.Render(c, http.StatusOK, "admin/orders.html", &page)
}

// orderPage is an order with the quote as the customer saw it.
type orderPage struct {
	view.Page
	ID       string
	State    string
	Lines    []quoteRow
	Sums     []view.Leader
	Renewals []renewalRow
	Coupon   string
	Services []serviceRow
	Facts    []view.Fact
	Invoice  *invoiceRow // nil: nothing was to pay
	Accept   view.Confirm
	Make     view.Confirm // make what was ordered though it is not paid
	Cancel   view.Confirm
}

// quoteRow is a line of the quote.
type quoteRow struct {
	Text, Sub           string
	List, Discount, Net money.Amount
	Reduced             bool // Discount is not zero
}

// renewalRow is what a line costs when it renews.
type renewalRow struct {
	Text, Cycle string
	Total       money.Amount
	On          period.Day
}

func (s *Site) order(c echo.Context) error {
	id, err := idOf[ids.Order](c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	o, err := s.Orders.Get(ctx, id)
	if err != nil {
		return err
	}
	cus, err := s.Customers.Get(ctx, o.Customer)
	if err != nil {
		return err
	}
	today, _, err := s.today(ctx)
	if err != nil {
		return err
	}
	page := orderPage{Page: view.Page{Title: fmt.Sprintf("Order %d", o.Number), Sub: cus.Name() + ", " + view.ReaderOf(c).Time(o.Placed), Crumbs: []view.Link{{Label: "Orders", Link: "/orders"}}, Current: "/orders"}, ID: string(id), State: string(o.Status)}
	if err := page.fillQuote(o); err != nil {
		return err
	}
	subs, err := s.Subscriptions.OfOrder(ctx, id)
	if err != nil {
		return err
	}
	if page.Services, err = s.serviceRows(ctx, subs); err != nil {
		return err
	}
	paid := true
	if o.Invoice != "" {
		inv, err := s.Invoices.Get(ctx, o.Invoice)
		if err != nil {
			return err
		}
		page.Invoice, paid = &invoiceRows([]invoice.Invoice{inv}, today)[0], inv.Status == invoice.Paid
	}
	if page.Facts, err = s.orderFacts(c, o, cus.Name()); err != nil {
		return err
	}
	orderQuestions(c, &page, o, paid)
	return view.Render(c, http.StatusOK, "admin/order.html", &page)
}

// fillQuote reads what was frozen when the order was placed.
func (p *orderPage) fillQuote(o order.Order) error {
	var q flow.Quote
	if err := json.Unmarshal(o.Quote, &q); err != nil {
		return fmt.Errorf("read the quote of order %s: %w", o.ID, err)
	}
	texts := map[string]string{}
	for _, l := range q.Lines {
		if texts[l.Key] == "" {
			texts[l.Key] = l.Text
		}
		p.Lines = append(p.Lines, quoteRow{Text: l.Text, Sub: l.Sub, List: l.List, Discount: l.Discount.Neg(), Net: l.Net, Reduced: !l.Discount.IsZero()})
	}
	for _, r := range q.Renewal {
		p.Renewals = append(p.Renewals, renewalRow{Text: texts[r.Key], Cycle: cycleText(r.Cycle), Total: r.Total, On: r.On})
	}
	p.Sums = append(p.Sums, view.Leader{Label: "Net", Amount: q.Net})
	for _, t := range q.Taxes {
		p.Sums = append(p.Sums, view.Leader{Label: t.Label, Amount: t.Amount})
	}
	p.Sums = append(p.Sums, view.Leader{Label: "Total", Amount: o.Total, Total: true})
	p.Coupon = strings.Join(nonempty(q.Coupon, q.CouponText), ", ")
	return nil
}

func (s *Site) orderFacts(c echo.Context, o order.Order, name string) ([]view.Fact, error) {
	facts := []view.Fact{{Label: "Customer", Value: name, Link: "/customers/" + string(o.Customer)}, {Label: "Placed", Value: view.ReaderOf(c).Time(o.Placed)}}
	if o.Status == order.Pending && !o.ExpiresOn.IsZero() {
		facts = append(facts, view.Fact{Label: "Cancelled unless paid by", Value: o.ExpiresOn})
	}
	kind, by, _ := strings.Cut(o.PlacedBy, ":")
	switch kind {
	case "staff":
		m, err := s.Auth.Staff(c.Request().Context(), ids.Staff(by))
		if err != nil {
			return nil, err
		}
		facts = append(facts, view.Fact{Label: "Placed by", Value: m.Name})
	case "customer":
		facts = append(facts, view.Fact{Label: "Placed by", Value: "the customer"})
	}
	if o.Address != "" {
		facts = append(facts, view.Fact{Label: "From", Value: o.Address, Mono: true})
	}
	return append(facts, view.Fact{Label: "Terms accepted", Value: o.TermsVersion}, view.Fact{Label: "ID", Value: string(o.ID), Mono: true, Copy: true}), nil
}

// orderQuestions are what staff may do with an order that is not delivered yet.
func orderQuestions(c echo.Context, page *orderPage, o order.Order, paid bool) {
	if !can(c, auth.OrderAccept) {
		return
	}
	here, name := "/orders/"+string(o.ID), fmt.Sprintf("order %d", o.Number)
	if o.Allows(order.Approve) || o.Allows(order.Accept) && paid {
		text := "It goes on as others do: what is paid is made."
		if !paid {
			text = "It goes on as others do: it is made when it is paid."
		}
		page.Accept = view.Confirm{Label: "Accept", Title: "Accept " + name + "?", Text: text, Action: here + "/accept", Submit: "Accept " + name}
	}
	if o.Status == order.Pending || o.Status == order.InReview {
		page.Make = view.Confirm{Label: "Make now", Title: "Make " + name + " now?", Text: "The services are set up though they are not paid. The invoice stays open and is reminded of as usual.", Action: here + "/make", Submit: "Make now"}
	}
	if o.Allows(order.Cancel) {
		page.Cancel = view.Confirm{Label: "Cancel order", Title: "Cancel " + name + "?", Text: "The services end, the invoice is credited, and what was paid goes to the balance.", Action: here + "/cancel", Submit: "Cancel " + name, Danger: true,
			Fields: []view.Field{{Name: "reason", Label: "Why", Help: "The customer reads it.", MaxLength: 190}}}
	}
}

func (s *Site) acceptOrder(c echo.Context) error {
	return orderAct(c, "The order is accepted.", func(id ids.Order) error { return s.Flow.AcceptOrder(c.Request().Context(), id) })
}

func (s *Site) makeOrder(c echo.Context) error {
	return orderAct(c, "The services are being made.", func(id ids.Order) error { return s.Flow.MakeNow(c.Request().Context(), id) })
}

func (s *Site) cancelOrder(c echo.Context) error {
	return orderAct(c, "The order is cancelled.", func(id ids.Order) error {
		return s.Flow.CancelOrder(c.Request().Context(), id, strings.TrimSpace(c.FormValue("reason")))
	})
}

// orderAct does something with the order of the address and goes back to its page.
func orderAct(c echo.Context, text string, act func(ids.Order) error) error {
	id, err := idOf[ids.Order](c)
	if err != nil {
		return err
	}
	return outcome(c, "/orders/"+string(id), text, act(id))
}
