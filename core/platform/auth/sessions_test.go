package auth

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
)

func manager(s *Sessions) *scs.SessionManager {
	m := &scs.SessionManager{Lifetime: 24 * time.Hour}
	m.Store, m.Codec, m.HashTokenInStore = s, SessionCodec{}, true
	return m
}

// open signs somebody in as the sites do, and answers the token of the cookie.
func open(t *testing.T, w world, m *scs.SessionManager, realm Kind, person string, life time.Duration) string {
	t.Helper()
	ctx, err := m.Load(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	m.Put(ctx, SessionRealm, string(realm))
	m.Put(ctx, SessionPerson, person)
	m.Put(ctx, SessionSince, w.clk.Now().Format(time.RFC3339))
	m.SetDeadline(ctx, w.clk.Now().Add(life))
	token, _, err := m.Commit(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func personOf(t *testing.T, m *scs.SessionManager, token string) (context.Context, string) {
	t.Helper()
	ctx, err := m.Load(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	return ctx, m.GetString(ctx, SessionPerson)
}

func TestSessions(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(d)
		users, staff := manager(w.Sessions(CustomerKind, 2*time.Hour)), manager(w.Sessions(StaffKind, 30*time.Minute))
		const jane, joe = "usr_jane", "usr_joe"
		a, b, c := open(t, w, users, CustomerKind, jane, 24*time.Hour), open(t, w, users, CustomerKind, jane, 24*time.Hour), open(t, w, users, CustomerKind, joe, 24*time.Hour)
		for token, want := range map[string]string{a: jane, c: joe, a + "x": "", "": ""} {
			if _, got := personOf(t, users, token); got != want {
				t.Errorf("%q is %q", token, got)
			}
		}
		if _, got := personOf(t, staff, a); got != "" {
			t.Error("a customer's cookie opened the staff's realm")
		}
		var plain int
		if err := d.Read(t.Context()).QueryRowContext(t.Context(), `SELECT COUNT(*) FROM sessions WHERE token IN (?,?,?)`, a, b, c).Scan(&plain); err != nil || plain != 0 {
			t.Errorf("%d tokens are in the store as they are, %v", plain, err)
		}
		if list, err := w.ListSessions(t.Context(), jane); err != nil || len(list) != 2 || list[0].ID == a || list[0].ID == b || list[0].Since.IsZero() {
			t.Errorf("%+v, %v", list, err)
		}
		// A request that loaded the session before it was revoked does not bring it back.
		stale, _ := personOf(t, users, a)
		if err := w.RevokeSessions(t.Context(), jane); err != nil {
			t.Fatal(err)
		}
		if err := users.RenewToken(stale); !errors.Is(err, ErrSignedOut) {
			t.Error(err)
		}
		for token, want := range map[string]string{a: "", b: "", c: joe} {
			if _, got := personOf(t, users, token); got != want {
				t.Errorf("after revoking: %q is %q", token, got)
			}
		}
	})
}

func TestSessionsEnd(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(d)
		m := manager(w.Sessions(CustomerKind, 2*time.Hour))
		token := open(t, w, m, CustomerKind, "usr_jane", 24*time.Hour)
		is := func(what, want string) {
			t.Helper()
			if _, got := personOf(t, m, token); got != want {
				t.Errorf("%s: %q", what, got)
			}
		}
		for range 23 { // used every hour, it lives on, but not beyond a day
			w.clk.Add(time.Hour)
			is("in use", "usr_jane")
		}
		w.clk.Add(59 * time.Minute)
		is("just before a day", "usr_jane")
		w.clk.Add(time.Minute)
		is("after a day", "")

		token = open(t, w, m, CustomerKind, "usr_jane", 24*time.Hour)
		w.clk.Add(2*time.Hour - time.Minute)
		is("almost idle", "usr_jane")
		w.clk.Add(2 * time.Hour)
		is("idle", "")
		ctx, count := db.CountQueries(t.Context())
		token = open(t, w, m, CustomerKind, "usr_jane", 24*time.Hour)
		for range 5 {
			if _, err := m.Load(ctx, token); err != nil {
				t.Fatal(err)
			}
		}
		if count.N() != 5 {
			t.Errorf("5 reads within a minute took %d statements", count.N())
		}
		w.clk.Add(25 * time.Hour)
		if err := w.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		var left int
		if err := d.Read(t.Context()).QueryRowContext(t.Context(), `SELECT COUNT(*) FROM sessions`).Scan(&left); err != nil || left != 0 {
			t.Error(left, err)
		}
	})
}
