package admin

import (
	"context"
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
		get("/mails", s.mails, auth.MailSee),
		get("/mails/:id", s.mail, auth.MailSee),
		post("/mails/:id/resend", s.resend, auth.MailSend),
	}
}

// mailsPage is the log of what was said.
type mailsPage struct {
	view.Page
	Tabs  []view.Tab
	List  view.Toolbar
	Rows  []messageRow
	Pager view.Pager
	Empty emptyText
}

// messageRow is a message.
type messageRow struct {
	Link, Title, To string
	Customer, Owner string // name, address of the page
	Channel, State  string
	Template, Error string
	Created         time.Time
}

var unsent = []notify.State{notify.Failed, notify.Unsure, notify.Bounced}

func (s *Site) mails(c echo.Context) error {
	ctx, a := c.Request().Context(), ask(c)
	f := notify.Filter{Query: a.search(), After: a.after(), Channel: one(a, "channel", notify.Mail, notify.Post)}
	f.Customer, _ = ids.Parse[ids.Customer](a.get("customer"))
	all := []notify.State{notify.Queued, notify.Sending, notify.Sent, notify.Failed, notify.Unsure, notify.Bounced}
	if a.get("state") == "unsent" {
		f.States = unsent
	} else if state := one(a, "state", all...); state != "" {
		f.States = []notify.State{state}
	}
	list, err := s.Notify.List(ctx, f)
	if err != nil {
		return err
	}
	failed, err := s.Notify.List(ctx, notify.Filter{States: unsent, Limit: 1})
	if err != nil {
		return err
	}
	page := &mailsPage{Page: view.Page{Title: "Messages", Current: "/mails"}, Tabs: []view.Tab{a.tab("All", "state", "", 0), a.tab("Did not arrive", "state", "unsent", failed.Total), a.tab("On their way", "state", "queued", 0)},
		Pager: a.pager(list.Next, len(list.List), list.Total), Empty: emptyText{"No messages", "Mails to customers and notices to staff appear here."}}
	if a.get("state") == "unsent" {
		page.Empty = emptyText{"Everything arrived", "No message was refused or came back."}
	}
	page.List = a.toolbar("Title or address", []view.Field{a.filter("channel", "Channel", "Every channel", view.Choice{Value: "mail", Label: "Mails"}, view.Choice{Value: "post", Label: "Notices to staff"}),
		a.filter("state", "State", "Every state", labels("mail", all...)...)}, nil, "customer")
	if page.Rows, err = s.messageRows(ctx, list.List); err != nil {
		return err
	}
	return view.Render(c, http.StatusOK, "admin/mails.html", page)
}

// messageRows names the customers: one query, however many rows.
func (s *Site) messageRows(ctx context.Context, list []notify.Entry) ([]messageRow, error) {
	names, err := s.names(ctx, pick(list, func(e notify.Entry) ids.Customer { return e.Customer }))
	if err != nil {
		return nil, err
	}
	var out []messageRow
	for _, e := range list {
		row := messageRow{Link: "/mails/" + string(e.ID), Title: e.Title, To: e.To, Channel: string(e.Channel), State: string(e.State), Template: plain(e.Template), Error: e.Error, Created: e.Created}
		if e.Customer != "" {
			row.Customer, row.Owner = owner(names, e.Customer)
		}
		if row.To == "" {
			row.To = e.Instance
		}
		out = append(out, row)
	}
	return out, nil
}

// mailPage is one message.
type mailPage struct {
	view.Page
	State string
	Error string
	Text  string // as plain text: what was sent as HTML says the same
	Facts []view.Fact
	Asks  []view.Confirm
}

func (s *Site) mail(c echo.Context) error {
	ctx := c.Request().Context()
	id, err := param[ids.Mail](c)
	if err != nil {
		return err
	}
	e, err := s.Notify.Get(ctx, id)
	if err != nil {
		return err
	}
	names, err := s.names(ctx, pick([]notify.Entry{e}, func(e notify.Entry) ids.Customer { return e.Customer }))
	if err != nil {
		return err
	}
	page := &mailPage{Page: view.Page{Title: e.Title, Current: "/mails", Crumbs: []view.Link{{Label: "Messages", Link: "/mails"}}}, State: string(e.State), Error: e.Error, Text: e.Text}
	page.Facts = []view.Fact{{Label: "To", Value: addressee(e), Mono: true}}
	if e.Customer != "" {
		page.Facts = append(page.Facts, view.Fact{Label: "Customer", Value: names[e.Customer], Link: "/customers/" + string(e.Customer)})
	}
	if link := subjectLink(e.Subject); link != "" {
		page.Facts = append(page.Facts, view.Fact{Label: "About", Value: short(e.Subject), Mono: true, Link: link})
	}
	page.Facts = append(page.Facts, view.Fact{Label: "Carried by", Value: carrier(e)}, view.Fact{Label: "Template", Value: orDash(plain(e.Template))}, view.Fact{Label: "Written", Value: e.Created}, view.Fact{Label: "Sent", Value: e.Sent},
		view.Fact{Label: "Tries", Value: e.Attempts})
	if e.Receipt != "" {
		page.Facts = append(page.Facts, view.Fact{Label: "Receipt", Value: e.Receipt, Mono: true})
	}
	for _, f := range e.Fields {
		page.Facts = append(page.Facts, view.Fact{Label: f[0], Value: f[1]})
	}
	if e.State != notify.Queued && e.State != notify.Sending && can(c, auth.MailSend) {
		ask := view.Confirm{Label: "Send again", Title: "Send this once more?", Text: "It goes out as it is, as a message of its own.", Action: "/mails/" + string(id) + "/resend", Submit: "Send again"}
		if e.State == notify.Unsure {
			ask.Text = "Nobody can say whether it went out. If it did, it arrives twice."
		}
		page.Asks = append(page.Asks, ask)
	}
	return view.Render(c, http.StatusOK, "admin/mail.html", page)
}

func addressee(e notify.Entry) string {
	if e.To == "" {
		return "a channel of " + e.Instance
	}
	if e.ToName == "" {
		return e.To
	}
	return e.ToName + " <" + e.To + ">"
}

func carrier(e notify.Entry) string {
	if e.Instance == "" {
		return "the built-in SMTP"
	}
	return e.Instance
}

func (s *Site) resend(c echo.Context) error {
	id, err := param[ids.Mail](c)
	if err != nil {
		return err
	}
	again, err := s.Notify.Resend(c.Request().Context(), id)
	if err != nil {
		return refused(c, "/mails/"+string(id), err)
	}
	return done(c, "/mails/"+string(again), "It is on its way. This is the new message.")
}
