package flow

import (
	"context"
	"errors"
	"fmt"

	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/data/outbox"
	"github.com/ezscale/bursar/core/hosting/provision"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/core/sales/order"
	"github.com/ezscale/bursar/sdk/fault"
)

// deliver has what a paid invoice sold be made. An order that staff must look at waits for them.
func (f *Flow) deliver(ctx context.Context, e outbox.Event) error {
	var fact invoice.Fact
	if err := e.Read(&fact); err != nil {
		return err
	}
	ord, err := f.Orders.ByInvoice(ctx, fact.Invoice)
	if fault.KindOf(err) == fault.NotFound {
		return nil // a renewal: nothing is to be made
	}
	if err != nil {
		return err
	}
	if ord.Status == order.InReview {
		return nil
	}
	return f.makeOrder(ctx, ord, func(p catalog.Product) bool { return p.Setup != catalog.SetupManual })
}

// makeOnOrder makes what is made before it is paid.
func (f *Flow) makeOnOrder(ctx context.Context, e outbox.Event) error {
	var fact order.Fact
	if err := e.Read(&fact); err != nil {
		return err
	}
	ord, err := f.Orders.Get(ctx, fact.Order)
	if err != nil || ord.Status != order.Pending {
		return err
	}
	shop, err := f.Catalog.Shop(ctx)
	if err != nil {
		return err
	}
	subs, err := f.Subscriptions.OfOrder(ctx, ord.ID)
	if err != nil {
		return err
	}
	for _, sub := range subs {
		if p, ok := shop.Product(sub.Product); !ok || p.Setup != catalog.SetupOnOrder {
			return nil // one that waits for its money keeps the whole order waiting
		}
	}
	return f.makeOrder(ctx, ord, func(catalog.Product) bool { return true })
}

// makeOrder accepts an order and plans the creation of its services. Asked again it changes nothing.
func (f *Flow) makeOrder(ctx context.Context, ord order.Order, made func(catalog.Product) bool) error {
	shop, err := f.Catalog.Shop(ctx)
	if err != nil {
		return err
	}
	err = f.DB.Tx(ctx, func(ctx context.Context) error {
		if _, err := f.Customers.Lock(ctx, ord.Customer); err != nil {
			return err
		}
		switch now, err := f.Orders.Get(ctx, ord.ID); {
		case err != nil:
			return err
		case now.Status == order.Pending:
			if _, err := f.Orders.Accept(ctx, ord.ID); err != nil {
				return err
			}
		case now.Status != order.Active:
			return nil // cancelled meanwhile: the money is on the balance
		}
		subs, err := f.Subscriptions.OfOrder(ctx, ord.ID)
		if err != nil {
			return err
		}
		for _, sub := range subs {
			p, ok := shop.Product(sub.Product)
			if !ok {
				return fmt.Errorf("product %s of %s is gone", sub.Product, sub.ID)
			}
			if sub.Status != subscription.Pending || !made(p) {
				continue
			}
			if err := f.makeService(ctx, sub, p); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("deliver order %s: %w", ord.ID, err)
	}
	return nil
}

// makeService plans the account of a service. A product that no panel makes is active at once.
func (f *Flow) makeService(ctx context.Context, sub subscription.Subscription, p catalog.Product) error {
	if p.Panel == "" {
		return f.Subscriptions.Activate(ctx, sub.ID)
	}
	_, err := f.Provision.Plan(ctx, provision.Request{
		Kind: provision.Create, Subscription: sub.ID, Customer: sub.Customer, Instance: p.Panel, CauseKey: "create:" + string(sub.ID),
		Label: sub.Label, Product: p.Values, Checkout: sub.Checkout, Actor: "system",
	})
	return err
}

// provisioned follows the end of an operation on a panel: what was created is active.
func (f *Flow) provisioned(ctx context.Context, e outbox.Event) error {
	var fact provision.Fact
	if err := e.Read(&fact); err != nil {
		return err
	}
	if fact.Kind != provision.Create {
		return nil
	}
	sub, err := f.Subscriptions.Get(ctx, fact.Subscription)
	if err != nil {
		return err
	}
	if sub.Status == subscription.Ended { // it ended while it was being made
		return f.onPanel(ctx, sub, provision.Terminate, "terminate:"+string(sub.ID), "")
	}
	return f.Subscriptions.Activate(ctx, fact.Subscription)
}

// resumePaid brings back what was down because this invoice was not paid.
func (f *Flow) resumePaid(ctx context.Context, e outbox.Event) error {
	var fact invoice.Fact
	if err := e.Read(&fact); err != nil {
		return err
	}
	of, err := f.Subscriptions.OfInvoices(ctx, one(fact.Invoice))
	if err != nil {
		return err
	}
	for _, sub := range of[fact.Invoice] {
		if sub.Status != subscription.Suspended {
			continue
		}
		if _, err := f.Subscriptions.Resume(ctx, sub.ID, subscription.CauseUnpaid, string(fact.Invoice)); err != nil {
			return err
		}
		children, err := f.Subscriptions.Children(ctx, sub.ID)
		if err != nil {
			return err
		}
		for _, child := range children {
			if _, err := f.Subscriptions.Resume(ctx, child.ID, subscription.CauseUnpaid, string(fact.Invoice)); err != nil {
				return err
			}
		}
	}
	return nil
}

// stopPages closes pages that are still open for an invoice that is paid or taken back, so that nobody pays it there.
func (f *Flow) stopPages(ctx context.Context, e outbox.Event) error {
	var fact invoice.Fact
	if err := e.Read(&fact); err != nil {
		return err
	}
	open, err := f.Payments.OpenOn(ctx, one(fact.Invoice))
	if err != nil {
		return err
	}
	for _, att := range open {
		if _, err := f.cancel(ctx, att); err != nil {
			return err
		}
	}
	return nil
}

func (f *Flow) suspendOnPanel(ctx context.Context, e outbox.Event) error {
	return f.follow(ctx, e, provision.Suspend)
}

func (f *Flow) resumeOnPanel(ctx context.Context, e outbox.Event) error {
	return f.follow(ctx, e, provision.Unsuspend)
}

func (f *Flow) terminateOnPanel(ctx context.Context, e outbox.Event) error {
	return f.follow(ctx, e, provision.Terminate)
}

// follow makes the panel do what happened to a service. The event's number makes it one operation.
func (f *Flow) follow(ctx context.Context, e outbox.Event, kind provision.Kind) error {
	var fact subscription.Fact
	if err := e.Read(&fact); err != nil {
		return err
	}
	sub, err := f.Subscriptions.Get(ctx, fact.Subscription)
	if err != nil {
		return err
	}
	reason := fact.Reason
	if reason == "" {
		reason = string(fact.Cause)
	}
	key := fmt.Sprintf("%s:%s:%d", kind, sub.ID, e.ID)
	if kind == provision.Terminate {
		key = "terminate:" + string(sub.ID)
	}
	return f.onPanel(ctx, sub, kind, key, reason)
}

// onPanel plans a change of a service's account. A service that never had one has nothing to change.
func (f *Flow) onPanel(ctx context.Context, sub subscription.Subscription, kind provision.Kind, key, reason string) error {
	acc, err := f.Provision.Account(ctx, sub.ID)
	if errors.Is(err, provision.ErrNoAccount) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = f.Provision.Plan(ctx, provision.Request{Kind: kind, Subscription: sub.ID, Customer: sub.Customer, Instance: acc.Instance, CauseKey: key, Reason: reason, Actor: "system"})
	return err
}

// undoOrder takes back what a cancelled order took: services, coupon, and the invoice that nobody owes any more.
func (f *Flow) undoOrder(ctx context.Context, e outbox.Event) error {
	var fact order.Fact
	if err := e.Read(&fact); err != nil {
		return err
	}
	today, _, err := f.today(ctx)
	if err != nil {
		return err
	}
	return f.DB.Tx(ctx, func(ctx context.Context) error {
		ord, err := f.Orders.Get(ctx, fact.Order)
		if err != nil {
			return err
		}
		if _, err := f.Customers.Lock(ctx, ord.Customer); err != nil {
			return err
		}
		if err := f.Coupons.Release(ctx, ord.ID); err != nil {
			return err
		}
		subs, err := f.Subscriptions.OfOrder(ctx, ord.ID)
		if err != nil {
			return err
		}
		inv, err := f.Invoices.Get(ctx, ord.Invoice)
		if err != nil {
			return err
		}
		if inv.Total > inv.Credited && inv.Status != invoice.Void {
			if _, err := f.credit(ctx, inv.ID, inv.Total-inv.Credited, "void:"+string(inv.ID), "Order cancelled", today); err != nil {
				return err
			}
		}
		for _, sub := range subs {
			if err := f.end(ctx, sub.ID, subscription.Cancelled, today); err != nil {
				return err
			}
		}
		return nil
	})
}
