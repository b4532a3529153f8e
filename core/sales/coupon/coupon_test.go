package coupon_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/sales/coupon"
	"github.com/ezscale/bursar/sdk/fault"
)

var noon = time.Date(2027, 3, 10, 12, 0, 0, 0, time.UTC)

func service(d *db.DB) *coupon.Service {
	c := clock.At(noon)
	return coupon.NewService(d, audit.New(d, c), c)
}

func TestAllows(t *testing.T) {
	most := int64(5)
	base := coupon.Coupon{Kind: coupon.Percent}
	with := func(change func(*coupon.Coupon)) coupon.Coupon { c := base; change(&c); return c }
	use := coupon.Use{Now: noon, Currency: "EUR", NewCustomer: true}
	tests := []struct {
		name   string
		coupon coupon.Coupon
		want   error
	}{
		{"without rules everybody may", base, nil},
		{"its first moment", with(func(c *coupon.Coupon) { c.From = noon }), nil},
		{"before its first moment", with(func(c *coupon.Coupon) { c.From = noon.Add(time.Second) }), coupon.ErrEarly},
		{"its end is outside", with(func(c *coupon.Coupon) { c.To = noon }), coupon.ErrOver},
		{"the last use is left", with(func(c *coupon.Coupon) { c.MaxUses, c.Used = &most, 4 }), nil},
		{"all uses are gone", with(func(c *coupon.Coupon) { c.MaxUses, c.Used = &most, 5 }), coupon.ErrUsedUp},
		{"another currency", with(func(c *coupon.Coupon) { c.Currency = "USD" }), coupon.ErrCurrency},
		{"for new customers", with(func(c *coupon.Coupon) { c.Rules.Who = coupon.New }), nil},
		{"for those who have a service", with(func(c *coupon.Coupon) { c.Rules.Who = coupon.Existing }), coupon.ErrOldOnly},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.coupon.Allows(use); !errors.Is(err, tt.want) && err != tt.want {
				t.Errorf("%v, want %v", err, tt.want)
			}
		})
	}
	if err := with(func(c *coupon.Coupon) { c.Rules.Who = coupon.New }).Allows(coupon.Use{Now: noon}); !errors.Is(err, coupon.ErrNewOnly) {
		t.Errorf("an old customer with a new one's coupon: %v", err)
	}
	a, b := ids.New[ids.Product](), ids.New[ids.Product]()
	c := coupon.Coupon{Rules: coupon.Rules{Products: []ids.Product{a}, Cycles: []string{"1 month"}}}
	if !c.Covers(a, period.Monthly) || c.Covers(b, period.Monthly) || c.Covers(a, period.Annually) {
		t.Error("it covers other things than it says")
	}
}

func TestFold(t *testing.T) {
	for text, want := range map[string]string{" launch 20\t": "LAUNCH20", "ＬＡＵＮＣＨ２０": "LAUNCH20", "LАUNCH20": "LАUNCH20" /* a Cyrillic A stays one */} {
		if got := coupon.Fold(text); got != want {
			t.Errorf("%q folds to %q", text, got)
		}
	}
	if coupon.Fold("LАUNCH20") == "LAUNCH20" {
		t.Error("letters that look alike are taken for the same")
	}
}

func TestAHundredCustomersAndOneUse(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, s := context.Background(), service(d)
		other := service(dbtest.Again(t, d))
		most := int64(1)
		c, err := s.Save(ctx, coupon.Coupon{Code: "once", Kind: coupon.Percent, RatePPM: 500_000, Terms: 1, MaxUses: &most})
		if err != nil {
			t.Fatal(err)
		}
		var won, refused atomic.Int64
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				who := s
				if i%2 == 1 {
					who = other
				}
				_, err := who.Redeem(ctx, coupon.Redeeming{Coupon: c.ID, Customer: ids.New[ids.Customer](), Order: ids.New[ids.Order](), Shares: []coupon.Share{{Subscription: ids.New[ids.Subscription]()}}})
				switch {
				case err == nil:
					won.Add(1)
				case errors.Is(err, coupon.ErrUsedUp):
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 || refused.Load() != 99 {
			t.Fatalf("%d used it, %d were refused", won.Load(), refused.Load())
		}
		again, err := s.Find(ctx, " Once")
		if err != nil || again.Used != 1 {
			t.Errorf("%+v, %v", again, err)
		}
	})
}

func TestOnceForEachCustomerUntilReleased(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, s := context.Background(), service(d)
		c, err := s.Save(ctx, coupon.Coupon{Code: "HALF", Kind: coupon.Fixed, AmountMinor: 1000, Currency: "EUR", Terms: 3, OncePerCustomer: true})
		if err != nil {
			t.Fatal(err)
		}
		who, ord := ids.New[ids.Customer](), ids.New[ids.Order]()
		one, two := ids.New[ids.Subscription](), ids.New[ids.Subscription]()
		r := coupon.Redeeming{Coupon: c.ID, Customer: who, Order: ord, Shares: []coupon.Share{{Subscription: one, Minor: 700}, {Subscription: two, Minor: 300}}}
		got, err := s.Redeem(ctx, r)
		if err != nil || len(got) != 2 || got[0].ShareMinor != 700 {
			t.Fatalf("%+v, %v", got, err)
		}
		next := r
		next.Order = ids.New[ids.Order]()
		if _, err := s.Redeem(ctx, next); !errors.Is(err, coupon.ErrOnce) {
			t.Fatalf("a second order: %v", err)
		}
		if c, _ = s.Get(ctx, c.ID); c.Used != 1 {
			t.Errorf("a refused use was counted: %d", c.Used)
		}
		live, err := s.Live(ctx, []ids.Subscription{one, two})
		if err != nil || len(live) != 2 || live[two].ShareMinor != 300 || live[one].TermsLeft != 2 || live[one].Coupon.Code != "HALF" {
			t.Fatalf("%+v, %v", live, err)
		}
		for range 3 { // one more than is left
			if err := s.UseTerms(ctx, []ids.Redemption{live[one].ID}); err != nil {
				t.Fatal(err)
			}
		}
		if live, err = s.Live(ctx, []ids.Subscription{one, two}); err != nil || len(live) != 1 {
			t.Errorf("served out, it is still live: %+v, %v", live, err)
		}
		for range 2 {
			if err := s.Release(ctx, ord); err != nil {
				t.Fatal(err)
			}
		}
		if c, _ = s.Get(ctx, c.ID); c.Used != 0 {
			t.Errorf("released twice, it is used %d times", c.Used)
		}
		if live, _ = s.Live(ctx, []ids.Subscription{two}); len(live) != 0 {
			t.Error("released, it goes on serving")
		}
		if _, err := s.Redeem(ctx, next); err != nil {
			t.Errorf("after the release: %v", err)
		}
	})
}

func TestSave(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, s := context.Background(), service(d)
		product := ids.New[ids.Product]()
		c, err := s.Save(ctx, coupon.Coupon{Code: "spring", Kind: coupon.Percent, RatePPM: 150_000, Currency: "EUR", Rules: coupon.Rules{Products: []ids.Product{product}, Who: coupon.New}, To: noon.Add(time.Hour)})
		if err != nil || c.Code != "SPRING" || c.Currency != "" || c.Version != 1 {
			t.Fatalf("%+v, %v", c, err)
		}
		got, err := s.Find(ctx, "Spring")
		if err != nil || !got.Covers(product, period.Monthly) || got.Rules.Who != coupon.New || !got.To.Equal(noon.Add(time.Hour)) || got.MaxUses != nil {
			t.Fatalf("%+v, %v", got, err)
		}
		got.RatePPM = 200_000
		if _, err := s.Save(ctx, got); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Save(ctx, got); !errors.Is(err, coupon.ErrChanged) {
			t.Errorf("an old version was saved: %v", err)
		}
		if _, err := s.Save(ctx, coupon.Coupon{Code: "SPRING", Kind: coupon.FreeSetup}); !errors.Is(err, coupon.ErrTaken) {
			t.Errorf("a code twice: %v", err)
		}
		if _, err := s.Find(ctx, "nothing"); !errors.Is(err, coupon.ErrUnknown) {
			t.Errorf("an unknown code: %v", err)
		}
		for field, bad := range map[string]coupon.Coupon{
			"code": {Kind: coupon.FreeSetup}, "rate": {Code: "A", Kind: coupon.Percent}, "amount": {Code: "A", Kind: coupon.Fixed, Currency: "EUR"},
			"currency": {Code: "A", Kind: coupon.Price, AmountMinor: 5}, "kind": {Code: "A"}, "terms": {Code: "A", Kind: coupon.Percent, RatePPM: 5, Terms: -1},
			"to": {Code: "A", Kind: coupon.FreeSetup, From: noon, To: noon}, "cycles": {Code: "A", Kind: coupon.FreeSetup, Rules: coupon.Rules{Cycles: []string{"often"}}},
		} {
			if _, err := s.Save(ctx, bad); fault.KindOf(err) != fault.Invalid || fault.Of(err).Field != field {
				t.Errorf("%s: %v", field, err)
			}
		}
		page, err := s.List(ctx, coupon.Filter{Query: "ring"})
		if err != nil || page.Total != 1 || len(page.List) != 1 {
			t.Errorf("%+v, %v", page, err)
		}
	})
}
