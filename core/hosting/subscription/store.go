package subscription

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
	"github.com/ezscale/bursar/sdk/money"
)

// store is the SQL of one subscription. Sets are in store_sets.go.
type store struct{ db *db.DB }

const columns = `id, customer_id, parent_id, order_id, product_id, label, status, currency, cycle_n, cycle_unit, anchor_on, anchor_dom,
	period_no, billed_to, paid_to, bill_on, cancel_on, ended_on, end_reason, checkout_values, created_at, version`

type scanner interface{ Scan(...any) error }

func scan(row scanner) (Subscription, error) {
	var sub Subscription
	var parent, order, reason sql.NullString
	var checkout string
	err := row.Scan(&sub.ID, &sub.Customer, &parent, &order, &sub.Product, &sub.Label, &sub.Status, &sub.Currency, &sub.Cycle.N, &sub.Cycle.Unit,
		&sub.Anchor, &sub.AnchorDay, &sub.PeriodNo, &sub.BilledTo, &sub.PaidTo, &sub.BillOn, &sub.CancelOn, &sub.EndedOn, &reason, &checkout,
		&sub.Created, &sub.Version)
	if errors.Is(err, sql.ErrNoRows) {
		return Subscription{}, ErrNotFound
	}
	if err != nil {
		return Subscription{}, err
	}
	sub.Parent, sub.Order, sub.EndReason = ids.Subscription(parent.String), ids.Order(order.String), EndReason(reason.String)
	return sub, json.Unmarshal([]byte(checkout), &sub.Checkout)
}

func (s store) insert(ctx context.Context, sub Subscription) error {
	checkout, err := json.Marshal(sub.Checkout)
	if err != nil {
		return err
	}
	_, err = s.db.Write(ctx).ExecContext(ctx, `INSERT INTO subscriptions (`+columns+`, high_minor) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,0)`,
		sub.ID, sub.Customer, none(sub.Parent), none(sub.Order), sub.Product, sub.Label, sub.Status, sub.Currency, sub.Cycle.N, sub.Cycle.Unit,
		sub.Anchor, sub.AnchorDay, sub.PeriodNo, sub.BilledTo, sub.PaidTo, sub.BillOn, sub.CancelOn, sub.EndedOn, none(sub.EndReason), string(checkout),
		sub.Created, sub.Version)
	return err
}

func (s store) get(ctx context.Context, id ids.Subscription, owner ids.Customer) (Subscription, error) {
	query, args := `SELECT `+columns+` FROM subscriptions WHERE id = ?`, []any{id}
	if owner != "" {
		query, args = query+` AND customer_id = ?`, append(args, owner)
	}
	return scan(s.db.Read(ctx).QueryRowContext(ctx, query, args...))
}

func (s store) lock(ctx context.Context, id ids.Subscription) (Subscription, error) {
	return scan(s.db.Write(ctx).QueryRowContext(ctx, `SELECT `+columns+` FROM subscriptions WHERE id = ?`+s.db.ForUpdate(), id))
}

// save writes what may change, and counts the version up. Obligations move the billed period, never this.
func (s store) save(ctx context.Context, sub Subscription) error {
	res, err := s.db.Write(ctx).ExecContext(ctx, `UPDATE subscriptions SET label = ?, status = ?, bill_on = ?, cancel_on = ?, ended_on = ?, end_reason = ?, version = version + 1
		WHERE id = ? AND version = ?`, sub.Label, sub.Status, sub.BillOn, sub.CancelOn, sub.EndedOn, none(sub.EndReason), sub.ID, sub.Version)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, ErrChanged)
	}
	return nil
}

func (s store) insertItems(ctx context.Context, items []Item) error {
	rows := make([][]any, len(items))
	for i, it := range items {
		var override any
		if it.Override != nil {
			override = it.Override.Minor()
		}
		rows[i] = []any{it.ID, it.Subscription, it.Kind, it.Owner, it.Text, it.Price, it.QtyMicro, override, none(it.OverrideReason), it.OverrideDiscountable, it.TaxClass, it.EndedOn}
	}
	return s.db.InsertRows(ctx, "subscription_items", []string{"id", "subscription_id", "kind", "owner_id", "text", "price_version_id", "qty_micro",
		"override_minor", "override_reason", "override_discountable", "tax_class", "ended_on"}, rows)
}

func (s store) items(ctx context.Context, set []ids.Subscription) (map[ids.Subscription][]Item, error) {
	out := make(map[ids.Subscription][]Item, len(set))
	err := inChunks(set, func(marks string, args []any) error {
		rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT i.id, i.subscription_id, i.kind, i.owner_id, i.text, i.price_version_id, i.qty_micro, i.override_minor, i.override_reason,
			i.override_discountable, i.tax_class, s.currency FROM subscription_items i JOIN subscriptions s ON s.id = i.subscription_id
			WHERE i.ended_on IS NULL AND i.subscription_id IN (`+marks+`) ORDER BY i.subscription_id, i.kind DESC, i.id`, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var it Item
			var override sql.NullInt64
			var reason sql.NullString
			var currency string
			if err := rows.Scan(&it.ID, &it.Subscription, &it.Kind, &it.Owner, &it.Text, &it.Price, &it.QtyMicro, &override, &reason, &it.OverrideDiscountable, &it.TaxClass, &currency); err != nil {
				return err
			}
			if override.Valid {
				amount := money.Of(override.Int64, currency)
				it.Override = &amount
			}
			it.OverrideReason = reason.String
			out[it.Subscription] = append(out[it.Subscription], it)
		}
		return rows.Err()
	})
	return out, err
}

// errCauseOpen: the cause is open already.
var errCauseOpen = fault.New(fault.Conflict, "cause_open", "The service is suspended for that reason already.")

func (s store) openCause(ctx context.Context, w Suspension) error {
	_, err := s.db.Write(ctx).ExecContext(ctx, `INSERT INTO suspensions (id, subscription_id, cause, ref_id, reason, actor, opened_at, open_key) VALUES (?,?,?,?,?,?,?,?)`,
		ids.New[ids.Suspension](), w.Subscription, w.Cause, none(w.Ref), w.Reason, w.Actor, w.Opened, string(w.Subscription)+":"+string(w.Cause)+":"+w.Ref)
	if db.IsDuplicate(err) {
		return errCauseOpen
	}
	return err
}

// closeCause closes what matches ("" matches all) and counts what is still open.
func (s store) closeCause(ctx context.Context, id ids.Subscription, cause Cause, ref string, at time.Time) (left int, err error) {
	query, args := `UPDATE suspensions SET closed_at = ?, open_key = NULL WHERE subscription_id = ? AND closed_at IS NULL`, []any{at, id}
	if cause != "" {
		query, args = query+` AND cause = ?`, append(args, cause)
	}
	if ref != "" {
		query, args = query+` AND ref_id = ?`, append(args, ref)
	}
	if _, err := s.db.Write(ctx).ExecContext(ctx, query, args...); err != nil {
		return 0, err
	}
	err = s.db.Write(ctx).QueryRowContext(ctx, `SELECT COUNT(*) FROM suspensions WHERE subscription_id = ? AND closed_at IS NULL`, id).Scan(&left)
	return left, err
}

func (s store) causes(ctx context.Context, set []ids.Subscription) (map[ids.Subscription][]Suspension, error) {
	out := map[ids.Subscription][]Suspension{}
	err := inChunks(set, func(marks string, args []any) error {
		rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT subscription_id, cause, ref_id, reason, actor, opened_at FROM suspensions
			WHERE closed_at IS NULL AND subscription_id IN (`+marks+`) ORDER BY id`, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var w Suspension
			var ref sql.NullString
			if err := rows.Scan(&w.Subscription, &w.Cause, &ref, &w.Reason, &w.Actor, &w.Opened); err != nil {
				return err
			}
			w.Ref = ref.String
			out[w.Subscription] = append(out[w.Subscription], w)
		}
		return rows.Err()
	})
	return out, err
}

// none stores the empty text as NULL.
func none[T ~string](v T) any {
	if v == "" {
		return nil
	}
	return string(v)
}

// inChunks runs a query over a set, in pieces that stay under the parameter limit of either database.
func inChunks[T ~string](set []T, run func(marks string, args []any) error) error {
	const most = 1000
	for len(set) > 0 {
		piece := set[:min(most, len(set))]
		set = set[len(piece):]
		args := make([]any, len(piece))
		for i, id := range piece {
			args[i] = string(id)
		}
		if err := run(strings.TrimSuffix(strings.Repeat("?,", len(piece)), ","), args); err != nil {
			return err
		}
	}
	return nil
}
