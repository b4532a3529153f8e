package coupon

import (
	"context"
	"fmt"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
)

// Forever is TermsLeft of a coupon that does not end.
const Forever int64 = -1

// Redeeming is the use of a coupon by an order.
type Redeeming struct {
	Coupon   ids.Coupon
	Customer ids.Customer
	Order    ids.Order
	Shares   []Share // one for each subscription that the coupon serves; none for an order without subscriptions
}

// Share is what one subscription of an order gets of a coupon.
type Share struct {
	Subscription ids.Subscription
	Minor        int64 // its part of a fixed amount, which it gets at each renewal too
	Stub         bool  // the order bills no full term (a stub or a trial), so it uses no term of the coupon
}

// Redemption is one use of a coupon, by one subscription.
type Redemption struct {
	ID           ids.Redemption
	Coupon       Coupon // as it is now
	Customer     ids.Customer
	Order        ids.Order
	Subscription ids.Subscription // "" for an order without subscriptions
	State        State
	ShareMinor   int64
	TermsLeft    int64 // renewals that it still serves; Forever; 0: used up
	At           time.Time
}

// Redeem uses a coupon for an order, in the transaction that places it. The order itself uses the first term of each
// share. The same order again answers the same redemptions and counts once.
//
// Errors, after which the transaction must be given up: ErrUsedUp, ErrOnce, ErrUnknown.
func (s *Service) Redeem(ctx context.Context, r Redeeming) (out []Redemption, err error) {
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		if out, err = s.store.ofOrder(ctx, r.Order, r.Coupon); err != nil || len(out) > 0 {
			return err
		}
		if err := s.store.count(ctx, r.Coupon); err != nil {
			return err
		}
		c, err := s.store.get(ctx, r.Coupon)
		if err != nil {
			return err
		}
		out = r.redemptions(c, s.clock.Now())
		return s.store.insertRedemptions(ctx, c, out)
	})
	if err != nil {
		return nil, fmt.Errorf("redeem coupon %s for order %s: %w", r.Coupon, r.Order, err)
	}
	return out, nil
}

// redemptions are the rows of a use.
func (r Redeeming) redemptions(c Coupon, now time.Time) []Redemption {
	shares := r.Shares
	if len(shares) == 0 {
		shares = []Share{{}}
	}
	out := make([]Redemption, len(shares))
	for i, sh := range shares {
		left := Forever
		if c.Terms > 0 {
			left = int64(c.Terms)
			if !sh.Stub || c.Kind == FreeSetup {
				left--
			}
		}
		out[i] = Redemption{
			ID: ids.New[ids.Redemption](), Coupon: c, Customer: r.Customer, Order: r.Order, Subscription: sh.Subscription, State: Live,
			ShareMinor: sh.Minor, TermsLeft: left, At: now,
		}
	}
	return out
}

// Release gives the use of an order back: it was cancelled. Nothing to give back is no error.
func (s *Service) Release(ctx context.Context, order ids.Order) error {
	err := s.db.Tx(ctx, func(ctx context.Context) error { return s.store.release(ctx, order) })
	if err != nil {
		return fmt.Errorf("release coupons of order %s: %w", order, err)
	}
	return nil
}

// Live reads what serves the next renewal of each subscription. Those that no coupon serves are left out.
func (s *Service) Live(ctx context.Context, set []ids.Subscription) (map[ids.Subscription]Redemption, error) {
	out, err := s.store.live(ctx, set)
	if err != nil {
		return nil, fmt.Errorf("read coupons of subscriptions: %w", err)
	}
	return out, nil
}

// ReturnTerm gives a term back that was billed and then taken back before it began, in the caller's transaction. A coupon
// without an end, or one that was released, has none to get.
func (s *Service) ReturnTerm(ctx context.Context, id ids.Redemption) error {
	if err := s.store.returnTerm(ctx, id); err != nil {
		return fmt.Errorf("return a term of %s: %w", id, err)
	}
	return nil
}

// UseTerms counts a term of each redemption, in the transaction that bills it; one that is named twice serves two
// terms. Error: ErrChanged if one of them has not as many left. Then nothing may be billed: read anew.
func (s *Service) UseTerms(ctx context.Context, set []ids.Redemption) error {
	times := map[ids.Redemption]int{}
	for _, id := range set {
		times[id]++
	}
	batches := map[int][]ids.Redemption{}
	for id, n := range times {
		batches[n] = append(batches[n], id)
	}
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		for n, list := range batches {
			if err := s.store.useTerms(ctx, list, n); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("use terms of %d coupons: %w", len(times), err)
	}
	return nil
}

// OfOrder reads the redemptions of an order, also those that were given back.
func (s *Service) OfOrder(ctx context.Context, order ids.Order) ([]Redemption, error) {
	return s.store.ofOrder(ctx, order, "")
}
