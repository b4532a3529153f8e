package helpdesk

import (
	"context"

	"github.com/ezscale/bursar/sdk"
)

// Closer closes a ticket and opens it again.
type Closer interface {
	SetOpen(ctx context.Context, op sdk.Op, ticket string, open bool) error
}

// LoginLinker signs a customer on; ticket may be "".
type LoginLinker interface {
	Login(ctx context.Context, c sdk.Customer, ticket string) (sdk.Link, error)
}

// Receiver turns a hint into tickets to read anew; a hint is never believed.
type Receiver interface {
	Receive(ctx context.Context, w sdk.Webhook) (tickets []string, err error)
}
