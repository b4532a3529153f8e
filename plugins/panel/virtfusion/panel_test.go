package main

import (
	"testing"

	"github.com/ezscale/bursar/plugins/panel/virtfusion/sim"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/panel/paneltest"
)

func settings(address string) form.Values { return form.Values{"url": {address}, "token": {sim.Token}} }

func values(pairs ...string) form.Values {
	v := form.Values{}
	for n := 0; n < len(pairs); n += 2 {
		v[pairs[n]] = []string{pairs[n+1]}
	}
	return v
}

var (
	vps2  = values("package", "2", "group", "2")
	order = values("template", "8", "extra_disk", "10", "hostname", "vps1.example.test")
)

func TestPanel(t *testing.T) {
	paneltest.Run(t, paneltest.Suite{
		Plugin: New, Sim: sim.New, Settings: settings, Product: vps2, Checkout: order,
		Plan: map[string]string{
			"package": "2", "group": "2", "template": "8", "memory": "2048", "cores": "2", "storage": "50", "traffic": "2000", "ipv4": "1", "hostname": "vps1.example.test",
		},
		Resizes: []paneltest.Resize{
			{Name: "to a bigger package, whose disk has the extra in it", Product: values("package", "3", "group", "2"), Checkout: values("extra_disk", "0"),
				Plan: map[string]string{"package": "3", "memory": "4096", "cores": "4", "storage": "80", "traffic": "4000"}},
			{Name: "to a bigger package with addresses and traffic", Product: values("package", "3", "group", "2", "ipv4", "3", "traffic", "9000"), Checkout: values("extra_disk", "0"),
				Plan: map[string]string{"package": "3", "storage": "80", "traffic": "9000", "ipv4": "3"}},
			{Name: "to unmetered traffic alone", Product: values("package", "2", "group", "2", "unmetered", "true"), Checkout: order,
				Plan: map[string]string{"package": "2", "storage": "50", "traffic": "0", "ipv4": "1"}},
			{Name: "to one more address that the buyer chose", Product: values("package", "2", "group", "2"), Checkout: values("extra_disk", "10", "extra_ipv4", "1"),
				Plan: map[string]string{"package": "2", "storage": "50", "ipv4": "2"}},
			{Name: "to more disk than a package gives", Product: values("package", "3", "group", "2"), Checkout: values("extra_disk", "20"), Warns: true,
				Plan: map[string]string{"package": "3", "storage": "80"}},
			{Name: "to fewer processors, which a running server keeps", Product: values("package", "6", "group", "2", "storage", "60"), Checkout: values("extra_disk", "0"), Warns: true,
				Plan: map[string]string{"package": "6", "memory": "4096", "cores": "2", "storage": "50"}},
			{Name: "to a smaller disk", Product: values("package", "1", "group", "2"), Checkout: order, Code: "downgrade_forbidden"},
		},
	})
}
