package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/ezscale/bursar/sdk/internal/wire"
)

// Environment are the variables that a plugin's program sees, and no others: the handshake, the certificate by which it
// knows its host, the folder for its socket, the socket of its network, and TZ, which is UTC. None is a secret.
var Environment = []string{wire.Handshake.MagicCookieKey, "PLUGIN_PROTOCOL_VERSIONS", "PLUGIN_CLIENT_CERT", plugin.EnvUnixSocketDir, wire.EgressVariable, "TZ"}

// Program is how to start a plugin's program.
type Program struct {
	Name    string     // for its log: "panel/virtfusion"
	Path    string     // absolute; the very bytes that were checked
	Dir     string     // its own work folder, private
	Sockets string     // private folder for its socket; the path must be short, as 108 bytes are all that a socket may have
	Egress  string     // socket by which it reaches the network; "" leaves it to dial by itself
	Log     func(Line) // gets what it logs and prints; nil throws it away
	Within  time.Duration
	Memory  int64 // most bytes of data it may have; 0: no limit
	Files   int64 // most files it may have open; 0: no limit
	Strict  bool  // without a sandbox it is not started
}

// startWithin is how long a program may take until it speaks, if the Program does not say.
const startWithin = 10 * time.Second

// stopWithin is how long a program may take to end by itself.
const stopWithin = 2 * time.Second

// Process is a plugin's program that runs. It may be used by many goroutines.
type Process struct {
	run    *run
	client *plugin.Client
	conn   *grpc.ClientConn
}

// Start starts a program with mutual TLS over a Unix socket, in an environment that is empty but for Environment, as a
// process group of its own that ends when this process does, and in a sandbox where the system has one: it may read the
// system's programs and certificates, write in its own folder, and reach the network by Egress only. The error says what a person must do; nothing runs then. The
// process outlives ctx, which only limits the start.
func Start(ctx context.Context, p Program) (*Process, error) {
	if p.Within == 0 {
		p.Within = startWithin
	}
	r := &run{program: p, done: make(chan struct{})}
	if p.Log != nil {
		r.log = newLines(p.Log)
	} else {
		r.log = newLines(func(Line) {})
	}
	found := new(connected)
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  wire.Handshake,
		Plugins:          plugin.PluginSet{wire.PluginName: found},
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		AutoMTLS:         true,
		SkipHostEnv:      true,
		StartTimeout:     p.Within,
		UnixSocketConfig: &plugin.UnixSocketConfig{TempDir: p.Sockets},
		GRPCDialOptions:  []grpc.DialOption{grpc.WithDefaultCallOptions(limits...)},
		SyncStdout:       r.log.stray(),
		SyncStderr:       r.log.stray(),
		Logger:           hclog.NewNullLogger(),
		RunnerFunc: func(_ hclog.Logger, cmd *exec.Cmd, sockets string) (runner.Runner, error) {
			r.prepare(cmd.Env, sockets)
			return r, nil
		},
	})
	proc := &Process{run: r, client: client}
	stop := context.AfterFunc(ctx, r.kill)
	err := proc.connect(found)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		proc.Kill()
		return nil, r.because(err)
	}
	return proc, nil
}

func (p *Process) connect(found *connected) error {
	protocol, err := p.client.Client()
	if err != nil {
		return err
	}
	if _, err := protocol.Dispense(wire.PluginName); err != nil {
		return err
	}
	p.conn = found.conn
	return nil
}

// connected is what go-plugin hands the connection to.
type connected struct {
	plugin.NetRPCUnsupportedPlugin
	conn *grpc.ClientConn
}

func (*connected) GRPCServer(*plugin.GRPCBroker, *grpc.Server) error {
	return errors.New("the host serves nothing")
}

func (c *connected) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	c.conn = conn
	return conn, nil
}

// Conn is the connection, until the process ends.
func (p *Process) Conn() grpc.ClientConnInterface { return p.conn }

// PID is its process ID.
func (p *Process) PID() int { return p.run.pid }

// Done is closed when the process has ended and its group was killed.
func (p *Process) Done() <-chan struct{} { return p.run.done }

// Ended says how it ended, once Done: "exit status 2", "signal: killed".
func (p *Process) Ended() string { return p.run.ended }

// Open is why the program is in no sandbox, or without limits; nil when it is in both.
func (p *Process) Open() error { return p.run.open }

// Said is the last warning, error or stray word of its log: why it ended, mostly.
func (p *Process) Said() string { return p.run.log.last() }

// Ping asks whether it still answers. Error: it does not, within ctx.
func (p *Process) Ping(ctx context.Context) error {
	answer, err := grpc_health_v1.NewHealthClient(p.conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: plugin.GRPCServiceName})
	if err != nil {
		return err
	}
	if answer.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		return fmt.Errorf("health: %s", answer.GetStatus())
	}
	return nil
}

// Stop asks it to end, and kills it if it does not within two seconds. Calls under way are cut: end them before.
func (p *Process) Stop() {
	slow := time.AfterFunc(stopWithin, p.run.kill)
	p.client.Kill()
	slow.Stop()
	p.end()
}

// Kill ends it and its group at once.
func (p *Process) Kill() {
	p.run.kill()
	p.client.Kill()
	p.end()
}

func (p *Process) end() {
	if p.run.pid != 0 {
		<-p.run.done
	}
	if p.run.sockets != "" {
		_ = os.RemoveAll(p.run.sockets) // the host's own start sweeps what is left
	}
}

// because is why a start failed, for a person.
func (r *run) because(err error) error {
	said, last := r.out.String(), r.log.last()
	text := err.Error()
	switch {
	case r.failed != nil:
		return fmt.Errorf("the program cannot be started: %w", r.failed)
	case strings.HasPrefix(text, "Unrecognized remote plugin message: ") && said == "":
		text = "the program ended without a word"
		if r.ended != "" {
			text += " (" + r.ended + ")"
		}
	case strings.HasPrefix(text, "Unrecognized remote plugin message: "), strings.HasPrefix(text, "error parsing core protocol version"):
		text = "the program does not speak the plugin protocol: it printed " + strconv.Quote(said)
	case strings.HasPrefix(text, "timeout while waiting"):
		text = fmt.Sprintf("the program said nothing for %s", r.program.Within)
	case strings.HasPrefix(text, "plugin exited before"):
		text = "the program ended at once (" + r.ended + ")"
	case strings.HasPrefix(text, "incompatible API version"):
		text = "the program speaks another version of the plugin protocol; build it with this host's SDK"
	}
	if last != "" {
		text += ": " + last
	}
	return errors.New(text)
}
