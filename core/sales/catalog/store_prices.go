package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/sdk/fault"
)

const priceColumns = "id, owner_id, cycle_n, cycle_unit, currency, amount_minor, per, setup_minor, first_minor, first_terms, inclusive, valid_from, valid_to"

func scanPrice(row scanner) (p Price, err error) {
	var first sql.NullInt64
	var to sql.NullTime
	err = row.Scan(&p.ID, &p.Owner, &p.Cycle.N, &p.Cycle.Unit, &p.Currency, &p.Amount, &p.Per, &p.Setup, &first, &p.FirstTerms, &p.Inclusive, &p.From, &to)
	if first.Valid {
		p.First = &first.Int64
	}
	p.To = to.Time
	return p, found(err, ErrPriceNotFound)
}

func scanCurrency(row scanner) (c Currency, err error) {
	return c, row.Scan(&c.Code, &c.Exponent, &c.Step, &c.Active)
}

func (s store) price(ctx context.Context, id ids.Price) (Price, error) {
	return scanPrice(s.db.Read(ctx).QueryRowContext(ctx, `SELECT `+priceColumns+` FROM price_versions WHERE id = ?`, id))
}

func (s store) versions(ctx context.Context, k priceKey) (list []Price, err error) {
	err = s.each(ctx, `SELECT `+priceColumns+` FROM price_versions WHERE owner_id = ? AND cycle_n = ? AND cycle_unit = ? AND currency = ? ORDER BY valid_from`,
		[]any{k.owner, k.cycle.N, k.cycle.Unit, k.currency}, add(&list, scanPrice))
	return list, err
}

func (s store) insertPrice(ctx context.Context, p Price) error {
	var to any
	if !p.To.IsZero() {
		to = p.To
	}
	err := s.db.InsertRows(ctx, "price_versions", []string{"id", "owner_id", "cycle_n", "cycle_unit", "currency", "amount_minor", "per", "setup_minor", "first_minor",
		"first_terms", "inclusive", "valid_from", "valid_to"},
		[][]any{{p.ID, p.Owner, p.Cycle.N, string(p.Cycle.Unit), p.Currency, p.Amount, p.Per, p.Setup, p.First, p.FirstTerms, p.Inclusive, p.From, to}})
	if db.IsDuplicate(err) {
		return ErrPriceOrder.Because(err)
	}
	return err
}

func (s store) endPrice(ctx context.Context, id ids.Price, at time.Time) error {
	_, err := s.db.Write(ctx).ExecContext(ctx, `UPDATE price_versions SET valid_to = ? WHERE id = ?`, at, id)
	return err
}

// endPrices ends all of some owners; what was to begin later never begins.
func (s store) endPrices(ctx context.Context, owners []string, at time.Time) error {
	in, args := db.In(owners)
	_, err := s.db.Write(ctx).ExecContext(ctx, `UPDATE price_versions SET valid_to = ? WHERE (valid_to IS NULL OR valid_to > ?) AND owner_id IN `+in, append([]any{at, at}, args...)...)
	return err
}

// hasOwner looks whether a price may belong to an ID.
func (s store) hasOwner(ctx context.Context, owner string) error {
	query, none := "", error(ErrNotFound)
	if _, err := ids.Parse[ids.Product](owner); err == nil {
		query = `SELECT id FROM products WHERE id = ?`
	} else if _, err := ids.Parse[ids.Option](owner); err == nil {
		query, none = `SELECT id FROM options WHERE id = ? AND kind <> 'choice'`, ErrOptionNotFound
	} else if _, err := ids.Parse[ids.Choice](owner); err == nil {
		query, none = `SELECT id FROM option_choices WHERE id = ?`, ErrOptionNotFound
	} else {
		return fmt.Errorf("price of %q: %w", owner, none)
	}
	var id string
	return found(s.db.Read(ctx).QueryRowContext(ctx, query, owner).Scan(&id), none)
}

func (s store) hasCurrency(ctx context.Context, code string) (bool, error) {
	var one int
	err := s.db.Read(ctx).QueryRowContext(ctx, `SELECT 1 FROM currencies WHERE code = ?`, code).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

func (s store) putCurrency(ctx context.Context, c Currency) error {
	return s.db.Upsert(ctx, db.Upsert{
		Table: "currencies", Columns: []string{"code", "exponent", "step_minor", "active"}, Keys: []string{"code"}, Set: []string{"exponent", "step_minor", "active"},
		Rows: [][]any{{c.Code, c.Exponent, c.Step, c.Active}},
	})
}

func (s store) insertRate(ctx context.Context, r Rate) error {
	err := s.db.InsertRows(ctx, "exchange_rates", []string{"id", "currency", "base", "rate_pico", "valid_from", "source"},
		[][]any{{r.ID, r.Currency, r.Base, r.Pico, r.From, r.Source}})
	if db.IsDuplicate(err) {
		return fault.New(fault.Conflict, "rate_exists", "There is a rate from that time already.").Because(err)
	}
	return err
}

func (s store) rate(ctx context.Context, currency, base string, at time.Time) (r Rate, err error) {
	err = s.db.Read(ctx).QueryRowContext(ctx, `SELECT id, currency, base, rate_pico, valid_from, source FROM exchange_rates
		WHERE currency = ? AND base = ? AND valid_from <= ? ORDER BY valid_from DESC LIMIT 1`, currency, base, at).Scan(&r.ID, &r.Currency, &r.Base, &r.Pico, &r.From, &r.Source)
	return r, found(err, ErrNoRate)
}
