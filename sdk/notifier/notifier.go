// Package notifier carries what the host composed: mails and short posts. An instance is a Mailer or a Poster. Start at
// Mailer. The suite that every plugin passes is in notifiertest.
package notifier

import (
	"context"
	"time"

	"github.com/ezscale/bursar/sdk"
)

// Mailer hands a mail over; Op.ID is one (document, step, recipient). Declined: suppressed. Unknown is repeated only if
// Finder then says NotFound.
type Mailer interface {
	Mail(ctx context.Context, op sdk.Op, m Mail) (Receipt, error)
}

// Poster puts a short message into a channel; the channel is the instance. Forbidden: it is gone, the host switches it off.
type Poster interface {
	Post(ctx context.Context, op sdk.Op, p Post) (Receipt, error)
}

// Finder asks whether a message was taken. NotFound: surely not.
type Finder interface {
	FindMessage(ctx context.Context, op sdk.Op) (Receipt, error)
}

// Receiver reads what the vendor reports later. Faults as gateway.Receive.
type Receiver interface {
	Receive(ctx context.Context, w sdk.Webhook) ([]Delivery, error)
}

// Mail has ONE recipient. Files are at most 3 MiB together (the host links to larger ones). Header has no line breaks.
type Mail struct {
	From    Mailbox
	ReplyTo Mailbox
	To      Mailbox
	Subject string
	Text    string
	HTML    string
	Tag     string
	Header  map[string]string
	Files   []File
}

// Post is plain text which the plugin escapes; it mentions nobody. Too long is cut.
type Post struct {
	Title  string
	Text   string
	URL    string
	Level  string // info, good, warning, bad
	Fields [][2]string
}

// Mailbox is a name and an address.
type Mailbox struct{ Name, Address string }

// File is an attachment.
type File struct {
	Name string
	Type string
	Body []byte
}

// Receipt is the vendor's ID of what it took.
type Receipt struct{ ID string }

// Delivery is news about a message.
type Delivery struct {
	ID      string
	Op      string // "" if the vendor lost it
	Receipt string
	Address string
	Status  string // delivered, delayed, bounced, complained, unsubscribed
	Text    string
	Lasting bool // write there no more
	At      time.Time
}
