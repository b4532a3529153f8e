package gatewaytest

import (
	"maps"
	"strings"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/gateway"
	"github.com/ezscale/bursar/sdk/money"
)

// visits are the cases of the vendor's page.
var visits = []testCase{
	{"a paid visit is captured with amount currency fee and Echo", nil, capturesAVisit},
	{"a visit cut at any change moves money once", nil, func(b *bench) {
		b.trouble(func(*bench) {}, func(b *bench) {
			v := b.visit(jane(), euro, false)
			out := b.pay(v)
			b.settled()
			b.captured(v.Attempt, out)
			equal(b, "Later", b.look(v.Attempt).Reference, out.Reference)
			b.moved(v.ID, 1999, 0, "EUR")
		})
	}},
	{"saving a method cut at any change saves it and takes nothing", announces[gateway.Charger], func(b *bench) {
		b.trouble(func(*bench) {}, func(b *bench) {
			m, _ := b.saved(jane())
			b.settled()
			_, err := b.client.Method(b.Context(), m)
			b.must("Method of what was saved", err)
			equal(b, "Money that moved", len(b.sim.State().Money), 0)
		})
	}},
	{"a visit begun again is the same page", nil, beginsOnce},
	{"a paid visit whose notes were lost is found or Unknown", nil, findsWhatWasLost},
	{"Look never moves money", nil, looksOnly},
	{"an open visit is Waiting and an expired one Lapsed", nil, lapses},
	{"a capture refused inside a finished order is Declined", both(announces[gateway.Finisher], classified(gateway.Soft)), refusesACapture},
	{"every currency keeps its digits", nil, keepsDigits},
	{"a cancelled visit cannot be paid", announces[gateway.Canceller], cancels},
	{"cancelling cut at any change ends the page", announces[gateway.Canceller], func(b *bench) {
		b.trouble(func(*bench) {}, func(b *bench) {
			v := b.visit(jane(), euro, false)
			b.begin(v)
			b.cancel(v.Attempt)
			b.settled()
			if err := b.act("pay", v.ID); err == nil {
				b.fail("A cancelled page was paid%s", b.disturbed())
			}
		})
	}},
	{"a paid visit cannot be cancelled", announces[gateway.Canceller], keepsWhatIsPaid},
	{"a payment that comes later is Pending and then Captured", nil, waitsForMoney},
}

// captured fails unless an attempt took exactly what was asked.
func (b *bench) captured(a gateway.Attempt, out gateway.Outcome) {
	b.Helper()
	equal(b, "Status of a paid attempt", out.Status, gateway.Captured)
	equal(b, "Paid", out.Paid, a.Amount)
	equal(b, "Echo", out.Echo, a.ID)
	if out.Reference == "" {
		b.fail("It is Captured without a Reference")
	}
}

func capturesAVisit(b *bench) {
	v := b.visit(jane(), euro, false)
	out := b.pay(v)
	b.captured(v.Attempt, out)
	if out.Fee.IsZero() {
		b.fail("The simulator takes a fee, but Fee is zero")
	}
	if out.Method != nil {
		b.fail("Nobody asked to save a method, but there is one: %+v", *out.Method)
	}
	b.moved(v.ID, 1999, 0, "EUR")
	again := b.look(v.Attempt)
	equal(b, "Reference, looked at again", again.Reference, out.Reference)
}

func beginsOnce(b *bench) {
	v := b.visit(jane(), euro, false)
	fresh := maps.Clone(v.Notes)
	first := b.begin(v)
	second := b.begin(v)
	equal(b, "The page", second.URL, first.URL)
	v.Notes, v.Customer.Notes, v.Attempt.Attempt = fresh, sdk.Notes{}, 2 // all was forgotten
	third := b.begin(v)
	equal(b, "The page, when the notes are lost", third.URL, first.URL)
	b.play("pay", v.ID)
	for _, notes := range []sdk.Notes{v.Notes, {}} {
		v.Notes = notes
		out, err := b.client.Begin(b.Context(), v)
		b.must("Begin of what is paid", err)
		if out.Status == gateway.Waiting {
			b.fail("A visit that was paid is begun again")
		}
	}
}

func findsWhatWasLost(b *bench) {
	v := b.visit(jane(), euro, false)
	out := b.pay(v)
	for _, age := range []time.Duration{0, b.suite.KeyLife} {
		b.sim.AddClock(age)
		for what, call := range map[string]func() (gateway.Outcome, error){
			"Look":  func() (gateway.Outcome, error) { return b.client.Look(b.Context(), v.Attempt) },
			"Begin": func() (gateway.Outcome, error) { return b.client.Begin(b.Context(), v) },
		} {
			v.Notes, v.Customer.Notes = sdk.Notes{}, sdk.Notes{}
			found, err := call()
			if err != nil {
				b.kind(what+" for a paid visit whose notes were lost", err, fault.Unknown)
				continue
			}
			b.captured(v.Attempt, found)
			equal(b, "Reference", found.Reference, out.Reference)
		}
	}
	b.moved(v.ID, 1999, 0, "EUR")
}

func looksOnly(b *bench) {
	still := func(v gateway.Visit) {
		b.Helper()
		before := len(b.sim.Changes())
		for range 3 {
			_, err := b.client.Look(b.Context(), v.Attempt)
			b.must("Look", err)
		}
		if all := b.sim.Changes(); len(all) != before {
			b.fail("Look sent %s %s", all[before].Method, all[before].Path)
		}
	}
	v := b.visit(jane(), euro, false)
	b.begin(v)
	still(v)
	b.play("pay", v.ID)
	still(v) // an approved one is not finished by it
	if announces[gateway.Finisher](b) {
		equal(b, "Money, before Finish", len(b.sim.State().Money), 0)
	}
	b.look(v.Attempt)
	still(v)
	b.moved(v.ID, 1999, 0, "EUR")
}

func lapses(b *bench) {
	v := b.visit(jane(), euro, false)
	out := b.begin(v)
	equal(b, "An open visit", out.Status, gateway.Waiting)
	if !strings.HasPrefix(out.URL, "http") || !out.Expires.After(b.sim.Now()) {
		b.fail("A Waiting outcome has a URL and Expires in the future: %+v", out)
	}
	equal(b, "Echo", out.Echo, v.ID)
	look, err := b.client.Look(b.Context(), v.Attempt)
	b.must("Look", err)
	equal(b, "The page that Look tells", look.URL, out.URL)
	b.sim.AddClock(out.Expires.Sub(b.sim.Now()) + time.Minute)
	equal(b, "An expired visit", b.look(v.Attempt).Status, gateway.Lapsed)
	if err := b.act("pay", v.ID); err == nil {
		b.fail("An expired page was paid")
	}
}

// classified is for testCase.needs: the suite knows a code of that class.
func classified(c gateway.Class) func(*bench) bool {
	return func(b *bench) bool { return b.suite.Declines[c] != "" }
}

func refusesACapture(b *bench) {
	v := b.visit(jane(), euro, false)
	b.begin(v)
	b.play("pay", v.ID)
	b.play("decline", v.ID, "code", b.suite.Declines[gateway.Soft])
	out := b.look(v.Attempt)
	equal(b, "A capture that was refused", out.Status, gateway.Declined)
	b.mild(out, gateway.Soft)
	equal(b, "Money that moved", len(b.sim.State().Money), 0)
}

func keepsDigits(b *bench) {
	for _, amount := range b.suite.Amounts {
		v := b.visit(jane(), amount, false)
		b.captured(v.Attempt, b.pay(v))
		m := b.money(v.ID)
		equal(b, "What the vendor took", money.Of(m.Taken, m.Currency), amount)
	}
}

// cancel ends an attempt.
func (b *bench) cancel(a gateway.Attempt) {
	b.Helper()
	drive(b, "Cancel", attemptNotes(a), func(ctx ctx) (struct{}, error) { return struct{}{}, b.client.Cancel(ctx, a) }, nil)
}

func cancels(b *bench) {
	v := b.visit(jane(), euro, false)
	b.begin(v)
	b.cancel(v.Attempt)
	if err := b.act("pay", v.ID); err == nil {
		b.fail("A cancelled page was paid")
	}
	equal(b, "A cancelled visit", b.look(v.Attempt).Status, gateway.Lapsed)
	b.cancel(v.Attempt) // again
	never := b.visit(jane(), euro, false)
	b.cancel(never.Attempt) // what never was is ended already
	equal(b, "Money that moved", len(b.sim.State().Money), 0)
}

func keepsWhatIsPaid(b *bench) {
	v := b.visit(jane(), euro, false)
	out := b.pay(v)
	b.kind("Cancel of what is paid", b.client.Cancel(b.Context(), v.Attempt), fault.Conflict)
	equal(b, "The payment", b.look(v.Attempt).Reference, out.Reference)
	b.moved(v.ID, 1999, 0, "EUR")
}

func waitsForMoney(b *bench) {
	v := b.visit(jane(), euro, false)
	b.begin(v)
	if err := b.act("delay", v.ID); err != nil {
		return // this vendor's money is there at once
	}
	out := b.look(v.Attempt)
	equal(b, "A payment whose money is on its way", out.Status, gateway.Pending)
	if out.After <= 0 {
		b.fail("A Pending outcome says After when to look again")
	}
	b.play("settle", v.ID)
	b.captured(v.Attempt, b.look(v.Attempt))
	b.moved(v.ID, 1999, 0, "EUR")
}
