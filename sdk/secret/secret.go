// Package secret owns a text that never prints itself: in logs, errors, JSON and pages it is ***. Keeping one sealed in
// the database is core's affair. Start at Value.
package secret

import "crypto/subtle"

// mask is what a secret looks like from outside.
const mask = "***"

// Value is a secret. The zero Value is the empty one, which prints as *** too, so that nobody learns whether one is set.
type Value struct{ plain string }

// New wraps a plain text.
func New(plain string) Value { return Value{plain} }

// Reveal is the plain text, for the one place that needs it: the header of a request, a password field. Never for a log.
func (v Value) Reveal() string { return v.plain }

// IsZero says whether nothing is inside.
func (v Value) IsZero() bool { return v.plain == "" }

// Equal compares in constant time.
func (v Value) Equal(other Value) bool {
	return subtle.ConstantTimeCompare([]byte(v.plain), []byte(other.plain)) == 1
}

// String hides the value.
func (v Value) String() string { return mask }

// GoString hides the value from %#v.
func (v Value) GoString() string { return mask }

// MarshalJSON hides the value. There is no way back: a secret is never read from JSON.
func (v Value) MarshalJSON() ([]byte, error) { return []byte(`"` + mask + `"`), nil }

// MarshalText hides the value.
func (v Value) MarshalText() ([]byte, error) { return []byte(mask), nil }
