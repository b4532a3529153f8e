package flow

import (
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/sales/catalog"
)

// A product is sold in several currencies: what each earns in a night is a posting of its own.
func TestWhatIsEarnedInANightIsPostedForEachCurrency(t *testing.T) {
	day := period.Date(2026, time.December, 1)
	product := string(ids.New[ids.Product]())
	of := func(currency string) invoice.Deferring {
		return invoice.Deferring{Invoice: ids.New[ids.Invoice](), Currency: currency,
			Lines: []invoice.DeferLine{{Owner: product, Segments: []invoice.Segment{{From: day, To: day.Add(9), Minor: 1000}}}}}
	}
	set := []invoice.Deferring{of("EUR"), of("USD"), of("EUR")}
	booked := map[ids.Invoice]int64{}
	for _, d := range set {
		booked[d.Invoice] = 1000
	}
	causes := map[string]bool{}
	for _, p := range earned(&catalog.Shop{}, set, booked, invoice.DeferPage{Through: day}) {
		causes[p.Cause] = true
	}
	if len(causes) != 2 {
		t.Errorf("two currencies are posted under %v", causes)
	}
}
