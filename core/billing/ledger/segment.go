package ledger

import (
	"slices"

	"github.com/ezscale/bursar/core/base/period"
)

// Segment is an amount that is earned evenly by day over [From, To). A line is one segment until it is
// credited; each credit closes the last and begins another with what is left.
type Segment struct {
	From, To period.Day
	Minor    int64
	Closed   period.Day // zero: runs on
}

// Earned is what a segment has earned at the end of a day: rounded, cumulative.
func (s Segment) Earned(day period.Day) int64 {
	end := day.Add(1)
	if !s.Closed.IsZero() && s.Closed.Before(end) {
		end = s.Closed
	}
	if s.To.Before(end) {
		end = s.To
	}
	full := int64(s.To.Since(s.From))
	used := int64(end.Since(s.From))
	if used <= 0 {
		if full <= 0 && !day.Before(s.From) && s.Closed.IsZero() {
			return s.Minor
		}
		return 0
	}
	if used >= full {
		return s.Minor
	}
	return portion(s.Minor, used, full)
}

// Earned is what segments have earned together at the end of a day.
func Earned(segments []Segment, day period.Day) (total int64) {
	for _, s := range segments {
		total += s.Earned(day)
	}
	return total
}

// Deferred is what they will still earn after a day.
func Deferred(segments []Segment, day period.Day) (total int64) {
	for _, s := range segments {
		if s.Closed.IsZero() {
			total += s.Minor - s.Earned(day)
		}
	}
	return total
}

// Take credits an amount on a day: first from what is not earned through the day before, the rest from
// revenue. It answers how much is from the former, and the segments after. The last segment must run.
func Take(segments []Segment, credit int64, day period.Day) (fromDeferred int64, after []Segment) {
	after = slices.Clone(segments)
	if len(after) == 0 {
		return 0, after
	}
	last := &after[len(after)-1]
	left := last.Minor - last.Earned(day.Add(-1))
	fromDeferred = min(credit, left)
	if credit < 0 { // a credit of a negative line gives its debit back
		fromDeferred = max(credit, left)
	}
	from := day
	if from.Before(last.From) {
		from = last.From
	}
	if last.To.Before(from) {
		from = last.To
	}
	last.Closed = from
	return fromDeferred, append(after, Segment{From: from, To: last.To, Minor: left - fromDeferred})
}
