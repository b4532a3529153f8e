package flow

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/billing/dunning"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/contact/notify"
	"github.com/ezscale/bursar/core/data/lease"
	"github.com/ezscale/bursar/core/data/outbox"
	"github.com/ezscale/bursar/core/hosting/provision"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/platform/settings"
	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/core/sales/order"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/money"
	"github.com/ezscale/bursar/sdk/notifier"
)

// letter is a mail to a customer about one thing. once names document and step: it goes out once.
type letter struct {
	once, template, subject string
	link                    string
	data                    map[string]any
}

// write queues a mail to a customer.
func (f *Flow) write(ctx context.Context, c customer.Customer, l letter) error {
	s, err := f.Settings.Get(ctx)
	if err != nil {
		return err
	}
	data := map[string]any{"Brand": s.Business.Name, "Sender": sender(s), "Link": l.link}
	for k, v := range l.data {
		data[k] = v
	}
	return f.Notify.Queue(ctx, notify.Message{
		OnceKey: l.once + ":mail:" + c.Email, Customer: c.ID, Channel: notify.Mail, Instance: s.Mail.Instance, Template: l.template, Subject: l.subject,
		ToName: c.Name(), To: c.Email, Locale: c.Locale, Data: data,
	})
}

// writeTo is write to the customer of an ID.
func (f *Flow) writeTo(ctx context.Context, id ids.Customer, l letter) error {
	c, err := f.Customers.Get(ctx, id)
	if err != nil {
		return err
	}
	return f.write(ctx, c, l)
}

// WriteLink mails a person a link that is good once: to set a password, or to confirm an address. once begins with
// whom the link is for and, after a colon, may tell several apart; it holds no secret.
func (f *Flow) WriteLink(ctx context.Context, template, once, name, address, locale, link string) error {
	s, err := f.Settings.Get(ctx)
	if err != nil {
		return err
	}
	subject, _, _ := strings.Cut(once, ":")
	return f.Notify.Queue(ctx, notify.Message{
		OnceKey: template + ":" + once + ":mail", Channel: notify.Mail, Instance: s.Mail.Instance, Template: template, Subject: subject, ToName: name, To: address, Locale: locale,
		Data: map[string]any{"Brand": s.Business.Name, "Sender": sender(s), "Link": link},
	})
}

// sender is one line about who writes.
func sender(s settings.Settings) string {
	b := s.Business
	text := b.Name
	for _, more := range lines(b.Line1, place(b.Postcode, b.City, b.Region), b.Email) {
		text += " · " + more
	}
	return text
}

// tell puts a notice into the staff's channel, if there is one.
func (f *Flow) tell(ctx context.Context, once string, c ids.Customer, subject string, p notifier.Post) error {
	s, err := f.Settings.Get(ctx)
	if err != nil || s.Notices.Instance == "" {
		return err
	}
	return f.Notify.Queue(ctx, notify.Message{
		OnceKey: once + ":post:" + s.Notices.Instance, Customer: c, Channel: notify.Post, Instance: s.Notices.Instance, Template: "notice", Subject: subject, Notice: p,
	})
}

func (f *Flow) tellOrder(ctx context.Context, e outbox.Event) error {
	var fact order.Fact
	if err := e.Read(&fact); err != nil {
		return err
	}
	ord, err := f.Orders.Get(ctx, fact.Order)
	if err != nil {
		return err
	}
	c, err := f.Customers.Get(ctx, ord.Customer)
	if err != nil {
		return err
	}
	p := notifier.Post{Title: fmt.Sprintf("Order %d over %s", ord.Number, ord.Total), Level: "info", URL: f.Links.Admin + "/orders/" + string(ord.ID), Fields: [][2]string{{"Customer", c.Name()}, {"Status", string(ord.Status)}}}
	if ord.Status == order.InReview {
		p.Level, p.Text = "warning", "It waits for somebody to look at it."
	}
	return f.tell(ctx, "order:"+string(ord.ID), c.ID, string(ord.ID), p)
}

func (f *Flow) tellActivated(ctx context.Context, e outbox.Event) error {
	var fact subscription.Fact
	if err := e.Read(&fact); err != nil {
		return err
	}
	sub, err := f.Subscriptions.Get(ctx, fact.Subscription)
	if err != nil {
		return err
	}
	return f.tell(ctx, "activated:"+string(sub.ID), sub.Customer, string(sub.ID), notifier.Post{
		Title: sub.Label + " is ready", Level: "good", URL: f.Links.Admin + "/services/" + string(sub.ID)})
}

func (f *Flow) tellFailed(ctx context.Context, e outbox.Event) error {
	var fact provision.Fact
	if err := e.Read(&fact); err != nil {
		return err
	}
	op, err := f.Provision.Get(ctx, fact.Operation)
	if err != nil {
		return err
	}
	f.Log.Error("provisioning stopped", "operation", op.ID, "service", op.Subscription, "kind", op.Kind, "fault", op.Fault.Kind, "code", op.Fault.Code)
	return f.tell(ctx, "failed:"+string(op.ID), op.Customer, string(op.Subscription), notifier.Post{
		Title: fmt.Sprintf("%s of a service stopped", op.Kind), Text: op.Fault.Detail, Level: "bad", URL: f.Links.Admin + "/services/" + string(op.Subscription),
		Fields: [][2]string{{"Panel", op.Instance}, {"Reason", string(op.Fault.Kind) + " " + op.Fault.Code}}})
}

func (f *Flow) tellHeld(ctx context.Context, e outbox.Event) error {
	var fact payment.Fact
	if err := e.Read(&fact); err != nil {
		return err
	}
	p, err := f.Payments.Payment(ctx, fact.Payment)
	if err != nil {
		return err
	}
	f.Log.Error("money is held: nobody knows what it is for", "payment", p.ID, "reason", p.HoldReason)
	return f.tell(ctx, "held:"+string(p.ID), p.Customer, string(p.ID), notifier.Post{
		Title: "Money is held: " + p.Amount.String(), Text: p.HoldReason, Level: "warning", URL: f.Links.Admin + "/payments/" + string(p.ID)})
}

func (f *Flow) tellParked(ctx context.Context, e outbox.Event) error {
	var fact payment.Fact
	if err := e.Read(&fact); err != nil {
		return err
	}
	f.Log.Error("nobody can say what became of a payment", "attempt", fact.Attempt)
	return f.tell(ctx, "parked:"+string(fact.Attempt), fact.Customer, string(fact.Attempt), notifier.Post{
		Title: "A payment is not certain", Text: "The gateway cannot say whether it was made. Look there, then decide.", Level: "bad", URL: f.Links.Admin + "/customers/" + string(fact.Customer)})
}

func (f *Flow) tellRefund(ctx context.Context, e outbox.Event) error {
	var fact payment.Fact
	if err := e.Read(&fact); err != nil {
		return err
	}
	return f.tell(ctx, fmt.Sprintf("refund:%s:%d", fact.Refund, e.ID), fact.Customer, string(fact.Refund), notifier.Post{
		Title: "A refund was refused", Text: "The money is on the customer's balance again.", Level: "warning", URL: f.Links.Admin + "/payments/" + string(fact.Payment)})
}

func (f *Flow) tellDispute(ctx context.Context, e outbox.Event) error {
	var fact payment.Fact
	if err := e.Read(&fact); err != nil {
		return err
	}
	d, err := f.Payments.Dispute(ctx, fact.Dispute)
	if err != nil {
		return err
	}
	return f.tell(ctx, fmt.Sprintf("dispute:%s:%d", d.ID, e.ID), fact.Customer, string(d.ID), notifier.Post{
		Title: fmt.Sprintf("Dispute over %s: %s", d.Amount, d.Status), Text: d.Reason, Level: "bad", URL: f.Links.Admin + "/payments/" + string(fact.Payment)})
}

// invoiceLink opens an invoice in the portal; payLink without signing in.
func (f *Flow) invoiceLink(id ids.Invoice) string { return f.Links.Portal + "/invoices/" + string(id) }

func (f *Flow) payLink(ctx context.Context, id ids.Invoice) (string, error) {
	token, err := f.Invoices.KeepPayToken(ctx, id, f.Box.Token("invoices:"+string(id)+":pay"))
	if err != nil {
		return "", err
	}
	return f.Links.Portal + "/pay/" + token, nil
}

// row is a line of a mail.
type row struct {
	Label  string
	Amount money.Amount
}

func (f *Flow) rows(ctx context.Context, inv invoice.Invoice) ([]row, error) {
	all, err := f.Invoices.Lines(ctx, one(inv.ID))
	if err != nil {
		return nil, err
	}
	var out []row
	for _, l := range all[inv.ID] {
		text := l.Text
		if l.To.After(l.From) {
			text += ", " + l.From.Format("2 Jan") + " – " + l.To.Add(-1).Format("2 Jan 2006")
		}
		out = append(out, row{text, inv.Amount(l.Net)})
	}
	if inv.Tax != 0 {
		out = append(out, row{"Tax", inv.Amount(inv.Tax)})
	}
	return out, nil
}

// unpaidGrace is how long a buyer at the checkout has to pay before a mail reminds of the invoice.
const unpaidGrace = 15 * time.Minute

// mailIssued sends an invoice. The first one of an order waits a little: who pays at once gets a receipt instead.
func (f *Flow) mailIssued(ctx context.Context, e outbox.Event) error {
	inv, err := f.invoiceOf(ctx, e)
	if err != nil || inv.Status != invoice.Opened {
		return err
	}
	if at := e.At.Add(unpaidGrace); inv.Kind == invoice.KindFirst && f.Clock.Now().Before(at) {
		return lease.Again(at)
	}
	rows, err := f.rows(ctx, inv)
	if err != nil {
		return err
	}
	link, err := f.payLink(ctx, inv.ID)
	if err != nil {
		return err
	}
	data := map[string]any{"Number": inv.Number, "Total": inv.Amount(inv.Total), "Due": inv.Due, "Lines": rows}
	if m, ok, err := f.saved(ctx, inv.Customer); err != nil {
		return err
	} else if ok && inv.Kind != invoice.KindFirst {
		data["Charge"], data["Method"] = inv.Due, m.Label
		link = f.invoiceLink(inv.ID)
	}
	return f.writeTo(ctx, inv.Customer, letter{once: "invoice:" + string(inv.ID), template: "invoice_issued", subject: string(inv.ID), link: link, data: data})
}

func (f *Flow) invoiceOf(ctx context.Context, e outbox.Event) (invoice.Invoice, error) {
	var fact invoice.Fact
	if err := e.Read(&fact); err != nil {
		return invoice.Invoice{}, err
	}
	return f.Invoices.Get(ctx, fact.Invoice)
}

// saved is the method that renewals are charged to.
func (f *Flow) saved(ctx context.Context, c ids.Customer) (payment.Method, bool, error) {
	all, err := f.Payments.Chargeable(ctx, one(c))
	if err != nil || len(all[c]) == 0 {
		return payment.Method{}, false, err
	}
	return all[c][0], true, nil
}

func (f *Flow) mailReceipt(ctx context.Context, e outbox.Event) error {
	inv, err := f.invoiceOf(ctx, e)
	if err != nil || inv.Total == 0 {
		return err
	}
	rows, err := f.rows(ctx, inv)
	if err != nil {
		return err
	}
	paid, err := f.Payments.OfInvoice(ctx, inv.ID)
	if err != nil {
		return err
	}
	data := map[string]any{"Number": inv.Number, "Paid": inv.Amount(inv.Paid), "Day": inv.Issued, "Lines": rows, "Total": inv.Amount(inv.Total)}
	if n := len(paid); n > 0 {
		last := paid[n-1].Payment
		data["Day"] = last.On
		if data["Method"], err = f.paidWith(ctx, last); err != nil {
			return err
		}
	}
	return f.writeTo(ctx, inv.Customer, letter{once: "receipt:" + string(inv.ID), template: "receipt", subject: string(inv.ID), link: f.invoiceLink(inv.ID), data: data})
}

// paidWith is how a payment was made, in words.
func (f *Flow) paidWith(ctx context.Context, p payment.Payment) (string, error) {
	switch p.Source {
	case payment.FromBalance:
		return "your balance", nil
	case payment.FromBank:
		return p.Gateway, nil
	}
	if p.Attempt != "" {
		att, err := f.Payments.Get(ctx, p.Attempt)
		if err != nil {
			return "", err
		}
		if att.Method != "" {
			m, err := f.Payments.Method(ctx, att.Method)
			if err == nil {
				return m.Label, nil
			}
			if fault.KindOf(err) != fault.NotFound {
				return "", err
			}
		}
	}
	for _, g := range f.Gateways.Offered() {
		if g.Instance == p.Gateway {
			return g.Title, nil
		}
	}
	return p.Gateway, nil
}

// mailDeclined tells of a charge that was refused without the customer being there.
func (f *Flow) mailDeclined(ctx context.Context, e outbox.Event) error {
	var fact payment.Fact
	if err := e.Read(&fact); err != nil {
		return err
	}
	att, err := f.Payments.Get(ctx, fact.Attempt)
	if err != nil || att.Purpose != payment.Charge || len(att.Invoices) == 0 || att.DeclineClass == string(payment.ClassUnavailable) {
		return err
	}
	inv, err := f.Invoices.Get(ctx, att.Invoices[0])
	if err != nil || inv.Status != invoice.Opened {
		return err
	}
	ladder, err := f.Dunning.Ladder(ctx, inv.Ladder)
	if err != nil {
		return err
	}
	today, _, err := f.today(ctx)
	if err != nil {
		return err
	}
	link, err := f.payLink(ctx, inv.ID)
	if err != nil {
		return err
	}
	data := map[string]any{"Number": inv.Number, "Total": inv.Amount(inv.Open()), "Reason": att.DeclineText, "Suspend": inv.Due.Add(ladder.SuspendAfter)}
	if m, err := f.Payments.Method(ctx, att.Method); err == nil {
		data["Method"] = m.Label
		if m.Blocked == "" {
			for _, offset := range ladder.Charges {
				if again := inv.Due.Add(offset); again.After(today) {
					data["Again"] = again
					break
				}
			}
		}
	}
	return f.writeTo(ctx, inv.Customer, letter{once: "declined:" + string(att.ID), template: "payment_failed", subject: string(inv.ID), link: link, data: data})
}

// mailReminder sends the notice of a step of dunning. Its step names it: it goes out once.
func (f *Flow) mailReminder(ctx context.Context, e outbox.Event) error {
	var fact dunning.Fact
	if err := e.Read(&fact); err != nil {
		return err
	}
	inv, err := f.Invoices.Get(ctx, fact.Invoice)
	if err != nil || inv.Status != invoice.Opened {
		return err
	}
	link, err := f.payLink(ctx, inv.ID)
	if err != nil {
		return err
	}
	l := letter{once: "dunning:" + string(inv.ID) + ":" + fact.Step, template: "reminder", subject: string(inv.ID), link: link}
	open := inv.Amount(inv.Open())
	l.data = map[string]any{"Number": inv.Number, "Total": open, "Due": inv.Due}
	switch fact.Step {
	case dunning.Upcoming:
		l.template = "upcoming"
		if m, ok, err := f.saved(ctx, inv.Customer); err != nil {
			return err
		} else if ok {
			l.data["Method"] = m.Label
		}
	case dunning.Final:
		l.data["Suspend"] = fact.Day
	case dunning.Ending:
		l.template = "ending"
		l.data["End"] = fact.Day
	}
	return f.writeTo(ctx, inv.Customer, l)
}

// aboutService is a mail about a service.
func (f *Flow) aboutService(ctx context.Context, e outbox.Event, template string, more func(subscription.Subscription, subscription.Fact, map[string]any) error) error {
	var fact subscription.Fact
	if err := e.Read(&fact); err != nil {
		return err
	}
	sub, err := f.Subscriptions.Get(ctx, fact.Subscription)
	if err != nil {
		return err
	}
	data := map[string]any{"Service": sub.Label}
	if more != nil {
		if err := more(sub, fact, data); err != nil {
			return err
		}
	}
	link := f.Links.Portal + "/services/" + string(sub.ID)
	if template == "service_suspended" && fact.Cause == subscription.CauseUnpaid {
		if id, err := ids.Parse[ids.Invoice](fact.Ref); err == nil {
			if link, err = f.payLink(ctx, id); err != nil {
				return err
			}
		}
	}
	return f.writeTo(ctx, sub.Customer, letter{once: fmt.Sprintf("%s:%s:%d", template, sub.ID, e.ID), template: template, subject: string(sub.ID), link: link, data: data})
}

func (f *Flow) mailWelcome(ctx context.Context, e outbox.Event) error {
	return f.aboutService(ctx, e, "service_ready", func(sub subscription.Subscription, _ subscription.Fact, data map[string]any) error {
		acc, err := f.Provision.Account(ctx, sub.ID)
		if errors.Is(err, provision.ErrNoAccount) {
			return nil
		}
		if len(acc.Addresses) > 0 {
			data["Address"] = acc.Addresses[0]
		}
		return err
	})
}

func (f *Flow) mailSuspended(ctx context.Context, e outbox.Event) error {
	return f.aboutService(ctx, e, "service_suspended", func(_ subscription.Subscription, fact subscription.Fact, data map[string]any) error {
		data["Reason"] = fact.Reason
		if fact.Cause != subscription.CauseUnpaid {
			return nil
		}
		id, err := ids.Parse[ids.Invoice](fact.Ref)
		if err != nil {
			return nil
		}
		inv, err := f.Invoices.Get(ctx, id)
		if err != nil {
			return err
		}
		ladder, err := f.Dunning.Ladder(ctx, inv.Ladder)
		if err != nil {
			return err
		}
		today, _, err := f.today(ctx)
		data["Reason"] = fmt.Sprintf("%s over %s was due on %s.", inv.Number, inv.Amount(inv.Open()), inv.Due.Format("2 Jan 2006"))
		data["End"], data["Unpaid"] = today.Add(ladder.TerminateAfter), true
		return err
	})
}

func (f *Flow) mailResumed(ctx context.Context, e outbox.Event) error {
	return f.aboutService(ctx, e, "service_resumed", nil)
}

func (f *Flow) mailEnded(ctx context.Context, e outbox.Event) error {
	var fact subscription.Fact
	if err := e.Read(&fact); err != nil {
		return err
	}
	sub, err := f.Subscriptions.Get(ctx, fact.Subscription)
	if err != nil {
		return err
	}
	if sub.PaidTo.IsZero() && sub.EndReason == subscription.Cancelled {
		return nil // an order that came to nothing: there was no service to speak of
	}
	return f.aboutService(ctx, e, "service_ended", func(_ subscription.Subscription, fact subscription.Fact, data map[string]any) error {
		data["Reason"] = map[subscription.EndReason]string{
			subscription.Unpaid: "The invoice stayed unpaid. The data is deleted.", subscription.Cancelled: "It was cancelled. The data is deleted.",
			subscription.Finished: "Its time is over.",
		}[subscription.EndReason(fact.Reason)]
		return nil
	})
}
