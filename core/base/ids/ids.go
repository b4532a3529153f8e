// Package ids owns a type for every ID, so that the ID of an invoice cannot be given where that of an order
// is wanted. An ID is a short prefix and a ULID, such as inv_01JD0Y9F6Z8V5M3B1N7K2T4QWX. IDs made by one
// process ascend, so rows lie in the order in which they came. The list of kinds is in kinds.go.
package ids

import (
	"crypto/rand"
	"database/sql/driver"
	"fmt"
	"strings"
	"sync"

	"github.com/oklog/ulid/v2"

	"github.com/ezscale/bursar/sdk/fault"
)

// ErrUnknown answers for text that is no ID of the wanted kind: nothing can have it.
var ErrUnknown = fault.New(fault.NotFound, "not_found", "That does not exist.")

// ID is an ID of kind K, as text. Empty text means none. Kinds have names of their own, such as Invoice.
type ID[K kind] string

// kind is what tells IDs apart. It is satisfied by the private types of kinds.go only.
type kind interface{ prefix() string }

// Kind is any of the ID types of this package.
type Kind interface {
	~string
	// Prefix is the word before the underscore.
	Prefix() string
}

// Prefix is the word before the underscore.
func (ID[K]) Prefix() string {
	var k K
	return k.prefix()
}

// String is the ID as it is stored and shown.
func (id ID[K]) String() string { return string(id) }

// IsZero says whether there is no ID.
func (id ID[K]) IsZero() bool { return id == "" }

// Scan reads a column; NULL becomes "". What another kind wrote is an error.
func (id *ID[K]) Scan(from any) error {
	var text string
	switch v := from.(type) {
	case nil:
	case string:
		text = v
	case []byte:
		text = string(v)
	default:
		return fmt.Errorf("an ID from %T", from)
	}
	if text != "" && !strings.HasPrefix(text, id.Prefix()+"_") {
		return fmt.Errorf("%q is no ID that starts with %s_", text, id.Prefix())
	}
	*id = ID[K](text)
	return nil
}

// Value writes a column as text, "" for none: lists are paged with `id > ?`, where NULL would find
// nothing. A column that may be NULL is written with Null.
func (id ID[K]) Value() (driver.Value, error) { return string(id), nil }

// Null is the argument for a column that is NULL when there is no ID.
func Null[T Kind](id T) any {
	if id == "" {
		return nil
	}
	return string(id)
}

// Strings are IDs as text, for lists in SQL.
func Strings[T Kind](of []T) []string {
	out := make([]string, len(of))
	for i, id := range of {
		out[i] = string(id)
	}
	return out
}

var source = struct {
	sync.Mutex
	entropy *ulid.MonotonicEntropy
	last    uint64
}{entropy: ulid.Monotonic(rand.Reader, 0)}

// New draws an ID. It is above every ID drawn before by this process, even if the computer's clock was set back.
func New[T Kind]() T {
	source.Lock()
	defer source.Unlock()
	source.last = max(source.last, ulid.Now())
	u, err := ulid.New(source.last, source.entropy)
	for err != nil { // this millisecond is used up: 2^80 IDs, or a random start close to the end
		source.last++
		u, err = ulid.New(source.last, source.entropy)
	}
	var none T
	return T(none.Prefix() + "_" + u.String())
}

// Parse reads an ID that came from outside. ErrUnknown: it is malformed or of another kind.
func Parse[T Kind](text string) (T, error) {
	var none T
	rest, ok := strings.CutPrefix(text, none.Prefix()+"_")
	if !ok {
		return "", ErrUnknown
	}
	u, err := ulid.ParseStrict(rest)
	if err != nil || u.String() != rest {
		return "", ErrUnknown
	}
	return T(text), nil
}
