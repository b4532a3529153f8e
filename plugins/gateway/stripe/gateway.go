package main

import (
	"context"
	"net/http"
	"strings"
	"time"

	stripe "github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/client"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/gateway"
	"github.com/ezscale/bursar/sdk/secret"
)

// Modes of an account. Objects of one never show in the other.
const (
	live = "live"
	test = "test"
)

// Names of notes. The customer's: noteCustomer, and noteGone after that one was
// deleted at Stripe. An attempt's: noteSession or noteIntent, and noteCustomer,
// under whom it is to be found. A method's: noteMethod and noteCustomer. A
// refund's: noteRefund.
const (
	noteCustomer = "cus"
	noteGone     = "cus_gone"
	noteSession  = "session"
	noteIntent   = "intent"
	noteMethod   = "pm"
	noteRefund   = "re"
)

// Names of metadata on everything we make at Stripe.
const (
	metaOp   = "op"    // our operation
	metaKind = "kind"  // visit or charge
	metaWho  = "party" // our customer
)

// requestLimit ends a request to Stripe before the host's shortest deadline for a change.
const requestLimit = 25 * time.Second

// New describes the program.
func New() sdk.Plugin {
	return sdk.Plugin{Name: "stripe", Title: "Stripe", Version: "1.0.0", Type: gateway.Type(open), Network: []string{"api.stripe.com:443"}}
}

// Settings of one Stripe account in one mode.
type Settings struct {
	Mode    string
	Key     secret.Value
	Webhook secret.Value
	API     string
}

// Form implements form.Settings.
func (s *Settings) Form() form.Form {
	return form.Form{
		form.One(&s.Mode, "mode", "Mode").Need().Options(form.Choice{Value: live, Label: "Live"}, form.Choice{Value: test, Label: "Test"}).Or(test).
			Help("Live takes real money. The key must be of the same mode."),
		form.Secret(&s.Key, "key", "Secret key").Need().
			Help("Stripe dashboard, Developers, API keys: sk_… or a restricted key rk_… with write rights to Checkout Sessions, Customers, PaymentIntents, PaymentMethods, Refunds, SetupIntents and Webhook Endpoints, and read rights to Charges, Disputes and Events."),
		form.Secret(&s.Webhook, "webhook_secret", "Webhook signing secret").
			Help("whsec_…; filled in when the webhook is installed from here. Several, parted by spaces, while a secret is rolled."),
		form.URL(&s.API, "api", "API address").When("mode", test).
			Help("Only to try things against a simulator; leave empty for Stripe."),
	}
}

// Gateway is one Stripe account in one mode.
type Gateway struct {
	stripe   *client.API
	instance string
	mode     string
	secrets  []secret.Value
	now      func() time.Time
}

func open(e sdk.Env, s Settings) (*Gateway, error) {
	other := "_live_"
	if s.Mode == live {
		other = "_test_"
	}
	if key := s.Key.Reveal(); strings.HasPrefix(key, "sk"+other) || strings.HasPrefix(key, "rk"+other) {
		return nil, wrongMode
	}
	address := stripe.APIURL
	if s.API != "" {
		address = s.API
	}
	g := &Gateway{instance: e.Instance, mode: s.Mode, now: e.Now}
	for _, one := range strings.FieldsFunc(s.Webhook.Reveal(), func(r rune) bool { return r == ' ' || r == ',' || r == '\n' || r == '\r' }) {
		g.secrets = append(g.secrets, secret.New(one))
	}
	backend := stripe.GetBackendWithConfig(stripe.APIBackend, &stripe.BackendConfig{
		URL:        stripe.String(address),
		HTTPClient: guarded(e.HTTP),
		// The host repeats with the same key; a client that retries by itself only hides how often.
		MaxNetworkRetries: stripe.Int64(0),
		EnableTelemetry:   stripe.Bool(false),
		// The client's own log would hold whole answers; the host logs each exchange, masked.
		LeveledLogger: &stripe.LeveledLogger{Level: stripe.LevelNull},
	})
	g.stripe = client.New(s.Key.Reveal(), &stripe.Backends{API: backend, Connect: backend, Uploads: backend})
	return g, nil
}

var wrongMode = fault.New(fault.Invalid, "wrong_mode", "This key belongs to the other mode.").On("key")

// guarded is the host's client with our guard before its transport.
func guarded(c *http.Client) *http.Client {
	own := *c
	own.Transport = guard{c.Transport}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if own.Timeout == 0 || own.Timeout > requestLimit {
		own.Timeout = requestLimit
	}
	return &own
}

// Check implements sdk.Instance.
func (g *Gateway) Check(ctx context.Context) (sdk.Report, error) {
	report := sdk.Report{VendorVersion: stripe.APIVersion}
	if len(g.secrets) == 0 {
		report.Warnings = append(report.Warnings, "There is no webhook secret: payments that end while nobody looks are noticed late. Install the webhook.")
	}
	one := func() stripe.ListParams { return stripe.ListParams{Context: ctx, Limit: stripe.Int64(1), Single: true} }
	events := g.stripe.Events.List(&stripe.EventListParams{ListParams: one()})
	for events.Next() {
		if events.Event().Livemode != (g.mode == live) {
			return sdk.Report{}, wrongMode
		}
	}
	if err := failure(events.Err(), false); err != nil {
		return sdk.Report{}, err
	}
	// A restricted key may lack a right that shows only when it is needed.
	for _, right := range []struct {
		name string
		ask  func() error
	}{
		{"Checkout Sessions", func() error {
			return g.stripe.CheckoutSessions.List(&stripe.CheckoutSessionListParams{ListParams: one()}).Err()
		}},
		{"PaymentIntents", func() error {
			return g.stripe.PaymentIntents.List(&stripe.PaymentIntentListParams{ListParams: one()}).Err()
		}},
		{"Refunds", func() error { return g.stripe.Refunds.List(&stripe.RefundListParams{ListParams: one()}).Err() }},
		{"Disputes", func() error { return g.stripe.Disputes.List(&stripe.DisputeListParams{ListParams: one()}).Err() }},
	} {
		switch err := failure(right.ask(), false); fault.KindOf(err) {
		case "":
		case fault.Forbidden:
			report.Warnings = append(report.Warnings, "The key may not read "+right.name+".")
		default:
			return sdk.Report{}, err
		}
	}
	return report, nil
}
