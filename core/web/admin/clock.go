package admin

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/contact/notify"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
)

func (s *Site) clockRoutes() []route.Route {
	return []route.Route{get("/clock", s.testClock, auth.ClockMove), post("/clock", s.moveClock, auth.ClockMove)}
}

// clockPage moves time forward in test mode, and shows what that brought about.
type clockPage struct {
	view.Page
	Test     bool
	Now, At  time.Time // of the business, of the world
	Ahead    string
	Form     *view.Form
	Running  errandView
	Since    period.Day // the runs and documents below are from this day on
	Runs     []runRow
	Figures  []view.Figure
	Invoices []billRow
	Mails    []messageRow
}

func clockForm() *view.Form {
	return view.NewForm("/clock", "Move the clock", view.Field{Name: "days", Label: "Days forward", Value: "1", InputMode: "numeric", Focus: true,
		Help: "1 to 400. Each day is lived through: invoices, charges, reminders, suspensions and mails happen. There is no way back."})
}

func (s *Site) testClock(c echo.Context) error { return s.drawClock(c, http.StatusOK, clockForm()) }

func (s *Site) drawClock(c echo.Context, status int, f *view.Form) error {
	ctx, a := c.Request().Context(), ask(c)
	page := &clockPage{Page: view.Page{Title: "Test clock", Current: "/clock", Failed: !f.OK()}, Test: s.Flow.Test != nil, Now: s.Clock.Now(), At: s.Wall.Now(), Form: f, Running: s.errand.view()}
	page.Ahead = lasting(page.Now.Sub(page.At).Round(time.Hour))
	if page.Running.On {
		page.Refresh = 3
	}
	today, set, err := s.today(ctx)
	if err != nil {
		return err
	}
	if page.Since, err = period.ParseDay(a.get("since")); err != nil || page.Since.IsZero() {
		page.Since = today
	}
	runs, err := s.Runs.List(ctx, 60)
	if err != nil {
		return err
	}
	for _, r := range runRows(runs) {
		if !r.Day.Before(page.Since) {
			page.Runs = append(page.Runs, r)
		}
	}
	issued, err := s.Invoices.List(ctx, invoice.Filter{From: page.Since, Limit: 10})
	if err != nil {
		return err
	}
	if page.Invoices, err = s.billRows(ctx, issued.List, today); err != nil {
		return err
	}
	mails, err := s.Notify.List(ctx, notify.Filter{Limit: 10})
	if err != nil {
		return err
	}
	since := page.Since.Start(set.Location())
	recent := slices.DeleteFunc(mails.List, func(e notify.Entry) bool { return e.Created.Before(since) })
	if page.Mails, err = s.messageRows(ctx, recent); err != nil {
		return err
	}
	failed := 0
	for _, r := range page.Runs {
		failed += r.Failed
	}
	page.Figures = []view.Figure{{Label: "Daily runs", Value: len(page.Runs)}, {Label: "Items failed", Value: failed, Link: "/billing/runs"}, {Label: "Invoices issued", Value: issued.Total, Link: "/invoices?sort=issued"}}
	return view.Render(c, status, "admin/clock.html", page)
}

func (s *Site) moveClock(c echo.Context) error {
	ctx := c.Request().Context()
	if s.Flow.Test == nil {
		return refused(c, "/clock", flow.ErrNoTestClock)
	}
	f := clockForm()
	f.Read(c)
	days := int(wholeOf(f, "days"))
	if days < 1 || days > 400 {
		f.Wrong("days", "Move the clock by 1 to 400 days.")
	}
	if !f.OK() {
		return s.drawClock(c, http.StatusUnprocessableEntity, f)
	}
	today, _, err := s.today(ctx)
	if err != nil {
		return err
	}
	text := "Moved by " + many(days, "day", "days") + "."
	return s.errand.answer(c, "Moving the clock by "+many(days, "day", "days"), "/clock?since="+today.String()+"&days="+strconv.Itoa(days), func(ctx context.Context) (string, error) {
		return text, s.Flow.ClockAdvance(ctx, days)
	})
}
