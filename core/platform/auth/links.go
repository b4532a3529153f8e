package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/platform/audit"
)

// What a token opens.
const (
	purposeReset  = "reset"
	purposeVerify = "verify"
	purposePass   = "pass"
	purposeAPI    = "api"
)

// How long links open anything.
const (
	linkLife = time.Hour
	passLife = time.Minute
)

// newSecret draws 160 random bits as text, and its hash, which alone is kept.
func newSecret() (secret, hash string) {
	secret = rand.Text() + rand.Text()[:6]
	return secret, hashOf(secret)
}

func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

func isUnknown(err error) bool { return errors.Is(err, ErrNotFound) }

// RequestReset makes a link by which the owner of an address chooses a new password; earlier ones open nothing any
// more. ok is false if there is nobody to mail it to: answer the same then. The work is the same, too.
func (s *Service) RequestReset(ctx context.Context, email string) (secret string, u User, ok bool, err error) {
	u, _, err = s.store.userByEmail(ctx, Fold(email))
	if err != nil && !isUnknown(err) {
		return "", User{}, false, fmt.Errorf("request reset: %w", err)
	}
	ok = err == nil && u.Status == Active
	secret, err = s.newLink(ctx, link{purpose: purposeReset, owner: string(u.ID)}, linkLife)
	return secret, u, ok, err
}

// RequestStaffReset is RequestReset for staff.
func (s *Service) RequestStaffReset(ctx context.Context, email string) (secret string, m Staff, ok bool, err error) {
	m, _, err = s.store.staffByEmail(ctx, Fold(email))
	if err != nil && !isUnknown(err) {
		return "", Staff{}, false, fmt.Errorf("request reset: %w", err)
	}
	ok = err == nil && m.Status == Active
	secret, err = s.newLink(ctx, link{purpose: purposeReset, owner: string(m.ID)}, linkLife)
	return secret, m, ok, err
}

// newLink keeps the hash of a new secret and takes back the earlier ones. Those for nobody ("") are written as well.
func (s *Service) newLink(ctx context.Context, l link, life time.Duration) (string, error) {
	secret, hash := newSecret()
	now := s.wall.Now()
	l.id, l.hash, l.created, l.expires = ids.New[ids.Token](), hash, now, now.Add(life)
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		if l.purpose != purposePass {
			if err := s.store.revokeLinks(ctx, l.owner, l.purpose, now); err != nil {
				return err
			}
		}
		return s.store.insertToken(ctx, l)
	})
	if err != nil {
		return "", fmt.Errorf("make a %s link: %w", l.purpose, err)
	}
	return secret, nil
}

// Reset sets the password of the user whom a link was mailed to, once. Every session ends, and the address counts as
// verified: its mail was read.
//
// Errors: ErrLink; Invalid on password.
func (s *Service) Reset(ctx context.Context, secret, password string) (User, error) {
	var u User
	err := s.reset(ctx, secret, password, "usr_", func(ctx context.Context, id, hash string) (err error) {
		if u, _, err = s.store.user(ctx, ids.User(id), true); err != nil {
			return err
		}
		if err := s.saveUserHash(ctx, id, hash); err != nil {
			return err
		}
		u.Password, u.Verified = true, s.clock.Now()
		return s.store.setVerified(ctx, u.ID, u.Verified)
	})
	return u, err
}

// ResetStaff is Reset for staff.
func (s *Service) ResetStaff(ctx context.Context, secret, password string) (Staff, error) {
	var m Staff
	err := s.reset(ctx, secret, password, "stf_", func(ctx context.Context, id, hash string) (err error) {
		if m, _, err = s.store.staff(ctx, ids.Staff(id), true); err != nil {
			return err
		}
		return s.saveStaffHash(ctx, id, hash)
	})
	return m, err
}

func (s *Service) reset(ctx context.Context, secret, password, realm string, save func(ctx context.Context, id, hash string) error) error {
	if err := checkPassword(password, ""); err != nil {
		return err
	}
	if _, err := s.peek(ctx, purposeReset, secret, realm); err != nil { // before the work of a hash
		return err
	}
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		l, err := s.take(ctx, purposeReset, secret, realm)
		if err != nil {
			return err
		}
		return s.replaceHash(ctx, l.owner, hash, "password.reset", save)
	})
	if isUnknown(err) {
		return ErrLink
	}
	return err
}

// CanReset says whether a link still opens the form for a new password. The form's own check is Reset.
func (s *Service) CanReset(ctx context.Context, secret string) error {
	_, err := s.peek(ctx, purposeReset, secret, "")
	return err
}

// peek looks at a link without using it. realm is how the owner's ID begins.
func (s *Service) peek(ctx context.Context, purpose, secret, realm string) (link, error) {
	l, err := s.store.link(ctx, purpose, hashOf(secret), s.wall.Now())
	if err != nil {
		return link{}, err
	}
	if l.owner == "" || !strings.HasPrefix(l.owner, realm) {
		return link{}, ErrLink
	}
	return l, nil
}

// take uses a link: of many at once, one succeeds.
func (s *Service) take(ctx context.Context, purpose, secret, realm string) (link, error) {
	l, err := s.peek(ctx, purpose, secret, realm)
	if err != nil {
		return link{}, err
	}
	return l, s.store.useLink(ctx, l.id, s.wall.Now())
}

// RequestVerify makes a link that proves a user's present address, once it is mailed there. Error: ErrNotFound.
func (s *Service) RequestVerify(ctx context.Context, id ids.User) (secret string, u User, err error) {
	u, _, err = s.store.user(ctx, id, false)
	if err != nil {
		return "", User{}, err
	}
	secret, err = s.newLink(ctx, link{purpose: purposeVerify, owner: string(id), label: u.Email}, linkLife)
	return secret, u, err
}

// VerifyEmail uses such a link. Error: ErrLink, also when the address was changed since.
func (s *Service) VerifyEmail(ctx context.Context, secret string) (User, error) {
	var u User
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		l, err := s.take(ctx, purposeVerify, secret, "usr_")
		if err != nil {
			return err
		}
		if u, _, err = s.store.user(ctx, ids.User(l.owner), true); err != nil {
			return err
		}
		if u.Email != l.label {
			return ErrLink
		}
		u.Verified = s.clock.Now()
		if err := s.store.setVerified(ctx, u.ID, u.Verified); err != nil {
			return err
		}
		return s.audit.Add(ctx, audit.Entry{Action: "user.verify", Subject: string(u.ID), After: u.Email})
	})
	if isUnknown(err) {
		err = ErrLink
	}
	if err != nil {
		return User{}, fmt.Errorf("verify an address: %w", err)
	}
	return u, nil
}

// ChangeEmail gives a user another address after the password was asked for. It is not verified then, and links that
// were mailed to the old one open nothing. The caller tells the old address, which is answered.
//
// Errors: ErrForbidden, ErrThrottled, ErrEmailTaken; Invalid on email or old.
func (s *Service) ChangeEmail(ctx context.Context, id ids.User, password, email string) (old string, err error) {
	if err := s.ConfirmPassword(ctx, id, password); err != nil {
		return "", err
	}
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		u, _, err := s.store.user(ctx, id, true)
		if err != nil {
			return err
		}
		next, _, err := checkPerson(email, u.Name)
		if err != nil {
			return err
		}
		if old = u.Email; next == old {
			return nil
		}
		if err := s.store.setEmail(ctx, id, next, s.clock.Now()); err != nil {
			return err
		}
		for _, purpose := range []string{purposeReset, purposeVerify} {
			if err := s.store.revokeLinks(ctx, string(id), purpose, s.wall.Now()); err != nil {
				return err
			}
		}
		return s.audit.Add(ctx, audit.Entry{Action: "user.email", Subject: string(id), Before: old, After: next})
	})
	if err != nil {
		return "", fmt.Errorf("change address of %s: %w", id, err)
	}
	return old, nil
}

// Pass is what goes with somebody from one of our sites to another.
type Pass struct {
	User     ids.User
	Staff    ids.Staff // stands in for Customer
	Customer ids.Customer
}

// NewPass makes a secret that signs the actor in on another of our sites, once and within a minute.
//
// Error: ErrForbidden for anybody but a user in a browser.
func (s *Service) NewPass(ctx context.Context) (secret string, err error) {
	a := Of(ctx)
	if a.Kind != CustomerKind || a.User == "" || a.Token != "" {
		return "", ErrForbidden
	}
	return s.newLink(ctx, link{purpose: purposePass, owner: string(a.User), customer: a.Customer}, passLife)
}

// StandIn makes such a secret for a member of staff who is to act in a customer's place on the portal. The reason is
// on the trail. Right: customer.stand_in.
//
// Errors: ErrForbidden; Invalid on reason.
func (s *Service) StandIn(ctx context.Context, c ids.Customer, reason string) (secret string, err error) {
	a := Of(ctx)
	if a.Kind != StaffKind || a.Token != "" || !a.rights[CustomerStandIn] || c == "" {
		return "", ErrForbidden
	}
	reason = strings.TrimSpace(reason)
	if reason == "" || utf8.RuneCountInString(reason) > 190 {
		return "", errReason
	}
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		if secret, err = s.newLink(ctx, link{purpose: purposePass, owner: string(a.Staff), customer: c, label: reason}, passLife); err != nil {
			return err
		}
		return s.audit.Add(ctx, audit.Entry{Action: "customer.stand_in", Subject: string(c), Customer: c, After: map[string]string{"reason": reason}})
	})
	return secret, err
}

// SeePass looks at a pass without using it. Error: ErrLink.
func (s *Service) SeePass(ctx context.Context, secret string) (Pass, error) {
	l, err := s.peek(ctx, purposePass, secret, "")
	return passOf(l), err
}

// TakePass uses a pass. Error: ErrLink.
func (s *Service) TakePass(ctx context.Context, secret string) (Pass, error) {
	l, err := s.take(ctx, purposePass, secret, "")
	return passOf(l), err
}

func passOf(l link) Pass {
	p := Pass{Customer: l.customer}
	if strings.HasPrefix(l.owner, "stf_") {
		p.Staff = ids.Staff(l.owner)
	} else {
		p.User = ids.User(l.owner)
	}
	return p
}
