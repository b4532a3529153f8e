package idempotency

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/platform/secret"
)

const (
	patience = time.Minute
	wait     = 10 * time.Second // for the first request with a key, before it is called running
	saving   = 10 * time.Second // to keep an answer, also when whoever asked is gone
)

// Deps is what the service uses.
type Deps struct {
	DB   *db.DB
	Box  *secret.Box
	Wall clock.Clock   // the computer's time: keys know nothing of a business that runs ahead
	Wait time.Duration // for a request that is running; 0 is 10 s
}

// Service keeps answers.
type Service struct {
	db    *db.DB
	store store
	box   *secret.Box
	wall  clock.Clock
	wait  time.Duration
}

// New makes the service.
func New(d Deps) *Service {
	if d.Wait == 0 {
		d.Wait = wait
	}
	return &Service{db: d.DB, store: store{db: d.DB}, box: d.Box, wall: d.Wall, wait: d.Wait}
}

// Do has work done, or answers what was kept. Who comes while the first is running waits for its answer a little. Only
// an answer without an error is kept: what was refused may be sent again under its key. A request that never answered,
// because its process died, is worked on again by whoever sends it next.
//
// Errors: ErrKey, ErrOtherRequest, ErrRunning; those of work.
func (s *Service) Do(ctx context.Context, r Request, work func(ctx context.Context) (Answer, error)) (Answer, error) {
	if err := r.check(); err != nil {
		return Answer{}, err
	}
	if r.Patience == 0 {
		r.Patience = patience
	}
	sum := sha256.Sum256(r.Body)
	hash := hex.EncodeToString(sum[:])
	began, kept, err := s.enter(ctx, r, hash)
	if err != nil {
		return Answer{}, err
	}
	if kept != nil {
		return s.open(r, *kept)
	}
	settled := false
	defer func() {
		if !settled { // it was refused, or it panicked: the next one tries anew
			ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), saving)
			defer stop()
			_ = s.store.drop(ctx, r, began) // if this fails, the row is taken over in time
		}
	}()
	a, err := s.run(ctx, r, began, work)
	if err != nil {
		return Answer{}, err
	}
	settled = true
	return a, nil
}

// run works and keeps the answer.
func (s *Service) run(ctx context.Context, r Request, began time.Time, work func(ctx context.Context) (Answer, error)) (a Answer, err error) {
	mine := true
	keep := func(ctx context.Context) error {
		sealed, err := s.box.SealJSON(place(r), a)
		if err != nil {
			return err
		}
		mine, err = s.store.finish(ctx, r, began, a.Status, sealed)
		return err
	}
	if r.Whole {
		err = s.db.Tx(ctx, func(ctx context.Context) error {
			if a, err = work(ctx); err != nil {
				return err
			}
			if err := keep(ctx); err != nil {
				return err
			}
			if !mine { // somebody took it over: this must not be done twice
				return ErrRunning
			}
			return nil
		})
		return a, err
	}
	if a, err = work(ctx); err != nil {
		return Answer{}, err
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), saving)
	defer stop()
	if err := keep(ctx); err != nil {
		return Answer{}, fmt.Errorf("keep the answer to %s: %w", r.Route, err)
	}
	if mine {
		return a, nil
	}
	// We took so long that somebody took over. All answers are the one that was kept first.
	if other, err := s.store.get(ctx, r); err == nil && other.state == done {
		return s.open(r, other)
	}
	return a, nil
}

// enter begins a request. kept is the row of one that was answered; without it the work is ours since began.
func (s *Service) enter(ctx context.Context, r Request, hash string) (began time.Time, kept *row, err error) {
	until := time.NewTimer(s.wait)
	defer until.Stop()
	free := true // as far as we know
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, 250*time.Millisecond) {
		now := s.wall.Now()
		if free {
			fresh, err := s.store.insert(ctx, r, hash, now)
			if err != nil || fresh {
				return now, nil, err
			}
		}
		was, err := s.store.get(ctx, r)
		free = errors.Is(err, errGone)
		switch {
		case free: // it was refused meanwhile
			continue
		case err != nil:
			return now, nil, err
		case was.hash != hash:
			return now, nil, ErrOtherRequest
		case was.state == done:
			return now, &was, nil
		case now.Sub(was.began) >= r.Patience:
			if mine, err := s.store.takeOver(ctx, r, was.began, now); err != nil || mine {
				return now, nil, err
			}
		}
		tick := time.NewTimer(pause)
		select {
		case <-tick.C:
		case <-until.C:
			tick.Stop()
			return now, nil, ErrRunning
		case <-ctx.Done():
			tick.Stop()
			return now, nil, ctx.Err()
		}
	}
}

func (s *Service) open(r Request, kept row) (a Answer, err error) {
	if err := s.box.OpenJSON(place(r), kept.answer, &a); err != nil {
		return Answer{}, fmt.Errorf("the kept answer to %s: %w", r.Route, err)
	}
	a.Status = kept.status
	return a, nil
}

func place(r Request) string {
	return "idempotency_keys:" + r.Caller + "/" + r.Route + "/" + r.Key + ":answer"
}

// Purge forgets requests that came before a time, which is at least Keep ago. It answers how many.
func (s *Service) Purge(ctx context.Context, before time.Time) (int64, error) {
	if latest := s.wall.Now().Add(-Keep); before.After(latest) {
		before = latest
	}
	return s.store.purge(ctx, before)
}
