package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net/url"
	"time"

	"github.com/mattn/go-sqlite3"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/migrations"
)

// instantLayout has a fixed width, so that SQLite, which compares times as text, compares them rightly.
const instantLayout = "2006-01-02 15:04:05.000000"

// checkpoint copies pages from the log into the database once per 16 MiB: a set writes some megabytes to a commit, and pages
// that it changes again and again would be copied each time.
const checkpoint = "PRAGMA wal_autocheckpoint = 4000"

// openSQLite opens one writer and four readers. With one writer nobody waits for a lock inside SQLite,
// and immediate transactions cannot end in a storm of busy errors.
func openSQLite(path string) (*DB, error) {
	file := "file:" + (&url.URL{Path: path}).EscapedPath()
	const common = "?_busy_timeout=5000&_foreign_keys=on&_loc=UTC"
	d := &DB{
		dialect: migrations.SQLite,
		path:    path,
		write:   sql.OpenDB(sqliteConnector(file + common + "&_journal_mode=WAL&_txlock=immediate&_synchronous=FULL&_stmt_cache_size=32&_cache_size=-16000")),
		read:    sql.OpenDB(sqliteConnector(file + common + "&mode=ro&_query_only=1&_stmt_cache_size=64")),
	}
	d.write.SetMaxOpenConns(1)
	d.read.SetMaxOpenConns(4)
	d.read.SetMaxIdleConns(4)
	return d, nil
}

// sqliteConnector is a DSN that connects.
type sqliteConnector string

func (c sqliteConnector) Driver() driver.Driver { return &sqlite3.SQLiteDriver{} }

// turnWAL is how long programs that start at once on a new database wait for each other: turning the log on does not
// heed the busy timeout.
const turnWAL = 5 * time.Second

func (c sqliteConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := (&sqlite3.SQLiteDriver{}).Open(string(c))
	wall := clock.System{}
	for until := wall.Now().Add(turnWAL); IsConflict(err) && wall.Now().Before(until) && ctx.Err() == nil; {
		time.Sleep(10 * time.Millisecond)
		conn, err = (&sqlite3.SQLiteDriver{}).Open(string(c))
	}
	if err != nil {
		return nil, err
	}
	lite, ok := conn.(*sqlite3.SQLiteConn)
	if !ok {
		return nil, errors.New("the SQLite driver gave a connection of another kind")
	}
	if _, err := lite.ExecContext(ctx, checkpoint, nil); err != nil {
		lite.Close()
		return nil, err
	}
	return sqliteConn{lite}, nil
}

type sqliteConn struct{ *sqlite3.SQLiteConn }

// CheckNamedValue writes every time in UTC, cut to microseconds, in one width.
func (c sqliteConn) CheckNamedValue(v *driver.NamedValue) (err error) {
	if v.Value, err = driver.DefaultParameterConverter.ConvertValue(v.Value); err != nil {
		return err
	}
	if at, ok := v.Value.(time.Time); ok {
		v.Value = at.UTC().Truncate(time.Microsecond).Format(instantLayout)
	}
	return nil
}
