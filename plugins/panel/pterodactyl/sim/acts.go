package sim

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/ezscale/bursar/sdk/sim"
)

// about finds the server that an act names, nil for none.
func (p *panel) about(a sim.Act) *server {
	for _, name := range []string{a.ID, a.Op} {
		if s := p.server(func(s *server) bool { return name != "" && (s.external == name || strconv.FormatInt(s.id, 10) == name) }); s != nil {
			return s
		}
	}
	return nil
}

// act implements sim.Vendor.
func (p *panel) act(a sim.Act) error {
	var more struct {
		Node, Mail, Username string
		Memory, CPU, Disk    *int64
		Bytes                int64
		Product              map[string][]string
	}
	if len(a.Raw) > 0 {
		if err := json.Unmarshal(a.Raw, &more); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.about(a)
	switch a.Do {
	case "build_fails", "stuck":
		return p.spoil(a.Do, s)
	case "node_down", "node_up":
		return p.cut(a.Do == "node_down", s, more.Node)
	case "sold_out", "restock":
		p.soldOut = a.Do == "sold_out"
		return nil
	case "stranger":
		return p.stranger(a.ID, more.Product)
	case "other_user":
		p.addUser(object{"email": more.Mail, "username": more.Username, "first_name": "Somebody", "last_name": "Else", "password": "somebodyelse"})
		return nil
	}
	if s == nil && a.ID == "" && (a.Do == "lock" || a.Do == "unlock") {
		p.maintenance = a.Do == "lock"
		return nil
	}
	if s == nil {
		return fmt.Errorf("no server %q to %s", a.ID, a.Do)
	}
	switch a.Do {
	case "finish":
		if s.status != "installing" {
			return fmt.Errorf("server %d is not being installed", s.id)
		}
		p.installed(s)
	case "lock", "unlock":
		s.moving = a.Do == "lock"
	case "traffic":
		s.sent += more.Bytes
	case "usage":
		for to, value := range map[*int64]*int64{&s.memory: more.Memory, &s.cpu: more.CPU, &s.disk: more.Disk} {
			if value != nil {
				*to = *value
			}
		}
	default:
		return fmt.Errorf("the simulator does not know how to %q", a.Do)
	}
	return nil
}

// spoil spoils a server's installation, or the next one.
func (p *panel) spoil(how string, s *server) error {
	switch {
	case s == nil:
		p.fails, p.stuck = p.fails || how == "build_fails", p.stuck || how == "stuck"
	case s.status != "installing":
		return fmt.Errorf("server %d is not being installed", s.id)
	default:
		s.fails, s.stuck = s.fails || how == "build_fails", s.stuck || how == "stuck"
	}
	return nil
}

// cut takes the node of a server, a node by its number, or all of them off the net, or puts them back.
func (p *panel) cut(down bool, s *server, name string) error {
	found := false
	for _, n := range p.nodes {
		if s != nil && s.node == n.id || s == nil && (name == "" || name == strconv.FormatInt(n.id, 10)) {
			n.down, found = down, true
		}
	}
	if !found {
		return fmt.Errorf("no node %q", name)
	}
	return nil
}

// stranger is a server that an administrator makes by hand, wherever a port is free, for the user whose external ID ends in
// that number.
func (p *panel) stranger(number string, product map[string][]string) error {
	u := p.user(func(u *user) bool { return u.external == number || strings.HasSuffix(u.external, "_"+number) })
	if u == nil {
		u = p.addUser(object{"email": "user" + number + "@example.com", "username": "user" + number, "first_name": "Some", "last_name": "Body"})
	}
	plan := map[string]string{}
	for name, values := range product {
		if len(values) > 0 {
			plan[name] = values[0]
		}
	}
	return p.byHand(u, sim.Account{Plan: plan}, "")
}

// put implements sim.Vendor: the servers are these.
func (p *panel) put(state sim.State) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	status := map[string]string{"active": "", "building": "installing", "failed": "install_failed", "suspended": "suspended"}
	for i, a := range state.Accounts {
		now, known := status[a.Status]
		if !known {
			return fmt.Errorf("account %d: this panel has no status %q", i, a.Status)
		}
		u := p.user(func(u *user) bool { return a.Customer != "" && u.external == a.Customer })
		if u == nil {
			name := fmt.Sprintf("user%d", len(p.users))
			u = p.addUser(object{"email": name + "@example.com", "username": name, "first_name": "Some", "last_name": "Body", "external_id": a.Customer})
		}
		if err := p.byHand(u, a, now); err != nil {
			return fmt.Errorf("account %d: %w", i, err)
		}
	}
	return nil
}

// byHand makes a server without asking whether there is room.
func (p *panel) byHand(u *user, a sim.Account, status string) error {
	e := nests[0].eggs[0]
	if _, id, is := strings.Cut(a.Plan["egg"], "/"); is {
		n, _ := strconv.ParseInt(id, 10, 64)
		if found := findEgg(n); found != nil {
			e = found
		}
	}
	s := &server{
		name: "server", external: a.Service, status: status, user: u.id, egg: e, image: e.images[0][1], startup: e.startup, environment: map[string]any{},
		limits: map[string]int64{"memory": 1024, "disk": 5120, "cpu": 100, "swap": 0, "io": 500}, oomDisabled: true, power: "offline", polls: Polls, first: true,
		memory: -1, cpu: -1, disk: -1, created: p.now(), updated: p.now(),
	}
	for name := range s.limits {
		if n, err := strconv.ParseInt(a.Plan[name], 10, 64); err == nil {
			s.limits[name] = n
		}
	}
	for name, to := range map[string]*int64{"databases": &s.databases, "backups": &s.backups, "allocations": &s.allocs} {
		if n, err := strconv.ParseInt(a.Plan[name], 10, 64); err == nil {
			*to = n
		}
	}
	for _, v := range e.variables {
		s.environment[v.env] = v.value
	}
	if a.Power == "running" {
		s.power = "running"
	}
	for name, to := range map[string]*int64{"memory": &s.memory, "cpu": &s.cpu, "disk": &s.disk} {
		if n, measured := a.Usage[name]; measured {
			*to = n
		}
	}
	n, at := pick(p.nodes, false, func(int64) bool { return true })
	if at == nil {
		return errors.New("no free port")
	}
	p.add(s, n, at)
	return nil
}
