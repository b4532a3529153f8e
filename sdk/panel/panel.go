// Package panel is what a control panel does with accounts: a VPS, a game server, a dedicated machine, a web site. Prices,
// invoices and who may do what are core's affair. Start at Panel, then Creation and Progress; powers.go has what only some
// panels can. The suite that every plugin passes is in paneltest.
package panel

import (
	"context"
	"net/netip"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/secret"
)

// Panel is what every panel does. A call that changes something answers Progress and is called again, with the same Op and
// Notes, until Done: long work is many short calls. Each call makes at most ONE change at the vendor, notes what came of
// it, and returns. Repeating one, or asking for what is so already, is Done. Calls for one account never overlap; nor do
// two creates for one customer on one instance.
type Panel interface {
	sdk.Instance
	// Create makes the account of c.Service, or goes on making it. What an earlier, unanswered call made is found by Op.ID,
	// Service or Known and taken up. Faults: Invalid; Declined (out_of_stock, needs_person, build_failed); Unknown when two
	// candidates fit.
	Create(ctx context.Context, c Creation) (Progress, error)
	// Find says what exists of a creation whose outcome is unknown; changes only Notes. NotFound: surely nothing.
	Find(ctx context.Context, c Creation) (Account, error)
	// State reads the account. NotFound only when the vendor knows it is gone, never for the 404 of a wrong address.
	State(ctx context.Context, r Ref) (Account, error)
	// Suspend takes the service from the customer and keeps the data. Vendors may drop the reason.
	Suspend(ctx context.Context, op sdk.Op, r Ref, reason string) (Progress, error)
	// Unsuspend gives it back.
	Unsuspend(ctx context.Context, op sdk.Op, r Ref) (Progress, error)
	// Terminate ends it for good and at once. Gone already is Done. What the customer's other accounts share stays.
	Terminate(ctx context.Context, op sdk.Op, r Ref) (Progress, error)
}

// Creation is one order. All of it was saved before the first call and never changes.
type Creation struct {
	sdk.Op
	Ref
	Product  form.Values
	Checkout form.Values
	Username string       // a-z 0-9, at most 16, unique on the instance
	Password secret.Value // 24 letters and digits
	Known    []string     // RemoteIDs of the customer's other accounts here, never to be taken up
}

// Ref names an account.
type Ref struct {
	Service  string       // our ID, unique for ever: the vendor's external id
	RemoteID string       // as last reported, "" before
	Customer sdk.Customer // its Notes are those about the customer on this instance
	Notes    sdk.Notes    // the account's
}

// Progress answers a change. The zero Progress: call again at once. The host gives up after the product's limit (a day) or
// 200 calls and tells staff.
type Progress struct {
	Done        bool
	After       time.Duration // call again then
	Percent     int           // 0 when unknown
	Text        string        // the customer's progress line
	RemoteID    string        // "": as before
	Credentials []Credential  // new ones, kept encrypted
	Warnings    []string      // for staff: done, but not all of it
}

// Done is the end of a change.
func Done() Progress { return Progress{Done: true} }

// Again asks to be called again after a while; text is the customer's progress line.
func Again(after time.Duration, text string) Progress { return Progress{After: after, Text: text} }

// Credential is one way in: "root" at "vps1.example.com:22". Host and URL may be "".
type Credential struct {
	Label    string
	Host     string
	URL      string
	Username string
	Password secret.Value
}

// Account is how one stands there. Plan, OwnerEmail, Created and Notes help Lister and Find.
type Account struct {
	ID         string
	Service    string // our ID as the vendor stored it, "" if it cannot
	Name       string
	Power      string // running, stopped, starting, stopping, or ""
	Plan       string
	OwnerEmail string
	URL        string // deep link for staff
	Status     Status
	Addresses  []netip.Prefix // main one first
	Details    [][2]string    // label and text for the service page; no secrets
	Created    time.Time
	Notes      sdk.Notes
}

// Status is the vendor's view.
type Status string

// The states of an account.
const (
	Building  Status = "building"
	Active    Status = "active"
	Suspended Status = "suspended"
	Failed    Status = "failed" // exists but unusable, Create may be asked again
	Gone      Status = "gone"   // still listed, no longer usable
)
