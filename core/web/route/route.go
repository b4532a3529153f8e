// Package route owns the table of routes: every address that the program answers is declared with who may ask, how
// often, and whether a form's token is wanted. From the table come the three sites behind one listener, told apart by
// their hosts; sessions, tokens of forms, limits and time-outs are here, so that handlers read, call one thing and
// answer. What pages say belongs to the sites, what people may do to auth. Start at Route, then New.
package route

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/platform/auth"
)

// Route is one address. Method, Path, Handler, Who and Rate are always said; a GET answers HEAD as well.
type Route struct {
	Method  string
	Path    string // as echo writes it: /services/:id
	Handler echo.HandlerFunc
	Who     Who
	Rate    Rate

	// Shared answers are the same for everybody: no session is read and no token of forms is made. Needed for cached
	// pages, hooks and the open parts of the API.
	Shared bool
	// NoCSRF takes the check of forms away from a method that changes something. Only where no cookie counts: with
	// Shared, or with Token.
	NoCSRF bool
	// Body is the largest body in bytes; 0 is MaxBody.
	Body int64
}

// MaxBody is the largest body of a request unless its route says otherwise.
const MaxBody = 1 << 20

// Who may ask. The zero Who is nobody: such a route is refused at the start.
type Who struct {
	kind  string
	right auth.Right
}

const (
	anyone   = "anyone"
	signedIn = "signed in"
	customer = "customer"
	staff    = "staff"
	token    = "token"
)

// Anyone lets everybody ask.
func Anyone() Who { return Who{kind: anyone} }

// SignedIn lets everybody ask who is signed in on this site, whatever the role, such as for the own password.
func SignedIn() Who { return Who{kind: signedIn} }

// Customer lets those ask who act for a customer in a role that has a right.
func Customer(r auth.Right) Who { return Who{customer, r} }

// Staff lets staff ask whose role has a right.
func Staff(r auth.Right) Who { return Who{staff, r} }

// Token lets those ask who bring an API token with a scope, in the header and without any cookie.
func Token(scope auth.Right) Who { return Who{token, scope} }

// Rate is how often one may ask.
type Rate string

// The classes. Those counted in memory are so for each node by itself.
const (
	Free     Rate = "free"     // not counted: built files, probes
	Page     Rate = "page"     // by address, in memory
	Search   Rate = "search"   // as Page, and two at once for each person
	SignInOn Rate = "sign_in"  // as Page; auth.SignIn counts tries
	Code     Rate = "code"     // codes and mailed links: auth.Code, by person or address
	Register Rate = "register" // auth.Register, by address
	Ticket   Rate = "ticket"   // auth.Ticket, by person
	API      Rate = "api"      // by token, in memory, told in headers
	Hook     Rate = "hook"     // by address, in memory, wide
)

var rates = []Rate{Free, Page, Search, SignInOn, Code, Register, Ticket, API, Hook}

var paths = regexp.MustCompile(`^/[A-Za-z0-9_./:*{}-]*$`)

// check is the rule for a declaration on a site of a realm.
func (r Route) check(realm auth.Kind) error {
	open := strings.HasPrefix(r.Path, "/api/") || strings.HasPrefix(r.Path, "/hooks/")
	var wrong string
	switch {
	case !slices.Contains([]string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}, r.Method):
		wrong = "has no method"
	case !paths.MatchString(r.Path):
		wrong = "has no path"
	case r.Handler == nil:
		wrong = "has no handler"
	case r.Who.kind == "":
		wrong = "does not say who may ask"
	case r.Who.kind != anyone && r.Who.kind != signedIn && !auth.IsRight(r.Who.right):
		wrong = fmt.Sprintf("wants %q, which is no right", r.Who.right)
	case r.Who.kind == customer && (realm != auth.CustomerKind || !auth.IsUserRight(r.Who.right)):
		wrong = "is for customers, who cannot have that right here"
	case r.Who.kind == staff && realm != auth.StaffKind:
		wrong = "is for staff, who do not sign in here"
	case !slices.Contains(rates, r.Rate):
		wrong = "says no rate"
	case r.Shared && r.Who.kind != anyone:
		wrong = "is shared, but not for anyone"
	case r.NoCSRF && !r.Shared && r.Who.kind != token:
		wrong = "takes cookies, so it needs the token of forms"
	case r.changes() && r.Shared && !r.NoCSRF:
		wrong = "is shared and changes something: say NoCSRF if others post to it"
	case open && !r.Shared && r.Who.kind != token:
		wrong = "is for programs, so it takes no cookies: Token or Shared"
	case r.Body < 0:
		wrong = "takes less than no body"
	default:
		return nil
	}
	return fmt.Errorf("route %s %s %s", r.Method, r.Path, wrong)
}

// changes says whether the method may change something.
func (r Route) changes() bool { return r.Method != http.MethodGet }

// csrf says whether the token of forms is wanted.
func (r Route) csrf() bool { return r.changes() && !r.NoCSRF && r.Who.kind != token }

// cookies says whether the browser's session counts.
func (r Route) cookies() bool { return !r.Shared && r.Who.kind != token }

// Entry is a route as the table tells it.
type Entry struct {
	Site   string `json:"site"` // "*": on every host
	Method string `json:"method"`
	Path   string `json:"path"`
	Who    string `json:"who"` // anyone, signed in, customer, staff, token
	Right  string `json:"right,omitempty"`
	CSRF   bool   `json:"csrf"`
	Rate   Rate   `json:"rate"`
}
