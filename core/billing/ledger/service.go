package ledger

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/sdk/money"
)

// Service keeps the books.
type Service struct {
	db    *db.DB
	store store
	clock clock.Clock
	base  Currency
	actor func(context.Context) string
	known atomic.Pointer[string] // base currency of the books
}

// Deps are what the ledger needs.
type Deps struct {
	DB    *db.DB
	Clock clock.Clock
	Base  Currency                     // of the books when the first posting opens them; later the books themselves say
	Actor func(context.Context) string // who is asking, to be noted on postings; nil: "system"
}

// Currency tells in which currency the books are to be kept, ISO 4217.
type Currency func(context.Context) (string, error)

// In is a currency that is settled.
func In(code string) Currency {
	return func(context.Context) (string, error) { return code, nil }
}

// New makes the service.
func New(d Deps) *Service {
	if d.Actor == nil {
		d.Actor = func(context.Context) string { return "system" }
	}
	return &Service{db: d.DB, store: store{db: d.DB}, clock: d.Clock, base: d.Base, actor: d.Actor}
}

// Books are the state of the books.
type Books struct {
	ClosedTo     period.Day // nothing is posted on or before it; zero: nothing is closed
	RecognisedTo period.Day // revenue is earned through it
	Base         string     // currency
}

// Books reads the state of the books. Before the first posting it is that of empty books.
func (s *Service) Books(ctx context.Context) (Books, error) {
	b, open, err := s.store.books(ctx)
	if err != nil || open {
		return b, err
	}
	b.Base, err = s.base(ctx)
	return b, err
}

// opened reads the state of the books, and opens them if this is the first posting.
func (s *Service) opened(ctx context.Context) (Books, error) {
	b, open, err := s.store.books(ctx)
	if err != nil || open {
		return b, err
	}
	base, err := s.base(ctx)
	if err == nil {
		err = s.store.openBooks(ctx, base)
	}
	if err != nil {
		return Books{}, fmt.Errorf("open the books: %w", err)
	}
	b, _, err = s.store.books(ctx)
	return b, err
}

// Base is the currency of the books. It never changes once they are open: then it is read once.
func (s *Service) Base(ctx context.Context) (string, error) {
	if base := s.known.Load(); base != nil {
		return *base, nil
	}
	b, open, err := s.store.books(ctx)
	if err != nil {
		return "", err
	}
	if !open {
		return s.base(ctx)
	}
	s.db.AfterCommit(ctx, func() { s.known.Store(&b.Base) })
	return b.Base, nil
}

// Post books one posting in the transaction of ctx. Its entries of account Balance move the customer's
// balance.
//
// Errors: ErrPosted for a cause that has its posting; ErrBalance; ErrNoRate; Internal if it does not balance.
func (s *Service) Post(ctx context.Context, p Posting) error {
	return s.PostSet(ctx, []Posting{p})
}

// PostSet books many postings with a few statements, in the transaction of ctx. A posting of a closed day
// is booked on the first open one and keeps its day in the memo. Postings without entries are left out.
func (s *Service) PostSet(ctx context.Context, set []Posting) error {
	return s.db.Tx(ctx, func(ctx context.Context) error {
		books, err := s.opened(ctx)
		if err != nil {
			return err
		}
		work := make([]Posting, 0, len(set)) // a copy: the transaction may run again
		foreign := false
		for _, p := range set {
			if len(p.Entries) == 0 {
				continue
			}
			if err := p.check(); err != nil {
				return err
			}
			if p.ID == "" {
				p.ID = ids.New[ids.Posting]()
			}
			if !p.Day.After(books.ClosedTo) {
				p.Memo = fmt.Sprintf("of %s. %s", p.Day, p.Memo)
				p.Day = books.ClosedTo.Add(1)
			}
			foreign = foreign || p.Currency != books.Base
			work = append(work, p)
		}
		if err := s.value(ctx, work, books.Base, foreign); err != nil {
			return err
		}
		if err := s.moveBalances(ctx, work); err != nil {
			return err
		}
		err = s.store.insert(ctx, work, books.Base, s.actor(ctx), s.clock.Now())
		if db.IsDuplicate(err) {
			return ErrPosted.Because(err)
		}
		return err
	})
}

// value sets base amounts: equal ones without a look at the database.
func (s *Service) value(ctx context.Context, set []Posting, base string, foreign bool) error {
	if !foreign {
		for i := range set {
			set[i].RatePico = PicoOne
			if err := set[i].Value(base, nil); err != nil {
				return err
			}
		}
		return nil
	}
	before, err := s.store.carrying(ctx, set, base)
	if err != nil {
		return err
	}
	rates := map[string]int64{base: PicoOne}
	for i := range set {
		p := &set[i]
		if p.RatePico == 0 || p.Currency == base {
			rate, ok := rates[p.Currency]
			if !ok {
				r, err := s.Rate(ctx, p.Currency, base)
				if err != nil {
					return err
				}
				rate = r.Pico
				rates[p.Currency] = rate
			}
			p.RatePico = rate
		}
		p.Entries = append([]Entry(nil), p.Entries...)
		err := p.Value(base, func(a Account, of string) (int64, int64) {
			v := before[subAccount{a, of, p.Currency}]
			return v.minor, v.base
		})
		if err != nil {
			return err
		}
		for _, e := range p.Entries { // the next posting of the set sees this one
			key := subAccount{e.Account, e.Of, p.Currency}
			v := before[key]
			before[key] = carriedAt{v.minor + e.Minor, v.base + e.Base}
		}
	}
	return nil
}

// Rate is an exchange rate.
type Rate struct {
	ID   ids.Rate
	Pico int64 // base units for one unit, times 10^12
}

// Rate is the rate that is valid now. One to one needs none. Error: ErrNoRate.
func (s *Service) Rate(ctx context.Context, currency, base string) (Rate, error) {
	if currency == base {
		return Rate{Pico: PicoOne}, nil
	}
	return s.store.rate(ctx, currency, base, s.clock.Now())
}

// moveBalances keeps customer_balances equal to the entries.
func (s *Service) moveBalances(ctx context.Context, set []Posting) error {
	var moves map[purse]int64
	for i := range set {
		for _, e := range set[i].Entries {
			if e.Account == Balance && e.Minor != 0 {
				if moves == nil {
					moves = map[purse]int64{}
				}
				moves[purse{ids.Customer(e.Of), set[i].Currency}] -= e.Minor
			}
		}
	}
	if moves == nil {
		return nil
	}
	return s.store.moveBalances(ctx, moves, s.clock.Now())
}

// Balance is what we owe a customer, one amount per currency that ever had any, by currency.
func (s *Service) Balance(ctx context.Context, customer ids.Customer) ([]money.Amount, error) {
	return s.store.balances(ctx, customer)
}

// BalanceIn is the balance in one currency. In a transaction the row is locked.
func (s *Service) BalanceIn(ctx context.Context, customer ids.Customer, currency string) (money.Amount, error) {
	minor, err := s.store.balance(ctx, customer, currency)
	return money.Of(minor, currency), err
}

// Posted says whether a cause has its posting.
func (s *Service) Posted(ctx context.Context, event, cause string) (bool, error) {
	return s.store.posted(ctx, event+":"+cause)
}

// LossOf is the account to which an invoice was last written off; BadDebts if it never was.
func (s *Service) LossOf(ctx context.Context, inv ids.Invoice) (Account, error) {
	return s.store.lossOf(ctx, inv)
}

// DeferredOf is what invoices have not earned yet, as the books have it.
func (s *Service) DeferredOf(ctx context.Context, invoices []ids.Invoice) (map[ids.Invoice]int64, error) {
	return s.store.deferred(ctx, invoices)
}

// Recognised notes through which day revenue is earned. Books that are not open have nothing to earn.
func (s *Service) Recognised(ctx context.Context, day period.Day) error {
	return s.store.recognised(ctx, day)
}

// Move is one movement of a customer's balance.
type Move struct {
	Posting ids.Posting
	Event   string
	Cause   string
	Day     period.Day
	Amount  money.Amount // positive: more balance
}

// Moves lists the movements of a customer's balance, newest first, before a posting if one is given.
func (s *Service) Moves(ctx context.Context, customer ids.Customer, before ids.Posting, limit int) ([]Move, error) {
	return s.store.moves(ctx, customer, before, limit)
}

// Line of the trial balance.
type Line struct {
	Account Account
	Amount  money.Amount // in the account's currency; positive is debit
	Base    money.Amount
}

// TrialBalance sums every account through a day. The base amounts of all lines sum to zero.
func (s *Service) TrialBalance(ctx context.Context, through period.Day) ([]Line, error) {
	b, err := s.Books(ctx)
	if err != nil {
		return nil, err
	}
	return s.store.trialBalance(ctx, through, b.Base)
}
