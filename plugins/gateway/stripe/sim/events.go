package sim

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// waits between tries of one webhook. Stripe takes up to three days; a demo does not.
var waits = []time.Duration{0, 500 * time.Millisecond, 2 * time.Second, 10 * time.Second, time.Minute, 10 * time.Minute}

// delivery is one event for one endpoint.
type delivery struct {
	event, endpoint string
	body            []byte
	tries           int
	done            bool
}

// Sign makes the Stripe-Signature header of a body.
func Sign(secret string, at time.Time, body []byte) string {
	stamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(stamp + "."))
	mac.Write(body)
	return "t=" + stamp + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

func (s *account) emit(kind string, o object) { s.emitChange(kind, o, nil) }

// emitChange records an event with the object as it stands, and sends it to
// every endpoint that asked for its kind.
func (s *account) emitChange(kind string, o, before object) {
	data := object{"object": clone(o)}
	if before != nil {
		data["previous_attributes"] = before
	}
	live, _ := o["livemode"].(bool)
	event := s.add(object{
		"id": s.id("evt"), "object": "event", "api_version": APIVersion, "created": s.time().Unix(), "data": data, "livemode": live,
		"pending_webhooks": int64(len(s.secrets)), "request": object{"id": nil, "idempotency_key": nil}, "type": kind,
	})
	body, err := json.MarshalIndent(event, "", "  ")
	if err != nil {
		return // all of it was made here, of types that JSON knows
	}
	for _, e := range s.all("webhook_endpoint") {
		if wanted := e["enabled_events"].([]any); e["status"] == "enabled" && (slices.Contains(wanted, any("*")) || slices.Contains(wanted, any(kind))) {
			times := 1
			if s.double {
				times = 2
			}
			for range times {
				s.journal = append(s.journal, delivery{event: text(event, "id"), endpoint: text(e, "id"), body: body})
				s.work.Add(1)
				go s.deliver(text(e, "id"), text(e, "url"), body, len(s.journal)-1, text(event, "id"))
			}
		}
	}
}

// deliver posts until somebody answers 2xx. Each event has its own goroutine,
// so they arrive in no particular order, as Stripe's do.
func (s *account) deliver(endpoint, address string, body []byte, at int, event string) {
	defer s.work.Done()
	for _, wait := range waits {
		select {
		case <-s.done:
			return
		case <-time.After(wait + time.Duration(rand.Int64N(int64(20*time.Millisecond)))):
		}
		s.mu.Lock()
		secret, known := s.secrets[endpoint]
		now := s.time()
		if at < len(s.journal) && s.journal[at].event == event {
			s.journal[at].tries++
		}
		s.mu.Unlock()
		if !known {
			return
		}
		if s.post(address, Sign(secret, now, body), body) {
			s.mu.Lock()
			if at < len(s.journal) && s.journal[at].event == event {
				s.journal[at].done = true
			}
			s.mu.Unlock()
			return
		}
	}
}

// courier follows no redirects, as Stripe does not.
var courier = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

func (s *account) post(address, signature string, body []byte) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second) // no request of anybody's: it ends with the simulator
	defer cancel()
	go func() {
		select {
		case <-s.done:
			cancel()
		case <-ctx.Done():
		}
	}()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return false
	}
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
	r.Header.Set("Stripe-Signature", signature)
	answer, err := courier.Do(r)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	return answer.StatusCode/100 == 2
}

func (s *account) listEvents(c *call) (object, *problem) {
	kinds := items(c.form, "types")
	return s.list(c, "event", func(o object) bool {
		if t := c.get("type"); t != "" {
			prefix, wild := strings.CutSuffix(t, "*")
			return o["type"] == t || wild && strings.HasPrefix(text(o, "type"), prefix)
		}
		return len(kinds) == 0 || slices.Contains(kinds, o["type"])
	})
}

func (s *account) createEndpoint(c *call) (object, *problem) {
	address, err := url.Parse(c.get("url"))
	if err != nil || address.Host == "" || address.Scheme != "https" && address.Scheme != "http" {
		return nil, invalid("url_invalid", "url", "Not a valid URL")
	}
	kinds := items(c.form, "enabled_events")
	if len(kinds) == 0 {
		return nil, missing("enabled_events")
	}
	if v := c.get("api_version"); v != "" && v != APIVersion {
		return nil, invalid("", "api_version", "Invalid API version: %s", v)
	}
	o := s.add(object{
		"id": s.id("we"), "object": "webhook_endpoint", "api_version": orNull(c.get("api_version")), "application": nil, "created": s.time().Unix(),
		"description": orNull(c.get("description")), "enabled_events": kinds, "livemode": c.live, "metadata": pairs(c.form, "metadata"), "status": "enabled", "url": c.get("url"),
	})
	secret := "whsec_" + s.id("k")[6:]
	s.secrets[text(o, "id")] = secret
	shown := clone(o).(object)
	shown["secret"] = secret // only this answer ever holds it
	return shown, nil
}

func (s *account) updateEndpoint(c *call) (object, *problem) {
	o := s.find("webhook_endpoint", c.id)
	if o == nil {
		return nil, absent("webhook endpoint", c.id, "id")
	}
	if t := c.get("url"); t != "" {
		o["url"] = t
	}
	if kinds := items(c.form, "enabled_events"); len(kinds) > 0 {
		o["enabled_events"] = kinds
	}
	switch c.get("disabled") {
	case "true":
		o["status"] = "disabled"
	case "false":
		o["status"] = "enabled"
	}
	return o, nil
}

func (s *account) deleteEndpoint(c *call) (object, *problem) {
	if s.find("webhook_endpoint", c.id) == nil {
		return nil, absent("webhook endpoint", c.id, "id")
	}
	delete(s.things, c.id)
	delete(s.secrets, c.id)
	return object{"id": c.id, "object": "webhook_endpoint", "deleted": true}, nil
}

// subscribe sends every event to an address, signed with the secret, as an
// endpoint made in Stripe's dashboard would.
func (s *account) subscribe(address, secret string) {
	o := s.add(object{
		"id": s.id("we"), "object": "webhook_endpoint", "api_version": APIVersion, "application": nil, "created": s.time().Unix(), "description": "Made in the dashboard",
		"enabled_events": []any{"*"}, "livemode": false, "metadata": map[string]string{}, "status": "enabled", "url": address,
	})
	s.secrets[text(o, "id")] = secret
}
