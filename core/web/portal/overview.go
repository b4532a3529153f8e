package portal

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/money"
)

func (s *Site) overviewRoutes() []route.Route {
	return []route.Route{get("/", route.SignedIn(), s.overview)}
}

// How much the overview shows.
const (
	overviewServices = 8
	overviewInvoices = 5
	overviewDays     = 30
)

// overviewPage is the first page: what needs somebody, four figures, services, invoices, what is charged next.
type overviewPage struct {
	view.Page
	NoCustomer bool // the person may act for nobody yet
	Number     int64
	Needs      []need
	Services   []serviceRow // the newest
	Total      int          // services that have not ended
	States     string       // how many in which state
	Next       *charge      // nil: nothing is planned
	NextWith   string       // how it will be paid
	Balance    []money.Amount
	Owed       []money.Amount // by currency
	OwedDue    period.Day     // the earliest due day of what is owed
	Late       bool           // some of it is overdue
	Invoices   []invoiceRow
	Coming     []charge // within 30 days
	ComingSums []money.Amount
	CanPay     bool
	CanOrder   bool
	CanTokens  bool
	Offers     []offer // what an empty account could begin with
	Verified   bool
}

// need is something that waits for the customer.
type need struct {
	Kind, Icon, Strong, Text string
	Amount                   *money.Amount // after Text
	Day                      period.Day    // after that
	Action                   view.Link
}

// charge is something that will be charged: an open invoice or a renewal.
type charge struct {
	On     period.Day
	Text   string
	Amount money.Amount
	Link   string
}

// offer is a product that an empty account is shown.
type offer struct {
	Name  string
	Price money.Amount
}

func (s *Site) overview(c echo.Context) error {
	ctx, a := c.Request().Context(), route.Actor(c)
	page := overviewPage{Page: view.Page{Title: "Overview"}}
	page.CanOrder, page.CanTokens = a.Can(auth.OrderPlace), a.Can(auth.TokenEdit)
	if a.Customer == "" {
		page.NoCustomer = true
		return view.Render(c, http.StatusOK, "portal/overview.html", &page)
	}
	today, _, err := s.today(ctx)
	if err != nil {
		return err
	}
	subs, err := s.Subscriptions.List(ctx, subscription.Filter{Customer: a.Customer, Statuses: living, Limit: 200})
	if err != nil {
		return err
	}
	up, err := s.Flow.Upcoming(ctx, a.Customer, subs.List)
	if err != nil {
		return err
	}
	page.Customer, page.Number, page.Total = up.Customer.Name(), up.Customer.Number, subs.Total
	rows, err := s.serviceRows(ctx, subs.List, up)
	if err != nil {
		return err
	}
	page.States = states(rows)
	page.Services = rows[:min(len(rows), overviewServices)]
	bills, err := s.Invoices.List(ctx, invoice.Filter{Customer: a.Customer, Statuses: issued, Limit: overviewInvoices, Bare: true})
	if err != nil {
		return err
	}
	page.Invoices = invoiceRows(bills.List, today)
	open, err := s.Invoices.OpenOf(ctx, a.Customer)
	if err != nil {
		return err
	}
	for _, inv := range open {
		if owed := inv.Open(); owed > 0 {
			page.Owed = addTo(page.Owed, inv.Amount(owed))
		}
	}
	methods, err := s.Payments.Methods(ctx, a.Customer)
	if err != nil {
		return err
	}
	if page.Balance, err = s.Ledger.Balance(ctx, a.Customer); err != nil {
		return err
	}
	page.Balance = orZero(page.Balance, up.Customer.Currency)
	page.Owed = orZero(page.Owed, up.Customer.Currency)
	page.CanPay = a.Can(auth.InvoicePay)
	page.needs(open, methods, subs.List, today)
	page.charges(open, up, subs.List, methods, today)
	if page.Total == 0 {
		if page.Offers, err = s.offers(ctx, up.Customer.Currency); err != nil {
			return err
		}
	}
	return view.Render(c, http.StatusOK, "portal/overview.html", &page)
}

// orZero shows nothing as an amount of nothing.
func orZero(list []money.Amount, currency string) []money.Amount {
	out := list[:0]
	for _, a := range list {
		if a.Sign() != 0 {
			out = append(out, a)
		}
	}
	if len(out) == 0 {
		return []money.Amount{money.Of(0, currency)}
	}
	return out
}

// states counts services by how they stand: "4 running, 1 setting up".
func states(rows []serviceRow) string {
	var order []string
	n := map[string]int{}
	for _, r := range rows {
		word := strings.ToLower(view.Label("service", r.State))
		if n[word] == 0 {
			order = append(order, word)
		}
		n[word]++
	}
	var out []string
	for _, w := range order {
		out = append(out, count(n[w])+" "+w)
	}
	return strings.Join(out, ", ")
}

// needs finds what waits for the customer, the most pressing first.
func (p *overviewPage) needs(open []invoice.Invoice, methods []payment.Method, subs []subscription.Subscription, today period.Day) {
	for _, inv := range open { // oldest due first
		if p.OwedDue.IsZero() {
			p.OwedDue = inv.Due
		}
		if !inv.Due.Before(today) {
			continue
		}
		p.Late = true
		if len(p.Needs) < 3 {
			amount := inv.Amount(inv.Open())
			p.Needs = append(p.Needs, need{Kind: view.Bad, Icon: "circle-alert", Strong: inv.Number + " is overdue.", Text: "Open:", Amount: &amount, Day: inv.Due,
				Action: view.Link{Label: "Pay now", Link: "/invoices/" + string(inv.ID)}})
		}
	}
	for _, sub := range subs {
		if sub.Status == subscription.Suspended && len(p.Needs) < 5 {
			p.Needs = append(p.Needs, need{Kind: view.Soon, Icon: "circle-pause", Strong: sub.Label + " is suspended.", Text: "The page of the service says why.",
				Action: view.Link{Label: "Look", Link: "/services/" + string(sub.ID)}})
		}
	}
	usable := slices.ContainsFunc(methods, func(m payment.Method) bool { return m.Blocked == "" })
	for _, m := range methods {
		switch {
		case m.Blocked != "" && (m.Default || !usable):
			p.Needs = append(p.Needs, need{Kind: view.Soon, Icon: "credit-card", Strong: methodName(m) + " is not charged any more.", Text: "Add another way to pay.", Action: view.Link{Label: "Ways to pay", Link: "/methods"}})
		case m.Default && !m.Expires.IsZero() && m.Expires.Before(today):
			p.Needs = append(p.Needs, need{Kind: view.Bad, Icon: "credit-card", Strong: "Your " + methodName(m) + " has ended.", Text: "Renewals cannot use it.", Action: view.Link{Label: "Update card", Link: "/methods"}})
		case m.Default && !m.Expires.IsZero() && m.Expires.Before(today.Add(31)):
			p.Needs = append(p.Needs, need{Kind: view.Soon, Icon: "credit-card", Strong: "Your " + methodName(m) + " ends soon.", Text: "Renewals use it.", Action: view.Link{Label: "Update card", Link: "/methods"}})
		}
	}
}

// charges lists what is due within 30 days: invoices that are open, and renewals that are not billed yet.
func (p *overviewPage) charges(open []invoice.Invoice, up flow.Upcoming, subs []subscription.Subscription, methods []payment.Method, today period.Day) {
	last := today.Add(overviewDays)
	for _, inv := range open {
		if inv.Due.Before(today) || inv.Due.After(last) {
			continue
		}
		p.Coming = append(p.Coming, charge{On: inv.Due, Text: inv.Number, Amount: inv.Amount(inv.Open()), Link: "/invoices/" + string(inv.ID)})
	}
	names := map[ids.Subscription]string{}
	for _, s := range subs {
		names[s.ID] = s.Label
	}
	for _, r := range up.Renewals {
		one := charge{On: r.Due, Text: names[r.Services[0]], Amount: r.Total, Link: "/services/" + string(r.Services[0])}
		if len(r.Services) > 1 {
			one.Text, one.Link = plural(len(r.Services), "service", "services"), "/services"
		}
		if p.Next == nil || one.On.Before(p.Next.On) {
			first := one
			p.Next = &first
		}
		if !r.Due.After(last) {
			p.Coming = append(p.Coming, one)
		}
	}
	sortCharges(p.Coming)
	for _, ch := range p.Coming {
		p.ComingSums = addTo(p.ComingSums, ch.Amount)
	}
	if len(p.Coming) > 0 {
		first := p.Coming[0]
		p.Next = &first
	}
	p.Coming = p.Coming[:min(len(p.Coming), 8)]
	p.NextWith = "by hand"
	for _, m := range methods {
		if m.Blocked == "" && (m.Expires.IsZero() || !m.Expires.Before(today)) {
			p.NextWith = methodName(m)
			break
		}
	}
}

// offers are the cheapest products of the first groups, for an account that has nothing yet.
func (s *Site) offers(ctx context.Context, currency string) ([]offer, error) {
	shop, err := s.Catalog.Shop(ctx)
	if err != nil {
		return nil, err
	}
	var out []offer
	for _, g := range shop.Groups() {
		for _, p := range shop.Products(g.ID) {
			price, ok := shop.Price(string(p.ID), period.Monthly, currency, s.Clock.Now())
			if ok && len(out) < 3 {
				out = append(out, offer{Name: p.Name, Price: money.Of(price.Amount, currency)})
				break
			}
		}
	}
	return out, nil
}
