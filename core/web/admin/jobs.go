package admin

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/data/lease"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/fault"
)

func (s *Site) jobsRoutes() []route.Route {
	return []route.Route{
		get("/jobs", s.jobs, auth.JobSee),
		post("/jobs/:number/retry", s.retryJob, auth.JobRetry),
		post("/jobs/events/:number/retry", s.retryDelivery, auth.JobRetry),
		post("/jobs/retry-all", s.retryAll, auth.JobRetry),
	}
}

// jobsPage is the queue and the deliveries of events.
type jobsPage struct {
	view.Page
	Tabs     []view.Tab
	Figures  []view.Figure
	State    string
	Jobs     []jobRow
	Events   []jobRow // parked deliveries, on the view of what is parked
	Next     string   // address of the next page of jobs
	CanRetry bool
	RetryAll *view.Confirm
	Empty    emptyText
}

// jobRow is a job, or the delivery of an event to a step.
type jobRow struct {
	Number, Kind, Step string
	Subject, Link      string
	Payload            string
	State, Error       string
	Tries, Deaths      int
	At, Created        time.Time
	Retry              string // address
}

func (s *Site) jobs(c echo.Context) error {
	ctx, a := c.Request().Context(), ask(c)
	state := one(a, "state", lease.Waiting, lease.Running)
	if state == "" {
		state = lease.Parked
	}
	work, err := s.Jobs.Counts(ctx)
	if err != nil {
		return err
	}
	events, err := s.Outbox.Counts(ctx)
	if err != nil {
		return err
	}
	after, _ := strconv.ParseInt(a.after(), 10, 64)
	list, err := s.Jobs.List(ctx, state, after, pageSize)
	if err != nil {
		return err
	}
	next, err := s.Jobs.NextDue(ctx)
	if err != nil {
		return err
	}
	page := &jobsPage{Page: view.Page{Title: "Automation", Sub: "Work that is done later, and what follows events. Whatever fails is tried again by itself; what is parked waits for a person.", Current: "/jobs"}, State: state, CanRetry: can(c, auth.JobRetry)}
	page.Tabs = []view.Tab{a.tab("Parked", "state", "", int(work[lease.Parked]+events[lease.Parked])), a.tab("Running", "state", lease.Running, int(work[lease.Running])), a.tab("Waiting", "state", lease.Waiting, int(work[lease.Waiting]))}
	page.Figures = []view.Figure{{Label: "Jobs waiting", Value: work[lease.Waiting]}, {Label: "Jobs running", Value: work[lease.Running]}, {Label: "Jobs parked", Value: work[lease.Parked]},
		{Label: "Events waiting", Value: events[lease.Waiting]}, {Label: "Events running", Value: events[lease.Running]}, {Label: "Events parked", Value: events[lease.Parked]}}
	if !next.IsZero() {
		page.Figures[0].Note = "next " + view.ReaderOf(c).Time(next)
	}
	for _, j := range list {
		row := jobRow{Number: strconv.FormatInt(j.ID, 10), Kind: j.Kind, Payload: fault.Cut(string(j.Payload), 200), State: j.State, Error: j.Error, Tries: j.Attempts, Deaths: j.Deaths, At: j.RunAt, Created: j.CreatedAt}
		row.Subject, row.Link = payloadSubject(j.Payload)
		row.Retry = "/jobs/" + row.Number + "/retry"
		page.Jobs = append(page.Jobs, row)
	}
	if len(list) == pageSize {
		page.Next = a.with("after", strconv.FormatInt(list[len(list)-1].ID, 10))
	}
	if state == lease.Parked {
		parked, err := s.Outbox.Parked(ctx, 0, pageSize)
		if err != nil {
			return err
		}
		for _, d := range parked {
			row := jobRow{Number: strconv.FormatInt(d.ID, 10), Kind: d.Event.Kind, Step: d.Step, Subject: short(d.Event.Subject), Link: subjectLink(d.Event.Subject), Error: d.Error, Tries: d.Attempts, Deaths: d.Deaths, At: d.At, Created: d.Event.At}
			row.Retry = "/jobs/events/" + row.Number + "/retry"
			page.Events = append(page.Events, row)
		}
	}
	n := len(page.Jobs) + len(page.Events)
	if state == lease.Parked && n > 1 && page.CanRetry {
		page.RetryAll = &view.Confirm{Label: "Retry all", Title: "Retry everything that is shown?", Text: "Each step asks first what is done already, so nothing happens twice. Repair the cause first, or it is parked again.", Action: "/jobs/retry-all", Submit: "Retry " + count(n)}
	}
	page.Empty = emptyText{"Nothing is " + state, "All work is done as it comes."}
	return view.Render(c, http.StatusOK, "admin/jobs.html", page)
}

// payloadSubject finds what a job is about: the first thing in its payload that has a page.
func payloadSubject(payload json.RawMessage) (text, link string) {
	var fields map[string]any
	if json.Unmarshal(payload, &fields) != nil {
		return "", ""
	}
	for _, name := range []string{"invoice", "payment", "subscription", "order", "customer", "op", "attempt", "mail"} {
		if id, ok := fields[name].(string); ok {
			link := subjectLink(id)
			switch name {
			case "attempt":
				link = "/payments/attempts/" + id
			case "mail":
				link = "/mails/" + id
			}
			return short(id), link
		}
	}
	return "", ""
}

func number(c echo.Context) (int64, error) {
	n, err := strconv.ParseInt(c.Param("number"), 10, 64)
	if err != nil {
		return 0, errNoJob
	}
	return n, nil
}

var errNoJob = fault.New(fault.NotFound, "job_not_found", "That does not exist.")

func (s *Site) retryJob(c echo.Context) error {
	return s.retry(c, "job", s.Jobs.Retry)
}

func (s *Site) retryDelivery(c echo.Context) error {
	return s.retry(c, "delivery", s.Outbox.Retry)
}

func (s *Site) retry(c echo.Context, what string, again func(context.Context, int64) (bool, error)) error {
	ctx := c.Request().Context()
	n, err := number(c)
	if err != nil {
		return err
	}
	ok, err := again(ctx, n)
	if err != nil {
		return err
	}
	if !ok {
		view.Tell(c, view.Soon, "It is not parked any more.")
		return c.Redirect(http.StatusSeeOther, "/jobs")
	}
	if err := s.Audit.Add(ctx, audit.Entry{Action: "job.retry", Subject: what + " " + strconv.FormatInt(n, 10)}); err != nil {
		return err
	}
	return done(c, "/jobs", "It is tried again now.")
}

// retryAll retries what the page shows: the first jobs and deliveries that are parked.
func (s *Site) retryAll(c echo.Context) error {
	ctx := c.Request().Context()
	list, err := s.Jobs.List(ctx, lease.Parked, 0, pageSize)
	if err != nil {
		return err
	}
	parked, err := s.Outbox.Parked(ctx, 0, pageSize)
	if err != nil {
		return err
	}
	n := 0
	for _, j := range list {
		ok, err := s.Jobs.Retry(ctx, j.ID)
		if err != nil {
			return err
		}
		if ok {
			n++
		}
	}
	for _, d := range parked {
		ok, err := s.Outbox.Retry(ctx, d.ID)
		if err != nil {
			return err
		}
		if ok {
			n++
		}
	}
	if err := s.Audit.Add(ctx, audit.Entry{Action: "job.retry", Subject: "all that was parked", After: n}); err != nil {
		return err
	}
	return done(c, "/jobs", many(n, "is", "are")+" tried again now.")
}
