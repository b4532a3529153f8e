// Package pluginhost owns the programs that plugins.hcl names. It checks and starts each, watches it, starts it again when
// it ends, and hands out clients that stay valid meanwhile. A call is refused before anything is sent when a transaction is
// open, the instance's breaker is open or too many calls wait. What plugins are asked, and what is made of their answers,
// is left to the domains; what an instance learned and the secret of its webhook address are kept here, sealed.
//
// Start at Host. config.go reads the file, launch.go starts a program, plugin.go watches it, instance.go is what a call
// goes through, clients.go is what others use, pin.go and check.go are the commands.
package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/platform/secret"
	"github.com/ezscale/bursar/sdk/fault"
)

// Errors that callers tell apart.
var (
	ErrNoInstance = fault.New(fault.NotFound, "instance_not_found", "That is not set up here.")
	ErrNoPlugin   = fault.New(fault.NotFound, "plugin_not_found", "There is no such plugin.")
	ErrConfig     = fault.New(fault.Invalid, "plugins_file", "plugins.hcl cannot be used.") // its cause has the lines
	errNotRunning = fault.New(fault.Unavailable, "plugin_not_running", "")
	errOff        = fault.New(fault.Unavailable, "instance_off", "")
	errOpen       = fault.New(fault.Unavailable, "breaker_open", "")
	errBusy       = fault.New(fault.Unavailable, "plugin_busy", "")
	errInTx       = fault.New(fault.Internal, "in_transaction", "")
	errNoPower    = fault.New(fault.Unsupported, "no_such_power", "")
)

// Deps is what a Host uses.
type Deps struct {
	Config string // path of plugins.hcl
	Dir    string // its own folder, made if it is missing; several hosts may share one
	DB     *db.DB // nil for commands that only look: nothing is learned, and there are no webhook secrets
	Box    *secret.Box
	Audit  *audit.Service // nil with DB
	Clock  clock.Clock
	Log    hclog.Logger
	Getenv func(name string) (string, bool) // for env() in the file
	// World turns the business's time into the vendors', where a test clock runs ahead; nil: they are the same.
	World func(time.Time) time.Time
}

// Host runs plugins. It may be used by many goroutines.
type Host struct {
	deps  Deps
	store store
	pace  pace

	mu        sync.Mutex
	run       *runDir
	config    Config
	problems  []Problem // of the file
	plugins   []*plugin // in the order of the file
	instances map[string]*instance
	choices   map[string]kept
	life      context.Context // ends with Stop
	stop      context.CancelFunc
}

// pace is how patient the host is; tests are less so.
type pace struct {
	start, ping, pong  time.Duration // a program's first word; between pings; for their answer
	restart, slowest   time.Duration // wait before the third start in a row, doubled until the slowest
	become, drain      time.Duration // for a program that is starting, per call; for calls under way, at a stop
	queue              time.Duration // for a free place, per call
	running, waiting   int           // calls of one plugin
	quarantine, within int           // faults, minutes
}

var usual = pace{
	start: 10 * time.Second, ping: 5 * time.Second, pong: 5 * time.Second,
	restart: time.Second, slowest: 30 * time.Second,
	become: 3 * time.Second, drain: 5 * time.Second, queue: 5 * time.Second,
	running: 32, waiting: 256, quarantine: 5, within: 10,
}

// New makes a host that runs nothing yet.
func New(d Deps) *Host {
	if d.Log == nil {
		d.Log = hclog.NewNullLogger()
	}
	return &Host{deps: d, store: store{db: d.DB, box: d.Box}, pace: usual, instances: map[string]*instance{}, choices: map[string]kept{}}
}

// Start reads the file and starts all plugins at once. It returns when each has answered or failed: what is wrong with one
// is in Problems and Status and keeps no other from running. They run until Stop; ctx limits the start only.
//
// Errors: ErrConfig, with all that is wrong, when the file as a whole cannot be used; nothing runs then.
func (h *Host) Start(ctx context.Context) error {
	config, problems, ok := ReadConfig(h.deps.Config, h.deps.Getenv)
	h.mu.Lock()
	h.config, h.problems = config, problems
	h.mu.Unlock()
	if !ok {
		return ErrConfig.Because(errors.New(strings.Join(lines(problems), "\n")))
	}
	run, err := openRunDir(h.deps.Dir)
	if err != nil {
		return fmt.Errorf("plugin folder: %w", err)
	}
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	h.mu.Lock()
	h.run, h.life, h.stop = run, life, stop
	for _, c := range config.Plugins {
		p := newPlugin(h, c, slices.DeleteFunc(slices.Clone(problems), func(q Problem) bool { return q.Plug != c.Type+"/"+c.Name }))
		h.plugins = append(h.plugins, p)
		for _, i := range p.instances {
			h.instances[i.config.Label] = i
		}
	}
	plugins := slices.Clone(h.plugins)
	h.mu.Unlock()
	if err := h.know(ctx); err != nil {
		h.Stop()
		return fmt.Errorf("plugin instances: %w", err)
	}
	var all sync.WaitGroup
	for _, p := range plugins {
		all.Go(func() {
			select {
			case <-p.begin(life):
			case <-ctx.Done():
			}
		})
	}
	all.Wait()
	return ctx.Err()
}

// Stop ends all plugins: calls under way have a few seconds, new ones are refused. The host cannot be started again.
func (h *Host) Stop() {
	h.mu.Lock()
	plugins, stop, run := slices.Clone(h.plugins), h.stop, h.run
	h.mu.Unlock()
	if stop == nil {
		return
	}
	var all sync.WaitGroup
	for _, p := range plugins {
		all.Go(p.end)
	}
	all.Wait()
	stop()
	run.close()
}

// Problems are what is wrong with the file and with what it names, in its order, as lines for staff.
func (h *Host) Problems() []Problem {
	h.mu.Lock()
	out := slices.DeleteFunc(slices.Clone(h.problems), func(p Problem) bool { return p.Plug != "" })
	plugins := slices.Clone(h.plugins)
	h.mu.Unlock()
	for _, p := range plugins {
		out = append(out, p.wrong()...)
	}
	slices.SortStableFunc(out, func(a, b Problem) int { return a.Line - b.Line })
	return out
}

func lines(problems []Problem) []string {
	out := make([]string, len(problems))
	for i, p := range problems {
		out[i] = p.String()
	}
	return out
}

func (h *Host) plugin(kind, name string) (*plugin, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.plugins {
		if p.config.Type == kind && p.config.Name == name {
			return p, nil
		}
	}
	return nil, ErrNoPlugin.Because(fmt.Errorf("%s/%s", kind, name))
}

func (h *Host) instance(label string) (*instance, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if i, ok := h.instances[label]; ok {
		return i, nil
	}
	return nil, ErrNoInstance.Because(fmt.Errorf("instance %q", label))
}

// tell writes to the trail what happened to a plugin, also when its watch ends meanwhile. A trail that cannot be written is
// logged: the plugin is not to wait.
func (h *Host) tell(ctx context.Context, action, subject string, after any) {
	if h.deps.Audit == nil {
		return
	}
	if err := h.deps.Audit.Add(context.WithoutCancel(ctx), audit.Entry{Action: action, Subject: subject, After: after}); err != nil {
		h.deps.Log.Error("a plugin's trail was not written", "plugin", subject, "action", action, "error", err)
	}
}
