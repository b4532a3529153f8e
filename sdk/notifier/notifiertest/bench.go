package notifiertest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
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
	"github.com/ezscale/bursar/sdk/notifier"
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
	client   notifier.Client
	post     chan sdk.Webhook // what the vendor sent; nil until listen

	ops  int
	told []string // every fault that came out, for the search for secrets
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
	b.client = notifier.NewClient(b.instance("main", func() form.Values { return b.settings }))
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
func (b *bench) with(label string, settings form.Values) notifier.Client {
	return notifier.NewClient(b.instance(label, func() form.Values { return settings }))
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
	if err == nil || fault.Of(err) == nil || !slices.Contains(want, fault.KindOf(err)) {
		b.fail("%s\n      want %v   have %v", what, want, err)
	}
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

// play plays a part, which must be possible.
func (b *bench) play(do, op string) {
	b.Helper()
	raw, err := json.Marshal(map[string]string{"do": do, "op": op})
	if err == nil {
		err = b.sim.Act(sim.Act{Do: do, Op: op, Raw: raw})
	}
	if err != nil {
		b.fail("The simulator cannot play %q: %v", do, err)
	}
}

// faults sets the simulator's faults.
func (b *bench) faults(list ...sim.Fault) {
	b.Helper()
	if err := b.sim.Faults(list...); err != nil {
		b.Fatal(err)
	}
}

// op is a new operation, first tried now.
func (b *bench) op() sdk.Op {
	b.ops++
	return sdk.Op{ID: fmt.Sprintf("op_%d", b.ops), Attempt: 1, First: b.sim.Now()}
}

// mail is one for Jane, with nothing left out.
func (b *bench) mail() notifier.Mail {
	return notifier.Mail{
		From: notifier.Mailbox{Name: "Örtlich, Hosting", Address: b.suite.From}, ReplyTo: notifier.Mailbox{Name: "Help", Address: "help@example.com"},
		To: notifier.Mailbox{Name: "Jané \"J\" Doe", Address: "jane@reader.example"}, Subject: "Ihre Rechnung 2026-0042 über 19,99 €",
		Text: "Grüße,\nyour invoice is attached: 請求書.\n", HTML: "<p>Grüße, your invoice is <b>attached</b>: 請求書.</p>", Tag: "invoice",
		Header: map[string]string{"Auto-Submitted": "auto-generated", "X-Document": "inv_1"},
		Files: []notifier.File{
			{Name: "Rechnung 2026-0042.pdf", Type: "application/pdf", Body: []byte("%PDF-1.7\n\x00\xff\xfe binary")},
			{Name: "terms.txt", Type: "text/plain", Body: []byte("Terms: ä")},
		},
	}
}

// note is a post with nothing left out.
func note() notifier.Post {
	return notifier.Post{
		Title: "Order ord_01J waits for review", Text: "A total of 19.99 EUR.\nGrüße 請求書", URL: "https://shop.example/admin/orders/ord_01J_x", Level: "warning",
		Fields: [][2]string{{"Customer", "Jane Doe"}, {"Reason", "First order from abroad"}},
	}
}

// send sends a message of whatever sort this notifier carries.
func (b *bench) send(ctx context.Context, c notifier.Client, op sdk.Op) (notifier.Receipt, error) {
	if announces[notifier.Mailer](b) {
		return c.Mail(ctx, op, b.mail())
	}
	return c.Post(ctx, op, note())
}

// call makes one call as a host with this run's troubles does.
func (b *bench) call(do func(context.Context) error) error {
	b.Helper()
	if b.lost.kill {
		b.plugin.Kill()
	}
	b.lost.calls++
	err := do(b.Context())
	b.heard(err)
	if b.lost.calls == b.lost.forget {
		return fault.New(fault.Unknown, "host_crashed", "")
	}
	return err
}

// rounds is how often a host asks before it gives up. No trouble of the suite is worth more.
const rounds = 20

// deliver sends until there is an answer, as a host does: what was surely not done is repeated; after doubt it looks, and
// repeats the same operation only when the message was surely not taken. Without a Finder doubt is the end: ok is false.
func (b *bench) deliver(op sdk.Op, send func(context.Context, sdk.Op) (notifier.Receipt, error)) (got notifier.Receipt, ok bool) {
	b.Helper()
	again := func(err error) { b.sim.AddClock(max(fault.Of(err).After, time.Second)) }
	var err error
	looking := false
	for range rounds {
		if looking {
			b.settled()
			err = b.call(func(ctx context.Context) (err error) { got, err = b.client.FindMessage(ctx, op); return err })
		} else {
			err = b.call(func(ctx context.Context) (err error) { got, err = send(ctx, op); return err })
		}
		switch kind := fault.KindOf(err); {
		case kind == "":
			return got, true
		case kind == fault.Unavailable:
			again(err)
		case kind == fault.NotFound && looking:
			looking = false
			op.Attempt++
		case kind == fault.Unknown && announces[notifier.Finder](b):
			looking = true
			b.sim.AddClock(2 * time.Minute)
		case kind == fault.Unknown:
			b.settled()
			return notifier.Receipt{}, false
		default:
			b.fail("Sending: %v", err)
		}
	}
	b.fail("No answer in %d rounds, at last: %v", rounds, err)
	return notifier.Receipt{}, false
}

// one is the only message at the vendor.
func (b *bench) one() sim.Message {
	b.Helper()
	all := b.sim.State().Messages
	if len(all) != 1 {
		b.fail("Messages at the vendor\n      want 1   have %d: %+v%s", len(all), all, b.disturbed())
	}
	return all[0]
}

// disturbed says what this run of a case did to the vendor.
func (b *bench) disturbed() string {
	for _, r := range b.sim.Requests() {
		if r.Fault != "" {
			return fmt.Sprintf("\n      The answer to %s %s was disturbed: %s. See notifier.Finder.", r.Method, r.Path, r.Fault)
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

// settled waits until what was to happen late has happened.
func (b *bench) settled() {
	b.Helper()
	end := time.Now().Add(patience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for slices.ContainsFunc(b.sim.Requests(), func(r sim.Request) bool { return strings.HasPrefix(r.Fault, "late:") && r.Status == 0 }) {
		if time.Now().After(end) {
			b.fail("What was to be done late was never done")
		}
		<-tick.C
	}
}

// listen installs the webhook at an address of the test's own.
func (b *bench) listen() {
	b.Helper()
	b.post = make(chan sdk.Webhook, 200)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err == nil {
			b.post <- sdk.Webhook{Query: r.URL.RawQuery, Header: r.Header.Clone(), Body: body, Received: b.sim.Now()}
		}
	}))
	b.Cleanup(srv.Close)
	var values form.Values
	var err error
	if b.suite.Subscribe != nil {
		values, err = b.suite.Subscribe(b.sim, srv.URL+"/hooks/main/secret")
	} else {
		values, err = b.client.InstallWebhook(b.Context(), srv.URL+"/hooks/main/secret")
	}
	b.must("The webhook", err)
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

// news waits for a webhook that tells this status of op, and answers both.
func (b *bench) news(op, status string) (notifier.Delivery, sdk.Webhook) {
	b.Helper()
	var heard []notifier.Delivery
	for {
		w, ok := b.arrived()
		if !ok {
			b.fail("No webhook says that %s is %s\n      have %+v", op, status, heard)
		}
		list, err := b.client.Receive(b.Context(), w)
		b.must("Receive of a genuine webhook", err)
		for _, d := range list {
			b.shaped(d)
			if d.Op == op && d.Status == status {
				return d, w
			}
		}
		heard = append(heard, list...)
	}
}

// statuses are all that a Delivery may say.
var statuses = []string{"delivered", "delayed", "bounced", "complained", "unsubscribed"}

// shaped fails unless news has what all have.
func (b *bench) shaped(d notifier.Delivery) {
	b.Helper()
	if d.ID == "" || d.At.IsZero() || d.Address == "" || !slices.Contains(statuses, d.Status) {
		b.fail("News has an ID, a time, an address and one of %v\n      have %+v", statuses, d)
	}
}
