package order

import "github.com/ezscale/bursar/core/base/states"

// Status of an order.
type Status string

// The statuses, as the customer meets them.
const (
	Pending   Status = "pending"   // placed; waits for what the product's policy wants, usually the payment
	InReview  Status = "review"    // somebody looks at it first
	Active    Status = "active"    // accepted: it is being delivered, or was
	Cancelled Status = "cancelled" // will not be delivered
	Fraud     Status = "fraud"     // refused
)

// Action is what may happen to an order.
type Action string

// The actions.
const (
	Review  Action = "review"
	Approve Action = "approve"
	Refuse  Action = "refuse"
	Accept  Action = "accept"
	Cancel  Action = "cancel"
)

// life is everything that may happen to an order.
var life = states.Table[Status, Action]{
	Pending:   {Review: InReview, Accept: Active, Cancel: Cancelled},
	InReview:  {Approve: Pending, Refuse: Fraud, Cancel: Cancelled},
	Active:    {},
	Cancelled: {},
	Fraud:     {},
}

// Allows says whether a page may offer the action.
func (o Order) Allows(a Action) bool { return life.Allows(o.Status, a) }
