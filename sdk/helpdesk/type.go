package helpdesk

import (
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/internal/wire"
)

// spec is what a help desk announces.
var spec = wire.Spec{
	Name:     "helpdesk",
	Powers:   []wire.Power{wire.PowerOf[Closer](), wire.PowerOf[LoginLinker](), wire.PowerOf[Receiver]()},
	Register: register,
}

// Type is for Plugin.Type: Type(open), with func open(sdk.Env, Settings) (*P, error). A *P that is no HelpDesk does not
// compile.
func Type[T, S any, P interface {
	*T
	HelpDesk
}, PS interface {
	*S
	form.Settings
}](open func(sdk.Env, S) (P, error)) sdk.Type {
	return sdk.NewType[S, P, PS](spec, open)
}
