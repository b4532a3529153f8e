package pricing

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/ezscale/bursar/sdk/money"
)

// TestFraction compares 64-bit arithmetic with big numbers, on numbers of every length.
func TestFraction(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 5))
	number := func() int64 { return r.Int64()>>r.IntN(63) - r.Int64()>>(1+r.IntN(62)) }
	for range 200_000 {
		an, ad, bn, bd := number(), max(number(), 1), number(), max(number(), 1)
		a, b := over(an, ad), over(bn, bd)
		x, y := big.NewRat(an, ad), big.NewRat(bn, bd)
		if a.mul(b).rat().Cmp(new(big.Rat).Mul(x, y)) != 0 {
			t.Fatalf("%s × %s", x, y)
		}
		if a.plus(b).rat().Cmp(new(big.Rat).Add(x, y)) != 0 {
			t.Fatalf("%s + %s", x, y)
		}
		if p := a.mul(b); p.b == nil && gcd(p.n, p.d) != 1 && p.n != -1<<63 {
			t.Fatalf("%d/%d is not in lowest terms", p.n, p.d)
		}
		if least(a, b).rat().Cmp(x) != 0 && x.Cmp(y) < 0 {
			t.Fatalf("least of %s, %s", x, y)
		}
		if b.sign() > 0 && a.by(b).rat().Cmp(new(big.Rat).Quo(x, y)) != 0 {
			t.Fatalf("%s / %s", x, y)
		}
		got, err := a.round()
		want, werr := money.Round(x)
		if (err != nil) != (werr != nil) || got != want {
			t.Fatalf("round %s: %d, not %d", x, got, want)
		}
		got, _ = a.floor()
		if want, _ = money.Floor(x); got != want {
			t.Fatalf("floor %s: %d, not %d", x, got, want)
		}
	}
}
