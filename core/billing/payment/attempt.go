package payment

import (
	"fmt"
	"slices"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/gateway"
	"github.com/ezscale/bursar/sdk/money"
)

// Purpose of an attempt.
type Purpose string

// The purposes.
const (
	Visit    Purpose = "visit"  // the customer pays on the gateway's page
	Charge   Purpose = "charge" // a saved method is charged
	SaveOnly Purpose = "save"   // the customer saves a method on the gateway's page and pays nothing
)

// ClassUnavailable is the class of a charge that the gateway surely did not try. It is no decline: again within the hour.
const ClassUnavailable gateway.Class = "unavailable"

// Attempt is one try to collect money, or a method, through a gateway. Its ID is the key under which the gateway does it
// once, however often it is called.
type Attempt struct {
	ID           ids.Attempt
	Customer     ids.Customer
	Gateway      string // plugin instance
	AccountKey   string
	Method       ids.Method // with Charge
	Purpose      Purpose
	Amount       money.Amount // zero with SaveOnly
	Status       AttemptStatus
	Ref          string // the gateway's, once it told one
	Save         bool   // keep the method that is paid with
	Notes        sdk.Notes
	PageURL      string
	PageUntil    time.Time // zero: unknown
	Return       string    // where the page sends the browser
	DeclineClass string
	DeclineCode  string
	DeclineText  string // for the customer
	Created      time.Time
	Sent         time.Time // first call
	AskAt        time.Time // the gateway is asked then; zero: never
	Asks         int       // on the present schedule
	Invoices     []ids.Invoice
	Version      int64
}

// Op names the attempt to the gateway.
func (a Attempt) Op() sdk.Op {
	first := a.Sent
	if first.IsZero() {
		first = a.Created
	}
	return sdk.Op{ID: string(a.ID), Attempt: a.Asks + 1, First: first}
}

// PageOver says that the page of a visit closed an hour ago and more: whoever still waits may be expired.
func (a Attempt) PageOver(now time.Time) bool {
	return a.Status == Waiting && !a.PageUntil.IsZero() && !now.Before(a.PageUntil.Add(pageGrace))
}

// New is a try to collect money. Amount is zero for SaveOnly; without invoices the money goes to the balance.
type New struct {
	Customer   ids.Customer
	Gateway    string
	AccountKey string
	Method     ids.Method
	Purpose    Purpose
	Amount     money.Amount
	Save       bool
	Return     string
	Invoices   []ids.Invoice // paid in this order
}

func (n New) check() error {
	whole := n.Customer != "" && n.Gateway != "" && n.AccountKey != ""
	switch n.Purpose {
	case Visit:
		whole = whole && n.Method == "" && n.Amount.Sign() > 0
	case Charge:
		whole = whole && n.Method != "" && n.Amount.Sign() > 0
	case SaveOnly:
		whole = whole && n.Method == "" && n.Amount.IsZero() && len(n.Invoices) == 0
	default:
		whole = false
	}
	sorted := slices.Sorted(slices.Values(n.Invoices))
	if !whole || len(slices.Compact(sorted)) != len(n.Invoices) {
		return fmt.Errorf("%s of %s through %q for %s, invoices %v: not whole", n.Purpose, n.Amount, n.Gateway, n.Customer, n.Invoices)
	}
	return nil
}

// When the gateway is asked, counted from the moment of doubt, and from the opening of a page.
var (
	unknownAsks = []time.Duration{10 * time.Second, time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour, 24 * time.Hour}
	waitingAsks = []time.Duration{time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute}
)

const (
	plannedGrace = 5 * time.Minute // who planned it has died
	sentGrace    = 2 * time.Minute // who sent it has died: a call may take 30 s, and the request may be under way longer
	pageGrace    = time.Hour
)

// step is the wait from one ask to the next; false after the last.
func step(schedule []time.Duration, asks int) (time.Duration, bool) {
	switch {
	case asks >= len(schedule):
		return 0, false
	case asks == 0:
		return schedule[0], true
	}
	return schedule[asks] - schedule[asks-1], true
}

// do moves the status by the table.
func (a *Attempt) do(action AttemptAction) error {
	next, err := attemptLife.Next(a.Status, action)
	if err != nil {
		return fmt.Errorf("attempt %s: %w", a.ID, err)
	}
	a.Status = next
	if next.Final() || next == Parked {
		a.AskAt = time.Time{}
	}
	return nil
}

// send notes the call before it is made.
func (a *Attempt) send(now time.Time) error {
	if err := a.do(Send); err != nil {
		return err
	}
	a.Sent, a.AskAt = now, now.Add(sentGrace)
	return nil
}

// resend notes that the same call is made again. Of two who want to, one may.
func (a *Attempt) resend(now time.Time) error {
	if a.Status == Sent && now.Before(a.AskAt) {
		return fmt.Errorf("attempt %s is being sent: %w", a.ID, ErrChanged)
	}
	if err := a.do(Resend); err != nil {
		return err
	}
	a.Asks++
	a.AskAt = now.Add(sentGrace)
	return nil
}

// wait opens the page, or shows that it is still open.
func (a *Attempt) wait(url string, until, now time.Time) error {
	if url != "" {
		a.PageURL = url
	}
	if !until.IsZero() {
		a.PageUntil = until
	}
	if a.Status == Waiting {
		return a.later(time.Time{}, now)
	}
	if err := a.do(Wait); err != nil {
		return err
	}
	a.Asks = 0
	a.AskAt = a.nextLook(now)
	return nil
}

// nextLook is when a waiting attempt is looked at: soon at first, then hourly, and when its page is over.
func (a *Attempt) nextLook(now time.Time) time.Time {
	wait, ok := step(waitingAsks, a.Asks)
	if !ok {
		wait = time.Hour
	}
	next, over := now.Add(wait), a.PageUntil.Add(pageGrace)
	if !a.PageUntil.IsZero() && next.After(over) && now.Before(over) {
		return over
	}
	return next
}

// lose is doubt: no answer came, or the gateway cannot say. After the last ask a person decides.
func (a *Attempt) lose(at, now time.Time) error {
	if a.Status == Unknown {
		a.Asks++
	} else if err := a.do(Lose); err != nil {
		return err
	}
	wait, ok := step(unknownAsks, a.Asks)
	if !ok {
		return a.do(Park)
	}
	if a.AskAt = now.Add(wait); !at.IsZero() {
		a.AskAt = at
	}
	return nil
}

// later asks again at a time that the gateway named, or on schedule.
func (a *Attempt) later(at, now time.Time) error {
	switch a.Status {
	case Unknown:
		return a.lose(at, now)
	case Sent: // it was answered: not yet
		if err := a.wait("", time.Time{}, now); err != nil {
			return err
		}
	case Waiting:
		a.Asks++
		a.AskAt = a.nextLook(now)
	default:
		return a.do(Wait)
	}
	if !at.IsZero() {
		a.AskAt = at
	}
	return nil
}

// decline ends it without money. Whether anything changed tells who announces it.
func (a *Attempt) decline(d gateway.Decline, ref string) (changed bool, err error) {
	if a.Status == Declined || a.Status == Expired {
		return false, nil
	}
	action := Decline
	if d.Class == ClassUnavailable {
		action = Refuse
	}
	if err := a.do(action); err != nil {
		return false, err
	}
	a.DeclineClass, a.DeclineCode, a.DeclineText = string(d.Class), d.Code, d.Text
	if ref != "" {
		a.Ref = ref
	}
	return true, nil
}

// expire ends it without money and without a reason worth telling.
func (a *Attempt) expire() error {
	switch a.Status {
	case Declined, Expired:
		return nil
	case Planned:
		return a.do(Cancel)
	}
	return a.do(Expire)
}
