package counter

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/data/db"
)

// look is how long a kept value is used before its number is asked for again.
const look = time.Second

// Loader makes a value from the database. last is the value before, nil at first; same says that its number is
// still the newest, so that only what changes without a number needs to be read.
type Loader[T any] func(ctx context.Context, last *T, same bool, number int64) (*T, error)

// Kept is a value made from tables and kept in memory. A change by this process is seen at once, one by another
// within a second. What it answers is shared and must not be changed.
type Kept[T any] struct {
	db    *db.DB
	clock clock.Clock
	name  string
	load  Loader[T]
	mu    sync.Mutex // one loads, the others wait
	now   atomic.Pointer[kept[T]]
	stale atomic.Int64 // counts the changes of this process
}

type kept[T any] struct {
	value  *T
	number int64
	seen   time.Time
	stale  int64
}

// Keep makes a value that is loaded when it is first asked for. The name is the counter's.
func Keep[T any](d *db.DB, c clock.Clock, name string, load Loader[T]) *Kept[T] {
	return &Kept[T]{db: d, clock: c, name: name, load: load}
}

// Changed says, in the transaction of a change, that the value must be made anew. Until the transaction ends
// other changes wait, so call it first.
func (k *Kept[T]) Changed(ctx context.Context) error {
	if _, err := Next(ctx, k.db, k.name); err != nil {
		return err
	}
	k.Forget(ctx)
	return nil
}

// Forget makes this process look again once the transaction of ctx is committed.
func (k *Kept[T]) Forget(ctx context.Context) {
	k.db.AfterCommit(ctx, func() { k.stale.Add(1) })
}

// Get answers the value. In a transaction that changed it, it is as the transaction sees it.
func (k *Kept[T]) Get(ctx context.Context) (*T, error) {
	if db.InTx(ctx) {
		return k.inTx(ctx)
	}
	if now := k.now.Load(); k.isFresh(now) {
		return now.value, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	last := k.now.Load()
	if k.isFresh(last) {
		return last.value, nil
	}
	next := &kept[T]{seen: k.clock.Now(), stale: k.stale.Load()}
	var err error
	// What was read is of one state of the database only if nobody changed it meanwhile.
	for range 3 {
		if next.number, err = (store{k.db}).last(ctx, k.name); err != nil {
			return nil, fmt.Errorf("look at %s: %w", k.name, err)
		}
		var before *T
		same := false
		if last != nil {
			before, same = last.value, last.number == next.number
		}
		if next.value, err = k.load(ctx, before, same, next.number); err != nil {
			return nil, fmt.Errorf("load %s: %w", k.name, err)
		}
		if same {
			break
		}
		after, err := store{k.db}.last(ctx, k.name)
		if err != nil {
			return nil, fmt.Errorf("look at %s: %w", k.name, err)
		}
		if after == next.number {
			break
		}
		last = nil
	}
	k.now.Store(next)
	return next.value, nil
}

func (k *Kept[T]) isFresh(v *kept[T]) bool {
	if v == nil || v.stale != k.stale.Load() {
		return false
	}
	age := k.clock.Now().Sub(v.seen)
	return age >= 0 && age < look
}

// inTx keeps nothing: what a transaction sees may never be committed.
func (k *Kept[T]) inTx(ctx context.Context) (*T, error) {
	number, err := store{k.db}.last(ctx, k.name)
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", k.name, err)
	}
	if now := k.now.Load(); now != nil && now.number == number {
		return now.value, nil
	}
	value, err := k.load(ctx, nil, false, number)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", k.name, err)
	}
	return value, nil
}
