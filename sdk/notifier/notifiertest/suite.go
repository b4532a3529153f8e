// Package notifiertest is what every notifier must pass, and a Fake of one for core's tests.
//
// A plugin's test is one call:
//
//	func TestNotifier(t *testing.T) {
//		notifiertest.Run(t, notifiertest.Suite{Plugin: New, Sim: sim.New, Settings: settings})
//	}
//
// The plugin is served in the test's process over real gRPC, by a host that loses answers, forgets, and kills the plugin
// between calls; the vendor is its simulator (sdk/sim). What counts is what the simulator holds: each message once in its
// State, with To (addresses only, parted by ", "), Subject, Text and HTML as a reader sees them, Op, Header as sent, Files
// by name, and for each file a Header "file <name>" of "<type> <SHA-256 in hex>". A post has its title as Subject, all else
// in Text, and a Header "mentions" if it calls anybody. The suite plays the world by these acts of the simulator, with the
// op of the message they are about:
//
//	deliver     the mail arrives
//	delay       the reader's server asks to come again
//	bounce      the address does not exist
//	complain    the reader calls it spam
//	remove      the channel is taken away (no op)
//
// Start at Suite. What fails prints the vendor's traffic.
package notifiertest

import (
	"testing"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/notifier"
	"github.com/ezscale/bursar/sdk/sim"
)

// Suite is a notifier and what the suite must know of its vendor.
type Suite struct {
	Plugin func() sdk.Plugin
	// Sim makes a simulator that takes fifty messages at once.
	Sim func() *sim.Sim
	// Settings are good ones for a simulator at an address, without what InstallWebhook adds.
	Settings func(url string) form.Values
	// Subscribe plays the vendor's dashboard, for a notifier.Receiver that is no sdk.WebhookInstaller: webhooks go to hook
	// from now on. It answers the settings that go with them.
	Subscribe func(s *sim.Sim, hook string) (form.Values, error)
	// From is an address that the vendor lets us send from. "": billing@mg.example.com.
	From string
}

// Run runs all cases. Those that need a power run if it is announced.
func Run(t *testing.T, s Suite) {
	if s.From == "" {
		s.From = "billing@mg.example.com"
	}
	for _, group := range [][]testCase{common, mails, posts, hooks} {
		for _, c := range group {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				b := newBench(t, s)
				if c.needs != nil && !c.needs(b) {
					t.Skip("the plugin does not announce what this needs")
				}
				c.run(b)
			})
		}
	}
}

type testCase struct {
	name  string
	needs func(*bench) bool
	run   func(*bench)
}

// announces is for testCase.needs.
func announces[T any](b *bench) bool {
	_, ok := sdk.As[T](b.client)
	return ok
}

// hears is for testCase.needs: webhooks can be had.
func hears(b *bench) bool {
	return announces[notifier.Receiver](b) && (b.suite.Subscribe != nil || announces[sdk.WebhookInstaller](b))
}

// both is for testCase.needs.
func both(one, two func(*bench) bool) func(*bench) bool {
	return func(b *bench) bool { return one(b) && two(b) }
}
