package wire

import (
	"fmt"
	"maps"

	pluginv1 "github.com/ezscale/bursar/sdk/proto/bursar/plugin/v1"
)

// Bounds of one thing's notes.
const (
	NotesEntries = 32
	NotesBytes   = 4 << 10
)

// Keep is the maps that a call may write into, on either side. Each may be nil where there is no such thing.
type Keep struct {
	Notes    map[string]string // of the thing
	Customer map[string]string // of the customer on this instance
}

// Out is the notes as they travel back.
func (k *Keep) Out() *pluginv1.Kept {
	if k == nil {
		return nil
	}
	return &pluginv1.Kept{Notes: k.Notes, CustomerNotes: k.Customer}
}

// In writes what came back into the caller's maps. Nothing came: nothing changes.
func (k *Keep) In(back *pluginv1.Kept) {
	if k == nil || back == nil {
		return
	}
	replace(k.Notes, back.GetNotes())
	replace(k.Customer, back.GetCustomerNotes())
}

func replace(into, with map[string]string) {
	if into == nil {
		return
	}
	clear(into)
	maps.Copy(into, with)
}

// check refuses notes over the bounds: the host could not save them.
func (k *Keep) check() error {
	if k == nil {
		return nil
	}
	for what, notes := range map[string]map[string]string{"notes": k.Notes, "customer notes": k.Customer} {
		size := 0
		for name, value := range notes {
			size += len(name) + len(value)
		}
		if len(notes) > NotesEntries || size > NotesBytes {
			return fmt.Errorf("%s: %d entries of %d bytes, at most %d of %d", what, len(notes), size, NotesEntries, NotesBytes)
		}
	}
	return nil
}

// NotesIn is a map that an author may write into: never nil.
func NotesIn[M ~map[string]string](m map[string]string) M {
	if m == nil {
		return M{}
	}
	return M(m)
}
