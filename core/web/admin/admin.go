// Package admin is the site of the people who run the business. One file is one page: its routes, handlers, form and
// page struct; templates are in themes/default/admin. Handlers read, call one thing and answer: what may happen is
// decided in core/flow and the domains, who may come is said by the routes. Start at Site.Routes; list.go has what
// lists share, nav.go the rail.
package admin

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/dunning"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/billing/ledger"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/billing/run"
	"github.com/ezscale/bursar/core/contact/notify"
	"github.com/ezscale/bursar/core/data/outbox"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/hosting/provision"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/insight"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/platform/inbox"
	"github.com/ezscale/bursar/core/platform/jobs"
	"github.com/ezscale/bursar/core/platform/pluginhost"
	"github.com/ezscale/bursar/core/platform/settings"
	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/core/sales/coupon"
	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/core/sales/order"
	"github.com/ezscale/bursar/core/sales/tax"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/form"
)

// Plugins is what pages need of the plugin host.
type Plugins interface {
	Status() []pluginhost.PluginStatus
	Problems() []pluginhost.Problem
	Instances(kind string) []pluginhost.InstanceInfo
	Forms(kind, name string) (pluginhost.Forms, bool)
	FormsOf(instance string) (pluginhost.Forms, bool)
	Choices(ctx context.Context, instance string, q form.Question) ([]form.Choice, error)
	Restart(ctx context.Context, kind, name string) error
	Enable(ctx context.Context, kind, name string) error
	Disable(ctx context.Context, kind, name string) error
	Check(ctx context.Context, instance string) (sdk.Report, error)
	HookSecret(ctx context.Context, instance string) (string, error)
	InstallWebhook(ctx context.Context, instance, url string) error
}

// Deps is what the pages read and call.
type Deps struct {
	Flow          *flow.Flow
	Auth          *auth.Service
	Audit         *audit.Service
	Settings      *settings.Service
	Customers     *customer.Service
	Catalog       *catalog.Service
	Coupons       *coupon.Service
	Taxes         *tax.Service
	Orders        *order.Service
	Invoices      *invoice.Service
	Payments      *payment.Service
	Ledger        *ledger.Service
	Dunning       *dunning.Service
	Runs          *run.Service
	Subscriptions *subscription.Service
	Provision     *provision.Service
	Notify        *notify.Service
	Insight       *insight.Service
	Inbox         *inbox.Service
	Jobs          *jobs.Queue
	Outbox        *outbox.Outbox
	Plugins       Plugins
	Engine        *view.Engine // of this site: draws documents and previews of mails
	Clock         clock.Clock  // of the business, which runs ahead in test mode
	Wall          clock.Clock  // of the world
	Links         view.Sites   // of all sites, without a slash at the end
	HookBase      string       // where vendors call: <base>/<instance>/<secret>
	Brand         string
	Test          bool // test mode: the clock can be moved, and every page says so
	Log           *slog.Logger
}

// Site is the admin site.
type Site struct {
	Deps
	errand errand // a run or a moved clock that staff began
	waits  struct {
		sync.Mutex
		at    time.Time
		known waiting
	}
}

// New makes the site.
func New(d Deps) *Site {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	return &Site{Deps: d, errand: errand{wall: d.Wall, log: d.Log}}
}

// Routes are all addresses of the site, page by page.
func (s *Site) Routes() []route.Route {
	all := slices.Concat(
		s.signRoutes(), s.dashboardRoutes(), s.searchRoutes(),
		s.customersRoutes(), s.usersRoutes(), s.ordersRoutes(), s.servicesRoutes(), s.catalogRoutes(), s.couponsRoutes(),
		s.invoicesRoutes(), s.paymentsRoutes(), s.billingRoutes(), s.taxRoutes(),
		s.provisioningRoutes(),
		s.jobsRoutes(), s.inboxRoutes(), s.mailsRoutes(), s.pluginsRoutes(), s.auditRoutes(), s.staffRoutes(), s.settingsRoutes(), s.clockRoutes(),
	)
	for i, r := range all {
		if r.Method != http.MethodGet {
			all[i].Handler = s.stirring(r.Handler)
		}
	}
	return all
}

// stirring is around every form: what it changes may be what the rail counts.
func (s *Site) stirring(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		defer s.stirred()
		return next(c)
	}
}

// View is what all pages of the site share.
func (s *Site) View() view.Site {
	return view.Site{Name: "admin", Brand: s.Brand, Links: s.Links, Locale: "en", Test: s.Test, Fill: s.fill}
}

// get declares a page that staff with a right may read.
func get(path string, h echo.HandlerFunc, r auth.Right) route.Route {
	return route.Route{Method: http.MethodGet, Path: path, Handler: h, Who: route.Staff(r), Rate: route.Page}
}

// post declares a form that staff with a right may send.
func post(path string, h echo.HandlerFunc, r auth.Right) route.Route {
	return route.Route{Method: http.MethodPost, Path: path, Handler: h, Who: route.Staff(r), Rate: route.Page}
}

// can says whether who asks has a right: pages leave out what would be refused.
func can(c echo.Context, r auth.Right) bool { return route.Actor(c).Can(r) }

// idOf is the ID in the address of a page. What is none is not found.
func idOf[T ids.Kind](c echo.Context) (T, error) { return ids.Parse[T](c.Param("id")) }

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

// refused tells why nothing happened and goes back to a page. What is no fault that staff can do something about is
// answered as the error that it is.
func refused(c echo.Context, to string, err error) error {
	form := view.NewForm("", "")
	if !form.Failed(err) {
		return err
	}
	view.Tell(c, view.Bad, form.Problem)
	return c.Redirect(http.StatusSeeOther, to)
}

// outcome is done or refused.
func outcome(c echo.Context, to, text string, err error) error {
	if err != nil {
		return refused(c, to, err)
	}
	return done(c, to, text)
}
