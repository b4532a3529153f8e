package pricing_test

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ezscale/bursar/core/sales/pricing"
	"github.com/ezscale/bursar/sdk/fault"
)

type caseIn struct {
	Currency string       `json:"currency"`
	Mode     pricing.Mode `json:"mode"`
	Step     int64        `json:"step_minor"`
	Lines    []struct {
		Key      string       `json:"key"`
		Kind     pricing.Kind `json:"kind"`
		Unit     int64        `json:"unit_minor"`
		Qty      int64        `json:"qty_micro"`
		Per      int64        `json:"per"`
		Override *int64       `json:"override_minor"`
		Disc     bool         `json:"override_discountable"`
		Days     []int        `json:"days"`
		Tax      string       `json:"tax"`
	} `json:"lines"`
	Coupon *struct {
		Kind   pricing.CouponKind `json:"kind"`
		Rate   int64              `json:"rate_ppm"`
		Amount int64              `json:"amount_minor"`
		Unit   int64              `json:"unit_minor"`
		On     []string           `json:"on"`
	} `json:"coupon"`
	Taxes map[string]struct {
		Category   string `json:"category"`
		Home       int64  `json:"home_ppm"`
		Components []struct {
			Code     string `json:"code"`
			Rate     int64  `json:"rate_ppm"`
			Compound bool   `json:"compound"`
		} `json:"components"`
	} `json:"taxes"`
}

func (c caseIn) input() pricing.Input {
	in := pricing.Input{Currency: c.Currency, Mode: c.Mode, Step: c.Step, Taxes: map[string]pricing.TaxIn{}}
	for _, l := range c.Lines {
		line := pricing.LineIn{Key: l.Key, Kind: l.Kind, Unit: l.Unit, Qty: l.Qty, Per: l.Per, Override: l.Override, OverrideDiscountable: l.Disc, Tax: l.Tax}
		if len(l.Days) == 2 {
			line.Days = pricing.Days{Used: l.Days[0], Full: l.Days[1]}
		}
		in.Lines = append(in.Lines, line)
	}
	if k := c.Coupon; k != nil {
		in.Coupon = &pricing.CouponIn{Kind: k.Kind, RatePPM: k.Rate, Amount: k.Amount, Unit: k.Unit, On: k.On}
	}
	for key, t := range c.Taxes {
		tax := pricing.TaxIn{Category: t.Category, HomePPM: t.Home}
		for _, k := range t.Components {
			tax.Components = append(tax.Components, pricing.Component{Code: k.Code, RatePPM: k.Rate, Compound: k.Compound})
		}
		in.Taxes[key] = tax
	}
	return in
}

type lineOut struct {
	Key      string `json:"key"`
	List     int64  `json:"list_minor"`
	Discount int64  `json:"discount_minor"`
	Amount   int64  `json:"amount_minor"`
	Net      int64  `json:"net_minor"`
	Tax      int64  `json:"tax_minor"`
}

type taxOut struct {
	Group string `json:"group"`
	Code  string `json:"code"`
	Base  int64  `json:"base_minor"`
	Tax   int64  `json:"tax_minor"`
}

type caseOut struct {
	Lines    []lineOut       `json:"lines"`
	Taxes    []taxOut        `json:"taxes"`
	Net      int64           `json:"net_minor"`
	Tax      int64           `json:"tax_minor"`
	Rounding int64           `json:"rounding_minor"`
	Total    int64           `json:"total_minor"`
	Error    json.RawMessage `json:"error"`
}

func outcome(q pricing.Result) (out caseOut) {
	for _, l := range q.Lines {
		out.Lines = append(out.Lines, lineOut{l.Key, l.List, l.Discount, l.Amount, l.Net, l.Tax})
	}
	for _, x := range q.Taxes {
		out.Taxes = append(out.Taxes, taxOut{x.Group, x.Code, x.Base, x.Tax})
	}
	slices.SortFunc(out.Taxes, func(a, b taxOut) int { return strings.Compare(a.Group+a.Code, b.Group+b.Code) })
	out.Net, out.Tax, out.Rounding, out.Total = q.Net, q.Tax, q.Rounding, q.Total
	return out
}

func TestCases(t *testing.T) {
	text, err := os.ReadFile("testdata/money-cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []struct {
			ID, Op, Title string
			In, Out       json.RawMessage
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, c := range file.Cases {
		if c.Op != "quote" {
			continue
		}
		n++
		t.Run(c.ID+" "+c.Title, func(t *testing.T) {
			var in caseIn
			var want caseOut
			if err := json.Unmarshal(c.In, &in); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(c.Out, &want); err != nil {
				t.Fatal(err)
			}
			q, err := pricing.Quote(in.input())
			if (err != nil) != (want.Error != nil) {
				t.Fatalf("error %v", err)
			}
			slices.SortFunc(want.Taxes, func(a, b taxOut) int { return strings.Compare(a.Group+a.Code, b.Group+b.Code) })
			if got := outcome(q); err == nil && !reflect.DeepEqual(got, want) {
				t.Fatalf("got  %+v\nwant %+v", got, want)
			}
		})
	}
	if n < 15 {
		t.Fatalf("only %d cases of quotes were read", n)
	}
}

func TestRefused(t *testing.T) {
	good := pricing.Input{Currency: "EUR", Lines: []pricing.LineIn{{Key: "a", Unit: 100, Tax: "A"}}, Taxes: map[string]pricing.TaxIn{"A": {Category: "O"}}}
	tests := []struct {
		name   string
		change func(*pricing.Input)
	}{
		{"no currency", func(in *pricing.Input) { in.Currency = "" }},
		{"a tax group that is not given", func(in *pricing.Input) { in.Lines[0].Tax = "B" }},
		{"more days than the period has", func(in *pricing.Input) { in.Lines[0].Days = pricing.Days{Used: 32, Full: 31} }},
		{"an amount over the limit", func(in *pricing.Input) { in.Lines[0].Unit = pricing.Limit + 1 }},
		{"a product over the limit", func(in *pricing.Input) { in.Lines[0].Unit, in.Lines[0].Qty = pricing.Limit, 2*pricing.Micro }},
		{"a total below zero", func(in *pricing.Input) { in.Lines[0].Unit = -1 }},
		{"a discount over everything", func(in *pricing.Input) { in.Coupon = &pricing.CouponIn{Kind: pricing.Percent, RatePPM: 1_000_001} }},
		{"a coupon of no kind", func(in *pricing.Input) { in.Coupon = &pricing.CouponIn{} }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := good
			in.Lines = slices.Clone(good.Lines)
			tt.change(&in)
			if _, err := pricing.Quote(in); fault.KindOf(err) != fault.Invalid {
				t.Fatalf("got %v", err)
			}
		})
	}
	if _, err := pricing.Quote(good); err != nil {
		t.Fatal(err)
	}
}

// TestSums prices random carts: lines add up to totals, nothing is negative, taxes of a group are the taxes of its lines.
func TestSums(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 11))
	for range 20_000 {
		in := random(r)
		q, err := pricing.Quote(in)
		if err != nil {
			t.Fatalf("%+v: %v", in, err)
		}
		var net, tax int64
		groups := map[string]int64{}
		for i, l := range q.Lines {
			if l.List-l.Discount != l.Amount || l.Amount < 0 || l.Discount < 0 || l.Net < 0 || l.Tax < 0 {
				t.Fatalf("%+v: line %+v", in, l)
			}
			if in.Mode == pricing.Inclusive && l.Net+l.Tax != l.Amount || in.Mode != pricing.Inclusive && l.Net != l.Amount {
				t.Fatalf("%+v: line %+v", in, l)
			}
			net, tax = net+l.Net, tax+l.Tax
			groups[in.Lines[i].Tax] += l.Tax
		}
		for _, x := range q.Taxes {
			groups[x.Group] -= x.Tax
		}
		for key, rest := range groups {
			if rest != 0 {
				t.Fatalf("%+v: group %s differs by %d", in, key, rest)
			}
		}
		if net != q.Net || tax != q.Tax || q.Net+q.Tax+q.Rounding != q.Total {
			t.Fatalf("%+v: %+v", in, q)
		}
	}
}

func random(r *rand.Rand) pricing.Input {
	in := pricing.Input{Currency: "EUR", Step: []int64{0, 1, 5, 10}[r.IntN(4)], Taxes: map[string]pricing.TaxIn{
		"A": {Category: "S", Components: []pricing.Component{{Code: "VAT", RatePPM: int64(r.IntN(300_000))}}},
		"B": {Category: "S", Components: []pricing.Component{{Code: "GST", RatePPM: 50_000}, {Code: "PST", RatePPM: int64(r.IntN(100_000)), Compound: true}}},
		"C": {Category: "AE", HomePPM: 190_000},
	}}
	if r.IntN(2) == 0 {
		in.Mode = pricing.Inclusive
	}
	kinds := []pricing.Kind{pricing.Recurring, pricing.Option, pricing.Setup, pricing.Usage}
	for i := range 1 + r.IntN(6) {
		l := pricing.LineIn{Key: string(rune('a' + i)), Kind: kinds[r.IntN(4)], Unit: int64(r.IntN(50_000)), Tax: []string{"A", "B", "C"}[r.IntN(3)]}
		if r.IntN(3) == 0 {
			l.Qty, l.Per = 1+r.Int64N(5_000_000_000), []int64{1, 7, 1000}[r.IntN(3)]
		}
		if r.IntN(3) == 0 {
			l.Days = pricing.Days{Used: r.IntN(32), Full: 31}
		}
		in.Lines = append(in.Lines, l)
	}
	switch r.IntN(5) {
	case 0:
		in.Coupon = &pricing.CouponIn{Kind: pricing.Percent, RatePPM: int64(r.IntN(1_000_001))}
	case 1:
		in.Coupon = &pricing.CouponIn{Kind: pricing.Fixed, Amount: int64(r.IntN(20_000))}
	case 2:
		in.Coupon = &pricing.CouponIn{Kind: pricing.Price, Unit: int64(r.IntN(3000))}
	case 3:
		in.Coupon = &pricing.CouponIn{Kind: pricing.FreeSetup}
	}
	return in
}

func BenchmarkQuoteOneLine(b *testing.B) {
	in := pricing.Input{Currency: "EUR", Lines: []pricing.LineIn{{Key: "vps", Kind: pricing.Recurring, Unit: 1999, Tax: "A", Days: pricing.Days{Used: 22, Full: 31}}},
		Coupon: &pricing.CouponIn{Kind: pricing.Percent, RatePPM: 250_000},
		Taxes:  map[string]pricing.TaxIn{"A": {Category: "S", Components: []pricing.Component{{Code: "VAT19", RatePPM: 190_000}}}}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := pricing.Quote(in); err != nil {
			b.Fatal(err)
		}
	}
}
