// Package tax owns which tax applies to a sale: the operator's table of rates by class, country and region, and the rules
// that say whose table counts. Amounts are pricing's. Start at Table.Decide.
package tax

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/sdk/fault"
)

// Errors of this package.
var (
	ErrNotFound = fault.New(fault.NotFound, "tax_rule_not_found", "That tax rule does not exist.")
)

// Categories of EN 16931, as invoices name them (UNTDID 5305).
const (
	Standard   = "S"
	Zero       = "Z"
	Exempt     = "E"
	Reverse    = "AE" // the buyer accounts for it
	Export     = "G"  // leaves the union
	OutOfScope = "O"  // no tax of ours applies
)

// Standards is the class of what has no other.
const Standards = "standard"

// Rule is one line of the operator's table: a rate for a class of things in a place, from a day on.
type Rule struct {
	ID       ids.TaxRule
	Class    string // "standard", "reduced"
	Country  string // ISO 3166
	Region   string // "": all of the country
	Level    int    // 1, or 2 for a second tax beside the first
	Code     string // "VAT19"; printed on invoices
	Category string
	RatePPM  int64
	Compound bool // on top of the level before
	From     period.Day
	To       period.Day // exclusive; zero: open
}

// Buyer is what decides about the tax of a customer.
type Buyer struct {
	Country, Region string
	Company         bool
	TaxID           string
	Checked         bool // an authority confirmed TaxID
	Exempt          bool // a certificate says so
}

// Component is one tax of a decision.
type Component struct {
	Code     string
	RatePPM  int64
	Compound bool
}

// Decision says which taxes apply, and why. Group names it within a document.
type Decision struct {
	Group      string
	Category   string
	Components []Component // none: no tax is due
	HomePPM    int64       // what inclusive prices contain at home, to be taken off where no tax is due
	Why        string
	Rules      []ids.TaxRule
}

// Table is the operator's rates at one moment. It never changes.
type Table struct{ rules []Rule }

// NewTable makes a table of rules.
func NewTable(rules []Rule) *Table { return &Table{rules: slices.Clone(rules)} }

// Decide says which tax is due on a class of things that a seller sells to a buyer on a day.
//
// At home the home rate holds. In the EU a business with a checked number in another member state accounts for the tax
// itself (Directive 2006/112/EC, articles 44 and 196); a consumer pays the rate of his own country if the table has it,
// else that of the seller's, as a seller under the threshold of article 59c may. Elsewhere the buyer's country counts if
// the table has it (the seller is registered there); otherwise no tax of ours applies.
func (t *Table) Decide(seller string, b Buyer, class string, on period.Day) Decision {
	if class == "" {
		class = Standards
	}
	home := t.find(class, seller, "", on)
	free := func(category, why string) Decision {
		d := Decision{Category: category, Why: why, HomePPM: together(home)}
		d.Group = group(class, b.Country, category)
		return d
	}
	switch {
	case b.Exempt:
		return free(Exempt, "exempt by certificate")
	case b.Country == "" || b.Country == seller:
		return t.charge(class, seller, b.Region, on, "at home in "+seller)
	case IsEU(seller) && IsEU(b.Country):
		if b.Company && b.TaxID != "" && b.Checked {
			return free(Reverse, "business in "+b.Country+" with a checked number, reverse charge")
		}
		if len(t.find(class, b.Country, b.Region, on)) > 0 {
			return t.charge(class, b.Country, b.Region, on, "consumer, place "+b.Country)
		}
		return t.charge(class, seller, "", on, "consumer in "+b.Country+", taxed in "+seller)
	case len(t.find(class, b.Country, b.Region, on)) > 0:
		return t.charge(class, b.Country, b.Region, on, "registered in "+b.Country)
	case IsEU(seller):
		return free(OutOfScope, "supplied to "+b.Country+", outside the union")
	}
	return free(OutOfScope, "no tax of ours in "+b.Country)
}

// charge is the decision to charge the rates of a place. A place without rates is out of scope.
func (t *Table) charge(class, country, region string, on period.Day, why string) Decision {
	rules := t.find(class, country, region, on)
	d := Decision{Category: OutOfScope, Why: why}
	for _, r := range rules {
		d.Category = r.Category
		d.Rules = append(d.Rules, r.ID)
		if r.RatePPM > 0 {
			d.Components = append(d.Components, Component{Code: r.Code, RatePPM: r.RatePPM, Compound: r.Compound})
		}
	}
	if len(rules) == 0 {
		d.Why += ", where there is no rate"
	}
	place := country
	if region != "" && len(rules) > 0 && rules[0].Region != "" {
		place += "-" + region
	}
	d.Group = group(class, place, d.Category)
	return d
}

// find lists the rules of a place by level: those of the region, and those of the country at levels that the region
// does not have. A class without rules has those of the standard class.
func (t *Table) find(class, country, region string, on period.Day) []Rule {
	var out []Rule
	pick := func(class, region string) {
		for _, r := range t.rules {
			if r.Class != class || r.Country != country || r.Region != region || on.Before(r.From) || (!r.To.IsZero() && !on.Before(r.To)) {
				continue
			}
			if !slices.ContainsFunc(out, func(o Rule) bool { return o.Level == r.Level }) {
				out = append(out, r)
			}
		}
	}
	if region != "" {
		pick(class, region)
	}
	pick(class, "")
	if len(out) == 0 && class != Standards {
		return t.find(Standards, country, region, on)
	}
	slices.SortFunc(out, func(a, b Rule) int { return a.Level - b.Level })
	return out
}

// together is the rate of rules that are charged together, in parts per million.
func together(rules []Rule) (sum int64) {
	for _, r := range rules {
		rate := r.RatePPM
		if r.Compound {
			rate += (rate*sum + 500_000) / 1_000_000
		}
		sum += rate
	}
	return sum
}

// group names a decision in at most 40 letters.
func group(class, place, category string) string {
	return fault.Cut(fmt.Sprintf("%s-%s-%s", class, place, category), 40)
}

// IsEU says whether a country's VAT area is that of the European Union: since 2020 without GB.
func IsEU(country string) bool {
	return strings.Contains(" AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK ", " "+country+" ")
}
