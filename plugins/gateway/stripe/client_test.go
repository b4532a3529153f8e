package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	stripe "github.com/stripe/stripe-go/v76"

	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/gateway"
)

func TestWhatStripesErrorsMean(t *testing.T) {
	said := func(status int, kind stripe.ErrorType, code stripe.ErrorCode) error {
		return &stripe.Error{HTTPStatusCode: status, Type: kind, Code: code, Msg: "…"}
	}
	tests := []struct {
		name         string
		err          error
		change, read fault.Kind
	}{
		{"nothing went wrong", nil, "", ""},
		{"a wrong key", said(401, stripe.ErrorTypeInvalidRequest, ""), fault.Forbidden, fault.Forbidden},
		{"a key without the right", said(403, stripe.ErrorTypeInvalidRequest, ""), fault.Forbidden, fault.Forbidden},
		{"a thing that is not there", said(404, stripe.ErrorTypeInvalidRequest, stripe.ErrorCodeResourceMissing), fault.NotFound, fault.NotFound},
		{"an address that is not there says nothing about the thing", said(404, stripe.ErrorTypeInvalidRequest, ""), fault.Unknown, fault.Unavailable},
		{"our own request is still under way", said(409, stripe.ErrorTypeIdempotency, stripe.ErrorCodeIdempotencyKeyInUse), fault.Unknown, fault.Unknown},
		{"the key was used with other words", said(400, stripe.ErrorTypeIdempotency, ""), fault.Unknown, fault.Unknown},
		{"a wrong parameter", said(400, stripe.ErrorTypeInvalidRequest, stripe.ErrorCodeParameterMissing), fault.Invalid, fault.Invalid},
		{"too many requests", said(429, stripe.ErrorTypeInvalidRequest, stripe.ErrorCodeRateLimit), fault.Unavailable, fault.Unavailable},
		{"the object is locked", said(429, stripe.ErrorTypeInvalidRequest, stripe.ErrorCodeLockTimeout), fault.Unavailable, fault.Unavailable},
		{"Stripe's own fault leaves open what was done", said(500, stripe.ErrorTypeAPI, ""), fault.Unknown, fault.Unavailable},
		{"Stripe is closed", said(503, stripe.ErrorTypeAPI, ""), fault.Unavailable, fault.Unavailable},
		{"the caller went away", fmt.Errorf("post: %w", context.Canceled), fault.Unknown, fault.Unavailable},
		{"what nobody understands", errors.New("unexpected end of JSON input"), fault.Unknown, fault.Unavailable},
		{"a fault of the guard stays", fmt.Errorf("post: %w", fault.New(fault.Unavailable, "no_connection", "")), fault.Unavailable, fault.Unavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if have := fault.KindOf(failure(tt.err, true)); have != tt.change {
				t.Errorf("a change: have %q, want %q", have, tt.change)
			}
			if have := fault.KindOf(failure(tt.err, false)); have != tt.read {
				t.Errorf("a read: have %q, want %q", have, tt.read)
			}
		})
	}
}

func TestNoDeclineTellsTheThief(t *testing.T) {
	for code, r := range readings {
		for _, word := range []string{"stolen", "lost", "fraud", "blacklist", "pick"} {
			if strings.Contains(strings.ToLower(r.text), word) {
				t.Errorf("%s says %q", code, r.text)
			}
		}
	}
}

func TestTheNarrowerWordOfADeclineCounts(t *testing.T) {
	tests := []struct {
		name  string
		said  stripe.Error
		class gateway.Class
		code  string
	}{
		{"the bank's code before Stripe's", stripe.Error{Code: "card_declined", DeclineCode: "lost_card"}, gateway.Hard, "lost_card"},
		{"Stripe's where the bank says nothing", stripe.Error{Code: "expired_card"}, gateway.Hard, "expired_card"},
		{"a code that is not known is tried again", stripe.Error{Code: "card_declined", DeclineCode: "full_moon"}, gateway.Soft, "full_moon"},
		{"authentication", stripe.Error{Code: "authentication_required", DeclineCode: "authentication_required"}, gateway.Authenticate, "authentication_required"},
		{"advice not to try again", stripe.Error{
			Code: "card_declined", DeclineCode: "generic_decline",
			APIResource: stripe.APIResource{LastResponse: &stripe.APIResponse{RawJSON: []byte(`{"error":{"advice_code":"do_not_try_again"}}`)}},
		}, gateway.Hard, "generic_decline"},
		{"no code at all", stripe.Error{Type: stripe.ErrorTypeCard}, gateway.Soft, "card_error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if d := refusal(&tt.said); d.Class != tt.class || d.Code != tt.code || d.Text == "" {
				t.Errorf("have %+v, want %s %s", *d, tt.class, tt.code)
			}
		})
	}
}
