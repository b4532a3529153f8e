package main

import (
	"encoding/json"
	"testing"

	"github.com/ezscale/bursar/plugins/notifier/discord/sim"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/notifier/notifiertest"
	shared "github.com/ezscale/bursar/sdk/sim"
)

func settings(url string) form.Values {
	return form.Values{"webhook": {sim.OrdersURL}, "api": {url}}
}

// patient is a simulator that takes many posts at once: the suite's clock stands still, so no bucket would fill again.
func patient() *shared.Sim {
	s := sim.New()
	if err := s.Act(shared.Act{Do: "bucket", Raw: json.RawMessage(`{"limit":1000}`)}); err != nil {
		panic(err) // the act is the simulator's own
	}
	return s
}

func TestDiscordIsANotifier(t *testing.T) {
	notifiertest.Run(t, notifiertest.Suite{Plugin: New, Sim: patient, Settings: settings})
}
