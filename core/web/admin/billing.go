package admin

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/dunning"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
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
