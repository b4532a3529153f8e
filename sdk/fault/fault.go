// Package fault is the error vocabulary from plugin to page: what the caller can do about an error is its Kind. On the
// wire the kind is the gRPC code in brackets, the rest a detail of the status. Start at Fault.
package fault

import (
	"errors"
	"strings"
	"time"
	"unicode/utf8"
)

// Kind says what the caller can do about it.
type Kind string

// The kinds, each with its gRPC code.
const (
	Invalid     Kind = "invalid"     // the input is wrong; Field says where [InvalidArgument]
	NotFound    Kind = "not_found"   // certain that it does not exist [NotFound]
	Conflict    Kind = "conflict"    // not in this state: read, then decide [Aborted]
	Forbidden   Kind = "forbidden"   // our credentials or rights: staff must act, stop calling [PermissionDenied]
	Declined    Kind = "declined"    // refused for a reason of trade (stock, limit, needs_person): a retry alone won't help [FailedPrecondition]
	Unavailable Kind = "unavailable" // nothing was done; again after After [Unavailable]
	Unknown     Kind = "unknown"     // it may have been done [Unknown]
	Unsupported Kind = "unsupported" // this installation of the vendor cannot [Unimplemented]
	Internal    Kind = "internal"    // a bug [Internal]
)

// DetailLimit is the longest Detail and Text that travel, in bytes.
const DetailLimit = 1000

// Fault is an error with a kind. Its text is the only text of an error that a person may be shown.
type Fault struct {
	Kind   Kind
	Code   string        // stable, snake_case: "out_of_stock"
	Text   string        // for customers; "" shows the standard sentence of the kind
	Detail string        // for staff, at most 1 kB; secrets are masked on the way
	Field  string        // the setting or input that is wrong, by name
	After  time.Duration // when to try again; zero: the caller's own schedule
	cause  error
}

// New makes a fault. Text may be "" where no customer can meet it.
func New(kind Kind, code, text string) *Fault { return &Fault{Kind: kind, Code: code, Text: text} }

// KindOf is the kind of the first fault in err's chain: "" for nil, Internal for what is no fault.
func KindOf(err error) Kind {
	var f *Fault
	switch {
	case err == nil:
		return ""
	case errors.As(err, &f) && f != nil:
		return f.Kind
	}
	return Internal
}

// Of is the first fault in err's chain, nil if there is none.
func Of(err error) *Fault {
	var f *Fault
	if errors.As(err, &f) {
		return f
	}
	return nil
}

// Because is a copy with the cause, for errors.Is and the log. Detail becomes the cause's text if it was empty.
func (f *Fault) Because(cause error) *Fault {
	g := *f
	g.cause = cause
	if g.Detail == "" && cause != nil {
		g.Detail = Cut(cause.Error(), DetailLimit)
	}
	return &g
}

// On is a copy that names the field that is wrong.
func (f *Fault) On(field string) *Fault {
	g := *f
	g.Field = field
	return &g
}

// Retry is a copy that says when to try again.
func (f *Fault) Retry(after time.Duration) *Fault {
	g := *f
	g.After = max(after, 0)
	return &g
}

// Error is for logs: kind, code, field and detail.
func (f *Fault) Error() string {
	var b strings.Builder
	b.WriteString(string(f.Kind))
	if f.Code != "" {
		b.WriteString(" " + f.Code)
	}
	if f.Field != "" {
		b.WriteString(" on " + f.Field)
	}
	if f.Detail != "" {
		b.WriteString(": " + f.Detail)
	} else if f.Text != "" {
		b.WriteString(": " + f.Text)
	}
	return b.String()
}

// Unwrap is the cause.
func (f *Fault) Unwrap() error { return f.cause }

// Is matches a fault of the same kind and code, on both sides of the wire.
func (f *Fault) Is(target error) bool {
	g, ok := target.(*Fault)
	return ok && g != nil && f.Kind == g.Kind && f.Code == g.Code
}

// Sentence is what a customer reads: Text, or the standard sentence of the kind.
func (f *Fault) Sentence() string {
	if f.Text != "" {
		return f.Text
	}
	return standard[f.Kind]
}

// standard is fit for every customer in every situation, so it promises nothing.
var standard = map[Kind]string{
	Invalid:     "Something in what you entered is not right.",
	NotFound:    "That does not exist.",
	Conflict:    "That is not possible right now.",
	Forbidden:   "That is not allowed.",
	Declined:    "That was refused.",
	Unavailable: "That is not available at the moment. Please try again later.",
	Unknown:     "We are checking whether that went through.",
	Unsupported: "That is not supported here.",
	Internal:    "Something went wrong.",
}

// Cut shortens a text to at most n bytes, never inside a character, and makes it valid UTF-8.
func Cut(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
