package flow_test

import (
	"testing"

	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/sales/customer"
)

// What a customer is told to be charged next is what the run then bills: the same day, the same amount, together or apart.
func TestWhatIsToldAheadIsWhatIsBilled(t *testing.T) {
	for name, combine := range map[string]bool{"services on one invoice": true, "an invoice for each": false} {
		t.Run(name, func(t *testing.T) {
			dbtest.Each(t, func(t *testing.T, d *db.DB) {
				w := newWorld(t, d)
				c, other := w.customer("jana"), w.customer("otto")
				_, err := w.Customers.Update(w.ctx, c.ID, func(c *customer.Customer) error { c.Combine = combine; return nil })
				w.ok(err)
				w.buy(c, "web", false)
				w.buy(c, "db", false)
				w.buy(other, "foreign", false)
				list, err := w.Subscriptions.List(w.ctx, subscription.Filter{})
				w.ok(err)
				told, err := w.Upcoming(w.ctx, c.ID, list.List)
				w.ok(err)
				if len(told.Prices) != 2 {
					t.Fatalf("%d prices: another's are told, or some are not", len(told.Prices))
				}
				for _, p := range told.Prices {
					if p.Net.Minor() != 1000 || p.Total.Minor() != 1190 || len(p.Parts) != 1 {
						t.Errorf("a service costs %+v", p)
					}
				}
				if want := map[bool]int{true: 1, false: 2}[combine]; len(told.Renewals) != want {
					t.Fatalf("%d renewals, want %d", len(told.Renewals), want)
				}
				had := len(w.invoices(c))
				w.days(told.Renewals[0].Bill.Since(w.today()))
				made := w.invoices(c)[had:]
				if len(made) != len(told.Renewals) {
					t.Fatalf("%d invoices were told and %d written", len(told.Renewals), len(made))
				}
				for i, inv := range made {
					if r := told.Renewals[i]; inv.Total != r.Total.Minor() || inv.Due != r.Due || inv.Issued != r.Bill {
						t.Errorf("told %s, due %s, written %d, due %s, on %s", r.Total, r.Due, inv.Total, inv.Due, inv.Issued)
					}
				}
				if later, err := w.Upcoming(w.ctx, c.ID, list.List); err != nil || later.Renewals[0].Due.IsZero() {
					t.Errorf("nothing is told of the term after: %v", err)
				}
				w.ok(w.CancelService(w.ctx, c.ID, list.List[1].ID, flow.CancelIn{AtEnd: true}))
				fresh, err := w.Subscriptions.List(w.ctx, subscription.Filter{Customer: c.ID})
				w.ok(err)
				after, err := w.Upcoming(w.ctx, c.ID, fresh.List)
				w.ok(err)
				for _, r := range after.Renewals {
					for _, s := range r.Services {
						if s == list.List[1].ID {
							t.Error("a service that was cancelled is charged again")
						}
					}
				}
			})
		})
	}
}
