package run

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/sdk/fault"
)

type store struct{ db *db.DB }

func (s store) insert(ctx context.Context, id ids.Run, day period.Day, at time.Time) error {
	_, err := s.db.Write(ctx).ExecContext(ctx, `INSERT INTO billing_runs (id, for_day, state, done, failed, started_at) VALUES (?,?,?,0,0,?)`, id, day, Running, at)
	return err
}

func (s store) end(ctx context.Context, id ids.Run, done, failed int, at time.Time) error {
	_, err := s.db.Write(ctx).ExecContext(ctx, `UPDATE billing_runs SET state = ?, done = ?, failed = ?, ended_at = ? WHERE id = ?`, Done, done, failed, at, id)
	return err
}

func (s store) failures(ctx context.Context, id ids.Run, failures map[string]string, at time.Time) error {
	rows := make([][]any, 0, len(failures))
	for _, item := range slices.Sorted(maps.Keys(failures)) {
		rows = append(rows, []any{id, fault.Cut(item, 120), fault.Cut(failures[item], 500), at})
	}
	return s.db.InsertRows(ctx, "run_failures", []string{"run_id", "item_key", "error", "at"}, rows)
}

func (s store) ranOn(ctx context.Context, day period.Day) (bool, error) {
	var n int
	err := s.db.Read(ctx).QueryRowContext(ctx, `SELECT COUNT(*) FROM billing_runs WHERE for_day = ? AND state = ?`, day, Done).Scan(&n)
	return n > 0, err
}

func (s store) list(ctx context.Context, limit int) ([]Run, error) {
	rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT id, for_day, state, done, failed, started_at, ended_at FROM billing_runs ORDER BY id DESC LIMIT ?`, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Run
	at := map[ids.Run]int{}
	for rows.Next() {
		var r Run
		var ended sql.NullTime
		if err := rows.Scan(&r.ID, &r.Day, &r.State, &r.Done, &r.Failed, &r.Started, &ended); err != nil {
			return nil, err
		}
		r.Ended = ended.Time
		at[r.ID] = len(out)
		out = append(out, r)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return out, s.addFailures(ctx, out, at)
}

func (s store) addFailures(ctx context.Context, runs []Run, at map[ids.Run]int) error {
	list, args := db.In(slices.Sorted(maps.Keys(at)))
	rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT run_id, item_key, error, at FROM run_failures WHERE run_id IN `+list+` ORDER BY run_id, item_key`, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id ids.Run
		var f Failure
		if err := rows.Scan(&id, &f.Item, &f.Error, &f.At); err != nil {
			return err
		}
		r := &runs[at[id]]
		r.Failures = append(r.Failures, f)
	}
	return rows.Err()
}
