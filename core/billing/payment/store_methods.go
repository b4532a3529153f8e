package payment

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/sdk"
)

const methodColumns = `id, customer_id, gateway, account_key, token_sealed, kind, brand, last4, label, expires_on, status, is_default, blocked_class, created_at`

// token is what opens a method at the gateway. It is kept sealed.
type token struct {
	ID       string    `json:"id,omitempty"`
	ExpYear  int       `json:"exp_year,omitempty"`
	ExpMonth int       `json:"exp_month,omitempty"`
	Notes    sdk.Notes `json:"notes,omitempty"`
}

func tokenPlace(id ids.Method) string { return "payment_methods:" + string(id) + ":token_sealed" }

// hash finds a token that is sealed differently each time.
func hash(account, id string) string {
	sum := sha256.Sum256([]byte(account + "\x00" + id))
	return hex.EncodeToString(sum[:])
}

func (s store) scanMethod(r row) (Method, error) {
	var m Method
	var blocked sql.NullString
	err := r.Scan(&m.ID, &m.Customer, &m.Gateway, &m.AccountKey, &m.sealed, &m.Kind, &m.Brand, &m.Last4, &m.Label, &m.Expires, &m.Status, &m.Default, &blocked, &m.Created)
	m.Blocked = blocked.String
	return m, missing(err, ErrMethodNotFound)
}

func (s store) openToken(m Method) (t token, err error) {
	err = s.box.OpenJSON(tokenPlace(m.ID), m.sealed, &t)
	if t.Notes == nil {
		t.Notes = sdk.Notes{}
	}
	return t, err
}

func (s store) insertMethod(ctx context.Context, m Method, t token) error {
	sealed, err := s.box.SealJSON(tokenPlace(m.ID), t)
	if err != nil {
		return err
	}
	_, err = s.db.Write(ctx).ExecContext(ctx, `INSERT INTO payment_methods (`+methodColumns+`, token_hash) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
		m.ID, m.Customer, m.Gateway, m.AccountKey, sealed, cut(m.Kind, 20), cut(m.Brand, 20), cut(m.Last4, 4), cut(m.Label, 80), m.Expires, m.Status, m.Default, word(m.Blocked), m.Created, hash(m.AccountKey, t.ID))
	if db.IsDuplicate(err) {
		return ErrMethodTaken.Because(err)
	}
	return err
}

func (s store) saveMethod(ctx context.Context, m Method, t token) error {
	sealed, err := s.box.SealJSON(tokenPlace(m.ID), t)
	if err != nil {
		return err
	}
	_, err = s.db.Write(ctx).ExecContext(ctx, `UPDATE payment_methods SET customer_id = ?, gateway = ?, token_sealed = ?, kind = ?, brand = ?, last4 = ?, label = ?, expires_on = ?, status = ?, is_default = ?,
		blocked_class = ?, created_at = ? WHERE id = ?`, m.Customer, m.Gateway, sealed, cut(m.Kind, 20), cut(m.Brand, 20), cut(m.Last4, 4), cut(m.Label, 80), m.Expires, m.Status, m.Default, word(m.Blocked), m.Created, m.ID)
	return err
}

func (s store) method(ctx context.Context, id ids.Method, owner ids.Customer) (Method, error) {
	query, args := `SELECT `+methodColumns+` FROM payment_methods WHERE id = ?`, []any{id}
	if owner != "" {
		query, args = query+` AND customer_id = ? AND status = 'active'`, append(args, owner)
	}
	return s.scanMethod(s.db.Read(ctx).QueryRowContext(ctx, query, args...))
}

func (s store) methodByToken(ctx context.Context, account, token string) (Method, error) {
	return s.scanMethod(s.db.Read(ctx).QueryRowContext(ctx, `SELECT `+methodColumns+` FROM payment_methods WHERE account_key = ? AND token_hash = ?`, account, hash(account, token)))
}

func (s store) methods(ctx context.Context, where string, args ...any) ([]Method, error) {
	rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT `+methodColumns+` FROM payment_methods WHERE `+where+` ORDER BY is_default DESC, id DESC`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Method
	for rows.Next() {
		m, err := s.scanMethod(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, rows.Err()
}

func (s store) chargeable(ctx context.Context, customers []ids.Customer, today period.Day) (map[ids.Customer][]Method, error) {
	out := make(map[ids.Customer][]Method)
	for len(customers) > 0 {
		piece := customers[:min(5000, len(customers))]
		customers = customers[len(piece):]
		list, args := db.In(ids.Strings(piece))
		found, err := s.methods(ctx, `customer_id IN `+list+` AND status = 'active' AND blocked_class IS NULL AND (expires_on IS NULL OR expires_on >= ?)`, append(args, today)...)
		if err != nil {
			return nil, err
		}
		for _, m := range found {
			out[m.Customer] = append(out[m.Customer], m)
		}
	}
	return out, nil
}

// setDefault makes one method of a customer the default, and no other.
func (s store) setDefault(ctx context.Context, c ids.Customer, id ids.Method) error {
	_, err := s.db.Write(ctx).ExecContext(ctx, `UPDATE payment_methods SET is_default = CASE WHEN id = ? THEN TRUE ELSE FALSE END WHERE customer_id = ?`, id, c)
	return err
}

// block keeps a block for a dispute: nothing lesser lifts it.
func (s store) block(ctx context.Context, id ids.Method, class string) error {
	return s.once(ctx, ErrMethodNotFound, `UPDATE payment_methods SET blocked_class = CASE WHEN blocked_class = ? THEN blocked_class ELSE ? END WHERE id = ?`, BlockDispute, cut(class, 12), id)
}

func (s store) unblock(ctx context.Context, id ids.Method) error {
	return s.once(ctx, ErrMethodNotFound, `UPDATE payment_methods SET blocked_class = NULL WHERE id = ?`, id)
}

func (s store) removeMethod(ctx context.Context, id ids.Method) error {
	return s.once(ctx, ErrMethodNotFound, `UPDATE payment_methods SET status = 'removed', is_default = FALSE WHERE id = ?`, id)
}

// newestMethod is the method that becomes the default after the default was removed; "" if none is left.
func (s store) newestMethod(ctx context.Context, c ids.Customer) (id ids.Method, err error) {
	err = s.db.Write(ctx).QueryRowContext(ctx, `SELECT id FROM payment_methods WHERE customer_id = ? AND status = 'active' ORDER BY id DESC LIMIT 1`, c).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return id, err
}
