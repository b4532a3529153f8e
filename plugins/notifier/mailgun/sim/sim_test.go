package sim_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ezscale/bursar/plugins/notifier/mailgun/sim"
	shared "github.com/ezscale/bursar/sdk/sim"
)

var start = time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)

func serve(t *testing.T) (*shared.Sim, string) {
	t.Helper()
	s := sim.New()
	s.StopClock(start)
	srv := httptest.NewServer(s)
	t.Cleanup(func() { s.Close(); srv.Close() })
	return s, srv.URL
}

func ask(t *testing.T, method, address, key string, form url.Values) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("api", key)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, strings.TrimSpace(string(body))
}

func act(t *testing.T, s *shared.Sim, raw string) {
	t.Helper()
	a := shared.Act{Raw: json.RawMessage(raw)}
	if err := json.Unmarshal(a.Raw, &a); err != nil {
		t.Fatal(err)
	}
	if err := s.Act(a); err != nil {
		t.Fatal(err)
	}
}

func hello(to string) url.Values {
	return url.Values{"from": {"Shop <billing@mg.example.com>"}, "to": {to}, "subject": {"Hello"}, "text": {"See https://shop.example/reset?a=1&b=2."}, "v:op": {"op_1"}}
}

func TestRefusalsAreMailguns(t *testing.T) {
	s, at := serve(t)
	send := "/v3/" + sim.Domain + "/messages"
	without := func(name string) url.Values { f := hello("jane@reader.example"); delete(f, name); return f }
	with := func(name, value string) url.Values { f := hello("jane@reader.example"); f.Set(name, value); return f }
	tests := []struct {
		name, method, path, key string
		form                    url.Values
		status                  int
		text                    string
	}{
		{"a wrong key is refused in plain text", "POST", send, "wrong", hello("jane@reader.example"), 401, "Forbidden"},
		{"a sending key reads nothing", "GET", "/v3/" + sim.Domain + "/events", sim.SendingKey, nil, 403, `{"message":"Forbidden"}`},
		{"a sending key sends on its domain only", "POST", "/v3/" + sim.USDomain + "/messages", sim.SendingKey, hello("jane@reader.example"), 403, `{"message":"Forbidden"}`},
		{"the US does not know a domain of the EU", "POST", "/us" + send, sim.Key, hello("jane@reader.example"), 404, `{"message":"Domain not found: mg.example.com"}`},
		{"the EU does", "POST", "/eu" + send, sim.Key, hello("jane@reader.example"), 200, `"message":"Queued. Thank you."`},
		{"nobody sends", "POST", send, sim.Key, without("from"), 400, "from parameter is missing"},
		{"nobody reads", "POST", send, sim.Key, without("to"), 400, "to parameter is missing"},
		{"a reader that is none", "POST", send, sim.Key, with("to", "jane"), 400, "to parameter is not a valid address"},
		{"no text at all", "POST", send, sim.Key, without("text"), 400, "Need at least one of"},
		{"options over 16KB", "POST", send, sim.Key, with("v:long", strings.Repeat("x", 17<<10)), 400, "16KB total"},
		{"a page of 301 events", "GET", "/v3/" + sim.Domain + "/events?limit=301", sim.Key, nil, 400, "limit"},
		{"events from a time without a direction", "GET", "/v3/" + sim.Domain + "/events?begin=1", sim.Key, nil, 400, "ascending"},
		{"an address that is nowhere", "GET", "/v9/x", sim.Key, nil, 404, "Not Found"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, text := ask(t, tt.method, at+tt.path, tt.key, tt.form)
			if status != tt.status || !strings.Contains(text, tt.text) {
				t.Errorf("want %d %q, have %d %q", tt.status, tt.text, status, text)
			}
		})
	}
	if n := len(s.State().Messages); n != 1 {
		t.Errorf("%d messages", n)
	}
}

func TestAMailOverTheLimitIs413(t *testing.T) {
	_, at := serve(t)
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	part, err := w.CreateFormFile("attachment", "large.bin")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write(make([]byte, 26<<20)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), "POST", at+"/v3/"+sim.Domain+"/messages", &body)
	r.RequestURI = ""
	r.SetBasicAuth("api", sim.Key)
	r.Header.Set("Content-Type", w.FormDataContentType())
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("%d", answer.StatusCode)
	}
}

func TestTimeAndTheAddressDecideWhatBecomesOfAMail(t *testing.T) {
	s, at := serve(t)
	status := func() string { return s.State().Messages[0].Status }
	for address, want := range map[string][]string{
		"jane@reader.example":        {"queued", "delivered", "delivered"},
		"bounce+7@reader.example":    {"queued", "bounced", "bounced"},
		"delay@reader.example":       {"queued", "delayed", "delivered"},
		"complain@reader.example":    {"queued", "complained", "complained"},
		"unsubscribe@reader.example": {"queued", "unsubscribed", "unsubscribed"},
	} {
		s.Reset()
		if code, text := ask(t, "POST", at+"/v3/"+sim.Domain+"/messages", sim.Key, hello(address)); code != 200 {
			t.Fatal(text)
		}
		var have []string
		have = append(have, status())
		s.AddClock(3 * time.Second)
		have = append(have, status())
		s.AddClock(11 * time.Minute)
		have = append(have, status())
		if fmt.Sprint(have) != fmt.Sprint(want) {
			t.Errorf("%s: want %v, have %v", address, want, have)
		}
	}
}

func TestASuppressedAddressIsAcceptedAndFails(t *testing.T) {
	s, at := serve(t)
	list := at + "/v3/" + sim.Domain + "/bounces"
	if code, text := ask(t, "POST", list, sim.Key, url.Values{"address": {"Jane@reader.example"}, "code": {"550"}}); code != 200 {
		t.Fatal(text)
	}
	if _, text := ask(t, "GET", list, sim.Key, nil); !strings.Contains(text, `"address":"Jane@reader.example"`) {
		t.Errorf("the list: %s", text)
	}
	if code, text := ask(t, "POST", at+"/v3/"+sim.Domain+"/messages", sim.Key, hello("jane@reader.example")); code != 200 {
		t.Fatal(text)
	}
	s.AddClock(3 * time.Second)
	_, text := ask(t, "GET", at+"/v3/"+sim.Domain+"/events?event=failed", sim.Key, nil)
	if !strings.Contains(text, `"reason":"suppress-bounce"`) || !strings.Contains(text, `"code":605`) {
		t.Errorf("events: %s", text)
	}
	for n, want := range []int{200, 404} {
		if code, text := ask(t, "DELETE", list+"/jane@reader.example", sim.Key, nil); code != want {
			t.Errorf("deleted %d times: %d %s", n+1, code, text)
		}
	}
}

func TestWebhooksAreTriedAgainUntil200Or406(t *testing.T) {
	for _, codes := range [][]int{{500, 503, 200}, {302, 406}, {204, 200}} {
		s, at := serve(t)
		came := make(chan string, 10)
		var tries atomic.Int64
		hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			w.WriteHeader(codes[min(int(tries.Add(1)), len(codes))-1])
			came <- string(body)
		}))
		t.Cleanup(hook.Close)
		waiting := func(want int) {
			t.Helper()
			for end := time.Now().Add(5 * time.Second); !strings.Contains(string(s.State().Extra), fmt.Sprintf(`"webhooks_to_try_again":%d`, want)); {
				if time.Now().After(end) {
					t.Fatalf("want %d to try again, have %s", want, s.State().Extra)
				}
			}
		}
		if code, text := ask(t, "POST", at+"/v3/"+sim.Domain+"/messages", sim.Key, hello("jane@reader.example")); code != 200 {
			t.Fatal(text)
		}
		act(t, s, `{"do":"deliver","op":"op_1"}`)
		act(t, s, fmt.Sprintf(`{"do":"subscribe","url":%q}`, hook.URL))
		act(t, s, `{"do":"complain","op":"op_1"}`)
		first := ""
		for n := range codes {
			body := <-came
			if n == 0 {
				first = body
			} else if body != first {
				t.Errorf("a retry differs: %s", body)
			}
			if n < len(codes)-1 {
				waiting(1)
				s.AddClock(10 * time.Minute)
			}
		}
		waiting(0)
		s.AddClock(10 * time.Hour)
		s.State()
		var signed struct {
			Signature struct{ Timestamp, Token, Signature string }
		}
		if err := json.Unmarshal([]byte(first), &signed); err != nil {
			t.Fatal(err)
		}
		g := signed.Signature
		if g.Signature != sim.Sign(sim.SigningKey, g.Timestamp, g.Token) || len(g.Token) != 50 {
			t.Errorf("signature: %+v", g)
		}
		s.Close()
		if n := int(tries.Load()); n != len(codes) {
			t.Errorf("%v: %d tries", codes, n)
		}
	}
}

func TestTheInboxShowsMailsToPeople(t *testing.T) {
	s, at := serve(t)
	f := hello("Jané <jane@reader.example>")
	f.Set("subject", "<script>alert(1)</script>")
	f.Set("html", `<p>Hello</p><script>alert(2)</script>`)
	if code, text := ask(t, "POST", at+"/v3/"+sim.Domain+"/messages", sim.Key, f); code != 200 {
		t.Fatal(text)
	}
	code, page := ask(t, "GET", at+"/_sim/inbox?to=JANE@", "", nil)
	for _, part := range []string{`href="https://shop.example/reset?a=1&amp;b=2"`, "&lt;script&gt;alert(1)", "Jané", "sandbox=", "&lt;p&gt;Hello"} {
		if !strings.Contains(page, part) {
			t.Errorf("the page does not show %q", part)
		}
	}
	if code != 200 || strings.Contains(page, "<script") {
		t.Errorf("%d, or a script in the page", code)
	}
	if _, page := ask(t, "GET", at+"/_sim/inbox?to=john@", "", nil); !strings.Contains(page, "No mails to john@") {
		t.Error("another reader's mails are shown")
	}
	if n := len(s.Requests()); n != 1 {
		t.Errorf("reading the inbox counts as a request to Mailgun: %d", n)
	}
}
