package lease

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// Run takes and runs rows until ctx is over. Then it takes no more, gives those in flight their grace
// and hands back what was not begun. Errors of the database are logged and tried again.
func (e *Engine[T]) Run(ctx context.Context) { _, _ = e.loop(ctx, false) } // it ends with ctx alone

// Drain runs everything that is due, and what that makes due, until nothing is left; it also waits for
// rows that others are running. It answers how many rows it ran. A row that fails waits for its backoff:
// Drain does not.
func (e *Engine[T]) Drain(ctx context.Context) (int, error) { return e.loop(ctx, true) }

// flight is the rows that one loop has claimed and not yet finished.
type flight[T any] struct {
	mu   sync.Mutex
	rows map[int64]row[T]
}

func (f *flight[T]) add(rows []row[T]) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range rows {
		f.rows[r.id] = r
	}
}

// prolong notes a new end of leases.
func (f *flight[T]) prolong(rows []row[T], until time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range rows {
		if held, ok := f.rows[r.id]; ok && held.owner == r.owner {
			held.until = until
			f.rows[r.id] = held
		}
	}
}

func (f *flight[T]) remove(outs []outcome[T]) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, o := range outs {
		delete(f.rows, o.row.id)
	}
}

func (f *flight[T]) list() []row[T] {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]row[T], 0, len(f.rows))
	for _, r := range f.rows {
		out = append(out, r)
	}
	return out
}

func (f *flight[T]) len() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.rows)
}

// loop claims rows as workers become free. The workers hand outcomes to one finisher, which writes down
// all that have come together in one transaction.
func (e *Engine[T]) loop(ctx context.Context, drain bool) (ran int, err error) {
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	fly := &flight[T]{rows: map[int64]row[T]{}}
	most := 4 * e.opt.Workers
	todo := make(chan task[T], most)
	outs := make(chan outcome[T], most)
	landed := make(chan struct{}, 1)

	var workers, finisher sync.WaitGroup
	for range e.opt.Workers {
		workers.Go(func() {
			for t := range todo {
				outs <- e.do(ctx, work, t)
			}
		})
	}
	finisher.Go(func() { e.finishAll(work, fly, outs, landed) })
	renewing, stopRenewing := context.WithCancel(work)
	finisher.Go(func() { e.keep(renewing, fly) })

	ran, err = e.feed(ctx, drain, fly, todo, landed)

	close(todo) // what is in it is run if ctx goes on, and handed back if it does not
	grace := time.AfterFunc(e.opt.Grace, stopWork)
	workers.Wait()
	grace.Stop()
	close(outs)
	stopRenewing()
	finisher.Wait()
	return ran, err
}

// task is a row with the context of its handler.
type task[T any] struct {
	row row[T]
	ctx context.Context
}

// feed claims rows until ctx is over or, when draining, nothing is left. A database that does not answer ends
// a drain; otherwise the rows in flight go on, and it is asked again.
func (e *Engine[T]) feed(ctx context.Context, drain bool, fly *flight[T], todo chan<- task[T], landed <-chan struct{}) (ran int, err error) {
	var reaped time.Time
	poll := time.NewTimer(e.opt.Poll)
	defer poll.Stop()
	for ctx.Err() == nil {
		n, more, err := e.take(ctx, drain, fly, todo, &reaped)
		ran += n
		switch {
		case err != nil && drain:
			return ran, err
		case err != nil && ctx.Err() == nil:
			e.opt.Log.Error("no rows can be taken", "table", e.table.Name, "error", err)
		case more && e.capacity() > fly.len():
			continue
		}
		wait := e.opt.Poll
		if drain {
			if !more && fly.len() == 0 {
				idle, err := e.idle(ctx)
				if err != nil || idle {
					return ran, err
				}
			}
			wait = min(wait, 10*time.Millisecond) // somebody else runs what is left
		}
		poll.Reset(wait)
		select {
		case <-ctx.Done():
		case <-landed:
		case <-e.wake:
		case <-poll.C:
		}
	}
	return ran, ctx.Err()
}

// take frees what dead workers held, now and then, and claims as many rows as there is room for.
func (e *Engine[T]) take(ctx context.Context, drain bool, fly *flight[T], todo chan<- task[T], reaped *time.Time) (n int, more bool, err error) {
	if now := e.opt.Real.Now(); drain || now.Sub(*reaped) >= e.opt.Poll || now.Before(*reaped) {
		if err := e.reap(ctx); err != nil {
			return 0, false, err
		}
		*reaped = now
	}
	free := e.capacity() - fly.len()
	if free <= 0 {
		return 0, false, nil
	}
	rows, more, err := e.claim(ctx, free)
	for i := range rows {
		var t task[T]
		t.ctx, rows[i].lost = context.WithCancel(context.WithoutCancel(ctx))
		t.row = rows[i]
		fly.add(rows[i : i+1])
		todo <- t
	}
	return len(rows), more, err
}

// capacity is how many rows to hold at once: one per worker, or a few in reserve while runs are so short
// that taking rows is what takes time. Rows in reserve wait here while another process could run them.
func (e *Engine[T]) capacity() int {
	if pace := e.pace.Load(); pace > 0 && pace < int64(10*time.Millisecond) {
		return 4 * e.opt.Workers
	}
	return e.opt.Workers
}

// do runs one row, or hands it back if we are stopping.
func (e *Engine[T]) do(ctx, work context.Context, t task[T]) outcome[T] {
	defer t.row.lost()
	back := outcome[T]{row: t.row, state: Waiting, runAt: e.clock.Now(), undo: true}
	if ctx.Err() != nil {
		return back
	}
	run, cancel := context.WithTimeout(t.ctx, e.opt.Longest)
	defer cancel()
	defer context.AfterFunc(work, cancel)()
	began := e.opt.Real.Now()
	err := e.call(run, t.row)
	took := int64(e.opt.Real.Now().Sub(began))
	old := e.pace.Load()
	e.pace.Store(max(1, (7*old+took)/8))
	if err != nil && work.Err() != nil && errors.Is(err, context.Canceled) {
		return back
	}
	return e.judge(t.row, err)
}

// finishAll writes outcomes down as they come, many at once when they come fast.
func (e *Engine[T]) finishAll(ctx context.Context, fly *flight[T], outs <-chan outcome[T], landed chan<- struct{}) {
	ctx = context.WithoutCancel(ctx)
	for first := range outs {
		set := []outcome[T]{first}
		for more := true; more && len(set) < 200; {
			select {
			case o, ok := <-outs:
				if more = ok; ok {
					set = append(set, o)
				}
			default:
				more = false
			}
		}
		err := e.finish(ctx, set)
		for try := 0; err != nil && try < 5; try++ {
			pause(ctx, 200*time.Millisecond<<try)
			err = e.finish(ctx, set)
		}
		if err != nil { // their leases will end and they will be run again
			e.opt.Log.Error("outcomes are not saved", "table", e.table.Name, "rows", len(set), "error", err)
		}
		fly.remove(set)
		select {
		case landed <- struct{}{}:
		default:
		}
	}
}

// keep renews the leases of rows in flight, and stops the handlers of those that were lost: taken over by
// somebody else, or not renewed in time because the database is away, so that somebody else may have them.
func (e *Engine[T]) keep(ctx context.Context, fly *flight[T]) {
	for {
		if !pause(ctx, e.opt.Lease/3) {
			return
		}
		rows := fly.list()
		if len(rows) == 0 {
			continue
		}
		until := e.opt.Real.Now().Add(e.opt.Lease)
		lost, err := e.renew(ctx, rows, until)
		if err != nil {
			e.opt.Log.Warn("leases are not renewed", "table", e.table.Name, "error", err)
			now := e.opt.Real.Now()
			lost = slices.DeleteFunc(rows, func(r row[T]) bool { return now.Before(r.until) })
		} else {
			fly.prolong(rows, until)
		}
		for _, r := range lost {
			e.opt.Log.Warn("lease lost", "table", e.table.Name, "row", r.id)
			r.lost()
		}
	}
}

// pause waits, and says whether the whole time went by.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
