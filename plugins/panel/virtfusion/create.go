package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/panel"
	"github.com/ezscale/bursar/sdk/secret"
)

// pace is how long a build is left alone between two looks.
const pace = 10 * time.Second

var (
	errBuildFailed = fault.New(fault.Declined, "build_failed", "The installation failed. We are looking at it.")
	errTwo         = fault.New(fault.Unknown, "two_candidates", "")
	errNoServer    = fault.New(fault.NotFound, "no_server", "There is no such server.")
	errStock       = fault.New(fault.Declined, "out_of_stock", "There is no room for this server at the moment.")
	errRemoved     = fault.New(fault.Declined, "needs_person", "The server was removed. We are looking at it.")
)

// Create implements panel.Panel: user, server, build, wait; the first that is not noted.
func (p *Panel) Create(ctx context.Context, c panel.Creation) (panel.Progress, error) {
	plan, err := form.Read[Plan](c.Product)
	if err != nil {
		return panel.Progress{}, err
	}
	order, err := form.Read[Order](c.Checkout)
	if err != nil {
		return panel.Progress{}, err
	}
	if c.Notes[noteServer] == "" {
		return p.allocate(ctx, c, plan, order)
	}
	s, err := p.api.server(ctx, c.Notes[noteServer])
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return p.removed(c)
	case err != nil:
		return panel.Progress{}, err
	case s.State == stateAllocated, s.failed() && c.Notes[noteBuild] != "" && c.Notes[noteBuild] != c.ID: // staff's retry has a new ID
		return p.install(ctx, c.Op, c.Ref, s, plan.Package, order, plan.IPv6, c.Service)
	}
	p.accepted(c.Op, c.Ref)
	return p.await(ctx, c.Op, c.Ref, s)
}

// removed is a server that we made and that is no more. Somebody took it away on purpose: only staff's retry, which has a
// new ID, makes another.
func (p *Panel) removed(c panel.Creation) (panel.Progress, error) {
	if c.Notes[noteMade] == c.ID {
		return panel.Progress{}, errRemoved
	}
	clear(c.Notes)
	return panel.Progress{}, nil
}

// allocate takes up what an earlier call left behind, or makes one thing: the user, or the server.
func (p *Panel) allocate(ctx context.Context, c panel.Creation, plan Plan, order Order) (panel.Progress, error) {
	made, err := p.owner(ctx, c.Customer)
	if made || err != nil {
		return panel.Progress{}, err
	}
	s, err := p.left(ctx, c)
	if fault.KindOf(err) == fault.NotFound {
		s, err = p.order(ctx, c, plan, order)
	}
	if err != nil {
		return panel.Progress{}, err
	}
	c.Notes[noteServer], c.Notes[noteMade], c.Notes[notePackage] = s.id(), c.ID, plan.Package
	return panel.Progress{RemoteID: s.id(), Text: "Reserving addresses"}, nil
}

// owner notes the panel's user of a customer, and makes it if there is none.
func (p *Panel) owner(ctx context.Context, c sdk.Customer) (made bool, err error) {
	var u data[user]
	path := "/users/" + strconv.FormatInt(c.Number, 10) + "/byExtRelation"
	err = p.api.get(ctx, path, &u)
	if fault.KindOf(err) == fault.NotFound {
		made = true
		err = p.api.do(ctx, http.MethodPost, "/users", map[string]any{
			"name": c.Name(), "email": c.Email, "extRelationId": c.Number, "sendMail": false,
		}, &u)
		if fault.KindOf(err) == fault.Invalid { // the address is taken: the panel cannot be asked by whom
			return made, fault.New(fault.Declined, "needs_person", "We are setting up your access by hand.").Because(err)
		}
	}
	if err == nil && u.Data.ID == 0 {
		err = unreadable(made, "a user without an ID")
	}
	if err != nil {
		return made, err
	}
	c.Notes[noteUser] = strconv.FormatInt(u.Data.ID, 10)
	return made, nil
}

// unreadable is an answer that is JSON and yet none of the panel's.
func unreadable(change bool, what string) error {
	kind := fault.Unavailable
	if change {
		kind = fault.Unknown
	}
	return fault.New(kind, "unreadable_answer", "").Because(errors.New(what))
}

// placed are words of the panel's refusals that mean "no room". It has no codes for them.
var placed = regexp.MustCompile(`(?i)no (hypervisor|free|suitable|available)|not enough|insufficient|no.* available|out of|capacity|exhausted|limit reached`)

// order allocates the server. It has no name until it is built.
func (p *Panel) order(ctx context.Context, c panel.Creation, plan Plan, order Order) (server, error) {
	group := plan.Group
	if order.Location != "" {
		group = order.Location
	}
	ask := map[string]any{"packageId": number(plan.Package), "userId": number(c.Customer.Notes[noteUser]), "hypervisorId": number(group), "ipv4": plan.IPv4 + order.ExtraIPv4}
	if plan.Storage > 0 || order.ExtraDisk > 0 {
		disk, err := p.disk(ctx, plan, order.ExtraDisk)
		if err != nil {
			return server{}, err
		}
		ask["storage"] = disk
	}
	if plan.Unmetered || plan.Traffic > 0 {
		ask["traffic"] = plan.Traffic
	}
	var out data[server]
	err := p.api.do(ctx, http.MethodPost, "/servers", ask, &out)
	if fault.KindOf(err) == fault.Invalid {
		err = p.refused(ctx, plan, group, err)
	}
	if err == nil && out.Data.ID == 0 {
		err = unreadable(true, "a server without an ID")
	}
	return out.Data, err
}

// refused says what a refusal means: 422 is of a wrong order and of a full house alike.
func (p *Panel) refused(ctx context.Context, plan Plan, group string, err error) error {
	if pack, planErr := p.api.plan(ctx, number(plan.Package)); planErr == nil && !pack.Enabled {
		return fault.New(fault.Invalid, "package_disabled", "This package is disabled in the panel.").On("package").Because(err)
	}
	if free, stockErr := p.stock(ctx, plan, group); stockErr == nil && free == 0 || placed.MatchString(fault.Of(err).Detail) {
		return errStock.Because(err)
	}
	return err
}

// number reads an ID that a form has checked.
func number(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64) // 0 is no ID, so the panel refuses it
	return n
}

// disk is the size that a server shall have, in GB.
func (p *Panel) disk(ctx context.Context, plan Plan, extra int64) (int64, error) {
	if plan.Storage > 0 {
		return plan.Storage + extra, nil
	}
	pack, err := p.api.plan(ctx, number(plan.Package))
	return pack.Storage + extra, err
}

// left finds what an unanswered call of this creation made: a server with our name, else one of the customer's that was
// allocated since the op began, has no name, no other owner of ours and the size that we asked for.
func (p *Panel) left(ctx context.Context, c panel.Creation) (server, error) {
	var list data[[]server]
	if err := p.api.get(ctx, "/servers/user/"+c.Customer.Notes[noteUser], &list); err != nil {
		return server{}, err
	}
	if list.Data == nil {
		return server{}, unreadable(false, "a list of servers without data")
	}
	var ours, nameless []server
	for _, s := range list.Data {
		if s.Name == c.Service {
			ours = append(ours, s)
		} else if s.Name == "" && !slices.Contains(c.Known, s.id()) {
			nameless = append(nameless, s)
		}
	}
	if len(ours) == 0 {
		for _, s := range nameless { // lists are shorter than what a look shows
			full, err := p.api.server(ctx, s.id())
			if fault.KindOf(err) == fault.NotFound {
				continue
			}
			if err != nil {
				return server{}, err
			}
			if full.State == stateAllocated && full.Created != nil && !full.Created.Before(c.Since()) && p.fits(ctx, c, full) {
				ours = append(ours, full)
			}
		}
	}
	switch len(ours) {
	case 0:
		return server{}, errNoServer
	case 1:
		return ours[0], nil
	}
	return server{}, errTwo.Because(fmt.Errorf("servers %s and %s may both be that of %s", ours[0].id(), ours[1].id(), c.Service))
}

// fits says whether a server has the size of the creation, as far as both can be read.
func (p *Panel) fits(ctx context.Context, c panel.Creation, s server) bool {
	plan, err := form.Read[Plan](c.Product)
	if err != nil {
		return true
	}
	pack, err := p.api.plan(ctx, number(plan.Package))
	have := s.Settings.Resources
	return err != nil || have.Memory == 0 || have.Memory == pack.Memory && have.Cores == pack.Cores
}

// Find implements panel.Panel.
func (p *Panel) Find(ctx context.Context, c panel.Creation) (panel.Account, error) {
	if c.Notes[noteServer] != "" {
		s, err := p.api.server(ctx, c.Notes[noteServer])
		return p.account(s), err
	}
	var u data[user]
	err := p.api.get(ctx, "/users/"+strconv.FormatInt(c.Customer.Number, 10)+"/byExtRelation", &u)
	if err == nil && u.Data.ID == 0 {
		err = unreadable(false, "a user without an ID")
	}
	if err != nil {
		return panel.Account{}, err
	}
	c.Customer.Notes[noteUser] = strconv.FormatInt(u.Data.ID, 10)
	s, err := p.left(ctx, c)
	if err != nil {
		return panel.Account{}, err
	}
	c.Notes[noteServer], c.Notes[noteMade], c.Notes[notePackage] = s.id(), c.ID, c.Product.Get("package")
	return p.account(s), nil
}

// install starts a build. The password is in this answer only.
func (p *Panel) install(ctx context.Context, op sdk.Op, r panel.Ref, s server, pack string, order Order, ipv6 bool, name string) (panel.Progress, error) {
	path := "/servers/" + s.id() + "/templates"
	if pack != "" {
		path = "/media/templates/fromServerPackageSpec/" + pack
	}
	families, err := p.api.templates(ctx, path)
	if err != nil {
		return panel.Progress{}, err
	}
	system, ok := templateIn(families, number(order.Template))
	if !ok {
		return panel.Progress{}, fault.New(fault.Invalid, "no_template", "This operating system is not available.").On("template")
	}
	ask := map[string]any{"operatingSystemId": system.ID, "name": name, "ipv6": ipv6, "email": false}
	if order.Hostname != "" {
		ask["hostname"] = order.Hostname
	}
	if s.failed() {
		r.Notes[noteFailed] = r.Notes[noteBuild]
	}
	r.Notes[noteAdmin] = system.admin()
	var out data[server]
	if err := p.api.do(ctx, http.MethodPost, "/servers/"+s.id()+"/build", ask, &out); err != nil {
		return panel.Progress{}, err
	}
	r.Notes[noteBuild] = op.ID
	progress := panel.Again(pace, "Installing "+system.Name)
	progress.RemoteID, progress.Percent = s.id(), 10
	if out.Data.Settings.Password == "" { // an answer that is none of the panel's, or a version that keeps it to itself
		r.Notes[notePassword] = "lost"
		return progress, nil
	}
	delete(r.Notes, notePassword)
	progress.Credentials = credential(s, r.Notes[noteAdmin], out.Data.Settings.Password)
	return progress, nil
}

func credential(s server, admin, password string) []panel.Credential {
	host := ""
	if list := s.ipv4(); len(list) > 0 {
		host = list[0]
	}
	return []panel.Credential{{Label: admin, Host: host, Username: admin, Password: secret.New(password)}}
}

// accepted notes that a build goes on although no answer said so: its password was lost with the answer. One whose failure
// is noted was built anew, too.
func (p *Panel) accepted(op sdk.Op, r panel.Ref) {
	if was := r.Notes[noteBuild]; was == "" || was != op.ID && was == r.Notes[noteFailed] {
		r.Notes[noteBuild], r.Notes[notePassword] = op.ID, "lost"
	}
}

// await looks at a build that goes on, and at the password that follows it if its answer was lost.
func (p *Panel) await(ctx context.Context, op sdk.Op, r panel.Ref, s server) (panel.Progress, error) {
	switch {
	case s.failed():
		r.Notes[noteFailed] = op.ID
		return panel.Progress{}, errBuildFailed
	case s.State != stateComplete:
		again := panel.Again(pace, "Installing")
		again.RemoteID, again.Percent = s.id(), 50
		return again, nil
	case r.Notes[notePassword] != "":
		return p.newPassword(ctx, r, s)
	}
	done := panel.Done()
	done.RemoteID = s.id()
	return done, nil
}

// newPassword makes the panel draw a password and waits until the guest has taken it.
func (p *Panel) newPassword(ctx context.Context, r panel.Ref, s server) (panel.Progress, error) {
	if id := r.Notes[notePassword]; id != "lost" {
		var t data[task]
		switch err := p.api.get(ctx, "/queue/"+id, &t); {
		case fault.KindOf(err) == fault.NotFound: // cleared away: it is long over
		case err != nil:
			return panel.Progress{}, err
		case t.Data.Failed:
			r.Notes[notePassword] = "lost"
			return panel.Progress{}, fault.New(fault.Declined, "password_not_set", "The password could not be set. The server must be running.").
				Because(errors.New("queue item " + id + ": " + string(t.Data.Errors)))
		case t.Data.Finished == "":
			return panel.Again(pace/2, "Setting the password"), nil
		}
		delete(r.Notes, notePassword)
		done := panel.Done()
		done.RemoteID = s.id()
		return done, nil
	}
	admin := p.admin(ctx, r, s)
	var out data[struct {
		Queue    int64  `json:"queueId"`
		Password string `json:"expectedPassword"`
	}]
	err := p.api.do(ctx, http.MethodPost, "/servers/"+s.id()+"/resetPassword", map[string]any{"user": admin, "sendMail": false}, &out)
	if err == nil && (out.Data.Queue == 0 || out.Data.Password == "") {
		err = unreadable(true, "a reset without a password or its queue item")
	}
	if err != nil {
		return panel.Progress{}, err
	}
	r.Notes[notePassword] = strconv.FormatInt(out.Data.Queue, 10)
	progress := panel.Again(pace/2, "Setting the password")
	progress.RemoteID, progress.Credentials = s.id(), credential(s, admin, out.Data.Password)
	return progress, nil
}

// admin is the main user's name: noted when we built, else by the system that the panel says is installed.
func (p *Panel) admin(ctx context.Context, r panel.Ref, s server) string {
	if r.Notes[noteAdmin] == "" {
		families, err := p.api.templates(ctx, "/servers/"+s.id()+"/templates")
		if err != nil {
			return template{}.admin()
		}
		system, _ := templateIn(families, s.Settings.Template)
		r.Notes[noteAdmin] = system.admin()
	}
	return r.Notes[noteAdmin]
}
