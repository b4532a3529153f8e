package main

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/panel"
	"github.com/ezscale/bursar/sdk/rest"
	"github.com/ezscale/bursar/sdk/secret"
)

// Names of notes. The customer's: noteUser, and noteAdopted if the user was there before us. A server's: the others.
const (
	noteUser       = "user"       // the panel's number of the user
	noteAdopted    = "adopted"    // it was found by its mail: its password and address are not ours to change
	noteServer     = "server"     // the panel's number of the server
	noteIdentifier = "identifier" // what the client API calls it
	noteBuild      = "build"      // the op that last started an installation
	noteName       = "name"       // "taken": the user name we wanted belongs to somebody else
	notePower      = "power"      // the op that last switched the power
	notePassword   = "password"   // the op that last set the password
)

// New describes the program.
func New() sdk.Plugin {
	return sdk.Plugin{
		Name: "pterodactyl", Title: "Pterodactyl", Version: "1.0.0",
		Type: panel.Type(open), Product: new(Plan), Checkout: new(Order),
	}
}

// Settings of one panel.
type Settings struct {
	URL         string
	Application secret.Value
	Client      secret.Value
}

// Form implements form.Settings.
func (s *Settings) Form() form.Form {
	return form.Form{
		form.URL(&s.URL, "url", "Panel address").Need().Help("Such as https://games.example.com."),
		form.Secret(&s.Application, "application_key", "Application API key").Need().
			Help("ptla_…, made under Application API, with read and write rights for servers and users and read rights for everything else. " +
				"The panel mails every new user by itself; that cannot be switched off."),
		form.Secret(&s.Client, "client_key", "Account API key of a root administrator").Need().
			Help("ptlc_…, made under Account, API Credentials. It switches power and reads usage, which the application API cannot."),
	}
}

// Panel is one installation of Pterodactyl.
type Panel struct {
	address string
	app     api // /api/application
	client  api // /api/client
	now     func() time.Time
}

func open(e sdk.Env, s Settings) (*Panel, error) {
	with := func(base string, key secret.Value) api {
		return api{rest.Client{HTTP: e.HTTP, Base: s.URL + base, Auth: func(r *http.Request) {
			r.Header.Set("Authorization", "Bearer "+key.Reveal())
		}}}
	}
	return &Panel{address: s.URL, app: with("/api/application", s.Application), client: with("/api/client", s.Client), now: e.Now}, nil
}

// Check implements sdk.Instance. Both keys are tried, the application key on each resource that we read.
func (p *Panel) Check(ctx context.Context) (sdk.Report, error) {
	var report sdk.Report
	var nodes list[node]
	if err := p.app.do(ctx, http.MethodGet, "/nodes?per_page=1", nil, &nodes); err != nil {
		return report, checked(err, "application_key")
	}
	if len(nodes.Data) == 0 {
		report.Warnings = append(report.Warnings, "The panel has no node yet: nothing can be sold.")
	}
	for _, path := range []string{"/users", "/servers", "/locations", "/nests"} {
		var any list[struct{ ID int64 }]
		if err := p.app.do(ctx, http.MethodGet, path+"?per_page=1", nil, &any); err != nil {
			return report, checked(err, "application_key")
		}
	}
	var account item[struct{ Admin *bool }]
	if err := p.client.do(ctx, http.MethodGet, "/account", nil, &account); err != nil {
		return report, checked(err, "client_key")
	}
	if admin := account.Attributes.Admin; admin != nil && !*admin {
		return report, fault.New(fault.Forbidden, "no_administrator", "").On("client_key").
			Because(fmt.Errorf("the account of the client key is no root administrator"))
	}
	return report, nil
}

// checked says which setting a refused request speaks of.
func checked(err error, key string) error {
	f := fault.Of(err)
	switch {
	case f.Code == "not_the_panel" || f.Kind == fault.NotFound:
		return fault.New(fault.Invalid, "wrong_address", "There is no Pterodactyl panel at this address.").On("url").Because(err)
	case f.Kind == fault.Forbidden:
		return f.On(key)
	}
	return err
}

// find reads the server of a ref, by the panel's number if we know it. NotFound is proved.
func (p *Panel) find(ctx context.Context, r panel.Ref) (server, error) {
	if id := r.RemoteID; id != "" {
		s, err := p.serverByID(ctx, id)
		if fault.KindOf(err) != fault.NotFound {
			noteServerIn(r.Notes, s)
			return s, err
		}
	}
	s, err := p.serverOf(ctx, r.Service)
	noteServerIn(r.Notes, s)
	return s, err
}

func noteServerIn(n sdk.Notes, s server) {
	if s.ID != 0 {
		n[noteServer], n[noteIdentifier] = strconv.FormatInt(s.ID, 10), s.Identifier
	}
}

// State implements panel.Panel. Power is "" when the node does not say.
func (p *Panel) State(ctx context.Context, r panel.Ref) (panel.Account, error) {
	s, err := p.find(ctx, r)
	if err != nil {
		return panel.Account{}, err
	}
	a := p.account(s)
	if a.Status == panel.Active {
		if now, err := p.resources(ctx, s.Identifier); err == nil {
			a.Power = power[now.State]
		}
	}
	return a, nil
}

// power is the node's words in ours.
var power = map[string]string{"running": "running", "starting": "starting", "stopping": "stopping", "offline": "stopped"}

func (p *Panel) account(s server) panel.Account {
	a := panel.Account{
		ID: strconv.FormatInt(s.ID, 10), Service: s.ExternalID, Name: s.Name,
		Plan:       fmt.Sprintf("%d MiB, %d %% CPU, %d MiB disk, egg %s", s.Limits.Memory, s.Limits.CPU, s.Limits.Disk, s.eggName()),
		OwnerEmail: s.Relationships.User.Attributes.Email,
		URL:        fmt.Sprintf("%s/admin/servers/view/%d", p.address, s.ID),
		Status:     panel.Active, Created: s.CreatedAt, Notes: sdk.Notes{},
	}
	noteServerIn(a.Notes, s)
	switch s.Status {
	case installing:
		a.Status = panel.Building
	case installFailed, reinstallFailed:
		a.Status = panel.Failed
	case suspended:
		a.Status = panel.Suspended
	}
	var main allocation
	var rest []netip.Prefix
	for _, i := range s.Relationships.Allocations.Data {
		ip, err := netip.ParseAddr(i.Attributes.IP)
		if i.Attributes.ID == s.Allocation { // the first of the list need not be the main one
			main = i.Attributes
		}
		if err != nil {
			continue // staff may have typed a name
		}
		if prefix := netip.PrefixFrom(ip, ip.BitLen()); i.Attributes.ID == s.Allocation {
			a.Addresses = append([]netip.Prefix{prefix}, a.Addresses...)
		} else {
			rest = append(rest, prefix)
		}
	}
	for _, prefix := range rest {
		if !slices.Contains(a.Addresses, prefix) {
			a.Addresses = append(a.Addresses, prefix)
		}
	}
	if main.Port != 0 {
		a.Details = append(a.Details, [2]string{"Address", main.String()})
	}
	if host := sftp(s); host != "" {
		a.Details = append(a.Details, [2]string{"SFTP", host})
	}
	if name := s.Relationships.User.Attributes.Username; name != "" {
		a.Details = append(a.Details, [2]string{"Panel user", name})
	}
	return a
}

// sftp is where files are, "" if the key may not read nodes.
func sftp(s server) string {
	n := s.Relationships.Node.Attributes
	if n.FQDN == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", n.FQDN, n.SFTP)
}

// credentials are the ways in. A person has one password on the panel, for its pages and for SFTP; it is empty where we do
// not know it.
func (p *Panel) credentials(s server, u user, password secret.Value) []panel.Credential {
	out := []panel.Credential{{Label: "Game panel", URL: p.address, Username: u.Username, Password: password}}
	if host := sftp(s); host != "" {
		out = append(out, panel.Credential{Label: "SFTP", Host: host, Username: u.Username + "." + s.Identifier, Password: password})
	}
	return out
}
