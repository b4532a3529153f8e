package sim

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// keyLife is how long an answer is replayed. Stripe promises at least 24 hours
// (docs.stripe.com/api/idempotent_requests, read 2026-11-20).
const keyLife = 24 * time.Hour

// remembered is the first answer under an idempotency key.
type remembered struct {
	print   string
	running bool
	at      time.Time
	status  int
	body    []byte
}

// call is one request to the API, already authenticated and parsed. The
// account is locked while a handler runs.
type call struct {
	id   string
	form url.Values
	base string // how the browser reaches the hosted pages
	live bool
}

func (c *call) get(name string) string { return c.form.Get(name) }

type handler func(c *call) (object, *problem)

// routes is everything the API serves, with the parameters each call accepts:
// # stands for an index, * for a free key.
func (s *account) routes() {
	const (
		page    = "limit starting_after ending_before "
		created = "created created[gt] created[gte] created[lt] created[lte] "
		address = "address[line1] address[line2] address[city] address[state] address[postal_code] address[country] "
		person  = "email name phone description preferred_locales[#] metadata[*] payment_method invoice_settings[default_payment_method] " + address
	)
	s.handle("GET /v1/account", "", s.getAccount)
	s.handle("GET /v1/balance_transactions/{id}", "", s.getter("balance_transaction", "balance transaction"))

	s.handle("POST /v1/customers", person, s.createCustomer)
	s.handle("GET /v1/customers", page+created+"email", s.lister("customer", "email"))
	s.handle("GET /v1/customers/{id}", "", s.getter("customer", "customer"))
	s.handle("POST /v1/customers/{id}", person, s.updateCustomer)
	s.handle("DELETE /v1/customers/{id}", "", s.deleteCustomer)
	s.handle("GET /v1/customers/{id}/payment_methods", page+"type", s.listCustomerMethods)

	s.handle("POST /v1/payment_methods", "type card[number] card[exp_month] card[exp_year] card[cvc] card[token] billing_details[name] metadata[*]", s.createMethod)
	s.handle("GET /v1/payment_methods", page+"customer type", s.lister("payment_method", "customer", "type"))
	s.handle("GET /v1/payment_methods/{id}", "", s.getter("payment_method", "PaymentMethod"))
	s.handle("POST /v1/payment_methods/{id}/attach", "customer", s.attachMethod)
	s.handle("POST /v1/payment_methods/{id}/detach", "", s.detachMethod)

	s.handle("POST /v1/payment_intents", "amount currency customer payment_method payment_method_types[#] off_session confirm return_url description metadata[*] setup_future_usage receipt_email error_on_requires_action statement_descriptor_suffix automatic_payment_methods[enabled] automatic_payment_methods[allow_redirects]", s.createIntent)
	s.handle("GET /v1/payment_intents", page+created+"customer", s.lister("payment_intent", "customer"))
	s.handle("GET /v1/payment_intents/{id}", "client_secret", s.getter("payment_intent", "payment_intent"))
	s.handle("POST /v1/payment_intents/{id}/confirm", "payment_method off_session return_url error_on_requires_action", s.confirmIntent)
	s.handle("POST /v1/payment_intents/{id}/cancel", "cancellation_reason", s.cancelIntent)

	s.handle("POST /v1/setup_intents", "customer payment_method payment_method_types[#] usage confirm return_url description metadata[*]", s.createSetup)
	s.handle("GET /v1/setup_intents", page+created+"customer", s.lister("setup_intent", "customer"))
	s.handle("GET /v1/setup_intents/{id}", "client_secret", s.getter("setup_intent", "setupintent"))
	s.handle("POST /v1/setup_intents/{id}/cancel", "cancellation_reason", s.cancelSetup)

	s.handle("GET /v1/charges", page+created+"customer payment_intent", s.lister("charge", "customer", "payment_intent"))
	s.handle("GET /v1/charges/{id}", "", s.getter("charge", "charge"))

	s.handle("POST /v1/refunds", "payment_intent charge amount reason metadata[*]", s.createRefund)
	s.handle("GET /v1/refunds", page+created+"payment_intent charge", s.lister("refund", "payment_intent", "charge"))
	s.handle("GET /v1/refunds/{id}", "", s.getter("refund", "refund"))

	s.handle("GET /v1/disputes", page+created+"payment_intent charge", s.lister("dispute", "payment_intent", "charge"))
	s.handle("GET /v1/disputes/{id}", "", s.getter("dispute", "dispute"))
	s.handle("POST /v1/disputes/{id}/close", "", s.closeDispute)

	s.handle("POST /v1/checkout/sessions", "mode success_url cancel_url customer customer_email client_reference_id metadata[*] expires_at currency locale submit_type ui_mode payment_method_types[#] line_items[#][quantity] line_items[#][price_data][currency] line_items[#][price_data][unit_amount] line_items[#][price_data][product_data][name] line_items[#][price_data][product_data][description] payment_intent_data[setup_future_usage] payment_intent_data[description] payment_intent_data[metadata][*] payment_intent_data[statement_descriptor_suffix] setup_intent_data[description] setup_intent_data[metadata][*]", s.createSession)
	s.handle("GET /v1/checkout/sessions", page+created+"customer payment_intent", s.lister("checkout.session", "customer", "payment_intent"))
	s.handle("GET /v1/checkout/sessions/{id}", "", s.getter("checkout.session", "checkout.session"))
	s.handle("POST /v1/checkout/sessions/{id}/expire", "", s.expireSession)

	s.handle("GET /v1/events", page+created+"type types[#]", s.listEvents)
	s.handle("GET /v1/events/{id}", "", s.getter("event", "event"))

	s.handle("POST /v1/webhook_endpoints", "url enabled_events[#] api_version description metadata[*]", s.createEndpoint)
	s.handle("GET /v1/webhook_endpoints", page, s.lister("webhook_endpoint"))
	s.handle("GET /v1/webhook_endpoints/{id}", "", s.getter("webhook_endpoint", "webhook endpoint"))
	s.handle("POST /v1/webhook_endpoints/{id}", "url enabled_events[#] disabled description metadata[*]", s.updateEndpoint)
	s.handle("DELETE /v1/webhook_endpoints/{id}", "", s.deleteEndpoint)

	s.mux.HandleFunc("/v1/", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, 404, refuse(404, "invalid_request_error", "", "Unrecognized request URL ("+r.Method+": "+r.URL.Path+").").document())
	})
}

var (
	index   = regexp.MustCompile(`\[\d*\]`)
	freeKey = regexp.MustCompile(`metadata\]?\[[^\]]*\]$`)
)

// shape turns a parameter's name into the form used in routes.
func shape(name string) string {
	if at := freeKey.FindStringIndex(name); at != nil {
		open := strings.LastIndex(name, "[")
		return index.ReplaceAllString(name[:open], "[#]") + "[*]"
	}
	return index.ReplaceAllString(name, "[#]")
}

// handle serves one call: key, version, parameters, idempotency, then do.
func (s *account) handle(pattern, params string, do handler) {
	known := strings.Fields(params + " expand[#]")
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		w.Header().Set("Request-Id", s.id("req"))
		s.mu.Unlock()
		w.Header().Set("Stripe-Version", APIVersion)
		live, p := authorize(r)
		if p == nil {
			p = version(r)
		}
		var form url.Values
		if p == nil {
			form, p = parameters(r, known)
		}
		if p != nil {
			writeJSON(w, p.status, p.document())
			return
		}
		c := &call{id: r.PathValue("id"), form: form, base: "http://" + r.Host, live: live}
		if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
			c.base = "https://" + r.Host
		}
		status, body, replayed := s.execute(r, c, do)
		if replayed {
			w.Header().Set("Idempotent-Replayed", "true")
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write(body) // the reader may be gone; nobody to tell
	})
}

func authorize(r *http.Request) (live bool, p *problem) {
	key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		key, _, _ = r.BasicAuth()
	}
	switch {
	case key == "":
		return false, refuse(401, "invalid_request_error", "", "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').")
	case key == Key:
		return false, nil
	case key == LiveKey:
		return true, nil
	case key == ReadKey && r.Method == http.MethodGet:
		return false, nil
	case key == ReadKey:
		return false, refuse(403, "invalid_request_error", "", "The provided key 'rk_test_*****ator' does not have the required permissions for this endpoint.")
	}
	return false, refuse(401, "invalid_request_error", "api_key_invalid", "Invalid API Key provided: "+key[:min(len(key), 8)]+"****")
}

func version(r *http.Request) *problem {
	if v := r.Header.Get("Stripe-Version"); v != APIVersion {
		return invalid("", "", "Invalid Stripe API version: %s. The simulator speaks %s only.", v, APIVersion)
	}
	return nil
}

// parameters reads the form of a change or the query of a read, strictly.
func parameters(r *http.Request, known []string) (url.Values, *problem) {
	raw := r.URL.RawQuery
	if r.Method == http.MethodPost {
		body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		if err != nil {
			return nil, invalid("", "", "The request body could not be read.")
		}
		kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if len(body) > 0 && kind != "application/x-www-form-urlencoded" {
			return nil, invalid("", "", "Invalid request: expected a form, got %q.", kind)
		}
		raw = string(body)
	}
	form, err := url.ParseQuery(raw)
	if err != nil {
		return nil, invalid("", "", "Invalid request: the form is malformed.")
	}
	for name, values := range form {
		if !slices.Contains(known, shape(name)) {
			return nil, invalid("parameter_unknown", name, "Received unknown parameter: %s", name)
		}
		if strings.HasSuffix(shape(name), "[*]") {
			open := strings.LastIndex(name, "[")
			if len(name)-open-2 > 40 || len(values[0]) > 500 {
				return nil, invalid("", name, "Metadata keys have at most 40 characters and values at most 500.")
			}
		}
	}
	return form, nil
}

// execute runs a call, or replays what it answered before under the same key.
func (s *account) execute(r *http.Request, c *call, do handler) (status int, body []byte, replayed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	if s.pages != "" {
		c.base = s.pages
	}
	key := r.Header.Get("Idempotency-Key")
	if r.Method != http.MethodPost || key == "" {
		status, body, _ = s.answer(c, do)
		return status, body, false
	}
	if len(key) > 255 {
		status, body = encode(invalid("", "", "Idempotency keys have at most 255 characters."))
		return status, body, false
	}
	sum := sha256.Sum256([]byte(r.URL.Path + "?" + c.form.Encode()))
	print := hex.EncodeToString(sum[:])
	for k, old := range s.keys {
		if !old.running && s.time().Sub(old.at) >= keyLife {
			delete(s.keys, k)
		}
	}
	if first := s.keys[key]; first != nil {
		switch {
		case first.print != print:
			status, body = encode(&problem{status: 400, body: object{"type": "idempotency_error", "message": "Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '" + key + "' if you meant to execute a different request."}})
			return status, body, false
		case first.running:
			status, body = encode(refuse(409, "idempotency_error", "idempotency_key_in_use", "There is currently another in-progress request using this Idempotent Key (that probably means you submitted twice, and the other request is still going through): "+key+"."))
			return status, body, false
		}
		return first.status, first.body, true
	}
	mine := &remembered{print: print, running: true, at: s.time()}
	s.keys[key] = mine
	if wait := s.slow; wait > 0 {
		s.mu.Unlock()
		select {
		case <-time.After(wait):
		case <-s.done:
		}
		s.mu.Lock()
	}
	status, body, early := s.answer(c, do)
	mine.running, mine.status, mine.body = false, status, body
	if early && s.keys[key] == mine {
		delete(s.keys, key)
	}
	return status, body, false
}

func (s *account) answer(c *call, do handler) (status int, body []byte, early bool) {
	out, p := do(c)
	if p == nil {
		out, p = s.expand(out, c.form)
	}
	if p != nil {
		status, body = encode(p)
		return status, body, p.early
	}
	body, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return 500, []byte(`{"error":{"type":"api_error","message":"the simulator cannot write its answer"}}`), false
	}
	return 200, body, false
}

func encode(p *problem) (int, []byte) {
	body, err := json.MarshalIndent(p.document(), "", "  ")
	if err != nil {
		return 500, []byte(`{"error":{"type":"api_error","message":"the simulator cannot write its answer"}}`)
	}
	return p.status, body
}
