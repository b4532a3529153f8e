package auth

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/db"
)

// link is a row of tokens: what a secret opens, and for whom.
type link struct {
	id               ids.Token
	purpose, owner   string
	customer         ids.Customer
	label, scopes    string
	hash             string
	created, expires time.Time // expires zero: never
}

func (s store) insertToken(ctx context.Context, l link) error {
	return s.exec(ctx, `INSERT INTO tokens (id, purpose, owner, customer_id, label, hash, scopes, created_at, expires_at, used_at, revoked_at)
		VALUES (?,?,?,?,?,?,?,?,?,NULL,NULL)`, l.id, l.purpose, l.owner, ids.Null(l.customer), l.label, l.hash, l.scopes, l.created, nullTime(l.expires))
}

func nullTime(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	return at
}

// link finds one that still opens something. Error: ErrLink.
func (s store) link(ctx context.Context, purpose, hash string, now time.Time) (link, error) {
	l := link{purpose: purpose, hash: hash}
	err := s.db.Read(ctx).QueryRowContext(ctx, `SELECT id, owner, customer_id, label FROM tokens
		WHERE hash = ? AND purpose = ? AND used_at IS NULL AND revoked_at IS NULL AND expires_at > ?`, hash, purpose, now).Scan(&l.id, &l.owner, &l.customer, &l.label)
	if errors.Is(err, sql.ErrNoRows) {
		return link{}, ErrLink
	}
	return l, err
}

func (s store) useLink(ctx context.Context, id ids.Token, now time.Time) error {
	return s.changed(ctx, ErrLink, `UPDATE tokens SET used_at = ? WHERE id = ? AND used_at IS NULL AND revoked_at IS NULL AND expires_at > ?`, now, id, now)
}

func (s store) revokeLinks(ctx context.Context, owner, purpose string, now time.Time) error {
	return s.exec(ctx, `UPDATE tokens SET revoked_at = ? WHERE owner = ? AND purpose = ? AND used_at IS NULL AND revoked_at IS NULL`, now, owner, purpose)
}

const tokenColumns = `id, owner, customer_id, label, scopes, created_at, expires_at, used_at`

func scanToken(row scanner) (t Token, err error) {
	var scopes string
	var expires, used sql.NullTime
	if err := row.Scan(&t.ID, &t.Owner, &t.Customer, &t.Label, &scopes, &t.Created, &expires, &used); err != nil {
		return Token{}, err
	}
	t.Scopes, t.Expires, t.LastUsed = strings.Fields(scopes), expires.Time, used.Time
	return t, nil
}

func (s store) apiToken(ctx context.Context, hash string, now time.Time) (Token, error) {
	t, err := scanToken(s.db.Read(ctx).QueryRowContext(ctx, `SELECT `+tokenColumns+` FROM tokens
		WHERE hash = ? AND purpose = ? AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)`, hash, purposeAPI, now))
	if errors.Is(err, sql.ErrNoRows) {
		return Token{}, ErrToken
	}
	return t, err
}

func (s store) tokenUsed(ctx context.Context, id ids.Token, now time.Time) error {
	return s.exec(ctx, `UPDATE tokens SET used_at = ? WHERE id = ?`, now, id)
}

func (s store) tokens(ctx context.Context, owner string) ([]Token, error) {
	rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT `+tokenColumns+` FROM tokens WHERE owner = ? AND purpose = ? AND revoked_at IS NULL ORDER BY id DESC`, owner, purposeAPI)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Token
	for rows.Next() {
		t, err := scanToken(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, rows.Err()
}

func (s store) revokeToken(ctx context.Context, owner string, id ids.Token, now time.Time) error {
	return s.changed(ctx, ErrTokenNotFound, `UPDATE tokens SET revoked_at = ? WHERE id = ? AND owner = ? AND purpose = ? AND revoked_at IS NULL`, now, id, owner, purposeAPI)
}

// setUpDone is the hash of a row that can be there once, and stays.
const setUpDone = "setup"

// closeSetUp writes that row. Error: ErrSetUp if it is there.
func (s store) closeSetUp(ctx context.Context, at time.Time) error {
	err := s.insertToken(ctx, link{id: ids.New[ids.Token](), purpose: setUpDone, hash: setUpDone, created: at})
	if db.IsDuplicate(err) {
		return ErrSetUp
	}
	return err
}

func (s store) setUpClosed(ctx context.Context) (bool, error) {
	var n int
	err := s.db.Read(ctx).QueryRowContext(ctx, `SELECT COUNT(*) FROM tokens WHERE hash = ?`, setUpDone).Scan(&n)
	return n > 0, err
}
