package payment

import (
	"slices"
	"testing"
	"time"

	"github.com/ezscale/bursar/sdk/money"
)

var t0 = time.Date(2027, 3, 10, 9, 0, 0, 0, time.UTC)

func TestDoubtIsAskedOnScheduleAndThenLeftToAPerson(t *testing.T) {
	a := Attempt{Status: Sent, AskAt: t0.Add(sentGrace)}
	var asks []time.Duration
	now := t0
	for range 20 {
		if err := a.lose(time.Time{}, now); err != nil {
			t.Fatal(err)
		}
		if a.Status == Parked {
			break
		}
		asks, now = append(asks, a.AskAt.Sub(t0)), a.AskAt
	}
	want := []time.Duration{10 * time.Second, time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour, 24 * time.Hour}
	if !slices.Equal(asks, want) || a.Status != Parked || !a.AskAt.IsZero() {
		t.Fatalf("asked after %v, ended %s with %v", asks, a.Status, a.AskAt)
	}
}

func TestARepeatedCallDoesNotBeginTheScheduleAnew(t *testing.T) {
	a, now := Attempt{Status: Sent}, t0
	calls := 0
	for a.Status != Parked && calls < 50 {
		calls++
		if err := a.lose(time.Time{}, now); err != nil {
			t.Fatal(err)
		}
		if a.Status == Parked {
			break
		}
		now = a.AskAt
		if err := a.resend(now); err != nil { // each ask finds nothing, each call again is lost
			t.Fatal(err)
		}
	}
	if calls != len(unknownAsks)+1 || now.Sub(t0) != 24*time.Hour {
		t.Fatalf("%d calls in %v", calls, now.Sub(t0))
	}
}

func TestAPageIsLookedAtSoonThenHourlyThenWhenItIsOver(t *testing.T) {
	a, until := Attempt{Status: Sent}, t0.Add(2*time.Hour+20*time.Minute)
	if err := a.wait("https://pay.example", until, t0); err != nil {
		t.Fatal(err)
	}
	var looks []time.Duration
	for range 8 {
		now := a.AskAt
		looks = append(looks, now.Sub(t0))
		if over := a.PageOver(now); over != !now.Before(until.Add(time.Hour)) {
			t.Errorf("after %v over is %v", now.Sub(t0), over)
		}
		if err := a.wait("", time.Time{}, now); err != nil {
			t.Fatal(err)
		}
	}
	m := time.Minute
	want := []time.Duration{1 * m, 5 * m, 10 * m, 30 * m, 90 * m, 150 * m, 200 * m, 260 * m} // 200 is the page and an hour
	if !slices.Equal(looks, want) || a.PageURL != "https://pay.example" || !a.PageUntil.Equal(until) {
		t.Fatalf("looked after %v: %+v", looks, a)
	}
}

func TestLater(t *testing.T) {
	at := t0.Add(3 * time.Hour)
	tests := []struct {
		name  string
		from  Attempt
		at    time.Time
		state AttemptStatus
		ask   time.Duration
	}{
		{"a debit under way waits", Attempt{Status: Sent}, at, Waiting, 3 * time.Hour},
		{"a page keeps to its schedule", Attempt{Status: Waiting, Asks: 1}, time.Time{}, Waiting, 5 * time.Minute},
		{"unless the gateway names a time", Attempt{Status: Waiting, Asks: 1}, at, Waiting, 3 * time.Hour},
		{"doubt keeps its own", Attempt{Status: Unknown, Asks: 0}, time.Time{}, Unknown, 50 * time.Second},
		{"and ends, whatever the gateway says", Attempt{Status: Unknown, Asks: 7}, at, Parked, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := tt.from
			if err := a.later(tt.at, t0); err != nil {
				t.Fatal(err)
			}
			var ask time.Duration
			if !a.AskAt.IsZero() {
				ask = a.AskAt.Sub(t0)
			}
			if a.Status != tt.state || ask != tt.ask {
				t.Errorf("%s, asked after %v", a.Status, ask)
			}
		})
	}
	for _, s := range []AttemptStatus{Planned, Parked, Succeeded, Declined, Expired} {
		a := Attempt{Status: s}
		if err := a.later(at, t0); err == nil {
			t.Errorf("%s was put off", s)
		}
	}
}

func TestStanding(t *testing.T) {
	parts := []Allocation{
		{Kind: ToInvoice, Invoice: "inv_1", Minor: 50}, {Kind: ToInvoice, Invoice: "inv_2", Minor: 40}, {Kind: ToBalance, Minor: 10},
		{Kind: ToInvoice, Invoice: "inv_2", Minor: -40}, {Kind: ToBalance, Minor: 40},
	}
	got := standing(parts)
	if len(got) != 2 || got[0].Kind != ToBalance || got[0].Minor != 50 || got[1].Invoice != "inv_1" || got[1].Minor != 50 {
		t.Fatalf("%+v", got)
	}
}

func TestAllocate(t *testing.T) {
	p := Payment{Status: StatusCaptured, Amount: money.Of(100, "EUR"), Applied: 60}
	before := []Allocation{{Kind: ToInvoice, Invoice: "inv_1", Minor: 60}}
	tests := []struct {
		name  string
		parts []Allocation
		sum   int64
		ok    bool
	}{
		{"the rest goes to the balance", []Allocation{{Kind: ToBalance, Minor: 40}}, 100, true},
		{"a unit too much", []Allocation{{Kind: ToBalance, Minor: 41}}, 0, false},
		{"from an invoice to the balance", []Allocation{{Kind: ToInvoice, Invoice: "inv_1", Minor: -60}, {Kind: ToBalance, Minor: 60}}, 60, true},
		{"from an invoice more than it had", []Allocation{{Kind: ToInvoice, Invoice: "inv_1", Minor: -61}, {Kind: ToLost, Minor: 61}}, 0, false},
		{"from an invoice that had nothing", []Allocation{{Kind: ToInvoice, Invoice: "inv_2", Minor: -1}}, 0, false},
		{"from a balance that had nothing", []Allocation{{Kind: ToBalance, Minor: -61}}, 0, false},
		{"from a balance that had nothing, to what is lost", []Allocation{{Kind: ToBalance, Minor: -5}, {Kind: ToLost, Minor: 5}}, 0, false},
		{"an invoice without its name", []Allocation{{Kind: ToInvoice, Minor: 1}}, 0, false},
		{"the balance with an invoice's name", []Allocation{{Kind: ToBalance, Invoice: "inv_1", Minor: 1}}, 0, false},
		{"nothing", []Allocation{{Kind: ToBalance}}, 0, false},
		{"to nowhere", []Allocation{{Kind: "pocket", Minor: 1}}, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sum, err := p.allocate(before, tt.parts)
			if (err == nil) != tt.ok || sum != tt.sum {
				t.Errorf("%d, %v", sum, err)
			}
		})
	}
	p.Status = StatusHeld
	if _, err := p.allocate(nil, []Allocation{{Kind: ToBalance, Minor: 1}}); err == nil {
		t.Error("held money was given out")
	}
}

func TestExpiryIsTheLastDayOfTheMonth(t *testing.T) {
	for _, tt := range []struct {
		year, month int
		want        string
	}{{2028, 2, "2028-02-29"}, {2027, 12, "2027-12-31"}, {0, 0, ""}, {2027, 13, ""}} {
		if got := expiry(tt.year, tt.month).String(); got != tt.want {
			t.Errorf("%d-%d: %q", tt.year, tt.month, got)
		}
	}
}
