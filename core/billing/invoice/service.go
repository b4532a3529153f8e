package invoice

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/outbox"
)

// Service holds the rules for invoices: issuing, counting payments, crediting, giving up.
type Service struct {
	db     *db.DB
	store  store
	outbox *outbox.Outbox
	clock  clock.Clock
	series running
	known  known
}

// Deps are what the service needs.
type Deps struct {
	DB     *db.DB
	Outbox *outbox.Outbox
	Clock  clock.Clock
}

// New makes the service.
func New(d Deps) *Service {
	return &Service{db: d.DB, store: store{db: d.DB}, outbox: d.Outbox, clock: d.Clock}
}

// Apply counts money against an invoice, in the transaction of ctx: what is open first, then what was given
// up. What it does not take is the caller's to credit to the balance; a closed document takes nothing.
//
// Errors: ErrNotFound; ErrAmount below zero; states.ErrRefused for a draft or a pro-forma.
// Emits: paid, when nothing is owed any more; recovered.
func (s *Service) Apply(ctx context.Context, id ids.Invoice, minor int64) (a Applied, err error) {
	_, err = s.change(ctx, id, func(inv *Invoice) (events []outbox.Event, err error) {
		if a, err = inv.apply(minor, s.clock.Now()); err != nil {
			return nil, err
		}
		if a.WrittenOff > 0 {
			events = append(events, inv.event(EventRecovered, a.WrittenOff))
		}
		if a.Paid {
			events = append(events, inv.event(EventPaid, 0))
		}
		return events, nil
	})
	return a, err
}

// WriteOff gives up what is open and answers how much that was: 0 if it was given up before.
// Emits: written_off.
func (s *Service) WriteOff(ctx context.Context, id ids.Invoice) (open int64, err error) {
	_, err = s.change(ctx, id, func(inv *Invoice) ([]outbox.Event, error) {
		if open, err = inv.writeOff(); err != nil || open == 0 {
			return nil, err
		}
		return []outbox.Event{inv.event(EventWrittenOff, open)}, nil
	})
	return open, err
}

// Reopen takes back money that was counted: a debit came back, a dispute was lost. Error: ErrAmount for
// more than was paid.
// Emits: reopened.
func (s *Service) Reopen(ctx context.Context, id ids.Invoice, minor int64) error {
	_, err := s.change(ctx, id, func(inv *Invoice) ([]outbox.Event, error) {
		if err := inv.reopen(minor); err != nil {
			return nil, err
		}
		return []outbox.Event{inv.event(EventReopened, minor)}, nil
	})
	return err
}

// Dispute moves the part that its payer contests by a difference: up when a dispute is opened, down when it
// is decided. Error: ErrAmount for more than was paid, or below zero.
func (s *Service) Dispute(ctx context.Context, id ids.Invoice, delta int64) error {
	_, err := s.change(ctx, id, func(inv *Invoice) ([]outbox.Event, error) { return nil, inv.dispute(delta) })
	return err
}

func (inv *Invoice) event(kind string, minor int64) outbox.Event {
	f := inv.fact()
	f.Minor = minor
	return outbox.Event{Kind: kind, Subject: string(inv.ID), Payload: f}
}

// change is lock, decide, save, tell.
func (s *Service) change(ctx context.Context, id ids.Invoice, decide func(*Invoice) ([]outbox.Event, error)) (inv Invoice, err error) {
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		if inv, err = s.store.lock(ctx, id); err != nil {
			return err
		}
		before := inv
		events, err := decide(&inv)
		if err != nil {
			return err
		}
		if inv == before {
			return nil
		}
		if err := s.store.save(ctx, &inv); err != nil {
			return err
		}
		return s.outbox.Add(ctx, events...)
	})
	if err != nil {
		return Invoice{}, fmt.Errorf("change invoice %s: %w", id, err)
	}
	return inv, nil
}

// Get reads one; ErrNotFound.
func (s *Service) Get(ctx context.Context, id ids.Invoice) (Invoice, error) {
	return s.store.one(ctx, "id = ?", id)
}

// GetFor reads one of a customer; another's is ErrNotFound too.
func (s *Service) GetFor(ctx context.Context, c ids.Customer, id ids.Invoice) (Invoice, error) {
	return s.store.one(ctx, "id = ? AND customer_id = ?", id, c)
}

// ByNumber reads the one with a number; ErrNotFound.
func (s *Service) ByNumber(ctx context.Context, number string) (Invoice, error) {
	if number == "" {
		return Invoice{}, ErrNotFound
	}
	return s.store.one(ctx, "number = ?", number)
}

// Many reads some at once. Those that do not exist are not in the answer.
func (s *Service) Many(ctx context.Context, set []ids.Invoice) (map[ids.Invoice]Invoice, error) {
	return s.store.many(ctx, set)
}

// Lock reads some, by ID ascending, and keeps them from changing until the transaction ends. ErrNotFound if
// one does not exist.
func (s *Service) Lock(ctx context.Context, set []ids.Invoice) ([]Invoice, error) {
	set = slices.Compact(slices.Sorted(slices.Values(set)))
	list, err := s.store.lockSet(ctx, set)
	if err == nil && len(list) != len(set) {
		return nil, ErrNotFound
	}
	return list, err
}

// OpenOf lists what a customer owes, oldest due first.
func (s *Service) OpenOf(ctx context.Context, c ids.Customer) ([]Invoice, error) {
	return s.store.openOf(ctx, c)
}

// Lines reads the lines of many invoices at once, by number of the line.
func (s *Service) Lines(ctx context.Context, set []ids.Invoice) (map[ids.Invoice][]Line, error) {
	return s.store.lines(ctx, set)
}

// Taxes reads the taxes of many invoices at once, by group and code.
func (s *Service) Taxes(ctx context.Context, set []ids.Invoice) (map[ids.Invoice][]Tax, error) {
	return s.store.taxes(ctx, set)
}

// Filter narrows a list. Zero fields do not.
type Filter struct {
	Customer ids.Customer
	Statuses []Status
	Kind     string
	Currency string
	Overdue  period.Day // open, and due before this day
	From, To period.Day // issued from From on and before To
	Query    string     // part of the number, or a whole ID
	Sort     string     // "newest" (default), "oldest", "due" (oldest due first), "issued" (latest first)
	After    string     // cursor of the last page
	Limit    int        // 1 to 200; 0 is 50
	Bare     bool       // the list alone: nothing is counted or summed
}

// Sum is what the invoices of a list come to in one currency.
type Sum struct {
	Currency string
	Count    int
	Total    int64 // of all
	Open     int64 // of those with status open
}

// Page is one page of a list. Next "" is the end; Total and Sums count the whole filter.
type Page struct {
	List  []Invoice
	Next  string
	Total int
	Sums  []Sum // by currency
}

// List answers one page in at most two queries.
func (s *Service) List(ctx context.Context, f Filter) (Page, error) { return s.store.list(ctx, f) }

// DunPage asks for open invoices by their due day: due on DueBefore or earlier, behind the last of the page before.
type DunPage struct {
	DueBefore period.Day
	AfterDue  period.Day  // due day and
	AfterID   ids.Invoice // ID of the last one; zero for the first page
	Limit     int         // 0 is 500
}

// Dunnable lists open invoices by due day and ID.
func (s *Service) Dunnable(ctx context.Context, p DunPage) ([]Invoice, error) {
	if p.Limit <= 0 || p.Limit > 5000 {
		p.Limit = 500
	}
	return s.store.dunnable(ctx, p)
}

// PayToken makes a new secret that shows and pays this one invoice without signing in. The one before is
// dead from now on; this one dies when the invoice is paid or taken back. Only its hash is stored.
// Errors: ErrNotFound, also for what cannot be paid.
func (s *Service) PayToken(ctx context.Context, id ids.Invoice) (string, error) {
	var random [24]byte
	rand.Read(random[:])
	token, kept, err := s.keepToken(ctx, id, base64.RawURLEncoding.EncodeToString(random[:]))
	if err == nil && !kept {
		err = ErrNotFound
	}
	return token, err
}

// KeepPayToken is PayToken with a secret that the caller can make again, such as a MAC of the invoice's ID,
// so that every mail about an invoice has the same link. The secret has at least 128 bits and 22 letters.
// What cannot be paid gets a token that opens nothing: the mail goes out all the same.
func (s *Service) KeepPayToken(ctx context.Context, id ids.Invoice, secret string) (token string, err error) {
	if len(secret) < 22 {
		return "", fmt.Errorf("pay token of invoice %s: a secret of %d letters", id, len(secret))
	}
	token, _, err = s.keepToken(ctx, id, secret)
	return token, err
}

// keepToken stores the hash of a token. The token names its invoice, so that it is found by the key.
func (s *Service) keepToken(ctx context.Context, id ids.Invoice, secret string) (token string, kept bool, err error) {
	token = strings.TrimPrefix(string(id), id.Prefix()+"_") + secret
	_, err = s.change(ctx, id, func(inv *Invoice) ([]outbox.Event, error) {
		if kept = life.Allows(inv.Status, Count) || inv.Status == Proforma; kept {
			inv.payHash = sum([]byte(token))
		}
		return nil, nil
	})
	return token, kept, err
}

// RevokePayToken makes the pay link of an invoice dead.
func (s *Service) RevokePayToken(ctx context.Context, id ids.Invoice) error {
	_, err := s.change(ctx, id, func(inv *Invoice) ([]outbox.Event, error) {
		inv.payHash = ""
		return nil, nil
	})
	return err
}

// ByPayToken reads the invoice that a secret opens; ErrNotFound.
func (s *Service) ByPayToken(ctx context.Context, token string) (Invoice, error) {
	const ulid = 26
	if len(token) <= ulid || len(token) > 190 {
		return Invoice{}, ErrNotFound
	}
	id, err := ids.Parse[ids.Invoice](ids.Invoice("").Prefix() + "_" + token[:ulid])
	if err != nil {
		return Invoice{}, ErrNotFound
	}
	inv, err := s.Get(ctx, id)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Invoice{}, err
	}
	if err != nil || subtle.ConstantTimeCompare([]byte(inv.payHash), []byte(sum([]byte(token)))) != 1 {
		return Invoice{}, ErrNotFound
	}
	return inv, nil
}
