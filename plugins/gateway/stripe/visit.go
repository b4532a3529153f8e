package main

import (
	"context"
	"errors"
	"time"

	stripe "github.com/stripe/stripe-go/v76"

	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/gateway"
)

// Stripe's page lives between half an hour and a day
// (docs.stripe.com/api/checkout/sessions/create, read 2026-11-20). The margins
// leave room for the way there and for clocks.
const (
	shortest = 35 * time.Minute
	longest  = 24*time.Hour - 5*time.Minute
)

// keyLife is how long we trust Stripe to replay a request: it promises 24 hours.
const keyLife = 23 * time.Hour

// entriesMost bounds a walk through a list: 100 entries a page.
const entriesMost = 5000

// Begin implements gateway.Gateway.
func (g *Gateway) Begin(ctx context.Context, v gateway.Visit) (gateway.Outcome, error) {
	if v.Notes[noteSession] != "" {
		return g.lookVisit(ctx, v.Attempt)
	}
	if g.old(v.Attempt) {
		if out, err := g.lookVisit(ctx, v.Attempt); fault.KindOf(err) != fault.NotFound {
			return out, err
		}
	}
	// What cannot be paid is said before anything is made.
	p, err := g.sessionFields(ctx, v)
	if err != nil {
		return gateway.Outcome{}, err
	}
	customer, err := g.customer(ctx, v.Op, v.Customer)
	if err != nil {
		return gateway.Outcome{}, err
	}
	p.Customer = stripe.String(customer)
	note(v.Notes, noteCustomer, customer)
	s, err := g.stripe.CheckoutSessions.New(p)
	if e := said(err); e != nil && e.HTTPStatusCode == 400 && e.Param == "expires_at" {
		// Our checkout ends before Stripe's page could; the host begins another.
		return gateway.Outcome{Status: gateway.Lapsed, Echo: v.ID}, nil
	}
	if e := said(err); e != nil && e.Code == stripe.ErrorCodeResourceMissing && e.Param == "customer" {
		// Deleted at Stripe. The next call makes a new one; the session was refused before it ran, so its key is free.
		forgetCustomer(v.Customer.Notes)
		delete(v.Notes, noteCustomer)
		return gateway.Outcome{}, fault.New(fault.Unavailable, "customer_gone", "").Because(e).Retry(time.Second)
	}
	if e := said(err); e != nil && e.Type == stripe.ErrorTypeIdempotency {
		return g.askedBefore(ctx, v.Attempt, err)
	}
	if e := said(err); e != nil && (e.Code == stripe.ErrorCodeAmountTooSmall || e.Code == stripe.ErrorCodeAmountTooLarge) {
		return gateway.Outcome{}, fault.New(fault.Invalid, string(e.Code), "This amount cannot be paid by card.").On("amount").Because(e)
	}
	if err != nil {
		return gateway.Outcome{}, failure(err, true)
	}
	note(v.Notes, noteSession, s.ID)
	if replayed(s.LastResponse) {
		return g.lookVisit(ctx, v.Attempt)
	}
	return waiting(s), nil
}

// askedBefore is for a change that was asked before under the same key with
// other words, as after the customer was made anew: what came of that counts.
func (g *Gateway) askedBefore(ctx context.Context, a gateway.Attempt, refused error) (gateway.Outcome, error) {
	delete(a.Notes, noteCustomer) // it may be under another
	out, err := g.Look(ctx, a)
	if fault.KindOf(err) == fault.NotFound {
		return gateway.Outcome{}, failure(refused, true)
	}
	return out, err
}

func (g *Gateway) sessionFields(ctx context.Context, v gateway.Visit) (*stripe.CheckoutSessionParams, error) {
	if v.Return == "" {
		return nil, fault.New(fault.Invalid, "no_return", "").On("return")
	}
	meta := map[string]string{metaOp: v.ID, metaKind: "visit", metaWho: v.Customer.ID}
	p := &stripe.CheckoutSessionParams{
		Params:            stripe.Params{Context: ctx},
		SuccessURL:        stripe.String(v.Return),
		CancelURL:         stripe.String(v.Return),
		ClientReferenceID: stripe.String(v.ID),
		Metadata:          meta,
		// Ways that take days, or that cannot be charged again, would break renewals.
		PaymentMethodTypes: []*string{stripe.String("card")},
	}
	p.SetIdempotencyKey(v.ID)
	if !v.Until.IsZero() {
		// Counted from the first try, so that a repeated request is the same request.
		from := v.First
		if from.IsZero() {
			from = g.now()
		}
		until := v.Until
		if until.Before(from.Add(shortest)) {
			until = from.Add(shortest)
		}
		if until.After(from.Add(longest)) {
			until = from.Add(longest)
		}
		p.ExpiresAt = stripe.Int64(until.Unix())
	}
	if v.Amount.IsZero() {
		p.Mode = stripe.String(string(stripe.CheckoutSessionModeSetup))
		p.SetupIntentData = &stripe.CheckoutSessionSetupIntentDataParams{Metadata: meta}
		return p, nil
	}
	amount, currency, err := toStripe(v.Amount)
	if err != nil {
		return nil, err
	}
	title := v.Description
	if title == "" {
		title = "Payment"
	}
	p.Mode = stripe.String(string(stripe.CheckoutSessionModePayment))
	p.LineItems = []*stripe.CheckoutSessionLineItemParams{{
		Quantity: stripe.Int64(1),
		PriceData: &stripe.CheckoutSessionLineItemPriceDataParams{
			Currency:    stripe.String(currency),
			UnitAmount:  stripe.Int64(amount),
			ProductData: &stripe.CheckoutSessionLineItemPriceDataProductDataParams{Name: stripe.String(title)},
		},
	}}
	p.PaymentIntentData = &stripe.CheckoutSessionPaymentIntentDataParams{Metadata: meta, Description: stripe.String(title)}
	if v.Save {
		p.PaymentIntentData.SetupFutureUsage = stripe.String(string(stripe.PaymentIntentSetupFutureUsageOffSession))
	}
	return p, nil
}

// old reports whether Stripe may have forgotten the key of an operation.
func (g *Gateway) old(a gateway.Attempt) bool {
	return !a.First.IsZero() && g.now().Sub(a.First) > keyLife
}

// Look implements gateway.Gateway.
func (g *Gateway) Look(ctx context.Context, a gateway.Attempt) (gateway.Outcome, error) {
	if a.Off {
		return g.lookCharge(ctx, a)
	}
	return g.lookVisit(ctx, a)
}

func (g *Gateway) lookVisit(ctx context.Context, a gateway.Attempt) (gateway.Outcome, error) {
	id := a.Notes[noteSession]
	if id == "" {
		found, err := g.findSession(ctx, a)
		if err != nil {
			return gateway.Outcome{}, err
		}
		id = found
		note(a.Notes, noteSession, id)
	}
	s, err := g.session(ctx, id)
	if err != nil {
		return gateway.Outcome{}, vanished(err)
	}
	return g.sessionOutcome(s)
}

// vanished is a noted thing that Stripe does not know: the key belongs to
// another account by now. That it never was would be the wrong conclusion.
func vanished(err error) error {
	if fault.KindOf(err) == fault.NotFound {
		return fault.New(fault.Unknown, "other_account", "").Because(err).Retry(time.Hour)
	}
	return err
}

// session reads one with all that an outcome needs.
func (g *Gateway) session(ctx context.Context, id string) (*stripe.CheckoutSession, error) {
	p := &stripe.CheckoutSessionParams{Params: stripe.Params{Context: ctx}}
	p.AddExpand("payment_intent.latest_charge.balance_transaction")
	p.AddExpand("payment_intent.payment_method")
	p.AddExpand("setup_intent.payment_method")
	s, err := g.stripe.CheckoutSessions.Get(id, p)
	return s, failure(err, false)
}

// under are the Stripe customers under whom an attempt whose answer was lost is
// looked for, "" for everywhere. Where it was begun is noted with it; if that
// note was lost as well, the customer's own may be another's by now, so
// "surely nothing" takes a walk through all.
func under(a gateway.Attempt) []string {
	switch {
	case a.Notes[noteCustomer] != "":
		return []string{a.Notes[noteCustomer]}
	case a.Customer.Notes[noteCustomer] != "":
		return []string{a.Customer.Notes[noteCustomer], ""}
	}
	return []string{""}
}

// findSession looks for the session of an operation whose answer was lost.
func (g *Gateway) findSession(ctx context.Context, a gateway.Attempt) (string, error) {
	for _, customer := range under(a) {
		p := &stripe.CheckoutSessionListParams{ListParams: stripe.ListParams{Context: ctx, Limit: stripe.Int64(100)}}
		p.CreatedRange = &stripe.RangeQueryParams{GreaterThanOrEqual: a.Since().Unix()}
		if customer != "" {
			p.Customer = stripe.String(customer)
		}
		list := g.stripe.CheckoutSessions.List(p)
		for n := 0; list.Next(); n++ {
			if list.CheckoutSession().Metadata[metaOp] == a.ID {
				return list.CheckoutSession().ID, nil
			}
			if n >= entriesMost {
				return "", tooMany
			}
		}
		if err := failure(list.Err(), false); err != nil {
			return "", err
		}
	}
	return "", fault.New(fault.NotFound, "no_session", "")
}

var tooMany = fault.New(fault.Unknown, "too_many", "").Because(errors.New("too many payments since the first try to look through them"))

func waiting(s *stripe.CheckoutSession) gateway.Outcome {
	return gateway.Outcome{Status: gateway.Waiting, URL: s.URL, Echo: s.Metadata[metaOp], Expires: time.Unix(s.ExpiresAt, 0).UTC()}
}

// sessionOutcome says how a visit stands. A card declined on the page is no
// end: the page lets the visitor try another.
func (g *Gateway) sessionOutcome(s *stripe.CheckoutSession) (gateway.Outcome, error) {
	switch {
	case s.Status == stripe.CheckoutSessionStatusExpired:
		return gateway.Outcome{Status: gateway.Lapsed, Echo: s.Metadata[metaOp]}, nil
	case s.Status == stripe.CheckoutSessionStatusOpen:
		return waiting(s), nil
	case s.Mode == stripe.CheckoutSessionModeSetup && s.SetupIntent != nil:
		return g.setupOutcome(s.SetupIntent, s.Metadata[metaOp])
	case s.PaymentIntent != nil:
		out, err := g.intentOutcome(s.PaymentIntent)
		out.Echo = s.Metadata[metaOp]
		return out, err
	}
	return gateway.Outcome{}, fault.New(fault.Unknown, "session_without_payment", "")
}

func (g *Gateway) setupOutcome(si *stripe.SetupIntent, echo string) (gateway.Outcome, error) {
	out := gateway.Outcome{Status: gateway.Pending, After: time.Minute, Reference: si.ID, Echo: echo}
	switch si.Status {
	case stripe.SetupIntentStatusSucceeded:
		if si.PaymentMethod == nil {
			return out, fault.New(fault.Unknown, "saved_without_method", "")
		}
		m := method(si.PaymentMethod)
		if si.Customer != nil {
			m.Notes[noteCustomer] = si.Customer.ID
		}
		out.Status, out.After, out.Method = gateway.Saved, 0, &m
	case stripe.SetupIntentStatusCanceled:
		out.Status, out.After = gateway.Lapsed, 0
	}
	return out, nil
}

// Cancel implements gateway.Canceller.
func (g *Gateway) Cancel(ctx context.Context, a gateway.Attempt) error {
	if a.Off {
		return g.cancelCharge(ctx, a)
	}
	id := a.Notes[noteSession]
	if id == "" {
		found, err := g.findSession(ctx, a)
		if fault.KindOf(err) == fault.NotFound {
			return nil
		}
		if err != nil {
			return err
		}
		id = found
	}
	_, refused := g.stripe.CheckoutSessions.Expire(id, &stripe.CheckoutSessionExpireParams{Params: stripe.Params{Context: ctx}})
	if refused == nil {
		return nil
	}
	if e := said(refused); e == nil || e.HTTPStatusCode != 400 {
		return vanished(failure(refused, true))
	}
	s, err := g.session(ctx, id)
	switch {
	case err != nil:
		return err
	case s.Status == stripe.CheckoutSessionStatusExpired:
		return nil
	case s.Status == stripe.CheckoutSessionStatusComplete:
		return fault.New(fault.Conflict, "paid", "This has been paid already.")
	}
	return failure(refused, true)
}
