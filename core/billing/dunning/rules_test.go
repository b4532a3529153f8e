package dunning_test

import (
	"strings"
	"testing"

	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/dunning"
	"github.com/ezscale/bursar/sdk/fault"
)

// due is day 0 of the stories below.
var due = period.Date(2027, 3, 31)

func days(from, to int) [2]period.Day { return [2]period.Day{due.Add(from), due.Add(to)} }

func without(change func(*dunning.Ladder)) *dunning.Ladder {
	l := dunning.Default()
	change(&l)
	return &l
}

func TestRules(t *testing.T) {
	no := false
	tests := []struct {
		name string
		in   story
		want string // day and month, then what was seen
	}{
		{"issued on the day of its first notice", story{Issued: due.Add(-7), Until: due.Add(-1)}, "03-24 upcoming"},
		{"issued after it", story{Issued: due.Add(-6), Until: due.Add(-1)}, ""},
		{"the announcement is not sent on the due day", story{Issued: due.Add(-14), Until: due, Off: [][2]period.Day{days(-10, -1)}, SavedMethod: &no}, ""},
		{"the announcement a day late", story{Issued: due.Add(-14), Until: due, Off: [][2]period.Day{days(-10, -2)}, SavedMethod: &no}, "03-30 upcoming"},
		{"of the charges that were missed one is made", story{Issued: due, Until: due.Add(4), Off: [][2]period.Day{days(0, 3)}, Declines: []string{"ok"}},
			"04-04 skip_charge, 04-04 skip_charge, 04-04 charge ok, 04-04 closed"},
		{"a hold on charges", story{Issued: due, Until: due.Add(3), Holds: []hold{{"charge", due, due.Add(2)}}},
			"04-01 overdue1, 04-03 skip_charge, 04-03 skip_charge, 04-03 charge soft, 04-03 overdue2"},
		{"a hold on reminders keeps the suspension waiting", story{Issued: due, Until: due.Add(12), SavedMethod: &no, Holds: []hold{{"remind", due, due.Add(9)}}},
			"04-10 skip_overdue1, 04-10 skip_overdue2, 04-10 final, 04-12 suspend"},
		{"a hold on everything", story{Issued: due, Until: due.Add(92), Holds: []hold{{"all", due, due.Add(91)}}, SavedMethod: &no, Ladder: without(func(l *dunning.Ladder) { l.SuspendAfter, l.TerminateAfter = 0, 0 })},
			"07-01 skip_overdue1, 07-01 skip_overdue2, 07-01 final, 07-01 give_up"},
		{"a hold without an end", story{Issued: due, Until: due.Add(60), SavedMethod: &no, Holds: []hold{{"suspend", due, period.Day{}}}}, "04-01 overdue1, 04-03 overdue2, 04-05 final"},
		{"a hold on termination", story{Issued: due, Until: due.Add(41), SavedMethod: &no, Holds: []hold{{"terminate", due, due.Add(39)}}},
			"04-01 overdue1, 04-03 overdue2, 04-05 final, 04-07 suspend, 04-23 ending, 05-10 terminate"},
		{"termination waits for its warning", story{Issued: due, Until: due.Add(45), SavedMethod: &no, Off: [][2]period.Day{days(20, 35)}},
			"04-01 overdue1, 04-03 overdue2, 04-05 final, 04-07 suspend, 05-06 ending, 05-08 terminate"},
		{"one that needs the customer is not charged again", story{Issued: due, Until: due.Add(6), Declines: []string{"auth"}}, "03-31 charge auth, 04-01 overdue1, 04-03 overdue2, 04-05 final"},
		{"a method saved on a day of the ladder is charged once that day", story{Issued: due, Until: due.Add(3), NewMethodOn: []period.Day{due.Add(1)}},
			"03-31 charge soft, 04-01 charge soft, 04-01 overdue1, 04-03 charge soft, 04-03 overdue2"},
		{"a method saved before the due day waits for it", story{Issued: due.Add(-3), Until: due, NewMethodOn: []period.Day{due.Add(-2)}}, "03-31 charge soft"},
		{"a method saved while the run is off is charged when it is back", story{Issued: due, Until: due.Add(4), SavedMethod: &no, NewMethodOn: []period.Day{due.Add(2)}, Off: [][2]period.Day{days(1, 3)}, Declines: []string{"ok"}},
			"04-04 charge ok, 04-04 closed"},
		{"a method saved after the last attempt is charged all the same", story{Issued: due, Until: due.Add(9), NewMethodOn: []period.Day{due.Add(9)}, Declines: []string{"soft", "soft", "soft", "soft", "ok"}},
			"03-31 charge soft, 04-01 charge soft, 04-01 overdue1, 04-03 charge soft, 04-03 overdue2, 04-05 final, 04-06 charge soft, 04-07 suspend, 04-09 charge ok, 04-09 closed"},
		{"no more attempts than the ladder has", story{Issued: due, Until: due.Add(6), Ladder: without(func(l *dunning.Ladder) { l.MaxAttempts = 2; l.Notices = nil })}, "03-31 charge soft, 04-01 charge soft"},
		{"a gateway that did nothing made no attempt", story{Issued: due, Until: due.Add(6), Declines: []string{"unavailable"}, Ladder: without(func(l *dunning.Ladder) { l.MaxAttempts = 2; l.Notices = nil })},
			"03-31 charge unavailable, 04-01 charge soft, 04-03 charge soft"},
		{"no final notice, no suspension", story{Issued: due, Until: due.Add(60), SavedMethod: &no, Ladder: without(func(l *dunning.Ladder) { l.Notices = l.Notices[:3] })}, "04-01 overdue1, 04-03 overdue2"},
		{"no notice once suspended", story{Issued: due, Until: due.Add(9), SavedMethod: &no, Ladder: without(func(l *dunning.Ladder) { l.Notices = append(l.Notices, dunning.Notice{Name: "late", Offset: 8}) })},
			"04-01 overdue1, 04-03 overdue2, 04-05 final, 04-07 suspend"},
		{"the empty ladder", story{Issued: due.Add(-14), Until: due.Add(200), Ladder: &dunning.Ladder{}}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.in.Due = due
			var seen []string
			for _, line := range tt.in.run() {
				seen = append(seen, line[0][5:]+" "+strings.Join(line[1:], " "))
			}
			if got := strings.Join(seen, ", "); got != tt.want {
				t.Errorf("have %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestWhatIsTakenIsNotDueAgain(t *testing.T) {
	state := dunning.State{Issued: due.Add(-14), Due: due, Steps: map[string]dunning.Taken{}, Chargeable: true, Suspendable: true}
	today := due.Add(120)
	for _, step := range dunning.Default().Due(state, today) {
		state.Steps[step.Name] = dunning.Taken{Result: step.Result, On: today}
	}
	if again := dunning.Default().Due(state, today); len(again) != 0 {
		t.Errorf("%+v", again)
	}
}

func TestAnInvoiceWithoutAServiceSuspendsNothing(t *testing.T) {
	state := dunning.State{Issued: due, Due: due, Steps: map[string]dunning.Taken{dunning.Final: {Result: dunning.Done, On: due.Add(5)}}}
	for _, step := range dunning.Default().Due(state, due.Add(20)) {
		if step.Kind == dunning.SuspendKind {
			t.Error("suspended")
		}
	}
}

func TestNoticesNameTheDaysThatFollow(t *testing.T) {
	l := dunning.Default()
	for _, tt := range []struct{ got, want period.Day }{
		{l.SuspendOn(due, due.Add(5)), due.Add(7)}, {l.SuspendOn(due, due.Add(7)), due.Add(9)},
		{l.TerminateOn(due.Add(7), due.Add(23)), due.Add(30)}, {l.TerminateOn(due.Add(7), due.Add(40)), due.Add(42)},
	} {
		if tt.got != tt.want {
			t.Errorf("%s, want %s", tt.got, tt.want)
		}
	}
	if l.Earliest() != -7 {
		t.Error(l.Earliest())
	}
}

func TestCheck(t *testing.T) {
	tests := []struct {
		name   string
		change func(*dunning.Ladder)
		field  string // "": it is good
	}{
		{"the default", func(*dunning.Ladder) {}, ""},
		{"nothing at all", func(l *dunning.Ladder) { *l = dunning.Ladder{} }, ""},
		{"notices only", func(l *dunning.Ladder) { l.SuspendAfter, l.TerminateAfter, l.Charges = 0, 0, nil }, ""},
		{"a notice twice", func(l *dunning.Ladder) { l.Notices[1].Name = "overdue2" }, "notices"},
		{"a notice with the name of a step", func(l *dunning.Ladder) { l.Notices[1].Name = "suspend" }, "notices"},
		{"a notice that reads as a charge", func(l *dunning.Ladder) { l.Notices[1].Name = "charge_me" }, "notices"},
		{"a name that does not fit", func(l *dunning.Ladder) { l.Notices[1].Name = strings.Repeat("a", 21) }, "notices"},
		{"a name for no file", func(l *dunning.Ladder) { l.Notices[1].Name = "../x" }, "notices"},
		{"notices out of order", func(l *dunning.Ladder) { l.Notices[1].Offset = 4 }, "notices"},
		{"a final notice after the suspension", func(l *dunning.Ladder) { l.SuspendAfter = 4 }, "notices"},
		{"a suspension without a final notice", func(l *dunning.Ladder) { l.Notices = l.Notices[:3] }, "notices"},
		{"a day of charges twice", func(l *dunning.Ladder) { l.Charges = []int{0, 1, 1} }, "charges"},
		{"charges before it is due", func(l *dunning.Ladder) { l.Charges = []int{-1, 1} }, "charges"},
		{"termination without suspension", func(l *dunning.Ladder) { l.SuspendAfter = 0 }, "terminate_after"},
		{"the last warning before the suspension", func(l *dunning.Ladder) { l.EndingBefore = 24 }, "ending_before"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := dunning.Default()
			tt.change(&l)
			err := l.Check()
			field := ""
			if f := fault.Of(err); f != nil {
				field = f.Field
			}
			if field != tt.field || (err == nil) != (tt.field == "") {
				t.Error(err)
			}
		})
	}
}
