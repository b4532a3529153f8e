package pluginhost

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/panel"
)

func TestAPluginReachesOnlyWhatItsInstanceIsGranted(t *testing.T) {
	var asked int
	vendor := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer vendor.Close()
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked += 100 }))
	defer other.Close()
	at := newSite(t)
	at.config(fmt.Sprintf(`
plugin "panel" "one" {
  pin = %q
  instance "named"   {
    settings = { url = %q, token = env("TOKEN") }
    network  = [%q]
  }
  instance "unnamed" { settings = { url = %q, token = env("TOKEN") } }
}`, at.install("one"), vendor.URL, vendor.Listener.Addr(), vendor.URL))
	d := dbtest.SQLite(t)
	h := at.start(d, clock.System{})
	call := func(label, url string) error {
		p, err := h.Panel(label)
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.State(t.Context(), panel.Ref{RemoteID: url})
		return err
	}
	if err := call("named", vendor.URL); err != nil || asked != 1 {
		t.Errorf("a granted host: %v, asked %d times", err, asked)
	}
	wantFault(t, call("named", other.URL), fault.Forbidden, "host_not_granted")
	wantFault(t, call("named", other.URL), fault.Forbidden, "host_not_granted")
	wantFault(t, call("unnamed", vendor.URL), fault.Forbidden, "host_not_granted") // loopback, and not named
	if asked != 1 {
		t.Errorf("somebody was reached who was not granted: %d", asked)
	}
	if s := h.Status()[0]; s.Denied != 3 {
		t.Errorf("%d refusals counted, want 3", s.Denied)
	}
	page, err := h.deps.Audit.List(t.Context(), audit.Filter{Action: "plugin.denied"})
	if err != nil || len(page.Rows) != 2 {
		t.Errorf("trail %+v, %v", page.Rows, err)
	}
}

func TestOnlyAddressesOfThePublicNetworkArePublic(t *testing.T) {
	for address, want := range map[string]bool{
		"8.8.8.8": true, "2606:4700::1111": true,
		"127.0.0.1": false, "10.0.0.1": false, "172.16.0.1": false, "192.168.1.1": false, "169.254.169.254": false, "100.64.0.1": false,
		"0.0.0.0": false, "224.0.0.1": false, "255.255.255.255": false, "198.18.0.1": false,
		"::1": false, "::": false, "fe80::1": false, "fc00::1": false, "ff02::1": false, "64:ff9b::a00:1": false, "2002:a00:1::": false, "fe80::1%eth0": false,
	} {
		if have := isPublic(netip.MustParseAddr(address)); have != want {
			t.Errorf("%s: public %v", address, have)
		}
	}
	mapped, err := addressesOf(t.Context(), "::ffff:127.0.0.1")
	if err != nil || isPublic(mapped[0]) {
		t.Errorf("a mapped loopback address: %v, %v", mapped, err)
	}
}
