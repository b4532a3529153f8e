// Package webhook is where gateways, mail carriers and panels call us: one address for each plugin instance, with a
// secret in it. It takes the request as it came and hands it on; whether it is genuine is the plugin's to say, what it
// means is flow's. What is forged changes nothing but a counter and the trail. Start at Site.Routes.
package webhook

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"io"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
)

// Secrets knows the part of each instance's address that nobody can guess.
type Secrets interface {
	// HookSecret answers NotFound for an instance that is not set up.
	HookSecret(ctx context.Context, instance string) (string, error)
}

// Receiver verifies a request and keeps what it means, before it answers.
type Receiver interface {
	ReceiveHook(ctx context.Context, instance string, w sdk.Webhook) error
}

// Deps is what the site uses.
type Deps struct {
	Secrets Secrets
	Flow    Receiver
	Audit   *audit.Service
	Wall    clock.Clock           // vendors sign with the time of the world, whatever the business believes
	Metrics prometheus.Registerer // nil: nobody counts
	Log     *slog.Logger
}

// Site takes requests of vendors.
type Site struct {
	Deps
	count *prometheus.CounterVec
	trail *allowance
}

// New makes the site.
func New(d Deps) *Site {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	s := &Site{Deps: d, trail: newAllowance(d.Wall)}
	s.count = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bursar_webhooks_total", Help: "Requests at the addresses of plugin instances, by what became of them."}, []string{"instance", "outcome"})
	if d.Metrics != nil {
		d.Metrics.MustRegister(s.count)
	}
	return s
}

// Path is where the requests of an instance arrive, below the address of the storefront.
func Path(instance, secret string) string { return "/hooks/" + instance + "/" + secret }

// Routes is the one address. It is on the storefront's host.
func (s *Site) Routes() []route.Route {
	return []route.Route{{Method: http.MethodPost, Path: "/hooks/:instance/:secret", Handler: s.receive, Who: route.Anyone(), Rate: route.Hook, Shared: true, NoCSRF: true, Body: route.MaxBody}}
}

// The outcomes that are counted.
const (
	taken       = "taken"
	forged      = "forged"       // the plugin does not believe it
	wrongSecret = "wrong_secret" // somebody guesses addresses
	unknown     = "unknown"      // there is no such instance
	later       = "later"        // the sender must repeat it
	failed      = "failed"
)

// receive answers 200 for what is kept, 400 for what is forged, 404 for an address that is not ours, 503 for what must
// be sent again.
func (s *Site) receive(c echo.Context) error {
	ctx, instance := c.Request().Context(), c.Param("instance")
	want, err := s.Secrets.HookSecret(ctx, instance)
	match := same(want, c.Param("secret"))
	switch {
	case fault.KindOf(err) == fault.NotFound || err == nil && want == "":
		s.count.WithLabelValues(unknown, unknown).Inc() // names that strangers invent are no labels
		return c.NoContent(http.StatusNotFound)
	case err != nil:
		return s.fail(c, unknown, err)
	case !match:
		s.count.WithLabelValues(instance, wrongSecret).Inc()
		return s.refuse(c, instance, wrongSecret, http.StatusNotFound)
	}
	req := c.Request()
	body, err := io.ReadAll(req.Body) // the route bounds it
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return c.NoContent(http.StatusRequestEntityTooLarge)
	case err != nil: // it broke off
		return c.NoContent(http.StatusBadRequest)
	}
	err = s.Flow.ReceiveHook(ctx, instance, sdk.Webhook{Query: req.URL.RawQuery, Header: req.Header.Clone(), Body: body, Received: s.Wall.Now()})
	switch fault.KindOf(err) {
	case "":
		s.count.WithLabelValues(instance, taken).Inc()
		return c.NoContent(http.StatusOK)
	case fault.Forbidden, fault.Invalid:
		s.count.WithLabelValues(instance, forged).Inc()
		s.Log.Warn("webhook refused", "instance", instance, "why", err.Error())
		return s.refuse(c, instance, forged, http.StatusBadRequest)
	case fault.NotFound, fault.Unsupported: // the instance takes none
		s.count.WithLabelValues(instance, unknown).Inc()
		return c.NoContent(http.StatusNotFound)
	case fault.Unavailable, fault.Unknown:
		s.count.WithLabelValues(instance, later).Inc()
		s.Log.Warn("webhook not taken", "instance", instance, "why", err.Error())
		if f := fault.Of(err); f.After > 0 {
			c.Response().Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(f.After.Seconds()))))
		}
		return c.NoContent(http.StatusServiceUnavailable)
	}
	return s.fail(c, instance, err)
}

// fail logs what is our own mistake, here and not with all others: the address has a secret in it.
func (s *Site) fail(c echo.Context, instance string, err error) error {
	s.count.WithLabelValues(instance, failed).Inc()
	s.Log.Error("webhook failed", "instance", instance, "request", c.Response().Header().Get(echo.HeaderXRequestID), "error", err.Error())
	return c.NoContent(http.StatusInternalServerError)
}

// refuse writes into the trail and answers. A flood of forgeries is counted, but not written down one by one.
func (s *Site) refuse(c echo.Context, instance, why string, status int) error {
	if s.trail.take(instance) {
		err := s.Audit.Add(c.Request().Context(), audit.Entry{Action: "webhook.refused", Subject: instance, After: map[string]string{"why": why}})
		if err != nil {
			return s.fail(c, instance, err)
		}
	}
	return c.NoContent(status)
}

// same compares in constant time, also for texts of other lengths and where there is nothing to compare with.
func same(want, got string) bool {
	a, b := sha256.Sum256([]byte(want)), sha256.Sum256([]byte(got))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1 && want != ""
}

// A minute's worth of refusals that are written down for each instance.
const (
	window    = time.Minute
	perWindow = 100
)
