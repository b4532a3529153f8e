package sim

import (
	"fmt"
	"slices"
)

// pack is a package: the plan of a server.
type pack struct {
	id, memory, storage, traffic, cores int64 // MB, GB, GB, number
	name                                string
	enabled                             bool
}

var packages = []pack{
	{1, 1024, 20, 1000, 1, "VPS 1", true},
	{2, 2048, 40, 2000, 2, "VPS 2", true},
	{3, 4096, 80, 4000, 4, "VPS 4", true},
	{4, 8192, 160, 8000, 8, "VPS 8", true},
	{5, 512, 10, 500, 1, "VPS Nano (no longer sold)", false},
	{6, 4096, 20, 2000, 1, "VPS 1 Memory", true},
}

func packageOf(id int64) (pack, bool) {
	at := slices.IndexFunc(packages, func(p pack) bool { return p.id == id })
	if at < 0 {
		return pack{}, false
	}
	return packages[at], true
}

func (p pack) show() object {
	return object{
		"id": p.id, "name": p.name, "description": nil, "enabled": p.enabled, "memory": p.memory, "primaryStorage": p.storage, "traffic": p.traffic, "cpuCores": p.cores,
		"primaryNetworkSpeedIn": 125000, "primaryNetworkSpeedOut": 125000, "primaryDiskType": "inherit", "backupPlanId": 0,
		"primaryStorageReadBytesSec": nil, "primaryStorageWriteBytesSec": nil, "primaryStorageReadIopsSec": nil, "primaryStorageWriteIopsSec": nil,
		"primaryStorageProfile": 0, "primaryNetworkProfile": 0, "created": "2025-01-15T15:00:49+00:00",
	}
}

// group is a group of hypervisors: a location.
type group struct {
	id    int64
	name  string
	label string
}

var groups = []group{{1, "New York", "us-nyc"}, {2, "London", "gb-lon"}, {3, "Frankfurt", "de-fra"}}

func groupOf(id int64) (group, bool) {
	at := slices.IndexFunc(groups, func(g group) bool { return g.id == id })
	if at < 0 {
		return group{}, false
	}
	return groups[at], true
}

func (g group) show() object {
	return object{
		"id": g.id, "name": g.name, "label": g.label, "description": nil, "distributionType": 1, "enabled": true, "default": g.id == 1,
		"created": "2025-01-15T15:00:49+00:00", "updated": "2025-01-15T15:00:49+00:00",
	}
}

// hypervisor is a machine that carries servers.
type hypervisor struct {
	id, group int64
	accept    bool
}

// What each hypervisor has. Groups share a pool of addresses.
const (
	mostServers   = 500
	mostMemory    = 1_572_864 // MB
	mostCores     = 0         // no limit
	mostStorage   = 32_000    // GB
	mostAddresses = 4_000
)

func newHypervisors() []*hypervisor {
	var out []*hypervisor
	for _, g := range groups {
		for n := range int64(2) {
			out = append(out, &hypervisor{id: g.id*10 + n, group: g.id, accept: true})
		}
	}
	return out
}

// load is what stands on a hypervisor.
func (v *vendor) load(h *hypervisor) (servers, memory, cores, storage int64) {
	for _, s := range v.servers {
		if s.hypervisor == h {
			servers, memory, cores, storage = servers+1, memory+s.memory, cores+s.cores, storage+s.storage
		}
	}
	return servers, memory, cores, storage
}

func (v *vendor) addressesOf(group int64) (used int64) {
	for _, s := range v.servers {
		if s.hypervisor.group == group {
			used += int64(len(s.ipv4))
		}
	}
	return used
}

// place finds the emptiest hypervisor of a group with room, nil if there is none.
func (v *vendor) place(group, memory, storage int64) *hypervisor {
	var best *hypervisor
	fewest := int64(0)
	for _, h := range v.hypervisors {
		servers, usedMemory, _, usedStorage := v.load(h)
		if h.group != group || !h.accept || servers >= mostServers || usedMemory+memory > mostMemory || usedStorage+storage > mostStorage {
			continue
		}
		if best == nil || servers < fewest {
			best, fewest = h, servers
		}
	}
	return best
}

// template is a system to install.
type template struct {
	id                        int64
	family, name, version, os string
	fails, eol                bool
}

// FailingTemplate is the id of a system whose build always fails.
const FailingTemplate = 99

var templates = []template{
	{8, "Debian", "Debian", "12", "linux", false, false},
	{12, "Debian", "Debian", "11", "linux", false, true},
	{9, "Ubuntu", "Ubuntu", "24.04 LTS", "linux", false, false},
	{10, "AlmaLinux", "AlmaLinux", "9", "linux", false, false},
	{11, "Windows", "Windows Server", "2022", "windows", false, false},
	{FailingTemplate, "Broken", "Unfinished image", "0", "linux", true, false},
}

func templateOf(id int64) (template, bool) {
	at := slices.IndexFunc(templates, func(t template) bool { return t.id == id })
	if at < 0 {
		return template{}, false
	}
	return templates[at], true
}

func showTemplates() []object {
	var out []object
	for _, t := range templates {
		if len(out) == 0 || out[len(out)-1]["name"] != t.family {
			out = append(out, object{"id": len(out) + 1, "name": t.family, "description": nil, "icon": nil, "templates": []object{}})
		}
		in := out[len(out)-1]
		in["templates"] = append(in["templates"].([]object), object{
			"id": t.id, "name": t.name, "version": t.version, "variant": "", "arch": 1, "description": nil, "icon": nil,
			"eol": t.eol, "eol_date": nil, "eol_warning": t.eol, "deploy_type": 1, "vnc": true, "type": t.os,
		})
	}
	return out
}

func (v *vendor) listPackages(q *request) { all(q, packages, pack.show) }

func (v *vendor) getPackage(q *request) {
	if p, ok := packageOf(q.number("id")); ok {
		q.data(200, p.show())
		return
	}
	q.missing("package")
}

func (v *vendor) listGroups(q *request) { page(q, groups, group.show) }

func (v *vendor) getGroup(q *request) {
	if g, ok := groupOf(q.number("id")); ok {
		q.data(200, g.show())
		return
	}
	q.missing("hypervisor group")
}

func (v *vendor) resources(q *request) {
	g, ok := groupOf(q.number("id"))
	if !ok {
		q.missing("hypervisor group")
		return
	}
	in := slices.DeleteFunc(slices.Clone(v.hypervisors), func(h *hypervisor) bool { return h.group != g.id })
	page(q, in, func(h *hypervisor) object {
		servers, memory, cores, storage := v.load(h)
		meter := func(units string, most, used int64) object {
			free, percent := most-used, int64(0)
			if most > 0 {
				percent = used * 100 / most
			} else {
				free = 0
			}
			return object{"units": units, "max": most, "allocated": used, "free": free, "percent": percent}
		}
		disk := meter("GB", mostStorage, storage)
		disk["enabled"], disk["name"], disk["storageType"] = true, "Default", 0
		return object{
			"hypervisor": object{"id": h.id, "name": fmt.Sprintf("hv%d", h.id), "enabled": true, "prohibit": false, "accept": h.accept, "commissioned": 3},
			"resources": object{
				"servers": meter("#", mostServers, servers), "memory": meter("MB", mostMemory, memory), "cpuCores": meter("#", mostCores, cores),
				"localStorage": disk, "otherStorage": []any{},
				"network": object{"total": object{"ipv4": object{"free": mostAddresses - v.addressesOf(g.id)}}},
			},
		}
	})
}

func (v *vendor) packageTemplates(q *request) {
	if _, ok := packageOf(q.number("id")); !ok {
		q.missing("package")
		return
	}
	q.data(200, showTemplates())
}
