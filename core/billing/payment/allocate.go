package payment

import (
	"context"
	"slices"

	"github.com/ezscale/bursar/core/base/ids"
)

// Allocate says where parts of a captured payment went. Together they never exceed it, and none that left an invoice
// exceeds what had come to it: ErrOverAllocated. Call it in the transaction that counts the parts.
func (s *Service) Allocate(ctx context.Context, id ids.Payment, parts []Allocation) error {
	if len(parts) == 0 {
		return nil
	}
	return s.locked(ctx, id, "", func(ctx context.Context, p *Payment) error {
		before, err := s.store.allocations(ctx, []ids.Payment{id})
		if err != nil {
			return err
		}
		sum, err := p.allocate(before[id], parts)
		if err != nil {
			return err
		}
		now, rows := s.clock.Now(), slices.Clone(parts)
		for i := range rows {
			rows[i].ID, rows[i].Payment, rows[i].At = ids.New[ids.Allocation](), id, now
		}
		if err := s.store.insertAllocations(ctx, rows); err != nil {
			return err
		}
		return s.store.apply(ctx, id, sum-p.Applied)
	})
}

// standing is where the money of some parts is now: one for each place, the latest to be filled first.
func standing(parts []Allocation) []Allocation {
	sums := map[place]int64{}
	for _, a := range parts {
		sums[place{a.Kind, a.Invoice}] += a.Minor
	}
	var out []Allocation
	for _, a := range slices.Backward(parts) {
		at := place{a.Kind, a.Invoice}
		if a.Minor > 0 && sums[at] > 0 {
			a.Minor = sums[at]
			out = append(out, a)
			delete(sums, at)
		}
	}
	return out
}

// Standing is where the money of payments is now, the latest place first: what a lost dispute takes from.
func (s *Service) Standing(ctx context.Context, payments []ids.Payment) (map[ids.Payment][]Allocation, error) {
	all, err := s.store.allocations(ctx, payments)
	for id := range all {
		all[id] = standing(all[id])
	}
	return all, err
}

// Allocations lists every part of payments, oldest first.
func (s *Service) Allocations(ctx context.Context, payments []ids.Payment) (map[ids.Payment][]Allocation, error) {
	return s.store.allocations(ctx, payments)
}

// Counted is a payment with what of it an invoice counts; 0 where all of it left again.
type Counted struct {
	Payment Payment
	Minor   int64
}

// OfInvoice lists the payments of an invoice, oldest first.
func (s *Service) OfInvoice(ctx context.Context, id ids.Invoice) ([]Counted, error) {
	return s.store.ofInvoice(ctx, id)
}
