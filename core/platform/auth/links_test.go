package auth

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
)

const next = "another fine phrase"

func TestReset(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(d)
		u, _ := w.user(t, "jane@example.com", RoleOwner)
		ask := func() string {
			t.Helper()
			secret, got, ok, err := w.RequestReset(nobodyIn(t), " Jane@example.com")
			if err != nil || !ok || got.ID != u.ID || len(secret) < 32 {
				t.Fatal(got, ok, err)
			}
			return secret
		}
		first, second := ask(), ask()
		if _, err := w.Reset(nobodyIn(t), first, next); !errors.Is(err, ErrLink) {
			t.Error("one that was replaced:", err)
		}
		if _, err := w.Reset(nobodyIn(t), second, "short"); !errors.Is(err, errShort) {
			t.Error(err)
		}
		if err := w.CanReset(t.Context(), second); err != nil {
			t.Error("a wrong password uses nothing up:", err)
		}
		if _, err := w.ResetStaff(nobodyIn(t), second, next); !errors.Is(err, ErrLink) {
			t.Error("the other realm:", err)
		}
		if _, err := w.VerifyEmail(nobodyIn(t), second); !errors.Is(err, ErrLink) {
			t.Error("another purpose:", err)
		}
		var wg sync.WaitGroup
		var won atomic.Int32
		for range 5 {
			wg.Go(func() {
				if got, err := w.Reset(nobodyIn(t), second, next); err == nil && got.ID == u.ID {
					won.Add(1)
				} else if !errors.Is(err, ErrLink) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Errorf("one link was used %d times", won.Load())
		}
		if got, err := w.SignIn(nobodyIn(t), "jane@example.com", next, "a"); err != nil || got.Verified.IsZero() {
			t.Error(got, err)
		}
		late := ask()
		w.clk.Add(time.Hour)
		if _, err := w.Reset(nobodyIn(t), late, next); !errors.Is(err, ErrLink) {
			t.Error("after an hour:", err)
		}
		var kept int
		if err := d.Read(t.Context()).QueryRowContext(t.Context(), `SELECT COUNT(*) FROM tokens WHERE hash IN (?,?)`, late, second).Scan(&kept); err != nil || kept != 0 {
			t.Errorf("%d secrets are in the store, %v", kept, err)
		}
	})
}

func TestResetForNobody(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(d)
		w.user(t, "jane@example.com", RoleOwner)
		m := w.staffOf(t, "sam@example.com", RoleAdmin)
		var counts []int
		for _, email := range []string{"jane@example.com", "nobody@example.com"} {
			ctx, count := db.CountQueries(nobodyIn(t))
			secret, _, ok, err := w.RequestReset(ctx, email)
			if err != nil || ok != strings.HasPrefix(email, "jane") {
				t.Fatal(ok, err)
			}
			counts = append(counts, count.N())
			if !ok {
				if _, err := w.Reset(nobodyIn(t), secret, next); !errors.Is(err, ErrLink) {
					t.Error(err)
				}
			}
		}
		if counts[0] != counts[1] {
			t.Errorf("statements: known %d, unknown %d", counts[0], counts[1])
		}
		secret, got, ok, err := w.RequestStaffReset(nobodyIn(t), "sam@example.com")
		if err != nil || !ok || got.ID != m.ID {
			t.Fatal(err)
		}
		if _, err := w.ResetStaff(nobodyIn(t), secret, next); err != nil {
			t.Error(err)
		}
		if _, err := w.SignInStaff(nobodyIn(t), "sam@example.com", next, "a"); err != nil {
			t.Error(err)
		}
	})
}

func TestVerifyAndChangeEmail(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(d)
		u, c := w.user(t, "jane@example.com", RoleOwner)
		w.user(t, "joe@example.com", RoleOwner)
		self := w.asUser(t, u.ID, c)
		secret, _, err := w.RequestVerify(self, u.ID)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := w.VerifyEmail(nobodyIn(t), secret); err != nil || got.Verified.IsZero() {
			t.Fatal(err)
		}
		if _, err := w.VerifyEmail(nobodyIn(t), secret); !errors.Is(err, ErrLink) {
			t.Error("twice:", err)
		}
		stale, _, err := w.RequestVerify(self, u.ID)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.ChangeEmail(self, u.ID, "wrong", "new@example.com"); !errors.Is(err, errOld) {
			t.Error(err)
		}
		if _, err := w.ChangeEmail(self, u.ID, pass, "joe@example.com"); !errors.Is(err, ErrEmailTaken) {
			t.Error(err)
		}
		if _, err := w.ChangeEmail(self, u.ID, pass, "Jane <new@example.com>"); !errors.Is(err, errEmail) {
			t.Error(err)
		}
		old, err := w.ChangeEmail(self, u.ID, pass, "New@example.com")
		if err != nil || old != "jane@example.com" {
			t.Fatal(old, err)
		}
		if got, err := w.User(t.Context(), u.ID); err != nil || got.Email != "new@example.com" || !got.Verified.IsZero() {
			t.Error(got, err)
		}
		if _, err := w.VerifyEmail(nobodyIn(t), stale); !errors.Is(err, ErrLink) {
			t.Error("a link to the old address:", err)
		}
	})
}

func TestAPITokens(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(d)
		u, c := w.user(t, "jane@example.com", RoleOwner)
		other, _ := w.user(t, "joe@example.com", RoleOwner)
		self := w.asUser(t, u.ID, c)
		secret, tok, err := w.NewToken(self, string(u.ID), "deploy", []string{"service.see", "invoice.see", "service.see"}, noon.Add(48*time.Hour))
		if err != nil || !strings.HasPrefix(secret, "bur_") || len(secret) < 30 || len(tok.Scopes) != 2 {
			t.Fatal(secret, tok, err)
		}
		a, err := w.ByToken(t.Context(), secret)
		if err != nil || a.Kind != CustomerKind || a.User != u.ID || a.Customer != c || a.Token != tok.ID {
			t.Fatal(a, err)
		}
		ctx := With(t.Context(), a)
		if RequireFor(ctx, c, ServiceSee) != nil || !errors.Is(RequireFor(ctx, c, ServiceCancel), ErrForbidden) || !errors.Is(RequireFor(ctx, ids.New[ids.Customer](), ServiceSee), ids.ErrUnknown) {
			t.Error("scopes are not kept to")
		}
		for what, err := range map[string]error{
			"a scope beyond the role": third(w.NewToken(self, string(u.ID), "x", []string{"invoice.refund"}, time.Time{})),
			"no scope":                third(w.NewToken(self, string(u.ID), "x", nil, time.Time{})),
			"no label":                third(w.NewToken(self, string(u.ID), " ", []string{"service.see"}, time.Time{})),
			"for another":             third(w.NewToken(self, string(other.ID), "x", []string{"service.see"}, time.Time{})),
			"with a token":            third(w.NewToken(ctx, string(u.ID), "x", []string{"service.see"}, time.Time{})),
			"in the past":             third(w.NewToken(self, string(u.ID), "x", []string{"service.see"}, noon)),
			"another's revoked":       w.RevokeToken(w.asUser(t, other.ID, ""), string(u.ID), tok.ID),
			"another's as one's own":  w.RevokeToken(w.asUser(t, other.ID, ""), string(other.ID), tok.ID),
		} {
			if err == nil {
				t.Error(what)
			}
		}
		for _, bad := range []string{"", "bur_", secret[:len(secret)-1], secret + "x", strings.TrimPrefix(secret, "bur_"), string(tok.ID)} {
			if _, err := w.ByToken(t.Context(), bad); !errors.Is(err, ErrToken) {
				t.Errorf("%q: %v", bad, err)
			}
		}
		// The owner's role counts, at this moment.
		second, err := w.RegisterUser(t.Context(), NewUser{Email: "second@example.com", Name: "S"})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(w.Join(self, second.ID, c, RoleOwner), w.ChangeRole(self, u.ID, c, RoleReadOnly)); err != nil {
			t.Fatal(err)
		}
		if a, err = w.ByToken(t.Context(), secret); err != nil || !a.Can(ServiceSee) || a.Can(ServiceControl) {
			t.Error(a, err)
		}
		list, err := w.Tokens(self, string(u.ID))
		if err != nil || len(list) != 1 || list[0].LastUsed.IsZero() || list[0].Label != "deploy" {
			t.Errorf("%+v, %v", list, err)
		}
		if err := w.RevokeToken(self, string(u.ID), tok.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := w.ByToken(t.Context(), secret); !errors.Is(err, ErrToken) {
			t.Error("after it was revoked:", err)
		}
		expiring, _, err := w.NewToken(w.asUser(t, other.ID, ""), string(other.ID), "short", []string{"service.see"}, noon.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		w.clk.Add(time.Hour)
		if _, err := w.ByToken(t.Context(), expiring); !errors.Is(err, ErrToken) {
			t.Error("after its day:", err)
		}
		m := w.staffOf(t, "sam@example.com", RoleSupport)
		staffs, _, err := w.NewToken(w.asStaff(t, m.ID), string(m.ID), "s", []string{"service.suspend"}, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if a, err := w.ByToken(t.Context(), staffs); err != nil || Require(With(t.Context(), a), ServiceSuspend) != nil || Require(With(t.Context(), a), CustomerEdit) == nil {
			t.Error(a, err)
		}
		w.staffOf(t, "admin@example.com", RoleAdmin)
		if err := w.SetStaffStatus(t.Context(), m.ID, Disable); err != nil {
			t.Fatal(err)
		}
		if _, err := w.ByToken(t.Context(), staffs); !errors.Is(err, ErrToken) {
			t.Error("of somebody disabled:", err)
		}
	})
}

func third[A, B any](_ A, _ B, err error) error { return err }

func TestPasses(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(d)
		u, c := w.user(t, "jane@example.com", RoleOwner)
		m, reader := w.staffOf(t, "sam@example.com", RoleSupport), w.staffOf(t, "ron@example.com", RoleReadOnly)
		secret, err := w.NewPass(w.asUser(t, u.ID, c))
		if err != nil {
			t.Fatal(err)
		}
		if p, err := w.SeePass(nobodyIn(t), secret); err != nil || p != (Pass{User: u.ID, Customer: c}) {
			t.Error(p, err)
		}
		if p, err := w.TakePass(nobodyIn(t), secret); err != nil || p != (Pass{User: u.ID, Customer: c}) {
			t.Error(p, err)
		}
		if _, err := w.TakePass(nobodyIn(t), secret); !errors.Is(err, ErrLink) {
			t.Error("twice:", err)
		}
		for what, ctx := range map[string]context.Context{"nobody": nobodyIn(t), "staff": w.asStaff(t, m.ID), "a job": t.Context()} {
			if _, err := w.NewPass(ctx); !errors.Is(err, ErrForbidden) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if _, err := w.StandIn(w.asStaff(t, m.ID), c, "  "); !errors.Is(err, errReason) {
			t.Error(err)
		}
		if _, err := w.StandIn(w.asStaff(t, reader.ID), c, "look"); !errors.Is(err, ErrForbidden) {
			t.Error(err)
		}
		secret, err = w.StandIn(w.asStaff(t, m.ID), c, "ticket 12")
		if err != nil {
			t.Fatal(err)
		}
		p, err := w.TakePass(nobodyIn(t), secret)
		if err != nil || p != (Pass{Staff: m.ID, Customer: c}) {
			t.Error(p, err)
		}
		a, err := w.ActorStandingIn(t.Context(), p.Staff, p.Customer)
		if err != nil || !a.StandsIn() || a.Can(MethodEdit) || !a.Can(OrderPlace) {
			t.Error(a, err)
		}
		if _, err := w.NewPass(With(t.Context(), a)); !errors.Is(err, ErrForbidden) {
			t.Error("nested:", err)
		}
		late, err := w.StandIn(w.asStaff(t, m.ID), c, "ticket 12")
		if err != nil {
			t.Fatal(err)
		}
		w.clk.Add(time.Minute)
		if _, err := w.TakePass(nobodyIn(t), late); !errors.Is(err, ErrLink) {
			t.Error("after a minute:", err)
		}
	})
}
