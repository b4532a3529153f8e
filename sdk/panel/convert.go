package panel

import (
	"net/netip"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/internal/wire"
	panelv1 "github.com/ezscale/bursar/sdk/proto/bursar/panel/v1"
	pluginv1 "github.com/ezscale/bursar/sdk/proto/bursar/plugin/v1"
	"github.com/ezscale/bursar/sdk/secret"
)

func refOut(r Ref) *panelv1.Ref {
	return &panelv1.Ref{Service: r.Service, RemoteId: r.RemoteID, Customer: sdk.CustomerOut(r.Customer), Notes: r.Notes}
}

func refIn(r *panelv1.Ref) Ref {
	return Ref{Service: r.GetService(), RemoteID: r.GetRemoteId(), Customer: sdk.CustomerIn(r.GetCustomer()), Notes: wire.NotesIn[sdk.Notes](r.GetNotes())}
}

func creationOut(c Creation, head *pluginv1.Call) *panelv1.CreateRequest {
	return &panelv1.CreateRequest{
		Call: head, Ref: refOut(c.Ref), Product: wire.ValuesOut(c.Product), Checkout: wire.ValuesOut(c.Checkout),
		Username: c.Username, Password: c.Password.Reveal(), Known: c.Known,
	}
}

func creationIn(r *panelv1.CreateRequest) Creation {
	return Creation{
		Op: sdk.OpIn(r.GetCall()), Ref: refIn(r.GetRef()), Product: wire.ValuesIn(r.GetProduct().GetValue()), Checkout: wire.ValuesIn(r.GetCheckout().GetValue()),
		Username: r.GetUsername(), Password: secret.New(r.GetPassword()), Known: r.GetKnown(),
	}
}

func progressOut(p Progress, keep *wire.Keep) *panelv1.ProgressAnswer {
	out := &panelv1.ProgressAnswer{
		Done: p.Done, AfterMillis: wire.Millis(p.After), Percent: int32(p.Percent), Text: p.Text, RemoteId: p.RemoteID, Warnings: p.Warnings, Kept: keep.Out(),
	}
	for _, c := range p.Credentials {
		out.Credentials = append(out.Credentials, &panelv1.Credential{Label: c.Label, Host: c.Host, Url: c.URL, Username: c.Username, Password: c.Password.Reveal()})
	}
	return out
}

func progressIn(a *panelv1.ProgressAnswer) Progress {
	p := Progress{
		Done: a.GetDone(), After: wire.Duration(a.GetAfterMillis()), Percent: int(a.GetPercent()), Text: a.GetText(), RemoteID: a.GetRemoteId(), Warnings: a.GetWarnings(),
	}
	for _, c := range a.GetCredentials() {
		p.Credentials = append(p.Credentials, Credential{Label: c.GetLabel(), Host: c.GetHost(), URL: c.GetUrl(), Username: c.GetUsername(), Password: secret.New(c.GetPassword())})
	}
	return p
}

func accountOut(a Account) *panelv1.Account {
	out := &panelv1.Account{
		Id: a.ID, Service: a.Service, Name: a.Name, Power: a.Power, Plan: a.Plan, OwnerEmail: a.OwnerEmail, Url: a.URL, Status: string(a.Status),
		Details: wire.PairsOut(a.Details), CreatedMicros: wire.Micros(a.Created), Notes: a.Notes,
	}
	for _, p := range a.Addresses {
		out.Addresses = append(out.Addresses, p.String())
	}
	return out
}

func accountIn(a *panelv1.Account) (Account, error) {
	out := Account{
		ID: a.GetId(), Service: a.GetService(), Name: a.GetName(), Power: a.GetPower(), Plan: a.GetPlan(), OwnerEmail: a.GetOwnerEmail(), URL: a.GetUrl(),
		Status: Status(a.GetStatus()), Details: wire.PairsIn(a.GetDetails()), Created: wire.Time(a.GetCreatedMicros()), Notes: wire.NotesIn[sdk.Notes](a.GetNotes()),
	}
	for _, text := range a.GetAddresses() {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return Account{}, wire.Bad("an address of account "+a.GetId(), err)
		}
		out.Addresses = append(out.Addresses, p)
	}
	return out, nil
}

func metersOut(all map[string][]Meter) map[string]*panelv1.Meters {
	out := map[string]*panelv1.Meters{}
	for service, list := range all {
		meters := &panelv1.Meters{}
		for _, m := range list {
			meters.Meter = append(meters.Meter, &panelv1.Meter{
				Name: m.Name, Unit: m.Unit, Used: m.Used, Limit: m.Limit, FromMicros: wire.Micros(m.From), ToMicros: wire.Micros(m.To),
			})
		}
		out[service] = meters
	}
	return out
}

func metersIn(all map[string]*panelv1.Meters) map[string][]Meter {
	out := map[string][]Meter{}
	for service, meters := range all {
		list := []Meter{}
		for _, m := range meters.GetMeter() {
			list = append(list, Meter{
				Name: m.GetName(), Unit: m.GetUnit(), Used: m.GetUsed(), Limit: m.GetLimit(), From: wire.Time(m.GetFromMicros()), To: wire.Time(m.GetToMicros()),
			})
		}
		out[service] = list
	}
	return out
}
