package portal

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/contact/notify"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
)

func (s *Site) mailsRoutes() []route.Route {
	return []route.Route{
		get("/account/mails", route.Customer(auth.MailSee), s.mails),
		get("/account/mails/:id", route.Customer(auth.MailSee), s.mail),
	}
}

// mailsPage lists the mails that a customer was sent.
type mailsPage struct {
	view.Page
	Tabs  []view.Tab
	List  view.Toolbar
	Rows  []mailRow // newest first
	Pager view.Pager
	Any   bool
}

// mailRow is one mail.
type mailRow struct {
	ID    ids.Mail
	Title string
	To    string
	At    time.Time
	State string
	Lost  bool // it did not arrive
}

// mailPage is one mail, as text: what is in its HTML is drawn by mail programs, not here.
type mailPage struct {
	view.Page
	To    string
	At    time.Time
	State string
	Text  string
}

func (s *Site) mails(c echo.Context) error {
	f := notify.Filter{Customer: customerOf(c), Channel: notify.Mail, Query: c.QueryParam("q"), After: c.QueryParam("after"), Limit: 25}
	list, err := s.Notify.List(c.Request().Context(), f)
	if err != nil {
		return err
	}
	page := mailsPage{Page: view.Page{Title: "Account", Current: "/account"}, Tabs: accountTabs(c, "/account/mails"), Any: list.Total > 0 || f.Query != "",
		List: view.Toolbar{Action: "/account/mails", Search: f.Query, Hint: "Subject"}, Pager: pagerOf(c, len(list.List), list.Total, list.Next)}
	for _, m := range list.List {
		page.Rows = append(page.Rows, mailRow{ID: m.ID, Title: m.Title, To: m.To, At: sentAt(m), State: mailState(m.State), Lost: m.State == notify.Bounced || m.State == notify.Failed})
	}
	return view.Render(c, http.StatusOK, "portal/mails.html", &page)
}

func sentAt(m notify.Entry) time.Time {
	if m.Sent.IsZero() {
		return m.Created
	}
	return m.Sent
}

// mailState is the word of a job for how a mail stands.
func mailState(state notify.State) string {
	switch state {
	case notify.Sending, notify.Unsure:
		return "queued"
	case notify.Bounced:
		return "failed"
	}
	return string(state)
}

func (s *Site) mail(c echo.Context) error {
	id, err := idOf[ids.Mail](c, "id")
	if err != nil {
		return err
	}
	m, err := s.Notify.Get(c.Request().Context(), id)
	if err != nil {
		return err
	}
	if m.Customer == "" || m.Customer != customerOf(c) || m.Channel != notify.Mail {
		return notify.ErrNotFound
	}
	page := mailPage{Page: view.Page{Title: m.Title, Current: "/account", Crumbs: []view.Link{{Label: "Mails", Link: "/account/mails"}}}, To: m.To, At: sentAt(m), State: mailState(m.State), Text: m.Text}
	return view.Render(c, http.StatusOK, "portal/mail.html", &page)
}
