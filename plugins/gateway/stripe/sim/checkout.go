package sim

import (
	"net/url"
	"strconv"
	"time"
)

func (s *account) createSession(c *call) (object, *problem) {
	mode := c.get("mode")
	if mode != "payment" && mode != "setup" {
		return nil, invalid("", "mode", "Invalid mode: must be one of payment, setup, or subscription")
	}
	for _, name := range []string{"success_url", "cancel_url"} {
		if name == "success_url" && c.get(name) == "" {
			return nil, missing(name)
		}
		if u, err := url.Parse(c.get(name)); c.get(name) != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
			return nil, invalid("url_invalid", name, "Not a valid URL")
		}
	}
	if id := c.get("customer"); id != "" {
		if _, p := s.customer(id, "customer"); p != nil {
			return nil, p
		}
		if c.get("customer_email") != "" {
			return nil, invalid("", "customer_email", "You may only specify one of these parameters: customer, customer_email.")
		}
	}
	now := s.time()
	expires := now.Add(24 * time.Hour).Unix()
	if t := c.get("expires_at"); t != "" {
		n, err := strconv.ParseInt(t, 10, 64)
		if err != nil {
			return nil, invalid("parameter_invalid_integer", "expires_at", "Invalid integer: %s", t)
		}
		// A few seconds of grace for the way here, as Stripe's own stamps are of its clock.
		if n < now.Add(30*time.Minute-5*time.Second).Unix() {
			return nil, invalid("", "expires_at", "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.")
		}
		if n > now.Add(24*time.Hour+5*time.Second).Unix() {
			return nil, invalid("", "expires_at", "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.")
		}
		expires = n
	}
	id := s.id("cs_test")
	o := object{
		"id": id, "object": "checkout.session", "after_expiration": nil, "allow_promotion_codes": nil, "amount_subtotal": nil, "amount_total": nil,
		"automatic_tax": object{"enabled": false, "liability": nil, "status": nil}, "billing_address_collection": nil, "cancel_url": orNull(c.get("cancel_url")),
		"client_reference_id": orNull(c.get("client_reference_id")), "client_secret": nil, "created": now.Unix(), "currency": orNull(c.get("currency")),
		"custom_fields": []any{}, "customer": orNull(c.get("customer")), "customer_creation": nil, "customer_details": nil, "customer_email": orNull(c.get("customer_email")),
		"expires_at": expires, "invoice": nil, "livemode": c.live, "locale": orNull(c.get("locale")), "metadata": pairs(c.form, "metadata"), "mode": mode,
		"payment_intent": nil, "payment_link": nil, "payment_method_collection": "always", "payment_method_options": object{}, "payment_method_types": []any{"card"},
		"payment_status": "unpaid", "phone_number_collection": object{"enabled": false}, "recovered_from": nil, "setup_intent": nil, "shipping_options": []any{},
		"status": "open", "submit_type": nil, "subscription": nil, "success_url": c.get("success_url"), "total_details": nil, "ui_mode": "hosted",
		"url": c.base + "/c/pay/" + id,
	}
	later := later{description: c.get("payment_intent_data[description]"), meta: pairs(c.form, "payment_intent_data[metadata]"), usage: c.get("payment_intent_data[setup_future_usage]")}
	if mode == "setup" {
		if c.get("currency") == "" && len(items(c.form, "payment_method_types")) == 0 {
			return nil, missing("currency")
		}
		o["payment_status"] = "no_payment_required"
		setup := s.newSetup(c.get("customer"), c.get("setup_intent_data[description]"), pairs(c.form, "setup_intent_data[metadata]"), c.live)
		o["setup_intent"] = setup["id"]
	} else {
		total, p := lines(c, o, &later)
		if p != nil {
			return nil, p
		}
		o["amount_total"], o["amount_subtotal"] = total, total
		o["total_details"] = object{"amount_discount": int64(0), "amount_shipping": int64(0), "amount_tax": int64(0)}
	}
	s.later[id] = later
	return s.add(o), nil
}

// later is what a session's payment intent will get once there is one: since
// 2022-08-01 Stripe makes it only when the customer pays.
type later struct {
	description, title, usage string
	meta                      map[string]string
}

func lines(c *call, o object, to *later) (total int64, p *problem) {
	for i := 0; ; i++ {
		prefix := "line_items[" + strconv.Itoa(i) + "]"
		if !c.form.Has(prefix + "[quantity]") {
			break
		}
		quantity, err := strconv.ParseInt(c.get(prefix+"[quantity]"), 10, 64)
		if err != nil || quantity < 1 {
			return 0, invalid("parameter_invalid_integer", prefix+"[quantity]", "This value must be greater than or equal to 1.")
		}
		currency := c.get(prefix + "[price_data][currency]")
		amount, p := amountOf(c.get(prefix+"[price_data][unit_amount]"), currency, prefix+"[price_data][unit_amount]")
		if p != nil {
			return 0, p
		}
		name := c.get(prefix + "[price_data][product_data][name]")
		if name == "" {
			return 0, missing(prefix + "[price_data][product_data][name]")
		}
		if o["currency"] == nil {
			o["currency"] = currency
		} else if o["currency"] != currency {
			return 0, invalid("", prefix+"[price_data][currency]", "All line items must use the same currency.")
		}
		if to.title == "" {
			to.title = name
		}
		total += amount * quantity
	}
	if total == 0 {
		return 0, missing("line_items")
	}
	return total, nil
}

func (s *account) expireSession(c *call) (object, *problem) {
	o := s.find("checkout.session", c.id)
	if o == nil {
		return nil, absent("checkout.session", c.id, "session")
	}
	if o["status"] != "open" {
		return nil, state("", "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of `%s`.", text(o, "status"))
	}
	s.endSession(o)
	return o, nil
}

// endSession expires an open session and what it began.
func (s *account) endSession(o object) {
	o["status"], o["url"] = "expired", nil
	if pi := s.find("payment_intent", text(o, "payment_intent")); pi != nil {
		s.cancel(pi, "")
	}
	if seti := s.find("setup_intent", text(o, "setup_intent")); seti != nil {
		seti["status"], seti["next_action"] = "canceled", nil
		s.emit("setup_intent.canceled", seti)
	}
	s.emit("checkout.session.expired", o)
}

// expire ends the sessions whose time has come.
func (s *account) expire() {
	now := s.time().Unix()
	for _, o := range s.all("checkout.session") {
		if o["status"] == "open" && number(o, "expires_at") <= now {
			s.endSession(o)
		}
	}
}

// pay is the visitor pressing the button. A session that waits for 3-D Secure
// stays open; authenticate then ends it.
func (s *account) pay(o, pm object, how confirmation) *problem {
	if o["mode"] == "setup" {
		seti := s.find("setup_intent", text(o, "setup_intent"))
		if p := s.confirmSetup(seti, pm, how); p != nil {
			return p
		}
		if seti["status"] == "succeeded" {
			s.complete(o, "no_payment_required")
		}
		return nil
	}
	pi := s.intentOf(o)
	if p := s.confirm(pi, pm, how); p != nil {
		return p
	}
	if pi["status"] == "succeeded" {
		s.complete(o, "paid")
	}
	return nil
}

// intentOf finds or makes the payment intent of a session.
func (s *account) intentOf(o object) object {
	pi := s.find("payment_intent", text(o, "payment_intent"))
	if pi == nil {
		plan := s.later[text(o, "id")]
		pi = s.newIntent(number(o, "amount_total"), text(o, "currency"), text(o, "customer"), plan.description, plan.meta, o["livemode"] == true)
		pi["setup_future_usage"] = orNull(plan.usage)
		o["payment_intent"] = pi["id"]
	}
	return pi
}

func (s *account) complete(o object, paid string) {
	o["status"], o["url"], o["payment_status"] = "complete", nil, paid
	details := object{"address": nil, "email": o["customer_email"], "name": nil, "phone": nil, "tax_exempt": "none", "tax_ids": []any{}}
	if customer := s.find("customer", text(o, "customer")); customer != nil {
		details["email"], details["name"] = customer["email"], customer["name"]
	}
	o["customer_details"] = details
	s.emit("checkout.session.completed", o)
}

// delay is a payment by a slow way, such as a bank transfer: the session is
// complete, the money is not there.
func (s *account) delay(o object) {
	pi := s.intentOf(o)
	pm := s.newMethod(testCards[0], 12, int64(s.time().Year()+4), "")
	pi["status"], pi["payment_method"] = "processing", pm["id"]
	s.emit("payment_intent.processing", pi)
	s.complete(o, "unpaid")
}

// arrive ends a delayed payment, well or not.
func (s *account) arrive(pi object, well bool) {
	if pi["status"] != "processing" {
		return
	}
	pm := s.find("payment_method", text(pi, "payment_method"))
	if well {
		s.capture(pi, pm)
	} else {
		_ = s.fail(pi, pm, cardError("card_declined", "generic_decline", "The transfer was refused.")) // it is recorded in the intent
	}
	for _, o := range s.all("checkout.session") {
		if o["payment_intent"] == pi["id"] {
			if well {
				o["payment_status"] = "paid"
				s.emit("checkout.session.async_payment_succeeded", o)
			} else {
				s.emit("checkout.session.async_payment_failed", o)
			}
		}
	}
}
