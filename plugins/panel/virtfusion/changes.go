package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/panel"
	"github.com/ezscale/bursar/sdk/secret"
)

var errSuspended = fault.New(fault.Conflict, "suspended", "This server is suspended.")

// Suspend implements panel.Panel. The panel keeps no reason.
func (p *Panel) Suspend(ctx context.Context, op sdk.Op, r panel.Ref, _ string) (panel.Progress, error) {
	return p.suspended(ctx, op, r, true)
}

// Unsuspend implements panel.Panel.
func (p *Panel) Unsuspend(ctx context.Context, op sdk.Op, r panel.Ref) (panel.Progress, error) {
	return p.suspended(ctx, op, r, false)
}

// suspended is done when the server's own flag says so: the panel may refuse (423) or queue the request.
func (p *Panel) suspended(ctx context.Context, op sdk.Op, r panel.Ref, want bool) (panel.Progress, error) {
	id, err := idOf(r)
	if err != nil {
		return panel.Progress{}, err
	}
	s, err := p.api.server(ctx, id)
	asked := r.Notes[noteAsked] == op.ID
	switch {
	case err != nil:
		return panel.Progress{}, err
	case s.Suspended == want:
		return panel.Done(), nil
	case asked && s.Tasks.Active:
		return panel.Again(5*time.Second, ""), nil
	}
	action := map[bool]string{true: "/suspend", false: "/unsuspend"}[want]
	if err := p.api.do(ctx, http.MethodPost, "/servers/"+id+action, nil, nil); err != nil {
		return panel.Progress{}, err
	}
	r.Notes[noteAsked] = op.ID
	if asked { // it was accepted before and did not come: no hurry
		return panel.Again(pace, ""), nil
	}
	return panel.Again(time.Second, ""), nil
}

// Terminate implements panel.Panel. It is over when the panel itself says that there is no such server.
func (p *Panel) Terminate(ctx context.Context, op sdk.Op, r panel.Ref) (panel.Progress, error) {
	id, err := idOf(r)
	if err != nil {
		return panel.Progress{}, err
	}
	s, err := p.api.server(ctx, id)
	asked := r.Notes[noteAsked] == op.ID
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return panel.Done(), nil
	case err != nil:
		return panel.Progress{}, err
	case s.Protected:
		return panel.Progress{}, fault.New(fault.Declined, "needs_person", "This server is protected in the panel.")
	case asked && s.Tasks.Active:
		return panel.Again(5*time.Second, "Removing"), nil
	}
	err = p.api.do(ctx, http.MethodDelete, "/servers/"+id+"?delay=0", nil, nil)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return panel.Progress{}, err
	}
	r.Notes[noteAsked] = op.ID
	if asked {
		return panel.Again(pace, "Removing"), nil
	}
	return panel.Again(time.Second, "Removing"), nil
}

// Power implements panel.PowerSwitch. A restart whose answer was lost is asked for again: that harms nobody.
func (p *Panel) Power(ctx context.Context, op sdk.Op, r panel.Ref, a panel.PowerAction) (panel.Progress, error) {
	id, err := idOf(r)
	if err != nil {
		return panel.Progress{}, err
	}
	word, ok := map[panel.PowerAction]string{panel.Start: "boot", panel.Stop: "shutdown", panel.Restart: "restart", panel.Kill: "poweroff"}[a]
	if !ok {
		return panel.Progress{}, fault.New(fault.Unsupported, "no_such_action", "").Because(fmt.Errorf("power action %q", a))
	}
	s, err := p.look(ctx, id)
	switch off := s.Remote.State == "shutoff"; {
	case err != nil:
		return panel.Progress{}, err
	case r.Notes[noteAsked] == op.ID, a == panel.Start && s.Remote.State == "running", (a == panel.Stop || a == panel.Kill) && off:
		return panel.Done(), nil
	case s.Suspended:
		return panel.Progress{}, errSuspended
	}
	if err := p.api.do(ctx, http.MethodPost, "/servers/"+id+"/power/"+word, nil, nil); err != nil {
		return panel.Progress{}, err
	}
	r.Notes[noteAsked] = op.ID
	return panel.Done(), nil
}

// ResetPassword implements panel.PasswordResetter. The panel draws the password itself.
func (p *Panel) ResetPassword(ctx context.Context, op sdk.Op, r panel.Ref, _ secret.Value) (panel.Progress, error) {
	id, err := idOf(r)
	if err != nil {
		return panel.Progress{}, err
	}
	s, err := p.api.server(ctx, id)
	switch {
	case err != nil:
		return panel.Progress{}, err
	case r.Notes[noteReset] == op.ID && r.Notes[notePassword] == "":
		return panel.Done(), nil
	case s.Suspended:
		return panel.Progress{}, errSuspended
	case r.Notes[noteReset] != op.ID:
		r.Notes[noteReset], r.Notes[notePassword] = op.ID, "lost"
	}
	return p.newPassword(ctx, r, s)
}

// Reinstall implements panel.Reinstaller: another build. Addresses, name and host name stay.
func (p *Panel) Reinstall(ctx context.Context, op sdk.Op, r panel.Ref, checkout form.Values, _ secret.Value) (panel.Progress, error) {
	order, err := form.Read[Order](checkout)
	if err != nil {
		return panel.Progress{}, err
	}
	id, err := idOf(r)
	if err != nil {
		return panel.Progress{}, err
	}
	s, err := p.api.server(ctx, id)
	switch building := s.State != stateComplete && s.State != stateAllocated && !s.failed(); {
	case err != nil:
		return panel.Progress{}, err
	case s.Suspended:
		return panel.Progress{}, errSuspended
	case r.Notes[noteBuild] == op.ID:
		return p.await(ctx, op, r, s)
	case op.Attempt > 1 && (building || s.Built != nil && s.Built.After(op.First)): // the answer of an earlier call was lost
		r.Notes[noteBuild], r.Notes[notePassword] = op.ID, "lost"
		return p.await(ctx, op, r, s)
	}
	name, ipv6 := s.Name, false
	if name == "" {
		name = r.Service
	}
	for _, i := range s.Network.Interfaces {
		ipv6 = ipv6 || len(i.IPv6) > 0
	}
	order.Hostname = s.Hostname
	return p.install(ctx, op, r, s, "", order, ipv6, name)
}
