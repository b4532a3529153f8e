package period

import (
	"fmt"
	"strings"
	"time"
)

// Unit of a cycle.
type Unit string

// The units. Once is for what is paid a single time: it has no boundaries.
const (
	Once  Unit = "once"
	Days  Unit = "day"
	Weeks Unit = "week"
	Month Unit = "month"
	Year  Unit = "year"
)

// Cycle is how often something is paid: every N units, N at least 1. One-time things have Unit Once.
type Cycle struct {
	N    int  `json:"n"`
	Unit Unit `json:"unit"`
}

// Monthly and the other cycles that are sold most.
var (
	OneTime      = Cycle{N: 1, Unit: Once}
	Monthly      = Cycle{N: 1, Unit: Month}
	Quarterly    = Cycle{N: 3, Unit: Month}
	Semiannually = Cycle{N: 6, Unit: Month}
	Annually     = Cycle{N: 1, Unit: Year}
	Biennially   = Cycle{N: 2, Unit: Year}
	Triennially  = Cycle{N: 3, Unit: Year}
)

// IsValid says whether the cycle can be used: a known unit, 1 to 1000 of it.
func (c Cycle) IsValid() bool {
	switch c.Unit {
	case Once, Days, Weeks, Month, Year:
		return c.N >= 1 && c.N <= 1000
	}
	return false
}

// Recurs says whether there is a next term.
func (c Cycle) Recurs() bool { return c.IsValid() && c.Unit != Once }

// String is "once", "1 month", "3 month": for logs, forms and keys, read by ParseCycle.
func (c Cycle) String() string {
	if c.Unit == Once {
		return string(Once)
	}
	return fmt.Sprintf("%d %s", c.N, c.Unit)
}

// ParseCycle reads what String wrote.
func ParseCycle(text string) (Cycle, error) {
	c := OneTime
	if strings.TrimSpace(text) != string(Once) {
		if _, err := fmt.Sscanf(text, "%d %s", &c.N, &c.Unit); err != nil {
			return Cycle{}, fmt.Errorf("%q is no cycle such as 1 month", text)
		}
	}
	if !c.IsValid() || c.String() != strings.TrimSpace(text) {
		return Cycle{}, fmt.Errorf("%q is no cycle such as 1 month", text)
	}
	return c, nil
}

// Nominal is the length in days that lead times and long-term rates count with: 28 for a month.
func (c Cycle) Nominal() int {
	switch c.Unit {
	case Days:
		return c.N
	case Weeks:
		return 7 * c.N
	case Month:
		return 28 * c.N
	case Year:
		return 365 * c.N
	}
	return 0
}

// Lead is how many days before its first day a term is billed: what is wanted, but at most half of a cycle.
func (c Cycle) Lead(want int) int { return max(0, min(want, c.Nominal()/2)) }

// BillOn is the day on which the term that begins on from is billed.
func (c Cycle) BillOn(from Day, lead int) Day { return from.Add(-c.Lead(lead)) }

// months is the length of a month or year cycle in months.
func (c Cycle) months() int {
	if c.Unit == Year {
		return 12 * c.N
	}
	return c.N
}

// dim is how many days a month has. Months may be beyond 12.
func dim(year int, month time.Month) int { return Date(year, month+1, 1).Add(-1).Day() }

// clip is the day dom of a month, or the month's last. Months may be beyond 12.
func clip(year int, month time.Month, dom int) Day {
	return Date(year, month, min(dom, dim(year, month)))
}

// next is the first day on or after from that is day dom of its month, or the last of a shorter month.
func next(from Day, dom int) Day {
	d := clip(from.Year(), from.Month(), dom)
	if d.Before(from) {
		d = clip(from.Year(), from.Month()+1, dom)
	}
	return d
}
