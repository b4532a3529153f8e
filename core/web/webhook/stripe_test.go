package webhook_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/platform/pluginhost"
	box "github.com/ezscale/bursar/core/platform/secret"
	"github.com/ezscale/bursar/core/web/webhook"
	"github.com/ezscale/bursar/plugins/gateway/stripe/sim"
	"github.com/ezscale/bursar/sdk"
)

// stripe is the real plugin's program, run by the real host, with a simulator for a vendor.
func stripe(t *testing.T, d *db.DB) *pluginhost.Host {
	t.Helper()
	dir, err := os.MkdirTemp("", "wh") // short, as its sockets' paths must be
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	program := filepath.Join(dir, "plugins", "gateway-stripe")
	if out, err := exec.Command("go", "build", "-o", program, "../../../plugins/gateway/stripe").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	text, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	vendor := sim.New()
	server := httptest.NewServer(vendor)
	t.Cleanup(func() { vendor.Close(); server.Close() })
	at, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "plugins.hcl")
	config := fmt.Sprintf(`
directory = "plugins"
plugin "gateway" "stripe" {
  pin     = "1.0.0 sha256:%s"
  network = [%q]
  instance "cards" { settings = { mode = "test", key = %q, webhook_secret = %q, api = %q } }
}
`, hex.EncodeToString(sum[:]), at.Host, sim.Key, sim.WebhookSecret, server.URL)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	sealed, err := box.New(make([]byte, box.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	h := pluginhost.New(pluginhost.Deps{Config: file, Dir: filepath.Join(dir, "run"), DB: d, Box: sealed, Audit: audit.New(d, clock.System{}), Clock: clock.System{}, Getenv: os.LookupEnv})
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Stop)
	for _, p := range h.Problems() {
		if !p.Warn {
			t.Fatal(p)
		}
	}
	return h
}

// host is the plugin host as flow receives by it.
type host struct{ *pluginhost.Host }

func (h host) ReceiveHook(ctx context.Context, instance string, w sdk.Webhook) error {
	g, err := h.Gateway(instance)
	if err == nil {
		_, err = g.Receive(ctx, w)
	}
	return err
}

// TestTheStripePluginBelievesWhatStripeSigned is check WH-1, and WH-4: what is genuine and about nothing of ours is taken.
func TestTheStripePluginBelievesWhatStripeSigned(t *testing.T) {
	d := dbtest.SQLite(t)
	plugins := host{stripe(t, d)}
	secret, err := plugins.HookSecret(t.Context(), "cards")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, d)
	w.metrics = prometheus.NewRegistry() // of the host that is put in place of the fake one
	w.serve(webhook.New(webhook.Deps{Secrets: plugins, Flow: plugins, Audit: w.audit, Wall: clock.System{}, Metrics: w.metrics}))
	now := clock.System{}.Now()
	event := []byte(fmt.Sprintf(`{"id":"evt_1","object":"event","type":"charge.refunded","created":%d,"livemode":false,"data":{"object":{"id":"ch_none","object":"charge"}}}`, now.Unix()))
	signed := func(secret string, at time.Time, body []byte) sdk.Webhook {
		return sdk.Webhook{Header: http.Header{"Stripe-Signature": {sim.Sign(secret, at, body)}}, Body: body}
	}
	genuine := signed(sim.WebhookSecret, now, event)
	tests := []struct {
		name   string
		hook   sdk.Webhook
		status int
	}{
		{"what Stripe signed", genuine, 200},
		{"the same again", genuine, 200},
		{"an event of a kind that means nothing", signed(sim.WebhookSecret, now, bytes.Replace(event, []byte("charge.refunded"), []byte("price.created"), 1)), 200},
		{"no signature", sdk.Webhook{Body: event}, 400},
		{"an empty signature", sdk.Webhook{Header: http.Header{"Stripe-Signature": {""}}, Body: event}, 400},
		{"signed with another secret", signed("whsec_other", now, event), 400},
		{"signed with no secret", signed("", now, event), 400},
		{"one byte is another", sdk.Webhook{Header: genuine.Header, Body: bytes.Replace(event, []byte("evt_1"), []byte("evt_2"), 1)}, 400},
		{"too old", signed(sim.WebhookSecret, now.Add(-10*time.Minute), event), 400},
		{"from the future", signed(sim.WebhookSecret, now.Add(10*time.Minute), event), 400},
		{"of the live mode", signed(sim.WebhookSecret, now, bytes.Replace(event, []byte("false"), []byte("true"), 1)), 400},
	}
	refused := 0
	for _, tt := range tests {
		if res := w.post(webhook.Path("cards", secret), tt.hook); res.Code != tt.status {
			t.Errorf("%s: %d %s", tt.name, res.Code, res.Body)
		}
		if tt.status == 400 {
			refused++
		}
	}
	if res := w.post(webhook.Path("cards", secret), genuine, func(r *http.Request) { r.Host = "localhost" }); res.Code != 421 {
		t.Errorf("at localhost: %d", res.Code)
	}
	if res := w.post(webhook.Path("cards", secret+"x"), genuine); res.Code != 404 {
		t.Errorf("with another secret in the address: %d", res.Code)
	}
	if rows := w.written(); len(rows) != refused+1 || int(w.counted("forged")) != refused {
		t.Errorf("%d rows, %v counted", len(rows), w.counted("forged"))
	}
}
