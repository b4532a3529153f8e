package flow_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/notifier"
)

func newcomer(email string) flow.RegisterIn {
	return flow.RegisterIn{Password: "correct horse battery", Address: "198.51.100.7", Customer: customer.Newcomer{First: "Jana", Last: "Petersen", Email: email, Currency: "EUR",
		Address: sdk.Address{Line1: "Weg 1", City: "Kiel", Postcode: "24103", Country: "DE"}}}
}

// A customer and its first user come in together; what is refused leaves neither, and no mail.
func TestRegister(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		visitor := auth.With(w.ctx, auth.Actor{})
		c, u, err := w.Register(visitor, newcomer("Jana@Example.com"))
		w.ok(err)
		a, err := w.Auth.ActorOfUser(w.ctx, u.ID, "")
		w.ok(err)
		if a.Customer != c.ID || a.Role != auth.RoleOwner || u.Name != "Jana Petersen" || c.Email != "jana@example.com" || u.Email != c.Email {
			t.Errorf("%+v acts as %+v for %+v", u, a, c)
		}
		if _, err := w.Auth.SignIn(w.ctx, "jana@example.com", "correct horse battery", "198.51.100.7"); err != nil {
			t.Error(err)
		}
		w.drain()
		at := slices.IndexFunc(w.mails.mails, func(m notifier.Mail) bool { return m.Subject == "verify" })
		if at < 0 {
			t.Fatal("no link was mailed")
		}
		secret, ok := strings.CutPrefix(w.mails.mails[at].Text, "https://account.test/verify/")
		if _, err := w.Auth.VerifyEmail(w.ctx, secret); !ok || err != nil {
			t.Errorf("the link is %q: %v", w.mails.mails[at].Text, err)
		}
		mails := len(w.mails.mails)
		bad := newcomer("max@example.com")
		bad.Customer.Address.City = ""
		short := newcomer("max@example.com")
		short.Password = "short"
		for field, in := range map[string]flow.RegisterIn{"email": newcomer("jana@example.com"), "city": bad, "password": short} {
			_, _, err := w.Register(visitor, in)
			if f := fault.Of(err); f == nil || f.Kind != fault.Invalid || f.Field != field {
				t.Errorf("%s: %v", field, err)
			}
		}
		list, err := w.Customers.List(w.ctx, customer.Filter{})
		w.ok(err)
		if _, err := w.Auth.UserByEmail(w.ctx, "max@example.com"); list.Total != 1 || !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("%d customers; the user that was refused: %v", list.Total, err)
		}
		if w.drain(); len(w.mails.mails) != mails {
			t.Error("somebody who was refused got a mail")
		}
		for i := range 12 {
			_, _, err = w.Register(visitor, newcomer(fmt.Sprintf("robot-%d@example.com", i)))
		}
		if !errors.Is(err, auth.ErrThrottled) {
			t.Errorf("the sixteenth of one address: %v", err)
		}
	})
}
