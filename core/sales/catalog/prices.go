package catalog

import (
	"context"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/platform/audit"
)

// NewPrice gives an owner another price in a cycle and currency from p.From on (zero: now): the version that runs
// then ends there, and one that is planned for later ends this one. Who bought before keeps the old version. A price
// that is the same as the one it would follow is that one.
//
// Errors: Invalid with the field; ErrPriceOrder if it would begin in the past while there are prices, or with
// another one; ErrNotFound, ErrOptionNotFound for the owner.
func (s *Service) NewPrice(ctx context.Context, p Price) (Price, error) {
	if err := p.check(); err != nil {
		return Price{}, err
	}
	now := s.clock.Now()
	if p.From.IsZero() {
		p.From = now
	}
	p.From = p.From.UTC().Truncate(time.Microsecond)
	out := p
	err := s.edit(ctx, "price of "+p.Owner, func(ctx context.Context) (e audit.Entry, err error) {
		if err := s.store.hasOwner(ctx, p.Owner); err != nil {
			return e, err
		}
		if known, err := s.store.hasCurrency(ctx, p.Currency); err != nil {
			return e, err
		} else if !known {
			return e, invalid("currency", "currency_unknown", "Add the currency first.")
		}
		versions, err := s.store.versions(ctx, p.key())
		if err != nil {
			return e, err
		}
		next, ends, err := p.follow(versions, now)
		if err != nil {
			return e, err
		}
		if next.ID != "" {
			out = next
			return e, nil
		}
		next.ID = ids.New[ids.Price]()
		out = next
		if ends != nil {
			e.Before = *ends
			if err := s.store.endPrice(ctx, ends.ID, next.From); err != nil {
				return e, err
			}
		}
		e.Action, e.Subject, e.After = "catalog.price", p.Owner, next
		return e, s.store.insertPrice(ctx, next)
	})
	if err != nil {
		return Price{}, err
	}
	return out, nil
}

// follow finds the place of a new price among the versions of its key: the version that it ends, if any, and
// itself with the end that a later one sets. If a version with the same price runs already, it is answered instead.
func (p Price) follow(versions []Price, now time.Time) (next Price, ends *Price, err error) {
	if len(versions) > 0 && p.From.Before(now) {
		return Price{}, nil, ErrPriceOrder
	}
	p.ID, p.To = "", time.Time{}
	for _, v := range versions {
		if !v.To.IsZero() && !v.To.After(v.From) { // it never ran
			if v.From.Equal(p.From) {
				return Price{}, nil, ErrPriceOrder
			}
			continue
		}
		switch {
		case v.IsAt(p.From) && v.same(p):
			return v, nil, nil
		case v.From.Equal(p.From):
			return Price{}, nil, ErrPriceOrder
		case v.IsAt(p.From):
			ends = &v
		case v.From.After(p.From) && (p.To.IsZero() || v.From.Before(p.To)):
			p.To = v.From
		}
	}
	return p, ends, nil
}

// ClosePrice ends a version of a price now: nobody new buys in that cycle and currency. Who has it keeps it. A
// price that ended already is no error. Error: ErrPriceNotFound.
func (s *Service) ClosePrice(ctx context.Context, id ids.Price) error {
	return s.edit(ctx, "price "+string(id), func(ctx context.Context) (e audit.Entry, err error) {
		before, err := s.store.price(ctx, id)
		if err != nil {
			return e, err
		}
		now := s.clock.Now()
		if !before.To.IsZero() && !before.To.After(now) {
			return e, nil
		}
		after := before
		after.To = now
		return audit.Entry{Action: "catalog.price", Subject: before.Owner, Before: before, After: after}, s.store.endPrice(ctx, id, now)
	})
}
