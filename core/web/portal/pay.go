package portal

import (
	"context"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/money"
)

// payForm is how an invoice can be paid.
type payForm struct {
	Action  string
	Amount  money.Amount
	Key     string   // what was tried before the page was drawn: a form that is sent again is no second payment
	Choices []payWay // methods first, then pages
	Error   string   // what is wrong with the choice
	Chosen  string   // value of the choice that is on
	CanSave bool     // what is paid with on a page can be kept for renewals
}

// payWay is one choice: a saved method, or a gateway's page.
type payWay struct {
	Value string // method:… or page:…
	Label string
	Help  string
	Icon  string
	Off   bool
}

// payForm collects the ways to pay an invoice. Saved methods are only for who is signed in.
func (s *Site) payForm(ctx context.Context, inv invoice.Invoice, action string, methods bool) (*payForm, error) {
	ways, err := s.Flow.Ways(ctx)
	if err != nil {
		return nil, err
	}
	form := &payForm{Action: action, Amount: inv.Amount(inv.Open())}
	up := map[string]bool{}
	for _, w := range ways {
		up[w.Gateway] = w.Up
	}
	if methods {
		today, _, err := s.today(ctx)
		if err != nil {
			return nil, err
		}
		saved, err := s.Payments.Methods(ctx, inv.Customer)
		if err != nil {
			return nil, err
		}
		for _, m := range saved {
			w := payWay{Value: "method:" + string(m.ID), Label: methodName(m), Icon: methodIcon(m), Help: "Charged at once"}
			switch {
			case m.Blocked != "":
				w.Off, w.Help = true, blockedWord(m.Blocked)
			case !m.Expires.IsZero() && m.Expires.Before(today):
				w.Off, w.Help = true, "Its last day is over."
			case !up[m.Gateway]:
				w.Off, w.Help = true, "Does not answer at the moment."
			}
			form.Choices = append(form.Choices, w)
		}
	}
	for _, w := range ways {
		choice := payWay{Value: "page:" + w.Gateway, Label: w.Title, Icon: "external-link", Help: "On the payment page. You come back here after it."}
		if !w.Up {
			choice.Off, choice.Help = true, "Does not answer at the moment."
		}
		form.CanSave = form.CanSave || methods && w.CanSave && w.Up
		form.Choices = append(form.Choices, choice)
	}
	for _, choice := range form.Choices {
		if !choice.Off {
			form.Chosen = choice.Value
			break
		}
	}
	form.Key, err = s.lastTry(ctx, inv)
	return form, err
}

// lastTry names the newest try to pay an invoice.
func (s *Site) lastTry(ctx context.Context, inv invoice.Invoice) (string, error) {
	last, err := s.Payments.List(ctx, payment.AttemptFilter{Customer: inv.Customer, Invoice: inv.ID, Limit: 1})
	if err != nil || len(last.List) == 0 {
		return "none", err
	}
	return string(last.List[0].ID), nil
}

func (s *Site) pay(c echo.Context) error {
	ctx := c.Request().Context()
	doc, err := s.document(c)
	if err != nil {
		return err
	}
	inv := doc.Invoice
	last, err := s.lastTry(ctx, inv)
	if err != nil {
		return err
	}
	if sent := c.FormValue("key"); sent != last && last != "none" { // sent twice, or from a page that is out of date
		return c.Redirect(http.StatusSeeOther, "/pay/return/"+last)
	}
	in := flow.PayIn{Customer: inv.Customer, Invoices: []ids.Invoice{inv.ID}, Save: c.FormValue("save") == "1", Return: s.Links.Portal + "/pay/return/{attempt}"}
	kind, of, _ := strings.Cut(c.FormValue("way"), ":")
	switch kind {
	case "method":
		if in.Method, err = ids.Parse[ids.Method](of); err != nil {
			return s.payAgain(c, flow.ErrNoGateway)
		}
	case "page":
		in.Gateway = of
	default:
		return s.payAgain(c, flow.ErrNoGateway)
	}
	begun, err := s.Flow.StartPayment(ctx, in)
	if err != nil {
		return s.payAgain(c, err)
	}
	return s.begun(c, begun, "/invoices/"+string(inv.ID))
}

// begun leads on from a payment that was begun: to the gateway's page, or to what became of it.
func (s *Site) begun(c echo.Context, b flow.Started, back string) error {
	s.remember(c, b.Attempt)
	if b.URL != "" {
		return view.Leave(c, b.URL, "You pay on the page of our payment partner and come back here after it.", back)
	}
	return c.Redirect(http.StatusSeeOther, "/pay/return/"+string(b.Attempt))
}

// payAgain shows the invoice once more, with what was wrong at the ways to pay.
func (s *Site) payAgain(c echo.Context, err error) error {
	f := fault.Of(err)
	if f == nil || f.Kind == fault.Internal || f.Kind == fault.Forbidden {
		return err
	}
	page, perr := s.invoicePage(c)
	if perr != nil {
		return perr
	}
	if page.Pay == nil {
		view.Tell(c, view.Note, payProblem(f))
		return c.Redirect(http.StatusSeeOther, "/invoices/"+string(page.ID))
	}
	page.Failed, page.Pay.Error, page.Pay.Chosen = true, payProblem(f), c.FormValue("way")
	return view.Render(c, http.StatusUnprocessableEntity, "portal/invoice.html", page)
}

// payProblem is the sentence for why no payment began.
func payProblem(f *fault.Fault) string {
	switch {
	case f.Kind == fault.Unavailable:
		return "This way to pay does not answer at the moment. Nothing was taken; choose another or try again in a minute."
	case f.Kind == fault.NotFound, f.Text == "":
		return flow.ErrNoGateway.Text
	}
	return f.Text
}
