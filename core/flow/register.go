package flow

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/sales/customer"
)

// RegisterIn is a new customer, and the person who signs in for it as its owner.
type RegisterIn struct {
	Customer customer.Newcomer
	Password string
	Address  string // network address; tries are counted by it
}

// Register takes a customer in together with its first user: both or neither. The link that proves the mail address
// is mailed; buying does not wait for it.
//
// Errors: auth.ErrThrottled with After; auth.ErrEmailTaken; Invalid with the field of customer.Create, or password.
// Emits: customer.created.
func (f *Flow) Register(ctx context.Context, in RegisterIn) (c customer.Customer, u auth.User, err error) {
	if err := f.Auth.Throttle(ctx, auth.Register, auth.Network(in.Address)); err != nil {
		return c, u, err
	}
	err = f.DB.Tx(ctx, func(ctx context.Context) (err error) {
		if c, err = f.Customers.Create(ctx, in.Customer); err != nil {
			return err
		}
		name := cmp.Or(strings.TrimSpace(c.First+" "+c.Last), c.Company)
		if u, err = f.Auth.RegisterUser(ctx, auth.NewUser{Email: c.Email, Name: name, Password: in.Password}); err != nil {
			return err
		}
		if err := f.Auth.Join(ctx, u.ID, c.ID, auth.RoleOwner); err != nil {
			return err
		}
		secret, _, err := f.Auth.RequestVerify(ctx, u.ID)
		if err != nil {
			return err
		}
		return f.WriteLink(ctx, "verify", string(u.ID)+":new", u.Name, u.Email, c.Locale, f.Links.Portal+"/verify/"+secret)
	})
	if err != nil {
		return customer.Customer{}, auth.User{}, fmt.Errorf("register a customer: %w", err)
	}
	return c, u, nil
}
