package money

import (
	"cmp"
	"fmt"
	"math/big"
	"math/bits"
	"slices"

	"github.com/ezscale/bursar/sdk/fault"
)

// ErrSplit: a total below zero, a negative weight, or nothing to split over.
var ErrSplit = fault.New(fault.Invalid, "nothing_to_split_over", "This amount cannot be divided.")

// Exact is a fraction n/d of minor units, for sums that stay exact until Round. d is not zero.
func Exact(n, d int64) *big.Rat { return big.NewRat(n, d) }

// Exact is the rate as a factor: Percent(19).Exact() is 19/100.
func (r Rate) Exact() *big.Rat { return big.NewRat(r.ppm, ratePrecision) }

// Round makes whole minor units of an exact sum, half away from zero. Error: ErrRange beyond 64 bits.
func Round(x *big.Rat) (int64, error) {
	twice := new(big.Int).Lsh(x.Denom(), 1)
	n := new(big.Int).Lsh(new(big.Int).Abs(x.Num()), 1)
	n.Add(n, x.Denom()).Quo(n, twice)
	if x.Sign() < 0 {
		n.Neg(n)
	}
	if !n.IsInt64() {
		return 0, ErrRange
	}
	return n.Int64(), nil
}

// Floor makes whole minor units of an exact sum, downwards: a credit for unused time. Error: ErrRange beyond 64 bits.
func Floor(x *big.Rat) (int64, error) {
	n := new(big.Int).Div(x.Num(), x.Denom()) // Euclidean, which floors as the denominator is positive
	if !n.IsInt64() {
		return 0, ErrRange
	}
	return n.Int64(), nil
}

// Parts splits a total by weights and loses no unit: total × w / Σw each, floored, the missing units one by one to the
// largest remainders, ties to the earlier. A weight of 0 takes no part. Errors: ErrSplit, ErrRange.
func Parts(total int64, weights []int64) ([]int64, error) {
	var sum uint64
	for _, w := range weights {
		if w < 0 {
			return nil, ErrSplit.Because(fmt.Errorf("weight %d", w))
		}
		var over uint64
		if sum, over = bits.Add64(sum, uint64(w), 0); over != 0 {
			return nil, ErrRange.Because(fmt.Errorf("%d weights", len(weights)))
		}
	}
	if total < 0 || sum == 0 {
		return nil, ErrSplit.Because(fmt.Errorf("%d over %d weights of %d together", total, len(weights), sum))
	}
	parts, rests, left := make([]int64, len(weights)), make([]uint64, len(weights)), total
	for i, w := range weights {
		high, low := bits.Mul64(uint64(total), uint64(w))
		q, rest := bits.Div64(high, low, sum) // high < sum, as total < 2^64 and w <= sum
		parts[i], rests[i] = int64(q), rest
		left -= int64(q)
	}
	order := make([]int, len(weights))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(rests[b], rests[a]) })
	for _, i := range order[:left] { // fewer units are missing than there are remainders
		parts[i]++
	}
	return parts, nil
}

// Apportion gives out a whole total by exact shares that sum to it, or to less than a unit beside it: each is floored, the
// missing units go one by one to the largest fractions, ties to the earlier; units too many (the total was rounded down
// past a floor) are taken back from the smallest. A share of 0 takes no part. Errors: ErrSplit, ErrRange.
func Apportion(total int64, shares []*big.Rat) ([]int64, error) {
	parts, fractions, order, left := make([]int64, len(shares)), make([]*big.Rat, len(shares)), []int{}, total
	for i, s := range shares {
		if s.Sign() == 0 {
			continue
		}
		n, err := Floor(s)
		if err != nil {
			return nil, err
		}
		parts[i], fractions[i] = n, new(big.Rat).Sub(s, new(big.Rat).SetInt64(n))
		left -= n
		order = append(order, i)
	}
	if left == 0 {
		return parts, nil
	}
	if n := int64(len(order)); left > n || left < -n {
		return nil, ErrSplit.Because(fmt.Errorf("%d units left for %d shares", left, n))
	}
	slices.SortStableFunc(order, func(a, b int) int { return fractions[b].Cmp(fractions[a]) })
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

// Convert is an amount in another currency, rounded half away from zero. ratePico is units of the other for one of ours,
// times 10^12, as the invoice froze it. Error: ErrRange.
func Convert(a Amount, to string, ratePico int64) (Amount, error) {
	x := new(big.Rat).SetFrac(new(big.Int).Mul(big.NewInt(a.minor), big.NewInt(ratePico)), big.NewInt(1_000_000_000_000))
	shift := Digits(to) - Digits(a.currency)
	power := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(shift, -shift))), nil))
	if shift < 0 {
		power.Inv(power)
	}
	minor, err := Round(x.Mul(x, power))
	if err != nil {
		return Amount{}, err
	}
	return Amount{minor, to}, nil
}
