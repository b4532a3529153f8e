package sim

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
)

type location struct {
	id          int64
	short, long string
}

type node struct {
	id, location             int64
	name, fqdn               string
	public, down             bool
	memory, disk             int64 // MiB
	memoryOver, diskOver     int64 // percent, -1: without limit
	allocations              []*allocation
	maintenance, behindProxy bool
}

type allocation struct {
	id     int64
	ip     string
	port   int64
	server int64 // 0: free
}

type nest struct {
	id         int64
	name, text string
	eggs       []*egg
}

type egg struct {
	id            int64
	nest          *nest
	name, text    string
	images        [][2]string // label and image, the default first
	startup, stop string
	variables     []variable
}

type variable struct{ name, text, env, value, rules string }

var locations = []location{{1, "de-fra", "Frankfurt"}, {2, "us-nyc", "New York"}, {3, "sg-sin", "Singapore"}}

// nodes are two in Frankfurt, of which one is not for sale, and one each elsewhere. Addresses are of the ranges for
// documentation (RFC 5737).
func nodes() []*node {
	list := []*node{
		{id: 1, location: 1, name: "fra-1", public: true, memory: 262_144, disk: 4_000_000, memoryOver: 20},
		{id: 2, location: 1, name: "fra-2", memory: 65_536, disk: 1_000_000},
		{id: 3, location: 2, name: "nyc-1", public: true, memory: 131_072, disk: 2_000_000},
		{id: 4, location: 3, name: "sin-1", public: true, memory: 65_536, disk: 1_000_000, memoryOver: 10},
	}
	id := int64(0)
	for i, n := range list {
		n.fqdn = n.name + ".games.example"
		for _, net := range []string{"192.0.2", "198.51.100"} {
			for port := int64(25565); port < 25665; port++ {
				id++
				n.allocations = append(n.allocations, &allocation{id: id, ip: fmt.Sprintf("%s.%d", net, 20+i), port: port})
			}
		}
	}
	return list
}

// nests are the games, as the panel's own eggs describe them in short.
var nests = linked([]*nest{
	{id: 1, name: "Minecraft", text: "Minecraft - the classic game from Mojang.", eggs: []*egg{
		{id: 1, name: "Paper", text: "High performance Spigot fork that aims to fix gameplay and mechanics inconsistencies.",
			images:  [][2]string{{"Java 21", "images.example.test/yolks:java_21"}, {"Java 17", "images.example.test/yolks:java_17"}},
			startup: "java -Xms128M -XX:MaxRAMPercentage=95.0 -jar {{SERVER_JARFILE}}", stop: "stop",
			variables: []variable{
				{"Minecraft Version", "The version to install, or latest.", "MINECRAFT_VERSION", "latest", "nullable|string|max:20"},
				{"Server Jar File", "The file to run the server with.", "SERVER_JARFILE", "server.jar", `required|regex:/^([\w\d._-]+)(\.jar)$/`},
				{"Build Number", "The build of Paper, or latest.", "BUILD_NUMBER", "latest", "required|string|max:20"},
			}},
		{id: 2, name: "Vanilla Minecraft", text: "The server as Mojang makes it.",
			images:  [][2]string{{"Java 21", "images.example.test/yolks:java_21"}},
			startup: "java -Xms128M -XX:MaxRAMPercentage=95.0 -jar {{SERVER_JARFILE}}", stop: "stop",
			variables: []variable{
				{"Server Jar File", "The file to run the server with.", "SERVER_JARFILE", "server.jar", `required|regex:/^([\w\d._-]+)(\.jar)$/`},
				{"Server Version", "The version to install, or latest.", "VANILLA_VERSION", "latest", "required|string|between:3,15"},
			}},
	}},
	{id: 2, name: "Survival", text: "Worlds to live in together.", eggs: []*egg{
		{id: 3, name: "Valheim", text: "A brutal exploration and survival game in a world of Norse mythology.",
			images:  [][2]string{{"Valheim", "images.example.test/games:valheim"}},
			startup: `./valheim_server.x86_64 -nographics -batchmode -name "{{SERVER_NAME}}" -port {{SERVER_PORT}} -world "{{WORLD}}" -password "{{PASSWORD}}" -public {{PUBLIC_SERVER}}`,
			stop:    "^C",
			variables: []variable{
				{"Server Name", "The name in the server list.", "SERVER_NAME", "Unnamed Server", "required|string|min:1|max:60"},
				{"World Name", "The world to make or load.", "WORLD", "Dedicated", "required|string|max:20"},
				{"Server Password", "At least five characters.", "PASSWORD", "secret", "required|alpha_dash|between:5,20"},
				{"Public Server", "1 shows it in the server list.", "PUBLIC_SERVER", "1", "required|boolean"},
			}},
		{id: 4, name: "Terraria", text: "Dig, fight, explore, build.",
			images:  [][2]string{{"Debian", "images.example.test/yolks:debian"}},
			startup: "./TerrariaServer.bin.x86_64 -config serverconfig.txt", stop: "exit",
			variables: []variable{
				{"World Name", "The world to make or load.", "WORLD_NAME", "world", "required|string|max:20"},
				{"World Size", "1 small, 2 medium, 3 large.", "WORLD_SIZE", "1", "required|numeric|in:1,2,3"},
				{"Max Players", "How many may play at once.", "MAX_PLAYERS", "8", "required|numeric|digits_between:1,3"},
			}},
	}},
	{id: 3, name: "Source Engine", text: "Games by Valve.", eggs: []*egg{
		{id: 5, name: "Counter-Strike 2", text: "A tactical shooter of two teams.",
			images:  [][2]string{{"Source", "images.example.test/games:source"}},
			startup: "./game/cs2.sh -dedicated +ip 0.0.0.0 -port {{SERVER_PORT}} +map {{SRCDS_MAP}} -maxplayers {{MAX_PLAYERS}}", stop: "quit",
			variables: []variable{
				{"Map", "The map to begin with.", "SRCDS_MAP", "de_dust2", "required|string|alpha_dash"},
				{"Max Players", "How many may play at once.", "MAX_PLAYERS", "16", "required|integer|between:1,64"},
				{"Game ID", "The game's number at Steam.", "SRCDS_APPID", "730", "required|integer|in:730"},
				{"Steam Token", "From steamcommunity.com, to be listed.", "STEAM_ACC", "", "nullable|string|alpha_num|size:32"},
			}},
	}},
})

func linked(list []*nest) []*nest {
	for _, n := range list {
		for _, e := range n.eggs {
			e.nest = n
		}
	}
	return list
}

func findEgg(id int64) *egg {
	for _, n := range nests {
		for _, e := range n.eggs {
			if e.id == id {
				return e
			}
		}
	}
	return nil
}

// room says whether a node takes so much more, by the panel's own rule.
func (p *panel) room(n *node, memory, disk int64) bool {
	usedMemory, usedDisk := p.used(n)
	fits := func(used, more, has, over int64) bool {
		return over < 0 || used+more <= has*(100+over)/100
	}
	return n.public && !p.soldOut && fits(usedMemory, memory, n.memory, n.memoryOver) && fits(usedDisk, disk, n.disk, n.diskOver)
}

func (p *panel) used(n *node) (memory, disk int64) {
	for _, s := range p.servers {
		if s.node == n.id {
			memory, disk = memory+s.limits["memory"], disk+s.limits["disk"]
		}
	}
	return memory, disk
}

// viable are the nodes of these locations (none: all) with room.
func (p *panel) viable(memory, disk int64, in []int64) []*node {
	var out []*node
	for _, n := range p.nodes {
		if p.room(n, memory, disk) && (len(in) == 0 || has(in, n.location)) {
			out = append(out, n)
		}
	}
	return out
}

func has(list []int64, n int64) bool {
	for _, m := range list {
		if m == n {
			return true
		}
	}
	return false
}

// pick takes a random free allocation of these nodes.
func pick(from []*node, own bool, ports func(int64) bool) (*node, *allocation) {
	type choice struct {
		n *node
		a *allocation
	}
	var free []choice
	for _, n := range from {
		taken := map[string]bool{}
		for _, a := range n.allocations {
			taken[a.ip] = taken[a.ip] || a.server != 0
		}
		for _, a := range n.allocations {
			if a.server == 0 && !(own && taken[a.ip]) && ports(a.port) {
				free = append(free, choice{n, a})
			}
		}
	}
	if len(free) == 0 {
		return nil, nil
	}
	c := free[rand.IntN(len(free))]
	return c.n, c.a
}

func (p *panel) getLocations(r *request) (int, any) {
	var out []any
	for _, l := range locations {
		out = append(out, l.show())
	}
	return r.page(out)
}

func (l location) show() any {
	return thing("location", object{"id": l.id, "short": l.short, "long": l.long, "created_at": when(began), "updated_at": when(began)})
}

func (p *panel) getNodes(r *request) (int, any) {
	var out []any
	for _, n := range p.nodes {
		out = append(out, p.showNode(n))
	}
	return r.page(out)
}

func (p *panel) getNode(r *request) (int, any) {
	if n := p.node(r.number("node")); n != nil {
		return http.StatusOK, p.showNode(n)
	}
	return missing()
}

func (p *panel) getDeployable(r *request) (int, any) {
	var errs problems
	read := func(name string) int64 {
		n, err := strconv.ParseInt(r.query.Get(name), 10, 64)
		if err != nil || n < 0 {
			errs.add(name, "required", "The %s field is required.", name)
		}
		return n
	}
	memory, disk := read("memory"), read("disk")
	var in []int64
	for _, text := range append(r.query["location_ids[]"], r.query["location_ids"]...) {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			errs.add("location_ids.0", "integer", "The location ids must be integers.")
		}
		in = append(in, n)
	}
	if len(errs) > 0 {
		return errs.answer()
	}
	list := p.viable(memory, disk, in)
	if len(list) == 0 {
		return noNode()
	}
	var out []any
	for _, n := range list {
		out = append(out, p.showNode(n))
	}
	return r.page(out)
}

func noNode() (int, any) {
	return display("NoViableNodeException", "No nodes satisfying the requirements specified for automatic deployment could be found.")
}

func (p *panel) showNode(n *node) any {
	memory, disk := p.used(n)
	return thing("node", object{
		"id": n.id, "uuid": uuid("node", n.id), "public": n.public, "name": n.name, "description": nil, "location_id": n.location, "fqdn": n.fqdn,
		"scheme": "https", "behind_proxy": n.behindProxy, "maintenance_mode": n.maintenance, "memory": n.memory, "memory_overallocate": n.memoryOver,
		"disk": n.disk, "disk_overallocate": n.diskOver, "upload_size": 100, "daemon_listen": 8080, "daemon_sftp": 2022,
		"daemon_base": "/var/lib/pterodactyl/volumes", "created_at": when(began), "updated_at": when(began),
		"allocated_resources": object{"memory": memory, "disk": disk},
	})
}

func (p *panel) getAllocations(r *request) (int, any) {
	n := p.node(r.number("node"))
	if n == nil {
		return missing()
	}
	var out []any
	for _, a := range n.allocations {
		if f := r.query.Get("filter[server_id]"); f != "" && f != strconv.FormatInt(a.server, 10) {
			continue
		}
		out = append(out, a.show())
	}
	return r.page(out)
}

func (a *allocation) show() any {
	return thing("allocation", object{"id": a.id, "ip": a.ip, "alias": nil, "port": a.port, "notes": nil, "assigned": a.server != 0})
}

func (p *panel) getNests(r *request) (int, any) {
	var out []any
	for _, n := range nests {
		out = append(out, n.show())
	}
	return r.page(out)
}

func (n *nest) show() any {
	return thing("nest", object{"id": n.id, "uuid": uuid("nest", n.id), "author": "support@pterodactyl.io", "name": n.name, "description": n.text,
		"created_at": when(began), "updated_at": when(began)})
}

// getEggs has no pages, as the panel's.
func (p *panel) getEggs(r *request) (int, any) {
	for _, n := range nests {
		if n.id == r.number("nest") {
			out := []any{}
			for _, e := range n.eggs {
				out = append(out, e.show(r))
			}
			return http.StatusOK, object{"object": "list", "data": out}
		}
	}
	return missing()
}

func (p *panel) getEgg(r *request) (int, any) {
	if e := findEgg(r.number("egg")); e != nil && e.nest.id == r.number("nest") {
		return http.StatusOK, e.show(r)
	}
	return missing()
}

func (e *egg) show(r *request) any {
	images := object{}
	for _, i := range e.images {
		images[i[0]] = i[1]
	}
	out := object{
		"id": e.id, "uuid": uuid("egg", e.id), "name": e.name, "nest": e.nest.id, "author": "support@pterodactyl.io", "description": e.text,
		"docker_image": e.images[0][1], "docker_images": images,
		"config":  object{"files": object{}, "startup": object{"done": "Done"}, "stop": e.stop, "logs": []any{}, "file_denylist": []any{}, "extends": nil},
		"startup": e.startup, "script": object{"privileged": true, "install": "#!/bin/bash\n", "entry": "bash", "container": "debian", "extends": nil},
		"created_at": when(began), "updated_at": when(began),
	}
	if r.includes("variables") {
		list := []any{}
		for i, v := range e.variables {
			list = append(list, thing("egg_variable", object{
				"id": e.id*100 + int64(i), "egg_id": e.id, "name": v.name, "description": v.text, "env_variable": v.env, "default_value": v.value,
				"user_viewable": true, "user_editable": true, "rules": v.rules, "created_at": when(began), "updated_at": when(began),
			}))
		}
		out["relationships"] = object{"variables": object{"object": "list", "data": list}}
	}
	return thing("egg", out)
}
