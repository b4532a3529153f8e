package main

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/panel"
)

var echoHandshake = plugin.HandshakeConfig{ProtocolVersion: 1, MagicCookieKey: "BURSAR_BENCH", MagicCookieValue: "echo"}

const echoMethod = "/bench.Echo/Echo"

// echo is a gRPC service that answers what it is sent.
type echo struct{ plugin.NetRPCUnsupportedPlugin }

// GRPCServer adds the service.
func (echo) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	s.RegisterService(&grpc.ServiceDesc{ServiceName: "bench.Echo", HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{{
		MethodName: "Echo",
		Handler: func(_ any, _ context.Context, read func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			in := new(wrapperspb.BytesValue)
			return in, read(in)
		},
	}}}, nil)
	return nil
}

// GRPCClient is the connection itself.
func (echo) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, c *grpc.ClientConn) (any, error) {
	return c, nil
}

func serveEcho() {
	plugin.Serve(&plugin.ServeConfig{HandshakeConfig: echoHandshake, Plugins: plugin.PluginSet{"echo": echo{}}, GRPCServer: plugin.DefaultGRPCServer, Logger: hclog.NewNullLogger()})
}

// startEcho starts the bare plugin.
func startEcho(program string) (call func(context.Context, []byte) error, stop func(), err error) {
	c := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: echoHandshake, Plugins: plugin.PluginSet{"echo": echo{}}, Cmd: exec.Command(program), AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		AutoMTLS: true, Logger: hclog.NewNullLogger(), SyncStdout: io.Discard, SyncStderr: io.Discard,
	})
	over, err := c.Client()
	if err != nil {
		c.Kill()
		return nil, nil, err
	}
	got, err := over.Dispense("echo")
	if err != nil {
		c.Kill()
		return nil, nil, err
	}
	conn := got.(*grpc.ClientConn)
	return func(ctx context.Context, body []byte) error {
		out := new(wrapperspb.BytesValue)
		if err := conn.Invoke(ctx, echoMethod, &wrapperspb.BytesValue{Value: body}, out); err != nil {
			return err
		}
		if len(out.Value) != len(body) {
			return fmt.Errorf("%d bytes came back, not %d", len(out.Value), len(body))
		}
		return nil
	}, c.Kill, nil
}

// calls measures a read of a panel through the host beside the bare echo, and counts what a billing run calls.
func calls(ctx context.Context, b *bench) error {
	p, gone, err := b.fresh(ctx, "sqlite")
	if err != nil {
		return err
	}
	defer gone()
	w, err := newWorld(ctx, p)
	if err != nil {
		return err
	}
	defer w.Close()
	if err := w.vendors(ctx); err != nil {
		return err
	}
	if err := copySelf(filepath.Join(p.Dir, bareEcho)); err != nil {
		return err
	}
	if err := w.StartPlugins(ctx); err != nil {
		return err
	}
	defer w.Plugins.Stop()
	bare, stop, err := startEcho(filepath.Join(p.Dir, bareEcho))
	if err != nil {
		return fmt.Errorf("bare plugin: %w", err)
	}
	defer stop()
	for _, size := range []int{400, 8 << 10} {
		if err := b.callSize(ctx, w, bare, size); err != nil {
			b.fail(fmt.Sprintf("plugin_call n=%d", size), err)
		}
	}
	return b.callsOfRun(ctx, w)
}

const (
	callRounds = 7
	callsEach  = 1500
)

// callSize measures requests of about so many bytes, in turns with the echo, and takes the median of the rounds.
func (b *bench) callSize(ctx context.Context, w *world, bare func(context.Context, []byte) error, size int) error {
	client, err := w.Plugins.Panel("vf")
	if err != nil {
		return err
	}
	// 200 bytes are the names, the address and what each request begins with; notes make up the rest, the account's and the
	// customer's, of which each may have 4 kB.
	who := sdk.Customer{ID: "cus_01J0000000000000000000000", First: "Jana", Last: "Sommer", Email: "jana@example.com", Notes: sdk.Notes{"keep": strings.Repeat("x", (size-200)/2)}}
	ref := panel.Ref{Service: fmt.Sprintf("srv_%d", size), Customer: who, Notes: sdk.Notes{"keep": strings.Repeat("x", (size-200)/2)}}
	if _, err := client.Create(ctx, panel.Creation{Op: sdk.Op{ID: ref.Service, Attempt: 1, First: w.Clock.Now()}, Ref: ref, Username: "jana", Product: form.Values{"package": {"1"}}}); err != nil {
		return err
	}
	ours := func(ctx context.Context) error {
		a, err := client.State(ctx, ref)
		if err == nil && a.Status != panel.Active {
			err = fmt.Errorf("the account is %s", a.Status)
		}
		return err
	}
	body := []byte(strings.Repeat("x", size))
	theirs := func(ctx context.Context) error { return bare(ctx, body) }
	var p50, p99, least50, least99 []float64
	for range callRounds {
		least, took := make([]time.Duration, callsEach), make([]time.Duration, callsEach)
		for i := range took { // in turns, so that both meet the same noise
			if least[i], err = timed(ctx, theirs); err != nil {
				return err
			}
			if took[i], err = timed(ctx, ours); err != nil {
				return err
			}
		}
		slices.Sort(least)
		slices.Sort(took)
		p50, p99 = append(p50, quantile(took, 0.5)), append(p99, quantile(took, 0.99))
		least50, least99 = append(least50, quantile(least, 0.5)), append(least99, quantile(least, 0.99))
	}
	b.put(figure{Name: "plugin_call_p50", N: size, Value: median(p50), Unit: "µs"}.over(median(least50)), ratioAtMost(1.5))
	b.put(figure{Name: "plugin_call_p99", N: size, Value: median(p99), Unit: "µs"}.over(median(least99)), ratioAtMost(1.5))
	return nil
}

func timed(ctx context.Context, call func(context.Context) error) (time.Duration, error) {
	began := time.Now()
	err := call(ctx)
	return time.Since(began), err
}

// callsOfRun counts the calls of plugins while a run bills services that are on a panel.
func (b *bench) callsOfRun(ctx context.Context, w *world) error {
	const n = 1000
	if err := w.due(ctx, n, w.today()); err != nil {
		return err
	}
	count := func() (sum int64) {
		for _, s := range w.Plugins.Status() {
			for _, c := range s.Calls {
				sum += int64(c.Count)
			}
		}
		return sum
	}
	before := count()
	r, err := w.Flow.RunDay(ctx, w.today())
	if err != nil {
		return err
	}
	if r.Invoices != n {
		return fmt.Errorf("%d invoices were made, not %d", r.Invoices, n)
	}
	b.put(figure{Name: "plugin_calls_of_a_billing_run", N: n, Value: float64(count() - before), Unit: "calls", Database: "sqlite"}, atMost(0))
	return nil
}
