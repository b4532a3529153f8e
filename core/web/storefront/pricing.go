package storefront

import (
	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/core/web/view"
)

// pricingPage is the whole price list.
type pricingPage struct {
	view.Page
	Cycles     []view.Tab
	Currencies []view.Tab // none if there is one only
	Lists      []priceList
	First      string // heads the first price: First month, First year
	Tax        bool   // the prices contain tax
	Recurs     bool   // there are later terms
}

func (s *Site) pricing(c echo.Context) error {
	v, err := s.visitOf(c)
	if err != nil {
		return err
	}
	now := s.Clock.Now()
	var products []catalog.Product
	for _, g := range v.shop.Groups() {
		products = append(products, v.shop.Products(g.ID)...)
	}
	cycles := cyclesOf(v, products, now)
	cycle := pick(cycles, query(c, "cycle"))
	return s.kept(c, v, cycle.String(), func() (string, any, error) {
		page := &pricingPage{Page: s.page(v, "Pricing"), First: "First " + string(cycle.Unit), Recurs: cycle.Recurs()}
		page.Description = "The whole price list on one page."
		if cycle.N > 1 || !cycle.Recurs() {
			page.First = "First term"
		}
		page.Cycles, page.Currencies = cycleTabs("/pricing", v, cycles, cycle), currencyTabs("/pricing", v, "&cycle="+cycleSlug(cycle))
		for _, g := range v.shop.Groups() {
			if plans := plansOf(v, g, cycle, now); len(plans) > 0 {
				page.Tax = page.Tax || plans[0].Tax
				page.Lists = append(page.Lists, priceList{Name: g.Name, Sub: g.Headline, Link: "/" + g.Slug, More: len(plans), Plans: plans})
			}
		}
		return "storefront/pricing.html", page, nil
	})
}
