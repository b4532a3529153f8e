package catalog

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/db"
)

// store is the SQL of groups, products, stock and options. Prices are in store_prices.go.
type store struct{ db *db.DB }

const (
	groupColumns   = "id, slug, kind, name, headline, body, sort_no, hidden"
	productColumns = `id, group_id, slug, name, tagline, features, status, sort_no, marked, free_stock, customer_limit, tax_class, setup_policy, change_policy,
		trial_days, anchored_day, join_days, panel, panel_values, ladder_id, version`
	optionColumns = "id, product_id, field, kind, label, help, unit, least, most, step, changeable, needed, sort_no"
	choiceColumns = "option_id, id, value, label, sort_no"
)

type scanner interface{ Scan(...any) error }

// found turns no row into a package's error.
func found(err, none error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return none
	}
	return err
}

// taken turns a second row with a slug into a refusal of the field.
func taken(err error) error {
	if db.IsDuplicate(err) {
		return invalid("slug", "slug_taken", "That address is in use already.")
	}
	return err
}

// changed refuses an UPDATE that found no row.
func changed(res sql.Result, err, none error) error {
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, none)
	}
	return nil
}

func scanGroup(row scanner) (g Group, err error) {
	err = row.Scan(&g.ID, &g.Slug, &g.Kind, &g.Name, &g.Headline, &g.Body, &g.Sort, &g.Hidden)
	return g, found(err, ErrGroupNotFound)
}

func scanProduct(row scanner) (p Product, err error) {
	var features, values string
	var free sql.NullInt64
	err = row.Scan(&p.ID, &p.Group, &p.Slug, &p.Name, &p.Tagline, &features, &p.Status, &p.Sort, &p.Marked, &free, &p.CustomerLimit, &p.TaxClass, &p.Setup, &p.Change,
		&p.TrialDays, &p.AnchoredDay, &p.JoinDays, &p.Panel, &values, &p.Ladder, &p.Version)
	if err != nil {
		return p, found(err, ErrNotFound)
	}
	if free.Valid {
		p.Free = &free.Int64
	}
	return p, errors.Join(json.Unmarshal([]byte(features), &p.Features), json.Unmarshal([]byte(values), &p.Values))
}

func scanOption(row scanner) (o Option, err error) {
	err = row.Scan(&o.ID, &o.Product, &o.Field, &o.Kind, &o.Label, &o.Help, &o.Unit, &o.Least, &o.Most, &o.Step, &o.Changeable, &o.Needed, &o.Sort)
	return o, found(err, ErrOptionNotFound)
}

// each calls use for every row of a query.
func (s store) each(ctx context.Context, query string, args []any, use func(row scanner) error) error {
	rows, err := s.db.Read(ctx).QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := use(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// add makes a use of each that collects.
func add[T any](list *[]T, scan func(scanner) (T, error)) func(scanner) error {
	return func(row scanner) error {
		v, err := scan(row)
		*list = append(*list, v)
		return err
	}
}

// content reads the whole catalogue.
func (s store) content(ctx context.Context) (c content, err error) {
	choices := map[ids.Option][]Choice{}
	for _, q := range []struct {
		query string
		use   func(scanner) error
	}{
		{"SELECT " + groupColumns + " FROM product_groups", add(&c.groups, scanGroup)},
		{"SELECT " + productColumns + " FROM products", add(&c.products, scanProduct)},
		{"SELECT " + optionColumns + " FROM options", add(&c.options, scanOption)},
		{"SELECT " + choiceColumns + " FROM option_choices", collect(choices)},
		{"SELECT " + priceColumns + " FROM price_versions", add(&c.prices, scanPrice)},
		{"SELECT code, exponent, step_minor, active FROM currencies", add(&c.currencies, scanCurrency)},
	} {
		if err := s.each(ctx, q.query, nil, q.use); err != nil {
			return content{}, err
		}
	}
	for i := range c.options {
		c.options[i].Choices = choices[c.options[i].ID]
	}
	return c, nil
}

func collect(choices map[ids.Option][]Choice) func(scanner) error {
	return func(row scanner) error {
		var of ids.Option
		var c Choice
		err := row.Scan(&of, &c.ID, &c.Value, &c.Label, &c.Sort)
		choices[of] = append(choices[of], c)
		return err
	}
}

func (s store) group(ctx context.Context, id ids.Group) (Group, error) {
	return scanGroup(s.db.Read(ctx).QueryRowContext(ctx, `SELECT `+groupColumns+` FROM product_groups WHERE id = ?`, id))
}

func (s store) insertGroup(ctx context.Context, g Group) error {
	return taken(s.db.InsertRows(ctx, "product_groups", []string{"id", "slug", "kind", "name", "headline", "body", "sort_no", "hidden"},
		[][]any{{g.ID, g.Slug, g.Kind, g.Name, g.Headline, g.Body, g.Sort, g.Hidden}}))
}

func (s store) updateGroup(ctx context.Context, g Group) error {
	_, err := s.db.Write(ctx).ExecContext(ctx, `UPDATE product_groups SET slug = ?, kind = ?, name = ?, headline = ?, body = ?, sort_no = ?, hidden = ? WHERE id = ?`,
		g.Slug, g.Kind, g.Name, g.Headline, g.Body, g.Sort, g.Hidden, g.ID)
	return taken(err)
}

func (s store) lockProduct(ctx context.Context, id ids.Product) (Product, error) {
	return scanProduct(s.db.Write(ctx).QueryRowContext(ctx, `SELECT `+productColumns+` FROM products WHERE id = ?`+s.db.ForUpdate(), id))
}

// texts are the two columns of a product that are JSON.
func (p Product) texts() (features, values string, err error) {
	list := p.Features
	if list == nil {
		list = []string{}
	}
	a, err := json.Marshal(list)
	if err != nil {
		return "", "", err
	}
	b, err := json.Marshal(p.Values)
	return string(a), string(b), err
}

func (s store) insertProduct(ctx context.Context, p Product, now time.Time) error {
	features, values, err := p.texts()
	if err != nil {
		return err
	}
	return taken(s.db.InsertRows(ctx, "products", []string{"id", "group_id", "slug", "name", "tagline", "features", "status", "sort_no", "marked", "free_stock",
		"customer_limit", "tax_class", "setup_policy", "change_policy", "trial_days", "anchored_day", "join_days", "panel", "panel_values", "ladder_id",
		"created_at", "updated_at", "version"},
		[][]any{{p.ID, p.Group, p.Slug, p.Name, p.Tagline, features, p.Status, p.Sort, p.Marked, p.Free,
			p.CustomerLimit, p.TaxClass, p.Setup, p.Change, p.TrialDays, p.AnchoredDay, p.JoinDays, p.Panel, values, ids.Null(p.Ladder),
			now, now, p.Version}}))
}

// updateProduct writes all but the stock.
func (s store) updateProduct(ctx context.Context, p Product, now time.Time) error {
	features, values, err := p.texts()
	if err != nil {
		return err
	}
	res, err := s.db.Write(ctx).ExecContext(ctx, `UPDATE products SET group_id = ?, slug = ?, name = ?, tagline = ?, features = ?, status = ?, sort_no = ?, marked = ?,
		customer_limit = ?, tax_class = ?, setup_policy = ?, change_policy = ?, trial_days = ?, anchored_day = ?, join_days = ?, panel = ?, panel_values = ?, ladder_id = ?,
		updated_at = ?, version = ? WHERE id = ? AND version = ?`,
		p.Group, p.Slug, p.Name, p.Tagline, features, p.Status, p.Sort, p.Marked,
		p.CustomerLimit, p.TaxClass, p.Setup, p.Change, p.TrialDays, p.AnchoredDay, p.JoinDays, p.Panel, values, ids.Null(p.Ladder),
		now, p.Version, p.ID, p.Version-1)
	return changed(res, taken(err), ErrChanged)
}

// takeStock decides in the statement that takes, so that two sales cannot take the same one.
func (s store) takeStock(ctx context.Context, id ids.Product, n int64) error {
	res, err := s.db.Write(ctx).ExecContext(ctx, `UPDATE products SET free_stock = free_stock - ? WHERE id = ? AND free_stock >= ?`, n, id, n)
	if err != nil {
		return err
	}
	if got, err := res.RowsAffected(); err != nil || got == 1 {
		return err
	}
	var free sql.NullInt64
	if err := s.db.Write(ctx).QueryRowContext(ctx, `SELECT free_stock FROM products WHERE id = ?`, id).Scan(&free); err != nil {
		return found(err, ErrNotFound)
	}
	if free.Valid {
		return ErrSoldOut
	}
	return nil
}

func (s store) giveStock(ctx context.Context, id ids.Product, n int64) error {
	_, err := s.db.Write(ctx).ExecContext(ctx, `UPDATE products SET free_stock = free_stock + ? WHERE id = ? AND free_stock IS NOT NULL`, n, id)
	return err
}

func (s store) setStock(ctx context.Context, id ids.Product, free *int64) error {
	_, err := s.db.Write(ctx).ExecContext(ctx, `UPDATE products SET free_stock = ? WHERE id = ?`, free, id)
	return err
}

// stock reads what is left of some products, nil for all that have a limit.
func (s store) stock(ctx context.Context, set []ids.Product) (map[ids.Product]*int64, error) {
	where, args := "free_stock IS NOT NULL", []any(nil)
	if set != nil {
		where, args = db.In(set)
		where = "id IN " + where
	}
	out := map[ids.Product]*int64{}
	return out, s.each(ctx, `SELECT id, free_stock FROM products WHERE `+where, args, func(row scanner) error {
		var id ids.Product
		var free sql.NullInt64
		err := row.Scan(&id, &free)
		out[id] = nil
		if free.Valid {
			out[id] = &free.Int64
		}
		return err
	})
}

func (s store) option(ctx context.Context, id ids.Option) (Option, error) {
	o, err := scanOption(s.db.Read(ctx).QueryRowContext(ctx, `SELECT `+optionColumns+` FROM options WHERE id = ?`, id))
	if err != nil {
		return Option{}, err
	}
	choices := map[ids.Option][]Choice{}
	err = s.each(ctx, `SELECT `+choiceColumns+` FROM option_choices WHERE option_id = ? ORDER BY sort_no, id`, []any{id}, collect(choices))
	o.Choices = choices[id]
	return o, err
}

func (s store) insertOption(ctx context.Context, o Option) error {
	return s.db.InsertRows(ctx, "options", []string{"id", "product_id", "field", "kind", "label", "help", "unit", "least", "most", "step", "changeable", "needed", "sort_no"},
		[][]any{{o.ID, o.Product, o.Field, o.Kind, o.Label, o.Help, o.Unit, o.Least, o.Most, o.Step, o.Changeable, o.Needed, o.Sort}})
}

func (s store) updateOption(ctx context.Context, o Option) error {
	_, err := s.db.Write(ctx).ExecContext(ctx, `UPDATE options SET field = ?, label = ?, help = ?, unit = ?, least = ?, most = ?, step = ?, changeable = ?, needed = ?, sort_no = ?
		WHERE id = ?`, o.Field, o.Label, o.Help, o.Unit, o.Least, o.Most, o.Step, o.Changeable, o.Needed, o.Sort, o.ID)
	return err
}

func (s store) putChoices(ctx context.Context, id ids.Option, list []Choice) error {
	rows := make([][]any, len(list))
	for i, c := range list {
		rows[i] = []any{c.ID, id, c.Value, c.Label, c.Sort}
	}
	return s.db.Upsert(ctx, db.Upsert{
		Table: "option_choices", Columns: []string{"id", "option_id", "value", "label", "sort_no"}, Keys: []string{"id"}, Set: []string{"value", "label", "sort_no"}, Rows: rows,
	})
}

func (s store) dropChoices(ctx context.Context, list []string) error {
	in, args := db.In(list)
	_, err := s.db.Write(ctx).ExecContext(ctx, `DELETE FROM option_choices WHERE id IN `+in, args...)
	return err
}

func (s store) dropOption(ctx context.Context, id ids.Option) error {
	_, err := s.db.Write(ctx).ExecContext(ctx, `DELETE FROM options WHERE id = ?`, id)
	return err
}
