// Sample is a panel without a vendor, for the tests of the plugin host. Its name is that of its file, so that one program
// can be several plugins. What a call does is told by the user name of a creation.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/panel"
	"github.com/ezscale/bursar/sdk/rest"
	"github.com/ezscale/bursar/sdk/secret"
)

func main() { sdk.Serve(plugin) }

func plugin() sdk.Plugin {
	return sdk.Plugin{
		Name: strings.TrimPrefix(filepath.Base(os.Args[0]), "panel-"), Title: "Sample", Version: "1.0.0",
		Type: panel.Type(open), Product: new(plan),
	}
}

type settings struct {
	URL     string
	Token   secret.Value
	Hook    secret.Value
	Timeout time.Duration
}

func (s *settings) Form() form.Form {
	return form.Form{
		form.URL(&s.URL, "url", "Address").Need(), form.Secret(&s.Token, "token", "API token").Need(),
		form.Secret(&s.Hook, "hook", "Webhook secret"), form.Duration(&s.Timeout, "timeout", "Timeout").Or("30s").Shared(),
	}
}

type plan struct{ Size string }

func (p *plan) Form() form.Form {
	return form.Form{form.One(&p.Size, "size", "Size").Remote()}
}

type sample struct {
	settings
	env     sdk.Env
	choices atomic.Int64
}

func open(e sdk.Env, s settings) (*sample, error) { return &sample{settings: s, env: e}, nil }

// Check shows what the program sees.
func (s *sample) Check(context.Context) (sdk.Report, error) {
	var seen []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		seen = append(seen, "env "+name)
	}
	files, err := os.ReadDir("/proc/self/fd")
	for _, f := range files {
		to, _ := os.Readlink("/proc/self/fd/" + f.Name())
		seen = append(seen, "fd "+to)
	}
	return sdk.Report{VendorVersion: strings.Join([]string{s.URL, s.Token.Reveal(), s.Hook.Reveal(), s.Timeout.String()}, " "), Warnings: seen}, err
}

// Create does what the user name says.
func (s *sample) Create(_ context.Context, c panel.Creation) (panel.Progress, error) {
	c.Notes["pid"] = fmt.Sprint(os.Getpid())
	switch c.Username {
	case "dies":
		println("panic: the shelf with " + s.Token.Reveal() + " fell down") // as the runtime prints one
		os.Exit(2)
	case "waits": // until the file is there
		for !exists(c.Product.Get("size")) {
			time.Sleep(5 * time.Millisecond)
		}
	case "silent":
		return panel.Progress{}, fault.New(fault.Unavailable, "vendor_down", "")
	}
	return panel.Progress{Done: true, Text: s.env.Instance}, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// Choices counts how often it was asked.
func (s *sample) Choices(context.Context, form.Question) ([]form.Choice, error) {
	return []form.Choice{{Value: fmt.Sprint(s.choices.Add(1))}}, nil
}

// InstallWebhook answers a secret.
func (s *sample) InstallWebhook(_ context.Context, url string) (form.Values, error) {
	return form.Values{"hook": {"secret of " + url}}, nil
}

// Find finds nothing.
func (s *sample) Find(context.Context, panel.Creation) (panel.Account, error) {
	return panel.Account{}, fault.New(fault.NotFound, "no_account", "")
}

// State is always good. A RemoteID is an address to call before.
func (s *sample) State(ctx context.Context, r panel.Ref) (panel.Account, error) {
	if r.RemoteID != "" {
		if err := (rest.Client{HTTP: s.env.HTTP, Base: r.RemoteID}).Do(ctx, "GET", "/", nil, nil); err != nil {
			return panel.Account{}, err
		}
	}
	return panel.Account{ID: fmt.Sprint(os.Getpid()), Status: panel.Active}, nil
}

// Suspend does nothing.
func (s *sample) Suspend(context.Context, sdk.Op, panel.Ref, string) (panel.Progress, error) {
	return panel.Progress{Done: true}, nil
}

// Unsuspend does nothing.
func (s *sample) Unsuspend(context.Context, sdk.Op, panel.Ref) (panel.Progress, error) {
	return panel.Progress{Done: true}, nil
}

// Terminate does nothing.
func (s *sample) Terminate(context.Context, sdk.Op, panel.Ref) (panel.Progress, error) {
	return panel.Progress{Done: true}, nil
}
