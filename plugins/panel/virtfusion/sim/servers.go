package sim

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// The states of a server.
const (
	allocated = "allocated"
	queued    = "queued"
	failed    = "failed"
	complete  = "complete"
)

// server is a virtual machine.
type server struct {
	id                              int64
	uuid, name, hostname            string
	owner                           *user
	hypervisor                      *hypervisor
	pack, template                  int64
	memory, storage, traffic, cores int64
	ipv4                            []netip.Addr
	ipv6                            bool
	state, power                    string
	suspended, protected            bool
	created, updated, built         time.Time
	password                        string
	rx, tx                          map[int]int64 // by period
	job                             *job          // under way
	ends                            time.Time     // a delayed deletion
}

// job is a task that a hypervisor does. It is done after some looks, or when its time has come.
type job struct {
	id       int64
	action   string
	server   *server
	left     int
	due      time.Time
	started  time.Time
	finished time.Time
	failed   bool
	dooms    bool   // a build that fails
	to       string // the power, or the password, that it sets
}

// start begins a job; the caller has made sure that none is under way.
func (v *vendor) start(s *server, action string, looks int, at most) *job {
	j := &job{id: v.id(), action: action, server: s, left: looks, started: v.now(), due: v.now().Add(time.Duration(at))}
	v.jobs[j.id], s.job = j, j
	return j
}

// most is how long a job takes at most.
type most time.Duration

const (
	quick = most(20 * time.Second)
	long  = most(10 * time.Minute)
)

// look is somebody looking at a server: its job gets on.
func (v *vendor) look(s *server) {
	if j := s.job; j != nil {
		if j.left--; j.left <= 0 {
			v.finish(j)
		}
	}
}

func (v *vendor) finish(j *job) {
	j.finished, j.server.job, j.server.updated = v.now(), nil, v.now()
	j.failed = !v.effect(j)
}

// effect is what a job does at its end; false: it failed.
func (v *vendor) effect(j *job) bool {
	s := j.server
	switch j.action {
	case "build":
		if j.dooms {
			s.state = failed
			return false
		}
		s.state, s.power, s.built = complete, "running", v.now()
	case "suspend", "unsuspend":
		s.suspended = j.action == "suspend"
		s.power = map[bool]string{true: "shutoff", false: "running"}[s.suspended]
	case "boot", "shutdown", "restart", "poweroff":
		s.power = j.to
	case "resetPassword": // the guest's agent does it
		if s.power != "running" {
			return false
		}
		s.password = j.to
	case "destroy":
		v.remove(s)
	}
	return true
}

// sweep does what time alone does.
func (v *vendor) sweep() {
	now := v.now()
	for _, s := range slices.Clone(v.servers) {
		if s.job != nil && !now.Before(s.job.due) {
			v.finish(s.job)
		}
		if !s.ends.IsZero() && !now.Before(s.ends) {
			v.remove(s)
		}
	}
}

func (v *vendor) server(id int64) *server {
	at := slices.IndexFunc(v.servers, func(s *server) bool { return s.id == id })
	if at < 0 {
		return nil
	}
	return v.servers[at]
}

func (v *vendor) remove(s *server) {
	v.servers = slices.DeleteFunc(v.servers, func(o *server) bool { return o == s })
}

// periods are the months since a server was made; it answers which one t is in.
func (s *server) period(t time.Time) int {
	n := 0
	for !t.Before(s.from(n + 1)) {
		n++
	}
	return n
}

func (s *server) from(n int) time.Time {
	y, m, d := s.created.Date()
	return time.Date(y, m+time.Month(n), d, 0, 0, 0, 0, time.UTC)
}

func (s *server) count(t time.Time, rx, tx int64) {
	s.rx[s.period(t)] += rx
	s.tx[s.period(t)] += tx
}

func (s *server) used(t time.Time) int64 { n := s.period(t); return s.rx[n] + s.tx[n] }

// order is the body of POST /servers.
type order struct {
	PackageID            int64   `json:"packageId"`
	UserID               int64   `json:"userId"`
	HypervisorID         int64   `json:"hypervisorId"`
	IPv4                 int64   `json:"ipv4"`
	Storage              *int64  `json:"storage"`
	Traffic              *int64  `json:"traffic"`
	Memory               *int64  `json:"memory"`
	CPUCores             *int64  `json:"cpuCores"`
	NetworkSpeedInbound  *int64  `json:"networkSpeedInbound"`
	NetworkSpeedOutbound *int64  `json:"networkSpeedOutbound"`
	StorageProfile       *int64  `json:"storageProfile"`
	NetworkProfile       *int64  `json:"networkProfile"`
	FirewallRulesets     []int64 `json:"firewallRulesets"`
}

func or(p *int64, otherwise int64) int64 {
	if p != nil {
		return *p
	}
	return otherwise
}

// allocate makes a server without a system, or with dry only says why it could not. The error is the panel's own text.
func (v *vendor) allocate(o order, dry bool) (*server, error) {
	p, ok := packageOf(o.PackageID)
	if !ok || !p.enabled {
		return nil, errors.New("Invalid or disabled package")
	}
	at := slices.IndexFunc(v.users, func(u *user) bool { return u.id == o.UserID })
	if at < 0 {
		return nil, errors.New("Invalid user")
	}
	if _, ok := groupOf(o.HypervisorID); !ok {
		return nil, errors.New("Invalid or disabled hypervisor group")
	}
	s := &server{
		id: v.last + 1, owner: v.users[at], pack: p.id, memory: or(o.Memory, p.memory), storage: or(o.Storage, p.storage), traffic: or(o.Traffic, p.traffic),
		cores: or(o.CPUCores, p.cores), state: allocated, power: "shutoff", created: v.now(), updated: v.now(), rx: map[int]int64{}, tx: map[int]int64{},
	}
	if s.hypervisor = v.place(o.HypervisorID, s.memory, s.storage); s.hypervisor == nil {
		return nil, errors.New("No hypervisor with enough free resources is available in this group")
	}
	if o.IPv4 < 0 || v.addressesOf(o.HypervisorID)+o.IPv4 > mostAddresses {
		return nil, errors.New("Not enough IPv4 addresses are available")
	}
	if dry {
		return s, nil
	}
	s.id, s.uuid = v.id(), fmt.Sprintf("ab68e20a-211f-4b90-99f1-%012x", v.last)
	v.addIPv4(s, o.IPv4)
	v.servers = append(v.servers, s)
	return s, nil
}

// addIPv4 gives addresses of 198.18.0.0/15, the range for tests (RFC 2544).
func (v *vendor) addIPv4(s *server, n int64) {
	g := s.hypervisor.group
	for range n {
		next := v.addresses[g]
		if !next.IsValid() {
			next = netip.AddrFrom4([4]byte{198, 18, byte(g * 32), 9})
		}
		v.addresses[g] = next.Next()
		s.ipv4 = append(s.ipv4, v.addresses[g])
	}
}

func (s *server) show(now time.Time, remote bool) object {
	stamp := func(t time.Time) any {
		if t.IsZero() {
			return nil
		}
		return t.Format("2006-01-02T15:04:05-07:00")
	}
	var ipv4 []object
	for n, a := range s.ipv4 {
		ipv4 = append(ipv4, object{
			"id": s.id*100 + int64(n), "order": n + 1, "enabled": true, "blockId": 1, "address": a.String(), "gateway": "198.18.0.1", "netmask": "255.255.128.0",
			"resolver1": "192.0.2.53", "resolver2": "192.0.2.54", "rdns": nil, "mac": nil,
		})
	}
	ipv6 := []object{}
	if s.ipv6 {
		ipv6 = append(ipv6, object{"subnet": fmt.Sprintf("2001:db8:%x::", s.id), "cidr": 64, "gateway": "2001:db8::1", "addresses": []any{}})
	}
	var hostname, pending any = nil, []any{}
	if s.hostname != "" {
		hostname = s.hostname
	}
	if s.job != nil {
		pending = []object{{"id": s.job.id, "action": s.job.action}}
	}
	g, _ := groupOf(s.hypervisor.group)
	n := s.period(now)
	out := object{
		"id": s.id, "ownerId": s.owner.id, "hypervisorId": s.hypervisor.id, "arch": 1, "name": s.name, "selfService": 0, "hostname": hostname,
		"commissionStatus": s.commission(), "uuid": s.uuid, "state": s.state, "migratable": true, "timezone": "_default", "destroyable": true, "rebuild": false,
		"suspended": s.suspended, "protected": s.protected, "buildFailed": s.state == failed, "built": stamp(s.built), "created": stamp(s.created), "updated": stamp(s.updated),
		"traffic": object{"public": object{"countMethod": 1, "currentPeriod": object{
			"start": s.from(n).Format(time.DateTime), "end": s.from(n + 1).Add(-time.Second).Format(time.DateTime), "limit": s.traffic,
		}}},
		"settings": object{
			"osTemplateInstall": true, "osTemplateInstallId": s.template, "encryptedPassword": "...", "backupPlan": nil, "uefi": false, "cloudInit": true,
			"resources": object{"memory": s.memory, "storage": s.storage, "traffic": s.traffic, "cpuCores": s.cores},
		},
		"cpu":   object{"cores": s.cores, "type": "host-model", "shares": 1024, "throttle": 0},
		"media": object{"isoMounted": false}, "vnc": object{"ip": "192.0.2.2", "port": 5903, "enabled": false},
		"network": object{"interfaces": []object{{
			"id": 1, "order": 1, "enabled": true, "tag": 1, "name": "eth0", "type": "public", "mac": "00:00:00:00:00:01", "inAverage": 0, "outAverage": 0, "isNat": false,
			"ipv4": ipv4, "ipv6": ipv6,
		}}, "secondaryInterfaces": []any{}},
		"storage": []object{{"_id": 1, "id": 1, "capacity": s.storage, "drive": "vda", "type": "qcow2", "profile": 1, "status": 3, "enabled": true, "primary": true, "name": "Default"}},
		"hypervisor": object{
			"id": s.hypervisor.id, "ip": "192.0.2.2", "hostname": nil, "port": 8892, "maintenance": false, "groupId": g.id,
			"group": object{"name": g.name, "icon": nil}, "name": fmt.Sprintf("hv%d", s.hypervisor.id),
		},
		"owner":   object{"id": s.owner.id, "admin": false, "extRelationId": s.owner.ext, "name": s.owner.name, "email": s.owner.email, "suspended": false},
		"sshKeys": []any{}, "sharedUsers": []any{}, "tasks": object{"active": s.job != nil, "lastOn": stamp(s.updated), "actions": object{"pending": pending}},
	}
	if remote && s.state == complete {
		out["remoteState"] = object{"state": s.power, "cpu": "1.5", "memory": object{"actual": s.memory * 1024, "unused": s.memory * 512, "available": s.memory * 1024, "rss": s.memory * 512}}
	}
	return out
}

func (s *server) commission() int {
	return map[string]int{allocated: 0, queued: 1, failed: 2, complete: 3}[s.state]
}

func (v *vendor) listServers(q *request) {
	page(q, v.servers, func(s *server) object {
		return object{
			"id": s.id, "owner": s.owner.id, "hypervisorId": s.hypervisor.id, "name": s.name, "hostname": s.hostname, "commissioned": s.commission(), "uuid": s.uuid,
			"suspended": s.suspended, "buildFailed": s.state == failed, "created": s.created.Format("2006-01-02T15:04:05-07:00"),
		}
	})
}

// partOfServer is /servers/{id}/traffic, /servers/{id}/templates, and /servers/user/{id}.
func (v *vendor) partOfServer(q *request) {
	switch part := q.r.PathValue("part"); {
	case q.r.PathValue("id") == "user":
		v.serversOfUser(q)
	case part == "templates":
		v.serverTemplates(q)
	case part == "traffic":
		v.getTraffic(q)
	default:
		q.answer(404, object{"message": "The route could not be found."})
	}
}

func (v *vendor) serversOfUser(q *request) {
	id := q.number("part")
	if !slices.ContainsFunc(v.users, func(u *user) bool { return u.id == id }) {
		q.missing("user")
		return
	}
	mine := slices.DeleteFunc(slices.Clone(v.servers), func(s *server) bool { return s.owner.id != id })
	all(q, mine, func(s *server) object { return s.show(v.now(), false) })
}

func (v *vendor) createServer(q *request) {
	var o order
	if !q.read(&o) {
		return
	}
	dry := q.r.FormValue("dryRun") == "true"
	s, err := v.allocate(o, dry)
	switch {
	case err != nil:
		q.wrong("%v", err)
	case dry:
		q.answer(200, object{})
	default:
		q.data(201, s.show(v.now(), false))
	}
}

func (v *vendor) getServer(q *request) {
	s := v.server(q.number("id"))
	if s == nil {
		q.missing("server")
		return
	}
	if v.look(s); v.server(s.id) == nil {
		q.missing("server")
		return
	}
	q.data(200, s.show(v.now(), q.r.FormValue("remoteState") == "true"))
}

func (v *vendor) serverTemplates(q *request) {
	if v.server(q.number("id")) == nil {
		q.missing("server")
		return
	}
	q.data(200, showTemplates())
}

func (v *vendor) getTraffic(q *request) {
	s := v.server(q.number("id"))
	if s == nil {
		q.missing("server")
		return
	}
	var monthly []object
	for n := s.period(v.now()); n >= 0; n-- {
		monthly = append(monthly, object{
			"month": n + 1, "start": s.from(n).Format(time.DateTime), "end": s.from(n + 1).Add(-time.Second).Format(time.DateTime),
			"rx": s.rx[n], "tx": s.tx[n], "total": s.rx[n] + s.tx[n], "limit": s.traffic, "blocks": []any{},
		})
	}
	q.data(200, object{"monthly": monthly})
}

func (v *vendor) getJob(q *request) {
	j := v.jobs[q.number("id")]
	if j == nil {
		q.missing("queue item")
		return
	}
	v.look(j.server)
	out := object{
		"id": j.id, "jobId": strconv.FormatInt(j.id, 10), "job": j.action, "hypervisorId": j.server.hypervisor.id, "serverId": j.server.id, "action": j.action, "queue": "default",
		"started": j.started.Format(time.RFC3339), "updated": v.now().Format(time.RFC3339), "finished": nil, "failed": j.failed, "progress": 50, "errors": object{},
		"primaryActions": []any{}, "subActions": []any{},
	}
	if !j.finished.IsZero() {
		out["finished"], out["progress"] = j.finished.Format(time.RFC3339), 100
	}
	q.data(200, out)
}
