package order

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

func (s store) cart(ctx context.Context, hash string) (c Cart, err error) {
	var text string
	err = s.db.Read(ctx).QueryRowContext(ctx, `SELECT id, customer_id, currency, content, updated_at FROM carts WHERE token_hash = ?`, hash).
		Scan(&c.ID, &c.Customer, &c.Currency, &text, &c.Updated)
	if errors.Is(err, sql.ErrNoRows) {
		return Cart{}, nil
	}
	if err != nil {
		return Cart{}, err
	}
	var in content
	if err := json.Unmarshal([]byte(text), &in); err != nil {
		return Cart{}, err
	}
	c.Lines, c.Coupon = in.Lines, in.Coupon
	return c, nil
}

// putCart keeps the ID of a cart that exists.
func (s store) putCart(ctx context.Context, hash string, c Cart) error {
	text, err := json.Marshal(content{Lines: c.Lines, Coupon: c.Coupon})
	if err != nil {
		return err
	}
	if len(text) > cartBytes {
		return ErrCart.Because(fmt.Errorf("%d bytes", len(text)))
	}
	return s.db.Upsert(ctx, db.Upsert{
		Table: "carts", Columns: []string{"id", "token_hash", "customer_id", "currency", "content", "updated_at"}, Keys: []string{"token_hash"},
		Set:  []string{"customer_id", "currency", "content", "updated_at"},
		Rows: [][]any{{c.ID, hash, ids.Null(c.Customer), c.Currency, string(text), c.Updated}},
	})
}

func (s store) dropCart(ctx context.Context, hash string) error {
	_, err := s.db.Write(ctx).ExecContext(ctx, `DELETE FROM carts WHERE token_hash = ?`, hash)
	return err
}

// purgeCarts deletes in sets of a thousand, so that nobody waits long.
func (s store) purgeCarts(ctx context.Context, before time.Time) (total int64, err error) {
	for {
		rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT id FROM carts WHERE updated_at < ? ORDER BY updated_at LIMIT 1000`, before)
		if err != nil {
			return total, err
		}
		var old []ids.Cart
		for rows.Next() {
			var id ids.Cart
			if err := rows.Scan(&id); err != nil {
				rows.Close()
				return total, err
			}
			old = append(old, id)
		}
		rows.Close()
		if err := rows.Err(); err != nil || len(old) == 0 {
			return total, err
		}
		in, args := db.In(old)
		// one that was touched meanwhile stays
		res, err := s.db.Write(ctx).ExecContext(ctx, `DELETE FROM carts WHERE updated_at < ? AND id IN `+in, append([]any{before}, args...)...)
		if err != nil {
			return total, err
		}
		n, err := res.RowsAffected()
		total += n
		if err != nil {
			return total, err
		}
	}
}
