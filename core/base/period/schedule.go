package period

import "time"

// Schedule gives every boundary of a subscription from one anchor, so that a short month never changes
// the months after it: 31 January, 28 February, 31 March.
type Schedule struct {
	Cycle  Cycle
	Anchor Day // boundary 0: the first day of term 1
	DOM    int // day of the month that boundaries want; 31 survives a start in February
}

// Kind of a period.
type Kind string

// The kinds.
const (
	Trial Kind = "trial" // number -1, costs nothing
	Stub  Kind = "stub"  // number 0, up to the anchored day
	Term  Kind = "term"  // number 1 and on
)

// Period is what one obligation covers. To is the first day that it does not cover; pages print To - 1.
type Period struct {
	No       int
	Kind     Kind
	From, To Day
	Full     int // days of the whole cycle that a stub is a part of; else the days of the period
}

// Days is the length of the period.
func (p Period) Days() int { return p.To.Since(p.From) }

// Contains says whether a day lies in the period.
func (p Period) Contains(d Day) bool { return !d.Before(p.From) && d.Before(p.To) }

// From is the schedule of a subscription whose term 1 begins on a day and that has no anchored day.
// It is also what a change that restarts the cycle gives.
func From(day Day, c Cycle) Schedule { return Schedule{Cycle: c, Anchor: day, DOM: day.Day()} }

// Boundary is the first day of term k+1. Boundary 0 is the anchor; k may be negative.
// A one-time cycle has only the anchor.
func (s Schedule) Boundary(k int) Day {
	switch s.Cycle.Unit {
	case Days:
		return s.Anchor.Add(k * s.Cycle.N)
	case Weeks:
		return s.Anchor.Add(7 * k * s.Cycle.N)
	case Month, Year:
		if k == 0 {
			return s.Anchor
		}
		return clip(s.Anchor.Year(), s.Anchor.Month()+time.Month(k*s.Cycle.months()), s.DOM)
	}
	return s.Anchor
}

// Term is the k-th full period, k at least 1. One-time things have a term of no days on the anchor.
func (s Schedule) Term(k int) Period {
	p := Period{No: k, Kind: Term, From: s.Boundary(k - 1), To: s.Boundary(k)}
	p.Full = p.Days()
	return p
}

// TermOf is the term that contains a day on or after the anchor, as when a change asks what is running.
func (s Schedule) TermOf(d Day) Period {
	if !s.Cycle.Recurs() || d.Before(s.Anchor) {
		return s.Term(1)
	}
	k := max(1, d.Since(s.Anchor)/s.Cycle.longest())
	for !s.Boundary(k).After(d) {
		k++
	}
	return s.Term(k)
}

// longest is the most days that one cycle can have.
func (c Cycle) longest() int {
	switch c.Unit {
	case Days, Weeks:
		return c.Nominal()
	case Month:
		return 31 * c.N
	}
	return 366 * c.N
}

// Begin says how a subscription starts.
type Begin struct {
	Start       Day
	Cycle       Cycle
	TrialDays   int // free days at the start, 0 for none
	AnchoredDay int // 1 to 31: terms of months and years begin on this day of the month; 0: on the day of the start
	JoinDays    int // a stub shorter than this is billed together with term 1
}

// First is the beginning of a subscription: what comes before term 1, and what the first invoice bills.
type First struct {
	Schedule Schedule
	Before   []Period // the trial and the stub, where there are any
	Billed   []Period // on the first invoice; empty with a trial, whose end is billed as a renewal
}

// Periods lists all up to and with term n.
func (f First) Periods(n int) []Period {
	all := append([]Period(nil), f.Before...)
	for k := 1; k <= n; k++ {
		all = append(all, f.Schedule.Term(k))
	}
	return all
}

// First works out the trial, the stub and the schedule.
func (b Begin) First() First {
	start := b.Start
	var f First
	if b.TrialDays > 0 && b.Cycle.Recurs() {
		start = start.Add(b.TrialDays)
		f.Before = append(f.Before, Period{No: -1, Kind: Trial, From: b.Start, To: start, Full: b.TrialDays})
	}
	f.Schedule = From(start, b.Cycle)
	if b.AnchoredDay > 0 && (b.Cycle.Unit == Month || b.Cycle.Unit == Year) {
		f.Schedule.DOM = b.AnchoredDay
		f.Schedule.Anchor = next(start, b.AnchoredDay)
	}
	joined := true
	if f.Schedule.Anchor != start {
		stub := f.Schedule.stub(start)
		f.Before = append(f.Before, stub)
		f.Billed = append(f.Billed, stub)
		joined = stub.Days() < b.JoinDays
	}
	if joined {
		f.Billed = append(f.Billed, f.Schedule.Term(1))
	}
	if len(f.Before) > 0 && f.Before[0].Kind == Trial {
		f.Billed = nil
	}
	return f
}

// stub is the period from a day up to the anchor, part of the cycle that would have ended there.
func (s Schedule) stub(from Day) Period {
	return Period{No: 0, Kind: Stub, From: from, To: s.Anchor, Full: s.Anchor.Since(s.Boundary(-1))}
}

// Move puts the boundaries on another day of the month, 1 to 31, and answers the schedule after that with
// the stub to pay until it begins. Paid time is never shortened: the new anchor is on or after billedTo, the
// first day that no obligation covers. Years keep their month. The stub has no days if billedTo fits already.
// Cycles of days and weeks have no such day: they come back as they are.
func (s Schedule) Move(billedTo Day, dom int) (Schedule, Period) {
	if s.Cycle.Unit != Month && s.Cycle.Unit != Year {
		return s, Period{Kind: Stub, From: billedTo, To: billedTo}
	}
	to := Schedule{Cycle: s.Cycle, DOM: dom, Anchor: next(billedTo, dom)}
	if s.Cycle.Unit == Year {
		to.Anchor = clip(billedTo.Year(), s.Anchor.Month(), dom)
		if to.Anchor.Before(billedTo) {
			to.Anchor = clip(billedTo.Year()+1, s.Anchor.Month(), dom)
		}
	}
	return to, to.stub(billedTo)
}

// Dates are the days of one renewal invoice.
type Dates struct{ BillOn, IssuedOn, DueOn Day }

// Renewal gives the dates of the invoice for a term that begins on from: billed lead days ahead, issued
// then or on the day of the run if that is later, due when the term begins or when the customer's payment
// terms (in days, 0 for none) are over.
func (c Cycle) Renewal(from Day, lead, terms int, run Day) Dates {
	d := Dates{BillOn: c.BillOn(from, lead)}
	d.IssuedOn = Latest(d.BillOn, run)
	d.DueOn = Latest(from, d.IssuedOn.Add(terms))
	return d
}
