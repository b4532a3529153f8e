package main

import (
	"fmt"
	"slices"
	"strings"

	stripe "github.com/stripe/stripe-go/v76"

	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/money"
)

// Stripe counts most currencies in hundredths, as ISO 4217 does, with these
// exceptions (docs.stripe.com/currencies, read 2026-11-24).
var (
	zeroDecimal  = []string{"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"}
	threeDecimal = []string{"BHD", "JOD", "KWD", "OMR", "TND"} // the last must be 0
	// ISK has no decimals any more but is still sent with two: it is none of these.
	// contradicted is UGX, which the same page lists both as without decimals
	// and as a special case: a guess would be wrong by a factor of a hundred.
	contradicted = []string{"UGX"}
)

// most is the largest amount Stripe takes in any currency, in its own units: 12
// digits. Most currencies end earlier; Stripe says so itself.
const most = 999_999_999_999

func vendorDigits(currency string) int {
	switch {
	case slices.Contains(zeroDecimal, currency):
		return 0
	case slices.Contains(threeDecimal, currency):
		return 3
	}
	return 2
}

// toStripe turns an amount into Stripe's integer and currency. Invalid, on
// field amount, when Stripe cannot hold it exactly.
func toStripe(a money.Amount) (int64, string, error) {
	currency := a.Currency()
	if slices.Contains(contradicted, currency) {
		return 0, "", fault.New(fault.Unsupported, "currency", "This currency cannot be paid by card here.").Because(fmt.Errorf("stripe's pages contradict each other on the decimals of %s", currency))
	}
	n := a.Minor()
	if n <= 0 || n > most {
		return 0, "", outOfRange
	}
	for have, want := money.Digits(currency), vendorDigits(currency); have != want; {
		if have < want {
			n, have = n*10, have+1
			continue
		}
		if n%10 != 0 {
			return 0, "", tooFine(a)
		}
		n, have = n/10, have-1
	}
	if slices.Contains(threeDecimal, currency) && n%10 != 0 {
		return 0, "", tooFine(a)
	}
	if n > most {
		return 0, "", outOfRange
	}
	return n, strings.ToLower(currency), nil
}

var outOfRange = fault.New(fault.Invalid, "amount_out_of_range", "This amount cannot be paid by card.").On("amount")

func tooFine(a money.Amount) error {
	return fault.New(fault.Invalid, "amount_too_fine", "This amount cannot be paid by card.").On("amount").
		Because(fmt.Errorf("stripe cannot hold %s %s: its last digit must be 0", a.Decimal(), a.Currency()))
}

// fromStripe turns Stripe's integer into an amount.
func fromStripe(n int64, currency stripe.Currency) (money.Amount, error) {
	code := strings.ToUpper(string(currency))
	for have, want := vendorDigits(code), money.Digits(code); have != want; {
		if have < want {
			n, have = n*10, have+1
			continue
		}
		if n%10 != 0 {
			return money.Amount{}, fault.New(fault.Internal, "amount", "").Because(fmt.Errorf("stripe says %d %s, which is no whole minor unit", n, code))
		}
		n, have = n/10, have-1
	}
	return money.Of(n, code), nil
}
