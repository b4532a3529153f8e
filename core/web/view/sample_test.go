package view

import (
	"io/fs"
	"os"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/sdk/money"
	"github.com/ezscale/bursar/themes"
)

// The sample pages show every layout and part at once; the browser test looks at them.
type sampleRow struct {
	ID, Name, Plan, State, Invoice string
	Renews                         period.Day
	Price                          money.Amount
	Meter                          Meter
}

type samplePage struct {
	Page
	Actions []Action
	Fix     Link
	All     Link
	Figures []Figure
	Tabs    []Tab
	Rows    []sampleRow
	Pager   Pager
	Leaders []Leader
	Facts   []Fact
	Times   []Moment
	Ask     Confirm
	List    Toolbar
	Kinds   []string
	Chart   string
	Form    *Form
}

var noon = time.Date(2026, 11, 23, 14, 4, 0, 0, time.UTC)

func newEngine(t testing.TB, more ...fs.FS) *Engine {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(Options{Themes: append(more, os.DirFS("testdata/theme"), themes.FS), Clock: clock.At(noon), Zone: zone, Key: []byte("0123456789abcdef0123456789abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func sampleSite(name string) Site {
	s := Site{Name: name, Brand: "ezscale", Links: Sites{"http://localhost", "http://account.localhost", "http://admin.localhost"},
		Fill: func(_ echo.Context, p *Page) {
			p.User, p.Customer, p.Role, p.SignOut, p.CSRF = "Jana Petersen", "Nordlicht Medien GmbH", "owner", "/sign-out", "token"
		}}
	switch name {
	case "portal":
		s.Nav = []NavGroup{{Items: []NavItem{{Label: "Overview", Link: "/", Icon: "house"}, {Label: "Services", Link: "/services", Icon: "server"},
			{Label: "Billing", Link: "/invoices", Icon: "receipt"}, {Label: "Support", Link: "/tickets", Icon: "life-buoy"}, {Label: "Account", Link: "/account", Icon: "user"}}}}
	case "admin":
		s.Test = true
		s.Nav = []NavGroup{{Items: []NavItem{{Label: "Dashboard", Link: "/", Icon: "layout-dashboard"}}},
			{Title: "Sales", Items: []NavItem{{Label: "Customers", Link: "/customers", Icon: "users"}, {Label: "Orders", Link: "/orders", Icon: "package", Count: 7}}},
			{Title: "Billing", Items: []NavItem{{Label: "Invoices", Link: "/invoices", Icon: "receipt"}}},
			{Title: "Hosting", Items: []NavItem{{Label: "Provisioning", Link: "/provisioning", Icon: "workflow", Count: 3, Bad: true}}}}
	default:
		s.Nav = []NavGroup{{Items: []NavItem{{Label: "VPS", Link: "/vps"}, {Label: "Dedicated", Link: "/dedicated"}, {Label: "Pricing", Link: "/pricing"}}}}
		s.Footer = []NavGroup{{Title: "Products", Items: []NavItem{{Label: "VPS", Link: "/vps"}}}, {Title: "Legal", Items: []NavItem{{Label: "Terms", Link: "/terms"}}}}
	}
	return s
}

func samples() *samplePage {
	p := &samplePage{Page: Page{Title: "web-01.nordlicht.example", Crumbs: []Link{{"Services", "/services"}}, Scripts: []string{"charts.js"}, Flash: []Flash{{Good, "Saved."}},
		Banner: &Banner{Text: "Tomas Reyes acts as Jana Petersen: “Cannot see the invoice”.", Action: Link{"End", "/end"}, Post: true}},
		Actions: []Action{{Label: "Reboot", Link: "/reboot", Icon: "rotate-cw", Post: true}, {Label: "New invoice", Link: "/new", Icon: "plus", Primary: true, Key: "c"}},
		Fix:     Link{"Update card", "/methods"}, All: Link{"All services", "/services"},
		Figures: []Figure{{Label: "Services", Value: 6, Note: "4 running"}, {Label: "Next charge, 1 Dec", Value: money.Of(14161, "EUR")}, {Label: "Balance", Value: money.Of(-1000, "EUR")}, {Label: "Owed now", Value: money.Of(120488, "EUR"), Link: "/invoices"}},
		Tabs:    []Tab{{"All", "/invoices", 0, true}, {"Overdue", "/invoices?state=overdue", 37, false}},
		Pager:   Pager{Next: "?after=x", Text: "1 – 14 of 37"},
		Leaders: []Leader{{Label: "1 Dec, build-01", Amount: money.Of(14161, "EUR")}, {Label: "4 Dec, Team Minecraft", Amount: money.Of(1428, "EUR"), Note: "Game 6"}, {Label: "With VAT", Amount: money.Of(15589, "EUR"), Total: true}},
		Facts:   []Fact{{Label: "Address", Value: "203.0.113.24", Mono: true, Copy: true}, {Label: "Since", Value: period.Date(2025, 3, 4)}, {Label: "Invoice", Value: "INV-2026-004871", Link: "/i"}},
		Times:   []Moment{{Icon: "user", Text: "Jana signed in", At: noon.Add(-2 * time.Hour)}, {Text: "Building the server", Busy: true, At: noon.Add(-20 * time.Second)}, {Text: "Card declined", Ink: Bad, Sub: "not enough funds", At: noon.AddDate(0, -1, 0)}},
		Ask:     Confirm{Label: "Terminate", Title: "Terminate db-london?", Text: "The disk is deleted. This cannot be undone.", Action: "/terminate", Submit: "Terminate db-london", Name: "db-london", Danger: true},
		List:    Toolbar{Action: "/invoices", Hint: "Filter invoices", Chips: []Chip{{"State is", "overdue", "/invoices"}}, Filters: []Field{{Name: "state", Label: "State", Options: []Choice{{Value: "", Label: "Every state"}, {Value: "open", Label: "Open"}}}}, Sort: []Choice{{Value: "due", Label: "Oldest due first"}}},
		Kinds:   []string{"draft", "open", "partly_paid", "paid", "overdue", "void", "disputed"},
		Chart:   `{"x":[1764000000,1764003600,1764007200,1764010800],"series":[{"label":"Out","y":[4,6,5,9]},{"label":"In","y":[1,2,2,3]}]}`,
	}
	for _, r := range []struct{ name, plan, state, inv string }{{"web-01.nordlicht.example", "VPS-8, Frankfurt", "running", "open"}, {"staging-02.nordlicht.example", "VPS-4, Amsterdam", "setting_up", "paid"},
		{"db-01.nordlicht.example", "VPS-16, Frankfurt", "suspended", "overdue"}, {"a-name-that-is-much-longer-than-any-sensible-name-should-be.nordlicht.example", "DS-16", "failed", "partly_paid"}} {
		p.Rows = append(p.Rows, sampleRow{ID: "INV-2026-0048" + r.state[:2], Name: r.name, Plan: r.plan, State: r.state, Invoice: r.inv, Renews: period.Date(2026, 12, 12), Price: money.Of(2178, "EUR"), Meter: Meter{"usage", "9.4 / 10 TB", 9.4, 10}})
	}
	p.Form = NewForm("/account/address", "Save changes",
		Field{Name: "company", Label: "Company name", Value: "Nordlicht <Medien>", Wide: true, Group: "Company", GroupHelp: "As it is printed on invoices."},
		Field{Name: "vat", Label: "VAT number", Value: "DE 12345", Optional: true, Error: "German numbers have 9 digits."},
		Field{Name: "zip", Label: "Postcode", Value: "20457", Help: "5 digits."},
		Field{Name: "country", Label: "Country", Kind: Select, Value: "DE", Options: []Choice{{Value: "AT", Label: "Austria"}, {Value: "DE", Label: "Germany"}}},
		Field{Name: "note", Label: "Note", Kind: Textarea, Optional: true}, Field{Name: "copies", Label: "Send copies", Kind: Check, Value: "1"},
		Field{Name: "cycle", Label: "Cycle", Kind: Radio, Value: "m", Options: []Choice{{Value: "m", Label: "Monthly", Help: "€16.90"}, {Value: "y", Label: "Yearly", Off: true, Help: "Sold out"}}, Wide: true})
	p.Form.Columns = 2
	return p
}
