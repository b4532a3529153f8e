package coupon

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/sdk/fault"
)

// limit is the largest amount that is taken, in minor units.
const limit int64 = 1_000_000_000_000_000

// Deps is what the service uses.
type Deps struct {
	DB    *db.DB
	Audit *audit.Service
	Clock clock.Clock
}

// Service holds the rules for coupons: what a code may be, and that it is used no more often than it may.
type Service struct {
	db    *db.DB
	store store
	audit *audit.Service
	clock clock.Clock
}

// New makes the service.
func New(d Deps) *Service {
	return &Service{db: d.DB, store: store{db: d.DB}, audit: d.Audit, clock: d.Clock}
}

// Find reads the coupon of a code as somebody typed it. Error: ErrUnknown.
func (s *Service) Find(ctx context.Context, code string) (Coupon, error) {
	folded := Fold(code)
	if folded == "" || utf8.RuneCountInString(folded) > 80 {
		return Coupon{}, ErrUnknown
	}
	return s.store.find(ctx, folded)
}

// Get reads one; ErrNotFound.
func (s *Service) Get(ctx context.Context, id ids.Coupon) (Coupon, error) {
	c, err := s.store.get(ctx, id)
	if fault.Of(err) != nil {
		err = ErrNotFound
	}
	return c, err
}

// Save adds a coupon, or changes the one with its ID if Version is the one that it has. Used is never taken from
// here.
//
// Errors: Invalid with the field; ErrNotFound; ErrChanged; ErrWorth.
func (s *Service) Save(ctx context.Context, c Coupon) (Coupon, error) {
	if c.From.IsZero() {
		c.From = s.clock.Now()
	}
	if err := c.check(); err != nil {
		return Coupon{}, err
	}
	out := c
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		out = c
		e := audit.Entry{Action: "coupon.save"}
		if out.ID == "" {
			out.ID, out.Used, out.Version = ids.New[ids.Coupon](), 0, 1
			if err := s.store.insert(ctx, out); err != nil {
				return err
			}
		} else {
			before, err := s.store.lock(ctx, out.ID)
			if err != nil {
				return err
			}
			if out.Version != before.Version {
				return ErrChanged
			}
			if before.Used > 0 && before.worth() != out.worth() {
				return ErrWorth
			}
			out.Used, out.Version, e.Before = before.Used, before.Version+1, before
			if err := s.store.update(ctx, out); err != nil {
				return err
			}
		}
		e.Subject, e.After = string(out.ID), out
		return s.audit.Add(ctx, e)
	})
	if err != nil {
		return Coupon{}, fmt.Errorf("save coupon %s: %w", c.Code, err)
	}
	return out, nil
}

func invalid(field, code, text string, args ...any) error {
	return fault.New(fault.Invalid, code, fmt.Sprintf(text, args...)).On(field)
}

// check tidies and refuses.
func (c *Coupon) check() error {
	c.Code, c.Currency = Fold(c.Code), strings.ToUpper(strings.TrimSpace(c.Currency))
	c.From, c.To = c.From.UTC().Truncate(time.Microsecond), c.To.UTC().Truncate(time.Microsecond)
	if c.Rules.Who == "" {
		c.Rules.Who = Anybody
	}
	if len(c.Code) < 1 || len(c.Code) > 80 || strings.ContainsFunc(c.Code, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return invalid("code", "code_invalid", "A code has 1 to 80 plain letters, digits and signs.")
	}
	switch c.Kind {
	case Percent:
		c.AmountMinor, c.Currency = 0, ""
		if c.RatePPM < 1 || c.RatePPM > 1_000_000 {
			return invalid("rate", "out_of_range", "The discount is above 0 and at most 100 percent.")
		}
	case FreeSetup:
		c.RatePPM, c.AmountMinor, c.Currency, c.Terms = 0, 0, "", 1 // no renewal has a set-up fee
	case Fixed, Price:
		c.RatePPM = 0
		if least := map[Kind]int64{Fixed: 1}[c.Kind]; c.AmountMinor < least || c.AmountMinor > limit {
			return invalid("amount", "out_of_range", "Enter the amount.")
		}
		if len(c.Currency) != 3 || strings.Trim(c.Currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
			return invalid("currency", "currency_invalid", "Choose the currency of the amount.")
		}
	default:
		return invalid("kind", "choice_unknown", "Choose what the code does.")
	}
	if c.Terms < 0 || c.Terms > 1000 {
		return invalid("terms", "out_of_range", "Terms: 1 to 1000, or 0 for ever.")
	}
	if c.MaxUses != nil && (*c.MaxUses < 1 || *c.MaxUses > 1_000_000_000) {
		return invalid("max_uses", "out_of_range", "A code may be used at least once.")
	}
	if !c.To.IsZero() && !c.To.After(c.From) {
		return invalid("to", "ends_before", "The code ends before it begins.")
	}
	for _, cycle := range c.Rules.Cycles {
		if _, err := period.ParseCycle(cycle); err != nil {
			return invalid("cycles", "cycle_invalid", "Choose billing cycles.")
		}
	}
	switch c.Rules.Who {
	case Anybody, NewOnly, Existing:
	default:
		return invalid("who", "choice_unknown", "Choose who may use the code.")
	}
	if utf8.RuneCountInString(c.Rules.Note) > 2000 || !utf8.ValidString(c.Rules.Note) {
		return invalid("note", "too_long", "Note: at most 2000 characters.")
	}
	return nil
}

// Filter narrows a list. Zero fields do not.
type Filter struct {
	Query   string    // part of the code, or a whole ID
	ValidAt time.Time // only those that could be used then
	Sort    string    // newest (default), code
	After   string    // Next of the page before
	Limit   int       // 1 to 200; 0 is 50
}

// Page is one page of a list. Next "" is the end; Total counts the whole filter.
type Page struct {
	List  []Coupon
	Next  string
	Total int
}

// List answers one page in two queries. Error: ErrPage.
func (s *Service) List(ctx context.Context, f Filter) (Page, error) {
	page, err := s.store.list(ctx, f)
	if err != nil {
		return Page{}, fmt.Errorf("list coupons: %w", err)
	}
	return page, nil
}

// UseFilter narrows the list of uses.
type UseFilter struct {
	Coupon   ids.Coupon
	Customer ids.Customer
	After    string // Next of the page before
	Limit    int    // 1 to 200; 0 is 50
}

// UsePage is one page of uses, newest first.
type UsePage struct {
	List  []Redemption
	Next  string
	Total int
}

// Uses lists who used coupons, in two queries.
func (s *Service) Uses(ctx context.Context, f UseFilter) (UsePage, error) {
	page, err := s.store.uses(ctx, f)
	if err != nil {
		return UsePage{}, fmt.Errorf("list uses of coupons: %w", err)
	}
	return page, nil
}
