package flow

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/hosting/provision"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/core/sales/order"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/panel"
)

// SuspendService takes a service down for a reason of staff's. Payment does not lift it.
func (f *Flow) SuspendService(ctx context.Context, id ids.Subscription, reason string) error {
	if err := auth.Require(ctx, auth.ServiceSuspend); err != nil {
		return err
	}
	if reason == "" {
		return fault.New(fault.Invalid, "reason_missing", "Say why it is suspended. The customer reads it.").On("reason")
	}
	return f.audited(ctx, "service.suspend", id, reason, func(ctx context.Context) error {
		return f.Subscriptions.Suspend(ctx, id, subscription.Suspension{Cause: subscription.CauseStaff, Reason: fault.Cut(reason, 190), Actor: audit.Asking(ctx).Actor})
	})
}

// UnsuspendService brings a service back, whatever took it down, save a dispute or abuse that has its own end.
func (f *Flow) UnsuspendService(ctx context.Context, id ids.Subscription) error {
	if err := auth.Require(ctx, auth.ServiceSuspend); err != nil {
		return err
	}
	return f.audited(ctx, "service.unsuspend", id, "", func(ctx context.Context) error {
		for _, cause := range []subscription.Cause{subscription.CauseStaff, subscription.CauseUnpaid, subscription.CauseTraffic} {
			if _, err := f.Subscriptions.Resume(ctx, id, cause, ""); err != nil {
				return err
			}
		}
		return nil
	})
}

// TerminateService ends a service for good and deletes its account.
func (f *Flow) TerminateService(ctx context.Context, id ids.Subscription, reason string) error {
	if err := auth.Require(ctx, auth.ServiceTerminate); err != nil {
		return err
	}
	today, _, err := f.today(ctx)
	if err != nil {
		return err
	}
	return f.audited(ctx, "service.terminate", id, reason, func(ctx context.Context) error {
		return f.end(ctx, id, subscription.Cancelled, today)
	})
}

// audited does a change of a service and writes it down, in one transaction.
func (f *Flow) audited(ctx context.Context, action string, id ids.Subscription, reason string, change func(context.Context) error) error {
	err := f.DB.Tx(ctx, func(ctx context.Context) error {
		sub, err := f.Subscriptions.Get(ctx, id)
		if err != nil {
			return err
		}
		if _, err := f.Customers.Lock(ctx, sub.Customer); err != nil {
			return err
		}
		if err := change(ctx); err != nil {
			return err
		}
		after, err := f.Subscriptions.Get(ctx, id)
		if err != nil {
			return err
		}
		type state struct {
			Status   subscription.Status `json:"status"`
			CancelOn period.Day          `json:"cancel_on"`
			Reason   string              `json:"reason,omitempty"`
		}
		return f.Audit.Add(ctx, audit.Entry{Action: action, Subject: string(id), Customer: sub.Customer,
			Before: state{Status: sub.Status, CancelOn: sub.CancelOn}, After: state{Status: after.Status, CancelOn: after.CancelOn, Reason: reason}})
	})
	if err != nil {
		return fmt.Errorf("%s %s: %w", action, id, err)
	}
	return nil
}

// end ends a service and its add-ons, gives back the stock they took, and takes back renewals whose time never came: once.
func (f *Flow) end(ctx context.Context, id ids.Subscription, reason subscription.EndReason, today period.Day) error {
	return f.DB.Tx(ctx, func(ctx context.Context) error {
		sub, err := f.lockService(ctx, id)
		if err != nil || sub.Status == subscription.Ended {
			return err
		}
		if err := f.Subscriptions.End(ctx, id, reason, today); err != nil {
			return err
		}
		if err := f.Catalog.GiveStock(ctx, sub.Product, 1); err != nil {
			return err
		}
		if err := f.takeBackUnmade(ctx, sub, today); err != nil {
			return err
		}
		if err := f.voidUnpaid(ctx, sub, today); err != nil {
			return err
		}
		children, err := f.Subscriptions.Children(ctx, id)
		if err != nil {
			return err
		}
		for _, child := range children {
			if err := f.end(ctx, child.ID, reason, today); err != nil {
				return err
			}
		}
		return nil
	})
}

// takeBackUnmade takes back what was billed of a service that ends before it ever ran: nobody owes it, and what was paid
// for it is the customer's again.
func (f *Flow) takeBackUnmade(ctx context.Context, sub subscription.Subscription, today period.Day) error {
	if sub.Status != subscription.Pending || sub.Order == "" {
		return nil
	}
	ord, err := f.Orders.Get(ctx, sub.Order)
	if err != nil {
		return err
	}
	locked, err := f.Invoices.Lock(ctx, one(ord.Invoice))
	if err != nil || len(locked) == 0 || locked[0].Status != invoice.Opened && locked[0].Status != invoice.Paid {
		return err
	}
	lines, err := f.Invoices.Lines(ctx, one(ord.Invoice))
	if err != nil {
		return err
	}
	return f.creditOf(ctx, sub, ord.Invoice, lines[ord.Invoice], today)
}

// creditOf takes back those of some lines of an invoice that bill a service, as far as they are not taken back.
func (f *Flow) creditOf(ctx context.Context, sub subscription.Subscription, id ids.Invoice, lines []invoice.Line, today period.Day) error {
	want, err := f.Invoices.Uncredited(ctx, id)
	if err != nil {
		return err
	}
	want = slices.DeleteFunc(want, func(c invoice.CreditLine) bool {
		return !slices.ContainsFunc(lines, func(l invoice.Line) bool { return l.ID == c.Line && l.Subscription == sub.ID })
	})
	if len(want) == 0 {
		return nil
	}
	_, err = f.creditLines(ctx, id, want, "cancel:"+string(id)+":"+string(sub.ID), "Service cancelled", today)
	return err
}

// lockService locks a service after its customer, and reads it then: a payment may have moved it meanwhile.
func (f *Flow) lockService(ctx context.Context, id ids.Subscription) (subscription.Subscription, error) {
	sub, err := f.Subscriptions.Get(ctx, id)
	if err != nil {
		return sub, err
	}
	if _, err := f.Customers.Lock(ctx, sub.Customer); err != nil {
		return sub, err
	}
	return f.Subscriptions.Lock(ctx, id)
}

// CancelIn says when a customer leaves, and why.
type CancelIn struct {
	AtEnd  bool // at the end of what is paid; otherwise now
	Reason string
}

// CancelService ends a customer's service now or when its paid time is over.
func (f *Flow) CancelService(ctx context.Context, c ids.Customer, id ids.Subscription, in CancelIn) error {
	if _, err := f.own(ctx, c, id, auth.ServiceCancel); err != nil {
		return err
	}
	today, _, err := f.today(ctx)
	if err != nil {
		return err
	}
	return f.audited(ctx, "service.cancel", id, in.Reason, func(ctx context.Context) error {
		sub, err := f.lockService(ctx, id)
		if err != nil {
			return err
		}
		on := sub.PaidTo
		if !in.AtEnd || sub.Status == subscription.Pending || !on.After(today) {
			return f.end(ctx, id, subscription.Cancelled, today)
		}
		if err := f.Subscriptions.CancelOn(ctx, id, on, period.Day{}); err != nil {
			return err
		}
		return f.voidUnpaid(ctx, sub, today)
	})
}

// voidUnpaid takes back what was billed of a service for terms that have not begun and are not paid: nobody wants them
// any more. What else is on the same invoice stays owed.
func (f *Flow) voidUnpaid(ctx context.Context, sub subscription.Subscription, today period.Day) error {
	from := today
	if sub.PaidTo.After(from) {
		from = sub.PaidTo
	}
	if !sub.BilledTo.After(from) {
		return nil
	}
	billed, err := f.Subscriptions.Periods(ctx, sub.ID, 100)
	if err != nil {
		return err
	}
	open, err := f.Invoices.OpenOf(ctx, sub.Customer)
	if err != nil {
		return err
	}
	set := idsOf(open, func(i invoice.Invoice) ids.Invoice { return i.ID })
	if _, err := f.Invoices.Lock(ctx, set); err != nil {
		return err
	}
	lines, err := f.Invoices.Lines(ctx, set)
	if err != nil {
		return err
	}
	for _, inv := range open {
		if inv.Kind != invoice.KindRenewal {
			continue
		}
		var unwanted []invoice.Line
		terms := map[ids.Obligation]bool{}
		for _, l := range lines[inv.ID] {
			if l.Subscription == sub.ID && l.Obligation != "" && !l.From.Before(from) {
				terms[l.Obligation], unwanted = true, append(unwanted, l)
			}
		}
		if len(terms) == 0 {
			continue
		}
		if err := f.Subscriptions.Retract(ctx, sub.ID, slices.Collect(maps.Keys(terms))); err != nil {
			return err
		}
		for _, b := range billed {
			if terms[b.ID] && b.Redemption != "" && b.Paid.IsZero() {
				if err := f.Coupons.ReturnTerm(ctx, b.Redemption); err != nil {
					return err
				}
			}
		}
		if err := f.creditOf(ctx, sub, inv.ID, unwanted, today); err != nil {
			return err
		}
	}
	return nil
}

// KeepService takes a cancellation back. Terms that were taken back with it are billed anew.
func (f *Flow) KeepService(ctx context.Context, c ids.Customer, id ids.Subscription) error {
	if _, err := f.own(ctx, c, id, auth.ServiceCancel); err != nil {
		return err
	}
	_, s, err := f.today(ctx)
	if err != nil {
		return err
	}
	return f.audited(ctx, "service.keep", id, "", func(ctx context.Context) error {
		sub, err := f.lockService(ctx, id)
		if err != nil || sub.CancelOn.IsZero() {
			return err
		}
		var billOn period.Day
		if sub.Cycle.Recurs() {
			billOn = sub.Cycle.BillOn(sub.BilledTo, s.Billing.LeadDays)
		}
		return f.Subscriptions.CancelOn(ctx, id, period.Day{}, billOn)
	})
}

// own loads a service by its owner and asks for a right over it. Staff acts without a customer.
func (f *Flow) own(ctx context.Context, c ids.Customer, id ids.Subscription, r auth.Right) (subscription.Subscription, error) {
	var sub subscription.Subscription
	var err error
	if c == "" {
		sub, err = f.Subscriptions.Get(ctx, id)
	} else {
		sub, err = f.Subscriptions.GetFor(ctx, c, id)
	}
	if err != nil {
		return sub, err
	}
	return sub, auth.RequireFor(ctx, sub.Customer, r)
}

// change plans a change of a running service's account. key names it: a double press is one change.
func (f *Flow) change(ctx context.Context, c ids.Customer, id ids.Subscription, key string, r provision.Request) error {
	sub, err := f.own(ctx, c, id, auth.ServiceControl)
	if err != nil {
		return err
	}
	if sub.Status != subscription.Active {
		return fault.New(fault.Conflict, "service_not_running", "This service is not active at the moment.")
	}
	acc, err := f.Provision.Account(ctx, id)
	if err != nil {
		return err
	}
	r.Subscription, r.Customer, r.Instance, r.Actor = id, sub.Customer, acc.Instance, audit.Asking(ctx).Actor
	r.CauseKey = fmt.Sprintf("%s:%s:%s", r.Kind, id, fault.Cut(key, 60))
	return f.DB.Tx(ctx, func(ctx context.Context) error {
		if _, err := f.Provision.Plan(ctx, r); err != nil {
			return err
		}
		return f.Audit.Add(ctx, audit.Entry{Action: "service." + string(r.Kind), Subject: string(id), Customer: sub.Customer, After: map[string]any{"power": r.Power}})
	})
}

// Power starts or stops a server.
func (f *Flow) Power(ctx context.Context, c ids.Customer, id ids.Subscription, a panel.PowerAction, key string) error {
	switch a {
	case panel.Start, panel.Stop, panel.Restart, panel.Kill:
	default:
		return fault.New(fault.Invalid, "power_unknown", "Choose start, stop, restart or kill.").On("action")
	}
	return f.change(ctx, c, id, key, provision.Request{Kind: provision.Power, Power: a})
}

// ResetPassword sets a new password, to be revealed once.
func (f *Flow) ResetPassword(ctx context.Context, c ids.Customer, id ids.Subscription, key string) error {
	return f.change(ctx, c, id, key, provision.Request{Kind: provision.Password})
}

// PanelLogin makes a link that signs a browser on at the panel: for one use, now.
func (f *Flow) PanelLogin(ctx context.Context, c ids.Customer, id ids.Subscription, staff bool) (sdk.Link, error) {
	sub, err := f.own(ctx, c, id, auth.ServiceControl)
	if err != nil {
		return sdk.Link{}, err
	}
	if staff {
		if err := auth.Require(ctx, auth.ServiceSuspend); err != nil {
			return sdk.Link{}, err
		}
	}
	if err := f.Audit.Add(ctx, audit.Entry{Action: "service.login", Subject: string(id), Customer: sub.Customer}); err != nil {
		return sdk.Link{}, err
	}
	return f.Provision.Login(ctx, id, staff)
}

// Reveal shows the credentials of a service: once. They are forgotten with it.
func (f *Flow) Reveal(ctx context.Context, c ids.Customer, id ids.Subscription) ([]provision.Credential, error) {
	if _, err := f.own(ctx, c, id, auth.ServiceReveal); err != nil {
		return nil, err
	}
	return f.Provision.Reveal(ctx, id)
}

// Refresh reads how a service stands on its panel. A panel that does not answer leaves what was seen last.
func (f *Flow) Refresh(ctx context.Context, c ids.Customer, id ids.Subscription) (provision.Account, error) {
	if _, err := f.own(ctx, c, id, auth.ServiceSee); err != nil {
		return provision.Account{}, err
	}
	return f.Provision.Refresh(ctx, id)
}

// RenameService gives a service the name that its customer uses.
func (f *Flow) RenameService(ctx context.Context, c ids.Customer, id ids.Subscription, label string) error {
	if _, err := f.own(ctx, c, id, auth.ServiceControl); err != nil {
		return err
	}
	if n := utf8.RuneCountInString(label); n == 0 || n > 120 {
		return fault.New(fault.Invalid, "label_length", "Write a name of 1 to 120 characters.").On("label")
	}
	if CheckLabel("other", label) != nil { // a name for people: the panel has its own
		return ErrLabel.On("label")
	}
	return f.Subscriptions.Rename(ctx, id, label)
}

// RetryProvision has a job that stopped tried again.
func (f *Flow) RetryProvision(ctx context.Context, id ids.Op) error {
	if err := auth.Require(ctx, auth.JobRetry); err != nil {
		return err
	}
	return f.DB.Tx(ctx, func(ctx context.Context) error {
		op, err := f.Provision.Retry(ctx, id, audit.Asking(ctx).Actor)
		if err != nil {
			return err
		}
		return f.Audit.Add(ctx, audit.Entry{Action: "provision.retry", Subject: string(id), Customer: op.Customer})
	})
}

// AcceptOrder lets an order go on that waited for staff: what is paid is made.
func (f *Flow) AcceptOrder(ctx context.Context, id ids.Order) error {
	if err := auth.Require(ctx, auth.OrderAccept); err != nil {
		return err
	}
	ord, err := f.Orders.Get(ctx, id)
	if err != nil {
		return err
	}
	if ord.Status == order.InReview {
		if ord, err = f.Orders.Approve(ctx, id); err != nil {
			return err
		}
	}
	inv, err := f.Invoices.Get(ctx, ord.Invoice)
	if err != nil {
		return err
	}
	if err := f.Audit.Add(ctx, audit.Entry{Action: "order.accept", Subject: string(id), Customer: ord.Customer}); err != nil {
		return err
	}
	if inv.Status != invoice.Paid {
		return nil // it is made when it is paid
	}
	return f.makeOrder(ctx, ord, func(catalog.Product) bool { return true })
}

// MakeNow has staff make what was ordered, paid or not.
func (f *Flow) MakeNow(ctx context.Context, id ids.Order) error {
	if err := auth.Require(ctx, auth.OrderAccept); err != nil {
		return err
	}
	ord, err := f.Orders.Get(ctx, id)
	if err != nil {
		return err
	}
	if err := f.Audit.Add(ctx, audit.Entry{Action: "order.make", Subject: string(id), Customer: ord.Customer}); err != nil {
		return err
	}
	return f.makeOrder(ctx, ord, func(catalog.Product) bool { return true })
}

// CancelOrder takes an order back: services end, the invoice is credited, what was paid goes to the balance.
func (f *Flow) CancelOrder(ctx context.Context, id ids.Order, reason string) error {
	if err := auth.Require(ctx, auth.OrderAccept); err != nil {
		return err
	}
	return f.DB.Tx(ctx, func(ctx context.Context) error {
		if _, err := f.Orders.Cancel(ctx, id, reason); err != nil {
			return err
		}
		return f.Audit.Add(ctx, audit.Entry{Action: "order.cancel", Subject: string(id), After: map[string]any{"reason": reason}})
	})
}

// Usage reads the meters of a service; none if its panel has none.
func (f *Flow) Usage(ctx context.Context, c ids.Customer, id ids.Subscription) ([]panel.Meter, error) {
	if _, err := f.own(ctx, c, id, auth.ServiceSee); err != nil {
		return nil, err
	}
	meters, err := f.Provision.Usage(ctx, id)
	if fault.KindOf(err) == fault.Unsupported || errors.Is(err, provision.ErrNoAccount) {
		return nil, nil
	}
	return meters, err
}
