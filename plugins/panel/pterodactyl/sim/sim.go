// Package sim is a simulator of a Pterodactyl panel 1.11 with three locations, four nodes and five games: enough of the
// application API and the client API to sell, install, change, suspend and end servers without a panel.
//
// It keeps state and is strict as the panel is: keys that belong to one API, an Accept header or a redirect to the login
// page, 422 with source_field and rule, unique mails, names and external IDs, the rules of each game's variables, room on
// nodes, rate limits. An installation ends when it was looked at often enough (see Polls).
//
// What can be played, by POST /_sim/act; id is a server's number or our Service ("": the next installation, all nodes):
//
//	build_fails  an installation fails
//	stuck        an installation never ends; finish ends it
//	node_down    the node of a server, or node "2", cannot be reached; node_up
//	sold_out     no node takes another server; restock
//	lock         the server is being moved to another node, or without id: the panel is closed for maintenance; unlock
//	stranger     somebody makes a server by hand for customer 1042: {"id":"1042","product":{…}}
//	traffic      a server sends so much: {"bytes":1000}
//	usage        {"memory":…,"cpu":…,"disk":…} is what the node measures: bytes, and cpu in parts per million of a core
//	other_user   somebody at the panel has that mail: {"mail":"jane@example.com","username":"jane"}
package sim

import (
	"strconv"
	"sync"
	"time"

	"github.com/ezscale/bursar/sdk/sim"
)

// The keys that the panel knows. ReadKey is an application key without the right to change anything.
const (
	ApplicationKey = "ptla_simulatorAAAAAAsimulatorsimulatorsimulato"
	ReadKey        = "ptla_simulatorRRRRRRsimulatorsimulatorsimulato"
	ClientKey      = "ptlc_simulatorCCCCCCsimulatorsimulatorsimulato"
)

// Polls is how often a server is read before its installation has ended.
const Polls = 2

// Requests a minute, by the owner of a key.
const (
	applicationRate = 240
	clientRate      = 720
)

// panel is the vendor. All of it is guarded by mu.
type panel struct {
	now func() time.Time

	mu      sync.Mutex
	users   []*user
	servers []*server
	nodes   []*node
	last    map[string]int64 // numbers given away, by kind
	rates   map[string]rate
	fails   bool // the next installation
	stuck   bool
	soldOut bool

	maintenance bool
}

type rate struct {
	minute int64
	count  int
}

type user struct {
	id                                              int64
	external, uuid, username, email, password, lang string
	first, family                                   string
	admin                                           bool
	created, updated                                time.Time
}

type server struct {
	id                         int64
	external, uuid             string
	name, description          string
	status                     string // "" is null
	user, node, allocation     int64
	egg                        *egg
	image, startup             string
	environment                map[string]any
	limits                     map[string]int64 // memory swap disk io cpu
	threads                    any
	oomDisabled                bool
	databases, backups, allocs int64
	power                      string
	startAfter, first          bool // start, and count a failure as the first installation's
	fails, stuck, moving       bool
	polls                      int
	memory, cpu, disk          int64 // measured; below zero: a share of the limit
	sent                       int64 // bytes since the container started
	created, updated           time.Time
}

// New makes a panel without customers.
func New() *sim.Sim {
	p := &panel{}
	p.clear()
	s := sim.New(sim.Vendor{Handler: p.routes(), State: p.state, Put: p.put, Act: p.act, Reset: p.reset, Memory: p.memory, Woken: p.woken})
	p.now = s.Now
	return s
}

func (p *panel) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
}

func (p *panel) clear() {
	began := time.Date(2024, 10, 24, 18, 4, 30, 0, time.UTC)
	p.last, p.rates, p.servers = map[string]int64{}, map[string]rate{}, nil
	p.fails, p.stuck, p.soldOut, p.maintenance = false, false, false, false
	p.nodes = nodes()
	p.users = []*user{{
		id: p.number("user"), uuid: uuid("user", 1), username: "admin", email: "admin@games.example", first: "Ada", family: "Admin", lang: "en",
		admin: true, created: began, updated: began,
	}}
}

// memory is what goes on in another process.
func (p *panel) memory() (sync.Locker, map[string]any) {
	return &p.mu, map[string]any{
		"users": &p.users, "servers": &p.servers, "nodes": &p.nodes, "last": &p.last, "fails": &p.fails, "stuck": &p.stuck, "soldOut": &p.soldOut,
		"maintenance": &p.maintenance,
	}
}

// woken takes each server's game from the list of games.
func (p *panel) woken() {
	for _, s := range p.servers {
		if e := findEgg(s.egg.id); e != nil {
			s.egg = e
		}
	}
}

// number gives away the next of a kind.
func (p *panel) number(kind string) int64 {
	p.last[kind]++
	return p.last[kind]
}

func (p *panel) server(match func(*server) bool) *server {
	for _, s := range p.servers {
		if match(s) {
			return s
		}
	}
	return nil
}

func (p *panel) user(match func(*user) bool) *user {
	for _, u := range p.users {
		if match(u) {
			return u
		}
	}
	return nil
}

func (p *panel) node(id int64) *node {
	for _, n := range p.nodes {
		if n.id == id {
			return n
		}
	}
	return nil
}

// state implements sim.Vendor.
func (p *panel) state() sim.State {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := sim.State{Things: map[string]int{"account": len(p.servers)}}
	for _, u := range p.users {
		if !u.admin {
			out.Things["customer"]++
		}
	}
	words := map[string]string{"": "active", "installing": "building", "install_failed": "failed", "reinstall_failed": "failed", "suspended": "suspended"}
	for _, s := range p.servers {
		a := sim.Account{
			ID: strconv.FormatInt(s.id, 10), Service: s.external, Status: words[s.status], Power: map[string]string{"running": "running", "offline": "stopped"}[s.power],
			Plan: map[string]string{
				"egg":       strconv.FormatInt(s.egg.nest.id, 10) + "/" + strconv.FormatInt(s.egg.id, 10),
				"databases": strconv.FormatInt(s.databases, 10), "backups": strconv.FormatInt(s.backups, 10), "allocations": strconv.FormatInt(s.allocs, 10),
			},
			Usage: map[string]int64{},
		}
		for name, value := range s.limits {
			a.Plan[name] = strconv.FormatInt(value, 10)
		}
		if u := p.user(func(u *user) bool { return u.id == s.user }); u != nil {
			if a.Customer = u.external; a.Customer == "" {
				a.Customer = u.email
			}
		}
		a.Usage["memory"], a.Usage["cpu"], a.Usage["disk"] = s.measured()
		out.Accounts = append(out.Accounts, a)
	}
	return out
}

// measured is what the node counts: bytes, and parts per million of a core.
func (s *server) measured() (memory, cpu, disk int64) {
	memory, cpu, disk = s.memory, s.cpu, s.disk
	share := func(of *int64, limit, percent int64) {
		if *of < 0 {
			*of = limit / 100 * percent
		}
	}
	share(&memory, s.limits["memory"]<<20, 43)
	share(&cpu, s.limits["cpu"]*10_000, 17)
	share(&disk, s.limits["disk"]<<20, 21)
	if s.power != "running" {
		memory, cpu = 0, 0
	}
	return memory, cpu, disk
}
