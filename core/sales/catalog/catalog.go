// Package catalog owns what is sold: groups, products, options and their choices, every version of every price,
// stock, currencies and exchange rates. What a cart costs belongs to pricing, what a customer has to subscription.
// Start at Shop, the whole catalogue in memory; changes are in edit.go and prices.go.
package catalog

import (
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
)

// What may be refused.
var (
	ErrNotFound       = fault.New(fault.NotFound, "product_not_found", "That product does not exist.")
	ErrGroupNotFound  = fault.New(fault.NotFound, "group_not_found", "That group of products does not exist.")
	ErrOptionNotFound = fault.New(fault.NotFound, "option_not_found", "That option does not exist.")
	ErrPriceNotFound  = fault.New(fault.NotFound, "price_not_found", "That price does not exist.")
	ErrNoRate         = fault.New(fault.NotFound, "rate_not_found", "There is no exchange rate for that day.")
	// ErrSoldOut: there are not as many left. Nothing was taken.
	ErrSoldOut = fault.New(fault.Declined, "sold_out", "This product is sold out.")
	// ErrChanged: another change came first. Read again and decide anew.
	ErrChanged = fault.New(fault.Conflict, "product_changed", "This product was changed meanwhile. Please look again.")
	// ErrPriceOrder: prices are added after those that there are; what was once sold at a price stays so.
	ErrPriceOrder = fault.New(fault.Conflict, "price_order", "A price cannot begin before the one that it follows, nor in the past.")
)

// Group is a part of the shop with a page of its own.
type Group struct {
	ID             ids.Group
	Slug           string // in the address: vps
	Kind           string // vps, dedicated, hosting, game, other
	Name, Headline string
	Body           string // Markdown
	Sort           int
	Hidden         bool // not in menus; its page can still be visited
}

// SetupPolicy says when a service is set up.
type SetupPolicy string

// The policies.
const (
	SetupOnOrder    SetupPolicy = "order"
	SetupOnPayment  SetupPolicy = "payment"
	SetupOnApproval SetupPolicy = "approval"
	SetupManual     SetupPolicy = "manual"
)

// Product is one thing that is sold.
type Product struct {
	ID            ids.Product
	Group         ids.Group
	Slug          string // unique over all groups
	Name, Tagline string
	Features      []string // one a line, for people
	Status        Status
	Sort          int
	Marked        bool   // shown as the one to take
	Free          *int64 // how many are left, at most a second old; nil: no limit. Set with SetStock
	CustomerLimit int    // how many one customer may have; 0: no limit
	TaxClass      string // of the tax table
	Setup         SetupPolicy
	Change        string // how a change of plan is charged: real_days, full_difference, at_renewal, restart_cycle
	TrialDays     int
	AnchoredDay   int         // day of the month on which every term begins; 0: the day of the order
	JoinDays      int         // a first part shorter than this is billed together with the first term
	Panel         string      // label of the panel's instance; "" is set up by hand
	Values        form.Values // the panel's product form
	Ladder        ids.Ladder  // of dunning; "" is the default one
	Version       int64       // of the row without stock; 0 for a new one
}

// CanOrder says whether a customer may order it. A hidden product is ordered by its address only.
func (p Product) CanOrder() bool { return p.Status == Public || p.Status == Hidden }

// OptionKind says how an option is answered.
type OptionKind string

// The kinds. Prices of a Choice option belong to its choices; those of the other two to the option: a quantity
// pays for each unit.
const (
	Choices  OptionKind = "choice"
	Quantity OptionKind = "quantity"
	YesNo    OptionKind = "yesno"
)

// Option is what a customer may choose about a product.
type Option struct {
	ID                ids.Option
	Product           ids.Product
	Field             string // field of the panel's checkout form that the answer fills; "" is none
	Kind              OptionKind
	Label, Help, Unit string
	Least, Most, Step int64 // of a quantity
	Changeable        bool  // later, by the customer
	Needed            bool
	Sort              int
	Choices           []Choice // sorted
}

// Choice is one answer to an option.
type Choice struct {
	ID    ids.Choice
	Value string // what the panel is given
	Label string
	Sort  int
}

// Choice finds a choice of the option.
func (o Option) Choice(id ids.Choice) (Choice, bool) {
	for _, c := range o.Choices {
		if c.ID == id {
			return c, true
		}
	}
	return Choice{}, false
}

// IsAmount says whether a quantity is within the option's bounds and steps.
func (o Option) IsAmount(n int64) bool {
	return n >= o.Least && n <= o.Most && (n-o.Least)%max(o.Step, 1) == 0
}

// Price is one version of a price. It never changes but for its end.
type Price struct {
	ID         ids.Price
	Owner      string // product, option or choice
	Cycle      period.Cycle
	Currency   string
	Amount     int64  // minor units for Per units, each term
	Per        int64  // 3.50 for 1,000 GB has Per 1000
	Setup      int64  // once, minor units
	First      *int64 // instead of Amount in the first terms; nil: no other
	FirstTerms int
	Inclusive  bool      // contains tax
	From, To   time.Time // To exclusive; zero: open
}

// IsAt says whether the price is the one of a time.
func (p Price) IsAt(at time.Time) bool {
	return !at.Before(p.From) && (p.To.IsZero() || at.Before(p.To))
}

// same says whether two versions cost the same.
func (p Price) same(o Price) bool {
	if (p.First == nil) != (o.First == nil) || p.First != nil && *p.First != *o.First {
		return false
	}
	return p.Amount == o.Amount && p.Per == o.Per && p.Setup == o.Setup && p.FirstTerms == o.FirstTerms && p.Inclusive == o.Inclusive
}

// Currency is one that we know.
type Currency struct {
	Code     string
	Exponent int   // decimals by ISO 4217
	Step     int64 // what is to pay is a multiple of it, minor units
	Active   bool  // prices may be shown in it
}

// Rate is what a unit of a currency is worth in the base currency from a time on.
type Rate struct {
	ID             ids.Rate
	Currency, Base string
	Pico           int64 // times 10^12
	From           time.Time
	Source         string
}

// One is the rate of a currency to itself.
const One int64 = 1_000_000_000_000
