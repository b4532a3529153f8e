package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	stripe "github.com/stripe/stripe-go/v76"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/gateway"
)

// tolerance is how far a webhook's stamp may be from our clock, either way.
// Stripe's own client bounds the past only.
const tolerance = 300 * time.Second

// heard are the events we ask for; others are answered with nothing.
var heard = []string{
	"checkout.session.completed", "checkout.session.async_payment_succeeded", "checkout.session.async_payment_failed", "checkout.session.expired",
	"payment_intent.succeeded", "payment_intent.processing", "payment_intent.payment_failed", "payment_intent.canceled",
	"setup_intent.succeeded",
	"charge.refunded", "charge.refund.updated",
	"charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed", "charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated",
	"payment_method.updated", "payment_method.automatically_updated", "payment_method.detached",
}

// envelope is what is believed of a signed body: what happened, and to which
// thing. How the thing stands is read anew, so neither the order of arrival
// nor the version the endpoint was made with matters.
type envelope struct {
	ID, Type, Account string
	Created           int64
	Livemode          *bool
	Data              struct {
		Object struct{ ID, Object string }
	}
}

// Receive implements gateway.Gateway.
func (g *Gateway) Receive(ctx context.Context, w sdk.Webhook) ([]gateway.Event, error) {
	if err := g.verify(w); err != nil {
		return nil, err
	}
	var e envelope
	if err := json.Unmarshal(w.Body, &e); err != nil || e.ID == "" || e.Livemode == nil {
		return nil, fault.New(fault.Invalid, "unreadable", "").Because(errors.New("the signed body is no event"))
	}
	if *e.Livemode != (g.mode == live) {
		return nil, forged("the event is of the other mode")
	}
	if e.Account != "" {
		return nil, nil // of an account connected to ours
	}
	events, err := g.events(ctx, e)
	if fault.KindOf(err) == fault.NotFound {
		return nil, nil // deleted since, or made by another program and not for our eyes
	}
	for i := range events {
		events[i].At = time.Unix(e.Created, 0).UTC()
		if events[i].ID == "" {
			events[i].ID = e.ID
		}
	}
	return events, err
}

func forged(why string) error {
	return fault.New(fault.Forbidden, "forged", "").Because(errors.New(why))
}

// verify checks the signature over the raw bytes, and its age.
func (g *Gateway) verify(w sdk.Webhook) error {
	if len(g.secrets) == 0 {
		return fault.New(fault.Unavailable, "no_webhook_secret", "").Because(errors.New("no webhook secret is set, so nothing can be verified"))
	}
	var stamp string
	var sent [][]byte
	for _, part := range strings.Split(w.Header.Get("Stripe-Signature"), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "t":
			stamp = value
		case "v1":
			if sum, err := hex.DecodeString(value); err == nil {
				sent = append(sent, sum)
			}
		}
	}
	at, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || len(sent) == 0 {
		return forged("there is no signature")
	}
	genuine := false
	for _, s := range g.secrets {
		mac := hmac.New(sha256.New, []byte(s.Reveal()))
		mac.Write([]byte(stamp + "."))
		mac.Write(w.Body)
		want := mac.Sum(nil)
		for _, sum := range sent {
			genuine = hmac.Equal(sum, want) || genuine
		}
	}
	if !genuine {
		return forged("the signature does not fit")
	}
	received := w.Received
	if received.IsZero() {
		received = g.now()
	}
	if age := received.Sub(time.Unix(at, 0)); age > tolerance || age < -tolerance {
		return forged(fmt.Sprintf("the stamp is %s away from our clock", age.Round(time.Second)))
	}
	return nil
}

// events reads the thing an event is about and says how it stands now.
func (g *Gateway) events(ctx context.Context, e envelope) ([]gateway.Event, error) {
	id := e.Data.Object.ID
	switch {
	case strings.HasPrefix(e.Type, "checkout.session."):
		s, err := g.session(ctx, id)
		if err != nil || s.Metadata[metaOp] == "" {
			return nil, err
		}
		out, err := g.sessionOutcome(s)
		return []gateway.Event{{Attempt: &out}}, err
	case strings.HasPrefix(e.Type, "payment_intent."):
		return g.intentEvent(ctx, id)
	case e.Type == "setup_intent.succeeded":
		p := &stripe.SetupIntentParams{Params: stripe.Params{Context: ctx}}
		p.AddExpand("payment_method")
		si, err := g.stripe.SetupIntents.Get(id, p)
		if err != nil || si.Metadata[metaOp] == "" {
			return nil, failure(err, false)
		}
		out, err := g.setupOutcome(si, si.Metadata[metaOp])
		return []gateway.Event{{Attempt: &out}}, err
	case strings.HasPrefix(e.Type, "charge.dispute."):
		d, err := g.stripe.Disputes.Get(id, &stripe.DisputeParams{Params: stripe.Params{Context: ctx}})
		if err != nil {
			return nil, failure(err, false)
		}
		out, err := g.dispute(d)
		return []gateway.Event{{Dispute: &out}}, err
	case e.Type == "charge.refunded":
		return g.refundEvents(ctx, e.ID, id)
	case e.Type == "charge.refund.updated" || strings.HasPrefix(e.Type, "refund."):
		r, err := g.stripe.Refunds.Get(id, &stripe.RefundParams{Params: stripe.Params{Context: ctx}})
		if err != nil {
			return nil, failure(err, false)
		}
		out, err := refunded(r)
		return []gateway.Event{{Refund: &out}}, err
	case e.Type == "payment_method.detached" || e.Type == "payment_method.updated" || e.Type == "payment_method.automatically_updated":
		m, err := g.Method(ctx, gateway.Method{ID: id, Notes: sdk.Notes{noteMethod: id}})
		if fault.KindOf(err) == fault.NotFound {
			return []gateway.Event{{Method: &gateway.Method{ID: id, Notes: sdk.Notes{noteMethod: id}}, Gone: true}}, nil
		}
		return []gateway.Event{{Method: &m}}, err
	}
	return nil, nil
}

// intentEvent leaves out what is not over: on the hosted page a declined card
// may be followed by a good one, and the session tells the end.
func (g *Gateway) intentEvent(ctx context.Context, id string) ([]gateway.Event, error) {
	pi, err := g.intent(ctx, id)
	if err != nil || pi.Metadata[metaOp] == "" {
		return nil, err
	}
	over := pi.Status == stripe.PaymentIntentStatusSucceeded || pi.Status == stripe.PaymentIntentStatusProcessing
	if pi.Metadata[metaKind] == "visit" && !over {
		return nil, nil
	}
	out, err := g.intentOutcome(pi)
	return []gateway.Event{{Attempt: &out}}, err
}

// refundEvents tells each refund of a charge: one event of Stripe's stands for all.
func (g *Gateway) refundEvents(ctx context.Context, event, charge string) ([]gateway.Event, error) {
	var events []gateway.Event
	list := g.stripe.Refunds.List(&stripe.RefundListParams{ListParams: stripe.ListParams{Context: ctx, Limit: stripe.Int64(100)}, Charge: stripe.String(charge)})
	for list.Next() {
		out, err := refunded(list.Refund())
		if err != nil {
			return nil, err
		}
		events = append(events, gateway.Event{ID: event + ":" + out.Reference, Refund: &out})
	}
	return events, failure(list.Err(), false)
}

// metaInstalled marks the endpoints made from here, by instance.
const metaInstalled = "installed_by"

// InstallWebhook implements sdk.WebhookInstaller. It replaces those of this
// instance at the same host: a second installation of Bursar may share the account.
func (g *Gateway) InstallWebhook(ctx context.Context, address string) (form.Values, error) {
	mark := fault.Cut("bursar/"+g.instance, 500)
	var before []string
	list := g.stripe.WebhookEndpoints.List(&stripe.WebhookEndpointListParams{ListParams: stripe.ListParams{Context: ctx, Limit: stripe.Int64(100)}})
	for list.Next() {
		if e := list.WebhookEndpoint(); e.Metadata[metaInstalled] == mark && site(e.URL) == site(address) {
			before = append(before, e.ID)
		}
	}
	if err := failure(list.Err(), false); err != nil {
		return nil, err
	}
	p := &stripe.WebhookEndpointParams{
		Params: stripe.Params{Context: ctx}, URL: stripe.String(address), APIVersion: stripe.String(stripe.APIVersion),
		EnabledEvents: stripe.StringSlice(heard), Description: stripe.String("Bursar"), Metadata: map[string]string{metaInstalled: mark},
	}
	made, err := g.stripe.WebhookEndpoints.New(p)
	if err != nil {
		return nil, failure(err, true)
	}
	// The secret is shown only now: make first, then remove, so that there is always one that works.
	for _, id := range before {
		_, err := g.stripe.WebhookEndpoints.Del(id, &stripe.WebhookEndpointParams{Params: stripe.Params{Context: ctx}})
		if err = failure(err, true); err != nil && fault.KindOf(err) != fault.NotFound {
			return nil, err
		}
	}
	return form.Values{"webhook_secret": {made.Secret}}, nil
}

// site is the host and port of an address, "" of what is none.
func site(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}
