package host

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"

	"github.com/ezscale/bursar/sdk/event"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/internal/wire"
	pluginv1 "github.com/ezscale/bursar/sdk/proto/bursar/plugin/v1"
)

// DescribeWithin is how long a plugin may take to say what it is.
const DescribeWithin = 5 * time.Second

// Described is what a plugin says of itself. Its forms draw and check without the plugin running.
type Described struct {
	Name, Title, Version, Type string
	Powers                     []string // names of the Go interfaces
	Network                    []string // fixed "host:port"
	Hears                      []event.Kind
	Settings                   form.Form // instance scope; those marked Shared are the plugin's scope
	Product, Checkout          form.Form // empty for none
}

// Secrets are the texts of the secret settings in v, for masking.
func (d Described) Secrets(v form.Values) []string { return wire.Secrets(d.Settings, v) }

// Describe asks a plugin what it is. Error: Unavailable when it does not answer within five seconds.
func Describe(ctx context.Context, conn grpc.ClientConnInterface) (Described, error) {
	ctx, stop := context.WithTimeout(ctx, DescribeWithin)
	defer stop()
	a := new(pluginv1.DescribeAnswer)
	if err := conn.Invoke(ctx, pluginv1.Plugin_Describe_FullMethodName, new(pluginv1.DescribeRequest), a, limits...); err != nil {
		f, _ := wire.Fault(err, Read)
		return Described{}, fmt.Errorf("describe: %w", f)
	}
	d := Described{
		Name: a.GetName(), Title: a.GetTitle(), Version: a.GetVersion(), Type: a.GetType(), Powers: a.GetPowers(), Network: a.GetNetwork(),
		Settings: wire.FormIn(a.GetSettings()), Product: wire.FormIn(a.GetProduct()), Checkout: wire.FormIn(a.GetCheckout()),
	}
	for _, kind := range a.GetHears() {
		d.Hears = append(d.Hears, event.Kind(kind))
	}
	if d.Name == "" || d.Type == "" || d.Version == "" {
		return Described{}, fault.New(fault.Internal, "protocol", "").Because(fmt.Errorf("describe: name %q, type %q, version %q", d.Name, d.Type, d.Version))
	}
	return d, nil
}
