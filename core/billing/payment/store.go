package payment

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/platform/secret"
	"github.com/ezscale/bursar/sdk"
)

// store is the SQL of this package: payments and allocations in store_payments.go, the rest in files of their own.
type store struct {
	db  *db.DB
	box *secret.Box
}

type row interface{ Scan(...any) error }

// sealNotes closes what a plugin remembers. An empty map is sealed too.
func (s store) sealNotes(table, id string, notes sdk.Notes) (string, error) {
	return s.box.SealJSON(table+":"+id+":notes_sealed", notes)
}

func (s store) openNotes(table, id, sealed string) (sdk.Notes, error) {
	notes := sdk.Notes{}
	if err := s.box.OpenJSON(table+":"+id+":notes_sealed", sealed, &notes); err != nil {
		return nil, err
	}
	if notes == nil {
		notes = sdk.Notes{}
	}
	return notes, nil
}

// at is a time for a column that may be NULL.
func at(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

// word is a text for a column that may be NULL.
func word[T ~string](s T) any {
	if s == "" {
		return nil
	}
	return string(s)
}

// cut shortens a text to what its column holds.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	r := []rune(strings.ToValidUTF8(text, "\uFFFD"))
	return string(r[:min(n, len(r))])
}

// once runs an UPDATE that must find exactly one row: otherwise somebody else was faster, or a guard held.
func (s store) once(ctx context.Context, miss error, query string, args ...any) error {
	res, err := s.db.Write(ctx).ExecContext(ctx, query, args...)
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err == nil && n != 1 {
		err = miss
	}
	return err
}

// missing turns "no row" into the error of the thing.
func missing(err, is error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return is
	}
	return err
}

// listing is the condition of a list, built from constants and parameters.
type listing struct {
	where []string
	args  []any
}

func (l *listing) and(cond string, args ...any) {
	l.where, l.args = append(l.where, cond), append(l.args, args...)
}

// in adds a list of words; none does not narrow.
func in[T ~string](l *listing, column string, words []T) {
	if len(words) > 0 {
		list, args := db.In(words)
		l.and(column+" IN "+list, args...)
	}
}

func (l *listing) text() string {
	if len(l.where) == 0 {
		return "1 = 1"
	}
	return strings.Join(l.where, " AND ")
}

// errSort is a caller's mistake, not a customer's.
var errSort = errors.New("unknown sort order")

// read answers one page of a table with two queries. query gets the condition, the order and the limit.
func read[T any](ctx context.Context, s store, table string, l listing, sort, after string, limit int,
	query func(where, order string, args []any) ([]T, error), id func(T) string) (page Page[T], err error) {
	if err := s.db.Read(ctx).QueryRowContext(ctx, "SELECT COUNT(*) FROM "+table+" WHERE "+l.text(), l.args...).Scan(&page.Total); err != nil {
		return page, err
	}
	order, key := "id DESC", "id < ?"
	switch sort {
	case "", "newest":
	case "oldest":
		order, key = "id", "id > ?"
	default:
		return page, fmt.Errorf("%w: %.20q", errSort, sort)
	}
	if after != "" {
		l.and(key, after)
	}
	if limit <= 0 {
		limit = 50
	}
	limit = min(limit, 200)
	page.List, err = query(l.text(), order, append(l.args, limit+1))
	if len(page.List) > limit {
		page.List = page.List[:limit]
		page.Next = id(page.List[limit-1])
	}
	return page, err
}
