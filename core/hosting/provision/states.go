package provision

import "github.com/ezscale/bursar/core/base/states"

// State of an operation.
type State string

// The states.
const (
	Queued  State = "queued"  // saved; the panel has not heard of it
	Calling State = "calling" // a call is open, or its answer was lost
	Running State = "running" // the panel is at it; called again at Next
	Done    State = "done"
	Failed  State = "failed"  // the panel refused: staff decides
	Stuck   State = "stuck"   // nobody can say what became of it, or it took too long: staff decides
	Dropped State = "dropped" // replaced by a retry
)

// Action is what may happen to an operation.
type Action string

// The actions.
const (
	Ask    Action = "ask"
	Answer Action = "answer"
	Finish Action = "finish"
	Fail   Action = "fail"
	Park   Action = "park"
	Retry  Action = "retry"
	Drop   Action = "drop"
)

// life is everything that may happen to an operation.
var life = states.Table[State, Action]{
	Queued:  {Ask: Calling, Fail: Failed, Finish: Done, Park: Stuck},
	Calling: {Ask: Calling, Answer: Running, Finish: Done, Fail: Failed, Park: Stuck},
	Running: {Ask: Calling, Finish: Done, Fail: Failed, Park: Stuck},
	Failed:  {Retry: Queued, Drop: Dropped},
	Stuck:   {Retry: Running, Drop: Dropped},
	Done:    {},
	Dropped: {},
}

// Open says whether the operation still has work before it.
func (s State) Open() bool { return s == Queued || s == Calling || s == Running }

// Allows says whether a page may offer the action.
func (o Operation) Allows(a Action) bool { return life.Allows(o.State, a) }
