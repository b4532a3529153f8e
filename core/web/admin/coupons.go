package admin

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/platform/auth"
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
