package dunning

import (
	"context"
	"database/sql"
	"strings"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/data/db"
)

// store is the SQL of steps and holds.
type store struct{ db *db.DB }

func (s store) insert(ctx context.Context, inv ids.Invoice, step string, on period.Day, r Result, attempt ids.Attempt) error {
	var of any
	if attempt != "" {
		of = attempt
	}
	_, err := s.db.Write(ctx).ExecContext(ctx, `INSERT INTO dunning_steps (invoice_id, step, result, on_day, attempt_id) VALUES (?,?,?,?,?)`, inv, step, r, on, of)
	if db.IsDuplicate(err) {
		return ErrTaken
	}
	return err
}

func (s store) conclude(ctx context.Context, attempt ids.Attempt, r Result) error {
	_, err := s.db.Write(ctx).ExecContext(ctx, `UPDATE dunning_steps SET result = ? WHERE attempt_id = ?`, r, attempt)
	return err
}

func (s store) steps(ctx context.Context, invoices []ids.Invoice) (map[ids.Invoice]map[string]Taken, error) {
	out := make(map[ids.Invoice]map[string]Taken, len(invoices))
	for len(invoices) > 0 {
		piece := invoices[:min(1000, len(invoices))]
		invoices = invoices[len(piece):]
		args := make([]any, len(piece))
		for i, id := range piece {
			args[i] = id
		}
		if err := s.readSteps(ctx, strings.TrimSuffix(strings.Repeat("?,", len(piece)), ","), args, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s store) readSteps(ctx context.Context, marks string, args []any, out map[ids.Invoice]map[string]Taken) error {
	rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT invoice_id, step, result, on_day FROM dunning_steps WHERE invoice_id IN (`+marks+`)`, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var inv ids.Invoice
		var step string
		var t Taken
		if err := rows.Scan(&inv, &step, &t.Result, &t.On); err != nil {
			return err
		}
		if out[inv] == nil {
			out[inv] = map[string]Taken{}
		}
		out[inv][step] = t
	}
	return rows.Err()
}

func (s store) holds(ctx context.Context, subjects []string) (map[string][]Hold, error) {
	out := map[string][]Hold{}
	if len(subjects) == 0 {
		return out, nil
	}
	args := make([]any, len(subjects))
	for i, id := range subjects {
		args[i] = id
	}
	rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT subject_id, what, from_on, until_on FROM holds WHERE released_at IS NULL AND subject_id IN (`+
		strings.TrimSuffix(strings.Repeat("?,", len(subjects)), ",")+`)`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var subject string
		var h Hold
		if err := rows.Scan(&subject, &h.What, &h.From, &h.Until); err != nil {
			return nil, err
		}
		out[subject] = append(out[subject], h)
	}
	return out, rows.Err()
}

func (s store) insertHold(ctx context.Context, id ids.Hold, subject string, h Hold, reason, actor string) error {
	var until sql.NullString
	if !h.Until.IsZero() {
		until = sql.NullString{String: h.Until.String(), Valid: true}
	}
	_, err := s.db.Write(ctx).ExecContext(ctx, `INSERT INTO holds (id, subject_id, what, from_on, until_on, reason, actor) VALUES (?,?,?,?,?,?,?)`, id, subject, h.What, h.From, until, reason, actor)
	return err
}
