package storefront

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/core/sales/order"
	"github.com/ezscale/bursar/sdk/money"
)

// optionField is an option of a product as a form draws it.
type optionField struct {
	ID      string // of the control
	Name    string // of the parameter
	Label   string
	Help    string
	Kind    string // choice, quantity or yesno
	Unit    string // of a quantity
	Needed  bool
	Many    bool           // a choice of so many that a list is shorter
	Choices []optionChoice // of a choice
	Value   string         // of a quantity, as typed
	Least   int64          // of a quantity
	Most    int64
	Step    int64
	Ticked  bool         // of a yesno
	Priced  bool         // it costs something in this cycle and currency
	Price   money.Amount // of Per units, each term
	Per     int64
	Error   string // what to choose instead

	option string // ID
}

// optionChoice is one answer of a choice.
type optionChoice struct {
	Value, Label string
	On           bool
	Priced       bool
	Price        money.Amount // each term
}

// source reads a value of a form or an address, and whether it was there at all.
type source func(name string) (value string, there bool)

func sourceOf(values url.Values) source {
	return func(name string) (string, bool) {
		all, ok := values[name]
		if !ok || len(all) == 0 {
			return "", false
		}
		return all[0], true
	}
}

// lineOf reads how a product is wanted: links from elsewhere, the home page's form and the order form use the same
// names. What is not said is the least that can be bought. A choice that does not exist stays as it came if strict,
// so that it is refused and not replaced in silence; a link that is out of date shows the usual choice.
func lineOf(v visit, p catalog.Product, now time.Time, get source, strict bool) order.Line {
	asked, _ := get("cycle")
	line := order.Line{Key: "1", Product: p.ID, Options: map[ids.Option]string{}}
	line.Cycle = pick(v.shop.Cycles(p.ID, v.currency, now), asked)
	if c, ok := cycleOf(asked); ok && strict {
		line.Cycle = c
	}
	line.Label, _ = get("hostname")
	options := v.shop.Options(p.ID)
	names := params(options)
	for _, o := range options {
		said, there := get(names[o.ID])
		for _, other := range []string{string(o.ID), o.Field} {
			if !there && other != "" && !has(reserved, other) {
				said, there = get(other)
			}
		}
		if value := answer(o, said, there, strict); value != "" {
			line.Options[o.ID] = value
		}
	}
	return line
}

// answer is what a cart holds for an option.
func answer(o catalog.Option, said string, there, strict bool) string {
	switch o.Kind {
	case catalog.Choices:
		for _, c := range o.Choices {
			if there && (said == c.Value || said == string(c.ID)) {
				return string(c.ID)
			}
		}
		if there && (strict || said == "" && !o.Needed) {
			return said
		}
		if o.Needed && len(o.Choices) > 0 {
			return string(o.Choices[0].ID)
		}
	case catalog.Quantity:
		n, err := strconv.ParseInt(said, 10, 64)
		if there && (strict || err == nil && o.IsAmount(n)) {
			return said
		}
		return strconv.FormatInt(o.Least, 10)
	case catalog.YesNo:
		if said == "1" || said == "true" || said == "on" {
			return "1"
		}
	}
	return ""
}

// fieldsOf draws the options of a product as a line has answered them.
func fieldsOf(v visit, line order.Line, now time.Time) []optionField {
	options := v.shop.Options(line.Product)
	names := params(options)
	var out []optionField
	for _, o := range options {
		f := optionField{ID: "o-" + names[o.ID], Name: names[o.ID], Label: o.Label, Help: o.Help, Kind: string(o.Kind), Unit: o.Unit, Needed: o.Needed,
			Least: o.Least, Most: o.Most, Step: max(o.Step, 1), Value: line.Options[o.ID], option: string(o.ID), Ticked: line.Options[o.ID] == "1"}
		f.Price, f.Per, f.Priced = priceOf(v, string(o.ID), line.Cycle, now)
		f.Many = len(o.Choices) > 6
		for _, c := range o.Choices {
			choice := optionChoice{Value: c.Value, Label: c.Label, On: line.Options[o.ID] == string(c.ID)}
			choice.Price, _, choice.Priced = priceOf(v, string(c.ID), line.Cycle, now)
			f.Choices = append(f.Choices, choice)
		}
		if o.Kind == catalog.Choices && !o.Needed {
			none := optionChoice{Label: "None", On: line.Options[o.ID] == ""}
			f.Choices = append([]optionChoice{none}, f.Choices...)
		}
		out = append(out, f)
	}
	return out
}

// priceOf is what an option or a choice adds, if it costs anything.
func priceOf(v visit, owner string, cycle period.Cycle, now time.Time) (amount money.Amount, per int64, ok bool) {
	p, ok := v.shop.Price(owner, cycle, v.currency, now)
	if !ok || p.Amount == 0 {
		return money.Of(0, v.currency), 1, false
	}
	return money.Of(p.Amount, v.currency), max(p.Per, 1), true
}

// linkOf is the address of the order page at which a line is put together like this.
func linkOf(v visit, line order.Line, coupon string) string {
	p, ok := v.shop.Product(line.Product)
	if !ok {
		return "/pricing"
	}
	q := url.Values{"cycle": {cycleSlug(line.Cycle)}, "currency": {v.currency}}
	names := params(v.shop.Options(p.ID))
	for id, value := range line.Options {
		o, ok := v.shop.Option(id)
		if !ok {
			continue
		}
		if at := slices.IndexFunc(o.Choices, func(c catalog.Choice) bool { return string(c.ID) == value }); at >= 0 {
			value = o.Choices[at].Value
		}
		q.Set(names[id], value)
	}
	if line.Label != "" {
		q.Set("hostname", line.Label)
	}
	if coupon != "" {
		q.Set("coupon", coupon)
	}
	return "/order/" + p.Slug + "?" + q.Encode()
}

// chosenOf says what a line has answered: Location: Frankfurt, More IPv4: 2.
func chosenOf(v visit, line order.Line) string {
	var words []string
	for _, o := range v.shop.Options(line.Product) {
		said := line.Options[o.ID]
		switch o.Kind {
		case catalog.Choices:
			if c, ok := o.Choice(ids.Choice(said)); ok {
				words = append(words, o.Label+": "+c.Label)
			}
		case catalog.Quantity:
			if said != "" && said != "0" {
				words = append(words, strings.TrimSpace(o.Label+": "+said+" "+o.Unit))
			}
		case catalog.YesNo:
			if said == "1" {
				words = append(words, o.Label)
			}
		}
	}
	return strings.Join(words, ", ")
}
