package order

import "github.com/ezscale/bursar/core/base/ids"

// Event kinds. The subject is the order.
const (
	EventPlaced    = "order.placed"
	EventApproved  = "order.approved"
	EventAccepted  = "order.accepted"
	EventCancelled = "order.cancelled" // also when it was refused: Status says which
)

// Fact is the payload of every event of this package.
type Fact struct {
	Order    ids.Order    `json:"order"`
	Customer ids.Customer `json:"customer"`
	Status   Status       `json:"status,omitempty"` // cancelled: cancelled or fraud
	Reason   string       `json:"reason,omitempty"` // cancelled: why
}
