package storefront

import (
	"crypto/rand"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
)

func signInForm(next string) *view.Form {
	return view.NewForm("/sign-in", "Sign in",
		view.Field{Name: "email", Label: "Mail address", Kind: view.Email, Autocomplete: "username", MaxLength: 190},
		view.Field{Name: "password", Label: "Password", Kind: view.Password, Autocomplete: "current-password", MaxLength: 200},
		view.Field{Name: "next", Kind: view.Hidden, Value: next})
}

func (s *Site) signInPage(c echo.Context, status int, f *view.Form) error {
	v, err := s.visitOf(c)
	if err != nil {
		return err
	}
	page := &view.SignPage{Page: s.page(v, "Sign in"), Form: f, Also: []view.Link{{Label: "Forgot your password", Link: "/forgot"}}}
	if f.Get("next") == "/checkout" {
		page.Sub = "Your cart stays as it is."
		page.Also = append(page.Also, view.Link{Label: "Order without an account yet", Link: "/checkout"})
	}
	page.NoIndex, page.Failed = true, status >= 400
	return view.Render(c, status, "shared/sign-in.html", page)
}

func (s *Site) askSignIn(c echo.Context) error {
	if route.Actor(c).Person() != "" {
		return c.Redirect(http.StatusSeeOther, route.Next(c))
	}
	return s.signInPage(c, http.StatusOK, signInForm(route.Next(c)))
}

func (s *Site) signIn(c echo.Context) error {
	f := signInForm("/")
	f.Read(c)
	f.Set("next", route.Local(f.Get("next")))
	if f.Need("email", "password"); f.OK() {
		_, err := route.SignInUser(c, f.Get("email"), f.Get("password"))
		if err == nil {
			return c.Redirect(http.StatusSeeOther, f.Get("next"))
		}
		if !f.Failed(err) {
			return err
		}
	}
	return s.signInPage(c, http.StatusUnprocessableEntity, f)
}

func (s *Site) signOut(c echo.Context) error {
	if err := route.SignOut(c); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, route.Next(c))
}

func forgotForm() *view.Form {
	return view.NewForm("/forgot", "Mail me a link", view.Field{Name: "email", Label: "Mail address", Kind: view.Email, Autocomplete: "username", MaxLength: 190})
}

func (s *Site) forgotPage(c echo.Context, status int, f *view.Form) error {
	v, err := s.visitOf(c)
	if err != nil {
		return err
	}
	page := &view.SignPage{Page: s.page(v, "New password"), Form: f, Also: []view.Link{{Label: "Back to sign in", Link: "/sign-in"}}}
	page.Sub, page.NoIndex, page.Failed = "We mail you a link at which you choose a new password.", true, status >= 400
	return view.Render(c, status, "shared/sign-in.html", page)
}

func (s *Site) askForgot(c echo.Context) error {
	return s.forgotPage(c, http.StatusOK, forgotForm())
}

// forgot mails a link to the owner of an address, and says the same if there is none.
func (s *Site) forgot(c echo.Context) error {
	f := forgotForm()
	f.Read(c)
	if f.Need("email"); !f.OK() {
		return s.forgotPage(c, http.StatusUnprocessableEntity, f)
	}
	ctx := c.Request().Context()
	secret, u, ok, err := s.Auth.RequestReset(ctx, f.Get("email"))
	if f.Failed(err) {
		return s.forgotPage(c, http.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	if ok {
		link := s.Links.Portal + "/reset/" + url.PathEscape(secret)
		if err := s.Flow.WriteLink(ctx, "reset", string(u.ID)+"-"+rand.Text()[:8], u.Name, u.Email, view.ReaderOf(c).Locale, link); err != nil {
			return err
		}
	}
	view.Tell(c, view.Good, "If there is an account with this address, a link is on its way to it. It is good for an hour at most.")
	return c.Redirect(http.StatusSeeOther, "/sign-in")
}
