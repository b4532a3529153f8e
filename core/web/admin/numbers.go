package admin

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/view"
)

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
