package invoice

import (
	"context"
	"database/sql"
	"errors"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/data/db"
)

// series reads the active one of a kind.
func (s store) series(ctx context.Context, kind string) (Series, bool, error) {
	var id ids.Series
	var template string
	var reset Reset
	err := s.db.Read(ctx).QueryRowContext(ctx, "SELECT id, template, reset FROM number_series WHERE kind = ? AND active = TRUE ORDER BY id DESC LIMIT 1", kind).
		Scan(&id, &template, &reset)
	if errors.Is(err, sql.ErrNoRows) {
		return Series{}, false, nil
	}
	if err != nil {
		return Series{}, false, err
	}
	n, err := ParseNumbering(template, reset)
	return Series{id, kind, n}, true, err
}

// lockSeries keeps others from giving numbers of a kind, and waits for those that do.
func (s store) lockSeries(ctx context.Context, kind string) error {
	rows, err := s.db.Write(ctx).QueryContext(ctx, "SELECT id FROM number_series WHERE kind = ?"+s.db.ForUpdate(), kind)
	if err != nil {
		return err
	}
	for rows.Next() {
	}
	return errors.Join(rows.Err(), rows.Close())
}

// insertSeries does nothing if the series is there.
func (s store) insertSeries(ctx context.Context, ser Series) error {
	return s.db.Upsert(ctx, db.Upsert{Table: "number_series", Columns: []string{"id", "kind", "template", "reset", "active"}, Keys: []string{"id"},
		Rows: [][]any{{string(ser.ID), ser.Kind, ser.Template, string(ser.Reset), true}}})
}

func (s store) endSeries(ctx context.Context, kind string) error {
	_, err := s.db.Write(ctx).ExecContext(ctx, "UPDATE number_series SET active = FALSE WHERE kind = ?", kind)
	return err
}

// openBucket makes the counter of a bucket, if nobody did so before.
func (s store) openBucket(ctx context.Context, id ids.Series, bucket string, next int64, on period.Day) error {
	return s.db.Upsert(ctx, db.Upsert{Table: "number_counters", Columns: []string{"series_id", "bucket", "next_no", "last_on"}, Keys: []string{"series_id", "bucket"},
		Rows: [][]any{{string(id), bucket, next, on.String()}}})
}

// advance adds k to a counter, if its series is active and the first day is not before the last number's. It answers what
// the counter stands at then.
func (s store) advance(ctx context.Context, id ids.Series, bucket string, k int64, first, last period.Day) (next int64, ok bool, err error) {
	return s.db.Summed(ctx, "next_no", "UPDATE number_counters SET next_no = "+s.db.Sum("next_no + ?")+`, last_on = ? WHERE series_id = ? AND bucket = ? AND last_on <= ?
		AND EXISTS (SELECT 1 FROM number_series WHERE id = ? AND active = TRUE)`, k, last.String(), string(id), bucket, first.String(), string(id))
}

// whyNot tells why advance found nothing.
func (s store) whyNot(ctx context.Context, id ids.Series, bucket string) (active, opened bool, lastOn period.Day, err error) {
	err = s.db.Write(ctx).QueryRowContext(ctx, "SELECT last_on FROM number_counters WHERE series_id = ? AND bucket = ?"+s.db.ForUpdate(), string(id), bucket).Scan(&lastOn)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, false, period.Day{}, err
	}
	opened = err == nil
	var n int
	err = s.db.Write(ctx).QueryRowContext(ctx, "SELECT COUNT(*) FROM number_series WHERE id = ? AND active = TRUE", string(id)).Scan(&n)
	return n == 1, opened, lastOn, err
}

// highest is the next number that no series of the same template gave in a bucket, and the last day of all series of the kind.
func (s store) highest(ctx context.Context, n NewSeries, bucket string) (next int64, last period.Day, err error) {
	err = s.db.Write(ctx).QueryRowContext(ctx, `SELECT COALESCE(MAX(CASE WHEN s.template = ? AND (c.bucket = ? OR s.reset <> ?) THEN c.next_no END), 1), MAX(c.last_on)
		FROM number_counters c JOIN number_series s ON s.id = c.series_id WHERE s.kind = ?`, n.Template, bucket, string(n.Reset), n.Kind).Scan(&next, &last)
	return next, last, err
}
