package dunning_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"slices"
	"testing"

	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/dunning"
)

// story is the input of a case: what happens to one invoice.
type story struct {
	Issued      period.Day      `json:"issued_on"`
	Due         period.Day      `json:"due_on"`
	Until       period.Day      `json:"until"`
	Ladder      *dunning.Ladder `json:"ladder"`
	Off         [][2]period.Day `json:"off"`
	Holds       []hold          `json:"holds"`
	Declines    []string        `json:"declines"` // in turn; after them "soft"
	NewMethodOn []period.Day    `json:"new_method_on"`
	SavedMethod *bool           `json:"saved_method"`
	PaidOn      period.Day      `json:"paid_on"`
	OtherCause  bool            `json:"other_cause"`
}

type hold struct {
	What  string     `json:"what"`
	From  period.Day `json:"from"`
	Until period.Day `json:"until"`
}

func (s story) off(day period.Day) bool {
	return slices.ContainsFunc(s.Off, func(r [2]period.Day) bool { return !day.Before(r[0]) && !day.After(r[1]) })
}

// run plays a story day by day through Ladder.Due, as a billing run would, and answers what could be seen of it.
func (s story) run() (timeline [][]string) {
	ladder := dunning.Default()
	if s.Ladder != nil {
		ladder = *s.Ladder
	}
	state := dunning.State{Issued: s.Issued, Due: s.Due, Steps: map[string]dunning.Taken{}, Suspendable: true}
	state.Chargeable = s.SavedMethod == nil || *s.SavedMethod
	for _, h := range s.Holds {
		state.Holds = append(state.Holds, dunning.Hold{What: h.What, From: h.From, Until: h.Until})
	}
	charges := 0
	for day := s.Issued; !day.After(s.Until); day = day.Add(1) {
		see := func(what ...string) { timeline = append(timeline, append([]string{day.String()}, what...)) }
		if slices.Contains(s.NewMethodOn, day) {
			state.Chargeable, state.NewMethodOn = true, day
		}
		if day == s.PaidOn {
			_, down := state.Steps[dunning.Suspend]
			_, gone := state.Steps[dunning.Terminate]
			if down && !gone && s.OtherCause {
				see("stay_suspended")
			} else if down && !gone {
				see("resume")
			}
			see("closed")
			return timeline
		}
		if s.off(day) {
			continue
		}
		for _, step := range ladder.Due(state, day) {
			name, result := step.Name, step.Result
			if step.Kind == dunning.ChargeKind {
				name = "charge"
			}
			if _, twice := state.Steps[step.Name]; twice {
				see("twice_" + step.Name)
			}
			switch {
			case result == dunning.Skipped:
				see("skip_" + name)
			case result == dunning.Done && step.Kind == dunning.ChargeKind:
				result = "soft"
				if charges < len(s.Declines) {
					result = dunning.Result(s.Declines[charges])
				}
				charges++
				see("charge", string(result))
				if result == "hard" || result == "auth" {
					state.Chargeable = false
				}
			case result == dunning.Done:
				see(name)
			}
			state.Steps[step.Name] = dunning.Taken{Result: result, On: day}
			if result == "ok" {
				see("closed")
				return timeline
			}
		}
	}
	return timeline
}

type moneyCase struct {
	ID, Op, Title string
	In, Out       json.RawMessage
}

func TestCases(t *testing.T) {
	text, err := os.ReadFile("testdata/money-cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []moneyCase }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	file.Cases = slices.DeleteFunc(file.Cases, func(c moneyCase) bool { return c.Op != "dunning" })
	if len(file.Cases) < 5 {
		t.Fatalf("only %d cases were read", len(file.Cases))
	}
	for _, c := range file.Cases {
		t.Run(c.ID+" "+c.Title, func(t *testing.T) {
			var in story
			var out struct{ Timeline [][]string }
			strict := json.NewDecoder(bytes.NewReader(c.In))
			strict.DisallowUnknownFields()
			if err := errors.Join(strict.Decode(&in), json.Unmarshal(c.Out, &out)); err != nil {
				t.Fatal(err)
			}
			if got := in.run(); !reflect.DeepEqual(got, out.Timeline) {
				t.Errorf("have %v\nwant %v", got, out.Timeline)
			}
		})
	}
}
