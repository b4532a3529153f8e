package main

import (
	"encoding/json"
	"testing"

	"github.com/ezscale/bursar/plugins/notifier/mailgun/sim"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/notifier/notifiertest"
	shared "github.com/ezscale/bursar/sdk/sim"
)

func settings(url string) form.Values {
	return form.Values{"region": {"eu"}, "domain": {sim.Domain}, "key": {sim.Key}, "api": {url + "/eu"}}
}

// subscribe plays the dashboard.
func subscribe(s *shared.Sim, hook string) (form.Values, error) {
	raw, err := json.Marshal(map[string]string{"do": "subscribe", "url": hook})
	if err != nil {
		return nil, err
	}
	return form.Values{"signing_key": {sim.SigningKey}}, s.Act(shared.Act{Do: "subscribe", Raw: raw})
}

func TestMailgunIsANotifier(t *testing.T) {
	notifiertest.Run(t, notifiertest.Suite{Plugin: New, Sim: sim.New, Settings: settings, Subscribe: subscribe})
}
