package flow

import (
	"github.com/ezscale/bursar/core/billing/dunning"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/data/outbox"
	"github.com/ezscale/bursar/core/hosting/provision"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/sales/order"
)

// Routes is the business, read top to bottom: after each event, what follows.
func (f *Flow) Routes() outbox.Routes {
	return outbox.Routes{
		order.EventPlaced:           {outbox.Step("tell", f.tellOrder), outbox.Step("make", f.makeOnOrder)},
		order.EventCancelled:        {outbox.Step("undo", f.undoOrder)},
		invoice.EventIssued:         {outbox.Step("charge", f.chargeIssued), outbox.Step("mail", f.mailIssued)},
		invoice.EventPaid:           {outbox.Step("deliver", f.deliver), outbox.Step("resume", f.resumePaid), outbox.Step("stop", f.stopPages), outbox.Step("receipt", f.mailReceipt)},
		invoice.EventVoided:         {outbox.Step("stop", f.stopPages)},
		payment.EventDeclined:       {outbox.Step("mail", f.mailDeclined), outbox.Step("next", f.nextMethod)},
		payment.EventHeld:           {outbox.Step("tell", f.tellHeld)},
		payment.EventParked:         {outbox.Step("tell", f.tellParked)},
		payment.EventRefundRefused:  {outbox.Step("tell", f.tellRefund)},
		payment.EventDisputeOpened:  {outbox.Step("tell", f.tellDispute)},
		payment.EventDisputeLost:    {outbox.Step("tell", f.tellDispute)},
		payment.EventMethodSaved:    {outbox.Step("charge", f.chargeOverdue)},
		dunning.EventReminder:       {outbox.Step("mail", f.mailReminder)},
		provision.EventDone:         {outbox.Step("activate", f.provisioned)},
		provision.EventFailed:       {outbox.Step("tell", f.tellFailed)},
		subscription.EventActivated: {outbox.Step("welcome", f.mailWelcome), outbox.Step("tell", f.tellActivated)},
		subscription.EventSuspended: {outbox.Step("panel", f.suspendOnPanel), outbox.Step("mail", f.mailSuspended)},
		subscription.EventResumed:   {outbox.Step("panel", f.resumeOnPanel), outbox.Step("mail", f.mailResumed)},
		subscription.EventEnded:     {outbox.Step("panel", f.terminateOnPanel), outbox.Step("mail", f.mailEnded)},
	}
}
