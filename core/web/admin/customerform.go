package admin

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/platform/settings"
	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk"
)

// customerForm is the form for a new customer, or for one that exists.
func customerForm(action, submit string, set settings.Settings, c customer.Customer) *view.Form {
	countries := []view.Choice{{Label: "Choose"}}
	for _, x := range customer.Countries() {
		countries = append(countries, view.Choice{Value: x.Code, Label: x.Name})
	}
	var currencies []view.Choice
	known := false
	for _, code := range set.Sales.Currencies {
		currencies = append(currencies, view.Choice{Value: code, Label: code})
		known = known || code == c.Currency
	}
	if c.Currency != "" && !known {
		currencies = append(currencies, view.Choice{Value: c.Currency, Label: c.Currency})
	}
	tick := func(b bool) string { return yesno(b, "1", "") }
	a := c.Address
	f := view.NewForm(action, submit,
		view.Field{Name: "kind", Label: "Kind", Kind: view.Select, Value: string(c.Kind), Options: []view.Choice{{Value: "person", Label: "Person"}, {Value: "company", Label: "Company"}}, Group: "Who", GroupHelp: "As it is printed on invoices."},
		view.Field{Name: "company", Label: "Company name", Value: c.Company, Optional: true, MaxLength: 120},
		view.Field{Name: "first", Label: "First name", Value: c.First, MaxLength: 80},
		view.Field{Name: "last", Label: "Last name", Value: c.Last, MaxLength: 80},
		view.Field{Name: "email", Label: "Email", Kind: view.Email, Value: c.Email, MaxLength: 190},
		view.Field{Name: "phone", Label: "Phone", Kind: view.Tel, Value: c.Phone, Optional: true, Placeholder: "+49 30 1234567"},
		view.Field{Name: "line1", Label: "Street and number", Value: a.Line1, MaxLength: 120, Group: "Address"},
		view.Field{Name: "line2", Label: "Second line", Value: a.Line2, Optional: true, MaxLength: 120},
		view.Field{Name: "postcode", Label: "Postcode", Value: a.Postcode, MaxLength: 20},
		view.Field{Name: "city", Label: "City", Value: a.City, MaxLength: 80},
		view.Field{Name: "region", Label: "State or province", Value: a.Region, Optional: true, Help: "Needed in countries whose addresses name one."},
		view.Field{Name: "country", Label: "Country", Kind: view.Select, Value: a.Country, Options: countries},
		view.Field{Name: "tax_id", Label: "Tax number", Value: c.TaxID, Optional: true, MaxLength: 40, Group: "Tax and billing"},
		view.Field{Name: "currency", Label: "Currency", Kind: view.Select, Value: c.Currency, Options: currencies},
		view.Field{Name: "locale", Label: "Language", Value: c.Locale, Placeholder: "de-AT", Help: "Of mails and invoices."},
	)
	if c.ID != "" {
		f.Add(
			view.Field{Name: "terms_days", Label: "Days to pay", Value: strconv.Itoa(c.TermsDays), InputMode: "numeric", Help: "0: due on the day of issue."},
			view.Field{Name: "tax_exempt", Label: "Pays no tax at all", Kind: view.Check, Value: tick(c.TaxExempt)},
			view.Field{Name: "tax_id_checked", Label: "Tax number was confirmed by an authority", Kind: view.Check, Value: tick(c.TaxIDChecked)},
			view.Field{Name: "combine", Label: "Renewals of one day go on one invoice", Kind: view.Check, Value: tick(c.Combine)},
			view.Field{Name: "auto_apply", Label: "The balance pays new invoices by itself", Kind: view.Check, Value: tick(c.AutoApply)},
			view.Field{Name: "notes", Label: "Notes", Kind: view.Textarea, Value: c.Notes, Optional: true, Wide: true, Rows: 5, Help: "Only staff reads them.", Group: "Notes"},
			view.Field{Name: "version", Kind: view.Hidden, Value: strconv.FormatInt(c.Version, 10)},
		)
		f.Cancel = "/customers/" + string(c.ID)
	} else {
		f.Cancel = "/customers"
	}
	f.Columns = 2
	return f
}

// readCustomer puts what was typed into a customer.
func readCustomer(f *view.Form, c *customer.Customer) {
	c.Kind, c.Company, c.First, c.Last = customer.Kind(f.Get("kind")), f.Get("company"), f.Get("first"), f.Get("last")
	c.Email, c.Phone, c.TaxID, c.Currency, c.Locale = f.Get("email"), f.Get("phone"), f.Get("tax_id"), f.Get("currency"), f.Get("locale")
	c.Address = sdk.Address{Line1: f.Get("line1"), Line2: f.Get("line2"), City: f.Get("city"), Region: f.Get("region"), Postcode: f.Get("postcode"), Country: f.Get("country")}
	if c.Kind == customer.Person {
		c.Company = ""
	}
	if f.Field("version") == nil {
		return
	}
	days, err := strconv.Atoi(f.Get("terms_days"))
	if err != nil {
		f.Wrong("terms_days", "Write a number of days.")
	}
	c.TermsDays = days
	c.TaxExempt, c.TaxIDChecked, c.Combine, c.AutoApply = f.Get("tax_exempt") == "1", f.Get("tax_id_checked") == "1", f.Get("combine") == "1", f.Get("auto_apply") == "1"
	c.Notes = f.Get("notes")
}

func customerFormPage(c echo.Context, status int, title, sub string, f *view.Form, crumbs ...view.Link) error {
	return view.Render(c, status, "shared/form-admin.html", &view.FormPage{
		Page: view.Page{Title: title, Sub: sub, Crumbs: append([]view.Link{{Label: "Customers", Link: "/customers"}}, crumbs...), Current: "/customers", Failed: status != http.StatusOK}, Form: f})
}

func (s *Site) newCustomerForm(c echo.Context) (*view.Form, error) {
	set, err := s.Settings.Get(c.Request().Context())
	if err != nil {
		return nil, err
	}
	blank := customer.Customer{Kind: customer.Person, Currency: set.Sales.DefaultCurrency, Locale: "en"}
	blank.Address.Country = set.Business.Country
	return customerForm("/customers/new", "Create customer", set, blank), nil
}

func (s *Site) newCustomerPage(c echo.Context) error {
	f, err := s.newCustomerForm(c)
	if err != nil {
		return err
	}
	return customerFormPage(c, http.StatusOK, "New customer", "Nobody can sign in for it until a person is invited.", f)
}

func (s *Site) newCustomer(c echo.Context) error {
	f, err := s.newCustomerForm(c)
	if err != nil {
		return err
	}
	f.Read(c)
	var in customer.Customer
	readCustomer(f, &in)
	var made customer.Customer
	if f.OK() {
		made, err = s.Customers.Create(c.Request().Context(), customer.Newcomer{Kind: in.Kind, First: in.First, Last: in.Last, Company: in.Company, Email: in.Email, Phone: in.Phone,
			Address: in.Address, TaxID: in.TaxID, Currency: in.Currency, Locale: in.Locale})
	}
	if f.Failed(err) {
		return customerFormPage(c, http.StatusUnprocessableEntity, "New customer", "Nobody can sign in for it until a person is invited.", f)
	}
	if err != nil {
		return err
	}
	return done(c, "/customers/"+string(made.ID), made.Name()+" is customer "+strconv.FormatInt(made.Number, 10)+".")
}

// editCustomerForm is the form with what the customer is now, and the customer.
func (s *Site) editCustomerForm(c echo.Context) (*view.Form, customer.Customer, error) {
	id, err := idOf[ids.Customer](c)
	if err != nil {
		return nil, customer.Customer{}, err
	}
	ctx := c.Request().Context()
	set, err := s.Settings.Get(ctx)
	if err != nil {
		return nil, customer.Customer{}, err
	}
	cus, err := s.Customers.Get(ctx, id)
	if err != nil {
		return nil, cus, err
	}
	f := customerForm("/customers/"+string(id)+"/edit", "Save", set, cus)
	billed, err := s.Invoices.List(ctx, invoice.Filter{Customer: id, Limit: 1})
	if err != nil {
		return nil, cus, err
	}
	if billed.Total > 0 {
		f.Field("currency").ReadOnly, f.Field("currency").Help = true, "It stays: there are invoices in it."
	}
	return f, cus, nil
}

func (s *Site) editCustomerPage(c echo.Context) error {
	f, cus, err := s.editCustomerForm(c)
	if err != nil {
		return err
	}
	return customerFormPage(c, http.StatusOK, "Edit "+cus.Name(), "", f, view.Link{Label: cus.Name(), Link: "/customers/" + string(cus.ID)})
}

func (s *Site) editCustomer(c echo.Context) error {
	f, cus, err := s.editCustomerForm(c)
	if err != nil {
		return err
	}
	f.Read(c)
	shown, _ := strconv.ParseInt(f.Get("version"), 10, 64)
	var read customer.Customer
	readCustomer(f, &read)
	if f.OK() {
		_, err = s.Customers.Update(c.Request().Context(), cus.ID, func(x *customer.Customer) error {
			readCustomer(f, x)
			x.Version = shown
			return nil
		})
	}
	if f.Failed(err) {
		return customerFormPage(c, http.StatusUnprocessableEntity, "Edit "+cus.Name(), "", f, view.Link{Label: cus.Name(), Link: "/customers/" + string(cus.ID)})
	}
	if err != nil {
		return err
	}
	return done(c, "/customers/"+string(cus.ID), "Saved.")
}

// trimmed joins what is not empty with spaces.
func trimmed(parts ...string) string {
	return strings.TrimSpace(strings.Join(strings.Fields(strings.Join(parts, " ")), " "))
}
