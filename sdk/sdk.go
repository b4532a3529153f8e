// Package sdk runs a plugin and says what it is. A plugin is a program of its own that connects one vendor; the host
// starts it and calls it. Start at Plugin; then read the package of your type: panel, gateway, tax, notifier, helpdesk,
// traffic. docs/plugins.md goes from an empty folder to a working panel.
package sdk

import (
	"context"
	"net/http"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/ezscale/bursar/sdk/event"
	"github.com/ezscale/bursar/sdk/form"
)

// Plugin describes a program.
type Plugin struct {
	Name     string        // a-z 0-9 -, at most 30: "virtfusion"
	Title    string        // "VirtFusion"
	Version  string        // "1.4.0"
	Type     Type          // panel.Type(open), gateway.Type(open), …: one type a program
	Product  form.Settings // panels: new(Plan), what a product asks for; nil for none
	Checkout form.Settings // panels: new(Order), what a buyer chooses; nil for none
	Network  []string      // the fixed "host:port" it calls; those of URL settings come by themselves
	Hears    []event.Kind  // for event.Listener
}

// Env is all that an instance may use of the world.
type Env struct {
	Instance string           // its label in plugins.hcl
	Log      hclog.Logger     // tagged and capped by the host, secret settings masked
	HTTP     *http.Client     // dials through the host: granted hosts only, no redirects, each exchange logged; its errors are faults
	Now      func() time.Time // stopped in tests
}

// Instance is what each type has. Safe for calls in parallel. If it is an io.Closer, Close is called when its settings
// changed and no call uses it any more.
type Instance interface {
	// Check proves address, credentials and rights, and changes nothing. Forbidden, Unavailable, Invalid with Field; Text
	// advises.
	Check(ctx context.Context) (Report, error)
}

// Report is a good check.
type Report struct {
	VendorVersion string
	Warnings      []string // for staff: "The token cannot read /compute: no stock counts"
}

// Op names one change. The host saves it before the first call and repeats it unchanged until there is an answer, after
// crashes too. What is done under one ID is done once.
type Op struct {
	ID      string    // at most 36 of A-Z a-z 0-9 _ -, so it fits every vendor's reference field
	Attempt int       // 1 for the first call
	First   time.Time // when it was first tried
}

// sinceSlack is what the clocks of host and vendor may differ.
const sinceSlack = 5 * time.Minute

// Since is when it was first tried, less five minutes for clocks: nothing at the vendor that is older can be ours.
func (o Op) Since() time.Time { return o.First.Add(-sinceSlack) }

// Notes is the plugin's memory of one thing (an account, a payment, a ticket's customer): remote IDs, steps done. The
// plugin writes into the map; the host saves it, encrypted, with the answer of any call, also when that is an error, and
// hands it back on each later call about the thing. Never nil. At most 32 entries, 4 KiB.
type Notes map[string]string

// Customer is a party as one instance knows it.
type Customer struct {
	ID      string
	Number  int64 // positive, below 2^31, never reused
	First   string
	Last    string
	Company string
	Email   string
	Phone   string // E.164
	Locale  string // "de-AT"
	Address Address
	Notes   Notes // about this customer on this instance
}

// Name is the company, else first and last.
func (c Customer) Name() string {
	switch {
	case c.Company != "":
		return c.Company
	case c.First == "" || c.Last == "":
		return c.First + c.Last
	}
	return c.First + " " + c.Last
}

// Address of a customer or of us.
type Address struct {
	Line1    string
	Line2    string
	City     string
	Region   string // ISO 3166-2 without the country: "CA"
	Postcode string
	Country  string // ISO 3166: GR, GB
}

// Webhook is a request that reached an instance's own address, untouched. It may be forged.
type Webhook struct {
	Query    string
	Header   http.Header
	Body     []byte // at most 1 MiB
	Received time.Time
}

// WebhookInstaller is a power: register our address at the vendor.
type WebhookInstaller interface {
	// InstallWebhook replaces what it installed before, if called again. The values (an endpoint's secret, its ID) are
	// merged into the instance's settings.
	InstallWebhook(ctx context.Context, url string) (form.Values, error)
}

// CustomerUpdater is a power: the name, mail or address of a customer changed.
type CustomerUpdater interface {
	// UpdateCustomer tells the vendor. NotFound is fine.
	UpdateCustomer(ctx context.Context, c Customer) error
}

// Link takes a browser somewhere: used at once, once, never stored or logged.
type Link struct {
	URL      string
	Expires  time.Time // zero: unknown
	SignedOn bool      // false: the vendor will ask for a password
}
