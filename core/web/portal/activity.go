package portal

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/hosting/provision"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/panel"
)

// activity is all that happened to a service.
func (s *Site) activity(c echo.Context) error {
	sub, page, err := s.servicePage(c, "activity")
	if err != nil {
		return err
	}
	accounts, err := s.Provision.Accounts(c.Request().Context(), []ids.Subscription{sub.ID})
	if err != nil {
		return err
	}
	page.State = stateOf(sub, accounts[sub.ID])
	if page.Activity, err = s.moments(c.Request().Context(), sub, 60); err != nil {
		return err
	}
	return view.Render(c, http.StatusOK, "portal/service-activity.html", page)
}

// moments are what happened to a service that its customer may know of, newest first: what people did, and what the
// panel was asked to do by nobody in particular.
func (s *Site) moments(ctx context.Context, sub subscription.Subscription, limit int) ([]view.Moment, error) {
	trail, err := s.Audit.List(ctx, audit.Filter{Subject: string(sub.ID), Customer: sub.Customer, Limit: limit})
	if err != nil {
		return nil, err
	}
	ops, err := s.Provision.List(ctx, provision.Filter{Subscription: sub.ID, Limit: limit})
	if err != nil {
		return nil, err
	}
	members, err := s.Auth.Members(ctx, sub.Customer)
	if err != nil && fault.KindOf(err) != fault.Forbidden {
		return nil, err
	}
	names := map[string]string{}
	for _, m := range members {
		names[string(m.User.ID)] = m.User.Name
	}
	var out []view.Moment
	for _, row := range trail.Rows {
		if m, ok := momentOf(row, names); ok {
			out = append(out, m)
		}
	}
	for _, op := range ops.List {
		if m, ok := momentOfOp(op); ok {
			out = append(out, m)
		}
	}
	sortMoments(out)
	return out[:min(len(out), limit)], nil
}

// told are the acts on the trail that customers read, and their words.
var told = map[string][2]string{
	"service.power": {"power", ""}, "service.password": {"key-round", "New password asked for"}, "service.login": {"external-link", "Signed on at the panel"},
	"service.reveal": {"eye", "Credentials revealed"}, "service.cancel": {"ban", "Cancelled"}, "service.keep": {"undo-2", "Cancellation taken back"},
	"service.suspend": {"circle-pause", "Suspended"}, "service.unsuspend": {"play", "Resumed"}, "service.terminate": {"circle-slash", "Ended"},
}

func momentOf(row audit.Row, names map[string]string) (view.Moment, bool) {
	word, ok := told[row.Action]
	if !ok {
		return view.Moment{}, false
	}
	m := view.Moment{Icon: word[0], Text: word[1], At: row.At}
	if row.Action == "service.power" {
		var after struct{ Power panel.PowerAction }
		_ = json.Unmarshal([]byte(row.After), &after)
		m.Text = map[panel.PowerAction]string{panel.Start: "Started", panel.Stop: "Shut down", panel.Restart: "Restarted", panel.Kill: "Power cut"}[after.Power]
		if m.Text == "" {
			m.Text = "Power switched"
		}
	}
	kind, id, _ := strings.Cut(row.Who.Actor, ":")
	switch {
	case kind == "staff":
		m.Text += " by our staff"
	case names[id] != "":
		m.Text += " by " + names[id]
	}
	return m, true
}

func momentOfOp(op provision.Operation) (view.Moment, bool) {
	m := view.Moment{At: op.Created, Busy: op.State.Open()}
	if !op.Ended.IsZero() {
		m.At = op.Ended
	}
	switch op.Kind {
	case provision.Create:
		m.Icon, m.Text = "server", "Set up"
		if m.Busy {
			m.Text = "Being set up"
		}
	case provision.Suspend:
		m.Icon, m.Text = "circle-pause", "Taken down"
	case provision.Unsuspend:
		m.Icon, m.Text = "play", "Brought back"
	case provision.Terminate:
		m.Icon, m.Text = "trash-2", "Deleted at the panel"
	case provision.Password:
		m.Icon, m.Text = "key-round", "New password set"
		if m.Busy {
			m.Text = "New password is being set"
		}
	default:
		return m, false // the act of a person, which the trail tells
	}
	switch op.State {
	case provision.Failed, provision.Stuck:
		m.Icon, m.Ink, m.Text, m.Sub = "clock", view.Soon, m.Text+": not yet", "Our staff looks at it."
		m.Busy = false
	case provision.Dropped:
		return m, false
	}
	return m, true
}
