package provision

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/panel"
)

func TestTheLifeOfAnOperation(t *testing.T) {
	if err := life.Check(Queued); err != nil {
		t.Fatal(err)
	}
	want := map[State]string{
		Queued: "ask=calling fail=failed finish=done park=stuck", Calling: "answer=running ask=calling fail=failed finish=done park=stuck",
		Running: "ask=calling fail=failed finish=done park=stuck", Failed: "drop=dropped retry=queued", Stuck: "drop=dropped retry=running", Done: "", Dropped: "",
	}
	got := map[State]string{}
	life.Walk(func(s State, a Action, next State, ok bool) {
		if got[s] += ""; ok {
			got[s] = strings.TrimSpace(got[s] + " " + string(a) + "=" + string(next))
		}
		if (Operation{State: s}).Allows(a) != ok {
			t.Errorf("%s while %s", a, s)
		}
	})
	for s, row := range want {
		if got[s] != row {
			t.Errorf("%s: %s, want %s", s, got[s], row)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%v", got)
	}
}

func TestCreateChangeAndEnd(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		p := w.process(d)
		w.fake.Waits, w.fake.After = 3, 10*time.Second
		op := w.plan(p, Create, "sub_000000000001", "cus_1")
		if again := w.plan(p, Create, "sub_000000000001", "cus_1"); again.ID != op.ID {
			t.Fatal("one cause, two operations")
		}
		w.run(p, time.Hour)
		op = w.want(p, op.ID, Done)
		if op.Calls != 4 || op.Percent != 100 || !w.clock.Now().Equal(start.Add(30*time.Second)) {
			t.Errorf("%d calls until %s", op.Calls, w.clock.Now())
		}
		acc, err := p.Account(w.ctx, "sub_000000000001")
		w.ok(err)
		if acc.RemoteID != "fake-sub_000000000001" || acc.Status != panel.Active || acc.Ways != 1 || acc.Seen.IsZero() || acc.Hostname != "web-1.example.com" || acc.notes["id"] != "fake-sub_000000000001" {
			t.Errorf("%+v", acc)
		}
		w.plan(p, Suspend, "sub_000000000001", "cus_1")
		w.plan(p, Unsuspend, "sub_000000000001", "cus_1") // planned together, done in this order
		w.run(p, time.Hour)
		if a, _ := w.fake.Account("sub_000000000001"); a.Status != panel.Active || w.made("Suspend", "sub_000000000001") != 1 || w.made("Unsuspend", "sub_000000000001") != 1 {
			t.Errorf("%+v", a)
		}
		w.plan(p, Terminate, "sub_000000000001", "cus_1")
		w.run(p, time.Hour)
		if _, there := w.fake.Account("sub_000000000001"); there {
			t.Error("it is still there")
		}
		if acc, err := p.Account(w.ctx, "sub_000000000001"); err != nil || acc.Status != panel.Gone {
			t.Error(acc.Status, err)
		}
		if want := []string{"provision.done create", "provision.done suspend", "provision.done unsuspend", "provision.done terminate"}; !slices.Equal(w.told, want) {
			t.Errorf("%q", w.told)
		}
		if n := w.made("Create", "sub_000000000001"); n != 1 {
			t.Errorf("%d accounts were made", n)
		}
	})
}

// What a panel answers becomes done, failed, or a doubt that is looked into; a doubt becomes neither success nor failure.
func TestAnswersOfPanels(t *testing.T) {
	gone := func(w *world) { w.panel = nil }
	unknown := fault.New(fault.Unknown, "cut", "")
	tests := []struct {
		name  string
		set   func(w *world)
		after func(w *world) // once the first call was made
		state State
		code  string
		calls int // at least
		made  int
	}{
		{name: "refused", set: func(w *world) { w.fake.Fail("Create", fault.New(fault.Declined, "out_of_stock", "Sold out.")) }, state: Failed, code: "out_of_stock", calls: 1},
		{name: "nothing was done, for a while", set: func(w *world) {
			w.fake.Fail("Create", slices.Repeat([]error{fault.New(fault.Unavailable, "away", "")}, 20)...)
		}, state: Done, calls: 21, made: 1},
		{name: "the answer was lost", set: func(w *world) { w.fake.Lose("Create", unknown) }, state: Done, calls: 2, made: 1},
		{name: "nobody knows, and nothing was done", set: func(w *world) { w.fake.Fail("Create", unknown) }, state: Done, calls: 2, made: 1},
		{name: "an error of nobody's", set: func(w *world) { w.fake.Lose("Create", errors.New("EOF")) }, state: Done, calls: 2, made: 1},
		{name: "a bug of the plugin's", set: func(w *world) { w.fake.Lose("Create", fault.New(fault.Internal, "nil", "")) }, state: Done, calls: 2, made: 1},
		{name: "never an answer", set: func(w *world) { w.fake.Lose("Create", slices.Repeat([]error{unknown}, 12)...) }, state: Stuck, code: "cut", calls: 12, made: 1},
		{name: "lost, and two things fit", set: func(w *world) {
			w.fake.Lose("Create", unknown)
			w.fake.Fail("Find", fault.New(fault.Unknown, "two_candidates", ""))
		}, state: Stuck, code: "two_candidates", calls: 2, made: 1},
		{name: "two things fit, says the creation", set: func(w *world) { w.fake.Fail("Create", fault.New(fault.Unknown, "two_candidates", "")) }, state: Stuck, code: "two_candidates", calls: 1},
		{name: "lost, and the panel is away for hours", set: func(w *world) {
			w.fake.Lose("Create", unknown)
			w.fake.Fail("Find", slices.Repeat([]error{fault.New(fault.Unavailable, "away", "")}, 30)...)
		}, state: Done, calls: 32, made: 1},
		{name: "lost, and the look is lost too", set: func(w *world) {
			w.fake.Lose("Create", unknown)
			w.fake.Fail("Find", slices.Repeat([]error{unknown}, 15)...)
		}, state: Done, calls: 17, made: 1},
		{name: "lost, and the panel bars us from looking", set: func(w *world) {
			w.fake.Lose("Create", unknown)
			w.fake.Fail("Find", fault.New(fault.Forbidden, "token", ""))
		}, state: Stuck, code: "look_refused", calls: 2, made: 1},
		{name: "lost, and the instance is gone from the settings", set: func(w *world) { w.fake.Lose("Create", unknown) }, after: gone, state: Stuck, code: "look_refused", calls: 2, made: 1},
		{name: "the instance was never there", set: gone, state: Failed, code: "instance_not_found", calls: 1},
		{name: "building without an end", set: func(w *world) { w.fake.Waits, w.fake.After = 1<<30, time.Hour }, state: Stuck, calls: 26, made: 1},
		{name: "again at once without an end", set: func(w *world) { w.fake.Waits = 1 << 30 }, state: Stuck, calls: 200, made: 1},
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		for i, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				w := newWorld(t, d)
				p := w.process(d)
				sub := ids.Subscription(fmt.Sprint("sub_00000000000", i))
				tt.set(w)
				if tt.after != nil {
					w.fake.after = func(string, panel.Ref) error { tt.after(w); return nil }
				}
				op := w.plan(p, Create, sub, ids.Customer(fmt.Sprint("cus_", i)))
				w.run(p, 48*time.Hour)
				op = w.want(p, op.ID, tt.state)
				if op.Fault.Code != tt.code || op.Calls != tt.calls || w.made("Create", sub) != tt.made || op.Ended.IsZero() {
					t.Errorf("%d calls, %d made, fault %+v", op.Calls, w.made("Create", sub), op.Fault)
				}
				for _, c := range w.fake.asked {
					if c.ID != string(op.ID) || !c.First.Equal(start) || c.Password.Reveal() != w.fake.asked[0].Password.Reveal() {
						t.Errorf("not the same wish: %+v", c.Op)
					}
				}
				told := map[State]string{Done: "provision.done create", Failed: "provision.failed create", Stuck: "provision.failed create"}
				if !slices.Equal(w.told, []string{told[tt.state]}) {
					t.Errorf("%q", w.told)
				}
			})
		}
	})
}

// After a lost answer two minutes pass before the panel is asked.
func TestALostAnswerIsGivenTime(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		p := w.process(d)
		w.fake.Lose("Create", fault.New(fault.Unknown, "cut", ""))
		op := w.plan(p, Create, "sub_000000000001", "cus_1")
		w.run(p, 2*time.Minute-time.Microsecond)
		w.want(p, op.ID, Running)
		w.run(p, time.Hour)
		w.want(p, op.ID, Done)
		if !w.clock.Now().Equal(start.Add(2 * time.Minute)) {
			t.Error(w.clock.Now())
		}
	})
}

// Staff tries a stuck creation again: the same wish with the time of its first call, however long ago, and as many calls
// and as much time as a new one.
func TestAStuckCreationGoesOnUnderItsOwnName(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		p := w.process(d)
		w.fake.Fail("Create", slices.Repeat([]error{fault.New(fault.Unknown, "cut", "")}, 12)...)
		op := w.plan(p, Create, "sub_000000000001", "cus_1")
		w.run(p, 48*time.Hour)
		w.want(p, op.ID, Stuck)
		w.clock.Add(72 * time.Hour)
		w.fake.Waits, w.fake.After = 20, time.Hour
		again, err := p.Retry(w.ctx, op.ID, "stf_1")
		w.ok(err)
		if again.ID != op.ID {
			t.Fatal("another operation")
		}
		if _, err := p.Retry(w.ctx, op.ID, "stf_1"); !errors.Is(err, ErrNotRetry) {
			t.Errorf("tried again while it runs: %v", err)
		}
		w.run(p, 48*time.Hour)
		op = w.want(p, op.ID, Done)
		if op.Calls != 12+21 || w.made("Create", "sub_000000000001") != 1 {
			t.Errorf("%d calls", op.Calls)
		}
		for i, c := range w.fake.asked {
			if c.ID != string(op.ID) || !c.First.Equal(start) || c.Attempt != i+1 {
				t.Errorf("call %d: %+v", i+1, c.Op)
			}
		}
		if _, err := p.Retry(w.ctx, op.ID, "stf_1"); !errors.Is(err, ErrNotRetry) {
			t.Errorf("done and tried again: %v", err)
		}
	})
}

// A creation that was refused begins anew: a new wish, as panels refuse a repeated one again.
func TestAFailedCreationBeginsAnew(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		p := w.process(d)
		w.fake.Fail("Create", fault.New(fault.Declined, "out_of_stock", ""), fault.New(fault.Declined, "out_of_stock", ""))
		op := w.plan(p, Create, "sub_000000000001", "cus_1")
		for range 2 {
			w.run(p, time.Hour)
			w.want(p, op.ID, Failed)
			next, err := p.Retry(w.ctx, op.ID, "stf_1")
			w.ok(err)
			if next.ID == op.ID || next.CauseKey == op.CauseKey || next.Actor != "stf_1" {
				t.Fatalf("%+v", next)
			}
			w.want(p, op.ID, Dropped)
			op = next
		}
		if op.CauseKey != "create:sub_000000000001#3" {
			t.Error(op.CauseKey)
		}
		if known := w.plan(p, Create, "sub_000000000001", "cus_1"); known.State != Dropped {
			t.Errorf("the cause is planned a second time: %+v", known)
		}
		w.run(p, time.Hour)
		w.want(p, op.ID, Done)
		if c := w.fake.asked; len(c) != 3 || c[2].Username != c[0].Username || c[2].Password.Reveal() != c[0].Password.Reveal() || w.made("Create", "sub_000000000001") != 1 {
			t.Errorf("%d calls", len(c))
		}
		w.fake.Fail("Suspend", fault.New(fault.Conflict, "busy", ""))
		stop := w.plan(p, Suspend, "sub_000000000001", "cus_1")
		w.run(p, time.Hour)
		w.want(p, stop.ID, Failed)
		same, err := p.Retry(w.ctx, stop.ID, "stf_1")
		w.ok(err)
		w.run(p, time.Hour)
		w.want(p, same.ID, Done)
		if same.ID != stop.ID {
			t.Error("another suspension")
		}
	})
}

// Ending a service finds and ends what a creation left behind whose answer never came; nothing is made afterwards.
func TestEndingFindsWhatALostCreationLeft(t *testing.T) {
	tests := []struct {
		name   string
		set    func(w *world)
		create State
		made   int
	}{
		{"it was made", func(w *world) {
			w.fake.Lose("Create", slices.Repeat([]error{fault.New(fault.Unknown, "cut", "")}, 12)...)
		}, Stuck, 1},
		{"it was not made", func(w *world) {
			w.fake.Fail("Create", slices.Repeat([]error{fault.New(fault.Unknown, "cut", "")}, 12)...)
		}, Stuck, 0},
		{"it was refused", func(w *world) { w.fake.Fail("Create", fault.New(fault.Declined, "out_of_stock", "")) }, Failed, 0},
		{"it is under way", func(w *world) { w.fake.Waits, w.fake.After = 5, time.Minute }, Running, 1},
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		for i, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				w := newWorld(t, d)
				p := w.process(d)
				sub := ids.Subscription(fmt.Sprint("sub_00000000000", i))
				tt.set(w)
				op := w.plan(p, Create, sub, "cus_1")
				if tt.create == Running {
					w.run(p, 2*time.Minute)
				} else {
					w.run(p, 24*time.Hour)
				}
				w.want(p, op.ID, tt.create)
				w.fake.Fail("Find", fault.New(fault.Unavailable, "away", ""))
				end := w.plan(p, Terminate, sub, "cus_1")
				w.run(p, 24*time.Hour)
				w.want(p, end.ID, Done)
				if _, there := w.fake.Account(string(sub)); there || w.made("Create", sub) != tt.made || w.made("Terminate", sub) != tt.made {
					t.Errorf("there %t, %v", there, w.fake.Journal())
				}
				if tt.create != Running {
					if _, err := p.Retry(w.ctx, op.ID, "stf_1"); !errors.Is(err, ErrEnded) {
						t.Errorf("made after its end: %v", err)
					}
				}
			})
		}
	})
}

func TestEndingWhatThePanelNeverHeardOfAsksNobody(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		p := w.process(d)
		w.panel = nil
		w.plan(p, Create, "sub_000000000001", "cus_1")
		w.exec("UPDATE operations SET state = 'failed'") // before the first call
		w.panel = w.fake
		w.fake.before = func(method string, _ panel.Ref) error { t.Errorf("%s was called", method); return nil }
		end := w.plan(p, Terminate, "sub_000000000001", "cus_1")
		w.run(p, time.Hour)
		w.want(p, end.ID, Done)
	})
}

func (w *world) exec(query string) {
	w.t.Helper()
	_, err := w.d.Write(w.ctx).ExecContext(w.ctx, query)
	w.ok(err)
}

// Calls for one account never overlap, nor do the creations of one customer, with two processes at work.
func TestCallsForOneAccountNeverOverlap(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		var mu sync.Mutex
		busy := map[string]int{}
		var creating []string // services of cus_1 whose creation began and did not end
		count := func(r panel.Ref, n int) {
			mu.Lock()
			defer mu.Unlock()
			for _, key := range []string{r.Service, r.Customer.ID} {
				if busy[key] += n; busy[key] > 1 {
					t.Errorf("two calls about %s at once", key)
				}
			}
		}
		w.fake.Waits = 2
		w.fake.before = func(method string, r panel.Ref) error {
			count(r, 1)
			mu.Lock()
			defer mu.Unlock()
			if method == "Create" && !slices.Contains(creating, r.Service) {
				creating = append(creating, r.Service)
			}
			return nil
		}
		w.fake.after = func(_ string, r panel.Ref) error { count(r, -1); return nil }
		processes := []process{w.process(d), w.process(dbtest.Again(t, d))}
		var ops []Operation
		for i := range 6 {
			sub := ids.Subscription(fmt.Sprint("sub_00000000000", i))
			for _, kind := range []Kind{Create, Suspend, Unsuspend} {
				ops = append(ops, w.plan(processes[i%2], kind, sub, ids.Customer(fmt.Sprint("cus_", i%3))))
			}
		}
		for range 40 {
			var wg sync.WaitGroup
			for _, p := range processes {
				wg.Go(func() {
					if _, err := p.queue.Drain(w.ctx); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			w.clock.Add(time.Second)
		}
		for _, op := range ops {
			w.want(processes[0], op.ID, Done)
		}
		for i := range 6 {
			if a, ok := w.fake.Account(fmt.Sprint("sub_00000000000", i)); !ok || a.Status != panel.Active {
				t.Errorf("%+v: not in the order in which they were asked for", a)
			}
		}
	})
}

// An operation that has begun goes first, also if another node's clock gave a later one a smaller ID.
func TestWhatHasBegunGoesFirst(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		p := w.process(d)
		w.fake.Waits, w.fake.After = 3, time.Minute
		op := w.plan(p, Create, "sub_000000000001", "cus_1")
		w.run(p, time.Minute)
		end := w.plan(p, Terminate, "sub_000000000001", "cus_1")
		w.exec("UPDATE operations SET id = 'op_0' WHERE kind = 'terminate'")
		w.exec(`UPDATE jobs SET payload = '{"operation":"op_0"}' WHERE payload LIKE '%` + string(end.ID) + `%'`)
		w.exec("UPDATE jobs SET run_at = '2027-01-31 09:00:00.000000' WHERE state = 'waiting'")
		if _, err := p.step(w.ctx, "op_0"); err != nil {
			t.Fatal(err)
		}
		if _, there := w.fake.Account("sub_000000000001"); !there || w.op(p, op.ID).State != Running {
			t.Fatal("ended in the middle of its creation")
		}
	})
}

// A zombie's answer, which comes after another worker took the operation over, changes nothing.
func TestAZombiesAnswerIsNotHeard(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		p, other := w.process(d), w.process(dbtest.Again(t, d))
		w.plan(p, Create, "sub_000000000001", "cus_1")
		id := w.latest(p, "sub_000000000001").ID
		op, acc, _, err := p.intend(w.ctx, id)
		w.ok(err)
		acc.notes["id"] = "from a zombie"
		w.clock.Add(2 * time.Minute)
		if again, err := other.step(w.ctx, id); err != nil || !again.IsZero() {
			t.Fatal(again, err)
		}
		before := w.everything()
		zombie := answer{method: "create", progress: panel.Progress{RemoteID: "zombie"}, customer: sdk.Notes{"user": "zombie"}}
		if _, err := p.conclude(w.ctx, op, acc, zombie, nil); fault.KindOf(err) != fault.Conflict {
			t.Errorf("%v", err)
		}
		if _, err := p.conclude(w.ctx, op, acc, zombie, fault.New(fault.Declined, "x", "")); fault.KindOf(err) != fault.Conflict {
			t.Errorf("%v", err)
		}
		if w.everything() != before {
			t.Error("it changed something")
		}
	})
}

func (w *world) latest(p process, sub ids.Subscription) Operation {
	w.t.Helper()
	m, err := p.Latest(w.ctx, []ids.Subscription{sub})
	w.ok(err)
	return m[sub]
}

func TestCredentialsAreShownOnceAndNoTableHasThem(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		p, other := w.process(d), w.process(dbtest.Again(t, d))
		var password string
		tell := func(method string, r panel.Ref) error { // a chatty plugin
			if method == "Create" && password == "" {
				password = w.fake.asked[0].Password.Reveal()
				return fault.New(fault.Unknown, "cut", "we set "+password).Because(fmt.Errorf("POST password=%s: EOF", password))
			}
			return nil
		}
		w.fake.after = tell
		op := w.plan(p, Create, "sub_000000000001", "cus_1")
		w.run(p, time.Hour)
		w.want(p, op.ID, Done)
		if strings.Contains(w.everything(), password) || len(password) != 24 {
			t.Errorf("the password %q lies open in a table", password)
		}
		shown := make(chan []Credential, 8)
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				ways, err := []process{p, other}[i%2].Reveal(w.ctx, "sub_000000000001")
				switch {
				case err == nil:
					shown <- ways
				case !errors.Is(err, ErrShown) || ways != nil:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if len(shown) != 1 {
			t.Fatalf("shown %d times", len(shown))
		}
		if ways := <-shown; len(ways) != 1 || ways[0].Secret != password || ways[0].Username != "root" {
			t.Errorf("%d ways", len(ways))
		}
		if acc, err := p.Account(w.ctx, "sub_000000000001"); err != nil || acc.Ways != 0 {
			t.Error(acc.Ways, err)
		}
		reset := w.plan(p, Password, "sub_000000000001", "cus_1")
		w.run(p, time.Hour)
		w.want(p, reset.ID, Done)
		oops := errors.New("oops")
		if err := d.Tx(w.ctx, func(ctx context.Context) error {
			_, err := p.Reveal(ctx, "sub_000000000001")
			w.ok(err)
			return oops
		}); !errors.Is(err, oops) {
			t.Fatal(err)
		}
		ways, err := p.Reveal(w.ctx, "sub_000000000001")
		w.ok(err)
		if len(ways) != 1 || ways[0].Secret == password || strings.Contains(w.everything(), ways[0].Secret) {
			t.Error("the new password")
		}
		calls, err := p.Log(w.ctx, "sub_000000000001", 10)
		w.ok(err)
		if len(calls) != 3 || calls[2].Outcome != "unknown" || !strings.Contains(calls[2].Detail, "***") || calls[1].Method != "create" || calls[1].Outcome != "done" {
			t.Errorf("%+v", calls)
		}
	})
}

// A look at the account beside an operation that ends meanwhile neither fails nor puts the older picture over the newer.
func TestALookBesideAChange(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		p := w.process(d)
		w.plan(p, Create, "sub_000000000001", "cus_1")
		w.run(p, time.Hour)
		other := w.process(dbtest.Again(t, d))
		var once atomic.Bool
		w.fake.after = func(method string, _ panel.Ref) error {
			if method == "State" && once.CompareAndSwap(false, true) { // the picture is taken, and then it changes
				w.plan(other, Suspend, "sub_000000000001", "cus_1")
				w.run(other, time.Hour)
			}
			return nil
		}
		acc, err := p.Refresh(w.ctx, "sub_000000000001")
		w.ok(err)
		if acc.Status != panel.Suspended {
			t.Errorf("answers %s", acc.Status)
		}
		saved, err := p.Account(w.ctx, "sub_000000000001")
		w.ok(err)
		if saved.Status != panel.Suspended || saved.RemoteID != "fake-sub_000000000001" || saved.Ways != 1 {
			t.Errorf("%+v", saved)
		}
		w.fake.Put(panel.Account{ID: "fake-sub_000000000001", Service: "sub_000000000001", Status: panel.Active, Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.7/32"), netip.MustParsePrefix("2001:db8::/64")}})
		acc, err = p.Refresh(w.ctx, "sub_000000000001")
		w.ok(err)
		if acc.Status != panel.Active || !slices.Equal(acc.Addresses, []string{"192.0.2.7", "2001:db8::/64"}) {
			t.Errorf("%+v", acc)
		}
		w.fake.Fail("State", fault.New(fault.Unavailable, "away", ""))
		if _, err := p.Refresh(w.ctx, "sub_000000000001"); fault.KindOf(err) != fault.Unavailable {
			t.Error(err)
		}
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				if _, err := []process{p, other}[i%2].Refresh(w.ctx, "sub_000000000001"); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
}

// Two services that were ordered together: the second knows the account of the first, which it must not take up.
func TestACreationKnowsWhatWasMadeSinceItWasPlanned(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		p := w.process(d)
		w.fake.Waits, w.fake.After = 1, time.Second
		w.plan(p, Create, "sub_000000000001", "cus_1")
		w.plan(p, Create, "sub_000000000002", "cus_1")
		w.plan(p, Create, "sub_000000000003", "cus_2")
		w.run(p, time.Hour)
		known := map[string][]string{}
		for _, c := range w.fake.asked {
			if before, ok := known[c.Service]; ok && !slices.Equal(before, c.Known) {
				t.Errorf("the wish of %s changed: %v, %v", c.Service, before, c.Known)
			}
			known[c.Service] = c.Known
		}
		if len(known["sub_000000000001"]) != 0 || !slices.Equal(known["sub_000000000002"], []string{"fake-sub_000000000001"}) || len(known["sub_000000000003"]) != 0 {
			t.Errorf("%v", known)
		}
	})
}

// An account that another service has is given to nobody else: a person looks.
func TestAnAccountOfAnotherServiceIsNotTakenOver(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		p := w.process(d)
		w.plan(p, Create, "sub_000000000001", "cus_1")
		w.run(p, time.Hour)
		w.fake.Put(panel.Account{ID: "fake-sub_000000000001", Service: "sub_000000000002", Status: panel.Active})
		op := w.plan(p, Create, "sub_000000000002", "cus_2")
		w.run(p, time.Hour)
		if op = w.want(p, op.ID, Stuck); op.Fault.Code != codeTaken {
			t.Errorf("%+v", op.Fault)
		}
		if acc, err := p.Account(w.ctx, "sub_000000000002"); err != nil || acc.RemoteID != "" || acc.Ways != 0 {
			t.Errorf("%+v %v", acc, err)
		}
	})
}

func TestOperationsArePagedAndCounted(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		p := w.process(d)
		for i := range 5 {
			w.plan(p, Create, ids.Subscription(fmt.Sprint("sub_00000000000", i)), "cus_1")
		}
		var seen []ids.Subscription
		for after := ""; ; {
			page, err := p.List(w.ctx, Filter{Customer: "cus_1", States: []State{Queued}, Query: "vf", After: after, Limit: 2})
			w.ok(err)
			if page.Total != 5 {
				t.Fatal(page.Total)
			}
			for _, op := range page.List {
				seen = append(seen, op.Subscription)
			}
			if after = page.Next; after == "" {
				break
			}
		}
		if !slices.Equal(seen, []ids.Subscription{"sub_000000000004", "sub_000000000003", "sub_000000000002", "sub_000000000001", "sub_000000000000"}) {
			t.Error(seen)
		}
		if counts, err := p.Counts(w.ctx); err != nil || counts[Queued] != 5 || len(counts) != 1 {
			t.Error(counts, err)
		}
	})
}
