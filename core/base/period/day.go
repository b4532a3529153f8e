// Package period owns days and billing cycles: which day it is for the business, where the periods of a
// subscription begin and end, when they are billed and due. It knows no prices: a period says how many of
// how many days it has. Start reading at Day, then Schedule.
package period

import (
	"bytes"
	"database/sql/driver"
	"fmt"
	"time"
)

// Day is a date without a time or a zone, of the years 1 to 9999. The zero Day is none: NULL in a column,
// null in JSON, "" in print, and before every other day. Days can be compared with ==.
type Day struct{ n int32 } // 1 is 0001-01-01

const (
	layout     = "2006-01-02"
	secondsDay = 24 * 60 * 60
)

var epoch = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).Unix()

func of(t time.Time) Day { return Day{n: int32((t.Unix()-epoch)/secondsDay) + 1} }

// Date is a day by its parts. What is beyond a month's end runs on into the next, as in time.Date.
func Date(year int, month time.Month, day int) Day {
	return of(time.Date(year, month, day, 0, 0, 0, 0, time.UTC))
}

// On is the local date of an instant: at 23:30 UTC it is the next day in Warsaw.
func On(at time.Time, zone *time.Location) Day {
	y, m, d := at.In(zone).Date()
	return Date(y, m, d)
}

// ParseDay reads 2027-01-31. "" is the zero Day.
func ParseDay(text string) (Day, error) {
	if text == "" {
		return Day{}, nil
	}
	t, err := time.Parse(layout, text)
	if err != nil || t.Year() < 1 {
		return Day{}, fmt.Errorf("%q is no day such as 2027-01-31", text)
	}
	return of(t), nil
}

// IsZero says whether there is no day.
func (d Day) IsZero() bool { return d.n == 0 }

// Time is midnight UTC of the day, for formatting. It is no instant of the business: see Start.
func (d Day) Time() time.Time {
	if d.n == 0 {
		return time.Time{}
	}
	return time.Unix(epoch+int64(d.n-1)*secondsDay, 0).UTC()
}

// Start is the first instant of the day in a zone, also where clocks change at midnight.
func (d Day) Start(zone *time.Location) time.Time {
	y, m, day := d.Time().Date()
	t := time.Date(y, m, day, 0, 0, 0, 0, zone)
	if On(t, zone).Before(d) { // midnight is skipped
		_, t = t.ZoneBounds()
		return t.UTC()
	}
	if since, _ := t.ZoneBounds(); !since.IsZero() { // midnight may come twice
		_, before := since.Add(-1).Zone()
		_, now := t.Zone()
		earlier := t.Add(time.Duration(now-before) * time.Second)
		if earlier.Before(since) && On(earlier, zone) == d {
			t = earlier
		}
	}
	return t.UTC()
}

// At is a time of the day in a zone. A time that is skipped when clocks go forward is the one an hour off;
// so is one that comes twice: it is answered once.
func (d Day) At(hour, minute int, zone *time.Location) time.Time {
	y, m, day := d.Time().Date()
	return time.Date(y, m, day, hour, minute, 0, 0, zone).UTC()
}

// Year of the day.
func (d Day) Year() int { return d.Time().Year() }

// Month of the day.
func (d Day) Month() time.Month { return d.Time().Month() }

// Day of the month, 1 to 31.
func (d Day) Day() int { return d.Time().Day() }

// Weekday of the day.
func (d Day) Weekday() time.Weekday { return d.Time().Weekday() }

// Add is the day n days later, or earlier if n is negative. None stays none.
func (d Day) Add(n int) Day {
	if d.n == 0 {
		return d
	}
	return Day{n: d.n + int32(n)}
}

// Since is how many days the day is after another, negative if before.
func (d Day) Since(o Day) int { return int(d.n - o.n) }

// Before says whether the day is before another.
func (d Day) Before(o Day) bool { return d.n < o.n }

// After says whether the day is after another.
func (d Day) After(o Day) bool { return d.n > o.n }

// Compare is -1, 0 or 1, for sorting.
func (d Day) Compare(o Day) int { return int(max(-1, min(1, d.n-o.n))) }

// Latest of some days; the zero Day if there are none.
func Latest(days ...Day) (last Day) {
	for _, d := range days {
		if last.Before(d) {
			last = d
		}
	}
	return last
}

// String is 2027-01-31, or "".
func (d Day) String() string {
	if d.n == 0 {
		return ""
	}
	return d.Time().Format(layout)
}

// Format prints the day as time.Format does; "" for none.
func (d Day) Format(layout string) string {
	if d.n == 0 {
		return ""
	}
	return d.Time().Format(layout)
}

// MarshalText is String, so that a day can be a key in JSON.
func (d Day) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText is ParseDay.
func (d *Day) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDay(string(text))
	return err
}

// MarshalJSON is "2027-01-31", or null.
func (d Day) MarshalJSON() ([]byte, error) {
	if d.n == 0 {
		return []byte("null"), nil
	}
	return []byte(`"` + d.String() + `"`), nil
}

// UnmarshalJSON reads what MarshalJSON wrote, and "".
func (d *Day) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		*d = Day{}
		return nil
	}
	if len(text) < 2 || text[0] != '"' || text[len(text)-1] != '"' {
		return fmt.Errorf("a day from %.20s", text)
	}
	return d.UnmarshalText(bytes.Trim(text, `"`))
}

// Value writes a DATE column as text, which both databases compare rightly; NULL for none.
func (d Day) Value() (driver.Value, error) {
	if d.n == 0 {
		return nil, nil
	}
	return d.String(), nil
}

// Scan reads a DATE column, or the text of max(day).
func (d *Day) Scan(from any) (err error) {
	switch v := from.(type) {
	case nil:
		*d = Day{}
	case time.Time:
		*d = of(v)
	case string:
		*d, err = ParseDay(v)
	case []byte:
		*d, err = ParseDay(string(v))
	default:
		err = fmt.Errorf("a day from %T", from)
	}
	return err
}
