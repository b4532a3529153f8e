package invoice

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
)

// Document is all that an invoice says, for a page, a PDF or an e-invoice.
type Document struct {
	Invoice       Invoice
	Lines         []Line
	Taxes         []Tax
	Seller, Buyer Party
	Credits       []CreditNote // oldest first
	Receipts      []Receipt    // payments to be printed; the caller sets them. Those that do not sum to Paid are not printed
	Customer      string       // number of the customer to be printed; the caller sets it
	BankText      string       // how to pay by transfer, printed while something is owed; the caller sets it
}

// Receipt is a payment as the document names it.
type Receipt struct {
	Text  string // "Visa 4242"
	On    period.Day
	Minor int64
}

// Document reads one document whole. Error: ErrNotFound.
func (s *Service) Document(ctx context.Context, id ids.Invoice) (Document, error) {
	inv, err := s.Get(ctx, id)
	if err != nil {
		return Document{}, err
	}
	return s.document(ctx, inv)
}

// DocumentFor reads the document of a customer; another's is ErrNotFound too.
func (s *Service) DocumentFor(ctx context.Context, c ids.Customer, id ids.Invoice) (Document, error) {
	inv, err := s.GetFor(ctx, c, id)
	if err != nil {
		return Document{}, err
	}
	return s.document(ctx, inv)
}

func (s *Service) document(ctx context.Context, inv Invoice) (Document, error) {
	one := []ids.Invoice{inv.ID}
	lines, err := s.store.lines(ctx, one)
	if err != nil {
		return Document{}, err
	}
	taxes, err := s.store.taxes(ctx, one)
	if err != nil {
		return Document{}, err
	}
	notes, err := s.store.notes(ctx, one)
	if err != nil {
		return Document{}, err
	}
	bodies, err := s.store.snapshots(ctx, hashesOf([]Invoice{inv}))
	if err != nil {
		return Document{}, err
	}
	d := Document{Invoice: inv, Lines: lines[inv.ID], Taxes: taxes[inv.ID], Credits: notes[inv.ID]}
	for _, p := range []struct {
		hash string
		into *Party
	}{{inv.seller, &d.Seller}, {inv.buyer, &d.Buyer}} {
		if p.hash == "" {
			continue
		}
		if err := json.Unmarshal([]byte(bodies[p.hash]), p.into); err != nil {
			return Document{}, fmt.Errorf("read the parties of invoice %s: %w", inv.ID, err)
		}
	}
	return d, nil
}

// creditTaxes are the taxes of one of the document's credit notes, as they were taken back.
func (d *Document) creditTaxes(id ids.CreditNote) []Tax {
	at := make(map[ids.Line]int, len(d.Lines))
	before := make([]Line, len(d.Lines))
	for i := range d.Lines {
		at[d.Lines[i].ID] = i
		before[i] = Line{ID: d.Lines[i].ID, Group: d.Lines[i].Group}
	}
	for _, n := range d.Credits {
		after := append([]Line(nil), before...)
		for _, l := range n.Lines {
			a := &after[at[l.Line]]
			a.Credited, a.CreditedTax = a.Credited+l.Net, a.CreditedTax+l.Tax
		}
		if n.ID == id {
			return taxesBetween(d.Taxes, before, after)
		}
		before = after
	}
	return nil
}
