package lease

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ezscale/bursar/core/data/db"
)

// Taken is the run_at of a running row. A job that is enqueued again under its key while it runs gets
// another one, and so is run once more.
var Taken = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)

// farOff is after all that is ever due.
var farOff = time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC)

// due is the condition for rows that can be claimed now.
func (e *Engine[T]) due(now time.Time) (string, []any) {
	where, args := e.of("t")+"t.state = ? AND t.run_at <= ?", []any{Waiting, now}
	if e.table.Mine != nil {
		if mine, more := e.table.Mine(); mine != "" {
			where, args = where+" AND "+mine, append(args, more...)
		}
	}
	return where, args
}

// of begins a condition on a table's rows.
func (e *Engine[T]) of(alias string) string {
	if e.table.Every == "" {
		return ""
	}
	return alias + "." + e.table.Every + " AND "
}

// claim takes up to n rows that are due, each for its own. more says that others may be due.
func (e *Engine[T]) claim(ctx context.Context, n int) (rows []row[T], more bool, err error) {
	where, args := e.due(e.clock.Now())
	var one int
	err = e.db.Read(ctx).QueryRowContext(ctx, "SELECT 1 FROM "+e.table.Name+" t WHERE "+where+" LIMIT 1", args...).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	owner := fmt.Sprintf("%s-%d", e.owner, e.batch.Add(1))
	err = e.db.Tx(ctx, func(ctx context.Context) error {
		rows = nil
		var err error
		if rows, more, err = e.pick(ctx, where, args, n); err != nil || len(rows) == 0 {
			return err
		}
		until := e.opt.Real.Now().Add(e.opt.Lease)
		numbers := make([]int64, len(rows))
		for i := range rows {
			rows[i].owner, rows[i].until = owner, until
			rows[i].attempt++
			numbers[i] = rows[i].id
		}
		list, these := db.In(numbers)
		_, err = e.db.Write(ctx).ExecContext(ctx, "UPDATE "+e.table.Name+" SET state = ?, attempt = attempt + 1, run_at = ?, lease_owner = ?, lease_until = ? WHERE id IN "+list,
			append([]any{Running, Taken, owner, until}, these...)...)
		if err != nil {
			return err
		}
		values, err := e.table.Load(ctx, numbers)
		if err != nil {
			return err
		}
		for i := range rows {
			rows[i].value = values[rows[i].id]
		}
		return nil
	})
	if err != nil {
		return nil, false, fmt.Errorf("claim from %s: %w", e.table.Name, err)
	}
	return rows, more, nil
}

// pick reads and locks the rows to claim. Of a lane it takes one, and none while another of it runs;
// claims of tables with lanes come one after the other, so that this is certain.
func (e *Engine[T]) pick(ctx context.Context, where string, args []any, n int) (rows []row[T], more bool, err error) {
	lane, limit := "NULL", n
	if e.table.Lanes {
		if err := e.lockClaims(ctx); err != nil {
			return nil, false, err
		}
		lane, limit = "t.lane", 2*n
		where += " AND (t.lane IS NULL OR NOT EXISTS (SELECT 1 FROM " + e.table.Name + " o WHERE o.lane = t.lane AND o.state = '" + Running + "'))"
	}
	found, err := e.db.Write(ctx).QueryContext(ctx, "SELECT t.id, t.attempt, t.max_attempts, "+lane+" FROM "+e.table.Name+" t WHERE "+where+
		fmt.Sprintf(" ORDER BY t.run_at, t.id LIMIT %d", limit)+e.db.SkipLocked(), args...)
	if err != nil {
		return nil, false, err
	}
	defer found.Close()
	busy := map[string]bool{}
	seen := 0
	for len(rows) < n && found.Next() {
		var r row[T]
		var lane sql.NullString
		if err := found.Scan(&r.id, &r.attempt, &r.most, &lane); err != nil {
			return nil, false, err
		}
		seen++
		if lane.Valid && busy[lane.String] {
			continue
		}
		busy[lane.String] = lane.Valid
		rows = append(rows, r)
	}
	return rows, len(rows) == n || seen == limit, found.Err()
}

// lockClaims keeps other processes from claiming until the transaction is over.
func (e *Engine[T]) lockClaims(ctx context.Context) error {
	if e.db.ForUpdate() == "" { // one writer: nobody else is claiming
		return nil
	}
	name := "claim." + e.table.Name
	for range 2 {
		var fence int64
		err := e.db.Write(ctx).QueryRowContext(ctx, "SELECT fence FROM leases WHERE name = ?"+e.db.ForUpdate(), name).Scan(&fence)
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		err = e.db.Upsert(ctx, db.Upsert{
			Table: "leases", Columns: []string{"name", "owner", "fence", "until_at"}, Keys: []string{"name"},
			Rows: [][]any{{name, e.owner, 0, Taken}},
		})
		if err != nil {
			return err
		}
	}
	return fmt.Errorf("no row %s to lock", name)
}

// finish writes down what became of claimed rows. A row that somebody else took over in the meantime is
// left to them.
func (e *Engine[T]) finish(ctx context.Context, outs []outcome[T]) error {
	return e.db.Tx(ctx, func(ctx context.Context) error {
		over := map[string][]int64{}
		for _, o := range outs {
			if o.state == Done {
				over[o.row.owner] = append(over[o.row.owner], o.row.id)
				continue
			}
			if err := e.change(ctx, o); err != nil {
				return err
			}
		}
		for owner, numbers := range over {
			if err := e.done(ctx, owner, numbers); err != nil {
				return err
			}
		}
		return nil
	})
}

// done ends rows that went well. The first statement waits for whoever is asking for a row again right
// now and then leaves it alone; what it left was asked for again and waits for its next run.
func (e *Engine[T]) done(ctx context.Context, owner string, numbers []int64) error {
	list, these := db.In(numbers)
	_, err := e.db.Write(ctx).ExecContext(ctx, "UPDATE "+e.table.Name+" SET state = ?, done_at = ?, lease_owner = NULL, lease_until = NULL, last_error = NULL"+e.freeKey()+
		" WHERE lease_owner = ? AND run_at = ? AND id IN "+list, append([]any{Done, e.clock.Now(), owner, Taken}, these...)...)
	if err != nil || !e.table.Keys {
		return err
	}
	return e.onceMore(ctx, owner, list, these)
}

// onceMore puts rows that were asked for again while they ran back to work, with their tries counted anew.
func (e *Engine[T]) onceMore(ctx context.Context, owner, list string, these []any) error {
	_, err := e.db.Write(ctx).ExecContext(ctx, "UPDATE "+e.table.Name+" SET state = ?, attempt = 0, deaths = 0, lease_owner = NULL, lease_until = NULL WHERE lease_owner = ? AND id IN "+list,
		append([]any{Waiting, owner}, these...)...)
	return err
}

// freeKey lets another row have the key of one that is over.
func (e *Engine[T]) freeKey() string {
	if e.table.Keys {
		return ", unique_key = NULL"
	}
	return ""
}

// park gives a row up, unless it was asked for again while it ran: then that is tried first.
func (e *Engine[T]) park(ctx context.Context, o outcome[T]) error {
	_, err := e.db.Write(ctx).ExecContext(ctx, "UPDATE "+e.table.Name+" SET state = ?, run_at = ?, lease_owner = NULL, lease_until = NULL, last_error = ?"+e.freeKey()+
		" WHERE lease_owner = ? AND run_at = ? AND id = ?", Parked, e.clock.Now(), note(o.err), o.row.owner, Taken, o.row.id)
	if err != nil || !e.table.Keys {
		return err
	}
	return e.onceMore(ctx, o.row.owner, "(?)", []any{o.row.id})
}

func (e *Engine[T]) change(ctx context.Context, o outcome[T]) error {
	if o.state == Parked {
		return e.park(ctx, o)
	}
	set := []string{"state = ?", "lease_owner = NULL", "lease_until = NULL", "last_error = ?",
		"run_at = CASE WHEN run_at <> ? AND run_at < ? THEN run_at ELSE ? END"} // asked for again while it ran: the earlier of the two
	args := []any{o.state, note(o.err), Taken, o.runAt, o.runAt}
	if o.fresh {
		set = append(set, "attempt = 0", "deaths = 0")
	}
	if o.undo {
		set = append(set, "attempt = attempt - 1")
	}
	_, err := e.db.Write(ctx).ExecContext(ctx, "UPDATE "+e.table.Name+" SET "+strings.Join(set, ", ")+" WHERE lease_owner = ? AND id = ?",
		append(args, o.row.owner, o.row.id)...)
	return err
}

// note cuts an error to what its column takes.
func note(err error) any {
	if err == nil {
		return nil
	}
	text := []rune(strings.ToValidUTF8(err.Error(), "?"))
	return string(text[:min(len(text), 1000)])
}

// renew prolongs the leases of rows in flight and answers those that are lost.
func (e *Engine[T]) renew(ctx context.Context, rows []row[T], until time.Time) (lost []row[T], err error) {
	held := map[string][]int64{}
	for _, r := range rows {
		held[r.owner] = append(held[r.owner], r.id)
	}
	still := map[int64]bool{}
	for owner, numbers := range held {
		list, these := db.In(numbers)
		args := append([]any{owner}, these...)
		_, err := e.db.Write(ctx).ExecContext(ctx, "UPDATE "+e.table.Name+" SET lease_until = ? WHERE lease_owner = ? AND id IN "+list,
			append([]any{until}, args...)...)
		if err != nil {
			return nil, err
		}
		found, err := e.db.Read(ctx).QueryContext(ctx, "SELECT id FROM "+e.table.Name+" WHERE lease_owner = ? AND id IN "+list, args...)
		if err != nil {
			return nil, err
		}
		for found.Next() {
			var id int64
			if err := found.Scan(&id); err != nil {
				found.Close()
				return nil, err
			}
			still[id] = true
		}
		found.Close()
		if err := found.Err(); err != nil {
			return nil, err
		}
	}
	for _, r := range rows {
		if !still[r.id] {
			lost = append(lost, r)
		}
	}
	return lost, nil
}

// reap frees rows whose worker died, and parks those over which too many did.
func (e *Engine[T]) reap(ctx context.Context) error {
	var one int
	now := e.opt.Real.Now()
	err := e.db.Read(ctx).QueryRowContext(ctx, "SELECT 1 FROM "+e.table.Name+" WHERE "+e.of(e.table.Name)+"state = ? AND lease_until < ? LIMIT 1", Running, now).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	dead := " WHERE " + e.of(e.table.Name) + "state = ? AND lease_until < ?"
	return e.db.Tx(ctx, func(ctx context.Context) error {
		_, err := e.db.Write(ctx).ExecContext(ctx, "UPDATE "+e.table.Name+" SET state = ?, deaths = deaths + 1, run_at = ?, lease_owner = NULL, lease_until = NULL, last_error = ?"+e.freeKey()+dead+" AND deaths >= ?",
			Parked, e.clock.Now(), fmt.Sprintf("%d processes died while they ran this", maxDeaths), Running, now, maxDeaths-1)
		if err != nil {
			return err
		}
		_, err = e.db.Write(ctx).ExecContext(ctx, "UPDATE "+e.table.Name+" SET state = ?, deaths = deaths + 1, run_at = ?, lease_owner = NULL, lease_until = NULL"+dead,
			Waiting, e.clock.Now(), Running, now)
		return err
	})
}

// idle says whether nothing that this process could run is due or running, here or elsewhere.
func (e *Engine[T]) idle(ctx context.Context) (bool, error) {
	where, args := e.due(e.clock.Now())
	var one int
	err := e.db.Read(ctx).QueryRowContext(ctx, "SELECT 1 FROM "+e.table.Name+" t WHERE "+where+
		" UNION ALL SELECT 1 FROM "+e.table.Name+" r WHERE "+e.of("r")+"r.state = ? LIMIT 1", append(args, Running)...).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return true, nil
	}
	return false, err
}

// NextDue is when the next waiting row that this process has a worker for can be run; zero if none waits.
func (e *Engine[T]) NextDue(ctx context.Context) (time.Time, error) {
	where, args := e.due(farOff)
	var at time.Time
	err := e.db.Read(ctx).QueryRowContext(ctx, "SELECT t.run_at FROM "+e.table.Name+" t WHERE "+where+" ORDER BY t.run_at LIMIT 1", args...).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	return at, err
}

// Retry puts a parked row back to work, with its tries counted anew. It answers false if it is not parked.
func (e *Engine[T]) Retry(ctx context.Context, id int64) (bool, error) {
	res, err := e.db.Write(ctx).ExecContext(ctx, "UPDATE "+e.table.Name+" SET state = ?, attempt = 0, deaths = 0, run_at = ? WHERE id = ? AND state = ?",
		Waiting, e.clock.Now(), id, Parked)
	if err != nil {
		return false, err
	}
	e.Wake(ctx)
	n, err := res.RowsAffected()
	return n > 0, err
}

// Counts says how many rows wait, run and are parked.
func (e *Engine[T]) Counts(ctx context.Context) (map[string]int64, error) {
	rows, err := e.db.Read(ctx).QueryContext(ctx, "SELECT state, COUNT(*) FROM "+e.table.Name+" WHERE "+e.of(e.table.Name)+"state IN (?, ?, ?) GROUP BY state", Waiting, Running, Parked)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]int64{}
	for rows.Next() {
		var state string
		var n int64
		if err := rows.Scan(&state, &n); err != nil {
			return nil, err
		}
		out[state] = n
	}
	return out, rows.Err()
}
