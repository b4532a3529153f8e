package storefront

import (
	"cmp"
	"context"
	"strings"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/core/web/view"
)

// byBank is the way that no gateway is asked for.
const byBank = "bank"

// waysOf lists the ways to pay: saved methods first, then gateways, then a bank transfer.
func (s *Site) waysOf(ctx context.Context, v visit, c ids.Customer) ([]payWay, error) {
	var out []payWay
	ways, err := s.Flow.Ways(ctx)
	if err != nil {
		return nil, err
	}
	up := map[string]bool{}
	for _, w := range ways {
		up[w.Gateway] = w.Up
	}
	if c != "" {
		saved, err := s.Payments.Methods(ctx, c)
		if err != nil {
			return nil, err
		}
		for _, m := range saved {
			if m.Blocked == "" && (m.Expires.IsZero() || !m.Expires.Before(v.set.Today(s.Clock.Now()))) {
				out = append(out, payWay{Value: "method:" + string(m.ID), Title: methodName(m), Icon: iconOf(m.Kind), Off: !up[m.Gateway], Note: "Saved"})
			}
		}
	}
	for _, w := range ways {
		p := payWay{Value: "gateway:" + w.Gateway, Title: w.Title, Icon: iconOf(w.Title), Off: !w.Up, save: w.CanSave, Note: "You go to its page and come back here"}
		if !w.Up {
			p.Note = "Does not answer at the moment"
		}
		out = append(out, p)
	}
	if v.set.Sales.BankTransfer {
		out = append(out, payWay{Value: byBank, Title: "Bank transfer", Icon: "landmark", Note: "Starts when the money is here, 1 to 2 days"})
	}
	return out, nil
}

// methodName is what a person calls a saved way to pay.
func methodName(m payment.Method) string {
	if m.Last4 != "" {
		brand := cmp.Or(m.Brand, m.Kind)
		return strings.ToUpper(brand[:1]) + brand[1:] + " " + m.Last4
	}
	return cmp.Or(m.Label, m.Kind)
}

func iconOf(word string) string {
	word = strings.ToLower(word)
	switch {
	case strings.Contains(word, "paypal"):
		return "wallet"
	case strings.Contains(word, "bank"), strings.Contains(word, "sepa"):
		return "landmark"
	}
	return "credit-card"
}

// choose ticks the way that was asked for, else the first that answers.
func choose(ways []payWay, asked string) *payWay {
	var on *payWay
	for i := range ways {
		if w := &ways[i]; !w.Off && (w.Value == asked || on == nil && asked == "") {
			on = w
		}
	}
	if on != nil {
		on.On = true
	}
	return on
}

// accountFields are what a new customer tells.
func accountFields(country string) []view.Field {
	fields := []view.Field{
		{Name: "email", Label: "Mail address", Kind: view.Email, Autocomplete: "email", MaxLength: 190},
		{Name: "password", Label: "Password", Kind: view.Password, Autocomplete: "new-password", MaxLength: 200, Help: "At least 10 characters. Any words will do."},
		{Name: "kind", Label: "Order as", Kind: view.Radio, Value: string(customer.Person), Options: []view.Choice{{Value: string(customer.Person), Label: "Person"}, {Value: string(customer.Company), Label: "Company"}}},
		{Name: "company", Label: "Company", Autocomplete: "organization", MaxLength: 120},
		{Name: "tax_id", Label: "VAT number", Optional: true, MaxLength: 30, Placeholder: "DE 123 456 789"},
		{Name: "first", Label: "First name", Autocomplete: "given-name", MaxLength: 80},
		{Name: "last", Label: "Last name", Autocomplete: "family-name", MaxLength: 80},
		{Name: "line1", Label: "Street and number", Autocomplete: "address-line1", MaxLength: 120, Wide: true},
		{Name: "line2", Label: "Second line", Autocomplete: "address-line2", MaxLength: 120, Optional: true, Wide: true},
		{Name: "postcode", Label: "Postcode", Autocomplete: "postal-code", MaxLength: 20},
		{Name: "city", Label: "City", Autocomplete: "address-level2", MaxLength: 80},
		{Name: "country", Label: "Country", Kind: view.Select, Value: country, Autocomplete: "country"},
	}
	for _, k := range customer.Countries() {
		fields[len(fields)-1].Options = append(fields[len(fields)-1].Options, view.Choice{Value: k.Code, Label: k.Name})
	}
	if regions := customer.Regions(country); len(regions) > 0 {
		f := view.Field{Name: "region", Label: "State or province", Kind: view.Select, Autocomplete: "address-level1", Optional: true, Options: []view.Choice{{Label: "Choose one"}}}
		for _, r := range regions {
			f.Options = append(f.Options, view.Choice{Value: r.Code, Label: r.Name})
		}
		fields = append(fields, f)
	}
	return fields
}
