package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/ezscale/bursar/core/app"
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
)

// The people who sign in. All have the same password.
const (
	password      = "nordlicht-demo"
	adminEmail    = "admin@nordlicht.example"
	billingEmail  = "billing@nordlicht.example"
	supportEmail  = "support@nordlicht.example"
	customerEmail = "jana@sommer.example"
)

// people are who a test acts as.
type people struct {
	Staff    login `json:"staff"`
	Customer login `json:"customer"`
	Carded   bool  `json:"carded"` // the cards were saved
}

// keptFile has the people with their tokens, whose secrets the database does not know. While it is there and its tokens
// are good, nothing is sown again: what was changed in the demo stays as it is.
const keptFile = "people.json"

// seed sows the samples. Each step asks what is there already, so one that was interrupted goes on at the next start.
type seed struct {
	*app.App
	kept string // path of keptFile
}

func (s *seed) sow(ctx context.Context) (p people, err error) {
	if s.read(ctx, &p) {
		return p, nil
	}
	p = people{Staff: login{Email: adminEmail, Password: password}, Customer: login{Email: customerEmail, Password: password}}
	for _, step := range []struct {
		what string
		do   func(context.Context, *people) error
	}{
		{"the shop", func(ctx context.Context, _ *people) error { return s.sowShop(ctx) }},
		{"the staff", s.sowStaff}, {"the sample customer", s.sowCustomer}, {"other customers", s.sowOthers}, {"the API tokens", s.sowTokens},
	} {
		if err := step.do(ctx, &p); err != nil {
			return p, fmt.Errorf("sample data, %s: %w. Start again to go on, or delete the folder and its database to begin anew", step.what, err)
		}
	}
	return p, p.keep(s.kept)
}

// read reads who was sown before, if the database still knows them.
func (s *seed) read(ctx context.Context, p *people) bool {
	text, err := os.ReadFile(s.kept)
	if err != nil || json.Unmarshal(text, p) != nil {
		return false
	}
	for _, l := range []login{p.Staff, p.Customer} {
		if _, err := s.Auth.ByToken(ctx, l.Token); err != nil {
			return false
		}
	}
	return true
}

func (p people) keep(path string) error {
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func (s *seed) sowStaff(ctx context.Context, p *people) error {
	done, err := s.Auth.IsSetUp(ctx)
	if err != nil {
		return err
	}
	if !done {
		if _, err := s.Auth.SetUp(ctx, auth.NewStaff{Email: adminEmail, Name: "Astrid Berg", Password: password, Role: auth.RoleAdmin}); err != nil {
			return err
		}
	}
	all, err := s.Auth.ListStaff(ctx)
	if err != nil {
		return err
	}
	for _, n := range []auth.NewStaff{
		{Email: adminEmail, Name: "Astrid Berg", Role: auth.RoleAdmin}, {Email: billingEmail, Name: "Bente Klaas", Role: auth.RoleBilling},
		{Email: supportEmail, Name: "Mats Öller", Role: auth.RoleSupport},
	} {
		at := slices.IndexFunc(all, func(m auth.Staff) bool { return m.Email == n.Email })
		if at < 0 {
			n.Password = password
			m, err := s.Auth.CreateStaff(ctx, n)
			if err != nil {
				return err
			}
			all, at = append(all, m), len(all)
		}
		if n.Email == adminEmail {
			p.Staff.ID = string(all[at].ID)
		}
	}
	return nil
}

// sowCustomer registers the sample customer as a visitor would be, with a colleague who looks after the servers.
func (s *seed) sowCustomer(ctx context.Context, p *people) error {
	u, err := s.Auth.UserByEmail(ctx, customerEmail)
	if fault.KindOf(err) == fault.NotFound {
		_, u, err = s.Flow.Register(ctx, flow.RegisterIn{Password: password, Address: "127.0.0.1", Customer: customer.Newcomer{
			First: "Jana", Last: "Sommer", Email: customerEmail, Phone: "+49 30 5550142", Currency: "EUR", Locale: "en",
			Address: sdk.Address{Line1: "Kastanienallee 7", Postcode: "10435", City: "Berlin", Country: "DE"},
		}})
	}
	if err != nil {
		return err
	}
	if u.Verified.IsZero() {
		secret, _, err := s.Auth.RequestVerify(ctx, u.ID)
		if err != nil {
			return err
		}
		if _, err := s.Auth.VerifyEmail(ctx, secret); err != nil {
			return err
		}
	}
	accounts, err := s.Auth.Accounts(ctx, u.ID)
	if err != nil || len(accounts) == 0 {
		return errors.Join(err, errors.New("the sample customer has no account"))
	}
	p.Customer.ID, p.Customer.Customer = string(u.ID), string(accounts[0].Customer)
	return s.join(ctx, "timo@sommer.example", "Timo Sommer", accounts[0].Customer, auth.RoleTechnical)
}

// join gives a customer a user, who chooses a password by a mailed link.
func (s *seed) join(ctx context.Context, email, name string, c ids.Customer, role string) error {
	u, err := s.Auth.UserByEmail(ctx, email)
	if fault.KindOf(err) == fault.NotFound {
		u, err = s.Auth.RegisterUser(ctx, auth.NewUser{Email: email, Name: name})
	}
	if err != nil {
		return err
	}
	return s.Auth.Join(ctx, u.ID, c, role)
}

// sowTokens makes the API tokens: each may all that its owner may.
func (s *seed) sowTokens(ctx context.Context, p *people) error {
	staff, err := s.Auth.ActorOfStaff(ctx, ids.Staff(p.Staff.ID))
	if err != nil {
		return err
	}
	user, err := s.Auth.ActorOfUser(ctx, ids.User(p.Customer.ID), ids.Customer(p.Customer.Customer))
	if err != nil {
		return err
	}
	for _, o := range []struct {
		to    *login
		actor auth.Actor
	}{{&p.Staff, staff}, {&p.Customer, user}} {
		var scopes []string
		for _, r := range auth.RightsOf(o.actor.Kind, o.actor.Role) {
			scopes = append(scopes, string(r))
		}
		if o.to.Token, _, err = s.Auth.NewToken(auth.With(ctx, o.actor), o.actor.Person(), "Demo", scopes, time.Time{}); err != nil {
			return err
		}
	}
	return nil
}

// cards are saved for the sample customer: the first is the default and pays always, the second pays now and is refused
// when it is charged without the customer.
var cards = []string{"4242424242424242", "4000000000000341"}

// saveCards saves the cards on the gateway's own page, as the customer would.
func saveCards(ctx context.Context, a *app.App, v *vendor, p *people) error {
	user, err := a.Auth.ActorOfUser(ctx, ids.User(p.Customer.ID), ids.Customer(p.Customer.Customer))
	if err != nil {
		return err
	}
	ctx = auth.With(ctx, user)
	have, err := a.Payments.Methods(ctx, user.Customer)
	if err != nil {
		return err
	}
	for _, number := range cards {
		if slices.ContainsFunc(have, func(m payment.Method) bool { return m.Last4 == number[len(number)-4:] }) {
			continue
		}
		started, err := a.Flow.SaveMethod(ctx, user.Customer, v.name, a.Config.Portal+"/pay/return/{attempt}")
		if err != nil {
			return err
		}
		if err := v.act(map[string]any{"do": "pay", "op": string(started.Attempt), "card": number}); err != nil {
			return err
		}
		att, err := a.Flow.Returned(ctx, started.Attempt)
		if err != nil {
			return err
		}
		if att.Status != payment.Succeeded {
			return fmt.Errorf("save a card: the attempt %s is %s: %s", att.ID, att.Status, att.DeclineText)
		}
	}
	return nil
}
