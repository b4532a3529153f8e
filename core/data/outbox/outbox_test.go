package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/data/lease"
	"github.com/ezscale/bursar/core/data/outbox"
)

var start = time.Date(2027, 1, 31, 9, 0, 0, 0, time.UTC)

// world is an outbox, what its steps were told, and a stopped clock.
type world struct {
	t     *testing.T
	d     *db.DB
	clock *clock.Stopped
	*outbox.Outbox
	mu   sync.Mutex
	told map[string]int // by step and what was said
	fail map[string]error
}

func newWorld(t *testing.T, d *db.DB) *world {
	w := &world{t: t, d: d, clock: clock.At(start), told: map[string]int{}, fail: map[string]error{}}
	w.Outbox = w.process(d)
	return w
}

// process is an outbox of another process, whose steps are the same.
func (w *world) process(d *db.DB) *outbox.Outbox {
	o := outbox.New(d, w.clock, lease.Options{Poll: 5 * time.Millisecond})
	w.ok(o.Route(outbox.Routes{"thing.made": {outbox.Step("one", w.step("one")), outbox.Step("two", w.step("two")), outbox.Step("three", w.step("three"))}}))
	return o
}

func (w *world) step(name string) outbox.StepFunc {
	return func(_ context.Context, e outbox.Event) error {
		var text string
		if err := e.Read(&text); err != nil {
			return err
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.told[name+" "+text]++
		return w.fail[name]
	}
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func made(text string) outbox.Event {
	return outbox.Event{Kind: "thing.made", Subject: "thing", Payload: text}
}

func (w *world) drain() {
	w.t.Helper()
	_, err := w.Drain(w.t.Context())
	w.ok(err)
}

// want compares what was told, step by step.
func (w *world) want(told ...string) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	var got []string
	for what, n := range w.told {
		got = append(got, fmt.Sprintf("%s x%d", what, n))
	}
	slices.Sort(got)
	slices.Sort(told)
	if !slices.Equal(got, told) {
		w.t.Fatalf("told %q, want %q", got, told)
	}
}

func TestEachStepHearsOfAnEventOnceAndAFailingOneRepeatsAlone(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.fail["two"] = errors.New("not now")
		w.ok(w.Add(t.Context(), made("a"), outbox.Event{Kind: "nobody.cares", Subject: "x"}))
		w.drain()
		w.want("one a x1", "two a x1", "three a x1")
		at, err := w.NextDue(t.Context())
		w.ok(err)
		w.clock.Set(at)
		w.fail["two"] = nil
		w.drain()
		w.want("one a x1", "two a x2", "three a x1")
		w.clock.Add(100 * time.Hour)
		w.drain()
		w.want("one a x1", "two a x2", "three a x1")
	})
}

func TestEventsOfATransactionThatIsUndoneAreNeverSeen(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		oops := errors.New("oops")
		err := d.Tx(t.Context(), func(ctx context.Context) error {
			w.ok(w.Add(ctx, made("undone")))
			return oops
		})
		if !errors.Is(err, oops) {
			t.Fatal(err)
		}
		w.ok(d.Tx(t.Context(), func(ctx context.Context) error { return w.Add(ctx, made("kept")) }))
		w.drain()
		w.want("one kept x1", "two kept x1", "three kept x1")
	})
}

// Two processes that run for good and one that drains share the work: each step hears each event once.
func TestManyProcessesDeliverEachEventOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		var events []outbox.Event
		var want []string
		for i := range 700 { // more than one set
			text := fmt.Sprint(i)
			events = append(events, made(text))
			want = append(want, "one "+text+" x1", "two "+text+" x1", "three "+text+" x1")
		}
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 2 {
			other := w.process(dbtest.Again(t, d))
			wg.Go(func() { other.Run(ctx) })
		}
		for part := range slices.Chunk(events, 50) {
			w.ok(w.Add(t.Context(), part...))
		}
		w.drain()
		w.want(want...) // drain waited for the others too
		stop()
		wg.Wait()
		w.want(want...)
	})
}

// Whoever drains waits for events that another process is turning into deliveries at that moment.
func TestDrainWaitsForDeliveriesThatAreBeingMade(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		if d.ForUpdate() == "" {
			return // one writer: drain waits for it anyway
		}
		w := newWorld(t, d)
		w.ok(w.Add(t.Context(), made("a")))
		ctx, count := db.CountQueries(t.Context())
		done := make(chan error, 1)
		w.ok(d.Tx(t.Context(), func(tx context.Context) error {
			var id int64
			if err := d.Write(tx).QueryRowContext(tx, "SELECT id FROM events FOR UPDATE").Scan(&id); err != nil {
				return err
			}
			go func() {
				_, err := w.Drain(ctx)
				done <- err
			}()
			for count.N() < 20 {
				select {
				case err := <-done:
					t.Errorf("drain ended early: %v", err)
					done <- err
					return nil
				case <-time.After(time.Millisecond):
				}
			}
			return nil
		}))
		w.ok(<-done)
		w.want("one a x1", "two a x1", "three a x1")
	})
}

func TestAStepThatIsGivenUpIsSeenAndRetried(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.fail["one"] = lease.GiveUp(errors.New("hopeless"))
		w.ok(w.Add(t.Context(), made("a")))
		w.drain()
		parked, err := w.Parked(t.Context(), 0, 10)
		w.ok(err)
		if len(parked) != 1 || parked[0].Step != "one" || parked[0].Event.Subject != "thing" || parked[0].Error == "" || parked[0].Attempts != 1 {
			t.Fatalf("%+v", parked)
		}
		w.clock.Add(24 * time.Hour)
		if n, err := w.Purge(t.Context(), w.clock.Now()); err != nil || n != 0 {
			t.Fatal("an event with a parked delivery was forgotten", n, err)
		}
		w.fail["one"] = nil
		if ok, err := w.Retry(t.Context(), parked[0].ID); err != nil || !ok {
			t.Fatal(ok, err)
		}
		w.drain()
		w.want("one a x2", "two a x1", "three a x1")
		if n, err := w.Purge(t.Context(), w.clock.Now()); err != nil || n != 0 {
			t.Fatal("forgotten too early: its last step was done just now", n, err)
		}
		w.ok(w.Add(t.Context(), made("fresh")))
		w.clock.Add(time.Second)
		if n, err := w.Purge(t.Context(), w.clock.Now()); err != nil || n != 1 {
			t.Fatal("want the old one forgotten and the undelivered one kept", n, err)
		}
		w.drain()
		w.want("one a x2", "two a x1", "three a x1", "one fresh x1", "two fresh x1", "three fresh x1")
	})
}

// A delivery whose step is gone from the routes is for a person.
func TestADeliveryWithoutAStepIsParked(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.fail["two"] = errors.New("not now")
		w.ok(w.Add(t.Context(), made("a")))
		w.drain()
		w.ok(w.Route(outbox.Routes{"thing.made": {outbox.Step("renamed", w.step("renamed"))}}))
		w.clock.Add(time.Minute)
		w.drain()
		w.want("one a x1", "two a x1", "three a x1")
		if parked, err := w.Parked(t.Context(), 0, 10); err != nil || len(parked) != 1 || parked[0].Step != "two" {
			t.Fatal(parked, err)
		}
	})
}

// Before it knows the routes an outbox takes no event for one that nothing follows.
func TestEventsWaitForTheRoutes(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		early := outbox.New(d, w.clock, lease.Options{})
		w.ok(early.Add(t.Context(), made("a")))
		if _, err := early.Drain(t.Context()); err == nil {
			t.Error("drained without routes")
		}
		w.drain()
		w.want("one a x1", "two a x1", "three a x1")
	})
}

func TestRoutesAreChecked(t *testing.T) {
	do := func(context.Context, outbox.Event) error { return nil }
	long := "a step whose name is longer than its column"
	for name, steps := range map[string][]outbox.Follow{
		"twice": {outbox.Step("a", do), outbox.Step("a", do)}, "no name": {outbox.Step("", do)}, "too long": {outbox.Step(long, do)}, "no function": {outbox.Step("a", nil)},
	} {
		o := outbox.New(nil, clock.At(start), lease.Options{})
		if err := o.Route(outbox.Routes{"thing.made": steps}); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestManyEventsAreFewStatements(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		ctx, count := db.CountQueries(t.Context())
		events := make([]outbox.Event, 2000)
		for i := range events {
			events[i] = made("x")
		}
		w.ok(w.Add(ctx, events...))
		if count.N() > 1 {
			t.Errorf("%d statements", count.N())
		}
		if err := w.Add(t.Context(), made("undone"), outbox.Event{Kind: "thing.made", Payload: func() {}}); err == nil {
			t.Error("a function was saved")
		}
		w.drain()
		w.want("one x x2000", "two x x2000", "three x x2000")
	})
}
