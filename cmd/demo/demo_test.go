package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/sales/order"
	"github.com/ezscale/bursar/sdk/sim"
)

// programs is where `make build` puts the plugins. Without them there is no demo to test, which must not pass unseen.
func programs(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../build/plugins")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := programsOf(options{plugins: dir}, known()); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return dir
}

// serve runs a demo until end is called, and reads what it says of itself.
func serve(t *testing.T, dir string) (d *demo, says told, end func()) {
	t.Helper()
	d, err := start(t.Context(), options{dir: dir, listen: "127.0.0.1:0", plugins: programs(t), level: "error"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- d.serve(ctx, notice(ready)) }()
	ended := false
	end = func() {
		if ended {
			return
		}
		ended = true
		stop()
		if err := <-done; err != nil {
			t.Errorf("it ended with %v", err)
		}
		d.stop()
	}
	t.Cleanup(end)
	select {
	case <-ready:
	case err := <-done:
		t.Fatalf("it never answered: %v", err)
	}
	text, err := os.ReadFile(filepath.Join(dir, readyFile))
	if err == nil {
		err = json.Unmarshal(text, &says)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d, says, end
}

// notice is a writer that tells of the first thing written, after the file.
func notice(ready chan struct{}) io.Writer { return &first{ready: ready} }

type first struct{ ready chan struct{} }

func (f *first) Write(p []byte) (int, error) {
	if f.ready != nil {
		close(f.ready)
		f.ready = nil
	}
	return len(p), nil
}

// buy orders a VPS for the sample customer and pays it with a saved card.
func buy(t *testing.T, d *demo, key, last4 string) (flow.Placed, flow.Started) {
	t.Helper()
	user, err := d.app.Auth.ActorOfUser(t.Context(), ids.User(d.people.Customer.ID), "")
	if err != nil {
		t.Fatal(err)
	}
	ctx := auth.With(t.Context(), user)
	s := &seed{App: d.app}
	line, err := s.line(ctx, story{product: "vps-1", cycle: period.Monthly, label: key + ".sommer.example",
		options: map[string]string{"Location": "3", "Operating system": "8", "Extra disk": "10", "More IPv4 addresses": "1"}})
	if err != nil {
		t.Fatal(err)
	}
	placed, err := d.app.Flow.Checkout(ctx, flow.CheckoutIn{Customer: user.Customer, Cart: order.Cart{Currency: "EUR", Lines: []order.Line{line}}, TermsVersion: termsVersion, RequestKey: key})
	if err != nil {
		t.Fatal(err)
	}
	methods, err := d.app.Payments.Methods(ctx, user.Customer)
	if err != nil {
		t.Fatal(err)
	}
	var method ids.Method
	for _, m := range methods {
		if m.Last4 == last4 {
			method = m.ID
		}
	}
	started, err := d.app.Flow.StartPayment(ctx, flow.PayIn{Customer: user.Customer, Invoices: []ids.Invoice{placed.Invoice.ID}, Method: method})
	if err != nil {
		t.Fatal(err)
	}
	return placed, started
}

// state is what a simulator holds.
func state(t *testing.T, says told, name string) (s sim.State) {
	t.Helper()
	answer, err := http.Get(says.Simulators[name] + "/_sim/state")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(&s); err != nil {
		t.Fatal(err)
	}
	return s
}

// accounts are the services that a panel has in a status.
func accounts(t *testing.T, says told, name, status string) map[string]bool {
	out := map[string]bool{}
	for _, a := range state(t, says, name).Accounts {
		if a.Status == status {
			out[a.Service] = true
		}
	}
	return out
}

func TestADemoSellsOverRealPluginsAndGoesOnWhereItEnded(t *testing.T) {
	dir := t.TempDir()
	began := time.Now()
	d, says, end := serve(t, dir)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v to be ready", took)
	}
	if len(says.Plugins) != len(known()) || len(says.Simulators) != len(known()) || says.PID != os.Getpid() {
		t.Errorf("%+v", says)
	}
	for _, p := range says.Plugins {
		if p.PID == 0 {
			t.Errorf("%s does not run", p.Instance)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, readyFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}

	placed, started := buy(t, d, "one", "4242")
	if !started.Paid {
		t.Fatalf("the good card: %+v", started)
	}
	if err := d.app.Flow.ClockAdvance(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	sub, err := d.app.Subscriptions.Get(t.Context(), placed.Subscriptions[0])
	if err != nil || sub.Status != subscription.Active {
		t.Fatalf("the server is %s, %v", sub.Status, err)
	}
	if _, started := buy(t, d, "two", "0341"); started.Paid || started.Declined == "" {
		t.Errorf("the card that fails without the customer: %+v", started)
	}
	active, money := accounts(t, says, "virtfusion", "active"), len(state(t, says, "stripe").Money)
	if !active[string(sub.ID)] || money != 1 {
		t.Errorf("servers %v, payments %d", active, money)
	}
	if n := len(state(t, says, "mailgun").Messages); n < 3 {
		t.Errorf("%d mails", n)
	}

	end()
	if _, err := os.Stat(filepath.Join(dir, readyFile)); !os.IsNotExist(err) {
		t.Errorf("demo.json is there while nobody answers: %v", err)
	}

	d, again, _ := serve(t, dir)
	if again.Sites != says.Sites || again.Simulators["stripe"] != says.Simulators["stripe"] {
		t.Errorf("it moved: %+v, before %+v", again.Sites, says.Sites)
	}
	if again.Staff != says.Staff || again.Customer != says.Customer {
		t.Errorf("people: %+v, before %+v", again.Customer, says.Customer)
	}
	if now := accounts(t, again, "virtfusion", "active"); len(now) != len(active) || !now[string(sub.ID)] {
		t.Errorf("servers %v, before %v", now, active)
	}
	if _, started := buy(t, d, "three", "4242"); !started.Paid {
		t.Errorf("the good card after another start: %+v", started)
	}
	if now := len(state(t, again, "stripe").Money); now != money+1 {
		t.Errorf("%d payments, before %d", now, money)
	}
	methods, err := d.app.Payments.Methods(t.Context(), ids.Customer(d.people.Customer.Customer))
	if err != nil || len(methods) != len(cards) || methods[0].Last4 != "4242" || !methods[0].Default {
		t.Errorf("%+v, %v", methods, err)
	}
	for _, v := range d.vendors {
		if err := v.sim.KeepIn(filepath.Join(t.TempDir(), "memory.json")); err != nil {
			t.Errorf("%s cannot be kept: %v", v.name, err)
		}
	}
	findings, err := d.app.Flow.Verify(t.Context())
	if err != nil || len(findings) > 0 {
		t.Errorf("%v, %v", findings, err)
	}
}
