package portal

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/flow"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/gateway"
	"github.com/ezscale/bursar/sdk/gateway/gatewaytest"
)

func TestAnAccountWithNothingShowsZerosOneSentenceAndOneButton(t *testing.T) {
	h := newHouse(t, dbtest.SQLite(t))
	b := h.as(h.member("Ana", "Sauvage", ""))
	b.get("/").want(t, 200, "Ana Sauvage", "none yet", "nothing planned", "nothing open", euro("0.00"), "No services yet", "Order a service", "VPS-8", euro("16.90"), "No invoices yet")
	b.get("/services").want(t, 200, "No services yet", "Order a service", "!<table")
	b.get("/invoices").want(t, 200, "No invoices yet", "!<table")
	b.get("/payments").want(t, 200, "No payments yet", "!<table")
	b.get("/methods").want(t, 200, "No saved methods", "Add Card", "PayPal does not answer at the moment.")
	b.get("/account/tokens").want(t, 200, "No tokens yet")
	b.get("/account/mails").want(t, 200, "No mails yet")
}

func TestTheOverviewSaysWhatSomebodyHasOwesAndPaysNext(t *testing.T) {
	h := newHouse(t, dbtest.SQLite(t))
	m := h.member("Jana", "Petersen", "Nordlicht Medien GmbH")
	sub, _ := h.buy(m, "web-01.nordlicht.example")
	late := h.order(m, "db-01.nordlicht.example")
	b := h.as(m)
	b.get("/").want(t, 200, "Nordlicht Medien GmbH", "web-01.nordlicht.example", "1 waiting for payment, 1 running", "Running", "Waiting for payment", euro("16.90"),
		"Owed now", euro("20.11"), late.Invoice.Number, "Next charge, 12 Nov")
	h.later(48 * time.Hour)
	b = h.as(m)
	b.get("/").want(t, 200, late.Invoice.Number+" is overdue.", "Pay now", "overdue since")
	b.get("/services").want(t, 200, "web-01.nordlicht.example", "VPS-8", "12 Dec", "/services/"+string(sub))
	b.get("/services?q=db-01").want(t, 200, "db-01.nordlicht.example", "!web-01.nordlicht.example")
	b.get("/services?show=ended").want(t, 200, "Nothing fits this search")
}

func TestTheServicePageShowsTheLiveStateAndWhatItCosts(t *testing.T) {
	h := newHouse(t, dbtest.SQLite(t))
	m := h.member("Jana", "Petersen", "")
	sub, _ := h.buy(m, "web-01")
	b := h.as(m)
	path := "/services/" + string(sub)
	b.get(path).want(t, 200, "web-01", "Running", "VPS-8", "Restart web-01?", "Shut down web-01?", "Cut the power of web-01?", "Open in panel", "Reveal once", "New password",
		"3.1 TB", "6 TB", "VPS-8, web-01", euro("16.90"), "a month", "12 Dec 2026, "+euro("20.11"), "Set up", "!does not answer")

	t.Run("what the panel says now is on the page", func(t *testing.T) {
		acc, _ := h.panel.Account(string(sub))
		acc.Power = "stopped"
		h.panel.Put(acc)
		h.later(time.Minute)
		b.get(path).want(t, 200, "Stopped", "Start web-01?", "!Restart web-01?")
		acc.Power = "running"
		h.panel.Put(acc)
	})
	t.Run("a dead panel leaves what was seen last, with its age", func(t *testing.T) {
		h.later(time.Hour)
		h.down = true
		b.get(path).want(t, 200, "The panel does not answer at the moment.", "1 h ago", "Stopped", "web-01", euro("16.90"), "Power, sign-on and usage come back", "!Restart web-01?")
		b.post(path+"/power", "action", "restart", "key", "k1").gone(t, path) // planned: it is done when the panel is back
		h.down = false
	})
	t.Run("meters that cannot be read are said so in place", func(t *testing.T) {
		h.later(time.Minute)
		h.panel.usage = fault.New(fault.Unavailable, "busy", "")
		b.get(path).want(t, 200, "No reading at the moment.", "Running")
		h.panel.usage = nil
	})
	t.Run("a press that is sent twice is one restart", func(t *testing.T) {
		h.ok(h.flow.Drain(h.ctx))
		before := len(h.panel.Journal())
		for range 3 {
			b.post(path+"/power", "action", "restart", "key", "k2").gone(t, path)
		}
		h.ok(h.flow.Drain(h.ctx))
		if n := len(h.panel.Journal()) - before; n != 1 {
			t.Errorf("%d restarts", n)
		}
		b.get(path+"/activity").want(t, 200, "Restarted by Jana Petersen")
		b.post(path+"/power", "action", "explode", "key", "k3").gone(t, path)
		b.get(path).want(t, 200, "Choose start, stop, restart or kill.")
	})
	t.Run("signing on at the panel answers with nothing to keep", func(t *testing.T) {
		p := b.post(path + "/login")
		if p.header.Get("Cache-Control") != "no-store" || (p.status != http.StatusSeeOther && p.header.Get("Refresh") == "") {
			t.Errorf("%d %v", p.status, p.header)
		}
	})
	t.Run("a name can be changed, and not to nothing", func(t *testing.T) {
		b.post(path+"/name", "label", "front").gone(t, path)
		b.get(path).want(t, 200, ">front<", "The new name is saved.")
		b.post(path+"/name", "label", " ").gone(t, path)
		b.get(path).want(t, 200, "Write a name of 1 to 120 characters.", ">front<")
	})
}

func TestCredentialsAreShownOnceAndOnlyForThePassword(t *testing.T) {
	h := newHouse(t, dbtest.SQLite(t))
	m := h.member("Jana", "Petersen", "")
	sub, _ := h.buy(m, "web-01")
	b := h.as(m)
	path := "/services/" + string(sub)
	acc, err := h.deps.Provision.Account(h.ctx, sub)
	h.ok(err)
	if acc.Ways == 0 {
		t.Fatal("there is nothing to reveal")
	}
	b.get(path+"/reveal").want(t, 200, "Your password", "!This is shown once")
	b.post(path+"/reveal", "old", "wrong").want(t, 422, "This is not the present password.", "!This is shown once")
	shown := b.post(path+"/reveal", "old", pass).want(t, 200, "This is shown once", "data-copy=")
	if shown.header.Get("Cache-Control") != "no-store" {
		t.Error("the page may be kept")
	}
	b.post(path+"/reveal", "old", pass).want(t, 422, "The sign-in data was shown already", "!This is shown once")
	b.get(path+"/activity").want(t, 200, "Credentials revealed by Jana Petersen")

	ask := b.get(path + "/password")
	b.post(path+"/password", "old", pass, "key", ask.value("key")).gone(t, path)
	b.post(path+"/password", "old", pass, "key", ask.value("key")).gone(t, path)
	h.ok(h.flow.Drain(h.ctx))
	b.post(path+"/reveal", "old", pass).want(t, 200, "This is shown once")
}

func TestSettingUpIsFollowedUntilItRuns(t *testing.T) {
	h := newHouse(t, dbtest.SQLite(t))
	h.panel.Waits, h.panel.After = 2, time.Minute
	m := h.member("Jana", "Petersen", "")
	p := h.order(m, "web-01")
	path := "/services/" + string(p.Subscriptions[0])
	b := h.as(m)
	b.get(path).want(t, 200, "Waiting for payment", "It is set up once the order is paid.", "!data-poll", "!Reveal once")
	s, err := h.flow.StartPayment(h.ctx, payIn(m, p.Invoice.ID))
	h.ok(err)
	h.ok(h.card.Pay(string(s.Attempt)))
	_, err = h.flow.Returned(h.ctx, s.Attempt)
	h.ok(err)
	h.ok(h.flow.Drain(h.ctx))
	b.get(path).want(t, 200, "Setting up", `data-poll="2000"`, "You may close this page.")
	for range 4 {
		h.later(2 * time.Minute)
		h.ok(h.flow.Drain(h.ctx))
	}
	b.get(path).want(t, 200, "Running", "!data-poll")
}

func TestCancellingAsksWhenAndCanBeTakenBack(t *testing.T) {
	h := newHouse(t, dbtest.SQLite(t))
	m := h.member("Jana", "Petersen", "")
	sub, _ := h.buy(m, "web-01")
	b := h.as(m)
	path := "/services/" + string(sub)
	b.get(path+"/cancel").want(t, 200, "At the end of the paid time, 12 Dec 2026", "Why you leave")
	b.post(path+"/cancel", "when", "end", "reason", "too small").gone(t, path)
	b.get(path).want(t, 200, "Cancelled for", "12 Dec 2026", "Keep it")
	b.get("/").want(t, 200, "ends 12 Dec")
	b.post(path+"/keep").gone(t, path)
	b.get(path).want(t, 200, "The cancellation is taken back", "!Keep it")
	b.post(path+"/cancel", "when", "now", "reason", "gone", "confirm", "web").want(t, 422, "Type web-01 to end it now", "gone")
	b.post(path+"/cancel", "when", "now", "confirm", "web-01").gone(t, path)
	b.get(path).want(t, 200, "Ended", "!Restart web-01?", "!Rename")
	if s, err := h.deps.Subscriptions.Get(h.ctx, sub); err != nil || s.Status != subscription.Ended {
		t.Errorf("it is %s, %v", s.Status, err)
	}
}

func TestAnInvoiceIsReadPrintedAndPaid(t *testing.T) {
	h := newHouse(t, dbtest.SQLite(t))
	m := h.member("Jana", "Petersen", "")
	_, paid := h.buy(m, "web-01")
	open := h.order(m, "db-01").Invoice
	b := h.as(m)
	b.get("/invoices").want(t, 200, open.Number, "web-01", "db-01", "2 documents", euro("40.22"), "open "+euro("20.11"))
	b.get("/invoices?show=paid").want(t, 200, "1 document", "!"+open.Number)
	b.get("/invoices?q="+open.Number).want(t, 200, open.Number, "1 document")
	b.get("/invoices?year=2020").want(t, 200, "No invoice fits this search")
	b.get("/invoices/"+string(paid)).want(t, 200, "Paid", "VPS-8, web-01", "12 Nov – 11 Dec 2026", "VAT 19", euro("3.21"), "Still owed", euro("0.00"), "Card", "!Pay €")
	pdf := b.get("/invoices/"+string(paid)+"/pdf").want(t, 200, "%PDF-")
	if d := pdf.header.Get("Content-Disposition"); !strings.HasPrefix(d, "attachment; filename=\"INV-") {
		t.Errorf("disposition %q", d)
	}

	path := "/invoices/" + string(open.ID)
	page := b.get(path).want(t, 200, "Open", "Pay €20.11", "Charged at once", "Card", "PayPal", "Does not answer at the moment.", "IBAN DE00 5001")
	b.post(path+"/pay", "key", page.value("key")).want(t, 422, "Choose one of the ways to pay.")
	b.post(path+"/pay", "key", page.value("key"), "way", "page:nowhere").want(t, 422, "Choose one of the ways to pay.")
	methods, err := h.deps.Payments.Methods(h.ctx, m.ID)
	h.ok(err)
	h.card.Decline(gateway.Decline{Class: gateway.Soft, Code: "51", Text: "Not enough money on the card."})
	declined := b.post(path+"/pay", "key", page.value("key"), "way", "method:"+string(methods[0].ID))
	b.get(declined.to).want(t, 200, "Declined", "Not enough money on the card.", "To the invoice")
	again := b.post(path+"/pay", "key", page.value("key"), "way", "method:"+string(methods[0].ID)) // the same press once more
	again.gone(t, declined.to)
	page = b.get(path)
	done := b.post(path+"/pay", "key", page.value("key"), "way", "method:"+string(methods[0].ID))
	b.get(done.to).want(t, 200, "Paid €20.11", "To the invoice", "!data-poll")
	h.ok(h.flow.Drain(h.ctx))
	b.get(path).want(t, 200, "Paid", "!Pay €")
	b.get("/payments").want(t, 200, "Received", open.Number, euro("20.11"))
	b.get("/account/mails").want(t, 200, "jana@petersen.example")
}

func TestALinkPaysOneInvoiceAndTellsNothingElse(t *testing.T) {
	h := newHouse(t, dbtest.SQLite(t))
	m := h.member("Jana", "Petersen", "Nordlicht Medien GmbH")
	inv := h.order(m, "secret-project.nordlicht.example").Invoice
	token, err := h.deps.Invoices.PayToken(h.ctx, inv.ID)
	h.ok(err)
	b := h.visitor()
	quiet := []string{"!Nordlicht", "!Jana", "!secret-project", "!Speicherweg", "!petersen", "!" + string(m.ID), "!" + string(inv.ID)}
	page := b.get("/pay/"+token).want(t, 200, append(quiet, inv.Number, "€20.11", "Card", "!Save a new card")...)
	h.as(m).get("/invoices/"+string(inv.ID)).want(t, 200, "Save a new card for renewals")
	away := b.post("/pay/"+token, "key", page.value("key"), "way", "page:card").want(t, 200, "You go on to another page")
	if !strings.HasPrefix(away.header.Get("Refresh"), "0; url=http") {
		t.Fatalf("it does not go on: %v", away.header)
	}
	open, err := h.deps.Payments.OpenOn(h.ctx, []ids.Invoice{inv.ID})
	h.ok(err)
	att := open[inv.ID]
	if att.Method != "" || att.Save {
		t.Error("a link charged or saved a method")
	}
	back := "/pay/return/" + string(att.ID)
	b.get(back).want(t, 200, append(quiet, "Not paid yet", `data-poll="2000"`)...)
	h.ok(h.card.Pay(string(att.ID)))
	b.poll = true
	b.get(back).want(t, 200, append(quiet, "Not paid yet")...) // a poll does not ask the gateway each time
	b.poll = false
	b.get(back).want(t, 200, append(quiet, "Paid €20.11", "!data-poll")...)
	b.get("/pay/"+token).want(t, 404, append(quiet, "Nothing to pay here")...)
	b.get("/pay/nosuchtoken0123456789012345").want(t, 404, "Nothing to pay here")
	h.visitor().get(back).want(t, 404, append(quiet, "We cannot show this payment here", "!20.11")...)
	h.as(m).get(back).want(t, 200, "Paid €20.11", "To the invoice")
}

func TestAPaymentThatNobodyCanTellOfIsSaidToBeChecked(t *testing.T) {
	h := newHouse(t, dbtest.SQLite(t))
	m := h.member("Jana", "Petersen", "")
	h.buy(m, "web-01")
	inv := h.order(m, "db-01").Invoice
	b := h.as(m)
	path := "/invoices/" + string(inv.ID)
	page := b.get(path)
	methods, err := h.deps.Payments.Methods(h.ctx, m.ID)
	h.ok(err)
	h.card.Fail(gatewaytest.Failure{Method: "Charge", Times: 1, Done: true}, gatewaytest.Failure{Method: "Look", Err: fault.New(fault.Unavailable, "down", "")})
	p := b.post(path+"/pay", "key", page.value("key"), "way", "method:"+string(methods[0].ID))
	b.poll = true
	b.get(p.to).want(t, 200, "Being checked", "Nothing is taken twice.", `data-poll="2000"`)
	b.poll = false
	b.get(path).want(t, 200, "A payment for this is being checked.", "!Pay €")
	b.post(path+"/pay", "key", "none", "way", "page:card").gone(t, p.to) // another try waits for the first
}

func TestWaysToPayAreAddedMadeDefaultAndRemoved(t *testing.T) {
	h := newHouse(t, dbtest.SQLite(t))
	m := h.member("Jana", "Petersen", "")
	h.buy(m, "web-01")
	b := h.as(m)
	b.get("/methods").want(t, 200, "Default", "Remove ")
	b.post("/methods", "gateway", "nowhere").gone(t, "/methods")
	away := b.post("/methods", "gateway", "card").want(t, 200, "You save it on the page of our payment partner")
	if away.header.Get("Refresh") == "" {
		t.Fatal("it does not go on")
	}
	list, err := h.deps.Payments.List(h.ctx, payment.AttemptFilter{Customer: m.ID, Limit: 1})
	h.ok(err)
	h.ok(h.card.Pay(string(list.List[0].ID)))
	b.get("/pay/return/"+string(list.List[0].ID)).gone(t, "/methods")
	methods, err := h.deps.Payments.Methods(h.ctx, m.ID)
	h.ok(err)
	if len(methods) != 2 {
		t.Fatalf("%d methods", len(methods))
	}
	b.post("/methods/"+string(methods[1].ID)+"/default").gone(t, "/methods")
	if got, _ := h.deps.Payments.Method(h.ctx, methods[1].ID); !got.Default {
		t.Error("it is not the default")
	}
	h.ok(h.deps.Payments.Block(h.ctx, methods[1].ID, "hard"))
	b.get("/methods").want(t, 200, "The bank refused it for good.")
	b.get("/").want(t, 200, "is not charged any more.")
	b.post("/methods/"+string(methods[1].ID)+"/remove").gone(t, "/methods")
	h.ok(h.flow.Drain(h.ctx))
	if got, _ := h.deps.Payments.Methods(h.ctx, m.ID); len(got) != 1 {
		t.Errorf("%d methods are left", len(got))
	}
	forgotten := false
	for _, e := range h.card.Journal() {
		forgotten = forgotten || e.Method == "Forget"
	}
	if !forgotten {
		t.Error("the gateway still has it")
	}
}

func TestTheProfileIsCheckedAndKeepsWhatWasTyped(t *testing.T) {
	h := newHouse(t, dbtest.SQLite(t))
	m := h.member("Jana", "Petersen", "")
	b := h.as(m)
	page := b.get("/account").want(t, 200, "Jana", "Petersen")
	b.post("/account", "first", "Jana", "last", "Holm", "email", "nonsense", "locale", "en", "version", page.value("version")).want(t, 422, "Error:", `value="Holm"`, "nonsense")
	b.post("/account", "first", "Jana", "last", "Holm", "email", "post@holm.example", "locale", "de", "version", page.value("version")).gone(t, "/account")
	b.post("/account", "first", "Eve", "last", "Holm", "email", "post@holm.example", "locale", "de", "version", page.value("version")).want(t, 422, "changed meanwhile")
	page = b.get("/account/address").want(t, 200, "Speicherweg 12")
	b.post("/account/address", "kind", "company", "company", "Holm GmbH", "tax_id", "DE123456789", "line1", "Deich 1", "postcode", "24103", "city", "Kiel", "country", "DE", "version", page.value("version")).gone(t, "/account/address")
	c, err := h.deps.Customers.Get(h.ctx, m.ID)
	h.ok(err)
	if c.Last != "Holm" || c.Email != "post@holm.example" || c.Company != "Holm GmbH" || c.TaxID != "DE123456789" || c.Address.City != "Kiel" || c.Locale != "de" {
		t.Errorf("saved %+v", c)
	}
	looker := h.member("Otto", "Gast", "")
	h.ok(h.deps.Auth.Join(h.ctx, looker.user.ID, m.ID, auth.RoleReadOnly))
	o := h.as(looker)
	o.post("/accounts", "customer", string(m.ID)).gone(t, "/")
	o.get("/account").want(t, 200, "may look, but not change", "!Save changes")
	o.post("/account", "first", "X", "last", "Y", "email", "a@b.example", "locale", "en", "version", "1").want(t, 403)
}

func payIn(m member, inv ids.Invoice) (in flow.PayIn) {
	in.Customer, in.Invoices, in.Gateway, in.Return = m.ID, []ids.Invoice{inv}, "card", base+"/pay/return/{attempt}"
	return in
}
