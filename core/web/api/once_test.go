package api_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/core/sales/order"
	"github.com/ezscale/bursar/core/web/api"
)

// fifty sends a request fifty times at once, to two processes, and has the answers be equal.
func fifty(t *testing.T, one, two *program, path, key string, body any) answer {
	t.Helper()
	answers := make([]answer, 50)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() {
			p := one
			if i%2 == 1 {
				p = two
			}
			answers[i] = p.post(path, key, body)
		})
	}
	all.Wait()
	for _, a := range answers {
		if a.Code != answers[0].Code || string(a.Body) != string(answers[0].Body) {
			t.Fatalf("%d %s\n%d %s", a.Code, a.Body, answers[0].Code, answers[0].Body)
		}
	}
	return answers[0]
}

func TestFiftyRequestsWithOneKeyHaveOneEffect(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		again := w.restart(dbtest.Again(t, d))
		p, staff := w.owner("jana"), w.staff(auth.RoleAdmin)
		var placed api.Placed
		fifty(t, p, p.on(again), "/orders", "order", w.order(1)).is(201, &placed)
		pay := "/invoices/" + placed.Invoice.ID + "/pay"
		var started api.Started
		fifty(t, staff, staff.on(again), "/admin/customers", "ben", map[string]any{"first": "Ben", "last": "Berg", "email": "ben@example.com", "country": "DE", "line1": "Weg 2", "city": "Kiel", "postcode": "24103", "currency": "EUR"}).is(201)
		w.clock.Forward(w.clock.Now().Add(1e10))
		fifty(t, p, p.on(again), pay, "pay", map[string]any{"gateway": "bank"}).is(200, &started)
		w.clock.Forward(w.clock.Now().Add(1e10))
		slip := map[string]any{"amount": map[string]any{"minor": 100, "currency": "EUR"}}
		fifty(t, staff, staff.on(again), "/admin/invoices/"+placed.Invoice.ID+"/payments", "slip", slip).is(201)

		orders, err := w.Orders.List(t.Context(), order.Filter{})
		w.ok(err)
		invoices, err := w.Invoices.List(t.Context(), invoice.Filter{})
		w.ok(err)
		attempts, err := w.Payments.List(t.Context(), payment.AttemptFilter{})
		w.ok(err)
		payments, err := w.Payments.Payments(t.Context(), payment.Filter{})
		w.ok(err)
		bens, err := w.Customers.List(t.Context(), customer.Filter{Query: "ben@example.com"})
		w.ok(err)
		if orders.Total != 1 || invoices.Total != 1 || attempts.Total != 1 || payments.Total != 1 || bens.Total != 1 || len(w.bank.Journal(started.Attempt)) != 1 {
			t.Errorf("%d orders, %d invoices, %d attempts, %d payments, %d Bens, %v", orders.Total, invoices.Total, attempts.Total, payments.Total, bens.Total, w.bank.Journal())
		}
	})
}

func TestAKeyNamesOneRequest(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		p, kim := w.owner("jana"), w.owner("kim")
		p.do("POST", "/orders", w.order(0)).problem(422, "idempotency_key_missing", "Idempotency-Key")
		p.post("/orders", string(make([]byte, 101)), w.order(0)).problem(422, "idempotency_key_invalid", "Idempotency-Key")
		var first, again, other api.Placed
		a := p.post("/orders", "one", w.order(0)).is(201, &first)
		p.post("/orders", "one", w.order(1)).problem(422, "idempotency_key_reused", "Idempotency-Key")
		if b := p.on(w.restart(dbtest.Again(t, d))).post("/orders", "one", w.order(0)).is(201, &again); string(a.Body) != string(b.Body) {
			t.Errorf("%s\n%s", a.Body, b.Body)
		}
		kim.post("/orders", "one", w.order(0)).is(201, &other)
		if other.Order.ID == first.Order.ID {
			t.Error("keys are shared between callers")
		}
		p.post("/invoices/"+first.Invoice.ID+"/pay", "pay", map[string]any{"gateway": "bank"}).is(200)
		p.post("/invoices/"+other.Invoice.ID+"/pay", "pay", map[string]any{"gateway": "bank"}).problem(422, "idempotency_key_reused", "Idempotency-Key")

		// What was refused may be sent again, corrected, under its key.
		bad := w.order(0)
		bad["terms_version"] = "of last year"
		p.post("/orders", "two", bad).problem(409, "terms_changed", "terms")
		p.post("/orders", "two", w.order(0)).is(201)
	})
}

// TestARequestWhoseProcessDied: the effect is there, its answer was not kept. Whoever sends it again gets that effect.
func TestARequestWhoseProcessDied(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		p, staff := w.owner("jana"), w.staff(auth.RoleBilling)
		die := func() {
			t.Helper()
			_, err := d.Write(t.Context()).ExecContext(t.Context(), `UPDATE idempotency_keys SET state = 'running', answer = '', status = 0, created_at = ? WHERE state = 'done'`, w.clock.Now())
			w.ok(err)
			w.clock.Forward(w.clock.Now().Add(2 * 6e10))
		}
		var one, two api.Placed
		p.post("/orders", "one", w.order(0)).is(201, &one)
		die()
		p.post("/orders", "one", w.order(0)).is(201, &two)
		if one.Order.ID != two.Order.ID || one.Invoice.ID != two.Invoice.ID {
			t.Errorf("%+v %+v", one.Order, two.Order)
		}
		var page, page2 api.Started
		p.post("/invoices/"+one.Invoice.ID+"/pay", "pay", map[string]any{"gateway": "bank"}).is(200, &page)
		die()
		p.post("/invoices/"+one.Invoice.ID+"/pay", "pay", map[string]any{"gateway": "bank"}).is(200, &page2)
		if page != page2 {
			t.Errorf("%+v %+v", page, page2)
		}
		slip := map[string]any{"amount": map[string]any{"minor": 100, "currency": "EUR"}, "memo": "slip"}
		var paid, paid2 api.Recorded
		staff.post("/admin/invoices/"+one.Invoice.ID+"/payments", "slip", slip).is(201, &paid)
		die()
		staff.post("/admin/invoices/"+one.Invoice.ID+"/payments", "slip", slip).is(201, &paid2)
		if paid.Payment.ID != paid2.Payment.ID || paid2.Invoice.Paid.Minor != 100 {
			t.Errorf("%+v %+v", paid, paid2)
		}
		if fmt.Sprint(w.bank.Journal(page.Attempt)) == "" {
			t.Error("the gateway was not asked")
		}
	})
}
