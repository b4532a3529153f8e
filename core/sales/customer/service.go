package customer

import (
	"context"
	"fmt"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/counter"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/outbox"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/sdk"
)

// numbers is the name of the counter of customers' numbers.
const numbers = "customer"

// Deps is what the service uses.
type Deps struct {
	DB     *db.DB
	Outbox *outbox.Outbox
	Audit  *audit.Service
	Clock  clock.Clock
}

// Service holds the rules for customers: who is taken in, what may change.
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

// Create takes a customer in and gives the next number.
//
// Errors: Invalid with the field's name. Emits: created.
func (s *Service) Create(ctx context.Context, n Newcomer) (Customer, error) {
	now := s.clock.Now()
	c := Customer{
		ID: ids.New[ids.Customer](), Kind: n.Kind, First: n.First, Last: n.Last, Company: n.Company, Email: n.Email, Phone: n.Phone,
		Address: n.Address, TaxID: n.TaxID, Currency: n.Currency, Locale: n.Locale, Status: Active, Combine: true, AutoApply: true,
		Created: now, Updated: now, Version: 1,
	}
	c.tidy()
	if err := c.check(); err != nil {
		return Customer{}, fmt.Errorf("create customer: %w", err)
	}
	err := s.db.Tx(ctx, func(ctx context.Context) (err error) {
		if c.Number, err = counter.Next(ctx, s.db, numbers); err != nil {
			return err
		}
		if err := s.store.insert(ctx, c); err != nil {
			return err
		}
		return s.tell(ctx, EventCreated, audit.Entry{Action: "customer.create", After: c}, c.ID)
	})
	if err != nil {
		return Customer{}, fmt.Errorf("create customer: %w", err)
	}
	return c, nil
}

// Update changes a customer: decide gets it as it is and may change all but ID, number, status and times. To be
// refused when another change came first, it sets Version to the one that its page showed. A changed tax number or
// country is no longer checked. What changes nothing leaves no trace.
//
// Errors: ErrNotFound; ErrChanged; Invalid with the field's name; what decide answers. Emits: updated.
func (s *Service) Update(ctx context.Context, id ids.Customer, decide func(*Customer) error) (Customer, error) {
	return s.change(ctx, id, "customer.update", decide)
}

// Close ends the business with a customer. Closed already is no error. Emits: updated.
func (s *Service) Close(ctx context.Context, id ids.Customer) (Customer, error) {
	return s.move(ctx, id, Close, Closed)
}

// Reopen takes a closed customer back. Active already is no error. Emits: updated.
func (s *Service) Reopen(ctx context.Context, id ids.Customer) (Customer, error) {
	return s.move(ctx, id, Reopen, Active)
}

func (s *Service) move(ctx context.Context, id ids.Customer, a Action, to Status) (Customer, error) {
	return s.change(ctx, id, "customer."+string(a), func(c *Customer) (err error) {
		if c.Status != to {
			c.Status, err = life.Next(c.Status, a)
		}
		return err
	})
}

// change is lock, decide, save, tell.
func (s *Service) change(ctx context.Context, id ids.Customer, action string, decide func(*Customer) error) (c Customer, err error) {
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		before, err := s.store.lock(ctx, id)
		if err != nil {
			return err
		}
		c = before
		if err := decide(&c); err != nil {
			return err
		}
		if c.Version != before.Version {
			return ErrChanged
		}
		c.ID, c.Number, c.Created, c.Updated = before.ID, before.Number, before.Created, before.Updated
		if action == "customer.update" {
			c.Status = before.Status
		}
		c.tidy()
		if before.TaxIDChecked && (c.TaxID != before.TaxID || c.Address.Country != before.Address.Country) {
			c.TaxIDChecked = false
		}
		if c == before {
			return nil
		}
		if err := c.check(); err != nil {
			return err
		}
		c.Updated, c.Version = s.clock.Now(), before.Version+1
		if err := s.store.save(ctx, c); err != nil {
			return err
		}
		return s.tell(ctx, EventUpdated, audit.Entry{Action: action, Before: before, After: c}, c.ID)
	})
	if err != nil {
		return Customer{}, fmt.Errorf("change customer %s: %w", id, err)
	}
	return c, nil
}

func (s *Service) tell(ctx context.Context, event string, e audit.Entry, id ids.Customer) error {
	if err := s.outbox.Add(ctx, outbox.Event{Kind: event, Subject: string(id), Payload: Fact{Customer: id}}); err != nil {
		return err
	}
	e.Subject, e.Customer = string(id), id
	return s.audit.Add(ctx, e)
}

// Get reads one; ErrNotFound.
func (s *Service) Get(ctx context.Context, id ids.Customer) (Customer, error) {
	c, err := s.store.get(ctx, id)
	if err != nil {
		return Customer{}, fmt.Errorf("get customer %s: %w", id, err)
	}
	return c, nil
}

// Many reads customers at once. Who does not exist is left out.
func (s *Service) Many(ctx context.Context, set []ids.Customer) (map[ids.Customer]Customer, error) {
	out, err := s.store.many(ctx, set)
	if err != nil {
		return nil, fmt.Errorf("get customers: %w", err)
	}
	return out, nil
}

// Lock reads one and keeps it from changing until the transaction ends. Acts that touch several things of a
// customer lock it first.
func (s *Service) Lock(ctx context.Context, id ids.Customer) (Customer, error) {
	c, err := s.store.lock(ctx, id)
	if err != nil {
		return Customer{}, fmt.Errorf("lock customer %s: %w", id, err)
	}
	return c, nil
}

// SDK reads one as plugins are told; ErrNotFound.
func (s *Service) SDK(ctx context.Context, id ids.Customer) (sdk.Customer, error) {
	c, err := s.Get(ctx, id)
	return c.SDK(), err
}

// List answers one page in two queries. Error: ErrPage.
func (s *Service) List(ctx context.Context, f Filter) (Page, error) {
	page, err := s.store.list(ctx, f)
	if err != nil {
		return Page{}, fmt.Errorf("list customers: %w", err)
	}
	return page, nil
}
