package pluginhost

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// queue bounds the calls that one plugin has under way and those that wait for a place.
type queue struct {
	places  chan struct{}
	waiting atomic.Int64
	most    int64
	patient time.Duration
}

func newQueue(p pace) *queue {
	return &queue{places: make(chan struct{}, p.running), most: int64(p.waiting), patient: p.queue}
}

// enter takes a place, which leave gives back. Error: plugin_busy.
func (q *queue) enter(ctx context.Context) error {
	select {
	case q.places <- struct{}{}:
		return nil
	default:
	}
	defer q.waiting.Add(-1)
	if n := q.waiting.Add(1); n > q.most {
		return errBusy.Because(fmt.Errorf("%d calls are under way and %d wait", cap(q.places), q.most))
	}
	patience := time.NewTimer(q.patient)
	defer patience.Stop()
	select {
	case q.places <- struct{}{}:
		return nil
	case <-patience.C:
		return errBusy.Because(fmt.Errorf("no place for %s", q.patient))
	case <-ctx.Done():
		return errBusy.Because(ctx.Err())
	}
}

func (q *queue) leave() { <-q.places }
