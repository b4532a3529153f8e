package sdk

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"

	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/internal/wire"
	pluginv1 "github.com/ezscale/bursar/sdk/proto/bursar/plugin/v1"
)

// Register adds a plugin's services to a gRPC server. It is for Serve and for conformance suites: authors call Serve.
// forget closes all instances, as the end of the process would.
func Register(s grpc.ServiceRegistrar, p Plugin, world wire.World) (forget func(), err error) {
	if err := mistakes(p); err != nil {
		return nil, err
	}
	t := p.Type.describe()
	settings := t.Settings()
	root := hclog.New(&hclog.LoggerOptions{Name: p.Name, Level: hclog.Debug, Output: world.Log, JSONFormat: true})
	open := func(label string, v form.Values) (any, error) {
		log := hclog.New(&hclog.LoggerOptions{
			Name: p.Name, Level: hclog.Debug, JSONFormat: true,
			Output: &masked{world.Log, masks(wire.Secrets(settings, v))},
		}).With("instance", label)
		return t.Open(Env{Instance: label, Log: log, HTTP: world.HTTP(label, log), Now: world.Now}, v)
	}
	instances := wire.NewInstances(open,
		func(v form.Values) []string { return wire.Secrets(settings, v) },
		func(label, message string, args ...any) { root.Error(message, append(args, "instance", label)...) })
	instances.Overdue = world.Overdue
	pluginv1.RegisterPluginServer(s, &server{plugin: p, kind: t, instances: instances})
	t.Register(s, instances)
	return instances.Close, nil
}

var namePattern = regexp.MustCompile(`^[a-z][a-z0-9-]{0,29}$`)

// mistakes are those of the author that can be seen before anybody calls.
func mistakes(p Plugin) error {
	var out []error
	bad := func(format string, args ...any) {
		out = append(out, fmt.Errorf("plugin %q: "+format, append([]any{p.Name}, args...)...))
	}
	if !namePattern.MatchString(p.Name) {
		bad("the name is not a-z 0-9 -, at most 30")
	}
	if p.Title == "" || p.Version == "" {
		bad("it has no title or no version")
	}
	if p.Type == nil {
		return errors.Join(append(out, fmt.Errorf("plugin %q: it has no type", p.Name))...)
	}
	t := p.Type.describe()
	for scope, f := range map[string]form.Form{"instance": t.Settings(), "product": form.Of(p.Product), "checkout": form.Of(p.Checkout)} {
		for _, m := range f.Mistakes() {
			bad("the %s form: %s", scope, m)
		}
	}
	for _, host := range p.Network {
		if name, port, ok := strings.Cut(host, ":"); !ok || name == "" || port == "" {
			bad("network %q is no host:port", host)
		}
	}
	if len(t.Needs) > 0 && !anyOf(t.Needs, t.Announced) {
		bad("it has none of %s", strings.Join(t.Needs, ", "))
	}
	return errors.Join(out...)
}

func anyOf(needs, has []string) bool {
	for _, n := range needs {
		for _, h := range has {
			if n == h {
				return true
			}
		}
	}
	return false
}

// masks are the secrets as they may stand in a line of JSON.
func masks(secrets []string) []string {
	out := append([]string{}, secrets...)
	for _, s := range secrets {
		if quoted, err := json.Marshal(s); err == nil {
			out = append(out, string(quoted[1:len(quoted)-1]))
		}
	}
	return out
}

// masked is a log in which secrets are ***.
type masked struct {
	to      io.Writer
	secrets []string
}

// Write says that all was written: the mask has another length.
func (m *masked) Write(line []byte) (int, error) {
	_, err := m.to.Write([]byte(wire.Mask(string(line), m.secrets)))
	return len(line), err
}
