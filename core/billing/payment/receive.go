package payment

import (
	"context"
	"errors"
	"fmt"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/data/outbox"
	"github.com/ezscale/bursar/sdk/money"
)

// Receive books what was heard about money. Webhook, browser, question and staff all end here, in any order and any
// number: a reference of an account is one payment for ever, and exactly one report of it is Fresh. The caller counts
// fresh money on invoices and posts it, in the transaction of ctx.
//
// Money is never refused: what no attempt asked for, or came in another currency, is held; a success after a decline or
// an end counts; a second payment under one attempt is a payment of its own.
//
// Errors: ErrDiffers, the reference was reported with another amount before; states.ErrRefused, captured after it failed.
// Emits: received or held, once.
func (s *Service) Receive(ctx context.Context, r Report) (out Received, err error) {
	if err := r.check(); err != nil {
		return Received{}, fmt.Errorf("receive: %w", err)
	}
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		out, err = s.receive(ctx, r)
		return err
	})
	if err != nil {
		return Received{}, fmt.Errorf("receive %s of %s: %w", r.Ref, r.AccountKey, err)
	}
	return out, nil
}

func (s *Service) receive(ctx context.Context, r Report) (Received, error) {
	a, err := s.asked(ctx, r)
	if err != nil {
		return Received{}, err
	}
	p, err := s.store.lockPaymentByRef(ctx, r.AccountKey, r.Ref)
	fresh := errors.Is(err, ErrNotFound)
	if fresh {
		p = r.payment(a)
		p.Created, p.Version = s.clock.Now(), 1
		if fresh, err = s.store.insertPayment(ctx, p); err == nil && !fresh { // somebody was faster
			p, err = s.store.lockPaymentByRef(ctx, r.AccountKey, r.Ref)
		}
	}
	if err != nil {
		return Received{}, err
	}
	out := Received{Payment: p, Attempt: a}
	if !fresh && p.Amount != r.Amount {
		return Received{}, ErrDiffers.Because(fmt.Errorf("%s before, %s now", p.Amount, r.Amount))
	}
	if r.State == Pending {
		return out, nil
	}
	if p.Status == StatusCaptured || p.Status == StatusHeld { // booked before
		out.Held = p.Status == StatusHeld
		return s.lateFee(ctx, r, out)
	}
	return s.capture(ctx, r, out)
}

// asked finds the attempt that a report is about, without a lock, and locks its customer, then it. Without one the
// customer of the report is locked, or whoever it was booked for before.
func (s *Service) asked(ctx context.Context, r Report) (*Attempt, error) {
	owner, id := r.Customer, ids.Attempt("")
	if r.Source == FromGateway {
		found := false
		key, err := ids.Parse[ids.Attempt](r.Key)
		if err == nil {
			var c ids.Customer
			if c, found, err = s.store.ownerOfAttempt(ctx, r.AccountKey, key); err != nil {
				return nil, err
			}
			if found {
				owner, id = c, key
			}
		}
		if !found {
			a, err := s.store.attemptByRef(ctx, r.AccountKey, r.Ref)
			if err == nil {
				owner, id = a.Customer, a.ID
			} else if !errors.Is(err, ErrAttemptNotFound) {
				return nil, err
			}
		}
	}
	if owner == "" {
		var err error
		if owner, err = s.store.ownerOfPayment(ctx, `account_key = ? AND gateway_ref = ?`, r.AccountKey, r.Ref); err != nil || owner == "" {
			return nil, err
		}
	}
	if err := s.lock(ctx, owner); err != nil {
		return nil, err
	}
	if id == "" {
		return nil, nil
	}
	a, err := s.store.lockAttempt(ctx, id)
	return &a, err
}

// payment is the row of a report that nobody has made yet. It is pending until it is captured.
func (r Report) payment(a *Attempt) Payment {
	p := Payment{
		ID: r.ID, Customer: r.Customer, Source: r.Source, Gateway: r.Gateway, AccountKey: r.AccountKey, Ref: r.Ref, Status: StatusPending, Amount: r.Amount,
		Fee: money.Of(r.fee(), r.Amount.Currency()), On: r.On, Memo: r.Memo, notes: r.Notes,
	}
	if p.ID == "" {
		p.ID = ids.New[ids.Payment]()
	}
	if a != nil {
		p.Customer, p.Attempt = a.Customer, a.ID
		if p.notes == nil {
			p.notes = a.Notes
		}
	}
	return p
}

// capture makes a pending payment ours, or holds it.
func (s *Service) capture(ctx context.Context, r Report, out Received) (Received, error) {
	p, a := &out.Payment, out.Attempt
	action, event, invoices := Capture, EventReceived, []ids.Invoice(nil)
	switch {
	case r.Source == FromGateway && a == nil:
		action, event, p.HoldReason = Hold, EventHeld, "nobody asked for it"
	case a != nil && a.Amount.Currency() != p.Amount.Currency():
		action, event, p.HoldReason = Hold, EventHeld, "asked for "+a.Amount.String()
	case a != nil:
		invoices = a.Invoices
	}
	if a != nil && p.Attempt == "" { // the debit was heard of before we knew what it was for
		p.Customer, p.Attempt = a.Customer, a.ID
	}
	next, err := life.Next(p.Status, action)
	if err != nil {
		return Received{}, err
	}
	p.Status, p.On, out.Fresh, out.Held = next, r.On, true, action == Hold
	if p.Fee.IsZero() {
		p.Fee = money.Of(r.fee(), p.Amount.Currency())
	}
	if r.Notes != nil {
		p.notes = r.Notes
	}
	if err := s.store.savePayment(ctx, *p); err != nil {
		return Received{}, err
	}
	p.Version++
	if action == Capture && a != nil {
		if err := s.succeed(ctx, r, a); err != nil {
			return Received{}, err
		}
	}
	return out, s.outbox.Add(ctx, outbox.Event{Kind: event, Subject: string(p.ID), Payload: Fact{Customer: p.Customer, Payment: p.ID, Attempt: p.Attempt, Invoices: invoices, Source: p.Source}})
}

// succeed ends the attempt of captured money. One that succeeded before was paid twice: it stays as it is.
func (s *Service) succeed(ctx context.Context, r Report, a *Attempt) error {
	if a.Status == Succeeded {
		return nil
	}
	if err := a.do(Succeed); err != nil {
		return err
	}
	a.Ref = r.Ref
	if r.Notes != nil {
		a.Notes = r.Notes
	}
	if err := s.store.saveAttempt(ctx, *a); err != nil {
		return err
	}
	a.Version++
	return nil
}

// lateFee keeps a fee that is told after the money.
func (s *Service) lateFee(ctx context.Context, r Report, out Received) (Received, error) {
	if fee := r.fee(); fee > 0 && out.Payment.Fee.IsZero() && r.Source == FromGateway {
		out.Payment.Fee, out.FeeKnown = money.Of(fee, r.Amount.Currency()), true
		if err := s.store.savePayment(ctx, out.Payment); err != nil {
			return Received{}, err
		}
		out.Payment.Version++
	}
	return out, nil
}

// Release lets go of held money: it becomes the customer's. The caller gives it out and posts it. c may be "" if the
// payment has a customer. Released already is no error, fresh is false then.
func (s *Service) Release(ctx context.Context, id ids.Payment, c ids.Customer) (p Payment, fresh bool, err error) {
	err = s.locked(ctx, id, c, func(ctx context.Context, got *Payment) error {
		if got.Customer == "" {
			got.Customer = c
		}
		if got.Customer == "" || c != "" && c != got.Customer {
			return ErrNotFound
		}
		fresh = got.Status == StatusHeld
		if !fresh && got.Status == StatusCaptured {
			p = *got
			return nil
		}
		next, err := life.Next(got.Status, Release)
		if err != nil {
			return err
		}
		got.Status = next
		err = s.store.savePayment(ctx, *got)
		got.Version++
		p = *got
		return err
	})
	return p, fresh, err
}

// Fail ends a pending payment that did not come. Failed already is no error.
func (s *Service) Fail(ctx context.Context, id ids.Payment, why string) error {
	return s.locked(ctx, id, "", func(ctx context.Context, p *Payment) error {
		if p.Status == StatusFailed {
			return nil
		}
		return s.fail(ctx, p, Fail, why)
	})
}

// Return takes back a captured payment that its bank fetched again, and everything that was given out of it. The caller
// reopens the invoices that are named, takes the rest from the balance and posts it. Returned already answers nothing.
// Emits: returned, once.
func (s *Service) Return(ctx context.Context, id ids.Payment, why string) (given []Allocation, err error) {
	err = s.locked(ctx, id, "", func(ctx context.Context, p *Payment) error {
		if given = nil; p.Status == StatusFailed {
			return nil
		}
		all, err := s.store.allocations(ctx, []ids.Payment{id})
		if err != nil {
			return err
		}
		given = standing(all[id])
		back := make([]Allocation, len(given))
		fact := Fact{Customer: p.Customer, Payment: id, Attempt: p.Attempt, Minor: p.Amount.Minor()}
		for i, a := range given {
			back[i] = Allocation{ID: ids.New[ids.Allocation](), Payment: id, Invoice: a.Invoice, Kind: a.Kind, Minor: -a.Minor, At: s.clock.Now()}
			if a.Invoice != "" {
				fact.Invoices = append(fact.Invoices, a.Invoice)
			}
		}
		if err := s.fail(ctx, p, Return, why); err != nil {
			return err
		}
		if err := s.store.insertAllocations(ctx, back); err != nil {
			return err
		}
		if err := s.store.apply(ctx, id, -p.Applied); err != nil {
			return err
		}
		return s.outbox.Add(ctx, outbox.Event{Kind: EventReturned, Subject: string(id), Payload: fact})
	})
	return given, err
}

func (s *Service) fail(ctx context.Context, p *Payment, action Action, why string) error {
	next, err := life.Next(p.Status, action)
	if err != nil {
		return err
	}
	p.Status, p.Memo = next, why
	return s.store.savePayment(ctx, *p)
}

// locked locks the customer of a payment, else c, then the payment, and runs fn.
func (s *Service) locked(ctx context.Context, id ids.Payment, c ids.Customer, fn func(context.Context, *Payment) error) error {
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		owner, err := s.store.ownerOfPayment(ctx, `id = ?`, id)
		if err != nil {
			return err
		}
		if owner == "" {
			owner = c
		}
		if owner != "" {
			if err := s.lock(ctx, owner); err != nil {
				return err
			}
		}
		p, err := s.store.lockPayment(ctx, id)
		if err != nil {
			return err
		}
		return fn(ctx, &p)
	})
	if err != nil {
		return fmt.Errorf("change payment %s: %w", id, err)
	}
	return nil
}

// Payment reads one; ErrNotFound.
func (s *Service) Payment(ctx context.Context, id ids.Payment) (Payment, error) {
	return s.store.payment(ctx, id, "")
}

// PaymentFor reads one of a customer; another's is ErrNotFound too.
func (s *Service) PaymentFor(ctx context.Context, c ids.Customer, id ids.Payment) (Payment, error) {
	if c == "" {
		return Payment{}, ErrNotFound
	}
	return s.store.payment(ctx, id, c)
}

// PaymentByRef finds a payment by the gateway's reference; ErrNotFound.
func (s *Service) PaymentByRef(ctx context.Context, accountKey, ref string) (Payment, error) {
	return s.store.paymentByRef(ctx, accountKey, ref)
}

// OfAttempt lists the payments that an attempt brought: one, or none, as a rule.
func (s *Service) OfAttempt(ctx context.Context, id ids.Attempt) ([]Payment, error) {
	return s.store.payments(ctx, "attempt_id = ?", "id", id)
}

// Filter narrows a list of payments. Zero fields do not.
type Filter struct {
	Customer ids.Customer
	Statuses []Status
	Sources  []Source
	Gateway  string
	From, To period.Day // of receipt; To exclusive
	Query    string     // a whole ID or reference, or part of the memo
	Sort     string     // "newest" (default) or "oldest"
	After    string     // Next of the last page
	Limit    int        // 1 to 200; 0 is 50
}

// Payments answers one page of payments in two queries.
func (s *Service) Payments(ctx context.Context, f Filter) (Page[Payment], error) {
	return s.store.listPayments(ctx, f)
}
