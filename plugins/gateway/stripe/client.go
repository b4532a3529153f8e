package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	stripe "github.com/stripe/stripe-go/v76"

	"github.com/ezscale/bursar/sdk/fault"
)

// bodyLimit is the most that is read of one answer.
const bodyLimit = 8 << 20

// guard turns what is not Stripe's API speaking (no connection, a redirect, a
// page of HTML, half an answer) into faults before stripe-go sees it: it would
// take a redirect for success and read an answer of any size.
type guard struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (g guard) RoundTrip(r *http.Request) (*http.Response, error) {
	change := r.Method != http.MethodGet
	if change {
		// Go's transport repeats what has a key by itself when the connection is cut. The host does that, and looks first.
		once := *r
		once.GetBody = nil
		r = &once
	}
	answer, err := g.next.RoundTrip(r)
	if err != nil {
		return nil, unreached(err, change)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, bodyLimit+1))
	switch {
	case err != nil:
		return nil, doubt(change, "cut_off", fmt.Errorf("the answer broke off: %w", err))
	case len(body) > bodyLimit:
		return nil, doubt(change, "too_long", errors.New("the answer is longer than 8 MiB"))
	case answer.StatusCode/100 == 3:
		return nil, fault.New(fault.Forbidden, "redirected", "").Because(fmt.Errorf("status %d: this is not Stripe's API", answer.StatusCode))
	case answer.StatusCode/100 == 2 && !object(body):
		return nil, doubt(change, "unreadable", fmt.Errorf("status %d with a body that is no object of Stripe's", answer.StatusCode))
	case answer.StatusCode >= 400 && !spoken(body):
		return nil, unspoken(answer, change)
	case answer.StatusCode == http.StatusTooManyRequests:
		// Read here, as stripe-go drops the header.
		return nil, fault.New(fault.Unavailable, "rate_limit", "").Because(errors.New("429: too many requests")).Retry(after(answer, 5*time.Second))
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return answer, nil
}

// object reports whether a body is an object of Stripe's: all of them say which.
func object(body []byte) bool {
	var o struct{ Object string }
	return json.Unmarshal(body, &o) == nil && o.Object != ""
}

// spoken reports whether a body is an error of Stripe's own.
func spoken(body []byte) bool {
	var e struct {
		Error *struct{ Type, Message string } `json:"error"`
	}
	return json.Unmarshal(body, &e) == nil && e.Error != nil && e.Error.Type+e.Error.Message != ""
}

// unspoken is an error status from something that is not Stripe's API. A 404
// of a proxy says nothing about a payment, so it is never NotFound.
func unspoken(answer *http.Response, change bool) error {
	cause := fmt.Errorf("status %d with a body that is not Stripe's", answer.StatusCode)
	switch answer.StatusCode {
	case 401, 403:
		return fault.New(fault.Forbidden, "refused", "").Because(cause)
	case 429, 503:
		return fault.New(fault.Unavailable, "busy", "").Because(cause).Retry(after(answer, 30*time.Second))
	}
	return doubt(change, "no_answer", cause)
}

// unreached sorts errors of the connection: what never got through did nothing.
func unreached(err error, change bool) error {
	if known := fault.Of(err); known != nil {
		return known
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return fault.New(fault.Unavailable, "unreachable", "").Because(err)
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return fault.New(fault.Unavailable, "unreachable", "").Because(err)
	}
	return doubt(change, "no_answer", err)
}

// doubt is Unknown for a change and Unavailable for a read.
func doubt(change bool, code string, cause error) *fault.Fault {
	kind := fault.Unavailable
	if change {
		kind = fault.Unknown
	}
	return fault.New(kind, code, "").Because(cause)
}

func after(answer *http.Response, or time.Duration) time.Duration {
	if n, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && n > 0 && n <= 3600 {
		return time.Duration(n) * time.Second
	}
	return or
}

// failure turns an error of stripe-go into a fault. Refused cards are handled
// before, where they are an outcome. Nil stays nil.
func failure(err error, change bool) error {
	if err == nil {
		return nil
	}
	if known := fault.Of(err); known != nil {
		return known
	}
	var said *stripe.Error
	if !errors.As(err, &said) {
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return doubt(change, "no_answer", err)
		}
		return doubt(change, "unreadable", err)
	}
	code := string(said.Code)
	if code == "" {
		code = string(said.Type)
	}
	because := fmt.Errorf("%d %s: %s (param %q, request %s)", said.HTTPStatusCode, code, said.Msg, said.Param, said.RequestID)
	switch {
	case said.HTTPStatusCode == 401 || said.HTTPStatusCode == 403:
		return fault.New(fault.Forbidden, code, "").Because(because)
	case said.Code == stripe.ErrorCodeResourceMissing:
		return fault.New(fault.NotFound, code, "").Because(because)
	case said.Code == stripe.ErrorCodeIdempotencyKeyInUse:
		// Our own earlier request is still under way there: what becomes of it is open.
		return fault.New(fault.Unknown, code, "").Because(because).Retry(10 * time.Second)
	case said.Type == stripe.ErrorTypeIdempotency:
		// Asked before under this key, with other words: that may well have been done.
		return fault.New(fault.Unknown, "key_reused", "").Because(because)
	case said.HTTPStatusCode == 409:
		return fault.New(fault.Conflict, code, "").Because(because)
	case said.HTTPStatusCode == 429:
		return fault.New(fault.Unavailable, code, "").Because(because).Retry(5 * time.Second)
	case said.HTTPStatusCode == 503:
		return fault.New(fault.Unavailable, code, "").Because(because).Retry(30 * time.Second)
	case said.HTTPStatusCode >= 500:
		return doubt(change, code, because)
	case said.HTTPStatusCode == 402:
		return fault.New(fault.Declined, code, "").Because(because)
	case said.HTTPStatusCode == 404:
		// Without resource_missing the address was wrong, not the thing.
		return doubt(change, "wrong_address", because)
	}
	return fault.New(fault.Invalid, code, "").Because(because)
}

// said is Stripe's own error, or nil when it is not one.
func said(err error) *stripe.Error {
	var e *stripe.Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// replayed reports whether an answer is an old one, given again under the same
// key: it shows the thing as it was, not as it is.
func replayed(r *stripe.APIResponse) bool {
	return r != nil && r.Header.Get("Idempotent-Replayed") == "true"
}
