package flow

import (
	"context"
	"errors"
	"fmt"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/billing/ledger"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/money"
)

// Settled says what a report of money changed.
type Settled struct {
	Payment payment.Payment
	Fresh   bool          // false: it was booked before, nothing changed
	Held    bool          // staff must look: another currency, or nobody knows what it is for
	Paid    []ids.Invoice // invoices that became paid
	Surplus money.Amount  // went to the customer's balance
}

// Settle books money: the payment, the invoices it pays, their periods, the ledger and the customer's balance, in
// one transaction. Webhook, browser, scheduler and staff all end here; whoever comes second changes nothing.
//
// Emits: payment.received or payment.held; invoice.paid for each invoice that became paid.
func (f *Flow) Settle(ctx context.Context, r payment.Report) (Settled, error) {
	s, err := f.settle(ctx, r, nil)
	if err != nil {
		return Settled{}, fmt.Errorf("settle %s %s: %w", r.AccountKey, r.Ref, err)
	}
	return s, nil
}

// settle books a report. named are the invoices where there is no attempt that names them.
func (f *Flow) settle(ctx context.Context, r payment.Report, named []ids.Invoice) (out Settled, err error) {
	if r.On.IsZero() {
		if r.On, _, err = f.today(ctx); err != nil {
			return out, err
		}
	}
	err = f.DB.Tx(ctx, func(ctx context.Context) error {
		out = Settled{}
		got, err := f.Payments.Receive(ctx, r)
		if err != nil {
			return err
		}
		out.Payment, out.Fresh, out.Held = got.Payment, got.Fresh, got.Held
		switch {
		case got.FeeKnown:
			return f.fee(ctx, got.Payment)
		case !got.Fresh, got.Payment.Status == payment.StatusPending:
			return nil
		case got.Held:
			return f.hold(ctx, got.Payment)
		}
		if got.Attempt != nil {
			named = got.Attempt.Invoices
		}
		return f.count(ctx, &out, named)
	})
	return out, err
}

// hold books money whose purpose nobody knows.
func (f *Flow) hold(ctx context.Context, p payment.Payment) error {
	h := ledger.Head{Cause: string(p.ID), Day: p.On, Currency: p.Amount.Currency(), Customer: p.Customer, Memo: p.HoldReason}
	return f.Ledger.Post(ctx, ledger.Hold(h, p.ID, p.Gateway, p.Amount.Minor()))
}

// count gives a payment out: to the named invoices in their order, the rest to the balance.
func (f *Flow) count(ctx context.Context, out *Settled, named []ids.Invoice) error {
	p := out.Payment
	rest := p.Amount.Minor()
	var parts []ledger.Part
	var given []payment.Allocation
	if _, err := f.Invoices.Lock(ctx, named); err != nil {
		return err
	}
	for _, id := range named {
		if rest == 0 {
			break
		}
		a, err := f.Invoices.Apply(ctx, id, rest)
		if err != nil {
			return err
		}
		counted := a.Open + a.WrittenOff
		if counted == 0 {
			continue
		}
		part := ledger.Part{Invoice: id, Open: a.Open, WrittenOff: a.WrittenOff}
		if a.WrittenOff > 0 {
			if part.Loss, err = f.Ledger.LossOf(ctx, id); err != nil {
				return err
			}
		}
		rest -= counted
		parts = append(parts, part)
		given = append(given, payment.Allocation{Invoice: id, Kind: payment.ToInvoice, Minor: counted})
		if a.Paid {
			out.Paid = append(out.Paid, id)
		}
	}
	out.Surplus = money.Of(rest, p.Amount.Currency())
	if rest > 0 {
		given = append(given, payment.Allocation{Kind: payment.ToBalance, Minor: rest})
	}
	if err := f.Payments.Allocate(ctx, p.ID, given); err != nil {
		return err
	}
	if len(out.Paid) > 0 {
		if err := f.Subscriptions.MarkPaid(ctx, out.Paid, f.Clock.Now()); err != nil {
			return err
		}
	}
	return f.book(ctx, p, parts)
}

// book posts a payment and what the gateway kept of it.
func (f *Flow) book(ctx context.Context, p payment.Payment, parts []ledger.Part) error {
	h := ledger.Head{Cause: string(p.ID), Day: p.On, Currency: p.Amount.Currency(), Customer: p.Customer}
	var set []ledger.Posting
	switch p.Source {
	case payment.FromBalance:
		set = append(set, ledger.PayBalance(h, parts))
	case payment.FromGateway:
		set = append(set, ledger.PayGateway(h, p.Gateway, p.Amount.Minor(), parts))
	default:
		set = append(set, ledger.PayBank(h, p.Amount.Minor(), parts))
	}
	if err := f.Ledger.PostSet(ctx, set); err != nil {
		return err
	}
	return f.fee(ctx, p)
}

// fee posts what the gateway kept of a payment, once it is known.
func (f *Flow) fee(ctx context.Context, p payment.Payment) error {
	if p.Fee.Sign() <= 0 {
		return nil
	}
	h := ledger.Head{Cause: string(p.ID), Day: p.On, Currency: p.Fee.Currency(), Customer: p.Customer}
	return f.Ledger.Post(ctx, ledger.Fee(h, p.Gateway, p.Fee.Minor()))
}

// Manual is money that staff has seen: a bank transfer, cash, a cheque.
type Manual struct {
	Customer ids.Customer
	Invoices []ids.Invoice // paid in this order; what is left goes to the balance
	Amount   money.Amount
	On       period.Day // when it came; zero is today
	Way      string     // bank, cash, cheque
	Memo     string     // reference on the statement
	Key      string     // names this entry: the same key is the same payment
}

// RecordPayment books money that staff has seen. The same Key books it once.
func (f *Flow) RecordPayment(ctx context.Context, m Manual) (payment.Payment, error) {
	if err := auth.Require(ctx, auth.PaymentRecord); err != nil {
		return payment.Payment{}, err
	}
	switch {
	case m.Amount.Sign() <= 0:
		return payment.Payment{}, fault.New(fault.Invalid, "amount_positive", "Write an amount above zero.").On("amount")
	case m.Key == "":
		return payment.Payment{}, fault.New(fault.Invalid, "request_key", "Send a key that names this payment.").On("key")
	}
	if m.Way == "" {
		m.Way = "bank"
	}
	var out Settled
	err := f.DB.Tx(ctx, func(ctx context.Context) (err error) {
		if _, err := f.Customers.Lock(ctx, m.Customer); err != nil {
			return err
		}
		list, err := f.Invoices.Lock(ctx, m.Invoices)
		if err != nil {
			return err
		}
		for _, inv := range list {
			if inv.Customer != m.Customer {
				return invoice.ErrNotFound
			}
			if inv.Currency != m.Amount.Currency() {
				return fault.New(fault.Invalid, "other_currency", "The invoice is in "+inv.Currency+".").On("amount")
			}
		}
		r := payment.Report{AccountKey: "internal", Gateway: m.Way, Ref: m.Way + ":" + m.Key, State: payment.Captured, Amount: m.Amount, On: m.On, Source: payment.FromBank, Customer: m.Customer, Memo: m.Memo}
		if out, err = f.settle(ctx, r, m.Invoices); err != nil || !out.Fresh {
			return err
		}
		return f.Audit.Add(ctx, audit.Entry{Action: "payment.record", Subject: string(out.Payment.ID), Customer: m.Customer, After: map[string]any{"amount": m.Amount, "way": m.Way, "memo": m.Memo}})
	})
	if err != nil {
		return payment.Payment{}, fmt.Errorf("record payment of %s: %w", m.Customer, err)
	}
	return out.Payment, nil
}

// payFromBalance pays an invoice from what we owe its customer, as far as that reaches. It answers what was paid.
func (f *Flow) payFromBalance(ctx context.Context, id ids.Invoice) (paid money.Amount, err error) {
	err = f.DB.Tx(ctx, func(ctx context.Context) error {
		inv, err := f.Invoices.Get(ctx, id)
		if err != nil {
			return err
		}
		if _, err := f.Customers.Lock(ctx, inv.Customer); err != nil {
			return err
		}
		locked, err := f.Invoices.Lock(ctx, one(id))
		if err != nil {
			return err
		}
		inv = locked[0]
		has, err := f.Ledger.BalanceIn(ctx, inv.Customer, inv.Currency)
		if err != nil {
			return err
		}
		minor := min(has.Minor(), inv.Open())
		if minor <= 0 || inv.Status != invoice.Opened {
			return nil
		}
		paid = inv.Amount(minor)
		own := ids.New[ids.Payment]()
		_, err = f.settle(ctx, payment.Report{ID: own, AccountKey: "internal", Gateway: "balance", Ref: string(own), State: payment.Captured, Amount: paid, Source: payment.FromBalance, Customer: inv.Customer}, one(id))
		return err
	})
	if errors.Is(err, ledger.ErrBalance) {
		return money.Amount{}, nil // somebody else spent it first
	}
	return paid, err
}
