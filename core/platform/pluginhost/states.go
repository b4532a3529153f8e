package pluginhost

import "github.com/ezscale/bursar/core/base/states"

// State is how a plugin's program stands.
type State string

// The states.
const (
	Off         State = "off"         // not wanted: by the file, by staff or at the end
	Starting    State = "starting"    // its program was started and has not said what it is
	Healthy     State = "healthy"     // it answers
	Restarting  State = "restarting"  // it ended or said nothing sensible; it is started again after a wait
	Failed      State = "failed"      // it must not be started: staff has to change something
	Quarantined State = "quarantined" // it ended too often; staff lifts it
)

// Open is what Status shows instead of Healthy when an instance's breaker is open: it answers, but its vendor does not.
const Open State = "open"

// Ready is the state of an instance that can be called.
const Ready = "ready"

// Act is what happens to a plugin's program.
type Act string

// What may happen.
const (
	start      Act = "start"
	answer     Act = "answer"
	lose       Act = "lose"
	refuse     Act = "refuse"
	quarantine Act = "quarantine"
	switchOff  Act = "switch off"
)

// life is everything that may happen to a plugin's program.
var life = states.Table[State, Act]{
	Off:         {start: Starting, refuse: Failed},
	Starting:    {answer: Healthy, lose: Restarting, refuse: Failed, switchOff: Off},
	Healthy:     {lose: Restarting, switchOff: Off},
	Restarting:  {answer: Healthy, lose: Restarting, refuse: Failed, quarantine: Quarantined, switchOff: Off},
	Failed:      {switchOff: Off},
	Quarantined: {switchOff: Off},
}
