package sim

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ezscale/bursar/sdk/money"
	"github.com/ezscale/bursar/sdk/sim"
)

// extra is what this account shows beyond what all simulators do.
type extra struct {
	Pages    []openPage `json:"pages"`    // that wait for a visitor
	Disputes []object   `json:"disputes"` // ID, op and status
	Webhooks []webhook  `json:"webhooks"` // the endpoints, and how their deliveries went
}

type openPage struct {
	Op  string `json:"op"`
	URL string `json:"url"`
}

type webhook struct {
	ID        string `json:"id"`
	URL       string `json:"url"`
	Delivered int    `json:"delivered"`
	Waiting   int    `json:"waiting"`
}

// state is what the account holds: how many things of each kind, and the money
// moved by each operation, by the op in a payment's metadata.
func (s *account) state() sim.State {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	out := sim.State{Things: map[string]int{}, Money: map[string]sim.Money{}}
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
		m.Taken += minor(number(pi, "amount_received"), text(pi, "currency"))
		m.Currency = strings.ToUpper(text(pi, "currency"))
		if charge := s.find("charge", text(pi, "latest_charge")); charge != nil {
			m.Back += minor(number(charge, "amount_refunded"), text(charge, "currency"))
		}
		out.Money[op] = m
	}
	out.Extra, _ = json.Marshal(s.extra()) // plain values only
	return out
}

func (s *account) extra() extra {
	e := extra{Pages: []openPage{}, Disputes: []object{}, Webhooks: []webhook{}}
	for _, o := range s.all("checkout.session") {
		if o["status"] == "open" {
			e.Pages = append(e.Pages, openPage{Op: metadata(o)["op"], URL: text(o, "url")})
		}
	}
	for _, d := range s.all("dispute") {
		e.Disputes = append(e.Disputes, object{"id": d["id"], "status": d["status"], "op": metadata(s.things[text(d, "charge")])["op"]})
	}
	for _, o := range s.all("webhook_endpoint") {
		w := webhook{ID: text(o, "id"), URL: text(o, "url")}
		for _, d := range s.journal {
			switch {
			case d.endpoint != w.ID:
			case d.done:
				w.Delivered++
			default:
				w.Waiting++
			}
		}
		e.Webhooks = append(e.Webhooks, w)
	}
	return e
}

// minor turns Stripe's number into minor units of ISO 4217: they differ for ISK and UGX.
func minor(n int64, currency string) int64 {
	for have, want := decimals(currency), money.Digits(strings.ToUpper(currency)); have != want; {
		if have < want {
			n, have = n*10, have+1
		} else {
			n, have = n/10, have-1
		}
	}
	return n
}

// act is something that a customer, a bank or Stripe does. Op names a payment,
// a saved method or a refund by the op in its metadata, ID by Stripe's own ID.
//
//	pay             the visitor pays (or saves a card) on the open page, with Card or 4242…
//	refuse          the visitor tries a card that is declined; a delayed payment is refused
//	authenticate    the bank's page is answered: yes, or no with Fail
//	delay           the visitor pays by a slow way: complete, but the money is not there
//	settle          a delayed payment, or a pending refund, ends well
//	decline         the next try of any card is refused with Code: "insufficient_funds", "expired_card", …
//	refund_fails    the bank sends a refund back
//	expire          the page's time is up
//	dispute         the bank opens a dispute (Status: needs_response, warning_needs_response)
//	turn            a dispute moves on to Status (under_review, won, lost, warning_closed)
//	remove_method   the payer removes the saved card
//	subscribe       webhooks go to URL, signed with Secret (default WebhookSecret)
//	double, single  every webhook is sent twice, or once
//	slow            a change takes For to execute, so that two may meet under one key
//	pages           browsers reach the hosted pages below URL, which may have a path
type act struct {
	Do     string `json:"do"`
	Op     string `json:"op"`
	ID     string `json:"id"`
	Card   string `json:"card"`
	Code   string `json:"code"`
	Status string `json:"status"`
	URL    string `json:"url"`
	Secret string `json:"secret"`
	For    string `json:"for"`
	Fail   bool   `json:"fail"`
}

// play does one act. The error says why it cannot happen now; a card that is
// declined is no error, as that is what was asked for.
func (s *account) play(shared sim.Act) error {
	var a act
	if err := json.Unmarshal(shared.Raw, &a); err != nil {
		return fmt.Errorf("read the act: %w", err)
	}
	a.Do, a.Op, a.ID = shared.Do, shared.Op, shared.ID
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	switch a.Do {
	case "subscribe":
		if a.Secret == "" {
			a.Secret = WebhookSecret
		}
		s.subscribe(a.URL, a.Secret)
		return nil
	case "pages":
		s.pages = strings.TrimSuffix(a.URL, "/")
		return nil
	case "double", "single":
		s.double = a.Do == "double"
		return nil
	case "slow":
		d, err := time.ParseDuration(a.For)
		s.slow = d
		return err
	case "decline":
		why, known := reasons()[a.Code]
		if !known {
			return fmt.Errorf("no bank says %q: there are %s", a.Code, strings.Join(slices.Sorted(maps.Keys(reasons())), ", "))
		}
		s.refuse = append(s.refuse, why)
		return nil
	case "pay", "refuse", "delay", "expire", "authenticate":
		return s.actPage(a)
	case "settle":
		return s.actSettle(a)
	case "refund_fails":
		if list := s.named("refund", a); len(list) > 0 {
			s.failRefund(list[0])
			return nil
		}
	case "dispute":
		if list := s.charges(a); len(list) > 0 {
			s.dispute(list[0], "fraudulent", cmp.Or(a.Status, "needs_response"))
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
func (s *account) named(kind string, a act) []object {
	var list []object
	for _, o := range s.all(kind) {
		if o["id"] == a.ID || a.Op != "" && metadata(o)["op"] == a.Op {
			list = append([]object{o}, list...)
		}
	}
	return list
}

func (s *account) charges(a act) []object {
	var list []object
	for _, o := range s.named("charge", a) {
		if o["status"] == "succeeded" {
			list = append(list, o)
		}
	}
	for _, pi := range s.named("payment_intent", act{ID: a.ID}) {
		if charge := s.find("charge", text(pi, "latest_charge")); charge != nil && charge["status"] == "succeeded" {
			list = append(list, charge)
		}
	}
	return list
}

func (s *account) actPage(a act) error {
	list := s.named("checkout.session", a)
	if len(list) == 0 && a.Do == "refuse" {
		return s.actSettle(act{Op: a.Op, ID: a.ID, Fail: true})
	}
	if len(list) == 0 {
		return fmt.Errorf("no page for op %q, id %q", a.Op, a.ID)
	}
	o := list[0]
	if a.Do == "refuse" && o["status"] == "complete" {
		return s.actSettle(act{Op: a.Op, ID: a.ID, Fail: true})
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
func (s *account) actSettle(a act) error {
	for _, pi := range s.named("payment_intent", a) {
		if pi["status"] == "processing" {
			s.arrive(pi, !a.Fail)
			return nil
		}
	}
	if list := s.named("refund", a); len(list) > 0 {
		if a.Fail {
			s.failRefund(list[0])
		} else {
			s.settleRefund(list[0])
		}
		return nil
	}
	return fmt.Errorf("nothing on its way for op %q, id %q", a.Op, a.ID)
}

// methodOf finds a saved card by ID, or the one an operation saved or used.
func (s *account) methodOf(a act) object {
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
