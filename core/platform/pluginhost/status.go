package pluginhost

import (
	"context"
	"slices"
	"time"

	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/sdk/event"
)

// PluginStatus is how a plugin stands, for staff.
type PluginStatus struct {
	Type, Name   string
	Title        string // "VirtFusion"; its name until it has answered
	Version      string // of the pin
	Path         string
	State        State
	Since        time.Time
	PID          int // 0 when it does not run
	Restarts     int // since the host started
	LastError    string
	Problems     []string // lines as `bursar plugin check` prints them
	Powers       []string
	Network      []string // fixed "host:port" that it says it calls
	Hears        []event.Kind
	Running      int // calls under way
	Waiting      int
	Sandboxed    bool  // it runs, and in its sandbox
	Denied       int64 // connections that it was refused since it was switched on
	Calls        []Calls
	Instances    []InstanceInfo
	Log          []LogLine // the last lines
	CanSwitchOff bool
}

// InstanceInfo is one instance.
type InstanceInfo struct {
	Label, Title string
	Type, Name   string // of its plugin
	Powers       []string
	State        string // ready; open: the breaker is; off: see Why; or its plugin's state
	Why          string
	AccountKey   string    // in which payments and methods are unique
	OpenUntil    time.Time // when the breaker lets a call try
	Checked      time.Time // last Check; zero: never
	CheckError   string    // "" for good
}

// Status is all plugins in the order of the file.
func (h *Host) Status() []PluginStatus {
	h.mu.Lock()
	plugins := slices.Clone(h.plugins)
	h.mu.Unlock()
	out := make([]PluginStatus, len(plugins))
	for n, p := range plugins {
		out[n] = p.status()
	}
	return out
}

// Instances are those of a type, in the order of the file; "" is all types.
func (h *Host) Instances(kind string) []InstanceInfo {
	h.mu.Lock()
	plugins := slices.Clone(h.plugins)
	h.mu.Unlock()
	out := []InstanceInfo{}
	for _, p := range plugins {
		if kind != "" && kind != p.config.Type {
			continue
		}
		for _, i := range p.instances {
			out = append(out, i.info())
		}
	}
	return out
}

func (p *plugin) status() PluginStatus {
	p.mu.Lock()
	s := PluginStatus{
		Type: p.config.Type, Name: p.config.Name, Title: p.config.Name, Version: p.config.Version, Path: p.config.Path,
		State: p.state, Since: p.since, Restarts: p.restarts, LastError: p.lastError,
		Powers: p.described.Powers, Network: p.described.Network, Hears: p.described.Hears, CanSwitchOff: life.Allows(p.state, switchOff),
	}
	if p.described.Title != "" {
		s.Title = p.described.Title
	}
	if p.egress != nil {
		s.Denied = p.egress.refusals()
	}
	if p.process != nil {
		s.PID, s.Sandboxed = p.process.PID(), p.process.Open() == nil
	}
	p.mu.Unlock()
	s.Problems, s.Calls, s.Log = lines(p.wrong()), p.stats.list(), p.tail.lines()
	s.Running, s.Waiting = len(p.queue.places), int(p.queue.waiting.Load())
	for _, i := range p.instances {
		info := i.info()
		if s.Instances = append(s.Instances, info); info.State == string(Open) && s.State == Healthy {
			s.State = Open
		}
	}
	return s
}

func (i *instance) info() InstanceInfo {
	state, why := i.plugin.now()
	d, _ := i.plugin.said()
	info := InstanceInfo{
		Label: i.config.Label, Title: i.config.Title, Type: i.plugin.config.Type, Name: i.plugin.config.Name, Powers: d.Powers, AccountKey: i.account(),
	}
	until, open := i.breaker.open()
	i.mu.Lock()
	defer i.mu.Unlock()
	info.Checked, info.CheckError = i.checked, i.checkIs
	switch {
	case state != Healthy:
		info.State, info.Why = string(state), why
	case i.off != "":
		info.State, info.Why = string(Off), i.off
	case open:
		info.State, info.OpenUntil, info.Why = string(Open), until, "its vendor did not answer several times in a row"
	default:
		info.State = Ready
	}
	return info
}

// Restart stops a plugin, checks its program and starts it anew: also one that failed or is in quarantine. plugins.hcl is
// not read again. Rights: plugin.control. Errors: ErrNoPlugin.
func (h *Host) Restart(ctx context.Context, kind, name string) error {
	return h.control(ctx, kind, name, "plugin.restarted", true)
}

// Enable starts a plugin that was switched off, by the file or by staff. It lasts until the host starts again.
func (h *Host) Enable(ctx context.Context, kind, name string) error {
	return h.control(ctx, kind, name, "plugin.enabled", true)
}

// Disable stops a plugin. It lasts until the host starts again.
func (h *Host) Disable(ctx context.Context, kind, name string) error {
	return h.control(ctx, kind, name, "plugin.disabled", false)
}

func (h *Host) control(ctx context.Context, kind, name, action string, wanted bool) error {
	if err := auth.Require(ctx, auth.PluginControl); err != nil {
		return err
	}
	p, err := h.plugin(kind, name)
	if err != nil {
		return err
	}
	h.mu.Lock()
	life := h.life
	h.mu.Unlock()
	p.mu.Lock()
	before := p.state
	p.wanted = wanted
	p.mu.Unlock()
	p.end()
	if wanted {
		select {
		case <-p.begin(life):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	after, _ := p.now()
	h.tell(ctx, action, p.title(), map[string]State{"before": before, "after": after})
	return nil
}
