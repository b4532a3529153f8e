package dunning

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/sdk/fault"
)

// ErrTaken: the step was recorded before, by another run or node. Whoever gets it does nothing.
var ErrTaken = fault.New(fault.Conflict, "dunning_step_taken", "That reminder step was taken already.")

// ErrHoldNotFound is an unknown hold.
var ErrHoldNotFound = fault.New(fault.NotFound, "hold_not_found", "That hold does not exist.")

// Service records the steps of dunning and the holds that staff set; ladders are in ladders.go.
type Service struct {
	store store
}

// New wants the database only: what to do is decided by Ladder.
func New(d *db.DB) *Service {
	return &Service{store: store{db: d}}
}

// Record writes a step down, once for ever: a second time is ErrTaken. Call it in the transaction
// that does what the step says.
func (s *Service) Record(ctx context.Context, inv ids.Invoice, step string, on period.Day, r Result, attempt ids.Attempt) error {
	if err := s.store.insert(ctx, inv, step, on, r, attempt); err != nil {
		return fmt.Errorf("record dunning step %s of %s: %w", step, inv, err)
	}
	return nil
}

// Conclude replaces the result of a charge step once the gateway has answered: "ok", "soft", "hard", "authenticate", "ours".
func (s *Service) Conclude(ctx context.Context, attempt ids.Attempt, r Result) error {
	return s.store.conclude(ctx, attempt, r)
}

// StepsOf reads the steps of many invoices at once.
func (s *Service) StepsOf(ctx context.Context, invoices []ids.Invoice) (map[ids.Invoice]map[string]Taken, error) {
	return s.store.steps(ctx, invoices)
}

// HoldsOf reads the holds in force for any of the subjects (customers, subscriptions, invoices).
func (s *Service) HoldsOf(ctx context.Context, subjects []string) (map[string][]Hold, error) {
	return s.store.holds(ctx, subjects)
}

// SetHold keeps steps of one kind waiting until a day inclusive; a zero day has no end.
func (s *Service) SetHold(ctx context.Context, subject string, h Hold, reason, actor string) (ids.Hold, error) {
	if strings.TrimSpace(reason) == "" {
		return "", fault.New(fault.Invalid, "hold_reason", "Say why this is held.").On("reason")
	}
	id := ids.New[ids.Hold]()
	return id, s.store.insertHold(ctx, id, subject, h, reason, actor)
}

// ReleaseHold lets the steps go on. Released already is no error; an unknown hold is ErrHoldNotFound.
func (s *Service) ReleaseHold(ctx context.Context, id ids.Hold, at time.Time) error {
	if err := s.store.releaseHold(ctx, id, at); err != nil {
		return fmt.Errorf("release hold %s: %w", id, err)
	}
	return nil
}

// isCharge tells charge steps from notices by their name.
func isCharge(name string) bool { return strings.HasPrefix(name, "charge") }

func chargeName(offset int) string { return fmt.Sprintf("charge%+d", offset) }

// IsFreshCharge says whether a step charges a method that was saved since the invoice fell due.
func IsFreshCharge(s Step) bool {
	return s.Kind == ChargeKind && strings.HasPrefix(s.Name, "charge_new_")
}

// newMethodName is the step of charging a method that was saved after the due day.
func newMethodName(on period.Day) string {
	return "charge_new_" + strings.ReplaceAll(on.String(), "-", "")
}
