package main

import (
	"context"
	"net/url"
	"sync"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/notifier"
	"github.com/ezscale/bursar/sdk/rest"
	"github.com/ezscale/bursar/sdk/secret"
)

// Where a domain lives is said by its region; the other one does not know it.
var addresses = map[string]string{"us": "https://api.mailgun.net", "eu": "https://api.eu.mailgun.net"}

// New describes the program.
func New() sdk.Plugin {
	return sdk.Plugin{
		Name: "mailgun", Title: "Mailgun", Version: "1.0.0", Type: notifier.Type(open),
		Network: []string{"api.mailgun.net:443", "api.eu.mailgun.net:443"},
	}
}

// Settings of one sending domain.
type Settings struct {
	Region     string
	Domain     string
	Key        secret.Value
	SigningKey secret.Value
	API        string
}

// Form implements form.Settings.
func (s *Settings) Form() form.Form {
	return form.Form{
		form.One(&s.Region, "region", "Region").Need().Options(form.Choice{Value: "us", Label: "United States"}, form.Choice{Value: "eu", Label: "European Union"}).Or("us").
			Help("Where the domain was made. It cannot be moved."),
		form.Domain(&s.Domain, "domain", "Sending domain").Need().Help("As it stands in Mailgun, such as mg.example.com."),
		form.Secret(&s.Key, "key", "API key").Need().
			Help("A key that may send on the domain and read its events. A domain sending key works too, but then nobody can look up what became of a mail whose answer was lost."),
		form.Secret(&s.SigningKey, "signing_key", "Webhook signing key").
			Help("Mailgun, API security: it is not the API key. Without it bounces and complaints are not heard."),
		form.URL(&s.API, "api", "API address").Help("Only to try things against a simulator; leave empty for Mailgun."),
	}
}

// Mailgun is one sending domain.
type Mailgun struct {
	api     rest.Client // Base without /v3
	base    *url.URL
	domain  string
	signing secret.Value
	now     func() time.Time

	mu     sync.Mutex
	tried  map[string]time.Time // by op: when this process last sent without an answer
	tokens map[string]seen      // of webhooks, while they are current
}

var _ interface {
	sdk.Instance
	notifier.Mailer
	notifier.Finder
	notifier.Receiver
} = (*Mailgun)(nil)

func open(e sdk.Env, s Settings) (*Mailgun, error) {
	address := addresses[s.Region]
	if s.API != "" {
		address = s.API
	}
	base, err := url.Parse(address)
	if err != nil {
		return nil, fault.New(fault.Invalid, "bad_address", "This is no address.").On("api").Because(err)
	}
	m := &Mailgun{base: base, domain: s.Domain, signing: s.SigningKey, now: e.Now, tried: map[string]time.Time{}, tokens: map[string]seen{}}
	m.api = rest.Client{HTTP: e.HTTP, Base: address, Auth: basic(s.Key)}
	return m, nil
}

// Check implements sdk.Instance.
func (m *Mailgun) Check(ctx context.Context) (sdk.Report, error) {
	report := sdk.Report{VendorVersion: "v3"}
	if m.signing.IsZero() {
		report.Warnings = append(report.Warnings, "There is no webhook signing key: bounces and complaints are not heard.")
	}
	// Events are what a key needs beside sending. Mailgun has no read that a sending key may do.
	err := m.get(ctx, "/v3/"+m.domain+"/events?limit=1", nil)
	if onlySends(err) {
		report.Warnings = append(report.Warnings, "The key may only send: nobody can look up what became of a mail whose answer was lost, and bounces are not confirmed.")
		return report, nil
	}
	if err != nil {
		return sdk.Report{}, err
	}
	var about struct{ Domain struct{ State string } }
	switch err := m.get(ctx, "/v4/domains/"+m.domain, &about); {
	case fault.KindOf(err) == fault.Unavailable:
		return sdk.Report{}, err
	case err == nil && about.Domain.State != "" && about.Domain.State != "active":
		report.Warnings = append(report.Warnings, "Mailgun says that the domain is "+about.Domain.State+": mails may be refused until its DNS records are verified.")
	}
	return report, nil // other keys may not read the domain, which is no harm
}
