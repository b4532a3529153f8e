package admin

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/money"
)

// paymentPage is one payment whole.
type paymentPage struct {
	view.Page
	Payment     fundRow
	Actions     []view.Action
	Held        string        // why it waits; "" it does not
	Figures     []view.Figure // amount, fee, refunded, left
	Allocations []allocationRow
	Refunds     []fundRow
	Disputes    []fundRow
	Answer      string // where disputes are answered, at the gateway
	Facts       []view.Fact
}

// allocationRow says where a part of a payment went, or came back from.
type allocationRow struct {
	Text, Link string
	Amount     money.Amount
	At         view.Moment
}

func (s *Site) payment(c echo.Context) error {
	ctx := c.Request().Context()
	id, err := param[ids.Payment](c)
	if err != nil {
		return err
	}
	p, err := s.Payments.Payment(ctx, id)
	if err != nil {
		return err
	}
	names, err := s.names(ctx, pick([]payment.Payment{p}, func(p payment.Payment) ids.Customer { return p.Customer }))
	if err != nil {
		return err
	}
	given, err := s.Payments.Allocations(ctx, []ids.Payment{id})
	if err != nil {
		return err
	}
	paid, err := s.Invoices.Many(ctx, pick(given[id], func(a payment.Allocation) ids.Invoice { return a.Invoice }))
	if err != nil {
		return err
	}
	refunds, err := s.Payments.Refunds(ctx, payment.RefundFilter{Payment: id})
	if err != nil {
		return err
	}
	disputes, err := s.Payments.Disputes(ctx, payment.DisputeFilter{Payment: id})
	if err != nil {
		return err
	}
	r, code := view.ReaderOf(c), p.Amount.Currency()
	page := &paymentPage{Page: view.Page{Title: "Payment of " + r.Money(p.Amount), Current: "/payments", Crumbs: []view.Link{{Label: "Payments", Link: "/payments"}}},
		Payment: fundRow{Kind: "payment", State: string(p.Status), Way: paidBy(p)}}
	page.Sub = paidBy(p) + ", " + p.On.Format("2 Jan 2006")
	if p.Disputed > 0 {
		page.Payment.State = "disputed"
	}
	page.Payment.Customer, page.Payment.To = owner(names, p.Customer)
	page.Figures = []view.Figure{{Label: "Received", Value: p.Amount}, {Label: "Fee", Value: p.Fee}, {Label: "Refunded", Value: money.Of(p.Refunded, code)}, {Label: "Left to refund", Value: money.Of(p.Left(), code)}}
	if p.Fee.IsZero() { // none, or not told yet
		page.Figures[1].Value = "–"
	}
	if p.Refunding > 0 {
		page.Figures[2].Note = r.Money(money.Of(p.Refunding, code)) + " more under way"
	}
	for _, a := range given[id] {
		row := allocationRow{Text: "Customer's balance", Amount: money.Of(a.Minor, code), At: view.Moment{At: a.At}}
		switch a.Kind {
		case payment.ToInvoice:
			row.Text, row.Link = paid[a.Invoice].Number, "/invoices/"+string(a.Invoice)
		case payment.ToLost:
			row.Text = "Taken back by a bank"
		}
		page.Allocations = append(page.Allocations, row)
	}
	for _, x := range refunds.List {
		page.Refunds = append(page.Refunds, fundRow{Kind: "refund", State: string(x.Status), Amount: x.Amount, Way: title(string(x.Way)), Ref: x.Ref, Text: x.Reason, At: view.Moment{At: x.Created}})
	}
	for _, d := range disputes.List {
		page.Disputes = append(page.Disputes, fundRow{Kind: "dispute", State: string(d.Status), Amount: d.Amount, Ref: d.Ref, Text: title(plain(d.Reason)), At: view.Moment{At: d.AnswerBy}})
		if d.URL != "" {
			page.Answer = d.URL
		}
	}
	page.Facts = paymentFacts(p, page.Payment)
	here := "/payments/" + string(id)
	if p.Allows(payment.Release) {
		page.Held = "Held: " + strings.TrimSuffix(p.HoldReason, ".") + "."
		if p.HoldReason == "" {
			page.Held = "Held: nobody knows what it is for."
		}
		if can(c, auth.PaymentRecord) {
			page.Actions = append(page.Actions, view.Action{Label: "Give to a customer", Link: here + "/release", Icon: "user", Primary: true})
		}
	}
	if p.Status == payment.StatusCaptured && p.Left() > 0 && p.Source != payment.FromBalance && can(c, auth.InvoiceRefund) {
		page.Actions = append(page.Actions, view.Action{Label: "Refund", Link: here + "/refund", Icon: "undo-2"})
	}
	return view.Render(c, http.StatusOK, "admin/payment.html", page)
}

func paymentFacts(p payment.Payment, row fundRow) []view.Fact {
	out := []view.Fact{{Label: "Customer", Value: row.Customer, Link: row.To}, {Label: "Came by", Value: plain(p.Source)}}
	if p.Source == payment.FromGateway {
		out = append(out, view.Fact{Label: "Gateway", Value: p.Gateway, Mono: true}, view.Fact{Label: "Account", Value: p.AccountKey, Mono: true})
	}
	if p.Ref != "" {
		out = append(out, view.Fact{Label: "Reference", Value: p.Ref, Mono: true, Copy: true})
	}
	if p.Attempt != "" {
		out = append(out, view.Fact{Label: "Attempt", Value: short(p.Attempt), Mono: true, Link: "/payments/attempts/" + string(p.Attempt)})
	}
	if p.Memo != "" {
		out = append(out, view.Fact{Label: "Memo", Value: p.Memo})
	}
	return append(out, view.Fact{Label: "Booked", Value: p.Created}, view.Fact{Label: "ID", Value: string(p.ID), Mono: true, Copy: true})
}

func refundForm(p payment.Payment) *view.Form {
	f := view.NewForm("/payments/"+string(p.ID)+"/refund", "Refund",
		view.Field{Name: "amount", Label: "Amount in " + p.Amount.Currency(), Value: money.Of(p.Left(), p.Amount.Currency()).Decimal(), InputMode: "decimal", Focus: true,
			Help: "At most " + money.Of(p.Left(), p.Amount.Currency()).String() + " are left of this payment."},
		view.Field{Name: "reason", Label: "Reason", MaxLength: 190, Help: "For the books; the customer does not see it."},
		view.Field{Name: "credit", Label: "What it is for", Kind: view.Radio, Value: "credit", Wide: true, Options: []view.Choice{
			{Value: "credit", Label: "The sale is taken back", Help: "A credit note takes as much of the paid invoices back first."},
			{Value: "balance", Label: "The customer's balance goes back", Help: "Invoices stay as they are. The balance must hold the amount."}}},
		view.Field{Name: "recorded", Label: "It was sent already, outside of the gateway: only write it down", Kind: view.Check, Wide: true},
		key())
	if p.Source != payment.FromGateway {
		f.Field("recorded").Value, f.Field("recorded").ReadOnly = "1", true
		f.Field("recorded").Help = "No gateway reported this payment, so the money is sent by hand."
	}
	f.Columns, f.Cancel, f.Danger = 2, "/payments/"+string(p.ID), true
	return f
}

// moneyBack reads the payment that a form is about, with its page.
func (s *Site) moneyBack(c echo.Context, title string) (payment.Payment, view.Page, error) {
	id, err := param[ids.Payment](c)
	if err != nil {
		return payment.Payment{}, view.Page{}, err
	}
	p, err := s.Payments.Payment(c.Request().Context(), id)
	return p, view.Page{Title: title, Current: "/payments", Crumbs: []view.Link{{Label: "Payments", Link: "/payments"}, {Label: view.ReaderOf(c).Money(p.Amount), Link: "/payments/" + string(id)}}}, err
}

func (s *Site) askRefund(c echo.Context) error {
	p, page, err := s.moneyBack(c, "Refund a payment")
	if err != nil {
		return err
	}
	return formPage(c, http.StatusOK, page, refundForm(p))
}

func (s *Site) refund(c echo.Context) error {
	p, page, err := s.moneyBack(c, "Refund a payment")
	if err != nil {
		return err
	}
	f := refundForm(p)
	f.Read(c)
	amount := amountOf(f, "amount", p.Amount.Currency())
	if f.OK() {
		_, err = s.Flow.Refund(c.Request().Context(), flow.RefundIn{Payment: p.ID, Amount: amount, Reason: f.Get("reason"), Key: f.Get("key"), Recorded: f.Get("recorded") == "1", Credit: f.Get("credit") == "credit"})
	}
	if f.Failed(err) {
		return formPage(c, http.StatusUnprocessableEntity, page, f)
	}
	if err != nil {
		return err
	}
	return done(c, "/payments/"+string(p.ID), "Refund of "+view.ReaderOf(c).Money(amount)+" is on its way. This page shows how it ends.")
}

func releaseForm(p payment.Payment) *view.Form {
	f := view.NewForm("/payments/"+string(p.ID)+"/release", "Give to this customer",
		view.Field{Name: "customer", Label: "Customer", Value: string(p.Customer), Focus: true, Help: "Number, mail address, a part of the name, or the ID."})
	f.Cancel = "/payments/" + string(p.ID)
	return f
}

func (s *Site) askRelease(c echo.Context) error {
	p, page, err := s.moneyBack(c, "Give held money to a customer")
	if err != nil {
		return err
	}
	page.Sub = "It becomes the customer's balance. What is open is paid from it, if the customer wants that."
	return formPage(c, http.StatusOK, page, releaseForm(p))
}

func (s *Site) release(c echo.Context) error {
	p, page, err := s.moneyBack(c, "Give held money to a customer")
	if err != nil {
		return err
	}
	f := releaseForm(p)
	f.Read(c)
	to, err := s.whom(c, f)
	if err != nil {
		return err
	}
	if f.OK() {
		err = s.Flow.ReleaseHeld(c.Request().Context(), p.ID, to)
	}
	if f.Failed(err) {
		return formPage(c, http.StatusUnprocessableEntity, page, f)
	}
	if err != nil {
		return err
	}
	return done(c, "/payments/"+string(p.ID), "Given to the customer.")
}

// whom finds the one customer that a form means. Several are offered to choose from.
func (s *Site) whom(c echo.Context, f *view.Form) (ids.Customer, error) {
	field := f.Field("customer")
	if field.Value == "" {
		f.Wrong("customer", "Say whose money it is.")
		return "", nil
	}
	found, err := s.Customers.List(c.Request().Context(), customer.Filter{Query: field.Value, Limit: 20})
	if err != nil {
		return "", err
	}
	switch {
	case len(found.List) == 1:
		return found.List[0].ID, nil
	case len(found.List) == 0:
		f.Wrong("customer", "Nobody fits. Write a number, a mail address or a part of the name.")
		return "", nil
	}
	field.Kind, field.Options = view.Select, nil
	for _, who := range found.List {
		field.Options = append(field.Options, view.Choice{Value: string(who.ID), Label: strconv.FormatInt(who.Number, 10) + " " + who.Name() + ", " + who.Email})
	}
	field.Value = field.Options[0].Value
	f.Wrong("customer", many(found.Total, "customer fits.", "customers fit.")+" Choose one.")
	return "", nil
}
