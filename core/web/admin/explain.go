package admin

import (
	"encoding/json"
	"math/big"
	"strconv"
	"strings"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/sales/pricing"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/money"
)

// why is the drawer that says how a line came about.
type why struct {
	No         int
	Text       string
	Amount     money.Amount // without tax
	Sentence   string
	Sum        []view.Leader // the calculation, step by step
	Inputs     []view.Fact   // why these inputs
	Trace      []view.Fact   // what it refers to
	Raw        string        // the record as it is stored, where it cannot be read
	Proof      string        // what calculating it again came to
	Wrong      bool          // it came to something else
	Prev, Next string        // addresses of the drawers beside it
	Close      string
}

// record is an explain record of pricing, as far as it is shown.
type record struct {
	Rule       string
	Obligation string
	Period     [2]string
	No         int
	Kind       string
	Price      struct {
		Version   string
		Unit, Per int64
		First     bool
		Override  *int64
	}
	Qty    int64 `json:"qty_micro"`
	Days   *[2]int
	Coupon *struct {
		Kind, Redemption string
		PPM, Unit        int64
		Share            *int64
		TermsLeft        int64 `json:"terms_left"`
	}
	Mode         string
	List, Amount [2]json.Number
	Tax          struct {
		Group, Category, Why string
		Rules                []string
		HomePPM              int64                `json:"home_ppm"`
		Components           [][3]json.RawMessage `json:"components"`
		GroupBase            int64                `json:"group_base"`
		GroupTax             int64                `json:"group_tax"`
	}
	Rate *struct {
		ID   string
		Pico int64
	}
	Engine int
	Out    struct{ List, Discount, Net, Tax int64 }
}

var rules = map[string]string{
	"term": "A whole term", "stub": "The days up to the day of the month on which terms begin", "setup": "Set-up, once", "usage": "Usage", "once": "Once",
	"change": "A change within a term",
}

// explain reads the record of a line. A line that has none, such as one that staff wrote, shows what is stored.
func explain(inv invoice.Invoice, l invoice.Line, say func(money.Amount) string) why {
	w := why{No: l.No, Text: l.Text, Amount: inv.Amount(l.Net)}
	var r record
	if err := json.Unmarshal([]byte(l.Explain), &r); err != nil || r.Engine == 0 {
		w.Sentence, w.Raw = "Nobody calculated this line: it was written as it is.", l.Explain
		if l.Explain == "" || l.Explain == "{}" {
			w.Raw = ""
		}
		return w
	}
	w.Sentence = r.sentence(l)
	w.Sum = r.sum(inv, say)
	w.Inputs = r.inputs(inv, say)
	w.Trace = r.trace(l)
	w.Proof = "Calculated again just now: every amount is the same."
	if err := pricing.Replay(l.Explain); err != nil {
		w.Proof, w.Wrong = "Calculated again just now, it differs: "+err.Error()+".", true
	}
	return w
}

func (r record) sentence(l invoice.Line) string {
	text := rules[r.Rule]
	if text == "" {
		text = plain(r.Rule)
	}
	if !l.From.IsZero() {
		text += ", " + span(l.From, l.To)
	}
	if r.Days != nil && r.Days[0] != r.Days[1] {
		text += ": " + strconv.Itoa(r.Days[0]) + " of " + many(r.Days[1], "day", "days")
	}
	return text + "."
}

// span is a term as people read it: its last day is the day before the next one begins.
func span(from, to period.Day) string {
	if !to.After(from) {
		return from.Format("2 Jan 2006")
	}
	return from.Format("2 Jan 2006") + " – " + to.Add(-1).Format("2 Jan 2006")
}

func (r record) sum(inv invoice.Invoice, say func(money.Amount) string) []view.Leader {
	label := "Price"
	unit := r.Price.Unit
	switch {
	case r.Price.Override != nil:
		label, unit = "Price agreed for this service", *r.Price.Override
	case r.Price.First:
		label = "Price of the first terms"
	}
	if r.Price.Per > 1 {
		label += " for " + count(r.Price.Per)
	}
	out := []view.Leader{{Label: label, Amount: inv.Amount(unit)}}
	if r.Qty != pricing.Micro {
		out = append(out, view.Leader{Label: "Quantity", Amount: micro(r.Qty)})
	}
	if r.Days != nil {
		out = append(out, view.Leader{Label: "Days", Amount: strconv.Itoa(r.Days[0]) + " of " + strconv.Itoa(r.Days[1])})
	}
	if text, whole := fraction(r.List, money.Digits(inv.Currency)); !whole {
		out = append(out, view.Leader{Label: "Exactly", Amount: text}, view.Leader{Label: "Rounded, half away from zero", Amount: inv.Amount(r.Out.List)})
	}
	if r.Out.Discount != 0 {
		out = append(out, view.Leader{Label: r.coupon(inv, say), Amount: inv.Amount(-r.Out.Discount)})
	}
	if r.Mode == string(pricing.Inclusive) {
		out = append(out, view.Leader{Label: "With tax", Amount: inv.Amount(r.Out.Net + r.Out.Tax)}, view.Leader{Label: "Tax in it", Amount: inv.Amount(-r.Out.Tax)})
	}
	out = append(out, view.Leader{Label: "Without tax", Amount: inv.Amount(r.Out.Net), Total: true})
	if r.Mode != string(pricing.Inclusive) && r.Out.Tax != 0 {
		out = append(out, view.Leader{Label: "Tax, its share of the group", Amount: inv.Amount(r.Out.Tax)})
	}
	return out
}

func (r record) coupon(inv invoice.Invoice, say func(money.Amount) string) string {
	if r.Coupon == nil {
		return "Discount"
	}
	switch c := r.Coupon; pricing.CouponKind(c.Kind) {
	case pricing.Percent:
		return "Coupon, " + percent(c.PPM)
	case pricing.Price:
		return "Coupon, at " + say(inv.Amount(c.Unit)) + " each"
	case pricing.FreeSetup:
		return "Coupon, no set-up fee"
	}
	return "Coupon, its share of a fixed amount"
}

func (r record) inputs(inv invoice.Invoice, say func(money.Amount) string) []view.Fact {
	price := "The version of the list that was agreed at the order"
	switch {
	case r.Price.Override != nil:
		price = "Staff set it for this service; the list says " + say(inv.Amount(r.Price.Unit))
	case r.Price.First:
		price = "The lower price of the first terms"
	}
	coupon := "None in force"
	if r.Coupon != nil {
		coupon = r.coupon(inv, say)
		if r.Coupon.TermsLeft > 0 {
			coupon += "; serves " + many(r.Coupon.TermsLeft, "term", "terms") + " more"
		}
	}
	out := []view.Fact{{Label: "Price", Value: price}, {Label: "Coupon", Value: coupon}, {Label: "Tax", Value: r.taxes()}}
	if r.Tax.GroupTax != 0 {
		out = append(out, view.Fact{Label: "Tax group", Value: say(inv.Amount(r.Tax.GroupTax)) + " on " + say(inv.Amount(r.Tax.GroupBase)) + ", rounded once for all its lines"})
	}
	if r.Tax.HomePPM != 0 {
		out = append(out, view.Fact{Label: "Tax taken off", Value: percent(r.Tax.HomePPM) + ", which the printed price contains"})
	}
	rate := inv.Base + " is the currency of the books"
	if inv.Base != inv.Currency && inv.RatePico != 0 {
		rate = "1 " + inv.Currency + " = " + new(big.Rat).SetFrac64(inv.RatePico, 1_000_000_000_000).FloatString(6) + " " + inv.Base
	}
	if inv.Base != "" {
		out = append(out, view.Fact{Label: "Rate", Value: rate})
	}
	return out
}

func (r record) taxes() string {
	var parts []string
	for _, c := range r.Tax.Components {
		var code string
		var ppm int64
		if json.Unmarshal(c[0], &code) == nil && json.Unmarshal(c[1], &ppm) == nil {
			parts = append(parts, code+" "+percent(ppm))
		}
	}
	text := strings.Join(parts, ", ")
	if text == "" {
		text = "None"
	}
	if r.Tax.Why != "" {
		text += ": " + r.Tax.Why
	}
	return text + " (category " + r.Tax.Category + ")"
}

func (r record) trace(l invoice.Line) []view.Fact {
	var out []view.Fact
	add := func(label, value, link string) {
		if value != "" {
			out = append(out, view.Fact{Label: label, Value: value, Mono: true, Copy: link == "", Link: link})
		}
	}
	if l.Subscription != "" {
		add("Service", string(l.Subscription), "/services/"+string(l.Subscription))
	}
	add("Period record", r.Obligation, "")
	add("Price version", r.Price.Version, "")
	if r.Coupon != nil {
		add("Use of coupon", r.Coupon.Redemption, "")
	}
	for _, id := range r.Tax.Rules {
		link := ""
		if _, err := ids.Parse[ids.TaxRule](id); err == nil {
			link = "/taxes/" + id
		}
		add("Tax rule", id, link)
	}
	if r.Rate != nil {
		add("Exchange rate", r.Rate.ID, "")
	}
	return append(out, view.Fact{Label: "Rules", Value: "pricing " + strconv.Itoa(r.Engine)})
}

// micro is a quantity in millionths as a number.
func micro(n int64) string {
	text := new(big.Rat).SetFrac64(n, pricing.Micro).FloatString(6)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// percent is a rate in parts per million: 19 %, 8.875 %.
func percent(ppm int64) string {
	text := new(big.Rat).SetFrac64(ppm, 10_000).FloatString(4)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".") + " %"
}

// fraction is an exact amount of minor units in whole units of a currency, and whether it needs no rounding.
func fraction(f [2]json.Number, digits int) (text string, whole bool) {
	x, ok := new(big.Rat).SetString(f[0].String() + "/" + f[1].String())
	if !ok {
		return "", true
	}
	if x.IsInt() {
		return "", true
	}
	for range digits {
		x.Quo(x, big.NewRat(10, 1))
	}
	return x.FloatString(digits+4) + "…", false
}
