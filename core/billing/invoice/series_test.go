package invoice_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/sdk/fault"
)

func TestNumberTemplates(t *testing.T) {
	day := period.Date(2027, 5, 9)
	tests := []struct {
		name, template string
		reset          invoice.Reset
		no             int64
		want           string
		refused        error
	}{
		{name: "plain", template: "{N}", reset: invoice.Never, no: 7, want: "7"},
		{name: "at least five digits", template: "INV-{YYYY}-{N:5}", reset: invoice.Yearly, no: 41, want: "INV-2027-00041"},
		{name: "at least five digits may be six", template: "{YY}{N:5}", reset: invoice.Yearly, no: 123456, want: "27123456"},
		{name: "all tokens", template: "{YYYY}/{MM}/{DD}-{N:2!}", reset: invoice.Monthly, no: 99, want: "2027/05/09-99"},
		{name: "exact width is full", template: "{YYYY}/{MM}/{DD}-{N:2!}", reset: invoice.Monthly, no: 100, refused: invoice.ErrSeriesFull},
		{name: "no number", template: "INV-{YYYY}", reset: invoice.Never, refused: invoice.ErrTemplate},
		{name: "two numbers", template: "{N}-{N:2}", reset: invoice.Never, refused: invoice.ErrTemplate},
		{name: "a yearly one without a year", template: "INV-{N}", reset: invoice.Yearly, refused: invoice.ErrTemplate},
		{name: "a monthly one without a month", template: "{YYYY}-{N}", reset: invoice.Monthly, refused: invoice.ErrTemplate},
		{name: "unknown token", template: "{Q}-{N}", reset: invoice.Never, refused: invoice.ErrTemplate},
		{name: "not closed", template: "{N", reset: invoice.Never, refused: invoice.ErrTemplate},
		{name: "closed twice", template: "{N}}", reset: invoice.Never, refused: invoice.ErrTemplate},
		{name: "no width", template: "{N:}", reset: invoice.Never, refused: invoice.ErrTemplate},
		{name: "too wide", template: "{N:13}", reset: invoice.Never, refused: invoice.ErrTemplate},
		{name: "too long", template: "a-prefix-that-is-far-too-long-for-us-{N}", reset: invoice.Never, refused: invoice.ErrTemplate},
		{name: "a space", template: "INV {N}", reset: invoice.Never, refused: invoice.ErrTemplate},
		{name: "unknown reset", template: "{N}", reset: "week", refused: invoice.ErrTemplate},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n, err := invoice.ParseNumbering(tt.template, tt.reset)
			var got string
			if err == nil {
				got, err = n.Format(day, tt.no)
			}
			if !errors.Is(err, tt.refused) || got != tt.want {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

// TestNumberCases issues real documents, so that the counters are tested and not a copy of them.
func TestNumberCases(t *testing.T) {
	for _, c := range cases(t, "numbers", 2) {
		t.Run(c.ID+" "+c.Title, func(t *testing.T) {
			dbtest.Each(t, func(t *testing.T, d *db.DB) {
				var in struct {
					Template string
					Reset    invoice.Reset
					IssuedOn []period.Day `json:"issued_on"`
					Next     map[string]int64
				}
				var want struct {
					Numbers []json.RawMessage
					Next    map[string]int64
				}
				read(t, c.In, &in)
				read(t, c.Out, &want)
				ctx, s := context.Background(), service(d)
				first := invoice.NewSeries{Kind: invoice.SeriesInvoice, Numbering: invoice.Numbering{Template: in.Template, Reset: in.Reset}, From: in.IssuedOn[0]}
				for _, n := range in.Next {
					first.Start = n
				}
				ser, err := s.BeginSeries(ctx, first)
				if err != nil {
					t.Fatal(err)
				}
				for i, day := range in.IssuedOn {
					draft := draft(ids.New[ids.Customer](), 1000)
					draft.Issued, draft.Due = day, day
					set, err := s.IssueSet(ctx, []invoice.Draft{draft})
					var got any
					if f := fault.Of(err); f != nil {
						got = map[string]string{"refused": f.Code}
					} else if err != nil {
						t.Fatal(err)
					} else {
						got = set[0].Number
					}
					if text, _ := json.Marshal(got); !sameJSON(t, text, want.Numbers[i]) {
						t.Errorf("%s: %s, not %s", day, text, want.Numbers[i])
					}
				}
				next := map[string]int64{}
				for _, row := range texts(t, d, "SELECT CONCAT(bucket, ' ', next_no) FROM number_counters WHERE series_id = ? AND next_no > 1", string(ser.ID)) {
					var bucket string
					var n int64
					if _, err := fmt.Sscan(row, &bucket, &n); err != nil {
						t.Fatal(err)
					}
					next[bucket] = n
				}
				if !reflect.DeepEqual(next, want.Next) {
					t.Errorf("next %v, not %v", next, want.Next)
				}
				sound(t, s)
			})
		})
	}
}

func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	var x, y any
	read(t, a, &x)
	read(t, b, &y)
	return reflect.DeepEqual(x, y)
}

func TestBlocksOfASetOverTwoYears(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := service(d)
		var set []invoice.Draft
		for _, day := range []period.Day{period.Date(2028, 1, 1), period.Date(2027, 12, 31), period.Date(2027, 12, 30), period.Date(2027, 12, 31)} {
			one := draft(ids.New[ids.Customer](), 500)
			one.Issued, one.Due = day, day
			set = append(set, one)
		}
		var got []string
		for _, inv := range issue(t, s, set...) {
			got = append(got, inv.Number)
		}
		if want := []string{"INV-2028-000001", "INV-2027-000002", "INV-2027-000001", "INV-2027-000003"}; !reflect.DeepEqual(got, want) {
			t.Fatalf("%q, not %q", got, want)
		}
		sound(t, s)
	})
}

func TestANewSeriesTakesOver(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, s, other := context.Background(), service(d), service(d) // other: a second process that remembers the old series
		cus := ids.New[ids.Customer]()
		issue(t, s, draft(cus, 100), draft(cus, 100))
		issue(t, other, draft(cus, 100))
		begin := func(template string, start int64, from period.Day) error {
			_, err := s.BeginSeries(ctx, invoice.NewSeries{Kind: invoice.SeriesInvoice, Numbering: invoice.Numbering{Template: template, Reset: invoice.Yearly}, From: from, Start: start})
			return err
		}
		if err := begin("INV-{YYYY}-{N:6}", 3, today); !errors.Is(err, invoice.ErrTemplate) {
			t.Fatalf("a number would be given twice: %v", err)
		}
		if err := begin("B{YY}-{N}", 1, today.Add(-1)); !errors.Is(err, invoice.ErrDateBefore) {
			t.Fatalf("days go back: %v", err)
		}
		if err := begin("B{YY}-{N}", 1, today); err != nil {
			t.Fatal(err)
		}
		if got := issue(t, other, draft(cus, 100))[0].Number; got != "B27-1" {
			t.Fatalf("the other process gave %s", got)
		}
		if err := begin("INV-{YYYY}-{N:6}", 3, today); !errors.Is(err, invoice.ErrTemplate) {
			t.Fatalf("a number of two series ago would be given twice: %v", err)
		}
		if err := begin("INV-{YYYY}-{N:6}", 100, today); err != nil {
			t.Fatal(err)
		}
		if got := issue(t, s, draft(cus, 100))[0].Number; got != "INV-2027-000100" {
			t.Fatalf("raised start gave %s", got)
		}
		sound(t, s)
	})
}
