package auth

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/db"
)

// store is the SQL of people and memberships. Tokens and sessions are in files of their own.
type store struct{ db *db.DB }

type scanner interface{ Scan(...any) error }

const userColumns = `u.id, u.email, u.name, u.password_hash, u.verified_at, u.status, u.created_at, u.last_seen_at`

func scanUser(row scanner, more ...any) (u User, hash string, err error) {
	var verified, seen sql.NullTime
	err = row.Scan(append([]any{&u.ID, &u.Email, &u.Name, &hash, &verified, &u.Status, &u.Created, &seen}, more...)...)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	if err != nil {
		return User{}, "", err
	}
	u.Verified, u.LastSeen, u.Password = verified.Time, seen.Time, hash != ""
	return u, hash, nil
}

func (s store) user(ctx context.Context, id ids.User, lock bool) (User, string, error) {
	query := `SELECT ` + userColumns + ` FROM users u WHERE u.id = ?`
	if lock {
		return scanUser(s.db.Write(ctx).QueryRowContext(ctx, query+s.db.ForUpdate(), id))
	}
	return scanUser(s.db.Read(ctx).QueryRowContext(ctx, query, id))
}

func (s store) userByEmail(ctx context.Context, email string) (User, string, error) {
	return scanUser(s.db.Read(ctx).QueryRowContext(ctx, `SELECT `+userColumns+` FROM users u WHERE u.email = ?`, email))
}

func (s store) insertUser(ctx context.Context, u User, hash string) error {
	_, err := s.db.Write(ctx).ExecContext(ctx, `INSERT INTO users (id, email, name, password_hash, verified_at, status, created_at, updated_at, last_seen_at)
		VALUES (?,?,?,?,NULL,?,?,?,NULL)`, u.ID, u.Email, u.Name, hash, u.Status, u.Created, u.Created)
	return taken(err)
}

func taken(err error) error {
	if db.IsDuplicate(err) {
		return ErrEmailTaken
	}
	return err
}

func (s store) setUserHash(ctx context.Context, id ids.User, hash string, at time.Time) error {
	return s.exec(ctx, `UPDATE users SET password_hash = ?, updated_at = ? WHERE id = ?`, hash, at, id)
}

func (s store) setUserStatus(ctx context.Context, id ids.User, status Status, at time.Time) error {
	return s.exec(ctx, `UPDATE users SET status = ?, updated_at = ? WHERE id = ?`, status, at, id)
}

func (s store) setVerified(ctx context.Context, id ids.User, at time.Time) error {
	return s.exec(ctx, `UPDATE users SET verified_at = ?, updated_at = ? WHERE id = ?`, at, at, id)
}

func (s store) setEmail(ctx context.Context, id ids.User, email string, at time.Time) error {
	return taken(s.exec(ctx, `UPDATE users SET email = ?, verified_at = NULL, updated_at = ? WHERE id = ?`, email, at, id))
}

func (s store) userSeen(ctx context.Context, id ids.User, at time.Time) error {
	return s.exec(ctx, `UPDATE users SET last_seen_at = ? WHERE id = ?`, at, id)
}

func (s store) exec(ctx context.Context, query string, args ...any) error {
	_, err := s.db.Write(ctx).ExecContext(ctx, query, args...)
	return err
}

// changed runs a statement that must find a row.
func (s store) changed(ctx context.Context, none error, query string, args ...any) error {
	done, err := s.db.Write(ctx).ExecContext(ctx, query, args...)
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, none)
	}
	return nil
}

// userActor reads user and role at once: it is asked with every request.
func (s store) userActor(ctx context.Context, u ids.User, c ids.Customer) (Actor, error) {
	query, args := `SELECT u.email, u.name, m.customer_id, m.role FROM users u LEFT JOIN memberships m ON m.user_id = u.id
		WHERE u.id = ? AND u.status = ? ORDER BY m.created_at, m.customer_id LIMIT 1`, []any{u, Active}
	if c != "" {
		query, args = `SELECT u.email, u.name, m.customer_id, m.role FROM users u JOIN memberships m ON m.user_id = u.id
			WHERE u.id = ? AND u.status = ? AND m.customer_id = ?`, []any{u, Active, c}
	}
	a := Actor{Kind: CustomerKind, User: u}
	var role sql.NullString
	err := s.db.Read(ctx).QueryRowContext(ctx, query, args...).Scan(&a.Email, &a.Name, &a.Customer, &role)
	if errors.Is(err, sql.ErrNoRows) {
		return Actor{}, ErrNotFound
	}
	a.Role = role.String
	return a, err
}

func (s store) insertMember(ctx context.Context, u ids.User, c ids.Customer, role string, at time.Time) error {
	return s.exec(ctx, `INSERT INTO memberships (user_id, customer_id, role, created_at) VALUES (?,?,?,?)`, u, c, role, at)
}

func (s store) setRole(ctx context.Context, u ids.User, c ids.Customer, role string) error {
	if role == "" {
		return s.exec(ctx, `DELETE FROM memberships WHERE user_id = ? AND customer_id = ?`, u, c)
	}
	return s.exec(ctx, `UPDATE memberships SET role = ? WHERE user_id = ? AND customer_id = ?`, role, u, c)
}

// members reads the users of a customer; with lock nobody joins or leaves it meanwhile.
func (s store) members(ctx context.Context, c ids.Customer, lock bool) ([]Member, error) {
	query, from := `SELECT `+userColumns+`, m.role FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.customer_id = ? ORDER BY m.created_at, u.id`, s.db.Read(ctx)
	if lock {
		// The customer's own row is the lock where there is one yet: memberships that are not there cannot be locked.
		var id string
		err := s.db.Write(ctx).QueryRowContext(ctx, `SELECT id FROM customers WHERE id = ?`+s.db.ForUpdate(), c).Scan(&id)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, err
		}
		query, from = query+s.db.ForUpdate(), s.db.Write(ctx)
	}
	rows, err := from.QueryContext(ctx, query, c)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Member
	for rows.Next() {
		var m Member
		if m.User, _, err = scanUser(rows, &m.Role); err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, rows.Err()
}

func (s store) accounts(ctx context.Context, u ids.User) ([]Membership, error) {
	rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT customer_id, role FROM memberships WHERE user_id = ? ORDER BY created_at, customer_id`, u)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Membership
	for rows.Next() {
		var m Membership
		if err := rows.Scan(&m.Customer, &m.Role); err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, rows.Err()
}

const staffColumns = `id, email, name, password_hash, role, status, created_at, last_seen_at`

func scanStaff(row scanner) (m Staff, hash string, err error) {
	var seen sql.NullTime
	err = row.Scan(&m.ID, &m.Email, &m.Name, &hash, &m.Role, &m.Status, &m.Created, &seen)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	if err != nil {
		return Staff{}, "", err
	}
	m.LastSeen = seen.Time
	return m, hash, nil
}

func (s store) staff(ctx context.Context, id ids.Staff, lock bool) (Staff, string, error) {
	query := `SELECT ` + staffColumns + ` FROM staff WHERE id = ?`
	if lock {
		return scanStaff(s.db.Write(ctx).QueryRowContext(ctx, query+s.db.ForUpdate(), id))
	}
	return scanStaff(s.db.Read(ctx).QueryRowContext(ctx, query, id))
}

func (s store) staffByEmail(ctx context.Context, email string) (Staff, string, error) {
	return scanStaff(s.db.Read(ctx).QueryRowContext(ctx, `SELECT `+staffColumns+` FROM staff WHERE email = ?`, email))
}

func (s store) listStaff(ctx context.Context) ([]Staff, error) {
	return s.staffRows(ctx, s.db.Read(ctx), `SELECT `+staffColumns+` FROM staff ORDER BY name, id`)
}

func (s store) lockStaff(ctx context.Context) ([]Staff, error) {
	return s.staffRows(ctx, s.db.Write(ctx), `SELECT `+staffColumns+` FROM staff ORDER BY id`+s.db.ForUpdate())
}

func (s store) staffRows(ctx context.Context, from db.Executor, query string) ([]Staff, error) {
	rows, err := from.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Staff
	for rows.Next() {
		m, _, err := scanStaff(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, rows.Err()
}

func (s store) insertStaff(ctx context.Context, m Staff, hash string) error {
	return taken(s.exec(ctx, `INSERT INTO staff (`+staffColumns+`) VALUES (?,?,?,?,?,?,?,NULL)`, m.ID, m.Email, m.Name, hash, m.Role, m.Status, m.Created))
}

func (s store) saveStaff(ctx context.Context, m Staff) error {
	return s.exec(ctx, `UPDATE staff SET name = ?, role = ?, status = ? WHERE id = ?`, m.Name, m.Role, m.Status, m.ID)
}

func (s store) setStaffHash(ctx context.Context, id ids.Staff, hash string) error {
	return s.exec(ctx, `UPDATE staff SET password_hash = ? WHERE id = ?`, hash, id)
}

func (s store) staffSeen(ctx context.Context, id ids.Staff, at time.Time) error {
	return s.exec(ctx, `UPDATE staff SET last_seen_at = ? WHERE id = ?`, at, id)
}
