package pricing

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
)

// engine is the version of the rules of this package that a record names.
const engine = 1

// Record is what an explain record says beside the calculation itself. What is empty is left out.
type Record struct {
	Rule         string // term, stub, setup, usage, once, change
	Subscription ids.Subscription
	Obligation   ids.Obligation
	Period       period.Period
	No           int
	Price        ids.Price
	First        bool // the price of the first terms
	Redemption   ids.Redemption
	TermsLeft    int64
	Why          string   // of the tax, such as "consumer, place DE"
	Rules        []string // IDs of the tax rules
	RateID       ids.Rate
	RatePico     int64
}

// Explain writes the record of line i of a quote that was made of this input: inputs and every
// intermediate, nothing that can change later. Replay reads it.
func (in Input) Explain(q Result, i int, r Record) string {
	l, o, t := &in.Lines[i], &q.Lines[i], in.Taxes[in.Lines[i].Tax]
	b := make([]byte, 0, 512)
	b = append(b, `{"v":1,"rule":`...)
	b = text(b, r.Rule)
	b = named(b, "sub", string(r.Subscription))
	b = named(b, "obligation", string(r.Obligation))
	if !r.Period.From.IsZero() {
		b = append(b, `,"period":["`+r.Period.From.String()+`","`+r.Period.To.String()+`"],"no":`...)
		b = strconv.AppendInt(b, int64(r.No), 10)
	}
	b = append(b, `,"kind":`...)
	b = text(b, string(l.Kind))
	b = append(b, `,"price":{`...)
	if r.Price != "" {
		b = append(b, `"version":"`+string(r.Price)+`",`...)
	}
	b = number(b, `"unit":`, l.Unit)
	b = number(b, `,"per":`, max(l.Per, 1))
	if r.First {
		b = append(b, `,"first":true`...)
	}
	if l.Override != nil {
		b = number(b, `,"override":`, *l.Override)
	}
	qty := l.Qty
	if qty == 0 {
		qty = Micro
	}
	b = number(b, `},"qty_micro":`, qty)
	if l.Days != (Days{}) && l.Kind != Setup {
		b = number(b, `,"days":[`, int64(l.Days.Used))
		b = number(b, `,`, int64(l.Days.Full))
		b = append(b, ']')
	}
	if c := in.Coupon; c != nil && in.eligible(i, o.exactList) {
		b = append(b, `,"coupon":{"kind":`...)
		b = text(b, string(c.Kind))
		b = named(b, "redemption", string(r.Redemption))
		switch {
		case c.Kind == Percent:
			b = number(b, `,"ppm":`, c.RatePPM)
		case c.Kind == Price:
			b = number(b, `,"unit":`, c.Unit)
		case o.share != nil:
			b = number(b, `,"share":`, *o.share)
		}
		b = number(b, `,"terms_left":`, r.TermsLeft)
		b = append(b, '}')
	}
	mode := in.Mode
	if mode == "" {
		mode = Exclusive
	}
	b = append(b, `,"mode":"`+string(mode)+`","round":"half_away","list":`...)
	b = o.exactList.append(b)
	b = append(b, `,"amount":`...)
	b = o.exactAmount.append(b)
	b = in.explainTax(b, q, i, t, r)
	if r.RatePico != 0 {
		b = append(b, `,"rate":{"id":"`+string(r.RateID)+`"`...)
		b = number(b, `,"pico":`, r.RatePico)
		b = append(b, '}')
	}
	b = number(b, `,"engine":`, engine)
	b = number(b, `,"out":{"list":`, o.List)
	b = number(b, `,"discount":`, o.Discount)
	b = number(b, `,"net":`, o.Net)
	b = number(b, `,"tax":`, o.Tax)
	return string(append(b, "}}"...))
}

func (in Input) explainTax(b []byte, q Result, i int, t TaxIn, r Record) []byte {
	group := in.Lines[i].Tax
	b = append(b, `,"tax":{"group":`...)
	b = text(b, group)
	b = named(b, "category", t.Category)
	b = named(b, "why", r.Why)
	for k, rule := range r.Rules {
		b = append(b, map[bool]string{true: `,"rules":[`, false: `,`}[k == 0]...)
		b = text(b, rule)
	}
	if len(r.Rules) > 0 {
		b = append(b, ']')
	}
	if t.HomePPM != 0 && len(t.Components) == 0 {
		b = number(b, `,"home_ppm":`, t.HomePPM)
	}
	b = append(b, `,"components":[`...)
	for k, c := range t.Components {
		if k > 0 {
			b = append(b, ',')
		}
		b = append(b, '[')
		b = text(b, c.Code)
		b = number(b, `,`, c.RatePPM)
		b = append(b, ',')
		b = append(strconv.AppendBool(b, c.Compound), ']')
	}
	var base, tax int64
	for _, x := range q.Taxes {
		if x.Group == group {
			base, tax = x.Base, tax+x.Tax
		}
	}
	b = number(b, `],"group_base":`, base)
	b = number(b, `,"group_tax":`, tax)
	return append(b, '}')
}

func (f fraction) append(b []byte) []byte {
	if f.b != nil {
		return append(b, "["+f.b.Num().String()+","+f.b.Denom().String()+"]"...)
	}
	b = number(b, "[", f.n)
	b = number(b, ",", f.d)
	return append(b, ']')
}

func number(b []byte, name string, n int64) []byte {
	return strconv.AppendInt(append(b, name...), n, 10)
}

func named(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	return text(append(b, `,"`+name+`":`...), value)
}

// text writes a JSON string. Plain ones, which nearly all are, need no encoder.
func text(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			quoted, err := json.Marshal(s)
			if err != nil { // a string always encodes
				return append(b, `""`...)
			}
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// record is an explain record as it is read back.
type record struct {
	V     int
	Kind  Kind
	Price struct {
		Unit, Per int64
		Override  *int64
	}
	Qty    int64 `json:"qty_micro"`
	Days   *[2]int
	Coupon *struct {
		Kind  CouponKind
		PPM   int64
		Unit  int64
		Share *int64
	}
	Mode         Mode
	List, Amount [2]json.Number
	Tax          struct {
		Group, Category string
		HomePPM         int64                `json:"home_ppm"`
		Components      [][3]json.RawMessage `json:"components"`
		GroupBase       int64                `json:"group_base"`
		GroupTax        int64                `json:"group_tax"`
	}
	Out struct{ List, Discount, Net, Tax int64 }
}

// Replay calculates a record's line again and compares every output. A record of a coupon of a fixed
// amount holds the line's share of it; the tax of the group is calculated from the group's base.
//
// Errors: what differs; what cannot be read.
func Replay(explained string) error {
	var r record
	if err := json.Unmarshal([]byte(explained), &r); err != nil {
		return fmt.Errorf("read explain record: %w", err)
	}
	if r.V != 1 {
		return fmt.Errorf("explain record of version %d", r.V)
	}
	in := Input{Currency: "XXX", Mode: r.Mode, Taxes: map[string]TaxIn{}}
	t := TaxIn{Category: r.Tax.Category, HomePPM: r.Tax.HomePPM}
	for _, c := range r.Tax.Components {
		var k Component
		for i, into := range []any{&k.Code, &k.RatePPM, &k.Compound} {
			if err := json.Unmarshal(c[i], into); err != nil {
				return fmt.Errorf("read explain record: %w", err)
			}
		}
		t.Components = append(t.Components, k)
	}
	in.Taxes[r.Tax.Group] = t
	l := LineIn{Key: "line", Kind: r.Kind, Unit: r.Price.Unit, Per: r.Price.Per, Qty: r.Qty, Override: r.Price.Override, OverrideDiscountable: true, Tax: r.Tax.Group}
	if r.Days != nil {
		l.Days = Days{Used: r.Days[0], Full: r.Days[1]}
	}
	in.Lines = []LineIn{l}
	if c := r.Coupon; c != nil {
		in.Coupon = &CouponIn{Kind: c.Kind, RatePPM: c.PPM, Unit: c.Unit}
		if c.Share != nil {
			in.Coupon.Amount = *c.Share
		}
	}
	out := []LineOut{{}}
	if err := in.check(); err != nil {
		return err
	}
	if err := in.amounts(out); err != nil {
		return err
	}
	o := out[0]
	for _, c := range []struct {
		name string
		got  fraction
		want [2]json.Number
	}{{"list", o.exactList, r.List}, {"amount", o.exactAmount, r.Amount}} {
		want, ok := new(big.Rat).SetString(c.want[0].String() + "/" + c.want[1].String())
		if !ok || c.got.rat().Cmp(want) != 0 {
			return fmt.Errorf("%s is %s, the record says %s/%s", c.name, c.got.rat(), c.want[0], c.want[1])
		}
	}
	return r.compare(o, t)
}

func (r record) compare(o LineOut, t TaxIn) error {
	amount := r.Out.Net
	if r.Mode == Inclusive {
		amount += r.Out.Tax
	}
	if o.List != r.Out.List || o.Discount != r.Out.Discount || o.Amount != amount {
		return fmt.Errorf("list %d, discount %d, amount %d; the record says %d, %d, %d", o.List, o.Discount, o.Amount, r.Out.List, r.Out.Discount, amount)
	}
	each, rate := t.rates()
	total, base, share := int64(0), r.Tax.GroupBase, rate
	if r.Mode == Inclusive {
		share = rate.by(whole(1).plus(rate))
		n, err := whole(base + r.Tax.GroupTax).mul(share).round()
		if err != nil {
			return err
		}
		total = n
	} else {
		for _, e := range each {
			n, err := whole(base).mul(e).round()
			if err != nil {
				return err
			}
			total += n
		}
	}
	if total != r.Tax.GroupTax {
		return fmt.Errorf("the tax of the group is %d, the record says %d", total, r.Tax.GroupTax)
	}
	rest := whole(amount).mul(share).plus(whole(-r.Out.Tax))
	if units := int64(1 + len(each)); rest.plus(whole(-units)).sign() > 0 || rest.plus(whole(units)).sign() < 0 {
		return fmt.Errorf("the tax of the line, %d, is not its share of the group", r.Out.Tax)
	}
	return nil
}
