package admin

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
)

// panelForm is what a panel asks about a product, with what was filled in.
type panelForm struct {
	panel  string
	note   string
	form   form.Form
	values form.Values
	fields []panelField
	wrong  []*fault.Fault
}

// panelField is one field of it: a control of the usual kinds, or a set of ticks.
type panelField struct {
	Control *view.Field
	Ticks   *manyField
	Error   string // beside the ticks
}

// choicesFor is how long all choices of a form may take together: a panel that does not answer never keeps a page.
const choicesFor = 6 * time.Second

// panelFields draws the product form of an instance, with live choices. A panel that does not answer leaves fields to be
// typed, with what is stored; values that the form does not know are kept.
func (s *Site) panelFields(ctx context.Context, instance string, values form.Values) *panelForm {
	p := &panelForm{panel: instance, values: values.Clone()}
	if p.values == nil {
		p.values = form.Values{}
	}
	if instance == "" {
		return p
	}
	if s.Plugins == nil {
		p.note = "Plugins do not run here, so what " + instance + " asks for is not known. Its values stay as they are."
		return p
	}
	forms, ok := s.Plugins.FormsOf(instance)
	if !ok {
		p.note = instance + " has not answered since the program started, so what it asks for is not known. Its values stay as they are."
		return p
	}
	p.form = forms.Product
	ctx, stop := context.WithTimeout(ctx, choicesFor)
	defer stop()
	for _, spec := range p.form.Specs() {
		if spec.When != "" && !slices.ContainsFunc(spec.WhenIs, func(is string) bool { return slices.Contains(p.current(spec.When), is) }) {
			continue
		}
		options := spec.Options
		if spec.Remote {
			live, err := s.Plugins.Choices(ctx, instance, form.Question{Scope: "product", Field: spec.Name, Filled: p.values})
			if err != nil {
				p.note = instance + " does not answer: its lists cannot be shown. What is stored is kept, and values can be typed."
				s.Log.Warn("choices of a panel were not read", "instance", instance, "field", spec.Name, "error", err)
				options = nil
			} else {
				options = live
			}
		}
		p.fields = append(p.fields, p.draw(spec, options))
	}
	return p
}

// current is what is filled in, or what counts where nothing is.
func (p *panelForm) current(name string) []string {
	if v := p.values[name]; len(v) > 0 {
		return v
	}
	if f, ok := p.form.Field(name); ok {
		return f.Spec().Default
	}
	return nil
}

func (p *panelForm) draw(spec form.Spec, options []form.Choice) panelField {
	values := p.current(spec.Name)
	f := &view.Field{Name: "v." + spec.Name, Label: spec.Label, Help: spec.Help, Optional: !spec.Need, Value: strings.Join(values, "\n")}
	switch spec.Kind {
	case form.KindOne:
		if len(options) == 0 {
			break
		}
		f.Kind = view.Select
		if !spec.Need || f.Value == "" {
			f.Options = append(f.Options, view.Choice{Label: "–"})
		}
		known := f.Value == ""
		for _, o := range options {
			f.Options = append(f.Options, view.Choice{Value: o.Value, Label: choiceLabel(o), Help: o.Help, Off: o.Off && o.Value != f.Value})
			known = known || o.Value == f.Value
		}
		if !known {
			f.Options = append(f.Options, view.Choice{Value: f.Value, Label: f.Value + ", which the panel does not list any more"})
		}
	case form.KindMany:
		if len(options) == 0 {
			f.Kind, f.Rows = view.Textarea, 3
			break
		}
		set := &manyField{Label: spec.Label, Help: spec.Help, Name: f.Name}
		for _, o := range options {
			set.Options = append(set.Options, tick{o.Value, choiceLabel(o), slices.Contains(values, o.Value)})
		}
		return panelField{Ticks: set}
	case form.KindBool:
		f.Kind, f.Value, f.Optional = view.Check, check(f.Value == "true"), false
	case form.KindLong, form.KindList, form.KindPairs:
		f.Kind, f.Rows, f.Wide = view.Textarea, 4, true
		if spec.Kind == form.KindPairs && f.Help == "" {
			f.Help = "One a line: key=value."
		}
	case form.KindInt:
		f.InputMode = "numeric"
	}
	return panelField{Control: f}
}

func choiceLabel(o form.Choice) string {
	label := o.Label
	if label == "" {
		label = o.Value
	}
	if o.Group != "" {
		label = o.Group + ": " + label
	}
	return label
}

// read takes over what was posted for the fields that were drawn.
func (p *panelForm) read(c echo.Context) {
	posted, err := c.FormParams()
	if err != nil {
		return
	}
	for i := range p.fields {
		f := &p.fields[i]
		if f.Ticks != nil {
			name := strings.TrimPrefix(f.Ticks.Name, "v.")
			p.values[name] = posted[f.Ticks.Name]
			for k := range f.Ticks.Options {
				f.Ticks.Options[k].On = slices.Contains(posted[f.Ticks.Name], f.Ticks.Options[k].Value)
			}
			continue
		}
		name := strings.TrimPrefix(f.Control.Name, "v.")
		text := strings.ReplaceAll(strings.TrimSpace(posted.Get(f.Control.Name)), "\r\n", "\n")
		f.Control.Value = text
		field, _ := p.form.Field(name)
		switch spec := field.Spec(); spec.Kind {
		case form.KindBool:
			p.values[name] = []string{yesno(text != "", "true", "false")}
			f.Control.Value = check(text != "")
		case form.KindMany, form.KindList, form.KindPairs:
			p.values[name] = lines(text)
		default:
			if p.values[name] = []string{text}; text == "" {
				p.values[name] = nil
			}
		}
	}
}

// check answers the values as they are stored, and notes what is wrong. Without a form they stay what they were.
func (p *panelForm) check() form.Values {
	if p.form == nil {
		return p.values
	}
	clean, wrong := p.form.Check(p.values)
	p.wrong = wrong
	for _, name := range p.form.Unknown(p.values) {
		clean[name] = p.values[name]
	}
	return clean
}

// mark puts what is wrong beside the fields; f lists it on top of the page.
func (p *panelForm) mark(f *view.Form) {
	for _, w := range p.wrong {
		for i := range p.fields {
			field := &p.fields[i]
			switch {
			case field.Control != nil && field.Control.Name == "v."+w.Field:
				field.Control.Error = w.Text
			case field.Ticks != nil && field.Ticks.Name == "v."+w.Field:
				field.Error = w.Text
			}
		}
	}
	if len(p.wrong) > 0 && f.Problem == "" {
		f.Problem = "Not saved. " + p.panel + " needs " + many(len(p.wrong), "field", "fields") + " looked at: " + p.wrong[0].Text
	}
}
