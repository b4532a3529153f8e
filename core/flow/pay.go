package flow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/gateway"
	"github.com/ezscale/bursar/sdk/money"
)

// Errors of payments.
var (
	ErrBeingChecked = fault.New(fault.Conflict, "payment_being_checked", "A payment for this is being checked at the moment. Nothing is taken twice; look again in a minute.")
	ErrNoGateway    = fault.New(fault.Invalid, "gateway_unknown", "Choose one of the ways to pay.").On("gateway")
	ErrMixed        = fault.New(fault.Invalid, "invoices_mixed", "These invoices cannot be paid together: they are in different currencies.")
	ErrNothingOpen  = fault.New(fault.Conflict, "nothing_open", "There is nothing to pay here.")
)

// Way is a way to pay that is offered.
type Way struct {
	Gateway string `json:"gateway"` // label of the plugin instance
	Title   string `json:"title"`
	CanSave bool   `json:"can_save"`
	Up      bool   `json:"up"` // it answers at the moment
}

// Ways lists what is offered, in order.
func (f *Flow) Ways(ctx context.Context) ([]Way, error) {
	s, err := f.Settings.Get(ctx)
	if err != nil {
		return nil, err
	}
	var out []Way
	all := f.Gateways.Offered()
	add := func(g GatewayInfo) {
		out = append(out, Way{Gateway: g.Instance, Title: g.Title, CanSave: g.CanSave, Up: g.Up})
	}
	for _, label := range s.Sales.Gateways {
		for _, g := range all {
			if g.Instance == label {
				add(g)
			}
		}
	}
	if len(s.Sales.Gateways) == 0 {
		for _, g := range all {
			add(g)
		}
	}
	return out, nil
}

// PayIn asks to pay invoices of one customer: on the gateway's page, or with Method, a saved one.
type PayIn struct {
	Customer ids.Customer
	Invoices []ids.Invoice
	Gateway  string
	Method   ids.Method
	Save     bool
	Return   string // absolute; {attempt} is replaced
}

// Started is a payment under way.
type Started struct {
	Attempt  ids.Attempt
	URL      string // the browser goes there; "" when nothing is left to do
	Paid     bool
	Pending  bool   // the gateway, or we, do not know yet
	Declined string // a sentence for the customer
}

// StartPayment begins to pay. A page that is open for the same invoices is given again, so a second press makes
// no second payment; one that is open for others is closed at the gateway first.
//
// Errors: ErrNoGateway, ErrMixed, ErrNothingOpen, ErrBeingChecked; invoice.ErrNotFound; Unavailable when the gateway does not answer.
func (f *Flow) StartPayment(ctx context.Context, in PayIn) (Started, error) {
	if err := auth.RequireFor(ctx, in.Customer, auth.InvoicePay); err != nil {
		return Started{}, err
	}
	return f.startPayment(ctx, in)
}

func (f *Flow) startPayment(ctx context.Context, in PayIn) (Started, error) {
	if in.Method != "" {
		m, err := f.Payments.MethodFor(ctx, in.Customer, in.Method)
		if err != nil {
			return Started{}, err
		}
		in.Gateway = m.Gateway
	}
	if again, err := f.clearWay(ctx, in); err != nil || again.Attempt != "" {
		return again, err
	}
	var att payment.Attempt
	err := f.DB.Tx(ctx, func(ctx context.Context) error {
		amount, err := f.owed(ctx, in.Customer, in.Invoices)
		if err != nil {
			return err
		}
		n := payment.New{Customer: in.Customer, Gateway: in.Gateway, AccountKey: f.Gateways.Account(in.Gateway), Method: in.Method, Purpose: payment.Visit,
			Amount: amount, Save: in.Save, Return: in.Return, Invoices: in.Invoices}
		if in.Method != "" {
			n.Purpose = payment.Charge
		}
		att, err = f.planAttempt(ctx, n)
		return err
	})
	if errors.Is(err, payment.ErrOpen) {
		return Started{}, ErrBeingChecked.Because(err)
	}
	if err != nil {
		return Started{}, fmt.Errorf("start payment of %v: %w", in.Invoices, err)
	}
	return f.begin(ctx, att.ID)
}

// SaveMethod begins to save a way to pay, on the gateway's page.
func (f *Flow) SaveMethod(ctx context.Context, c ids.Customer, instance, back string) (Started, error) {
	if err := auth.RequireFor(ctx, c, auth.MethodEdit); err != nil {
		return Started{}, err
	}
	var att payment.Attempt
	err := f.DB.Tx(ctx, func(ctx context.Context) (err error) {
		att, err = f.planAttempt(ctx, payment.New{Customer: c, Gateway: instance, AccountKey: f.Gateways.Account(instance), Purpose: payment.SaveOnly, Save: true, Return: back})
		return err
	})
	if err != nil {
		return Started{}, fmt.Errorf("save a method of %s: %w", c, err)
	}
	return f.begin(ctx, att.ID)
}

// planAttempt saves an attempt together with the job that finds out what became of it if we die meanwhile.
func (f *Flow) planAttempt(ctx context.Context, n payment.New) (payment.Attempt, error) {
	if _, err := f.Gateways.Gateway(n.Gateway); err != nil {
		return payment.Attempt{}, ErrNoGateway.Because(err)
	}
	att, err := f.Payments.Plan(ctx, n)
	if err != nil {
		return payment.Attempt{}, err
	}
	return att, f.watch(ctx, att.ID, f.Clock.Now().Add(time.Minute))
}

// owed locks the invoices and sums what is open on them.
func (f *Flow) owed(ctx context.Context, c ids.Customer, set []ids.Invoice) (total money.Amount, err error) {
	if _, err := f.Customers.Lock(ctx, c); err != nil {
		return total, err
	}
	list, err := f.Invoices.Lock(ctx, set)
	if err != nil {
		return total, err
	}
	for _, inv := range list {
		if inv.Customer != c {
			return total, invoice.ErrNotFound
		}
		if total, err = total.Add(inv.Amount(inv.Open())); err != nil {
			return total, ErrMixed.Because(err)
		}
		if inv.Status != invoice.Opened {
			return total, ErrNothingOpen
		}
	}
	if len(list) == 0 || total.Sign() <= 0 {
		return total, ErrNothingOpen
	}
	return total, nil
}

// clearWay looks at what is open on the invoices: an open page of the same gateway is used again; one of another is
// closed; what nobody knows yet is waited for.
func (f *Flow) clearWay(ctx context.Context, in PayIn) (Started, error) {
	open, err := f.Payments.OpenOn(ctx, in.Invoices)
	if err != nil {
		return Started{}, err
	}
	for _, att := range open {
		if att.Customer != in.Customer {
			return Started{}, invoice.ErrNotFound
		}
		same := in.Method == "" && att.Purpose == payment.Visit && att.Gateway == in.Gateway && sameSet(att.Invoices, in.Invoices) && att.Save == in.Save
		if same && att.Status == payment.Waiting && f.Clock.Now().Add(10*time.Minute).Before(att.PageUntil) {
			if asks, err := f.asksRight(ctx, att); err != nil || asks {
				return Started{Attempt: att.ID, URL: att.PageURL}, err
			}
		}
		if att.Status == payment.Planned { // somebody pressed and died before anything was sent
			if f.Clock.Now().Sub(att.Created) < 30*time.Second {
				return Started{}, ErrBeingChecked
			}
			if err := f.Payments.Expire(ctx, att.ID); err != nil {
				return Started{}, err
			}
			continue
		}
		if att.Status != payment.Waiting {
			return Started{}, ErrBeingChecked
		}
		ended, err := f.cancel(ctx, att)
		if err != nil {
			return Started{}, err
		}
		if ended.Status == payment.Succeeded {
			return Started{Attempt: att.ID, Paid: true}, nil
		}
	}
	return Started{}, nil
}

func sameSet(a, b []ids.Invoice) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}

// asksRight says whether an open page still asks for what is owed: a part may have been paid or taken back since.
func (f *Flow) asksRight(ctx context.Context, att payment.Attempt) (bool, error) {
	open, err := f.openOn(ctx, att)
	return open == att.Amount.Minor(), err
}

// cancel ends an open page at the gateway. What was paid there meanwhile is settled.
func (f *Flow) cancel(ctx context.Context, att payment.Attempt) (payment.Attempt, error) {
	g, err := f.Gateways.Gateway(att.Gateway)
	if err != nil {
		return att, err
	}
	if c, ok := sdk.As[gateway.Canceller](g); ok {
		at, err := f.attemptOf(ctx, att)
		if err != nil {
			return att, err
		}
		err = c.Cancel(ctx, at)
		if kind := fault.KindOf(err); err != nil && kind != fault.NotFound && kind != fault.Conflict {
			return att, err
		}
		if err == nil {
			if err := f.Payments.Expire(ctx, att.ID); err != nil {
				return att, err
			}
			return f.Payments.Get(ctx, att.ID)
		}
	}
	return f.look(ctx, att)
}

// begin makes the first call of an attempt: a page, or a charge.
func (f *Flow) begin(ctx context.Context, id ids.Attempt) (Started, error) {
	att, err := f.Payments.Send(ctx, id)
	if err != nil {
		return Started{}, err
	}
	out, call, err := f.call(ctx, att)
	att, err = f.take(context.WithoutCancel(ctx), att, call, out, err)
	if err != nil {
		return Started{}, err
	}
	return started(att), nil
}

func started(att payment.Attempt) Started {
	s := Started{Attempt: att.ID}
	switch att.Status {
	case payment.Waiting:
		s.URL = att.PageURL
	case payment.Succeeded:
		s.Paid = true
	case payment.Declined, payment.Expired:
		s.Declined = att.DeclineText
		if s.Declined == "" {
			s.Declined = "The payment did not go through. Nothing was taken."
		}
	default:
		s.Pending = true
	}
	return s
}

// call asks the gateway for what the attempt wants. at holds the notes that it wrote.
func (f *Flow) call(ctx context.Context, att payment.Attempt) (out gateway.Outcome, at gateway.Attempt, err error) {
	g, err := f.Gateways.Gateway(att.Gateway)
	if err != nil {
		return out, at, fault.New(fault.Unavailable, "gateway_gone", "").Because(err)
	}
	if at, err = f.attemptOf(ctx, att); err != nil {
		return out, at, fault.New(fault.Unavailable, "customer_unreadable", "").Because(err)
	}
	text, err := f.describe(ctx, att)
	if err != nil {
		return out, at, fault.New(fault.Unavailable, "invoice_unreadable", "").Because(err)
	}
	if att.Purpose == payment.Charge {
		c, ok := sdk.As[gateway.Charger](g)
		if !ok {
			return out, at, fault.New(fault.Unsupported, "no_charges", "This way to pay cannot be charged without you.")
		}
		m, err := f.Payments.SDKMethod(ctx, att.Method)
		if err != nil {
			return out, at, fault.New(fault.Unavailable, "method_unreadable", "").Because(err)
		}
		m.Customer = at.Customer
		out, err = c.Charge(ctx, gateway.Charge{Attempt: at, Method: m, Description: text})
		return out, at, err
	}
	v := gateway.Visit{Attempt: at, Save: att.Save, Description: text, Return: strings.ReplaceAll(att.Return, "{attempt}", string(att.ID))}
	if f.Test == nil { // a clock that runs ahead says nothing about the gateway's time
		v.Until = f.Clock.Now().Add(f.pace.page)
	}
	out, err = g.Begin(ctx, v)
	return out, at, err
}

// attemptOf is an attempt as gateways know it.
func (f *Flow) attemptOf(ctx context.Context, att payment.Attempt) (gateway.Attempt, error) {
	c, err := f.Customers.SDK(ctx, att.Customer)
	if err != nil {
		return gateway.Attempt{}, err
	}
	if c.Notes, err = f.customerNotes(ctx, att.Gateway, att.Customer); err != nil {
		return gateway.Attempt{}, err
	}
	notes := sdk.Notes{}
	for k, v := range att.Notes {
		notes[k] = v
	}
	return gateway.Attempt{Op: att.Op(), Customer: c, Amount: att.Amount, Off: att.Purpose == payment.Charge, Notes: notes}, nil
}

// describe is the line on the gateway's page: which invoices are paid.
func (f *Flow) describe(ctx context.Context, att payment.Attempt) (string, error) {
	s, err := f.Settings.Get(ctx)
	if err != nil {
		return "", err
	}
	if len(att.Invoices) == 0 {
		return s.Business.Name, nil
	}
	many, err := f.Invoices.Many(ctx, att.Invoices)
	if err != nil {
		return "", err
	}
	var numbers []string
	for _, id := range att.Invoices {
		numbers = append(numbers, many[id].Number)
	}
	text := s.Business.Name + " " + strings.Join(numbers, ", ")
	if r := []rune(text); len(r) > 100 {
		text = string(r[:99]) + "…"
	}
	return text, nil
}

// customerNotes are what a gateway instance remembers about a customer.
func (f *Flow) customerNotes(ctx context.Context, instance string, c ids.Customer) (sdk.Notes, error) {
	return f.Provision.CustomerNotes(ctx, instance, c)
}
