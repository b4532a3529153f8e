package auth

import (
	"context"
	"fmt"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/platform/audit"
)

// Deps is what the service uses.
type Deps struct {
	DB    *db.DB
	Clock clock.Clock // of the business, which runs ahead in test mode
	Wall  clock.Clock // sessions, links and limits end by it, whatever Clock says; nil is Clock
	Audit *audit.Service
}

// Service holds the rules for people: who they are, how they prove it, whom they act for.
type Service struct {
	db     *db.DB
	store  store
	clock  clock.Clock
	wall   clock.Clock
	audit  *audit.Service
	hasher hasher
}

// New makes the service.
func New(d Deps) *Service {
	if d.Wall == nil {
		d.Wall = d.Clock
	}
	return &Service{db: d.DB, store: store{db: d.DB}, clock: d.Clock, wall: d.Wall, audit: d.Audit, hasher: newHasher()}
}

// RegisterUser makes an account that acts for no customer yet. A password may be left out by staff and by the system
// only: then one is chosen by a mailed link.
//
// Errors: ErrEmailTaken; Invalid on email, name or password.
func (s *Service) RegisterUser(ctx context.Context, n NewUser) (User, error) {
	email, name, err := checkPerson(n.Email, n.Name)
	if err != nil {
		return User{}, err
	}
	hash, err := s.firstHash(ctx, n.Password, email, UserEdit)
	if err != nil {
		return User{}, err
	}
	u := User{ID: ids.New[ids.User](), Email: email, Name: name, Status: Active, Created: s.clock.Now(), Password: hash != ""}
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		if err := s.store.insertUser(ctx, u, hash); err != nil {
			return err
		}
		return s.audit.Add(ctx, audit.Entry{Action: "user.register", Subject: string(u.ID), After: map[string]string{"email": email, "name": name}})
	})
	if err != nil {
		return User{}, fmt.Errorf("register a user: %w", err)
	}
	return u, nil
}

// firstHash is the hash of a new account's password, "" where none was given and the actor may leave it out.
func (s *Service) firstHash(ctx context.Context, password, email string, r Right) (string, error) {
	if password == "" && Require(ctx, r) == nil {
		return "", nil
	}
	if err := checkPassword(password, email); err != nil {
		return "", err
	}
	return s.hasher.hash(ctx, password)
}

// User reads a user. Error: ErrNotFound.
func (s *Service) User(ctx context.Context, id ids.User) (User, error) {
	u, _, err := s.store.user(ctx, id, false)
	return u, err
}

// UserByEmail finds a user by address. It is for staff and the system: to anybody else it would tell who is a
// customer. Errors: ErrForbidden, ErrNotFound.
func (s *Service) UserByEmail(ctx context.Context, email string) (User, error) {
	if err := Require(ctx, UserSee); err != nil {
		return User{}, err
	}
	u, _, err := s.store.userByEmail(ctx, Fold(email))
	return u, err
}

// Join lets a user act for a customer. The first may be anybody, as at a checkout; after that it takes the right
// user.edit over the customer. Joining again in the same role changes nothing.
//
// Errors: ErrForbidden; Invalid on role.
func (s *Service) Join(ctx context.Context, u ids.User, c ids.Customer, role string) error {
	if userRoles[role] == nil {
		return errRole
	}
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		members, err := s.store.members(ctx, c, true)
		if err != nil {
			return err
		}
		if len(members) > 0 {
			if err := RequireFor(ctx, c, UserEdit); err != nil {
				return err
			}
		}
		if old := roleIn(members, u); old == role {
			return nil
		} else if old != "" {
			return s.changeRole(ctx, members, u, c, role)
		}
		if err := s.store.insertMember(ctx, u, c, role, s.clock.Now()); err != nil {
			return err
		}
		return s.audit.Add(ctx, audit.Entry{Action: "member.join", Subject: string(u), Customer: c, After: role})
	})
	if err != nil {
		return fmt.Errorf("join %s to %s: %w", u, c, err)
	}
	return nil
}

// ChangeRole gives a member another role, "" none at all. Right: user.edit.
//
// Errors: ErrForbidden, ErrNotFound, ErrLastOwner; Invalid on role.
func (s *Service) ChangeRole(ctx context.Context, u ids.User, c ids.Customer, role string) error {
	if err := RequireFor(ctx, c, UserEdit); err != nil {
		return err
	}
	if role != "" && userRoles[role] == nil {
		return errRole
	}
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		members, err := s.store.members(ctx, c, true)
		if err != nil {
			return err
		}
		return s.changeRole(ctx, members, u, c, role)
	})
	if err != nil {
		return fmt.Errorf("change role of %s in %s: %w", u, c, err)
	}
	return nil
}

func (s *Service) changeRole(ctx context.Context, members []Member, u ids.User, c ids.Customer, role string) error {
	old := roleIn(members, u)
	switch {
	case old == "":
		return ErrNotFound
	case old == RoleOwner && role != RoleOwner && owners(members) == 1:
		return ErrLastOwner
	}
	if err := s.store.setRole(ctx, u, c, role); err != nil {
		return err
	}
	return s.audit.Add(ctx, audit.Entry{Action: "member.role", Subject: string(u), Customer: c, Before: old, After: role})
}

func roleIn(members []Member, u ids.User) string {
	for _, m := range members {
		if m.User.ID == u {
			return m.Role
		}
	}
	return ""
}

func owners(members []Member) (n int) {
	for _, m := range members {
		if m.Role == RoleOwner && m.User.Status == Active {
			n++
		}
	}
	return n
}

// Members lists the users of a customer, oldest first. Right: user.see.
func (s *Service) Members(ctx context.Context, c ids.Customer) ([]Member, error) {
	if err := RequireFor(ctx, c, UserSee); err != nil {
		return nil, err
	}
	return s.store.members(ctx, c, false)
}

// Accounts lists the customers that a user may act for, oldest first.
func (s *Service) Accounts(ctx context.Context, u ids.User) ([]Membership, error) {
	return s.store.accounts(ctx, u)
}

// ActorOfUser is a user with the rights that the role has at this moment; without a customer the first is acted for.
//
// Error: ErrNotFound for a user who is unknown, disabled or no member of that customer.
func (s *Service) ActorOfUser(ctx context.Context, u ids.User, c ids.Customer) (Actor, error) {
	a, err := s.store.userActor(ctx, u, c)
	if err != nil {
		return Actor{}, err
	}
	a.rights = userRoles[a.Role]
	return a, nil
}

// ActorOfStaff is a member of staff with the rights that the role has at this moment. Error: ErrNotFound.
func (s *Service) ActorOfStaff(ctx context.Context, id ids.Staff) (Actor, error) {
	m, _, err := s.store.staff(ctx, id, false)
	if err != nil {
		return Actor{}, err
	}
	if m.Status != Active {
		return Actor{}, ErrNotFound
	}
	return Actor{Kind: StaffKind, Staff: m.ID, Name: m.Name, Email: m.Email, Role: m.Role, rights: staffRoles[m.Role]}, nil
}

// ActorStandingIn is a member of staff in a customer's place: an owner, without what would outlast the visit.
//
// Errors: ErrNotFound; ErrForbidden once the right customer.stand_in is gone.
func (s *Service) ActorStandingIn(ctx context.Context, id ids.Staff, c ids.Customer) (Actor, error) {
	a, err := s.ActorOfStaff(ctx, id)
	switch {
	case err != nil:
		return Actor{}, err
	case !a.rights[CustomerStandIn] || c == "":
		return Actor{}, ErrForbidden
	}
	a.Kind, a.Customer, a.Role, a.rights = CustomerKind, c, RoleOwner, standIn
	return a, nil
}

// SetUserStatus disables or enables a user; disabling ends every session. Right: user.edit, of staff.
//
// Errors: ErrForbidden, ErrNotFound, states.ErrRefused.
func (s *Service) SetUserStatus(ctx context.Context, id ids.User, do Action) error {
	if err := Require(ctx, UserEdit); err != nil {
		return err
	}
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		u, _, err := s.store.user(ctx, id, true)
		if err != nil {
			return err
		}
		next, err := life.Next(u.Status, do)
		if err != nil {
			return err
		}
		if err := s.store.setUserStatus(ctx, id, next, s.clock.Now()); err != nil {
			return err
		}
		if err := s.store.revokeSessions(ctx, string(id), ""); err != nil {
			return err
		}
		return s.audit.Add(ctx, audit.Entry{Action: "user." + string(do), Subject: string(id), Before: u.Status, After: next})
	})
	if err != nil {
		return fmt.Errorf("%s user %s: %w", do, id, err)
	}
	return nil
}
