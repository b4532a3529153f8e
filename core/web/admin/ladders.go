package admin

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/billing/dunning"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/view"
)

// laddersPage are the schedules of reminders and suspension.
type laddersPage struct {
	view.Page
	Tabs    []view.Tab
	Rows    []ladderRow
	CanEdit bool
}

// ladderRow is a schedule.
type ladderRow struct {
	Link, Name string
	Steps      []string
}

func (s *Site) ladders(c echo.Context) error {
	list, err := s.Dunning.NamedLadders(c.Request().Context())
	if err != nil {
		return err
	}
	page := &laddersPage{Page: view.Page{Title: "Settings", Current: "/settings"}, Tabs: settingsTabs("dunning"), CanEdit: can(c, auth.SettingsEdit)}
	for _, l := range list {
		page.Rows = append(page.Rows, ladderRow{"/settings/dunning/" + string(l.ID), l.Name, ladderSteps(l.Ladder)})
	}
	return view.Render(c, http.StatusOK, "admin/ladders.html", page)
}

// offset is a number of days from the due day in words.
func offset(n int) string {
	switch {
	case n < 0:
		return many(-n, "day", "days") + " before due"
	case n == 0:
		return "on the due day"
	}
	return many(n, "day", "days") + " after due"
}

func ladderSteps(l dunning.Ladder) []string {
	var out []string
	for _, n := range l.Notices {
		out = append(out, title(plain(n.Name))+" "+offset(n.Offset))
	}
	for _, n := range l.Charges {
		out = append(out, "Charge "+offset(n))
	}
	if l.SuspendAfter > 0 {
		out = append(out, "Suspend "+offset(l.SuspendAfter))
	}
	if l.TerminateAfter > 0 {
		out = append(out, "Terminate "+many(l.TerminateAfter, "day", "days")+" after the suspension")
	}
	if l.GiveUpAfter > 0 {
		out = append(out, "Give up "+offset(l.GiveUpAfter))
	}
	return out
}

func ladderForm(n dunning.Named) *view.Form {
	l := n.Ladder
	action := "/settings/dunning/new"
	if n.ID != "" {
		action = "/settings/dunning/" + string(n.ID)
	}
	var notices, charges []string
	for _, x := range l.Notices {
		notices = append(notices, fmt.Sprintf("%s %d", x.Name, x.Offset))
	}
	for _, x := range l.Charges {
		charges = append(charges, strconv.Itoa(x))
	}
	number := func(n int) string { return strconv.Itoa(n) }
	f := view.NewForm(action, "Save schedule",
		view.Field{Name: "name", Label: "Name", Value: n.Name, MaxLength: 80, Wide: true},
		view.Field{Name: "notices", Label: "Reminders", Kind: view.Textarea, Rows: 5, Value: strings.Join(notices, "\n"), Help: "One a line: a name and its day from the due day, such as reminder1 3, or before -7. The last one before suspension is the final notice.", Group: "Before suspension"},
		view.Field{Name: "charges", Label: "Charge a saved way to pay on days", Value: strings.Join(charges, " "), Help: "From the due day, with spaces between: 0 3 7."},
		view.Field{Name: "max_attempts", Label: "Charges of one invoice at most", Value: number(l.MaxAttempts), InputMode: "numeric"},
		view.Field{Name: "notice_days", Label: "Least days between a notice and what it announces", Value: number(l.NoticeDays), InputMode: "numeric"},
		view.Field{Name: "suspend_after", Label: "Suspend after", Value: number(l.SuspendAfter), InputMode: "numeric", Help: "Days after due; 0 is never.", Group: "Suspension and end"},
		view.Field{Name: "terminate_after", Label: "Terminate after", Value: number(l.TerminateAfter), InputMode: "numeric", Help: "Days after the suspension; 0 is never."},
		view.Field{Name: "ending_before", Label: "Announce the end so many days before", Value: number(l.EndingBefore), InputMode: "numeric"},
		view.Field{Name: "give_up_after", Label: "Give the invoice up after", Value: number(l.GiveUpAfter), InputMode: "numeric", Help: "Days after due; 0 is never."},
		view.Field{Name: "version", Kind: view.Hidden, Value: strconv.FormatInt(n.Version, 10)})
	f.Columns, f.Cancel = 2, "/settings/dunning"
	return f
}

// ladderOf is the schedule of the address, or a new one like the usual one.
func (s *Site) ladderOf(c echo.Context) (dunning.Named, view.Page, error) {
	page := view.Page{Title: "New schedule", Sub: "It counts for invoices that are chased already too: what was done stays done, what is left follows the new days.", Current: "/settings", Crumbs: []view.Link{{Label: "Reminders and suspension", Link: "/settings/dunning"}}}
	if c.Param("id") == "" {
		return dunning.Named{Ladder: dunning.Default()}, page, nil
	}
	id, err := param[ids.Ladder](c)
	if err != nil {
		return dunning.Named{}, page, err
	}
	list, err := s.Dunning.NamedLadders(c.Request().Context())
	if err != nil {
		return dunning.Named{}, page, err
	}
	for _, l := range list {
		if l.ID == id {
			page.Title = l.Name
			return l, page, nil
		}
	}
	return dunning.Named{}, page, dunning.ErrLadderNotFound
}

func (s *Site) askLadder(c echo.Context) error {
	l, page, err := s.ladderOf(c)
	if err != nil {
		return err
	}
	return formPage(c, http.StatusOK, page, ladderForm(l))
}

func (s *Site) saveLadder(c echo.Context) error {
	ctx := c.Request().Context()
	n, page, err := s.ladderOf(c)
	if err != nil {
		return err
	}
	f := ladderForm(n)
	f.Read(c)
	before := n.Ladder
	n.Name, n.Ladder = f.Get("name"), readLadder(f)
	n.Version, _ = strconv.ParseInt(f.Get("version"), 10, 64)
	f.Need("name")
	if f.OK() {
		n, err = s.Dunning.SaveLadder(ctx, n)
	}
	if f.Failed(err) {
		return formPage(c, http.StatusUnprocessableEntity, page, f)
	}
	if err == nil {
		err = s.Audit.Add(ctx, audit.Entry{Action: "settings.dunning", Subject: string(n.ID), Before: before, After: n.Ladder})
	}
	if err != nil {
		return err
	}
	return done(c, "/settings/dunning", "Saved.")
}

func readLadder(f *view.Form) dunning.Ladder {
	l := dunning.Ladder{MaxAttempts: int(wholeOf(f, "max_attempts")), NoticeDays: int(wholeOf(f, "notice_days")), SuspendAfter: int(wholeOf(f, "suspend_after")), TerminateAfter: int(wholeOf(f, "terminate_after")),
		EndingBefore: int(wholeOf(f, "ending_before")), GiveUpAfter: int(wholeOf(f, "give_up_after"))}
	for _, line := range lines(f.Get("notices")) {
		parts := strings.Fields(line)
		n, err := strconv.Atoi(parts[len(parts)-1])
		if len(parts) != 2 || err != nil {
			f.Wrong("notices", "Write a name and a day on each line, such as reminder1 3.")
			break
		}
		l.Notices = append(l.Notices, dunning.Notice{Name: parts[0], Offset: n})
	}
	for _, text := range words(f.Get("charges")) {
		n, err := strconv.Atoi(text)
		if err != nil {
			f.Wrong("charges", "Write days with spaces between, such as 0 3 7.")
			break
		}
		l.Charges = append(l.Charges, n)
	}
	return l
}
