package wire

import (
	"context"
	"errors"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/ezscale/bursar/sdk/fault"
	pluginv1 "github.com/ezscale/bursar/sdk/proto/bursar/plugin/v1"
)

// kinds are the words of fault as gRPC codes.
var kinds = map[fault.Kind]codes.Code{
	fault.Invalid:     codes.InvalidArgument,
	fault.NotFound:    codes.NotFound,
	fault.Conflict:    codes.Aborted,
	fault.Forbidden:   codes.PermissionDenied,
	fault.Declined:    codes.FailedPrecondition,
	fault.Unavailable: codes.Unavailable,
	fault.Unknown:     codes.Unknown,
	fault.Unsupported: codes.Unimplemented,
	fault.Internal:    codes.Internal,
}

// detailRoom is what of Detail and Text travels: together with notes the headers must stay below 8 KiB.
const (
	detailRoom = 1000
	textRoom   = 500
	wordRoom   = 100
)

// Status is an error as it travels, with the notes and without the secrets. The gRPC message stays empty: everything is in
// the detail, once.
func Status(err error, keep *Keep, secrets []string) error {
	f := fault.Of(err)
	if f == nil {
		f = fault.New(fault.Internal, "unclassified", "").Because(err)
	}
	code, known := kinds[f.Kind]
	if !known {
		code = codes.Internal
	}
	detail := f.Detail
	if detail == "" && errors.Unwrap(f) != nil {
		detail = errors.Unwrap(f).Error()
	}
	s, failed := status.New(code, "").WithDetails(&pluginv1.Fault{
		Code:        fault.Cut(f.Code, wordRoom),
		Text:        fault.Cut(Mask(f.Text, secrets), textRoom),
		Detail:      fault.Cut(Mask(detail, secrets), detailRoom),
		Field:       fault.Cut(f.Field, wordRoom),
		AfterMillis: f.After.Milliseconds(),
		Kept:        keep.Out(),
	})
	if failed != nil {
		return status.Error(code, "")
	}
	return s.Err()
}

// Fault is what the host makes of a call's error: the plugin's own fault with the notes it sent along, or doubt.
func Fault(err error, effect Effect) (error, *pluginv1.Kept) {
	if err == nil {
		return nil, nil
	}
	s, fromGRPC := status.FromError(err)
	if fromGRPC {
		for _, d := range s.Details() {
			if detail, ok := d.(*pluginv1.Fault); ok {
				return &fault.Fault{
					Kind: kindOf(s.Code()), Code: detail.GetCode(), Text: detail.GetText(), Detail: detail.GetDetail(), Field: detail.GetField(),
					After: time.Duration(detail.GetAfterMillis()) * time.Millisecond,
				}, detail.GetKept()
			}
		}
		if s.Code() == codes.Unimplemented {
			return fault.New(fault.Unsupported, "older_plugin", "").Because(err), nil
		}
	}
	code := "plugin_gone"
	switch {
	case s.Code() == codes.DeadlineExceeded || errors.Is(err, context.DeadlineExceeded):
		code = "plugin_too_slow"
	case s.Code() == codes.Canceled || errors.Is(err, context.Canceled):
		code = "interrupted"
	case s.Code() == codes.ResourceExhausted:
		code = "message_too_large"
	}
	if effect == Change {
		return fault.New(fault.Unknown, code, "").Because(err), nil
	}
	return fault.New(fault.Unavailable, code, "").Because(err), nil
}

func kindOf(code codes.Code) fault.Kind {
	for kind, c := range kinds {
		if c == code {
			return kind
		}
	}
	return fault.Internal
}

// Mask replaces secrets in a text. Those shorter than four bytes are left: they would blot out everything.
func Mask(text string, secrets []string) string {
	for _, s := range secrets {
		if len(s) >= 4 {
			text = strings.ReplaceAll(text, s, "***")
		}
	}
	return text
}
