package flow

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/hosting/subscription"
	"github.com/ezscale/bursar/core/platform/settings"
	"github.com/ezscale/bursar/core/sales/catalog"
	"github.com/ezscale/bursar/core/sales/coupon"
	"github.com/ezscale/bursar/core/sales/customer"
	"github.com/ezscale/bursar/core/sales/order"
	"github.com/ezscale/bursar/core/sales/pricing"
	"github.com/ezscale/bursar/core/sales/tax"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/money"
)

// Errors of carts. Each names the field that is wrong.
var (
	ErrEmptyCart = fault.New(fault.Invalid, "cart_empty", "There is nothing in the cart yet.")
	ErrNotSold   = fault.New(fault.Declined, "not_sold", "This product is not sold any more. Take it out of the cart to go on.")
	ErrNoPrice   = fault.New(fault.Declined, "no_price", "This product is not sold for that term in that currency. Choose another one.")
	ErrTaxMixed  = fault.New(fault.Declined, "tax_mixed", "Prices of this one and of the others are stated differently: one with, one without tax. Order it by itself.")
	ErrOption    = fault.New(fault.Invalid, "option_invalid", "Choose one of these.")
	ErrLimit     = fault.New(fault.Declined, "limit_reached", "You have as many of these as one customer may have.")
	ErrHost      = fault.New(fault.Invalid, "hostname_invalid", "Write a name such as web-01.example.com: letters, digits, hyphens and dots.")
	ErrLabel     = fault.New(fault.Invalid, "label_invalid", "Write at most 120 characters on one line.")
)

// QuoteIn asks what a cart costs. A guest has no Customer: then Country and Region say where he is, "" is where we are.
type QuoteIn struct {
	Cart            order.Cart
	Customer        ids.Customer
	Country, Region string
}

// Quote is what a cart costs: today, and later.
type Quote struct {
	Currency   string         `json:"currency"`
	Lines      []QuoteLine    `json:"lines"`
	Taxes      []QuoteTax     `json:"taxes"`
	Net        money.Amount   `json:"net"`
	Discount   money.Amount   `json:"discount"`
	Tax        money.Amount   `json:"tax"`
	Total      money.Amount   `json:"total"` // due today
	Renewal    []QuoteRenewal `json:"renewal"`
	Coupon     string         `json:"coupon,omitempty"`
	CouponText string         `json:"coupon_text,omitempty"`
	Inclusive  bool           `json:"inclusive"` // List and Net contain the tax
}

// QuoteLine is one line. Key is that of the cart's line.
type QuoteLine struct {
	Key      string       `json:"key"`
	Kind     string       `json:"kind"`
	Text     string       `json:"text"`
	Sub      string       `json:"sub,omitempty"` // the days it covers
	List     money.Amount `json:"list"`
	Discount money.Amount `json:"discount"`
	Net      money.Amount `json:"net"`
	Tax      money.Amount `json:"tax"`
}

// QuoteTax is one tax of the whole, such as "VAT 19%".
type QuoteTax struct {
	Label  string       `json:"label"`
	Amount money.Amount `json:"amount"`
}

// QuoteRenewal is what a line of the cart costs per cycle once it renews, with tax.
type QuoteRenewal struct {
	Key   string       `json:"key"`
	Cycle period.Cycle `json:"cycle"`
	Total money.Amount `json:"total"`
	On    period.Day   `json:"on"`   // first day of the next term
	Next  money.Amount `json:"next"` // what that term costs; less than Total while a first price or a coupon holds
	From  period.Day   `json:"from"` // first day of the terms that cost Total; On if that is the next one
}

// wanted is a cart line that was looked up: what is sold, at which price, for which days.
type wanted struct {
	line    order.Line
	product catalog.Product
	id      ids.Subscription
	items   []subscription.Item
	prices  []catalog.Price // beside items
	first   period.First
	values  form.Values
	obliged map[int]ids.Obligation // by number of the period
}

// sale is a cart, worked out: what Quote shows and Checkout saves.
type sale struct {
	settings settings.Settings
	shop     *catalog.Shop
	buyer    tax.Buyer
	table    *tax.Table
	today    period.Day
	wants    []wanted
	coupon   *coupon.Coupon
	bill     bill
	input    pricing.Input
	result   pricing.Result
	why      []tax.Decision
	fresh    bool // the customer has bought nothing before
	has      []ids.Product
}

// Quote works out what a cart costs. A coupon that does not apply is an error on field "coupon".
//
// Errors: ErrEmptyCart, ErrNotSold, ErrNoPrice, ErrOption with the field "lines.<key>…"; those of coupon.
func (f *Flow) Quote(ctx context.Context, in QuoteIn) (Quote, error) {
	s, err := f.work(ctx, in)
	if err != nil {
		return Quote{}, err
	}
	return s.quote()
}

// work looks everything up and prices it. It changes nothing.
func (f *Flow) work(ctx context.Context, in QuoteIn) (*sale, error) {
	if len(in.Cart.Lines) == 0 {
		return nil, ErrEmptyCart
	}
	today, set, err := f.today(ctx)
	if err != nil {
		return nil, err
	}
	s := &sale{settings: set, today: today, fresh: true, buyer: tax.Buyer{Country: cmp.Or(in.Country, set.Business.Country), Region: in.Region}}
	if s.shop, err = f.Catalog.Shop(ctx); err != nil {
		return nil, err
	}
	if s.table, err = f.Taxes.Table(ctx); err != nil {
		return nil, err
	}
	if in.Customer != "" {
		c, err := f.Customers.Get(ctx, in.Customer)
		if err != nil {
			return nil, err
		}
		s.buyer = buyerOf(c)
		had, err := f.Subscriptions.List(ctx, subscription.Filter{Customer: c.ID, Limit: 200})
		if err != nil {
			return nil, err
		}
		s.fresh = had.Total == 0
		for _, sub := range had.List {
			if sub.Status == subscription.Active || sub.Status == subscription.Suspended {
				s.has = append(s.has, sub.Product)
			}
		}
	}
	code := in.Cart.Currency
	cur, ok := s.shop.Currency(code)
	if !ok || !cur.Active {
		return nil, ErrNoPrice.On("currency")
	}
	s.bill = bill{currency: cur, decide: s.decide}
	for i := range in.Cart.Lines {
		w, err := s.want(in.Cart.Lines[i], code, f.Clock.Now())
		if err != nil {
			return nil, err
		}
		s.wants = append(s.wants, w)
	}
	if in.Cart.Coupon != "" {
		if err := f.applyCoupon(ctx, s, in.Cart.Coupon); err != nil {
			return nil, err
		}
	}
	s.fill()
	for _, p := range s.bill.parts[1:] {
		if p.price.Inclusive != s.bill.parts[0].price.Inclusive {
			return nil, ErrTaxMixed.On("lines." + s.lineOf(p.subscription))
		}
	}
	s.input, s.why = s.bill.input()
	s.result, err = pricing.Quote(s.input)
	return s, err
}

func (s *sale) decide(class string) tax.Decision {
	return s.table.Decide(s.settings.Business.Country, s.buyer, class, s.today)
}

func buyerOf(c customer.Customer) tax.Buyer {
	return tax.Buyer{Country: c.Address.Country, Region: c.Address.Region, Company: c.Kind == customer.Company, TaxID: c.TaxID, Checked: c.TaxIDChecked, Exempt: c.TaxExempt}
}

// want looks up what a line of the cart asks for.
func (s *sale) want(line order.Line, currency string, now time.Time) (wanted, error) {
	field := "lines." + line.Key
	p, ok := s.shop.Product(line.Product)
	if !ok || p.Status == catalog.Archived {
		return wanted{}, ErrNotSold.On(field)
	}
	price, ok := s.shop.Price(string(p.ID), line.Cycle, currency, now)
	if !ok {
		return wanted{}, ErrNoPrice.On(field + ".cycle")
	}
	if g, _ := s.shop.GroupByID(p.Group); line.Label != "" {
		if err := CheckLabel(g.Kind, line.Label); err != nil {
			return wanted{}, fault.Of(err).On(field + ".label")
		}
	}
	w := wanted{line: line, product: p, id: ids.New[ids.Subscription](), values: form.Values{}, obliged: map[int]ids.Obligation{}}
	text := p.Name
	if line.Label != "" {
		text += ", " + line.Label
		w.values["hostname"] = []string{line.Label}
	}
	w.add(subscription.Item{Kind: subscription.PlanItem, Owner: string(p.ID), Text: text, QtyMicro: pricing.Micro, TaxClass: p.TaxClass}, price)
	for _, o := range s.shop.Options(p.ID) {
		if err := w.option(s.shop, o, line, currency, now); err != nil {
			return wanted{}, err
		}
	}
	begin := period.Begin{Start: s.today, Cycle: line.Cycle, TrialDays: p.TrialDays, AnchoredDay: p.AnchoredDay, JoinDays: p.JoinDays}
	w.first = begin.First()
	return w, nil
}

var hostname = regexp.MustCompile(`(?i)^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$`)

// CheckLabel refuses a name that a service of a kind of product cannot have: a server or a web site has one in the
// network, and its panel would refuse another after it was paid.
//
// Errors: ErrLabel, ErrHost.
func CheckLabel(kind, label string) error {
	if n := utf8.RuneCountInString(label); n == 0 || n > 120 || !utf8.ValidString(label) || strings.ContainsFunc(label, unprintable) {
		return ErrLabel
	}
	if kind != "game" && kind != "other" && !hostname.MatchString(label) {
		return ErrHost
	}
	return nil
}

// unprintable letters end a line, or turn what follows around.
func unprintable(r rune) bool { return r != ' ' && !unicode.IsPrint(r) }

func (w *wanted) add(it subscription.Item, price catalog.Price) {
	it.ID, it.Subscription, it.Price = ids.New[ids.Item](), w.id, price.ID
	w.items, w.prices = append(w.items, it), append(w.prices, price)
}

// option reads what was chosen for one option: the panel's value, and an item where it has a price.
func (w *wanted) option(shop *catalog.Shop, o catalog.Option, line order.Line, currency string, now time.Time) error {
	field := fmt.Sprintf("lines.%s.%s", line.Key, o.ID)
	chosen := line.Options[o.ID]
	owner, text, value, qty := string(o.ID), o.Label, chosen, pricing.Micro
	switch o.Kind {
	case catalog.Choices:
		if chosen == "" && !o.Needed {
			return nil
		}
		at := slices.IndexFunc(o.Choices, func(c catalog.Choice) bool { return string(c.ID) == chosen || c.Value == chosen })
		if at < 0 {
			return ErrOption.On(field)
		}
		owner, text, value = string(o.Choices[at].ID), o.Label+": "+o.Choices[at].Label, o.Choices[at].Value
	case catalog.Quantity:
		n := o.Least
		if chosen != "" {
			var err error
			if n, err = strconv.ParseInt(chosen, 10, 64); err != nil {
				return fault.New(fault.Invalid, "option_number", "Write a whole number.").On(field)
			}
		}
		if n < o.Least || n > o.Most || (o.Step > 1 && (n-o.Least)%o.Step != 0) {
			return fault.New(fault.Invalid, "option_range", fmt.Sprintf("Choose from %d to %d in steps of %d.", o.Least, o.Most, max(o.Step, 1))).On(field)
		}
		value, qty = strconv.FormatInt(n, 10), n*pricing.Micro
		text = strings.TrimSpace(fmt.Sprintf("%s: %d %s", o.Label, n, o.Unit))
	case catalog.YesNo:
		if chosen != "1" && chosen != "true" {
			if o.Needed {
				return ErrOption.On(field)
			}
			return nil
		}
		value = "true"
	}
	if o.Field != "" && value != "" {
		w.values[o.Field] = []string{value}
	}
	if price, ok := shop.Price(owner, line.Cycle, currency, now); ok && qty > 0 {
		w.add(subscription.Item{Kind: subscription.OptionItem, Owner: owner, Text: text, QtyMicro: qty, TaxClass: w.product.TaxClass}, price)
	}
	return nil
}

func (f *Flow) applyCoupon(ctx context.Context, s *sale, code string) error {
	c, err := f.Coupons.Find(ctx, code)
	if err != nil {
		return err
	}
	use := coupon.Use{Now: f.Clock.Now(), Currency: s.bill.currency.Code, NewCustomer: s.fresh, Has: s.has}
	for _, w := range s.wants {
		use.Has = append(use.Has, w.product.ID)
	}
	if err := c.Allows(use); err != nil {
		return err
	}
	if !slices.ContainsFunc(s.wants, func(w wanted) bool { return c.Covers(w.product.ID, w.line.Cycle) }) {
		return coupon.ErrProducts
	}
	s.coupon, s.bill.coupon = &c, couponIn(c, 0)
	return nil
}

// fill makes the parts of all lines: recurring ones for the periods that the first invoice bills, and set-up.
func (s *sale) fill() {
	for n := range s.wants {
		w := &s.wants[n]
		covered := s.coupon != nil && s.coupon.Covers(w.product.ID, w.line.Cycle)
		for i, it := range w.items {
			base := fmt.Sprintf("%s.%d", w.line.Key, i)
			for _, p := range w.first.Billed {
				pt := itemParts(fmt.Sprintf("%s.%d", base, p.No), it, w.product.ID, w.prices[i], p, w.line.Cycle.Recurs())
				if w.obliged[p.No] == "" {
					w.obliged[p.No] = ids.New[ids.Obligation]()
				}
				pt.obligation, pt.coupon = w.obliged[p.No], covered
				s.bill.parts = append(s.bill.parts, pt)
			}
			at := period.Period{From: s.today, To: s.today}
			if setup, ok := setupPart(base+".setup", it, w.product.ID, w.prices[i], at); ok {
				setup.coupon = covered
				s.bill.parts = append(s.bill.parts, setup)
			}
		}
	}
}

// lineOf is the key of the cart's line that a part belongs to.
func (s *sale) lineOf(sub ids.Subscription) string {
	for _, w := range s.wants {
		if w.id == sub {
			return w.line.Key
		}
	}
	return ""
}

// quote is what a person is shown of a sale.
func (s *sale) quote() (Quote, error) {
	code := s.bill.currency.Code
	of := func(minor int64) money.Amount { return money.Of(minor, code) }
	q := Quote{Currency: code, Net: of(s.result.Net), Tax: of(s.result.Tax), Total: of(s.result.Total), Inclusive: s.input.Mode == pricing.Inclusive}
	var discount int64
	for i, p := range s.bill.parts {
		o := s.result.Lines[i]
		line := QuoteLine{Key: s.lineOf(p.subscription), Kind: string(p.kind), Text: p.text, List: of(o.List), Discount: of(o.Discount), Net: of(o.Net), Tax: of(o.Tax)}
		if p.period.To.After(p.period.From) {
			line.Sub = p.period.From.Format("2 Jan") + " – " + p.period.To.Add(-1).Format("2 Jan 2006")
		}
		discount += o.Discount
		q.Lines = append(q.Lines, line)
	}
	q.Discount = of(discount)
	for _, t := range s.result.Taxes {
		if t.Tax != 0 || t.RatePPM != 0 {
			q.Taxes = append(q.Taxes, QuoteTax{Label: t.Code + " " + money.PPM(t.RatePPM).String(), Amount: of(t.Tax)})
		}
	}
	for n := range s.wants {
		w := &s.wants[n]
		if !w.line.Cycle.Recurs() {
			continue
		}
		r, err := s.renewal(w)
		if err != nil {
			return Quote{}, err
		}
		q.Renewal = append(q.Renewal, r)
	}
	if s.coupon != nil {
		q.Coupon, q.CouponText = s.coupon.Code, couponText(*s.coupon, code)
	}
	return q, nil
}

// renewal is what a line costs once it renews: the next term, and the terms for which no first price and no coupon
// holds any more.
func (s *sale) renewal(w *wanted) (QuoteRenewal, error) {
	next := 1
	if n := len(w.first.Billed); n > 0 {
		next = w.first.Billed[n-1].No + 1
	}
	full := next
	for _, p := range w.prices {
		if p.First != nil {
			full = max(full, p.FirstTerms+1)
		}
	}
	if c := s.coupon; c != nil && c.Terms > 0 && c.Covers(w.product.ID, w.line.Cycle) {
		full = max(full, c.Terms+1)
	}
	r := QuoteRenewal{Key: w.line.Key, Cycle: w.line.Cycle, On: w.billedTo(s.today)}
	r.From = r.On
	if full > next {
		r.From = w.first.Schedule.Term(full).From
	}
	var err error
	if r.Next, err = s.term(w, next); err == nil {
		r.Total, err = s.term(w, full)
	}
	return r, err
}

// term is what a later term costs, with the coupon while it lasts.
func (s *sale) term(w *wanted, no int) (money.Amount, error) {
	later := bill{currency: s.bill.currency, decide: s.decide}
	if c := s.coupon; c != nil && c.Covers(w.product.ID, w.line.Cycle) && (c.Terms == 0 || no <= c.Terms) {
		later.coupon = couponIn(*c, s.share(w))
	}
	for i, it := range w.items {
		p := itemParts(strconv.Itoa(i), it, w.product.ID, w.prices[i], w.first.Schedule.Term(no), true)
		p.coupon = later.coupon != nil
		later.parts = append(later.parts, p)
	}
	in, _ := later.input()
	q, err := pricing.Quote(in)
	return money.Of(q.Total, s.bill.currency.Code), err
}

// share is what a fixed coupon takes off a service; 0 for other kinds.
func (s *sale) share(w *wanted) (minor int64) {
	if s.coupon.Kind != coupon.Fixed {
		return 0
	}
	for i, p := range s.bill.parts {
		if p.subscription == w.id {
			minor += s.result.Lines[i].Discount
		}
	}
	return minor
}

// billedTo is the first day that the first invoice does not cover.
func (w *wanted) billedTo(today period.Day) period.Day {
	if n := len(w.first.Billed); n > 0 {
		return w.first.Billed[n-1].To
	}
	if n := len(w.first.Before); n > 0 {
		return w.first.Before[n-1].To
	}
	return today
}

func couponText(c coupon.Coupon, currency string) string {
	var what string
	switch c.Kind {
	case coupon.Percent:
		what = money.PPM(c.RatePPM).String() + " off"
	case coupon.Fixed:
		what = money.Of(c.AmountMinor, currency).String() + " off"
	case coupon.Price:
		what = money.Of(c.AmountMinor, currency).String() + " each term"
	case coupon.FreeSetup:
		return "Set-up is free"
	}
	switch c.Terms {
	case 0:
		return what + ", for as long as you stay"
	case 1:
		return what + " the first term"
	}
	return fmt.Sprintf("%s the first %d terms", what, c.Terms)
}
