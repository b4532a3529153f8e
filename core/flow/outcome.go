package flow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/states"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/platform/jobs"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/gateway"
)

const jobAttempt = "attempt"

// watch has an attempt looked at later: once, however often it is asked for.
func (f *Flow) watch(ctx context.Context, id ids.Attempt, at time.Time) error {
	return f.Jobs.Enqueue(ctx, jobs.New{Kind: jobAttempt, Payload: map[string]ids.Attempt{"attempt": id}, RunAt: at, UniqueKey: "attempt:" + string(id)})
}

// workAttempt looks after an attempt until it has an end: after a crash, while a page is open, while nobody knows.
func (f *Flow) workAttempt(ctx context.Context, j jobs.Job) error {
	var p struct{ Attempt ids.Attempt }
	if err := j.Read(&p); err != nil {
		return jobs.GiveUp(err)
	}
	att, err := f.Payments.Get(ctx, p.Attempt)
	if err != nil {
		return err
	}
	switch now := f.Clock.Now(); {
	case att.Status.Final() || att.Status == payment.Parked:
		return nil
	case att.Status == payment.Planned && att.Purpose == payment.Charge:
		_, err = f.begin(ctx, att.ID)
	case att.Status == payment.Planned: // nobody waits for its page any more
		return f.Payments.Expire(ctx, att.ID)
	case att.AskAt.After(now):
		return jobs.Again(att.AskAt)
	default:
		if att, err = f.look(ctx, att); err == nil && att.Status == payment.Waiting && att.PageOver(now) {
			err = f.Payments.Expire(ctx, att.ID)
		}
	}
	if err != nil {
		return err
	}
	if att, err = f.Payments.Get(ctx, p.Attempt); err != nil {
		return err
	}
	if att.Status.Final() || att.Status == payment.Parked {
		return nil
	}
	return jobs.Again(later(att.AskAt, f.Clock.Now().Add(10*time.Second)))
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// look asks the gateway what became of an attempt. It never takes money, but for a request that surely never
// arrived: that one is sent again under its own key, if the invoice is still owed.
func (f *Flow) look(ctx context.Context, att payment.Attempt) (payment.Attempt, error) {
	g, err := f.Gateways.Gateway(att.Gateway)
	if err != nil {
		return att, err
	}
	at, err := f.attemptOf(ctx, att)
	if err != nil {
		return att, err
	}
	out, err := g.Look(ctx, at)
	unclear := att.Status == payment.Unknown || att.Status == payment.Sent
	if unclear && fault.KindOf(err) == fault.NotFound {
		return f.again(ctx, att)
	}
	if unclear && fault.KindOf(err) == fault.Unknown && att.Purpose == payment.Charge && att.Asks >= 2 {
		return f.again(ctx, att) // the same key: what was done is told, not done again
	}
	if err != nil && fault.KindOf(err) != fault.Unknown {
		return att, f.askLater(ctx, att, at.Notes)
	}
	return f.take(context.WithoutCancel(ctx), att, at, out, err)
}

// again repeats a request whose answer was lost, under the same key.
func (f *Flow) again(ctx context.Context, att payment.Attempt) (payment.Attempt, error) {
	owed, err := f.stillOwed(ctx, att)
	if err != nil {
		return att, err
	}
	if !owed || att.Purpose != payment.Charge {
		// Nobody waits for this page, or somebody paid meanwhile: a page that opens late would only confuse.
		if err := f.Payments.Expire(ctx, att.ID); err != nil {
			return att, err
		}
		return f.Payments.Get(ctx, att.ID)
	}
	if att, err = f.Payments.Resend(ctx, att.ID); err != nil {
		return att, err
	}
	out, at, err := f.call(ctx, att)
	return f.take(context.WithoutCancel(ctx), att, at, out, err)
}

func (f *Flow) stillOwed(ctx context.Context, att payment.Attempt) (bool, error) {
	if att.Purpose == payment.SaveOnly {
		return true, nil
	}
	open, err := f.openOn(ctx, att)
	return open >= att.Amount.Minor(), err
}

// openOn sums what is open on the invoices of an attempt.
func (f *Flow) openOn(ctx context.Context, att payment.Attempt) (open int64, err error) {
	many, err := f.Invoices.Many(ctx, att.Invoices)
	for _, inv := range many {
		if inv.Status == invoice.Opened {
			open += inv.Open()
		}
	}
	return open, err
}

func (f *Flow) askLater(ctx context.Context, att payment.Attempt, notes sdk.Notes) error {
	if att.Status == payment.Waiting {
		return f.Payments.Later(ctx, att.ID, time.Time{}, notes)
	}
	return f.Payments.Lose(ctx, att.ID, "no answer", notes)
}

// take saves what a gateway answered about an attempt. at is the attempt as the gateway was given it: its notes
// hold what the gateway wants to remember.
func (f *Flow) take(ctx context.Context, att payment.Attempt, at gateway.Attempt, out gateway.Outcome, callErr error) (payment.Attempt, error) {
	if at.Customer.ID != "" {
		if err := f.Provision.SaveCustomerNotes(ctx, att.Gateway, att.Customer, at.Customer.Notes); err != nil {
			return att, err
		}
	}
	err := f.conclude(ctx, att, at, out, callErr)
	if errors.Is(err, states.ErrRefused) { // it came to an end while the gateway was asked: what was paid since is no error
		if now, err := f.Payments.Get(ctx, att.ID); err == nil && now.Status.Final() {
			return now, nil
		}
	}
	if err != nil {
		return att, fmt.Errorf("conclude attempt %s: %w", att.ID, err)
	}
	return f.Payments.Get(ctx, att.ID)
}

func (f *Flow) conclude(ctx context.Context, att payment.Attempt, at gateway.Attempt, out gateway.Outcome, callErr error) error {
	if callErr != nil {
		return f.refused(ctx, att, at.Notes, callErr)
	}
	if out.Echo != "" && out.Echo != string(att.ID) {
		return f.refused(ctx, att, at.Notes, fault.New(fault.Unknown, "foreign_echo", "").Because(fmt.Errorf("the gateway answered about %q", out.Echo)))
	}
	if out.Method != nil {
		if err := f.keepMethod(ctx, att.Customer, att.Gateway, att.AccountKey, *out.Method); err != nil {
			return err
		}
	}
	switch out.Status {
	case gateway.Captured, gateway.Pending:
		return f.moved(ctx, att, at.Notes, out)
	case gateway.Waiting:
		if err := f.Payments.Wait(ctx, att.ID, out.URL, out.Expires, at.Notes); err != nil {
			return err
		}
		return f.rewatch(ctx, att.ID)
	case gateway.Approved:
		return f.finish(ctx, att, at)
	case gateway.Saved:
		return f.Payments.Saved(ctx, att.ID, at.Notes)
	case gateway.Declined:
		d := gateway.Decline{Class: gateway.Ours, Code: "no_reason"}
		if out.Decline != nil {
			d = *out.Decline
		}
		if err := f.decline(ctx, att, d, out.Reference, at.Notes); err != nil {
			return err
		}
		f.dropDeclined(ctx, att, at)
		return nil
	case gateway.Lapsed:
		return f.Payments.Expire(ctx, att.ID)
	}
	return f.refused(ctx, att, at.Notes, fault.New(fault.Unknown, "strange_status", "").Because(fmt.Errorf("status %q", out.Status)))
}

// moved is money that the gateway has, or is about to have.
func (f *Flow) moved(ctx context.Context, att payment.Attempt, notes sdk.Notes, out gateway.Outcome) error {
	r := payment.Report{
		AccountKey: att.AccountKey, Gateway: att.Gateway, Ref: out.Reference, Key: string(att.ID), State: payment.Captured,
		Amount: out.Paid, Fee: out.Fee, Notes: notes, Source: payment.FromGateway,
	}
	if out.Status == gateway.Pending {
		if out.Reference == "" || out.Paid.IsZero() { // nothing to book yet
			return f.Payments.Coming(ctx, att.ID, f.Clock.Now().Add(max(out.After, time.Minute)), notes)
		}
		r.State = payment.Pending
	}
	if _, err := f.Settle(ctx, r); err != nil {
		return err
	}
	if out.Status == gateway.Pending {
		return f.Payments.Coming(ctx, att.ID, f.Clock.Now().Add(max(out.After, time.Minute)), notes)
	}
	return nil
}

// finish takes what the customer approved, unless it was paid otherwise meanwhile.
func (f *Flow) finish(ctx context.Context, att payment.Attempt, at gateway.Attempt) error {
	owed, err := f.stillOwed(ctx, att)
	if err != nil {
		return err
	}
	if !owed {
		return f.Payments.Expire(ctx, att.ID)
	}
	g, err := f.Gateways.Gateway(att.Gateway)
	if err != nil {
		return err
	}
	finisher, ok := sdk.As[gateway.Finisher](g)
	if !ok {
		return f.refused(ctx, att, at.Notes, fault.New(fault.Unknown, "cannot_finish", ""))
	}
	out, err := finisher.Finish(ctx, at)
	if err == nil && out.Status == gateway.Approved {
		return f.askLater(ctx, att, at.Notes)
	}
	return f.conclude(ctx, att, at, out, err)
}

// refused is an error instead of an answer: doubt is never success or failure.
func (f *Flow) refused(ctx context.Context, att payment.Attempt, notes sdk.Notes, err error) error {
	ft := fault.Of(err)
	if ft == nil || ft.Kind == fault.Unknown || ft.Kind == fault.Internal || ft.Kind == fault.Conflict {
		f.Log.Warn("payment is not certain", "attempt", att.ID, "error", err)
		if err := f.askLater(ctx, att, notes); err != nil {
			return err
		}
		return f.rewatch(ctx, att.ID)
	}
	if att.Status == payment.Unknown || att.Status == payment.Waiting {
		return f.askLater(ctx, att, notes) // a look that fails decides nothing
	}
	d := gateway.Decline{Class: gateway.Ours, Code: ft.Code, Text: "This way to pay does not work at the moment. Nothing was taken."}
	switch ft.Kind {
	case fault.Unavailable:
		d.Class = payment.ClassUnavailable
	case fault.Invalid, fault.Declined:
		if ft.Text != "" {
			d.Text = ft.Text
		}
	}
	f.Log.Error("a gateway refused a payment", "attempt", att.ID, "gateway", att.Gateway, "error", err)
	return f.decline(ctx, att, d, "", notes)
}

func (f *Flow) rewatch(ctx context.Context, id ids.Attempt) error {
	att, err := f.Payments.Get(ctx, id)
	if err != nil || att.Status.Final() {
		return err
	}
	return f.watch(ctx, id, later(att.AskAt, f.Clock.Now().Add(time.Second)))
}

// decline ends an attempt without money. A method that can never work again is blocked.
func (f *Flow) decline(ctx context.Context, att payment.Attempt, d gateway.Decline, ref string, notes sdk.Notes) error {
	return f.DB.Tx(ctx, func(ctx context.Context) error {
		if att.Method != "" && (d.Class == gateway.Hard || d.Class == gateway.Authenticate) {
			if err := f.Payments.Block(ctx, att.Method, string(d.Class)); err != nil {
				return err
			}
		}
		if err := f.Payments.Decline(ctx, att.ID, d, ref, notes); err != nil {
			return err
		}
		pending, err := f.Payments.OfAttempt(ctx, att.ID)
		if err != nil {
			return err
		}
		for _, p := range pending {
			if p.Status == payment.StatusPending {
				if err := f.Payments.Fail(ctx, p.ID, d.Code); err != nil {
					return err
				}
			}
		}
		return f.Dunning.Conclude(ctx, att.ID, dunningResult(d.Class))
	})
}

// dropDeclined ends at the gateway what a declined charge left there, so that nothing can complete it later. If that
// does not work out, nothing is lost: a late success is booked like any other.
func (f *Flow) dropDeclined(ctx context.Context, att payment.Attempt, at gateway.Attempt) {
	if att.Purpose != payment.Charge {
		return
	}
	g, err := f.Gateways.Gateway(att.Gateway)
	if err != nil {
		return
	}
	if c, ok := sdk.As[gateway.Canceller](g); ok {
		if err := c.Cancel(ctx, at); err != nil && fault.KindOf(err) != fault.NotFound {
			f.Log.Info("a declined charge is left at the gateway", "attempt", att.ID, "error", err)
		}
	}
}

// keepMethod saves a method that a customer agreed to.
func (f *Flow) keepMethod(ctx context.Context, c ids.Customer, instance, account string, m gateway.Method) error {
	_, err := f.Payments.SaveMethod(ctx, c, instance, account, m)
	return err
}

// Returned is called when a browser comes back from a gateway's page. Nothing that it says is believed: the gateway
// is asked. It waits a little for a payment that is just being made.
func (f *Flow) Returned(ctx context.Context, id ids.Attempt) (payment.Attempt, error) {
	att, err := f.Payments.Get(ctx, id)
	if err != nil || att.Status.Final() || att.Status == payment.Parked || att.Status == payment.Planned {
		return att, err
	}
	ctx, stop := context.WithTimeout(ctx, f.pace.back)
	defer stop()
	looked, err := f.look(ctx, att)
	if err != nil {
		f.Log.Warn("a gateway does not say what became of a payment", "attempt", id, "error", err)
		return att, nil // the job finds out
	}
	return looked, nil
}
