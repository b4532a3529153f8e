// Package lease owns how rows of work are taken, run and finished: by one worker at a time, in this process
// or another, again after a failure, and by somebody else after a crash. The outbox and the jobs share it;
// they own their tables, rows and handlers. Start at Engine; the loop is in run.go, the SQL in store.go.
package lease

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/db"
)

// States of a row of work.
const (
	Waiting = "waiting" // run at run_at or later
	Running = "running" // somebody holds a lease on it
	Done    = "done"    // over
	Parked  = "parked"  // given up: a person looks at it and retries
)

// DefaultAttempts is how often a row is tried unless it says otherwise: over about a day.
const DefaultAttempts = 12

// maxDeaths is how many processes may die over one row before it is parked.
const maxDeaths = 3

// Options tune an engine. The zero Options are right for a server.
type Options struct {
	Workers int           // rows run at once; 0 means 8
	Lease   time.Duration // after which the row of a dead worker is taken over; 0 means 60 s
	Poll    time.Duration // between looks for work that other processes made; 0 means 1 s
	Grace   time.Duration // for rows in flight when the program stops; 0 means 20 s
	Longest time.Duration // a handler's context ends after it; 0 means 10 minutes
	// Real measures leases. nil means the computer's clock, also where business time runs ahead.
	Real clock.Clock
	Log  hclog.Logger // nil means none
}

func (o Options) filled() Options {
	or := func(d *time.Duration, or time.Duration) {
		if *d <= 0 {
			*d = or
		}
	}
	if o.Workers <= 0 {
		o.Workers = 8
	}
	or(&o.Lease, time.Minute)
	or(&o.Poll, time.Second)
	or(&o.Grace, 20*time.Second)
	or(&o.Longest, 10*time.Minute)
	if o.Real == nil {
		o.Real = clock.System{}
	}
	if o.Log == nil {
		o.Log = hclog.NewNullLogger()
	}
	return o
}

// Table is what an engine works on.
type Table[T any] struct {
	Name string
	// Lanes: rows with the same text in the column lane are never run at the same time.
	Lanes bool
	// Keys: the table has a column unique_key, freed when a row is over.
	Keys bool
	// Every is a condition that each row meets and that the table's indexes begin with, such as
	// queue = 'main'; "" for none. Without it a look for work would read the whole table.
	Every string
	// Mine is a condition for rows that this process knows how to run, with its arguments; "" for all.
	Mine func() (where string, args []any)
	// Load reads what was claimed. It runs in the transaction of the claim.
	Load func(ctx context.Context, rows []int64) (map[int64]T, error)
	// Run does the work of one row. It may be asked to do it again, so it asks the domain what is done already.
	Run func(ctx context.Context, row T, attempt int) error
}

// Engine runs the rows of a table. Any number of processes may have one.
type Engine[T any] struct {
	db    *db.DB
	clock clock.Clock
	table Table[T]
	opt   Options
	owner string
	batch atomic.Int64
	wake  chan struct{}
	pace  atomic.Int64 // average nanoseconds of a run
}

// New makes an engine. It starts nothing.
func New[T any](d *db.DB, c clock.Clock, t Table[T], o Options) *Engine[T] {
	return &Engine[T]{
		db: d, clock: c, table: t, opt: o.filled(),
		owner: string(ids.New[ids.Run]())[4:], wake: make(chan struct{}, 1),
	}
}

// Wake makes a running loop look for work now, once the transaction of ctx is committed.
func (e *Engine[T]) Wake(ctx context.Context) {
	e.db.AfterCommit(ctx, func() {
		select {
		case e.wake <- struct{}{}:
		default:
		}
	})
}

// again is the answer of a row that is not over but went well.
type again struct{ at time.Time }

func (a again) Error() string { return "again at " + a.at.UTC().Format(time.RFC3339) }

// Again is what a handler returns to be run again at a time. Tries are counted anew.
func Again(at time.Time) error { return again{at} }

// giveUp is an answer that no retry can better.
type giveUp struct{ error }

func (g giveUp) Unwrap() error { return g.error }

// GiveUp is what a handler returns when trying again is pointless: the row is parked at once.
func GiveUp(err error) error { return giveUp{err} }

// backoff is how long to wait after a try: 5 s, 10 s, 20 s and so on up to 4 hours, up to a fifth more
// so that what failed together is not tried together.
func backoff(attempt int64) time.Duration {
	wait := min(5*time.Second<<min(attempt-1, 20), 4*time.Hour)
	return wait + time.Duration(rand.Int64N(int64(wait/5)))
}

// row is a claimed row.
type row[T any] struct {
	id, attempt, most int64
	owner             string    // of this claim alone: it fences off everybody who held the row before
	until             time.Time // when the lease ends, as far as this process knows
	value             T
	lost              context.CancelFunc
}

// outcome is what became of a claimed row.
type outcome[T any] struct {
	row   row[T]
	state string
	runAt time.Time
	fresh bool  // tries are counted anew
	undo  bool  // the try does not count: we are stopping
	err   error // nil when all is well
}

// judge turns the answer of a handler into an outcome.
func (e *Engine[T]) judge(r row[T], err error) outcome[T] {
	now := e.clock.Now()
	out := outcome[T]{row: r, err: err}
	var later again
	var hopeless giveUp
	switch {
	case err == nil:
		out.state = Done
	case errors.As(err, &later):
		out.state, out.runAt, out.fresh, out.err = Waiting, later.at, true, nil
	case errors.As(err, &hopeless) || r.attempt >= r.most:
		out.state = Parked
		e.opt.Log.Error("parked", "table", e.table.Name, "row", r.id, "attempt", r.attempt, "error", err)
	default:
		out.state, out.runAt = Waiting, now.Add(backoff(r.attempt))
		e.opt.Log.Warn("will try again", "table", e.table.Name, "row", r.id, "attempt", r.attempt, "at", out.runAt, "error", err)
	}
	return out
}

// call runs the handler; a panic is an error like any other.
func (e *Engine[T]) call(ctx context.Context, r row[T]) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return e.table.Run(ctx, r.value, int(r.attempt))
}
