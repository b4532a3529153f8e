package admin

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/hosting/provision"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/money"
)

// servicePage is all about one service.
type servicePage struct {
	view.Page
	ID         string
	State      string
	Customer   view.Link
	Causes     []causeRow // why it is suspended
	Last       *opRow     // the newest operation if it stopped: says what to do
	Busy       bool       // something is being done to it: the page asks again
	Facts      []view.Fact
	Account    []view.Fact // on the panel, as last seen; empty if there is none yet
	Seen       time.Time   // when it was seen
	Stale      bool        // that is long ago, or the panel did not answer
	Addresses  []string
	Items      []itemRow
	Periods    []periodRow
	Operations []opRow
	Calls      []callRow
	Children   []serviceRow
	Power      []view.Confirm // what the panel can do with the power
	Key        string         // names the next act: a double click is one
	Password   bool           // a new password can be set
	Login      bool           // staff can be signed on at the panel
	Refresh    bool           // the panel can be asked
	Suspend    view.Confirm   // or bring back; without Label where it cannot
	Cancel     view.Confirm   // or take the cancellation back
	Terminate  view.Confirm
	Rename     view.Confirm
}

// causeRow is a reason why a service is down.
type causeRow struct {
	Cause, Reason string
	Ref           view.Link // what it is about, such as an invoice
	Since         time.Time
}

// itemRow is a priced part of a service.
type itemRow struct {
	Text, Kind, Quantity string
	Override             *money.Amount // agreed instead of the price list
	Reason               string
}

// periodRow is a period that was billed.
type periodRow struct {
	From, To period.Day // To inclusive
	Kind     string
	Net      money.Amount
	Invoice  view.Link
	State    string
	Paid     time.Time
}

// callRow is a call to a panel.
type callRow struct {
	At              time.Time
	Method, Outcome string
	Bad             bool
	Detail, Took    string
	Try             int
	Operation       string
}

// powers are the ways to switch a server, with what each means for who uses it.
var powers = []struct{ action, label, text string }{
	{"start", "Start", "It is switched on."},
	{"restart", "Restart", "It is asked to shut down and starts again. Who uses it is interrupted for a moment."},
	{"stop", "Stop", "It is asked to shut down, and stays off until it is started."},
	{"kill", "Kill", "It is switched off at once, as if the plug were pulled. What was not written is lost."},
}

// powerQuestions ask once each, by the name of the server. The key makes a double press one act.
func powerQuestions(here, title, key string) []view.Confirm {
	out := make([]view.Confirm, len(powers))
	for i, p := range powers {
		out[i] = view.Confirm{Label: p.label, Title: p.label + " " + title + "?", Text: p.text, Action: here + "/power", Submit: p.label + " " + title, Danger: p.action == "kill",
			Fields: []view.Field{{Name: "action", Kind: view.Hidden, Value: p.action}, {Name: "key", Kind: view.Hidden, Value: key + "-" + p.action}}}
	}
	return out
}

// oldView is how long what was seen of an account counts as now.
const oldView = 15 * time.Minute

func (s *Site) service(c echo.Context) error {
	id, err := idOf[ids.Subscription](c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	sub, err := s.Subscriptions.Get(ctx, id)
	if err != nil {
		return err
	}
	cus, err := s.Customers.Get(ctx, sub.Customer)
	if err != nil {
		return err
	}
	shop, err := s.Catalog.Shop(ctx)
	if err != nil {
		return err
	}
	product := productName(shop, sub.Product)
	title := sub.Label
	if title == "" {
		title = product
	}
	page := servicePage{
		Page: view.Page{Title: title, Sub: product + ", " + cus.Name(), Crumbs: []view.Link{{Label: "Services", Link: "/services"}, {Label: cus.Name(), Link: "/customers/" + string(cus.ID)}}, Current: "/services"},
		ID:   string(id), Customer: view.Link{Label: cus.Name(), Link: "/customers/" + string(cus.ID)}, Key: rand.Text(),
	}
	last, err := s.fillWork(ctx, c, &page, sub)
	if err != nil {
		return err
	}
	page.State = serviceState(sub, last)
	page.Facts = serviceFacts(sub, product, page.Customer)
	if err := s.fillAccount(ctx, c, &page, sub); err != nil {
		return err
	}
	if err := s.fillBilling(ctx, &page, sub, shop); err != nil {
		return err
	}
	serviceQuestions(c, &page, sub, title)
	return view.Render(c, http.StatusOK, "admin/service.html", &page)
}

func serviceFacts(sub subscription.Subscription, product string, who view.Link) []view.Fact {
	facts := []view.Fact{
		{Label: "Customer", Value: who.Label, Link: who.Link}, {Label: "Product", Value: product}, {Label: "Billed", Value: cycleText(sub.Cycle)}, {Label: "Billed through", Value: dayBefore(sub.BilledTo)}, {Label: "Paid through", Value: dayBefore(sub.PaidTo)},
	}
	if !sub.BillOn.IsZero() {
		facts = append(facts, view.Fact{Label: "Next bill", Value: sub.BillOn})
	}
	if !sub.CancelOn.IsZero() {
		facts = append(facts, view.Fact{Label: "Cancelled for", Value: sub.CancelOn})
	}
	if !sub.EndedOn.IsZero() {
		facts = append(facts, view.Fact{Label: "Ended", Value: sub.EndedOn}, view.Fact{Label: "Because", Value: plain(sub.EndReason)})
	}
	if sub.Order != "" {
		facts = append(facts, view.Fact{Label: "Order", Value: short(sub.Order), Link: "/orders/" + string(sub.Order)})
	}
	if sub.Parent != "" {
		facts = append(facts, view.Fact{Label: "Add-on of", Value: short(sub.Parent), Link: "/services/" + string(sub.Parent)})
	}
	return append(facts, view.Fact{Label: "ID", Value: string(sub.ID), Mono: true, Copy: true})
}

// dayBefore is the last day of a period whose end is the first day after it.
func dayBefore(end period.Day) period.Day {
	if end.IsZero() {
		return end
	}
	return end.Add(-1)
}

// fillWork reads why it is down, what was done to it and the calls to the panel. It answers the newest operation.
func (s *Site) fillWork(ctx context.Context, c echo.Context, page *servicePage, sub subscription.Subscription) (last provision.Operation, err error) {
	causes, err := s.Subscriptions.Causes(ctx, []ids.Subscription{sub.ID})
	if err != nil {
		return last, err
	}
	for _, x := range causes[sub.ID] {
		row := causeRow{Cause: plain(x.Cause), Reason: x.Reason, Since: x.Opened}
		if link := subjectLink(x.Ref); link != "" {
			row.Ref = view.Link{Label: "See why", Link: link}
		}
		page.Causes = append(page.Causes, row)
	}
	ops, err := s.Provision.List(ctx, provision.Filter{Subscription: sub.ID, Limit: 20})
	if err != nil {
		return last, err
	}
	retry := can(c, auth.JobRetry)
	for _, op := range ops.List {
		row := opRowOf(op, "", "", retry)
		page.Operations = append(page.Operations, row)
		page.Busy = page.Busy || op.State.Open()
	}
	if len(ops.List) > 0 {
		last = ops.List[0]
		if last.State == provision.Failed || last.State == provision.Stuck {
			page.Last = &page.Operations[0]
		}
	}
	calls, err := s.Provision.Log(ctx, sub.ID, 30)
	if err != nil {
		return last, err
	}
	page.Calls = callRows(calls)
	return last, nil
}

func callRows(list []provision.Call) []callRow {
	out := make([]callRow, len(list))
	for i, x := range list {
		out[i] = callRow{At: x.At, Method: x.Method, Outcome: plain(x.Outcome), Bad: x.Outcome != "done" && x.Outcome != "pending", Detail: strings.TrimSuffix(strings.TrimSpace(x.Detail), ":"), Took: fmt.Sprintf("%s ms", count(x.Took.Milliseconds())), Try: x.Attempt, Operation: string(x.Operation)}
	}
	return out
}

// fillAccount reads the account on the panel as it was seen last. A panel that is down changes nothing of that.
func (s *Site) fillAccount(ctx context.Context, c echo.Context, page *servicePage, sub subscription.Subscription) error {
	acc, err := s.Provision.Account(ctx, sub.ID)
	if errors.Is(err, provision.ErrNoAccount) {
		return nil
	}
	if err != nil {
		return err
	}
	page.Seen, page.Addresses = acc.Seen, acc.Addresses
	page.Stale = acc.Seen.IsZero() || s.Clock.Now().Sub(acc.Seen) > oldView
	add := func(label, value string, mono bool) {
		if value != "" {
			page.Account = append(page.Account, view.Fact{Label: label, Value: value, Mono: mono})
		}
	}
	add("Panel", acc.Instance, true)
	add("On the panel", plain(acc.Status), false)
	add("Power", acc.Power, false)
	add("Host name", acc.Hostname, true)
	add("User", acc.Username, true)
	add("Number there", acc.RemoteID, true)
	for _, d := range acc.Details {
		add(d[0], d[1], false)
	}
	if u, err := url.Parse(acc.URL); err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" {
		page.Account = append(page.Account, view.Fact{Label: "Open there", Value: u.Host, Link: acc.URL})
	}
	if sub.Status == subscription.Ended || acc.RemoteID == "" {
		return nil
	}
	page.Refresh = true
	power, password, login := s.Provision.Powers(acc.Instance)
	if can(c, auth.ServiceControl) && sub.Status == subscription.Active {
		if power {
			page.Power = powerQuestions("/services/"+page.ID, page.Title, page.Key)
		}
		page.Password = password
	}
	page.Login = login && can(c, auth.ServiceControl) && can(c, auth.ServiceSuspend)
	return nil
}

// fillBilling reads the parts, the periods with their invoices, and the add-ons.
func (s *Site) fillBilling(ctx context.Context, page *servicePage, sub subscription.Subscription, shop *catalog.Shop) error {
	items, err := s.Subscriptions.Items(ctx, []ids.Subscription{sub.ID})
	if err != nil {
		return err
	}
	for _, it := range items[sub.ID] {
		row := itemRow{Text: it.Text, Kind: string(it.Kind), Quantity: quantity(it.QtyMicro), Override: it.Override, Reason: it.OverrideReason}
		if row.Text == "" {
			row.Text = productName(shop, sub.Product)
		}
		page.Items = append(page.Items, row)
	}
	periods, err := s.Subscriptions.Periods(ctx, sub.ID, 24)
	if err != nil {
		return err
	}
	invoices, err := s.Invoices.Many(ctx, pick(periods, func(p subscription.Billed) ids.Invoice { return p.Invoice }))
	if err != nil {
		return err
	}
	today, _, err := s.today(ctx)
	if err != nil {
		return err
	}
	for _, p := range periods {
		row := periodRow{From: p.From, To: dayBefore(p.To), Kind: p.Kind, Net: p.Net, Paid: p.Paid}
		if inv, ok := invoices[p.Invoice]; ok {
			row.Invoice, row.State = view.Link{Label: inv.Number, Link: "/invoices/" + string(inv.ID)}, invoice.Label(inv, today)
		}
		page.Periods = append(page.Periods, row)
	}
	children, err := s.Subscriptions.Children(ctx, sub.ID)
	if err != nil {
		return err
	}
	page.Children, err = s.serviceRows(ctx, children)
	return err
}

// quantity is millionths as a number without needless zeros.
func quantity(micro int64) string {
	text := strings.TrimRight(strings.TrimRight(fmt.Sprintf("%d.%06d", micro/1_000_000, micro%1_000_000), "0"), ".")
	return text
}

// serviceQuestions are what may be done to a service by those who may, each asked in place.
func serviceQuestions(c echo.Context, page *servicePage, sub subscription.Subscription, title string) {
	here := "/services/" + string(sub.ID)
	if can(c, auth.ServiceSuspend) {
		switch {
		case sub.Status == subscription.Active || sub.Status == subscription.Pending && sub.Allows(subscription.Suspend):
			page.Suspend = view.Confirm{Label: "Suspend", Title: "Suspend " + title + "?", Text: "The customer cannot reach it until you bring it back. Paying does not bring it back.", Action: here + "/suspend", Submit: "Suspend " + title, Danger: true,
				Fields: []view.Field{{Name: "reason", ID: "suspend-reason", Label: "Why", Help: "The customer reads it.", MaxLength: 190}}}
		case sub.Status == subscription.Suspended:
			page.Suspend = view.Confirm{Label: "Bring back", Title: "Bring " + title + " back?", Text: "It runs again even if something is unpaid. A dispute or abuse keeps it down.", Action: here + "/unsuspend", Submit: "Bring back " + title}
		}
	}
	if can(c, auth.ServiceCancel) && sub.Status != subscription.Ended {
		if sub.CancelOn.IsZero() {
			page.Cancel = view.Confirm{Label: "Cancel", Title: "Cancel " + title + "?", Text: "It ends when what is paid is over. Until then the cancellation can be taken back.", Action: here + "/cancel", Submit: "Cancel at the end of the term",
				Fields: []view.Field{{Name: "reason", ID: "cancel-reason", Label: "Why", Optional: true, MaxLength: 190}}}
		} else {
			page.Cancel = view.Confirm{Label: "Keep", Title: "Keep " + title + "?", Text: "The cancellation is taken back; it renews as before.", Action: here + "/keep", Submit: "Keep " + title}
		}
	}
	if can(c, auth.ServiceTerminate) && sub.Status != subscription.Ended {
		page.Terminate = view.Confirm{Label: "Terminate", Title: "Terminate " + title + "?", Text: "The account on the panel is deleted now, with all that is on it. This cannot be undone, and nothing is paid back by itself.", Action: here + "/terminate", Submit: "Terminate " + title, Name: title, Danger: true,
			Fields: []view.Field{{Name: "reason", ID: "terminate-reason", Label: "Why", Optional: true, MaxLength: 190}}}
	}
	if can(c, auth.ServiceControl) && sub.Status != subscription.Ended {
		page.Rename = view.Confirm{Label: "Rename", Title: "Rename " + title, Action: here + "/rename", Submit: "Rename", Fields: []view.Field{{Name: "label", Label: "Name", Value: sub.Label, MaxLength: 120}}}
	}
}
