package gatewaytest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/gateway"
	"github.com/ezscale/bursar/sdk/money"
	"github.com/ezscale/bursar/sdk/sim"
)

// Fake is a gateway in memory, for core's tests: no wire, no vendor. It keeps the promises of gateway.Gateway (what is done
// under one Op is done once), has every power, fails on demand and writes down each call. The test plays customer and bank
// by Pay, Settle, Decline, Dispute and the like. Safe for many at once.
//
//	g := gatewaytest.NewFake(clock.Now)
//	…                                    // core begins a visit under attempt's ID
//	err := g.Pay(string(attempt))        // the customer pays on the page
//	… flow.Returned(ctx, attempt) …      // or flow.ReceiveHook(ctx, "fake", g.Hook(string(attempt)))
//	g.Fail(gatewaytest.Failure{Method: "Charge", Done: true, Times: 1, Err: …}) // done, and the answer is lost
type Fake struct {
	now func() time.Time

	mu       sync.Mutex
	lacks    []string
	approves bool
	attempts map[string]*attempt // by op
	refunds  map[string]*given   // by op
	order    []string            // ops of refunds, oldest first
	methods  map[string]*kept    // by token
	disputes []*gateway.Dispute
	refusals []gateway.Decline
	failures []*Failure
	journal  []Entry
	hooks    []sdk.Webhook
	count    int
}

var _ interface {
	gateway.Gateway
	gateway.Charger
	gateway.Finisher
	gateway.Canceller
	gateway.DisputeLister
	sdk.Announcer
} = (*Fake)(nil)

// attempt is what the fake has of one.
type attempt struct {
	op       string
	customer string
	amount   money.Amount
	save     bool
	status   gateway.Status
	ref      string
	url      string
	expires  time.Time
	method   string // token
	decline  *gateway.Decline
	back     int64 // minor units given back or on their way
}

type given struct {
	gateway.Refunded
	of *attempt
}

type kept struct {
	gateway.Method
	owner string
	op    string
	gone  bool
}

// Failure makes calls go wrong. Zero values match: every method, every op, for ever.
type Failure struct {
	Method string // "Begin", "Look", "Charge", "Refund", "Receive", "Cancel", "Finish", "Method", "Forget", "Disputes", "Check"
	Op     string
	Times  int   // how many calls fail
	Done   bool  // it is done, and the answer is lost; else nothing is done
	Err    error // nil: Unknown where it is Done, else Unavailable
}

// Entry is one call in the journal.
type Entry struct {
	Method string
	Op     string
	Amount money.Amount
	Err    error
}

// NewFake makes an empty one. now is the test's clock.
func NewFake(now func() time.Time) *Fake {
	return &Fake{now: now, attempts: map[string]*attempt{}, refunds: map[string]*given{}, methods: map[string]*kept{}}
}

// Lack takes powers away, by the name of their interface.
func (f *Fake) Lack(powers ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lacks = append(f.lacks, powers...)
}

// Approve makes Pay leave visits Approved, so that the host must Finish them; else it has no Finisher.
func (f *Fake) Approve() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.approves = true
}

// Announces implements sdk.Announcer.
func (f *Fake) Announces(power string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !slices.Contains(f.lacks, power) && (power != "Finisher" || f.approves)
}

// Fail adds failures; the first that matches a call and is not used up counts.
func (f *Fake) Fail(list ...Failure) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range list {
		if one.Times == 0 {
			one.Times = -1
		}
		f.failures = append(f.failures, &one)
	}
}

// Heal takes all failures away.
func (f *Fake) Heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failures = nil
}

// Journal is every call so far; with an op, those about it.
func (f *Fake) Journal(op ...string) []Entry {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(f.journal), func(e Entry) bool { return len(op) > 0 && !slices.Contains(op, e.Op) })
}

// State is what it has, in the words of simulators.
func (f *Fake) State() sim.State {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := sim.State{Things: map[string]int{"attempt": len(f.attempts), "refund": len(f.refunds), "dispute": len(f.disputes)}, Money: map[string]sim.Money{}}
	for op, a := range f.attempts {
		if a.status == gateway.Captured {
			out.Money[op] = sim.Money{Taken: a.amount.Minor(), Back: a.back, Currency: a.amount.Currency()}
		}
	}
	for _, m := range f.methods {
		if !m.gone {
			out.Things["method"]++
		}
	}
	return out
}

// begun locks, writes the call down and says whether it fails: before is the error of a call that does nothing, after that
// of one that is done.
func (f *Fake) begun(method, op string, amount money.Amount) (before, after error, end func()) {
	f.mu.Lock()
	for _, fail := range f.failures {
		if fail.Method != "" && fail.Method != method || fail.Op != "" && fail.Op != op || fail.Times == 0 {
			continue
		}
		fail.Times--
		err := fail.Err
		switch {
		case err == nil && fail.Done:
			err = fault.New(fault.Unknown, "no_answer", "")
		case err == nil:
			err = fault.New(fault.Unavailable, "no_connection", "")
		}
		if before = err; fail.Done {
			before, after = nil, err
		}
		break
	}
	err := before
	if err == nil {
		err = after
	}
	f.journal = append(f.journal, Entry{method, op, amount, err})
	return before, after, f.mu.Unlock
}

func (f *Fake) id(prefix string) string {
	f.count++
	return fmt.Sprintf("%s_%d", prefix, f.count)
}

func set(n sdk.Notes, name, value string) {
	if n != nil {
		n[name] = value
	}
}

// Check implements sdk.Instance.
func (f *Fake) Check(context.Context) (sdk.Report, error) {
	before, after, end := f.begun("Check", "", money.Amount{})
	defer end()
	if before == nil {
		before = after
	}
	return sdk.Report{VendorVersion: "fake"}, before
}
