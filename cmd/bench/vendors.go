package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/ezscale/bursar/core/platform/pluginhost"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/gateway"
	"github.com/ezscale/bursar/sdk/panel"
	"github.com/ezscale/bursar/sdk/panel/paneltest"
)

// What a copy of this program is called to be a plugin: vendors that do at once what they are asked, and the least that
// go-plugin does.
const (
	fakePanel   = "panel-fake"
	fakeGateway = "gateway-fake"
	bareEcho    = "bare-echo"
)

// The instances of the fakes.
const (
	panelInstance   = "vf"
	gatewayInstance = "bank"
)

// vendorSettings are those of the fakes.
type vendorSettings struct{ URL string }

// Form asks for an address, as every vendor's does.
func (s *vendorSettings) Form() form.Form {
	return form.Form{form.URL(&s.URL, "url", "Address").Need()}
}

func servePanel() {
	sdk.Serve(func() sdk.Plugin {
		return sdk.Plugin{Name: "fake", Title: "Fake", Version: "1.0.0", Type: panel.Type(func(sdk.Env, vendorSettings) (*paneltest.Fake, error) { return &paneltest.Fake{}, nil })}
	})
}

func serveGateway() {
	sdk.Serve(func() sdk.Plugin {
		return sdk.Plugin{Name: "fake", Title: "Fake", Version: "1.0.0", Type: gateway.Type(func(sdk.Env, vendorSettings) (*bank, error) { return &bank{}, nil })}
	})
}

var _ gateway.Charger = (*bank)(nil)

// bank is a gateway that captures every charge at once and forgets it.
type bank struct{}

// Check implements sdk.Instance.
func (*bank) Check(context.Context) (sdk.Report, error) {
	return sdk.Report{VendorVersion: "fake"}, nil
}

// Charge implements gateway.Charger.
func (*bank) Charge(_ context.Context, c gateway.Charge) (gateway.Outcome, error) {
	return gateway.Outcome{Status: gateway.Captured, Reference: "pay-" + c.ID, Echo: c.ID, Paid: c.Amount}, nil
}

// Method implements gateway.Charger.
func (*bank) Method(_ context.Context, m gateway.Method) (gateway.Method, error) { return m, nil }

// Forget implements gateway.Charger.
func (*bank) Forget(context.Context, sdk.Op, gateway.Method) error { return nil }

// Begin implements gateway.Gateway. Nobody visits this one.
func (*bank) Begin(context.Context, gateway.Visit) (gateway.Outcome, error) {
	return gateway.Outcome{Status: gateway.Lapsed}, nil
}

// Look implements gateway.Gateway.
func (*bank) Look(_ context.Context, a gateway.Attempt) (gateway.Outcome, error) {
	return gateway.Outcome{Status: gateway.Captured, Reference: "pay-" + a.ID, Echo: a.ID, Paid: a.Amount}, nil
}

// Refund implements gateway.Gateway.
func (*bank) Refund(_ context.Context, r gateway.Refund) (gateway.Refunded, error) {
	return gateway.Refunded{Status: gateway.Captured, Amount: r.Amount, Reference: "ref-" + r.ID, Payment: r.Reference, Echo: r.ID}, nil
}

// Receive implements gateway.Gateway.
func (*bank) Receive(context.Context, sdk.Webhook) ([]gateway.Event, error) { return nil, nil }

// vendors writes plugins.hcl for the fakes and pins them.
func (w *world) vendors(ctx context.Context) error {
	text := fmt.Sprintf("directory = %q\n", w.Config.Data)
	for _, f := range [][3]string{{"panel", fakePanel, panelInstance}, {"gateway", fakeGateway, gatewayInstance}} {
		if err := copySelf(filepath.Join(w.Config.Data, f[1])); err != nil {
			return err
		}
		text += fmt.Sprintf("plugin %q \"fake\" {\n  instance %q {\n    title    = \"Fake\"\n    settings = { url = \"https://fake.example.com\" }\n  }\n}\n", f[0], f[2])
	}
	if err := os.WriteFile(w.Config.Plugins, []byte(text), 0o600); err != nil {
		return err
	}
	_, err := pluginhost.Pin(ctx, pluginhost.Deps{Config: w.Config.Plugins, Dir: filepath.Join(w.Config.Data, "plugins"), Getenv: os.LookupEnv})
	return err
}

// copySelf puts this program under another name.
func copySelf(to string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	in, err := os.Open(self)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o700)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
