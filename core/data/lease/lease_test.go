package lease

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
)

var start = time.Date(2027, 1, 31, 9, 0, 0, 0, time.UTC)

// world is a table of work and two stopped clocks: that of the business and that of leases.
type world struct {
	t           *testing.T
	d           *db.DB
	clock, real *clock.Stopped
}

func newWorld(t *testing.T, d *db.DB) *world {
	return &world{t: t, d: d, clock: clock.At(start), real: clock.At(start)}
}

// engine is a process whose rows do run.
func (w *world) engine(d *db.DB, o Options, run func(ctx context.Context, id int64, attempt int) error) *Engine[int64] {
	if o.Real == nil {
		o.Real = w.real
	}
	if o.Poll == 0 {
		o.Poll = 5 * time.Millisecond
	}
	return New(d, w.clock, Table[int64]{
		Name: "jobs", Lanes: true, Keys: true, Every: "queue = 'main'", Run: run,
		Load: func(_ context.Context, rows []int64) (map[int64]int64, error) {
			out := map[int64]int64{}
			for _, id := range rows {
				out[id] = id
			}
			return out, nil
		},
	}, o)
}

// add saves n rows of a lane ("" for none) and answers their IDs.
func (w *world) add(n int, lane string) []int64 {
	w.t.Helper()
	var rows [][]any
	for range n {
		var in any
		if lane != "" {
			in = lane
		}
		rows = append(rows, []any{"main", "test", in, "{}", Waiting, w.clock.Now(), 0, 0, DefaultAttempts, w.clock.Now()})
	}
	before := len(w.rows(""))
	w.ok(w.d.InsertRows(w.t.Context(), "jobs", []string{"queue", "kind", "lane", "payload", "state", "run_at", "attempt", "deaths", "max_attempts", "created_at"}, rows))
	return w.rows("")[before:]
}

// rows lists the IDs of rows in a state, "" for all.
func (w *world) rows(state string) []int64 {
	return w.numbers("SELECT id FROM jobs WHERE ? IN ('', state) ORDER BY id", state)
}

func (w *world) numbers(query string, args ...any) (out []int64) {
	w.t.Helper()
	found, err := w.d.Read(w.t.Context()).QueryContext(w.t.Context(), query, args...)
	w.ok(err)
	defer found.Close()
	for found.Next() {
		var n int64
		w.ok(found.Scan(&n))
		out = append(out, n)
	}
	w.ok(found.Err())
	return out
}

// picture is all that is known about every row.
func (w *world) picture() string {
	w.t.Helper()
	found, err := w.d.Read(w.t.Context()).QueryContext(w.t.Context(), "SELECT id, state, attempt, deaths, run_at, COALESCE(lease_owner, ''), COALESCE(unique_key, ''), COALESCE(last_error, '') FROM jobs ORDER BY id")
	w.ok(err)
	defer found.Close()
	out := ""
	for found.Next() {
		var id, attempt, deaths int64
		var state, owner, key, last string
		var at time.Time
		w.ok(found.Scan(&id, &state, &attempt, &deaths, &at, &owner, &key, &last))
		out += fmt.Sprintln(id, state, attempt, deaths, at.Format(time.RFC3339Nano), owner, key, last)
	}
	w.ok(found.Err())
	return out
}

func (w *world) exec(query string, args ...any) {
	w.t.Helper()
	_, err := w.d.Write(w.t.Context()).ExecContext(w.t.Context(), query, args...)
	w.ok(err)
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) drain(e *Engine[int64]) int {
	w.t.Helper()
	n, err := e.Drain(w.t.Context())
	w.ok(err)
	return n
}

func (w *world) want(state string, n int) {
	w.t.Helper()
	if got := w.rows(state); len(got) != n {
		w.t.Fatalf("%d rows are %s, want %d:\n%s", len(got), state, n, w.picture())
	}
}

func nothing(context.Context, int64, int) error { return nil }

// Two hundred workers die while they hold rows, some with a part of them finished. Each row is finished once,
// and what the dead say afterwards is not heard.
func TestTwoHundredWorkersDieAndEachRowIsFinishedOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		ctx := t.Context()
		w.add(320, "")
		other := dbtest.Again(t, d)
		var zombies [][]outcome[int64]
		finished := map[int64]int{}
		for kill := range 200 {
			e := w.engine([]*db.DB{d, other}[kill%2], Options{}, nothing)
			w.ok(e.reap(ctx))
			rows, _, err := e.claim(ctx, 3)
			w.ok(err)
			if len(rows) == 0 {
				t.Fatalf("nothing to take at kill %d", kill)
			}
			if kill%3 == 0 { // one was written down before the end
				w.ok(e.finish(ctx, []outcome[int64]{{row: rows[0], state: Done}}))
				finished[rows[0].id]++
				rows = rows[1:]
			}
			var last []outcome[int64]
			for i, r := range rows {
				last = append(last, outcome[int64]{row: r, state: []string{Done, Waiting, Parked}[(kill+i)%3], runAt: w.clock.Now(), err: errors.New("a zombie spoke")})
			}
			zombies = append(zombies, last)
			if lost, err := e.renew(ctx, rows, w.real.Now().Add(time.Minute)); err != nil || len(lost) != 0 {
				t.Fatal(lost, err)
			}
			w.real.Add(30 * time.Second)
			w.ok(e.reap(ctx))
			if n := len(w.rows(Running)); n != len(rows) {
				t.Fatalf("%d of %d rows are held in the middle of the lease", n, len(rows))
			}
			w.real.Add(31 * time.Second) // taken over within a minute of the last sign of life
			w.clock.Add(time.Second)
		}
		var mu sync.Mutex
		e := w.engine(other, Options{}, func(_ context.Context, id int64, _ int) error {
			mu.Lock()
			defer mu.Unlock()
			finished[id]++
			return nil
		})
		w.ok(e.reap(ctx))
		before := w.picture()
		for _, last := range zombies {
			w.ok(e.finish(ctx, last))
			for _, o := range last {
				if lost, err := e.renew(ctx, []row[int64]{o.row}, w.real.Now()); err != nil || len(lost) != 1 {
					t.Fatalf("a dead worker's lease was renewed: %v %v", lost, err)
				}
			}
		}
		if after := w.picture(); after != before {
			t.Fatalf("dead workers changed rows:\n%s\n%s", before, after)
		}
		w.drain(e)
		w.want(Done, 320)
		for id, n := range finished {
			if n != 1 {
				t.Errorf("row %d was finished %d times", id, n)
			}
		}
	})
}

// A worker that is slow and not dead finds its row taken over while it runs.
func TestAZombieThatRunsOnIsStoppedAndNotHeard(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(1, "")
		var taken string
		e := w.engine(d, Options{Lease: 30 * time.Millisecond}, func(ctx context.Context, _ int64, _ int) error {
			w.exec("UPDATE jobs SET lease_owner = 'somebody else'")
			taken = w.picture()
			<-ctx.Done()
			return nil
		})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); e.Run(ctx) }()
		for e.pace.Load() == 0 { // until the handler came back
			pause(t.Context(), time.Millisecond)
		}
		stop()
		<-done
		if got := w.picture(); got != taken {
			t.Fatalf("want %s, have %s", taken, got)
		}
	})
}

// Without the database nobody knows whose a row is: its handler is stopped when the lease is over.
func TestAHandlerStopsWhenItsLeaseCannotBeRenewed(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(1, "")
		other := dbtest.Again(t, d)
		gone := make(chan struct{})
		e := w.engine(other, Options{Lease: 30 * time.Millisecond, Grace: time.Millisecond}, func(ctx context.Context, _ int64, _ int) error {
			other.Close()
			w.real.Add(time.Second)
			<-ctx.Done()
			close(gone)
			return ctx.Err()
		})
		rows, _, err := e.claim(t.Context(), 1)
		w.ok(err)
		ctx, lost := context.WithCancel(t.Context())
		rows[0].lost = lost
		fly := &flight[int64]{rows: map[int64]row[int64]{}}
		fly.add(rows)
		go e.do(ctx, t.Context(), task[int64]{rows[0], ctx})
		go e.keep(t.Context(), fly)
		<-gone
	})
}

func TestThreeDeathsParkARow(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		ctx := t.Context()
		id := w.add(1, "")[0]
		w.exec("UPDATE jobs SET unique_key = 'once'")
		e := w.engine(d, Options{}, nothing)
		for death := 1; death <= 3; death++ {
			rows, _, err := e.claim(ctx, 1)
			w.ok(err)
			if len(rows) != 1 || rows[0].attempt != int64(death) {
				t.Fatalf("before death %d: %+v", death, rows)
			}
			w.real.Add(61 * time.Second)
			w.ok(e.reap(ctx))
		}
		w.want(Parked, 1)
		if n := w.numbers("SELECT COUNT(*) FROM jobs WHERE unique_key IS NOT NULL")[0]; n != 0 {
			t.Error("a parked row keeps its key: nobody can ask for that work again")
		}
		if ok, err := e.Retry(ctx, id); err != nil || !ok {
			t.Fatal(ok, err)
		}
		if ok, err := e.Retry(ctx, id); err != nil || ok {
			t.Fatal("a row that is not parked was retried", ok, err)
		}
		rows, _, err := e.claim(ctx, 1)
		w.ok(err)
		if len(rows) != 1 || rows[0].attempt != 1 || w.numbers("SELECT deaths FROM jobs")[0] != 0 {
			t.Fatalf("after the retry: %+v\n%s", rows, w.picture())
		}
	})
}

// One of many rows fails for ever: it waits longer each time and is parked; the others are done at once.
func TestOneRowThatAlwaysFailsIsParkedAndTheRestIsDone(t *testing.T) {
	n := 600
	if os.Getenv("BURSAR_LONG") != "" {
		n = 10_000
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		bad := w.add(n, "")[n/2]
		var tries []int
		e := w.engine(d, Options{}, func(_ context.Context, id int64, attempt int) error {
			if id != bad {
				return nil
			}
			tries = append(tries, attempt)
			return fmt.Errorf("the %d. failure", attempt)
		})
		if ran := w.drain(e); ran != n {
			t.Fatalf("ran %d", ran)
		}
		w.want(Done, n-1)
		for try := 1; try < DefaultAttempts; try++ {
			at, err := e.NextDue(t.Context())
			w.ok(err)
			least := min(5*time.Second<<(try-1), 4*time.Hour)
			if wait := at.Sub(w.clock.Now()); wait < least || wait > least*6/5 {
				t.Errorf("waits %v after try %d, want %v and up to a fifth more", wait, try, least)
			}
			w.clock.Set(at.Add(-time.Microsecond))
			if ran := w.drain(e); ran != 0 {
				t.Fatal("tried before its time")
			}
			w.clock.Set(at)
			if ran := w.drain(e); ran != 1 {
				t.Fatalf("try %d: ran %d", try+1, ran)
			}
		}
		w.want(Parked, 1)
		counts, err := e.Counts(t.Context())
		w.ok(err)
		if counts[Parked] != 1 || counts[Waiting] != 0 {
			t.Errorf("%v", counts)
		}
		w.clock.Add(1000 * time.Hour)
		if w.drain(e) != 0 || len(tries) != DefaultAttempts || !slices.IsSorted(tries) {
			t.Errorf("tries %v", tries)
		}
	})
}

func TestAnswersOfHandlers(t *testing.T) {
	later := start.Add(time.Hour)
	tests := []struct {
		name    string
		run     func(attempt int) error
		state   string
		runAt   time.Time // zero: not looked at
		attempt int64
		note    string
	}{
		{name: "all is well", run: func(int) error { return nil }, state: Done, attempt: 3},
		{name: "again, with tries counted anew", run: func(int) error { return fmt.Errorf("job: %w", Again(later)) }, state: Waiting, runAt: later, attempt: 0},
		{name: "hopeless", run: func(int) error { return fmt.Errorf("job: %w", GiveUp(errors.New("no such thing"))) }, state: Parked, runAt: start, attempt: 3, note: "job: no such thing"},
		{name: "a panic is a failure", run: func(int) error { panic("a mistake") }, state: Waiting, attempt: 3, note: "panic: a mistake"},
		{name: "a failure on the last try", run: func(int) error { return errors.New("oops") }, state: Parked, runAt: start, attempt: DefaultAttempts, note: "oops"},
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				w := newWorld(t, d)
				w.exec("DELETE FROM jobs")
				w.add(1, "")
				before := tt.attempt - 1
				if before < 0 {
					before = 7
				}
				w.exec("UPDATE jobs SET attempt = ?, deaths = 1", before)
				w.drain(w.engine(d, Options{}, func(_ context.Context, _ int64, attempt int) error {
					if int64(attempt) != before+1 {
						t.Errorf("attempt %d", attempt)
					}
					return tt.run(attempt)
				}))
				var state, last string
				var attempt, deaths int64
				var at time.Time
				w.ok(d.Read(t.Context()).QueryRowContext(t.Context(), "SELECT state, attempt, deaths, run_at, COALESCE(last_error, '') FROM jobs WHERE lease_owner IS NULL AND lease_until IS NULL").
					Scan(&state, &attempt, &deaths, &at, &last))
				if state != tt.state || attempt != tt.attempt || last != tt.note || (!tt.runAt.IsZero() && !at.Equal(tt.runAt)) {
					t.Errorf("%s", w.picture())
				}
				if tt.name[:5] == "again" && deaths != 0 {
					t.Error("deaths are not counted anew")
				}
			})
		}
	})
}

// Rows of a lane never run together, with two processes of eight workers each, and nothing is left over.
func TestLanesNeverOverlap(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		const lanes, each = 12, 12
		for i := range each {
			for lane := range lanes {
				if i == 0 && lane == 0 {
					w.add(60, "crowd") // more than one look takes in: it must not keep the others waiting
				}
				w.add(1, fmt.Sprintf("lane-%d", lane))
			}
		}
		lane := map[int64]string{}
		found, err := d.Read(t.Context()).QueryContext(t.Context(), "SELECT id, lane FROM jobs")
		w.ok(err)
		for found.Next() {
			var id int64
			var name string
			w.ok(found.Scan(&id, &name))
			lane[id] = name
		}
		found.Close()
		var mu sync.Mutex
		busy, ran := map[string]bool{}, map[int64]int{}
		var pair sync.WaitGroup // the first two rows wait for each other: lanes do run side by side
		pair.Add(2)
		run := func(ctx context.Context, id int64, _ int) error {
			mu.Lock()
			if busy[lane[id]] {
				t.Errorf("two rows of %s run at once", lane[id])
			}
			busy[lane[id]] = true
			ran[id]++
			early := len(ran) <= 2
			mu.Unlock()
			if early {
				pair.Done()
				pair.Wait()
			}
			var one int // let others in
			err := d.Read(ctx).QueryRowContext(ctx, "SELECT 1").Scan(&one)
			mu.Lock()
			busy[lane[id]] = false
			mu.Unlock()
			return err
		}
		var wg sync.WaitGroup
		for _, process := range []*db.DB{d, dbtest.Again(t, d)} {
			wg.Go(func() { w.drain(w.engine(process, Options{}, run)) })
		}
		wg.Wait()
		w.want(Done, lanes*each+60)
		for id, n := range ran {
			if n != 1 {
				t.Errorf("row %d ran %d times", id, n)
			}
		}
	})
}

// A running row that somebody has locked, as when its lease is being renewed, still keeps its lane.
func TestALaneIsKeptWhileItsRunningRowIsLocked(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		if d.ForUpdate() == "" {
			return // one writer: a claim waits for it
		}
		w := newWorld(t, d)
		w.add(2, "lane")
		e, other := w.engine(d, Options{}, nothing), w.engine(dbtest.Again(t, d), Options{}, nothing)
		rows, _, err := e.claim(t.Context(), 2)
		w.ok(err)
		if len(rows) != 1 {
			t.Fatalf("took %d of a lane", len(rows))
		}
		w.ok(d.Tx(t.Context(), func(ctx context.Context) error {
			if _, err := e.renew(ctx, rows, start); err != nil {
				return err
			}
			second, _, err := other.claim(t.Context(), 2)
			if len(second) != 0 {
				t.Error("the lane was taken a second time")
			}
			return err
		}))
	})
}

// With one lane that is long and slow at the front, what is behind it is taken without waiting for a poll.
func TestACrowdedLaneStarvesNobody(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		crowd := w.add(100, "crowd")
		behind := w.add(3, "")
		release, started := make(chan struct{}), make(chan struct{}, len(behind))
		e := w.engine(d, Options{Workers: 4, Poll: time.Hour}, func(_ context.Context, id int64, _ int) error {
			if id <= crowd[99] {
				<-release
			} else {
				started <- struct{}{}
			}
			return nil
		})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); e.Run(ctx) }()
		for range behind {
			<-started
		}
		close(release)
		stop()
		<-done
	})
}

// Drain waits for rows that another process runs, and for what those make due.
func TestDrainWaitsForTheRowsOfOthers(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(1, "")
		release, began := make(chan struct{}), make(chan struct{})
		var released atomic.Bool
		var once sync.Once
		first := w.engine(dbtest.Again(t, d), Options{}, func(context.Context, int64, int) error {
			once.Do(func() {
				close(began)
				<-release
				w.add(1, "")
			})
			return nil
		})
		second := w.engine(d, Options{}, nothing)
		var wg sync.WaitGroup
		ctx, stop := context.WithCancel(t.Context())
		wg.Go(func() { first.Run(ctx) })
		<-began
		counting, count := db.CountQueries(t.Context())
		wg.Go(func() {
			defer stop()
			_, err := second.Drain(counting)
			if err != nil || !released.Load() {
				t.Errorf("drain ended while another process was at work: %v", err)
			}
		})
		for count.N() < 30 { // it has looked around several times
			pause(t.Context(), time.Millisecond)
		}
		released.Store(true)
		close(release)
		wg.Wait()
		w.want(Done, 2)
	})
}

// Stopping hands back what was not begun, lets what runs finish, and counts nothing as a try.
func TestStoppingHandsBackWhatWasNotBegun(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(8, "")
		began, release := make(chan struct{}, 8), make(chan struct{})
		e := w.engine(d, Options{Workers: 2}, func(context.Context, int64, int) error {
			began <- struct{}{}
			<-release
			return nil
		})
		e.pace.Store(1) // runs are short, so rows are taken in reserve
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); e.Run(ctx) }()
		<-began
		<-began
		stop()
		close(release)
		<-done
		w.want(Done, 2)
		w.want(Waiting, 6)
		if n := w.numbers("SELECT SUM(attempt) + SUM(deaths) FROM jobs WHERE state = ?", Waiting)[0]; n != 0 {
			t.Errorf("tries were counted:\n%s", w.picture())
		}
	})
}

func TestAHandlerThatOutlivesTheGraceIsStoppedAndItsTryDoesNotCount(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(1, "")
		began := make(chan struct{})
		e := w.engine(d, Options{Grace: time.Millisecond}, func(ctx context.Context, _ int64, _ int) error {
			close(began)
			<-ctx.Done()
			return fmt.Errorf("call a panel: %w", ctx.Err())
		})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); e.Run(ctx) }()
		<-began
		stop()
		<-done
		w.want(Waiting, 1)
		if n := w.numbers("SELECT attempt FROM jobs")[0]; n != 0 {
			t.Errorf("%d tries", n)
		}
	})
}

func TestAHandlerThatTakesTooLongFails(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(1, "")
		w.drain(w.engine(d, Options{Longest: time.Millisecond}, func(ctx context.Context, _ int64, _ int) error {
			<-ctx.Done()
			return ctx.Err()
		}))
		w.want(Waiting, 1)
		if n := w.numbers("SELECT attempt FROM jobs")[0]; n != 1 {
			t.Errorf("%d tries", n)
		}
	})
}
