package payment

import (
	"context"
	"fmt"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/outbox"
	"github.com/ezscale/bursar/core/platform/secret"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/gateway"
)

// Deps is what the service works with.
type Deps struct {
	DB     *db.DB
	Outbox *outbox.Outbox
	Clock  clock.Clock
	Box    *secret.Box
	// LockCustomer locks a customer's row for the transaction of ctx. Whatever touches money of a customer takes it
	// first: customer, attempt, payment, refund, dispute.
	LockCustomer func(ctx context.Context, id ids.Customer) error
}

// Service holds the rules for money asked for and received. Attempts are in this file; methods.go, receive.go,
// allocate.go, refunds.go and disputes.go have the rest.
type Service struct {
	db     *db.DB
	store  store
	outbox *outbox.Outbox
	clock  clock.Clock
	lock   func(ctx context.Context, id ids.Customer) error
}

// NewService makes the service.
func NewService(d Deps) *Service {
	return &Service{db: d.DB, store: store{db: d.DB, box: d.Box}, outbox: d.Outbox, clock: d.Clock, lock: d.LockCustomer}
}

// Plan saves an attempt before anything is called. Each invoice has at most one that has not ended, however many ask at
// once: the database sees to it.
//
// Errors: ErrOpen; ErrMethodNotFound, ErrBlocked for a charge.
func (s *Service) Plan(ctx context.Context, n New) (Attempt, error) {
	if err := n.check(); err != nil {
		return Attempt{}, fmt.Errorf("plan attempt: %w", err)
	}
	now := s.clock.Now()
	a := Attempt{
		ID: ids.New[ids.Attempt](), Customer: n.Customer, Gateway: n.Gateway, AccountKey: n.AccountKey, Method: n.Method, Purpose: n.Purpose, Amount: n.Amount, Status: Planned,
		Save: n.Save, Notes: sdk.Notes{}, Return: n.Return, Created: now, AskAt: now.Add(plannedGrace), Invoices: n.Invoices, Version: 1,
	}
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		if err := s.lock(ctx, n.Customer); err != nil {
			return err
		}
		if n.Purpose == Charge {
			m, err := s.store.method(ctx, n.Method, n.Customer)
			switch {
			case err != nil:
				return err
			case m.AccountKey != n.AccountKey:
				return ErrMethodNotFound
			case m.Blocked != "":
				return ErrBlocked
			}
		}
		return s.store.insertAttempt(ctx, a)
	})
	if err != nil {
		return Attempt{}, fmt.Errorf("plan attempt for %s: %w", n.Customer, err)
	}
	return a, nil
}

// Send is committed before the gateway is called. Of two who want to call, one may: the other gets states.ErrRefused.
func (s *Service) Send(ctx context.Context, id ids.Attempt) (Attempt, error) {
	return s.change(ctx, id, func(a *Attempt) ([]outbox.Event, error) { return nil, a.send(s.clock.Now()) })
}

// Resend is committed before the same call is made again under the same key: the gateway surely has nothing under it,
// or will answer with what it did. Of two who want to, one may.
func (s *Service) Resend(ctx context.Context, id ids.Attempt) (Attempt, error) {
	return s.change(ctx, id, func(a *Attempt) ([]outbox.Event, error) { return nil, a.resend(s.clock.Now()) })
}

// Wait notes that the customer must act on a page. It may be called again while the page is open: each time is one look
// of the schedule, which ends at nothing; see Attempt.PageOver.
func (s *Service) Wait(ctx context.Context, id ids.Attempt, url string, until time.Time, notes sdk.Notes) error {
	return s.note(ctx, id, notes, func(a *Attempt) ([]outbox.Event, error) { return nil, a.wait(url, until, s.clock.Now()) })
}

// Later notes that the gateway was asked and the answer is not there yet. A zero time keeps to the schedule.
func (s *Service) Later(ctx context.Context, id ids.Attempt, when time.Time, notes sdk.Notes) error {
	return s.note(ctx, id, notes, func(a *Attempt) ([]outbox.Event, error) {
		err := a.later(when, s.clock.Now())
		return a.parked(""), err
	})
}

// Coming notes that the customer has done all there was to do and the money is on its way, which may take days: the
// page is no longer what the attempt waits for, so its end ends nothing.
func (s *Service) Coming(ctx context.Context, id ids.Attempt, when time.Time, notes sdk.Notes) error {
	return s.note(ctx, id, notes, func(a *Attempt) ([]outbox.Event, error) {
		a.PageURL, a.PageUntil = "", time.Time{}
		err := a.later(when, s.clock.Now())
		return a.parked(""), err
	})
}

// Lose notes doubt: no answer came, or the gateway cannot say. It is asked after 10 s, 1, 5, 10, 30 minutes, 2, 6 and
// 24 hours; after the last a person decides.
// Emits: parked, once.
func (s *Service) Lose(ctx context.Context, id ids.Attempt, why string, notes sdk.Notes) error {
	return s.note(ctx, id, notes, func(a *Attempt) ([]outbox.Event, error) {
		err := a.lose(time.Time{}, s.clock.Now())
		return a.parked(why), err
	})
}

// Park leaves it to a person. Parked already is no error.
// Emits: parked, once.
func (s *Service) Park(ctx context.Context, id ids.Attempt) error {
	return s.note(ctx, id, nil, func(a *Attempt) ([]outbox.Event, error) {
		if a.Status == Parked {
			return nil, nil
		}
		err := a.do(Park)
		return a.parked(""), err
	})
}

// parked is the event of an attempt that has just been parked.
func (a *Attempt) parked(why string) []outbox.Event {
	if a.Status != Parked {
		return nil
	}
	return []outbox.Event{{Kind: EventParked, Subject: string(a.ID), Payload: Fact{Customer: a.Customer, Attempt: a.ID, Invoices: a.Invoices, Class: why}}}
}

// Decline ends it without money. With ClassUnavailable the gateway surely did nothing; else the payer or a bank
// refused. One that has ended without money is left alone; a success is never taken back: states.ErrRefused.
// Emits: declined, once.
func (s *Service) Decline(ctx context.Context, id ids.Attempt, d gateway.Decline, ref string, notes sdk.Notes) error {
	return s.note(ctx, id, notes, func(a *Attempt) ([]outbox.Event, error) {
		changed, err := a.decline(d, ref)
		if err != nil || !changed {
			return nil, err
		}
		return []outbox.Event{{Kind: EventDeclined, Subject: string(id), Payload: Fact{Customer: a.Customer, Attempt: id, Method: a.Method, Invoices: a.Invoices, Class: a.DeclineClass}}}, nil
	})
}

// Expire ends it without money: the page lapsed, or nobody wants it any more. End it at the gateway first.
// One that has ended without money is left alone.
func (s *Service) Expire(ctx context.Context, id ids.Attempt) error {
	return s.note(ctx, id, nil, func(a *Attempt) ([]outbox.Event, error) { return nil, a.expire() })
}

// Saved ends an attempt that asked for a method and no money. Ended already is no error.
func (s *Service) Saved(ctx context.Context, id ids.Attempt, notes sdk.Notes) error {
	return s.note(ctx, id, notes, func(a *Attempt) ([]outbox.Event, error) {
		if a.Purpose != SaveOnly {
			return nil, fmt.Errorf("attempt %s asks for %s: a saved method does not end it", a.ID, a.Amount)
		}
		if a.Status == Succeeded {
			return nil, nil
		}
		return nil, a.do(Succeed)
	})
}

// note is change for a call whose notes are kept, whatever it brought; nil leaves them.
func (s *Service) note(ctx context.Context, id ids.Attempt, notes sdk.Notes, decide func(*Attempt) ([]outbox.Event, error)) error {
	_, err := s.change(ctx, id, func(a *Attempt) ([]outbox.Event, error) {
		if notes != nil {
			a.Notes = notes
		}
		return decide(a)
	})
	return err
}

// change is lock, decide, save, tell.
func (s *Service) change(ctx context.Context, id ids.Attempt, decide func(*Attempt) ([]outbox.Event, error)) (a Attempt, err error) {
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		if a, err = s.store.lockAttempt(ctx, id); err != nil {
			return err
		}
		events, err := decide(&a)
		if err != nil {
			return err
		}
		if err := s.store.saveAttempt(ctx, a); err != nil {
			return err
		}
		a.Version++
		return s.outbox.Add(ctx, events...)
	})
	if err != nil {
		return Attempt{}, fmt.Errorf("change attempt %s: %w", id, err)
	}
	return a, nil
}

// Get reads an attempt; ErrAttemptNotFound.
func (s *Service) Get(ctx context.Context, id ids.Attempt) (Attempt, error) {
	return s.store.attempt(ctx, id, "")
}

// GetFor reads an attempt of a customer; another's is ErrAttemptNotFound too.
func (s *Service) GetFor(ctx context.Context, c ids.Customer, id ids.Attempt) (Attempt, error) {
	if c == "" {
		return Attempt{}, ErrAttemptNotFound
	}
	return s.store.attempt(ctx, id, c)
}

// ByRef finds the newest attempt that the gateway knows by a reference; ErrAttemptNotFound.
func (s *Service) ByRef(ctx context.Context, accountKey, ref string) (Attempt, error) {
	return s.store.attemptByRef(ctx, accountKey, ref)
}

// OpenOn reads the attempt that has not ended of each of the invoices that has one.
func (s *Service) OpenOn(ctx context.Context, invoices []ids.Invoice) (map[ids.Invoice]Attempt, error) {
	return s.store.openOn(ctx, invoices)
}

// Due lists attempts whose hour has come: planned or sent by somebody who died, waiting, unknown. The longest due
// comes first.
func (s *Service) Due(ctx context.Context, now time.Time, limit int) ([]Attempt, error) {
	return s.store.dueAttempts(ctx, now, limit)
}

// Page is one page of a list. Next "" is the end; Total counts the whole filter.
type Page[T any] struct {
	List  []T
	Next  string
	Total int
}

// AttemptFilter narrows a list of attempts. Zero fields do not.
type AttemptFilter struct {
	Customer ids.Customer
	Statuses []AttemptStatus
	Gateway  string
	Invoice  ids.Invoice
	Query    string // a whole ID or reference
	Sort     string // "newest" (default) or "oldest"
	After    string // Next of the last page
	Limit    int    // 1 to 200; 0 is 50
}

// List answers one page of attempts in two queries.
func (s *Service) List(ctx context.Context, f AttemptFilter) (Page[Attempt], error) {
	return s.store.listAttempts(ctx, f)
}

// today is the day in UTC, for what is coarse: a card's month.
func (s *Service) today() period.Day { return period.On(s.clock.Now(), time.UTC) }
