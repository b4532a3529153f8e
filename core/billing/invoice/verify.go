package invoice

import (
	"context"
	"fmt"

	"github.com/ezscale/bursar/core/base/ids"
)

// verifyPage is how many documents Verify holds in memory.
const verifyPage = 500

// Verify reads every issued document and every credit note, and tells what is wrong: a frozen hash or a
// snapshot that does not fit, a document that does not add up, numbers with gaps or against the days.
// It changes nothing; an error is of the reading.
func (s *Service) Verify(ctx context.Context, yield func(finding string)) error {
	if err := s.verifyInvoices(ctx, yield); err != nil {
		return fmt.Errorf("verify invoices: %w", err)
	}
	var last ids.CreditNote
	for {
		page, err := s.store.notesAfter(ctx, last, verifyPage)
		if err != nil {
			return fmt.Errorf("verify credit notes: %w", err)
		}
		for i := range page {
			n := &page[i]
			if sum(appendNote(nil, n)) != n.frozen {
				yield(fmt.Sprintf("credit note %s %s was changed after it was issued", n.ID, n.Number))
			}
			if n.ToReceivable+n.ToBalance != n.Total {
				yield(fmt.Sprintf("credit note %s %s gives out %d + %d of %d", n.ID, n.Number, n.ToReceivable, n.ToBalance, n.Total))
			}
			last = n.ID
		}
		if len(page) < verifyPage {
			break
		}
	}
	if err := s.store.gaps(ctx, yield); err != nil {
		return fmt.Errorf("verify numbers: %w", err)
	}
	return nil
}

func (s *Service) verifyInvoices(ctx context.Context, yield func(string)) error {
	var last ids.Invoice
	var buf []byte
	for {
		page, err := s.store.issuedAfter(ctx, last, verifyPage)
		if err != nil || len(page) == 0 {
			return err
		}
		set := make([]ids.Invoice, len(page))
		for i := range page {
			set[i] = page[i].ID
		}
		last = set[len(set)-1]
		lines, err := s.store.lines(ctx, set)
		if err != nil {
			return err
		}
		taxes, err := s.store.taxes(ctx, set)
		if err != nil {
			return err
		}
		bodies, err := s.store.snapshots(ctx, hashesOf(page))
		if err != nil {
			return err
		}
		for i := range page {
			inv := &page[i]
			var hash string
			if hash, buf = freeze(buf, inv, lines[inv.ID], taxes[inv.ID]); hash != inv.frozen {
				yield(fmt.Sprintf("invoice %s %s was changed after it was issued", inv.ID, inv.Number))
			}
			for _, snap := range []string{inv.seller, inv.buyer} {
				if body, ok := bodies[snap]; !ok || sum([]byte(body)) != snap {
					yield(fmt.Sprintf("invoice %s %s: the parties %s are missing or changed", inv.ID, inv.Number, snap))
				}
			}
			for _, text := range inv.wrong(lines[inv.ID], taxes[inv.ID]) {
				yield(fmt.Sprintf("invoice %s %s: %s", inv.ID, inv.Number, text))
			}
		}
	}
}

// wrong lists what does not add up.
func (inv *Invoice) wrong(lines []Line, taxes []Tax) (out []string) {
	var net, tax, byGroup int64
	for i := range lines {
		l := &lines[i]
		net, tax = net+l.Net, tax+l.Tax
		if max(l.Credited, -l.Credited) > max(l.Net, -l.Net) || max(l.CreditedTax, -l.CreditedTax) > max(l.Tax, -l.Tax) {
			out = append(out, fmt.Sprintf("line %d is credited above its amount", l.No))
		}
	}
	for i := range taxes {
		byGroup += taxes[i].Tax
	}
	if net != inv.Net || tax != inv.Tax || byGroup != inv.Tax || inv.Net+inv.Tax+inv.Rounding != inv.Total {
		out = append(out, "lines, taxes and total do not add up")
	}
	open := inv.Open()
	if inv.Paid < 0 || inv.Credited < 0 || inv.WrittenOff < 0 || open < 0 || (open == 0) == (inv.Status == Opened) {
		out = append(out, fmt.Sprintf("status %s with %d open, %d paid, %d credited, %d written off", inv.Status, open, inv.Paid, inv.Credited, inv.WrittenOff))
	}
	return out
}

func hashesOf(page []Invoice) []string {
	seen := map[string]bool{}
	var out []string
	for i := range page {
		for _, hash := range []string{page[i].seller, page[i].buyer} {
			if hash != "" && !seen[hash] {
				seen[hash] = true
				out = append(out, hash)
			}
		}
	}
	return out
}
