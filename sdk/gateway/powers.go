package gateway

import (
	"context"
	"time"

	"github.com/ezscale/bursar/sdk"
)

// Finisher takes what the customer approved: captures, or turns an approved set-up into a Method. Only for vendors whose
// Look may say Approved. The host first makes sure that the invoice is still owed.
type Finisher interface {
	Finish(ctx context.Context, a Attempt) (Outcome, error)
}

// Charger takes money without the customer. Refused by bank or payer is an Outcome (Declined), not an error.
type Charger interface {
	Charge(ctx context.Context, c Charge) (Outcome, error)
	// Method reads a saved method anew, also one imported as bare Notes. NotFound: it can never be charged again.
	Method(ctx context.Context, m Method) (Method, error)
	// Forget removes it at the vendor. Gone already is nil.
	Forget(ctx context.Context, op sdk.Op, m Method) error
}

// Canceller ends a visit, so that a page left open cannot pay a settled invoice, or what a declined charge left. Conflict:
// paid already.
type Canceller interface {
	Cancel(ctx context.Context, a Attempt) error
}

// DisputeLister lists disputes changed since then, for the nightly comparison.
type DisputeLister interface {
	Disputes(ctx context.Context, since time.Time) ([]Dispute, error)
}
