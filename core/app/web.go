package app

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/insight"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/platform/settings"
	"github.com/ezscale/bursar/core/web/admin"
	"github.com/ezscale/bursar/core/web/api"
	"github.com/ezscale/bursar/core/web/portal"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/storefront"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/core/web/webhook"
)

// Web is the three sites. The API, and the addresses that vendors call, are on the storefront's.
func (a *App) Web(ctx context.Context) (*route.Web, error) {
	set, err := a.Settings.Get(ctx)
	if err != nil {
		return nil, err
	}
	proxies, err := networks(a.Config.Proxies)
	if err != nil {
		return nil, err
	}
	shop, err := a.shop(set)
	if err != nil {
		return nil, err
	}
	return route.New(route.Deps{Auth: a.Auth, Wall: clock.System{}, Log: slogOf(a.Log.Named("web")), Key: a.key, Proxies: proxies, Limits: a.limits(), Probes: a.probes()},
		shop, a.portal(set), a.admin(set))
}

// limits are the usual ones, but wide in test mode, where many clients are one machine that measures. What guards
// passwords and codes stays as it is.
func (a *App) limits() map[route.Rate]route.Pace {
	if a.Test == nil {
		return nil
	}
	wide := route.Pace{Every: 50 * time.Microsecond, Burst: 100_000}
	return map[route.Rate]route.Pace{route.Page: wide, route.API: wide, route.Hook: wide}
}

func (a *App) links() view.Sites {
	return view.Sites{Storefront: a.Config.Storefront, Portal: a.Config.Portal, Admin: a.Config.Admin}
}

// brand is the name of the shop on pages.
func brand(s settings.Settings) string { return cmp.Or(s.Business.Name, "Bursar") }

func (a *App) shop(set settings.Settings) (route.Site, error) {
	log := slogOf(a.Log.Named("storefront"))
	shop := storefront.New(storefront.Deps{
		Flow: a.Flow, Catalog: a.Catalog, Settings: a.Settings, Customers: a.Customers, Orders: a.Orders, Invoices: a.Invoices, Payments: a.Payments,
		Subscriptions: a.Subscriptions, Provision: a.Provision, Auth: a.Auth, Clock: a.Clock, Links: a.links(), Secure: a.Config.Secure(), Log: log,
	})
	calls, err := api.New(api.Deps{
		Flow: a.Flow, Keys: a.Keys, Plugins: a.Plugins, Links: a.links(),
	})
	if err != nil {
		return route.Site{}, fmt.Errorf("api: %w", err)
	}
	hooks := webhook.New(webhook.Deps{Secrets: a.Plugins, Flow: a.Flow, Audit: a.Audit, Wall: clock.System{}, Log: slogOf(a.Log.Named("webhooks"))})
	routes := append(append(shop.Routes(), calls.Routes()...), hooks.Routes()...)
	return route.Site{
		Name: "storefront", Base: a.Config.Storefront, Realm: auth.CustomerKind, Engine: a.Engine, View: view.Site{Name: "storefront", Brand: brand(set), Links: a.links(), Locale: "en", Test: a.Test != nil, Fill: shop.Fill}, SignIn: "/sign-in", Routes: routes,
	}, nil
}

func (a *App) portal(set settings.Settings) route.Site {
	p := portal.New(portal.Deps{
		Flow: a.Flow, Auth: a.Auth, Audit: a.Audit, Settings: a.Settings, Catalog: a.Catalog, Customers: a.Customers, Invoices: a.Invoices, Payments: a.Payments,
		Ledger: a.Ledger, Subscriptions: a.Subscriptions, Provision: a.Provision, Notify: a.Notify, Clock: a.Clock, Links: a.links(), Brand: brand(set),
		Locale: "en", Key: a.key, Secure: a.Config.Secure(), Test: a.Test != nil, Log: slogOf(a.Log.Named("portal")),
	})
	return route.Site{Name: "portal", Base: a.Config.Portal, Realm: auth.CustomerKind, Engine: a.Engine, View: p.View(), SignIn: portal.SignIn, Enter: portal.Enter, Routes: p.Routes()}
}

func (a *App) admin(set settings.Settings) route.Site {
	s := admin.New(admin.Deps{
		Flow: a.Flow, Auth: a.Auth, Audit: a.Audit, Settings: a.Settings, Customers: a.Customers, Catalog: a.Catalog, Coupons: a.Coupons, Taxes: a.Taxes,
		Orders: a.Orders, Invoices: a.Invoices, Payments: a.Payments, Ledger: a.Ledger, Dunning: a.Dunning, Runs: a.Runs, Subscriptions: a.Subscriptions,
		Provision: a.Provision, Notify: a.Notify, Insight: insight.New(a.DB), Inbox: a.Inbox, Jobs: a.Jobs, Outbox: a.Outbox, Plugins: a.Plugins, Engine: a.Engine,
		Clock: a.Clock, Wall: clock.System{}, Links: a.links(), HookBase: a.Config.Storefront + "/hooks", Brand: brand(set), Test: a.Test != nil, Log: slogOf(a.Log.Named("admin")),
	})
	return route.Site{Name: "admin", Base: a.Config.Admin, Realm: auth.StaffKind, Engine: a.Engine, View: s.View(), SignIn: "/sign-in", Routes: s.Routes()}
}

// networks reads addresses and prefixes such as 10.0.0.0/8.
func networks(list []string) ([]netip.Prefix, error) {
	out := make([]netip.Prefix, 0, len(list))
	for _, text := range list {
		if !strings.Contains(text, "/") {
			addr, err := netip.ParseAddr(text)
			if err != nil {
				return nil, fmt.Errorf("proxies: %q is no address or network", text)
			}
			out = append(out, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("proxies: %q is no address or network", text)
		}
		out = append(out, p)
	}
	return out, nil
}
