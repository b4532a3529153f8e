package invoice

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/sdk/money"
)

// Words gives a text in the reader's language; the texts are English. nil leaves them as they are. What the
// document freezes, such as the text of a line, is never given to it.
type Words func(text string) string

// Columns of the table, in mm from the left edge; numbers end there.
const (
	colNo    = left
	colWhat  = left + 9
	endQty   = 121.0
	endPrice = 148.0
	endTax   = 166.0
	endNet   = right
)

// PDF writes the document on A4. All that people have typed is printed as it is; there is no script, link,
// form or file in it.
func (d *Document) PDF(w io.Writer, say Words) error {
	p, err := newPaper(d, say)
	if err != nil {
		return err
	}
	inv := &d.Invoice
	title := "Invoice"
	switch inv.Status {
	case Drafted, Discarded:
		title = "Draft"
	case Proforma:
		title = "Pro-forma invoice"
	}
	p.head(title, inv.Number, [][2]string{
		{"Issued", p.day(inv.Issued)}, {"Due", p.day(inv.Due)}, {"Supplied", p.span(d.supplied())},
		{"Customer", d.Customer}, {"Your VAT number", d.Buyer.TaxID},
	})
	p.tableHead()
	for i := range d.Lines {
		l := &d.Lines[i]
		notes := []string{p.span(l.From, l.To)}
		if l.Discount != 0 {
			notes = append(notes, p.say("Discount")+" "+p.amount(-l.Discount))
		}
		p.row(l.No, l.Text, notes, p.quantity(l), p.price(l), d.rateOf(l.Group), l.Net)
	}
	p.totals(d.sums(p))
	p.notes(d.notes(p))
	return p.write(w, title)
}

// CreditNotePDF writes one of the document's credit notes. Error: ErrNotFound.
func (d *Document) CreditNotePDF(w io.Writer, id ids.CreditNote, say Words) error {
	for i := range d.Credits {
		if d.Credits[i].ID == id {
			return d.creditNote(w, &d.Credits[i], say)
		}
	}
	return ErrNotFound
}

func (d *Document) creditNote(w io.Writer, n *CreditNote, say Words) error {
	p, err := newPaper(d, say)
	if err != nil {
		return err
	}
	p.head("Credit note", n.Number, [][2]string{
		{"Issued", p.day(n.Issued)}, {"For invoice", d.Invoice.Number}, {"Invoice issued", p.day(d.Invoice.Issued)},
		{"Customer", d.Customer}, {"Your VAT number", d.Buyer.TaxID},
	})
	p.tableHead()
	for _, c := range n.Lines {
		for i := range d.Lines {
			if l := &d.Lines[i]; l.ID == c.Line {
				p.row(c.No, l.Text, []string{p.span(c.From, c.To)}, "", "", d.rateOf(l.Group), c.Net)
			}
		}
	}
	sums := []sumRow{{text: p.say("Net"), amount: p.amount(n.Net)}}
	taxes := d.creditTaxes(n.ID)
	for i := range taxes {
		sums = append(sums, p.taxRow(&taxes[i]))
	}
	if r := n.Total - n.Net - n.Tax; r != 0 {
		sums = append(sums, sumRow{text: p.say("Rounding"), amount: p.amount(r)})
	}
	sums = append(sums, sumRow{text: p.say("Total credited"), amount: p.amount(n.Total), strong: true})
	p.totals(sums)
	var state []string
	if n.ToReceivable > 0 {
		state = append(state, fmt.Sprintf(p.say("%s lessens what is owed."), p.amount(n.ToReceivable)))
	}
	if n.ToBalance > 0 {
		state = append(state, fmt.Sprintf(p.say("%s is yours to use or to have refunded."), p.amount(n.ToBalance)))
	}
	p.notes(strings.Join(state, " "), append(d.taxNotes(p), d.baseNote(p, taxes)))
	return p.write(w, "Credit note")
}

// supplied are the days of service of all lines together.
func (d *Document) supplied() (from, to period.Day) {
	for i := range d.Lines {
		l := &d.Lines[i]
		if !l.From.IsZero() && (from.IsZero() || l.From.Before(from)) {
			from = l.From
		}
		to = period.Latest(to, l.To)
	}
	return from, to
}

// rateOf is the rate of a group as its lines show it: "19 %", "5 % + 7 %", or its category where there is no tax.
func (d *Document) rateOf(group string) string {
	var rates []string
	category := ""
	for i := range d.Taxes {
		if t := &d.Taxes[i]; t.Group == group {
			category = t.Category
			if t.Code != "" || t.RatePPM != 0 {
				rates = append(rates, percent(t.RatePPM))
			}
		}
	}
	if len(rates) == 0 {
		return category
	}
	return strings.Join(rates, " + ")
}

func percent(ppm int64) string {
	return strings.TrimSuffix(money.PPM(ppm).String(), "%") + "\u00a0%"
}

// sums are the rows below the table.
func (d *Document) sums(p *paper) []sumRow {
	inv := &d.Invoice
	rows := []sumRow{{text: p.say("Net"), amount: p.amount(inv.Net)}}
	for i := range d.Taxes {
		rows = append(rows, p.taxRow(&d.Taxes[i]))
	}
	if inv.Rounding != 0 {
		rows = append(rows, sumRow{text: p.say("Rounding"), amount: p.amount(inv.Rounding)})
	}
	rows = append(rows, sumRow{text: p.say("Total"), amount: p.amount(inv.Total), strong: true, large: true})
	before := len(rows)
	if inv.Paid != 0 {
		rows = append(rows, d.receipts(p)...)
	}
	for i := range d.Credits {
		n := &d.Credits[i]
		rows = append(rows, sumRow{text: p.say("Credit note") + " " + n.Number + ", " + p.day(n.Issued), amount: p.amount(-n.Total)})
	}
	if inv.WrittenOff != 0 {
		rows = append(rows, sumRow{text: p.say("Written off"), amount: p.amount(-inv.WrittenOff)})
	}
	if len(rows) > before {
		rows = append(rows, sumRow{text: p.say("To pay"), amount: p.amount(inv.Open()), strong: true})
	}
	return rows
}

// receipts are one row for each payment, or one for all if they are not known.
func (d *Document) receipts(p *paper) (rows []sumRow) {
	var total int64
	for _, r := range d.Receipts {
		total += r.Minor
		text := r.Text
		if !r.On.IsZero() {
			text += ", " + p.day(r.On)
		}
		rows = append(rows, sumRow{text: text, amount: p.amount(-r.Minor)})
	}
	if total != d.Invoice.Paid {
		return []sumRow{{text: p.say("Paid"), amount: p.amount(-d.Invoice.Paid)}}
	}
	return rows
}

func (p *paper) taxRow(t *Tax) sumRow {
	name := strings.TrimRight(t.Code, "0123456789.-_ ")
	if name == "" {
		name = p.say("VAT")
	}
	return sumRow{text: fmt.Sprintf(p.say("%s %s of %s"), name, percent(t.RatePPM), p.amount(t.Base)), amount: p.amount(t.Tax)}
}

// notes are what stands below the totals: the state in one sentence, then what the law wants.
func (d *Document) notes(p *paper) (state string, rest []string) {
	inv := &d.Invoice
	switch inv.Status {
	case Paid:
		state = p.say("Paid. Thank you.")
		if inv.Total > 0 && inv.Credited >= inv.Total {
			state = p.say("Taken back by credit note.")
		}
	case Opened:
		state = fmt.Sprintf(p.say("Please pay %s by %s."), p.amount(inv.Open()), p.day(inv.Due))
		if d.BankText != "" {
			rest = append(rest, d.BankText)
		}
	case Void:
		state = p.say("Taken back by credit note. Nothing is to be paid.")
	case Proforma:
		state = fmt.Sprintf(p.say("Please pay %s. This is not an invoice; you get one when it is paid."), p.amount(inv.Open()))
	case Drafted, Discarded:
		state = p.say("This is a draft, not an invoice.")
	}
	return state, append(append(rest, d.taxNotes(p)...), d.baseNote(p, d.Taxes))
}

// taxNotes say why no tax is charged. Sources: Directive 2006/112/EC, article 226 points 11 and 11a.
func (d *Document) taxNotes(p *paper) (out []string) {
	seen := map[string]bool{}
	for i := range d.Taxes {
		c := d.Taxes[i].Category
		if seen[c] {
			continue
		}
		seen[c] = true
		switch c {
		case "AE":
			out = append(out, fmt.Sprintf(p.say("Reverse charge: the tax is owed by the recipient (article 196 of Directive 2006/112/EC). VAT number of the recipient: %s."), d.Buyer.TaxID))
		case "K":
			out = append(out, p.say("Intra-Community supply, exempt from tax (article 138 of Directive 2006/112/EC)."))
		case "G":
			out = append(out, p.say("Export outside the European Union, not taxed."))
		case "E":
			out = append(out, p.say("Exempt from tax."))
		case "O":
			out = append(out, p.say("Not subject to tax."))
		}
	}
	return out
}

// baseNote gives the tax in the currency of the seller's country. Source: Directive 2006/112/EC, article 230.
func (d *Document) baseNote(p *paper, taxes []Tax) string {
	inv := &d.Invoice
	var tax int64
	for i := range taxes {
		tax += taxes[i].Tax
	}
	if inv.Base == "" || inv.Base == inv.Currency || tax == 0 {
		return ""
	}
	in, err := money.Convert(inv.Amount(tax), inv.Base, inv.RatePico)
	if err != nil {
		return ""
	}
	return fmt.Sprintf(p.say("The tax is %s at a rate of %s for 1 %s."), p.money(in), decimal(inv.RatePico, 12), inv.Currency)
}

// quantity is the number of pieces without needless zeros.
func (p *paper) quantity(l *Line) string { return decimal(l.QtyMicro, 6) }

func (p *paper) price(l *Line) string {
	text := p.amount(l.Unit)
	if l.Per > 1 {
		text += " / " + strconv.FormatInt(l.Per, 10)
	}
	return text
}

// decimal writes n × 10^-places without needless zeros.
func decimal(n int64, places int) string {
	sign, text := "", strconv.FormatInt(n, 10)
	if n < 0 {
		sign, text = "−", text[1:]
	}
	if short := places + 1 - len(text); short > 0 {
		text = strings.Repeat("0", short) + text
	}
	whole, part := text[:len(text)-places], strings.TrimRight(text[len(text)-places:], "0")
	if part == "" {
		return sign + whole
	}
	return sign + whole + "." + part
}
