package db

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/ezscale/bursar/migrations"
)

// ErrNewer: the schema was made by a later version of the program. Running on would damage it.
var ErrNewer = errors.New("the schema of the database is newer than this program")

// Versions says how far the schema is. The numbers are those of the files in migrations.
type Versions struct {
	Current int64 // of the database; 0 is empty
	Target  int64 // of this program
}

// Migrate brings the schema up to this program's. Two programs that start at once do it one after
// the other. Error: ErrNewer, with nothing changed.
func (d *DB) Migrate(ctx context.Context) error {
	unlock, err := d.lockFile()
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	defer unlock()
	p, err := d.provider()
	if err != nil {
		return err
	}
	if v, err := versions(ctx, p); err != nil || v.Current == v.Target {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// Status reads how far the schema is. Error: ErrNewer, together with the versions.
func (d *DB) Status(ctx context.Context) (Versions, error) {
	p, err := d.provider()
	if err != nil {
		return Versions{}, err
	}
	return versions(ctx, p)
}

func versions(ctx context.Context, p *goose.Provider) (v Versions, err error) {
	if v.Current, v.Target, err = p.GetVersions(ctx); err != nil {
		return v, fmt.Errorf("read schema version: %w", err)
	}
	if v.Current > v.Target {
		return v, fmt.Errorf("%w: it is at %d, the program at %d", ErrNewer, v.Current, v.Target)
	}
	return v, nil
}

func (d *DB) provider() (*goose.Provider, error) {
	source, err := migrations.For(d.dialect)
	if err != nil {
		return nil, err
	}
	dialect := goose.DialectSQLite3
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true)}
	if d.mysql() {
		dialect = goose.DialectMySQL
		options = append(options, goose.WithSessionLocker(namedLock(d.name)))
	}
	p, err := goose.NewProvider(dialect, d.write, source, options...)
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return p, nil
}

// lockFile keeps other programs from migrating the same SQLite file. The system frees it if we die.
func (d *DB) lockFile() (unlock func(), err error) {
	if d.mysql() {
		return func() {}, nil
	}
	f, err := os.OpenFile(d.path+".migrate", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}

// namedLock is a lock of the MySQL server, freed by it when the connection ends.
type namedLock string

var _ lock.SessionLocker = namedLock("")

// name fits the 64 signs that the server allows, and tells databases of one server apart.
func (l namedLock) name() string {
	return fmt.Sprintf("bursar.migrate.%x", sha256.Sum224([]byte(l)))[:60]
}

// SessionLock waits up to a minute.
func (l namedLock) SessionLock(ctx context.Context, conn *sql.Conn) error {
	var got sql.NullInt64
	if err := conn.QueryRowContext(ctx, "SELECT GET_LOCK(?, 60)", l.name()).Scan(&got); err != nil {
		return err
	}
	if got.Int64 != 1 {
		return errors.New("another program is migrating this database")
	}
	return nil
}

// SessionUnlock frees the lock.
func (l namedLock) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, "DO RELEASE_LOCK(?)", l.name())
	return err
}
