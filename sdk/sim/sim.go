// Package sim is what all simulators of vendors share: the addresses below /_sim/, the clock that can be moved, the list of
// requests that came, and faults on demand. A vendor's simulator writes only the vendor: an http.Handler, a State func, an
// Act func. Suites, demo and tests talk to every simulator in the same way:
//
//	GET    /_sim/state      State as JSON; PUT sets it, DELETE empties it
//	GET    /_sim/requests   what came, oldest first, without secrets; DELETE forgets it
//	POST   /_sim/clock      {"add":"1h"}
//	POST   /_sim/act        {"do":"pay","op":"op_1", …}: plays the customer, the bank or the node
//	GET    /_sim/inbox      and other pages for people, if the vendor has them
//	PUT    /_sim/faults     [{"method":"POST","path":"/servers*","nth":1,"times":1,"do":"cut-after"}]; GET, DELETE
//
// A simulator in use looks like this; Sim is itself the http.Handler:
//
//	func New() *sim.Sim {
//		v := &vendor{…}
//		s := sim.New(sim.Vendor{Handler: v.routes(), State: v.state, Act: v.act, Reset: v.reset})
//		v.now = s.Now
//		return s
//	}
//
// Start at Vendor, then New; faults.go has what can go wrong.
package sim

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Vendor is what a simulator's author writes. Handler must be safe for requests in parallel; no func here is called while
// the machinery holds a lock.
type Vendor struct {
	Handler http.Handler
	State   func() State
	// Put sets the state of GET /_sim/state, as far as the vendor can take it over. Nil: 501.
	Put func(State) error
	// Act plays one part in the world outside our plugin. The error says why it cannot happen now. Nil: 501.
	Act func(Act) error
	// Reset forgets everything, as a new simulator.
	Reset func()
	// Reads says whether a request changes nothing, where GET and HEAD alone do not tell (a search by POST). Nil: by method.
	Reads func(*http.Request) bool
	// Pages are for people, by name: "inbox" is GET /_sim/inbox. Nil: there are none.
	Pages map[string]http.HandlerFunc
	// Memory are the vendor's variables, by name and as pointers, and the lock that guards them: with it a simulator can be
	// kept in a file, see KeepIn. They may point to each other; functions and channels are left out. Nil: it cannot be.
	Memory func() (sync.Locker, map[string]any)
	// Woken puts right what an end in the middle of something left, after Memory was read. The lock is held. Nil: nothing is.
	Woken func()
	// Close ends what runs in the background, such as deliveries of webhooks. It may be called twice. Nil: nothing does.
	Close func()
}

// State is what a simulator holds, in the same words for all vendors of a type.
type State struct {
	Things   map[string]int   `json:"things"`             // how many of each kind: customer, account, payment, ticket
	Accounts []Account        `json:"accounts,omitempty"` // panels
	Money    map[string]Money `json:"money,omitempty"`    // gateways, by op
	Messages []Message        `json:"messages,omitempty"` // notifiers and help desks
	Samples  []Sample         `json:"samples,omitempty"`  // traffic
	Extra    json.RawMessage  `json:"extra,omitempty"`    // whatever else this vendor wants to show
}

// Account is one account of a panel.
type Account struct {
	ID       string            `json:"id,omitempty"`
	Service  string            `json:"service"` // our ID as stored there, "" if none
	Status   string            `json:"status"`  // panel.Status' words
	Customer string            `json:"customer,omitempty"`
	Power    string            `json:"power,omitempty"`
	Plan     map[string]string `json:"plan,omitempty"`  // size as the vendor has it
	Usage    map[string]int64  `json:"usage,omitempty"` // by meter name
}

// Money is what one op moved, in minor units.
type Money struct {
	Taken    int64  `json:"taken"`
	Back     int64  `json:"back"`
	Currency string `json:"currency"`
}

// Message is a mail, a post, a ticket's message.
type Message struct {
	ID      string            `json:"id,omitempty"`
	Op      string            `json:"op,omitempty"`
	To      string            `json:"to,omitempty"`
	Subject string            `json:"subject,omitempty"`
	Text    string            `json:"text,omitempty"`
	HTML    string            `json:"html,omitempty"`
	Status  string            `json:"status,omitempty"`
	Header  map[string]string `json:"header,omitempty"`
	Files   []string          `json:"files,omitempty"` // names
}

// Sample is traffic of one address.
type Sample struct {
	Address  string    `json:"address"`
	At       time.Time `json:"at"`
	InBytes  int64     `json:"in_bytes"`
	OutBytes int64     `json:"out_bytes"`
}

// Act is something that happens outside our plugin: pay, approve, refuse, dispute, build_fails, bounce and whatever else a
// vendor documents. Op and ID say what it is about; everything else is in Raw.
type Act struct {
	Do  string          `json:"do"`
	Op  string          `json:"op,omitempty"`
	ID  string          `json:"id,omitempty"`
	Raw json.RawMessage `json:"-"` // the whole act, for fields of the vendor's own
}

// Sim is a running simulator: an http.Handler, safe for requests in parallel.
type Sim struct {
	vendor Vendor

	mu       sync.Mutex
	ahead    time.Duration // the clock
	stopped  time.Time     // or where it stands, if not zero
	requests []Request
	rules    []*rule
	closed   chan struct{}
	once     sync.Once

	keeper *keeper // nil: nothing is kept
}

// New makes a simulator of a vendor. Its clock runs with the machine's.
func New(v Vendor) *Sim {
	if v.Handler == nil || v.State == nil {
		panic("sim: a vendor needs a Handler and a State")
	}
	return &Sim{vendor: v, closed: make(chan struct{})}
}

// Now is the simulator's time: the vendor's answers, ages and expiries follow it.
func (s *Sim) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped.IsZero() {
		return s.stopped.Add(s.ahead)
	}
	return time.Now().Add(s.ahead).UTC()
}

// StopClock makes time stand still at t.
func (s *Sim) StopClock(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped, s.ahead = t.UTC(), 0
}

// AddClock moves the clock forward.
func (s *Sim) AddClock(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ahead += d
}

// State is what the vendor holds.
func (s *Sim) State() State { return s.vendor.State() }

// Act plays a part.
func (s *Sim) Act(a Act) error {
	if s.vendor.Act == nil {
		return fmt.Errorf("this simulator plays no parts")
	}
	if a.Raw == nil {
		a.Raw, _ = json.Marshal(a)
	}
	defer s.keep()
	return s.vendor.Act(a)
}

// Reset forgets state, requests and faults. The clock stays where it is.
func (s *Sim) Reset() {
	s.mu.Lock()
	s.requests, s.rules = nil, nil
	s.mu.Unlock()
	if s.vendor.Reset != nil {
		s.vendor.Reset()
	}
	s.keep()
}

// Close ends exchanges that hang, and the vendor's background. It may be called twice.
func (s *Sim) Close() {
	s.once.Do(func() { close(s.closed) })
	if s.vendor.Close != nil {
		s.vendor.Close()
	}
	s.keep()
}

// ServeHTTP answers the shared addresses itself and hands the rest to the vendor, or to a fault.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, ours := strings.CutPrefix(r.URL.Path, "/_sim/")
	if !ours {
		s.exchange(w, r)
		return
	}
	if page, ok := s.vendor.Pages[name]; ok && r.Method == http.MethodGet {
		page(w, r)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 4<<20))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer, err := s.control(r.Method, name, body)
	switch {
	case err == errNoSuch:
		http.Error(w, "nothing here: state, requests, clock, act, faults", http.StatusNotFound)
	case err != nil:
		http.Error(w, err.Error(), http.StatusConflict)
	case answer == nil:
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer)
	}
}

var errNoSuch = fmt.Errorf("no such address")

// control does what an address below /_sim/ is for.
func (s *Sim) control(method, name string, body []byte) (any, error) {
	switch method + " " + name {
	case "GET state":
		return s.State(), nil
	case "PUT state":
		if s.vendor.Put == nil {
			return nil, fmt.Errorf("this simulator's state cannot be set")
		}
		var state State
		if err := json.Unmarshal(body, &state); err != nil {
			return nil, err
		}
		defer s.keep()
		return nil, s.vendor.Put(state)
	case "DELETE state":
		s.Reset()
		return nil, nil
	case "GET requests":
		return s.Requests(), nil
	case "DELETE requests":
		s.Forget()
		return nil, nil
	case "POST clock":
		var add struct{ Add string }
		if err := json.Unmarshal(body, &add); err != nil {
			return nil, err
		}
		d, err := time.ParseDuration(add.Add)
		s.AddClock(d)
		s.keep()
		return nil, err
	case "POST act":
		act := Act{Raw: slices.Clone(body)}
		if err := json.Unmarshal(body, &act); err != nil {
			return nil, err
		}
		return nil, s.Act(act)
	case "GET faults":
		return s.FaultsLeft(), nil
	case "PUT faults":
		var faults []Fault
		if err := json.Unmarshal(body, &faults); err != nil {
			return nil, err
		}
		return nil, s.Faults(faults...)
	case "DELETE faults":
		return nil, s.Faults()
	}
	return nil, errNoSuch
}
