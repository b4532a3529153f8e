package flow

import (
	"context"
	"fmt"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/billing/ledger"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/core/platform/auth"
	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/core/sales/coupon"
	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/core/sales/order"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/money"
)

// Errors of Checkout.
var (
	ErrTermsOld = fault.New(fault.Conflict, "terms_changed", "The terms were changed meanwhile. Read and accept those that hold now.").On("terms")
	ErrTerms    = fault.New(fault.Invalid, "terms_not_accepted", "Read and accept the terms to go on.").On("terms")
	ErrChanged  = fault.New(fault.Conflict, "price_changed", "The price has changed since you saw it. Look at the new sum, then order again.")
)

// CheckoutIn is an order. The same RequestKey is the same order, however often it is sent.
type CheckoutIn struct {
	Customer     ids.Customer
	Cart         order.Cart
	TermsVersion string
	RequestKey   string
	Address      string        // network address
	SeenTotal    *money.Amount // what the page showed; another price refuses
}

// Placed is an order that was placed.
type Placed struct {
	Order         order.Order
	Invoice       invoice.Invoice
	Subscriptions []ids.Subscription
}

// Checkout places an order: the services wait, the invoice is issued, stock and coupon are taken. All of it or
// nothing. An order for nothing is paid at once.
//
// Errors: those of Quote; ErrTerms, ErrTermsOld, ErrChanged; catalog.ErrSoldOut; ErrLimit. Emits: order.placed, invoice.issued.
func (f *Flow) Checkout(ctx context.Context, in CheckoutIn) (Placed, error) {
	if err := auth.RequireFor(ctx, in.Customer, auth.OrderPlace); err != nil {
		return Placed{}, err
	}
	if in.TermsVersion == "" {
		return Placed{}, ErrTerms
	}
	if in.RequestKey == "" {
		return Placed{}, fault.New(fault.Invalid, "request_key", "Send a key that names this order.").On("request_key")
	}
	if old, err := f.Orders.ByRequest(ctx, in.RequestKey); err == nil {
		return f.placed(ctx, in.Customer, old)
	} else if fault.KindOf(err) != fault.NotFound {
		return Placed{}, err
	}
	s, err := f.work(ctx, QuoteIn{Cart: in.Cart, Customer: in.Customer})
	if err != nil {
		// The other press of a double click may have taken the last piece, or the last use of the coupon, for this order.
		if old, found := f.Orders.ByRequest(ctx, in.RequestKey); found == nil {
			return f.placed(ctx, in.Customer, old)
		}
		return Placed{}, err
	}
	if in.TermsVersion != s.settings.Sales.TermsVersion {
		return Placed{}, ErrTermsOld
	}
	if in.SeenTotal != nil && *in.SeenTotal != s.result.Payable() {
		return Placed{}, ErrChanged
	}
	shown, err := s.quote()
	if err != nil {
		return Placed{}, err
	}
	var ord order.Order
	fresh := false
	err = f.DB.Tx(ctx, func(ctx context.Context) error {
		c, err := f.Customers.Lock(ctx, in.Customer)
		if err != nil {
			return err
		}
		ord, fresh, err = f.Orders.Place(ctx, order.Placement{
			ID: ids.New[ids.Order](), Customer: c.ID, Currency: s.bill.currency.Code, Quote: shown, TotalMinor: s.result.Total, Invoice: ids.New[ids.Invoice](),
			ExpiresOn: s.today.Add(s.settings.Billing.OrderDays), PlacedBy: audit.Asking(ctx).Actor, Address: in.Address, RequestKey: in.RequestKey,
			TermsVersion: in.TermsVersion, Review: s.review(),
		})
		if err != nil || !fresh {
			return err
		}
		return f.save(ctx, s, c, ord)
	})
	if err != nil {
		return Placed{}, fmt.Errorf("checkout of %s: %w", in.Customer, err)
	}
	return f.placed(ctx, in.Customer, ord)
}

// review says whether staff must look at the order before anything is made.
func (s *sale) review() bool {
	for _, w := range s.wants {
		if w.product.Setup == catalog.SetupOnApproval {
			return true
		}
	}
	return false
}

// save writes what an order is made of, in the transaction that placed it.
func (f *Flow) save(ctx context.Context, s *sale, c customer.Customer, ord order.Order) error {
	if err := f.takeStock(ctx, s, c); err != nil {
		return err
	}
	redeemed := map[ids.Subscription]ids.Redemption{}
	if s.coupon != nil {
		set, err := f.Coupons.Redeem(ctx, s.redeeming(c, ord))
		if err != nil {
			return err
		}
		for _, r := range set {
			redeemed[r.Subscription] = r.ID
		}
	}
	var obligations []subscription.Obligation
	for n := range s.wants {
		w := &s.wants[n]
		if err := f.openService(ctx, s, w, c, ord); err != nil {
			return err
		}
		obligations = append(obligations, s.obligations(w, ord, redeemed[w.id])...)
	}
	if err := f.Subscriptions.Oblige(ctx, obligations); err != nil {
		return err
	}
	due := s.today.Add(max(s.settings.Billing.TermsDays, c.TermsDays))
	d := invoice.Draft{ID: ord.Invoice, Customer: c.ID, Kind: "first", Issued: s.today, Due: due, Seller: sellerParty(s.settings), Buyer: buyerParty(c)}
	if len(s.wants) > 0 {
		d.Ladder = s.wants[0].product.Ladder
	}
	s.bill.document(s.input, s.result, s.why, &d)
	return f.issue(ctx, one(d))
}

// takeStock takes what is sold by the piece, and keeps customers to the limit of a product.
func (f *Flow) takeStock(ctx context.Context, s *sale, c customer.Customer) error {
	want := map[ids.Product]int64{}
	for _, w := range s.wants {
		want[w.product.ID]++
	}
	for _, w := range s.wants {
		n := want[w.product.ID]
		if n == 0 {
			continue
		}
		want[w.product.ID] = 0
		field := "lines." + w.line.Key
		if limit := w.product.CustomerLimit; limit > 0 {
			have, err := f.Subscriptions.List(ctx, subscription.Filter{Customer: c.ID, Product: w.product.ID, Limit: 1,
				Statuses: []subscription.Status{subscription.Pending, subscription.Active, subscription.Suspended}})
			if err != nil {
				return err
			}
			if int64(have.Total)+n > int64(limit) {
				return ErrLimit.On(field)
			}
		}
		if err := f.Catalog.TakeStock(ctx, w.product.ID, n); err != nil {
			if f := fault.Of(err); f != nil {
				return f.On(field)
			}
			return err
		}
	}
	return nil
}

// redeeming gives out a fixed coupon over the services by what each saved.
func (s *sale) redeeming(c customer.Customer, ord order.Order) coupon.Redeeming {
	r := coupon.Redeeming{Coupon: s.coupon.ID, Customer: c.ID, Order: ord.ID}
	for _, w := range s.wants {
		if !s.coupon.Covers(w.product.ID, w.line.Cycle) {
			continue
		}
		r.Shares = append(r.Shares, coupon.Share{Subscription: w.id, Stub: !w.billsTerm(), Minor: s.share(&w)})
	}
	return r
}

func (f *Flow) openService(ctx context.Context, s *sale, w *wanted, c customer.Customer, ord order.Order) error {
	o := subscription.Opening{
		ID: w.id, Customer: c.ID, Order: ord.ID, Product: w.product.ID, Label: w.label(), Currency: s.bill.currency.Code, Cycle: w.line.Cycle,
		Anchor: w.first.Schedule.Anchor, AnchorDay: w.first.Schedule.DOM, Items: w.items, Checkout: w.values, BilledTo: w.billedTo(s.today),
	}
	if n := len(w.first.Billed); n > 0 {
		o.PeriodNo = w.first.Billed[n-1].No
	}
	if w.line.Cycle.Recurs() {
		o.BillOn = w.line.Cycle.BillOn(o.BilledTo, s.settings.Billing.LeadDays)
	}
	_, err := f.Subscriptions.Open(ctx, o)
	return err
}

// billsTerm says whether the first invoice bills a whole term.
func (w *wanted) billsTerm() bool {
	for _, p := range w.first.Billed {
		if p.Kind == period.Term {
			return true
		}
	}
	return false
}

func (w *wanted) label() string {
	if w.line.Label != "" {
		return w.line.Label
	}
	return w.product.Name
}

// obligations are the periods that the order owes. What comes before the first billed term (a trial) is written
// too: nothing is owed for it, and nothing can bill it.
func (s *sale) obligations(w *wanted, ord order.Order, red ids.Redemption) []subscription.Obligation {
	net := map[ids.Obligation]int64{}
	for i, p := range s.bill.parts {
		if p.subscription == w.id && p.obligation != "" {
			net[p.obligation] += s.result.Lines[i].Net
		}
	}
	billed := map[int]bool{}
	for _, p := range w.first.Billed {
		billed[p.No] = true
	}
	var out []subscription.Obligation
	add := func(p period.Period) {
		o := subscription.Obligation{
			ID: w.obliged[p.No], Subscription: w.id, Lane: subscription.TermLane, From: p.From, To: p.To, No: p.No, Kind: string(p.Kind),
			Net: money.Of(net[w.obliged[p.No]], s.bill.currency.Code), Redemption: red,
		}
		if billed[p.No] {
			o.Invoice = ord.Invoice
		}
		if w.line.Cycle.Recurs() {
			o.NextBillOn = w.line.Cycle.BillOn(p.To, s.settings.Billing.LeadDays)
		}
		out = append(out, o)
	}
	for _, p := range w.first.Before {
		if !billed[p.No] {
			add(p)
		}
	}
	for _, p := range w.first.Billed {
		add(p)
	}
	return out
}

// issue issues documents and books them, in the caller's transaction.
func (f *Flow) issue(ctx context.Context, set []invoice.Draft) error {
	if err := f.value(ctx, set); err != nil {
		return err
	}
	if _, err := f.Invoices.IssueSet(ctx, set); err != nil {
		return err
	}
	postings := make([]ledger.Posting, len(set))
	for i := range set {
		postings[i] = saleOf(&set[i])
	}
	return f.Ledger.PostSet(ctx, postings)
}

// value freezes the exchange rate of each document.
func (f *Flow) value(ctx context.Context, set []invoice.Draft) error {
	base, err := f.Ledger.Base(ctx)
	if err != nil {
		return err
	}
	rates := map[string]ledger.Rate{}
	for i := range set {
		d := &set[i]
		r, known := rates[d.Currency]
		if !known {
			if r, err = f.Ledger.Rate(ctx, d.Currency, base); err != nil {
				return err
			}
			rates[d.Currency] = r
		}
		d.Base, d.RatePico = base, r.Pico
	}
	return nil
}

// saleOf is the posting of a document.
func saleOf(d *invoice.Draft) ledger.Posting {
	var s ledger.Sale
	add := func(list []ledger.Amount, a ledger.Amount) []ledger.Amount {
		for i := range list {
			if list[i].Product == a.Product && list[i].Code == a.Code {
				list[i].Minor += a.Minor
				return list
			}
		}
		return append(list, a)
	}
	for i := range d.Lines {
		l := &d.Lines[i]
		a := ledger.Amount{Product: l.Product, Minor: l.Net}
		switch {
		case l.Kind == "late_fee":
			s.LateFees += l.Net
		case l.Defer:
			s.Deferred = add(s.Deferred, a)
		default:
			s.Revenue = add(s.Revenue, a)
		}
	}
	for i := range d.Taxes {
		s.Tax = add(s.Tax, ledger.Amount{Code: d.Taxes[i].Code, Minor: d.Taxes[i].Tax})
	}
	s.Rounding = d.Rounding
	h := ledger.Head{Cause: string(d.ID), Day: d.Issued, Currency: d.Currency, RatePico: d.RatePico, Customer: d.Customer}
	return ledger.Issue(h, d.ID, s)
}

// placed reads an order back, for its own customer only.
func (f *Flow) placed(ctx context.Context, c ids.Customer, ord order.Order) (Placed, error) {
	if ord.Customer != c {
		return Placed{}, order.ErrNotFound
	}
	inv, err := f.Invoices.Get(ctx, ord.Invoice)
	if err != nil {
		return Placed{}, err
	}
	subs, err := f.Subscriptions.OfOrder(ctx, ord.ID)
	if err != nil {
		return Placed{}, err
	}
	return Placed{Order: ord, Invoice: inv, Subscriptions: idsOf(subs, func(s subscription.Subscription) ids.Subscription { return s.ID })}, nil
}
