package dunning

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"
	"time"

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

func (s store) releaseHold(ctx context.Context, id ids.Hold, at time.Time) error {
	res, err := s.db.Write(ctx).ExecContext(ctx, `UPDATE holds SET released_at = COALESCE(released_at, ?) WHERE id = ?`, at, id)
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err == nil && n == 0 {
		err = ErrHoldNotFound
	}
	return err
}

func (s store) ladders(ctx context.Context) ([]Named, error) {
	rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT id, name, version, rules FROM ladders WHERE active = TRUE ORDER BY id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Named
	for rows.Next() {
		var n Named
		var rules string
		if err := rows.Scan(&n.ID, &n.Name, &n.Version, &rules); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(rules), &n.Ladder); err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, rows.Err()
}

// keepLadder writes a ladder unless it is there.
func (s store) keepLadder(ctx context.Context, n Named) error {
	rules, err := json.Marshal(n.Ladder)
	if err != nil {
		return err
	}
	return s.db.Upsert(ctx, db.Upsert{Table: "ladders", Columns: []string{"id", "name", "version", "rules", "active"}, Keys: []string{"id"},
		Rows: [][]any{{string(n.ID), n.Name, n.Version, string(rules), true}}})
}

// saveLadder writes a new ladder, or the next version of one.
func (s store) saveLadder(ctx context.Context, n Named) error {
	rules, err := json.Marshal(n.Ladder)
	if err != nil {
		return err
	}
	if n.Version == 0 {
		err := s.db.InsertRows(ctx, "ladders", []string{"id", "name", "version", "rules", "active"}, [][]any{{string(n.ID), n.Name, 1, string(rules), true}})
		if db.IsDuplicate(err) {
			return ErrLadderChanged
		}
		return err
	}
	res, err := s.db.Write(ctx).ExecContext(ctx, `UPDATE ladders SET name = ?, rules = ?, version = version + 1 WHERE id = ? AND version = ?`, n.Name, string(rules), n.ID, n.Version)
	if err != nil {
		return err
	}
	if changed, err := res.RowsAffected(); err != nil || changed != 1 {
		return errors.Join(err, ErrLadderChanged)
	}
	return nil
}
