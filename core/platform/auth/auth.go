// Package auth owns who is asking and what they may do: users and the customers they act for, staff, passwords,
// sessions, links that are mailed, API tokens, and how often any of it may be tried. Rights are read anew for each
// request, so what is taken away is gone at once. Start at Actor, then Require and RequireFor; the roles are a table
// in rights.go. Cookies and headers belong to core/web/route, mails to flow.
package auth

import (
	"context"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/platform/audit"
)

// Kind is the sort of an actor.
type Kind string

// The kinds.
const (
	Anonymous    Kind = "anonymous" // nobody that we know
	CustomerKind Kind = "customer"  // a user, or staff standing in, for a customer
	StaffKind    Kind = "staff"     // somebody who works for the business
	SystemKind   Kind = "system"    // a job: it may do everything
)

// Actor is who asks. The zero Actor may do nothing.
type Actor struct {
	Kind     Kind
	User     ids.User     // of a customer; "" for staff, also where it stands in
	Staff    ids.Staff    // with Kind CustomerKind: stands in for Customer
	Customer ids.Customer // acted for; "" for a user who has none
	Name     string
	Email    string
	Role     string
	Token    ids.Token // asked with, "" in a browser
	Scopes   []string  // of Token

	rights set
}

// Can says whether the actor's role has a right. Whether it has it for a certain customer is RequireFor's to say.
func (a Actor) Can(r Right) bool { return a.Kind == SystemKind || a.rights[r] }

// StandsIn says whether a member of staff acts in a customer's place.
func (a Actor) StandsIn() bool { return a.Kind == CustomerKind && a.Staff != "" }

// Person is the ID of the user or member of staff, "" for others. Sessions are kept by it.
func (a Actor) Person() string {
	if a.Staff != "" {
		return string(a.Staff)
	}
	return string(a.User)
}

// who is the actor as the trail names it.
func (a Actor) who() (actor, behalf string) {
	switch {
	case a.Token != "":
		return "token:" + string(a.Token), ""
	case a.StandsIn():
		return "staff:" + string(a.Staff), string(a.Customer)
	case a.Staff != "":
		return "staff:" + string(a.Staff), ""
	case a.User != "":
		return "customer:" + string(a.User), ""
	case a.Kind == SystemKind:
		return "system", ""
	}
	return "anonymous", ""
}

type actorKey struct{}

// With makes a context in which an actor asks. The trail is written in its name; address and request stay those that
// audit.By had set.
func With(ctx context.Context, a Actor) context.Context {
	if a.Kind == "" {
		a.Kind = Anonymous
	}
	who := audit.Asking(ctx)
	who.Actor, who.OnBehalf = a.who()
	return audit.By(context.WithValue(ctx, actorKey{}, a), who)
}

// System is the actor of jobs, which may do everything.
func System() Actor { return Actor{Kind: SystemKind, Name: "system"} }

// Of is who asks. A context that nobody was put into belongs to a job.
func Of(ctx context.Context) Actor {
	if a, ok := ctx.Value(actorKey{}).(Actor); ok {
		return a
	}
	return System()
}

// Require lets the system and staff pass whose role has a right. Error: ErrForbidden.
func Require(ctx context.Context, r Right) error {
	if a := Of(ctx); a.Kind == SystemKind || a.Kind == StaffKind && a.rights[r] {
		return nil
	}
	return ErrForbidden
}

// RequireFor lets pass who may do something to what is a customer's: the system, staff with the right, and those who
// act for that customer in a role with the right.
//
// Errors: ErrForbidden; ids.ErrUnknown to everybody whom that customer is none of the business of.
func RequireFor(ctx context.Context, c ids.Customer, r Right) error {
	a := Of(ctx)
	switch {
	case a.Kind == SystemKind:
		return nil
	case a.Kind == StaffKind && a.rights[r]:
		return nil
	case a.Kind == StaffKind:
		return ErrForbidden
	case a.Kind != CustomerKind || c == "" || a.Customer != c:
		return ids.ErrUnknown
	case a.rights[r]:
		return nil
	}
	return ErrForbidden
}
