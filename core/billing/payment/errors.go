package payment

import "github.com/ezscale/bursar/sdk/fault"

// Errors of this package. States are refused with states.ErrRefused.
var (
	ErrNotFound        = fault.New(fault.NotFound, "payment_not_found", "That payment does not exist.")
	ErrAttemptNotFound = fault.New(fault.NotFound, "attempt_not_found", "That payment does not exist.")
	ErrMethodNotFound  = fault.New(fault.NotFound, "method_not_found", "That way to pay does not exist.")
	ErrRefundNotFound  = fault.New(fault.NotFound, "refund_not_found", "That refund does not exist.")
	ErrDisputeNotFound = fault.New(fault.NotFound, "dispute_not_found", "That dispute does not exist.")

	// ErrOpen: an invoice has an attempt that has not ended. Look at it with OpenOn.
	ErrOpen = fault.New(fault.Conflict, "attempt_open", "A payment for this is under way already.")
	// ErrChanged: somebody else was faster; read again.
	ErrChanged = fault.New(fault.Conflict, "payment_changed", "This was changed meanwhile. Please look again.")
	// ErrDiffers: the same reference was reported with another amount. Nothing is booked; staff must look.
	ErrDiffers = fault.New(fault.Conflict, "payment_differs", "This payment was reported with another amount before.")
	// ErrBlocked: the method was declined for good.
	ErrBlocked = fault.New(fault.Declined, "method_blocked", "This way to pay no longer works. Choose another, or save it anew.").On("method")
	// ErrMethodTaken: another customer has it.
	ErrMethodTaken = fault.New(fault.Conflict, "method_taken", "This way to pay is saved for another customer.")
	// ErrNotCaptured: the money is not ours, or not for anything yet.
	ErrNotCaptured = fault.New(fault.Conflict, "payment_not_captured", "This payment has not arrived.")
	// ErrOverAllocated: more than the payment, or less than nothing on an invoice.
	ErrOverAllocated = fault.New(fault.Conflict, "payment_overallocated", "That is more than the payment.")
	// ErrTooMuch: the refund is above what is left of the payment.
	ErrTooMuch = fault.New(fault.Invalid, "refund_above_payment", "That is more than is left of the payment.").On("amount")
	// ErrKeyUsed: the request key belongs to another refund.
	ErrKeyUsed = fault.New(fault.Conflict, "refund_key_used", "This request was used for another refund.")
	// ErrDispute: a dispute does not fit its payment. Nothing is booked; staff must look.
	ErrDispute = fault.New(fault.Conflict, "dispute_above_payment", "The dispute does not fit the payment.")
)
