// Package helpdesk shows and feeds a ticket system. Tickets stay there; the host keeps references and counts. Start at
// HelpDesk, then Draft and Ticket; powers.go has what only some desks can. This version of the host does not start plugins
// of this type.
package helpdesk

import (
	"context"
	"time"

	"github.com/ezscale/bursar/sdk"
)

// HelpDesk is what every desk does. Text is HTML of a small set (p br strong em a ul ol li blockquote code pre), cleaned by
// the host both ways. Changes for one customer never overlap, so the newest match since Op.Since is ours. Files: 3 MiB
// together.
type HelpDesk interface {
	sdk.Instance
	// Open files a ticket and makes the person there if need be.
	Open(ctx context.Context, op sdk.Op, d Draft) (Ticket, error)
	// Reply adds the customer's message.
	Reply(ctx context.Context, op sdk.Op, r Reply) (Message, error)
	// Tickets lists, newest change first, 50 a page; next "" is the end. The host asks each minute for Since, overlapping by
	// five: webhooks only make it faster.
	Tickets(ctx context.Context, q Query) (list []Ticket, next string, err error)
	// Ticket reads one with what its customer may see: never notes or drafts.
	Ticket(ctx context.Context, id string) (Ticket, []Message, error)
	// File reads an attachment; over 3 MiB is Declined (too_large).
	File(ctx context.Context, id string) (File, error)
}

// Draft is a ticket to be.
type Draft struct {
	Customer   sdk.Customer
	Department string // "": the default
	Priority   string
	Subject    string
	Text       string
	Service    string // our ID, for the desk to show
	Address    string // the browser's
	Files      []File
}

// Reply is a message to be.
type Reply struct {
	Customer sdk.Customer
	Ticket   string
	Text     string
	Address  string // the browser's
	Files    []File
}

// Query asks for tickets.
type Query struct {
	Customer *sdk.Customer // nil: all
	Since    time.Time     // changed since then; zero: ever
	Cursor   string        // "": the first page
}

// Ticket is one as the desk has it.
type Ticket struct {
	ID            string
	Number        string // shown to people
	CustomerEmail string
	Subject       string
	Department    string
	Status        string // the desk's word, as Priority
	Priority      string
	LastBy        string // customer or staff
	StaffURL      string
	Open          bool // mapped by settings, as Urgent
	Urgent        bool
	Created       time.Time
	Changed       time.Time
}

// Message is one of a ticket.
type Message struct {
	ID     string
	Author string
	By     string // customer or staff
	Text   string
	At     time.Time
	Files  []File // without Body
}

// File is an attachment.
type File struct {
	ID   string
	Name string
	Type string
	Body []byte
}
