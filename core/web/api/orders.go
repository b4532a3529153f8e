package api

import (
	"cmp"
	"context"
	"strconv"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/sales/order"
	"github.com/ezscale/bursar/sdk/fault"
)

// Cart is what is wanted. It has no prices: they are those of the catalogue.
type Cart struct {
	Currency string     `json:"currency" pattern:"^[A-Z]{3}$" doc:"ISO 4217"`
	Lines    []CartLine `json:"lines" minItems:"1" maxItems:"50" nullable:"false"`
	Coupon   string     `json:"coupon,omitempty" maxLength:"40"`
}

// CartLine is one product. Order two by two lines.
type CartLine struct {
	Key     string            `json:"key,omitempty" maxLength:"40" pattern:"^[A-Za-z0-9_-]*$" doc:"Names the line in answers and errors; its number if it is left out"`
	Product string            `json:"product" minLength:"1" maxLength:"60" doc:"ID or slug"`
	Cycle   string            `json:"cycle" minLength:"1" maxLength:"20" doc:"As the catalogue names it: 1 month, 1 year, once"`
	Options map[string]string `json:"options,omitempty" doc:"By the ID of the option: the ID of a choice, a quantity, or 1"`
	Label   string            `json:"label,omitempty" maxLength:"120" doc:"What it shall be called, usually a host name"`
}

// Quote is what a cart costs today, and later.
type Quote struct {
	Currency   string      `json:"currency"`
	Lines      []QuoteLine `json:"lines" nullable:"false"`
	Taxes      []QuoteTax  `json:"taxes" nullable:"false"`
	Net        Amount      `json:"net"`
	Discount   Amount      `json:"discount"`
	Tax        Amount      `json:"tax"`
	Total      Amount      `json:"total" doc:"Due today"`
	Renewals   []Renewal   `json:"renewals" nullable:"false"`
	Coupon     string      `json:"coupon,omitempty"`
	CouponText string      `json:"coupon_text,omitempty"`
	WithTax    bool        `json:"includes_tax" doc:"Whether list and net contain the tax"`
}

// QuoteLine is one line of a quote.
type QuoteLine struct {
	Key      string `json:"key" doc:"Of the line of the cart"`
	Kind     string `json:"kind"`
	Text     string `json:"text"`
	Sub      string `json:"sub,omitempty" doc:"The days it covers"`
	List     Amount `json:"list"`
	Discount Amount `json:"discount"`
	Net      Amount `json:"net"`
	Tax      Amount `json:"tax"`
}

// QuoteTax is one tax of the whole.
type QuoteTax struct {
	Label  string `json:"label"`
	Amount Amount `json:"amount"`
}

// Renewal is what a line costs each cycle once it renews, with tax.
type Renewal struct {
	Key   string `json:"key"`
	Cycle string `json:"cycle"`
	Total Amount `json:"total"`
	On    string `json:"on,omitempty" format:"date" doc:"First day of the next term"`
}

// Order is what was asked for.
type Order struct {
	ID       string         `json:"id"`
	Number   int64          `json:"number"`
	Customer string         `json:"customer"`
	Status   string         `json:"status" enum:"pending,review,active,cancelled,fraud"`
	Total    Amount         `json:"total"`
	Invoice  string         `json:"invoice,omitempty" doc:"ID of its first invoice"`
	Services []OrderService `json:"services" nullable:"false"`
	Placed   string         `json:"placed" format:"date-time"`
	Expires  string         `json:"expires,omitempty" format:"date" doc:"Cancelled on that day if it is still pending"`
}

// OrderService is a service that an order made.
type OrderService struct {
	ID     string `json:"id"`
	Label  string `json:"label"`
	Status string `json:"status" enum:"pending,active,suspended,ended"`
}

// Placed is an order that was placed, and how to pay it.
type Placed struct {
	Order   Order   `json:"order"`
	Invoice Invoice `json:"invoice"`
	Pay     *Pay    `json:"pay,omitempty" doc:"Not there when nothing is to pay"`
}

// Pay is how an invoice can be paid.
type Pay struct {
	Due  Amount `json:"due"`
	URL  string `json:"url" doc:"A page for people"`
	Ways []Way  `json:"ways" nullable:"false" doc:"Gateways for the operation that pays"`
}

type quoteIn struct{ Body Cart }

// OrderIn is an order of a customer.
type OrderIn struct {
	Cart
	Terms string    `json:"terms_version,omitempty" maxLength:"40" doc:"Which terms the customer has accepted. Who orders accepts those in force: name a version to be refused when it is another"`
	Seen  *AmountIn `json:"seen_total,omitempty" doc:"The total of the quote that the customer saw: at another price nothing is ordered"`
}

type orderIn struct {
	MustKeyed
	Body OrderIn
}

func (s *Site) orders() {
	add(s, operation{id: "quote", method: post, path: "/quote", scope: auth.OrderPlace, tag: "Shop", says: "What a cart costs",
		more: "Nothing is ordered. Prices, discount and taxes are those of an order made now."}, s.quote)
	add(s, operation{id: "place-order", method: post, path: "/orders", scope: auth.OrderPlace, status: 201, key: mustKey, tag: "Shop", says: "Place an order",
		more: "The services wait, the invoice is issued. Prices are those of the catalogue at this moment."}, s.placeOrder)
	add(s, operation{id: "get-order", method: get, path: "/orders/{id}", scope: auth.OrderSee, tag: "Shop", says: "An order"}, s.getOrder)
}

// cart makes the cart of a request.
func (s *Site) cart(ctx context.Context, in Cart) (order.Cart, error) {
	shop, err := s.Flow.Catalog.Shop(ctx)
	if err != nil {
		return order.Cart{}, err
	}
	cart := order.Cart{Currency: in.Currency, Coupon: in.Coupon}
	seen := map[string]bool{}
	for n, l := range in.Lines {
		line := order.Line{Key: l.Key, Label: l.Label, Options: map[ids.Option]string{}}
		if line.Key == "" {
			line.Key = strconv.Itoa(n + 1)
		}
		at := "lines." + line.Key
		if seen[line.Key] {
			return cart, fault.New(fault.Invalid, "key_twice", "Each line has a key of its own.").On(at + ".key")
		}
		seen[line.Key] = true
		if line.Product, err = ids.Parse[ids.Product](l.Product); err != nil {
			p, ok := shop.BySlug(l.Product)
			if !ok {
				return cart, flow.ErrNotSold.On(at + ".product")
			}
			line.Product = p.ID
		}
		if line.Cycle, err = period.ParseCycle(l.Cycle); err != nil {
			return cart, fault.New(fault.Invalid, "cycle_unknown", "Write a cycle as the catalogue does, such as 1 month.").On(at + ".cycle")
		}
		for id, value := range l.Options {
			option, err := ids.Parse[ids.Option](id)
			if err != nil {
				return cart, fault.New(fault.Invalid, "option_unknown", "There is no such option.").On(fault.Cut(at+".options."+id, 120))
			}
			line.Options[option] = value
		}
		cart.Lines = append(cart.Lines, line)
	}
	return cart, nil
}

func (s *Site) quote(ctx context.Context, in *quoteIn) (Quote, error) {
	cart, err := s.cart(ctx, in.Body)
	if err != nil {
		return Quote{}, err
	}
	q, err := s.Flow.Quote(ctx, flow.QuoteIn{Cart: cart, Customer: auth.Of(ctx).Customer})
	if err != nil {
		return Quote{}, err
	}
	return quoteOf(q), nil
}

func quoteOf(q flow.Quote) Quote {
	return Quote{
		Currency: q.Currency, Net: amount(q.Net), Discount: amount(q.Discount), Tax: amount(q.Tax), Total: amount(q.Total), Coupon: q.Coupon, CouponText: q.CouponText, WithTax: q.Inclusive,
		Lines: each(q.Lines, func(l flow.QuoteLine) QuoteLine {
			return QuoteLine{Key: l.Key, Kind: l.Kind, Text: l.Text, Sub: l.Sub, List: amount(l.List), Discount: amount(l.Discount), Net: amount(l.Net), Tax: amount(l.Tax)}
		}),
		Taxes: each(q.Taxes, func(t flow.QuoteTax) QuoteTax { return QuoteTax{Label: t.Label, Amount: amount(t.Amount)} }),
		Renewals: each(q.Renewal, func(r flow.QuoteRenewal) Renewal {
			return Renewal{Key: r.Key, Cycle: r.Cycle.String(), Total: amount(r.Total), On: r.On.String()}
		}),
	}
}

func (s *Site) placeOrder(ctx context.Context, in *orderIn) (Placed, error) {
	return s.place(ctx, auth.Of(ctx).Customer, in.Body, requestKey(ctx, "place-order", in.Key))
}

// place places an order of a customer.
func (s *Site) place(ctx context.Context, c ids.Customer, in OrderIn, key string) (Placed, error) {
	cart, err := s.cart(ctx, in.Cart)
	if err != nil {
		return Placed{}, err
	}
	set, err := s.Flow.Settings.Get(ctx)
	if err != nil {
		return Placed{}, err
	}
	check := flow.CheckoutIn{Customer: c, Cart: cart, TermsVersion: cmp.Or(in.Terms, set.Sales.TermsVersion), RequestKey: key, Address: audit.Asking(ctx).Address}
	if in.Seen != nil {
		total := in.Seen.money()
		check.SeenTotal = &total
	}
	p, err := s.Flow.Checkout(ctx, check)
	if err != nil {
		return Placed{}, err
	}
	services, err := s.Flow.Subscriptions.OfOrder(ctx, p.Order.ID)
	if err != nil {
		return Placed{}, err
	}
	inv, err := s.invoice(ctx, p.Invoice)
	if err != nil {
		return Placed{}, err
	}
	out := Placed{Order: orderOf(p.Order, services), Invoice: inv}
	if open := p.Invoice.Open(); open > 0 {
		ways, err := s.Flow.Ways(ctx)
		if err != nil {
			return Placed{}, err
		}
		out.Pay = &Pay{Due: minor(open, p.Invoice.Currency), URL: s.Links.Portal + "/invoices/" + string(p.Invoice.ID), Ways: each(ways, wayOf)}
	}
	return out, nil
}

func (s *Site) getOrder(ctx context.Context, in *ByID) (Order, error) {
	id, err := parse[ids.Order](in.ID, order.ErrNotFound)
	if err != nil {
		return Order{}, err
	}
	o, err := s.Flow.Orders.GetFor(ctx, auth.Of(ctx).Customer, id)
	if err != nil {
		return Order{}, err
	}
	return s.order(ctx, o)
}

func (s *Site) order(ctx context.Context, o order.Order) (Order, error) {
	services, err := s.Flow.Subscriptions.OfOrder(ctx, o.ID)
	return orderOf(o, services), err
}

func orderOf(o order.Order, services []subscription.Subscription) Order {
	return Order{ID: string(o.ID), Number: o.Number, Customer: string(o.Customer), Status: string(o.Status), Total: amount(o.Total), Invoice: string(o.Invoice), Placed: stamp(o.Placed), Expires: o.ExpiresOn.String(),
		Services: each(services, func(v subscription.Subscription) OrderService {
			return OrderService{ID: string(v.ID), Label: v.Label, Status: string(v.Status)}
		})}
}
