package invoice

import (
	"context"
	"fmt"
	"sync"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
)

// Document kinds that have a series of numbers each.
const (
	SeriesInvoice = "invoice"
	SeriesCredit  = "credit_note"
)

// Series gives the numbers of one kind of document.
type Series struct {
	ID   ids.Series
	Kind string
	Numbering
}

// Standard series, with IDs of their own so that two processes cannot both begin them.
var standardSeries = []struct {
	id       ids.Series
	kind     string
	template string
}{
	{"ser_00000000000000000000000001", SeriesInvoice, "INV-{YYYY}-{N:6}"},
	{"ser_00000000000000000000000002", SeriesCredit, "CN-{YYYY}-{N:6}"},
}

// EnsureSeries begins the standard series of each kind that has none. It may be called at every start.
func (s *Service) EnsureSeries(ctx context.Context) error {
	for _, std := range standardSeries {
		if err := s.ensure(ctx, std.kind); err != nil {
			return fmt.Errorf("begin series of %s: %w", std.kind, err)
		}
	}
	return nil
}

func (s *Service) ensure(ctx context.Context, kind string) error {
	return s.db.Tx(ctx, func(ctx context.Context) error {
		_, ok, err := s.store.series(ctx, kind)
		if err != nil || ok {
			return err
		}
		for _, std := range standardSeries {
			if std.kind == kind {
				n, err := ParseNumbering(std.template, Yearly)
				if err != nil {
					return err
				}
				return s.store.insertSeries(ctx, Series{std.id, kind, n})
			}
		}
		return fmt.Errorf("there is no series of kind %q", kind)
	})
}

// ActiveSeries is the series that gives the next numbers of a kind.
func (s *Service) ActiveSeries(ctx context.Context, kind string) (Series, error) {
	if err := s.ensure(ctx, kind); err != nil {
		return Series{}, err
	}
	ser, _, err := s.store.series(ctx, kind)
	return ser, err
}

// NewSeries is a change of template or start.
type NewSeries struct {
	Kind string
	Numbering
	From  period.Day // its first number has this day or a later one
	Start int64      // first number of the bucket of From; 0 means 1
}

// BeginSeries ends the running series of a kind and begins another. With the same template the start may
// only be raised: no number is given twice. Days never go back, also across the two.
func (s *Service) BeginSeries(ctx context.Context, n NewSeries) (Series, error) {
	n.Start = max(n.Start, 1)
	numbering, err := ParseNumbering(n.Template, n.Reset)
	if err != nil {
		return Series{}, err
	}
	if n.From.IsZero() {
		return Series{}, ErrTemplate.Because(fmt.Errorf("no first day"))
	}
	if _, err := numbering.Format(n.From, n.Start); err != nil {
		return Series{}, err
	}
	var next Series
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		if err := s.ensure(ctx, n.Kind); err != nil {
			return err
		}
		if err := s.store.lockSeries(ctx, n.Kind); err != nil {
			return err
		}
		used, last, err := s.store.highest(ctx, n, numbering.Bucket(n.From))
		if err != nil {
			return err
		}
		if n.From.Before(last) {
			return ErrDateBefore
		}
		if n.Start < used {
			return ErrTemplate.Because(fmt.Errorf("number %d is given already, the next is %d", n.Start, used))
		}
		next = Series{ids.New[ids.Series](), n.Kind, numbering}
		if err := s.store.endSeries(ctx, n.Kind); err != nil {
			return err
		}
		if err := s.store.insertSeries(ctx, next); err != nil {
			return err
		}
		return s.store.openBucket(ctx, next.ID, numbering.Bucket(n.From), n.Start, n.From)
	})
	if err != nil {
		return Series{}, fmt.Errorf("begin series %q of %s: %w", n.Template, n.Kind, err)
	}
	return next, nil
}

// running remembers the active series of each kind. What it remembers may be out of date: advance in the
// store finds no row then, and it is read again.
type running struct {
	mu sync.Mutex
	of map[string]Series
}

func (r *running) get(kind string) (Series, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, ok := r.of[kind]
	return s, ok
}

func (r *running) set(s Series) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of == nil {
		r.of = map[string]Series{}
	}
	r.of[s.Kind] = s
}

func (r *running) forget(kind string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.of, kind)
}

// take gives k numbers in a row for days from first to last, which lie in one bucket. The counter stays
// locked until the transaction ends, so this is its last lock; a rollback gives the numbers back. It is
// two statements, and a few more for the first number of a bucket.
//
// Errors: ErrDateBefore. ErrSeriesFull comes of formatting.
func (s *Service) take(ctx context.Context, kind string, k int64, first, last period.Day) (ser Series, no int64, err error) {
	for range 4 {
		ser, ok := s.series.get(kind)
		if !ok {
			if ser, err = s.ActiveSeries(ctx, kind); err != nil {
				return Series{}, 0, err
			}
			s.series.set(ser)
		}
		bucket := ser.Bucket(first)
		next, moved, err := s.store.advance(ctx, ser.ID, bucket, k, first, last)
		if err != nil || moved {
			return ser, next - k, err
		}
		active, opened, lastOn, err := s.store.whyNot(ctx, ser.ID, bucket)
		switch {
		case err != nil:
			return Series{}, 0, err
		case !active:
			s.series.forget(kind)
		case !opened:
			if err := s.store.openBucket(ctx, ser.ID, bucket, 1, first); err != nil {
				return Series{}, 0, err
			}
		default:
			return Series{}, 0, ErrDateBefore.Because(fmt.Errorf("%s is before %s in series %s", first, lastOn, ser.ID))
		}
	}
	return Series{}, 0, fmt.Errorf("the series of %s changes all the time", kind)
}
