package subscription

import (
	"context"
	"fmt"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/sdk/money"
)

// Lane of an obligation: terms are paid ahead, usage afterwards.
type Lane string

// The lanes.
const (
	TermLane  Lane = "term"
	UsageLane Lane = "usage"
)

// Obligation says that one subscription owes one period. (subscription, lane, from) is unique in the
// database: there is no other door to a renewal line.
type Obligation struct {
	ID           ids.Obligation
	Subscription ids.Subscription
	Lane         Lane
	From, To     period.Day // To exclusive
	No           int        // number of the term; 0 a stub, -1 a trial
	Kind         string     // trial, stub, term, usage, imported
	Net          money.Amount
	Invoice      ids.Invoice    // "" where nothing is owed
	Redemption   ids.Redemption // "" without a coupon
	NextBillOn   period.Day     // when the period after this one is billed; zero: never
	Run          ids.Run        // "" outside a billing run
	Fingerprint  string
}

// Oblige writes obligations in sets, in the caller's transaction. ErrBilled: one of the periods has one
// already; the transaction must be given up and the set read anew.
func (s *Service) Oblige(ctx context.Context, set []Obligation) error {
	for i := range set {
		if set[i].ID == "" {
			set[i].ID = ids.New[ids.Obligation]()
		}
	}
	return s.store.oblige(ctx, set)
}

// Advance moves the subscriptions over the obligations written just before. It answers ErrChanged unless
// every one of them moved.
func (s *Service) Advance(ctx context.Context, set []ids.Subscription) error {
	return s.store.advance(ctx, set)
}

// Versions reads and, where the database has row locks, locks the subscriptions of a batch.
func (s *Service) Versions(ctx context.Context, set []ids.Subscription) (map[ids.Subscription]int64, error) {
	return s.store.versions(ctx, set)
}

// DueDays lists the days up to today on which renewals wait, oldest first.
func (s *Service) DueDays(ctx context.Context, today period.Day) ([]period.Day, error) {
	return s.store.dueDays(ctx, today)
}

// DuePage reads subscriptions to bill on a day, ordered by customer and then id, after the given customer.
// A customer is never split over two pages. Those suspended for non-payment are left out: they wait.
func (s *Service) DuePage(ctx context.Context, day period.Day, after ids.Customer, limit int) ([]Subscription, error) {
	return s.store.duePage(ctx, day, after, limit)
}

// MarkPaid sets paid_at of what the invoices billed, once, and moves paid_to. Each subscription whose
// obligation became paid gets a renewed event; asking again changes nothing and tells nothing.
func (s *Service) MarkPaid(ctx context.Context, invoices []ids.Invoice, at time.Time) error {
	return s.db.Tx(ctx, func(ctx context.Context) error {
		paid, err := s.store.markPaid(ctx, invoices, at)
		if err != nil {
			return fmt.Errorf("mark obligations paid: %w", err)
		}
		return s.tell(ctx, EventRenewed, paid)
	})
}

// Retract takes unpaid terms of a subscription back, in the caller's transaction, as if they had never been billed: if it
// is kept after all they are billed anew. What was paid stays.
func (s *Service) Retract(ctx context.Context, id ids.Subscription, set []ids.Obligation) error {
	return s.db.Tx(ctx, func(ctx context.Context) error {
		if _, err := s.store.lock(ctx, id); err != nil {
			return fmt.Errorf("retract terms of %s: %w", id, err)
		}
		if err := s.store.retract(ctx, id, set); err != nil {
			return fmt.Errorf("retract terms of %s: %w", id, err)
		}
		return nil
	})
}

// OfInvoices lists the subscriptions that the invoices bill.
func (s *Service) OfInvoices(ctx context.Context, invoices []ids.Invoice) (map[ids.Invoice][]Subscription, error) {
	return s.store.ofInvoices(ctx, invoices)
}

// Billed is a period that a subscription owes, and what became of it.
type Billed struct {
	Obligation
	Paid time.Time // zero: not yet
}

// Periods lists the periods that were billed of a subscription, newest first, up to limit.
func (s *Service) Periods(ctx context.Context, id ids.Subscription, limit int) ([]Billed, error) {
	list, err := s.store.periods(ctx, id, limit)
	if err != nil {
		return nil, fmt.Errorf("list periods of %s: %w", id, err)
	}
	return list, nil
}
