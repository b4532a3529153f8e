package gatewaytest

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/gateway"
	"github.com/ezscale/bursar/sdk/money"
)

// page is how long a page is open, unless the visit ends earlier.
const page = time.Hour

// Begin implements gateway.Gateway.
func (f *Fake) Begin(_ context.Context, v gateway.Visit) (gateway.Outcome, error) {
	before, after, end := f.begun("Begin", v.ID, v.Amount)
	defer end()
	if before != nil {
		return gateway.Outcome{}, before
	}
	if v.Amount.Sign() < 0 || v.Return == "" {
		return gateway.Outcome{}, fault.New(fault.Invalid, "bad_visit", "")
	}
	a := f.attempts[v.ID]
	if a == nil {
		set(v.Customer.Notes, "customer", "fake_"+v.Customer.ID)
		a = &attempt{
			op: v.ID, customer: v.Customer.ID, amount: v.Amount, save: v.Save || v.Amount.IsZero(),
			status: gateway.Waiting, url: "https://pay.example/" + v.ID, expires: f.now().Add(page),
		}
		if !v.Until.IsZero() && v.Until.Before(a.expires) {
			a.expires = v.Until
		}
		f.attempts[v.ID] = a
	}
	return f.answer(a, v.Notes, after)
}

// answer says how an attempt stands, and notes it unless the answer is lost.
func (f *Fake) answer(a *attempt, notes sdk.Notes, lost error) (gateway.Outcome, error) {
	if lost != nil {
		return gateway.Outcome{}, lost
	}
	set(notes, "attempt", a.op)
	return f.outcome(a), nil
}

func (f *Fake) outcome(a *attempt) gateway.Outcome {
	if a.status == gateway.Waiting && !f.now().Before(a.expires) {
		a.status = gateway.Lapsed
	}
	out := gateway.Outcome{Status: a.status, Echo: a.op}
	switch a.status {
	case gateway.Waiting:
		out.URL, out.Expires = a.url, a.expires
	case gateway.Pending:
		out.After, out.Reference = time.Hour, a.ref
	case gateway.Captured:
		out.Reference, out.Paid = a.ref, a.amount
		out.Fee = money.Of(a.amount.Minor()*29/1000+30, a.amount.Currency())
	case gateway.Declined:
		d := *a.decline
		out.Decline = &d
	}
	if m := f.methods[a.method]; m != nil && a.save && (a.status == gateway.Saved || a.status == gateway.Captured) {
		copied := m.Method
		copied.Notes = maps.Clone(m.Notes)
		out.Method = &copied
	}
	return out
}

// Look implements gateway.Gateway.
func (f *Fake) Look(_ context.Context, at gateway.Attempt) (gateway.Outcome, error) {
	before, after, end := f.begun("Look", at.ID, at.Amount)
	defer end()
	if before != nil {
		return gateway.Outcome{}, before
	}
	a := f.attempts[at.ID]
	if a == nil {
		return gateway.Outcome{}, fault.New(fault.NotFound, "no_attempt", "")
	}
	return f.answer(a, at.Notes, after)
}

// Finish implements gateway.Finisher.
func (f *Fake) Finish(_ context.Context, at gateway.Attempt) (gateway.Outcome, error) {
	before, after, end := f.begun("Finish", at.ID, at.Amount)
	defer end()
	if before != nil {
		return gateway.Outcome{}, before
	}
	a := f.attempts[at.ID]
	if a == nil {
		return gateway.Outcome{}, fault.New(fault.NotFound, "no_attempt", "")
	}
	if a.status == gateway.Approved {
		f.take(a)
	}
	return f.answer(a, at.Notes, after)
}

// take ends an attempt: refused by the next refusal, else captured or saved.
func (f *Fake) take(a *attempt) {
	if len(f.refusals) > 0 {
		a.status, a.decline = gateway.Declined, &f.refusals[0]
		f.refusals = f.refusals[1:]
		return
	}
	if a.save && a.method == "" {
		token := f.id("pm")
		a.method = token
		f.methods[token] = &kept{owner: a.customer, op: a.op, Method: gateway.Method{
			ID: token, Kind: "card", Brand: "visa", Last4: "4242", ExpYear: f.now().Year() + 4, ExpMonth: 12, Notes: sdk.Notes{"token": token},
		}}
	}
	if a.amount.IsZero() {
		a.status = gateway.Saved
		return
	}
	a.status, a.ref = gateway.Captured, f.id("pay")
}

// Charge implements gateway.Charger.
func (f *Fake) Charge(_ context.Context, c gateway.Charge) (gateway.Outcome, error) {
	before, after, end := f.begun("Charge", c.ID, c.Amount)
	defer end()
	if before != nil {
		return gateway.Outcome{}, before
	}
	if c.Amount.Sign() <= 0 {
		return gateway.Outcome{}, fault.New(fault.Invalid, "bad_amount", "")
	}
	a := f.attempts[c.ID]
	if a == nil {
		a = &attempt{op: c.ID, customer: c.Customer.ID, amount: c.Amount, method: c.Method.Notes["token"]}
		f.attempts[c.ID] = a
		if m := f.methods[a.method]; m == nil || m.gone {
			a.status = gateway.Declined
			a.decline = &gateway.Decline{Class: gateway.Hard, Code: "method_gone", Text: "This card is no longer saved. Please add a card."}
		} else {
			f.take(a)
		}
	}
	return f.answer(a, c.Notes, after)
}

// Method implements gateway.Charger.
func (f *Fake) Method(_ context.Context, m gateway.Method) (gateway.Method, error) {
	before, after, end := f.begun("Method", "", money.Amount{})
	defer end()
	if before == nil {
		before = after
	}
	if before != nil {
		return gateway.Method{}, before
	}
	have := f.methods[m.Notes["token"]]
	if have == nil || have.gone {
		return gateway.Method{}, fault.New(fault.NotFound, "method_gone", "")
	}
	out := have.Method
	out.Customer, out.Notes = m.Customer, maps.Clone(have.Notes)
	return out, nil
}

// Forget implements gateway.Charger.
func (f *Fake) Forget(_ context.Context, op sdk.Op, m gateway.Method) error {
	before, after, end := f.begun("Forget", op.ID, money.Amount{})
	defer end()
	if before != nil {
		return before
	}
	if have := f.methods[m.Notes["token"]]; have != nil {
		have.gone = true
	}
	return after
}

// Cancel implements gateway.Canceller.
func (f *Fake) Cancel(_ context.Context, at gateway.Attempt) error {
	before, after, end := f.begun("Cancel", at.ID, at.Amount)
	defer end()
	if before != nil {
		return before
	}
	if a := f.attempts[at.ID]; a != nil {
		switch a.status {
		case gateway.Waiting, gateway.Approved:
			a.status = gateway.Lapsed
		case gateway.Captured, gateway.Saved, gateway.Pending:
			return fault.New(fault.Conflict, "paid", "This has been paid already.")
		}
	}
	return after
}

// Refund implements gateway.Gateway.
func (f *Fake) Refund(_ context.Context, r gateway.Refund) (gateway.Refunded, error) {
	before, after, end := f.begun("Refund", r.ID, r.Amount)
	defer end()
	if before != nil {
		return gateway.Refunded{}, before
	}
	have := f.refunds[r.ID]
	if have == nil {
		a := f.captured(r.Reference)
		if a == nil {
			return gateway.Refunded{}, fault.New(fault.NotFound, "no_payment", "")
		}
		rest := a.amount.Minor() - a.back
		switch {
		case r.Amount.Currency() != a.amount.Currency() || r.Amount.Sign() <= 0:
			return gateway.Refunded{}, fault.New(fault.Invalid, "bad_amount", "").On("amount")
		case f.takenBack(r.Reference):
			return gateway.Refunded{}, fault.New(fault.Declined, "disputed", "This payment is disputed at the bank, so it cannot be refunded.")
		case rest == 0:
			return gateway.Refunded{}, fault.New(fault.Declined, "already_refunded", "This payment has been refunded already.")
		case r.Amount.Minor() > rest:
			return gateway.Refunded{}, fault.New(fault.Declined, "too_much", "This is more than is left of the payment.")
		}
		a.back += r.Amount.Minor()
		have = &given{of: a, Refunded: gateway.Refunded{Status: gateway.Captured, Amount: r.Amount, Reference: f.id("re"), Payment: r.Reference, Echo: r.ID}}
		f.refunds[r.ID] = have
		f.order = append(f.order, r.ID)
	}
	if after != nil {
		return gateway.Refunded{}, after
	}
	set(r.Notes, "refund", have.Reference)
	return have.Refunded, nil
}

func (f *Fake) captured(ref string) *attempt {
	for _, a := range f.attempts {
		if a.ref == ref && ref != "" && a.status == gateway.Captured {
			return a
		}
	}
	return nil
}

func (f *Fake) takenBack(ref string) bool {
	return slices.ContainsFunc(f.disputes, func(d *gateway.Dispute) bool { return d.Payment == ref && d.Taken })
}

// Disputes implements gateway.DisputeLister: all there are.
func (f *Fake) Disputes(context.Context, time.Time) ([]gateway.Dispute, error) {
	before, after, end := f.begun("Disputes", "", money.Amount{})
	defer end()
	if before == nil {
		before = after
	}
	if before != nil {
		return nil, before
	}
	var list []gateway.Dispute
	for _, d := range f.disputes {
		list = append(list, *d)
	}
	return list, nil
}
