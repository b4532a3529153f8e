package invoice

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/data/outbox"
)

// IssueSet issues documents, all or none, in the transaction of ctx. Numbers are given in the order of the
// set, or by day if days differ. A document over nothing is paid at once. IDs that the drafts lack are drawn
// and set in them, those of lines too, and taxes are put in order. The postings are the caller's.
//
// A set costs the same few statements whatever its size: parties never seen before, two for the numbers,
// invoices, lines, taxes, events.
//
// Errors: ErrDraft, ErrDateBefore, ErrSeriesFull.
// Emits: issued for each; paid for those over nothing.
func (s *Service) IssueSet(ctx context.Context, set []Draft) ([]Invoice, error) {
	if len(set) == 0 {
		return nil, nil
	}
	for i := range set {
		set[i].prepare()
		if err := set[i].checkIssue(); err != nil {
			return nil, fmt.Errorf("issue %d invoices: %w", len(set), err)
		}
	}
	parties := s.parties(set)
	var out []Invoice
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		now := s.clock.Now()
		out = make([]Invoice, len(set)) // anew: the transaction may run again
		for i := range set {
			out[i] = set[i].invoice()
			out[i].Created = now
			out[i].seller, out[i].buyer = parties.seller[i], parties.buyer[i]
		}
		if err := s.keep(ctx, parties.all); err != nil {
			return err
		}
		if err := s.number(ctx, out); err != nil {
			return err
		}
		var buf []byte
		for i := range out {
			if err := out[i].issue(now); err != nil {
				return err
			}
			out[i].frozen, buf = freeze(buf, &out[i], set[i].Lines, set[i].Taxes)
		}
		if err := s.store.insertSet(ctx, set, out); err != nil {
			return err
		}
		return s.outbox.Add(ctx, issuedEvents(out)...)
	})
	if err != nil {
		return nil, fmt.Errorf("issue %d invoices: %w", len(set), err)
	}
	return out, nil
}

// issue moves the status of a document that has its number.
func (inv *Invoice) issue(now time.Time) error {
	if inv.Total > 0 {
		return inv.do(Issue)
	}
	inv.Settled = now
	return inv.do(IssueFree)
}

func issuedEvents(set []Invoice) []outbox.Event {
	events := make([]outbox.Event, 0, len(set))
	for i := range set {
		inv := &set[i]
		events = append(events, outbox.Event{Kind: EventIssued, Subject: string(inv.ID), Payload: inv.fact()})
		if inv.Status == Paid {
			events = append(events, outbox.Event{Kind: EventPaid, Subject: string(inv.ID), Payload: inv.fact()})
		}
	}
	return events
}

// number gives a number to each of a set, a block per bucket. Days ascend with numbers.
func (s *Service) number(ctx context.Context, set []Invoice) error {
	order := make([]*Invoice, len(set))
	for i := range set {
		order[i] = &set[i]
	}
	byDay := func(a, b *Invoice) int { return a.Issued.Compare(b.Issued) }
	if !slices.IsSortedFunc(order, byDay) {
		slices.SortStableFunc(order, byDay)
	}
	for len(order) > 0 {
		// The series may change between two blocks, so each finds its buckets by the series it has.
		ser, ok := s.series.get(SeriesInvoice)
		if !ok {
			var err error
			if ser, err = s.ActiveSeries(ctx, SeriesInvoice); err != nil {
				return err
			}
			s.series.set(ser)
		}
		n, bucket := 1, ser.Bucket(order[0].Issued)
		for n < len(order) && (order[n].Issued == order[n-1].Issued || ser.Bucket(order[n].Issued) == bucket) {
			n++
		}
		used, no, err := s.take(ctx, SeriesInvoice, int64(n), order[0].Issued, order[n-1].Issued)
		if err != nil {
			return err
		}
		if used.ID != ser.ID && used.Bucket(order[0].Issued) != used.Bucket(order[n-1].Issued) {
			return ErrChanged // another series, with other buckets, began this moment
		}
		for _, inv := range order[:n] {
			if inv.Number, err = used.Format(inv.Issued, no); err != nil {
				return err
			}
			inv.series, inv.bucket, inv.no = used.ID, used.Bucket(inv.Issued), no
			no++
		}
		order = order[n:]
	}
	return nil
}

// parties are the snapshots of a set: hashes for each document, each body once.
type parties struct {
	seller, buyer []string
	all           []snapshot
}

func (s *Service) parties(set []Draft) parties {
	p := parties{seller: make([]string, len(set)), buyer: make([]string, len(set))}
	var buf []byte
	var snap snapshot
	seen := make(map[string]bool, len(set)+1)
	note := func(party *Party) string {
		if snap, buf = party.snapshot(buf); !seen[snap.hash] {
			seen[snap.hash] = true
			p.all = append(p.all, snap)
		}
		return snap.hash
	}
	for i := range set {
		if i > 0 && set[i].Seller.same(&set[i-1].Seller) {
			p.seller[i] = p.seller[i-1]
		} else {
			p.seller[i] = note(&set[i].Seller)
		}
		p.buyer[i] = note(&set[i].Buyer)
	}
	return p
}

// keep stores the snapshots that are not known to be there. They are known once they are committed, so a
// rollback leaves nothing behind that was never stored.
func (s *Service) keep(ctx context.Context, all []snapshot) error {
	fresh := make([]snapshot, 0, len(all))
	for i := range all {
		if !s.known.has(all[i].hash) {
			fresh = append(fresh, all[i])
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	if err := s.store.insertSnapshots(ctx, fresh); err != nil {
		return err
	}
	s.db.AfterCommit(ctx, func() { s.known.add(fresh) })
	return nil
}

// SaveDraft writes a document that staff works on, or writes it anew. It has no number and nobody owes it.
// Errors: ErrDraft; states.ErrRefused once it is issued, offered or thrown away.
func (s *Service) SaveDraft(ctx context.Context, d *Draft) (Invoice, error) {
	return s.save(ctx, d, false)
}

// Offer writes a pro-forma: an amount to pay, no invoice yet. A draft of the same ID becomes it.
// Errors as SaveDraft.
func (s *Service) Offer(ctx context.Context, d *Draft) (Invoice, error) { return s.save(ctx, d, true) }

func (s *Service) save(ctx context.Context, d *Draft, offer bool) (inv Invoice, err error) {
	d.prepare()
	if err := d.check(); err != nil {
		return Invoice{}, err
	}
	set := []Draft{*d}
	parties := s.parties(set)
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		inv = d.invoice()
		inv.Created, inv.seller, inv.buyer = s.clock.Now(), parties.seller[0], parties.buyer[0]
		old, err := s.store.lockSet(ctx, []ids.Invoice{d.ID})
		if err != nil {
			return err
		}
		if len(old) > 0 {
			inv.Status, inv.Created, inv.Version = old[0].Status, old[0].Created, old[0].Version+1
			if old[0].Customer != inv.Customer || !life.Allows(inv.Status, Propose) {
				return ErrDraft.Because(inv.do(Propose))
			}
			if err := s.store.removeDraft(ctx, d.ID); err != nil {
				return err
			}
		}
		if offer {
			if err := inv.do(Propose); err != nil {
				return err
			}
		}
		if err := s.keep(ctx, parties.all); err != nil {
			return err
		}
		return s.store.insertSet(ctx, set, []Invoice{inv})
	})
	if err != nil {
		return Invoice{}, fmt.Errorf("save invoice %s: %w", d.ID, err)
	}
	return inv, nil
}

// Issuing says what a saved document gets when it is issued.
type Issuing struct {
	ID            ids.Invoice
	Issued, Due   period.Day
	Seller, Buyer Party
	Base          string
	RatePico      int64
}

// IssueSaved issues a draft or a pro-forma, with the lines that it has.
//
// Errors: as IssueSet; ErrNotFound; states.ErrRefused if it is issued already or was thrown away.
// Emits: issued; paid if its total is nothing.
func (s *Service) IssueSaved(ctx context.Context, in Issuing) (inv Invoice, err error) {
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		if inv, err = s.store.lock(ctx, in.ID); err != nil {
			return err
		}
		if !life.Allows(inv.Status, Issue) {
			return inv.do(Issue)
		}
		one := []ids.Invoice{in.ID}
		lines, err := s.store.lines(ctx, one)
		if err != nil {
			return err
		}
		taxes, err := s.store.taxes(ctx, one)
		if err != nil {
			return err
		}
		d := Draft{ID: inv.ID, Customer: inv.Customer, Kind: inv.Kind, Currency: inv.Currency, Issued: in.Issued, Due: in.Due, Ladder: inv.Ladder, Seller: in.Seller, Buyer: in.Buyer,
			Lines: lines[in.ID], Taxes: taxes[in.ID], Net: inv.Net, Tax: inv.Tax, Rounding: inv.Rounding, Total: inv.Total, Base: in.Base, RatePico: in.RatePico}
		if err := d.checkIssue(); err != nil {
			return err
		}
		parties := s.parties([]Draft{d})
		if err := s.keep(ctx, parties.all); err != nil {
			return err
		}
		inv.Issued, inv.Due, inv.Base, inv.RatePico, inv.seller, inv.buyer = in.Issued, in.Due, in.Base, in.RatePico, parties.seller[0], parties.buyer[0]
		set := []Invoice{inv}
		if err := s.number(ctx, set); err != nil {
			return err
		}
		inv = set[0]
		if err := inv.issue(s.clock.Now()); err != nil {
			return err
		}
		inv.frozen, _ = freeze(nil, &inv, d.Lines, d.Taxes)
		if err := s.store.saveIssued(ctx, &inv); err != nil {
			return err
		}
		return s.outbox.Add(ctx, issuedEvents([]Invoice{inv})...)
	})
	if err != nil {
		return Invoice{}, fmt.Errorf("issue invoice %s: %w", in.ID, err)
	}
	return inv, nil
}

// Discard throws a draft or a pro-forma away. Nobody may be paying it: that is asked before.
func (s *Service) Discard(ctx context.Context, id ids.Invoice) error {
	_, err := s.change(ctx, id, func(inv *Invoice) ([]outbox.Event, error) { return nil, inv.do(Discard) })
	return err
}
