package subscription

import "github.com/ezscale/bursar/core/base/states"

// Status of a subscription.
type Status string

// The statuses, as the customer meets them.
const (
	Pending   Status = "pending"   // ordered, not yet delivered
	Active    Status = "active"    // in use
	Suspended Status = "suspended" // kept, but out of reach until the cause is gone
	Ended     Status = "ended"     // over; nothing brings it back
)

// Action is what may happen to a subscription.
type Action string

// The actions.
const (
	Activate  Action = "activate"
	Renew     Action = "renew"
	Suspend   Action = "suspend"
	Resume    Action = "resume"
	Change    Action = "change"
	Cancel    Action = "cancel"
	Terminate Action = "terminate"
	End       Action = "end"
)

// life is everything that may happen to a subscription.
var life = states.Table[Status, Action]{
	Pending:   {Activate: Active, Cancel: Ended},
	Active:    {Renew: Active, Suspend: Suspended, Change: Active, End: Ended},
	Suspended: {Resume: Active, Renew: Suspended, Change: Suspended, Terminate: Ended, End: Ended},
	Ended:     {},
}

// Allows says whether a page may offer the action.
func (s Subscription) Allows(a Action) bool { return life.Allows(s.Status, a) }
