package invoice

import "github.com/ezscale/bursar/core/base/states"

// Status of an invoice.
type Status string

// The statuses, as the customer meets them. Part paid, overdue, refunded and disputed are no statuses: see Label.
const (
	Drafted       Status = "draft"         // staff works on it; the customer does not see it
	Proforma      Status = "proforma"      // an offer with an amount to pay; no invoice yet, no number
	Opened        Status = "open"          // to be paid
	Paid          Status = "paid"          // nothing is owed
	Void          Status = "void"          // taken back by a credit note before anything was paid
	Uncollectible Status = "uncollectible" // given up; money that comes after all is taken
	Discarded     Status = "discarded"     // thrown away before it was issued
)

// Action is what may happen to an invoice.
type Action string

// The actions.
const (
	Propose   Action = "propose"
	Issue     Action = "issue"      // something is to be paid
	IssueFree Action = "issue_free" // its total is nothing
	Discard   Action = "discard"
	Count     Action = "count"  // money came, not enough
	Settle    Action = "settle" // nothing is owed any more, and something was paid
	Credit    Action = "credit" // a part was taken back
	TakeBack  Action = "void"   // all was taken back and nothing is paid
	GiveUp    Action = "write_off"
	Reopen    Action = "reopen" // money that was counted is gone again
)

// life is everything that may happen to an invoice. Money can go away from an invoice in each status in
// which some was counted: a returned debit is a fact that no table can refuse.
var life = states.Table[Status, Action]{
	Drafted:       {Propose: Proforma, Issue: Opened, IssueFree: Paid, Discard: Discarded},
	Proforma:      {Issue: Opened, IssueFree: Paid, Discard: Discarded},
	Opened:        {Count: Opened, Settle: Paid, Credit: Opened, TakeBack: Void, GiveUp: Uncollectible, Reopen: Opened},
	Paid:          {Credit: Paid, Reopen: Opened},
	Uncollectible: {Count: Uncollectible, Settle: Paid, Credit: Uncollectible, TakeBack: Void, Reopen: Opened},
	Void:          {},
	Discarded:     {},
}

// Allows says whether a page may offer the action.
func (inv Invoice) Allows(a Action) bool { return life.Allows(inv.Status, a) }

// do moves the status by the table.
func (inv *Invoice) do(a Action) error {
	next, err := life.Next(inv.Status, a)
	if err != nil {
		return err
	}
	inv.Status = next
	return nil
}
