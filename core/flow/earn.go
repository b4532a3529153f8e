package flow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/billing/ledger"
	"github.com/ezscale/bursar/core/sales/catalog"
)

// earnPage is how many lines are read, and booked in one transaction.
const earnPage = 500

// earnDay moves to revenue what was earned by time since the last run: the difference of what each line has earned
// in all, so that a missed night is made up for and a repeated one adds nothing.
func (f *Flow) earnDay(ctx context.Context, b *biller, r *RunReport) error {
	books, err := f.Ledger.Books(ctx)
	if err != nil {
		return err
	}
	through := b.day.Add(-1) // a day is earned at its end
	if !through.After(books.RecognisedTo) {
		return nil
	}
	page := invoice.EarnPage{After: books.RecognisedTo, Through: through, Limit: earnPage}
	for n := 1; ; n++ {
		lines, err := f.Invoices.Earning(ctx, page)
		if err != nil {
			return err
		}
		if len(lines) > 0 {
			page.AfterID = lines[len(lines)-1].Line
			err := f.Ledger.PostSet(ctx, earned(b.shop, lines, page, n))
			if err != nil && !errors.Is(err, ledger.ErrPosted) { // posted: a run before this one died after it
				return err
			}
		}
		if len(lines) < earnPage {
			return f.Ledger.Recognised(ctx, through)
		}
	}
}

// earned are the postings of a page: one for each product and currency, with the part of each invoice.
func earned(shop *catalog.Shop, lines []invoice.EarningLine, page invoice.EarnPage, n int) []ledger.Posting {
	type key struct {
		product  ids.Product
		currency string
	}
	parts := map[key]map[ids.Invoice]int64{}
	for _, l := range lines {
		set := make([]ledger.Segment, 0, len(l.Segments)+1)
		for _, s := range l.Segments {
			set = append(set, ledger.Segment{From: s.From, To: s.To, Minor: s.Minor, Closed: s.Closed})
		}
		minor := ledger.Earned(set, page.Through)
		if !page.After.IsZero() {
			minor -= ledger.Earned(set, page.After)
		}
		if minor == 0 {
			continue
		}
		k := key{shop.ProductOf(l.Owner), l.Currency}
		if parts[k] == nil {
			parts[k] = map[ids.Invoice]int64{}
		}
		parts[k][l.Invoice] += minor
	}
	keys := slices.SortedFunc(maps.Keys(parts), func(a, b key) int { return cmp.Or(cmp.Compare(a.currency, b.currency), cmp.Compare(a.product, b.product)) })
	var out []ledger.Posting
	for _, k := range keys {
		var of []ledger.Part
		for _, id := range slices.Sorted(maps.Keys(parts[k])) {
			of = append(of, ledger.Part{Invoice: id, Open: parts[k][id]})
		}
		h := ledger.Head{Cause: fmt.Sprintf("%s:%s:%s:%d", page.Through, k.currency, k.product, n), Day: page.Through, Currency: k.currency}
		out = append(out, ledger.Earn(h, k.product, of))
	}
	return out
}
