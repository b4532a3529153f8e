package api

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
)

// operation is what may be asked: how its route is declared, and what the document says about it.
type operation struct {
	id, method, path string // path below Base: /orders/{id}
	scope            auth.Right
	open             bool // anybody may ask, without a token
	staff            bool // for staff; all others are for customers
	status           int  // of the answer; 0 is 200
	key              key
	whole            bool // changes nothing but the database, and is not safe to repeat by itself
	long             bool // may take minutes: the answer waits for it
	tag, says, more  string
	file             string // content type of an answer that is no JSON
}

// key says whether the request names itself, so that it has one effect.
type key int

const (
	noKey key = iota
	mayKey
	mustKey // it moves money
)

// longest is how long an operation that is long may take.
const longest = 20 * time.Minute

// who is who may ask, as the table of routes says it.
func (o operation) who() route.Who {
	if o.open {
		return route.Anyone()
	}
	return route.Token(o.scope)
}

// huma is the operation as the document has it.
func (o operation) huma(problem *huma.Schema) huma.Operation {
	out := huma.Operation{
		OperationID: o.id, Method: o.method, Path: Base + o.path, DefaultStatus: o.status, Summary: o.says, Description: o.more, Tags: []string{o.tag},
		MaxBodyBytes: 2 * route.MaxBody, // the route's own limit is the one that counts
		Metadata:     map[string]any{"operation": o},
		Responses:    map[string]*huma.Response{"default": {Description: "Refused, or failed", Content: map[string]*huma.MediaType{"application/problem+json": {Schema: problem}}}},
		Security:     []map[string][]string{},
	}
	if !o.open {
		out.Security = []map[string][]string{{"token": {string(o.scope)}}}
		out.Description = strings.TrimSpace(out.Description + "\n\nScope: " + string(o.scope) + ".")
	}
	if o.file != "" {
		out.Responses["200"] = &huma.Response{Description: "The file", Content: map[string]*huma.MediaType{o.file: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}}
	}
	return out
}

// add declares an operation with its handler. The types of what goes in and comes out are its description.
func add[I, O any](s *Site, o operation, handle func(ctx context.Context, in *I) (O, error)) {
	huma.Register(s.huma, o.huma(s.problem()), func(ctx context.Context, in *I) (*struct{ Body O }, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, &failed{err}
		}
		return &struct{ Body O }{out}, nil
	})
}

// file is an answer that is no JSON.
type file struct {
	Type string `header:"Content-Type" hidden:"true"`
	Name string `header:"Content-Disposition" hidden:"true"`
	Body []byte
}

func addFile[I any](s *Site, o operation, handle func(ctx context.Context, in *I) (*file, error)) {
	huma.Register(s.huma, o.huma(s.problem()), func(ctx context.Context, in *I) (*file, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, &failed{err}
		}
		return out, nil
	})
}

func (s *Site) problem() *huma.Schema {
	return s.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[view.Problem](), true, "Problem")
}

// Methods of operations.
const (
	get  = http.MethodGet
	post = http.MethodPost
)

// Keyed is the header by which a request names itself. The adapter sees to it; the handler makes the key of the use
// case from it.
type Keyed struct {
	Key string `header:"Idempotency-Key" maxLength:"100" doc:"Names this request. The same key with the same body has one effect and one answer, for 30 days."`
}

// MustKeyed is Keyed for what moves money: without the header it is refused.
type MustKeyed struct {
	Key string `header:"Idempotency-Key" required:"true" maxLength:"100" doc:"Names this request. The same key with the same body has one effect and one answer, for 30 days."`
}

// Nothing is the body of a request that says nothing.
type Nothing struct{}

// requestKey names a request to a use case: the same request of the same caller has the same one, also if our record
// of it was lost. Without a key of the caller's every request is another.
func requestKey(ctx context.Context, operation, key string) string {
	if key == "" {
		return "api:" + rand.Text()
	}
	a := auth.Of(ctx)
	sum := sha256.Sum256([]byte(strings.Join([]string{a.Person(), string(a.Customer), operation, key}, "\n")))
	return "api:" + hex.EncodeToString(sum[:24])
}
