package insight

import (
	"context"
	"fmt"

	"github.com/ezscale/bursar/core/data/db"
)

type store struct{ db *db.DB }

// check is one statement that finds nothing when all is well.
type check struct {
	name, text, query string
	today             bool // its one argument is today
}

// open is what is owed on an invoice i.
const open = `(i.total_minor - i.paid_minor - i.credited_minor - i.written_off_minor)`

var checks = []check{
	{name: "posting_balance", text: "The entries of this posting do not sum to zero.",
		query: `SELECT posting_id FROM ledger_entries GROUP BY posting_id, currency HAVING SUM(amount_minor) <> 0`},
	{name: "posting_base", text: "The base amounts of this posting do not sum to zero.",
		query: `SELECT posting_id FROM ledger_entries GROUP BY posting_id HAVING SUM(base_minor) <> 0`},
	{name: "posting_orphan", text: "These entries have no posting.",
		query: `SELECT DISTINCT e.posting_id FROM ledger_entries e LEFT JOIN ledger_postings p ON p.id = e.posting_id WHERE p.id IS NULL`},
	{name: "balance", text: "This customer's balance is not the sum of its entries, or is below zero.",
		query: `SELECT b.customer_id FROM customer_balances b LEFT JOIN (SELECT of_id, currency, -SUM(amount_minor) AS v FROM ledger_entries WHERE account = 'balance' GROUP BY of_id, currency) e
			ON e.of_id = b.customer_id AND e.currency = b.currency WHERE b.balance_minor < 0 OR b.balance_minor <> COALESCE(e.v, 0)`},
	{name: "balance_missing", text: "The ledger has a balance that the customer does not.",
		query: `SELECT e.of_id FROM ledger_entries e LEFT JOIN customer_balances b ON b.customer_id = e.of_id AND b.currency = e.currency
			WHERE e.account = 'balance' AND b.customer_id IS NULL GROUP BY e.of_id, e.currency HAVING SUM(e.amount_minor) <> 0`},
	{name: "receivable", text: "What the ledger says is owed on this invoice is not what is open on it.",
		query: `SELECT i.id FROM invoices i LEFT JOIN (SELECT of_id, SUM(amount_minor) AS v, SUM(base_minor) AS w FROM ledger_entries WHERE account = 'receivable' GROUP BY of_id) e ON e.of_id = i.id
			WHERE i.status IN ('open', 'paid', 'void', 'uncollectible') AND (COALESCE(e.v, 0) <> ` + open + ` OR (COALESCE(e.v, 0) = 0 AND COALESCE(e.w, 0) <> 0))`},
	{name: "paid_is_paid", text: "This invoice is paid and something is open, or is open and nothing is.",
		query: `SELECT i.id FROM invoices i WHERE (i.status IN ('paid', 'void') AND ` + open + ` <> 0) OR (i.status = 'open' AND ` + open + ` <= 0)`},
	{name: "document_sum", text: "The lines of this invoice do not add up to it.",
		query: `SELECT i.id FROM invoices i LEFT JOIN (SELECT invoice_id, SUM(net_minor) AS n, SUM(tax_minor) AS t FROM invoice_lines GROUP BY invoice_id) l ON l.invoice_id = i.id
			WHERE i.number IS NOT NULL AND i.kind <> 'imported' AND (l.n IS NULL OR l.n <> i.net_minor OR l.t <> i.tax_minor OR i.net_minor + i.tax_minor + i.rounding_minor <> i.total_minor)`},
	{name: "tax_groups", text: "The taxes of this invoice do not add up to its tax.",
		query: `SELECT i.id FROM invoices i JOIN (SELECT invoice_id, SUM(tax_minor) AS t FROM invoice_taxes GROUP BY invoice_id) x ON x.invoice_id = i.id WHERE x.t <> i.tax_minor`},
	{name: "paid_allocations", text: "What is paid on this invoice is not what payments were given to it.",
		query: `SELECT i.id FROM invoices i LEFT JOIN (SELECT invoice_id, SUM(amount_minor) AS a FROM payment_allocations WHERE invoice_id IS NOT NULL GROUP BY invoice_id) a ON a.invoice_id = i.id
			WHERE i.paid_minor <> COALESCE(a.a, 0)`},
	{name: "payment_whole", text: "This payment is not given out whole.",
		query: `SELECT p.id FROM payments p LEFT JOIN (SELECT payment_id, SUM(amount_minor) AS a FROM payment_allocations GROUP BY payment_id) a ON a.payment_id = p.id
			WHERE p.status = 'captured' AND p.amount_minor <> COALESCE(a.a, 0)`},
	{name: "payment_bounds", text: "More of this payment was refunded or disputed than it came to.",
		query: `SELECT id FROM payments WHERE refunded_minor + refunding_minor + disputed_minor > amount_minor OR refunded_minor < 0 OR refunding_minor < 0`},
	{name: "line_bounds", text: "More of this line was credited than it came to.",
		query: `SELECT id FROM invoice_lines WHERE ABS(credited_minor) > ABS(net_minor) OR ABS(credited_tax_minor) > ABS(tax_minor)`},
	{name: "periods", text: "The periods of this service overlap or leave a hole.",
		query: `SELECT id FROM (SELECT id, period_from, LAG(COALESCE(closed_on, period_to)) OVER (PARTITION BY subscription_id, lane ORDER BY period_from) AS prev FROM obligations) o
			WHERE prev IS NOT NULL AND prev <> period_from`},
	{name: "billed_to", text: "This service is billed to another day than its periods say.",
		query: `SELECT s.id FROM subscriptions s JOIN (SELECT subscription_id, MAX(period_to) AS t FROM obligations WHERE lane = 'term' GROUP BY subscription_id) o ON o.subscription_id = s.id WHERE s.billed_to <> o.t`},
	{name: "due_unbilled", text: "This service should have been billed and was not.", today: true,
		query: `SELECT id FROM subscriptions s WHERE status = 'active' AND bill_on < ? AND NOT EXISTS (SELECT 1 FROM holds h WHERE h.released_at IS NULL AND h.subject_id IN (s.id, s.customer_id))
			AND NOT EXISTS (SELECT 1 FROM run_failures f WHERE f.item_key LIKE CONCAT('bill:', s.customer_id, ':%'))`},
	{name: "number_gap", text: "The numbers of this series have a gap.",
		query: `SELECT CONCAT(series_id, ' ', bucket) FROM (SELECT series_id, bucket, number_no FROM invoices WHERE number_no IS NOT NULL UNION ALL SELECT series_id, bucket, number_no FROM credit_notes) x
			GROUP BY series_id, bucket HAVING COUNT(*) <> MAX(number_no) - MIN(number_no) + 1`},
	{name: "number_order", text: "A later number has an earlier date.",
		query: `SELECT id FROM (SELECT id, issued_on, LAG(issued_on) OVER (PARTITION BY series_id, bucket ORDER BY number_no) AS before_on FROM invoices WHERE number_no IS NOT NULL) x WHERE issued_on < before_on`},
	{name: "suspension_cause", text: "This service is suspended without a cause, or has a cause and is not.",
		query: `SELECT s.id FROM subscriptions s WHERE s.status IN ('active', 'suspended') AND (s.status = 'suspended') <> (EXISTS (SELECT 1 FROM suspensions x WHERE x.subscription_id = s.id AND x.closed_at IS NULL))`},
	{name: "payment_posting", text: "This payment is not in the ledger.",
		query: `SELECT p.id FROM payments p LEFT JOIN ledger_postings g ON g.cause_key = CONCAT(CASE p.source WHEN 'gateway' THEN 'pay_gateway:' WHEN 'balance' THEN 'pay_balance:' ELSE 'pay_bank:' END, p.id)
			WHERE p.status = 'captured' AND p.hold_reason IS NULL AND g.id IS NULL`},
	{name: "invoice_posting", text: "This invoice is not in the ledger.",
		query: `SELECT i.id FROM invoices i LEFT JOIN ledger_postings g ON g.cause_key = CONCAT('issue:', i.id) WHERE i.number IS NOT NULL AND i.kind <> 'imported' AND i.total_minor <> 0 AND g.id IS NULL`},
	{name: "credit_posting", text: "This credit note is not in the ledger.",
		query: `SELECT c.id FROM credit_notes c LEFT JOIN ledger_postings g ON g.cause_key = CONCAT('credit_note:', c.id) WHERE c.total_minor <> 0 AND g.id IS NULL`},
	{name: "attempt_key", text: "This payment attempt is over and still blocks its invoice.",
		query: `SELECT t.attempt_id FROM attempt_targets t JOIN payment_attempts a ON a.id = t.attempt_id WHERE t.open_key IS NOT NULL AND a.status IN ('succeeded', 'declined', 'expired')`},
	{name: "coupon_uses", text: "The uses of this coupon are not the orders that used it.",
		query: `SELECT c.id FROM coupons c WHERE c.used <> (SELECT COUNT(DISTINCT r.order_id) FROM coupon_redemptions r WHERE r.coupon_id = c.id AND r.state <> 'released')`},
	{name: "refund_reserve", text: "This refund is over and money is still reserved for it.",
		query: `SELECT e.of_id FROM ledger_entries e JOIN refunds r ON r.id = e.of_id WHERE e.account = 'refunds_payable' AND r.status IN ('done', 'refused') GROUP BY e.of_id HAVING SUM(e.amount_minor) <> 0`},
	{name: "obligation_paid", text: "This period is paid and its invoice is not, or the other way round.",
		query: `SELECT o.id FROM obligations o JOIN invoices i ON i.id = o.invoice_id WHERE (i.status = 'paid' AND i.credited_minor = 0 AND o.paid_at IS NULL) OR (i.status = 'open' AND i.disputed_minor = 0 AND o.paid_at IS NOT NULL)`},
	{name: "obligation_orphan", text: "This period belongs to no service or to no invoice.",
		query: `SELECT o.id FROM obligations o LEFT JOIN subscriptions s ON s.id = o.subscription_id LEFT JOIN invoices i ON i.id = o.invoice_id WHERE s.id IS NULL OR (o.invoice_id IS NOT NULL AND i.id IS NULL)`},
	{name: "line_orphan", text: "This line belongs to no invoice.",
		query: `SELECT l.id FROM invoice_lines l LEFT JOIN invoices i ON i.id = l.invoice_id WHERE i.id IS NULL`},
	{name: "invoice_orphan", text: "This invoice belongs to no customer.",
		query: `SELECT i.id FROM invoices i LEFT JOIN customers c ON c.id = i.customer_id WHERE c.id IS NULL`},
	{name: "service_orphan", text: "This service belongs to no customer.",
		query: `SELECT s.id FROM subscriptions s LEFT JOIN customers c ON c.id = s.customer_id WHERE c.id IS NULL`},
	{name: "account_orphan", text: "This account on a panel belongs to no service.",
		query: `SELECT a.subscription_id FROM accounts a LEFT JOIN subscriptions s ON s.id = a.subscription_id WHERE s.id IS NULL`},
	{name: "account_double", text: "Two services have this account on a panel.",
		query: `SELECT CONCAT(instance, ' ', remote_id) FROM accounts WHERE remote_id <> '' GROUP BY instance, remote_id HAVING COUNT(*) > 1`},
	{name: "paid_unmade", text: "This service is paid, and nothing makes it.",
		query: `SELECT s.id FROM subscriptions s JOIN orders o ON o.id = s.order_id AND o.status = 'active' WHERE s.status = 'pending'
			AND EXISTS (SELECT 1 FROM obligations b WHERE b.subscription_id = s.id AND b.paid_at IS NOT NULL)
			AND NOT EXISTS (SELECT 1 FROM operations p WHERE p.subscription_id = s.id AND p.kind = 'create')
			AND EXISTS (SELECT 1 FROM products d WHERE d.id = s.product_id AND d.panel <> '' AND d.setup_policy <> 'manual')`},
}

// subjects runs a check. The limit is written into the statement: it is a number of ours.
func (s store) subjects(ctx context.Context, query string, most int, args ...any) ([]string, error) {
	rows, err := s.db.Read(ctx).QueryContext(ctx, query+fmt.Sprintf(" LIMIT %d", most), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, rows.Err()
}
