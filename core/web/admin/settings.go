package admin

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/dunning"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/platform/audit"
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

// numbersPage are the series of document numbers.
type numbersPage struct {
	view.Page
	Tabs    []view.Tab
	Series  []seriesRow
	Form    *view.Form
	CanEdit bool
}

// seriesRow is the series that gives the next numbers of a kind.
type seriesRow struct{ Kind, Template, Reset, Example string }

func numbersForm(today period.Day) *view.Form {
	f := view.NewForm("/settings/numbers", "Begin this series",
		view.Field{Name: "kind", Label: "Documents", Kind: view.Select, Value: invoice.SeriesInvoice, Options: []view.Choice{{Value: invoice.SeriesInvoice, Label: "Invoices"}, {Value: invoice.SeriesCredit, Label: "Credit notes"}}},
		view.Field{Name: "template", Label: "Template", Placeholder: "INV-{YYYY}-{N:5}", Help: "{YYYY} {YY} {MM} {DD} and {N}; {N:5} has at least five digits."},
		view.Field{Name: "reset", Label: "Numbers begin again", Kind: view.Select, Value: "year", Options: []view.Choice{{Value: "year", Label: "Each year"}, {Value: "month", Label: "Each month"}, {Value: "never", Label: "Never"}}},
		view.Field{Name: "start", Label: "First number", Value: "1", InputMode: "numeric"},
		view.Field{Name: "from", Label: "From", Kind: view.Date, Value: today.String(), Help: "Its first document has this day or a later one."})
	f.Columns, f.Danger = 2, true
	return f
}

func (s *Site) askNumbers(c echo.Context) error {
	today, _, err := s.today(c.Request().Context())
	if err != nil {
		return err
	}
	return s.drawNumbers(c, http.StatusOK, numbersForm(today))
}

func (s *Site) drawNumbers(c echo.Context, status int, f *view.Form) error {
	ctx := c.Request().Context()
	page := &numbersPage{Page: view.Page{Title: "Settings", Current: "/settings", Failed: !f.OK()}, Tabs: settingsTabs("numbers"), Form: f, CanEdit: can(c, auth.SettingsEdit)}
	today, _, err := s.today(ctx)
	if err != nil {
		return err
	}
	for _, kind := range []string{invoice.SeriesInvoice, invoice.SeriesCredit} {
		active, err := s.Invoices.ActiveSeries(ctx, kind)
		if err != nil {
			continue // none yet: the first document begins the standard one
		}
		row := seriesRow{Kind: title(plain(kind)) + "s", Template: active.Template, Reset: string(active.Reset)}
		row.Example, _ = active.Format(today, 42)
		page.Series = append(page.Series, row)
	}
	return view.Render(c, status, "admin/numbers.html", page)
}

func (s *Site) saveNumbers(c echo.Context) error {
	ctx := c.Request().Context()
	today, _, err := s.today(ctx)
	if err != nil {
		return err
	}
	f := numbersForm(today)
	f.Read(c)
	numbering, bad := invoice.ParseNumbering(f.Get("template"), invoice.Reset(f.Get("reset")))
	if bad != nil {
		text := "This template cannot be used."
		if fa := faultDetail(bad); fa != "" {
			text += " " + title(fa) + "."
		}
		f.Wrong("template", text)
	}
	n := invoice.NewSeries{Kind: f.Get("kind"), Numbering: numbering, From: dayOf(f, "from"), Start: wholeOf(f, "start")}
	if f.OK() {
		_, err = s.Invoices.BeginSeries(ctx, n)
	}
	if f.Failed(err) {
		return s.drawNumbers(c, http.StatusUnprocessableEntity, f)
	}
	if err == nil {
		err = s.Audit.Add(ctx, audit.Entry{Action: "settings.numbers", Subject: n.Kind, After: map[string]any{"template": n.Template, "reset": n.Reset, "from": n.From, "start": n.Start}})
	}
	if err != nil {
		return err
	}
	return done(c, "/settings/numbers", "The next document has a number of the new series.")
}

// laddersPage are the schedules of reminders and suspension.
type laddersPage struct {
	view.Page
	Tabs    []view.Tab
	Rows    []ladderRow
	CanEdit bool
}

// ladderRow is a schedule.
type ladderRow struct {
	Link, Name string
	Steps      []string
}

func (s *Site) ladders(c echo.Context) error {
	list, err := s.Dunning.NamedLadders(c.Request().Context())
	if err != nil {
		return err
	}
	page := &laddersPage{Page: view.Page{Title: "Settings", Current: "/settings"}, Tabs: settingsTabs("dunning"), CanEdit: can(c, auth.SettingsEdit)}
	for _, l := range list {
		page.Rows = append(page.Rows, ladderRow{"/settings/dunning/" + string(l.ID), l.Name, ladderSteps(l.Ladder)})
	}
	return view.Render(c, http.StatusOK, "admin/ladders.html", page)
}

// offset is a number of days from the due day in words.
func offset(n int) string {
	switch {
	case n < 0:
		return many(-n, "day", "days") + " before due"
	case n == 0:
		return "on the due day"
	}
	return many(n, "day", "days") + " after due"
}

func ladderSteps(l dunning.Ladder) []string {
	var out []string
	for _, n := range l.Notices {
		out = append(out, title(plain(n.Name))+" "+offset(n.Offset))
	}
	for _, n := range l.Charges {
		out = append(out, "Charge "+offset(n))
	}
	if l.SuspendAfter > 0 {
		out = append(out, "Suspend "+offset(l.SuspendAfter))
	}
	if l.TerminateAfter > 0 {
		out = append(out, "Terminate "+many(l.TerminateAfter, "day", "days")+" after the suspension")
	}
	if l.GiveUpAfter > 0 {
		out = append(out, "Give up "+offset(l.GiveUpAfter))
	}
	return out
}

func ladderForm(n dunning.Named) *view.Form {
	l := n.Ladder
	action := "/settings/dunning/new"
	if n.ID != "" {
		action = "/settings/dunning/" + string(n.ID)
	}
	var notices, charges []string
	for _, x := range l.Notices {
		notices = append(notices, fmt.Sprintf("%s %d", x.Name, x.Offset))
	}
	for _, x := range l.Charges {
		charges = append(charges, strconv.Itoa(x))
	}
	number := func(n int) string { return strconv.Itoa(n) }
	f := view.NewForm(action, "Save schedule",
		view.Field{Name: "name", Label: "Name", Value: n.Name, MaxLength: 80, Wide: true},
		view.Field{Name: "notices", Label: "Reminders", Kind: view.Textarea, Rows: 5, Value: strings.Join(notices, "\n"), Help: "One a line: a name and its day from the due day, such as reminder1 3, or before -7. The last one before suspension is the final notice.", Group: "Before suspension"},
		view.Field{Name: "charges", Label: "Charge a saved way to pay on days", Value: strings.Join(charges, " "), Help: "From the due day, with spaces between: 0 3 7."},
		view.Field{Name: "max_attempts", Label: "Charges of one invoice at most", Value: number(l.MaxAttempts), InputMode: "numeric"},
		view.Field{Name: "notice_days", Label: "Least days between a notice and what it announces", Value: number(l.NoticeDays), InputMode: "numeric"},
		view.Field{Name: "suspend_after", Label: "Suspend after", Value: number(l.SuspendAfter), InputMode: "numeric", Help: "Days after due; 0 is never.", Group: "Suspension and end"},
		view.Field{Name: "terminate_after", Label: "Terminate after", Value: number(l.TerminateAfter), InputMode: "numeric", Help: "Days after the suspension; 0 is never."},
		view.Field{Name: "ending_before", Label: "Announce the end so many days before", Value: number(l.EndingBefore), InputMode: "numeric"},
		view.Field{Name: "give_up_after", Label: "Give the invoice up after", Value: number(l.GiveUpAfter), InputMode: "numeric", Help: "Days after due; 0 is never."},
		view.Field{Name: "version", Kind: view.Hidden, Value: strconv.FormatInt(n.Version, 10)})
	f.Columns, f.Cancel = 2, "/settings/dunning"
	return f
}

// ladderOf is the schedule of the address, or a new one like the usual one.
func (s *Site) ladderOf(c echo.Context) (dunning.Named, view.Page, error) {
	page := view.Page{Title: "New schedule", Sub: "It counts for invoices that are chased already too: what was done stays done, what is left follows the new days.", Current: "/settings", Crumbs: []view.Link{{Label: "Reminders and suspension", Link: "/settings/dunning"}}}
	if c.Param("id") == "" {
		return dunning.Named{Ladder: dunning.Default()}, page, nil
	}
	id, err := param[ids.Ladder](c)
	if err != nil {
		return dunning.Named{}, page, err
	}
	list, err := s.Dunning.NamedLadders(c.Request().Context())
	if err != nil {
		return dunning.Named{}, page, err
	}
	for _, l := range list {
		if l.ID == id {
			page.Title = l.Name
			return l, page, nil
		}
	}
	return dunning.Named{}, page, dunning.ErrLadderNotFound
}

func (s *Site) askLadder(c echo.Context) error {
	l, page, err := s.ladderOf(c)
	if err != nil {
		return err
	}
	return formPage(c, http.StatusOK, page, ladderForm(l))
}

func (s *Site) saveLadder(c echo.Context) error {
	ctx := c.Request().Context()
	n, page, err := s.ladderOf(c)
	if err != nil {
		return err
	}
	f := ladderForm(n)
	f.Read(c)
	before := n.Ladder
	n.Name, n.Ladder = f.Get("name"), readLadder(f)
	n.Version, _ = strconv.ParseInt(f.Get("version"), 10, 64)
	f.Need("name")
	if f.OK() {
		n, err = s.Dunning.SaveLadder(ctx, n)
	}
	if f.Failed(err) {
		return formPage(c, http.StatusUnprocessableEntity, page, f)
	}
	if err == nil {
		err = s.Audit.Add(ctx, audit.Entry{Action: "settings.dunning", Subject: string(n.ID), Before: before, After: n.Ladder})
	}
	if err != nil {
		return err
	}
	return done(c, "/settings/dunning", "Saved.")
}

func readLadder(f *view.Form) dunning.Ladder {
	l := dunning.Ladder{MaxAttempts: int(wholeOf(f, "max_attempts")), NoticeDays: int(wholeOf(f, "notice_days")), SuspendAfter: int(wholeOf(f, "suspend_after")), TerminateAfter: int(wholeOf(f, "terminate_after")),
		EndingBefore: int(wholeOf(f, "ending_before")), GiveUpAfter: int(wholeOf(f, "give_up_after"))}
	for _, line := range lines(f.Get("notices")) {
		parts := strings.Fields(line)
		n, err := strconv.Atoi(parts[len(parts)-1])
		if len(parts) != 2 || err != nil {
			f.Wrong("notices", "Write a name and a day on each line, such as reminder1 3.")
			break
		}
		l.Notices = append(l.Notices, dunning.Notice{Name: parts[0], Offset: n})
	}
	for _, text := range words(f.Get("charges")) {
		n, err := strconv.Atoi(text)
		if err != nil {
			f.Wrong("charges", "Write days with spaces between, such as 0 3 7.")
			break
		}
		l.Charges = append(l.Charges, n)
	}
	return l
}
