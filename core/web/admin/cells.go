package admin

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/hosting/provision"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/core/sales/order"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/money"
)

// pick is one field of each, without empty and repeated ones.
func pick[T any, I ids.Kind](list []T, of func(T) I) []I {
	seen := map[I]bool{"": true}
	var out []I
	for _, v := range list {
		if id := of(v); !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	return out
}

// names are the names of customers, in one query; who is not found has none.
func (s *Site) names(ctx context.Context, set []ids.Customer) (map[ids.Customer]string, error) {
	if len(set) == 0 {
		return nil, nil
	}
	all, err := s.Customers.Many(ctx, set)
	if err != nil {
		return nil, err
	}
	out := make(map[ids.Customer]string, len(all))
	for id, c := range all {
		out[id] = c.Name()
	}
	return out, nil
}

// productName is what a product is called; the shop keeps also those that are no longer sold.
func productName(shop *catalog.Shop, id ids.Product) string {
	if p, ok := shop.Product(id); ok {
		return p.Name
	}
	return short(id)
}

// cycleText is a cycle for people: "every month", "every 3 months", "once".
func cycleText(c period.Cycle) string {
	if !c.Recurs() {
		return "once"
	}
	unit := strings.TrimSuffix(string(c.Unit), "s")
	if c.N == 1 {
		return "every " + unit
	}
	return fmt.Sprintf("every %d %ss", c.N, unit)
}

// orderRow is an order in a list.
type orderRow struct {
	ID         string
	Number     int64
	CustomerID string
	Customer   string
	State      string
	Total      money.Amount
	Placed     time.Time
	Expires    period.Day // cancelled on that day if still pending; zero: never
}

func (s *Site) orderRows(ctx context.Context, list []order.Order) ([]orderRow, error) {
	names, err := s.names(ctx, pick(list, func(o order.Order) ids.Customer { return o.Customer }))
	if err != nil {
		return nil, err
	}
	rows := make([]orderRow, len(list))
	for i, o := range list {
		rows[i] = orderRow{ID: string(o.ID), Number: o.Number, CustomerID: string(o.Customer), Customer: names[o.Customer], State: string(o.Status), Total: o.Total, Placed: o.Placed}
		if o.Status == order.Pending {
			rows[i].Expires = o.ExpiresOn
		}
	}
	return rows, nil
}

// serviceRow is a service in a list.
type serviceRow struct {
	ID           string
	Label        string
	Product      string
	CustomerID   string
	Customer     string
	State        string // of the service, or of what is being done to it
	Host         string // as the panel has it
	Address      string // the first one
	Cycle        string
	Renews, Ends period.Day // next bill; the day on which it ends. Zero: none
}

func (s *Site) serviceRows(ctx context.Context, list []subscription.Subscription) ([]serviceRow, error) {
	shop, err := s.Catalog.Shop(ctx)
	if err != nil {
		return nil, err
	}
	set := pick(list, func(sub subscription.Subscription) ids.Subscription { return sub.ID })
	if len(set) == 0 {
		return nil, nil
	}
	names, err := s.names(ctx, pick(list, func(sub subscription.Subscription) ids.Customer { return sub.Customer }))
	if err != nil {
		return nil, err
	}
	accounts, err := s.Provision.Accounts(ctx, set)
	if err != nil {
		return nil, err
	}
	latest, err := s.Provision.Latest(ctx, set)
	if err != nil {
		return nil, err
	}
	rows := make([]serviceRow, len(list))
	for i, sub := range list {
		r := serviceRow{ID: string(sub.ID), Label: sub.Label, Product: productName(shop, sub.Product), CustomerID: string(sub.Customer), Customer: names[sub.Customer],
			State: serviceState(sub, latest[sub.ID]), Cycle: cycleText(sub.Cycle), Renews: sub.BillOn, Ends: sub.CancelOn}
		if r.Label == "" {
			r.Label = r.Product
		}
		if sub.Status == subscription.Ended {
			r.Ends = sub.EndedOn
		}
		if acc, ok := accounts[sub.ID]; ok {
			r.Host = acc.Hostname
			if len(acc.Addresses) > 0 {
				r.Address = acc.Addresses[0]
			}
		}
		rows[i] = r
	}
	return rows, nil
}

// serviceState is the word for a service: its status, or that its account is being made, or could not be.
func serviceState(sub subscription.Subscription, last provision.Operation) string {
	switch {
	case sub.Status == subscription.Pending && last.Kind == provision.Create && last.State.Open():
		return "setting_up"
	case sub.Status != subscription.Ended && (last.State == provision.Failed || last.State == provision.Stuck):
		return "failed"
	case sub.Status == subscription.Active && !sub.CancelOn.IsZero():
		return "ending"
	}
	return string(sub.Status)
}

// operationState is the word for an operation as states of jobs are drawn.
func operationState(op provision.Operation) string {
	switch op.State {
	case provision.Calling, provision.Running:
		if op.Fault.Kind != "" {
			return "retrying"
		}
		return "running"
	case provision.Stuck:
		return "unknown"
	case provision.Dropped:
		return "replaced"
	}
	return string(op.State)
}

// faultText is what the last call said, "" if it went well.
func faultText(op provision.Operation) string {
	if op.Fault.Kind == "" {
		return ""
	}
	if op.Fault.Text != "" {
		return op.Fault.Text
	}
	return plain(op.Fault.Code)
}

// invoiceRow is an invoice in a list of a customer or a service.
type invoiceRow struct {
	ID, Number, Kind, State string
	Issued, Due             period.Day
	Total, Open             money.Amount
}

func invoiceRows(list []invoice.Invoice, today period.Day) []invoiceRow {
	rows := make([]invoiceRow, len(list))
	for i, inv := range list {
		rows[i] = invoiceRow{ID: string(inv.ID), Number: inv.Number, Kind: billedFor(inv.Kind), State: invoice.Label(inv, today), Issued: inv.Issued, Due: inv.Due, Total: inv.Amount(inv.Total)}
		if inv.Status == invoice.Opened {
			rows[i].Open = inv.Amount(inv.Open())
		}
		if rows[i].Number == "" {
			rows[i].Number = "Draft " + short(inv.ID)
		}
	}
	return rows
}

// billedFor says what an invoice is for.
func billedFor(kind string) string {
	if kind == invoice.KindFirst {
		return "order"
	}
	return plain(kind)
}

// paymentRow is a payment in a list of a customer.
type paymentRow struct {
	ID, Way, Ref, State string
	On                  period.Day
	Amount              money.Amount
	Refunded            bool
}

func paymentRows(list []payment.Payment) []paymentRow {
	rows := make([]paymentRow, len(list))
	for i, p := range list {
		state := string(p.Status)
		if p.Status == payment.StatusCaptured {
			state = "settled"
			if p.Disputed > 0 {
				state = "disputed"
			} else if p.Refunded >= p.Amount.Minor() {
				state = "refunded"
			}
		}
		way := p.Gateway
		if p.Source == payment.FromBalance {
			way = "balance"
		}
		ref := p.Ref
		if p.Source == payment.FromBank && p.Memo != "" {
			ref = p.Memo
		}
		rows[i] = paymentRow{ID: string(p.ID), Way: way, Ref: ref, State: state, On: p.On, Amount: p.Amount, Refunded: p.Refunded > 0}
	}
	return rows
}

// actors are the names of those who did what rows of the trail tell, in one query for all.
func (s *Site) actors(ctx context.Context, rows []audit.Row) (map[string]string, error) {
	out := map[string]string{"system": "by itself", "anonymous": "a visitor"}
	asked := false
	for _, r := range rows {
		kind, id, _ := strings.Cut(r.Who.Actor, ":")
		switch {
		case kind == "staff" && !asked && auth.Require(ctx, auth.StaffSee) == nil:
			asked = true
			list, err := s.Auth.ListStaff(ctx)
			if err != nil {
				return nil, err
			}
			for _, m := range list {
				out["staff:"+string(m.ID)] = m.Name
			}
		case kind == "customer":
			out[r.Who.Actor] = "the customer"
			if r.Who.OnBehalf != "" {
				out[r.Who.Actor] = "staff in the customer's place"
			}
		case kind == "token":
			out[r.Who.Actor] = "an API token, " + short(id)
		}
		if out[r.Who.Actor] == "" {
			out[r.Who.Actor] = short(id)
		}
	}
	return out, nil
}

// subjectLink leads to the thing that an ID names, "" if it has no page here.
func subjectLink(subject string) string {
	kind, _, _ := strings.Cut(subject, "_")
	switch kind {
	case "cus":
		return "/customers/" + subject
	case "sub":
		return "/services/" + subject
	case "ord":
		return "/orders/" + subject
	case "inv":
		return "/invoices/" + subject
	case "pay":
		return "/payments/" + subject
	case "op":
		return "/provisioning/" + subject
	}
	return ""
}

// actionText is an action of the trail for people: "invoice.refund" is "Invoice refund".
func actionText(action string) string {
	text := plain(strings.ReplaceAll(action, ".", " "))
	if text == "" {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

var actionIcons = map[string]string{
	"customer": "user", "user": "user", "staff": "users", "order": "package", "service": "server", "subscription": "server", "invoice": "receipt", "payment": "credit-card",
	"provision": "workflow", "coupon": "ticket-percent", "product": "tags", "price": "tags", "settings": "settings", "plugin": "plug", "tax": "percent", "clock": "clock", "auth": "key-round",
	"sign_in": "log-in", "member": "users", "stand_in": "log-in", "token": "key-round", "password": "key-round",
}

// actionIcon is the sign of what an action is about.
func actionIcon(action string) string {
	kind, _, _ := strings.Cut(action, ".")
	if icon := actionIcons[kind]; icon != "" {
		return icon
	}
	return "circle"
}

// person is somebody who may sign in for a customer.
type person struct {
	ID                string
	Name, Email, Role string
	Plain             string // the role as it is stored
	Off               bool
	Verified          bool
	LastSeen          time.Time
}

func people(list []auth.Member) []person {
	out := make([]person, len(list))
	for i, m := range list {
		out[i] = person{ID: string(m.User.ID), Plain: m.Role, Name: m.User.Name, Email: m.User.Email, Role: plain(m.Role), Off: m.User.Status == auth.Disabled, Verified: !m.User.Verified.IsZero(), LastSeen: m.User.LastSeen}
	}
	return out
}

// addressLines are those of a customer's address that are filled in.
func addressLines(c customer.Customer) string {
	a := c.Address
	var out []string
	for _, line := range []string{a.Line1, a.Line2, strings.TrimSpace(a.Postcode + " " + a.City), a.Region, customer.CountryName(a.Country)} {
		if line != "" {
			out = append(out, line)
		}
	}
	return strings.Join(out, ", ")
}

// yesno is a truth for people.
func yesno(b bool, yes, no string) string {
	if b {
		return yes
	}
	return no
}

// labels makes choices of a select from status words of a kind.
func labels[T ~string](kind string, all ...T) []view.Choice {
	out := make([]view.Choice, len(all))
	for i, word := range all {
		out[i] = view.Choice{Value: string(word), Label: view.Label(kind, string(word))}
	}
	return out
}
