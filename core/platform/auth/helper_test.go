package auth

import (
	"context"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/platform/audit"
)

var noon = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

const pass = "correct horse battery"

// world is a service with a clock that stands still.
type world struct {
	*Service
	clk   *clock.Stopped
	trail *audit.Service
}

func newWorld(d *db.DB) world {
	clk := clock.At(noon)
	trail := audit.New(d, clk)
	return world{New(Deps{DB: d, Clock: clk, Audit: trail}), clk, trail}
}

func nobodyIn(t *testing.T) context.Context { return With(t.Context(), Actor{}) }

func (w world) user(t *testing.T, email, role string) (User, ids.Customer) {
	t.Helper()
	u, err := w.RegisterUser(nobodyIn(t), NewUser{Email: email, Name: "Jane Doe", Password: pass})
	if err != nil {
		t.Fatal(err)
	}
	c := ids.New[ids.Customer]()
	if err := w.Join(t.Context(), u.ID, c, role); err != nil {
		t.Fatal(err)
	}
	return u, c
}

func (w world) staffOf(t *testing.T, email, role string) Staff {
	t.Helper()
	m, err := w.CreateStaff(t.Context(), NewStaff{Email: email, Name: "Sam Staff", Password: pass, Role: role})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (w world) asUser(t *testing.T, u ids.User, c ids.Customer) context.Context {
	t.Helper()
	a, err := w.ActorOfUser(t.Context(), u, c)
	if err != nil {
		t.Fatal(err)
	}
	return With(t.Context(), a)
}

func (w world) asStaff(t *testing.T, id ids.Staff) context.Context {
	t.Helper()
	a, err := w.ActorOfStaff(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return With(t.Context(), a)
}
