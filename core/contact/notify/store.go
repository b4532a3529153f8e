package notify

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/sdk/fault"
)

// store is the SQL of messages.
type store struct{ db *db.DB }

const columns = `id, once_key, customer_id, channel, instance, template, subject_id, to_name, to_address, title, body_text, body_html, level, fields,
	state, attempts, receipt, error, created_at, tried_at, sent_at, version`

func scan(row interface{ Scan(...any) error }) (Entry, error) {
	var e Entry
	var fields string
	var tried, sent sql.NullTime
	err := row.Scan(&e.ID, &e.onceKey, &e.Customer, &e.Channel, &e.Instance, &e.Template, &e.Subject, &e.ToName, &e.To, &e.Title, &e.Text, &e.HTML, &e.Level, &fields,
		&e.State, &e.Attempts, &e.Receipt, &e.Error, &e.Created, &tried, &sent, &e.Version)
	if errors.Is(err, sql.ErrNoRows) {
		return Entry{}, ErrNotFound
	}
	if err != nil {
		return Entry{}, err
	}
	e.tried, e.Sent = tried.Time, sent.Time
	return e, json.Unmarshal([]byte(fields), &e.Fields)
}

func (s store) insert(ctx context.Context, e Entry) error {
	fields, err := json.Marshal(e.Fields)
	if err != nil {
		return err
	}
	_, err = s.db.Write(ctx).ExecContext(ctx, `INSERT INTO messages (`+columns+`) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
		e.ID, e.onceKey, ids.Null(e.Customer), e.Channel, e.Instance, e.Template, e.Subject, cut(e.ToName, 160), e.To, cut(e.Title, 300), e.Text, e.HTML, e.Level, string(fields),
		e.State, e.Attempts, e.Receipt, cut(e.Error, 500), e.Created, nil, nil, e.Version)
	return err
}

func (s store) update(ctx context.Context, e Entry) error {
	tried, sent := sql.NullTime{Time: e.tried, Valid: !e.tried.IsZero()}, sql.NullTime{Time: e.Sent, Valid: !e.Sent.IsZero()}
	res, err := s.db.Write(ctx).ExecContext(ctx, `UPDATE messages SET state = ?, attempts = ?, receipt = ?, error = ?, tried_at = ?, sent_at = ?, version = version + 1 WHERE id = ? AND version = ?`,
		e.State, e.Attempts, cut(e.Receipt, 190), cut(e.Error, 500), tried, sent, e.ID, e.Version)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, fault.New(fault.Conflict, "message_changed", "The message was changed meanwhile."))
	}
	return nil
}

func (s store) exists(ctx context.Context, key string) (bool, error) {
	var n int
	err := s.db.Write(ctx).QueryRowContext(ctx, `SELECT COUNT(*) FROM messages WHERE once_key = ?`, key).Scan(&n)
	return n > 0, err
}

func (s store) get(ctx context.Context, id ids.Mail) (Entry, error) {
	return scan(s.db.Read(ctx).QueryRowContext(ctx, `SELECT `+columns+` FROM messages WHERE id = ?`, id))
}

func (s store) lock(ctx context.Context, id ids.Mail) (Entry, error) {
	return scan(s.db.Write(ctx).QueryRowContext(ctx, `SELECT `+columns+` FROM messages WHERE id = ?`+s.db.ForUpdate(), id))
}

func (s store) list(ctx context.Context, f Filter) (Page, error) {
	where, args := "1 = 1", []any{}
	if f.Customer != "" {
		where, args = where+" AND customer_id = ?", append(args, f.Customer)
	}
	if f.Channel != "" {
		where, args = where+" AND channel = ?", append(args, f.Channel)
	}
	if len(f.States) > 0 {
		where += " AND state IN (" + strings.TrimSuffix(strings.Repeat("?,", len(f.States)), ",") + ")"
		for _, st := range f.States {
			args = append(args, string(st))
		}
	}
	if q := strings.ToLower(strings.TrimSpace(f.Query)); q != "" {
		like := db.Contains(q)
		where, args = where+" AND (LOWER(title) LIKE ? ESCAPE '!' OR to_address LIKE ? ESCAPE '!')", append(args, like, like)
	}
	var page Page
	if err := s.db.Read(ctx).QueryRowContext(ctx, `SELECT COUNT(*) FROM messages WHERE `+where, args...).Scan(&page.Total); err != nil {
		return Page{}, err
	}
	if f.After != "" {
		where, args = where+" AND id < ?", append(args, f.After)
	}
	limit := f.Limit
	if limit <= 0 || limit > 200 {
		limit = 50
	}
	rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT `+columns+` FROM messages WHERE `+where+` ORDER BY id DESC LIMIT ?`, append(args, limit+1)...)
	if err != nil {
		return Page{}, err
	}
	defer rows.Close()
	for rows.Next() {
		e, err := scan(rows)
		if err != nil {
			return Page{}, err
		}
		page.List = append(page.List, e)
	}
	if len(page.List) > limit {
		page.List = page.List[:limit]
		page.Next = string(page.List[limit-1].ID)
	}
	return page, rows.Err()
}

func (s store) refused(ctx context.Context, address string) (bool, error) {
	var n int
	err := s.db.Write(ctx).QueryRowContext(ctx, `SELECT COUNT(*) FROM undeliverable WHERE address = ?`, strings.ToLower(address)).Scan(&n)
	return n > 0, err
}

func (s store) refuse(ctx context.Context, address, reason string, at time.Time) error {
	_, err := s.db.Write(ctx).ExecContext(ctx, `INSERT INTO undeliverable (address, reason, at) VALUES (?,?,?)`, strings.ToLower(address), cut(reason, 300), at)
	if db.IsDuplicate(err) {
		return nil
	}
	return err
}

func cut(text string, n int) string {
	if r := []rune(text); len(r) > n {
		return string(r[:n])
	}
	return text
}
