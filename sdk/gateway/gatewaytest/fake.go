package gatewaytest

import (
	"context"
	"fmt"
	"maps"
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

// page is how long a page is open, unless the visit ends earlier.
const page = time.Hour

// Begin implements gateway.Gateway.
func (f *Fake) Begin(_ context.Context, v gateway.Visit) (gateway.Outcome, error) {
	before, after, end := f.begun("Begin", v.ID, v.Amount)
	defer end()
	if before != nil {
		return gateway.Outcome{}, before
	}
	if v.Amount.Sign() < 0 || v.Return == "" {
		return gateway.Outcome{}, fault.New(fault.Invalid, "bad_visit", "")
	}
	a := f.attempts[v.ID]
	if a == nil {
		set(v.Customer.Notes, "customer", "fake_"+v.Customer.ID)
		a = &attempt{
			op: v.ID, customer: v.Customer.ID, amount: v.Amount, save: v.Save || v.Amount.IsZero(),
			status: gateway.Waiting, url: "https://pay.example/" + v.ID, expires: f.now().Add(page),
		}
		if !v.Until.IsZero() && v.Until.Before(a.expires) {
			a.expires = v.Until
		}
		f.attempts[v.ID] = a
	}
	return f.answer(a, v.Notes, after)
}

// answer says how an attempt stands, and notes it unless the answer is lost.
func (f *Fake) answer(a *attempt, notes sdk.Notes, lost error) (gateway.Outcome, error) {
	if lost != nil {
		return gateway.Outcome{}, lost
	}
	set(notes, "attempt", a.op)
	return f.outcome(a), nil
}

func (f *Fake) outcome(a *attempt) gateway.Outcome {
	if a.status == gateway.Waiting && !f.now().Before(a.expires) {
		a.status = gateway.Lapsed
	}
	out := gateway.Outcome{Status: a.status, Echo: a.op}
	switch a.status {
	case gateway.Waiting:
		out.URL, out.Expires = a.url, a.expires
	case gateway.Pending:
		out.After, out.Reference = time.Hour, a.ref
	case gateway.Captured:
		out.Reference, out.Paid = a.ref, a.amount
		out.Fee = money.Of(a.amount.Minor()*29/1000+30, a.amount.Currency())
	case gateway.Declined:
		d := *a.decline
		out.Decline = &d
	}
	if m := f.methods[a.method]; m != nil && a.save && (a.status == gateway.Saved || a.status == gateway.Captured) {
		copied := m.Method
		copied.Notes = maps.Clone(m.Notes)
		out.Method = &copied
	}
	return out
}

// Look implements gateway.Gateway.
func (f *Fake) Look(_ context.Context, at gateway.Attempt) (gateway.Outcome, error) {
	before, after, end := f.begun("Look", at.ID, at.Amount)
	defer end()
	if before != nil {
		return gateway.Outcome{}, before
	}
	a := f.attempts[at.ID]
	if a == nil {
		return gateway.Outcome{}, fault.New(fault.NotFound, "no_attempt", "")
	}
	return f.answer(a, at.Notes, after)
}

// Finish implements gateway.Finisher.
func (f *Fake) Finish(_ context.Context, at gateway.Attempt) (gateway.Outcome, error) {
	before, after, end := f.begun("Finish", at.ID, at.Amount)
	defer end()
	if before != nil {
		return gateway.Outcome{}, before
	}
	a := f.attempts[at.ID]
	if a == nil {
		return gateway.Outcome{}, fault.New(fault.NotFound, "no_attempt", "")
	}
	if a.status == gateway.Approved {
		f.take(a)
	}
	return f.answer(a, at.Notes, after)
}

// take ends an attempt: refused by the next refusal, else captured or saved.
func (f *Fake) take(a *attempt) {
	if len(f.refusals) > 0 {
		a.status, a.decline = gateway.Declined, &f.refusals[0]
		f.refusals = f.refusals[1:]
		return
	}
	if a.save && a.method == "" {
		token := f.id("pm")
		a.method = token
		f.methods[token] = &kept{owner: a.customer, op: a.op, Method: gateway.Method{
			ID: token, Kind: "card", Brand: "visa", Last4: "4242", ExpYear: f.now().Year() + 4, ExpMonth: 12, Notes: sdk.Notes{"token": token},
		}}
	}
	if a.amount.IsZero() {
		a.status = gateway.Saved
		return
	}
	a.status, a.ref = gateway.Captured, f.id("pay")
}

// Charge implements gateway.Charger.
func (f *Fake) Charge(_ context.Context, c gateway.Charge) (gateway.Outcome, error) {
	before, after, end := f.begun("Charge", c.ID, c.Amount)
	defer end()
	if before != nil {
		return gateway.Outcome{}, before
	}
	if c.Amount.Sign() <= 0 {
		return gateway.Outcome{}, fault.New(fault.Invalid, "bad_amount", "")
	}
	a := f.attempts[c.ID]
	if a == nil {
		a = &attempt{op: c.ID, customer: c.Customer.ID, amount: c.Amount, method: c.Method.Notes["token"]}
		f.attempts[c.ID] = a
		if m := f.methods[a.method]; m == nil || m.gone {
			a.status = gateway.Declined
			a.decline = &gateway.Decline{Class: gateway.Hard, Code: "method_gone", Text: "This card is no longer saved. Please add a card."}
		} else {
			f.take(a)
		}
	}
	return f.answer(a, c.Notes, after)
}

// Method implements gateway.Charger.
func (f *Fake) Method(_ context.Context, m gateway.Method) (gateway.Method, error) {
	before, after, end := f.begun("Method", "", money.Amount{})
	defer end()
	if before == nil {
		before = after
	}
	if before != nil {
		return gateway.Method{}, before
	}
	have := f.methods[m.Notes["token"]]
	if have == nil || have.gone {
		return gateway.Method{}, fault.New(fault.NotFound, "method_gone", "")
	}
	out := have.Method
	out.Customer, out.Notes = m.Customer, maps.Clone(have.Notes)
	return out, nil
}

// Forget implements gateway.Charger.
func (f *Fake) Forget(_ context.Context, op sdk.Op, m gateway.Method) error {
	before, after, end := f.begun("Forget", op.ID, money.Amount{})
	defer end()
	if before != nil {
		return before
	}
	if have := f.methods[m.Notes["token"]]; have != nil {
		have.gone = true
	}
	return after
}

// Cancel implements gateway.Canceller.
func (f *Fake) Cancel(_ context.Context, at gateway.Attempt) error {
	before, after, end := f.begun("Cancel", at.ID, at.Amount)
	defer end()
	if before != nil {
		return before
	}
	if a := f.attempts[at.ID]; a != nil {
		switch a.status {
		case gateway.Waiting, gateway.Approved:
			a.status = gateway.Lapsed
		case gateway.Captured, gateway.Saved, gateway.Pending:
			return fault.New(fault.Conflict, "paid", "This has been paid already.")
		}
	}
	return after
}

// Refund implements gateway.Gateway.
func (f *Fake) Refund(_ context.Context, r gateway.Refund) (gateway.Refunded, error) {
	before, after, end := f.begun("Refund", r.ID, r.Amount)
	defer end()
	if before != nil {
		return gateway.Refunded{}, before
	}
	have := f.refunds[r.ID]
	if have == nil {
		a := f.captured(r.Reference)
		if a == nil {
			return gateway.Refunded{}, fault.New(fault.NotFound, "no_payment", "")
		}
		rest := a.amount.Minor() - a.back
		switch {
		case r.Amount.Currency() != a.amount.Currency() || r.Amount.Sign() <= 0:
			return gateway.Refunded{}, fault.New(fault.Invalid, "bad_amount", "").On("amount")
		case f.takenBack(r.Reference):
			return gateway.Refunded{}, fault.New(fault.Declined, "disputed", "This payment is disputed at the bank, so it cannot be refunded.")
		case rest == 0:
			return gateway.Refunded{}, fault.New(fault.Declined, "already_refunded", "This payment has been refunded already.")
		case r.Amount.Minor() > rest:
			return gateway.Refunded{}, fault.New(fault.Declined, "too_much", "This is more than is left of the payment.")
		}
		a.back += r.Amount.Minor()
		have = &given{of: a, Refunded: gateway.Refunded{Status: gateway.Captured, Amount: r.Amount, Reference: f.id("re"), Payment: r.Reference, Echo: r.ID}}
		f.refunds[r.ID] = have
		f.order = append(f.order, r.ID)
	}
	if after != nil {
		return gateway.Refunded{}, after
	}
	set(r.Notes, "refund", have.Reference)
	return have.Refunded, nil
}

func (f *Fake) captured(ref string) *attempt {
	for _, a := range f.attempts {
		if a.ref == ref && ref != "" && a.status == gateway.Captured {
			return a
		}
	}
	return nil
}

func (f *Fake) takenBack(ref string) bool {
	return slices.ContainsFunc(f.disputes, func(d *gateway.Dispute) bool { return d.Payment == ref && d.Taken })
}

// Disputes implements gateway.DisputeLister: all there are.
func (f *Fake) Disputes(context.Context, time.Time) ([]gateway.Dispute, error) {
	before, after, end := f.begun("Disputes", "", money.Amount{})
	defer end()
	if before == nil {
		before = after
	}
	if before != nil {
		return nil, before
	}
	var list []gateway.Dispute
	for _, d := range f.disputes {
		list = append(list, *d)
	}
	return list, nil
}
