package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/app"
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/sales/order"
	"github.com/ezscale/bursar/sdk/sim"
)

// moneyAgrees compares the gateway's money with ours: each op moved money once, and all of it is a payment of ours.
func (r *rig) moneyAgrees(a *app.App) {
	r.t.Helper()
	ours := map[string]int64{}
	for after := ""; ; {
		page, err := a.Payments.Payments(r.t.Context(), payment.Filter{Gateway: "stripe", After: after, Limit: 200})
		r.ok(err)
		for _, p := range page.List {
			ours[string(p.Attempt)] += p.Amount.Minor()
		}
		if after = page.Next; after == "" {
			break
		}
	}
	theirs := r.state("stripe").Money
	for op, m := range theirs {
		if ours[op] != m.Taken {
			r.t.Errorf("the gateway took %d for %s, our payments say %d", m.Taken, op, ours[op])
		}
	}
	for op, minor := range ours {
		if theirs[op].Taken != minor {
			r.t.Errorf("we have a payment of %d for %s, the gateway took %d", minor, op, theirs[op].Taken)
		}
	}
	credit, err := a.Ledger.Balance(r.t.Context(), r.customer())
	r.ok(err)
	for _, b := range credit {
		if b.Minor() != 0 {
			r.t.Errorf("the customer has a credit of %s: something was paid twice", b)
		}
	}
}

// accountsAgree wants one account for each service that was paid, and no other.
func (r *rig) accountsAgree(a *app.App, bought []*purchase) {
	r.t.Helper()
	accounts := r.marks("virtfusion")
	for _, p := range bought {
		if !p.paid {
			continue
		}
		sub, err := a.Subscriptions.Get(r.t.Context(), ids.Subscription(p.service))
		r.ok(err)
		if sub.Status != subscription.Active {
			r.t.Errorf("%s is paid, and %s", p.label, sub.Status)
		}
		if n := accounts[p.service]; n != 1 {
			r.t.Errorf("%s has %d servers", p.label, n)
		}
		delete(accounts, p.service)
	}
	for mark, n := range accounts { // of the samples
		if sub, err := a.Subscriptions.Get(r.t.Context(), ids.Subscription(mark)); err != nil || n != 1 || sub.Status == subscription.Ended {
			r.t.Errorf("%d servers of %q, which is %q: %v", n, mark, sub.Status, err)
		}
	}
}

// TestTheHostIsKilledWhileItInvoicesAndIsPaid kills the host at any moment while customers order and pay and the clock
// runs through renewals. Nothing that was acknowledged is lost, nothing happens twice, nobody has to repair anything.
func TestTheHostIsKilledWhileItInvoicesAndIsPaid(t *testing.T) {
	r := newRig(t, dbtest.SQLite(t), "stripe", "virtfusion", "mailgun")
	options := r.options("vps-1", map[string]string{"location": "3", "template": "8"})
	before := r.orders()
	r.start()
	card := r.card("4242")
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	luck := rand.New(rand.NewPCG(seed, 1))
	var bought []*purchase
	for range rounds(50, 1000) {
		ctx, stop := context.WithCancel(t.Context())
		var all sync.WaitGroup
		open := unpaid(bought)
		for len(bought) < 400 && len(open) < 3 {
			p := &purchase{label: fmt.Sprintf("k%d", len(bought))}
			bought, open = append(bought, p), append(open, p)
		}
		for _, p := range open {
			all.Go(func() {
				for !p.paid && ctx.Err() == nil {
					if status, err := r.step(ctx, p, options, card); err != nil && !passing(status) {
						t.Error(err)
						return
					}
				}
			})
		}
		days := 1 + luck.IntN(9)
		all.Go(func() {
			_, _ = r.call(ctx, r.people.Staff.Token, http.MethodPost, "/admin/clock/advance", "", map[string]int{"days": days}, nil) // it is cut short
		})
		time.Sleep(time.Duration(20+luck.IntN(700)) * time.Millisecond)
		r.kill()
		stop()
		all.Wait()
		if t.Failed() {
			return
		}
		r.start()
	}
	for _, p := range unpaid(bought) {
		for until := time.Now().Add(2 * time.Minute); !p.paid; {
			if status, err := r.step(t.Context(), p, options, card); err != nil && (!passing(status) || time.Now().After(until)) {
				t.Fatal(err)
			}
		}
	}
	r.quiet()
	r.kill()
	r.settled(bought, before)
}

// TestAProcessIsKilledAtAnyPointOfACreation kills the panel's plugin, or now and then the host, before the panel is
// called, while it works and before its answer is back. Each order has one server in the end.
func TestAProcessIsKilledAtAnyPointOfACreation(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := newRig(t, d, "stripe", "virtfusion", "mailgun")
		options := r.options("vps-1", map[string]string{"location": "3", "template": "8"})
		before := r.orders()
		r.start()
		card := r.card("4242")
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		luck := rand.New(rand.NewPCG(seed, 2))
		var bought []*purchase
		for n := range rounds(20, 200) {
			r.slow(150 * time.Millisecond)
			p := &purchase{label: fmt.Sprintf("p%d", n)}
			bought = append(bought, p)
			for !p.paid {
				if _, err := r.step(t.Context(), p, options, card); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(time.Duration(luck.IntN(600)) * time.Millisecond)
			if n%4 == 3 {
				r.kill()
				r.start()
			} else {
				r.killPlugin("virtfusion")
			}
		}
		r.slow(0)
		r.quiet()
		r.kill()
		r.settled(bought, before)
	})
}

// passing are answers after which a program asks again: too many requests, the first one is still under way, the host is
// going down.
func passing(status int) bool {
	return status == 0 || status == http.StatusConflict || status == http.StatusTooManyRequests || status >= 500
}

func unpaid(all []*purchase) (out []*purchase) {
	for _, p := range all {
		if !p.paid {
			out = append(out, p)
		}
	}
	return out
}

// quiet has everything come to rest: leases of dead processes run out, doubts are cleared up, the day's work is done.
func (r *rig) quiet() {
	r.t.Helper()
	for until := time.Now().Add(3 * time.Minute); ; {
		r.advance(1)
		var work struct {
			Jobs, Deliveries map[string]int64
			Operations       map[string]int
		}
		r.must(r.people.Staff.Token, http.MethodGet, "/admin/jobs", "", nil, &work)
		busy := work.Jobs["running"] + work.Deliveries["running"] + work.Deliveries["waiting"]
		for _, state := range []string{"queued", "calling", "running"} {
			busy += int64(work.Operations[state])
		}
		if busy == 0 {
			return
		}
		if time.Now().After(until) {
			r.t.Fatalf("work does not come to an end: %+v", work)
		}
		time.Sleep(time.Second)
	}
}

// killPlugin kills the process of a plugin.
func (r *rig) killPlugin(name string) {
	r.t.Helper()
	for _, pid := range childrenOf(r.host.Process.Pid, name) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
			r.t.Fatal(err)
		}
	}
}

// childrenOf are the processes that a process started from a program of that name.
func childrenOf(pid int, name string) (out []int) {
	all, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range all {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it is over
		}
		var parent int
		if _, err := fmt.Sscanf(string(text[bytes.LastIndexByte(text, ')')+4:]), "%d", &parent); err != nil || parent != pid {
			continue
		}
		program, _ := os.Readlink(filepath.Dir(path) + "/exe")
		if child, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil && strings.Contains(filepath.Base(program), name) {
			out = append(out, child)
		}
	}
	return out
}

// slow makes the panel take its time before it answers a change; zero makes it quick again.
func (r *rig) slow(d time.Duration) {
	r.t.Helper()
	var faults []sim.Fault
	if d > 0 {
		faults = append(faults, sim.Fault{Method: "change", Do: "slow:" + d.String()})
	}
	r.ok(r.vendors.of("virtfusion").sim.Faults(faults...))
}

func (r *rig) customer() ids.Customer { return ids.Customer(r.people.Customer.Customer) }

// orders are how many there are before the test begins.
func (r *rig) orders() int {
	r.t.Helper()
	a := r.open()
	defer a.Close()
	page, err := a.Orders.List(r.t.Context(), order.Filter{})
	r.ok(err)
	return page.Total
}
