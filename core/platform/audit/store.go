package audit

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/db"
)

// store is the SQL of the trail. There is no update and no delete.
type store struct{ db *db.DB }

const columns = `id, at, actor, on_behalf, address, request_id, action, subject, customer_id, before_json, after_json, prev_hash, hash`

// lockLast is the hash of the newest row, locked until the transaction ends. Whoever waited for the lock
// may hold a row that is newest no more, so it looks again.
func (s store) lockLast(ctx context.Context) (string, error) {
	seen := int64(-1)
	for {
		var id int64
		var hash string
		err := s.db.Write(ctx).QueryRowContext(ctx, `SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1`+s.db.ForUpdate()).Scan(&id, &hash)
		if errors.Is(err, sql.ErrNoRows) {
			return genesis, nil
		}
		if err != nil {
			return "", err
		}
		if id == seen || s.db.ForUpdate() == "" {
			return hash, nil
		}
		seen = id
	}
}

func (s store) last(ctx context.Context) (string, error) {
	var hash string
	err := s.db.Read(ctx).QueryRowContext(ctx, `SELECT hash FROM audit ORDER BY id DESC LIMIT 1`).Scan(&hash)
	if errors.Is(err, sql.ErrNoRows) {
		return genesis, nil
	}
	return hash, err
}

func (s store) insert(ctx context.Context, rows []Row) error {
	set := make([][]any, len(rows))
	for i, r := range rows {
		var behalf any
		if r.Who.OnBehalf != "" {
			behalf = r.Who.OnBehalf
		}
		set[i] = []any{r.At, r.Who.Actor, behalf, r.Who.Address, r.Who.RequestID, r.Action, r.Subject, ids.Null(r.Customer), r.Before, r.After, r.Prev, r.Hash}
	}
	return s.db.InsertRows(ctx, "audit", []string{"at", "actor", "on_behalf", "address", "request_id", "action", "subject", "customer_id",
		"before_json", "after_json", "prev_hash", "hash"}, set)
}

func (s store) forward(ctx context.Context, after int64, limit int) ([]Row, error) {
	return s.rows(ctx, `SELECT `+columns+` FROM audit WHERE id > ? ORDER BY id LIMIT ?`, after, limit)
}

func (s store) list(ctx context.Context, f Filter, limit int) ([]Row, error) {
	where, args := []string{"1 = 1"}, []any{}
	add := func(condition string, values ...any) {
		where, args = append(where, condition), append(args, values...)
	}
	if f.Actor != "" {
		add("actor = ?", f.Actor)
	}
	if kind, ok := strings.CutSuffix(f.Action, "."); ok {
		add("action LIKE ? ESCAPE '!'", db.StartsWith(kind+"."))
	} else if f.Action != "" {
		add("action = ?", f.Action)
	}
	if f.Subject != "" {
		add("subject = ?", f.Subject)
	}
	if f.Customer != "" {
		add("customer_id = ?", f.Customer)
	}
	if !f.From.IsZero() {
		add("at >= ?", f.From.UTC())
	}
	if !f.To.IsZero() {
		add("at < ?", f.To.UTC())
	}
	if f.Before > 0 {
		add("id < ?", f.Before)
	}
	return s.rows(ctx, `SELECT `+columns+` FROM audit WHERE `+strings.Join(where, " AND ")+` ORDER BY id DESC LIMIT ?`, append(args, limit)...)
}

func (s store) rows(ctx context.Context, query string, args ...any) ([]Row, error) {
	rows, err := s.db.Read(ctx).QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Row
	for rows.Next() {
		var r Row
		var behalf sql.NullString
		if err := rows.Scan(&r.ID, &r.At, &r.Who.Actor, &behalf, &r.Who.Address, &r.Who.RequestID, &r.Action, &r.Subject, &r.Customer,
			&r.Before, &r.After, &r.Prev, &r.Hash); err != nil {
			return nil, err
		}
		r.Who.OnBehalf = behalf.String
		out = append(out, r)
	}
	return out, rows.Err()
}
