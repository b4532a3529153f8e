package jobs_test

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
	"github.com/ezscale/bursar/core/platform/jobs"
)

var start = time.Date(2027, 1, 31, 9, 0, 0, 0, time.UTC)

// world is a queue, what its jobs did, and a stopped clock.
type world struct {
	t     *testing.T
	d     *db.DB
	clock *clock.Stopped
	*jobs.Queue
	mu  sync.Mutex
	did []string
}

func newWorld(t *testing.T, d *db.DB) *world {
	w := &world{t: t, d: d, clock: clock.At(start)}
	w.Queue = jobs.Open(d, w.clock, lease.Options{Poll: 5 * time.Millisecond})
	w.Handle("say", w.say)
	return w
}

// say notes the payload.
func (w *world) say(_ context.Context, j jobs.Job) error {
	var text string
	if err := j.Read(&text); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.did = append(w.did, text)
	return nil
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) enqueue(set ...jobs.New) {
	w.t.Helper()
	w.ok(w.Enqueue(w.t.Context(), set...))
}

// drained does all that is due and answers what was said.
func (w *world) drained() []string {
	w.t.Helper()
	_, err := w.Drain(w.t.Context())
	w.ok(err)
	did := w.did
	w.did = nil
	slices.Sort(did)
	return did
}

func (w *world) want(said ...string) {
	w.t.Helper()
	if got := w.drained(); !slices.Equal(got, said) {
		w.t.Fatalf("said %q, want %q", got, said)
	}
}

func TestJobsRunAtTheirTimeAndOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.enqueue(jobs.New{Kind: "say", Payload: "now"}, jobs.New{Kind: "say", Payload: "in an hour", RunAt: start.Add(time.Hour)}, jobs.New{Kind: "unknown here"})
		w.want("now")
		if at, err := w.NextDue(t.Context()); err != nil || !at.Equal(start.Add(time.Hour)) {
			t.Error(at, err)
		}
		w.clock.Add(time.Hour - time.Microsecond)
		w.want()
		w.clock.Add(time.Microsecond)
		w.want("in an hour")
		w.want()
		counts, err := w.Counts(t.Context())
		w.ok(err)
		if counts[lease.Waiting] != 1 || len(counts) != 1 {
			t.Errorf("a job that only others can do is not left to them: %v", counts)
		}
	})
}

func TestAJobOfATransactionThatIsUndoneNeverWas(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.enqueue(jobs.New{Kind: "say", Payload: "kept", UniqueKey: "key", RunAt: start.Add(time.Hour)})
		oops := errors.New("oops")
		err := d.Tx(t.Context(), func(ctx context.Context) error {
			w.ok(w.Enqueue(ctx, jobs.New{Kind: "say", Payload: "undone"}, jobs.New{Kind: "say", UniqueKey: "key"}))
			return oops
		})
		if !errors.Is(err, oops) {
			t.Fatal(err)
		}
		w.want()
		w.clock.Add(time.Hour)
		w.want("kept")
	})
}

func TestAKeyIsOneJobUntilItIsOver(t *testing.T) {
	keyed := func(payload string, in time.Duration) jobs.New {
		return jobs.New{Kind: "say", Payload: payload, UniqueKey: "key", RunAt: start.Add(in)}
	}
	tests := []struct {
		name    string
		enqueue []jobs.New
		at      time.Duration // when it is to run
	}{
		{name: "a second changes nothing", enqueue: []jobs.New{keyed("a", time.Hour), keyed("b", time.Hour)}, at: time.Hour},
		{name: "an earlier one brings it forward", enqueue: []jobs.New{keyed("a", time.Hour), keyed("b", time.Minute)}, at: time.Minute},
		{name: "a later one does not put it off", enqueue: []jobs.New{keyed("a", time.Minute), keyed("b", time.Hour)}, at: time.Minute},
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		for _, together := range []bool{false, true} {
			for _, tt := range tests {
				t.Run(fmt.Sprintf("%s, together %t", tt.name, together), func(t *testing.T) {
					w := newWorld(t, d)
					if together {
						w.enqueue(tt.enqueue...)
					} else {
						for _, n := range tt.enqueue {
							w.enqueue(n)
						}
					}
					w.clock.Add(tt.at - time.Microsecond)
					w.want()
					w.clock.Add(time.Microsecond)
					w.want("a")
					w.clock.Add(2 * time.Hour)
					w.want()
					w.enqueue(jobs.New{Kind: "say", Payload: "the key is free", UniqueKey: "key"})
					w.want("the key is free")
				})
			}
		}
	})
}

// Whoever asks for a keyed job in a transaction that is still open when the job ends is not forgotten: each
// request is followed by a run that sees what the request saved.
func TestAJobAskedForWhileItRunsRunsOnceMore(t *testing.T) {
	for _, end := range []struct {
		name string
		err  error
		last bool // the run's answer would park the job
	}{{"it went well", nil, false}, {"it comes again later", jobs.Again(start.Add(48 * time.Hour)), false}, {"it is given up", jobs.GiveUp(errors.New("oops")), true}} {
		t.Run(end.name, func(t *testing.T) {
			dbtest.Each(t, func(t *testing.T, d *db.DB) {
				w := newWorld(t, d)
				other := jobs.Open(dbtest.Again(t, d), w.clock, lease.Options{})
				var mu sync.Mutex
				runs := 0
				asked := make(chan error)
				w.Handle("work", func(ctx context.Context, j jobs.Job) error {
					mu.Lock()
					defer mu.Unlock()
					if runs++; runs%2 == 0 {
						return nil
					}
					inside := make(chan struct{})
					go func() {
						asked <- d.Tx(t.Context(), func(ctx context.Context) error {
							if err := w.Enqueue(ctx, jobs.New{Kind: "work", UniqueKey: "key"}); err != nil {
								return err
							}
							select {
							case <-inside:
							default:
								close(inside)
							}
							for range 50 { // the job ends meanwhile, as far as it can
								var n int
								if err := d.Read(ctx).QueryRowContext(ctx, "SELECT COUNT(*) FROM jobs").Scan(&n); err != nil {
									return err
								}
							}
							return nil
						})
					}()
					<-inside
					return end.err
				})
				for round := 1; round <= 5; round++ {
					w.ok(other.Enqueue(t.Context(), jobs.New{Kind: "work", UniqueKey: "key"}))
					_, err := w.Drain(t.Context())
					w.ok(err)
					w.ok(<-asked)
					_, err = w.Drain(t.Context())
					w.ok(err)
					if runs != 2*round {
						t.Fatalf("round %d: %d runs", round, runs)
					}
				}
				if counts, err := w.Counts(t.Context()); err != nil || counts[lease.Parked] != 0 {
					t.Error(counts, err)
				}
			})
		})
	}
}

// Of several requests made while a job runs, the earliest counts.
func TestTheEarliestRequestWhileItRunsCounts(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		runs := 0
		w.Handle("work", func(ctx context.Context, j jobs.Job) error {
			if runs++; runs > 1 {
				return nil
			}
			for _, in := range []time.Duration{time.Hour, time.Minute, 2 * time.Hour} {
				w.ok(w.Enqueue(ctx, jobs.New{Kind: "work", UniqueKey: "key", RunAt: start.Add(in)}))
			}
			return nil
		})
		w.enqueue(jobs.New{Kind: "work", UniqueKey: "key"})
		w.want()
		w.clock.Add(time.Minute - time.Microsecond)
		w.want()
		if runs != 1 {
			t.Fatalf("%d runs before the earliest", runs)
		}
		w.clock.Add(time.Microsecond)
		w.want()
		w.clock.Add(48 * time.Hour)
		w.want()
		if runs != 2 {
			t.Fatalf("%d runs", runs)
		}
	})
}

func TestAParkedJobIsSeenAndRetried(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		broken := true
		w.Handle("work", func(_ context.Context, j jobs.Job) error {
			if broken {
				return errors.New("the panel is on fire")
			}
			if j.Attempt != 1 || j.Lane != "lane" {
				t.Errorf("%+v", j)
			}
			return nil
		})
		w.enqueue(jobs.New{Kind: "work", Payload: "about", Lane: "lane", MaxAttempts: 2, UniqueKey: "key"})
		w.want()
		w.clock.Add(time.Minute)
		w.want()
		list, err := w.List(t.Context(), lease.Parked, 0, 10)
		w.ok(err)
		if len(list) != 1 || list[0].Attempts != 2 || list[0].Error != fmt.Sprintf("job %d work: the panel is on fire", list[0].ID) || string(list[0].Payload) != `"about"` || !list[0].RunAt.Equal(w.clock.Now()) {
			t.Fatalf("%+v", list)
		}
		if more, err := w.List(t.Context(), lease.Parked, list[0].ID, 10); err != nil || len(more) != 0 {
			t.Error(more, err)
		}
		broken = false
		if ok, err := w.Retry(t.Context(), list[0].ID); err != nil || !ok {
			t.Fatal(ok, err)
		}
		w.want()
		if list, err := w.List(t.Context(), lease.Done, 0, 10); err != nil || len(list) != 1 {
			t.Error(list, err)
		}
		if n, err := w.Purge(t.Context(), w.clock.Now()); err != nil || n != 0 {
			t.Error("forgotten too early", n, err)
		}
		if n, err := w.Purge(t.Context(), w.clock.Now().Add(1)); err != nil || n != 0 {
			t.Error("less than a microsecond is no time", n, err)
		}
		w.clock.Add(time.Microsecond)
		w.enqueue(jobs.New{Kind: "say", Payload: "stays", RunAt: start.Add(99 * time.Hour)})
		if n, err := w.Purge(t.Context(), w.clock.Now()); err != nil || n != 1 {
			t.Error(n, err)
		}
		w.clock.Add(99 * time.Hour)
		w.want("stays")
	})
}

// Five thousand jobs are few statements, with keys and without; the same set again adds none that has a key.
func TestManyJobsAreFewStatements(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		var set []jobs.New
		for i := range 5000 {
			n := jobs.New{Kind: "say", Payload: "x"}
			if i%2 == 0 {
				n.UniqueKey = fmt.Sprint("key-", i)
			}
			set = append(set, n)
		}
		ctx, count := db.CountQueries(t.Context())
		w.ok(w.Enqueue(ctx, set...))
		if count.N() > 6 {
			t.Errorf("%d statements", count.N())
		}
		w.ok(w.Enqueue(t.Context(), set...))
		counts, err := w.Counts(t.Context())
		w.ok(err)
		if counts[lease.Waiting] != 7500 {
			t.Fatalf("%v", counts)
		}
		if n := len(w.drained()); n != 7500 {
			t.Errorf("%d were done", n)
		}
		w.clock.Add(time.Hour)
		if n, err := w.Purge(t.Context(), w.clock.Now()); err != nil || n != 7500 {
			t.Error(n, err)
		}
	})
}
