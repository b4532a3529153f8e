package main

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ezscale/bursar/plugins/notifier/discord/sim"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/host"
	"github.com/ezscale/bursar/sdk/notifier"
	shared "github.com/ezscale/bursar/sdk/sim"
)

// world is the plugin before its simulator.
type world struct {
	sim *shared.Sim
	notifier.Client
}

// newWorld has a clock that stands still if stopped says so.
func newWorld(t *testing.T, stopped bool, change func(form.Values)) *world {
	t.Helper()
	w := &world{sim: sim.New()}
	if stopped {
		w.sim.StopClock(time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC))
	}
	srv := httptest.NewServer(w.sim)
	p, err := host.Local(New(), host.World{Now: w.sim.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close(); w.sim.Close(); srv.Close() })
	v := settings(srv.URL)
	if change != nil {
		change(v)
	}
	w.Client = notifier.NewClient(p.Instance("orders", v))
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

// post posts under an operation of its own.
func (w *world) post(t *testing.T, n int) error {
	t.Helper()
	_, err := w.Post(t.Context(), sdk.Op{ID: fmt.Sprintf("op_%d", n), Attempt: 1}, notifier.Post{Title: fmt.Sprint(n)})
	return err
}

func TestOnlyAWebhookOfDiscordsIsTaken(t *testing.T) {
	tests := []struct {
		name, address string
		good          bool
	}{
		{"as it is copied", sim.OrdersURL, true},
		{"from the canary client", "https://canary.discord.com/api/webhooks/1/abc", true},
		{"with a version", "https://discordapp.com/api/v9/webhooks/1/abc", true},
		{"with a thread", "https://discord.com/api/webhooks/1/abc?thread_id=77", true},
		{"another host", "https://discord.com.evil.example/api/webhooks/1/abc", false},
		{"a user before the host", "https://discord.com@evil.example/api/webhooks/1/abc", false},
		{"a port", "https://discord.com:8443/api/webhooks/1/abc", false},
		{"without encryption", "http://discord.com/api/webhooks/1/abc", false},
		{"the body of another product", "https://discord.com/api/webhooks/1/abc/slack", false},
		{"steps out of the path", "https://discord.com/api/webhooks/1/..%2f..%2fusers", false},
		{"another query", "https://discord.com/api/webhooks/1/abc?wait=false", false},
		{"no number", "https://discord.com/api/webhooks/x/abc", false},
		{"no address", "orders", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := parsed(tt.address)
			if (err == nil) != tt.good {
				t.Fatalf("%v", err)
			}
			if err != nil && (fault.KindOf(err) != fault.Invalid || fault.Of(err).Field != "webhook" || strings.Contains(err.Error(), "abc")) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestAForumWantsAThread(t *testing.T) {
	w := newWorld(t, true, nil)
	w.act(t, `{"do":"forum"}`)
	if err := w.post(t, 1); fault.KindOf(err) != fault.Invalid || fault.Of(err).Code != "needs_thread" {
		t.Errorf("without one: %v", err)
	}
	w = newWorld(t, true, func(v form.Values) { v["webhook"] = []string{sim.OrdersURL + "?thread_id=77"} })
	w.act(t, `{"do":"forum"}`)
	if err := w.post(t, 1); err != nil || w.sim.State().Messages[0].Header["thread"] != "77" {
		t.Errorf("with one: %v, %+v", err, w.sim.State().Messages)
	}
}

func TestShortLimitsAreWaitedForInside(t *testing.T) {
	t.Parallel()
	t.Run("an empty bucket is not asked", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, false, nil)
		w.act(t, `{"do":"bucket","limit":2,"per":"400ms"}`)
		for n := range 5 {
			if err := w.post(t, n); err != nil {
				t.Fatal(err)
			}
		}
		for _, r := range w.sim.Requests() {
			if r.Status != 200 {
				t.Errorf("request %d: %d", r.Number, r.Status)
			}
		}
		if n := len(w.sim.State().Messages); n != 5 {
			t.Errorf("%d posts", n)
		}
	})
	t.Run("a limit that others used up is waited for once it is told", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, false, nil)
		w.act(t, `{"do":"global","for":"300ms"}`)
		if err := w.post(t, 1); err != nil {
			t.Fatal(err)
		}
		if all := w.sim.Requests(); len(all) != 2 || all[0].Status != 429 || len(w.sim.State().Messages) != 1 {
			t.Errorf("%+v", all)
		}
	})
}

func TestLongLimitsAreUnavailableAndNothingIsSentMeanwhile(t *testing.T) {
	tests := []struct {
		name, act string
		first     int // posts before the limit
		after     time.Duration
	}{
		{"thirty posts a minute in a channel", `{"do":"bucket","limit":30,"per":"1s","minute":3}`, 3, time.Minute},
		{"the global limit", `{"do":"global","for":"30s"}`, 0, 30 * time.Second},
		{"a ban in HTML", `{"do":"ban","for":"10m"}`, 0, 10 * time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, true, nil)
			w.act(t, tt.act)
			for n := range tt.first {
				if err := w.post(t, n); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 {
				err := w.post(t, 10)
				if fault.KindOf(err) != fault.Unavailable || fault.Of(err).After != tt.after {
					t.Fatalf("%v, after %s", err, fault.Of(err).After)
				}
			}
			if n := len(w.sim.Requests()); n != tt.first+1 {
				t.Errorf("%d requests", n)
			}
			w.sim.AddClock(tt.after)
			if err := w.post(t, 10); err != nil || len(w.sim.State().Messages) != tt.first+1 {
				t.Errorf("after it: %v", err)
			}
		})
	}
}

func TestADeletedWebhookIsNeverCalledAgain(t *testing.T) {
	w := newWorld(t, true, nil)
	w.act(t, `{"do":"remove"}`)
	for n := range 3 {
		if err := w.post(t, n); fault.KindOf(err) != fault.Forbidden || fault.Of(err).Code != "webhook_gone" {
			t.Errorf("%v", err)
		}
	}
	if n := len(w.sim.Requests()); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestAPostRepeatedAtOnceIsOnePost(t *testing.T) {
	w := newWorld(t, true, nil)
	for range 3 {
		if err := w.post(t, 1); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(w.sim.State().Messages); n != 1 {
		t.Errorf("%d posts", n)
	}
}

func TestLevelsHaveColors(t *testing.T) {
	for level, want := range map[string]string{"info": "#3498db", "good": "#2ecc71", "warning": "#f1c40f", "bad": "#e74c3c", "other": "#3498db"} {
		w := newWorld(t, true, nil)
		if _, err := w.Post(t.Context(), sdk.Op{ID: "op"}, notifier.Post{Title: "x", Level: level}); err != nil {
			t.Fatal(err)
		}
		if have := w.sim.State().Messages[0].Header["color"]; have != want {
			t.Errorf("%s: want %s, have %s", level, want, have)
		}
	}
}

func TestPlainTextStaysPlain(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"marks", "*a* _b_ ~c~ `d` |e| \\", "\\*a\\* \\_b\\_ \\~c\\~ \\`d\\` \\|e\\| \\\\"},
		{"mentions", "@everyone <@1> <#2>", "\\@everyone \\<\\@1> \\<#2>"},
		{"a masked link", "[click](https://evil.example)", "\\[click](https://evil.example)"},
		{"an address is left as it is", "see https://shop.example/admin/orders/ord_01J_x*, now_", "see https://shop.example/admin/orders/ord_01J_x*, now\\_"},
		{"an address in angles", "<https://a.example/x_y>", "\\<https://a.example/x_y>"},
		{"a mark right behind an address", "https://a.example<b", "https://a.example \\<b"},
		{"the beginnings of lines", "# a\n> b\n- c\n -# d\n12. e\n3) f", "\\# a\n\\> b\n\\- c\n \\-# d\n12\\. e\n3\\) f"},
		{"what is no beginning", "a # b > c - d 1. e", "a # b > c - d 1. e"},
		{"control characters", "a\x00b\tc\r\nd\u202ee", "ab c\nde"},
		{"bytes that are no text", "a\xffb", "a\uFFFDb"},
	}
	for _, tt := range tests {
		if have := strings.Join(escaped(tt.text), ""); have != tt.want {
			t.Errorf("%s\n  want %q\n  have %q", tt.name, tt.want, have)
		}
	}
}

func TestTooLongIsCutBetweenCharacters(t *testing.T) {
	tests := []struct {
		name, text string
		most       int
		want       string
	}{
		{"what fits stays", "abc", 3, "abc"},
		{"one too many", "abcd", 3, "ab…"},
		{"an escape is not parted", "a*b", 3, "a…"},
		{"a pair of surrogates counts two", "🙂🙂", 3, "🙂…"},
		{"an address is not parted", "see https://a.example/long", 20, "see…"},
		{"no room at all", "abc", 0, ""},
	}
	for _, tt := range tests {
		if have := cut(tt.text, tt.most); have != tt.want {
			t.Errorf("%s: want %q, have %q", tt.name, tt.want, have)
		}
	}
}

func TestAnEmbedStaysWithinAllBounds(t *testing.T) {
	p := notifier.Post{Title: strings.Repeat("T*", 500), Text: strings.Repeat("🙂_", 4000), URL: "javascript:alert(1)"}
	for range 40 {
		p.Fields = append(p.Fields, [2]string{strings.Repeat("n", 300), strings.Repeat("v|", 900)})
	}
	e, err := compose(p)
	if err != nil {
		t.Fatal(err)
	}
	all := length(e.Title) + length(e.Description)
	for _, f := range e.Fields {
		all += length(f.Name) + length(f.Value)
		if length(f.Name) > mostName || length(f.Value) > mostValue || f.Value == "" {
			t.Errorf("a field of %d and %d", length(f.Name), length(f.Value))
		}
	}
	if all > mostAll || all < mostAll-mostName-10 || length(e.Title) > mostTitle || length(e.Description) > mostText || len(e.Fields) == 0 || len(e.Fields) > mostFields {
		t.Errorf("%d in all, title %d, text %d, %d fields", all, length(e.Title), length(e.Description), len(e.Fields))
	}
	if e.URL != "" {
		t.Errorf("a link to %s", e.URL)
	}
	if _, err := compose(notifier.Post{Level: "bad"}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("nothing to post: %v", err)
	}
}
