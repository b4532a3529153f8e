package form

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ezscale/bursar/sdk/money"
	"github.com/ezscale/bursar/sdk/secret"
)

// Kind is what a field holds. It travels as this word.
type Kind string

// The kinds. What their canonical text is, stands at the function that makes such a field.
const (
	KindText     Kind = "text"
	KindLong     Kind = "long"
	KindURL      Kind = "url"
	KindEmail    Kind = "email"
	KindDomain   Kind = "domain"
	KindOne      Kind = "one"
	KindSecret   Kind = "secret"
	KindBool     Kind = "bool"
	KindInt      Kind = "int"
	KindBytes    Kind = "bytes"
	KindDuration Kind = "duration"
	KindMoney    Kind = "money"
	KindMany     Kind = "many"
	KindList     Kind = "list"
	KindPairs    Kind = "pairs"
)

// Spec is a field as data: what the host draws and checks.
type Spec struct {
	Kind        Kind
	Name        string // a-z 0-9 _, stable
	Label       string
	Help        string
	Need        bool
	Default     []string // canonical text
	Ranged      bool     // Low and High count
	Low, High   int64
	Match       string // RE2, on the whole value
	Options     []Choice
	Remote      bool
	When        string   // the field this one depends on, "" for none
	WhenIs      []string // its values for which this one is shown
	Shared      bool
	Changeable  bool
	OnReinstall bool
	Was         []string // names it had
}

// Field is one setting: its Spec and the place that receives it.
type Field struct {
	spec Spec
	set  func(values []string) // gets canonical text; nil on the host
}

// Spec is the field as data.
func (f *Field) Spec() Spec { return f.spec }

func field(kind Kind, name, label string, set func([]string)) *Field {
	return &Field{Spec{Kind: kind, Name: name, Label: label}, set}
}

func first(to *string) func([]string) {
	return func(v []string) { *to = strings.Join(v, "\n") }
}

func parsed[T any](to *T, parse func(string) (T, error)) func([]string) {
	return func(v []string) {
		var zero T
		if *to = zero; len(v) > 0 {
			*to, _ = parse(v[0]) // canonical text parses
		}
	}
}

// Text is one line, at most 1 kB.
func Text(to *string, name, label string) *Field { return field(KindText, name, label, first(to)) }

// Long is several lines, at most 64 kB: a CA file.
func Long(to *string, name, label string) *Field { return field(KindLong, name, label, first(to)) }

// URL is an http or https address without a trailing slash, user, query or fragment. It grants that host and port to the
// instance once staff agreed.
func URL(to *string, name, label string) *Field { return field(KindURL, name, label, first(to)) }

// Email is one address.
func Email(to *string, name, label string) *Field { return field(KindEmail, name, label, first(to)) }

// Domain is a host name in lower case, with at least one dot.
func Domain(to *string, name, label string) *Field { return field(KindDomain, name, label, first(to)) }

// One is the Value of one of Options or of the Remote choices.
func One(to *string, name, label string) *Field { return field(KindOne, name, label, first(to)) }

// Secret is write-only in every page and API. It never goes into product or checkout forms.
func Secret(to *secret.Value, name, label string) *Field {
	return field(KindSecret, name, label, func(v []string) { *to = secret.New(strings.Join(v, "\n")) })
}

// Bool is "true" or "false".
func Bool(to *bool, name, label string) *Field {
	return field(KindBool, name, label, parsed(to, strconv.ParseBool))
}

// Int is a whole number in decimal.
func Int(to *int64, name, label string) *Field {
	return field(KindInt, name, label, parsed(to, whole))
}

// Bytes is a number of bytes; "5 GB" is read as 5000000000.
func Bytes(to *int64, name, label string) *Field {
	return field(KindBytes, name, label, parsed(to, whole))
}

// Duration is as time.Duration writes it: "1m30s".
func Duration(to *time.Duration, name, label string) *Field {
	return field(KindDuration, name, label, parsed(to, time.ParseDuration))
}

// Money is "19.99 EUR".
func Money(to *money.Amount, name, label string) *Field {
	return field(KindMoney, name, label, parsed(to, amount))
}

// Many is the Values of any number of Options, in their order where the options are fixed.
func Many(to *[]string, name, label string) *Field {
	return field(KindMany, name, label, func(v []string) { *to = slices.Clone(v) })
}

// List is any number of lines, at most 1 kB each.
func List(to *[]string, name, label string) *Field {
	return field(KindList, name, label, func(v []string) { *to = slices.Clone(v) })
}

// Pairs is any number of "key=value", sorted by key; a key comes once.
func Pairs(to *map[string]string, name, label string) *Field {
	return field(KindPairs, name, label, func(v []string) {
		*to = map[string]string{}
		for _, pair := range v {
			key, value, _ := strings.Cut(pair, "=")
			(*to)[key] = value
		}
	})
}

// Need says that it must be filled in (while it is shown, if it has a When).
func (f *Field) Need() *Field { f.spec.Need = true; return f }

// Help is a sentence below the field.
func (f *Field) Help(text string) *Field { f.spec.Help = text; return f }

// Or is the default, as it would be typed.
func (f *Field) Or(values ...string) *Field { f.spec.Default = values; return f }

// Between bounds it, both ends allowed: the value of Int and Bytes, nanoseconds of Duration, minor units of Money, the
// number of characters of texts and secrets, the number of entries of Many, List and Pairs.
func (f *Field) Between(low, high int64) *Field {
	f.spec.Ranged, f.spec.Low, f.spec.High = true, low, high
	return f
}

// Match is an RE2 expression that the whole value (each entry, of a list) must match.
func (f *Field) Match(re2 string) *Field { f.spec.Match = re2; return f }

// Options are the fixed choices of One and Many.
func (f *Field) Options(choices ...Choice) *Field { f.spec.Options = choices; return f }

// Remote fields ask Chooser for their choices while the form is filled in.
func (f *Field) Remote() *Field { f.spec.Remote = true; return f }

// When shows and needs the field only while another, earlier one has one of these values.
func (f *Field) When(name string, is ...string) *Field {
	f.spec.When, f.spec.WhenIs = name, is
	return f
}

// Shared puts an instance field into the plugin's scope: one value for all instances.
func (f *Field) Shared() *Field { f.spec.Shared = true; return f }

// Changeable says that a checkout field may change after the purchase (Resizer).
func (f *Field) Changeable() *Field { f.spec.Changeable = true; return f }

// OnReinstall says that a checkout field is asked again before a reinstallation.
func (f *Field) OnReinstall() *Field { f.spec.OnReinstall = true; return f }

// Was is a name that the field had: values under it still count.
func (f *Field) Was(oldName string) *Field { f.spec.Was = append(f.spec.Was, oldName); return f }
