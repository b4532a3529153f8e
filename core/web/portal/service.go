package portal

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/hosting/provision"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/money"
	"github.com/ezscale/bursar/sdk/panel"
)

func (s *Site) serviceRoutes() []route.Route {
	return []route.Route{
		get("/services/:id", route.Customer(auth.ServiceSee), s.service),
		get("/services/:id/activity", route.Customer(auth.ServiceSee), s.activity),
		post("/services/:id/power", route.Customer(auth.ServiceControl), s.power),
		post("/services/:id/login", route.Customer(auth.ServiceControl), s.panelLogin),
		post("/services/:id/name", route.Customer(auth.ServiceControl), s.rename),
	}
}

// servicePage is one service: how it stands, what it is, what it costs, what may be done with it.
type servicePage struct {
	view.Page
	ID       ids.Subscription
	Name     string
	Product  string
	Features []string
	State    string
	Tabs     []view.Tab

	Progress *progress // while it is being set up
	Waits    string    // why it is not being set up yet
	Reasons  []string  // why it is suspended
	Unpaid   ids.Invoice
	Ends     period.Day // cancelled for
	Ended    period.Day

	Stale     bool      // the panel did not answer: what is shown is from Seen
	Seen      time.Time // when the panel was last read
	Looked    bool      // there is something that was read
	Addresses []string
	Hostname  string
	Login     string // user name on the server
	Details   []view.Fact
	Ways      int // credentials that can be revealed
	Meters    []meter
	NoMeters  bool // the panel has meters, but they could not be read

	Actions   []powerAction
	CanLogin  bool
	CanReset  bool
	CanReveal bool
	CanRename bool
	CanCancel bool
	Silent    bool // the panel does not answer, so nothing can be done with it now
	Key       string

	Parts    []view.Leader
	Net      money.Amount
	Priced   bool
	Every    string
	Next     *charge // nil: no further charge
	Activity []view.Moment
}

// progress is how far the setting-up is.
type progress struct {
	Text    string
	Percent int // 0: unknown
	Since   time.Time
	Stopped bool // staff has to look at it
}

// meter is a measured thing of a service.
type meter struct {
	Label string
	Value string // "3.1 TB"
	Limit string // "6 TB", "" for none
	Meter view.Meter
	From  time.Time // zero: a level now
}

// powerAction is a button that asks once.
type powerAction struct {
	Action panel.PowerAction
	Label  string
	Icon   string
	Ask    string // question that names the server
	Text   string
	Submit string
	Danger bool
}

// freshFor is how long what was read from a panel is not read again.
const freshFor = 10 * time.Second

func (s *Site) service(c echo.Context) error {
	ctx := c.Request().Context()
	sub, page, err := s.servicePage(c, "")
	if err != nil {
		return err
	}
	up, err := s.Flow.Upcoming(ctx, sub.Customer, []subscription.Subscription{sub})
	if err != nil {
		return err
	}
	page.Customer = up.Customer.Name()
	if price, ok := up.Prices[sub.ID]; ok {
		page.Priced, page.Net, page.Every = true, price.Net, cycleWord(sub.Cycle)
		for _, part := range price.Parts {
			page.Parts = append(page.Parts, view.Leader{Label: part.Text, Amount: part.Amount})
		}
	}
	for _, r := range up.Renewals {
		if page.Next == nil {
			page.Next = &charge{On: r.Due, Amount: r.Total}
		}
	}
	acc, err := s.account(ctx, sub, page)
	if err != nil {
		return err
	}
	page.State = stateOf(sub, acc)
	if err := s.reasons(ctx, sub, page); err != nil {
		return err
	}
	if page.Activity, err = s.moments(ctx, sub, 6); err != nil {
		return err
	}
	if sub.Status == subscription.Pending {
		page.Refresh = 15 // without scripts
		if page.Progress == nil {
			page.Refresh = 0
		}
	}
	view.AllowForms(c, acc.URL)
	return view.Render(c, http.StatusOK, "portal/service.html", page)
}

// servicePage begins a page of a service: what all its tabs have.
func (s *Site) servicePage(c echo.Context, tab string) (sub subscription.Subscription, page *servicePage, err error) {
	ctx := c.Request().Context()
	id, err := idOf[ids.Subscription](c, "id")
	if err != nil {
		return sub, nil, err
	}
	if sub, err = s.Subscriptions.GetFor(ctx, customerOf(c), id); err != nil {
		return sub, nil, err
	}
	shop, err := s.Catalog.Shop(ctx)
	if err != nil {
		return sub, nil, err
	}
	p, _ := shop.Product(sub.Product)
	page = &servicePage{
		Page: view.Page{Title: sub.Label, Current: "/services", Crumbs: []view.Link{{Label: "Services", Link: "/services"}}},
		ID:   sub.ID, Name: sub.Label, Product: p.Name, Features: p.Features, State: string(sub.Status), Ends: sub.CancelOn, Ended: sub.EndedOn,
		CanRename: can(c, auth.ServiceControl) && sub.Status != subscription.Ended, CanCancel: can(c, auth.ServiceCancel) && sub.Status != subscription.Ended,
		CanReveal: can(c, auth.ServiceReveal), Key: newKey(),
	}
	base := "/services/" + string(sub.ID)
	page.Tabs = []view.Tab{{Label: "Overview", Link: base, On: tab == ""}, {Label: "Activity", Link: base + "/activity", On: tab == "activity"}}
	if page.CanCancel {
		label := "Cancel"
		if !sub.CancelOn.IsZero() {
			label = "Cancelled"
		}
		page.Tabs = append(page.Tabs, view.Tab{Label: label, Link: base + "/cancel", On: tab == "cancel"})
	}
	return sub, page, nil
}

// newKey names what a form asks for: sent twice, it is done once.
func newKey() string { return string(ids.New[ids.Op]()) }

// account reads the account, from the panel itself where it runs. A panel that does not answer leaves what was seen
// last, with its age.
func (s *Site) account(ctx context.Context, sub subscription.Subscription, page *servicePage) (provision.Account, error) {
	acc, err := s.Provision.Account(ctx, sub.ID)
	if errors.Is(err, provision.ErrNoAccount) {
		page.Waits = "It is set up once the order is paid."
		if sub.Status != subscription.Pending {
			page.Waits = ""
		}
		page.CanReveal = false
		return provision.Account{}, nil
	}
	if err != nil {
		return acc, err
	}
	if err := s.progress(ctx, sub, page); err != nil {
		return acc, err
	}
	running := sub.Status == subscription.Active || sub.Status == subscription.Suspended
	if running && acc.RemoteID != "" && s.Clock.Now().Sub(acc.Seen) > freshFor {
		look, stop := within(ctx)
		defer stop()
		fresh, err := s.Flow.Refresh(look, sub.Customer, sub.ID)
		switch {
		case err == nil:
			acc = fresh
		case ctx.Err() != nil:
			return acc, err
		default:
			page.Stale = true
			s.Log.Warn("a panel does not say how a service stands", "service", sub.ID, "error", err)
		}
	}
	page.Looked, page.Seen = !acc.Seen.IsZero(), acc.Seen
	page.Addresses, page.Hostname, page.Ways = acc.Addresses, acc.Hostname, acc.Ways
	if acc.RemoteID != "" {
		page.Login = acc.Username
	}
	page.CanReveal = page.CanReveal && acc.RemoteID != "" && sub.Status == subscription.Active
	for _, d := range acc.Details {
		page.Details = append(page.Details, view.Fact{Label: d[0], Value: d[1]})
	}
	if sub.Status == subscription.Active && acc.RemoteID != "" {
		s.controls(ctx, sub, acc, page)
	}
	return acc, nil
}

// controls adds what the panel can do and measure. One that is dead can do nothing now, and the page says so.
func (s *Site) controls(ctx context.Context, sub subscription.Subscription, acc provision.Account, page *servicePage) {
	if page.Stale {
		page.Silent = true
		return
	}
	power, password, login := s.Provision.Powers(acc.Instance)
	if page.CanRename { // the right to control
		page.CanLogin, page.CanReset = login, password
		if power {
			page.Actions = powerActions(sub.Label, acc.Power)
		}
	}
	look, stop := within(ctx)
	defer stop()
	meters, err := s.Flow.Usage(look, sub.Customer, sub.ID)
	if err != nil {
		page.NoMeters = true
		s.Log.Warn("a panel does not say what a service used", "service", sub.ID, "error", err)
	}
	for _, m := range meters {
		page.Meters = append(page.Meters, meterOf(m))
	}
}

func powerActions(name, power string) []powerAction {
	start := powerAction{Action: panel.Start, Label: "Start", Icon: "play", Ask: "Start " + name + "?", Submit: "Start " + name}
	if power == "stopped" {
		return []powerAction{start}
	}
	return []powerAction{
		{Action: panel.Restart, Label: "Restart", Icon: "rotate-cw", Ask: "Restart " + name + "?", Text: "It is out of reach for about a minute.", Submit: "Restart " + name},
		{Action: panel.Stop, Label: "Shut down", Icon: "power", Ask: "Shut down " + name + "?", Text: "It stays off until you start it.", Submit: "Shut down " + name},
		{Action: panel.Kill, Label: "Cut the power", Icon: "zap", Ask: "Cut the power of " + name + "?", Text: "As pulling the plug: what is not written to disk is lost.", Submit: "Cut the power of " + name, Danger: true},
	}
}

func meterOf(m panel.Meter) meter {
	label := strings.ToUpper(m.Name[:min(1, len(m.Name))]) + strings.ReplaceAll(m.Name[min(1, len(m.Name)):], "_", " ")
	if m.Name == "cpu" {
		label = "CPU"
	}
	out := meter{Label: label, From: m.From}
	out.Value = amountOf(m.Used, m.Unit)
	if m.Limit > 0 {
		out.Limit = amountOf(m.Limit, m.Unit)
	}
	out.Meter = view.Meter{Label: out.Label, Text: out.Value, Used: float64(m.Used), Of: float64(m.Limit)}
	return out
}

// progress reads how the setting-up goes.
func (s *Site) progress(ctx context.Context, sub subscription.Subscription, page *servicePage) error {
	if sub.Status != subscription.Pending {
		return nil
	}
	latest, err := s.Provision.Latest(ctx, []ids.Subscription{sub.ID})
	if err != nil {
		return err
	}
	op, ok := latest[sub.ID]
	if !ok {
		return nil
	}
	page.Progress = &progress{Text: op.Progress, Percent: op.Percent, Since: op.Created, Stopped: op.State == provision.Failed || op.State == provision.Stuck}
	if page.Progress.Text == "" {
		page.Progress.Text = "Waiting for the panel"
		if op.State.Open() && op.Calls > 0 {
			page.Progress.Text = "Being built"
		}
	}
	return nil
}

// reasons says why a service is suspended, and which invoice lifts it.
func (s *Site) reasons(ctx context.Context, sub subscription.Subscription, page *servicePage) error {
	if sub.Status != subscription.Suspended {
		return nil
	}
	causes, err := s.Subscriptions.Causes(ctx, []ids.Subscription{sub.ID})
	if err != nil {
		return err
	}
	for _, why := range causes[sub.ID] {
		switch why.Cause {
		case subscription.CauseUnpaid:
			page.Reasons = append(page.Reasons, "An invoice is late. Pay it and the service comes back within a minute.")
			if id, err := ids.Parse[ids.Invoice](why.Ref); err == nil {
				page.Unpaid = id
			}
		case subscription.CauseDispute:
			page.Reasons = append(page.Reasons, "A payment for it was contested at the bank.")
		case subscription.CauseTraffic:
			page.Reasons = append(page.Reasons, "Its traffic is used up.")
		default:
			text := why.Reason
			if text == "" {
				text = "We took it down. Write to us."
			}
			page.Reasons = append(page.Reasons, text)
		}
	}
	return nil
}

func (s *Site) power(c echo.Context) error {
	id, err := idOf[ids.Subscription](c, "id")
	if err != nil {
		return err
	}
	action := panel.PowerAction(c.FormValue("action"))
	err = s.Flow.Power(c.Request().Context(), customerOf(c), id, action, c.FormValue("key"))
	words := map[panel.PowerAction]string{panel.Start: "It is being started.", panel.Stop: "It is being shut down.", panel.Restart: "It is being restarted.", panel.Kill: "Its power is being cut."}
	return outcome(c, "/services/"+string(id), words[action], err)
}

// panelLogin signs the browser on at the panel. The link is for one use, and written down nowhere.
func (s *Site) panelLogin(c echo.Context) error {
	id, err := idOf[ids.Subscription](c, "id")
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	link, err := s.Flow.PanelLogin(ctx, customerOf(c), id, false)
	if err != nil {
		return outcome(c, "/services/"+string(id), "", err)
	}
	acc, err := s.Provision.Account(ctx, id)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	if sameOrigin(link.URL, acc.URL) {
		return c.Redirect(http.StatusSeeOther, link.URL)
	}
	return view.Leave(c, link.URL, "The panel opens.", "/services/"+string(id))
}

// sameOrigin says whether two addresses are on one host: the service page let forms lead there.
func sameOrigin(a, b string) bool {
	x, err := url.Parse(a)
	if err != nil || x.Host == "" || (x.Scheme != "https" && x.Scheme != "http") {
		return false
	}
	y, err := url.Parse(b)
	return err == nil && x.Scheme == y.Scheme && x.Host == y.Host
}

func (s *Site) rename(c echo.Context) error {
	id, err := idOf[ids.Subscription](c, "id")
	if err != nil {
		return err
	}
	err = s.Flow.RenameService(c.Request().Context(), customerOf(c), id, strings.TrimSpace(c.FormValue("label")))
	return outcome(c, "/services/"+string(id), "The new name is saved.", err)
}
