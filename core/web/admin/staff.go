package admin

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
)

func (s *Site) staffRoutes() []route.Route {
	return []route.Route{
		get("/staff", s.staff, auth.StaffSee),
		get("/staff/new", s.askStaff, auth.StaffEdit),
		post("/staff/new", s.addStaff, auth.StaffEdit),
		get("/staff/:id", s.colleague, auth.StaffEdit),
		post("/staff/:id", s.saveColleague, auth.StaffEdit),
		post("/staff/:id/disable", s.disableStaff, auth.StaffEdit),
		post("/staff/:id/enable", s.enableStaff, auth.StaffEdit),
		post("/staff/:id/link", s.mailLink, auth.StaffEdit),
		post("/staff/:id/sign-out", s.signOutStaff, auth.StaffEdit),
	}
}

// staffPage lists who works here.
type staffPage struct {
	view.Page
	Actions []view.Action
	Rows    []staffRow
	CanEdit bool
	Roles   []roleRow
}

// staffRow is a person.
type staffRow struct {
	Link, Name, Email, Role string
	Off, Self               bool
	Created, LastSeen       time.Time
}

// roleRow is a role and what it may.
type roleRow struct {
	Name, Text string
	Rights     []string
}

var roleTexts = map[string]string{
	auth.RoleAdmin:    "Everything, settings and colleagues included.",
	auth.RoleBilling:  "Money: invoices, payments, refunds, coupons, the daily run. No catalog, no settings.",
	auth.RoleSupport:  "Customers and their services: suspend, reveal, act in a customer's place. No money.",
	auth.RoleReadOnly: "Sees, changes nothing.",
}

func (s *Site) staff(c echo.Context) error {
	list, err := s.Auth.ListStaff(c.Request().Context())
	if err != nil {
		return err
	}
	page := &staffPage{Page: view.Page{Title: "Staff", Current: "/staff"}, CanEdit: can(c, auth.StaffEdit)}
	if page.CanEdit {
		page.Actions = []view.Action{{Label: "New colleague", Link: "/staff/new", Icon: "user-plus", Primary: true, Key: "n"}}
	}
	for _, m := range list {
		row := staffRow{Name: m.Name, Email: m.Email, Role: title(plain(m.Role)), Off: m.Status == auth.Disabled, Self: m.ID == route.Actor(c).Staff, Created: m.Created, LastSeen: m.LastSeen}
		if page.CanEdit {
			row.Link = "/staff/" + string(m.ID)
		}
		page.Rows = append(page.Rows, row)
	}
	for _, role := range []string{auth.RoleAdmin, auth.RoleBilling, auth.RoleSupport, auth.RoleReadOnly} {
		row := roleRow{Name: title(plain(role)), Text: roleTexts[role]}
		for _, r := range auth.RightsOf(auth.StaffKind, role) {
			row.Rights = append(row.Rights, string(r))
		}
		page.Roles = append(page.Roles, row)
	}
	return view.Render(c, http.StatusOK, "admin/staff.html", page)
}

func roleChoices() []view.Choice {
	var out []view.Choice
	for _, role := range []string{auth.RoleReadOnly, auth.RoleSupport, auth.RoleBilling, auth.RoleAdmin} {
		out = append(out, view.Choice{Value: role, Label: title(plain(role)), Help: roleTexts[role]})
	}
	return out
}

func staffForm() *view.Form {
	f := view.NewForm("/staff/new", "Add colleague",
		view.Field{Name: "name", Label: "Name", MaxLength: 120, Focus: true},
		view.Field{Name: "email", Label: "Mail address", Kind: view.Email, MaxLength: 190, Help: "A link to choose a password goes there."},
		view.Field{Name: "role", Label: "Role", Kind: view.Radio, Value: auth.RoleReadOnly, Options: roleChoices(), Wide: true})
	f.Columns, f.Cancel = 2, "/staff"
	return f
}

var newStaffPage = view.Page{Title: "New colleague", Current: "/staff", Crumbs: []view.Link{{Label: "Staff", Link: "/staff"}}}

func (s *Site) askStaff(c echo.Context) error {
	return formPage(c, http.StatusOK, newStaffPage, staffForm())
}

func (s *Site) addStaff(c echo.Context) error {
	f := staffForm()
	f.Read(c)
	f.Need("name", "email")
	var m auth.Staff
	var err error
	if f.OK() {
		m, err = s.Auth.CreateStaff(c.Request().Context(), auth.NewStaff{Email: f.Get("email"), Name: f.Get("name"), Role: f.Get("role")})
	}
	if f.Failed(err) {
		return formPage(c, http.StatusUnprocessableEntity, newStaffPage, f)
	}
	if err != nil {
		return err
	}
	if err := s.sendLink(c, m); err != nil {
		view.Tell(c, view.Soon, m.Name+" was added, but the mail with the link could not be written. Send it from this page.")
		return c.Redirect(http.StatusSeeOther, "/staff/"+string(m.ID))
	}
	return done(c, "/staff", m.Name+" was added. A link to choose a password is on its way to "+m.Email+".")
}

// sendLink mails a link by which a password is chosen.
func (s *Site) sendLink(c echo.Context, m auth.Staff) error {
	ctx := c.Request().Context()
	secret, _, ok, err := s.Auth.RequestStaffReset(ctx, m.Email)
	if err != nil || !ok {
		return err
	}
	return s.Flow.WriteLink(ctx, "reset", string(m.ID)+":"+key().Value, m.Name, m.Email, "en", s.Links.Admin+"/reset/"+secret)
}

// colleaguePage is a person with what may be done.
type colleaguePage struct {
	view.Page
	Form     *view.Form
	Off      bool
	Asks     []view.Confirm
	Actions  []view.Action
	Facts    []view.Fact
	Sessions []auth.SessionInfo
}

func colleagueForm(m auth.Staff) *view.Form {
	f := view.NewForm("/staff/"+string(m.ID), "Save", view.Field{Name: "name", Label: "Name", Value: m.Name, MaxLength: 120},
		view.Field{Name: "role", Label: "Role", Kind: view.Radio, Value: m.Role, Options: roleChoices()})
	f.Cancel = "/staff"
	return f
}

// staffOf reads the person of the address.
func (s *Site) staffOf(c echo.Context) (auth.Staff, error) {
	id, err := param[ids.Staff](c)
	if err != nil {
		return auth.Staff{}, err
	}
	return s.Auth.Staff(c.Request().Context(), id)
}

func (s *Site) colleague(c echo.Context) error {
	m, err := s.staffOf(c)
	if err != nil {
		return err
	}
	return s.drawColleague(c, http.StatusOK, m, colleagueForm(m))
}

func (s *Site) drawColleague(c echo.Context, status int, m auth.Staff, f *view.Form) error {
	page := &colleaguePage{Page: view.Page{Title: m.Name, Sub: m.Email, Current: "/staff", Crumbs: []view.Link{{Label: "Staff", Link: "/staff"}}, Failed: !f.OK()}, Form: f, Off: m.Status == auth.Disabled}
	here := "/staff/" + string(m.ID)
	sessions, err := s.Auth.ListSessions(c.Request().Context(), string(m.ID))
	if err != nil {
		return err
	}
	page.Sessions = sessions
	page.Facts = []view.Fact{{Label: "Last sign-in", Value: m.LastSeen}, {Label: "Since", Value: m.Created}, {Label: "Browsers signed in", Value: len(sessions)}, {Label: "ID", Value: string(m.ID), Mono: true, Copy: true}}
	if page.Off {
		page.Actions = []view.Action{{Label: "Let in again", Link: here + "/enable", Icon: "user", Post: true}}
	} else {
		page.Asks = append(page.Asks, view.Confirm{Label: "Mail a password link", Title: "Mail a link to choose a new password?", Text: "It goes to " + m.Email + ", is good once, and replaces earlier ones.", Action: here + "/link", Submit: "Mail the link"})
		if len(sessions) > 0 {
			page.Asks = append(page.Asks, view.Confirm{Label: "Sign out everywhere", Title: "Sign " + m.Name + " out everywhere?", Action: here + "/sign-out", Submit: "Sign out"})
		}
		if m.ID != route.Actor(c).Staff {
			page.Asks = append(page.Asks, view.Confirm{Label: "Disable", Title: "Disable " + m.Name + "?", Text: "Every session and token ends at once. The trail keeps the name.", Action: here + "/disable", Submit: "Disable " + m.Name, Danger: true})
		}
	}
	return view.Render(c, status, "admin/colleague.html", page)
}

func (s *Site) saveColleague(c echo.Context) error {
	m, err := s.staffOf(c)
	if err != nil {
		return err
	}
	f := colleagueForm(m)
	f.Read(c)
	if f.OK() {
		err = s.Auth.ChangeStaff(c.Request().Context(), m.ID, f.Get("name"), f.Get("role"))
	}
	if f.Failed(err) {
		return s.drawColleague(c, http.StatusUnprocessableEntity, m, f)
	}
	if err != nil {
		return err
	}
	return done(c, "/staff/"+string(m.ID), "Saved. It counts from the next click of "+m.Name+".")
}

func (s *Site) disableStaff(c echo.Context) error {
	m, err := s.staffOf(c)
	if err != nil {
		return err
	}
	return outcome(c, "/staff/"+string(m.ID), m.Name+" cannot sign in any more.", s.Auth.SetStaffStatus(c.Request().Context(), m.ID, auth.Disable))
}

func (s *Site) enableStaff(c echo.Context) error {
	m, err := s.staffOf(c)
	if err != nil {
		return err
	}
	return outcome(c, "/staff/"+string(m.ID), m.Name+" may sign in again.", s.Auth.SetStaffStatus(c.Request().Context(), m.ID, auth.Enable))
}

func (s *Site) mailLink(c echo.Context) error {
	m, err := s.staffOf(c)
	if err != nil {
		return err
	}
	return outcome(c, "/staff/"+string(m.ID), "A link is on its way to "+m.Email+".", s.sendLink(c, m))
}

func (s *Site) signOutStaff(c echo.Context) error {
	m, err := s.staffOf(c)
	if err != nil {
		return err
	}
	return outcome(c, "/staff/"+string(m.ID), m.Name+" is signed out everywhere.", s.Auth.RevokeSessions(c.Request().Context(), string(m.ID)))
}
