package view

import (
	"errors"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/sdk/fault"
)

// Kinds of fields. The zero value is a line of text.
const (
	Text     = "text"
	Email    = "email"
	Password = "password"
	Number   = "number"
	Search   = "search"
	Tel      = "tel"
	URL      = "url"
	Date     = "date"
	Textarea = "textarea"
	Select   = "select"
	Radio    = "radio"
	Check    = "checkbox"
	Hidden   = "hidden"
	File     = "file"
)

// Choice is one of the options of a select, a radio group or a sort. Off greys it out; Help says why or what.
type Choice struct {
	Value, Label, Help, Group string
	Off                       bool
}

// Field is a control with its label. Value is what is in it; for a Check, "1" is ticked.
type Field struct {
	Name, Label, Kind, Value string
	Help, Placeholder        string // Placeholder shows a format, never a label
	Autocomplete             string
	InputMode                string // numeric, decimal
	Options                  []Choice
	Optional, ReadOnly       bool
	Focus                    bool // the cursor starts here
	Wide                     bool // takes the whole row of a two-column form
	Rows                     int  // of a Textarea
	Min, Max, Step           string
	MaxLength                int
	Group                    string // a heading above this field
	GroupHelp                string
	Error                    string // what to write instead
	ID                       string // of the control; the name if empty
}

// Ref is the id of the control.
func (f Field) Ref() string {
	if f.ID != "" {
		return f.ID
	}
	return "f-" + strings.NewReplacer(".", "-", "[", "-", "]", "", " ", "-").Replace(f.Name)
}

// Type is the kind, text if none is set.
func (f Field) Type() string {
	if f.Kind == "" {
		return Text
	}
	return f.Kind
}

// Form is a set of fields, what was typed into them, and what is wrong with it.
type Form struct {
	Action, Submit string
	Method         string // post, or get
	Cancel         string // address of the way out, "" for none
	Danger         bool   // the button is red: it cannot be undone
	Columns        int    // 2 sets fields in two columns from 640 px
	Problem        string // what is wrong with the whole
	Fields         []*Field
	upload         bool
}

// NewForm makes a form that is posted to action.
func NewForm(action, submit string, fields ...Field) *Form {
	f := &Form{Action: action, Submit: submit, Method: "post"}
	f.Add(fields...)
	return f
}

// Add appends fields.
func (f *Form) Add(fields ...Field) {
	for i := range fields {
		field := fields[i]
		f.Fields = append(f.Fields, &field)
		f.upload = f.upload || field.Kind == File
	}
}

// Upload says whether the form carries files.
func (f *Form) Upload() bool { return f.upload }

// Field answers the field of a name, nil if there is none.
func (f *Form) Field(name string) *Field {
	for _, field := range f.Fields {
		if field.Name == name {
			return field
		}
	}
	return nil
}

// Get is what is in a field, without space around it; "" if there is no such field.
func (f *Form) Get(name string) string {
	if field := f.Field(name); field != nil {
		return field.Value
	}
	return ""
}

// Set puts a value into a field.
func (f *Form) Set(name, value string) {
	if field := f.Field(name); field != nil {
		field.Value = value
	}
}

// Read takes over what was posted, for the form's own fields only. Space around values is cut, except in
// passwords. A value that a select or radio group does not offer is an error at that field.
func (f *Form) Read(c echo.Context) {
	for _, field := range f.Fields {
		if field.ReadOnly || field.Kind == File {
			continue
		}
		v := c.FormValue(field.Name)
		if field.Kind != Password {
			v = strings.TrimSpace(v)
		}
		if field.Kind == Check && v != "" {
			v = "1"
		}
		if field.MaxLength > 0 && len([]rune(v)) > field.MaxLength {
			field.Error = "This is too long."
		}
		field.Value = v
		if (field.Kind == Select || field.Kind == Radio) && !field.offers(v) {
			field.Error = "Choose one of these."
		}
	}
}

func (f *Field) offers(value string) bool {
	if value == "" && f.Optional {
		return true
	}
	for _, o := range f.Options {
		if o.Value == value {
			return !o.Off
		}
	}
	return false
}

// Wrong marks a field: text says what to write. The first mark stays. Without such a field it is the form's.
func (f *Form) Wrong(name, text string) {
	field := f.Field(name)
	switch {
	case field == nil && f.Problem == "":
		f.Problem = text
	case field != nil && field.Error == "":
		field.Error = text
	}
}

// Need marks fields that are empty, with a sentence of their label.
func (f *Form) Need(names ...string) {
	for _, name := range names {
		if field := f.Field(name); field != nil && field.Value == "" {
			f.Wrong(name, field.Label+" is needed.")
		}
	}
}

// OK says whether nothing is wrong so far.
func (f *Form) OK() bool { return f.Problem == "" && len(f.Errors()) == 0 }

// Errors are the fields that are marked.
func (f *Form) Errors() []*Field {
	var out []*Field
	for _, field := range f.Fields {
		if field.Error != "" {
			out = append(out, field)
		}
	}
	return out
}

// Failed takes over an error that the person at the form can do something about: a fault that is invalid,
// declined, a conflict or forbidden lands at its field, or on top. It answers whether the form is to be shown
// again; any other error is not the form's, and the handler returns it.
func (f *Form) Failed(err error) bool {
	var fa *fault.Fault
	if errors.As(err, &fa) {
		switch fa.Kind {
		case fault.Invalid, fault.Declined, fault.Conflict, fault.Forbidden:
			text := fa.Text
			if text == "" {
				text = sentence(fa.Kind)
			}
			f.Wrong(fa.Field, text)
			return true
		}
	}
	return err == nil && !f.OK()
}
