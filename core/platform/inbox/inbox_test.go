package inbox_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/base/states"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/platform/inbox"
)

var now = time.Date(2027, 3, 10, 9, 0, 0, 0, time.UTC)

func TestAnEventOfAnInstanceIsKeptOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, s := t.Context(), inbox.New(d, clock.At(now))
		other := inbox.New(dbtest.Again(t, d), clock.At(now))
		for round := range 10 {
			event := "evt_" + strings.Repeat("x", round)
			var mu sync.Mutex
			var wg sync.WaitGroup
			seen, fresh := map[int64]bool{}, 0
			for i := range 8 {
				wg.Go(func() {
					use := s
					if i%2 == 1 {
						use = other
					}
					id, is, err := use.Keep(ctx, "us", event, []byte("body"), map[string]int{"i": i})
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					defer mu.Unlock()
					if seen[id] = true; is {
						fresh++
					}
				})
			}
			wg.Wait()
			if len(seen) != 1 || fresh != 1 {
				t.Fatalf("%s was kept as %v, %d times fresh", event, seen, fresh)
			}
		}
		if _, fresh, err := s.Keep(ctx, "eu", "evt_", nil, nil); err != nil || !fresh {
			t.Fatalf("the same ID at another instance is another event: %v, %v", fresh, err)
		}
	})
}

func TestKeepIsUndoneWithItsTransaction(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, s := t.Context(), inbox.New(d, clock.At(now))
		oops := errors.New("oops")
		err := d.Tx(ctx, func(ctx context.Context) error {
			if _, _, err := s.Keep(ctx, "us", "evt_1", []byte("b"), nil); err != nil {
				return err
			}
			return oops
		})
		if !errors.Is(err, oops) {
			t.Fatal(err)
		}
		if page, err := s.List(ctx, inbox.Filter{}); err != nil || page.Total != 0 {
			t.Fatalf("%+v, %v", page, err)
		}
	})
}

func TestEventsWithoutAnIDAreToldApartByTheirBytes(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, s := t.Context(), inbox.New(d, clock.At(now))
		long := strings.Repeat("é", 150)
		var made []int64
		for _, c := range []struct{ id, raw string }{{"", "one"}, {"", "two"}, {"", "one"}, {long, "one"}, {long, "one"}} {
			id, _, err := s.Keep(ctx, "us", c.id, []byte(c.raw), nil)
			if err != nil {
				t.Fatal(err)
			}
			made = append(made, id)
		}
		if made[0] != made[2] || made[3] != made[4] || made[0] == made[1] || made[0] == made[3] {
			t.Fatal(made)
		}
		e, err := s.Get(ctx, made[3])
		if err != nil || e.EventID != inbox.EventID(long, []byte("one")) {
			t.Fatalf("%+v, %v", e, err)
		}
	})
}

func TestMark(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, c := t.Context(), clock.At(now)
		s := inbox.New(d, c)
		raw := []byte{0, 0xff, '\'', '"'}
		id, _, err := s.Keep(ctx, "us", "evt_1", raw, map[string]string{"a": "ü"})
		if err != nil {
			t.Fatal(err)
		}
		e, err := s.Get(ctx, id)
		if err != nil || e.State != inbox.Fresh || !slices.Equal(e.Raw, raw) || string(e.Meaning) != `{"a":"ü"}` || !e.Received.Equal(now) || !e.Applied.IsZero() {
			t.Fatalf("%+v, %v", e, err)
		}
		if err := s.Mark(ctx, id, inbox.Waiting, strings.Repeat("ü", 600)); err != nil {
			t.Fatal(err)
		}
		later := c.Add(time.Minute)
		if err := s.Mark(ctx, id, inbox.Applied, ""); err != nil {
			t.Fatal(err)
		}
		if err := s.Mark(ctx, id, inbox.Applied, ""); err != nil {
			t.Fatalf("a second time: %v", err)
		}
		if err := s.Mark(ctx, id, inbox.Failed, ""); !errors.Is(err, states.ErrRefused) {
			t.Fatalf("what was applied failed: %v", err)
		}
		if err := s.Mark(ctx, id, "lost", ""); !errors.Is(err, states.ErrRefused) {
			t.Fatal(err)
		}
		if err := s.Mark(ctx, id+1, inbox.Applied, ""); !errors.Is(err, inbox.ErrNotFound) {
			t.Fatal(err)
		}
		if e, err = s.Get(ctx, id); err != nil || e.State != inbox.Applied || !e.Applied.Equal(later) {
			t.Fatalf("%+v, %v", e, err)
		}
	})
}

func TestListAndPurge(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, c := t.Context(), clock.At(now)
		s := inbox.New(d, c)
		var made []int64
		for _, event := range []string{"a", "b", "c", "d", "e"} {
			id, _, err := s.Keep(ctx, "us", event, []byte("body"), nil)
			if err != nil {
				t.Fatal(err)
			}
			made = append(made, id)
		}
		for i, state := range []string{inbox.Applied, inbox.Ignored, inbox.Failed, inbox.Waiting} {
			if err := s.Mark(ctx, made[i], state, "Note 100% "+state); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		f := inbox.Filter{Limit: 2, Sort: "oldest"}
		for range 4 {
			counted, n := db.CountQueries(ctx)
			page, err := s.List(counted, f)
			if err != nil || page.Total != 5 || n.N() != 2 {
				t.Fatalf("%+v, %d queries, %v", page, n.N(), err)
			}
			for _, e := range page.List {
				got = append(got, e.EventID)
			}
			if f.After = page.Next; f.After == "" {
				break
			}
		}
		if !slices.Equal(got, []string{"a", "b", "c", "d", "e"}) {
			t.Fatal(got)
		}
		for _, tt := range []struct {
			f    inbox.Filter
			want int
		}{
			{inbox.Filter{States: []string{inbox.Failed, inbox.Waiting}}, 2}, {inbox.Filter{Instance: "eu"}, 0}, {inbox.Filter{Query: "100%"}, 4}, {inbox.Filter{Query: "0_ f"}, 0}, {inbox.Filter{Query: "e"}, 4 + 1},
		} {
			if page, err := s.List(ctx, tt.f); err != nil || page.Total != tt.want || len(page.List) != tt.want {
				t.Errorf("%+v finds %d, %v", tt.f, page.Total, err)
			}
		}
		if _, err := s.List(ctx, inbox.Filter{Sort: "id; --"}); err == nil {
			t.Error("any sort is taken")
		}
		n, err := s.Purge(ctx, now.Add(time.Second))
		if page, _ := s.List(ctx, inbox.Filter{}); err != nil || n != 2 || page.Total != 3 {
			t.Errorf("%d were purged, %d are left, %v", n, page.Total, err)
		}
	})
}
