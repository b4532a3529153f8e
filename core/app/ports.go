package app

import (
	"context"
	"slices"

	"github.com/ezscale/bursar/core/contact/notify"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/platform/pluginhost"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/gateway"
	"github.com/ezscale/bursar/sdk/notifier"
)

// What the domains ask for, answered by what the platform has.

// gateways is the plugin host as flow needs it.
type gateways struct{ *pluginhost.Host }

func (g gateways) Offered() []flow.GatewayInfo {
	var out []flow.GatewayInfo
	for _, i := range g.Instances("gateway") {
		if i.State == string(pluginhost.Off) {
			continue
		}
		out = append(out, flow.GatewayInfo{Instance: i.Label, Title: i.Title, Up: i.State == pluginhost.Ready, CanSave: slices.Contains(i.Powers, "Charger")})
	}
	return out
}

func (g gateways) Account(instance string) string {
	for _, i := range g.Instances("gateway") {
		if i.Label == instance {
			return i.AccountKey
		}
	}
	return instance
}

var _ interface {
	Gateway(string) (gateway.Gateway, error)
} = gateways{}

// carriers are the plugins that carry messages, and the built-in SMTP for instance "".
type carriers struct {
	host *pluginhost.Host
	smtp notify.SMTP
}

func (c carriers) Mailer(instance string) (notifier.Mailer, error) {
	if instance == "" {
		return c.smtp, nil
	}
	return c.host.Mailer(instance)
}

func (c carriers) Poster(instance string) (notifier.Poster, error) { return c.host.Poster(instance) }

// renderer draws mails with the theme in force.
type renderer struct{ engine *view.Engine }

func (r renderer) Mail(_ context.Context, template, locale string, data map[string]any) (notify.Rendered, error) {
	l, err := r.engine.Mail(template, locale, data)
	return notify.Rendered{Subject: l.Subject, Text: l.Text, HTML: l.HTML}, err
}
