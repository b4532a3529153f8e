package pluginhost

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/host"
)

// fillAll checks all settings of the file against the forms that the program described.
func (p *plugin) fillAll() {
	d, _ := p.said()
	shared, found := p.shared(d)
	bad := firstBad(found)
	for _, i := range p.instances {
		found = append(found, i.fill(d, shared, bad)...)
	}
	p.mu.Lock()
	p.found = found
	p.mu.Unlock()
}

// refill does it again for one instance that learned something.
func (p *plugin) refill(i *instance) {
	d, _ := p.said()
	shared, wrong := p.shared(d)
	found := i.fill(d, shared, firstBad(wrong))
	p.mu.Lock()
	p.found = append(slices.DeleteFunc(p.found, func(q Problem) bool { return q.Label == i.config.Label }), found...)
	p.mu.Unlock()
}

// shared are the settings of the plugin's scope.
func (p *plugin) shared(d host.Described) (form.Values, []Problem) {
	own := d.Settings.Only(func(s form.Spec) bool { return s.Shared })
	r := settingsReader{file: p.host.deps.Config, where: p.where(), plug: p.title()}
	elsewhere := "belongs to an instance: move it into the settings of each."
	return r.read(p.config.Settings, own, d.Settings, elsewhere), r.problems
}

// fill makes the values that are handed with the instance's calls, or says why there are none. bad is what is wrong with
// the plugin's own settings.
func (i *instance) fill(d host.Described, shared form.Values, bad string) []Problem {
	r := settingsReader{
		file: i.host.deps.Config, where: fmt.Sprintf("%s, instance %q", i.plugin.where(), i.config.Label),
		plug: i.plugin.title(), label: i.config.Label,
	}
	own := d.Settings.Only(func(s form.Spec) bool { return !s.Shared })
	given := r.read(i.config.Settings, own, d.Settings, "is one value for all instances: move it into the settings of the plugin.")
	maps.Copy(given, shared)
	i.mu.Lock()
	i.given = given
	i.mu.Unlock()
	values, wrong := d.Settings.Check(i.merged())
	for _, f := range wrong {
		if r.told(f.Field) || i.plugin.toldOf(i.config.Label, f.Field) {
			continue
		}
		r.add(r.line(i.config, i.plugin.config, f.Field), fmt.Sprintf("%s: %s", f.Field, f.Text))
	}
	mine := slices.DeleteFunc(slices.Clone(i.plugin.fixed), func(q Problem) bool { return q.Label != i.config.Label })
	off := cmp.Or(bad, firstBad(mine), firstBad(r.problems))
	if !i.config.Enabled {
		off = "it is switched off in plugins.hcl"
	} else if off == "" && len(wrong) > 0 {
		off = wrong[0].Text
	}
	i.mu.Lock()
	i.values, i.off = values, off
	i.mu.Unlock()
	if !i.config.Enabled {
		return nil
	}
	return r.problems
}

// firstBad is the first that is more than a warning.
func firstBad(list []Problem) string {
	for _, problem := range list {
		if !problem.Warn {
			return problem.Text
		}
	}
	return ""
}

// toldOf says whether reading the file already complained of a setting.
func (p *plugin) toldOf(label, name string) bool {
	return slices.ContainsFunc(p.fixed, func(q Problem) bool {
		return (q.Label == label || q.Label == "") && strings.HasPrefix(q.Text, name+": ")
	})
}

// settingsReader turns settings of the file into values of a form.
type settingsReader struct {
	file, where, plug, label string
	problems                 []Problem
}

func (r *settingsReader) add(line int, text string) {
	r.problems = append(r.problems, Problem{File: r.file, Line: line, Where: r.where, Text: text, Plug: r.plug, Label: r.label})
}

func (r *settingsReader) told(name string) bool {
	return slices.ContainsFunc(r.problems, func(q Problem) bool { return !q.Warn && strings.HasPrefix(q.Text, name+": ") })
}

// read takes what the form knows. all is the plugin's whole form; elsewhere is said of a field of the other scope.
func (r *settingsReader) read(settings []Setting, own, all form.Form, elsewhere string) form.Values {
	out := form.Values{}
	for _, s := range settings {
		field, ok := own.Field(s.Name)
		if !ok {
			if _, other := all.Field(s.Name); other {
				r.add(s.Line, fmt.Sprintf("%q %s", s.Name, elsewhere))
			} else {
				r.add(s.Line, fmt.Sprintf("%q is no setting.%s", s.Name, hint(s.Name, own.Names()...)))
			}
			continue
		}
		if kind := (form.Form{field}).Specs()[0].Kind; kind == form.KindSecret && s.Literal {
			r.add(s.Line, fmt.Sprintf(`%s: a secret stands in the file; env("NAME") or file("PATH") keeps it out.`, s.Name))
			r.problems[len(r.problems)-1].Warn = true
		}
		out[s.Name] = s.Values
	}
	return out
}

// line is where a field was set, else where its block begins.
func (r *settingsReader) line(i InstanceConfig, p PluginConfig, name string) int {
	for _, s := range append(slices.Clone(i.Settings), p.Settings...) {
		if s.Name == name {
			return s.Line
		}
	}
	return i.Line
}
