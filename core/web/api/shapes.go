package api

import (
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/money"
)

// Amount is money in the answers.
type Amount struct {
	Minor    int64  `json:"minor" doc:"In the smallest unit of the currency: 1999 is 19.99 EUR, and 1999 JPY"`
	Currency string `json:"currency" doc:"ISO 4217"`
	Decimal  string `json:"decimal" doc:"The same for people: 19.99"`
}

func amount(a money.Amount) Amount {
	return Amount{Minor: a.Minor(), Currency: a.Currency(), Decimal: a.Decimal()}
}

func minor(n int64, currency string) Amount { return amount(money.Of(n, currency)) }

func amounts(list []money.Amount) []Amount { return each(list, amount) }

// AmountIn is money in a request.
type AmountIn struct {
	Minor    int64  `json:"minor" doc:"In the smallest unit of the currency"`
	Currency string `json:"currency" pattern:"^[A-Z]{3}$" doc:"ISO 4217"`
}

func (a AmountIn) money() money.Amount { return money.Of(a.Minor, a.Currency) }

// each makes a list of another; never null.
func each[A, B any](list []A, f func(A) B) []B {
	out := make([]B, len(list))
	for i, v := range list {
		out[i] = f(v)
	}
	return out
}

// texts turns texts of a kind into those of another.
func texts[B, A ~string](list []A) []B { return each(list, func(a A) B { return B(a) }) }

// stamp is an instant in an answer, "" for none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// Paging is how lists are read on.
type Paging struct {
	After string `query:"after" maxLength:"200" doc:"The next of the page before"`
	Limit int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most"`
}

// Days narrows a list to days.
type Days struct {
	From string `query:"from" format:"date" doc:"From this day on"`
	To   string `query:"to" format:"date" doc:"Before this day"`
}

func (d Days) days() (from, to period.Day, err error) {
	if from, err = day(d.From, "from"); err != nil {
		return from, to, err
	}
	to, err = day(d.To, "to")
	return from, to, err
}

// day reads a day of a request; "" is none.
func day(text, field string) (period.Day, error) {
	d, err := period.ParseDay(text)
	if err != nil {
		return d, fault.New(fault.Invalid, "day_invalid", "Write a day as 2027-01-31.").On(field)
	}
	return d, nil
}

// ByID is the ID in an address. What cannot be an ID is answered as one that nobody has.
type ByID struct {
	ID string `path:"id" maxLength:"60" doc:"Its ID"`
}

// parse reads an ID of the address; none is what the thing's own domain says of one that does not exist.
func parse[T ids.Kind](text string, none error) (T, error) {
	id, err := ids.Parse[T](text)
	if err != nil {
		return "", none
	}
	return id, nil
}

// optional reads an ID of a filter or a body; "" is none.
func optional[T ids.Kind](text, field string) (T, error) {
	if text == "" {
		var none T
		return none, nil
	}
	id, err := ids.Parse[T](text)
	if err != nil {
		return "", fault.New(fault.Invalid, "id_invalid", "This is no ID of that kind.").On(field)
	}
	return id, nil
}

// Party is a seller or a buyer as a document names it.
type Party struct {
	Name    string   `json:"name"`
	Lines   []string `json:"lines" nullable:"false" doc:"The address as it is printed"`
	Country string   `json:"country"`
	TaxID   string   `json:"tax_id,omitempty"`
}

// Product is what a service is of.
type Product struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}
