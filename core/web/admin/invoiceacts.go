package admin

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/fault"
)

func (s *Site) invoicePDF(c echo.Context) error {
	return s.paper(c, func(doc *invoice.Document, out *bytes.Buffer) (string, error) {
		return doc.Invoice.Number, doc.PDF(out, nil)
	})
}

func (s *Site) creditNotePDF(c echo.Context) error {
	note, err := ids.Parse[ids.CreditNote](c.Param("note"))
	if err != nil {
		return err
	}
	return s.paper(c, func(doc *invoice.Document, out *bytes.Buffer) (string, error) {
		name := ""
		for _, n := range doc.Credits {
			if n.ID == note {
				name = n.Number
			}
		}
		return name, doc.CreditNotePDF(out, note, nil)
	})
}

// paper answers with a document as a file that the browser may show.
func (s *Site) paper(c echo.Context, write func(*invoice.Document, *bytes.Buffer) (string, error)) error {
	ctx := c.Request().Context()
	id, err := param[ids.Invoice](c)
	if err != nil {
		return err
	}
	doc, err := s.Invoices.Document(ctx, id)
	if err != nil {
		return err
	}
	who, err := s.Customers.Get(ctx, doc.Invoice.Customer)
	if err != nil {
		return err
	}
	_, set, err := s.today(ctx)
	if err != nil {
		return err
	}
	paid, err := s.Payments.OfInvoice(ctx, id)
	if err != nil {
		return err
	}
	doc.Customer = strconv.FormatInt(who.Number, 10)
	if set.Sales.BankTransfer {
		doc.BankText = set.Sales.BankText
	}
	for _, x := range paid {
		if x.Minor != 0 {
			doc.Receipts = append(doc.Receipts, invoice.Receipt{Text: paidBy(x.Payment), On: x.Payment.On, Minor: x.Minor})
		}
	}
	var out bytes.Buffer
	name, err := write(&doc, &out)
	if err != nil {
		return err
	}
	if name == "" {
		name = "draft"
	}
	c.Response().Header().Set("Content-Disposition", `inline; filename="`+fileName(name)+`.pdf"`)
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.Blob(http.StatusOK, "application/pdf", out.Bytes())
}

// fileName keeps what every system takes as a name.
func fileName(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.' {
			return r
		}
		return '-'
	}, text)
}

func recordForm(inv invoice.Invoice, today period.Day) *view.Form {
	f := view.NewForm("/invoices/"+string(inv.ID)+"/pay", "Record payment",
		view.Field{Name: "amount", Label: "Amount in " + inv.Currency, Value: inv.Amount(inv.Open()).Decimal(), InputMode: "decimal", Focus: true, Help: "What is more than the invoice goes to the customer's balance."},
		view.Field{Name: "on", Label: "Came on", Kind: view.Date, Value: today.String(), Max: today.String()},
		view.Field{Name: "way", Label: "Way", Kind: view.Select, Value: "bank", Options: []view.Choice{{Value: "bank", Label: "Bank transfer"}, {Value: "cash", Label: "Cash"}, {Value: "cheque", Label: "Cheque"}}},
		view.Field{Name: "memo", Label: "Reference on the statement", Optional: true, MaxLength: 190},
		key())
	f.Cancel, f.Columns = "/invoices/"+string(inv.ID), 2
	return f
}

// payable reads an invoice that is about to be paid, credited or given up, with the page that asks.
func (s *Site) payable(c echo.Context, title string) (invoice.Invoice, period.Day, view.Page, error) {
	ctx := c.Request().Context()
	id, err := param[ids.Invoice](c)
	if err != nil {
		return invoice.Invoice{}, period.Day{}, view.Page{}, err
	}
	inv, err := s.Invoices.Get(ctx, id)
	if err != nil {
		return inv, period.Day{}, view.Page{}, err
	}
	today, _, err := s.today(ctx)
	return inv, today, view.Page{Title: title, Sub: inv.Number + ", " + amounts(c)(inv.Amount(inv.Open())) + " owed", Current: "/invoices",
		Crumbs: []view.Link{{Label: "Invoices", Link: "/invoices"}, {Label: inv.Number, Link: "/invoices/" + string(id)}}}, err
}

func (s *Site) askRecord(c echo.Context) error {
	inv, today, page, err := s.payable(c, "Record a payment")
	if err != nil {
		return err
	}
	return formPage(c, http.StatusOK, page, recordForm(inv, today))
}

func (s *Site) record(c echo.Context) error {
	inv, today, page, err := s.payable(c, "Record a payment")
	if err != nil {
		return err
	}
	f := recordForm(inv, today)
	f.Read(c)
	amount, on := amountOf(f, "amount", inv.Currency), dayOf(f, "on")
	if on.After(today) {
		f.Wrong("on", "Write a day that has come.")
	}
	if f.OK() {
		_, err = s.Flow.RecordPayment(c.Request().Context(), flow.Manual{Customer: inv.Customer, Invoices: []ids.Invoice{inv.ID}, Amount: amount, On: on, Way: f.Get("way"), Memo: f.Get("memo"), Key: f.Get("key")})
	}
	if f.Failed(err) {
		return formPage(c, http.StatusUnprocessableEntity, page, f)
	}
	if err != nil {
		return err
	}
	return done(c, "/invoices/"+string(inv.ID), "Recorded "+view.ReaderOf(c).Money(amount)+".")
}

func creditForm(inv invoice.Invoice) *view.Form {
	f := view.NewForm("/invoices/"+string(inv.ID)+"/credit", "Credit "+inv.Number,
		view.Field{Name: "reason", Label: "Reason", Focus: true, MaxLength: 40, Help: "Printed on the credit note."})
	f.Cancel, f.Danger = "/invoices/"+string(inv.ID), true
	return f
}

func (s *Site) askCredit(c echo.Context) error {
	inv, _, page, err := s.payable(c, "")
	if err != nil {
		return err
	}
	return formPage(c, http.StatusOK, creditPage(c, page, inv), creditForm(inv))
}

// creditPage says what a credit note over the rest of an invoice does.
func creditPage(c echo.Context, page view.Page, inv invoice.Invoice) view.Page {
	r := view.ReaderOf(c)
	page.Title = "Credit " + inv.Number
	page.Sub = "A credit note takes back " + r.Money(inv.Amount(inv.Total-inv.Credited)) + ": it clears the " + r.Money(inv.Amount(max(0, inv.Open()))) +
		" that is owed; what was paid becomes the customer's balance. This cannot be undone."
	return page
}

func (s *Site) credit(c echo.Context) error {
	inv, _, page, err := s.payable(c, "")
	if err != nil {
		return err
	}
	f := creditForm(inv)
	f.Read(c)
	if f.OK() {
		err = s.Flow.CreditInvoice(c.Request().Context(), inv.ID, f.Get("reason"))
	}
	if f.Failed(err) {
		return formPage(c, http.StatusUnprocessableEntity, creditPage(c, page, inv), f)
	}
	if err != nil {
		return err
	}
	return done(c, "/invoices/"+string(inv.ID), "Credited. The credit note is below.")
}

func (s *Site) writeOff(c echo.Context) error {
	inv, _, _, err := s.payable(c, "")
	if err != nil {
		return err
	}
	here := "/invoices/" + string(inv.ID)
	if strings.TrimSpace(c.FormValue("confirm")) != inv.Number {
		return refused(c, here, errConfirm)
	}
	return outcome(c, here, "Written off. Money that comes after all is still taken.", s.Flow.WriteOff(c.Request().Context(), inv.ID))
}

// payLink shows the address that pays the invoice without signing in.
func (s *Site) payLink(c echo.Context) error {
	id, err := param[ids.Invoice](c)
	if err != nil {
		return err
	}
	link, err := s.Flow.PayLink(c.Request().Context(), id)
	if err != nil {
		return refused(c, "/invoices/"+string(id), err)
	}
	return s.showInvoice(c, link)
}

func (s *Site) sendInvoice(c echo.Context) error {
	id, err := param[ids.Invoice](c)
	if err != nil {
		return err
	}
	return outcome(c, "/invoices/"+string(id), "The invoice is on its way to the customer.", s.Flow.SendInvoice(c.Request().Context(), id, c.FormValue("key")))
}

// errConfirm: what was to be typed to go on was not.
var errConfirm = fault.New(fault.Invalid, "not_confirmed", "Nothing was done: what you typed is not the name that was asked for.")
