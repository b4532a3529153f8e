// Command bursar-demo is the host with a shop in it: sample products, people and invoices, a simulator of every vendor,
// the real plugins talking to them, and a clock that can be moved. Everything it keeps is in one folder; when it is ready
// it writes demo.json there. It is for looking around and for tests: its passwords are printed, so keep it on this machine.
//
// Start at start; sims.go has the vendors, plugins.go what plugins.hcl says about them, shop.go, catalog.go, people.go and orders.go the
// samples, ready.go what demo.json says.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/ezscale/bursar/core/app"
	"github.com/ezscale/bursar/core/hosting/provision"
	"github.com/ezscale/bursar/themes"
)

// options are what the command line says.
type options struct {
	dir      string // everything is kept here
	listen   string
	database string // DSN; "" is SQLite in dir
	plugins  string // folder of the plugins' programs
	level    string
}

func main() {
	o := options{}
	flag.StringVar(&o.dir, "dir", "data/demo", "folder that everything is kept in; a second start goes on where the first ended")
	flag.StringVar(&o.listen, "listen", "127.0.0.1:8080", "address and port of the three sites; port 0 takes a free one")
	flag.StringVar(&o.database, "database", "", "mysql://… or sqlite:…; SQLite in the folder if left out")
	flag.StringVar(&o.plugins, "plugins", "", "folder of the plugins' programs; the folder plugins beside this program if left out")
	flag.StringVar(&o.level, "log-level", "warn", "debug, info, warn or error")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "bursar-demo: %q is no option. See --help.\n", flag.Arg(0))
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintf(os.Stderr, "bursar-demo: %v\n", err)
		os.Exit(1)
	}
}

// run is the demo from its first file to its last.
func run(ctx context.Context, o options) error {
	d, err := start(ctx, o)
	if err != nil {
		return err
	}
	defer d.stop()
	return d.serve(ctx, os.Stdout)
}

// demo is a demo that can be served. What was begun is ended by stop, last first.
type demo struct {
	app     *app.App
	vendors vendors
	people  people
	ready   string // path of readyFile
	ends    []func()
}

func (d *demo) stop() {
	for _, end := range slices.Backward(d.ends) {
		end()
	}
}

// start makes everything but the listener: simulators, plugins, the shop, the first contacts.
func start(ctx context.Context, o options) (_ *demo, err error) {
	if o.dir, err = filepath.Abs(o.dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.dir, 0o700); err != nil {
		return nil, err
	}
	d := &demo{ready: filepath.Join(o.dir, readyFile)}
	defer func() {
		if err != nil {
			d.stop()
		}
	}()
	unlock, err := lock(o.dir)
	if err != nil {
		return nil, err
	}
	d.ends = append(d.ends, unlock)
	if err := os.Remove(d.ready); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	if o.listen, err = free(ctx, asBefore(ctx, o.dir, o.listen)); err != nil {
		return nil, err
	}
	config, err := configOf(o)
	if err != nil {
		return nil, err
	}
	if d.vendors, err = startVendors(ctx, o.dir, o.listen); err != nil {
		return nil, err
	}
	d.ends = append(d.ends, d.vendors.stop)
	if err := writePlugins(ctx, o, d.vendors); err != nil {
		return nil, err
	}
	log := hclog.New(&hclog.LoggerOptions{Name: "demo", Level: hclog.LevelFromString(o.level), Output: os.Stderr})
	if d.app, err = open(ctx, config, app.Options{Themes: []fs.FS{themes.FS}, Log: log, Poll: poll, Pace: pace}); err != nil {
		return nil, err
	}
	d.ends = append(d.ends, func() { d.app.Close() })
	s := &seed{App: d.app, kept: filepath.Join(o.dir, keptFile)}
	if d.people, err = s.sow(ctx); err != nil {
		return nil, err
	}
	d.ends = append(d.ends, d.app.Plugins.Stop)
	if err := d.app.StartPlugins(ctx); err != nil {
		return nil, err
	}
	if err := connect(ctx, d.app, d.vendors, &d.people, s.kept); err != nil {
		return nil, err
	}
	return d, nil
}

// poll is how often work is looked for: somebody watches.
const poll = 250 * time.Millisecond

// pace is that of real panels, but for doubts: what a simulator was asked for is done or not within seconds.
var pace = provision.Pace{Doubt: 5 * time.Second, Queue: time.Second, Least: time.Second, Retry: 2 * time.Second, Longest: time.Minute}

// serve answers until ctx is over. The file that says so is there meanwhile.
func (d *demo) serve(ctx context.Context, out io.Writer) error {
	defer os.Remove(d.ready)
	var unready error
	serving, stop := context.WithCancel(ctx)
	defer stop()
	err := d.app.Serve(serving, func(net.Addr) {
		told := tell(d.app, d.vendors, d.people)
		if unready = told.write(d.ready); unready != nil {
			stop()
			return
		}
		told.print(out)
	})
	return errors.Join(err, unready)
}

// configOf puts the three sites on the port that we listen on.
func configOf(o options) (app.Config, error) {
	c := app.Default()
	_, port, err := net.SplitHostPort(o.listen)
	if err != nil {
		return c, fmt.Errorf("--listen: %w", err)
	}
	c.Listen, c.Data, c.Database, c.Plugins, c.Environment, c.LogLevel = o.listen, o.dir, o.database, filepath.Join(o.dir, "plugins.hcl"), app.Test, o.level
	c.Storefront, c.Portal, c.Admin = "http://localhost:"+port, "http://account.localhost:"+port, "http://admin.localhost:"+port
	return c, c.Check()
}

// asBefore is the address of the start before, where any port will do and it is free: links in mails stay good.
func asBefore(ctx context.Context, dir, address string) string {
	before := portsOf(dir)[sitesPort]
	host, port, err := net.SplitHostPort(address)
	if was, _, e := net.SplitHostPort(before); err != nil || e != nil || port != "0" || was != host {
		return address
	}
	if _, err := free(ctx, before); err != nil {
		return address
	}
	return before
}

// free is the address to listen on, with a port that nobody has: said now, before anything is made.
func free(ctx context.Context, address string) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return "", fmt.Errorf("--listen %s: %w", address, err)
	}
	defer l.Close()
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return "", fmt.Errorf("--listen %s: %w", address, err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return net.JoinHostPort(host, port), err
}

// lock keeps a second demo out of the folder.
func lock(dir string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("another demo runs in %s: stop it, or give this one its own --dir", dir)
	}
	return func() { f.Close() }, nil
}

// open opens the host. The books are in the base currency that the settings had when it was opened, so a new database
// gets its settings first.
func open(ctx context.Context, c app.Config, o app.Options) (*app.App, error) {
	a, err := app.Open(ctx, c, o)
	if err != nil {
		return nil, err
	}
	changed, err := saveSettings(ctx, a)
	if err == nil && !changed {
		return a, nil
	}
	if err := errors.Join(err, a.Close()); err != nil {
		return nil, err
	}
	return app.Open(ctx, c, o)
}
