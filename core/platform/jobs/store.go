package jobs

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/lease"
)

// mainQueue is the only queue yet; the column keeps slow work apart later.
const mainQueue = "main"

type store struct{ db *db.DB }

// insert writes new jobs and, where a key is taken, brings the old job forward or has it run once more.
func (s store) insert(ctx context.Context, set []New, now time.Time) error {
	var rows, keyed [][]any
	at := map[time.Time][]string{}
	seen := map[string]bool{}
	for _, n := range set {
		payload, err := json.Marshal(n.Payload)
		if err != nil {
			return fmt.Errorf("payload: %w", err)
		}
		if n.RunAt.IsZero() {
			n.RunAt = now
		}
		var lane, key any
		if n.Lane != "" {
			lane = n.Lane
		}
		if n.UniqueKey != "" {
			key = n.UniqueKey
		}
		row := []any{mainQueue, n.Kind, lane, string(payload), lease.Waiting, n.RunAt, 0, 0, cmp.Or(n.MaxAttempts, lease.DefaultAttempts), key, now}
		switch {
		case n.UniqueKey == "":
			rows = append(rows, row)
		case !seen[n.UniqueKey]:
			seen[n.UniqueKey] = true
			keyed = append(keyed, row)
			fallthrough
		default:
			at[n.RunAt] = append(at[n.RunAt], n.UniqueKey)
		}
	}
	columns := []string{"queue", "kind", "lane", "payload", "state", "run_at", "attempt", "deaths", "max_attempts", "unique_key", "created_at"}
	if err := s.db.InsertRows(ctx, "jobs", columns, rows); err != nil {
		return err
	}
	if err := s.db.Upsert(ctx, db.Upsert{Table: "jobs", Columns: columns, Keys: []string{"unique_key"}, Rows: keyed}); err != nil {
		return err
	}
	for runAt, keys := range at {
		for len(keys) > 0 {
			n := min(len(keys), 5000)
			list, args := db.In(keys[:n])
			_, err := s.db.Write(ctx).ExecContext(ctx, "UPDATE jobs SET run_at = ? WHERE unique_key IN "+list+" AND ((state = ? AND run_at = ?) OR run_at > ?)",
				append(append([]any{runAt}, args...), lease.Running, lease.Taken, runAt)...)
			if err != nil {
				return err
			}
			keys = keys[n:]
		}
	}
	return nil
}

func (s store) load(ctx context.Context, numbers []int64) (map[int64]Job, error) {
	list, args := db.In(numbers)
	rows, err := s.db.Read(ctx).QueryContext(ctx, "SELECT id, kind, COALESCE(lane, ''), payload FROM jobs WHERE id IN "+list, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := make(map[int64]Job, len(numbers))
	for rows.Next() {
		var j Job
		var payload string
		if err := rows.Scan(&j.ID, &j.Kind, &j.Lane, &payload); err != nil {
			return nil, err
		}
		j.Payload = json.RawMessage(payload)
		out[j.ID] = j
	}
	return out, rows.Err()
}

func (s store) list(ctx context.Context, state string, after int64, limit int) ([]Row, error) {
	rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT id, kind, COALESCE(lane, ''), payload, state, run_at, attempt, deaths, COALESCE(last_error, ''), created_at FROM jobs
		WHERE queue = ? AND state = ? AND id > ? `+fmt.Sprintf("ORDER BY id LIMIT %d", limit), mainQueue, state, after)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Row
	for rows.Next() {
		var r Row
		var payload string
		if err := rows.Scan(&r.ID, &r.Kind, &r.Lane, &payload, &r.State, &r.RunAt, &r.Attempts, &r.Deaths, &r.Error, &r.CreatedAt); err != nil {
			return nil, err
		}
		r.Payload = json.RawMessage(payload)
		out = append(out, r)
	}
	return out, rows.Err()
}

// purge deletes in sets of a thousand, so that nobody waits long.
func (s store) purge(ctx context.Context, before time.Time) (total int64, err error) {
	for {
		numbers, err := s.db.Numbers(ctx, "SELECT id FROM jobs WHERE queue = ? AND state = ? AND done_at < ? ORDER BY id LIMIT 1000", mainQueue, lease.Done, before)
		if err != nil || len(numbers) == 0 {
			return total, err
		}
		list, args := db.In(numbers)
		if _, err := s.db.Write(ctx).ExecContext(ctx, "DELETE FROM jobs WHERE id IN "+list, args...); err != nil {
			return total, err
		}
		total += int64(len(numbers))
	}
}
