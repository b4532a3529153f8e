package db_test

import (
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
)

func TestMigrateTwiceChangesNothing(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		v, err := d.Status(t.Context())
		if err != nil || v.Current != v.Target || v.Target < 6 {
			t.Fatal(v, err)
		}
		if err := d.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestANewerSchemaIsRefused(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		if _, err := d.Write(ctx).ExecContext(ctx, "INSERT INTO goose_db_version (version_id, is_applied, tstamp) VALUES (9999, TRUE, ?)", time.Now()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			d.Write(t.Context()).Exec("DELETE FROM goose_db_version WHERE version_id = 9999")
		})
		if err := d.Migrate(ctx); !errors.Is(err, db.ErrNewer) {
			t.Fatal(err)
		}
		if v, err := d.Status(ctx); !errors.Is(err, db.ErrNewer) || v.Current != 9999 {
			t.Fatal(v, err)
		}
	})
}

func TestProgramsThatStartAtOnceMigrateOneAfterTheOther(t *testing.T) {
	dsn := "sqlite:" + filepath.Join(t.TempDir(), "new.db")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			d, err := db.Open(t.Context(), db.Config{DSN: dsn})
			if err != nil {
				t.Error(err)
				return
			}
			defer d.Close()
			if err := d.Migrate(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}
