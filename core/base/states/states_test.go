package states_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ezscale/bursar/core/base/states"
)

type status string
type action string

var door = states.Table[status, action]{
	"open":   {"close": "closed"},
	"closed": {"open": "open", "lock": "locked"},
	"locked": {"unlock": "closed", "brick": "wall"},
	"wall":   {},
}

func TestTable(t *testing.T) {
	if next, err := door.Next("closed", "lock"); next != "locked" || err != nil {
		t.Fatal(next, err)
	}
	next, err := door.Next("open", "lock")
	if next != "open" || !errors.Is(err, states.ErrRefused) {
		t.Fatal(next, err)
	}
	if _, err := door.Next("nowhere", "lock"); !errors.Is(err, states.ErrRefused) {
		t.Fatal(err)
	}
	if door.Allows("wall", "open") || !door.Allows("locked", "unlock") {
		t.Fatal("Allows")
	}
	if got := door.Actions("closed"); !slices.Equal(got, []action{"lock", "open"}) {
		t.Fatal(got)
	}
}

func TestWalkVisitsEveryPair(t *testing.T) {
	var possible []string
	visited := 0
	door.Walk(func(s status, a action, next status, ok bool) {
		visited++
		if ok {
			possible = append(possible, fmt.Sprintf("%s+%s=%s", s, a, next))
		} else if next != s {
			t.Errorf("%s+%s was refused and moved to %s", s, a, next)
		}
	})
	if visited != 4*5 {
		t.Fatalf("visited %d pairs", visited)
	}
	want := "closed+lock=locked closed+open=open locked+brick=wall locked+unlock=closed open+close=closed"
	if got := strings.Join(possible, " "); got != want {
		t.Fatal(got)
	}
}

func TestCheck(t *testing.T) {
	if err := door.Check("open"); err != nil {
		t.Fatal(err)
	}
	missing := states.Table[status, action]{"open": {"close": "closed"}}
	if err := missing.Check("open"); err == nil {
		t.Fatal("a status without a row was not found")
	}
	lost := states.Table[status, action]{"open": {}, "island": {}}
	if err := lost.Check("open"); err == nil {
		t.Fatal("a status that nothing leads to was not found")
	}
}
