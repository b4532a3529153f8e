package pluginhost

import (
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/ezscale/bursar/sdk/host"
)

// steps are the upper bounds of the histogram; what is longer than the last counts as it.
var steps = []time.Duration{
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second,
	30 * time.Second, time.Minute,
}

// Calls are the calls of one method since the host started.
type Calls struct {
	Method   string        // "Create"
	Count    int64         // that were sent
	Errors   int64         // of them: any fault
	P50, P99 time.Duration // upper bounds, by steps of 1, 2, 5
}

// stats count calls by method.
type stats struct {
	mu       sync.Mutex
	byMethod map[string]*histogram
}

type histogram struct {
	count, errors int64
	steps         [15]int64
}

func (s *stats) add(method string, took time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byMethod == nil {
		s.byMethod = map[string]*histogram{}
	}
	h := s.byMethod[method]
	if h == nil {
		h = &histogram{}
		s.byMethod[method] = h
	}
	h.count++
	if err != nil {
		h.errors++
	}
	at, _ := slices.BinarySearch(steps, took)
	h.steps[min(at, len(steps)-1)]++
}

func (s *stats) list() []Calls {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Calls
	for method, h := range s.byMethod {
		out = append(out, Calls{Method: method, Count: h.count, Errors: h.errors, P50: h.share(50), P99: h.share(99)})
	}
	slices.SortFunc(out, func(a, b Calls) int {
		if a.Method < b.Method {
			return -1
		}
		return 1
	})
	return out
}

// share is the step below which so many calls of a hundred stay.
func (h *histogram) share(percent int64) time.Duration {
	want, seen := (h.count*percent+99)/100, int64(0)
	for i, n := range h.steps {
		if seen += n; seen >= want {
			return steps[i]
		}
	}
	return steps[len(steps)-1]
}

// LogLine is one line of what a plugin logged.
type LogLine struct {
	At       time.Time
	Level    hclog.Level
	Instance string
	Message  string
	Args     []any
}

// tailLines is how much of each plugin's log is kept in memory.
const tailLines = 200

// tail keeps the last lines.
type tail struct {
	mu   sync.Mutex
	list []LogLine
}

func (t *tail) add(at time.Time, l host.Line) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.list) == tailLines {
		t.list = slices.Delete(t.list, 0, 1)
	}
	t.list = append(t.list, LogLine{At: at, Level: l.Level, Instance: l.Instance, Message: l.Message, Args: l.Args})
}

func (t *tail) lines() []LogLine {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.list)
}
