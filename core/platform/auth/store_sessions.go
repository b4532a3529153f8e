package auth

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/ezscale/bursar/core/data/db"
)

// session reads a session, nil if there is none.
func (s store) session(ctx context.Context, token string) (data []byte, expires time.Time, err error) {
	err = s.db.Read(ctx).QueryRowContext(ctx, `SELECT data, expires_at FROM sessions WHERE token = ?`, token).Scan(&data, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, time.Time{}, nil
	}
	return data, expires, err
}

func (s store) insertSession(ctx context.Context, token, person string, data []byte, expires time.Time) error {
	return s.exec(ctx, `INSERT INTO sessions (token, data, person, expires_at) VALUES (?,?,?,?)`, token, data, person, expires)
}

// touchSession changes what is there and brings nothing back.
func (s store) touchSession(ctx context.Context, token string, expires time.Time) error {
	return s.exec(ctx, `UPDATE sessions SET expires_at = ? WHERE token = ?`, expires, token)
}

func (s store) deleteSession(ctx context.Context, token string) error {
	return s.changed(ctx, ErrSignedOut, `DELETE FROM sessions WHERE token = ?`, token)
}

// revokeSessions ends one session of a person, or with "" all.
func (s store) revokeSessions(ctx context.Context, person, token string) error {
	if token != "" {
		return s.exec(ctx, `DELETE FROM sessions WHERE person = ? AND token = ?`, person, token)
	}
	return s.exec(ctx, `DELETE FROM sessions WHERE person = ?`, person)
}

func (s store) sessions(ctx context.Context, person string, now time.Time) ([]SessionInfo, error) {
	rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT token, data, expires_at FROM sessions WHERE person = ? AND expires_at > ? ORDER BY expires_at DESC, token`, person, now)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []SessionInfo
	for rows.Next() {
		var info SessionInfo
		var data []byte
		if err := rows.Scan(&info.ID, &data, &info.Expires); err != nil {
			return nil, err
		}
		h, err := decode(data)
		if err != nil {
			return nil, err
		}
		info.Since, _ = time.Parse(time.RFC3339, h.Values[SessionSince])
		info.Address, info.Agent = h.Values[SessionAddress], h.Values[SessionAgent]
		info.StandsIn = h.Values[SessionRealm] == string(CustomerKind) && h.Values[SessionPerson][:4] == "stf_"
		out = append(out, info)
	}
	return out, rows.Err()
}

// hit counts a try, in single statements that each look and change at once. It answers since when the window is full,
// or a zero time if the try is allowed.
func (s store) hit(ctx context.Context, bucket string, l limit, now time.Time) (full time.Time, err error) {
	opened := now.Add(-l.window)
	for {
		n, err := s.affected(ctx, `UPDATE throttles SET hits = hits + 1 WHERE bucket = ? AND window_from > ? AND hits < ?`, bucket, opened, l.hits)
		if err != nil || n == 1 {
			return time.Time{}, err
		}
		var from time.Time
		var hits int64
		err = s.db.Write(ctx).QueryRowContext(ctx, `SELECT window_from, hits FROM throttles WHERE bucket = ?`, bucket).Scan(&from, &hits)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			err = s.exec(ctx, `INSERT INTO throttles (bucket, hits, window_from) VALUES (?,1,?)`, bucket, now)
			if !db.IsDuplicate(err) {
				return time.Time{}, err
			}
		case err != nil:
			return time.Time{}, err
		case !from.After(opened):
			n, err := s.affected(ctx, `UPDATE throttles SET hits = 1, window_from = ? WHERE bucket = ? AND window_from = ?`, now, bucket, from)
			if err != nil || n == 1 {
				return time.Time{}, err
			}
		case hits >= l.hits:
			return from, nil
		} // else the row came, or was forgiven, since the update looked
	}
}

func (s store) affected(ctx context.Context, query string, args ...any) (int64, error) {
	done, err := s.db.Write(ctx).ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return done.RowsAffected()
}

func (s store) forgive(ctx context.Context, bucket string) error {
	return s.exec(ctx, `UPDATE throttles SET hits = hits - 1 WHERE bucket = ? AND hits > 0`, bucket)
}

// purge deletes sessions that are over and links and counts that are old. No window is longer than an hour.
func (s store) purge(ctx context.Context, now, old time.Time) error {
	if err := s.exec(ctx, `DELETE FROM sessions WHERE expires_at <= ?`, now); err != nil {
		return err
	}
	if err := s.exec(ctx, `DELETE FROM throttles WHERE window_from < ?`, old); err != nil {
		return err
	}
	return s.exec(ctx, `DELETE FROM tokens WHERE purpose IN (?,?,?) AND expires_at < ?`, purposeReset, purposeVerify, purposePass, old)
}
