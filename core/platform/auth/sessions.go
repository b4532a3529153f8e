package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/platform/audit"
)

// Keys of what a session holds. All values are texts.
const (
	SessionRealm    = "realm"    // CustomerKind or StaffKind: which sites it opens
	SessionPerson   = "person"   // ID of the user or member of staff
	SessionCustomer = "customer" // whom is acted for
	SessionSince    = "since"    // when it began, RFC 3339
	SessionAddress  = "address"  // where from
	SessionAgent    = "agent"    // with what
)

// Sessions keeps the sessions of one realm, as an scs.CtxStore for a manager with HashTokenInStore and the codec
// SessionCodec. A session is written once and never changed: whatever changes gets a new token by RenewToken. So one
// that was revoked cannot come back through a request that had loaded it before. What moves is only its end: it is
// idle after so long, and over at its deadline whatever happens.
type Sessions struct {
	store store
	wall  clock.Clock
	realm Kind
	idle  time.Duration
}

// Sessions is the store of a realm, CustomerKind or StaffKind.
func (s *Service) Sessions(realm Kind, idle time.Duration) *Sessions {
	return &Sessions{store: s.store, wall: s.wall, realm: realm, idle: idle}
}

// touchStep is how exactly the time of idleness is kept, so that reading pages does not write each time.
const touchStep = time.Minute

// FindCtx answers what a session holds and puts off its end.
func (s *Sessions) FindCtx(ctx context.Context, token string) (data []byte, found bool, err error) {
	data, expires, err := s.store.session(ctx, token)
	if err != nil || data == nil {
		return nil, false, err
	}
	now := s.wall.Now()
	held, err := decode(data)
	if err != nil || !expires.After(now) || !held.Deadline.After(now) || held.Values[SessionRealm] != string(s.realm) {
		return nil, false, err
	}
	if next := s.end(held.Deadline, now); next.Sub(expires) >= min(touchStep, s.idle/2) {
		if err := s.store.touchSession(ctx, token, next); err != nil {
			return nil, false, err
		}
	}
	return data, true, nil
}

// end is when a session that was used now is over.
func (s *Sessions) end(deadline, now time.Time) time.Time {
	if idle := now.Add(s.idle); idle.Before(deadline) {
		return idle
	}
	return deadline
}

// CommitCtx writes a new session; one that exists is refused.
func (s *Sessions) CommitCtx(ctx context.Context, token string, data []byte, deadline time.Time) error {
	held, err := decode(data)
	if err != nil {
		return err
	}
	if held.Values[SessionRealm] != string(s.realm) || held.Values[SessionPerson] == "" {
		return errors.New("a session without realm or person")
	}
	return s.store.insertSession(ctx, token, held.Values[SessionPerson], data, s.end(deadline, s.wall.Now()))
}

// DeleteCtx ends a session. Error: ErrSignedOut if it had been ended already, so that nobody goes on with it.
func (s *Sessions) DeleteCtx(ctx context.Context, token string) error {
	return s.store.deleteSession(ctx, token)
}

var errNoContext = errors.New("sessions are stored with a context only")

// Find, Commit and Delete are there for the interface; the manager calls those with a context.
func (s *Sessions) Find(string) ([]byte, bool, error)      { return nil, false, errNoContext }
func (s *Sessions) Commit(string, []byte, time.Time) error { return errNoContext }
func (s *Sessions) Delete(string) error                    { return errNoContext }

// SessionCodec writes sessions as JSON, which a database tool can read and no type has to be registered for.
type SessionCodec struct{}

type held struct {
	Deadline time.Time         `json:"deadline"`
	Values   map[string]string `json:"values"`
}

func decode(data []byte) (h held, err error) {
	if err := json.Unmarshal(data, &h); err != nil {
		return held{}, fmt.Errorf("session: %w", err)
	}
	return h, nil
}

// Encode refuses values that are no texts.
func (SessionCodec) Encode(deadline time.Time, values map[string]any) ([]byte, error) {
	h := held{Deadline: deadline, Values: make(map[string]string, len(values))}
	for key, v := range values {
		text, ok := v.(string)
		if !ok {
			return nil, fmt.Errorf("session: %s is a %T", key, v)
		}
		h.Values[key] = text
	}
	return json.Marshal(h)
}

// Decode is its return.
func (SessionCodec) Decode(data []byte) (time.Time, map[string]any, error) {
	h, err := decode(data)
	if err != nil {
		return time.Time{}, nil, err
	}
	values := make(map[string]any, len(h.Values))
	for key, v := range h.Values {
		values[key] = v
	}
	return h.Deadline, values, nil
}

// SessionInfo is a signed-in browser.
type SessionInfo struct {
	ID             string // its hash: it opens nothing
	Since, Expires time.Time
	Address, Agent string
	StandsIn       bool // staff in a customer's place
}

// ListSessions lists the browsers in which a person is signed in, newest first. Asked by the person, or by staff with
// the right user.edit or staff.edit.
func (s *Service) ListSessions(ctx context.Context, person string) ([]SessionInfo, error) {
	if !s.mayManage(ctx, person) {
		return nil, ErrForbidden
	}
	return s.store.sessions(ctx, person, s.wall.Now())
}

// RevokeSession ends one of them; one that is over already is no error. Asked as for ListSessions.
func (s *Service) RevokeSession(ctx context.Context, person, id string) error {
	if id == "" {
		return nil
	}
	return s.revoke(ctx, person, id)
}

// RevokeSessions ends every session of a person. Asked as for ListSessions.
func (s *Service) RevokeSessions(ctx context.Context, person string) error {
	return s.revoke(ctx, person, "")
}

func (s *Service) revoke(ctx context.Context, person, id string) error {
	if !s.mayManage(ctx, person) {
		return ErrForbidden
	}
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		if err := s.store.revokeSessions(ctx, person, id); err != nil {
			return err
		}
		return s.audit.Add(ctx, audit.Entry{Action: "session.revoke", Subject: person})
	})
	if err != nil {
		return fmt.Errorf("revoke sessions of %s: %w", person, err)
	}
	return nil
}

// Purge deletes what is over: sessions, links and counts. Tokens stay while the trail may name them.
func (s *Service) Purge(ctx context.Context) error {
	now := s.wall.Now()
	if err := s.store.purge(ctx, now, now.Add(-24*time.Hour)); err != nil {
		return fmt.Errorf("purge sessions: %w", err)
	}
	return nil
}
