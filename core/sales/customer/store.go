package customer

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/db"
)

// store is the SQL of customers.
type store struct{ db *db.DB }

const columns = `id, number_no, kind, first_name, last_name, company, email, phone, line1, line2, city, region, postcode, country,
	tax_id, tax_id_checked, tax_exempt, currency, locale, status, combine_invoices, auto_apply, terms_days, notes, created_at, updated_at, version`

type scanner interface{ Scan(...any) error }

func scan(row scanner) (c Customer, err error) {
	a := &c.Address
	err = row.Scan(&c.ID, &c.Number, &c.Kind, &c.First, &c.Last, &c.Company, &c.Email, &c.Phone, &a.Line1, &a.Line2, &a.City, &a.Region, &a.Postcode, &a.Country,
		&c.TaxID, &c.TaxIDChecked, &c.TaxExempt, &c.Currency, &c.Locale, &c.Status, &c.Combine, &c.AutoApply, &c.TermsDays, &c.Notes, &c.Created, &c.Updated, &c.Version)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	return c, err
}

func (s store) insert(ctx context.Context, c Customer) error {
	a := c.Address
	return s.db.InsertRows(ctx, "customers", []string{"id", "number_no", "kind", "first_name", "last_name", "company", "email", "phone", "line1", "line2", "city",
		"region", "postcode", "country", "tax_id", "tax_id_checked", "tax_exempt", "currency", "locale", "status", "combine_invoices", "auto_apply", "terms_days",
		"notes", "search_text", "created_at", "updated_at", "version"},
		[][]any{{c.ID, c.Number, c.Kind, c.First, c.Last, c.Company, c.Email, c.Phone, a.Line1, a.Line2, a.City,
			a.Region, a.Postcode, a.Country, c.TaxID, c.TaxIDChecked, c.TaxExempt, c.Currency, c.Locale, c.Status, c.Combine, c.AutoApply, c.TermsDays,
			c.Notes, c.searchText(), c.Created, c.Updated, c.Version}})
}

// save writes what may change, if nobody came between.
func (s store) save(ctx context.Context, c Customer) error {
	a := c.Address
	res, err := s.db.Write(ctx).ExecContext(ctx, `UPDATE customers SET kind = ?, first_name = ?, last_name = ?, company = ?, email = ?, phone = ?, line1 = ?, line2 = ?,
		city = ?, region = ?, postcode = ?, country = ?, tax_id = ?, tax_id_checked = ?, tax_exempt = ?, currency = ?, locale = ?, status = ?, combine_invoices = ?,
		auto_apply = ?, terms_days = ?, notes = ?, search_text = ?, updated_at = ?, version = ? WHERE id = ? AND version = ?`,
		c.Kind, c.First, c.Last, c.Company, c.Email, c.Phone, a.Line1, a.Line2,
		a.City, a.Region, a.Postcode, a.Country, c.TaxID, c.TaxIDChecked, c.TaxExempt, c.Currency, c.Locale, c.Status, c.Combine,
		c.AutoApply, c.TermsDays, c.Notes, c.searchText(), c.Updated, c.Version, c.ID, c.Version-1)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, ErrChanged)
	}
	return nil
}

func (s store) get(ctx context.Context, id ids.Customer) (Customer, error) {
	return scan(s.db.Read(ctx).QueryRowContext(ctx, `SELECT `+columns+` FROM customers WHERE id = ?`, id))
}

func (s store) lock(ctx context.Context, id ids.Customer) (Customer, error) {
	return scan(s.db.Write(ctx).QueryRowContext(ctx, `SELECT `+columns+` FROM customers WHERE id = ?`+s.db.ForUpdate(), id))
}

func (s store) many(ctx context.Context, set []ids.Customer) (map[ids.Customer]Customer, error) {
	out := make(map[ids.Customer]Customer, len(set))
	for len(set) > 0 {
		piece := set[:min(10_000, len(set))]
		set = set[len(piece):]
		in, args := db.In(piece)
		list, err := s.query(ctx, `SELECT `+columns+` FROM customers WHERE id IN `+in, args...)
		if err != nil {
			return nil, err
		}
		for _, c := range list {
			out[c.ID] = c
		}
	}
	return out, nil
}

func (s store) query(ctx context.Context, query string, args ...any) (list []Customer, err error) {
	rows, err := s.db.Read(ctx).QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		c, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, rows.Err()
}

// order is one way to sort: by a column and then by ID, so that no two rows are equal.
type order struct {
	column, direction, after string
	key                      func(Customer) string // of the last row of a page
	arg                      func(key string) (any, error)
}

var (
	byTime = order{
		column: "created_at", direction: "DESC", after: "<",
		key: func(c Customer) string { return c.Created.Format(time.RFC3339Nano) },
		arg: func(key string) (any, error) { return time.Parse(time.RFC3339Nano, key) },
	}
	byTimeUp = order{column: "created_at", after: ">", key: byTime.key, arg: byTime.arg}
	orders   = map[string]order{
		"": byTime, "newest": byTime, "oldest": byTimeUp,
		"name": {
			column: "search_text", after: ">", key: Customer.searchText, arg: func(key string) (any, error) { return key, nil },
		},
		"number": {
			column: "number_no", after: ">",
			key: func(c Customer) string { return strconv.FormatInt(c.Number, 10) },
			arg: func(key string) (any, error) { return strconv.ParseInt(key, 10, 64) },
		},
	}
)

func (s store) list(ctx context.Context, f Filter) (page Page, err error) {
	o, ok := orders[f.Sort]
	if !ok {
		return Page{}, ErrPage
	}
	where, args := []string{"1 = 1"}, []any{}
	and := func(condition string, values ...any) { where, args = append(where, condition), append(args, values...) }
	if f.Status != "" {
		and("status = ?", f.Status)
	}
	if id, err := ids.Parse[ids.Customer](strings.TrimSpace(f.Query)); err == nil {
		and("id = ?", id)
	} else {
		words := strings.Fields(fold(strings.ReplaceAll(f.Query, "#", " ")))
		for _, word := range words[:min(8, len(words))] {
			and("search_text LIKE ? ESCAPE '!'", db.Contains(word))
		}
	}
	if err := s.db.Read(ctx).QueryRowContext(ctx, `SELECT COUNT(*) FROM customers WHERE `+strings.Join(where, " AND "), args...).Scan(&page.Total); err != nil {
		return Page{}, err
	}
	if f.After != "" {
		raw, err := base64.RawURLEncoding.DecodeString(f.After)
		key, id, ok := strings.Cut(string(raw), "\x00")
		if err != nil || !ok {
			return Page{}, ErrPage
		}
		arg, err := o.arg(key)
		if err != nil {
			return Page{}, ErrPage.Because(err)
		}
		and(o.column+" "+o.after+"= ? AND ("+o.column+" "+o.after+" ? OR id "+o.after+" ?)", arg, arg, id)
	}
	limit := f.Limit
	if limit < 1 || limit > 200 {
		limit = 50
	}
	page.List, err = s.query(ctx, `SELECT `+columns+` FROM customers WHERE `+strings.Join(where, " AND ")+
		` ORDER BY `+o.column+` `+o.direction+`, id `+o.direction+` LIMIT ?`, append(args, limit+1)...)
	if err != nil {
		return Page{}, err
	}
	if len(page.List) > limit {
		page.List = page.List[:limit]
		last := page.List[limit-1]
		page.Next = base64.RawURLEncoding.EncodeToString([]byte(o.key(last) + "\x00" + string(last.ID)))
	}
	return page, nil
}
