// Package money owns exact amounts and rates: an amount is a whole number of minor units and a currency, never a float.
// Rounding is half away from zero; what is split loses no unit. Prices, taxes and who pays are core's affair; what a vendor
// sees differently (PayPal knows no decimals for HUF) is the plugin's.
//
// Start at Amount. For sums that stay exact between two roundings see Round and Apportion in exact.go.
package money

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"

	"github.com/ezscale/bursar/sdk/fault"
)

// Errors of this package, all of kind Invalid.
var (
	ErrCurrency = fault.New(fault.Invalid, "currency_differs", "These amounts are in different currencies.")
	ErrRange    = fault.New(fault.Invalid, "amount_too_large", "This amount is too large.")
	ErrFormat   = fault.New(fault.Invalid, "amount_unreadable", "This is no amount of money.")
)

// Amount is money: minor units and an ISO 4217 code. The zero Amount is nothing in no currency and fits any.
type Amount struct {
	minor    int64
	currency string
}

// Of is an amount of minor units: Of(1999, "USD") is $19.99, Of(1999, "JPY") is ¥1999.
func Of(minor int64, currency string) Amount { return Amount{minor, currency} }

// Parse reads "19.99", "-5" or "+0.5", with a point and without separators. More decimals than the currency has is an
// error, never rounded: Parse("19.990", "USD") fails. Errors: ErrFormat, ErrRange.
func Parse(decimal, currency string) (Amount, error) {
	digits := Digits(currency)
	text, negative := strings.CutPrefix(decimal, "-")
	if !negative {
		text = strings.TrimPrefix(text, "+")
	}
	whole, part, point := strings.Cut(text, ".")
	if whole == "" || point && part == "" || len(part) > digits || !onlyDigits(whole) || !onlyDigits(part) {
		return Amount{}, ErrFormat.Because(fmt.Errorf("%.40q in %.10q", decimal, currency))
	}
	minor, err := strconv.ParseInt(whole+part+strings.Repeat("0", digits-len(part)), 10, 64)
	if err != nil {
		return Amount{}, ErrRange.Because(err)
	}
	if negative {
		minor = -minor
	}
	return Amount{minor, currency}, nil
}

func onlyDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// Minor is the number of minor units: cents, yen, fils.
func (a Amount) Minor() int64 { return a.minor }

// Currency is the ISO 4217 code, "" for the zero Amount.
func (a Amount) Currency() string { return a.currency }

// Decimal is the amount as a number with the currency's decimals: "19.99", "1999", "-0.050".
func (a Amount) Decimal() string {
	digits := Digits(a.currency)
	if digits == 0 {
		return strconv.FormatInt(a.minor, 10)
	}
	sign := ""
	if a.minor < 0 {
		sign = "-"
	}
	text := strconv.FormatUint(magnitude(a.minor), 10)
	if short := digits + 1 - len(text); short > 0 {
		text = strings.Repeat("0", short) + text
	}
	return sign + text[:len(text)-digits] + "." + text[len(text)-digits:]
}

// String is for logs and for form values: "19.99 USD". Pages format by the reader's locale instead.
func (a Amount) String() string { return strings.TrimSuffix(a.Decimal()+" "+a.currency, " ") }

// IsZero says whether it is nothing, in whatever currency.
func (a Amount) IsZero() bool { return a.minor == 0 }

// Sign is -1, 0 or 1.
func (a Amount) Sign() int { return cmp.Compare(a.minor, 0) }

// Neg turns the sign.
func (a Amount) Neg() Amount {
	if a.minor == math.MinInt64 {
		return Amount{math.MaxInt64, a.currency}
	}
	return Amount{-a.minor, a.currency}
}

// Add sums two amounts. Errors: ErrCurrency, unless one is the zero Amount; ErrRange.
func (a Amount) Add(b Amount) (Amount, error) {
	currency, err := same(a, b)
	if err != nil {
		return Amount{}, err
	}
	sum := a.minor + b.minor
	if (a.minor >= 0) == (b.minor >= 0) && (sum >= 0) != (a.minor >= 0) {
		return Amount{}, ErrRange
	}
	return Amount{sum, currency}, nil
}

// Sub is a less b. Errors as Add.
func (a Amount) Sub(b Amount) (Amount, error) {
	if b.minor == math.MinInt64 {
		return Amount{}, ErrRange
	}
	return a.Add(b.Neg())
}

// Cmp compares: -1 if a is less than b, 0 if equal, 1 if more. Error: ErrCurrency.
func (a Amount) Cmp(b Amount) (int, error) {
	_, err := same(a, b)
	return cmp.Compare(a.minor, b.minor), err
}

// Sum adds up a list; nothing sums to the zero Amount. Errors as Add.
func Sum(list ...Amount) (total Amount, err error) {
	for _, a := range list {
		if total, err = total.Add(a); err != nil {
			return Amount{}, err
		}
	}
	return total, nil
}

// same is the currency of both. An amount of nothing without a currency fits any.
func same(a, b Amount) (string, error) {
	switch {
	case a.currency == b.currency || b == Amount{}:
		return a.currency, nil
	case a == Amount{}:
		return b.currency, nil
	}
	return "", ErrCurrency.Because(fmt.Errorf("%q and %q", a.currency, b.currency))
}

// Share is the part that a rate makes of it, rounded half away from zero: Of(333, "EUR").Share(Percent(19)) is 0.63 EUR.
// A result beyond 64 bits (only rates over 100 % reach it) is capped at the largest amount.
func (a Amount) Share(r Rate) Amount {
	high, low := bits.Mul64(magnitude(a.minor), magnitude(r.ppm))
	low, carry := bits.Add64(low, ratePrecision/2, 0)
	high += carry
	negative := (a.minor < 0) != (r.ppm < 0)
	if high >= ratePrecision {
		return capped(math.MaxUint64, negative, a.currency)
	}
	quotient, _ := bits.Div64(high, low, ratePrecision)
	return capped(quotient, negative, a.currency)
}

func capped(magnitude uint64, negative bool, currency string) Amount {
	minor := int64(min(magnitude, math.MaxInt64))
	if negative {
		minor = -minor
	}
	return Amount{minor, currency}
}

// Split parts the amount by weights and loses no unit: largest remainder, ties to the earlier. Of(1000, "EUR").Split(1, 1,
// 1) is 3.34, 3.33, 3.33. A negative amount is split as its mirror. A weight of 0 gets nothing. Weights that are negative
// or sum to nothing give nil: ask Parts for the reason.
func (a Amount) Split(weights ...int64) []Amount {
	total := a.minor
	if total < 0 {
		total = a.Neg().minor
	}
	parts, err := Parts(total, weights)
	if err != nil {
		return nil
	}
	out := make([]Amount, len(parts))
	for i, p := range parts {
		if a.minor < 0 {
			p = -p
		}
		out[i] = Amount{p, a.currency}
	}
	return out
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

// amountJSON is how an amount looks in JSON.
type amountJSON struct {
	Minor    int64  `json:"minor"`
	Currency string `json:"currency"`
}

// MarshalJSON writes {"minor":1999,"currency":"USD"}.
func (a Amount) MarshalJSON() ([]byte, error) {
	return json.Marshal(amountJSON{a.minor, a.currency})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (a *Amount) UnmarshalJSON(data []byte) error {
	var j amountJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return ErrFormat.Because(err)
	}
	*a = Amount{j.Minor, j.Currency}
	return nil
}
