// Package event is the facts told to plugins that asked for them (Plugin.Hears, allowed in plugins.hcl). A fact is told at
// least once, in order per Subject, and retried for three days. Hearing blocks nobody and changes nothing in the host.
package event

import (
	"context"
	"encoding/json"
	"time"
)

// Kind names a fact in the past tense: "invoice.paid", "subscription.renewed".
type Kind string

// Event is one fact.
type Event struct {
	ID       string // unique for ever: the key for "heard already"
	Kind     Kind
	At       time.Time       // when it happened, UTC
	Subject  string          // the ID of the thing it happened to
	Customer string          // the customer's ID, "" if there is none
	Data     json.RawMessage // the facts' own fields, at most 64 KiB
}

// Listener is a power of any type.
type Listener interface {
	// Hear takes one fact. Hearing it again is harmless. A fault other than Unavailable and Unknown ends the retries.
	Hear(ctx context.Context, e Event) error
}
