// Package provision makes control panels match what was sold. It owns the operations (one wanted change
// of one account, saved before the panel hears of it), the accounts as last seen, their credentials and
// the log of calls. Whether a service may run is subscription's matter.
// Start at Service.Plan; one call to a panel is read in run.go.
package provision

import (
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/panel"
)

// Errors of this package.
var (
	ErrNotFound  = fault.New(fault.NotFound, "operation_not_found", "That job does not exist.")
	ErrNoAccount = fault.New(fault.NotFound, "account_not_found", "This service has no account on a panel yet.")
	ErrShown     = fault.New(fault.Conflict, "credentials_shown", "The sign-in data was shown already. Reset the password to get new ones.")
	ErrNotRetry  = fault.New(fault.Conflict, "operation_not_stopped", "Only a job that stopped can be tried again.")
	ErrEnded     = fault.New(fault.Conflict, "account_ended", "This service has ended: nothing is made for it any more.")
)

// Kind is the change that an operation wants.
type Kind string

// The kinds.
const (
	Create    Kind = "create"
	Suspend   Kind = "suspend"
	Unsuspend Kind = "unsuspend"
	Terminate Kind = "terminate"
	Power     Kind = "power"
	Password  Kind = "password"
	Reinstall Kind = "reinstall"
)

// Request asks for one change. CauseKey makes it once: the same key again answers the same operation.
type Request struct {
	Kind         Kind
	Subscription ids.Subscription
	Customer     ids.Customer
	Instance     string // plugin instance of the panel
	CauseKey     string // "create:sub_…", "suspend:sus_…"; at most 120 characters
	Reason       string // for suspend
	Power        panel.PowerAction
	Label        string // host name wanted; create
	Product      form.Values
	Checkout     form.Values
	Actor        string
}

// Operation is one wanted change of one account and how it stands.
type Operation struct {
	ID           ids.Op
	Subscription ids.Subscription
	Customer     ids.Customer
	Instance     string
	Kind         Kind
	State        State
	CauseKey     string
	Actor        string
	Calls        int // calls made to the panel so far
	Percent      int // 0 to 100; 0 is unknown
	Progress     string
	Fault        fault.Fault // of the last call; Kind "" when it went well
	Warnings     []string
	Created      time.Time
	First        time.Time // of the first call
	Next         time.Time // earliest next call
	Ended        time.Time
	Version      int64
	request      frozen
	sealed       string
}

// frozen is what an operation was asked to do. It never changes once saved.
type frozen struct {
	Product  form.Values       `json:"product,omitempty"`
	Checkout form.Values       `json:"checkout,omitempty"`
	Username string            `json:"username,omitempty"`
	Password string            `json:"password,omitempty"`
	Known    []string          `json:"known,omitempty"`
	Reason   string            `json:"reason,omitempty"`
	Power    panel.PowerAction `json:"power,omitempty"`
}

// Account is a subscription's account on a panel, as last seen.
type Account struct {
	Subscription ids.Subscription
	Customer     ids.Customer
	Instance     string
	RemoteID     string // "" until the panel has it
	Username     string
	Hostname     string
	Status       panel.Status
	Power        string
	Addresses    []string
	Details      [][2]string
	URL          string // for staff
	Seen         time.Time
	Created      time.Time
	Version      int64
	Ways         int // credentials that can be revealed
	notes        map[string]string
	credentials  []Credential
}

// Credential is one way into an account. Secret is plain text: shown once to a signed-in customer, never logged.
type Credential struct {
	Label    string `json:"label"`
	Host     string `json:"host"`
	URL      string `json:"url"`
	Username string `json:"username"`
	Secret   string `json:"secret"`
}

// Call is one line of the provisioning log. Detail has no secrets.
type Call struct {
	Operation    ids.Op
	Subscription ids.Subscription
	Instance     string
	Method       string
	Attempt      int
	At           time.Time
	Took         time.Duration
	Outcome      string // done, pending, or the kind of fault
	Detail       string
}

// Filter narrows a list of operations. Zero fields do not.
type Filter struct {
	Subscription ids.Subscription
	Customer     ids.Customer
	States       []State
	Query        string // part of an ID or of the instance
	After        string
	Limit        int // 1 to 200; 0 is 50
}

// Page is one page of operations, newest first.
type Page struct {
	List  []Operation
	Next  string
	Total int
}
