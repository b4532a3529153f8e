package money

import (
	"encoding/json"
	"strconv"
	"strings"
)

// ratePrecision is how many parts make one whole.
const ratePrecision = 1_000_000

// Rate is a part of a whole, in parts per million: a tax of 8.875 % is 88,750.
type Rate struct{ ppm int64 }

// Percent is a rate of whole percents.
func Percent(p int64) Rate { return Rate{p * ratePrecision / 100} }

// PPM is a rate in parts per million.
func PPM(n int64) Rate { return Rate{n} }

// PPM is the rate in parts per million.
func (r Rate) PPM() int64 { return r.ppm }

// IsZero says whether it takes nothing.
func (r Rate) IsZero() bool { return r.ppm == 0 }

// String is the rate in percent, without needless zeros: "8.875%".
func (r Rate) String() string {
	sign := ""
	if r.ppm < 0 {
		sign = "-"
	}
	n := magnitude(r.ppm)
	part := strconv.FormatUint(ratePrecision/100+n%(ratePrecision/100), 10)[1:]
	return sign + strings.TrimSuffix(strconv.FormatUint(n/(ratePrecision/100), 10)+"."+strings.TrimRight(part, "0"), ".") + "%"
}

// MarshalJSON writes the parts per million as a number.
func (r Rate) MarshalJSON() ([]byte, error) { return json.Marshal(r.ppm) }

// UnmarshalJSON reads what MarshalJSON wrote.
func (r *Rate) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, &r.ppm) }
