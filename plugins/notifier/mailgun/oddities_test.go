package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ezscale/bursar/plugins/notifier/mailgun/sim"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/host"
	"github.com/ezscale/bursar/sdk/notifier"
	shared "github.com/ezscale/bursar/sdk/sim"
)

var start = time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)

// world is the plugin before its simulator, whose clock stands still.
type world struct {
	sim    *shared.Sim
	url    string
	plugin *host.Loopback
	notifier.Client
}

func newWorld(t *testing.T, change func(form.Values)) *world {
	t.Helper()
	w := &world{sim: sim.New()}
	w.sim.StopClock(start)
	srv := httptest.NewServer(w.sim)
	p, err := host.Local(New(), host.World{Now: w.sim.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close(); w.sim.Close(); srv.Close() })
	w.url, w.plugin = srv.URL, p
	v := settings(srv.URL)
	v["signing_key"] = []string{sim.SigningKey}
	if change != nil {
		change(v)
	}
	w.Client = notifier.NewClient(p.Instance("mail", v))
	return w
}

func (w *world) act(t *testing.T, raw string) {
	t.Helper()
	a := shared.Act{Raw: json.RawMessage(raw)}
	if err := json.Unmarshal(a.Raw, &a); err != nil {
		t.Fatal(err)
	}
	if err := w.sim.Act(a); err != nil {
		t.Fatal(err)
	}
}

func op(id string, attempt int) sdk.Op { return sdk.Op{ID: id, Attempt: attempt, First: start} }

func hello(to string) notifier.Mail {
	return notifier.Mail{From: notifier.Mailbox{Address: "billing@" + sim.Domain}, To: notifier.Mailbox{Address: to}, Subject: "Hello", Text: "Hello"}
}

func kind(t *testing.T, what string, err error, want fault.Kind, code string) {
	t.Helper()
	if f := fault.Of(err); f == nil || f.Kind != want || f.Code != code {
		t.Errorf("%s: want %s %s, have %v", what, want, code, err)
	}
}

func TestARegionKnowsItsOwnDomainsOnly(t *testing.T) {
	w := newWorld(t, func(v form.Values) {
		v["region"] = []string{"us"}
		v["api"][0] = strings.TrimSuffix(v["api"][0], "/eu") + "/us"
	})
	_, err := w.Check(t.Context())
	kind(t, "Check", err, fault.Forbidden, "unknown_domain")
	_, err = w.Mail(t.Context(), op("op_1", 1), hello("jane@reader.example"))
	kind(t, "Mail", err, fault.Forbidden, "unknown_domain")
}

func TestASendingKeySendsAndStaffIsToldWhatItCannot(t *testing.T) {
	w := newWorld(t, func(v form.Values) { v["key"] = []string{sim.SendingKey} })
	report, err := w.Check(t.Context())
	if err != nil || len(report.Warnings) != 1 || !strings.Contains(report.Warnings[0], "only send") {
		t.Errorf("Check: %+v, %v", report, err)
	}
	if _, err := w.Mail(t.Context(), op("op_1", 1), hello("jane@reader.example")); err != nil {
		t.Errorf("Mail: %v", err)
	}
	if _, err := w.Mail(t.Context(), op("op_2", 2), hello("jane@reader.example")); err != nil {
		t.Errorf("Mail once more: %v", err)
	}
	_, err = w.FindMessage(t.Context(), op("op_1", 1))
	kind(t, "FindMessage", err, fault.Forbidden, "only_sends")
	hook := w.hook(t, bounce("evt_1", "op_1", start), start, "token")
	news, err := w.Receive(t.Context(), hook)
	if err != nil || len(news) != 1 || news[0].Lasting || news[0].Status != "bounced" {
		t.Errorf("a bounce that nobody can confirm: %+v, %v", news, err)
	}
}

func TestNothingIsTrackedAndTheMailNamesItsOperation(t *testing.T) {
	fields := url.Values{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseMultipartForm(1 << 20)
		fields = r.PostForm
		_, _ = io.WriteString(w, `{"id":"<op_1@`+sim.Domain+`>","message":"Queued. Thank you."}`)
	}))
	defer srv.Close()
	w := newWorld(t, func(v form.Values) { v["api"] = []string{srv.URL} })
	if _, err := w.Mail(t.Context(), op("op_1", 1), hello("jane@reader.example")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"o:tracking": "no", "o:tracking-clicks": "no", "o:tracking-opens": "no", "v:op": "op_1", "h:Message-Id": "<op_1@" + sim.Domain + ">", "to": "<jane@reader.example>",
	} {
		if fields.Get(name) != want || len(fields[name]) != 1 {
			t.Errorf("%s: want %q, have %q", name, want, fields[name])
		}
	}
}

func TestEventsThatComeLateAreWaitedFor(t *testing.T) {
	w := newWorld(t, nil)
	w.act(t, `{"do":"lag","for":"4m"}`)
	if err := w.sim.Faults(shared.Fault{Method: "POST", Times: 1, Do: "cut-after"}); err != nil {
		t.Fatal(err)
	}
	_, err := w.Mail(t.Context(), op("op_1", 1), hello("jane@reader.example"))
	kind(t, "Mail", err, fault.Unknown, "no_answer")
	w.sim.AddClock(2 * time.Minute)
	_, err = w.FindMessage(t.Context(), op("op_1", 1))
	kind(t, "FindMessage before the events show it", err, fault.Unknown, "not_seen_yet")
	if after := fault.Of(err).After; after != 8*time.Minute {
		t.Errorf("come again after %s", after)
	}
	w.sim.AddClock(3 * time.Minute)
	if got, err := w.FindMessage(t.Context(), op("op_1", 1)); err != nil || got.ID != "<op_1@"+sim.Domain+">" {
		t.Errorf("FindMessage when they do: %+v, %v", got, err)
	}
	got, err := w.Mail(t.Context(), op("op_1", 2), hello("jane@reader.example"))
	if err != nil || got.ID != "<op_1@"+sim.Domain+">" || len(w.sim.State().Messages) != 1 {
		t.Errorf("a repeated try sends a second mail: %+v, %v, %d mails", got, err, len(w.sim.State().Messages))
	}
}

func TestDoubtBeginsAnewWithEachTryAndEndsWhereEventsEnd(t *testing.T) {
	w := newWorld(t, nil)
	w.sim.AddClock(time.Hour)
	if err := w.sim.Faults(shared.Fault{Method: "POST", Times: 1, Do: "cut-before"}); err != nil {
		t.Fatal(err)
	}
	_, err := w.Mail(t.Context(), op("op_1", 2), hello("jane@reader.example"))
	kind(t, "Mail", err, fault.Unknown, "no_answer")
	_, err = w.FindMessage(t.Context(), op("op_1", 2))
	kind(t, "FindMessage after a later try", err, fault.Unknown, "not_seen_yet")
	w.sim.AddClock(11 * time.Minute)
	_, err = w.FindMessage(t.Context(), op("op_1", 2))
	kind(t, "FindMessage when that is over", err, fault.NotFound, "not_taken")
	w.sim.AddClock(72 * time.Hour)
	_, err = w.FindMessage(t.Context(), op("op_1", 2))
	kind(t, "FindMessage when the events may be gone", err, fault.Unknown, "events_expired")
}

func TestLimitsAreUnavailableWhateverTheirStatus(t *testing.T) {
	w := newWorld(t, nil)
	w.act(t, `{"do":"limit","messages":0}`)
	_, err := w.Mail(t.Context(), op("op_1", 1), hello("jane@reader.example"))
	kind(t, "Mail over the limit", err, fault.Unavailable, "rate_limit")
	if fault.Of(err).After != 2*time.Minute {
		t.Errorf("after %s", fault.Of(err).After)
	}
	for _, tt := range []struct {
		name, heard string
		status      int
		spoken      bool
		want        fault.Kind
	}{
		{"an hourly limit told as 400", "Domain x is not allowed to send: hourly limit exceeded", 400, true, fault.Unavailable},
		{"a limit told as 420", "Sending quota: exceeded the daily limit", 420, true, fault.Unavailable},
		{"options over 16KB", "Send options (parameters starting with o:, h:, or v:) are limited to 16KB total", 400, true, fault.Invalid},
		{"a mail over 25 MB", "", 413, false, fault.Declined},
		{"401 in plain text", "", 401, false, fault.Forbidden},
		{"a refused request", "", 402, true, fault.Declined},
		{"the 404 of a proxy", "", 404, false, fault.Unknown},
	} {
		rough := fault.New(fault.Declined, "http", "")
		if have := fault.KindOf(sorted(rough, http.MethodPost, tt.status, tt.heard, tt.spoken)); have != tt.want {
			t.Errorf("%s: want %s, have %s", tt.name, tt.want, have)
		}
	}
}

func TestTheKeyFollowsNoLinkToAnotherHost(t *testing.T) {
	asked := 0
	thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer thief.Close()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"items":[{"event":"accepted","id":"1"}],"paging":{"next":"%s/v3/%s/events/x"}}`, thief.URL, sim.Domain)
	}))
	defer srv.Close()
	w := newWorld(t, func(v form.Values) { v["api"] = []string{srv.URL} })
	_, err := w.FindMessage(t.Context(), op("op_1", 1))
	kind(t, "FindMessage", err, fault.Unavailable, "foreign_page")
	if asked > 0 {
		t.Error("the other host was asked")
	}
}

func TestABounceIsFoundOnALaterPage(t *testing.T) {
	w := newWorld(t, nil)
	hooks := make(chan sdk.Webhook, 1000)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		hooks <- sdk.Webhook{Header: r.Header, Body: body, Received: w.sim.Now()}
	}))
	defer srv.Close()
	for n := range 130 { // all at one instant, to one reader
		if _, err := w.Mail(t.Context(), op(fmt.Sprintf("op_%d", n), 1), hello("bounce@reader.example")); err != nil {
			t.Fatal(err)
		}
	}
	w.act(t, fmt.Sprintf(`{"do":"subscribe","url":%q}`, srv.URL))
	w.sim.AddClock(5 * time.Second)
	told := map[string]bool{}
	for range 130 {
		news, err := w.Receive(t.Context(), <-hooks)
		if err != nil || len(news) != 1 || !news[0].Lasting || news[0].Status != "bounced" {
			t.Fatalf("%+v, %v", news, err)
		}
		told[news[0].Op] = true
	}
	if len(told) != 130 {
		t.Errorf("%d operations were told of", len(told))
	}
}

// bounce is an event that nobody at the simulator knows.
func bounce(id, op string, at time.Time) map[string]any {
	return map[string]any{
		"event": "failed", "id": id, "severity": "permanent", "reason": "bounce", "timestamp": json.Number(fmt.Sprintf("%d.25", at.Unix())), "recipient": "jane@reader.example",
		"user-variables": map[string]string{"op": op}, "delivery-status": map[string]any{"code": 550, "message": "No such mailbox"},
		"message": map[string]any{"headers": map[string]string{"message-id": op + "@" + sim.Domain}},
	}
}

// hook is a webhook about an event, signed at a time.
func (w *world) hook(t *testing.T, event any, signed time.Time, token string) sdk.Webhook {
	t.Helper()
	body, err := sim.Hook(sim.SigningKey, signed, token, event)
	if err != nil {
		t.Fatal(err)
	}
	return sdk.Webhook{Header: http.Header{}, Body: body, Received: w.sim.Now()}
}

func TestWhatAWebhookSaysIsBelievedAsFarAsItIsProved(t *testing.T) {
	event := func(change func(map[string]any)) map[string]any {
		e := bounce("evt_1", "op_1", start)
		change(e)
		return e
	}
	delivered := event(func(e map[string]any) { e["event"] = "delivered" })
	tests := []struct {
		name   string
		event  map[string]any
		signed time.Time
		kind   fault.Kind // "": no fault
		status string     // "": no news
	}{
		{"a fresh delivery", delivered, start, "", "delivered"},
		{"a delivery signed just now by a fast clock", delivered, start.Add(4 * time.Minute), "", "delivered"},
		{"a delivery of ten minutes ago that the events do not show", delivered, start.Add(-10 * time.Minute), fault.Unavailable, ""},
		{"a delivery of twenty minutes ago", delivered, start.Add(-20 * time.Minute), fault.Forbidden, ""},
		{"a delivery of the future", delivered, start.Add(6 * time.Minute), fault.Forbidden, ""},
		{"a lasting bounce that the events do not show", event(func(map[string]any) {}), start, fault.Unavailable, ""},
		{"a server that was down too long", event(func(e map[string]any) { e["reason"] = "old" }), start, "", "bounced"},
		{"a delay", event(func(e map[string]any) { e["severity"] = "temporary" }), start, "", "delayed"},
		{"a mail that Mailgun rejected", event(func(e map[string]any) { e["event"] = "rejected"; e["reject"] = map[string]string{"reason": "Sandbox"} }), start, "", "bounced"},
		{"an opened mail", event(func(e map[string]any) { e["event"] = "opened" }), start, "", ""},
		{"an event without a time", event(func(e map[string]any) { e["event"] = "delivered"; delete(e, "timestamp") }), start, "", ""},
		{"an event at the end of time", event(func(e map[string]any) { e["event"] = "delivered"; e["timestamp"] = json.Number("1e400") }), start, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, nil)
			news, err := w.Receive(t.Context(), w.hook(t, tt.event, tt.signed, "token"))
			if fault.KindOf(err) != tt.kind {
				t.Fatalf("want %q, have %v", tt.kind, err)
			}
			if tt.status == "" {
				if len(news) > 0 {
					t.Errorf("news: %+v", news)
				}
				return
			}
			if len(news) != 1 || news[0].Status != tt.status || news[0].Lasting || news[0].Op != "op_1" || news[0].ID != "evt_1-20261123" || news[0].Receipt != "<op_1@"+sim.Domain+">" {
				t.Errorf("news: %+v", news)
			}
		})
	}
}

func TestATokenStandsForOneBody(t *testing.T) {
	w := newWorld(t, nil)
	first := bounce("evt_1", "op_1", start)
	first["event"] = "delivered"
	other := bounce("evt_2", "op_2", start)
	other["event"] = "delivered"
	for range 2 {
		if _, err := w.Receive(t.Context(), w.hook(t, first, start, "token")); err != nil {
			t.Fatal(err)
		}
	}
	_, err := w.Receive(t.Context(), w.hook(t, other, start, "token"))
	kind(t, "another body under a known token", err, fault.Forbidden, "replayed")
	if _, err := w.Receive(t.Context(), w.hook(t, other, start, "another")); err != nil {
		t.Errorf("the same under its own token: %v", err)
	}
}

func TestWithoutASigningKeyNothingIsBelieved(t *testing.T) {
	w := newWorld(t, func(v form.Values) { delete(v, "signing_key") })
	report, err := w.Check(t.Context())
	if err != nil || len(report.Warnings) != 1 {
		t.Errorf("Check: %+v, %v", report, err)
	}
	body, err := sim.Hook("", start, "token", bounce("evt_1", "op_1", start))
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Receive(t.Context(), sdk.Webhook{Body: body, Received: start})
	kind(t, "a webhook signed with nothing", err, fault.Forbidden, "no_signing_key")
}

func TestAMailWithHeadersOfOursOrTooManyIsInvalid(t *testing.T) {
	w := newWorld(t, nil)
	for _, header := range []map[string]string{{"Bcc": "thief@evil.example"}, {"message-ID": "<x@y>"}, {"X Y": "z"}, {"X-Long": strings.Repeat("x", 17<<10)}} {
		m := hello("jane@reader.example")
		m.Header = header
		_, err := w.Mail(t.Context(), op("op_1", 1), m)
		if fault.KindOf(err) != fault.Invalid || fault.Of(err).Field != "header" {
			t.Errorf("%v", err)
		}
	}
	if n := len(w.sim.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}
