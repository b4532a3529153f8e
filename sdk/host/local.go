package host

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/internal/egress"
	"github.com/ezscale/bursar/sdk/internal/wire"
)

// World is what surrounds a plugin that is served in this process. What is nil is: logs thrown away, HTTP that dials
// directly, the computer's clock.
type World = wire.World

// Loopback is a plugin served in this process over real gRPC: the same services, limits and errors as a program of its
// own. It may be used by many goroutines.
type Loopback struct {
	plugin    sdk.Plugin
	world     World
	described Described

	mu     sync.Mutex
	life   *life // nil after Kill, until the next call
	closed bool
}

// life is one run of the plugin, from its start to its kill.
type life struct {
	server *grpc.Server
	conn   *grpc.ClientConn
	forget func()
}

// Local serves a plugin in this process, for conformance suites and for tests of core. Error: what is wrong with the
// plugin itself (a form with a mistake, no power of its type).
//
//	p, err := host.Local(acme.New(), host.World{Log: &log, Now: clock.Now})
//	…
//	defer p.Close()
//	c := panel.NewClient(p.Instance("london", form.Values{"url": {sim.URL}, "token": {"secret"}}))
//	progress, err := c.Create(ctx, creation) // travels as gRPC
//	p.Kill()                                 // as kill -9: calls under way are cut, memory is lost; the next call starts anew
//
// The settings are those of one instance, handed with each call: another Instance of the same label changes them. Set
// Deadline or Around on the Instance to be impatient or to watch.
func Local(p sdk.Plugin, w World) (*Loopback, error) {
	if w.Log == nil {
		w.Log = io.Discard
	}
	if w.HTTP == nil {
		w.HTTP = func(instance string, log hclog.Logger) *http.Client { return egress.New(instance, "", log) }
	}
	if w.Now == nil {
		w.Now = time.Now
	}
	l := &Loopback{plugin: p, world: w}
	ctx, stop := context.WithTimeout(context.Background(), DescribeWithin)
	defer stop()
	conn, err := l.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if l.described, err = Describe(ctx, conn); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// Described is what the plugin said of itself.
func (l *Loopback) Described() Described { return l.described }

// Instance is one instance, with settings that are handed as they are: defaults are the plugin's matter.
func (l *Loopback) Instance(label string, settings form.Values) *Instance {
	return &Instance{
		Label: label, Powers: l.described.Powers,
		Settings: func(context.Context) (form.Values, error) { return settings, nil },
		Conn:     l.Conn,
	}
}

// Conn is the connection; after Kill it starts the plugin anew. Error: Unavailable after Close.
func (l *Loopback) Conn(context.Context) (grpc.ClientConnInterface, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, fault.New(fault.Unavailable, "plugin_not_running", "").Because(errors.New("closed"))
	}
	if l.life == nil {
		next, err := start(l.plugin, l.world)
		if err != nil {
			return nil, err
		}
		l.life = next
	}
	return l.life.conn, nil
}

func start(p sdk.Plugin, w World) (*life, error) {
	server := grpc.NewServer(sdk.ServerOptions()...)
	forget, err := sdk.Register(server, p, w)
	if err != nil {
		return nil, err
	}
	listener := bufconn.Listen(64 << 10)
	conn, err := grpc.NewClient("passthrough:///"+p.Name,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		return nil, err
	}
	go func() { _ = server.Serve(listener) }() // ends with Stop
	return &life{server: server, conn: conn, forget: forget}, nil
}

// Kill ends the plugin as kill -9 would: calls under way are cut and answer nothing, its memory is gone. The next call
// starts it anew. What its code was doing may still go on for a moment, as a request to the vendor would.
func (l *Loopback) Kill() {
	l.mu.Lock()
	old := l.life
	l.life = nil
	l.mu.Unlock()
	old.end()
}

// Close ends it for good.
func (l *Loopback) Close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.Kill()
}

func (o *life) end() {
	if o == nil {
		return
	}
	_ = o.conn.Close() // first: what was under way ends as if the program were gone
	o.server.Stop()
	o.forget()
}
