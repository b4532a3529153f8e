package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/ezscale/bursar/sdk/host"
)

// plugin is one program and who watches it.
type plugin struct {
	host      *Host
	config    PluginConfig
	fixed     []Problem // of the file
	instances []*instance
	queue     *queue
	stats     stats
	tail      tail
	watch     sync.Mutex // begin and end do not overlap
	egress    *egress    // while it is watched
	over      chan struct{}
	cancel    context.CancelFunc

	mu        sync.Mutex
	wanted    bool // by the file, until staff says otherwise
	stopping  bool // no new calls
	state     State
	since     time.Time
	changed   chan struct{} // closed at the next change of state
	process   *host.Process // nil when it does not run
	described host.Described
	found     []Problem // by the last start
	lastError string
	restarts  int
	ends      []time.Time // that it ended or did not start
	faults    []time.Time // of them, those that were its own doing
}

func newPlugin(h *Host, c PluginConfig, problems []Problem) *plugin {
	p := &plugin{host: h, config: c, fixed: problems, wanted: c.Enabled, queue: newQueue(h.pace), state: Off, since: h.deps.Clock.Now(), changed: make(chan struct{})}
	for _, i := range c.Instances {
		p.instances = append(p.instances, &instance{host: h, plugin: p, config: i, breaker: &breaker{clock: h.deps.Clock}})
	}
	return p
}

// title is "panel/virtfusion".
func (p *plugin) title() string { return p.config.Type + "/" + p.config.Name }

// where is how lines for staff name it.
func (p *plugin) where() string { return p.config.Type + " " + strconv.Quote(p.config.Name) }

func (p *plugin) said() (d host.Described, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.described, p.described.Name != ""
}

// to changes the state by the table. What the table does not allow is a bug, and changes nothing.
func (p *plugin) to(act Act, process *host.Process, why string) {
	p.mu.Lock()
	next, err := life.Next(p.state, act)
	if err == nil {
		p.state, p.since, p.process = next, p.host.deps.Clock.Now(), process
		if p.lastError = why; act == switchOff || act == start {
			p.lastError = ""
		}
		close(p.changed)
		p.changed = make(chan struct{})
	}
	p.mu.Unlock()
	log := p.host.deps.Log.With("plugin", p.title())
	switch {
	case err != nil:
		log.Error("a plugin's state does not fit", "error", err)
	case next == Healthy:
		log.Info("plugin runs", "pid", process.PID())
	case next == Failed || next == Quarantined:
		log.Error("plugin is not started", "state", next, "why", why)
	case next == Restarting:
		log.Warn("plugin ended", "why", why)
	}
}

// begin starts it, if the file wants it, and watches it until end or until it must not be started. answered is closed when
// the first start was tried.
func (p *plugin) begin(ctx context.Context) (answered chan struct{}) {
	p.watch.Lock()
	defer p.watch.Unlock()
	answered = make(chan struct{})
	p.mu.Lock()
	wanted := p.wanted
	p.stopping, p.ends, p.faults = false, nil, nil
	p.mu.Unlock()
	if p.over != nil || !wanted {
		close(answered)
		return answered
	}
	ctx, p.cancel = context.WithCancel(ctx)
	way, err := openEgress(ctx, p, p.host.run.socket())
	if err != nil {
		p.to(refuse, nil, fmt.Sprintf("its way to the network cannot be opened: %v.", err))
		p.cancel()
		close(answered)
		return answered
	}
	over := make(chan struct{})
	p.over = over
	p.mu.Lock()
	p.egress = way
	p.mu.Unlock()
	go func() {
		defer close(over)
		defer way.close()
		p.keep(ctx, sync.OnceFunc(func() { close(answered) }))
	}()
	return answered
}

// end stops it and waits until it is gone.
func (p *plugin) end() {
	p.watch.Lock()
	defer p.watch.Unlock()
	if p.over == nil {
		return
	}
	p.cancel()
	<-p.over
	p.over = nil
	p.to(switchOff, nil, "")
}

// keep runs it as long as it may.
func (p *plugin) keep(ctx context.Context, answered func()) {
	defer answered()
	if why := p.mayNot(); why != "" {
		p.to(refuse, nil, why)
		return
	}
	p.to(start, nil, "")
	for {
		process, err := p.launch(ctx)
		var no *refusal
		killed := false
		switch {
		case ctx.Err() != nil:
			if err == nil {
				process.Kill()
			}
			return
		case errors.As(err, &no):
			p.refused(ctx, no)
			return
		case err == nil:
			p.to(answer, process, "")
			answered()
			if err, killed = p.attend(ctx, process); err == nil {
				return
			}
		}
		wait, tooOften := p.count(killed)
		if p.to(lose, nil, err.Error()); tooOften {
			why := fmt.Sprintf("it ended %d times within %d minutes, last: %s", p.host.pace.quarantine, p.host.pace.within, err)
			p.to(quarantine, nil, why)
			p.host.tell(ctx, "plugin.quarantined", p.title(), map[string]string{"why": why})
			return
		}
		answered()
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// mayNot is why the file alone keeps it from being started.
func (p *plugin) mayNot() string {
	for _, problem := range p.fixed {
		if problem.Label == "" && !problem.Warn {
			return problem.Text
		}
	}
	if _, ok := types[p.config.Type]; !ok {
		return fmt.Sprintf("plugins of type %q are not used by this version.", p.config.Type)
	}
	return ""
}

// attend pings it until it ends. The error is why; nil is that ctx ended and it was stopped. killed: by somebody else, so
// it is not its own doing.
func (p *plugin) attend(ctx context.Context, process *host.Process) (err error, killed bool) {
	ping := time.NewTicker(p.host.pace.ping)
	defer ping.Stop()
	for missed := 0; ; {
		select {
		case <-ctx.Done():
			p.drain(process)
			return nil, false
		case <-process.Done():
			process.Kill() // sweeps what it left
			if killed = process.Ended() == "signal: killed"; killed || process.Said() == "" {
				return errors.New("it ended (" + process.Ended() + ")"), killed
			}
			return fmt.Errorf("it ended (%s): %s", process.Ended(), host.Mask(process.Said(), p.secrets())), false
		case <-ping.C:
			asked, stop := context.WithTimeout(ctx, p.host.pace.pong)
			err := process.Ping(asked)
			stop()
			if missed++; err == nil {
				missed = 0
			}
			if missed == 2 && ctx.Err() == nil {
				process.Kill()
				return fmt.Errorf("it did not answer twice in a row (%w)", err), false
			}
		}
	}
}

// drain takes no new calls, gives those under way some seconds, and stops the program.
func (p *plugin) drain(process *host.Process) {
	p.mu.Lock()
	p.stopping = true
	p.mu.Unlock()
	patience := time.NewTimer(p.host.pace.drain)
	defer patience.Stop()
	for range cap(p.queue.places) { // all places taken: nobody is calling
		select {
		case p.queue.places <- struct{}{}:
			defer p.queue.leave()
			continue
		case <-patience.C:
		case <-process.Done():
		}
		break
	}
	process.Stop()
}

// now is its state and why.
func (p *plugin) now() (State, string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state, p.lastError
}

// count notes that it ended and says how long to wait before the next start, and whether that was once too often.
func (p *plugin) count(killed bool) (wait time.Duration, tooOften bool) {
	now, pace := p.host.deps.Clock.Now(), p.host.pace
	old := func(t time.Time) bool { return now.Sub(t) > time.Duration(pace.within)*time.Minute }
	p.mu.Lock()
	defer p.mu.Unlock()
	p.restarts++
	p.ends = append(slices.DeleteFunc(p.ends, old), now)
	p.faults = slices.DeleteFunc(p.faults, old)
	if !killed {
		p.faults = append(p.faults, now)
	}
	if n := len(p.ends); n > 1 { // the first is started again at once
		wait = min(pace.restart<<min(n-2, 10), pace.slowest)
	}
	if killed {
		wait = min(wait, pace.restart)
	}
	return wait, len(p.faults) >= pace.quarantine
}

// conn is the connection for a call. A program that is just starting is waited for; one that waits for its next start is
// not. Error: plugin_not_running, and nothing was sent.
func (p *plugin) conn(ctx context.Context) (grpc.ClientConnInterface, error) {
	patience := time.NewTimer(p.host.pace.become)
	defer patience.Stop()
	for {
		p.mu.Lock()
		process, state, stopping, changed, why := p.process, p.state, p.stopping, p.changed, p.lastError
		p.mu.Unlock()
		if process != nil && !stopping {
			select {
			case <-process.Done():
			default:
				return process.Conn(), nil
			}
		}
		if stopping || state == Off || state == Failed || state == Quarantined {
			return nil, p.notRunning(state, why)
		}
		select {
		case <-changed:
		case <-patience.C:
			return nil, p.notRunning(state, why)
		case <-ctx.Done():
			return nil, p.notRunning(state, why)
		}
	}
}

func (p *plugin) notRunning(state State, why string) error {
	text := fmt.Sprintf("%s is %s", p.title(), state)
	if why != "" {
		text += ": " + why
	}
	return errNotRunning.Because(errors.New(text))
}

// wrong is all that is wrong with it, for staff.
func (p *plugin) wrong() []Problem {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.wanted {
		return nil
	}
	out := append(slices.Clone(p.fixed), p.found...)
	for _, i := range p.instances {
		if !i.config.Enabled {
			out = slices.DeleteFunc(out, func(q Problem) bool { return q.Label == i.config.Label })
		}
	}
	if p.state != Healthy && p.state != Off && p.lastError != "" && !slices.ContainsFunc(out, func(q Problem) bool { return strings.Contains(q.Text, p.lastError) }) {
		out = append(out, Problem{File: p.host.deps.Config, Line: p.config.Line, Where: p.where(), Text: p.lastError, Plug: p.title()})
	}
	return out
}
