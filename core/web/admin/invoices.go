package admin

import (
	"context"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/money"
)

func (s *Site) invoicesRoutes() []route.Route {
	return []route.Route{
		get("/invoices", s.invoices, auth.InvoiceSee),
		get("/invoices/:id", s.invoice, auth.InvoiceSee),
		get("/invoices/:id/pdf", s.invoicePDF, auth.InvoiceSee),
		get("/invoices/:id/credit-notes/:note/pdf", s.creditNotePDF, auth.InvoiceSee),
		get("/invoices/:id/pay", s.askRecord, auth.PaymentRecord),
		post("/invoices/:id/pay", s.record, auth.PaymentRecord),
		get("/invoices/:id/credit", s.askCredit, auth.InvoiceCredit),
		post("/invoices/:id/credit", s.credit, auth.InvoiceCredit),
		post("/invoices/:id/write-off", s.writeOff, auth.InvoiceCredit),
		post("/invoices/:id/link", s.payLink, auth.InvoicePay),
		post("/invoices/:id/send", s.sendInvoice, auth.MailSend),
	}
}

// invoicesPage lists invoices.
type invoicesPage struct {
	view.Page
	Tabs  []view.Tab
	List  view.Toolbar
	Rows  []billRow
	Sums  []invoiceSum // of the whole filter, one for each currency
	Pager view.Pager
	Empty emptyText
}

// billRow is an invoice in a list.
type billRow struct {
	Link     string
	Number   string // "Draft" until it is issued
	Customer string
	To       string // address of the customer
	For      string // its first line, and how many more
	State    string
	Issued   period.Day
	Due      period.Day
	Late     int // days; 0 unless it is overdue
	Total    money.Amount
	Owed     money.Amount
}

// invoiceSum is what the invoices of a list come to in a currency.
type invoiceSum struct {
	Count       string // "37 invoices"
	Total, Owed money.Amount
}

// emptyText is what a list says that has nothing to show.
type emptyText struct{ Title, Text string }

func (s *Site) invoices(c echo.Context) error {
	ctx, a := c.Request().Context(), ask(c)
	today, set, err := s.today(ctx)
	if err != nil {
		return err
	}
	f := invoice.Filter{Query: a.search(), After: a.after(), Kind: a.get("kind"), Currency: a.get("currency"), Sort: one(a, "sort", "newest", "oldest", "due", "issued")}
	f.Customer, _ = ids.Parse[ids.Customer](a.get("customer"))
	state := one(a, "state", "all", "open", "overdue", "paid", "draft", "given_up")
	switch state {
	case "open":
		f.Statuses = []invoice.Status{invoice.Opened}
	case "overdue":
		f.Overdue = today
	case "paid":
		f.Statuses = []invoice.Status{invoice.Paid}
	case "draft":
		f.Statuses = []invoice.Status{invoice.Drafted, invoice.Proforma}
	case "given_up":
		f.Statuses = []invoice.Status{invoice.Uncollectible}
	default:
		f.Statuses = []invoice.Status{invoice.Opened, invoice.Paid, invoice.Void, invoice.Uncollectible}
	}
	if f.Sort == "" && (state == "open" || state == "overdue") {
		f.Sort = "due"
	}
	list, err := s.Invoices.List(ctx, f)
	if err != nil {
		return err
	}
	open, err := s.Invoices.List(ctx, invoice.Filter{Statuses: []invoice.Status{invoice.Opened}, Limit: 1})
	if err != nil {
		return err
	}
	late, err := s.Invoices.List(ctx, invoice.Filter{Overdue: today, Limit: 1})
	if err != nil {
		return err
	}
	page := &invoicesPage{
		Page: view.Page{Title: "Invoices", Current: "/invoices"},
		Tabs: []view.Tab{a.tab("All", "state", "", 0), a.tab("Open", "state", "open", open.Total), a.tab("Overdue", "state", "overdue", late.Total), a.tab("Paid", "state", "paid", 0),
			a.tab("Drafts", "state", "draft", 0), a.tab("Given up", "state", "given_up", 0)},
		Pager: a.pager(list.Next, len(list.List), list.Total),
		Empty: emptyText{"No invoices yet", "An order or a renewal makes the first one."},
	}
	if a.narrowed("state", "kind", "currency", "customer") {
		page.Empty = emptyText{"Nothing fits", "Take a filter away, or choose another view."}
	}
	var currencies []view.Choice
	for _, code := range set.Sales.Currencies {
		currencies = append(currencies, view.Choice{Value: code, Label: code})
	}
	page.List = a.toolbar("Number of an invoice", []view.Field{
		a.filter("kind", "Kind", "Every kind", choices(invoice.KindFirst, invoice.KindRenewal, invoice.KindChange, invoice.KindManual, invoice.KindLateFee, invoice.KindFunds)...),
		a.filter("currency", "Currency", "Every currency", currencies...),
	}, []view.Choice{{Value: "newest", Label: "Newest first"}, {Value: "issued", Label: "Latest issued first"}, {Value: "due", Label: "Oldest due first"}, {Value: "oldest", Label: "Oldest first"}}, "state", "customer")
	page.List.Sorted = f.Sort
	if page.Rows, err = s.billRows(ctx, list.List, today); err != nil {
		return err
	}
	if f.Customer != "" {
		chip := view.Chip{Field: "Customer is", Value: short(f.Customer), Remove: a.with("customer", "")}
		if len(page.Rows) > 0 {
			chip.Value = page.Rows[0].Customer
		}
		page.List.Chips = append(page.List.Chips, chip)
	}
	for _, sum := range list.Sums {
		page.Sums = append(page.Sums, invoiceSum{many(sum.Count, "invoice", "invoices"), money.Of(sum.Total, sum.Currency), money.Of(sum.Open, sum.Currency)})
	}
	return view.Render(c, http.StatusOK, "admin/invoices.html", page)
}

// billRows names the customers and what is billed: two queries, however many rows.
func (s *Site) billRows(ctx context.Context, list []invoice.Invoice, today period.Day) ([]billRow, error) {
	var set []ids.Invoice
	var customers []ids.Customer
	for _, inv := range list {
		set, customers = append(set, inv.ID), append(customers, inv.Customer)
	}
	names, err := s.Customers.Many(ctx, customers)
	if err != nil {
		return nil, err
	}
	what, err := s.Invoices.Lines(ctx, set)
	if err != nil {
		return nil, err
	}
	var out []billRow
	for _, inv := range list {
		row := billRow{Link: "/invoices/" + string(inv.ID), Number: inv.Number, Customer: names[inv.Customer].Name(), To: "/customers/" + string(inv.Customer),
			State: invoice.Label(inv, today), Issued: inv.Issued, Due: inv.Due, Total: inv.Amount(inv.Total)}
		if row.Number == "" {
			row.Number = "Draft " + short(inv.ID)
		}
		if of := what[inv.ID]; len(of) > 0 {
			row.For = of[0].Text
			if len(of) > 1 {
				row.For += fmt.Sprintf(", %d more", len(of)-1)
			}
		}
		if inv.Status == invoice.Opened {
			row.Owed = inv.Amount(inv.Open())
			row.Late = max(0, today.Since(inv.Due))
		} else {
			row.Owed = inv.Amount(0)
		}
		out = append(out, row)
	}
	return out, nil
}
