// Package audit owns the trail: who did what to which thing, from where, and what it was before and after.
// Rows are written in the transaction of the change, chained by hash so that an edit shows, and never changed.
// Who asks comes with the context: package auth puts it there. Start at Service.Add.
package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/sdk/fault"
)

// ErrBroken: the trail was changed from outside. Its cause names the first row that does not fit.
var ErrBroken = fault.New(fault.Internal, "audit_broken", "")

// Who is the asking person as the trail writes it.
type Who struct {
	Actor     string // "staff:stf_…", "customer:usr_…", "token:tok_…", "system", "anonymous"
	OnBehalf  string // customer whom a member of staff stands in for, or ""
	Address   string // network address
	RequestID string
}

type whoKey struct{}

// By makes a context whose rows are written in a person's name.
func By(ctx context.Context, who Who) context.Context { return context.WithValue(ctx, whoKey{}, who) }

// Asking is the person of a context; without one it is the system itself, as in a job.
func Asking(ctx context.Context) Who {
	if who, ok := ctx.Value(whoKey{}).(Who); ok {
		return who
	}
	return Who{Actor: "system"}
}

// Entry is what is told to the trail. Before and After are anything that JSON can hold; secret.Value prints
// as *** there, and nothing else secret belongs in it.
type Entry struct {
	Action        string // "invoice.refund"
	Subject       string // ID of the thing, or its name
	Customer      ids.Customer
	Before, After any // nil for none
}

// Row is an entry as it was written.
type Row struct {
	ID            int64
	At            time.Time
	Who           Who
	Action        string
	Subject       string
	Customer      ids.Customer
	Before, After string // JSON, "null" for none
	Prev, Hash    string
}

// Filter chooses rows; what is empty does not matter.
type Filter struct {
	Actor    string // all of it: "staff:stf_…"
	Action   string // "invoice.refund", or "invoice." for all of a kind
	Subject  string
	Customer ids.Customer
	From, To time.Time // To exclusive
	Before   int64     // rows older than this ID: the Next of the page before
	Limit    int       // 1 to 200; 0 means 50
}

// Page is a part of the trail, newest first.
type Page struct {
	Rows []Row
	Next int64 // 0 when this was the last page
}

// Service writes and reads the trail.
type Service struct {
	db    *db.DB
	store store
	clock clock.Clock
}

// New makes the service.
func New(d *db.DB, c clock.Clock) *Service { return &Service{db: d, store: store{db: d}, clock: c} }

// Add writes entries in the transaction of ctx, or in one of its own. From then until it commits no other
// transaction can write to the trail, so call it last.
func (s *Service) Add(ctx context.Context, entries ...Entry) error {
	if len(entries) == 0 {
		return nil
	}
	who, rows := Asking(ctx), make([]Row, len(entries))
	for i, e := range entries {
		before, err := json.Marshal(e.Before)
		if err != nil {
			return fmt.Errorf("audit %s: %w", e.Action, err)
		}
		after, err := json.Marshal(e.After)
		if err != nil {
			return fmt.Errorf("audit %s: %w", e.Action, err)
		}
		rows[i] = Row{
			At: s.clock.Now(), Action: cut(e.Action), Subject: cut(e.Subject), Customer: e.Customer, Before: string(before), After: string(after),
			Who: Who{Actor: cut(who.Actor), OnBehalf: cut(who.OnBehalf), Address: cut(who.Address), RequestID: cut(who.RequestID)},
		}
	}
	err := s.db.Tx(ctx, func(ctx context.Context) error { return s.chain(ctx, rows) })
	if err != nil {
		return fmt.Errorf("audit %s of %s: %w", entries[0].Action, entries[0].Subject, err)
	}
	return nil
}

// chain appends rows. The unique index on prev_hash is the guard: of two that follow the same row one is
// refused, reads on and tries again.
func (s *Service) chain(ctx context.Context, rows []Row) error {
	for try := 0; ; try++ {
		prev, err := s.store.lockLast(ctx)
		if err != nil {
			return err
		}
		for i := range rows {
			rows[i].Prev = prev
			rows[i].Hash = rows[i].sum()
			prev = rows[i].Hash
		}
		err = s.store.insert(ctx, rows)
		if err == nil || !db.IsDuplicate(err) || try == 20 {
			return err
		}
	}
}

// List reads a page of the trail.
func (s *Service) List(ctx context.Context, f Filter) (Page, error) {
	if f.Limit < 1 || f.Limit > 200 {
		f.Limit = 50
	}
	rows, err := s.store.list(ctx, f, f.Limit+1)
	if err != nil {
		return Page{}, fmt.Errorf("list audit: %w", err)
	}
	if len(rows) <= f.Limit {
		return Page{Rows: rows}, nil
	}
	rows = rows[:f.Limit]
	return Page{Rows: rows, Next: rows[f.Limit-1].ID}, nil
}

// Verify reads the whole trail and answers ErrBroken if a row was edited, taken out or put in. The end of
// the trail cannot prove itself: keep the hash that Head answers somewhere else.
func (s *Service) Verify(ctx context.Context) error {
	prev, last := genesis, int64(0)
	for {
		rows, err := s.store.forward(ctx, last, 1000)
		if err != nil {
			return fmt.Errorf("verify audit: %w", err)
		}
		for _, r := range rows {
			switch {
			case r.Prev != prev:
				return ErrBroken.Because(fmt.Errorf("row %d does not follow the row before it", r.ID))
			case r.sum() != r.Hash:
				return ErrBroken.Because(fmt.Errorf("row %d was changed", r.ID))
			}
			prev, last = r.Hash, r.ID
		}
		if len(rows) < 1000 {
			return nil
		}
	}
}

// Head is the hash of the newest row.
func (s *Service) Head(ctx context.Context) (string, error) { return s.store.last(ctx) }

// genesis is what the first row follows.
var genesis = strings.Repeat("0", 64)

// sum is the hash of all that a row says, the hash before it included.
func (r Row) sum() string {
	text, _ := json.Marshal([]any{r.At.UTC().UnixMicro(), r.Who.Actor, r.Who.OnBehalf, r.Who.Address, r.Who.RequestID,
		r.Action, r.Subject, r.Customer, r.Before, r.After, r.Prev})
	h := sha256.Sum256(text)
	return hex.EncodeToString(h[:])
}

// cut makes a text fit its column, with control signs gone.
func cut(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, text)
	return fault.Cut(text, 60)
}
