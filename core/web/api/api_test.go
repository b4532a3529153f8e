package api_test

import (
	"strings"
	"testing"

	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/web/api"
)

// TestASaleByPrograms is a sale from the catalogue to a running server, and what staff sees of it.
func TestASaleByPrograms(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		p, staff := w.owner("jana"), w.staff(auth.RoleAdmin)
		w.checker, w.asked = newChecker(t, w), map[string]bool{}

		var shop api.Catalog
		(&program{w: w}).get("/catalog").is(200, &shop)
		if sold := shop.Groups[0].Products[0]; sold.Slug != "vps-1" || sold.Prices[0].Amount.Minor != 1000 || sold.Prices[0].Cycle != "1 month" || sold.Options[0].Prices[0].Amount.Decimal != "5.00" {
			t.Errorf("%+v", sold)
		}
		var quote api.Quote
		p.do("POST", "/quote", w.cart(2)).is(200, &quote)
		if quote.Total.Minor != 2380 || quote.Tax.Minor != 380 || quote.Renewals[0].Total.Minor != 2380 {
			t.Errorf("%+v", quote)
		}
		body := w.order(2)
		body["seen_total"] = map[string]any{"minor": 2379, "currency": "EUR"}
		p.post("/orders", "seen", body).problem(409, "price_changed", "")
		body["seen_total"] = map[string]any{"minor": 2380, "currency": "EUR"}
		var placed api.Placed
		p.post("/orders", "order 1", body).is(201, &placed)
		if placed.Order.Status != "pending" || placed.Invoice.Open.Minor != 2380 || placed.Pay == nil || placed.Pay.Due.Minor != 2380 || placed.Pay.Ways[0].Gateway != "bank" || len(placed.Order.Services) != 1 {
			t.Fatalf("%+v", placed)
		}
		inv := "/invoices/" + placed.Invoice.ID
		var started api.Started
		p.post(inv+"/pay", "pay 1", map[string]any{"gateway": "bank", "save": true, "return": "https://app.example.com/back?a={attempt}"}).is(200, &started)
		if started.URL == "" || started.Paid {
			t.Fatalf("%+v", started)
		}
		var attempt api.Attempt
		p.get("/payments/attempts/"+started.Attempt).is(200, &attempt)
		if attempt.Status != "waiting" || attempt.URL != started.URL || attempt.Invoices[0] != placed.Invoice.ID {
			t.Errorf("%+v", attempt)
		}
		w.ok(w.bank.Pay(started.Attempt))
		w.ok(w.ReceiveHook(t.Context(), "bank", w.bank.Hook(started.Attempt)))
		w.ok(w.Drain(t.Context()))
		p.get("/payments/attempts/"+started.Attempt).is(200, &attempt)
		var full api.InvoiceFull
		p.get(inv).is(200, &full)
		if attempt.Status != "succeeded" || full.Status != "paid" || full.Open.Minor != 0 || len(full.Lines) != 2 || full.Taxes[0].PPM != 190_000 {
			t.Errorf("%+v %+v", attempt, full)
		}
		pdf := p.get(inv + "/pdf").is(200)
		if pdf.Header.Get("Content-Type") != "application/pdf" || !strings.HasPrefix(string(pdf.Body), "%PDF-") || !strings.Contains(pdf.Header.Get("Content-Disposition"), full.Number) {
			t.Errorf("%v", pdf.Header)
		}
		var order api.Order
		p.get("/orders/"+placed.Order.ID).is(200, &order)
		id := order.Services[0].ID
		var service api.ServiceFull
		p.get("/services/"+id).is(200, &service)
		if order.Status != "active" || service.Status != "active" || service.Account == nil || service.Product.Name != "VPS 1" || service.Operation.State != "done" {
			t.Fatalf("%+v %+v", order, service)
		}
		p.get("/services/" + id + "/usage").is(200)
		p.get("/services?status=active,suspended&sort=oldest&limit=200").is(200)
		p.post("/services/"+id+"/power", "power 1", map[string]any{"action": "restart"}).is(202, &service)
		if service.Operation.Kind != "power" {
			t.Errorf("%+v", service.Operation)
		}
		var methods api.Methods
		p.get("/methods").is(200, &methods)
		if len(methods.Methods) != 1 || !methods.Methods[0].Default {
			t.Errorf("%+v", methods)
		}
		var me api.Me
		p.get("/me").is(200, &me)
		if me.Customer.ID != string(p.customer.ID) || me.Role != auth.RoleOwner || len(me.Scopes) == 0 {
			t.Errorf("%+v", me)
		}

		// A month later it renews from the saved method, in test mode.
		var plan api.Plan
		staff.get("/admin/plan?day=2027-04-10").is(200, &plan)
		if plan.Counts["bill"] != 1 {
			t.Errorf("%+v", plan)
		}
		var moved api.Advanced
		staff.post("/admin/clock/advance", "month", map[string]any{"days": 32}).is(200, &moved)
		if moved.Today != "2027-04-11" || len(moved.Runs) < 30 {
			t.Errorf("%+v", moved)
		}
		var invoices api.Invoices
		p.get("/invoices?sort=oldest&status=paid").is(200, &invoices)
		if invoices.Total != 2 || invoices.Data[1].Kind != "renewal" {
			t.Errorf("%+v", invoices)
		}
		p.do("POST", "/services/"+id+"/cancel", map[string]any{"reason": "too big"}).is(200, &service)
		if service.CancelOn != "2027-05-10" {
			t.Errorf("%+v", service)
		}
		p.do("POST", "/services/"+id+"/keep", nil).is(200, &service)
		if service.CancelOn != "" {
			t.Errorf("%+v", service)
		}

		// Staff.
		staff.do("POST", "/admin/services/"+id+"/suspend", map[string]any{"reason": "abuse report"}).is(200, &service)
		if service.Status != "suspended" || service.Causes[0].Reason != "abuse report" {
			t.Errorf("%+v", service)
		}
		staff.do("POST", "/admin/services/"+id+"/unsuspend", nil).is(200, &service)
		staff.do("POST", "/admin/services/"+id+"/terminate", map[string]any{"reason": "gone"}).is(200, &service)
		if service.Status != "ended" {
			t.Errorf("%+v", service)
		}
		var new api.Customer
		staff.post("/admin/customers", "new", map[string]any{"first": "Ben", "last": "Berg", "email": "ben@example.com", "country": "DE", "line1": "Weg 2", "city": "Kiel", "postcode": "24103", "currency": "EUR"}).is(201, &new)
		body = w.order(0)
		body["customer"] = new.ID
		staff.post("/admin/orders", "for ben", body).is(201, &placed)
		if placed.Order.Customer != new.ID || !strings.HasPrefix(placed.Pay.URL, "https://account.test/pay/") {
			t.Errorf("%+v", placed)
		}
		var recorded api.Recorded
		staff.post("/admin/invoices/"+placed.Invoice.ID+"/payments", "slip 1", map[string]any{"amount": map[string]any{"minor": 2000, "currency": "EUR"}, "memo": "slip 1"}).is(201, &recorded)
		if recorded.Invoice.Status != "paid" || recorded.Payment.Amount.Minor != 2000 {
			t.Errorf("%+v", recorded)
		}
		var who api.CustomerFull
		staff.get("/admin/customers/"+new.ID).is(200, &who)
		if len(who.Balance) != 1 || who.Balance[0].Minor != 810 {
			t.Errorf("%+v", who)
		}
		staff.post("/admin/payments/"+recorded.Payment.ID+"/refunds", "back 1", map[string]any{"amount": map[string]any{"minor": 810, "currency": "EUR"}, "reason": "too much", "recorded": true}).is(201)
		var report api.Report
		staff.do("POST", "/admin/run", map[string]any{"day": "2027-04-11"}).is(200, &report)
		var verdict api.Verdict
		staff.get("/admin/verify").is(200, &verdict)
		if !verdict.OK || len(verdict.Checks) == 0 {
			t.Errorf("%+v", verdict)
		}
		for _, path := range []string{"/admin/customers?q=berg", "/admin/orders?status=active,pending", "/admin/orders/" + placed.Order.ID, "/admin/services?sort=oldest", "/admin/services/" + id, "/admin/invoices?overdue=true",
			"/admin/invoices/" + placed.Invoice.ID, "/admin/payments?from=2027-01-01", "/admin/plugins", "/admin/jobs", "/admin/clock"} {
			staff.get(path).is(200)
		}
		for _, item := range w.checker.doc.Paths {
			for _, op := range item {
				if !w.asked[op.OperationID] && op.OperationID != "admin-accept-order" && op.OperationID != "admin-cancel-order" {
					t.Errorf("%s is in no story, so nobody knows whether its answer is as described", op.OperationID)
				}
			}
		}
	})
}
