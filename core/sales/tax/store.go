package tax

import (
	"context"
	"database/sql"
	"errors"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/db"
)

type store struct{ db *db.DB }

const columns = `id, class, country, region, level, code, category, rate_ppm, compound, valid_from, valid_to`

func scan(row interface{ Scan(...any) error }) (Rule, error) {
	var r Rule
	err := row.Scan(&r.ID, &r.Class, &r.Country, &r.Region, &r.Level, &r.Code, &r.Category, &r.RatePPM, &r.Compound, &r.From, &r.To)
	if errors.Is(err, sql.ErrNoRows) {
		return Rule{}, ErrNotFound
	}
	return r, err
}

func (s store) rules(ctx context.Context) ([]Rule, error) {
	rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT `+columns+` FROM tax_rules ORDER BY country, region, class, level, valid_from DESC, id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Rule
	for rows.Next() {
		r, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

func (s store) get(ctx context.Context, id ids.TaxRule) (Rule, error) {
	return scan(s.db.Read(ctx).QueryRowContext(ctx, `SELECT `+columns+` FROM tax_rules WHERE id = ?`, id))
}

// hasTwin says whether another rule begins on the same day at the same place and level.
func (s store) hasTwin(ctx context.Context, r Rule) (bool, error) {
	var n int
	err := s.db.Read(ctx).QueryRowContext(ctx, `SELECT COUNT(*) FROM tax_rules WHERE class = ? AND country = ? AND region = ? AND level = ? AND valid_from = ? AND id <> ?`,
		r.Class, r.Country, r.Region, r.Level, r.From, r.ID).Scan(&n)
	return n > 0, err
}

func (s store) insert(ctx context.Context, r Rule) error {
	_, err := s.db.Write(ctx).ExecContext(ctx, `INSERT INTO tax_rules (`+columns+`) VALUES (?,?,?,?,?,?,?,?,?,?,?)`,
		r.ID, r.Class, r.Country, r.Region, r.Level, r.Code, r.Category, r.RatePPM, r.Compound, r.From, r.To)
	return err
}

func (s store) update(ctx context.Context, r Rule) error {
	_, err := s.db.Write(ctx).ExecContext(ctx, `UPDATE tax_rules SET class = ?, country = ?, region = ?, level = ?, code = ?, category = ?, rate_ppm = ?, compound = ?, valid_from = ?, valid_to = ? WHERE id = ?`,
		r.Class, r.Country, r.Region, r.Level, r.Code, r.Category, r.RatePPM, r.Compound, r.From, r.To, r.ID)
	return err
}
