package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/panel"
	"github.com/ezscale/bursar/sdk/secret"
)

var (
	errBuildFailed = fault.New(fault.Declined, "build_failed", "The installation failed. We are looking at it.")
	errNeedsPerson = fault.New(fault.Declined, "needs_person", "This needs a look by our staff.")
)

// Create implements panel.Panel: the user, then the server, then wait for its installation.
func (p *Panel) Create(ctx context.Context, c panel.Creation) (panel.Progress, error) {
	plan, order, err := readOrder(c.Product, c.Checkout)
	if err != nil {
		return panel.Progress{}, err
	}
	if c.Customer.Notes[noteUser] == "" {
		return panel.Progress{}, p.ownUser(ctx, c)
	}
	s, err := p.serverOf(ctx, c.Service)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return p.makeServer(ctx, c, plan, order)
	case err != nil:
		return panel.Progress{}, err
	case strconv.FormatInt(s.User, 10) != c.Customer.Notes[noteUser]:
		return panel.Progress{}, errNeedsPerson.Because(fmt.Errorf("server %d has our external ID %s, and belongs to user %d instead of %s",
			s.ID, c.Service, s.User, c.Customer.Notes[noteUser]))
	}
	noteServerIn(c.Notes, s)
	if c.Notes[noteBuild] == "" && s.CreatedAt.After(c.Since()) { // our own POST, whose answer was lost
		c.Notes[noteBuild] = c.ID
	}
	switch s.Status {
	case installFailed, reinstallFailed:
		if c.Notes[noteBuild] == c.ID {
			return panel.Progress{RemoteID: strconv.FormatInt(s.ID, 10)}, errBuildFailed
		}
		return p.install(ctx, c.Op, c.Notes, s) // staff's retry comes with a new ID
	case installing:
		return p.waiting(c.Op, s), nil
	}
	return panel.Progress{
		Done: true, Percent: 100, RemoteID: strconv.FormatInt(s.ID, 10),
		Credentials: p.credentials(s, s.Relationships.User.Attributes, p.passwordOf(c, s.Relationships.User.Attributes)),
	}, nil
}

// passwordOf is the creation's password if its user was made with it: user names are drawn for one creation and never
// used again.
func (p *Panel) passwordOf(c panel.Creation, u user) secret.Value {
	if c.Customer.Notes[noteAdopted] == "" && (u.Username == c.Username || u.Username == secondName(c)) && u.CreatedAt.After(c.Since()) {
		return c.Password
	}
	return secret.Value{}
}

// waiting asks to be called again so rarely that a day of it fits into the 200 calls that a change has: a node that cannot
// tell the panel of a finished installation leaves a server in this state for ever.
func (p *Panel) waiting(op sdk.Op, s server) panel.Progress {
	after, text := 15*time.Second, "Installing"
	switch age := p.now().Sub(op.First); {
	case age > time.Hour:
		after, text = 15*time.Minute, "The installation takes longer than usual"
	case age > 5*time.Minute:
		after = time.Minute
	}
	progress := panel.Again(after, text)
	progress.RemoteID = strconv.FormatInt(s.ID, 10)
	return progress
}

// Find implements panel.Panel.
func (p *Panel) Find(ctx context.Context, c panel.Creation) (panel.Account, error) {
	s, err := p.serverOf(ctx, c.Service)
	if err != nil {
		return panel.Account{}, err
	}
	noteServerIn(c.Notes, s)
	return p.account(s), nil
}

// ownUser finds the customer's user (by our ID, then by the exact mail), or makes one, and notes it.
func (p *Panel) ownUser(ctx context.Context, c panel.Creation) error {
	u, err := p.userOf(ctx, c.Customer)
	if fault.KindOf(err) == fault.NotFound {
		var made item[user]
		in := userFields(c.Customer)
		in["external_id"], in["password"], in["username"] = c.Customer.ID, c.Password.Reveal(), c.Username
		if c.Notes[noteName] != "" {
			in["username"] = secondName(c)
		}
		err = p.app.do(ctx, http.MethodPost, "/users", in, &made)
		u = made.Attributes
		if _, taken := said(err).on("username"); taken && c.Notes[noteName] == "" {
			c.Notes[noteName] = "taken"
			return nil // again at once, with the other name
		}
	}
	if err != nil {
		return again(err, "email", "external_id")
	}
	c.Customer.Notes[noteUser] = strconv.FormatInt(u.ID, 10)
	if u.ExternalID != c.Customer.ID {
		c.Customer.Notes[noteAdopted] = "1"
	}
	return nil
}

// again asks for another look where the panel says that a thing is there which we did not find: an earlier request of ours
// may have been done meanwhile.
func again(err error, fields ...string) error {
	for _, field := range fields {
		if c, is := said(err).on(field); is && c.Meta.Rule == "unique" {
			return fault.New(fault.Unavailable, "exists", "").Because(err).Retry(15 * time.Second)
		}
	}
	return err
}

// secondName is for a creation whose user name somebody at the panel has already.
func secondName(c panel.Creation) string {
	return c.Username + "-" + strconv.FormatInt(c.Customer.Number, 10)
}

// userOf finds the user of a customer. NotFound is proved.
func (p *Panel) userOf(ctx context.Context, c sdk.Customer) (user, error) {
	var u item[user]
	err := p.app.do(ctx, http.MethodGet, "/users/external/"+url.PathEscape(c.ID), nil, &u)
	if fault.KindOf(err) != fault.NotFound {
		return u.Attributes, err
	}
	missing := err
	// The filter finds parts of addresses too. That it answers a list at all proves the 404 before.
	all, err := every[user](ctx, p.app, "/users?filter[email]="+url.QueryEscape(c.Email))
	if err != nil {
		if fault.KindOf(err) == fault.NotFound {
			err = fault.New(fault.Unavailable, "wrong_address", "").Because(err)
		}
		return user{}, err
	}
	for _, u := range all {
		if strings.EqualFold(u.Email, c.Email) {
			return u, nil
		}
	}
	return user{}, missing
}

// userFields are what every change of a user must say, but for the name it signs in with.
func userFields(c sdk.Customer) map[string]any {
	return map[string]any{
		"email":      c.Email,
		"first_name": cmp.Or(c.First, c.Company, c.Last, "-"),
		"last_name":  cmp.Or(c.Last, c.Company, "-"),
	}
}

// makeServer asks the panel for a server wherever there is room.
func (p *Panel) makeServer(ctx context.Context, c panel.Creation, plan Plan, order Order) (panel.Progress, error) {
	game, err := p.egg(ctx, cmp.Or(plan.Egg, order.Egg))
	if err != nil {
		return panel.Progress{}, err
	}
	owner, err := strconv.ParseInt(c.Customer.Notes[noteUser], 10, 64)
	if err != nil {
		return panel.Progress{}, fault.New(fault.Internal, "bad_note", "").Because(err)
	}
	in := map[string]any{
		"name": cmp.Or(order.Name, c.Service), "user": owner, "egg": game.ID, "external_id": c.Service,
		"docker_image": plan.image(game), "startup": cmp.Or(plan.Startup, game.Startup), "environment": plan.environment(game, nil),
		"limits": plan.limits(), "feature_limits": plan.features(), "start_on_completion": true,
		"deploy": map[string]any{"locations": plan.places(order), "dedicated_ip": false, "port_range": []string{}},
	}
	var made item[server]
	err = p.app.do(ctx, http.MethodPost, "/servers"+with, in, &made)
	if err != nil {
		why := said(err)
		if _, gone := why.on("user"); gone { // staff deleted the user that we noted
			delete(c.Customer.Notes, noteUser)
			delete(c.Customer.Notes, noteAdopted)
			return panel.Progress{}, nil
		}
		return panel.Progress{}, onField(again(err, "external_id"))
	}
	noteServerIn(c.Notes, made.Attributes)
	c.Notes[noteBuild] = c.ID
	return p.waiting(c.Op, made.Attributes), nil
}

// onField names the field of our forms that the panel complained about.
func onField(err error) error {
	f := fault.Of(err)
	if f == nil || f.Kind != fault.Invalid {
		return err
	}
	for theirs, ours := range map[string]string{
		"environment": "environment", "docker_image": "docker_image", "image": "docker_image", "startup": "startup", "egg": "egg", "name": "name",
		"limits.memory": "memory", "limits.disk": "disk", "limits.cpu": "cpu", "limits.swap": "swap", "limits.io": "io",
		"feature_limits.databases": "databases", "feature_limits.backups": "backups", "feature_limits.allocations": "allocations",
		"deploy.locations": "location",
	} {
		if _, is := said(err).on(theirs); is {
			return f.On(ours)
		}
	}
	return err
}

// install starts an installation anew and notes whose it is.
func (p *Panel) install(ctx context.Context, op sdk.Op, notes sdk.Notes, s server) (panel.Progress, error) {
	if err := p.app.do(ctx, http.MethodPost, fmt.Sprintf("/servers/%d/reinstall", s.ID), nil, nil); err != nil {
		return panel.Progress{}, err
	}
	notes[noteBuild] = op.ID
	return p.waiting(op, s), nil
}

// readOrder reads both forms and checks what the product allows the buyer to choose.
func readOrder(product, checkout form.Values) (plan Plan, order Order, err error) {
	if plan, err = form.Read[Plan](product); err != nil {
		return plan, order, err
	}
	if order, err = form.Read[Order](checkout); err != nil {
		return plan, order, err
	}
	return plan, order, plan.allows(order)
}
