package tax_test

import (
	"context"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
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
	today := rule("DE", "", "standard", "VAT19", 1, 190_000)
	today.From = period.Date(2021, 1, 1)
	pst := rule("CA", "QC", "standard", "QST", 2, 99_750)
	pst.Compound = true
	table := tax.NewTable([]tax.Rule{
		old, today, rule("DE", "", "reduced", "VAT7", 1, 70_000), rule("FR", "", "standard", "TVA20", 1, 200_000),
		rule("CA", "", "standard", "GST", 1, 50_000), pst, rule("US", "CA", "standard", "Sales tax", 1, 72_500),
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
}

func TestRulesAreKept(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, c := context.Background(), clock.At(time.Date(2027, 3, 10, 12, 0, 0, 0, time.UTC))
		s := tax.New(d, audit.New(d, c), c)
		other := tax.New(dbtest.Again(t, d), audit.New(d, c), c)
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
		} {
			if _, err := s.SaveRule(ctx, bad); fault.KindOf(err) != fault.Invalid || fault.Of(err).Field != field {
				t.Errorf("%s: %v", field, err)
			}
		}
		rules, err := s.Rules(ctx)
		if err != nil || len(rules) != 1 || rules[0].RatePPM != 190_000 || rules[0].From != period.Date(2020, 1, 1) || !rules[0].To.IsZero() {
			t.Errorf("%+v, %v", rules, err)
		}
	})
}
