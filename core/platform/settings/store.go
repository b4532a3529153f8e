package settings

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/sdk/fault"
)

// store is the SQL of the settings: one row of JSON. A field that a row does not have yet keeps its default.
type store struct{ db *db.DB }

const row = "settings"

func (s store) read(ctx context.Context) (Settings, error) {
	return scan(s.db.Read(ctx).QueryRowContext(ctx, `SELECT value, version FROM settings WHERE name = ?`, row))
}

func (s store) lock(ctx context.Context) (Settings, error) {
	return scan(s.db.Write(ctx).QueryRowContext(ctx, `SELECT value, version FROM settings WHERE name = ?`+s.db.ForUpdate(), row))
}

func scan(r *sql.Row) (Settings, error) {
	out := Default()
	var text string
	err := r.Scan(&text, &out.Version)
	if errors.Is(err, sql.ErrNoRows) {
		return out, nil
	}
	if err != nil {
		return Settings{}, err
	}
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		return Settings{}, fmt.Errorf("saved settings: %w", err)
	}
	if out.zone, err = time.LoadLocation(out.Business.Zone); err != nil {
		return Settings{}, fmt.Errorf("saved settings: %w", err)
	}
	return out, nil
}

// save writes what follows the version before it. ErrChanged: another was faster.
func (s store) save(ctx context.Context, next Settings, at time.Time, by string) error {
	text, err := json.Marshal(next)
	if err != nil {
		return err
	}
	if next.Version == 1 {
		_, err = s.db.Write(ctx).ExecContext(ctx, `INSERT INTO settings (name, value, version, updated_at, updated_by) VALUES (?,?,?,?,?)`,
			row, string(text), next.Version, at, fault.Cut(by, 60))
		if db.IsDuplicate(err) {
			return ErrChanged
		}
		return err
	}
	done, err := s.db.Write(ctx).ExecContext(ctx, `UPDATE settings SET value = ?, version = ?, updated_at = ?, updated_by = ? WHERE name = ? AND version = ?`,
		string(text), next.Version, at, fault.Cut(by, 60), row, next.Version-1)
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, ErrChanged)
	}
	return nil
}
