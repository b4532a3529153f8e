package api

import (
	"context"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/platform/auth"
)

type staffServicesIn struct {
	ServicesQuery
	Customer string `query:"customer" maxLength:"60"`
}

func (s *Site) adminServices() {
	add(s, operation{id: "admin-list-services", method: get, path: "/admin/services", scope: auth.ServiceSee, staff: true, tag: "Staff: services", says: "The services"}, s.listAllServices)
	add(s, operation{id: "admin-get-service", method: get, path: "/admin/services/{id}", scope: auth.ServiceSee, staff: true, tag: "Staff: services", says: "A service with its account"}, s.getAnyService)
	add(s, operation{id: "admin-suspend-service", method: post, path: "/admin/services/{id}/suspend", scope: auth.ServiceSuspend, staff: true, key: mayKey, tag: "Staff: services", says: "Suspend a service",
		more: "The customer reads the reason. Payment does not lift it."}, s.suspend)
	add(s, operation{id: "admin-unsuspend-service", method: post, path: "/admin/services/{id}/unsuspend", scope: auth.ServiceSuspend, staff: true, key: mayKey, tag: "Staff: services", says: "Bring a service back"}, s.unsuspend)
	add(s, operation{id: "admin-terminate-service", method: post, path: "/admin/services/{id}/terminate", scope: auth.ServiceTerminate, staff: true, key: mayKey, tag: "Staff: services", says: "End a service for good",
		more: "Its account on the panel is deleted, with all that is on it."}, s.terminate)
}

func (s *Site) listAllServices(ctx context.Context, in *staffServicesIn) (Services, error) {
	f, err := serviceFilter(in.ServicesQuery)
	if err != nil {
		return Services{}, err
	}
	if f.Customer, err = optional[ids.Customer](in.Customer, "customer"); err != nil {
		return Services{}, err
	}
	return s.servicePage(ctx, f)
}

func (s *Site) getAnyService(ctx context.Context, in *ByID) (ServiceFull, error) {
	id, err := parse[ids.Subscription](in.ID, subscription.ErrNotFound)
	if err != nil {
		return ServiceFull{}, err
	}
	return s.again(ctx, id)
}

// change does something to a service and answers how it stands then.
func (s *Site) change(ctx context.Context, text string, do func(ids.Subscription) error) (ServiceFull, error) {
	id, err := parse[ids.Subscription](text, subscription.ErrNotFound)
	if err != nil {
		return ServiceFull{}, err
	}
	if err := do(id); err != nil {
		return ServiceFull{}, err
	}
	return s.again(ctx, id)
}

func (s *Site) suspend(ctx context.Context, in *reasonIn) (ServiceFull, error) {
	return s.change(ctx, in.ID, func(id ids.Subscription) error { return s.Flow.SuspendService(ctx, id, in.Body.Reason) })
}

func (s *Site) unsuspend(ctx context.Context, in *bareIn) (ServiceFull, error) {
	return s.change(ctx, in.ID, func(id ids.Subscription) error { return s.Flow.UnsuspendService(ctx, id) })
}

func (s *Site) terminate(ctx context.Context, in *reasonIn) (ServiceFull, error) {
	return s.change(ctx, in.ID, func(id ids.Subscription) error { return s.Flow.TerminateService(ctx, id, in.Body.Reason) })
}
