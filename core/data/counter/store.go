package counter

import (
	"context"
	"database/sql"
	"errors"

	"github.com/ezscale/bursar/core/data/db"
)

type store struct{ db *db.DB }

func (s store) next(ctx context.Context, name string) (int64, error) {
	err := s.db.Upsert(ctx, db.Upsert{
		Table: "counters", Columns: []string{"name", "last_no"}, Keys: []string{"name"}, Add: []string{"last_no"},
		Rows: [][]any{{name, 1}},
	})
	if err != nil {
		return 0, err
	}
	return s.last(ctx, name)
}

// last is 0 for a name that was never counted.
func (s store) last(ctx context.Context, name string) (n int64, err error) {
	err = s.db.Read(ctx).QueryRowContext(ctx, `SELECT last_no FROM counters WHERE name = ?`, name).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return n, err
}
