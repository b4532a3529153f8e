package flow

import (
	"context"
	"fmt"
	"slices"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/dunning"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/sdk/money"
)

// PlanItem is one thing that a day's run would do, and why.
type PlanItem struct {
	Key      string       `json:"key"`    // bill:sub_…:2027-03-31
	Action   string       `json:"action"` // bill, charge, remind, suspend, terminate, end, give_up
	Customer ids.Customer `json:"customer"`
	Name     string       `json:"name"` // of the customer
	Subject  string       `json:"subject"`
	Text     string       `json:"text"`
	Amount   money.Amount `json:"amount"`
	Reasons  []string     `json:"reasons"`
	Held     bool         `json:"held"`
}

// Plan is what a day's run would do. It is computed by the very functions that the run applies.
type Plan struct {
	Day    period.Day                `json:"day"`
	Items  []PlanItem                `json:"items"`
	Totals map[string][]money.Amount `json:"totals"` // by action, one amount per currency
	Counts map[string]int            `json:"counts"`
	More   bool                      `json:"more"` // items beyond the limit were counted, not listed
}

// planner collects items up to a limit and counts the rest.
type planner struct {
	plan  *Plan
	limit int
	sums  map[string]map[string]int64
}

func (p *planner) add(it PlanItem) {
	p.plan.Counts[it.Action]++
	if c := it.Amount.Currency(); c != "" {
		if p.sums[it.Action] == nil {
			p.sums[it.Action] = map[string]int64{}
		}
		p.sums[it.Action][c] += it.Amount.Minor()
	}
	if len(p.plan.Items) >= p.limit {
		p.plan.More = true
		return
	}
	p.plan.Items = append(p.plan.Items, it)
}

// PlanDay computes what a run for a day would do as things stand now, up to limit items. It writes nothing.
func (f *Flow) PlanDay(ctx context.Context, day period.Day, limit int) (Plan, error) {
	if err := auth.Require(ctx, auth.RunPlan); err != nil {
		return Plan{}, err
	}
	plan := Plan{Day: day, Totals: map[string][]money.Amount{}, Counts: map[string]int{}}
	p := &planner{plan: &plan, limit: limit, sums: map[string]map[string]int64{}}
	b, err := f.biller(ctx, day)
	if err != nil {
		return Plan{}, err
	}
	for _, part := range []func(context.Context, *biller, *planner) error{f.planBills, f.planChases, f.planEnds} {
		if err := part(ctx, b, p); err != nil {
			return Plan{}, fmt.Errorf("plan %s: %w", day, err)
		}
	}
	for action, sums := range p.sums {
		for c, minor := range sums {
			plan.Totals[action] = append(plan.Totals[action], money.Of(minor, c))
		}
		slices.SortFunc(plan.Totals[action], func(x, y money.Amount) int {
			if x.Currency() < y.Currency() {
				return -1
			}
			return 1
		})
	}
	return plan, nil
}

func (f *Flow) planBills(ctx context.Context, b *biller, p *planner) error {
	days, err := f.Subscriptions.DueDays(ctx, b.day)
	if err != nil {
		return err
	}
	for _, day := range days {
		var after ids.Customer
		for {
			subs, err := f.Subscriptions.DuePage(ctx, day, after, pageSize)
			if err != nil {
				return err
			}
			if len(subs) == 0 {
				break
			}
			after = subs[len(subs)-1].Customer
			pg, err := f.load(ctx, subs)
			if err != nil {
				return err
			}
			for _, d := range b.dues(pg) {
				p.bills(d, b.day)
			}
		}
	}
	return nil
}

// bills lists a customer's documents.
func (p *planner) bills(d due, day period.Day) {
	base := PlanItem{Action: "bill", Customer: d.customer.ID, Name: d.customer.Name()}
	if d.held != "" || d.err != nil {
		it := base
		it.Key, it.Held, it.Reasons = fmt.Sprintf("bill:%s:%s", d.customer.ID, day), true, []string{d.held}
		if d.err != nil {
			it.Reasons = []string{d.err.Error()}
		}
		it.Text = "Not billed"
		p.add(it)
	}
	for _, draft := range d.drafts {
		it := base
		it.Key, it.Amount = fmt.Sprintf("bill:%s:%s", draft.Lines[0].Subscription, draft.Lines[0].From), money.Of(draft.Total, draft.Currency)
		it.Subject, it.Text = string(draft.Lines[0].Subscription), fmt.Sprintf("Renewal, due %s", draft.Due.Format("2 Jan 2006"))
		for _, l := range draft.Lines {
			it.Reasons = append(it.Reasons, fmt.Sprintf("%s, %s – %s", l.Text, l.From.Format("2 Jan"), l.To.Add(-1).Format("2 Jan 2006")))
		}
		p.add(it)
	}
}

// actions names the steps of dunning as the plan does.
var actions = map[dunning.Kind]string{
	dunning.ChargeKind: "charge", dunning.NoticeKind: "remind", dunning.EndingKind: "remind", dunning.SuspendKind: "suspend",
	dunning.TerminateKind: "terminate", dunning.GiveUpKind: "give_up",
}

func (f *Flow) planChases(ctx context.Context, b *biller, p *planner) error {
	at, err := f.firstDunnable(ctx, b.day)
	if err != nil {
		return err
	}
	for {
		list, err := f.Invoices.Dunnable(ctx, at)
		if err != nil || len(list) == 0 {
			return err
		}
		at.AfterDue, at.AfterID = list[len(list)-1].Due, list[len(list)-1].ID
		set, err := f.chases(ctx, list, b.day)
		if err != nil {
			return err
		}
		names, err := f.Customers.Many(ctx, idsOf(list, func(i invoice.Invoice) ids.Customer { return i.Customer }))
		if err != nil {
			return err
		}
		for i := range set {
			p.chases(&set[i], names[set[i].inv.Customer], b.day)
		}
	}
}

func (p *planner) chases(c *chase, who customer.Customer, day period.Day) {
	for _, step := range c.ladder.Due(c.state, day) {
		if step.Result != dunning.Done {
			continue
		}
		late := day.Since(c.inv.Due)
		p.add(PlanItem{
			Key: fmt.Sprintf("%s:%s:%s", actions[step.Kind], c.inv.ID, step.Name), Action: actions[step.Kind], Customer: who.ID, Name: who.Name(), Subject: string(c.inv.ID),
			Text: fmt.Sprintf("%s, %s", c.inv.Number, step.Name), Amount: c.inv.Amount(c.inv.Open()), Reasons: []string{"Due " + c.inv.Due.Format("2 Jan 2006") + ", " + dueIn(late)},
		})
	}
}

func (f *Flow) planEnds(ctx context.Context, b *biller, p *planner) error {
	list, err := f.Subscriptions.Ending(ctx, b.day, p.limit)
	if err != nil {
		return err
	}
	for _, sub := range list {
		p.add(PlanItem{Key: "end:" + string(sub.ID), Action: "end", Customer: sub.Customer, Subject: string(sub.ID), Text: sub.Label, Reasons: []string{"Cancelled for " + sub.CancelOn.Format("2 Jan 2006")}})
	}
	return nil
}

// dueIn says how far a day is from the due day.
func dueIn(late int) string {
	switch {
	case late == 0:
		return "that day"
	case late == 1:
		return "a day late"
	case late > 0:
		return fmt.Sprintf("%d days late", late)
	case late == -1:
		return "in a day"
	}
	return fmt.Sprintf("in %d days", -late)
}
