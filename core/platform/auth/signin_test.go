package auth

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/sdk/fault"
)

func TestSignIn(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(d)
		u, _ := w.user(t, "Jane@Example.com ", RoleOwner)
		m := w.staffOf(t, "sam@example.com", RoleSupport)
		if u.Email != "jane@example.com" {
			t.Fatal(u.Email)
		}
		closed, _ := w.user(t, "closed@example.com", RoleOwner)
		if err := w.SetUserStatus(t.Context(), closed.ID, Disable); err != nil {
			t.Fatal(err)
		}
		invited, err := w.RegisterUser(t.Context(), NewUser{Email: "invited@example.com", Name: "I"})
		if err != nil || invited.Password {
			t.Fatal(invited, err)
		}
		tests := []struct {
			name, email, password string
			ok                    bool
		}{
			{"the right password", "jane@example.com", pass, true},
			{"in other letters", " JANE@example.COM", pass, true},
			{"a wrong password", "jane@example.com", pass + "x", false},
			{"no password", "jane@example.com", "", false},
			{"an unknown address", "nobody@example.com", pass, false},
			{"a closed account", "closed@example.com", pass, false},
			{"an account without a password", "invited@example.com", "", false},
			{"staff is no user", "sam@example.com", pass, false},
		}
		for _, tt := range tests {
			got, err := w.SignIn(nobodyIn(t), tt.email, tt.password, "192.0.2.1")
			if tt.ok && (err != nil || got.ID != u.ID || !got.LastSeen.Equal(noon)) || !tt.ok && (!errors.Is(err, ErrSignIn) || err.Error() != ErrSignIn.Error() || got.ID != "") {
				t.Errorf("%s: %+v, %v", tt.name, got, err)
			}
		}
		if got, err := w.SignInStaff(nobodyIn(t), "sam@example.com", pass, "192.0.2.1"); err != nil || got.ID != m.ID {
			t.Error(err)
		}
		if _, err := w.SignInStaff(nobodyIn(t), "jane@example.com", pass, "192.0.2.1"); !errors.Is(err, ErrSignIn) {
			t.Error("a user is no staff:", err)
		}
		page, err := w.trail.List(t.Context(), audit.Filter{Action: "sign_in", Subject: string(u.ID)})
		if err != nil || len(page.Rows) != 2 {
			t.Errorf("%d rows, %v", len(page.Rows), err)
		}
		page, err = w.trail.List(t.Context(), audit.Filter{Action: "sign_in.refuse"})
		if err != nil || len(page.Rows) != 7 || slices.ContainsFunc(page.Rows, func(r audit.Row) bool { return strings.Contains(r.After+r.Before, "@") }) {
			t.Errorf("%+v, %v", page.Rows, err)
		}
	})
}

// TestUnknownAccountsCostTheSame counts statements and compares times roughly: a run without a hash would take a
// twentieth.
func TestUnknownAccountsCostTheSame(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(d)
		w.user(t, "jane@example.com", RoleOwner)
		var took [2][]time.Duration
		var statements [2]int
		for i := range 16 {
			email := []string{"jane@example.com", "nobody@example.com"}[i%2]
			w.clk.Add(2 * time.Minute)
			ctx, count := db.CountQueries(nobodyIn(t))
			began := time.Now()
			if _, err := w.SignIn(ctx, email, "not the password", fmt.Sprint("192.0.2.", i)); !errors.Is(err, ErrSignIn) {
				t.Fatal(err)
			}
			took[i%2] = append(took[i%2], time.Since(began))
			statements[i%2] += count.N()
		}
		if statements[0] != statements[1] {
			t.Errorf("statements: known %d, unknown %d", statements[0], statements[1])
		}
		slices.Sort(took[0])
		slices.Sort(took[1])
		known, unknown := took[0][3], took[1][3]
		if unknown < known/2 || known < unknown/2 {
			t.Errorf("known %v, unknown %v", known, unknown)
		}
	})
}

func TestSignInIsThrottled(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(d)
		w.user(t, "jane@example.com", RoleOwner)
		// One after the other, from ever new addresses: ten tries, then none.
		for i := range 12 {
			_, err := w.SignIn(nobodyIn(t), "jane@example.com", "wrong", fmt.Sprint("198.51.100.", i))
			if want := map[bool]error{true: ErrSignIn, false: ErrThrottled}[i < 10]; !errors.Is(err, want) {
				t.Fatalf("try %d: %v", i+1, err)
			}
		}
		_, err := w.SignIn(nobodyIn(t), "jane@example.com", pass, "198.51.100.200")
		if f := fault.Of(err); f == nil || f.Kind != fault.Declined || f.After <= 0 || f.After > 15*time.Minute {
			t.Fatalf("%v", err)
		}
		if _, err := w.SignInStaff(nobodyIn(t), "jane@example.com", pass, "198.51.100.201"); !errors.Is(err, ErrThrottled) {
			t.Fatal("another door:", err)
		}
		w.clk.Add(15 * time.Minute)
		for range 15 { // the owner is back, and his own sign-ins do not count
			if _, err := w.SignIn(nobodyIn(t), "jane@example.com", pass, "192.0.2.1"); err != nil {
				t.Fatal(err)
			}
		}
		// One address, ever new accounts, all at once: thirty tries.
		var wg sync.WaitGroup
		var mu sync.Mutex
		refused, throttled := 0, 0
		for i := range 40 {
			wg.Go(func() {
				_, err := w.SignIn(nobodyIn(t), fmt.Sprintf("u%d@example.com", i), "wrong", "203.0.113.9")
				mu.Lock()
				defer mu.Unlock()
				switch {
				case errors.Is(err, ErrSignIn):
					refused++
				case errors.Is(err, ErrThrottled):
					throttled++
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if refused != 30 || throttled != 10 {
			t.Errorf("%d refused, %d throttled", refused, throttled)
		}
	})
}

func TestThrottleClasses(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(d)
		for class, want := range map[Class]int{Code: 20, Register: 10, Ticket: 10} {
			n := 0
			for w.Throttle(t.Context(), class, "k") == nil {
				n++
			}
			if n != want {
				t.Errorf("%s: %d", class, n)
			}
			if err := w.Throttle(t.Context(), class, "other"); err != nil {
				t.Errorf("%s of another: %v", class, err)
			}
		}
		if err := w.Throttle(t.Context(), "nonsense", "k"); fault.KindOf(err) != fault.Internal {
			t.Error(err)
		}
		w.clk.Add(time.Hour)
		if err := w.Throttle(t.Context(), Code, "k"); err != nil {
			t.Error(err)
		}
		if err := w.Purge(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestNetwork(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "2001:db8:1:2::9%eth0": "2001:db8:1:2::/64", "": "", "x": "x",
	} {
		if got := Network(address); got != want {
			t.Errorf("%q is %q", address, got)
		}
	}
}

func TestNewPasswords(t *testing.T) {
	for password, want := range map[string]error{
		"short one": errShort, "0123456789": nil, strings.Repeat("ü", 10): nil, strings.Repeat("x", 201): errLong, "Jane@Example.com": errOwn, "": errShort,
	} {
		if err := checkPassword(password, "jane@example.com"); !errors.Is(err, want) {
			t.Errorf("%q: %v", password, err)
		}
	}
}

func TestChangePassword(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(d)
		u, c := w.user(t, "jane@example.com", RoleReadOnly)
		other, _ := w.user(t, "joe@example.com", RoleOwner)
		self := w.asUser(t, u.ID, c)
		link, _, _, err := w.RequestReset(nobodyIn(t), "jane@example.com")
		if err != nil {
			t.Fatal(err)
		}
		const next = "another fine phrase"
		if err := w.ChangePassword(self, other.ID, pass, next); !errors.Is(err, ErrForbidden) {
			t.Error("another's:", err)
		}
		if err := w.ChangePassword(self, u.ID, "wrong", next); !errors.Is(err, errOld) || fault.Of(err).Field != "old" {
			t.Error(err)
		}
		if err := w.ChangePassword(self, u.ID, pass, "short"); !errors.Is(err, errShort) {
			t.Error(err)
		}
		if err := w.ChangePassword(self, u.ID, pass, next); err != nil {
			t.Fatal(err)
		}
		if _, err := w.SignIn(nobodyIn(t), "jane@example.com", pass, "a"); !errors.Is(err, ErrSignIn) {
			t.Error("the old one:", err)
		}
		if _, err := w.SignIn(nobodyIn(t), "jane@example.com", next, "a"); err != nil {
			t.Error(err)
		}
		if _, err := w.Reset(nobodyIn(t), link, "a third fine phrase"); !errors.Is(err, ErrLink) {
			t.Error("a link from before:", err)
		}
		m := w.staffOf(t, "sam@example.com", RoleSupport)
		standing, err := w.ActorStandingIn(t.Context(), m.ID, c)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.ChangePassword(With(t.Context(), standing), u.ID, next, pass); !errors.Is(err, ErrForbidden) {
			t.Error("standing in:", err)
		}
		if err := w.ChangeStaffPassword(w.asStaff(t, m.ID), m.ID, pass, next); err != nil {
			t.Error(err)
		}
	})
}
