package admin

import (
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/money"
)

func (s *Site) catalogRoutes() []route.Route {
	return []route.Route{
		get("/catalog", s.catalog, auth.CatalogSee),
		get("/catalog/groups/new", s.askGroup, auth.CatalogEdit),
		post("/catalog/groups/new", s.saveGroup, auth.CatalogEdit),
		get("/catalog/groups/:id", s.askGroup, auth.CatalogEdit),
		post("/catalog/groups/:id", s.saveGroup, auth.CatalogEdit),
		get("/catalog/currencies", s.currencies, auth.CatalogSee),
		post("/catalog/currencies", s.saveCurrency, auth.CatalogEdit),
		post("/catalog/rates", s.saveRate, auth.CatalogEdit),

		get("/catalog/products/new", s.askProduct, auth.CatalogEdit),
		post("/catalog/products/new", s.saveProduct, auth.CatalogEdit),
		get("/catalog/products/:id", s.product, auth.CatalogSee),
		get("/catalog/products/:id/edit", s.askProduct, auth.CatalogEdit),
		post("/catalog/products/:id/edit", s.saveProduct, auth.CatalogEdit),
		get("/catalog/products/:id/stock", s.askStock, auth.CatalogEdit),
		post("/catalog/products/:id/stock", s.saveStock, auth.CatalogEdit),

		get("/catalog/products/:id/option", s.askOption, auth.CatalogEdit),
		post("/catalog/products/:id/option", s.saveOption, auth.CatalogEdit),
		get("/catalog/options/:id", s.askOption, auth.CatalogEdit),
		post("/catalog/options/:id", s.saveOption, auth.CatalogEdit),
		post("/catalog/options/:id/drop", s.dropOption, auth.CatalogEdit),

		get("/catalog/prices/new", s.askPrice, auth.CatalogEdit),
		post("/catalog/prices/new", s.savePrice, auth.CatalogEdit),
		post("/catalog/prices/:id/close", s.closePrice, auth.CatalogEdit),
	}
}

// catalogPage lists what is sold, by group.
type catalogPage struct {
	view.Page
	Tabs    []view.Tab
	Actions []view.Action
	Groups  []groupRow
	CanEdit bool
}

// groupRow is a group with its products.
type groupRow struct {
	ID, Name, Kind, Slug string
	Hidden               bool
	Products             []productRow
}

// productRow is a product in a list.
type productRow struct {
	Link, Name, Slug, State string
	Panel                   string // instance; "" is set up by hand
	PanelState              string // "" where there is none
	Stock                   string // "no limit", "12 left", "sold out"
	Low                     bool
	Setup                   string
	From                    []money.Amount // the lowest price in each currency
	Marked                  bool
	Options                 int
}

func catalogTabs(on string) []view.Tab {
	tabs := []view.Tab{{Label: "Products", Link: "/catalog"}, {Label: "Currencies", Link: "/catalog/currencies"}}
	for i := range tabs {
		tabs[i].On = tabs[i].Link == on
	}
	return tabs
}

var setups = map[catalog.SetupPolicy]string{catalog.SetupOnOrder: "at once", catalog.SetupOnPayment: "when paid", catalog.SetupOnApproval: "when staff accepts", catalog.SetupManual: "by hand"}

// stockText says how many are left.
func stockText(free *int64) string {
	switch {
	case free == nil:
		return "no limit"
	case *free <= 0:
		return "sold out"
	}
	return count(*free) + " left"
}

func (s *Site) catalog(c echo.Context) error {
	shop, err := s.Catalog.Shop(c.Request().Context())
	if err != nil {
		return err
	}
	now := s.Clock.Now()
	page := &catalogPage{Page: view.Page{Title: "Catalog", Current: "/catalog"}, Tabs: catalogTabs("/catalog"), CanEdit: can(c, auth.CatalogEdit)}
	if page.CanEdit {
		page.Actions = []view.Action{{Label: "New group", Link: "/catalog/groups/new", Icon: "plus"}}
		if len(shop.AllGroups()) > 0 {
			page.Actions = append(page.Actions, view.Action{Label: "New product", Link: "/catalog/products/new", Icon: "plus", Primary: true, Key: "n"})
		}
	}
	states := s.instanceStates()
	for _, g := range shop.AllGroups() {
		row := groupRow{ID: string(g.ID), Name: g.Name, Kind: g.Kind, Slug: g.Slug, Hidden: g.Hidden}
		for _, p := range shop.AllProducts(g.ID) {
			pr := productRow{Link: "/catalog/products/" + string(p.ID), Name: p.Name, Slug: p.Slug, State: string(p.Status), Panel: p.Panel, PanelState: states[p.Panel], Stock: stockText(p.Free),
				Low: p.Free != nil && *p.Free < 3, Setup: setups[p.Setup], Marked: p.Marked, Options: len(shop.Options(p.ID)), From: lowest(shop, p.ID, now)}
			if p.Panel != "" && pr.PanelState == "" {
				pr.PanelState = "unknown"
			}
			row.Products = append(row.Products, pr)
		}
		page.Groups = append(page.Groups, row)
	}
	return view.Render(c, http.StatusOK, "admin/catalog.html", page)
}

// instanceStates are the states of plugin instances by label; none without a host.
func (s *Site) instanceStates() map[string]string {
	out := map[string]string{}
	if s.Plugins == nil {
		return out
	}
	for _, i := range s.Plugins.Instances("") {
		out[i.Label] = i.State
	}
	return out
}

// lowest is the lowest price of a product in each currency, in its shortest cycle.
func lowest(shop *catalog.Shop, id ids.Product, at time.Time) []money.Amount {
	var out []money.Amount
	for _, cur := range shop.Currencies() {
		for _, cy := range shop.Cycles(id, cur.Code, at) {
			if p, ok := shop.Price(string(id), cy, cur.Code, at); ok {
				out = append(out, money.Of(p.Amount, cur.Code))
				break
			}
		}
	}
	return out
}

func groupForm(g catalog.Group) *view.Form {
	action := "/catalog/groups/new"
	if g.ID != "" {
		action = "/catalog/groups/" + string(g.ID)
	}
	f := view.NewForm(action, "Save group",
		view.Field{Name: "name", Label: "Name", Value: g.Name, MaxLength: 80, Focus: true},
		view.Field{Name: "slug", Label: "Address", Value: g.Slug, MaxLength: 60, Help: "Small letters, digits and hyphens: /vps. Links to it break when it changes."},
		view.Field{Name: "kind", Label: "Kind", Kind: view.Select, Value: g.Kind, Options: []view.Choice{{Value: "vps", Label: "VPS"}, {Value: "dedicated", Label: "Dedicated servers"}, {Value: "hosting", Label: "Web hosting"}, {Value: "game", Label: "Game servers"}, {Value: "other", Label: "Other"}}},
		view.Field{Name: "sort", Label: "Place in the menu", Value: strconv.Itoa(g.Sort), InputMode: "numeric", Help: "Lower comes first."},
		view.Field{Name: "headline", Label: "Headline", Value: g.Headline, MaxLength: 190, Optional: true, Wide: true},
		view.Field{Name: "body", Label: "Text", Kind: view.Textarea, Value: g.Body, Optional: true, Rows: 8, Wide: true, Help: "Markdown, under the products."},
		view.Field{Name: "hidden", Label: "Not in menus; its page can still be visited", Kind: view.Check, Value: check(g.Hidden), Wide: true})
	f.Columns, f.Cancel = 2, "/catalog"
	return f
}

// groupOf reads the group of the address; without one it is a new group.
func (s *Site) groupOf(c echo.Context) (catalog.Group, view.Page, error) {
	page := view.Page{Title: "New group", Current: "/catalog", Crumbs: []view.Link{{Label: "Catalog", Link: "/catalog"}}}
	if c.Param("id") == "" {
		return catalog.Group{Kind: "vps"}, page, nil
	}
	id, err := param[ids.Group](c)
	if err != nil {
		return catalog.Group{}, page, err
	}
	shop, err := s.Catalog.Shop(c.Request().Context())
	if err != nil {
		return catalog.Group{}, page, err
	}
	g, ok := shop.GroupByID(id)
	if !ok {
		return g, page, catalog.ErrGroupNotFound
	}
	page.Title = g.Name
	return g, page, nil
}

func (s *Site) askGroup(c echo.Context) error {
	g, page, err := s.groupOf(c)
	if err != nil {
		return err
	}
	return formPage(c, http.StatusOK, page, groupForm(g))
}

func (s *Site) saveGroup(c echo.Context) error {
	g, page, err := s.groupOf(c)
	if err != nil {
		return err
	}
	f := groupForm(g)
	f.Read(c)
	g.Name, g.Slug, g.Kind, g.Headline, g.Body, g.Hidden = f.Get("name"), f.Get("slug"), f.Get("kind"), f.Get("headline"), f.Get("body"), f.Get("hidden") == "1"
	g.Sort = int(wholeOf(f, "sort"))
	if f.OK() {
		_, err = s.Catalog.SaveGroup(c.Request().Context(), g)
	}
	if f.Failed(err) {
		return formPage(c, http.StatusUnprocessableEntity, page, f)
	}
	if err != nil {
		return err
	}
	return done(c, "/catalog", "Saved.")
}

// cyclesOffered are the cycles of the form for a price.
func cyclesOffered(now period.Cycle) []view.Choice {
	var out []view.Choice
	found := now == (period.Cycle{})
	for _, cy := range usualCycles {
		out = append(out, view.Choice{Value: cy.String(), Label: title(cycleText(cy))})
		found = found || cy == now
	}
	if !found {
		out = append(out, view.Choice{Value: now.String(), Label: title(cycleText(now))})
	}
	return out
}
