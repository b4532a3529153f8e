package admin

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/dunning"
	"github.com/ezscale/bursar/core/billing/run"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/money"
)

func (s *Site) billingRoutes() []route.Route {
	return []route.Route{
		get("/billing", s.billing, auth.ReportSee),
		get("/billing/runs", s.runs, auth.ReportSee),
		get("/billing/holds", s.holds, auth.ReportSee),
		post("/billing/run", s.runDay, auth.RunApply),
		get("/billing/hold", s.askHold, auth.DunningHold),
		post("/billing/hold", s.setHold, auth.DunningHold),
		post("/billing/holds/:id/release", s.releaseHold, auth.DunningHold),
	}
}

// planLimit is how many items of a plan are listed; the rest is counted.
const planLimit = 500

// billingPage is what a day's run would do.
type billingPage struct {
	view.Page
	Tabs            []view.Tab
	Day             period.Day
	Before, After   string // addresses of the days beside it
	Figures         []view.Figure
	Views           []view.Tab // by action
	Items           []planRow
	Shown           string
	CanPlan, CanRun bool
	Ask             view.Confirm
	Running         errandView
	Last            *runRow // the last run; nil before the first
}

// planRow is one thing that would be done.
type planRow struct {
	Step, Icon, Ink string
	Customer, To    string
	Text, Link      string
	Amount          money.Amount
	HasAmount, Held bool
	Reasons         []string
	Hold            string // address that holds it, "" if it cannot be held
}

var steps = map[string]struct{ label, figure, icon, ink, hold string }{
	"bill":      {"Invoice", "Invoices", "receipt", view.Note, dunning.HoldAll},
	"charge":    {"Charge", "Charges", "credit-card", view.Note, dunning.HoldCharge},
	"remind":    {"Reminder", "Reminders", "mail", "", dunning.HoldRemind},
	"suspend":   {"Suspend", "Suspensions", "circle-pause", view.Soon, dunning.HoldSuspend},
	"terminate": {"Terminate", "Terminations", "trash-2", view.Bad, dunning.HoldTerminate},
	"end":       {"End", "Ends", "circle-slash", "", ""},
	"give_up":   {"Give up", "Given up", "ban", "", dunning.HoldAll},
}

var stepOrder = []string{"bill", "charge", "remind", "suspend", "terminate", "end", "give_up"}

func billingTabs(on string) []view.Tab {
	tabs := []view.Tab{{Label: "Plan", Link: "/billing"}, {Label: "Runs", Link: "/billing/runs"}, {Label: "Holds", Link: "/billing/holds"}}
	for i := range tabs {
		tabs[i].On = tabs[i].Link == on
	}
	return tabs
}

func (s *Site) billing(c echo.Context) error {
	ctx, a := c.Request().Context(), ask(c)
	today, set, err := s.today(ctx)
	if err != nil {
		return err
	}
	day, err := period.ParseDay(a.get("day"))
	if err != nil || day.IsZero() || day.Before(today) {
		day = today
	}
	page := &billingPage{Page: view.Page{Title: "Billing plan for " + day.Format("Mon 2 Jan 2006"), Current: "/billing"}, Tabs: billingTabs("/billing"), Day: day, CanPlan: can(c, auth.RunPlan), CanRun: can(c, auth.RunApply), Running: s.errand.view()}
	page.Sub = "Computed just now by what the run itself does. Runs by itself each day, zone " + set.Business.Zone + "."
	page.After = a.with("day", day.Add(1).String())
	if day.After(today) {
		page.Before = a.with("day", day.Add(-1).String())
		page.Sub = "Computed just now, as things stand. What is paid or cancelled until then is not in it any more."
	}
	if page.Running.On {
		page.Refresh = 5
	}
	list, err := s.Runs.List(ctx, 1)
	if err != nil {
		return err
	}
	if rows := runRows(list); len(rows) > 0 {
		page.Last = &rows[0]
	}
	page.Ask = view.Confirm{Label: "Run now", Title: "Do today's work now?", Text: "Everything in the plan for today is done: invoices are issued, saved ways to pay are charged, mails go out, services are suspended and ended. What was done today already is not done again.",
		Action: "/billing/run", Submit: "Run " + today.Format("2 Jan 2006"), Danger: true}
	if page.CanPlan {
		plan, err := s.Flow.PlanDay(ctx, day, planLimit)
		if err != nil {
			return err
		}
		page.plan(c, a, plan)
	}
	return view.Render(c, http.StatusOK, "admin/billing.html", page)
}

func (p *billingPage) plan(c echo.Context, a asked, plan flow.Plan) {
	all, held := 0, 0
	for _, n := range plan.Counts {
		all += n
	}
	for _, it := range plan.Items {
		if it.Held {
			held++
		}
	}
	action := a.get("action")
	p.Views = []view.Tab{{Label: "All", Link: a.with("action", ""), Count: all, On: action == ""}}
	for _, name := range stepOrder {
		n := plan.Counts[name]
		if name == "end" || name == "give_up" {
			if n == 0 {
				continue
			}
		} else {
			figure := view.Figure{Label: steps[name].figure, Value: n}
			if len(plan.Totals[name]) > 0 {
				figure.Note = sums(c, plan.Totals[name], "")
			}
			p.Figures = append(p.Figures, figure)
		}
		p.Views = append(p.Views, view.Tab{Label: steps[name].figure, Link: a.with("action", name), Count: n, On: action == name})
	}
	p.Figures = append(p.Figures, view.Figure{Label: "Held", Value: held})
	p.Views = append(p.Views, view.Tab{Label: "Held", Link: a.with("action", "held"), Count: held, On: action == "held"})
	for _, it := range plan.Items {
		if action == "held" && !it.Held || action != "" && action != "held" && it.Action != action {
			continue
		}
		st := steps[it.Action]
		row := planRow{Step: st.label, Icon: st.icon, Ink: st.ink, Customer: it.Name, To: "/customers/" + string(it.Customer), Text: it.Text, Link: subjectLink(it.Subject), Amount: it.Amount, HasAmount: it.Amount.Currency() != "",
			Held: it.Held, Reasons: it.Reasons}
		if row.Step == "" {
			row.Step = title(plain(it.Action))
		}
		if row.Customer == "" {
			row.Customer = short(it.Customer)
		}
		if st.hold != "" && !it.Held && can(c, auth.DunningHold) {
			subject := it.Subject
			if it.Action == "bill" || subject == "" {
				subject = string(it.Customer)
			}
			row.Hold = "/billing/hold?subject=" + subject + "&what=" + st.hold
		}
		p.Items = append(p.Items, row)
	}
	p.Shown = many(len(p.Items), "item", "items")
	if plan.More {
		p.Shown = "The first " + p.Shown + " of " + count(all)
	}
}

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

// holdRow is something that waits because staff said so.
type holdRow struct {
	Subject, Link, What string
	From, Until         period.Day
	Reason, Actor       string
	Release             string // address, "" if one may not
	Back                string // where to go after it
}

// holdsPage lists what is held.
type holdsPage struct {
	view.Page
	Tabs []view.Tab
	Rows []holdRow
}

var holdWords = map[string]string{dunning.HoldCharge: "Charges", dunning.HoldRemind: "Reminders", dunning.HoldSuspend: "Suspension", dunning.HoldTerminate: "Termination", dunning.HoldLateFee: "Late fees", dunning.HoldAll: "Everything"}

func holdRows(list []dunning.Held, names map[string]string, may bool, back string) []holdRow {
	var out []holdRow
	for _, h := range list {
		row := holdRow{Subject: names[h.Subject], Link: subjectLink(h.Subject), What: holdWords[h.What], From: h.From, Until: h.Until, Reason: h.Reason, Actor: h.Actor, Back: back}
		if row.Subject == "" {
			row.Subject = short(h.Subject)
		}
		if may {
			row.Release = "/billing/holds/" + string(h.ID) + "/release"
		}
		out = append(out, row)
	}
	return out
}

func (s *Site) holds(c echo.Context) error {
	ctx := c.Request().Context()
	list, err := s.Dunning.Holds(ctx)
	if err != nil {
		return err
	}
	var customers []ids.Customer
	var invoices []ids.Invoice
	for _, h := range list {
		if id, err := ids.Parse[ids.Customer](h.Subject); err == nil {
			customers = append(customers, id)
		}
		if id, err := ids.Parse[ids.Invoice](h.Subject); err == nil {
			invoices = append(invoices, id)
		}
	}
	names := map[string]string{}
	who, err := s.names(ctx, customers)
	if err != nil {
		return err
	}
	for id, name := range who {
		names[string(id)] = name
	}
	billed, err := s.Invoices.Many(ctx, invoices)
	if err != nil {
		return err
	}
	for id, inv := range billed {
		names[string(id)] = inv.Number
	}
	page := &holdsPage{Page: view.Page{Title: "Holds", Sub: "Steps that wait because staff said so. A hold that has no end waits until it is released.", Current: "/billing"}, Tabs: billingTabs("/billing/holds"), Rows: holdRows(list, names, can(c, auth.DunningHold), "/billing/holds")}
	return view.Render(c, http.StatusOK, "admin/holds.html", page)
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

func holdForm(subject, what string, today period.Day) *view.Form {
	var options []view.Choice
	for _, w := range []string{dunning.HoldAll, dunning.HoldCharge, dunning.HoldRemind, dunning.HoldSuspend, dunning.HoldTerminate} {
		options = append(options, view.Choice{Value: w, Label: holdWords[w]})
	}
	if !slices.ContainsFunc(options, func(o view.Choice) bool { return o.Value == what }) {
		what = dunning.HoldAll
	}
	f := view.NewForm("/billing/hold", "Hold", view.Field{Name: "subject", Kind: view.Hidden, Value: subject},
		view.Field{Name: "what", Label: "What waits", Kind: view.Select, Value: what, Options: options},
		view.Field{Name: "until", Label: "Until, that day included", Kind: view.Date, Optional: true, Min: today.String(), Help: "Empty: until it is released."},
		view.Field{Name: "reason", Label: "Reason", MaxLength: 190, Focus: true, Help: "For colleagues: what has to happen first?"})
	f.Cancel = "/billing"
	return f
}

func (s *Site) askHold(c echo.Context) error {
	today, _, err := s.today(c.Request().Context())
	if err != nil {
		return err
	}
	subject := c.QueryParam("subject")
	if subjectLink(subject) == "" {
		return ids.ErrUnknown
	}
	return formPage(c, http.StatusOK, holdPage(subject), holdForm(subject, c.QueryParam("what"), today))
}

func holdPage(subject string) view.Page {
	kind := map[string]string{"cus": "customer", "sub": "service", "inv": "invoice"}[strings.Split(subject, "_")[0]]
	return view.Page{Title: "Hold", Sub: "Steps for this " + kind + " wait; nothing else changes.", Current: "/billing", Crumbs: []view.Link{{Label: "Billing plan", Link: "/billing"}, {Label: title(kind) + " " + short(subject), Link: subjectLink(subject)}}}
}

func (s *Site) setHold(c echo.Context) error {
	ctx := c.Request().Context()
	today, _, err := s.today(ctx)
	if err != nil {
		return err
	}
	f := holdForm(c.FormValue("subject"), "", today)
	f.Read(c)
	subject := f.Get("subject")
	if subjectLink(subject) == "" {
		return ids.ErrUnknown
	}
	until := dayOf(f, "until")
	if !until.IsZero() && until.Before(today) {
		f.Wrong("until", "Write a day to come.")
	}
	f.Need("reason")
	if f.OK() {
		_, err = s.Dunning.SetHold(ctx, subject, dunning.Hold{What: f.Get("what"), From: today, Until: until}, f.Get("reason"), route.Actor(c).Name)
	}
	if f.Failed(err) {
		return formPage(c, http.StatusUnprocessableEntity, holdPage(subject), f)
	}
	if err == nil {
		err = s.Audit.Add(ctx, audit.Entry{Action: "dunning.hold", Subject: subject, After: map[string]any{"what": f.Get("what"), "until": until, "reason": f.Get("reason")}})
	}
	if err != nil {
		return err
	}
	return done(c, "/billing/holds", "Held.")
}

func (s *Site) releaseHold(c echo.Context) error {
	ctx := c.Request().Context()
	id, err := param[ids.Hold](c)
	if err != nil {
		return err
	}
	if err := s.Dunning.ReleaseHold(ctx, id, s.Clock.Now()); err != nil {
		return err
	}
	if err := s.Audit.Add(ctx, audit.Entry{Action: "dunning.release", Subject: string(id)}); err != nil {
		return err
	}
	return done(c, route.Local(c.FormValue("back")), "Released. The next run takes the steps that are due.")
}
