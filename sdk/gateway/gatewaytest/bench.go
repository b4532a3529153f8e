package gatewaytest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/gateway"
	"github.com/ezscale/bursar/sdk/host"
	"github.com/ezscale/bursar/sdk/money"
	"github.com/ezscale/bursar/sdk/sim"
)

// start is when every case begins.
var start = time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)

// patience is how long a case waits for something that comes by itself.
const patience = 10 * time.Second

// bench is one case's world: a simulator whose clock stands still, the plugin, and a host.
type bench struct {
	testing.TB
	suite    Suite
	sim      *sim.Sim
	url      string
	plugin   *host.Loopback
	log      *journal
	settings form.Values
	client   gateway.Client
	post     chan sdk.Webhook // what the vendor sent; nil until listen
	hooks    *httptest.Server
	hookPath atomic.Value // where webhooks are to go
	strays   atomic.Int64 // those that went elsewhere

	ops  int
	told []string // every fault and note that came out, for the search for secrets
	lost *loss
}

// loss is how a run of a case is disturbed.
type loss struct {
	kill   bool // the plugin is killed before each call
	forget int  // the host forgets the answer of this call, from 1
	calls  int
}

func newBench(t testing.TB, s Suite) *bench {
	t.Helper()
	b := &bench{TB: t, suite: s, log: &journal{}, lost: &loss{}}
	b.sim, b.url = serve(t, s)
	plugin, err := host.Local(s.Plugin(), host.World{Log: b.log, Now: b.sim.Now})
	if err != nil {
		t.Fatalf("The plugin cannot be served: %v", err)
	}
	t.Cleanup(plugin.Close)
	b.plugin, b.settings = plugin, s.Settings(b.url)
	b.client = gateway.NewClient(b.instance("main", func() form.Values { return b.settings }))
	return b
}

// serve starts a simulator.
func serve(t testing.TB, s Suite) (*sim.Sim, string) {
	vendor := s.Sim()
	vendor.StopClock(start)
	srv := httptest.NewServer(vendor)
	t.Cleanup(func() {
		vendor.Close()
		srv.CloseClientConnections()
		srv.Close()
	})
	return vendor, srv.URL
}

// instance is one whose settings may change between calls.
func (b *bench) instance(label string, settings func() form.Values) *host.Instance {
	i := b.plugin.Instance(label, nil)
	i.Settings = func(context.Context) (form.Values, error) { return settings(), nil }
	return i
}

// with is the client of an instance of its own.
func (b *bench) with(label string, settings form.Values) gateway.Client {
	return gateway.NewClient(b.instance(label, func() form.Values { return settings }))
}

// journal is a log for many goroutines.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(line)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// fail ends the case with what came to the vendor.
func (b *bench) fail(format string, args ...any) {
	b.Helper()
	var traffic strings.Builder
	for _, r := range b.sim.Requests() {
		fmt.Fprintf(&traffic, "\n      %3d %s %s?%s %d", r.Number, r.Method, r.Path, r.Query, r.Status)
		if r.Fault != "" {
			fmt.Fprintf(&traffic, " (%s)", r.Fault)
		}
	}
	b.Fatalf(format+"\n    vendor traffic:%s", append(args, traffic.String())...)
}

// must fails unless err is nil.
func (b *bench) must(what string, err error) {
	b.Helper()
	b.heard(err)
	if err != nil {
		b.fail("%s: %v", what, err)
	}
}

// kind fails unless err is a fault of one of these kinds.
func (b *bench) kind(what string, err error, want ...fault.Kind) {
	b.Helper()
	b.heard(err)
	for _, k := range want {
		if err != nil && fault.Of(err) != nil && fault.KindOf(err) == k {
			return
		}
	}
	b.fail("%s\n      want %v   have %v", what, want, err)
}

// equal fails unless have is want.
func equal[T comparable](b *bench, what string, have, want T) {
	b.Helper()
	if have != want {
		b.fail("%s\n      want %v   have %v", what, want, have)
	}
}

// heard keeps an error for the search for secrets.
func (b *bench) heard(err error) {
	if f := fault.Of(err); f != nil {
		b.told = append(b.told, fmt.Sprintf("%+v", *f))
	}
}

// act plays a part. Fields of the act's own go into more.
func (b *bench) act(do, op string, more ...string) error {
	raw := map[string]string{"do": do, "op": op}
	for i := 0; i+1 < len(more); i += 2 {
		raw[more[i]] = more[i+1]
	}
	body, err := json.Marshal(raw)
	if err != nil {
		return err
	}
	return b.sim.Act(sim.Act{Do: do, Op: op, Raw: body})
}

// play is act, and it must be possible.
func (b *bench) play(do, op string, more ...string) {
	b.Helper()
	if err := b.act(do, op, more...); err != nil {
		b.fail("The simulator cannot play %q: %v", do, err)
	}
}

// op is a new operation, first tried now.
func (b *bench) op() sdk.Op {
	b.ops++
	return sdk.Op{ID: fmt.Sprintf("op_%d", b.ops), Attempt: 1, First: b.sim.Now()}
}

// jane buys everything here.
func jane() sdk.Customer {
	return sdk.Customer{
		ID: "cus_jane", Number: 7, First: "Jane", Last: "Doe", Email: "jane@example.com", Phone: "+493012345", Locale: "de-DE",
		Address: sdk.Address{Line1: "Hauptstr. 1", City: "Berlin", Postcode: "10115", Country: "DE"}, Notes: sdk.Notes{},
	}
}

// visit is a new one. who keeps its notes from visit to visit.
func (b *bench) visit(who sdk.Customer, amount money.Amount, save bool) gateway.Visit {
	return gateway.Visit{
		Attempt: gateway.Attempt{Op: b.op(), Customer: who, Amount: amount, Notes: sdk.Notes{}},
		Save:    save, Description: "Invoice 2026-0042", Return: "https://shop.example/portal/returned/" + who.ID, Until: b.sim.Now().Add(2 * time.Hour),
	}
}

// charge is a new one.
func (b *bench) charge(who sdk.Customer, amount money.Amount, m gateway.Method) gateway.Charge {
	return gateway.Charge{
		Attempt: gateway.Attempt{Op: b.op(), Customer: who, Amount: amount, Off: true, Notes: sdk.Notes{}},
		Method:  m, Description: "Invoice 2026-0043",
	}
}

var euro = money.Of(1999, "EUR")

// money is what the vendor has of an op.
func (b *bench) money(op string) sim.Money { return b.sim.State().Money[op] }

// moved is everything that moved at the vendor: it must be under op alone.
func (b *bench) moved(op string, taken, back int64, currency string) {
	b.Helper()
	all := b.sim.State().Money
	if len(all) != 1 || all[op] != (sim.Money{Taken: taken, Back: back, Currency: currency}) {
		b.fail("Money moved at the vendor\n      want %s: taken %d, back %d %s   have %+v%s", op, taken, back, currency, all, b.disturbed())
	}
}

// disturbed says what this run of a case did to the vendor.
func (b *bench) disturbed() string {
	for _, r := range b.sim.Requests() {
		if r.Fault != "" {
			return fmt.Sprintf("\n      The answer to %s %s was disturbed: %s. See gateway.Gateway.Look, and Op.Since.", r.Method, r.Path, r.Fault)
		}
	}
	switch {
	case b.lost.kill:
		return "\n      The plugin was killed before each call."
	case b.lost.forget > 0:
		return fmt.Sprintf("\n      The host forgot the answer of call %d.", b.lost.forget)
	}
	return ""
}
