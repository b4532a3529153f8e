package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"
)

// figure is one line of the output. Floor is what the same work costs without Bursar, measured in the same run; Ratio is
// Value to Floor. Both are left null where nothing was compared.
type figure struct {
	Name     string   `json:"name"`
	N        int      `json:"n"` // how many: subscriptions, clients, bytes
	Value    float64  `json:"value"`
	Unit     string   `json:"unit"`
	Floor    *float64 `json:"floor"`
	Ratio    *float64 `json:"ratio"`
	Database string   `json:"database"` // sqlite, mariadb, or "" where none takes part
}

// over sets what the value is compared with.
func (f figure) over(floor float64) figure {
	ratio := f.Value / floor
	f.Floor, f.Ratio = &floor, &ratio
	return f
}

// want is what a figure should come to. It is told beside the figure and changes nothing.
type want struct {
	text string
	met  func(figure) bool
}

func ratioAtLeast(x float64) want {
	return want{fmt.Sprintf("ratio ≥ %g", x), func(f figure) bool { return f.Ratio != nil && *f.Ratio >= x }}
}

func ratioAtMost(x float64) want {
	return want{fmt.Sprintf("ratio ≤ %g", x), func(f figure) bool { return f.Ratio != nil && *f.Ratio <= x }}
}

func atMost(x float64) want {
	return want{fmt.Sprintf("≤ %g", x), func(f figure) bool { return f.Value <= x }}
}

var noTarget = want{}

// report writes figures, and to people what they should have been.
type report struct {
	out    io.Writer
	people io.Writer
	missed int
	wrong  int // figures whose work was not done rightly: they are not written
}

func (r *report) put(f figure, w want) {
	line, err := json.Marshal(f)
	if err != nil {
		r.fail(f.Name, err)
		return
	}
	fmt.Fprintf(r.out, "%s\n", line)
	beside := ""
	if f.Floor != nil {
		beside = fmt.Sprintf("  floor %.4g, ratio %.3f", *f.Floor, *f.Ratio)
	}
	verdict := ""
	if w.met != nil {
		verdict = "  meets " + w.text
		if !w.met(f) {
			r.missed++
			verdict = "  MISSES " + w.text
		}
	}
	fmt.Fprintf(r.people, "%-34s %-8s n=%-7d %10.4g %-22s%s%s\n", f.Name, f.Database, f.N, f.Value, f.Unit, beside, verdict)
}

// fail tells of a figure that is left out because its work was not done rightly.
func (r *report) fail(name string, err error) {
	r.wrong++
	fmt.Fprintf(r.people, "%s: WRONG, no figure: %v\n", name, err)
}

// say is for people only.
func (r *report) say(format string, args ...any) { fmt.Fprintf(r.people, format+"\n", args...) }

// median sorts what it is given.
func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// quantile is of sorted durations, in microseconds.
func quantile(sorted []time.Duration, q float64) float64 {
	at := min(int(float64(len(sorted))*q), len(sorted)-1)
	return float64(sorted[at].Nanoseconds()) / 1000
}
