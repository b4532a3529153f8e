package sdk

import "reflect"

// As asks for a power: r, ok := sdk.As[panel.Resizer](p). Core always asks so: the host's client has all methods, but only
// the announced ones count.
func As[T any](v any) (T, bool) {
	power, ok := v.(T)
	if !ok {
		return power, false
	}
	if a, is := v.(Announcer); is && !a.Announces(reflect.TypeFor[T]().Name()) {
		var none T
		return none, false
	}
	return power, true
}

// Announcer is a client, or a fake of one, that has the methods of more powers than its plugin announced. Authors of
// plugins do not need it.
type Announcer interface {
	// Announces says whether the plugin has a power, by the name of its interface: "Resizer".
	Announces(power string) bool
}
