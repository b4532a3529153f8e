package flow

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/core/sales/pricing"
	"github.com/ezscale/bursar/core/sales/tax"
	"github.com/ezscale/bursar/sdk/money"
)

// Upcoming is what services cost and when they are charged next, worked out by the functions that bill them.
type Upcoming struct {
	Customer customer.Customer
	Prices   map[ids.Subscription]TermPrice // of each service that was asked for, save those that ended
	Renewals []Renewal                      // not invoiced yet, soonest due first: the next of each service
}

// TermPrice is what a service costs each term, or once, as things stand.
type TermPrice struct {
	Parts []PricePart
	Net   money.Amount // without tax, unless Inclusive
	Total money.Amount // with tax
	Tax   money.Amount
}

// PricePart is an item of a service and what it costs each term.
type PricePart struct {
	Text   string
	Amount money.Amount // after discounts; with tax where prices include it
}

// Renewal is an invoice that will be written.
type Renewal struct {
	Bill, Due period.Day
	Total     money.Amount // with tax
	Services  []ids.Subscription
}

// Upcoming works out prices and next charges of a customer's services in four statements. Services of others are
// left out.
func (f *Flow) Upcoming(ctx context.Context, c ids.Customer, subs []subscription.Subscription) (Upcoming, error) {
	out := Upcoming{Prices: map[ids.Subscription]TermPrice{}}
	if err := auth.RequireFor(ctx, c, auth.ServiceSee); err != nil {
		return out, err
	}
	today, _, err := f.today(ctx)
	if err != nil {
		return out, err
	}
	b, err := f.biller(ctx, today)
	if err != nil {
		return out, err
	}
	var own []subscription.Subscription
	for _, s := range subs {
		if s.Customer == c && s.Status != subscription.Ended {
			own = append(own, s)
		}
	}
	if len(own) == 0 {
		out.Customer, err = f.Customers.Get(ctx, c)
		return out, err
	}
	p, err := f.load(ctx, own)
	if err != nil {
		return out, err
	}
	out.Customer = p.customers[c]
	for _, s := range own {
		if price, ok := b.termPrice(p, s); ok {
			out.Prices[s.ID] = price
		}
	}
	out.Renewals = b.renewals(p, own, today)
	return out, nil
}

// termPrice is what a service's items cost in the term after the last that was billed.
func (b *biller) termPrice(p page, s subscription.Subscription) (TermPrice, bool) {
	cur, ok := b.shop.Currency(s.Currency)
	if !ok {
		return TermPrice{}, false
	}
	buyer, red := buyerOf(p.customers[s.Customer]), p.coupons[s.ID]
	on := bill{currency: cur, decide: func(class string) tax.Decision { return b.decide(buyer, class) }}
	if red.ID != "" {
		on.coupon = couponIn(red.Coupon, red.ShareMinor)
	}
	term := period.Period{From: b.day, To: b.day}
	if s.Cycle.Recurs() {
		term = period.Schedule{Cycle: s.Cycle, Anchor: s.Anchor, DOM: s.AnchorDay}.Term(s.PeriodNo + 1)
	}
	for _, it := range p.items[s.ID] {
		price, ok := b.shop.PriceByID(it.Price)
		if !ok {
			return TermPrice{}, false
		}
		pt := itemParts(strconv.Itoa(len(on.parts)), it, s.Product, price, term, s.Cycle.Recurs())
		pt.coupon = on.coupon != nil
		on.parts = append(on.parts, pt)
	}
	if len(on.parts) == 0 {
		return TermPrice{}, false
	}
	in, _ := on.input()
	q, err := pricing.Quote(in)
	if err != nil {
		return TermPrice{}, false
	}
	of := func(minor int64) money.Amount { return money.Of(minor, s.Currency) }
	out := TermPrice{Net: of(q.Net), Tax: of(q.Tax), Total: of(q.Total)}
	for i, pt := range on.parts {
		amount := q.Lines[i].Net
		if in.Mode == pricing.Inclusive {
			amount += q.Lines[i].Tax
		}
		out.Parts = append(out.Parts, PricePart{Text: pt.text, Amount: of(amount)})
	}
	return out, true
}

// renewals are the documents of the days on which these services are billed next, as the run of that day would write
// them now.
func (b *biller) renewals(p page, subs []subscription.Subscription, today period.Day) []Renewal {
	days := map[period.Day][]subscription.Subscription{}
	for _, s := range subs {
		if s.BillOn.IsZero() || s.Status == subscription.Pending {
			continue
		}
		days[period.Latest(s.BillOn, today)] = append(days[period.Latest(s.BillOn, today)], s)
	}
	var out []Renewal
	for day, set := range days {
		then := *b
		then.day, then.taxed = day, map[taxKey]tax.Decision{}
		p.subs = set
		for _, d := range then.dues(p) {
			if d.err != nil {
				continue // the run reports it to staff
			}
			for _, draft := range d.drafts {
				r := Renewal{Bill: day, Due: draft.Due, Total: money.Of(draft.Total, draft.Currency)}
				for _, l := range draft.Lines {
					if !slices.Contains(r.Services, l.Subscription) {
						r.Services = append(r.Services, l.Subscription)
					}
				}
				out = append(out, r)
			}
		}
	}
	slices.SortFunc(out, func(x, y Renewal) int {
		return cmp.Or(x.Due.Compare(y.Due), cmp.Compare(x.Services[0], y.Services[0]))
	})
	return out
}
