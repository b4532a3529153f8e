// Package subscription owns what a customer has: the product and its items, the cycle, the period that
// is billed and paid, why it is suspended, and the obligations that make double billing impossible.
// Prices belong to catalog, amounts to pricing, the account on the panel to provision.
// Start at Subscription; a renewal is read in obligation.go.
package subscription

import (
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/money"
	"time"
)

// ErrNotFound also answers for a subscription of somebody else.
var ErrNotFound = fault.New(fault.NotFound, "service_not_found", "That service does not exist.")

// ErrBilled: the period has an obligation already. Nothing was changed.
var ErrBilled = fault.New(fault.Conflict, "period_billed", "That period is billed already.")

// ErrChanged: another change came first. Read again and decide anew.
var ErrChanged = fault.New(fault.Conflict, "service_changed", "The service was changed meanwhile.")

// Subscription is one service of a customer.
type Subscription struct {
	ID        ids.Subscription
	Customer  ids.Customer
	Parent    ids.Subscription // "" unless an add-on
	Order     ids.Order
	Product   ids.Product
	Label     string // what the customer calls it, usually the host name
	Status    Status
	Currency  string
	Cycle     period.Cycle
	Anchor    period.Day // boundary number 0; zero for one-time products
	AnchorDay int        // day of month that the anchor wants; 31 survives a start in February
	PeriodNo  int        // last billed term
	BilledTo  period.Day // first day that no obligation covers
	PaidTo    period.Day // first day that is not paid
	BillOn    period.Day // day of the next renewal invoice; zero: none
	CancelOn  period.Day // ends on that day; zero: goes on
	EndedOn   period.Day
	EndReason EndReason
	Checkout  form.Values // what the customer chose, by the panel's field names
	Created   time.Time
	Version   int64
}

// Renews says whether another term will be billed.
func (s Subscription) Renews() bool {
	return (s.Status == Active || s.Status == Suspended) && !s.BillOn.IsZero()
}

// Item is one priced part: the plan, an option, or what staff added.
type Item struct {
	ID                   ids.Item
	Subscription         ids.Subscription
	Kind                 ItemKind
	Owner                string // product, choice or option that the price belongs to
	Text                 string
	Price                ids.Price // pinned: a later price of the catalogue does not touch it
	QtyMicro             int64     // millionths
	Override             *money.Amount
	OverrideReason       string
	OverrideDiscountable bool
	TaxClass             string
	EndedOn              period.Day
}

// ItemKind is plan or option.
type ItemKind string

// Kinds of items.
const (
	PlanItem   ItemKind = "plan"
	OptionItem ItemKind = "option"
)

// Opening is all that a new subscription needs. The first obligations are given with Oblige in the same transaction.
type Opening struct {
	ID        ids.Subscription // "" draws one; checkout draws it before, so that a coupon's share can name it
	Customer  ids.Customer
	Parent    ids.Subscription
	Order     ids.Order
	Product   ids.Product
	Label     string
	Currency  string
	Cycle     period.Cycle
	Anchor    period.Day
	AnchorDay int
	Items     []Item
	Checkout  form.Values
	PeriodNo  int        // last term that the first invoice bills
	BilledTo  period.Day // its end
	BillOn    period.Day // zero: never renews
}

// EndReason says why a subscription ended.
type EndReason string

// The reasons.
const (
	Cancelled EndReason = "cancelled"
	Unpaid    EndReason = "unpaid"
	Fraud     EndReason = "fraud"
	Refused   EndReason = "refused"
	Replaced  EndReason = "replaced"
	Finished  EndReason = "finished"
)

// Cause says why a subscription is suspended. It runs again once no cause is open.
type Cause string

// The causes.
const (
	CauseUnpaid  Cause = "unpaid"
	CauseStaff   Cause = "staff"
	CauseAbuse   Cause = "abuse"
	CauseDispute Cause = "dispute"
	CauseTraffic Cause = "traffic"
)

// Suspension is one reason why a service is down.
type Suspension struct {
	Subscription ids.Subscription
	Cause        Cause
	Ref          string // the unpaid invoice, the dispute; "" for staff
	Reason       string
	Actor        string
	Opened       time.Time
	Closed       time.Time // zero while open
}
