package dunning

import (
	"context"

	"github.com/ezscale/bursar/core/base/ids"
)

// Held is a hold as staff sees it.
type Held struct {
	Hold
	ID      ids.Hold
	Subject string // ID of a customer, a subscription or an invoice
	Reason  string
	Actor   string
}

// Holds lists the holds that were not released, newest first, at most 200.
func (s *Service) Holds(ctx context.Context) ([]Held, error) { return s.store.held(ctx, "") }

// HeldOf lists those of one subject.
func (s *Service) HeldOf(ctx context.Context, subject string) ([]Held, error) {
	return s.store.held(ctx, subject)
}
