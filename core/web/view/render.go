package view

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"
)

const (
	// CSRFField is the name of the hidden field that the csrf filter draws.
	CSRFField = "_csrf"
	// CSRFKey is the key under which the CSRF middleware leaves its token in the context.
	CSRFKey = "csrf"
	// ThemeCookie remembers which scheme a visitor chose; LangCookie the language.
	ThemeCookie = "theme"
	LangCookie  = "lang"

	siteKey = "view.site"
)

// Site is what all pages of one of the three sites share.
type Site struct {
	Name   string // storefront, portal or admin
	Brand  string
	Links  Sites
	Nav    []NavGroup
	Footer []NavGroup
	Locale string // of visitors who chose none
	Test   bool   // the clock runs ahead: pages say so
	Policy Policy
	// Fill adds what is known of the visitor: name, customer, counts. It is not called for error pages nor for
	// cached ones. Nil adds nothing.
	Fill func(echo.Context, *Page)
}

// site is a Site with the engine that draws it.
type site struct {
	Site
	engine *Engine
	policy string
}

// Use lets the handlers behind it answer with pages of a site, and sets the headers that every answer has.
func (e *Engine) Use(s Site) echo.MiddlewareFunc {
	on := &site{Site: s, engine: e, policy: s.Policy.String()}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			c.Set(siteKey, on)
			h := c.Response().Header()
			h.Set("Content-Security-Policy", on.policy)
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Referrer-Policy", "same-origin")
			h.Set("Cross-Origin-Opener-Policy", "same-origin")
			if e.opts.Secure {
				h.Set("Strict-Transport-Security", "max-age=31536000")
			}
			return next(c)
		}
	}
}

// Policy is the content security policy of a site. It knows no inline script or style and no other host,
// except where forms may lead: browsers apply form-action to redirects too, so the hosts of hosted payment
// pages belong there.
type Policy struct{ FormAction []string }

// String is the header's value.
func (p Policy) String() string {
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action " +
		strings.Join(append([]string{"'self'"}, p.FormAction...), " ") + "; frame-ancestors 'none'; base-uri 'none'"
}

// AllowForms widens the policy of this answer: forms on it may lead to these origins, such as a gateway's.
// Addresses may have a path; only their origin counts. What is no http(s) address is left out.
func AllowForms(c echo.Context, addresses ...string) {
	s := siteOf(c)
	if s == nil {
		return
	}
	p := Policy{FormAction: append([]string(nil), s.Policy.FormAction...)}
	for _, a := range addresses {
		if u, err := url.Parse(a); err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http") {
			p.FormAction = append(p.FormAction, u.Scheme+"://"+u.Host)
		}
	}
	c.Response().Header().Set("Content-Security-Policy", p.String())
}

func siteOf(c echo.Context) *site {
	s, _ := c.Get(siteKey).(*site)
	return s
}

// EngineOf is the engine behind a request, nil where Use was not set up.
func EngineOf(c echo.Context) *Engine {
	if s := siteOf(c); s != nil {
		return s.engine
	}
	return nil
}

// ReaderOf is who reads the answer to a request: the language of the page or the cookie, the business's zone.
func ReaderOf(c echo.Context) *Reader {
	s := siteOf(c)
	if s == nil {
		return nil
	}
	return s.engine.Reader(s.locale(c), nil)
}

func (s *site) locale(c echo.Context) string {
	if k, err := c.Cookie(LangCookie); err == nil && len(s.engine.words[k.Value]) > 0 {
		return k.Value
	}
	if s.Locale != "" {
		return s.Locale
	}
	return "en"
}

// Render draws a page and answers with it. page is a pointer to a struct that embeds Page; what the author
// left empty is filled in. Answers to people who are signed in are not stored by anyone.
func Render(c echo.Context, status int, template string, page any) error {
	s := siteOf(c)
	p, ok := page.(pager)
	if s == nil || !ok {
		return &mistake{"Render of " + template + " needs the middleware of a site and a pointer to a page struct"}
	}
	common := p.common()
	s.fill(c, common)
	if s.Fill != nil {
		s.Fill(c, common)
	}
	if common.CSRF == "" {
		common.CSRF, _ = c.Get(CSRFKey).(string)
	}
	common.Flash = append(s.engine.told(c), common.Flash...)
	body, err := s.draw(template, page, common)
	if err != nil {
		return err
	}
	h := c.Response().Header()
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	if common.Refresh > 0 {
		h.Set("Refresh", strconv.Itoa(common.Refresh))
	}
	return c.HTMLBlob(status, body)
}

type mistake struct{ text string }

func (m *mistake) Error() string { return "view: " + m.text }

// fill sets what does not depend on who asks.
func (s *site) fill(c echo.Context, p *Page) {
	p.Site, p.Links = s.Name, s.Links
	if p.Brand == "" {
		p.Brand = s.Brand
	}
	if p.Nav == nil {
		p.Nav = s.Nav
	}
	if p.Footer == nil {
		p.Footer = s.Footer
	}
	if p.Lang == "" {
		p.Lang = s.locale(c)
	}
	if p.Theme == "" {
		p.Theme = Scheme(c)
	}
	p.Path = c.Request().URL.Path
	if p.Current == "" {
		p.Current = p.Path
	}
	p.RequestID = c.Response().Header().Get(echo.HeaderXRequestID)
	p.TestClock = s.Test
	if p.Clock == "" && (s.Name == "admin" || s.Test) {
		p.Clock = s.engine.opts.Clock.Now().In(s.engine.opts.Zone).Format("Mon 2 Jan 2006, 15:04 MST")
	}
}

func (s *site) draw(template string, page any, p *Page) ([]byte, error) {
	if lit := light(p.Nav, p.Current); lit != "" {
		p.Current = lit
	}
	p.ChildCSS = s.engine.assets.theme
	return s.engine.Draw(template, page, s.engine.Reader(p.Lang, nil))
}

// Scheme is the colour scheme that a visitor chose, "" for what the system prefers.
func Scheme(c echo.Context) string {
	if k, err := c.Cookie(ThemeCookie); err == nil && (k.Value == "bursar" || k.Value == "bursar-dark") {
		return k.Value
	}
	return ""
}

// Partial answers with a template alone, for a part of a page that a script replaces. data is any documented struct.
func Partial(c echo.Context, template string, data any) error {
	s := siteOf(c)
	if s == nil {
		return &mistake{"Partial of " + template + " needs the middleware of a site"}
	}
	body, err := s.engine.Draw(template, data, s.engine.Reader(s.locale(c), nil))
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.HTMLBlob(http.StatusOK, body)
}
