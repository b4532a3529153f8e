// Package coupon owns discount codes: who may use them, on what, how often, and who did. What a code takes off an
// amount is calculated by pricing. Start at Coupon.Allows; uses are in redeem.go.
package coupon

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
)

// Kind says what a coupon does. The words are those of pricing.
type Kind string

// The kinds.
const (
	Percent   Kind = "percent"    // RatePPM off each line
	Fixed     Kind = "fixed"      // AmountMinor off the lines together
	Price     Kind = "price"      // recurring lines cost AmountMinor each
	FreeSetup Kind = "free_setup" // set-up fees cost nothing
)

// Who may use a coupon.
type Who = string

// The kinds of customers. "" is Anybody.
const (
	Anybody  Who = "any"
	NewOnly  Who = "new"      // never had a service
	Existing Who = "existing" // has or had one
)

// Coupon is a discount code.
type Coupon struct {
	ID              ids.Coupon
	Code            string // as Fold writes it
	Kind            Kind
	RatePPM         int64  // of Percent
	AmountMinor     int64  // of Fixed and Price
	Currency        string // of AmountMinor; else "" for any
	Terms           int    // for how many terms of each service, the first included; 0: for ever. FreeSetup has one
	Rules           Rules
	MaxUses         *int64 // orders that may use it; nil: any number
	Used            int64  // orders that did
	OncePerCustomer bool
	From, To        time.Time // To exclusive; zero: no end
	Version         int64
}

// Rules say what a coupon is good for. What is empty does not matter.
type Rules struct {
	Products []ids.Product `json:"products,omitempty"`
	Cycles   []string      `json:"cycles,omitempty"` // as period.Cycle prints itself
	Who      Who           `json:"who,omitempty"`
	Needs    []ids.Product `json:"needs,omitempty"` // one of them must be in the cart, or had
	Note     string        `json:"note,omitempty"`  // for staff
}

// Use is who wants to use a coupon, and when.
type Use struct {
	Now         time.Time
	Currency    string
	NewCustomer bool          // never had a service
	Has         []ids.Product // in the cart or had already, for Rules.Needs
}

// Fold is the form in which codes are stored and compared: capital letters, no spaces, one form of each letter.
// Letters that only look alike stay different.
func Fold(code string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) || unicode.IsControl(r) {
			return -1
		}
		return unicode.ToUpper(r)
	}, norm.NFKC.String(code))
}

// Allows says whether the coupon may be used now, by this customer. What it is good for is asked line by line with
// Covers; whether it was used up meanwhile is decided by Redeem.
//
// Errors, all Declined on "coupon": ErrEarly, ErrExpired, ErrUsedUp, ErrCurrency, ErrNewOnly, ErrExisting, ErrNeeds.
func (c Coupon) Allows(u Use) error {
	switch {
	case u.Now.Before(c.From):
		return ErrEarly
	case !c.To.IsZero() && !u.Now.Before(c.To):
		return ErrExpired
	case c.MaxUses != nil && c.Used >= *c.MaxUses:
		return ErrUsedUp
	case c.Currency != "" && c.Currency != u.Currency:
		return ErrCurrency
	case c.Rules.Who == NewOnly && !u.NewCustomer:
		return ErrNewOnly
	case c.Rules.Who == Existing && u.NewCustomer:
		return ErrExisting
	case len(c.Rules.Needs) > 0 && !slices.ContainsFunc(c.Rules.Needs, func(p ids.Product) bool { return slices.Contains(u.Has, p) }):
		return ErrNeeds
	}
	return nil
}

// Covers says whether the coupon is good for a product in a cycle. A cart of which it covers nothing is refused
// with ErrProducts.
func (c Coupon) Covers(product ids.Product, cycle period.Cycle) bool {
	return (len(c.Rules.Products) == 0 || slices.Contains(c.Rules.Products, product)) &&
		(len(c.Rules.Cycles) == 0 || slices.Contains(c.Rules.Cycles, cycle.String()))
}

// worth is what may not change once somebody relies on it.
func (c Coupon) worth() [4]any { return [4]any{c.Kind, c.RatePPM, c.AmountMinor, c.Currency} }
