package invoice

import (
	"io"
	"strconv"
	"strings"

	"codeberg.org/go-pdf/fpdf"
	"github.com/bojanz/currency"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"

	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/sdk/money"
)

// The sheet, in mm.
const (
	left, right = 18.0, 192.0
	top         = 20.0
	bottom      = 262.0 // the footer is below
	font        = "go"
)

// Greys of the ink, 0 is black.
const (
	ink   = 24
	muted = 105
	rule  = 205
)

// paper draws one document from top to bottom.
type paper struct {
	pdf   *fpdf.Fpdf
	doc   *Document
	words Words
	money func(money.Amount) string
	y     float64 // where the next thing is drawn
	table bool    // the head of the table is repeated on a new page
}

func newPaper(d *Document, words Words) (*paper, error) {
	f := fpdf.New("P", "mm", "A4", "")
	f.AddUTF8FontFromBytes(font, "", goregular.TTF)
	f.AddUTF8FontFromBytes(font, "B", gobold.TTF)
	f.SetAutoPageBreak(false, 0)
	f.SetCellMargin(0)
	f.SetMargins(left, top, 210-right)
	f.SetCatalogSort(true)
	locale := d.Buyer.Locale
	if strings.Trim(locale, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" || locale == "" {
		locale = "en"
	}
	f.SetLang(strings.ReplaceAll(locale, "_", "-"))
	f.SetAuthor(printed(d.Seller.Name), true)
	f.SetProducer("Bursar", true)
	f.SetCreationDate(d.Invoice.Created) // the same document is the same file
	f.SetModificationDate(d.Invoice.Created)
	format := currency.NewFormatter(currency.NewLocale(locale))
	p := &paper{pdf: f, doc: d, words: words, money: func(a money.Amount) string {
		v, err := currency.NewAmountFromInt64(a.Minor(), a.Currency())
		if err != nil {
			return a.String()
		}
		return strings.ReplaceAll(format.Format(v), "-", "−")
	}}
	f.AddPage()
	p.y = top
	return p, f.Error()
}

func (p *paper) say(text string) string {
	if p.words == nil {
		return text
	}
	return p.words(text)
}

func (p *paper) amount(minor int64) string { return p.money(p.doc.Invoice.Amount(minor)) }

// day is 12 November 2026, "" for none.
func (p *paper) day(d period.Day) string {
	if d.IsZero() {
		return ""
	}
	return strconv.Itoa(d.Day()) + " " + p.say(d.Month().String()) + " " + strconv.Itoa(d.Year())
}

// span is the days from one up to the day before another.
func (p *paper) span(from, to period.Day) string {
	if from.IsZero() || !from.Before(to) {
		return ""
	}
	last := to.Add(-1)
	if from == last {
		return p.day(from)
	}
	first := p.day(from)
	if from.Year() == last.Year() {
		first = strings.TrimSuffix(first, " "+strconv.Itoa(from.Year()))
	}
	return first + " – " + p.day(last)
}

// printed keeps out what the fonts cannot draw: signs beyond the first plane, control signs, and the narrow
// spaces of some locales.
func printed(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\u202f' || r == '\u2009':
			return '\u00a0'
		case r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u00ad' || r >= 0x200b && r <= 0x200f || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069:
			return ' ' // also signs that turn the direction of writing round
		case r > 0xfffd || r >= 0xe000 && r <= 0xf8ff:
			return '\ufffd'
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
}

func (p *paper) style(style string, size float64, grey int) {
	p.pdf.SetFont(font, style, size)
	p.pdf.SetTextColor(grey, grey, grey)
}

// at writes a text that begins at x on the line whose foot is y.
func (p *paper) at(x, y float64, text string) { p.pdf.Text(x, y, printed(text)) }

// to writes a text that ends at x.
func (p *paper) to(x, y float64, text string) {
	text = printed(text)
	p.pdf.Text(x-p.pdf.GetStringWidth(text), y, text)
}

// wrap breaks a text into lines of a width, in the present font.
func (p *paper) wrap(text string, width float64) []string {
	lines := p.pdf.SplitText(printed(text), width)
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return lines
}

// fit cuts a text to a width, in the present font.
func (p *paper) fit(text string, width float64) string {
	text = printed(text)
	if p.pdf.GetStringWidth(text) <= width {
		return text
	}
	runes := []rune(text)
	for len(runes) > 0 && p.pdf.GetStringWidth(string(runes)+"…") > width {
		runes = runes[:len(runes)-1]
	}
	return string(runes) + "…"
}

func (p *paper) line(x1, x2, y float64, grey int) {
	p.pdf.SetLineWidth(0.2)
	p.pdf.SetDrawColor(grey, grey, grey)
	p.pdf.Line(x1, y, x2, y)
}

// room makes sure that height is left on the page, else begins another.
func (p *paper) room(height float64) {
	if p.y+height <= bottom {
		return
	}
	p.pdf.AddPage()
	p.y = top
	if p.table {
		p.tableHead()
	}
}

// head draws who, to whom, which document and its facts.
func (p *paper) head(title, number string, facts [][2]string) {
	d := p.doc
	p.style("B", 14, ink)
	p.at(left, 27, p.fit(d.Seller.Name, 90))
	p.style("B", 15, ink)
	p.to(right, 27, p.say(title))
	p.style("", 10, ink)
	p.to(right, 33, number)

	p.style("", 6.5, muted)
	p.at(left, 49, p.fit(strings.Join(append([]string{d.Seller.Name}, d.Seller.Lines...), ", "), 85))
	p.style("", 9.5, ink)
	y := 55.0
	for _, block := range append([]string{d.Buyer.Name}, d.Buyer.Lines...) {
		for _, text := range p.wrap(block, 85) {
			p.at(left, y, text)
			y += 4.8
		}
	}
	factY := 51.0
	for _, f := range facts {
		if f[1] == "" {
			continue
		}
		p.style("", 8.5, muted)
		label := p.say(f[0])
		p.at(110, factY, label)
		width := right - 110 - p.pdf.GetStringWidth(printed(label)) - 4
		p.style("", 8.5, ink)
		p.to(right, factY, p.fit(f[1], width))
		p.line(110, right, factY+2.2, rule)
		factY += 7
	}
	p.y = max(y, factY, 84) + 8
}

// tableHead draws the heads of the columns, and repeats them on every page from then on.
func (p *paper) tableHead() {
	p.table = true
	p.style("", 7.5, muted)
	y := p.y + 3
	p.at(colNo, y, p.say("No"))
	p.at(colWhat, y, p.say("What"))
	p.to(endQty, y, p.say("Quantity"))
	p.to(endPrice, y, p.say("Price"))
	p.to(endTax, y, p.say("VAT"))
	p.to(endNet, y, p.say("Net"))
	p.line(left, right, y+2, muted)
	p.y = y + 2
}

// row draws one line of the table; it is not broken over pages unless it is longer than one.
func (p *paper) row(no int, text string, notes []string, quantity, price, rate string, net int64) {
	const lineHeight, noteHeight = 4.4, 3.8
	p.style("", 8.5, ink)
	what := p.wrap(text, 78)
	p.style("", 7.5, muted)
	var small []string
	for _, n := range notes {
		if n != "" {
			small = append(small, p.wrap(n, 78)...)
		}
	}
	p.room(4 + float64(len(what))*lineHeight + float64(len(small))*noteHeight)
	y := p.y + 5
	p.style("", 8.5, muted)
	p.at(colNo, y, strconv.Itoa(no))
	p.style("", 8.5, ink)
	p.to(endQty, y, quantity)
	p.to(endPrice, y, price)
	p.to(endTax, y, p.fit(rate, endTax-endPrice-1))
	p.to(endNet, y, p.amount(net))
	for _, text := range what {
		p.at(colWhat, y, text)
		y += lineHeight
	}
	p.style("", 7.5, muted)
	for _, text := range small {
		p.at(colWhat, y, text)
		y += noteHeight
	}
	p.y = y - 1
	p.line(left, right, p.y, rule)
}

// sumRow is one row below the table.
type sumRow struct {
	text, amount  string
	strong, large bool
}

// totals draws the sums in one piece: they are never broken over pages, and the state stays with them.
func (p *paper) totals(rows []sumRow) {
	const height, from = 5.6, 105.0
	p.table = false // a page that only has sums needs no head
	p.room(float64(len(rows))*height + 32)
	p.y += 4
	for _, r := range rows {
		style, size := "", 8.5
		if r.strong {
			style = "B"
			p.y++
			p.line(from, right, p.y+0.8, ink)
			p.y += 1.5
		}
		if r.large {
			size = 10.5
		}
		p.y += height
		p.style(style, size, ink)
		p.to(right, p.y-1, r.amount)
		width := right - from - p.pdf.GetStringWidth(printed(r.amount)) - 4
		p.at(from, p.y-1, p.fit(r.text, width))
	}
}

// notes draws the state and what else is to be said.
func (p *paper) notes(state string, rest []string) {
	p.room(16)
	p.y += 9
	if state != "" {
		p.style("B", 8.5, ink)
		for _, text := range p.wrap(state, right-left) {
			p.room(5)
			p.at(left, p.y, text)
			p.y += 5
		}
	}
	p.style("", 8.5, muted)
	for _, note := range rest {
		for _, paragraph := range strings.Split(note, "\n") {
			for _, text := range p.wrap(paragraph, right-left) {
				p.room(5)
				p.style("", 8.5, muted)
				p.at(left, p.y, text)
				p.y += 4.6
			}
		}
	}
}

// foot draws the seller's facts and the page number on every page.
func (p *paper) foot() {
	d := p.doc
	pages := p.pdf.PageCount()
	contact := []string{}
	if d.Seller.TaxID != "" {
		contact = append(contact, p.say("VAT")+" "+d.Seller.TaxID)
	}
	if d.Seller.Email != "" {
		contact = append(contact, d.Seller.Email)
	}
	for page := 1; page <= pages; page++ {
		p.pdf.SetPage(page)
		p.line(left, right, 271, muted)
		p.style("", 7, muted)
		for i, text := range append([]string{d.Seller.Name}, d.Seller.Lines...) {
			if i < 4 {
				p.at(left, 275+float64(i)*3.6, p.fit(text, 62))
			}
		}
		for i, text := range contact {
			p.at(85, 275+float64(i)*3.6, p.fit(text, 62))
		}
		p.to(right, 275, p.say("Page")+" "+strconv.Itoa(page)+" / "+strconv.Itoa(pages))
	}
}

func (p *paper) write(w io.Writer, title string) error {
	p.pdf.SetTitle(printed(p.say(title)+" "+p.doc.Invoice.Number), true)
	p.foot()
	if err := p.pdf.Error(); err != nil {
		return err
	}
	return p.pdf.Output(w)
}
