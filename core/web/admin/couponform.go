package admin

import (
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/platform/settings"
	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/core/sales/coupon"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/money"
)

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
