package pricing_test

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/sales/pricing"
)

func TestExplainIsReplayed(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		in := random(r)
		q, err := pricing.Quote(in)
		if err != nil {
			t.Fatal(err)
		}
		for i := range in.Lines {
			text := in.Explain(q, i, pricing.Record{Rule: "term", Why: `consumer, place "DE"`, Rules: []string{"tax_1", "tax_2"}})
			if !json.Valid([]byte(text)) {
				t.Fatal(text)
			}
			if err := pricing.Replay(text); err != nil {
				t.Fatalf("%v\n%s\n%+v", err, text, in)
			}
		}
	}
}

func TestExplainOfARenewal(t *testing.T) {
	from, to := period.Date(2027, 3, 10), period.Date(2027, 4, 1)
	in := pricing.Input{Currency: "EUR",
		Lines:  []pricing.LineIn{{Key: "vps", Kind: pricing.Recurring, Unit: 1999, Tax: "std-DE", Days: pricing.Days{Used: 22, Full: 31}}},
		Coupon: &pricing.CouponIn{Kind: pricing.Percent, RatePPM: 250_000},
		Taxes:  map[string]pricing.TaxIn{"std-DE": {Category: "S", Components: []pricing.Component{{Code: "VAT19", RatePPM: 190_000}}}}}
	q, err := pricing.Quote(in)
	if err != nil {
		t.Fatal(err)
	}
	text := in.Explain(q, 0, pricing.Record{Rule: "stub", Subscription: ids.New[ids.Subscription](), Obligation: ids.New[ids.Obligation](),
		Period: period.Period{From: from, To: to}, Price: ids.New[ids.Price](), Redemption: ids.New[ids.Redemption](), TermsLeft: 2,
		Why: "consumer, place DE", Rules: []string{string(ids.New[ids.TaxRule]())}})
	for _, part := range []string{`"list":[43978,31],"amount":[65967,62]`, `"group_base":1064,"group_tax":202`, `"out":{"list":1419,"discount":355,"net":1064,"tax":202}`} {
		if !strings.Contains(text, part) {
			t.Errorf("%s is missing in %s", part, text)
		}
	}
	if len(text) > 720 {
		t.Errorf("%d bytes", len(text))
	}
	for _, change := range [][2]string{{`"unit":1999`, `"unit":1998`}, {`"days":[22,`, `"days":[21,`}, {`"net":1064`, `"net":1065`}, {`"group_tax":202`, `"group_tax":203`}, {`"ppm":250000`, `"ppm":250001`}} {
		if err := pricing.Replay(strings.Replace(text, change[0], change[1], 1)); err == nil {
			t.Errorf("%s instead of %s was not noticed", change[1], change[0])
		}
	}
}
