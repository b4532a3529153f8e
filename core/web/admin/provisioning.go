package admin

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/hosting/provision"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/route"
	"github.com/ezscale/bursar/core/web/view"
)

func (s *Site) provisioningRoutes() []route.Route {
	return []route.Route{
		get("/provisioning", s.provisioning, auth.JobSee),
		get("/provisioning/:id", s.provisioning, auth.JobSee),
		post("/provisioning/:id/retry", s.retryOperation, auth.JobRetry),
	}
}

// provisioningPage lists what is done on panels, and shows one operation beside the list.
type provisioningPage struct {
	view.Page
	States []view.Tab
	List   view.Toolbar
	Rows   []opRow
	Open   *opRow // the one that is shown
	Chosen bool   // it was asked for, and is not just the newest
	Calls  []callRow
	Busy   bool // something is under way: the page asks again
	Empty  string
	Pager  view.Pager
}

// opRow is an operation on a panel.
type opRow struct {
	ID         string
	Link       string // of the operation's own page, within the list that it was opened from
	What       string // "Create", "Suspend"
	State      string
	Service    view.Link
	Customer   string
	CustomerID string
	Instance   string
	Progress   string // what the panel says, or how many calls it took
	Percent    int
	Fault      string // what the last call said, "" if it went well
	Advice     string // what that means and what a retry does
	Warnings   []string
	Created    time.Time
	Next       time.Time // earliest next call of one that is open
	Ended      time.Time
	Retry      bool // it stopped, and who looks may try again
	Here       bool // it is the one that is shown
	Busy       bool // it is under way
	Cause, By  string
}

func opRowOf(op provision.Operation, service, customer string, mayRetry bool) opRow {
	r := opRow{
		ID: string(op.ID), Link: "/provisioning/" + string(op.ID), What: actionText(string(op.Kind)), State: operationState(op), Service: view.Link{Label: service, Link: "/services/" + string(op.Subscription)},
		Customer: customer, CustomerID: string(op.Customer), Instance: op.Instance, Progress: op.Progress, Percent: op.Percent, Fault: faultText(op), Warnings: op.Warnings, Created: op.Created, Ended: op.Ended,
		Retry: mayRetry && op.Allows(provision.Retry), Cause: op.CauseKey, By: op.Actor,
	}
	if op.State.Open() {
		r.Next, r.Busy = op.Next, true
	}
	if r.Progress == "" {
		r.Progress = many(op.Calls, "call", "calls")
	}
	switch op.State {
	case provision.Failed:
		r.Advice = "The panel refused. Put right what it says, then retry."
		if op.Kind == provision.Create {
			r.Advice = "The panel refused and nothing is left of it. Put right what it says, then retry: it begins anew."
		}
	case provision.Stuck:
		r.Advice = "Nobody can say what became of it. Look on the panel first. A retry goes on under the same request, so nothing is made twice."
	}
	return r
}

// stateViews are the saved views of operations.
var stateViews = []struct {
	name, label string
	states      []provision.State
}{
	{"stopped", "Stopped", []provision.State{provision.Failed, provision.Stuck}},
	{"open", "Under way", []provision.State{provision.Queued, provision.Calling, provision.Running}},
	{"done", "Done", []provision.State{provision.Done}},
	{"", "All", nil},
}

func (s *Site) provisioning(c echo.Context) error {
	ctx, a := c.Request().Context(), ask(c)
	var chosen ids.Op
	if c.Param("id") != "" {
		var err error
		if chosen, err = idOf[ids.Op](c); err != nil {
			return err
		}
		a.path = "/provisioning"
	}
	named := chosen != ""
	f := provision.Filter{Query: a.search(), After: a.after(), Limit: pageSize}
	counts, err := s.Provision.Counts(ctx)
	if err != nil {
		return err
	}
	page := provisioningPage{Page: view.Page{Title: "Provisioning", Current: "/provisioning"}, Empty: "No panel was asked for anything yet.", Chosen: named}
	for _, v := range stateViews {
		n := 0
		for _, st := range v.states {
			n += counts[st]
		}
		page.States = append(page.States, a.tab(v.label, "state", v.name, n))
		if a.get("state") == v.name && v.name != "" {
			f.States = v.states
			page.Empty = map[string]string{"stopped": "Nothing stopped.", "open": "Nothing is under way.", "done": "Nothing was done yet."}[v.name]
		}
	}
	if a.search() != "" {
		page.Empty = "Nothing found."
	}
	page.Sub = fmt.Sprintf("%s stopped, %s under way", count(counts[provision.Failed]+counts[provision.Stuck]), count(counts[provision.Queued]+counts[provision.Calling]+counts[provision.Running]))
	found, err := s.Provision.List(ctx, f)
	if err != nil {
		return err
	}
	if chosen == "" && len(found.List) > 0 {
		chosen = found.List[0].ID
	}
	page.List = a.toolbar("ID or panel", nil, nil, "state")
	page.Pager = a.pager(found.Next, len(found.List), found.Total)
	if err := s.fillOperations(ctx, c, &page, a, found.List, chosen); err != nil {
		return err
	}
	return view.Render(c, http.StatusOK, "admin/provisioning.html", &page)
}

func (s *Site) fillOperations(ctx context.Context, c echo.Context, page *provisioningPage, a asked, list []provision.Operation, chosen ids.Op) error {
	all := list
	if chosen != "" {
		op, err := s.Provision.Get(ctx, chosen)
		if err != nil {
			return err
		}
		all = append([]provision.Operation{op}, list...)
		calls, err := s.Provision.Log(ctx, op.Subscription, 50)
		if err != nil {
			return err
		}
		for _, r := range callRows(calls) {
			if r.Operation == string(op.ID) {
				page.Calls = append(page.Calls, r)
			}
		}
	}
	names, err := s.names(ctx, pick(all, func(op provision.Operation) ids.Customer { return op.Customer }))
	if err != nil {
		return err
	}
	services, err := s.serviceNames(ctx, pick(all, func(op provision.Operation) ids.Subscription { return op.Subscription }))
	if err != nil {
		return err
	}
	retry := can(c, auth.JobRetry)
	for i, op := range all {
		r := opRowOf(op, services[op.Subscription], names[op.Customer], retry)
		r.Here = op.ID == chosen
		if q := a.with(); len(q) > len(a.path) {
			r.Link += q[len(a.path):]
		}
		if i == 0 && chosen != "" {
			page.Open = &r
			continue
		}
		page.Rows = append(page.Rows, r)
		page.Busy = page.Busy || op.State.Open()
	}
	return nil
}

// serviceNames are the names of services with their products, in one query.
func (s *Site) serviceNames(ctx context.Context, set []ids.Subscription) (map[ids.Subscription]string, error) {
	if len(set) == 0 {
		return nil, nil
	}
	shop, err := s.Catalog.Shop(ctx)
	if err != nil {
		return nil, err
	}
	all, err := s.Subscriptions.Many(ctx, set)
	if err != nil {
		return nil, err
	}
	out := make(map[ids.Subscription]string, len(all))
	for id, sub := range all {
		out[id] = productName(shop, sub.Product)
		if sub.Label != "" {
			out[id] = sub.Label + ", " + out[id]
		}
	}
	return out, nil
}

func (s *Site) retryOperation(c echo.Context) error {
	id, err := idOf[ids.Op](c)
	if err != nil {
		return err
	}
	back := route.Local(c.FormValue("back"))
	if back == "/" {
		back = "/provisioning"
	}
	return outcome(c, back, "It is being tried again.", s.Flow.RetryProvision(c.Request().Context(), id))
}
