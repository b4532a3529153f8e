package flow

import (
	"context"
	"fmt"
	"time"

	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/sdk/fault"
)

// ErrNoTestClock: time moves by itself here.
var ErrNoTestClock = fault.New(fault.Forbidden, "not_test_mode", "The clock can be moved in test mode only.")

// ClockAdvance moves the clock of test mode on by days and lives through them: each hour what is due is done, each
// day its daily run. It returns when all due work is done.
func (f *Flow) ClockAdvance(ctx context.Context, days int) error {
	if err := auth.Require(ctx, auth.ClockMove); err != nil {
		return err
	}
	if f.Test == nil {
		return ErrNoTestClock
	}
	if days < 1 || days > 400 {
		return fault.New(fault.Invalid, "days_range", "Move the clock by 1 to 400 days.").On("days")
	}
	if err := f.Audit.Add(ctx, audit.Entry{Action: "clock.advance", Subject: fmt.Sprintf("%d days", days)}); err != nil {
		return err
	}
	// What time brings about is nobody's doing: jobs act as the system.
	ctx = auth.With(ctx, auth.System())
	_, s, err := f.today(ctx)
	if err != nil {
		return err
	}
	now := f.Clock.Now()
	until := now.AddDate(0, 0, days)
	if err := f.catchUp(ctx); err != nil {
		return err
	}
	for now.Before(until) {
		next := now.Add(6 * time.Hour)
		if daily := s.Today(now).Add(1).At(0, 11, s.Location()); daily.Before(next) && daily.After(now) {
			next = daily
		}
		if next.After(until) {
			next = until
		}
		if err := f.moveTo(ctx, next); err != nil {
			return err
		}
		now = next
	}
	return nil
}

// moveTo sets the clock and does what is due then.
func (f *Flow) moveTo(ctx context.Context, to time.Time) error {
	if err := f.forward(to); err != nil {
		return err
	}
	if err := f.EnqueueDaily(ctx); err != nil {
		return err
	}
	return f.catchUp(ctx)
}

func (f *Flow) forward(to time.Time) error {
	offset := f.Test.Forward(to)
	if f.KeepOffset == nil {
		return nil
	}
	return f.KeepOffset(offset)
}

// soon is how near work must be to be done at the same stop of the clock, and how often the clock moves on to some. Vendors
// live in real time: between two such moves they have a moment to get on with what they were asked.
const (
	soon       = 3 * time.Minute
	soonMoves  = 40
	vendorTime = 200 * time.Millisecond
)

// catchUp does what is due, and what becomes due within minutes of it: a panel that is asked again whether it is done, a
// second try after a fault.
func (f *Flow) catchUp(ctx context.Context) error {
	for move := 0; ; move++ {
		if f.Settled != nil {
			f.Settled(ctx)
		}
		if err := f.Drain(ctx); err != nil {
			return err
		}
		next, err := f.nextDue(ctx)
		if err != nil || next.IsZero() || next.Sub(f.Clock.Now()) > soon || move == soonMoves {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(vendorTime):
		}
		if err := f.forward(next); err != nil {
			return err
		}
	}
}

// nextDue is when the next event or job is due; zero: none waits.
func (f *Flow) nextDue(ctx context.Context) (time.Time, error) {
	event, err := f.Outbox.NextDue(ctx)
	if err != nil {
		return event, err
	}
	job, err := f.Jobs.NextDue(ctx)
	if event.IsZero() || (!job.IsZero() && job.Before(event)) {
		return job, err
	}
	return event, err
}

// Drain delivers events and does jobs until nothing is due, what others have begun included.
func (f *Flow) Drain(ctx context.Context) error {
	for quiet := 0; quiet < 2; {
		events, err := f.Outbox.Drain(ctx)
		if err != nil {
			return err
		}
		done, err := f.Jobs.Drain(ctx)
		if err != nil {
			return err
		}
		if events+done == 0 {
			quiet++
		} else {
			quiet = 0
		}
	}
	return nil
}
