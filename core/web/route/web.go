package route

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/view"
)

// Site is one of the three, or any other host of ours.
type Site struct {
	Name   string    // storefront, portal or admin
	Base   string    // https://account.example.com: its host, and where links to it lead
	Realm  auth.Kind // whose sessions it reads: auth.CustomerKind or auth.StaffKind
	Engine *view.Engine
	View   view.Site
	SignIn string // where visitors are sent who must sign in: /sign-in, or an address of another site
	Enter  string // path at which passes of auth are taken, such as /enter; "" takes none
	Routes []Route
}

// Deps is what all sites use.
type Deps struct {
	Auth    *auth.Service
	Wall    clock.Clock // the same that auth has as Wall
	Log     *slog.Logger
	Key     []byte         // makes tokens of forms, at least 32 bytes, the same on every node
	Proxies []netip.Prefix // whose X-Forwarded-For is believed; none by default
	Limits  map[Rate]Pace  // instead of the usual ones
	// Probes answer on every host, such as /healthz: whoever asks knows an address at most.
	Probes map[string]http.Handler
}

// Web answers every request, by the host that it names.
type Web struct {
	deps     Deps
	key      []byte
	paces    map[Rate]*limiter
	searches *inFlight
	sites    map[string]*site // by host
	byName   map[string]*site
	table    []Entry
}

// New builds the sites. It fails on a route that is not declared in full, that is there twice, or that the site
// cannot have, and on sites that cannot be told apart.
func New(d Deps, sites ...Site) (*Web, error) {
	if d.Auth == nil || d.Wall == nil || d.Log == nil || len(d.Key) < 32 {
		return nil, errors.New("routes: auth, wall, log and a key of 32 bytes are needed")
	}
	sum := sha256.Sum256(append([]byte("bursar forms\n"), d.Key...))
	w := &Web{deps: d, key: sum[:], paces: map[Rate]*limiter{}, searches: newInFlight(2), sites: map[string]*site{}, byName: map[string]*site{}}
	paces := maps.Clone(usual)
	maps.Copy(paces, d.Limits)
	for rate, pace := range paces {
		w.paces[rate] = newLimiter(pace, d.Wall)
	}
	for _, path := range slices.Sorted(maps.Keys(d.Probes)) {
		w.table = append(w.table, Entry{Site: "*", Method: http.MethodGet, Path: path, Who: anyone, Rate: Free})
	}
	var wrong []error
	for _, s := range sites {
		if err := w.add(s); err != nil {
			wrong = append(wrong, fmt.Errorf("site %s: %w", s.Name, err))
		}
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	return w, nil
}

func (w *Web) add(s Site) error {
	base, err := url.Parse(s.Base)
	switch {
	case err != nil || base.Host == "" || (base.Scheme != "https" && base.Scheme != "http") || strings.Trim(base.Path, "/") != "" || base.RawQuery != "" || base.User != nil:
		return fmt.Errorf("base %q is no address such as https://account.example.com", s.Base)
	case s.Name == "" || w.byName[s.Name] != nil:
		return errors.New("sites need names of their own")
	case s.Realm != auth.CustomerKind && s.Realm != auth.StaffKind:
		return errors.New("whose sessions are read is not said")
	case s.Engine == nil:
		return errors.New("there is nothing to draw pages with")
	case s.Enter != "" && s.Realm != auth.CustomerKind:
		return errors.New("passes are for customers' sites")
	}
	host := fold(base.Host, base.Scheme)
	if w.sites[host] != nil {
		return fmt.Errorf("host %s is another site's", host)
	}
	on := &site{web: w, Site: s, base: base.Scheme + "://" + base.Host, scheme: base.Scheme, secure: base.Scheme == "https"}
	on.sessions = on.manager()
	if err := on.build(); err != nil {
		return err
	}
	w.sites[host], w.byName[s.Name] = on, on
	return nil
}

// fold is a host as it is compared: lower case, and without the port that goes without saying.
func fold(host, scheme string) string {
	host = strings.ToLower(host)
	if scheme == "https" {
		return strings.TrimSuffix(host, ":443")
	}
	return strings.TrimSuffix(host, ":80")
}

// ServeHTTP hands a request to the site of its host. What names no host of ours is not answered.
func (w *Web) ServeHTTP(res http.ResponseWriter, req *http.Request) {
	if probe, ok := w.deps.Probes[req.URL.Path]; ok && (req.Method == http.MethodGet || req.Method == http.MethodHead) {
		probe.ServeHTTP(res, req)
		return
	}
	for _, scheme := range []string{"https", "http"} {
		if s := w.sites[fold(req.Host, scheme)]; s != nil && s.scheme == scheme {
			s.echo.ServeHTTP(res, req)
			return
		}
	}
	res.Header().Set("X-Content-Type-Options", "nosniff")
	http.Error(res, "This address does not belong to us.", http.StatusMisdirectedRequest)
}

// Table lists every route, by site in the order given.
func (w *Web) Table() []Entry { return slices.Clone(w.table) }

// WriteTable writes the table as JSON.
func (w *Web) WriteTable(out io.Writer) error {
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	return enc.Encode(w.table)
}

// Server is the listener's side: time-outs against those who send slowly or read slowly.
func Server(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10,
	}
}

// build makes the echo of a site from its routes.
func (s *site) build() error {
	e := echo.New()
	e.HTTPErrorHandler = view.ErrorHandler(s.web.deps.Log)
	e.IPExtractor = s.web.address
	e.Use(s.outside, s.Engine.Use(s.View))
	routes := append(slices.Clone(s.Routes), Route{Method: http.MethodGet, Path: "/assets/*", Handler: s.Engine.Assets, Who: Anyone(), Rate: Free, Shared: true})
	if s.Enter != "" {
		routes = append(routes,
			Route{Method: http.MethodGet, Path: s.Enter, Handler: s.askEnter, Who: Anyone(), Rate: Page},
			Route{Method: http.MethodPost, Path: s.Enter, Handler: s.enter, Who: Anyone(), Rate: Page})
	}
	seen := map[string]bool{}
	for _, r := range routes {
		if err := r.check(s.Realm); err != nil {
			return err
		}
		if r.Who.kind != anyone && r.Who.kind != token && s.SignIn == "" {
			return fmt.Errorf("route %s %s needs people to sign in, but the site does not say where", r.Method, r.Path)
		}
		if key := r.Method + " " + shape(r.Path); seen[key] {
			return fmt.Errorf("route %s %s is there twice", r.Method, r.Path)
		} else {
			seen[key] = true
		}
		e.Add(r.Method, r.Path, s.serve(r))
		if r.Method == http.MethodGet {
			e.Add(http.MethodHead, r.Path, s.serve(r))
		}
		s.web.table = append(s.web.table, Entry{Site: s.Name, Method: r.Method, Path: r.Path, Who: r.Who.kind, Right: string(r.Who.right), CSRF: r.csrf(), Rate: r.Rate})
	}
	s.echo = e
	return nil
}

// shape is a path without the names of its parameters, which tell no two routes apart.
func shape(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if strings.HasPrefix(p, ":") {
			parts[i] = ":"
		}
	}
	return strings.Join(parts, "/")
}
