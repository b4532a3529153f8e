package admin

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/money"
)

// priced is what a price is for.
type priced struct {
	owner, label, unit string
	product            catalog.Product
}

// pricedOf finds the product, option or choice that a form names.
func (s *Site) pricedOf(c echo.Context) (priced, *catalog.Shop, error) {
	shop, err := s.Catalog.Shop(c.Request().Context())
	if err != nil {
		return priced{}, nil, err
	}
	owner := c.FormValue("owner")
	if id, err := ids.Parse[ids.Product](owner); err == nil {
		if p, ok := shop.Product(id); ok {
			return priced{owner, p.Name, "", p}, shop, nil
		}
	}
	if id, err := ids.Parse[ids.Option](owner); err == nil {
		if o, ok := shop.Option(id); ok {
			p, _ := shop.Product(o.Product)
			return priced{owner, o.Label, o.Unit, p}, shop, nil
		}
	}
	if id, err := ids.Parse[ids.Choice](owner); err == nil {
		if o, ch, ok := shop.Choice(id); ok {
			p, _ := shop.Product(o.Product)
			return priced{owner, o.Label + " " + ch.Label, "", p}, shop, nil
		}
	}
	return priced{}, shop, catalog.ErrPriceNotFound
}

func (of priced) page() view.Page {
	return view.Page{Title: "New price of " + of.label, Sub: "A price never changes: this begins a new version. Who bought before keeps the old one.", Current: "/catalog",
		Crumbs: []view.Link{{Label: "Catalog", Link: "/catalog"}, {Label: of.product.Name, Link: "/catalog/products/" + string(of.product.ID)}}}
}

func priceForm(of priced, like catalog.Price, codes []string) *view.Form {
	var currencies []view.Choice
	for _, code := range codes {
		currencies = append(currencies, view.Choice{Value: code, Label: code})
	}
	decimal := func(minor int64) string { return money.Of(minor, like.Currency).Decimal() }
	first, terms := "", ""
	if like.First != nil {
		first, terms = decimal(*like.First), strconv.Itoa(like.FirstTerms)
	}
	f := view.NewForm("/catalog/prices/new", "Begin this price",
		view.Field{Name: "owner", Kind: view.Hidden, Value: of.owner},
		view.Field{Name: "cycle", Label: "Paid", Kind: view.Select, Value: like.Cycle.String(), Options: cyclesOffered(like.Cycle)},
		view.Field{Name: "currency", Label: "Currency", Kind: view.Select, Value: like.Currency, Options: currencies},
		view.Field{Name: "amount", Label: "Price for each term", Value: decimal(like.Amount), InputMode: "decimal", Focus: true},
		view.Field{Name: "per", Label: strings.TrimSpace("For so many " + of.unit), Value: strconv.FormatInt(max(like.Per, 1), 10), InputMode: "numeric", Help: "3.50 for 1,000 GB has 1000 here."},
		view.Field{Name: "setup", Label: "Set-up fee", Value: decimal(like.Setup), InputMode: "decimal", Help: "Once, with the first invoice."},
		view.Field{Name: "inclusive", Label: "These amounts contain tax", Kind: view.Check, Value: check(like.Inclusive)},
		view.Field{Name: "first", Label: "Price of the first terms", Value: first, InputMode: "decimal", Optional: true},
		view.Field{Name: "first_terms", Label: "So many first terms", Value: terms, InputMode: "numeric", Optional: true},
		view.Field{Name: "from", Label: "From", Kind: view.Date, Optional: true, Help: "The beginning of that day; empty is now."})
	f.Columns, f.Cancel = 2, "/catalog/products/"+string(of.product.ID)
	return f
}

func (s *Site) askPrice(c echo.Context) error {
	of, shop, err := s.pricedOf(c)
	if err != nil {
		return err
	}
	_, set, err := s.today(c.Request().Context())
	if err != nil {
		return err
	}
	like := catalog.Price{Cycle: period.Monthly, Currency: set.Sales.DefaultCurrency, Per: 1}
	if id, err := ids.Parse[ids.Price](c.QueryParam("after")); err == nil {
		if p, ok := shop.PriceByID(id); ok {
			like = p
		}
	}
	return formPage(c, http.StatusOK, of.page(), priceForm(of, like, currencyCodes(shop, like.Currency)))
}

// currencyCodes are those that prices may be in.
func currencyCodes(shop *catalog.Shop, also string) []string {
	var out []string
	for _, cur := range shop.Currencies() {
		out = append(out, cur.Code)
	}
	if !slices.Contains(out, also) {
		out = append(out, also)
	}
	return out
}

func (s *Site) savePrice(c echo.Context) error {
	ctx := c.Request().Context()
	of, shop, err := s.pricedOf(c)
	if err != nil {
		return err
	}
	_, set, err := s.today(ctx)
	if err != nil {
		return err
	}
	posted, _ := period.ParseCycle(c.FormValue("cycle"))
	f := priceForm(of, catalog.Price{Cycle: posted, Currency: set.Sales.DefaultCurrency}, currencyCodes(shop, set.Sales.DefaultCurrency))
	f.Read(c)
	p := catalog.Price{Owner: of.owner, Cycle: posted, Currency: f.Get("currency"), Per: wholeOf(f, "per"), Inclusive: f.Get("inclusive") == "1"}
	p.Amount, p.Setup = amountOf(f, "amount", p.Currency).Minor(), amountOf(f, "setup", p.Currency).Minor()
	if f.Get("first") != "" {
		first := amountOf(f, "first", p.Currency).Minor()
		p.First, p.FirstTerms = &first, int(wholeOf(f, "first_terms"))
	}
	if day := dayOf(f, "from"); !day.IsZero() {
		p.From = day.Start(set.Location())
		if now := s.Clock.Now(); period.On(now, set.Location()) == day {
			p.From = now
		}
	}
	if f.OK() {
		_, err = s.Catalog.NewPrice(ctx, p)
	}
	if f.Failed(err) {
		return formPage(c, http.StatusUnprocessableEntity, of.page(), f)
	}
	if err != nil {
		return err
	}
	return done(c, "/catalog/products/"+string(of.product.ID), "The price is in the list.")
}

func (s *Site) closePrice(c echo.Context) error {
	ctx := c.Request().Context()
	id, err := param[ids.Price](c)
	if err != nil {
		return err
	}
	to := "/catalog"
	if shop, err := s.Catalog.Shop(ctx); err == nil {
		if p, ok := shop.PriceByID(id); ok {
			if product, err := ids.Parse[ids.Product](p.Owner); err == nil {
				to = "/catalog/products/" + string(product)
			} else if o, ok := ownerOption(shop, p.Owner); ok {
				to = "/catalog/products/" + string(o.Product)
			}
		}
	}
	return outcome(c, to, "The price ended: nobody new buys at it.", s.Catalog.ClosePrice(ctx, id))
}

func ownerOption(shop *catalog.Shop, owner string) (catalog.Option, bool) {
	if id, err := ids.Parse[ids.Option](owner); err == nil {
		return shop.Option(id)
	}
	if id, err := ids.Parse[ids.Choice](owner); err == nil {
		o, _, ok := shop.Choice(id)
		return o, ok
	}
	return catalog.Option{}, false
}
