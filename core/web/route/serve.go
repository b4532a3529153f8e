package route

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/fault"
)

// handlerTime is how long an answer may take.
const handlerTime = 30 * time.Second

// site is a Site at work.
type site struct {
	Site
	web      *Web
	base     string
	scheme   string
	secure   bool
	echo     *echo.Echo
	sessions *scs.SessionManager
}

const siteKey = "route.site"

func siteOf(c echo.Context) *site {
	s, _ := c.Get(siteKey).(*site)
	return s
}

var (
	errTimeout  = fault.New(fault.Unavailable, "timeout", "This took too long. Try again in a moment.")
	errTooLarge = echo.NewHTTPError(http.StatusRequestEntityTooLarge)
	errForm     = fault.New(fault.Invalid, "form_unreadable", "This form could not be read. Send it again.")
)

// outside is around every answer, also that there is no such page: a reference, a line in the log, and whoever asks
// as nobody yet.
func (s *site) outside(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		start := s.web.deps.Wall.Now()
		id := "req_" + rand.Text()[:20]
		c.Response().Header().Set(echo.HeaderXRequestID, id)
		c.Set(siteKey, s)
		ctx := audit.By(c.Request().Context(), audit.Who{Address: c.RealIP(), RequestID: id})
		setContext(c, auth.With(ctx, auth.Actor{}))
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			}
			if err != nil {
				c.Error(translate(err))
				err = nil
			}
			// The route's pattern and not the path: a path may hold a secret, as that of an invoice's link does.
			s.web.deps.Log.Info("request", "request", id, "site", s.Name, "method", c.Request().Method, "route", c.Path(), "status", c.Response().Status,
				"ms", s.web.deps.Wall.Now().Sub(start).Milliseconds())
		}()
		return next(c)
	}
}

func setContext(c echo.Context, ctx context.Context) { c.SetRequest(c.Request().WithContext(ctx)) }

// gone is nginx's status for visitors who did not wait for the answer.
const gone = 499

// translate names errors of the wire.
func translate(err error) error {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return errTooLarge
	case errors.Is(err, context.DeadlineExceeded):
		return errTimeout.Because(err)
	case errors.Is(err, context.Canceled):
		return echo.NewHTTPError(gone).SetInternal(err)
	}
	return err
}

// serve is the way to a handler: each step may end it.
func (s *site) serve(r Route) echo.HandlerFunc {
	return func(c echo.Context) error {
		ctx, cancel := context.WithTimeout(c.Request().Context(), handlerTime)
		defer cancel()
		setContext(c, ctx)
		if err := s.pace(c, r); err != nil {
			return err
		}
		if err := limitBody(c, r); err != nil {
			return err
		}
		if err := s.identify(c, r); err != nil {
			return err
		}
		if done, err := s.admit(c, r); done || err != nil {
			return err
		}
		if r.csrf() {
			if err := s.checkForm(c); err != nil {
				return s.again(c, err)
			}
		}
		done, err := s.count(c, r)
		if err != nil {
			return err
		}
		defer done()
		return r.Handler(c)
	}
}

func limitBody(c echo.Context, r Route) error {
	limit := r.Body
	if limit == 0 {
		limit = MaxBody
	}
	req := c.Request()
	if req.ContentLength > limit {
		return errTooLarge
	}
	if req.Body != nil {
		req.Body = http.MaxBytesReader(c.Response(), req.Body, limit)
	}
	return nil
}

// readForm reads the body of a form, so that one that is too large or broken is refused and not taken for empty.
func readForm(c echo.Context) error {
	req := c.Request()
	kind, _, _ := mime.ParseMediaType(req.Header.Get("Content-Type"))
	var err error
	if kind == "multipart/form-data" {
		err = req.ParseMultipartForm(MaxBody)
	} else {
		err = req.ParseForm()
	}
	var large *http.MaxBytesError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &large):
		return errTooLarge
	}
	return errForm.Because(err)
}

// admit lets pass who may ask. A visitor who is not signed in is sent to do so, and comes back to the page.
func (s *site) admit(c echo.Context, r Route) (done bool, err error) {
	a := auth.Of(c.Request().Context())
	switch {
	case r.Who.kind == anyone:
		return false, nil
	case r.Who.kind == token && a.Token == "":
		c.Response().Header().Set("WWW-Authenticate", "Bearer")
		return true, echo.NewHTTPError(http.StatusUnauthorized)
	case a.Kind == auth.Anonymous:
		return true, s.sendToSignIn(c)
	case r.Who.kind == signedIn:
		return false, nil
	case r.Who.kind == customer && a.Kind != auth.CustomerKind, r.Who.kind == staff && a.Kind != auth.StaffKind, !a.Can(r.Who.right):
		return true, auth.ErrForbidden
	}
	return false, nil
}

// page is the path of ours on which a form was sent, "" if the browser does not say.
func (s *site) page(req *http.Request) string { return strings.TrimPrefix(req.Referer(), s.base) }

// again shows the page once more whose form is stale, as after signing in or out in another tab: nothing was done, and
// the form is good then.
func (s *site) again(c echo.Context, err error) error {
	here := Local(s.page(c.Request()))
	if !errors.Is(err, errStale) || c.Request().Header.Get("HX-Request") != "" || s.page(c.Request()) != here {
		return err
	}
	view.Tell(c, view.Soon, "This page was out of date, so nothing was done. Look at it again, then repeat it.")
	return c.Redirect(http.StatusSeeOther, here)
}

func (s *site) sendToSignIn(c echo.Context) error {
	to, req := s.SignIn, c.Request()
	if strings.HasPrefix(to, "/") && req.Header.Get("HX-Request") == "" {
		here := req.URL.RequestURI()
		if req.Method != http.MethodGet && req.Method != http.MethodHead { // back to the page with the form, whose address is no page
			here = s.page(req)
		}
		if next := Local(here); next != "/" {
			to += "?next=" + url.QueryEscape(next)
		}
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	if req.Header.Get("HX-Request") != "" { // a part of a page is no place for the whole form
		c.Response().Header().Set("HX-Redirect", to)
		return c.NoContent(http.StatusNoContent)
	}
	return c.Redirect(http.StatusSeeOther, to)
}
