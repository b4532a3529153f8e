package gatewaytest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/gateway"
	"github.com/ezscale/bursar/sdk/money"
)

// What a test plays of the world around a Fake. Each act that a real vendor would tell of adds a webhook to Hooks.

// acted does one act on an attempt.
func (f *Fake) acted(op string, from []gateway.Status, do func(*attempt)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.attempts[op]
	if a == nil {
		return fmt.Errorf("the fake gateway has nothing under %s", op)
	}
	f.outcome(a) // lapses what is over
	if !slices.Contains(from, a.status) {
		return fmt.Errorf("%s is %s at the fake gateway", op, a.status)
	}
	do(a)
	f.tell(message{Kind: "attempt", Key: op})
	return nil
}

var open = []gateway.Status{gateway.Waiting}

// Pay is the customer paying, or saving a method, on the open page.
func (f *Fake) Pay(op string) error {
	return f.acted(op, open, func(a *attempt) {
		if f.approves {
			a.status = gateway.Approved
			return
		}
		f.take(a)
	})
}

// Delay is the customer paying by a way whose money comes later: Pending until Settle.
func (f *Fake) Delay(op string) error {
	return f.acted(op, open, func(a *attempt) { a.status, a.ref = gateway.Pending, f.id("pay") })
}

// Settle ends what is Pending: the money comes, or it does not.
func (f *Fake) Settle(op string, comes bool) error {
	return f.acted(op, []gateway.Status{gateway.Pending}, func(a *attempt) {
		a.status = gateway.Captured
		if !comes {
			a.status, a.decline = gateway.Declined, &gateway.Decline{Class: gateway.Soft, Code: "no_money", Text: "The payment did not arrive."}
		}
	})
}

// Lapse ends an open page.
func (f *Fake) Lapse(op string) error {
	return f.acted(op, open, func(a *attempt) { a.status = gateway.Lapsed })
}

// Decline makes the next tries to take money be refused, one each.
func (f *Fake) Decline(next ...gateway.Decline) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refusals = append(f.refusals, next...)
}

// NewMethod is a method saved before: an imported one. Notes hold its token.
func (f *Fake) NewMethod(customer string) gateway.Method {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := &attempt{op: f.id("import"), customer: customer, save: true}
	refusals := f.refusals
	f.refusals = nil
	f.take(a)
	f.refusals = refusals
	return *f.outcome(a).Method
}

// RemoveMethod is the payer taking a method away, by its token or the op that saved it.
func (f *Fake) RemoveMethod(key string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for token, m := range f.methods {
		if !m.gone && (token == key || m.op == key) {
			m.gone = true
			f.tell(message{Kind: "method", Key: token})
			return nil
		}
	}
	return fmt.Errorf("the fake gateway has no method %s", key)
}

// FailRefund is a refund coming back.
func (f *Fake) FailRefund(op string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.refunds[op]
	if r == nil || r.Status == gateway.Declined {
		return fmt.Errorf("the fake gateway has no refund %s that could fail", op)
	}
	r.Status, r.Text = gateway.Declined, "The bank sent the refund back."
	r.of.back -= r.Amount.Minor()
	f.tell(message{Kind: "refund", Key: op})
	return nil
}

// RefundAtVendor is staff giving money back in the vendor's dashboard: no Echo.
func (f *Fake) RefundAtVendor(op string, amount money.Amount) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.attempts[op]
	if a == nil || a.status != gateway.Captured || a.back+amount.Minor() > a.amount.Minor() {
		return fmt.Errorf("there is not so much to give back of %s", op)
	}
	a.back += amount.Minor()
	key := f.id("dashboard")
	f.refunds[key] = &given{of: a, Refunded: gateway.Refunded{Status: gateway.Captured, Amount: amount, Reference: f.id("re"), Payment: a.ref}}
	f.order = append(f.order, key)
	f.tell(message{Kind: "refund", Key: key})
	return nil
}

// Dispute is the bank wanting a payment back; TurnDispute moves it to review, won or lost. The answer is its ID.
func (f *Fake) Dispute(op string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.attempts[op]
	if a == nil || a.status != gateway.Captured {
		return "", fmt.Errorf("nothing was paid under %s", op)
	}
	d := &gateway.Dispute{
		ID: f.id("dp"), Payment: a.ref, Status: "open", Reason: "fraudulent", Taken: true, Amount: a.amount,
		Fee: money.Of(1500, a.amount.Currency()), AnswerBy: f.now().Add(14 * 24 * time.Hour),
	}
	d.URL = "https://pay.example/disputes/" + d.ID
	f.disputes = append(f.disputes, d)
	f.tell(message{Kind: "dispute", Key: d.ID})
	return d.ID, nil
}

// TurnDispute moves one on: review, won or lost.
func (f *Fake) TurnDispute(id, status string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, d := range f.disputes {
		if d.ID == id && d.Status != "won" && d.Status != "lost" {
			d.Status, d.Taken = status, status != "won"
			f.tell(message{Kind: "dispute", Key: id})
			return nil
		}
	}
	return fmt.Errorf("the fake gateway has no open dispute %s", id)
}

// message is the body of a webhook: what it is about. How that stands is read when it is received.
type message struct {
	ID   string    `json:"id"`
	At   time.Time `json:"at"`
	Kind string    `json:"kind"`
	Key  string    `json:"key"`
}

// signature proves a webhook of a Fake.
const signature = "genuine"

// tell adds a webhook. The lock is held.
func (f *Fake) tell(m message) sdk.Webhook {
	m.ID, m.At = f.id("evt"), f.now().UTC()
	body, err := json.Marshal(m)
	if err != nil {
		panic(err) // four plain values
	}
	w := sdk.Webhook{Header: http.Header{"Fake-Signature": {signature}}, Body: body, Received: m.At}
	f.hooks = append(f.hooks, w)
	return w
}

// Hooks are the webhooks so far, oldest first: deliver, shuffle and double them.
func (f *Fake) Hooks() []sdk.Webhook {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.hooks)
}

// Hook is a new webhook about an attempt or a refund, by op.
func (f *Fake) Hook(op string) sdk.Webhook {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := message{Kind: "attempt", Key: op}
	if f.refunds[op] != nil {
		m.Kind = "refund"
	}
	return f.tell(m)
}

// Receive implements gateway.Gateway. Forbidden for what tell did not sign.
func (f *Fake) Receive(_ context.Context, w sdk.Webhook) ([]gateway.Event, error) {
	before, after, end := f.begun("Receive", "", money.Amount{})
	defer end()
	if before == nil {
		before = after
	}
	if before != nil {
		return nil, before
	}
	var m message
	if w.Header.Get("Fake-Signature") != signature || json.Unmarshal(w.Body, &m) != nil {
		return nil, fault.New(fault.Forbidden, "forged", "")
	}
	e := gateway.Event{ID: m.ID, At: m.At}
	switch m.Kind {
	case "attempt":
		a := f.attempts[m.Key]
		if a == nil {
			return nil, nil
		}
		out := f.outcome(a)
		e.Attempt = &out
	case "refund":
		r := f.refunds[m.Key].Refunded
		e.Refund = &r
	case "dispute":
		for _, d := range f.disputes {
			if d.ID == m.Key {
				now := *d
				e.Dispute = &now
			}
		}
	case "method":
		now := f.methods[m.Key].Method
		e.Method, e.Gone = &now, f.methods[m.Key].gone
	}
	return []gateway.Event{e}, nil
}
