package insight_test

import (
	"context"
	"testing"

	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/insight"
)

var today = period.Date(2027, 3, 10)

func TestAnEmptyDatabaseProvesItself(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		findings, err := insight.New(d).Prove(context.Background(), today, 10)
		if err != nil || len(findings) != 0 {
			t.Fatalf("%v, %v", findings, err)
		}
		f, err := insight.New(d).Figures(context.Background(), today)
		if err != nil || f.Customers != 0 || len(f.Outstanding) != 0 {
			t.Fatalf("%+v, %v", f, err)
		}
	})
}

// TestEachDamageIsFound breaks one thing after another, as no code of ours would, and expects the check that is about it.
func TestEachDamageIsFound(t *testing.T) {
	tests := []struct{ check, damage string }{
		{"posting_balance", `INSERT INTO ledger_entries (posting_id, no, account, of_id, currency, amount_minor, base_minor) VALUES ('pst_1', 1, 'bank', '', 'EUR', 5, 0)`},
		{"posting_base", `INSERT INTO ledger_entries (posting_id, no, account, of_id, currency, amount_minor, base_minor) VALUES ('pst_1', 1, 'bank', '', 'EUR', 0, 5)`},
		{"posting_orphan", `INSERT INTO ledger_entries (posting_id, no, account, of_id, currency, amount_minor, base_minor) VALUES ('pst_1', 1, 'bank', '', 'EUR', 0, 0)`},
		{"balance", `INSERT INTO customer_balances (customer_id, currency, balance_minor, updated_at) VALUES ('cus_1', 'EUR', 5, '2027-01-01 00:00:00')`},
		{"balance_missing", `INSERT INTO ledger_entries (posting_id, no, account, of_id, currency, amount_minor, base_minor) VALUES ('pst_1', 1, 'balance', 'cus_1', 'EUR', -5, 0)`},
		{"line_orphan", `INSERT INTO invoice_lines (id, invoice_id, no, kind, text, qty_micro, unit_minor, per, list_minor, discount_minor, net_minor, tax_minor, tax_group, defer, explain_json, credited_minor, credited_tax_minor)
			VALUES ('lin_1', 'inv_1', 1, 'once', 'x', 1, 1, 1, 1, 0, 1, 0, '', FALSE, '{}', 0, 0)`},
		{"line_bounds", `INSERT INTO invoice_lines (id, invoice_id, no, kind, text, qty_micro, unit_minor, per, list_minor, discount_minor, net_minor, tax_minor, tax_group, defer, explain_json, credited_minor, credited_tax_minor)
			VALUES ('lin_1', 'inv_1', 1, 'once', 'x', 1, 1, 1, 1, 0, 1, 0, '', FALSE, '{}', 2, 0)`},
		{"obligation_orphan", `INSERT INTO obligations (id, subscription_id, lane, period_from, period_to, period_no, kind, revision, currency, net_minor, fingerprint)
			VALUES ('obl_1', 'sub_1', 'term', '2027-01-01', '2027-02-01', 1, 'term', 1, 'EUR', 1, '')`},
		{"periods", `INSERT INTO obligations (id, subscription_id, lane, period_from, period_to, period_no, kind, revision, currency, net_minor, fingerprint)
			VALUES ('obl_1', 'sub_1', 'term', '2027-01-01', '2027-02-01', 1, 'term', 1, 'EUR', 1, ''), ('obl_2', 'sub_1', 'term', '2027-02-02', '2027-03-01', 2, 'term', 1, 'EUR', 1, '')`},
		{"attempt_key", `INSERT INTO attempt_targets (attempt_id, invoice_id, no, open_key) SELECT 'att_1', 'inv_1', 1, 'inv_1'`},
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		for _, tt := range tests {
			t.Run(tt.check, func(t *testing.T) {
				undo := errUndo{}
				err := d.Tx(ctx, func(ctx context.Context) error {
					if tt.check == "attempt_key" {
						if _, err := d.Write(ctx).ExecContext(ctx, `INSERT INTO payment_attempts (id, customer_id, gateway, account_key, purpose, currency, amount_minor, status, request_key, save_method, notes_sealed, page_url, return_path, created_at, asks, version)
							VALUES ('att_1', 'cus_1', 'stripe', 'stripe', 'visit', 'EUR', 5, 'declined', 'att_1', FALSE, '', '', '', '2027-01-01 00:00:00', 0, 1)`); err != nil {
							return err
						}
					}
					if _, err := d.Write(ctx).ExecContext(ctx, tt.damage); err != nil {
						return err
					}
					findings, err := insight.New(d).Prove(ctx, today, 10)
					if err != nil {
						return err
					}
					for _, f := range findings {
						if f.Check == tt.check {
							return undo
						}
					}
					t.Errorf("not found; found %v", findings)
					return undo
				})
				if err != undo {
					t.Fatal(err)
				}
			})
		}
	})
}

type errUndo struct{}

func (errUndo) Error() string { return "undo" }
