package sim

import (
	"fmt"
	"hash/crc32"
	"math"
	"net/http"
	"strconv"
	"time"
)

// Discord's bounds beside those of buckets. An address with too many refused requests in ten minutes is kept out.
const (
	mostRefusals = 10_000
	refusalsIn   = 10 * time.Minute
)

// bucket counts requests from the first one until it fills again.
type bucket struct {
	size, left int
	per        time.Duration
	reset      time.Time
}

// take counts a request; ok is false when the bucket is empty.
func (b *bucket) take(now time.Time) (ok bool) {
	if !now.Before(b.reset) {
		b.left, b.reset = b.size, now.Add(b.per)
	}
	if b.left == 0 {
		return false
	}
	b.left--
	return true
}

func (v *vendor) bucket(key string, size int, per time.Duration) *bucket {
	if v.buckets[key] == nil {
		v.buckets[key] = &bucket{size: size, per: per}
	}
	return v.buckets[key]
}

// admit tells every caller how its bucket stands, and refuses what is too much. The lock is held.
func (v *vendor) admit(w http.ResponseWriter, r *http.Request) bool {
	now := v.now()
	if now.Before(v.banned) {
		w.Header().Set("Retry-After", whole(v.banned.Sub(now)))
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		w.WriteHeader(http.StatusTooManyRequests)
		fmt.Fprint(w, "<!doctype html><title>Access denied | discord.com used Cloudflare to restrict access</title><h1>Error 1015</h1><p>You are being rate limited.")
		return false
	}
	if now.Before(v.global) {
		w.Header().Set("X-RateLimit-Global", "true")
		v.limited(w, v.global.Sub(now), "global")
		return false
	}
	key := r.Method + " " + r.PathValue("id") + "/" + r.PathValue("token")
	b := v.bucket(key, v.size, v.per)
	ok := b.take(now)
	h := w.Header()
	h.Set("X-RateLimit-Limit", strconv.Itoa(b.size))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(b.left))
	h.Set("X-RateLimit-Reset", strconv.FormatFloat(float64(b.reset.UnixMilli())/1000, 'f', 3, 64))
	h.Set("X-RateLimit-Reset-After", strconv.FormatFloat(b.reset.Sub(now).Seconds(), 'f', 3, 64))
	h.Set("X-RateLimit-Bucket", fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(key))))
	if !ok {
		v.limited(w, b.reset.Sub(now), "user")
		return false
	}
	if r.Method != http.MethodPost {
		return true
	}
	if shared := v.bucket("channel "+r.PathValue("id"), v.minute, time.Minute); !shared.take(now) {
		v.limited(w, shared.reset.Sub(now), "shared")
		return false
	}
	return true
}

// limited is a 429 of Discord's own.
func (v *vendor) limited(w http.ResponseWriter, after time.Duration, scope string) {
	v.refused()
	w.Header().Set("Retry-After", whole(after))
	w.Header().Set("X-RateLimit-Scope", scope)
	answer(w, http.StatusTooManyRequests, map[string]any{
		"message": "You are being rate limited.", "retry_after": math.Ceil(after.Seconds()*1000) / 1000, "global": scope == "global",
	})
}

// whole is seconds, rounded up.
func whole(d time.Duration) string { return strconv.Itoa(int(math.Ceil(d.Seconds()))) }

// refused counts an answer that Cloudflare counts.
func (v *vendor) refused() {
	now := v.now()
	v.refusals = append(v.refusals, now)
	for len(v.refusals) > 0 && now.Sub(v.refusals[0]) > refusalsIn {
		v.refusals = v.refusals[1:]
	}
	if len(v.refusals) >= mostRefusals {
		v.banned = now.Add(refusalsIn)
	}
}
