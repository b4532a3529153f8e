package panel

import (
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/internal/wire"
)

// spec is what a panel announces.
var spec = wire.Spec{
	Name: "panel",
	Powers: []wire.Power{
		wire.PowerOf[Resizer](), wire.PowerOf[PasswordResetter](), wire.PowerOf[PowerSwitch](), wire.PowerOf[Reinstaller](),
		wire.PowerOf[LoginLinker](), wire.PowerOf[UsageReader](), wire.PowerOf[Lister](), wire.PowerOf[StockKeeper](),
	},
	Register: register,
}

// Type is for Plugin.Type: Type(open), with func open(sdk.Env, Settings) (*P, error). A *P that is no Panel does not
// compile.
func Type[T, S any, P interface {
	*T
	Panel
}, PS interface {
	*S
	form.Settings
}](open func(sdk.Env, S) (P, error)) sdk.Type {
	return sdk.NewType[S, P, PS](spec, open)
}
