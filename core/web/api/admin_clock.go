package api

import (
	"context"
	"maps"
	"slices"

	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/run"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/sdk/money"
)

// Now is what time it is for the business.
type Now struct {
	Time  string `json:"time" format:"date-time"`
	Today string `json:"today" format:"date"`
	Test  bool   `json:"test" doc:"The clock can be moved"`
}

// Advanced is what time it is after the clock was moved, and the daily runs of the time between.
type Advanced struct {
	Now
	Runs []Run `json:"runs" nullable:"false" doc:"Oldest first"`
}

// Run is a run of a day's work.
type Run struct {
	ID     string    `json:"id"`
	Day    string    `json:"day" format:"date"`
	State  string    `json:"state" doc:"running, done"`
	Done   int       `json:"done" doc:"Items"`
	Failed []Failure `json:"failed" nullable:"false"`
}

// Report is what a day's work came to.
type Report struct {
	ID         string    `json:"id"`
	Day        string    `json:"day" format:"date"`
	Invoices   int       `json:"invoices"`
	Charges    int       `json:"charges"`
	Notices    int       `json:"notices"`
	Suspended  int       `json:"suspended"`
	Terminated int       `json:"terminated"`
	Ended      int       `json:"ended"`
	WrittenOff int       `json:"written_off"`
	Cancelled  int       `json:"cancelled" doc:"Orders that nobody paid"`
	Held       int       `json:"held"`
	Failed     []Failure `json:"failed" nullable:"false"`
}

// Failure is an item that could not be done.
type Failure struct {
	Key   string `json:"key"`
	Error string `json:"error"`
}

// Plan is what a day's run would do.
type Plan struct {
	Day    string         `json:"day" format:"date"`
	Items  []PlanItem     `json:"items" nullable:"false"`
	Counts map[string]int `json:"counts" doc:"By action"`
	Totals []PlanTotal    `json:"totals" nullable:"false"`
	More   bool           `json:"more" doc:"There are more than are listed"`
}

// PlanTotal is what an action sums up to in one currency.
type PlanTotal struct {
	Action string `json:"action"`
	Total  Amount `json:"total"`
}

// PlanItem is one thing that a run would do.
type PlanItem struct {
	Key      string   `json:"key"`
	Action   string   `json:"action" doc:"bill, charge, remind, suspend, terminate, end, give_up"`
	Customer string   `json:"customer"`
	Name     string   `json:"name"`
	Subject  string   `json:"subject"`
	Text     string   `json:"text"`
	Amount   *Amount  `json:"amount,omitempty"`
	Reasons  []string `json:"reasons" nullable:"false"`
	Held     bool     `json:"held"`
}

// RunIn says which day's work.
type RunIn struct {
	Day string `json:"day,omitempty" format:"date" doc:"Through this day; today if it is left out"`
}

// AdvanceIn says how far.
type AdvanceIn struct {
	Days int `json:"days" minimum:"1" maximum:"400"`
}

type runIn struct {
	Keyed
	Body *RunIn
}

type planIn struct {
	Day   string `query:"day" format:"date" doc:"Today if it is left out"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"200"`
}

type advanceIn struct {
	Keyed
	Body AdvanceIn
}

func (s *Site) adminClock() {
	add(s, operation{id: "admin-run-day", method: post, path: "/admin/run", scope: auth.RunApply, staff: true, key: mayKey, long: true, tag: "Staff: runs", says: "Do a day's work",
		more: "Renewals, charges, reminders, suspensions, ends. What was done is done once, however often this is sent."}, s.runDay)
	add(s, operation{id: "admin-plan-day", method: get, path: "/admin/plan", scope: auth.RunPlan, staff: true, long: true, tag: "Staff: runs", says: "What a day's work would be"}, s.planDay)
	add(s, operation{id: "admin-get-clock", method: get, path: "/admin/clock", scope: auth.JobSee, staff: true, tag: "Staff: runs", says: "What time it is for the business"}, s.getClock)
	add(s, operation{id: "admin-advance-clock", method: post, path: "/admin/clock/advance", scope: auth.ClockMove, staff: true, key: mayKey, long: true, tag: "Staff: runs", says: "Move the clock of test mode",
		more: "Answers when everything that became due is done. In test mode only."}, s.advance)
}

// dayOr is a day of a request, or today.
func (s *Site) dayOr(ctx context.Context, text string) (period.Day, error) {
	if text != "" {
		return day(text, "day")
	}
	set, err := s.Flow.Settings.Get(ctx)
	return set.Today(s.Flow.Now()), err
}

func (s *Site) runDay(ctx context.Context, in *runIn) (Report, error) {
	text := ""
	if in.Body != nil {
		text = in.Body.Day
	}
	d, err := s.dayOr(ctx, text)
	if err != nil {
		return Report{}, err
	}
	r, err := s.Flow.RunDay(ctx, d)
	if err != nil {
		return Report{}, err
	}
	return Report{ID: string(r.Run), Day: r.Day.String(), Invoices: r.Invoices, Charges: r.Charges, Notices: r.Notices, Suspended: r.Suspended, Terminated: r.Terminated, Ended: r.Ended,
		WrittenOff: r.WrittenOff, Cancelled: r.Cancelled, Held: r.Held, Failed: each(r.Failed, func(f flow.Failure) Failure { return Failure{Key: f.Key, Error: f.Error} })}, nil
}

func (s *Site) planDay(ctx context.Context, in *planIn) (Plan, error) {
	d, err := s.dayOr(ctx, in.Day)
	if err != nil {
		return Plan{}, err
	}
	p, err := s.Flow.PlanDay(ctx, d, in.Limit)
	if err != nil {
		return Plan{}, err
	}
	out := Plan{Day: p.Day.String(), Counts: map[string]int{}, Totals: []PlanTotal{}, More: p.More, Items: each(p.Items, planItemOf)}
	for action, n := range p.Counts {
		out.Counts[action] = n
	}
	for _, action := range slices.Sorted(maps.Keys(p.Totals)) {
		for _, sum := range p.Totals[action] {
			out.Totals = append(out.Totals, PlanTotal{Action: action, Total: amount(sum)})
		}
	}
	return out, nil
}

func planItemOf(i flow.PlanItem) PlanItem {
	out := PlanItem{Key: i.Key, Action: i.Action, Customer: string(i.Customer), Name: i.Name, Subject: i.Subject, Text: i.Text, Reasons: append([]string{}, i.Reasons...), Held: i.Held}
	if i.Amount != (money.Amount{}) {
		a := amount(i.Amount)
		out.Amount = &a
	}
	return out
}

func (s *Site) getClock(ctx context.Context, _ *struct{}) (Now, error) {
	set, err := s.Flow.Settings.Get(ctx)
	now := s.Flow.Now()
	return Now{Time: stamp(now), Today: set.Today(now).String(), Test: s.Flow.Test != nil}, err
}

// mostRuns is how many daily runs the answer of a move tells of.
const mostRuns = 200

func (s *Site) advance(ctx context.Context, in *advanceIn) (Advanced, error) {
	from := s.Flow.Now()
	if err := s.Flow.ClockAdvance(ctx, in.Body.Days); err != nil {
		return Advanced{}, err
	}
	now, err := s.getClock(ctx, nil)
	if err != nil {
		return Advanced{}, err
	}
	list, err := s.Flow.Runs.List(ctx, min(in.Body.Days+2, mostRuns))
	if err != nil {
		return Advanced{}, err
	}
	out := Advanced{Now: now, Runs: []Run{}}
	for i := len(list) - 1; i >= 0; i-- {
		if r := list[i]; !r.Started.Before(from) {
			out.Runs = append(out.Runs, Run{ID: string(r.ID), Day: r.Day.String(), State: string(r.State), Done: r.Done, Failed: each(r.Failures, func(f run.Failure) Failure { return Failure{Key: f.Item, Error: f.Error} })})
		}
	}
	return out, nil
}
