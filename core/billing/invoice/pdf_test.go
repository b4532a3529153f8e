package invoice_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/data/dbtest"
)

// page is the text of one page, in the order in which it was drawn, a line for each piece.
type page string

var (
	streams = regexp.MustCompile(`(?s)stream\n(.*?)\nendstream`)
	shown   = regexp.MustCompile(`(?s)\(((?:[^\\)]|\\.)*)\) ?Tj`)
)

func pages(t *testing.T, file []byte) (out []page) {
	t.Helper()
	for _, m := range streams.FindAllSubmatch(file, -1) {
		z, err := zlib.NewReader(bytes.NewReader(m[1]))
		if err != nil {
			continue
		}
		text, err := io.ReadAll(z)
		if err != nil || !bytes.Contains(text, []byte(" Tj")) {
			continue
		}
		var b strings.Builder
		for _, piece := range shown.FindAllSubmatch(text, -1) {
			raw := piece[1]
			var units []uint16
			var pair []byte
			for i := 0; i < len(raw); i++ {
				if raw[i] == '\\' {
					i++
					if raw[i] == 'r' {
						raw[i] = '\r'
					}
				}
				if pair = append(pair, raw[i]); len(pair) == 2 {
					units, pair = append(units, uint16(pair[0])<<8|uint16(pair[1])), nil
				}
			}
			b.WriteString(string(utf16.Decode(units)) + "\n")
		}
		out = append(out, page(b.String()))
	}
	return out
}

// documentOf issues a draft and reads it back whole.
func documentOf(t *testing.T, s *invoice.Service, d invoice.Draft) invoice.Document {
	t.Helper()
	doc, err := s.Document(context.Background(), issue(t, s, d)[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func drawn(t *testing.T, doc invoice.Document, words invoice.Words) (file []byte, text []page) {
	t.Helper()
	var buf bytes.Buffer
	if err := doc.PDF(&buf, words); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes(), pages(t, buf.Bytes())
}

func contains(t *testing.T, p page, want ...string) {
	t.Helper()
	flat := strings.ReplaceAll(string(p), "\u00a0", " ")
	for _, w := range want {
		if !strings.Contains(flat, w) {
			t.Errorf("%q is not in\n%s", w, flat)
		}
	}
}

func TestThePaperInvoiceSaysAll(t *testing.T) {
	s := service(dbtest.SQLite(t))
	in := draft(ids.New[ids.Customer](), 1690, 338)
	in.Buyer.Name, in.Buyer.Lines = "Świętosława Łęcka", []string{"Οδός Ερμού 12", "105 63 Αθήνα", "Ελλάδα"}
	in.Lines[0].Text, in.Lines[0].Discount, in.Lines[0].List = "VPS-8, web-01.nordlicht.example", 310, 2000
	in.Lines[1].QtyMicro, in.Lines[1].Per, in.Lines[1].Unit = 840_000, 1000, 350
	doc := documentOf(t, s, in)
	doc.Customer, doc.BankText = "10233", "Transfer to IBAN DE00 5001 0000"
	file, text := drawn(t, doc, nil)
	if len(text) != 1 || !bytes.HasPrefix(file, []byte("%PDF-")) {
		t.Fatalf("%d pages", len(text))
	}
	contains(t, text[0], "Invoice\n", "INV-2027-000001", "10 March 2027", "24 March 2027", "10 March – 9 April 2027", "10233", "DE000000000",
		"EZSCALE Hosting GmbH", "Świętosława Łęcka", "Οδός Ερμού 12", "Ελλάδα", "VPS-8, web-01.nordlicht.example", "Discount −€3.10", "€16.90", "0.84", "€3.50 / 1000", "20 %",
		"VAT 20 % of €20.28", "€4.05", "Total", "€24.33", "Please pay €24.33 by 24 March 2027.", "IBAN DE00 5001 0000", "VAT DE000000001", "Page 1 / 1")
	if strings.Contains(string(text[0]), "To pay") {
		t.Error("an unpaid invoice needs no second total")
	}
	if again, _ := drawn(t, doc, nil); !bytes.Equal(file, again) {
		t.Error("the same document is another file")
	}
}

func TestThePaperInvoiceFollowsTheMoney(t *testing.T) {
	ctx, s := context.Background(), service(dbtest.SQLite(t))
	doc := documentOf(t, s, draft(ids.New[ids.Customer](), 1000))
	id := doc.Invoice.ID
	read := func() invoice.Document {
		doc, err := s.Document(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		return doc
	}
	if _, err := s.Apply(ctx, id, 1200); err != nil {
		t.Fatal(err)
	}
	doc = read()
	_, text := drawn(t, doc, nil)
	contains(t, text[0], "−€12.00", "To pay", "€0.00", "Paid. Thank you.")
	doc.Receipts = []invoice.Receipt{{Text: "Balance", On: today, Minor: 200}, {Text: "Visa 4242", On: today, Minor: 1000}}
	_, text = drawn(t, doc, nil)
	contains(t, text[0], "Balance, 10 March 2027", "−€2.00", "Visa 4242, 10 March 2027", "−€10.00")

	note, _, err := s.Credit(ctx, invoice.CreditDraft{Invoice: id, CauseKey: "change:1", Day: today, Lines: []invoice.CreditLine{{Line: doc.Lines[0].ID, Net: 333, From: today.Add(20), To: today.Add(31)}}})
	if err != nil {
		t.Fatal(err)
	}
	doc = read()
	_, text = drawn(t, doc, nil)
	contains(t, text[0], "Credit note CN-2027-000001, 10 March 2027", "−€4.00", "−€8.00")
	var buf bytes.Buffer
	if err := doc.CreditNotePDF(&buf, note.ID, nil); err != nil {
		t.Fatal(err)
	}
	contains(t, pages(t, buf.Bytes())[0], "Credit note\n", "CN-2027-000001", "For invoice", "INV-2027-000001", "30 March – 9 April 2027", "€3.33", "VAT 20 % of €3.33", "€0.67", "Total credited", "€4.00", "€4.00 is yours to use or to have refunded.")
	if err := doc.CreditNotePDF(&buf, ids.New[ids.CreditNote](), nil); !errors.Is(err, invoice.ErrNotFound) {
		t.Errorf("%v", err)
	}
}

func TestALongInvoiceRepeatsItsHeadAndKeepsItsSumsTogether(t *testing.T) {
	s := service(dbtest.SQLite(t))
	for _, n := range []int{8, 9, 10, 11, 12, 13, 14, 15, 60} {
		nets := make([]int64, n)
		for i := range nets {
			nets[i] = 1000
		}
		in := draft(ids.New[ids.Customer](), nets...)
		for i := range in.Lines {
			in.Lines[i].Text = fmt.Sprintf("Line %03d %s", i+1, strings.Repeat("of a product with a long name ", i%4))
		}
		_, text := drawn(t, documentOf(t, s, in), nil)
		var heads, rows int
		for i, p := range text {
			lines := strings.Count(string(p), "Line ")
			rows += lines
			if strings.Contains(string(p), "Quantity\n") {
				heads++
			} else if lines > 0 {
				t.Errorf("%d lines: page %d has lines and no head", n, i+1)
			}
			contains(t, p, fmt.Sprintf("Page %d / %d", i+1, len(text)))
		}
		whole := slices.ContainsFunc(text, func(p page) bool {
			return strings.Contains(string(p), "VAT 20") && strings.Contains(string(p), "\nTotal\n") && strings.Contains(string(p), "Please pay")
		})
		if rows != n || n == 60 && heads < 3 {
			t.Errorf("%d lines: %d drawn on %d pages, %d heads", n, rows, len(text), heads)
		}
		if !whole {
			t.Errorf("%d lines: the sums are not in one piece:\n%s", n, text[len(text)-1])
		}
	}
}

func TestReverseChargeAndForeignCurrencyAreSaid(t *testing.T) {
	s := service(dbtest.SQLite(t))
	in := draft(ids.New[ids.Customer](), 1000)
	in.Lines[0].Tax, in.Tax, in.Total = 0, 0, 1000
	in.Taxes = []invoice.Tax{{Group: "std", Category: "AE", Base: 1000}}
	in.Buyer.Country, in.Buyer.TaxID = "PL", "PL0000000000"
	_, text := drawn(t, documentOf(t, s, in), nil)
	flat := strings.ReplaceAll(string(text[0]), "\n", " ")
	contains(t, page(flat), "Reverse charge: the tax is owed by the recipient (article 196 of Directive 2006/112/EC). VAT number of the recipient: PL0000000000.")

	in = draft(ids.New[ids.Customer](), 1000)
	in.Currency, in.RatePico = "USD", 920_000_000_000
	_, text = drawn(t, documentOf(t, s, in), nil)
	contains(t, text[0], "$12.00", "The tax is €1.84 at a rate of 0.92 for 1 USD.")

	in = draft(ids.New[ids.Customer](), 1000)
	in.Currency, in.Buyer.Locale = "PLN", "pl"
	_, text = drawn(t, documentOf(t, s, in), func(text string) string {
		return map[string]string{"Invoice": "Faktura", "March": "marca", "Please pay %s by %s.": "Prosimy zapłacić %s do %s."}[text]
	})
	contains(t, text[0], "Faktura", "10 marca 2027", "Prosimy zapłacić 12,00 zł do 24 marca 2027.")
}

// TestPaperIsLiteral is IN-6: what people type is printed, and does nothing.
func TestPaperIsLiteral(t *testing.T) {
	s := service(dbtest.SQLite(t))
	in := draft(ids.New[ids.Customer](), 1000)
	nasty := `<a href="https://evil.example">x</a> {nb} {{ 7*7 }} %s ) Tj /JS (app.alert(1)) \`
	in.Buyer.Name = "Ümlaut & Söhne 😀 \u202eesrever"
	in.Buyer.Lines = []string{nasty, "à la à, ą ( ) \\"}
	in.Buyer.Locale = "en) /OpenAction << /S /JavaScript /JS (app.alert(1)) >> ("
	in.Lines[0].Text = nasty
	in.Seller.Name = "Seller ) \\ ("
	file, text := drawn(t, documentOf(t, s, in), nil)
	contains(t, text[0], `{nb} {{ 7*7 }} %s`, `<a href="https://evil.example">x</a>`, "Ümlaut & Söhne \ufffd  esrever", `à la à, ą ( ) \`, "Page 1 / 1")
	for _, word := range []string{"/JavaScript", "/JS", "/OpenAction", "/Launch", "/URI", "/AcroForm", "/Annots", "/Filespec"} {
		if bytes.Contains(file, []byte(word)) {
			t.Errorf("%s is in the file", word)
		}
	}
}

func TestPaperCanBeDrawnByMany(t *testing.T) {
	s := service(dbtest.SQLite(t))
	doc := documentOf(t, s, draft(ids.New[ids.Customer](), 1000))
	want, _ := drawn(t, doc, nil)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			var buf bytes.Buffer
			if err := doc.PDF(&buf, nil); err != nil || !bytes.Equal(buf.Bytes(), want) {
				t.Errorf("another file, %v", err)
			}
		})
	}
	wg.Wait()
}

func BenchmarkPDF(b *testing.B) {
	s := service(dbtest.SQLite(b))
	nets := make([]int64, 20)
	for i := range nets {
		nets[i] = 1000
	}
	set, err := s.IssueSet(context.Background(), []invoice.Draft{draft(ids.New[ids.Customer](), nets...)})
	if err != nil {
		b.Fatal(err)
	}
	doc, err := s.Document(context.Background(), set[0].ID)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := doc.PDF(io.Discard, nil); err != nil {
			b.Fatal(err)
		}
	}
}
