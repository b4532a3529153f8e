package sim

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	shared "github.com/ezscale/bursar/sdk/sim"
)

func serve(t *testing.T) (*shared.Sim, string) {
	t.Helper()
	s := New()
	s.StopClock(time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC))
	srv := httptest.NewServer(s)
	t.Cleanup(func() { s.Close(); srv.Close() })
	return s, srv.URL
}

func ask(t *testing.T, method, address, body string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, strings.TrimSpace(string(data))
}

const here = "/api/v10/webhooks/" + OrdersID + "/" + OrdersToken

func TestAnswersAreDiscords(t *testing.T) {
	long := strings.Repeat("x", 257)
	tests := []struct {
		name, method, path, body string
		status                   int
		text                     string
	}{
		{"posted without waiting", "POST", here, `{"content":"x"}`, 204, ""},
		{"posted and waited for", "POST", here + "?wait=true", `{"content":"x"}`, 200, `"webhook_id":"` + OrdersID + `"`},
		{"read", "GET", here, "", 200, `"type":1`},
		{"a wrong token", "GET", here + "x", "", 401, `"code":50027`},
		{"a webhook that nobody knows", "GET", "/api/v10/webhooks/7/x", "", 404, `"code":10015`},
		{"an address that is nowhere", "GET", "/api/v10/users", "", 404, "404: Not Found"},
		{"nothing to say", "POST", here, `{}`, 400, `"code":50006`},
		{"no JSON", "POST", here, `x`, 400, `"code":50109`},
		{"a long title", "POST", here, `{"embeds":[{"title":"` + long + `"}]}`, 400, `"errors":{"embeds":{"0":{"title":{"_errors":[{"code":"BASE_TYPE_MAX_LENGTH"`},
		{"a field without a value", "POST", here, `{"embeds":[{"fields":[{"name":"a","value":" "}]}]}`, 400, `"value":{"_errors":[{"code":"BASE_TYPE_REQUIRED"`},
		{"6001 characters", "POST", here, `{"embeds":[{"description":"` + strings.Repeat("x", 4000) + `"},{"description":"` + strings.Repeat("x", 2001) + `"}]}`, 400, "MAX_EMBED_SIZE_EXCEEDED"},
		{"a color that is none", "POST", here, `{"embeds":[{"title":"x","color":16777216}]}`, 400, "NUMBER_TYPE_MAX"},
		{"a link that is none", "POST", here, `{"embeds":[{"title":"x","url":"javascript:alert(1)"}]}`, 400, "URL_TYPE_INVALID_URL"},
		{"a name of Discord's", "POST", here, `{"content":"x","username":"Discord Staff"}`, 400, "USERNAME_INVALID_CONTAINS"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, at := serve(t)
			res, text := ask(t, tt.method, at+tt.path, tt.body)
			if res.StatusCode != tt.status || !strings.Contains(text, tt.text) {
				t.Errorf("want %d %q, have %d %q", tt.status, tt.text, res.StatusCode, text)
			}
		})
	}
}

func TestABucketFillsAgainWhenItSaid(t *testing.T) {
	s, at := serve(t)
	post := func() *http.Response { res, _ := ask(t, "POST", at+here, `{"content":"x"}`); return res }
	for left := 4; left >= 0; left-- {
		res := post()
		if res.StatusCode != 204 || res.Header.Get("X-RateLimit-Remaining") != string(rune('0'+left)) || res.Header.Get("X-RateLimit-Limit") != "5" {
			t.Fatalf("%d left: %d %v", left, res.StatusCode, res.Header)
		}
	}
	s.AddClock(500 * time.Millisecond)
	res, text := ask(t, "POST", at+here, `{"content":"x"}`)
	var told struct {
		After  float64 `json:"retry_after"`
		Global bool
	}
	if err := json.Unmarshal([]byte(text), &told); err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != 429 || told.After != 1.5 || told.Global || res.Header.Get("Retry-After") != "2" || res.Header.Get("X-RateLimit-Reset-After") != "1.500" || res.Header.Get("X-RateLimit-Scope") != "user" {
		t.Errorf("%d %s %v", res.StatusCode, text, res.Header)
	}
	s.AddClock(1499 * time.Millisecond)
	if res := post(); res.StatusCode != 429 {
		t.Errorf("a millisecond too early: %d", res.StatusCode)
	}
	s.AddClock(time.Millisecond)
	if res := post(); res.StatusCode != 204 || res.Header.Get("X-RateLimit-Remaining") != "4" {
		t.Errorf("at that time: %d %v", res.StatusCode, res.Header)
	}
	if n := len(s.State().Messages); n != 6 {
		t.Errorf("%d posts", n)
	}
}

func TestTenThousandRefusalsBanAnAddress(t *testing.T) {
	v := &vendor{now: func() time.Time { return time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC) }}
	for range mostRefusals - 1 {
		v.refused()
	}
	if !v.banned.IsZero() {
		t.Error("banned too early")
	}
	if v.refused(); v.banned.IsZero() {
		t.Error("not banned")
	}
}

func TestTextIsDrawnAsAReaderSeesIt(t *testing.T) {
	for text, want := range map[string]string{
		`\*a\* \\ \_`:                     `*a* \ _`,
		"**a** _b_ `c` ||d||":             "a b c d",
		"# big\n> quoted\n1. one":         "big\nquoted\n• one",
		"[click](https://evil.example) x": "click x",
		`\[click](https://evil.example)`:  "[click](https://evil.example)",
		"<@12> <#5> <t:1:R>":              "{@12} {#5} {t:1:R}",
		"https://a.example/x_y_z.":        "https://a.example/x_y_z.",
	} {
		if have := drawn(text); have != want {
			t.Errorf("%q: want %q, have %q", text, want, have)
		}
	}
}

func TestWhoIsMentionedIsSaidByTheContentAndWhatItAllows(t *testing.T) {
	for raw, want := range map[string]int{
		`{"content":"@everyone <@7>"}`:                                      2,
		`{"content":"@everyone <@7>","allowed_mentions":{"parse":[]}}`:      0,
		`{"content":"@here <@7>","allowed_mentions":{"parse":["users"]}}`:   1,
		`{"content":"x","embeds":[{"title":"@everyone"}]}`:                  0,
		`{"content":"<@7> <@8>","allowed_mentions":{"users":["8"]}}`:        1,
		`{"content":"@everyone","allowed_mentions":{"parse":["everyone"]}}`: 1,
	} {
		var b body
		if err := json.Unmarshal([]byte(raw), &b); err != nil {
			t.Fatal(err)
		}
		if have := b.calls(); len(have) != want {
			t.Errorf("%s: %v", raw, have)
		}
	}
}

func TestTheInboxShowsPostsToPeople(t *testing.T) {
	s, at := serve(t)
	if res, text := ask(t, "POST", at+here, `{"embeds":[{"title":"<script>x","description":"a\\_b","url":"https://shop.example/a","color":15158332,"fields":[{"name":"Reason","value":"new"}]}]}`); res.StatusCode != 204 {
		t.Fatal(text)
	}
	res, page := ask(t, "GET", at+"/_sim/inbox", "")
	for _, part := range []string{"#orders", "&lt;script&gt;x", "a_b", `href="https://shop.example/a"`, "border-left-color: #e74c3c", "Reason"} {
		if !strings.Contains(page, part) {
			t.Errorf("the page does not show %q", part)
		}
	}
	if res.StatusCode != 200 || strings.Contains(page, "<script") || strings.Contains(page, OrdersToken) {
		t.Errorf("%d %s", res.StatusCode, page)
	}
	for _, r := range s.Requests() {
		if strings.Contains(r.Path, OrdersToken) {
			t.Errorf("the token is listed: %s", r.Path)
		}
	}
}
