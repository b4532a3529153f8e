package api

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/sdk/fault"
)

// Way is a gateway that is offered.
type Way struct {
	Gateway string `json:"gateway" doc:"Its name for the operation that pays"`
	Title   string `json:"title"`
	CanSave bool   `json:"can_save" doc:"What is paid with can be saved"`
	Up      bool   `json:"up" doc:"It answers at the moment"`
}

func wayOf(w flow.Way) Way {
	return Way{Gateway: w.Gateway, Title: w.Title, CanSave: w.CanSave, Up: w.Up}
}

// Method is a saved way to pay.
type Method struct {
	ID      string `json:"id"`
	Gateway string `json:"gateway"`
	Kind    string `json:"kind" doc:"card, paypal, sepa_debit"`
	Brand   string `json:"brand,omitempty"`
	Last4   string `json:"last4,omitempty"`
	Label   string `json:"label,omitempty"`
	Expires string `json:"expires,omitempty" format:"date" doc:"Last day"`
	Default bool   `json:"default"`
	Blocked bool   `json:"blocked" doc:"It was declined for good, and is not charged any more"`
}

// Methods is how a customer can pay.
type Methods struct {
	Methods []Method `json:"methods" nullable:"false" doc:"Saved, the default first"`
	Ways    []Way    `json:"ways" nullable:"false" doc:"Gateways with a page of their own"`
}

// PayIn is how an invoice is to be paid: on a gateway's page, or with a saved method.
type PayIn struct {
	Gateway string `json:"gateway,omitempty" maxLength:"30" doc:"Pay on this gateway's page"`
	Method  string `json:"method,omitempty" maxLength:"60" doc:"Or charge this saved method"`
	Save    bool   `json:"save,omitempty" doc:"Keep what is paid with on the page"`
	Return  string `json:"return,omitempty" maxLength:"500" doc:"Where the page sends the browser afterwards; {attempt} is replaced. Our own page if it is left out"`
}

// Started is a payment under way.
type Started struct {
	Attempt  string `json:"attempt" doc:"See how it stands there"`
	URL      string `json:"url,omitempty" doc:"Send the browser there"`
	Paid     bool   `json:"paid"`
	Pending  bool   `json:"pending" doc:"Nobody knows yet"`
	Declined string `json:"declined,omitempty" doc:"Why it was refused, for people"`
}

// Attempt is one try to collect money.
type Attempt struct {
	ID       string   `json:"id"`
	Status   string   `json:"status" enum:"planned,sent,waiting,unknown,parked,succeeded,declined,expired"`
	Purpose  string   `json:"purpose" enum:"visit,charge,save"`
	Gateway  string   `json:"gateway"`
	Method   string   `json:"method,omitempty"`
	Amount   Amount   `json:"amount"`
	Invoices []string `json:"invoices" nullable:"false"`
	URL      string   `json:"url,omitempty" doc:"The page, while it waits for the customer"`
	Declined string   `json:"declined,omitempty"`
	Created  string   `json:"created" format:"date-time"`
}

type payIn struct {
	ByID
	MustKeyed
	Body PayIn
}

func (s *Site) payments() {
	add(s, operation{id: "pay-invoice", method: post, path: "/invoices/{id}/pay", scope: auth.InvoicePay, key: mustKey, tag: "Invoices", says: "Pay an invoice",
		more: "Name a gateway, and send the browser to the url of the answer; or name a saved method, which is charged at once. A payment that is open on the invoice is given again."}, s.pay)
	add(s, operation{id: "get-attempt", method: get, path: "/payments/attempts/{id}", scope: auth.PaymentSee, tag: "Invoices", says: "How a payment stands"}, s.getAttempt)
	add(s, operation{id: "list-methods", method: get, path: "/methods", scope: auth.PaymentSee, tag: "Invoices", says: "Ways to pay"}, s.listMethods)
}

func (s *Site) pay(ctx context.Context, in *payIn) (Started, error) {
	c := auth.Of(ctx).Customer
	id, err := parse[ids.Invoice](in.ID, invoice.ErrNotFound)
	if err != nil {
		return Started{}, err
	}
	if _, err := s.Flow.Invoices.GetFor(ctx, c, id); err != nil {
		return Started{}, err
	}
	if (in.Body.Gateway == "") == (in.Body.Method == "") {
		return Started{}, fault.New(fault.Invalid, "way_needed", "Name a gateway or a saved method, one of them.").On("gateway")
	}
	p := flow.PayIn{Customer: c, Invoices: []ids.Invoice{id}, Gateway: in.Body.Gateway, Save: in.Body.Save}
	if in.Body.Method != "" {
		if p.Method, err = parse[ids.Method](in.Body.Method, payment.ErrMethodNotFound.On("method")); err != nil {
			return Started{}, err
		}
	} else if err := s.isOffered(ctx, p.Gateway); err != nil {
		return Started{}, err
	}
	if p.Return, err = s.returnTo(in.Body.Return); err != nil {
		return Started{}, err
	}
	out, err := s.Flow.StartPayment(ctx, p)
	if err != nil {
		return Started{}, err
	}
	return Started{Attempt: string(out.Attempt), URL: out.URL, Paid: out.Paid, Pending: out.Pending, Declined: out.Declined}, nil
}

func (s *Site) isOffered(ctx context.Context, gateway string) error {
	ways, err := s.Flow.Ways(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(ways, func(w flow.Way) bool { return w.Gateway == gateway }) {
		return flow.ErrNoGateway
	}
	return nil
}

// returnTo is where a gateway's page sends the browser: an address with TLS of the caller's, or our own page.
func (s *Site) returnTo(text string) (string, error) {
	if text == "" {
		return s.Links.Portal + "/pay/return/{attempt}", nil
	}
	u, err := url.Parse(strings.ReplaceAll(text, "{attempt}", "att"))
	secure := err == nil && (u.Scheme == "https" || u.Scheme == "http" && strings.HasPrefix(s.Links.Portal, "http://"))
	if !secure || u.Host == "" || u.User != nil || strings.ContainsAny(text, "\\\r\n\t ") {
		return "", fault.New(fault.Invalid, "return_invalid", "Write a whole address that begins with https://.").On("return")
	}
	return text, nil
}

func (s *Site) getAttempt(ctx context.Context, in *ByID) (Attempt, error) {
	id, err := parse[ids.Attempt](in.ID, payment.ErrAttemptNotFound)
	if err != nil {
		return Attempt{}, err
	}
	a, err := s.Flow.Payments.GetFor(ctx, auth.Of(ctx).Customer, id)
	if err != nil {
		return Attempt{}, err
	}
	out := Attempt{ID: string(a.ID), Status: string(a.Status), Purpose: string(a.Purpose), Gateway: a.Gateway, Method: string(a.Method), Amount: amount(a.Amount),
		Invoices: texts[string](a.Invoices), Declined: a.DeclineText, Created: stamp(a.Created)}
	if a.Status == payment.Waiting {
		out.URL = a.PageURL
	}
	return out, nil
}

func (s *Site) listMethods(ctx context.Context, _ *struct{}) (Methods, error) {
	saved, err := s.Flow.Payments.Methods(ctx, auth.Of(ctx).Customer)
	if err != nil {
		return Methods{}, err
	}
	ways, err := s.Flow.Ways(ctx)
	if err != nil {
		return Methods{}, err
	}
	return Methods{Ways: each(ways, wayOf), Methods: each(saved, func(m payment.Method) Method {
		return Method{ID: string(m.ID), Gateway: m.Gateway, Kind: m.Kind, Brand: m.Brand, Last4: m.Last4, Label: m.Label, Expires: m.Expires.String(), Default: m.Default, Blocked: m.Blocked != ""}
	})}, nil
}
