package coupon

import "github.com/ezscale/bursar/sdk/fault"

// refusal is a reason that the customer reads beside the field.
func refusal(code, text string) *fault.Fault {
	return fault.New(fault.Declined, code, text).On("coupon")
}

// Why a coupon is refused.
var (
	ErrUnknown  = refusal("coupon_unknown", "This code is not known. Check it letter by letter.")
	ErrEarly    = refusal("coupon_early", "This code is not valid yet.")
	ErrExpired  = refusal("coupon_expired", "This code has expired.")
	ErrUsedUp   = refusal("coupon_used_up", "This code has been used up.")
	ErrOnce     = refusal("coupon_once", "You have used this code already.")
	ErrProducts = refusal("coupon_products", "This code is not for what is in the cart.")
	ErrNewOnly  = refusal("coupon_new_only", "This code is for new customers only.")
	ErrExisting = refusal("coupon_existing_only", "This code is for existing customers only.")
	ErrCurrency = refusal("coupon_currency", "This code is for another currency.")
	ErrNeeds    = refusal("coupon_needs", "This code is only valid together with another product.")
)

// What staff may meet.
var (
	ErrNotFound = fault.New(fault.NotFound, "coupon_not_found", "That coupon does not exist.")
	ErrChanged  = fault.New(fault.Conflict, "coupon_changed", "This coupon was changed meanwhile. Please look again.")
	// ErrWorth: somebody uses it, at renewals too.
	ErrWorth = fault.New(fault.Conflict, "coupon_in_use", "This code has been used, so what it is worth stays. Make another code instead.")
	ErrPage  = fault.New(fault.Invalid, "page_invalid", "That page does not exist.")
)
