// Package idempotency owns the answers to requests that must have one effect however often they are sent: a caller's
// key on a route is worked on once, and whoever sends it again gets the answer that was kept, also after a restart. What
// a request does is its handler's affair; it must be safe to repeat by itself, for a process may die between the effect
// and the keeping. Start at Service.Do.
package idempotency

import (
	"time"

	"github.com/ezscale/bursar/sdk/fault"
)

// Header is where a request names itself.
const Header = "Idempotency-Key"

// Keep is how long answers are kept at least.
const Keep = 30 * 24 * time.Hour

var (
	// ErrMissing: the request needs a key.
	ErrMissing = fault.New(fault.Invalid, "idempotency_key_missing", "Send a header Idempotency-Key with a text of your own that names this request.").On(Header)
	// ErrKey: the key is too long, or has other signs than printable ASCII.
	ErrKey = fault.New(fault.Invalid, "idempotency_key_invalid", "An Idempotency-Key has 1 to 100 printable ASCII characters.").On(Header)
	// ErrOtherRequest: the key named another request before. Nothing was done.
	ErrOtherRequest = fault.New(fault.Invalid, "idempotency_key_reused", "This Idempotency-Key was sent with another request. Use a new key for a new request.").On(Header)
	// ErrRunning: the first request with this key is still being worked on.
	ErrRunning = fault.New(fault.Conflict, "idempotency_key_running", "The first request with this Idempotency-Key is still running. Send it again in a moment.").Retry(time.Second)
)

// Request is what must have one effect.
type Request struct {
	Caller string // who asks, at most 60 letters
	Route  string // which operation, at most 120 letters
	Key    string // the caller's
	Body   []byte // all that must be the same when it is sent again
	// Patience is after how long a request without an answer is taken for dead, with its process. 0 is a minute: the
	// work must not take longer.
	Patience time.Duration
	// Whole: the work changes nothing but the database, so it and the kept answer are one transaction. For work that is
	// not safe to repeat by itself.
	Whole bool
}

// Answer is what was answered, to be given again.
type Answer struct {
	Status int    `json:"-"`
	Type   string `json:"type"` // of the content
	Body   []byte `json:"body"`
}

// states of a row.
const (
	running = "running"
	done    = "done"
)

// row is a request as it is kept.
type row struct {
	hash   string
	state  string
	status int
	answer string // sealed: it may hold the address of a payment page
	began  time.Time
}

func (r Request) check() error {
	if r.Key == "" || len(r.Key) > 100 {
		return ErrKey
	}
	for _, c := range []byte(r.Key) {
		if c < ' ' || c > '~' {
			return ErrKey
		}
	}
	return nil
}
