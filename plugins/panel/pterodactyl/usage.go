package main

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"math/big"
	"net/http"
	"net/url"
	"sync"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/panel"
)

// mebi is the panel's unit of memory and disk, in bytes.
const mebi = 1 << 20

// stats is what a node measures, at most 20 seconds ago.
type stats struct {
	State     string `json:"current_state"`
	Resources struct {
		Memory int64       `json:"memory_bytes"`
		CPU    json.Number `json:"cpu_absolute"` // percent of a core
		Disk   int64       `json:"disk_bytes"`
	}
}

// resources reads them. Conflict while suspended, installing or under maintenance, Unavailable when the node is down.
func (p *Panel) resources(ctx context.Context, identifier string) (stats, error) {
	var now item[stats]
	err := p.client.do(ctx, http.MethodGet, "/servers/"+url.PathEscape(identifier)+"/resources", nil, &now)
	return now.Attributes, err
}

// Power implements panel.PowerSwitch.
func (p *Panel) Power(ctx context.Context, op sdk.Op, r panel.Ref, a panel.PowerAction) (panel.Progress, error) {
	if r.Notes[notePower] == op.ID {
		return panel.Done(), nil
	}
	identifier := r.Notes[noteIdentifier]
	if identifier == "" {
		s, err := p.find(ctx, r)
		if err != nil {
			return panel.Progress{}, err
		}
		identifier = s.Identifier
	}
	in := map[string]any{"signal": a} // the panel has the same four words
	switch err := p.client.do(ctx, http.MethodPost, "/servers/"+url.PathEscape(identifier)+"/power", in, nil); {
	case fault.KindOf(err) == fault.Conflict:
		return panel.Progress{}, fault.New(fault.Conflict, "not_ready", "The server is suspended or being installed.").Because(err)
	case err != nil:
		return panel.Progress{}, err
	}
	r.Notes[notePower] = op.ID
	return panel.Done(), nil
}

// Login implements panel.LoginLinker. The panel signs nobody on: the link leads to the server's page, where it asks for a
// password.
func (p *Panel) Login(ctx context.Context, r panel.Ref, staff bool) (sdk.Link, error) {
	s, err := p.find(ctx, r)
	switch {
	case err != nil:
		return sdk.Link{}, err
	case staff:
		return sdk.Link{URL: fmt.Sprintf("%s/admin/servers/view/%d", p.address, s.ID)}, nil
	case s.Status == suspended:
		return sdk.Link{}, fault.New(fault.Conflict, "suspended", "The server is suspended.")
	}
	return sdk.Link{URL: p.address + "/server/" + url.PathEscape(s.Identifier)}, nil
}

// usageAtOnce is how many servers are asked for at a time: a hundred of them in ten seconds.
const usageAtOnce = 8

// Usage implements panel.UsageReader: levels of memory, CPU and disk. Traffic is left out, as the node's counters begin anew
// with each start of the container.
func (p *Panel) Usage(ctx context.Context, refs []panel.Ref) (map[string][]panel.Meter, error) {
	var (
		mu    sync.Mutex
		group sync.WaitGroup
		out   = map[string][]panel.Meter{}
		wrong error
		turn  = make(chan struct{}, usageAtOnce)
	)
	for _, r := range refs {
		turn <- struct{}{}
		group.Go(func() {
			defer func() { <-turn }()
			meters, err := p.meters(ctx, r)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				out[r.Service] = meters
			} else if kind := fault.KindOf(err); kind != fault.Conflict && kind != fault.NotFound {
				wrong = err
			}
		})
	}
	group.Wait()
	if len(out) == 0 {
		return out, wrong
	}
	return out, nil
}

func (p *Panel) meters(ctx context.Context, r panel.Ref) ([]panel.Meter, error) {
	if err := ctx.Err(); err != nil {
		return nil, fault.New(fault.Unavailable, "interrupted", "").Because(err)
	}
	identifier := r.Notes[noteIdentifier]
	if identifier == "" {
		s, err := p.find(ctx, r)
		if err != nil {
			return nil, err
		}
		identifier = s.Identifier
	}
	now, err := p.resources(ctx, identifier)
	if err != nil {
		return nil, err
	}
	var view item[struct{ Limits limits }]
	if err := p.client.do(ctx, http.MethodGet, "/servers/"+url.PathEscape(identifier), nil, &view); err != nil {
		return nil, err
	}
	limit := view.Attributes.Limits
	return []panel.Meter{
		{Name: "memory", Unit: "bytes", Used: now.Resources.Memory, Limit: limit.Memory * mebi},
		{Name: "cpu", Unit: "ppm", Used: ppm(now.Resources.CPU), Limit: limit.CPU * 10_000},
		{Name: "disk", Unit: "bytes", Used: now.Resources.Disk, Limit: limit.Disk * mebi},
	}, nil
}

// ppm turns percents with decimals into parts per million of a core.
func ppm(percent json.Number) int64 {
	r, ok := new(big.Rat).SetString(string(percent))
	if !ok {
		return 0
	}
	r.Mul(r, big.NewRat(10_000, 1))
	return new(big.Int).Quo(r.Num(), r.Denom()).Int64()
}

// Accounts implements panel.Lister. A server that comes or goes between two pages moves the rest, so the walk fails when
// the count changed.
func (p *Panel) Accounts(ctx context.Context) iter.Seq2[panel.Account, error] {
	return func(yield func(panel.Account, error) bool) {
		total := -1
		for page, pages := 1, 1; page <= pages; page++ {
			var l list[server]
			err := p.app.do(ctx, http.MethodGet, fmt.Sprintf("/servers%s&sort=id&per_page=100&page=%d", with, page), nil, &l)
			if total < 0 {
				total = l.Meta.Pagination.Total
			}
			if err == nil && l.Meta.Pagination.Total != total {
				err = fault.New(fault.Unavailable, "changed_meanwhile", "").Because(fmt.Errorf("%d servers became %d during the walk", total, l.Meta.Pagination.Total))
			}
			if err != nil {
				yield(panel.Account{}, err)
				return
			}
			for _, i := range l.Data {
				if !yield(p.account(i.Attributes), nil) {
					return
				}
			}
			pages = l.Meta.Pagination.TotalPages
		}
	}
}
