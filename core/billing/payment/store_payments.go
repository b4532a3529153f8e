package payment

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/sdk/money"
)

const paymentColumns = `id, customer_id, attempt_id, source, gateway, account_key, gateway_ref, status, currency, amount_minor, fee_minor, applied_minor, refunded_minor,
	refunding_minor, disputed_minor, received_on, notes_sealed, memo, hold_reason, created_at, version`

func (s store) scanPayment(r row, more ...any) (Payment, error) {
	var p Payment
	var hold sql.NullString
	var currency, notes string
	var minor, fee int64
	err := r.Scan(append([]any{&p.ID, &p.Customer, &p.Attempt, &p.Source, &p.Gateway, &p.AccountKey, &p.Ref, &p.Status, &currency, &minor, &fee, &p.Applied, &p.Refunded,
		&p.Refunding, &p.Disputed, &p.On, &notes, &p.Memo, &hold, &p.Created, &p.Version}, more...)...)
	if err != nil {
		return Payment{}, missing(err, ErrNotFound)
	}
	p.Amount, p.Fee, p.HoldReason = money.Of(minor, currency), money.Of(fee, currency), hold.String
	p.notes, err = s.openNotes("payments", string(p.ID), notes)
	return p, err
}

// insertPayment answers false if the reference was booked before.
func (s store) insertPayment(ctx context.Context, p Payment) (bool, error) {
	notes, err := s.sealNotes("payments", string(p.ID), p.notes)
	if err != nil {
		return false, err
	}
	_, err = s.db.Write(ctx).ExecContext(ctx, `INSERT INTO payments (`+paymentColumns+`) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
		p.ID, ids.Null(p.Customer), ids.Null(p.Attempt), p.Source, p.Gateway, p.AccountKey, p.Ref, p.Status, p.Amount.Currency(), p.Amount.Minor(), p.Fee.Minor(), p.Applied, p.Refunded,
		p.Refunding, p.Disputed, p.On, notes, cut(p.Memo, 190), word(cut(p.HoldReason, 80)), p.Created, p.Version)
	if db.IsDuplicate(err) {
		return false, nil
	}
	return err == nil, err
}

// savePayment writes what reports and staff may change. The sums of refunds, disputes and allocations have statements of their own.
func (s store) savePayment(ctx context.Context, p Payment) error {
	notes, err := s.sealNotes("payments", string(p.ID), p.notes)
	if err != nil {
		return err
	}
	return s.once(ctx, ErrChanged, `UPDATE payments SET customer_id = ?, attempt_id = ?, status = ?, fee_minor = ?, received_on = ?, notes_sealed = ?, memo = ?, hold_reason = ?, version = version + 1
		WHERE id = ? AND version = ?`, ids.Null(p.Customer), ids.Null(p.Attempt), p.Status, p.Fee.Minor(), p.On, notes, cut(p.Memo, 190), word(cut(p.HoldReason, 80)), p.ID, p.Version)
}

func (s store) payment(ctx context.Context, id ids.Payment, owner ids.Customer) (Payment, error) {
	query, args := `SELECT `+paymentColumns+` FROM payments WHERE id = ?`, []any{id}
	if owner != "" {
		query, args = query+` AND customer_id = ?`, append(args, owner)
	}
	return s.scanPayment(s.db.Read(ctx).QueryRowContext(ctx, query, args...))
}

func (s store) lockPayment(ctx context.Context, id ids.Payment) (Payment, error) {
	return s.scanPayment(s.db.Write(ctx).QueryRowContext(ctx, `SELECT `+paymentColumns+` FROM payments WHERE id = ?`+s.db.ForUpdate(), id))
}

func (s store) lockPaymentByRef(ctx context.Context, account, ref string) (Payment, error) {
	return s.scanPayment(s.db.Write(ctx).QueryRowContext(ctx, `SELECT `+paymentColumns+` FROM payments WHERE account_key = ? AND gateway_ref = ?`+s.db.ForUpdate(), account, ref))
}

func (s store) paymentByRef(ctx context.Context, account, ref string) (Payment, error) {
	return s.scanPayment(s.db.Read(ctx).QueryRowContext(ctx, `SELECT `+paymentColumns+` FROM payments WHERE account_key = ? AND gateway_ref = ?`, account, ref))
}

func (s store) payments(ctx context.Context, where, order string, args ...any) ([]Payment, error) {
	rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT `+paymentColumns+` FROM payments WHERE `+where+` ORDER BY `+order, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Payment
	for rows.Next() {
		p, err := s.scanPayment(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

func (s store) listPayments(ctx context.Context, f Filter) (Page[Payment], error) {
	var l listing
	if f.Customer != "" {
		l.and("customer_id = ?", f.Customer)
	}
	in(&l, "status", f.Statuses)
	in(&l, "source", f.Sources)
	if f.Gateway != "" {
		l.and("gateway = ?", f.Gateway)
	}
	if !f.From.IsZero() {
		l.and("received_on >= ?", f.From)
	}
	if !f.To.IsZero() {
		l.and("received_on < ?", f.To)
	}
	if q := strings.TrimSpace(f.Query); q != "" {
		l.and("(id = ? OR gateway_ref = ? OR customer_id = ? OR LOWER(memo) LIKE ? ESCAPE '!')", q, q, q, db.Contains(strings.ToLower(q)))
	}
	return read(ctx, s, "payments", l, f.Sort, f.After, f.Limit,
		func(where, order string, args []any) ([]Payment, error) {
			return s.payments(ctx, where, order+" LIMIT ?", args...)
		},
		func(p Payment) string { return string(p.ID) })
}

func (s store) insertAllocations(ctx context.Context, parts []Allocation) error {
	rows := make([][]any, len(parts))
	for i, a := range parts {
		rows[i] = []any{a.ID, a.Payment, ids.Null(a.Invoice), a.Kind, a.Minor, a.At}
	}
	return s.db.InsertRows(ctx, "payment_allocations", []string{"id", "payment_id", "invoice_id", "kind", "amount_minor", "at"}, rows)
}

// apply moves what was given out, and never above the payment.
func (s store) apply(ctx context.Context, id ids.Payment, minor int64) error {
	return s.once(ctx, ErrOverAllocated, `UPDATE payments SET applied_minor = applied_minor + ?, version = version + 1 WHERE id = ? AND applied_minor + ? BETWEEN 0 AND amount_minor`, minor, id, minor)
}

func (s store) allocations(ctx context.Context, payments []ids.Payment) (map[ids.Payment][]Allocation, error) {
	out := make(map[ids.Payment][]Allocation, len(payments))
	for len(payments) > 0 {
		piece := payments[:min(5000, len(payments))]
		payments = payments[len(piece):]
		list, args := db.In(ids.Strings(piece))
		rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT id, payment_id, invoice_id, kind, amount_minor, at FROM payment_allocations WHERE payment_id IN `+list+` ORDER BY id`, args...)
		if err != nil {
			return nil, err
		}
		for rows.Next() {
			var a Allocation
			if err := rows.Scan(&a.ID, &a.Payment, &a.Invoice, &a.Kind, &a.Minor, &a.At); err != nil {
				rows.Close()
				return nil, err
			}
			out[a.Payment] = append(out[a.Payment], a)
		}
		rows.Close()
		if err := rows.Err(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// ofInvoice reads the payments that an invoice counts, with what of each it counts, oldest first.
func (s store) ofInvoice(ctx context.Context, id ids.Invoice) ([]Counted, error) {
	rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT `+paymentColumns+`, x.minor FROM payments p
		JOIN (SELECT payment_id, SUM(amount_minor) AS minor FROM payment_allocations WHERE invoice_id = ? GROUP BY payment_id) x ON x.payment_id = p.id ORDER BY p.id`, id)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Counted
	for rows.Next() {
		var c Counted
		if c.Payment, err = s.scanPayment(rows, &c.Minor); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// ownerOfPayment reads whose a payment is without locking it; "" also if there is none.
func (s store) ownerOfPayment(ctx context.Context, where string, args ...any) (owner ids.Customer, err error) {
	err = s.db.Read(ctx).QueryRowContext(ctx, `SELECT customer_id FROM payments WHERE `+where, args...).Scan(&owner)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return owner, err
}

// move changes the sums of a payment under the guard that what is refunded and disputed never exceeds it.
func (s store) move(ctx context.Context, id ids.Payment, m movement, miss error) error {
	return s.once(ctx, miss, `UPDATE payments SET refunded_minor = refunded_minor + ?, refunding_minor = refunding_minor + ?, disputed_minor = disputed_minor + ?, version = version + 1
		WHERE id = ? AND amount_minor - refunded_minor - refunding_minor - disputed_minor >= ? AND refunded_minor + ? >= 0 AND refunding_minor + ? >= 0 AND disputed_minor + ? >= 0`,
		m.refunded, m.refunding, m.disputed, id, m.refunded+m.refunding+m.disputed, m.refunded, m.refunding, m.disputed)
}

// movement is a change of the sums of a payment.
type movement struct{ refunded, refunding, disputed int64 }
