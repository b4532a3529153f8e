package wire

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/money"
	pluginv1 "github.com/ezscale/bursar/sdk/proto/bursar/plugin/v1"
)

// TextsOut is values as they travel.
func TextsOut(v form.Values) map[string]*pluginv1.Texts {
	if v == nil {
		return nil
	}
	out := make(map[string]*pluginv1.Texts, len(v))
	for name, list := range v {
		out[name] = &pluginv1.Texts{Text: list}
	}
	return out
}

// ValuesIn is never nil.
func ValuesIn(m map[string]*pluginv1.Texts) form.Values {
	out := make(form.Values, len(m))
	for name, texts := range m {
		out[name] = texts.GetText()
	}
	return out
}

// ValuesOut is values as a message.
func ValuesOut(v form.Values) *pluginv1.Values { return &pluginv1.Values{Value: TextsOut(v)} }

// MoneyOut is an amount as a message.
func MoneyOut(a money.Amount) *pluginv1.Money {
	return &pluginv1.Money{Minor: a.Minor(), Currency: a.Currency()}
}

// MoneyIn is the zero Amount for nil.
func MoneyIn(m *pluginv1.Money) money.Amount { return money.Of(m.GetMinor(), m.GetCurrency()) }

// Micros is a time as it travels; 0 is the zero time.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Time is UTC.
func Time(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// Millis is a duration as it travels. What is shorter than a millisecond and not zero is one.
func Millis(d time.Duration) int64 {
	if d > 0 && d < time.Millisecond {
		return 1
	}
	return d.Milliseconds()
}

// Duration is its return.
func Duration(millis int64) time.Duration { return time.Duration(millis) * time.Millisecond }

// PairsOut is label and text, in order.
func PairsOut(list [][2]string) []*pluginv1.Pair {
	var out []*pluginv1.Pair
	for _, p := range list {
		out = append(out, &pluginv1.Pair{Key: p[0], Value: p[1]})
	}
	return out
}

// PairsIn is their return.
func PairsIn(list []*pluginv1.Pair) [][2]string {
	var out [][2]string
	for _, p := range list {
		out = append(out, [2]string{p.GetKey(), p.GetValue()})
	}
	return out
}

// ChoicesOut is choices as they travel.
func ChoicesOut(list []form.Choice) []*pluginv1.Choice {
	var out []*pluginv1.Choice
	for _, c := range list {
		out = append(out, &pluginv1.Choice{Value: c.Value, Label: c.Label, Group: c.Group, Help: c.Help, Off: c.Off})
	}
	return out
}

// ChoicesIn is their return.
func ChoicesIn(list []*pluginv1.Choice) []form.Choice {
	var out []form.Choice
	for _, c := range list {
		out = append(out, form.Choice{Value: c.GetValue(), Label: c.GetLabel(), Group: c.GetGroup(), Help: c.GetHelp(), Off: c.GetOff()})
	}
	return out
}

// FormOut is a form as it travels.
func FormOut(f form.Form) []*pluginv1.Field {
	var out []*pluginv1.Field
	for _, s := range f.Specs() {
		out = append(out, &pluginv1.Field{
			Kind: string(s.Kind), Name: s.Name, Label: s.Label, Help: s.Help, Need: s.Need, Default: s.Default,
			Ranged: s.Ranged, Low: s.Low, High: s.High, Match: s.Match, Options: ChoicesOut(s.Options), Remote: s.Remote,
			When: s.When, WhenIs: s.WhenIs, Shared: s.Shared, Changeable: s.Changeable, OnReinstall: s.OnReinstall, Was: s.Was,
		})
	}
	return out
}

// FormIn is a form for the host: it draws and checks.
func FormIn(list []*pluginv1.Field) form.Form {
	var specs []form.Spec
	for _, f := range list {
		specs = append(specs, form.Spec{
			Kind: form.Kind(f.GetKind()), Name: f.GetName(), Label: f.GetLabel(), Help: f.GetHelp(), Need: f.GetNeed(), Default: f.GetDefault(),
			Ranged: f.GetRanged(), Low: f.GetLow(), High: f.GetHigh(), Match: f.GetMatch(), Options: ChoicesIn(f.GetOptions()), Remote: f.GetRemote(),
			When: f.GetWhen(), WhenIs: f.GetWhenIs(), Shared: f.GetShared(), Changeable: f.GetChangeable(), OnReinstall: f.GetOnReinstall(), Was: f.GetWas(),
		})
	}
	return form.From(specs)
}

// Secrets are the texts of a form's secret fields, for Mask.
func Secrets(f form.Form, v form.Values) []string {
	var out []string
	for _, s := range f.Specs() {
		if s.Kind == form.KindSecret {
			out = append(out, v[s.Name]...)
			for _, old := range s.Was {
				out = append(out, v[old]...)
			}
		}
	}
	for _, s := range out {
		out = append(out, tokens(s)...)
	}
	return out
}

// tokens are the parts of a secret address that would give it away where only its path is told, as in a log of requests.
func tokens(secret string) []string {
	u, err := url.Parse(secret)
	if err != nil || u.Host == "" {
		return nil
	}
	return slices.DeleteFunc(strings.Split(u.EscapedPath(), "/"), func(part string) bool { return len(part) < tokenLength })
}

// tokenLength is the least of what is taken for a token, in bytes: shorter parts are words.
const tokenLength = 16

// Bad is the fault of a message that breaks the protocol.
func Bad(what string, cause error) error {
	return fault.New(fault.Internal, "protocol", "").Because(fmt.Errorf("%s: %w", what, cause))
}
