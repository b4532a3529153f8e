package invoice

import (
	"cmp"
	"context"
	"slices"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/data/db"
)

var (
	invoiceColumns      = split(columns)
	lineColumnNames     = split(lineColumns)
	taxColumns          = []string{"invoice_id", "tax_group", "code", "category", "rate_ppm", "compound", "base_minor", "tax_minor"}
	snapshotColumns     = []string{"hash", "body"}
	zero            any = int64(0)
)

// cells are rows in one piece of memory, so that a set costs few allocations. Values are of the types that
// drivers take as they are: text, int64, bool, time, nil.
type cells struct {
	flat []any
	rows [][]any
}

func newCells(rows, columns int) *cells {
	return &cells{flat: make([]any, 0, rows*columns), rows: make([][]any, 0, rows)}
}

func (c *cells) row(values ...any) {
	from := len(c.flat)
	c.flat = append(c.flat, values...)
	c.rows = append(c.rows, c.flat[from:len(c.flat):len(c.flat)])
}

// words makes cells of texts and days that come again and again, each once.
type words struct {
	days  map[period.Day]any
	texts map[string]any
}

func newWords() *words { return &words{map[period.Day]any{}, map[string]any{}} }

func (w *words) day(d period.Day) any {
	if d.IsZero() {
		return nil
	}
	v, ok := w.days[d]
	if !ok {
		v = d.String()
		w.days[d] = v
	}
	return v
}

func (w *words) text(t string) any {
	v, ok := w.texts[t]
	if !ok {
		v = t
		w.texts[t] = v
	}
	return v
}

func (w *words) null(t string) any {
	if t == "" {
		return nil
	}
	return w.text(t)
}

// insertSet writes documents with their lines and taxes: three statements, more only where one would be too
// long. out[i] is the document of set[i].
func (s store) insertSet(ctx context.Context, set []Draft, out []Invoice) error {
	nLines, nTaxes := 0, 0
	for i := range set {
		nLines, nTaxes = nLines+len(set[i].Lines), nTaxes+len(set[i].Taxes)
	}
	w := newWords()
	invoices, lines, taxes := newCells(len(out), len(invoiceColumns)), newCells(nLines, len(lineColumnNames)), newCells(nTaxes, len(taxColumns))
	var created any
	for i := range out {
		inv := &out[i]
		if i == 0 || !inv.Created.Equal(out[i-1].Created) {
			created = inv.Created
		}
		var id any = string(inv.ID)
		var settledAt any
		if !inv.Settled.IsZero() {
			settledAt = inv.Settled
		}
		var no, number, bucket any
		if inv.Number != "" {
			no, number, bucket = inv.no, inv.Number, w.text(inv.bucket)
		}
		invoices.row(id, string(inv.Customer), w.text(inv.Kind), w.text(string(inv.Status)), w.text(inv.Currency), w.null(string(inv.series)), bucket, no, number,
			w.day(inv.Issued), w.day(inv.Due), w.null(string(inv.Ladder)), inv.Net, inv.Tax, inv.Rounding, inv.Total,
			w.null(inv.Base), rate(inv), w.null(inv.seller), null(inv.buyer), null(inv.frozen), inv.Paid, inv.Credited, inv.WrittenOff, inv.Disputed, settledAt, null(inv.payHash), created, inv.Version)
		for j := range set[i].Lines {
			l := &set[i].Lines[j]
			lines.row(string(l.ID), id, int64(l.No), w.text(l.Kind), l.Text, ids.Null(l.Subscription), ids.Null(l.Obligation), w.null(l.Owner), w.day(l.From), w.day(l.To),
				l.QtyMicro, l.Unit, l.Per, l.List, l.Discount, l.Net, l.Tax, w.text(l.Group), l.Defer, l.Explain, w.day(l.LiveTo), zero, zero)
		}
		for j := range set[i].Taxes {
			t := &set[i].Taxes[j]
			taxes.row(id, w.text(t.Group), w.text(t.Code), w.text(t.Category), t.RatePPM, t.Compound, t.Base, t.Tax)
		}
	}
	if err := s.db.InsertRows(ctx, "invoices", invoiceColumns, invoices.rows); err != nil {
		return err
	}
	if err := s.db.InsertRows(ctx, "invoice_lines", lineColumnNames, lines.rows); err != nil {
		return err
	}
	return s.db.InsertRows(ctx, "invoice_taxes", taxColumns, taxes.rows)
}

// insertSnapshots writes those that are not there. The order of hashes keeps two transactions from waiting
// for each other.
func (s store) insertSnapshots(ctx context.Context, set []snapshot) error {
	slices.SortFunc(set, func(a, b snapshot) int { return cmp.Compare(a.hash, b.hash) })
	rows := newCells(len(set), len(snapshotColumns))
	for i := range set {
		rows.row(set[i].hash, set[i].body)
	}
	return s.db.Upsert(ctx, db.Upsert{Table: "snapshots", Columns: snapshotColumns, Keys: []string{"hash"}, Rows: rows.rows})
}
