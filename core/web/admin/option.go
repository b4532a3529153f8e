package admin

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/core/web/view"
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
