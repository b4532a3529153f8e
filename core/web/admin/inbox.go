package admin

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/platform/inbox"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/fault"
)

func (s *Site) inboxRoutes() []route.Route {
	return []route.Route{get("/inbox", s.inboxList, auth.JobSee), get("/inbox/:number", s.inboxEntry, auth.JobSee)}
}

// inboxPage is what vendors told us.
type inboxPage struct {
	view.Page
	Tabs  []view.Tab
	List  view.Toolbar
	Rows  []inboxRow
	Pager view.Pager
	Empty emptyText
}

// inboxRow is an event of a vendor.
type inboxRow struct {
	Link, Instance, Event string
	State, Note           string
	Received, Applied     time.Time
}

func (s *Site) inboxList(c echo.Context) error {
	ctx, a := c.Request().Context(), ask(c)
	f := inbox.Filter{Instance: a.get("instance"), Query: a.search(), Sort: one(a, "sort", "newest", "oldest"), After: a.after()}
	if state := one(a, "state", inbox.Fresh, inbox.Applied, inbox.Ignored, inbox.Waiting, inbox.Failed); state != "" {
		f.States = []string{state}
	}
	list, err := s.Inbox.List(ctx, f)
	if err != nil {
		return err
	}
	failed, err := s.Inbox.List(ctx, inbox.Filter{States: []string{inbox.Failed}, Limit: 1})
	if err != nil {
		return err
	}
	waiting, err := s.Inbox.List(ctx, inbox.Filter{States: []string{inbox.Waiting}, Limit: 1})
	if err != nil {
		return err
	}
	page := &inboxPage{Page: view.Page{Title: "Webhooks", Sub: "What vendors told us, kept as it came before anybody was answered. Each event counts once, however often it is sent.", Current: "/inbox"},
		Tabs:  []view.Tab{a.tab("All", "state", "", 0), a.tab("Failed", "state", inbox.Failed, failed.Total), a.tab("Waiting", "state", inbox.Waiting, waiting.Total), a.tab("Applied", "state", inbox.Applied, 0), a.tab("Nothing of ours", "state", inbox.Ignored, 0)},
		Pager: a.pager(list.Next, len(list.List), list.Total), Empty: emptyText{"No webhooks", "They appear here as soon as a vendor calls. Its address is on the page of its plugin."}}
	var instances []view.Choice
	if s.Plugins != nil {
		for _, i := range s.Plugins.Instances("") {
			instances = append(instances, view.Choice{Value: i.Label, Label: i.Label})
		}
	}
	page.List = a.toolbar("Event ID or note", []view.Field{a.filter("instance", "Instance", "Every instance", instances...)}, newestOldest, "state")
	for _, e := range list.List {
		page.Rows = append(page.Rows, inboxRow{Link: "/inbox/" + strconv.FormatInt(e.ID, 10), Instance: e.Instance, Event: e.EventID, State: e.State, Note: e.Note, Received: e.Received, Applied: e.Applied})
	}
	return view.Render(c, http.StatusOK, "admin/inbox.html", page)
}

// inboxEntryPage is one event with its bytes.
type inboxEntryPage struct {
	view.Page
	State, Note  string
	Facts        []view.Fact
	Meaning, Raw string // laid out where it is JSON
}

func (s *Site) inboxEntry(c echo.Context) error {
	n, err := number(c)
	if err != nil {
		return err
	}
	e, err := s.Inbox.Get(c.Request().Context(), n)
	if err != nil {
		return err
	}
	page := &inboxEntryPage{Page: view.Page{Title: "Webhook of " + e.Instance, Current: "/inbox", Crumbs: []view.Link{{Label: "Webhooks", Link: "/inbox"}}}, State: e.State, Note: e.Note, Meaning: laidOut(e.Meaning), Raw: laidOut(e.Raw)}
	page.Facts = []view.Fact{{Label: "Instance", Value: e.Instance, Mono: true}, {Label: "Event", Value: e.EventID, Mono: true, Copy: true}, {Label: "Received", Value: e.Received}, {Label: "Decided", Value: e.Applied}, {Label: "Bytes", Value: len(e.Raw)}}
	return view.Render(c, http.StatusOK, "admin/inbox-entry.html", page)
}

// laidOut is JSON with a line for each value; other bytes as they are, as far as they are text.
func laidOut(raw []byte) string {
	var out bytes.Buffer
	if json.Indent(&out, raw, "", "  ") == nil {
		return fault.Cut(out.String(), 60_000)
	}
	if !utf8.Valid(raw) {
		return "(" + count(len(raw)) + " bytes that are no text)"
	}
	return fault.Cut(string(raw), 60_000)
}
