package admin

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/platform/pluginhost"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/fault"
)

func (s *Site) pluginsRoutes() []route.Route {
	return []route.Route{
		get("/plugins", s.plugins, auth.PluginSee),
		get("/plugins/:kind/:name", s.plugin, auth.PluginSee),
		post("/plugins/:kind/:name/restart", s.restartPlugin, auth.PluginControl),
		post("/plugins/:kind/:name/enable", s.enablePlugin, auth.PluginControl),
		post("/plugins/:kind/:name/disable", s.disablePlugin, auth.PluginControl),
		post("/plugins/instance/:label/check", s.checkInstance, auth.PluginSee),
		post("/plugins/instance/:label/webhook", s.installWebhook, auth.PluginControl),
	}
}

// pluginsPage lists plugins with what is wrong.
type pluginsPage struct {
	view.Page
	Rows     []programRow
	Problems []problemRow
	None     bool // no host runs
}

// programRow is a plugin.
type programRow struct {
	Link, Title, Name, Kind string
	State, Version          string
	PID, Restarts           int
	Up                      string
	P50, Errors             string
	ErrorsBad               bool
	Instances               []instanceRow
	LastError               string
	Sandboxed, Runs         bool
}

// instanceRow is an instance of a plugin.
type instanceRow struct {
	Label, Title, State, Why string
	Account                  string
	OpenUntil, Checked       time.Time
	CheckError               string
	Good                     bool   // the last check found nothing wrong
	Check                    string // address
	Hook                     string // address that installs the webhook; "" where it has none
	HookURL                  string // what the vendor calls, for those who install it by hand
}

// problemRow is a thing that is wrong in plugins.hcl, with its line.
type problemRow struct {
	Where, Text string
	Warn        bool
}

func (s *Site) plugins(c echo.Context) error {
	page := &pluginsPage{Page: view.Page{Title: "Plugins", Sub: "Each runs as a process of its own. One that ends is started again; one that ends too often is put in quarantine until staff lifts it.", Current: "/plugins"}}
	if s.Plugins == nil {
		page.None = true
		return view.Render(c, http.StatusOK, "admin/plugins.html", page)
	}
	now := s.Wall.Now()
	for _, p := range s.Plugins.Status() {
		page.Rows = append(page.Rows, s.programRow(p, now))
	}
	page.Problems = problemRows(s.Plugins.Problems(), "")
	return view.Render(c, http.StatusOK, "admin/plugins.html", page)
}

// problemRows are those of a plugin, "" of the whole file.
func problemRows(list []pluginhost.Problem, plug string) []problemRow {
	var out []problemRow
	for _, p := range list {
		if plug != "" && p.Plug != plug {
			continue
		}
		where := fmt.Sprintf("%s:%d", p.File[strings.LastIndex(p.File, "/")+1:], p.Line)
		if p.Line == 0 {
			where = p.File[strings.LastIndex(p.File, "/")+1:]
		}
		text := p.Text
		if p.Where != "" && plug == "" {
			text = p.Where + ": " + text
		}
		out = append(out, problemRow{where, text, p.Warn})
	}
	return out
}

func (s *Site) programRow(p pluginhost.PluginStatus, now time.Time) programRow {
	row := programRow{Link: "/plugins/" + p.Type + "/" + p.Name, Title: cmp.Or(p.Title, p.Name), Name: p.Name, Kind: p.Type, State: string(p.State), Version: p.Version, PID: p.PID, Restarts: p.Restarts, LastError: p.LastError,
		Up: "–", P50: "–", Errors: "–", Sandboxed: p.Sandboxed, Runs: p.PID != 0}
	if row.Runs {
		row.Up = lasting(now.Sub(p.Since))
	}
	var calls, errors int64
	var slowest time.Duration
	for _, m := range p.Calls {
		calls, errors = calls+m.Count, errors+m.Errors
		slowest = max(slowest, m.P50)
	}
	if calls > 0 {
		row.P50 = "≤ " + lasting(slowest)
		row.Errors = fmt.Sprintf("%s of %s", count(errors), count(calls))
		row.ErrorsBad = errors*20 > calls // more than 5 %
	}
	for _, i := range p.Instances {
		row.Instances = append(row.Instances, instance(i))
	}
	return row
}

func instance(i pluginhost.InstanceInfo) instanceRow {
	return instanceRow{Label: i.Label, Title: i.Title, State: i.State, Why: i.Why, Account: i.AccountKey, OpenUntil: i.OpenUntil, Checked: i.Checked, CheckError: i.CheckError,
		Good: !i.Checked.IsZero() && i.CheckError == "", Check: "/plugins/instance/" + i.Label + "/check"}
}

// pluginPage is one plugin whole.
type pluginPage struct {
	view.Page
	Plugin   programRow
	Actions  []view.Action
	Asks     []view.Confirm
	Facts    []view.Fact
	Calls    []statRow
	Log      []logRow // newest first
	Problems []problemRow
	Powers   []string
	Network  []string
	Hears    []string
}

// statRow are the calls of a method.
type statRow struct {
	Method, P50, P99 string
	Count, Errors    int64
}

// logRow is a line of a plugin's log.
type logRow struct {
	At             time.Time
	Level          string
	Bad, Soon      bool
	Instance, Text string
}

// pluginOf finds the plugin of the address.
func (s *Site) pluginOf(c echo.Context) (pluginhost.PluginStatus, error) {
	if s.Plugins != nil {
		for _, p := range s.Plugins.Status() {
			if p.Type == c.Param("kind") && p.Name == c.Param("name") {
				return p, nil
			}
		}
	}
	return pluginhost.PluginStatus{}, pluginhost.ErrNoPlugin
}

func (s *Site) plugin(c echo.Context) error {
	p, err := s.pluginOf(c)
	if err != nil {
		return err
	}
	now := s.Wall.Now()
	row := s.programRow(p, now)
	page := &pluginPage{Page: view.Page{Title: p.Title, Sub: p.Type + " " + p.Name + ", version " + orDash(p.Version), Current: "/plugins", Crumbs: []view.Link{{Label: "Plugins", Link: "/plugins"}}}, Plugin: row,
		Problems: problemRows(s.Plugins.Problems(), p.Type+"/"+p.Name), Powers: p.Powers, Network: p.Network}
	for _, k := range p.Hears {
		page.Hears = append(page.Hears, string(k))
	}
	if p.State == pluginhost.Starting || p.State == pluginhost.Restarting {
		page.Refresh = 5
	}
	page.Facts = []view.Fact{{Label: "Process", Value: pidText(p)}, {Label: "State since", Value: p.Since}, {Label: "Started anew", Value: many(p.Restarts, "time", "times")}, {Label: "Sandbox", Value: sandboxText(p)},
		{Label: "Refused connections", Value: p.Denied}, {Label: "Calls under way", Value: fmt.Sprintf("%d, %d wait", p.Running, p.Waiting)}, {Label: "Program", Value: p.Path, Mono: true}}
	for _, m := range p.Calls {
		page.Calls = append(page.Calls, statRow{Method: m.Method, Count: m.Count, Errors: m.Errors, P50: "≤ " + lasting(m.P50), P99: "≤ " + lasting(m.P99)})
	}
	for i := len(p.Log) - 1; i >= 0 && len(page.Log) < 100; i-- {
		page.Log = append(page.Log, logLine(p.Log[i]))
	}
	for i := range page.Plugin.Instances {
		in := &page.Plugin.Instances[i]
		if s.HookBase == "" || p.Type != "gateway" && p.Type != "notifier" && p.Type != "helpdesk" && p.Type != "panel" || !can(c, auth.PluginControl) {
			continue
		}
		in.Hook = "/plugins/instance/" + in.Label + "/webhook"
		if secret, err := s.Plugins.HookSecret(c.Request().Context(), in.Label); err == nil {
			in.HookURL = s.hookURL(in.Label, secret)
		}
	}
	if can(c, auth.PluginControl) {
		if row.Runs || p.CanSwitchOff {
			page.Asks = append(page.Asks, view.Confirm{Label: "Restart", Title: "Restart " + p.Title + "?", Text: "Calls under way end as not certain and are looked after. It takes a few seconds.", Action: row.Link + "/restart", Submit: "Restart " + p.Name},
				view.Confirm{Label: "Switch off", Title: "Switch " + p.Title + " off?", Danger: true, Text: "What needs it waits until it is on again. It comes back by itself when Bursar starts anew.", Action: row.Link + "/disable", Submit: "Switch off " + p.Name})
		} else {
			page.Actions = append(page.Actions, view.Action{Label: "Switch on", Link: row.Link + "/enable", Icon: "power", Primary: true, Post: true})
		}
	}
	return view.Render(c, http.StatusOK, "admin/plugin.html", page)
}

func (s *Site) hookURL(label, secret string) string {
	return strings.TrimSuffix(s.HookBase, "/") + "/" + label + "/" + secret
}

func pidText(p pluginhost.PluginStatus) string {
	if p.PID == 0 {
		return "does not run"
	}
	return fmt.Sprintf("PID %d", p.PID)
}

func sandboxText(p pluginhost.PluginStatus) string {
	switch {
	case p.PID == 0:
		return "–"
	case p.Sandboxed:
		return "closed in"
	}
	return "not closed in on this machine"
}

func orDash(text string) string {
	if text == "" {
		return "–"
	}
	return text
}

func logLine(l pluginhost.LogLine) logRow {
	text := l.Message
	for i := 0; i+1 < len(l.Args); i += 2 {
		text += fmt.Sprintf(" %v=%v", l.Args[i], l.Args[i+1])
	}
	return logRow{At: l.At, Level: l.Level.String(), Bad: l.Level >= hclog.Error, Soon: l.Level == hclog.Warn, Instance: l.Instance, Text: fault.Cut(text, 400)}
}

func (s *Site) restartPlugin(c echo.Context) error {
	return s.controlPlugin(c, "It was started anew.", Plugins.Restart)
}

func (s *Site) enablePlugin(c echo.Context) error {
	return s.controlPlugin(c, "It is on.", Plugins.Enable)
}

func (s *Site) disablePlugin(c echo.Context) error {
	return s.controlPlugin(c, "It is off.", Plugins.Disable)
}

func (s *Site) controlPlugin(c echo.Context, text string, do func(Plugins, context.Context, string, string) error) error {
	p, err := s.pluginOf(c)
	if err != nil {
		return err
	}
	return outcome(c, "/plugins/"+p.Type+"/"+p.Name, p.Title+": "+strings.ToLower(text[:1])+text[1:], do(s.Plugins, c.Request().Context(), p.Type, p.Name))
}

// instanceOf finds the instance of the address, and the page of its plugin.
func (s *Site) instanceOf(c echo.Context) (pluginhost.InstanceInfo, string, error) {
	if s.Plugins != nil {
		for _, i := range s.Plugins.Instances("") {
			if i.Label == c.Param("label") {
				return i, "/plugins/" + i.Type + "/" + i.Name, nil
			}
		}
	}
	return pluginhost.InstanceInfo{}, "", pluginhost.ErrNoInstance
}

func (s *Site) checkInstance(c echo.Context) error {
	i, back, err := s.instanceOf(c)
	if err != nil {
		return err
	}
	report, err := s.Plugins.Check(c.Request().Context(), i.Label)
	if err != nil {
		return s.pluginSaid(c, back, i.Label, err)
	}
	text := i.Label + " is good"
	if report.VendorVersion != "" {
		text += ": the vendor runs " + report.VendorVersion
	}
	if len(report.Warnings) > 0 {
		view.Tell(c, view.Soon, text+". "+strings.Join(report.Warnings, " "))
		return c.Redirect(http.StatusSeeOther, back)
	}
	return done(c, back, text+".")
}

// pluginSaid shows what a plugin answered in place: whatever it is, it is no error of this page.
func (s *Site) pluginSaid(c echo.Context, back, label string, err error) error {
	fa := fault.Of(err)
	if fa == nil || fa.Kind == fault.Internal {
		return err
	}
	text := fa.Sentence()
	if fa.Detail != "" {
		text += " (" + fa.Detail + ")"
	}
	view.Tell(c, view.Bad, label+": "+text)
	return c.Redirect(http.StatusSeeOther, back)
}

func (s *Site) installWebhook(c echo.Context) error {
	ctx := c.Request().Context()
	i, back, err := s.instanceOf(c)
	if err != nil {
		return err
	}
	secret, err := s.Plugins.HookSecret(ctx, i.Label)
	if err == nil {
		err = s.Plugins.InstallWebhook(ctx, i.Label, s.hookURL(i.Label, secret))
	}
	if fault.KindOf(err) == fault.Unsupported {
		view.Tell(c, view.Soon, i.Label+": its vendor's webhooks are set up by hand. Copy the address from this page.")
		return c.Redirect(http.StatusSeeOther, back)
	}
	if err != nil {
		return s.pluginSaid(c, back, i.Label, err)
	}
	return done(c, back, i.Label+": the vendor calls us from now on.")
}
