// Package db opens the database, runs transactions and hides what differs between SQLite and MySQL
// (which here is also MariaDB). It owns no table and no rule. Start at DB; a transaction is in tx.go.
package db

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/volatiletech/sqlboiler/v4/boil"
	"github.com/volatiletech/sqlboiler/v4/queries"
	"github.com/volatiletech/sqlboiler/v4/queries/qm"

	"github.com/ezscale/bursar/migrations"
)

// Config says where the database is.
type Config struct {
	// DSN is sqlite:/var/lib/bursar/bursar.db, mysql://user:password@tcp(127.0.0.1:3306)/bursar or
	// mysql://user@unix(/run/mysqld/mysqld.sock)/bursar.
	DSN string
	// MaxConns bounds the connections to MySQL; 0 means 16. SQLite has one writer and four readers.
	MaxConns int
}

// Executor runs statements: a transaction or a pool of connections. The generated models take it.
type Executor = boil.ContextExecutor

// DB is an open database. It may be used by many goroutines.
type DB struct {
	dialect     migrations.Dialect
	write, read *sql.DB // the same pool on MySQL
	path        string  // of the SQLite file
	name        string  // of the MySQL database
}

// Open opens the database and tries it. It changes no schema: see Migrate.
func Open(ctx context.Context, c Config) (*DB, error) {
	kind, rest, ok := strings.Cut(c.DSN, ":")
	var d *DB
	var err error
	switch {
	case ok && kind == "sqlite" && rest != "":
		d, err = openSQLite(rest)
	case ok && kind == "mysql" && strings.HasPrefix(rest, "//"):
		d, err = openMySQL(rest[2:], c.MaxConns)
	default:
		return nil, fmt.Errorf("open database: the DSN starts with neither sqlite: nor mysql://")
	}
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	for _, pool := range []*sql.DB{d.write, d.read} { // the writer first: it makes the file
		if err := pool.PingContext(ctx); err != nil {
			d.Close()
			return nil, fmt.Errorf("open database: %w", err)
		}
	}
	return d, nil
}

// Close closes every connection.
func (d *DB) Close() error {
	err := d.read.Close()
	if d.write != d.read {
		if e := d.write.Close(); err == nil {
			err = e
		}
	}
	return err
}

// Dialect is which database it is, for people to read.
func (d *DB) Dialect() string { return string(d.dialect) }

// Path is the file of a SQLite database, "" for MySQL.
func (d *DB) Path() string { return d.path }

// Ping says whether the database answers.
func (d *DB) Ping(ctx context.Context) error {
	if err := d.read.PingContext(ctx); err != nil {
		return err
	}
	return d.write.PingContext(ctx)
}

func (d *DB) mysql() bool { return d.dialect == migrations.MySQL }

// ForUpdate ends a SELECT whose rows will be changed in this transaction. It is empty on SQLite,
// where a transaction locks everything.
func (d *DB) ForUpdate() string {
	if d.mysql() {
		return " FOR UPDATE"
	}
	return ""
}

// SkipLocked is ForUpdate for rows that anybody may take: those that another transaction has locked are left out.
func (d *DB) SkipLocked() string {
	if d.mysql() {
		return " FOR UPDATE SKIP LOCKED"
	}
	return ""
}

// Lock is ForUpdate for generated models.
func (d *DB) Lock() qm.QueryMod {
	if d.mysql() {
		return qm.For("UPDATE")
	}
	return qm.QueryModFunc(func(*queries.Query) {})
}

// Durability lists what in the settings of the server could lose a transaction that was answered for.
// It is empty when all is well. SQLite is always opened with full synchronisation.
func (d *DB) Durability(ctx context.Context) ([]string, error) {
	if !d.mysql() {
		return nil, nil
	}
	var out []string
	for name, want := range map[string]string{"innodb_flush_log_at_trx_commit": "1", "sync_binlog": "1"} {
		var got, binlog string
		if err := d.read.QueryRowContext(ctx, "SELECT @@GLOBAL."+name+", @@GLOBAL.log_bin").Scan(&got, &binlog); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		if got != want && (name != "sync_binlog" || binlog == "1") {
			out = append(out, fmt.Sprintf("%s is %s; a commit is only safe from a power cut with %s", name, got, want))
		}
	}
	return out, nil
}
