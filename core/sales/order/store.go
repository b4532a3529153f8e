package order

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/sdk/money"
)

// store is the SQL of orders. Carts are in store_carts.go.
type store struct{ db *db.DB }

const columns = `id, number_no, customer_id, status, currency, quote, total_minor, invoice_id, expires_on, placed_at, placed_by, address, request_key, terms_version`

type scanner interface{ Scan(...any) error }

func scan(row scanner) (o Order, err error) {
	var total int64
	var quote string
	err = row.Scan(&o.ID, &o.Number, &o.Customer, &o.Status, &o.Currency, &quote, &total, &o.Invoice, &o.ExpiresOn, &o.Placed, &o.PlacedBy, &o.Address, &o.RequestKey, &o.TermsVersion)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	o.Quote, o.Total = []byte(quote), money.Of(total, o.Currency)
	return o, err
}

func (s store) insert(ctx context.Context, o Order) error {
	return s.db.InsertRows(ctx, "orders", []string{"id", "number_no", "customer_id", "status", "currency", "quote", "total_minor", "invoice_id", "expires_on",
		"placed_at", "placed_by", "address", "request_key", "terms_version"},
		[][]any{{o.ID, o.Number, o.Customer, o.Status, o.Currency, string(o.Quote), o.Total.Minor(), ids.Null(o.Invoice), o.ExpiresOn,
			o.Placed, o.PlacedBy, o.Address, o.RequestKey, o.TermsVersion}})
}

func (s store) save(ctx context.Context, o Order, before Status) error {
	_, err := s.db.Write(ctx).ExecContext(ctx, `UPDATE orders SET status = ? WHERE id = ? AND status = ?`, o.Status, o.ID, before)
	return err
}

func (s store) one(ctx context.Context, where string, args ...any) (Order, error) {
	return scan(s.db.Read(ctx).QueryRowContext(ctx, `SELECT `+columns+` FROM orders WHERE `+where, args...))
}

func (s store) get(ctx context.Context, id ids.Order, owner ids.Customer) (Order, error) {
	if owner != "" {
		return s.one(ctx, `id = ? AND customer_id = ?`, id, owner)
	}
	return s.one(ctx, `id = ?`, id)
}

func (s store) byRequest(ctx context.Context, key string) (Order, error) {
	return s.one(ctx, `request_key = ?`, key)
}

func (s store) byInvoice(ctx context.Context, id ids.Invoice) (Order, error) {
	return s.one(ctx, `invoice_id = ? ORDER BY id LIMIT 1`, id)
}

func (s store) lock(ctx context.Context, id ids.Order) (Order, error) {
	return scan(s.db.Write(ctx).QueryRowContext(ctx, `SELECT `+columns+` FROM orders WHERE id = ?`+s.db.ForUpdate(), id))
}

func (s store) expired(ctx context.Context, today period.Day, limit int) ([]Order, error) {
	return s.query(ctx, `status = ? AND expires_on <= ? ORDER BY expires_on, id LIMIT ?`, Pending, today, limit)
}

func (s store) query(ctx context.Context, where string, args ...any) (list []Order, err error) {
	rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT `+columns+` FROM orders WHERE `+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		o, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, o)
	}
	return list, rows.Err()
}

// list pages by number: no two orders have one, and numbers ascend.
func (s store) list(ctx context.Context, f Filter) (page Page, err error) {
	where, args := []string{"1 = 1"}, []any{}
	and := func(condition string, values ...any) { where, args = append(where, condition), append(args, values...) }
	if f.Customer != "" {
		and("customer_id = ?", f.Customer)
	}
	if len(f.Statuses) > 0 {
		in, values := db.In(f.Statuses)
		and("status IN "+in, values...)
	}
	if q := strings.TrimSpace(f.Query); q != "" {
		number, err := strconv.ParseInt(strings.TrimPrefix(q, "#"), 10, 64)
		if err != nil {
			number = -1
		}
		and("(number_no = ? OR id = ? OR customer_id = ? OR invoice_id = ?)", number, q, q, q)
	}
	if err := s.db.Read(ctx).QueryRowContext(ctx, `SELECT COUNT(*) FROM orders WHERE `+strings.Join(where, " AND "), args...).Scan(&page.Total); err != nil {
		return Page{}, err
	}
	order, after := "number_no DESC", "number_no < ?"
	switch f.Sort {
	case "", "newest":
	case "oldest":
		order, after = "number_no", "number_no > ?"
	default:
		return Page{}, ErrPage
	}
	if f.After != "" {
		last, err := strconv.ParseInt(f.After, 10, 64)
		if err != nil {
			return Page{}, ErrPage.Because(err)
		}
		and(after, last)
	}
	limit := f.Limit
	if limit < 1 || limit > 200 {
		limit = 50
	}
	page.List, err = s.query(ctx, strings.Join(where, " AND ")+` ORDER BY `+order+` LIMIT ?`, append(args, limit+1)...)
	if err != nil {
		return Page{}, err
	}
	if len(page.List) > limit {
		page.List = page.List[:limit]
		page.Next = strconv.FormatInt(page.List[limit-1].Number, 10)
	}
	return page, nil
}
