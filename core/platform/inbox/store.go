package inbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ezscale/bursar/core/data/db"
)

type store struct{ db *db.DB }

// insert answers the entry that was there before, and false, if there was one.
func (s store) insert(ctx context.Context, e Entry) (id int64, fresh bool, err error) {
	res, err := s.db.Write(ctx).ExecContext(ctx, `INSERT INTO webhook_inbox (instance, event_id, raw, meaning, state, received_at) VALUES (?,?,?,?,?,?)`,
		e.Instance, e.EventID, append([]byte{}, e.Raw...), string(e.Meaning), e.State, e.Received) // a request without a body is empty, not NULL
	if db.IsDuplicate(err) {
		err = s.db.Write(ctx).QueryRowContext(ctx, `SELECT id FROM webhook_inbox WHERE instance = ? AND event_id = ?`, e.Instance, e.EventID).Scan(&id)
		return id, false, err
	}
	if err != nil {
		return 0, false, err
	}
	id, err = res.LastInsertId()
	return id, true, err
}

func (s store) get(ctx context.Context, id int64) (e Entry, err error) {
	var note sql.NullString
	var applied sql.NullTime
	err = s.db.Read(ctx).QueryRowContext(ctx, `SELECT id, instance, event_id, raw, meaning, state, note, received_at, applied_at FROM webhook_inbox WHERE id = ?`, id).
		Scan(&e.ID, &e.Instance, &e.EventID, &e.Raw, &e.Meaning, &e.State, &note, &e.Received, &applied)
	e.Note, e.Applied = note.String, applied.Time
	return e, missing(err)
}

func missing(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}

func (s store) lock(ctx context.Context, id int64) (state string, err error) {
	err = s.db.Write(ctx).QueryRowContext(ctx, `SELECT state FROM webhook_inbox WHERE id = ?`+s.db.ForUpdate(), id).Scan(&state)
	return state, missing(err)
}

func (s store) mark(ctx context.Context, id int64, state, note string, done time.Time) error {
	var at any
	if !done.IsZero() {
		at = done
	}
	if r := []rune(strings.ToValidUTF8(note, "\uFFFD")); len(r) > 500 {
		note = string(r[:500])
	}
	_, err := s.db.Write(ctx).ExecContext(ctx, `UPDATE webhook_inbox SET state = ?, note = ?, applied_at = ? WHERE id = ?`, state, note, at, id)
	return err
}

// errSort is a caller's mistake, not a customer's.
var errSort = errors.New("unknown sort order")

func (s store) list(ctx context.Context, f Filter) (page Page, err error) {
	where, args := []string{"1 = 1"}, []any{}
	and := func(cond string, values ...any) { where, args = append(where, cond), append(args, values...) }
	if f.Instance != "" {
		and("instance = ?", f.Instance)
	}
	if len(f.States) > 0 {
		list, values := db.In(f.States)
		and("state IN "+list, values...)
	}
	if q := strings.TrimSpace(f.Query); q != "" {
		and("(event_id = ? OR LOWER(note) LIKE ? ESCAPE '!')", q, db.Contains(strings.ToLower(q)))
	}
	if err := s.db.Read(ctx).QueryRowContext(ctx, `SELECT COUNT(*) FROM webhook_inbox WHERE `+strings.Join(where, " AND "), args...).Scan(&page.Total); err != nil {
		return page, err
	}
	order, key := "id DESC", "id < ?"
	switch f.Sort {
	case "", "newest":
	case "oldest":
		order, key = "id", "id > ?"
	default:
		return page, fmt.Errorf("%w: %.20q", errSort, f.Sort)
	}
	if f.After != "" {
		after, err := strconv.ParseInt(f.After, 10, 64)
		if err != nil {
			return page, ErrNotFound.Because(err)
		}
		and(key, after)
	}
	limit := f.Limit
	if limit <= 0 {
		limit = 50
	}
	limit = min(limit, 200)
	rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT id, instance, event_id, state, note, received_at, applied_at FROM webhook_inbox WHERE `+strings.Join(where, " AND ")+` ORDER BY `+order+` LIMIT ?`, append(args, limit+1)...)
	if err != nil {
		return page, err
	}
	defer rows.Close()
	for rows.Next() {
		var e Entry
		var note sql.NullString
		var applied sql.NullTime
		if err := rows.Scan(&e.ID, &e.Instance, &e.EventID, &e.State, &note, &e.Received, &applied); err != nil {
			return page, err
		}
		e.Note, e.Applied = note.String, applied.Time
		page.List = append(page.List, e)
	}
	if len(page.List) > limit {
		page.List = page.List[:limit]
		page.Next = strconv.FormatInt(page.List[limit-1].ID, 10)
	}
	return page, rows.Err()
}

func (s store) purge(ctx context.Context, before time.Time) (int64, error) {
	res, err := s.db.Write(ctx).ExecContext(ctx, `DELETE FROM webhook_inbox WHERE state IN ('applied','ignored') AND received_at < ?`, before)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}
