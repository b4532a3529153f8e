package main

import (
	"context"
	"strings"

	stripe "github.com/stripe/stripe-go/v76"

	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/gateway"
)

// Refund implements gateway.Gateway. It reads before it writes, so a repeated
// refund is one refund long after Stripe has forgotten the key.
func (g *Gateway) Refund(ctx context.Context, r gateway.Refund) (gateway.Refunded, error) {
	reference := r.Reference
	if reference == "" {
		reference = r.Notes[noteIntent]
	}
	if reference == "" {
		return gateway.Refunded{}, fault.New(fault.Invalid, "no_payment", "").On("reference")
	}
	found, err := g.findRefund(ctx, r, reference)
	if err != nil {
		return gateway.Refunded{}, err
	}
	if found == nil {
		amount, _, err := toStripe(r.Amount)
		if err != nil {
			return gateway.Refunded{}, err
		}
		p := &stripe.RefundParams{
			Params: stripe.Params{Context: ctx}, Amount: stripe.Int64(amount),
			Reason:   stripe.String(string(stripe.RefundReasonRequestedByCustomer)),
			Metadata: map[string]string{metaOp: r.ID},
		}
		if r.Reason != "" {
			p.Metadata["reason"] = fault.Cut(r.Reason, 500)
		}
		p.Charge, p.PaymentIntent = chargeOrIntent(reference)
		p.SetIdempotencyKey(r.ID)
		if found, err = g.stripe.Refunds.New(p); err != nil {
			return gateway.Refunded{}, refundRefused(err)
		}
	}
	note(r.Notes, noteRefund, found.ID)
	out, err := refunded(found)
	out.Payment = reference // as asked, also where Stripe names the intent of a charge
	return out, err
}

// chargeOrIntent tells a payment of ours (pi_…) from one imported as a charge.
func chargeOrIntent(reference string) (charge, intent *string) {
	if strings.HasPrefix(reference, "ch_") || strings.HasPrefix(reference, "py_") {
		return stripe.String(reference), nil
	}
	return nil, stripe.String(reference)
}

func (g *Gateway) findRefund(ctx context.Context, r gateway.Refund, reference string) (*stripe.Refund, error) {
	p := &stripe.RefundListParams{ListParams: stripe.ListParams{Context: ctx, Limit: stripe.Int64(100)}}
	p.Charge, p.PaymentIntent = chargeOrIntent(reference)
	list := g.stripe.Refunds.List(p)
	for list.Next() {
		if list.Refund().Metadata[metaOp] == r.ID {
			return list.Refund(), nil
		}
	}
	return nil, failure(list.Err(), false)
}

func refundRefused(err error) error {
	e := said(err)
	if e == nil || e.HTTPStatusCode >= 500 {
		return failure(err, true)
	}
	code, text := "", ""
	switch {
	case e.Type == stripe.ErrorTypeIdempotency:
		return failure(err, true)
	case e.Code == stripe.ErrorCodeChargeAlreadyRefunded:
		code, text = "already_refunded", "This payment has been refunded already."
	case e.Code == stripe.ErrorCodeChargeDisputed, e.Code == stripe.ErrorCodeRefundDisputedPayment:
		code, text = "disputed", "This payment is disputed at the bank, so it cannot be refunded."
	case e.Code == stripe.ErrorCodeChargeNotRefundable:
		code, text = "too_old", "This payment cannot be refunded to the card any more."
	case e.Code == stripe.ErrorCodeBalanceInsufficient:
		code = "balance_insufficient"
	case e.HTTPStatusCode == 400 && (e.Param == "amount" || strings.Contains(e.Msg, "greater than")):
		code, text = "too_much", "This is more than is left of the payment."
	case e.HTTPStatusCode == 402:
		code = string(e.Code)
	default:
		return failure(err, true)
	}
	return fault.New(fault.Declined, code, text).Because(e)
}

// refunded says how a refund stands.
func refunded(r *stripe.Refund) (gateway.Refunded, error) {
	amount, err := fromStripe(r.Amount, r.Currency)
	out := gateway.Refunded{Status: gateway.Pending, Amount: amount, Reference: r.ID, Echo: r.Metadata[metaOp]}
	switch {
	case r.PaymentIntent != nil:
		out.Payment = r.PaymentIntent.ID
	case r.Charge != nil:
		out.Payment = r.Charge.ID
	}
	switch r.Status {
	case stripe.RefundStatusSucceeded:
		out.Status = gateway.Captured
	case stripe.RefundStatusFailed, stripe.RefundStatusCanceled:
		out.Status, out.Text = gateway.Declined, refundText(r.FailureReason)
	}
	return out, err
}

func refundText(reason stripe.RefundFailureReason) string {
	switch reason {
	case stripe.RefundFailureReasonLostOrStolenCard, stripe.RefundFailureReasonExpiredOrCanceledCard:
		return "The card cannot take the money back any more. Please tell us another way to send it."
	}
	return "The bank sent the refund back. Please tell us another way to send it."
}
