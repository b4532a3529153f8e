package notify

import "github.com/ezscale/bursar/core/base/states"

// State of a message.
type State string

// The states.
const (
	Queued  State = "queued"
	Sending State = "sending" // handed over, or the answer was lost
	Sent    State = "sent"
	Failed  State = "failed"  // refused: the address, the channel or our account
	Unsure  State = "unsure"  // nobody can say whether it went out: staff decides
	Bounced State = "bounced" // came back later
)

// Action is what may happen to a message.
type Action string

// The actions.
const (
	Hand   Action = "hand"
	Wait   Action = "wait"
	Finish Action = "finish"
	Fail   Action = "fail"
	Park   Action = "park"
	Return Action = "return"
)

// life is everything that may happen to a message.
var life = states.Table[State, Action]{
	Queued:  {Hand: Sending, Fail: Failed},
	Sending: {Hand: Sending, Wait: Sending, Finish: Sent, Fail: Failed, Park: Unsure, Return: Bounced},
	Sent:    {Return: Bounced},
	Unsure:  {Finish: Sent, Return: Bounced},
	Failed:  {},
	Bounced: {},
}
