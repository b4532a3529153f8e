package flow

import (
	"context"
	"fmt"

	"github.com/ezscale/bursar/core/billing/ledger"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/platform/inbox"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/gateway"
)

// applyDispute books how a contested payment stands, in whatever order that is heard.
func (f *Flow) applyDispute(ctx context.Context, instance string, d gateway.Dispute) (string, string, error) {
	err := f.DB.Tx(ctx, func(ctx context.Context) error {
		turn, err := f.Payments.TurnDispute(ctx, f.Gateways.Account(instance), d)
		if err != nil {
			return err
		}
		for n, did := range turn.Did {
			if err := f.bookDispute(ctx, turn, did, n); err != nil {
				return err
			}
		}
		return nil
	})
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return inbox.Waiting, "a dispute over a payment that is not known", nil
	case fault.KindOf(err) == fault.Conflict && fault.Of(err).Is(payment.ErrDispute):
		return inbox.Failed, "a dispute that does not fit its payment", nil
	}
	return inbox.Applied, "", err
}

// bookDispute books one turn of a dispute: the money that left, came back or is lost.
func (f *Flow) bookDispute(ctx context.Context, turn payment.DisputeTurn, did payment.DisputeAction, n int) error {
	today, _, err := f.today(ctx)
	if err != nil {
		return err
	}
	d, p := turn.Dispute, turn.Payment
	h := ledger.Head{Cause: fmt.Sprintf("%s:%d:%d", d.ID, d.Version, n), Day: today, Currency: d.Amount.Currency(), Customer: p.Customer}
	minor, fee := d.Amount.Minor(), d.Fee.Minor()
	standing, err := f.Payments.Standing(ctx, one(p.ID))
	if err != nil {
		return err
	}
	switch did {
	case payment.DisputeTake:
		if err := f.contest(ctx, standing[p.ID], minor); err != nil {
			return err
		}
		return f.Ledger.Post(ctx, ledger.OpenDispute(h, d.ID, p.Gateway, minor, fee))
	case payment.DisputeWin:
		if err := f.contest(ctx, standing[p.ID], -minor); err != nil {
			return err
		}
		return f.Ledger.Post(ctx, ledger.WinDispute(h, d.ID, p.Gateway, minor, fee))
	case payment.DisputeLose, payment.DisputeAccept:
		return f.loseDispute(ctx, h, turn, standing[p.ID])
	}
	return nil
}

// contest marks what is contested of the invoices that a payment paid, or takes the marks away.
func (f *Flow) contest(ctx context.Context, given []payment.Allocation, minor int64) error {
	rest := max(minor, -minor)
	for _, a := range given {
		part := min(rest, a.Minor)
		if a.Kind != payment.ToInvoice || part <= 0 {
			continue
		}
		rest -= part
		delta := part
		if minor < 0 {
			delta = -part
		}
		if err := f.Invoices.Dispute(ctx, a.Invoice, delta); err != nil {
			return err
		}
	}
	return nil
}

// loseDispute takes lost money back from where it had gone: invoices are owed again and then written off, as the
// service was delivered and its buyer will not pay; what lay on the balance is gone as far as it is there.
func (f *Flow) loseDispute(ctx context.Context, h ledger.Head, turn payment.DisputeTurn, given []payment.Allocation) error {
	d, p := turn.Dispute, turn.Payment
	rest := d.Amount.Minor()
	var parts []ledger.Part
	var moved []payment.Allocation
	var fromBalance, lost int64
	for _, a := range given {
		part := min(rest, a.Minor)
		if part <= 0 || a.Kind == payment.ToLost {
			continue
		}
		rest -= part
		moved = append(moved, payment.Allocation{Invoice: a.Invoice, Kind: a.Kind, Minor: -part}, payment.Allocation{Kind: payment.ToLost, Minor: part})
		if a.Kind == payment.ToBalance {
			has, err := f.Ledger.BalanceIn(ctx, p.Customer, d.Amount.Currency())
			if err != nil {
				return err
			}
			there := min(part, max(has.Minor()-fromBalance, 0))
			fromBalance, lost = fromBalance+there, lost+part-there
			continue
		}
		if err := f.Invoices.Dispute(ctx, a.Invoice, -part); err != nil {
			return err
		}
		if err := f.Invoices.Reopen(ctx, a.Invoice, part); err != nil {
			return err
		}
		parts = append(parts, ledger.Part{Invoice: a.Invoice, Open: part})
	}
	lost += rest
	if err := f.Payments.Allocate(ctx, p.ID, moved); err != nil {
		return err
	}
	if err := f.Ledger.Post(ctx, ledger.LoseDispute(h, d.ID, parts, fromBalance, lost)); err != nil {
		return err
	}
	for _, part := range parts {
		open, err := f.Invoices.WriteOff(ctx, part.Invoice)
		if err != nil {
			return err
		}
		if open == 0 {
			continue
		}
		w := h
		w.Cause = fmt.Sprintf("%s:%s", part.Invoice, h.Cause)
		if err := f.Ledger.Post(ctx, ledger.WriteOff(w, part.Invoice, ledger.DisputeLosses, open)); err != nil {
			return err
		}
	}
	return nil
}
