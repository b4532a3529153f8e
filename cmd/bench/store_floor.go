package main

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	_ "github.com/mattn/go-sqlite3" // the driver that the host uses, without the host
)

// floor writes what an invoice is at the very least: six rows, with the keys that ours have and no other index.
type floor struct {
	db    *sql.DB
	multi bool // many rows to a statement, as on a server
	round int
}

// floorTables are one invoice, two items, two movements of money, and the service that moves on.
var floorTables = []string{
	"CREATE TABLE floor_invoices (id VARCHAR(30) NOT NULL PRIMARY KEY, customer_id VARCHAR(30) NOT NULL, number BIGINT NOT NULL, total BIGINT NOT NULL, due_on DATE NOT NULL)",
	"CREATE TABLE floor_items (id VARCHAR(30) NOT NULL PRIMARY KEY, invoice_id VARCHAR(30) NOT NULL, text VARCHAR(100) NOT NULL, amount BIGINT NOT NULL)",
	"CREATE TABLE floor_ledger (id VARCHAR(30) NOT NULL PRIMARY KEY, invoice_id VARCHAR(30) NOT NULL, account VARCHAR(30) NOT NULL, amount BIGINT NOT NULL)",
	"CREATE TABLE floor_services (id VARCHAR(30) NOT NULL PRIMARY KEY, due_on DATE NOT NULL)",
}

// openFloor opens a database of its own beside that of the host, with the settings that the host writes with.
func openFloor(ctx context.Context, p place) (*floor, error) {
	f := &floor{}
	var err error
	if p.Database == "sqlite" {
		f.db, err = sql.Open("sqlite3", "file:"+filepath.Join(p.Dir, "floor.db")+"?_busy_timeout=5000&_journal_mode=WAL&_synchronous=FULL&_txlock=immediate")
	} else {
		f.multi = true
		f.db, err = sql.Open("mysql", strings.TrimPrefix(p.DSN, "mysql://")+"?interpolateParams=true")
	}
	if err != nil {
		return nil, err
	}
	f.db.SetMaxOpenConns(1)
	for _, q := range floorTables {
		if _, err := f.db.ExecContext(ctx, q); err != nil {
			f.db.Close()
			return nil, err
		}
	}
	return f, nil
}

func (f *floor) close() error { return f.db.Close() }

// statements of one invoice, row by row.
var floorRows = []string{
	"INSERT INTO floor_invoices VALUES (?,?,?,?,?)", "INSERT INTO floor_items VALUES (?,?,?,?)", "INSERT INTO floor_items VALUES (?,?,?,?)",
	"INSERT INTO floor_ledger VALUES (?,?,?,?)", "INSERT INTO floor_ledger VALUES (?,?,?,?)", "UPDATE floor_services SET due_on = ? WHERE id = ?",
}

// run writes n invoices, some to a commit, and answers how many a second.
func (f *floor) run(ctx context.Context, n, toCommit int) (perSecond float64, err error) {
	f.round++
	if err := f.services(ctx, n); err != nil {
		return 0, err
	}
	began := time.Now()
	if f.multi {
		err = f.sets(ctx, n, toCommit)
	} else {
		err = f.rows(ctx, n, toCommit)
	}
	return float64(n) / time.Since(began).Seconds(), err
}

// services are there before the clock runs.
func (f *floor) services(ctx context.Context, n int) error {
	tx, err := f.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after the commit it does nothing
	for i := 0; i < n; i += 1000 {
		var args []any
		for j := i; j < min(i+1000, n); j++ {
			args = append(args, f.id("srv", j), "2026-11-01")
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO floor_services VALUES "+marks(len(args)/2, 2), args...); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (f *floor) id(kind string, i int) string { return fmt.Sprintf("%s_%03d%023d", kind, f.round, i) }

func (f *floor) values(i int) [][]any {
	id := f.id("inv", i)
	return [][]any{
		{id, f.id("cus", i), i, 1190, "2026-12-01"},
		{f.id("lin", 2*i), id, "VPS 1, December 2026", 1000}, {f.id("lin", 2*i+1), id, "VAT 19 %", 190},
		{f.id("ent", 2*i), id, "receivable", 1190}, {f.id("ent", 2*i+1), id, "revenue", -1190},
		{"2026-12-01", f.id("srv", i)},
	}
}

func (f *floor) rows(ctx context.Context, n, toCommit int) error {
	prepared := make([]*sql.Stmt, len(floorRows))
	for i, q := range floorRows {
		s, err := f.db.PrepareContext(ctx, q)
		if err != nil {
			return err
		}
		defer s.Close()
		prepared[i] = s
	}
	for from := 0; from < n; from += toCommit {
		tx, err := f.db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		in := make([]*sql.Stmt, len(prepared))
		for i, s := range prepared {
			in[i] = tx.StmtContext(ctx, s)
		}
		for i := from; i < min(from+toCommit, n); i++ {
			for k, args := range f.values(i) {
				if _, err := in[k].ExecContext(ctx, args...); err != nil {
					tx.Rollback() //nolint:errcheck // the first error is the one to tell
					return err
				}
			}
		}
		if err := tx.Commit(); err != nil {
			return err
		}
	}
	return nil
}

func (f *floor) sets(ctx context.Context, n, toCommit int) error {
	for from := 0; from < n; from += toCommit {
		tx, err := f.db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		var invoices, items, moves, services []any
		for i := from; i < min(from+toCommit, n); i++ {
			v := f.values(i)
			invoices, items, moves = append(invoices, v[0]...), append(append(items, v[1]...), v[2]...), append(append(moves, v[3]...), v[4]...)
			services = append(services, v[5][1])
		}
		size := len(services)
		for _, s := range []struct {
			text string
			args []any
		}{
			{"INSERT INTO floor_invoices VALUES " + marks(size, 5), invoices}, {"INSERT INTO floor_items VALUES " + marks(2*size, 4), items}, {"INSERT INTO floor_ledger VALUES " + marks(2*size, 4), moves},
			{"UPDATE floor_services SET due_on = '2026-12-01' WHERE id IN " + marks(1, size), services},
		} {
			if _, err := tx.ExecContext(ctx, s.text, s.args...); err != nil {
				tx.Rollback() //nolint:errcheck // the first error is the one to tell
				return err
			}
		}
		if err := tx.Commit(); err != nil {
			return err
		}
	}
	return nil
}

// commits makes the smallest durable transactions there are, one after the other, and answers how many a second.
func (f *floor) commits(ctx context.Context, n int) (perSecond float64, err error) {
	f.round++
	if err := f.services(ctx, 1); err != nil {
		return 0, err
	}
	began := time.Now()
	for i := range n {
		if _, err := f.db.ExecContext(ctx, "UPDATE floor_services SET due_on = ? WHERE id = ?", fmt.Sprintf("2026-12-%02d", i%28+1), f.id("srv", 0)); err != nil {
			return 0, err
		}
	}
	return float64(n) / time.Since(began).Seconds(), nil
}

func marks(rows, columns int) string {
	one := "(?" + strings.Repeat(",?", columns-1) + ")"
	return one + strings.Repeat(","+one, rows-1)
}
