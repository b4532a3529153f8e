// Package tax owns which tax applies to a sale: the operator's table of rates by class, country and region, and the rules
// that say whose table counts. Amounts are pricing's. Start at Table.Decide.
package tax

import (
	"cmp"
	"slices"
	"strings"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/sdk/fault"
)

// ErrNotFound: there is no such rule.
var ErrNotFound = fault.New(fault.NotFound, "tax_rule_not_found", "That tax rule does not exist.")

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

// IsOn says whether the rule holds on a day.
func (r Rule) IsOn(day period.Day) bool {
	return !day.Before(r.From) && (r.To.IsZero() || day.Before(r.To))
}

// Buyer is what decides about the tax of a customer.
type Buyer struct {
	Country, Region string
	Company         bool
	TaxID           string // upper case without spaces
	Checked         bool   // an authority confirmed TaxID
	Exempt          bool   // a certificate says so
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
type Table struct {
	rules map[key][]Rule // the newest first
}

type key struct{ class, country, region string }

// NewTable makes a table of rules. Of two that hold at a place and level on one day, the one that began later counts.
func NewTable(rules []Rule) *Table {
	t := &Table{rules: make(map[key][]Rule, len(rules))}
	for _, r := range rules {
		k := key{r.Class, r.Country, r.Region}
		t.rules[k] = append(t.rules[k], r)
	}
	for _, list := range t.rules {
		slices.SortStableFunc(list, func(a, b Rule) int {
			return cmp.Or(b.From.Compare(a.From), strings.Compare(string(b.ID), string(a.ID)))
		})
	}
	return t
}

// Decide says which tax is due on a class of things that a seller sells to a buyer on a day. Seller is a country.
//
// At home the home rate holds. A business with a checked number in another member state of the EU accounts for the tax
// itself (Directive 2006/112/EC, articles 44 and 196), wherever the seller is. A consumer in the EU pays the rate of his
// own country if the table has it, else that of a seller in the EU, as one under the threshold of article 59c may.
// Elsewhere the buyer's country counts if the table has it (the seller is registered there); otherwise no tax of ours
// applies.
func (t *Table) Decide(seller string, b Buyer, class string, on period.Day) Decision {
	if class == "" {
		class = Standards
	}
	seller, country := area(seller), area(b.Country)
	if country == "" {
		country = seller
	}
	free := func(category, why string) Decision {
		return Decision{
			Group: group(class, country, category), Category: category, Why: why, HomePPM: together(t.find(class, seller, "", on)),
		}
	}
	switch {
	case b.Exempt:
		return free(Exempt, "exempt by certificate")
	case country == seller:
		return t.charge(class, seller, b.Region, on, "at home in "+seller)
	case b.isBusiness(seller, country):
		return free(Reverse, "business in "+country+" with a checked number, reverse charge")
	case len(t.find(class, country, b.Region, on)) > 0:
		why := "registered in " + country
		if IsEU(seller) && IsEU(country) {
			why = "consumer, place " + country
		}
		return t.charge(class, country, b.Region, on, why)
	case IsEU(seller) && IsEU(country):
		return t.charge(class, seller, "", on, "consumer in "+country+", taxed in "+seller)
	case IsEU(seller):
		return free(OutOfScope, "supplied to "+country+", outside the union")
	}
	return free(OutOfScope, "no tax of ours in "+country)
}

// isBusiness says whether the buyer accounts for the tax: a company in the EU whose number was checked, and is that of
// a member state other than the seller's.
func (b Buyer) isBusiness(seller, country string) bool {
	if !b.Company || !b.Checked || b.TaxID == "" || !IsEU(country) {
		return false
	}
	issuer := country // a number without a prefix is the country's own
	if len(b.TaxID) > 2 {
		if prefix := strings.Replace(b.TaxID[:2], "EL", "GR", 1); strings.Trim(prefix, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "" {
			issuer = prefix
		}
	}
	return IsEU(issuer) && issuer != seller
}

// charge is the decision to charge the rates of a place. A place without rates is out of scope.
func (t *Table) charge(class, country, region string, on period.Day, why string) Decision {
	rules := t.find(class, country, region, on)
	d := Decision{Category: OutOfScope, Why: why}
	for i, r := range rules {
		if i == 0 || r.RatePPM > 0 {
			d.Category = r.Category
		}
		d.Rules = append(d.Rules, r.ID)
		if r.RatePPM > 0 {
			d.Components = append(d.Components, Component{Code: r.Code, RatePPM: r.RatePPM, Compound: r.Compound})
		}
	}
	if len(rules) == 0 {
		d.Why += ", where there is no rate"
	}
	place := country
	if slices.ContainsFunc(rules, func(r Rule) bool { return r.Region != "" }) {
		place += "-" + region
	}
	d.Group = group(class, place, d.Category)
	return d
}

// find lists the rules of a place by level: those of the region, and those of the country at levels that the region
// does not have. A class without rules has those of the standard class.
func (t *Table) find(class, country, region string, on period.Day) (out []Rule) {
	pick := func(region string) {
		for _, r := range t.rules[key{class, country, region}] {
			if r.IsOn(on) && !slices.ContainsFunc(out, func(o Rule) bool { return o.Level == r.Level }) {
				out = append(out, r)
			}
		}
	}
	if region != "" {
		pick(region)
	}
	pick("")
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

// group names a decision within a document, in at most 40 letters: the parts are short enough.
func group(class, place, category string) string { return class + "-" + place + "-" + category }

// area is the country whose VAT holds: Monaco's is that of France, the Isle of Man's that of Great Britain (Directive
// 2006/112/EC, article 7).
func area(country string) string {
	switch country {
	case "MC":
		return "FR"
	case "IM":
		return "GB"
	}
	return country
}

// IsEU says whether a country is a member state of the European Union: since 2020 without GB.
func IsEU(country string) bool {
	return len(country) == 2 && strings.Contains(" AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK ", " "+country+" ")
}
