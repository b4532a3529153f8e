package auth

import (
	"time"

	"github.com/ezscale/bursar/sdk/fault"
)

// Errors of this package.
var (
	// ErrForbidden: the actor's role does not have the right.
	ErrForbidden = fault.New(fault.Forbidden, "forbidden", "Your role does not include this.")
	// ErrNotFound: no such user or member of staff, or none that may sign in.
	ErrNotFound = fault.New(fault.NotFound, "person_not_found", "That account does not exist.")
	// ErrSignIn: unknown address, wrong password or closed account; nobody learns which.
	ErrSignIn = fault.New(fault.Declined, "sign_in_refused", "This mail address and this password do not belong together.")
	// ErrThrottled: tried too often. After says how long to wait.
	ErrThrottled = fault.New(fault.Declined, "too_often", "This was tried too often. Wait a while, then try again.")
	// ErrEmailTaken: another account has the address.
	ErrEmailTaken = fault.New(fault.Invalid, "email_taken", "There is an account with this address. Sign in.").On("email")
	// ErrLink: a mailed link was used, replaced or is too old.
	ErrLink = fault.New(fault.Declined, "link_over", "This link was used before or is too old. Ask for a new one.")
	// ErrToken: no such API token, or one that is over.
	ErrToken = fault.New(fault.Forbidden, "token_refused", "This token is not valid.")
	// ErrTokenNotFound: no such token of that owner.
	ErrTokenNotFound = fault.New(fault.NotFound, "token_not_found", "That token does not exist.")
	// ErrSignedOut: the session was ended meanwhile.
	ErrSignedOut = fault.New(fault.Forbidden, "signed_out", "You were signed out. Sign in again.")
	// ErrLastOwner: a customer keeps at least one owner.
	ErrLastOwner = fault.New(fault.Conflict, "last_owner", "At least one owner must remain. Make somebody else an owner first.")
	// ErrLastAdmin: the business keeps at least one administrator.
	ErrLastAdmin = fault.New(fault.Conflict, "last_admin", "At least one administrator must remain.")
	// ErrSetUp: the first administrator exists; setting up is over for ever.
	ErrSetUp = fault.New(fault.NotFound, "not_found", "That does not exist.")

	errName    = fault.New(fault.Invalid, "name", "Write a name of at most 160 letters.").On("name")
	errEmail   = fault.New(fault.Invalid, "email", "Write a mail address such as jane@example.com.").On("email")
	errRole    = fault.New(fault.Invalid, "role", "Choose one of the roles.").On("role")
	errOld     = fault.New(fault.Invalid, "password_wrong", "This is not the present password.").On("old")
	errScopes  = fault.New(fault.Invalid, "scopes", "Choose at least one scope, and only what you may do yourself.").On("scopes")
	errExpires = fault.New(fault.Invalid, "expires", "Choose a day in the future.").On("expires")
	errReason  = fault.New(fault.Invalid, "reason", "Say why you act in the customer's place.").On("reason")
	errShort   = fault.New(fault.Invalid, "password_short", "Choose a password of at least 10 letters.").On("password")
	errLong    = fault.New(fault.Invalid, "password_long", "Choose a password of at most 200 letters.").On("password")
	errOwn     = fault.New(fault.Invalid, "password_email", "Choose a password that is not your mail address.").On("password")
	errTooBusy = fault.New(fault.Unavailable, "busy", "Too many people sign in at this moment. Try again.").Retry(5 * time.Second)
	errClass   = fault.New(fault.Internal, "throttle_class", "")
)
