package flow

import (
	"context"
	"fmt"
	"strings"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/sdk/fault"
)

// InviteIn is a person who is to act for a customer.
type InviteIn struct {
	Customer    ids.Customer
	Email, Name string
	Role        string
}

// Invite lets a person act for a customer, as staff does it. Somebody new gets an account and a link to choose a
// password; so does who has an account without one. Whoever signs in already just may do more.
//
// Errors: auth.ErrForbidden; customer.ErrNotFound; Invalid on email, name or role.
func (f *Flow) Invite(ctx context.Context, in InviteIn) (u auth.User, err error) {
	if err := auth.Require(ctx, auth.UserEdit); err != nil {
		return u, err
	}
	err = f.DB.Tx(ctx, func(ctx context.Context) error {
		c, err := f.Customers.Get(ctx, in.Customer)
		if err != nil {
			return err
		}
		if u, err = f.Auth.UserByEmail(ctx, in.Email); fault.KindOf(err) == fault.NotFound {
			u, err = f.Auth.RegisterUser(ctx, auth.NewUser{Email: in.Email, Name: strings.TrimSpace(in.Name)})
		}
		if err != nil {
			return err
		}
		if err := f.Auth.Join(ctx, u.ID, c.ID, in.Role); err != nil || u.Password {
			return err
		}
		return f.SendReset(ctx, u.Email, c.Locale)
	})
	if err != nil {
		return auth.User{}, fmt.Errorf("invite to customer %s: %w", in.Customer, err)
	}
	return u, nil
}
