package route

import (
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/view"
)

// PassTo is the address at which another of our sites takes a pass of auth.NewPass or auth.StandIn; from there it
// leads on to next, a path of that site.
func PassTo(c echo.Context, name, secret, next string) (string, error) {
	s := siteOf(c)
	if s == nil || s.web.byName[name] == nil || s.web.byName[name].Enter == "" {
		return "", errRealm
	}
	to := s.web.byName[name]
	return to.base + to.Enter + "?" + url.Values{"pass": {secret}, "next": {Local(next)}}.Encode(), nil
}

// askEnter takes a pass at once from a page of ours, and for whom is signed in here already. From anywhere else it asks first: somebody may be tricked into a
// session that is not his.
func (s *site) askEnter(c echo.Context) error {
	if from := c.Request().Header.Get("Sec-Fetch-Site"); c.Request().Method == http.MethodGet && (from == "same-origin" || from == "same-site") {
		return s.enter(c)
	}
	secret := c.QueryParam("pass")
	p, err := s.web.deps.Auth.SeePass(c.Request().Context(), secret)
	if err != nil {
		return err
	}
	a, err := s.passenger(c, p)
	if err != nil {
		return err
	}
	if now := Actor(c); p.Staff == "" && now.Staff == "" && now.User != "" && now.User == a.User && now.Customer == a.Customer && c.Request().Method == http.MethodGet { // signed in as the same already
		return s.enter(c)
	}
	page := view.SignPage{
		Page: view.Page{Title: "Continue as " + a.Name, Sub: "You are about to be signed in as " + a.Email + ".", NoIndex: true},
		Form: view.NewForm(s.Enter, "Continue", view.Field{Name: "pass", Kind: view.Hidden, Value: secret}, view.Field{Name: "next", Kind: view.Hidden, Value: Next(c)}),
		Also: []view.Link{{Label: "Do not continue", Link: "/"}},
	}
	return view.Render(c, http.StatusOK, "shared/sign-in.html", &page)
}

func (s *site) passenger(c echo.Context, p auth.Pass) (auth.Actor, error) {
	if p.Staff != "" {
		return s.web.deps.Auth.ActorStandingIn(c.Request().Context(), p.Staff, p.Customer)
	}
	return s.web.deps.Auth.ActorOfUser(c.Request().Context(), p.User, p.Customer)
}

func (s *site) enter(c echo.Context) error {
	p, err := s.web.deps.Auth.TakePass(c.Request().Context(), c.FormValue("pass"))
	if err != nil {
		return err
	}
	a, err := s.passenger(c, p)
	if err != nil {
		return err
	}
	if err := SignIn(c, a); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, Next(c))
}
