package subscription

import (
	"context"
	"errors"
	"fmt"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/outbox"
)

// Service holds the rules for subscriptions: opening, renewing, suspending, ending.
type Service struct {
	db     *db.DB
	store  store
	outbox *outbox.Outbox
	clock  clock.Clock
}

// New makes the service.
func New(d *db.DB, out *outbox.Outbox, c clock.Clock) *Service {
	return &Service{db: d, store: store{db: d}, outbox: out, clock: c}
}

// Open makes a pending subscription with its items.
func (s *Service) Open(ctx context.Context, o Opening) (Subscription, error) {
	if o.ID == "" {
		o.ID = ids.New[ids.Subscription]()
	}
	sub := Subscription{
		ID: o.ID, Customer: o.Customer, Parent: o.Parent, Order: o.Order, Product: o.Product, Label: o.Label,
		Status: Pending, Currency: o.Currency, Cycle: o.Cycle, Anchor: o.Anchor, AnchorDay: o.AnchorDay,
		PeriodNo: o.PeriodNo, BilledTo: o.BilledTo, BillOn: o.BillOn, Checkout: o.Checkout, Created: s.clock.Now(), Version: 1,
	}
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		if err := s.store.insert(ctx, sub); err != nil {
			return err
		}
		for i := range o.Items {
			o.Items[i].Subscription = sub.ID
			if o.Items[i].ID == "" {
				o.Items[i].ID = ids.New[ids.Item]()
			}
		}
		return s.store.insertItems(ctx, o.Items)
	})
	if err != nil {
		return Subscription{}, fmt.Errorf("open subscription %s: %w", o.ID, err)
	}
	return sub, nil
}

// Activate says that the service was delivered. Active already is no error.
// Emits: activated, once.
func (s *Service) Activate(ctx context.Context, id ids.Subscription) error {
	return s.change(ctx, id, func(ctx context.Context, sub *Subscription) (string, Fact, error) {
		if sub.Status != Pending {
			return "", Fact{}, nil
		}
		return EventActivated, Fact{}, sub.do(Activate)
	})
}

// Suspend opens a cause. The service goes down with its first cause; the same cause twice is one.
// Emits: suspended, when it goes down.
func (s *Service) Suspend(ctx context.Context, id ids.Subscription, why Suspension) error {
	return s.change(ctx, id, func(ctx context.Context, sub *Subscription) (string, Fact, error) {
		if sub.Status != Active && sub.Status != Suspended {
			return "", Fact{}, sub.do(Suspend)
		}
		why.Subscription, why.Opened = id, s.clock.Now()
		if err := s.store.openCause(ctx, why); errors.Is(err, errCauseOpen) {
			return "", Fact{}, nil
		} else if err != nil {
			return "", Fact{}, err
		}
		if sub.Status == Suspended {
			return "", Fact{}, nil
		}
		return EventSuspended, Fact{Cause: why.Cause, Ref: why.Ref, Reason: why.Reason}, sub.do(Suspend)
	})
}

// Resume closes a cause. The service comes back when no cause is left; up says whether it did.
// Ref "" closes every open suspension of that cause.
// Emits: resumed, when it comes back.
func (s *Service) Resume(ctx context.Context, id ids.Subscription, cause Cause, ref string) (up bool, err error) {
	err = s.change(ctx, id, func(ctx context.Context, sub *Subscription) (string, Fact, error) {
		up = false
		if sub.Status != Suspended {
			return "", Fact{}, nil
		}
		left, err := s.store.closeCause(ctx, id, cause, ref, s.clock.Now())
		if err != nil || left > 0 {
			return "", Fact{}, err
		}
		up = true
		return EventResumed, Fact{Cause: cause, Ref: ref}, sub.do(Resume)
	})
	return up, err
}

// CancelOn sets the day on which the service ends; renewals stop. A zero day takes the cancellation back.
func (s *Service) CancelOn(ctx context.Context, id ids.Subscription, day, billOn period.Day) error {
	return s.change(ctx, id, func(ctx context.Context, sub *Subscription) (string, Fact, error) {
		if sub.Status == Ended {
			return "", Fact{}, sub.do(End)
		}
		sub.CancelOn, sub.BillOn = day, billOn
		return "", Fact{}, nil
	})
}

// End ends it for good. Ended already is no error.
// Emits: ended, once.
func (s *Service) End(ctx context.Context, id ids.Subscription, reason EndReason, today period.Day) error {
	return s.change(ctx, id, func(ctx context.Context, sub *Subscription) (string, Fact, error) {
		if sub.Status == Ended {
			return "", Fact{}, nil
		}
		action := End
		switch {
		case sub.Status == Pending:
			action = Cancel
		case sub.Status == Suspended && reason == Unpaid:
			action = Terminate
		}
		if err := sub.do(action); err != nil {
			return "", Fact{}, err
		}
		if _, err := s.store.closeCause(ctx, id, "", "", s.clock.Now()); err != nil {
			return "", Fact{}, err
		}
		sub.EndedOn, sub.EndReason, sub.BillOn = today, reason, period.Day{}
		return EventEnded, Fact{Reason: string(reason)}, nil
	})
}

// Rename gives it another label.
func (s *Service) Rename(ctx context.Context, id ids.Subscription, label string) error {
	return s.change(ctx, id, func(_ context.Context, sub *Subscription) (string, Fact, error) {
		sub.Label = label
		return "", Fact{}, nil
	})
}

// do moves the status by the table.
func (sub *Subscription) do(a Action) error {
	next, err := life.Next(sub.Status, a)
	if err != nil {
		return err
	}
	sub.Status = next
	return nil
}

// change is lock, decide, save, tell.
func (s *Service) change(ctx context.Context, id ids.Subscription, decide func(context.Context, *Subscription) (string, Fact, error)) error {
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		sub, err := s.store.lock(ctx, id)
		if err != nil {
			return err
		}
		event, fact, err := decide(ctx, &sub)
		if err != nil {
			return err
		}
		if err := s.store.save(ctx, sub); err != nil {
			return err
		}
		if event == "" {
			return nil
		}
		fact.Subscription, fact.Customer = sub.ID, sub.Customer
		return s.outbox.Add(ctx, outbox.Event{Kind: event, Subject: string(sub.ID), Payload: fact})
	})
	if err != nil {
		return fmt.Errorf("change subscription %s: %w", id, err)
	}
	return nil
}

// tell adds one event for each subscription.
func (s *Service) tell(ctx context.Context, event string, subs []Subscription) error {
	events := make([]outbox.Event, 0, len(subs))
	for _, sub := range subs {
		events = append(events, outbox.Event{Kind: event, Subject: string(sub.ID), Payload: Fact{Subscription: sub.ID, Customer: sub.Customer}})
	}
	return s.outbox.Add(ctx, events...)
}

// Get reads one; ErrNotFound.
func (s *Service) Get(ctx context.Context, id ids.Subscription) (Subscription, error) {
	return s.store.get(ctx, id, "")
}

// Many reads subscriptions at once. What does not exist is left out.
func (s *Service) Many(ctx context.Context, set []ids.Subscription) (map[ids.Subscription]Subscription, error) {
	return s.store.many(ctx, set)
}

// GetFor reads one of a customer; another's is ErrNotFound too.
func (s *Service) GetFor(ctx context.Context, c ids.Customer, id ids.Subscription) (Subscription, error) {
	return s.store.get(ctx, id, c)
}

// Lock reads one and keeps it from changing until the transaction ends.
func (s *Service) Lock(ctx context.Context, id ids.Subscription) (Subscription, error) {
	return s.store.lock(ctx, id)
}

// Items reads the live items of many subscriptions at once.
func (s *Service) Items(ctx context.Context, set []ids.Subscription) (map[ids.Subscription][]Item, error) {
	return s.store.items(ctx, set)
}

// Causes reads the open suspensions of many subscriptions at once.
func (s *Service) Causes(ctx context.Context, set []ids.Subscription) (map[ids.Subscription][]Suspension, error) {
	return s.store.causes(ctx, set)
}

// Ending lists those whose cancellation day has come, up to limit.
func (s *Service) Ending(ctx context.Context, today period.Day, limit int) ([]Subscription, error) {
	return s.store.ending(ctx, today, limit)
}

// OfOrder lists the subscriptions that an order opened.
func (s *Service) OfOrder(ctx context.Context, id ids.Order) ([]Subscription, error) {
	return s.store.ofOrder(ctx, id)
}

// Children lists the add-ons of a subscription that have not ended.
func (s *Service) Children(ctx context.Context, id ids.Subscription) ([]Subscription, error) {
	return s.store.children(ctx, id)
}

// Filter narrows a list. Zero fields do not.
type Filter struct {
	Customer ids.Customer
	Statuses []Status
	Product  ids.Product
	Query    string // part of the label, or a whole ID
	Sort     string // "newest" (default) or "oldest"
	After    string // cursor of the last page
	Limit    int    // 1 to 200; 0 is 50
}

// Page is one page of a list. Next "" is the end; Total counts the whole filter.
type Page struct {
	List  []Subscription
	Next  string
	Total int
}

// List answers one page in at most two queries.
func (s *Service) List(ctx context.Context, f Filter) (Page, error) {
	return s.store.list(ctx, f)
}
