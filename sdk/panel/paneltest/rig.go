package paneltest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/host"
	"github.com/ezscale/bursar/sdk/panel"
	"github.com/ezscale/bursar/sdk/secret"
	"github.com/ezscale/bursar/sdk/sim"
)

// rig is a host, a plugin and a vendor.
type rig struct {
	t       *testing.T
	suite   Suite
	vendor  *sim.Sim
	address string
	plugin  *host.Loopback
	client  panel.Client
	log     *log
	secrets []string // must show nowhere
	flight  *flight
	ops     int
}

// log is a plugin's log.
type log struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

// began is when every case begins: the clocks of host, plugin and vendor stand.
var began = time.Date(2026, 3, 15, 12, 0, 0, 0, time.UTC)

func newRig(t *testing.T, s Suite) *rig {
	t.Helper()
	r := &rig{t: t, suite: s, vendor: s.Sim(), log: new(log), flight: &flight{changed: make(chan struct{})}}
	r.vendor.StopClock(began)
	server := httptest.NewServer(r.flight.count(r.vendor))
	r.address = server.URL
	plugin, err := host.Local(s.Plugin(), host.World{Log: r.log, Now: r.vendor.Now})
	if err != nil {
		t.Fatalf("the plugin cannot be served: %v", err)
	}
	r.plugin = plugin
	r.client = r.with("london", s.Settings(r.address))
	t.Cleanup(func() {
		plugin.Close()
		r.vendor.Close()
		server.Close()
		r.leaks("a line of the log", r.log.String())
	})
	return r
}

// flight is how many requests the vendor has under way.
type flight struct {
	mu      sync.Mutex
	n       int
	changed chan struct{} // closed when n changes, and then another
}

func (f *flight) add(d int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n += d
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *flight) count(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		f.add(1)
		defer f.add(-1)
		h.ServeHTTP(w, q)
	})
}

// until waits, for a second, until so many are under way.
func (f *flight) until(t *testing.T, what string, is func(n int) bool) {
	t.Helper()
	limit := time.After(time.Second)
	for {
		f.mu.Lock()
		n, changed := f.n, f.changed
		f.mu.Unlock()
		if is(n) {
			return
		}
		select {
		case <-changed:
		case <-limit:
			t.Fatalf("it takes more than a second until the plugin %s", what)
		}
	}
}

// with is a client of an instance with other settings. Their secrets must show nowhere from now on.
func (r *rig) with(label string, settings form.Values) panel.Client {
	r.secrets = append(r.secrets, r.plugin.Described().Secrets(settings)...)
	i := r.plugin.Instance(label, settings)
	i.Deadline = func(_ string, usual time.Duration) time.Duration { return min(usual, 20*time.Second) }
	return panel.NewClient(i)
}

// leaks fails if a text holds a secret.
func (r *rig) leaks(where, text string) {
	r.t.Helper()
	for _, s := range r.secrets {
		if len(s) >= 4 && strings.Contains(text, s) {
			r.t.Errorf("%s holds a secret:\n  %s", where, strings.ReplaceAll(lineWith(text, s), s, "<the secret>"))
			return
		}
	}
}

func lineWith(text, part string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

// act plays a part, which the simulator must know.
func (r *rig) act(do, id string, more map[string]any) {
	r.t.Helper()
	raw, _ := json.Marshal(merge(map[string]any{"do": do, "id": id}, more))
	if err := r.vendor.Act(sim.Act{Do: do, ID: id, Raw: raw}); err != nil {
		r.t.Fatalf("the simulator cannot play %q: %v", do, err)
	}
}

// stranger is an account that somebody makes by hand, for the customer of that number.
func (r *rig) stranger(number string) {
	r.t.Helper()
	r.act("stranger", number, map[string]any{"product": r.suite.Product})
}

func merge(into, from map[string]any) map[string]any { maps.Copy(into, from); return into }

// fault makes things go wrong at the vendor from now on; none mends everything.
func (r *rig) fault(faults ...sim.Fault) {
	r.t.Helper()
	if err := r.vendor.Faults(faults...); err != nil {
		r.t.Fatal(err)
	}
}

// op names a new change.
func (r *rig) op() sdk.Op {
	r.ops++
	return sdk.Op{ID: fmt.Sprintf("op_%d", r.ops), First: r.vendor.Now()}
}

// customer is one of the host's.
func customer(number int64) sdk.Customer {
	return sdk.Customer{
		ID: fmt.Sprintf("cus_%d", number), Number: number, First: "Jane", Last: fmt.Sprintf("Doe %d", number), Email: fmt.Sprintf("jane%d@example.test", number),
		Phone: "+4915112345678", Locale: "en-GB", Notes: sdk.Notes{},
		Address: sdk.Address{Line1: "1 Test Road", City: "London", Postcode: "N1 1AA", Country: "GB"},
	}
}

// book is what the host has saved about an account.
type book struct {
	panel.Creation
	credentials []panel.Credential
	warnings    []string
}

// order is a new account of a customer, of which nothing was done yet.
func (r *rig) order(service string, c sdk.Customer) *book {
	password := "Pw" + strings.Repeat("x", 14) + fmt.Sprintf("%08d", len(service)*1000+r.ops)
	r.secrets = append(r.secrets, password)
	return &book{Creation: panel.Creation{
		Op: r.op(), Ref: panel.Ref{Service: service, Customer: c, Notes: sdk.Notes{}}, Product: r.suite.Product, Checkout: r.suite.Checkout,
		Username: "u" + strings.ReplaceAll(service, "_", ""), Password: secret.New(password),
	}}
}

// copied is what a call gets: nothing of it reaches the book unless the answer is saved.
func (b *book) copied() panel.Creation {
	c := b.Creation
	c.Notes, c.Customer.Notes = maps.Clone(b.Notes), maps.Clone(b.Customer.Notes)
	c.Product, c.Checkout, c.Known = c.Product.Clone(), c.Checkout.Clone(), slices.Clone(c.Known)
	return c
}

// change is one kind of change of the account in a book.
type change struct {
	name string
	call func(ctx context.Context, p panel.Panel, op sdk.Op, c panel.Creation) (panel.Progress, error)
}

var (
	create = change{"Create", func(ctx context.Context, p panel.Panel, op sdk.Op, c panel.Creation) (panel.Progress, error) {
		c.Op = op
		return p.Create(ctx, c)
	}}
	suspend = change{"Suspend", func(ctx context.Context, p panel.Panel, op sdk.Op, c panel.Creation) (panel.Progress, error) {
		return p.Suspend(ctx, op, c.Ref, "unpaid")
	}}
	unsuspend = change{"Unsuspend", func(ctx context.Context, p panel.Panel, op sdk.Op, c panel.Creation) (panel.Progress, error) {
		return p.Unsuspend(ctx, op, c.Ref)
	}}
	terminate = change{"Terminate", func(ctx context.Context, p panel.Panel, op sdk.Op, c panel.Creation) (panel.Progress, error) {
		return p.Terminate(ctx, op, c.Ref)
	}}
)

// made is one call and what came of it.
type made struct {
	changes []sim.Request
	done    bool
	text    string // of the answer, for people
	notes   string
	forgot  bool
}

// trip is one change driven to its end.
type trip struct {
	change change
	calls  []made
	err    error // nil: it ended Done
}

// mishap is what befalls the host on a trip.
type mishap struct {
	forgets int  // the call whose answer the host forgets and after which the plugin is killed, from 1
	kills   bool // the plugin is killed before every call
}

// longest is how many calls a change may take in a suite; hosts have more patience.
const longest = 80

// drive calls until the change is Done or refused, as the host does: after doubt it waits and looks, then repeats.
func (r *rig) drive(b *book, op sdk.Op, what change, m mishap) *trip {
	r.t.Helper()
	out := &trip{change: what}
	for op.Attempt = 1; op.Attempt <= longest; op.Attempt++ {
		p, err := r.step(out, b, op, m)
		kind := fault.KindOf(err)
		if m.forgets == op.Attempt { // the host died before it saved the answer: it knows only that it had asked
			kind, err = fault.Unknown, fault.New(fault.Unknown, "answer_lost", "")
		}
		switch {
		case err == nil && p.Done:
			return out
		case err == nil:
			r.vendor.AddClock(max(p.After, time.Second))
		case kind == fault.Unavailable:
			r.vendor.AddClock(max(fault.Of(err).After, 30*time.Second))
		case kind == fault.Unknown:
			r.vendor.AddClock(2 * time.Minute)
			if what.name == create.name {
				if err := r.find(b, op); err != nil {
					out.err = err
					return out
				}
			}
		default:
			out.err = err
			return out
		}
	}
	out.err = fmt.Errorf("it was not done after %d calls", longest)
	return out
}

// find looks for what an unanswered creation made. Only doubt that a person must settle is an error.
func (r *rig) find(b *book, op sdk.Op) error {
	r.t.Helper()
	c := b.copied()
	c.Op = op
	before := len(r.vendor.Changes())
	_, err := r.client.Find(r.t.Context(), c)
	if n := len(r.vendor.Changes()) - before; n > 0 {
		r.t.Errorf("Find made %d changes at the vendor", n)
	}
	b.Notes, b.Customer.Notes = c.Notes, c.Customer.Notes
	if fault.KindOf(err) == fault.Unknown {
		return err
	}
	return nil
}

// step makes one call and saves its answer.
func (r *rig) step(out *trip, b *book, op sdk.Op, m mishap) (panel.Progress, error) {
	r.t.Helper()
	if m.kills {
		r.plugin.Kill()
	}
	c := b.copied()
	before := len(r.vendor.Changes())
	p, err := out.change.call(r.t.Context(), r.client, op, c)
	one := made{changes: r.vendor.Changes()[before:], done: err == nil && p.Done, forgot: m.forgets == op.Attempt, text: said(p, err)}
	if len(one.changes) > 1 {
		r.t.Errorf("call %d of %s made %d changes at the vendor, %s:\n  a call makes one at most, notes it and returns, so that a lost answer leaves one thing open. See panel.Panel.",
			op.Attempt, out.change.name, len(one.changes), requests(one.changes))
	}
	r.wary(p, err, c)
	if one.forgot {
		r.plugin.Kill()
	} else {
		b.Notes, b.Customer.Notes = c.Notes, c.Customer.Notes
		if err == nil {
			if p.RemoteID != "" {
				b.RemoteID = p.RemoteID
			}
			if len(p.Credentials) > 0 {
				b.credentials = p.Credentials
			}
			b.warnings = append(b.warnings, p.Warnings...)
		}
	}
	one.notes = printed(b.Notes)
	out.calls = append(out.calls, one)
	return p, err
}

// wary looks for secrets where they must not be, and for what a host cannot save.
func (r *rig) wary(p panel.Progress, err error, c panel.Creation) {
	r.t.Helper()
	for _, k := range p.Credentials {
		r.secrets = append(r.secrets, k.Password.Reveal())
	}
	if f := fault.Of(err); f != nil {
		r.leaks("a fault", f.Error()+f.Text)
		if f.Kind == fault.Internal {
			r.t.Errorf("an internal error: %v", f)
		}
	}
	r.leaks("a note", printed(c.Notes)+printed(c.Customer.Notes))
	r.leaks("a text", p.Text+strings.Join(p.Warnings, "\n"))
}

func said(p panel.Progress, err error) string {
	switch {
	case err != nil:
		return err.Error()
	case p.Done:
		return "Done"
	}
	return fmt.Sprintf("again after %s (%s)", p.After, p.Text)
}

// printed is notes in order.
func printed(n sdk.Notes) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(n)) {
		parts = append(parts, name+"="+n[name])
	}
	return "{" + strings.Join(parts, " ") + "}"
}

// account makes an account, which must go well, and forgets the requests of that.
func (r *rig) account(service string, c sdk.Customer, known ...string) *book {
	r.t.Helper()
	b := r.order(service, c)
	b.Known = known
	if trip := r.drive(b, b.Op, create, mishap{}); trip.err != nil {
		r.t.Fatalf("Create of %s ended with: %v", service, trip.err)
	}
	if b.RemoteID == "" {
		r.t.Fatalf("Create of %s was Done without a RemoteID", service)
	}
	r.vendor.Forget()
	return b
}

// of are the simulator's accounts with a service.
func (r *rig) of(service string) (out []sim.Account) {
	for _, a := range r.vendor.State().Accounts {
		if a.Service == service {
			out = append(out, a)
		}
	}
	return out
}
