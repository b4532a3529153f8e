package sim

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// object is anything as it goes over the wire.
type object = map[string]any

// began is when the panel was set up.
var began = time.Date(2024, 10, 24, 18, 4, 30, 0, time.UTC)

func when(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05-07:00") }

// uuid is the same for the same thing in every run.
func uuid(kind string, id int64) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d", kind, id))
	return fmt.Sprintf("%x-%x-4%x-8%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])[:36]
}

func thing(kind string, attributes object) object {
	return object{"object": kind, "attributes": attributes}
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// request is one that a handler answers while the panel is locked.
type request struct {
	*http.Request
	query url.Values
	in    object // the body; numbers are json.Number
}

func (r *request) number(name string) int64 {
	n, _ := strconv.ParseInt(r.PathValue(name), 10, 64) // 0 is nobody's number
	return n
}

func (r *request) includes(name string) bool {
	return slices.Contains(strings.Split(r.query.Get("include"), ","), name)
}

// page cuts a list as ?page= and ?per_page= ask.
func (r *request) page(all []any) (int, any) {
	read := func(name string, usual, most int) int {
		n, err := strconv.Atoi(r.query.Get(name))
		if err != nil || n < 1 {
			return usual
		}
		return min(n, most)
	}
	size, at := read("per_page", 50, 100), read("page", 1, 1<<20)
	from := min((at-1)*size, len(all))
	cut := all[from:min(from+size, len(all))]
	return http.StatusOK, object{"object": "list", "data": append([]any{}, cut...), "meta": object{"pagination": object{
		"total": len(all), "count": len(cut), "per_page": size, "current_page": at, "total_pages": max((len(all)+size-1)/size, 1), "links": object{},
	}}}
}

type problem struct {
	Code   string `json:"code"`
	Status string `json:"status"`
	Detail string `json:"detail"`
	Meta   object `json:"meta,omitempty"`
}

func wrong(status int, code, detail string) (int, any) {
	return status, object{"errors": []problem{{Code: code, Status: strconv.Itoa(status), Detail: detail}}}
}

func missing() (int, any) {
	return wrong(http.StatusNotFound, "NotFoundHttpException", "The requested resource could not be found on the server.")
}

// display is what the panel calls an error that a person may see.
func display(code, detail string) (int, any) { return wrong(http.StatusBadRequest, code, detail) }

func conflict() (int, any) {
	return wrong(http.StatusConflict, "ServerStateConflictException", "This server is currently in an unsupported state, please try again later.")
}

// unreachable is a node's silence, which the panel passes on.
func unreachable() (int, any) {
	return wrong(http.StatusGatewayTimeout, "DaemonConnectionException", "An exception occurred while trying to communicate with the node.")
}

// problems are what is wrong with a body.
type problems []problem

func (p *problems) add(field, rule, format string, args ...any) {
	*p = append(*p, problem{Code: "ValidationException", Status: "422", Detail: fmt.Sprintf(format, args...), Meta: object{"source_field": field, "rule": rule}})
}

func (p problems) answer() (int, any) { return http.StatusUnprocessableEntity, object{"errors": p} }

type handler func(*request) (status int, body any)

func (p *panel) routes() http.Handler {
	mux := http.NewServeMux()
	on := func(pattern string, h handler) {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" "+path, func(w http.ResponseWriter, r *http.Request) { p.serve(w, r, h) })
	}
	app, client := "/api/application", "/api/client"
	on("GET "+app+"/locations", p.getLocations)
	on("GET "+app+"/nodes", p.getNodes)
	on("GET "+app+"/nodes/deployable", p.getDeployable)
	on("GET "+app+"/nodes/{node}", p.getNode)
	on("GET "+app+"/nodes/{node}/allocations", p.getAllocations)
	on("GET "+app+"/nests", p.getNests)
	on("GET "+app+"/nests/{nest}/eggs", p.getEggs)
	on("GET "+app+"/nests/{nest}/eggs/{egg}", p.getEgg)
	on("GET "+app+"/users", p.getUsers)
	on("GET "+app+"/users/{user}", p.getUser)
	on("GET "+app+"/users/external/{external}", p.getUser)
	on("POST "+app+"/users", p.postUser)
	on("PATCH "+app+"/users/{user}", p.patchUser)
	on("DELETE "+app+"/users/{user}", p.deleteUser)
	on("GET "+app+"/servers", p.getServers)
	on("GET "+app+"/servers/{server}", p.getServer)
	on("GET "+app+"/servers/external/{external}", p.getServer)
	on("POST "+app+"/servers", p.postServer)
	on("PATCH "+app+"/servers/{server}/details", p.patchDetails)
	on("PATCH "+app+"/servers/{server}/build", p.patchBuild)
	on("PATCH "+app+"/servers/{server}/startup", p.patchStartup)
	on("POST "+app+"/servers/{server}/suspend", p.suspend)
	on("POST "+app+"/servers/{server}/unsuspend", p.unsuspend)
	on("POST "+app+"/servers/{server}/reinstall", p.reinstall)
	on("DELETE "+app+"/servers/{server}", p.deleteServer)
	on("DELETE "+app+"/servers/{server}/force", p.deleteServer)
	on("GET "+client+"/account", p.getAccount)
	on("GET "+client+"/servers/{identifier}", p.viewServer)
	on("GET "+client+"/servers/{identifier}/resources", p.getResources)
	on("POST "+client+"/servers/{identifier}/power", p.postPower)
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		p.serve(w, r, func(*request) (int, any) { return missing() })
	})
	return mux
}

// serve lets one request in, if its key may.
func (p *panel) serve(w http.ResponseWriter, r *http.Request, h handler) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	client := strings.HasPrefix(r.URL.Path, "/api/client")
	change := r.Method != http.MethodGet
	accept := strings.ToLower(r.Header.Get("Accept"))
	status, body := 0, any(nil)
	switch {
	case p.maintenance:
		status, body = http.StatusServiceUnavailable, object{"message": "Service Unavailable"}
	case key != ApplicationKey && key != ClientKey && key != ReadKey:
		if !strings.Contains(accept, "application/json") && !strings.Contains(accept, "application/vnd.pterodactyl.v1+json") {
			http.Redirect(w, r, "/auth/login", http.StatusFound)
			return
		}
		status, body = wrong(http.StatusUnauthorized, "AuthenticationException", "Unauthenticated.")
	case client && key != ClientKey || !client && change && key == ReadKey:
		status, body = wrong(http.StatusForbidden, "AccessDeniedHttpException", "This action is unauthorized.")
	case p.limited(w, key, client):
		status, body = wrong(http.StatusTooManyRequests, "ThrottleRequestsException", "Too Many Attempts.")
	default:
		in := &request{Request: r, query: r.URL.Query()}
		if change && r.ContentLength != 0 {
			d := json.NewDecoder(r.Body)
			d.UseNumber()
			if err := d.Decode(&in.in); err != nil {
				status, body = display("BadRequestHttpException", "The JSON data passed in the request appears to be malformed.")
				break
			}
		}
		status, body = h(in)
	}
	if body == nil {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // written into memory
}

// limited counts a request and says whether it is one too many.
func (p *panel) limited(w http.ResponseWriter, key string, client bool) bool {
	most, name := applicationRate, key
	if client {
		most, name = clientRate, key+"/client"
	}
	now := p.now()
	at := p.rates[name]
	if at.minute != now.Unix()/60 {
		at = rate{minute: now.Unix() / 60}
	}
	at.count++
	p.rates[name] = at
	w.Header().Set("X-RateLimit-Limit", strconv.Itoa(most))
	w.Header().Set("X-RateLimit-Remaining", strconv.Itoa(max(most-at.count, 0)))
	if at.count <= most {
		return false
	}
	wait := 60 - now.Unix()%60
	w.Header().Set("Retry-After", strconv.FormatInt(wait, 10))
	w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(now.Unix()+wait, 10))
	return true
}
