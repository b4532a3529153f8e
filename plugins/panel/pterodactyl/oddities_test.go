package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ezscale/bursar/plugins/panel/pterodactyl/sim"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/panel"
	"github.com/ezscale/bursar/sdk/secret"
	vendor "github.com/ezscale/bursar/sdk/sim"
)

// What only Pterodactyl does.

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
		if err := b.panel.UpdateCustomer(context.Background(), c.Customer); err != nil || b.state(c.Ref).OwnerEmail != "Jane@Example.com" {
			t.Errorf("owner: %s, %v", b.state(c.Ref).OwnerEmail, err)
		}
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
	reinstall := func(b *bench, egg string) func(ctx context.Context, op sdk.Op, r panel.Ref) (panel.Progress, error) {
		return func(ctx context.Context, op sdk.Op, r panel.Ref) (panel.Progress, error) {
			return b.panel.Reinstall(ctx, op, r, form.Values{"egg": {egg}}, secret.Value{})
		}
	}
	for do, requests := range map[string]int{"cut-before": 3, "cut-after": 2, "half": 2, "html": 3, "status:500": 3, "status:503": 3} {
		for n := 1; n <= 2; n++ {
			t.Run(fmt.Sprintf("another game by reinstallation, %s at change %d", do, n), func(t *testing.T) {
				b, c := newBench(t), order("sub_1")
				b.create(&c)
				b.sim.Forget()
				b.faults(vendor.Fault{Method: "change", Nth: n, Times: 1, Do: do})
				p, err := b.change(reinstall(b, "3/5"), "op_reinstall", c.Ref)
				if s := b.sim.State().Accounts; err != nil || len(s) != 1 || s[0].Status != "active" || s[0].Plan["egg"] != "3/5" || len(p.Warnings) != 1 {
					t.Errorf("%+v %v, have %+v", p, err, s)
				}
				if changes := b.sim.Changes(); len(changes) != requests {
					t.Errorf("want %d changes, have %d", requests, len(changes))
				}
				b.sim.Forget()
				if p, err := b.change(reinstall(b, "3/5"), "op_reinstall", c.Ref); err != nil || !p.Done || len(b.sim.Changes()) > 0 {
					t.Errorf("again: %+v %v, %d changes", p, err, len(b.sim.Changes()))
				}
			})
		}
	}
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
