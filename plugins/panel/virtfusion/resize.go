package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/panel"
)

// Resize implements panel.Resizer: package, traffic, addresses, one a call. The API changes a disk only by a package, so
// what else a disk shall have, and addresses that are too many, are warnings: staff does it in the panel.
func (p *Panel) Resize(ctx context.Context, op sdk.Op, r panel.Ref, product, checkout form.Values) (panel.Progress, error) {
	want, err := form.Read[Plan](product)
	if err != nil {
		return panel.Progress{}, err
	}
	extra, more, err := extras(checkout)
	if err != nil {
		return panel.Progress{}, err
	}
	want.IPv4 += more
	id, err := idOf(r)
	if err != nil {
		return panel.Progress{}, err
	}
	s, err := p.api.server(ctx, id)
	if err != nil {
		return panel.Progress{}, err
	}
	pack, err := p.api.plan(ctx, number(want.Package))
	if err != nil {
		return panel.Progress{}, err
	}
	disk, traffic := pack.Storage+extra, pack.Traffic
	if want.Storage > 0 {
		disk = want.Storage + extra
	}
	if want.Unmetered || want.Traffic > 0 {
		traffic = want.Traffic
	}
	have, resized := s.Settings.Resources, r.Notes[noteResized] == op.ID
	switch addresses := int64(len(s.ipv4())); {
	case s.Tasks.Active && resized:
		return panel.Again(2*time.Second, "Changing the size"), nil
	case !resized && disk < s.disk():
		return panel.Progress{}, fault.New(fault.Declined, "downgrade_forbidden", "The disk of this server cannot be made smaller.").
			Because(fmt.Errorf("it has %d GB, %d GB are wanted", s.disk(), disk))
	case !resized && (r.Notes[notePackage] != want.Package || have.Memory != pack.Memory || have.Cores != pack.Cores || s.disk() < min(disk, pack.Storage)):
		return p.changePackage(ctx, op, r, s, pack)
	case have.Traffic != traffic:
		err := p.api.do(ctx, http.MethodPut, "/servers/"+id+"/modify/traffic", map[string]any{"traffic": traffic}, nil)
		return panel.Again(0, "Changing the size"), err
	case addresses < want.IPv4:
		err := p.api.do(ctx, http.MethodPost, "/servers/"+id+"/ipv4Qty", map[string]any{"interface": "primary", "quantity": want.IPv4 - addresses}, nil)
		if fault.KindOf(err) == fault.Invalid {
			err = errStock.Because(err)
		}
		return panel.Again(0, "Changing the size"), err
	default:
		done := panel.Done()
		if s.disk() < disk {
			done.Warnings = append(done.Warnings, fmt.Sprintf("The disk has %d GB instead of %d GB: the API cannot enlarge it, so set it in the panel.", s.disk(), disk))
		}
		if addresses > want.IPv4 {
			done.Warnings = append(done.Warnings, fmt.Sprintf("The server has %d IPv4 addresses instead of %d: take away in the panel those that the customer can spare.", addresses, want.IPv4))
		}
		return done, nil
	}
}

// extras reads the changeable fields, GB of disk and addresses: the others of the checkout need not be there.
func extras(checkout form.Values) (disk, addresses int64, err error) {
	var o Order
	clean, problems := o.Form().Only(func(s form.Spec) bool { return s.Changeable }).Check(checkout)
	if len(problems) > 0 {
		return 0, 0, problems[0]
	}
	return number(clean.Get("extra_disk")), number(clean.Get("extra_ipv4")), nil
}

// changePackage applies a package. Its answer lists, with a status of success, what was left as it was.
func (p *Panel) changePackage(ctx context.Context, op sdk.Op, r panel.Ref, s server, pack plan) (panel.Progress, error) {
	parts := map[string]bool{
		"backupPlan": true, "cpu": true, "memory": true, "primaryDiskSize": pack.Storage > s.disk(),
		"primaryDiskReadIOPS": true, "primaryDiskWriteIOPS": true, "primaryDiskReadThroughput": true, "primaryDiskWriteThroughput": true,
		"primaryNetworkInboundSpeed": true, "primaryNetworkOutboundSpeed": true, "primaryNetworkTraffic": true,
	}
	id := strconv.FormatInt(pack.ID, 10)
	var out struct {
		Info []string `json:"info"`
	}
	err := p.api.do(ctx, http.MethodPut, "/servers/"+s.id()+"/package/"+id, parts, &out)
	if fault.KindOf(err) == fault.Invalid {
		err = errStock.Because(err)
	}
	if err != nil {
		return panel.Progress{}, err
	}
	r.Notes[noteResized], r.Notes[notePackage] = op.ID, id
	progress := panel.Again(time.Second, "Restart the server to use its new size.")
	progress.Warnings = out.Info
	return progress, nil
}
