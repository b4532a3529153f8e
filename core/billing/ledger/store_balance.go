package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/sdk/money"
)

// purse is the balance of a customer in one currency.
type purse struct {
	customer ids.Customer
	currency string
}

// moveBalances adds what comes in, then takes what goes out, each only if it is there.
func (s store) moveBalances(ctx context.Context, moves map[purse]int64, now time.Time) error {
	order := slices.SortedFunc(maps.Keys(moves), func(a, b purse) int {
		return cmp.Or(cmp.Compare(a.customer, b.customer), cmp.Compare(a.currency, b.currency))
	})
	var in [][]any
	for _, p := range order {
		if moves[p] > 0 {
			in = append(in, []any{string(p.customer), p.currency, moves[p], now})
		}
	}
	if len(in) > 0 {
		err := s.db.Upsert(ctx, db.Upsert{Table: "customer_balances", Columns: []string{"customer_id", "currency", "balance_minor", "updated_at"},
			Keys: []string{"customer_id", "currency"}, Set: []string{"updated_at"}, Add: []string{"balance_minor"}, Rows: in})
		if err != nil {
			return err
		}
	}
	for _, p := range order {
		if moves[p] >= 0 {
			continue
		}
		res, err := s.db.Write(ctx).ExecContext(ctx, "UPDATE customer_balances SET balance_minor = balance_minor - ?, updated_at = ? WHERE customer_id = ? AND currency = ? AND balance_minor >= ?",
			-moves[p], now, string(p.customer), p.currency, -moves[p])
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n != 1 {
			return cmp.Or(err, error(ErrBalance))
		}
	}
	return nil
}

func (s store) balances(ctx context.Context, customer ids.Customer) ([]money.Amount, error) {
	rows, err := s.db.Read(ctx).QueryContext(ctx, "SELECT currency, balance_minor FROM customer_balances WHERE customer_id = ? ORDER BY currency", string(customer))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []money.Amount
	for rows.Next() {
		var currency string
		var minor int64
		if err := rows.Scan(&currency, &minor); err != nil {
			return nil, err
		}
		out = append(out, money.Of(minor, currency))
	}
	return out, rows.Err()
}

func (s store) balance(ctx context.Context, customer ids.Customer, currency string) (minor int64, err error) {
	lock, run := "", s.db.Read(ctx)
	if db.InTx(ctx) {
		lock = s.db.ForUpdate()
	}
	err = run.QueryRowContext(ctx, "SELECT balance_minor FROM customer_balances WHERE customer_id = ? AND currency = ?"+lock, string(customer), currency).Scan(&minor)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return minor, err
}
