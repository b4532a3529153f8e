// Package tax asks others what tax is due, tells them what was sold, and checks tax numbers. A plugin has at least one of
// the powers Quoter, Recorder and IDChecker. Which rule applies when nobody answers, and what goes onto an invoice, is
// core's affair. Start at Quoter, then Sale. This version of the host does not start plugins of this type.
package tax

import (
	"context"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/money"
)

// Quoter says what tax is due. Read only; 3 s at a checkout. When it fails the host falls back by the operator's rule (last
// quote, own table, hold); a plugin never guesses. Invalid has Field: "postcode", "region", "tax_id".
type Quoter interface {
	Quote(ctx context.Context, s Sale) (Quote, error)
}

// Recorder tells the vendor what was sold. Number is the key: recording again replaces. Void of what is not there is nil.
// Conflict: reported already, make a credit note.
type Recorder interface {
	Record(ctx context.Context, op sdk.Op, d Document) error
	Void(ctx context.Context, op sdk.Op, d Document) error
}

// IDChecker asks an authority. Only a clear answer is a Proof: silence is Unavailable, never "not valid". Invalid:
// malformed. Forbidden: it bars us.
type IDChecker interface {
	CheckID(ctx context.Context, country, number string) (Proof, error)
}

// Sale is one day's, in one currency.
type Sale struct {
	Customer sdk.Customer
	From     sdk.Address
	To       sdk.Address // zero: the customer's address
	TaxID    string      // checked; "" for a consumer
	Exempt   string      // a certificate or use code
	Day      string      // "2026-11-23"
	Included bool        // amounts contain the tax
	Lines    []Line
}

// Line amounts are whole lines after discounts.
type Line struct {
	Number   int
	Code     string // the vendor's product code; "": its default
	Text     string
	Quantity int64
	Amount   money.Amount
	Tax      money.Amount // in Documents only
}

// Quote answers line by line; the host checks that the parts add up.
type Quote struct {
	Tax   money.Amount
	Lines []LineTax
	Note  string // explains ("no nexus in US-OR") and is kept
}

// LineTax is the tax of the line with that Number.
type LineTax struct {
	Number int
	Tax    money.Amount
	Parts  []Part
}

// Part is one authority's share. Rate informs; Tax counts.
type Part struct {
	Name    string
	Country string
	Region  string
	Rate    money.Rate
	Tax     money.Amount
}

// Document is an issued invoice, or a credit note: negative amounts, Original set.
type Document struct {
	Sale
	Number   string // letters, digits, - _, at most 50
	Original string // the Number of the invoice that a credit note corrects
}

// Proof is kept with customer and invoice.
type Proof struct {
	Valid     bool
	Reference string // the consultation number
	Name      string // "" when not disclosed, as Address
	Address   string
	At        time.Time
}
