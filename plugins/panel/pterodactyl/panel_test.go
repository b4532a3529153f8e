package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ezscale/bursar/plugins/panel/pterodactyl/sim"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/host"
	"github.com/ezscale/bursar/sdk/panel"
	"github.com/ezscale/bursar/sdk/secret"
	vendor "github.com/ezscale/bursar/sdk/sim"
)

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
		if p, err := b.panel.Power(ctx, sdk.Op{ID: "op_power"}, c.Ref, step.action); err != nil || !p.Done || b.state(c.Ref).Power != step.want {
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

func TestUsersAreFoundBeforeTheyAreMade(t *testing.T) {
	t.Run("a mail that only contains ours is another's", func(t *testing.T) {
		b := newBench(t)
		b.act("other_user", "", `"mail":"notjane@example.com","username":"notjane"`)
		c := order("sub_1")
		b.create(&c)
		if c.Customer.Notes[noteUser] != "3" || c.Customer.Notes[noteAdopted] != "" {
			t.Errorf("notes: %v", c.Customer.Notes)
		}
	})
	t.Run("a user with our mail is taken up, its password and mail are not ours", func(t *testing.T) {
		b := newBench(t)
		b.act("other_user", "", `"mail":"Jane@Example.com","username":"old"`)
		c := order("sub_1")
		made := b.create(&c)
		if b.sim.State().Things["customer"] != 1 || made.Credentials[0].Username != "old" || !made.Credentials[0].Password.IsZero() {
			t.Errorf("credentials: %+v", made.Credentials)
		}
		_, err := b.panel.ResetPassword(context.Background(), sdk.Op{ID: "op_2"}, c.Ref, secret.New("a-new-password"))
		b.refused(err, fault.Declined, "needs_person")
		c.Customer.Email = "other@example.com"
		b.refused(b.panel.UpdateCustomer(context.Background(), c.Customer), fault.NotFound, "not_ours")
	})
	t.Run("a user name that is taken gets the customer's number", func(t *testing.T) {
		b := newBench(t)
		b.act("other_user", "", `"mail":"other@example.com","username":"jane1"`)
		c := order("sub_1")
		if made := b.create(&c); made.Credentials[0].Username != "jane1-1001" || made.Credentials[0].Password.IsZero() {
			t.Errorf("credentials: %+v", made.Credentials)
		}
	})
	t.Run("a user that staff deleted is made anew", func(t *testing.T) {
		b := newBench(t)
		c := order("sub_1")
		c.Customer.Notes[noteUser] = "99"
		b.create(&c)
		if c.Customer.Notes[noteUser] != "2" {
			t.Errorf("notes: %v", c.Customer.Notes)
		}
	})
	t.Run("a new address reaches the panel, with all four fields", func(t *testing.T) {
		b := newBench(t)
		c := order("sub_1")
		b.create(&c)
		c.Customer.Email = "jane@new.example"
		for range 2 {
			if err := b.panel.UpdateCustomer(context.Background(), c.Customer); err != nil {
				t.Fatal(err)
			}
		}
		if a := b.state(c.Ref); a.OwnerEmail != "jane@new.example" {
			t.Errorf("owner: %s", a.OwnerEmail)
		}
	})
}

func TestWhatAPanelRefuses(t *testing.T) {
	tests := []struct {
		name   string
		before func(b *bench, c *panel.Creation)
		kind   fault.Kind
		code   string
		field  string
	}{
		{"no node has room", func(b *bench, c *panel.Creation) { b.act("sold_out", "") }, fault.Declined, "out_of_stock", ""},
		{"the location has no room for so much", func(b *bench, c *panel.Creation) {
			c.Product = maps.Clone(plan)
			c.Product["memory"] = []string{"400000"}
		}, fault.Declined, "out_of_stock", ""},
		{"a variable breaks the game's rules", func(b *bench, c *panel.Creation) {
			c.Product = maps.Clone(plan)
			c.Product["environment"] = []string{"SERVER_JARFILE=not a jar"}
		}, fault.Invalid, "http_422", "environment"},
		{"a game that is not on the panel", func(b *bench, c *panel.Creation) {
			c.Product = maps.Clone(plan)
			c.Product["egg"] = []string{"1/99"}
		}, fault.Invalid, "no_such_game", "egg"},
		{"no game at all", func(b *bench, c *panel.Creation) {
			c.Product = maps.Clone(plan)
			delete(c.Product, "egg")
		}, fault.Invalid, "needed", "egg"},
		{"a game outside the product's", func(b *bench, c *panel.Creation) {
			c.Product = maps.Clone(plan)
			delete(c.Product, "egg")
			c.Product["eggs"] = []string{"2/3", "2/4"}
			c.Checkout["egg"] = []string{"1/1"}
		}, fault.Invalid, "not_offered", "egg"},
		{"a location outside the product's", func(b *bench, c *panel.Creation) {
			c.Product = maps.Clone(plan)
			c.Product["locations"] = []string{"2"}
		}, fault.Invalid, "not_offered", "location"},
		{"the installation fails", func(b *bench, c *panel.Creation) { b.act("build_fails", "") }, fault.Declined, "build_failed", ""},
		{"our server is another's", func(b *bench, c *panel.Creation) {
			other := order("sub_1")
			other.Customer.ID, other.Customer.Email = "cus_2", "joe@example.com"
			b.create(&other)
			c.Username = "jane9"
		}, fault.Declined, "needs_person", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, c := newBench(t), order("sub_1")
			tt.before(b, &c)
			_, err := b.until(func() (panel.Progress, error) { return b.panel.Create(context.Background(), c) })
			b.refused(err, tt.kind, tt.code)
			if f := fault.Of(err); f.Field != tt.field {
				t.Errorf("field: want %q, have %q", tt.field, f.Field)
			}
		})
	}
}

func TestInstallations(t *testing.T) {
	t.Run("staff's retry of one that failed builds again", func(t *testing.T) {
		b, c := newBench(t), order("sub_1")
		b.act("build_fails", "")
		_, err := b.until(func() (panel.Progress, error) { return b.panel.Create(context.Background(), c) })
		b.refused(err, fault.Declined, "build_failed")
		if a := b.state(c.Ref); a.Status != panel.Failed {
			t.Errorf("status: %s", a.Status)
		}
		c.Op.ID = "op_again"
		b.create(&c)
		if s := b.sim.State(); s.Things["account"] != 1 || s.Accounts[0].Status != "active" {
			t.Errorf("have %+v", s)
		}
	})
	t.Run("one that is stuck is asked for a day, in less than 200 calls", func(t *testing.T) {
		b, c := newBench(t), order("sub_1")
		b.act("stuck", "")
		calls := 0
		for ; b.sim.Now().Before(day.Add(24 * time.Hour)); calls++ {
			p, err := b.panel.Create(context.Background(), c)
			if err != nil || p.Done {
				t.Fatalf("call %d: %+v %v", calls, p, err)
			}
			b.sim.AddClock(p.After)
		}
		if calls > 199 {
			t.Errorf("%d calls", calls)
		}
		b.act("finish", "sub_1")
		b.create(&c)
	})
	t.Run("a reinstallation that fails is told", func(t *testing.T) {
		b, c := newBench(t), order("sub_1")
		b.create(&c)
		b.act("build_fails", "")
		_, err := b.change(func(ctx context.Context, op sdk.Op, r panel.Ref) (panel.Progress, error) {
			return b.panel.Reinstall(ctx, op, r, nil, secret.Value{})
		}, "op_reinstall", c.Ref)
		b.refused(err, fault.Declined, "build_failed")
	})
	t.Run("a lost answer to a reinstallation is not a second one", func(t *testing.T) {
		b, c := newBench(t), order("sub_1")
		b.create(&c)
		b.sim.Forget()
		b.faults(vendor.Fault{Path: "*/reinstall", Times: 1, Do: "cut-after"})
		if _, err := b.change(func(ctx context.Context, op sdk.Op, r panel.Ref) (panel.Progress, error) {
			return b.panel.Reinstall(ctx, op, r, nil, secret.Value{})
		}, "op_reinstall", c.Ref); err != nil || len(b.sim.Changes()) != 1 {
			t.Errorf("%v, %d changes", err, len(b.sim.Changes()))
		}
	})
}

func TestANodeThatCannotBeReached(t *testing.T) {
	suspend := func(b *bench, c panel.Creation) (panel.Progress, error) {
		return b.panel.Suspend(context.Background(), sdk.Op{ID: "op_2"}, c.Ref, "")
	}
	end := func(b *bench, c panel.Creation) (panel.Progress, error) {
		return b.panel.Terminate(context.Background(), sdk.Op{ID: "op_2"}, c.Ref)
	}
	tests := []struct {
		name, act, undo, code string
		do                    func(*bench, panel.Creation) (panel.Progress, error)
	}{
		{"takes a suspension back", "node_down", "node_up", "node_unreachable", suspend},
		{"keeps a server that should end", "node_down", "node_up", "node_unreachable", end},
		{"is being left: the server moves", "lock", "unlock", "busy", suspend},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, c := newBench(t), order("sub_1")
			b.create(&c)
			b.act(tt.act, "sub_1")
			_, err := tt.do(b, c)
			b.refused(err, fault.Unavailable, tt.code)
			if fault.Of(err).After == 0 {
				t.Error("nobody knows when to ask again")
			}
			if a := b.state(c.Ref); a.Status != panel.Active {
				t.Errorf("status: %s", a.Status)
			}
			b.act(tt.undo, "sub_1")
			if p, err := tt.do(b, c); err != nil || !p.Done {
				t.Errorf("then: %+v %v", p, err)
			}
		})
	}
	t.Run("leaves nothing of a new server, and its outcome in doubt", func(t *testing.T) {
		b, c := newBench(t), order("sub_1")
		b.act("node_down", "")
		var err error
		for range 2 {
			_, err = b.panel.Create(context.Background(), c)
		}
		b.refused(err, fault.Unknown, "node_unreachable")
		_, err = b.panel.Find(context.Background(), c)
		b.refused(err, fault.NotFound, "http_404")
		b.act("node_up", "")
		b.create(&c)
	})
}

func TestAResizeThatTheServerCannotTake(t *testing.T) {
	b, c := newBench(t), order("sub_1")
	b.create(&c)
	b.act("usage", "sub_1", `"disk":9000000000`)
	smaller := maps.Clone(plan)
	smaller["disk"] = []string{"5120"}
	resize := func(ctx context.Context, op sdk.Op, r panel.Ref) (panel.Progress, error) {
		return b.panel.Resize(ctx, op, r, smaller, nil)
	}
	_, err := b.change(resize, "op_2", c.Ref)
	b.refused(err, fault.Declined, "downgrade_forbidden")
	b.act("usage", "sub_1", `"disk":1000`)
	smaller["egg"] = []string{"3/5"}
	p, err := b.change(resize, "op_2", c.Ref)
	if err != nil || len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0], "3/5") {
		t.Errorf("%+v %v", p, err)
	}
}

func TestUsageIsWhatNodesMeasure(t *testing.T) {
	b := newBench(t)
	var refs []panel.Ref
	for n := 1; n <= 3; n++ {
		c := order(fmt.Sprintf("sub_%d", n))
		b.create(&c)
		refs = append(refs, c.Ref)
	}
	b.act("usage", "sub_1", `"memory":123456789,"cpu":1234567,"disk":987654321`)
	delete(refs[0].Notes, noteIdentifier)
	if _, err := b.panel.Suspend(context.Background(), sdk.Op{ID: "op_s"}, refs[1], ""); err != nil {
		t.Fatal(err)
	}
	usage, err := b.panel.Usage(context.Background(), refs)
	if err != nil || len(usage) != 2 {
		t.Fatalf("want two of three, have %v %v", usage, err)
	}
	want := []panel.Meter{
		{Name: "memory", Unit: "bytes", Used: 123456789, Limit: 2048 << 20},
		{Name: "cpu", Unit: "ppm", Used: 1234567, Limit: 2_000_000},
		{Name: "disk", Unit: "bytes", Used: 987654321, Limit: 10240 << 20},
	}
	if !slices.Equal(usage["sub_1"], want) {
		t.Errorf("want %v, have %v", want, usage["sub_1"])
	}
	b.act("node_down", "")
	if usage, err := b.panel.Usage(context.Background(), refs); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("all nodes are down: %v %v", usage, err)
	}
}

func TestAccountsWalkAllPagesOrFail(t *testing.T) {
	b := newBench(t)
	var state vendor.State
	for n := range 120 {
		state.Accounts = append(state.Accounts, vendor.Account{Service: fmt.Sprintf("sub_%d", n), Status: "active", Customer: "cus_1"})
	}
	b.put(state)
	count := 0
	for a, err := range b.panel.Accounts(context.Background()) {
		if err != nil || a.Service != fmt.Sprintf("sub_%d", count) {
			t.Fatalf("%d: %+v %v", count, a, err)
		}
		count++
	}
	if count != 120 {
		t.Errorf("%d accounts", count)
	}
	b.faults(vendor.Fault{Path: "*/servers", Nth: 2, Do: "half"})
	var last error
	for _, err := range b.panel.Accounts(context.Background()) {
		last = err
	}
	if fault.KindOf(last) != fault.Unavailable {
		t.Errorf("a page is missing: %v", last)
	}
}

func (b *bench) put(state vendor.State) {
	b.Helper()
	body := new(bytes.Buffer)
	fmt.Fprint(body, `{"accounts":[`)
	for i, a := range state.Accounts {
		if i > 0 {
			body.WriteByte(',')
		}
		fmt.Fprintf(body, `{"service":%q,"status":%q,"customer":%q}`, a.Service, a.Status, a.Customer)
	}
	fmt.Fprint(body, `]}`)
	rec := httptest.NewRecorder()
	b.sim.ServeHTTP(rec, httptest.NewRequest("PUT", "/_sim/state", body))
	if rec.Code != 204 {
		b.Fatal(rec.Body)
	}
}

func TestChoicesFollowTheProduct(t *testing.T) {
	b := newBench(t)
	values := func(q form.Question) []string {
		t.Helper()
		list, err := b.panel.Choices(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, c := range list {
			if !c.Off {
				out = append(out, c.Value)
			}
		}
		return out
	}
	open := maps.Clone(plan)
	delete(open, "egg")
	open["eggs"], open["locations"], open["memory"] = []string{"2/3", "3/5"}, []string{"1", "3"}, []string{"100000"}
	tests := []struct {
		name string
		ask  form.Question
		want []string
	}{
		{"all games for a product", form.Question{Scope: "product", Field: "egg"}, []string{"1/1", "1/2", "2/3", "2/4", "3/5"}},
		{"a buyer sees the product's games", form.Question{Scope: "checkout", Field: "egg", Product: open}, []string{"2/3", "3/5"}},
		{"a fixed game is the only one", form.Question{Scope: "checkout", Field: "egg", Product: plan}, []string{"1/1"}},
		{"all locations for a product", form.Question{Scope: "product", Field: "locations"}, []string{"1", "2", "3"}},
		{"a buyer sees the product's locations with room", form.Question{Scope: "checkout", Field: "location", Product: open}, []string{"1"}},
		{"images of the chosen game", form.Question{Scope: "product", Field: "docker_image", Filled: form.Values{"egg": {"2/3"}}}, []string{"images.example.test/games:valheim"}},
		{"variables of the chosen game", form.Question{Scope: "product", Field: "environment", Filled: form.Values{"egg": {"2/4"}}},
			[]string{"WORLD_NAME=world", "WORLD_SIZE=1", "MAX_PLAYERS=8"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if have := values(tt.ask); !slices.Equal(have, tt.want) {
				t.Errorf("want %v, have %v", tt.want, have)
			}
		})
	}
	for name, want := range map[string]int{"100000": -1, "400000": 0} {
		open["memory"] = []string{name}
		if free, err := b.panel.Stock(context.Background(), open); err != nil || free != want {
			t.Errorf("stock for %s MiB: %d %v", name, free, err)
		}
	}
}

func TestAddressesAndKeysThatAreWrong(t *testing.T) {
	b, ctx, c := newBench(t), context.Background(), order("sub_1")
	b.create(&c)
	elsewhere := b.at(b.url + "/wrong")
	_, err := elsewhere.Check(ctx)
	b.refused(err, fault.Invalid, "wrong_address")
	_, err = elsewhere.State(ctx, c.Ref)
	b.refused(err, fault.Unavailable, "not_the_panel")
	if _, err = elsewhere.Terminate(ctx, sdk.Op{ID: "op_2"}, c.Ref); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("terminate at the wrong address: %v", err)
	}
	keys := func(application, client string) panel.Client {
		return panel.NewClient(b.plugin.Instance("games", form.Values{"url": {b.url}, "application_key": {application}, "client_key": {client}}))
	}
	for name, tt := range map[string]struct{ application, client, field string }{
		"no application key":           {"ptla_nobody", sim.ClientKey, "application_key"},
		"no client key":                {sim.ApplicationKey, "ptlc_nobody", "client_key"},
		"the keys are the wrong way":   {sim.ClientKey, sim.ApplicationKey, "client_key"},
		"one key of a root user is ok": {sim.ClientKey, sim.ClientKey, ""},
	} {
		_, err := keys(tt.application, tt.client).Check(ctx)
		switch f := fault.Of(err); {
		case tt.field == "" && err != nil, tt.field != "" && (f == nil || f.Kind != fault.Forbidden || f.Field != tt.field):
			t.Errorf("%s: %v", name, err)
		}
	}
	next := order("sub_2")
	_, err = keys(sim.ReadKey, sim.ClientKey).Create(ctx, next)
	if err == nil {
		_, err = keys(sim.ReadKey, sim.ClientKey).Create(ctx, next)
	}
	b.refused(err, fault.Forbidden, "http_403")
}
