package route

import (
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/sdk/fault"
)

// Pace is how often something may happen: once Every, and Burst times at once after a rest.
type Pace struct {
	Every time.Duration
	Burst int
}

var usual = map[Rate]Pace{
	Page: {50 * time.Millisecond, 300},
	API:  {100 * time.Millisecond, 100},
	Hook: {10 * time.Millisecond, 1000},
}

// counted are the classes that auth counts for all nodes.
var counted = map[Rate]auth.Class{Code: auth.Code, Register: auth.Register, Ticket: auth.Ticket}

var errTooOften = fault.New(fault.Declined, "too_often", "That were too many requests at once.")

// address is where a request comes from: the other end of the connection, or, if that is a proxy of ours, the last
// one that its header names which is none.
func (w *Web) address(req *http.Request) string {
	end, err := netip.ParseAddrPort(req.RemoteAddr)
	if err != nil {
		return req.RemoteAddr
	}
	at := end.Addr().Unmap()
	hops := strings.Split(strings.Join(req.Header.Values(echo.HeaderXForwardedFor), ","), ",")
	for i := len(hops) - 1; i >= 0 && w.isProxy(at); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		at = hop.Unmap()
	}
	return at.WithZone("").String()
}

func (w *Web) isProxy(a netip.Addr) bool {
	for _, p := range w.deps.Proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// pace holds back who asks too often, by address and before anything is looked up.
func (s *site) pace(c echo.Context, r Route) error {
	class := Page
	switch r.Rate {
	case Free:
		return nil
	case API, Hook: // who brings which token is not known yet
		class = Hook
	}
	if wait, _, ok := s.web.paces[class].take(auth.Network(c.RealIP())); !ok {
		return errTooOften.Retry(wait)
	}
	return nil
}

// count is for the classes that go by who asks. done is to be called once it is answered.
func (s *site) count(c echo.Context, r Route) (done func(), err error) {
	a, key := Actor(c), auth.Network(c.RealIP())
	if p := a.Person(); p != "" && r.Rate != Register {
		key = p
	}
	done = func() {}
	switch {
	case counted[r.Rate] != "":
		return done, s.web.deps.Auth.Throttle(c.Request().Context(), counted[r.Rate], key)
	case r.Rate == Search:
		if !s.web.searches.begin(key) {
			return done, errTooOften.Retry(time.Second)
		}
		return func() { s.web.searches.end(key) }, nil
	case r.Rate == API && a.Token != "":
		return done, s.countToken(c, string(a.Token))
	}
	return done, nil
}

func (s *site) countToken(c echo.Context, id string) error {
	wait, left, ok := s.web.paces[API].take(id)
	h, pace := c.Response().Header(), s.web.paces[API].pace
	h.Set("RateLimit-Limit", strconv.Itoa(pace.Burst))
	h.Set("RateLimit-Remaining", strconv.Itoa(left))
	h.Set("RateLimit-Reset", strconv.Itoa(int(math.Ceil(max(wait, pace.Every).Seconds()))))
	if !ok {
		return errTooOften.Retry(wait)
	}
	return nil
}

// limiter counts by key in memory: for each it keeps when its allowance is whole again.
type limiter struct {
	pace  Pace
	clock clock.Clock
	mu    sync.Mutex
	whole map[string]time.Time
}

func newLimiter(p Pace, c clock.Clock) *limiter {
	return &limiter{pace: p, clock: c, whole: map[string]time.Time{}}
}

// maxKeys is how many keys are kept before those that are at rest are dropped.
const maxKeys = 50_000

// take uses one up. It answers what is left, or how long to wait.
func (l *limiter) take(key string) (wait time.Duration, left int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.Now()
	if len(l.whole) >= maxKeys {
		l.sweep(now)
	}
	at := l.whole[key]
	if at.Before(now) {
		at = now
	}
	next, all := at.Add(l.pace.Every), l.pace.Every*time.Duration(l.pace.Burst)
	if over := next.Sub(now) - all; over > 0 {
		return over, 0, false
	}
	l.whole[key] = next
	return 0, int((all - next.Sub(now)) / l.pace.Every), true
}

func (l *limiter) sweep(now time.Time) {
	for key, at := range l.whole {
		if !at.After(now) {
			delete(l.whole, key)
		}
	}
	if len(l.whole) >= maxKeys { // an attack from everywhere: forget, rather than grow
		clear(l.whole)
	}
}

// inFlight counts what a key is doing at this moment.
type inFlight struct {
	limit int
	mu    sync.Mutex
	now   map[string]int
}

func newInFlight(limit int) *inFlight { return &inFlight{limit: limit, now: map[string]int{}} }

func (f *inFlight) begin(key string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.now[key] >= f.limit {
		return false
	}
	f.now[key]++
	return true
}

func (f *inFlight) end(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.now[key]--; f.now[key] <= 0 {
		delete(f.now, key)
	}
}
