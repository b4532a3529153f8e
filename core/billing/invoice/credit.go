package invoice

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/outbox"
	"github.com/ezscale/bursar/sdk/money"
)

// CreditNote takes a part of an invoice back, at the invoice's own tax rates and exchange rate. All of it
// is frozen.
type CreditNote struct {
	ID           ids.CreditNote
	Invoice      ids.Invoice
	Customer     ids.Customer
	Currency     string
	Number       string
	Issued       period.Day
	Reason       string
	Net, Tax     int64
	Total        int64 // Net + Tax, and the invoice's rounding once nothing is left of it
	ToReceivable int64 // lessened what was owed, given up included
	ToBalance    int64
	CauseKey     string
	Lines        []CreditNoteLine

	series ids.Series
	bucket string
	no     int64
	frozen string
}

// CreditNoteLine is what was taken back of one line.
type CreditNoteLine struct {
	ID           ids.Line
	No           int
	Line         ids.Line
	Net, Tax     int64
	FromDeferred int64      // part of Net that had not been earned
	From, To     period.Day // days of service that were taken back
	Explain      string
}

// CreditDraft asks for a credit note.
type CreditDraft struct {
	Invoice  ids.Invoice
	CauseKey string // unique: change:<id>, void:<invoice>, staff:<idempotency key>; at most 80 letters
	Reason   string // printed; at most 40 letters
	Day      period.Day
	Lines    []CreditLine
}

// CreditLine is the part of one line that is taken back. Its tax follows from what was credited of the line
// in all, so that the last credit closes it to the unit.
type CreditLine struct {
	Line         ids.Line
	Net          int64
	From, To     period.Day // days of service that are taken back: the line then lives to From. Zero: it lives on
	Explain      string
	FromDeferred int64     // part of Net that is not earned yet, as the ledger says
	Segments     []Segment // all segments of the line after this credit; nil: they stay
}

// Segment is an amount that is earned evenly by day over [From, To).
type Segment struct {
	From, To period.Day
	Minor    int64
	Closed   period.Day // zero: runs on
}

// Credited says where a credit went. It is all that the posting needs.
type Credited struct {
	ToOpen       int64 // lessened what was open
	ToWrittenOff int64 // lessened what had been given up: the loss shrinks, not the balance grows
	ToBalance    int64 // was paid, and is the customer's now; Invoice.Paid is less by it
	Rounding     int64 // of the document, taken back with its last line
	Lines        []CreditedLine
	Taxes        []Tax // per group and code: Base and Tax taken back
	Voided       bool
	Paid         bool // it became paid by this
}

// CreditedLine is a line as it was before, with what was taken back of it.
type CreditedLine struct {
	Line         Line
	Net, Tax     int64
	FromDeferred int64
}

// taxOf is the tax that goes back with a part of the net: R(tax × credited net after / net) − credited before.
// A line that is tax alone gives it all back at once.
func (l *Line) taxOf(net int64) (int64, error) {
	after := l.Credited + net
	switch {
	case l.Net == 0 && net == 0:
		return l.Tax - l.CreditedTax, nil
	case net == 0 || (net < 0) != (l.Net < 0) || max(after, -after) > max(l.Net, -l.Net):
		return 0, ErrAboveLine.Because(fmt.Errorf("line %s: %d of %d, %d credited before", l.ID, net, l.Net, l.Credited))
	}
	exact := money.Exact(l.Tax, 1)
	cumulative, err := money.Round(exact.Mul(exact, money.Exact(after, l.Net)))
	return cumulative - l.CreditedTax, err
}

// credit decides a credit: what it takes of each line, and where its total goes. Lines and taxes are all of
// the invoice.
func (inv *Invoice) credit(d *CreditDraft, lines []Line, taxes []Tax, now time.Time) (note CreditNote, out Credited, err error) {
	if !life.Allows(inv.Status, Credit) {
		return note, out, inv.do(Credit)
	}
	if len(d.Lines) == 0 || d.CauseKey == "" || len(d.CauseKey) > 80 || d.Day.Before(inv.Issued) {
		return note, out, ErrAmount.Because(fmt.Errorf("%d lines on %s for %q", len(d.Lines), d.Day, d.CauseKey))
	}
	note = CreditNote{Invoice: inv.ID, Customer: inv.Customer, Currency: inv.Currency, Issued: d.Day, Reason: clean(d.Reason, 40), CauseKey: d.CauseKey}
	left := slices.Clone(lines)
	for _, want := range d.Lines {
		i := slices.IndexFunc(left, func(l Line) bool { return l.ID == want.Line })
		if i < 0 {
			return note, out, ErrAboveLine.Because(fmt.Errorf("line %s is none of invoice %s", want.Line, inv.ID))
		}
		l := &left[i]
		tax, err := l.taxOf(want.Net)
		if err != nil {
			return note, out, err
		}
		if want.Net == 0 && tax == 0 {
			return note, out, ErrAboveLine.Because(fmt.Errorf("nothing of line %s", l.ID))
		}
		if d := want.FromDeferred; d != 0 && ((d < 0) != (want.Net < 0) || max(d, -d) > max(want.Net, -want.Net)) {
			return note, out, ErrAmount.Because(fmt.Errorf("line %s: %d of %d deferred", l.ID, d, want.Net))
		}
		if !want.From.IsZero() && (want.From.Before(l.From) || l.To.Before(want.To) || want.To.Before(want.From)) {
			return note, out, ErrAmount.Because(fmt.Errorf("line %s: from %s to %s", l.ID, want.From, want.To))
		}
		out.Lines = append(out.Lines, CreditedLine{Line: *l, Net: want.Net, Tax: tax, FromDeferred: want.FromDeferred})
		note.Lines = append(note.Lines, CreditNoteLine{ID: ids.New[ids.Line](), No: len(note.Lines) + 1, Line: l.ID, Net: want.Net, Tax: tax,
			FromDeferred: want.FromDeferred, From: want.From, To: want.To, Explain: cmp.Or(want.Explain, "{}")})
		note.Net, note.Tax = note.Net+want.Net, note.Tax+tax
		l.Credited, l.CreditedTax = l.Credited+want.Net, l.CreditedTax+tax
	}
	out.Rounding = inv.roundingOf(lines, left, note.Net+note.Tax)
	note.Total = note.Net + note.Tax + out.Rounding
	if note.Total <= 0 || note.Total > inv.Total-inv.Credited {
		return note, out, ErrAboveLine.Because(fmt.Errorf("%d of %d, %d credited before", note.Total, inv.Total, inv.Credited))
	}
	out.Taxes = taxesBetween(taxes, lines, left)
	return note, out, inv.takeBack(&note, &out, now)
}

// takeBack gives the total of a note out: to what is open, to what was given up, to the balance.
func (inv *Invoice) takeBack(note *CreditNote, out *Credited, now time.Time) error {
	out.ToOpen = min(note.Total, inv.Open())
	out.ToWrittenOff = min(note.Total-out.ToOpen, inv.WrittenOff)
	out.ToBalance = note.Total - out.ToOpen - out.ToWrittenOff
	note.ToReceivable, note.ToBalance = out.ToOpen+out.ToWrittenOff, out.ToBalance
	inv.Credited += note.Total
	inv.WrittenOff -= out.ToWrittenOff
	inv.Paid -= out.ToBalance // not more than was paid, as the total is not more than was not credited
	switch {
	case inv.Status == Paid || inv.Open() > 0 || inv.WrittenOff > 0:
		return inv.do(Credit)
	case inv.Paid == 0:
		out.Voided, inv.payHash = true, ""
		return inv.do(TakeBack)
	}
	out.Paid = true
	return inv.settle(now)
}

// roundingOf is the part of the document's rounding that goes back: the rest of it with the last line, and
// before that only what would be above the total.
func (inv *Invoice) roundingOf(before, after []Line, sum int64) int64 {
	credited, whole := int64(0), true
	for i := range before {
		credited += before[i].Credited + before[i].CreditedTax
		whole = whole && after[i].Credited == after[i].Net && after[i].CreditedTax == after[i].Tax
	}
	if whole {
		return inv.Rounding - (inv.Credited - credited)
	}
	return min(0, inv.Total-inv.Credited-sum)
}

// taxesBetween splits what is credited of each group over its taxes: the share of all that is credited
// after, less the share before, so that the parts too close to the unit.
func taxesBetween(taxes []Tax, before, after []Line) []Tax {
	type sums struct{ net, tax int64 }
	was, is := map[string]sums{}, map[string]sums{}
	for i := range before {
		g := before[i].Group
		was[g] = sums{was[g].net + before[i].Credited, was[g].tax + before[i].CreditedTax}
		is[g] = sums{is[g].net + after[i].Credited, is[g].tax + after[i].CreditedTax}
	}
	var out []Tax
	for len(taxes) > 0 {
		n := 1
		for n < len(taxes) && taxes[n].Group == taxes[0].Group {
			n++
		}
		group := taxes[:n]
		taxes = taxes[n:]
		a, b := was[group[0].Group], is[group[0].Group]
		if a == b {
			continue
		}
		first, last := shares(group, a.tax), shares(group, b.tax)
		for i, t := range group {
			t.Base, t.Tax = b.net-a.net, last[i]-first[i]
			out = append(out, t)
		}
	}
	return out
}

// shares splits a credited tax by the taxes of a group.
func shares(group []Tax, credited int64) []int64 {
	weights := make([]int64, len(group))
	for i := range group {
		weights[i] = max(group[i].Tax, -group[i].Tax)
	}
	parts, err := money.Parts(max(credited, -credited), weights)
	if err != nil { // no tax in the group, so none is credited
		return make([]int64, len(group))
	}
	for i := range parts {
		if credited < 0 {
			parts[i] = -parts[i]
		}
	}
	return parts
}

// Credit writes a credit note. Its total lessens what is open, then what was given up; the rest was paid and
// belongs to the balance. An invoice of which nothing was paid and nothing is left is void. The posting and
// the balance are the caller's.
//
// Errors: ErrNotFound; ErrCredited if the cause has its note; ErrAboveLine; ErrAmount; ErrDateBefore;
// ErrSeriesFull; states.ErrRefused for what is not issued, or void.
// Emits: credited; voided or paid, if it came to that.
func (s *Service) Credit(ctx context.Context, d CreditDraft) (note CreditNote, out Credited, err error) {
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		inv, err := s.store.lock(ctx, d.Invoice)
		if err != nil {
			return err
		}
		if done, err := s.store.noteOf(ctx, d.CauseKey); err != nil || done != "" {
			return cmp.Or(err, error(ErrCredited))
		}
		one := []ids.Invoice{inv.ID}
		lines, err := s.store.lines(ctx, one)
		if err != nil {
			return err
		}
		taxes, err := s.store.taxes(ctx, one)
		if err != nil {
			return err
		}
		if note, out, err = inv.credit(&d, lines[inv.ID], taxes[inv.ID], s.clock.Now()); err != nil {
			return err
		}
		note.ID = ids.New[ids.CreditNote]()
		for i, l := range note.Lines {
			if err := s.store.creditLine(ctx, inv.ID, l); err != nil {
				return err
			}
			if err := s.store.saveSegments(ctx, l.Line, d.Lines[i].Segments); err != nil {
				return err
			}
		}
		if err := s.store.save(ctx, &inv); err != nil {
			return err
		}
		ser, no, err := s.take(ctx, SeriesCredit, 1, d.Day, d.Day)
		if err != nil {
			return err
		}
		if note.Number, err = ser.Format(d.Day, no); err != nil {
			return err
		}
		note.series, note.bucket, note.no = ser.ID, ser.Bucket(d.Day), no
		note.frozen = sum(appendNote(nil, &note))
		err = s.store.insertNote(ctx, &note)
		if db.IsDuplicate(err) {
			return ErrCredited.Because(err)
		}
		if err != nil {
			return err
		}
		return s.outbox.Add(ctx, inv.creditEvents(&note, &out)...)
	})
	if err != nil {
		return CreditNote{}, Credited{}, fmt.Errorf("credit invoice %s: %w", d.Invoice, err)
	}
	return note, out, nil
}

func (inv *Invoice) creditEvents(note *CreditNote, out *Credited) []outbox.Event {
	f := inv.fact()
	f.CreditNote, f.Minor = note.ID, note.Total
	events := []outbox.Event{{Kind: EventCredited, Subject: string(inv.ID), Payload: f}}
	if out.Voided {
		events = append(events, outbox.Event{Kind: EventVoided, Subject: string(inv.ID), Payload: f})
	}
	if out.Paid {
		events = append(events, inv.event(EventPaid, 0))
	}
	return events
}

// Uncredited is a credit of all that is left of an invoice: void it, take a sale back whole. The caller adds
// what is deferred, and segments.
func (s *Service) Uncredited(ctx context.Context, id ids.Invoice) ([]CreditLine, error) {
	lines, err := s.store.lines(ctx, []ids.Invoice{id})
	if err != nil {
		return nil, err
	}
	var out []CreditLine
	for _, l := range lines[id] {
		if l.Net == l.Credited && l.Tax == l.CreditedTax {
			continue
		}
		c := CreditLine{Line: l.ID, Net: l.Net - l.Credited}
		if l.From.Before(l.LiveTo) {
			c.From, c.To = l.From, l.LiveTo
		}
		out = append(out, c)
	}
	return out, nil
}

// Segments reads how lines earn. A line without any is one segment by itself, from From to To.
func (s *Service) Segments(ctx context.Context, set []ids.Line) (map[ids.Line][]Segment, error) {
	return s.store.segments(ctx, set)
}

// CreditNotes reads the credit notes of many invoices at once, oldest first, with their lines.
func (s *Service) CreditNotes(ctx context.Context, set []ids.Invoice) (map[ids.Invoice][]CreditNote, error) {
	return s.store.notes(ctx, set)
}

// CreditNoteOf reads the credit note of a cause. Error: ErrNotFound.
func (s *Service) CreditNoteOf(ctx context.Context, causeKey string) (CreditNote, error) {
	return s.store.noteByCause(ctx, causeKey)
}
