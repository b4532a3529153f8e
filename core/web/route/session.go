package route

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/sdk/fault"
)

// How long sessions last: unused, and in all.
const (
	customerIdle, customerLife = 2 * time.Hour, 24 * time.Hour
	staffIdle, staffLife       = 30 * time.Minute, 12 * time.Hour
	standInLife                = time.Hour
)

// sessionKey is where the token of a session that was read is left in the context.
const sessionKey = "route.session"

func (s *site) idleAndLife() (idle, life time.Duration) {
	if s.Realm == auth.StaffKind {
		return staffIdle, staffLife
	}
	return customerIdle, customerLife
}

func (s *site) manager() *scs.SessionManager {
	idle, life := s.idleAndLife()
	// Not scs.New: it starts a store in memory. Contexts of the manager stay in this file, so none meets another's.
	return &scs.SessionManager{Store: s.web.deps.Auth.Sessions(s.Realm, idle), Codec: auth.SessionCodec{}, HashTokenInStore: true, Lifetime: life}
}

// cookie is the name of a cookie of this site: under TLS one that no other host can set.
func (s *site) cookie(name string) string {
	if s.Realm == auth.StaffKind {
		name += "_staff"
	}
	if s.secure {
		return "__Host-" + name
	}
	return name
}

func (s *site) setCookie(c echo.Context, name, value string) {
	k := &http.Cookie{Name: s.cookie(name), Value: value, Path: "/", HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode}
	if value == "" {
		k.MaxAge = -1
	}
	c.SetCookie(k)
}

// identify finds out who asks, by cookie or by token, and leaves the actor in the context.
func (s *site) identify(c echo.Context, r Route) error {
	if r.Who.kind == token {
		return s.byToken(c)
	}
	if !r.cookies() {
		return nil
	}
	ctx := c.Request().Context()
	if k, err := c.Cookie(s.cookie("session")); err == nil && k.Value != "" && len(k.Value) < 100 {
		a, err := s.resume(ctx, k.Value)
		switch {
		case err != nil:
			return err
		case a.Kind == "":
			s.setCookie(c, "session", "")
		default:
			s.become(c, a, k.Value)
		}
	}
	return s.prepareForms(c)
}

// become makes an actor ask in the rest of this request.
func (s *site) become(c echo.Context, a auth.Actor, session string) {
	setContext(c, auth.With(c.Request().Context(), a))
	c.Set(sessionKey, session)
	c.Response().Header().Set("Cache-Control", "no-store")
}

// resume is who a session is, with the rights of this moment; the zero Actor if it is over.
func (s *site) resume(ctx context.Context, session string) (auth.Actor, error) {
	ctx, err := s.sessions.Load(ctx, session)
	if err != nil {
		return auth.Actor{}, err
	}
	person, customer := s.sessions.GetString(ctx, auth.SessionPerson), ids.Customer(s.sessions.GetString(ctx, auth.SessionCustomer))
	if person == "" {
		return auth.Actor{}, nil
	}
	a, err := s.actor(ctx, person, customer)
	switch fault.KindOf(err) {
	case "":
		return a, nil
	case fault.NotFound, fault.Forbidden:
		return auth.Actor{}, s.end(ctx)
	}
	return auth.Actor{}, err
}

func (s *site) actor(ctx context.Context, person string, customer ids.Customer) (auth.Actor, error) {
	who := s.web.deps.Auth
	switch {
	case s.Realm == auth.StaffKind:
		return who.ActorOfStaff(ctx, ids.Staff(person))
	case strings.HasPrefix(person, "stf_"):
		return who.ActorStandingIn(ctx, ids.Staff(person), customer)
	}
	a, err := who.ActorOfUser(ctx, ids.User(person), customer)
	if customer != "" && fault.KindOf(err) == fault.NotFound { // no member any more: there may be another customer
		return who.ActorOfUser(ctx, ids.User(person), "")
	}
	return a, err
}

// end deletes the session of a context that Load made. One that is gone already is no error.
func (s *site) end(ctx context.Context) error {
	if s.sessions.Token(ctx) == "" {
		return nil
	}
	if err := s.sessions.Destroy(ctx); err != nil && !errors.Is(err, auth.ErrSignedOut) {
		return err
	}
	return nil
}

func (s *site) byToken(c echo.Context) error {
	secret, ok := strings.CutPrefix(c.Request().Header.Get(echo.HeaderAuthorization), "Bearer ")
	c.Response().Header().Set("Cache-Control", "no-store")
	if !ok {
		return nil
	}
	a, err := s.web.deps.Auth.ByToken(c.Request().Context(), strings.TrimSpace(secret))
	if errors.Is(err, auth.ErrToken) {
		c.Response().Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		return echo.NewHTTPError(http.StatusUnauthorized)
	}
	if err != nil {
		return err
	}
	setContext(c, auth.With(c.Request().Context(), a))
	return nil
}

var errRealm = errors.New("route: this site has other sessions")

// Actor is who asks.
func Actor(c echo.Context) auth.Actor { return auth.Of(c.Request().Context()) }

// SignIn opens a session for an actor of auth, in a browser that showed who it is. The identifier is new, and a
// session that the browser had is over. Call it before the answer is written; it counts for the rest of the request.
func SignIn(c echo.Context, a auth.Actor) error {
	s := siteOf(c)
	if s == nil || a.Kind != s.Realm || a.Person() == "" || a.Token != "" {
		return errRealm
	}
	if err := s.drop(c); err != nil {
		return err
	}
	now := s.web.deps.Wall.Now()
	ctx, err := s.sessions.Load(c.Request().Context(), "")
	if err != nil {
		return err
	}
	_, life := s.idleAndLife()
	if a.StandsIn() {
		life = standInLife
	}
	for key, value := range map[string]string{
		auth.SessionRealm: string(s.Realm), auth.SessionPerson: a.Person(), auth.SessionCustomer: string(a.Customer), auth.SessionSince: now.Format(time.RFC3339),
		auth.SessionAddress: c.RealIP(), auth.SessionAgent: fault.Cut(c.Request().UserAgent(), 200),
	} {
		s.sessions.Put(ctx, key, value)
	}
	s.sessions.SetDeadline(ctx, now.Add(life))
	return s.commit(ctx, c, a)
}

// commit writes a session under its new identifier and gives it to the browser.
func (s *site) commit(ctx context.Context, c echo.Context, a auth.Actor) error {
	session, _, err := s.sessions.Commit(ctx)
	if err != nil {
		return err
	}
	s.setCookie(c, "session", session)
	s.become(c, a, session)
	return s.prepareForms(c)
}

// drop ends the session whose cookie the browser sent, if it is one.
func (s *site) drop(c echo.Context) error {
	k, err := c.Cookie(s.cookie("session"))
	if err != nil || k.Value == "" {
		return nil
	}
	ctx, err := s.sessions.Load(c.Request().Context(), k.Value)
	if err != nil {
		return err
	}
	return s.end(ctx)
}

// SignOut ends the session.
func SignOut(c echo.Context) error {
	s := siteOf(c)
	if s == nil {
		return errRealm
	}
	if err := s.drop(c); err != nil {
		return err
	}
	s.setCookie(c, "session", "")
	s.become(c, auth.Actor{}, "")
	return s.prepareForms(c)
}

// ActFor makes a user act for another of the customers that he is a member of. The identifier is new; the session
// lasts no longer than before.
//
// Errors: auth.ErrNotFound for a customer of others; auth.ErrSignedOut if the session was ended meanwhile.
func ActFor(c echo.Context, customer ids.Customer) error {
	s, now := siteOf(c), Actor(c)
	session, _ := c.Get(sessionKey).(string)
	if s == nil || now.User == "" || session == "" || customer == "" {
		return auth.ErrForbidden
	}
	a, err := s.web.deps.Auth.ActorOfUser(c.Request().Context(), now.User, customer)
	if err != nil {
		return err
	}
	ctx, err := s.sessions.Load(c.Request().Context(), session)
	if err != nil {
		return err
	}
	if s.sessions.GetString(ctx, auth.SessionPerson) != string(now.User) {
		return auth.ErrSignedOut
	}
	deadline := s.sessions.Deadline(ctx)
	if err := s.sessions.RenewToken(ctx); err != nil {
		return err
	}
	s.sessions.Put(ctx, auth.SessionCustomer, string(customer))
	s.sessions.SetDeadline(ctx, deadline)
	return s.commit(ctx, c, a)
}

// SignInUser proves a user by mail address and password and opens a session. Errors: those of auth.SignIn.
func SignInUser(c echo.Context, email, password string) (auth.User, error) {
	s, ctx := siteOf(c), c.Request().Context()
	if s == nil || s.Realm != auth.CustomerKind {
		return auth.User{}, errRealm
	}
	u, err := s.web.deps.Auth.SignIn(ctx, email, password, c.RealIP())
	if err != nil {
		return auth.User{}, err
	}
	a, err := s.web.deps.Auth.ActorOfUser(ctx, u.ID, "")
	if err != nil {
		return auth.User{}, err
	}
	return u, SignIn(c, a)
}

// SignInStaff is SignInUser for staff.
func SignInStaff(c echo.Context, email, password string) (auth.Staff, error) {
	s, ctx := siteOf(c), c.Request().Context()
	if s == nil || s.Realm != auth.StaffKind {
		return auth.Staff{}, errRealm
	}
	m, err := s.web.deps.Auth.SignInStaff(ctx, email, password, c.RealIP())
	if err != nil {
		return auth.Staff{}, err
	}
	a, err := s.web.deps.Auth.ActorOfStaff(ctx, m.ID)
	if err != nil {
		return auth.Staff{}, err
	}
	return m, SignIn(c, a)
}
