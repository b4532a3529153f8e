package coupon

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
)

// use lets somebody use a coupon with one service.
func use(t *testing.T, s *Service, id ids.Coupon) []Redemption {
	t.Helper()
	out, err := s.Redeem(t.Context(), someone(id))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func someone(id ids.Coupon) Redeeming {
	return Redeeming{Coupon: id, Customer: ids.New[ids.Customer](), Order: ids.New[ids.Order](), Shares: []Share{{Subscription: ids.New[ids.Subscription]()}}}
}

// proven fails unless a coupon's uses are the orders that count: the check that the books make every night.
func proven(t *testing.T, d *db.DB) {
	t.Helper()
	var wrong int
	err := d.Read(t.Context()).QueryRowContext(t.Context(), `SELECT COUNT(*) FROM coupons c WHERE c.used <>
		(SELECT COUNT(DISTINCT r.order_id) FROM coupon_redemptions r WHERE r.coupon_id = c.id AND r.state <> 'released')`).Scan(&wrong)
	if err != nil || wrong != 0 {
		t.Errorf("%d coupons were counted wrongly, %v", wrong, err)
	}
}

func TestAHundredCustomersAndOneUse(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := service(d)
		far := service(dbtest.Again(t, d))
		c := save(t, s, Coupon{Code: "once", Kind: Percent, RatePPM: 500_000, Terms: 1, MaxUses: of(int64(1))})
		var won, refused atomic.Int64
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				who := s
				if i%2 == 1 {
					who = far
				}
				_, err := who.Redeem(t.Context(), someone(c.ID))
				switch {
				case err == nil:
					won.Add(1)
				case errors.Is(err, ErrUsedUp):
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
		if c, err := s.Find(t.Context(), " Once"); err != nil || c.Used != 1 {
			t.Errorf("%+v, %v", c, err)
		}
		proven(t, d)
	})
}

// One customer sends thirty orders at once with a code that is once for each.
func TestOneCustomerUsesItOnceAtOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := service(d)
		c := save(t, s, Coupon{Code: "mine", Kind: Percent, RatePPM: 500_000, OncePerCustomer: true})
		me := ids.New[ids.Customer]()
		var won atomic.Int64
		var wg sync.WaitGroup
		for range 30 {
			wg.Go(func() {
				r := someone(c.ID)
				r.Customer = me
				if _, err := s.Redeem(t.Context(), r); err == nil {
					won.Add(1)
				} else if !errors.Is(err, ErrOnce) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if c, err := s.Get(t.Context(), c.ID); err != nil || won.Load() != 1 || c.Used != 1 {
			t.Fatalf("%d, %+v, %v", won.Load(), c, err)
		}
		proven(t, d)
	})
}

func TestOnceForEachCustomerUntilReleased(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, ctx := service(d), t.Context()
		c := save(t, s, Coupon{Code: "HALF", Kind: Fixed, AmountMinor: 1000, Currency: "EUR", Terms: 3, OncePerCustomer: true})
		one, two, none := ids.New[ids.Subscription](), ids.New[ids.Subscription](), ids.New[ids.Subscription]()
		first := Redeeming{Coupon: c.ID, Customer: ids.New[ids.Customer](), Order: ids.New[ids.Order](), Shares: []Share{{Subscription: one, Minor: 700}, {Subscription: two, Minor: 300, Stub: true}}}
		got, err := s.Redeem(ctx, first)
		if err != nil || len(got) != 2 || got[0].ShareMinor != 700 || got[0].Coupon.Used != 1 {
			t.Fatalf("%+v, %v", got, err)
		}
		again, err := s.Redeem(ctx, first)
		if err != nil || len(again) != 2 || again[0].ID != got[0].ID || again[1].ID != got[1].ID {
			t.Fatalf("the same order again: %+v, %v", again, err)
		}
		second := first
		second.Order = ids.New[ids.Order]()
		if _, err := s.Redeem(ctx, second); !errors.Is(err, ErrOnce) {
			t.Fatalf("a second order: %v", err)
		}
		other := someone(c.ID)
		if _, err := s.Redeem(ctx, other); err != nil {
			t.Fatalf("another customer: %v", err)
		}
		proven(t, d)
		counted, count := db.CountQueries(ctx)
		live, err := s.Live(counted, []ids.Subscription{one, two, none})
		if err != nil || len(live) != 2 || count.N() != 1 {
			t.Fatalf("%+v, %v, %d statements", live, err, count.N())
		}
		if r := live[one]; r.ID != got[0].ID || r.TermsLeft != 2 || r.ShareMinor != 700 || r.Coupon.Code != "HALF" || r.Customer != first.Customer || r.Order != first.Order || !r.At.Equal(noon) {
			t.Errorf("%+v", r)
		}
		if r := live[two]; r.TermsLeft != 3 || r.ShareMinor != 300 {
			t.Errorf("a stub used a term: %+v", r)
		}
		for range 2 {
			if err := s.Release(ctx, first.Order); err != nil {
				t.Fatal(err)
			}
		}
		if c, err := s.Get(ctx, c.ID); err != nil || c.Used != 1 {
			t.Errorf("released twice: %+v, %v", c, err)
		}
		proven(t, d)
		if live, err = s.Live(ctx, []ids.Subscription{one, two}); err != nil || len(live) != 0 {
			t.Error("released, it goes on serving")
		}
		if err := s.UseTerms(ctx, []ids.Redemption{got[0].ID}); !errors.Is(err, ErrChanged) {
			t.Errorf("a released coupon served a term: %v", err)
		}
		if _, err := s.Redeem(ctx, second); err != nil {
			t.Errorf("after the release: %v", err)
		}
		if err := s.Release(ctx, ids.New[ids.Order]()); err != nil {
			t.Error(err)
		}
		proven(t, d)
		if list, err := s.OfOrder(ctx, first.Order); err != nil || len(list) != 2 || list[0].State != Released {
			t.Errorf("%+v, %v", list, err)
		}
		page, err := s.Uses(ctx, UseFilter{Coupon: c.ID, Limit: 3})
		if err != nil || page.Total != 5 || len(page.List) != 3 || page.Next == "" {
			t.Fatalf("%+v, %v", page, err)
		}
		page, err = s.Uses(ctx, UseFilter{Coupon: c.ID, Limit: 3, After: page.Next})
		if err != nil || len(page.List) != 2 || page.Next != "" || page.List[1].ID != got[0].ID {
			t.Fatalf("%+v, %v", page, err)
		}
		if page, err := s.Uses(ctx, UseFilter{Customer: other.Customer}); err != nil || page.Total != 1 {
			t.Errorf("%+v, %v", page, err)
		}
	})
}

func TestWhatIsUndoneWasNotUsed(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := service(d)
		c := save(t, s, Coupon{Code: "x", Kind: Percent, RatePPM: 1, MaxUses: of(int64(1))})
		undo := errors.New("undo")
		err := d.Tx(t.Context(), func(ctx context.Context) error {
			_, err := s.Redeem(ctx, someone(c.ID))
			return errors.Join(err, undo)
		})
		if c, e := s.Get(t.Context(), c.ID); !errors.Is(err, undo) || e != nil || c.Used != 0 {
			t.Fatal(c.Used, err, e)
		}
		order := Redeeming{Coupon: c.ID, Customer: ids.New[ids.Customer](), Order: ids.New[ids.Order]()}
		if got, err := s.Redeem(t.Context(), order); err != nil || len(got) != 1 || got[0].Subscription != "" {
			t.Fatalf("an order without subscriptions: %+v, %v", got, err)
		}
		if list, err := s.OfOrder(t.Context(), order.Order); err != nil || len(list) != 1 || list[0].Subscription != "" {
			t.Errorf("%+v, %v", list, err)
		}
		if _, err := s.Redeem(t.Context(), someone(ids.New[ids.Coupon]())); !errors.Is(err, ErrUnknown) {
			t.Error(err)
		}
		proven(t, d)
	})
}

func TestTerms(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, ctx := service(d), t.Context()
		three := use(t, s, save(t, s, Coupon{Code: "three", Kind: Percent, RatePPM: 1, Terms: 3}).ID)[0]
		once := use(t, s, save(t, s, Coupon{Code: "first", Kind: Percent, RatePPM: 1, Terms: 1}).ID)[0]
		ever := use(t, s, save(t, s, Coupon{Code: "ever", Kind: Percent, RatePPM: 1}).ID)[0]
		setup := save(t, s, Coupon{Code: "setup", Kind: FreeSetup})
		trial := someone(setup.ID)
		trial.Shares[0].Stub = true
		if got, err := s.Redeem(ctx, trial); err != nil || got[0].TermsLeft != 0 {
			t.Errorf("a free set-up goes on: %+v, %v", got, err)
		}
		left := func() (out [3]int64) {
			live, err := s.Live(ctx, []ids.Subscription{three.Subscription, once.Subscription, ever.Subscription})
			if err != nil {
				t.Fatal(err)
			}
			for i, sub := range []ids.Subscription{three.Subscription, once.Subscription, ever.Subscription} {
				out[i] = live[sub].TermsLeft
			}
			return out
		}
		steps := []struct {
			name string
			use  []ids.Redemption
			err  error
			left [3]int64
		}{
			{"the order used the first", nil, nil, [3]int64{2, 0, Forever}},
			{"what is used up serves nothing, and nothing is counted", []ids.Redemption{three.ID, once.ID}, ErrChanged, [3]int64{2, 0, Forever}},
			{"three terms are not left", []ids.Redemption{three.ID, three.ID, three.ID}, ErrChanged, [3]int64{2, 0, Forever}},
			{"a term of each", []ids.Redemption{three.ID, ever.ID}, nil, [3]int64{1, 0, Forever}},
			{"missed terms of one that does not end", []ids.Redemption{ever.ID, ever.ID, ever.ID, three.ID}, nil, [3]int64{0, 0, Forever}},
			{"one more", []ids.Redemption{three.ID}, ErrChanged, [3]int64{0, 0, Forever}},
			{"of none", nil, nil, [3]int64{0, 0, Forever}},
		}
		for _, step := range steps {
			if err := s.UseTerms(ctx, step.use); !errors.Is(err, step.err) {
				t.Errorf("%s: %v", step.name, err)
			}
			if got := left(); got != step.left {
				t.Errorf("%s: %v are left", step.name, got)
			}
		}
	})
}
