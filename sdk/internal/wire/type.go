// Package wire is what all types of plugins share between Go and gRPC, on the plugin's side and on the host's: instances
// that open anew when their settings change, errors and notes over the wire, forms as data. The conversion of the SDK's own
// structs (customers, webhooks) is in sdk/convert.go, what the host calls with is in sdk/host.
//
// A package of a type plugs in so (panel/wire.go is the model):
//
//	var spec = wire.Spec{
//		Name:     "panel",
//		Powers:   []wire.Power{wire.PowerOf[Resizer](), …},
//		Register: func(s grpc.ServiceRegistrar, i *wire.Instances) { panelv1.RegisterPanelServer(s, &server{i: i}) },
//	}
//
//	func Type[T, S any, P interface{ *T; Panel }, PS interface{ *S; form.Settings }](open func(sdk.Env, S) (P, error)) sdk.Type {
//		return sdk.NewType[S, P, PS](spec, open)
//	}
//
// Each method of its server is one wire.Serve (which finds the instance, sorts errors and catches panics); each method of
// its client is one host.Instance.Do.
package wire

import (
	"reflect"

	"google.golang.org/grpc"

	"github.com/ezscale/bursar/sdk/form"
)

// MaxMessage is the largest message either way, in bytes.
const MaxMessage = 4 << 20

// Spec is a type of plugins.
type Spec struct {
	Name     string // "panel": the folder of plugins/
	Powers   []Power
	Register func(s grpc.ServiceRegistrar, i *Instances) // adds the type's service
	// Needs is at least one of these powers, for types that have no interface of their own (tax, notifier). Empty: none.
	Needs []string
}

// Power is an interface that some plugins of a type satisfy.
type Power struct {
	Name string // of the Go interface: "Resizer"
	Has  func(instance any) bool
}

// PowerOf is the power of an interface.
func PowerOf[T any]() Power {
	return Power{Name: reflect.TypeFor[T]().Name(), Has: func(v any) bool { _, ok := v.(T); return ok }}
}

// Type is a Spec together with an author's instance type.
type Type struct {
	Spec
	Announced []string
	Settings  func() form.Form
	// Open makes an instance; env is an sdk.Env, which this package cannot name.
	Open func(env any, v form.Values) (any, error)
}
