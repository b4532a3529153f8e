package admin

import (
	"context"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/contact/notify"
	"github.com/ezscale/bursar/core/hosting/provision"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/platform/pluginhost"
	"github.com/ezscale/bursar/core/sales/order"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
)

// waiting is what waits for a person, as the rail counts it.
type waiting struct {
	review, failed, held, unsent, parked int
}

// entry is a line of the rail, for those who have its right.
type entry struct {
	label, link, icon string
	right             auth.Right
	count             func(waiting) int
	bad               bool
	key               string // G and this letter
}

// rail is the navigation, in its five groups.
var rail = []struct {
	title   string
	entries []entry
}{
	{"", []entry{
		{label: "Dashboard", link: "/", icon: "layout-dashboard", right: auth.OrderSee, key: "d"},
		{label: "Search", link: "/search", icon: "search", right: auth.CustomerSee},
	}},
	{"Sales", []entry{
		{label: "Customers", link: "/customers", icon: "users", right: auth.CustomerSee, key: "c"},
		{label: "Orders", link: "/orders", icon: "package", right: auth.OrderSee, count: func(w waiting) int { return w.review }, key: "o"},
		{label: "Services", link: "/services", icon: "server", right: auth.ServiceSee, key: "s"},
		{label: "Catalog", link: "/catalog", icon: "tags", right: auth.CatalogSee},
		{label: "Coupons", link: "/coupons", icon: "ticket-percent", right: auth.CouponSee},
	}},
	{"Billing", []entry{
		{label: "Invoices", link: "/invoices", icon: "receipt", right: auth.InvoiceSee, key: "i"},
		{label: "Payments", link: "/payments", icon: "credit-card", right: auth.PaymentSee, count: func(w waiting) int { return w.held }, key: "p"},
		{label: "Billing plan", link: "/billing", icon: "calendar-check", right: auth.ReportSee, key: "b"},
		{label: "Tax", link: "/taxes", icon: "percent", right: auth.SettingsSee},
	}},
	{"Hosting", []entry{
		{label: "Provisioning", link: "/provisioning", icon: "workflow", right: auth.JobSee, count: func(w waiting) int { return w.failed }, bad: true, key: "v"},
	}},
	{"System", []entry{
		{label: "Automation", link: "/jobs", icon: "timer", right: auth.JobSee, count: func(w waiting) int { return w.parked }, bad: true, key: "j"},
		{label: "Webhooks", link: "/inbox", icon: "webhook", right: auth.JobSee},
		{label: "Messages", link: "/mails", icon: "mail", right: auth.MailSee, count: func(w waiting) int { return w.unsent }, bad: true, key: "m"},
		{label: "Plugins", link: "/plugins", icon: "plug", right: auth.PluginSee},
		{label: "Audit log", link: "/audit", icon: "scroll-text", right: auth.AuditSee},
		{label: "Staff", link: "/staff", icon: "user-plus", right: auth.StaffSee},
		{label: "Settings", link: "/settings", icon: "settings", right: auth.SettingsSee},
	}},
}

// navigation is the rail for a member of staff: no line leads to a page that would be refused.
func (s *Site) navigation(a auth.Actor, w waiting) []view.NavGroup {
	var out []view.NavGroup
	for _, g := range rail {
		group := view.NavGroup{Title: g.title}
		for _, e := range g.entries {
			if !a.Can(e.right) {
				continue
			}
			it := view.NavItem{Label: e.label, Link: e.link, Icon: e.icon, Bad: e.bad, Key: e.key}
			if e.count != nil {
				it.Count = e.count(w)
			}
			if e.link == "/plugins" {
				it.Count, it.Bad = s.brokenPlugins(), true
			}
			group.Items = append(group.Items, it)
		}
		if g.title == "System" && s.Test && a.Can(auth.ClockMove) {
			group.Items = append(group.Items, view.NavItem{Label: "Test clock", Link: "/clock", Icon: "clock"})
		}
		if len(group.Items) > 0 {
			out = append(out, group)
		}
	}
	return out
}

// fill adds what every page shows of the person who asks.
func (s *Site) fill(c echo.Context, p *view.Page) {
	a := route.Actor(c)
	p.NoIndex = true
	if a.Kind != auth.StaffKind {
		return
	}
	p.User, p.Role, p.SignOut = a.Name, plain(a.Role), "/sign-out"
	p.Accounts = []view.Link{{Label: "Your account", Link: "/account"}}
	p.Nav = s.navigation(a, s.waiting(c.Request().Context()))
}

// waitingFor is how long the counts of the rail may be old.
const waitingFor = 5 * time.Second

// waiting counts what waits. The counts are at most a few seconds old, and new after each change made here; what
// cannot be counted keeps what was known.
func (s *Site) waiting(ctx context.Context) waiting {
	s.waits.Lock()
	defer s.waits.Unlock()
	now := s.Wall.Now()
	if !s.waits.at.IsZero() && now.Sub(s.waits.at) < waitingFor {
		return s.waits.known
	}
	w, err := s.countWaiting(ctx)
	if err != nil {
		s.Log.Warn("what waits was not counted", "error", err)
		return s.waits.known
	}
	s.waits.at, s.waits.known = now, w
	return w
}

// stirred forgets the counts: something was changed.
func (s *Site) stirred() {
	s.waits.Lock()
	defer s.waits.Unlock()
	s.waits.at = time.Time{}
}

func (s *Site) countWaiting(ctx context.Context) (w waiting, err error) {
	review, err := s.Orders.List(ctx, order.Filter{Statuses: []order.Status{order.InReview}, Limit: 1})
	if err != nil {
		return w, err
	}
	operations, err := s.Provision.Counts(ctx)
	if err != nil {
		return w, err
	}
	held, err := s.Payments.Payments(ctx, payment.Filter{Statuses: []payment.Status{payment.StatusHeld}, Limit: 1})
	if err != nil {
		return w, err
	}
	unsent, err := s.Notify.List(ctx, notify.Filter{States: []notify.State{notify.Failed, notify.Unsure}, Limit: 1})
	if err != nil {
		return w, err
	}
	work, err := s.Jobs.Counts(ctx)
	if err != nil {
		return w, err
	}
	deliveries, err := s.Outbox.Counts(ctx)
	if err != nil {
		return w, err
	}
	return waiting{
		review: review.Total, failed: operations[provision.Failed] + operations[provision.Stuck], held: held.Total, unsent: unsent.Total,
		parked: int(work["parked"] + deliveries["parked"]),
	}, nil
}

// brokenPlugins counts those that should run and do not.
func (s *Site) brokenPlugins() (n int) {
	if s.Plugins == nil {
		return 0
	}
	for _, p := range s.Plugins.Status() {
		switch p.State {
		case pluginhost.Failed, pluginhost.Quarantined, pluginhost.Open, pluginhost.Restarting:
			n++
		}
	}
	return n
}
