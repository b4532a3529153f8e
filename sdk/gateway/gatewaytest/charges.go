package gatewaytest

import (
	"context"
	"maps"
	"strings"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/gateway"
	"github.com/ezscale/bursar/sdk/money"
)

type ctx = context.Context

// charges are the cases of saved methods.
var charges = []testCase{
	{"a saved method can be charged read forgotten and forgotten again", announces[gateway.Charger], usesAMethod},
	{"a visit that saves brings a method that can be charged", announces[gateway.Charger], savesWhilePaying},
	{"a charge cut at any change moves money once", announces[gateway.Charger], func(b *bench) {
		who := jane()
		var m gateway.Method
		b.trouble(func(b *bench) { who = jane(); m, _ = b.saved(who) }, func(b *bench) {
			c := b.charge(who, euro, m)
			out := b.take(c)
			b.settled()
			b.captured(c.Attempt, out)
			equal(b, "Later", b.look(c.Attempt).Reference, out.Reference)
			b.moved(c.ID, 1999, 0, "EUR")
		})
	}},
	{"a declined charge cut at any change takes nothing", both(announces[gateway.Charger], classified(gateway.Soft)), func(b *bench) {
		who := jane()
		var m gateway.Method
		b.trouble(func(b *bench) { who = jane(); m, _ = b.saved(who) }, func(b *bench) {
			c := b.charge(who, euro, m)
			b.play("decline", c.ID, "code", b.suite.Declines[gateway.Soft])
			out := b.take(c)
			b.settled()
			equal(b, "A refused charge"+b.disturbed(), out.Status, gateway.Declined)
			equal(b, "Money that moved", len(b.sim.State().Money), 0)
		})
	}},
	{"a charge repeated after the key's life is not a second charge", announces[gateway.Charger], outlivesTheKey},
	{"declines have their class and a mild text", announces[gateway.Charger], classifies},
	{"a declined charge leaves nothing that can be paid later", both(announces[gateway.Charger], both(announces[gateway.Canceller], classified(gateway.Soft))), leavesNothing},
	{"a method removed by the payer is NotFound", announces[gateway.Charger], missesAMethod},
	{"forgetting cut at any change forgets", announces[gateway.Charger], func(b *bench) {
		who := jane()
		var m gateway.Method
		b.trouble(func(b *bench) { who = jane(); m, _ = b.saved(who) }, func(b *bench) {
			b.forget(m)
			b.settled()
			_, err := b.client.Method(b.Context(), m)
			b.kind("Method of what was forgotten"+b.disturbed(), err, fault.NotFound)
		})
	}},
	{"a charge that never was is NotFound or Unknown", announces[gateway.Charger], func(b *bench) {
		who := jane()
		m, _ := b.saved(who)
		_, err := b.client.Look(b.Context(), b.charge(who, euro, m).Attempt)
		b.kind("Look", err, fault.NotFound, fault.Unknown)
	}},
}

// forget removes a method at the vendor.
func (b *bench) forget(m gateway.Method) {
	b.Helper()
	op := b.op()
	drive(b, "Forget", []sdk.Notes{m.Notes, m.Customer.Notes}, func(ctx ctx) (struct{}, error) { return struct{}{}, b.client.Forget(ctx, op, m) }, nil)
}

func usesAMethod(b *bench) {
	who := jane()
	m, _ := b.saved(who)
	if m.Kind == "" || m.Last4 == "" && m.Label == "" || len(m.Notes) == 0 {
		b.fail("A method says what it is, and notes its token: %+v", m)
	}
	c := b.charge(who, euro, m)
	out := b.take(c)
	b.captured(c.Attempt, out)
	if out.Fee.IsZero() {
		b.fail("The simulator takes a fee, but Fee is zero")
	}
	equal(b, "The charge, repeated", b.take(c).Reference, out.Reference)
	b.moved(c.ID, 1999, 0, "EUR")
	// One that was imported is bare notes.
	read, err := b.client.Method(b.Context(), gateway.Method{Notes: maps.Clone(m.Notes), Customer: sdk.Customer{Notes: sdk.Notes{}}})
	b.must("Method of bare notes", err)
	equal(b, "ID, read anew", read.ID, m.ID)
	equal(b, "Last4, read anew", read.Last4, m.Last4)
	equal(b, "ExpYear, read anew", read.ExpYear, m.ExpYear)
	read.Customer = who
	second := b.charge(who, money.Of(500, "EUR"), read)
	b.captured(second.Attempt, b.take(second))
	b.forget(m)
	b.forget(m)
	_, err = b.client.Method(b.Context(), m)
	b.kind("Method of what was forgotten", err, fault.NotFound)
}

func savesWhilePaying(b *bench) {
	who := jane()
	v := b.visit(who, euro, true)
	out := b.pay(v)
	b.captured(v.Attempt, out)
	if out.Method == nil {
		b.fail("The visit was to save its method, but there is none (its webhook alone is too late for the suite)")
	}
	m := *out.Method
	m.Customer = who
	c := b.charge(who, money.Of(700, "EUR"), m)
	b.captured(c.Attempt, b.take(c))
}

func outlivesTheKey(b *bench) {
	who := jane()
	m, _ := b.saved(who)
	c := b.charge(who, euro, m)
	out := b.take(c)
	for _, notes := range []sdk.Notes{maps.Clone(c.Notes), {}} {
		b.sim.AddClock(b.suite.KeyLife)
		c.Notes, c.Customer.Notes, c.Attempt.Attempt = notes, sdk.Notes{}, c.Attempt.Attempt+1
		again, err := b.client.Charge(b.Context(), c)
		if err != nil {
			b.kind("Charge, after the key's life", err, fault.Unknown)
			continue
		}
		equal(b, "The charge, after the key's life", again.Reference, out.Reference)
	}
	b.moved(c.ID, 1999, 0, "EUR")
}

// mild fails unless a decline has that class and a text that a thief may read.
func (b *bench) mild(out gateway.Outcome, want gateway.Class) {
	b.Helper()
	d := out.Decline
	if d == nil {
		b.fail("A Declined outcome has a Decline")
	}
	equal(b, "Class of "+d.Code, d.Class, want)
	if d.Text == "" || d.Code == "" {
		b.fail("A decline has a code and a text: %+v", *d)
	}
	for _, word := range []string{"stolen", "theft", "lost", "fraud", "pick up", "pickup", "blacklist", "_"} {
		if strings.Contains(strings.ToLower(d.Text), word) {
			b.fail("What the customer reads says %q: %s", word, d.Text)
		}
	}
}

func classifies(b *bench) {
	who := jane()
	m, _ := b.saved(who)
	if len(b.suite.Declines) < 3 {
		b.fail("Suite.Declines has %d classes; a vendor knows Soft, Hard and Authenticate at least, or say why with a code that is near", len(b.suite.Declines))
	}
	for _, class := range []gateway.Class{gateway.Soft, gateway.Hard, gateway.Authenticate, gateway.Ours} {
		code := b.suite.Declines[class]
		if code == "" {
			continue
		}
		c := b.charge(who, euro, m)
		b.play("decline", c.ID, "code", code)
		out := b.take(c)
		equal(b, "A charge refused with "+code, out.Status, gateway.Declined)
		b.mild(out, class)
		equal(b, "The same, repeated", b.take(c).Status, gateway.Declined)
		equal(b, "The same, looked at", b.look(c.Attempt).Status, gateway.Declined)
	}
	equal(b, "Money that moved", len(b.sim.State().Money), 0)
}

func leavesNothing(b *bench) {
	who := jane()
	m, _ := b.saved(who)
	c := b.charge(who, euro, m)
	b.play("decline", c.ID, "code", b.suite.Declines[gateway.Soft])
	equal(b, "A refused charge", b.take(c).Status, gateway.Declined)
	b.cancel(c.Attempt)
	b.cancel(c.Attempt)
	equal(b, "A declined charge that was cancelled took", len(b.sim.State().Money), 0)
	next := b.charge(who, euro, m)
	b.captured(next.Attempt, b.take(next))
	b.kind("Cancel of a charge that was paid", b.client.Cancel(b.Context(), next.Attempt), fault.Conflict)
	b.moved(next.ID, 1999, 0, "EUR")
}

func missesAMethod(b *bench) {
	who := jane()
	m, op := b.saved(who)
	b.play("remove_method", op)
	_, err := b.client.Method(b.Context(), m)
	b.kind("Method of what the payer removed", err, fault.NotFound)
	c := b.charge(who, euro, m)
	out := b.take(c)
	equal(b, "A charge of it", out.Status, gateway.Declined)
	b.mild(out, gateway.Hard)
}
