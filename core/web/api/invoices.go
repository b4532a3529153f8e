package api

import (
	"bytes"
	"context"
	"slices"
	"strconv"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/sales/customer"
)

// Invoice is a bill.
type Invoice struct {
	ID       string `json:"id"`
	Number   string `json:"number,omitempty"`
	Customer string `json:"customer"`
	Kind     string `json:"kind" doc:"first, renewal, change, manual, late_fee, funds"`
	Status   string `json:"status" enum:"draft,proforma,open,paid,void,uncollectible,discarded"`
	State    string `json:"state" doc:"The word for people: open, overdue, partly_paid, paid, refunded, disputed, written_off, void"`
	Issued   string `json:"issued,omitempty" format:"date"`
	Due      string `json:"due,omitempty" format:"date"`
	Net      Amount `json:"net"`
	Tax      Amount `json:"tax"`
	Total    Amount `json:"total"`
	Paid     Amount `json:"paid"`
	Credited Amount `json:"credited"`
	Open     Amount `json:"open" doc:"Still owed"`
	Settled  string `json:"settled,omitempty" format:"date-time" doc:"When it became paid"`
}

// InvoiceFull is a bill with all that it says.
type InvoiceFull struct {
	Invoice
	Seller  Party         `json:"seller"`
	Buyer   Party         `json:"buyer"`
	Lines   []InvoiceLine `json:"lines" nullable:"false"`
	Taxes   []InvoiceTax  `json:"taxes" nullable:"false"`
	Credits []CreditNote  `json:"credit_notes" nullable:"false"`
}

// InvoiceLine is one thing that is charged.
type InvoiceLine struct {
	No       int    `json:"no"`
	Kind     string `json:"kind"`
	Text     string `json:"text"`
	Service  string `json:"service,omitempty"`
	From     string `json:"from,omitempty" format:"date"`
	To       string `json:"to,omitempty" format:"date" doc:"Exclusive"`
	List     Amount `json:"list"`
	Discount Amount `json:"discount"`
	Net      Amount `json:"net"`
	Tax      Amount `json:"tax"`
}

// InvoiceTax is one tax of a bill.
type InvoiceTax struct {
	Code string `json:"code"`
	PPM  int64  `json:"rate_ppm" doc:"Parts per million: 190000 is 19 %"`
	Base Amount `json:"base"`
	Tax  Amount `json:"tax"`
}

// CreditNote takes a part of a bill back.
type CreditNote struct {
	ID     string `json:"id"`
	Number string `json:"number"`
	Issued string `json:"issued" format:"date"`
	Reason string `json:"reason"`
	Total  Amount `json:"total"`
}

// Invoices is a page of bills.
type Invoices struct {
	Data  []Invoice `json:"data" nullable:"false"`
	Next  string    `json:"next,omitempty" doc:"Send it as after; not there on the last page"`
	Total int       `json:"total" doc:"Of all pages"`
}

// InvoicesQuery narrows a list of bills.
type InvoicesQuery struct {
	Paging
	Days
	Status   []string `query:"status" enum:"proforma,open,paid,void,uncollectible" maxItems:"7" doc:"Any of these, by commas"`
	Kind     string   `query:"kind" maxLength:"10"`
	Currency string   `query:"currency" pattern:"^[A-Z]{3}$"`
	Overdue  bool     `query:"overdue" doc:"Only those that are open and past their due day"`
	Query    string   `query:"q" maxLength:"100" doc:"Part of the number"`
	Sort     string   `query:"sort" enum:"newest,oldest,due,issued" default:"newest"`
}

// visible are the statuses that a customer meets.
var visible = []invoice.Status{invoice.Proforma, invoice.Opened, invoice.Paid, invoice.Void, invoice.Uncollectible}

func (s *Site) invoices() {
	add(s, operation{id: "list-invoices", method: get, path: "/invoices", scope: auth.InvoiceSee, tag: "Invoices", says: "The invoices"}, s.listInvoices)
	add(s, operation{id: "get-invoice", method: get, path: "/invoices/{id}", scope: auth.InvoiceSee, tag: "Invoices", says: "An invoice with its lines"}, s.getInvoice)
	addFile(s, operation{id: "get-invoice-pdf", method: get, path: "/invoices/{id}/pdf", scope: auth.InvoiceSee, tag: "Invoices", says: "An invoice as a PDF", file: "application/pdf"}, s.getInvoicePDF)
}

// filter is what the query asks for, of the statuses that its caller may see.
func (s *Site) filter(ctx context.Context, in InvoicesQuery, may []invoice.Status) (f invoice.Filter, err error) {
	f = invoice.Filter{Statuses: may, Kind: in.Kind, Currency: in.Currency, Query: in.Query, Sort: in.Sort, After: in.After, Limit: in.Limit}
	if len(in.Status) > 0 {
		f.Statuses = texts[invoice.Status](in.Status)
	}
	if f.From, f.To, err = in.days(); err != nil {
		return f, err
	}
	if in.Overdue {
		set, err := s.Flow.Settings.Get(ctx)
		if err != nil {
			return f, err
		}
		f.Overdue = set.Today(s.Flow.Now())
	}
	return f, nil
}

func (s *Site) listInvoices(ctx context.Context, in *InvoicesQuery) (Invoices, error) {
	f, err := s.filter(ctx, *in, visible)
	if err != nil {
		return Invoices{}, err
	}
	f.Customer = auth.Of(ctx).Customer
	return s.invoicePage(ctx, f)
}

func (s *Site) invoicePage(ctx context.Context, f invoice.Filter) (Invoices, error) {
	set, err := s.Flow.Settings.Get(ctx)
	if err != nil {
		return Invoices{}, err
	}
	page, err := s.Flow.Invoices.List(ctx, f)
	if err != nil {
		return Invoices{}, err
	}
	today := set.Today(s.Flow.Now())
	return Invoices{Data: each(page.List, func(i invoice.Invoice) Invoice { return invoiceOf(i, invoice.Label(i, today)) }), Next: page.Next, Total: page.Total}, nil
}

// invoice is a bill in an answer.
func (s *Site) invoice(ctx context.Context, inv invoice.Invoice) (Invoice, error) {
	set, err := s.Flow.Settings.Get(ctx)
	return invoiceOf(inv, invoice.Label(inv, set.Today(s.Flow.Now()))), err
}

func invoiceOf(i invoice.Invoice, state string) Invoice {
	of := func(n int64) Amount { return amount(i.Amount(n)) }
	return Invoice{ID: string(i.ID), Number: i.Number, Customer: string(i.Customer), Kind: i.Kind, Status: string(i.Status), State: state, Issued: i.Issued.String(), Due: i.Due.String(),
		Net: of(i.Net), Tax: of(i.Tax), Total: of(i.Total), Paid: of(i.Paid), Credited: of(i.Credited), Open: of(i.Open()), Settled: stamp(i.Settled)}
}

// document reads a document of the customer who asks. What staff still works on is not there for him.
func (s *Site) document(ctx context.Context, text string) (invoice.Document, error) {
	id, err := parse[ids.Invoice](text, invoice.ErrNotFound)
	if err != nil {
		return invoice.Document{}, err
	}
	d, err := s.Flow.Invoices.DocumentFor(ctx, auth.Of(ctx).Customer, id)
	if err == nil && !slices.Contains(visible, d.Invoice.Status) {
		err = invoice.ErrNotFound
	}
	return d, err
}

func (s *Site) getInvoice(ctx context.Context, in *ByID) (InvoiceFull, error) {
	d, err := s.document(ctx, in.ID)
	if err != nil {
		return InvoiceFull{}, err
	}
	return s.full(ctx, d)
}

func (s *Site) full(ctx context.Context, d invoice.Document) (InvoiceFull, error) {
	inv, err := s.invoice(ctx, d.Invoice)
	if err != nil {
		return InvoiceFull{}, err
	}
	of := func(n int64) Amount { return amount(d.Invoice.Amount(n)) }
	return InvoiceFull{
		Invoice: inv, Seller: partyOf(d.Seller), Buyer: partyOf(d.Buyer),
		Lines: each(d.Lines, func(l invoice.Line) InvoiceLine {
			return InvoiceLine{No: l.No, Kind: l.Kind, Text: l.Text, Service: string(l.Subscription), From: l.From.String(), To: l.To.String(), List: of(l.List), Discount: of(l.Discount), Net: of(l.Net), Tax: of(l.Tax)}
		}),
		Taxes: each(d.Taxes, func(t invoice.Tax) InvoiceTax {
			return InvoiceTax{Code: t.Code, PPM: t.RatePPM, Base: of(t.Base), Tax: of(t.Tax)}
		}),
		Credits: each(d.Credits, func(n invoice.CreditNote) CreditNote {
			return CreditNote{ID: string(n.ID), Number: n.Number, Issued: n.Issued.String(), Reason: n.Reason, Total: of(n.Total)}
		}),
	}, nil
}

func partyOf(p invoice.Party) Party {
	return Party{Name: p.Name, Lines: append([]string{}, p.Lines...), Country: p.Country, TaxID: p.TaxID}
}

func (s *Site) getInvoicePDF(ctx context.Context, in *ByID) (*file, error) {
	d, err := s.document(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	c, err := s.Flow.Customers.Get(ctx, d.Invoice.Customer)
	if err != nil {
		return nil, err
	}
	if err := s.print(ctx, &d, c); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := d.PDF(&out, nil); err != nil {
		return nil, err
	}
	name := d.Invoice.Number
	if name == "" {
		name = string(d.Invoice.ID)
	}
	return &file{Type: "application/pdf", Name: "attachment; filename=" + strconv.Quote(fileName(name)+".pdf"), Body: out.Bytes()}, nil
}

// print adds what is printed besides what the document froze: the customer's number, how to pay, what was paid.
func (s *Site) print(ctx context.Context, d *invoice.Document, c customer.Customer) error {
	set, err := s.Flow.Settings.Get(ctx)
	if err != nil {
		return err
	}
	d.Customer = strconv.FormatInt(c.Number, 10)
	if set.Sales.BankTransfer {
		d.BankText = set.Sales.BankText
	}
	paid, err := s.Flow.Payments.OfInvoice(ctx, d.Invoice.ID)
	d.Receipts = each(paid, func(p payment.Counted) invoice.Receipt {
		return invoice.Receipt{Text: p.Payment.Gateway, On: p.Payment.On, Minor: p.Minor}
	})
	return err
}

// fileName keeps what is harmless in a name of a file.
func fileName(text string) string {
	return string(slices.DeleteFunc([]rune(text), func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
	}))
}
