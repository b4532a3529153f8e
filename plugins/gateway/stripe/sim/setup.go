package sim

import "slices"

func (s *account) newSetup(customer, description string, meta map[string]string, live bool) object {
	id := s.id("seti")
	o := s.add(object{
		"id": id, "object": "setup_intent", "application": nil, "automatic_payment_methods": nil, "cancellation_reason": nil,
		"client_secret": id + "_secret_" + s.id("k")[6:], "created": s.time().Unix(), "customer": orNull(customer), "description": orNull(description),
		"flow_directions": nil, "last_setup_error": nil, "latest_attempt": nil, "livemode": live, "mandate": nil, "metadata": meta, "next_action": nil,
		"on_behalf_of": nil, "payment_method": nil, "payment_method_options": object{}, "payment_method_types": []any{"card"}, "single_use_mandate": nil,
		"status": "requires_payment_method", "usage": "off_session",
	})
	s.emit("setup_intent.created", o)
	return o
}

func (s *account) createSetup(c *call) (object, *problem) {
	if id := c.get("customer"); id != "" {
		if _, p := s.customer(id, "customer"); p != nil {
			return nil, p
		}
	}
	o := s.newSetup(c.get("customer"), c.get("description"), pairs(c.form, "metadata"), c.live)
	if c.get("confirm") != "true" {
		return o, nil
	}
	pm, p := s.usable(c.get("payment_method"), c.get("customer"))
	if p != nil {
		return nil, p
	}
	return o, s.confirmSetup(o, pm, confirmation{back: c.get("return_url"), base: c.base})
}

// confirmSetup saves a method for charges without the customer.
func (s *account) confirmSetup(o, pm object, how confirmation) *problem {
	known := s.cards[text(pm, "id")]
	o["payment_method"], o["next_action"], o["last_setup_error"] = pm["id"], nil, nil
	if s.asks(known, pm, how) {
		o["status"] = "requires_action"
		o["next_action"] = object{"type": "redirect_to_url", "redirect_to_url": object{"return_url": orNull(how.back), "url": how.base + "/c/authenticate/" + text(o, "id")}}
		s.emit("setup_intent.requires_action", o)
		return nil
	}
	if known.code != "" && known.when == "" && known.ask == "" {
		return s.failSetup(o, pm, known.refusal())
	}
	o["status"] = "succeeded"
	s.prepared[text(pm, "id")] = true
	if customer := text(o, "customer"); customer != "" {
		s.attach(pm, customer)
	}
	s.emit("setup_intent.succeeded", o)
	return nil
}

func (s *account) failSetup(o, pm object, p *problem) *problem {
	last := clone(p.body).(object)
	last["payment_method"] = clone(pm)
	o["status"], o["last_setup_error"], o["payment_method"], o["next_action"] = "requires_payment_method", last, nil, nil
	p.body["payment_method"], p.body["setup_intent"] = clone(pm), clone(o)
	p.early = false
	s.emit("setup_intent.setup_failed", o)
	return p
}

func (s *account) cancelSetup(c *call) (object, *problem) {
	o := s.find("setup_intent", c.id)
	if o == nil {
		return nil, absent("setupintent", c.id, "intent")
	}
	if slices.Contains([]string{"succeeded", "canceled"}, text(o, "status")) {
		return nil, state("setup_intent_unexpected_state", "You cannot cancel this SetupIntent because it has a status of %s.", text(o, "status"))
	}
	o["status"], o["next_action"] = "canceled", nil
	s.emit("setup_intent.canceled", o)
	return o, nil
}
