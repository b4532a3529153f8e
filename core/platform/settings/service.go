package settings

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/sdk/fault"
)

// ErrChanged: somebody saved meanwhile. Nothing was saved; read again.
var ErrChanged = fault.New(fault.Conflict, "settings_changed", "Somebody else changed the settings meanwhile. Look at them again, then save.")

// fresh is how long settings are believed without asking the database.
const fresh = time.Second

// Service reads and saves the settings. Who may save is asked by the caller.
type Service struct {
	db    *db.DB
	store store
	audit *audit.Service
	clock clock.Clock

	mu     sync.Mutex
	kept   Settings
	keptAt time.Time // zero: nothing is kept
}

// New makes the service.
func New(d *db.DB, a *audit.Service, c clock.Clock) *Service {
	return &Service{db: d, store: store{db: d}, audit: a, clock: c}
}

// Get answers the settings in force, Default until any were saved. What another process saved is seen within a second.
func (s *Service) Get(ctx context.Context) (Settings, error) {
	now := s.clock.Now()
	if kept, ok := s.recall(now); ok {
		return kept, nil
	}
	current, err := s.store.read(ctx)
	if err != nil {
		return Settings{}, fmt.Errorf("read settings: %w", err)
	}
	if !db.InTx(ctx) { // what this transaction sees may never be committed
		s.keep(current, now)
	}
	return current.clone(), nil
}

func (s *Service) recall(now time.Time) (Settings, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	age := now.Sub(s.keptAt)
	if s.keptAt.IsZero() || age < 0 || age >= fresh {
		return Settings{}, false
	}
	return s.kept.clone(), true
}

func (s *Service) keep(current Settings, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.keptAt.IsZero() && current.Version < s.kept.Version {
		return // a slow reader of what was replaced meanwhile
	}
	s.kept, s.keptAt = current, at
}

// Save replaces all settings. next is what Get answered, changed: its Version must still be the one in force.
//
// Errors: ErrChanged; Invalid on the field that is wrong, such as business.zone.
func (s *Service) Save(ctx context.Context, next Settings) error {
	next = next.clone()
	next.trim()
	if err := next.check(); err != nil {
		return err
	}
	next.zone, _ = time.LoadLocation(next.Business.Zone)
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		before, err := s.store.lock(ctx)
		if err != nil {
			return err
		}
		if before.Version != next.Version {
			return ErrChanged
		}
		saved := next.clone()
		saved.Version++
		if err := s.store.save(ctx, saved, s.clock.Now(), audit.Asking(ctx).Actor); err != nil {
			return err
		}
		s.db.AfterCommit(ctx, func() { s.keep(saved, s.clock.Now()) })
		return s.audit.Add(ctx, audit.Entry{Action: "settings.save", Subject: "settings", Before: before, After: saved})
	})
	if errors.Is(err, ErrChanged) {
		s.forget()
	}
	if err != nil {
		return fmt.Errorf("save settings: %w", err)
	}
	return nil
}

func (s *Service) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept, s.keptAt = Settings{}, time.Time{}
}
