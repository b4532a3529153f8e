package coupon

import "github.com/ezscale/bursar/core/base/states"

// State of a redemption.
type State string

// The states, as the customer meets them.
const (
	Live     State = "live"     // counted; serves renewals while it has terms left
	Released State = "released" // the order was cancelled: the code may be used again
)

// Action is what may happen to a redemption.
type Action string

// GiveBack is the only one.
const GiveBack Action = "give_back"

// life is everything that may happen to a redemption.
var life = states.Table[State, Action]{
	Live:     {GiveBack: Released},
	Released: {},
}
