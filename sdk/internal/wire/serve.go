package wire

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	pluginv1 "github.com/ezscale/bursar/sdk/proto/bursar/plugin/v1"
)

// Effect says what doubt about a call means.
type Effect bool

// A change that nobody answers for is Unknown, a read Unavailable.
const (
	Read   Effect = false
	Change Effect = true
)

var errNoLabel = errors.New("the call names no instance")

// Serve runs one call of the author's instance as a P, and turns every error and panic into a status by the table of
// sdk.md: a fault keeps its kind; anything else is Unknown for a change and Internal for a read, and is logged as a bug.
// keep (nil: none) goes along with both outcomes.
func Serve[P, A any](ctx context.Context, i *Instances, call *pluginv1.Call, effect Effect, keep *Keep, do func(context.Context, P) (A, error)) (answer A, err error) {
	var none A
	defer i.supervise(ctx, call.GetInstance())()
	ctx, stop := shorter(ctx)
	defer stop()
	at, release, err := i.use(call.GetInstance(), ValuesIn(call.GetSettings()))
	if err != nil {
		if fault.Of(err) == nil {
			err = fault.New(fault.Internal, "open", "").Because(err)
		}
		return none, Status(err, nil, i.secrets(ValuesIn(call.GetSettings())))
	}
	defer release()
	p, ok := at.value.(P)
	if !ok {
		return none, Status(fault.New(fault.Unsupported, "no_such_power", ""), nil, nil)
	}
	answer, err = guarded(ctx, p, do)
	if err == nil {
		if err = keep.check(); err == nil {
			return answer, nil
		}
		keep = nil
	} else if tooLong := keep.check(); tooLong != nil {
		i.bug(call.GetInstance(), "notes dropped", "because", tooLong)
		keep = nil
	}
	if fault.Of(err) == nil {
		err = i.classify(ctx, call, effect, err)
	}
	return none, Status(err, keep, at.secrets)
}

// classify is for errors that no author classified.
func (i *Instances) classify(ctx context.Context, call *pluginv1.Call, effect Effect, err error) error {
	interrupted := ctx.Err() != nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
	switch {
	case interrupted && effect == Read:
		return fault.New(fault.Unavailable, "interrupted", "").Because(err)
	case interrupted:
		return fault.New(fault.Unknown, "interrupted", "").Because(err)
	}
	i.bug(call.GetInstance(), "an error that is no fault", "error", err.Error(), "op", call.GetOp())
	if effect == Change {
		return fault.New(fault.Unknown, "unclassified", "").Because(err)
	}
	return fault.New(fault.Internal, "unclassified", "").Because(err)
}

// guarded calls do and turns a panic into an error.
func guarded[P, A any](ctx context.Context, p P, do func(context.Context, P) (A, error)) (answer A, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return do(ctx, p)
}

// supervise tells of a call that does not end with its deadline. done ends it.
func (i *Instances) supervise(ctx context.Context, label string) (done func()) {
	at, ok := ctx.Deadline()
	if !ok || i.Overdue == nil {
		return func() {}
	}
	timer := time.AfterFunc(time.Until(at)+overdueAfter, func() { i.Overdue(label) })
	return func() { timer.Stop() }
}

// shorter ends the call a little before the host gives up, so that what was noted until then still travels back.
func shorter(ctx context.Context) (context.Context, context.CancelFunc) {
	at, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, at.Add(-min(time.Until(at)/10, time.Second)))
}

// Open opens an instance without a call, to see whether its settings are good. It is closed with the rest.
func (i *Instances) Open(label string, settings form.Values) error {
	_, release, err := i.use(label, settings)
	if err == nil {
		release()
	}
	return err
}
