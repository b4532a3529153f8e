package admin

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/gateway"
)

func (s *Site) attemptsRoutes() []route.Route {
	return []route.Route{
		get("/payments/attempts", s.attempts, auth.PaymentSee),
		get("/payments/attempts/:id", s.attempt, auth.PaymentSee),
		post("/payments/attempts/:id/ask", s.askGateway, auth.JobRetry),
		get("/payments/attempts/:id/decide", s.askDecide, auth.PaymentRecord),
		post("/payments/attempts/:id/decide", s.decide, auth.PaymentRecord),
	}
}

// customerReads is what the customer is told about an attempt.
func customerReads(a payment.Attempt) string {
	switch a.Status {
	case payment.Planned, payment.Sent:
		return "The payment is being made."
	case payment.Waiting:
		return "The payment page is open: the customer, or the bank, has to go on there."
	case payment.Unknown, payment.Parked:
		return flow.ErrBeingChecked.Text
	case payment.Declined:
		if a.DeclineText != "" {
			return a.DeclineText
		}
		return "The payment was declined. Nothing was taken."
	case payment.Expired:
		return "The payment page was closed. Nothing was taken."
	}
	if a.Purpose == payment.SaveOnly {
		return "The way to pay was saved."
	}
	return "Paid."
}

// staffReads is what an attempt waits for, or why it ended, for staff.
func staffReads(a payment.Attempt) string {
	switch a.Status {
	case payment.Unknown:
		return "No answer came. The gateway is asked again under the same key; it cannot take the money twice."
	case payment.Parked:
		return "The gateway could not say what became of it. Look there by the reference, then decide."
	case payment.Declined:
		switch gateway.Class(a.DeclineClass) {
		case gateway.Soft:
			return "Soft: it is tried again on schedule."
		case gateway.Hard:
			return "Hard: this way to pay is not charged any more."
		case gateway.Authenticate:
			return "The customer has to confirm on a page: a link was mailed."
		case gateway.Ours:
			return "Our account at the gateway refused: look at its settings."
		case payment.ClassUnavailable:
			return "The gateway was not reached and did nothing. It is tried again within the hour."
		}
	}
	return ""
}

func (s *Site) attempts(c echo.Context) error {
	ctx, a := c.Request().Context(), ask(c)
	f := payment.AttemptFilter{Query: a.search(), After: a.after(), Gateway: a.get("gateway"), Sort: one(a, "sort", "newest", "oldest")}
	f.Customer, _ = ids.Parse[ids.Customer](a.get("customer"))
	f.Invoice, _ = ids.Parse[ids.Invoice](a.get("invoice"))
	on := "/payments/attempts"
	states := []payment.AttemptStatus{payment.Planned, payment.Sent, payment.Waiting, payment.Unknown, payment.Parked, payment.Succeeded, payment.Declined, payment.Expired}
	if a.get("state") == "unsure" {
		f.Statuses, on = unsureAttempts, "/payments/attempts?state=unsure"
	} else if state := one(a, "state", states...); state != "" {
		f.Statuses = []payment.AttemptStatus{state}
	}
	list, err := s.Payments.List(ctx, f)
	if err != nil {
		return err
	}
	names, err := s.names(ctx, pick(list.List, func(p payment.Attempt) ids.Customer { return p.Customer }))
	if err != nil {
		return err
	}
	page := &moneyPage{Page: view.Page{Title: "Attempts", Sub: "Each try to collect money, or a way to pay, through a gateway.", Current: "/payments"}, Kind: "attempt", Pager: a.pager(list.Next, len(list.List), list.Total),
		Empty: emptyText{"No attempts", "A customer who pays, or a charge by the daily run, makes one."}}
	if a.get("state") == "unsure" {
		page.Empty = emptyText{"Everything is certain", "No payment is waiting for its gateway to say what became of it."}
	}
	if page.Tabs, err = s.moneyTabs(ctx, on); err != nil {
		return err
	}
	page.List = a.toolbar("Reference or ID", []view.Field{a.filter("state", "State", "Every state", labels("payment", states...)...), a.filter("gateway", "Gateway", "Every gateway", s.gateways()[2:]...)}, newestOldest, "customer", "invoice")
	for _, att := range list.List {
		row := fundRow{Link: "/payments/attempts/" + string(att.ID), Way: att.Gateway, Ref: att.Ref, Kind: "payment", State: string(att.Status), Amount: att.Amount, Text: customerReads(att), At: view.Moment{At: att.Created, Text: plain(att.Purpose)}}
		row.Customer, row.To = owner(names, att.Customer)
		page.Rows = append(page.Rows, row)
	}
	return view.Render(c, http.StatusOK, "admin/payments.html", page)
}

// attemptPage is one try to collect money.
type attemptPage struct {
	view.Page
	State    string
	Actions  []view.Action
	Customer string // what the customer reads
	Staff    string // what staff should know; "" nothing
	Bad      bool   // a person has to decide
	Facts    []view.Fact
	Invoices []view.Link
	Payments []countedRow
}

func (s *Site) attempt(c echo.Context) error {
	ctx := c.Request().Context()
	id, err := param[ids.Attempt](c)
	if err != nil {
		return err
	}
	att, err := s.Payments.Get(ctx, id)
	if err != nil {
		return err
	}
	names, err := s.names(ctx, []ids.Customer{att.Customer})
	if err != nil {
		return err
	}
	asked, err := s.Invoices.Many(ctx, att.Invoices)
	if err != nil {
		return err
	}
	brought, err := s.Payments.OfAttempt(ctx, id)
	if err != nil {
		return err
	}
	here := "/payments/attempts/" + string(id)
	page := &attemptPage{Page: view.Page{Title: "Attempt " + short(id), Current: "/payments", Crumbs: []view.Link{{Label: "Payments", Link: "/payments"}, {Label: "Attempts", Link: "/payments/attempts"}}},
		State: string(att.Status), Customer: customerReads(att), Staff: staffReads(att), Bad: att.Status == payment.Parked}
	page.Sub = map[payment.Purpose]string{payment.Visit: "Paid on the gateway's page", payment.Charge: "A saved way to pay is charged", payment.SaveOnly: "A way to pay is saved, nothing is charged"}[att.Purpose]
	page.Facts = []view.Fact{{Label: "Customer", Value: names[att.Customer], Link: "/customers/" + string(att.Customer)}}
	if !att.Amount.IsZero() {
		page.Facts = append(page.Facts, view.Fact{Label: "Amount", Value: att.Amount})
	}
	page.Facts = append(page.Facts, view.Fact{Label: "Gateway", Value: att.Gateway, Mono: true}, view.Fact{Label: "Account", Value: att.AccountKey, Mono: true})
	if att.Ref != "" {
		page.Facts = append(page.Facts, view.Fact{Label: "Reference", Value: att.Ref, Mono: true, Copy: true})
	}
	if att.Method != "" {
		page.Facts = append(page.Facts, view.Fact{Label: "Way to pay", Value: short(att.Method), Mono: true})
	}
	if att.DeclineClass != "" {
		page.Facts = append(page.Facts, view.Fact{Label: "Declined", Value: att.DeclineClass + ", code " + att.DeclineCode, Mono: true})
	}
	page.Facts = append(page.Facts, view.Fact{Label: "Begun", Value: att.Created}, view.Fact{Label: "First call", Value: att.Sent})
	if !att.Status.Final() && !att.AskAt.IsZero() {
		page.Facts = append(page.Facts, view.Fact{Label: "Asked again", Value: att.AskAt}, view.Fact{Label: "Asked so far", Value: att.Asks})
	}
	page.Facts = append(page.Facts, view.Fact{Label: "Key at the gateway", Value: string(att.ID), Mono: true, Copy: true})
	for _, inv := range att.Invoices {
		page.Invoices = append(page.Invoices, view.Link{Label: asked[inv].Number, Link: "/invoices/" + string(inv)})
	}
	for _, p := range brought {
		page.Payments = append(page.Payments, countedRow{Link: "/payments/" + string(p.ID), Text: paidBy(p), State: string(p.Status), On: p.On, Amount: p.Amount})
	}
	if !att.Status.Final() && att.Status != payment.Parked && att.Status != payment.Planned && can(c, auth.JobRetry) {
		page.Actions = append(page.Actions, view.Action{Label: "Ask the gateway now", Link: here + "/ask", Icon: "refresh-cw", Post: true})
	}
	if att.Status == payment.Parked && can(c, auth.PaymentRecord) {
		page.Actions = append(page.Actions, view.Action{Label: "Decide", Link: here + "/decide", Icon: "scale", Primary: true})
	}
	return view.Render(c, http.StatusOK, "admin/attempt.html", page)
}

func (s *Site) askGateway(c echo.Context) error {
	id, err := param[ids.Attempt](c)
	if err != nil {
		return err
	}
	here := "/payments/attempts/" + string(id)
	att, err := s.Flow.AskGateway(c.Request().Context(), id)
	if err != nil {
		return refused(c, here, err)
	}
	if att.Status.Final() {
		return done(c, here, "The gateway answered: "+plain(att.Status)+".")
	}
	view.Tell(c, view.Soon, "The gateway does not say yet. It is asked again by itself.")
	return c.Redirect(http.StatusSeeOther, here)
}

func decideForm(att payment.Attempt) *view.Form {
	f := view.NewForm("/payments/attempts/"+string(att.ID)+"/decide", "Decide",
		view.Field{Name: "verdict", Label: "What the gateway's own site shows", Kind: view.Radio, Options: []view.Choice{
			{Value: "paid", Label: "It took " + att.Amount.String(), Help: "The money is booked and pays the invoices, as if the gateway had said so."},
			{Value: "none", Label: "It took nothing", Help: "The attempt is declined, and is tried again on schedule."}}},
		view.Field{Name: "ref", Label: "Reference of the payment there", Optional: true, Help: "Needed if it took the money: the gateway's own ID of the payment, which its webhooks use as well."})
	f.Cancel = "/payments/attempts/" + string(att.ID)
	return f
}

// undecided reads an attempt with the page that asks what became of it.
func (s *Site) undecided(c echo.Context) (payment.Attempt, view.Page, error) {
	id, err := param[ids.Attempt](c)
	if err != nil {
		return payment.Attempt{}, view.Page{}, err
	}
	att, err := s.Payments.Get(c.Request().Context(), id)
	return att, view.Page{Title: "Decide what became of it", Sub: "Look it up at " + att.Gateway + " by its key " + string(id) + " first.", Current: "/payments",
		Crumbs: []view.Link{{Label: "Attempts", Link: "/payments/attempts"}, {Label: short(id), Link: "/payments/attempts/" + string(id)}}}, err
}

func (s *Site) askDecide(c echo.Context) error {
	att, page, err := s.undecided(c)
	if err != nil {
		return err
	}
	return formPage(c, http.StatusOK, page, decideForm(att))
}

func (s *Site) decide(c echo.Context) error {
	att, page, err := s.undecided(c)
	if err != nil {
		return err
	}
	f := decideForm(att)
	f.Read(c)
	if f.OK() {
		err = s.Flow.Decide(c.Request().Context(), flow.Verdict{Attempt: att.ID, Paid: f.Get("verdict") == "paid", Ref: f.Get("ref")})
	}
	if f.Failed(err) {
		return formPage(c, http.StatusUnprocessableEntity, page, f)
	}
	if err != nil {
		return err
	}
	return done(c, "/payments/attempts/"+string(att.ID), "Decided.")
}
