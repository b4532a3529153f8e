package inbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/data/db"
)

// longestID is what the column of event IDs holds.
const longestID = 190

// Service keeps events.
type Service struct {
	db    *db.DB
	store store
	clock clock.Clock
}

// New makes the service.
func New(d *db.DB, c clock.Clock) *Service {
	return &Service{db: d, store: store{db: d}, clock: c}
}

// EventID is the ID under which an event is kept: the vendor's, or a hash where there is none or it is too long. Two
// requests with the same bytes and no ID are one event.
func EventID(vendor string, raw []byte) string {
	if vendor != "" && len(vendor) <= longestID {
		return vendor
	}
	sum := sha256.Sum256([]byte(vendor + "\x00" + string(raw)))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Keep saves an event and what it means, as JSON. fresh is false for one that was kept before: its bytes and meaning
// stay those of the first. Answer the vendor once it is committed.
func (s *Service) Keep(ctx context.Context, instance, eventID string, raw []byte, meaning any) (id int64, fresh bool, err error) {
	text, err := json.Marshal(meaning)
	if err != nil {
		return 0, false, fmt.Errorf("keep event %s of %s: %w", eventID, instance, err)
	}
	eventID = EventID(eventID, raw)
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		id, fresh, err = s.store.insert(ctx, Entry{Instance: instance, EventID: eventID, Raw: raw, Meaning: text, State: Fresh, Received: s.clock.Now()})
		return err
	})
	if err != nil {
		return 0, false, fmt.Errorf("keep event %s of %s: %w", eventID, instance, err)
	}
	return id, fresh, nil
}

// Get reads one whole; ErrNotFound.
func (s *Service) Get(ctx context.Context, id int64) (Entry, error) {
	return s.store.get(ctx, id)
}

// Mark moves an entry to a state, with a note for staff. What was applied or ignored stays so: states.ErrRefused.
func (s *Service) Mark(ctx context.Context, id int64, state, note string) error {
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		was, err := s.store.lock(ctx, id)
		if err != nil {
			return err
		}
		next, err := life.Next(was, state)
		if err != nil {
			return err
		}
		var done time.Time
		if next != Waiting {
			done = s.clock.Now()
		}
		return s.store.mark(ctx, id, next, note, done)
	})
	if err != nil {
		return fmt.Errorf("mark event %d %s: %w", id, state, err)
	}
	return nil
}

// List answers one page in two queries, without bytes and meaning.
func (s *Service) List(ctx context.Context, f Filter) (Page, error) {
	return s.store.list(ctx, f)
}

// Purge forgets entries that were applied or ignored and came before a time. It answers how many.
func (s *Service) Purge(ctx context.Context, before time.Time) (int64, error) {
	return s.store.purge(ctx, before)
}
