package invoice

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
)

// Draft is a document before it is issued. Amounts are minor units of its currency.
type Draft struct {
	ID                        ids.Invoice // "" draws one
	Customer                  ids.Customer
	Kind                      string
	Currency                  string
	Issued, Due               period.Day
	Ladder                    ids.Ladder
	Seller, Buyer             Party
	Lines                     []Line
	Taxes                     []Tax
	Net, Tax, Rounding, Total int64
	Base                      string // currency of the books
	RatePico                  int64  // base units for one unit, times 10^12; 0 with Base ""
}

// limit is the largest amount that a document holds, in minor units.
const limit int64 = 1_000_000_000_000_000

// prepare gives IDs and places to what has none, cuts texts to their columns and puts taxes in order. It
// may be called again: what has an ID keeps it.
func (d *Draft) prepare() {
	if d.ID == "" {
		d.ID = ids.New[ids.Invoice]()
	}
	for i := range d.Lines {
		l := &d.Lines[i]
		if l.ID == "" {
			l.ID = ids.New[ids.Line]()
		}
		l.No = i + 1
		l.Text = clean(l.Text, 500)
		if l.Explain == "" {
			l.Explain = "{}"
		}
		if l.LiveTo.IsZero() {
			l.LiveTo = l.To
		}
		l.Credited, l.CreditedTax = 0, 0
	}
	if !slices.IsSortedFunc(d.Taxes, compareTaxes) {
		slices.SortFunc(d.Taxes, compareTaxes)
	}
}

// compareTaxes orders by the key of the table.
func compareTaxes(a, b Tax) int {
	if c := strings.Compare(a.Group, b.Group); c != 0 {
		return c
	}
	return strings.Compare(a.Code, b.Code)
}

// check says whether the document is sound. Error: ErrDraft.
func (d *Draft) check() error {
	refuse := func(format string, args ...any) error {
		return ErrDraft.Because(fmt.Errorf("%s: "+format, append([]any{d.ID}, args...)...))
	}
	switch {
	case d.Customer == "" || d.Kind == "" || len(d.Kind) > 10 || len(d.Currency) != 3:
		return refuse("customer %q, kind %q, currency %q", d.Customer, d.Kind, d.Currency)
	case len(d.Lines) == 0:
		return refuse("no lines")
	case d.Total < 0 || d.Total > limit || d.Net < -limit || d.Net > limit || d.Tax < -limit || d.Tax > limit:
		return refuse("total %d", d.Total)
	case d.Net+d.Tax+d.Rounding != d.Total:
		return refuse("%d + %d + %d is not %d", d.Net, d.Tax, d.Rounding, d.Total)
	case d.RatePico < 0 || (d.Base == "") != (d.RatePico == 0):
		return refuse("rate %d to %q", d.RatePico, d.Base)
	}
	var net, tax int64
	for i := range d.Lines {
		l := &d.Lines[i]
		if l.Kind == "" || len(l.Kind) > 12 || l.Text == "" || len(l.Group) > 40 || len(l.Owner) > 30 || l.From.IsZero() != l.To.IsZero() || l.To.Before(l.From) {
			return refuse("line %d: kind %q, text %q, tax group %q, from %s to %s", l.No, l.Kind, l.Text, l.Group, l.From, l.To)
		}
		if max(l.Net, -l.Net, l.Tax, -l.Tax) > limit {
			return refuse("line %d: %d + %d", l.No, l.Net, l.Tax)
		}
		if l.Explain[0] != '{' || l.Explain[len(l.Explain)-1] != '}' {
			return refuse("line %d: explain is no JSON object", l.No)
		}
		net, tax = net+l.Net, tax+l.Tax
	}
	if net != d.Net || tax != d.Tax {
		return refuse("lines sum to %d + %d, not %d + %d", net, tax, d.Net, d.Tax)
	}
	tax = 0
	for i := range d.Taxes {
		t := &d.Taxes[i]
		if len(t.Group) > 40 || len(t.Code) > 40 || len(t.Category) > 2 {
			return refuse("tax %q %q %q", t.Group, t.Code, t.Category)
		}
		tax += t.Tax
	}
	if tax != d.Tax {
		return refuse("taxes sum to %d, not %d", tax, d.Tax)
	}
	return nil
}

// checkIssue says whether it may be issued: what EN 16931 wants of every invoice is there.
func (d *Draft) checkIssue() error {
	if err := d.check(); err != nil {
		return err
	}
	missing := ""
	switch {
	case d.Issued.IsZero() || d.Due.Before(d.Issued):
		missing = fmt.Sprintf("issued %s, due %s", d.Issued, d.Due)
	case d.Seller.Name == "" || d.Seller.Country == "":
		missing = "the seller has no name or country" // BT-27, BT-40
	case d.Buyer.Name == "" || d.Buyer.Country == "":
		missing = "the buyer has no name or country" // BT-44, BT-55
	}
	for i := range d.Taxes {
		if c := d.Taxes[i].Category; (c == "AE" || c == "K") && d.Buyer.TaxID == "" {
			missing = "the buyer owes the tax and has no tax number" // BR-AE-02, BR-IC-02
		}
	}
	if missing != "" {
		return ErrDraft.Because(fmt.Errorf("%s: %s", d.ID, missing))
	}
	return nil
}

// invoice is the document as it is saved first.
func (d *Draft) invoice() Invoice {
	return Invoice{
		ID: d.ID, Customer: d.Customer, Kind: d.Kind, Currency: d.Currency, Issued: d.Issued, Due: d.Due, Ladder: d.Ladder,
		Net: d.Net, Tax: d.Tax, Rounding: d.Rounding, Total: d.Total, Base: d.Base, RatePico: d.RatePico, Status: Drafted, Version: 1,
	}
}

// clean makes a text of one line, valid and at most most letters long.
func clean(text string, most int) string {
	plain := len(text) <= most
	for i := 0; plain && i < len(text); i++ {
		plain = text[i] >= ' ' && text[i] < 0x7f
	}
	if plain {
		return text
	}
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	if utf8.RuneCountInString(text) > most {
		text = string([]rune(text)[:most])
	}
	return text
}

func (p Party) clean() Party {
	out := Party{Name: clean(p.Name, 190), Email: clean(p.Email, 190), Country: clean(p.Country, 2), TaxID: clean(p.TaxID, 60),
		TaxProof: clean(p.TaxProof, 500), Locale: cmp.Or(clean(p.Locale, 20), "en"), Lines: make([]string, len(p.Lines))}
	for i, l := range p.Lines {
		out.Lines[i] = clean(l, 190)
	}
	return out
}

// same says whether two parties are alike, so that their snapshot is.
func (p *Party) same(o *Party) bool {
	return p.Name == o.Name && p.Email == o.Email && p.Country == o.Country && p.TaxID == o.TaxID && p.TaxProof == o.TaxProof && p.Locale == o.Locale &&
		slices.Equal(p.Lines, o.Lines)
}
