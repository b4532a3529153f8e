package provision

import "github.com/ezscale/bursar/core/base/ids"

// Event kinds. The subject is the subscription.
const (
	EventDone   = "provision.done"
	EventFailed = "provision.failed"
)

// Fact is the payload of both.
type Fact struct {
	Operation    ids.Op           `json:"operation"`
	Kind         Kind             `json:"kind"`
	Subscription ids.Subscription `json:"subscription"`
	Customer     ids.Customer     `json:"customer"`
}
