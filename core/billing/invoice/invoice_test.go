package invoice_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/lease"
	"github.com/ezscale/bursar/core/data/outbox"
)

var (
	now   = time.Date(2027, 3, 10, 9, 0, 0, 0, time.UTC)
	today = period.Date(2027, 3, 10)
)

func service(d *db.DB) *invoice.Service {
	c := clock.At(now)
	return invoice.New(invoice.Deps{DB: d, Outbox: outbox.New(d, c, lease.Options{}), Clock: c})
}

var (
	seller = invoice.Party{Name: "EZSCALE Hosting GmbH", Lines: []string{"Mainkai 9", "60311 Frankfurt am Main", "Germany"}, Email: "billing@ezscale.example", Country: "DE", TaxID: "DE000000001", Locale: "en"}
	buyer  = invoice.Party{Name: "Nordlicht Medien GmbH", Lines: []string{"Jana Petersen", "Speicherweg 12", "20457 Hamburg", "Germany"}, Email: "jana@nordlicht.example", Country: "DE", TaxID: "DE000000000", Locale: "en"}
)

// draft is an invoice of lines of a net amount with 20 % of tax each, as far as that is whole.
func draft(cus ids.Customer, nets ...int64) invoice.Draft {
	d := invoice.Draft{Customer: cus, Kind: invoice.KindRenewal, Currency: "EUR", Issued: today, Due: today.Add(14), Seller: seller, Buyer: buyer, Base: "EUR", RatePico: 1_000_000_000_000}
	for i, net := range nets {
		tax := net / 5
		d.Lines = append(d.Lines, invoice.Line{Kind: "recurring", Text: fmt.Sprintf("VPS-%d", i+1), Subscription: "sub_01JD0Y9F6Z8V5M3B1N7K2T4QWX", Owner: "prd_01JD0Y9F6Z8V5M3B1N7K2T4QWX", From: today, To: today.Add(31),
			QtyMicro: 1_000_000, Unit: net, Per: 1, List: net, Net: net, Tax: tax, Group: "std", Defer: true, Explain: `{"v":1,"rule":"term"}`})
		d.Net, d.Tax = d.Net+net, d.Tax+tax
	}
	d.Total = d.Net + d.Tax
	d.Taxes = []invoice.Tax{{Group: "std", Code: "VAT20", Category: "S", RatePPM: 200_000, Base: d.Net, Tax: d.Tax}}
	return d
}

func issue(t *testing.T, s *invoice.Service, set ...invoice.Draft) []invoice.Invoice {
	t.Helper()
	out, err := s.IssueSet(context.Background(), set)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func get(t *testing.T, s *invoice.Service, id ids.Invoice) invoice.Invoice {
	t.Helper()
	inv, err := s.Get(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

// sound fails if Verify finds anything.
func sound(t *testing.T, s *invoice.Service) {
	t.Helper()
	if found := findings(t, s); len(found) > 0 {
		t.Fatalf("verify finds %s", strings.Join(found, "\n"))
	}
}

func findings(t *testing.T, s *invoice.Service) (out []string) {
	t.Helper()
	if err := s.Verify(context.Background(), func(f string) { out = append(out, f) }); err != nil {
		t.Fatal(err)
	}
	return out
}

// told lists the events about an invoice, oldest first.
func told(t *testing.T, d *db.DB, id ids.Invoice) (out []string) {
	t.Helper()
	return texts(t, d, "SELECT kind FROM events WHERE subject = ? ORDER BY id", string(id))
}

// texts reads rows as text, for comparing whole rows.
func texts(t *testing.T, d *db.DB, query string, args ...any) (out []string) {
	t.Helper()
	rows, err := d.Read(context.Background()).QueryContext(context.Background(), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		cells, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range cells {
			into[i] = &cells[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		var row []string
		for _, c := range cells {
			if raw, ok := c.([]byte); ok {
				c = string(raw)
			}
			row = append(row, fmt.Sprint(c))
		}
		out = append(out, strings.Join(row, "|"))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

type moneyCase struct {
	ID, Op, Title string
	In, Out       json.RawMessage
}

func cases(t *testing.T, op string, atLeast int) []moneyCase {
	t.Helper()
	text, err := os.ReadFile("testdata/money-cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []moneyCase }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	out := slices.DeleteFunc(file.Cases, func(c moneyCase) bool { return c.Op != op })
	if len(out) < atLeast {
		t.Fatalf("only %d cases of %s were read", len(out), op)
	}
	return out
}

func read(t *testing.T, text json.RawMessage, into any) {
	t.Helper()
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}
