package provision

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/sdk/fault"
)

const accColumns = `subscription_id, customer_id, instance, remote_id, username, hostname, status, power, addresses, details, url, seen_at, created_at, version`

// scanAccount reads an account; the sealed columns follow accColumns where they are wanted.
func scanAccount(row scanner, more ...any) (Account, error) {
	var a Account
	var addresses, details string
	var seen sql.NullTime
	err := row.Scan(append([]any{&a.Subscription, &a.Customer, &a.Instance, &a.RemoteID, &a.Username, &a.Hostname, &a.Status, &a.Power, &addresses, &details,
		&a.URL, &seen, &a.Created, &a.Version}, more...)...)
	if errors.Is(err, sql.ErrNoRows) {
		return Account{}, ErrNoAccount
	}
	if err != nil {
		return Account{}, err
	}
	a.Seen = seen.Time
	return a, errors.Join(json.Unmarshal([]byte(addresses), &a.Addresses), json.Unmarshal([]byte(details), &a.Details))
}

func (s store) account(ctx context.Context, sub ids.Subscription) (a Account, notes, credentials string, err error) {
	a, err = scanAccount(s.db.Read(ctx).QueryRowContext(ctx, `SELECT `+accColumns+`, notes_sealed, credentials_sealed FROM accounts WHERE subscription_id = ?`, sub), &notes, &credentials)
	return a, notes, credentials, err
}

// lockAccount keeps an account from changing until the transaction ends.
func (s store) lockAccount(ctx context.Context, sub ids.Subscription) error {
	var id string
	err := s.db.Write(ctx).QueryRowContext(ctx, `SELECT subscription_id FROM accounts WHERE subscription_id = ?`+s.db.ForUpdate(), sub).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNoAccount
	}
	return err
}

func (s store) accounts(ctx context.Context, subs []ids.Subscription) (map[ids.Subscription]Account, error) {
	out := make(map[ids.Subscription]Account, len(subs))
	if len(subs) == 0 {
		return out, nil
	}
	marks, args := in(subs)
	rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT `+accColumns+` FROM accounts WHERE subscription_id IN (`+marks+`)`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		a, err := scanAccount(rows)
		if err != nil {
			return nil, err
		}
		out[a.Subscription] = a
	}
	return out, rows.Err()
}

func (s store) insertAccount(ctx context.Context, a Account, notes, credentials string) error {
	addresses, details, err := lists(a)
	if err != nil {
		return err
	}
	_, err = s.db.Write(ctx).ExecContext(ctx, `INSERT INTO accounts (`+accColumns+`, notes_sealed, credentials_sealed) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
		a.Subscription, a.Customer, a.Instance, a.RemoteID, a.Username, a.Hostname, a.Status, a.Power, addresses, details, a.URL, instant(a.Seen), a.Created, a.Version, notes, credentials)
	return err
}

func (s store) updateAccount(ctx context.Context, a Account, notes, credentials string) error {
	addresses, details, err := lists(a)
	if err != nil {
		return err
	}
	res, err := s.db.Write(ctx).ExecContext(ctx, `UPDATE accounts SET remote_id = ?, hostname = ?, status = ?, power = ?, addresses = ?, details = ?, url = ?, seen_at = ?,
		notes_sealed = ?, credentials_sealed = ?, version = version + 1 WHERE subscription_id = ? AND version = ?`,
		a.RemoteID, a.Hostname, a.Status, a.Power, addresses, details, a.URL, instant(a.Seen), notes, credentials, a.Subscription, a.Version)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, fault.New(fault.Conflict, "account_changed", "The account was changed meanwhile."))
	}
	return nil
}

func lists(a Account) (addresses, details string, err error) {
	one, err := json.Marshal(a.Addresses)
	if err != nil {
		return "", "", err
	}
	two, err := json.Marshal(a.Details)
	return string(one), string(two), err
}

// remoteTaken says whether another service has an account of the vendor that is not gone.
func (s store) remoteTaken(ctx context.Context, o Operation, remoteID string) (bool, error) {
	var n int
	err := s.db.Write(ctx).QueryRowContext(ctx, `SELECT COUNT(*) FROM accounts WHERE instance = ? AND remote_id = ? AND subscription_id <> ? AND status <> 'gone'`,
		o.Instance, remoteID, o.Subscription).Scan(&n)
	return n > 0, err
}

// remoteIDs are the customer's accounts on an instance save that of one service, which its creation may not take
// for its own.
func (s store) remoteIDs(ctx context.Context, c ids.Customer, instance string, save ids.Subscription) (list []string, err error) {
	rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT remote_id FROM accounts WHERE customer_id = ? AND instance = ? AND remote_id <> '' AND subscription_id <> ? ORDER BY remote_id`, c, instance, save)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		list = append(list, id)
	}
	return list, rows.Err()
}

func (s store) customerNotes(ctx context.Context, instance string, c ids.Customer) (sealed string, err error) {
	err = s.db.Read(ctx).QueryRowContext(ctx, `SELECT notes_sealed FROM plugin_customers WHERE instance = ? AND customer_id = ?`, instance, c).Scan(&sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return sealed, err
}

func (s store) saveCustomerNotes(ctx context.Context, instance string, c ids.Customer, sealed string, at time.Time) error {
	return s.db.Tx(ctx, func(ctx context.Context) error {
		res, err := s.db.Write(ctx).ExecContext(ctx, `UPDATE plugin_customers SET notes_sealed = ?, updated_at = ? WHERE instance = ? AND customer_id = ?`, sealed, at, instance, c)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 1 {
			return err
		}
		_, err = s.db.Write(ctx).ExecContext(ctx, `INSERT INTO plugin_customers (instance, customer_id, notes_sealed, updated_at) VALUES (?,?,?,?)`, instance, c, sealed, at)
		if db.IsDuplicate(err) {
			return fault.New(fault.Conflict, "notes_changed", "").Because(err)
		}
		return err
	})
}
