// Package dbtest gives tests a fresh database of each kind that we support. SQLite needs nothing. MySQL
// needs a server: BURSAR_TEST_MYSQL is its DSN without a database, as .ci/mariadb.sh prints it, and
// `make test` sets it. Start at Each.
package dbtest

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	_ "github.com/go-sql-driver/mysql" // to make and lock databases

	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/migrations"
)

// Variable is the environment variable with the DSN of a MySQL server.
const Variable = "BURSAR_TEST_MYSQL"

var dsns sync.Map // *db.DB to its DSN

var warn sync.Once

// Each runs a test on an empty, migrated SQLite and on an empty, migrated MySQL. Without a MySQL server it
// says so on standard error and runs on SQLite alone; where CI is set, it fails.
func Each(t *testing.T, test func(t *testing.T, d *db.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, SQLite(t)) })
	server := os.Getenv(Variable)
	if server == "" {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is not set: half of this test did not run", Variable)
		}
		warn.Do(func() {
			fmt.Fprintf(os.Stderr, "\n*** %s is not set: tests run on SQLite ONLY. See .ci/mariadb.sh ***\n\n", Variable)
		})
		return
	}
	t.Run("mysql", func(t *testing.T) { test(t, mysql(t, server)) })
}

// SQLite is one empty, migrated SQLite, for tests of what lies above the database.
func SQLite(t testing.TB) *db.DB {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.db")
	text, err := template()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return open(t, "sqlite:"+path)
}

// Again opens a second handle on the database of a test, as another process would.
func Again(t testing.TB, d *db.DB) *db.DB {
	t.Helper()
	dsn, ok := dsns.Load(d)
	if !ok {
		t.Fatal("this database was not opened by dbtest")
	}
	return open(t, dsn.(string))
}

func open(t testing.TB, dsn string) *db.DB {
	t.Helper()
	d, err := db.Open(context.Background(), db.Config{DSN: dsn})
	if err != nil {
		t.Fatal(err)
	}
	dsns.Store(d, dsn)
	t.Cleanup(func() {
		dsns.Delete(d)
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// template is the file of a migrated SQLite, made once per process.
var template = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "bursar-test-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "template.db")
	ctx := context.Background()
	d, err := db.Open(ctx, db.Config{DSN: "sqlite:" + path})
	if err != nil {
		return nil, err
	}
	if err := d.Migrate(ctx); err != nil {
		d.Close()
		return nil, err
	}
	if err := d.Close(); err != nil { // the last connection moves the log into the file
		return nil, err
	}
	return os.ReadFile(path)
})

// mysql takes a database that no other test uses, and empties it. Making the tables anew takes longer than
// most tests; so databases are kept on the server, one per schema and number, and taken with a lock that
// the server frees when we die.
func mysql(t *testing.T, server string) *db.DB {
	t.Helper()
	ctx := context.Background()
	base := strings.TrimPrefix(server[:strings.LastIndex(server, "/")+1], "mysql://")
	admin, err := sql.Open("mysql", base)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { admin.Close() })
	held, err := admin.Conn(ctx)
	if err != nil {
		t.Fatalf("%s: %v", Variable, err)
	}
	t.Cleanup(func() { held.Close() })
	schema, err := schemaName()
	if err != nil {
		t.Fatal(err)
	}
	var name string
	for n, got := 0, 0; got != 1; n++ {
		name = fmt.Sprintf("%s_%d", schema, n)
		if err := held.QueryRowContext(ctx, "SELECT GET_LOCK(?, 0)", name).Scan(&got); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := held.ExecContext(ctx, "CREATE DATABASE IF NOT EXISTS "+name); err != nil {
		t.Fatal(err)
	}
	d := open(t, "mysql://"+base+name)
	if err := d.Migrate(ctx); err != nil { // a test that was killed may have left half a schema
		for _, q := range []string{"DROP DATABASE " + name, "CREATE DATABASE " + name} {
			if _, err := held.ExecContext(ctx, q); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.Migrate(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := clear(ctx, held, name); err != nil {
		t.Fatal(err)
	}
	return d
}

// schemaName changes with the migrations.
func schemaName() (string, error) {
	source, err := migrations.For(migrations.MySQL)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	names, err := fs.Glob(source, "*.sql")
	if err != nil {
		return "", err
	}
	for _, name := range names {
		text, err := fs.ReadFile(source, name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(sum, "%s\n%s\n", name, text)
	}
	return fmt.Sprintf("bursar_test_%.8x", sum.Sum(nil)), nil
}

// clear empties the tables that have rows.
func clear(ctx context.Context, c *sql.Conn, name string) error {
	tables, err := texts(ctx, c, `SELECT table_name FROM information_schema.tables
		WHERE table_schema = ? AND table_type = 'BASE TABLE' AND table_name <> 'goose_db_version'`, name)
	if err != nil || len(tables) == 0 {
		return err
	}
	var ask []string
	for _, table := range tables {
		ask = append(ask, fmt.Sprintf("SELECT '%s' FROM DUAL WHERE EXISTS (SELECT 1 FROM `%s`.`%s`)", table, name, table))
	}
	full, err := texts(ctx, c, strings.Join(ask, " UNION ALL "))
	if err != nil {
		return err
	}
	for _, table := range full {
		if _, err := c.ExecContext(ctx, fmt.Sprintf("DELETE FROM `%s`.`%s`", name, table)); err != nil {
			return err
		}
	}
	return nil
}

func texts(ctx context.Context, c *sql.Conn, query string, args ...any) ([]string, error) {
	rows, err := c.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		out = append(out, text)
	}
	return out, rows.Err()
}

// DSN is where the database of a test is, for what opens it by itself.
func DSN(t testing.TB, d *db.DB) string {
	t.Helper()
	dsn, ok := dsns.Load(d)
	if !ok {
		t.Fatal("this database was not opened by dbtest")
	}
	return dsn.(string)
}
