// Package form is the settings that a plugin asks for, declared once, beside the field that receives them, as package flag
// does it. The host draws and checks a form without the plugin running, and the plugin reads the same values back.
//
// Four scopes: instance (the settings struct of open), plugin (its fields marked Shared: one value for all instances),
// product (Plugin.Product), checkout (Plugin.Checkout). Start at Settings, then Text and the other kinds in fields.go.
package form

import (
	"context"
	"maps"
	"slices"
	"strings"
)

// Settings is a struct that knows its form. Form is called on a fresh value and only takes addresses of its fields.
type Settings interface{ Form() Form }

// Form is the fields in the order of the page.
type Form []*Field

// Values is what was filled in, by name, as canonical text: database, plugins.hcl, web form and wire hold the same. It
// prints the names only.
type Values map[string][]string

// Get is the first value of a field, "" if there is none.
func (v Values) Get(name string) string {
	if list := v[name]; len(list) > 0 {
		return list[0]
	}
	return ""
}

// Clone is a deep copy. Nil stays nil.
func (v Values) Clone() Values {
	out := maps.Clone(v)
	for name, list := range out {
		out[name] = slices.Clone(list)
	}
	return out
}

// Equal says whether both hold the same. A field with no values is the same as none.
func (v Values) Equal(other Values) bool {
	for name := range v {
		if !slices.Equal(v[name], other[name]) {
			return false
		}
	}
	for name := range other {
		if !slices.Equal(v[name], other[name]) {
			return false
		}
	}
	return true
}

// String is the names, sorted: what was filled in may be a secret.
func (v Values) String() string {
	return "[" + strings.Join(slices.Sorted(maps.Keys(v)), " ") + "]"
}

// GoString is as String.
func (v Values) GoString() string { return v.String() }

// Choice is one of a field's options.
type Choice struct {
	Value string
	Label string // "" shows Value
	Group string // a heading to list it under, "" for none
	Help  string
	Off   bool // greyed out; Help is the reason
}

// Question asks for the choices of a Remote field.
type Question struct {
	Scope   string // instance, plugin, product or checkout
	Field   string
	Product Values // at checkout: the product's values
	Filled  Values // the form so far, without secrets
}

// Chooser is a power of any type: it answers Remote fields from the vendor.
type Chooser interface {
	// Choices are at most 500, kept for five minutes by the host. It reads only.
	Choices(ctx context.Context, q Question) ([]Choice, error)
}

// Field finds a field by its name or by a name that it had.
func (f Form) Field(name string) (*Field, bool) {
	for _, field := range f {
		if field.spec.Name == name || slices.Contains(field.spec.Was, name) {
			return field, true
		}
	}
	return nil, false
}

// Names are the fields' names in order.
func (f Form) Names() []string {
	names := make([]string, len(f))
	for i, field := range f {
		names[i] = field.spec.Name
	}
	return names
}

// Unknown are the names in v that the form does not know, sorted.
func (f Form) Unknown(v Values) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(v)) {
		if _, ok := f.Field(name); !ok {
			out = append(out, name)
		}
	}
	return out
}

// Only is the fields for which keep is true.
func (f Form) Only(keep func(Spec) bool) Form {
	return slices.DeleteFunc(slices.Clone(f), func(field *Field) bool { return !keep(field.spec) })
}

// Of is the form of s, nil for nil.
func Of(s Settings) Form {
	if s == nil {
		return nil
	}
	return s.Form()
}

// From makes a form of specs that came over the wire. Its fields check and draw, and receive nothing.
func From(specs []Spec) Form {
	f := make(Form, len(specs))
	for i, s := range specs {
		f[i] = &Field{spec: s}
	}
	return f
}

// Specs is the form as data.
func (f Form) Specs() []Spec {
	out := make([]Spec, len(f))
	for i, field := range f {
		out[i] = field.spec
	}
	return out
}
