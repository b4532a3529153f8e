package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/app"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/sales/order"
	"github.com/ezscale/bursar/sdk/sim"
	"github.com/ezscale/bursar/themes"
)

// buildVariable is the folder that `make build` fills.
const buildVariable = "BURSAR_BUILD"

// built is a program that was built. A test that needs one is left out where there is none, and fails where CI is set.
func built(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv(buildVariable)
	if dir == "" {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is not set: `make test` sets it", buildVariable)
		}
		t.Skipf("%s is not set: `make test` runs this", buildVariable)
	}
	return filepath.Join(dir, name)
}

// long says whether the long rounds run.
func rounds(usual, long int) int {
	if os.Getenv("BURSAR_LONG") != "" {
		return long
	}
	return usual
}

// rig is the host as a process of its own, beside simulators that live on when it dies.
type rig struct {
	t       *testing.T
	dir     string
	config  app.Config
	vendors vendors
	people  people
	terms   string // version in force
	web     http.Client
	host    *exec.Cmd
	log     *os.File
}

// newRig sows a shop, has the vendors and the plugins meet, and leaves the host stopped.
func newRig(t *testing.T, d *db.DB, names ...string) *rig {
	t.Helper()
	program := built(t, "plugins")
	dir, err := os.MkdirTemp("", "rig") // paths of sockets must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	r := &rig{t: t, dir: dir, web: http.Client{Timeout: 2 * time.Minute}}
	o := options{dir: dir, database: dbtest.DSN(t, d), plugins: program, level: "warn"}
	o.listen, err = free(t.Context(), "127.0.0.1:0")
	r.ok(err)
	r.config, err = configOf(o)
	r.ok(err)
	all, err := startVendors(t.Context(), dir, o.listen)
	r.ok(err)
	t.Cleanup(all.stop)
	for _, v := range all {
		if slices.Contains(names, v.name) {
			r.vendors = append(r.vendors, v)
		}
	}
	r.ok(writePlugins(t.Context(), o, r.vendors))
	r.log, err = os.Create(filepath.Join(dir, "host.log"))
	r.ok(err)
	t.Cleanup(func() {
		if t.Failed() {
			text, _ := os.ReadFile(r.log.Name())
			t.Logf("the host said last: %s", text[max(0, len(text)-6000):])
		}
		r.log.Close()
	})
	a, err := open(t.Context(), r.config, app.Options{Themes: []fs.FS{themes.FS}})
	r.ok(err)
	defer a.Close()
	s := &seed{App: a, kept: filepath.Join(dir, keptFile)}
	r.people, err = s.sow(t.Context())
	r.ok(err)
	set, err := a.Settings.Get(t.Context())
	r.ok(err)
	r.terms = set.Sales.TermsVersion
	r.ok(a.StartPlugins(t.Context()))
	defer a.Plugins.Stop()
	r.ok(connect(t.Context(), a, r.vendors, &r.people, s.kept))
	c := r.config
	text := fmt.Sprintf("listen = %q\ndata = %q\ndatabase = %q\nplugins = %q\nenvironment = \"test\"\nlog_level = \"warn\"\nsites {\n  storefront = %q\n  portal = %q\n  admin = %q\n}\n",
		c.Listen, c.Data, c.Database, c.Plugins, c.Storefront, c.Portal, c.Admin)
	r.ok(os.WriteFile(filepath.Join(dir, "bursar.hcl"), []byte(text), 0o600))
	t.Cleanup(func() { r.kill() })
	return r
}

func (r *rig) ok(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// start starts the host and returns when it answers.
func (r *rig) start() {
	r.t.Helper()
	r.host = exec.Command(built(r.t, "bursar"), "serve", "--config", filepath.Join(r.dir, "bursar.hcl"))
	r.host.Stdout, r.host.Stderr, r.host.Dir = r.log, r.log, r.dir
	r.host.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	r.ok(r.host.Start())
	for until := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if res, err := r.web.Get(r.config.Storefront + "/readyz"); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(until) {
			r.t.Fatal("the host is not ready after 30 s")
		}
	}
}

// kill ends the host as a power cut would.
func (r *rig) kill() {
	if r.host == nil {
		return
	}
	_ = r.host.Process.Kill()
	_ = r.host.Wait() // killed: that is its error
	r.host = nil
}

// call asks the API. An error is an answer that never came; every answer has its status.
func (r *rig) call(ctx context.Context, token, method, path, key string, in, out any) (status int, err error) {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return 0, err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, r.config.Storefront+"/api/v1"+path, body)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	res, err := r.web.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err
	}
	if res.StatusCode >= 300 {
		return res.StatusCode, fmt.Errorf("%s %s: %s: %s", method, path, res.Status, text)
	}
	if out != nil {
		return res.StatusCode, json.Unmarshal(text, out)
	}
	return res.StatusCode, nil
}

// must is a call that has to succeed.
func (r *rig) must(token, method, path, key string, in, out any) {
	r.t.Helper()
	if _, err := r.call(r.t.Context(), token, method, path, key, in, out); err != nil {
		r.t.Fatal(err)
	}
}

// advance moves the clock and returns when all that fell due is done.
func (r *rig) advance(days int) {
	r.t.Helper()
	r.must(r.people.Staff.Token, http.MethodPost, "/admin/clock/advance", "", map[string]int{"days": days}, nil)
}

// options are the choices of a product by field, as the catalogue offers them.
func (r *rig) options(product string, want map[string]string) map[string]string {
	r.t.Helper()
	a := r.open()
	defer a.Close()
	shop, err := a.Catalog.Shop(r.t.Context())
	r.ok(err)
	p, ok := shop.BySlug(product)
	if !ok {
		r.t.Fatalf("no product %s", product)
	}
	out := map[string]string{}
	for _, o := range shop.Options(p.ID) {
		if value := want[o.Field]; value != "" {
			out[string(o.ID)] = value
		}
	}
	return out
}

// open opens the host's database in this process, for reading.
func (r *rig) open() *app.App {
	r.t.Helper()
	a, err := app.Open(r.t.Context(), r.config, app.Options{Themes: []fs.FS{themes.FS}})
	r.ok(err)
	return a
}

// card is the sample customer's saved card with these last digits.
func (r *rig) card(last4 string) string {
	r.t.Helper()
	var ways struct {
		Methods []struct{ ID, Last4 string }
	}
	r.must(r.people.Customer.Token, http.MethodGet, "/methods", "", nil, &ways)
	for _, m := range ways.Methods {
		if m.Last4 == last4 {
			return m.ID
		}
	}
	r.t.Fatalf("no card %s in %v", last4, ways)
	return ""
}

// purchase is an order of the sample customer, and how far it is. What was not acknowledged is asked for again under
// the same key, as a careful program does.
type purchase struct {
	label                   string
	order, invoice, service string // from the first answer on
	paid                    bool   // acknowledged
}

// step asks for what is next of a purchase.
func (r *rig) step(ctx context.Context, p *purchase, options map[string]string, card string) (status int, err error) {
	if p.order == "" {
		var placed struct {
			Order struct {
				ID       string
				Services []struct{ ID string }
			}
			Invoice struct{ ID string }
		}
		cart := map[string]any{"currency": "EUR", "terms_version": r.terms, "lines": []map[string]any{{"key": "a", "product": "vps-1", "cycle": "1 month", "label": p.label + ".example.com", "options": options}}}
		if status, err = r.call(ctx, r.people.Customer.Token, http.MethodPost, "/orders", "order-"+p.label, cart, &placed); err == nil {
			p.order, p.invoice, p.service = placed.Order.ID, placed.Invoice.ID, placed.Order.Services[0].ID
		}
		return status, err
	}
	var started struct {
		Paid, Pending bool
		Declined      string
	}
	if status, err = r.call(ctx, r.people.Customer.Token, http.MethodPost, "/invoices/"+p.invoice+"/pay", "pay-"+p.label, map[string]string{"method": card}, &started); err != nil {
		// The answer was lost with the host; what it had begun went through meanwhile.
		var inv struct{ Status string }
		if strings.Contains(err.Error(), "nothing_open") {
			_, looked := r.call(ctx, r.people.Customer.Token, http.MethodGet, "/invoices/"+p.invoice, "", nil, &inv)
			p.paid = looked == nil && inv.Status == "paid"
		}
		if p.paid {
			return http.StatusOK, nil
		}
		return status, err
	}
	if started.Declined != "" {
		return status, fmt.Errorf("%s is declined: %s", p.label, started.Declined)
	}
	p.paid = started.Paid || started.Pending // what pends is settled by the host
	return status, nil
}

// settled compares, once all is quiet, what customers were told, what vendors did and what the host knows.
func (r *rig) settled(bought []*purchase, before int) {
	r.t.Helper()
	ctx := r.t.Context()
	a := r.open()
	defer a.Close()
	found, err := a.Flow.Verify(ctx)
	r.ok(err)
	for _, f := range found {
		r.t.Errorf("verify: %s %s: %s", f.Check, f.Subject, f.Text)
	}
	orders, err := a.Orders.List(ctx, order.Filter{})
	r.ok(err)
	if orders.Total != before+len(bought) {
		r.t.Errorf("there are %d orders, not the %d from before and %d more", orders.Total, before, len(bought))
	}
	r.moneyAgrees(a)
	r.accountsAgree(a, bought)
	for kind, counts := range map[string]func(context.Context) (map[string]int64, error){"jobs": a.Jobs.Counts, "deliveries": a.Outbox.Counts} {
		n, err := counts(ctx)
		r.ok(err)
		if n["parked"] != 0 {
			r.t.Errorf("%d %s wait for staff", n["parked"], kind)
		}
	}
	seen := map[string]bool{}
	for _, m := range r.state("mailgun").Messages {
		if m.Op != "" && seen[m.Op] {
			r.t.Errorf("the mail %s to %s went out twice: %s", m.Op, m.To, m.Subject)
		}
		seen[m.Op] = true
	}
}

// state is what a simulator holds.
func (r *rig) state(name string) sim.State {
	v := r.vendors.of(name)
	if v == nil {
		return sim.State{}
	}
	return v.sim.State()
}

// marks are the services that have an account at a panel, with how many each has.
func (r *rig) marks(name string) map[string]int {
	out := map[string]int{}
	for _, acc := range r.state(name).Accounts {
		out[strings.TrimSpace(acc.Service)]++
	}
	return out
}
