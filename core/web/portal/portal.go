// Package portal is the site on which customers look after what they have: services, invoices, ways to pay, the
// account and who may sign in. One file is one page: its routes, handlers, form and page struct; templates are in
// themes/default/portal. Everything is read for the customer that is acted for and nobody else: what belongs to
// another does not exist here. Start at Site.Routes.
package portal

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/billing/ledger"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/contact/notify"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/hosting/provision"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/platform/settings"
	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/fault"
)

// Deps is what the pages read and call.
type Deps struct {
	Flow          *flow.Flow
	Auth          *auth.Service
	Audit         *audit.Service
	Settings      *settings.Service
	Catalog       *catalog.Service
	Customers     *customer.Service
	Invoices      *invoice.Service
	Payments      *payment.Service
	Ledger        *ledger.Service
	Subscriptions *subscription.Service
	Provision     *provision.Service
	Notify        *notify.Service
	Clock         clock.Clock // of the business, which runs ahead in test mode
	Links         view.Sites  // of all sites, without a slash at the end
	Brand         string
	Locale        string // of visitors who chose none
	Key           []byte // proves to a browser that a payment was begun in it, at least 32 bytes
	Secure        bool   // cookies only over TLS
	Test          bool   // test mode: every page says so
	Log           *slog.Logger
}

// Site is the portal.
type Site struct {
	Deps
	key []byte
}

// New makes the site.
func New(d Deps) *Site {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	sum := sha256.Sum256(append([]byte("bursar portal\n"), d.Key...))
	return &Site{Deps: d, key: sum[:]}
}

// View is what all pages of the site share.
func (s *Site) View() view.Site {
	nav := []view.NavGroup{{Items: []view.NavItem{
		{Label: "Overview", Link: "/", Icon: "layout-dashboard"}, {Label: "Services", Link: "/services", Icon: "server"},
		{Label: "Billing", Link: "/invoices", Icon: "receipt"}, {Label: "Account", Link: "/account", Icon: "user"},
	}}}
	return view.Site{Name: "portal", Brand: s.Brand, Links: s.Links, Nav: nav, Locale: s.Locale, Test: s.Test, Fill: s.fill}
}

// Enter is where passes from our other sites are taken, SignIn where visitors sign in.
const (
	Enter  = "/enter"
	SignIn = "/sign-in"
)

// Routes are all addresses of the site, page by page. /enter is core/web/route's own.
func (s *Site) Routes() []route.Route {
	return slices.Concat(s.signInRoutes(), s.passwordRoutes(), s.accountsRoutes(), s.overviewRoutes(), s.servicesRoutes(), s.serviceRoutes(), s.cancelRoutes(),
		s.revealRoutes(), s.invoicesRoutes(), s.invoiceRoutes(), s.linkRoutes(), s.returnRoutes(), s.paymentsRoutes(), s.methodsRoutes(), s.profileRoutes(),
		s.securityRoutes(), s.tokensRoutes(), s.mailsRoutes())
}

func get(path string, who route.Who, h echo.HandlerFunc) route.Route {
	return route.Route{Method: http.MethodGet, Path: path, Handler: h, Who: who, Rate: route.Page}
}

func post(path string, who route.Who, h echo.HandlerFunc) route.Route {
	return route.Route{Method: http.MethodPost, Path: path, Handler: h, Who: who, Rate: route.Page}
}

// fill says on every page who is signed in and for whom.
func (s *Site) fill(c echo.Context, p *view.Page) {
	a := route.Actor(c)
	if a.Kind != auth.CustomerKind {
		return
	}
	p.User, p.Role, p.SignOut = a.Name, roleWord(a.Role), "/sign-out"
	if p.Customer == "" && a.Customer != "" {
		if who, err := s.Customers.Get(c.Request().Context(), a.Customer); err == nil {
			p.Customer = who.Name()
		}
	}
	p.Accounts = []view.Link{{Label: "Account", Link: "/account"}}
	if a.StandsIn() {
		p.Banner = &view.Banner{Text: a.Name + " is here in place of " + p.Customer + ".", Action: view.Link{Label: "End", Link: "/sign-out"}, Post: true}
		return
	}
	p.Accounts = append(p.Accounts, view.Link{Label: "Change customer", Link: "/accounts"})
}

func roleWord(role string) string {
	if role == auth.RoleReadOnly {
		return "may look only"
	}
	return role
}

// customerOf is the customer that is acted for.
func customerOf(c echo.Context) ids.Customer { return route.Actor(c).Customer }

// can says whether who asks has a right: pages leave out what would be refused.
func can(c echo.Context, r auth.Right) bool { return route.Actor(c).Can(r) }

// idOf reads an ID of the address. What is no ID is not found, as what is somebody else's.
func idOf[T ids.Kind](c echo.Context, name string) (T, error) {
	id, err := ids.Parse[T](c.Param(name))
	if err != nil {
		return id, echo.ErrNotFound.WithInternal(err)
	}
	return id, nil
}

// today is the day of the business, and its settings.
func (s *Site) today(ctx context.Context) (period.Day, settings.Settings, error) {
	set, err := s.Settings.Get(ctx)
	if err != nil {
		return period.Day{}, set, err
	}
	return set.Today(s.Clock.Now()), set, nil
}

// done tells what happened and goes on to a page.
func done(c echo.Context, to, text string) error {
	view.Tell(c, view.Good, text)
	return c.Redirect(http.StatusSeeOther, to)
}

// outcome is done, or tells on the same page why nothing happened.
func outcome(c echo.Context, to, text string, err error) error {
	if err == nil {
		return done(c, to, text)
	}
	switch f := fault.Of(err); {
	case f != nil && f.Kind == fault.Unavailable:
		view.Tell(c, view.Bad, "This does not answer at the moment. Nothing was done; try again in a minute.")
	case f != nil && (f.Kind == fault.Invalid || f.Kind == fault.Conflict || f.Kind == fault.Declined || f.Kind == fault.Unsupported) && f.Text != "":
		view.Tell(c, view.Bad, f.Text)
	default:
		return err
	}
	return c.Redirect(http.StatusSeeOther, to)
}

// mark is a short proof that only we can make.
func (s *Site) mark(kind, of string) string {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(kind + "\n" + of))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:18])
}

// pagerOf leads through a list by its cursor; first says whether this is its beginning.
func pagerOf(c echo.Context, shown, total int, next string) view.Pager {
	q := c.Request().URL.Query()
	first := q.Get("after") == ""
	p := view.Pager{}
	if next != "" {
		q.Set("after", next)
		p.Next = c.Request().URL.Path + "?" + q.Encode()
	}
	if !first {
		q.Del("after")
		p.Prev = c.Request().URL.Path
		if len(q) > 0 {
			p.Prev += "?" + q.Encode()
		}
	}
	r := view.ReaderOf(c)
	if total > shown && r != nil {
		p.Text = r.Say("Shown") + " " + count(shown) + " " + r.Say("of") + " " + count(total)
	}
	return p
}

// within makes a context for a look at a plugin: a page does not wait for it longer than this.
func within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, 3*time.Second)
}
