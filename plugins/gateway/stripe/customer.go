package main

import (
	"context"

	stripe "github.com/stripe/stripe-go/v76"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
)

// customerFields is what Stripe gets to know of a person: what its page and
// its fraud check use. With anew, what is empty here is emptied there.
func customerFields(ctx context.Context, c sdk.Customer, anew bool) *stripe.CustomerParams {
	p := &stripe.CustomerParams{Params: stripe.Params{Context: ctx}, Metadata: map[string]string{metaWho: c.ID}}
	set := func(to **string, value string) {
		if value != "" || anew {
			*to = stripe.String(value)
		}
	}
	set(&p.Email, c.Email)
	set(&p.Name, c.Name())
	set(&p.Phone, c.Phone)
	if a := c.Address; a != (sdk.Address{}) || anew {
		p.Address = &stripe.AddressParams{}
		set(&p.Address.Line1, a.Line1)
		set(&p.Address.Line2, a.Line2)
		set(&p.Address.City, a.City)
		set(&p.Address.State, a.Region)
		set(&p.Address.PostalCode, a.Postcode)
		set(&p.Address.Country, a.Country)
	}
	if c.Locale != "" {
		p.PreferredLocales = []*string{stripe.String(c.Locale)}
	}
	return p
}

// customer returns the Stripe customer of a party, made if need be and noted.
func (g *Gateway) customer(ctx context.Context, op sdk.Op, c sdk.Customer) (string, error) {
	if id := c.Notes[noteCustomer]; id != "" {
		return id, nil
	}
	p := customerFields(ctx, c, false)
	// One that was deleted there would be replayed under the old key for ever.
	p.SetIdempotencyKey(op.ID + "-c" + c.Notes[noteGone])
	made, err := g.stripe.Customers.New(p)
	if e := said(err); e != nil && e.Type == stripe.ErrorTypeIdempotency {
		// The customer's data changed between two tries of one operation; the first may have been done.
		made, err = g.leftCustomer(ctx, op, c)
	}
	if err != nil {
		return "", failure(err, true)
	}
	note(c.Notes, noteCustomer, made.ID)
	return made.ID, nil
}

// leftCustomer finds the one that an unanswered call made.
func (g *Gateway) leftCustomer(ctx context.Context, op sdk.Op, c sdk.Customer) (*stripe.Customer, error) {
	p := &stripe.CustomerListParams{ListParams: stripe.ListParams{Context: ctx, Limit: stripe.Int64(100)}}
	p.CreatedRange = &stripe.RangeQueryParams{GreaterThanOrEqual: op.Since().Unix()}
	list := g.stripe.Customers.List(p)
	for n := 0; list.Next() && n < entriesMost; n++ {
		if list.Customer().Metadata[metaWho] == c.ID {
			return list.Customer(), nil
		}
	}
	if err := list.Err(); err != nil {
		return nil, err
	}
	return nil, fault.New(fault.Unknown, "customer_not_found", "")
}

// forgetCustomer notes that the noted one was deleted at Stripe.
func forgetCustomer(n sdk.Notes) {
	note(n, noteGone, n[noteCustomer])
	delete(n, noteCustomer)
}

// UpdateCustomer implements sdk.CustomerUpdater.
func (g *Gateway) UpdateCustomer(ctx context.Context, c sdk.Customer) error {
	id := c.Notes[noteCustomer]
	if id == "" {
		return fault.New(fault.NotFound, "no_customer", "")
	}
	_, err := g.stripe.Customers.Update(id, customerFields(ctx, c, true))
	return failure(err, true)
}

// note writes a note where there is a map to write to.
func note(n sdk.Notes, name, value string) {
	if n != nil && value != "" {
		n[name] = value
	}
}
