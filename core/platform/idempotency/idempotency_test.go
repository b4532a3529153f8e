package idempotency_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/platform/idempotency"
	"github.com/ezscale/bursar/core/platform/secret"
	"github.com/ezscale/bursar/sdk/fault"
)

var noon = time.Date(2027, 3, 10, 12, 0, 0, 0, time.UTC)

var order = idempotency.Request{Caller: "usr_1", Route: "POST /orders", Key: "a", Body: []byte("one server")}

func service(t *testing.T, d *db.DB, wall clock.Clock, wait time.Duration) *idempotency.Service {
	t.Helper()
	box, err := secret.New([]byte(strings.Repeat("k", secret.KeySize)))
	if err != nil {
		t.Fatal(err)
	}
	return idempotency.New(idempotency.Deps{DB: d, Box: box, Wall: wall, Wait: wait})
}

// worker counts how often it worked.
type worker struct{ n atomic.Int64 }

func (w *worker) work(context.Context) (idempotency.Answer, error) {
	return idempotency.Answer{Status: 201, Type: "application/json", Body: []byte{'0' + byte(w.n.Add(1))}}, nil
}

func text(a idempotency.Answer) string { return string(rune(a.Status)) + a.Type + string(a.Body) }

func TestManyAtOnceHaveOneEffectAndEqualAnswers(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		one, two := service(t, d, clock.At(noon), time.Minute), service(t, dbtest.Again(t, d), clock.At(noon), time.Minute)
		for _, whole := range []bool{false, true} {
			var w worker
			r := order
			r.Whole = whole
			if whole {
				r.Key = "whole"
			}
			answers := make([]string, 50)
			var all sync.WaitGroup
			for i := range answers {
				all.Go(func() {
					s := one
					if i%2 == 1 {
						s = two
					}
					a, err := s.Do(t.Context(), r, w.work)
					if err != nil {
						t.Error(err)
					}
					answers[i] = text(a)
				})
			}
			all.Wait()
			for _, a := range answers {
				if a != answers[0] {
					t.Fatalf("%q and %q", a, answers[0])
				}
			}
			if w.n.Load() != 1 {
				t.Errorf("%d effects", w.n.Load())
			}
		}
	})
}

func TestAnAnswerIsGivenAgain(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		wall := clock.At(noon)
		var w worker
		s := service(t, d, wall, time.Second)
		first, err := s.Do(t.Context(), order, w.work)
		if err != nil || first.Status != 201 {
			t.Fatal(first, err)
		}
		wall.Add(29 * 24 * time.Hour)
		restarted := service(t, dbtest.Again(t, d), wall, time.Second)
		again, err := restarted.Do(t.Context(), order, w.work)
		if err != nil || text(again) != text(first) {
			t.Errorf("after a restart: %v %v", again, err)
		}
		other := order
		other.Body = []byte("two servers")
		if _, err := s.Do(t.Context(), other, w.work); !errors.Is(err, idempotency.ErrOtherRequest) {
			t.Errorf("another body: %v", err)
		}
		for name, change := range map[string]func(*idempotency.Request){
			"another caller": func(r *idempotency.Request) { r.Caller = "usr_2" },
			"another route":  func(r *idempotency.Request) { r.Route = "POST /pay" },
			"another key":    func(r *idempotency.Request) { r.Key = "A" },
		} {
			r, before := order, w.n.Load()
			change(&r)
			if _, err := s.Do(t.Context(), r, w.work); err != nil || w.n.Load() != before+1 {
				t.Errorf("%s is another request: %v", name, err)
			}
		}
		// What is kept cannot be read in the database.
		var kept string
		if err := d.Read(t.Context()).QueryRowContext(t.Context(), `SELECT answer FROM idempotency_keys WHERE caller = 'usr_1' AND idem_key = 'a' AND route = 'POST /orders'`).Scan(&kept); err != nil || strings.Contains(kept, "json") {
			t.Errorf("%s %v", kept, err)
		}
		if n, err := s.Purge(t.Context(), wall.Now()); n != 0 || err != nil {
			t.Errorf("purged %d before their time, %v", n, err)
		}
		wall.Add(2 * 24 * time.Hour)
		if n, err := s.Purge(t.Context(), wall.Now()); n != 1 || err != nil {
			t.Errorf("purged %d, %v", n, err)
		}
	})
}

func TestWhatWasRefusedMayBeSentAgain(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := service(t, d, clock.At(noon), time.Second)
		soldOut := fault.New(fault.Declined, "sold_out", "")
		refuse := func(context.Context) (idempotency.Answer, error) { return idempotency.Answer{}, soldOut }
		if _, err := s.Do(t.Context(), order, refuse); !errors.Is(err, soldOut) {
			t.Fatal(err)
		}
		func() {
			defer func() { _ = recover() }()
			_, _ = s.Do(t.Context(), order, func(context.Context) (idempotency.Answer, error) { panic("a bug") })
		}()
		other := order
		other.Body = []byte("a smaller server")
		var w worker
		if a, err := s.Do(t.Context(), other, w.work); err != nil || string(a.Body) != "1" {
			t.Errorf("%v %v", a, err)
		}
	})
}

func TestARequestThatRunsIsNotDoneTwice(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		wall := clock.At(noon)
		s, impatient := service(t, d, wall, time.Minute), service(t, d, wall, time.Millisecond)
		var w worker
		began, goOn := make(chan bool), make(chan bool)
		slow := func(ctx context.Context) (idempotency.Answer, error) {
			began <- true
			<-goOn
			return w.work(ctx)
		}
		first := make(chan string)
		go func() {
			a, _ := s.Do(t.Context(), order, slow)
			first <- text(a)
		}()
		<-began
		if _, err := impatient.Do(t.Context(), order, w.work); !errors.Is(err, idempotency.ErrRunning) || fault.Of(err).After <= 0 {
			t.Errorf("%v", err)
		}
		// Its process seems dead: it is done again, and the one that was late gives the answer that was kept.
		wall.Add(time.Minute)
		a, err := impatient.Do(t.Context(), order, w.work)
		if err != nil || string(a.Body) != "1" {
			t.Errorf("taken over: %v %v", a, err)
		}
		goOn <- true
		if late := <-first; late != text(a) {
			t.Errorf("%q and %q", late, text(a))
		}
	})
}

func TestOneOfManyTakesOverFromTheDead(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		wall := clock.At(noon)
		s := service(t, d, wall, time.Minute)
		if _, err := d.Write(t.Context()).ExecContext(t.Context(), `INSERT INTO idempotency_keys (caller, route, idem_key, body_hash, state, status, answer, created_at) VALUES (?,?,?,?,'running',0,'',?)`,
			order.Caller, order.Route, order.Key, "4b05b1c5a1ac5c3e0de2c9eb2ad0d1d1", noon); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Do(t.Context(), order, nil); !errors.Is(err, idempotency.ErrOtherRequest) {
			t.Errorf("%v", err)
		}
		dead := order
		dead.Key = "dead"
		dying, die := context.WithCancel(t.Context())
		gone := make(chan error, 1)
		block := make(chan bool)
		go func() {
			_, err := s.Do(dying, dead, func(context.Context) (idempotency.Answer, error) {
				die()
				<-block // never answers, as after kill -9
				return idempotency.Answer{}, errors.New("too late")
			})
			gone <- err
		}()
		<-dying.Done()
		wall.Add(2 * time.Minute)
		var w worker
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if a, err := s.Do(t.Context(), dead, w.work); err != nil || string(a.Body) != "1" {
					t.Errorf("%v %v", a, err)
				}
			})
		}
		all.Wait()
		close(block)
		if err := <-gone; err == nil {
			t.Error("the dead spoke")
		}
		if a, err := s.Do(t.Context(), dead, w.work); err != nil || string(a.Body) != "1" {
			t.Errorf("a late failure drops the answer of another: %v %v", a, err)
		}
	})
}

func TestAWholeRequestLeavesAllOrNothing(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		wall := clock.At(noon)
		s := service(t, d, wall, time.Second)
		r := order
		r.Whole = true
		add := func(key string) func(context.Context) (idempotency.Answer, error) {
			return func(ctx context.Context) (idempotency.Answer, error) {
				_, err := d.Write(ctx).ExecContext(ctx, `INSERT INTO idempotency_keys (caller, route, idem_key, body_hash, state, status, answer, created_at) VALUES ('x','effect',?,'','done',0,'',?)`, key, noon)
				if err == nil && key == "bad" {
					err = fault.New(fault.Invalid, "bad", "")
				}
				return idempotency.Answer{Status: 201}, err
			}
		}
		if _, err := s.Do(t.Context(), r, add("bad")); err == nil {
			t.Error("an error is lost")
		}
		if _, err := s.Do(t.Context(), r, add("good")); err != nil {
			t.Error(err)
		}
		// Taken over while it ran: what it did is undone.
		r.Key = "slow"
		_, err := s.Do(t.Context(), r, func(ctx context.Context) (idempotency.Answer, error) {
			a, err := add("twice")(ctx)
			if err == nil {
				_, err = d.Write(ctx).ExecContext(ctx, `UPDATE idempotency_keys SET created_at = ? WHERE idem_key = 'slow'`, noon.Add(time.Hour))
			}
			return a, err
		})
		if !errors.Is(err, idempotency.ErrRunning) {
			t.Errorf("%v", err)
		}
		var n int
		if err := d.Read(t.Context()).QueryRowContext(t.Context(), `SELECT COUNT(*) FROM idempotency_keys WHERE route = 'effect'`).Scan(&n); err != nil || n != 1 {
			t.Errorf("%d effects, %v", n, err)
		}
	})
}

func TestKeys(t *testing.T) {
	d := dbtest.SQLite(t)
	s := service(t, d, clock.At(noon), time.Second)
	for _, key := range []string{"", strings.Repeat("k", 101), "line\nbreak", "ключ"} {
		r := order
		r.Key = key
		if _, err := s.Do(t.Context(), r, nil); !errors.Is(err, idempotency.ErrKey) {
			t.Errorf("%q: %v", key, err)
		}
	}
}
