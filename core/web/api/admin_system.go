package api

import (
	"context"
	"slices"

	"github.com/ezscale/bursar/core/insight"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/platform/pluginhost"
)

// PluginList is how the plugins stand.
type PluginList struct {
	Data []Plugin `json:"data" nullable:"false"`
}

// Plugin is a program beside ours.
type Plugin struct {
	Type      string     `json:"type"`
	Name      string     `json:"name"`
	Title     string     `json:"title"`
	Version   string     `json:"version,omitempty"`
	State     string     `json:"state" doc:"off, starting, healthy, open, restarting, failed, quarantined"`
	Since     string     `json:"since,omitempty" format:"date-time"`
	Restarts  int        `json:"restarts"`
	LastError string     `json:"last_error,omitempty"`
	Problems  []string   `json:"problems" nullable:"false"`
	Sandboxed bool       `json:"sandboxed"`
	Running   int        `json:"running" doc:"Calls under way"`
	Waiting   int        `json:"waiting" doc:"Calls that wait"`
	Instances []Instance `json:"instances" nullable:"false"`
	Calls     []Calls    `json:"calls" nullable:"false"`
}

// Instance is one set of a plugin's settings.
type Instance struct {
	Label      string `json:"label"`
	Title      string `json:"title"`
	State      string `json:"state"`
	Why        string `json:"why,omitempty"`
	Checked    string `json:"checked,omitempty" format:"date-time"`
	CheckError string `json:"check_error,omitempty"`
}

// Calls are a plugin's calls of one method since we started.
type Calls struct {
	Method string `json:"method"`
	Count  int64  `json:"count"`
	Errors int64  `json:"errors"`
	P50    int64  `json:"p50_ms"`
	P99    int64  `json:"p99_ms"`
}

// Work is what waits to be done.
type Work struct {
	Jobs       map[string]int64 `json:"jobs" doc:"By state"`
	Deliveries map[string]int64 `json:"deliveries" doc:"Of events, by state"`
	Operations map[string]int   `json:"operations" doc:"On panels, by state; those that are over are not counted"`
}

// Verdict is the proof that the books, the documents and the services agree.
type Verdict struct {
	OK       bool      `json:"ok"`
	Findings []Finding `json:"findings" nullable:"false"`
	Checks   []string  `json:"checks" nullable:"false" doc:"What was looked at"`
}

// Finding is something that must not be.
type Finding struct {
	Check   string `json:"check"`
	Subject string `json:"subject"`
	Text    string `json:"text"`
}

func (s *Site) adminSystem() {
	add(s, operation{id: "admin-list-plugins", method: get, path: "/admin/plugins", scope: auth.PluginSee, staff: true, tag: "Staff: system", says: "How the plugins stand"}, s.listPlugins)
	add(s, operation{id: "admin-count-jobs", method: get, path: "/admin/jobs", scope: auth.JobSee, staff: true, tag: "Staff: system", says: "How much waits to be done"}, s.countJobs)
	add(s, operation{id: "admin-verify", method: get, path: "/admin/verify", scope: auth.ReportSee, staff: true, long: true, tag: "Staff: system", says: "Prove that all sums agree",
		more: "Ledger, balances, documents, services and the trail are read and compared. Nothing is changed."}, s.verify)
}

func (s *Site) listPlugins(context.Context, *struct{}) (PluginList, error) {
	return PluginList{Data: each(s.Plugins.Status(), pluginOf)}, nil
}

func pluginOf(p pluginhost.PluginStatus) Plugin {
	return Plugin{Type: p.Type, Name: p.Name, Title: p.Title, Version: p.Version, State: string(p.State), Since: stamp(p.Since), Restarts: p.Restarts, LastError: p.LastError,
		Problems: append([]string{}, p.Problems...), Sandboxed: p.Sandboxed, Running: p.Running, Waiting: p.Waiting,
		Instances: each(p.Instances, func(i pluginhost.InstanceInfo) Instance {
			return Instance{Label: i.Label, Title: i.Title, State: i.State, Why: i.Why, Checked: stamp(i.Checked), CheckError: i.CheckError}
		}),
		Calls: each(p.Calls, func(c pluginhost.Calls) Calls {
			return Calls{Method: c.Method, Count: c.Count, Errors: c.Errors, P50: c.P50.Milliseconds(), P99: c.P99.Milliseconds()}
		})}
}

func (s *Site) countJobs(ctx context.Context, _ *struct{}) (out Work, err error) {
	if out.Jobs, err = s.Flow.Jobs.Counts(ctx); err != nil {
		return out, err
	}
	if out.Deliveries, err = s.Flow.Outbox.Counts(ctx); err != nil {
		return out, err
	}
	states, err := s.Flow.Provision.Counts(ctx)
	out.Operations = map[string]int{}
	for state, n := range states {
		out.Operations[string(state)] = n
	}
	return out, err
}

func (s *Site) verify(ctx context.Context, _ *struct{}) (Verdict, error) {
	found, err := s.Flow.Verify(ctx)
	if err != nil {
		return Verdict{}, err
	}
	return Verdict{OK: len(found) == 0, Checks: slices.Clone(insight.Checks()), Findings: each(found, func(f insight.Finding) Finding {
		return Finding{Check: f.Check, Subject: f.Subject, Text: f.Text}
	})}, nil
}
