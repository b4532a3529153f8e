package admin

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/billing/ledger"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/contact/notify"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/core/sales/order"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/money"
)

// customerPage is all about one customer. Which list is filled follows from the tab; the first tab has the newest of
// several.
type customerPage struct {
	view.Page
	ID       string
	Number   int64
	State    string // active or closed
	Email    string
	Actions  []view.Action
	Figures  []view.Figure
	Tabs     []view.Tab
	Tab      string // all, services, orders, invoices, payments, mails, users, audit
	Services []serviceRow
	Orders   []orderRow
	Invoices []invoiceRow
	Sums     []billedSum // of all invoices, by currency
	Payments []paymentRow
	Moves    []moveRow // of the balance, newest first
	Mails    []letterRow
	Users    []person
	Trail    []deedRow
	Latest   []view.Moment
	Notes    string
	Billing  []view.Fact
	Account  []view.Fact
	Methods  []methodRow
	More     view.Link // the whole list of a tab that shows a part of it
	Pager    view.Pager
	StandIn  view.Confirm // act in the customer's place; without Label for those who may not
	Close    view.Confirm // or reopen
	CanEdit  bool
	CanUsers bool          // may invite people and change their roles
	Roles    []view.Choice // of users
}

// billedSum is what the invoices of a customer come to in a currency.
type billedSum struct {
	Count       int
	Total, Open money.Amount
}

// moveRow is a movement of the balance.
type moveRow struct {
	On     period.Day
	Text   string
	Link   string
	Amount money.Amount
}

// letterRow is a message in the log.
type letterRow struct {
	ID, Title, To, State, Error string
	At                          time.Time
}

// deedRow is a row of the trail.
type deedRow struct {
	At                time.Time
	Who, Action, Link string
	Address           string
	Subject           string
}

// methodRow is a saved way to pay.
type methodRow struct {
	Label, Gateway, Blocked string
	Expires                 period.Day
	Default                 bool
}

// part is a tab of a customer's page, with how many there are.
type part struct {
	name, label string
	right       auth.Right
	count       int
}

func (s *Site) customer(c echo.Context) error {
	id, err := idOf[ids.Customer](c)
	if err != nil {
		return err
	}
	ctx, a := c.Request().Context(), ask(c)
	cus, err := s.Customers.Get(ctx, id)
	if err != nil {
		return err
	}
	today, _, err := s.today(ctx)
	if err != nil {
		return err
	}
	page := customerPage{
		Page: view.Page{Title: cus.Name(), Crumbs: []view.Link{{Label: "Customers", Link: "/customers"}}, Current: "/customers"},
		ID:   string(id), Number: cus.Number, State: string(cus.Status), Email: cus.Email, Notes: cus.Notes, CanEdit: can(c, auth.CustomerEdit), CanUsers: can(c, auth.UserEdit), Roles: userRoles(),
	}
	page.Sub = fmt.Sprintf("%d, %s", cus.Number, strings.Join(nonempty(contact(cus), customer.CountryName(cus.Address.Country), cus.Locale, cus.Currency), ", "))
	page.Tab = one(a, "tab", "services", "orders", "invoices", "payments", "mails", "users", "audit")
	if page.Tab == "" {
		page.Tab = "all"
	}
	if err := s.fillCustomer(ctx, c, &page, cus, today); err != nil {
		return err
	}
	page.Actions, page.StandIn, page.Close = customerActions(c, cus)
	page.Billing, page.Account = customerFacts(cus)
	return view.Render(c, http.StatusOK, "admin/customer.html", &page)
}

// few and all are how many rows the first tab and the tab of a list show.
const few, whole = 6, 50

// fillCustomer reads the lists: the counts of all tabs, and the rows of the one that is open.
func (s *Site) fillCustomer(ctx context.Context, c echo.Context, page *customerPage, cus customer.Customer, today period.Day) error {
	a, id := ask(c), cus.ID
	limit := func(tab string) int {
		switch page.Tab {
		case tab:
			return whole
		case "all":
			return few
		}
		return 1
	}
	after := func(tab string) string {
		if page.Tab == tab {
			return a.after()
		}
		return ""
	}
	parts := []part{{name: "all", label: "Overview", right: auth.CustomerSee}}
	show := func(tab, label, next string, r auth.Right, shown, total int) {
		parts = append(parts, part{tab, label, r, total})
		if page.Tab == tab {
			page.Pager = a.pager(next, shown, total)
		}
	}
	shown := func(tab string) bool { return page.Tab == tab || page.Tab == "all" }

	subs, err := s.Subscriptions.List(ctx, subscription.Filter{Customer: id, After: after("services"), Limit: limit("services")})
	if err != nil {
		return err
	}
	active, err := s.Subscriptions.List(ctx, subscription.Filter{Customer: id, Statuses: []subscription.Status{subscription.Active}, Limit: 1})
	if err != nil {
		return err
	}
	show("services", "Services", subs.Next, auth.ServiceSee, len(subs.List), subs.Total)
	if shown("services") {
		if page.Services, err = s.serviceRows(ctx, subs.List); err != nil {
			return err
		}
	}
	orders, err := s.Orders.List(ctx, order.Filter{Customer: id, After: after("orders"), Limit: limit("orders")})
	if err != nil {
		return err
	}
	show("orders", "Orders", orders.Next, auth.OrderSee, len(orders.List), orders.Total)
	if page.Tab == "orders" {
		if page.Orders, err = s.orderRows(ctx, orders.List); err != nil {
			return err
		}
	}
	bills, err := s.Invoices.List(ctx, invoice.Filter{Customer: id, After: after("invoices"), Limit: limit("invoices")})
	if err != nil {
		return err
	}
	overdue, err := s.Invoices.List(ctx, invoice.Filter{Customer: id, Overdue: today, Limit: 1})
	if err != nil {
		return err
	}
	show("invoices", "Invoices", bills.Next, auth.InvoiceSee, len(bills.List), bills.Total)
	if shown("invoices") {
		page.Invoices = invoiceRows(bills.List, today)
	}
	for _, sum := range bills.Sums {
		page.Sums = append(page.Sums, billedSum{sum.Count, money.Of(sum.Total, sum.Currency), money.Of(sum.Open, sum.Currency)})
	}
	paid, err := s.Payments.Payments(ctx, payment.Filter{Customer: id, After: after("payments"), Limit: limit("payments")})
	if err != nil {
		return err
	}
	show("payments", "Payments", paid.Next, auth.PaymentSee, len(paid.List), paid.Total)
	if page.Tab == "payments" {
		page.Payments = paymentRows(paid.List)
		moves, err := s.Ledger.Moves(ctx, id, "", 20)
		if err != nil {
			return err
		}
		page.Moves = moveRows(moves)
	}
	mails, err := s.Notify.List(ctx, notify.Filter{Customer: id, After: after("mails"), Limit: limit("mails")})
	if err != nil {
		return err
	}
	show("mails", "Mails", mails.Next, auth.MailSee, len(mails.List), mails.Total)
	if page.Tab == "mails" {
		page.Mails = letterRows(mails.List)
	}
	members, err := s.Auth.Members(ctx, id)
	if err != nil {
		return err
	}
	parts = append(parts, part{"users", "Users", auth.UserSee, len(members)})
	page.Users = people(members)
	methods, err := s.Payments.Methods(ctx, id)
	if err != nil {
		return err
	}
	for _, m := range methods {
		page.Methods = append(page.Methods, methodRow{Label: methodLabel(m), Gateway: m.Gateway, Blocked: plain(m.Blocked), Expires: m.Expires, Default: m.Default})
	}
	if can(c, auth.AuditSee) {
		parts = append(parts, part{"audit", "Audit", auth.AuditSee, 0})
		if err := s.fillTrail(ctx, page, a, id); err != nil {
			return err
		}
	}
	for _, p := range parts {
		if can(c, p.right) {
			t := a.tab(p.label, "tab", strings.TrimPrefix(p.name, "all"), p.count)
			t.On = page.Tab == p.name
			page.Tabs = append(page.Tabs, t)
		}
	}
	balance, err := s.Ledger.Balance(ctx, id)
	if err != nil {
		return err
	}
	page.Figures = customerFigures(c, cus, page.Sums, balance, active.Total, subs.Total, overdue.Total)
	return nil
}

func (s *Site) fillTrail(ctx context.Context, page *customerPage, a asked, id ids.Customer) (err error) {
	switch page.Tab {
	case "all":
		page.Latest, err = s.moments(ctx, audit.Filter{Customer: id, Limit: 8})
	case "audit":
		before, _ := strconv.ParseInt(a.after(), 10, 64)
		trail, err := s.Audit.List(ctx, audit.Filter{Customer: id, Before: before, Limit: whole})
		if err != nil {
			return err
		}
		names, err := s.actors(ctx, trail.Rows)
		if err != nil {
			return err
		}
		for _, r := range trail.Rows {
			page.Trail = append(page.Trail, deedRow{At: r.At, Who: names[r.Who.Actor], Action: actionText(r.Action), Subject: short(r.Subject), Link: subjectLink(r.Subject), Address: r.Who.Address})
		}
		if trail.Next > 0 {
			page.Pager.Next = a.with("after", strconv.FormatInt(trail.Next, 10))
		}
		if before > 0 {
			page.Pager.Prev = a.with()
		}
	}
	return err
}

func customerFigures(c echo.Context, cus customer.Customer, rows []billedSum, balance []money.Amount, active, services, overdue int) []view.Figure {
	var billed, open []money.Amount
	invoices := 0
	for _, r := range rows {
		invoices += r.Count
		billed = append(billed, r.Total)
		if r.Open.Sign() != 0 {
			open = append(open, r.Open)
		}
	}
	credit := balance[:0:0]
	for _, b := range balance {
		if b.Sign() != 0 {
			credit = append(credit, b)
		}
	}
	return []view.Figure{
		{Label: "Active services", Value: count(active), Note: "of " + count(services)},
		{Label: "Owed", Value: sums(c, open, cus.Currency), Note: count(overdue) + " overdue"},
		{Label: "Balance", Value: sums(c, credit, cus.Currency), Note: yesno(cus.AutoApply, "pays new invoices", "is used by hand")},
		{Label: "Billed, all time", Value: sums(c, billed, cus.Currency), Note: many(invoices, "invoice", "invoices")},
		{Label: "Customer since", Value: view.ReaderOf(c).Day(cus.Created, true)},
	}
}

func customerActions(c echo.Context, cus customer.Customer) (actions []view.Action, standIn, end view.Confirm) {
	here := "/customers/" + string(cus.ID)
	if can(c, auth.CustomerEdit) {
		actions = append(actions, view.Action{Label: "Edit", Link: here + "/edit", Icon: "pencil", Key: "e"})
		if cus.Allows(customer.Close) {
			end = view.Confirm{Label: "Close account", Title: "Close " + cus.Name() + "?", Text: "Nobody can order for it any more. Services go on, and what is owed stays owed. It can be opened again.", Action: here + "/close", Submit: "Close account", Danger: true}
		} else if cus.Allows(customer.Reopen) {
			end = view.Confirm{Label: "Open again", Title: "Open " + cus.Name() + " again?", Action: here + "/reopen", Submit: "Open again"}
		}
	}
	if can(c, auth.CustomerStandIn) {
		standIn = view.Confirm{Label: "Sign in as", Title: "Act in the place of " + cus.Name() + "?", Text: "The portal opens for an hour, with a bar on top. All that you do there is on the trail in your name.", Action: here + "/stand-in", Submit: "Open the portal",
			Fields: []view.Field{{Name: "reason", Label: "Why", Help: "It is written down.", MaxLength: 200}}}
	}
	return actions, standIn, end
}

func customerFacts(cus customer.Customer) (billing, account []view.Fact) {
	taxes := "none given"
	if cus.TaxID != "" {
		taxes = cus.TaxID + ", " + yesno(cus.TaxIDChecked, "confirmed", "not confirmed")
	}
	if cus.TaxExempt {
		taxes += ", pays no tax"
	}
	due := "due at once"
	if cus.TermsDays > 0 {
		due = many(cus.TermsDays, "day", "days") + " to pay"
	}
	billing = []view.Fact{
		{Label: "Terms", Value: due + ", " + yesno(cus.Combine, "combined", "one invoice each")},
		{Label: "Tax number", Value: taxes},
		{Label: "Currency", Value: cus.Currency},
	}
	account = []view.Fact{{Label: "Email", Value: cus.Email, Mono: true, Copy: true}}
	if cus.Phone != "" {
		account = append(account, view.Fact{Label: "Phone", Value: cus.Phone, Mono: true})
	}
	account = append(account, view.Fact{Label: "Address", Value: addressLines(cus)}, view.Fact{Label: "ID", Value: string(cus.ID), Mono: true, Copy: true})
	return billing, account
}

func moveRows(list []ledger.Move) []moveRow {
	out := make([]moveRow, len(list))
	for i, m := range list {
		out[i] = moveRow{On: m.Day, Text: actionText(m.Event), Link: subjectLink(m.Cause), Amount: m.Amount}
	}
	return out
}

func letterRows(list []notify.Entry) []letterRow {
	out := make([]letterRow, len(list))
	for i, m := range list {
		out[i] = letterRow{ID: string(m.ID), Title: m.Title, To: m.To, State: string(m.State), Error: m.Error, At: m.Created}
	}
	return out
}

// methodLabel is a saved way to pay in words.
func methodLabel(m payment.Method) string {
	switch {
	case m.Last4 != "" && m.Brand != "":
		return strings.ToUpper(m.Brand[:1]) + m.Brand[1:] + " " + m.Last4
	case m.Label != "":
		return m.Label
	}
	return plain(m.Kind)
}

// nonempty leaves out what is empty.
func nonempty(all ...string) []string {
	var out []string
	for _, text := range all {
		if text != "" {
			out = append(out, text)
		}
	}
	return out
}
