package subscription

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/sdk/money"
)

// oblige is the guard against billing a period twice: a duplicate key refuses the whole set.
func (s store) oblige(ctx context.Context, set []Obligation) error {
	rows := make([][]any, len(set))
	for i, o := range set {
		rows[i] = []any{o.ID, o.Subscription, o.Lane, o.From, o.To, o.No, o.Kind, 1, o.Net.Currency(), o.Net.Minor(), none(o.Invoice), none(o.Redemption), o.NextBillOn, none(o.Run), o.Fingerprint}
	}
	err := s.db.InsertRows(ctx, "obligations", []string{"id", "subscription_id", "lane", "period_from", "period_to", "period_no", "kind", "revision",
		"currency", "net_minor", "invoice_id", "redemption_id", "next_bill_on", "run_id", "fingerprint"}, rows)
	if db.IsDuplicate(err) {
		return ErrBilled
	}
	return err
}

// advance moves subscriptions over their newest obligations. billed_to is assigned last: MySQL assigns
// from left to right, and the other subqueries read it. All of it is that of the last obligation: one that is
// followed by no other has no next_bill_on, whatever those before it have.
func (s store) advance(ctx context.Context, set []ids.Subscription) error {
	const ahead = ` FROM obligations o WHERE o.subscription_id = subscriptions.id AND o.lane = 'term' AND o.period_from >= subscriptions.billed_to`
	of := func(column string) string {
		return `(SELECT o.` + column + ahead + ` ORDER BY o.period_from DESC LIMIT 1)`
	}
	moved := int64(0)
	err := inChunks(set, func(marks string, args []any) error {
		res, err := s.db.Write(ctx).ExecContext(ctx, `UPDATE subscriptions SET version = version + 1, bill_on = `+of("next_bill_on")+`, period_no = `+of("period_no")+`,
			billed_to = `+of("period_to")+` WHERE id IN (`+marks+`) AND EXISTS (SELECT 1`+ahead+`)`, args...)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		moved += n
		return err
	})
	if err == nil && moved != int64(len(set)) {
		return ErrChanged
	}
	return err
}

// retract drops terms and moves the subscription back to the end of those that are left. period_no is read before
// billed_to is moved; one without any other term stays where it is.
func (s store) retract(ctx context.Context, id ids.Subscription, set []ids.Obligation) error {
	err := inChunks(set, func(marks string, args []any) error {
		_, err := s.db.Write(ctx).ExecContext(ctx, `DELETE FROM obligations WHERE subscription_id = ? AND lane = 'term' AND paid_at IS NULL AND id IN (`+marks+`)`, append([]any{id}, args...)...)
		return err
	})
	if err != nil {
		return err
	}
	const last = ` FROM obligations o WHERE o.subscription_id = subscriptions.id AND o.lane = 'term' ORDER BY o.period_from DESC LIMIT 1)`
	_, err = s.db.Write(ctx).ExecContext(ctx, `UPDATE subscriptions SET version = version + 1, period_no = (SELECT o.period_no`+last+`, billed_to = (SELECT o.period_to`+last+`
		WHERE id = ? AND EXISTS (SELECT 1 FROM obligations o WHERE o.subscription_id = subscriptions.id AND o.lane = 'term')`, id)
	return err
}

func (s store) versions(ctx context.Context, set []ids.Subscription) (map[ids.Subscription]int64, error) {
	out := make(map[ids.Subscription]int64, len(set))
	err := inChunks(set, func(marks string, args []any) error {
		rows, err := s.db.Write(ctx).QueryContext(ctx, `SELECT id, version FROM subscriptions WHERE id IN (`+marks+`) ORDER BY id`+s.db.ForUpdate(), args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id ids.Subscription
			var version int64
			if err := rows.Scan(&id, &version); err != nil {
				return err
			}
			out[id] = version
		}
		return rows.Err()
	})
	return out, err
}

func (s store) dueDays(ctx context.Context, today period.Day) (days []period.Day, err error) {
	rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT DISTINCT bill_on FROM subscriptions WHERE bill_on <= ? ORDER BY bill_on`, today)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var day period.Day
		if err := rows.Scan(&day); err != nil {
			return nil, err
		}
		days = append(days, day)
	}
	return days, rows.Err()
}

// billable leaves out what waits for its money: while suspended for non-payment nothing is billed.
const billable = `status IN ('active', 'suspended') AND NOT EXISTS (SELECT 1 FROM suspensions x
	WHERE x.subscription_id = subscriptions.id AND x.closed_at IS NULL AND x.cause = 'unpaid')`

func (s store) duePage(ctx context.Context, day period.Day, after ids.Customer, limit int) ([]Subscription, error) {
	const query = `SELECT ` + columns + ` FROM subscriptions WHERE bill_on = ? AND customer_id > ? AND ` + billable + ` ORDER BY customer_id, id LIMIT ?`
	page, err := s.query(ctx, query, day, after, limit)
	if err != nil || len(page) < limit {
		return page, err
	}
	last := page[len(page)-1].Customer
	if page[0].Customer == last { // one customer fills the page: read him to his end
		return s.query(ctx, `SELECT `+columns+` FROM subscriptions WHERE bill_on = ? AND customer_id = ? AND `+billable+` ORDER BY customer_id, id`, day, last)
	}
	for len(page) > 0 && page[len(page)-1].Customer == last {
		page = page[:len(page)-1]
	}
	return page, nil
}

func (s store) query(ctx context.Context, query string, args ...any) ([]Subscription, error) {
	return subscriptions(s.db.Read(ctx).QueryContext(ctx, query, args...))
}

// subscriptions are the rows of a query.
func subscriptions(rows *sql.Rows, err error) (list []Subscription, _ error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		sub, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, sub)
	}
	return list, rows.Err()
}

// markPaid sets paid_at once and answers the subscriptions whose obligations became paid by it, each once.
func (s store) markPaid(ctx context.Context, invoices []ids.Invoice, at time.Time) (paid []Subscription, err error) {
	told := map[ids.Subscription]bool{}
	err = inChunks(invoices, func(marks string, args []any) error {
		found, err := s.lockUnpaid(ctx, marks, args)
		if err != nil || len(found) == 0 {
			return err
		}
		if _, err := s.db.Write(ctx).ExecContext(ctx, `UPDATE obligations SET paid_at = ? WHERE paid_at IS NULL AND invoice_id IN (`+marks+`)`, append([]any{at}, args...)...); err != nil {
			return err
		}
		set := make([]ids.Subscription, len(found))
		for i, sub := range found {
			set[i] = sub.ID
			if !told[sub.ID] {
				told[sub.ID] = true
				paid = append(paid, sub)
			}
		}
		return inChunks(set, func(marks string, args []any) error {
			_, err := s.db.Write(ctx).ExecContext(ctx, `UPDATE subscriptions SET paid_to = (SELECT MAX(o.period_to) FROM obligations o
				WHERE o.subscription_id = subscriptions.id AND o.lane = 'term' AND o.paid_at IS NOT NULL), version = version + 1 WHERE id IN (`+marks+`)`, args...)
			return err
		})
	})
	return paid, err
}

// lockUnpaid locks the subscriptions of unpaid obligations. Whoever was waiting for the locks looks again: the
// obligations may have been paid meanwhile.
func (s store) lockUnpaid(ctx context.Context, marks string, args []any) ([]Subscription, error) {
	const unpaid = ` FROM obligations o WHERE o.paid_at IS NULL AND o.invoice_id IN (`
	found, err := s.queryWrite(ctx, `SELECT `+columns+` FROM subscriptions WHERE id IN (SELECT o.subscription_id`+unpaid+marks+`)) ORDER BY id`+s.db.ForUpdate(), args...)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	rows, err := s.db.Write(ctx).QueryContext(ctx, `SELECT o.subscription_id`+unpaid+marks+`)`+s.db.ForUpdate(), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	still := map[ids.Subscription]bool{}
	for rows.Next() {
		var id ids.Subscription
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		still[id] = true
	}
	return slices.DeleteFunc(found, func(sub Subscription) bool { return !still[sub.ID] }), rows.Err()
}

// queryWrite reads where it is written: what was committed a moment ago is seen, and rows can be locked.
func (s store) queryWrite(ctx context.Context, query string, args ...any) ([]Subscription, error) {
	return subscriptions(s.db.Write(ctx).QueryContext(ctx, query, args...))
}

func (s store) ofInvoices(ctx context.Context, invoices []ids.Invoice) (map[ids.Invoice][]Subscription, error) {
	of := map[ids.Subscription][]ids.Invoice{}
	err := inChunks(invoices, func(marks string, args []any) error {
		rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT DISTINCT invoice_id, subscription_id FROM obligations WHERE invoice_id IN (`+marks+`)`, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var inv ids.Invoice
			var sub ids.Subscription
			if err := rows.Scan(&inv, &sub); err != nil {
				return err
			}
			of[sub] = append(of[sub], inv)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, err
	}
	set := make([]ids.Subscription, 0, len(of))
	for sub := range of {
		set = append(set, sub)
	}
	out := map[ids.Invoice][]Subscription{}
	err = inChunks(set, func(marks string, args []any) error {
		list, err := s.query(ctx, `SELECT `+columns+` FROM subscriptions WHERE id IN (`+marks+`) ORDER BY id`, args...)
		for _, sub := range list {
			for _, inv := range of[sub.ID] {
				out[inv] = append(out[inv], sub)
			}
		}
		return err
	})
	return out, err
}

func (s store) ending(ctx context.Context, today period.Day, limit int) ([]Subscription, error) {
	return s.query(ctx, `SELECT `+columns+` FROM subscriptions WHERE cancel_on <= ? AND status <> 'ended' ORDER BY cancel_on, id LIMIT ?`, today, limit)
}

func (s store) ofOrder(ctx context.Context, id ids.Order) ([]Subscription, error) {
	return s.query(ctx, `SELECT `+columns+` FROM subscriptions WHERE order_id = ? ORDER BY id`, id)
}

func (s store) children(ctx context.Context, id ids.Subscription) ([]Subscription, error) {
	return s.query(ctx, `SELECT `+columns+` FROM subscriptions WHERE parent_id = ? AND status <> 'ended' ORDER BY id`, id)
}

// errSort is a caller's mistake, not a customer's.
var errSort = errors.New("unknown sort order")

// list pages by the key of the order asked for. Orders come from this table, never from the caller's text.
func (s store) list(ctx context.Context, f Filter) (Page, error) {
	where, args := []string{"1 = 1"}, []any{}
	and := func(cond string, values ...any) { where, args = append(where, cond), append(args, values...) }
	if f.Customer != "" {
		and("customer_id = ?", f.Customer)
	}
	if f.Product != "" {
		and("product_id = ?", f.Product)
	}
	if len(f.Statuses) > 0 {
		marks := strings.TrimSuffix(strings.Repeat("?,", len(f.Statuses)), ",")
		values := make([]any, len(f.Statuses))
		for i, st := range f.Statuses {
			values[i] = string(st)
		}
		and("status IN ("+marks+")", values...)
	}
	if q := strings.TrimSpace(f.Query); q != "" {
		and("(LOWER(label) LIKE ? ESCAPE '!' OR id = ? OR customer_id = ?)", db.Contains(strings.ToLower(q)), q, q)
	}
	page := Page{}
	if err := s.db.Read(ctx).QueryRowContext(ctx, `SELECT COUNT(*) FROM subscriptions WHERE `+strings.Join(where, " AND "), args...).Scan(&page.Total); err != nil {
		return Page{}, err
	}
	order, key := "id DESC", "id < ?"
	switch f.Sort {
	case "", "newest":
	case "oldest":
		order, key = "id", "id > ?"
	default:
		return Page{}, errSort
	}
	if f.After != "" {
		and(key, f.After)
	}
	limit := f.Limit
	if limit <= 0 || limit > 200 {
		limit = 50
	}
	list, err := s.query(ctx, `SELECT `+columns+` FROM subscriptions WHERE `+strings.Join(where, " AND ")+` ORDER BY `+order+` LIMIT ?`, append(args, limit+1)...)
	if err != nil {
		return Page{}, err
	}
	if len(list) > limit {
		list = list[:limit]
		page.Next = string(list[limit-1].ID)
	}
	page.List = list
	return page, nil
}

func (s store) periods(ctx context.Context, id ids.Subscription, limit int) ([]Billed, error) {
	rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT id, lane, period_from, period_to, period_no, kind, currency, net_minor, invoice_id, redemption_id,
		next_bill_on, run_id, fingerprint, paid_at FROM obligations WHERE subscription_id = ? ORDER BY period_from DESC, lane LIMIT ?`, id, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Billed
	for rows.Next() {
		b := Billed{Obligation: Obligation{Subscription: id}}
		var currency string
		var minor int64
		var paid sql.NullTime
		if err := rows.Scan(&b.ID, &b.Lane, &b.From, &b.To, &b.No, &b.Kind, &currency, &minor, &b.Invoice, &b.Redemption, &b.NextBillOn, &b.Run, &b.Fingerprint, &paid); err != nil {
			return nil, err
		}
		b.Net, b.Paid = money.Of(minor, currency), paid.Time
		list = append(list, b)
	}
	return list, rows.Err()
}

func (s store) many(ctx context.Context, set []ids.Subscription) (map[ids.Subscription]Subscription, error) {
	out := make(map[ids.Subscription]Subscription, len(set))
	return out, inChunks(set, func(marks string, args []any) error {
		list, err := s.query(ctx, `SELECT `+columns+` FROM subscriptions WHERE id IN (`+marks+`)`, args...)
		for _, sub := range list {
			out[sub.ID] = sub
		}
		return err
	})
}
