package storefront

import (
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/core/web/view"
)

// fixed is a page of text that a theme holds.
type fixed struct{ path, title, template string }

// texts are the pages about the business and the rules. Their words are templates, so that a theme can replace them.
var texts = []fixed{
	{"/about", "About", "storefront/about.html"},
	{"/contact", "Contact", "storefront/contact.html"},
	{"/terms", "Terms of service", "storefront/terms.html"},
	{"/privacy", "Privacy", "storefront/privacy.html"},
	{"/acceptable-use", "Acceptable use", "storefront/acceptable-use.html"},
	{"/sla", "Service levels", "storefront/sla.html"},
}

// textPage is a page of text with what it says about the business.
type textPage struct {
	view.Page
	Business     string
	Lines        []string // of the address
	Email        string
	Phone        string
	TaxID        string
	Registration string
	Country      string // where the business is, in words
	Terms        string // version of the terms that orders accept
	Products     string // what is sold, as a list of words
}

func (s *Site) text(f fixed) echo.HandlerFunc {
	return func(c echo.Context) error {
		v, err := s.visitOf(c)
		if err != nil {
			return err
		}
		return s.kept(c, v, "", func() (string, any, error) {
			b := v.set.Business
			page := &textPage{Page: s.page(v, f.title), Business: b.Name, Email: b.Email, Phone: b.Phone, TaxID: b.TaxID, Registration: b.Registration,
				Country: customer.CountryName(b.Country), Terms: v.set.Sales.TermsVersion}
			for _, line := range []string{b.Line1, b.Line2, strings.TrimSpace(b.Postcode + " " + b.City), customer.CountryName(b.Country)} {
				if line != "" {
					page.Lines = append(page.Lines, line)
				}
			}
			var words []string
			for _, g := range v.shop.Groups() {
				words = append(words, inside(g.Name))
			}
			page.Products = list(words)
			return f.template, page, nil
		})
	}
}
