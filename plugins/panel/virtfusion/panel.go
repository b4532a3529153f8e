package main

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/panel"
	"github.com/ezscale/bursar/sdk/secret"
)

// Names of notes. The customer's: noteUser. All others are the account's.
const (
	noteUser     = "user"     // the panel's ID of the customer
	noteServer   = "server"   // its ID
	noteMade     = "made"     // op that allocated it
	noteBuild    = "build"    // op whose build was accepted
	noteFailed   = "failed"   // op whose build failed
	notePackage  = "package"  // package it has
	noteAdmin    = "admin"    // its main user: root or Administrator
	notePassword = "password" // "lost", or the queue item that sets a new one
	noteAsked    = "asked"    // op whose request was accepted and has yet to show
	noteResized  = "resized"  // op that changed the package
	noteReset    = "reset"    // op that asked for a new password
)

// New describes the program.
func New() sdk.Plugin {
	return sdk.Plugin{Name: "virtfusion", Title: "VirtFusion", Version: "1.0.0", Type: panel.Type(open), Product: new(Plan), Checkout: new(Order)}
}

// Settings of one control server.
type Settings struct {
	URL     string
	Token   secret.Value
	CA      string
	Timeout time.Duration
}

// Form implements form.Settings.
func (s *Settings) Form() form.Form {
	return form.Form{
		form.URL(&s.URL, "url", "Panel address").Need().Help("Of the control server, without a path: https://cp.example.com"),
		form.Secret(&s.Token, "token", "API token").Need().
			Help("VirtFusion, Configuration, API. It needs users, servers, packages, media and queue, and compute for locations and stock."),
		form.Long(&s.CA, "ca", "Certificate authority").Help("In PEM form; only for a panel whose certificate no public authority signed."),
		form.Duration(&s.Timeout, "timeout", "Time limit of a request").Or("20s").Between(int64(2*time.Second), int64(50*time.Second)).Shared(),
	}
}

// Plan is what a product asks for. What it overrides is 0 where the package decides.
type Plan struct {
	Package   string
	Group     string
	IPv4      int64
	IPv6      bool
	Storage   int64 // GB
	Unmetered bool
	Traffic   int64 // GB a month
}

// Form implements form.Settings.
func (p *Plan) Form() form.Form {
	return form.Form{
		form.One(&p.Package, "package", "Package").Remote().Need().Match("[1-9][0-9]*"),
		form.One(&p.Group, "group", "Location").Remote().Need().Match("[1-9][0-9]*").Help("The hypervisor group, unless the buyer chooses another."),
		form.Int(&p.IPv4, "ipv4", "IPv4 addresses").Or("1").Between(0, 64),
		form.Bool(&p.IPv6, "ipv6", "IPv6").Or("true"),
		form.Int(&p.Storage, "storage", "Disk, GB").Or("0").Between(0, 100_000).Help("0: as the package has it. The buyer's extra disk is added to it."),
		form.Bool(&p.Unmetered, "unmetered", "Unmetered traffic").Or("false"),
		form.Int(&p.Traffic, "traffic", "Traffic, GB a month").Or("0").Between(0, 999_999_999).When("unmetered", "false").Help("0: as the package has it."),
	}
}

// Order is what a buyer chooses.
type Order struct {
	Template  string
	Location  string
	ExtraDisk int64 // GB
	ExtraIPv4 int64 // on top of the product's
	Hostname  string
}

// Form implements form.Settings.
func (o *Order) Form() form.Form {
	return form.Form{
		form.One(&o.Template, "template", "Operating system").Remote().Need().OnReinstall().Match("[1-9][0-9]*"),
		form.One(&o.Location, "location", "Location").Remote().Match("[1-9][0-9]*"),
		form.Int(&o.ExtraDisk, "extra_disk", "Extra disk, GB").Or("0").Between(0, 100_000).Changeable(),
		form.Int(&o.ExtraIPv4, "extra_ipv4", "More IPv4 addresses").Or("0").Between(0, 64).Changeable(),
		form.Domain(&o.Hostname, "hostname", "Host name"),
	}
}

// Panel is one control server.
type Panel struct {
	api  api
	base *url.URL
	now  func() time.Time
}

func open(e sdk.Env, s Settings) (*Panel, error) {
	base, err := url.Parse(s.URL)
	if err != nil {
		return nil, fault.New(fault.Invalid, "no_address", "This is no address.").On("url").Because(err)
	}
	if s.CA != "" {
		if err := sdk.Trust(e.HTTP, s.CA); err != nil {
			return nil, fault.New(fault.Invalid, "no_certificate", "This is no certificate in PEM form.").On("ca").Because(err)
		}
	}
	p := &Panel{base: base, now: e.Now}
	p.api.limit = s.Timeout
	p.api.rest.HTTP, p.api.rest.Base = e.HTTP, s.URL+"/api/v1"
	p.api.rest.Auth = func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+s.Token.Reveal()) }
	return p, nil
}

// Check implements sdk.Instance.
func (p *Panel) Check(ctx context.Context) (sdk.Report, error) {
	err := p.api.get(ctx, "/connect", new([]byte)) // nobody says what its body is
	switch f := fault.Of(err); {
	case f == nil:
	case f.Code == "http_401":
		return sdk.Report{}, fault.New(fault.Forbidden, "wrong_token", "The panel refuses the token: it is wrong or expired, or our address is not on its list.").On("token").Because(err)
	case f.Code == "wrong_address":
		return sdk.Report{}, fault.New(fault.Invalid, "wrong_address", "There is no VirtFusion panel at this address.").On("url").Because(err)
	default:
		return sdk.Report{}, err
	}
	report := sdk.Report{}
	for path, warning := range map[string]string{
		"/packages":                             "The token may not read packages: products cannot be set up or resized.",
		"/compute/hypervisors/groups?results=1": "The token may not read /compute: locations have no names and there are no stock counts.",
	} {
		switch err := p.api.get(ctx, path, new(data[[]struct{}])); {
		case fault.KindOf(err) == fault.Forbidden:
			report.Warnings = append(report.Warnings, warning)
		case err != nil:
			return sdk.Report{}, err
		}
	}
	return report, nil
}

// idOf is the server's ID there.
func idOf(r panel.Ref) (string, error) {
	for _, id := range []string{r.RemoteID, r.Notes[noteServer]} {
		if n, err := strconv.ParseInt(id, 10, 64); err == nil && n > 0 {
			return id, nil
		}
	}
	return "", fault.New(fault.Conflict, "no_server", "This server has not been made yet.")
}

// State implements panel.Panel.
func (p *Panel) State(ctx context.Context, r panel.Ref) (panel.Account, error) {
	id, err := idOf(r)
	if err != nil {
		return panel.Account{}, err
	}
	s, err := p.look(ctx, id)
	return p.account(s), err
}

// look reads a server with its power, which the panel asks its hypervisor for. One that does not answer must not hide the
// rest, so a look without it follows.
func (p *Panel) look(ctx context.Context, id string) (server, error) {
	var out data[server]
	short, stop := context.WithTimeout(ctx, 4*time.Second)
	defer stop()
	err := p.api.get(short, "/servers/"+id+"?remoteState=true", &out)
	switch {
	case ctx.Err() == nil && fault.KindOf(err) == fault.Unavailable && fault.Of(err).After == 0:
		return p.api.server(ctx, id)
	case err == nil && out.Data.id() != id:
		return server{}, fault.New(fault.Unavailable, "unreadable_answer", "").Because(fmt.Errorf("asked for server %s, got %d", id, out.Data.ID))
	}
	return out.Data, err
}

// account is a server in everybody's words.
func (p *Panel) account(s server) panel.Account {
	if s.ID == 0 {
		return panel.Account{}
	}
	a := panel.Account{
		ID: s.id(), Service: s.Name, Name: s.Hostname, OwnerEmail: s.Owner.Email, URL: p.base.JoinPath("admin", "servers", s.id()).String(), Notes: sdk.Notes{noteServer: s.id()},
		Power: map[string]string{"running": "running", "shutoff": "stopped", "shutdown": "stopping"}[s.Remote.State], Status: panel.Building,
	}
	switch {
	case s.Suspended:
		a.Status = panel.Suspended
	case s.failed():
		a.Status = panel.Failed
	case s.State == stateComplete:
		a.Status = panel.Active
	}
	if s.Created != nil {
		a.Created = s.Created.UTC()
	}
	for _, i := range s.Network.Interfaces {
		for _, ip := range i.IPv4 {
			if addr, err := netip.ParseAddr(ip.Address); err == nil {
				a.Addresses = append(a.Addresses, netip.PrefixFrom(addr, addr.BitLen()))
			}
		}
	}
	for _, i := range s.Network.Interfaces {
		for _, ip := range i.IPv6 {
			if addr, err := netip.ParseAddr(ip.Subnet); err == nil && ip.CIDR > 0 && ip.CIDR <= addr.BitLen() {
				a.Addresses = append(a.Addresses, netip.PrefixFrom(addr, ip.CIDR))
			}
		}
	}
	detail := func(label, text string) { a.Details = append(a.Details, [2]string{label, text}) }
	if s.Hypervisor.Group.Name != "" {
		detail("Location", s.Hypervisor.Group.Name)
	}
	if r := s.Settings.Resources; r.Memory > 0 {
		detail("Processors", strconv.FormatInt(r.Cores, 10))
		detail("Memory", strconv.FormatInt(r.Memory, 10)+" MB")
		detail("Disk", strconv.FormatInt(s.disk(), 10)+" GB")
		if r.Traffic > 0 {
			detail("Traffic", strconv.FormatInt(r.Traffic, 10)+" GB a month")
		} else {
			detail("Traffic", "Unmetered")
		}
	}
	return a
}
