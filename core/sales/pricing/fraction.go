package pricing

import (
	"math/big"
	"math/bits"

	"github.com/ezscale/bursar/sdk/money"
)

// fraction is an exact number n/d. It stays in 64 bits as long as it fits, which almost every price does,
// and moves to big numbers when it does not: a billing run prices tens of thousands of lines a second.
type fraction struct {
	n, d int64 // d > 0, in lowest terms; unused once b is set
	b    *big.Rat
}

func whole(n int64) fraction { return fraction{n: n, d: 1} }

func over(n, d int64) fraction { return whole(n).times(1, d) }

func (f fraction) rat() *big.Rat {
	if f.b != nil {
		return f.b
	}
	return big.NewRat(f.n, f.d)
}

func large(x *big.Rat) fraction {
	if x.Num().IsInt64() && x.Denom().IsInt64() {
		return fraction{n: x.Num().Int64(), d: x.Denom().Int64()}
	}
	return fraction{b: x}
}

func (f fraction) sign() int {
	switch {
	case f.b != nil:
		return f.b.Sign()
	case f.n > 0:
		return 1
	case f.n < 0:
		return -1
	}
	return 0
}

// times is f × n / d, d > 0.
func (f fraction) times(n, d int64) fraction {
	if f.b == nil {
		g := gcd(n, d)
		n, d := n/g, d/g
		g = gcd(f.n, d)
		fn, d := f.n/g, d/g
		h := gcd(n, f.d)
		n, fd := n/h, f.d/h
		if p, ok := product(fn, n); ok {
			if q, ok := product(fd, d); ok {
				return fraction{n: p, d: q}
			}
		}
	}
	return large(new(big.Rat).Mul(f.rat(), big.NewRat(n, d)))
}

func (f fraction) mul(g fraction) fraction {
	if g.b == nil {
		return f.times(g.n, g.d)
	}
	return large(new(big.Rat).Mul(f.rat(), g.b))
}

// by is f / g, g > 0.
func (f fraction) by(g fraction) fraction {
	if g.b == nil {
		return f.times(g.d, g.n)
	}
	return large(new(big.Rat).Quo(f.rat(), g.b))
}

func (f fraction) plus(g fraction) fraction {
	if f.b == nil && g.b == nil && f.d == g.d {
		if s := f.n + g.n; (f.n >= 0) != (g.n >= 0) || (s >= 0) == (f.n >= 0) {
			return whole(s).times(1, f.d)
		}
	}
	return large(new(big.Rat).Add(f.rat(), g.rat()))
}

func (f fraction) neg() fraction {
	if f.b == nil && f.n != -1<<63 {
		return fraction{n: -f.n, d: f.d}
	}
	return large(new(big.Rat).Neg(f.rat()))
}

// least is the smaller of two.
func least(f, g fraction) fraction {
	if f.plus(g.neg()).sign() > 0 {
		return g
	}
	return f
}

// round is half away from zero. Error: money.ErrRange.
func (f fraction) round() (int64, error) {
	if f.b != nil {
		return money.Round(f.b)
	}
	q, r := f.n/f.d, f.n%f.d
	if r < 0 {
		r = -r
	}
	if r >= f.d-r { // 2r >= d without overflow
		if f.n < 0 {
			return q - 1, nil
		}
		return q + 1, nil
	}
	return q, nil
}

// floor is downwards. Error: money.ErrRange.
func (f fraction) floor() (int64, error) {
	if f.b != nil {
		return money.Floor(f.b)
	}
	q := f.n / f.d
	if f.n%f.d < 0 {
		q--
	}
	return q, nil
}

func product(a, b int64) (int64, bool) {
	high, low := bits.Mul64(magnitude(a), magnitude(b))
	if high != 0 || low > 1<<63-1 {
		return 0, false
	}
	if (a < 0) != (b < 0) {
		return -int64(low), true
	}
	return int64(low), true
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

// gcd of two numbers, of which b is not 0 or a is not 0; at least 1.
func gcd(a, b int64) int64 {
	x, y := magnitude(a), magnitude(b)
	for y != 0 {
		x, y = y, x%y
	}
	if x == 0 || x > 1<<62 {
		return 1
	}
	return int64(x)
}
