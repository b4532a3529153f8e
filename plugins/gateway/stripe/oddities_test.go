package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ezscale/bursar/plugins/gateway/stripe/sim"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/gateway"
	"github.com/ezscale/bursar/sdk/host"
	"github.com/ezscale/bursar/sdk/money"
	shared "github.com/ezscale/bursar/sdk/sim"
)

// shop is Stripe's simulator and the plugin before it.
type shop struct {
	*testing.T
	sim    *shared.Sim
	url    string
	plugin *host.Loopback
	client gateway.Client
}

func openShop(t *testing.T) *shop {
	t.Helper()
	vendor := sim.New()
	vendor.StopClock(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC))
	srv := httptest.NewServer(vendor)
	p, err := host.Local(New(), host.World{Now: vendor.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close(); vendor.Close(); srv.Close() })
	return &shop{t, vendor, srv.URL, p, gateway.NewClient(p.Instance("main", settings(srv.URL)))}
}

func (s *shop) visit(op string, who sdk.Customer) gateway.Visit {
	return gateway.Visit{
		Attempt: gateway.Attempt{Op: sdk.Op{ID: op, Attempt: 1, First: s.sim.Now()}, Customer: who, Amount: money.Of(1999, "EUR"), Notes: sdk.Notes{}},
		Return:  "https://shop.example/back",
	}
}

func someone() sdk.Customer {
	return sdk.Customer{ID: "cus_1", Number: 1, First: "Jane", Last: "Doe", Email: "jane@example.com", Notes: sdk.Notes{}}
}

func (s *shop) begin(v gateway.Visit) gateway.Outcome {
	s.Helper()
	out, err := s.client.Begin(s.Context(), v)
	if err != nil {
		s.Fatal(err)
	}
	return out
}

func (s *shop) play(raw string) {
	s.Helper()
	var a shared.Act
	if err := json.Unmarshal([]byte(raw), &a); err != nil {
		s.Fatal(err)
	}
	a.Raw = []byte(raw)
	if err := s.sim.Act(a); err != nil {
		s.Fatal(err)
	}
}

// api asks the simulator as another program with our key would.
func (s *shop) api(method, path, form string) map[string]any {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), method, s.url+path, strings.NewReader(form))
	if err != nil {
		s.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+sim.Key)
	r.Header.Set("Stripe-Version", sim.APIVersion)
	if form != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer res.Body.Close()
	var out map[string]any
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil || res.StatusCode != 200 {
		s.Fatalf("%s %s: %d %v %v", method, path, res.StatusCode, out, err)
	}
	return out
}

func TestACustomerIsMadeOnce(t *testing.T) {
	s := openShop(t)
	who := someone()
	for n := range 3 {
		v := s.visit(fmt.Sprintf("op_%d", n), who)
		s.begin(v)
		if v.Notes[noteSession] == "" {
			t.Errorf("the page is not noted: %v", v.Notes)
		}
	}
	if n := s.sim.State().Things["customer"]; n != 1 || who.Notes[noteCustomer] == "" {
		t.Errorf("%d customers, noted %v", n, who.Notes)
	}
}

func TestAnAddressThatChangedBetweenTwoTriesMakesNoSecondCustomer(t *testing.T) {
	s := openShop(t)
	if err := s.sim.Faults(shared.Fault{Method: "POST", Path: "/v1/customers", Times: 1, Do: "cut-after"}); err != nil {
		t.Fatal(err)
	}
	v := s.visit("op_1", someone())
	if _, err := s.client.Begin(t.Context(), v); fault.KindOf(err) != fault.Unknown {
		t.Fatalf("a lost answer is %v", err)
	}
	v.Customer.Email = "new@example.com"
	if out := s.begin(v); out.Status != gateway.Waiting {
		t.Errorf("begun again: %+v", out)
	}
	if n := s.sim.State().Things["customer"]; n != 1 {
		t.Errorf("%d customers, want 1", n)
	}
}

func TestACustomerDeletedAtStripeIsMadeAnew(t *testing.T) {
	s := openShop(t)
	who := someone()
	s.begin(s.visit("op_1", who))
	s.api("DELETE", "/v1/customers/"+who.Notes[noteCustomer], "")
	v := s.visit("op_2", who)
	if _, err := s.client.Begin(t.Context(), v); fault.KindOf(err) != fault.Unavailable {
		t.Fatalf("the first try says %v", err)
	}
	if out := s.begin(v); out.Status != gateway.Waiting {
		t.Errorf("the second: %+v", out)
	}
	// Also where that very operation had made the one that was deleted: its key would replay it.
	if err := s.sim.Faults(shared.Fault{Method: "POST", Path: "/v1/checkout/*", Times: 1, Do: "status:503"}); err != nil {
		t.Fatal(err)
	}
	w := s.visit("op_3", someone())
	if _, err := s.client.Begin(t.Context(), w); fault.KindOf(err) != fault.Unavailable || w.Customer.Notes[noteCustomer] == "" {
		t.Fatalf("the customer was made, the page was not: %v, %v", w.Customer.Notes, err)
	}
	s.api("DELETE", "/v1/customers/"+w.Customer.Notes[noteCustomer], "")
	if _, err := s.client.Begin(t.Context(), w); fault.KindOf(err) != fault.Unavailable {
		t.Fatalf("the first try says %v", err)
	}
	if out := s.begin(w); out.Status != gateway.Waiting {
		t.Errorf("the second: %+v", out)
	}
}

func TestCardsThatWorkNowAndFailLater(t *testing.T) {
	s := openShop(t)
	who := someone()
	v := s.visit("op_1", who)
	v.Save = true
	s.begin(v)
	s.play(`{"do":"pay","op":"op_1","card":"4000000000000341"}`)
	out, err := s.client.Look(t.Context(), v.Attempt)
	if err != nil || out.Status != gateway.Captured || out.Method == nil || out.Method.Last4 != "0341" {
		t.Fatalf("paid: %+v, %v", out, err)
	}
	c := gateway.Charge{Attempt: s.visit("op_2", who).Attempt, Method: *out.Method}
	later, err := s.client.Charge(t.Context(), c)
	if err != nil || later.Status != gateway.Declined || later.Decline.Class != gateway.Soft {
		t.Errorf("renewed: %+v, %v", later, err)
	}
}

func TestTheBankAsksOnThePage(t *testing.T) {
	s := openShop(t)
	v := s.visit("op_1", someone())
	v.Save = true
	s.begin(v)
	s.play(`{"do":"pay","op":"op_1","card":"4000002760003184"}`)
	if out, err := s.client.Look(t.Context(), v.Attempt); err != nil || out.Status != gateway.Waiting {
		t.Fatalf("while the bank asks: %+v, %v", out, err)
	}
	s.play(`{"do":"authenticate","op":"op_1"}`)
	out, err := s.client.Look(t.Context(), v.Attempt)
	if err != nil || out.Status != gateway.Captured {
		t.Fatalf("answered: %+v, %v", out, err)
	}
	c := gateway.Charge{Attempt: s.visit("op_2", v.Customer).Attempt, Method: *out.Method}
	later, err := s.client.Charge(t.Context(), c)
	if err != nil || later.Status != gateway.Declined || later.Decline.Class != gateway.Authenticate {
		t.Errorf("renewed without the customer: %+v, %v", later, err)
	}
}

func TestACardDeclinedOnThePageIsNoEnd(t *testing.T) {
	s := openShop(t)
	v := s.visit("op_1", someone())
	s.begin(v)
	s.play(`{"do":"refuse","op":"op_1"}`)
	if out, err := s.client.Look(t.Context(), v.Attempt); err != nil || out.Status != gateway.Waiting {
		t.Fatalf("declined: %+v, %v", out, err)
	}
	s.play(`{"do":"pay","op":"op_1"}`)
	if out, err := s.client.Look(t.Context(), v.Attempt); err != nil || out.Status != gateway.Captured {
		t.Errorf("paid: %+v, %v", out, err)
	}
}

func TestAPaymentMadeElsewhereIsNoneOfOurs(t *testing.T) {
	s := openShop(t)
	s.api("POST", "/v1/payment_intents", "amount=500&currency=eur&payment_method=pm_card_visa&confirm=true")
	s.api("POST", "/v1/webhook_endpoints", "url=https%3A%2F%2Fother.example%2F&enabled_events[0]=*")
	values := settings(s.url)
	values["webhook_secret"] = []string{sim.WebhookSecret}
	c := gateway.NewClient(s.plugin.Instance("main", values))
	for _, e := range s.api("GET", "/v1/events", "")["data"].([]any) {
		body, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		w := sdk.Webhook{Header: http.Header{"Stripe-Signature": {sim.Sign(sim.WebhookSecret, s.sim.Now(), body)}}, Body: body, Received: s.sim.Now()}
		if events, err := c.Receive(t.Context(), w); err != nil || len(events) != 0 {
			t.Errorf("%s: %v, %v", e.(map[string]any)["type"], events, err)
		}
	}
}

func TestWebhooksOfAnotherVersionAndWhileTheSecretIsRolled(t *testing.T) {
	s := openShop(t)
	v := s.visit("op_1", someone())
	s.begin(v)
	s.play(`{"do":"pay","op":"op_1"}`)
	values := settings(s.url)
	values["webhook_secret"] = []string{"whsec_old " + sim.WebhookSecret}
	c := gateway.NewClient(s.plugin.Instance("main", values))
	// What an endpoint of 2012 would have sent: only the ID is the same.
	body := []byte(`{"id":"evt_1","type":"payment_intent.succeeded","api_version":"2012-09-24","created":1795424400,"livemode":false,` +
		`"request":"iar_1","data":{"object":{"id":"` + s.intent() + `","object":"payment_intent","amount":"19,99"}}}`)
	w := sdk.Webhook{Header: http.Header{"Stripe-Signature": {sim.Sign(sim.WebhookSecret, s.sim.Now(), body) + ",v0=00"}}, Body: body, Received: s.sim.Now()}
	events, err := c.Receive(t.Context(), w)
	if err != nil || len(events) != 1 || events[0].ID != "evt_1" || events[0].Attempt == nil || events[0].Attempt.Paid != money.Of(1999, "EUR") {
		t.Errorf("have %+v, %v", events, err)
	}
	bare := gateway.NewClient(s.plugin.Instance("bare", settings(s.url)))
	if _, err := bare.Receive(t.Context(), w); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("without a secret: %v", err)
	}
}

func (s *shop) intent() string {
	s.Helper()
	return s.api("GET", "/v1/payment_intents", "")["data"].([]any)[0].(map[string]any)["id"].(string)
}

func TestAPaymentImportedAsAChargeIsRefundedByIt(t *testing.T) {
	s := openShop(t)
	charge := s.api("POST", "/v1/payment_intents", "amount=500&currency=eur&payment_method=pm_card_visa&confirm=true")["latest_charge"].(string)
	r := gateway.Refund{Op: sdk.Op{ID: "ref_1", First: s.sim.Now()}, Reference: charge, Amount: money.Of(200, "EUR"), Notes: sdk.Notes{}}
	for range 2 {
		out, err := s.client.Refund(t.Context(), r)
		if err != nil || out.Status != gateway.Captured || out.Payment != charge || out.Echo != "ref_1" {
			t.Fatalf("have %+v, %v", out, err)
		}
	}
	if n := s.sim.State().Things["refund"]; n != 1 {
		t.Errorf("%d refunds, want 1", n)
	}
}

func TestSettingsThatCannotBe(t *testing.T) {
	s := openShop(t)
	tests := []struct {
		name     string
		change   form.Values
		kind     fault.Kind
		field    string
		warnings int
	}{
		{"all is well but for the webhook", form.Values{}, "", "", 1},
		{"a live key in test mode", form.Values{"key": {sim.LiveKey}}, fault.Invalid, "key", 0},
		{"a test key in live mode", form.Values{"mode": {live}}, fault.Invalid, "key", 0},
		{"a mode that is none", form.Values{"mode": {"production"}}, fault.Invalid, "mode", 0},
		{"a restricted key that may read", form.Values{"key": {sim.ReadKey}}, "", "", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			values := settings(s.url)
			for name, v := range tt.change {
				values[name] = v
			}
			report, err := gateway.NewClient(s.plugin.Instance("other", values)).Check(t.Context())
			if fault.KindOf(err) != tt.kind || len(report.Warnings) != tt.warnings {
				t.Fatalf("have %+v, %v", report, err)
			}
			if err != nil && fault.Of(err).Field != tt.field {
				t.Errorf("field %q, want %q", fault.Of(err).Field, tt.field)
			}
		})
	}
}

func TestACustomerWhoMovedIsToldAnew(t *testing.T) {
	s := openShop(t)
	who := someone()
	who.Address = sdk.Address{Line1: "Old St 1", Line2: "Flat 2", City: "Bath", Postcode: "BA1", Country: "GB"}
	s.begin(s.visit("op_1", who))
	who.Email, who.Address = "jane@new.example", sdk.Address{Line1: "New St 3", City: "Cork", Country: "IE"}
	if err := s.client.UpdateCustomer(t.Context(), who); err != nil {
		t.Fatal(err)
	}
	got := s.api("GET", "/v1/customers/"+who.Notes[noteCustomer], "")
	address := got["address"].(map[string]any)
	if got["email"] != "jane@new.example" || address["line1"] != "New St 3" || address["line2"] != nil || address["country"] != "IE" {
		t.Errorf("Stripe has %v %v", got["email"], address)
	}
	if err := s.client.UpdateCustomer(t.Context(), someone()); fault.KindOf(err) != fault.NotFound {
		t.Errorf("one that Stripe never saw: %v", err)
	}
}
