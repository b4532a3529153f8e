package sim

import "strings"

// disputeCost is what Stripe keeps for a dispute, in minor units of the settlement currency.
const disputeCost = 1500

// dispute opens one about a charge. A warning is an inquiry: no money moves.
func (s *account) dispute(charge object, reason, status string) object {
	inquiry := strings.HasPrefix(status, "warning_")
	d := s.add(object{
		"id": s.id("dp"), "object": "dispute", "amount": charge["amount"], "balance_transactions": []any{}, "charge": charge["id"], "created": s.time().Unix(),
		"currency": charge["currency"], "evidence": object{}, "is_charge_refundable": inquiry, "livemode": charge["livemode"],
		"evidence_details": object{"due_by": s.time().Unix() + 14*24*3600, "has_evidence": false, "past_due": false, "submission_count": int64(0)},
		"metadata":         map[string]string{}, "payment_intent": charge["payment_intent"],
		"payment_method_details": object{"card": object{"brand": "visa", "network_reason_code": "10.4"}, "type": "card"}, "reason": reason, "status": status,
	})
	charge["disputed"] = true
	if !inquiry {
		s.moveDisputed(d, -1)
	}
	s.emit("charge.dispute.created", d)
	if !inquiry {
		s.emit("charge.dispute.funds_withdrawn", d)
	}
	return d
}

// moveDisputed takes the money out of the balance (-1) or puts it back (+1).
func (s *account) moveDisputed(d object, sign int64) {
	txn := s.balance(sign*number(d, "amount"), text(d, "currency"), "adjustment", text(d, "id"), false)
	if sign < 0 {
		txn["fee"], txn["net"] = int64(disputeCost), number(txn, "amount")-disputeCost
	}
	d["balance_transactions"] = append(d["balance_transactions"].([]any), clone(txn))
}

// turnDispute moves a dispute on: under_review, won or lost.
func (s *account) turnDispute(d object, status string) {
	if before := text(d, "status"); before == status || before == "won" || before == "lost" {
		return
	}
	d["status"] = status
	switch status {
	case "won":
		s.moveDisputed(d, 1)
		s.emit("charge.dispute.funds_reinstated", d)
		s.emit("charge.dispute.closed", d)
	case "lost", "warning_closed":
		s.emit("charge.dispute.closed", d)
	default:
		s.emit("charge.dispute.updated", d)
	}
}

func (s *account) closeDispute(c *call) (object, *problem) {
	d := s.find("dispute", c.id)
	if d == nil {
		return nil, absent("dispute", c.id, "id")
	}
	s.turnDispute(d, "lost")
	return d, nil
}
