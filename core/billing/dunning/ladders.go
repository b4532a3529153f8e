package dunning

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/sdk/fault"
)

// DefaultLadder is the ladder of products that name none. It is stored on first use.
const DefaultLadder ids.Ladder = "lad_00000000000000000000000000"

// Errors of ladders.
var (
	ErrLadderNotFound = fault.New(fault.NotFound, "ladder_not_found", "That dunning schedule does not exist.")
	ErrLadderChanged  = fault.New(fault.Conflict, "ladder_changed", "The dunning schedule was changed meanwhile. Please look again.")
)

// Named is a ladder as it is stored.
type Named struct {
	ID      ids.Ladder // "" draws one
	Name    string
	Ladder  Ladder
	Version int64 // as it was read; 0 for a new one
}

// Choose is the ladder of an invoice: the one it names, else the default. Error: ErrLadderNotFound.
func Choose(all map[ids.Ladder]Ladder, id ids.Ladder) (Ladder, error) {
	if id == "" {
		id = DefaultLadder
	}
	l, ok := all[id]
	if !ok {
		return Ladder{}, ErrLadderNotFound.Because(fmt.Errorf("ladder %s", id))
	}
	return l, nil
}

// Ladders reads all of them; the default is always among them.
func (s *Service) Ladders(ctx context.Context) (map[ids.Ladder]Ladder, error) {
	list, err := s.NamedLadders(ctx)
	out := make(map[ids.Ladder]Ladder, len(list))
	for _, n := range list {
		out[n.ID] = n.Ladder
	}
	return out, err
}

// Ladder reads one; "" is the default. Error: ErrLadderNotFound.
func (s *Service) Ladder(ctx context.Context, id ids.Ladder) (Ladder, error) {
	all, err := s.Ladders(ctx)
	if err != nil {
		return Ladder{}, err
	}
	return Choose(all, id)
}

// NamedLadders reads all of them with their names, the default first.
func (s *Service) NamedLadders(ctx context.Context) ([]Named, error) {
	list, err := s.store.ladders(ctx)
	if err == nil && !slices.ContainsFunc(list, func(n Named) bool { return n.ID == DefaultLadder }) {
		if err = s.store.keepLadder(ctx, Named{ID: DefaultLadder, Name: "Default", Ladder: Default(), Version: 1}); err == nil {
			list, err = s.store.ladders(ctx)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read ladders: %w", err)
	}
	return list, nil
}

// SaveLadder stores a ladder. It counts for invoices that are chased already too: what was taken stays taken, what is
// left follows the new days.
//
// Errors: Invalid on the field that is wrong; ErrLadderChanged.
func (s *Service) SaveLadder(ctx context.Context, n Named) (Named, error) {
	if strings.TrimSpace(n.Name) == "" {
		return Named{}, fault.New(fault.Invalid, "ladder_name", "Give the schedule a name.").On("name")
	}
	if err := n.Ladder.Check(); err != nil {
		return Named{}, err
	}
	if n.ID == "" {
		n.ID = ids.New[ids.Ladder]()
	}
	if err := s.store.saveLadder(ctx, n); err != nil {
		return Named{}, fmt.Errorf("save ladder %s: %w", n.ID, err)
	}
	n.Version++
	return n, nil
}

// longestStep is what the column of step names holds.
const longestStep = 20

// Check finds what is wrong with a ladder: Invalid on the field.
func (l Ladder) Check() error {
	bad := func(field, text string) error { return fault.New(fault.Invalid, "ladder", text).On(field) }
	names := map[string]bool{Suspend: true, Ending: true, Terminate: true, GiveUp: true}
	final := -1
	for i, n := range l.Notices {
		switch {
		case n.Name == "" || len(n.Name) > longestStep || isCharge(n.Name) || strings.Trim(n.Name, "abcdefghijklmnopqrstuvwxyz0123456789_") != "":
			return bad("notices", "The name of a notice is up to 20 letters, digits and underscores, and does not begin with charge.")
		case names[n.Name]:
			return bad("notices", "Two notices have one name, or one has the name of another step.")
		case i > 0 && n.Offset < l.Notices[i-1].Offset:
			return bad("notices", "Put the notices in the order of their days.")
		}
		if names[n.Name] = true; n.Name == Final {
			final = i
		}
	}
	switch {
	case !slices.IsSorted(l.Charges) || len(slices.Compact(slices.Clone(l.Charges))) != len(l.Charges) || len(l.Charges) > 0 && l.Charges[0] < 0:
		return bad("charges", "Put the days of charges in order, from the due day on, each once.")
	case l.MaxAttempts < 0:
		return bad("max_attempts", "That is less than none.")
	case l.SuspendAfter < 0 || l.TerminateAfter < 0 || l.GiveUpAfter < 0 || l.NoticeDays < 0:
		return bad("suspend_after", "Days are counted from zero.")
	case l.SuspendAfter > 0 && (final < 0 || l.Notices[final].Offset < 0 || l.Notices[final].Offset > l.SuspendAfter):
		return bad("notices", "A notice named final must go out after the due day and before services are suspended.")
	case l.TerminateAfter > 0 && l.SuspendAfter == 0:
		return bad("terminate_after", "Only what was suspended can be terminated.")
	case l.TerminateAfter > 0 && (l.EndingBefore < 0 || l.EndingBefore > l.TerminateAfter):
		return bad("ending_before", "The last warning goes out between suspension and termination.")
	}
	return nil
}
