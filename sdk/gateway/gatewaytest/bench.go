package gatewaytest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
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

// call makes one call as a host with this run's troubles does: notes are the maps that the host would save.
func (b *bench) call(notes []sdk.Notes, do func(context.Context) error) error {
	b.Helper()
	if b.lost.kill {
		b.plugin.Kill()
	}
	var before []sdk.Notes
	for _, n := range notes {
		before = append(before, maps.Clone(n))
	}
	b.lost.calls++
	err := do(b.Context())
	b.heard(err)
	for _, n := range notes {
		b.told = append(b.told, fmt.Sprint(map[string]string(n)))
	}
	if b.lost.calls == b.lost.forget {
		for i, n := range notes {
			clear(n)
			maps.Copy(n, before[i])
		}
		return fault.New(fault.Unknown, "host_crashed", "")
	}
	return err
}

// rounds is how often a host asks before it gives up. No trouble of the suite is worth more.
const rounds = 12

// drive makes a change until it is answered, as a host does: what was surely not done is repeated, after doubt it looks
// first and repeats the same operation.
func drive[T any](b *bench, what string, notes []sdk.Notes, change, look func(context.Context) (T, error)) T {
	b.Helper()
	var out T
	var err error
	for range rounds {
		err = b.call(notes, func(ctx context.Context) (err error) { out, err = change(ctx); return err })
		switch fault.KindOf(err) {
		case "":
			return out
		case fault.Unavailable:
			b.sim.AddClock(max(fault.Of(err).After, time.Second))
			continue
		case fault.Unknown:
		default:
			b.fail("%s: %v", what, err)
		}
		b.sim.AddClock(2 * time.Minute)
		if look == nil {
			continue
		}
		err = b.call(notes, func(ctx context.Context) (err error) { out, err = look(ctx); return err })
		switch fault.KindOf(err) {
		case "":
			return out
		case fault.NotFound, fault.Unknown, fault.Unavailable:
		default:
			b.fail("%s, looking after doubt: %v", what, err)
		}
	}
	b.fail("%s: no answer in %d rounds, at last: %v", what, rounds, err)
	return out
}

func attemptNotes(a gateway.Attempt) []sdk.Notes { return []sdk.Notes{a.Notes, a.Customer.Notes} }

// begin opens a page.
func (b *bench) begin(v gateway.Visit) gateway.Outcome {
	b.Helper()
	return drive(b, "Begin", attemptNotes(v.Attempt),
		func(ctx context.Context) (gateway.Outcome, error) { return b.client.Begin(ctx, v) },
		func(ctx context.Context) (gateway.Outcome, error) { return b.client.Look(ctx, v.Attempt) })
}

// look reads an attempt, and finishes what was approved.
func (b *bench) look(a gateway.Attempt) gateway.Outcome {
	b.Helper()
	look := func(ctx context.Context) (gateway.Outcome, error) { return b.client.Look(ctx, a) }
	out := drive(b, "Look", attemptNotes(a), look, nil)
	if out.Status != gateway.Approved {
		return out
	}
	return drive(b, "Finish", attemptNotes(a), func(ctx context.Context) (gateway.Outcome, error) { return b.client.Finish(ctx, a) }, look)
}

// pay opens a page and pays (or saves) on it.
func (b *bench) pay(v gateway.Visit) gateway.Outcome {
	b.Helper()
	out := b.begin(v)
	equal(b, "A page that was begun is "+string(gateway.Waiting), out.Status, gateway.Waiting)
	b.play("pay", v.ID)
	return b.look(v.Attempt)
}

// take charges a saved method.
func (b *bench) take(c gateway.Charge) gateway.Outcome {
	b.Helper()
	return drive(b, "Charge", attemptNotes(c.Attempt),
		func(ctx context.Context) (gateway.Outcome, error) { return b.client.Charge(ctx, c) },
		func(ctx context.Context) (gateway.Outcome, error) { return b.client.Look(ctx, c.Attempt) })
}

// saved is a method that Jane saved without paying, and the op of that.
func (b *bench) saved(who sdk.Customer) (gateway.Method, string) {
	b.Helper()
	v := b.visit(who, money.Amount{}, true)
	out := b.pay(v)
	equal(b, "A visit that saved a method", out.Status, gateway.Saved)
	if out.Method == nil {
		b.fail("It is Saved, but there is no Method")
	}
	equal(b, "Echo", out.Echo, v.ID)
	m := *out.Method
	m.Customer = who
	return m, v.ID
}

// refund gives back.
func (b *bench) refund(r gateway.Refund) gateway.Refunded {
	b.Helper()
	return drive(b, "Refund", []sdk.Notes{r.Notes}, func(ctx context.Context) (gateway.Refunded, error) { return b.client.Refund(ctx, r) }, nil)
}

// refundOf asks for a part of what an attempt took.
func (b *bench) refundOf(a gateway.Attempt, paid gateway.Outcome, part money.Amount) gateway.Refund {
	return gateway.Refund{Op: b.op(), Reference: paid.Reference, Reason: "Asked by Jane", Amount: part, Notes: maps.Clone(a.Notes)}
}

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

// listen installs the webhook at an address of the test's own.
func (b *bench) listen() {
	b.Helper()
	if b.hooks == nil {
		b.post = make(chan sdk.Webhook, 2000)
		b.hooks = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			switch {
			case err != nil:
			case r.URL.Path != b.hookPath.Load():
				b.strays.Add(1)
			default:
				b.post <- sdk.Webhook{Query: r.URL.RawQuery, Header: r.Header.Clone(), Body: body, Received: b.sim.Now()}
			}
		}))
		b.Cleanup(b.hooks.Close)
	}
	b.ops++
	b.hookPath.Store(fmt.Sprintf("/hooks/main/secret%d", b.ops))
	address := fmt.Sprint(b.hooks.URL, b.hookPath.Load())
	var values form.Values
	var err error
	if b.suite.Subscribe != nil {
		values, err = b.suite.Subscribe(b.sim, address)
	} else {
		values, err = b.client.InstallWebhook(b.Context(), address)
	}
	b.must("InstallWebhook", err)
	next := b.settings.Clone()
	maps.Copy(next, values)
	b.settings = next
}

// arrived is the next webhook that came.
func (b *bench) arrived() (sdk.Webhook, bool) {
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case w := <-b.post:
		return w, true
	case <-t.C:
		return sdk.Webhook{}, false
	}
}

// news waits for a webhook that means what fits.
func (b *bench) news(what string, fits func(gateway.Event) bool) gateway.Event {
	b.Helper()
	var heard []gateway.Event
	for {
		w, ok := b.arrived()
		if !ok {
			b.fail("No webhook says: %s\n      have %s", what, tell(heard))
		}
		events, err := b.client.Receive(b.Context(), w)
		b.must("Receive of a genuine webhook", err)
		for _, e := range events {
			b.shaped(e)
			if fits(e) {
				return e
			}
		}
		heard = append(heard, events...)
	}
}

// shaped fails unless an event has what all have.
func (b *bench) shaped(e gateway.Event) {
	b.Helper()
	set := 0
	for _, is := range []bool{e.Attempt != nil, e.Refund != nil, e.Dispute != nil, e.Method != nil} {
		if is {
			set++
		}
	}
	if set != 1 || e.ID == "" || e.At.IsZero() || e.Gone && e.Method == nil {
		b.fail("An event has an ID, a time and exactly one pointer\n      have %s", tell([]gateway.Event{e}))
	}
}

func tell(events []gateway.Event) string {
	var out strings.Builder
	for _, e := range events {
		fmt.Fprintf(&out, "\n        %s", e.ID)
		for what, v := range map[string]any{"attempt": e.Attempt, "refund": e.Refund, "dispute": e.Dispute, "method": e.Method} {
			if text := fmt.Sprintf("%+v", v); text != "<nil>" {
				fmt.Fprintf(&out, " %s %s", what, text)
			}
		}
	}
	return out.String()
}
