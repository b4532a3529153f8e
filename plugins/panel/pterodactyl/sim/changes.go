package sim

import (
	"net/http"
	"strings"
)

// patchDetails takes the external ID from the body whether it is there or not, as the panel does.
func (p *panel) patchDetails(r *request) (int, any) {
	s := p.theServer(r)
	if s == nil {
		return missing()
	}
	var errs problems
	errs.check("name", r.in["name"], "required|string|max:191")
	errs.check("user", r.in["user"], "required|integer")
	errs.check("external_id", r.in["external_id"], "nullable|string|max:191")
	if p.user(func(u *user) bool { return u.id == whole(r.in["user"]) }) == nil {
		errs.add("user", "exists", "The selected user is invalid.")
	}
	if id := text(r.in["external_id"]); id != "" && p.server(func(o *server) bool { return o != s && o.external == id }) != nil {
		errs.add("external_id", "unique", "The external id has already been taken.")
	}
	if len(errs) > 0 {
		return errs.answer()
	}
	s.name, s.user, s.external, s.description = text(r.in["name"]), whole(r.in["user"]), text(r.in["external_id"]), text(r.in["description"])
	s.updated = p.now()
	return http.StatusOK, p.show(s, r)
}

// patchBuild answers well even when the node does not hear of it.
func (p *panel) patchBuild(r *request) (int, any) {
	s := p.theServer(r)
	if s == nil {
		return missing()
	}
	var errs problems
	errs.check("allocation", r.in["allocation"], "required|integer")
	errs.sizes(r.in)
	held := false
	for _, a := range p.node(s.node).allocations {
		held = held || a.id == whole(r.in["allocation"]) && a.server == s.id
	}
	if !held {
		errs.add("allocation", "exists", "The selected allocation is invalid.")
	}
	if len(errs) > 0 {
		return errs.answer()
	}
	s.allocation = whole(r.in["allocation"])
	s.take(r.in)
	s.updated = p.now()
	return http.StatusOK, p.show(s, r)
}

func (p *panel) patchStartup(r *request) (int, any) {
	s := p.theServer(r)
	if s == nil {
		return missing()
	}
	var errs problems
	errs.check("startup", r.in["startup"], "required|string")
	errs.check("image", r.in["image"], "required|string|max:255")
	errs.check("egg", r.in["egg"], "required|integer")
	if _, present := r.in["skip_scripts"]; !present {
		errs.add("skip_scripts", "present", "The skip scripts field must be present.")
	}
	e := findEgg(whole(r.in["egg"]))
	if e == nil {
		errs.add("egg", "exists", "The selected egg is invalid.")
	}
	environment, sent := r.in["environment"].(object)
	switch {
	case !sent:
		errs.add("environment", "present", "The environment field must be present.")
	case e != nil && len(environment) > 0: // an empty one is not looked at
		errs.variables(e, environment)
	}
	if len(errs) > 0 {
		return errs.answer()
	}
	if len(environment) > 0 {
		s.environment = chosen(e, environment)
	}
	s.startup, s.image, s.egg, s.updated = text(r.in["startup"]), text(r.in["image"]), e, p.now()
	return http.StatusOK, p.show(s, r)
}

// suspended sets or takes the flag; what a node does not hear is taken back.
func (p *panel) setSuspended(r *request, to string) (int, any) {
	s := p.theServer(r)
	switch {
	case s == nil:
		return missing()
	case (s.status == "suspended") == (to == "suspended"):
		return http.StatusNoContent, nil
	case s.moving:
		return wrong(http.StatusConflict, "ConflictHttpException", "Cannot toggle suspension status on a server that is currently being transferred.")
	case p.node(s.node).down:
		return unreachable()
	}
	s.status, s.updated = to, p.now()
	if to == "suspended" {
		s.power = "offline"
	}
	return http.StatusNoContent, nil
}

func (p *panel) suspend(r *request) (int, any) { return p.setSuspended(r, "suspended") }

// unsuspend sets the status to null, whatever it was before the suspension.
func (p *panel) unsuspend(r *request) (int, any) { return p.setSuspended(r, "") }

func (p *panel) reinstall(r *request) (int, any) {
	s := p.theServer(r)
	switch {
	case s == nil:
		return missing()
	case p.node(s.node).down:
		return unreachable()
	}
	p.install(s)
	s.updated = p.now()
	return http.StatusNoContent, nil
}

func (p *panel) deleteServer(r *request) (int, any) {
	s := p.theServer(r)
	if s == nil {
		return missing()
	}
	n := p.node(s.node)
	if n.down && !strings.HasSuffix(r.URL.Path, "/force") {
		return unreachable()
	}
	for _, a := range n.allocations {
		if a.server == s.id {
			a.server = 0
		}
	}
	for i := range p.servers {
		if p.servers[i] == s {
			p.servers = append(p.servers[:i], p.servers[i+1:]...)
			break
		}
	}
	return http.StatusNoContent, nil
}
