package main

import (
	"context"
	"fmt"

	"github.com/ezscale/bursar/core/data/db"
)

// billed is what a billing run left behind.
type billed struct{ db *db.DB }

// invoices counts what was issued, also while a run is under way.
func (b billed) invoices(ctx context.Context) (n int, err error) {
	err = b.db.Read(ctx).QueryRowContext(ctx, "SELECT COUNT(*) FROM invoices").Scan(&n)
	return n, err
}

// exactly finds fault with everything that is not once for each of n services.
func (b billed) exactly(ctx context.Context, n int) error {
	for _, check := range []struct {
		what, query string
		want        int
	}{
		{"invoices", "SELECT COUNT(*) FROM invoices WHERE status = 'open'", n},
		{"numbers that differ", "SELECT COUNT(DISTINCT number_no) FROM invoices", n},
		{"the last number", "SELECT MAX(number_no) FROM invoices", n},
		{"lines", "SELECT COUNT(*) FROM invoice_lines", n},
		{"tax lines", "SELECT COUNT(*) FROM invoice_taxes", n},
		{"obligations of the run", "SELECT COUNT(*) FROM obligations WHERE kind = 'term'", n},
		{"services that were obliged", "SELECT COUNT(DISTINCT subscription_id) FROM obligations WHERE kind = 'term' AND invoice_id IN (SELECT id FROM invoices)", n},
		{"services in their next period", "SELECT COUNT(*) FROM subscriptions WHERE period_no = 2", n},
		{"mails that wait as events", "SELECT COUNT(*) FROM events WHERE kind = 'invoice.issued' AND pending = TRUE", n},
		{"postings", "SELECT COUNT(*) FROM ledger_postings", n},
		{"the ledger's sum", "SELECT COALESCE(SUM(amount_minor), 0) FROM ledger_entries", 0},
		{"receivables", "SELECT COALESCE(SUM(amount_minor), 0) FROM ledger_entries WHERE account = 'receivable'", n * 1190},
	} {
		var got int
		if err := b.db.Read(ctx).QueryRowContext(ctx, check.query).Scan(&got); err != nil {
			return fmt.Errorf("%s: %w", check.what, err)
		}
		if got != check.want {
			return fmt.Errorf("%s: %d, not %d", check.what, got, check.want)
		}
	}
	return nil
}
