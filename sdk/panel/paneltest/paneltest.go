// Package paneltest has two things: the conformance suite that every panel plugin passes against a simulator of its vendor
// (Run), and an in-memory panel for core's own tests (Fake). The suite calls the plugin over real gRPC, from a host that
// forgets answers and kills the plugin, and looks at what the simulator holds, never at what the plugin says it did.
//
// A simulator for the suite is a *sim.Sim whose state lists accounts, with Customer the customer's Number in decimal, and
// which plays these parts (sim.Act):
//
//	{"do":"stranger","id":"1042","product":{…}}   somebody makes an account by hand for that customer, as bare as an unanswered call would leave one
//	{"do":"sold_out"}, {"do":"restock"}           there is no room, there is again
//	{"do":"build_fails"}                          the next installation fails
//	{"do":"lock"}, {"do":"unlock"}                every change is refused for now
//	{"do":"traffic","id":"70","bytes":1000}       an account sends so much
//
// Cases that a vendor cannot play are named in Suite.Without with the reason. Start at Suite; rig.go is the host.
package paneltest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/panel"
	"github.com/ezscale/bursar/sdk/sim"
)

// Suite is a plugin, its simulator and an order that fits both.
type Suite struct {
	Plugin   func() sdk.Plugin
	Sim      func() *sim.Sim
	Settings func(address string) form.Values // of an instance that the simulator at that address lets in
	Product  form.Values
	Checkout form.Values
	// Plan is what the simulator must say of an account made from Product and Checkout: a part of sim.Account.Plan.
	Plan map[string]string
	// Resizes are what the account can be moved to, for plugins that are a panel.Resizer.
	Resizes []Resize
	// Without are cases that this vendor cannot play, by name, each with the reason.
	Without map[string]string
}

// Resize moves an account that was made from the suite's Product and Checkout.
type Resize struct {
	Name              string
	Product, Checkout form.Values
	Plan              map[string]string // what the simulator must say afterwards
	Warns             bool              // something is left as it was, and staff is told
	Code              string            // it is Declined with this code, and nothing changes
}

// testCase is one promise of panel.Panel.
type testCase struct {
	name  string
	power string // the power it needs, "" for none
	run   func(*testing.T, Suite)
}

// Run runs the cases, those of powers only where the plugin has announced them.
func Run(t *testing.T, s Suite) {
	t.Helper()
	powers := newRig(t, s).plugin.Described().Powers
	all := slices.Concat(common, creation, life, abilities)
	for name := range s.Without {
		if !slices.ContainsFunc(all, func(c testCase) bool { return c.name == name }) {
			t.Errorf("Suite.Without names %q, which is no case", name)
		}
	}
	for _, c := range all {
		if c.power != "" && !slices.Contains(powers, c.power) {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			if why := s.Without[c.name]; why != "" {
				t.Skip(why)
			}
			c.run(t, s)
		})
	}
}

// ordinal is "2nd".
func ordinal(n int) string {
	suffix := "th"
	if n%100 < 11 || n%100 > 13 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return fmt.Sprintf("%d%s", n, suffix)
}

var _ panel.Panel = (*Fake)(nil)
