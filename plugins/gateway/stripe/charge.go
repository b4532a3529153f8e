package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	stripe "github.com/stripe/stripe-go/v76"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/gateway"
)

// Charge implements gateway.Charger.
func (g *Gateway) Charge(ctx context.Context, c gateway.Charge) (gateway.Outcome, error) {
	c.Attempt.Off = true
	if c.Notes[noteIntent] != "" {
		return g.lookCharge(ctx, c.Attempt)
	}
	if g.old(c.Attempt) {
		if out, err := g.lookCharge(ctx, c.Attempt); fault.KindOf(err) != fault.NotFound {
			return out, err
		}
	}
	pm := token(c.Method)
	if pm == "" {
		return gateway.Outcome{}, fault.New(fault.Invalid, "no_method", "").On("method")
	}
	amount, currency, err := toStripe(c.Amount)
	if err != nil {
		return gateway.Outcome{}, err
	}
	customer := owner(c.Method, c.Customer)
	if customer == "" {
		m, err := g.Method(ctx, c.Method)
		if fault.KindOf(err) == fault.NotFound {
			return gone(c.ID), nil
		}
		if err != nil {
			return gateway.Outcome{}, err
		}
		customer = m.Notes[noteCustomer]
	}
	note(c.Notes, noteCustomer, customer)
	p := &stripe.PaymentIntentParams{
		Params:        stripe.Params{Context: ctx},
		Amount:        stripe.Int64(amount),
		Currency:      stripe.String(currency),
		Customer:      stripe.String(customer),
		PaymentMethod: stripe.String(pm),
		OffSession:    stripe.Bool(true),
		Confirm:       stripe.Bool(true),
		Metadata:      map[string]string{metaOp: c.ID, metaKind: "charge", metaWho: c.Customer.ID},
	}
	if c.Description != "" {
		p.Description = stripe.String(c.Description)
	}
	p.AddExpand("latest_charge.balance_transaction")
	p.SetIdempotencyKey(c.ID)
	pi, err := g.stripe.PaymentIntents.New(p)
	if err == nil {
		note(c.Notes, noteIntent, pi.ID)
		if replayed(pi.LastResponse) {
			return g.lookCharge(ctx, c.Attempt)
		}
		return g.intentOutcome(pi)
	}
	e := said(err)
	switch {
	case e == nil:
	case e.Type == stripe.ErrorTypeIdempotency:
		return g.askedBefore(ctx, c.Attempt, err)
	case e.HTTPStatusCode == 402:
		out := gateway.Outcome{Status: gateway.Declined, Echo: c.ID, Decline: refusal(e)}
		if e.PaymentIntent != nil {
			out.Reference = e.PaymentIntent.ID
			note(c.Notes, noteIntent, e.PaymentIntent.ID)
		}
		return out, nil
	case e.Code == stripe.ErrorCodeAmountTooSmall, e.Code == stripe.ErrorCodeAmountTooLarge, e.Code == stripe.ErrorCodeInvalidChargeAmount:
		return gateway.Outcome{Status: gateway.Declined, Echo: c.ID, Decline: &gateway.Decline{Class: gateway.Ours, Code: string(e.Code), Text: textOurs}}, nil
	case e.HTTPStatusCode/100 == 4 && (e.Param == "payment_method" || e.Param == "customer"):
		// Stripe has several words for a method that is no more; the method itself has one.
		if _, err := g.Method(ctx, c.Method); fault.KindOf(err) == fault.NotFound {
			return gone(c.ID), nil
		}
	}
	return gateway.Outcome{}, failure(err, true)
}

// gone is the decline of a method that can never be charged again.
func gone(op string) gateway.Outcome {
	return gateway.Outcome{Status: gateway.Declined, Echo: op, Decline: &gateway.Decline{Class: gateway.Hard, Code: "method_gone", Text: "This card is no longer saved. Please add a card."}}
}

// token is Stripe's ID of a saved method; an imported one may have it as ID only.
func token(m gateway.Method) string {
	if id := m.Notes[noteMethod]; id != "" {
		return id
	}
	return m.ID
}

// owner is the Stripe customer a method belongs to, as far as noted.
func owner(m gateway.Method, c sdk.Customer) string {
	for _, notes := range []sdk.Notes{m.Notes, m.Customer.Notes, c.Notes} {
		if id := notes[noteCustomer]; id != "" {
			return id
		}
	}
	return ""
}

func (g *Gateway) lookCharge(ctx context.Context, a gateway.Attempt) (gateway.Outcome, error) {
	id := a.Notes[noteIntent]
	if id == "" {
		found, err := g.findIntent(ctx, a)
		if err != nil {
			return gateway.Outcome{}, err
		}
		id = found
		note(a.Notes, noteIntent, id)
	}
	pi, err := g.intent(ctx, id)
	if err != nil {
		return gateway.Outcome{}, vanished(err)
	}
	return g.intentOutcome(pi)
}

func (g *Gateway) intent(ctx context.Context, id string) (*stripe.PaymentIntent, error) {
	p := &stripe.PaymentIntentParams{Params: stripe.Params{Context: ctx}}
	p.AddExpand("latest_charge.balance_transaction")
	p.AddExpand("payment_method")
	pi, err := g.stripe.PaymentIntents.Get(id, p)
	return pi, failure(err, false)
}

// findIntent looks for the charge of an operation whose answer was lost.
func (g *Gateway) findIntent(ctx context.Context, a gateway.Attempt) (string, error) {
	for _, customer := range under(a) {
		p := &stripe.PaymentIntentListParams{ListParams: stripe.ListParams{Context: ctx, Limit: stripe.Int64(100)}}
		p.CreatedRange = &stripe.RangeQueryParams{GreaterThanOrEqual: a.Since().Unix()}
		if customer != "" {
			p.Customer = stripe.String(customer)
		}
		list := g.stripe.PaymentIntents.List(p)
		for n := 0; list.Next(); n++ {
			if list.PaymentIntent().Metadata[metaOp] == a.ID {
				return list.PaymentIntent().ID, nil
			}
			if n >= entriesMost {
				return "", tooMany
			}
		}
		if err := failure(list.Err(), false); err != nil {
			return "", err
		}
	}
	return "", fault.New(fault.NotFound, "no_charge", "")
}

// intentOutcome says how a payment stands, whoever began it.
func (g *Gateway) intentOutcome(pi *stripe.PaymentIntent) (gateway.Outcome, error) {
	out := gateway.Outcome{Status: gateway.Pending, After: time.Hour, Reference: pi.ID, Echo: pi.Metadata[metaOp]}
	switch pi.Status {
	case stripe.PaymentIntentStatusSucceeded:
		out.Status, out.After = gateway.Captured, 0
		paid, err := fromStripe(pi.AmountReceived, pi.Currency)
		if err != nil {
			return gateway.Outcome{}, err
		}
		out.Paid = paid
		if charge := pi.LatestCharge; charge != nil && charge.BalanceTransaction != nil && charge.BalanceTransaction.Currency != "" {
			// A fee we cannot read is "not known yet": it must not hide a payment.
			if fee, err := fromStripe(charge.BalanceTransaction.Fee, charge.BalanceTransaction.Currency); err == nil {
				out.Fee = fee
			}
		}
		if pi.SetupFutureUsage == stripe.PaymentIntentSetupFutureUsageOffSession && pi.PaymentMethod != nil && pi.PaymentMethod.Type != "" {
			m := method(pi.PaymentMethod)
			if pi.Customer != nil {
				m.Notes[noteCustomer] = pi.Customer.ID
			}
			out.Method = &m
		}
	case stripe.PaymentIntentStatusCanceled:
		out.Status, out.After = gateway.Lapsed, 0
		if pi.Metadata[metaKind] == "charge" && pi.LastPaymentError != nil {
			// Cancelled after it was declined: that remains the end of it.
			out.Status, out.Decline = gateway.Declined, refusal(pi.LastPaymentError)
		}
	case stripe.PaymentIntentStatusRequiresAction:
		out.Status, out.After = gateway.Declined, 0
		out.Decline = &gateway.Decline{Class: gateway.Authenticate, Code: string(stripe.ErrorCodeAuthenticationRequired), Text: textAuthenticate}
	case stripe.PaymentIntentStatusRequiresPaymentMethod, stripe.PaymentIntentStatusRequiresConfirmation:
		out.Status, out.After = gateway.Declined, 0
		out.Decline = &gateway.Decline{Class: gateway.Soft, Code: string(pi.Status), Text: textSoft}
		if pi.LastPaymentError != nil {
			out.Decline = refusal(pi.LastPaymentError)
		}
	}
	return out, nil
}

// cancelCharge ends what a declined charge left, so that nothing can confirm it later.
func (g *Gateway) cancelCharge(ctx context.Context, a gateway.Attempt) error {
	id := a.Notes[noteIntent]
	if id == "" {
		found, err := g.findIntent(ctx, a)
		if fault.KindOf(err) == fault.NotFound {
			return nil
		}
		if err != nil {
			return err
		}
		id = found
	}
	_, refused := g.stripe.PaymentIntents.Cancel(id, &stripe.PaymentIntentCancelParams{Params: stripe.Params{Context: ctx}})
	if refused == nil {
		return nil
	}
	if e := said(refused); e == nil || e.HTTPStatusCode != 400 {
		return vanished(failure(refused, true))
	}
	pi, err := g.intent(ctx, id)
	switch {
	case err != nil:
		return err
	case pi.Status == stripe.PaymentIntentStatusCanceled:
		return nil
	}
	return fault.New(fault.Conflict, "paid", "This has been paid already.").Because(fmt.Errorf("the payment is %s", pi.Status))
}

// Method implements gateway.Charger.
func (g *Gateway) Method(ctx context.Context, m gateway.Method) (gateway.Method, error) {
	id := token(m)
	if id == "" {
		return gateway.Method{}, fault.New(fault.NotFound, "no_method", "")
	}
	pm, err := g.stripe.PaymentMethods.Get(id, &stripe.PaymentMethodParams{Params: stripe.Params{Context: ctx}})
	if err != nil {
		return gateway.Method{}, failure(err, false)
	}
	want := m.Notes[noteCustomer]
	switch {
	case pm.Customer == nil || pm.Customer.Deleted:
		return gateway.Method{}, fault.New(fault.NotFound, "method_gone", "").Because(errors.New("the payment method belongs to no customer any more"))
	case want != "" && pm.Customer.ID != want:
		return gateway.Method{}, fault.New(fault.NotFound, "method_gone", "").Because(fmt.Errorf("the payment method belongs to %s, not to %s", pm.Customer.ID, want))
	}
	out := method(pm)
	out.Customer = m.Customer
	note(m.Notes, noteMethod, pm.ID)
	note(m.Notes, noteCustomer, pm.Customer.ID)
	return out, nil
}

// Forget implements gateway.Charger.
func (g *Gateway) Forget(ctx context.Context, op sdk.Op, m gateway.Method) error {
	if _, err := g.Method(ctx, m); err != nil {
		if fault.KindOf(err) == fault.NotFound {
			return nil
		}
		return err
	}
	p := &stripe.PaymentMethodDetachParams{Params: stripe.Params{Context: ctx}}
	p.SetIdempotencyKey(op.ID + "-f")
	_, refused := g.stripe.PaymentMethods.Detach(token(m), p)
	if refused == nil {
		return nil
	}
	// Somebody else may have been quicker.
	if _, err := g.Method(ctx, m); fault.KindOf(err) == fault.NotFound {
		return nil
	}
	return failure(refused, true)
}

// method says how a saved way to pay looks to a person.
func method(pm *stripe.PaymentMethod) gateway.Method {
	m := gateway.Method{ID: pm.ID, Kind: string(pm.Type), Notes: sdk.Notes{noteMethod: pm.ID}}
	if pm.Customer != nil {
		m.Notes[noteCustomer] = pm.Customer.ID
	}
	switch {
	case pm.Card != nil:
		m.Brand, m.Last4 = string(pm.Card.Brand), pm.Card.Last4
		m.ExpYear, m.ExpMonth = int(pm.Card.ExpYear), int(pm.Card.ExpMonth)
	case pm.Link != nil:
		m.Label = pm.Link.Email
	case pm.SEPADebit != nil:
		m.Last4 = pm.SEPADebit.Last4
	case pm.USBankAccount != nil:
		m.Brand, m.Last4 = pm.USBankAccount.BankName, pm.USBankAccount.Last4
	}
	return m
}
