package pluginhost

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/form"
)

// know reads what is kept about the instances of the file, and begins to keep those that are new.
func (h *Host) know(ctx context.Context) error {
	if h.deps.DB == nil {
		return nil
	}
	kept, err := h.store.rows(ctx)
	if err != nil {
		return err
	}
	var fresh []row
	for label, i := range h.instances {
		if _, ok := kept[label]; !ok {
			fresh = append(fresh, row{label: label, kind: i.plugin.config.Type, name: i.plugin.config.Name, hook: rand.Text()})
		}
	}
	if len(fresh) > 0 {
		slices.SortFunc(fresh, func(a, b row) int { return strings.Compare(a.label, b.label) })
		if err := h.store.add(ctx, fresh, h.deps.Clock.Now()); err != nil {
			return err
		}
		if kept, err = h.store.rows(ctx); err != nil {
			return err
		}
	}
	for label, i := range h.instances {
		r := kept[label]
		i.mu.Lock()
		i.row, i.learned, i.read = r, r.learned, h.deps.Clock.Now()
		i.mu.Unlock()
		if r.kind != i.plugin.config.Type || r.name != i.plugin.config.Name {
			i.plugin.fixed = append(i.plugin.fixed, Problem{
				File: h.deps.Config, Line: i.config.Line, Where: fmt.Sprintf("%s, instance %q", i.plugin.where(), label), Plug: i.plugin.title(), Label: label,
				Text: fmt.Sprintf("the label was that of a %s %q, to which products, methods and payments point; choose another.", r.kind, r.name),
			})
		}
	}
	return nil
}

// HookSecret is the part of an instance's webhook address that nobody can guess: at least 128 random bits, for ever.
func (h *Host) HookSecret(_ context.Context, label string) (string, error) {
	i, err := h.instance(label)
	if err != nil {
		return "", err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.row.hook == "" {
		return "", errOff.Because(fmt.Errorf("instance %q is not kept: there is no database", label))
	}
	return i.row.hook, nil
}

// Learn merges settings that a vendor gave into those of an instance, sealed. What the file sets stays; an empty value
// forgets one.
func (h *Host) Learn(ctx context.Context, label string, v form.Values) error {
	i, err := h.instance(label)
	if err != nil {
		return err
	}
	if h.deps.DB == nil {
		return errOff.Because(fmt.Errorf("instance %q is not kept: there is no database", label))
	}
	var next form.Values
	err = h.deps.DB.Tx(ctx, func(ctx context.Context) error {
		var err error
		if next, err = h.store.lockLearned(ctx, label); err != nil {
			return err
		}
		maps.Copy(next, v)
		maps.DeleteFunc(next, func(_ string, list []string) bool { return len(list) == 0 })
		if err := h.store.saveLearned(ctx, label, next, h.deps.Clock.Now()); err != nil {
			return err
		}
		return h.deps.Audit.Add(ctx, audit.Entry{Action: "plugin.learned", Subject: label, After: slices.Sorted(maps.Keys(v))})
	})
	if err != nil {
		return fmt.Errorf("learn settings of instance %s: %w", label, err)
	}
	i.mu.Lock()
	i.learned, i.read = next, h.deps.Clock.Now()
	i.mu.Unlock()
	i.plugin.refill(i)
	return nil
}

// InstallWebhook has the vendor call url from now on, and learns what it answers. Error: Unsupported where staff must do
// it by hand. Rights: plugin.control.
func (h *Host) InstallWebhook(ctx context.Context, label, url string) error {
	if err := auth.Require(ctx, auth.PluginControl); err != nil {
		return err
	}
	w, err := power[sdk.WebhookInstaller](h, "", label)
	if err != nil {
		return err
	}
	v, err := w.InstallWebhook(ctx, url)
	if err != nil {
		return err
	}
	return h.Learn(ctx, label, v)
}

// accounts are the fields by which vendors name an account without it being secret.
var accounts = []string{"account", "account_id", "merchant", "merchant_id", "client", "client_id"}

// accountKey names the account at the vendor in which an instance's payments and methods are unique: another instance of
// the same account has the same, test and live mode never.
func accountKey(plugin, label string, v form.Values) string {
	who := label
	for _, name := range accounts {
		if id := v.Get(name); id != "" {
			sum := sha256.Sum256([]byte(id))
			who = "a-" + hex.EncodeToString(sum[:6])
			break
		}
	}
	if mode := v.Get("mode"); mode != "" {
		return plugin + ":" + who + ":" + mode
	}
	return plugin + ":" + who
}

// account is the key that is kept; before its plugin ever said what settings it has, the one that follows from the label.
func (i *instance) account() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.row.account != "" {
		return i.row.account
	}
	return i.accountOf(i.values)
}

// accountOf is the key by present settings. Only gateways have accounts that matter.
func (i *instance) accountOf(v form.Values) string {
	if i.plugin.config.Type != "gateway" {
		v = nil
	}
	return accountKey(i.plugin.config.Name, i.config.Label, v)
}

// keepAccount keeps the key once it is known. It changes only with the mode: a new key or client of the same label is
// taken for the same account, as payments point to it.
func (i *instance) keepAccount(ctx context.Context) error {
	i.mu.Lock()
	old, v, off := i.row.account, i.values, i.off
	i.mu.Unlock()
	if i.host.deps.DB == nil || off != "" {
		return nil
	}
	next := i.accountOf(v)
	if mode := v.Get("mode"); old == next || old != "" && (mode == "" || strings.HasSuffix(old, ":"+mode)) {
		return nil
	}
	if err := i.host.store.saveAccount(ctx, i.config.Label, next, i.host.deps.Clock.Now()); err != nil {
		return err
	}
	i.mu.Lock()
	i.row.account = next
	i.mu.Unlock()
	return nil
}
