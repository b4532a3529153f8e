package counter_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/data/counter"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
)

var noon = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

func TestNextIsUniqueWithoutGaps(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		var mu sync.Mutex
		var got []int64
		var wg sync.WaitGroup
		other := dbtest.Again(t, d)
		for i := range 30 {
			wg.Go(func() {
				use := d
				if i%2 == 1 {
					use = other
				}
				n, err := counter.Next(t.Context(), use, "thing")
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				got = append(got, n)
				mu.Unlock()
			})
		}
		wg.Wait()
		slices.Sort(got)
		for i, n := range got {
			if n != int64(i+1) {
				t.Fatal(got)
			}
		}
		undo := errors.New("undo")
		if err := d.Tx(t.Context(), func(ctx context.Context) error {
			if n, err := counter.Next(ctx, d, "thing"); err != nil || n != 31 {
				t.Error(n, err)
			}
			return undo
		}); !errors.Is(err, undo) {
			t.Fatal(err)
		}
		if n, err := counter.Next(t.Context(), d, "thing"); err != nil || n != 31 {
			t.Fatal(n, err)
		}
		if n, err := counter.Next(t.Context(), d, "other"); err != nil || n != 1 {
			t.Fatal(n, err)
		}
	})
}

func TestKept(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := clock.At(noon)
		loads, looks := 0, 0
		load := func(_ context.Context, last *int64, same bool, number int64) (*int64, error) {
			if same {
				looks++
				return last, nil
			}
			loads++
			return &number, nil
		}
		k := counter.Keep(d, c, "shop", load)
		elsewhere := counter.Keep(dbtest.Again(t, d), c, "shop", load)
		want := func(number int64, wantLoads, wantLooks int) {
			t.Helper()
			got, err := k.Get(t.Context())
			if err != nil || *got != number || loads != wantLoads || looks != wantLooks {
				t.Fatalf("number %d, %d loads, %d looks, %v", *got, loads, looks, err)
			}
		}
		want(0, 1, 0)
		want(0, 1, 0)
		if err := k.Changed(t.Context()); err != nil { // seen at once
			t.Fatal(err)
		}
		want(1, 2, 0)
		if err := elsewhere.Changed(t.Context()); err != nil {
			t.Fatal(err)
		}
		want(1, 2, 0)
		c.Add(time.Second) // seen within a second
		want(2, 3, 0)
		c.Add(time.Second)
		want(2, 3, 1)
		k.Forget(t.Context())
		want(2, 3, 2)
		undo := errors.New("undo")
		if err := d.Tx(t.Context(), func(ctx context.Context) error {
			if err := k.Changed(ctx); err != nil {
				return err
			}
			if got, err := k.Get(ctx); err != nil || *got != 3 {
				t.Errorf("in the transaction: %d, %v", *got, err)
			}
			return undo
		}); !errors.Is(err, undo) {
			t.Fatal(err)
		}
		want(2, 4, 2) // what was undone was never kept
	})
}
