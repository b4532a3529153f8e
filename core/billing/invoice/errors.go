package invoice

import "github.com/ezscale/bursar/sdk/fault"

// Errors.
var (
	// ErrNotFound also answers for an invoice of somebody else and for a pay link that is dead.
	ErrNotFound = fault.New(fault.NotFound, "invoice_not_found", "That invoice does not exist.")
	// ErrChanged: another change came first. Read again and decide anew.
	ErrChanged = fault.New(fault.Conflict, "invoice_changed", "The invoice was changed meanwhile.")
	// ErrDraft: what was to be issued is not valid. Its cause says why.
	ErrDraft = fault.New(fault.Invalid, "invoice_invalid", "This invoice cannot be issued.")
	// ErrAmount: an amount is below zero, or more than there is to take.
	ErrAmount = fault.New(fault.Invalid, "amount_impossible", "That amount is not possible here.")
	// ErrAboveLine: more was to be taken back than is left of a line.
	ErrAboveLine = fault.New(fault.Invalid, "above_line", "No more can be credited than was invoiced.")
	// ErrCredited: this cause has its credit note. Whoever gets it was late and changes nothing.
	ErrCredited = fault.New(fault.Conflict, "already_credited", "That was credited already.")
	// ErrSeriesFull: the numbers of a fixed width are used up. Staff must begin another series.
	ErrSeriesFull = fault.New(fault.Conflict, "series_full", "There are no more document numbers in this series.")
	// ErrDateBefore: the day is before that of the last number, so the clock or the day is wrong.
	ErrDateBefore = fault.New(fault.Conflict, "date_before_last_number", "A document with a later date has been issued already.")
	// ErrTemplate: a number template is not usable. Its cause says why.
	ErrTemplate = fault.New(fault.Invalid, "number_template", "That template cannot be used for document numbers.")
	// errSort is a caller's mistake, not a customer's.
	errSort = fault.New(fault.Invalid, "unknown_sort", "That order is not known.")
	// errCursor: the cursor is not one that a list answered.
	errCursor = fault.New(fault.Invalid, "unknown_cursor", "That page does not exist.")
)
