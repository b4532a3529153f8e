package admin

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/dunning"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/money"
)

// invoicePage is one invoice whole.
type invoicePage struct {
	view.Page
	State    string
	Actions  []view.Action
	Asks     []view.Confirm
	Lines    []lineRow
	Sums     []view.Leader
	Payments []countedRow
	Notes    []noteRow
	Steps    []view.Moment // dunning: what was done, newest first
	Next     string        // what comes next, in a sentence; "" nothing
	Facts    []view.Fact
	Holds    []holdRow
	CanHold  bool
	HoldLink string
	PayLink  string // shown when it was asked for
	Open     view.Fact
	Why      *why // the drawer; nil is closed
}

// lineRow is a line of an invoice.
type lineRow struct {
	No             int
	Text, Term     string
	Quantity       string
	Discount, Net  money.Amount
	Discounted     bool
	Credited       money.Amount
	Taken          bool // some of it was credited
	Link, Anchor   string
	On             bool // its drawer is open
	Service, Tax   string
	ServiceAddress string
}

// countedRow is a payment as far as it counts here.
type countedRow struct {
	Link, Text, State string
	On                period.Day
	Counted, Amount   money.Amount
}

// noteRow is a credit note.
type noteRow struct {
	Number, Reason, PDF string
	Issued              period.Day
	Total               money.Amount
	ToBalance           money.Amount
}

func (s *Site) invoice(c echo.Context) error { return s.showInvoice(c, "") }

func (s *Site) showInvoice(c echo.Context, link string) error {
	ctx := c.Request().Context()
	id, err := param[ids.Invoice](c)
	if err != nil {
		return err
	}
	doc, err := s.Invoices.Document(ctx, id)
	if err != nil {
		return err
	}
	today, _, err := s.today(ctx)
	if err != nil {
		return err
	}
	inv := doc.Invoice
	who, err := s.Customers.Get(ctx, inv.Customer)
	if err != nil {
		return err
	}
	paid, err := s.Payments.OfInvoice(ctx, id)
	if err != nil {
		return err
	}
	busy, err := s.Payments.OpenOn(ctx, []ids.Invoice{id})
	if err != nil {
		return err
	}
	steps, err := s.Dunning.StepsOf(ctx, []ids.Invoice{id})
	if err != nil {
		return err
	}
	holds, err := s.Dunning.HeldOf(ctx, string(id))
	if err != nil {
		return err
	}
	ladder, err := s.Dunning.Ladder(ctx, inv.Ladder)
	if err != nil {
		return err
	}
	page := &invoicePage{Page: view.Page{Title: inv.Number, Current: "/invoices", Crumbs: []view.Link{{Label: "Invoices", Link: "/invoices"}, {Label: who.Name(), Link: "/customers/" + string(who.ID)}}},
		State: invoice.Label(inv, today), PayLink: link, CanHold: can(c, auth.DunningHold) && inv.Status == invoice.Opened,
		HoldLink: "/billing/hold?subject=" + string(id)}
	if inv.Number == "" {
		page.Title = "Draft " + short(id)
	}
	page.Sub = issuedText(inv)
	page.lines(doc, c.QueryParam("why"), amounts(c))
	page.sums(doc, paid)
	page.payments(paid)
	page.notes(doc)
	page.dunning(inv, steps[id], ladder, today)
	page.Holds = holdRows(holds, nil, can(c, auth.DunningHold), "/invoices/"+string(id))
	page.Facts = invoiceFacts(doc, who)
	if att, ok := busy[id]; ok {
		page.Open = view.Fact{Label: "A payment is under way", Value: plain(att.Status) + " since " + view.ReaderOf(c).Time(att.Created), Link: "/payments/attempts/" + string(att.ID)}
	}
	page.buttons(c, inv)
	return view.Render(c, http.StatusOK, "admin/invoice.html", page)
}

func issuedText(inv invoice.Invoice) string {
	if inv.Issued.IsZero() {
		return "Not issued: nobody owes it."
	}
	text := "Issued " + inv.Issued.Format("2 Jan 2006") + ", frozen, due " + inv.Due.Format("2 Jan 2006")
	if !inv.Settled.IsZero() {
		text += ", settled " + inv.Settled.Format("2 Jan 2006")
	}
	return text + "."
}

func (p *invoicePage) lines(doc invoice.Document, asked string, say func(money.Amount) string) {
	inv := doc.Invoice
	here := "/invoices/" + string(inv.ID)
	rates := map[string][]string{}
	for _, t := range doc.Taxes {
		rates[t.Group] = append(rates[t.Group], t.Code)
	}
	for i, l := range doc.Lines {
		row := lineRow{No: l.No, Text: l.Text, Quantity: micro(l.QtyMicro), Discount: inv.Amount(-l.Discount), Discounted: l.Discount != 0, Net: inv.Amount(l.Net),
			Credited: inv.Amount(-l.Credited), Taken: l.Credited != 0, Anchor: "line-" + strconv.Itoa(l.No), Tax: strings.Join(rates[l.Group], ", "), Service: short(l.Subscription)}
		row.Link = here + "?why=" + strconv.Itoa(l.No) + "#why"
		if !l.From.IsZero() {
			row.Term = span(l.From, l.To)
		}
		if l.Subscription != "" {
			row.ServiceAddress = "/services/" + string(l.Subscription)
		}
		if asked == strconv.Itoa(l.No) {
			row.On = true
			w := explain(inv, l, say)
			w.Close = here + "#" + row.Anchor
			if i > 0 {
				w.Prev = here + "?why=" + strconv.Itoa(doc.Lines[i-1].No) + "#why"
			}
			if i < len(doc.Lines)-1 {
				w.Next = here + "?why=" + strconv.Itoa(doc.Lines[i+1].No) + "#why"
			}
			p.Why = &w
		}
		p.Lines = append(p.Lines, row)
	}
}

func (p *invoicePage) sums(doc invoice.Document, paid []payment.Counted) {
	inv := doc.Invoice
	p.Sums = append(p.Sums, view.Leader{Label: "Without tax", Amount: inv.Amount(inv.Net)})
	for _, t := range doc.Taxes {
		label := t.Code
		if t.RatePPM != 0 {
			label += ", " + percent(t.RatePPM) + " of " + inv.Amount(t.Base).Decimal()
		}
		p.Sums = append(p.Sums, view.Leader{Label: label, Amount: inv.Amount(t.Tax)})
	}
	if inv.Rounding != 0 {
		p.Sums = append(p.Sums, view.Leader{Label: "Rounded to what can be paid", Amount: inv.Amount(inv.Rounding)})
	}
	p.Sums = append(p.Sums, view.Leader{Label: "Total", Amount: inv.Amount(inv.Total), Total: true})
	for _, x := range paid {
		if x.Minor != 0 {
			p.Sums = append(p.Sums, view.Leader{Label: paidBy(x.Payment) + ", " + x.Payment.On.Format("2 Jan"), Amount: inv.Amount(-x.Minor)})
		}
	}
	if inv.Credited != 0 {
		p.Sums = append(p.Sums, view.Leader{Label: "Credited", Amount: inv.Amount(-inv.Credited)})
	}
	if inv.WrittenOff != 0 {
		p.Sums = append(p.Sums, view.Leader{Label: "Given up", Amount: inv.Amount(-inv.WrittenOff)})
	}
	owed := int64(0)
	if inv.Status == invoice.Opened {
		owed = inv.Open()
	}
	p.Sums = append(p.Sums, view.Leader{Label: "Owed", Amount: inv.Amount(owed), Total: true})
}

// paidBy says where a payment came from.
func paidBy(p payment.Payment) string {
	switch p.Source {
	case payment.FromBalance:
		return "Balance"
	case payment.FromGateway:
		return title(p.Gateway)
	}
	return title(plain(p.Gateway))
}

func (p *invoicePage) payments(paid []payment.Counted) {
	for _, x := range paid {
		p.Payments = append(p.Payments, countedRow{Link: "/payments/" + string(x.Payment.ID), Text: paidBy(x.Payment), State: string(x.Payment.Status), On: x.Payment.On,
			Counted: money.Of(x.Minor, x.Payment.Amount.Currency()), Amount: x.Payment.Amount})
	}
}

func (p *invoicePage) notes(doc invoice.Document) {
	for _, n := range doc.Credits {
		p.Notes = append(p.Notes, noteRow{Number: n.Number, Reason: n.Reason, Issued: n.Issued, Total: money.Of(n.Total, n.Currency), ToBalance: money.Of(n.ToBalance, n.Currency),
			PDF: "/invoices/" + string(n.Invoice) + "/credit-notes/" + string(n.ID) + "/pdf"})
	}
}

// dunning lists the steps that were taken, and says what the schedule has next.
func (p *invoicePage) dunning(inv invoice.Invoice, taken map[string]dunning.Taken, l dunning.Ladder, today period.Day) {
	for name, t := range taken {
		m := view.Moment{Icon: "mail", Text: title(plain(name)), Sub: stepResult(t.Result), At: t.On.Time()}
		switch {
		case strings.HasPrefix(name, "charge"), strings.HasPrefix(name, "retry"):
			m.Icon = "credit-card"
		case name == dunning.Suspend:
			m.Icon, m.Ink = "circle-pause", view.Soon
		}
		p.Steps = append(p.Steps, m)
	}
	slices.SortFunc(p.Steps, func(a, b view.Moment) int {
		if n := b.At.Compare(a.At); n != 0 {
			return n
		}
		return strings.Compare(a.Text, b.Text)
	})
	if inv.Status != invoice.Opened {
		return
	}
	for _, n := range l.Notices {
		if _, done := taken[n.Name]; !done && !inv.Due.Add(n.Offset).Before(today) {
			p.Next = "Next: " + plain(n.Name) + " on " + inv.Due.Add(n.Offset).Format("2 Jan 2006") + "."
			break
		}
	}
	if _, done := taken[dunning.Suspend]; !done && l.SuspendAfter > 0 && inv.Kind != invoice.KindFirst {
		p.Next = strings.TrimSpace(p.Next + " Services are suspended on " + period.Latest(l.SuspendOn(inv.Due, taken[dunning.Final].On), today).Format("2 Jan 2006") + " at the earliest.")
	}
}

func stepResult(r dunning.Result) string {
	switch r {
	case dunning.Done:
		return ""
	case dunning.Skipped:
		return "its day passed while it could not run"
	case dunning.Dropped:
		return "there was no usable method on its day"
	case dunning.Unavailable:
		return "the gateway did nothing"
	case "ok":
		return "paid"
	}
	return "declined, " + plain(r)
}

func invoiceFacts(doc invoice.Document, who customer.Customer) []view.Fact {
	inv := doc.Invoice
	out := []view.Fact{{Label: "Customer", Value: who.Name(), Link: "/customers/" + string(who.ID)}, {Label: "Kind", Value: title(plain(inv.Kind))},
		{Label: "Billed to", Value: strings.Join(append([]string{doc.Buyer.Name}, doc.Buyer.Lines...), ", ")}}
	if doc.Buyer.TaxID != "" {
		out = append(out, view.Fact{Label: "Tax number", Value: doc.Buyer.TaxID, Mono: true})
	}
	if doc.Buyer.TaxProof != "" {
		out = append(out, view.Fact{Label: "Checked", Value: doc.Buyer.TaxProof})
	}
	return append(out, view.Fact{Label: "Seller", Value: doc.Seller.Name}, view.Fact{Label: "ID", Value: string(inv.ID), Mono: true, Copy: true})
}

func (p *invoicePage) buttons(c echo.Context, inv invoice.Invoice) {
	here := "/invoices/" + string(inv.ID)
	if inv.Status == invoice.Opened {
		if can(c, auth.PaymentRecord) {
			p.Actions = append(p.Actions, view.Action{Label: "Record payment", Link: here + "/pay", Icon: "banknote", Primary: true, Key: "p"})
		}
		if can(c, auth.InvoicePay) {
			p.Actions = append(p.Actions, view.Action{Label: "Pay link", Link: here + "/link", Icon: "link", Post: true})
		}
		if can(c, auth.MailSend) {
			p.Asks = append(p.Asks, view.Confirm{Label: "Send again", Title: "Mail this invoice once more?", Text: "The customer gets the same mail again, with the link that pays it.",
				Action: here + "/send", Submit: "Send " + inv.Number, Fields: []view.Field{key()}})
		}
	}
	p.Actions = append(p.Actions, view.Action{Label: "PDF", Link: here + "/pdf", Icon: "file-down"})
	if can(c, auth.InvoiceCredit) && inv.Allows(invoice.Credit) && inv.Credited < inv.Total {
		p.Actions = append(p.Actions, view.Action{Label: "Credit", Link: here + "/credit", Icon: "undo-2"})
	}
	if can(c, auth.InvoiceCredit) && inv.Status == invoice.Opened && inv.Allows(invoice.GiveUp) {
		p.Asks = append(p.Asks, view.Confirm{Label: "Write off", Title: "Give up " + amounts(c)(inv.Amount(inv.Open())) + "?", Danger: true, Name: inv.Number,
			Text: "The books count it as lost, and the customer is not reminded any more. Money that comes after all is still taken.", Action: here + "/write-off", Submit: "Write off " + inv.Number})
	}
}
