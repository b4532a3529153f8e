// Package inbox owns what vendors told us by webhook: the verified request, raw, and what it means, kept before anybody is
// answered and applied by a job afterwards. The same event of an instance is kept once. What it does is core/flow's
// affair; money is told apart by its own keys, for an event may come under two IDs. Start at Service.Keep.
package inbox

import (
	"time"

	"github.com/ezscale/bursar/core/base/states"
	"github.com/ezscale/bursar/sdk/fault"
)

// ErrNotFound is an unknown entry.
var ErrNotFound = fault.New(fault.NotFound, "webhook_not_found", "That event does not exist.")

// The states of an entry.
const (
	Fresh   = "new"     // kept, not applied
	Applied = "applied" // what it says is done
	Ignored = "ignored" // nothing of ours
	Waiting = "waiting" // about something that we do not know yet
	Failed  = "failed"  // it cannot be applied: staff must look
)

// life is everything that may happen to an entry; an action is the state that it leads to.
var life = states.Table[string, string]{
	Fresh:   {Applied: Applied, Ignored: Ignored, Waiting: Waiting, Failed: Failed},
	Waiting: {Applied: Applied, Ignored: Ignored, Waiting: Waiting, Failed: Failed},
	Failed:  {Applied: Applied, Ignored: Ignored, Waiting: Waiting, Failed: Failed},
	Ignored: {Ignored: Ignored},
	Applied: {Applied: Applied},
}

// Entry is one event. Its raw bytes and its meaning are read by Get only.
type Entry struct {
	ID       int64
	Instance string
	EventID  string // the vendor's
	Raw      []byte // the body of the request
	Meaning  []byte // JSON, as Keep was given it
	State    string
	Note     string // why it is in this state, for staff
	Received time.Time
	Applied  time.Time // when it was applied, ignored or given up; zero before
}

// Filter narrows a list. Zero fields do not.
type Filter struct {
	Instance string
	States   []string
	Query    string // a whole event ID, or part of the note
	Sort     string // "newest" (default) or "oldest"
	After    string // Next of the last page
	Limit    int    // 1 to 200; 0 is 50
}

// Page is one page of a list. Next "" is the end; Total counts the whole filter.
type Page struct {
	List  []Entry
	Next  string
	Total int
}
