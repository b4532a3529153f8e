package flow

import (
	"context"
	"fmt"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/billing/ledger"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/sdk/fault"
)

// CreditInvoice takes back all of an invoice that is not taken back yet: first what is open, the rest goes to the
// customer's balance. Asked again it changes nothing.
func (f *Flow) CreditInvoice(ctx context.Context, id ids.Invoice, reason string) error {
	if err := auth.Require(ctx, auth.InvoiceCredit); err != nil {
		return err
	}
	if reason == "" {
		return fault.New(fault.Invalid, "reason_missing", "Say why; it is printed on the credit note.").On("reason")
	}
	today, _, err := f.today(ctx)
	if err != nil {
		return err
	}
	err = f.DB.Tx(ctx, func(ctx context.Context) error {
		inv, err := f.Invoices.Get(ctx, id)
		if err != nil {
			return err
		}
		if _, err := f.Customers.Lock(ctx, inv.Customer); err != nil {
			return err
		}
		if _, err := f.creditRest(ctx, inv, reason, today); err != nil {
			return err
		}
		return f.Audit.Add(ctx, audit.Entry{Action: "invoice.credit", Subject: string(id), Customer: inv.Customer, After: map[string]any{"reason": reason}})
	})
	if err != nil {
		return fmt.Errorf("credit invoice %s: %w", id, err)
	}
	return nil
}

// creditRest takes back what is left of an invoice.
func (f *Flow) creditRest(ctx context.Context, inv invoice.Invoice, reason string, today period.Day) (int64, error) {
	if inv.Total == inv.Credited {
		return 0, nil
	}
	return f.credit(ctx, inv.ID, inv.Total-inv.Credited, "void:"+string(inv.ID), reason, today)
}

// credit makes a credit note of an invoice over at most an amount with tax, books it, and moves what had been paid to
// the customer's balance. It answers how much the note came to.
func (f *Flow) credit(ctx context.Context, id ids.Invoice, most int64, cause, reason string, today period.Day) (int64, error) {
	if old, err := f.Invoices.CreditNoteOf(ctx, cause); err == nil {
		return old.Total, nil
	} else if fault.KindOf(err) != fault.NotFound {
		return 0, err
	}
	want, err := f.Invoices.Uncredited(ctx, id)
	if err != nil {
		return 0, err
	}
	if want, err = f.upTo(ctx, id, want, most); err != nil || len(want) == 0 {
		return 0, err
	}
	return f.creditLines(ctx, id, want, cause, reason, today)
}

// creditLines makes the credit note of parts of an invoice. What is left of it may be paid by that.
func (f *Flow) creditLines(ctx context.Context, id ids.Invoice, want []invoice.CreditLine, cause, reason string, today period.Day) (int64, error) {
	if err := f.unearn(ctx, want, today); err != nil {
		return 0, err
	}
	note, effect, err := f.Invoices.Credit(ctx, invoice.CreditDraft{Invoice: id, CauseKey: cause, Reason: reason, Day: today, Lines: want})
	if err != nil {
		return 0, err
	}
	shop, err := f.Catalog.Shop(ctx)
	if err != nil {
		return 0, err
	}
	inv, err := f.Invoices.Get(ctx, id)
	if err != nil {
		return 0, err
	}
	s := ledger.Sale{Rounding: effect.Rounding}
	for _, l := range effect.Lines {
		product := productOf(shop, l.Line.Owner)
		switch {
		case l.Line.Kind == invoice.KindLateFee:
			s.LateFees += l.Net
		default:
			s.Deferred = append(s.Deferred, ledger.Amount{Product: product, Minor: l.FromDeferred})
			s.Revenue = append(s.Revenue, ledger.Amount{Product: product, Minor: l.Net - l.FromDeferred})
		}
	}
	for _, t := range effect.Taxes {
		s.Tax = append(s.Tax, ledger.Amount{Code: t.Code, Minor: t.Tax})
	}
	part := ledger.Part{Invoice: id, Open: effect.ToOpen, WrittenOff: effect.ToWrittenOff}
	if effect.ToWrittenOff > 0 {
		if part.Loss, err = f.Ledger.LossOf(ctx, id); err != nil {
			return 0, err
		}
	}
	h := ledger.Head{Cause: string(note.ID), Day: today, Currency: note.Currency, RatePico: inv.RatePico, Customer: note.Customer}
	if err := f.Ledger.Post(ctx, ledger.CreditNote(h, part, s)); err != nil {
		return 0, err
	}
	if effect.Paid {
		if err := f.Subscriptions.MarkPaid(ctx, one(id), f.Clock.Now()); err != nil {
			return 0, err
		}
	}
	return note.Total, f.toBalance(ctx, id, effect.ToBalance)
}

// upTo cuts what can be credited to an amount with tax: whole lines as far as they fit, then a part of the next one.
func (f *Flow) upTo(ctx context.Context, id ids.Invoice, want []invoice.CreditLine, most int64) ([]invoice.CreditLine, error) {
	inv, err := f.Invoices.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if most >= inv.Total-inv.Credited {
		return want, nil
	}
	lines, err := f.Invoices.Lines(ctx, one(id))
	if err != nil {
		return nil, err
	}
	of := map[ids.Line]invoice.Line{}
	for _, l := range lines[id] {
		of[l.ID] = l
	}
	var out []invoice.CreditLine
	for _, w := range want {
		l := of[w.Line]
		gross := w.Net + l.Tax - l.CreditedTax
		if gross <= 0 {
			continue
		}
		if gross > most { // the net whose share of the tax fits: at most a unit is left over
			w.Net = w.Net * most / gross
			w.From, w.To = period.Day{}, period.Day{}
			if w.Net <= 0 {
				break
			}
			gross = most
		}
		out = append(out, w)
		if most -= gross; most <= 0 {
			break
		}
	}
	return out, nil
}

// unearn says of each line how much of the credit was not earned yet, and what it earns from now on.
func (f *Flow) unearn(ctx context.Context, want []invoice.CreditLine, today period.Day) error {
	segments, err := f.Invoices.Segments(ctx, idsOf(want, func(l invoice.CreditLine) ids.Line { return l.Line }))
	if err != nil {
		return err
	}
	for i := range want {
		w := &want[i]
		set := segments[w.Line]
		if len(set) == 0 {
			continue // it was revenue from the first day
		}
		var after []ledger.Segment
		w.FromDeferred, after = ledger.Take(segmentsOf(set), w.Net, today)
		w.Segments = make([]invoice.Segment, len(after))
		for k, s := range after {
			w.Segments[k] = invoice.Segment{From: s.From, To: s.To, Minor: s.Minor, Closed: s.Closed}
		}
	}
	return nil
}

// toBalance writes down that money which paid an invoice is the customer's again: of the newest payment first.
func (f *Flow) toBalance(ctx context.Context, id ids.Invoice, minor int64) error {
	if minor <= 0 {
		return nil
	}
	paid, err := f.Payments.OfInvoice(ctx, id)
	if err != nil {
		return err
	}
	for i := len(paid) - 1; i >= 0 && minor > 0; i-- {
		part := min(minor, paid[i].Minor)
		if part <= 0 {
			continue
		}
		minor -= part
		err := f.Payments.Allocate(ctx, paid[i].Payment.ID, []payment.Allocation{
			{Invoice: id, Kind: payment.ToInvoice, Minor: -part}, {Kind: payment.ToBalance, Minor: part}})
		if err != nil {
			return err
		}
	}
	return nil
}

// WriteOff gives up what is open on an invoice. Money that comes after all is taken.
func (f *Flow) WriteOff(ctx context.Context, id ids.Invoice) error {
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
		if err := f.writeOff(ctx, id, today); err != nil {
			return err
		}
		return f.Audit.Add(ctx, audit.Entry{Action: "invoice.write_off", Subject: string(id), Customer: inv.Customer})
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
