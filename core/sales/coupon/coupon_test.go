package coupon

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/sdk/fault"
)

var noon = time.Date(2027, 3, 10, 12, 0, 0, 0, time.UTC)

func service(d *db.DB) *Service {
	c := clock.At(noon)
	return New(Deps{DB: d, Audit: audit.New(d, c), Clock: c})
}

func of[T any](v T) *T { return &v }

func save(t *testing.T, s *Service, c Coupon) Coupon {
	t.Helper()
	out, err := s.Save(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAllows(t *testing.T) {
	needed := ids.New[ids.Product]()
	tests := []struct {
		name   string
		change func(*Coupon)
		use    func(*Use)
		want   error
	}{
		{"without rules everybody may", func(*Coupon) {}, nil, nil},
		{"its first moment", func(c *Coupon) { c.From = noon }, nil, nil},
		{"before its first moment", func(c *Coupon) { c.From = noon.Add(1000) }, nil, ErrEarly},
		{"its last moment", func(c *Coupon) { c.To = noon.Add(1000) }, nil, nil},
		{"its end is outside", func(c *Coupon) { c.To = noon }, nil, ErrExpired},
		{"the last use is left", func(c *Coupon) { c.MaxUses, c.Used = of(int64(5)), 4 }, nil, nil},
		{"all uses are gone", func(c *Coupon) { c.MaxUses, c.Used = of(int64(5)), 5 }, nil, ErrUsedUp},
		{"its own currency", func(c *Coupon) { c.Currency = "EUR" }, nil, nil},
		{"another currency", func(c *Coupon) { c.Currency = "USD" }, nil, ErrCurrency},
		{"a new customer with a new one's code", func(c *Coupon) { c.Rules.Who = NewOnly }, nil, nil},
		{"an old customer with a new one's code", func(c *Coupon) { c.Rules.Who = NewOnly }, func(u *Use) { u.NewCustomer = false }, ErrNewOnly},
		{"a new customer with an old one's code", func(c *Coupon) { c.Rules.Who = Existing }, nil, ErrExisting},
		{"an old customer with an old one's code", func(c *Coupon) { c.Rules.Who = Existing }, func(u *Use) { u.NewCustomer = false }, nil},
		{"without the product that it needs", func(c *Coupon) { c.Rules.Needs = []ids.Product{needed} }, nil, ErrNeeds},
		{"with it", func(c *Coupon) { c.Rules.Needs = []ids.Product{ids.New[ids.Product](), needed} }, func(u *Use) { u.Has = []ids.Product{needed} }, nil},
	}
	seen := map[string]bool{}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, u := Coupon{Kind: Percent}, Use{Now: noon, Currency: "EUR", NewCustomer: true}
			tt.change(&c)
			if tt.use != nil {
				tt.use(&u)
			}
			err := c.Allows(u)
			if !errors.Is(err, tt.want) {
				t.Fatalf("%v, want %v", err, tt.want)
			}
			if f := fault.Of(err); f != nil && (f.Kind != fault.Declined || f.Field != "coupon" || f.Text == "") {
				t.Errorf("%+v", f)
			} else if f != nil {
				seen[f.Text] = true
			}
		})
	}
	if len(seen) != 7 {
		t.Errorf("%d different sentences", len(seen))
	}
}

func TestCovers(t *testing.T) {
	a, b := ids.New[ids.Product](), ids.New[ids.Product]()
	c := Coupon{Rules: Rules{Products: []ids.Product{a}, Cycles: []string{"1 month"}}}
	if !c.Covers(a, period.Monthly) || c.Covers(b, period.Monthly) || c.Covers(a, period.Annually) || !(Coupon{}).Covers(b, period.OneTime) {
		t.Error("it covers other things than it says")
	}
}

func TestFold(t *testing.T) {
	for text, want := range map[string]string{
		" launch 20\t": "LAUNCH20", "ＬＡＵＮＣＨ２０": "LAUNCH20", "La\u00a0unch\u200b20\r\n": "LAUNCH20", "LAUNCH20": "LAUNCH20", "": "", " ": "",
	} {
		if got := Fold(text); got != want {
			t.Errorf("%q folds to %q", text, got)
		}
	}
	if Fold("L\u0410UNCH20") == "LAUNCH20" || Fold("LAUNCH2O") == "LAUNCH20" {
		t.Error("letters that look alike are taken for the same")
	}
}

func TestLife(t *testing.T) {
	if err := life.Check(Live); err != nil {
		t.Fatal(err)
	}
	life.Walk(func(s State, a Action, next State, ok bool) {
		if ok != (s == Live) || ok && next != Released {
			t.Errorf("%s %s: %s, %v", s, a, next, ok)
		}
	})
}

func TestSave(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := service(d)
		product := ids.New[ids.Product]()
		whole := Coupon{
			Code: "spring", Kind: Fixed, RatePPM: 7, AmountMinor: 500, Currency: "eur", Terms: 3, MaxUses: of(int64(9)), Used: 4, OncePerCustomer: true,
			Rules: Rules{Products: []ids.Product{product}, Cycles: []string{"1 month"}, Who: NewOnly, Needs: []ids.Product{product}, Note: "é"}, From: noon, To: noon.Add(time.Hour),
		}
		made := save(t, s, whole)
		got, err := s.Find(t.Context(), " Sp ring ")
		if err != nil || got.ID != made.ID || got.Code != "SPRING" || got.Kind != Fixed || got.RatePPM != 0 || got.AmountMinor != 500 || got.Currency != "EUR" || got.Terms != 3 ||
			*got.MaxUses != 9 || got.Used != 0 || !got.OncePerCustomer || got.Rules.Who != NewOnly || got.Rules.Note != "é" || !slices.Equal(got.Rules.Needs, whole.Rules.Needs) ||
			!got.Covers(product, period.Monthly) || !got.From.Equal(noon) || !got.To.Equal(noon.Add(time.Hour)) || got.Version != 1 {
			t.Fatalf("%+v, %v", got, err)
		}
		plain := save(t, s, Coupon{Code: "p", Kind: Percent, RatePPM: 1, AmountMinor: 5, Currency: "EUR"})
		if got, err := s.Get(t.Context(), plain.ID); err != nil || got.MaxUses != nil || !got.To.IsZero() || got.Currency != "" || got.AmountMinor != 0 || !got.From.Equal(noon) || got.Rules.Who != Anybody {
			t.Errorf("%+v, %v", got, err)
		}
		if setup := save(t, s, Coupon{Code: "setup", Kind: FreeSetup}); setup.Terms != 1 {
			t.Error("a free set-up goes on for", setup.Terms)
		}
		got.AmountMinor = 600
		next := save(t, s, got)
		if next.Version != 2 || next.AmountMinor != 600 {
			t.Errorf("%+v", next)
		}
		if _, err := s.Save(t.Context(), got); !errors.Is(err, ErrChanged) {
			t.Errorf("an old version was saved: %v", err)
		}
		use(t, s, next.ID)
		next.AmountMinor, next.Used = 601, 0
		if _, err := s.Save(t.Context(), next); !errors.Is(err, ErrWorth) {
			t.Errorf("what a used coupon is worth was changed: %v", err)
		}
		next.AmountMinor, next.Terms, next.MaxUses = 600, 5, nil
		if next = save(t, s, next); next.Used != 1 || next.Terms != 5 {
			t.Errorf("%+v", next)
		}
		for _, unknown := range []string{"nothing", "", " ", strings.Repeat("x", 81), "' OR 1=1 --", "SPR%"} {
			if _, err := s.Find(t.Context(), unknown); !errors.Is(err, ErrUnknown) {
				t.Errorf("%q: %v", unknown, err)
			}
		}
		if _, err := s.Get(t.Context(), ids.New[ids.Coupon]()); !errors.Is(err, ErrNotFound) {
			t.Error(err)
		}
		if _, err := s.Save(t.Context(), Coupon{ID: ids.New[ids.Coupon](), Code: "A", Kind: FreeSetup, Version: 1}); !errors.Is(err, ErrNotFound) {
			t.Error(err)
		}
		for name, tt := range map[string]struct {
			c     Coupon
			field string
		}{
			"no code":                        {Coupon{Code: " ", Kind: FreeSetup}, "code"},
			"a code that is taken":           {Coupon{Code: "Spring", Kind: FreeSetup}, "code"},
			"a code with a Cyrillic letter":  {Coupon{Code: "L\u0410UNCH", Kind: FreeSetup}, "code"},
			"a long code":                    {Coupon{Code: strings.Repeat("x", 81), Kind: FreeSetup}, "code"},
			"no kind":                        {Coupon{Code: "A"}, "kind"},
			"no rate":                        {Coupon{Code: "A", Kind: Percent}, "rate"},
			"more than everything":           {Coupon{Code: "A", Kind: Percent, RatePPM: 1_000_001}, "rate"},
			"nothing off":                    {Coupon{Code: "A", Kind: Fixed, Currency: "EUR"}, "amount"},
			"a price below nothing":          {Coupon{Code: "A", Kind: Price, AmountMinor: -1, Currency: "EUR"}, "amount"},
			"an amount in no currency":       {Coupon{Code: "A", Kind: Price, AmountMinor: 5}, "currency"},
			"fewer than no terms":            {Coupon{Code: "A", Kind: Percent, RatePPM: 5, Terms: -1}, "terms"},
			"no uses":                        {Coupon{Code: "A", Kind: FreeSetup, MaxUses: of(int64(0))}, "max_uses"},
			"an end at its beginning":        {Coupon{Code: "A", Kind: FreeSetup, From: noon, To: noon}, "to"},
			"a cycle that is none":           {Coupon{Code: "A", Kind: FreeSetup, Rules: Rules{Cycles: []string{"often"}}}, "cycles"},
			"for nobody that there might be": {Coupon{Code: "A", Kind: FreeSetup, Rules: Rules{Who: "me"}}, "who"},
		} {
			if _, err := s.Save(t.Context(), tt.c); fault.KindOf(err) != fault.Invalid || fault.Of(err).Field != tt.field {
				t.Errorf("%s: %v", name, err)
			}
		}
		save(t, s, Coupon{Code: "free", Kind: Price, AmountMinor: 0, Currency: "EUR"})
	})
}

func TestLists(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := service(d)
		for _, code := range []string{"C10", "A10", "B%20", "D"} {
			save(t, s, Coupon{Code: code, Kind: Percent, RatePPM: 1})
		}
		save(t, s, Coupon{Code: "LATER", Kind: Percent, RatePPM: 1, From: noon.Add(time.Hour)})
		spent := save(t, s, Coupon{Code: "SPENT", Kind: Percent, RatePPM: 1, MaxUses: of(int64(1))})
		use(t, s, spent.ID)
		for name, tt := range map[string]struct {
			f    Filter
			want []string
		}{
			"newest first":     {Filter{}, []string{"SPENT", "LATER", "D", "B%20", "A10", "C10"}},
			"by code":          {Filter{Sort: "code"}, []string{"A10", "B%20", "C10", "D", "LATER", "SPENT"}},
			"part of a code":   {Filter{Query: "10"}, []string{"A10", "C10"}},
			"a sign is itself": {Filter{Query: " % "}, []string{"B%20"}},
			"an ID":            {Filter{Query: string(spent.ID)}, []string{"SPENT"}},
			"what is valid":    {Filter{ValidAt: noon}, []string{"D", "B%20", "A10", "C10"}},
		} {
			for _, limit := range []int{0, 1, 4} {
				f := tt.f
				f.Limit = limit
				var got []string
				for {
					ctx, count := db.CountQueries(t.Context())
					page, err := s.List(ctx, f)
					if err != nil || page.Total != len(tt.want) || count.N() != 2 {
						t.Fatalf("%s: %+v, %v", name, page, err)
					}
					for _, c := range page.List {
						got = append(got, c.Code)
					}
					if f.After = page.Next; f.After == "" {
						break
					}
				}
				if tt.f.Query == "10" {
					slices.Sort(got)
				}
				if !slices.Equal(got, tt.want) {
					t.Errorf("%s: %v", name, got)
				}
			}
		}
		if _, err := s.List(t.Context(), Filter{Sort: "used"}); !errors.Is(err, ErrPage) {
			t.Error(err)
		}
	})
}
