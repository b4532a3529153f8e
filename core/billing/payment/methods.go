package payment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/data/outbox"
	"github.com/ezscale/bursar/sdk/gateway"
)

// MethodStatus says whether a method can be used.
type MethodStatus string

// The statuses of methods.
const (
	MethodActive  MethodStatus = "active"
	MethodRemoved MethodStatus = "removed" // the customer, or the gateway, took it away
)

// Method is a saved way to pay. What opens it at the gateway stays sealed; see SDKMethod.
type Method struct {
	ID         ids.Method
	Customer   ids.Customer
	Gateway    string // plugin instance
	AccountKey string
	Kind       string // "card", "paypal", "sepa_debit"
	Brand      string // "visa"
	Last4      string
	Label      string     // "jane@example.com"
	Expires    period.Day // last day; zero: never
	Status     MethodStatus
	Default    bool
	Blocked    string    // decline class after which it is not charged any more, or ""
	Created    time.Time // when it was last saved anew

	sealed string
}

// expiry is the last day of a month.
func expiry(year, month int) period.Day {
	if year <= 0 || month < 1 || month > 12 {
		return period.Day{}
	}
	return period.Date(year, time.Month(month)+1, 0)
}

// tokenID names a method within an account. A gateway that gives no ID is known by its notes.
func tokenID(m gateway.Method) string {
	if m.ID != "" {
		return m.ID
	}
	return fmt.Sprint(m.Notes) // fmt prints maps sorted
}

// take fills in what a gateway says about the method.
func (m *Method) take(g gateway.Method) {
	m.Kind, m.Brand, m.Last4, m.Label, m.Expires = g.Kind, g.Brand, g.Last4, g.Label, expiry(g.ExpYear, g.ExpMonth)
}

// SaveMethod keeps a method that a customer agreed to. One that is known is refreshed; if it had been removed, or was
// blocked and has a later expiry now, it is as good as new. The first becomes the default.
//
// Error: ErrMethodTaken, another customer uses it.
// Emits: method_saved, when it can be charged and could not before.
func (s *Service) SaveMethod(ctx context.Context, c ids.Customer, instance, accountKey string, g gateway.Method) (m Method, err error) {
	if c == "" || instance == "" || accountKey == "" || g.ID == "" && len(g.Notes) == 0 {
		return Method{}, fmt.Errorf("save method of %q in %q: not whole", c, instance)
	}
	t := token{ID: tokenID(g), ExpYear: g.ExpYear, ExpMonth: g.ExpMonth, Notes: g.Notes}
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		if err := s.lock(ctx, c); err != nil {
			return err
		}
		usable := false
		m, err = s.store.methodByToken(ctx, accountKey, t.ID)
		switch {
		case errors.Is(err, ErrMethodNotFound):
			m = Method{ID: ids.New[ids.Method](), Customer: c, Gateway: instance, AccountKey: accountKey, Status: MethodActive, Created: s.clock.Now()}
			m.take(g)
			usable = true
			if err := s.store.insertMethod(ctx, m, t); err != nil {
				return err
			}
		case err != nil:
			return err
		case m.Customer != c && m.Status == MethodActive:
			return ErrMethodTaken
		default:
			renewed := m.Blocked != "" && m.Blocked != BlockDispute && expiry(g.ExpYear, g.ExpMonth).After(m.Expires)
			if usable = m.Status == MethodRemoved || renewed; usable {
				m.Customer, m.Status, m.Blocked, m.Created = c, MethodActive, "", s.clock.Now()
			}
			m.Gateway = instance
			m.take(g)
			if err := s.store.saveMethod(ctx, m, t); err != nil {
				return err
			}
		}
		if !usable {
			return nil
		}
		if err := s.ensureDefault(ctx, &m); err != nil {
			return err
		}
		return s.outbox.Add(ctx, outbox.Event{Kind: EventMethodSaved, Subject: string(m.ID), Payload: Fact{Customer: c, Method: m.ID}})
	})
	if err != nil {
		return Method{}, fmt.Errorf("save method of %s: %w", c, err)
	}
	return m, nil
}

// ensureDefault makes a method the default if its customer has none.
func (s *Service) ensureDefault(ctx context.Context, m *Method) error {
	all, err := s.store.methods(ctx, "customer_id = ? AND status = 'active' AND is_default = TRUE", m.Customer)
	if err != nil || len(all) > 0 {
		return err
	}
	m.Default = true
	return s.store.setDefault(ctx, m.Customer, m.ID)
}

// Methods lists the ways to pay that a customer has, the default first, then the newest.
func (s *Service) Methods(ctx context.Context, c ids.Customer) ([]Method, error) {
	return s.store.methods(ctx, "customer_id = ? AND status = 'active'", c)
}

// Method reads one, also one that was removed; ErrMethodNotFound.
func (s *Service) Method(ctx context.Context, id ids.Method) (Method, error) {
	return s.store.method(ctx, id, "")
}

// MethodFor reads one that a customer has; another's, and one that was removed, is ErrMethodNotFound.
func (s *Service) MethodFor(ctx context.Context, c ids.Customer, id ids.Method) (Method, error) {
	if c == "" {
		return Method{}, ErrMethodNotFound
	}
	return s.store.method(ctx, id, c)
}

// KnownMethod finds what a gateway names, whoever has it and also if it was removed; ErrMethodNotFound.
func (s *Service) KnownMethod(ctx context.Context, accountKey string, g gateway.Method) (Method, error) {
	return s.store.methodByToken(ctx, accountKey, tokenID(g))
}

// SDKMethod opens a method for a call to its gateway, also one that was removed, to be forgotten there. The caller
// adds the customer.
func (s *Service) SDKMethod(ctx context.Context, id ids.Method) (gateway.Method, error) {
	m, err := s.store.method(ctx, id, "")
	if err != nil {
		return gateway.Method{}, err
	}
	t, err := s.store.openToken(m)
	if err != nil {
		return gateway.Method{}, fmt.Errorf("open method %s: %w", id, err)
	}
	return gateway.Method{ID: t.ID, Kind: m.Kind, Brand: m.Brand, Last4: m.Last4, Label: m.Label, ExpYear: t.ExpYear, ExpMonth: t.ExpMonth, Notes: t.Notes}, nil
}

// MakeDefault makes a method of a customer the one that is charged first.
func (s *Service) MakeDefault(ctx context.Context, c ids.Customer, id ids.Method) error {
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		if err := s.lock(ctx, c); err != nil {
			return err
		}
		if _, err := s.MethodFor(ctx, c, id); err != nil {
			return err
		}
		return s.store.setDefault(ctx, c, id)
	})
	if err != nil {
		return fmt.Errorf("make method %s the default: %w", id, err)
	}
	return nil
}

// Block keeps a method from being charged, for a decline class. A block for a dispute stays.
func (s *Service) Block(ctx context.Context, id ids.Method, class string) error {
	return s.store.block(ctx, id, class)
}

// Unblock lets a method be charged again.
func (s *Service) Unblock(ctx context.Context, id ids.Method) error {
	return s.store.unblock(ctx, id)
}

// RemoveMethod takes a method away; the newest that is left becomes the default if it was. Removed already is no error.
// Have its gateway forget it.
func (s *Service) RemoveMethod(ctx context.Context, id ids.Method) error {
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		m, err := s.store.method(ctx, id, "")
		if err != nil {
			return err
		}
		if err := s.lock(ctx, m.Customer); err != nil {
			return err
		}
		if m, err = s.store.method(ctx, id, ""); err != nil || m.Status == MethodRemoved {
			return err
		}
		if err := s.store.removeMethod(ctx, id); err != nil || !m.Default {
			return err
		}
		next, err := s.store.newestMethod(ctx, m.Customer)
		if err != nil || next == "" {
			return err
		}
		return s.store.setDefault(ctx, m.Customer, next)
	})
	if err != nil {
		return fmt.Errorf("remove method %s: %w", id, err)
	}
	return nil
}

// Chargeable reads the methods of many customers that may be charged: had, not blocked, not past their last day. The
// default comes first, then the newest.
func (s *Service) Chargeable(ctx context.Context, customers []ids.Customer) (map[ids.Customer][]Method, error) {
	return s.store.chargeable(ctx, customers, s.today())
}
