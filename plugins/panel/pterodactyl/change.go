package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/panel"
	"github.com/ezscale/bursar/sdk/secret"
)

// busyFor is when to ask a panel again that moves a server or cannot reach its node.
const busyFor = time.Minute

// Suspend implements panel.Panel. The panel has no place for a reason.
func (p *Panel) Suspend(ctx context.Context, _ sdk.Op, r panel.Ref, _ string) (panel.Progress, error) {
	return p.until(ctx, r, http.MethodPost, "/suspend", func(s server) bool { return s.Status == suspended })
}

// Unsuspend implements panel.Panel. It asks only for what is suspended, as the panel would take any other status away.
func (p *Panel) Unsuspend(ctx context.Context, _ sdk.Op, r panel.Ref) (panel.Progress, error) {
	return p.until(ctx, r, http.MethodPost, "/unsuspend", func(s server) bool { return s.Status != suspended })
}

// Terminate implements panel.Panel. The user stays.
func (p *Panel) Terminate(ctx context.Context, _ sdk.Op, r panel.Ref) (panel.Progress, error) {
	progress, err := p.until(ctx, r, http.MethodDelete, "", func(server) bool { return false })
	if fault.KindOf(err) == fault.NotFound {
		return panel.Done(), nil
	}
	return progress, err
}

// until asks for a change of a server's status unless it is so already. A node that fails lets the panel take the change
// back, or not: so it is read what came of it. NotFound is proved.
func (p *Panel) until(ctx context.Context, r panel.Ref, method, path string, so func(server) bool) (panel.Progress, error) {
	s, err := p.find(ctx, r)
	if err != nil {
		return panel.Progress{}, err
	}
	if so(s) {
		return panel.Done(), nil
	}
	err = p.app.do(ctx, method, fmt.Sprintf("/servers/%d%s", s.ID, path), nil, nil)
	f := fault.Of(err)
	switch {
	case err == nil:
		return panel.Done(), nil
	case f.Kind == fault.Conflict:
		return panel.Progress{}, fault.New(fault.Unavailable, "busy", "").Because(err).Retry(busyFor)
	case f.Kind != fault.NotFound && f.Code != "node_unreachable":
		return panel.Progress{}, err
	}
	s, readErr := p.find(ctx, r)
	switch {
	case fault.KindOf(readErr) == fault.NotFound:
		return panel.Progress{}, readErr
	case readErr != nil:
		return panel.Progress{}, fault.New(fault.Unknown, f.Code, "").Because(err)
	case so(s):
		return panel.Done(), nil
	}
	return panel.Progress{}, fault.New(fault.Unavailable, f.Code, "").Because(err).Retry(busyFor)
}

// Resize implements panel.Resizer: the limits, then what the game is started with, one a call. The game stays.
func (p *Panel) Resize(ctx context.Context, _ sdk.Op, r panel.Ref, product, _ form.Values) (panel.Progress, error) {
	plan, err := form.Read[Plan](product)
	if err != nil {
		return panel.Progress{}, err
	}
	s, err := p.find(ctx, r)
	if err != nil {
		return panel.Progress{}, err
	}
	if s.Limits != plan.limits() || s.Features != plan.features() {
		if err := p.fits(ctx, s, plan); err != nil {
			return panel.Progress{}, err
		}
		in := map[string]any{"allocation": s.Allocation, "limits": plan.limits(), "feature_limits": plan.features()}
		var after item[server]
		return panel.Progress{}, onField(p.app.do(ctx, http.MethodPatch, fmt.Sprintf("/servers/%d/build", s.ID), in, &after))
	}
	game, err := p.egg(ctx, s.eggName())
	if err != nil {
		return panel.Progress{}, err
	}
	if want := plan.startup(s, game); want != nil {
		return panel.Progress{}, p.start(ctx, s, want)
	}
	done := panel.Done()
	done.Text = "Takes full effect when the server is next started."
	if plan.Egg != "" && plan.Egg != s.eggName() {
		done.Warnings = append(done.Warnings, fmt.Sprintf("The server still runs egg %s: the product's, %s, comes with a reinstallation.", s.eggName(), plan.Egg))
	}
	if has := int64(len(s.Relationships.Allocations.Data)); has > max(plan.Allocations, 1) {
		done.Warnings = append(done.Warnings, fmt.Sprintf("The server keeps its %d ports: the product has %d.", has, max(plan.Allocations, 1)))
	}
	return done, nil
}

// fits refuses a disk that is smaller than what is on it: the server would not start again. What cannot be read now is not
// refused.
func (p *Panel) fits(ctx context.Context, s server, plan Plan) error {
	if plan.Disk == 0 || s.Limits.Disk != 0 && plan.Disk >= s.Limits.Disk {
		return nil
	}
	now, err := p.resources(ctx, s.Identifier)
	if err != nil || now.Resources.Disk <= plan.Disk*mebi {
		return nil
	}
	return fault.New(fault.Declined, "downgrade_forbidden", "There are more files on the server than the smaller disk can hold.").
		Because(fmt.Errorf("%d bytes are used, the product has %d MiB", now.Resources.Disk, plan.Disk))
}

// launch is what a server is started with.
type launch struct {
	Startup     string            `json:"startup"`
	Environment map[string]string `json:"environment"`
	Egg         int64             `json:"egg"`
	Image       string            `json:"image"`
	SkipScripts bool              `json:"skip_scripts"`
}

// startup is nil when the server has it all already. What the product leaves to the game stays as it is.
func (p Plan) startup(s server, e egg) *launch {
	want := launch{
		Startup: cmp.Or(p.Startup, s.Container.Startup), Image: cmp.Or(p.Image, s.Container.Image), Egg: e.ID,
		Environment: p.environment(e, s.Container.Environment),
	}
	same := want.Startup == s.Container.Startup && want.Image == s.Container.Image && want.Egg == s.Egg
	for name, value := range want.Environment {
		if has, ok := s.Container.Environment[name]; same && (!ok || has == nil && value != "" || has != nil && fmt.Sprint(has) != value) {
			same = false
		}
	}
	if same {
		return nil
	}
	return &want
}

func (p *Panel) start(ctx context.Context, s server, want *launch) error {
	var after item[server]
	return onField(p.app.do(ctx, http.MethodPatch, fmt.Sprintf("/servers/%d/startup", s.ID), want, &after))
}

// Reinstall implements panel.Reinstaller. Another game is set first.
func (p *Panel) Reinstall(ctx context.Context, op sdk.Op, r panel.Ref, checkout form.Values, _ secret.Value) (panel.Progress, error) {
	order, err := form.Read[Order](checkout)
	if err != nil {
		return panel.Progress{}, err
	}
	s, err := p.find(ctx, r)
	if err != nil {
		return panel.Progress{}, err
	}
	ours := r.Notes[noteBuild] == op.ID
	switch {
	case s.Status == suspended:
		return panel.Progress{}, fault.New(fault.Conflict, "suspended", "The server is suspended.")
	case s.Status == installing:
		r.Notes[noteBuild] = op.ID // ours, if the answer to our request was lost; and nobody wants two in a row
		return p.waiting(op, s), nil
	case ours && (s.Status == installFailed || s.Status == reinstallFailed):
		return panel.Progress{}, errBuildFailed
	case ours:
		done := panel.Done()
		done.Warnings = []string{"The panel keeps files that the game's installation does not overwrite."}
		return done, nil
	}
	if order.Egg != "" && order.Egg != s.eggName() {
		game, err := p.egg(ctx, order.Egg)
		if err != nil {
			return panel.Progress{}, err
		}
		var fresh Plan
		return panel.Progress{}, p.start(ctx, s, &launch{
			Startup: game.Startup, Image: fresh.image(game), Egg: game.ID, Environment: fresh.environment(game, nil),
		})
	}
	return p.install(ctx, op, r.Notes, s)
}

// ResetPassword implements panel.PasswordResetter. It is the password of the person on the panel, for the pages and for
// SFTP. Users that were there before us, and administrators, are not ours to sign on as.
func (p *Panel) ResetPassword(ctx context.Context, op sdk.Op, r panel.Ref, want secret.Value) (panel.Progress, error) {
	s, err := p.find(ctx, r)
	if err != nil {
		return panel.Progress{}, err
	}
	u, err := p.ours(ctx, r.Customer)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return panel.Progress{}, errNeedsPerson.Because(fmt.Errorf("the panel's user %d was not made by us: use the panel's own way to reset a password", s.User))
	case err != nil:
		return panel.Progress{}, err
	case u.ID != s.User || u.RootAdmin:
		return panel.Progress{}, errNeedsPerson.Because(fmt.Errorf("server %d belongs to user %d; ours is %d (administrator: %t)", s.ID, s.User, u.ID, u.RootAdmin))
	}
	if r.Notes[notePassword] != op.ID {
		if err := p.patch(ctx, u, map[string]any{"password": want.Reveal()}); err != nil {
			return panel.Progress{}, err
		}
		r.Notes[notePassword] = op.ID
	}
	return panel.Progress{Done: true, Credentials: p.credentials(s, u, want)}, nil
}

// ours reads the user of a customer that we made. NotFound is proved, also for one that we found there.
func (p *Panel) ours(ctx context.Context, c sdk.Customer) (user, error) {
	theirs := fault.New(fault.NotFound, "not_ours", "")
	if c.Notes[noteAdopted] != "" {
		return user{}, theirs
	}
	if id := c.Notes[noteUser]; id != "" { // an import brings the number only
		var u item[user]
		if err := p.app.do(ctx, http.MethodGet, "/users/"+id, nil, &u); fault.KindOf(err) != fault.NotFound {
			return u.Attributes, err
		}
	}
	u, err := p.userOf(ctx, c)
	if err == nil && u.ExternalID != c.ID {
		return user{}, theirs
	}
	return u, err
}

// patch changes some fields of a user; the panel wants four others along.
func (p *Panel) patch(ctx context.Context, u user, change map[string]any) error {
	in := map[string]any{"email": u.Email, "username": u.Username, "first_name": u.FirstName, "last_name": u.LastName}
	if u.ExternalID != "" {
		in["external_id"] = u.ExternalID
	}
	for name, value := range change {
		in[name] = value
	}
	var after item[user]
	return p.app.do(ctx, http.MethodPatch, "/users/"+strconv.FormatInt(u.ID, 10), in, &after)
}

// UpdateCustomer implements sdk.CustomerUpdater. The name to sign in with stays. A user that was there before us, or that
// became an administrator, keeps its address: who can change it can ask the panel for a new password.
func (p *Panel) UpdateCustomer(ctx context.Context, c sdk.Customer) error {
	u, err := p.ours(ctx, c)
	switch {
	case fault.KindOf(err) == fault.NotFound || err == nil && u.RootAdmin:
		return nil
	case err != nil:
		return err
	}
	in := userFields(c)
	if u.Email == in["email"] && u.FirstName == in["first_name"] && u.LastName == in["last_name"] {
		return nil
	}
	return p.patch(ctx, u, in)
}
