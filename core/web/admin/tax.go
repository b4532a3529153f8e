package admin

import (
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/core/sales/tax"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
)

func (s *Site) taxRoutes() []route.Route {
	return []route.Route{
		get("/taxes", s.taxes, auth.SettingsSee),
		get("/taxes/new", s.askTax, auth.TaxEdit),
		post("/taxes/new", s.saveTax, auth.TaxEdit),
		get("/taxes/:id", s.askTax, auth.TaxEdit),
		post("/taxes/:id", s.saveTax, auth.TaxEdit),
	}
}

// taxesPage is the operator's table of rates.
type taxesPage struct {
	view.Page
	Tabs    []view.Tab
	Actions []view.Action
	Rows    []taxRow
	CanEdit bool
}

// taxRow is a line of it.
type taxRow struct {
	Link, Country, Place, Class string
	Code, Rate, Category        string
	Level                       int
	Compound                    bool
	From, To                    period.Day
	State                       string // now, later, over
}

var taxCategories = []view.Choice{{Value: tax.Standard, Label: "Standard, with a rate"}, {Value: tax.Zero, Label: "Zero rate"}, {Value: tax.Exempt, Label: "Exempt"}, {Value: tax.Reverse, Label: "Reverse charge"}, {Value: tax.Export, Label: "Export"}, {Value: tax.OutOfScope, Label: "Out of scope"}}

func (s *Site) taxes(c echo.Context) error {
	ctx, a := c.Request().Context(), ask(c)
	list, err := s.Taxes.Rules(ctx)
	if err != nil {
		return err
	}
	today, set, err := s.today(ctx)
	if err != nil {
		return err
	}
	page := &taxesPage{Page: view.Page{Title: "Tax", Current: "/taxes", Sub: "The rates of the table. At home the home rate holds; a business elsewhere in the EU with a checked number accounts for the tax itself; a consumer there pays the own country's rate if it is here."}, CanEdit: can(c, auth.TaxEdit)}
	if set.Business.Country == "" {
		page.Sub += " The seller's country is not set yet: no tax is charged until it is."
	}
	if page.CanEdit {
		page.Actions = []view.Action{{Label: "New rule", Link: "/taxes/new", Icon: "plus", Primary: true, Key: "n"}}
	}
	over := 0
	for _, r := range list {
		row := taxRow{Link: "/taxes/" + string(r.ID), Country: r.Country, Place: customer.CountryName(r.Country), Class: r.Class, Code: r.Code, Rate: percent(r.RatePPM), Category: r.Category, Level: r.Level, Compound: r.Compound, From: r.From, To: r.To, State: "now"}
		if r.Region != "" {
			row.Place += ", " + r.Region
		}
		switch {
		case r.From.After(today):
			row.State = "later"
		case !r.To.IsZero() && !r.To.After(today):
			row.State = "over"
			over++
		}
		if (row.State == "over") == (a.get("state") == "over") {
			page.Rows = append(page.Rows, row)
		}
	}
	page.Tabs = []view.Tab{a.tab("In force", "state", "", len(list)-over), a.tab("Over", "state", "over", over)}
	return view.Render(c, http.StatusOK, "admin/taxes.html", page)
}

func taxForm(r tax.Rule) *view.Form {
	action := "/taxes/new"
	if r.ID != "" {
		action = "/taxes/" + string(r.ID)
	}
	var countries []view.Choice
	for _, place := range customer.Countries() {
		countries = append(countries, view.Choice{Value: place.Code, Label: place.Name})
	}
	f := view.NewForm(action, "Save rule",
		view.Field{Name: "country", Label: "Country", Kind: view.Select, Value: r.Country, Options: countries},
		view.Field{Name: "region", Label: "Region", Value: r.Region, Optional: true, MaxLength: 10, Help: "Its code, such as CA; empty is all of the country."},
		view.Field{Name: "class", Label: "Tax class of the product", Value: r.Class, MaxLength: 40},
		view.Field{Name: "code", Label: "Name on invoices", Value: r.Code, MaxLength: 40, Placeholder: "VAT 19 %"},
		view.Field{Name: "category", Label: "Category", Kind: view.Select, Value: r.Category, Options: taxCategories},
		view.Field{Name: "rate", Label: "Rate in percent", Value: orZero(trimPercent(r.RatePPM)), InputMode: "decimal"},
		view.Field{Name: "level", Label: "Level", Kind: view.Select, Value: strconv.Itoa(r.Level), Options: []view.Choice{{Value: "1", Label: "First tax"}, {Value: "2", Label: "Second, beside the first"}}},
		view.Field{Name: "compound", Label: "On top of the level before", Kind: view.Check, Value: check(r.Compound)},
		view.Field{Name: "from", Label: "From", Kind: view.Date, Value: r.From.String()},
		view.Field{Name: "to", Label: "Until, that day not included", Kind: view.Date, Value: r.To.String(), Optional: true, Help: "When a rate changes, end this rule and add another: documents keep the rate that they were issued with."})
	f.Columns, f.Cancel = 2, "/taxes"
	return f
}

func orZero(text string) string {
	if text == "" {
		return "0"
	}
	return text
}

// taxOf is the rule of the address, or a new one.
func (s *Site) taxOf(c echo.Context) (tax.Rule, view.Page, error) {
	ctx := c.Request().Context()
	page := view.Page{Title: "New tax rule", Current: "/taxes", Crumbs: []view.Link{{Label: "Tax", Link: "/taxes"}}}
	if c.Param("id") == "" {
		today, set, err := s.today(ctx)
		return tax.Rule{Class: tax.Standards, Country: set.Business.Country, Category: tax.Standard, Level: 1, From: today}, page, err
	}
	id, err := param[ids.TaxRule](c)
	if err != nil {
		return tax.Rule{}, page, err
	}
	list, err := s.Taxes.Rules(ctx)
	if err != nil {
		return tax.Rule{}, page, err
	}
	for _, r := range list {
		if r.ID == id {
			page.Title = r.Code + ", " + customer.CountryName(r.Country)
			return r, page, nil
		}
	}
	return tax.Rule{}, page, tax.ErrNotFound
}

func (s *Site) askTax(c echo.Context) error {
	r, page, err := s.taxOf(c)
	if err != nil {
		return err
	}
	return formPage(c, http.StatusOK, page, taxForm(r))
}

func (s *Site) saveTax(c echo.Context) error {
	r, page, err := s.taxOf(c)
	if err != nil {
		return err
	}
	f := taxForm(r)
	f.Read(c)
	r.Country, r.Region, r.Class, r.Code, r.Category, r.Compound = f.Get("country"), upper(f.Get("region")), f.Get("class"), f.Get("code"), f.Get("category"), f.Get("compound") == "1"
	r.RatePPM, r.From, r.To = ppmOf(f, "rate"), dayOf(f, "from"), dayOf(f, "to")
	r.Level, _ = strconv.Atoi(f.Get("level"))
	if f.OK() {
		_, err = s.Taxes.SaveRule(c.Request().Context(), r)
	}
	if f.Failed(err) {
		return formPage(c, http.StatusUnprocessableEntity, page, f)
	}
	if err != nil {
		return err
	}
	return done(c, "/taxes", "Saved.")
}
