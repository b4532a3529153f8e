package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/ezscale/bursar/core/app"
	"github.com/ezscale/bursar/core/platform/pluginhost"
	"github.com/ezscale/bursar/core/web/webhook"
	"github.com/ezscale/bursar/sdk/fault"
)

// writePlugins writes plugins.hcl and the secrets that it reads, and pins the programs that are there now.
func writePlugins(ctx context.Context, o options, all vendors) error {
	programs, err := programsOf(o, all)
	if err != nil {
		return err
	}
	secrets := filepath.Join(o.dir, "secrets")
	if err := os.MkdirAll(secrets, 0o700); err != nil {
		return err
	}
	file := filepath.Join(o.dir, "plugins.hcl")
	before := pinsOf(file)
	var unpinned []string
	var text bytes.Buffer
	fmt.Fprintf(&text, "# Written by bursar-demo at each start. An example for production is plugins.hcl in the repository.\ndirectory = %q\n", programs)
	for _, v := range all {
		for name, value := range v.secrets {
			if err := os.WriteFile(filepath.Join(secrets, name), []byte(value+"\n"), 0o600); err != nil {
				return err
			}
		}
		sum, err := sumOf(filepath.Join(programs, v.kind+"-"+v.name))
		if err != nil {
			return err
		}
		pin, ok := before[sum]
		if ok {
			pin = fmt.Sprintf("  pin = %q\n", pin)
		} else {
			unpinned = append(unpinned, v.kind+"/"+v.name)
		}
		fmt.Fprintf(&text, "\nplugin %q %q {\n%s  instance %q {\n    title    = %q\n    settings = { %s }\n    network  = [%q]\n  }\n}\n",
			v.kind, v.name, pin, v.name, v.title, strings.ReplaceAll(v.settings, "$address", v.address), v.host())
	}
	if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
		return err
	}
	if len(unpinned) == 0 {
		return nil
	}
	if _, err := pluginhost.Pin(ctx, pluginhost.Deps{Config: file, Dir: filepath.Join(o.dir, "plugins"), Getenv: os.LookupEnv}, unpinned...); err != nil {
		return fmt.Errorf("pin the plugins: %w", err)
	}
	return nil
}

// pinsOf are the pins of the start before, by checksum: a program that is the same need not be asked for its version.
func pinsOf(file string) map[string]string {
	out := map[string]string{}
	config, _, _ := pluginhost.ReadConfig(file, os.LookupEnv) // without one all are asked
	for _, p := range config.Plugins {
		if p.Sum != "" {
			out[p.Sum] = p.Version + " sha256:" + p.Sum
		}
	}
	return out
}

func sumOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	_, err = io.Copy(sum, f)
	return hex.EncodeToString(sum.Sum(nil)), err
}

// programsOf is the folder that has a program for every vendor.
func programsOf(o options, all vendors) (string, error) {
	dir := o.plugins
	if dir == "" {
		self, err := os.Executable()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(filepath.Dir(self), "plugins")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	var missing []string
	for _, v := range all {
		if _, err := os.Stat(filepath.Join(dir, v.kind+"-"+v.name)); err != nil {
			missing = append(missing, v.kind+"-"+v.name)
		}
	}
	if len(missing) > 0 {
		return "", fmt.Errorf("%s has no %s: run `make plugins`, or say where the programs are with --plugins", dir, strings.Join(missing, ", "))
	}
	return dir, nil
}

// connect makes the first contacts, once the plugins run: vendors learn where to call us, and the sample customer saves
// two cards, the first time.
func connect(ctx context.Context, a *app.App, all vendors, p *people, kept string) error {
	for _, v := range all {
		if !v.hooked {
			continue
		}
		if err := v.hook(ctx, a); err != nil {
			return fmt.Errorf("webhook of %s: %w", v.name, errors.Join(err, problemsOf(a)))
		}
	}
	if p.Carded {
		return nil
	}
	if err := saveCards(ctx, a, all.of("stripe"), p); err != nil {
		return fmt.Errorf("cards of the sample customer: %w", errors.Join(err, problemsOf(a)))
	}
	p.Carded = true
	return p.keep(kept)
}

// hook has a vendor call us: through its plugin, or where no API can do that, as staff would in the vendor's dashboard.
func (v *vendor) hook(ctx context.Context, a *app.App) error {
	secret, err := a.Plugins.HookSecret(ctx, v.name)
	if err != nil {
		return err
	}
	address := a.Config.Storefront + webhook.Path(v.name, secret)
	err = a.Plugins.InstallWebhook(ctx, v.name, address)
	if fault.KindOf(err) == fault.Unsupported {
		return v.act(map[string]any{"do": "subscribe", "url": address})
	}
	return err
}

// problemsOf is what the plugin host says is wrong: the cause of most refusals.
func problemsOf(a *app.App) error {
	var out []error
	for _, p := range a.Plugins.Problems() {
		if !p.Warn {
			out = append(out, errors.New(p.String()))
		}
	}
	return errors.Join(out...)
}
