package webhook

import (
	"sync"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
)

// allowance lets a few things through in each window of time, by instance. Instances are few.
type allowance struct {
	clock clock.Clock
	mu    sync.Mutex
	since map[string]time.Time
	used  map[string]int
}

func newAllowance(c clock.Clock) *allowance {
	return &allowance{clock: c, since: map[string]time.Time{}, used: map[string]int{}}
}

func (a *allowance) take(instance string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now := a.clock.Now(); now.Sub(a.since[instance]) >= window {
		a.since[instance], a.used[instance] = now, 0
	}
	a.used[instance]++
	return a.used[instance] <= perWindow
}
