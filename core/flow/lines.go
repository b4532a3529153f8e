package flow

import (
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/core/sales/coupon"
	"github.com/ezscale/bursar/core/sales/pricing"
	"github.com/ezscale/bursar/core/sales/tax"
)

// part is an item of a subscription in one period: what becomes a line. Cart, checkout and billing run make the
// same parts, so that a renewal can explain itself as the order did.
type part struct {
	key          string // names the line within its bill
	subscription ids.Subscription
	obligation   ids.Obligation
	product      ids.Product
	owner        string
	text         string
	rule         string // term, stub, setup, once
	kind         pricing.Kind
	price        catalog.Price
	unit         int64
	first        bool // the price of the first terms
	qty          int64
	override     *int64
	discountable bool
	period       period.Period
	class        string
	coupon       bool // the bill's coupon may lower it
}

// bill is what goes on one document: parts of one customer in one currency.
type bill struct {
	currency   catalog.Currency
	parts      []part
	coupon     *pricing.CouponIn
	redemption ids.Redemption
	termsLeft  int64
	decide     func(class string) tax.Decision
}

// parts makes the lines of one item in one period.
func itemParts(key string, it subscription.Item, product ids.Product, price catalog.Price, p period.Period, recurring bool) part {
	out := part{
		key: key, subscription: it.Subscription, product: product, owner: it.Owner, text: it.Text, rule: string(p.Kind),
		kind: pricing.Option, price: price, unit: price.Amount, qty: it.QtyMicro, discountable: it.OverrideDiscountable, period: p, class: it.TaxClass,
	}
	switch {
	case !recurring:
		out.kind, out.rule = pricing.Once, "once"
	case it.Kind == subscription.PlanItem:
		out.kind = pricing.Recurring
	}
	if price.First != nil && p.No <= price.FirstTerms {
		out.unit, out.first = *price.First, true
	}
	if it.Override != nil {
		minor := it.Override.Minor()
		out.override = &minor
	}
	return out
}

// setupPart is the fee for setting an item up; ok is false if there is none.
func setupPart(key string, it subscription.Item, product ids.Product, price catalog.Price, p period.Period) (part, bool) {
	if price.Setup == 0 {
		return part{}, false
	}
	return part{
		key: key, subscription: it.Subscription, product: product, owner: it.Owner, text: "Set-up: " + it.Text, rule: "setup",
		kind: pricing.Setup, price: price, unit: price.Setup, qty: it.QtyMicro, period: period.Period{No: p.No, From: p.From, To: p.From}, class: it.TaxClass,
	}, true
}

// input is the bill as pricing wants it, with the decision about the tax of each line.
func (b *bill) input() (pricing.Input, []tax.Decision) {
	in := pricing.Input{Currency: b.currency.Code, Step: b.currency.Step, Lines: make([]pricing.LineIn, len(b.parts)), Taxes: make(map[string]pricing.TaxIn, 2)}
	why := make([]tax.Decision, len(b.parts))
	var on []string
	for i := range b.parts {
		p := &b.parts[i]
		d := b.decide(p.class)
		why[i] = d
		if _, known := in.Taxes[d.Group]; !known {
			in.Taxes[d.Group] = taxIn(d)
		}
		if p.price.Inclusive {
			in.Mode = pricing.Inclusive
		}
		l := &in.Lines[i]
		l.Key, l.Kind, l.Unit, l.Qty, l.Per, l.Override, l.OverrideDiscountable, l.Tax = p.key, p.kind, p.unit, p.qty, p.price.Per, p.override, p.discountable, d.Group
		if p.kind == pricing.Setup {
			l.Per = 1
		}
		if p.period.Kind == period.Stub {
			l.Days = pricing.Days{Used: p.period.Days(), Full: p.period.Full}
		}
		if p.coupon && b.coupon != nil {
			on = append(on, p.key)
		}
	}
	if b.coupon != nil {
		c := *b.coupon
		c.On = on
		if c.On == nil {
			c.On = []string{}
		}
		in.Coupon = &c
	}
	return in, why
}

func taxIn(d tax.Decision) pricing.TaxIn {
	t := pricing.TaxIn{Category: d.Category, HomePPM: d.HomePPM}
	for _, c := range d.Components {
		t.Components = append(t.Components, pricing.Component{Code: c.Code, RatePPM: c.RatePPM, Compound: c.Compound})
	}
	return t
}

// couponIn is a coupon as pricing wants it. share is the frozen part of a fixed one at a renewal; 0 is all of it.
func couponIn(c coupon.Coupon, share int64) *pricing.CouponIn {
	out := &pricing.CouponIn{Kind: pricing.CouponKind(c.Kind), RatePPM: c.RatePPM}
	switch out.Kind {
	case pricing.Fixed:
		out.Amount = c.AmountMinor
		if share > 0 {
			out.Amount = share
		}
	case pricing.Price:
		out.Unit = c.AmountMinor
	}
	return out
}

// document makes the draft of a priced bill. Amounts are those of q and nothing else.
func (b *bill) document(in pricing.Input, q pricing.Result, why []tax.Decision, d *invoice.Draft) {
	d.Currency = b.currency.Code
	d.Lines = make([]invoice.Line, len(b.parts))
	d.Net, d.Tax, d.Rounding, d.Total = q.Net, q.Tax, q.Rounding, q.Total
	for i := range b.parts {
		p, o := &b.parts[i], &q.Lines[i]
		rec := pricing.Record{
			Rule: p.rule, Subscription: p.subscription, Obligation: p.obligation, Period: p.period, No: p.period.No, Price: p.price.ID, First: p.first,
			Why: why[i].Why, Rules: ids.Strings(why[i].Rules),
		}
		if in.Coupon != nil && p.coupon {
			rec.Redemption, rec.TermsLeft = b.redemption, b.termsLeft
		}
		l := &d.Lines[i]
		l.ID, l.Kind, l.Text, l.Subscription, l.Obligation, l.Owner, l.Product = ids.New[ids.Line](), string(p.kind), p.text, p.subscription, p.obligation, p.owner, p.product
		l.QtyMicro, l.Unit, l.Per = in.Lines[i].Qty, p.unit, max(in.Lines[i].Per, 1)
		if l.QtyMicro == 0 {
			l.QtyMicro = pricing.Micro
		}
		if p.override != nil {
			l.Unit = *p.override
		}
		if p.period.To.After(p.period.From) {
			l.From, l.To, l.LiveTo, l.Defer = p.period.From, p.period.To, p.period.To, true
		}
		l.List, l.Discount, l.Net, l.Tax, l.Group = o.List, o.Discount, o.Net, o.Tax, in.Lines[i].Tax
		l.Explain = in.Explain(q, i, rec)
	}
	d.Taxes = make([]invoice.Tax, len(q.Taxes))
	for i, t := range q.Taxes {
		d.Taxes[i] = invoice.Tax{Group: t.Group, Code: t.Code, Category: t.Category, RatePPM: t.RatePPM, Compound: t.Compound, Base: t.Base, Tax: t.Tax}
	}
}

// productOf is the product that a price's owner belongs to; "" for an owner that is none of the catalogue's.
func productOf(shop *catalog.Shop, owner string) ids.Product {
	if id, err := ids.Parse[ids.Product](owner); err == nil {
		return id
	}
	if id, err := ids.Parse[ids.Choice](owner); err == nil {
		o, _, _ := shop.Choice(id)
		return o.Product
	}
	if id, err := ids.Parse[ids.Option](owner); err == nil {
		o, _ := shop.Option(id)
		return o.Product
	}
	return ""
}
