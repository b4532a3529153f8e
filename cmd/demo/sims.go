package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	stripe "github.com/ezscale/bursar/plugins/gateway/stripe/sim"
	discord "github.com/ezscale/bursar/plugins/notifier/discord/sim"
	mailgun "github.com/ezscale/bursar/plugins/notifier/mailgun/sim"
	pterodactyl "github.com/ezscale/bursar/plugins/panel/pterodactyl/sim"
	virtfusion "github.com/ezscale/bursar/plugins/panel/virtfusion/sim"
	"github.com/ezscale/bursar/sdk/sim"
)

// vendor is a simulator that runs, and the plugin that talks to it. The label of the plugin's instance is its name.
type vendor struct {
	kind, name string // folder below plugins/
	title      string // of the instance, as people see it
	open       func() *sim.Sim
	settings   string            // of the instance; $address is where the simulator is
	secrets    map[string]string // files that settings read
	hooked     bool              // it calls us
	first      map[string]any    // an act that is played at each start
	page       string            // for people, below the address

	sim     *sim.Sim
	address string // http://127.0.0.1:40001
	server  *http.Server
}

// known are the vendors of the demo. Panels come first: they are what a visitor of the plugins page looks for.
func known() []*vendor {
	return []*vendor{
		{
			kind: "panel", name: "virtfusion", title: "VPS", open: virtfusion.New, secrets: map[string]string{"virtfusion-token": virtfusion.Token},
			first:    map[string]any{"do": "polls", "n": 1}, // somebody waits for the server
			settings: `url = "$address", token = file("secrets/virtfusion-token")`,
		},
		{
			kind: "panel", name: "pterodactyl", title: "Game servers", open: pterodactyl.New,
			secrets:  map[string]string{"pterodactyl-application": pterodactyl.ApplicationKey, "pterodactyl-client": pterodactyl.ClientKey},
			settings: `url = "$address", application_key = file("secrets/pterodactyl-application"), client_key = file("secrets/pterodactyl-client")`,
		},
		{
			kind: "gateway", name: "stripe", title: "Card", open: stripe.New, secrets: map[string]string{"stripe-key": stripe.Key}, hooked: true,
			settings: `mode = "test", api = "$address", key = file("secrets/stripe-key")`,
		},
		{
			kind: "notifier", name: "mailgun", title: "Mail", open: mailgun.New, hooked: true, page: "/_sim/inbox",
			secrets:  map[string]string{"mailgun-key": mailgun.Key, "mailgun-signing": mailgun.SigningKey},
			settings: `region = "eu", domain = "` + mailgun.Domain + `", api = "$address", key = file("secrets/mailgun-key"), signing_key = file("secrets/mailgun-signing")`,
		},
		{
			kind: "notifier", name: "discord", title: "Staff channel", open: discord.New, page: "/_sim/inbox",
			secrets:  map[string]string{"discord-webhook": discord.OrdersURL},
			settings: `webhook = file("secrets/discord-webhook"), api = "$address"`,
		},
	}
}

// vendors are the simulators of one demo.
type vendors []*vendor

// portsFile remembers where simulators and sites were, so that links to them stay good after another start.
const (
	portsFile = "ports.json"
	sitesPort = "sites" // the name of our own
)

func portsOf(dir string) map[string]string {
	out := map[string]string{}
	if text, err := os.ReadFile(filepath.Join(dir, portsFile)); err == nil {
		_ = json.Unmarshal(text, &out) // what cannot be read is forgotten: other ports do as well
	}
	return out
}

// startVendors starts a simulator of each vendor on a free loopback port. site is where we listen: the simulators reach
// our sites there, whatever this machine makes of the name localhost.
func startVendors(ctx context.Context, dir, site string) (vendors, error) {
	before := portsOf(dir)
	reach(site)
	all := vendors(known())
	for _, v := range all {
		if err := v.start(ctx, dir, before[v.name]); err != nil {
			all.stop()
			return nil, fmt.Errorf("simulator of %s: %w", v.name, err)
		}
	}
	ports := all.addresses()
	ports[sitesPort] = site
	text, err := json.MarshalIndent(ports, "", "  ")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, portsFile), append(text, '\n'), 0o600)
	}
	return all, err
}

// start goes on with what the simulator knew before, and listens where it did if that is free.
func (v *vendor) start(ctx context.Context, dir, before string) error {
	var from net.ListenConfig
	l, err := from.Listen(ctx, "tcp", strings.TrimPrefix(before, "http://"))
	if before == "" || err != nil {
		if l != nil { // an empty address is every one of this machine
			l.Close()
		}
		if l, err = from.Listen(ctx, "tcp", "127.0.0.1:0"); err != nil {
			return err
		}
	}
	v.sim, v.address = v.open(), "http://"+l.Addr().String()
	if err := v.sim.KeepIn(filepath.Join(dir, "sim-"+v.name+".json")); err != nil {
		l.Close()
		return err
	}
	v.server = &http.Server{Handler: v.sim, ReadHeaderTimeout: 10 * time.Second}
	go v.server.Serve(l) //nolint:errcheck // it ends with the demo
	if v.first == nil {
		return nil
	}
	return v.act(v.first)
}

// act plays a part at the simulator.
func (v *vendor) act(what map[string]any) error {
	raw, err := json.Marshal(what)
	if err != nil {
		return err
	}
	a := sim.Act{Raw: raw}
	if err := json.Unmarshal(raw, &a); err != nil {
		return err
	}
	return v.sim.Act(a)
}

// host is where the simulator listens, without a scheme.
func (v *vendor) host() string { return strings.TrimPrefix(v.address, "http://") }

func (all vendors) stop() {
	for _, v := range all {
		if v.server != nil {
			v.server.Close()
		}
		if v.sim != nil {
			v.sim.Close()
		}
	}
}

func (all vendors) addresses() map[string]string {
	out := map[string]string{}
	for _, v := range all {
		out[v.name] = v.address
	}
	return out
}

// of finds a vendor by name.
func (all vendors) of(name string) *vendor {
	for _, v := range all {
		if v.name == name {
			return v
		}
	}
	return nil
}

// reach has this process find our sites. Browsers take localhost and what ends in it for this machine (RFC 6761); not
// every resolver does, and we may listen on another address.
func reach(site string) {
	_, port, err := net.SplitHostPort(site)
	if err != nil {
		return
	}
	transport := http.DefaultTransport.(*http.Transport)
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if host, p, err := net.SplitHostPort(address); err == nil && p == port && (host == "localhost" || strings.HasSuffix(host, ".localhost")) {
			address = site
		}
		return dial(ctx, network, address)
	}
}
