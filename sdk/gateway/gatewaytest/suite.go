// Package gatewaytest is what every gateway must pass, and a Fake of one for core's tests.
//
// A plugin's test is one call:
//
//	func TestGateway(t *testing.T) {
//		gatewaytest.Run(t, gatewaytest.Suite{Plugin: New, Sim: sim.New, Settings: settings, Declines: declines})
//	}
//
// The plugin is served in the test's process over real gRPC, by a host that loses answers, forgets, and kills the plugin
// between calls; the vendor is its simulator (sdk/sim). The suite plays the world by these acts of the simulator, always
// with the op of the attempt or refund they are about:
//
//	pay             the visitor pays, or saves a method, on the open page; it fails if there is none
//	delay, settle   the visitor pays by a way whose money comes later; it comes
//	decline         with code: the next try to take money is refused with the vendor's code
//	refund_fails    a refund comes back
//	remove_method   the payer removes the method that this attempt saved
//	dispute, turn   the bank disputes the payment; with status won or lost: the dispute ends
//
// Start at Suite. What fails prints the vendor's traffic.
package gatewaytest

import (
	"testing"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/gateway"
	"github.com/ezscale/bursar/sdk/money"
	"github.com/ezscale/bursar/sdk/sim"
)

// Suite is a gateway and what the suite must know of its vendor.
type Suite struct {
	Plugin func() sdk.Plugin
	Sim    func() *sim.Sim
	// Settings are good ones for a simulator at an address, without what InstallWebhook adds.
	Settings func(url string) form.Values
	// Subscribe plays the vendor's dashboard, for plugins that are no sdk.WebhookInstaller: webhooks go to hook from now on.
	// It answers the settings that go with them.
	Subscribe func(s *sim.Sim, hook string) (form.Values, error)
	// Foreign turns settings into those of the same vendor's other mode (live for test), with the same webhook secret. Nil:
	// the vendor has one mode.
	Foreign func(form.Values) form.Values
	// Declines are codes of the vendor for the act "decline", by the class they must get. Only for gateway.Charger.
	Declines map[gateway.Class]string
	// Amounts are paid to the digit. Nil: EUR 19.99, JPY 1999, KWD 19.990.
	Amounts []money.Amount
	// KeyLife is after how long the vendor has surely forgotten an idempotency key. 0: 48 hours.
	KeyLife time.Duration
}

// Run runs all cases. Those that need a power run if it is announced.
func Run(t *testing.T, s Suite) {
	if s.Amounts == nil {
		s.Amounts = []money.Amount{money.Of(1999, "EUR"), money.Of(1999, "JPY"), money.Of(19990, "KWD")}
	}
	if s.KeyLife == 0 {
		s.KeyLife = 48 * time.Hour
	}
	for _, group := range [][]testCase{common, visits, charges, refunds, hooks} {
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
func hears(b *bench) bool { return b.suite.Subscribe != nil || announces[sdk.WebhookInstaller](b) }

// both is for testCase.needs.
func both(one, two func(*bench) bool) func(*bench) bool {
	return func(b *bench) bool { return one(b) && two(b) }
}
