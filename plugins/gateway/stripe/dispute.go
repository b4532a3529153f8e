package main

import (
	"context"
	"time"

	stripe "github.com/stripe/stripe-go/v76"

	"github.com/ezscale/bursar/sdk/gateway"
)

// longestDispute is how long a dispute may still change after it was opened.
// Stripe lists them by their beginning only, so a change since a day may be to
// one that began this long before (docs.stripe.com/disputes, read 2026-11-20:
// two to three months, in rare cases more).
const longestDispute = 200 * 24 * time.Hour

// Disputes implements gateway.DisputeLister. It may list some that did not
// change: Stripe does not say when one did.
func (g *Gateway) Disputes(ctx context.Context, since time.Time) ([]gateway.Dispute, error) {
	p := &stripe.DisputeListParams{ListParams: stripe.ListParams{Context: ctx, Limit: stripe.Int64(100)}}
	if from := since.Add(-longestDispute).Unix(); from > 0 {
		p.CreatedRange = &stripe.RangeQueryParams{GreaterThanOrEqual: from}
	}
	var all []gateway.Dispute
	list := g.stripe.Disputes.List(p)
	for list.Next() {
		d, err := g.dispute(list.Dispute())
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, failure(list.Err(), false)
}

func (g *Gateway) dispute(d *stripe.Dispute) (gateway.Dispute, error) {
	amount, err := fromStripe(d.Amount, d.Currency)
	if err != nil {
		return gateway.Dispute{}, err
	}
	out := gateway.Dispute{ID: d.ID, Status: disputeStatus(d.Status), Reason: string(d.Reason), Amount: amount, URL: "https://dashboard.stripe.com/disputes/" + d.ID}
	if g.mode == test {
		out.URL = "https://dashboard.stripe.com/test/disputes/" + d.ID
	}
	switch {
	case d.PaymentIntent != nil:
		out.Payment = d.PaymentIntent.ID
	case d.Charge != nil:
		out.Payment = d.Charge.ID
	}
	if d.EvidenceDetails != nil && d.EvidenceDetails.DueBy > 0 {
		out.AnswerBy = time.Unix(d.EvidenceDetails.DueBy, 0).UTC()
	}
	// One entry when the money left, a second when it came back.
	var moved, fee int64
	for _, t := range d.BalanceTransactions {
		moved += t.Amount
		fee += t.Fee
		// A fee we cannot read must not hide the dispute.
		if sum, err := fromStripe(fee, t.Currency); err == nil {
			out.Fee = sum
		}
	}
	out.Taken = moved < 0
	return out, nil
}

// disputeStatus: an inquiry that was closed cost nothing, so it counts as won.
func disputeStatus(s stripe.DisputeStatus) string {
	switch s {
	case stripe.DisputeStatusWarningNeedsResponse, stripe.DisputeStatusWarningUnderReview:
		return "inquiry"
	case stripe.DisputeStatusUnderReview:
		return "review"
	case stripe.DisputeStatusWon, stripe.DisputeStatusWarningClosed:
		return "won"
	case stripe.DisputeStatusLost:
		return "lost"
	}
	return "open"
}
