package sim

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

func (p *panel) getServers(r *request) (int, any) {
	var out []any
	for _, s := range p.servers {
		if strings.Contains(s.external, r.query.Get("filter[external_id]")) && strings.Contains(s.name, r.query.Get("filter[name]")) {
			out = append(out, p.show(s, r))
		}
	}
	return r.page(out)
}

func (p *panel) theServer(r *request) *server {
	external := r.PathValue("external")
	return p.server(func(s *server) bool {
		if external != "" {
			return s.external == external
		}
		return s.id == r.number("server")
	})
}

// getServer is also how time passes for an installation.
func (p *panel) getServer(r *request) (int, any) {
	s := p.theServer(r)
	if s == nil {
		return missing()
	}
	if s.status == "installing" && !s.stuck {
		if s.polls--; s.polls <= 0 {
			p.installed(s)
		}
	}
	return http.StatusOK, p.show(s, r)
}

// install begins an installation.
func (p *panel) install(s *server) {
	s.status, s.polls, s.fails, s.stuck = "installing", Polls, p.fails, p.stuck
	s.power, p.fails, p.stuck = "offline", false, false
}

// installed is the node's report.
func (p *panel) installed(s *server) {
	switch {
	case s.fails && s.first:
		s.status = "install_failed"
	case s.fails:
		s.status = "reinstall_failed"
	default:
		s.status = ""
		if s.startAfter {
			s.power = "running"
		}
	}
	s.fails, s.stuck, s.first = false, false, false
}

func (s *server) identifier() string { return s.uuid[:8] }

func (p *panel) show(s *server, r *request) object {
	environment := object{}
	for name, value := range s.environment {
		environment[name] = value
	}
	n := p.node(s.node)
	for _, l := range locations {
		if l.id == n.location {
			environment["P_SERVER_LOCATION"] = l.short
		}
	}
	environment["STARTUP"], environment["P_SERVER_UUID"], environment["P_SERVER_ALLOCATION_LIMIT"] = s.startup, s.uuid, s.allocs
	installed := 1
	if s.status == "installing" || s.status == "install_failed" {
		installed = 0
	}
	out := object{
		"id": s.id, "external_id": orNull(s.external), "uuid": s.uuid, "identifier": s.identifier(), "name": s.name, "description": s.description,
		"status": orNull(s.status), "suspended": s.status == "suspended", "limits": s.showLimits(), "feature_limits": s.features(),
		"user": s.user, "node": s.node, "allocation": s.allocation, "nest": s.egg.nest.id, "egg": s.egg.id,
		"container":  object{"startup_command": s.startup, "image": s.image, "installed": installed, "environment": environment},
		"updated_at": when(s.updated), "created_at": when(s.created),
	}
	related := object{}
	if r.includes("allocations") {
		list := []any{}
		for _, a := range n.allocations {
			if a.server == s.id {
				list = append([]any{a.show()}, list...)
			}
		}
		related["allocations"] = object{"object": "list", "data": list}
	}
	if r.includes("node") {
		related["node"] = p.showNode(n)
	}
	if r.includes("user") {
		related["user"] = object{"object": "null_resource", "attributes": nil}
		if u := p.user(func(u *user) bool { return u.id == s.user }); u != nil {
			related["user"] = u.show()
		}
	}
	if len(related) > 0 {
		out["relationships"] = related
	}
	return thing("server", out)
}

func (s *server) showLimits() object {
	out := object{"threads": s.threads, "oom_disabled": s.oomDisabled}
	for name, value := range s.limits {
		out[name] = value
	}
	return out
}

func (s *server) features() object {
	return object{"databases": s.databases, "allocations": s.allocs, "backups": s.backups}
}

// limitRules are those of every server's size.
var limitRules = [][2]string{
	{"memory", "required|numeric|min:0"}, {"swap", "required|numeric|min:-1"}, {"disk", "required|numeric|min:0"},
	{"io", "required|numeric|between:10,1000"}, {"cpu", "required|numeric|min:0"},
}

func (p *problems) sizes(in object) {
	limits, _ := in["limits"].(object)
	p.check("limits", in["limits"], "required|array")
	for _, l := range limitRules {
		p.check("limits."+l[0], limits[l[0]], l[1])
	}
	features, sent := in["feature_limits"].(object)
	if !sent {
		p.add("feature_limits", "required", "The feature limits field is required.")
	}
	for _, name := range []string{"databases", "backups"} {
		if _, present := features[name]; !present {
			p.add("feature_limits."+name, "present", "The %s field must be present.", name)
		}
	}
	for _, name := range []string{"databases", "backups", "allocations"} {
		p.check("feature_limits."+name, features[name], "nullable|integer|min:0")
	}
}

func (s *server) take(in object) {
	limits, _ := in["limits"].(object)
	features, _ := in["feature_limits"].(object)
	s.limits = map[string]int64{}
	for _, l := range limitRules {
		s.limits[l[0]] = whole(limits[l[0]])
	}
	s.threads = limits["threads"]
	s.databases, s.backups, s.allocs = whole(features["databases"]), whole(features["backups"]), whole(features["allocations"])
	if oom, sent := in["oom_disabled"]; sent {
		s.oomDisabled = truth(oom)
	}
}

// variables checks each variable of a game by its own rules.
func (p *problems) variables(e *egg, in any) {
	environment, sent := in.(object)
	if !sent {
		p.add("environment", "present", "The environment field must be present.")
		return
	}
	for _, v := range e.variables {
		p.check("environment."+v.env, environment[v.env], v.rules)
	}
}

// chosen are the values of a game's variables.
func chosen(e *egg, in any) map[string]any {
	environment, _ := in.(object)
	out := map[string]any{}
	for _, v := range e.variables {
		out[v.env] = environment[v.env]
		if environment[v.env] == nil {
			out[v.env] = ""
		}
	}
	return out
}

func (p *panel) postServer(r *request) (int, any) {
	in := r.in
	var errs problems
	errs.check("name", in["name"], "required|string|max:191")
	errs.check("external_id", in["external_id"], "nullable|string|max:191")
	errs.check("user", in["user"], "required|integer")
	errs.check("egg", in["egg"], "required|integer")
	errs.check("docker_image", in["docker_image"], "required|string|max:255")
	errs.check("startup", in["startup"], "required|string")
	errs.sizes(in)
	if id := text(in["external_id"]); id != "" && p.server(func(s *server) bool { return s.external == id }) != nil {
		errs.add("external_id", "unique", "The external id has already been taken.")
	}
	if p.user(func(u *user) bool { return u.id == whole(in["user"]) }) == nil {
		errs.add("user", "exists", "The selected user is invalid.")
	}
	e := findEgg(whole(in["egg"]))
	if e == nil {
		errs.add("egg", "exists", "The selected egg is invalid.")
	} else {
		errs.variables(e, in["environment"])
	}
	deploy, automatic := in["deploy"].(object)
	given, _ := in["allocation"].(object)
	if automatic {
		errs.check("deploy.locations", deploy["locations"], "array")
		errs.check("deploy.port_range", deploy["port_range"], "array")
		errs.check("deploy.dedicated_ip", deploy["dedicated_ip"], "required|boolean")
		for _, name := range []string{"locations", "port_range"} {
			if _, present := deploy[name]; !present {
				errs.add("deploy."+name, "present", "The %s field must be present.", name)
			}
		}
	} else {
		errs.check("allocation.default", given["default"], "required|integer")
	}
	if len(errs) > 0 {
		return errs.answer()
	}
	s := &server{
		name: text(in["name"]), external: text(in["external_id"]), description: text(in["description"]), user: whole(in["user"]), egg: e,
		image: text(in["docker_image"]), startup: text(in["startup"]), environment: chosen(e, in["environment"]), oomDisabled: true,
		startAfter: truth(in["start_on_completion"]), first: true, memory: -1, cpu: -1, disk: -1, created: p.now(), updated: p.now(),
	}
	s.take(in)
	n, a, refuse := p.place(s, deploy, whole(given["default"]), automatic)
	if refuse != nil {
		return refuse()
	}
	if n.down {
		return unreachable() // the panel takes its row back
	}
	p.add(s, n, a)
	p.install(s)
	if truth(in["skip_scripts"]) {
		p.installed(s)
	}
	return http.StatusCreated, p.show(s, r)
}

// add gives a server its number and its place.
func (p *panel) add(s *server, n *node, a *allocation) {
	s.id = p.number("server")
	s.uuid = uuid("server", s.id)
	s.node, s.allocation, a.server = n.id, a.id, s.id
	p.servers = append(p.servers, s)
}

// place finds where a server goes; refuse answers if there is nowhere.
func (p *panel) place(s *server, deploy object, given int64, automatic bool) (*node, *allocation, func() (int, any)) {
	if !automatic {
		for _, n := range p.nodes {
			for _, a := range n.allocations {
				if a.id == given && a.server == 0 {
					return n, a, nil
				}
			}
		}
		return nil, nil, func() (int, any) {
			var errs problems
			errs.add("allocation.default", "exists", "The selected allocation is invalid.")
			return errs.answer()
		}
	}
	var in []int64
	if list, ok := deploy["locations"].([]any); ok {
		for _, l := range list {
			in = append(in, whole(l))
		}
	}
	from := p.viable(s.limits["memory"], s.limits["disk"], in)
	if len(from) == 0 {
		return nil, nil, noNode
	}
	n, a := pick(from, truth(deploy["dedicated_ip"]), ports(deploy["port_range"]))
	if a == nil {
		return nil, nil, func() (int, any) {
			return display("NoViableAllocationException", "No allocations satisfying the requirements for automatic deployment were found.")
		}
	}
	return n, a, nil
}

// ports reads a port_range: none is all.
func ports(in any) func(int64) bool {
	list, _ := in.([]any)
	return func(port int64) bool {
		for _, one := range list {
			low, high, is := strings.Cut(fmt.Sprint(one), "-")
			if !is {
				high = low
			}
			from, _ := strconv.ParseInt(low, 10, 64)
			to, _ := strconv.ParseInt(high, 10, 64)
			if port >= from && port <= to {
				return true
			}
		}
		return len(list) == 0
	}
}
