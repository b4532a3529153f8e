package invoice

import "github.com/ezscale/bursar/core/base/ids"

// Event kinds. The subject is the invoice.
const (
	EventIssued     = "invoice.issued"
	EventPaid       = "invoice.paid"      // nothing is owed any more; once per time that this comes true
	EventRecovered  = "invoice.recovered" // money came for what was given up
	EventCredited   = "invoice.credited"
	EventVoided     = "invoice.voided"
	EventReopened   = "invoice.reopened"
	EventWrittenOff = "invoice.written_off"
)

// Fact is the payload of every event of this package.
type Fact struct {
	Invoice    ids.Invoice    `json:"invoice"`
	Customer   ids.Customer   `json:"customer"`
	Kind       string         `json:"kind"`
	TotalMinor int64          `json:"total_minor"`
	Minor      int64          `json:"minor,omitempty"`       // recovered, credited, reopened, written off: how much
	CreditNote ids.CreditNote `json:"credit_note,omitempty"` // credited, voided
}

func (inv *Invoice) fact() Fact {
	return Fact{Invoice: inv.ID, Customer: inv.Customer, Kind: inv.Kind, TotalMinor: inv.Total}
}
