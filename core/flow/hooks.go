package flow

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/platform/inbox"
	"github.com/ezscale/bursar/core/platform/jobs"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/gateway"
)

const jobInbox = "inbox"

// ReceiveHook takes in a request that reached an instance's own address. The plugin verifies it; what it means is
// kept, raw bytes beside it, before the answer goes out; a job applies it. Nothing of interest is fine too.
//
// Errors: Forbidden, it is forged; Unavailable, the sender must repeat; NotFound, there is no such instance.
func (f *Flow) ReceiveHook(ctx context.Context, instance string, w sdk.Webhook) error {
	if g, err := f.Gateways.Gateway(instance); err == nil {
		events, err := g.Receive(ctx, w)
		if err != nil {
			return err
		}
		return f.keepEvents(ctx, instance, w, events)
	}
	r, err := f.Receivers.Receiver(instance)
	if err != nil {
		return err
	}
	news, err := r.Receive(ctx, w)
	if err != nil {
		return err
	}
	return f.DB.Tx(ctx, func(ctx context.Context) error {
		for _, n := range news {
			_, fresh, err := f.Inbox.Keep(ctx, instance, n.ID, w.Body, nil)
			if err != nil {
				return err
			}
			if !fresh {
				continue
			}
			if err := f.Notify.Deliveries(ctx, one(n)); err != nil {
				return err
			}
		}
		return nil
	})
}

// keepEvents saves what a webhook means. Its meaning may hold a method's token, so it is sealed.
func (f *Flow) keepEvents(ctx context.Context, instance string, w sdk.Webhook, events []gateway.Event) error {
	if len(events) == 0 {
		return nil
	}
	err := f.DB.Tx(ctx, func(ctx context.Context) error {
		for _, e := range events {
			event := inbox.EventID(e.ID, w.Body)
			sealed, err := f.Box.SealJSON(meaningOf(instance, event), e)
			if err != nil {
				return err
			}
			id, fresh, err := f.Inbox.Keep(ctx, instance, event, w.Body, sealed)
			if err != nil {
				return err
			}
			if !fresh {
				continue
			}
			if err := f.Jobs.Enqueue(ctx, jobs.New{Kind: jobInbox, Payload: map[string]int64{"entry": id}, UniqueKey: fmt.Sprintf("inbox:%d", id)}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep webhook of %s: %w", instance, err)
	}
	return nil
}

func meaningOf(instance, event string) string {
	return "webhook_inbox:" + instance + "/" + event + ":meaning"
}

// applyInbox applies one kept event: once, in whatever order they came.
func (f *Flow) applyInbox(ctx context.Context, j jobs.Job) error {
	var p struct{ Entry int64 }
	if err := j.Read(&p); err != nil {
		return jobs.GiveUp(err)
	}
	e, err := f.Inbox.Get(ctx, p.Entry)
	if err != nil {
		return err
	}
	if e.State != inbox.Fresh {
		return nil
	}
	var sealed string
	if err := json.Unmarshal(e.Meaning, &sealed); err != nil {
		return jobs.GiveUp(err)
	}
	var event gateway.Event
	if err := f.Box.OpenJSON(meaningOf(e.Instance, e.EventID), sealed, &event); err != nil {
		return jobs.GiveUp(err)
	}
	state, note, err := f.apply(ctx, e.Instance, event)
	if err != nil {
		return err
	}
	return f.Inbox.Mark(ctx, e.ID, state, note)
}

// apply does what an event means. What is about nothing of ours is kept for staff and changes nothing.
func (f *Flow) apply(ctx context.Context, instance string, e gateway.Event) (state, note string, err error) {
	switch {
	case e.Attempt != nil:
		return f.applyAttempt(ctx, instance, *e.Attempt)
	case e.Refund != nil:
		return f.applyRefund(ctx, instance, *e.Refund)
	case e.Dispute != nil:
		return f.applyDispute(ctx, instance, *e.Dispute)
	case e.Method != nil:
		return f.applyMethod(ctx, instance, *e.Method, e.Gone)
	}
	return inbox.Ignored, "it says nothing", nil
}

func (f *Flow) applyAttempt(ctx context.Context, instance string, out gateway.Outcome) (string, string, error) {
	account := f.Gateways.Account(instance)
	id, err := ids.Parse[ids.Attempt](out.Echo)
	if err != nil {
		if out.Status != gateway.Captured {
			return inbox.Ignored, "no payment of ours", nil
		}
		s, err := f.Settle(ctx, payment.Report{AccountKey: account, Gateway: instance, Ref: out.Reference, State: payment.Captured, Amount: out.Paid, Fee: out.Fee, Source: payment.FromGateway})
		if err != nil {
			return "", "", err
		}
		return inbox.Applied, "money of unknown purpose, held as " + string(s.Payment.ID), nil
	}
	att, err := f.Payments.Get(ctx, id)
	if fault.KindOf(err) == fault.NotFound {
		return inbox.Waiting, "unknown attempt " + out.Echo, nil
	}
	if err != nil {
		return "", "", err
	}
	if att.AccountKey != account {
		return inbox.Waiting, "attempt " + out.Echo + " is another account's", nil
	}
	if att.Status.Final() && out.Status != gateway.Captured {
		return inbox.Applied, "older than what is known", nil
	}
	notes := sdk.Notes{}
	for k, v := range att.Notes {
		notes[k] = v
	}
	if err := f.conclude(ctx, att, gateway.Attempt{Op: att.Op(), Amount: att.Amount, Notes: notes}, out, nil); err != nil {
		return "", "", err
	}
	return inbox.Applied, "", nil
}

func (f *Flow) applyMethod(ctx context.Context, instance string, m gateway.Method, gone bool) (string, string, error) {
	account := f.Gateways.Account(instance)
	known, err := f.Payments.KnownMethod(ctx, account, m)
	if fault.KindOf(err) == fault.NotFound {
		return inbox.Ignored, "no method of ours", nil
	}
	if err != nil {
		return "", "", err
	}
	if gone {
		return inbox.Applied, "", f.Payments.RemoveMethod(ctx, known.ID)
	}
	return inbox.Applied, "", f.keepMethod(ctx, known.Customer, instance, account, m)
}
