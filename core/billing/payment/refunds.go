package payment

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/outbox"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/gateway"
	"github.com/ezscale/bursar/sdk/money"
)

// Way is how money goes back.
type Way string

// The ways.
const (
	ByGateway Way = "gateway"  // the payment's gateway is asked
	Recorded  Way = "recorded" // staff sent it otherwise, and says so: done at once
)

// Refund is money sent back to a customer. Its ID is the key under which the gateway does it once.
type Refund struct {
	ID         ids.Refund
	Payment    ids.Payment // "" for recorded money that belongs to no payment
	Customer   ids.Customer
	Way        Way
	Amount     money.Amount
	Status     RefundStatus
	RequestKey string // the caller's: the same key is the same refund
	Ref        string // the gateway's
	CreditNote ids.CreditNote
	Reason     string
	Created    time.Time
	Sent       time.Time // first call
	AskAt      time.Time // the gateway is asked then; zero: never
	Asks       int
	Version    int64
}

// Op names the refund to the gateway.
func (f Refund) Op() sdk.Op {
	first := f.Sent
	if first.IsZero() {
		first = f.Created
	}
	return sdk.Op{ID: string(f.ID), Attempt: f.Asks + 1, First: first}
}

// refundDaily is how often a refund that a bank works on is asked for.
const refundDaily = 24 * time.Hour

// NewRefund asks for money to go back. Customer and the currency are the payment's where there is one.
type NewRefund struct {
	Payment    ids.Payment
	Customer   ids.Customer
	Way        Way
	Minor      int64
	Currency   string // only without a payment
	Reason     string
	RequestKey string
	CreditNote ids.CreditNote
}

// RefundTurn says what a call changed: From is the status before. Nothing is to be posted unless Changed.
type RefundTurn struct {
	Refund  Refund
	From    RefundStatus
	Changed bool
}

// RequestRefund reserves money of a payment before anything is called: what is refunded, under way and disputed never
// exceeds it, however many ask at once. With Recorded it is done at once. The same key answers the first refund, fresh is
// false then. The customer's balance, from which it is paid, is the ledger's.
//
// Errors: ErrTooMuch, ErrKeyUsed, ErrNotCaptured, ErrNotFound.
// Emits: done, for Recorded.
func (s *Service) RequestRefund(ctx context.Context, n NewRefund) (f Refund, fresh bool, err error) {
	switch {
	case n.Minor <= 0:
		return Refund{}, false, fault.New(fault.Invalid, "refund_amount", "A refund is an amount above zero.").On("amount")
	case n.RequestKey == "" || len(n.RequestKey) > 64 || n.Way != ByGateway && n.Way != Recorded || n.Payment == "" && (n.Way == ByGateway || n.Customer == "" || n.Currency == ""):
		return Refund{}, false, fmt.Errorf("refund of %q by %q under key %.70q: not whole", n.Payment, n.Way, n.RequestKey)
	}
	run := func(ctx context.Context, p *Payment) (err error) {
		f, fresh, err = s.request(ctx, n, p)
		return err
	}
	if n.Payment != "" {
		err = s.locked(ctx, n.Payment, n.Customer, run)
	} else {
		err = s.db.Tx(ctx, func(ctx context.Context) error {
			if err := s.lock(ctx, n.Customer); err != nil {
				return err
			}
			return run(ctx, nil)
		})
	}
	if err != nil {
		return Refund{}, false, fmt.Errorf("refund payment %s: %w", n.Payment, err)
	}
	return f, fresh, nil
}

// request runs under the locks of customer and payment.
func (s *Service) request(ctx context.Context, n NewRefund, p *Payment) (Refund, bool, error) {
	if old, err := s.store.refundByKey(ctx, n.RequestKey); !errors.Is(err, ErrRefundNotFound) {
		if err == nil && (old.Payment != n.Payment || old.Amount.Minor() != n.Minor || old.Way != n.Way || n.Customer != "" && n.Customer != old.Customer) {
			err = ErrKeyUsed
		}
		return old, false, err
	}
	f := Refund{
		ID: ids.New[ids.Refund](), Payment: n.Payment, Customer: n.Customer, Way: n.Way, Status: RefundRequested, RequestKey: n.RequestKey, CreditNote: n.CreditNote, Reason: n.Reason,
		Created: s.clock.Now(), Version: 1, Amount: money.Of(n.Minor, n.Currency),
	}
	m := movement{refunding: n.Minor}
	if n.Way == Recorded {
		f.Status, m = RefundDone, movement{refunded: n.Minor}
	} else {
		f.AskAt = f.Created.Add(sentGrace)
	}
	if p != nil {
		switch {
		case n.Customer != "" && p.Customer != n.Customer:
			return Refund{}, false, ErrNotFound
		case p.Status != StatusCaptured && p.Status != StatusHeld || p.Customer == "":
			return Refund{}, false, ErrNotCaptured
		case n.Way == ByGateway && p.Source != FromGateway:
			return Refund{}, false, fault.New(fault.Invalid, "refund_way", "This payment did not come through a gateway. Send the money yourself, then record it.").On("way")
		}
		f.Customer, f.Amount = p.Customer, money.Of(n.Minor, p.Amount.Currency())
		if err := s.store.move(ctx, p.ID, m, ErrTooMuch); err != nil {
			return Refund{}, false, err
		}
	}
	if fresh, err := s.store.insertRefund(ctx, f); err != nil || !fresh {
		return Refund{}, false, errors.Join(err, ErrKeyUsed) // undone together with the reserve
	}
	if f.Status != RefundDone {
		return f, true, nil
	}
	return f, true, s.tellRefund(ctx, EventRefundDone, f)
}

// RefundSent is committed before the gateway is called. A refund that was sent is called again under the same key, and
// answers how it stands: so this may be called again too, for one that is sent or unknown.
func (s *Service) RefundSent(ctx context.Context, id ids.Refund) (Refund, error) {
	t, err := s.turnRefund(ctx, id, nil, func(ctx context.Context, f *Refund) error {
		now := s.clock.Now()
		if f.Status == RefundRequested {
			if err := f.do(RefundSend); err != nil {
				return err
			}
			f.Sent = now
		} else if f.Status != RefundSent && f.Status != RefundUnknown {
			return f.do(RefundSend)
		}
		f.AskAt = now.Add(sentGrace)
		return nil
	})
	return t.Refund, err
}

// RefundLater notes that the gateway, or a bank, is still at it. A zero time asks again tomorrow.
func (s *Service) RefundLater(ctx context.Context, id ids.Refund, when time.Time, ref string, notes sdk.Notes) error {
	_, err := s.turnRefund(ctx, id, notes, func(ctx context.Context, f *Refund) error {
		if f.Status == RefundDone || f.Status == RefundRefused {
			return nil
		}
		f.seen(ref)
		f.Asks++
		if f.AskAt = when; when.IsZero() {
			f.AskAt = s.clock.Now().Add(refundDaily)
		}
		return nil
	})
	return err
}

// RefundLost notes doubt. It is asked like an attempt, by the same call under the same key; after the last ask daily,
// until staff or the gateway says.
func (s *Service) RefundLost(ctx context.Context, id ids.Refund, notes sdk.Notes) error {
	_, err := s.turnRefund(ctx, id, notes, func(ctx context.Context, f *Refund) error {
		if f.Status == RefundUnknown {
			f.Asks++
		} else if err := f.do(RefundLose); err != nil {
			return err
		}
		wait, ok := step(unknownAsks, f.Asks)
		if !ok {
			wait = refundDaily
		}
		f.AskAt = s.clock.Now().Add(wait)
		return nil
	})
	return err
}

// RefundDone notes that the money went back. After a refusal the reserve is taken again first: ErrTooMuch if it is gone.
// Emits: done, once each time.
func (s *Service) RefundDone(ctx context.Context, id ids.Refund, ref string, notes sdk.Notes) (RefundTurn, error) {
	return s.turnRefund(ctx, id, notes, func(ctx context.Context, f *Refund) error {
		if f.Status == RefundDone {
			return nil
		}
		m := movement{refunded: f.Amount.Minor(), refunding: -f.Amount.Minor()}
		if f.Status == RefundRefused {
			m.refunding = 0
		}
		return s.endRefund(ctx, f, RefundFinish, ref, m, EventRefundDone)
	})
}

// RefundRefused notes that the money is still ours, or came back. The caller gives it to the balance again.
// Emits: refused, once each time.
func (s *Service) RefundRefused(ctx context.Context, id ids.Refund, why string, notes sdk.Notes) (RefundTurn, error) {
	return s.turnRefund(ctx, id, notes, func(ctx context.Context, f *Refund) error {
		if f.Status == RefundRefused {
			return nil
		}
		m := movement{refunding: -f.Amount.Minor()}
		if f.Status == RefundDone {
			m = movement{refunded: -f.Amount.Minor()}
		}
		return s.endRefund(ctx, f, RefundRefuse, "", m, EventRefundRefused)
	})
}

// endRefund moves status and sums together.
func (s *Service) endRefund(ctx context.Context, f *Refund, action RefundAction, ref string, m movement, event string) error {
	if err := f.do(action); err != nil {
		return err
	}
	f.seen(ref)
	f.AskAt = time.Time{}
	if f.Payment != "" {
		if err := s.store.move(ctx, f.Payment, m, ErrTooMuch); err != nil {
			return err
		}
	}
	return s.tellRefund(ctx, event, *f)
}

func (s *Service) tellRefund(ctx context.Context, event string, f Refund) error {
	return s.outbox.Add(ctx, outbox.Event{Kind: event, Subject: string(f.ID), Payload: Fact{Customer: f.Customer, Payment: f.Payment, Refund: f.ID, Minor: f.Amount.Minor()}})
}

func (f *Refund) do(action RefundAction) error {
	next, err := refundLife.Next(f.Status, action)
	if err != nil {
		return fmt.Errorf("refund %s: %w", f.ID, err)
	}
	f.Status = next
	return nil
}

func (f *Refund) seen(ref string) {
	if ref != "" {
		f.Ref = ref
	}
}

// turnRefund locks customer, payment and refund, runs fn and saves. notes are the payment's, after the call.
func (s *Service) turnRefund(ctx context.Context, id ids.Refund, notes sdk.Notes, fn func(context.Context, *Refund) error) (t RefundTurn, err error) {
	known, err := s.store.refund(ctx, id)
	if err != nil {
		return t, fmt.Errorf("change refund %s: %w", id, err)
	}
	run := func(ctx context.Context, p *Payment) error {
		if p != nil && notes != nil {
			p.notes = notes
			if err := s.store.savePayment(ctx, *p); err != nil {
				return err
			}
		}
		f, err := s.store.lockRefund(ctx, id)
		if err != nil {
			return err
		}
		from := f.Status
		if err := fn(ctx, &f); err != nil {
			return err
		}
		if err := s.store.saveRefund(ctx, f); err != nil {
			return err
		}
		f.Version++
		t = RefundTurn{Refund: f, From: from, Changed: f.Status != from}
		return nil
	}
	if known.Payment != "" {
		err = s.locked(ctx, known.Payment, known.Customer, run)
	} else {
		err = s.db.Tx(ctx, func(ctx context.Context) error {
			if err := s.lock(ctx, known.Customer); err != nil {
				return err
			}
			return run(ctx, nil)
		})
	}
	if err != nil {
		return RefundTurn{}, fmt.Errorf("change refund %s: %w", id, err)
	}
	return t, nil
}

// RefundSeen books a refund that staff made at the gateway's own site, by its reference: done, once. From is "" when it
// is new. Tell staff.
//
// Errors: ErrNotFound, the payment is not known yet; ErrTooMuch.
func (s *Service) RefundSeen(ctx context.Context, accountKey string, g gateway.Refunded) (t RefundTurn, err error) {
	if g.Reference == "" || g.Amount.Sign() <= 0 {
		return t, fmt.Errorf("refund %q of %s at the gateway: not whole", g.Reference, g.Amount)
	}
	p, err := s.store.paymentByRef(ctx, accountKey, g.Payment)
	if err != nil {
		return t, fmt.Errorf("refund %s of payment %s: %w", g.Reference, g.Payment, err)
	}
	if p.Amount.Currency() != g.Amount.Currency() {
		return t, fmt.Errorf("refund %s of payment %s: %w", g.Reference, g.Payment, money.ErrCurrency)
	}
	sum := sha256.Sum256([]byte(accountKey + "\x00" + g.Reference))
	key := hex.EncodeToString(sum[:])
	err = s.locked(ctx, p.ID, "", func(ctx context.Context, p *Payment) error {
		f := Refund{
			ID: ids.New[ids.Refund](), Payment: p.ID, Customer: p.Customer, Way: ByGateway, Amount: g.Amount, Status: RefundDone, RequestKey: key, Ref: g.Reference,
			Reason: "made at the gateway", Created: s.clock.Now(), Version: 1,
		}
		old, err := s.store.refundByKey(ctx, key)
		if err == nil {
			t = RefundTurn{Refund: old, From: old.Status}
			return nil
		}
		if !errors.Is(err, ErrRefundNotFound) {
			return err
		}
		if p.Customer == "" {
			return ErrNotCaptured
		}
		if err := s.store.move(ctx, p.ID, movement{refunded: g.Amount.Minor()}, ErrTooMuch); err != nil {
			return err
		}
		if fresh, err := s.store.insertRefund(ctx, f); err != nil || !fresh {
			return errors.Join(err, ErrChanged)
		}
		t = RefundTurn{Refund: f, Changed: true}
		return s.tellRefund(ctx, EventRefundDone, f)
	})
	return t, err
}

// SDKRefund is a refund for a call to its gateway.
func (s *Service) SDKRefund(ctx context.Context, f Refund) (gateway.Refund, error) {
	p, err := s.store.payment(ctx, f.Payment, "")
	if err != nil {
		return gateway.Refund{}, fmt.Errorf("read payment %s of refund %s: %w", f.Payment, f.ID, err)
	}
	return gateway.Refund{Op: f.Op(), Reference: p.Ref, Reason: f.Reason, Amount: f.Amount, Notes: p.notes}, nil
}

// Refund reads one; ErrRefundNotFound.
func (s *Service) Refund(ctx context.Context, id ids.Refund) (Refund, error) {
	return s.store.refund(ctx, id)
}

// DueRefunds lists refunds whose hour has come: requested by somebody who died, sent, unknown.
func (s *Service) DueRefunds(ctx context.Context, now time.Time, limit int) ([]Refund, error) {
	return s.store.dueRefunds(ctx, now, limit)
}

// RefundFilter narrows a list of refunds. Zero fields do not.
type RefundFilter struct {
	Customer ids.Customer
	Payment  ids.Payment
	Statuses []RefundStatus
	Query    string // a whole ID or reference
	Sort     string // "newest" (default) or "oldest"
	After    string // Next of the last page
	Limit    int    // 1 to 200; 0 is 50
}

// Refunds answers one page of refunds in two queries.
func (s *Service) Refunds(ctx context.Context, f RefundFilter) (Page[Refund], error) {
	return s.store.listRefunds(ctx, f)
}
