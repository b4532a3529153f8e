package coupon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/platform/audit"
)

// Service holds the rules for coupons: what may be saved, who may use one, how often.
type Service struct {
	db    *db.DB
	store store
	audit *audit.Service
	clock clock.Clock
}

// NewService makes the service.
func NewService(d *db.DB, a *audit.Service, c clock.Clock) *Service {
	return &Service{db: d, store: store{db: d}, audit: a, clock: c}
}

// Find reads a coupon by its code, however it was typed. Error: ErrUnknown.
func (s *Service) Find(ctx context.Context, code string) (Coupon, error) {
	fold := Fold(code)
	if fold == "" || len(fold) > 80 {
		return Coupon{}, ErrUnknown
	}
	c, err := s.store.byCode(ctx, fold)
	if errors.Is(err, ErrNotFound) {
		return Coupon{}, ErrUnknown
	}
	return c, err
}

// Redeem counts one use for an order, in the transaction of ctx: undone, it was never used. What it serves is one row
// for each subscription.
//
// Errors: ErrUsedUp, ErrOnce.
func (s *Service) Redeem(ctx context.Context, r Redeeming) (out []Redemption, err error) {
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		out = nil
		if ok, err := s.store.use(ctx, r.Coupon); err != nil || !ok {
			return errors.Join(err, ErrUsedUp)
		}
		c, err := s.store.get(ctx, r.Coupon)
		if err != nil {
			return err
		}
		left := -1
		if c.Terms > 0 {
			left = c.Terms - 1 // the order is the first
		}
		for i, share := range r.Shares {
			red := Redemption{ID: ids.New[ids.Redemption](), Coupon: c, Customer: r.Customer, Order: r.Order, Subscription: share.Subscription, ShareMinor: share.Minor, TermsLeft: left, At: s.clock.Now()}
			once := ""
			if c.OncePerCustomer && i == 0 {
				once = string(c.ID) + ":" + string(r.Customer)
			}
			if err := s.store.insert(ctx, red, once); db.IsDuplicate(err) {
				return ErrOnce.Because(err)
			} else if err != nil {
				return err
			}
			out = append(out, red)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("redeem coupon %s: %w", r.Coupon, err)
	}
	return out, nil
}

// Release gives back the use of an order that came to nothing. Asked again it changes nothing.
func (s *Service) Release(ctx context.Context, order ids.Order) error {
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		of, err := s.store.release(ctx, order)
		if err != nil || of == "" {
			return err
		}
		return s.store.giveBack(ctx, of)
	})
	if err != nil {
		return fmt.Errorf("release coupon of order %s: %w", order, err)
	}
	return nil
}

// Live reads the redemptions of many subscriptions that still serve terms, with their coupons, in two queries.
func (s *Service) Live(ctx context.Context, set []ids.Subscription) (map[ids.Subscription]Redemption, error) {
	return s.store.live(ctx, set)
}

// UseTerms counts one more term of each. One that serves for ever is not counted; one that is used up is left alone.
func (s *Service) UseTerms(ctx context.Context, set []ids.Redemption) error {
	return s.store.useTerms(ctx, set)
}

// Save adds a coupon, or changes the one with its ID if Version is the one that it has. What was redeemed keeps what it
// got. Errors: Invalid with the field; ErrTaken; ErrNotFound; ErrChanged.
func (s *Service) Save(ctx context.Context, c Coupon) (Coupon, error) {
	if err := c.check(); err != nil {
		return Coupon{}, err
	}
	if c.From.IsZero() {
		c.From = s.clock.Now()
	}
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		var before any
		if c.ID == "" {
			c.ID, c.Version, c.Used = ids.New[ids.Coupon](), 1, 0
			if err := s.store.create(ctx, c); err != nil {
				return err
			}
		} else {
			old, err := s.store.get(ctx, c.ID)
			if err != nil {
				return err
			}
			before = old
			if err := s.store.update(ctx, c); err != nil {
				return err
			}
			c.Version, c.Used = c.Version+1, old.Used
		}
		return s.audit.Add(ctx, audit.Entry{Action: "coupon.save", Subject: string(c.ID), Before: before, After: c})
	})
	if db.IsDuplicate(err) {
		return Coupon{}, ErrTaken.Because(err)
	}
	if err != nil {
		return Coupon{}, fmt.Errorf("save coupon %s: %w", c.Code, err)
	}
	return c, nil
}

// Get reads one; ErrNotFound.
func (s *Service) Get(ctx context.Context, id ids.Coupon) (Coupon, error) { return s.store.get(ctx, id) }

// Filter narrows a list. Zero fields do not.
type Filter struct {
	Query string // part of the code
	Sort  string // "newest" (default), "oldest"
	After string
	Limit int // 1 to 200; 0 is 50
}

// Page is one page of a list. Next "" is the end; Total counts the whole filter.
type Page struct {
	List  []Coupon
	Next  string
	Total int
}

// List answers one page in two queries.
func (s *Service) List(ctx context.Context, f Filter) (Page, error) {
	if f.Limit <= 0 || f.Limit > 200 {
		f.Limit = 50
	}
	if !slices.Contains([]string{"", "newest", "oldest"}, f.Sort) {
		f.Sort = ""
	}
	return s.store.list(ctx, f)
}

// History lists the uses of a coupon, newest first, before a time if one is given.
func (s *Service) History(ctx context.Context, id ids.Coupon, before time.Time, limit int) ([]Redemption, error) {
	return s.store.history(ctx, id, before, limit)
}
