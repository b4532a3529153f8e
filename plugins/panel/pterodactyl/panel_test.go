package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/ezscale/bursar/plugins/panel/pterodactyl/sim"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/host"
	"github.com/ezscale/bursar/sdk/panel"
	"github.com/ezscale/bursar/sdk/panel/paneltest"
	"github.com/ezscale/bursar/sdk/secret"
	vendor "github.com/ezscale/bursar/sdk/sim"
)

func TestPterodactylIsAPanel(t *testing.T) {
	resized := func(values ...string) form.Values {
		out := maps.Clone(plan)
		for i := 0; i < len(values); i += 2 {
			out[values[i]] = []string{values[i+1]}
		}
		return out
	}
	checkout := form.Values{"location": {"1"}, "name": {"Our world"}}
	paneltest.Run(t, paneltest.Suite{
		Plugin: New, Sim: sim.New,
		Settings: func(address string) form.Values {
			return form.Values{"url": {address}, "application_key": {sim.ApplicationKey}, "client_key": {sim.ClientKey}}
		},
		Product: plan, Checkout: checkout,
		Plan: map[string]string{"memory": "2048", "disk": "10240", "cpu": "200", "swap": "0", "io": "500", "databases": "1", "backups": "2", "allocations": "1", "egg": "1/1"},
		Resizes: []paneltest.Resize{
			{Name: "more of everything", Product: resized("memory", "4096", "disk", "20480", "cpu", "300", "backups", "5"), Checkout: checkout,
				Plan: map[string]string{"memory": "4096", "disk": "20480", "cpu": "300", "backups": "5", "databases": "1"}},
			{Name: "limits and variables", Product: resized("memory", "1024", "environment", "MINECRAFT_VERSION=1.21.4", "startup", "java -jar {{SERVER_JARFILE}}"), Checkout: checkout,
				Plan: map[string]string{"memory": "1024", "disk": "10240"}},
			{Name: "a smaller disk that holds what is on it", Product: resized("disk", "5120"), Checkout: checkout, Plan: map[string]string{"disk": "5120"}},
			{Name: "a disk that is too small", Product: resized("disk", "1024"), Checkout: checkout, Code: "downgrade_forbidden"},
			{Name: "another game stays as it was", Product: resized("egg", "2/3", "cpu", "100"), Checkout: checkout, Plan: map[string]string{"egg": "1/1", "cpu": "100"}, Warns: true},
		},
		Without: map[string]string{
			"two candidates are Unknown":   "a server carries our ID from the request that makes it, and the panel refuses a second one with the same",
			"a reinstallation ends active": "people keep the password they have on the panel, so there are no new credentials; TestInstallations has the rest",
		},
	})
}

// day is when the tests take place.
var day = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// bench is a panel's simulator and our plugin in front of it, over gRPC.
type bench struct {
	*testing.T
	sim    *vendor.Sim
	plugin *host.Loopback
	panel  panel.Client
	url    string
	log    *bytes.Buffer
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{T: t, sim: sim.New(), log: new(bytes.Buffer)}
	b.sim.StopClock(day)
	server := httptest.NewServer(b.sim)
	b.url = server.URL
	plugin, err := host.Local(New(), host.World{Now: b.sim.Now, Log: b.log})
	if err != nil {
		t.Fatal(err)
	}
	b.plugin = plugin
	b.panel = b.at(server.URL)
	t.Cleanup(func() { plugin.Close(); b.sim.Close(); server.Close() })
	return b
}

func (b *bench) at(url string) panel.Client {
	return panel.NewClient(b.plugin.Instance("games", form.Values{
		"url": {url}, "application_key": {sim.ApplicationKey}, "client_key": {sim.ClientKey},
	}))
}

var plan = form.Values{
	"memory": {"2048"}, "disk": {"10240"}, "cpu": {"200"}, "databases": {"1"}, "backups": {"2"}, "allocations": {"1"}, "egg": {"1/1"},
}

func order(service string) panel.Creation {
	return panel.Creation{
		Op: sdk.Op{ID: "op_" + service, Attempt: 1, First: day},
		Ref: panel.Ref{Service: service, Notes: sdk.Notes{}, Customer: sdk.Customer{
			ID: "cus_1", Number: 1001, First: "Jane", Last: "Doe", Email: "jane@example.com", Notes: sdk.Notes{},
		}},
		Product: plan, Checkout: form.Values{"location": {"1"}, "name": {"Our world"}}, Username: "jane" + strings.TrimPrefix(service, "sub_"),
		Password: secret.New("abcdefghijklmnopqrstuvwx"),
	}
}

// until repeats a call as the host does, over faults that leave it open, and gives the last answer.
func (b *bench) until(call func() (panel.Progress, error)) (panel.Progress, error) {
	b.Helper()
	for range 30 {
		p, err := call()
		switch kind := fault.KindOf(err); {
		case kind == fault.Unknown || kind == fault.Unavailable:
		case err != nil || p.Done:
			return p, err
		}
	}
	b.Fatal("no end after 30 calls")
	return panel.Progress{}, nil
}

func (b *bench) create(c *panel.Creation) panel.Progress {
	b.Helper()
	p, err := b.until(func() (panel.Progress, error) { return b.panel.Create(context.Background(), *c) })
	if err != nil {
		b.Fatal(err)
	}
	c.RemoteID = p.RemoteID
	return p
}

// change repeats one of the changes of an account until it is done.
func (b *bench) change(do func(context.Context, sdk.Op, panel.Ref) (panel.Progress, error), op string, r panel.Ref) (panel.Progress, error) {
	b.Helper()
	return b.until(func() (panel.Progress, error) { return do(context.Background(), sdk.Op{ID: op, First: day}, r) })
}

func (b *bench) act(do, id string, more ...string) {
	b.Helper()
	raw := fmt.Sprintf(`{"do":%q,"id":%q%s}`, do, id, strings.Join(append([]string{""}, more...), ","))
	if err := b.sim.Act(vendor.Act{Do: do, ID: id, Raw: []byte(raw)}); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) faults(faults ...vendor.Fault) {
	b.Helper()
	if err := b.sim.Faults(faults...); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) refused(err error, kind fault.Kind, code string) {
	b.Helper()
	if f := fault.Of(err); f == nil || f.Kind != kind || f.Code != code {
		b.Fatalf("want %s %s, have %v", kind, code, err)
	}
}

func (b *bench) state(r panel.Ref) panel.Account {
	b.Helper()
	a, err := b.panel.State(context.Background(), r)
	if err != nil {
		b.Fatal(err)
	}
	return a
}

func TestAServerFromOrderToEnd(t *testing.T) {
	b, ctx := newBench(t), context.Background()
	if report, err := b.panel.Check(ctx); err != nil || len(report.Warnings) > 0 {
		t.Fatalf("check: %v %v", report, err)
	}
	c := order("sub_1")
	made := b.create(&c)
	if made.RemoteID != "1" || len(made.Credentials) != 2 {
		t.Fatalf("created: %+v", made)
	}
	if login := made.Credentials[0]; login.URL != b.url || login.Username != "jane1" || login.Password.Reveal() != c.Password.Reveal() {
		t.Errorf("login: %+v", login)
	}
	if files := made.Credentials[1]; !strings.HasSuffix(files.Host, ".games.example:2022") || !strings.HasPrefix(files.Username, "jane1.") {
		t.Errorf("SFTP: %+v", files)
	}
	a := b.state(c.Ref)
	if a.Service != "sub_1" || a.Name != "Our world" || a.Status != panel.Active || a.Power != "running" || a.OwnerEmail != "jane@example.com" {
		t.Errorf("state: %+v", a)
	}
	if len(a.Addresses) != 1 || !netip.MustParsePrefix("192.0.2.20/32").Contains(a.Addresses[0].Addr()) && !netip.MustParsePrefix("198.51.100.20/32").Contains(a.Addresses[0].Addr()) {
		t.Errorf("addresses: %v", a.Addresses)
	}
	has := b.sim.State().Accounts[0]
	for name, want := range map[string]string{"memory": "2048", "disk": "10240", "cpu": "200", "swap": "0", "io": "500", "databases": "1", "backups": "2", "allocations": "1", "egg": "1/1"} {
		if has.Plan[name] != want {
			t.Errorf("%s: want %s, have %s", name, want, has.Plan[name])
		}
	}

	larger := maps.Clone(plan)
	larger["memory"], larger["environment"] = []string{"4096"}, []string{"MINECRAFT_VERSION=1.21.4", "OF_ANOTHER_GAME=1"}
	resized, err := b.change(func(ctx context.Context, op sdk.Op, r panel.Ref) (panel.Progress, error) {
		return b.panel.Resize(ctx, op, r, larger, nil)
	}, "op_resize", c.Ref)
	if err != nil || len(resized.Warnings) > 0 || b.sim.State().Accounts[0].Plan["memory"] != "4096" {
		t.Errorf("resize: %+v %v", resized, err)
	}

	for _, step := range []struct {
		action panel.PowerAction
		want   string
	}{{panel.Stop, "stopped"}, {panel.Start, "running"}, {panel.Kill, "stopped"}, {panel.Restart, "running"}} {
		if p, err := b.panel.Power(ctx, sdk.Op{ID: "op_" + string(step.action)}, c.Ref, step.action); err != nil || !p.Done || b.state(c.Ref).Power != step.want {
			t.Errorf("%s: %+v %v, then %s", step.action, p, err, b.state(c.Ref).Power)
		}
	}

	if _, err := b.change(func(ctx context.Context, op sdk.Op, r panel.Ref) (panel.Progress, error) {
		return b.panel.Suspend(ctx, op, r, "unpaid")
	}, "op_suspend", c.Ref); err != nil || b.state(c.Ref).Status != panel.Suspended {
		t.Errorf("suspend: %v", err)
	}
	_, err = b.panel.Login(ctx, c.Ref, false)
	b.refused(err, fault.Conflict, "suspended")
	if link, err := b.panel.Login(ctx, c.Ref, true); err != nil || link.URL != b.url+"/admin/servers/view/1" {
		t.Errorf("login of staff: %+v %v", link, err)
	}
	if _, err := b.change(b.panel.Unsuspend, "op_unsuspend", c.Ref); err != nil || b.state(c.Ref).Status != panel.Active {
		t.Errorf("unsuspend: %v", err)
	}
	if link, err := b.panel.Login(ctx, c.Ref, false); err != nil || link.URL != b.url+"/server/"+c.Notes[noteIdentifier] || link.SignedOn {
		t.Errorf("login: %+v %v", link, err)
	}

	if _, err := b.change(func(ctx context.Context, op sdk.Op, r panel.Ref) (panel.Progress, error) {
		return b.panel.Reinstall(ctx, op, r, form.Values{"egg": {"2/3"}}, secret.Value{})
	}, "op_reinstall", c.Ref); err != nil || b.sim.State().Accounts[0].Plan["egg"] != "2/3" {
		t.Errorf("reinstall: %v", err)
	}
	reset, err := b.change(func(ctx context.Context, op sdk.Op, r panel.Ref) (panel.Progress, error) {
		return b.panel.ResetPassword(ctx, op, r, secret.New("another-password"))
	}, "op_reset", c.Ref)
	if err != nil || reset.Credentials[0].Password.Reveal() != "another-password" {
		t.Errorf("reset: %+v %v", reset, err)
	}

	neighbour := order("sub_2")
	b.create(&neighbour)
	if b.sim.State().Things["customer"] != 1 {
		t.Error("the second server has a user of its own")
	}
	for range 2 {
		if p, err := b.change(b.panel.Terminate, "op_end", c.Ref); err != nil || !p.Done {
			t.Errorf("terminate: %+v %v", p, err)
		}
	}
	_, err = b.panel.State(ctx, c.Ref)
	b.refused(err, fault.NotFound, "http_404")
	if left := b.sim.State(); left.Things["account"] != 1 || left.Accounts[0].Service != "sub_2" || left.Things["customer"] != 1 {
		t.Errorf("left: %+v", left)
	}
	for _, word := range []string{sim.ApplicationKey, sim.ClientKey, c.Password.Reveal()} {
		if strings.Contains(b.log.String(), word) {
			t.Error("a secret is in the log")
		}
	}
}

func TestACreateThatIsCutAnywhereMakesOneServer(t *testing.T) {
	for _, do := range []string{"cut-before", "cut-after", "half", "html", "garbage", "status:503"} {
		for n := 1; n <= 2; n++ {
			t.Run(fmt.Sprintf("%s at change %d", do, n), func(t *testing.T) {
				b := newBench(t)
				b.faults(vendor.Fault{Method: "change", Nth: n, Times: 1, Do: do})
				c := order("sub_1")
				made := b.create(&c)
				if s := b.sim.State(); s.Things["account"] != 1 || s.Things["customer"] != 1 || s.Accounts[0].Status != "active" {
					t.Errorf("have %+v", s)
				}
				if made.Credentials[0].Password.Reveal() != c.Password.Reveal() {
					t.Error("the password of the user that we made is lost")
				}
			})
		}
	}
	for forget := range 6 {
		t.Run(fmt.Sprintf("the host forgets answer %d and the plugin is killed", forget+1), func(t *testing.T) {
			b, c, call := newBench(t), order("sub_1"), -1
			_, err := b.until(func() (panel.Progress, error) {
				b.plugin.Kill()
				notes, customer := maps.Clone(c.Notes), maps.Clone(c.Customer.Notes)
				p, err := b.panel.Create(context.Background(), c)
				if call++; call == forget {
					c.Notes, c.Customer.Notes = notes, customer
					return panel.Progress{}, nil
				}
				return p, err
			})
			if s := b.sim.State(); err != nil || s.Things["account"] != 1 || s.Things["customer"] != 1 {
				t.Errorf("have %+v, %v", s, err)
			}
			if changes := b.sim.Changes(); len(changes) != 2 {
				t.Errorf("want 2 changes, have %d", len(changes))
			}
		})
	}
}
