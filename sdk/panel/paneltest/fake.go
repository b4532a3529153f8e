package paneltest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/panel"
	"github.com/ezscale/bursar/sdk/secret"
)

// Fake is a panel in memory with all powers, for core's tests. The zero Fake is ready and may be used by many goroutines.
// Set its fields before the first call.
type Fake struct {
	// Waits is how many calls of a Create answer "not yet" before it is Done.
	Waits int
	// After is what those answers ask for.
	After time.Duration
	// Powers are those that sdk.As sees; nil: all.
	Powers []string

	mu       sync.Mutex
	accounts map[string]*panel.Account // by service
	begun    map[string]int            // calls of a Create, by service
	journal  []Entry
	done     map[string]bool // by method and op
	faults   map[string][]planned
}

// Entry is one change that the fake made. Repeating an op adds none.
type Entry struct{ Method, Op, Service string }

type planned struct {
	err  error
	lost bool // the change is made, and then the error
}

// Fail makes the next calls of a method ("Create", "State") answer these errors, one each, and do nothing.
func (f *Fake) Fail(method string, errs ...error) { f.plan(method, false, errs) }

// Lose makes the next calls of a method do their work and then answer these errors: their answers are lost.
func (f *Fake) Lose(method string, errs ...error) { f.plan(method, true, errs) }

func (f *Fake) plan(method string, lost bool, errs []error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.faults == nil {
		f.faults = map[string][]planned{}
	}
	for _, err := range errs {
		f.faults[method] = append(f.faults[method], planned{err, lost})
	}
}

// Journal is the changes in order.
func (f *Fake) Journal() []Entry { f.mu.Lock(); defer f.mu.Unlock(); return slices.Clone(f.journal) }

// Account is how one stands; ok is false if there is none.
func (f *Fake) Account(service string) (a panel.Account, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if at := f.accounts[service]; at != nil {
		return *at, true
	}
	return panel.Account{}, false
}

// Put sets an account, as somebody at the vendor would; its Service names it. One that is Gone is removed.
func (f *Fake) Put(a panel.Account) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ready()
	if a.Status == panel.Gone {
		delete(f.accounts, a.Service)
		return
	}
	f.accounts[a.Service] = &a
}

func (f *Fake) ready() {
	if f.accounts == nil {
		f.accounts, f.begun, f.done = map[string]*panel.Account{}, map[string]int{}, map[string]bool{}
	}
}

// Announces implements sdk.Announcer.
func (f *Fake) Announces(power string) bool {
	return f.Powers == nil || power == "Panel" || power == "Instance" || slices.Contains(f.Powers, power)
}

// call does one call's work under the lock, or a planned fault instead of it or after it.
func (f *Fake) call(method string, work func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ready()
	var p planned
	if list := f.faults[method]; len(list) > 0 {
		p, f.faults[method] = list[0], list[1:]
	}
	if p.err != nil && !p.lost {
		return p.err
	}
	if err := work(); err != nil {
		return err
	}
	return p.err
}

// ErrGone is of an account that is not there.
var ErrGone = fault.New(fault.NotFound, "account_not_found", "There is no such account.")

// change does a change of an account once for each op.
func (f *Fake) change(method string, op sdk.Op, r panel.Ref, set func(*panel.Account)) (panel.Progress, error) {
	var p panel.Progress
	err := f.call(method, func() error {
		a := f.accounts[r.Service]
		if a == nil {
			return ErrGone
		}
		if key := method + " " + op.ID; !f.done[key] {
			f.done[key] = true
			f.journal = append(f.journal, Entry{method, op.ID, r.Service})
			set(a)
		}
		p = panel.Done()
		p.RemoteID = a.ID
		return nil
	})
	if err != nil {
		return panel.Progress{}, err
	}
	return p, nil
}

// Check implements sdk.Instance.
func (f *Fake) Check(context.Context) (sdk.Report, error) {
	return sdk.Report{VendorVersion: "fake"}, f.call("Check", func() error { return nil })
}

// Create implements panel.Panel. It notes the account's ID under "id".
func (f *Fake) Create(_ context.Context, c panel.Creation) (panel.Progress, error) {
	var p panel.Progress
	err := f.call("Create", func() error {
		a := f.accounts[c.Service]
		if a == nil {
			f.journal = append(f.journal, Entry{"Create", c.ID, c.Service})
			a = &panel.Account{ID: "fake-" + c.Service, Service: c.Service, Status: panel.Building, OwnerEmail: c.Customer.Email, Plan: c.Product.Get("package")}
			f.accounts[c.Service] = a
		}
		c.Notes["id"] = a.ID
		if f.begun[c.Service]++; f.begun[c.Service] <= f.Waits {
			p = panel.Again(f.After, "Installing")
			p.RemoteID = a.ID
			return nil
		}
		if a.Status == panel.Building {
			a.Status, a.Power = panel.Active, "running"
		}
		p = panel.Done()
		p.RemoteID, p.Credentials = a.ID, []panel.Credential{{Label: "root", Username: "root", Password: c.Password}}
		return nil
	})
	if err != nil {
		return panel.Progress{}, err
	}
	return p, nil
}

func (f *Fake) look(method, service string) (a panel.Account, err error) {
	err = f.call(method, func() error {
		at := f.accounts[service]
		if at == nil {
			return ErrGone
		}
		a = *at
		return nil
	})
	if err != nil {
		return panel.Account{}, err
	}
	return a, nil
}

// Find implements panel.Panel.
func (f *Fake) Find(_ context.Context, c panel.Creation) (panel.Account, error) {
	return f.look("Find", c.Service)
}

// State implements panel.Panel.
func (f *Fake) State(_ context.Context, r panel.Ref) (panel.Account, error) {
	return f.look("State", r.Service)
}

// Suspend implements panel.Panel.
func (f *Fake) Suspend(_ context.Context, op sdk.Op, r panel.Ref, _ string) (panel.Progress, error) {
	return f.change("Suspend", op, r, func(a *panel.Account) { a.Status = panel.Suspended })
}

// Unsuspend implements panel.Panel.
func (f *Fake) Unsuspend(_ context.Context, op sdk.Op, r panel.Ref) (panel.Progress, error) {
	return f.change("Unsuspend", op, r, func(a *panel.Account) { a.Status = panel.Active })
}

// Terminate implements panel.Panel.
func (f *Fake) Terminate(_ context.Context, op sdk.Op, r panel.Ref) (panel.Progress, error) {
	p, err := f.change("Terminate", op, r, func(a *panel.Account) { delete(f.accounts, a.Service) })
	if errors.Is(err, ErrGone) {
		return panel.Done(), nil
	}
	return p, err
}

// Resize implements panel.Resizer: Plan becomes the product's "package".
func (f *Fake) Resize(_ context.Context, op sdk.Op, r panel.Ref, product, _ form.Values) (panel.Progress, error) {
	return f.change("Resize", op, r, func(a *panel.Account) { a.Plan = product.Get("package") })
}

// ResetPassword implements panel.PasswordResetter.
func (f *Fake) ResetPassword(_ context.Context, op sdk.Op, r panel.Ref, want secret.Value) (panel.Progress, error) {
	p, err := f.change("ResetPassword", op, r, func(*panel.Account) {})
	if err == nil {
		p.Credentials = []panel.Credential{{Label: "root", Username: "root", Password: want}}
	}
	return p, err
}

// Power implements panel.PowerSwitch.
func (f *Fake) Power(_ context.Context, op sdk.Op, r panel.Ref, a panel.PowerAction) (panel.Progress, error) {
	to := map[panel.PowerAction]string{panel.Start: "running", panel.Restart: "running", panel.Stop: "stopped", panel.Kill: "stopped"}[a]
	return f.change("Power", op, r, func(a *panel.Account) { a.Power = to })
}

// Reinstall implements panel.Reinstaller.
func (f *Fake) Reinstall(_ context.Context, op sdk.Op, r panel.Ref, _ form.Values, want secret.Value) (panel.Progress, error) {
	p, err := f.change("Reinstall", op, r, func(a *panel.Account) { a.Status, a.Power = panel.Active, "running" })
	if err == nil {
		p.Credentials = []panel.Credential{{Label: "root", Username: "root", Password: want}}
	}
	return p, err
}

// Login implements panel.LoginLinker.
func (f *Fake) Login(_ context.Context, r panel.Ref, staff bool) (sdk.Link, error) {
	a, err := f.look("Login", r.Service)
	if err != nil {
		return sdk.Link{}, err
	}
	return sdk.Link{URL: fmt.Sprintf("https://panel.example.test/login/%s?staff=%t", a.ID, staff), SignedOn: true}, nil
}

// Usage implements panel.UsageReader: nothing was used.
func (f *Fake) Usage(_ context.Context, refs []panel.Ref) (map[string][]panel.Meter, error) {
	out := map[string][]panel.Meter{}
	err := f.call("Usage", func() error {
		for _, r := range refs {
			if f.accounts[r.Service] != nil {
				out[r.Service] = []panel.Meter{{Name: "traffic", Unit: "bytes"}}
			}
		}
		return nil
	})
	return out, err
}

// Accounts implements panel.Lister, by service.
func (f *Fake) Accounts(context.Context) iter.Seq2[panel.Account, error] {
	return func(yield func(panel.Account, error) bool) {
		var list []panel.Account
		err := f.call("Accounts", func() error {
			for _, service := range slices.Sorted(maps.Keys(f.accounts)) {
				list = append(list, *f.accounts[service])
			}
			return nil
		})
		if err != nil {
			yield(panel.Account{}, err)
			return
		}
		for _, a := range list {
			if !yield(a, nil) {
				return
			}
		}
	}
}

// Stock implements panel.StockKeeper: no limit known.
func (f *Fake) Stock(context.Context, form.Values) (int, error) {
	return -1, f.call("Stock", func() error { return nil })
}
