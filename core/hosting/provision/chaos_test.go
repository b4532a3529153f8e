package provision

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/panel"
)

// rounds of chaos: few while somebody waits, two hundred where BURSAR_LONG is set.
func rounds() int {
	if os.Getenv("BURSAR_LONG") != "" {
		return 200
	}
	return 20
}

// killed is a process dying: nothing after it is run.
type killed struct{}

// Answers are lost, nothing is done, calls are cut and processes stopped at random points of a creation: each
// service ends with one account, without staff.
func TestKillsAtRandomPointsOfACreation(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		handles := []*db.DB{d, dbtest.Again(t, d)}
		w := newWorld(t, d)
		for round := range rounds() {
			dice := rand.New(rand.NewPCG(7, uint64(round)))
			sub := ids.Subscription(fmt.Sprintf("sub_%012d", round))
			w.fake.Waits, w.fake.After = dice.IntN(3), time.Duration(dice.IntN(2))*time.Second
			var stop context.CancelFunc // of the process that is at work
			trouble := func(answered bool) func(string, panel.Ref) error {
				return func(string, panel.Ref) error {
					switch dice.IntN(10) {
					case 0, 1:
						stop() // the process ends, and with it the call
						return context.Canceled
					case 2:
						return fault.New(fault.Unknown, "cut", "")
					case 3:
						if answered {
							return fmt.Errorf("unexpected EOF")
						}
						return fault.New(fault.Unavailable, "away", "")
					}
					return nil
				}
			}
			w.fake.before, w.fake.after = trouble(false), trouble(true)
			p := w.process(handles[0])
			op := w.plan(p, Create, sub, ids.Customer(fmt.Sprint("cus_", round)))
			for life := 0; w.op(p, op.ID).State.Open(); life++ {
				if life > 300 {
					t.Fatalf("round %d does not end: %+v", round, w.op(p, op.ID))
				}
				ctx, cancel := context.WithCancel(w.ctx)
				stop = cancel
				p = w.process(handles[life%2])
				for ctx.Err() == nil && w.op(p, op.ID).State.Open() {
					if _, err := p.queue.Drain(ctx); err != nil && ctx.Err() == nil {
						t.Fatal(err)
					}
					at, err := p.queue.NextDue(w.ctx)
					w.ok(err)
					if at.After(w.clock.Now()) {
						w.clock.Set(at)
					}
				}
				cancel()
			}
			w.want(p, op.ID, Done)
			if n := w.made("Create", sub); n != 1 {
				t.Errorf("round %d: %d accounts were made", round, n)
			}
			acc, err := p.Account(w.ctx, sub)
			w.ok(err)
			if acc.RemoteID != "fake-"+string(sub) || acc.Ways != 1 {
				t.Errorf("round %d: %+v", round, acc)
			}
		}
	})
}

// vendor is a panel that knows no IDs of ours: what an unanswered order left behind is told by its owner, its age
// and that it has no name yet. It makes servers in three steps.
type vendor struct {
	w       *world
	dice    *rand.Rand
	servers []*server
	n       int
}

type server struct {
	id, user, name, state string
	created               time.Time
}

// change does one thing at the vendor. The process may die before and after it, the request be cut before and after it.
func (v *vendor) change(do func()) error {
	at := v.dice.IntN(12)
	switch at {
	case 0:
		panic(killed{})
	case 1:
		return fault.New(fault.Unavailable, "away", "")
	case 2:
		return fault.New(fault.Unknown, "cut", "")
	}
	do()
	switch at {
	case 3, 4:
		panic(killed{})
	case 5, 6:
		return fault.New(fault.Unknown, "cut", "")
	}
	return nil
}

func (v *vendor) left(c panel.Creation) (*server, error) {
	var found []*server
	for _, s := range v.servers {
		if s.user == c.Customer.ID && (s.name == c.Service || (s.name == "" && !s.created.Before(c.Since()) && !slices.Contains(c.Known, s.id))) {
			found = append(found, s)
		}
	}
	switch len(found) {
	case 0:
		return nil, fault.New(fault.NotFound, "no_server", "")
	case 1:
		return found[0], nil
	}
	return nil, fault.New(fault.Unknown, "two_candidates", "")
}

func (v *vendor) get(id string) *server {
	return v.servers[slices.IndexFunc(v.servers, func(s *server) bool { return s.id == id })]
}

func (v *vendor) Check(context.Context) (sdk.Report, error) { return sdk.Report{}, nil }

func (v *vendor) Create(_ context.Context, c panel.Creation) (p panel.Progress, err error) {
	if c.Notes["server"] == "" {
		s, err := v.left(c)
		if fault.KindOf(err) == fault.NotFound {
			err = v.change(func() {
				v.n++
				s = &server{id: fmt.Sprint("srv-", v.n), user: c.Customer.ID, state: "allocated", created: v.w.clock.Now()}
				v.servers = append(v.servers, s)
			})
		}
		if err == nil {
			c.Notes["server"] = s.id
		}
		return panel.Progress{}, err
	}
	switch s := v.get(c.Notes["server"]); s.state {
	case "allocated":
		return panel.Again(10*time.Second, "Installing"), v.change(func() { s.name, s.state = c.Service, "ready" })
	default:
		if v.dice.IntN(4) == 0 {
			panic(killed{})
		}
		return panel.Progress{Done: true, RemoteID: s.id, Credentials: []panel.Credential{{Label: "root", Username: "root", Password: c.Password}}}, nil
	}
}

func (v *vendor) Find(_ context.Context, c panel.Creation) (panel.Account, error) {
	s, err := v.left(c)
	if err != nil {
		return panel.Account{}, err
	}
	return panel.Account{ID: s.id, Status: panel.Building}, nil
}

func (v *vendor) State(_ context.Context, r panel.Ref) (panel.Account, error) {
	return panel.Account{ID: r.RemoteID, Status: panel.Active}, nil
}

func (v *vendor) Suspend(context.Context, sdk.Op, panel.Ref, string) (panel.Progress, error) {
	return panel.Done(), nil
}

func (v *vendor) Unsuspend(context.Context, sdk.Op, panel.Ref) (panel.Progress, error) {
	return panel.Done(), nil
}

func (v *vendor) Terminate(context.Context, sdk.Op, panel.Ref) (panel.Progress, error) {
	return panel.Done(), nil
}

// Three services of one customer are ordered together from a vendor that cannot tell whose order is whose, and
// processes are killed at random points: each service gets a server of its own, and none is left over.
func TestKillsWithAVendorThatKnowsNoIDsOfOurs(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		processes := []process{w.process(d), w.process(dbtest.Again(t, d))}
		for round := range rounds() {
			dice := rand.New(rand.NewPCG(11, uint64(round)))
			v := &vendor{w: w, dice: dice, n: 1000 * round}
			w.panel = v
			c := ids.Customer(fmt.Sprint("cus_", round))
			due := map[ids.Op]time.Time{}
			var subs []ids.Subscription
			for i := range 3 {
				sub := ids.Subscription(fmt.Sprintf("sub_%09d%03d", round, i))
				due[w.plan(processes[0], Create, sub, c).ID] = w.clock.Now()
				subs = append(subs, sub)
			}
			for calls := 0; len(due) > 0; calls++ {
				if calls > 20_000 { // most of them wait in line
					t.Fatalf("round %d does not end", round)
				}
				var ready []ids.Op
				for op, at := range due {
					if !at.After(w.clock.Now()) {
						ready = append(ready, op)
					}
				}
				if len(ready) == 0 {
					w.clock.Set(slices.MinFunc(slices.Collect(maps.Values(due)), time.Time.Compare))
					continue
				}
				slices.Sort(ready)
				op := ready[dice.IntN(len(ready))]
				at, err := w.live(processes[calls%2], op)
				switch state := w.op(processes[0], op).State; {
				case state == Done:
					delete(due, op)
				case !state.Open():
					t.Fatalf("round %d is left to staff: %+v", round, w.op(processes[0], op))
				case err != nil:
					t.Fatal(err)
				default:
					due[op] = at
				}
			}
			accounts, err := processes[0].Accounts(w.ctx, subs)
			w.ok(err)
			for _, sub := range subs {
				if s := v.get(accounts[sub].RemoteID); s.name != string(sub) || s.state != "ready" {
					t.Errorf("round %d: %s has %+v", round, sub, s)
				}
			}
			if len(v.servers) != len(subs) {
				t.Errorf("round %d: %d servers for %d services", round, len(v.servers), len(subs))
			}
		}
	})
}

// live makes one step of an operation in a process that may be killed in the middle of it: then the job is taken
// over a minute later.
func (w *world) live(p process, op ids.Op) (at time.Time, err error) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(killed); !ok {
				panic(r)
			}
			at, err = w.clock.Now().Add(time.Minute), nil
		}
	}()
	return p.step(w.ctx, op)
}
