package payment

import (
	"github.com/ezscale/bursar/core/base/ids"
)

// Event kinds. The subject is the thing in the name: payment or attempt, method, refund, dispute.
const (
	EventReceived    = "payment.received"
	EventHeld        = "payment.held"
	EventReturned    = "payment.returned" // a debit that had been captured went back
	EventDeclined    = "payment.declined"
	EventParked      = "payment.parked" // nobody can say what became of an attempt: staff
	EventMethodSaved = "payment.method_saved"

	EventRefundDone    = "refund.done"
	EventRefundRefused = "refund.refused"

	EventDisputeOpened = "dispute.opened"
	EventDisputeWon    = "dispute.won"
	EventDisputeLost   = "dispute.lost"
)

// Fact is the payload of every event of this package. Customer is empty for money that nobody knows.
type Fact struct {
	Customer ids.Customer  `json:"customer,omitempty"`
	Payment  ids.Payment   `json:"payment,omitempty"`
	Attempt  ids.Attempt   `json:"attempt,omitempty"`
	Method   ids.Method    `json:"method,omitempty"`
	Refund   ids.Refund    `json:"refund,omitempty"`
	Dispute  ids.Dispute   `json:"dispute,omitempty"`
	Invoices []ids.Invoice `json:"invoices,omitempty"` // those that the attempt was for, or that lost a returned payment
	Source   Source        `json:"source,omitempty"`   // received
	Class    string        `json:"class,omitempty"`    // declined
	Minor    int64         `json:"minor,omitempty"`    // refunds and disputes
}
