package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/platform/jobs"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/notifier"
)

// How long a message that could not be carried is tried, and how often.
const (
	mostTries = 40
	firstWait = 10 * time.Second
	mostWait  = 30 * time.Minute
	doubtWait = 2 * time.Minute
)

// work carries one message out: intent saved, carrier called with no transaction open, answer saved.
func (s *Service) work(ctx context.Context, j jobs.Job) error {
	var payload struct {
		Message ids.Mail `json:"message"`
	}
	if err := json.Unmarshal(j.Payload, &payload); err != nil {
		return fmt.Errorf("read message job: %w", err)
	}
	e, doubt, again, err := s.intend(ctx, payload.Message)
	if err == nil && e.ID != "" {
		receipt, handed, sendErr := s.carry(ctx, e, doubt)
		if sendErr != nil && ctx.Err() != nil {
			return ctx.Err() // we are stopping, or were taken over: the next run finds a lost answer
		}
		again, err = s.conclude(context.WithoutCancel(ctx), e, receipt, doubt && !handed, sendErr)
	}
	if err != nil || again.IsZero() {
		return err
	}
	return jobs.Again(again)
}

// intend saves that we are about to hand the message over. doubt says that an earlier answer was lost. No entry:
// nothing is to be done before again; never if that is zero.
func (s *Service) intend(ctx context.Context, id ids.Mail) (e Entry, doubt bool, again time.Time, err error) {
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		e, doubt, again = Entry{}, false, time.Time{}
		got, err := s.store.lock(ctx, id)
		if err != nil || !life.Allows(got.State, Hand) {
			return err
		}
		if got.State == Sending && got.Error == "" { // we stopped in the middle: the carrier may still be at it
			got.Error, again = lost, s.clock.Now().Add(doubtWait)
			return s.store.update(ctx, got)
		}
		refused := false
		if got.Channel == Mail && got.Error != lost {
			if refused, err = s.store.refused(ctx, got.To); err != nil {
				return err
			}
		}
		if refused {
			if got.State, err = life.Next(got.State, Fail); err != nil {
				return err
			}
			got.Error = "the address refuses mail"
			return s.store.update(ctx, got)
		}
		doubt = got.Error == lost
		if got.State, err = life.Next(got.State, Hand); err != nil {
			return err
		}
		got.Attempts++
		if got.tried.IsZero() {
			got.tried = s.clock.Now()
		}
		got.Error = ""
		if err := s.store.update(ctx, got); err != nil {
			return err
		}
		got.Version++
		e = got
		return nil
	})
	return e, doubt, again, err
}

// lost marks a message whose last answer never came.
const lost = "no answer"

// carry hands a message over. After a lost answer it is repeated only when the carrier surely does not have it.
// handed says that it was given to the carrier now.
func (s *Service) carry(ctx context.Context, e Entry, doubt bool) (receipt notifier.Receipt, handed bool, err error) {
	op := sdk.Op{ID: string(e.ID), Attempt: e.Attempts, First: e.tried}
	var carrier any
	var send func() (notifier.Receipt, error)
	if e.Channel == Mail {
		mailer, err := s.carriers.Mailer(e.Instance)
		if err != nil {
			return notifier.Receipt{}, false, err
		}
		from, err := s.from(ctx)
		if err != nil {
			return notifier.Receipt{}, false, fault.New(fault.Unavailable, "sender_unreadable", "").Because(err)
		}
		carrier = mailer
		send = func() (notifier.Receipt, error) {
			return mailer.Mail(ctx, op, notifier.Mail{From: from, To: notifier.Mailbox{Name: oneLine(e.ToName), Address: e.To}, Subject: e.Title, Text: e.Text, HTML: e.HTML, Tag: e.Template})
		}
	} else {
		poster, err := s.carriers.Poster(e.Instance)
		if err != nil {
			return notifier.Receipt{}, false, err
		}
		carrier = poster
		send = func() (notifier.Receipt, error) {
			return poster.Post(ctx, op, notifier.Post{Title: e.Title, Text: e.Text, URL: e.HTML, Level: e.Level, Fields: e.Fields})
		}
	}
	if doubt {
		finder, ok := sdk.As[notifier.Finder](carrier)
		if !ok {
			return notifier.Receipt{}, false, errUnsure
		}
		receipt, err := finder.FindMessage(ctx, op)
		if err == nil || fault.KindOf(err) != fault.NotFound {
			return receipt, false, err
		}
	}
	receipt, err = send()
	return receipt, true, err
}

// errUnsure: an answer was lost, and the carrier cannot tell.
var errUnsure = fault.New(fault.Unknown, "message_unsure", "Nobody can say whether this message went out.")

// conclude saves what came of it and answers when to try again; zero: never. looked says that a lost answer was
// looked for and nothing was handed over: then no error makes a failure of it, or ends the doubt.
func (s *Service) conclude(ctx context.Context, e Entry, receipt notifier.Receipt, looked bool, sendErr error) (again time.Time, err error) {
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		again = time.Time{}
		got, err := s.store.lock(ctx, e.ID)
		if err != nil {
			return err
		}
		if got.Version != e.Version {
			return fault.New(fault.Conflict, "message_taken_over", "")
		}
		now := s.clock.Now()
		action := Finish
		var f *fault.Fault
		errors.As(sendErr, &f)
		switch kind := fault.KindOf(sendErr); {
		case sendErr == nil:
			got.Receipt, got.Sent, got.Error = receipt.ID, now, ""
		case errors.Is(sendErr, errUnsure):
			action, got.Error = Park, lost
		case looked && got.Attempts < mostTries:
			action, got.Error = Wait, lost
			again = now.Add(max(doubtWait, waitAfter(got.Attempts, f)))
		case got.Attempts >= mostTries && (looked || kind == fault.Unavailable || kind == fault.Unknown || kind == fault.Internal):
			action, got.Error = Park, sendErr.Error()
		case kind == fault.Unavailable:
			action, got.Error = Wait, sendErr.Error()
			again = now.Add(waitAfter(got.Attempts, f))
		case kind == fault.Unknown || kind == fault.Internal:
			action, got.Error = Wait, lost
			again = now.Add(doubtWait)
		default:
			action, got.Error = Fail, sendErr.Error()
		}
		if got.State, err = life.Next(got.State, action); err != nil {
			return err
		}
		return s.store.update(ctx, got)
	})
	return again, err
}

// waitAfter is how long to wait after a number of tries: longer each time, and as long as the carrier asks.
func waitAfter(tries int, f *fault.Fault) time.Duration {
	wait := min(firstWait<<min(tries-1, 16), mostWait)
	if f != nil {
		wait = max(wait, f.After)
	}
	return wait
}
