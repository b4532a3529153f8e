// Package coupon owns discount codes: who may use them, on what, how often, and each use. What a coupon takes off a price
// is pricing's. Start at Coupon, then Service.Redeem.
package coupon

import (
	"slices"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/sdk/fault"
)

// Errors of this package, each beside the field "coupon". None tells whether another code would work.
var (
	ErrUnknown    = fault.New(fault.Declined, "coupon_unknown", "There is no such coupon.").On("coupon")
	ErrEarly      = fault.New(fault.Declined, "coupon_early", "This coupon cannot be used yet.").On("coupon")
	ErrOver       = fault.New(fault.Declined, "coupon_over", "This coupon has ended.").On("coupon")
	ErrUsedUp     = fault.New(fault.Declined, "coupon_used_up", "This coupon was used as often as it can be.").On("coupon")
	ErrOnce       = fault.New(fault.Declined, "coupon_once", "You have used this coupon before.").On("coupon")
	ErrNotCovered = fault.New(fault.Declined, "coupon_not_covered", "This coupon does not apply to anything in the cart.").On("coupon")
	ErrNewOnly    = fault.New(fault.Declined, "coupon_new_only", "This coupon is for new customers.").On("coupon")
	ErrOldOnly    = fault.New(fault.Declined, "coupon_old_only", "This coupon is for customers who have a service.").On("coupon")
	ErrCurrency   = fault.New(fault.Declined, "coupon_currency", "This coupon is for another currency.").On("coupon")
	// ErrNotFound: there is no coupon with that ID, for staff.
	ErrNotFound = fault.New(fault.NotFound, "coupon_not_found", "That coupon does not exist.")
	// ErrTaken: another coupon has the code.
	ErrTaken = fault.New(fault.Conflict, "coupon_taken", "Another coupon has this code.").On("code")
	// ErrChanged: another change came first.
	ErrChanged = fault.New(fault.Conflict, "coupon_changed", "This coupon was changed meanwhile. Please look again.")
)

// Kind says what a coupon does. The words are pricing's.
type Kind string

// The kinds.
const (
	Percent   Kind = "percent"    // RatePPM off each line
	Fixed     Kind = "fixed"      // AmountMinor off all lines together
	Price     Kind = "price"      // recurring lines cost AmountMinor each
	FreeSetup Kind = "free_setup" // set-up costs nothing
)

// Who may use a coupon.
type Who string

// The answers. "" is Anybody.
const (
	Anybody  Who = "any"
	New      Who = "new"      // no service so far
	Existing Who = "existing" // a service before
)

// Coupon is a discount code.
type Coupon struct {
	ID              ids.Coupon
	Code            string // as Fold writes it
	Kind            Kind
	RatePPM         int64  // of Percent
	AmountMinor     int64  // of Fixed and Price
	Currency        string // of AmountMinor; "" with the other kinds
	Terms           int    // how many terms it serves; 0: for ever
	Rules           Rules
	MaxUses         *int64 // orders; nil: no limit
	Used            int64
	OncePerCustomer bool
	From, To        time.Time // From zero: from now on; To exclusive, zero: open
	Version         int64     // 0 for a new one
}

// Rules say what it applies to. Empty lists are everything.
type Rules struct {
	Products []ids.Product `json:"products,omitempty"`
	Cycles   []string      `json:"cycles,omitempty"` // as period.Cycle prints: "1 month"
	Who      Who           `json:"who,omitempty"`
}

// Use is what decides whether a coupon may be used now.
type Use struct {
	Now         time.Time
	Currency    string
	NewCustomer bool
}

// Fold is how codes are stored and compared: without space, in capitals, wide and narrow letters alike. Letters of
// another script that look alike stay other letters.
func Fold(code string) string {
	code = strings.ToUpper(norm.NFKC.String(code))
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '\t' || r == '\u00a0' {
			return -1
		}
		return r
	}, strings.TrimSpace(code))
}

// Allows says whether the coupon may be used now, apart from what it covers. How often is left is asked again, and
// counted, by Redeem.
func (c Coupon) Allows(u Use) error {
	switch {
	case !c.From.IsZero() && u.Now.Before(c.From):
		return ErrEarly
	case !c.To.IsZero() && !u.Now.Before(c.To):
		return ErrOver
	case c.MaxUses != nil && c.Used >= *c.MaxUses:
		return ErrUsedUp
	case c.Currency != "" && c.Currency != u.Currency:
		return ErrCurrency
	case c.Rules.Who == New && !u.NewCustomer:
		return ErrNewOnly
	case c.Rules.Who == Existing && u.NewCustomer:
		return ErrOldOnly
	}
	return nil
}

// Covers says whether a product in a cycle may be discounted.
func (c Coupon) Covers(product ids.Product, cycle period.Cycle) bool {
	return (len(c.Rules.Products) == 0 || slices.Contains(c.Rules.Products, product)) &&
		(len(c.Rules.Cycles) == 0 || slices.Contains(c.Rules.Cycles, cycle.String()))
}

// Redemption is one use by one subscription.
type Redemption struct {
	ID           ids.Redemption
	Coupon       Coupon
	Customer     ids.Customer
	Order        ids.Order
	Subscription ids.Subscription
	ShareMinor   int64 // of Fixed: what was given to this subscription for good
	TermsLeft    int   // after the first; -1: for ever
	At           time.Time
}

// Redeeming asks to use a coupon for an order.
type Redeeming struct {
	Coupon   ids.Coupon
	Customer ids.Customer
	Order    ids.Order
	Shares   []Share // at least one
}

// Share is what one subscription gets of it.
type Share struct {
	Subscription ids.Subscription
	Minor        int64 // of Fixed
}

func (c *Coupon) check() error {
	bad := func(field, text string) error { return fault.New(fault.Invalid, "coupon_invalid", text).On(field) }
	if c.Code = Fold(c.Code); c.Code == "" || len(c.Code) > 80 || strings.ContainsFunc(c.Code, func(r rune) bool { return r < ' ' }) {
		return bad("code", "Write a code of 1 to 80 letters.")
	}
	switch c.Kind {
	case Percent:
		if c.RatePPM <= 0 || c.RatePPM > 1_000_000 {
			return bad("rate", "Write a discount above 0 and up to 100 percent.")
		}
	case Fixed, Price:
		if c.AmountMinor < 0 || (c.Kind == Fixed && c.AmountMinor == 0) || c.AmountMinor > 1_000_000_000_000 {
			return bad("amount", "Write an amount.")
		}
		if len(c.Currency) != 3 {
			return bad("currency", "Choose the currency of the amount.")
		}
	case FreeSetup:
	default:
		return bad("kind", "Choose what the coupon does.")
	}
	if c.Kind == Percent || c.Kind == FreeSetup {
		c.Currency, c.AmountMinor = "", 0
	}
	if c.Kind != Percent {
		c.RatePPM = 0
	}
	if c.Kind == FreeSetup {
		c.Terms = 1
	}
	switch {
	case c.Terms < 0 || c.Terms > 1000:
		return bad("terms", "Write for how many terms; 0 is for ever.")
	case c.MaxUses != nil && *c.MaxUses < 1:
		return bad("max_uses", "Write how often it may be used, or leave it empty.")
	case !c.To.IsZero() && !c.To.After(c.From):
		return bad("to", "Write an end after the beginning.")
	}
	for _, cycle := range c.Rules.Cycles {
		if _, err := period.ParseCycle(cycle); err != nil {
			return bad("cycles", "Choose terms that are sold.")
		}
	}
	switch c.Rules.Who {
	case "", Anybody, New, Existing:
		return nil
	}
	return bad("who", "Choose who may use it.")
}
