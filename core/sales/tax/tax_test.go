package tax_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/sales/tax"
	"github.com/ezscale/bursar/sdk/fault"
)

var day = period.Date(2027, 3, 10)

func rule(country, region, class, code string, level int, ppm int64) tax.Rule {
	return tax.Rule{Class: class, Country: country, Region: region, Level: level, Code: code, Category: tax.Standard, RatePPM: ppm, From: period.Date(2020, 1, 1)}
}

func TestDecide(t *testing.T) {
	old := rule("DE", "", "standard", "VAT16", 1, 160_000)
	old.To = period.Date(2021, 1, 1)
	forever := rule("DE", "", "standard", "VAT15", 1, 150_000) // never ended; what began later counts
	forever.From = period.Date(2000, 1, 1)
	today := rule("DE", "", "standard", "VAT19", 1, 190_000)
	today.From = period.Date(2021, 1, 1)
	pst := rule("CA", "QC", "standard", "QST", 2, 99_750)
	pst.Compound = true
	atHome := pst
	atHome.Country, atHome.Region = "QC", "" // no country, only a seller with two taxes at home
	table := tax.NewTable([]tax.Rule{
		today, old, forever, rule("DE", "", "reduced", "VAT7", 1, 70_000), rule("FR", "", "standard", "TVA20", 1, 200_000),
		rule("CA", "", "standard", "GST", 1, 50_000), pst, rule("QC", "", "standard", "GST", 1, 50_000), atHome, rule("US", "CA", "standard", "Sales tax", 1, 72_500),
	})
	tests := []struct {
		name     string
		seller   string
		buyer    tax.Buyer
		class    string
		category string
		codes    []string
		home     int64
	}{
		{"at home", "DE", tax.Buyer{Country: "DE"}, "standard", "S", []string{"VAT19"}, 0},
		{"a guest is at home", "DE", tax.Buyer{}, "", "S", []string{"VAT19"}, 0},
		{"at home, reduced", "DE", tax.Buyer{Country: "DE"}, "reduced", "S", []string{"VAT7"}, 0},
		{"a class without a rate is standard", "DE", tax.Buyer{Country: "DE"}, "books", "S", []string{"VAT19"}, 0},
		{"at home a business with a number pays too", "DE", tax.Buyer{Country: "DE", Company: true, TaxID: "DE1", Checked: true}, "standard", "S", []string{"VAT19"}, 0},
		{"a consumer in a member state that the table has", "DE", tax.Buyer{Country: "FR"}, "standard", "S", []string{"TVA20"}, 0},
		{"a consumer in a member state that it has not", "DE", tax.Buyer{Country: "IE"}, "standard", "S", []string{"VAT19"}, 0},
		{"a business with a checked number in a member state", "DE", tax.Buyer{Country: "FR", Company: true, TaxID: "FR1", Checked: true}, "standard", "AE", nil, 190_000},
		{"a number that nobody checked is none", "DE", tax.Buyer{Country: "FR", Company: true, TaxID: "FR1"}, "standard", "S", []string{"TVA20"}, 0},
		{"outside the union", "DE", tax.Buyer{Country: "CH", Company: true, TaxID: "CHE1", Checked: true}, "standard", "O", nil, 190_000},
		{"outside, where we are registered, with a second tax", "DE", tax.Buyer{Country: "CA", Region: "QC"}, "standard", "S", []string{"GST", "QST"}, 0},
		{"another region of that country", "DE", tax.Buyer{Country: "CA", Region: "ON"}, "standard", "S", []string{"GST"}, 0},
		{"a state where we are not registered", "US", tax.Buyer{Country: "US", Region: "OR"}, "standard", "O", nil, 0},
		{"a state where we are", "US", tax.Buyer{Country: "US", Region: "CA"}, "standard", "S", []string{"Sales tax"}, 0},
		{"a business with the number of another member state than its own", "DE", tax.Buyer{Country: "FR", Company: true, TaxID: "IE1", Checked: true}, "standard", "AE", nil, 190_000},
		{"a business abroad with a number of the seller's country", "DE", tax.Buyer{Country: "FR", Company: true, TaxID: "DE1", Checked: true}, "standard", "S", []string{"TVA20"}, 0},
		{"a Greek number has its own prefix", "DE", tax.Buyer{Country: "GR", Company: true, TaxID: "EL1", Checked: true}, "standard", "AE", nil, 190_000},
		{"a number without a prefix", "DE", tax.Buyer{Country: "FR", Company: true, TaxID: "12345", Checked: true}, "standard", "AE", nil, 190_000},
		{"a person with a number is a consumer", "DE", tax.Buyer{Country: "FR", TaxID: "FR1", Checked: true}, "standard", "S", []string{"TVA20"}, 0},
		{"Monaco is taxed as France", "DE", tax.Buyer{Country: "MC"}, "standard", "S", []string{"TVA20"}, 0},
		{"an island with a code of its own is outside", "FR", tax.Buyer{Country: "GP"}, "standard", "O", nil, 200_000},
		{"from outside to a consumer where we are registered", "US", tax.Buyer{Country: "FR"}, "standard", "S", []string{"TVA20"}, 0},
		{"from outside to a consumer where we are not", "US", tax.Buyer{Country: "IE"}, "standard", "O", nil, 0},
		{"from outside to a business in the union", "US", tax.Buyer{Country: "FR", Company: true, TaxID: "FR1", Checked: true}, "standard", "AE", nil, 0},
		{"what compounds is in the price at home", "QC", tax.Buyer{Country: "DE", Exempt: true}, "standard", "E", nil, 154_738},
		{"a certificate abroad", "DE", tax.Buyer{Country: "FR", Exempt: true}, "standard", "E", nil, 190_000},
		{"a certificate", "DE", tax.Buyer{Country: "DE", Exempt: true}, "standard", "E", nil, 190_000},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := table.Decide(tt.seller, tt.buyer, tt.class, day)
			var codes []string
			for _, c := range d.Components {
				codes = append(codes, c.Code)
			}
			if d.Category != tt.category || len(codes) != len(tt.codes) || d.HomePPM != tt.home || d.Group == "" || d.Why == "" || len(d.Group) > 40 {
				t.Fatalf("%+v", d)
			}
			for i := range codes {
				if codes[i] != tt.codes[i] {
					t.Errorf("taxes %v, want %v", codes, tt.codes)
				}
			}
		})
	}
	if d := table.Decide("DE", tax.Buyer{Country: "DE"}, "standard", period.Date(2020, 12, 31)); d.Components[0].Code != "VAT16" {
		t.Errorf("on the last day of the old rate: %+v", d)
	}
	if d := table.Decide("DE", tax.Buyer{Country: "DE"}, "standard", period.Date(1999, 12, 31)); d.Category != "O" || len(d.Components) != 0 {
		t.Errorf("before every rate: %+v", d)
	}
	if d := table.Decide("DE", tax.Buyer{Country: "CA", Region: "QC"}, "standard", day); !d.Components[1].Compound || d.Group != "standard-CA-QC-S" || len(d.Rules) != 2 {
		t.Errorf("%+v", d)
	}
	zero := rule("GB", "", "books", "VAT0", 1, 0)
	zero.Category = tax.Zero
	none := zero
	none.Level, none.Category = 2, tax.Exempt
	if d := tax.NewTable([]tax.Rule{none, rule("GB", "", "books", "VAT", 1, 50_000)}).Decide("GB", tax.Buyer{}, "books", day); d.Category != "S" || len(d.Components) != 1 {
		t.Errorf("a rate beside none: %+v", d)
	}
	if d := tax.NewTable([]tax.Rule{zero}).Decide("GB", tax.Buyer{Country: "IM"}, "books", day); d.Category != "Z" || len(d.Components) != 0 || d.HomePPM != 0 {
		t.Errorf("a rate of zero: %+v", d)
	}
}

func TestRulesAreKept(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, c := context.Background(), clock.At(time.Date(2027, 3, 10, 12, 0, 0, 0, time.UTC))
		s := tax.New(d, audit.New(d, c), c)
		far := dbtest.Again(t, d)
		other := tax.New(far, audit.New(far, c), c)
		if _, err := other.Table(ctx); err != nil {
			t.Fatal(err)
		}
		r, err := s.SaveRule(ctx, rule("DE", "", "standard", "VAT19", 1, 190_000))
		if err != nil {
			t.Fatal(err)
		}
		decided := func(s *tax.Service) string {
			table, err := s.Table(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if got := table.Decide("DE", tax.Buyer{}, "", day).Components; len(got) == 1 {
				return got[0].Code
			}
			return ""
		}
		if got := decided(s); got != "VAT19" {
			t.Errorf("our own change is seen as %q", got)
		}
		c.Add(2 * time.Second)
		if got := decided(other); got != "VAT19" {
			t.Errorf("two seconds later another process sees %q", got)
		}
		r.Code = "USt19"
		if _, err := s.SaveRule(ctx, r); err != nil {
			t.Fatal(err)
		}
		if got := decided(s); got != "USt19" {
			t.Errorf("changed, it is %q", got)
		}
		for field, bad := range map[string]tax.Rule{
			"country": rule("Germany", "", "standard", "X", 1, 1), "rate": rule("DE", "", "standard", "X", 1, 2_000_000), "level": rule("DE", "", "standard", "X", 3, 1), "code": rule("DE", "", "standard", "", 1, 1),
			"class": rule("DE", "", "Books & more", "X", 1, 1), "region": rule("US", "California", "standard", "X", 1, 1), "category": {Class: "standard", Country: "DE", Level: 1, Code: "X", Category: "Q"},
			"from": rule("de", "", "standard", "Twin", 1, 1),
		} {
			if _, err := s.SaveRule(ctx, bad); fault.KindOf(err) != fault.Invalid || fault.Of(err).Field != field {
				t.Errorf("%s: %v", field, err)
			}
		}
		zero := rule("DE", "", "zero", "VAT0", 1, 0)
		if _, err := s.SaveRule(ctx, zero); fault.KindOf(err) != fault.Invalid || fault.Of(err).Field != "rate" {
			t.Errorf("a standard rate of nothing: %v", err)
		}
		if _, err := s.SaveRule(ctx, tax.Rule{ID: ids.New[ids.TaxRule](), Class: "a", Country: "DE", Level: 1, Code: "X", Category: tax.Zero, From: day}); !errors.Is(err, tax.ErrNotFound) {
			t.Error(err)
		}
		rules, err := s.Rules(ctx)
		if err != nil || len(rules) != 1 || rules[0].RatePPM != 190_000 || rules[0].From != period.Date(2020, 1, 1) || !rules[0].To.IsZero() {
			t.Errorf("%+v, %v", rules, err)
		}
	})
}
