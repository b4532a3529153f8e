// Package outbox owns events: facts that are saved in the transaction that made them true, and then
// delivered to each step that follows, at least once, each step by itself. What follows what is said in
// core/flow/routes.go; how rows are taken, retried and parked is core/data/lease. Start at Outbox.Add.
package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/lease"
)

// Kind names an event: domain.happened, in the past tense, at most 60 letters.
type Kind = string

// Event is a fact.
type Event struct {
	ID      int64     // given when it is added; ascending
	Kind    Kind      // such as invoice.paid
	Subject string    // the ID of what it is about
	Payload any       // IDs and what cannot be read again later; in a step it is json.RawMessage, see Read
	At      time.Time // given when it is added
}

// Read decodes the payload in a step.
func (e Event) Read(into any) error {
	raw, ok := e.Payload.(json.RawMessage)
	if !ok {
		return fmt.Errorf("read event %s: it has not been delivered", e.Kind)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("read event %d %s: %w", e.ID, e.Kind, err)
	}
	return nil
}

// StepFunc is what follows an event. It may be called again for the same event, so it asks the domain
// whether it was done. Again and GiveUp of package lease are understood.
type StepFunc = func(ctx context.Context, e Event) error

// Follow is one step of a route.
type Follow struct {
	Name string
	Run  StepFunc
}

// Step names a step. The name is stored: one that is changed leaves old deliveries without a step.
func Step(name string, run StepFunc) Follow { return Follow{Name: name, Run: run} }

// Routes says what follows each kind of event.
type Routes map[Kind][]Follow

// Outbox saves and delivers events.
type Outbox struct {
	db     *db.DB
	store  store
	clock  clock.Clock
	engine *lease.Engine[delivery]
	routes atomic.Pointer[Routes]
	wake   chan struct{}
	opt    lease.Options
}

// New makes an outbox that delivers nothing until Route and Run.
func New(d *db.DB, c clock.Clock, o lease.Options) *Outbox {
	out := &Outbox{db: d, store: store{db: d}, clock: c, wake: make(chan struct{}, 1), opt: o}
	out.engine = lease.New(d, c, lease.Table[delivery]{Name: "deliveries", Load: out.store.load, Run: out.deliver}, o)
	return out
}

// Add saves events in the transaction of ctx, or in one of its own. Many events are one statement.
func (o *Outbox) Add(ctx context.Context, events ...Event) error {
	if len(events) == 0 {
		return nil
	}
	now := o.clock.Now()
	err := o.db.Tx(ctx, func(ctx context.Context) error { return o.store.insert(ctx, events, now) })
	if err != nil {
		return fmt.Errorf("add events: %w", err)
	}
	o.db.AfterCommit(ctx, func() {
		select {
		case o.wake <- struct{}{}:
		default:
		}
	})
	return nil
}

// Route sets what follows. Call it once, before Run or Drain. Error: a step's name is used twice for a
// kind, is empty or is too long.
func (o *Outbox) Route(r Routes) error {
	for kind, steps := range r {
		seen := map[string]bool{}
		for _, s := range steps {
			if s.Name == "" || len(s.Name) > 40 || len(kind) > 60 || seen[s.Name] || s.Run == nil {
				return fmt.Errorf("route of %s: step %q", kind, s.Name)
			}
			seen[s.Name] = true
		}
	}
	o.routes.Store(&r)
	return nil
}

func (o *Outbox) steps(kind Kind) []Follow {
	if r := o.routes.Load(); r != nil {
		return (*r)[kind]
	}
	return nil
}

// Run delivers events until ctx is over.
func (o *Outbox) Run(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		o.engine.Run(ctx)
	}()
	o.fanOutUntil(ctx)
	<-done
}

func (o *Outbox) fanOutUntil(ctx context.Context) {
	poll := o.opt.Poll
	if poll <= 0 {
		poll = time.Second
	}
	for ctx.Err() == nil {
		n, err := o.fanOut(ctx)
		if err != nil && ctx.Err() == nil && o.opt.Log != nil {
			o.opt.Log.Error("events are not fanned out", "error", err)
		}
		if n > 0 {
			continue
		}
		t := time.NewTimer(poll)
		select {
		case <-ctx.Done():
		case <-o.wake:
		case <-t.C:
		}
		t.Stop()
	}
}

// errNoRoutes keeps events from being taken for ones that nothing follows.
var errNoRoutes = errors.New("no routes are set")

// fanOut makes a delivery for each step of the next events, and answers how many events there were.
func (o *Outbox) fanOut(ctx context.Context) (int, error) {
	const atOnce = 500
	if o.routes.Load() == nil {
		return 0, errNoRoutes
	}
	any, err := o.store.anyPending(ctx)
	if err != nil || !any {
		return 0, err
	}
	n := 0
	err = o.db.Tx(ctx, func(ctx context.Context) error {
		events, err := o.store.pending(ctx, atOnce)
		if err != nil {
			return err
		}
		n = len(events)
		if err := o.store.fanOut(ctx, events, o.steps, o.clock.Now()); err != nil {
			return err
		}
		o.engine.Wake(ctx)
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("fan out events: %w", err)
	}
	return n, nil
}

// delivery is one event for one step.
type delivery struct {
	event Event
	step  string
}

func (o *Outbox) deliver(ctx context.Context, d delivery, _ int) error {
	for _, s := range o.steps(d.event.Kind) {
		if s.Name == d.step {
			if err := s.Run(ctx, d.event); err != nil {
				return fmt.Errorf("step %s of %s %d about %s: %w", d.step, d.event.Kind, d.event.ID, d.event.Subject, err)
			}
			return nil
		}
	}
	return lease.GiveUp(fmt.Errorf("no step %s follows %s", d.step, d.event.Kind))
}

// Drain delivers everything that is due, and what follows from that, until nothing is left. It answers
// how many deliveries it made. A step that fails is left to its backoff.
func (o *Outbox) Drain(ctx context.Context) (int, error) {
	total := 0
	for {
		events := 0
		for {
			n, err := o.fanOut(ctx)
			if err != nil {
				return total, err
			}
			if n == 0 {
				break
			}
			events += n
		}
		n, err := o.engine.Drain(ctx)
		total += n
		if err != nil {
			return total, err
		}
		if n > 0 || events > 0 {
			continue
		}
		if any, err := o.store.anyPending(ctx); err != nil || !any {
			return total, err
		}
		t := time.NewTimer(10 * time.Millisecond) // somebody else is making the deliveries
		select {
		case <-ctx.Done():
			t.Stop()
			return total, ctx.Err()
		case <-t.C:
		}
	}
}

// Delivery is a delivery for staff to look at.
type Delivery struct {
	ID       int64
	Event    Event
	Step     string
	Attempts int
	Deaths   int
	Error    string
	At       time.Time // when it was parked
}

// Parked lists deliveries that were given up, by ID above after.
func (o *Outbox) Parked(ctx context.Context, after int64, limit int) ([]Delivery, error) {
	return o.store.parked(ctx, after, limit)
}

// Retry delivers a parked delivery again. It answers false if it is not parked.
func (o *Outbox) Retry(ctx context.Context, id int64) (bool, error) { return o.engine.Retry(ctx, id) }

// Counts says how many deliveries wait, run and are parked, by state.
func (o *Outbox) Counts(ctx context.Context) (map[string]int64, error) { return o.engine.Counts(ctx) }

// NextDue is when the next waiting delivery can be made; zero if none waits.
func (o *Outbox) NextDue(ctx context.Context) (time.Time, error) { return o.engine.NextDue(ctx) }

// Purge forgets events that were delivered to every step before a time. It answers how many.
func (o *Outbox) Purge(ctx context.Context, before time.Time) (int64, error) {
	return o.store.purge(ctx, before)
}
