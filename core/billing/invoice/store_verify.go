package invoice

import (
	"context"
	"errors"
	"fmt"

	"github.com/ezscale/bursar/core/base/ids"
)

// issuedAfter pages over the documents that have a hash, by ID.
func (s store) issuedAfter(ctx context.Context, id ids.Invoice, limit int) ([]Invoice, error) {
	return all(s.db.Read(ctx).QueryContext(ctx, "SELECT "+columns+" FROM invoices WHERE id > ? AND frozen_hash IS NOT NULL ORDER BY id LIMIT ?", string(id), limit))
}

// gaps tells numbers that are missing, and numbers whose days go back.
func (s store) gaps(ctx context.Context, yield func(string)) error {
	const all = `(SELECT id, series_id, bucket, number_no, number, issued_on FROM invoices WHERE number_no IS NOT NULL
		UNION ALL SELECT id, series_id, bucket, number_no, number, issued_on FROM credit_notes) x`
	rows, err := s.db.Read(ctx).QueryContext(ctx, "SELECT series_id, bucket, COUNT(*), MIN(number_no), MAX(number_no) FROM "+all+" GROUP BY series_id, bucket HAVING COUNT(*) <> MAX(number_no) - MIN(number_no) + 1")
	if err != nil {
		return err
	}
	for rows.Next() {
		var series, bucket string
		var n, low, high int64
		if err := rows.Scan(&series, &bucket, &n, &low, &high); err != nil {
			rows.Close()
			return err
		}
		yield(fmt.Sprintf("series %s %q has %d documents from number %d to %d", series, bucket, n, low, high))
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	rows, err = s.db.Read(ctx).QueryContext(ctx, `SELECT id, number FROM (SELECT x.id, x.number, x.issued_on, LAG(x.issued_on) OVER (PARTITION BY x.series_id, x.bucket ORDER BY x.number_no) AS before_on FROM `+all+`) y
		WHERE issued_on < before_on`)
	if err != nil {
		return err
	}
	for rows.Next() {
		var id, number string
		if err := rows.Scan(&id, &number); err != nil {
			rows.Close()
			return err
		}
		yield(fmt.Sprintf("document %s %s has a day before that of the number before it", id, number))
	}
	return errors.Join(rows.Err(), rows.Close())
}
