// Package clock owns the time of day. Everything that asks for the time is given a Clock, so that a test can
// stop it and test mode can run ahead; time.Now is called here only. Days belong to period.
package clock

import (
	"sync"
	"time"
)

// Clock tells the time. Now is UTC and cut to microseconds, as columns are.
type Clock interface {
	Now() time.Time
}

// System is the computer's clock.
type System struct{}

// Now is the present.
func (System) Now() time.Time { return cut(time.Now()) }

// Stopped is a clock that moves only when told. It may be used by many goroutines.
type Stopped struct {
	mu  sync.Mutex
	now time.Time
}

// At stops a clock at a time.
func At(now time.Time) *Stopped { return &Stopped{now: cut(now)} }

// Now is the time that was set.
func (c *Stopped) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Set moves the clock to a time, forwards or backwards.
func (c *Stopped) Set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = cut(now)
}

// Add moves the clock by a duration and answers the new time.
func (c *Stopped) Add(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = cut(c.now.Add(d))
	return c.now
}

// Offset is the clock of test mode: it runs as another does, ahead of it by an offset that only grows.
type Offset struct {
	base   Clock
	mu     sync.Mutex
	offset time.Duration
}

// Ahead makes a clock that is ahead of base; a negative offset is none.
func Ahead(base Clock, offset time.Duration) *Offset {
	return &Offset{base: base, offset: max(0, offset)}
}

// Now is the time of the clock below plus the offset.
func (c *Offset) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.base.Now().Add(c.offset)
}

// Offset is how far the clock is ahead, to be kept over a restart.
func (c *Offset) Offset() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.offset
}

// Forward moves the clock on to a time and answers the new offset. A time in the past moves nothing:
// what was billed at a time is never before it.
func (c *Offset) Forward(to time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset = max(c.offset, to.Sub(c.base.Now()))
	return c.offset
}

func cut(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
