package admin

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/billing/dunning"
	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/core/web/view"
)

// productFormPage is the form of a product. What its panel asks for is part of it.
type productFormPage struct {
	view.Page
	Form   *view.Form
	Fields []panelField
	Panel  string // instance whose fields are drawn, "" none
	Note   string // what is wrong with the panel; "" nothing
}

func (s *Site) productForm(p catalog.Product, shop *catalog.Shop, ladders []dunning.Named) *view.Form {
	action := "/catalog/products/new"
	if p.ID != "" {
		action = "/catalog/products/" + string(p.ID) + "/edit"
	}
	var groups []view.Choice
	for _, g := range shop.AllGroups() {
		groups = append(groups, view.Choice{Value: string(g.ID), Label: g.Name})
	}
	panels := []view.Choice{{Value: "", Label: "None: set up by hand"}}
	known := p.Panel == ""
	if s.Plugins != nil {
		for _, i := range s.Plugins.Instances("panel") {
			panels = append(panels, view.Choice{Value: i.Label, Label: i.Label + ", " + strings.ToLower(view.Label("plugin", i.State))})
			known = known || i.Label == p.Panel
		}
	}
	if !known {
		panels = append(panels, view.Choice{Value: p.Panel, Label: p.Panel + ", not in plugins.hcl now"})
	}
	schedule := []view.Choice{{Value: "", Label: "The usual one"}}
	for _, l := range ladders {
		schedule = append(schedule, view.Choice{Value: string(l.ID), Label: l.Name})
	}
	states := []view.Choice{{Value: string(catalog.Public), Label: "Public"}, {Value: string(catalog.Hidden), Label: "Hidden: for those who know its address"}, {Value: string(catalog.Archived), Label: "Archived: no longer sold, kept by who has it"}}
	number := func(n int) string { return strconv.Itoa(n) }
	f := view.NewForm(action, "Save product",
		view.Field{Name: "name", Label: "Name", Value: p.Name, MaxLength: 80, Focus: true, Group: "In the shop"},
		view.Field{Name: "slug", Label: "Address", Value: p.Slug, MaxLength: 60, Help: "Small letters, digits and hyphens: vps-8."},
		view.Field{Name: "group", Label: "Group", Kind: view.Select, Value: string(p.Group), Options: groups},
		view.Field{Name: "status", Label: "Who sees it", Kind: view.Select, Value: string(p.Status), Options: states},
		view.Field{Name: "tagline", Label: "One line about it", Value: p.Tagline, MaxLength: 190, Optional: true, Wide: true},
		view.Field{Name: "features", Label: "Features", Kind: view.Textarea, Value: strings.Join(p.Features, "\n"), Rows: 5, Optional: true, Wide: true, Help: "One a line."},
		view.Field{Name: "sort", Label: "Place in its group", Value: number(p.Sort), InputMode: "numeric", Help: "Lower comes first."},
		view.Field{Name: "marked", Label: "Shown as the one to take", Kind: view.Check, Value: check(p.Marked)},
		view.Field{Name: "setup", Label: "Set up", Kind: view.Select, Value: string(p.Setup), Options: []view.Choice{{Value: "payment", Label: "When it is paid"}, {Value: "order", Label: "At once"}, {Value: "approval", Label: "When staff accepts"}, {Value: "manual", Label: "By hand"}}, Group: "How it is sold"},
		view.Field{Name: "change", Label: "Changes of plan", Kind: view.Select, Value: p.Change, Options: []view.Choice{{Value: "real_days", Label: "Charged by real days"}, {Value: "full_difference", Label: "The full difference"}, {Value: "at_renewal", Label: "At renewal"}, {Value: "restart_cycle", Label: "The cycle begins anew"}}},
		view.Field{Name: "tax_class", Label: "Tax class", Value: p.TaxClass, MaxLength: 24, Help: "A word of the tax table: standard."},
		view.Field{Name: "ladder", Label: "Reminders and suspension", Kind: view.Select, Value: string(p.Ladder), Options: schedule},
		view.Field{Name: "customer_limit", Label: "Limit per customer", Value: number(p.CustomerLimit), InputMode: "numeric", Help: "0 is no limit."},
		view.Field{Name: "trial_days", Label: "Days of trial", Value: number(p.TrialDays), InputMode: "numeric", Help: "0 is none."},
		view.Field{Name: "anchored_day", Label: "Day of the month on which terms begin", Value: number(p.AnchoredDay), InputMode: "numeric", Help: "0 is the day of the order."},
		view.Field{Name: "join_days", Label: "Join a first part shorter than", Value: number(p.JoinDays), InputMode: "numeric", Help: "Days: it is billed together with the first term."},
		view.Field{Name: "panel", Label: "Panel", Kind: view.Select, Value: p.Panel, Options: panels, Group: "Where it is made", GroupHelp: "Who has the product already stays where it is."},
		view.Field{Name: "version", Kind: view.Hidden, Value: strconv.FormatInt(p.Version, 10)})
	f.Columns, f.Cancel = 2, "/catalog"
	if p.ID != "" {
		f.Cancel = "/catalog/products/" + string(p.ID)
	}
	return f
}

// startProduct is the product of the address, or a new one.
func (s *Site) startProduct(c echo.Context) (catalog.Product, *catalog.Shop, error) {
	if c.Param("id") != "" {
		return s.productOf(c)
	}
	shop, err := s.Catalog.Shop(c.Request().Context())
	p := catalog.Product{Status: catalog.Hidden, Setup: catalog.SetupOnPayment, Change: "real_days", TaxClass: "standard"}
	p.Group, _ = ids.Parse[ids.Group](c.QueryParam("group"))
	return p, shop, err
}

func (s *Site) askProduct(c echo.Context) error {
	p, shop, err := s.startProduct(c)
	if err != nil {
		return err
	}
	return s.drawProduct(c, http.StatusOK, p, shop, nil, nil)
}

// drawProduct draws the form. f and fields are what was typed, nil for what is stored.
func (s *Site) drawProduct(c echo.Context, status int, p catalog.Product, shop *catalog.Shop, f *view.Form, fields *panelForm) error {
	ctx := c.Request().Context()
	if f == nil {
		ladders, err := s.Dunning.NamedLadders(ctx)
		if err != nil {
			return err
		}
		f = s.productForm(p, shop, ladders)
	}
	if fields == nil {
		fields = s.panelFields(ctx, p.Panel, p.Values)
	}
	page := &productFormPage{Page: view.Page{Title: "New product", Current: "/catalog", Crumbs: []view.Link{{Label: "Catalog", Link: "/catalog"}}}, Form: f, Fields: fields.fields, Panel: fields.panel, Note: fields.note}
	if p.ID != "" {
		page.Title = "Edit " + p.Name
	}
	fields.mark(f)
	page.Failed = !f.OK()
	return view.Render(c, status, "admin/product-form.html", page)
}

func (s *Site) saveProduct(c echo.Context) error {
	ctx := c.Request().Context()
	p, shop, err := s.startProduct(c)
	if err != nil {
		return err
	}
	ladders, err := s.Dunning.NamedLadders(ctx)
	if err != nil {
		return err
	}
	f := s.productForm(p, shop, ladders)
	f.Read(c)
	readProduct(f, &p)
	fields := s.panelFields(ctx, p.Panel, p.Values)
	if c.FormValue("drawn") == p.Panel { // else the fields on the page were another panel's
		fields.read(c)
	}
	if c.FormValue("look") != "" {
		for _, field := range f.Fields {
			field.Error = ""
		}
		f.Problem = ""
		fields = s.panelFields(ctx, p.Panel, fields.values)
		return s.drawProduct(c, http.StatusOK, p, shop, f, fields)
	}
	p.Values = fields.check()
	if f.OK() && len(fields.wrong) == 0 {
		p, err = s.Catalog.SaveProduct(ctx, p)
	}
	if f.Failed(err) || len(fields.wrong) > 0 {
		return s.drawProduct(c, http.StatusUnprocessableEntity, p, shop, f, fields)
	}
	if err != nil {
		return err
	}
	return done(c, "/catalog/products/"+string(p.ID), "Saved. Who has the product keeps what was agreed.")
}

// readProduct takes over what was typed.
func readProduct(f *view.Form, p *catalog.Product) {
	p.Name, p.Slug, p.Tagline, p.Features, p.TaxClass, p.Change, p.Panel = f.Get("name"), f.Get("slug"), f.Get("tagline"), lines(f.Get("features")), f.Get("tax_class"), f.Get("change"), f.Get("panel")
	p.Group, _ = ids.Parse[ids.Group](f.Get("group"))
	p.Status, p.Setup, p.Marked, p.Ladder = catalog.Status(f.Get("status")), catalog.SetupPolicy(f.Get("setup")), f.Get("marked") == "1", ids.Ladder(f.Get("ladder"))
	for name, to := range map[string]*int{"sort": &p.Sort, "customer_limit": &p.CustomerLimit, "trial_days": &p.TrialDays, "anchored_day": &p.AnchoredDay, "join_days": &p.JoinDays} {
		*to = int(wholeOf(f, name))
	}
	p.Version, _ = strconv.ParseInt(f.Get("version"), 10, 64)
}

func stockForm(p catalog.Product) *view.Form {
	value := ""
	if p.Free != nil {
		value = strconv.FormatInt(*p.Free, 10)
	}
	f := view.NewForm("/catalog/products/"+string(p.ID)+"/stock", "Set stock", view.Field{Name: "stock", Label: "How many are left", Value: value, InputMode: "numeric", Optional: true, Focus: true,
		Help: "Empty is no limit. Each order takes one, also when many order at once; an order that is cancelled gives it back."})
	f.Cancel = "/catalog/products/" + string(p.ID)
	return f
}

func stockPage(p catalog.Product) view.Page {
	return view.Page{Title: "Stock of " + p.Name, Sub: "Now: " + stockText(p.Free) + ".", Current: "/catalog", Crumbs: []view.Link{{Label: "Catalog", Link: "/catalog"}, {Label: p.Name, Link: "/catalog/products/" + string(p.ID)}}}
}

func (s *Site) askStock(c echo.Context) error {
	p, _, err := s.productOf(c)
	if err != nil {
		return err
	}
	return formPage(c, http.StatusOK, stockPage(p), stockForm(p))
}

func (s *Site) saveStock(c echo.Context) error {
	p, _, err := s.productOf(c)
	if err != nil {
		return err
	}
	f := stockForm(p)
	f.Read(c)
	var free *int64
	if f.Get("stock") != "" {
		n := wholeOf(f, "stock")
		free = &n
	}
	if f.OK() {
		err = s.Catalog.SetStock(c.Request().Context(), p.ID, free)
	}
	if f.Failed(err) {
		return formPage(c, http.StatusUnprocessableEntity, stockPage(p), f)
	}
	if err != nil {
		return err
	}
	return done(c, "/catalog/products/"+string(p.ID), "Stock: "+stockText(free)+".")
}
