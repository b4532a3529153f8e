package main

import (
	"encoding/json"

	stripe "github.com/stripe/stripe-go/v76"

	"github.com/ezscale/bursar/sdk/gateway"
)

// What customers read. Nothing here may hint at theft or fraud: Stripe asks
// for that (docs.stripe.com/declines/codes, read 2026-11-20), and the person
// reading may be the thief.
const (
	textSoft         = "Your bank declined the payment. Please try again later, use another card, or ask your bank."
	textHard         = "Your bank declined this card. Please use another card."
	textAuthenticate = "Your bank asks you to confirm this payment."
	textOurs         = "The payment could not be made. This is not your bank's doing, and we are looking at it."
)

type reading struct {
	class gateway.Class
	text  string
}

// readings sorts what banks say. What is not listed is soft: it is tried again
// a few times and then left to the customer.
var readings = map[string]reading{
	"authentication_required":               {gateway.Authenticate, textAuthenticate},
	"payment_intent_authentication_failure": {gateway.Authenticate, "The confirmation with your bank did not succeed. Please try again, or use another card."},
	"approve_with_id":                       {gateway.Authenticate, textAuthenticate},
	"offline_pin_required":                  {gateway.Authenticate, textAuthenticate},
	"online_or_offline_pin_required":        {gateway.Authenticate, textAuthenticate},

	"insufficient_funds":              {gateway.Soft, "The card does not have enough funds for this payment."},
	"card_velocity_exceeded":          {gateway.Soft, "The card's limit has been reached. Please try again later, or use another card."},
	"withdrawal_count_limit_exceeded": {gateway.Soft, "The card's limit has been reached. Please try again later, or use another card."},
	"processing_error":                {gateway.Soft, "The payment could not be completed at this time. Please try again later."},
	"issuer_not_available":            {gateway.Soft, "Your bank could not be reached. Please try again later."},

	"expired_card":                      {gateway.Hard, "The card has expired. Please use another card."},
	"incorrect_number":                  {gateway.Hard, "The card number is not correct. Please enter the card anew."},
	"invalid_number":                    {gateway.Hard, "The card number is not correct. Please enter the card anew."},
	"invalid_expiry_month":              {gateway.Hard, "The card's expiry date is not correct. Please enter the card anew."},
	"invalid_expiry_year":               {gateway.Hard, "The card's expiry date is not correct. Please enter the card anew."},
	"incorrect_cvc":                     {gateway.Hard, "The card's security code is not correct. Please enter the card anew."},
	"invalid_cvc":                       {gateway.Hard, "The card's security code is not correct. Please enter the card anew."},
	"card_not_supported":                {gateway.Hard, "This card cannot be used for this kind of payment. Please use another card."},
	"currency_not_supported":            {gateway.Hard, "This card cannot pay in this currency. Please use another card."},
	"new_account_information_available": {gateway.Hard, "Your bank has issued a new card. Please enter it."},
	"invalid_account":                   {gateway.Hard, textHard},
	"lost_card":                         {gateway.Hard, textHard},
	"stolen_card":                       {gateway.Hard, textHard},
	"pickup_card":                       {gateway.Hard, textHard},
	"restricted_card":                   {gateway.Hard, textHard},
	"fraudulent":                        {gateway.Hard, textHard},
	"merchant_blacklist":                {gateway.Hard, textHard},
	"security_violation":                {gateway.Hard, textHard},
	"revocation_of_authorization":       {gateway.Hard, textHard},
	"revocation_of_all_authorizations":  {gateway.Hard, textHard},
	"stop_payment_order":                {gateway.Hard, textHard},
	"do_not_try_again":                  {gateway.Hard, textHard},
	"not_permitted":                     {gateway.Hard, textHard},
	"payment_method_customer_decline":   {gateway.Hard, textHard},
	"live_mode_test_card":               {gateway.Hard, textHard},

	"testmode_decline":      {gateway.Ours, textOurs},
	"test_mode_live_card":   {gateway.Ours, textOurs},
	"invalid_amount":        {gateway.Ours, textOurs},
	"livemode_mismatch":     {gateway.Ours, textOurs},
	"testmode_charges_only": {gateway.Ours, textOurs},
}

// refusal reads a declined charge. The bank's own code says more than
// Stripe's, which is mostly card_declined.
func refusal(e *stripe.Error) *gateway.Decline {
	d := gateway.Decline{Class: gateway.Soft, Code: string(e.Code), Text: textSoft}
	if e.Code == "" {
		d.Code = string(e.Type)
	}
	if r, ok := readings[string(e.Code)]; ok {
		d.Class, d.Text = r.class, r.text
	}
	if e.DeclineCode != "" {
		d.Code = string(e.DeclineCode)
		if r, ok := readings[d.Code]; ok {
			d.Class, d.Text = r.class, r.text
		}
	}
	// The networks fine those who try again after this word, so it counts for more than the code.
	if d.Class == gateway.Soft && advice(e) == "do_not_try_again" {
		d.Class, d.Text = gateway.Hard, textHard
	}
	return &d
}

// advice is a field newer than the client's struct, read from the raw answer.
func advice(e *stripe.Error) string {
	if e.LastResponse == nil {
		return ""
	}
	var raw struct {
		Error struct {
			Advice string `json:"advice_code"`
		} `json:"error"`
	}
	if json.Unmarshal(e.LastResponse.RawJSON, &raw) != nil {
		return ""
	}
	return raw.Error.Advice
}
