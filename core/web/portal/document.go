package portal

import (
	"bytes"
	"cmp"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/web/view"
)

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
