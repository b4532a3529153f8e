package storefront

import (
	"slices"
	"strings"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/money"
)

// plan is a product in a list or a comparison, at the price of one cycle.
type plan struct {
	Name    string
	Sub     string // what is in it, in a few words
	Link    string // where it is put together
	Marked  bool   // the one to take
	SoldOut bool
	Left    int64        // how many there are, 0 where there is no limit or plenty
	Price   money.Amount // of the first term
	Then    money.Amount // of later terms
	Differs bool         // Then is not Price
	Every   string       // a month, a year, once
	Month   money.Amount // Then for one month, to the unit
	ByMonth bool         // Month means something
	Setup   money.Amount // once, zero for none
	Tax     bool         // the prices contain tax

	product  catalog.Product
	cycle    period.Cycle
	features [][2]string
}

// plansOf lists a group's products that are sold in a cycle and currency.
func plansOf(v visit, g catalog.Group, cycle period.Cycle, now time.Time) []plan {
	var out []plan
	for _, p := range v.shop.Products(g.ID) {
		price, ok := v.shop.Price(string(p.ID), cycle, v.currency, now)
		if !ok {
			continue
		}
		out = append(out, planOf(v, p, price))
	}
	return out
}

func planOf(v visit, p catalog.Product, price catalog.Price) plan {
	of := func(minor int64) money.Amount { return money.Of(minor, v.currency) }
	features := featuresOf(p)
	out := plan{Name: p.Name, Sub: p.Tagline, Marked: p.Marked, Price: of(price.Amount), Then: of(price.Amount), Every: every(price.Cycle), Setup: of(price.Setup), Tax: price.Inclusive,
		product: p, cycle: price.Cycle, features: features}
	out.Link = "/order/" + p.Slug + "?cycle=" + cycleSlug(price.Cycle) + "&currency=" + v.currency
	if price.First != nil && price.FirstTerms > 0 {
		out.Price, out.Differs = of(*price.First), *price.First != price.Amount
	}
	if n := months(price.Cycle); n > 0 {
		out.Month, out.ByMonth = of((price.Amount+n/2)/n), true
	}
	if p.Free != nil {
		out.SoldOut = *p.Free == 0
		if *p.Free <= 10 {
			out.Left = *p.Free
		}
	}
	if out.Sub == "" {
		var words []string
		for _, f := range features {
			if f[1] != "" && len(words) < 4 {
				words = append(words, f[1])
			}
		}
		out.Sub = strings.Join(words, ", ")
	}
	return out
}

// featuresOf splits features such as "Memory: 8 GB" into label and value; one without a value is simply there.
func featuresOf(p catalog.Product) [][2]string {
	var out [][2]string
	for _, f := range p.Features {
		label, value, ok := strings.Cut(f, ": ")
		if !ok {
			label, value = strings.TrimSpace(f), ""
		}
		out = append(out, [2]string{strings.TrimSpace(label), strings.TrimSpace(value)})
	}
	return out
}

func (p plan) feature(label string) (value string, ok bool) {
	for _, f := range p.features {
		if strings.EqualFold(f[0], label) {
			return f[1], true
		}
	}
	return "", false
}

// cyclesOf are the cycles in which any of the products are sold, shortest first.
func cyclesOf(v visit, products []catalog.Product, now time.Time) []period.Cycle {
	var out []period.Cycle
	for _, p := range products {
		for _, c := range v.shop.Cycles(p.ID, v.currency, now) {
			if !slices.Contains(out, c) {
				out = append(out, c)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b period.Cycle) int { return a.Nominal() - b.Nominal() })
	return out
}

// pick is the cycle asked for if it is one of them, else a month, else the first that recurs, else the first.
func pick(all []period.Cycle, asked string) period.Cycle {
	if c, ok := cycleOf(asked); ok && slices.Contains(all, c) {
		return c
	}
	if slices.Contains(all, period.Monthly) {
		return period.Monthly
	}
	for _, c := range all {
		if c.Recurs() {
			return c
		}
	}
	if len(all) > 0 {
		return all[0]
	}
	return period.Monthly
}

// cycleTabs are the links that switch the cycle of a page.
func cycleTabs(path string, v visit, all []period.Cycle, on period.Cycle) []view.Tab {
	var out []view.Tab
	for _, c := range all {
		out = append(out, view.Tab{Label: cycleWord(c), Link: path + "?cycle=" + cycleSlug(c) + "&currency=" + v.currency, On: c == on})
	}
	return out
}

// currencyTabs are the links that switch the currency of a page, none if there is one only. rest is what stays of
// the query, such as "&cycle=1-month".
func currencyTabs(path string, v visit, rest string) []view.Tab {
	if len(v.offered) < 2 {
		return nil
	}
	var out []view.Tab
	for _, code := range v.offered {
		out = append(out, view.Tab{Label: code, Link: path + "?currency=" + code + rest, On: code == v.currency})
	}
	return out
}

// reserved are the names of an order's form that options cannot have.
var reserved = []string{"plan", "cycle", "currency", "coupon", "line", "hostname", "next"}

// params are the names of options in addresses and forms: a word out of the label, so that a link can be written
// by hand. Where two would be the same the ID is the name.
func params(options []catalog.Option) map[ids.Option]string {
	out := make(map[ids.Option]string, len(options))
	taken := map[string]bool{"": true}
	for _, word := range reserved {
		taken[word] = true
	}
	for _, o := range options {
		name := slug(o.Label)
		if taken[name] {
			name = string(o.ID)
		}
		taken[name] = true
		out[o.ID] = name
	}
	return out
}
