package api

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/platform/idempotency"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/sdk/fault"
)

var (
	errCustomers = fault.New(fault.Forbidden, "customer_token_needed", "This is for customers. Use a token that was made in a customer's account.")
	errQuery     = fault.New(fault.Invalid, "query_unreadable", "What comes after the question mark cannot be read.")
	errStaff     = fault.New(fault.Forbidden, "staff_token_needed", "This is for staff.")
)

// table is what huma takes for a router. It makes a route of each operation, so that all of them are in the one table
// of routes, and served by it.
type table struct {
	site   *Site
	routes []route.Route
}

// Handle takes an operation in.
func (t *table) Handle(op *huma.Operation, handler func(huma.Context)) {
	o := op.Metadata["operation"].(operation)
	path := strings.NewReplacer("{", ":", "}", "").Replace(op.Path)
	t.routes = append(t.routes, route.Route{
		Method: op.Method, Path: path, Who: o.who(), Rate: route.API, Shared: o.open, NoCSRF: o.open && op.Method != get,
		Handler: func(c echo.Context) error { return t.site.serve(c, o, op, handler) },
	})
}

// ServeHTTP serves nothing: the table of routes does.
func (t *table) ServeHTTP(res http.ResponseWriter, _ *http.Request) { http.NotFound(res, nil) }

// serve is the way from a route to a handler and back.
func (s *Site) serve(c echo.Context, o operation, op *huma.Operation, handler func(huma.Context)) error {
	a := auth.Of(c.Request().Context())
	switch {
	case o.open:
	case o.staff && a.Kind != auth.StaffKind:
		return errStaff
	case !o.staff && (a.Kind != auth.CustomerKind || a.Customer == ""):
		return errCustomers
	}
	if _, err := url.ParseQuery(c.Request().URL.RawQuery); err != nil { // else what cannot be read is left out
		return errQuery.Because(err)
	}
	body, err := io.ReadAll(c.Request().Body) // the route bounds it
	if err != nil {
		return err
	}
	if err := checkJSON(body); err != nil {
		return err
	}
	ctx := c.Request().Context()
	if o.long {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(context.WithoutCancel(ctx), longest)
		defer stop()
		_ = http.NewResponseController(c.Response()).SetWriteDeadline(time.Time{}) // a recorder of a test has none
	}
	work := func(ctx context.Context) (idempotency.Answer, error) {
		k := &call{op: op, echo: c, ctx: ctx, body: body, header: http.Header{}}
		if handler(k); k.err != nil {
			return idempotency.Answer{}, k.err
		}
		if name := k.header.Get(echo.HeaderContentDisposition); name != "" {
			c.Response().Header().Set(echo.HeaderContentDisposition, name)
		}
		return idempotency.Answer{Status: k.status, Type: k.header.Get(echo.HeaderContentType), Body: k.out.Bytes()}, nil
	}
	answer, err := s.once(ctx, c, o, body, work)
	if err != nil {
		return err
	}
	return c.Blob(answer.Status, answer.Type, answer.Body)
}

// once has the work done, once for each key that the caller gave it.
func (s *Site) once(ctx context.Context, c echo.Context, o operation, body []byte, work func(context.Context) (idempotency.Answer, error)) (idempotency.Answer, error) {
	name := c.Request().Header.Get(idempotency.Header)
	switch {
	case o.key == mustKey && name == "":
		return idempotency.Answer{}, idempotency.ErrMissing
	case o.key == noKey || name == "":
		return work(ctx)
	}
	a := auth.Of(ctx)
	r := idempotency.Request{Caller: a.Person(), Route: o.method + " " + Base + o.path, Key: name, Whole: o.whole,
		Body: []byte(strings.Join([]string{string(a.Customer), c.Request().URL.RequestURI(), string(body)}, "\n"))}
	if o.long {
		r.Patience = longest + time.Minute
	}
	return s.Keys.Do(ctx, r, work)
}

// call is a request as huma sees it. The answer is written down and not sent: what is refused is told by the one error
// handler of all sites.
type call struct {
	op     *huma.Operation
	echo   echo.Context
	ctx    context.Context
	body   []byte
	header http.Header
	status int
	out    bytes.Buffer
	err    error
}

func (k *call) Operation() *huma.Operation { return k.op }
func (k *call) Context() context.Context   { return k.ctx }
func (k *call) TLS() *tls.ConnectionState  { return k.echo.Request().TLS }
func (k *call) Method() string             { return k.echo.Request().Method }
func (k *call) Host() string               { return k.echo.Request().Host }
func (k *call) RemoteAddr() string         { return k.echo.Request().RemoteAddr }
func (k *call) URL() url.URL               { return *k.echo.Request().URL }
func (k *call) Param(name string) string   { return k.echo.Param(name) }
func (k *call) Query(name string) string   { return k.echo.QueryParam(name) }
func (k *call) Header(name string) string  { return k.echo.Request().Header.Get(name) }
func (k *call) BodyReader() io.Reader      { return bytes.NewReader(k.body) }
func (k *call) BodyWriter() io.Writer      { return &k.out }
func (k *call) Status() int                { return k.status }
func (k *call) SetStatus(code int)         { k.status = code }

func (k *call) SetHeader(name, value string)    { k.header.Set(name, value) }
func (k *call) AppendHeader(name, value string) { k.header.Add(name, value) }

// SetReadDeadline does nothing: the body is here.
func (k *call) SetReadDeadline(time.Time) error { return nil }

func (k *call) GetMultipartForm() (*multipart.Form, error) { return nil, http.ErrNotMultipart }

func (k *call) EachHeader(each func(name, value string)) {
	for name, values := range k.echo.Request().Header {
		for _, v := range values {
			each(name, v)
		}
	}
}

func (k *call) Version() huma.ProtoVersion {
	r := k.echo.Request()
	return huma.ProtoVersion{Proto: r.Proto, ProtoMajor: r.ProtoMajor, ProtoMinor: r.ProtoMinor}
}
