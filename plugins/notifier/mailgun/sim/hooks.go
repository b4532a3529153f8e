package sim

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// waits between the tries of one webhook, by the simulator's clock.
var waits = []time.Duration{10 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour}

// delivery is one webhook. All its tries carry the signature of the first: whether Mailgun signs anew is not known, and
// this is the harder case for who receives.
type delivery struct {
	url   string
	body  []byte
	tries int
	next  time.Time
	away  bool // under way
	over  bool
}

// Sign is the signature of a webhook: hex HMAC-SHA256 over timestamp and token. The body is not signed.
func Sign(key, timestamp, token string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(timestamp + token))
	return hex.EncodeToString(mac.Sum(nil))
}

// Hook is the body of a webhook about an event.
func Hook(key string, at time.Time, token string, about any) ([]byte, error) {
	stamp := strconv.FormatInt(at.Unix(), 10)
	return json.Marshal(map[string]any{
		"signature":  map[string]string{"timestamp": stamp, "token": token, "signature": Sign(key, stamp, token)},
		"event-data": about,
	})
}

// tell queues a webhook. The lock is held.
func (v *vendor) tell(e event) {
	if v.hook == "" {
		return
	}
	body, err := Hook(SigningKey, v.now(), v.id(25), e)
	if err != nil {
		return // all of it was made here, of types that JSON knows
	}
	v.deliveries = append(v.deliveries, &delivery{url: v.hook, body: body, next: v.now()})
}

// courier sends the webhooks that are due. The lock is held.
func (v *vendor) courier(now time.Time) {
	select {
	case <-v.done:
		return
	default:
	}
	for _, d := range v.deliveries {
		if !d.over && !d.away && !now.Before(d.next) {
			d.away = true
			d.tries++
			v.work.Go(func() {
				status := v.post(d)
				v.mu.Lock()
				defer v.mu.Unlock()
				d.away = false
				d.over = status == http.StatusOK || status == http.StatusNotAcceptable || d.tries > len(waits)
				if !d.over {
					d.next = v.now().Add(waits[d.tries-1])
				}
			})
		}
	}
}

// client follows no redirects, as Mailgun does not.
var client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// post is one try; 0 is no answer.
func (v *vendor) post(d *delivery) int {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second) // no request of anybody's: it ends with the simulator
	defer cancel()
	go func() {
		select {
		case <-v.done:
			cancel()
		case <-ctx.Done():
		}
	}()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url, bytes.NewReader(d.body))
	if err != nil {
		return 0
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "mailgun/treq-22.2.0")
	answer, err := client.Do(r)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	return answer.StatusCode
}
