package admin

import (
	"context"
	"net/http"

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
	return append([]route.Route{
		get("/payments", s.payments, auth.PaymentSee),
		get("/payments/refunds", s.refunds, auth.PaymentSee),
		get("/payments/disputes", s.disputes, auth.PaymentSee),
		get("/payments/:id", s.payment, auth.PaymentSee),
		get("/payments/:id/refund", s.askRefund, auth.InvoiceRefund),
		post("/payments/:id/refund", s.refund, auth.InvoiceRefund),
		get("/payments/:id/release", s.askRelease, auth.PaymentRecord),
		post("/payments/:id/release", s.release, auth.PaymentRecord),
	}, s.attemptsRoutes()...)
}

// moneyPage lists payments, attempts, refunds or disputes: they differ in their rows.
type moneyPage struct {
	view.Page
	Tabs     []view.Tab
	List     view.Toolbar
	Kind     string // payment, attempt, refund or dispute
	Rows     []fundRow
	Pager    view.Pager
	Empty    emptyText
	HeldText string // what held money is, on its own tab
}

// fundRow is one of them.
type fundRow struct {
	Link, Way, Ref string
	Customer, To   string // To is the address of the customer, "" while nobody knows whose it is
	Kind, State    string
	Amount         money.Amount
	Back           money.Amount // refunded
	Refunded       bool
	On             period.Day
	Text           string // hold reason, decline, reason
	At             view.Moment
}

// moneyTabs are the views that payments have beside each other.
func (s *Site) moneyTabs(ctx context.Context, on string) ([]view.Tab, error) {
	held, err := s.Payments.Payments(ctx, payment.Filter{Statuses: []payment.Status{payment.StatusHeld}, Limit: 1})
	if err != nil {
		return nil, err
	}
	unsure, err := s.Payments.List(ctx, payment.AttemptFilter{Statuses: unsureAttempts, Limit: 1})
	if err != nil {
		return nil, err
	}
	tabs := []view.Tab{{Label: "Payments", Link: "/payments"}, {Label: "Held", Link: "/payments?state=held", Count: held.Total}, {Label: "Attempts", Link: "/payments/attempts"},
		{Label: "Not certain", Link: "/payments/attempts?state=unsure", Count: unsure.Total}, {Label: "Refunds", Link: "/payments/refunds"}, {Label: "Disputes", Link: "/payments/disputes"}}
	for i := range tabs {
		tabs[i].On = tabs[i].Link == on
	}
	return tabs, nil
}

var (
	newestOldest   = []view.Choice{{Value: "newest", Label: "Newest first"}, {Value: "oldest", Label: "Oldest first"}}
	unsureAttempts = []payment.AttemptStatus{payment.Unknown, payment.Parked}
)

// gateways are the ways that a filter offers.
func (s *Site) gateways() []view.Choice {
	out := []view.Choice{{Value: "bank", Label: "Bank"}, {Value: "balance", Label: "Balance"}}
	if s.Plugins != nil {
		for _, i := range s.Plugins.Instances("gateway") {
			out = append(out, view.Choice{Value: i.Label, Label: i.Label})
		}
	}
	return out
}

func (s *Site) payments(c echo.Context) error {
	ctx, a := c.Request().Context(), ask(c)
	f := payment.Filter{Query: a.search(), After: a.after(), Gateway: a.get("gateway"), Sort: one(a, "sort", "newest", "oldest")}
	f.Customer, _ = ids.Parse[ids.Customer](a.get("customer"))
	if state := one(a, "state", payment.StatusHeld, payment.StatusPending, payment.StatusCaptured, payment.StatusFailed); state != "" {
		f.Statuses = []payment.Status{state}
	}
	list, err := s.Payments.Payments(ctx, f)
	if err != nil {
		return err
	}
	names, err := s.names(ctx, pick(list.List, func(p payment.Payment) ids.Customer { return p.Customer }))
	if err != nil {
		return err
	}
	page := &moneyPage{Page: view.Page{Title: "Payments", Current: "/payments"}, Kind: "payment", Pager: a.pager(list.Next, len(list.List), list.Total),
		Empty: emptyText{"No payments", "They appear here as soon as a gateway reports one, or staff records one."}}
	on := "/payments"
	if a.get("state") == string(payment.StatusHeld) {
		on = "/payments?state=held"
		page.HeldText = "This money is ours, but nobody knows whose it is or what for. Give it to a customer: it becomes the balance, and pays what is open where the customer wants that."
		page.Empty = emptyText{"Nothing is held", "All money that came in has an owner."}
	}
	if page.Tabs, err = s.moneyTabs(ctx, on); err != nil {
		return err
	}
	page.List = a.toolbar("Reference, ID or memo", []view.Field{
		a.filter("state", "State", "Every state", labels("payment", payment.StatusCaptured, payment.StatusPending, payment.StatusHeld, payment.StatusFailed)...),
		a.filter("gateway", "Way", "Every way", s.gateways()...)}, newestOldest, "customer")
	for _, p := range list.List {
		row := fundRow{Link: "/payments/" + string(p.ID), Way: paidBy(p), Ref: p.Ref, Kind: "payment", State: string(p.Status), Amount: p.Amount, Back: money.Of(p.Refunded, p.Amount.Currency()),
			Refunded: p.Refunded != 0, On: p.On, Text: p.HoldReason}
		if row.Text == "" {
			row.Text = p.Memo
		}
		row.Customer, row.To = owner(names, p.Customer)
		if p.Disputed > 0 {
			row.State = "disputed"
		}
		page.Rows = append(page.Rows, row)
	}
	return view.Render(c, http.StatusOK, "admin/payments.html", page)
}

// owner is the name and address of whom something belongs to.
func owner(names map[ids.Customer]string, id ids.Customer) (name, link string) {
	if id == "" {
		return "Nobody knows yet", ""
	}
	return names[id], "/customers/" + string(id)
}

func (s *Site) refunds(c echo.Context) error {
	ctx, a := c.Request().Context(), ask(c)
	f := payment.RefundFilter{Query: a.search(), After: a.after(), Sort: one(a, "sort", "newest", "oldest")}
	if state := one(a, "state", payment.RefundRequested, payment.RefundSent, payment.RefundUnknown, payment.RefundDone, payment.RefundRefused); state != "" {
		f.Statuses = []payment.RefundStatus{state}
	}
	list, err := s.Payments.Refunds(ctx, f)
	if err != nil {
		return err
	}
	names, err := s.names(ctx, pick(list.List, func(r payment.Refund) ids.Customer { return r.Customer }))
	if err != nil {
		return err
	}
	page := &moneyPage{Page: view.Page{Title: "Refunds", Current: "/payments"}, Kind: "refund", Pager: a.pager(list.Next, len(list.List), list.Total),
		Empty: emptyText{"No refunds", "A refund begins on the page of its payment."}}
	if page.Tabs, err = s.moneyTabs(ctx, "/payments/refunds"); err != nil {
		return err
	}
	page.List = a.toolbar("Reference or ID", []view.Field{a.filter("state", "State", "Every state",
		labels("refund", payment.RefundRequested, payment.RefundSent, payment.RefundUnknown, payment.RefundDone, payment.RefundRefused)...)}, newestOldest)
	for _, r := range list.List {
		row := fundRow{Link: "/payments/" + string(r.Payment), Way: title(string(r.Way)), Ref: r.Ref, Kind: "refund", State: string(r.Status), Amount: r.Amount, Text: r.Reason, At: view.Moment{At: r.Created}}
		row.Customer, row.To = owner(names, r.Customer)
		page.Rows = append(page.Rows, row)
	}
	return view.Render(c, http.StatusOK, "admin/payments.html", page)
}

func (s *Site) disputes(c echo.Context) error {
	ctx, a := c.Request().Context(), ask(c)
	f := payment.DisputeFilter{Query: a.search(), After: a.after(), Sort: one(a, "sort", "newest", "oldest")}
	if state := one(a, "state", payment.DisputeInquiry, payment.DisputeOpen, payment.DisputeAnswered, payment.DisputeWon, payment.DisputeLost); state != "" {
		f.Statuses = []payment.DisputeStatus{state}
	}
	list, err := s.Payments.Disputes(ctx, f)
	if err != nil {
		return err
	}
	page := &moneyPage{Page: view.Page{Title: "Disputes", Current: "/payments"}, Kind: "dispute", Pager: a.pager(list.Next, len(list.List), list.Total),
		Empty: emptyText{"No disputes", "Nobody contests a payment."}}
	if page.Tabs, err = s.moneyTabs(ctx, "/payments/disputes"); err != nil {
		return err
	}
	page.List = a.toolbar("Reference or ID", []view.Field{a.filter("state", "State", "Every state",
		labels("dispute", payment.DisputeOpen, payment.DisputeInquiry, payment.DisputeAnswered, payment.DisputeWon, payment.DisputeLost)...)}, newestOldest)
	for _, d := range list.List {
		page.Rows = append(page.Rows, fundRow{Link: "/payments/" + string(d.Payment), Way: d.AccountKey, Ref: d.Ref, Kind: "dispute", State: string(d.Status), Amount: d.Amount,
			Text: title(plain(d.Reason)), At: view.Moment{At: d.AnswerBy}})
	}
	return view.Render(c, http.StatusOK, "admin/payments.html", page)
}
