// Package sim is a simulator of Stripe as API version 2023-10-16 shows it:
// enough of the REST API, the hosted checkout page and the signed webhooks to
// sell, save a card, renew, refund and lose a dispute without Stripe.
//
// It keeps state, is strict (unknown parameters, wrong versions and wrong keys
// are refused as Stripe refuses them) and knows Stripe's published test cards
// only. Shapes are those of Stripe's fixtures for 2023-10-16
// (github.com/stripe/openapi, fixtures3.json, read 2026-11-20); behaviour is
// that of docs.stripe.com/testing and docs.stripe.com/api/idempotent_requests.
// Left out: subscriptions, Connect, embedded card fields, live networks.
//
// Clock, faults, requests and state are at the addresses below /_sim/ that all
// simulators share (sdk/sim); what can be played there is in control.go. Start
// at New, then api.go for what is served.
package sim

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"sync"
	"time"

	"github.com/ezscale/bursar/sdk/sim"
)

// Credentials that a new simulator knows. ReadKey is a restricted key that may
// read and nothing else, so a change under it answers 403.
const (
	Key           = "sk_test_simulator"
	LiveKey       = "sk_live_simulator"
	ReadKey       = "rk_test_simulator"
	WebhookSecret = "whsec_simulator"
	APIVersion    = "2023-10-16"
)

// object is any Stripe object as it goes over the wire. Whole numbers are
// int64, so that a copy through JSON is never needed to compare them.
type object = map[string]any

// account is one simulated Stripe account. It is safe for use by many at once.
type account struct {
	mux  *http.ServeMux
	now  func() time.Time
	done chan struct{}
	stop sync.Once
	work sync.WaitGroup

	mu       sync.Mutex
	things   map[string]object      // everything with an ID
	order    []string               // their IDs, oldest first
	cards    map[string]card        // by payment method: how its card behaves
	prepared map[string]bool        // payment methods authenticated for off-session use
	detached map[string]bool        // payment methods that can never be used again
	later    map[string]later       // by session: what its payment will be told
	keys     map[string]*remembered // idempotency keys
	secrets  map[string]string      // by webhook endpoint
	journal  []delivery             // what was or will be delivered
	double   bool                   // every webhook is sent twice
	slow     time.Duration          // how long a change takes to execute
	refuse   []reason               // what banks say to the next tries
	pages    string                 // where browsers reach the hosted pages, "" for where the API is
	seed     string
	count    int64
}

// New makes an empty account. It serves the API below /v1/ and the hosted
// pages below /c/. Close ends its webhook deliveries.
func New() *sim.Sim {
	seed := make([]byte, 16)
	// The runtime ends the process when the system has no randomness, so there is no error to handle.
	_, _ = rand.Read(seed)
	s := &account{mux: http.NewServeMux(), done: make(chan struct{}), seed: hex.EncodeToString(seed)}
	s.clear()
	s.routes()
	s.hosted()
	shared := sim.New(sim.Vendor{Handler: s.mux, State: s.state, Act: s.play, Reset: s.reset, Close: s.close, Memory: s.memory, Woken: s.woken})
	s.now = shared.Now
	return shared
}

// close ends deliveries and waits for those under way.
func (s *account) close() {
	s.stop.Do(func() { close(s.done) })
	s.work.Wait()
}

// reset forgets everything but where the pages are.
func (s *account) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
}

func (s *account) clear() {
	s.things, s.order = map[string]object{}, nil
	s.cards, s.prepared, s.detached = map[string]card{}, map[string]bool{}, map[string]bool{}
	s.later = map[string]later{}
	s.keys, s.secrets, s.journal = map[string]*remembered{}, map[string]string{}, nil
	s.double, s.slow, s.refuse = false, 0, nil
}

// memory is what goes on in another process.
func (s *account) memory() (sync.Locker, map[string]any) {
	return &s.mu, map[string]any{
		"things": &s.things, "order": &s.order, "cards": &s.cards, "prepared": &s.prepared, "detached": &s.detached, "later": &s.later, "keys": &s.keys,
		"secrets": &s.secrets, "journal": &s.journal, "double": &s.double, "slow": &s.slow, "refuse": &s.refuse, "pages": &s.pages, "seed": &s.seed, "count": &s.count,
	}
}

// woken forgets requests that never ended, and goes on delivering.
func (s *account) woken() {
	maps.DeleteFunc(s.keys, func(_ string, r *remembered) bool { return r.running })
	for at, d := range s.journal {
		if e := s.find("webhook_endpoint", d.endpoint); e != nil && !d.done {
			s.work.Add(1)
			go s.deliver(d.endpoint, text(e, "url"), d.body, at, d.event)
		}
	}
}

func (s *account) time() time.Time { return s.now() }

// id draws an ID that no other simulator draws.
func (s *account) id(prefix string) string {
	s.count++
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d", s.seed, s.count))
	text := new(big.Int).SetBytes(sum[:]).Text(62)
	return prefix + "_1Sim" + text[:20]
}

// add stores a new object under its ID.
func (s *account) add(o object) object {
	id := text(o, "id")
	s.things[id] = o
	s.order = append(s.order, id)
	return o
}

// find returns the object of that kind, or nil.
func (s *account) find(kind, id string) object {
	if o := s.things[id]; o != nil && o["object"] == kind {
		return o
	}
	return nil
}

// all returns the objects of a kind, oldest first.
func (s *account) all(kind string) []object {
	var list []object
	for _, id := range s.order {
		if o := s.things[id]; o != nil && o["object"] == kind {
			list = append(list, o)
		}
	}
	return list
}

func text(o object, name string) string {
	t, _ := o[name].(string)
	return t
}

func number(o object, name string) int64 {
	n, _ := o[name].(int64)
	return n
}

func metadata(o object) map[string]string {
	m, _ := o["metadata"].(map[string]string)
	return m
}

// orNull turns "" into Stripe's null.
func orNull(t string) any {
	if t == "" {
		return nil
	}
	return t
}

// clone copies an object as it stands now, for events and remembered answers.
func clone(v any) any {
	switch v := v.(type) {
	case object:
		c := make(object, len(v))
		for k, e := range v {
			c[k] = clone(e)
		}
		return c
	case []any:
		c := make([]any, len(v))
		for i, e := range v {
			c[i] = clone(e)
		}
		return c
	case map[string]string:
		c := make(map[string]string, len(v))
		for k, e := range v {
			c[k] = e
		}
		return c
	}
	return v
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // the reader may be gone; nobody to tell
}
