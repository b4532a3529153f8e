// Package run owns the record of the daily runs: when one began, what it came to, which items failed and why. What a
// run does is core/flow's. Start at Service.Begin.
package run

import (
	"context"
	"fmt"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/data/db"
)

// State of a run.
type State string

// The states. A run that stays Running was killed: the next one goes on where it was.
const (
	Running State = "running"
	Done    State = "done"
)

// Run is one run of a day's work.
type Run struct {
	ID       ids.Run
	Day      period.Day
	State    State
	Done     int // items done
	Failed   int
	Started  time.Time
	Ended    time.Time
	Failures []Failure // of List only
}

// Failure is an item that could not be done.
type Failure struct {
	Item, Error string
	At          time.Time
}

// Service keeps the record.
type Service struct {
	db    *db.DB
	store store
}

// New makes the service.
func New(d *db.DB) *Service { return &Service{db: d, store: store{db: d}} }

// Begin writes down that a run began.
func (s *Service) Begin(ctx context.Context, id ids.Run, day period.Day, at time.Time) error {
	if err := s.store.insert(ctx, id, day, at); err != nil {
		return fmt.Errorf("begin run %s: %w", id, err)
	}
	return nil
}

// End writes down how it ended. failures are errors by item.
func (s *Service) End(ctx context.Context, id ids.Run, done int, failures map[string]string, at time.Time) error {
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		if err := s.store.end(ctx, id, done, len(failures), at); err != nil {
			return err
		}
		return s.store.failures(ctx, id, failures, at)
	})
	if err != nil {
		return fmt.Errorf("end run %s: %w", id, err)
	}
	return nil
}

// RanOn says whether a run for a day came to its end.
func (s *Service) RanOn(ctx context.Context, day period.Day) (bool, error) {
	return s.store.ranOn(ctx, day)
}

// List reads the newest runs with their failures, in two queries.
func (s *Service) List(ctx context.Context, limit int) ([]Run, error) {
	return s.store.list(ctx, limit)
}
