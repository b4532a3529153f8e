package notifier

import (
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/internal/wire"
)

// spec is what a notifier announces.
var spec = wire.Spec{
	Name:     "notifier",
	Powers:   []wire.Power{wire.PowerOf[Mailer](), wire.PowerOf[Poster](), wire.PowerOf[Finder](), wire.PowerOf[Receiver]()},
	Needs:    []string{"Mailer", "Poster"},
	Register: register,
}

// Type is for Plugin.Type: Type(open), with func open(sdk.Env, Settings) (*P, error). A *P that is neither a Mailer nor a
// Poster is refused when the plugin starts.
func Type[T, S any, P interface {
	*T
	sdk.Instance
}, PS interface {
	*S
	form.Settings
}](open func(sdk.Env, S) (P, error)) sdk.Type {
	return sdk.NewType[S, P, PS](spec, open)
}
