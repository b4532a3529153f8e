package period_test

import (
	"encoding/json"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/ezscale/bursar/core/base/period"
)

func TestDayText(t *testing.T) {
	for text, want := range map[string]period.Day{
		"2027-01-31": period.Date(2027, 1, 31),
		"2028-02-29": period.Date(2028, 2, 29),
		"0001-01-01": period.Date(1, 1, 1),
		"":           {},
	} {
		got, err := period.ParseDay(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"2027-02-29", "2027-1-31", "31.01.2027", "2027-01-31T00:00:00Z", "0000-01-01", "x"} {
		if d, err := period.ParseDay(text); err == nil {
			t.Errorf("%q was read as %v", text, d)
		}
	}
}

func TestDayJSON(t *testing.T) {
	type page struct {
		A, B period.Day
		M    map[period.Day]int
	}
	in := page{A: period.Date(2027, 1, 31), M: map[period.Day]int{period.Date(2027, 2, 1): 1}}
	text, err := json.Marshal(in)
	if err != nil || string(text) != `{"A":"2027-01-31","B":null,"M":{"2027-02-01":1}}` {
		t.Fatalf("%s, %v", text, err)
	}
	var out page
	if err := json.Unmarshal(text, &out); err != nil || out.A != in.A || out.B != in.B || out.M[period.Date(2027, 2, 1)] != 1 {
		t.Fatalf("%+v, %v", out, err)
	}
	for _, bad := range []string{`{"A":5}`, `{"A":"x"}`, `{"A":{}}`} {
		if err := json.Unmarshal([]byte(bad), &out); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}

func TestDayColumns(t *testing.T) {
	want := period.Date(2027, 1, 31)
	for _, from := range []any{"2027-01-31", []byte("2027-01-31"), time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)} {
		var d period.Day
		if err := d.Scan(from); err != nil || d != want {
			t.Errorf("%T: %v, %v", from, d, err)
		}
	}
	d := want
	if err := d.Scan(nil); err != nil || !d.IsZero() {
		t.Error(d, err)
	}
	if err := d.Scan(int64(5)); err == nil {
		t.Error("a number was read as a day")
	}
	if v, _ := want.Value(); v != "2027-01-31" {
		t.Error(v)
	}
	if v, _ := (period.Day{}).Value(); v != nil {
		t.Error(v)
	}
}

func TestDayArithmetic(t *testing.T) {
	d := period.Date(2027, 12, 31)
	if d.Add(1) != period.Date(2028, 1, 1) || d.Add(-365) != period.Date(2026, 12, 31) || d.Add(1).Since(d) != 1 {
		t.Error("add")
	}
	if !(period.Day{}).Add(5).IsZero() || !(period.Day{}).Before(d) || d.Compare(d.Add(1)) != -1 || d.Compare(d) != 0 {
		t.Error("order")
	}
	if d.Weekday() != time.Friday || d.Format("2 January 2006") != "31 December 2027" || (period.Day{}).Format("2006") != "" {
		t.Error("print")
	}
	if period.Latest(d, d.Add(2), d.Add(1)) != d.Add(2) || !period.Latest().IsZero() {
		t.Error("latest")
	}
}

// Clocks change at midnight in some zones, and Samoa once left out a whole day.
func TestStartIsTheFirstInstantOfTheDay(t *testing.T) {
	tests := []struct {
		zone string
		day  period.Day
	}{
		{"UTC", period.Date(2027, 3, 28)},
		{"Europe/Warsaw", period.Date(2027, 3, 28)},
		{"Asia/Beirut", period.Date(2024, 3, 31)},      // midnight is skipped
		{"America/Havana", period.Date(2024, 11, 3)},   // midnight comes twice
		{"Atlantic/Azores", period.Date(2024, 10, 27)}, // midnight comes twice
		{"America/Asuncion", period.Date(2023, 10, 1)},
		{"Australia/Lord_Howe", period.Date(2024, 10, 6)},
		{"Asia/Kathmandu", period.Date(2024, 1, 1)},
		{"Pacific/Kiritimati", period.Date(2024, 1, 1)},
		{"Pacific/Apia", period.Date(2011, 12, 31)},
	}
	for _, tt := range tests {
		t.Run(tt.zone, func(t *testing.T) {
			zone, err := time.LoadLocation(tt.zone)
			if err != nil {
				t.Fatal(err)
			}
			start := tt.day.Start(zone)
			if period.On(start, zone) != tt.day {
				t.Errorf("%v lies on %v", start, period.On(start, zone))
			}
			if before := start.Add(-1); !period.On(before, zone).Before(tt.day) {
				t.Errorf("%v is earlier, on the same day", before.In(zone))
			}
		})
	}
}
