package customer

import "github.com/ezscale/bursar/core/base/ids"

// Event kinds. The subject is the customer.
const (
	EventCreated = "customer.created"
	EventUpdated = "customer.updated"
)

// Fact is the payload of every event of this package.
type Fact struct {
	Customer ids.Customer `json:"customer"`
}
