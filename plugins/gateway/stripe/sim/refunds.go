package sim

import "slices"

func (s *account) createRefund(c *call) (object, *problem) {
	charge := s.find("charge", c.get("charge"))
	switch {
	case c.get("payment_intent") != "":
		pi := s.find("payment_intent", c.get("payment_intent"))
		if pi == nil {
			return nil, absent("payment_intent", c.get("payment_intent"), "payment_intent")
		}
		charge = s.find("charge", text(pi, "latest_charge"))
		if charge == nil || charge["status"] != "succeeded" {
			return nil, state("", "This PaymentIntent (%s) does not have a successful charge to refund.", text(pi, "id"))
		}
	case c.get("charge") == "":
		return nil, invalid("", "", "One of the following params should be provided for this request: payment_intent or charge.")
	case charge == nil:
		return nil, absent("charge", c.get("charge"), "charge")
	}
	if reason := c.get("reason"); reason != "" && !slices.Contains([]string{"duplicate", "fraudulent", "requested_by_customer"}, reason) {
		return nil, invalid("", "reason", "Invalid reason: must be one of duplicate, fraudulent, or requested_by_customer")
	}
	rest := number(charge, "amount") - number(charge, "amount_refunded")
	if charge["disputed"] == true && s.takenBack(charge) {
		return nil, state("charge_disputed", "Charge %s has been charged back; cannot issue a refund.", text(charge, "id"))
	}
	if rest == 0 {
		return nil, state("charge_already_refunded", "Charge %s has already been refunded.", text(charge, "id"))
	}
	amount := rest
	if c.form.Has("amount") {
		n, p := amountOf(c.get("amount"), text(charge, "currency"), "amount")
		if p != nil && p.body["code"] != "amount_too_small" {
			return nil, p
		}
		if p != nil {
			n, _ = amountOf(c.get("amount"), "xxx", "amount") // small refunds are fine
		}
		if n > rest {
			p := state("", "Refund amount (%d) is greater than unrefunded amount on charge (%d)", n, rest)
			p.body["param"] = "amount"
			return nil, p
		}
		amount = n
	}
	r := s.add(object{
		"id": s.id("re"), "object": "refund", "amount": amount, "balance_transaction": nil, "charge": charge["id"], "created": s.time().Unix(),
		"currency": charge["currency"], "destination_details": object{"card": object{"type": "refund"}, "type": "card"}, "metadata": pairs(c.form, "metadata"),
		"payment_intent": charge["payment_intent"], "reason": orNull(c.get("reason")), "receipt_number": nil, "source_transfer_reversal": nil,
		"status": "succeeded", "transfer_reversal": nil,
	})
	if s.cards[text(charge, "payment_method")].refund == "pending" {
		r["status"] = "pending"
	}
	r["balance_transaction"] = s.balance(-amount, text(charge, "currency"), "refund", text(r, "id"), false)["id"]
	charge["amount_refunded"] = number(charge, "amount_refunded") + amount
	charge["refunded"] = charge["amount_refunded"] == charge["amount"]
	s.emit("charge.refunded", charge)
	answer := clone(r).(object)
	if s.cards[text(charge, "payment_method")].refund == "fail" {
		s.failRefund(r) // its webhook tells; the answer does not know yet
	}
	return answer, nil
}

// takenBack reports whether a dispute of the charge holds the money.
func (s *account) takenBack(charge object) bool {
	for _, d := range s.all("dispute") {
		if d["charge"] == charge["id"] && d["is_charge_refundable"] == false {
			return true
		}
	}
	return false
}

// failRefund is the bank sending a refund back days later.
func (s *account) failRefund(r object) {
	if slices.Contains([]string{"failed", "canceled"}, text(r, "status")) {
		return
	}
	charge := s.find("charge", text(r, "charge"))
	r["status"], r["failure_reason"] = "failed", "lost_or_stolen_card"
	r["failure_balance_transaction"] = s.balance(number(r, "amount"), text(r, "currency"), "refund_failure", text(r, "id"), false)["id"]
	charge["amount_refunded"] = number(charge, "amount_refunded") - number(r, "amount")
	charge["refunded"] = false
	s.emit("charge.refund.updated", r)
}

// settleRefund ends a pending refund well.
func (s *account) settleRefund(r object) {
	if r["status"] == "pending" {
		r["status"] = "succeeded"
		s.emit("charge.refund.updated", r)
	}
}
