package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/sdk/fault"
)

// A breaker opens after so many failures in a row, and lets one call try again after a time that doubles with each trial
// that fails.
const (
	breakerFailures = 5
	breakerFirst    = 30 * time.Second
	breakerLongest  = 5 * time.Minute
)

// breaker keeps calls from a vendor that does not answer: nobody waits for a deadline that is known to pass.
type breaker struct {
	clock clock.Clock

	mu       sync.Mutex
	failures int
	wait     time.Duration // zero: closed
	until    time.Time
	trying   bool
}

// enter asks whether a call may go. done takes its result. Error: breaker_open, with the time until the next trial.
func (b *breaker) enter(method string) (done func(error), err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	trial := false
	if b.wait > 0 && !strings.HasSuffix(method, "/Check") { // staff may always look
		if left := b.until.Sub(b.clock.Now()); left > 0 || b.trying {
			return nil, errOpen.Retry(max(left, time.Second)).Because(fmt.Errorf("after %d failures in a row; a call is tried at %s", b.failures, b.until.Format(time.TimeOnly)))
		}
		trial, b.trying = true, true
	}
	return func(err error) { b.leave(method, trial, err) }, nil
}

func (b *breaker) leave(method string, trial bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if trial {
		b.trying = false
	}
	switch counts, failed := judge(method, err); {
	case !counts:
	case !failed:
		b.failures, b.wait = 0, 0
	case b.wait > 0 && !trial: // sent before it opened
	default:
		if b.failures++; b.failures >= breakerFailures {
			b.wait = min(max(2*b.wait, breakerFirst), breakerLongest)
			b.until = b.clock.Now().Add(b.wait)
		}
	}
}

// open says until when, for pages.
func (b *breaker) open() (until time.Time, open bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.until, b.wait > 0
}

// judge says whether a result tells anything about the vendor, and whether that is bad. A refusal is an answer. A webhook
// that is forged says nothing, or its sender could open the breaker; nor does a caller who went away, or a vendor that
// names its time.
func judge(method string, err error) (counts, failed bool) {
	f := fault.Of(err)
	switch {
	case err == nil:
		return true, false
	case errors.Is(err, context.Canceled), f != nil && f.Code == "interrupted" && f.After == 0 && !strings.Contains(f.Detail, "deadline"):
		return false, false
	case f == nil:
		return true, true
	case f.Kind == fault.Unavailable && f.After > 0:
		return false, false
	case f.Kind == fault.Forbidden:
		return !strings.HasSuffix(method, "/Receive"), true
	}
	return true, f.Kind == fault.Unavailable || f.Kind == fault.Unknown || f.Kind == fault.Internal
}
