package pluginhost

import (
	"context"
	"time"

	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/platform/secret"
	"github.com/ezscale/bursar/sdk/form"
)

// store is the SQL of what instances keep. Without a database there is nothing in it.
type store struct {
	db  *db.DB
	box *secret.Box
}

// row is one instance as it is kept.
type row struct {
	label, kind, name string
	hook              string // of the webhook address
	account           string // "" until the plugin said what settings it has
	learned           form.Values
}

const table = "plugin_instances"

func place(label, column string) string { return table + ":" + label + ":" + column }

func (s store) rows(ctx context.Context) (map[string]row, error) {
	rows, err := s.db.Read(ctx).QueryContext(ctx, `SELECT label, type, name, hook_secret_sealed, learned_sealed, account_key FROM plugin_instances`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]row{}
	for rows.Next() {
		var r row
		var hook, learned string
		if err := rows.Scan(&r.label, &r.kind, &r.name, &hook, &learned, &r.account); err != nil {
			return nil, err
		}
		plain, err := s.box.Open(place(r.label, "hook_secret_sealed"), hook)
		if err != nil {
			return nil, err
		}
		if err := s.box.OpenJSON(place(r.label, "learned_sealed"), learned, &r.learned); err != nil {
			return nil, err
		}
		r.hook = string(plain)
		out[r.label] = r
	}
	return out, rows.Err()
}

// add writes rows that are new; one that another host wrote meanwhile stays.
func (s store) add(ctx context.Context, list []row, now time.Time) error {
	var set [][]any
	for _, r := range list {
		hook, err := s.box.Seal(place(r.label, "hook_secret_sealed"), []byte(r.hook))
		if err != nil {
			return err
		}
		learned, err := s.box.SealJSON(place(r.label, "learned_sealed"), form.Values{})
		if err != nil {
			return err
		}
		set = append(set, []any{r.label, r.kind, r.name, hook, learned, r.account, now, now})
	}
	if len(set) == 0 {
		return nil
	}
	return s.db.Upsert(ctx, db.Upsert{
		Table: table, Keys: []string{"label"}, Rows: set,
		Columns: []string{"label", "type", "name", "hook_secret_sealed", "learned_sealed", "account_key", "created_at", "updated_at"},
	})
}

// learned are the settings that the vendor gave.
func (s store) learned(ctx context.Context, label string) (form.Values, error) {
	return s.open(label, s.db.Read(ctx).QueryRowContext(ctx, `SELECT learned_sealed FROM plugin_instances WHERE label = ?`, label))
}

// lockLearned reads them until the transaction ends.
func (s store) lockLearned(ctx context.Context, label string) (form.Values, error) {
	return s.open(label, s.db.Write(ctx).QueryRowContext(ctx, `SELECT learned_sealed FROM plugin_instances WHERE label = ?`+s.db.ForUpdate(), label))
}

func (s store) open(label string, r interface{ Scan(...any) error }) (form.Values, error) {
	var sealed string
	if err := r.Scan(&sealed); err != nil {
		return nil, err
	}
	out := form.Values{}
	return out, s.box.OpenJSON(place(label, "learned_sealed"), sealed, &out)
}

func (s store) saveLearned(ctx context.Context, label string, v form.Values, now time.Time) error {
	sealed, err := s.box.SealJSON(place(label, "learned_sealed"), map[string][]string(v))
	if err != nil {
		return err
	}
	_, err = s.db.Write(ctx).ExecContext(ctx, `UPDATE plugin_instances SET learned_sealed = ?, updated_at = ? WHERE label = ?`, sealed, now, label)
	return err
}

func (s store) saveAccount(ctx context.Context, label, account string, now time.Time) error {
	_, err := s.db.Write(ctx).ExecContext(ctx, `UPDATE plugin_instances SET account_key = ?, updated_at = ? WHERE label = ?`, account, now, label)
	return err
}
