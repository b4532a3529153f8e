// Package notify owns what is said to people: mails to customers and short notices to staff channels.
// A message is rendered and saved once for each document, step, channel and recipient, in the transaction
// of its cause; a job carries it out through a notifier plugin or the built-in SMTP. When to say what is
// decided in core/flow. Start at Service.Queue; one delivery is read in send.go.
package notify

import (
	"context"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/notifier"
)

// Errors of this package.
var (
	ErrNotFound = fault.New(fault.NotFound, "message_not_found", "That message does not exist.")
	ErrWaiting  = fault.New(fault.Conflict, "message_waiting", "That message is still on its way.")
)

// Channel is the way a message goes.
type Channel string

// The channels.
const (
	Mail Channel = "mail"
	Post Channel = "post"
)

// Message asks for one message. OnceKey makes it once: the same key again changes nothing.
type Message struct {
	OnceKey  string // document, step, channel, recipient; at most 190 characters
	Customer ids.Customer
	Channel  Channel
	Instance string // plugin instance; "" is the built-in SMTP, for mail
	Template string // for mail: name of a mail template
	Subject  string // ID of the thing that it is about
	ToName   string
	To       string // mail address; for posts ""
	Locale   string
	Data     map[string]any // for mail: what the template may print
	Notice   notifier.Post  // for post
}

// Entry is a message in the log.
type Entry struct {
	ID       ids.Mail
	Customer ids.Customer
	Channel  Channel
	Instance string
	Template string
	Subject  string // ID of the thing that it is about
	ToName   string
	To       string
	Title    string
	Text     string
	HTML     string
	Level    string
	Fields   [][2]string
	State    State
	Attempts int
	Receipt  string
	Error    string
	Created  time.Time
	Sent     time.Time
	Version  int64
	onceKey  string
	tried    time.Time // when it was handed over first
}

// Filter narrows the log. Zero fields do not.
type Filter struct {
	Customer ids.Customer
	Channel  Channel
	States   []State
	Query    string // part of the title or of the address
	After    string
	Limit    int // 1 to 200; 0 is 50
}

// Page is one page of the log, newest first.
type Page struct {
	List  []Entry
	Next  string
	Total int
}

// Rendered is a mail ready to go.
type Rendered struct{ Subject, Text, HTML string }

// Renderer turns a template into a mail.
type Renderer interface {
	Mail(ctx context.Context, template, locale string, data map[string]any) (Rendered, error)
}

// Carriers finds who carries messages. A dead plugin answers fault.Unavailable, from here or from its calls.
type Carriers interface {
	Mailer(instance string) (notifier.Mailer, error)
	Poster(instance string) (notifier.Poster, error)
}
