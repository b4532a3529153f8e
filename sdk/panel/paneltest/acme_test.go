package paneltest_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/panel"
	"github.com/ezscale/bursar/sdk/rest"
	"github.com/ezscale/bursar/sdk/secret"
	"github.com/ezscale/bursar/sdk/sim"
)

// acme is a small panel with every bug of bugs on demand: "" for none.
func acme(bug string) func() sdk.Plugin {
	open := func(e sdk.Env, s acmeSettings) (*acmePanel, error) {
		auth := func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+s.Token.Reveal()) }
		return &acmePanel{rest.Client{HTTP: e.HTTP, Base: s.URL + "/v1", Auth: auth}, s, bug}, nil
	}
	return func() sdk.Plugin {
		return sdk.Plugin{Name: "acme", Title: "Acme Cloud", Version: "1.0.0", Type: panel.Type(open), Product: new(acmePlan)}
	}
}

type acmeSettings struct {
	URL   string
	Token secret.Value
}

func (s *acmeSettings) Form() form.Form {
	return form.Form{form.URL(&s.URL, "url", "Panel address").Need(), form.Secret(&s.Token, "token", "API token").Need()}
}

type acmePlan struct{ Package string }

func (p *acmePlan) Form() form.Form {
	return form.Form{form.Text(&p.Package, "package", "Package").Need()}
}

type acmePanel struct {
	api      rest.Client
	settings acmeSettings
	bug      string
}

type acmeServer struct {
	ID, Name, State string // allocated, building, ready, suspended, failed
	Package         string
	Created         time.Time
}

// do takes a 404 for what it says only if it is Acme's own.
func (p *acmePanel) do(ctx context.Context, method, path string, in, out any) error {
	record := p.bug == "believer"
	c := p.api
	c.Why = func(_ int, body []byte) string {
		record = record || strings.Contains(string(body), `"record"`)
		return ""
	}
	if out == nil && p.bug != "optimist" {
		out = new(json.RawMessage)
	}
	err := c.Do(ctx, method, path, in, out)
	if fault.KindOf(err) == fault.NotFound && !record {
		return fault.New(fault.Unavailable, "wrong_address", "").Because(err)
	}
	return err
}

func (p *acmePanel) Check(ctx context.Context) (sdk.Report, error) {
	return sdk.Report{}, p.do(ctx, "GET", "/me", nil, nil)
}

func (p *acmePanel) Create(ctx context.Context, c panel.Creation) (panel.Progress, error) {
	plan, err := form.Read[acmePlan](c.Product)
	if err != nil {
		return panel.Progress{}, err
	}
	if p.bug == "talker" {
		c.Notes["token"] = p.settings.Token.Reveal()
	}
	owner := c.Customer.Notes
	if owner["user"] == "" {
		var user struct{ ID string }
		if err := p.do(ctx, "PUT", fmt.Sprintf("/users/by-ref/%d", c.Customer.Number), map[string]string{"email": c.Customer.Email}, &user); err != nil || user.ID == "" {
			return panel.Progress{}, cmp.Or(err, odd)
		}
		owner["user"] = user.ID
		if p.bug != "hasty" {
			return panel.Progress{}, nil
		}
	}
	if c.Notes["server"] == "" {
		s, err := p.left(ctx, c)
		if fault.KindOf(err) == fault.NotFound {
			if err = p.do(ctx, "POST", "/servers", map[string]string{"user": owner["user"], "package": plan.Package}, &s); err == nil && s.ID == "" {
				err = odd
			}
			if fault.KindOf(err) == fault.Conflict {
				err = fault.New(fault.Declined, "out_of_stock", "Sold out.").Because(err)
			}
		}
		c.Notes["server"] = s.ID
		return panel.Progress{RemoteID: s.ID}, err
	}
	s, err := p.get(ctx, c.Notes["server"])
	if err != nil {
		return panel.Progress{}, err
	}
	switch {
	case s.State == "ready":
		return panel.Progress{Done: true, RemoteID: s.ID, Credentials: []panel.Credential{{Label: "root", Username: "root", Password: c.Password}}}, nil
	case s.State == "building":
		c.Notes["build"] = cmp.Or(c.Notes["build"], c.ID)
		return panel.Again(10*time.Second, "Installing"), nil
	case s.State == "failed" && cmp.Or(c.Notes["build"], c.ID) == c.ID:
		c.Notes["build"] = c.ID
		return panel.Progress{}, fault.New(fault.Declined, "build_failed", "The installation failed.")
	}
	if err := p.do(ctx, "POST", "/servers/"+s.ID+"/build", map[string]string{"name": c.Service, "password": c.Password.Reveal()}, nil); err != nil {
		return panel.Progress{}, err
	}
	c.Notes["build"] = c.ID
	return panel.Progress{}, nil
}

var odd error = fault.New(fault.Unknown, "unreadable_answer", "").Because(errors.New("an answer without an ID"))

func (p *acmePanel) left(ctx context.Context, c panel.Creation) (acmeServer, error) {
	none := fault.New(fault.NotFound, "no_server", "")
	if p.bug == "blind" || c.Customer.Notes["user"] == "" {
		return acmeServer{}, none
	}
	var list []acmeServer
	err := p.do(ctx, "GET", "/servers?user="+c.Customer.Notes["user"], nil, &list)
	list = slices.DeleteFunc(list, func(s acmeServer) bool {
		if p.bug == "greedy" {
			return slices.Contains(c.Known, s.ID)
		}
		return s.Name != c.Service && (s.Name != "" || s.Created.Before(c.Since()) || slices.Contains(c.Known, s.ID))
	})
	switch {
	case err != nil:
		return acmeServer{}, err
	case len(list) == 0:
		return acmeServer{}, none
	case len(list) > 1 && p.bug != "greedy":
		return acmeServer{}, fault.New(fault.Unknown, "two_candidates", "")
	}
	return list[0], nil
}

func (p *acmePanel) get(ctx context.Context, id string) (s acmeServer, err error) {
	return s, p.do(ctx, "GET", "/servers/"+id, nil, &s)
}

func (p *acmePanel) Find(ctx context.Context, c panel.Creation) (panel.Account, error) {
	if c.Customer.Notes["user"] == "" {
		var user struct{ ID string }
		if err := p.do(ctx, "GET", fmt.Sprintf("/users/by-ref/%d", c.Customer.Number), nil, &user); err != nil {
			return panel.Account{}, err
		}
		c.Customer.Notes["user"] = user.ID
	}
	s, err := p.left(ctx, c)
	return p.account(s), err
}

func (p *acmePanel) State(ctx context.Context, r panel.Ref) (panel.Account, error) {
	s, err := p.get(ctx, r.RemoteID)
	return p.account(s), err
}

func (p *acmePanel) account(s acmeServer) panel.Account {
	status := map[string]panel.Status{"ready": panel.Active, "suspended": panel.Suspended, "failed": panel.Failed}[s.State]
	return panel.Account{ID: s.ID, Service: s.Name, Status: cmp.Or(status, panel.Building), Created: s.Created}
}

func (p *acmePanel) Suspend(ctx context.Context, _ sdk.Op, r panel.Ref, _ string) (panel.Progress, error) {
	return p.turn(ctx, r, "suspend", "suspended")
}

func (p *acmePanel) Unsuspend(ctx context.Context, _ sdk.Op, r panel.Ref) (panel.Progress, error) {
	return p.turn(ctx, r, "unsuspend", "ready")
}

func (p *acmePanel) turn(ctx context.Context, r panel.Ref, action, state string) (panel.Progress, error) {
	s, err := p.get(ctx, r.RemoteID)
	if err != nil || s.State == state {
		return panel.Progress{Done: err == nil}, err
	}
	err = p.do(ctx, "POST", "/servers/"+r.RemoteID+"/"+action, nil, nil)
	return panel.Progress{Done: p.bug == "optimist"}, err
}

func (p *acmePanel) Terminate(ctx context.Context, _ sdk.Op, r panel.Ref) (panel.Progress, error) {
	_, err := p.get(ctx, r.RemoteID)
	if err == nil {
		err = p.do(ctx, "DELETE", "/servers/"+r.RemoteID, nil, nil)
		return panel.Progress{}, err
	}
	if fault.KindOf(err) == fault.NotFound {
		return panel.Done(), nil
	}
	return panel.Progress{}, err
}

// acmeSim is Acme Cloud.
func acmeSim() *sim.Sim {
	v := &acmeVendor{users: map[string]string{}}
	s := sim.New(sim.Vendor{Handler: http.HandlerFunc(v.serve), State: v.state, Act: v.act})
	v.now = s.Now
	return s
}

type acmeVendor struct {
	now     func() time.Time
	mu      sync.Mutex
	users   map[string]string // ID by number
	servers []*acmeServer
	owners  []string // number of each
	last    int
	soldOut bool
	locked  bool
	fails   bool
}

const acmeToken = "acme-token-0123456789"

func (v *acmeVendor) serve(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	answer := func(status int, body any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body)
	}
	none := func() { answer(404, map[string]string{"error": "no such", "record": "gone"}) }
	if r.Header.Get("Authorization") != "Bearer "+acmeToken {
		answer(401, nil)
		return
	}
	var in map[string]string
	_ = json.NewDecoder(r.Body).Decode(&in)
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case parts[0] != "v1":
		http.NotFound(w, r)
	case r.URL.Path == "/v1/me":
		answer(200, map[string]string{"name": "host"})
	case len(parts) == 4 && parts[1] == "users":
		id, known := v.users[parts[3]]
		if !known && r.Method == "GET" {
			none()
			return
		}
		if !known {
			v.last++
			id = fmt.Sprintf("u%d", v.last)
			v.users[parts[3]] = id
		}
		answer(200, map[string]string{"ID": id})
	case r.URL.Path == "/v1/servers" && r.Method == "GET":
		list := []acmeServer{}
		for n, s := range v.servers {
			if v.users[v.owners[n]] == r.FormValue("user") {
				list = append(list, *s)
			}
		}
		answer(200, list)
	case r.URL.Path == "/v1/servers":
		if v.soldOut {
			answer(409, map[string]string{"error": "sold out"})
			return
		}
		for number, id := range v.users {
			if id == in["user"] {
				answer(201, v.add(number, in["package"]))
				return
			}
		}
		answer(422, map[string]string{"error": "no such user"})
	case len(parts) >= 3:
		at := slices.IndexFunc(v.servers, func(s *acmeServer) bool { return s.ID == parts[2] })
		if at < 0 {
			none()
			return
		}
		v.server(answer, r.Method+" "+strings.Join(parts[3:], "/"), at, in)
	default:
		http.NotFound(w, r)
	}
}

func (v *acmeVendor) server(answer func(int, any), what string, at int, in map[string]string) {
	s := v.servers[at]
	if v.locked && what != "GET " {
		answer(423, map[string]string{"error": "locked"})
		return
	}
	switch what {
	case "GET ":
		if s.State == "building" {
			if s.State = "ready"; v.fails {
				s.State, v.fails = "failed", false
			}
			copied := *s
			copied.State = "building"
			answer(200, copied)
			return
		}
	case "POST build":
		s.Name, s.State = in["name"], "building"
	case "POST suspend":
		s.State = "suspended"
	case "POST unsuspend":
		s.State = "ready"
	case "DELETE ":
		v.servers, v.owners = slices.Delete(v.servers, at, at+1), slices.Delete(v.owners, at, at+1)
	}
	answer(200, *s)
}

func (v *acmeVendor) add(number, pack string) acmeServer {
	v.last++
	s := &acmeServer{ID: fmt.Sprintf("s%d", v.last), State: "allocated", Package: pack, Created: v.now()}
	v.servers, v.owners = append(v.servers, s), append(v.owners, number)
	return *s
}

func (v *acmeVendor) state() sim.State {
	v.mu.Lock()
	defer v.mu.Unlock()
	out := sim.State{Things: map[string]int{"customer": len(v.users), "account": len(v.servers)}}
	for n, s := range v.servers {
		status := cmp.Or(map[string]string{"ready": "active", "suspended": "suspended", "failed": "failed"}[s.State], "building")
		out.Accounts = append(out.Accounts, sim.Account{ID: s.ID, Service: s.Name, Status: status, Customer: v.owners[n], Plan: map[string]string{"package": s.Package}})
	}
	return out
}

func (v *acmeVendor) act(a sim.Act) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch a.Do {
	case "stranger":
		if _, err := strconv.Atoi(a.ID); err != nil {
			return err
		}
		v.add(a.ID, "small")
	case "sold_out", "restock":
		v.soldOut = a.Do == "sold_out"
	case "lock", "unlock":
		v.locked = a.Do == "lock"
	case "build_fails":
		v.fails = true
	default:
		return fmt.Errorf("no part %q", a.Do)
	}
	return nil
}
