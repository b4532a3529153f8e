// Package app puts the host together: every constructor is called here, once, in order, and what runs is started and
// stopped here. It owns the configuration and no rule. Start at Open; the listener and the workers are in run.go.
package app

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/billing/dunning"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/billing/ledger"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/billing/run"
	"github.com/ezscale/bursar/core/contact/notify"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/lease"
	"github.com/ezscale/bursar/core/data/outbox"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/hosting/provision"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/platform/idempotency"
	"github.com/ezscale/bursar/core/platform/inbox"
	"github.com/ezscale/bursar/core/platform/jobs"
	"github.com/ezscale/bursar/core/platform/pluginhost"
	"github.com/ezscale/bursar/core/platform/secret"
	"github.com/ezscale/bursar/core/platform/settings"
	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/core/sales/coupon"
	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/core/sales/order"
	"github.com/ezscale/bursar/core/sales/tax"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/notifier"
)

// App is the host, put together.
type App struct {
	Config Config
	Log    hclog.Logger
	Clock  clock.Clock
	Test   *clock.Offset // nil in production
	Box    *secret.Box

	DB       *db.DB
	Outbox   *outbox.Outbox
	Jobs     *jobs.Queue
	Audit    *audit.Service
	Settings *settings.Service
	Auth     *auth.Service
	Inbox    *inbox.Service
	Keys     *idempotency.Service
	Plugins  *pluginhost.Host

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
	Flow          *flow.Flow

	Engine *view.Engine
	key    []byte
}

// Options are what a program may choose besides its configuration.
type Options struct {
	Themes []fs.FS // the child theme first, the default theme last
	Log    hclog.Logger
	Pace   provision.Pace // zero: provision.DefaultPace
	Poll   time.Duration  // of the queues; zero is a second
}

// Open opens the database, brings its schema up to date and puts everything together. It starts nothing: see Start.
func Open(ctx context.Context, c Config, o Options) (*App, error) {
	if o.Log == nil {
		o.Log = hclog.NewNullLogger()
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	key, err := secret.LoadKey(filepath.Join(c.Data, "master.key"))
	if err != nil {
		return nil, err
	}
	box, err := secret.New(key)
	if err != nil {
		return nil, err
	}
	d, err := db.Open(ctx, db.Config{DSN: c.DSN()})
	if err != nil {
		return nil, err
	}
	a := &App{Config: c, Log: o.Log, DB: d, Box: box, key: []byte(box.Token("forms"))}
	if err := a.build(ctx, o); err != nil {
		d.Close()
		return nil, err
	}
	return a, nil
}

// build calls every constructor, from below to above.
func (a *App) build(ctx context.Context, o Options) (err error) {
	if err := a.DB.Migrate(ctx); err != nil {
		return err
	}
	if err := a.startClock(); err != nil {
		return err
	}
	warnings, err := a.DB.Durability(ctx)
	if err != nil {
		return err
	}
	for _, w := range warnings {
		a.Log.Error("the database may lose what was committed", "why", w)
	}
	work := lease.Options{Poll: o.Poll, Log: a.Log.Named("work")}
	a.Outbox = outbox.New(a.DB, a.Clock, work)
	a.Jobs = jobs.Open(a.DB, a.Clock, work)
	a.Audit = audit.New(a.DB, a.Clock)
	a.Settings = settings.New(a.DB, a.Audit, a.Clock)
	a.Auth = auth.New(auth.Deps{DB: a.DB, Clock: a.Clock, Wall: clock.System{}, Audit: a.Audit})
	a.Inbox = inbox.New(a.DB, a.Clock)
	a.Keys = idempotency.New(idempotency.Deps{DB: a.DB, Box: a.Box, Wall: clock.System{}})
	a.Plugins = pluginhost.New(pluginhost.Deps{
		Config: a.Config.Plugins, Dir: filepath.Join(a.Config.Data, "plugins"), DB: a.DB, Box: a.Box, Audit: a.Audit, Clock: clock.System{}, Log: a.Log.Named("plugins"), Getenv: os.LookupEnv, World: a.world,
	})
	s, err := a.Settings.Get(ctx)
	if err != nil {
		return err
	}
	if a.Engine, err = view.New(view.Options{Themes: o.Themes, Clock: a.Clock, Zone: s.Location(), Key: a.key, Secure: a.Config.Secure()}); err != nil {
		return err
	}
	a.sales()
	a.billing()
	a.hosting(o)
	a.contact()
	a.Jobs.Handle(jobPurge, a.purge)
	return a.flow(ctx)
}

func (a *App) sales() {
	a.Customers = customer.New(customer.Deps{DB: a.DB, Outbox: a.Outbox, Audit: a.Audit, Clock: a.Clock})
	a.Catalog = catalog.New(catalog.Deps{DB: a.DB, Audit: a.Audit, Clock: a.Clock})
	a.Coupons = coupon.New(coupon.Deps{DB: a.DB, Audit: a.Audit, Clock: a.Clock})
	a.Taxes = tax.New(a.DB, a.Audit, a.Clock)
	a.Orders = order.New(order.Deps{DB: a.DB, Outbox: a.Outbox, Audit: a.Audit, Clock: a.Clock})
}

func (a *App) billing() {
	a.Invoices = invoice.New(invoice.Deps{DB: a.DB, Outbox: a.Outbox, Clock: a.Clock})
	a.Payments = payment.NewService(payment.Deps{DB: a.DB, Outbox: a.Outbox, Clock: a.Clock, Box: a.Box, LockCustomer: func(ctx context.Context, id ids.Customer) error {
		_, err := a.Customers.Lock(ctx, id)
		return err
	}})
	a.Ledger = ledger.New(ledger.Deps{DB: a.DB, Clock: a.Clock, Base: a.base, Actor: func(ctx context.Context) string { return audit.Asking(ctx).Actor }})
	a.Dunning = dunning.New(a.DB)
	a.Runs = run.New(a.DB)
}

// base is the currency that the books are to be kept in.
func (a *App) base(ctx context.Context) (string, error) {
	s, err := a.Settings.Get(ctx)
	return s.Business.BaseCurrency, err
}

func (a *App) hosting(o Options) {
	pace := o.Pace
	if pace == (provision.Pace{}) {
		pace = provision.DefaultPace
	}
	a.Subscriptions = subscription.New(a.DB, a.Outbox, a.Clock)
	a.Provision = provision.New(provision.Deps{
		DB: a.DB, Outbox: a.Outbox, Jobs: a.Jobs, Audit: a.Audit, Box: a.Box, Clock: a.Clock, Panels: a.Plugins, Customers: a.Customers, Pace: pace,
	})
}

func (a *App) contact() {
	m := a.Config.SMTP
	a.Notify = notify.New(notify.Deps{
		DB: a.DB, Jobs: a.Jobs, Clock: a.Clock, Renderer: renderer{a.Engine},
		Carriers: carriers{host: a.Plugins, smtp: notify.SMTP{Host: m.Host, Port: m.Port, User: m.User, Password: m.Password, TLS: m.TLS}},
		From: func(ctx context.Context) (notifier.Mailbox, error) {
			s, err := a.Settings.Get(ctx)
			return notifier.Mailbox{Name: s.Mail.FromName, Address: s.Mail.FromAddress}, err
		},
	})
}

func (a *App) flow(ctx context.Context) (err error) {
	if err := a.Invoices.EnsureSeries(ctx); err != nil {
		return err
	}
	a.Flow, err = flow.New(flow.Deps{
		DB: a.DB, Outbox: a.Outbox, Jobs: a.Jobs, Clock: a.Clock, Box: a.Box, Audit: a.Audit, Settings: a.Settings, Auth: a.Auth, Inbox: a.Inbox,
		Customers: a.Customers, Catalog: a.Catalog, Coupons: a.Coupons, Taxes: a.Taxes, Orders: a.Orders,
		Invoices: a.Invoices, Payments: a.Payments, Ledger: a.Ledger, Dunning: a.Dunning, Runs: a.Runs,
		Subscriptions: a.Subscriptions, Provision: a.Provision, Notify: a.Notify, Gateways: gateways{a.Plugins}, Receivers: a.Plugins,
		Links: flow.Links{Storefront: a.Config.Storefront, Portal: a.Config.Portal, Admin: a.Config.Admin}, Log: a.Log.Named("flow"),
		Test: a.Test, KeepOffset: a.keepOffset, Settled: a.pluginsSettled,
	})
	return err
}

// startClock gives production the computer's time. In test mode time can be moved on; how far it was moved outlives the
// program.
func (a *App) startClock() error {
	if a.Config.Environment != Test {
		a.Clock = clock.System{}
		return nil
	}
	text, err := os.ReadFile(a.offsetFile())
	if err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("read the test clock: %w", err)
	}
	ahead := time.Duration(0)
	if len(text) > 0 {
		nanos, err := strconv.ParseInt(string(text), 10, 64)
		if err != nil {
			return fmt.Errorf("read the test clock: %s: %w", a.offsetFile(), err)
		}
		ahead = time.Duration(nanos)
	}
	a.Test = clock.Ahead(clock.System{}, ahead)
	a.Clock = a.Test
	return nil
}

func (a *App) offsetFile() string { return filepath.Join(a.Config.Data, "test-clock") }

func (a *App) keepOffset(ahead time.Duration) error {
	next := a.offsetFile() + ".new"
	if err := os.WriteFile(next, []byte(strconv.FormatInt(int64(ahead), 10)), 0o600); err != nil {
		return err
	}
	return os.Rename(next, a.offsetFile())
}

// settleIn is how long the clock of test mode waits for plugins that are being started again.
const settleIn = 20 * time.Second

// pluginsSettled waits for plugins that are being started again: time that flies must not use up the tries of what needs
// them.
func (a *App) pluginsSettled(ctx context.Context) {
	coming := func(p pluginhost.PluginStatus) bool {
		return p.State == pluginhost.Starting || p.State == pluginhost.Restarting
	}
	wall := clock.System{}
	for until := wall.Now().Add(settleIn); wall.Now().Before(until) && ctx.Err() == nil && slices.ContainsFunc(a.Plugins.Status(), coming); {
		time.Sleep(50 * time.Millisecond)
	}
}

// world is a time of the business as vendors live it: in test mode our clock runs ahead of theirs.
func (a *App) world(t time.Time) time.Time {
	if a.Test == nil || t.IsZero() {
		return t
	}
	return t.Add(-a.Test.Offset())
}

// Close closes the database. Stop what runs before.
func (a *App) Close() error { return a.DB.Close() }
