// Package jobs owns work that is done later or outside a transaction: when, how often, and one at a time
// where that matters. A job is saved in the transaction of its cause and run at least once. What a job
// does belongs to the domain that handles its kind; how rows are taken and retried is core/data/lease.
// Start at Queue.Enqueue.
package jobs

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/lease"
)

// New is a job to be done.
type New struct {
	Kind    string // at most 60 letters; Handle says who does it
	Payload any    // as JSON; IDs, no secrets
	// RunAt is when it may be run; zero means now.
	RunAt time.Time
	// UniqueKey is "" or a text of at most 190 letters that only one job may have that is not over. A
	// second one brings the first forward if it waits, and makes it run once more if it is running.
	UniqueKey string
	// Lane is "" or a text of at most 120 letters: jobs with the same never run at the same time.
	Lane string
	// MaxAttempts is how many failed tries park it; 0 means 12, over about a day.
	MaxAttempts int
}

// Job is a job that is being run.
type Job struct {
	ID      int64
	Kind    string
	Lane    string
	Payload json.RawMessage
	Attempt int // 1 on the first try
}

// Read decodes the payload.
func (j Job) Read(into any) error {
	if err := json.Unmarshal(j.Payload, into); err != nil {
		return fmt.Errorf("read job %d %s: %w", j.ID, j.Kind, err)
	}
	return nil
}

// Handler does a job. It may be asked again for one that was done, so it asks the domain. Its ctx ends
// when the job was taken over by another process.
type Handler = func(ctx context.Context, j Job) error

// Again is what a handler returns to be run again at a time, with its tries counted anew.
func Again(at time.Time) error { return lease.Again(at) }

// GiveUp is what a handler returns when trying again is pointless: the job is parked at once.
func GiveUp(err error) error { return lease.GiveUp(err) }

// Queue saves and runs jobs.
type Queue struct {
	db       *db.DB
	store    store
	clock    clock.Clock
	engine   *lease.Engine[Job]
	mu       sync.RWMutex
	handlers map[string]Handler
}

// Open makes a queue that runs nothing until Handle and Run.
func Open(d *db.DB, c clock.Clock, o lease.Options) *Queue {
	q := &Queue{db: d, store: store{db: d}, clock: c, handlers: map[string]Handler{}}
	q.engine = lease.New(d, c, lease.Table[Job]{
		Name: "jobs", Lanes: true, Keys: true, Every: "queue = '" + mainQueue + "'", Mine: q.mine, Load: q.store.load, Run: q.run,
	}, o)
	return q
}

// Handle names who does the jobs of a kind. Jobs of kinds that nobody handles here are left to others.
// Call it while the program is put together; a second handler replaces the first.
func (q *Queue) Handle(kind string, h Handler) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.handlers[kind] = h
}

func (q *Queue) mine() (string, []any) {
	q.mu.RLock()
	defer q.mu.RUnlock()
	list, args := db.In(slices.Sorted(maps.Keys(q.handlers)))
	return "t.kind IN " + list, args
}

func (q *Queue) run(ctx context.Context, j Job, attempt int) error {
	q.mu.RLock()
	h := q.handlers[j.Kind]
	q.mu.RUnlock()
	if h == nil {
		return fmt.Errorf("nobody handles jobs of kind %q", j.Kind)
	}
	j.Attempt = attempt
	if err := h(ctx, j); err != nil {
		return fmt.Errorf("job %d %s: %w", j.ID, j.Kind, err)
	}
	return nil
}

// Enqueue saves jobs in the transaction of ctx, or in one of its own. Many jobs are few statements.
func (q *Queue) Enqueue(ctx context.Context, set ...New) error {
	if len(set) == 0 {
		return nil
	}
	now := q.clock.Now()
	err := q.db.Tx(ctx, func(ctx context.Context) error { return q.store.insert(ctx, set, now) })
	if err != nil {
		return fmt.Errorf("enqueue %s: %w", set[0].Kind, err)
	}
	q.engine.Wake(ctx)
	return nil
}

// Run does jobs until ctx is over; see lease.Engine.
func (q *Queue) Run(ctx context.Context) { q.engine.Run(ctx) }

// Drain does every job that is due, and what that makes due, until nothing is left. It answers how many.
func (q *Queue) Drain(ctx context.Context) (int, error) { return q.engine.Drain(ctx) }

// NextDue is when the next waiting job can be run; zero if none waits.
func (q *Queue) NextDue(ctx context.Context) (time.Time, error) { return q.engine.NextDue(ctx) }

// Retry runs a parked job again. It answers false if it is not parked.
func (q *Queue) Retry(ctx context.Context, id int64) (bool, error) { return q.engine.Retry(ctx, id) }

// Counts says how many jobs wait, run and are parked, by state.
func (q *Queue) Counts(ctx context.Context) (map[string]int64, error) { return q.engine.Counts(ctx) }

// Row is a job for staff to look at.
type Row struct {
	ID        int64
	Kind      string
	Lane      string
	Payload   json.RawMessage
	State     string // a state of package lease
	RunAt     time.Time
	Attempts  int
	Deaths    int
	Error     string
	CreatedAt time.Time
}

// List reads jobs of a state by ID above after.
func (q *Queue) List(ctx context.Context, state string, after int64, limit int) ([]Row, error) {
	return q.store.list(ctx, state, after, limit)
}

// Purge forgets jobs that were done before a time. It answers how many.
func (q *Queue) Purge(ctx context.Context, before time.Time) (int64, error) {
	return q.store.purge(ctx, before)
}
