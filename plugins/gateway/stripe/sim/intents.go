package sim

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Currencies that Stripe counts differently from two decimals, and the
// settlement of the account. Source: docs.stripe.com/currencies, read 2026-11-20.
var (
	zeroDecimal  = []string{"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"}
	threeDecimal = []string{"bhd", "jod", "kwd", "omr", "tnd"}
	wholeOnly    = []string{"isk", "ugx"} // two decimals that must be 00
	smallest     = map[string]int64{"usd": 50, "eur": 50, "gbp": 30, "jpy": 50}
	settled      = []string{"usd", "eur", "gbp"}
	// toDollar is invented: US cents for a thousand minor units.
	toDollar = map[string]int64{"jpy": 650, "kwd": 325, "chf": 1120, "aud": 650}
)

// decimals is how many Stripe's whole number has.
func decimals(currency string) int {
	switch {
	case slices.Contains(zeroDecimal, currency):
		return 0
	case slices.Contains(threeDecimal, currency):
		return 3
	}
	return 2
}

func amountOf(text, currency, param string) (int64, *problem) {
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case text == "":
		return 0, missing(param)
	case err != nil:
		return 0, invalid("parameter_invalid_integer", param, "Invalid integer: %s", text)
	case n < 1:
		return 0, invalid("parameter_invalid_integer", param, "This value must be greater than or equal to 1.")
	case len(currency) != 3 || currency != strings.ToLower(currency):
		return 0, invalid("", "currency", "Invalid currency: %s.", currency)
	case slices.Contains(threeDecimal, currency) && n%10 != 0:
		return 0, invalid("invalid_amount", param, "Amounts in %s must be evenly divisible by 10.", currency)
	case slices.Contains(wholeOnly, currency) && n%100 != 0:
		return 0, invalid("invalid_amount", param, "Amounts in %s must be evenly divisible by 100.", currency)
	case n < smallest[currency]:
		return 0, invalid("amount_too_small", param, "Amount must be at least %d %s", smallest[currency], currency)
	case n > 99999999:
		return 0, invalid("amount_too_large", param, "Amount must be no more than 99999999")
	}
	return n, nil
}

// newIntent makes a payment intent that nothing has happened to yet.
func (s *account) newIntent(amount int64, currency, customer, description string, meta map[string]string, live bool) object {
	id := s.id("pi")
	o := s.add(object{
		"id": id, "object": "payment_intent", "amount": amount, "amount_capturable": int64(0), "amount_details": object{"tip": object{}}, "amount_received": int64(0),
		"application": nil, "application_fee_amount": nil, "automatic_payment_methods": nil, "canceled_at": nil, "cancellation_reason": nil,
		"capture_method": "automatic", "client_secret": id + "_secret_" + s.id("k")[6:], "confirmation_method": "automatic", "created": s.time().Unix(),
		"currency": currency, "customer": orNull(customer), "description": orNull(description), "invoice": nil, "last_payment_error": nil, "latest_charge": nil,
		"livemode": live, "metadata": meta, "next_action": nil, "on_behalf_of": nil, "payment_method": nil, "payment_method_options": object{},
		"payment_method_types": []any{"card"}, "processing": nil, "receipt_email": nil, "review": nil, "setup_future_usage": nil, "shipping": nil,
		"statement_descriptor": nil, "statement_descriptor_suffix": nil, "status": "requires_payment_method", "transfer_data": nil, "transfer_group": nil,
	})
	s.emit("payment_intent.created", o)
	return o
}

func (s *account) createIntent(c *call) (object, *problem) {
	amount, p := amountOf(c.get("amount"), c.get("currency"), "amount")
	if p != nil {
		return nil, p
	}
	if id := c.get("customer"); id != "" {
		if _, p := s.customer(id, "customer"); p != nil {
			return nil, p
		}
	}
	if c.get("off_session") == "true" && c.get("confirm") != "true" {
		return nil, invalid("", "off_session", "You cannot set `off_session` without `confirm=true`.")
	}
	var pm object
	if id := c.get("payment_method"); id != "" {
		if pm, p = s.usable(id, c.get("customer")); p != nil {
			return nil, p
		}
	} else if c.get("confirm") == "true" {
		return nil, state("payment_intent_unexpected_state", "You cannot confirm this PaymentIntent because it's missing a payment method.")
	}
	o := s.newIntent(amount, c.get("currency"), c.get("customer"), c.get("description"), pairs(c.form, "metadata"), c.live)
	o["setup_future_usage"] = orNull(c.get("setup_future_usage"))
	o["receipt_email"] = orNull(c.get("receipt_email"))
	if pm == nil {
		return o, nil
	}
	o["payment_method"], o["status"] = pm["id"], "requires_confirmation"
	if c.get("confirm") != "true" {
		return o, nil
	}
	return o, s.confirm(o, pm, confirmation{off: c.get("off_session") == "true", strict: c.get("error_on_requires_action") == "true", back: c.get("return_url"), base: c.base})
}

// usable finds a method that may pay for that customer.
func (s *account) usable(id, customer string) (object, *problem) {
	pm := s.method(id)
	switch {
	case pm == nil:
		return nil, absent("PaymentMethod", id, "payment_method")
	case s.detached[id]:
		return nil, invalid("", "payment_method", "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared with a connected account without Customer attachment, or was detached from a Customer. It may not be used again. To use a PaymentMethod multiple times, you must attach it to a Customer first.")
	case pm["customer"] != nil && pm["customer"] != customer:
		return nil, invalid("", "payment_method", "The customer does not have a payment method with the ID %s. The payment method must be attached to the customer.", id)
	}
	return pm, nil
}

func (s *account) confirmIntent(c *call) (object, *problem) {
	o := s.find("payment_intent", c.id)
	if o == nil {
		return nil, absent("payment_intent", c.id, "intent")
	}
	if !slices.Contains([]string{"requires_payment_method", "requires_confirmation"}, text(o, "status")) {
		return nil, s.unexpected(o, "confirm")
	}
	id := c.get("payment_method")
	if id == "" {
		id = text(o, "payment_method")
	}
	if id == "" {
		return nil, s.unexpected(o, "confirm")
	}
	pm, p := s.usable(id, text(o, "customer"))
	if p != nil {
		return nil, p
	}
	return o, s.confirm(o, pm, confirmation{off: c.get("off_session") == "true", strict: c.get("error_on_requires_action") == "true", back: c.get("return_url"), base: c.base})
}

func (s *account) unexpected(o object, verb string) *problem {
	p := state("payment_intent_unexpected_state", "You cannot %s this PaymentIntent because it has a status of %s.", verb, text(o, "status"))
	p.body["payment_intent"] = clone(o)
	return p
}

func (s *account) cancelIntent(c *call) (object, *problem) {
	o := s.find("payment_intent", c.id)
	if o == nil {
		return nil, absent("payment_intent", c.id, "intent")
	}
	if !slices.Contains([]string{"requires_payment_method", "requires_confirmation", "requires_action", "requires_capture"}, text(o, "status")) {
		return nil, s.unexpected(o, "cancel")
	}
	for _, session := range s.all("checkout.session") {
		if session["payment_intent"] == c.id && session["status"] == "open" {
			return nil, state("payment_intent_unexpected_state", "You cannot cancel the PaymentIntent of a Checkout Session. Expire the Session instead.")
		}
	}
	reason := c.get("cancellation_reason")
	if reason != "" && !slices.Contains([]string{"duplicate", "fraudulent", "requested_by_customer", "abandoned"}, reason) {
		return nil, invalid("", "cancellation_reason", "Invalid cancellation_reason: %s", reason)
	}
	s.cancel(o, reason)
	return o, nil
}

func (s *account) cancel(o object, reason string) {
	o["status"], o["canceled_at"], o["cancellation_reason"], o["next_action"] = "canceled", s.time().Unix(), orNull(reason), nil
	s.emit("payment_intent.canceled", o)
}

// confirmation is how an intent is confirmed: off is without the customer,
// strict refuses rather than asks, passed means that 3-D Secure went well.
type confirmation struct {
	off, strict, passed bool
	back, base          string
}

// asks reports whether the bank wants to see the customer.
func (s *account) asks(known card, pm object, how confirmation) bool {
	switch {
	case how.passed:
		return false
	case how.off:
		return known.ask == "always" || known.ask == "setup" && !s.prepared[text(pm, "id")]
	}
	return known.ask != ""
}

// confirm tries to take the money of an intent with a payment method.
func (s *account) confirm(o, pm object, how confirmation) *problem {
	id := text(pm, "id")
	known := s.cards[id]
	o["payment_method"], o["next_action"], o["last_payment_error"] = id, nil, nil
	if s.asks(known, pm, how) {
		if how.off || how.strict {
			refusal := cardError("authentication_required", "authentication_required", cardMessages["authentication_required"])
			return s.fail(o, pm, refusal)
		}
		o["status"] = "requires_action"
		o["next_action"] = object{"type": "redirect_to_url", "redirect_to_url": object{"return_url": orNull(how.back), "url": how.base + "/c/authenticate/" + text(o, "id")}}
		s.emit("payment_intent.requires_action", o)
		return nil
	}
	if len(s.refuse) > 0 {
		why := s.refuse[0]
		s.refuse = s.refuse[1:]
		return s.fail(o, pm, why.refusal())
	}
	if known.code != "" && (known.when == "" || pm["customer"] != nil) {
		return s.fail(o, pm, known.refusal())
	}
	s.capture(o, pm)
	return nil
}

// fail records a refused try; the intent may be tried again.
func (s *account) fail(o, pm object, p *problem) *problem {
	charge := s.newCharge(o, pm)
	charge["status"], charge["paid"], charge["captured"] = "failed", false, false
	charge["amount_captured"] = int64(0)
	charge["failure_code"], charge["failure_message"] = p.body["code"], p.body["message"]
	kind, network := "issuer_declined", "declined_by_network"
	if p.body["decline_code"] == "fraudulent" {
		kind, network = "blocked", "not_sent_to_network"
	}
	reason, ok := p.body["decline_code"]
	if !ok {
		reason = p.body["code"]
	}
	charge["outcome"] = object{"network_status": network, "reason": reason, "risk_level": "normal", "seller_message": "The bank did not return any further details with this decline.", "type": kind}
	o["latest_charge"], o["status"], o["next_action"] = charge["id"], "requires_payment_method", nil
	last := clone(p.body).(object)
	last["charge"], last["payment_method"] = charge["id"], clone(pm)
	o["last_payment_error"], o["payment_method"] = last, nil
	p.body["charge"], p.body["payment_method"], p.body["payment_intent"] = charge["id"], clone(pm), clone(o)
	p.early = false
	s.emit("charge.failed", charge)
	s.emit("payment_intent.payment_failed", o)
	return p
}

// capture takes the money.
func (s *account) capture(o, pm object) {
	known := s.cards[text(pm, "id")]
	charge := s.newCharge(o, pm)
	txn := s.balance(number(o, "amount"), text(o, "currency"), "charge", text(charge, "id"), true)
	charge["balance_transaction"] = txn["id"]
	charge["outcome"] = object{"network_status": "approved_by_network", "reason": nil, "risk_level": "normal", "risk_score": int64(20), "seller_message": "Payment complete.", "type": "authorized"}
	o["latest_charge"], o["status"], o["next_action"], o["amount_received"] = charge["id"], "succeeded", nil, o["amount"]
	if customer := text(o, "customer"); customer != "" && text(o, "setup_future_usage") == "off_session" {
		s.prepared[text(pm, "id")] = true
		s.attach(pm, customer)
	}
	s.emit("charge.succeeded", charge)
	s.emit("payment_intent.succeeded", o)
	if known.dispute {
		s.dispute(charge, "fraudulent", "needs_response")
	}
}

func (s *account) newCharge(o, pm object) object {
	return s.add(object{
		"id": s.id("ch"), "object": "charge", "amount": o["amount"], "amount_captured": o["amount"], "amount_refunded": int64(0), "application": nil,
		"application_fee": nil, "application_fee_amount": nil, "balance_transaction": nil, "billing_details": clone(pm["billing_details"]),
		"calculated_statement_descriptor": "SIMULATOR", "captured": true, "created": s.time().Unix(), "currency": o["currency"], "customer": o["customer"],
		"description": o["description"], "disputed": false, "failure_balance_transaction": nil, "failure_code": nil, "failure_message": nil,
		"fraud_details": object{}, "invoice": nil, "livemode": o["livemode"], "metadata": clone(o["metadata"]), "on_behalf_of": nil, "outcome": nil, "paid": true,
		"payment_intent": o["id"], "payment_method": pm["id"], "payment_method_details": object{"card": clone(pm["card"]), "type": "card"},
		"receipt_email": nil, "receipt_number": nil, "receipt_url": nil, "refunded": false, "review": nil, "shipping": nil, "source_transfer": nil,
		"statement_descriptor": nil, "statement_descriptor_suffix": nil, "status": "succeeded", "transfer_data": nil, "transfer_group": nil,
	})
}

// balance books a movement in the account's own currency: 2.9 % and 30 cents
// for a charge, as Stripe's list price in the US.
func (s *account) balance(amount int64, currency, kind, source string, fee bool) object {
	into, rate := currency, any(nil)
	if !slices.Contains(settled, currency) {
		per := toDollar[currency]
		if per == 0 {
			per = 1000
		}
		into, amount = "usd", amount*per/1000
		rate = json.Number(fmt.Sprintf("%d.%03d", per/1000, per%1000))
	}
	cost := int64(0)
	if fee {
		cost = amount*29/1000 + 30
	}
	return s.add(object{
		"id": s.id("txn"), "object": "balance_transaction", "amount": amount, "available_on": s.time().Unix() + 2*24*3600, "created": s.time().Unix(),
		"currency": into, "description": nil, "exchange_rate": rate, "fee": cost, "fee_details": []any{}, "net": amount - cost,
		"reporting_category": kind, "source": source, "status": "pending", "type": kind,
	})
}
