package api

import (
	"context"

	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/sales/customer"
)

// Me is whom a token belongs to.
type Me struct {
	Name     string   `json:"name"`
	Email    string   `json:"email"`
	Role     string   `json:"role"`
	Scopes   []string `json:"scopes" nullable:"false" doc:"What the token may do, as far as the role still does"`
	Customer Customer `json:"customer"`
	Balance  []Amount `json:"balance" nullable:"false" doc:"What we owe the customer, by currency"`
}

// Customer is one who buys.
type Customer struct {
	ID       string `json:"id"`
	Number   int64  `json:"number"`
	Kind     string `json:"kind" enum:"person,company"`
	Name     string `json:"name"`
	First    string `json:"first,omitempty"`
	Last     string `json:"last,omitempty"`
	Company  string `json:"company,omitempty"`
	Email    string `json:"email"`
	Phone    string `json:"phone,omitempty"`
	Line1    string `json:"line1,omitempty"`
	Line2    string `json:"line2,omitempty"`
	City     string `json:"city,omitempty"`
	Region   string `json:"region,omitempty"`
	Postcode string `json:"postcode,omitempty"`
	Country  string `json:"country"`
	TaxID    string `json:"tax_id,omitempty"`
	Currency string `json:"currency"`
	Locale   string `json:"locale"`
	Status   string `json:"status" enum:"active,closed"`
	Created  string `json:"created" format:"date-time"`
}

func customerOf(c customer.Customer) Customer {
	return Customer{ID: string(c.ID), Number: c.Number, Kind: string(c.Kind), Name: c.Name(), First: c.First, Last: c.Last, Company: c.Company, Email: c.Email, Phone: c.Phone,
		Line1: c.Address.Line1, Line2: c.Address.Line2, City: c.Address.City, Region: c.Address.Region, Postcode: c.Address.Postcode, Country: c.Address.Country,
		TaxID: c.TaxID, Currency: c.Currency, Locale: c.Locale, Status: string(c.Status), Created: stamp(c.Created)}
}

func (s *Site) me() {
	add(s, operation{id: "get-me", method: get, path: "/me", scope: auth.CustomerSee, tag: "Account", says: "Whom this token belongs to"}, s.getMe)
}

func (s *Site) getMe(ctx context.Context, _ *struct{}) (Me, error) {
	a := auth.Of(ctx)
	c, err := s.Flow.Customers.Get(ctx, a.Customer)
	if err != nil {
		return Me{}, err
	}
	balance, err := s.Flow.Ledger.Balance(ctx, c.ID)
	if err != nil {
		return Me{}, err
	}
	return Me{Name: a.Name, Email: a.Email, Role: a.Role, Scopes: append([]string{}, a.Scopes...), Customer: customerOf(c), Balance: amounts(balance)}, nil
}
