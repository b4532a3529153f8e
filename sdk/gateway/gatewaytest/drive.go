package gatewaytest

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/gateway"
	"github.com/ezscale/bursar/sdk/money"
)

// call makes one call as a host with this run's troubles does: notes are the maps that the host would save.
func (b *bench) call(notes []sdk.Notes, do func(context.Context) error) error {
	b.Helper()
	if b.lost.kill {
		b.plugin.Kill()
	}
	var before []sdk.Notes
	for _, n := range notes {
		before = append(before, maps.Clone(n))
	}
	b.lost.calls++
	err := do(b.Context())
	b.heard(err)
	for _, n := range notes {
		b.told = append(b.told, fmt.Sprint(map[string]string(n)))
	}
	if b.lost.calls == b.lost.forget {
		for i, n := range notes {
			clear(n)
			maps.Copy(n, before[i])
		}
		return fault.New(fault.Unknown, "host_crashed", "")
	}
	return err
}

// rounds is how often a host asks before it gives up. No trouble of the suite is worth more.
const rounds = 12

// drive makes a change until it is answered, as a host does: what was surely not done is repeated, after doubt it looks
// first and repeats the same operation.
func drive[T any](b *bench, what string, notes []sdk.Notes, change, look func(context.Context) (T, error)) T {
	b.Helper()
	var out T
	var err error
	for range rounds {
		err = b.call(notes, func(ctx context.Context) (err error) { out, err = change(ctx); return err })
		switch fault.KindOf(err) {
		case "":
			return out
		case fault.Unavailable:
			b.sim.AddClock(max(fault.Of(err).After, time.Second))
			continue
		case fault.Unknown:
		default:
			b.fail("%s: %v", what, err)
		}
		b.sim.AddClock(2 * time.Minute)
		if look == nil {
			continue
		}
		err = b.call(notes, func(ctx context.Context) (err error) { out, err = look(ctx); return err })
		switch fault.KindOf(err) {
		case "":
			return out
		case fault.NotFound, fault.Unknown, fault.Unavailable:
		default:
			b.fail("%s, looking after doubt: %v", what, err)
		}
	}
	b.fail("%s: no answer in %d rounds, at last: %v", what, rounds, err)
	return out
}

func attemptNotes(a gateway.Attempt) []sdk.Notes { return []sdk.Notes{a.Notes, a.Customer.Notes} }

// begin opens a page.
func (b *bench) begin(v gateway.Visit) gateway.Outcome {
	b.Helper()
	return drive(b, "Begin", attemptNotes(v.Attempt),
		func(ctx context.Context) (gateway.Outcome, error) { return b.client.Begin(ctx, v) },
		func(ctx context.Context) (gateway.Outcome, error) { return b.client.Look(ctx, v.Attempt) })
}

// look reads an attempt, and finishes what was approved.
func (b *bench) look(a gateway.Attempt) gateway.Outcome {
	b.Helper()
	look := func(ctx context.Context) (gateway.Outcome, error) { return b.client.Look(ctx, a) }
	out := drive(b, "Look", attemptNotes(a), look, nil)
	if out.Status != gateway.Approved {
		return out
	}
	return drive(b, "Finish", attemptNotes(a), func(ctx context.Context) (gateway.Outcome, error) { return b.client.Finish(ctx, a) }, look)
}

// pay opens a page and pays (or saves) on it.
func (b *bench) pay(v gateway.Visit) gateway.Outcome {
	b.Helper()
	out := b.begin(v)
	equal(b, "A page that was begun is "+string(gateway.Waiting), out.Status, gateway.Waiting)
	b.play("pay", v.ID)
	return b.look(v.Attempt)
}

// take charges a saved method.
func (b *bench) take(c gateway.Charge) gateway.Outcome {
	b.Helper()
	return drive(b, "Charge", attemptNotes(c.Attempt),
		func(ctx context.Context) (gateway.Outcome, error) { return b.client.Charge(ctx, c) },
		func(ctx context.Context) (gateway.Outcome, error) { return b.client.Look(ctx, c.Attempt) })
}

// saved is a method that Jane saved without paying, and the op of that.
func (b *bench) saved(who sdk.Customer) (gateway.Method, string) {
	b.Helper()
	v := b.visit(who, money.Amount{}, true)
	out := b.pay(v)
	equal(b, "A visit that saved a method", out.Status, gateway.Saved)
	if out.Method == nil {
		b.fail("It is Saved, but there is no Method")
	}
	equal(b, "Echo", out.Echo, v.ID)
	m := *out.Method
	m.Customer = who
	return m, v.ID
}

// refund gives back.
func (b *bench) refund(r gateway.Refund) gateway.Refunded {
	b.Helper()
	return drive(b, "Refund", []sdk.Notes{r.Notes}, func(ctx context.Context) (gateway.Refunded, error) { return b.client.Refund(ctx, r) }, nil)
}

// refundOf asks for a part of what an attempt took.
func (b *bench) refundOf(a gateway.Attempt, paid gateway.Outcome, part money.Amount) gateway.Refund {
	return gateway.Refund{Op: b.op(), Reference: paid.Reference, Reason: "Asked by Jane", Amount: part, Notes: maps.Clone(a.Notes)}
}
