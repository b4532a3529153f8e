package catalog

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
)

// Shop is the whole catalogue at one moment, with every version of every price. It never changes and may be used
// by many goroutines; the lists, maps and pointers in what it answers must not be changed.
type Shop struct {
	Version string // another one whenever anything in it is another, stock included

	number     int64
	groups     []Group
	products   map[ids.Product]Product
	inGroup    map[ids.Group][]ids.Product
	slugs      map[string]ids.Product
	options    map[ids.Option]Option
	ofProduct  map[ids.Product][]Option
	ofChoice   map[ids.Choice]ids.Option
	prices     map[ids.Price]Price
	versions   map[priceKey][]Price    // newest first
	cycles     map[sold][]period.Cycle // shortest first
	currencies []Currency
}

// sold is what cycles are listed for.
type sold struct{ owner, currency string }

type priceKey struct {
	owner    string
	cycle    period.Cycle
	currency string
}

func (p Price) key() priceKey { return priceKey{p.Owner, p.Cycle, p.Currency} }

// content is what the tables hold.
type content struct {
	groups     []Group
	products   []Product
	options    []Option
	prices     []Price
	currencies []Currency
}

func newShop(c content, number int64) *Shop {
	s := &Shop{
		number: number, groups: c.groups, currencies: c.currencies,
		products: make(map[ids.Product]Product, len(c.products)), inGroup: map[ids.Group][]ids.Product{}, slugs: make(map[string]ids.Product, len(c.products)),
		options: make(map[ids.Option]Option, len(c.options)), ofProduct: map[ids.Product][]Option{}, ofChoice: map[ids.Choice]ids.Option{},
		prices: make(map[ids.Price]Price, len(c.prices)), versions: map[priceKey][]Price{},
	}
	slices.SortFunc(s.groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(a.Sort, b.Sort), strings.Compare(string(a.ID), string(b.ID)))
	})
	slices.SortFunc(c.products, func(a, b Product) int {
		return cmp.Or(cmp.Compare(a.Sort, b.Sort), strings.Compare(string(a.ID), string(b.ID)))
	})
	for _, p := range c.products {
		s.products[p.ID] = p
		s.slugs[p.Slug] = p.ID
		s.inGroup[p.Group] = append(s.inGroup[p.Group], p.ID)
	}
	slices.SortFunc(c.options, func(a, b Option) int {
		return cmp.Or(cmp.Compare(a.Sort, b.Sort), strings.Compare(string(a.ID), string(b.ID)))
	})
	for _, o := range c.options {
		slices.SortFunc(o.Choices, func(a, b Choice) int {
			return cmp.Or(cmp.Compare(a.Sort, b.Sort), strings.Compare(string(a.ID), string(b.ID)))
		})
		s.options[o.ID] = o
		s.ofProduct[o.Product] = append(s.ofProduct[o.Product], o)
		for _, c := range o.Choices {
			s.ofChoice[c.ID] = o.ID
		}
	}
	for _, p := range c.prices {
		s.prices[p.ID] = p
		s.versions[p.key()] = append(s.versions[p.key()], p)
	}
	s.cycles = map[sold][]period.Cycle{}
	for key, list := range s.versions {
		slices.SortFunc(list, func(a, b Price) int { return b.From.Compare(a.From) })
		of := sold{key.owner, key.currency}
		s.cycles[of] = append(s.cycles[of], key.cycle)
	}
	for _, list := range s.cycles {
		slices.SortFunc(list, byLength)
	}
	slices.SortFunc(s.currencies, func(a, b Currency) int { return strings.Compare(a.Code, b.Code) })
	s.Version = s.version()
	return s
}

// version names the state: the number of the last edit, and what is in stock.
func (s *Shop) version() string {
	sum := fnv.New64a()
	for _, id := range slices.Sorted(maps.Keys(s.products)) {
		if free := s.products[id].Free; free != nil {
			fmt.Fprintf(sum, "%s=%d\n", id, *free)
		}
	}
	return fmt.Sprintf("%d-%x", s.number, sum.Sum64())
}

// withStock is the shop with what is left now; the same one if that is as it was.
func (s *Shop) withStock(free map[ids.Product]*int64) *Shop {
	var next *Shop
	for id, n := range free {
		p, ok := s.products[id]
		if !ok || p.Free == nil && n == nil || p.Free != nil && n != nil && *p.Free == *n {
			continue
		}
		if next == nil {
			c := *s
			next = &c
			next.products = maps.Clone(s.products)
		}
		p.Free = n
		next.products[id] = p
	}
	if next == nil {
		return s
	}
	next.Version = next.version()
	return next
}

// Groups lists the groups that menus show, in their order.
func (s *Shop) Groups() []Group {
	return slices.DeleteFunc(slices.Clone(s.groups), func(g Group) bool { return g.Hidden })
}

// AllGroups lists hidden groups too, for staff.
func (s *Shop) AllGroups() []Group { return slices.Clone(s.groups) }

// Group finds a group by its slug, also a hidden one.
func (s *Shop) Group(slug string) (Group, bool) {
	i := slices.IndexFunc(s.groups, func(g Group) bool { return g.Slug == slug })
	if i < 0 {
		return Group{}, false
	}
	return s.groups[i], true
}

// GroupByID finds a group.
func (s *Shop) GroupByID(id ids.Group) (Group, bool) {
	i := slices.IndexFunc(s.groups, func(g Group) bool { return g.ID == id })
	if i < 0 {
		return Group{}, false
	}
	return s.groups[i], true
}

// Products lists the public products of a group, in their order.
func (s *Shop) Products(id ids.Group) []Product {
	return slices.DeleteFunc(s.AllProducts(id), func(p Product) bool { return p.Status != Public })
}

// AllProducts lists hidden and archived products too, for staff.
func (s *Shop) AllProducts(id ids.Group) []Product {
	out := make([]Product, len(s.inGroup[id]))
	for i, p := range s.inGroup[id] {
		out[i] = s.products[p]
	}
	return out
}

// Product finds a product, whatever its status: who has it keeps it.
func (s *Shop) Product(id ids.Product) (Product, bool) {
	p, ok := s.products[id]
	return p, ok
}

// BySlug finds a product that can be ordered.
func (s *Shop) BySlug(slug string) (Product, bool) {
	p, ok := s.products[s.slugs[slug]]
	return p, ok && p.CanOrder()
}

// Options lists what may be chosen about a product, in its order.
func (s *Shop) Options(id ids.Product) []Option { return slices.Clone(s.ofProduct[id]) }

// Option finds an option.
func (s *Shop) Option(id ids.Option) (Option, bool) {
	o, ok := s.options[id]
	return o, ok
}

// Choice finds a choice and the option that it belongs to.
func (s *Shop) Choice(id ids.Choice) (Option, Choice, bool) {
	o, ok := s.options[s.ofChoice[id]]
	if !ok {
		return Option{}, Choice{}, false
	}
	c, ok := o.Choice(id)
	return o, c, ok
}

// Price is what an owner (product, option or choice) costs at a time.
func (s *Shop) Price(owner string, c period.Cycle, currency string, at time.Time) (Price, bool) {
	for _, p := range s.versions[priceKey{owner, c, currency}] {
		if p.IsAt(at) {
			return p, true
		}
	}
	return Price{}, false
}

// PriceByID finds a version of a price, old or new.
func (s *Shop) PriceByID(id ids.Price) (Price, bool) {
	p, ok := s.prices[id]
	return p, ok
}

// Prices lists every version of the prices of an owner, by currency and cycle and then newest first, for staff.
func (s *Shop) Prices(owner string) []Price {
	var out []Price
	for key, list := range s.versions {
		if key.owner == owner {
			out = append(out, list...)
		}
	}
	slices.SortFunc(out, func(a, b Price) int {
		return cmp.Or(strings.Compare(a.Currency, b.Currency), byLength(a.Cycle, b.Cycle), b.From.Compare(a.From))
	})
	return out
}

// Cycles lists the cycles in which a product is sold in a currency at a time, shortest first; what is paid once
// comes before all.
func (s *Shop) Cycles(id ids.Product, currency string, at time.Time) []period.Cycle {
	var out []period.Cycle
	for _, c := range s.cycles[sold{string(id), currency}] {
		if _, ok := s.Price(string(id), c, currency, at); ok {
			out = append(out, c)
		}
	}
	return out
}

func byLength(a, b period.Cycle) int {
	return cmp.Or(cmp.Compare(a.Nominal(), b.Nominal()), strings.Compare(a.String(), b.String()))
}

// Currencies lists the active currencies by code.
func (s *Shop) Currencies() []Currency {
	return slices.DeleteFunc(slices.Clone(s.currencies), func(c Currency) bool { return !c.Active })
}

// Currency finds a currency, also one that is no longer active.
func (s *Shop) Currency(code string) (Currency, bool) {
	i := slices.IndexFunc(s.currencies, func(c Currency) bool { return c.Code == code })
	if i < 0 {
		return Currency{}, false
	}
	return s.currencies[i], true
}
