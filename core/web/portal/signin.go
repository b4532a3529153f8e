package portal

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/fault"
)

func (s *Site) signInRoutes() []route.Route {
	return []route.Route{
		get(SignIn, route.Anyone(), s.askSignIn),
		{Method: http.MethodPost, Path: SignIn, Handler: s.signIn, Who: route.Anyone(), Rate: route.SignInOn},
		post("/sign-out", route.Anyone(), s.signOut),
	}
}

func signInForm(next string) *view.Form {
	return view.NewForm(SignIn, "Sign in",
		view.Field{Name: "email", Label: "Mail address", Kind: view.Email, Autocomplete: "username", Focus: true, MaxLength: 190},
		view.Field{Name: "password", Label: "Password", Kind: view.Password, Autocomplete: "current-password"},
		view.Field{Name: "next", Kind: view.Hidden, Value: next})
}

func (s *Site) signPage(form *view.Form) *view.SignPage {
	return &view.SignPage{Page: view.Page{Title: "Sign in"}, Form: form, Also: []view.Link{
		{Label: "Forgot the password", Link: "/forgot"}, {Label: "No account yet? See what we sell", Link: s.Links.Storefront + "/"}}}
}

// askSignIn shows the form; who is signed in goes on.
func (s *Site) askSignIn(c echo.Context) error {
	if route.Actor(c).Kind == auth.CustomerKind {
		return c.Redirect(http.StatusSeeOther, route.Next(c))
	}
	return view.Render(c, http.StatusOK, "shared/sign-in.html", s.signPage(signInForm(route.Next(c))))
}

func (s *Site) signIn(c echo.Context) error {
	form := signInForm("/")
	form.Read(c)
	form.Need("email", "password")
	if form.OK() {
		u, err := route.SignInUser(c, form.Get("email"), form.Get("password"))
		if err == nil {
			return s.signedIn(c, u)
		}
		if fault.KindOf(err) == fault.NotFound { // disabled between the two: no more than a wrong password
			err = auth.ErrSignIn
		}
		if !form.Failed(err) {
			return err
		}
	}
	page := s.signPage(form)
	page.Failed = true
	return view.Render(c, http.StatusUnprocessableEntity, "shared/sign-in.html", page)
}

// signedIn leads on. Who may act for several customers chooses one first, unless an address was asked for.
func (s *Site) signedIn(c echo.Context, u auth.User) error {
	next := route.Next(c)
	all, err := s.Auth.Accounts(c.Request().Context(), u.ID)
	if err != nil {
		return err
	}
	if len(all) > 1 && next == "/" {
		next = "/accounts"
	}
	return c.Redirect(http.StatusSeeOther, next)
}

func (s *Site) signOut(c echo.Context) error {
	if err := route.SignOut(c); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, SignIn)
}
