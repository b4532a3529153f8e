package webhook_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/core/web/webhook"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/gateway"
	"github.com/ezscale/bursar/sdk/gateway/gatewaytest"
	"github.com/ezscale/bursar/sdk/money"
	"github.com/ezscale/bursar/themes"
)

var noon = time.Date(2027, 3, 10, 12, 0, 0, 0, time.UTC)

const secret = "c2VjcmV0IG9mIDEyOCBiaXRz"

// vendor is one instance with a gateway behind it, as flow receives its webhooks.
type vendor struct {
	gateway.Gateway
	got  []sdk.Webhook
	kept []gateway.Event
	fail error
}

func (v *vendor) HookSecret(_ context.Context, instance string) (string, error) {
	switch instance {
	case "cards":
		return secret, nil
	case "unset":
		return "", nil
	case "broken":
		return "", errors.New("disk full")
	}
	return "", fault.New(fault.NotFound, "instance_not_found", "")
}

func (v *vendor) ReceiveHook(ctx context.Context, instance string, w sdk.Webhook) error {
	v.got = append(v.got, w)
	if v.fail != nil {
		return v.fail
	}
	events, err := v.Receive(ctx, w)
	v.kept = append(v.kept, events...)
	return err
}

// world is the storefront's host with the one address of webhooks.
type world struct {
	*vendor
	t       *testing.T
	db      *db.DB
	web     *route.Web
	audit   *audit.Service
	metrics *prometheus.Registry
	fake    *gatewaytest.Fake
	wall    *clock.Stopped
}

func newWorld(t *testing.T, d *db.DB) *world {
	t.Helper()
	w := &world{t: t, wall: clock.At(noon), metrics: prometheus.NewRegistry()}
	w.fake = gatewaytest.NewFake(w.wall.Now)
	w.vendor = &vendor{Gateway: w.fake}
	w.audit = audit.New(d, w.wall)
	w.db = d
	w.serve(webhook.New(webhook.Deps{Secrets: w, Flow: w, Audit: w.audit, Wall: w.wall, Metrics: w.metrics}))
	return w
}

// serve puts a site on the storefront's host.
func (w *world) serve(site *webhook.Site) {
	w.t.Helper()
	engine, err := view.New(view.Options{Themes: []fs.FS{themes.FS}, Clock: w.wall, Key: bytes.Repeat([]byte("v"), 32)})
	if err != nil {
		w.t.Fatal(err)
	}
	w.web, err = route.New(route.Deps{Auth: auth.New(auth.Deps{DB: w.db, Clock: w.wall, Audit: w.audit}), Wall: w.wall, Log: slog.New(slog.DiscardHandler), Key: bytes.Repeat([]byte("k"), 32)},
		route.Site{Name: "storefront", Base: "https://shop.test", Realm: auth.CustomerKind, Engine: engine, View: view.Site{Name: "storefront"}, Routes: site.Routes()})
	if err != nil {
		w.t.Fatal(err)
	}
}

// post delivers a webhook at an address.
func (w *world) post(path string, h sdk.Webhook, change ...func(*http.Request)) *httptest.ResponseRecorder {
	w.t.Helper()
	req := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(h.Body))
	req.Host = "shop.test"
	for name, values := range h.Header {
		req.Header[name] = values
	}
	for _, c := range change {
		c(req)
	}
	res := httptest.NewRecorder()
	w.web.ServeHTTP(res, req)
	return res
}

func (w *world) counted(outcome string) float64 {
	w.t.Helper()
	families, err := w.metrics.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.Metric {
			for _, l := range m.Label {
				if l.GetName() == "outcome" && l.GetValue() == outcome {
					return m.Counter.GetValue()
				}
			}
		}
	}
	return 0
}

func (w *world) written() []audit.Row {
	w.t.Helper()
	p, err := w.audit.List(w.t.Context(), audit.Filter{Action: "webhook.refused", Limit: 200})
	if err != nil {
		w.t.Fatal(err)
	}
	return p.Rows
}

// paid is a webhook about a payment that was made.
func (w *world) paid() sdk.Webhook {
	w.t.Helper()
	op := sdk.Op{ID: "att_1"}
	if _, err := w.fake.Begin(w.t.Context(), gateway.Visit{Attempt: gateway.Attempt{Op: op, Amount: money.Of(1999, "EUR")}, Return: "https://shop.test/"}); err != nil {
		w.t.Fatal(err)
	}
	if err := w.fake.Pay("att_1"); err != nil {
		w.t.Fatal(err)
	}
	return w.fake.Hook("att_1")
}

func TestAGenuineRequestIsHandedOnUntouched(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		h := w.paid()
		res := w.post(webhook.Path("cards", secret)+"?mode=a%2Fb&x=", h, func(r *http.Request) { r.Header.Set("X-Twice", "1"); r.Header.Add("X-Twice", "2") })
		if res.Code != 200 || res.Body.Len() != 0 {
			t.Fatalf("%d %s", res.Code, res.Body)
		}
		got := w.got[0]
		if got.Query != "mode=a%2Fb&x=" || !bytes.Equal(got.Body, h.Body) || len(got.Header.Values("X-Twice")) != 2 || !got.Received.Equal(noon) {
			t.Errorf("%+v", got)
		}
		if len(w.kept) != 1 || w.kept[0].Attempt == nil || w.kept[0].Attempt.Echo != "att_1" {
			t.Errorf("%+v", w.kept)
		}
		if w.counted("taken") != 1 || len(w.written()) != 0 {
			t.Errorf("%v taken, %v", w.counted("taken"), w.written())
		}
	})
}

func TestForgedRequestsChangeNothingButTheTrail(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		good := webhook.Path("cards", secret)
		tests := []struct {
			name, path, outcome string
			status              int
			change              func(*sdk.Webhook)
			request             func(*http.Request)
			rows                int
		}{
			{name: "no signature", path: good, outcome: "forged", status: 400, rows: 1, change: func(h *sdk.Webhook) { h.Header = nil }},
			{name: "another signature", path: good, outcome: "forged", status: 400, rows: 1, change: func(h *sdk.Webhook) { h.Header = http.Header{"Fake-Signature": {"x"}} }},
			{name: "no body", path: good, outcome: "forged", status: 400, rows: 1, change: func(h *sdk.Webhook) { h.Body = nil }},
			{name: "the secret of the address is wrong", path: webhook.Path("cards", secret+"x"), outcome: "wrong_secret", status: 404, rows: 1},
			{name: "the secret is a part of it", path: webhook.Path("cards", secret[:5]), outcome: "wrong_secret", status: 404, rows: 1},
			{name: "an instance that is not there", path: webhook.Path("coins", secret), outcome: "unknown", status: 404},
			{name: "an instance that has no secret", path: webhook.Path("unset", "x"), outcome: "unknown", status: 404},
			{name: "another host, also our own machine's", path: good, status: 421, request: func(r *http.Request) { r.Host = "localhost" }},
			{name: "too large", path: good, status: 413, change: func(h *sdk.Webhook) { h.Body = bytes.Repeat([]byte("x"), 1<<20+1) }},
			{name: "too large, without saying so", path: good, status: 413, change: func(h *sdk.Webhook) { h.Body = bytes.Repeat([]byte("x"), 1<<20+1) }, request: func(r *http.Request) { r.ContentLength = -1 }},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				w := newWorld(t, d)
				before := len(w.written())
				h := w.paid()
				if tt.change != nil {
					tt.change(&h)
				}
				request := tt.request
				if request == nil {
					request = func(*http.Request) {}
				}
				if res := w.post(tt.path, h, request); res.Code != tt.status {
					t.Errorf("%d %s", res.Code, res.Body)
				}
				if len(w.kept) != 0 {
					t.Errorf("believed: %+v", w.kept)
				}
				if tt.outcome != "" && w.counted(tt.outcome) != 1 {
					t.Errorf("%s is not counted", tt.outcome)
				}
				rows := w.written()
				if len(rows)-before != tt.rows {
					t.Errorf("%d rows in the trail", len(rows)-before)
				}
				if tt.rows == 1 && (rows[0].Subject != "cards" || !strings.Contains(rows[0].After, tt.outcome) || rows[0].Who.Address == "" || strings.Contains(rows[0].After, secret)) {
					t.Errorf("%+v", rows[0])
				}
			})
		}
	})
}

func TestWhoMustSendAgainIsToldSo(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	h := w.paid()
	for name, tt := range map[string]struct {
		err    error
		status int
	}{
		"the plugin is down":          {fault.New(fault.Unavailable, "plugin_not_running", "").Retry(30 * time.Second), 503},
		"nobody knows":                {fault.New(fault.Unknown, "lost", ""), 503},
		"it is malformed":             {fault.New(fault.Invalid, "unreadable", ""), 400},
		"our database is full":        {errors.New("disk full"), 500},
		"the instance takes none":     {fault.New(fault.Unsupported, "no_webhooks", ""), 404},
		"it went while it was called": {fault.New(fault.NotFound, "instance_not_found", ""), 404},
	} {
		w.fail = tt.err
		if res := w.post(webhook.Path("cards", secret), h); res.Code != tt.status || strings.Contains(res.Body.String(), "disk") {
			t.Errorf("%s: %d %s", name, res.Code, res.Body)
		} else if name == "the plugin is down" && res.Header().Get("Retry-After") != "30" {
			t.Errorf("%s: %v", name, res.Header())
		}
	}
	if res := w.post(webhook.Path("broken", secret), h); res.Code != 500 {
		t.Errorf("secrets cannot be read: %d", res.Code)
	}
}

func TestAFloodOfForgeriesDoesNotFillTheTrail(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	for range 150 {
		w.post(webhook.Path("cards", "guess"), sdk.Webhook{})
	}
	if n := len(w.written()); n != 100 || w.counted("wrong_secret") != 150 {
		t.Errorf("%d rows, %v counted", n, w.counted("wrong_secret"))
	}
	w.wall.Add(time.Minute)
	w.post(webhook.Path("cards", "guess"), sdk.Webhook{})
	if n := len(w.written()); n != 101 {
		t.Errorf("%d rows", n)
	}
}
