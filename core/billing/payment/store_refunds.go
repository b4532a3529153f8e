package payment

import (
	"context"
	"database/sql"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/sdk/money"
)

const refundColumns = `id, payment_id, customer_id, way, currency, amount_minor, status, request_key, gateway_ref, credit_note_id, reason, created_at, sent_at, ask_at, asks, version`

func scanRefund(r row) (Refund, error) {
	var f Refund
	var ref sql.NullString
	var sent, ask sql.NullTime
	var currency string
	var minor int64
	err := r.Scan(&f.ID, &f.Payment, &f.Customer, &f.Way, &currency, &minor, &f.Status, &f.RequestKey, &ref, &f.CreditNote, &f.Reason, &f.Created, &sent, &ask, &f.Asks, &f.Version)
	f.Amount, f.Ref, f.Sent, f.AskAt = money.Of(minor, currency), ref.String, sent.Time, ask.Time
	return f, missing(err, ErrRefundNotFound)
}

// insertRefund answers false if the request key is used.
func (s store) insertRefund(ctx context.Context, f Refund) (bool, error) {
	_, err := s.db.Write(ctx).ExecContext(ctx, `INSERT INTO refunds (`+refundColumns+`) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
		f.ID, ids.Null(f.Payment), f.Customer, f.Way, f.Amount.Currency(), f.Amount.Minor(), f.Status, f.RequestKey, word(cut(f.Ref, 190)), ids.Null(f.CreditNote), cut(f.Reason, 190),
		f.Created, at(f.Sent), at(f.AskAt), f.Asks, f.Version)
	if db.IsDuplicate(err) {
		return false, nil
	}
	return err == nil, err
}

func (s store) saveRefund(ctx context.Context, f Refund) error {
	return s.once(ctx, ErrChanged, `UPDATE refunds SET status = ?, gateway_ref = ?, sent_at = ?, ask_at = ?, asks = ?, version = version + 1 WHERE id = ? AND version = ?`,
		f.Status, word(cut(f.Ref, 190)), at(f.Sent), at(f.AskAt), f.Asks, f.ID, f.Version)
}

func (s store) refund(ctx context.Context, id ids.Refund) (Refund, error) {
	return scanRefund(s.db.Read(ctx).QueryRowContext(ctx, `SELECT `+refundColumns+` FROM refunds WHERE id = ?`, id))
}

func (s store) lockRefund(ctx context.Context, id ids.Refund) (Refund, error) {
	return scanRefund(s.db.Write(ctx).QueryRowContext(ctx, `SELECT `+refundColumns+` FROM refunds WHERE id = ?`+s.db.ForUpdate(), id))
}

func (s store) refundByKey(ctx context.Context, key string) (Refund, error) {
	return scanRefund(s.db.Write(ctx).QueryRowContext(ctx, `SELECT `+refundColumns+` FROM refunds WHERE request_key = ?`, key))
}

func (s store) refunds(ctx context.Context, where, order string, args ...any) ([]Refund, error) {
	rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT `+refundColumns+` FROM refunds WHERE `+where+` ORDER BY `+order, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Refund
	for rows.Next() {
		f, err := scanRefund(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, rows.Err()
}

func (s store) dueRefunds(ctx context.Context, now time.Time, limit int) ([]Refund, error) {
	return s.refunds(ctx, `status IN ('requested','sent','unknown') AND ask_at <= ?`, `ask_at, id LIMIT ?`, now, limit)
}

func (s store) listRefunds(ctx context.Context, f RefundFilter) (Page[Refund], error) {
	var l listing
	if f.Customer != "" {
		l.and("customer_id = ?", f.Customer)
	}
	if f.Payment != "" {
		l.and("payment_id = ?", f.Payment)
	}
	if f.Query != "" {
		l.and("(id = ? OR gateway_ref = ? OR payment_id = ?)", f.Query, f.Query, f.Query)
	}
	in(&l, "status", f.Statuses)
	return read(ctx, s, "refunds", l, f.Sort, f.After, f.Limit,
		func(where, order string, args []any) ([]Refund, error) {
			return s.refunds(ctx, where, order+" LIMIT ?", args...)
		},
		func(f Refund) string { return string(f.ID) })
}
