package subscription

import "github.com/ezscale/bursar/core/base/ids"

// Event kinds. The subject is the subscription.
const (
	EventActivated = "subscription.activated"
	EventSuspended = "subscription.suspended"
	EventResumed   = "subscription.resumed"
	EventRenewed   = "subscription.renewed"
	EventEnded     = "subscription.ended"
)

// Fact is the payload of every event of this package.
type Fact struct {
	Subscription ids.Subscription `json:"subscription"`
	Customer     ids.Customer     `json:"customer"`
	Cause        Cause            `json:"cause,omitempty"`  // suspended, resumed
	Ref          string           `json:"ref,omitempty"`    // the invoice of an unpaid suspension
	Reason       string           `json:"reason,omitempty"` // ended: why; suspended: what staff said
}
