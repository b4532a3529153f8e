package gateway

import (
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/internal/wire"
)

// spec is what a gateway announces.
var spec = wire.Spec{
	Name: "gateway",
	Powers: []wire.Power{
		wire.PowerOf[Finisher](), wire.PowerOf[Charger](), wire.PowerOf[Canceller](), wire.PowerOf[DisputeLister](),
	},
	Register: register,
}

// Type is for Plugin.Type: Type(open), with func open(sdk.Env, Settings) (*P, error). A *P that is no Gateway does not
// compile.
func Type[T, S any, P interface {
	*T
	Gateway
}, PS interface {
	*S
	form.Settings
}](open func(sdk.Env, S) (P, error)) sdk.Type {
	return sdk.NewType[S, P, PS](spec, open)
}
