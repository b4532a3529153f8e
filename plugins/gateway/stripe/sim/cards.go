package sim

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// card is how one test card behaves. Source: docs.stripe.com/testing, read 2026-11-20.
type card struct {
	number, template, brand, funding string
	code, decline                    string // why it is refused; "" when it works
	when                             string // "" refused always, "saved" only once it belongs to a customer
	ask                              string // when the bank wants 3-D Secure: "", "setup", "always", "on-session"
	refund                           string // "", "pending" or "fail"
	dispute                          bool
	label                            string // on the hosted page; "" is not offered there
}

var testCards = []card{
	{number: "4242424242424242", template: "pm_card_visa", brand: "visa", label: "Pays"},
	{number: "4000000000000002", template: "pm_card_visa_chargeDeclined", brand: "visa", code: "card_declined", decline: "generic_decline", label: "Is declined"},
	{number: "4000002500003155", template: "pm_card_authenticationRequiredOnSetup", brand: "visa", ask: "setup", label: "Asks for 3-D Secure"},
	{number: "4000000000000341", template: "pm_card_chargeCustomerFail", brand: "visa", code: "card_declined", decline: "generic_decline", when: "saved", label: "Pays now, fails at renewal"},
	{number: "4000000000009995", template: "pm_card_visa_chargeDeclinedInsufficientFunds", brand: "visa", code: "card_declined", decline: "insufficient_funds", label: "Has no funds"},
	{number: "5555555555554444", template: "pm_card_mastercard", brand: "mastercard"},
	{number: "378282246310005", template: "pm_card_amex", brand: "amex"},
	{number: "4000056655665556", template: "pm_card_visa_debit", brand: "visa", funding: "debit"},
	{number: "4000000000009987", template: "pm_card_visa_chargeDeclinedLostCard", brand: "visa", code: "card_declined", decline: "lost_card"},
	{number: "4000000000009979", template: "pm_card_visa_chargeDeclinedStolenCard", brand: "visa", code: "card_declined", decline: "stolen_card"},
	{number: "4000000000000069", template: "pm_card_chargeDeclinedExpiredCard", brand: "visa", code: "expired_card"},
	{number: "4000000000000127", template: "pm_card_chargeDeclinedIncorrectCvc", brand: "visa", code: "incorrect_cvc"},
	{number: "4000000000000119", template: "pm_card_chargeDeclinedProcessingError", brand: "visa", code: "processing_error"},
	{number: "4000000000006975", template: "pm_card_visa_chargeDeclinedVelocityLimitExceeded", brand: "visa", code: "card_declined", decline: "card_velocity_exceeded"},
	{number: "4100000000000019", template: "pm_card_radarBlock", brand: "visa", code: "card_declined", decline: "fraudulent"},
	{number: "4000002760003184", template: "pm_card_authenticationRequired", brand: "visa", ask: "always", label: "Asks each time, also at renewal"},
	{number: "4000003800000446", template: "pm_card_authenticationRequiredSetupForOffSession", brand: "visa", ask: "on-session"},
	{number: "4000008260003178", template: "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds", brand: "visa", ask: "setup", code: "card_declined", decline: "insufficient_funds"},
	{number: "4000000000003220", template: "pm_card_threeDSecure2Required", brand: "visa", ask: "setup"},
	{number: "4000008400001629", template: "pm_card_threeDSecureRequiredChargeDeclined", brand: "visa", ask: "setup", code: "card_declined", decline: "generic_decline"},
	{number: "4000000000000259", template: "pm_card_createDispute", brand: "visa", dispute: true, label: "Pays, and is disputed"},
	{number: "4000000000005126", template: "pm_card_refundFail", brand: "visa", refund: "fail", label: "Pays, a refund comes back"},
	{number: "4000000000007726", template: "pm_card_refundPending", brand: "visa", refund: "pending"},
}

// reason is a bank's word on one try.
type reason struct{ code, decline string }

// reasons are the words of banks that can be played, by decline code: those of
// the test cards, and some that no card stands for.
func reasons() map[string]reason {
	all := map[string]reason{
		"authentication_required": {"authentication_required", "authentication_required"},
		"do_not_honor":            {"card_declined", "do_not_honor"},
		"try_again_later":         {"card_declined", "try_again_later"},
		"testmode_decline":        {"card_declined", "testmode_decline"},
		"pickup_card":             {"card_declined", "pickup_card"},
	}
	for _, c := range testCards {
		switch {
		case c.decline != "":
			all[c.decline] = reason{c.code, c.decline}
		case c.code != "":
			all[c.code] = reason{c.code, ""}
		}
	}
	return all
}

var cardMessages = map[string]string{
	"insufficient_funds":      "Your card has insufficient funds.",
	"expired_card":            "Your card has expired.",
	"incorrect_cvc":           "Your card's security code is incorrect.",
	"processing_error":        "An error occurred while processing your card. Try again in a little bit.",
	"card_velocity_exceeded":  "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
	"authentication_required": "Your card was declined. This transaction requires authentication.",
}

// refusal is the error this card is refused with.
func (c card) refusal() *problem { return reason{c.code, c.decline}.refusal() }

func (r reason) refusal() *problem {
	code := r.decline
	if code == "" {
		code = r.code
	}
	message := cardMessages[code]
	if message == "" {
		message = "Your card was declined."
	}
	return cardError(r.code, r.decline, message)
}

func (c card) last4() string { return c.number[len(c.number)-4:] }

// cardTyped checks what was typed as Stripe does, before any bank is asked.
func cardTyped(typed, month, year, cvc string, now time.Time) (card, *problem) {
	digits := strings.NewReplacer(" ", "", "-", "").Replace(typed)
	if !luhn(digits) {
		p := cardError("incorrect_number", "", "Your card number is incorrect.")
		p.body["param"] = "number"
		return card{}, p
	}
	m, errM := strconv.Atoi(month)
	if errM != nil || m < 1 || m > 12 {
		p := cardError("invalid_expiry_month", "", "Your card's expiration month is invalid.")
		p.body["param"] = "exp_month"
		return card{}, p
	}
	y, errY := strconv.Atoi(year)
	if errY == nil && y < 100 {
		y += 2000
	}
	if errY != nil || y < now.Year() || y == now.Year() && m < int(now.Month()) || y > now.Year()+50 {
		p := cardError("invalid_expiry_year", "", "Your card's expiration year is invalid.")
		p.body["param"] = "exp_year"
		return card{}, p
	}
	want := 3
	if strings.HasPrefix(digits, "34") || strings.HasPrefix(digits, "37") {
		want = 4
	}
	if _, err := strconv.ParseUint(cvc, 10, 32); err != nil || len(cvc) != want {
		p := cardError("invalid_cvc", "", "Your card's security code is invalid.")
		p.body["param"] = "cvc"
		return card{}, p
	}
	for _, c := range testCards {
		if c.number == digits {
			return c, nil
		}
	}
	return card{}, cardError("card_declined", "test_mode_live_card", "Your card was declined. Your request was in test mode, but used a non test card. For a list of valid test cards, visit: https://stripe.com/docs/testing.")
}

func luhn(digits string) bool {
	if len(digits) < 12 || len(digits) > 19 {
		return false
	}
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i]) - '0'
		if d < 0 || d > 9 {
			return false
		}
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// newMethod makes a payment method of a card; it belongs to nobody yet.
func (s *account) newMethod(c card, month, year int64, name string) object {
	funding := c.funding
	if funding == "" {
		funding = "credit"
	}
	print := sha256.Sum256([]byte(c.number))
	o := s.add(object{
		"id": s.id("pm"), "object": "payment_method", "created": s.time().Unix(), "customer": nil, "livemode": false,
		"metadata": map[string]string{}, "type": "card",
		"billing_details": object{"address": object{"city": nil, "country": nil, "line1": nil, "line2": nil, "postal_code": nil, "state": nil}, "email": nil, "name": orNull(name), "phone": nil},
		"card": object{
			"brand": c.brand, "checks": object{"address_line1_check": nil, "address_postal_code_check": nil, "cvc_check": "pass"},
			"country": "US", "display_brand": c.brand, "exp_month": month, "exp_year": year, "fingerprint": hex.EncodeToString(print[:8]),
			"funding": funding, "generated_from": nil, "last4": c.last4(), "networks": object{"available": []any{c.brand}, "preferred": nil},
			"three_d_secure_usage": object{"supported": true}, "wallet": nil,
		},
	})
	s.cards[text(o, "id")] = c
	return o
}

// method finds a payment method, or makes one of a template such as pm_card_visa.
func (s *account) method(id string) object {
	for _, c := range testCards {
		if c.template == id {
			return s.newMethod(c, 12, int64(s.time().Year()+4), "")
		}
	}
	return s.find("payment_method", id)
}
