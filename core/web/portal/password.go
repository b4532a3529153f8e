package portal

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
)

func (s *Site) passwordRoutes() []route.Route {
	return []route.Route{
		get("/forgot", route.Anyone(), s.askForgot),
		{Method: http.MethodPost, Path: "/forgot", Handler: s.forgot, Who: route.Anyone(), Rate: route.Code},
		get("/reset/:token", route.Anyone(), s.askReset),
		{Method: http.MethodPost, Path: "/reset/:token", Handler: s.reset, Who: route.Anyone(), Rate: route.Code},
		get("/verify/:token", route.Anyone(), s.askVerify),
		{Method: http.MethodPost, Path: "/verify/:token", Handler: s.verify, Who: route.Anyone(), Rate: route.Code},
	}
}

func forgotPage() *view.SignPage {
	form := view.NewForm("/forgot", "Send the link", view.Field{Name: "email", Label: "Mail address", Kind: view.Email, Autocomplete: "username", Focus: true, MaxLength: 190})
	return &view.SignPage{Page: view.Page{Title: "New password", Sub: "We mail you a link that is good for an hour."}, Form: form, Also: []view.Link{{Label: "Sign in", Link: SignIn}}}
}

func (s *Site) askForgot(c echo.Context) error {
	return view.Render(c, http.StatusOK, "shared/sign-in.html", forgotPage())
}

// forgot says the same whether or not there is such an address.
func (s *Site) forgot(c echo.Context) error {
	page := forgotPage()
	page.Form.Read(c)
	page.Form.Need("email")
	if !page.Form.OK() {
		page.Failed = true
		return view.Render(c, http.StatusUnprocessableEntity, "shared/sign-in.html", page)
	}
	if err := s.Flow.SendReset(c.Request().Context(), page.Form.Get("email"), s.locale(c)); err != nil {
		return err
	}
	view.Tell(c, view.Note, "If we know this address, a link is on its way to it. It comes within a minute; look into the spam folder, too.")
	return c.Redirect(http.StatusSeeOther, SignIn)
}

func (s *Site) locale(c echo.Context) string {
	if r := view.ReaderOf(c); r != nil {
		return r.Locale
	}
	return s.Locale
}

func resetPage(token string) *view.SignPage {
	form := view.NewForm("/reset/"+token, "Save the password",
		view.Field{Name: "password", Label: "New password", Kind: view.Password, Autocomplete: "new-password", Focus: true, Help: "At least 10 letters. A sentence is good."})
	return &view.SignPage{Page: view.Page{Title: "Choose a new password", Sub: "You are signed out everywhere else."}, Form: form, Also: []view.Link{{Label: "Send another link", Link: "/forgot"}}}
}

func (s *Site) askReset(c echo.Context) error {
	token := c.Param("token")
	if err := s.Auth.CanReset(c.Request().Context(), token); err != nil {
		return s.linkOver(c, err)
	}
	private(c)
	return view.Render(c, http.StatusOK, "shared/sign-in.html", resetPage(token))
}

func (s *Site) reset(c echo.Context) error {
	page := resetPage(c.Param("token"))
	page.Form.Read(c)
	page.Form.Need("password")
	private(c)
	if page.Form.OK() {
		_, err := s.Auth.Reset(c.Request().Context(), c.Param("token"), page.Form.Get("password"))
		if err == nil {
			return done(c, SignIn, "The new password is saved. Sign in with it.")
		}
		if isOver(err) {
			return s.linkOver(c, err)
		}
		if !page.Form.Failed(err) {
			return err
		}
	}
	page.Failed = true
	return view.Render(c, http.StatusUnprocessableEntity, "shared/sign-in.html", page)
}

// askVerify shows a button: programs that look into mails open links, and must not use them up.
func (s *Site) askVerify(c echo.Context) error {
	private(c)
	form := view.NewForm("/verify/"+c.Param("token"), "Confirm the address")
	return view.Render(c, http.StatusOK, "shared/sign-in.html", &view.SignPage{Page: view.Page{Title: "Confirm your mail address", Sub: "One press, and we know that it is yours."}, Form: form})
}

func (s *Site) verify(c echo.Context) error {
	u, err := s.Auth.VerifyEmail(c.Request().Context(), c.Param("token"))
	if err != nil {
		return s.linkOver(c, err)
	}
	return done(c, "/", u.Email+" is confirmed.")
}

func isOver(err error) bool { return errors.Is(err, auth.ErrLink) }

// linkOver says that a mailed link opens nothing any more, and where to get another.
func (s *Site) linkOver(c echo.Context, err error) error {
	if !isOver(err) {
		return err
	}
	view.Tell(c, view.Soon, "This link was used before or is too old. Ask for a new one.")
	return c.Redirect(http.StatusSeeOther, "/forgot")
}

// private keeps a page whose address is a secret out of caches.
func private(c echo.Context) { c.Response().Header().Set("Cache-Control", "no-store") }
