package flow

import (
	"context"
	"fmt"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/platform/jobs"
	"github.com/ezscale/bursar/sdk/notifier"
)

const jobDaily = "daily"

// RunReport says what a day's work came to.
type RunReport struct {
	Run        ids.Run    `json:"run"`
	Day        period.Day `json:"day"`
	Invoices   int        `json:"invoices"`
	Charges    int        `json:"charges"`
	Notices    int        `json:"notices"`
	Suspended  int        `json:"suspended"`
	Terminated int        `json:"terminated"`
	Ended      int        `json:"ended"`
	WrittenOff int        `json:"written_off"`
	Cancelled  int        `json:"cancelled"` // orders that nobody paid
	Held       int        `json:"held"`
	Failed     []Failure  `json:"failed,omitempty"`
	changed    int        // renewals that changed between reading and writing
}

// Failure is an item that could not be done. It is tried again the next day, or by the next run of staff's.
type Failure struct {
	Key   string `json:"key"`
	Error string `json:"error"`
}

// RunDay does everything that is due through a day: renewals, charges, reminders, suspensions, ends. It may be
// repeated, killed at any moment and run by two at once: what was done is done once.
func (f *Flow) RunDay(ctx context.Context, day period.Day) (RunReport, error) {
	if err := auth.Require(ctx, auth.RunApply); err != nil {
		return RunReport{}, err
	}
	b, err := f.biller(ctx, day)
	if err != nil {
		return RunReport{}, err
	}
	r := RunReport{Run: b.run, Day: day}
	began := f.Clock.Now()
	if err := f.Runs.Begin(ctx, b.run, day, began); err != nil {
		return r, err
	}
	for _, duty := range []func(context.Context, *biller, *RunReport) error{f.billDay, f.chaseDay, f.endDay, f.dropOrders, f.earnDay} {
		if err := duty(ctx, b, &r); err != nil {
			return r, fmt.Errorf("run of %s: %w", day, err)
		}
	}
	failures := make(map[string]string, len(r.Failed))
	for _, x := range r.Failed {
		failures[x.Key] = x.Error
		f.Log.Error("an item of the daily run failed", "run", b.run, "item", x.Key, "error", x.Error)
	}
	if err := f.Runs.End(ctx, b.run, r.Invoices+r.Charges+r.Notices+r.Suspended+r.Terminated+r.Ended+r.WrittenOff+r.Cancelled, failures, f.Clock.Now()); err != nil {
		return r, err
	}
	if len(r.Failed) > 0 {
		err := f.tell(ctx, "run:"+string(b.run), "", string(b.run), notifier.Post{
			Title: fmt.Sprintf("%d items of the daily run failed", len(r.Failed)), Text: r.Failed[0].Key + ": " + r.Failed[0].Error, Level: "bad", URL: f.Links.Admin + "/billing"})
		if err != nil {
			return r, err
		}
	}
	f.Log.Info("daily run", "day", day, "invoices", r.Invoices, "charges", r.Charges, "notices", r.Notices, "suspended", r.Suspended, "terminated", r.Terminated, "failed", len(r.Failed))
	return r, nil
}

// endDay ends what was cancelled for a day that has come.
func (f *Flow) endDay(ctx context.Context, b *biller, r *RunReport) error {
	tried := map[ids.Subscription]bool{}
	for {
		list, err := f.Subscriptions.Ending(ctx, b.day, batchSize)
		if err != nil {
			return err
		}
		fresh := false
		for _, sub := range list {
			if tried[sub.ID] {
				continue
			}
			tried[sub.ID], fresh = true, true
			if err := f.end(ctx, sub.ID, subscription.Cancelled, b.day); err != nil {
				r.fail("end:"+string(sub.ID), err)
				continue
			}
			r.Ended++
		}
		if !fresh {
			return nil
		}
	}
}

// dropOrders cancels orders that nobody paid in time.
func (f *Flow) dropOrders(ctx context.Context, b *biller, r *RunReport) error {
	tried := map[ids.Order]bool{}
	for {
		list, err := f.Orders.Expired(ctx, b.day, batchSize)
		if err != nil {
			return err
		}
		fresh := false
		for _, ord := range list {
			if tried[ord.ID] {
				continue
			}
			tried[ord.ID], fresh = true, true
			if _, err := f.Orders.Cancel(ctx, ord.ID, "It was not paid in time."); err != nil {
				r.fail("drop:"+string(ord.ID), err)
				continue
			}
			r.Cancelled++
		}
		if !fresh {
			return nil
		}
	}
}

// EnqueueDaily saves the job of a day's work: one for each day of the business, however often and by however many
// nodes it is asked for.
func (f *Flow) EnqueueDaily(ctx context.Context) error {
	today, s, err := f.today(ctx)
	if err != nil {
		return err
	}
	done, err := f.Runs.RanOn(ctx, today)
	if err != nil || done {
		return err
	}
	at := today.At(0, 10, s.Location())
	if now := f.Clock.Now(); at.Before(now) {
		at = now
	}
	return f.Jobs.Enqueue(ctx, jobs.New{Kind: jobDaily, Payload: map[string]period.Day{"day": today}, RunAt: at, UniqueKey: "daily:" + today.String(), Lane: "daily", MaxAttempts: 50})
}

// workDaily runs the day's work. A run that died goes on where it was.
func (f *Flow) workDaily(ctx context.Context, j jobs.Job) error {
	var p struct{ Day period.Day }
	if err := j.Read(&p); err != nil {
		return jobs.GiveUp(err)
	}
	today, _, err := f.today(ctx)
	if err != nil || today.Before(p.Day) {
		return err
	}
	_, err = f.RunDay(ctx, today)
	return err
}
