package sdk

import (
	"net/http"
	"slices"

	"github.com/ezscale/bursar/sdk/internal/wire"
	pluginv1 "github.com/ezscale/bursar/sdk/proto/bursar/plugin/v1"
)

// The conversions of this package's structs. They are for the packages of types and for the host: no author needs them.

// OpIn is the change that a call names.
func OpIn(c *pluginv1.Call) Op {
	return Op{ID: c.GetOp(), Attempt: int(c.GetAttempt()), First: wire.Time(c.GetFirstMicros())}
}

// OpOut writes the change into a call.
func OpOut(c *pluginv1.Call, op Op) {
	c.Op, c.Attempt, c.FirstMicros = op.ID, int32(op.Attempt), wire.Micros(op.First)
}

// AddressOut is an address as it travels.
func AddressOut(a Address) *pluginv1.Address {
	return &pluginv1.Address{Line1: a.Line1, Line2: a.Line2, City: a.City, Region: a.Region, Postcode: a.Postcode, Country: a.Country}
}

// AddressIn is its return.
func AddressIn(a *pluginv1.Address) Address {
	return Address{Line1: a.GetLine1(), Line2: a.GetLine2(), City: a.GetCity(), Region: a.GetRegion(), Postcode: a.GetPostcode(), Country: a.GetCountry()}
}

// CustomerOut is a customer as it travels.
func CustomerOut(c Customer) *pluginv1.Customer {
	return &pluginv1.Customer{
		Id: c.ID, Number: c.Number, First: c.First, Last: c.Last, Company: c.Company, Email: c.Email, Phone: c.Phone, Locale: c.Locale,
		Address: AddressOut(c.Address), Notes: c.Notes,
	}
}

// CustomerIn is its return. Notes is never nil.
func CustomerIn(c *pluginv1.Customer) Customer {
	return Customer{
		ID: c.GetId(), Number: c.GetNumber(), First: c.GetFirst(), Last: c.GetLast(), Company: c.GetCompany(), Email: c.GetEmail(), Phone: c.GetPhone(),
		Locale: c.GetLocale(), Address: AddressIn(c.GetAddress()), Notes: wire.NotesIn[Notes](c.GetNotes()),
	}
}

// WebhookOut is a webhook as it travels.
func WebhookOut(w Webhook) *pluginv1.Webhook {
	out := &pluginv1.Webhook{Query: w.Query, Body: w.Body, ReceivedMicros: wire.Micros(w.Received)}
	names := make([]string, 0, len(w.Header))
	for name := range w.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		out.Header = append(out.Header, &pluginv1.Header{Name: name, Value: w.Header[name]})
	}
	return out
}

// WebhookIn is its return.
func WebhookIn(w *pluginv1.Webhook) Webhook {
	out := Webhook{Query: w.GetQuery(), Header: http.Header{}, Body: w.GetBody(), Received: wire.Time(w.GetReceivedMicros())}
	for _, h := range w.GetHeader() {
		out.Header[h.GetName()] = h.GetValue()
	}
	return out
}

// LinkOut is a link as it travels.
func LinkOut(l Link) *pluginv1.Link {
	return &pluginv1.Link{Url: l.URL, ExpiresMicros: wire.Micros(l.Expires), SignedOn: l.SignedOn}
}

// LinkIn is its return.
func LinkIn(l *pluginv1.Link) Link {
	return Link{URL: l.GetUrl(), Expires: wire.Time(l.GetExpiresMicros()), SignedOn: l.GetSignedOn()}
}
