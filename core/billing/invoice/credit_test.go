package invoice_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/base/states"
	"github.com/ezscale/bursar/core/billing/invoice"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
)

// lineOf is the first line of an invoice as it is now.
func lineOf(t *testing.T, s *invoice.Service, id ids.Invoice) invoice.Line {
	t.Helper()
	lines, err := s.Lines(context.Background(), []ids.Invoice{id})
	if err != nil {
		t.Fatal(err)
	}
	return lines[id][0]
}

func TestCreditCases(t *testing.T) {
	type credited struct {
		Net     int64  `json:"net_minor"`
		Tax     int64  `json:"tax_minor"`
		Total   int64  `json:"total_minor"`
		Refused string `json:"refused"`
		Left    int64  `json:"left_minor"`
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, s := context.Background(), service(d)
		for _, c := range cases(t, "credit", 2) {
			t.Run(c.ID+" "+c.Title, func(t *testing.T) {
				var in struct {
					Net     int64 `json:"net_minor"`
					Tax     int64 `json:"tax_minor"`
					Credits []int64
				}
				var want struct {
					Credits []credited
					LeftNet int64 `json:"left_net_minor"`
					LeftTax int64 `json:"left_tax_minor"`
				}
				read(t, c.In, &in)
				read(t, c.Out, &want)
				one := draft(ids.New[ids.Customer](), in.Net)
				one.Lines[0].Tax, one.Taxes[0].Tax, one.Tax, one.Total = in.Tax, in.Tax, in.Tax, in.Net+in.Tax
				inv := issue(t, s, one)[0]
				if _, err := s.Apply(ctx, inv.ID, inv.Total); err != nil {
					t.Fatal(err)
				}
				line := lineOf(t, s, inv.ID)
				for i, net := range in.Credits {
					note, out, err := s.Credit(ctx, invoice.CreditDraft{Invoice: inv.ID, CauseKey: fmt.Sprintf("%s:%d", c.ID, i), Day: today, Lines: []invoice.CreditLine{{Line: line.ID, Net: net}}})
					got := credited{Net: note.Net, Tax: note.Tax, Total: note.Total}
					if errors.Is(err, invoice.ErrAboveLine) {
						now := lineOf(t, s, inv.ID)
						got = credited{Refused: "above_line", Left: now.Net - now.Credited}
					} else if err != nil {
						t.Fatal(err)
					} else if out.ToBalance != note.Total || out.Lines[0].Tax != note.Tax || out.Taxes[0].Tax != note.Tax || out.Taxes[0].Base != net {
						t.Errorf("credit %d went %+v", i, out)
					}
					if got != want.Credits[i] {
						t.Errorf("credit %d: %+v, not %+v", i, got, want.Credits[i])
					}
				}
				line = lineOf(t, s, inv.ID)
				if line.Net-line.Credited != want.LeftNet || line.Tax-line.CreditedTax != want.LeftTax {
					t.Errorf("left %d + %d", line.Net-line.Credited, line.Tax-line.CreditedTax)
				}
			})
		}
		sound(t, s)
	})
}

func TestCreditIsNeverAboveNetUnderParallelCredits(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, s := context.Background(), service(d)
		inv := issue(t, s, draft(ids.New[ids.Customer](), 1000))[0]
		if _, err := s.Apply(ctx, inv.ID, 500); err != nil {
			t.Fatal(err)
		}
		line := lineOf(t, s, inv.ID)
		var wg sync.WaitGroup
		var done, balance atomic.Int64
		for i := range 8 {
			wg.Go(func() {
				_, out, err := s.Credit(ctx, invoice.CreditDraft{Invoice: inv.ID, CauseKey: fmt.Sprintf("change:%d", i), Day: today, Lines: []invoice.CreditLine{{Line: line.ID, Net: 300}}})
				if err == nil {
					done.Add(1)
					balance.Add(out.ToBalance)
				} else if !errors.Is(err, invoice.ErrAboveLine) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		got, line := get(t, s, inv.ID), lineOf(t, s, inv.ID)
		// 1080 of 1200 are credited: 700 were open, 380 of the 500 paid are the customer's.
		if done.Load() != 3 || line.Credited != 900 || line.CreditedTax != 180 || balance.Load() != 380 || got.Paid != 120 || got.Credited != 1080 || got.Status != invoice.Paid {
			t.Fatalf("%d credits, %d to the balance, line %+v, invoice %+v", done.Load(), balance.Load(), line, got)
		}
		if n := texts(t, d, "SELECT number FROM credit_notes ORDER BY number_no"); !slices.Equal(n, []string{"CN-2027-000001", "CN-2027-000002", "CN-2027-000003"}) {
			t.Fatalf("numbers %q", n)
		}
		sound(t, s)
	})
}

func TestACauseHasOneCreditNote(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, s := context.Background(), service(d)
		inv := issue(t, s, draft(ids.New[ids.Customer](), 1000))[0]
		ask := invoice.CreditDraft{Invoice: inv.ID, CauseKey: "staff:abc", Reason: "Goodwill for the outage of last week, as agreed", Day: today, Lines: []invoice.CreditLine{{Line: lineOf(t, s, inv.ID).ID, Net: 100}}}
		note, _, err := s.Credit(ctx, ask)
		if err != nil || note.Reason != "Goodwill for the outage of last week, as" {
			t.Fatalf("%+v, %v", note, err)
		}
		if _, _, err := s.Credit(ctx, ask); !errors.Is(err, invoice.ErrCredited) {
			t.Fatalf("credited twice: %v", err)
		}
		again, err := s.CreditNoteOf(ctx, "staff:abc")
		if err != nil || !reflect.DeepEqual(again, note) {
			t.Fatalf("%+v\nnot %+v, %v", again, note, err)
		}
		if inv := get(t, s, inv.ID); inv.Credited != 120 || inv.Open() != 1080 || inv.Status != invoice.Opened {
			t.Fatalf("%+v", inv)
		}
	})
}

func TestWhatCannotBeCredited(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, s, cus := context.Background(), service(d), ids.New[ids.Customer]()
		inv, other := issue(t, s, draft(cus, 1000))[0], issue(t, s, draft(cus, 1000))[0]
		line := lineOf(t, s, inv.ID)
		offer := draft(cus, 500)
		if _, err := s.Offer(ctx, &offer); err != nil {
			t.Fatal(err)
		}
		good := func() invoice.CreditDraft {
			return invoice.CreditDraft{Invoice: inv.ID, CauseKey: "change:1", Day: today, Lines: []invoice.CreditLine{{Line: line.ID, Net: 100, FromDeferred: 50, From: today.Add(10), To: today.Add(31)}}}
		}
		tests := []struct {
			name  string
			spoil func(*invoice.CreditDraft)
			err   error
		}{
			{"a unit too much", func(d *invoice.CreditDraft) { d.Lines[0].Net = 1001 }, invoice.ErrAboveLine},
			{"too much in two parts", func(d *invoice.CreditDraft) {
				d.Lines = []invoice.CreditLine{{Line: line.ID, Net: 600}, {Line: line.ID, Net: 401}}
			}, invoice.ErrAboveLine},
			{"nothing", func(d *invoice.CreditDraft) { d.Lines[0].Net, d.Lines[0].FromDeferred = 0, 0 }, invoice.ErrAboveLine},
			{"less than nothing", func(d *invoice.CreditDraft) { d.Lines[0].Net, d.Lines[0].FromDeferred = -1, 0 }, invoice.ErrAboveLine},
			{"no lines", func(d *invoice.CreditDraft) { d.Lines = nil }, invoice.ErrAmount},
			{"a line of another invoice", func(d *invoice.CreditDraft) { d.Lines[0].Line = lineOf(t, s, other.ID).ID }, invoice.ErrAboveLine},
			{"more deferred than credited", func(d *invoice.CreditDraft) { d.Lines[0].FromDeferred = 101 }, invoice.ErrAmount},
			{"days beyond the period", func(d *invoice.CreditDraft) { d.Lines[0].To = today.Add(32) }, invoice.ErrAmount},
			{"no cause", func(d *invoice.CreditDraft) { d.CauseKey = "" }, invoice.ErrAmount},
			{"before it was issued", func(d *invoice.CreditDraft) { d.Day = today.Add(-1) }, invoice.ErrAmount},
			{"a pro-forma", func(d *invoice.CreditDraft) { d.Invoice = offer.ID; d.Lines[0].Line = offer.Lines[0].ID }, states.ErrRefused},
			{"nobody's", func(d *invoice.CreditDraft) { d.Invoice = ids.New[ids.Invoice]() }, invoice.ErrNotFound},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				bad := good()
				tt.spoil(&bad)
				if _, _, err := s.Credit(ctx, bad); !errors.Is(err, tt.err) {
					t.Errorf("%v", err)
				}
			})
		}
		if _, _, err := s.Credit(ctx, good()); err != nil {
			t.Fatal(err)
		}
		if l := lineOf(t, s, inv.ID); l.LiveTo != today.Add(10) || l.Credited != 100 {
			t.Fatalf("%+v", l)
		}
		if n := texts(t, d, "SELECT COUNT(*) FROM credit_notes")[0]; n != "1" {
			t.Fatalf("%s notes", n)
		}
		sound(t, s)
	})
}

func TestTaxGoesBackByItsParts(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, s := context.Background(), service(d)
		one := draft(ids.New[ids.Customer](), 1000, 995)
		one.Lines[0].Tax, one.Lines[1].Tax = 124, 123
		one.Taxes = []invoice.Tax{
			{Group: "std", Code: "GST", Category: "S", RatePPM: 50_000, Base: 1995, Tax: 100},
			{Group: "std", Code: "PST", Category: "S", RatePPM: 70_000, Compound: true, Base: 1995, Tax: 147},
		}
		one.Tax, one.Rounding = 247, -2
		one.Total = 1995 + 247 - 2
		inv := issue(t, s, one)[0]
		lines, err := s.Lines(ctx, []ids.Invoice{inv.ID})
		if err != nil {
			t.Fatal(err)
		}
		taken := map[string]int64{}
		var credited, rounding int64
		for i, want := range []invoice.CreditLine{{Line: lines[inv.ID][0].ID, Net: 333}, {Line: lines[inv.ID][1].ID, Net: 995}, {Line: lines[inv.ID][0].ID, Net: 667}} {
			note, out, err := s.Credit(ctx, invoice.CreditDraft{Invoice: inv.ID, CauseKey: fmt.Sprint(i), Day: today, Lines: []invoice.CreditLine{want}})
			if err != nil {
				t.Fatal(err)
			}
			var tax int64
			for _, x := range out.Taxes {
				taken[x.Code] += x.Tax
				tax += x.Tax
			}
			if tax != note.Tax {
				t.Errorf("credit %d: taxes %d, note %d", i, tax, note.Tax)
			}
			credited, rounding = credited+note.Total, rounding+out.Rounding
		}
		if !reflect.DeepEqual(taken, map[string]int64{"GST": 100, "PST": 147}) || credited != one.Total || rounding != -2 {
			t.Fatalf("taken %v, %d in all, rounding %d", taken, credited, rounding)
		}
		if got := get(t, s, inv.ID); got.Status != invoice.Void || got.Open() != 0 {
			t.Fatalf("%+v", got)
		}
		sound(t, s)
	})
}

func TestSegmentsAreKept(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, s := context.Background(), service(d)
		inv := issue(t, s, draft(ids.New[ids.Customer](), 1000))[0]
		line := lineOf(t, s, inv.ID)
		first := []invoice.Segment{{From: line.From, To: line.To, Minor: 1000, Closed: today.Add(5)}, {From: today.Add(5), To: line.To, Minor: 439}}
		then := []invoice.Segment{first[0], {From: today.Add(5), To: line.To, Minor: 439, Closed: today.Add(9)}, {From: today.Add(9), To: line.To, Minor: 100}}
		for i, segments := range [][]invoice.Segment{first, then} {
			_, _, err := s.Credit(ctx, invoice.CreditDraft{Invoice: inv.ID, CauseKey: fmt.Sprint(i), Day: today, Lines: []invoice.CreditLine{{Line: line.ID, Net: 200, FromDeferred: 200, Segments: segments}}})
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.Segments(ctx, []ids.Line{line.ID})
			if err != nil || !slices.Equal(got[line.ID], segments) {
				t.Fatalf("%+v, %v", got, err)
			}
		}
	})
}

func TestUncreditedIsWhatIsLeft(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, s := context.Background(), service(d)
		one := draft(ids.New[ids.Customer](), 1000, 500, -300)
		one.Lines[1].From, one.Lines[1].To = period.Day{}, period.Day{}
		inv := issue(t, s, one)[0]
		_, _, err := s.Credit(ctx, invoice.CreditDraft{Invoice: inv.ID, CauseKey: "change:1", Day: today, Lines: []invoice.CreditLine{{Line: lineOf(t, s, inv.ID).ID, Net: 400, From: today.Add(7), To: today.Add(31)}}})
		if err != nil {
			t.Fatal(err)
		}
		left, err := s.Uncredited(ctx, inv.ID)
		if err != nil || len(left) != 3 || left[0].Net != 600 || left[0].To != today.Add(7) || left[1].Net != 500 || !left[1].From.IsZero() || left[2].Net != -300 {
			t.Fatalf("%+v, %v", left, err)
		}
		note, out, err := s.Credit(ctx, invoice.CreditDraft{Invoice: inv.ID, CauseKey: "void:" + string(inv.ID), Day: today, Lines: left})
		if err != nil || note.Net != 800 || note.Total != 960 || !out.Voided {
			t.Fatalf("%+v, %+v, %v", note, out, err)
		}
		if left, err := s.Uncredited(ctx, inv.ID); err != nil || len(left) != 0 {
			t.Fatalf("%+v, %v", left, err)
		}
		sound(t, s)
	})
}
