// Package flow owns the use cases that cross domains, and what follows each event: a cart becomes an order, an
// invoice and services; money becomes a paid invoice; a paid invoice becomes a server; the day's work of billing
// and dunning. It has no tables of its own. Start reading at Routes: it is the business, top to bottom.
package flow

import (
	"context"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/dunning"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/billing/ledger"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/billing/run"
	"github.com/ezscale/bursar/core/contact/notify"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/outbox"
	"github.com/ezscale/bursar/core/hosting/provision"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/platform/inbox"
	"github.com/ezscale/bursar/core/platform/jobs"
	"github.com/ezscale/bursar/core/platform/secret"
	"github.com/ezscale/bursar/core/platform/settings"
	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/core/sales/coupon"
	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/core/sales/order"
	"github.com/ezscale/bursar/core/sales/tax"
	"github.com/ezscale/bursar/sdk/gateway"
	"github.com/ezscale/bursar/sdk/notifier"
)

// Gateways finds payment gateways by the label of their plugin instance.
type Gateways interface {
	// Gateway answers a client that outlives its process. A dead plugin answers fault.Unavailable from its calls.
	Gateway(instance string) (gateway.Gateway, error)
	// Offered lists the instances that run, in the order of the file.
	Offered() []GatewayInfo
	// Account is the provider, its account and mode behind an instance: two instances on one account share it.
	Account(instance string) string
}

// GatewayInfo is one instance of a gateway.
type GatewayInfo struct {
	Instance, Title string
	Up, CanSave     bool
}

// Receivers finds plugins that report on messages later.
type Receivers interface {
	Receiver(instance string) (notifier.Receiver, error)
}

// Links are the addresses of the sites, without a slash at the end.
type Links struct{ Storefront, Portal, Admin string }

// Deps is what the use cases work with.
type Deps struct {
	DB            *db.DB
	Outbox        *outbox.Outbox
	Jobs          *jobs.Queue
	Clock         clock.Clock
	Box           *secret.Box
	Audit         *audit.Service
	Auth          *auth.Service
	Settings      *settings.Service
	Inbox         *inbox.Service
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
	Gateways      Gateways
	Receivers     Receivers
	Links         Links
	Log           hclog.Logger
	// Test is the clock of test mode, nil in production.
	Test *clock.Offset
	// KeepOffset saves how far the clock of test mode is ahead.
	KeepOffset func(time.Duration) error
	// Settled returns when plugins that are being started again have answered, or after a while. It may be nil.
	Settled func(context.Context)
}

// Flow holds the use cases.
type Flow struct {
	Deps
	pace pace
}

// pace says how long things may take before somebody is told something else.
type pace struct {
	page time.Duration // a hosted page stays open
	back time.Duration // a browser that came back waits for the gateway
}

// New makes the use cases, names them as the workers of their jobs and sets what follows each event.
func New(d Deps) (*Flow, error) {
	if d.Log == nil {
		d.Log = hclog.NewNullLogger()
	}
	f := &Flow{Deps: d, pace: pace{page: 2 * time.Hour, back: 8 * time.Second}}
	d.Jobs.Handle(jobInbox, f.applyInbox)
	d.Jobs.Handle(jobAttempt, f.workAttempt)
	d.Jobs.Handle(jobRefund, f.workRefund)
	d.Jobs.Handle(jobDaily, f.workDaily)
	d.Jobs.Handle(jobForget, f.workForget)
	return f, d.Outbox.Route(f.Routes())
}

// today is the day of the business now.
func (f *Flow) today(ctx context.Context) (period.Day, settings.Settings, error) {
	s, err := f.Settings.Get(ctx)
	if err != nil {
		return period.Day{}, s, err
	}
	return s.Today(f.Clock.Now()), s, nil
}

// Now is the time of the business, which runs ahead in test mode.
func (f *Flow) Now() time.Time { return f.Clock.Now() }

func one[T any](v T) []T { return []T{v} }

// idsOf collects an ID of each.
func idsOf[T any, I ids.Kind](list []T, of func(T) I) []I {
	out := make([]I, len(list))
	for i, v := range list {
		out[i] = of(v)
	}
	return out
}
