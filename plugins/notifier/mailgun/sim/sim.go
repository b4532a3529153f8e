// Package sim is a simulator of Mailgun's API as its OpenAPI of 2026-07-09 and mailgun-go v5 show it: sending, the events,
// the suppression lists, and signed webhooks that are tried again. Nothing leaves the machine: GET /_sim/inbox is where a
// person reads the mails.
//
// The API of the US is below /us, that of the EU below /eu: each knows its own domains only. Without a prefix all domains
// are there. A mail is queued and leaves two seconds later. What becomes of it is said by the address: bounce@…, delay@…,
// complain@… and unsubscribe@… (also bounce+7@…) do what they are called, any other is delivered. A suppressed address is
// accepted and then fails, as at Mailgun. Acts of Sim.Act and POST /_sim/act:
//
//	{"do":"subscribe","url":"https://…"}   the dashboard: all webhooks go there, signed with SigningKey
//	{"do":"deliver","op":"op_1"}           likewise delay, bounce, complain, unsubscribe; id is a Message-Id
//	{"do":"lag","for":"3m"}                events can be read only that much later
//	{"do":"limit","messages":3}            after so many more messages comes 429; negative: no limit
//
// Start at New, then messages.go.
package sim

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/ezscale/bursar/sdk/sim"
)

// What a new simulator knows. Key may do everything; SendingKey may only send, on Domain. Domain is in the EU, USDomain in
// the US.
const (
	Key        = "key-simulator-0123456789abcdef"
	SendingKey = "sending-simulator-0123456789ab"
	SigningKey = "signing-simulator-0123456789ab"
	Domain     = "mg.example.com"
	USDomain   = "mg.example.net"
)

// regions of the domains.
var regions = map[string]string{Domain: "eu", USDomain: "us"}

// beat is how often the simulator looks, in real time, whether something is due by its own clock.
const beat = 20 * time.Millisecond

// vendor is one simulated account. It is safe for use by many at once.
type vendor struct {
	mux  *http.ServeMux
	now  func() time.Time
	done chan struct{}
	stop sync.Once
	work sync.WaitGroup

	mu         sync.Mutex
	messages   []*message
	events     []event
	suppressed map[string]map[string]entry // "mg.example.com bounces", then the address in lower case
	hook       string                      // where webhooks go, "" for nowhere
	deliveries []*delivery
	lag        time.Duration
	limit      int // how many more messages are taken; negative: no limit
	count      int
}

// New makes an empty account. Close ends its deliveries of webhooks.
func New() *sim.Sim {
	v := &vendor{mux: http.NewServeMux(), done: make(chan struct{})}
	v.clear()
	v.routes()
	shared := sim.New(sim.Vendor{
		Handler: regional(v.mux), State: v.state, Act: v.act, Reset: v.reset, Close: v.close, Memory: v.memory, Woken: v.woken,
		Pages: map[string]http.HandlerFunc{"inbox": v.inbox},
	})
	v.now = shared.Now
	v.work.Go(v.beats)
	return shared
}

func (v *vendor) reset() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.clear()
}

func (v *vendor) clear() {
	v.messages, v.events, v.deliveries = nil, nil, nil
	v.suppressed = map[string]map[string]entry{}
	v.hook, v.lag, v.limit = "", 0, -1
}

// memory is what goes on in another process.
func (v *vendor) memory() (sync.Locker, map[string]any) {
	return &v.mu, map[string]any{
		"messages": &v.messages, "events": &v.events, "suppressed": &v.suppressed, "deliveries": &v.deliveries, "hook": &v.hook, "lag": &v.lag, "limit": &v.limit, "count": &v.count,
	}
}

// woken sends webhooks again whose answer nobody waits for any more.
func (v *vendor) woken() {
	for _, d := range v.deliveries {
		d.away = false
	}
}

func (v *vendor) close() {
	v.stop.Do(func() {
		v.mu.Lock() // no delivery begins any more
		defer v.mu.Unlock()
		close(v.done)
	})
	v.work.Wait()
}

// beats does what is due until close.
func (v *vendor) beats() {
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		select {
		case <-v.done:
			return
		case <-tick.C:
			v.mu.Lock()
			v.due()
			v.mu.Unlock()
		}
	}
}

// id draws a token that nobody guesses.
func (v *vendor) id(bytes int) string {
	raw := make([]byte, bytes)
	// The runtime ends the process when the system has no randomness, so there is no error to handle.
	_, _ = rand.Read(raw)
	return hex.EncodeToString(raw)
}

// regional turns the prefix of a region into a header of our own.
func regional(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del(regionHeader)
		for _, region := range []string{"us", "eu"} {
			if rest, ok := strings.CutPrefix(r.URL.Path, "/"+region+"/"); ok {
				inner := r.Clone(r.Context())
				inner.URL.Path, inner.URL.RawPath = "/"+rest, ""
				inner.Header.Set(regionHeader, region)
				next.ServeHTTP(w, inner)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

const regionHeader = "X-Simulated-Region"

func (v *vendor) routes() {
	v.mux.HandleFunc("POST /v3/{domain}/messages", v.known(true, v.send))
	v.mux.HandleFunc("GET /v3/{domain}/events", v.known(false, v.listEvents))
	v.mux.HandleFunc("GET /v3/{domain}/events/{page}", v.known(false, v.listEvents))
	v.mux.HandleFunc("GET /v4/domains/{domain}", v.known(false, v.showDomain))
	for _, list := range []string{bounces, complaints, unsubscribes} {
		v.mux.HandleFunc("GET /v3/{domain}/"+list, v.known(false, v.listSuppressed(list)))
		v.mux.HandleFunc("POST /v3/{domain}/"+list, v.known(false, v.addSuppressed(list)))
		v.mux.HandleFunc("GET /v3/{domain}/"+list+"/{address}", v.known(false, v.showSuppressed(list)))
		v.mux.HandleFunc("DELETE /v3/{domain}/"+list+"/{address}", v.known(false, v.dropSuppressed(list)))
	}
	v.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusNotFound, "Not Found") })
}

// known lets in who has a key and asks about a domain of this region. sends is true for what a sending key may do.
func (v *vendor) known(sends bool, next func(http.ResponseWriter, *http.Request, string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		user, key, _ := r.BasicAuth()
		same := func(known string) bool { return subtle.ConstantTimeCompare([]byte(key), []byte(known)) == 1 }
		name := r.PathValue("domain")
		switch region := r.Header.Get(regionHeader); {
		case user != "api" || !same(Key) && !same(SendingKey):
			http.Error(w, "Forbidden", http.StatusUnauthorized) // no JSON: so does Mailgun
		case same(SendingKey) && (!sends || name != Domain):
			say(w, http.StatusForbidden, "Forbidden")
		case regions[name] == "" || region != "" && regions[name] != region:
			say(w, http.StatusNotFound, "Domain not found: "+name)
		default:
			v.mu.Lock()
			defer v.mu.Unlock()
			v.due()
			next(w, r, name)
		}
	}
}

func (v *vendor) showDomain(w http.ResponseWriter, _ *http.Request, name string) {
	answer(w, http.StatusOK, map[string]any{"domain": map[string]any{"name": name, "state": "active", "type": "custom", "created_at": "Thu, 13 Oct 2011 18:02:00 GMT"}})
}

func say(w http.ResponseWriter, status int, text string) {
	answer(w, status, map[string]string{"message": text})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the reader may be gone; nobody to tell
}

// act plays the reader, the reader's server, and the dashboard.
func (v *vendor) act(a sim.Act) error {
	var more struct {
		URL      string
		For      string
		Messages int
	}
	if err := json.Unmarshal(a.Raw, &more); err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	switch a.Do {
	case "subscribe":
		v.hook = more.URL
		return nil
	case "lag":
		d, err := time.ParseDuration(more.For)
		v.lag = d
		return err
	case "limit":
		v.limit = more.Messages
		return nil
	case "deliver", "delay", "bounce", "complain", "unsubscribe":
		for _, m := range v.messages {
			if a.Op != "" && m.op() == a.Op || a.ID != "" && m.id == strings.Trim(a.ID, "<>") {
				for _, r := range m.readers {
					v.happens(m, r, a.Do)
				}
				return nil
			}
		}
		return fmt.Errorf("no message of op %q, id %q", a.Op, a.ID)
	}
	return fmt.Errorf("%q is not played here", a.Do)
}

// state is the mails, and how their webhooks went.
func (v *vendor) state() sim.State {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.due()
	out := sim.State{Things: map[string]int{"message": len(v.messages), "event": len(v.events)}}
	for _, list := range v.suppressed {
		out.Things["suppressed"] += len(list)
	}
	for _, m := range v.messages {
		out.Messages = append(out.Messages, m.shown())
	}
	waiting := 0
	for _, d := range v.deliveries {
		if !d.over && !d.away {
			waiting++
		}
	}
	// Plain values only.
	out.Extra, _ = json.Marshal(map[string]any{"webhook": v.hook, "webhooks": len(v.deliveries), "webhooks_to_try_again": waiting})
	return out
}
