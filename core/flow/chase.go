package flow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/dunning"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/data/lease"
	"github.com/ezscale/bursar/core/data/outbox"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/sdk/gateway"
)

// chase is an open invoice with all that decides what is due on it.
type chase struct {
	inv     invoice.Invoice
	ladder  dunning.Ladder
	state   dunning.State
	subs    []subscription.Subscription
	methods []payment.Method
	fresh   *payment.Method // saved since it fell due
	open    *payment.Attempt
}

// firstDunnable is the first page of open invoices that any ladder may have a step for on a day.
func (f *Flow) firstDunnable(ctx context.Context, day period.Day) (invoice.DunPage, error) {
	ladders, err := f.Dunning.Ladders(ctx)
	first := 0
	for _, l := range ladders {
		first = min(first, l.Earliest())
	}
	return invoice.DunPage{DueBefore: day.Add(-first), Limit: batchSize}, err
}

// chaseDay takes the steps of dunning that are due on open invoices, page by page.
func (f *Flow) chaseDay(ctx context.Context, b *biller, r *RunReport) error {
	at, err := f.firstDunnable(ctx, b.day)
	if err != nil {
		return err
	}
	for {
		list, err := f.Invoices.Dunnable(ctx, at)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return nil
		}
		last := list[len(list)-1]
		at.AfterDue, at.AfterID = last.Due, last.ID
		set, err := f.chases(ctx, list, b.day)
		if err != nil {
			return err
		}
		for i := range set {
			f.chaseOne(ctx, &set[i], b.day, r)
		}
	}
}

// chases reads what decides about a page of invoices: a constant number of statements.
func (f *Flow) chases(ctx context.Context, list []invoice.Invoice, today period.Day) ([]chase, error) {
	set := idsOf(list, func(i invoice.Invoice) ids.Invoice { return i.ID })
	steps, err := f.Dunning.StepsOf(ctx, set)
	if err != nil {
		return nil, err
	}
	subs, err := f.Subscriptions.OfInvoices(ctx, set)
	if err != nil {
		return nil, err
	}
	methods, err := f.Payments.Chargeable(ctx, idsOf(list, func(i invoice.Invoice) ids.Customer { return i.Customer }))
	if err != nil {
		return nil, err
	}
	open, err := f.Payments.OpenOn(ctx, set)
	if err != nil {
		return nil, err
	}
	ladders, err := f.Dunning.Ladders(ctx)
	if err != nil {
		return nil, err
	}
	var subjects []string
	for _, inv := range list {
		subjects = append(subjects, string(inv.ID), string(inv.Customer))
		for _, s := range subs[inv.ID] {
			subjects = append(subjects, string(s.ID))
		}
	}
	holds, err := f.Dunning.HoldsOf(ctx, subjects)
	if err != nil {
		return nil, err
	}
	_, s, err := f.today(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]chase, len(list))
	for i, inv := range list {
		c := chase{inv: inv, subs: subs[inv.ID], methods: methods[inv.Customer]}
		if c.ladder, err = dunning.Choose(ladders, inv.Ladder); err != nil {
			return nil, err
		}
		if att, ok := open[inv.ID]; ok {
			c.open = &att
		}
		c.state = dunning.State{Issued: inv.Issued, Due: inv.Due, Steps: steps[inv.ID], Holds: append(append([]dunning.Hold{}, holds[string(inv.ID)]...), holds[string(inv.Customer)]...)}
		// An order that nobody paid is not charged behind the buyer's back: he left.
		c.state.Chargeable = len(c.methods) > 0 && inv.Kind != invoice.KindFirst
		if c.state.Chargeable {
			newest := slices.MaxFunc(c.methods, func(a, b payment.Method) int { return a.Created.Compare(b.Created) })
			if on := period.On(newest.Created, s.Location()); !on.Before(inv.Due) {
				c.state.NewMethodOn, c.fresh = on, &newest
			}
		}
		for _, sub := range c.subs {
			c.state.Holds = append(c.state.Holds, holds[string(sub.ID)]...)
			c.state.Suspendable = c.state.Suspendable || sub.Status == subscription.Active || sub.Status == subscription.Suspended
		}
		// What became of a payment is not known: nothing else is tried, and for three days nothing is suspended.
		if c.open != nil && c.open.Status != payment.Waiting {
			c.state.Holds = append(c.state.Holds, dunning.Hold{What: dunning.HoldCharge, From: today})
		}
		if c.open != nil && c.open.Status != payment.Waiting && f.Clock.Now().Sub(c.open.Created) < 72*time.Hour {
			c.state.Suspendable = false
		}
		out[i] = c
	}
	return out, nil
}

// chaseOne takes the due steps of one invoice. Each is its own transaction; one that fails leaves the rest alone.
func (f *Flow) chaseOne(ctx context.Context, c *chase, today period.Day, r *RunReport) {
	for _, step := range c.ladder.Due(c.state, today) {
		err := f.step(ctx, c, step, today, r)
		if errors.Is(err, dunning.ErrTaken) {
			continue // another run was faster
		}
		if err != nil {
			r.fail(fmt.Sprintf("%s:%s", step.Name, c.inv.ID), err)
			return
		}
	}
}

// step takes one step.
func (f *Flow) step(ctx context.Context, c *chase, step dunning.Step, today period.Day, r *RunReport) error {
	record := func(ctx context.Context, att ids.Attempt) error {
		return f.Dunning.Record(ctx, c.inv.ID, step.Name, today, step.Result, att)
	}
	if step.Result != dunning.Done {
		return record(ctx, "")
	}
	switch step.Kind {
	case dunning.ChargeKind:
		r.Charges++
		m := c.methods[0]
		if c.fresh != nil && dunning.IsFreshCharge(step) {
			m = *c.fresh
		}
		return f.chargeStep(ctx, c, m, record)
	case dunning.NoticeKind, dunning.EndingKind:
		r.Notices++
		return f.DB.Tx(ctx, func(ctx context.Context) error {
			if err := record(ctx, ""); err != nil {
				return err
			}
			fact := dunning.Fact{Invoice: c.inv.ID, Customer: c.inv.Customer, Step: step.Name, Day: c.names(step, today)}
			return f.Outbox.Add(ctx, outbox.Event{Kind: dunning.EventReminder, Subject: string(c.inv.ID), Payload: fact})
		})
	case dunning.SuspendKind:
		r.Suspended++
		return f.DB.Tx(ctx, func(ctx context.Context) error {
			if err := record(ctx, ""); err != nil {
				return err
			}
			return f.eachRunning(ctx, c, func(ctx context.Context, id ids.Subscription) error {
				return f.Subscriptions.Suspend(ctx, id, subscription.Suspension{Cause: subscription.CauseUnpaid, Ref: string(c.inv.ID), Reason: "Unpaid: " + c.inv.Number, Actor: "system"})
			})
		})
	case dunning.TerminateKind:
		r.Terminated++
		return f.DB.Tx(ctx, func(ctx context.Context) error {
			if err := record(ctx, ""); err != nil {
				return err
			}
			return f.eachRunning(ctx, c, func(ctx context.Context, id ids.Subscription) error {
				return f.end(ctx, id, subscription.Unpaid, today)
			})
		})
	case dunning.GiveUpKind:
		r.WrittenOff++
		return f.DB.Tx(ctx, func(ctx context.Context) error {
			if err := record(ctx, ""); err != nil {
				return err
			}
			return f.writeOff(ctx, c.inv.ID, today)
		})
	}
	return nil
}

// eachRunning does something to each service of an invoice that runs or is down, and to its add-ons.
func (f *Flow) eachRunning(ctx context.Context, c *chase, do func(context.Context, ids.Subscription) error) error {
	for _, sub := range c.subs {
		if sub.Status != subscription.Active && sub.Status != subscription.Suspended {
			continue
		}
		if err := do(ctx, sub.ID); err != nil {
			return err
		}
		children, err := f.Subscriptions.Children(ctx, sub.ID)
		if err != nil {
			return err
		}
		for _, child := range children {
			if child.Status == subscription.Pending {
				continue
			}
			if err := do(ctx, child.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// names is the day that a notice announces.
func (c *chase) names(step dunning.Step, today period.Day) period.Day {
	switch step.Name {
	case dunning.Final:
		return c.ladder.SuspendOn(c.inv.Due, today)
	case dunning.Ending:
		return c.ladder.TerminateOn(c.state.Steps[dunning.Suspend].On, today)
	}
	return c.inv.Due
}

// chargeStep plans a charge of a saved method together with the step that asks for it. A page that the customer left
// open is closed first; if it was paid, there is nothing to charge.
func (f *Flow) chargeStep(ctx context.Context, c *chase, m payment.Method, record func(context.Context, ids.Attempt) error) error {
	if c.open != nil {
		ended, err := f.cancel(ctx, *c.open)
		if err != nil || ended.Status == payment.Succeeded {
			return err
		}
	}
	var att payment.Attempt
	err := f.DB.Tx(ctx, func(ctx context.Context) error {
		amount, err := f.owed(ctx, c.inv.Customer, one(c.inv.ID))
		if err != nil {
			return err
		}
		att, err = f.planAttempt(ctx, payment.New{Customer: c.inv.Customer, Gateway: m.Gateway, AccountKey: m.AccountKey, Method: m.ID, Purpose: payment.Charge, Amount: amount, Invoices: one(c.inv.ID)})
		if err != nil {
			return err
		}
		if err := record(ctx, att.ID); err != nil {
			return err
		}
		return f.watch(ctx, att.ID, f.Clock.Now())
	})
	if errors.Is(err, ErrNothingOpen) || errors.Is(err, payment.ErrOpen) {
		return nil
	}
	return err
}

// chargeIssued pays a fresh invoice from the customer's balance, if that is wanted. Saved methods are charged on the
// day it is due.
func (f *Flow) chargeIssued(ctx context.Context, e outbox.Event) error {
	inv, err := f.invoiceOf(ctx, e)
	if err != nil || inv.Status != invoice.Opened {
		return err
	}
	c, err := f.Customers.Get(ctx, inv.Customer)
	if err != nil || !c.AutoApply {
		return err
	}
	_, err = f.payFromBalance(ctx, inv.ID)
	return err
}

// chargeOverdue charges a method that was saved while something is overdue: at once, not at the next step.
func (f *Flow) chargeOverdue(ctx context.Context, e outbox.Event) error {
	var fact payment.Fact
	if err := e.Read(&fact); err != nil {
		return err
	}
	today, _, err := f.today(ctx)
	if err != nil {
		return err
	}
	list, err := f.Invoices.OpenOf(ctx, fact.Customer)
	if err != nil {
		return err
	}
	var late []invoice.Invoice
	for _, inv := range list {
		if inv.Kind != invoice.KindFirst && !inv.Due.After(today) {
			late = append(late, inv)
		}
	}
	set, err := f.chases(ctx, late, today)
	if err != nil {
		return err
	}
	var r RunReport
	for i := range set {
		f.chaseOne(ctx, &set[i], today, &r)
	}
	if len(r.Failed) > 0 {
		return errors.New(r.Failed[0].Error)
	}
	return nil
}

// nextMethod follows a charge without money: a method that can never work again hands over to the next one, once a
// day; a gateway that did nothing is asked again.
func (f *Flow) nextMethod(ctx context.Context, e outbox.Event) error {
	var fact payment.Fact
	if err := e.Read(&fact); err != nil {
		return err
	}
	att, err := f.Payments.Get(ctx, fact.Attempt)
	if err != nil || att.Purpose != payment.Charge || len(att.Invoices) != 1 {
		return err
	}
	inv, err := f.Invoices.Get(ctx, att.Invoices[0])
	if err != nil || inv.Status != invoice.Opened || inv.Kind == invoice.KindFirst {
		return err
	}
	today, _, err := f.today(ctx)
	if err != nil {
		return err
	}
	var wait time.Duration
	var step string
	switch class := gateway.Class(att.DeclineClass); class {
	case payment.ClassUnavailable:
		wait, step = 30*time.Minute, "retry_"+string(att.ID)
	case gateway.Hard:
		step = "charge_next_" + strings.ReplaceAll(today.String(), "-", "")
	default:
		return nil
	}
	if at := e.At.Add(wait); f.Clock.Now().Before(at) {
		return lease.Again(at)
	}
	set, err := f.chases(ctx, one(inv), today)
	if err != nil || len(set[0].methods) == 0 || set[0].open != nil {
		return err
	}
	c := &set[0]
	if wait > 0 && retries(c.state.Steps) >= 24 {
		return nil
	}
	m := c.methods[0]
	if wait > 0 {
		for _, same := range c.methods {
			if same.ID == att.Method {
				m = same
			}
		}
	}
	err = f.chargeStep(ctx, c, m, func(ctx context.Context, id ids.Attempt) error {
		return f.Dunning.Record(ctx, inv.ID, fit(step), today, dunning.Done, id)
	})
	if errors.Is(err, dunning.ErrTaken) {
		return nil
	}
	return err
}

// fit shortens the name of a step to its column; the end of an ID is what tells it apart.
func fit(step string) string {
	if len(step) <= 20 {
		return step
	}
	return step[:6] + step[len(step)-14:]
}

func retries(steps map[string]dunning.Taken) (n int) {
	for name := range steps {
		if strings.HasPrefix(name, "retry_") {
			n++
		}
	}
	return n
}

// dunningResult is how a charge's end is written down.
func dunningResult(c gateway.Class) dunning.Result { return dunning.Result(c) }
