package flow

import (
	"context"
	"fmt"
	"strings"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/billing/ledger"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/gateway"
)

// ErrNothingToPay: the invoice cannot be paid, so there is no link that pays it and nothing to write about.
var ErrNothingToPay = fault.New(fault.Conflict, "nothing_to_pay", "Nothing is owed on this invoice.")

// PayLink is the address that shows and pays one invoice without signing in: the one that mails have too.
//
// Errors: ErrNothingToPay; invoice.ErrNotFound.
func (f *Flow) PayLink(ctx context.Context, id ids.Invoice) (string, error) {
	inv, err := f.Invoices.Get(ctx, id)
	if err != nil {
		return "", err
	}
	if err := auth.RequireFor(ctx, inv.Customer, auth.InvoicePay); err != nil {
		return "", err
	}
	if inv.Status != invoice.Opened {
		return "", ErrNothingToPay
	}
	return f.payLink(ctx, id)
}

// SendInvoice mails an open invoice once more. The same key sends it once.
//
// Errors: ErrNothingToPay; invoice.ErrNotFound.
func (f *Flow) SendInvoice(ctx context.Context, id ids.Invoice, key string) error {
	if err := auth.Require(ctx, auth.MailSend); err != nil {
		return err
	}
	inv, err := f.Invoices.Get(ctx, id)
	if err != nil {
		return err
	}
	if inv.Status != invoice.Opened {
		return ErrNothingToPay
	}
	rows, err := f.rows(ctx, inv)
	if err != nil {
		return err
	}
	link, err := f.payLink(ctx, id)
	if err != nil {
		return err
	}
	return f.writeTo(ctx, inv.Customer, letter{once: "invoice:" + string(id) + ":" + fault.Cut(key, 40), template: "invoice_issued", subject: string(id), link: link,
		data: map[string]any{"Number": inv.Number, "Total": inv.Amount(inv.Total), "Due": inv.Due, "Lines": rows}})
}

// ReleaseHeld gives held money to a customer, whose balance it becomes; who wants the balance used has it pay what is
// open. c may be "" where the payment has a customer. Released already is no error.
//
// Errors: payment.ErrNotFound, also for another customer than the payment's.
func (f *Flow) ReleaseHeld(ctx context.Context, id ids.Payment, c ids.Customer) error {
	if err := auth.Require(ctx, auth.PaymentRecord); err != nil {
		return err
	}
	today, _, err := f.today(ctx)
	if err != nil {
		return err
	}
	err = f.DB.Tx(ctx, func(ctx context.Context) error {
		held, err := f.Payments.Payment(ctx, id)
		if err != nil {
			return err
		}
		if c == "" {
			c = held.Customer
		}
		if c == "" {
			return fault.New(fault.Invalid, "customer_missing", "Say whose money it is.").On("customer")
		}
		who, err := f.Customers.Lock(ctx, c)
		if err != nil {
			return err
		}
		p, fresh, err := f.Payments.Release(ctx, id, c)
		if err != nil || !fresh {
			return err
		}
		if err := f.Payments.Allocate(ctx, id, one(payment.Allocation{Kind: payment.ToBalance, Minor: p.Amount.Minor()})); err != nil {
			return err
		}
		h := ledger.Head{Cause: string(id), Day: today, Currency: p.Amount.Currency(), Customer: c}
		if err := f.Ledger.Post(ctx, ledger.Release(h, id, p.Amount.Minor())); err != nil {
			return err
		}
		if who.AutoApply {
			if err := f.payOpen(ctx, c, p.Amount.Currency()); err != nil {
				return err
			}
		}
		return f.Audit.Add(ctx, audit.Entry{Action: "payment.release", Subject: string(id), Customer: c, After: map[string]any{"amount": p.Amount}})
	})
	if err != nil {
		return fmt.Errorf("release payment %s: %w", id, err)
	}
	return nil
}

// payOpen pays what a customer owes in a currency from the balance, oldest due first, as far as that reaches.
func (f *Flow) payOpen(ctx context.Context, c ids.Customer, currency string) error {
	list, err := f.Invoices.OpenOf(ctx, c)
	if err != nil {
		return err
	}
	for _, inv := range list {
		if inv.Currency != currency {
			continue
		}
		if _, err := f.payFromBalance(ctx, inv.ID); err != nil {
			return err
		}
	}
	return nil
}

// Verdict is what staff found out at the gateway about an attempt whose outcome nobody could tell.
type Verdict struct {
	Attempt ids.Attempt
	Paid    bool
	Ref     string // of the payment at the gateway, with Paid
}

// Decide ends an attempt that is parked: the money came, or it did not.
//
// Errors: states.ErrRefused unless it is parked; Invalid on ref.
func (f *Flow) Decide(ctx context.Context, v Verdict) error {
	if err := auth.Require(ctx, auth.PaymentRecord); err != nil {
		return err
	}
	att, err := f.Payments.Get(ctx, v.Attempt)
	if err != nil {
		return err
	}
	if att.Status != payment.Parked {
		return payment.ErrChanged
	}
	if v.Paid {
		if strings.TrimSpace(v.Ref) == "" {
			return fault.New(fault.Invalid, "reference_missing", "Write the reference that the gateway shows for the payment.").On("ref")
		}
		_, err = f.Settle(ctx, payment.Report{AccountKey: att.AccountKey, Gateway: att.Gateway, Ref: strings.TrimSpace(v.Ref), Key: string(att.ID), State: payment.Captured,
			Amount: att.Amount, Source: payment.FromGateway, Memo: "found by staff"})
	} else {
		err = f.decline(ctx, att, gateway.Decline{Class: gateway.Soft, Code: "staff", Text: "The payment did not go through. Nothing was taken."}, att.Ref, att.Notes)
	}
	if err != nil {
		return fmt.Errorf("decide attempt %s: %w", v.Attempt, err)
	}
	return f.Audit.Add(ctx, audit.Entry{Action: "payment.decide", Subject: string(v.Attempt), Customer: att.Customer, After: map[string]any{"paid": v.Paid, "ref": v.Ref}})
}

// AskGateway has the gateway say now what became of an attempt, instead of at the next turn of its schedule.
func (f *Flow) AskGateway(ctx context.Context, id ids.Attempt) (payment.Attempt, error) {
	if err := auth.Require(ctx, auth.JobRetry); err != nil {
		return payment.Attempt{}, err
	}
	return f.Returned(ctx, id)
}
