package pluginhost

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/sdk/fault"
)

func TestLifeOfAProgram(t *testing.T) {
	if err := life.Check(Off); err != nil {
		t.Fatal(err)
	}
	may := map[State]map[Act]State{
		Off:         {start: Starting, refuse: Failed},
		Starting:    {answer: Healthy, lose: Restarting, refuse: Failed, switchOff: Off},
		Healthy:     {lose: Restarting, switchOff: Off},
		Restarting:  {answer: Healthy, lose: Restarting, refuse: Failed, quarantine: Quarantined, switchOff: Off},
		Failed:      {switchOff: Off},
		Quarantined: {switchOff: Off},
	}
	life.Walk(func(s State, a Act, next State, ok bool) {
		if want, allowed := may[s][a]; ok != allowed || ok && next != want {
			t.Errorf("%s while %s: %v %s", a, s, ok, next)
		}
	})
}

const someCall = "/bursar.panel.v1.Panel/Create"

func TestWhatOpensABreaker(t *testing.T) {
	tests := []struct {
		name   string
		method string
		err    error
		opens  bool
	}{
		{"success", someCall, nil, false},
		{"a vendor that is down", someCall, fault.New(fault.Unavailable, "down", ""), true},
		{"doubt", someCall, fault.New(fault.Unknown, "plugin_too_slow", ""), true},
		{"a bug", someCall, fault.New(fault.Internal, "unclassified", ""), true},
		{"credentials that are refused", someCall, fault.New(fault.Forbidden, "no_rights", ""), true},
		{"an answer of the trade", someCall, fault.New(fault.Declined, "out_of_stock", ""), false},
		{"what is not there", someCall, fault.New(fault.NotFound, "no_account", ""), false},
		{"a vendor that names its time", someCall, fault.New(fault.Unavailable, "busy", "").Retry(time.Minute), false},
		{"a forged webhook", "/bursar.gateway.v1.Gateway/Receive", fault.New(fault.Forbidden, "forged", ""), false},
		{"a caller who went away", someCall, fault.New(fault.Unavailable, "interrupted", "").Because(context.Canceled), false},
		{"a deadline that the plugin saw pass", someCall, fault.New(fault.Unknown, "interrupted", "").Because(errors.New("context deadline exceeded")), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := &breaker{clock: clock.At(noon)}
			for range breakerFailures {
				done, err := b.enter(tt.method)
				if err != nil {
					t.Fatal(err)
				}
				done(tt.err)
			}
			if _, open := b.open(); open != tt.opens {
				t.Errorf("open %v, want %v", open, tt.opens)
			}
		})
	}
}

func TestABreakerLetsOneCallTryAndWaitsLongerEachTime(t *testing.T) {
	c := clock.At(noon)
	b := &breaker{clock: c}
	down := fault.New(fault.Unavailable, "down", "")
	call := func(result error) error {
		done, err := b.enter(someCall)
		if err == nil {
			done(result)
		}
		return err
	}
	late, err := b.enter(someCall)
	if err != nil {
		t.Fatal(err)
	}
	for range breakerFailures {
		if err := call(down); err != nil {
			t.Fatal(err)
		}
	}
	late(down) // sent before it opened: the wait stays
	for _, wait := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 5 * time.Minute, 5 * time.Minute} {
		c.Add(wait - time.Microsecond)
		wantFault(t, call(nil), fault.Unavailable, "breaker_open")
		c.Add(time.Microsecond)
		trial, err := b.enter(someCall)
		if err != nil {
			t.Fatalf("after %s: %v", wait, err)
		}
		wantFault(t, call(nil), fault.Unavailable, "breaker_open") // one at a time
		trial(down)
	}
	look, err := b.enter("/bursar.plugin.v1.Plugin/Check")
	if err != nil {
		t.Fatalf("staff may not look: %v", err)
	}
	look(nil)
	if err := call(nil); err != nil {
		t.Errorf("after a good check: %v", err)
	}
}

func TestCallsAreCountedByMethod(t *testing.T) {
	var s stats
	for n := range 98 {
		s.add("State", time.Duration(n%2)*time.Millisecond, nil)
	}
	s.add("State", 3*time.Second, errors.New("slow"))
	s.add("State", time.Hour, nil)
	s.add("Create", 40*time.Millisecond, nil)
	list := s.list()
	want := []Calls{{"Create", 1, 0, 50 * time.Millisecond, 50 * time.Millisecond}, {"State", 100, 1, time.Millisecond, 5 * time.Second}}
	if len(list) != 2 || list[0] != want[0] || list[1] != want[1] {
		t.Errorf("have %v, want %v", list, want)
	}
}
