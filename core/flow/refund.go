package flow

import (
	"context"
	"fmt"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/billing/ledger"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/platform/inbox"
	"github.com/ezscale/bursar/core/platform/jobs"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/gateway"
	"github.com/ezscale/bursar/sdk/money"
)

const jobRefund = "refund"

// RefundIn asks for money to go back to a customer. With Credit a credit note takes back as much of the paid
// invoice first; without, the customer's balance must hold the amount. The same Key is the same refund.
type RefundIn struct {
	Payment  ids.Payment
	Amount   money.Amount
	Reason   string
	Key      string
	Recorded bool // staff sent it outside of any gateway
	Credit   bool
}

// Refund reserves the money and has the gateway send it: never above the payment, never above the balance.
func (f *Flow) Refund(ctx context.Context, in RefundIn) (r payment.Refund, err error) {
	if err := auth.Require(ctx, auth.InvoiceRefund); err != nil {
		return r, err
	}
	if in.Amount.Sign() <= 0 {
		return r, fault.New(fault.Invalid, "amount_positive", "Write an amount above zero.").On("amount")
	}
	if in.Reason == "" {
		return r, fault.New(fault.Invalid, "reason_missing", "Say why the money goes back.").On("reason")
	}
	today, _, err := f.today(ctx)
	if err != nil {
		return r, err
	}
	err = f.DB.Tx(ctx, func(ctx context.Context) error {
		p, err := f.Payments.Payment(ctx, in.Payment)
		if err != nil {
			return err
		}
		if _, err := f.Customers.Lock(ctx, p.Customer); err != nil {
			return err
		}
		if old, err := f.Payments.RefundByKey(ctx, in.Key); err == nil {
			r = old
			return nil
		} else if fault.KindOf(err) != fault.NotFound {
			return err
		}
		way := payment.ByGateway
		if in.Recorded || p.Source != payment.FromGateway {
			way = payment.Recorded
		}
		if r, err = f.Payments.RequestRefund(ctx, payment.NewRefund{Payment: p.ID, Customer: p.Customer, Way: way, Minor: in.Amount.Minor(), Reason: in.Reason, RequestKey: in.Key}); err != nil {
			return err
		}
		if in.Credit {
			if err := f.creditFor(ctx, p, in, today); err != nil {
				return err
			}
		}
		h := ledger.Head{Cause: string(r.ID), Day: today, Currency: in.Amount.Currency(), Customer: p.Customer, Memo: fault.Cut(in.Reason, 180)}
		post := ledger.RefundRequest(h, r.ID, in.Amount.Minor())
		if way == payment.Recorded {
			post = ledger.RefundRecorded(h, in.Amount.Minor())
		}
		if err := f.Ledger.Post(ctx, post); err != nil {
			return err
		}
		if way == payment.ByGateway {
			if err := f.watchRefund(ctx, r.ID, f.Clock.Now()); err != nil {
				return err
			}
		}
		return f.Audit.Add(ctx, audit.Entry{Action: "payment.refund", Subject: string(p.ID), Customer: p.Customer, After: map[string]any{"amount": in.Amount, "reason": in.Reason, "refund": r.ID}})
	})
	if err != nil {
		return payment.Refund{}, fmt.Errorf("refund %s: %w", in.Payment, err)
	}
	return r, nil
}

// creditFor takes back as much of the invoices that a payment paid as is refunded.
func (f *Flow) creditFor(ctx context.Context, p payment.Payment, in RefundIn, today period.Day) error {
	given, err := f.Payments.Allocations(ctx, one(p.ID))
	if err != nil {
		return err
	}
	rest := in.Amount.Minor()
	for _, a := range given[p.ID] {
		if rest == 0 {
			break
		}
		if a.Kind != payment.ToInvoice || a.Minor <= 0 {
			continue
		}
		took, err := f.credit(ctx, a.Invoice, min(rest, a.Minor), "refund:"+string(in.Payment)+":"+in.Key, in.Reason, today)
		if err != nil {
			return err
		}
		rest -= took
	}
	if rest > 0 {
		return fault.New(fault.Declined, "nothing_to_credit", "Less than that was paid by this payment for invoices. Refund it from the balance instead.").On("amount")
	}
	return nil
}

func (f *Flow) watchRefund(ctx context.Context, id ids.Refund, at time.Time) error {
	return f.Jobs.Enqueue(ctx, jobs.New{Kind: jobRefund, Payload: map[string]ids.Refund{"refund": id}, RunAt: at, UniqueKey: "refund:" + string(id)})
}

// workRefund has the gateway send a refund, and asks until it says how it ended.
func (f *Flow) workRefund(ctx context.Context, j jobs.Job) error {
	var in struct{ Refund ids.Refund }
	if err := j.Read(&in); err != nil {
		return jobs.GiveUp(err)
	}
	r, err := f.Payments.Refund(ctx, in.Refund)
	if err != nil || r.Status.Final() {
		return err
	}
	p, err := f.Payments.Payment(ctx, r.Payment)
	if err != nil {
		return err
	}
	g, err := f.Gateways.Gateway(p.Gateway)
	if err != nil {
		return err
	}
	notes, err := f.Payments.PaymentNotes(ctx, p.ID)
	if err != nil {
		return err
	}
	if r, err = f.Payments.RefundSent(ctx, r.ID); err != nil {
		return err
	}
	out, err := g.Refund(ctx, gateway.Refund{Op: r.Op(), Reference: p.Ref, Reason: r.Reason, Amount: r.Amount, Notes: notes})
	ctx = context.WithoutCancel(ctx)
	switch kind := fault.KindOf(err); {
	case err == nil:
	case kind == fault.Unavailable:
		return err // nothing was done: the job comes again
	case kind == fault.Declined, kind == fault.Invalid, kind == fault.NotFound, kind == fault.Unsupported:
		out = gateway.Refunded{Status: gateway.Declined, Text: fault.Of(err).Sentence()}
	default:
		if err := f.Payments.RefundLost(ctx, r.ID); err != nil {
			return err
		}
		return jobs.Again(f.Clock.Now().Add(2 * time.Minute))
	}
	if out.Status == gateway.Pending {
		return jobs.Again(f.Clock.Now().Add(24 * time.Hour))
	}
	return f.endRefund(ctx, r.ID, out)
}

// endRefund books how a refund ended, once for each end.
func (f *Flow) endRefund(ctx context.Context, id ids.Refund, out gateway.Refunded) error {
	today, _, err := f.today(ctx)
	if err != nil {
		return err
	}
	return f.DB.Tx(ctx, func(ctx context.Context) error {
		r, err := f.Payments.Refund(ctx, id)
		if err != nil {
			return err
		}
		if _, err := f.Customers.Lock(ctx, r.Customer); err != nil {
			return err
		}
		p, err := f.Payments.Payment(ctx, r.Payment)
		if err != nil {
			return err
		}
		h := ledger.Head{Cause: string(id), Day: today, Currency: r.Amount.Currency(), Customer: r.Customer}
		switch out.Status {
		case gateway.Captured:
			changed, err := f.Payments.RefundDone(ctx, id, out.Reference)
			if err != nil || !changed {
				return err
			}
			if r.Status == payment.RefundRefusedStatus { // the reserve had gone back: take it again
				again := h
				again.Cause += ":2"
				if err := f.Ledger.Post(ctx, ledger.RefundRequest(again, id, r.Amount.Minor())); err != nil {
					return err
				}
			}
			return f.Ledger.Post(ctx, ledger.RefundDone(h, id, p.Gateway, r.Amount.Minor()))
		case gateway.Declined, gateway.Lapsed:
			changed, err := f.Payments.RefundRefused(ctx, id, out.Text)
			if err != nil || !changed {
				return err
			}
			return f.Ledger.Post(ctx, ledger.RefundRefused(h, id, r.Amount.Minor()))
		}
		return nil
	})
}

func (f *Flow) applyRefund(ctx context.Context, instance string, out gateway.Refunded) (string, string, error) {
	id, err := ids.Parse[ids.Refund](out.Echo)
	if err != nil {
		return inbox.Waiting, "a refund made at the gateway itself: record it", nil
	}
	switch _, err := f.Payments.Refund(ctx, id); {
	case fault.KindOf(err) == fault.NotFound:
		return inbox.Waiting, "unknown refund " + out.Echo, nil
	case err != nil:
		return "", "", err
	}
	return inbox.Applied, "", f.endRefund(ctx, id, out)
}

// CreditInvoice takes back all of an invoice that is not taken back yet: first what is open, the rest goes to the
// customer's balance.
func (f *Flow) CreditInvoice(ctx context.Context, id ids.Invoice, reason string) error {
	if err := auth.Require(ctx, auth.InvoiceCredit); err != nil {
		return err
	}
	today, _, err := f.today(ctx)
	if err != nil {
		return err
	}
	return f.DB.Tx(ctx, func(ctx context.Context) error {
		inv, err := f.Invoices.Get(ctx, id)
		if err != nil {
			return err
		}
		if _, err := f.Customers.Lock(ctx, inv.Customer); err != nil {
			return err
		}
		if _, err := f.credit(ctx, id, inv.Total-inv.Credited, "void:"+string(id), reason, today); err != nil {
			return err
		}
		return f.Audit.Add(ctx, audit.Entry{Action: "invoice.credit", Subject: string(id), Customer: inv.Customer, After: map[string]any{"reason": reason}})
	})
}

// credit makes a credit note of at most an amount with tax, and books it. It answers how much it came to.
func (f *Flow) credit(ctx context.Context, id ids.Invoice, most int64, cause, reason string, today period.Day) (int64, error) {
	draft, err := f.Invoices.Crediting(ctx, id, most)
	if err != nil {
		return 0, err
	}
	draft.CauseKey, draft.Reason, draft.Day = cause, reason, today
	segments, err := f.Invoices.Segments(ctx, idsOf(draft.Lines, func(l invoice.CreditLine) ids.Line { return l.Line }))
	if err != nil {
		return 0, err
	}
	for i := range draft.Lines {
		l := &draft.Lines[i]
		set := segments[l.Line]
		if len(set) == 0 {
			continue // a line without service days is earned at once
		}
		own := make([]ledger.Segment, len(set))
		for k, s := range set {
			own[k] = ledger.Segment{From: s.From, To: s.To, Minor: s.Minor, Closed: s.Closed}
		}
		fromDeferred, after := ledger.Take(own, l.Net, today)
		l.FromDeferred = fromDeferred
		l.Segments = make([]invoice.Segment, len(after))
		for k, s := range after {
			l.Segments[k] = invoice.Segment{From: s.From, To: s.To, Minor: s.Minor, Closed: s.Closed}
		}
	}
	note, effect, err := f.Invoices.Credit(ctx, draft)
	if err != nil {
		return 0, err
	}
	var s ledger.Sale
	for _, l := range effect.Lines {
		s.Deferred = append(s.Deferred, ledger.Amount{Product: l.Product, Minor: l.FromDeferred})
		s.Revenue = append(s.Revenue, ledger.Amount{Product: l.Product, Minor: l.Net - l.FromDeferred})
	}
	for _, t := range effect.Taxes {
		s.Tax = append(s.Tax, ledger.Amount{Code: t.Code, Minor: t.Tax})
	}
	s.Rounding = effect.Rounding
	h := ledger.Head{Cause: string(note.ID), Day: today, Currency: note.Currency, RatePico: effect.RatePico, Customer: note.Customer}
	return note.Total, f.Ledger.Post(ctx, ledger.CreditNote(h, id, s, effect.ToOpen))
}

// WriteOff gives up what is open on an invoice.
func (f *Flow) WriteOff(ctx context.Context, id ids.Invoice) error {
	if err := auth.Require(ctx, auth.InvoiceCredit); err != nil {
		return err
	}
	today, _, err := f.today(ctx)
	if err != nil {
		return err
	}
	return f.DB.Tx(ctx, func(ctx context.Context) error {
		if err := f.writeOff(ctx, id, today); err != nil {
			return err
		}
		return f.Audit.Add(ctx, audit.Entry{Action: "invoice.write_off", Subject: string(id)})
	})
}

func (f *Flow) writeOff(ctx context.Context, id ids.Invoice, today period.Day) error {
	inv, err := f.Invoices.Get(ctx, id)
	if err != nil {
		return err
	}
	open, err := f.Invoices.WriteOff(ctx, id)
	if err != nil || open == 0 {
		return err
	}
	h := ledger.Head{Cause: string(id), Day: today, Currency: inv.Currency, Customer: inv.Customer}
	return f.Ledger.Post(ctx, ledger.WriteOff(h, id, ledger.BadDebts, open))
}
