package auth

import (
	"net/mail"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/states"
)

// User is a person who signs in for customers.
type User struct {
	ID       ids.User
	Email    string // folded: see Fold
	Name     string
	Status   Status
	Verified time.Time // zero: nobody has shown yet that the address is theirs
	Created  time.Time
	LastSeen time.Time // last sign-in; zero for never
	Password bool      // whether one was ever chosen
}

// Staff is a person who works for the business.
type Staff struct {
	ID       ids.Staff
	Email    string
	Name     string
	Role     string
	Status   Status
	Created  time.Time
	LastSeen time.Time
}

// Membership is a customer that a user may act for.
type Membership struct {
	Customer ids.Customer
	Role     string
}

// Member is a user of a customer.
type Member struct {
	User User
	Role string
}

// Status is where an account of a person stands.
type Status string

// The statuses. Sessions and tokens of a person who is disabled are worth nothing from that moment.
const (
	Active   Status = "active"
	Disabled Status = "disabled"
)

// Action is what may be done to an account.
type Action string

// The actions.
const (
	Disable Action = "disable"
	Enable  Action = "enable"
)

// life is everything that may happen to an account. Accounts are not deleted: the trail names them.
var life = states.Table[Status, Action]{
	Active:   {Disable: Disabled},
	Disabled: {Enable: Active},
}

// NewUser is what registering takes.
type NewUser struct{ Email, Name, Password string }

// NewStaff is what a new member of staff takes. Without a password one is chosen by a mailed link.
type NewStaff struct{ Email, Name, Password, Role string }

// Fold is how addresses are kept and compared: without space around, in lower case.
func Fold(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// checkPerson folds and checks what both sorts of people have.
func checkPerson(email, name string) (string, string, error) {
	email, name = Fold(email), strings.TrimSpace(name)
	if a, err := mail.ParseAddress(email); err != nil || a.Address != email || len(email) > 190 {
		return "", "", errEmail
	}
	if name == "" || utf8.RuneCountInString(name) > 160 || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", "", errName
	}
	return email, name, nil
}
