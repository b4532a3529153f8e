package main

import (
	"testing"

	"github.com/ezscale/bursar/plugins/gateway/stripe/sim"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/gateway"
	"github.com/ezscale/bursar/sdk/gateway/gatewaytest"
)

func settings(url string) form.Values {
	return form.Values{"mode": {test}, "key": {sim.Key}, "api": {url}}
}

func TestStripeIsAGateway(t *testing.T) {
	gatewaytest.Run(t, gatewaytest.Suite{
		Plugin: New, Sim: sim.New, Settings: settings,
		Foreign: func(v form.Values) form.Values {
			v["mode"], v["key"] = []string{live}, []string{sim.LiveKey}
			return v
		},
		Declines: map[gateway.Class]string{
			gateway.Soft: "insufficient_funds", gateway.Hard: "stolen_card", gateway.Authenticate: "authentication_required", gateway.Ours: "testmode_decline",
		},
	})
}
