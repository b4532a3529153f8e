package sdk

import (
	"fmt"

	"github.com/ezscale/bursar/sdk/event"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/internal/wire"
)

// Type is made by a type's package from func open(Env, S) (*P, error), S being the instance settings. It learns from *P,
// before any instance exists, which powers to announce; so open may not return an interface. open runs on first use of an
// instance and when its settings change: a restarted plugin needs no set-up. It is quick and calls nobody. Invalid with
// Field shows beside that setting.
type Type interface{ describe() described }

type described = wire.Type

type kind struct{ wire.Type }

func (k kind) describe() described { return k.Type }

// common are the powers that a plugin of any type may have.
var common = []wire.Power{wire.PowerOf[form.Chooser](), wire.PowerOf[WebhookInstaller](), wire.PowerOf[CustomerUpdater](), wire.PowerOf[event.Listener]()}

// NewType is for the packages of types, such as panel: authors call panel.Type. P is the author's *P, of which only the
// method set is looked at.
func NewType[S, P any, PS interface {
	*S
	form.Settings
}](spec wire.Spec, open func(Env, S) (P, error)) Type {
	var nobody P
	t := wire.Type{
		Spec:     spec,
		Settings: func() form.Form { return PS(new(S)).Form() },
		Open: func(env any, v form.Values) (any, error) {
			settings, err := form.Read[S, PS](v)
			if err != nil {
				return nil, err
			}
			instance, err := open(env.(Env), settings)
			if err != nil {
				return nil, fmt.Errorf("open: %w", err)
			}
			return instance, nil
		},
	}
	for _, power := range append(append([]wire.Power{}, common...), spec.Powers...) {
		if power.Has(any(nobody)) {
			t.Announced = append(t.Announced, power.Name)
		}
	}
	return kind{t}
}
