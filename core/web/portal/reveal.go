package portal

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/hosting/provision"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
)

func (s *Site) revealRoutes() []route.Route {
	return []route.Route{
		get("/services/:id/reveal", route.Customer(auth.ServiceReveal), s.askReveal),
		post("/services/:id/reveal", route.Customer(auth.ServiceReveal), s.reveal),
		get("/services/:id/password", route.Customer(auth.ServiceControl), s.askPassword),
		post("/services/:id/password", route.Customer(auth.ServiceControl), s.newPassword),
	}
}

// revealPage asks for the person's own password, then shows credentials: once.
type revealPage struct {
	view.Page
	ID   ids.Subscription
	Form *view.Form
	Ways []way // nil: nothing is shown yet
}

// way is one way into an account.
type way struct{ Label, Host, URL, User, Secret string }

// ownService loads the service of the address, for the customer that is acted for.
func (s *Site) ownService(c echo.Context) (subscription.Subscription, error) {
	id, err := idOf[ids.Subscription](c, "id")
	if err != nil {
		return subscription.Subscription{}, err
	}
	return s.Subscriptions.GetFor(c.Request().Context(), customerOf(c), id)
}

func below(sub subscription.Subscription, title string) view.Page {
	return view.Page{Title: title, Current: "/services", Crumbs: []view.Link{{Label: "Services", Link: "/services"}, {Label: sub.Label, Link: "/services/" + string(sub.ID)}}}
}

func revealOf(c echo.Context, sub subscription.Subscription) *revealPage {
	form := view.NewForm("/services/"+string(sub.ID)+"/reveal", "Reveal once", signedInAs(c),
		view.Field{Name: "old", Label: "Your password", Kind: view.Password, Autocomplete: "current-password", Focus: true, Help: "That of your account here, not of the server."})
	form.Cancel = "/services/" + string(sub.ID)
	return &revealPage{Page: below(sub, "Reveal the credentials"), ID: sub.ID, Form: form}
}

func (s *Site) askReveal(c echo.Context) error {
	sub, err := s.ownService(c)
	if err != nil {
		return err
	}
	return view.Render(c, http.StatusOK, "portal/reveal.html", revealOf(c, sub))
}

func (s *Site) reveal(c echo.Context) error {
	sub, err := s.ownService(c)
	if err != nil {
		return err
	}
	ctx, page := c.Request().Context(), revealOf(c, sub)
	page.Form.Read(c)
	page.Form.Need("old")
	var ways []provision.Credential
	if page.Form.OK() {
		if err = s.confirm(c, page.Form.Get("old")); err == nil {
			ways, err = s.Flow.Reveal(ctx, sub.Customer, sub.ID)
		}
	}
	if page.Form.Failed(err) {
		page.Failed = true
		return view.Render(c, http.StatusUnprocessableEntity, "portal/reveal.html", page)
	}
	if err != nil {
		return err
	}
	page.Title = "Credentials"
	for _, w := range ways {
		page.Ways = append(page.Ways, way{Label: w.Label, Host: w.Host, URL: w.URL, User: w.Username, Secret: w.Secret})
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return view.Render(c, http.StatusOK, "portal/reveal.html", page)
}

func passwordForm(c echo.Context, sub subscription.Subscription) *view.Form {
	form := view.NewForm("/services/"+string(sub.ID)+"/password", "Set a new password", signedInAs(c),
		view.Field{Name: "old", Label: "Your password", Kind: view.Password, Autocomplete: "current-password", Focus: true, Help: "That of your account here, not of the server."},
		view.Field{Name: "key", Kind: view.Hidden, Value: newKey()})
	form.Cancel = "/services/" + string(sub.ID)
	return form
}

func (s *Site) askPassword(c echo.Context) error {
	sub, err := s.ownService(c)
	if err != nil {
		return err
	}
	return view.Render(c, http.StatusOK, "shared/form-portal.html", passwordPage(sub, passwordForm(c, sub)))
}

func passwordPage(sub subscription.Subscription, form *view.Form) *view.FormPage {
	page := &view.FormPage{Page: below(sub, "New password for "+sub.Label), Form: form}
	page.Sub = "The present one stops working. You reveal the new one on the page of the service."
	return page
}

func (s *Site) newPassword(c echo.Context) error {
	sub, err := s.ownService(c)
	if err != nil {
		return err
	}
	ctx, form := c.Request().Context(), passwordForm(c, sub)
	form.Read(c)
	form.Need("old")
	if form.OK() {
		if err = s.confirm(c, form.Get("old")); err == nil {
			err = s.Flow.ResetPassword(ctx, sub.Customer, sub.ID, form.Get("key"))
		}
	}
	if form.Failed(err) {
		page := passwordPage(sub, form)
		page.Failed = true
		return view.Render(c, http.StatusUnprocessableEntity, "shared/form-portal.html", page)
	}
	if err != nil {
		return err
	}
	return done(c, "/services/"+string(sub.ID), "A new password is being set. In a minute it can be revealed here.")
}

// confirm asks who is signed in for the password once more.
func (s *Site) confirm(c echo.Context, password string) error {
	return s.Auth.ConfirmPassword(c.Request().Context(), route.Actor(c).User, password)
}

// signedInAs says whose password is asked for, to people and to password managers.
func signedInAs(c echo.Context) view.Field {
	return view.Field{Name: "account", Label: "Your account", Value: route.Actor(c).Email, Autocomplete: "username", ReadOnly: true}
}
