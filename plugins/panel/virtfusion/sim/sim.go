// Package sim is a simulator of a VirtFusion control server: enough of its "Global API" v1 and of its pages to sell virtual
// servers without one. It keeps state and is strict: unknown fields, wrong tokens, a task under way and a second user of an
// address are refused as VirtFusion refuses them. Behaviour follows the vendor's API documentation (panel 6.2 and 7) and
// what published modules met; what nobody knows is refused rather than allowed.
// Left out: backups, VNC, SSH keys, firewalls, self service, migrations.
//
// Parts that can be played (POST /_sim/act):
//
//	{"do":"build_fails"}                       the next build fails
//	{"do":"sold_out"}, {"do":"restock"}        no hypervisor takes servers; "id" is a group, else all
//	{"do":"lock"}, {"do":"unlock"}             another task has locked a server; "id", else all
//	{"do":"stranger","id":"1042"}              staff makes a server by hand for that customer, not built;
//	                                           "product":{"package":["2"],"group":["1"]} says which, else VPS 1 in New York
//	{"do":"traffic","id":"70","bytes":1000}    the server sends; "rx" and "tx" instead of "bytes" for both ways
//	{"do":"suspend"}, {"do":"unsuspend"}, {"do":"protect"}, {"do":"remove"}    staff does it by hand to "id"
//	{"do":"rename","id":"70","name":"web"}     the customer does it in the panel
//	{"do":"polls","n":5}                       how many looks a build takes from now on
//
// Start at New, then catalogue.go for what it sells and servers.go for the life of one.
package sim

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ezscale/bursar/sdk/sim"
)

// Tokens that a new simulator knows. ScopedToken may not read anything below /compute.
const (
	Token       = "vf-simulator-token"
	ScopedToken = "vf-simulator-token-without-compute"
)

// vendor is one control server.
type vendor struct {
	now func() time.Time

	mu          sync.Mutex
	last        int64 // ID given
	users       []*user
	servers     []*server
	jobs        map[int64]*job
	logins      map[string]login // by first token
	hypervisors []*hypervisor
	addresses   map[int64]netip.Addr // the last one given, by group
	locked      map[int64]bool       // by server; 0 is all
	failNext    bool
	polls       int // looks that a build takes
}

// New makes an empty control server with its packages, locations and systems.
func New() *sim.Sim {
	v := &vendor{}
	v.clear()
	s := sim.New(sim.Vendor{Handler: v.routes(), State: v.state, Act: v.act, Reset: func() { v.mu.Lock(); defer v.mu.Unlock(); v.clear() }, Memory: v.memory})
	v.now = s.Now
	return s
}

func (v *vendor) clear() {
	v.last, v.users, v.servers = 69, nil, nil
	v.jobs, v.logins, v.locked = map[int64]*job{}, map[string]login{}, map[int64]bool{}
	v.addresses = map[int64]netip.Addr{}
	v.failNext, v.polls = false, 3
	v.hypervisors = newHypervisors()
}

// memory is what goes on in another process.
func (v *vendor) memory() (sync.Locker, map[string]any) {
	return &v.mu, map[string]any{
		"last": &v.last, "users": &v.users, "servers": &v.servers, "jobs": &v.jobs, "logins": &v.logins, "hypervisors": &v.hypervisors,
		"addresses": &v.addresses, "locked": &v.locked, "fails": &v.failNext, "polls": &v.polls,
	}
}

func (v *vendor) id() int64 { v.last++; return v.last }

// word draws a password or token.
func word() string { return rand.Text() }

// state is what the panel holds, in the words of all panels.
func (v *vendor) state() sim.State {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sweep()
	passwords := map[string]string{}
	out := sim.State{Things: map[string]int{"customer": len(v.users), "account": len(v.servers)}}
	for _, s := range v.servers {
		passwords[strconv.FormatInt(s.id, 10)] = s.password
		status := map[string]string{allocated: "building", queued: "building", failed: "failed", complete: "active"}[s.state]
		if s.suspended {
			status = "suspended"
		}
		power := map[string]string{"running": "running", "shutoff": "stopped"}[s.power]
		out.Accounts = append(out.Accounts, sim.Account{
			ID: strconv.FormatInt(s.id, 10), Service: s.name, Status: status, Customer: strconv.FormatInt(s.owner.ext, 10), Power: power,
			Plan: map[string]string{
				"package": strconv.FormatInt(s.pack, 10), "group": strconv.FormatInt(s.hypervisor.group, 10), "template": strconv.FormatInt(s.template, 10),
				"memory": strconv.FormatInt(s.memory, 10), "storage": strconv.FormatInt(s.storage, 10), "cores": strconv.FormatInt(s.cores, 10),
				"traffic": strconv.FormatInt(s.traffic, 10), "ipv4": strconv.Itoa(len(s.ipv4)), "hostname": s.hostname,
			},
			Usage: map[string]int64{"traffic": s.used(v.now())},
		})
	}
	out.Extra, _ = json.Marshal(map[string]any{"passwords": passwords}) // by server: what its main user signs on with
	return out
}

// act plays a part.
func (v *vendor) act(a sim.Act) error {
	var with struct {
		Bytes, Rx, Tx int64
		N             int
		Name          string
		Product       map[string][]string
	}
	if err := json.Unmarshal(a.Raw, &with); err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sweep()
	id, _ := strconv.ParseInt(a.ID, 10, 64)
	switch a.Do {
	case "build_fails":
		v.failNext = true
		return nil
	case "sold_out", "restock":
		for _, h := range v.hypervisors {
			if id == 0 || h.group == id {
				h.accept = a.Do == "restock"
			}
		}
		return nil
	case "lock":
		v.locked[id] = true
		return nil
	case "unlock":
		clear(v.locked)
		return nil
	case "polls":
		v.polls = with.N
		return nil
	case "stranger":
		for _, u := range v.users {
			if u.ext == id {
				pack, place := int64(1), int64(1)
				if list := with.Product["package"]; len(list) > 0 {
					pack, _ = strconv.ParseInt(list[0], 10, 64)
				}
				if list := with.Product["group"]; len(list) > 0 {
					place, _ = strconv.ParseInt(list[0], 10, 64)
				}
				_, problem := v.allocate(order{PackageID: pack, UserID: u.id, HypervisorID: place}, false)
				return problem
			}
		}
		return fmt.Errorf("there is no user with the external id %d", id)
	}
	s := v.server(id)
	if s == nil {
		return fmt.Errorf("there is no server %q", a.ID)
	}
	switch a.Do {
	case "traffic":
		s.count(v.now(), with.Bytes+with.Rx, with.Tx)
	case "suspend", "unsuspend":
		s.suspended = a.Do == "suspend"
	case "protect":
		s.protected = true
	case "remove":
		v.remove(s)
	case "rename":
		s.name = with.Name
	default:
		return fmt.Errorf("%q is no part that this simulator plays", a.Do)
	}
	return nil
}

// routes are the API and the panel's pages.
func (v *vendor) routes() http.Handler {
	api := http.NewServeMux()
	for pattern, h := range map[string]func(*request){
		"GET /connect":                                      func(r *request) { r.answer(200, object{}) },
		"GET /packages":                                     v.listPackages,
		"GET /packages/{id}":                                v.getPackage,
		"GET /compute/hypervisors/groups":                   v.listGroups,
		"GET /compute/hypervisors/groups/{id}":              v.getGroup,
		"GET /compute/hypervisors/groups/{id}/resources":    v.resources,
		"GET /media/templates/fromServerPackageSpec/{id}":   v.packageTemplates,
		"POST /users":                                       v.createUser,
		"GET /users/{ext}/byExtRelation":                    v.getUser,
		"PUT /users/{ext}/byExtRelation":                    v.changeUser,
		"POST /users/{ext}/serverAuthenticationTokens/{id}": v.serverLogin,
		"GET /servers":                                      v.listServers,
		"POST /servers":                                     v.createServer,
		"GET /servers/{id}":                                 v.getServer,
		"DELETE /servers/{id}":                              v.deleteServer,
		"GET /servers/{id}/{part}":                          v.partOfServer, // user/{id}, too
		"POST /servers/{id}/build":                          v.build,
		"POST /servers/{id}/suspend":                        v.suspend(true),
		"POST /servers/{id}/unsuspend":                      v.suspend(false),
		"POST /servers/{id}/power/{action}":                 v.switchPower,
		"POST /servers/{id}/resetPassword":                  v.resetPassword,
		"PUT /servers/{id}/package/{package}":               v.changePackage,
		"PUT /servers/{id}/modify/traffic":                  v.modifyTraffic,
		"POST /servers/{id}/ipv4Qty":                        v.addAddresses,
		"GET /queue/{id}":                                   v.getJob,
	} {
		api.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			v.mu.Lock()
			defer v.mu.Unlock()
			v.sweep()
			h(&request{w: w, r: r})
		})
	}
	api.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { // no msg: not the answer of a record
		(&request{w: w, r: r}).answer(404, object{"message": "The route api/v1" + r.URL.Path + " could not be found."})
	})
	mux := http.NewServeMux()
	mux.Handle("/api/v1/", http.StripPrefix("/api/v1", guard(api)))
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		(&request{w: w, r: r}).answer(404, object{"message": "The route " + r.URL.Path + " could not be found."})
	})
	mux.HandleFunc("GET /token_authenticate/{$}", v.signOn)
	mux.HandleFunc("GET /admin/servers/{id}", v.adminPage)
	return mux
}

// guard knows the tokens and their scopes.
func guard(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		switch {
		case token != Token && token != ScopedToken:
			w.WriteHeader(http.StatusUnauthorized) // with an empty body, as documented
		case token == ScopedToken && strings.HasPrefix(r.URL.Path, "/compute"):
			(&request{w: w, r: r}).answer(403, object{"message": "This token does not have permission to access this endpoint."})
		case !strings.Contains(r.Header.Get("Accept"), "application/json"):
			http.Redirect(w, r, "/login", http.StatusFound)
		default:
			api.ServeHTTP(w, r)
		}
	})
}
