package coupon

import (
	"context"
	"strings"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/db"
)

// count takes one use, and decides in the statement that takes it: two orders cannot have the last one.
func (s store) count(ctx context.Context, id ids.Coupon) error {
	res, err := s.db.Write(ctx).ExecContext(ctx, `UPDATE coupons SET used = used + 1 WHERE id = ? AND (max_uses IS NULL OR used < max_uses)`, id)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 1 {
		return err
	}
	if _, err := s.get(ctx, id); err != nil {
		return err
	}
	return ErrUsedUp
}

// insertRedemptions writes the rows of one use. The first of them holds the key that a customer has once.
func (s store) insertRedemptions(ctx context.Context, c Coupon, list []Redemption) error {
	rows := make([][]any, len(list))
	for i, r := range list {
		var once any
		if i == 0 && c.OncePerCustomer {
			once = string(c.ID) + ":" + string(r.Customer)
		}
		rows[i] = []any{r.ID, c.ID, r.Customer, r.Order, ids.Null(r.Subscription), string(r.State), once, r.ShareMinor, r.TermsLeft, r.At}
	}
	err := s.db.InsertRows(ctx, "coupon_redemptions", []string{"id", "coupon_id", "customer_id", "order_id", "subscription_id", "state", "once_key", "share_minor", "terms_left", "at"}, rows)
	if db.IsDuplicate(err) {
		return ErrOnce
	}
	return err
}

// release locks the coupon before its uses, as Redeem does.
func (s store) release(ctx context.Context, order ids.Order) error {
	uses, err := s.ofOrder(ctx, order, "")
	if err != nil {
		return err
	}
	next, err := life.Next(Live, GiveBack)
	if err != nil {
		return err
	}
	done := map[ids.Coupon]bool{}
	for _, u := range uses {
		if u.State != Live || done[u.Coupon.ID] {
			continue
		}
		done[u.Coupon.ID] = true
		if _, err := s.lock(ctx, u.Coupon.ID); err != nil {
			return err
		}
		res, err := s.db.Write(ctx).ExecContext(ctx, `UPDATE coupon_redemptions SET state = ?, once_key = NULL WHERE order_id = ? AND coupon_id = ? AND state = ?`,
			string(next), order, u.Coupon.ID, string(Live))
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		if err != nil {
			return err
		}
		if n == 0 { // somebody else was first
			continue
		}
		if _, err := s.db.Write(ctx).ExecContext(ctx, `UPDATE coupons SET used = used - 1 WHERE id = ? AND used > 0`, u.Coupon.ID); err != nil {
			return err
		}
	}
	return nil
}

// useTerms takes n terms of each, if each has as many.
func (s store) useTerms(ctx context.Context, set []ids.Redemption, n int) error {
	for len(set) > 0 {
		piece := set[:min(10_000, len(set))]
		set = set[len(piece):]
		in, args := db.In(piece)
		res, err := s.db.Write(ctx).ExecContext(ctx, `UPDATE coupon_redemptions SET terms_left = CASE WHEN terms_left > 0 THEN terms_left - ? ELSE terms_left END
			WHERE state = ? AND (terms_left < 0 OR terms_left >= ?) AND id IN `+in, append([]any{n, string(Live), n}, args...)...)
		if err != nil {
			return err
		}
		if got, err := res.RowsAffected(); err != nil {
			return err
		} else if got != int64(len(piece)) {
			return ErrChanged
		}
	}
	return nil
}

func (s store) returnTerm(ctx context.Context, id ids.Redemption) error {
	_, err := s.db.Write(ctx).ExecContext(ctx, `UPDATE coupon_redemptions SET terms_left = terms_left + 1 WHERE state = ? AND terms_left >= 0 AND id = ?`, string(Live), id)
	return err
}

const useColumns = `r.id, r.customer_id, r.order_id, r.subscription_id, r.state, r.share_minor, r.terms_left, r.at, ` + columns

func (s store) redemptions(ctx context.Context, where string, args ...any) (list []Redemption, err error) {
	rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT `+useColumns+` FROM coupon_redemptions r JOIN coupons c ON c.id = r.coupon_id WHERE `+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r Redemption
		into, done := r.Coupon.fields()
		if err := rows.Scan(append([]any{&r.ID, &r.Customer, &r.Order, &r.Subscription, &r.State, &r.ShareMinor, &r.TermsLeft, &r.At}, into...)...); err != nil {
			return nil, err
		}
		if err := done(); err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, rows.Err()
}

// ofOrder reads the uses by an order: of one coupon those that count, of "" all.
func (s store) ofOrder(ctx context.Context, order ids.Order, coupon ids.Coupon) ([]Redemption, error) {
	if coupon == "" {
		return s.redemptions(ctx, `r.order_id = ? ORDER BY r.id`, order)
	}
	return s.redemptions(ctx, `r.order_id = ? AND r.coupon_id = ? AND r.state = ? ORDER BY r.id`, order, coupon, string(Live))
}

func (s store) live(ctx context.Context, set []ids.Subscription) (map[ids.Subscription]Redemption, error) {
	out := map[ids.Subscription]Redemption{}
	for len(set) > 0 {
		piece := set[:min(10_000, len(set))]
		set = set[len(piece):]
		in, args := db.In(piece)
		list, err := s.redemptions(ctx, `r.state = ? AND r.terms_left <> 0 AND r.subscription_id IN `+in+` ORDER BY r.id`, append([]any{string(Live)}, args...)...)
		if err != nil {
			return nil, err
		}
		for _, r := range list {
			out[r.Subscription] = r
		}
	}
	return out, nil
}

func (s store) uses(ctx context.Context, f UseFilter) (page UsePage, err error) {
	where, args := []string{"1 = 1"}, []any{}
	if f.Coupon != "" {
		where, args = append(where, "r.coupon_id = ?"), append(args, f.Coupon)
	}
	if f.Customer != "" {
		where, args = append(where, "r.customer_id = ?"), append(args, f.Customer)
	}
	if err := s.db.Read(ctx).QueryRowContext(ctx, `SELECT COUNT(*) FROM coupon_redemptions r WHERE `+strings.Join(where, " AND "), args...).Scan(&page.Total); err != nil {
		return UsePage{}, err
	}
	if f.After != "" {
		where, args = append(where, "r.id < ?"), append(args, f.After)
	}
	limit := f.Limit
	if limit < 1 || limit > 200 {
		limit = 50
	}
	page.List, err = s.redemptions(ctx, strings.Join(where, " AND ")+` ORDER BY r.id DESC LIMIT ?`, append(args, limit+1)...)
	if err != nil {
		return UsePage{}, err
	}
	if len(page.List) > limit {
		page.List = page.List[:limit]
		page.Next = string(page.List[limit-1].ID)
	}
	return page, nil
}
