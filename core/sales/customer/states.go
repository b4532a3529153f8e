package customer

import "github.com/ezscale/bursar/core/base/states"

// Status of a customer.
type Status string

// The statuses, as the customer meets them.
const (
	Active Status = "active" // may order and sign in
	Closed Status = "closed" // may not order; what is owed stays owed, documents stay readable
)

// Action is what may happen to a customer.
type Action string

// The actions.
const (
	Close  Action = "close"
	Reopen Action = "reopen"
)

// life is everything that may happen to a customer.
var life = states.Table[Status, Action]{
	Active: {Close: Closed},
	Closed: {Reopen: Active},
}

// Allows says whether a page may offer the action.
func (c Customer) Allows(a Action) bool { return life.Allows(c.Status, a) }
