package sim

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ezscale/bursar/sdk/sim"
)

// bench is a simulator with a client that speaks as stripe-go does.
type bench struct {
	*testing.T
	sim *sim.Sim
	srv *httptest.Server
}

func start(t *testing.T) *bench {
	t.Helper()
	s := New()
	srv := httptest.NewServer(s)
	t.Cleanup(func() { s.Close(); srv.Close() })
	return &bench{t, s, srv}
}

// act plays a part, as over the wire.
func (b *bench) act(raw string) error {
	b.Helper()
	res, err := http.Post(b.srv.URL+"/_sim/act", "application/json", strings.NewReader(raw))
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode/100 == 2 {
		return nil
	}
	why, err := io.ReadAll(res.Body)
	if err != nil {
		b.Fatal(err)
	}
	return errors.New(string(why))
}

type answer struct {
	status   int
	replayed bool
	body     object
}

func (a answer) at(path string) any {
	var v any = a.body
	for _, p := range strings.Split(path, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[p]
	}
	return v
}

func (b *bench) call(method, path, key, form string) answer {
	b.Helper()
	r, err := http.NewRequest(method, b.srv.URL+path, strings.NewReader(form))
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+Key)
	r.Header.Set("Stripe-Version", APIVersion)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	return b.send(r)
}

func (b *bench) send(r *http.Request) answer {
	b.Helper()
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		b.Fatal(err)
	}
	a := answer{status: res.StatusCode, replayed: res.Header.Get("Idempotent-Replayed") == "true"}
	if err := json.Unmarshal(raw, &a.body); err != nil {
		b.Fatalf("answer %d is no JSON: %s", res.StatusCode, raw)
	}
	return a
}

func (b *bench) want(got, want any) {
	b.Helper()
	if got != want {
		b.Fatalf("have %v, want %v", got, want)
	}
}

// saved makes a customer with a saved card of that template.
func (b *bench) saved(template string) (customer, method string) {
	b.Helper()
	customer = b.call("POST", "/v1/customers", "", "email=jane%40example.com").at("id").(string)
	pm := b.call("POST", "/v1/payment_methods/"+template+"/attach", "", "customer="+customer)
	b.want(pm.status, 200)
	return customer, pm.at("id").(string)
}

func TestCallsAreChecked(t *testing.T) {
	b := start(t)
	bare, _ := http.NewRequest("GET", b.srv.URL+"/v1/events", nil)
	b.want(b.send(bare).status, 401)
	bad := bare.Clone(t.Context())
	bad.SetBasicAuth("sk_test_other", "")
	b.want(b.send(bad).status, 401)
	basic := bare.Clone(t.Context())
	basic.SetBasicAuth(Key, "")
	basic.Header.Set("Stripe-Version", APIVersion)
	b.want(b.send(basic).status, 200)
	basic.Header.Set("Stripe-Version", "2019-01-01")
	b.want(b.send(basic).status, 400)
	read, _ := http.NewRequest("POST", b.srv.URL+"/v1/customers", nil)
	read.Header.Set("Authorization", "Bearer "+ReadKey)
	b.want(b.send(read).status, 403)

	b.want(b.call("POST", "/v1/customers", "", "colour=red").at("error.code"), "parameter_unknown")
	b.want(b.call("GET", "/v1/customers/cus_none", "", "").status, 404)
	b.want(b.call("POST", "/v1/payment_intents", "", "currency=usd").at("error.code"), "parameter_missing")
	b.want(b.call("POST", "/v1/payment_intents", "", "amount=1005&currency=kwd").status, 400)
	b.want(b.call("POST", "/v1/payment_intents", "", "amount=10&currency=usd").at("error.code"), "amount_too_small")
	b.want(b.call("GET", "/v1/nothing", "", "").status, 404)
}

func TestAKeyIsReplayedWithItsDecline(t *testing.T) {
	b := start(t)
	customer, pm := b.saved("pm_card_chargeCustomerFail")
	form := "amount=1999&currency=eur&off_session=true&confirm=true&metadata[op]=op_1&customer=" + customer + "&payment_method=" + pm
	first := b.call("POST", "/v1/payment_intents", "k1", form)
	b.want(first.status, 402)
	b.want(first.at("error.payment_intent.status"), "requires_payment_method")
	again := b.call("POST", "/v1/payment_intents", "k1", form)
	b.want(again.replayed, true)
	b.want(again.at("error.payment_intent.id"), first.at("error.payment_intent.id"))
	b.want(b.call("POST", "/v1/payment_intents", "k1", form+"&description=x").at("error.type"), "idempotency_error")
	b.sim.AddClock(25 * time.Hour)
	b.want(b.call("POST", "/v1/payment_intents", "k1", form).replayed, false)
	// A request that was refused before it ran leaves no answer behind.
	b.want(b.call("POST", "/v1/customers", "k2", "email=nonsense").status, 400)
	b.want(b.call("POST", "/v1/customers", "k2", "email=a%40b.c").status, 200)
}

func TestTwoAtOnceUnderOneKeyAreAConflict(t *testing.T) {
	b := start(t)
	if err := b.act(`{"do":"slow","for":"200ms"}`); err != nil {
		t.Fatal(err)
	}
	done := make(chan int)
	for range 2 {
		go func() { done <- b.call("POST", "/v1/customers", "k", "name=Jane").status }()
	}
	one, two := <-done, <-done
	b.want(one+two, 200+409)
	b.want(b.sim.State().Things["customer"], 1)
}

func TestChargesOfASavedCard(t *testing.T) {
	tests := []struct {
		name, template string
		status         int
		code, decline  any
	}{
		{"a good card pays", "pm_card_visa", 200, nil, nil},
		{"a card that asks every time needs the customer", "pm_card_authenticationRequired", 402, "authentication_required", "authentication_required"},
		{"a card not yet prepared needs the customer", "pm_card_authenticationRequiredOnSetup", 402, "authentication_required", "authentication_required"},
		{"a card prepared elsewhere pays", "pm_card_authenticationRequiredSetupForOffSession", 200, nil, nil},
		{"a card that fails at renewal fails", "pm_card_chargeCustomerFail", 402, "card_declined", "generic_decline"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := start(t)
			customer, pm := b.saved(tt.template)
			a := b.call("POST", "/v1/payment_intents", "", "amount=1999&currency=jpy&off_session=true&confirm=true&expand[]=latest_charge.balance_transaction&customer="+customer+"&payment_method="+pm)
			b.want(a.status, tt.status)
			if tt.status == 200 {
				b.want(a.at("status"), "succeeded")
				b.want(a.at("latest_charge.balance_transaction.currency"), "usd")
				return
			}
			b.want(a.at("error.code"), tt.code)
			b.want(a.at("error.decline_code"), tt.decline)
		})
	}
}

func TestRefundsNeverExceedTheCharge(t *testing.T) {
	b := start(t)
	customer, pm := b.saved("pm_card_visa")
	pi := b.call("POST", "/v1/payment_intents", "", "amount=1000&currency=usd&confirm=true&customer="+customer+"&payment_method="+pm+"&metadata[op]=op_1").at("id").(string)
	b.want(b.call("POST", "/v1/refunds", "", "amount=1001&payment_intent="+pi).status, 400)
	b.want(b.call("POST", "/v1/refunds", "", "amount=400&metadata[op]=back_1&payment_intent="+pi).status, 200)
	b.want(b.call("POST", "/v1/refunds", "", "payment_intent="+pi).at("amount"), 600.0)
	b.want(b.call("POST", "/v1/refunds", "", "payment_intent="+pi).at("error.code"), "charge_already_refunded")
	b.want(b.sim.State().Money["op_1"], sim.Money{Taken: 1000, Back: 1000, Currency: "USD"})
	if err := b.act(`{"do":"refund_fails","op":"back_1"}`); err != nil {
		t.Fatal(err)
	}
	b.want(b.sim.State().Money["op_1"].Back, int64(600))
}

func TestListsArePaged(t *testing.T) {
	b := start(t)
	for range 5 {
		b.call("POST", "/v1/customers", "", "name=x")
	}
	page := b.call("GET", "/v1/customers?limit=3", "", "")
	list := page.at("data").([]any)
	b.want(len(list), 3)
	b.want(page.at("has_more"), true)
	last := list[2].(map[string]any)["id"].(string)
	rest := b.call("GET", "/v1/customers?limit=3&starting_after="+last, "", "")
	b.want(len(rest.at("data").([]any)), 2)
	b.want(rest.at("has_more"), false)
	b.want(b.call("GET", "/v1/customers?limit=101", "", "").status, 400)
}

func TestARefundThatComesBackIsToldLater(t *testing.T) {
	b := start(t)
	customer, pm := b.saved("pm_card_refundFail")
	pi := b.call("POST", "/v1/payment_intents", "", "amount=1000&currency=usd&confirm=true&customer="+customer+"&payment_method="+pm).at("id").(string)
	made := b.call("POST", "/v1/refunds", "", "payment_intent="+pi)
	b.want(made.at("status"), "succeeded")
	b.want(b.call("GET", "/v1/refunds/"+made.at("id").(string), "", "").at("status"), "failed")
}

func TestPagesMayBeServedBelowAPath(t *testing.T) {
	b := start(t)
	if err := b.act(`{"do":"pages","url":"https://demo.example/stripe/"}`); err != nil {
		t.Fatal(err)
	}
	id, page := b.open(basket)
	b.want(page, "https://demo.example/stripe/c/pay/"+id)
	res, err := http.Get(b.srv.URL + "/c/pay/" + id)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || !strings.Contains(string(body), `action="/stripe/c/pay/`+id+`"`) {
		t.Errorf("the form goes elsewhere: %v %s", err, body)
	}
	if policy := res.Header.Get("Content-Security-Policy"); strings.Contains(policy, "form-action") {
		t.Errorf("the browser may not follow the form back to the shop: %s", policy)
	}
}

// open makes a session and returns its ID and page.
func (b *bench) open(form string) (id, page string) {
	b.Helper()
	a := b.call("POST", "/v1/checkout/sessions", "", "success_url=http%3A%2F%2Fshop.example%2Fback%3Fs%3D{CHECKOUT_SESSION_ID}&cancel_url=http%3A%2F%2Fshop.example%2Fcart&"+form)
	b.want(a.status, 200)
	return a.at("id").(string), a.at("url").(string)
}

// submit sends a card to the page and does not follow the redirect.
func (b *bench) submit(page string, form url.Values) (status int, location, body string) {
	b.Helper()
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := c.PostForm(page, form)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		b.Fatal(err)
	}
	return res.StatusCode, res.Header.Get("Location"), string(raw)
}

func typed(number, expiry, cvc string) url.Values {
	return url.Values{"card_number": {number}, "expiry": {expiry}, "cvc": {cvc}}
}

const basket = "mode=payment&line_items[0][quantity]=1&line_items[0][price_data][currency]=eur&line_items[0][price_data][unit_amount]=1999&line_items[0][price_data][product_data][name]=Invoice+7&payment_intent_data[metadata][op]=op_1&metadata[op]=op_1"

func TestThePageChecksWhatIsTyped(t *testing.T) {
	b := start(t)
	id, page := b.open(basket)
	tests := []struct{ name, number, expiry, cvc, says string }{
		{"a wrong digit", "4242 4242 4242 4241", "12/40", "123", "card number is incorrect"},
		{"a past year", "4242 4242 4242 4242", "12/20", "123", "expiration year is invalid"},
		{"no such month", "4242 4242 4242 4242", "13/40", "123", "expiration month is invalid"},
		{"a short code", "4242 4242 4242 4242", "12/40", "12", "security code is invalid"},
		{"a real card", "4111 1111 1111 1111", "12/40", "123", "used a non test card"},
		{"a declined card", "4000 0000 0000 0002", "12/40", "123", "Your card was declined."},
		{"no funds", "4000 0000 0000 9995", "12/40", "123", "insufficient funds"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, _, body := b.submit(page, typed(tt.number, tt.expiry, tt.cvc))
			if status != 402 || !strings.Contains(body, tt.says) || !strings.Contains(body, "19.99 EUR") {
				t.Fatalf("have %d %s", status, body)
			}
		})
	}
	status, to, _ := b.submit(page, typed("4242 4242 4242 4242", "12/40", "123"))
	b.want(status, 303)
	b.want(to, "http://shop.example/back?s="+id)
	_, _, body := b.submit(page, typed("4242 4242 4242 4242", "12/40", "123"))
	if !strings.Contains(body, "paid already") {
		t.Fatal(body)
	}
	b.want(b.sim.State().Money["op_1"].Taken, int64(1999))
}

func TestTheBankAsks(t *testing.T) {
	b := start(t)
	_, page := b.open(basket)
	status, to, _ := b.submit(page, typed("4000 0025 0000 3155", "12/40", "123"))
	b.want(status, 303)
	status, _, body := b.submit(b.srv.URL+to, url.Values{"answer": {"fail"}})
	if status != 402 || !strings.Contains(body, "unable to authenticate") {
		t.Fatalf("have %d %s", status, body)
	}
	_, to, _ = b.submit(page, typed("4000 0025 0000 3155", "12/40", "123"))
	status, to, _ = b.submit(b.srv.URL+to, url.Values{"answer": {"complete"}})
	b.want(status, 303)
	if !strings.HasPrefix(to, "http://shop.example/back") {
		t.Fatal(to)
	}
	b.want(b.sim.State().Money["op_1"].Taken, int64(1999))
}

func TestAnExpiredPageCannotPay(t *testing.T) {
	b := start(t)
	_, page := b.open(basket)
	b.sim.AddClock(25 * time.Hour)
	status, _, body := b.submit(page, typed("4242 4242 4242 4242", "12/40", "123"))
	if status != 410 || !strings.Contains(body, "has expired") {
		t.Fatalf("have %d %s", status, body)
	}
	b.want(len(b.sim.State().Money), 0)
}

func TestWebhooksAreSignedAndRepeated(t *testing.T) {
	b := start(t)
	type got struct{ signature, body string }
	arrived := make(chan got, 20)
	refusals := 1
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		if refusals > 0 {
			refusals--
			w.WriteHeader(500)
			return
		}
		arrived <- got{r.Header.Get("Stripe-Signature"), string(raw)}
	}))
	defer hook.Close()
	made := b.call("POST", "/v1/webhook_endpoints", "", "api_version=2023-10-16&enabled_events[0]=customer.created&url="+url.QueryEscape(hook.URL))
	secret := made.at("secret").(string)
	b.want(b.call("GET", "/v1/webhook_endpoints/"+made.at("id").(string), "", "").at("secret"), nil)
	b.call("POST", "/v1/customers", "", "name=Jane")
	select {
	case a := <-arrived:
		stamp, _, _ := strings.Cut(strings.TrimPrefix(a.signature, "t="), ",")
		var at time.Time
		if n, err := json.Number(stamp).Int64(); err == nil {
			at = time.Unix(n, 0)
		}
		b.want(a.signature, Sign(secret, at, []byte(a.body)))
	case <-time.After(2 * time.Second):
		t.Fatal("the webhook did not come again after a 500")
	}
}
