package period_test

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ezscale/bursar/core/base/period"
)

type wantPeriod struct {
	No       int         `json:"no"`
	From     period.Day  `json:"from"`
	To       period.Day  `json:"to"`
	Days     int         `json:"days"`
	FullDays int         `json:"full_days"`
	Kind     period.Kind `json:"kind"`
}

type calendarCase struct {
	ID, Op, Title string
	In            struct {
		Start       period.Day `json:"start"`
		Count       int        `json:"count"`
		AnchoredDay int        `json:"anchored_day"`
		TrialDays   int        `json:"trial_days"`
		JoinDays    int        `json:"join_days"`
		N           int        `json:"n"`
		Unit        period.Unit
		PeriodFrom  period.Day `json:"period_from"`
		LeadDays    int        `json:"lead_days"`
		RunDay      period.Day `json:"run_day"`
		At          time.Time  `json:"at"`
		Zone        string     `json:"zone"`
		BilledTo    period.Day `json:"billed_to"`
		NewDay      int        `json:"new_day"`
	}
	Out struct {
		AnchorOn     period.Day `json:"anchor_on"`
		AnchorDOM    int        `json:"anchor_dom"`
		Periods      []wantPeriod
		FirstInvoice []int      `json:"first_invoice"`
		LeadDays     int        `json:"lead_days"`
		BillOn       period.Day `json:"bill_on"`
		IssuedOn     period.Day `json:"issued_on"`
		DueOn        period.Day `json:"due_on"`
		Day          period.Day `json:"day"`
		Stub, Next   wantPeriod
	}
}

// TestCalendar runs the cases of the money model's calendar.
func TestCalendar(t *testing.T) {
	text, err := os.ReadFile("testdata/calendar.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []calendarCase
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) != 20 {
		t.Fatalf("%d cases were read", len(cases))
	}
	for _, c := range cases {
		t.Run(c.ID+" "+c.Title, func(t *testing.T) {
			cycle := period.Cycle{N: c.In.N, Unit: c.In.Unit}
			switch c.Op {
			case "periods":
				f := period.Begin{
					Start: c.In.Start, Cycle: cycle, TrialDays: c.In.TrialDays, AnchoredDay: c.In.AnchoredDay, JoinDays: c.In.JoinDays,
				}.First()
				checkSchedule(t, f.Schedule, c)
				got := f.Periods(c.In.Count)
				if len(got) != len(c.Out.Periods) {
					t.Fatalf("%d periods: %v", len(got), got)
				}
				for i, want := range c.Out.Periods {
					checkPeriod(t, got[i], want)
				}
				if c.Out.FirstInvoice != nil {
					var billed []int
					for _, p := range f.Billed {
						billed = append(billed, p.No)
					}
					if !slices.Equal(billed, c.Out.FirstInvoice) {
						t.Errorf("the first invoice bills %v", billed)
					}
				}
			case "dates":
				got := cycle.Renewal(c.In.PeriodFrom, c.In.LeadDays, 0, c.In.RunDay)
				want := period.Dates{BillOn: c.Out.BillOn, IssuedOn: c.Out.IssuedOn, DueOn: c.Out.DueOn}
				if got != want || cycle.Lead(c.In.LeadDays) != c.Out.LeadDays {
					t.Fatalf("got %v, want %v", got, want)
				}
			case "billing_day":
				zone, err := time.LoadLocation(c.In.Zone)
				if err != nil {
					t.Fatal(err)
				}
				if got := period.On(c.In.At, zone); got != c.Out.Day {
					t.Fatal(got)
				}
			case "move":
				s, stub := period.From(c.In.BilledTo.Add(-30), cycle).Move(c.In.BilledTo, c.In.NewDay)
				checkSchedule(t, s, c)
				if stub.From != c.Out.Stub.From || stub.To != c.Out.Stub.To || stub.Days() != c.Out.Stub.Days || stub.Full != c.Out.Stub.FullDays {
					t.Errorf("stub %v", stub)
				}
				if n := s.Term(1); n.From != c.Out.Next.From || n.To != c.Out.Next.To {
					t.Errorf("next %v", n)
				}
			default:
				t.Fatalf("case of an unknown kind %q", c.Op)
			}
		})
	}
}

func checkSchedule(t *testing.T, s period.Schedule, c calendarCase) {
	t.Helper()
	if s.Anchor != c.Out.AnchorOn || s.DOM != c.Out.AnchorDOM {
		t.Errorf("anchor %v on day %d", s.Anchor, s.DOM)
	}
}

func checkPeriod(t *testing.T, got period.Period, want wantPeriod) {
	t.Helper()
	if (wantPeriod{got.No, got.From, got.To, got.Days(), got.Full, got.Kind}) != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// A monthly service from 31 January: over 48 terms it ends on the last day of every month and never
// stays on the 28th.
func TestJanuary31For48Months(t *testing.T) {
	s := period.From(period.Date(2027, time.January, 31), period.Monthly)
	for k := 1; k <= 48; k++ {
		got := s.Term(k)
		end := period.Date(2027, time.January+time.Month(k)+1, 1).Add(-1)
		if got.To != end {
			t.Fatalf("term %d ends on %v, not on %v", k, got.To, end)
		}
		if k > 1 && got.From != s.Term(k-1).To {
			t.Fatalf("a gap before term %d", k)
		}
	}
}

func TestTermsHaveNoGapsAndContainTheirDays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := period.Date(2024, 1, 1).Add(rapid.IntRange(0, 3000).Draw(t, "start"))
		cycle := period.Cycle{
			N:    rapid.IntRange(1, 14).Draw(t, "n"),
			Unit: rapid.SampledFrom([]period.Unit{period.Days, period.Weeks, period.Month, period.Year}).Draw(t, "unit"),
		}
		f := period.Begin{
			Start: start, Cycle: cycle, AnchoredDay: rapid.IntRange(0, 31).Draw(t, "anchored"),
			TrialDays: rapid.SampledFrom([]int{0, 0, 14}).Draw(t, "trial"), JoinDays: rapid.IntRange(0, 10).Draw(t, "join"),
		}.First()
		at := start
		for _, p := range f.Periods(30) {
			if p.From != at || p.Days() < 1 || p.Full < p.Days() {
				t.Fatalf("%+v after %v", p, at)
			}
			if p.Kind == period.Term {
				for _, d := range []period.Day{p.From, p.To.Add(-1)} {
					if got := f.Schedule.TermOf(d); got != p {
						t.Fatalf("%v lies in %+v, not in %+v", d, p, got)
					}
				}
			}
			at = p.To
		}
		if cycle.Unit == period.Days || cycle.Unit == period.Weeks {
			return
		}
		moved, stub := f.Schedule.Move(at, rapid.IntRange(1, 31).Draw(t, "dom"))
		if stub.From != at || stub.Days() < 0 || stub.Days() > max(stub.Full, 31) || moved.Anchor.Before(stub.To) {
			t.Fatalf("moved to %+v over %+v", moved, stub)
		}
	})
}

func TestMoveOfAYearKeepsItsMonth(t *testing.T) {
	s := period.From(period.Date(2027, 3, 10), period.Annually)
	to, stub := s.Move(period.Date(2028, 3, 10), 5)
	if to.Anchor != period.Date(2029, 3, 5) || stub.Days() != 360 || stub.Full != 365 {
		t.Fatalf("%+v %+v", to, stub)
	}
}

func TestOneTimeHasNoNextTerm(t *testing.T) {
	f := period.Begin{Start: period.Date(2027, 5, 1), Cycle: period.OneTime, TrialDays: 14, AnchoredDay: 1}.First()
	if len(f.Before) != 0 || len(f.Billed) != 1 || f.Billed[0].Days() != 0 || f.Billed[0].From != period.Date(2027, 5, 1) {
		t.Fatalf("%+v", f)
	}
	if period.OneTime.Recurs() || !period.OneTime.IsValid() {
		t.Fatal("one-time")
	}
}

func TestATrialIsNotBilledAtOnce(t *testing.T) {
	f := period.Begin{Start: period.Date(2027, 5, 3), Cycle: period.Monthly, TrialDays: 14, AnchoredDay: 1}.First()
	if f.Billed != nil || len(f.Before) != 2 || f.Before[1].Kind != period.Stub {
		t.Fatalf("%+v", f)
	}
}

func TestCycleText(t *testing.T) {
	for _, c := range []period.Cycle{period.OneTime, period.Monthly, period.Biennially, {N: 10, Unit: period.Days}} {
		got, err := period.ParseCycle(c.String())
		if err != nil || got != c {
			t.Errorf("%v: %v, %v", c, got, err)
		}
	}
	for _, text := range []string{"", "month", "0 month", "-1 month", "1 decade", "1 month 2", "01 month", "1 once", "9999 day"} {
		if c, err := period.ParseCycle(text); err == nil {
			t.Errorf("%q was read as %v", text, c)
		}
	}
}
