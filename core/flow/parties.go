package flow

import (
	"strings"

	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/platform/settings"
	"github.com/ezscale/bursar/core/sales/customer"
)

// sellerParty is the business as a document freezes it.
func sellerParty(s settings.Settings) invoice.Party {
	b := s.Business
	return invoice.Party{Name: b.Name, Lines: lines(b.Line1, b.Line2, place(b.Postcode, b.City, b.Region), customer.CountryName(b.Country)), Email: b.Email, Country: b.Country, TaxID: b.TaxID}
}

// buyerParty is a customer as a document freezes it.
func buyerParty(c customer.Customer) invoice.Party {
	p := invoice.Party{Name: c.Name(), Email: c.Email, Country: c.Address.Country, TaxID: c.TaxID, Locale: c.Locale}
	if c.Company != "" {
		if person := strings.TrimSpace(c.First + " " + c.Last); person != "" {
			p.Lines = append(p.Lines, person)
		}
	}
	a := c.Address
	p.Lines = append(p.Lines, lines(a.Line1, a.Line2, place(a.Postcode, a.City, a.Region), customer.CountryName(a.Country))...)
	return p
}

// place is postcode and town on one line.
func place(postcode, city, region string) string {
	return strings.Join(lines(postcode, city, region), " ")
}

// lines leaves out what is empty.
func lines(all ...string) []string {
	var out []string
	for _, l := range all {
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, l)
		}
	}
	return out
}
