// Package order owns what was asked for at a checkout and whether it was accepted, and the carts before that. What
// it costs is frozen in the quote, what is owed belongs to invoice, what was delivered to subscription.
// Start at Order; carts are in cart.go.
package order

import (
	"encoding/json"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/money"
)

// What may be refused.
var (
	// ErrNotFound also answers for an order of somebody else.
	ErrNotFound = fault.New(fault.NotFound, "order_not_found", "That order does not exist.")
	// ErrKey: the request key was used by somebody else. Nothing was placed.
	ErrKey  = fault.New(fault.Conflict, "request_key_used", "This order was sent already. Please reload the page.")
	ErrPage = fault.New(fault.Invalid, "page_invalid", "That page does not exist.")
	ErrCart = fault.New(fault.Invalid, "cart_invalid", "This cart cannot be kept.")
)

// Order is what a customer asked for.
type Order struct {
	ID           ids.Order
	Number       int64 // what people call it by; ascending, never used again
	Customer     ids.Customer
	Status       Status
	Currency     string
	Quote        json.RawMessage // what was shown, as it was priced
	Total        money.Amount
	Invoice      ids.Invoice // "" if nothing was to pay
	ExpiresOn    period.Day  // cancelled on that day if still pending; zero: never
	Placed       time.Time
	PlacedBy     string // as the audit trail names actors
	Address      string // network address
	RequestKey   string
	TermsVersion string // of the terms that were accepted
}

// Placement is all that a new order needs.
type Placement struct {
	ID           ids.Order // "" draws one; checkout draws it before, so that a coupon can name it
	Customer     ids.Customer
	Currency     string
	Quote        any // kept as JSON
	TotalMinor   int64
	Invoice      ids.Invoice
	ExpiresOn    period.Day
	PlacedBy     string
	Address      string
	RequestKey   string // at most 100 characters; the same one is the same order
	TermsVersion string
	Review       bool // staff must approve it first
}

// Filter narrows a list. Zero fields do not.
type Filter struct {
	Customer ids.Customer
	Statuses []Status
	Query    string // the number, or a whole ID of an order, customer or invoice
	Sort     string // newest (default) or oldest
	After    string // Next of the page before
	Limit    int    // 1 to 200; 0 is 50
}

// Page is one page of a list. Next "" is the end; Total counts the whole filter.
type Page struct {
	List  []Order
	Next  string
	Total int
}

// do moves the status by the table.
func (o *Order) do(a Action) error {
	next, err := life.Next(o.Status, a)
	if err != nil {
		return err
	}
	o.Status = next
	return nil
}
