package traffic

import (
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/internal/wire"
)

// spec is what a source announces: this type has no powers of its own.
var spec = wire.Spec{Name: "traffic", Register: register}

// Type is for Plugin.Type: Type(open), with func open(sdk.Env, Settings) (*P, error). A *P that is no Source does not
// compile.
func Type[T, S any, P interface {
	*T
	Source
}, PS interface {
	*S
	form.Settings
}](open func(sdk.Env, S) (P, error)) sdk.Type {
	return sdk.NewType[S, P, PS](spec, open)
}
