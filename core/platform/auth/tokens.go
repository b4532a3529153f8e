package auth

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/platform/audit"
)

// TokenPrefix begins every API token, so that scanners of source code find one that leaked.
const TokenPrefix = "bur_"

// Token is an API token without its secret.
type Token struct {
	ID       ids.Token
	Owner    string       // ID of a user or a member of staff
	Customer ids.Customer // that a user's token acts for
	Label    string
	Scopes   []string // rights; what is not named is not allowed
	Created  time.Time
	Expires  time.Time // zero: never
	LastUsed time.Time // to the minute; zero: never
}

// usedStep is how exactly the last use is kept.
const usedStep = time.Minute

// NewToken makes an API token for its owner, who must ask himself, in a browser; a user's acts for the customer that
// he acts for now. The secret is shown this once. Scopes are rights that the owner has at this moment; later the token
// may what both still allow. expires is zero for never. Right: token.edit.
//
// Errors: ErrForbidden; Invalid on label, scopes or expires.
func (s *Service) NewToken(ctx context.Context, owner, label string, scopes []string, expires time.Time) (secret string, t Token, err error) {
	a := Of(ctx)
	if !s.isSelf(ctx, owner) || a.Kind == SystemKind || !a.rights[TokenEdit] {
		return "", Token{}, ErrForbidden
	}
	label = strings.TrimSpace(label)
	scopes = slices.Compact(slices.Sorted(slices.Values(scopes)))
	switch {
	case label == "" || utf8.RuneCountInString(label) > 80:
		return "", Token{}, errName.On("label")
	case len(scopes) == 0 || slices.ContainsFunc(scopes, func(sc string) bool { return !a.rights[Right(sc)] }):
		return "", Token{}, errScopes
	case !expires.IsZero() && !expires.After(s.wall.Now()):
		return "", Token{}, errExpires
	}
	bare, _ := newSecret()
	secret = TokenPrefix + bare
	t = Token{ID: ids.New[ids.Token](), Owner: owner, Customer: a.Customer, Label: label, Scopes: scopes, Created: s.clock.Now(), Expires: expires}
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		if err := s.store.insertToken(ctx, link{id: t.ID, purpose: purposeAPI, owner: owner, customer: t.Customer, label: label,
			scopes: strings.Join(scopes, " "), hash: hashOf(secret), created: t.Created, expires: expires}); err != nil {
			return err
		}
		return s.audit.Add(ctx, audit.Entry{Action: "token.new", Subject: string(t.ID), Customer: t.Customer, After: map[string]any{"label": label, "scopes": scopes}})
	})
	if err != nil {
		return "", Token{}, fmt.Errorf("new token of %s: %w", owner, err)
	}
	return secret, t, nil
}

// ByToken is who asks with an API token: its owner, with those of the owner's present rights that are scopes.
//
// Error: ErrToken.
func (s *Service) ByToken(ctx context.Context, secret string) (Actor, error) {
	if !strings.HasPrefix(secret, TokenPrefix) || len(secret) > 100 {
		return Actor{}, ErrToken
	}
	now := s.wall.Now()
	t, err := s.store.apiToken(ctx, hashOf(secret), now)
	if err != nil {
		return Actor{}, err
	}
	var a Actor
	if strings.HasPrefix(t.Owner, "stf_") {
		a, err = s.ActorOfStaff(ctx, ids.Staff(t.Owner))
	} else {
		a, err = s.ActorOfUser(ctx, ids.User(t.Owner), t.Customer)
	}
	if isUnknown(err) {
		return Actor{}, ErrToken
	}
	if err != nil {
		return Actor{}, err
	}
	has := a.rights
	a.Token, a.Scopes, a.rights = t.ID, t.Scopes, set{}
	for _, scope := range t.Scopes {
		if has[Right(scope)] {
			a.rights[Right(scope)] = true
		}
	}
	if now.Sub(t.LastUsed) >= usedStep {
		if err := s.store.tokenUsed(ctx, t.ID, now); err != nil {
			return Actor{}, err
		}
	}
	return a, nil
}

// Tokens lists the API tokens of an owner that were not revoked, newest first. Asked by the owner, or by staff with
// the right user.edit.
func (s *Service) Tokens(ctx context.Context, owner string) ([]Token, error) {
	if !s.mayManage(ctx, owner) {
		return nil, ErrForbidden
	}
	return s.store.tokens(ctx, owner)
}

// RevokeToken ends a token of an owner, at once. Asked as for Tokens. Errors: ErrForbidden, ErrTokenNotFound.
func (s *Service) RevokeToken(ctx context.Context, owner string, id ids.Token) error {
	if !s.mayManage(ctx, owner) {
		return ErrForbidden
	}
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		if err := s.store.revokeToken(ctx, owner, id, s.wall.Now()); err != nil {
			return err
		}
		return s.audit.Add(ctx, audit.Entry{Action: "token.revoke", Subject: string(id)})
	})
	if err != nil {
		return fmt.Errorf("revoke token %s: %w", id, err)
	}
	return nil
}

// mayManage: the person himself, or staff that edits such people.
func (s *Service) mayManage(ctx context.Context, person string) bool {
	edit := UserEdit
	if strings.HasPrefix(person, "stf_") {
		edit = StaffEdit
	}
	return s.isSelf(ctx, person) || Require(ctx, edit) == nil && Of(ctx).Token == ""
}
