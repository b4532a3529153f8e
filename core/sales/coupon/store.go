package coupon

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/db"
)

// store is the SQL of coupons. Redemptions are in store_redeem.go.
type store struct{ db *db.DB }

const columns = `c.id, c.code_fold, c.kind, c.rate_ppm, c.amount_minor, c.currency, c.terms, c.rules, c.max_uses, c.used, c.per_customer_once, c.valid_from, c.valid_to, c.version`

type scanner interface{ Scan(...any) error }

// fields are where a row of columns goes; done finishes it.
func (c *Coupon) fields() (into []any, done func() error) {
	var currency sql.NullString
	var rules string
	var most sql.NullInt64
	var to sql.NullTime
	into = []any{&c.ID, &c.Code, &c.Kind, &c.RatePPM, &c.AmountMinor, &currency, &c.Terms, &rules, &most, &c.Used, &c.OncePerCustomer, &c.From, &to, &c.Version}
	return into, func() error {
		c.Currency, c.To = currency.String, to.Time
		if most.Valid {
			c.MaxUses = &most.Int64
		}
		return json.Unmarshal([]byte(rules), &c.Rules)
	}
}

func scan(row scanner) (c Coupon, err error) {
	into, done := c.fields()
	if err := row.Scan(into...); errors.Is(err, sql.ErrNoRows) {
		return Coupon{}, ErrUnknown
	} else if err != nil {
		return Coupon{}, err
	}
	return c, done()
}

func (s store) find(ctx context.Context, folded string) (Coupon, error) {
	return scan(s.db.Read(ctx).QueryRowContext(ctx, `SELECT `+columns+` FROM coupons c WHERE c.code_fold = ?`, folded))
}

func (s store) get(ctx context.Context, id ids.Coupon) (Coupon, error) {
	return scan(s.db.Read(ctx).QueryRowContext(ctx, `SELECT `+columns+` FROM coupons c WHERE c.id = ?`, id))
}

func (s store) lock(ctx context.Context, id ids.Coupon) (Coupon, error) {
	c, err := scan(s.db.Write(ctx).QueryRowContext(ctx, `SELECT `+columns+` FROM coupons c WHERE c.id = ?`+s.db.ForUpdate(), id))
	if errors.Is(err, ErrUnknown) {
		err = ErrNotFound
	}
	return c, err
}

// values are the columns that Save writes.
func (c Coupon) values() ([]any, error) {
	rules, err := json.Marshal(c.Rules)
	if err != nil {
		return nil, err
	}
	var currency, to any
	if c.Currency != "" {
		currency = c.Currency
	}
	if !c.To.IsZero() {
		to = c.To
	}
	return []any{c.Code, string(c.Kind), c.RatePPM, c.AmountMinor, currency, c.Terms, string(rules), c.MaxUses, c.OncePerCustomer, c.From, to, c.Version}, nil
}

// taken turns a second coupon of a code into a refusal of the field.
func taken(err error) error {
	if db.IsDuplicate(err) {
		return invalid("code", "code_taken", "That code is in use already.")
	}
	return err
}

func (s store) insert(ctx context.Context, c Coupon) error {
	values, err := c.values()
	if err != nil {
		return err
	}
	return taken(s.db.InsertRows(ctx, "coupons", []string{"code_fold", "kind", "rate_ppm", "amount_minor", "currency", "terms", "rules", "max_uses", "per_customer_once",
		"valid_from", "valid_to", "version", "id", "used"}, [][]any{append(values, c.ID, 0)}))
}

// update writes all but the uses.
func (s store) update(ctx context.Context, c Coupon) error {
	values, err := c.values()
	if err != nil {
		return err
	}
	res, err := s.db.Write(ctx).ExecContext(ctx, `UPDATE coupons SET code_fold = ?, kind = ?, rate_ppm = ?, amount_minor = ?, currency = ?, terms = ?, rules = ?, max_uses = ?,
		per_customer_once = ?, valid_from = ?, valid_to = ?, version = ? WHERE id = ? AND version = ?`, append(values, c.ID, c.Version-1)...)
	if err != nil {
		return taken(err)
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, ErrChanged)
	}
	return nil
}

func (s store) list(ctx context.Context, f Filter) (page Page, err error) {
	where, args := []string{"1 = 1"}, []any{}
	and := func(condition string, values ...any) { where, args = append(where, condition), append(args, values...) }
	if q := strings.TrimSpace(f.Query); q != "" {
		and("(c.code_fold LIKE ? ESCAPE '!' OR c.id = ?)", db.Contains(Fold(q)), q)
	}
	if !f.ValidAt.IsZero() {
		and("c.valid_from <= ? AND (c.valid_to IS NULL OR c.valid_to > ?) AND (c.max_uses IS NULL OR c.used < c.max_uses)", f.ValidAt, f.ValidAt)
	}
	if err := s.db.Read(ctx).QueryRowContext(ctx, `SELECT COUNT(*) FROM coupons c WHERE `+strings.Join(where, " AND "), args...).Scan(&page.Total); err != nil {
		return Page{}, err
	}
	order, after := "c.id DESC", "c.id < ?"
	next := func(c Coupon) string { return string(c.ID) }
	switch f.Sort {
	case "", "newest":
	case "code":
		order, after, next = "c.code_fold", "c.code_fold > ?", func(c Coupon) string { return c.Code }
	default:
		return Page{}, ErrPage
	}
	if f.After != "" {
		and(after, f.After)
	}
	limit := f.Limit
	if limit < 1 || limit > 200 {
		limit = 50
	}
	rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT `+columns+` FROM coupons c WHERE `+strings.Join(where, " AND ")+` ORDER BY `+order+` LIMIT ?`, append(args, limit+1)...)
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
	if len(page.List) > limit {
		page.List = page.List[:limit]
		page.Next = next(page.List[limit-1])
	}
	return page, rows.Err()
}
