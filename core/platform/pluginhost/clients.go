package pluginhost

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/gateway"
	"github.com/ezscale/bursar/sdk/notifier"
	"github.com/ezscale/bursar/sdk/panel"
)

// Panel is the client of a panel's instance. It stays valid while the program ends and comes again. Ask sdk.As for powers.
// Errors: ErrNoInstance. Calls of an instance that is off, or whose program does not run, are Unavailable.
func (h *Host) Panel(label string) (panel.Panel, error) { return power[panel.Panel](h, "panel", label) }

// Gateway is the client of a gateway's instance, as Panel.
func (h *Host) Gateway(label string) (gateway.Gateway, error) {
	return power[gateway.Gateway](h, "gateway", label)
}

// Mailer is the client of an instance that carries mails, as Panel. Error: also Unsupported when it carries none.
func (h *Host) Mailer(label string) (notifier.Mailer, error) {
	return power[notifier.Mailer](h, "notifier", label)
}

// Poster is the client of an instance that puts messages into a channel, as Mailer.
func (h *Host) Poster(label string) (notifier.Poster, error) {
	return power[notifier.Poster](h, "notifier", label)
}

// Receiver is the client of a notifier's instance whose vendor reports by webhook, as Mailer.
func (h *Host) Receiver(label string) (notifier.Receiver, error) {
	return power[notifier.Receiver](h, "notifier", label)
}

// power is the client of an instance as a T. kind "" takes any type.
func power[T any](h *Host, kind, label string) (none T, err error) {
	i, err := h.instance(label)
	if err != nil {
		return none, err
	}
	if kind != "" && i.plugin.config.Type != kind {
		return none, ErrNoInstance.Because(fmt.Errorf("instance %q is a %s", label, i.plugin.config.Type))
	}
	client, ok := types[i.plugin.config.Type]
	if !ok {
		return none, ErrNoInstance.Because(fmt.Errorf("instance %q: plugins of type %q are not used", label, i.plugin.config.Type))
	}
	if p, ok := sdk.As[T](client(i.client())); ok {
		return p, nil
	}
	if _, said := i.plugin.said(); !said {
		return none, i.plugin.notRunning(i.plugin.now())
	}
	return none, errNoPower.Because(fmt.Errorf("instance %q cannot do that", label))
}

// Check asks an instance whether address, credentials and rights are good, also while its breaker is open, and remembers
// the answer for Status. Rights: plugin.see.
func (h *Host) Check(ctx context.Context, label string) (sdk.Report, error) {
	if err := auth.Require(ctx, auth.PluginSee); err != nil {
		return sdk.Report{}, err
	}
	p, err := power[sdk.Instance](h, "", label)
	if err != nil {
		return sdk.Report{}, err
	}
	report, err := p.Check(ctx)
	i, found := h.instance(label)
	if found != nil {
		return report, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.checked, i.checkIs = h.deps.Clock.Now(), ""; err != nil {
		i.checkIs = err.Error()
	}
	return report, err
}

// Forms are what a plugin asks for.
type Forms struct {
	Settings form.Form // of an instance, with the plugin's shared ones
	Product  form.Form // panels
	Checkout form.Form // panels
}

// Forms of a plugin. ok is false until it has answered once.
func (h *Host) Forms(kind, name string) (Forms, bool) {
	p, err := h.plugin(kind, name)
	if err != nil {
		return Forms{}, false
	}
	d, ok := p.said()
	return Forms{Settings: d.Settings, Product: d.Product, Checkout: d.Checkout}, ok
}

// FormsOf are the forms of an instance's plugin.
func (h *Host) FormsOf(label string) (Forms, bool) {
	i, err := h.instance(label)
	if err != nil {
		return Forms{}, false
	}
	return h.Forms(i.plugin.config.Type, i.plugin.config.Name)
}

// keepChoices is how long the choices of a Remote field are believed.
const keepChoices = 5 * time.Minute

// mostChoices is how many answers are kept.
const mostChoices = 500

// kept is one answer.
type kept struct {
	list  []form.Choice
	until time.Time
}

// Choices asks an instance for the choices of a Remote field. The same question within five minutes is answered from
// memory. Errors: Unsupported when its plugin has no choices; as any read.
func (h *Host) Choices(ctx context.Context, label string, q form.Question) ([]form.Choice, error) {
	text, err := json.Marshal([]any{label, q.Scope, q.Field, map[string][]string(q.Product), map[string][]string(q.Filled)})
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	key, now := string(sum[:]), h.deps.Clock.Now()
	h.mu.Lock()
	old, ok := h.choices[key]
	h.mu.Unlock()
	if ok && now.Before(old.until) {
		return old.list, nil
	}
	c, err := power[form.Chooser](h, "", label)
	if err != nil {
		return nil, err
	}
	list, err := c.Choices(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("choices of %s of instance %s: %w", q.Field, label, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for k, c := range h.choices {
		if len(h.choices) < mostChoices && now.Before(c.until) {
			continue
		}
		delete(h.choices, k)
	}
	h.choices[key] = kept{list, now.Add(keepChoices)}
	return list, nil
}
