// Package pricing owns the one calculation that makes amounts of prices: price, discount, proration, tax
// and total of each line. Cart, order, invoice, preview, plan and replay all call Quote, so that none of
// them can disagree. It reads nothing: catalog, coupon and tax say what goes in. Start at Quote.
package pricing

import (
	"fmt"

	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/money"
)

// Limit is the largest amount that is accepted, in minor units.
const Limit int64 = 1_000_000_000_000_000

// Micro is one piece, as quantities count.
const Micro int64 = 1_000_000

// ErrInput is an input that has no price: no currency, a tax group that is not given, days out of range,
// an amount over Limit, a total below zero. Its cause says which.
var ErrInput = fault.New(fault.Invalid, "quote_impossible", "This cannot be priced.")

// Mode says whether prices are printed with tax.
type Mode string

// The modes. "" is Exclusive.
const (
	Exclusive Mode = "exclusive"
	Inclusive Mode = "inclusive"
)

// Kind of a line.
type Kind string

// The kinds of lines that the rules tell apart; others are priced like Once.
const (
	Recurring Kind = "recurring" // the plan
	Option    Kind = "option"
	Setup     Kind = "setup" // never prorated
	Once      Kind = "once"
	Usage     Kind = "usage"
	LateFee   Kind = "late_fee"
)

// CouponKind says what a coupon does.
type CouponKind string

// The kinds of coupons.
const (
	Percent   CouponKind = "percent"    // RatePPM off every eligible line
	Fixed     CouponKind = "fixed"      // Amount off the eligible lines together
	Price     CouponKind = "price"      // recurring lines cost Unit each
	FreeSetup CouponKind = "free_setup" // set-up lines cost nothing
)

// Days is the part of a period that is charged.
type Days struct{ Used, Full int }

// LineIn is one thing to be priced.
type LineIn struct {
	Key                  string // names the line within the input
	Kind                 Kind
	Unit                 int64  // price in minor units for Per units; of the override, if there is one
	Qty                  int64  // in millionths; 0 means one
	Per                  int64  // 0 means 1
	Override             *int64 // replaces Unit; coupons leave the line alone
	OverrideDiscountable bool   // coupons reduce the overridden price too
	Days                 Days   // zero: the full period
	Tax                  string // key of Input.Taxes
}

// CouponIn is the coupon of an order or of a subscription.
type CouponIn struct {
	Kind    CouponKind
	RatePPM int64    // of Percent
	Amount  int64    // of Fixed, minor units; at a renewal the subscription's frozen share
	Unit    int64    // of Price, minor units for one piece
	On      []string // keys of the eligible lines; nil means all
}

// Component is one tax of a group.
type Component struct {
	Code     string
	RatePPM  int64
	Compound bool // counts on top of the components before it
}

// TaxIn is a group of taxes, as decided for one class and buyer.
type TaxIn struct {
	Category   string // of EN 16931: S, Z, E, AE, K, G, O
	Components []Component
	HomePPM    int64 // rate that inclusive prices contain, taken off where no tax is due; 0 keeps the printed price
}

// Input is everything that amounts follow from.
type Input struct {
	Currency string
	Mode     Mode
	Step     int64 // payable amounts are multiples of it, minor units; 0 means 1
	Lines    []LineIn
	Coupon   *CouponIn
	Taxes    map[string]TaxIn
}

// LineOut is a priced line, in minor units: List − Discount = Amount, which is Net, or Net + Tax if
// prices include tax.
type LineOut struct {
	Key                              string
	List, Discount, Amount, Net, Tax int64
	share                            *int64 // of a fixed coupon, for the record
	exactList, exactAmount           fraction
}

// TaxOut is one tax of one group over all its lines.
type TaxOut struct {
	Group, Code, Category string
	RatePPM               int64
	Compound              bool
	Base, Tax             int64 // minor units
}

// Result is the answer: lines as given, taxes in the order in which lines name them.
type Result struct {
	Currency                  string
	Lines                     []LineOut
	Taxes                     []TaxOut
	Net, Tax, Rounding, Total int64 // Total = Net + Tax + Rounding
}

// Payable is Total as money.
func (q Result) Payable() money.Amount { return money.Of(q.Total, q.Currency) }

func refuse(format string, args ...any) error { return ErrInput.Because(fmt.Errorf(format, args...)) }

func (in Input) check() error {
	if in.Currency == "" {
		return refuse("no currency")
	}
	if in.Step < 0 {
		return refuse("step %d", in.Step)
	}
	for i := range in.Lines {
		l := &in.Lines[i]
		if magnitude(l.Unit) > uint64(Limit) || l.Override != nil && magnitude(*l.Override) > uint64(Limit) || l.Qty < 0 || l.Qty > Limit || l.Per < 0 {
			return refuse("line %s: unit %d, quantity %d, per %d", l.Key, l.Unit, l.Qty, l.Per)
		}
		if d := l.Days; d != (Days{}) && (d.Used < 0 || d.Full < 1 || d.Used > d.Full) {
			return refuse("line %s: %d of %d days", l.Key, d.Used, d.Full)
		}
		if _, ok := in.Taxes[l.Tax]; !ok {
			return refuse("line %s: no tax group %q", l.Key, l.Tax)
		}
	}
	for key, t := range in.Taxes {
		if t.HomePPM < 0 || t.HomePPM > 10*Micro {
			return refuse("tax group %s: home rate %d", key, t.HomePPM)
		}
		for _, c := range t.Components {
			if c.RatePPM < 0 || c.RatePPM > 10*Micro {
				return refuse("tax %s: rate %d", c.Code, c.RatePPM)
			}
		}
	}
	if c := in.Coupon; c != nil && (c.RatePPM < 0 || c.RatePPM > Micro || c.Amount < 0 || c.Unit < 0) {
		return refuse("coupon: rate %d, amount %d, unit %d", c.RatePPM, c.Amount, c.Unit)
	}
	return nil
}
