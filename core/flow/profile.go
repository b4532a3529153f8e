package flow

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/contact/notify"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/platform/jobs"
	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/gateway"
)

// Profile is what customers may say of themselves. Currency, tax exemption and terms are staff's.
type Profile struct {
	Kind        customer.Kind
	First, Last string
	Company     string
	Email       string // where invoices go; not the address that anybody signs in with
	Phone       string
	Address     sdk.Address
	TaxID       string
	Locale      string
	Version     int64 // of the customer that the page showed
}

// ProfileOf is what a customer says of itself at the moment.
func ProfileOf(c customer.Customer) Profile {
	return Profile{Kind: c.Kind, First: c.First, Last: c.Last, Company: c.Company, Email: c.Email, Phone: c.Phone, Address: c.Address, TaxID: c.TaxID, Locale: c.Locale, Version: c.Version}
}

// ChangeProfile changes how a customer is called, reached and taxed. Documents that were issued stay as they are.
//
// Errors: those of customer.Update.
func (f *Flow) ChangeProfile(ctx context.Context, id ids.Customer, p Profile) (customer.Customer, error) {
	if err := auth.RequireFor(ctx, id, auth.CustomerEdit); err != nil {
		return customer.Customer{}, err
	}
	return f.Customers.Update(ctx, id, func(c *customer.Customer) error {
		c.Kind, c.First, c.Last, c.Company, c.Email, c.Phone = p.Kind, p.First, p.Last, p.Company, p.Email, p.Phone
		c.Address, c.TaxID, c.Locale, c.Version = p.Address, p.TaxID, p.Locale, p.Version
		return nil
	})
}

// DefaultMethod makes a saved way to pay the one that is charged first.
func (f *Flow) DefaultMethod(ctx context.Context, c ids.Customer, id ids.Method) error {
	return f.changeMethod(ctx, c, id, "method.default", func(ctx context.Context) error { return f.Payments.MakeDefault(ctx, c, id) })
}

// ForgetMethod takes a saved way to pay away: here at once, at its gateway as soon as that answers.
func (f *Flow) ForgetMethod(ctx context.Context, c ids.Customer, id ids.Method) error {
	return f.changeMethod(ctx, c, id, "method.remove", func(ctx context.Context) error {
		if err := f.Payments.RemoveMethod(ctx, id); err != nil {
			return err
		}
		return f.Jobs.Enqueue(ctx, jobs.New{Kind: jobForget, Payload: map[string]ids.Method{"method": id}, UniqueKey: "forget:" + string(id)})
	})
}

func (f *Flow) changeMethod(ctx context.Context, c ids.Customer, id ids.Method, action string, change func(context.Context) error) error {
	if err := auth.RequireFor(ctx, c, auth.MethodEdit); err != nil {
		return err
	}
	err := f.DB.Tx(ctx, func(ctx context.Context) error {
		m, err := f.Payments.MethodFor(ctx, c, id)
		if err != nil {
			return err
		}
		if err := change(ctx); err != nil {
			return err
		}
		return f.Audit.Add(ctx, audit.Entry{Action: action, Subject: string(id), Customer: c, Before: map[string]string{"gateway": m.Gateway, "kind": m.Kind, "last4": m.Last4}})
	})
	if err != nil {
		return fmt.Errorf("%s %s: %w", action, id, err)
	}
	return nil
}

const jobForget = "forget_method"

// workForget has a gateway forget a method that was removed here. One that was saved again meanwhile stays.
func (f *Flow) workForget(ctx context.Context, j jobs.Job) error {
	var p struct{ Method ids.Method }
	if err := j.Read(&p); err != nil {
		return jobs.GiveUp(err)
	}
	m, err := f.Payments.Method(ctx, p.Method)
	if err != nil || m.Status != payment.MethodRemoved {
		return err
	}
	g, err := f.Gateways.Gateway(m.Gateway)
	if err != nil {
		return err
	}
	charger, ok := sdk.As[gateway.Charger](g)
	if !ok {
		return nil
	}
	known, err := f.Payments.SDKMethod(ctx, m.ID)
	if err != nil {
		return err
	}
	if known.Customer, err = f.Customers.SDK(ctx, m.Customer); err != nil {
		return err
	}
	if known.Customer.Notes, err = f.customerNotes(ctx, m.Gateway, m.Customer); err != nil {
		return err
	}
	_, own, _ := strings.Cut(string(m.ID), "_")
	err = charger.Forget(ctx, sdk.Op{ID: "forget_" + own, Attempt: j.Attempt, First: m.Created}, known)
	if kind := fault.KindOf(err); kind == fault.NotFound || kind == fault.Unsupported {
		return nil
	}
	return err
}

// PayByLink begins to pay the invoice that a mailed link opens, without signing in: on the gateway's page only, and
// nothing is saved. Errors: invoice.ErrNotFound for a link that is over; those of StartPayment.
func (f *Flow) PayByLink(ctx context.Context, token, instance, back string) (Started, error) {
	inv, err := f.Invoices.ByPayToken(ctx, token)
	if err != nil {
		return Started{}, err
	}
	return f.startPayment(ctx, PayIn{Customer: inv.Customer, Invoices: one(inv.ID), Gateway: instance, Return: back})
}

// SendVerification mails a user the link that proves the address.
func (f *Flow) SendVerification(ctx context.Context, id ids.User, locale string) error {
	secret, u, err := f.Auth.RequestVerify(ctx, id)
	if err != nil {
		return err
	}
	return f.WriteLink(ctx, "verify", linkKey(secret), u.Name, u.Email, locale, f.Links.Portal+"/verify/"+secret)
}

// SendReset mails the link for a new password, if somebody has that address. It says the same in any case.
func (f *Flow) SendReset(ctx context.Context, email, locale string) error {
	secret, u, ok, err := f.Auth.RequestReset(ctx, email)
	if err != nil || !ok {
		return err
	}
	return f.WriteLink(ctx, "reset", linkKey(secret), u.Name, u.Email, locale, f.Links.Portal+"/reset/"+secret)
}

// ChangeEmail gives a user another address to sign in with, tells the old one, and mails the proof to the new one.
//
// Errors: those of auth.ChangeEmail.
func (f *Flow) ChangeEmail(ctx context.Context, id ids.User, password, email, locale string) error {
	old, err := f.Auth.ChangeEmail(ctx, id, password, email)
	if err != nil {
		return err
	}
	u, err := f.Auth.User(ctx, id)
	if err != nil {
		return err
	}
	s, err := f.Settings.Get(ctx)
	if err != nil {
		return err
	}
	told := f.Notify.Queue(ctx, notify.Message{
		OnceKey: linkKey(old + u.Email + f.Clock.Now().String()), Channel: notify.Mail, Instance: s.Mail.Instance, Template: "notice", Subject: string(id), ToName: u.Name, To: old, Locale: locale,
		Data: map[string]any{"Brand": s.Business.Name, "Sender": sender(s), "Subject": "Your sign-in address was changed",
			"Text": "You sign in with " + u.Email + " from now on. If that was not you, write to us at once."},
	})
	return errors.Join(told, f.SendVerification(ctx, id, locale))
}

// linkKey names a mail whose text is a secret, without giving it away.
func linkKey(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:12])
}
