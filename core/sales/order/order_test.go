package order

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/base/states"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/data/lease"
	"github.com/ezscale/bursar/core/data/outbox"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/sdk/fault"
)

var noon = time.Date(2027, 3, 1, 12, 0, 0, 123456000, time.UTC)

func service(d *db.DB) (*Service, *clock.Stopped) {
	c := clock.At(noon)
	return New(Deps{DB: d, Outbox: outbox.New(d, c, lease.Options{}), Audit: audit.New(d, c), Clock: c}), c
}

func placement(c ids.Customer, key string) Placement {
	return Placement{
		Customer: c, Currency: "EUR", Quote: map[string]any{"é": "€", "total": 1999}, TotalMinor: 1999, Invoice: ids.New[ids.Invoice](),
		ExpiresOn: period.Date(2027, 3, 8), PlacedBy: "customer:usr_1", Address: "192.0.2.1", RequestKey: key, TermsVersion: "3",
	}
}

func place(t *testing.T, s *Service, p Placement) Order {
	t.Helper()
	o, fresh, err := s.Place(t.Context(), p)
	if err != nil || !fresh {
		t.Fatal(fresh, err)
	}
	return o
}

// told is the kinds of events about an order, in order.
func told(t *testing.T, d *db.DB, id ids.Order) []string {
	t.Helper()
	rows, err := d.Read(t.Context()).QueryContext(t.Context(), "SELECT kind FROM events WHERE subject = ? ORDER BY id", id)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var kind string
		if err := rows.Scan(&kind); err != nil {
			t.Fatal(err)
		}
		out = append(out, kind)
	}
	return out
}

func equal(a, b Order) bool {
	return string(a.Quote) == string(b.Quote) && fmt.Sprintf("%+v", a) == fmt.Sprintf("%+v", b)
}

func TestAnOrderIsPlacedOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, c := service(d)
		me, other := ids.New[ids.Customer](), ids.New[ids.Customer]()
		p := placement(me, "k1")
		o := place(t, s, p)
		if o.Number != 1 || o.Status != Pending || o.Total.String() != "19.99 EUR" || o.Invoice != p.Invoice || o.ExpiresOn != p.ExpiresOn || !o.Placed.Equal(noon) {
			t.Fatalf("%+v", o)
		}
		c.Add(time.Hour)
		again, fresh, err := s.Place(t.Context(), placement(me, "k1"))
		if err != nil || fresh || !equal(again, o) {
			t.Fatalf("%+v, %v, %v", again, fresh, err)
		}
		if _, _, err := s.Place(t.Context(), placement(other, "k1")); !errors.Is(err, ErrKey) {
			t.Fatal(err)
		}
		for name, read := range map[string]func() (Order, error){
			"by ID":          func() (Order, error) { return s.Get(t.Context(), o.ID) },
			"by its owner":   func() (Order, error) { return s.GetFor(t.Context(), me, o.ID) },
			"by its key":     func() (Order, error) { return s.ByRequest(t.Context(), "k1") },
			"by its invoice": func() (Order, error) { return s.ByInvoice(t.Context(), o.Invoice) },
		} {
			if got, err := read(); err != nil || !equal(got, o) {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		}
		for name, read := range map[string]func() (Order, error){
			"somebody else's": func() (Order, error) { return s.GetFor(t.Context(), other, o.ID) },
			"nobody's":        func() (Order, error) { return s.GetFor(t.Context(), "", o.ID) },
			"another key":     func() (Order, error) { return s.ByRequest(t.Context(), "k2") },
			"another invoice": func() (Order, error) { return s.ByInvoice(t.Context(), ids.New[ids.Invoice]()) },
			"another ID":      func() (Order, error) { return s.Get(t.Context(), ids.New[ids.Order]()) },
		} {
			if _, err := read(); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
		review := placement(me, "k2")
		review.ID, review.Review, review.Invoice, review.ExpiresOn = ids.New[ids.Order](), true, "", period.Day{}
		if o := place(t, s, review); o.ID != review.ID || o.Status != InReview || o.Number != 2 {
			t.Errorf("%+v", o)
		} else if got, err := s.Get(t.Context(), o.ID); err != nil || got.Invoice != "" || !got.ExpiresOn.IsZero() {
			t.Errorf("%+v, %v", got, err)
		}
		if got := told(t, d, o.ID); !slices.Equal(got, []string{EventPlaced}) {
			t.Error(got)
		}
		for _, bad := range []func(*Placement){
			func(p *Placement) { p.RequestKey = "" }, func(p *Placement) { p.RequestKey = strings.Repeat("k", 101) }, func(p *Placement) { p.Customer = "" },
			func(p *Placement) { p.Currency = "" }, func(p *Placement) { p.Quote = func() {} },
		} {
			p := placement(me, "k3")
			bad(&p)
			if _, _, err := s.Place(t.Context(), p); err == nil {
				t.Errorf("%+v was placed", p)
			}
		}
	})
}

// Fifty browsers send one order at once: one is placed, all get the same answer.
func TestOneKeyIsOneOrder(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, _ := service(d)
		far, _ := service(dbtest.Again(t, d))
		me := ids.New[ids.Customer]()
		var fresh atomic.Int64
		var mu sync.Mutex
		seen := map[ids.Order]bool{}
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				use := s
				if i%2 == 1 {
					use = far
				}
				o, first, err := use.Place(t.Context(), placement(me, "k"))
				if err != nil {
					t.Error(err)
				}
				if first {
					fresh.Add(1)
				}
				mu.Lock()
				defer mu.Unlock()
				seen[o.ID] = true
			})
		}
		wg.Wait()
		if fresh.Load() != 1 || len(seen) != 1 {
			t.Fatalf("%d placed, %d answers", fresh.Load(), len(seen))
		}
		for id := range seen {
			if got := told(t, d, id); !slices.Equal(got, []string{EventPlaced}) {
				t.Error(got)
			}
		}
	})
}

func TestNumbersAscend(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, _ := service(d)
		var mu sync.Mutex
		var got []int64
		var wg sync.WaitGroup
		for i := range 30 {
			wg.Go(func() {
				o, _, err := s.Place(t.Context(), placement(ids.New[ids.Customer](), fmt.Sprint(i)))
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				got = append(got, o.Number)
			})
		}
		wg.Wait()
		slices.Sort(got)
		if len(slices.Compact(got)) != 30 || got[29] != 30 {
			t.Fatal(got)
		}
	})
}

func TestLife(t *testing.T) {
	if err := life.Check(Pending); err != nil {
		t.Fatal(err)
	}
	var got []string
	life.Walk(func(s Status, a Action, next Status, ok bool) {
		if ok {
			got = append(got, string(s)+" "+string(a)+" "+string(next))
		}
	})
	want := []string{"pending accept active", "pending cancel cancelled", "pending review review", "review approve pending", "review cancel cancelled", "review refuse fraud"}
	if !slices.Equal(got, want) {
		t.Fatal(got)
	}
}

func TestWhatHappensToAnOrder(t *testing.T) {
	type act func(*Service, context.Context, ids.Order) (Order, error)
	accept := func(s *Service, ctx context.Context, id ids.Order) (Order, error) { return s.Accept(ctx, id) }
	approve := func(s *Service, ctx context.Context, id ids.Order) (Order, error) { return s.Approve(ctx, id) }
	refuse := func(s *Service, ctx context.Context, id ids.Order) (Order, error) {
		return s.Refuse(ctx, id, "stolen card")
	}
	cancel := func(s *Service, ctx context.Context, id ids.Order) (Order, error) {
		return s.Cancel(ctx, id, "not paid")
	}
	tests := []struct {
		name   string
		review bool
		acts   []act
		status Status
		err    error // of the last act
		told   []string
	}{
		{"accepted", false, []act{accept}, Active, nil, []string{EventPlaced, EventAccepted}},
		{"accepted twice is once", false, []act{accept, accept}, Active, nil, []string{EventPlaced, EventAccepted}},
		{"cancelled twice is once", false, []act{cancel, cancel}, Cancelled, nil, []string{EventPlaced, EventCancelled}},
		{"what is accepted is not cancelled", false, []act{accept, cancel}, Active, states.ErrRefused, []string{EventPlaced, EventAccepted}},
		{"what is cancelled is not accepted", false, []act{cancel, accept}, Cancelled, states.ErrRefused, []string{EventPlaced, EventCancelled}},
		{"what is reviewed is not accepted", true, []act{accept}, InReview, states.ErrRefused, []string{EventPlaced}},
		{"approved, then accepted", true, []act{approve, approve, accept, approve}, Active, nil, []string{EventPlaced, EventApproved, EventAccepted}},
		{"refused as fraud, twice", true, []act{refuse, refuse}, Fraud, nil, []string{EventPlaced, EventCancelled}},
		{"cancelled in review", true, []act{cancel}, Cancelled, nil, []string{EventPlaced, EventCancelled}},
		{"only a review is refused", false, []act{refuse}, Pending, states.ErrRefused, []string{EventPlaced}},
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, _ := service(d)
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				p := placement(ids.New[ids.Customer](), tt.name)
				p.Review = tt.review
				o := place(t, s, p)
				var err error
				for i, act := range tt.acts {
					if _, err = act(s, t.Context(), o.ID); err != nil && i < len(tt.acts)-1 {
						t.Fatal(err)
					}
				}
				if !errors.Is(err, tt.err) {
					t.Error(err)
				}
				if got, err := s.Get(t.Context(), o.ID); err != nil || got.Status != tt.status {
					t.Error(got.Status, err)
				}
				if got := told(t, d, o.ID); !slices.Equal(got, tt.told) {
					t.Error(got)
				}
			})
		}
		if _, err := s.Cancel(t.Context(), ids.New[ids.Order](), ""); !errors.Is(err, ErrNotFound) {
			t.Error(err)
		}
	})
}

// Staff cancels while the payment comes in: one of them wins, and only its event is told.
func TestAcceptAndCancelAtOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, _ := service(d)
		for i := range 8 {
			o := place(t, s, placement(ids.New[ids.Customer](), fmt.Sprint(i)))
			var won atomic.Int64
			var wg sync.WaitGroup
			for _, act := range []func() error{
				func() error { _, err := s.Accept(t.Context(), o.ID); return err },
				func() error { _, err := s.Cancel(t.Context(), o.ID, ""); return err },
			} {
				wg.Go(func() {
					if err := act(); err == nil {
						won.Add(1)
					} else if !errors.Is(err, states.ErrRefused) {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if got := told(t, d, o.ID); won.Load() != 1 || len(got) != 2 {
				t.Fatal(won.Load(), got)
			}
		}
	})
}

func TestLists(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, _ := service(d)
		me, other := ids.New[ids.Customer](), ids.New[ids.Customer]()
		var orders []Order
		for i := range 7 {
			of := me
			if i%3 == 2 {
				of = other
			}
			p := placement(of, fmt.Sprint(i))
			p.ExpiresOn = period.Date(2027, 3, 10-i)
			if i == 6 {
				p.ExpiresOn = period.Day{}
			}
			orders = append(orders, place(t, s, p))
		}
		if _, err := s.Accept(t.Context(), orders[3].ID); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Cancel(t.Context(), orders[4].ID, ""); err != nil {
			t.Fatal(err)
		}
		for name, tt := range map[string]struct {
			f    Filter
			want []int64
		}{
			"all, newest first":      {Filter{}, []int64{7, 6, 5, 4, 3, 2, 1}},
			"oldest first":           {Filter{Sort: "oldest"}, []int64{1, 2, 3, 4, 5, 6, 7}},
			"of a customer":          {Filter{Customer: other}, []int64{6, 3}},
			"by status":              {Filter{Statuses: []Status{Active, Cancelled}}, []int64{5, 4}},
			"a number":               {Filter{Query: " #3 "}, []int64{3}},
			"a number of somebody":   {Filter{Query: "3", Customer: me}, nil},
			"an ID":                  {Filter{Query: string(orders[1].ID)}, []int64{2}},
			"an invoice":             {Filter{Query: string(orders[6].Invoice)}, []int64{7}},
			"a customer":             {Filter{Query: string(other)}, []int64{6, 3}},
			"anything else is no ID": {Filter{Query: "%"}, nil},
		} {
			for _, limit := range []int{0, 1, 2} {
				f := tt.f
				f.Limit = limit
				var got []int64
				for {
					ctx, count := db.CountQueries(t.Context())
					page, err := s.List(ctx, f)
					if err != nil || page.Total != len(tt.want) || count.N() != 2 {
						t.Fatalf("%s: %+v, %v, %d statements", name, page, err, count.N())
					}
					for _, o := range page.List {
						got = append(got, o.Number)
					}
					if f.After = page.Next; f.After == "" {
						break
					}
				}
				if !slices.Equal(got, tt.want) {
					t.Errorf("%s: %v, want %v", name, got, tt.want)
				}
			}
		}
		for _, f := range []Filter{{Sort: "total_minor"}, {After: "x"}} {
			if _, err := s.List(t.Context(), f); fault.KindOf(err) != fault.Invalid {
				t.Errorf("%+v: %v", f, err)
			}
		}
		due, err := s.Expired(t.Context(), period.Date(2027, 3, 8), 10)
		if err != nil || len(due) != 2 || due[0].Number != 6 || due[1].Number != 3 {
			t.Errorf("%+v, %v", due, err)
		}
		if due, err := s.Expired(t.Context(), period.Date(2027, 3, 8), 1); err != nil || len(due) != 1 {
			t.Error(due, err)
		}
	})
}

func TestCarts(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, c := service(d)
		token := NewToken()
		if len(token) != 32 || token == NewToken() {
			t.Fatal(token)
		}
		cart := Cart{
			Currency: "EUR", Coupon: "Summer €", Customer: ids.New[ids.Customer](),
			Lines: []Line{{Key: "a", Product: ids.New[ids.Product](), Cycle: period.Monthly, Label: "web-1", Options: map[ids.Option]string{ids.New[ids.Option](): "3"}}},
		}
		if err := s.SaveCart(t.Context(), token, cart); err != nil {
			t.Fatal(err)
		}
		first, err := s.Cart(t.Context(), token)
		cart.ID, cart.Updated = first.ID, noon
		if err != nil || first.ID == "" || fmt.Sprintf("%+v", first) != fmt.Sprintf("%+v", cart) {
			t.Fatalf("%+v, want %+v, %v", first, cart, err)
		}
		c.Add(time.Hour)
		if err := s.SaveCart(t.Context(), token, Cart{Currency: "USD"}); err != nil {
			t.Fatal(err)
		}
		second, err := s.Cart(t.Context(), token)
		if err != nil || second.ID != first.ID || second.Currency != "USD" || len(second.Lines) != 0 || second.Customer != "" || second.Coupon != "" || !second.Updated.Equal(noon.Add(time.Hour)) {
			t.Fatalf("%+v, %v", second, err)
		}
		for _, other := range []string{"", NewToken(), hash(token), "x"} {
			if got, err := s.Cart(t.Context(), other); err != nil || got.ID != "" {
				t.Errorf("token %q: %+v, %v", other, got, err)
			}
		}
		var text string
		if err := d.Read(t.Context()).QueryRowContext(t.Context(), "SELECT token_hash FROM carts").Scan(&text); err != nil || strings.Contains(text, token) || len(text) != 64 {
			t.Error("the token is in the database")
		}
		line := cart.Lines[0]
		big := Cart{Currency: "EUR"}
		for i := range 50 {
			l := Line{Key: fmt.Sprint(i), Cycle: period.Monthly, Options: map[ids.Option]string{}}
			for range 100 {
				l.Options[ids.New[ids.Option]()] = string(ids.New[ids.Choice]())
			}
			big.Lines = append(big.Lines, l)
		}
		for name, tt := range map[string]struct {
			token string
			cart  Cart
		}{
			"a token that can be guessed": {"123", Cart{}},
			"two lines of one key":        {token, Cart{Lines: []Line{line, line}}},
			"a line in no cycle":          {token, Cart{Lines: []Line{{Key: "a"}}}},
			"a long label":                {token, Cart{Lines: []Line{{Key: "a", Cycle: period.Monthly, Label: strings.Repeat("x", 121)}}}},
			"51 lines":                    {token, Cart{Lines: make([]Line, 51)}},
			"a long coupon":               {token, Cart{Coupon: strings.Repeat("x", 101)}},
			"a quarter of a megabyte":     {token, big},
		} {
			if err := s.SaveCart(t.Context(), tt.token, tt.cart); !errors.Is(err, ErrCart) {
				t.Errorf("%s: %v", name, err)
			}
		}
		young := NewToken()
		c.Add(time.Hour)
		if err := s.SaveCart(t.Context(), young, Cart{Currency: "EUR"}); err != nil {
			t.Fatal(err)
		}
		if n, err := s.PurgeCarts(t.Context(), noon.Add(time.Hour+1000)); err != nil || n != 1 {
			t.Error(n, err)
		}
		if got, err := s.Cart(t.Context(), young); err != nil || got.ID == "" {
			t.Error("a young cart was purged", err)
		}
		for range 2 {
			if err := s.DropCart(t.Context(), young); err != nil {
				t.Error(err)
			}
		}
		if got, err := s.Cart(t.Context(), young); err != nil || got.ID != "" {
			t.Error(got, err)
		}
	})
}
