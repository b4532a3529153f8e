package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/run"
	"github.com/ezscale/bursar/core/hosting/provision"
	"github.com/ezscale/bursar/core/insight"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/platform/pluginhost"
	"github.com/ezscale/bursar/core/sales/order"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/money"
)

func (s *Site) dashboardRoutes() []route.Route {
	return []route.Route{get("/", s.dashboard, auth.OrderSee)}
}

// dashboardPage is the first page: what needs a person, the figures, and what came in.
type dashboardPage struct {
	view.Page
	Needs     []need        // what waits for a person, worst first
	Figures   []view.Figure // headline numbers; money only for those who may read reports
	Spans     []view.Tab    // time spans of the chart
	Monies    []view.Tab    // currencies of the chart; empty if there is one
	Chart     string        // data of the chart, "" for those who may not see it
	ChartText string        // the same in a sentence
	Days      []dayRow      // the same as a table, newest first
	Total     money.Amount  // sum of the days
	Orders    []orderRow    // the newest
	Plugins   []pluginRow
	PluginAll view.Link
	Latest    []view.Moment // of the trail, for those who may read it
	Run       string        // what the last daily run came to
	RunFailed bool
}

// need is a line of what needs a person.
type need struct {
	Icon, Ink  string
	Text, Note string
	Link       view.Link
}

// dayRow is money that came in on a day.
type dayRow struct {
	On       period.Day
	Received money.Amount
}

// pluginRow is how a plugin stands.
type pluginRow struct {
	Name, Type, State, Note string
	Link                    string
}

// spans are the lengths of the dashboard's chart, in days.
var spans = []int{7, 30, 90}

func (s *Site) dashboard(c echo.Context) error {
	ctx, a := c.Request().Context(), ask(c)
	today, set, err := s.today(ctx)
	if err != nil {
		return err
	}
	f, err := s.Insight.Figures(ctx, today)
	if err != nil {
		return err
	}
	page := dashboardPage{Page: view.Page{Title: "Dashboard", Sub: today.Format("Monday, 2 January 2006")}, PluginAll: view.Link{Label: "All plugins", Link: "/plugins"}}
	base := set.Business.BaseCurrency
	page.Figures = []view.Figure{
		{Label: "Active services", Value: count(f.Active), Note: fmt.Sprintf("%s suspended, %s waiting", count(f.Suspended), count(f.Pending)), Link: "/services?state=active"},
		{Label: "Customers", Value: count(f.Customers), Link: "/customers"},
	}
	if can(c, auth.ReportSee) {
		page.Figures = append([]view.Figure{
			{Label: "Recurring a month", Value: sums(c, f.Recurring, base), Note: "net, active and suspended"},
			{Label: "Received this month", Value: sums(c, f.Received, base), Note: "gateways and banks", Link: "/payments"},
			{Label: "Outstanding", Value: sums(c, f.Outstanding, base), Link: "/invoices?state=open"},
			{Label: "Overdue", Value: sums(c, f.Overdue, base), Link: "/invoices?state=overdue"},
		}, page.Figures...)
		if err := s.drawReceived(c, &page, a, today, base, f); err != nil {
			return err
		}
	} else {
		page.Figures = append(page.Figures, view.Figure{Label: "Open orders", Value: count(f.OpenOrders), Link: "/orders?state=pending"})
	}
	runs, err := s.Runs.List(ctx, 1)
	if err != nil {
		return err
	}
	if page.Needs, err = s.needs(c, f, runs); err != nil {
		return err
	}
	if len(runs) > 0 {
		page.Run, page.RunFailed = runText(runs[0]), runs[0].Failed > 0
	}
	list, err := s.Orders.List(ctx, order.Filter{Limit: 6})
	if err != nil {
		return err
	}
	if page.Orders, err = s.orderRows(ctx, list.List); err != nil {
		return err
	}
	page.Plugins = s.pluginRows()
	if can(c, auth.AuditSee) {
		if page.Latest, err = s.moments(ctx, audit.Filter{Limit: 8}); err != nil {
			return err
		}
	}
	return view.Render(c, http.StatusOK, "admin/dashboard.html", &page)
}

func runText(r run.Run) string {
	if r.State == run.Running {
		return fmt.Sprintf("The daily run of %s is at work.", r.Day.Format("2 January"))
	}
	return fmt.Sprintf("The daily run of %s did %s, %s failed.", r.Day.Format("2 January"), many(r.Done, "item", "items"), count(r.Failed))
}

// drawReceived is the chart of money that came in, in one currency.
func (s *Site) drawReceived(c echo.Context, page *dashboardPage, a asked, today period.Day, base string, f insight.Figures) error {
	days, currency := spans[1], base
	for _, n := range spans {
		if strconv.Itoa(n) == a.get("days") {
			days = n
		}
	}
	currencies := []string{base}
	for _, m := range f.Received {
		if m.Currency() != base {
			currencies = append(currencies, m.Currency())
		}
	}
	for _, code := range currencies {
		if code == a.get("currency") {
			currency = code
		}
	}
	for _, n := range spans {
		page.Spans = append(page.Spans, view.Tab{Label: strconv.Itoa(n) + " days", Link: a.with("days", strconv.Itoa(n)), On: n == days})
	}
	if len(currencies) > 1 {
		for _, code := range currencies {
			page.Monies = append(page.Monies, view.Tab{Label: code, Link: a.with("currency", code), On: code == currency})
		}
	}
	list, err := s.Insight.Received(c.Request().Context(), currency, today, days)
	if err != nil {
		return err
	}
	chart := receivedChart{Bars: true, Unit: symbols[currency], Series: []chartSeries{{Label: "Received"}}}
	page.Total = money.Of(0, currency)
	for _, d := range list {
		chart.X = append(chart.X, d.On.Time().Unix())
		chart.Series[0].Y = append(chart.Series[0].Y, json.Number(d.Received.Decimal()))
		if page.Total, err = page.Total.Add(d.Received); err != nil {
			return err
		}
		page.Days = append([]dayRow{{d.On, d.Received}}, page.Days...)
	}
	text, err := json.Marshal(chart)
	if err != nil {
		return err
	}
	page.Chart, page.Scripts = string(text), []string{"charts.js"}
	page.ChartText = fmt.Sprintf("Money received by day in the last %d days, %s in all", days, view.ReaderOf(c).Money(page.Total))
	return nil
}

// symbols are those that the chart can put before a number.
var symbols = map[string]string{"EUR": "€", "USD": "$", "GBP": "£"}

// receivedChart is what the script of charts reads.
type receivedChart struct {
	X      []int64       `json:"x"`
	Series []chartSeries `json:"series"`
	Bars   bool          `json:"bars"`
	Unit   string        `json:"unit,omitempty"`
}

type chartSeries struct {
	Label string        `json:"label"`
	Y     []json.Number `json:"y"`
}

// needs lists what waits for a person, worst first.
func (s *Site) needs(c echo.Context, f insight.Figures, runs []run.Run) ([]need, error) {
	var out []need
	add := func(icon, ink, text, note, label, link string, r auth.Right) {
		if can(c, r) {
			out = append(out, need{Icon: icon, Ink: ink, Text: text, Note: note, Link: view.Link{Label: label, Link: link}})
		}
	}
	if n := f.Jobs[string(provision.Failed)] + f.Jobs[string(provision.Stuck)]; n > 0 {
		stopped, err := s.Provision.List(c.Request().Context(), provision.Filter{States: []provision.State{provision.Failed, provision.Stuck}, Limit: 1})
		if err != nil {
			return nil, err
		}
		note := ""
		if len(stopped.List) > 0 {
			op := stopped.List[0]
			note = fmt.Sprintf("last %s, on %s: %s", view.ReaderOf(c).Ago(op.Created), op.Instance, faultText(op))
		}
		add("circle-x", view.Bad, many(n, "provisioning job stopped", "provisioning jobs stopped"), note, "Open jobs", "/provisioning?state=stopped", auth.JobSee)
	}
	if s.Plugins != nil {
		for _, p := range s.Plugins.Status() {
			switch p.State {
			case pluginhost.Failed, pluginhost.Quarantined, pluginhost.Open, pluginhost.Restarting:
				add("unplug", view.Bad, fmt.Sprintf("Plugin %s: %s", p.Name, view.Label("plugin", string(p.State))), p.LastError, "Open plugin", "/plugins", auth.PluginSee)
			}
		}
		if n := len(s.Plugins.Problems()); n > 0 {
			add("triangle-alert", view.Soon, many(n, "problem in plugins.hcl", "problems in plugins.hcl"), s.Plugins.Problems()[0].Text, "Read", "/plugins", auth.PluginSee)
		}
	}
	if f.ParkedJobs > 0 {
		add("hand", view.Bad, many(f.ParkedJobs, "task was given up", "tasks were given up"), "", "Open tasks", "/jobs", auth.JobSee)
	}
	if len(runs) > 0 && runs[0].Failed > 0 {
		add("calendar-check", view.Bad, many(runs[0].Failed, "item of the daily run failed", "items of the daily run failed"), runs[0].Day.Format("2 January"), "Open run", "/billing", auth.RunPlan)
	}
	if f.Unsure > 0 {
		add("circle-question-mark", view.Soon, many(f.Unsure, "payment is not certain", "payments are not certain"), "nobody is charged again before it is known", "Look", "/payments?state=unsure", auth.PaymentSee)
	}
	if f.HeldMoney > 0 {
		add("hand", view.Soon, many(f.HeldMoney, "payment of unknown purpose is held", "payments of unknown purpose are held"), "", "Assign", "/payments?state=held", auth.PaymentSee)
	}
	if f.ReviewOrders > 0 {
		add("shield-alert", view.Soon, many(f.ReviewOrders, "order waits for review", "orders wait for review"), "", "Review", "/orders?state=review", auth.OrderSee)
	}
	if f.Unsent > 0 {
		add("mail", view.Soon, many(f.Unsent, "message was not delivered", "messages were not delivered"), "", "Open messages", "/mails?state=failed", auth.MailSee)
	}
	return out, nil
}

func (s *Site) pluginRows() []pluginRow {
	if s.Plugins == nil {
		return nil
	}
	var out []pluginRow
	for _, p := range s.Plugins.Status() {
		note := p.Version
		if p.LastError != "" && p.State != pluginhost.Healthy {
			note = p.LastError
		}
		out = append(out, pluginRow{Name: p.Name, Type: p.Type, State: string(p.State), Note: note, Link: "/plugins#" + p.Type + "-" + p.Name})
	}
	return out
}

// moments are rows of the trail as a timeline; where they are of many customers each says of whom.
func (s *Site) moments(ctx context.Context, f audit.Filter) ([]view.Moment, error) {
	trail, err := s.Audit.List(ctx, f)
	if err != nil {
		return nil, err
	}
	by, err := s.actors(ctx, trail.Rows)
	if err != nil {
		return nil, err
	}
	var of map[ids.Customer]string
	if f.Customer == "" {
		if of, err = s.names(ctx, pick(trail.Rows, func(r audit.Row) ids.Customer { return r.Customer })); err != nil {
			return nil, err
		}
	}
	out := make([]view.Moment, 0, len(trail.Rows))
	for _, r := range trail.Rows {
		m := view.Moment{Icon: actionIcon(r.Action), Text: actionText(r.Action), At: r.At, Link: subjectLink(r.Subject)}
		if name := of[r.Customer]; name != "" {
			m.Text += ", " + name
		}
		if r.Who.Actor != "system" {
			m.Text += ", by " + by[r.Who.Actor]
		}
		out = append(out, m)
	}
	return out, nil
}
