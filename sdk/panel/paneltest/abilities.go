package paneltest

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/panel"
	"github.com/ezscale/bursar/sdk/secret"
	"github.com/ezscale/bursar/sdk/sim"
)

// abilities are the promises of the powers.
var abilities = []testCase{
	{name: "a resize reaches its size, and what it left is warned", power: "Resizer", run: resizes},
	{name: "a resize is cut", power: "Resizer", run: resizeCut},
	{name: "power reaches State", power: "PowerSwitch", run: power},
	{name: "a new password comes once", power: "PasswordResetter", run: newPassword},
	{name: "a reinstallation ends active", power: "Reinstaller", run: reinstall},
	{name: "a login link points to the panel and is not logged", power: "LoginLinker", run: loginLink},
	{name: "usage sums what the vendor counted and omits what it could not read", power: "UsageReader", run: usage},
	{name: "accounts walk all pages or fail", power: "Lister", run: accountsWalk},
	{name: "stock is what there is room for", power: "StockKeeper", run: stock},
	{name: "a customer's new address reaches the vendor", power: "CustomerUpdater", run: customerUpdate},
}

func resizeTo(to Resize) change {
	return change{"Resize", func(ctx context.Context, p panel.Panel, op sdk.Op, c panel.Creation) (panel.Progress, error) {
		return p.(panel.Resizer).Resize(ctx, op, c.Ref, to.Product, to.Checkout)
	}}
}

func resizes(t *testing.T, s Suite) {
	if len(s.Resizes) == 0 {
		t.Fatal("the plugin is a Resizer and the suite has no Resizes")
	}
	for _, to := range s.Resizes {
		t.Run(to.Name, func(t *testing.T) {
			r := newRig(t, s)
			b := r.account("sub_1", customer(1042))
			was := r.of("sub_1")[0].Plan
			op := r.op()
			trip := r.drive(b, op, resizeTo(to), mishap{})
			now := r.of("sub_1")[0]
			if to.Code != "" {
				declined(t, "Resize", trip.err, to.Code)
				if !covers(now.Plan, was) {
					t.Errorf("have %v, want %v as before", now.Plan, was)
				}
				return
			}
			if trip.err != nil || !covers(now.Plan, to.Plan) || now.Status != "active" {
				r.broken(trip, "", fmt.Sprint(to.Plan), fmt.Sprint(now.Status, now.Plan), "See panel.Resizer.")
			}
			if to.Warns != (len(b.warnings) > 0) {
				t.Errorf("warnings: have %q, want some: %t", b.warnings, to.Warns)
			}
			r.vendor.Forget()
			if again := r.drive(b, op, resizeTo(to), mishap{}); again.err != nil || len(r.vendor.Changes()) > 0 {
				r.broken(again, "It was Done already. ", "no change, and Done", requests(r.vendor.Changes()), "What is done under one Op is done once: see sdk.Op.")
			}
		})
	}
}

func resizeCut(t *testing.T, s Suite) {
	for _, to := range s.Resizes {
		if to.Code != "" {
			continue
		}
		plain := newRig(t, s)
		b := plain.account("sub_1", customer(1042))
		n := changesOf(plain, b, plain.op(), resizeTo(to))
		for nth := 1; nth <= n; nth++ {
			for _, cut := range cuts {
				t.Run(fmt.Sprintf("%s, %s its %s change", to.Name, cut.name, ordinal(nth)), func(t *testing.T) {
					r := newRig(t, s)
					b := r.account("sub_1", customer(1042))
					r.fault(sim.Fault{Method: "change", Nth: nth, Times: 1, Do: cut.do})
					trip := r.drive(b, r.op(), resizeTo(to), mishap{})
					if now := r.of("sub_1")[0]; trip.err != nil || !covers(now.Plan, to.Plan) {
						r.broken(trip, fmt.Sprintf("Change %d of %d %s. ", nth, n, cut.what), fmt.Sprint(to.Plan), fmt.Sprint(now.Plan), "See panel.Resizer.")
					}
				})
			}
		}
	}
}

func switchTo(a panel.PowerAction) change {
	return change{"Power " + string(a), func(ctx context.Context, p panel.Panel, op sdk.Op, c panel.Creation) (panel.Progress, error) {
		return p.(panel.PowerSwitch).Power(ctx, op, c.Ref, a)
	}}
}

func power(t *testing.T, s Suite) {
	r := newRig(t, s)
	b := r.account("sub_1", customer(1042))
	for _, tt := range []struct {
		action panel.PowerAction
		want   string
	}{
		{panel.Stop, "stopped"}, {panel.Start, "running"}, {panel.Restart, "running"}, {panel.Kill, "stopped"}, {panel.Kill, "stopped"}, {panel.Start, "running"},
	} {
		op := r.op()
		if trip := r.drive(b, op, switchTo(tt.action), mishap{}); trip.err != nil {
			r.broken(trip, "", "Done", "", "See panel.PowerSwitch.")
			return
		}
		have := ""
		for range 20 { // Done means accepted
			a, err := r.client.State(t.Context(), b.copied().Ref)
			if err != nil {
				t.Fatal(err)
			}
			if have = a.Power; have == tt.want {
				break
			}
			r.vendor.AddClock(10 * time.Second)
		}
		if now := r.of("sub_1")[0].Power; have != tt.want || now != tt.want {
			t.Errorf("after %s: State says %q, the vendor %q, want %q", tt.action, have, now, tt.want)
		}
		r.vendor.Forget()
		if r.drive(b, op, switchTo(tt.action), mishap{}); len(r.vendor.Changes()) > 0 {
			t.Errorf("%s, repeated under its Op, sent %s", tt.action, requests(r.vendor.Changes()))
		}
	}
	r.at(r.drive(b, r.op(), suspend, mishap{}), b, "suspended", "")
	if trip := r.drive(b, r.op(), switchTo(panel.Start), mishap{}); trip.err == nil {
		t.Error("a suspended account was started")
	}
}

func newPassword(t *testing.T, s Suite) {
	reset := change{"ResetPassword", func(ctx context.Context, p panel.Panel, op sdk.Op, c panel.Creation) (panel.Progress, error) {
		return p.(panel.PasswordResetter).ResetPassword(ctx, op, c.Ref, secret.New("Wanted0123456789abcdefgh"))
	}}
	r := newRig(t, s)
	r.secrets = append(r.secrets, "Wanted0123456789abcdefgh")
	b := r.account("sub_1", customer(1042))
	b.credentials = nil
	op := r.op()
	trip := r.drive(b, op, reset, mishap{})
	if trip.err != nil || len(b.credentials) == 0 || b.credentials[0].Username == "" || b.credentials[0].Password.IsZero() {
		r.broken(trip, "", "Done, with a credential", fmt.Sprint(len(b.credentials), " credentials"), "See panel.PasswordResetter.")
	}
	r.vendor.Forget()
	if trip = r.drive(b, op, reset, mishap{}); trip.err != nil || len(r.vendor.Changes()) > 0 {
		r.broken(trip, "It was Done already. ", "no change, and Done", requests(r.vendor.Changes()), "What is done under one Op is done once: see sdk.Op.")
	}
	for _, cut := range cuts {
		r := newRig(t, s)
		b := r.account("sub_1", customer(1042))
		b.credentials = nil
		r.fault(sim.Fault{Method: "change", Times: 1, Do: cut.do})
		if trip := r.drive(b, r.op(), reset, mishap{}); trip.err != nil || len(b.credentials) == 0 {
			r.broken(trip, "Its first change "+cut.what+". ", "Done, with a credential that was not lost", fmt.Sprint(len(b.credentials), " credentials"), "See panel.PasswordResetter.")
		}
	}
}

func reinstall(t *testing.T, s Suite) {
	again := change{"Reinstall", func(ctx context.Context, p panel.Panel, op sdk.Op, c panel.Creation) (panel.Progress, error) {
		checkout := c.Checkout.Clone()
		return p.(panel.Reinstaller).Reinstall(ctx, op, c.Ref, checkout, secret.New("Wanted0123456789abcdefgh"))
	}}
	ends := func(r *rig, b *book, wrong string) {
		t.Helper()
		id := b.RemoteID
		b.credentials = nil
		trip := r.drive(b, r.op(), again, mishap{})
		if mine := r.of("sub_1"); trip.err != nil || len(mine) != 1 || mine[0].Status != "active" || mine[0].ID != id || len(b.credentials) == 0 {
			r.broken(trip, wrong, "the same account, active, with a way in", fmt.Sprintf("%s, %d credentials", accounts(mine), len(b.credentials)), "See panel.Reinstaller.")
		}
	}
	r := newRig(t, s)
	ends(r, r.account("sub_1", customer(1042)), "")
	for _, cut := range cuts {
		r := newRig(t, s)
		b := r.account("sub_1", customer(1042))
		r.fault(sim.Fault{Method: "change", Times: 1, Do: cut.do})
		ends(r, b, "Its first change "+cut.what+". ")
		posts := map[string]int{}
		for _, q := range r.vendor.Changes() {
			if q.Method == http.MethodPost && q.Status/100 == 2 && q.Fault != "html" {
				posts[q.Path]++
			}
		}
		for path, n := range posts {
			if n > 1 {
				t.Errorf("its first change %s: POST %s was done %d times: what the customer has put on it since is wiped", cut.what, path, n)
			}
		}
	}
	r = newRig(t, s)
	b := r.account("sub_1", customer(1042))
	r.act("build_fails", "", nil)
	declined(t, "a reinstallation that fails", r.drive(b, r.op(), again, mishap{}).err, "build_failed")
	ends(r, b, "The one before failed. ")
}

func loginLink(t *testing.T, s Suite) {
	r := newRig(t, s)
	b := r.account("sub_1", customer(1042))
	home, _ := url.Parse(r.address)
	links := map[string]bool{}
	for range 2 {
		link, err := r.client.Login(t.Context(), b.copied().Ref, false)
		if err != nil {
			t.Fatal(err)
		}
		to, err := url.Parse(link.URL)
		if err != nil || to.Host != home.Host || to.Scheme != home.Scheme {
			t.Fatal("the link does not point to the panel")
		}
		if !link.SignedOn {
			continue // nothing secret about it
		}
		if links[link.URL] {
			t.Error("the same link came twice")
		}
		links[link.URL] = true
		if !link.Expires.IsZero() && !link.Expires.After(r.vendor.Now()) {
			t.Errorf("it expired at %s", link.Expires)
		}
		r.secrets = append(r.secrets, link.URL)
		for _, values := range to.Query() {
			r.secrets = append(r.secrets, values...)
		}
	}
	link, err := r.client.Login(t.Context(), b.copied().Ref, true)
	if err != nil {
		kind(t, "Login of staff", err, fault.Unsupported)
	} else if to, err := url.Parse(link.URL); err != nil || to.Host != home.Host {
		t.Error("the link of staff does not point to the panel")
	}
	r.at(r.drive(b, r.op(), suspend, mishap{}), b, "suspended", "")
	_, err = r.client.Login(t.Context(), b.copied().Ref, false)
	kind(t, "Login while suspended", err, fault.Conflict)
}

func usage(t *testing.T, s Suite) {
	r := newRig(t, s)
	one, two := r.account("sub_1", customer(1042)), r.account("sub_2", customer(1043))
	r.act("traffic", one.RemoteID, map[string]any{"bytes": 1_500_000_000_000})
	r.act("traffic", one.RemoteID, map[string]any{"bytes": 7})
	r.act("traffic", two.RemoteID, map[string]any{"bytes": 11})
	gone := panel.Ref{Service: "sub_gone", RemoteID: "987654", Customer: customer(1042), Notes: sdk.Notes{}}
	read := func(refs ...panel.Ref) map[string][]panel.Meter {
		t.Helper()
		all, err := r.client.Usage(t.Context(), refs)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	all := read(one.copied().Ref, gone, two.copied().Ref)
	if _, ok := all["sub_gone"]; ok {
		t.Error("what could not be read has a meter: that is not zero, it is missing")
	}
	for _, b := range []*book{one, two} {
		counted := r.of(b.Service)[0].Usage
		for name, want := range counted {
			have := int64(-1)
			for _, m := range all[b.Service] {
				if m.Name == name {
					have = m.Used
				}
				if m.Unit == "" || m.To.Before(m.From) {
					t.Errorf("%s: the meter %+v", b.Service, m)
				}
			}
			if have != want {
				t.Errorf("%s of %s: have %d, the vendor counted %d", name, b.Service, have, want)
			}
		}
		if len(counted) == 0 {
			t.Error("the simulator counts nothing")
		}
	}
	r.fault(sim.Fault{Do: "status:500"})
	if all, err := r.client.Usage(t.Context(), []panel.Ref{one.copied().Ref}); err == nil && len(all) > 0 {
		t.Errorf("from errors alone it read %v", all)
	}
}

// many is more accounts than any vendor shows on a page or two.
const many = 450

func accountsWalk(t *testing.T, s Suite) {
	r := newRig(t, s)
	b := r.account("sub_1", customer(1042))
	for range many {
		r.stranger("1042")
	}
	want := map[string]bool{}
	for _, a := range r.vendor.State().Accounts {
		want[a.ID] = true
	}
	r.vendor.Forget()
	list, err := walk(t.Context(), r.client)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range list {
		if !want[a.ID] {
			t.Fatalf("account %q came twice, or is none of the vendor's", a.ID)
		}
		delete(want, a.ID)
		if a.ID == b.RemoteID && (a.Service != "" && a.Service != "sub_1" || a.Status != panel.Active) {
			t.Errorf("ours reads %+v", a)
		}
	}
	if len(want) > 0 {
		t.Errorf("%d of %d accounts did not come", len(want), len(list)+len(want))
	}
	reads := len(r.vendor.Requests())
	for nth := 1; nth <= min(reads, 6); nth++ {
		for _, do := range []string{"cut-before", "half", "html", "status:500", "garbage"} {
			r.fault(sim.Fault{Nth: nth, Times: 1, Do: do})
			if list, err := walk(t.Context(), r.client); err == nil && len(list) != many+1 {
				t.Errorf("%s at request %d: it walked %d accounts and says that these are all", do, nth, len(list))
			}
		}
	}
}

func stock(t *testing.T, s Suite) {
	r := newRig(t, s)
	before, err := r.client.Stock(t.Context(), s.Product)
	if err != nil || before == 0 {
		t.Errorf("of an empty vendor: have %d, %v", before, err)
	}
	r.account("sub_1", customer(1042))
	after, err := r.client.Stock(t.Context(), s.Product)
	if err != nil || before > 0 && after >= before {
		t.Errorf("after one was made: have %d of %d, %v", after, before, err)
	}
	r.act("sold_out", "", nil)
	if free, err := r.client.Stock(t.Context(), s.Product); err != nil || free != 0 {
		t.Errorf("when it is sold out: have %d, %v", free, err)
	}
}

func customerUpdate(t *testing.T, s Suite) {
	r := newRig(t, s)
	b := r.account("sub_1", customer(1042))
	c := b.copied().Customer
	c.Email = "new-address@example.test"
	if err := r.client.UpdateCustomer(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	a, err := r.client.State(t.Context(), b.copied().Ref)
	if err != nil || a.OwnerEmail != "" && !strings.EqualFold(a.OwnerEmail, c.Email) {
		t.Errorf("have %q, %v", a.OwnerEmail, err)
	}
	if err := r.client.UpdateCustomer(t.Context(), customer(4711)); err != nil {
		t.Errorf("of a customer whom the vendor does not know: %v", err)
	}
}
