package provision

import (
	"context"
	"errors"
	"fmt"
	"strings"
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
	if err != nil && ctx.Err() != nil {
		return time.Time{}, ctx.Err() // we are stopping, or were taken over: the next run finds a lost answer
	}
	return s.conclude(context.WithoutCancel(ctx), op, acc, answer, err)
}

// answer is what one call brought.
type answer struct {
	method   string
	progress panel.Progress
	account  *panel.Account
	customer sdk.Notes // about the customer on this instance; nil: as before
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
		if o.Kind == Create && o.First.IsZero() {
			if err := s.know(ctx, &o); err != nil {
				return err
			}
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
			o.Fault = fault.Fault{Kind: fault.Unknown, Code: "answer_lost", Detail: doubt(doubtsOf(o.Fault), "the program stopped while the panel was being called")}
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
		if callErr == nil && o.Kind == Create && a.progress.RemoteID != "" {
			taken, err := s.store.remoteTaken(ctx, o, a.progress.RemoteID)
			if err != nil {
				return err
			}
			if taken { // two services on one account: a person must look before anybody gets it
				callErr = fault.New(fault.Unknown, codeTaken, "").Because(fmt.Errorf("the panel answers account %s, which another service has", a.progress.RemoteID))
			}
		}
		action := s.judge(&o, a, callErr, now)
		if action == Answer {
			tired, err := s.tired(ctx, o, now)
			if err != nil {
				return err
			}
			if tired {
				action = Park
			}
		}
		o.mask(a)
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
		if a.customer != nil {
			if err := s.SaveCustomerNotes(ctx, o.Instance, o.Customer, a.customer); err != nil {
				return err
			}
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
		return Answer
	}
	f := asFault(callErr)
	before := doubtsOf(o.Fault)
	o.Fault = *f
	switch f.Kind {
	case fault.Unavailable:
		o.Next = now.Add(s.pace.Backoff(o.Calls, f.After))
		return Answer
	case fault.Unknown:
		if f.Code == codeNoLook { // nobody could look, so the doubt is the old one; a panel may be away for hours
			o.Fault.Detail = doubt(before, f.Detail)
			o.Next = now.Add(max(s.pace.Doubt, s.pace.Backoff(o.Calls, f.After)))
			return Answer
		}
		o.Fault.Detail = doubt(before+1, f.Detail)
		o.Next = now.Add(s.pace.Doubt)
		if before+1 >= mostDoubts || f.Code == codeTwo || f.Code == codeTaken || f.Code == codeBarred {
			return Park
		}
		return Answer
	default:
		return Fail
	}
}

// Codes of doubts.
const (
	codeNoLook = "not_found_out"     // a look after a lost answer brought nothing: look again
	codeBarred = "look_refused"      // the panel does not let us look: a person must act
	codeTwo    = "two_candidates"    // the panel's word: two things fit
	codeTaken  = "account_of_others" // what was answered belongs to another service
)

// tired says whether the operation has had its calls or its day since it began, or since staff last tried it again.
func (s *Service) tired(ctx context.Context, o Operation, now time.Time) (bool, error) {
	over := func(calls int, since time.Time) bool { return o.Calls-calls >= mostCalls || now.Sub(since) > mostTime }
	if !over(0, o.First) {
		return false, nil
	}
	calls, at, err := s.store.lastRetry(ctx, o.ID)
	if err != nil || at.IsZero() {
		return err == nil, err
	}
	return over(calls, at), nil
}

// doubt writes how many unknown answers came in a row before what is to be said.
func doubt(n int, detail string) string {
	if _, rest, ok := strings.Cut(detail, ": "); ok && strings.HasPrefix(detail, "doubt ") {
		detail = rest
	}
	return fmt.Sprintf("doubt %d: %s", n, detail)
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

// asFault reads any error as a fault: what nobody classified, or what a bug answered, was a change that may have been made.
func asFault(err error) *fault.Fault {
	var f *fault.Fault
	if errors.As(err, &f) {
		copied := *f
		if copied.Kind == fault.Internal || copied.Kind == "" {
			copied.Kind = fault.Unknown
		}
		return &copied
	}
	return &fault.Fault{Kind: fault.Unknown, Code: "unclassified", Detail: err.Error()}
}

// mask keeps passwords out of what staff and customers read, whatever a panel puts into its texts.
func (o *Operation) mask(a answer) {
	secrets := []string{o.request.Password}
	for _, c := range a.progress.Credentials {
		secrets = append(secrets, c.Password.Reveal())
	}
	for _, secret := range secrets {
		if secret == "" {
			continue
		}
		for _, text := range []*string{&o.Progress, &o.Fault.Text, &o.Fault.Detail} {
			*text = strings.ReplaceAll(*text, secret, "***")
		}
		for i := range o.Warnings {
			o.Warnings[i] = strings.ReplaceAll(o.Warnings[i], secret, "***")
		}
	}
}

func logLine(o Operation, a answer, callErr error, now time.Time) Call {
	line := Call{Operation: o.ID, Subscription: o.Subscription, Instance: o.Instance, Method: a.method, Attempt: o.Calls, At: now, Took: a.took, Outcome: "pending", Detail: o.Progress}
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
