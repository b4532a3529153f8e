package provision

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/outbox"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/platform/jobs"
	"github.com/ezscale/bursar/core/platform/secret"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/panel"
)

// Panels finds the panel of a plugin instance. A dead one answers fault.Unavailable, from here or from its calls.
type Panels interface {
	Panel(instance string) (panel.Panel, error)
}

// Customers reads a customer as plugins know them, without notes.
type Customers interface {
	SDK(ctx context.Context, id ids.Customer) (sdk.Customer, error)
}

// Pace says how long to wait. The zero Pace never waits; DefaultPace is for real panels.
type Pace struct {
	Doubt   time.Duration // after a lost answer, as the request may still be under way
	Queue   time.Duration // behind an earlier operation of the same account
	Least   time.Duration // between two calls of a panel that is at work
	Retry   time.Duration // first wait after "nothing was done"; doubles
	Longest time.Duration // of those
}

// DefaultPace is what a production host uses.
var DefaultPace = Pace{Doubt: 2 * time.Minute, Queue: 5 * time.Second, Least: time.Second, Retry: 5 * time.Second, Longest: 10 * time.Minute}

// After is the wait that a panel asked for; zero is at once.
func (p Pace) After(wanted time.Duration) time.Duration {
	if wanted == 0 {
		return 0
	}
	return max(wanted, p.Least)
}

// Backoff is the wait before the n-th call, unless the panel named one.
func (p Pace) Backoff(n int, named time.Duration) time.Duration {
	return max(named, min(p.Retry<<min(n-1, 16), p.Longest))
}

// Deps is what the service uses.
type Deps struct {
	DB        *db.DB
	Outbox    *outbox.Outbox
	Jobs      *jobs.Queue
	Audit     *audit.Service
	Box       *secret.Box
	Clock     clock.Clock
	Panels    Panels
	Customers Customers
	Pace      Pace
}

// Service holds the rules for operations and accounts.
type Service struct {
	db        *db.DB
	store     store
	outbox    *outbox.Outbox
	jobs      *jobs.Queue
	audit     *audit.Service
	box       *secret.Box
	clock     clock.Clock
	panels    Panels
	customers Customers
	pace      Pace
}

// New makes the service and names it as the worker of its jobs.
func New(d Deps) *Service {
	s := &Service{
		db: d.DB, store: store{db: d.DB}, outbox: d.Outbox, jobs: d.Jobs, audit: d.Audit, box: d.Box,
		clock: d.Clock, panels: d.Panels, customers: d.Customers, pace: d.Pace,
	}
	d.Jobs.Handle(jobKind, s.work)
	return s
}

const jobKind = "provision"

// Plan saves an operation and the job that carries it out, in the caller's transaction if there is one.
// A cause that was planned before answers its operation and changes nothing.
func (s *Service) Plan(ctx context.Context, r Request) (op Operation, err error) {
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		known, err := s.store.byCause(ctx, r.CauseKey)
		if err == nil {
			op = known
			return nil
		}
		if fault.KindOf(err) != fault.NotFound {
			return err
		}
		op = Operation{
			ID: ids.New[ids.Op](), Subscription: r.Subscription, Customer: r.Customer, Instance: r.Instance, Kind: r.Kind,
			State: Queued, CauseKey: r.CauseKey, Actor: r.Actor, Created: s.clock.Now(), Version: 1,
		}
		op.request = frozen{Product: r.Product, Checkout: r.Checkout, Reason: r.Reason, Power: r.Power}
		switch r.Kind {
		case Create:
			if err := s.prepare(ctx, &op, r.Label); err != nil {
				return err
			}
		case Password, Reinstall:
			if op.request.Password, err = drawPassword(); err != nil {
				return err
			}
		}
		return s.begin(ctx, op)
	})
	if err != nil {
		return Operation{}, fmt.Errorf("plan %s of %s: %w", r.Kind, r.Subscription, err)
	}
	return op, nil
}

// prepare freezes what a creation says: user name and password. The accounts that are not ours to take are known
// when it begins; see know.
func (s *Service) prepare(ctx context.Context, op *Operation, label string) error {
	password, err := drawPassword()
	if err != nil {
		return err
	}
	acc := Account{
		Subscription: op.Subscription, Customer: op.Customer, Instance: op.Instance, Username: drawUsername(op.Subscription),
		Hostname: label, Status: panel.Building, Created: op.Created, Version: 1, notes: map[string]string{},
	}
	op.request.Username, op.request.Password = acc.Username, password
	return s.insertAccount(ctx, acc)
}

// know freezes, just before the first call, which accounts of the customer a creation must not take up: an
// account that was ordered together with this one may have been made since.
func (s *Service) know(ctx context.Context, op *Operation) (err error) {
	if op.request.Known, err = s.store.remoteIDs(ctx, op.Customer, op.Instance, op.Subscription); err != nil {
		return err
	}
	if err := s.seal(op); err != nil {
		return err
	}
	return s.store.saveRequest(ctx, *op)
}

// seal writes the request of an operation into its sealed text.
func (s *Service) seal(op *Operation) error {
	plain, err := json.Marshal(op.request)
	if err != nil {
		return err
	}
	op.sealed, err = s.box.Seal("operations:"+string(op.ID)+":request", plain)
	return err
}

// begin saves the sealed operation and its job.
func (s *Service) begin(ctx context.Context, op Operation) error {
	if err := s.seal(&op); err != nil {
		return err
	}
	if err := s.store.insert(ctx, op); err != nil {
		return err
	}
	return s.enqueue(ctx, op, s.clock.Now())
}

// open reads the sealed request of an operation.
func (s *Service) open(op *Operation) error {
	plain, err := s.box.Open("operations:"+string(op.ID)+":request", op.sealed)
	if err != nil {
		return fmt.Errorf("open request of %s: %w", op.ID, err)
	}
	return json.Unmarshal(plain, &op.request)
}

// Retry lets staff try again what stopped. A creation that the panel refused begins anew under a new
// operation ID, as panels tell a new wish from a repeated one by it; all else goes on under its own, with the
// time of its first call: what was made since may be ours. Errors: ErrNotRetry; ErrEnded for a creation whose
// service was ended meanwhile.
func (s *Service) Retry(ctx context.Context, id ids.Op, actor string) (op Operation, err error) {
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		old, err := s.store.lock(ctx, id)
		if err != nil {
			return err
		}
		if old.State != Failed && old.State != Stuck {
			return ErrNotRetry
		}
		if err := s.open(&old); err != nil {
			return err
		}
		if old.Kind == Create {
			switch ended, err := s.store.ended(ctx, old.Subscription); {
			case err != nil:
				return err
			case ended:
				return ErrEnded
			}
		}
		now := s.clock.Now()
		if old.State == Stuck || old.Kind != Create {
			if old.State, err = life.Next(old.State, Retry); err != nil {
				return err
			}
			old.Next, old.Ended, old.Fault.Detail = now, time.Time{}, ""
			if err := s.store.save(ctx, old); err != nil {
				return err
			}
			line := Call{Operation: old.ID, Subscription: old.Subscription, Instance: old.Instance, Method: methodRetry, Attempt: old.Calls, At: now, Outcome: "pending", Detail: "tried again by " + actor}
			if err := s.store.log(ctx, line); err != nil {
				return err
			}
			op = old
			op.Version++
			return s.enqueue(ctx, old, now)
		}
		if old.State, err = life.Next(old.State, Drop); err != nil {
			return err
		}
		if err := s.store.save(ctx, old); err != nil {
			return err
		}
		op = old
		op.ID, op.State, op.Actor, op.Created, op.Version = ids.New[ids.Op](), Queued, actor, now, 1
		op.CauseKey = nextCause(old.CauseKey)
		op.Calls, op.First, op.Next, op.Ended, op.Fault, op.Warnings = 0, time.Time{}, time.Time{}, time.Time{}, fault.Fault{}, nil
		return s.begin(ctx, op)
	})
	if err != nil {
		return Operation{}, fmt.Errorf("retry operation %s: %w", id, err)
	}
	return op, nil
}

// Get reads one operation.
func (s *Service) Get(ctx context.Context, id ids.Op) (Operation, error) { return s.store.get(ctx, id) }

// List answers one page of operations in at most two queries.
func (s *Service) List(ctx context.Context, f Filter) (Page, error) { return s.store.list(ctx, f) }

// Latest reads the newest operation of each subscription.
func (s *Service) Latest(ctx context.Context, subs []ids.Subscription) (map[ids.Subscription]Operation, error) {
	return s.store.latest(ctx, subs)
}

// Log lists the newest calls about a subscription.
func (s *Service) Log(ctx context.Context, sub ids.Subscription, limit int) ([]Call, error) {
	return s.store.calls(ctx, sub, limit)
}

// Counts says how many operations are in each state that is not over.
func (s *Service) Counts(ctx context.Context) (map[State]int, error) { return s.store.counts(ctx) }

// nextCause marks a retry: "create:sub_1" becomes "create:sub_1#2", then "#3".
func nextCause(key string) string {
	base, n := key, 1
	if at := strings.LastIndexByte(key, '#'); at > 0 {
		base = key[:at]
		fmt.Sscanf(key[at+1:], "%d", &n)
	}
	return fmt.Sprintf("%s#%d", base, n+1)
}

const passwordLetters = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"

// drawPassword draws 24 letters and digits without look-alikes; at least one of each class.
func drawPassword() (string, error) {
	for {
		out := make([]byte, 24)
		for i := range out {
			n, err := rand.Int(rand.Reader, big.NewInt(int64(len(passwordLetters))))
			if err != nil {
				return "", fmt.Errorf("draw password: %w", err)
			}
			out[i] = passwordLetters[n.Int64()]
		}
		p := string(out)
		if strings.ContainsAny(p, "23456789") && strings.ContainsAny(p, "ABCDEFGHJKLMNPQRSTUVWXYZ") && strings.ContainsAny(p, "abcdefghijkmnopqrstuvwxyz") {
			return p, nil
		}
	}
}

// drawUsername makes a user name of the subscription's own random part: a-z 0-9, at most 16, starting with a letter.
func drawUsername(id ids.Subscription) string {
	tail := strings.ToLower(string(id))
	return "u" + tail[len(tail)-12:]
}
