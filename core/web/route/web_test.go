package route

import (
	"bufio"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/platform/auth"
)

func TestOnlyOurHostsAreAnswered(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	for host, want := range map[string]int{
		"shop.example.com": 200, "SHOP.example.com:443": 200, "account.example.com": 303, "admin.example.com": 303,
		"": 421, "evil.test": 421, "shop.example.com.": 421, "shop.example.com:8443": 421, "shop.example.com.evil.test": 421, "evil.test#shop.example.com": 421, "192.0.2.80": 421,
	} {
		req := httptest.NewRequest("GET", "/", nil)
		req.Host = host
		for _, name := range []string{"X-Forwarded-Host", "Forwarded", "X-Original-Host"} {
			req.Header.Set(name, "host=shop.example.com")
		}
		res := httptest.NewRecorder()
		w.web.ServeHTTP(res, req)
		if res.Code != want {
			t.Errorf("%q: %d", host, res.Code)
		}
	}
	b := w.browser()
	if res := b.get("http://10.0.0.7:8080/healthz"); res.Code != 200 || res.Body.String() != "ok" {
		t.Errorf("a probe: %d", res.Code)
	}
	// A request line that names the whole address: its host counts.
	server := httptest.NewServer(w.web)
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("GET http://evil.test/ HTTP/1.1\r\nHost: shop.example.com\r\nConnection: close\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || res.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("%v, %v", res, err)
	}
}

func TestWhereRequestsComeFrom(t *testing.T) {
	proxies := func(d *Deps) {
		d.Proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:ffff::/48")}
	}
	tests := []struct {
		name, remote string
		header       []string
		want         string
	}{
		{"directly", "192.0.2.1:99", nil, "192.0.2.1"},
		{"directly, with a tale", "192.0.2.1:99", []string{"203.0.113.5"}, "192.0.2.1"},
		{"through a proxy", "10.1.1.1:99", []string{"203.0.113.5"}, "203.0.113.5"},
		{"through two", "10.1.1.1:99", []string{"203.0.113.5, 10.2.2.2"}, "203.0.113.5"},
		{"with a tale before the truth", "10.1.1.1:99", []string{"1.1.1.1, 203.0.113.5"}, "203.0.113.5"},
		{"in two headers", "10.1.1.1:99", []string{"1.1.1.1", "203.0.113.5"}, "203.0.113.5"},
		{"nonsense", "10.1.1.1:99", []string{"x"}, "10.1.1.1"},
		{"IPv6", "[2001:db8:ffff::1]:99", []string{"2001:db8:1::7"}, "2001:db8:1::7"},
		{"IPv4 in IPv6", "[::ffff:10.1.1.1]:99", []string{"::ffff:203.0.113.5"}, "203.0.113.5"},
	}
	w := newWorld(t, dbtest.SQLite(t), proxies)
	for _, tt := range tests {
		req := httptest.NewRequest("GET", "/", nil)
		req.RemoteAddr = tt.remote
		for _, h := range tt.header {
			req.Header.Add("X-Forwarded-For", h)
		}
		if got := w.web.address(req); got != tt.want {
			t.Errorf("%s: %s", tt.name, got)
		}
	}
}

func TestNextLeadsNowhereElse(t *testing.T) {
	good := []string{"/", "/services", "/services/sub_1?tab=usage&x=a%20b", "/invoices/inv_1#pay", "/kb/%C3%BCber"}
	for _, next := range good {
		if got := Local(next); got != next {
			t.Errorf("%q became %q", next, got)
		}
	}
	for _, next := range []string{
		"", "services", "//evil.test", "///evil.test", "////evil.test", `/\evil.test`, `\\evil.test`, `/\/evil.test`, "https://evil.test", "https:evil.test",
		"http://account.example.com@evil.test", "//account.example.com@evil.test", "javascript:alert(1)", "JaVaScRiPt://x/%0aalert(1)", "data:text/html,x",
		"/%0d%0aSet-Cookie:x=1", "/%0a/evil.test", "/\nevil.test", "/\t/evil.test", " //evil.test", "/%09/evil.test", "/%2f/evil.test", "/%5cevil.test", "/%252f%252fevil.test",
		"/..//evil.test", "/.//evil.test", "/a/..//evil.test", "/%2e%2e//evil.test", "/a/../b", "/ü", "/%zz", "/" + strings.Repeat("a", 2000), "mailto:a@b.test", "//", "/%00",
	} {
		if got := Local(next); got != "/" {
			t.Errorf("%q became %q", next, got)
		}
	}
}

func TestVisitorsAreSentToSignInAndComeBack(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	w.user("jane@example.com", auth.RoleOwner)
	b := w.browser()
	res := b.get(portal + "/services/sub_1?tab=usage")
	if at := res.Header().Get("Location"); res.Code != 303 || at != "/sign-in?next=%2Fservices%2Fsub_1%3Ftab%3Dusage" || res.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s", res.Code, at)
	}
	for next, want := range map[string]string{"/services/sub_1?tab=usage": "/services/sub_1?tab=usage", "//evil.test": "/", "https://evil.test/": "/", "": "/"} {
		res := b.post(portal+"/sign-in", portal+"/sign-in", url.Values{"email": {"jane@example.com"}, "password": {pass}, "next": {next}})
		if res.Code != 303 || res.Header().Get("Location") != want {
			t.Errorf("%q: %d %s", next, res.Code, res.Header().Get("Location"))
		}
	}
	for from, want := range map[string]string{portal + "/services/sub_1": "/sign-in?next=%2Fservices%2Fsub_1", "https://evil.test/services": "/sign-in", portal + "//evil.test": "/sign-in", "": "/sign-in"} {
		out := w.browser()
		out.header["Referer"] = from
		if res := out.post(portal+"/services/sub_1/cancel", portal+"/sign-in", nil); res.Header().Get("Location") != want {
			t.Errorf("a form of %q: %d %s", from, res.Code, res.Header().Get("Location"))
		}
	}
	part := w.browser()
	part.header["HX-Request"] = "true"
	if res := part.get(portal + "/services/sub_1"); res.Code != 204 || res.Header().Get("HX-Redirect") != "/sign-in" {
		t.Errorf("a part: %d %v", res.Code, res.Header())
	}
	if res := w.browser().get(admin + "/staff"); res.Header().Get("Location") != "/sign-in?next=%2Fstaff" {
		t.Error(res.Header().Get("Location"))
	}
}

func TestFailuresTellNothing(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	b := w.browser()
	res := b.get(portal + "/panic")
	id := res.Header().Get("X-Request-Id")
	if res.Code != 500 || strings.Contains(res.Body.String(), "1234") || strings.Contains(res.Body.String(), ".go") || !strings.Contains(res.Body.String(), id) || len(id) < 16 {
		t.Errorf("%d %s", res.Code, res.Body)
	}
	if !strings.Contains(w.log.String(), "secret 1234") || !strings.Contains(w.log.String(), id) {
		t.Error("the log does not say what happened")
	}
	b.header["X-Request-Id"] = "forged\nline"
	if res := b.get(portal + "/nowhere/secret-path"); res.Code != 404 || strings.Contains(res.Header().Get("X-Request-Id"), "forged") {
		t.Errorf("%d %v", res.Code, res.Header())
	}
	if strings.Contains(w.log.String(), "secret-path") {
		t.Error("paths are logged")
	}
	if res := b.do("PUT", portal+"/", nil); res.Code != 405 {
		t.Errorf("a method that is not declared: %d", res.Code)
	}
	if res := b.do("HEAD", shop+"/", nil); res.Code != 200 {
		t.Errorf("HEAD: %d", res.Code)
	}
}

func TestBodiesAreLimited(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	b := w.browser()
	for _, size := range []int{MaxBody + 1, 3 * MaxBody} {
		if res := b.post(portal+"/sign-in", portal+"/sign-in", url.Values{"email": {strings.Repeat("a", size)}}); res.Code != 413 {
			t.Errorf("%d bytes: %d", size, res.Code)
		}
	}
	req := httptest.NewRequest("POST", "/sign-in", strings.NewReader("email="+strings.Repeat("a", 2*MaxBody)))
	req.Host, req.ContentLength = "account.example.com", -1 // does not say how long it is
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res := httptest.NewRecorder()
	w.web.ServeHTTP(res, req)
	if res.Code != 413 {
		t.Errorf("of unknown length: %d", res.Code)
	}
}

func TestPace(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), func(d *Deps) { d.Limits = map[Rate]Pace{Page: {time.Second, 5}} })
	b, other := w.browser(), w.browser()
	other.from = "192.0.2.2:1"
	for i := range 8 {
		b.header["X-Forwarded-For"] = "203.0.113." + string(rune('1'+i))
		res := b.get(shop + "/")
		if want := map[bool]int{true: 200, false: 429}[i < 5]; res.Code != want || (want == 429) != (res.Header().Get("Retry-After") == "1") {
			t.Errorf("request %d: %d, %q", i+1, res.Code, res.Header().Get("Retry-After"))
		}
	}
	if res := other.get(shop + "/"); res.Code != 200 {
		t.Errorf("another: %d", res.Code)
	}
	w.clk.Add(2 * time.Second)
	for i := range 3 {
		if res, want := b.get(shop+"/"), map[bool]int{true: 200, false: 429}[i < 2]; res.Code != want {
			t.Errorf("later %d: %d", i, res.Code)
		}
	}
	// Neighbours in one household's network count as one, others do not.
	for i, from := range []string{"[2001:db8::1]:1", "[2001:db8::2]:1", "[2001:db8::3]:1", "[2001:db8::4]:1", "[2001:db8::5]:1", "[2001:db8::6]:1", "[2001:db8:0:1::1]:1"} {
		b.from = from
		if res, want := b.get(shop+"/"), map[bool]int{true: 200, false: 429}[i != 5]; res.Code != want {
			t.Errorf("%s: %d", from, res.Code)
		}
	}
}

func TestTicketsAndSearchesAreCountedByPerson(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	w.user("jane@example.com", auth.RoleOwner)
	b := w.browser()
	b.signIn(portal, "jane@example.com", pass)
	for i := range 12 {
		if res, want := b.post(portal+"/tickets", portal+"/", nil), map[bool]int{true: 200, false: 429}[i < 10]; res.Code != want {
			t.Errorf("ticket %d: %d", i+1, res.Code)
		}
	}
	f := newInFlight(2)
	if begun := []bool{f.begin("a"), f.begin("a"), f.begin("a"), f.begin("b")}; !slices.Equal(begun, []bool{true, true, false, true}) {
		t.Error("two at once")
	}
	f.end("a")
	if !f.begin("a") {
		t.Error("one was done")
	}
	f.end("a")
	f.end("a")
	f.end("b")
	if len(f.now) != 0 {
		t.Error(f.now)
	}
}
