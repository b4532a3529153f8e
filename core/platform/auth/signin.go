package auth

import (
	"context"
	"fmt"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/platform/audit"
)

// SignIn proves a user by mail address and password. It takes the same work and says the same whether or not there is
// such a user. address is the network's; tries are counted by it and by mail address, and a success is taken back.
//
// Errors: ErrSignIn; ErrThrottled with After.
func (s *Service) SignIn(ctx context.Context, email, password, address string) (User, error) {
	email = Fold(email)
	var u User
	err := s.prove(ctx, email, password, address, func() (id string, hash string, status Status, err error) {
		u, hash, err = s.store.userByEmail(ctx, email)
		return string(u.ID), hash, u.Status, err
	})
	if err != nil {
		return User{}, err
	}
	u.LastSeen = s.clock.Now()
	return u, s.store.userSeen(ctx, u.ID, u.LastSeen)
}

// SignInStaff is SignIn for staff. Tries count together with those of users.
func (s *Service) SignInStaff(ctx context.Context, email, password, address string) (Staff, error) {
	email = Fold(email)
	var m Staff
	err := s.prove(ctx, email, password, address, func() (id string, hash string, status Status, err error) {
		m, hash, err = s.store.staffByEmail(ctx, email)
		return string(m.ID), hash, m.Status, err
	})
	if err != nil {
		return Staff{}, err
	}
	m.LastSeen = s.clock.Now()
	return m, s.store.staffSeen(ctx, m.ID, m.LastSeen)
}

// prove is a sign-in through any door.
func (s *Service) prove(ctx context.Context, email, password, address string, find func() (id, hash string, status Status, err error)) error {
	address = Network(address)
	if err := s.Throttle(ctx, SignInAddress, address); err != nil {
		return err
	}
	if err := s.Throttle(ctx, SignInAccount, email); err != nil {
		return err
	}
	id, hash, status, err := find()
	if err != nil && !isUnknown(err) {
		return fmt.Errorf("sign in: %w", err)
	}
	ok, err := s.hasher.matches(ctx, password, hash)
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	if !ok || status != Active {
		if id == "" {
			id = "unknown"
		}
		if err := s.audit.Add(ctx, audit.Entry{Action: "sign_in.refuse", Subject: id}); err != nil {
			return err
		}
		return ErrSignIn
	}
	for class, key := range map[Class]string{SignInAddress: address, SignInAccount: email} {
		if err := s.forgive(ctx, class, key); err != nil {
			return fmt.Errorf("sign in: %w", err)
		}
	}
	return s.audit.Add(ctx, audit.Entry{Action: "sign_in", Subject: id})
}

// ChangePassword replaces a user's own password and ends every session, also the present one: the caller opens a new
// one. Wrong tries count as those of SignIn do.
//
// Errors: ErrForbidden, ErrThrottled; Invalid on old or password.
func (s *Service) ChangePassword(ctx context.Context, id ids.User, old, password string) error {
	if !s.isSelf(ctx, string(id)) {
		return ErrForbidden
	}
	u, hash, err := s.store.user(ctx, id, false)
	if err != nil {
		return err
	}
	return s.changePassword(ctx, change{id: string(id), email: u.Email, hash: hash, old: old, new: password, save: s.saveUserHash})
}

// ChangeStaffPassword is ChangePassword for staff.
func (s *Service) ChangeStaffPassword(ctx context.Context, id ids.Staff, old, password string) error {
	if !s.isSelf(ctx, string(id)) {
		return ErrForbidden
	}
	m, hash, err := s.store.staff(ctx, id, false)
	if err != nil {
		return err
	}
	return s.changePassword(ctx, change{id: string(id), email: m.Email, hash: hash, old: old, new: password, save: s.saveStaffHash})
}

// ConfirmPassword asks a user for the password once more, before something that matters.
//
// Errors: ErrForbidden, ErrThrottled; Invalid on old.
func (s *Service) ConfirmPassword(ctx context.Context, id ids.User, password string) error {
	if !s.isSelf(ctx, string(id)) {
		return ErrForbidden
	}
	u, hash, err := s.store.user(ctx, id, false)
	if err != nil {
		return err
	}
	return s.confirm(ctx, u.Email, hash, password)
}

// isSelf says whether the actor is that person in a browser: not by token, not standing in.
func (s *Service) isSelf(ctx context.Context, person string) bool {
	a := Of(ctx)
	return a.Kind == SystemKind || a.Token == "" && !a.StandsIn() && a.Person() == person
}

func (s *Service) confirm(ctx context.Context, email, hash, password string) error {
	if err := s.Throttle(ctx, SignInAccount, email); err != nil {
		return err
	}
	ok, err := s.hasher.matches(ctx, password, hash)
	if err != nil {
		return err
	}
	if !ok {
		return errOld
	}
	return s.forgive(ctx, SignInAccount, email)
}

type change struct {
	id, email, hash, old, new string
	save                      func(ctx context.Context, id, hash string) error
}

func (s *Service) changePassword(ctx context.Context, c change) error {
	if err := s.confirm(ctx, c.email, c.hash, c.old); err != nil {
		return err
	}
	if err := checkPassword(c.new, c.email); err != nil {
		return err
	}
	hash, err := s.hasher.hash(ctx, c.new)
	if err != nil {
		return err
	}
	err = s.db.Tx(ctx, func(ctx context.Context) error { return s.replaceHash(ctx, c.id, hash, "password.change", c.save) })
	if err != nil {
		return fmt.Errorf("change password of %s: %w", c.id, err)
	}
	return nil
}

// replaceHash also ends what the old password opened.
func (s *Service) replaceHash(ctx context.Context, id, hash, action string, save func(ctx context.Context, id, hash string) error) error {
	if err := save(ctx, id, hash); err != nil {
		return err
	}
	if err := s.store.revokeSessions(ctx, id, ""); err != nil {
		return err
	}
	if err := s.store.revokeLinks(ctx, id, purposeReset, s.wall.Now()); err != nil {
		return err
	}
	return s.audit.Add(ctx, audit.Entry{Action: action, Subject: id})
}

func (s *Service) saveUserHash(ctx context.Context, id, hash string) error {
	return s.store.setUserHash(ctx, ids.User(id), hash, s.clock.Now())
}

func (s *Service) saveStaffHash(ctx context.Context, id, hash string) error {
	return s.store.setStaffHash(ctx, ids.Staff(id), hash)
}
