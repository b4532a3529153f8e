package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// tries is how often a transaction is run before its conflict is given to the caller: with the waits
// between them, about four seconds.
const tries = 12

type txKey struct{}

// txState is the open transaction that a context carries.
type txState struct {
	db     *DB
	tx     *sql.Tx
	broken error // the server has undone the transaction; statements after it would commit by themselves
	after  []func()
}

func (d *DB) current(ctx context.Context) *txState {
	if t, ok := ctx.Value(txKey{}).(*txState); ok && t.db == d {
		return t
	}
	return nil
}

// InTx says whether the context carries an open transaction of any database.
func InTx(ctx context.Context) bool {
	_, ok := ctx.Value(txKey{}).(*txState)
	return ok
}

// Tx runs fn in a transaction: in the one that ctx carries, or in a new one that is committed when fn
// answers nil and undone otherwise. After a deadlock or a busy database fn is run again, so it may change
// the database and assign results and nothing else. Inside use only the ctx that fn is given.
//
// An error of a joined fn undoes nothing by itself: hand it on, so that the outermost Tx undoes everything.
func (d *DB) Tx(ctx context.Context, fn func(ctx context.Context) error) error {
	if t := d.current(ctx); t != nil {
		if t.broken != nil {
			return t.broken
		}
		return fn(ctx)
	}
	for try := 1; ; try++ {
		err := d.once(ctx, fn)
		if err == nil || try == tries || !IsConflict(err) {
			return err
		}
		wait := time.Duration(rand.Int64N(int64(4*time.Millisecond) << min(try, 8)))
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(wait):
		}
	}
}

// once is one run of a transaction.
func (d *DB) once(ctx context.Context, fn func(ctx context.Context) error) error {
	var options *sql.TxOptions
	if d.mysql() {
		options = &sql.TxOptions{Isolation: sql.LevelReadCommitted}
	}
	tx, err := d.write.BeginTx(ctx, options)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	t := &txState{db: d, tx: tx}
	defer tx.Rollback() // after a commit it does nothing; after a panic it frees the connection
	if err := fn(context.WithValue(ctx, txKey{}, t)); err != nil {
		return err
	}
	if t.broken != nil {
		return t.broken
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	for _, run := range t.after {
		run()
	}
	return nil
}

// AfterCommit runs fn once the transaction of ctx is committed, or now if there is none. It is for waking
// somebody in this process: it may not happen at all, if the process dies between.
func (d *DB) AfterCommit(ctx context.Context, fn func()) {
	if t := d.current(ctx); t != nil {
		t.after = append(t.after, fn)
		return
	}
	fn()
}

// Write is where to run a statement that changes something: the transaction of ctx, else a connection of
// its own, where each statement is committed by itself.
func (d *DB) Write(ctx context.Context) Executor { return d.executor(ctx, d.write) }

// Read is where to run a statement that only reads: the transaction of ctx, else any reader.
func (d *DB) Read(ctx context.Context) Executor { return d.executor(ctx, d.read) }

func (d *DB) executor(ctx context.Context, pool *sql.DB) Executor {
	var run Executor = pool
	if t := d.current(ctx); t != nil {
		run = inTx{t}
	}
	if c, ok := ctx.Value(counterKey{}).(*Counter); ok {
		run = counted{run, c}
	}
	return run
}

// inTx runs statements in a transaction and remembers when the server has given it up.
type inTx struct{ t *txState }

func (x inTx) note(err error) error {
	if err != nil && x.t.broken == nil && IsConflict(err) {
		x.t.broken = err
	}
	return err
}

func (x inTx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if x.t.broken != nil {
		return nil, x.t.broken
	}
	res, err := x.t.tx.ExecContext(ctx, query, args...)
	return res, x.note(err)
}

func (x inTx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if x.t.broken != nil {
		return nil, x.t.broken
	}
	rows, err := x.t.tx.QueryContext(ctx, query, args...)
	return rows, x.note(err)
}

func (x inTx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if x.t.broken != nil { // a context that is over is the only way to make a Row that has an error
		over, cancel := context.WithCancelCause(ctx)
		cancel(x.t.broken)
		ctx = over
	}
	row := x.t.tx.QueryRowContext(ctx, query, args...)
	x.note(row.Err())
	return row
}

func (x inTx) Exec(query string, args ...any) (sql.Result, error) {
	return x.ExecContext(context.Background(), query, args...)
}

func (x inTx) Query(query string, args ...any) (*sql.Rows, error) {
	return x.QueryContext(context.Background(), query, args...)
}

func (x inTx) QueryRow(query string, args ...any) *sql.Row {
	return x.QueryRowContext(context.Background(), query, args...)
}
