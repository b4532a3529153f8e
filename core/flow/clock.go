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
	if err := f.Drain(ctx); err != nil {
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
	offset := f.Test.Forward(to)
	if f.KeepOffset != nil {
		if err := f.KeepOffset(offset); err != nil {
			return err
		}
	}
	if err := f.EnqueueDaily(ctx); err != nil {
		return err
	}
	return f.Drain(ctx)
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
