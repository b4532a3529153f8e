package route

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/view"
)

const sessionCookie, staffCookie = "__Host-session", "__Host-session_staff"

func TestASessionIsNewAfterSignIn(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		u, _ := w.user("jane@example.com", auth.RoleOwner)
		b := w.browser()
		b.cookies["account.example.com"] = map[string]string{sessionCookie: "chosen-by-somebody-else"}
		res := b.signIn(portal, "jane@example.com", pass)
		first := b.cookies["account.example.com"][sessionCookie]
		if res.Code != 303 || first == "" || first == "chosen-by-somebody-else" {
			t.Fatalf("%d %q", res.Code, first)
		}
		for _, k := range res.Result().Cookies() {
			if k.Name == sessionCookie && (!k.HttpOnly || !k.Secure || k.SameSite != http.SameSiteLaxMode || k.Path != "/" || k.Domain != "") {
				t.Errorf("%+v", k)
			}
		}
		b.is(portal+"/", "who=customer person="+string(u.ID))
		if b.get(portal+"/").Header().Get("Cache-Control") != "no-store" {
			t.Error("a page of somebody signed in may be stored")
		}
		// Signing in once more: the old identifier is worth nothing, also elsewhere.
		b.signIn(portal, "jane@example.com", pass)
		thief := w.browser()
		for _, old := range []string{first, "chosen-by-somebody-else"} {
			thief.cookies["account.example.com"] = map[string]string{sessionCookie: old}
			if res := thief.get(portal + "/"); res.Code != 303 || thief.cookies["account.example.com"][sessionCookie] != "" {
				t.Errorf("%q: %d", old, res.Code)
			}
		}
		b.is(portal+"/", "who=customer")
		kept := b.cookies["account.example.com"][sessionCookie]
		if res := b.post(portal+"/sign-out", portal+"/", nil); res.Code != 303 {
			t.Errorf("%d", res.Code)
		}
		thief.cookies["account.example.com"] = map[string]string{sessionCookie: kept}
		if res := thief.get(portal + "/"); res.Code != 303 {
			t.Error("signed out, but not here")
		}
	})
}

func TestRealmsAreApart(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	w.user("jane@example.com", auth.RoleOwner)
	m := w.staff("sam@example.com", auth.RoleSupport)
	b := w.browser()
	b.signIn(portal, "jane@example.com", pass)
	s := w.browser()
	s.signIn(admin, "sam@example.com", pass)
	s.is(admin+"/", "who=staff person="+string(m.ID))
	if res := s.get(admin + "/staff"); res.Code != 403 {
		t.Errorf("without the right: %d", res.Code)
	}
	// Each realm's cookie carried to the other, under either name.
	customers, staffs := b.cookies["account.example.com"][sessionCookie], s.cookies["admin.example.com"][staffCookie]
	x := w.browser()
	for _, name := range []string{sessionCookie, staffCookie} {
		x.cookies["admin.example.com"] = map[string]string{name: customers}
		if res := x.get(admin + "/"); res.Code != 303 {
			t.Errorf("a customer's session on the admin site: %d", res.Code)
		}
		x.cookies["account.example.com"] = map[string]string{name: staffs}
		if res := x.get(portal + "/"); res.Code != 303 {
			t.Errorf("a session of staff on the portal: %d", res.Code)
		}
	}
	if res := x.signIn(admin, "jane@example.com", pass); res.Code == 303 {
		t.Error("a customer signed in as staff")
	}
}

func TestSignInTellsNothing(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.user("jane@example.com", auth.RoleOwner)
		var answers []string
		for _, email := range []string{"jane@example.com", "nobody@example.com"} {
			b := w.browser()
			res := b.signIn(portal, email, "not the password")
			body := strings.ReplaceAll(res.Body.String(), res.Header().Get("X-Request-Id"), "REF")
			res.Header().Del("X-Request-Id")
			answers = append(answers, fmt.Sprint(res.Code, res.Header(), body))
		}
		if answers[0] != answers[1] {
			t.Errorf("known:   %s\nunknown: %s", answers[0], answers[1])
		}
	})
}

func TestGuessingIsThrottledWhateverTheHeaderSays(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.user("jane@example.com", auth.RoleOwner)
		b := w.browser()
		for i := range 12 {
			b.header["X-Forwarded-For"] = fmt.Sprint("203.0.113.", i)
			res := b.signIn(portal, "jane@example.com", "wrong")
			if want := map[bool]int{true: 422, false: 429}[i < 10]; res.Code != want || (want == 429) != (res.Header().Get("Retry-After") != "") {
				t.Errorf("try %d: %d %q", i+1, res.Code, res.Header().Get("Retry-After"))
			}
		}
		// From one address against ever new accounts: thirty, spoofed or not.
		refused := 0
		for i := range 40 {
			b.header["X-Forwarded-For"] = fmt.Sprint("198.51.100.", i)
			if b.signIn(portal, fmt.Sprintf("u%d@example.com", i), "wrong").Code == 422 {
				refused++
			}
		}
		if refused != 30-12 {
			t.Errorf("%d more tries", refused)
		}
		w.clk.Add(15 * time.Minute)
		if res := b.signIn(portal, "jane@example.com", pass); res.Code != 303 {
			t.Errorf("the owner, a quarter of an hour later: %d", res.Code)
		}
	})
}

func TestFormsOfOthersAreRefused(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	w.user("jane@example.com", auth.RoleOwner)
	w.user("joe@example.com", auth.RoleOwner)
	jane, joe := w.browser(), w.browser()
	jane.signIn(portal, "jane@example.com", pass)
	joe.signIn(portal, "joe@example.com", pass)
	tokenOf := func(b *browser, page string) string { return csrfIn.FindStringSubmatch(b.get(page).Body.String())[1] }
	own, others, visitors := tokenOf(jane, portal+"/"), tokenOf(joe, portal+"/"), tokenOf(w.browser(), portal+"/sign-in")
	tests := []struct {
		name   string
		token  string
		header map[string]string
		want   int
	}{
		{"its own", own, nil, 200},
		{"in the header", "", map[string]string{"X-CSRF-Token": own}, 200},
		{"none", "", nil, 403},
		{"another's", others, nil, 403},
		{"a visitor's", visitors, nil, 403},
		{"its own, from a foreign origin", own, map[string]string{"Origin": "https://evil.test"}, 403},
		{"its own, from our other site", own, map[string]string{"Origin": shop}, 403},
		{"its own, from nowhere", own, map[string]string{"Origin": "null"}, 403},
		{"its own, as the browser says from elsewhere", own, map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		{"its own, cut", own[:len(own)-1], nil, 403},
		{"another's, on a page of ours, which is shown again", others, map[string]string{"Referer": portal + "/services/sub_1"}, 303},
		{"another's, on a page elsewhere", others, map[string]string{"Referer": "https://evil.test/services"}, 403},
		{"another's, in a part of a page", others, map[string]string{"Referer": portal + "/services/sub_1", "HX-Request": "true"}, 403},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			jane.header = tt.header
			res := jane.do("POST", portal+"/services/sub_1/cancel", url.Values{view.CSRFField: {tt.token}})
			if res.Code != tt.want {
				t.Errorf("%d %s", res.Code, res.Body)
			}
		})
	}
	jane.header = nil
	if res := jane.do("POST", portal+"/services/sub_1/cancel?"+view.CSRFField+"="+own, url.Values{}); res.Code != 403 {
		t.Errorf("a token in the address: %d", res.Code)
	}
	visitor := w.browser()
	if res := visitor.do("POST", portal+"/sign-in", url.Values{"email": {"jane@example.com"}, "password": {pass}}); res.Code != 403 {
		t.Errorf("signing in without a token: %d", res.Code)
	}
	// Hooks have neither cookies nor tokens of forms.
	hook := w.browser()
	hook.header = map[string]string{"Origin": "https://gateway.test"}
	if res := hook.do("POST", shop+"/hooks/stripe", url.Values{}); res.Code != 200 || len(res.Result().Cookies()) != 0 {
		t.Errorf("a hook: %d", res.Code)
	}
	if res := w.browser().get(shop + "/"); len(res.Result().Cookies()) != 0 || !strings.Contains(res.Body.String(), "csrf=;") {
		t.Error("a shared page has something of the visitor")
	}
}

func TestWhatIsTakenAwayIsGoneAtOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		u, c := w.user("jane@example.com", auth.RoleOwner)
		boss, _ := w.user("boss@example.com", auth.RoleOwner)
		if err := w.auth.Join(t.Context(), boss.ID, c, auth.RoleOwner); err != nil {
			t.Fatal(err)
		}
		b, b2 := w.browser(), w.browser()
		b.signIn(portal, "jane@example.com", pass)
		b2.signIn(portal, "jane@example.com", pass)
		if res := b.post(portal+"/services/sub_1/cancel", portal+"/", nil); res.Code != 200 {
			t.Fatal(res.Code)
		}
		if err := w.auth.ChangeRole(t.Context(), u.ID, c, auth.RoleReadOnly); err != nil {
			t.Fatal(err)
		}
		if res := b.post(portal+"/services/sub_1/cancel", portal+"/", nil); res.Code != 403 {
			t.Errorf("after the role changed: %d", res.Code)
		}
		if err := w.auth.RevokeSessions(t.Context(), string(u.ID)); err != nil {
			t.Fatal(err)
		}
		for _, each := range []*browser{b, b2} {
			if res := each.get(portal + "/"); res.Code != 303 {
				t.Errorf("after the sessions were revoked: %d", res.Code)
			}
		}
		b.signIn(portal, "jane@example.com", pass)
		if err := w.auth.SetUserStatus(t.Context(), u.ID, auth.Disable); err != nil {
			t.Fatal(err)
		}
		if res := b.get(portal + "/"); res.Code != 303 {
			t.Errorf("after the account was disabled: %d", res.Code)
		}
		s := w.browser()
		w.staff("root@example.com", auth.RoleAdmin)
		m := w.staff("sam@example.com", auth.RoleAdmin)
		s.signIn(admin, "sam@example.com", pass)
		s.is(admin+"/staff", "who=staff")
		if err := w.auth.ChangeStaff(t.Context(), m.ID, "Sam", auth.RoleReadOnly); err != nil {
			t.Fatal(err)
		}
		if res := s.get(admin + "/staff"); res.Code != 403 {
			t.Errorf("after the role of staff changed: %d", res.Code)
		}
		w.clk.Add(30 * time.Minute)
		if res := s.get(admin + "/"); res.Code != 303 {
			t.Errorf("idle for half an hour: %d", res.Code)
		}
	})
}

func TestActingForAnotherCustomer(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		u, first := w.user("jane@example.com", auth.RoleOwner)
		_, foreign := w.user("joe@example.com", auth.RoleOwner)
		_, second := w.user("boss@example.com", auth.RoleOwner)
		w.clk.Add(time.Second) // the first joined first
		if err := w.auth.Join(t.Context(), u.ID, second, auth.RoleReadOnly); err != nil {
			t.Fatal(err)
		}
		b := w.browser()
		b.signIn(portal, "jane@example.com", pass)
		b.is(portal+"/", "for="+string(first))
		before := b.cookies["account.example.com"][sessionCookie]
		if res := b.post(portal+"/act-for", portal+"/", url.Values{"customer": {string(foreign)}}); res.Code != 404 {
			t.Errorf("a customer of others: %d", res.Code)
		}
		if res := b.post(portal+"/act-for", portal+"/", url.Values{"customer": {string(second)}}); res.Code != 200 || !strings.Contains(res.Body.String(), "for="+string(second)) {
			t.Errorf("%d %s", res.Code, res.Body)
		}
		b.is(portal+"/", "for="+string(second))
		if b.cookies["account.example.com"][sessionCookie] == before {
			t.Error("the identifier stayed")
		}
		if res := b.post(portal+"/services/sub_1/cancel", portal+"/", nil); res.Code != 403 {
			t.Errorf("a reader there: %d", res.Code)
		}
		w.clk.Add(90 * time.Minute)
		b.is(portal+"/", "who=customer")
		for range 15 {
			w.clk.Add(90 * time.Minute)
			b.get(portal + "/")
		}
		if res := b.get(portal + "/"); res.Code != 303 {
			t.Error("changing the customer made the session longer")
		}
		// No member any more: back to the other one.
		b.signIn(portal, "jane@example.com", pass)
		b.post(portal+"/act-for", portal+"/", url.Values{"customer": {string(second)}})
		if err := w.auth.ChangeRole(t.Context(), u.ID, second, ""); err != nil {
			t.Fatal(err)
		}
		b.is(portal+"/", "for="+string(first))
	})
}
