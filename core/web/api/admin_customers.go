package api

import (
	"context"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/sdk"
)

// CustomerFull is a customer with what we owe.
type CustomerFull struct {
	Customer
	Balance []Amount `json:"balance" nullable:"false" doc:"What we owe, by currency"`
	Notes   string   `json:"notes,omitempty"`
}

// Customers is a page of customers.
type Customers struct {
	Data  []Customer `json:"data" nullable:"false"`
	Next  string     `json:"next,omitempty" doc:"Send it as after; not there on the last page"`
	Total int        `json:"total" doc:"Of all pages"`
}

// CustomerIn is what a customer begins with.
type CustomerIn struct {
	Kind     string `json:"kind,omitempty" enum:"person,company" doc:"A company if there is a company's name, else a person"`
	First    string `json:"first,omitempty" maxLength:"80"`
	Last     string `json:"last,omitempty" maxLength:"80"`
	Company  string `json:"company,omitempty" maxLength:"120"`
	Email    string `json:"email" maxLength:"190"`
	Phone    string `json:"phone,omitempty" maxLength:"40"`
	Line1    string `json:"line1,omitempty" maxLength:"120"`
	Line2    string `json:"line2,omitempty" maxLength:"120"`
	City     string `json:"city,omitempty" maxLength:"80"`
	Region   string `json:"region,omitempty" maxLength:"80"`
	Postcode string `json:"postcode,omitempty" maxLength:"20"`
	Country  string `json:"country" maxLength:"2" doc:"ISO 3166, two letters"`
	TaxID    string `json:"tax_id,omitempty" maxLength:"40"`
	Currency string `json:"currency" maxLength:"3" doc:"ISO 4217"`
	Locale   string `json:"locale,omitempty" maxLength:"20"`
}

type customersIn struct {
	Paging
	Status string `query:"status" enum:"active,closed"`
	Query  string `query:"q" maxLength:"100" doc:"Words of name, mail address or number"`
	Sort   string `query:"sort" enum:"newest,oldest,name,number" default:"newest"`
}

type newCustomerIn struct {
	Keyed
	Body CustomerIn
}

func (s *Site) adminCustomers() {
	add(s, operation{id: "admin-list-customers", method: get, path: "/admin/customers", scope: auth.CustomerSee, staff: true, tag: "Staff: customers", says: "The customers"}, s.listCustomers)
	add(s, operation{id: "admin-create-customer", method: post, path: "/admin/customers", scope: auth.CustomerEdit, staff: true, status: 201, key: mayKey, whole: true, tag: "Staff: customers", says: "Take a customer in",
		more: "Nobody can sign in for it yet."}, s.createCustomer)
	add(s, operation{id: "admin-get-customer", method: get, path: "/admin/customers/{id}", scope: auth.CustomerSee, staff: true, tag: "Staff: customers", says: "A customer"}, s.getCustomer)
}

func (s *Site) listCustomers(ctx context.Context, in *customersIn) (Customers, error) {
	page, err := s.Flow.Customers.List(ctx, customer.Filter{Status: customer.Status(in.Status), Query: in.Query, Sort: in.Sort, After: in.After, Limit: in.Limit})
	if err != nil {
		return Customers{}, err
	}
	return Customers{Data: each(page.List, customerOf), Next: page.Next, Total: page.Total}, nil
}

func (s *Site) createCustomer(ctx context.Context, in *newCustomerIn) (Customer, error) {
	b := in.Body
	c, err := s.Flow.Customers.Create(ctx, customer.Newcomer{Kind: customer.Kind(b.Kind), First: b.First, Last: b.Last, Company: b.Company, Email: b.Email, Phone: b.Phone, TaxID: b.TaxID, Currency: b.Currency, Locale: b.Locale,
		Address: sdk.Address{Line1: b.Line1, Line2: b.Line2, City: b.City, Region: b.Region, Postcode: b.Postcode, Country: b.Country}})
	if err != nil {
		return Customer{}, err
	}
	return customerOf(c), nil
}

func (s *Site) getCustomer(ctx context.Context, in *ByID) (CustomerFull, error) {
	id, err := parse[ids.Customer](in.ID, customer.ErrNotFound)
	if err != nil {
		return CustomerFull{}, err
	}
	c, err := s.Flow.Customers.Get(ctx, id)
	if err != nil {
		return CustomerFull{}, err
	}
	balance, err := s.Flow.Ledger.Balance(ctx, id)
	if err != nil {
		return CustomerFull{}, err
	}
	return CustomerFull{Customer: customerOf(c), Balance: amounts(balance), Notes: c.Notes}, nil
}
