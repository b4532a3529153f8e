package admin

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/platform/settings"
	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
)

func (s *Site) settingsRoutes() []route.Route {
	return []route.Route{
		get("/settings", s.askSettings, auth.SettingsSee),
		post("/settings", s.saveSettings, auth.SettingsEdit),
		get("/settings/numbers", s.askNumbers, auth.SettingsSee),
		post("/settings/numbers", s.saveNumbers, auth.SettingsEdit),
		get("/settings/dunning", s.ladders, auth.SettingsSee),
		get("/settings/dunning/new", s.askLadder, auth.SettingsEdit),
		post("/settings/dunning/new", s.saveLadder, auth.SettingsEdit),
		get("/settings/dunning/:id", s.askLadder, auth.SettingsSee),
		post("/settings/dunning/:id", s.saveLadder, auth.SettingsEdit),
	}
}

// settingsPage is one section of the settings: what it is about on the left, its fields on the right.
type settingsPage struct {
	view.Page
	Tabs    []view.Tab
	Section string
	Text    string // what the section decides
	Form    *view.Form
	CanEdit bool
}

var sections = []struct{ name, label, text string }{
	{"business", "Business", "Who sells: printed on invoices. The zone decides when a day begins, and with it what is due."},
	{"billing", "Billing", "When invoices are made and how long they may wait."},
	{"sales", "Sales", "What a checkout offers."},
	{"mail", "Mail and notices", "What mails come from, who carries them, and where staff is told."},
}

func settingsTabs(on string) []view.Tab {
	var tabs []view.Tab
	for _, sec := range sections {
		link := "/settings?section=" + sec.name
		if sec.name == "business" {
			link = "/settings"
		}
		tabs = append(tabs, view.Tab{Label: sec.label, Link: link, On: on == sec.name})
	}
	return append(tabs, view.Tab{Label: "Reminders and suspension", Link: "/settings/dunning", On: on == "dunning"}, view.Tab{Label: "Document numbers", Link: "/settings/numbers", On: on == "numbers"})
}

// section is the one that is asked for.
func section(c echo.Context) (name, text string) {
	asked := c.FormValue("section")
	for _, sec := range sections {
		if sec.name == asked {
			return sec.name, sec.text
		}
	}
	return sections[0].name, sections[0].text
}

func (s *Site) settingsForm(name string, set settings.Settings) *view.Form {
	number := func(n int) string { return strconv.Itoa(n) }
	f := view.NewForm("/settings", "Save settings", view.Field{Name: "section", Kind: view.Hidden, Value: name}, view.Field{Name: "version", Kind: view.Hidden, Value: strconv.FormatInt(set.Version, 10)})
	f.Columns = 2
	b, m := set.Business, set.Mail
	switch name {
	case "billing":
		f.Add(view.Field{Name: "billing.lead_days", Label: "Bill renewals so many days ahead", Value: number(set.Billing.LeadDays), InputMode: "numeric", Help: "At most half of a cycle."},
			view.Field{Name: "billing.terms_days", Label: "Days to pay a first invoice", Value: number(set.Billing.TermsDays), InputMode: "numeric", Help: "0 is at once."},
			view.Field{Name: "billing.order_days", Label: "Cancel unpaid orders after", Value: number(set.Billing.OrderDays), InputMode: "numeric", Help: "Days. Their stock goes back."},
			view.Field{Name: "billing.catch_up_days", Label: "Look back for what was missed", Value: number(set.Billing.CatchUpDays), InputMode: "numeric", Help: "Days that a run looks back."},
			view.Field{Name: "billing.renew_tolerance_minor", Label: "A renewal may lack", Value: strconv.FormatInt(set.Billing.RenewToleranceMinor, 10), InputMode: "numeric", Help: "Minor units, such as cents, and still count as paid."})
	case "sales":
		f.Add(view.Field{Name: "sales.currencies", Label: "Currencies", Value: strings.Join(set.Sales.Currencies, " "), Help: "Three letters each, with spaces between."},
			view.Field{Name: "sales.default_currency", Label: "Usual currency", Value: set.Sales.DefaultCurrency, MaxLength: 3},
			view.Field{Name: "sales.terms_version", Label: "Version of the terms", Value: set.Sales.TermsVersion, MaxLength: 30, Help: "Buyers accept this one; it is kept with the order."},
			view.Field{Name: "sales.gateways", Label: "Gateways, in the order offered", Value: strings.Join(set.Sales.Gateways, " "), Optional: true, Help: "Labels of instances; empty is all that run: " + s.labelsOf("gateway") + "."},
			view.Field{Name: "sales.bank_transfer", Label: "Offer bank transfer", Kind: view.Check, Value: check(set.Sales.BankTransfer), Wide: true},
			view.Field{Name: "sales.bank_text", Label: "Where to send the money", Kind: view.Textarea, Rows: 4, Value: set.Sales.BankText, Optional: true, Wide: true, Help: "Printed on invoices while something is owed."})
	case "mail":
		f.Add(view.Field{Name: "mail.from_name", Label: "From, name", Value: m.FromName, MaxLength: 120, Optional: true}, view.Field{Name: "mail.from_address", Label: "From, address", Kind: view.Email, Value: m.FromAddress, MaxLength: 190, Optional: true},
			view.Field{Name: "mail.reply_to", Label: "Answers go to", Kind: view.Email, Value: m.ReplyTo, MaxLength: 190, Optional: true},
			view.Field{Name: "mail.instance", Label: "Carried by", Kind: view.Select, Value: m.Instance, Options: s.carriers("The built-in SMTP", m.Instance)},
			view.Field{Name: "notices.instance", Label: "Staff is told through", Kind: view.Select, Value: set.Notices.Instance, Options: s.carriers("Nobody is told", set.Notices.Instance)})
	default:
		countries := []view.Choice{{Label: "–"}}
		for _, place := range customer.Countries() {
			countries = append(countries, view.Choice{Value: place.Code, Label: place.Name})
		}
		f.Add(view.Field{Name: "business.name", Label: "Name", Value: b.Name, MaxLength: 120, Wide: true}, view.Field{Name: "business.line1", Label: "Street and number", Value: b.Line1, Optional: true}, view.Field{Name: "business.line2", Label: "Second line", Value: b.Line2, Optional: true},
			view.Field{Name: "business.postcode", Label: "Postcode", Value: b.Postcode, Optional: true}, view.Field{Name: "business.city", Label: "City", Value: b.City, Optional: true},
			view.Field{Name: "business.region", Label: "Region", Value: b.Region, Optional: true}, view.Field{Name: "business.country", Label: "Country", Kind: view.Select, Value: b.Country, Options: countries, Optional: true, Help: "Decides which taxes are charged."},
			view.Field{Name: "business.tax_id", Label: "Tax number", Value: b.TaxID, Optional: true}, view.Field{Name: "business.registration", Label: "Registration", Value: b.Registration, Optional: true, Placeholder: "HRB 12345"},
			view.Field{Name: "business.email", Label: "Mail address", Kind: view.Email, Value: b.Email, Optional: true}, view.Field{Name: "business.phone", Label: "Telephone", Kind: view.Tel, Value: b.Phone, Optional: true},
			view.Field{Name: "business.website", Label: "Website", Kind: view.URL, Value: b.Website, Optional: true},
			view.Field{Name: "business.zone", Label: "Time zone", Value: b.Zone, Help: "Such as Europe/Berlin: billing days are its dates."}, view.Field{Name: "business.base_currency", Label: "Currency of the books", Value: b.BaseCurrency, MaxLength: 3})
	}
	return f
}

// labelsOf are the instances of a type as a text.
func (s *Site) labelsOf(kind string) string {
	var out []string
	if s.Plugins != nil {
		for _, i := range s.Plugins.Instances(kind) {
			out = append(out, i.Label)
		}
	}
	if len(out) == 0 {
		return "none"
	}
	return strings.Join(out, ", ")
}

// carriers are the notifier instances that may be chosen; the one in force stays, also while its plugin is gone.
func (s *Site) carriers(none, now string) []view.Choice {
	out := []view.Choice{{Label: none}}
	known := now == ""
	if s.Plugins != nil {
		for _, i := range s.Plugins.Instances("notifier") {
			out = append(out, view.Choice{Value: i.Label, Label: i.Label})
			known = known || i.Label == now
		}
	}
	if !known {
		out = append(out, view.Choice{Value: now, Label: now + ", not in plugins.hcl now"})
	}
	return out
}

func (s *Site) askSettings(c echo.Context) error {
	set, err := s.Settings.Get(c.Request().Context())
	if err != nil {
		return err
	}
	name, _ := section(c)
	return s.drawSettings(c, http.StatusOK, s.settingsForm(name, set))
}

func (s *Site) drawSettings(c echo.Context, status int, f *view.Form) error {
	name, text := section(c)
	page := &settingsPage{Page: view.Page{Title: "Settings", Current: "/settings", Failed: !f.OK()}, Tabs: settingsTabs(name), Text: text, Form: f, CanEdit: can(c, auth.SettingsEdit)}
	for _, sec := range sections {
		if sec.name == name {
			page.Section = sec.label
		}
	}
	return view.Render(c, status, "admin/settings.html", page)
}

func (s *Site) saveSettings(c echo.Context) error {
	ctx := c.Request().Context()
	set, err := s.Settings.Get(ctx)
	if err != nil {
		return err
	}
	name, _ := section(c)
	f := s.settingsForm(name, set)
	f.Read(c)
	readSettings(f, name, &set)
	set.Version, _ = strconv.ParseInt(f.Get("version"), 10, 64)
	if f.OK() {
		err = s.Settings.Save(ctx, set)
	}
	if f.Failed(err) {
		return s.drawSettings(c, http.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	return done(c, "/settings?section="+name, "Saved. It counts from now on.")
}

// readSettings takes over the fields of one section; the rest stays as it is.
func readSettings(f *view.Form, name string, set *settings.Settings) {
	switch name {
	case "billing":
		b := &set.Billing
		for field, to := range map[string]*int{"billing.lead_days": &b.LeadDays, "billing.terms_days": &b.TermsDays, "billing.order_days": &b.OrderDays, "billing.catch_up_days": &b.CatchUpDays} {
			*to = int(wholeOf(f, field))
		}
		b.RenewToleranceMinor = wholeOf(f, "billing.renew_tolerance_minor")
	case "sales":
		x := &set.Sales
		x.Currencies, x.DefaultCurrency = words(strings.ToUpper(f.Get("sales.currencies"))), upper(f.Get("sales.default_currency"))
		x.TermsVersion, x.Gateways = f.Get("sales.terms_version"), words(f.Get("sales.gateways"))
		x.BankTransfer, x.BankText = f.Get("sales.bank_transfer") == "1", f.Get("sales.bank_text")
	case "mail":
		set.Mail = settings.Mail{FromName: f.Get("mail.from_name"), FromAddress: f.Get("mail.from_address"), ReplyTo: f.Get("mail.reply_to"), Instance: f.Get("mail.instance")}
		set.Notices.Instance = f.Get("notices.instance")
	default:
		b := func(field string) string { return f.Get("business." + field) }
		set.Business = settings.Business{Name: b("name"), Line1: b("line1"), Line2: b("line2"), City: b("city"), Region: b("region"), Postcode: b("postcode"), Country: b("country"), TaxID: b("tax_id"), Registration: b("registration"),
			Email: b("email"), Phone: b("phone"), Website: b("website"), Zone: b("zone"), BaseCurrency: upper(b("base_currency"))}
	}
}

// words are the parts of a text between spaces and commas.
func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' || r == '\n' || r == '\t' })
}
