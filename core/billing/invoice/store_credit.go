package invoice

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/db"
)

const (
	noteColumns = `id, invoice_id, customer_id, currency, series_id, bucket, number_no, number, issued_on, reason, net_minor, tax_minor, total_minor,
	to_receivable_minor, to_balance_minor, cause_key, frozen_hash`
	noteLineColumns = `id, credit_note_id, no, invoice_line_id, net_minor, tax_minor, from_deferred_minor, service_from, service_to, explain_json`
)

// noteOf is the ID of the credit note of a cause, "" if there is none.
func (s store) noteOf(ctx context.Context, causeKey string) (id ids.CreditNote, err error) {
	err = s.db.Write(ctx).QueryRowContext(ctx, "SELECT id FROM credit_notes WHERE cause_key = ?", causeKey).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return id, err
}

// creditLine counts a credit on its line. The guard holds also if somebody writes without the lock.
func (s store) creditLine(ctx context.Context, of ids.Invoice, l CreditNoteLine) error {
	query, args := "UPDATE invoice_lines SET credited_minor = credited_minor + ?, credited_tax_minor = credited_tax_minor + ?", []any{l.Net, l.Tax}
	if !l.From.IsZero() {
		query, args = query+", live_to = ?", append(args, l.From)
	}
	query += " WHERE id = ? AND invoice_id = ? AND ABS(credited_minor + ?) <= ABS(net_minor) AND ABS(credited_tax_minor + ?) <= ABS(tax_minor)"
	res, err := s.db.Write(ctx).ExecContext(ctx, query, append(args, string(l.Line), string(of), l.Net, l.Tax)...)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, ErrAboveLine)
	}
	return nil
}

// saveSegments writes the segments of a line: those that were there are closed, the new one is added.
func (s store) saveSegments(ctx context.Context, line ids.Line, set []Segment) error {
	if len(set) == 0 {
		return nil
	}
	rows := make([][]any, len(set))
	for i, g := range set {
		rows[i] = []any{string(ids.New[ids.Segment]()), string(line), int64(i + 1), g.From, g.To, g.Minor, g.Closed}
	}
	return s.db.Upsert(ctx, db.Upsert{Table: "revenue_segments", Columns: []string{"id", "invoice_line_id", "no", "from_on", "to_on", "amount_minor", "closed_on"},
		Keys: []string{"invoice_line_id", "no"}, Set: []string{"closed_on"}, Rows: rows})
}

func (s store) segments(ctx context.Context, set []ids.Line) (map[ids.Line][]Segment, error) {
	out := map[ids.Line][]Segment{}
	for chunk := range slices.Chunk(set, 5000) {
		list, args := db.In(ids.Strings(chunk))
		rows, err := s.db.Read(ctx).QueryContext(ctx, "SELECT invoice_line_id, from_on, to_on, amount_minor, closed_on FROM revenue_segments WHERE invoice_line_id IN "+list+" ORDER BY invoice_line_id, no", args...)
		if err != nil {
			return nil, err
		}
		for rows.Next() {
			var line ids.Line
			var g Segment
			if err := rows.Scan(&line, &g.From, &g.To, &g.Minor, &g.Closed); err != nil {
				rows.Close()
				return nil, err
			}
			out[line] = append(out[line], g)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s store) insertNote(ctx context.Context, n *CreditNote) error {
	err := s.db.InsertRows(ctx, "credit_notes", split(noteColumns), [][]any{{string(n.ID), string(n.Invoice), string(n.Customer), n.Currency, string(n.series), n.bucket, n.no, n.Number, n.Issued, n.Reason,
		n.Net, n.Tax, n.Total, n.ToReceivable, n.ToBalance, n.CauseKey, n.frozen}})
	if err != nil {
		return err
	}
	rows := make([][]any, len(n.Lines))
	for i, l := range n.Lines {
		rows[i] = []any{string(l.ID), string(n.ID), int64(l.No), string(l.Line), l.Net, l.Tax, l.FromDeferred, l.From, l.To, l.Explain}
	}
	return s.db.InsertRows(ctx, "credit_note_lines", split(noteLineColumns), rows)
}

func scanNote(row scanner) (n CreditNote, err error) {
	err = row.Scan(&n.ID, &n.Invoice, &n.Customer, &n.Currency, &n.series, &n.bucket, &n.no, &n.Number, &n.Issued, &n.Reason, &n.Net, &n.Tax, &n.Total,
		&n.ToReceivable, &n.ToBalance, &n.CauseKey, &n.frozen)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	return n, err
}

func (s store) noteByCause(ctx context.Context, causeKey string) (CreditNote, error) {
	n, err := scanNote(s.db.Read(ctx).QueryRowContext(ctx, "SELECT "+noteColumns+" FROM credit_notes WHERE cause_key = ?", causeKey))
	if err != nil {
		return CreditNote{}, err
	}
	set := []CreditNote{n}
	err = s.noteLines(ctx, set)
	return set[0], err
}

func (s store) notes(ctx context.Context, set []ids.Invoice) (map[ids.Invoice][]CreditNote, error) {
	var list []CreditNote
	err := s.each(ctx, "SELECT "+noteColumns+" FROM credit_notes WHERE invoice_id IN ", " ORDER BY id", set, func(rows *sql.Rows) error {
		n, err := scanNote(rows)
		list = append(list, n)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := s.noteLines(ctx, list); err != nil {
		return nil, err
	}
	out := map[ids.Invoice][]CreditNote{}
	for _, n := range list {
		out[n.Invoice] = append(out[n.Invoice], n)
	}
	return out, nil
}

// notesAfter pages over all credit notes by ID.
func (s store) notesAfter(ctx context.Context, id ids.CreditNote, limit int) ([]CreditNote, error) {
	rows, err := s.db.Read(ctx).QueryContext(ctx, "SELECT "+noteColumns+" FROM credit_notes WHERE id > ? ORDER BY id LIMIT ?", string(id), limit)
	if err != nil {
		return nil, err
	}
	var list []CreditNote
	for rows.Next() {
		n, err := scanNote(rows)
		if err != nil {
			rows.Close()
			return nil, err
		}
		list = append(list, n)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	return list, s.noteLines(ctx, list)
}

// noteLines reads the lines of credit notes into them.
func (s store) noteLines(ctx context.Context, set []CreditNote) error {
	at := make(map[ids.CreditNote]int, len(set))
	numbers := make([]ids.CreditNote, len(set))
	for i := range set {
		at[set[i].ID], numbers[i] = i, set[i].ID
	}
	for chunk := range slices.Chunk(numbers, 5000) {
		list, args := db.In(ids.Strings(chunk))
		rows, err := s.db.Read(ctx).QueryContext(ctx, "SELECT "+noteLineColumns+" FROM credit_note_lines WHERE credit_note_id IN "+list+" ORDER BY credit_note_id, no", args...)
		if err != nil {
			return err
		}
		for rows.Next() {
			var l CreditNoteLine
			var of ids.CreditNote
			if err := rows.Scan(&l.ID, &of, &l.No, &l.Line, &l.Net, &l.Tax, &l.FromDeferred, &l.From, &l.To, &l.Explain); err != nil {
				rows.Close()
				return err
			}
			n := &set[at[of]]
			n.Lines = append(n.Lines, l)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
	}
	return nil
}
