package flow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/billing/ledger"
	"github.com/ezscale/bursar/core/sales/catalog"
)

// earnPage is how many invoices are read, and booked in one transaction.
const earnPage = 500

// earnDay moves to revenue what was earned by time: of each invoice what the books have deferred less what it has
// still to earn. So a missed night is made up for, an invoice that was issued late catches up, and a repeated run adds
// nothing.
func (f *Flow) earnDay(ctx context.Context, b *biller, r *RunReport) error {
	books, err := f.Ledger.Books(ctx)
	if err != nil {
		return err
	}
	through := b.day.Add(-1) // a day is earned at its end
	if !through.After(books.RecognisedTo) {
		return nil
	}
	page := invoice.DeferPage{After: books.RecognisedTo, Through: through, Limit: earnPage}
	for {
		set, err := f.Invoices.Deferring(ctx, page)
		if err != nil {
			return err
		}
		if len(set) == 0 {
			return f.Ledger.Recognised(ctx, through)
		}
		page.AfterID = set[len(set)-1].Invoice
		err = f.DB.Tx(ctx, func(ctx context.Context) error {
			booked, err := f.Ledger.DeferredOf(ctx, idsOf(set, func(d invoice.Deferring) ids.Invoice { return d.Invoice }))
			if err != nil {
				return err
			}
			return f.Ledger.PostSet(ctx, earned(b.shop, set, booked, page))
		})
		if err != nil && !errors.Is(err, ledger.ErrPosted) { // posted: a run before this one died behind it
			return err
		}
	}
}

// earned are the postings of a page: one for each product, currency and rate, with the part of each invoice.
func earned(shop *catalog.Shop, set []invoice.Deferring, booked map[ids.Invoice]int64, page invoice.DeferPage) []ledger.Posting {
	type key struct {
		product  ids.Product
		currency string
	}
	parts := map[key][]ledger.Part{}
	for _, d := range set {
		var left int64
		by := map[ids.Product]int64{}
		var sum int64
		for _, l := range d.Lines {
			own := segmentsOf(l.Segments)
			left += ledger.Deferred(own, page.Through)
			minor := ledger.Earned(own, page.Through)
			if !page.After.IsZero() {
				minor -= ledger.Earned(own, page.After)
			}
			by[productOf(shop, l.Owner)] += minor
			sum += minor
		}
		// What the lines say and what the books need can differ where an invoice reaches back: the first line has the rest.
		by[productOf(shop, d.Lines[0].Owner)] += booked[d.Invoice] - left - sum
		for product, minor := range by {
			if minor != 0 {
				k := key{product, d.Currency}
				parts[k] = append(parts[k], ledger.Part{Invoice: d.Invoice, Open: minor})
			}
		}
	}
	keys := slices.SortedFunc(maps.Keys(parts), func(a, b key) int {
		return cmp.Or(cmp.Compare(a.currency, b.currency), cmp.Compare(a.product, b.product))
	})
	var out []ledger.Posting
	for _, k := range keys {
		slices.SortFunc(parts[k], func(a, b ledger.Part) int { return cmp.Compare(a.Invoice, b.Invoice) })
		h := ledger.Head{Cause: fmt.Sprintf("%s:%s:%s:%s", page.Through, set[0].Invoice, k.product, k.currency), Day: page.Through, Currency: k.currency}
		out = append(out, ledger.Earn(h, k.product, parts[k]))
	}
	return out
}

func segmentsOf(set []invoice.Segment) []ledger.Segment {
	out := make([]ledger.Segment, len(set))
	for i, s := range set {
		out[i] = ledger.Segment{From: s.From, To: s.To, Minor: s.Minor, Closed: s.Closed}
	}
	return out
}

// proveEarned compares what each invoice has still to earn with what the books say is deferred.
func (f *Flow) proveEarned(ctx context.Context, add func(check, subject, text string)) error {
	books, err := f.Ledger.Books(ctx)
	if err != nil {
		return err
	}
	page := invoice.DeferPage{Limit: earnPage}
	for {
		set, err := f.Invoices.Deferring(ctx, page)
		if err != nil || len(set) == 0 {
			return err
		}
		page.AfterID = set[len(set)-1].Invoice
		booked, err := f.Ledger.DeferredOf(ctx, idsOf(set, func(d invoice.Deferring) ids.Invoice { return d.Invoice }))
		if err != nil {
			return err
		}
		for _, d := range set {
			if left := stillToEarn(d, books.RecognisedTo); left != booked[d.Invoice] {
				add("deferred", string(d.Invoice), fmt.Sprintf("It has still to earn %d and the books have %d deferred.", left, booked[d.Invoice]))
			}
		}
	}
}

// stillToEarn is what the books should have deferred: an invoice issued after the last night is wholly deferred, save
// what was credited of it.
func stillToEarn(d invoice.Deferring, through period.Day) (left int64) {
	for _, l := range d.Lines {
		left += ledger.Deferred(segmentsOf(l.Segments), through)
	}
	return left
}
