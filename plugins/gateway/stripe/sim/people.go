package sim

import (
	"net/url"
	"strconv"
	"strings"
)

func (s *account) getAccount(c *call) (object, *problem) {
	return object{
		"id": "acct_1Simulator", "object": "account", "business_type": "company", "country": "US", "default_currency": "usd",
		"charges_enabled": true, "payouts_enabled": true, "details_submitted": true, "email": "owner@example.com", "type": "standard",
		"metadata": map[string]string{}, "settings": object{"dashboard": object{"display_name": "Simulator", "timezone": "Etc/UTC"}},
	}, nil
}

// pairs reads prefix[key]=value.
func pairs(form url.Values, prefix string) map[string]string {
	m := map[string]string{}
	for name, values := range form {
		if key, ok := strings.CutPrefix(name, prefix+"["); ok && strings.HasSuffix(key, "]") && values[0] != "" {
			m[strings.TrimSuffix(key, "]")] = values[0]
		}
	}
	return m
}

// items reads prefix[0]=value, prefix[1]=value.
func items(form url.Values, prefix string) []any {
	list := []any{}
	for i := 0; ; i++ {
		values := form[prefix+"["+strconv.Itoa(i)+"]"]
		if values == nil {
			break
		}
		list = append(list, values[0])
	}
	for _, v := range form[prefix+"[]"] {
		list = append(list, v)
	}
	return list
}

func (s *account) createCustomer(c *call) (object, *problem) {
	o := object{
		"id": s.id("cus"), "object": "customer", "created": s.time().Unix(), "livemode": c.live, "address": nil, "balance": int64(0), "currency": nil,
		"default_source": nil, "delinquent": false, "description": nil, "discount": nil, "email": nil, "name": nil, "phone": nil,
		"invoice_prefix": strings.ToUpper(s.id("p")[6:13]), "next_invoice_sequence": int64(1), "preferred_locales": []any{}, "shipping": nil,
		"invoice_settings": object{"custom_fields": nil, "default_payment_method": nil, "footer": nil, "rendering_options": nil},
		"metadata":         map[string]string{}, "tax_exempt": "none", "test_clock": nil,
	}
	if p := s.fillCustomer(o, c.form); p != nil {
		return nil, p
	}
	s.add(o)
	s.emit("customer.created", o)
	return o, nil
}

func (s *account) fillCustomer(o object, form url.Values) *problem {
	if email := form.Get("email"); email != "" && !strings.Contains(email, "@") {
		return invalid("email_invalid", "email", "Invalid email address: %s", email)
	}
	for _, field := range []string{"email", "name", "phone", "description"} {
		if form.Has(field) {
			o[field] = orNull(form.Get(field))
		}
	}
	address := object{}
	for _, field := range []string{"line1", "line2", "city", "state", "postal_code", "country"} {
		name := "address[" + field + "]"
		if form.Has(name) {
			o["address"] = address
		}
		address[field] = orNull(form.Get(name))
	}
	for key, value := range pairs(form, "metadata") {
		metadata(o)[key] = value
	}
	if list := items(form, "preferred_locales"); len(list) > 0 {
		o["preferred_locales"] = list
	}
	if id := form.Get("invoice_settings[default_payment_method]"); id != "" {
		if pm := s.find("payment_method", id); pm == nil || pm["customer"] != o["id"] {
			return absent("PaymentMethod", id, "invoice_settings[default_payment_method]")
		}
		o["invoice_settings"].(object)["default_payment_method"] = id
	}
	return nil
}

// customer finds one that is not deleted.
func (s *account) customer(id, param string) (object, *problem) {
	o := s.find("customer", id)
	if o == nil || o["deleted"] == true {
		return nil, absent("customer", id, param)
	}
	return o, nil
}

func (s *account) updateCustomer(c *call) (object, *problem) {
	o, p := s.customer(c.id, "id")
	if p == nil {
		p = s.fillCustomer(o, c.form)
	}
	if p != nil {
		return nil, p
	}
	s.emit("customer.updated", o)
	return o, nil
}

func (s *account) deleteCustomer(c *call) (object, *problem) {
	o, p := s.customer(c.id, "id")
	if p != nil {
		return nil, p
	}
	s.emit("customer.deleted", o)
	for _, pm := range s.all("payment_method") {
		if pm["customer"] == c.id {
			s.detach(pm)
		}
	}
	gone := object{"id": c.id, "object": "customer", "deleted": true, "created": o["created"], "metadata": map[string]string{}}
	s.things[c.id] = gone
	return object{"id": c.id, "object": "customer", "deleted": true}, nil
}

func (s *account) listCustomerMethods(c *call) (object, *problem) {
	if _, p := s.customer(c.id, "customer"); p != nil {
		return nil, p
	}
	return s.list(c, "payment_method", func(o object) bool {
		return o["customer"] == c.id && (c.get("type") == "" || o["type"] == c.get("type"))
	})
}

func (s *account) createMethod(c *call) (object, *problem) {
	if c.get("type") != "card" {
		return nil, missing("type")
	}
	known, p := cardTyped(c.get("card[number]"), c.get("card[exp_month]"), c.get("card[exp_year]"), c.get("card[cvc]"), s.time())
	if p != nil {
		return nil, p
	}
	month, year := expiry(c.get("card[exp_month]"), c.get("card[exp_year]"))
	return s.newMethod(known, month, year, c.get("billing_details[name]")), nil
}

func expiry(month, year string) (m, y int64) {
	m, _ = strconv.ParseInt(month, 10, 64) // both were checked by cardTyped
	y, _ = strconv.ParseInt(year, 10, 64)
	if y < 100 {
		y += 2000
	}
	return m, y
}

func (s *account) attachMethod(c *call) (object, *problem) {
	if c.get("customer") == "" {
		return nil, missing("customer")
	}
	if _, p := s.customer(c.get("customer"), "customer"); p != nil {
		return nil, p
	}
	pm := s.method(c.id)
	if pm == nil {
		return nil, absent("PaymentMethod", c.id, "id")
	}
	if s.detached[c.id] {
		return nil, state("payment_method_unactivated", "The payment method you provided has been detached from a customer and can't be used again.")
	}
	if owner := text(pm, "customer"); owner != "" && owner != c.get("customer") {
		return nil, state("payment_method_unexpected_state", "The payment method you provided has already been attached to a customer.")
	}
	if known := s.cards[text(pm, "id")]; known.code != "" && known.when == "" && known.ask == "" {
		return nil, known.refusal() // such cards cannot even be saved
	}
	s.attach(pm, c.get("customer"))
	return pm, nil
}

func (s *account) attach(pm object, customer string) {
	if pm["customer"] != customer {
		pm["customer"] = customer
		s.emit("payment_method.attached", pm)
	}
}

func (s *account) detachMethod(c *call) (object, *problem) {
	pm := s.find("payment_method", c.id)
	if pm == nil {
		return nil, absent("PaymentMethod", c.id, "id")
	}
	if pm["customer"] == nil {
		return nil, state("", "The payment method you provided is not attached to a customer so detachment is impossible.")
	}
	s.detach(pm)
	return pm, nil
}

func (s *account) detach(pm object) {
	before := pm["customer"]
	pm["customer"] = nil
	s.detached[text(pm, "id")] = true
	s.emitChange("payment_method.detached", pm, object{"customer": before})
}
