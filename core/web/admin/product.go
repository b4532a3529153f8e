package admin

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/money"
)

// productPage is a product with its options and every price.
type productPage struct {
	view.Page
	State    string
	Actions  []view.Action
	Facts    []view.Fact
	Features []string
	Panel    []view.Fact // what its panel is told
	Prices   priceTable
	Options  []optionRow
	CanEdit  bool
	New      string // address of the form for an option
	NoPrice  bool   // it cannot be bought: no price runs
}

// optionRow is an option with the prices of what can be answered.
type optionRow struct {
	Label, Kind, Detail, Edit string
	Prices                    []priceTable
}

// priceTable are the prices of a product, an option or a choice.
type priceTable struct {
	Label string // of the choice; "" where there is one table only
	New   string // address of the form for another price
	Rows  []priceRow
	Old   []priceRow // ended, newest first
}

// priceRow is a version of a price.
type priceRow struct {
	ID, Cycle, Currency string
	Amount, Setup       money.Amount
	Per                 string // "for 1,000 GB"; "" for one
	First               string // other price of the first terms
	Inclusive           bool
	From, To            time.Time
	State               string // running, planned, ended
	Again               string // address of the form that follows it
	Close               string // address that ends it
}

func prices(shop *catalog.Shop, owner, label, unit string, now time.Time) priceTable {
	t := priceTable{Label: label, New: "/catalog/prices/new?owner=" + owner}
	for _, p := range shop.Prices(owner) {
		row := priceRow{ID: string(p.ID), Cycle: title(cycleText(p.Cycle)), Currency: p.Currency, Amount: money.Of(p.Amount, p.Currency), Setup: money.Of(p.Setup, p.Currency), Inclusive: p.Inclusive, From: p.From, To: p.To,
			Again: t.New + "&after=" + string(p.ID), Close: "/catalog/prices/" + string(p.ID) + "/close"}
		if p.Per > 1 {
			row.Per = strings.TrimSpace("for " + count(p.Per) + " " + unit)
		}
		if p.First != nil {
			row.First = money.Of(*p.First, p.Currency).Decimal() + " for the first " + many(p.FirstTerms, "term", "terms")
		}
		switch {
		case p.IsAt(now):
			row.State = "running"
			t.Rows = append(t.Rows, row)
		case p.From.After(now) && (p.To.IsZero() || p.To.After(p.From)):
			row.State = "planned"
			t.Rows = append(t.Rows, row)
		default:
			row.State = "ended"
			t.Old = append(t.Old, row)
		}
	}
	return t
}

// productOf reads the product of the address.
func (s *Site) productOf(c echo.Context) (catalog.Product, *catalog.Shop, error) {
	id, err := param[ids.Product](c)
	if err != nil {
		return catalog.Product{}, nil, err
	}
	shop, err := s.Catalog.Shop(c.Request().Context())
	if err != nil {
		return catalog.Product{}, nil, err
	}
	p, ok := shop.Product(id)
	if !ok {
		return p, shop, catalog.ErrNotFound
	}
	return p, shop, nil
}

func (s *Site) product(c echo.Context) error {
	p, shop, err := s.productOf(c)
	if err != nil {
		return err
	}
	now, here := s.Clock.Now(), "/catalog/products/"+string(p.ID)
	page := &productPage{Page: view.Page{Title: p.Name, Sub: p.Tagline, Current: "/catalog", Crumbs: []view.Link{{Label: "Catalog", Link: "/catalog"}}}, State: string(p.Status), Features: p.Features,
		CanEdit: can(c, auth.CatalogEdit), New: here + "/option"}
	if page.CanEdit {
		page.Actions = []view.Action{{Label: "Edit", Link: here + "/edit", Icon: "pencil", Primary: true, Key: "e"}, {Label: "Stock", Link: here + "/stock", Icon: "package"}}
	}
	group, _ := shop.GroupByID(p.Group)
	page.Facts = []view.Fact{{Label: "Group", Value: group.Name}, {Label: "Address", Value: "/" + group.Slug + "/" + p.Slug, Mono: true}, {Label: "Stock", Value: stockText(p.Free)}, {Label: "Set up", Value: setups[p.Setup]},
		{Label: "Tax class", Value: p.TaxClass, Mono: true}, {Label: "Changes of plan", Value: changeWords[p.Change]}}
	if p.CustomerLimit > 0 {
		page.Facts = append(page.Facts, view.Fact{Label: "Limit per customer", Value: p.CustomerLimit})
	}
	if p.TrialDays > 0 {
		page.Facts = append(page.Facts, view.Fact{Label: "Trial", Value: many(p.TrialDays, "day", "days")})
	}
	if p.AnchoredDay > 0 {
		page.Facts = append(page.Facts, view.Fact{Label: "Terms begin on day", Value: p.AnchoredDay})
	}
	page.Facts = append(page.Facts, view.Fact{Label: "ID", Value: string(p.ID), Mono: true, Copy: true})
	page.Panel = s.panelFacts(p)
	page.Prices = prices(shop, string(p.ID), "", "", now)
	page.NoPrice = !slices.ContainsFunc(page.Prices.Rows, func(r priceRow) bool { return r.State == "running" })
	for _, o := range shop.Options(p.ID) {
		row := optionRow{Label: o.Label, Kind: optionWords[o.Kind], Edit: "/catalog/options/" + string(o.ID), Detail: optionDetail(o)}
		if o.Kind == catalog.Choices {
			for _, ch := range o.Choices {
				row.Prices = append(row.Prices, prices(shop, string(ch.ID), ch.Label, o.Unit, now))
			}
		} else {
			row.Prices = []priceTable{prices(shop, string(o.ID), "", o.Unit, now)}
		}
		page.Options = append(page.Options, row)
	}
	return view.Render(c, http.StatusOK, "admin/product.html", page)
}

var (
	changeWords = map[string]string{"real_days": "by real days", "full_difference": "the full difference", "at_renewal": "at renewal", "restart_cycle": "the cycle begins anew"}
	optionWords = map[catalog.OptionKind]string{catalog.Choices: "One of several", catalog.Quantity: "A quantity", catalog.YesNo: "Yes or no"}
)

func optionDetail(o catalog.Option) string {
	var parts []string
	if o.Kind == catalog.Quantity {
		parts = append(parts, strings.TrimSpace(count(o.Least)+" to "+count(o.Most)+" "+o.Unit)+", in steps of "+count(o.Step))
	}
	if o.Field != "" {
		parts = append(parts, "fills "+o.Field)
	}
	parts = append(parts, yesno(o.Needed, "needed", "may be left out"), yesno(o.Changeable, "may change later", "fixed at the order"))
	return title(strings.Join(parts, ", "))
}

// panelFacts are the values that the panel is told, with the labels of its form where that is known.
func (s *Site) panelFacts(p catalog.Product) []view.Fact {
	if p.Panel == "" {
		return nil
	}
	out := []view.Fact{{Label: "Panel", Value: p.Panel, Mono: true}}
	labels := map[string]string{}
	var order []string
	if s.Plugins != nil {
		if forms, ok := s.Plugins.FormsOf(p.Panel); ok {
			for _, spec := range forms.Product.Specs() {
				labels[spec.Name] = spec.Label
				order = append(order, spec.Name)
			}
		}
	}
	for name := range p.Values {
		if !slices.Contains(order, name) {
			order = append(order, name)
		}
	}
	slices.Sort(order[len(labels):])
	for _, name := range order {
		values := p.Values[name]
		if len(values) == 0 {
			continue
		}
		label := labels[name]
		if label == "" {
			label = name
		}
		out = append(out, view.Fact{Label: label, Value: strings.Join(values, ", "), Mono: true})
	}
	return out
}
