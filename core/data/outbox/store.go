package outbox

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/lease"
)

type store struct{ db *db.DB }

func (s store) insert(ctx context.Context, events []Event, now time.Time) error {
	rows := make([][]any, len(events))
	for i, e := range events {
		payload, err := json.Marshal(e.Payload)
		if err != nil {
			return fmt.Errorf("payload of %s: %w", e.Kind, err)
		}
		rows[i] = []any{e.Kind, e.Subject, string(payload), now, true}
	}
	return s.db.InsertRows(ctx, "events", []string{"kind", "subject", "payload", "at", "pending"}, rows)
}

func (s store) anyPending(ctx context.Context) (bool, error) {
	var one int
	err := s.db.Read(ctx).QueryRowContext(ctx, "SELECT 1 FROM events WHERE pending = TRUE LIMIT 1").Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// pending reads the next events and locks them.
func (s store) pending(ctx context.Context, limit int) ([]Event, error) {
	rows, err := s.db.Write(ctx).QueryContext(ctx, fmt.Sprintf("SELECT id, kind FROM events WHERE pending = TRUE ORDER BY id LIMIT %d", limit)+s.db.SkipLocked())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Event
	for rows.Next() {
		var e Event
		if err := rows.Scan(&e.ID, &e.Kind); err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, rows.Err()
}

func (s store) fanOut(ctx context.Context, events []Event, steps func(Kind) []Follow, now time.Time) error {
	if len(events) == 0 {
		return nil
	}
	var rows [][]any
	numbers := make([]int64, len(events))
	for i, e := range events {
		numbers[i] = e.ID
		for _, f := range steps(e.Kind) {
			rows = append(rows, []any{e.ID, f.Name, lease.Waiting, now, 0, 0, lease.DefaultAttempts})
		}
	}
	err := s.db.Upsert(ctx, db.Upsert{
		Table: "deliveries", Columns: []string{"event_id", "step", "state", "run_at", "attempt", "deaths", "max_attempts"},
		Keys: []string{"event_id", "step"}, Rows: rows,
	})
	if err != nil {
		return err
	}
	list, args := db.In(numbers)
	_, err = s.db.Write(ctx).ExecContext(ctx, "UPDATE events SET pending = NULL WHERE id IN "+list, args...)
	return err
}

const deliveryColumns = "d.id, d.step, e.id, e.kind, e.subject, e.payload, e.at"

func (s store) load(ctx context.Context, numbers []int64) (map[int64]delivery, error) {
	list, args := db.In(numbers)
	rows, err := s.db.Read(ctx).QueryContext(ctx, "SELECT "+deliveryColumns+" FROM deliveries d JOIN events e ON e.id = d.event_id WHERE d.id IN "+list, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := make(map[int64]delivery, len(numbers))
	for rows.Next() {
		var id int64
		var d delivery
		var payload string
		if err := rows.Scan(&id, &d.step, &d.event.ID, &d.event.Kind, &d.event.Subject, &payload, &d.event.At); err != nil {
			return nil, err
		}
		d.event.Payload = json.RawMessage(payload)
		out[id] = d
	}
	return out, rows.Err()
}

func (s store) parked(ctx context.Context, after int64, limit int) ([]Delivery, error) {
	rows, err := s.db.Read(ctx).QueryContext(ctx, "SELECT "+deliveryColumns+", d.attempt, d.deaths, COALESCE(d.last_error, ''), d.run_at FROM deliveries d JOIN events e ON e.id = d.event_id "+
		fmt.Sprintf("WHERE d.state = ? AND d.id > ? ORDER BY d.id LIMIT %d", limit), lease.Parked, after)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Delivery
	for rows.Next() {
		var d Delivery
		var payload string
		if err := rows.Scan(&d.ID, &d.Step, &d.Event.ID, &d.Event.Kind, &d.Event.Subject, &payload, &d.Event.At, &d.Attempts, &d.Deaths, &d.Error, &d.At); err != nil {
			return nil, err
		}
		d.Event.Payload = json.RawMessage(payload)
		out = append(out, d)
	}
	return out, rows.Err()
}

// purge deletes in sets of a thousand, so that nobody waits long.
func (s store) purge(ctx context.Context, before time.Time) (total int64, err error) {
	for {
		numbers, err := s.db.Numbers(ctx, `SELECT e.id FROM events e WHERE e.at < ? AND e.pending IS NULL
			AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event_id = e.id AND (d.state <> ? OR d.done_at >= ?))
			ORDER BY e.id LIMIT 1000`, before, lease.Done, before)
		if err != nil || len(numbers) == 0 {
			return total, err
		}
		list, args := db.In(numbers)
		err = s.db.Tx(ctx, func(ctx context.Context) error {
			if _, err := s.db.Write(ctx).ExecContext(ctx, "DELETE FROM deliveries WHERE event_id IN "+list, args...); err != nil {
				return err
			}
			_, err := s.db.Write(ctx).ExecContext(ctx, "DELETE FROM events WHERE id IN "+list, args...)
			return err
		})
		if err != nil {
			return total, err
		}
		total += int64(len(numbers))
	}
}
