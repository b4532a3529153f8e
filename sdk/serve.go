package sdk

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/internal/egress"
	"github.com/ezscale/bursar/sdk/internal/wire"
)

// Serve runs the plugin until the host goes away (the SDK watches the pipe and the parent). main calls nothing else.
func Serve(describe func() Plugin) {
	go dieWithParent(os.Getppid(), os.Stdin)
	socket := os.Getenv(wire.EgressVariable)
	world := wire.World{
		Log:  os.Stderr,
		Now:  time.Now,
		HTTP: func(instance string, log hclog.Logger) *http.Client { return egress.New(instance, socket, log) },
	}
	p := describe()
	log := hclog.New(&hclog.LoggerOptions{Name: p.Name, Level: hclog.Info, Output: os.Stderr, JSONFormat: true})
	world.Overdue = func(instance string) {
		log.Error("a call ran on after its deadline, so the program ends: pass ctx on to whatever waits", "instance", instance)
		os.Exit(1)
	}
	if err := mistakes(p); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: wire.Handshake,
		Plugins:         plugin.PluginSet{wire.PluginName: &program{plugin: p, world: world}},
		GRPCServer: func(opts []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(opts, ServerOptions()...)...)
		},
		Logger: log,
	})
}

// ServerOptions are the limits of every plugin's gRPC server, for tests that serve without a process.
func ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{grpc.MaxRecvMsgSize(wire.MaxMessage), grpc.MaxSendMsgSize(wire.MaxMessage)}
}

// program is what go-plugin serves.
type program struct {
	plugin.NetRPCUnsupportedPlugin
	plugin Plugin
	world  wire.World
}

// GRPCServer adds the plugin's services.
func (p *program) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	_, err := Register(s, p.plugin, p.world)
	return err
}

// GRPCClient is for the host's side, which does not use it.
func (p *program) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, fault.New(fault.Internal, "not_a_host", "")
}

// Trust adds a private certificate authority, in PEM, to what Env.HTTP believes. Call it in open. Error: Invalid, if there
// is no certificate in it.
func Trust(client *http.Client, pem string) error {
	t, ok := client.Transport.(*egress.Transport)
	if !ok {
		return fault.New(fault.Internal, "foreign_client", "").Because(fmt.Errorf("%T is not the transport of Env.HTTP", client.Transport))
	}
	if err := t.Trust(pem); err != nil {
		return fault.New(fault.Invalid, "no_certificate", "This is no certificate in PEM form.").Because(err)
	}
	return nil
}

// dieWithParent ends the process when the host is gone: another parent, or the end of a pipe that was our input.
func dieWithParent(parent int, stdin *os.File) {
	if info, err := stdin.Stat(); err == nil && info.Mode()&os.ModeNamedPipe != 0 {
		go func() {
			buffer := make([]byte, 64)
			for {
				if _, err := stdin.Read(buffer); err != nil {
					os.Exit(0)
				}
			}
		}()
	}
	for range time.Tick(200 * time.Millisecond) {
		if os.Getppid() != parent {
			os.Exit(0)
		}
	}
}
