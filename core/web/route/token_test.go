package route

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/platform/auth"
)

func TestProgramsBringATokenInTheHeader(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d, func(d *Deps) { d.Limits = map[Rate]Pace{API: {time.Second, 20}} })
		u, c := w.user("jane@example.com", auth.RoleOwner)
		a, err := w.auth.ActorOfUser(t.Context(), u.ID, c)
		if err != nil {
			t.Fatal(err)
		}
		owner := auth.With(t.Context(), a)
		secret, tok, err := w.auth.NewToken(owner, string(u.ID), "x", []string{"service.see"}, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		const list, cancel = shop + "/api/v1/services", shop + "/api/v1/services/sub_1/cancel"
		b := w.browser()
		with := func(header string) *browser { b.header["Authorization"] = header; return b }
		if res := with("Bearer " + secret).get(list); res.Code != 200 || !strings.Contains(res.Body.String(), "for="+string(c)) || res.Header().Get("RateLimit-Remaining") != "19" ||
			len(res.Result().Cookies()) != 0 || res.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%d %v %s", res.Code, res.Header(), res.Body)
		}
		if res := with("Bearer "+secret).do("POST", cancel, url.Values{}); res.Code != 403 {
			t.Errorf("beyond its scopes: %d", res.Code)
		}
		for _, header := range []string{"", "Bearer", "Bearer x", "Bearer bur_x", "bearer", "Basic " + secret, secret} {
			if res := with(header).get(list); res.Code != 401 || !strings.HasPrefix(res.Header().Get("WWW-Authenticate"), "Bearer") || !strings.Contains(res.Header().Get("Content-Type"), "problem+json") {
				t.Errorf("%q: %d %v", header, res.Code, res.Header())
			}
		}
		if res := with("").get(list + "?access_token=" + secret + "&token=" + secret); res.Code != 401 {
			t.Errorf("in the address: %d", res.Code)
		}
		// A signed-in browser is no program.
		s := w.browser()
		s.signIn(portal, "jane@example.com", pass)
		s.cookies["shop.example.com"] = s.cookies["account.example.com"]
		if res := s.get(list); res.Code != 401 {
			t.Errorf("by cookie: %d", res.Code)
		}
		codes := map[int]int{}
		for range 30 {
			codes[with("Bearer "+secret).get(list).Code]++
		}
		if codes[200] != 19 || codes[429] != 11 {
			t.Errorf("%v", codes)
		}
		if err := w.auth.RevokeToken(owner, string(u.ID), tok.ID); err != nil {
			t.Fatal(err)
		}
		if res := with("Bearer " + secret).get(list); res.Code != 401 {
			t.Errorf("after it was revoked: %d", res.Code)
		}
	})
}

func TestPassingFromSiteToSite(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		u, c := w.user("jane@example.com", auth.RoleOwner)
		m := w.staff("sam@example.com", auth.RoleSupport)
		enter := func(ctx auth.Actor, reason string) string {
			t.Helper()
			var secret string
			var err error
			if reason == "" {
				secret, err = w.auth.NewPass(auth.With(t.Context(), ctx))
			} else {
				secret, err = w.auth.StandIn(auth.With(t.Context(), ctx), c, reason)
			}
			if err != nil {
				t.Fatal(err)
			}
			return portal + "/enter?" + url.Values{"pass": {secret}, "next": {"/services/sub_1"}}.Encode()
		}
		user := auth.ActorAs(auth.Actor{Kind: auth.CustomerKind, User: u.ID, Customer: c, Role: auth.RoleOwner})
		staff := auth.ActorAs(auth.Actor{Kind: auth.StaffKind, Staff: m.ID, Role: auth.RoleSupport})

		b := w.browser()
		b.header["Sec-Fetch-Site"] = "same-site"
		link := enter(user, "")
		if res := b.get(link); res.Code != 303 || res.Header().Get("Location") != "/services/sub_1" {
			t.Fatalf("%d %s", res.Code, res.Header().Get("Location"))
		}
		b.is(portal+"/", "person="+string(u.ID)+" for="+string(c))
		if res := w.browser().get(link); res.Code != 422 {
			t.Errorf("twice: %d", res.Code)
		}
		// A link from elsewhere asks first, and says as whom.
		v := w.browser()
		v.header["Sec-Fetch-Site"] = "cross-site"
		link = enter(user, "")
		res := v.get(link)
		if res.Code != 200 || !strings.Contains(res.Body.String(), "jane@example.com") || v.cookies["account.example.com"][sessionCookie] != "" {
			t.Errorf("%d %s", res.Code, res.Body)
		}
		v.header = nil
		q, _ := url.Parse(link)
		if res := v.post(portal+"/enter", portal+"/sign-in", q.Query()); res.Code != 303 {
			t.Errorf("%d", res.Code)
		}
		v.is(portal+"/", "person="+string(u.ID))
		// Whoever is signed in as the same is not asked.
		v.header = map[string]string{"Sec-Fetch-Site": "cross-site"}
		if res := v.get(enter(user, "")); res.Code != 303 {
			t.Errorf("signed in already: %d", res.Code)
		}

		// Staff in the customer's place: an hour, by right, and not a second longer than the right lasts.
		s := w.browser()
		s.header["Sec-Fetch-Site"] = "same-site"
		s.get(enter(staff, "ticket 12"))
		s.is(portal+"/", "who=customer person="+string(m.ID)+" for="+string(c))
		if res := s.get(admin + "/"); res.Code != 303 {
			t.Error("that is no session of the admin site")
		}
		for range 3 {
			w.clk.Add(15 * time.Minute)
			s.is(portal+"/", "person="+string(m.ID))
		}
		w.clk.Add(15 * time.Minute)
		if res := s.get(portal + "/"); res.Code != 303 {
			t.Errorf("after an hour: %d", res.Code)
		}
		s.get(enter(staff, "ticket 12"))
		s.is(portal+"/", "person="+string(m.ID))
		w.staff("root@example.com", auth.RoleAdmin)
		if err := w.auth.ChangeStaff(t.Context(), m.ID, "Sam", auth.RoleReadOnly); err != nil {
			t.Fatal(err)
		}
		if res := s.get(portal + "/"); res.Code != 303 {
			t.Errorf("after the right was taken away: %d", res.Code)
		}
	})
}
