package provision

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/sdk/fault"
)

// store is the SQL of operations and of the log of calls. Accounts are in store_accounts.go.
type store struct{ db *db.DB }

const opColumns = `id, subscription_id, customer_id, instance, kind, state, cause_key, request_sealed, actor, calls, percent, progress,
	fault_kind, fault_code, fault_text, fault_detail, warnings, created_at, first_at, next_at, done_at, version`

type scanner interface{ Scan(...any) error }

func scanOp(row scanner) (Operation, error) {
	var o Operation
	var warnings string
	var first, next, ended sql.NullTime
	err := row.Scan(&o.ID, &o.Subscription, &o.Customer, &o.Instance, &o.Kind, &o.State, &o.CauseKey, &o.sealed, &o.Actor, &o.Calls, &o.Percent, &o.Progress,
		&o.Fault.Kind, &o.Fault.Code, &o.Fault.Text, &o.Fault.Detail, &warnings, &o.Created, &first, &next, &ended, &o.Version)
	if errors.Is(err, sql.ErrNoRows) {
		return Operation{}, ErrNotFound
	}
	if err != nil {
		return Operation{}, err
	}
	o.First, o.Next, o.Ended = first.Time, next.Time, ended.Time
	return o, json.Unmarshal([]byte(warnings), &o.Warnings)
}

func (s store) insert(ctx context.Context, o Operation) error {
	warnings, err := json.Marshal(o.Warnings)
	if err != nil {
		return err
	}
	_, err = s.db.Write(ctx).ExecContext(ctx, `INSERT INTO operations (`+opColumns+`) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
		o.ID, o.Subscription, o.Customer, o.Instance, o.Kind, o.State, o.CauseKey, o.sealed, o.Actor, o.Calls, o.Percent, o.Progress,
		o.Fault.Kind, o.Fault.Code, o.Fault.Text, o.Fault.Detail, string(warnings), o.Created, instant(o.First), instant(o.Next), instant(o.Ended), o.Version)
	return err
}

// save writes how an operation stands. Another version means that another worker took it over.
func (s store) save(ctx context.Context, o Operation) error {
	warnings, err := json.Marshal(o.Warnings)
	if err != nil {
		return err
	}
	res, err := s.db.Write(ctx).ExecContext(ctx, `UPDATE operations SET state = ?, calls = ?, percent = ?, progress = ?, fault_kind = ?, fault_code = ?, fault_text = ?,
		fault_detail = ?, warnings = ?, first_at = ?, next_at = ?, done_at = ?, version = version + 1 WHERE id = ? AND version = ?`,
		o.State, o.Calls, o.Percent, cut(o.Progress, 300), o.Fault.Kind, cut(o.Fault.Code, 60), cut(o.Fault.Text, 300), o.Fault.Detail, string(warnings),
		instant(o.First), instant(o.Next), instant(o.Ended), o.ID, o.Version)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, fault.New(fault.Conflict, "operation_changed", "The job was changed meanwhile."))
	}
	return nil
}

func (s store) get(ctx context.Context, id ids.Op) (Operation, error) {
	return scanOp(s.db.Read(ctx).QueryRowContext(ctx, `SELECT `+opColumns+` FROM operations WHERE id = ?`, id))
}

func (s store) lock(ctx context.Context, id ids.Op) (Operation, error) {
	return scanOp(s.db.Write(ctx).QueryRowContext(ctx, `SELECT `+opColumns+` FROM operations WHERE id = ?`+s.db.ForUpdate(), id))
}

func (s store) byCause(ctx context.Context, key string) (Operation, error) {
	return scanOp(s.db.Write(ctx).QueryRowContext(ctx, `SELECT `+opColumns+` FROM operations WHERE cause_key = ?`, key))
}

func (s store) lastCreate(ctx context.Context, sub ids.Subscription) (Operation, error) {
	return scanOp(s.db.Read(ctx).QueryRowContext(ctx, `SELECT `+opColumns+` FROM operations WHERE subscription_id = ? AND kind = 'create' AND first_at IS NOT NULL
		ORDER BY id DESC LIMIT 1`, sub))
}

// openBefore says whether another operation comes first: one of the same account, or, for a creation, a creation
// for the same customer on the same instance whose account is not known yet, as what the one leaves behind could be
// taken for the other's. What has begun comes before what has not, then the order of IDs; so no two wait for each
// other, also when the clocks of two nodes differ.
func (s store) openBefore(ctx context.Context, o Operation) (bool, error) {
	first := `(first_at IS NOT NULL AND id < ?)`
	if o.First.IsZero() {
		first = `(first_at IS NOT NULL OR id < ?)`
	}
	where, args := `subscription_id = ?`, []any{o.ID, o.Subscription}
	if o.Kind == Create {
		where, args = `(subscription_id = ? OR (customer_id = ? AND instance = ? AND kind = 'create'
			AND NOT EXISTS (SELECT 1 FROM accounts a WHERE a.subscription_id = operations.subscription_id AND a.remote_id <> '')))`, append(args, o.Customer, o.Instance)
	}
	var n int
	err := s.db.Write(ctx).QueryRowContext(ctx, `SELECT COUNT(*) FROM operations WHERE state IN ('queued', 'calling', 'running') AND id <> ? AND `+
		first+` AND `+where, append([]any{o.ID}, args...)...).Scan(&n)
	return n > 0, err
}

// saveRequest replaces the request of an operation that no panel has heard of yet.
func (s store) saveRequest(ctx context.Context, o Operation) error {
	_, err := s.db.Write(ctx).ExecContext(ctx, `UPDATE operations SET request_sealed = ? WHERE id = ? AND first_at IS NULL`, o.sealed, o.ID)
	return err
}

// ended says whether the account was ended, or is about to be.
func (s store) ended(ctx context.Context, sub ids.Subscription) (bool, error) {
	var n int
	err := s.db.Write(ctx).QueryRowContext(ctx, `SELECT COUNT(*) FROM operations WHERE subscription_id = ? AND kind = 'terminate' AND state IN ('queued', 'calling', 'running', 'done')`, sub).Scan(&n)
	return n > 0, err
}

// methodRetry is the line in the log of calls that says when staff tried an operation again, and after how many calls.
const methodRetry = "retry"

func (s store) lastRetry(ctx context.Context, id ids.Op) (calls int, at time.Time, err error) {
	err = s.db.Write(ctx).QueryRowContext(ctx, `SELECT attempt, at FROM panel_calls WHERE operation_id = ? AND method = ? ORDER BY id DESC LIMIT 1`, id, methodRetry).Scan(&calls, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, time.Time{}, nil
	}
	return calls, at, err
}

func (s store) latest(ctx context.Context, subs []ids.Subscription) (map[ids.Subscription]Operation, error) {
	out := make(map[ids.Subscription]Operation, len(subs))
	if len(subs) == 0 {
		return out, nil
	}
	marks, args := in(subs)
	rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT `+opColumns+` FROM operations WHERE id IN (SELECT MAX(id) FROM operations WHERE subscription_id IN (`+marks+`) GROUP BY subscription_id)`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		o, err := scanOp(rows)
		if err != nil {
			return nil, err
		}
		out[o.Subscription] = o
	}
	return out, rows.Err()
}

func (s store) list(ctx context.Context, f Filter) (Page, error) {
	where, args := "1 = 1", []any{}
	if f.Subscription != "" {
		where, args = where+" AND subscription_id = ?", append(args, f.Subscription)
	}
	if f.Customer != "" {
		where, args = where+" AND customer_id = ?", append(args, f.Customer)
	}
	if len(f.States) > 0 {
		marks, values := in(f.States)
		where, args = where+" AND state IN ("+marks+")", append(args, values...)
	}
	if q := strings.TrimSpace(f.Query); q != "" {
		where, args = where+" AND (id = ? OR subscription_id = ? OR customer_id = ? OR instance LIKE ? ESCAPE '!')", append(args, q, q, q, db.Contains(strings.ToLower(q)))
	}
	var page Page
	if err := s.db.Read(ctx).QueryRowContext(ctx, `SELECT COUNT(*) FROM operations WHERE `+where, args...).Scan(&page.Total); err != nil {
		return Page{}, err
	}
	if f.After != "" {
		where, args = where+" AND id < ?", append(args, f.After)
	}
	limit := f.Limit
	if limit <= 0 || limit > 200 {
		limit = 50
	}
	rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT `+opColumns+` FROM operations WHERE `+where+` ORDER BY id DESC LIMIT ?`, append(args, limit+1)...)
	if err != nil {
		return Page{}, err
	}
	defer rows.Close()
	for rows.Next() {
		o, err := scanOp(rows)
		if err != nil {
			return Page{}, err
		}
		page.List = append(page.List, o)
	}
	if len(page.List) > limit {
		page.List = page.List[:limit]
		page.Next = string(page.List[limit-1].ID)
	}
	return page, rows.Err()
}

func (s store) counts(ctx context.Context) (map[State]int, error) {
	rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT state, COUNT(*) FROM operations WHERE state IN ('queued', 'calling', 'running', 'failed', 'stuck') GROUP BY state`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[State]int{}
	for rows.Next() {
		var state State
		var n int
		if err := rows.Scan(&state, &n); err != nil {
			return nil, err
		}
		out[state] = n
	}
	return out, rows.Err()
}

func (s store) log(ctx context.Context, c Call) error {
	_, err := s.db.Write(ctx).ExecContext(ctx, `INSERT INTO panel_calls (operation_id, subscription_id, instance, method, attempt, at, micros, outcome, detail) VALUES (?,?,?,?,?,?,?,?,?)`,
		c.Operation, c.Subscription, c.Instance, c.Method, c.Attempt, c.At, c.Took.Microseconds(), c.Outcome, cut(c.Detail, 1000))
	return err
}

func (s store) calls(ctx context.Context, sub ids.Subscription, limit int) (list []Call, err error) {
	rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT operation_id, subscription_id, instance, method, attempt, at, micros, outcome, detail FROM panel_calls
		WHERE subscription_id = ? ORDER BY id DESC LIMIT ?`, sub, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var c Call
		var micros int64
		if err := rows.Scan(&c.Operation, &c.Subscription, &c.Instance, &c.Method, &c.Attempt, &c.At, &micros, &c.Outcome, &c.Detail); err != nil {
			return nil, err
		}
		c.Took = time.Duration(micros) * time.Microsecond
		list = append(list, c)
	}
	return list, rows.Err()
}

// instant stores the zero time as NULL.
func instant(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

// cut shortens text to n characters.
func cut(text string, n int) string {
	if r := []rune(text); len(r) > n {
		return string(r[:n])
	}
	return text
}

func in[T ~string](set []T) (marks string, args []any) {
	for _, v := range set {
		args = append(args, string(v))
	}
	return strings.TrimSuffix(strings.Repeat("?,", len(set)), ","), args
}
