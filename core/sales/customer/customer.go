// Package customer owns the people and companies that buy: contacts, addresses, tax numbers, currency and
// language, and how they are billed. Who may sign in for them belongs to auth, what they owe to billing.
// Start at Customer; what is accepted is in check.go.
package customer

import (
	"strconv"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
)

// ErrNotFound: there is no such customer.
var ErrNotFound = fault.New(fault.NotFound, "customer_not_found", "That customer does not exist.")

// ErrChanged: another change came first. Read again and decide anew.
var ErrChanged = fault.New(fault.Conflict, "customer_changed", "This account was changed meanwhile. Please look again.")

// ErrPage: a list was asked for in an order or from a place that does not exist.
var ErrPage = fault.New(fault.Invalid, "page_invalid", "That page does not exist.")

// Kind is person or company.
type Kind string

// The kinds. A company has a company name; both have a person to talk to.
const (
	Person  Kind = "person"
	Company Kind = "company"
)

// Customer is one who buys.
type Customer struct {
	ID           ids.Customer
	Number       int64 // what people call it by; ascending, never used again
	Kind         Kind
	First, Last  string
	Company      string
	Email        string // lower case
	Phone        string // E.164, or ""
	Address      sdk.Address
	TaxID        string // upper case without spaces, or ""
	TaxIDChecked bool   // an authority confirmed TaxID for this country
	TaxExempt    bool   // pays no tax at all; staff decided so
	Currency     string // ISO 4217
	Locale       string // such as de-AT
	Status       Status
	Combine      bool // renewals of one day go on one invoice
	AutoApply    bool // the balance pays new invoices by itself
	TermsDays    int  // days to pay an invoice after it is issued; 0: at once
	Notes        string
	Created      time.Time
	Updated      time.Time
	Version      int64
}

// Name is the company, else first and last.
func (c Customer) Name() string {
	return c.SDK().Name()
}

// SDK is the customer as a plugin is told, without the notes of an instance.
func (c Customer) SDK() sdk.Customer {
	return sdk.Customer{
		ID: string(c.ID), Number: c.Number, First: c.First, Last: c.Last, Company: c.Company, Email: c.Email, Phone: c.Phone,
		Locale: c.Locale, Address: c.Address,
	}
}

// Newcomer is what a customer begins with.
type Newcomer struct {
	Kind             Kind // "" is Company if there is a company name, else Person
	First, Last      string
	Company          string
	Email, Phone     string
	Address          sdk.Address
	TaxID            string
	Currency, Locale string // Locale "" is en
}

// Filter narrows a list. Zero fields do not.
type Filter struct {
	Status Status
	Query  string // words that are all part of name, mail address or number; or a whole ID
	Sort   string // newest (default), oldest, name, number
	After  string // Next of the page before
	Limit  int    // 1 to 200; 0 is 50
}

// Page is one page of a list. Next "" is the end; Total counts the whole filter.
type Page struct {
	List  []Customer
	Next  string
	Total int
}

// searchText is what a query is looked for in. It begins with the name, so that it also sorts by it.
func (c Customer) searchText() string {
	text := fold(c.Name())
	for _, more := range []string{strconv.FormatInt(c.Number, 10), c.Email, c.First, c.Last, c.Company} {
		text += " " + fold(more)
	}
	return cutRunes(text, 500)
}
