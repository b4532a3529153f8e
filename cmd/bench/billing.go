package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/data/db"
)

// billChild is the first argument of the process that makes a billing run: its memory is its own, and it can be killed.
const billChild = "bill"

// billReport is what that process says of its run.
type billReport struct {
	Invoices          int
	Seconds, CPU      float64 // of the clock; of all cores
	Most, Tenth, Last int64   // bytes in RAM
}

// bill makes the run of a day and tells how it was.
func bill(args []string) {
	flags := flag.NewFlagSet(billChild, flag.ExitOnError)
	dir, dsn, on := flags.String("dir", "", ""), flags.String("dsn", "", ""), flags.String("day", "", "")
	profile := flags.String("profile", "", "")
	flags.Parse(args) //nolint:errcheck // it exits
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := func() error {
		day, err := period.ParseDay(*on)
		if err != nil {
			return err
		}
		a, err := open(ctx, place{Dir: *dir, DSN: *dsn})
		if err != nil {
			return err
		}
		defer a.Close()
		if *profile != "" {
			to, err := os.Create(fmt.Sprintf("%s.%d", *profile, os.Getpid()))
			if err != nil {
				return err
			}
			defer to.Close()
			if err := pprof.StartCPUProfile(to); err != nil {
				return err
			}
			defer pprof.StopCPUProfile()
		}
		memory := watchMemory(os.Getpid())
		began := time.Now()
		r, err := a.Flow.RunDay(ctx, day)
		told := billReport{Invoices: r.Invoices, Seconds: time.Since(began).Seconds()}
		told.CPU = usedCPU()
		told.Most, told.Tenth, told.Last = memory.stop()
		if err == nil && len(r.Failed) > 0 {
			err = fmt.Errorf("%d failed, the first: %s: %s", len(r.Failed), r.Failed[0].Key, r.Failed[0].Error)
		}
		return errors.Join(err, json.NewEncoder(os.Stdout).Encode(told))
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bill:", err)
		stop()
		os.Exit(1)
	}
}

// billing measures the billing run on each database.
func billing(ctx context.Context, b *bench) error {
	for _, database := range b.databases() {
		at := map[int]float64{} // seconds by size
		for _, n := range b.sizes {
			seconds, err := b.billSize(ctx, database, n)
			if err != nil {
				b.fail(fmt.Sprintf("billing_run %s n=%d", database, n), err)
				continue
			}
			at[n] = seconds
		}
		if at[10_000] > 0 && at[100_000] > 0 {
			b.put(figure{Name: "billing_run_growth", N: 100_000, Value: at[100_000] / at[10_000], Unit: "times the time of 10,000", Database: database}, atMost(11))
		}
		if err := b.billKilled(ctx, database, min(10_000, b.sizes[len(b.sizes)-1])); err != nil {
			b.fail("billing_run_killed "+database, err)
		}
		if err := b.billOneByOne(ctx, database); err != nil {
			b.fail("billing_one_by_one "+database, err)
		}
		if err := b.billStatements(ctx, database); err != nil {
			b.fail("billing_statements "+database, err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

func (b *bench) databases() []string {
	if b.mysql == "" {
		return []string{"sqlite"}
	}
	return []string{"sqlite", "mariadb"}
}

// fresh is an empty place; gone removes what is in it.
func (b *bench) fresh(ctx context.Context, database string) (p place, gone func(), err error) {
	p.Database = database
	if p.Dir, err = os.MkdirTemp(b.dir, database+"-"); err != nil {
		return p, nil, err
	}
	if database == "sqlite" {
		p.DSN = "sqlite:" + filepath.Join(p.Dir, "bursar.db")
		return p, func() { os.RemoveAll(p.Dir) }, nil
	}
	name := "bench_" + strings.NewReplacer("-", "_").Replace(filepath.Base(p.Dir))
	dsn, drop, err := newDatabase(ctx, b.mysql, name)
	if err != nil {
		return p, nil, err
	}
	p.DSN = dsn
	return p, func() {
		if err := drop(); err != nil {
			b.say("%s is left behind: %v", name, err)
		}
		os.RemoveAll(p.Dir)
	}, nil
}

// filled is a shop with n services due on a day, closed again.
func (b *bench) filled(ctx context.Context, database string, n int) (p place, day period.Day, gone func(), err error) {
	if p, gone, err = b.fresh(ctx, database); err != nil {
		return p, day, nil, err
	}
	w, err := newWorld(ctx, p)
	if err != nil {
		gone()
		return p, day, nil, err
	}
	day = w.today()
	if err := errors.Join(w.due(ctx, n, day), w.Close()); err != nil {
		gone()
		return p, day, nil, err
	}
	return p, day, gone, nil
}

// runChild makes a run in a process of its own.
func runChild(ctx context.Context, p place, day period.Day) (r billReport, err error) {
	c, out, err := startChild(ctx, p, day)
	if err != nil {
		return r, err
	}
	if err := c.Wait(); err != nil {
		return r, err
	}
	return r, json.Unmarshal(out.Bytes(), &r)
}

func startChild(ctx context.Context, p place, day period.Day) (*exec.Cmd, *bytes.Buffer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	out := &bytes.Buffer{}
	c := exec.CommandContext(ctx, self, billChild, "-dir", p.Dir, "-dsn", p.DSN, "-day", day.String(), "-profile", os.Getenv("BURSAR_BENCH_PROFILE"))
	c.Stdout, c.Stderr = out, os.Stderr
	return c, out, c.Start()
}

// rounds is how often a size is measured: short runs are noisy.
func rounds(n int) int {
	if n <= 10_000 {
		return 3
	}
	return 1
}

// billSize measures runs over n services, each between two runs of the floor.
func (b *bench) billSize(ctx context.Context, database string, n int) (seconds float64, err error) {
	var speeds, floors, times []float64
	var last billReport
	for range rounds(n) {
		speed, floor, r, err := b.billOnce(ctx, database, n)
		if err != nil {
			return 0, err
		}
		speeds, floors, times, last = append(speeds, speed), append(floors, floor), append(times, r.Seconds), r
	}
	least := 0.4
	if database == "mariadb" {
		least = 0.3
	}
	b.put(figure{Name: "billing_run", N: n, Value: median(speeds), Unit: "invoices/s", Database: database}.over(median(floors)), ratioAtLeast(least))
	b.put(figure{Name: "billing_run_memory", N: n, Value: mebibytes(last.Most), Unit: "MiB at most", Database: database}, atMost(150))
	if n >= 10_000 {
		b.put(figure{Name: "billing_run_memory_at_end", N: n, Value: mebibytes(last.Last), Unit: "MiB", Database: database}.over(mebibytes(last.Tenth)), ratioAtMost(1.5))
	}
	return median(times), nil
}

// billOnce is one round: the floor, the run, the floor again, and whether all of it is right.
func (b *bench) billOnce(ctx context.Context, database string, n int) (speed, floor float64, r billReport, err error) {
	p, day, gone, err := b.filled(ctx, database, n)
	if err != nil {
		return 0, 0, r, err
	}
	defer gone()
	f, err := openFloor(ctx, p)
	if err != nil {
		return 0, 0, r, err
	}
	defer f.close()
	before, err := f.run(ctx, n, 100)
	if err != nil {
		return 0, 0, r, fmt.Errorf("floor: %w", err)
	}
	if r, err = runChild(ctx, p, day); err != nil {
		return 0, 0, r, err
	}
	after, err := f.run(ctx, n, 100)
	if err != nil {
		return 0, 0, r, fmt.Errorf("floor: %w", err)
	}
	if r.Invoices != n {
		return 0, 0, r, fmt.Errorf("%d invoices were made, not %d", r.Invoices, n)
	}
	if again, err := runChild(ctx, p, day); err != nil {
		return 0, 0, r, err
	} else if again.Invoices != 0 {
		return 0, 0, r, fmt.Errorf("a second run made %d invoices", again.Invoices)
	}
	b.say("%s n=%d: %.3f s, %.0f µs of CPU an invoice; floor %.0f and %.0f a second", database, n, r.Seconds, r.CPU*1e6/float64(n), before, after)
	return float64(n) / r.Seconds, (before + after) / 2, r, b.proven(ctx, p, n)
}

// proven checks what the runs left behind: counts here, and all that the host can prove of itself.
func (b *bench) proven(ctx context.Context, p place, n int) error {
	a, err := open(ctx, p)
	if err != nil {
		return err
	}
	defer a.Close()
	if err := (billed{a.DB}).exactly(ctx, n); err != nil {
		return err
	}
	findings, err := a.Flow.Verify(ctx)
	if err != nil {
		return err
	}
	if len(findings) > 0 {
		return fmt.Errorf("%d findings, the first: %s %s: %s", len(findings), findings[0].Check, findings[0].Subject, findings[0].Text)
	}
	return nil
}

// billKilled kills a run in its middle and has it done again.
func (b *bench) billKilled(ctx context.Context, database string, n int) error {
	p, day, gone, err := b.filled(ctx, database, n)
	if err != nil {
		return err
	}
	defer gone()
	a, err := open(ctx, p)
	if err != nil {
		return err
	}
	defer a.Close()
	c, _, err := startChild(ctx, p, day)
	if err != nil {
		return err
	}
	made := 0
	for made < n/4 && err == nil {
		time.Sleep(2 * time.Millisecond)
		made, err = billed{a.DB}.invoices(ctx)
	}
	killed := c.Process.Kill()
	c.Wait() //nolint:errcheck // it was killed
	if err := errors.Join(err, killed); err != nil {
		return err
	}
	if made, err = (billed{a.DB}).invoices(ctx); err != nil {
		return err
	}
	if made >= n {
		return fmt.Errorf("the run was over before it was killed")
	}
	r, err := runChild(ctx, p, day)
	if err != nil {
		return err
	}
	if r.Invoices != n-made {
		return fmt.Errorf("%d invoices before the kill and %d after it are not %d", made, r.Invoices, n)
	}
	if err := b.proven(ctx, p, n); err != nil {
		return err
	}
	b.put(figure{Name: "billing_run_killed", N: n, Value: float64(made + r.Invoices), Unit: fmt.Sprintf("invoices, killed at %d", made), Database: database}, noTarget)
	return nil
}

// daysApart is how many services are due on a day of their own, so that each is written in a transaction of its own. In
// more days than a month has, one of them would owe two terms.
const daysApart = 25

// billOneByOne measures invoices that are committed one by one, and counts the statements of such a transaction.
func (b *bench) billOneByOne(ctx context.Context, database string) error {
	var speeds, floors []float64
	for range 3 {
		speed, floor, err := b.oneByOne(ctx, database)
		if err != nil {
			return err
		}
		speeds, floors = append(speeds, speed), append(floors, floor)
	}
	b.put(figure{Name: "billing_one_by_one", N: daysApart, Value: median(speeds), Unit: "invoices/s", Database: database}.over(median(floors)), noTarget)
	return nil
}

func (b *bench) oneByOne(ctx context.Context, database string) (speed, floor float64, err error) {
	p, gone, err := b.fresh(ctx, database)
	if err != nil {
		return 0, 0, err
	}
	defer gone()
	w, err := newWorld(ctx, p)
	if err != nil {
		return 0, 0, err
	}
	defer w.Close()
	for i := range daysApart {
		c, err := w.newcomer(ctx, fmt.Sprintf("customer%d", i))
		if err != nil {
			return 0, 0, err
		}
		if _, err := w.running(ctx, c, w.today().Add(-i)); err != nil {
			return 0, 0, err
		}
	}
	f, err := openFloor(ctx, p)
	if err != nil {
		return 0, 0, err
	}
	defer f.close()
	if floor, err = f.run(ctx, 4*daysApart, 1); err != nil {
		return 0, 0, err
	}
	began := time.Now()
	r, err := w.Flow.RunDay(ctx, w.today())
	if err == nil && r.Invoices != daysApart {
		err = fmt.Errorf("%d invoices were made, not %d", r.Invoices, daysApart)
	}
	return daysApart / time.Since(began).Seconds(), floor, err
}

// billStatements counts what the transaction of one invoice runs, and what a run over a thousand does for each.
func (b *bench) billStatements(ctx context.Context, database string) error {
	alone, err := b.statementsOf(ctx, database, 2, func(ctx context.Context, w *world) error {
		for i := range 2 { // on days apart: the first invoice of a year also opens its numbers
			c, err := w.newcomer(ctx, fmt.Sprintf("customer%d", i))
			if err != nil {
				return err
			}
			if _, err := w.running(ctx, c, w.today().Add(-i)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	b.put(figure{Name: "billing_statements_of_one", N: 1, Value: float64(len(lastBatch(alone))), Unit: "statements/invoice", Database: database}, atMost(12))
	const n = 1000
	all, err := b.statementsOf(ctx, database, n, func(ctx context.Context, w *world) error { return w.due(ctx, n, w.today()) })
	if err != nil {
		return err
	}
	b.put(figure{Name: "billing_statements_in_sets", N: n, Value: float64(len(all)) / n, Unit: "statements/invoice", Database: database}, atMost(1))
	return nil
}

// statementsOf are all statements of a run that makes n invoices.
func (b *bench) statementsOf(ctx context.Context, database string, n int, fill func(context.Context, *world) error) ([]string, error) {
	p, gone, err := b.fresh(ctx, database)
	if err != nil {
		return nil, err
	}
	defer gone()
	w, err := newWorld(ctx, p)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	if err := fill(ctx, w); err != nil {
		return nil, err
	}
	counting, counter := db.CountQueries(ctx)
	r, err := w.Flow.RunDay(counting, w.today())
	if err == nil && r.Invoices != n {
		err = fmt.Errorf("%d invoices were made, not %d", r.Invoices, n)
	}
	return counter.Statements(), err
}

// lastBatch are the statements of the last transaction that wrote invoices: it begins by locking services and ends with the
// ledger's entries. Meanwhile the next page is read, which is not of the transaction.
func lastBatch(all []string) []string {
	all = slices.DeleteFunc(all, func(q string) bool { return strings.Contains(q, "FROM subscriptions WHERE bill_on") })
	from, to := 0, 0
	for i, q := range all {
		switch {
		case strings.HasPrefix(q, "SELECT id, version FROM subscriptions"):
			from = i
		case strings.HasPrefix(q, "INSERT INTO `ledger_entries`"):
			to = i + 1
		}
	}
	return all[min(from, to):to]
}
