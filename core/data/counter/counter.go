// Package counter owns named numbers that only go up: those that people see on customers and orders, and those
// by which a process learns that another changed what it keeps in memory. Document numbers, which must leave no
// gap and follow the date, belong to billing. Start at Next; values kept in memory are in kept.go.
package counter

import (
	"context"
	"fmt"

	"github.com/ezscale/bursar/core/data/db"
)

// Next counts a name up in the transaction of ctx, or in one of its own, and answers the number: 1 at first.
// Until that transaction ends nobody else gets a number of the name, so numbers ascend as transactions commit.
func Next(ctx context.Context, d *db.DB, name string) (n int64, err error) {
	err = d.Tx(ctx, func(ctx context.Context) error {
		n, err = store{d}.next(ctx, name)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("count %s: %w", name, err)
	}
	return n, nil
}
