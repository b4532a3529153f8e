package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/sdk/money"
)

type store struct{ db *db.DB }

// mainBooks is the name of the only set of books.
const mainBooks = "main"

// firstDay stands for "nothing yet" in columns that may not be NULL.
var firstDay = period.Date(1, 1, 1)

func (s store) books(ctx context.Context) (b Books, ok bool, err error) {
	err = s.db.Read(ctx).QueryRowContext(ctx, "SELECT closed_to, recognised_to, base_currency FROM ledger_books WHERE name = ?", mainBooks).
		Scan(&b.ClosedTo, &b.RecognisedTo, &b.Base)
	if errors.Is(err, sql.ErrNoRows) {
		return Books{}, false, nil
	}
	for _, d := range []*period.Day{&b.ClosedTo, &b.RecognisedTo} {
		if *d == firstDay {
			*d = period.Day{}
		}
	}
	return b, err == nil, err
}

func (s store) openBooks(ctx context.Context, base string) error {
	return s.db.Upsert(ctx, db.Upsert{Table: "ledger_books", Columns: []string{"name", "closed_to", "recognised_to", "base_currency"},
		Keys: []string{"name"}, Rows: [][]any{{mainBooks, firstDay, firstDay, base}}})
}

func (s store) recognised(ctx context.Context, day period.Day) error {
	_, err := s.db.Write(ctx).ExecContext(ctx, "UPDATE ledger_books SET recognised_to = ? WHERE name = ? AND recognised_to < ?", day, mainBooks, day)
	return err
}

var (
	postingColumns = []string{"id", "event", "cause_key", "on_day", "period", "base_currency", "rate_pico", "memo", "actor", "at"}
	entryColumns   = []string{"posting_id", "no", "account", "of_id", "currency", "amount_minor", "base_minor", "customer_id", "product_id"}
)

// insert writes postings and entries. Values are made once and shared between rows: this is the billing
// run's path.
func (s store) insert(ctx context.Context, set []Posting, base, actor string, now time.Time) error {
	n := 0
	for i := range set {
		n += len(set[i].Entries)
	}
	if n == 0 {
		return nil
	}
	postings, entries := make([][]any, 0, len(set)), make([][]any, 0, n)
	cells := make([]any, 0, len(set)*len(postingColumns)+n*len(entryColumns))
	row := func(values ...any) []any {
		from := len(cells)
		cells = append(cells, values...)
		return cells[from:len(cells):len(cells)]
	}
	var last period.Day
	var day, month any
	var at, who, in any = now, actor, base
	for i := range set {
		p := &set[i]
		if p.Day != last {
			text := p.Day.String()
			last, day, month = p.Day, text, text[:7]
		}
		var id, currency, customer any = string(p.ID), p.Currency, ids.Null(p.Customer)
		postings = append(postings, row(id, p.Event, p.Key(), day, month, in, p.RatePico, cut(p.Memo, 190), who, at))
		for no := range p.Entries {
			e := &p.Entries[no]
			entries = append(entries, row(id, no, string(e.Account), e.Of, currency, e.Minor, e.Base, customer, ids.Null(e.Product)))
		}
	}
	if err := s.db.InsertRows(ctx, "ledger_postings", postingColumns, postings); err != nil {
		return err
	}
	return s.db.InsertRows(ctx, "ledger_entries", entryColumns, entries)
}

// cut shortens a text to n characters.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	runes := []rune(strings.ToValidUTF8(text, ""))
	return string(runes[:min(n, len(runes))])
}

type subAccount struct {
	account  Account
	of       string
	currency string
}

type carriedAt struct{ minor, base int64 }

// carrying reads what the carried accounts of foreign postings stand at.
func (s store) carrying(ctx context.Context, set []Posting, base string) (map[subAccount]carriedAt, error) {
	wanted := map[subAccount]bool{}
	for i := range set {
		if set[i].Currency == base {
			continue
		}
		for _, e := range set[i].Entries {
			if carried(set[i].Event, e.Account) {
				wanted[subAccount{e.Account, e.Of, set[i].Currency}] = true
			}
		}
	}
	groups := map[subAccount][]string{} // by account and currency
	for w := range wanted {
		key := subAccount{account: w.account, currency: w.currency}
		groups[key] = append(groups[key], w.of)
	}
	out := make(map[subAccount]carriedAt, len(wanted))
	for g, all := range groups {
		for of := range slices.Chunk(all, 5000) {
			list, args := db.In(of)
			rows, err := s.db.Write(ctx).QueryContext(ctx, "SELECT of_id, SUM(amount_minor), SUM(base_minor) FROM ledger_entries WHERE account = ? AND currency = ? AND of_id IN "+list+" GROUP BY of_id",
				append([]any{string(g.account), g.currency}, args...)...)
			if err != nil {
				return nil, err
			}
			for rows.Next() {
				var v carriedAt
				key := g
				if err := rows.Scan(&key.of, &v.minor, &v.base); err != nil {
					rows.Close()
					return nil, err
				}
				out[key] = v
			}
			rows.Close()
			if err := rows.Err(); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

func (s store) rate(ctx context.Context, currency, base string, at time.Time) (r Rate, err error) {
	err = s.db.Read(ctx).QueryRowContext(ctx, "SELECT id, rate_pico FROM exchange_rates WHERE currency = ? AND base = ? AND valid_from <= ? ORDER BY valid_from DESC LIMIT 1", currency, base, at).
		Scan(&r.ID, &r.Pico)
	if errors.Is(err, sql.ErrNoRows) {
		return Rate{}, ErrNoRate.Because(fmt.Errorf("%s in %s", currency, base))
	}
	return r, err
}

func (s store) posted(ctx context.Context, key string) (bool, error) {
	var n int
	err := s.db.Read(ctx).QueryRowContext(ctx, "SELECT COUNT(*) FROM ledger_postings WHERE cause_key = ?", key).Scan(&n)
	return n > 0, err
}

func (s store) lossOf(ctx context.Context, inv ids.Invoice) (Account, error) {
	var a string
	err := s.db.Read(ctx).QueryRowContext(ctx, `SELECT e.account FROM ledger_postings p JOIN ledger_entries e ON e.posting_id = p.id
		WHERE p.cause_key LIKE ? ESCAPE '!' AND e.account IN ('bad_debts', 'dispute_losses') ORDER BY p.id DESC LIMIT 1`, db.StartsWith("write_off:"+string(inv))).Scan(&a)
	if errors.Is(err, sql.ErrNoRows) {
		return BadDebts, nil
	}
	return Account(a), err
}

func (s store) deferred(ctx context.Context, invoices []ids.Invoice) (map[ids.Invoice]int64, error) {
	out := make(map[ids.Invoice]int64, len(invoices))
	for chunk := range slices.Chunk(invoices, 5000) {
		list, args := db.In(ids.Strings(chunk))
		rows, err := s.db.Read(ctx).QueryContext(ctx, "SELECT of_id, -SUM(amount_minor) FROM ledger_entries WHERE account = 'deferred_revenue' AND of_id IN "+list+" GROUP BY of_id", args...)
		if err != nil {
			return nil, err
		}
		for rows.Next() {
			var id ids.Invoice
			var minor int64
			if err := rows.Scan(&id, &minor); err != nil {
				rows.Close()
				return nil, err
			}
			out[id] = minor
		}
		rows.Close()
		if err := rows.Err(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s store) moves(ctx context.Context, customer ids.Customer, before ids.Posting, limit int) ([]Move, error) {
	where, args := "", []any{string(customer)}
	if before != "" {
		where, args = " AND e.posting_id < ?", append(args, string(before))
	}
	rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT p.id, p.event, p.cause_key, p.on_day, e.currency, -SUM(e.amount_minor) FROM ledger_entries e JOIN ledger_postings p ON p.id = e.posting_id
		WHERE e.account = 'balance' AND e.of_id = ?`+where+` GROUP BY p.id, p.event, p.cause_key, p.on_day, e.currency ORDER BY p.id DESC LIMIT `+fmt.Sprint(limit), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Move
	for rows.Next() {
		var m Move
		var minor int64
		var currency string
		if err := rows.Scan(&m.Posting, &m.Event, &m.Cause, &m.Day, &currency, &minor); err != nil {
			return nil, err
		}
		m.Cause, m.Amount = strings.TrimPrefix(m.Cause, m.Event+":"), money.Of(minor, currency)
		out = append(out, m)
	}
	return out, rows.Err()
}

func (s store) trialBalance(ctx context.Context, through period.Day, base string) ([]Line, error) {
	rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT e.account, e.currency, SUM(e.amount_minor), SUM(e.base_minor) FROM ledger_entries e JOIN ledger_postings p ON p.id = e.posting_id
		WHERE p.on_day <= ? GROUP BY e.account, e.currency ORDER BY e.account, e.currency`, through)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Line
	for rows.Next() {
		var account, currency string
		var minor, value int64
		if err := rows.Scan(&account, &currency, &minor, &value); err != nil {
			return nil, err
		}
		out = append(out, Line{Account: Account(account), Amount: money.Of(minor, currency), Base: money.Of(value, base)})
	}
	return out, rows.Err()
}
