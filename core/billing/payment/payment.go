// Package payment owns money asked for and money received: saved methods, attempts to collect through a gateway,
// payments and where each was given, refunds and disputes. What an invoice counts, what the ledger posts and who calls a
// gateway is core/flow's affair: it does so in the transaction in which it calls this package.
//
// Start at Attempt (money asked for) and Report (money heard of); what may follow what is in states.go.
package payment

import (
	"fmt"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/money"
)

// Source says where a payment came from.
type Source string

// The sources.
const (
	FromGateway Source = "gateway"
	FromBank    Source = "bank"    // a transfer that was read from a statement
	FromBalance Source = "balance" // what the customer had with us
	FromManual  Source = "manual"  // cash, a cheque: staff says so
)

// InternalAccount is the account key of money that no gateway reports; the reference is the payment's own ID, or a
// key of the caller's that names it.
const InternalAccount = "internal"

// Payment is money received.
type Payment struct {
	ID         ids.Payment
	Customer   ids.Customer // "" while nobody knows whose it is
	Attempt    ids.Attempt  // "" if it was not asked for
	Source     Source
	Gateway    string // plugin instance
	AccountKey string // provider, its account and mode; with Ref it is unique for ever
	Ref        string
	Status     Status
	Amount     money.Amount
	Fee        money.Amount // zero: none, or not known yet
	Applied    int64        // given out so far, to whatever; all of a captured payment in the end
	Refunded   int64
	Refunding  int64 // reserved by refunds that are under way
	Disputed   int64
	On         period.Day
	HoldReason string
	Memo       string
	Created    time.Time
	Version    int64

	notes sdk.Notes
}

// Left is what can still be refunded or disputed.
func (p Payment) Left() int64 { return p.Amount.Minor() - p.Refunded - p.Refunding - p.Disputed }

// State is how money stands in a report.
type State string

// The states of a report.
const (
	Captured State = "captured" // it is ours
	Pending  State = "pending"  // a debit under way: it may still fail
)

// Report is what was heard about money: by webhook, browser, question, statement or from staff.
type Report struct {
	ID         ids.Payment  // "" draws one
	Customer   ids.Customer // whose it is, where there is no attempt to say so
	AccountKey string
	Gateway    string
	Ref        string
	Key        string // ID of our attempt as the gateway stored it, or ""
	State      State
	Amount     money.Amount
	Fee        money.Amount // zero: not known yet. One in another currency than Amount is not kept: the payout tells it
	On         period.Day
	Notes      sdk.Notes // of the attempt, after the call; nil leaves them
	Source     Source
	Memo       string
}

func (r Report) check() error {
	switch {
	case r.AccountKey == "" || len(r.AccountKey) > 120 || r.Ref == "" || len(r.Ref) > 190 || r.On.IsZero():
		return fmt.Errorf("report of account %q, reference %.200q, day %q is not whole", r.AccountKey, r.Ref, r.On)
	case r.State != Captured && r.State != Pending:
		return fmt.Errorf("report with state %q", r.State)
	case r.Source == FromGateway && r.Gateway == "", r.Source != FromGateway && r.Customer == "", r.Source == "":
		return fmt.Errorf("report of source %q by %q for %q", r.Source, r.Gateway, r.Customer)
	case r.Amount.Sign() <= 0 || r.Amount.Currency() == "":
		return fault.New(fault.Invalid, "payment_amount", "A payment is an amount above zero.").On("amount")
	}
	return nil
}

// fee in minor units, if it can be kept.
func (r Report) fee() int64 {
	if r.Fee.Currency() != r.Amount.Currency() {
		return 0
	}
	return r.Fee.Minor()
}

// Received says what a report changed.
type Received struct {
	Payment Payment
	Attempt *Attempt // nil if it was not asked for
	// Fresh: the money became ours, or was held, by this very report. All who come later read false and book nothing.
	Fresh bool
	Held  bool // another currency than asked for, or not asked for: staff decides
	// FeeKnown: the fee of money booked earlier is told now, once.
	FeeKnown bool
}

// AllocationKind says where a part of a payment went.
type AllocationKind string

// The kinds.
const (
	ToInvoice AllocationKind = "invoice"
	ToBalance AllocationKind = "balance" // the customer's, with us
	ToLost    AllocationKind = "lost"    // taken back by a bank
)

// Allocation is a part of a payment. Those of one payment sum to its amount; what leaves an invoice later is a negative
// part there and a positive one that says where it went.
type Allocation struct {
	ID      ids.Allocation // drawn when it is saved
	Payment ids.Payment
	Invoice ids.Invoice // with ToInvoice, and only there
	Kind    AllocationKind
	Minor   int64
	At      time.Time
}

// place is where a part of a payment can be.
type place struct {
	kind    AllocationKind
	invoice ids.Invoice
}

// allocate checks parts against what was given out before, and answers the new sum.
func (p Payment) allocate(before, parts []Allocation) (int64, error) {
	if p.Status != StatusCaptured {
		return 0, ErrNotCaptured
	}
	on := map[place]int64{}
	for _, a := range before {
		on[place{a.Kind, a.Invoice}] += a.Minor
	}
	sum := p.Applied
	for _, a := range parts {
		if a.Minor == 0 || (a.Kind == ToInvoice) != (a.Invoice != "") || a.Kind != ToInvoice && a.Kind != ToBalance && a.Kind != ToLost {
			return 0, fmt.Errorf("part of %d to %s %q", a.Minor, a.Kind, a.Invoice)
		}
		sum += a.Minor
		at := place{a.Kind, a.Invoice}
		if on[at] += a.Minor; on[at] < 0 {
			return 0, ErrOverAllocated.Because(fmt.Errorf("%d on %s %s", on[at], a.Kind, a.Invoice))
		}
	}
	if sum < 0 || sum > p.Amount.Minor() {
		return 0, ErrOverAllocated.Because(fmt.Errorf("%d of %s", sum, p.Amount))
	}
	return sum, nil
}
