// Package invoice owns what is owed: documents, their lines and numbers, what was paid, credited and given
// up of each, and the credit notes that correct them. An issued document never changes. Prices and taxes
// are pricing's affair, money that came is payment's, the books are ledger's: callers post what the methods
// here answer. Start at Invoice, then Service.IssueSet.
package invoice

import (
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/sdk/money"
)

// Kinds of documents. Others are allowed, of at most 10 letters.
const (
	KindFirst   = "first"
	KindRenewal = "renewal"
	KindChange  = "change"
	KindManual  = "manual"
	KindLateFee = "late_fee"
	KindFunds   = "funds"
)

// Invoice is a bill. Amounts are minor units of its currency. What is below Created or named in Open may
// change after it was issued, all else is frozen.
type Invoice struct {
	ID       ids.Invoice
	Customer ids.Customer
	Kind     string
	Status   Status
	Currency string
	Number   string // "" until issued
	Issued   period.Day
	Due      period.Day
	Ladder   ids.Ladder // dunning as it was promised; "" none
	Net, Tax int64
	Rounding int64 // to the step of the currency
	Total    int64 // Net + Tax + Rounding
	Paid     int64 // what payments gave and did not take back
	Credited int64 // by credit notes
	WrittenOff,
	Disputed int64 // part of Paid that its payer contests
	Base     string // currency of the books; "" if not known when it was issued
	RatePico int64  // base units for one unit, times 10^12
	Created  time.Time
	Settled  time.Time // when it became paid; zero unless it is
	Version  int64

	series        ids.Series
	bucket        string
	no            int64
	seller, buyer string // hashes of snapshots
	frozen        string // hash of all that never changes
	payHash       string // of the pay token
}

// Open is what is still owed.
func (inv Invoice) Open() int64 {
	if inv.Status == Discarded {
		return 0
	}
	return inv.Total - inv.Paid - inv.Credited - inv.WrittenOff
}

// Amount is minor units in the invoice's currency.
func (inv Invoice) Amount(minor int64) money.Amount { return money.Of(minor, inv.Currency) }

// Label is the word for an invoice on a day: draft, proforma, open, partly_paid, overdue, paid, refunded,
// disputed, written_off, void or discarded. It follows from amounts and dates, so it cannot disagree with them.
func Label(inv Invoice, today period.Day) string {
	switch {
	case inv.Disputed > 0:
		return "disputed"
	case inv.Status == Uncollectible:
		return "written_off"
	case inv.Status == Paid && inv.Total > 0 && inv.Credited >= inv.Total:
		return "refunded"
	case inv.Status == Opened && inv.Due.Before(today):
		return "overdue"
	case inv.Status == Opened && inv.Paid > 0:
		return "partly_paid"
	}
	return string(inv.Status)
}

// Party is the seller or the buyer as the document names them.
type Party struct {
	Name     string   `json:"name"`
	Lines    []string `json:"lines"` // address as it is printed, country last
	Email    string   `json:"email"`
	Country  string   `json:"country"` // ISO 3166, two letters
	TaxID    string   `json:"tax_id"`
	TaxProof string   `json:"tax_proof"` // how the number was checked: service, answer, day
	Locale   string   `json:"locale"`
}

// Line is one thing that is charged. List − Discount is Net, or Net + Tax where prices include tax.
type Line struct {
	ID           ids.Line
	No           int // from 1, by place
	Kind         string
	Text         string
	Subscription ids.Subscription
	Obligation   ids.Obligation
	Owner        string      // what the price belonged to
	Product      ids.Product // for the caller's ledger; not stored
	From, To     period.Day  // days of service, To exclusive; zero: none
	QtyMicro     int64       // millionths
	Unit, Per    int64       // price for Per pieces
	List         int64
	Discount     int64
	Net, Tax     int64
	Group        string // tax group
	Defer        bool   // earned over the days of service
	Explain      string // how it came about, one JSON object
	LiveTo       period.Day
	Credited     int64 // of Net
	CreditedTax  int64 // of Tax
}

// Tax is one tax of one group over all its lines.
type Tax struct {
	Group, Code, Category string // category of EN 16931: S, Z, E, AE, K, G, O
	RatePPM               int64
	Compound              bool
	Base, Tax             int64
}

// Applied says what an amount did to an invoice. What is left of the amount belongs to the balance.
type Applied struct {
	Invoice    ids.Invoice
	Open       int64        // lessened what was open
	WrittenOff int64        // recovered what was given up
	Paid       bool         // it became paid by this
	Total      money.Amount // Open + WrittenOff
}

// apply counts an amount: first what is open, then what was given up. A closed document takes nothing.
func (inv *Invoice) apply(minor int64, now time.Time) (Applied, error) {
	a := Applied{Invoice: inv.ID, Total: inv.Amount(0)}
	switch {
	case minor < 0:
		return a, ErrAmount
	case inv.Status == Drafted || inv.Status == Proforma:
		return a, inv.do(Count) // the table refuses: it must be issued first
	case !life.Allows(inv.Status, Count):
		return a, nil
	}
	a.Open = min(minor, inv.Open())
	a.WrittenOff = min(minor-a.Open, inv.WrittenOff)
	counted := a.Open + a.WrittenOff
	if counted == 0 {
		return a, nil
	}
	inv.Paid += counted
	inv.WrittenOff -= a.WrittenOff
	a.Total = inv.Amount(counted)
	if inv.Open() > 0 || inv.WrittenOff > 0 {
		return a, inv.do(Count)
	}
	a.Paid = true
	return a, inv.settle(now)
}

func (inv *Invoice) settle(now time.Time) error {
	inv.Settled, inv.payHash = now, ""
	return inv.do(Settle)
}

// writeOff gives up what is open. Given up already is nothing more.
func (inv *Invoice) writeOff() (open int64, err error) {
	open = inv.Open()
	if inv.Status == Uncollectible && open == 0 {
		return 0, nil
	}
	if err := inv.do(GiveUp); err != nil {
		return 0, err
	}
	inv.WrittenOff += open
	return open, nil
}

// reopen takes back money that was counted.
func (inv *Invoice) reopen(minor int64) error {
	if minor <= 0 || minor > inv.Paid {
		return ErrAmount
	}
	inv.Paid -= minor
	inv.Settled = time.Time{}
	return inv.do(Reopen)
}

// dispute moves the contested part by a difference.
func (inv *Invoice) dispute(delta int64) error {
	if d := inv.Disputed + delta; d < 0 || delta > 0 && d > inv.Paid {
		return ErrAmount
	}
	inv.Disputed += delta
	return nil
}
