// Package gateway takes money on the vendor's pages and from saved methods. Card data never comes near us. A plugin never
// says that an invoice is paid: it says what the gateway has, and core compares amount, currency, Echo and Reference. Start
// at Gateway, then Visit and Outcome; powers.go has what only some gateways can. The suite that every plugin passes is in
// gatewaytest.
package gateway

import (
	"context"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/money"
)

// Gateway is what every gateway does. Changes may be repeated for ever under one Op: send Op.ID as the vendor's idempotency
// key and reference; past the key's life look first, and answer Unknown rather than risk a second one.
type Gateway interface {
	sdk.Instance
	// Begin opens a hosted page to pay, to save a method (Amount zero), or both. Usual answer: Waiting with URL.
	Begin(ctx context.Context, v Visit) (Outcome, error)
	// Look reads what became of a visit or a charge and never takes money. NotFound: the gateway surely has nothing under
	// this Op. Unknown: it cannot say yet; After says when to ask.
	Look(ctx context.Context, a Attempt) (Outcome, error)
	// Refund gives back part of a captured payment; repeated, it tells how that refund stands. Declined: already_refunded,
	// disputed, too_old, too_much.
	Refund(ctx context.Context, r Refund) (Refunded, error)
	// Receive verifies a webhook on its raw bytes (signature, age, mode, account) and says what it means, read anew from the
	// gateway unless the body is signed and current. Nothing of interest: nil, nil. Forbidden: forged. Unavailable: cannot
	// verify now.
	Receive(ctx context.Context, w sdk.Webhook) ([]Event, error)
}

// Attempt is one try to get money or a method: a visit, or with Off a charge.
type Attempt struct {
	sdk.Op
	Customer sdk.Customer
	Amount   money.Amount
	Off      bool
	Notes    sdk.Notes // session, order, intent
}

// Visit is an attempt on the vendor's page. The page sends the browser to Return, paid or not; nothing in that request is
// believed.
type Visit struct {
	Attempt
	Save        bool   // keep the method for charges
	Description string // at most 100 characters
	Return      string
	Until       time.Time // when our checkout ends
}

// Charge is an attempt on a saved method.
type Charge struct {
	Attempt
	Method      Method
	Description string
}

// Outcome is how an attempt stands, in the gateway's words.
type Outcome struct {
	Status    Status
	URL       string        // Waiting: the page
	Reference string        // Captured: the key of that movement of money for ever
	Echo      string        // Op.ID as stored there
	Expires   time.Time     // Waiting
	After     time.Duration // Pending: look again then
	Paid      money.Amount  // Captured: gross
	Fee       money.Amount  // Captured; zero: not known yet; maybe another currency
	Method    *Method       // when one was saved; or it comes later by webhook
	Decline   *Decline      // Declined
}

// Status of an attempt or a refund.
type Status string

// The statuses. Captured, Saved, Declined and Lapsed are ends.
const (
	Waiting  Status = "waiting"
	Approved Status = "approved" // call Finish
	Pending  Status = "pending"
	Captured Status = "captured"
	Saved    Status = "saved"
	Declined Status = "declined"
	Lapsed   Status = "lapsed" // cancelled or expired, nothing taken
)

// Decline says why no money came.
type Decline struct {
	Class Class
	Code  string // the vendor's
	Text  string // the customer's (never "stolen" or "fraud")
}

// Class of a decline.
type Class string

// The classes.
const (
	Soft         Class = "soft"         // may be tried again on schedule
	Hard         Class = "hard"         // never with this method
	Authenticate Class = "authenticate" // needs the customer on a page: the host mails a link
	Ours         Class = "ours"         // our account's fault: staff
)

// Method is a saved way to pay: "card" "visa" "4242", or "paypal" with Label "jane@example.com".
type Method struct {
	ID       string
	Kind     string
	Brand    string
	Last4    string
	Label    string
	ExpYear  int // 0: never
	ExpMonth int
	Customer sdk.Customer
	Notes    sdk.Notes // the token
}

// Refund asks for money to go back. Reference and Notes are those of the captured payment, Reason is staff's.
type Refund struct {
	sdk.Op
	Reference string
	Reason    string
	Amount    money.Amount
	Notes     sdk.Notes
}

// Refunded is how a refund stands: Pending, Captured (given back), Declined (still ours; Text says why).
type Refunded struct {
	Status    Status
	Amount    money.Amount
	Reference string
	Payment   string // the payment's Reference
	Echo      string // "": made at the gateway, not by us
	Text      string
}

// Dispute is money a bank wants back.
type Dispute struct {
	ID       string
	Payment  string // the payment's Reference
	Status   string // inquiry, open, review, won, lost
	Reason   string
	URL      string // where staff answers
	Taken    bool   // it left our balance
	Amount   money.Amount
	Fee      money.Amount
	AnswerBy time.Time
}

// Event is what a webhook means; exactly one pointer is set. ID is the vendor's, for "seen before".
type Event struct {
	ID      string
	At      time.Time
	Attempt *Outcome
	Refund  *Refunded
	Dispute *Dispute
	Method  *Method
	Gone    bool // the Method is no more
}
