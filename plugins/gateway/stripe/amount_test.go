package main

import (
	"math"
	"testing"

	stripe "github.com/stripe/stripe-go/v76"

	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/money"
)

func TestAmountsThatStripeCountsOtherwise(t *testing.T) {
	tests := []struct {
		name     string
		amount   money.Amount
		want     int64
		currency string
		err      fault.Kind
	}{
		{"cents are cents", money.Of(1999, "USD"), 1999, "usd", ""},
		{"yen have no decimals", money.Of(1999, "JPY"), 1999, "jpy", ""},
		{"dinars have three, of which the last is 0", money.Of(19990, "KWD"), 19990, "kwd", ""},
		{"a fil cannot be paid", money.Of(19995, "KWD"), 0, "", fault.Invalid},
		{"krona are sent with two that are 00", money.Of(500, "ISK"), 50000, "isk", ""},
		{"ariary have two by ISO and none at Stripe", money.Of(500000, "MGA"), 5000, "mga", ""},
		{"a part of an ariary cannot be paid", money.Of(500050, "MGA"), 0, "", fault.Invalid},
		{"a currency that is contradicted is refused", money.Of(5000, "UGX"), 0, "", fault.Unsupported},
		{"nothing cannot be paid", money.Of(0, "EUR"), 0, "", fault.Invalid},
		{"less than nothing neither", money.Of(-5, "EUR"), 0, "", fault.Invalid},
		{"what is too large does not wrap around", money.Of(math.MaxInt64/7, "ISK"), 0, "", fault.Invalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n, currency, err := toStripe(tt.amount)
			if fault.KindOf(err) != tt.err || n != tt.want || currency != tt.currency {
				t.Fatalf("have %d %q, %v; want %d %q, %q", n, currency, err, tt.want, tt.currency, tt.err)
			}
			if err != nil {
				return
			}
			back, err := fromStripe(n, stripe.Currency(currency))
			if err != nil || back != tt.amount {
				t.Errorf("and back: %s, %v; want %s", back, err, tt.amount)
			}
		})
	}
}
