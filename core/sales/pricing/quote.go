package pricing

import (
	"slices"

	"github.com/ezscale/bursar/sdk/money"
)

// Quote calculates lines, taxes and total. It rounds at named points only: each line once, each tax once
// per group, the payable amount once; everything between is exact.
//
// Errors: ErrInput; money.ErrRange.
func Quote(in Input) (Result, error) {
	if err := in.check(); err != nil {
		return Result{}, err
	}
	out := Result{Currency: in.Currency, Lines: make([]LineOut, len(in.Lines))}
	if err := in.amounts(out.Lines); err != nil {
		return Result{}, err
	}
	for i := range in.Lines {
		group := in.Lines[i].Tax
		if slices.ContainsFunc(in.Lines[:i], func(l LineIn) bool { return l.Tax == group }) {
			continue
		}
		if err := in.taxes(group, &out); err != nil {
			return Result{}, err
		}
	}
	for i := range out.Lines {
		out.Net += out.Lines[i].Net
		out.Tax += out.Lines[i].Tax
		if magnitude(out.Net) > uint64(Limit) || magnitude(out.Tax) > uint64(Limit) {
			return Result{}, refuse("over the largest amount")
		}
	}
	out.Total = out.Net + out.Tax
	if step := max(in.Step, 1); step > 1 {
		steps, err := over(out.Total, step).round()
		if err != nil {
			return Result{}, err
		}
		out.Total = steps * step
	}
	out.Rounding = out.Total - out.Net - out.Tax
	if out.Total < 0 {
		return Result{}, refuse("a total of %d", out.Total)
	}
	return out, nil
}

// amounts makes list, discount and amount of each line: override, coupon, days, home tax, one rounding.
func (in Input) amounts(out []LineOut) error {
	var few [8]fraction
	list, after := few[:0], few[4:4]
	if len(in.Lines) > 4 {
		list, after = make([]fraction, 0, len(in.Lines)), make([]fraction, 0, len(in.Lines))
	}
	for i := range in.Lines {
		l := &in.Lines[i]
		unit, qty, per := l.Unit, l.Qty, max(l.Per, 1)
		if l.Override != nil {
			unit = *l.Override
		}
		if qty == 0 {
			qty = Micro
		}
		list = append(list, whole(unit).times(qty, Micro).times(1, per))
	}
	after = append(after, list...)
	if in.Coupon != nil {
		if err := in.discount(list, after, out); err != nil {
			return err
		}
	}
	for i := range in.Lines {
		l := &in.Lines[i]
		if l.Days != (Days{}) && l.Kind != Setup {
			list[i] = list[i].times(int64(l.Days.Used), int64(l.Days.Full))
			after[i] = after[i].times(int64(l.Days.Used), int64(l.Days.Full))
		}
		if t := in.Taxes[l.Tax]; in.Mode == Inclusive && len(t.Components) == 0 && t.HomePPM > 0 {
			list[i], after[i] = list[i].times(Micro, Micro+t.HomePPM), after[i].times(Micro, Micro+t.HomePPM)
		}
		o := &out[i]
		var err error
		if o.List, err = list[i].round(); err != nil {
			return err
		}
		if o.Amount, err = after[i].round(); err != nil {
			return err
		}
		if magnitude(o.List) > uint64(Limit) {
			return refuse("line %s is over the largest amount", l.Key)
		}
		o.Key, o.Discount, o.exactList, o.exactAmount = l.Key, o.List-o.Amount, list[i], after[i]
	}
	return nil
}

// eligible says whether the coupon may touch a line.
func (in Input) eligible(i int, list fraction) bool {
	l := &in.Lines[i]
	return list.sign() > 0 && (l.Override == nil || l.OverrideDiscountable) &&
		(in.Coupon.On == nil || slices.Contains(in.Coupon.On, l.Key))
}

// discount lowers after by the coupon, for the full period.
func (in Input) discount(list, after []fraction, out []LineOut) error {
	c := in.Coupon
	switch c.Kind {
	case Percent:
		for i := range list {
			if in.eligible(i, list[i]) {
				after[i] = list[i].times(Micro-c.RatePPM, Micro)
			}
		}
	case Price:
		for i := range list {
			if l := &in.Lines[i]; l.Kind == Recurring && in.eligible(i, list[i]) {
				qty := l.Qty
				if qty == 0 {
					qty = Micro
				}
				after[i] = least(list[i], whole(c.Unit).times(qty, Micro))
			}
		}
	case FreeSetup:
		for i := range list {
			if in.Lines[i].Kind == Setup && in.eligible(i, list[i]) {
				after[i] = whole(0)
			}
		}
	case Fixed:
		return in.fixed(list, after, out)
	default:
		return refuse("coupon of kind %q", c.Kind)
	}
	return nil
}

// fixed gives the amount out over the eligible lines by their prices, in whole units.
func (in Input) fixed(list, after []fraction, out []LineOut) error {
	sum, on := whole(0), make([]bool, len(list))
	for i := range list {
		if on[i] = in.eligible(i, list[i]); on[i] {
			sum = sum.plus(list[i])
		}
	}
	most, err := sum.floor()
	if err != nil {
		return err
	}
	amount := min(in.Coupon.Amount, most)
	if amount == 0 {
		return nil
	}
	shares := make([]fraction, len(list))
	for i := range list {
		shares[i] = whole(0)
		if on[i] {
			shares[i] = list[i].times(amount, 1).by(sum)
		}
	}
	parts, err := apportion(amount, shares)
	if err != nil {
		return err
	}
	for i, part := range parts {
		if !on[i] {
			continue
		}
		out[i].share = &parts[i]
		if after[i] = list[i].plus(whole(-part)); after[i].sign() < 0 {
			after[i] = whole(0)
		}
	}
	return nil
}

// rates are the effective rates of the components and their sum.
func (t TaxIn) rates() (each []fraction, sum fraction) {
	sum = whole(0)
	if len(t.Components) == 0 {
		return nil, sum
	}
	each = make([]fraction, len(t.Components))
	for i, c := range t.Components {
		e := over(c.RatePPM, Micro)
		if c.Compound {
			e = e.mul(whole(1).plus(sum))
		}
		each[i], sum = e, sum.plus(e)
	}
	return each, sum
}

// taxes rounds each tax of a group once and shares it out over the group's lines.
func (in Input) taxes(group string, out *Result) error {
	t := in.Taxes[group]
	each, rate := t.rates()
	base := int64(0)
	var few [4]int
	of := few[:0]
	for i := range in.Lines {
		if in.Lines[i].Tax == group {
			of = append(of, i)
			base += out.Lines[i].Amount
		}
	}
	parts, total := make([]int64, max(len(each), 1)), int64(0)
	share := rate
	switch {
	case len(each) == 0:
	case in.Mode == Inclusive:
		share = rate.by(whole(1).plus(rate))
		var err error
		if total, err = whole(base).mul(share).round(); err != nil {
			return err
		}
		if parts, err = split(total, each, rate); err != nil {
			return err
		}
	default:
		for k, e := range each {
			var err error
			if parts[k], err = whole(base).mul(e).round(); err != nil {
				return err
			}
			total += parts[k]
		}
	}
	if err := in.shareTax(of, total, share, out); err != nil {
		return err
	}
	net := base
	if in.Mode == Inclusive {
		net -= total
	}
	if len(each) == 0 {
		out.Taxes = append(out.Taxes, TaxOut{Group: group, Code: t.Category, Category: t.Category, Base: net})
		return nil
	}
	for k, c := range t.Components {
		out.Taxes = append(out.Taxes, TaxOut{Group: group, Code: c.Code, Category: t.Category, RatePPM: c.RatePPM, Compound: c.Compound, Base: net, Tax: parts[k]})
	}
	return nil
}

// shareTax sets net and tax of the lines of a group.
func (in Input) shareTax(of []int, total int64, share fraction, out *Result) error {
	if len(of) == 1 {
		out.Lines[of[0]].Tax = total
	} else {
		shares := make([]fraction, len(of))
		for k, i := range of {
			shares[k] = whole(out.Lines[i].Amount).mul(share)
		}
		parts, err := apportion(total, shares)
		if err != nil {
			return err
		}
		for k, i := range of {
			out.Lines[i].Tax = parts[k]
		}
	}
	for _, i := range of {
		l := &out.Lines[i]
		l.Net = l.Amount
		if in.Mode == Inclusive {
			l.Net -= l.Tax
		}
	}
	return nil
}

// split shares a total by exact weights whose sum is given. Nothing over nothing is nothing.
func split(total int64, weights []fraction, sum fraction) ([]int64, error) {
	if sum.sign() == 0 && total == 0 {
		return make([]int64, len(weights)), nil
	}
	shares := make([]fraction, len(weights))
	for i, w := range weights {
		shares[i] = w.times(total, 1).by(sum)
	}
	return apportion(total, shares)
}

// apportion gives out a whole total by exact shares: floors first, then missing units one by one to the
// largest fractions, ties to the earlier; units too many are taken from the smallest. Shares of 0 take no
// part. Error: money.ErrSplit.
func apportion(total int64, shares []fraction) ([]int64, error) {
	parts, rests := make([]int64, len(shares)), make([]fraction, len(shares))
	order, left := make([]int, 0, len(shares)), total
	for i, s := range shares {
		if s.sign() == 0 {
			continue
		}
		n, err := s.floor()
		if err != nil {
			return nil, err
		}
		parts[i], rests[i], left = n, s.plus(whole(-n)), left-n
		order = append(order, i)
	}
	if left == 0 {
		return parts, nil
	}
	if n := int64(len(order)); left > n || left < -n {
		return nil, money.ErrSplit.Because(refuse("%d units are left for %d shares", left, n))
	}
	slices.SortStableFunc(order, func(a, b int) int { return rests[b].plus(rests[a].neg()).sign() })
	for ; left > 0; left-- {
		parts[order[0]]++
		order = order[1:]
	}
	for ; left < 0; left++ {
		parts[order[len(order)-1]]--
		order = order[:len(order)-1]
	}
	return parts, nil
}
