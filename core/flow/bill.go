package flow

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/dunning"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/platform/settings"
	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/core/sales/coupon"
	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/core/sales/pricing"
	"github.com/ezscale/bursar/core/sales/tax"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/money"
)

// Sizes of the work. A page is what is read at once, a batch what is written in one transaction.
const (
	pageSize  = 500 // subscriptions
	batchSize = 200 // customers, of the other duties
	billSize  = 500 // customers whose invoices are written at once
)

// biller computes what is due, with everything that a run loads once.
type biller struct {
	run      ids.Run
	day      period.Day
	settings settings.Settings
	seller   invoice.Party
	shop     *catalog.Shop
	table    *tax.Table
	taxed    map[taxKey]tax.Decision
}

type taxKey struct {
	buyer tax.Buyer
	class string
}

func (f *Flow) biller(ctx context.Context, day period.Day) (*biller, error) {
	s, err := f.Settings.Get(ctx)
	if err != nil {
		return nil, err
	}
	b := &biller{run: ids.New[ids.Run](), day: day, settings: s, seller: sellerParty(s), taxed: map[taxKey]tax.Decision{}}
	if b.shop, err = f.Catalog.Shop(ctx); err != nil {
		return nil, err
	}
	b.table, err = f.Taxes.Table(ctx)
	return b, err
}

// decide remembers what it decided: a run meets few kinds of buyers.
func (b *biller) decide(buyer tax.Buyer, class string) tax.Decision {
	key := taxKey{buyer, class}
	d, known := b.taxed[key]
	if !known {
		if len(b.taxed) > 10_000 { // many tax numbers, one each: nothing is gained by keeping them
			clear(b.taxed)
		}
		d = b.table.Decide(b.settings.Business.Country, buyer, class, b.day)
		b.taxed[key] = d
	}
	return d
}

// due is one customer's renewals: what is to be written, or why it is not.
type due struct {
	customer    customer.Customer
	subs        []subscription.Subscription
	drafts      []invoice.Draft
	obligations []subscription.Obligation
	advance     []ids.Subscription
	uses        []ids.Redemption
	held        string // the reason of a hold; nothing is written
	err         error
}

// page is what a page of due subscriptions needs besides them.
type page struct {
	subs      []subscription.Subscription
	items     map[ids.Subscription][]subscription.Item
	customers map[ids.Customer]customer.Customer
	coupons   map[ids.Subscription]coupon.Redemption
	holds     map[string][]dunning.Hold
}

// load reads a page: five statements, whatever its size.
func (f *Flow) load(ctx context.Context, subs []subscription.Subscription) (p page, err error) {
	p.subs = subs
	set := idsOf(subs, func(s subscription.Subscription) ids.Subscription { return s.ID })
	if p.items, err = f.Subscriptions.Items(ctx, set); err != nil {
		return p, err
	}
	var who []ids.Customer
	var subjects []string
	for _, s := range subs {
		if n := len(who); n == 0 || who[n-1] != s.Customer {
			who = append(who, s.Customer)
			subjects = append(subjects, string(s.Customer))
		}
		subjects = append(subjects, string(s.ID))
	}
	if p.customers, err = f.Customers.Many(ctx, who); err != nil {
		return p, err
	}
	if p.coupons, err = f.Coupons.Live(ctx, set); err != nil {
		return p, err
	}
	p.holds, err = f.Dunning.HoldsOf(ctx, subjects)
	return p, err
}

// dues computes what each customer of a page owes. It writes nothing; plan and run share it.
func (b *biller) dues(p page) []due {
	var out []due
	for from := 0; from < len(p.subs); {
		to := from + 1
		for to < len(p.subs) && p.subs[to].Customer == p.subs[from].Customer {
			to++
		}
		out = append(out, b.due(p, p.subs[from:to]))
		from = to
	}
	return out
}

// due computes one customer's renewals. What panics is an error of that customer alone.
func (b *biller) due(p page, subs []subscription.Subscription) (d due) {
	d = due{customer: p.customers[subs[0].Customer], subs: subs}
	defer func() {
		if r := recover(); r != nil {
			d.err = fmt.Errorf("panic: %v", r)
		}
	}()
	if d.customer.ID == "" {
		d.err = fmt.Errorf("customer %s is gone", subs[0].Customer)
		return d
	}
	if held(p.holds[string(d.customer.ID)], b.day) {
		d.held = "the customer is held"
		return d
	}
	open := map[string]int{} // the document that a subscription goes on, by what may share one
	var bills []bill
	var dues []period.Day
	buyer := buyerOf(d.customer)
	for _, sub := range subs {
		if held(p.holds[string(sub.ID)], b.day) {
			continue
		}
		red, couponed := p.coupons[sub.ID]
		key := sub.Currency
		if b.inclusive(p.items[sub.ID]) {
			key += ", tax included"
		}
		if couponed || !d.customer.Combine {
			key = string(sub.ID)
		}
		at, ok := open[key]
		if !ok {
			cur, known := b.shop.Currency(sub.Currency)
			if !known {
				d.err = fmt.Errorf("currency %s of %s is not known", sub.Currency, sub.ID)
				return d
			}
			at = len(bills)
			open[key] = at
			bills = append(bills, bill{currency: cur, decide: func(class string) tax.Decision { return b.decide(buyer, class) }})
			dues = append(dues, period.Day{})
			d.drafts = append(d.drafts, invoice.Draft{ID: ids.New[ids.Invoice](), Customer: d.customer.ID, Kind: invoice.KindRenewal, Issued: b.day, Seller: b.seller})
		}
		if couponed {
			bills[at].coupon, bills[at].redemption, bills[at].termsLeft = couponIn(red.Coupon, red.ShareMinor), red.ID, int64(red.TermsLeft)
		}
		if err := b.renew(&d, &bills[at], &dues[at], at, sub, p.items[sub.ID], red.ID); err != nil {
			d.err = err
			return d
		}
	}
	d.err = b.price(&d, bills, dues)
	return d
}

// inclusive says whether the prices of a service contain the tax: they do not share a document with those that do not.
func (b *biller) inclusive(items []subscription.Item) bool {
	return slices.ContainsFunc(items, func(it subscription.Item) bool {
		price, ok := b.shop.PriceByID(it.Price)
		return ok && price.Inclusive
	})
}

// renew adds the terms of a subscription that are due to a bill: each its own obligation and its own lines.
func (b *biller) renew(d *due, on *bill, dueOn *period.Day, at int, sub subscription.Subscription, items []subscription.Item, red ids.Redemption) error {
	if len(items) == 0 {
		return fmt.Errorf("%s has no items", sub.ID)
	}
	lead := b.settings.Billing.LeadDays
	sched := period.Schedule{Cycle: sub.Cycle, Anchor: sub.Anchor, DOM: sub.AnchorDay}
	if missed := b.day.Since(sub.BillOn); missed > b.settings.Billing.CatchUpDays {
		d.held = fmt.Sprintf("%s was not billed for %d days: staff decides", sub.ID, missed)
		return nil
	}
	for no := sub.PeriodNo + 1; ; no++ {
		term := sched.Term(no)
		if sub.Cycle.BillOn(term.From, lead).After(b.day) {
			break
		}
		start := term.From
		if terms := b.day.Add(d.customer.TermsDays); start.Before(terms) {
			start = terms
		}
		if dueOn.IsZero() || start.Before(*dueOn) {
			*dueOn = start
		}
		obl := ids.New[ids.Obligation]()
		for i := range items {
			price, ok := b.shop.PriceByID(items[i].Price)
			if !ok {
				return fmt.Errorf("price %s of %s is gone", items[i].Price, sub.ID)
			}
			key := strconv.Itoa(len(on.parts))
			pt := itemParts(key, items[i], sub.Product, price, term, true)
			pt.obligation, pt.coupon = obl, red != ""
			on.parts = append(on.parts, pt)
		}
		d.obligations = append(d.obligations, subscription.Obligation{
			ID: obl, Subscription: sub.ID, Lane: subscription.TermLane, From: term.From, To: term.To, No: no, Kind: string(term.Kind),
			Invoice: d.drafts[at].ID, Redemption: red, NextBillOn: sub.Cycle.BillOn(term.To, lead), Run: b.run,
		})
		if red != "" {
			d.uses = append(d.uses, red)
			red = "" // one use per run: the next term has its own
		}
	}
	d.advance = append(d.advance, sub.ID)
	return nil
}

// price makes the documents of the bills, and gives each obligation its amount and fingerprint.
func (b *biller) price(d *due, bills []bill, dues []period.Day) error {
	net := make(map[ids.Obligation]int64, len(d.obligations))
	buyer := buyerParty(d.customer)
	kept := d.drafts[:0]
	for i := range bills {
		if len(bills[i].parts) == 0 {
			continue
		}
		in, why := bills[i].input()
		q, err := pricing.Quote(in)
		if err != nil {
			return err
		}
		draft := d.drafts[i]
		draft.Due, draft.Buyer = dues[i], buyer
		if p, ok := b.shop.Product(bills[i].parts[0].product); ok {
			draft.Ladder = p.Ladder
		}
		bills[i].document(in, q, why, &draft)
		for k := range bills[i].parts {
			net[bills[i].parts[k].obligation] += q.Lines[k].Net
		}
		kept = append(kept, draft)
	}
	d.drafts = kept
	versions := make(map[ids.Subscription]int64, len(d.subs))
	currency := make(map[ids.Subscription]string, len(d.subs))
	for _, s := range d.subs {
		versions[s.ID], currency[s.ID] = s.Version, s.Currency
	}
	for i := range d.obligations {
		o := &d.obligations[i]
		o.Net = money.Of(net[o.ID], currency[o.Subscription])
		o.Fingerprint = fingerprint("bill", string(o.Subscription), o.From.String(), o.To.String(), o.Net.String(), strconv.FormatInt(versions[o.Subscription], 10), string(o.Redemption))
	}
	return nil
}

// fingerprint is half of a SHA-256 over the parts, in hex.
func fingerprint(parts ...string) string {
	buf := make([]byte, 0, 160)
	for _, p := range parts {
		buf = append(append(buf, p...), 0)
	}
	sum := sha256.Sum256(buf)
	return hex.EncodeToString(sum[:16])
}

func held(holds []dunning.Hold, day period.Day) bool {
	for _, h := range holds {
		if h.What == dunning.HoldAll && !day.Before(h.From) && (h.Until.IsZero() || !day.After(h.Until)) {
			return true
		}
	}
	return false
}

// billDay bills everything that is due through a day, page by page. What changed under its hands is met again by a
// second sweep.
func (f *Flow) billDay(ctx context.Context, b *biller, r *RunReport) error {
	if err := f.sweep(ctx, b, r); err != nil || r.changed == 0 {
		return err
	}
	return f.sweep(ctx, b, r)
}

func (f *Flow) sweep(ctx context.Context, b *biller, r *RunReport) error {
	days, err := f.Subscriptions.DueDays(ctx, b.day)
	if err != nil {
		return err
	}
	for _, day := range days {
		if err := f.sweepDay(ctx, b, day, r); err != nil {
			return err
		}
	}
	return nil
}

// sweepDay bills what is due since a day. While one page is written the next is worked out: pages have no customer in
// common, so that neither sees what the other does.
func (f *Flow) sweepDay(ctx context.Context, b *biller, day period.Day, r *RunReport) error {
	ctx, stop := context.WithCancel(ctx)
	pages := make(chan worked)
	var planner sync.WaitGroup
	planner.Go(func() { f.workPages(ctx, b, day, pages) })
	defer planner.Wait()
	defer stop()
	for p := range pages {
		if p.err != nil {
			return p.err
		}
		for dues := p.dues; len(dues) > 0; {
			n := min(billSize, len(dues))
			if err := f.billBatch(ctx, b, dues[:n], r); err != nil {
				return err
			}
			dues = dues[n:]
		}
	}
	return ctx.Err()
}

// worked is a page of renewals that were worked out, or why the next could not be.
type worked struct {
	dues []due
	err  error
}

// workPages works out page after page, until there is none or nobody takes them.
func (f *Flow) workPages(ctx context.Context, b *biller, day period.Day, to chan<- worked) {
	defer close(to)
	var after ids.Customer
	for {
		subs, err := f.Subscriptions.DuePage(ctx, day, after, pageSize)
		if err == nil && len(subs) == 0 {
			return
		}
		w := worked{err: err}
		if err == nil {
			after = subs[len(subs)-1].Customer
			w.dues, w.err = f.workPage(ctx, b, subs)
		}
		select {
		case to <- w:
		case <-ctx.Done():
			return
		}
		if w.err != nil {
			return
		}
	}
}

// workPage works out what the customers of a page owe.
func (f *Flow) workPage(ctx context.Context, b *biller, subs []subscription.Subscription) ([]due, error) {
	p, err := f.load(ctx, subs)
	if err != nil {
		return nil, err
	}
	return b.dues(p), nil
}

// billBatch writes a batch. One that fails is halved, down to the customer who is to blame: the rest goes through.
func (f *Flow) billBatch(ctx context.Context, b *biller, set []due, r *RunReport) error {
	good := make([]due, 0, len(set))
	for _, d := range set {
		switch {
		case d.err != nil:
			r.fail("bill:"+string(d.customer.ID)+":"+b.day.String(), d.err)
		case len(d.drafts) > 0:
			good = append(good, d)
		}
		if d.held != "" {
			r.Held++
		}
	}
	return f.billGood(ctx, b, good, r)
}

func (f *Flow) billGood(ctx context.Context, b *biller, set []due, r *RunReport) error {
	if len(set) == 0 {
		return nil
	}
	made, changed, err := f.writeBills(ctx, set)
	if err == nil {
		r.Invoices += made
		r.changed += changed
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if len(set) == 1 {
		if !errors.Is(err, subscription.ErrBilled) && !errors.Is(err, subscription.ErrChanged) { // somebody else billed it: all is well
			r.fail("bill:"+string(set[0].customer.ID)+":"+b.day.String(), err)
		}
		return nil
	}
	half := len(set) / 2
	if err := f.billGood(ctx, b, set[:half], r); err != nil {
		return err
	}
	return f.billGood(ctx, b, set[half:], r)
}

// writeBills is the transaction of a batch. Subscriptions that changed since they were read leave it: they are still
// due and the next sweep meets them again.
func (f *Flow) writeBills(ctx context.Context, set []due) (made, changed int, err error) {
	var subs []ids.Subscription
	for i := range set {
		subs = append(subs, set[i].advance...)
	}
	err = f.DB.Tx(ctx, func(ctx context.Context) error {
		made, changed = 0, 0
		versions, err := f.Subscriptions.Versions(ctx, subs)
		if err != nil {
			return err
		}
		drafts := make([]invoice.Draft, 0, len(set))
		obligations := make([]subscription.Obligation, 0, len(subs))
		advance := make([]ids.Subscription, 0, len(subs))
		var uses []ids.Redemption
		for i := range set {
			d := &set[i]
			if d.changed(versions) {
				changed++
				continue
			}
			drafts, obligations, advance, uses = append(drafts, d.drafts...), append(obligations, d.obligations...), append(advance, d.advance...), append(uses, d.uses...)
		}
		if len(drafts) == 0 {
			return nil
		}
		if err := f.Subscriptions.Oblige(ctx, obligations); err != nil {
			return err
		}
		if err := f.Subscriptions.Advance(ctx, advance); err != nil {
			return err
		}
		if len(uses) > 0 {
			if err := f.Coupons.UseTerms(ctx, uses); err != nil {
				return err
			}
		}
		made = len(drafts)
		return f.issue(ctx, drafts)
	})
	return made, changed, err
}

func (d *due) changed(versions map[ids.Subscription]int64) bool {
	for _, s := range d.subs {
		if v, ok := versions[s.ID]; ok && v != s.Version {
			return true
		}
	}
	return false
}

// fail notes an item that could not be done. It stays due.
func (r *RunReport) fail(key string, err error) {
	r.Failed = append(r.Failed, Failure{Key: key, Error: fault.Cut(err.Error(), 500)})
}
