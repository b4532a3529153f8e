package admin

import (
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/platform/settings"
	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/core/sales/coupon"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/money"
)

func (s *Site) couponsRoutes() []route.Route {
	return []route.Route{
		get("/coupons", s.coupons, auth.CouponSee),
		get("/coupons/new", s.newCoupon, auth.CouponEdit),
		post("/coupons/new", s.saveCoupon, auth.CouponEdit),
		get("/coupons/:id", s.coupon, auth.CouponSee),
		get("/coupons/:id/edit", s.editCoupon, auth.CouponEdit),
		post("/coupons/:id/edit", s.saveCoupon, auth.CouponEdit),
	}
}

// couponsPage lists discount codes.
type couponsPage struct {
	view.Page
	Actions []view.Action
	Tabs    []view.Tab
	List    view.Toolbar
	Rows    []couponRow
	Pager   view.Pager
	Empty   emptyText
}

// couponRow is a discount code.
type couponRow struct {
	Link, Code, Worth string
	For, Who, Note    string
	State, Used       string
	From, To          time.Time
}

func couponState(cp coupon.Coupon, now time.Time) string {
	switch {
	case now.Before(cp.From):
		return "early"
	case !cp.To.IsZero() && !now.Before(cp.To):
		return "over"
	case cp.MaxUses != nil && cp.Used >= *cp.MaxUses:
		return "used_up"
	}
	return "live"
}

// worth says what a code takes off.
func worth(cp coupon.Coupon) string {
	switch cp.Kind {
	case coupon.Percent:
		return percent(cp.RatePPM) + " off"
	case coupon.Fixed:
		return money.Of(cp.AmountMinor, cp.Currency).String() + " off"
	case coupon.Price:
		return "costs " + money.Of(cp.AmountMinor, cp.Currency).String()
	}
	return "no set-up fee"
}

// serving says for how long it serves a service.
func serving(cp coupon.Coupon) string {
	if cp.Terms == 0 {
		return "for ever"
	}
	return "for " + many(cp.Terms, "term", "terms")
}

var whos = map[string]string{coupon.Anybody: "everybody", coupon.NewOnly: "new customers", coupon.Existing: "customers who have a service"}

func usedText(cp coupon.Coupon) string {
	if cp.MaxUses == nil {
		return count(cp.Used)
	}
	return count(cp.Used) + " of " + count(*cp.MaxUses)
}

func (s *Site) coupons(c echo.Context) error {
	ctx, a := c.Request().Context(), ask(c)
	now := s.Clock.Now()
	f := coupon.Filter{Query: a.search(), Sort: one(a, "sort", "newest", "code"), After: a.after()}
	if a.get("state") == "live" {
		f.ValidAt = now
	}
	list, err := s.Coupons.List(ctx, f)
	if err != nil {
		return err
	}
	page := &couponsPage{Page: view.Page{Title: "Coupons", Current: "/coupons"}, Tabs: []view.Tab{a.tab("All", "state", "", 0), a.tab("In force", "state", "live", 0)},
		List: a.toolbar("Code", nil, []view.Choice{{Value: "newest", Label: "Newest first"}, {Value: "code", Label: "By code"}}, "state"), Pager: a.pager(list.Next, len(list.List), list.Total),
		Empty: emptyText{"No coupons", "A code takes a percentage, an amount or the set-up fee off."}}
	if can(c, auth.CouponEdit) {
		page.Actions = []view.Action{{Label: "New coupon", Link: "/coupons/new", Icon: "plus", Primary: true, Key: "n"}}
	}
	for _, cp := range list.List {
		page.Rows = append(page.Rows, couponRow{Link: "/coupons/" + string(cp.ID), Code: cp.Code, Worth: worth(cp), For: serving(cp), Who: whos[cp.Rules.Who], Note: cp.Rules.Note,
			State: couponState(cp, now), Used: usedText(cp), From: cp.From, To: cp.To})
	}
	return view.Render(c, http.StatusOK, "admin/coupons.html", page)
}

// couponPage is a code with those who used it.
type couponPage struct {
	view.Page
	State   string
	Actions []view.Action
	Facts   []view.Fact
	Uses    []useRow
	Pager   view.Pager
}

// useRow is one use of a code, by one service.
type useRow struct {
	Customer, To        string
	Order, Subscription string // addresses, "" for none
	State, Left         string
	Share               money.Amount
	HasShare            bool
	At                  time.Time
}

func (s *Site) coupon(c echo.Context) error {
	ctx, a := c.Request().Context(), ask(c)
	id, err := param[ids.Coupon](c)
	if err != nil {
		return err
	}
	cp, err := s.Coupons.Get(ctx, id)
	if err != nil {
		return err
	}
	uses, err := s.Coupons.Uses(ctx, coupon.UseFilter{Coupon: id, After: a.after()})
	if err != nil {
		return err
	}
	names, err := s.names(ctx, pick(uses.List, func(u coupon.Redemption) ids.Customer { return u.Customer }))
	if err != nil {
		return err
	}
	shop, err := s.Catalog.Shop(ctx)
	if err != nil {
		return err
	}
	page := &couponPage{Page: view.Page{Title: cp.Code, Sub: title(worth(cp)) + ", " + serving(cp), Current: "/coupons", Crumbs: []view.Link{{Label: "Coupons", Link: "/coupons"}}},
		State: couponState(cp, s.Clock.Now()), Pager: a.pager(uses.Next, len(uses.List), uses.Total)}
	if can(c, auth.CouponEdit) {
		page.Actions = []view.Action{{Label: "Edit", Link: "/coupons/" + string(id) + "/edit", Icon: "pencil", Key: "e"}}
	}
	page.Facts = couponFacts(cp, shop)
	for _, u := range uses.List {
		row := useRow{State: string(u.State), At: u.At, Share: money.Of(u.ShareMinor, cp.Currency), HasShare: u.ShareMinor != 0, Order: "/orders/" + string(u.Order)}
		row.Customer, row.To = owner(names, u.Customer)
		if u.Subscription != "" {
			row.Subscription = "/services/" + string(u.Subscription)
		}
		switch {
		case u.TermsLeft < 0:
			row.Left = "for ever"
		case u.TermsLeft == 0:
			row.Left = "none"
		default:
			row.Left = many(u.TermsLeft, "term", "terms")
		}
		page.Uses = append(page.Uses, row)
	}
	return view.Render(c, http.StatusOK, "admin/coupon.html", page)
}

func couponFacts(cp coupon.Coupon, shop *catalog.Shop) []view.Fact {
	products := "Every product"
	if len(cp.Rules.Products) > 0 {
		products = productNames(shop, cp.Rules.Products)
	}
	cycles := "Every cycle"
	for i, text := range cp.Rules.Cycles {
		if i == 0 {
			cycles = ""
		} else {
			cycles += ", "
		}
		if cy, err := period.ParseCycle(text); err == nil {
			cycles += cycleText(cy)
		}
	}
	out := []view.Fact{{Label: "Takes off", Value: worth(cp)}, {Label: "Serves", Value: serving(cp)}, {Label: "Who", Value: title(whos[cp.Rules.Who])}, {Label: "Products", Value: products}, {Label: "Cycles", Value: cycles},
		{Label: "Used", Value: usedText(cp)}, {Label: "Once per customer", Value: yesno(cp.OncePerCustomer, "yes", "no")}, {Label: "From", Value: cp.From}, {Label: "Until", Value: cp.To}}
	if len(cp.Rules.Needs) > 0 {
		out = append(out, view.Fact{Label: "Needs one of", Value: productNames(shop, cp.Rules.Needs)})
	}
	if cp.Rules.Note != "" {
		out = append(out, view.Fact{Label: "Note", Value: cp.Rules.Note})
	}
	return out
}

func productNames(shop *catalog.Shop, set []ids.Product) string {
	text := ""
	for i, id := range set {
		if i > 0 {
			text += ", "
		}
		text += productName(shop, id)
	}
	return text
}

// usualCycles are those that a coupon can be narrowed to.
var usualCycles = []period.Cycle{period.Monthly, period.Quarterly, period.Semiannually, period.Annually, period.Biennially, period.Triennially, period.OneTime}

// manyField is a set of ticks under one name.
type manyField struct {
	Label, Help, Name string
	Options           []tick
}

// tick is one of them.
type tick struct {
	Value, Label string
	On           bool
}

// couponFormPage is the form of a code.
type couponFormPage struct {
	view.Page
	Form *view.Form
	Sets []manyField // products, cycles, products that are needed
}

func (s *Site) couponForm(cp coupon.Coupon, set settings.Settings) *view.Form {
	action, submit := "/coupons/new", "Save coupon"
	if cp.ID != "" {
		action = "/coupons/" + string(cp.ID) + "/edit"
	}
	var codes []view.Choice
	for _, code := range set.Sales.Currencies {
		codes = append(codes, view.Choice{Value: code, Label: code})
	}
	currency := cp.Currency
	if currency == "" {
		currency = set.Sales.DefaultCurrency
	}
	most, terms := "", strconv.Itoa(cp.Terms)
	if cp.MaxUses != nil {
		most = strconv.FormatInt(*cp.MaxUses, 10)
	}
	f := view.NewForm(action, submit,
		view.Field{Name: "code", Label: "Code", Value: cp.Code, MaxLength: 80, Focus: true, Help: "Capital or small letters and spaces do not matter.", Group: "The code"},
		view.Field{Name: "note", Label: "Note for staff", Value: cp.Rules.Note, Optional: true, MaxLength: 2000},
		view.Field{Name: "kind", Label: "What it does", Kind: view.Select, Value: string(cp.Kind), Options: []view.Choice{{Value: "percent", Label: "A percentage off"}, {Value: "fixed", Label: "An amount off the order"},
			{Value: "price", Label: "A price instead of the list's"}, {Value: "free_setup", Label: "No set-up fee"}}, Group: "What it takes off", GroupHelp: "Cannot change once somebody has used it."},
		view.Field{Name: "rate", Label: "Percentage", Value: trimPercent(cp.RatePPM), InputMode: "decimal", Optional: true, Help: "With a percentage off."},
		view.Field{Name: "amount", Label: "Amount", Value: money.Of(cp.AmountMinor, currency).Decimal(), InputMode: "decimal", Optional: true, Help: "With an amount off, or a price."},
		view.Field{Name: "currency", Label: "Currency of the amount", Kind: view.Select, Value: currency, Options: codes},
		view.Field{Name: "terms", Label: "Serves so many terms", Value: terms, InputMode: "numeric", Help: "The first one included; 0 is for ever."},
		view.Field{Name: "who", Label: "Who may use it", Kind: view.Select, Value: cp.Rules.Who, Options: []view.Choice{{Value: "any", Label: "Everybody"}, {Value: "new", Label: "New customers"}, {Value: "existing", Label: "Customers who have a service"}},
			Group: "Who, when, how often"},
		view.Field{Name: "max_uses", Label: "Uses in all", Value: most, InputMode: "numeric", Optional: true, Help: "Empty is any number. It holds also when many order at once."},
		view.Field{Name: "from", Label: "From", Kind: view.Date, Value: dated(cp.From, set.Location()), Optional: true, Help: "Empty is now."},
		view.Field{Name: "to", Label: "Until, that day not included", Kind: view.Date, Value: dated(cp.To, set.Location()), Optional: true},
		view.Field{Name: "once", Label: "Once per customer", Kind: view.Check, Value: check(cp.OncePerCustomer)},
		view.Field{Name: "version", Kind: view.Hidden, Value: strconv.FormatInt(cp.Version, 10)})
	f.Columns, f.Cancel = 2, "/coupons"
	return f
}

func trimPercent(ppm int64) string {
	if ppm == 0 {
		return ""
	}
	text := percent(ppm)
	return text[:len(text)-2]
}

// sets are the ticks of a coupon's form.
func couponSets(shop *catalog.Shop, r coupon.Rules) []manyField {
	on := func(list []ids.Product, id ids.Product) bool {
		for _, x := range list {
			if x == id {
				return true
			}
		}
		return false
	}
	products := manyField{Label: "Products", Help: "None ticked is all of them.", Name: "products"}
	needs := manyField{Label: "Needs one of", Help: "In the cart, or had already. None ticked needs nothing.", Name: "needs"}
	cycles := manyField{Label: "Cycles", Help: "None ticked is all of them.", Name: "cycles"}
	for _, g := range shop.AllGroups() {
		for _, p := range shop.AllProducts(g.ID) {
			if p.Status == catalog.Archived && !on(r.Products, p.ID) && !on(r.Needs, p.ID) {
				continue
			}
			products.Options = append(products.Options, tick{string(p.ID), p.Name, on(r.Products, p.ID)})
			needs.Options = append(needs.Options, tick{string(p.ID), p.Name, on(r.Needs, p.ID)})
		}
	}
	for _, cy := range usualCycles {
		t := tick{Value: cy.String(), Label: title(cycleText(cy))}
		for _, text := range r.Cycles {
			t.On = t.On || text == t.Value
		}
		cycles.Options = append(cycles.Options, t)
	}
	return []manyField{products, cycles, needs}
}

func (s *Site) newCoupon(c echo.Context) error {
	return s.drawCoupon(c, http.StatusOK, coupon.Coupon{Kind: coupon.Percent, Terms: 1, Rules: coupon.Rules{Who: coupon.Anybody}}, nil)
}

func (s *Site) editCoupon(c echo.Context) error {
	id, err := param[ids.Coupon](c)
	if err != nil {
		return err
	}
	cp, err := s.Coupons.Get(c.Request().Context(), id)
	if err != nil {
		return err
	}
	return s.drawCoupon(c, http.StatusOK, cp, nil)
}

func (s *Site) drawCoupon(c echo.Context, status int, cp coupon.Coupon, f *view.Form) error {
	ctx := c.Request().Context()
	_, set, err := s.today(ctx)
	if err != nil {
		return err
	}
	shop, err := s.Catalog.Shop(ctx)
	if err != nil {
		return err
	}
	page := &couponFormPage{Page: view.Page{Title: "New coupon", Current: "/coupons", Crumbs: []view.Link{{Label: "Coupons", Link: "/coupons"}}}, Form: f, Sets: couponSets(shop, cp.Rules)}
	if cp.ID != "" {
		page.Title = "Edit " + cp.Code
	}
	if f == nil {
		page.Form = s.couponForm(cp, set)
	}
	page.Failed = !page.Form.OK()
	return view.Render(c, status, "admin/coupon-form.html", page)
}

func (s *Site) saveCoupon(c echo.Context) error {
	ctx := c.Request().Context()
	var cp coupon.Coupon
	if c.Param("id") != "" {
		id, err := param[ids.Coupon](c)
		if err != nil {
			return err
		}
		if cp, err = s.Coupons.Get(ctx, id); err != nil {
			return err
		}
	}
	_, set, err := s.today(ctx)
	if err != nil {
		return err
	}
	f := s.couponForm(cp, set)
	f.Read(c)
	readCoupon(c, f, &cp, set)
	if f.OK() {
		cp, err = s.Coupons.Save(ctx, cp)
	}
	if f.Failed(err) {
		return s.drawCoupon(c, http.StatusUnprocessableEntity, cp, f)
	}
	if err != nil {
		return err
	}
	return done(c, "/coupons/"+string(cp.ID), "Saved.")
}

// readCoupon takes over what was typed.
func readCoupon(c echo.Context, f *view.Form, cp *coupon.Coupon, set settings.Settings) {
	cp.Code, cp.Kind, cp.Terms, cp.OncePerCustomer = f.Get("code"), coupon.Kind(f.Get("kind")), int(wholeOf(f, "terms")), f.Get("once") == "1"
	switch cp.Kind {
	case coupon.Percent:
		cp.RatePPM = ppmOf(f, "rate")
	case coupon.Fixed, coupon.Price:
		cp.Currency = f.Get("currency")
		cp.AmountMinor = amountOf(f, "amount", cp.Currency).Minor()
	}
	cp.MaxUses = nil
	if f.Get("max_uses") != "" {
		n := wholeOf(f, "max_uses")
		cp.MaxUses = &n
	}
	cp.From, cp.To = startOf(f, "from", cp.From, set.Location()), startOf(f, "to", cp.To, set.Location())
	cp.Version, _ = strconv.ParseInt(f.Get("version"), 10, 64)
	form, _ := c.FormParams()
	cp.Rules = coupon.Rules{Who: f.Get("who"), Note: f.Get("note"), Cycles: form["cycles"], Products: parsed[ids.Product](form["products"]), Needs: parsed[ids.Product](form["needs"])}
}

// parsed are the IDs among some texts.
func parsed[T ids.Kind](texts []string) []T {
	var out []T
	for _, text := range texts {
		if id, err := ids.Parse[T](text); err == nil {
			out = append(out, id)
		}
	}
	return out
}
