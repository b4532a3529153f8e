package idempotency

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/ezscale/bursar/core/data/db"
)

type store struct{ db *db.DB }

// errGone: the row that was met is there no more.
var errGone = errors.New("no such request")

const mine = ` WHERE caller = ? AND route = ? AND idem_key = ?`

// insert answers false if the key is there already.
func (s store) insert(ctx context.Context, r Request, hash string, now time.Time) (fresh bool, err error) {
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		_, err := s.db.Write(ctx).ExecContext(ctx, `INSERT INTO idempotency_keys (caller, route, idem_key, body_hash, state, status, answer, created_at) VALUES (?,?,?,?,?,0,'',?)`,
			r.Caller, r.Route, r.Key, hash, running, now)
		fresh = err == nil
		if db.IsDuplicate(err) {
			return nil
		}
		return err
	})
	return fresh, err
}

func (s store) get(ctx context.Context, r Request) (w row, err error) {
	err = s.db.Read(ctx).QueryRowContext(ctx, `SELECT body_hash, state, status, answer, created_at FROM idempotency_keys`+mine, r.Caller, r.Route, r.Key).
		Scan(&w.hash, &w.state, &w.status, &w.answer, &w.began)
	if errors.Is(err, sql.ErrNoRows) {
		return w, errGone
	}
	return w, err
}

// takeOver goes on with a request whose process died. Of many who want to, one may.
func (s store) takeOver(ctx context.Context, r Request, began, now time.Time) (bool, error) {
	return s.change(ctx, `UPDATE idempotency_keys SET created_at = ?`+mine+` AND state = ? AND created_at = ?`, now, r.Caller, r.Route, r.Key, running, began)
}

// finish keeps an answer. false: somebody took over since.
func (s store) finish(ctx context.Context, r Request, began time.Time, status int, answer string) (bool, error) {
	return s.change(ctx, `UPDATE idempotency_keys SET state = ?, status = ?, answer = ?`+mine+` AND state = ? AND created_at = ?`,
		done, status, answer, r.Caller, r.Route, r.Key, running, began)
}

func (s store) drop(ctx context.Context, r Request, began time.Time) error {
	_, err := s.change(ctx, `DELETE FROM idempotency_keys`+mine+` AND state = ? AND created_at = ?`, r.Caller, r.Route, r.Key, running, began)
	return err
}

func (s store) change(ctx context.Context, statement string, args ...any) (changed bool, err error) {
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		res, err := s.db.Write(ctx).ExecContext(ctx, statement, args...)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		changed = n == 1
		return err
	})
	return changed, err
}

func (s store) purge(ctx context.Context, before time.Time) (int64, error) {
	res, err := s.db.Write(ctx).ExecContext(ctx, `DELETE FROM idempotency_keys WHERE created_at < ?`, before)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}
