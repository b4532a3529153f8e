// Package storefront is the shop: what is sold, the cart, the checkout, and the page that follows an order until its
// services run. Pages that are the same for everybody are kept drawn; what is the visitor's (cart, name) comes beside
// them from visitor.go. Prices are asked of flow and the catalogue, never worked out here. Start at Routes; shop.go
// turns the catalogue into what pages show.
package storefront

import (
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/hosting/provision"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/platform/settings"
	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/core/sales/order"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
)

// Deps is what the site uses.
type Deps struct {
	Flow          *flow.Flow
	Catalog       *catalog.Service
	Settings      *settings.Service
	Customers     *customer.Service
	Orders        *order.Service
	Invoices      *invoice.Service
	Payments      *payment.Service
	Subscriptions *subscription.Service
	Provision     *provision.Service
	Auth          *auth.Service
	Clock         clock.Clock
	Links         view.Sites
	Secure        bool // cookies only over TLS
	Log           *slog.Logger
}

// keptPages is how many drawn pages are kept: all of a large shop in a few currencies, cycles and languages.
const keptPages = 4000

// Site is the storefront.
type Site struct {
	Deps
	pages *view.Cache
	last  atomic.Pointer[standing]
}

// standing is what is the same for every visit until the catalogue, the settings or the minute change.
type standing struct {
	shop     *catalog.Shop
	settings int64
	minute   int64
	offered  []string
	version  string
}

// stand answers the currencies offered and the version of pages, worked out once a minute or change.
func (s *Site) stand(v visit) ([]string, string) {
	minute := s.Clock.Now().Unix() / 60
	if last := s.last.Load(); last != nil && last.shop == v.shop && last.settings == v.set.Version && last.minute == minute {
		return last.offered, last.version
	}
	now := &standing{shop: v.shop, settings: v.set.Version, minute: minute, offered: offered(v.shop, v.set)}
	now.version = v.shop.Version + " " + strconv.FormatInt(v.set.Version, 10) + " " + strconv.FormatInt(minute, 10)
	s.last.Store(now)
	return now.offered, now.version
}

// New makes the site.
func New(d Deps) *Site {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	return &Site{Deps: d, pages: view.NewCache(keptPages)}
}

// Routes are all addresses of the shop.
func (s *Site) Routes() []route.Route {
	shared := func(path string, h echo.HandlerFunc) route.Route {
		return route.Route{Method: http.MethodGet, Path: path, Handler: h, Who: route.Anyone(), Rate: route.Page, Shared: true}
	}
	get := func(path string, who route.Who, rate route.Rate, h echo.HandlerFunc) route.Route {
		return route.Route{Method: http.MethodGet, Path: path, Handler: h, Who: who, Rate: rate}
	}
	post := func(path string, who route.Who, rate route.Rate, h echo.HandlerFunc) route.Route {
		return route.Route{Method: http.MethodPost, Path: path, Handler: h, Who: who, Rate: rate}
	}
	all := []route.Route{
		shared("/", s.home),
		shared("/configure", s.configure),
		shared("/order", s.toProduct),
		shared("/pricing", s.pricing),
		shared("/:group", s.group),
		get("/visitor", route.Anyone(), route.Page, s.visitor),
		get("/order/:product", route.Anyone(), route.Page, s.product),
		get("/cart", route.Anyone(), route.Page, s.cart),
		post("/cart", route.Anyone(), route.Page, s.putLine),
		post("/cart/remove", route.Anyone(), route.Page, s.removeLine),
		post("/cart/coupon", route.Anyone(), route.Page, s.setCoupon),
		post("/cart/currency", route.Anyone(), route.Page, s.setCurrency),
		get("/checkout", route.Anyone(), route.Page, s.checkout),
		post("/checkout", route.Anyone(), route.Page, s.placeOrder),
		get("/orders/:order", route.Customer(auth.OrderSee), route.Page, s.follow),
		post("/orders/:order/pay", route.Customer(auth.InvoicePay), route.Page, s.payOrder),
		post("/orders/:order/open", route.Customer(auth.OrderSee), route.Page, s.openPortal),
		get("/sign-in", route.Anyone(), route.Page, s.askSignIn),
		post("/sign-in", route.Anyone(), route.SignInOn, s.signIn),
		post("/sign-out", route.Anyone(), route.Page, s.signOut),
		get("/forgot", route.Anyone(), route.Page, s.askForgot),
		post("/forgot", route.Anyone(), route.Code, s.forgot),
	}
	for _, p := range texts {
		all = append(all, shared(p.path, s.text(p)))
	}
	return all
}

// visit is what a page of the shop depends on besides its address: the catalogue, the currency and the cycle.
type visit struct {
	set      settings.Settings
	shop     *catalog.Shop
	offered  []string // currencies, the first is the usual one
	currency string
	version  string // another one whenever a page may look different
}

// currencyCookie remembers the currency that a visitor chose last.
const currencyCookie = "currency"

// visitOf reads the catalogue and which currency prices are shown in: the address's, else the one chosen last, else
// the usual one.
func (s *Site) visitOf(c echo.Context) (v visit, err error) {
	ctx := c.Request().Context()
	if v.set, err = s.Settings.Get(ctx); err != nil {
		return v, err
	}
	if v.shop, err = s.Catalog.Shop(ctx); err != nil {
		return v, err
	}
	v.offered, v.version = s.stand(v)
	asked := query(c, "currency")
	if asked != "" {
		if asked = strings.ToUpper(asked); has(v.offered, asked) {
			c.SetCookie(&http.Cookie{Name: currencyCookie, Value: asked, Path: "/", MaxAge: 365 * 24 * 3600, HttpOnly: true, Secure: s.Secure, SameSite: http.SameSiteLaxMode})
		}
	} else if k, err := c.Cookie(currencyCookie); err == nil {
		asked = k.Value
	}
	v.currency = asked
	if !has(v.offered, asked) && len(v.offered) > 0 {
		v.currency = v.offered[0]
	}
	return v, nil
}

// query is a value of the address, without parsing where there is none.
func query(c echo.Context, name string) string {
	if c.Request().URL.RawQuery == "" {
		return ""
	}
	return c.QueryParam(name)
}

// offered are the currencies that the business sells in and that are active, the usual one first.
func offered(shop *catalog.Shop, set settings.Settings) []string {
	active := make(map[string]bool, 4)
	for _, cur := range shop.Currencies() {
		active[cur.Code] = true
	}
	out := make([]string, 0, len(active))
	for _, code := range append([]string{set.Sales.DefaultCurrency}, set.Sales.Currencies...) {
		if active[code] && !has(out, code) {
			out = append(out, code)
		}
	}
	return out
}

func has(list []string, want string) bool {
	for _, have := range list {
		if have == want {
			return true
		}
	}
	return false
}

// kept answers with a page that is the same for everybody, drawn once per currency, cycle, language and scheme until
// the catalogue or the settings change. A price that was planned for later shows within a minute.
func (s *Site) kept(c echo.Context, v visit, cycle string, build func() (template string, page any, err error)) error {
	key := view.KeyOf(c)
	key.Currency, key.Query = v.currency, cycle
	key.Version = v.version
	return s.pages.Serve(c, key, build)
}

// page is what every page of the shop has: the name of the business, what it sells, and the foot.
func (s *Site) page(v visit, title string) view.Page {
	p := view.Page{Title: title, Brand: v.set.Business.Name}
	var products []view.NavItem
	for _, g := range v.shop.Groups() {
		products = append(products, view.NavItem{Label: g.Name, Link: "/" + g.Slug})
	}
	p.Nav = []view.NavGroup{{Items: append(append([]view.NavItem(nil), products...), view.NavItem{Label: "Pricing", Link: "/pricing"}, view.NavItem{Label: "Help", Link: "/contact"})}}
	if len(products) > 0 {
		p.Footer = append(p.Footer, view.NavGroup{Title: "Products", Items: products})
	}
	p.Footer = append(p.Footer,
		view.NavGroup{Title: "Company", Items: []view.NavItem{{Label: "About", Link: "/about"}, {Label: "Contact", Link: "/contact"}, {Label: "Pricing", Link: "/pricing"}}},
		view.NavGroup{Title: "Legal", Items: []view.NavItem{{Label: "Terms", Link: "/terms"}, {Label: "Privacy", Link: "/privacy"}, {Label: "Acceptable use", Link: "/acceptable-use"}, {Label: "Service levels", Link: "/sla"}}})
	return p
}
