package coupon

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/db"
)

type store struct{ db *db.DB }

const columns = `c.id, c.code_fold, c.kind, c.rate_ppm, c.amount_minor, COALESCE(c.currency, ''), c.terms, c.rules, c.max_uses, c.used, c.per_customer_once, c.valid_from, c.valid_to, c.version`

type scanner interface{ Scan(...any) error }

func scan(row scanner, more ...any) (Coupon, error) {
	var c Coupon
	var rules string
	var most sql.NullInt64
	var to sql.NullTime
	err := row.Scan(append([]any{&c.ID, &c.Code, &c.Kind, &c.RatePPM, &c.AmountMinor, &c.Currency, &c.Terms, &rules, &most, &c.Used, &c.OncePerCustomer, &c.From, &to, &c.Version}, more...)...)
	if errors.Is(err, sql.ErrNoRows) {
		return Coupon{}, ErrNotFound
	}
	if err != nil {
		return Coupon{}, err
	}
	if most.Valid {
		c.MaxUses = &most.Int64
	}
	c.To = to.Time
	return c, json.Unmarshal([]byte(rules), &c.Rules)
}

func (s store) get(ctx context.Context, id ids.Coupon) (Coupon, error) {
	return scan(s.db.Read(ctx).QueryRowContext(ctx, `SELECT `+columns+` FROM coupons c WHERE c.id = ?`, id))
}

func (s store) byCode(ctx context.Context, fold string) (Coupon, error) {
	return scan(s.db.Read(ctx).QueryRowContext(ctx, `SELECT `+columns+` FROM coupons c WHERE c.code_fold = ?`, fold))
}

// use counts one order, unless all are used.
func (s store) use(ctx context.Context, id ids.Coupon) (bool, error) {
	res, err := s.db.Write(ctx).ExecContext(ctx, `UPDATE coupons SET used = used + 1 WHERE id = ? AND (max_uses IS NULL OR used < max_uses)`, id)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

func (s store) giveBack(ctx context.Context, id ids.Coupon) error {
	_, err := s.db.Write(ctx).ExecContext(ctx, `UPDATE coupons SET used = used - 1 WHERE id = ? AND used > 0`, id)
	return err
}

func (s store) insert(ctx context.Context, r Redemption, once string) error {
	var key any
	if once != "" {
		key = once
	}
	_, err := s.db.Write(ctx).ExecContext(ctx, `INSERT INTO coupon_redemptions (id, coupon_id, customer_id, order_id, subscription_id, state, once_key, share_minor, terms_left, at) VALUES (?,?,?,?,?,'used',?,?,?,?)`,
		r.ID, r.Coupon.ID, r.Customer, r.Order, ids.Null(r.Subscription), key, r.ShareMinor, r.TermsLeft, r.At)
	return err
}

// release ends the redemptions of an order and answers whose use is to be given back; "" if there is none.
func (s store) release(ctx context.Context, order ids.Order) (ids.Coupon, error) {
	var of ids.Coupon
	err := s.db.Write(ctx).QueryRowContext(ctx, `SELECT coupon_id FROM coupon_redemptions WHERE order_id = ? AND state <> 'released' LIMIT 1`+s.db.ForUpdate(), order).Scan(&of)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	_, err = s.db.Write(ctx).ExecContext(ctx, `UPDATE coupon_redemptions SET state = 'released', once_key = NULL, terms_left = 0 WHERE order_id = ? AND state <> 'released'`, order)
	return of, err
}

func (s store) live(ctx context.Context, set []ids.Subscription) (map[ids.Subscription]Redemption, error) {
	out := map[ids.Subscription]Redemption{}
	if len(set) == 0 {
		return out, nil
	}
	list, args := db.In(ids.Strings(set))
	rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT `+columns+`, r.id, r.customer_id, r.order_id, r.subscription_id, r.share_minor, r.terms_left, r.at
		FROM coupon_redemptions r JOIN coupons c ON c.id = r.coupon_id WHERE r.state <> 'released' AND r.terms_left <> 0 AND r.subscription_id IN `+list, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r Redemption
		if r.Coupon, err = scan(rows, &r.ID, &r.Customer, &r.Order, &r.Subscription, &r.ShareMinor, &r.TermsLeft, &r.At); err != nil {
			return nil, err
		}
		out[r.Subscription] = r
	}
	return out, rows.Err()
}

func (s store) useTerms(ctx context.Context, set []ids.Redemption) error {
	if len(set) == 0 {
		return nil
	}
	list, args := db.In(ids.Strings(set))
	_, err := s.db.Write(ctx).ExecContext(ctx, `UPDATE coupon_redemptions SET terms_left = terms_left - 1 WHERE terms_left > 0 AND id IN `+list, args...)
	return err
}

func (c *Coupon) rules() (string, any, any, any, error) {
	rules, err := json.Marshal(c.Rules)
	var currency, most, to any
	if c.Currency != "" {
		currency = c.Currency
	}
	if c.MaxUses != nil {
		most = *c.MaxUses
	}
	if !c.To.IsZero() {
		to = c.To
	}
	return string(rules), currency, most, to, err
}

func (s store) create(ctx context.Context, c Coupon) error {
	rules, currency, most, to, err := c.rules()
	if err != nil {
		return err
	}
	_, err = s.db.Write(ctx).ExecContext(ctx, `INSERT INTO coupons (id, code_fold, kind, rate_ppm, amount_minor, currency, terms, rules, max_uses, used, per_customer_once, valid_from, valid_to, version) VALUES (?,?,?,?,?,?,?,?,?,0,?,?,?,1)`,
		c.ID, c.Code, c.Kind, c.RatePPM, c.AmountMinor, currency, c.Terms, rules, most, c.OncePerCustomer, c.From, to)
	return err
}

func (s store) update(ctx context.Context, c Coupon) error {
	rules, currency, most, to, err := c.rules()
	if err != nil {
		return err
	}
	res, err := s.db.Write(ctx).ExecContext(ctx, `UPDATE coupons SET code_fold = ?, kind = ?, rate_ppm = ?, amount_minor = ?, currency = ?, terms = ?, rules = ?, max_uses = ?, per_customer_once = ?, valid_from = ?, valid_to = ?, version = version + 1
		WHERE id = ? AND version = ?`, c.Code, c.Kind, c.RatePPM, c.AmountMinor, currency, c.Terms, rules, most, c.OncePerCustomer, c.From, to, c.ID, c.Version)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, ErrChanged)
	}
	return nil
}

func (s store) list(ctx context.Context, f Filter) (Page, error) {
	where, args := "1 = 1", []any{}
	if q := Fold(f.Query); q != "" {
		where, args = where+" AND c.code_fold LIKE ? ESCAPE '!'", append(args, db.Contains(q))
	}
	var page Page
	if err := s.db.Read(ctx).QueryRowContext(ctx, `SELECT COUNT(*) FROM coupons c WHERE `+where, args...).Scan(&page.Total); err != nil {
		return Page{}, err
	}
	order, behind := "c.id DESC", "c.id < ?"
	if f.Sort == "oldest" {
		order, behind = "c.id", "c.id > ?"
	}
	if f.After != "" {
		where, args = where+" AND "+behind, append(args, f.After)
	}
	rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT `+columns+` FROM coupons c WHERE `+where+` ORDER BY `+order+fmt.Sprintf(" LIMIT %d", f.Limit+1), args...)
	if err != nil {
		return Page{}, err
	}
	defer rows.Close()
	for rows.Next() {
		c, err := scan(rows)
		if err != nil {
			return Page{}, err
		}
		page.List = append(page.List, c)
	}
	if len(page.List) > f.Limit {
		page.List = page.List[:f.Limit]
		page.Next = string(page.List[f.Limit-1].ID)
	}
	return page, rows.Err()
}

func (s store) history(ctx context.Context, id ids.Coupon, before time.Time, limit int) ([]Redemption, error) {
	where, args := "r.coupon_id = ?", []any{id}
	if !before.IsZero() {
		where, args = where+" AND r.at < ?", append(args, before)
	}
	rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT `+columns+`, r.id, r.customer_id, r.order_id, COALESCE(r.subscription_id, ''), r.share_minor, r.terms_left, r.at
		FROM coupon_redemptions r JOIN coupons c ON c.id = r.coupon_id WHERE `+where+fmt.Sprintf(" ORDER BY r.at DESC, r.id DESC LIMIT %d", limit), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Redemption
	for rows.Next() {
		var r Redemption
		if r.Coupon, err = scan(rows, &r.ID, &r.Customer, &r.Order, &r.Subscription, &r.ShareMinor, &r.TermsLeft, &r.At); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, rows.Err()
}
