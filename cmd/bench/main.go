// Command bench measures Bursar beside floors that are taken in the same run, on the same machine and with the same
// durability, and writes a JSON line for each figure to standard output; what people want to know besides goes to standard
// error. A figure whose work was not done rightly is not written, and the exit status is 1 then.
//
// Start at main; each section is a file: billing.go, calls.go, pages.go, orders.go, start.go. What is measured and why is
// in docs/performance.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// bench is one run of the program.
type bench struct {
	*report
	dir   string // for everything that is made, on the disk that is measured
	build string // folder of the programs that `make build` made
	mysql string // DSN of a server, "" where there is none
	sizes []int  // of the billing run
}

// sections are what -only names, in the order in which they run.
var sections = []struct {
	name string
	run  func(context.Context, *bench) error
}{
	{"billing", billing}, {"calls", calls}, {"pages", pages}, {"orders", orders}, {"start", starts},
}

func main() {
	if played(os.Args) {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	b := &bench{report: &report{out: os.Stdout, people: os.Stderr}, mysql: os.Getenv("BURSAR_BENCH_MYSQL")}
	err := b.run(ctx, os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
	if err != nil || b.wrong > 0 {
		stop()
		os.Exit(1)
	}
}

// played says whether the program was started to be something else: the billing run of its own parent, or a plugin.
func played(args []string) bool {
	switch name := filepath.Base(args[0]); {
	case name == fakePanel:
		servePanel()
	case name == fakeGateway:
		serveGateway()
	case name == bareEcho:
		serveEcho()
	case len(args) > 1 && args[1] == billChild:
		bill(args[2:])
	default:
		return false
	}
	return true
}

func (b *bench) run(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	only := flags.String("only", "", "sections to run, such as billing,pages; all if left out")
	sizes := flags.String("n", "1000,10000,100000", "subscriptions of the billing runs")
	flags.StringVar(&b.build, "build", "build", "folder of bursar, bursar-demo and plugins")
	dir := flags.String("dir", "", "folder to work in, on the disk to measure; that for temporary files if left out")
	if err := flags.Parse(args); err != nil {
		return err
	}
	for _, text := range strings.Split(*sizes, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < 1 {
			return fmt.Errorf("-n: %q is no number of subscriptions", text)
		}
		b.sizes = append(b.sizes, n)
	}
	wanted := strings.FieldsFunc(*only, func(r rune) bool { return r == ',' || r == ' ' })
	for _, name := range wanted {
		if !slices.ContainsFunc(sections, func(s struct {
			name string
			run  func(context.Context, *bench) error
		}) bool {
			return s.name == name
		}) {
			return fmt.Errorf("-only: there is no section %q", name)
		}
	}
	if b.build, err = filepath.Abs(b.build); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp(*dir, "bursar-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	if b.mysql == "" {
		b.say("BURSAR_BENCH_MYSQL names no server: the figures of MariaDB are left out.")
	}
	var wrong []error
	for _, s := range sections {
		if len(wanted) > 0 && !slices.Contains(wanted, s.name) {
			continue
		}
		b.say("\n%s", s.name)
		if err := s.run(ctx, b); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", s.name, err))
			b.say("%s ends: %v", s.name, err)
		}
		if ctx.Err() != nil {
			break
		}
	}
	if b.missed > 0 {
		b.say("\n%d figures miss what they should be.", b.missed)
	}
	return errors.Join(wrong...)
}
