package form

import (
	"fmt"
	"slices"

	"github.com/ezscale/bursar/sdk/fault"
)

// Read fills in a struct of settings: plan, err := form.Read[Plan](c.Product). Defaults are filled in. Error: Invalid with
// Field, the first that is wrong.
func Read[T any, P interface {
	*T
	Settings
}](v Values) (T, error) {
	var t T
	f := P(&t).Form()
	clean, problems := f.Check(v)
	if len(problems) > 0 {
		return t, problems[0]
	}
	for _, field := range f {
		if values := clean[field.spec.Name]; len(values) > 0 && field.set != nil {
			field.set(values)
		}
	}
	return t, nil
}

// Check is the values in canonical text with defaults filled in, and everything that is wrong: each fault is Invalid and
// names its Field. Fields that are not shown are left out. Names that the form does not know are left out too: ask Unknown.
func (f Form) Check(v Values) (Values, []*fault.Fault) {
	clean, problems := Values{}, []*fault.Fault(nil)
	for _, field := range f {
		s := field.spec
		if !f.shown(s, clean) {
			continue
		}
		given := v[s.Name]
		for _, old := range s.Was {
			if len(given) == 0 {
				given = v[old]
			}
		}
		given = filled(s.Kind, given)
		if len(given) == 0 {
			given = s.Default
		}
		if len(given) == 0 {
			if s.Need {
				problems = append(problems, fault.New(fault.Invalid, "needed", label(s)+" is needed.").On(s.Name))
			}
			continue
		}
		values, err := s.canonical(given)
		if err != nil {
			problems = append(problems, fault.New(fault.Invalid, "not_valid", fmt.Sprintf("%s: %s.", label(s), err)).On(s.Name))
			continue
		}
		clean[s.Name] = values
	}
	return clean, problems
}

// shown says whether the field's When is met by what was read before it.
func (f Form) shown(s Spec, clean Values) bool {
	return s.When == "" || slices.ContainsFunc(s.WhenIs, func(is string) bool { return slices.Contains(clean[s.When], is) })
}

// filled drops entries that are empty: an empty input of a web form is no value.
func filled(kind Kind, values []string) []string {
	if kind == KindLong || kind == KindSecret {
		if len(values) == 1 && values[0] == "" {
			return nil
		}
		return values
	}
	return slices.DeleteFunc(slices.Clone(values), func(s string) bool { return s == "" })
}

func label(s Spec) string {
	if s.Label == "" {
		return s.Name
	}
	return s.Label
}

// Mistakes are what is wrong with the form itself, for the author: names twice, expressions that do not compile, defaults
// that are not valid, a When that names no earlier field, choices that nobody gives.
func (f Form) Mistakes() []string {
	var out []string
	seen := map[string]bool{}
	for _, field := range f {
		s := field.spec
		bad := func(format string, args ...any) {
			out = append(out, fmt.Sprintf("field %q: ", s.Name)+fmt.Sprintf(format, args...))
		}
		if !namePattern.MatchString(s.Name) {
			bad("the name is not a-z 0-9 _")
		}
		for _, name := range append([]string{s.Name}, s.Was...) {
			if seen[name] {
				bad("the name %q is taken", name)
			}
			seen[name] = true
		}
		if _, err := pattern(s.Match); s.Match != "" && err != nil {
			bad("Match: %v", err)
		}
		if s.When != "" && !seen[s.When] {
			bad("When names %q, which is no earlier field", s.When)
		}
		if (s.Kind == KindOne || s.Kind == KindMany) && len(s.Options) == 0 && !s.Remote {
			bad("it has neither Options nor Remote")
		}
		if len(s.Default) > 0 {
			if _, err := s.canonical(s.Default); err != nil {
				bad("its default: %v", err)
			}
		}
	}
	return out
}
