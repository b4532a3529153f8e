package api_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
)

// checker holds answers to the document, read anew as a stranger would.
type checker struct {
	doc      document
	registry huma.Registry
}

func newChecker(t *testing.T, w *world) *checker {
	t.Helper()
	doc, _ := w.document()
	r := readRegistry{huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer), map[string]*huma.Schema{}}
	for name, text := range doc.Components.Schemas {
		r.all[name] = readSchema(t, text)
	}
	return &checker{doc, r}
}

// readRegistry answers the schemas of the document instead of those of types.
type readRegistry struct {
	huma.Registry
	all map[string]*huma.Schema
}

func (r readRegistry) SchemaFromRef(ref string) *huma.Schema {
	return r.all[strings.TrimPrefix(ref, "#/components/schemas/")]
}

func (r readRegistry) Schema(reflect.Type, bool, string) *huma.Schema {
	panic("types are not known here")
}

// readSchema reads a schema of the document.
func readSchema(t *testing.T, text json.RawMessage) *huma.Schema {
	t.Helper()
	var in struct {
		Type                 any
		Ref                  string `json:"$ref"`
		Format, Pattern      string
		Enum                 []any
		Required             []string
		Properties           map[string]json.RawMessage
		Items                json.RawMessage
		AdditionalProperties json.RawMessage
	}
	if err := json.Unmarshal(text, &in); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	s := &huma.Schema{Ref: in.Ref, Format: in.Format, Pattern: in.Pattern, Enum: in.Enum, Required: in.Required}
	switch kind := in.Type.(type) {
	case string:
		s.Type = kind
	case []any:
		t.Errorf("may be null: %s", text)
	}
	if in.Properties != nil {
		s.Properties = map[string]*huma.Schema{}
		for name, p := range in.Properties {
			s.Properties[name] = readSchema(t, p)
		}
	}
	if in.Items != nil {
		s.Items = readSchema(t, in.Items)
	}
	switch string(in.AdditionalProperties) {
	case "":
	case "false":
		s.AdditionalProperties = false
	default:
		s.AdditionalProperties = readSchema(t, in.AdditionalProperties)
	}
	s.PrecomputeMessages()
	return s
}

// check says what in an answer is not as the document says.
func (c *checker) check(t *testing.T, method, path string, a answer) {
	t.Helper()
	op, pattern, ok := c.find(method, path)
	if !ok {
		t.Errorf("%s %s is not described", method, path)
		return
	}
	status := map[int]string{200: "200", 201: "201", 202: "202"}[a.Code]
	if status == "" {
		status = "default"
	}
	r, ok := op.Responses[status]
	if !ok {
		t.Errorf("%s %s: %d is not described", method, pattern, a.Code)
		return
	}
	content, ok := r.Content[a.Header.Get("Content-Type")]
	if !ok {
		t.Errorf("%s %s: %d with %s is not described", method, pattern, a.Code, a.Header.Get("Content-Type"))
		return
	}
	if !strings.HasSuffix(a.Header.Get("Content-Type"), "json") {
		return
	}
	var value any
	if err := json.Unmarshal(a.Body, &value); err != nil {
		t.Errorf("%s %s: %v", method, pattern, err)
		return
	}
	res := &huma.ValidateResult{}
	huma.Validate(c.registry, readSchema(t, content.Schema), huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, value, res)
	for _, err := range res.Errors {
		t.Errorf("%s %s: %v in %s", method, pattern, err, a.Body)
	}
}

// described is an operation of the document.
type described struct {
	OperationID string `json:"operationId"`
	Summary     string
	Tags        []string
	Security    []map[string][]string
	Parameters  []struct{ Name, In string }
	Responses   map[string]struct {
		Content map[string]struct{ Schema json.RawMessage }
	}
	RequestBody *struct{ Content map[string]json.RawMessage }
}

func (c *checker) find(method, path string) (op described, pattern string, ok bool) {
	path, _, _ = strings.Cut(path, "?")
	have := strings.Split("/api/v1"+path, "/")
	best := -1
	for p, item := range c.doc.Paths {
		want := strings.Split(p, "/")
		if len(want) != len(have) {
			continue
		}
		exact := 0
		for i := range want {
			switch {
			case want[i] == have[i]:
				exact++
			case !strings.HasPrefix(want[i], "{"):
				exact = -1000
			}
		}
		if d, there := item[strings.ToLower(method)]; there && exact > best {
			op, pattern, ok, best = d, p, true, exact
		}
	}
	return op, pattern, ok
}
