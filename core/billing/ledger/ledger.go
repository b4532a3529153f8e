// Package ledger owns the books: every movement of money is one posting whose entries sum to zero, in its
// currency and in the base currency, saved in the transaction of its cause. A customer's balance is kept
// here too, and moves with its entries only, so the two cannot disagree. What happens to documents is
// invoice's and payment's affair. The events are in events.go, service.go is what others call.
package ledger

import (
	"fmt"
	"math/bits"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/money"
)

// Account is an account of the books. What it is divided by (Entry.Of) stands beside it.
type Account string

// The chart of accounts.
const (
	Bank          Account = "bank"
	Clearing      Account = "clearing"       // by gateway
	DisputedFunds Account = "disputed_funds" // by dispute
	Receivable    Account = "receivable"     // by invoice
	CurrencySwap  Account = "currency_swap"

	Balance         Account = "balance"          // by customer: what we owe them
	Unapplied       Account = "unapplied"        // by payment
	RefundsPayable  Account = "refunds_payable"  // by refund
	TaxPayable      Account = "tax_payable"      // by code of the tax
	DeferredRevenue Account = "deferred_revenue" // by invoice

	OpeningBalances Account = "opening_balances"
	Revenue         Account = "revenue"
	LateFees        Account = "late_fees"
	Rounding        Account = "rounding"

	GatewayFees        Account = "gateway_fees"
	DisputeFees        Account = "dispute_fees"
	DisputeLosses      Account = "dispute_losses"
	BadDebts           Account = "bad_debts"
	GoodwillCost       Account = "goodwill"
	ExchangeDifference Account = "exchange_difference"
)

// Errors.
var (
	// ErrPosted: this cause has its posting. Whoever gets it was late and changes nothing.
	ErrPosted = fault.New(fault.Conflict, "already_posted", "That was booked already.")
	// ErrBalance: the customer's balance is smaller than what was to be taken from it.
	ErrBalance = fault.New(fault.Declined, "balance_too_small", "There is not enough money in the account.")
	// ErrNoRate: the operator has set no exchange rate for a currency.
	ErrNoRate = fault.New(fault.Invalid, "no_exchange_rate", "This currency cannot be used at the moment.")
	// errUnbalanced is a bug of ours.
	errUnbalanced = fault.New(fault.Internal, "posting_unbalanced", "")
)

// PicoOne is a rate of one to one: rates are base units for one unit, times 10^12.
const PicoOne int64 = 1_000_000_000_000

// Entry is one side of a posting. Positive is debit, negative is credit.
type Entry struct {
	Account Account
	Of      string // sub-ledger
	Minor   int64  // in the posting's currency
	Base    int64  // in base currency; Post sets it
	Product ids.Product
}

// Posting is a balanced set of entries for one cause.
type Posting struct {
	ID       ids.Posting // set by Post
	Event    string      // names the row of the table of events
	Cause    string      // ID of the cause, unique with Event; ":2" behind it where a cause has several
	Day      period.Day
	Currency string
	RatePico int64 // the document's own rate; 0 means today's
	Customer ids.Customer
	Memo     string
	Entries  []Entry
}

// Key is what makes a posting unique.
func (p *Posting) Key() string { return p.Event + ":" + p.Cause }

// add appends an entry unless it is nothing.
func (p *Posting) add(a Account, of string, minor int64) {
	if minor != 0 {
		p.Entries = append(p.Entries, Entry{Account: a, Of: of, Minor: minor})
	}
}

// check says whether the entries sum to zero in the posting's currency.
func (p *Posting) check() error {
	var sum int64
	for i := range p.Entries {
		sum += p.Entries[i].Minor
	}
	if sum != 0 || p.Currency == "" || p.Event == "" || p.Cause == "" || p.Day.IsZero() {
		return errUnbalanced.Because(fmt.Errorf("%s in %q on %s: entries sum to %d", p.Key(), p.Currency, p.Day, sum))
	}
	return nil
}

// carried are the accounts whose entries leave at the value at which they came. Clearing does so on
// payout only: what a refund takes from it is at the day's rate.
func carried(event string, a Account) bool {
	switch a {
	case Receivable, Balance, DeferredRevenue, RefundsPayable, DisputedFunds, Unapplied:
		return true
	case Clearing:
		return event == "payout"
	}
	return false
}

// Carrying tells the amount and the base value of a sub-account before a posting.
type Carrying func(a Account, of string) (minor, base int64)

// Value sets the base of each entry, and adds one of exchange difference where values differ.
// Error: money.ErrRange.
func (p *Posting) Value(base string, before Carrying) error {
	if p.Currency == base {
		for i := range p.Entries {
			p.Entries[i].Base = p.Entries[i].Minor
		}
		return nil
	}
	var debits int64
	var sides [2][]int64 // weights of debits, of credits
	for _, e := range p.Entries {
		debits += max(e.Minor, 0)
		sides[0], sides[1] = append(sides[0], max(e.Minor, 0)), append(sides[1], max(-e.Minor, 0))
	}
	if debits == 0 {
		return nil
	}
	total, err := money.Convert(money.Of(debits, p.Currency), base, p.RatePico)
	if err != nil {
		return err
	}
	for side, sign := range []int64{1, -1} {
		parts, err := money.Parts(total.Minor(), sides[side])
		if err != nil {
			return err
		}
		for i, part := range parts {
			if part != 0 {
				p.Entries[i].Base = sign * part
			}
		}
	}
	var rest int64
	for i := range p.Entries {
		e := &p.Entries[i]
		if carried(p.Event, e.Account) {
			minor, value := before(e.Account, e.Of)
			if minor != 0 && (minor < 0) != (e.Minor < 0) && abs(e.Minor) <= abs(minor) {
				e.Base = portion(abs(value), abs(e.Minor), abs(minor))
				if e.Minor < 0 {
					e.Base = -e.Base
				}
			}
		}
		rest -= e.Base
	}
	if rest != 0 {
		p.Entries = append(p.Entries, Entry{Account: ExchangeDifference, Base: rest})
	}
	return nil
}

// portion is amount × n / d, rounded half away from zero, for 0 <= n <= d and d > 0.
func portion(amount, n, d int64) int64 {
	high, low := bits.Mul64(uint64(abs(amount)), uint64(n))
	low, carry := bits.Add64(low, uint64(d)/2, 0)
	q, _ := bits.Div64(high+carry, low, uint64(d)) // the quotient is at most amount, so it fits
	if amount < 0 {
		return -int64(q)
	}
	return int64(q)
}

func abs(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}
