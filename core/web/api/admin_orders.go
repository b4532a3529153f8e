package api

import (
	"context"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/sales/order"
)

// OrderShort is an order in a list.
type OrderShort struct {
	ID       string `json:"id"`
	Number   int64  `json:"number"`
	Customer string `json:"customer"`
	Status   string `json:"status" enum:"pending,review,active,cancelled,fraud"`
	Total    Amount `json:"total"`
	Invoice  string `json:"invoice,omitempty"`
	Placed   string `json:"placed" format:"date-time"`
}

// Orders is a page of orders.
type Orders struct {
	Data  []OrderShort `json:"data" nullable:"false"`
	Next  string       `json:"next,omitempty" doc:"Send it as after; not there on the last page"`
	Total int          `json:"total" doc:"Of all pages"`
}

// StaffOrderIn is an order for a customer.
type StaffOrderIn struct {
	Customer string `json:"customer" maxLength:"60" doc:"ID of the customer"`
	OrderIn
}

type ordersIn struct {
	Paging
	Customer string   `query:"customer" maxLength:"60"`
	Status   []string `query:"status" enum:"pending,review,active,cancelled,fraud" maxItems:"5" doc:"Any of these, by commas"`
	Query    string   `query:"q" maxLength:"100" doc:"The number, or a whole ID"`
	Sort     string   `query:"sort" enum:"newest,oldest" default:"newest"`
}

type staffOrderIn struct {
	MustKeyed
	Body StaffOrderIn
}

type reasonIn struct {
	ByID
	Keyed
	Body Reason
}

// Reason says why.
type Reason struct {
	Reason string `json:"reason" minLength:"1" maxLength:"190" doc:"Why; the customer may read it"`
}

func (s *Site) adminOrders() {
	add(s, operation{id: "admin-list-orders", method: get, path: "/admin/orders", scope: auth.OrderSee, staff: true, tag: "Staff: orders", says: "The orders"}, s.listOrders)
	add(s, operation{id: "admin-place-order", method: post, path: "/admin/orders", scope: auth.OrderPlace, staff: true, status: 201, key: mustKey, tag: "Staff: orders", says: "Place an order for a customer",
		more: "The answer has a link that pays the invoice without signing in."}, s.placeOrderFor)
	add(s, operation{id: "admin-get-order", method: get, path: "/admin/orders/{id}", scope: auth.OrderSee, staff: true, tag: "Staff: orders", says: "An order"}, s.getAnyOrder)
	add(s, operation{id: "admin-accept-order", method: post, path: "/admin/orders/{id}/accept", scope: auth.OrderAccept, staff: true, key: mayKey, tag: "Staff: orders", says: "Accept an order that waits for staff"}, s.acceptOrder)
	add(s, operation{id: "admin-cancel-order", method: post, path: "/admin/orders/{id}/cancel", scope: auth.OrderAccept, staff: true, key: mayKey, tag: "Staff: orders", says: "Take an order back",
		more: "Its services end, its invoice is credited, what was paid goes to the balance."}, s.cancelOrder)
}

func (s *Site) listOrders(ctx context.Context, in *ordersIn) (Orders, error) {
	f := order.Filter{Statuses: texts[order.Status](in.Status), Query: in.Query, Sort: in.Sort, After: in.After, Limit: in.Limit}
	var err error
	if f.Customer, err = optional[ids.Customer](in.Customer, "customer"); err != nil {
		return Orders{}, err
	}
	page, err := s.Flow.Orders.List(ctx, f)
	if err != nil {
		return Orders{}, err
	}
	return Orders{Next: page.Next, Total: page.Total, Data: each(page.List, func(o order.Order) OrderShort {
		return OrderShort{ID: string(o.ID), Number: o.Number, Customer: string(o.Customer), Status: string(o.Status), Total: amount(o.Total), Invoice: string(o.Invoice), Placed: stamp(o.Placed)}
	})}, nil
}

func (s *Site) placeOrderFor(ctx context.Context, in *staffOrderIn) (Placed, error) {
	c, err := optional[ids.Customer](in.Body.Customer, "customer")
	if err != nil {
		return Placed{}, err
	}
	if _, err := s.Flow.Customers.Get(ctx, c); err != nil {
		return Placed{}, err
	}
	out, err := s.place(ctx, c, in.Body.OrderIn, requestKey(ctx, "admin-place-order", in.Key))
	if err != nil || out.Pay == nil || !auth.Of(ctx).Can(auth.InvoicePay) {
		return out, err
	}
	out.Pay.URL, err = s.Flow.PayLink(ctx, ids.Invoice(out.Invoice.ID))
	return out, err
}

// anyOrder reads an order for staff.
func (s *Site) anyOrder(ctx context.Context, text string) (order.Order, error) {
	id, err := parse[ids.Order](text, order.ErrNotFound)
	if err != nil {
		return order.Order{}, err
	}
	return s.Flow.Orders.Get(ctx, id)
}

func (s *Site) getAnyOrder(ctx context.Context, in *ByID) (Order, error) {
	o, err := s.anyOrder(ctx, in.ID)
	if err != nil {
		return Order{}, err
	}
	return s.order(ctx, o)
}

func (s *Site) acceptOrder(ctx context.Context, in *bareIn) (Order, error) {
	o, err := s.anyOrder(ctx, in.ID)
	if err != nil {
		return Order{}, err
	}
	if err := s.Flow.AcceptOrder(ctx, o.ID); err != nil {
		return Order{}, err
	}
	return s.getAnyOrder(ctx, &in.ByID)
}

func (s *Site) cancelOrder(ctx context.Context, in *reasonIn) (Order, error) {
	o, err := s.anyOrder(ctx, in.ID)
	if err != nil {
		return Order{}, err
	}
	if err := s.Flow.CancelOrder(ctx, o.ID, in.Body.Reason); err != nil {
		return Order{}, err
	}
	return s.getAnyOrder(ctx, &in.ByID)
}
