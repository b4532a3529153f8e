package admin

import (
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
)

func (s *Site) signRoutes() []route.Route {
	return []route.Route{
		{Method: http.MethodGet, Path: "/sign-in", Handler: s.signInPage, Who: route.Anyone(), Rate: route.Page},
		{Method: http.MethodPost, Path: "/sign-in", Handler: s.signIn, Who: route.Anyone(), Rate: route.SignInOn},
		{Method: http.MethodPost, Path: "/sign-out", Handler: s.signOut, Who: route.SignedIn(), Rate: route.Page},
		{Method: http.MethodGet, Path: "/forgot", Handler: s.forgotPage, Who: route.Anyone(), Rate: route.Page},
		{Method: http.MethodPost, Path: "/forgot", Handler: s.forgot, Who: route.Anyone(), Rate: route.Code},
		{Method: http.MethodGet, Path: "/reset/:token", Handler: s.resetPage, Who: route.Anyone(), Rate: route.Page},
		{Method: http.MethodPost, Path: "/reset/:token", Handler: s.reset, Who: route.Anyone(), Rate: route.Code},
		{Method: http.MethodGet, Path: "/account", Handler: s.accountPage, Who: route.SignedIn(), Rate: route.Page},
		{Method: http.MethodPost, Path: "/account", Handler: s.changePassword, Who: route.SignedIn(), Rate: route.SignInOn},
	}
}

func signInForm(next string) *view.Form {
	return view.NewForm("/sign-in", "Sign in",
		view.Field{Name: "email", Label: "Email", Kind: view.Email, Autocomplete: "username", Focus: true},
		view.Field{Name: "password", Label: "Password", Kind: view.Password, Autocomplete: "current-password"},
		view.Field{Name: "next", Kind: view.Hidden, Value: next},
	)
}

func signInAgain(c echo.Context, status int, f *view.Form) error {
	return view.Render(c, status, "shared/sign-in.html", &view.SignPage{
		Page: view.Page{Title: "Sign in", Sub: "For people who work here.", Failed: status != http.StatusOK}, Form: f,
		Also: []view.Link{{Label: "Forgot your password", Link: "/forgot"}},
	})
}

func (s *Site) signInPage(c echo.Context) error {
	if route.Actor(c).Kind == auth.StaffKind {
		return c.Redirect(http.StatusSeeOther, route.Next(c))
	}
	return signInAgain(c, http.StatusOK, signInForm(route.Next(c)))
}

func (s *Site) signIn(c echo.Context) error {
	f := signInForm("")
	f.Read(c)
	f.Need("email", "password")
	var err error
	if f.OK() {
		_, err = route.SignInStaff(c, f.Get("email"), f.Get("password"))
	}
	if f.Failed(err) {
		return signInAgain(c, http.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, route.Next(c))
}

func (s *Site) signOut(c echo.Context) error {
	if err := route.SignOut(c); err != nil {
		return err
	}
	return done(c, "/sign-in", "You are signed out.")
}

func forgotForm() *view.Form {
	return view.NewForm("/forgot", "Send the link", view.Field{Name: "email", Label: "Email", Kind: view.Email, Autocomplete: "username", Focus: true})
}

func forgotAgain(c echo.Context, status int, f *view.Form) error {
	return view.Render(c, status, "shared/sign-in.html", &view.SignPage{
		Page: view.Page{Title: "Choose a new password", Sub: "We mail you a link that opens the form, once.", Failed: status != http.StatusOK}, Form: f,
		Also: []view.Link{{Label: "Sign in", Link: "/sign-in"}},
	})
}

func (s *Site) forgotPage(c echo.Context) error { return forgotAgain(c, http.StatusOK, forgotForm()) }

// forgot says the same whether or not there is somebody with that address.
func (s *Site) forgot(c echo.Context) error {
	f := forgotForm()
	f.Read(c)
	f.Need("email")
	if !f.OK() {
		return forgotAgain(c, http.StatusUnprocessableEntity, f)
	}
	ctx := c.Request().Context()
	secret, m, ok, err := s.Auth.RequestStaffReset(ctx, f.Get("email"))
	if err != nil {
		return err
	}
	if ok {
		if err := s.Flow.WriteLink(ctx, "reset", string(m.ID)+":"+rand.Text(), m.Name, m.Email, "en", s.Links.Admin+"/reset/"+secret); err != nil {
			return err
		}
	}
	view.Tell(c, view.Note, "If somebody with this address works here, a link is on its way.")
	return c.Redirect(http.StatusSeeOther, "/sign-in")
}

func resetForm(token string) *view.Form {
	return view.NewForm("/reset/"+url.PathEscape(token), "Set password",
		view.Field{Name: "password", Label: "New password", Kind: view.Password, Autocomplete: "new-password", Help: "At least 10 characters.", Focus: true})
}

func resetAgain(c echo.Context, status int, f *view.Form) error {
	return view.Render(c, status, "shared/sign-in.html", &view.SignPage{
		Page: view.Page{Title: "Choose a new password", Sub: "Every session that is open ends with it.", Failed: status != http.StatusOK}, Form: f})
}

// resetPage opens the form; a link that is over leads to asking for another one.
func (s *Site) resetPage(c echo.Context) error {
	err := s.Auth.CanReset(c.Request().Context(), c.Param("token"))
	if errors.Is(err, auth.ErrLink) {
		return refused(c, "/forgot", err)
	}
	if err != nil {
		return err
	}
	return resetAgain(c, http.StatusOK, resetForm(c.Param("token")))
}

func (s *Site) reset(c echo.Context) error {
	f := resetForm(c.Param("token"))
	f.Read(c)
	f.Need("password")
	var err error
	if f.OK() {
		_, err = s.Auth.ResetStaff(c.Request().Context(), c.Param("token"), f.Get("password"))
	}
	if errors.Is(err, auth.ErrLink) {
		return refused(c, "/forgot", err)
	}
	if f.Failed(err) {
		return resetAgain(c, http.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	return done(c, "/sign-in", "Your new password is set. Sign in with it.")
}

func accountForm(c echo.Context) *view.Form {
	return view.NewForm("/account", "Change password",
		view.Field{Name: "email", Label: "Email", Kind: view.Email, Value: route.Actor(c).Email, ReadOnly: true, Autocomplete: "username"},
		view.Field{Name: "old", Label: "Password now", Kind: view.Password, Autocomplete: "current-password"},
		view.Field{Name: "password", Label: "New password", Kind: view.Password, Autocomplete: "new-password", Help: "At least 10 characters. Every other session ends."},
	)
}

func accountAgain(c echo.Context, status int, f *view.Form) error {
	a := route.Actor(c)
	return view.Render(c, status, "shared/form-admin.html", &view.FormPage{
		Page: view.Page{Title: "Your account", Sub: a.Name + ", " + plain(a.Role), Failed: status != http.StatusOK}, Form: f})
}

func (s *Site) accountPage(c echo.Context) error {
	return accountAgain(c, http.StatusOK, accountForm(c))
}

func (s *Site) changePassword(c echo.Context) error {
	f := accountForm(c)
	f.Read(c)
	f.Need("old", "password")
	var err error
	if f.OK() {
		err = s.Auth.ChangeStaffPassword(c.Request().Context(), route.Actor(c).Staff, f.Get("old"), f.Get("password"))
	}
	if f.Failed(err) {
		return accountAgain(c, http.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	if err := route.SignIn(c, route.Actor(c)); err != nil {
		return err
	}
	return done(c, "/account", "Your password is changed. You are signed out everywhere else.")
}
