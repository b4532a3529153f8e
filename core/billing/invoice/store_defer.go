package invoice

import (
	"context"
	"errors"
	"fmt"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/db"
)

func (s store) deferring(ctx context.Context, p DeferPage) ([]Deferring, error) {
	where, args := "l.defer = TRUE AND i.number IS NOT NULL AND i.id > ?", []any{p.AfterID}
	if !p.Through.IsZero() {
		where += " AND l.service_from <= ? AND (l.service_to > ? OR i.issued_on >= ?)"
		args = append(args, p.Through, p.After.String(), p.After.String())
	}
	rows, err := s.db.Read(ctx).QueryContext(ctx, "SELECT DISTINCT i.id, i.currency, COALESCE(i.rate_pico, 0) FROM invoices i JOIN invoice_lines l ON l.invoice_id = i.id WHERE "+where+fmt.Sprintf(" ORDER BY i.id LIMIT %d", p.Limit), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Deferring
	at := map[ids.Invoice]int{}
	for rows.Next() {
		var d Deferring
		if err := rows.Scan(&d.Invoice, &d.Currency, &d.RatePico); err != nil {
			return nil, err
		}
		at[d.Invoice] = len(out)
		out = append(out, d)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil || len(out) == 0 {
		return nil, err
	}
	return out, s.deferLines(ctx, out, at)
}

func (s store) deferLines(ctx context.Context, set []Deferring, at map[ids.Invoice]int) error {
	var numbers []string
	for _, d := range set {
		numbers = append(numbers, string(d.Invoice))
	}
	list, args := db.In(numbers)
	rows, err := s.db.Read(ctx).QueryContext(ctx, "SELECT id, invoice_id, COALESCE(owner_id, ''), net_minor, service_from, service_to FROM invoice_lines WHERE defer = TRUE AND invoice_id IN "+list+" ORDER BY invoice_id, no", args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	type place struct{ invoice, line int }
	places := map[ids.Line]place{}
	var lines []ids.Line
	for rows.Next() {
		var id ids.Line
		var inv ids.Invoice
		var l DeferLine
		var g Segment
		if err := rows.Scan(&id, &inv, &l.Owner, &g.Minor, &g.From, &g.To); err != nil {
			return err
		}
		l.Segments = []Segment{g}
		d := &set[at[inv]]
		places[id] = place{at[inv], len(d.Lines)}
		d.Lines = append(d.Lines, l)
		lines = append(lines, id)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	credited, err := s.segments(ctx, lines)
	for id, segments := range credited {
		set[places[id].invoice].Lines[places[id].line].Segments = segments
	}
	return err
}

func (s store) eachLine(ctx context.Context, take func(Line) error) error {
	var last ids.Line
	for {
		n, err := s.linePage(ctx, &last, take)
		if err != nil || n < verifyPage {
			return err
		}
	}
}

func (s store) linePage(ctx context.Context, last *ids.Line, take func(Line) error) (n int, err error) {
	rows, err := s.db.Read(ctx).QueryContext(ctx, fmt.Sprintf("SELECT id, explain_json FROM invoice_lines WHERE id > ? ORDER BY id LIMIT %d", verifyPage), *last)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var l Line
		if err := rows.Scan(&l.ID, &l.Explain); err != nil {
			return n, err
		}
		*last = l.ID
		n++
		if err := take(l); err != nil {
			return n, err
		}
	}
	return n, rows.Err()
}
