package admin

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/run"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/fault"
)

// runRow is a run of the past.
type runRow struct {
	Day          period.Day
	State, ID    string
	Done, Failed int
	Started      time.Time
	Took         string
	Failures     []failureRow
}

// failureRow is an item of a run that could not be done.
type failureRow struct{ Item, Link, Error string }

func runRows(list []run.Run) []runRow {
	var out []runRow
	for _, r := range list {
		row := runRow{Day: r.Day, ID: string(r.ID), State: string(r.State), Done: r.Done, Failed: r.Failed, Started: r.Started, Took: "–"}
		if !r.Ended.IsZero() {
			row.Took = lasting(r.Ended.Sub(r.Started))
			if r.Ended.Equal(r.Started) {
				row.Took = "0 s"
			}
		}
		for _, f := range r.Failures {
			row.Failures = append(row.Failures, failureRow{Item: f.Item, Link: itemLink(f.Item), Error: f.Error})
		}
		out = append(out, row)
	}
	return out
}

// itemLink leads to what an item of a run is about: suspend:inv_…:final names an invoice.
func itemLink(item string) string {
	for _, part := range strings.Split(item, ":") {
		if link := subjectLink(part); link != "" {
			return link
		}
	}
	return ""
}

// runsPage is the history of the daily runs.
type runsPage struct {
	view.Page
	Tabs    []view.Tab
	Rows    []runRow
	Running errandView
}

func (s *Site) runs(c echo.Context) error {
	list, err := s.Runs.List(c.Request().Context(), 60)
	if err != nil {
		return err
	}
	page := &runsPage{Page: view.Page{Title: "Daily runs", Sub: "One a day, by itself. What failed is tried again by the next one.", Current: "/billing"}, Tabs: billingTabs("/billing/runs"), Rows: runRows(list), Running: s.errand.view()}
	return view.Render(c, http.StatusOK, "admin/runs.html", page)
}

// errFuture: a run does what is due through a day, so a day to come would charge people early.
var errFuture = fault.New(fault.Invalid, "day_to_come", "A day that has not come can be planned, not run.")

func (s *Site) runDay(c echo.Context) error {
	ctx := c.Request().Context()
	today, _, err := s.today(ctx)
	if err != nil {
		return err
	}
	if day := c.FormValue("day"); day != "" && day != today.String() {
		return refused(c, "/billing", errFuture)
	}
	work := func(ctx context.Context) (string, error) {
		r, err := s.Flow.RunDay(ctx, today)
		if err != nil {
			return "", err
		}
		return runSummary(r), nil
	}
	return s.errand.answer(c, "The run of "+today.Format("2 Jan 2006"), "/billing", work)
}

// runSummary is what a run came to, in a sentence.
func runSummary(r flow.RunReport) string {
	var parts []string
	for _, p := range []struct {
		n         int
		one, more string
	}{{r.Invoices, "invoice", "invoices"}, {r.Charges, "charge", "charges"}, {r.Notices, "mail", "mails"}, {r.Suspended, "suspension", "suspensions"}, {r.Terminated, "termination", "terminations"},
		{r.Ended, "end", "ends"}, {r.WrittenOff, "given up", "given up"}, {r.Cancelled, "order cancelled", "orders cancelled"}, {r.Held, "held", "held"}} {
		if p.n > 0 {
			parts = append(parts, many(p.n, p.one, p.more))
		}
	}
	text := "nothing was due"
	if len(parts) > 0 {
		text = strings.Join(parts, ", ")
	}
	if len(r.Failed) > 0 {
		text += fmt.Sprintf("; %s failed", many(len(r.Failed), "item", "items"))
	}
	return "The run of " + r.Day.Format("2 Jan 2006") + " is done: " + text + "."
}
