package portal

import (
	"bytes"
	"cmp"
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/money"
)

func (s *Site) invoiceRoutes() []route.Route {
	return []route.Route{
		get("/invoices/:id", route.Customer(auth.InvoiceSee), s.invoice),
		get("/invoices/:id/pdf", route.Customer(auth.InvoiceSee), s.invoicePDF),
		get("/invoices/:id/credits/:note", route.Customer(auth.InvoiceSee), s.creditPDF),
		post("/invoices/:id/pay", route.Customer(auth.InvoicePay), s.pay),
	}
}

// invoicePage is one invoice: what was charged, what was paid, how to pay the rest.
type invoicePage struct {
	view.Page
	ID       ids.Invoice
	Number   string
	State    string
	Proforma bool
	Issued   period.Day
	Due      period.Day
	From, To party
	Lines    []invoiceLine
	Sums     []view.Leader
	Open     money.Amount
	Owed     bool
	Pay      *payForm // nil: nothing to pay, or not by this person
	BankText string   // how to pay by transfer, "" if that is not offered
	Checking ids.Attempt
	Payments []paymentRow
	Credits  []creditRow
	Services []view.Link
}

// party is seller or buyer as the document names them.
type party struct {
	Name  string
	Lines []string
	TaxID string
}

// invoiceLine is one thing that was charged.
type invoiceLine struct {
	Text     string
	From, To period.Day // last day; zero: none
	Quantity string
	Net      money.Amount
	List     money.Amount // before the discount
	Less     bool         // there was a discount
	Discount money.Amount
}

// creditRow is a credit note of the invoice.
type creditRow struct {
	ID     ids.CreditNote
	Number string
	On     period.Day
	Reason string
	Total  money.Amount
}

// payForm is how an invoice can be paid.
type payForm struct {
	Action  string
	Amount  money.Amount
	Key     string      // what was tried before the page was drawn: a form that is sent again is no second payment
	Choices []payWay    // methods first, then pages
	Error   string      // what is wrong with the choice
	Chosen  string      // value of the choice that is on
	Bank    bool        // a transfer is possible, too
	Down    bool        // ways to pay that do not answer now were left out
	Numbers []view.Fact // facts beside the form
}

// payWay is one choice: a saved method, or a gateway's page.
type payWay struct {
	Value string // method:… or page:…
	Label string
	Help  string
	Icon  string
	Off   bool
}

// document reads an invoice whole, for the customer that is acted for. Drafts are not there.
func (s *Site) document(c echo.Context) (invoice.Document, error) {
	id, err := idOf[ids.Invoice](c, "id")
	if err != nil {
		return invoice.Document{}, err
	}
	doc, err := s.Invoices.DocumentFor(c.Request().Context(), customerOf(c), id)
	if err == nil && !isIssued(doc.Invoice) {
		return invoice.Document{}, invoice.ErrNotFound
	}
	return doc, err
}

func isIssued(inv invoice.Invoice) bool {
	return inv.Status != invoice.Drafted && inv.Status != invoice.Discarded
}

func (s *Site) invoice(c echo.Context) error {
	page, err := s.invoicePage(c)
	if err != nil {
		return err
	}
	return view.Render(c, http.StatusOK, "portal/invoice.html", page)
}

func (s *Site) invoicePage(c echo.Context) (*invoicePage, error) {
	ctx := c.Request().Context()
	doc, err := s.document(c)
	if err != nil {
		return nil, err
	}
	today, set, err := s.today(ctx)
	if err != nil {
		return nil, err
	}
	inv := doc.Invoice
	page := &invoicePage{
		Page: view.Page{Title: cmp.Or(inv.Number, "Offer"), Current: "/invoices", Crumbs: []view.Link{{Label: "Invoices", Link: "/invoices"}}},
		ID:   inv.ID, Number: cmp.Or(inv.Number, "Offer"), State: invoice.Label(inv, today), Proforma: inv.Status == invoice.Proforma, Issued: inv.Issued, Due: inv.Due,
		From: partyOf(doc.Seller), To: partyOf(doc.Buyer), Open: inv.Amount(inv.Open()), Owed: inv.Status == invoice.Opened && inv.Open() > 0,
	}
	for _, l := range doc.Lines {
		page.Lines = append(page.Lines, lineOf(inv, l))
	}
	paid, err := s.Payments.OfInvoice(ctx, inv.ID)
	if err != nil {
		return nil, err
	}
	for _, p := range paid {
		if p.Minor == 0 {
			continue
		}
		row, err := s.paymentRow(ctx, p.Payment)
		if err != nil {
			return nil, err
		}
		row.Amount = inv.Amount(p.Minor)
		page.Payments = append(page.Payments, row)
	}
	for _, n := range doc.Credits {
		page.Credits = append(page.Credits, creditRow{ID: n.ID, Number: n.Number, On: n.Issued, Reason: n.Reason, Total: inv.Amount(-n.Total)})
	}
	page.Sums = sumsOf(doc, page.Payments)
	subs, err := s.Subscriptions.OfInvoices(ctx, []ids.Invoice{inv.ID})
	if err != nil {
		return nil, err
	}
	for _, sub := range subs[inv.ID] {
		page.Services = append(page.Services, view.Link{Label: sub.Label, Link: "/services/" + string(sub.ID)})
	}
	if !page.Owed {
		return page, nil
	}
	if set.Sales.BankTransfer {
		page.BankText = set.Sales.BankText
	}
	open, err := s.Payments.OpenOn(ctx, []ids.Invoice{inv.ID})
	if err != nil {
		return nil, err
	}
	if att, ok := open[inv.ID]; ok && att.Status != payment.Planned && att.Status != payment.Waiting {
		page.Checking = att.ID
		return page, nil
	}
	if can(c, auth.InvoicePay) {
		page.Pay, err = s.payForm(ctx, inv, "/invoices/"+string(inv.ID)+"/pay", true)
	}
	return page, err
}

func partyOf(p invoice.Party) party { return party{Name: p.Name, Lines: p.Lines, TaxID: p.TaxID} }

func lineOf(inv invoice.Invoice, l invoice.Line) invoiceLine {
	out := invoiceLine{Text: l.Text, From: l.From, Quantity: quantity(l.QtyMicro), Net: inv.Amount(l.Net), List: inv.Amount(l.List), Less: l.Discount != 0, Discount: inv.Amount(-l.Discount)}
	if l.To.After(l.From) {
		out.To = l.To.Add(-1)
	}
	return out
}

// quantity writes millionths without needless zeros.
func quantity(micro int64) string {
	text := strconv.FormatInt(micro/1_000_000, 10)
	if rest := micro % 1_000_000; rest > 0 {
		text += "." + strings.TrimRight(strconv.FormatInt(1_000_000+rest, 10)[1:], "0")
	}
	return text
}

// sumsOf are the lines under the table, down to what is still owed.
func sumsOf(doc invoice.Document, payments []paymentRow) []view.Leader {
	inv := doc.Invoice
	out := []view.Leader{{Label: "Without tax", Amount: inv.Amount(inv.Net)}}
	for _, t := range doc.Taxes {
		label := t.Code + " " + money.PPM(t.RatePPM).String()
		if t.RatePPM == 0 {
			label = taxWord(t)
		}
		out = append(out, view.Leader{Label: label, Amount: inv.Amount(t.Tax)})
	}
	if inv.Rounding != 0 {
		out = append(out, view.Leader{Label: "Rounding", Amount: inv.Amount(inv.Rounding)})
	}
	out = append(out, view.Leader{Label: "Total", Amount: inv.Amount(inv.Total), Total: true})
	for _, n := range doc.Credits {
		out = append(out, view.Leader{Label: "Credit note " + n.Number, Amount: inv.Amount(-n.Total)})
	}
	for _, p := range payments {
		out = append(out, view.Leader{Label: p.Name, Amount: p.Amount.Neg()})
	}
	if inv.WrittenOff > 0 {
		out = append(out, view.Leader{Label: "Written off", Amount: inv.Amount(-inv.WrittenOff)})
	}
	return append(out, view.Leader{Label: "Still owed", Amount: inv.Amount(inv.Open()), Total: true})
}

// taxWord says why there is no tax, by the category of EN 16931.
func taxWord(t invoice.Tax) string {
	switch t.Category {
	case "AE":
		return "Reverse charge: you account for the tax"
	case "E":
		return "Exempt from tax"
	case "G":
		return "Export, no tax"
	case "O":
		return "Outside the scope of tax"
	}
	return "No tax"
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
		return s.leave(c, b.URL, "You pay on the page of our payment partner and come back here after it.", back)
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

func (s *Site) invoicePDF(c echo.Context) error {
	doc, err := s.printed(c)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := doc.PDF(&out, say(c)); err != nil {
		return err
	}
	return pdf(c, cmp.Or(doc.Invoice.Number, "offer"), out.Bytes())
}

func (s *Site) creditPDF(c echo.Context) error {
	note, err := idOf[ids.CreditNote](c, "note")
	if err != nil {
		return err
	}
	doc, err := s.printed(c)
	if err != nil {
		return err
	}
	name := ""
	for _, n := range doc.Credits {
		if n.ID == note {
			name = n.Number
		}
	}
	var out bytes.Buffer
	if err := doc.CreditNotePDF(&out, note, say(c)); err != nil {
		return err
	}
	return pdf(c, name, out.Bytes())
}

// printed is a document with what the paper says besides what is frozen.
func (s *Site) printed(c echo.Context) (invoice.Document, error) {
	ctx := c.Request().Context()
	doc, err := s.document(c)
	if err != nil {
		return doc, err
	}
	who, err := s.Customers.Get(ctx, doc.Invoice.Customer)
	if err != nil {
		return doc, err
	}
	doc.Customer = strconv.FormatInt(who.Number, 10)
	set, err := s.Settings.Get(ctx)
	if err != nil {
		return doc, err
	}
	if set.Sales.BankTransfer {
		doc.BankText = set.Sales.BankText
	}
	paid, err := s.Payments.OfInvoice(ctx, doc.Invoice.ID)
	if err != nil {
		return doc, err
	}
	for _, p := range paid {
		row, err := s.paymentRow(ctx, p.Payment)
		if err != nil {
			return doc, err
		}
		if p.Minor != 0 {
			doc.Receipts = append(doc.Receipts, invoice.Receipt{Text: row.Name, On: p.Payment.On, Minor: p.Minor})
		}
	}
	return doc, nil
}

func say(c echo.Context) invoice.Words {
	r := view.ReaderOf(c)
	if r == nil {
		return nil
	}
	return r.Say
}

// pdf answers with a file. It is never drawn as a page of ours.
func pdf(c echo.Context, name string, body []byte) error {
	clean := strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return '-'
	}, name)
	h := c.Response().Header()
	h.Set("Content-Disposition", `attachment; filename="`+clean+`.pdf"`)
	h.Set("Cache-Control", "no-store")
	return c.Blob(http.StatusOK, "application/pdf", body)
}
