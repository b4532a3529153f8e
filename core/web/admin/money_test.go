package admin

import (
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/sdk/gateway/gatewaytest"
	"github.com/ezscale/bursar/sdk/money"
)

// An invoice as staff meets it: open, explained, mailed again, paid by hand, refunded with a credit note.
func TestStaffTakesMoneyAndGivesItBack(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		c := w.customer("Nordlicht Medien GmbH")
		p := w.order(c.ID, "web-01")
		b := w.as(auth.RoleBilling)
		inv, here := p.Invoice, "/invoices/"+string(p.Invoice.ID)

		b.get("/invoices").has(inv.Number, "Nordlicht Medien GmbH", "Open", "€20.11", "1 invoice")
		b.get("/invoices?state=overdue").has("Nothing fits")
		w.clock.Forward(noon.AddDate(0, 0, 3))
		b = w.as(auth.RoleBilling) // the world moved too: sessions ended
		b.get("/invoices?state=overdue").has(inv.Number, "Overdue", ">3<")
		b.get("/invoices?state=paid").lacks(inv.Number)

		b.get(here).has("VPS-8", "23 Nov 2026 – 22 Dec 2026", "Without tax", "€16.90", "VAT, 19 % of 16.90", "€3.21", "Owed", "Record payment", "Write off "+inv.Number)
		b.get(here+"?why=1").has("Line 1 explained", "A whole term", "The sum", "Why these inputs", "VAT 19 %", "category S", "every amount is the same", "pricing 1")
		if got := b.get(here + "/pdf"); got.status != http.StatusOK || !strings.HasPrefix(got.body, "%PDF") || !strings.Contains(got.header.Get("Content-Disposition"), inv.Number) {
			t.Errorf("no PDF: %d %s", got.status, got.header)
		}

		link := regexp.MustCompile(`http://account.shop.test/pay/[\w-]+`).FindString(b.post(here + "/link").has("without signing in").body)
		if found, err := w.site.Invoices.ByPayToken(w.ctx, link[strings.LastIndex(link, "/")+1:]); err != nil || found.ID != inv.ID {
			t.Errorf("the pay link opens %v, %v", found.ID, err)
		}
		w.drain()
		before := len(w.mails.sent)
		b.post(here+"/send", "key", "once").goes(here)
		b.post(here+"/send", "key", "once").goes(here)
		w.drain()
		if n := len(w.mails.sent) - before; n != 1 {
			t.Errorf("one request sent %d mails", n)
		}

		b.post(here+"/pay", "amount", "twenty", "on", "2026-11-26", "way", "bank", "memo", "AB 17", "key", "k1").has("Write an amount such as 19.99.", `value="AB 17"`, `value="twenty"`)
		b.post(here+"/pay", "amount", "20.11", "on", "2026-12-24", "way", "bank", "key", "k1").has("Write a day that has come.")
		for range 2 { // a second press is the same payment
			b.post(here+"/pay", "amount", "20,11", "on", "2026-11-26", "way", "bank", "memo", "AB 17", "key", "k1").goes(here)
		}
		w.drain()
		list, err := w.site.Payments.Payments(w.ctx, payment.Filter{Customer: c.ID})
		w.ok(err)
		if list.Total != 1 {
			t.Fatalf("%d payments", list.Total)
		}
		paid := "/payments/" + string(list.List[0].ID)
		b.get(here).has("Paid", "Bank, 26 Nov", "€0.00").lacks("Record payment")
		b.get("/payments").has("Nordlicht Medien GmbH", "Received", "AB 17", "€20.11")
		b.get(paid).has(inv.Number, "Where it went", "Left to refund", "Refund")

		b.post(paid+"/refund", "amount", "99", "reason", "", "credit", "credit", "key", "r1").has("Say why the money goes back.", `value="99"`)
		b.post(paid+"/refund", "amount", "99", "reason", "Left", "credit", "credit", "key", "r1").has("That is more than is left of the payment.")
		for range 2 {
			b.post(paid+"/refund", "amount", "20.11", "reason", "Left within 14 days", "credit", "credit", "key", "r1").goes(paid)
		}
		w.drain()
		b.get(paid).has("Refunded", "Left within 14 days", "Customer").lacks(`href="` + paid + `/refund"`)
		b.get(here).has("Credit notes", "CN-2026", "−€20.11")
		b.get("/payments/refunds").has("Left within 14 days", "Nordlicht")
		if found, err := w.flow.Verify(w.ctx); err != nil || len(found) > 0 {
			t.Errorf("the books: %v %v", found, err)
		}
	})
}

func TestWhatIsOpenIsCreditedOrGivenUpOnlyWhenAskedFor(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		c := w.customer("Nordlicht Medien GmbH")
		one, two := w.order(c.ID, "web-01").Invoice, w.order(c.ID, "web-02").Invoice
		b := w.as(auth.RoleBilling)
		here := "/invoices/" + string(one.ID)
		b.get(here+"/credit").has("takes back €20.11", "cannot be undone")
		b.post(here+"/credit", "reason", "").has("Say why; it is printed on the credit note.")
		b.post(here+"/credit", "reason", "Ordered twice").goes(here)
		b.get(here).has("Void", "Ordered twice", "Credit notes")

		here = "/invoices/" + string(two.ID)
		b.post(here+"/write-off", "confirm", one.Number).goes(here)
		b.get(here).has("Nothing was done", "Open")
		b.post(here+"/write-off", "confirm", two.Number).goes(here)
		b.get(here).has("Written off", "Given up")
		if inv, _ := w.site.Invoices.Get(w.ctx, two.ID); inv.Status != invoice.Uncollectible {
			t.Errorf("it is %s", inv.Status)
		}
	})
}

// Money that nobody asked for waits until staff says whose it is; then it pays what is open.
func TestHeldMoneyFindsItsOwner(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		c, other := w.customer("Nordlicht Medien GmbH"), w.customer("Nordlicht Verlag")
		p := w.order(c.ID, "web-01")
		got, err := w.flow.Settle(w.ctx, payment.Report{AccountKey: "fake:card", Gateway: "card", Ref: "ch_lost", State: payment.Captured, Amount: money.Of(2011, "EUR"), Source: payment.FromGateway})
		w.ok(err)
		w.drain()
		b := w.as(auth.RoleBilling)
		here := "/payments/" + string(got.Payment.ID)
		b.get("/payments?state=held").has("Nobody knows yet", "ch_lost", "€20.11", "becomes the balance")
		b.get(here).has("Held", "Give to a customer")
		b.post(here+"/release", "customer", "nobody at all").has("Nobody fits.")
		b.post(here+"/release", "customer", "nordlicht").has("2 customers fit. Choose one.", other.Email, `value="`+string(c.ID)+`"`)
		b.post(here+"/release", "customer", string(c.ID)).goes(here)
		b.post(here+"/release", "customer", string(c.ID)).goes(here) // once
		b.get(here).has("Received", "Customer&#39;s balance").lacks("Give to a customer")
		b.get("/payments?state=held").has("Nothing is held")
		b.get("/invoices/"+string(p.Invoice.ID)).has("Paid", "Balance, 23 Nov")
		if found, err := w.flow.Verify(w.ctx); err != nil || len(found) > 0 {
			t.Errorf("the books: %v %v", found, err)
		}
	})
}

// An attempt that nobody can tell of is shown with what the customer reads, and ended by a person once it is parked.
func TestStaffDecidesWhatNobodyCouldTell(t *testing.T) {
	for _, tt := range []struct {
		name, verdict, ref, then string
		paid                     bool
	}{
		{"the money came", "paid", "ch_found", "Received", true},
		{"no money came", "none", "", "Declined", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dbtest.Each(t, func(t *testing.T, d *db.DB) {
				w := newWorld(t, d)
				c := w.customer("Nordlicht Medien GmbH")
				p := w.order(c.ID, "web-01")
				w.card.Fail(gatewaytest.Failure{Method: "Begin", Times: 100, Done: true}, gatewaytest.Failure{Method: "Look", Times: 100, Err: errors.New("no answer")})
				_, err := w.flow.StartPayment(auth.With(w.ctx, auth.System()), flow.PayIn{Customer: c.ID, Invoices: []ids.Invoice{p.Invoice.ID}, Gateway: "card", Return: "http://account.shop.test/pay/return/{attempt}"})
				list, err2 := w.site.Payments.List(w.ctx, payment.AttemptFilter{})
				w.ok(err2)
				if list.Total != 1 {
					t.Fatalf("%d attempts, %v", list.Total, err)
				}
				id := list.List[0].ID
				here := "/payments/attempts/" + string(id)
				b := w.as(auth.RoleBilling)
				b.get(here).has("Nothing is taken twice", "Not certain", "Ask the gateway now", p.Invoice.Number, "No answer came")
				b.get("/payments/attempts?state=unsure").has("Nordlicht", "Nothing is taken twice")
				b.get("/invoices/"+string(p.Invoice.ID)).has("A payment is under way", here)
				b.post(here + "/ask").goes(here)
				w.ok(w.site.Payments.Park(w.ctx, id))
				b.get(here).has("then decide", "Decide")
				if tt.paid {
					b.post(here+"/decide", "verdict", "paid", "ref", "").has("Write the reference that the gateway shows for the payment.")
				}
				b.post(here+"/decide", "verdict", tt.verdict, "ref", tt.ref).goes(here)
				w.drain()
				b.get(here).has(tt.then).lacks(">Decide<")
				inv, err := w.site.Invoices.Get(w.ctx, p.Invoice.ID)
				w.ok(err)
				if (inv.Status == invoice.Paid) != tt.paid {
					t.Errorf("the invoice is %s", inv.Status)
				}
				b.post(here+"/decide", "verdict", tt.verdict, "ref", "again").has("changed meanwhile") // decided once
			})
		})
	}
}

// The plan says what a day brings and why; a hold keeps it waiting; a run does it, today's only.
func TestThePlanIsReadHeldAndRun(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		c := w.customer("Nordlicht Medien GmbH")
		w.pay(w.order(c.ID, "web-01"))
		b := w.as(auth.RoleBilling)
		b.get("/billing").has("Billing plan for Mon 23 Nov 2026", "Nothing is due", "Run now")
		b.get("/billing?day=2026-12-09").has("Nordlicht Medien GmbH", "Renewal, due 23 Dec 2026", "23 Dec – 22 Jan 2027", "€20.11", "Hold", "day=2026-12-08", "day=2026-12-10")
		b.get("/billing?day=2026-12-09&action=suspend").lacks("Renewal, due")
		b.get("/billing?day=2020-01-01").has("Billing plan for Mon 23 Nov 2026") // the past cannot be planned

		b.post("/billing/run", "day", "2026-12-09").goes("/billing")
		b.get("/billing").has("A day that has not come can be planned, not run.")

		b.get("/billing/hold?subject=nonsense").is(t, http.StatusNotFound)
		b.post("/billing/hold", "subject", string(c.ID), "what", "all", "reason", "").has("Reason is needed.")
		b.post("/billing/hold", "subject", string(c.ID), "what", "all", "until", "2026-01-01", "reason", "x").has("Write a day to come.")
		b.post("/billing/hold", "subject", string(c.ID), "what", "all", "reason", "Disk swap credit first").goes("/billing/holds")
		held := b.get("/billing/holds").has("Nordlicht Medien GmbH", "Everything", "Disk swap credit first", "Tomas Reyes")
		release := regexp.MustCompile(`/billing/holds/hld_\w+/release`).FindString(held.body)
		b.post(release, "back", "//evil.example").goes("/")
		b.get("/billing/holds").has("Nothing is held")

		w.clock.Forward(noon.AddDate(0, 0, 16))
		b = w.as(auth.RoleBilling)
		b.post("/billing/run").goes("/billing")
		w.drain()
		b.get("/billing").has("The run of 9 Dec 2026 is done: 1 invoice.", "Last run: 9 Dec 2026", "1 done")
		b.get("/billing/runs").has("9 Dec 2026", "Done")
		b.get("/invoices?state=open").has("€20.11", "VPS-8")
	})
}

// The test clock lives through days, and shows what they brought.
func TestTheClockIsMovedAndShowsWhatHappened(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	c := w.customer("Nordlicht Medien GmbH")
	w.pay(w.order(c.ID, "web-01"))
	b := w.as(auth.RoleAdmin)
	b.get("/clock").has("Days forward", "What happened since 23 Nov 2026")
	b.post("/clock", "days", "0").has("Move the clock by 1 to 400 days.", `value="0"`)
	to := b.post("/clock", "days", "20")
	b = w.as(auth.RoleAdmin) // the world moved too: sessions ended, and with it what was told
	page := b.get(to.header.Get("Location")).has("Daily runs", "13 Dec 2026", "Invoices issued", "Nordlicht Medien GmbH", "invoice_issued")
	if !strings.Contains(page.main(), "20 d") && !strings.Contains(page.main(), "Ahead") {
		t.Error("it does not say how far the clock is ahead")
	}
	w.flow.Test = nil
	b.get("/clock").has("This is not test mode")
	b.post("/clock", "days", "1").goes("/clock")
	b.get("/clock").has(flow.ErrNoTestClock.Text)
}
