package sim

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// Money is what one operation moved, in minor units as Stripe counts them.
type Money struct {
	Taken    int64  `json:"taken"`
	Back     int64  `json:"back"`
	Currency string `json:"currency"`
}

// State is what the account holds: how many things of each kind, and the money
// moved by each operation, by the op in a payment's metadata.
type State struct {
	Things map[string]int   `json:"things"`
	Money  map[string]Money `json:"money"`
}

// State reads the account.
func (s *Sim) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	out := State{Things: map[string]int{}, Money: map[string]Money{}}
	for _, o := range s.things {
		if o["deleted"] != true {
			out.Things[text(o, "object")]++
		}
	}
	for _, pi := range s.all("payment_intent") {
		op := metadata(pi)["op"]
		if op == "" || number(pi, "amount_received") == 0 {
			continue
		}
		m := out.Money[op]
		m.Taken += number(pi, "amount_received")
		m.Currency = text(pi, "currency")
		if charge := s.find("charge", text(pi, "latest_charge")); charge != nil {
			m.Back += number(charge, "amount_refunded")
		}
		out.Money[op] = m
	}
	return out
}

// Act is something that a customer, a bank or Stripe does. Op names a payment,
// a saved method or a refund by the op in its metadata, ID by Stripe's own ID.
//
//	pay             the visitor pays (or saves a card) on the open page, with Card or 4242…
//	refuse          the visitor tries a card that is declined; a delayed payment is refused
//	authenticate    the bank's page is answered: yes, or no with Fail
//	delay           the visitor pays by a slow way: complete, but the money is not there
//	settle          a delayed payment, or a pending refund, ends well
//	refund_fails    the bank sends a refund back
//	expire          the page's time is up
//	dispute         the bank opens a dispute (Status: needs_response, warning_needs_response)
//	turn            a dispute moves on to Status (under_review, won, lost, warning_closed)
//	remove_method   the payer removes the saved card
//	subscribe       webhooks go to URL, signed with Secret (default WebhookSecret)
//	double, single  every webhook is sent twice, or once
//	slow            a change takes For to execute, so that two may meet under one key
type Act struct {
	Do     string `json:"do"`
	Op     string `json:"op"`
	ID     string `json:"id"`
	Card   string `json:"card"`
	Status string `json:"status"`
	URL    string `json:"url"`
	Secret string `json:"secret"`
	For    string `json:"for"`
	Fail   bool   `json:"fail"`
}

// ActJSON is Act for the control address.
func (s *Sim) ActJSON(raw []byte) error {
	var a Act
	if err := json.Unmarshal(raw, &a); err != nil {
		return fmt.Errorf("read the act: %w", err)
	}
	return s.Act(a)
}

// Act plays one part. The error says why it cannot happen now; a card that is
// declined is no error, as that is what was asked for.
func (s *Sim) Act(a Act) error {
	if a.Do == "subscribe" {
		if a.Secret == "" {
			a.Secret = WebhookSecret
		}
		s.Subscribe(a.URL, a.Secret)
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	switch a.Do {
	case "double", "single":
		s.double = a.Do == "double"
		return nil
	case "slow":
		d, err := time.ParseDuration(a.For)
		s.slow = d
		return err
	case "pay", "refuse", "delay", "expire", "authenticate":
		return s.actPage(a)
	case "settle":
		return s.actSettle(a)
	case "refund_fails":
		for _, r := range s.named("refund", a) {
			s.failRefund(r)
			return nil
		}
	case "dispute":
		for _, charge := range s.charges(a) {
			if a.Status == "" {
				a.Status = "needs_response"
			}
			s.dispute(charge, "fraudulent", a.Status)
			return nil
		}
	case "turn":
		for _, d := range s.all("dispute") {
			charge := s.find("charge", text(d, "charge"))
			if d["id"] == a.ID || a.Op != "" && metadata(charge)["op"] == a.Op {
				s.turnDispute(d, a.Status)
				return nil
			}
		}
	case "remove_method":
		if pm := s.methodOf(a); pm != nil && pm["customer"] != nil {
			s.detach(pm)
			return nil
		}
	default:
		return fmt.Errorf("the simulator does not know how to %q", a.Do)
	}
	return fmt.Errorf("nothing here to %s for op %q, id %q", a.Do, a.Op, a.ID)
}

// named finds things by ID or by the op in their metadata, newest first.
func (s *Sim) named(kind string, a Act) []object {
	var list []object
	for _, o := range s.all(kind) {
		if o["id"] == a.ID || a.Op != "" && metadata(o)["op"] == a.Op {
			list = append([]object{o}, list...)
		}
	}
	return list
}

func (s *Sim) charges(a Act) []object {
	var list []object
	for _, o := range s.named("charge", a) {
		if o["status"] == "succeeded" {
			list = append(list, o)
		}
	}
	for _, pi := range s.named("payment_intent", Act{ID: a.ID}) {
		if charge := s.find("charge", text(pi, "latest_charge")); charge != nil && charge["status"] == "succeeded" {
			list = append(list, charge)
		}
	}
	return list
}

func (s *Sim) actPage(a Act) error {
	list := s.named("checkout.session", a)
	if len(list) == 0 && a.Do == "refuse" {
		return s.actSettle(Act{Op: a.Op, ID: a.ID, Fail: true})
	}
	if len(list) == 0 {
		return fmt.Errorf("no page for op %q, id %q", a.Op, a.ID)
	}
	o := list[0]
	if a.Do == "refuse" && o["status"] == "complete" {
		return s.actSettle(Act{Op: a.Op, ID: a.ID, Fail: true})
	}
	if o["status"] != "open" {
		return fmt.Errorf("the page of op %q is %s", a.Op, text(o, "status"))
	}
	switch a.Do {
	case "expire":
		s.endSession(o)
		return nil
	case "delay":
		if o["mode"] != "payment" {
			return fmt.Errorf("saving a card is never slow")
		}
		s.delay(o)
		return nil
	case "authenticate":
		intent := s.things[s.waiting(o)]
		if intent == nil || intent["status"] != "requires_action" {
			return fmt.Errorf("the bank asks nothing about op %q", a.Op)
		}
		_ = s.authenticate(intent, o, s.find("payment_method", text(intent, "payment_method")), !a.Fail) // a refusal is recorded in the intent
		return nil
	}
	typed := a.Card
	if typed == "" {
		typed = map[string]string{"pay": "4242424242424242", "refuse": "4000000000000002"}[a.Do]
	}
	cvc := "123"
	if typed[:1] == "3" {
		cvc = "1234"
	}
	known, p := cardTyped(typed, "12", strconv.Itoa(s.time().Year()+4), cvc, s.time())
	if p != nil {
		return fmt.Errorf("card %s: %v", typed, p.body["message"])
	}
	_ = s.pay(o, s.newMethod(known, 12, int64(s.time().Year()+4), ""), confirmation{}) // a refusal is recorded in the intent
	return nil
}

// actSettle ends what is on its way: a delayed payment or a pending refund.
func (s *Sim) actSettle(a Act) error {
	for _, pi := range s.named("payment_intent", a) {
		if pi["status"] == "processing" {
			s.arrive(pi, !a.Fail)
			return nil
		}
	}
	for _, r := range s.named("refund", a) {
		if a.Fail {
			s.failRefund(r)
		} else {
			s.settleRefund(r)
		}
		return nil
	}
	return fmt.Errorf("nothing on its way for op %q, id %q", a.Op, a.ID)
}

// methodOf finds a saved card by ID, or the one an operation saved or used.
func (s *Sim) methodOf(a Act) object {
	if pm := s.find("payment_method", a.ID); pm != nil {
		return pm
	}
	for _, kind := range []string{"payment_intent", "setup_intent"} {
		for _, o := range s.named(kind, a) {
			if pm := s.find("payment_method", text(o, "payment_method")); pm != nil {
				return pm
			}
		}
	}
	return nil
}
