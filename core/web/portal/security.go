package portal

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/fault"
)

func (s *Site) securityRoutes() []route.Route {
	return []route.Route{
		get("/account/security", route.SignedIn(), s.security),
		post("/account/security/password", route.SignedIn(), s.changePassword),
		post("/account/security/email", route.SignedIn(), s.changeEmail),
		{Method: http.MethodPost, Path: "/account/security/verify", Handler: s.sendVerification, Who: route.SignedIn(), Rate: route.Code},
		post("/account/security/sessions/:id/end", route.SignedIn(), s.endSession),
	}
}

// securityPage is how a person signs in, and where that happened.
type securityPage struct {
	view.Page
	Tabs     []view.Tab
	Email    string
	Verified bool
	Password *view.Form
	Address  *view.Form
	Sessions []sessionRow // newest first
}

// sessionRow is a browser that is signed in.
type sessionRow struct {
	ID       string // opens nothing
	What     string // browser and system, as far as they can be told
	Where    string // network address
	Since    time.Time
	This     bool // the one that reads the page
	StandsIn bool // staff in the customer's place
}

// self is the user who asks. Staff in a customer's place has no account here.
func (s *Site) self(c echo.Context) (auth.User, error) {
	a := route.Actor(c)
	if a.User == "" {
		return auth.User{}, auth.ErrForbidden
	}
	return s.Auth.User(c.Request().Context(), a.User)
}

func passwordChange(c echo.Context) *view.Form {
	who := signedInAs(c)
	who.ID = "account-p"
	return view.NewForm("/account/security/password", "Change the password", who,
		view.Field{Name: "old", Label: "Present password", Kind: view.Password, Autocomplete: "current-password", ID: "old-p"},
		view.Field{Name: "password", Label: "New password", Kind: view.Password, Autocomplete: "new-password", Help: "At least 10 letters. You are signed out everywhere else."})
}

func emailChange(c echo.Context) *view.Form {
	who := signedInAs(c)
	who.ID, who.Label = "account-e", "Present mail address"
	return view.NewForm("/account/security/email", "Change the address", who,
		view.Field{Name: "email", Label: "New mail address", Kind: view.Email, Autocomplete: "email", MaxLength: 190},
		view.Field{Name: "old", Label: "Present password", Kind: view.Password, Autocomplete: "current-password", ID: "old-e"})
}

func (s *Site) security(c echo.Context) error {
	return s.showSecurity(c, http.StatusOK, passwordChange(c), emailChange(c))
}

func (s *Site) showSecurity(c echo.Context, status int, password, address *view.Form) error {
	u, err := s.self(c)
	if err != nil {
		return err
	}
	list, err := s.Auth.ListSessions(c.Request().Context(), string(u.ID))
	if err != nil {
		return err
	}
	page := securityPage{Page: view.Page{Title: "Account", Current: "/account", Failed: status != http.StatusOK}, Tabs: accountTabs(c, "/account/security"),
		Email: u.Email, Verified: !u.Verified.IsZero(), Password: password, Address: address}
	here := thisSession(c)
	for _, one := range list {
		page.Sessions = append(page.Sessions, sessionRow{ID: one.ID, What: browserOf(one.Agent), Where: one.Address, Since: one.Since, This: one.ID == here, StandsIn: one.StandsIn})
	}
	return view.Render(c, status, "portal/security.html", &page)
}

// thisSession is how the list of sessions names the one of this browser: the hash of its cookie.
func thisSession(c echo.Context) string {
	for _, name := range []string{"__Host-session", "session"} {
		if k, err := c.Cookie(name); err == nil && k.Value != "" {
			sum := sha256.Sum256([]byte(k.Value))
			return base64.RawURLEncoding.EncodeToString(sum[:])
		}
	}
	return ""
}

// browserOf shortens what a browser says of itself to what people know.
func browserOf(agent string) string {
	find := func(words ...string) string {
		for _, w := range words {
			if look, name, ok := strings.Cut(w, "="); ok && strings.Contains(agent, look) {
				return name
			}
		}
		return ""
	}
	what := find("Edg/=Edge", "OPR/=Opera", "Firefox/=Firefox", "Chrome/=Chrome", "Safari/=Safari", "curl/=curl")
	on := find("Android=Android", "iPhone=iPhone", "iPad=iPad", "Windows=Windows", "Mac OS X=macOS", "Linux=Linux")
	switch {
	case what != "" && on != "":
		return what + " on " + on
	case what+on != "":
		return what + on
	}
	return "A browser"
}

// changePassword ends every session, and opens a new one here.
func (s *Site) changePassword(c echo.Context) error {
	ctx, a, form := c.Request().Context(), route.Actor(c), passwordChange(c)
	form.Read(c)
	form.Need("old", "password")
	var err error
	if form.OK() {
		err = s.Auth.ChangePassword(ctx, a.User, form.Get("old"), form.Get("password"))
	}
	if form.Failed(err) {
		return s.showSecurity(c, http.StatusUnprocessableEntity, form, emailChange(c))
	}
	if err != nil {
		return err
	}
	fresh, err := s.Auth.ActorOfUser(ctx, a.User, a.Customer)
	if err != nil {
		return err
	}
	if err := route.SignIn(c, fresh); err != nil {
		return err
	}
	return done(c, "/account/security", "The new password is saved. Everywhere else you are signed out.")
}

func (s *Site) changeEmail(c echo.Context) error {
	ctx, a, form := c.Request().Context(), route.Actor(c), emailChange(c)
	form.Read(c)
	form.Need("email", "old")
	var err error
	if form.OK() {
		err = s.Flow.ChangeEmail(ctx, a.User, form.Get("old"), form.Get("email"), s.locale(c))
	}
	if form.Failed(err) {
		return s.showSecurity(c, http.StatusUnprocessableEntity, passwordChange(c), form)
	}
	if err != nil {
		return err
	}
	return done(c, "/account/security", "You sign in with "+auth.Fold(form.Get("email"))+" from now on. A link to confirm it is on its way there.")
}

func (s *Site) sendVerification(c echo.Context) error {
	u, err := s.self(c)
	if err != nil {
		return err
	}
	if !u.Verified.IsZero() {
		return c.Redirect(http.StatusSeeOther, "/account/security")
	}
	return outcome(c, "/account/security", "A link is on its way to "+u.Email+".", s.Flow.SendVerification(c.Request().Context(), u.ID, s.locale(c)))
}

// endSession signs one browser out. That of the reader is what the button in the bar is for, but works here, too.
func (s *Site) endSession(c echo.Context) error {
	u, err := s.self(c)
	if err != nil {
		return err
	}
	err = s.Auth.RevokeSession(c.Request().Context(), string(u.ID), c.Param("id"))
	if fault.KindOf(err) == fault.NotFound {
		err = nil // over already
	}
	return outcome(c, "/account/security", "That browser is signed out.", err)
}
