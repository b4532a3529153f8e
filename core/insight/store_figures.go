package insight

import (
	"context"
	"database/sql"
	"maps"
	"slices"

	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/sdk/money"
)

func (s store) figures(ctx context.Context, today period.Day) (f Figures, err error) {
	services, err := s.counts(ctx, `SELECT status, COUNT(*) FROM subscriptions GROUP BY status`)
	if err != nil {
		return f, err
	}
	f.Active, f.Suspended, f.Pending = services["active"], services["suspended"], services["pending"]
	orders, err := s.counts(ctx, `SELECT status, COUNT(*) FROM orders WHERE status IN ('pending', 'review') GROUP BY status`)
	if err != nil {
		return f, err
	}
	f.ReviewOrders = orders["review"]
	f.OpenOrders = orders["pending"] + f.ReviewOrders
	if f.Jobs, err = s.counts(ctx, `SELECT state, COUNT(*) FROM operations WHERE state IN ('queued', 'calling', 'running', 'failed', 'stuck') GROUP BY state`); err != nil {
		return f, err
	}
	rest, err := s.counts(ctx, `SELECT 'customers', COUNT(*) FROM customers UNION ALL SELECT 'jobs', COUNT(*) FROM jobs WHERE state = 'parked'
		UNION ALL SELECT 'deliveries', COUNT(*) FROM deliveries WHERE state = 'parked' UNION ALL SELECT 'held', COUNT(*) FROM payments WHERE status = 'held'
		UNION ALL SELECT 'unsure', COUNT(*) FROM payment_attempts WHERE status IN ('unknown', 'parked') UNION ALL SELECT 'unsent', COUNT(*) FROM messages WHERE state IN ('failed', 'unsure')`)
	if err != nil {
		return f, err
	}
	f.Customers, f.ParkedJobs, f.HeldMoney, f.Unsure, f.Unsent = rest["customers"], rest["jobs"]+rest["deliveries"], rest["held"], rest["unsure"], rest["unsent"]
	if f.Outstanding, err = s.sums(ctx, `SELECT i.currency, SUM(`+open+`) FROM invoices i WHERE i.status = 'open' GROUP BY i.currency`); err != nil {
		return f, err
	}
	if f.Overdue, err = s.sums(ctx, `SELECT i.currency, SUM(`+open+`) FROM invoices i WHERE i.status = 'open' AND i.due_on < ? GROUP BY i.currency`, today); err != nil {
		return f, err
	}
	month := period.Date(today.Year(), today.Month(), 1)
	if f.Received, err = s.sums(ctx, `SELECT currency, SUM(amount_minor) FROM payments WHERE status = 'captured' AND source <> 'balance' AND received_on >= ? GROUP BY currency`, month); err != nil {
		return f, err
	}
	f.Recurring, err = s.recurring(ctx)
	return f, err
}

// recurring sums what services pay per month: of each the last term billed, divided by its months, weeks or days.
func (s store) recurring(ctx context.Context) ([]money.Amount, error) {
	rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT s.currency, s.cycle_n, s.cycle_unit, SUM(o.net_minor) FROM subscriptions s
		JOIN (SELECT subscription_id, MAX(period_no) AS n FROM obligations WHERE lane = 'term' AND kind = 'term' GROUP BY subscription_id) l ON l.subscription_id = s.id
		JOIN obligations o ON o.subscription_id = s.id AND o.lane = 'term' AND o.kind = 'term' AND o.period_no = l.n
		WHERE s.status IN ('active', 'suspended') AND s.cycle_unit <> 'once' GROUP BY s.currency, s.cycle_n, s.cycle_unit`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	sum := map[string]int64{}
	for rows.Next() {
		var currency, unit string
		var n, net int64
		if err := rows.Scan(&currency, &n, &unit, &net); err != nil {
			return nil, err
		}
		sum[currency] += perMonth(net, n, period.Unit(unit))
	}
	return amounts(sum), rows.Err()
}

// perMonth is an amount for n units, as a month has it; rounded half away from zero.
func perMonth(net, n int64, unit period.Unit) int64 {
	up, down := int64(1), n
	switch unit {
	case period.Year:
		down = 12 * n
	case period.Weeks:
		up, down = 365, 84*n
	case period.Days:
		up, down = 365, 12*n
	}
	if down == 0 {
		return 0
	}
	x := net * up
	if x < 0 {
		return -((-x + down/2) / down)
	}
	return (x + down/2) / down
}

func (s store) received(ctx context.Context, currency string, from, to period.Day) (map[period.Day]int64, error) {
	rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT received_on, SUM(amount_minor) FROM payments
		WHERE status = 'captured' AND source <> 'balance' AND currency = ? AND received_on >= ? AND received_on <= ? GROUP BY received_on`, currency, from, to)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[period.Day]int64{}
	for rows.Next() {
		var on period.Day
		var minor int64
		if err := rows.Scan(&on, &minor); err != nil {
			return nil, err
		}
		out[on] = minor
	}
	return out, rows.Err()
}

func (s store) counts(ctx context.Context, query string, args ...any) (map[string]int, error) {
	out := map[string]int{}
	return out, s.each(ctx, query, args, func(rows *sql.Rows) error {
		var name string
		var n int
		err := rows.Scan(&name, &n)
		out[name] = n
		return err
	})
}

func (s store) sums(ctx context.Context, query string, args ...any) ([]money.Amount, error) {
	sum := map[string]int64{}
	err := s.each(ctx, query, args, func(rows *sql.Rows) error {
		var currency string
		var minor int64
		err := rows.Scan(&currency, &minor)
		sum[currency] = minor
		return err
	})
	return amounts(sum), err
}

func (s store) each(ctx context.Context, query string, args []any, take func(*sql.Rows) error) error {
	rows, err := s.db.Read(ctx).QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := take(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// amounts is one amount per currency, by code.
func amounts(sum map[string]int64) []money.Amount {
	var out []money.Amount
	for _, code := range slices.Sorted(maps.Keys(sum)) {
		out = append(out, money.Of(sum[code], code))
	}
	return out
}
