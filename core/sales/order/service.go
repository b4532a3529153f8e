package order

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/data/counter"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/outbox"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/money"
)

// numbers is the name of the counter of orders' numbers.
const numbers = "order"

// Deps is what the service uses.
type Deps struct {
	DB     *db.DB
	Outbox *outbox.Outbox
	Audit  *audit.Service
	Clock  clock.Clock
}

// Service holds the rules for orders: placed once, accepted or cancelled once.
type Service struct {
	db     *db.DB
	store  store
	outbox *outbox.Outbox
	audit  *audit.Service
	clock  clock.Clock
}

// New makes the service.
func New(d Deps) *Service {
	return &Service{db: d.DB, store: store{db: d.DB}, outbox: d.Outbox, audit: d.Audit, clock: d.Clock}
}

// Place takes an order in. The same request key answers the first order, and fresh is false: then nothing was
// changed, and whatever else the caller's transaction has done for the order must be given up.
//
// Errors: ErrKey if the key is another customer's. Emits: placed, once.
func (s *Service) Place(ctx context.Context, p Placement) (o Order, fresh bool, err error) {
	if p.RequestKey == "" || utf8.RuneCountInString(p.RequestKey) > 100 || p.Customer == "" || p.Currency == "" {
		return Order{}, false, fmt.Errorf("place order: request key %.20q, customer %q, currency %q", p.RequestKey, p.Customer, p.Currency)
	}
	quote, err := json.Marshal(p.Quote)
	if err != nil {
		return Order{}, false, fmt.Errorf("place order: quote: %w", err)
	}
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		o, fresh = Order{}, false
		if first, err := s.placed(ctx, p); !errors.Is(err, ErrNotFound) {
			o = first
			return err
		}
		number, err := counter.Next(ctx, s.db, numbers)
		if err != nil {
			return err
		}
		o = Order{
			ID: p.ID, Number: number, Customer: p.Customer, Status: Pending, Currency: p.Currency, Quote: quote, Total: money.Of(p.TotalMinor, p.Currency),
			Invoice: p.Invoice, ExpiresOn: p.ExpiresOn, Placed: s.clock.Now(), PlacedBy: fault.Cut(p.PlacedBy, 60), Address: fault.Cut(p.Address, 60),
			RequestKey: p.RequestKey, TermsVersion: fault.Cut(p.TermsVersion, 40),
		}
		if o.ID == "" {
			o.ID = ids.New[ids.Order]()
		}
		if p.Review {
			if err := o.do(Review); err != nil {
				return err
			}
		}
		if err := s.store.insert(ctx, o); db.IsDuplicate(err) { // it came twice at once and the other was first
			if o, err = s.placed(ctx, p); errors.Is(err, ErrNotFound) {
				return ErrKey
			}
			return err
		} else if err != nil {
			return err
		}
		fresh = true
		return s.tell(ctx, EventPlaced, o, Fact{})
	})
	if err != nil {
		return Order{}, false, fmt.Errorf("place order: %w", err)
	}
	return o, fresh, nil
}

// placed is the order of a key, if it is this customer's.
func (s *Service) placed(ctx context.Context, p Placement) (Order, error) {
	o, err := s.store.byRequest(ctx, p.RequestKey)
	if err == nil && o.Customer != p.Customer {
		return Order{}, ErrKey
	}
	return o, err
}

// Accept says that the policy of what was ordered is met: it is delivered. Active already is no error.
// Emits: accepted, once.
func (s *Service) Accept(ctx context.Context, id ids.Order) (Order, error) {
	return s.change(ctx, id, Accept, Active, EventAccepted, "")
}

// Approve ends the review: the order goes on as others do. Pending or active already is no error.
// Emits: approved, once.
func (s *Service) Approve(ctx context.Context, id ids.Order) (Order, error) {
	return s.change(ctx, id, Approve, Pending, EventApproved, "")
}

// Refuse ends the review: it is fraud. Refused already is no error. What it took (stock, coupon, open attempts)
// is given back by what follows. Emits: cancelled, once.
func (s *Service) Refuse(ctx context.Context, id ids.Order, reason string) (Order, error) {
	return s.change(ctx, id, Refuse, Fraud, EventCancelled, reason)
}

// Cancel ends an order that was not accepted. Cancelled already is no error. What it took is given back by what
// follows. Emits: cancelled, once.
func (s *Service) Cancel(ctx context.Context, id ids.Order, reason string) (Order, error) {
	return s.change(ctx, id, Cancel, Cancelled, EventCancelled, reason)
}

// change is lock, decide, save, tell. An order that is where the action leads is left alone.
func (s *Service) change(ctx context.Context, id ids.Order, a Action, goal Status, event, reason string) (o Order, err error) {
	err = s.db.Tx(ctx, func(ctx context.Context) (err error) {
		if o, err = s.store.lock(ctx, id); err != nil {
			return err
		}
		if o.Status == goal || a == Approve && o.Status == Active {
			return nil
		}
		before := o.Status
		if err := o.do(a); err != nil {
			return err
		}
		if err := s.store.save(ctx, o, before); err != nil {
			return err
		}
		fact := Fact{Reason: reason}
		if event == EventCancelled {
			fact.Status = o.Status
		}
		if err := s.tell(ctx, event, o, fact); err != nil {
			return err
		}
		return s.audit.Add(ctx, audit.Entry{Action: "order." + string(a), Subject: string(id), Customer: o.Customer,
			Before: map[string]any{"status": before}, After: map[string]any{"status": o.Status, "reason": reason}})
	})
	if err != nil {
		return Order{}, fmt.Errorf("%s order %s: %w", a, id, err)
	}
	return o, nil
}

func (s *Service) tell(ctx context.Context, event string, o Order, f Fact) error {
	f.Order, f.Customer = o.ID, o.Customer
	return s.outbox.Add(ctx, outbox.Event{Kind: event, Subject: string(o.ID), Payload: f})
}

// Get reads one; ErrNotFound.
func (s *Service) Get(ctx context.Context, id ids.Order) (Order, error) {
	return s.store.get(ctx, id, "")
}

// GetFor reads one of a customer; another's is ErrNotFound too.
func (s *Service) GetFor(ctx context.Context, c ids.Customer, id ids.Order) (Order, error) {
	if c == "" {
		return Order{}, ErrNotFound
	}
	return s.store.get(ctx, id, c)
}

// ByRequest reads the order of a request key; ErrNotFound.
func (s *Service) ByRequest(ctx context.Context, key string) (Order, error) {
	return s.store.byRequest(ctx, key)
}

// ByInvoice reads the order whose first invoice it is; ErrNotFound for a renewal.
func (s *Service) ByInvoice(ctx context.Context, id ids.Invoice) (Order, error) {
	return s.store.byInvoice(ctx, id)
}

// Expired lists pending orders whose day has come, up to limit.
func (s *Service) Expired(ctx context.Context, today period.Day, limit int) ([]Order, error) {
	return s.store.expired(ctx, today, limit)
}

// List answers one page in two queries. Error: ErrPage.
func (s *Service) List(ctx context.Context, f Filter) (Page, error) {
	page, err := s.store.list(ctx, f)
	if err != nil {
		return Page{}, fmt.Errorf("list orders: %w", err)
	}
	return page, nil
}
