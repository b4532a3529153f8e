package payment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/outbox"
	"github.com/ezscale/bursar/sdk/gateway"
	"github.com/ezscale/bursar/sdk/money"
)

// BlockDispute is why a method is not charged any more whose payment was contested.
const BlockDispute = "dispute"

// Dispute is a payment that its payer contests.
type Dispute struct {
	ID         ids.Dispute
	Payment    ids.Payment
	AccountKey string
	Ref        string
	Status     DisputeStatus
	Amount     money.Amount
	Fee        money.Amount // in the payment's currency; one in another is not kept
	Reason     string
	URL        string    // where staff answers
	AnswerBy   time.Time // zero: no answer is wanted
	Opened     time.Time
	Closed     time.Time
	Version    int64
}

// DisputeTurn says what a report changed. Post each of Did in order: DisputeTake took the money (and the fee), DisputeWin
// brought it back, DisputeLose lost it; others move nothing. A dispute that was lost after it was won took twice: use the
// version in the key of a posting.
type DisputeTurn struct {
	Dispute Dispute
	Payment Payment // as it is now
	Did     []DisputeAction
}

// next is what must happen for a dispute to stand as the gateway says. Nothing, if that is older than what is known.
// Money counts as taken only once the gateway says that it left our balance.
func (d Dispute) next(g gateway.Dispute) []DisputeAction {
	taken := d.Status != DisputeInquiry
	var want []DisputeAction
	switch g.Status {
	case "open":
		if g.Taken {
			want = []DisputeAction{DisputeTake}
		}
	case "review":
		if g.Taken && !taken {
			want = []DisputeAction{DisputeTake}
		}
		if g.Taken || taken {
			want = append(want, DisputeAnswer)
		}
	case "won":
		if want = []DisputeAction{DisputeWin}; !taken {
			want = []DisputeAction{DisputeDrop}
		}
	case "lost":
		switch d.Status {
		case DisputeInquiry:
			want = []DisputeAction{DisputeTake, DisputeLose}
		default:
			want = []DisputeAction{DisputeLose}
		}
	}
	at := d.Status
	for i, action := range want {
		next, err := disputeLife.Next(at, action)
		if err != nil {
			return want[:i]
		}
		at = next
	}
	return want
}

// TurnDispute books how a dispute stands, in whatever order that is heard. What is taken can not be refunded any more,
// and the method is not charged again without the customer, however it ends.
//
// Errors: ErrNotFound, the payment is not known yet: fetch it first; ErrDispute, it is above what is left of the payment
// or in another currency: nothing is booked, staff must look.
// Emits: opened, won, lost.
func (s *Service) TurnDispute(ctx context.Context, accountKey string, g gateway.Dispute) (t DisputeTurn, err error) {
	if g.ID == "" || len(g.ID) > 190 || !slices.Contains([]string{"inquiry", "open", "review", "won", "lost"}, g.Status) {
		return t, fmt.Errorf("dispute %.200q with status %q: not whole", g.ID, g.Status)
	}
	p, err := s.store.paymentByRef(ctx, accountKey, g.Payment)
	if err != nil {
		return t, fmt.Errorf("dispute %s of payment %s: %w", g.ID, g.Payment, err)
	}
	err = s.locked(ctx, p.ID, "", func(ctx context.Context, p *Payment) error {
		t, err = s.turnDispute(ctx, accountKey, g, p)
		return err
	})
	if err != nil {
		return DisputeTurn{}, fmt.Errorf("dispute %s: %w", g.ID, err)
	}
	return t, nil
}

func (s *Service) turnDispute(ctx context.Context, accountKey string, g gateway.Dispute, p *Payment) (DisputeTurn, error) {
	if g.Amount.Sign() <= 0 || g.Amount.Currency() != p.Amount.Currency() {
		return DisputeTurn{}, ErrDispute.Because(fmt.Errorf("%s of %s", g.Amount, p.Amount))
	}
	now := s.clock.Now()
	d, err := s.store.lockDisputeByRef(ctx, accountKey, g.ID)
	if errors.Is(err, ErrDisputeNotFound) {
		d = Dispute{ID: ids.New[ids.Dispute](), Payment: p.ID, AccountKey: accountKey, Ref: g.ID, Status: DisputeInquiry, Amount: g.Amount, Fee: money.Of(0, p.Amount.Currency()), Opened: now, Version: 1}
		fresh := false
		if fresh, err = s.store.insertDispute(ctx, d); err == nil && !fresh {
			err = ErrChanged
		}
	}
	if err != nil {
		return DisputeTurn{}, err
	}
	if d.Payment != p.ID {
		return DisputeTurn{}, ErrDispute.Because(fmt.Errorf("it was of payment %s before", d.Payment))
	}
	todo := d.next(g)
	if len(todo) > 0 || d.Status == DisputeInquiry {
		d.Reason, d.URL, d.AnswerBy = g.Reason, g.URL, g.AnswerBy
	}
	if d.Status == DisputeInquiry { // once taken, a later amount changes nothing
		d.Amount = g.Amount
		if g.Fee.Currency() == p.Amount.Currency() {
			d.Fee = g.Fee
		}
	}
	var t DisputeTurn
	for _, action := range todo {
		from := d.Status
		if d.Status, err = disputeLife.Next(from, action); err != nil {
			return DisputeTurn{}, err
		}
		if from == DisputeWon {
			t.Did = append(t.Did, DisputeTake)
		}
		t.Did = append(t.Did, action)
	}
	for _, action := range t.Did {
		if err := s.disputed(ctx, d, action, p); err != nil {
			return DisputeTurn{}, err
		}
	}
	if len(todo) > 0 && (d.Status == DisputeWon || d.Status == DisputeLost) {
		d.Closed = now
	}
	if len(todo) > 0 || d.Status == DisputeInquiry {
		if err := s.store.saveDispute(ctx, d); err != nil {
			return DisputeTurn{}, err
		}
		d.Version++
	}
	t.Dispute = d
	t.Payment, err = s.store.lockPayment(ctx, p.ID)
	return t, err
}

// disputed moves the sums of the payment and tells.
func (s *Service) disputed(ctx context.Context, d Dispute, action DisputeAction, p *Payment) error {
	event, m := "", movement{}
	switch action {
	case DisputeTake:
		event, m.disputed = EventDisputeOpened, d.Amount.Minor()
	case DisputeWin:
		event, m.disputed = EventDisputeWon, -d.Amount.Minor()
	case DisputeDrop:
		event = EventDisputeWon
	case DisputeLose:
		event = EventDisputeLost
	default:
		return nil
	}
	if m != (movement{}) {
		if err := s.store.move(ctx, p.ID, m, ErrDispute); err != nil {
			return err
		}
	}
	if action == DisputeTake && p.Attempt != "" {
		a, err := s.store.attempt(ctx, p.Attempt, "")
		if err != nil {
			return err
		}
		if a.Method != "" {
			if err := s.store.block(ctx, a.Method, BlockDispute); err != nil {
				return err
			}
		}
	}
	return s.outbox.Add(ctx, outbox.Event{Kind: event, Subject: string(d.ID), Payload: Fact{Customer: p.Customer, Payment: p.ID, Dispute: d.ID, Minor: d.Amount.Minor()}})
}

// Dispute reads one; ErrDisputeNotFound.
func (s *Service) Dispute(ctx context.Context, id ids.Dispute) (Dispute, error) {
	return s.store.dispute(ctx, id)
}

// DisputeFilter narrows a list of disputes. Zero fields do not.
type DisputeFilter struct {
	Customer ids.Customer
	Payment  ids.Payment
	Statuses []DisputeStatus
	Query    string // a whole ID or reference
	Sort     string // "newest" (default) or "oldest"
	After    string // Next of the last page
	Limit    int    // 1 to 200; 0 is 50
}

// Disputes answers one page of disputes in two queries.
func (s *Service) Disputes(ctx context.Context, f DisputeFilter) (Page[Dispute], error) {
	return s.store.listDisputes(ctx, f)
}
