package storefront

import (
	"strings"

	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/sales/order"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/money"
)

// summary is what a cart or an order costs, line by line.
type summary struct {
	Rows       []view.Leader // what is bought, before the coupon
	Coupon     string        // "" for none
	CouponText string        // what it does
	Discount   money.Amount  // what it takes off, negative
	Net        money.Amount
	Taxes      []view.Leader
	Total      money.Amount // due today
	Inclusive  bool         // the rows contain the tax
	Later      []later      // what comes after
	Seen       string       // the total for the form: a change of price between page and press is noticed
}

// later is what a line costs once it renews.
type later struct {
	Name  string       // "" where there is one line only
	Next  money.Amount // the next term
	On    period.Day   // when it begins
	Total money.Amount // the terms after it, if they cost something else
	Every string
	From  period.Day // when those begin
	More  bool       // Total is not Next
	Once  bool       // one term only costs Next
}

func summaryOf(q flow.Quote) summary {
	out := summary{Coupon: q.Coupon, CouponText: q.CouponText, Discount: q.Discount.Neg(), Net: q.Net, Total: q.Total, Inclusive: q.Inclusive, Seen: seen(q.Total)}
	for _, l := range q.Lines {
		out.Rows = append(out.Rows, view.Leader{Label: l.Text, Amount: l.List})
	}
	for _, t := range q.Taxes {
		out.Taxes = append(out.Taxes, view.Leader{Label: t.Label, Amount: t.Amount})
	}
	for _, r := range q.Renewal {
		l := later{Next: r.Next, On: r.On, Total: r.Total, Every: every(r.Cycle), From: r.From, More: r.Next != r.Total}
		l.Once = l.More && period.From(r.On, r.Cycle).Boundary(1) == r.From
		if len(q.Renewal) > 1 {
			l.Name = firstOf(q, r.Key)
		}
		out.Later = append(out.Later, l)
	}
	return out
}

// firstOf is the text of a line's first row: what is bought and what it is called.
func firstOf(q flow.Quote, key string) string {
	for _, l := range q.Lines {
		if l.Key == key {
			return l.Text
		}
	}
	return ""
}

// nameOf is what a line of a cart is called.
func nameOf(v visit, cart order.Cart, key string) string {
	for _, l := range cart.Lines {
		if l.Key != key {
			continue
		}
		if p, ok := v.shop.Product(l.Product); ok {
			return strings.TrimSuffix(p.Name+", "+l.Label, ", ")
		}
	}
	return ""
}

// seen is an amount as a form carries it back.
func seen(a money.Amount) string { return a.Decimal() + " " + a.Currency() }

// seenOf reads it; nil for what is none, which then proves nothing.
func seenOf(text string) *money.Amount {
	decimal, currency, ok := strings.Cut(strings.TrimSpace(text), " ")
	if !ok {
		return nil
	}
	a, err := money.Parse(decimal, currency)
	if err != nil {
		return nil
	}
	return &a
}
