// Package dunning decides what follows when an invoice is not paid: charges of a saved method,
// reminders, suspension, termination, giving up. It owns the ladder, the steps taken and the holds;
// it neither charges nor suspends: core/flow does, and records the step here in the same transaction.
// Start at Ladder, then Due.
package dunning

import (
	"slices"

	"github.com/ezscale/bursar/core/base/period"
)

// Ladder is a schedule of steps, in days from the due day of an invoice.
// The zero Ladder does nothing; Default is what a new installation has.
type Ladder struct {
	Notices        []Notice `json:"notices"`         // in order of Offset; the last one before suspension is the final notice
	Charges        []int    `json:"charges"`         // days on which a saved method is charged, ascending
	MaxAttempts    int      `json:"max_attempts"`    // charges of one invoice in all; a method that is saved anew is charged beyond them
	SuspendAfter   int      `json:"suspend_after"`   // X: suspension, days after due; 0: never
	TerminateAfter int      `json:"terminate_after"` // Y: termination, days after the suspension; 0: never
	EndingBefore   int      `json:"ending_before"`   // the notice that names the termination day goes out so many days before it
	NoticeDays     int      `json:"notice_days"`     // m: least days between a notice and what it announces
	GiveUpAfter    int      `json:"give_up_after"`   // the invoice becomes uncollectible, days after due; 0: never
}

// Notice is one reminder. Offset is negative before the due day.
type Notice struct {
	Name   string `json:"name"`
	Offset int    `json:"offset"`
}

// Names of the steps that the code itself knows. Other notices have names of their own.
const (
	Upcoming  = "upcoming"
	Final     = "final"
	Suspend   = "suspend"
	Ending    = "ending"
	Terminate = "terminate"
	GiveUp    = "give_up"
)

// Default is the ladder of a new installation.
func Default() Ladder {
	return Ladder{
		Notices:        []Notice{{Upcoming, -7}, {"overdue1", 1}, {"overdue2", 3}, {Final, 5}},
		Charges:        []int{0, 1, 3, 6},
		MaxAttempts:    4,
		SuspendAfter:   7,
		TerminateAfter: 23,
		EndingBefore:   7,
		NoticeDays:     2,
		GiveUpAfter:    90,
	}
}

// Result says how a step ended.
type Result string

// Results of steps. Charges end with their decline class or "ok".
const (
	Done        Result = "done"
	Skipped     Result = "skipped"     // its day passed while it could not run
	Dropped     Result = "dropped"     // a charge day that passed while there was no usable method
	Unavailable Result = "unavailable" // the gateway surely did nothing: counts as no charge
)

// Kind of a step.
type Kind string

// The kinds, in the order in which one day's steps are taken.
const (
	ChargeKind    Kind = "charge"
	NoticeKind    Kind = "notice"
	SuspendKind   Kind = "suspend"
	EndingKind    Kind = "ending"
	TerminateKind Kind = "terminate"
	GiveUpKind    Kind = "give_up"
)

// Step is one thing to do today. Name is its key for ever within the invoice: done once.
// Result is Skipped or Dropped where the step is only written down.
type Step struct {
	Kind   Kind
	Name   string
	Result Result
}

// Taken is a step in the past.
type Taken struct {
	Result Result
	On     period.Day
}

// State is all that decides what is due on one overdue or coming invoice.
type State struct {
	Issued      period.Day
	Due         period.Day
	Steps       map[string]Taken
	Chargeable  bool       // a saved method exists that is not blocked
	NewMethodOn period.Day // day on which a method was saved on or after the due day; zero: none
	Suspendable bool       // an unsuspended subscription hangs on the invoice
	Holds       []Hold
}

// What a hold stops.
const (
	HoldCharge    = "charge"
	HoldRemind    = "remind"
	HoldSuspend   = "suspend"
	HoldTerminate = "terminate"
	HoldLateFee   = "late_fee"
	HoldAll       = "all"
)

// Hold keeps steps of one kind waiting, From to Until inclusive; a zero Until has no end.
type Hold struct {
	What        string
	From, Until period.Day
}

// Due says what is to be done today, in order. It is empty when all is done or waits.
// Nothing of it may be done without Record succeeding in the same transaction.
func (l Ladder) Due(s State, today period.Day) []Step {
	var steps []Step
	if _, over := s.Steps[GiveUp]; over {
		return nil
	}
	if !s.held(HoldCharge, today) {
		steps = append(steps, l.charges(s, today)...)
	}
	suspended, isDown := s.took(Suspend)
	if !isDown && !s.held(HoldRemind, today) {
		steps = append(steps, l.notices(s, today)...)
	}
	if !isDown && s.Suspendable && !s.held(HoldSuspend, today) && l.maySuspend(s, today) {
		steps = append(steps, Step{Kind: SuspendKind, Name: Suspend, Result: Done})
	}
	_, gone := s.took(Terminate)
	if isDown && !gone && l.TerminateAfter > 0 {
		ending, announced := s.took(Ending)
		if !announced && !s.held(HoldRemind, today) && !today.Before(suspended.Add(l.TerminateAfter-l.EndingBefore)) {
			steps = append(steps, Step{Kind: EndingKind, Name: Ending, Result: Done})
		}
		if announced && !s.held(HoldTerminate, today) {
			on := latest(suspended.Add(l.TerminateAfter), ending.Add(l.NoticeDays))
			if !today.Before(on) {
				steps = append(steps, Step{Kind: TerminateKind, Name: Terminate, Result: Done})
			}
		}
	}
	if l.GiveUpAfter > 0 && !today.Before(s.Due.Add(l.GiveUpAfter)) && !s.held(HoldAll, today) {
		steps = append(steps, Step{Kind: GiveUpKind, Name: GiveUp, Result: Done})
	}
	return steps
}

// charges are those whose day has come: the latest is made, the earlier are written down as skipped.
func (l Ladder) charges(s State, today period.Day) []Step {
	var due []string
	made := 0
	for name, t := range s.Steps {
		if isCharge(name) && t.Result != Skipped && t.Result != Dropped && t.Result != Unavailable {
			made++
		}
	}
	for _, offset := range l.Charges {
		name := chargeName(offset)
		if _, done := s.Steps[name]; !done && !today.Before(s.Due.Add(offset)) {
			due = append(due, name)
		}
	}
	steps := make([]Step, 0, len(due)+1)
	write := func(names []string, r Result) {
		for _, name := range names {
			steps = append(steps, Step{Kind: ChargeKind, Name: name, Result: r})
		}
	}
	switch fresh := newMethodName(s.NewMethodOn); {
	case !s.Chargeable:
		write(due, Dropped)
	case !s.NewMethodOn.IsZero() && !s.NewMethodOn.Before(s.Due) && !s.NewMethodOn.After(today) && !s.has(fresh):
		write(due, Dropped)
		write([]string{fresh}, Done)
	case made >= l.MaxAttempts:
		write(due, Dropped)
	case len(due) > 0:
		write(due[:len(due)-1], Skipped)
		write(due[len(due)-1:], Done)
	}
	return steps
}

// notices are those whose day has come: only the latest goes out.
func (l Ladder) notices(s State, today period.Day) []Step {
	var due []Step
	for _, n := range l.Notices {
		on := s.Due.Add(n.Offset)
		if s.has(n.Name) || today.Before(on) {
			continue
		}
		if n.Offset < 0 && (!today.Before(s.Due) || on.Before(s.Issued)) {
			continue // too late to announce, or the invoice itself came later
		}
		due = append(due, Step{Kind: NoticeKind, Name: n.Name, Result: Skipped})
	}
	if len(due) > 0 {
		due[len(due)-1].Result = Done
	}
	return due
}

// maySuspend: never without a final notice that the customer had time to read.
func (l Ladder) maySuspend(s State, today period.Day) bool {
	final, sent := s.took(Final)
	return sent && l.SuspendAfter > 0 && !today.Before(latest(s.Due.Add(l.SuspendAfter), final.Add(l.NoticeDays)))
}

// SuspendOn is the earliest day of suspension, for the final notice to name.
func (l Ladder) SuspendOn(due, finalSent period.Day) period.Day {
	return latest(due.Add(l.SuspendAfter), finalSent.Add(l.NoticeDays))
}

// TerminateOn is the earliest day of termination, for the ending notice to name.
func (l Ladder) TerminateOn(suspended, endingSent period.Day) period.Day {
	return latest(suspended.Add(l.TerminateAfter), endingSent.Add(l.NoticeDays))
}

// Earliest is the first offset at which anything can be due: the run looks at invoices from then on.
func (l Ladder) Earliest() int {
	first := 0
	for _, n := range l.Notices {
		first = min(first, n.Offset)
	}
	return first
}

// took answers the day of a step that was really done.
func (s State) took(name string) (period.Day, bool) {
	t, ok := s.Steps[name]
	return t.On, ok && t.Result == Done
}

func (s State) has(name string) bool {
	_, ok := s.Steps[name]
	return ok
}

func (s State) held(what string, today period.Day) bool {
	return slices.ContainsFunc(s.Holds, func(h Hold) bool {
		return (h.What == what || h.What == HoldAll) && !today.Before(h.From) && (h.Until.IsZero() || !today.After(h.Until))
	})
}

func latest(a, b period.Day) period.Day {
	if a.Before(b) {
		return b
	}
	return a
}
