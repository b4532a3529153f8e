// Package rest calls a JSON API and turns what went wrong into faults by one table, so that doubt is never success or
// failure. Start at Client.Do.
//
//	what happened                                a change       a read (GET, HEAD)
//	could not connect                            Unavailable    Unavailable
//	cut, timed out, other 5xx, unreadable 2xx    Unknown        Unavailable
//	400 422                                      Invalid        Invalid
//	401 403 3xx                                  Forbidden      Forbidden
//	404 410                                      NotFound       NotFound
//	402 409                                      Conflict       Conflict
//	423 429 503                                  Unavailable with Retry-After, both
//	other 4xx                                    Declined       Declined
package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ezscale/bursar/sdk/fault"
)

// Limit is how much of an answer is read, in bytes: 8 MiB.
const Limit = 8 << 20

// Client is a JSON API. The zero HTTP is a client of its own that follows no redirects; plugins pass Env.HTTP.
type Client struct {
	HTTP *http.Client
	Base string // without a trailing slash
	Auth func(*http.Request)
	// Why reads the vendor's own error text for Detail, from any answer that is not 2xx. Nil: the first lines of the body.
	Why func(status int, body []byte) string
}

// Do sends in as JSON (nil: no body; io.Reader: as it is, with Auth setting the type) and reads the answer into out (nil:
// dropped; *[]byte: raw). An empty answer is fine and leaves out alone. path begins with a slash and may hold a query.
// Errors: a *fault.Fault by the table above; its Code is "http_<status>", "no_connection", "no_answer", "unreadable_answer"
// or "answer_too_large".
func (c Client) Do(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	kind := ""
	switch b := in.(type) {
	case nil:
	case io.Reader:
		body = b
	default:
		data, err := json.Marshal(in)
		if err != nil {
			return fault.New(fault.Internal, "unwritable_request", "").Because(err)
		}
		body, kind = bytes.NewReader(data), "application/json"
	}
	var connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})
	req, err := http.NewRequestWithContext(ctx, method, c.Base+path, body)
	if err != nil {
		return fault.New(fault.Invalid, "bad_address", "").Because(err)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	req.Header.Set("Accept", "application/json")
	if c.Auth != nil {
		c.Auth(req)
	}
	client := c.HTTP
	if client == nil {
		client = lone
	}
	res, err := client.Do(req)
	if err != nil {
		return Broken(method, connected.Load(), err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, Limit+1))
	if res.StatusCode < 200 || res.StatusCode > 299 { // the status alone decides: how much of the text arrived does not matter
		return c.refused(method, res, data)
	}
	switch {
	case err != nil:
		return Broken(method, true, err)
	case len(data) > Limit:
		return doubt(method, "answer_too_large").Because(fmt.Errorf("more than %d bytes", Limit))
	case out == nil || len(bytes.TrimSpace(data)) == 0:
		return nil
	}
	if raw, ok := out.(*[]byte); ok {
		*raw = data
		return nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return doubt(method, "unreadable_answer").Because(fmt.Errorf("%w, in %q", err, excerpt(data)))
	}
	return nil
}

// lone serves Clients without one. Plugins never use it.
var lone = &http.Client{
	Timeout:       20 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// refused turns an answer that is no success into a fault.
func (c Client) refused(method string, res *http.Response, body []byte) error {
	f := Status(method, res.StatusCode)
	if f.Kind == fault.Unavailable {
		f = f.Retry(retryAfter(res.Header))
	}
	why := ""
	if c.Why != nil {
		why = c.Why(res.StatusCode, body)
	}
	if why == "" {
		why = excerpt(body)
	}
	f.Detail = fault.Cut(strings.TrimSpace(fmt.Sprintf("%s %s: %d %s", method, res.Request.URL.Path, res.StatusCode, why)), fault.DetailLimit)
	return f
}

// Status is the fault of an HTTP status that is not 2xx, by the table of the package. For vendors' own clients.
func Status(method string, status int) *fault.Fault {
	code := "http_" + strconv.Itoa(status)
	kind := fault.Declined
	switch {
	case status == 400 || status == 422:
		kind = fault.Invalid
	case status == 401 || status == 403 || status >= 300 && status < 400:
		kind = fault.Forbidden
	case status == 404 || status == 410:
		kind = fault.NotFound
	case status == 402 || status == 409:
		kind = fault.Conflict
	case status == 423 || status == 429 || status == 503:
		kind = fault.Unavailable
	case status >= 500 || status < 200:
		return doubt(method, code)
	}
	return fault.New(kind, code, "")
}

// Broken is the fault of an exchange that ended without an answer. connected says whether the request may have been sent.
// A fault in err's chain is kept: Env.HTTP's own errors are faults already. For vendors' own clients.
func Broken(method string, connected bool, err error) *fault.Fault {
	if f := fault.Of(err); f != nil {
		return f
	}
	var tooLong interface{ Timeout() bool }
	code := "no_answer"
	if errors.As(err, &tooLong) && tooLong.Timeout() {
		code = "timed_out"
	}
	if !connected {
		return fault.New(fault.Unavailable, "no_connection", "").Because(err)
	}
	return doubt(method, code).Because(err)
}

// doubt is Unknown for what may have changed something, Unavailable for a read.
func doubt(method, code string) *fault.Fault {
	if method == http.MethodGet || method == http.MethodHead {
		return fault.New(fault.Unavailable, code, "")
	}
	return fault.New(fault.Unknown, code, "")
}

// retryAfter reads the header in either of its forms (RFC 9110, 10.2.3), at most an hour.
func retryAfter(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	after := time.Duration(0)
	if n, err := strconv.Atoi(v); err == nil {
		after = time.Duration(min(n, 3600)) * time.Second
	} else if at, err := http.ParseTime(v); err == nil {
		sent, err := http.ParseTime(h.Get("Date"))
		if err == nil {
			after = at.Sub(sent) // by the vendor's own clock
		}
	}
	return min(max(after, 0), time.Hour)
}

// excerpt is the beginning of an answer on one line.
func excerpt(body []byte) string {
	return fault.Cut(strings.Join(strings.Fields(string(body[:min(len(body), 600)])), " "), 300)
}
