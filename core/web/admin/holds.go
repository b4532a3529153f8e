package admin

import (
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/dunning"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
)

// holdRow is something that waits because staff said so.
type holdRow struct {
	Subject, Link, What string
	From, Until         period.Day
	Reason, Actor       string
	Release             string // address, "" if one may not
	Back                string // where to go after it
}

// holdsPage lists what is held.
type holdsPage struct {
	view.Page
	Tabs []view.Tab
	Rows []holdRow
}

var holdWords = map[string]string{dunning.HoldCharge: "Charges", dunning.HoldRemind: "Reminders", dunning.HoldSuspend: "Suspension", dunning.HoldTerminate: "Termination", dunning.HoldLateFee: "Late fees", dunning.HoldAll: "Everything"}

func holdRows(list []dunning.Held, names map[string]string, may bool, back string) []holdRow {
	var out []holdRow
	for _, h := range list {
		row := holdRow{Subject: names[h.Subject], Link: subjectLink(h.Subject), What: holdWords[h.What], From: h.From, Until: h.Until, Reason: h.Reason, Actor: h.Actor, Back: back}
		if row.Subject == "" {
			row.Subject = short(h.Subject)
		}
		if may {
			row.Release = "/billing/holds/" + string(h.ID) + "/release"
		}
		out = append(out, row)
	}
	return out
}

func (s *Site) holds(c echo.Context) error {
	ctx := c.Request().Context()
	list, err := s.Dunning.Holds(ctx)
	if err != nil {
		return err
	}
	var customers []ids.Customer
	var invoices []ids.Invoice
	for _, h := range list {
		if id, err := ids.Parse[ids.Customer](h.Subject); err == nil {
			customers = append(customers, id)
		}
		if id, err := ids.Parse[ids.Invoice](h.Subject); err == nil {
			invoices = append(invoices, id)
		}
	}
	names := map[string]string{}
	who, err := s.names(ctx, customers)
	if err != nil {
		return err
	}
	for id, name := range who {
		names[string(id)] = name
	}
	billed, err := s.Invoices.Many(ctx, invoices)
	if err != nil {
		return err
	}
	for id, inv := range billed {
		names[string(id)] = inv.Number
	}
	page := &holdsPage{Page: view.Page{Title: "Holds", Sub: "Steps that wait because staff said so. A hold that has no end waits until it is released.", Current: "/billing"}, Tabs: billingTabs("/billing/holds"), Rows: holdRows(list, names, can(c, auth.DunningHold), "/billing/holds")}
	return view.Render(c, http.StatusOK, "admin/holds.html", page)
}

func holdForm(subject, what string, today period.Day) *view.Form {
	var options []view.Choice
	for _, w := range []string{dunning.HoldAll, dunning.HoldCharge, dunning.HoldRemind, dunning.HoldSuspend, dunning.HoldTerminate} {
		options = append(options, view.Choice{Value: w, Label: holdWords[w]})
	}
	if !slices.ContainsFunc(options, func(o view.Choice) bool { return o.Value == what }) {
		what = dunning.HoldAll
	}
	f := view.NewForm("/billing/hold", "Hold", view.Field{Name: "subject", Kind: view.Hidden, Value: subject},
		view.Field{Name: "what", Label: "What waits", Kind: view.Select, Value: what, Options: options},
		view.Field{Name: "until", Label: "Until, that day included", Kind: view.Date, Optional: true, Min: today.String(), Help: "Empty: until it is released."},
		view.Field{Name: "reason", Label: "Reason", MaxLength: 190, Focus: true, Help: "For colleagues: what has to happen first?"})
	f.Cancel = "/billing"
	return f
}

func (s *Site) askHold(c echo.Context) error {
	today, _, err := s.today(c.Request().Context())
	if err != nil {
		return err
	}
	subject := c.QueryParam("subject")
	if subjectLink(subject) == "" {
		return ids.ErrUnknown
	}
	return formPage(c, http.StatusOK, holdPage(subject), holdForm(subject, c.QueryParam("what"), today))
}

func holdPage(subject string) view.Page {
	kind := map[string]string{"cus": "customer", "sub": "service", "inv": "invoice"}[strings.Split(subject, "_")[0]]
	return view.Page{Title: "Hold", Sub: "Steps for this " + kind + " wait; nothing else changes.", Current: "/billing", Crumbs: []view.Link{{Label: "Billing plan", Link: "/billing"}, {Label: title(kind) + " " + short(subject), Link: subjectLink(subject)}}}
}

func (s *Site) setHold(c echo.Context) error {
	ctx := c.Request().Context()
	today, _, err := s.today(ctx)
	if err != nil {
		return err
	}
	f := holdForm(c.FormValue("subject"), "", today)
	f.Read(c)
	subject := f.Get("subject")
	if subjectLink(subject) == "" {
		return ids.ErrUnknown
	}
	until := dayOf(f, "until")
	if !until.IsZero() && until.Before(today) {
		f.Wrong("until", "Write a day to come.")
	}
	f.Need("reason")
	if f.OK() {
		_, err = s.Dunning.SetHold(ctx, subject, dunning.Hold{What: f.Get("what"), From: today, Until: until}, f.Get("reason"), route.Actor(c).Name)
	}
	if f.Failed(err) {
		return formPage(c, http.StatusUnprocessableEntity, holdPage(subject), f)
	}
	if err == nil {
		err = s.Audit.Add(ctx, audit.Entry{Action: "dunning.hold", Subject: subject, After: map[string]any{"what": f.Get("what"), "until": until, "reason": f.Get("reason")}})
	}
	if err != nil {
		return err
	}
	return done(c, "/billing/holds", "Held.")
}

func (s *Site) releaseHold(c echo.Context) error {
	ctx := c.Request().Context()
	id, err := param[ids.Hold](c)
	if err != nil {
		return err
	}
	if err := s.Dunning.ReleaseHold(ctx, id, s.Clock.Now()); err != nil {
		return err
	}
	if err := s.Audit.Add(ctx, audit.Entry{Action: "dunning.release", Subject: string(id)}); err != nil {
		return err
	}
	return done(c, route.Local(c.FormValue("back")), "Released. The next run takes the steps that are due.")
}
