package route

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/fault"
)

// csrfHeader carries the token where a script sends it.
const csrfHeader = "X-CSRF-Token"

var (
	errForeign = fault.New(fault.Forbidden, "cross_origin", "This form was sent from another site.")
	errStale   = fault.New(fault.Forbidden, "form_stale", "This form was open too long. Open the page again and repeat it.")

	crossOrigin = http.NewCrossOriginProtection()
)

// prepareForms leaves the token of forms for the page. It is bound to the session, so nobody else's fits; a visitor
// without one gets a cookie that means nothing else.
func (s *site) prepareForms(c echo.Context) error {
	if session, _ := c.Get(sessionKey).(string); session != "" {
		c.Set(view.CSRFKey, s.formToken("session", session))
		return nil
	}
	seed := ""
	if k, err := c.Cookie(s.cookie("visitor")); err == nil && len(k.Value) >= 20 && len(k.Value) < 100 {
		seed = k.Value
	}
	if seed == "" {
		seed = rand.Text()
		s.setCookie(c, "visitor", seed)
	}
	c.Set(view.CSRFKey, s.formToken("visitor", seed))
	return nil
}

func (s *site) formToken(kind, of string) string {
	mac := hmac.New(sha256.New, s.web.key)
	mac.Write([]byte(s.Name + "\n" + kind + "\n" + of))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// checkForm refuses what another site made the browser send, by where it comes from and by the token.
func (s *site) checkForm(c echo.Context) error {
	if err := crossOrigin.Check(c.Request()); err != nil {
		return errForeign.Because(err)
	}
	if err := readForm(c); err != nil {
		return err
	}
	want, _ := c.Get(view.CSRFKey).(string)
	got := c.Request().Header.Get(csrfHeader)
	if got == "" {
		got = c.Request().PostFormValue(view.CSRFField)
	}
	if want == "" || !hmac.Equal([]byte(got), []byte(want)) {
		return errStale
	}
	return nil
}

// Next is where to go after signing in: the form's or the query's "next", if it is a path of this site, else the
// home page.
func Next(c echo.Context) string { return Local(c.FormValue("next")) }

// Local answers an address if it is a path of this site, else "/".
func Local(address string) string {
	if len(address) > 1000 || !strings.HasPrefix(address, "/") || strings.HasPrefix(address, "//") || strings.ContainsFunc(address, unfit) {
		return "/"
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" {
		return "/"
	}
	// Browsers see hosts where there are two slashes, also after dots, backslashes or what stands for them.
	plain := u.Path
	for range 3 {
		if strings.Contains(plain, "//") || strings.ContainsFunc(plain, tricky) || strings.Contains(plain, "/../") || strings.HasSuffix(plain, "/..") || strings.HasPrefix(plain, "/./") {
			return "/"
		}
		next, err := url.PathUnescape(plain)
		if err != nil {
			break
		}
		plain = next
	}
	return address
}

// unfit is what an address does not hold as it is; tricky what it should not stand for either.
func unfit(r rune) bool  { return r == ' ' || r > 0x7e || tricky(r) }
func tricky(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' }
