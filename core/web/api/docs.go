package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
)

// note is what a program must know before its first request.
const note = `Send a token of your account in the header Authorization: Bearer. What it may do is said by its scopes.

Versions: what is here only grows. Fields, operations, filters and words of a list may be added at any time, so do not mind those that you do not know; nothing is taken away or renamed below ` + Base + `. What must break is served below a new address, beside the old one for at least a year.

Errors are application/problem+json (RFC 9457). code is stable, field names the input that is wrong, reference is for support. A field that is not in this document is refused.

Idempotency-Key: the same key with the same body has one effect and one answer, for 30 days. With another body it is refused with 422; while the first request is still running you get 409. What was refused may be sent again under its key.

Limits: RateLimit-Limit, RateLimit-Remaining and RateLimit-Reset say how many requests the token has left. 429 comes with Retry-After.

Lists: send next as after to read on. Money is in the smallest unit of its currency. Times are UTC, days are those of the business.`

// config is what huma works with. There is no hook that writes an address of the request's host into answers.
func (s *Site) config() huma.Config {
	json := huma.DefaultJSONFormat
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info:    &huma.Info{Title: "API", Version: "1", Description: note},
			Servers: []*huma.Server{{URL: s.Links.Storefront}},
			Components: &huma.Components{
				Schemas:         huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer", Description: "An API token"}},
			},
		},
		Formats: map[string]huma.Format{"application/json": json, "json": json}, DefaultFormat: "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{take},
	}
}

// describe makes the document, and the page of it.
func (s *Site) describe() (err error) {
	doc := s.huma.OpenAPI()
	for _, own := range []string{"ErrorModel", "ErrorDetail"} { // huma's; ours is Problem
		delete(doc.Components.Schemas.Map(), own)
	}
	if s.doc, err = doc.MarshalJSON(); err != nil {
		return fmt.Errorf("describe the API: %w", err)
	}
	s.page = pageOf(doc)
	return nil
}

func (s *Site) docs() []route.Route {
	open := func(path string, h echo.HandlerFunc) route.Route {
		return route.Route{Method: http.MethodGet, Path: Base + path, Handler: h, Who: route.Anyone(), Rate: route.Page, Shared: true}
	}
	return []route.Route{
		open("/openapi.json", func(c echo.Context) error {
			c.Response().Header().Set("Cache-Control", "public, max-age=300")
			return c.Blob(http.StatusOK, "application/openapi+json;version=3.1", s.doc)
		}),
		open("/docs", func(c echo.Context) error {
			page := s.page // a copy: each visitor's has a head of his own
			return view.Render(c, http.StatusOK, "storefront/api.html", &page)
		}),
	}
}

// docsPage is the document for people.
type docsPage struct {
	view.Page
	Notes    []string // paragraphs
	Document string   // address of the document
	Sections []docsSection
	Shapes   []docsShape // named types, by name
}

// docsSection is the operations of one subject.
type docsSection struct {
	Name, Anchor string
	Operations   []docsOperation
}

// docsOperation is one operation.
type docsOperation struct {
	Anchor, Method, Path string
	Says                 string
	More                 []string // paragraphs
	Inputs               []docsField
	Body, Answer         string // names of shapes, "" for none
	BodyLink, AnswerLink string
	Status               string
}

// docsShape is a named type.
type docsShape struct {
	Name, Anchor string
	Fields       []docsField
}

// docsField is an input or a field.
type docsField struct {
	Name, Type, Text string
	In               string // path, query, header; "" in a shape
	Link             string // to the shape of its type, "" for none
	Needed           bool
}

func pageOf(doc *huma.OpenAPI) docsPage {
	p := docsPage{Page: view.Page{Title: "API", Description: "The REST interface for programs", Current: Base + "/docs"}, Notes: strings.Split(note, "\n\n"), Document: Base + "/openapi.json"}
	section := map[string]int{}
	var paths []string
	for path := range doc.Paths {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	for _, path := range paths {
		item := doc.Paths[path]
		for _, op := range []*huma.Operation{item.Get, item.Post} {
			if op == nil {
				continue
			}
			tag := op.Tags[0]
			at, ok := section[tag]
			if !ok {
				at = len(p.Sections)
				section[tag] = at
				p.Sections = append(p.Sections, docsSection{Name: tag, Anchor: anchor(tag)})
			}
			p.Sections[at].Operations = append(p.Sections[at].Operations, operationOf(op))
		}
	}
	slices.SortStableFunc(p.Sections, func(a, b docsSection) int { // customers' first
		if sa, sb := strings.HasPrefix(a.Name, "Staff"), strings.HasPrefix(b.Name, "Staff"); sa != sb {
			if sb {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	})
	for name, s := range doc.Components.Schemas.Map() {
		p.Shapes = append(p.Shapes, docsShape{Name: name, Anchor: anchor(name), Fields: fieldsOf(s)})
	}
	slices.SortFunc(p.Shapes, func(a, b docsShape) int { return strings.Compare(a.Name, b.Name) })
	return p
}

func anchor(name string) string {
	return "t-" + strings.NewReplacer(" ", "-", ":", "").Replace(strings.ToLower(name))
}

func operationOf(op *huma.Operation) docsOperation {
	out := docsOperation{Anchor: op.OperationID, Method: op.Method, Path: op.Path, Says: op.Summary, More: strings.Split(op.Description, "\n\n")}
	for _, in := range op.Parameters {
		f := fieldOf(in.Name, in.Schema, in.Required)
		f.In = in.In
		if f.Text == "" {
			f.Text = in.Description
		}
		out.Inputs = append(out.Inputs, f)
	}
	if op.RequestBody != nil {
		out.Body, out.BodyLink = typeOf(op.RequestBody.Content["application/json"].Schema)
	}
	for _, status := range []string{"200", "201", "202"} {
		r := op.Responses[status]
		if r == nil {
			continue
		}
		out.Status = status
		for kind, content := range r.Content {
			if out.Answer, out.AnswerLink = typeOf(content.Schema); out.AnswerLink == "" {
				out.Answer = kind
			}
		}
	}
	return out
}

func fieldsOf(s *huma.Schema) []docsField {
	var names []string
	for name := range s.Properties {
		names = append(names, name)
	}
	slices.Sort(names)
	var out []docsField
	for _, name := range names {
		out = append(out, fieldOf(name, s.Properties[name], slices.Contains(s.Required, name)))
	}
	return out
}

func fieldOf(name string, s *huma.Schema, needed bool) docsField {
	f := docsField{Name: name, Text: s.Description, Needed: needed}
	f.Type, f.Link = typeOf(s)
	of := s
	if s.Items != nil {
		of = s.Items
	}
	if len(of.Enum) > 0 {
		f.Type += ": " + words(of.Enum)
	}
	return f
}

func words(list []any) string {
	var out []string
	for _, v := range list {
		out = append(out, fmt.Sprint(v))
	}
	return strings.Join(out, ", ")
}

// typeOf names a type, and where on the page it is described.
func typeOf(s *huma.Schema) (name, link string) {
	switch {
	case s == nil:
		return "", ""
	case s.Ref != "":
		name = s.Ref[strings.LastIndex(s.Ref, "/")+1:]
		return name, "#" + anchor(name)
	case s.Type == huma.TypeArray:
		name, link = typeOf(s.Items)
		return "list of " + name, link
	case s.Type == huma.TypeObject:
		if of, ok := s.AdditionalProperties.(*huma.Schema); ok {
			name, link = typeOf(of)
			return "map of " + name, link
		}
	case s.Format != "" && s.Type == huma.TypeString:
		return s.Format, ""
	}
	return s.Type, ""
}
