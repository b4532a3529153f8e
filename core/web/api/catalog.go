package api

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/ezscale/bursar/core/sales/catalog"
)

// Catalog is what is sold now.
type Catalog struct {
	Version    string   `json:"version" doc:"Another one whenever anything in it is another"`
	Currencies []string `json:"currencies" nullable:"false" doc:"That prices are in, the usual one first"`
	Terms      string   `json:"terms_version" doc:"Of the terms that buyers accept; orders may name it"`
	TermsURL   string   `json:"terms_url"`
	Groups     []Group  `json:"groups" nullable:"false"`
}

// Group is a part of the shop.
type Group struct {
	ID       string `json:"id"`
	Slug     string `json:"slug"`
	Kind     string `json:"kind" doc:"vps, dedicated, hosting, game, other"`
	Name     string `json:"name"`
	Headline string `json:"headline,omitempty"`
	Products []Sold `json:"products" nullable:"false"`
}

// Sold is a product with what it costs.
type Sold struct {
	ID       string   `json:"id"`
	Slug     string   `json:"slug" doc:"May be named instead of the ID in an order"`
	Name     string   `json:"name"`
	Tagline  string   `json:"tagline,omitempty"`
	Features []string `json:"features" nullable:"false"`
	SoldOut  bool     `json:"sold_out"`
	Prices   []Price  `json:"prices" nullable:"false"`
	Options  []Option `json:"options" nullable:"false"`
}

// Price is what something costs in one cycle and currency.
type Price struct {
	Cycle      string  `json:"cycle" doc:"1 month, 1 year, once"`
	Amount     Amount  `json:"amount" doc:"Each term"`
	Per        int64   `json:"per" doc:"For so many units: 1 unless it is priced in bulk"`
	Setup      Amount  `json:"setup" doc:"Once"`
	First      *Amount `json:"first,omitempty" doc:"Instead of amount in the first terms"`
	FirstTerms int     `json:"first_terms,omitempty"`
	WithTax    bool    `json:"includes_tax"`
}

// Option is what may be chosen about a product.
type Option struct {
	ID      string   `json:"id"`
	Kind    string   `json:"kind" enum:"choice,quantity,yesno"`
	Label   string   `json:"label"`
	Help    string   `json:"help,omitempty"`
	Unit    string   `json:"unit,omitempty"`
	Needed  bool     `json:"needed"`
	Least   int64    `json:"least" doc:"Of a quantity"`
	Most    int64    `json:"most"`
	Step    int64    `json:"step"`
	Prices  []Price  `json:"prices" nullable:"false" doc:"Of a quantity or a yes; those of a choice are its own"`
	Choices []Choice `json:"choices" nullable:"false"`
}

// Choice is one answer to an option.
type Choice struct {
	ID     string  `json:"id"`
	Label  string  `json:"label"`
	Prices []Price `json:"prices" nullable:"false"`
}

type catalogIn struct {
	Currency string `query:"currency" pattern:"^[A-Z]{3}$" doc:"Prices in this currency only"`
}

func (s *Site) catalog() {
	add(s, operation{id: "get-catalog", method: get, path: "/catalog", open: true, tag: "Shop", says: "What is sold, and what it costs",
		more: "Groups, products, options and their prices at this moment. No token is needed."}, s.getCatalog)
}

func (s *Site) getCatalog(ctx context.Context, in *catalogIn) (Catalog, error) {
	set, err := s.Flow.Settings.Get(ctx)
	if err != nil {
		return Catalog{}, err
	}
	shop, err := s.Flow.Catalog.Shop(ctx)
	if err != nil {
		return Catalog{}, err
	}
	p := pricer{shop: shop, at: s.Flow.Now()}
	for _, code := range append([]string{set.Sales.DefaultCurrency}, set.Sales.Currencies...) {
		c, ok := shop.Currency(code)
		if ok && c.Active && !slices.Contains(p.currencies, code) && (in.Currency == "" || in.Currency == code) {
			p.currencies = append(p.currencies, code)
		}
	}
	out := Catalog{Version: shop.Version, Terms: set.Sales.TermsVersion, TermsURL: s.Links.Storefront + "/terms", Currencies: append([]string{}, p.currencies...), Groups: []Group{}}
	for _, g := range shop.Groups() {
		out.Groups = append(out.Groups, Group{ID: string(g.ID), Slug: g.Slug, Kind: g.Kind, Name: g.Name, Headline: g.Headline, Products: each(shop.Products(g.ID), p.product)})
	}
	return out, nil
}

// pricer tells the prices of one moment.
type pricer struct {
	shop       *catalog.Shop
	at         time.Time
	currencies []string
}

func (p pricer) product(of catalog.Product) Sold {
	return Sold{ID: string(of.ID), Slug: of.Slug, Name: of.Name, Tagline: of.Tagline, Features: append([]string{}, of.Features...), SoldOut: of.Free != nil && *of.Free <= 0,
		Prices: p.prices(string(of.ID)), Options: each(p.shop.Options(of.ID), p.option)}
}

func (p pricer) option(o catalog.Option) Option {
	return Option{ID: string(o.ID), Kind: string(o.Kind), Label: o.Label, Help: o.Help, Unit: o.Unit, Needed: o.Needed, Least: o.Least, Most: o.Most, Step: o.Step,
		Prices: p.prices(string(o.ID)), Choices: each(o.Choices, func(c catalog.Choice) Choice {
			return Choice{ID: string(c.ID), Label: c.Label, Prices: p.prices(string(c.ID))}
		})}
}

func (p pricer) prices(owner string) []Price {
	out := []Price{}
	for _, v := range p.shop.Prices(owner) {
		if !v.IsAt(p.at) || !slices.Contains(p.currencies, v.Currency) {
			continue
		}
		price := Price{Cycle: v.Cycle.String(), Amount: minor(v.Amount, v.Currency), Per: v.Per, Setup: minor(v.Setup, v.Currency), WithTax: v.Inclusive}
		if v.First != nil {
			first := minor(*v.First, v.Currency)
			price.First, price.FirstTerms = &first, v.FirstTerms
		}
		out = append(out, price)
	}
	slices.SortStableFunc(out, func(a, b Price) int { return strings.Compare(a.Amount.Currency, b.Amount.Currency) })
	return out
}
