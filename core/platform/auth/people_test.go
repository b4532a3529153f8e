package auth

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/states"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
)

func TestRegister(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(d)
		w.user(t, "jane@example.com", RoleOwner)
		for what, tt := range map[string]struct {
			ctx context.Context
			n   NewUser
			err error
		}{
			"the same address in other letters": {nobodyIn(t), NewUser{"JANE@example.com", "J", pass}, ErrEmailTaken},
			"no name":                           {nobodyIn(t), NewUser{"a@example.com", " ", pass}, errName},
			"a name with a line break":          {nobodyIn(t), NewUser{"a@example.com", "a\nb", pass}, errName},
			"two addresses":                     {nobodyIn(t), NewUser{"a@example.com, b@example.com", "A", pass}, errEmail},
			"an address with a line break":      {nobodyIn(t), NewUser{"a@example.com\r\nBcc: b@example.com", "A", pass}, errEmail},
			"a visitor without a password":      {nobodyIn(t), NewUser{"a@example.com", "A", ""}, errShort},
		} {
			if _, err := w.RegisterUser(tt.ctx, tt.n); !errors.Is(err, tt.err) {
				t.Errorf("%s: %v", what, err)
			}
		}
		var wg sync.WaitGroup
		var won atomic.Int32
		for range 4 {
			wg.Go(func() {
				if _, err := w.RegisterUser(nobodyIn(t), NewUser{"race@example.com", "R", pass}); err == nil {
					won.Add(1)
				} else if !errors.Is(err, ErrEmailTaken) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Errorf("registered %d times", won.Load())
		}
	})
}

func TestMemberships(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(d)
		owner, c := w.user(t, "owner@example.com", RoleOwner)
		tech, own := w.user(t, "tech@example.com", RoleOwner)
		asOwner, asTech := w.asUser(t, owner.ID, c), w.asUser(t, tech.ID, "")
		if err := w.Join(asTech, tech.ID, c, RoleOwner); !errors.Is(err, ids.ErrUnknown) {
			t.Fatal("uninvited:", err)
		}
		if err := w.Join(nobodyIn(t), tech.ID, c, RoleOwner); !errors.Is(err, ids.ErrUnknown) {
			t.Fatal("by nobody:", err)
		}
		if err := w.Join(asOwner, tech.ID, c, "king"); !errors.Is(err, errRole) {
			t.Fatal(err)
		}
		for range 2 {
			if err := w.Join(asOwner, tech.ID, c, RoleTechnical); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := w.Accounts(t.Context(), tech.ID); err != nil || len(got) != 2 {
			t.Fatal(got, err)
		}
		if a, err := w.ActorOfUser(t.Context(), tech.ID, ""); err != nil || (a.Customer != own && a.Customer != c) {
			t.Fatal(a, err)
		}
		asTech = w.asUser(t, tech.ID, c)
		if err := w.ChangeRole(asTech, tech.ID, c, RoleOwner); !errors.Is(err, ErrForbidden) {
			t.Error("raising oneself:", err)
		}
		if err := w.ChangeRole(asOwner, owner.ID, c, ""); !errors.Is(err, ErrLastOwner) {
			t.Error("the last owner:", err)
		}
		if err := w.ChangeRole(asOwner, ids.New[ids.User](), c, RoleBilling); !errors.Is(err, ErrNotFound) {
			t.Error(err)
		}
		if members, err := w.Members(asTech, c); err != nil || len(members) != 2 {
			t.Error(members, err)
		}
		if _, err := w.Members(asTech, own); !errors.Is(err, ids.ErrUnknown) {
			t.Error("while acting for another:", err)
		}
		// What is taken away is gone with the next request.
		if err := w.ChangeRole(asOwner, tech.ID, c, ""); err != nil {
			t.Fatal(err)
		}
		if _, err := w.ActorOfUser(t.Context(), tech.ID, c); !errors.Is(err, ErrNotFound) {
			t.Error(err)
		}
		if err := w.SetUserStatus(t.Context(), tech.ID, Disable); err != nil {
			t.Fatal(err)
		}
		if _, err := w.ActorOfUser(t.Context(), tech.ID, ""); !errors.Is(err, ErrNotFound) {
			t.Error("disabled:", err)
		}
		if err := w.SetUserStatus(t.Context(), tech.ID, Disable); !errors.Is(err, states.ErrRefused) {
			t.Error(err)
		}
		lone, err := w.RegisterUser(nobodyIn(t), NewUser{"lone@example.com", "L", pass})
		if err != nil {
			t.Fatal(err)
		}
		if a, err := w.ActorOfUser(t.Context(), lone.ID, ""); err != nil || a.Customer != "" || a.Can(OrderSee) {
			t.Error(a, err)
		}
	})
}

func TestStaff(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(d)
		if over, err := w.IsSetUp(nobodyIn(t)); err != nil || over {
			t.Fatal(over, err)
		}
		var wg sync.WaitGroup
		var won atomic.Int32
		var first atomic.Value
		for i := range 4 {
			wg.Go(func() {
				m, err := w.SetUp(nobodyIn(t), NewStaff{Email: string(rune('a'+i)) + "@example.com", Name: "First", Password: pass})
				if err == nil {
					won.Add(1)
					first.Store(m)
				} else if !errors.Is(err, ErrSetUp) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d first administrators", won.Load())
		}
		admin := first.Load().(Staff)
		if over, err := w.IsSetUp(nobodyIn(t)); err != nil || !over || admin.Role != RoleAdmin {
			t.Fatal(over, err)
		}
		asAdmin := w.asStaff(t, admin.ID)
		sam, err := w.CreateStaff(asAdmin, NewStaff{Email: "sam@example.com", Name: "Sam", Role: RoleSupport})
		if err != nil {
			t.Fatal(err)
		}
		asSam := w.asStaff(t, sam.ID)
		if _, err := w.CreateStaff(asSam, NewStaff{Email: "x@example.com", Name: "X", Password: pass, Role: RoleAdmin}); !errors.Is(err, ErrForbidden) {
			t.Error(err)
		}
		if err := w.ChangeStaff(asSam, sam.ID, "Sam", RoleAdmin); !errors.Is(err, ErrForbidden) {
			t.Error("raising oneself:", err)
		}
		if err := w.SetStaffStatus(asAdmin, admin.ID, Disable); !errors.Is(err, ErrLastAdmin) {
			t.Error(err)
		}
		if err := w.ChangeStaff(asAdmin, admin.ID, "First", RoleBilling); !errors.Is(err, ErrLastAdmin) {
			t.Error(err)
		}
		if err := w.ChangeStaff(asAdmin, sam.ID, "Sam", RoleAdmin); err != nil {
			t.Fatal(err)
		}
		// Two administrators who throw each other out: one stays.
		results := make([]error, 2)
		for i, id := range []ids.Staff{admin.ID, sam.ID} {
			wg.Go(func() { results[i] = w.SetStaffStatus(t.Context(), id, Disable) })
		}
		wg.Wait()
		if (results[0] == nil) == (results[1] == nil) {
			t.Errorf("%v, %v", results[0], results[1])
		}
		if list, err := w.ListStaff(t.Context()); err != nil || len(list) != 2 {
			t.Error(list, err)
		}
	})
}
