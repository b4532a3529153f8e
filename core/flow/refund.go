package flow

import (
	"context"
	"fmt"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/ledger"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/platform/inbox"
	"github.com/ezscale/bursar/core/platform/jobs"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/gateway"
	"github.com/ezscale/bursar/sdk/money"
	"github.com/ezscale/bursar/sdk/notifier"
)

const jobRefund = "refund"

// RefundIn asks for money to go back to a customer. With Credit a credit note takes back as much of the invoices that
// the payment paid first; without, the customer's balance must hold the amount. The same Key is the same refund.
type RefundIn struct {
	Payment  ids.Payment
	Amount   money.Amount
	Reason   string
	Key      string
	Recorded bool // staff sent it outside of any gateway
	Credit   bool
}

// Refund reserves the money and has the gateway send it: never above the payment, never above the balance.
//
// Errors: payment.ErrTooMuch; ledger.ErrBalance.
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
		if in.Amount.Currency() != p.Amount.Currency() {
			return fault.New(fault.Invalid, "other_currency", "The payment is in "+p.Amount.Currency()+".").On("amount")
		}
		if _, err := f.Customers.Lock(ctx, p.Customer); err != nil {
			return err
		}
		way := payment.ByGateway
		if in.Recorded || p.Source != payment.FromGateway {
			way = payment.Recorded
		}
		var fresh bool
		if r, fresh, err = f.Payments.RequestRefund(ctx, payment.NewRefund{Payment: p.ID, Customer: p.Customer, Way: way, Minor: in.Amount.Minor(), Reason: in.Reason, RequestKey: in.Key}); err != nil || !fresh {
			return err
		}
		if in.Credit {
			if err := f.creditFor(ctx, p, r, today); err != nil {
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
func (f *Flow) creditFor(ctx context.Context, p payment.Payment, r payment.Refund, today period.Day) error {
	given, err := f.Payments.Standing(ctx, one(p.ID))
	if err != nil {
		return err
	}
	rest := r.Amount.Minor()
	for _, a := range given[p.ID] {
		if rest == 0 {
			break
		}
		if a.Kind != payment.ToInvoice || a.Minor <= 0 {
			continue
		}
		took, err := f.credit(ctx, a.Invoice, min(rest, a.Minor), "refund:"+string(r.ID)+":"+string(a.Invoice), "Refund", today)
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

// workRefund has the gateway send a refund, and asks under the same key until it says how it ended.
func (f *Flow) workRefund(ctx context.Context, j jobs.Job) error {
	var in struct{ Refund ids.Refund }
	if err := j.Read(&in); err != nil {
		return jobs.GiveUp(err)
	}
	r, err := f.Payments.Refund(ctx, in.Refund)
	if err != nil || r.Status == payment.RefundDone || r.Status == payment.RefundRefused {
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
	if r, err = f.Payments.RefundSent(ctx, r.ID); err != nil {
		return err
	}
	ask, err := f.Payments.SDKRefund(ctx, r)
	if err != nil {
		return err
	}
	out, err := g.Refund(ctx, ask)
	ctx = context.WithoutCancel(ctx)
	switch kind := fault.KindOf(err); {
	case err == nil && out.Status == gateway.Pending:
		err = f.Payments.RefundLater(ctx, r.ID, time.Time{}, out.Reference, ask.Notes)
	case err == nil:
		return f.endRefund(ctx, r.ID, out, ask)
	case kind == fault.Unavailable:
		return err // nothing was done: the job comes again
	case kind == fault.Declined, kind == fault.Invalid, kind == fault.NotFound, kind == fault.Unsupported:
		return f.endRefund(ctx, r.ID, gateway.Refunded{Status: gateway.Declined, Text: fault.Of(err).Sentence()}, ask)
	default:
		err = f.Payments.RefundLost(ctx, r.ID, ask.Notes)
	}
	if err != nil {
		return err
	}
	if r, err = f.Payments.Refund(ctx, r.ID); err != nil {
		return err
	}
	return jobs.Again(later(r.AskAt, f.Clock.Now().Add(10*time.Second)))
}

// endRefund books how a refund ended, once for each end.
func (f *Flow) endRefund(ctx context.Context, id ids.Refund, out gateway.Refunded, ask gateway.Refund) error {
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
		h := ledger.Head{Cause: fmt.Sprintf("%s:%d", id, r.Version), Day: today, Currency: r.Amount.Currency(), Customer: r.Customer}
		switch out.Status {
		case gateway.Captured:
			turn, err := f.Payments.RefundDone(ctx, id, out.Reference, ask.Notes)
			if err != nil || !turn.Changed {
				return err
			}
			if turn.From == payment.RefundRefused { // the reserve had gone back to the balance: it is taken again
				if err := f.Ledger.Post(ctx, ledger.RefundRequest(h, id, r.Amount.Minor())); err != nil {
					return err
				}
			}
			return f.Ledger.Post(ctx, ledger.RefundDone(h, id, p.Gateway, r.Amount.Minor()))
		case gateway.Declined, gateway.Lapsed:
			turn, err := f.Payments.RefundRefused(ctx, id, out.Text, ask.Notes)
			if err != nil || !turn.Changed {
				return err
			}
			if turn.From == payment.RefundDone { // it had left, and came back to us
				if err := f.Ledger.Post(ctx, ledger.RefundReturned(h, id, p.Gateway, r.Amount.Minor())); err != nil {
					return err
				}
			}
			return f.Ledger.Post(ctx, ledger.RefundRefused(h, id, r.Amount.Minor()))
		}
		return nil
	})
}

// applyRefund is what a webhook says about a refund: of ours, or one made at the gateway's own site.
func (f *Flow) applyRefund(ctx context.Context, instance string, out gateway.Refunded) (string, string, error) {
	if id, err := ids.Parse[ids.Refund](out.Echo); err == nil {
		switch _, err := f.Payments.Refund(ctx, id); {
		case fault.KindOf(err) == fault.NotFound:
			return inbox.Waiting, "unknown refund " + out.Echo, nil
		case err != nil:
			return "", "", err
		}
		return inbox.Applied, "", f.endRefund(ctx, id, out, gateway.Refund{})
	}
	if out.Status != gateway.Captured {
		return inbox.Ignored, "a refund made at the gateway has not ended", nil
	}
	return f.foreignRefund(ctx, instance, out)
}

// foreignRefund books a refund that staff made at the gateway's own site: the money is gone, whatever we think of it.
func (f *Flow) foreignRefund(ctx context.Context, instance string, out gateway.Refunded) (string, string, error) {
	today, _, err := f.today(ctx)
	if err != nil {
		return "", "", err
	}
	account := f.Gateways.Account(instance)
	note := ""
	err = f.DB.Tx(ctx, func(ctx context.Context) error {
		p, err := f.Payments.PaymentByRef(ctx, account, out.Payment)
		if err != nil {
			return err
		}
		turn, err := f.Payments.RefundSeen(ctx, account, out)
		if err != nil || !turn.Changed {
			return err
		}
		if err := f.creditFor(ctx, p, turn.Refund, today); err != nil {
			return err
		}
		h := ledger.Head{Cause: string(turn.Refund.ID), Day: today, Currency: out.Amount.Currency(), Customer: p.Customer, Memo: "made at the gateway"}
		if err := f.Ledger.PostSet(ctx, []ledger.Posting{ledger.RefundRequest(h, turn.Refund.ID, out.Amount.Minor()), ledger.RefundDone(h, turn.Refund.ID, p.Gateway, out.Amount.Minor())}); err != nil {
			return err
		}
		note = "refund made at the gateway, booked as " + string(turn.Refund.ID)
		return f.tell(ctx, "seen:"+string(turn.Refund.ID), p.Customer, string(turn.Refund.ID), notifier.Post{
			Title: "Refunded at the gateway: " + out.Amount.String(), Level: "warning", URL: f.Links.Admin + "/payments/" + string(p.ID)})
	})
	if fault.KindOf(err) == fault.NotFound {
		return inbox.Waiting, "a refund of a payment that is not known", nil
	}
	return inbox.Applied, note, err
}
