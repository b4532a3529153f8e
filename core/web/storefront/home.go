package storefront

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/core/sales/order"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/money"
)

// homePage is the front of the shop.
type homePage struct {
	view.Page
	Offer      string        // what is sold, as a list of words
	Configure  *configurator // nil while nothing is sold
	From       []view.Figure // the lowest price of each group, at most three
	Currencies []view.Tab    // none if there is one only
	Lists      []priceList
	Sites      []location
	Tax        bool // the prices contain tax
}

// priceList is a group with its plans.
type priceList struct {
	Name, Sub, Link string
	More            int // how many plans there are in all
	Plans           []plan
}

// location is a place that can be chosen at an order.
type location struct {
	Name   string
	Groups string // what can be had there
	Plans  int    // how many plans
	Link   string // the first plan, put there
}

// configurator is a small order form: it shows its price and leads on to the whole one.
type configurator struct {
	Group   string
	Link    string // the order page with what is chosen here
	Legend  string // what tells the plans apart: Memory, or Plan
	Plans   []tile
	About   string // what is in the chosen plan
	Fields  []optionField
	Rows    []view.Leader
	Price   money.Amount // of the first term, without tax unless Tax
	Every   string
	Tax     bool         // Price contains tax
	Later   money.Amount // with tax, per term
	Differs bool         // the first term costs something else than later ones
	Cycle   string
	Money   string // the currency
	Problem string // why there is no price
}

// tile is one plan of a configurator.
type tile struct {
	Value, Label string
	On           bool
}

// perList is how many plans of a group the home page shows.
const perList = 3

func (s *Site) home(c echo.Context) error {
	v, err := s.visitOf(c)
	if err != nil {
		return err
	}
	return s.kept(c, v, "", func() (string, any, error) {
		now := s.Clock.Now()
		page := &homePage{Page: s.page(v, v.set.Business.Name), Currencies: currencyTabs("/", v, "")}
		page.Description = "Servers by the month, billed to the cent, yours to leave at any time."
		var words []string
		for _, g := range v.shop.Groups() {
			products := v.shop.Products(g.ID)
			cycle := pick(cyclesOf(v, products, now), "")
			plans := plansOf(v, g, cycle, now)
			if len(plans) == 0 {
				continue
			}
			name := g.Name
			if len(words) > 0 {
				name = inside(name)
			}
			words = append(words, name)
			page.Tax = page.Tax || plans[0].Tax
			if len(page.From) < 3 {
				page.From = append(page.From, view.Figure{Label: g.Name + " from", Value: cheapest(plans).Then, Note: cheapest(plans).Every, Link: "/" + g.Slug})
			}
			page.Lists = append(page.Lists, priceList{Name: g.Name, Sub: g.Headline, Link: "/" + g.Slug, More: len(plans), Plans: few(plans)})
			if page.Configure == nil {
				page.Configure = s.configuratorOf(c, v, g, plans, func(string) (string, bool) { return "", false })
			}
		}
		page.Offer = list(words)
		page.Sites = sitesOf(v, now)
		return "storefront/home.html", page, nil
	})
}

// few are the plans that stand for a group: around the marked one.
func few(plans []plan) []plan {
	if len(plans) <= perList {
		return plans
	}
	from := 0
	for i, p := range plans {
		if p.Marked {
			from = min(max(i-1, 0), len(plans)-perList)
		}
	}
	return plans[from : from+perList]
}

func cheapest(plans []plan) plan {
	least := plans[0]
	for _, p := range plans[1:] {
		if p.Then.Minor() < least.Then.Minor() {
			least = p
		}
	}
	return least
}

// sitesOf are the locations that plans offer, in the order in which they first come.
func sitesOf(v visit, now time.Time) []location {
	var out []location
	at := map[string]int{}
	for _, g := range v.shop.Groups() {
		for _, p := range v.shop.Products(g.ID) {
			for _, o := range v.shop.Options(p.ID) {
				if o.Kind != catalog.Choices || !strings.EqualFold(o.Label, "Location") && o.Field != "location" {
					continue
				}
				for _, choice := range o.Choices {
					i, known := at[choice.Label]
					if !known {
						i, at[choice.Label] = len(out), len(out)
						out = append(out, location{Name: choice.Label, Link: linkOf(v, lineOf(v, p, now, sourceOf(url.Values{params(v.shop.Options(p.ID))[o.ID]: {choice.Value}}), false), "")})
					}
					out[i].Plans++
					if !strings.Contains(", "+out[i].Groups+",", ", "+g.Name+",") {
						out[i].Groups = strings.TrimPrefix(out[i].Groups+", "+g.Name, ", ")
					}
				}
			}
		}
	}
	return out
}

// configuratorOf draws the small order form of a group. get says what is chosen.
func (s *Site) configuratorOf(c echo.Context, v visit, g catalog.Group, plans []plan, get source) *configurator {
	chosen := plans[0]
	for _, p := range plans {
		if p.Marked {
			chosen = p
		}
	}
	if asked, ok := get("plan"); ok {
		for _, p := range plans {
			if p.product.Slug == asked {
				chosen = p
			}
		}
	}
	now := s.Clock.Now()
	line := lineOf(v, chosen.product, now, get, false)
	out := &configurator{Group: g.Name, Legend: "Plan", Link: linkOf(v, line, ""), Cycle: cycleSlug(line.Cycle), Money: v.currency, Every: every(line.Cycle)}
	byMemory := true
	for _, p := range plans {
		_, ok := p.feature("Memory")
		byMemory = byMemory && ok
	}
	var about []string
	for _, f := range chosen.features {
		if f[1] != "" && len(about) < 3 && (!byMemory || !strings.EqualFold(f[0], "Memory")) {
			about = append(about, f[1]+" "+inside(before(f[0])))
		}
	}
	out.About = strings.Join(about, ", ")
	for _, p := range plans {
		label := p.Name
		if byMemory {
			out.Legend = "Memory"
			label, _ = p.feature("Memory")
		}
		out.Plans = append(out.Plans, tile{Value: p.product.Slug, Label: label, On: p.product.ID == chosen.product.ID})
	}
	for _, f := range fieldsOf(v, line, now) {
		if f.Kind != string(catalog.Quantity) && len(out.Fields) < 4 && (f.Needed || f.Kind == string(catalog.YesNo)) {
			f.Many = true
			out.Fields = append(out.Fields, f)
		}
	}
	cart := order.Cart{Currency: v.currency, Lines: []order.Line{line}}
	q, err := s.Flow.Quote(c.Request().Context(), flow.QuoteIn{Cart: cart})
	if err != nil {
		out.Problem = say(err)
		return out
	}
	sum := summaryOf(q)
	out.Rows, out.Price, out.Tax = sum.Rows, q.Net, q.Inclusive
	if q.Inclusive {
		out.Price = q.Total
	}
	if len(q.Renewal) > 0 {
		out.Later, out.Differs = q.Renewal[0].Total, q.Renewal[0].Total != q.Total
	}
	return out
}

// configurePage is the small order form alone.
type configurePage struct {
	view.Page
	Configure *configurator
}

// configure answers the small order form with another choice, for the page that holds it.
func (s *Site) configure(c echo.Context) error {
	v, err := s.visitOf(c)
	if err != nil {
		return err
	}
	p, ok := v.shop.BySlug(c.QueryParam("plan"))
	if !ok {
		return catalog.ErrNotFound
	}
	g, _ := v.shop.GroupByID(p.Group)
	get := sourceOf(c.QueryParams())
	asked, _ := get("cycle")
	plans := plansOf(v, g, pick(v.shop.Cycles(p.ID, v.currency, s.Clock.Now()), asked), s.Clock.Now())
	if len(plans) == 0 {
		return catalog.ErrNotFound
	}
	return view.Partial(c, "storefront/configurator.html", &configurePage{Configure: s.configuratorOf(c, v, g, plans, get)})
}

// toProduct leads from the small form to the order page of the plan that was chosen.
func (s *Site) toProduct(c echo.Context) error {
	v, err := s.visitOf(c)
	if err != nil {
		return err
	}
	q := c.QueryParams()
	p, ok := v.shop.BySlug(q.Get("plan"))
	if !ok {
		return c.Redirect(http.StatusSeeOther, "/pricing")
	}
	q.Del("plan")
	return c.Redirect(http.StatusSeeOther, "/order/"+p.Slug+"?"+q.Encode())
}
