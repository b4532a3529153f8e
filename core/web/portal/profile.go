package portal

import (
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk"
)

func (s *Site) profileRoutes() []route.Route {
	return []route.Route{
		get("/account", route.SignedIn(), s.profile),
		post("/account", route.Customer(auth.CustomerEdit), s.saveProfile),
		get("/account/address", route.Customer(auth.CustomerSee), s.address),
		post("/account/address", route.Customer(auth.CustomerEdit), s.saveAddress),
	}
}

// accountTabs are the views of the account, as far as who asks may see them.
func accountTabs(c echo.Context, on string) []view.Tab {
	a := route.Actor(c)
	var out []view.Tab
	add := func(ok bool, label, link string) {
		if ok {
			out = append(out, view.Tab{Label: label, Link: link, On: on == link})
		}
	}
	add(a.Can(auth.CustomerSee), "Profile", "/account")
	add(a.Can(auth.CustomerSee), "Address and tax", "/account/address")
	add(a.User != "", "Security", "/account/security")
	add(a.Can(auth.TokenEdit), "API tokens", "/account/tokens")
	add(a.Can(auth.MailSee), "Mails", "/account/mails")
	return out
}

// accountPage is a form of the account.
type accountPage struct {
	view.Page
	Tabs    []view.Tab
	Form    *view.Form
	Facts   []view.Fact // what cannot be changed here
	CanEdit bool
}

func (s *Site) accountPage(c echo.Context, on string, form *view.Form) *accountPage {
	page := &accountPage{Page: view.Page{Title: "Account", Current: "/account"}, Tabs: accountTabs(c, on), Form: form, CanEdit: can(c, auth.CustomerEdit)}
	if !page.CanEdit {
		for _, f := range form.Fields {
			f.ReadOnly = true
		}
	}
	return page
}

var locales = []view.Choice{{Value: "en", Label: "English"}, {Value: "de", Label: "Deutsch"}}

func localesWith(have string) []view.Choice {
	for _, l := range locales {
		if l.Value == have {
			return locales
		}
	}
	return append([]view.Choice{{Value: have, Label: have}}, locales...)
}

func profileForm(who customer.Customer) *view.Form {
	form := view.NewForm("/account", "Save changes",
		view.Field{Name: "first", Label: "First name", Value: who.First, Autocomplete: "given-name", MaxLength: 80},
		view.Field{Name: "last", Label: "Last name", Value: who.Last, Autocomplete: "family-name", MaxLength: 80},
		view.Field{Name: "email", Label: "Mail address for invoices and notices", Kind: view.Email, Value: who.Email, Autocomplete: "email", Wide: true, MaxLength: 190, Help: "Who signs in with which address is under Security."},
		view.Field{Name: "phone", Label: "Phone", Kind: view.Tel, Value: who.Phone, Autocomplete: "tel", Optional: true, Placeholder: "+49 30 1234567"},
		view.Field{Name: "locale", Label: "Language of mails and documents", Kind: view.Select, Value: who.Locale, Options: localesWith(who.Locale)},
		view.Field{Name: "version", Kind: view.Hidden, Value: strconv.FormatInt(who.Version, 10)})
	form.Columns = 2
	return form
}

func (s *Site) profile(c echo.Context) error {
	if customerOf(c) == "" {
		return c.Redirect(http.StatusSeeOther, "/account/security")
	}
	who, err := s.Customers.Get(c.Request().Context(), customerOf(c))
	if err != nil {
		return err
	}
	return view.Render(c, http.StatusOK, "portal/account.html", s.profilePage(c, who, profileForm(who)))
}

func (s *Site) profilePage(c echo.Context, who customer.Customer, form *view.Form) *accountPage {
	page := s.accountPage(c, "/account", form)
	page.Customer = who.Name()
	page.Facts = []view.Fact{{Label: "Customer", Value: strconv.FormatInt(who.Number, 10)}, {Label: "Currency", Value: who.Currency}, {Label: "Your role", Value: roleWord(route.Actor(c).Role)}}
	return page
}

func (s *Site) saveProfile(c echo.Context) error {
	return s.save(c, "/account", profileForm, s.profilePage, func(p *flow.Profile, f *view.Form) {
		p.First, p.Last, p.Email, p.Phone, p.Locale = f.Get("first"), f.Get("last"), f.Get("email"), f.Get("phone"), f.Get("locale")
	})
}

func addressForm(who customer.Customer) *view.Form {
	kind := string(who.Kind)
	countries := []view.Choice{}
	for _, k := range customer.Countries() {
		countries = append(countries, view.Choice{Value: k.Code, Label: k.Name})
	}
	form := view.NewForm("/account/address", "Save changes",
		view.Field{Name: "kind", Label: "Who buys", Kind: view.Radio, Value: kind, Options: []view.Choice{{Value: string(customer.Person), Label: "A person"}, {Value: string(customer.Company), Label: "A company"}}, Wide: true,
			Group: "On invoices", GroupHelp: "Invoices that were issued stay as they are."},
		view.Field{Name: "company", Label: "Company name", Value: who.Company, Autocomplete: "organization", Optional: true, MaxLength: 120, Help: "As it is printed on invoices."},
		view.Field{Name: "tax_id", Label: "VAT or tax number", Value: who.TaxID, Optional: true, MaxLength: 40, Help: taxHelp(who)},
		view.Field{Name: "line1", Label: "Street and number", Value: who.Address.Line1, Autocomplete: "address-line1", Wide: true, MaxLength: 120, Group: "Address", GroupHelp: "Decides which tax applies."},
		view.Field{Name: "line2", Label: "More", Value: who.Address.Line2, Autocomplete: "address-line2", Wide: true, Optional: true, MaxLength: 120},
		view.Field{Name: "postcode", Label: "Postcode", Value: who.Address.Postcode, Autocomplete: "postal-code", Optional: true, MaxLength: 20},
		view.Field{Name: "city", Label: "City", Value: who.Address.City, Autocomplete: "address-level2", MaxLength: 80},
		view.Field{Name: "region", Label: "State or region", Value: who.Address.Region, Autocomplete: "address-level1", Optional: true, MaxLength: 60},
		view.Field{Name: "country", Label: "Country", Kind: view.Select, Value: who.Address.Country, Autocomplete: "country", Options: countries},
		view.Field{Name: "version", Kind: view.Hidden, Value: strconv.FormatInt(who.Version, 10)})
	form.Columns = 2
	return form
}

func taxHelp(who customer.Customer) string {
	switch {
	case who.TaxExempt:
		return "You are exempt from tax."
	case who.TaxID == "":
		return "With it, reverse charge may apply."
	case who.TaxIDChecked:
		return "Confirmed by the register."
	}
	return "Not confirmed by the register yet: tax is charged until it is."
}

func (s *Site) address(c echo.Context) error {
	who, err := s.Customers.Get(c.Request().Context(), customerOf(c))
	if err != nil {
		return err
	}
	return view.Render(c, http.StatusOK, "portal/account.html", s.addressPage(c, who, addressForm(who)))
}

func (s *Site) addressPage(c echo.Context, who customer.Customer, form *view.Form) *accountPage {
	page := s.accountPage(c, "/account/address", form)
	page.Customer = who.Name()
	return page
}

func (s *Site) saveAddress(c echo.Context) error {
	return s.save(c, "/account/address", addressForm, s.addressPage, func(p *flow.Profile, f *view.Form) {
		p.Kind, p.Company, p.TaxID = customer.Kind(f.Get("kind")), f.Get("company"), f.Get("tax_id")
		p.Address = sdk.Address{Line1: f.Get("line1"), Line2: f.Get("line2"), Postcode: f.Get("postcode"), City: f.Get("city"), Region: f.Get("region"), Country: f.Get("country")}
	})
}

// save takes over one form of the profile and leaves the other half as it is.
func (s *Site) save(c echo.Context, to string, make func(customer.Customer) *view.Form, page func(echo.Context, customer.Customer, *view.Form) *accountPage, take func(*flow.Profile, *view.Form)) error {
	ctx := c.Request().Context()
	who, err := s.Customers.Get(ctx, customerOf(c))
	if err != nil {
		return err
	}
	form := make(who)
	form.Read(c)
	if form.OK() {
		p := flow.ProfileOf(who)
		take(&p, form)
		if p.Version, err = strconv.ParseInt(form.Get("version"), 10, 64); err != nil {
			p.Version = -1
		}
		_, err = s.Flow.ChangeProfile(ctx, who.ID, p)
	}
	if form.Failed(err) {
		again := page(c, who, form)
		again.Failed = true
		return view.Render(c, http.StatusUnprocessableEntity, "portal/account.html", again)
	}
	if err != nil {
		return err
	}
	return done(c, to, "Saved.")
}
