package gatewaytest

import (
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/gateway"
	"github.com/ezscale/bursar/sdk/money"
)

// refunds are the cases of money that goes back.
var refunds = []testCase{
	{"a refund repeated is one refund", nil, refundsOnce},
	{"a refund cut at any change is one refund", nil, func(b *bench) {
		var v gateway.Visit
		var paid gateway.Outcome
		b.trouble(func(b *bench) { v = b.visit(jane(), euro, false); paid = b.pay(v) }, func(b *bench) {
			out := b.refund(b.refundOf(v.Attempt, paid, money.Of(500, "EUR")))
			b.settled()
			equal(b, "Status of a refund", out.Status, gateway.Captured)
			b.moved(v.ID, 1999, 500, "EUR")
		})
	}},
	{"a refund repeated after the key's life is one refund", nil, func(b *bench) {
		v := b.visit(jane(), euro, false)
		r := b.refundOf(v.Attempt, b.pay(v), money.Of(500, "EUR"))
		first := b.refund(r)
		b.sim.AddClock(b.suite.KeyLife)
		r.Notes = sdk.Notes{}
		again, err := b.client.Refund(b.Context(), r)
		if err != nil {
			b.kind("Refund, after the key's life", err, fault.Unknown)
		} else {
			equal(b, "Reference", again.Reference, first.Reference)
		}
		b.moved(v.ID, 1999, 500, "EUR")
	}},
	{"more than was paid is Declined", nil, refundsNoMore},
	{"a refund of what never was is refused", nil, func(b *bench) {
		_, err := b.client.Refund(b.Context(), gateway.Refund{Op: b.op(), Reference: "pay_none", Amount: euro, Notes: sdk.Notes{}})
		b.kind("Refund", err, fault.NotFound, fault.Declined, fault.Invalid)
		_, err = b.client.Refund(b.Context(), gateway.Refund{Op: b.op(), Amount: euro, Notes: sdk.Notes{}})
		b.kind("Refund of nothing", err, fault.NotFound, fault.Declined, fault.Invalid)
	}},
	{"a refund that fails later turns back", nil, turnsBack},
}

func refundsOnce(b *bench) {
	v := b.visit(jane(), euro, false)
	paid := b.pay(v)
	r := b.refundOf(v.Attempt, paid, money.Of(500, "EUR"))
	first := b.refund(r)
	equal(b, "Status", first.Status, gateway.Captured)
	equal(b, "Amount", first.Amount, r.Amount)
	equal(b, "Payment", first.Payment, paid.Reference)
	equal(b, "Echo", first.Echo, r.ID)
	if first.Reference == "" {
		b.fail("A refund has a Reference")
	}
	for _, notes := range []sdk.Notes{r.Notes, {}} {
		r.Notes = notes
		equal(b, "Reference, repeated", b.refund(r).Reference, first.Reference)
	}
	second := b.refund(b.refundOf(v.Attempt, paid, money.Of(1499, "EUR")))
	if second.Reference == first.Reference {
		b.fail("Two refunds have one Reference")
	}
	b.moved(v.ID, 1999, 1999, "EUR")
}

func refundsNoMore(b *bench) {
	v := b.visit(jane(), euro, false)
	paid := b.pay(v)
	_, err := b.client.Refund(b.Context(), b.refundOf(v.Attempt, paid, money.Of(2000, "EUR")))
	b.kind("More than was paid", err, fault.Declined)
	equal(b, "Code", fault.Of(err).Code, "too_much")
	b.refund(b.refundOf(v.Attempt, paid, money.Of(1500, "EUR")))
	_, err = b.client.Refund(b.Context(), b.refundOf(v.Attempt, paid, money.Of(500, "EUR")))
	b.kind("More than is left", err, fault.Declined)
	b.refund(b.refundOf(v.Attempt, paid, money.Of(499, "EUR")))
	_, err = b.client.Refund(b.Context(), b.refundOf(v.Attempt, paid, money.Of(1, "EUR")))
	b.kind("When nothing is left", err, fault.Declined)
	equal(b, "Code", fault.Of(err).Code, "already_refunded")
	b.moved(v.ID, 1999, 1999, "EUR")
}

func turnsBack(b *bench) {
	v := b.visit(jane(), euro, false)
	r := b.refundOf(v.Attempt, b.pay(v), euro)
	first := b.refund(r)
	b.play("refund_fails", r.ID)
	out := b.refund(r)
	equal(b, "A refund that came back", out.Status, gateway.Declined)
	equal(b, "Reference", out.Reference, first.Reference)
	if out.Text == "" {
		b.fail("A refund that came back says why")
	}
	b.moved(v.ID, 1999, 0, "EUR")
}
