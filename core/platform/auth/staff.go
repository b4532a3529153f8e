package auth

import (
	"context"
	"fmt"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/platform/audit"
)

// CreateStaff adds a member of staff. Right: staff.edit.
//
// Errors: ErrForbidden, ErrEmailTaken; Invalid on email, name, role or password.
func (s *Service) CreateStaff(ctx context.Context, n NewStaff) (Staff, error) {
	if err := Require(ctx, StaffEdit); err != nil {
		return Staff{}, err
	}
	m, hash, err := s.newStaff(ctx, n)
	if err != nil {
		return Staff{}, err
	}
	err = s.db.Tx(ctx, func(ctx context.Context) error { return s.insertStaff(ctx, m, hash) })
	if err != nil {
		return Staff{}, fmt.Errorf("create staff: %w", err)
	}
	return m, nil
}

// SetUp makes the first administrator, once for ever, and needs no right: whoever calls it has seen the console.
//
// Errors: ErrSetUp; Invalid on email, name or password.
func (s *Service) SetUp(ctx context.Context, n NewStaff) (Staff, error) {
	n.Role = RoleAdmin
	if over, err := s.IsSetUp(ctx); err != nil || over {
		return Staff{}, orElse(err, ErrSetUp)
	}
	if err := checkPassword(n.Password, Fold(n.Email)); err != nil {
		return Staff{}, err
	}
	m, hash, err := s.newStaff(ctx, n)
	if err != nil {
		return Staff{}, err
	}
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		if err := s.store.closeSetUp(ctx, s.clock.Now()); err != nil {
			return err
		}
		if list, err := s.store.listStaff(ctx); err != nil || len(list) > 0 {
			return orElse(err, ErrSetUp)
		}
		return s.insertStaff(ctx, m, hash)
	})
	if err != nil {
		return Staff{}, fmt.Errorf("set up: %w", err)
	}
	return m, nil
}

// IsSetUp says whether SetUp is over: it was done, or there is staff.
func (s *Service) IsSetUp(ctx context.Context) (bool, error) {
	closed, err := s.store.setUpClosed(ctx)
	if err != nil || closed {
		return closed, err
	}
	list, err := s.store.listStaff(ctx)
	return len(list) > 0, err
}

func orElse(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

func (s *Service) newStaff(ctx context.Context, n NewStaff) (Staff, string, error) {
	email, name, err := checkPerson(n.Email, n.Name)
	if err != nil {
		return Staff{}, "", err
	}
	if staffRoles[n.Role] == nil {
		return Staff{}, "", errRole
	}
	hash, err := s.firstHash(ctx, n.Password, email, StaffEdit)
	if err != nil {
		return Staff{}, "", err
	}
	return Staff{ID: ids.New[ids.Staff](), Email: email, Name: name, Role: n.Role, Status: Active, Created: s.clock.Now()}, hash, nil
}

func (s *Service) insertStaff(ctx context.Context, m Staff, hash string) error {
	if err := s.store.insertStaff(ctx, m, hash); err != nil {
		return err
	}
	return s.audit.Add(ctx, audit.Entry{Action: "staff.create", Subject: string(m.ID), After: map[string]string{"email": m.Email, "name": m.Name, "role": m.Role}})
}

// ListStaff lists everybody, by name. Right: staff.see.
func (s *Service) ListStaff(ctx context.Context) ([]Staff, error) {
	if err := Require(ctx, StaffSee); err != nil {
		return nil, err
	}
	return s.store.listStaff(ctx)
}

// Staff reads a member of staff. Error: ErrNotFound.
func (s *Service) Staff(ctx context.Context, id ids.Staff) (Staff, error) {
	m, _, err := s.store.staff(ctx, id, false)
	return m, err
}

// ChangeStaff gives a member of staff another name or role. Right: staff.edit.
//
// Errors: ErrForbidden, ErrNotFound, ErrLastAdmin; Invalid on name or role.
func (s *Service) ChangeStaff(ctx context.Context, id ids.Staff, name, role string) error {
	return s.changeStaff(ctx, id, "change", func(m *Staff) error {
		if staffRoles[role] == nil {
			return errRole
		}
		_, clean, err := checkPerson(m.Email, name)
		m.Name, m.Role = clean, role
		return err
	})
}

// SetStaffStatus disables or enables a member of staff; disabling ends every session. Right: staff.edit.
//
// Errors: ErrForbidden, ErrNotFound, ErrLastAdmin, states.ErrRefused.
func (s *Service) SetStaffStatus(ctx context.Context, id ids.Staff, do Action) error {
	return s.changeStaff(ctx, id, string(do), func(m *Staff) (err error) {
		m.Status, err = life.Next(m.Status, do)
		return err
	})
}

func (s *Service) changeStaff(ctx context.Context, id ids.Staff, what string, change func(*Staff) error) error {
	if err := Require(ctx, StaffEdit); err != nil {
		return err
	}
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		all, err := s.store.lockStaff(ctx) // all of them, so that two admins cannot remove each other
		if err != nil {
			return err
		}
		before, admins := Staff{}, 0
		for _, m := range all {
			if m.ID == id {
				before = m
			} else if m.Role == RoleAdmin && m.Status == Active {
				admins++
			}
		}
		if before.ID == "" {
			return ErrNotFound
		}
		after := before
		if err := change(&after); err != nil {
			return err
		}
		if admins == 0 && (after.Role != RoleAdmin || after.Status != Active) {
			return ErrLastAdmin
		}
		if err := s.store.saveStaff(ctx, after); err != nil {
			return err
		}
		if after.Status != Active {
			if err := s.store.revokeSessions(ctx, string(id), ""); err != nil {
				return err
			}
		}
		return s.audit.Add(ctx, audit.Entry{Action: "staff." + what, Subject: string(id), Before: before, After: after})
	})
	if err != nil {
		return fmt.Errorf("%s staff %s: %w", what, id, err)
	}
	return nil
}
