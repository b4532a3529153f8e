// Package sim is a simulator of Discord's incoming webhooks, API v10 (discord-api-docs of 2026-08-06): posting with and
// without wait, reading a webhook, the limits of embeds as Discord refuses them, and rate limits whose arithmetic is real.
// Nothing leaves the machine: GET /_sim/inbox is where a person reads the posts.
//
// A new simulator has two webhooks, OrdersURL and TrafficURL. In its State a post is shown as a reader sees it, with its
// Markdown drawn; To is the channel. Acts of Sim.Act and POST /_sim/act (id names a webhook, "" is the first):
//
//	{"do":"remove"}                               somebody deletes the webhook
//	{"do":"forum"}                                its channel becomes a forum: posts need a thread
//	{"do":"bucket","limit":5,"per":"2s"}          posts of each webhook; "minute":30 is the bound of a channel and a minute
//	{"do":"global","for":"3s"}                    the global limit is hit
//	{"do":"ban","for":"10m"}                      Cloudflare keeps us out, in HTML
//
// Start at New, then execute.go.
package sim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/ezscale/bursar/sdk/sim"
)

// The webhooks of a new simulator, as Discord shows them to who copies their addresses.
const (
	OrdersID     = "1042000000000000001"
	OrdersToken  = "orders-SimulatedTokenSimulatedTokenSimulatedTokenSimulatedToken_00001"
	OrdersURL    = "https://discord.com/api/webhooks/" + OrdersID + "/" + OrdersToken
	TrafficID    = "1042000000000000002"
	TrafficToken = "traffic-SimulatedTokenSimulatedTokenSimulatedTokenSimulatedToken_0002"
	TrafficURL   = "https://discord.com/api/webhooks/" + TrafficID + "/" + TrafficToken
)

// webhook is one of them.
type webhook struct {
	id, token, channel string
	forum              bool
}

// vendor is the part of Discord that incoming webhooks reach. It is safe for use by many at once.
type vendor struct {
	mux *http.ServeMux
	now func() time.Time

	mu       sync.Mutex
	hooks    []*webhook
	messages []*message
	buckets  map[string]*bucket
	size     int           // requests of a bucket
	per      time.Duration // in which it fills again
	minute   int           // posts in a channel and a minute
	global   time.Time     // until then all is refused
	banned   time.Time     // and until then in HTML
	refusals []time.Time   // answers of 401, 403 and 429
	count    int64
}

// New makes a simulator with two webhooks and no posts.
func New() *sim.Sim {
	v := &vendor{mux: http.NewServeMux()}
	v.clear()
	for _, base := range []string{"/api/v10", "/api"} {
		v.mux.HandleFunc("POST "+base+"/webhooks/{id}/{token}", v.known(v.execute))
		v.mux.HandleFunc("GET "+base+"/webhooks/{id}/{token}", v.known(v.show))
		v.mux.HandleFunc("DELETE "+base+"/webhooks/{id}/{token}", v.known(v.remove))
		v.mux.HandleFunc("GET "+base+"/webhooks/{id}/{token}/messages/{message}", v.known(v.showMessage))
		v.mux.HandleFunc("DELETE "+base+"/webhooks/{id}/{token}/messages/{message}", v.known(v.removeMessage))
	}
	v.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { refuse(w, http.StatusNotFound, 0, "404: Not Found", nil) })
	s := sim.New(sim.Vendor{
		Handler: v.mux, State: v.state, Act: v.act, Reset: v.reset, Memory: v.memory,
		Pages: map[string]http.HandlerFunc{"inbox": v.inbox},
	})
	v.now = s.Now
	return s
}

func (v *vendor) reset() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.clear()
}

func (v *vendor) clear() {
	v.hooks = []*webhook{{id: OrdersID, token: OrdersToken, channel: "orders"}, {id: TrafficID, token: TrafficToken, channel: "traffic"}}
	v.messages, v.buckets, v.refusals = nil, map[string]*bucket{}, nil
	v.size, v.per, v.minute = 5, 2*time.Second, 30
	v.global, v.banned = time.Time{}, time.Time{}
}

// memory is what goes on in another process.
func (v *vendor) memory() (sync.Locker, map[string]any) {
	return &v.mu, map[string]any{
		"hooks": &v.hooks, "messages": &v.messages, "buckets": &v.buckets, "size": &v.size, "per": &v.per, "minute": &v.minute,
		"global": &v.global, "banned": &v.banned, "refusals": &v.refusals, "count": &v.count,
	}
}

// snowflake is an ID that grows with time.
func (v *vendor) snowflake() string {
	v.count++
	const epoch = 1420070400000 // 2015, in milliseconds
	return strconv.FormatInt((v.now().UnixMilli()-epoch)<<22|v.count&0xFFF, 10)
}

// known lets through who names a webhook and its token, within the limits.
func (v *vendor) known(next func(http.ResponseWriter, *http.Request, *webhook)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v.mu.Lock()
		defer v.mu.Unlock()
		if !v.admit(w, r) {
			return
		}
		for _, h := range v.hooks {
			if h.id != r.PathValue("id") {
				continue
			}
			if h.token != r.PathValue("token") {
				v.refused()
				refuse(w, http.StatusUnauthorized, 50027, "Invalid Webhook Token", nil)
				return
			}
			next(w, r, h)
			return
		}
		refuse(w, http.StatusNotFound, 10015, "Unknown Webhook", nil)
	}
}

func (v *vendor) show(w http.ResponseWriter, _ *http.Request, h *webhook) {
	answer(w, http.StatusOK, map[string]any{
		"id": h.id, "type": 1, "name": "Bursar", "avatar": nil, "channel_id": channelID(h), "guild_id": "1041000000000000000", "application_id": nil, "token": h.token,
	})
}

func channelID(h *webhook) string { return "20" + h.id[2:] }

func (v *vendor) remove(w http.ResponseWriter, _ *http.Request, h *webhook) {
	v.drop(h)
	w.WriteHeader(http.StatusNoContent)
}

func (v *vendor) drop(gone *webhook) {
	for at, h := range v.hooks {
		if h == gone {
			v.hooks = append(v.hooks[:at:at], v.hooks[at+1:]...)
			return
		}
	}
}

// act plays the people at Discord, and Discord.
func (v *vendor) act(a sim.Act) error {
	var more struct {
		Limit, Minute int
		Per, For      string
	}
	if err := json.Unmarshal(a.Raw, &more); err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	lasts := func(text string, usual time.Duration) (time.Duration, error) {
		if text == "" {
			return usual, nil
		}
		return time.ParseDuration(text)
	}
	switch a.Do {
	case "remove", "forum":
		for _, h := range v.hooks {
			if a.ID != "" && a.ID != h.id {
				continue
			}
			if a.Do == "remove" {
				v.drop(h)
			} else {
				h.forum = true
			}
			return nil
		}
		return fmt.Errorf("no webhook %q", a.ID)
	case "bucket":
		per, err := lasts(more.Per, v.per)
		if err != nil || more.Limit < 1 {
			return fmt.Errorf("a bucket has a limit and a time: %d, %q", more.Limit, more.Per)
		}
		v.size, v.per, v.buckets = more.Limit, per, map[string]*bucket{}
		if v.minute = max(v.minute, more.Limit); more.Minute > 0 {
			v.minute = more.Minute
		}
		return nil
	case "global":
		d, err := lasts(more.For, time.Second)
		v.global = v.now().Add(d)
		return err
	case "ban":
		d, err := lasts(more.For, 10*time.Minute)
		v.banned = v.now().Add(d)
		return err
	}
	return fmt.Errorf("%q is not played here", a.Do)
}

func (v *vendor) state() sim.State {
	v.mu.Lock()
	defer v.mu.Unlock()
	out := sim.State{Things: map[string]int{"webhook": len(v.hooks), "message": len(v.messages)}}
	for _, m := range v.messages {
		out.Messages = append(out.Messages, m.shown())
	}
	return out
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the reader may be gone; nobody to tell
}

// refuse is an error as Discord tells it.
func refuse(w http.ResponseWriter, status, code int, text string, errors any) {
	body := map[string]any{"message": text, "code": code}
	if errors != nil {
		body["errors"] = errors
	}
	answer(w, status, body)
}
