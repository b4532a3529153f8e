package main

import (
	"context"
	"fmt"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/core/sales/order"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/money"
)

// story is another customer, and what became of the order.
type story struct {
	newcomer customer.Newcomer
	product  string // slug
	cycle    period.Cycle
	label    string
	options  map[string]string // by label; a value or a quantity
	coupon   string
	paid     int64 // percent of the total that came by bank transfer; 0: nothing yet
	cancel   bool
}

// stories have invoices and orders in the states that staff meets. Their payments came by bank, so no gateway is needed.
var stories = []story{
	{
		newcomer: customer.Newcomer{Company: "Atelier Brandt GmbH", First: "Ida", Last: "Brandt", Email: "ida@brandt.example", Currency: "EUR",
			Address: sdk.Address{Line1: "Lange Reihe 4", Postcode: "20099", City: "Hamburg", Country: "DE"}},
		product: "web-pro", cycle: period.Annually, label: "brandt.example", paid: 100, // waits for a person to set it up
	},
	{
		newcomer: customer.Newcomer{Company: "Maple Street Studio", First: "Carol", Last: "Reyes", Email: "carol@maplestreet.example", Currency: "USD",
			Address: sdk.Address{Line1: "812 Maple Street", City: "Portland", Region: "OR", Postcode: "97205", Country: "US"}},
		product: "vps-2", cycle: period.Monthly, label: "www.maplestreet.example", coupon: "LAUNCH20", paid: 150, // what is too much is her balance
		options: map[string]string{"Location": "1", "Operating system": "9", "Extra disk": "20"},
	},
	{
		newcomer: customer.Newcomer{First: "Owen", Last: "Hughes", Email: "owen@hughes.example", Currency: "GBP",
			Address: sdk.Address{Line1: "3 Castle Street", City: "Cardiff", Postcode: "CF10 1BS", Country: "GB"}},
		product: "game-6", cycle: period.Quarterly, label: "Friday crew", options: map[string]string{"Location": "1", "Game": "1/1"}, // not paid
	},
	{
		newcomer: customer.Newcomer{Company: "Fjord Analytics", First: "Lise", Last: "Holm", Email: "lise@fjord.example", Currency: "EUR",
			Address: sdk.Address{Line1: "Havnegade 21", Postcode: "1058", City: "København", Country: "DK"}},
		product: "ds-6", cycle: period.Monthly, label: "db1.fjord.example", options: map[string]string{"Operating system": "debian", "Private network": "1"}, paid: 40, // waits for approval
	},
	{
		newcomer: customer.Newcomer{First: "Lena", Last: "Fischer", Email: "lena@fischer.example", Currency: "EUR",
			Address: sdk.Address{Line1: "Mariahilfer Straße 88", Postcode: "1070", City: "Wien", Country: "AT"}},
		product: "web-start", cycle: period.Monthly, label: "fischer.example", cancel: true,
	},
}

// sowOthers lives through the stories. What was done before is told by its key and done once.
func (s *seed) sowOthers(ctx context.Context, _ *people) error {
	for _, st := range stories {
		if err := s.live(ctx, st); err != nil {
			return fmt.Errorf("%s: %w", st.newcomer.Email, err)
		}
	}
	return nil
}

func (s *seed) live(ctx context.Context, st story) error {
	c, u, err := s.takeIn(ctx, st.newcomer)
	if err != nil {
		return err
	}
	line, err := s.line(ctx, st)
	if err != nil {
		return err
	}
	user, err := s.Auth.ActorOfUser(ctx, u, c)
	if err != nil {
		return err
	}
	key := "demo:" + st.newcomer.Email
	placed, err := s.Flow.Checkout(auth.With(ctx, user), flow.CheckoutIn{
		Customer: c, Cart: order.Cart{Currency: st.newcomer.Currency, Lines: []order.Line{line}, Coupon: st.coupon},
		TermsVersion: termsVersion, RequestKey: key, Address: "127.0.0.1",
	})
	if err != nil {
		return err
	}
	if st.paid > 0 {
		amount := money.Of(placed.Order.Total.Minor()*st.paid/100, st.newcomer.Currency)
		if _, err := s.Flow.RecordPayment(ctx, flow.Manual{
			Customer: c, Invoices: []ids.Invoice{placed.Invoice.ID}, Amount: amount, Way: "bank", Memo: placed.Invoice.Number, Key: key,
		}); err != nil {
			return err
		}
	}
	if st.cancel && placed.Order.Allows(order.Cancel) {
		return s.Flow.CancelOrder(ctx, placed.Order.ID, "The customer changed her mind.")
	}
	return nil
}

// takeIn makes a customer with an owner, who has no password yet.
func (s *seed) takeIn(ctx context.Context, n customer.Newcomer) (c ids.Customer, u ids.User, err error) {
	if known, err := s.Auth.UserByEmail(ctx, n.Email); err == nil {
		accounts, err := s.Auth.Accounts(ctx, known.ID)
		if err != nil {
			return "", "", err
		}
		if len(accounts) > 0 {
			return accounts[0].Customer, known.ID, nil
		}
	} else if fault.KindOf(err) != fault.NotFound {
		return "", "", err
	}
	err = s.DB.Tx(ctx, func(ctx context.Context) error {
		made, err := s.Customers.Create(ctx, n)
		if err != nil {
			return err
		}
		if err := s.join(ctx, n.Email, n.First+" "+n.Last, made.ID, auth.RoleOwner); err != nil {
			return err
		}
		owner, err := s.Auth.UserByEmail(ctx, n.Email)
		c, u = made.ID, owner.ID
		return err
	})
	return c, u, err
}

// line is the cart of a story.
func (s *seed) line(ctx context.Context, st story) (order.Line, error) {
	shop, err := s.Catalog.Shop(ctx)
	if err != nil {
		return order.Line{}, err
	}
	p, ok := shop.BySlug(st.product)
	if !ok {
		return order.Line{}, fmt.Errorf("there is no product %q any more", st.product)
	}
	line := order.Line{Key: "1", Product: p.ID, Cycle: st.cycle, Label: st.label, Options: map[ids.Option]string{}}
	for _, o := range shop.Options(p.ID) {
		if chosen, ok := st.options[o.Label]; ok {
			line.Options[o.ID] = chosen
		}
	}
	return line, nil
}
