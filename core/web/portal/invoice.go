package portal

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
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
