package payment

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/sdk/money"
)

const attemptColumns = `a.id, a.customer_id, a.gateway, a.account_key, a.method_id, a.purpose, a.currency, a.amount_minor, a.status, a.gateway_ref, a.save_method,
	a.notes_sealed, a.page_url, a.page_until, a.return_path, a.decline_class, a.decline_code, a.decline_text, a.created_at, a.sent_at, a.ask_at, a.asks, a.version`

// insertAttempt writes the targets first: a refusal leaves nothing behind, also if the caller's transaction goes on.
func (s store) insertAttempt(ctx context.Context, a Attempt) error {
	notes, err := s.sealNotes("payment_attempts", string(a.ID), a.Notes)
	if err != nil {
		return err
	}
	rows := make([][]any, len(a.Invoices))
	for i, inv := range a.Invoices {
		rows[i] = []any{a.ID, inv, i, inv}
	}
	err = s.db.InsertRows(ctx, "attempt_targets", []string{"attempt_id", "invoice_id", "no", "open_key"}, rows)
	if db.IsDuplicate(err) {
		return ErrOpen.Because(err)
	}
	if err != nil {
		return err
	}
	_, err = s.db.Write(ctx).ExecContext(ctx, `INSERT INTO payment_attempts (id, customer_id, gateway, account_key, method_id, purpose, currency, amount_minor, status, request_key,
		save_method, notes_sealed, page_url, return_path, created_at, ask_at, asks, version) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
		a.ID, a.Customer, a.Gateway, a.AccountKey, ids.Null(a.Method), a.Purpose, a.Amount.Currency(), a.Amount.Minor(), a.Status, a.ID,
		a.Save, notes, "", a.Return, a.Created, at(a.AskAt), a.Asks, a.Version)
	return err
}

// saveAttempt writes what may change. One that has ended gives its invoices free.
func (s store) saveAttempt(ctx context.Context, a Attempt) error {
	notes, err := s.sealNotes("payment_attempts", string(a.ID), a.Notes)
	if err != nil {
		return err
	}
	err = s.once(ctx, ErrChanged, `UPDATE payment_attempts SET status = ?, gateway_ref = ?, notes_sealed = ?, page_url = ?, page_until = ?, decline_class = ?, decline_code = ?, decline_text = ?,
		sent_at = ?, ask_at = ?, asks = ?, version = version + 1 WHERE id = ? AND version = ?`, a.Status, word(cut(a.Ref, 190)), notes, a.PageURL, at(a.PageUntil),
		word(a.DeclineClass), word(cut(a.DeclineCode, 80)), word(cut(a.DeclineText, 300)), at(a.Sent), at(a.AskAt), a.Asks, a.ID, a.Version)
	if err != nil || !a.Status.Final() || len(a.Invoices) == 0 {
		return err
	}
	_, err = s.db.Write(ctx).ExecContext(ctx, `UPDATE attempt_targets SET open_key = NULL WHERE attempt_id = ?`, a.ID)
	return err
}

// attempts reads rows of an attempt beside one of its invoices each, in order.
func (s store) attempts(ctx context.Context, from db.Executor, query string, args ...any) ([]Attempt, error) {
	rows, err := from.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Attempt
	for rows.Next() {
		var a Attempt
		var ref, class, code, text sql.NullString
		var until, sent, ask sql.NullTime
		var currency, notes string
		var minor int64
		var target ids.Invoice
		if err := rows.Scan(&a.ID, &a.Customer, &a.Gateway, &a.AccountKey, &a.Method, &a.Purpose, &currency, &minor, &a.Status, &ref, &a.Save,
			&notes, &a.PageURL, &until, &a.Return, &class, &code, &text, &a.Created, &sent, &ask, &a.Asks, &a.Version, &target); err != nil {
			return nil, err
		}
		if n := len(out); n > 0 && out[n-1].ID == a.ID {
			out[n-1].Invoices = append(out[n-1].Invoices, target)
			continue
		}
		if a.Notes, err = s.openNotes("payment_attempts", string(a.ID), notes); err != nil {
			return nil, err
		}
		a.Amount = money.Of(minor, currency)
		a.Ref, a.DeclineClass, a.DeclineCode, a.DeclineText = ref.String, class.String, code.String, text.String
		a.PageUntil, a.Sent, a.AskAt = until.Time, sent.Time, ask.Time
		if target != "" {
			a.Invoices = append(a.Invoices, target)
		}
		out = append(out, a)
	}
	return out, rows.Err()
}

const withTargets = `SELECT ` + attemptColumns + `, t.invoice_id FROM payment_attempts a LEFT JOIN attempt_targets t ON t.attempt_id = a.id `

func (s store) attempt(ctx context.Context, id ids.Attempt, owner ids.Customer) (Attempt, error) {
	query, args := withTargets+`WHERE a.id = ?`, []any{id}
	if owner != "" {
		query, args = query+` AND a.customer_id = ?`, append(args, owner)
	}
	return one(s.attempts(ctx, s.db.Read(ctx), query+` ORDER BY t.no`, args...))
}

func (s store) lockAttempt(ctx context.Context, id ids.Attempt) (Attempt, error) {
	return one(s.attempts(ctx, s.db.Write(ctx), withTargets+`WHERE a.id = ? ORDER BY t.no`+s.db.ForUpdate(), id))
}

func one(list []Attempt, err error) (Attempt, error) {
	if err != nil {
		return Attempt{}, err
	}
	if len(list) == 0 {
		return Attempt{}, ErrAttemptNotFound
	}
	return list[0], nil
}

func (s store) attemptByRef(ctx context.Context, account, ref string) (Attempt, error) {
	return one(s.attempts(ctx, s.db.Read(ctx), withTargets+`WHERE a.account_key = ? AND a.gateway_ref = ? ORDER BY a.id DESC, t.no`, account, ref))
}

// ownerOfAttempt reads whose it is without locking anything. ok is false if there is none for this account.
func (s store) ownerOfAttempt(ctx context.Context, account string, id ids.Attempt) (owner ids.Customer, ok bool, err error) {
	err = s.db.Read(ctx).QueryRowContext(ctx, `SELECT customer_id FROM payment_attempts WHERE id = ? AND account_key = ?`, id, account).Scan(&owner)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	return owner, err == nil, err
}

func (s store) openOn(ctx context.Context, invoices []ids.Invoice) (map[ids.Invoice]Attempt, error) {
	out := make(map[ids.Invoice]Attempt)
	for len(invoices) > 0 {
		piece := invoices[:min(5000, len(invoices))]
		invoices = invoices[len(piece):]
		list, args := db.In(ids.Strings(piece))
		found, err := s.attempts(ctx, s.db.Read(ctx), withTargets+`WHERE a.id IN (SELECT attempt_id FROM attempt_targets WHERE open_key IN `+list+`) ORDER BY a.id, t.no`, args...)
		if err != nil {
			return nil, err
		}
		wanted := make(map[ids.Invoice]bool, len(piece))
		for _, id := range piece {
			wanted[id] = true
		}
		for _, a := range found {
			for _, id := range a.Invoices {
				if wanted[id] {
					out[id] = a
				}
			}
		}
	}
	return out, nil
}

// some reads attempts that a condition chooses, in an order of the table, up to a limit.
func (s store) some(ctx context.Context, where, order string, args []any) ([]Attempt, error) {
	outer := "a." + order
	return s.attempts(ctx, s.db.Read(ctx), `SELECT `+attemptColumns+`, t.invoice_id FROM (SELECT * FROM payment_attempts WHERE `+where+` ORDER BY `+order+` LIMIT ?) a
		LEFT JOIN attempt_targets t ON t.attempt_id = a.id ORDER BY `+outer+`, t.no`, args...)
}

// dueAttempts are the open ones whose hour has come, the longest waiting first.
func (s store) dueAttempts(ctx context.Context, now time.Time, limit int) ([]Attempt, error) {
	return s.attempts(ctx, s.db.Read(ctx), `SELECT `+attemptColumns+`, t.invoice_id FROM (SELECT * FROM payment_attempts WHERE status IN ('planned','sent','waiting','unknown') AND ask_at <= ?
		ORDER BY ask_at, id LIMIT ?) a LEFT JOIN attempt_targets t ON t.attempt_id = a.id ORDER BY a.ask_at, a.id, t.no`, now, limit)
}

func (s store) listAttempts(ctx context.Context, f AttemptFilter) (Page[Attempt], error) {
	var l listing
	if f.Customer != "" {
		l.and("customer_id = ?", f.Customer)
	}
	if f.Gateway != "" {
		l.and("gateway = ?", f.Gateway)
	}
	if f.Invoice != "" {
		l.and("id IN (SELECT attempt_id FROM attempt_targets WHERE invoice_id = ?)", f.Invoice)
	}
	if f.Query != "" {
		l.and("(id = ? OR gateway_ref = ? OR customer_id = ?)", f.Query, f.Query, f.Query)
	}
	in(&l, "status", f.Statuses)
	return read(ctx, s, "payment_attempts", l, f.Sort, f.After, f.Limit,
		func(where, order string, args []any) ([]Attempt, error) { return s.some(ctx, where, order, args) },
		func(a Attempt) string { return string(a.ID) })
}
