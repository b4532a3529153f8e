package db_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
)

// put writes a setting, the simplest table there is.
func put(ctx context.Context, d *db.DB, name, value string) error {
	return d.InsertRows(ctx, "settings", []string{"name", "value", "version", "updated_at", "updated_by"},
		[][]any{{name, value, 1, time.Now(), "test"}})
}

func names(t *testing.T, d *db.DB) []string {
	t.Helper()
	rows, err := d.Read(t.Context()).QueryContext(t.Context(), "SELECT name FROM settings ORDER BY name")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		out = append(out, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestTx(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		oops := errors.New("oops")
		var woken []string
		err := d.Tx(ctx, func(ctx context.Context) error {
			if !db.InTx(ctx) {
				t.Error("no transaction in the context")
			}
			d.AfterCommit(ctx, func() { woken = append(woken, "kept") })
			if err := put(ctx, d, "a", ""); err != nil {
				return err
			}
			return d.Tx(ctx, func(ctx context.Context) error { return put(ctx, d, "b", "") })
		})
		if err != nil {
			t.Fatal(err)
		}
		err = d.Tx(ctx, func(ctx context.Context) error {
			d.AfterCommit(ctx, func() { woken = append(woken, "lost") })
			if err := put(ctx, d, "c", ""); err != nil {
				return err
			}
			return d.Tx(ctx, func(context.Context) error { return oops })
		})
		if !errors.Is(err, oops) || db.InTx(ctx) {
			t.Fatal(err)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			d.Tx(ctx, func(ctx context.Context) error {
				put(ctx, d, "d", "")
				panic("a mistake")
			})
		}()
		if got := names(t, d); !slices.Equal(got, []string{"a", "b"}) {
			t.Fatalf("kept %v", got)
		}
		if !slices.Equal(woken, []string{"kept"}) {
			t.Fatal(woken)
		}
	})
}

// Forty transactions read a number and write it plus one: with locks and retries none is lost.
func TestTxRetriesConflicts(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		for _, name := range []string{"left", "right"} {
			if err := put(ctx, d, name, "0"); err != nil {
				t.Fatal(err)
			}
		}
		other := dbtest.Again(t, d)
		var wg sync.WaitGroup
		for i := range 40 {
			wg.Go(func() {
				order := []string{"left", "right"}
				if i%2 == 1 { // the other way round: they will meet
					slices.Reverse(order)
				}
				use := d
				if i%4 < 2 {
					use = other
				}
				err := use.Tx(ctx, func(ctx context.Context) error {
					for _, name := range order {
						var n int
						if err := use.Read(ctx).QueryRowContext(ctx, "SELECT version FROM settings WHERE name = ?"+use.ForUpdate(), name).Scan(&n); err != nil {
							return err
						}
						if _, err := use.Write(ctx).ExecContext(ctx, "UPDATE settings SET version = ? WHERE name = ?", n+1, name); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		var sum int
		if err := d.Read(ctx).QueryRowContext(ctx, "SELECT SUM(version) FROM settings").Scan(&sum); err != nil || sum != 82 {
			t.Fatalf("%d, %v", sum, err)
		}
	})
}

// A deadlock that is swallowed must not let the statements after it commit by themselves.
func TestADeadlockCannotBeSwallowed(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		for _, name := range []string{"left", "right"} {
			if err := put(ctx, d, name, ""); err != nil {
				t.Fatal(err)
			}
		}
		lock := func(ctx context.Context, name string) error {
			var v int
			return d.Write(ctx).QueryRowContext(ctx, "SELECT version FROM settings WHERE name = ?"+d.ForUpdate(), name).Scan(&v)
		}
		var barrier sync.WaitGroup
		barrier.Add(2)
		var once [2]sync.Once
		var wg sync.WaitGroup
		for i, order := range [][]string{{"left", "right"}, {"right", "left"}} {
			wg.Go(func() {
				err := d.Tx(ctx, func(ctx context.Context) error {
					if err := lock(ctx, order[0]); err != nil {
						return err
					}
					once[i].Do(barrier.Done)
					if d.Dialect() == "mysql" { // on SQLite the second waits for the first to end
						barrier.Wait()
					}
					_ = lock(ctx, order[1])
					put(ctx, d, fmt.Sprintf("done-%d", i), "")
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if got := names(t, d); !slices.Equal(got, []string{"done-0", "done-1", "left", "right"}) {
			t.Fatal(got)
		}
	})
}

func TestInsertRows(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, count := db.CountQueries(t.Context())
		var rows [][]any
		for i := range 12_000 {
			rows = append(rows, []any{fmt.Sprintf("s%05d", i), "x", i, time.Now(), "test"})
		}
		columns := []string{"name", "value", "version", "updated_at", "updated_by"}
		if err := d.InsertRows(ctx, "settings", columns, rows); err != nil {
			t.Fatal(err)
		}
		if count.N() != 2 {
			t.Errorf("%d statements", count.N())
		}
		big := strings.Repeat("y", 3<<20)
		err := d.InsertRows(ctx, "settings", columns, [][]any{{"big1", big, 0, time.Now(), "test"}, {"big2", big, 0, time.Now(), "test"}})
		if err != nil || count.N() != 4 {
			t.Errorf("%v after %d statements", err, count.N())
		}
		if len(names(t, d)) != 12_002 {
			t.Error("rows are missing")
		}
		err = d.InsertRows(ctx, "settings", columns, rows[:1])
		if !db.IsDuplicate(err) || db.IsConflict(err) {
			t.Errorf("a second time: %v", err)
		}
		for _, bad := range []string{"settings` WHERE 1=1; --", "", "Settings x"} {
			if err := d.InsertRows(ctx, bad, columns, rows[:1]); err == nil || db.IsDuplicate(err) {
				t.Errorf("table %q: %v", bad, err)
			}
		}
		if err := d.InsertRows(ctx, "settings", columns, [][]any{{"short"}}); err == nil {
			t.Error("a short row was written")
		}
		if err := d.InsertRows(ctx, "settings", columns, nil); err != nil {
			t.Error(err)
		}
	})
}

func TestUpsert(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		at := time.Now()
		up := db.Upsert{
			Table: "customer_balances", Columns: []string{"customer_id", "currency", "balance_minor", "updated_at"},
			Keys: []string{"customer_id", "currency"}, Add: []string{"balance_minor"}, Set: []string{"updated_at"},
			Rows: [][]any{{"cus_1", "EUR", 500, at}, {"cus_2", "EUR", 7, at}},
		}
		for range 2 {
			if err := d.Upsert(ctx, up); err != nil {
				t.Fatal(err)
			}
		}
		keep := up
		keep.Add, keep.Set = nil, nil
		if err := d.Upsert(ctx, keep); err != nil {
			t.Fatal(err)
		}
		var a, b int
		err := d.Read(ctx).QueryRowContext(ctx, `SELECT SUM(CASE WHEN customer_id = 'cus_1' THEN balance_minor ELSE 0 END), SUM(balance_minor) FROM customer_balances`).Scan(&a, &b)
		if err != nil || a != 1000 || b != 1014 {
			t.Fatal(a, b, err)
		}
		up.Keys = nil
		if err := d.Upsert(ctx, up); err == nil {
			t.Fatal("no keys")
		}
	})
}

// Both databases keep times to the microsecond in UTC, compare them rightly, and answer days as days.
func TestTimesAndDays(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		whole := time.Date(2027, 1, 31, 12, 0, 0, 0, time.UTC)
		times := map[string]time.Time{
			"a": whole.Add(-time.Microsecond),
			"b": whole.In(time.FixedZone("", 5400)),
			"c": whole.Add(1999),
			"d": whole.Add(100 * time.Millisecond),
			"e": whole.Add(time.Second),
		}
		for name, at := range times {
			if err := d.InsertRows(ctx, "settings", []string{"name", "value", "version", "updated_at", "updated_by"}, [][]any{{name, "", 1, at, ""}}); err != nil {
				t.Fatal(err)
			}
		}
		var found int
		if err := d.Read(ctx).QueryRowContext(ctx, "SELECT COUNT(*) FROM settings WHERE updated_at >= ? AND updated_at < ?",
			whole, whole.Add(time.Second)).Scan(&found); err != nil || found != 3 {
			t.Fatal(found, err)
		}
		for name, at := range times {
			var got time.Time
			if err := d.Read(ctx).QueryRowContext(ctx, "SELECT updated_at FROM settings WHERE name = ?", name).Scan(&got); err != nil {
				t.Fatal(err)
			}
			if want := at.UTC().Truncate(time.Microsecond); !got.Equal(want) || got.Location() != time.UTC {
				t.Errorf("%s: %v, want %v", name, got, want)
			}
		}
		day := period.Date(2027, 1, 31)
		row := []any{"itm", "plan", "DE", "", 1, "VAT", "S", 190000, false, day, period.Day{}}
		columns := []string{"id", "class", "country", "region", "level", "code", "category", "rate_ppm", "compound", "valid_from", "valid_to"}
		if err := d.InsertRows(ctx, "tax_rules", columns, [][]any{row}); err != nil {
			t.Fatal(err)
		}
		var from, to, most period.Day
		err := d.Read(ctx).QueryRowContext(ctx, "SELECT valid_from, valid_to, (SELECT MAX(valid_from) FROM tax_rules) FROM tax_rules WHERE valid_from <= ? AND valid_from > ?", day, day.Add(-1)).Scan(&from, &to, &most)
		if err != nil || from != day || !to.IsZero() || most != day {
			t.Fatal(from, to, most, err)
		}
	})
}

func TestTextThatDoesNotFitIsRefused(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		columns := []string{"address", "reason", "at"}
		if err := d.InsertRows(t.Context(), "undeliverable", columns, [][]any{{"a@example.com", strings.Repeat("ä", 300), time.Now()}}); err != nil {
			t.Fatal(err)
		}
		if err := d.InsertRows(t.Context(), "undeliverable", columns, [][]any{{"b@example.com", strings.Repeat("ä", 301), time.Now()}}); err == nil {
			t.Fatal("301 signs were stored in 300")
		}
	})
}

func TestReadersCannotWrite(t *testing.T) {
	d := dbtest.SQLite(t)
	if _, err := d.Read(t.Context()).ExecContext(t.Context(), "DELETE FROM settings"); err == nil {
		t.Fatal("a reader deleted")
	}
}

func TestInAndLike(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		for _, name := range []string{"100%", "100x", "a_b", "axb", "wow!"} {
			if err := put(ctx, d, name, ""); err != nil {
				t.Fatal(err)
			}
		}
		count := func(where string, args ...any) (n int) {
			if err := d.Read(ctx).QueryRowContext(ctx, "SELECT COUNT(*) FROM settings WHERE name "+where, args...).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		list, args := db.In([]string{"a_b", "axb", "none"})
		if n := count("IN "+list, args...); n != 2 {
			t.Error(n)
		}
		list, args = db.In([]string(nil))
		if n := count("IN "+list, args...); n != 0 {
			t.Error(n)
		}
		for text, want := range map[string]int{"0%": 1, "_": 1, "!": 1, "x": 2} {
			if n := count("LIKE ? ESCAPE '!'", db.Contains(text)); n != want {
				t.Errorf("%q was found %d times", text, n)
			}
		}
		if n := count("LIKE ? ESCAPE '!'", db.StartsWith("100%")); n != 1 {
			t.Error(n)
		}
	})
}

func TestCountQueriesInATransaction(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, count := db.CountQueries(t.Context())
		err := d.Tx(ctx, func(ctx context.Context) error {
			var n sql.NullInt64
			return d.Read(ctx).QueryRowContext(ctx, "SELECT MAX(version) FROM settings").Scan(&n)
		})
		if err != nil || count.N() != 1 || !strings.HasPrefix(count.Statements()[0], "SELECT MAX") {
			t.Fatal(err, count.Statements())
		}
	})
}

func TestOpenRefusesNonsense(t *testing.T) {
	for _, dsn := range []string{"", "bursar.db", "sqlite:", "postgres://x", "mysql://root@tcp(127.0.0.1:1)/", "sqlite:/nowhere/at/all.db"} {
		if d, err := db.Open(t.Context(), db.Config{DSN: dsn}); err == nil {
			d.Close()
			t.Errorf("%q was opened", dsn)
		}
	}
}
