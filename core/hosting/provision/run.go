package provision

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/outbox"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/panel"
)

// Limits after which an operation is left to staff.
const (
	mostCalls  = 200
	mostTime   = 24 * time.Hour
	mostDoubts = 12
)

// step makes the next call of an operation and saves what came of it. It answers when to come again;
// zero: never. The panel is called with no transaction open, between two short ones: the first saves
// that we are about to call, so that after a crash a lost answer is known to be lost.
func (s *Service) step(ctx context.Context, id ids.Op) (again time.Time, err error) {
	op, acc, again, err := s.intend(ctx, id)
	if err != nil || op.ID == "" {
		return again, err
	}
	started := s.clock.Now()
	answer, err := s.call(ctx, &op, &acc)
	answer.took = s.clock.Now().Sub(started)
	if ctx.Err() != nil {
		return time.Time{}, ctx.Err() // we are stopping: the next run finds a lost answer
	}
	return s.conclude(context.WithoutCancel(ctx), op, acc, answer, err)
}

// answer is what one call brought.
type answer struct {
	method   string
	progress panel.Progress
	account  *panel.Account
	took     time.Duration
}

// intend saves the intent to call. A zero operation says that nothing is to be done before again.
func (s *Service) intend(ctx context.Context, id ids.Op) (op Operation, acc Account, again time.Time, err error) {
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		op, acc, again = Operation{}, Account{}, time.Time{}
		o, err := s.store.lock(ctx, id)
		if err != nil || !o.State.Open() {
			return err
		}
		now := s.clock.Now()
		if o.Next.After(now) {
			again = o.Next
			return nil
		}
		earlier, err := s.store.openBefore(ctx, o)
		if err != nil {
			return err
		}
		if earlier {
			again = now.Add(s.pace.Queue)
			return nil
		}
		if acc, err = s.openAccount(ctx, o.Subscription); err != nil {
			return err
		}
		if err := s.open(&o); err != nil {
			return err
		}
		lost := o.State == Calling
		if o.State, err = life.Next(o.State, Ask); err != nil {
			return err
		}
		if o.First.IsZero() {
			o.First = now
		}
		o.Calls++
		o.Next = now.Add(s.pace.Doubt)
		if lost {
			o.Fault = fault.Fault{Kind: fault.Unknown, Code: "answer_lost", Detail: "the program stopped while the panel was being called"}
		}
		if err := s.store.save(ctx, o); err != nil {
			return err
		}
		op = o
		return nil
	})
	if err != nil {
		return Operation{}, Account{}, time.Time{}, fmt.Errorf("intend operation %s: %w", id, err)
	}
	return op, acc, again, nil
}

// conclude saves the answer, and decides what follows.
func (s *Service) conclude(ctx context.Context, op Operation, acc Account, a answer, callErr error) (again time.Time, err error) {
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		again = time.Time{}
		now := s.clock.Now()
		o, err := s.store.lock(ctx, op.ID)
		if err != nil {
			return err
		}
		if o.Version != op.Version+1 { // save counted it up; anything else is a zombie's answer
			return fault.New(fault.Conflict, "operation_taken_over", "").Because(errors.New("another worker took the operation over"))
		}
		if err := s.open(&o); err != nil {
			return err
		}
		action := s.judge(&o, a, callErr, now)
		if o.State, err = life.Next(o.State, action); err != nil {
			return err
		}
		if o.State.Open() {
			again = o.Next
		} else {
			o.Ended = now
		}
		if err := s.store.save(ctx, o); err != nil {
			return err
		}
		if err := s.saveAccount(ctx, o, acc, a, callErr == nil, now); err != nil {
			return err
		}
		if err := s.store.log(ctx, logLine(o, a, callErr, now)); err != nil {
			return err
		}
		fact := Fact{Operation: o.ID, Kind: o.Kind, Subscription: o.Subscription, Customer: o.Customer}
		switch o.State {
		case Done:
			return s.outbox.Add(ctx, outbox.Event{Kind: EventDone, Subject: string(o.Subscription), Payload: fact})
		case Failed, Stuck:
			return s.outbox.Add(ctx, outbox.Event{Kind: EventFailed, Subject: string(o.Subscription), Payload: fact})
		}
		return nil
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("conclude operation %s: %w", op.ID, err)
	}
	return again, nil
}

// judge turns an answer into an action, and sets when to call again.
func (s *Service) judge(o *Operation, a answer, callErr error, now time.Time) Action {
	if callErr == nil {
		o.Fault = fault.Fault{}
		o.Percent, o.Progress = a.progress.Percent, a.progress.Text
		o.Warnings = append(o.Warnings, a.progress.Warnings...)
		if a.progress.Done {
			o.Percent = 100
			return Finish
		}
		o.Next = now.Add(s.pace.After(a.progress.After))
		return s.unlessTired(o, now)
	}
	f := asFault(callErr)
	doubts := 0
	if f.Kind == fault.Unknown {
		doubts = 1 + doubtsOf(o.Fault)
		f.Detail = fmt.Sprintf("doubt %d: %s", doubts, f.Detail)
	}
	o.Fault = *f
	switch f.Kind {
	case fault.Unavailable:
		o.Next = now.Add(s.pace.Backoff(o.Calls, f.After))
		return s.unlessTired(o, now)
	case fault.Unknown:
		if doubts >= mostDoubts || f.Code == "two_candidates" {
			return Park
		}
		o.Next = now.Add(s.pace.Doubt)
		return s.unlessTired(o, now)
	default:
		return Fail
	}
}

// unlessTired goes on, until the operation has had its calls or its day.
func (s *Service) unlessTired(o *Operation, now time.Time) Action {
	if o.Calls >= mostCalls || now.Sub(o.First) > mostTime {
		return Park
	}
	return Answer
}

// doubtsOf reads how many unknown answers came in a row.
func doubtsOf(f fault.Fault) (n int) {
	if f.Kind != fault.Unknown {
		return 0
	}
	if _, err := fmt.Sscanf(f.Detail, "doubt %d:", &n); err != nil {
		return 0
	}
	return n
}

// asFault reads any error as a fault: what nobody classified was a change that may have been made.
func asFault(err error) *fault.Fault {
	var f *fault.Fault
	if errors.As(err, &f) {
		copied := *f
		return &copied
	}
	return &fault.Fault{Kind: fault.Unknown, Code: "unclassified", Detail: err.Error()}
}

func logLine(o Operation, a answer, callErr error, now time.Time) Call {
	line := Call{Operation: o.ID, Subscription: o.Subscription, Instance: o.Instance, Method: a.method, Attempt: o.Calls, At: now, Took: a.took, Outcome: "pending", Detail: a.progress.Text}
	if a.progress.Done {
		line.Outcome = "done"
	}
	if callErr != nil {
		line.Outcome = string(o.Fault.Kind)
		line.Detail = o.Fault.Code + ": " + o.Fault.Detail
	}
	return line
}

// opOf is the operation as the panel sees it.
func opOf(o Operation) sdk.Op { return sdk.Op{ID: string(o.ID), Attempt: o.Calls, First: o.First} }
