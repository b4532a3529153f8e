package admin

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/fault"
)

func (s *Site) auditRoutes() []route.Route {
	return []route.Route{
		get("/audit", s.auditLog, auth.AuditSee),
		get("/audit.csv", s.auditCSV, auth.AuditSee),
		post("/audit/verify", s.verifyAudit, auth.AuditSee),
	}
}

// auditPage is the trail.
type auditPage struct {
	view.Page
	Form   auditFilter
	Rows   []auditRow
	Next   string // address of the page of older rows
	Export string // address of the same rows as CSV
	Clear  string
}

// auditFilter is what the trail was narrowed to, as it was typed.
type auditFilter struct{ Actor, Action, Subject, Customer, From, To string }

// auditRow is a row of the trail.
type auditRow struct {
	ID                  int64
	At                  time.Time
	Who, Actor          string
	OnBehalf            string
	Action, Word        string
	Subject, Link       string
	Address, Request    string
	Changes             []changeRow
	Hash                string
	ActorLink, ThisLink string // the trail of that person, of that thing
}

// changeRow is a value that changed.
type changeRow struct{ Field, Before, After string }

// trail reads the filter of the address. Days are those of the business.
func (s *Site) trail(c echo.Context) (audit.Filter, auditFilter, error) {
	a := ask(c)
	form := auditFilter{Actor: a.get("actor"), Action: a.get("action"), Subject: a.get("subject"), Customer: a.get("customer"), From: a.get("from"), To: a.get("to")}
	_, set, err := s.today(c.Request().Context())
	if err != nil {
		return audit.Filter{}, form, err
	}
	f := audit.Filter{Actor: form.Actor, Action: form.Action, Subject: form.Subject}
	f.Customer, _ = ids.Parse[ids.Customer](form.Customer)
	if d, err := period.ParseDay(form.From); err == nil && !d.IsZero() {
		f.From = d.Start(set.Location())
	}
	if d, err := period.ParseDay(form.To); err == nil && !d.IsZero() {
		f.To = d.Add(1).Start(set.Location())
	}
	return f, form, nil
}

func (s *Site) auditLog(c echo.Context) error {
	ctx, a := c.Request().Context(), ask(c)
	f, form, err := s.trail(c)
	if err != nil {
		return err
	}
	f.Before, _ = strconv.ParseInt(a.get("older"), 10, 64)
	list, err := s.Audit.List(ctx, f)
	if err != nil {
		return err
	}
	actors, err := s.actors(ctx, list.Rows)
	if err != nil {
		return err
	}
	page := &auditPage{Page: view.Page{Title: "Audit log", Sub: "Every change: who, on whose behalf, from where, before and after. Rows are chained by hash, so one that was edited shows.", Current: "/audit"}, Form: form}
	for _, r := range list.Rows {
		page.Rows = append(page.Rows, auditRow{ID: r.ID, At: r.At, Who: actors[r.Who.Actor], Actor: r.Who.Actor, OnBehalf: r.Who.OnBehalf, Action: r.Action, Word: actionText(r.Action), Subject: r.Subject, Link: subjectLink(r.Subject),
			Address: r.Who.Address, Request: r.Who.RequestID, Changes: changes(r.Before, r.After), Hash: fault.Cut(r.Hash, 12), ActorLink: a.with("actor", r.Who.Actor, "older", ""), ThisLink: a.with("subject", r.Subject, "older", "")})
	}
	if list.Next != 0 {
		page.Next = a.with("older", strconv.FormatInt(list.Next, 10))
	}
	page.Export = "/audit.csv" + strings.TrimPrefix(a.with("older", ""), "/audit")
	if form != (auditFilter{}) {
		page.Clear = "/audit"
	}
	return view.Render(c, http.StatusOK, "admin/audit.html", page)
}

// changes are the values that differ between two JSON objects; of what is none, the whole.
func changes(before, after string) []changeRow {
	was, wasMap := object(before)
	is, isMap := object(after)
	if !wasMap && !isMap {
		if before == "null" && after == "null" || before == "" && after == "" {
			return nil
		}
		return []changeRow{{"", cell(json.RawMessage(before)), cell(json.RawMessage(after))}}
	}
	names := map[string]bool{}
	for name := range was {
		names[name] = true
	}
	for name := range is {
		names[name] = true
	}
	var out []changeRow
	for _, name := range slices.Sorted(maps.Keys(names)) {
		b, a := cell(was[name]), cell(is[name])
		if b != a {
			out = append(out, changeRow{name, b, a})
		}
	}
	return out
}

func object(text string) (map[string]json.RawMessage, bool) {
	var out map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &out); err != nil || out == nil {
		return nil, false
	}
	return out, true
}

// cell is a JSON value as people read it: texts without quotes, nothing for null.
func cell(raw json.RawMessage) string {
	var text string
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return ""
	case json.Unmarshal(raw, &text) == nil:
		return fault.Cut(text, 300)
	}
	return fault.Cut(string(raw), 300)
}

// exportRows is how many rows a file has at most: older ones are in another, by days.
const exportRows = 20_000

// auditCSV answers with the rows of the filter as a file, newest first.
func (s *Site) auditCSV(c echo.Context) error {
	ctx := c.Request().Context()
	f, _, err := s.trail(c)
	if err != nil {
		return err
	}
	f.Limit = 200
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	if err := w.Write([]string{"id", "at", "actor", "on_behalf", "address", "request", "action", "subject", "customer", "before", "after", "hash"}); err != nil {
		return err
	}
	for n := 0; n < exportRows; {
		list, err := s.Audit.List(ctx, f)
		if err != nil {
			return err
		}
		for _, r := range list.Rows {
			row := []string{strconv.FormatInt(r.ID, 10), r.At.UTC().Format(time.RFC3339Nano), r.Who.Actor, r.Who.OnBehalf, r.Who.Address, r.Who.RequestID, r.Action, r.Subject, string(r.Customer), r.Before, r.After, r.Hash}
			for i := range row {
				row[i] = harmless(row[i])
			}
			if err := w.Write(row); err != nil {
				return err
			}
		}
		n += len(list.Rows)
		if f.Before = list.Next; list.Next == 0 {
			break
		}
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return err
	}
	if err := s.Audit.Add(ctx, audit.Entry{Action: "audit.export", Subject: "csv"}); err != nil {
		return err
	}
	c.Response().Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="audit-%s.csv"`, s.Clock.Now().UTC().Format("2006-01-02")))
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.Blob(http.StatusOK, "text/csv; charset=utf-8", out.Bytes())
}

// harmless keeps a spreadsheet from taking a cell for a formula: what begins like one gets an apostrophe in front.
// Source: OWASP, CSV Injection, read 2026-11-25.
func harmless(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r\n|%", rune(text[0])) {
		return "'" + text
	}
	return text
}

func (s *Site) verifyAudit(c echo.Context) error {
	if err := s.Audit.Verify(c.Request().Context()); err != nil {
		if fault.Of(err) == nil {
			return err
		}
		view.Tell(c, view.Bad, "The trail was changed from outside: "+fault.Of(err).Detail)
		return c.Redirect(http.StatusSeeOther, "/audit")
	}
	head, err := s.Audit.Head(c.Request().Context())
	if err != nil {
		return err
	}
	return done(c, "/audit", "Every row fits the one before it. The newest one has the hash "+fault.Cut(head, 16)+"…; keep it somewhere else.")
}
