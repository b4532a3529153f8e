package provision

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/lease"
	"github.com/ezscale/bursar/core/data/outbox"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/platform/jobs"
	"github.com/ezscale/bursar/core/platform/secret"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/panel"
	"github.com/ezscale/bursar/sdk/panel/paneltest"
)

var start = time.Date(2027, 1, 31, 9, 0, 0, 0, time.UTC)

// pace has real waits, with round numbers.
var pace = Pace{Doubt: 2 * time.Minute, Queue: time.Second, Least: time.Second, Retry: 5 * time.Second, Longest: 10 * time.Minute}

// spy is a fake panel whose calls can be watched, and stopped before or after they do their work.
type spy struct {
	*paneltest.Fake
	mu     sync.Mutex
	before func(method string, r panel.Ref) error
	after  func(method string, r panel.Ref) error
	asked  []panel.Creation
}

func around[T any](s *spy, method string, r panel.Ref, call func() (T, error)) (out T, err error) {
	if s.before != nil {
		if err := s.before(method, r); err != nil {
			return out, err
		}
	}
	out, err = call()
	if s.after != nil {
		if lost := s.after(method, r); lost != nil {
			var none T
			return none, lost
		}
	}
	return out, err
}

func (s *spy) Create(ctx context.Context, c panel.Creation) (panel.Progress, error) {
	s.mu.Lock()
	s.asked = append(s.asked, c)
	s.mu.Unlock()
	return around(s, "Create", c.Ref, func() (panel.Progress, error) { return s.Fake.Create(ctx, c) })
}

func (s *spy) Find(ctx context.Context, c panel.Creation) (panel.Account, error) {
	return around(s, "Find", c.Ref, func() (panel.Account, error) { return s.Fake.Find(ctx, c) })
}

func (s *spy) State(ctx context.Context, r panel.Ref) (panel.Account, error) {
	return around(s, "State", r, func() (panel.Account, error) { return s.Fake.State(ctx, r) })
}

func (s *spy) Suspend(ctx context.Context, op sdk.Op, r panel.Ref, why string) (panel.Progress, error) {
	return around(s, "Suspend", r, func() (panel.Progress, error) { return s.Fake.Suspend(ctx, op, r, why) })
}

func (s *spy) Terminate(ctx context.Context, op sdk.Op, r panel.Ref) (panel.Progress, error) {
	return around(s, "Terminate", r, func() (panel.Progress, error) { return s.Fake.Terminate(ctx, op, r) })
}

// world is what all processes share: the vendor, the time, and who is told.
type world struct {
	t     *testing.T
	ctx   context.Context
	d     *db.DB
	clock *clock.Stopped
	fake  *spy
	panel panel.Panel // nil: the instance is not set up
	told  []string
}

func newWorld(t *testing.T, d *db.DB) *world {
	w := &world{t: t, ctx: t.Context(), d: d, clock: clock.At(start), fake: &spy{Fake: &paneltest.Fake{}}}
	w.panel = w.fake
	return w
}

// Panel implements Panels.
func (w *world) Panel(string) (panel.Panel, error) {
	if w.panel == nil {
		return nil, fault.New(fault.NotFound, "instance_not_found", "")
	}
	return w.panel, nil
}

// SDK implements Customers.
func (w *world) SDK(_ context.Context, id ids.Customer) (sdk.Customer, error) {
	return sdk.Customer{ID: string(id), Number: 7, Email: "jana@example.com"}, nil
}

// process is the service in a process of its own.
type process struct {
	*Service
	queue *jobs.Queue
	out   *outbox.Outbox
}

func (w *world) process(d *db.DB) process {
	w.t.Helper()
	box, err := secret.New(bytes.Repeat([]byte{7}, secret.KeySize))
	w.ok(err)
	o := lease.Options{Workers: 4, Poll: 5 * time.Millisecond}
	p := process{queue: jobs.Open(d, w.clock, o), out: outbox.New(d, w.clock, lease.Options{Workers: 1, Poll: o.Poll})}
	hear := outbox.Step("hear", func(_ context.Context, e outbox.Event) error {
		var f Fact
		if err := e.Read(&f); err != nil {
			return err
		}
		w.told = append(w.told, fmt.Sprint(e.Kind, " ", f.Kind))
		return nil
	})
	w.ok(p.out.Route(outbox.Routes{EventDone: {hear}, EventFailed: {hear}}))
	p.Service = New(Deps{DB: d, Outbox: p.out, Jobs: p.queue, Audit: audit.New(d, w.clock), Box: box, Clock: w.clock, Panels: w, Customers: w, Pace: pace})
	return p
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// plan asks for a change of a subscription's account.
func (w *world) plan(p process, kind Kind, sub ids.Subscription, c ids.Customer) Operation {
	w.t.Helper()
	op, err := p.Plan(w.ctx, Request{Kind: kind, Subscription: sub, Customer: c, Instance: "vf", CauseKey: fmt.Sprint(kind, ":", sub), Label: "web-1.example.com",
		Product: form.Values{"package": {"1"}}, Checkout: form.Values{"image": {"debian-13"}}, Actor: "system"})
	w.ok(err)
	return op
}

// run lets time pass from one due job to the next, until none waits or a limit is reached.
func (w *world) run(p process, limit time.Duration) {
	w.t.Helper()
	for end := w.clock.Now().Add(limit); ; {
		_, err := p.queue.Drain(w.ctx)
		w.ok(err)
		at, err := p.queue.NextDue(w.ctx)
		w.ok(err)
		if at.IsZero() || at.After(end) {
			break
		}
		w.clock.Set(at)
	}
	_, err := p.out.Drain(w.ctx)
	w.ok(err)
}

func (w *world) op(p process, id ids.Op) Operation {
	w.t.Helper()
	op, err := p.Get(w.ctx, id)
	w.ok(err)
	return op
}

func (w *world) want(p process, id ids.Op, state State) Operation {
	w.t.Helper()
	op := w.op(p, id)
	if op.State != state {
		w.t.Fatalf("%s is %s, want %s: %+v", op.Kind, op.State, state, op.Fault)
	}
	return op
}

// made counts the changes of a method that the vendor made for a service.
func (w *world) made(method string, sub ids.Subscription) (n int) {
	for _, e := range w.fake.Journal() {
		if e.Method == method && e.Service == string(sub) {
			n++
		}
	}
	return n
}

// everything is all text in all tables that this package writes to.
func (w *world) everything() string {
	w.t.Helper()
	var out strings.Builder
	for _, table := range []string{"operations", "accounts", "panel_calls", "plugin_customers", "jobs", "events", "audit"} {
		rows, err := w.d.Read(w.ctx).QueryContext(w.ctx, "SELECT * FROM "+table)
		w.ok(err)
		columns, err := rows.Columns()
		w.ok(err)
		for rows.Next() {
			values := make([]any, len(columns))
			for i := range values {
				values[i] = new(any)
			}
			w.ok(rows.Scan(values...))
			for i, v := range values {
				fmt.Fprintf(&out, "%s.%s=%s\n", table, columns[i], *v.(*any))
			}
		}
		w.ok(rows.Err())
		rows.Close()
	}
	return out.String()
}
