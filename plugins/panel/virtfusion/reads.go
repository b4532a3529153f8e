package main

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/panel"
)

// gigabyte is what the panel's GB of traffic are.
const gigabyte = 1_000_000_000

// Login implements panel.LoginLinker. The panel's tokens live for 60 seconds and work once.
func (p *Panel) Login(ctx context.Context, r panel.Ref, staff bool) (sdk.Link, error) {
	id, err := idOf(r)
	if err != nil {
		return sdk.Link{}, err
	}
	if staff { // there are no tokens for administrators
		return sdk.Link{URL: p.base.JoinPath("admin", "servers", id).String()}, nil
	}
	s, err := p.api.server(ctx, id)
	if err != nil {
		return sdk.Link{}, err
	}
	if s.Suspended {
		return sdk.Link{}, errSuspended
	}
	var out data[struct {
		Authentication struct {
			Address string `json:"endpoint_complete"`
			Expiry  struct {
				Expires time.Time `json:"expires"`
			} `json:"expiry"`
		} `json:"authentication"`
	}]
	path := "/users/" + strconv.FormatInt(r.Customer.Number, 10) + "/serverAuthenticationTokens/" + id
	if err := p.api.do(ctx, http.MethodPost, path, nil, &out); err != nil {
		return sdk.Link{}, err
	}
	to, err := p.base.Parse(out.Data.Authentication.Address)
	if err != nil || !strings.HasPrefix(out.Data.Authentication.Address, "/") || to.Host != p.base.Host || to.Scheme != p.base.Scheme {
		return sdk.Link{}, fault.New(fault.Unavailable, "foreign_link", "") // its text may be a token: it goes nowhere
	}
	return sdk.Link{URL: to.String(), Expires: out.Data.Authentication.Expiry.Expires.UTC(), SignedOn: true}, nil
}

// month is a period of traffic. rx, tx and total are bytes, limit is GB.
type month struct {
	Start string `json:"start"`
	End   string `json:"end"`
	Total int64  `json:"total"`
	Rx    int64  `json:"rx"`
	Tx    int64  `json:"tx"`
	Limit int64  `json:"limit"`
}

// readers is how many servers are asked for at a time.
const readers = 4

// Usage implements panel.UsageReader: the traffic of the period under way. Only when none could be read it is an error.
func (p *Panel) Usage(ctx context.Context, refs []panel.Ref) (map[string][]panel.Meter, error) {
	var (
		mu      sync.Mutex
		out     = map[string][]panel.Meter{}
		problem error
		work    = make(chan panel.Ref)
		all     sync.WaitGroup
	)
	for range min(readers, len(refs)) {
		all.Go(func() {
			for r := range work {
				m, err := p.traffic(ctx, r)
				mu.Lock()
				switch {
				case err == nil:
					out[r.Service] = []panel.Meter{m}
				case problem == nil || fault.KindOf(err) == fault.Forbidden:
					problem = err
				}
				mu.Unlock()
			}
		})
	}
	for _, r := range refs {
		work <- r
	}
	close(work)
	all.Wait()
	if len(out) == 0 && problem != nil && fault.KindOf(problem) != fault.NotFound || fault.KindOf(problem) == fault.Forbidden {
		return nil, problem
	}
	return out, nil
}

func (p *Panel) traffic(ctx context.Context, r panel.Ref) (panel.Meter, error) {
	id, err := idOf(r)
	if err != nil {
		return panel.Meter{}, err
	}
	var out data[struct {
		Monthly []month `json:"monthly"`
	}]
	if err := p.api.get(ctx, "/servers/"+id+"/traffic", &out); err != nil {
		return panel.Meter{}, err
	}
	now := p.now().UTC()
	for _, m := range out.Data.Monthly { // newest first
		from, err := time.Parse(time.DateTime, m.Start)
		if err != nil {
			return panel.Meter{}, unreadable(false, "a period of traffic starts "+m.Start)
		}
		if from.After(now) {
			continue
		}
		to := now
		if end, err := time.Parse(time.DateTime, m.End); err == nil && end.Before(now) {
			to = end
		}
		return panel.Meter{Name: "traffic", Unit: "bytes", Used: m.Rx + m.Tx, Limit: m.Limit * gigabyte, From: from, To: to}, nil
	}
	return panel.Meter{}, unreadable(false, "no period of traffic is under way")
}

// listed is a server as the list of all shows it. It names some things in another way.
type listed struct {
	server
	Commissioned *int `json:"commissioned"`
	Owner        any  `json:"owner"` // the user's ID
}

// Accounts implements panel.Lister.
func (p *Panel) Accounts(ctx context.Context) iter.Seq2[panel.Account, error] {
	return func(yield func(panel.Account, error) bool) {
		left := false
		err := every(ctx, p.api, "/servers", func(l listed) bool {
			s := l.server
			if l.Commissioned != nil && *l.Commissioned >= 0 && *l.Commissioned <= 3 {
				s.State = []string{stateAllocated, "queued", stateFailed, stateComplete}[*l.Commissioned]
			}
			left = !yield(p.account(s), nil)
			return !left
		})
		if err != nil && !left {
			yield(panel.Account{}, err)
		}
	}
}

// capacity is what a hypervisor has of one thing. A most of 0 is no limit.
type capacity struct {
	Enabled bool  `json:"enabled"`
	Type    int64 `json:"storageType"`
	Max     int64 `json:"max"`
	Free    int64 `json:"free"`
}

// fits is how often n goes into what is free; -1: without limit.
func (c capacity) fits(n int64) int64 {
	if c.Max == 0 || n <= 0 {
		return -1
	}
	return max(c.Free, 0) / n
}

// least is the smaller of two counts, of which -1 has no limit.
func least(a, b int64) int64 {
	if a < 0 || b >= 0 && b < a {
		return b
	}
	return a
}

// room is one hypervisor of a group.
type room struct {
	Hypervisor struct {
		Enabled  bool `json:"enabled"`
		Prohibit bool `json:"prohibit"`
		Accept   bool `json:"accept"`
	} `json:"hypervisor"`
	Resources struct {
		Servers capacity   `json:"servers"`
		Memory  capacity   `json:"memory"`
		Cores   capacity   `json:"cpuCores"`
		Local   capacity   `json:"localStorage"`
		Other   []capacity `json:"otherStorage"`
		Network struct {
			Total struct {
				IPv4 struct {
					Free int64 `json:"free"`
				} `json:"ipv4"`
			} `json:"total"`
		} `json:"network"`
	} `json:"resources"`
}

// Stock implements panel.StockKeeper, for the product's own location.
func (p *Panel) Stock(ctx context.Context, product form.Values) (int, error) {
	want, err := form.Read[Plan](product)
	if err != nil {
		return 0, err
	}
	free, err := p.stock(ctx, want, want.Group)
	if fault.KindOf(err) == fault.Forbidden && fault.Of(err).Code == "http_403" { // a token without /compute: see Check
		return -1, nil
	}
	return int(free), err
}

// stock adds up what the hypervisors of a group can still carry. They share the group's addresses, which count once.
func (p *Panel) stock(ctx context.Context, want Plan, group string) (int64, error) {
	pack, err := p.api.plan(ctx, number(want.Package))
	if err != nil || !pack.Enabled {
		return 0, err
	}
	disk := pack.Storage
	if want.Storage > 0 {
		disk = want.Storage
	}
	total, addresses := int64(0), int64(0)
	err = every(ctx, p.api, "/compute/hypervisors/groups/"+group+"/resources", func(h room) bool {
		if !h.Hypervisor.Enabled || h.Hypervisor.Prohibit || !h.Hypervisor.Accept {
			return true
		}
		here := least(least(h.Resources.Servers.fits(1), h.Resources.Memory.fits(pack.Memory)), h.Resources.Cores.fits(pack.Cores))
		disks := int64(0)
		for n, pool := range append([]capacity{h.Resources.Local}, h.Resources.Other...) {
			if !pool.Enabled || pack.Profile != 0 && pool.Type != pack.Profile || pack.Profile == 0 && n > 0 && h.Resources.Local.Enabled {
				continue
			}
			fits := pool.fits(disk)
			if fits < 0 || disks < 0 {
				disks = -1
			} else {
				disks += fits
			}
		}
		if here = least(here, disks); here < 0 || total < 0 {
			total = -1
		} else {
			total += here
		}
		addresses = max(addresses, h.Resources.Network.Total.IPv4.Free)
		return true
	})
	if err != nil {
		return 0, err
	}
	if want.IPv4 > 0 {
		total = least(total, addresses/want.IPv4)
	}
	return total, nil
}

// Choices implements form.Chooser.
func (p *Panel) Choices(ctx context.Context, q form.Question) (out []form.Choice, err error) {
	switch q.Field {
	case "package":
		var list data[[]plan]
		err = p.api.get(ctx, "/packages", &list)
		for _, one := range list.Data {
			c := form.Choice{Value: strconv.FormatInt(one.ID, 10), Label: one.Name, Help: fmt.Sprintf("%d cores, %d MB, %d GB disk, %d GB traffic", one.Cores, one.Memory, one.Storage, one.Traffic)}
			if !one.Enabled {
				c.Off, c.Help = true, "This package is disabled in the panel."
			}
			out = append(out, c)
		}
	case "group", "location":
		err = every(ctx, p.api, "/compute/hypervisors/groups", func(g group) bool {
			out = append(out, form.Choice{Value: strconv.FormatInt(g.ID, 10), Label: g.Name, Off: !g.Enabled})
			return true
		})
	case "template":
		pack := q.Product.Get("package")
		if pack == "" {
			return nil, fault.New(fault.Invalid, "needed", "Choose the package first.").On("package")
		}
		families, err := p.api.templates(ctx, "/media/templates/fromServerPackageSpec/"+url.PathEscape(pack))
		if err != nil {
			return nil, err
		}
		for _, f := range families {
			for _, t := range f.Templates {
				c := form.Choice{Value: strconv.FormatInt(t.ID, 10), Label: strings.Join(strings.Fields(t.Name+" "+t.Version+" "+t.Variant), " "), Group: f.Name}
				if t.EOL {
					c.Help = "No longer maintained by its makers."
				}
				out = append(out, c)
			}
		}
	}
	return out, err
}

// UpdateCustomer implements sdk.CustomerUpdater.
func (p *Panel) UpdateCustomer(ctx context.Context, c sdk.Customer) error {
	path := "/users/" + strconv.FormatInt(c.Number, 10) + "/byExtRelation"
	err := p.api.do(ctx, http.MethodPut, path, map[string]any{"name": c.Name(), "email": c.Email}, nil)
	if fault.KindOf(err) == fault.NotFound {
		return nil
	}
	return err
}
