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

// optionPage is the form of an option, with the way to drop it.
type optionPage struct {
	view.Page
	Form *view.Form
	Drop *view.Confirm // nil for a new one
}

func (s *Site) optionForm(o catalog.Option, p catalog.Product) *view.Form {
	action := "/catalog/products/" + string(p.ID) + "/option"
	if o.ID != "" {
		action = "/catalog/options/" + string(o.ID)
	}
	fields := []view.Choice{{Value: "", Label: "None: priced, but the panel is not told"}}
	known := o.Field == ""
	if s.Plugins != nil && p.Panel != "" {
		if forms, ok := s.Plugins.FormsOf(p.Panel); ok {
			for _, spec := range forms.Checkout.Specs() {
				fields = append(fields, view.Choice{Value: spec.Name, Label: spec.Label})
				known = known || spec.Name == o.Field
			}
		}
	}
	if !known {
		fields = append(fields, view.Choice{Value: o.Field, Label: o.Field + ", which the panel does not ask for now"})
	}
	var written []string
	for _, ch := range o.Choices {
		written = append(written, ch.Value+" = "+ch.Label)
	}
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	f := view.NewForm(action, "Save option",
		view.Field{Name: "label", Label: "Label", Value: o.Label, MaxLength: 80, Focus: true},
		view.Field{Name: "kind", Label: "Answered by", Kind: view.Select, Value: string(o.Kind), ReadOnly: o.ID != "", Options: []view.Choice{{Value: "choice", Label: "One of several"}, {Value: "quantity", Label: "A quantity"}, {Value: "yesno", Label: "Yes or no"}}, Help: "Cannot change later."},
		view.Field{Name: "help", Label: "Help", Value: o.Help, MaxLength: 300, Optional: true, Wide: true},
		view.Field{Name: "choices", Label: "Choices", Kind: view.Textarea, Rows: 5, Value: strings.Join(written, "\n"), Optional: true, Wide: true, Help: "One a line, in order: value = label. The panel is given the value. A choice that is left out is no longer offered; who has it keeps it."},
		view.Field{Name: "least", Label: "Least", Value: number(o.Least), InputMode: "numeric", Help: "Of a quantity."},
		view.Field{Name: "most", Label: "Most", Value: number(o.Most), InputMode: "numeric", Help: "Of a quantity."},
		view.Field{Name: "step", Label: "Step", Value: number(max(o.Step, 1)), InputMode: "numeric"},
		view.Field{Name: "unit", Label: "Unit", Value: o.Unit, MaxLength: 20, Optional: true, Placeholder: "GB"},
		view.Field{Name: "field", Label: "Field of the panel that it fills", Kind: view.Select, Value: o.Field, Options: fields},
		view.Field{Name: "sort", Label: "Place", Value: strconv.Itoa(o.Sort), InputMode: "numeric", Help: "Lower comes first."},
		view.Field{Name: "needed", Label: "Must be answered", Kind: view.Check, Value: check(o.Needed)},
		view.Field{Name: "changeable", Label: "The customer may change it later", Kind: view.Check, Value: check(o.Changeable)})
	f.Columns, f.Cancel = 2, "/catalog/products/"+string(p.ID)
	return f
}

// optionOf is the option of the address, or a new one of the product of the address.
func (s *Site) optionOf(c echo.Context) (catalog.Option, catalog.Product, error) {
	if strings.HasPrefix(c.Request().URL.Path, "/catalog/products/") {
		p, _, err := s.productOf(c)
		return catalog.Option{Product: p.ID, Kind: catalog.Choices, Most: 10, Step: 1, Changeable: true, Needed: true}, p, err
	}
	id, err := param[ids.Option](c)
	if err != nil {
		return catalog.Option{}, catalog.Product{}, err
	}
	shop, err := s.Catalog.Shop(c.Request().Context())
	if err != nil {
		return catalog.Option{}, catalog.Product{}, err
	}
	o, ok := shop.Option(id)
	if !ok {
		return o, catalog.Product{}, catalog.ErrOptionNotFound
	}
	p, _ := shop.Product(o.Product)
	return o, p, nil
}

func drawOption(c echo.Context, status int, o catalog.Option, p catalog.Product, f *view.Form) error {
	page := &optionPage{Page: view.Page{Title: "New option", Current: "/catalog", Crumbs: []view.Link{{Label: "Catalog", Link: "/catalog"}, {Label: p.Name, Link: "/catalog/products/" + string(p.ID)}}, Failed: !f.OK()}, Form: f}
	if o.ID != "" {
		page.Title = "Option " + o.Label
		page.Drop = &view.Confirm{Label: "Take out of the shop", Title: "Take " + o.Label + " out of the shop?", Text: "It is no longer offered and its prices end. Who has it keeps it.", Action: "/catalog/options/" + string(o.ID) + "/drop", Submit: "Take out " + o.Label, Danger: true}
	}
	return view.Render(c, status, "admin/option.html", page)
}

func (s *Site) askOption(c echo.Context) error {
	o, p, err := s.optionOf(c)
	if err != nil {
		return err
	}
	return drawOption(c, http.StatusOK, o, p, s.optionForm(o, p))
}

func (s *Site) saveOption(c echo.Context) error {
	o, p, err := s.optionOf(c)
	if err != nil {
		return err
	}
	f := s.optionForm(o, p)
	f.Read(c)
	o.Label, o.Help, o.Unit, o.Field, o.Kind = f.Get("label"), f.Get("help"), f.Get("unit"), f.Get("field"), catalog.OptionKind(f.Get("kind"))
	o.Needed, o.Changeable = f.Get("needed") == "1", f.Get("changeable") == "1"
	o.Sort, o.Least, o.Most, o.Step = int(wholeOf(f, "sort")), wholeOf(f, "least"), wholeOf(f, "most"), wholeOf(f, "step")
	o.Choices = readChoices(f.Get("choices"), o.Choices)
	if f.OK() {
		_, err = s.Catalog.SaveOption(c.Request().Context(), o)
	}
	if f.Failed(err) {
		return drawOption(c, http.StatusUnprocessableEntity, o, p, f)
	}
	if err != nil {
		return err
	}
	return done(c, "/catalog/products/"+string(p.ID), "Saved. Prices of the option are on this page.")
}

// readChoices reads "value = label" by the line. A value that there was keeps its ID, and so its prices.
func readChoices(text string, before []catalog.Choice) []catalog.Choice {
	var out []catalog.Choice
	for i, line := range lines(text) {
		value, label, found := strings.Cut(line, "=")
		ch := catalog.Choice{Value: strings.TrimSpace(value), Label: strings.TrimSpace(label), Sort: i}
		if !found {
			ch.Label = ch.Value
		}
		if at := slices.IndexFunc(before, func(b catalog.Choice) bool { return b.Value == ch.Value }); at >= 0 {
			ch.ID = before[at].ID
		}
		out = append(out, ch)
	}
	return out
}

func (s *Site) dropOption(c echo.Context) error {
	o, p, err := s.optionOf(c)
	if err != nil {
		return err
	}
	return outcome(c, "/catalog/products/"+string(p.ID), o.Label+" is out of the shop.", s.Catalog.DropOption(c.Request().Context(), o.ID))
}

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
