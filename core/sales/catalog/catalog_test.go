package catalog

import (
	"context"
	"errors"
	"slices"
	"strings"
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
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
)

var noon = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

func service(d *db.DB) (*Service, *clock.Stopped) {
	c := clock.At(noon)
	return New(Deps{DB: d, Audit: audit.New(d, c), Clock: c}), c
}

// elsewhere is the service in another process, with the same clock.
func elsewhere(t *testing.T, d *db.DB, c clock.Clock) *Service {
	d = dbtest.Again(t, d)
	return New(Deps{DB: d, Audit: audit.New(d, c), Clock: c})
}

func of[T any](n T) *T { return &n }

// fill makes a shop with one group, one product with a stock of 3, one option of two choices and one of a quantity.
func fill(t *testing.T, s *Service) (Group, Product, Option, Option) {
	t.Helper()
	ctx := t.Context()
	_, err := s.SaveCurrency(ctx, Currency{Code: "EUR", Active: true})
	g, err2 := s.SaveGroup(ctx, Group{Slug: "vps", Kind: "vps", Name: "VPS", Headline: "Small servers", Body: "# Fast"})
	p, err3 := s.SaveProduct(ctx, Product{
		Group: g.ID, Slug: "vps-s", Name: "VPS S", Tagline: "One core", Features: []string{"1 core", "2 GB"}, Status: Public, Sort: 2, Marked: true, Free: of(int64(3)),
		CustomerLimit: 5, TrialDays: 14, AnchoredDay: 31, JoinDays: 5, Panel: "virtfusion-1", Values: form.Values{"package": {"7"}}, Ladder: ids.New[ids.Ladder](),
	})
	o, err4 := s.SaveOption(ctx, Option{Product: p.ID, Field: "os", Kind: Choices, Label: "System", Needed: true,
		Choices: []Choice{{Value: "deb", Label: "Debian", Sort: 1}, {Value: "ubu", Label: "Ubuntu", Sort: 0}}})
	q, err5 := s.SaveOption(ctx, Option{Product: p.ID, Field: "ips", Kind: Quantity, Label: "Addresses", Unit: "IP", Least: 1, Most: 9, Step: 2, Changeable: true, Sort: 1})
	if err := errors.Join(err, err2, err3, err4, err5); err != nil {
		t.Fatal(err)
	}
	return g, p, o, q
}

func shop(t *testing.T, s *Service) *Shop {
	t.Helper()
	shop, err := s.Shop(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return shop
}

func TestTheShopHoldsWhatWasSaved(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, _ := service(d)
		g, p, o, q := fill(t, s)
		second, err := s.SaveProduct(t.Context(), Product{Group: g.ID, Slug: "vps-xs", Name: "VPS XS", Status: Public, Sort: 1})
		if err != nil {
			t.Fatal(err)
		}
		got := shop(t, s)
		if list := got.Groups(); len(list) != 1 || list[0] != g {
			t.Errorf("%+v", list)
		}
		if one, ok := got.Group("vps"); !ok || one != g {
			t.Error(one, ok)
		}
		list := got.Products(g.ID)
		if len(list) != 2 || list[0].ID != second.ID || list[1].ID != p.ID {
			t.Fatalf("%+v", list)
		}
		one, ok := got.BySlug("vps-s")
		if !ok || one.Name != "VPS S" || !slices.Equal(one.Features, p.Features) || *one.Free != 3 || !one.Values.Equal(p.Values) || one.Ladder != p.Ladder ||
			one.Setup != SetupOnPayment || one.Change != "real_days" || one.TaxClass != "standard" || one.TrialDays != 14 || one.AnchoredDay != 31 || one.JoinDays != 5 ||
			!one.Marked || one.Panel != "virtfusion-1" || one.CustomerLimit != 5 || one.Version != 1 {
			t.Errorf("%+v", one)
		}
		if second, _ := got.Product(second.ID); second.Free != nil || second.Ladder != "" || len(second.Features) != 0 {
			t.Errorf("%+v", second)
		}
		options := got.Options(p.ID)
		if len(options) != 2 || options[0].ID != o.ID || options[1].ID != q.ID || options[0].Choices[0].Value != "ubu" || options[0].Choices[1].Value != "deb" {
			t.Fatalf("%+v", options)
		}
		if of, c, ok := got.Choice(o.Choices[0].ID); !ok || of.ID != o.ID || c.Label != "Debian" {
			t.Error(of, c, ok)
		}
		if !q.IsAmount(1) || !q.IsAmount(9) || q.IsAmount(2) || q.IsAmount(11) || q.IsAmount(-1) {
			t.Error("amounts")
		}
		// hidden and archived
		p.Status = Archived
		if p, err = s.SaveProduct(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		g.Hidden = true
		if _, err := s.SaveGroup(t.Context(), g); err != nil {
			t.Fatal(err)
		}
		next := shop(t, s)
		if _, ok := next.BySlug("vps-s"); ok || len(next.Products(g.ID)) != 1 || len(next.AllProducts(g.ID)) != 2 || len(next.Groups()) != 0 || len(next.AllGroups()) != 1 {
			t.Error("an archived product or a hidden group is shown")
		}
		if _, ok := next.Product(p.ID); !ok || next.Version == got.Version {
			t.Error("what is archived must be found by those who have it")
		}
		if one, _ := got.BySlug("vps-s"); one.Status != Public {
			t.Error("a shop that was handed out was changed")
		}
	})
}

func TestEditsThatAreRefused(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, _ := service(d)
		g, p, o, q := fill(t, s)
		version := shop(t, s).Version
		ctx := t.Context()
		product := func(change func(*Product)) func() error {
			return func() error { c := p; change(&c); _, err := s.SaveProduct(ctx, c); return err }
		}
		option := func(change func(*Option)) func() error {
			return func() error {
				c := o
				c.Choices = slices.Clone(o.Choices)
				change(&c)
				_, err := s.SaveOption(ctx, c)
				return err
			}
		}
		price := func(change func(*Price)) func() error {
			return func() error {
				c := Price{Owner: string(p.ID), Cycle: period.Monthly, Currency: "EUR", Amount: 1000}
				change(&c)
				_, err := s.NewPrice(ctx, c)
				return err
			}
		}
		for name, tt := range map[string]struct {
			run   func() error
			kind  fault.Kind
			field string
		}{
			"a slug that is taken":           {product(func(p *Product) { p.ID, p.Version = "", 0 }), fault.Invalid, "slug"},
			"a slug with a slash":            {product(func(p *Product) { p.Slug = "../x" }), fault.Invalid, "slug"},
			"a name that is too long":        {product(func(p *Product) { p.Name = strings.Repeat("x", 81) }), fault.Invalid, "name"},
			"no name":                        {product(func(p *Product) { p.Name = " " }), fault.Invalid, "name"},
			"an unknown status":              {product(func(p *Product) { p.Status = "gone" }), fault.Invalid, "status"},
			"an unknown set-up":              {product(func(p *Product) { p.Setup = "never" }), fault.Invalid, "setup"},
			"an unknown change":              {product(func(p *Product) { p.Change = "free" }), fault.Invalid, "change"},
			"day 32":                         {product(func(p *Product) { p.AnchoredDay = 32 }), fault.Invalid, "anchored_day"},
			"a group that does not exist":    {product(func(p *Product) { p.Group = ids.New[ids.Group]() }), fault.NotFound, ""},
			"a product that does not exist":  {product(func(p *Product) { p.ID = ids.New[ids.Product]() }), fault.NotFound, ""},
			"a page of an older version":     {product(func(p *Product) { p.Version = 0 }), fault.Conflict, ""},
			"less than no stock":             {func() error { return s.SetStock(ctx, p.ID, of(int64(-1))) }, fault.Invalid, "stock"},
			"another kind of option":         {option(func(o *Option) { o.Kind = YesNo }), fault.Invalid, "kind"},
			"an option without choices":      {option(func(o *Option) { o.Choices = nil }), fault.Invalid, "choices"},
			"two choices with one value":     {option(func(o *Option) { o.Choices[1].Value = o.Choices[0].Value }), fault.Invalid, "choices"},
			"a choice of another option":     {option(func(o *Option) { o.Choices[1].ID = ids.New[ids.Choice]() }), fault.Invalid, "choices"},
			"an option that does not exist":  {func() error { return s.DropOption(ctx, ids.New[ids.Option]()) }, fault.NotFound, ""},
			"a quantity of nothing":          {func() error { q := q; q.Least, q.Most = 5, 4; _, err := s.SaveOption(ctx, q); return err }, fault.Invalid, "most"},
			"a price below zero":             {price(func(p *Price) { p.Amount = -1 }), fault.Invalid, "amount"},
			"a first price for no terms":     {price(func(p *Price) { p.First = of(int64(1)) }), fault.Invalid, "first_terms"},
			"a price in no cycle":            {price(func(p *Price) { p.Cycle = period.Cycle{} }), fault.Invalid, "cycle"},
			"a price in an unknown currency": {price(func(p *Price) { p.Currency = "USD" }), fault.Invalid, "currency"},
			"a price of nothing":             {price(func(p *Price) { p.Owner = "x" }), fault.NotFound, ""},
			"a price of a choice option":     {price(func(p *Price) { p.Owner = string(o.ID) }), fault.NotFound, ""},
			"a price of no such choice":      {price(func(p *Price) { p.Owner = string(ids.New[ids.Choice]()) }), fault.NotFound, ""},
			"a currency with small letters":  {func() error { _, err := s.SaveCurrency(ctx, Currency{Code: "eur"}); return err }, fault.Invalid, "code"},
			"a group with no kind":           {func() error { g := g; g.Kind = ""; _, err := s.SaveGroup(ctx, g); return err }, fault.Invalid, "kind"},
			"a group's slug that is taken":   {func() error { g := g; g.ID = ""; _, err := s.SaveGroup(ctx, g); return err }, fault.Invalid, "slug"},
		} {
			f := fault.Of(tt.run())
			if f == nil || f.Kind != tt.kind || f.Field != tt.field || f.Sentence() == "" {
				t.Errorf("%s: %v", name, f)
			}
		}
		if got := shop(t, s); got.Version != version {
			t.Error("something was changed")
		}
	})
}

func TestPriceVersions(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, c := service(d)
		_, p, o, q := fill(t, s)
		owner := string(p.ID)
		add := func(amount int64, from time.Time) (Price, error) {
			return s.NewPrice(t.Context(), Price{Owner: owner, Cycle: period.Monthly, Currency: "EUR", Amount: amount, From: from})
		}
		amount := func(at time.Time) int64 {
			t.Helper()
			p, ok := shop(t, s).Price(owner, period.Monthly, "EUR", at)
			if !ok {
				return -1
			}
			return p.Amount
		}
		must := func(p Price, err error) Price {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		first := must(add(1000, time.Time{}))
		if got := amount(noon); got != 1000 || amount(noon.Add(-1)) != -1 {
			t.Fatal(got)
		}
		day := 24 * time.Hour
		if same := must(add(1000, noon.Add(day))); same.ID != first.ID {
			t.Error("the same price became a version")
		}
		must(add(3000, noon.Add(9*day)))
		must(add(2000, noon.Add(5*day))) // between what runs and what is planned
		for at, want := range map[time.Duration]int64{0: 1000, 5*day - 1000: 1000, 5 * day: 2000, 9*day - 1000: 2000, 9 * day: 3000, 900 * day: 3000} {
			if got := amount(noon.Add(at)); got != want {
				t.Errorf("after %v: %d, want %d", at, got, want)
			}
		}
		c.Set(noon.Add(6 * day))
		for name, from := range map[string]time.Time{"in the past": noon, "with another": noon.Add(9 * day)} {
			if _, err := add(1, from); !errors.Is(err, ErrPriceOrder) {
				t.Errorf("a price %s: %v", name, err)
			}
		}
		if old, ok := shop(t, s).PriceByID(first.ID); !ok || old.Amount != 1000 || !old.To.Equal(noon.Add(5*day)) {
			t.Errorf("the pinned version is %+v", old)
		}
		running, _ := shop(t, s).Price(owner, period.Monthly, "EUR", c.Now())
		for range 2 {
			if err := s.ClosePrice(t.Context(), running.ID); err != nil {
				t.Fatal(err)
			}
		}
		if got := amount(c.Now()); got != -1 || amount(noon.Add(10*day)) != 3000 {
			t.Error("closed:", got)
		}
		if err := s.ClosePrice(t.Context(), ids.New[ids.Price]()); !errors.Is(err, ErrPriceNotFound) {
			t.Error(err)
		}
		whole := must(s.NewPrice(t.Context(), Price{Owner: owner, Cycle: period.Annually, Currency: "EUR", Amount: 9900, Per: 10, Setup: 500, First: of(int64(1)), FirstTerms: 2, Inclusive: true}))
		got, ok := shop(t, s).PriceByID(whole.ID)
		if !ok || *got.First != 1 || got.FirstTerms != 2 || got.Per != 10 || got.Setup != 500 || !got.Inclusive || !got.From.Equal(c.Now()) || !got.To.IsZero() {
			t.Errorf("%+v", got)
		}
		must(s.NewPrice(t.Context(), Price{Owner: owner, Cycle: period.OneTime, Currency: "EUR", Amount: 1}))
		if got := shop(t, s).Cycles(p.ID, "EUR", noon.Add(10*day)); !slices.Equal(got, []period.Cycle{period.OneTime, period.Monthly, period.Annually}) {
			t.Error(got)
		}
		if got := shop(t, s).Cycles(p.ID, "USD", noon); len(got) != 0 {
			t.Error(got)
		}
		if got := shop(t, s).Prices(owner); len(got) != 5 || got[1].Amount != 3000 || got[3].Amount != 1000 {
			t.Errorf("%+v", got)
		}
		// a choice that is dropped takes its prices along, those that were planned too
		gone := o.Choices[1]
		must(s.NewPrice(t.Context(), Price{Owner: string(gone.ID), Cycle: period.Monthly, Currency: "EUR", Amount: 5}))
		must(s.NewPrice(t.Context(), Price{Owner: string(gone.ID), Cycle: period.Monthly, Currency: "EUR", Amount: 6, From: c.Now().Add(day)}))
		must(s.NewPrice(t.Context(), Price{Owner: string(q.ID), Cycle: period.Monthly, Currency: "EUR", Amount: 7}))
		o.Choices = append(o.Choices[:1], Choice{Value: "arch", Label: "Arch"})
		o, err := s.SaveOption(t.Context(), o)
		if err != nil || len(o.Choices) != 2 || o.Choices[1].ID == "" {
			t.Fatal(o, err)
		}
		for _, at := range []time.Time{c.Now(), c.Now().Add(2 * day)} {
			if p, ok := shop(t, s).Price(string(gone.ID), period.Monthly, "EUR", at); ok {
				t.Errorf("a dropped choice costs %d", p.Amount)
			}
		}
		if _, _, ok := shop(t, s).Choice(gone.ID); ok {
			t.Error("a dropped choice is offered")
		}
		if err := s.DropOption(t.Context(), q.ID); err != nil {
			t.Fatal(err)
		}
		if _, ok := shop(t, s).Price(string(q.ID), period.Monthly, "EUR", c.Now()); ok || len(shop(t, s).Options(p.ID)) != 1 {
			t.Error("a dropped option is offered")
		}
	})
}

// However many ask for a price at once, no two versions run at one time.
func TestPricesAtOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, c := service(d)
		_, p, _, _ := fill(t, s)
		var wg sync.WaitGroup
		for i := range 12 {
			wg.Go(func() {
				_, err := s.NewPrice(t.Context(), Price{Owner: string(p.ID), Cycle: period.Monthly, Currency: "EUR", Amount: int64(i), From: c.Now().Add(time.Duration(i%6) * time.Hour)})
				if err != nil && !errors.Is(err, ErrPriceOrder) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for h := range 6 {
			at, running := c.Now().Add(time.Duration(h)*time.Hour), 0
			for _, v := range shop(t, s).Prices(string(p.ID)) {
				if v.IsAt(at) {
					running++
				}
			}
			if running > 1 || h == 5 && running == 0 {
				t.Errorf("%d versions at %v", running, at)
			}
		}
	})
}

// A hundred buyers want the last one: one gets it, and each of the others is told why not.
func TestTheLastOneIsSoldOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, c := service(d)
		_, p, _, _ := fill(t, s)
		if err := s.SetStock(t.Context(), p.ID, of(int64(1))); err != nil {
			t.Fatal(err)
		}
		far := elsewhere(t, d, c)
		var sold, refused atomic.Int64
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				use := s
				if i%2 == 1 {
					use = far
				}
				err := use.db.Tx(t.Context(), func(ctx context.Context) error { return use.TakeStock(ctx, p.ID, 1) })
				switch {
				case err == nil:
					sold.Add(1)
				case errors.Is(err, ErrSoldOut):
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		left, err := s.Stock(t.Context(), []ids.Product{p.ID})
		if err != nil || sold.Load() != 1 || refused.Load() != 99 || *left[p.ID] != 0 {
			t.Fatalf("%d sold, %d refused, %v, %v", sold.Load(), refused.Load(), left, err)
		}
	})
}

func TestStock(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, c := service(d)
		g, p, _, _ := fill(t, s)
		endless, err := s.SaveProduct(t.Context(), Product{Group: g.ID, Slug: "endless", Name: "Endless"})
		if err != nil {
			t.Fatal(err)
		}
		far := elsewhere(t, d, c)
		shop(t, far)
		free := func(s *Service) int64 {
			p, _ := shop(t, s).Product(p.ID)
			return *p.Free
		}
		version := shop(t, s).Version
		if err := s.TakeStock(t.Context(), p.ID, 2); err != nil || free(s) != 1 || shop(t, s).Version == version {
			t.Fatal(free(s), err)
		}
		if err := s.TakeStock(t.Context(), p.ID, 2); !errors.Is(err, ErrSoldOut) || free(s) != 1 {
			t.Fatal(free(s), err)
		}
		if c.Add(time.Second); free(far) != 1 {
			t.Error("another process sees", free(far))
		}
		if err := s.GiveStock(t.Context(), p.ID, 2); err != nil || free(s) != 3 || shop(t, s).Version != version {
			t.Error(free(s), err)
		}
		undo := errors.New("undo")
		if err := d.Tx(t.Context(), func(ctx context.Context) error { return errors.Join(s.TakeStock(ctx, p.ID, 3), undo) }); !errors.Is(err, undo) || free(s) != 3 {
			t.Error(free(s), err)
		}
		if err := errors.Join(s.TakeStock(t.Context(), endless.ID, 1000), s.GiveStock(t.Context(), endless.ID, 1)); err != nil {
			t.Error(err)
		}
		if err := s.TakeStock(t.Context(), ids.New[ids.Product](), 1); !errors.Is(err, ErrNotFound) {
			t.Error(err)
		}
		for _, n := range []int64{0, -1} {
			if s.TakeStock(t.Context(), p.ID, n) == nil || s.GiveStock(t.Context(), p.ID, n) == nil {
				t.Errorf("%d was taken", n)
			}
		}
		ctx, count := db.CountQueries(t.Context())
		left, err := s.Stock(ctx, []ids.Product{p.ID, endless.ID, ids.New[ids.Product]()})
		if err != nil || len(left) != 2 || *left[p.ID] != 3 || left[endless.ID] != nil || count.N() != 1 {
			t.Error(left, err, count.N())
		}
		// an edit of the product leaves alone what was sold meanwhile
		if err := s.TakeStock(t.Context(), p.ID, 1); err != nil {
			t.Fatal(err)
		}
		p.Name = "Renamed"
		if saved, err := s.SaveProduct(t.Context(), p); err != nil || *saved.Free != 2 || free(s) != 2 {
			t.Error(saved, err)
		}
		if err := s.SetStock(t.Context(), p.ID, nil); err != nil {
			t.Fatal(err)
		}
		if p, _ := shop(t, s).Product(p.ID); p.Free != nil || p.Name != "Renamed" {
			t.Errorf("%+v", p)
		}
	})
}

func TestTheShopIsKeptInMemory(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, c := service(d)
		fill(t, s)
		other := elsewhere(t, d, c)
		shop(t, s)
		ctx, count := db.CountQueries(t.Context())
		for range 100 {
			if _, err := s.Shop(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if count.N() != 0 {
			t.Errorf("%d statements", count.N())
		}
		if _, err := other.SaveCurrency(t.Context(), Currency{Code: "JPY", Active: true}); err != nil {
			t.Fatal(err)
		}
		c.Add(time.Second)
		if cur, ok := shop(t, s).Currency("JPY"); !ok || cur.Exponent != 0 || cur.Step != 1 {
			t.Error("a change by another process is not seen after a second")
		}
		if list := shop(t, s).Currencies(); len(list) != 2 || list[0].Code != "EUR" {
			t.Error(list)
		}
		if _, err := s.SaveCurrency(t.Context(), Currency{Code: "JPY", Step: 10}); err != nil {
			t.Fatal(err)
		}
		if cur, ok := shop(t, s).Currency("JPY"); !ok || cur.Active || cur.Step != 10 || len(shop(t, s).Currencies()) != 1 {
			t.Error("a currency that is off is offered")
		}
	})
}

func TestRates(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, c := service(d)
		for _, pico := range []int64{920_000_000_000, 910_000_000_000} {
			if _, err := s.SaveRate(t.Context(), Rate{Currency: "USD", Base: "EUR", Pico: pico, Source: "ECB"}); err != nil {
				t.Fatal(err)
			}
			c.Add(time.Hour)
		}
		for at, want := range map[time.Duration]int64{0: 920_000_000_000, time.Hour - 1000: 920_000_000_000, time.Hour: 910_000_000_000, 900 * time.Hour: 910_000_000_000} {
			if r, err := s.Rate(t.Context(), "USD", "EUR", noon.Add(at)); err != nil || r.Pico != want {
				t.Errorf("after %v: %+v, %v", at, r, err)
			}
		}
		if _, err := s.Rate(t.Context(), "USD", "EUR", noon.Add(-time.Second)); !errors.Is(err, ErrNoRate) {
			t.Error(err)
		}
		if r, err := s.Rate(t.Context(), "EUR", "EUR", noon); err != nil || r.Pico != One {
			t.Error(r, err)
		}
		for _, bad := range []Rate{{Currency: "USD", Base: "EUR"}, {Currency: "EUR", Base: "EUR", Pico: 1}, {Currency: "x", Base: "EUR", Pico: 1}} {
			if _, err := s.SaveRate(t.Context(), bad); fault.KindOf(err) != fault.Invalid {
				t.Error(err)
			}
		}
		if _, err := s.SaveRate(t.Context(), Rate{Currency: "USD", Base: "EUR", Pico: 1, From: noon}); fault.KindOf(err) != fault.Conflict {
			t.Error(err)
		}
	})
}

func TestLife(t *testing.T) {
	if err := life.Check(Public); err != nil {
		t.Fatal(err)
	}
	var got []string
	life.Walk(func(s Status, a Action, next Status, ok bool) {
		if ok {
			got = append(got, string(s)+" "+string(a)+" "+string(next))
		}
	})
	want := []string{"archived hide hidden", "archived publish public", "hidden archive archived", "hidden publish public", "public archive archived", "public hide hidden"}
	if !slices.Equal(got, want) {
		t.Fatal(got)
	}
	for status, action := range to {
		for _, from := range life.Statuses() {
			if next, err := life.Next(from, action); from != status && (err != nil || next != status) {
				t.Errorf("%s to %s: %s, %v", from, status, next, err)
			}
		}
	}
}
