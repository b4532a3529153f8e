package tax

import (
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/internal/wire"
)

// spec is what a tax plugin announces.
var spec = wire.Spec{
	Name:     "tax",
	Powers:   []wire.Power{wire.PowerOf[Quoter](), wire.PowerOf[Recorder](), wire.PowerOf[IDChecker]()},
	Needs:    []string{"Quoter", "Recorder", "IDChecker"},
	Register: register,
}

// Type is for Plugin.Type: Type(open), with func open(sdk.Env, Settings) (*P, error). A *P that has none of the powers is
// refused when the plugin starts.
func Type[T, S any, P interface {
	*T
	sdk.Instance
}, PS interface {
	*S
	form.Settings
}](open func(sdk.Env, S) (P, error)) sdk.Type {
	return sdk.NewType[S, P, PS](spec, open)
}
