package clock_test

import (
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
)

func TestSystemIsUTCToTheMicrosecond(t *testing.T) {
	now := clock.System{}.Now()
	if now.Location() != time.UTC || now.Nanosecond()%1000 != 0 || time.Since(now).Abs() > time.Minute {
		t.Fatal(now)
	}
}

func TestStopped(t *testing.T) {
	start := time.Date(2027, 1, 31, 3, 0, 0, 1234, time.FixedZone("", 3600))
	c := clock.At(start)
	want := time.Date(2027, 1, 31, 2, 0, 0, 1000, time.UTC)
	if c.Now() != want {
		t.Fatal(c.Now())
	}
	if got := c.Add(time.Hour); got != want.Add(time.Hour) || c.Now() != got {
		t.Fatal(got)
	}
	c.Set(start)
	if c.Now() != want {
		t.Fatal(c.Now())
	}
}

func TestOffsetOnlyGrows(t *testing.T) {
	base := clock.At(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))
	c := clock.Ahead(base, 0)
	c.Forward(base.Now().Add(72 * time.Hour))
	base.Add(time.Minute)
	if got := c.Now(); !got.Equal(time.Date(2027, 1, 4, 0, 1, 0, 0, time.UTC)) {
		t.Fatal(got)
	}
	if got := c.Forward(base.Now()); got != 72*time.Hour || c.Offset() != got {
		t.Fatalf("the clock went back to %v", got)
	}
	if clock.Ahead(base, -time.Hour).Now() != base.Now() {
		t.Fatal("a clock behind the real one")
	}
}
