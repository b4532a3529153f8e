package payment

import (
	"context"
	"database/sql"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/sdk/money"
)

const disputeColumns = `id, payment_id, account_key, gateway_ref, status, currency, amount_minor, fee_minor, reason, answer_url, respond_by, opened_at, closed_at, version`

func scanDispute(r row) (Dispute, error) {
	var d Dispute
	var by, closed sql.NullTime
	var currency string
	var minor, fee int64
	err := r.Scan(&d.ID, &d.Payment, &d.AccountKey, &d.Ref, &d.Status, &currency, &minor, &fee, &d.Reason, &d.URL, &by, &d.Opened, &closed, &d.Version)
	d.Amount, d.Fee, d.AnswerBy, d.Closed = money.Of(minor, currency), money.Of(fee, currency), by.Time, closed.Time
	return d, missing(err, ErrDisputeNotFound)
}

// insertDispute answers false if the reference is known.
func (s store) insertDispute(ctx context.Context, d Dispute) (bool, error) {
	_, err := s.db.Write(ctx).ExecContext(ctx, `INSERT INTO disputes (`+disputeColumns+`) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
		d.ID, d.Payment, d.AccountKey, d.Ref, d.Status, d.Amount.Currency(), d.Amount.Minor(), d.Fee.Minor(), cut(d.Reason, 80), d.URL, at(d.AnswerBy), d.Opened, at(d.Closed), d.Version)
	if db.IsDuplicate(err) {
		return false, nil
	}
	return err == nil, err
}

func (s store) saveDispute(ctx context.Context, d Dispute) error {
	return s.once(ctx, ErrChanged, `UPDATE disputes SET status = ?, amount_minor = ?, fee_minor = ?, reason = ?, answer_url = ?, respond_by = ?, closed_at = ?, version = version + 1 WHERE id = ? AND version = ?`,
		d.Status, d.Amount.Minor(), d.Fee.Minor(), cut(d.Reason, 80), d.URL, at(d.AnswerBy), at(d.Closed), d.ID, d.Version)
}

func (s store) dispute(ctx context.Context, id ids.Dispute) (Dispute, error) {
	return scanDispute(s.db.Read(ctx).QueryRowContext(ctx, `SELECT `+disputeColumns+` FROM disputes WHERE id = ?`, id))
}

func (s store) lockDisputeByRef(ctx context.Context, account, ref string) (Dispute, error) {
	return scanDispute(s.db.Write(ctx).QueryRowContext(ctx, `SELECT `+disputeColumns+` FROM disputes WHERE account_key = ? AND gateway_ref = ?`+s.db.ForUpdate(), account, ref))
}

func (s store) listDisputes(ctx context.Context, f DisputeFilter) (Page[Dispute], error) {
	var l listing
	if f.Customer != "" {
		l.and("payment_id IN (SELECT id FROM payments WHERE customer_id = ?)", f.Customer)
	}
	if f.Payment != "" {
		l.and("payment_id = ?", f.Payment)
	}
	if f.Query != "" {
		l.and("(id = ? OR gateway_ref = ? OR payment_id = ?)", f.Query, f.Query, f.Query)
	}
	in(&l, "status", f.Statuses)
	return read(ctx, s, "disputes", l, f.Sort, f.After, f.Limit, func(where, order string, args []any) ([]Dispute, error) {
		rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT `+disputeColumns+` FROM disputes WHERE `+where+` ORDER BY `+order+` LIMIT ?`, args...)
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		var out []Dispute
		for rows.Next() {
			d, err := scanDispute(rows)
			if err != nil {
				return nil, err
			}
			out = append(out, d)
		}
		return out, rows.Err()
	}, func(d Dispute) string { return string(d.ID) })
}
