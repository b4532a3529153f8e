package api

import (
	"context"
	"errors"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/hosting/provision"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/sdk/panel"
)

// Service is what a customer has.
type Service struct {
	ID        string  `json:"id"`
	Customer  string  `json:"customer"`
	Order     string  `json:"order,omitempty"`
	Product   Product `json:"product"`
	Label     string  `json:"label"`
	Status    string  `json:"status" enum:"pending,active,suspended,ended"`
	Currency  string  `json:"currency"`
	Cycle     string  `json:"cycle"`
	BilledTo  string  `json:"billed_to,omitempty" format:"date" doc:"First day that is not billed"`
	PaidTo    string  `json:"paid_to,omitempty" format:"date" doc:"First day that is not paid"`
	BillOn    string  `json:"bill_on,omitempty" format:"date" doc:"Day of the next renewal invoice"`
	CancelOn  string  `json:"cancel_on,omitempty" format:"date" doc:"Ends on that day"`
	EndedOn   string  `json:"ended_on,omitempty" format:"date"`
	EndReason string  `json:"end_reason,omitempty"`
	Created   string  `json:"created" format:"date-time"`
}

// ServiceFull is a service with its account on the panel.
type ServiceFull struct {
	Service
	Causes    []Cause    `json:"suspended_for" nullable:"false" doc:"Why it is down"`
	Account   *Account   `json:"account,omitempty" doc:"As it was last seen on the panel"`
	Operation *Operation `json:"operation,omitempty" doc:"The newest change of the account"`
}

// Cause is one reason why a service is down.
type Cause struct {
	Cause  string `json:"cause" doc:"unpaid, staff, abuse, dispute, traffic"`
	Reason string `json:"reason,omitempty"`
	Since  string `json:"since" format:"date-time"`
}

// Account is an account on a panel.
type Account struct {
	Hostname  string   `json:"hostname,omitempty"`
	Username  string   `json:"username,omitempty"`
	Status    string   `json:"status,omitempty"`
	Power     string   `json:"power,omitempty"`
	Addresses []string `json:"addresses" nullable:"false"`
	Details   []Detail `json:"details" nullable:"false"`
	Seen      string   `json:"seen,omitempty" format:"date-time"`
	CanPower  bool     `json:"can_power"`
}

// Detail is something that the panel tells of an account.
type Detail struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

// Operation is a change of an account.
type Operation struct {
	ID       string `json:"id"`
	Kind     string `json:"kind" doc:"create, suspend, unsuspend, terminate, power, password, reinstall"`
	State    string `json:"state" enum:"queued,calling,running,done,failed,stuck,dropped"`
	Percent  int    `json:"percent" doc:"0 is unknown"`
	Progress string `json:"progress,omitempty"`
}

// Services is a page of services.
type Services struct {
	Data  []Service `json:"data" nullable:"false"`
	Next  string    `json:"next,omitempty" doc:"Send it as after; not there on the last page"`
	Total int       `json:"total" doc:"Of all pages"`
}

// Usage is what a service used.
type Usage struct {
	Meters []Meter `json:"meters" nullable:"false"`
}

// Meter is a measured thing.
type Meter struct {
	Name  string `json:"name" doc:"traffic, cpu, mailboxes"`
	Unit  string `json:"unit"`
	Used  int64  `json:"used"`
	Limit int64  `json:"limit" doc:"0: none"`
	From  string `json:"from,omitempty" format:"date-time" doc:"Not there: a level at this moment"`
	To    string `json:"to,omitempty" format:"date-time"`
}

// ServicesQuery narrows a list of services.
type ServicesQuery struct {
	Paging
	Status  []string `query:"status" enum:"pending,active,suspended,ended" maxItems:"4" doc:"Any of these, by commas"`
	Product string   `query:"product" maxLength:"60" doc:"ID of a product"`
	Query   string   `query:"q" maxLength:"100" doc:"Part of the label"`
	Sort    string   `query:"sort" enum:"newest,oldest" default:"newest"`
}

// PowerIn says what to do.
type PowerIn struct {
	Action string `json:"action" enum:"start,stop,restart,kill" doc:"stop asks the system, kill pulls the plug"`
}

// CancelIn says when it shall end.
type CancelIn struct {
	When   string `json:"when,omitempty" enum:"end,now" default:"end" doc:"At the end of what is paid, or now"`
	Reason string `json:"reason,omitempty" maxLength:"500"`
}

type powerIn struct {
	ByID
	Keyed
	Body PowerIn
}

type cancelIn struct {
	ByID
	Keyed
	Body CancelIn
}

// bareIn is a request that says no more than its address.
type bareIn struct {
	ByID
	Keyed
	Body *Nothing
}

func (s *Site) services() {
	add(s, operation{id: "list-services", method: get, path: "/services", scope: auth.ServiceSee, tag: "Services", says: "The services"}, s.listServices)
	add(s, operation{id: "get-service", method: get, path: "/services/{id}", scope: auth.ServiceSee, tag: "Services", says: "A service with its account"}, s.getService)
	add(s, operation{id: "get-usage", method: get, path: "/services/{id}/usage", scope: auth.ServiceSee, tag: "Services", says: "What a service used",
		more: "Asked of the panel now. Empty where it measures nothing."}, s.getUsage)
	add(s, operation{id: "power-service", method: post, path: "/services/{id}/power", scope: auth.ServiceControl, status: 202, key: mayKey, tag: "Services", says: "Start, stop or restart a service",
		more: "It is done in the background: the answer says how it stands."}, s.power)
	add(s, operation{id: "cancel-service", method: post, path: "/services/{id}/cancel", scope: auth.ServiceCancel, key: mayKey, tag: "Services", says: "Cancel a service"}, s.cancel)
	add(s, operation{id: "keep-service", method: post, path: "/services/{id}/keep", scope: auth.ServiceCancel, key: mayKey, tag: "Services", says: "Take a cancellation back"}, s.keep)
}

func serviceFilter(in ServicesQuery) (f subscription.Filter, err error) {
	f = subscription.Filter{Statuses: texts[subscription.Status](in.Status), Query: in.Query, Sort: in.Sort, After: in.After, Limit: in.Limit}
	f.Product, err = optional[ids.Product](in.Product, "product")
	return f, err
}

func (s *Site) listServices(ctx context.Context, in *ServicesQuery) (Services, error) {
	f, err := serviceFilter(*in)
	if err != nil {
		return Services{}, err
	}
	f.Customer = auth.Of(ctx).Customer
	return s.servicePage(ctx, f)
}

func (s *Site) servicePage(ctx context.Context, f subscription.Filter) (Services, error) {
	shop, err := s.Flow.Catalog.Shop(ctx)
	if err != nil {
		return Services{}, err
	}
	page, err := s.Flow.Subscriptions.List(ctx, f)
	if err != nil {
		return Services{}, err
	}
	return Services{Data: each(page.List, func(v subscription.Subscription) Service { return serviceOf(v, shop) }), Next: page.Next, Total: page.Total}, nil
}

func serviceOf(v subscription.Subscription, shop *catalog.Shop) Service {
	p, _ := shop.Product(v.Product)
	return Service{ID: string(v.ID), Customer: string(v.Customer), Order: string(v.Order), Product: Product{ID: string(v.Product), Name: p.Name}, Label: v.Label, Status: string(v.Status),
		Currency: v.Currency, Cycle: v.Cycle.String(), BilledTo: v.BilledTo.String(), PaidTo: v.PaidTo.String(), BillOn: v.BillOn.String(), CancelOn: v.CancelOn.String(),
		EndedOn: v.EndedOn.String(), EndReason: string(v.EndReason), Created: stamp(v.Created)}
}

// mine reads a service of the customer who asks.
func (s *Site) mine(ctx context.Context, text string) (subscription.Subscription, error) {
	id, err := parse[ids.Subscription](text, subscription.ErrNotFound)
	if err != nil {
		return subscription.Subscription{}, err
	}
	return s.Flow.Subscriptions.GetFor(ctx, auth.Of(ctx).Customer, id)
}

func (s *Site) getService(ctx context.Context, in *ByID) (ServiceFull, error) {
	v, err := s.mine(ctx, in.ID)
	if err != nil {
		return ServiceFull{}, err
	}
	return s.service(ctx, v)
}

// service is a service with what is known of its account.
func (s *Site) service(ctx context.Context, v subscription.Subscription) (ServiceFull, error) {
	shop, err := s.Flow.Catalog.Shop(ctx)
	if err != nil {
		return ServiceFull{}, err
	}
	out := ServiceFull{Service: serviceOf(v, shop), Causes: []Cause{}}
	of := []ids.Subscription{v.ID}
	causes, err := s.Flow.Subscriptions.Causes(ctx, of)
	if err != nil {
		return out, err
	}
	for _, c := range causes[v.ID] {
		out.Causes = append(out.Causes, Cause{Cause: string(c.Cause), Reason: c.Reason, Since: stamp(c.Opened)})
	}
	latest, err := s.Flow.Provision.Latest(ctx, of)
	if err != nil {
		return out, err
	}
	if o, ok := latest[v.ID]; ok {
		out.Operation = &Operation{ID: string(o.ID), Kind: string(o.Kind), State: string(o.State), Percent: o.Percent, Progress: o.Progress}
	}
	a, err := s.Flow.Provision.Account(ctx, v.ID)
	switch {
	case errors.Is(err, provision.ErrNoAccount):
		return out, nil
	case err != nil:
		return out, err
	}
	power, _, _ := s.Flow.Provision.Powers(a.Instance)
	out.Account = &Account{Hostname: a.Hostname, Username: a.Username, Status: string(a.Status), Power: a.Power, Addresses: append([]string{}, a.Addresses...), Seen: stamp(a.Seen), CanPower: power,
		Details: each(a.Details, func(d [2]string) Detail { return Detail{Label: d[0], Value: d[1]} })}
	return out, nil
}

func (s *Site) getUsage(ctx context.Context, in *ByID) (Usage, error) {
	v, err := s.mine(ctx, in.ID)
	if err != nil {
		return Usage{}, err
	}
	meters, err := s.Flow.Usage(ctx, v.Customer, v.ID)
	if err != nil {
		return Usage{}, err
	}
	return Usage{Meters: each(meters, func(m panel.Meter) Meter {
		return Meter{Name: m.Name, Unit: m.Unit, Used: m.Used, Limit: m.Limit, From: stamp(m.From), To: stamp(m.To)}
	})}, nil
}

func (s *Site) power(ctx context.Context, in *powerIn) (ServiceFull, error) {
	v, err := s.mine(ctx, in.ID)
	if err != nil {
		return ServiceFull{}, err
	}
	if err := s.Flow.Power(ctx, v.Customer, v.ID, panel.PowerAction(in.Body.Action), requestKey(ctx, "power-service", in.Key)); err != nil {
		return ServiceFull{}, err
	}
	return s.again(ctx, v.ID)
}

func (s *Site) cancel(ctx context.Context, in *cancelIn) (ServiceFull, error) {
	v, err := s.mine(ctx, in.ID)
	if err != nil {
		return ServiceFull{}, err
	}
	if err := s.Flow.CancelService(ctx, v.Customer, v.ID, flow.CancelIn{AtEnd: in.Body.When != "now", Reason: in.Body.Reason}); err != nil {
		return ServiceFull{}, err
	}
	return s.again(ctx, v.ID)
}

func (s *Site) keep(ctx context.Context, in *bareIn) (ServiceFull, error) {
	v, err := s.mine(ctx, in.ID)
	if err != nil {
		return ServiceFull{}, err
	}
	if err := s.Flow.KeepService(ctx, v.Customer, v.ID); err != nil {
		return ServiceFull{}, err
	}
	return s.again(ctx, v.ID)
}

// again is how a service stands after a change.
func (s *Site) again(ctx context.Context, id ids.Subscription) (ServiceFull, error) {
	v, err := s.Flow.Subscriptions.Get(ctx, id)
	if err != nil {
		return ServiceFull{}, err
	}
	return s.service(ctx, v)
}
