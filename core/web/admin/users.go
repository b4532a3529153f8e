package admin

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
)

// usersRoutes are what staff does with the people who may sign in for a customer; they are shown on its page.
func (s *Site) usersRoutes() []route.Route {
	return []route.Route{
		get("/customers/:id/users/new", s.invitePage, auth.UserEdit),
		post("/customers/:id/users/new", s.invite, auth.UserEdit),
		post("/customers/:id/users/:user/role", s.changeUserRole, auth.UserEdit),
		post("/customers/:id/users/:user/disable", s.disableUser, auth.UserEdit),
		post("/customers/:id/users/:user/enable", s.enableUser, auth.UserEdit),
	}
}

// userRoles are the choices of a role, with what each may.
func userRoles() []view.Choice {
	means := map[string]string{auth.RoleOwner: "everything", auth.RoleBilling: "invoices, payments, orders", auth.RoleTechnical: "servers and tickets", auth.RoleReadOnly: "sees, changes nothing"}
	var out []view.Choice
	for _, r := range []string{auth.RoleOwner, auth.RoleBilling, auth.RoleTechnical, auth.RoleReadOnly} {
		out = append(out, view.Choice{Value: r, Label: plain(r), Help: means[r]})
	}
	return out
}

func inviteForm(here string) *view.Form {
	f := view.NewForm(here+"/users/new", "Invite",
		view.Field{Name: "email", Label: "Email", Kind: view.Email, MaxLength: 190, Focus: true},
		view.Field{Name: "name", Label: "Name", MaxLength: 120},
		view.Field{Name: "role", Label: "Role", Kind: view.Select, Value: auth.RoleOwner, Options: userRoles()},
	)
	f.Cancel = here + "?tab=users"
	return f
}

func (s *Site) inviteAgain(c echo.Context, status int, id ids.Customer, f *view.Form) error {
	cus, err := s.Customers.Get(c.Request().Context(), id)
	if err != nil {
		return err
	}
	return view.Render(c, status, "shared/form-admin.html", &view.FormPage{Page: view.Page{
		Title: "Invite a person", Sub: "Somebody new gets a link to choose a password. Who has an account may act for " + cus.Name() + " at once.", Failed: status != http.StatusOK, Current: "/customers",
		Crumbs: []view.Link{{Label: "Customers", Link: "/customers"}, {Label: cus.Name(), Link: "/customers/" + string(id)}}}, Form: f})
}

func (s *Site) invitePage(c echo.Context) error {
	id, err := idOf[ids.Customer](c)
	if err != nil {
		return err
	}
	return s.inviteAgain(c, http.StatusOK, id, inviteForm("/customers/"+string(id)))
}

func (s *Site) invite(c echo.Context) error {
	id, err := idOf[ids.Customer](c)
	if err != nil {
		return err
	}
	here := "/customers/" + string(id)
	f := inviteForm(here)
	f.Read(c)
	f.Need("email", "name")
	var u auth.User
	if f.OK() {
		u, err = s.Flow.Invite(c.Request().Context(), flow.InviteIn{Customer: id, Email: f.Get("email"), Name: f.Get("name"), Role: f.Get("role")})
	}
	if f.Failed(err) {
		return s.inviteAgain(c, http.StatusUnprocessableEntity, id, f)
	}
	if err != nil {
		return err
	}
	return done(c, here+"?tab=users", u.Name+" may act for this customer now.")
}

// userAct does something with a user of the customer of the address.
func (s *Site) userAct(c echo.Context, text string, act func(ids.User, ids.Customer) error) error {
	id, err := idOf[ids.Customer](c)
	if err != nil {
		return err
	}
	user, err := ids.Parse[ids.User](c.Param("user"))
	if err != nil {
		return err
	}
	return outcome(c, "/customers/"+string(id)+"?tab=users", text, act(user, id))
}

// changeUserRole gives a user another role; the role "none" takes the customer away.
func (s *Site) changeUserRole(c echo.Context) error {
	role := strings.TrimPrefix(c.FormValue("role"), "none")
	return s.userAct(c, yesno(role == "", "That person no longer acts for this customer.", "The role is changed."), func(u ids.User, id ids.Customer) error {
		return s.Auth.ChangeRole(c.Request().Context(), u, id, role)
	})
}

func (s *Site) disableUser(c echo.Context) error {
	return s.userAct(c, "That account is off; every session of it is over.", func(u ids.User, _ ids.Customer) error {
		return s.Auth.SetUserStatus(c.Request().Context(), u, auth.Disable)
	})
}

func (s *Site) enableUser(c echo.Context) error {
	return s.userAct(c, "That account is on again.", func(u ids.User, _ ids.Customer) error {
		return s.Auth.SetUserStatus(c.Request().Context(), u, auth.Enable)
	})
}
