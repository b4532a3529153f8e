package customer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/data/lease"
	"github.com/ezscale/bursar/core/data/outbox"
	"github.com/ezscale/bursar/core/platform/audit"
	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
)

var noon = time.Date(2027, 3, 1, 12, 0, 0, 123456000, time.UTC)

func service(d *db.DB) (*Service, *clock.Stopped) {
	c := clock.At(noon)
	return New(Deps{DB: d, Outbox: outbox.New(d, c, lease.Options{}), Audit: audit.New(d, c), Clock: c}), c
}

// told is the kinds of events about a subject, in order.
func told(t *testing.T, d *db.DB, subject ids.Customer) []string {
	t.Helper()
	rows, err := d.Read(t.Context()).QueryContext(t.Context(), "SELECT kind FROM events WHERE subject = ? ORDER BY id", subject)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var kind string
		if err := rows.Scan(&kind); err != nil {
			t.Fatal(err)
		}
		out = append(out, kind)
	}
	return out
}

func TestACustomerIsKeptWhole(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, c := service(d)
		made, err := s.Create(t.Context(), Newcomer{
			First: "Zoë", Last: "Żuk", Company: "Łódź & Co", Email: "Zoe@Example.com", Phone: "+48 22 123 45 67", TaxID: "PL 1234567890", Currency: "EUR", Locale: "pl-PL",
			Address: sdk.Address{Line1: "Ulica 1", Line2: "m. 2", City: "Łódź", Region: "ld", Postcode: "90-001", Country: "PL"},
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Get(t.Context(), made.ID)
		if err != nil || got != made || got.Number != 1 || got.Status != Active {
			t.Fatalf("%+v\n%+v, %v", got, made, err)
		}
		c.Add(time.Hour)
		changed, err := s.Update(t.Context(), made.ID, func(c *Customer) error {
			*c = Customer{
				ID: "cus_other", Number: 99, Kind: Person, First: "A", Last: "B", Email: "a@example.com", Phone: "+15551234567", TaxID: "US12345", TaxIDChecked: false,
				TaxExempt: true, Currency: "USD", Locale: "en-US", Status: Closed, Combine: false, AutoApply: false, TermsDays: 14, Notes: "a\nb", Version: c.Version,
				Address: sdk.Address{Line1: "1 Road", City: "Austin", Region: "TX", Postcode: "73301", Country: "US"},
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err = s.Get(t.Context(), made.ID)
		if err != nil || got != changed {
			t.Fatalf("%+v\n%+v, %v", got, changed, err)
		}
		if got.Number != 1 || got.Status != Active || got.Version != 2 || !got.Created.Equal(noon) || !got.Updated.Equal(noon.Add(time.Hour)) || got.Address.Region != "TX" ||
			!got.TaxExempt || got.TermsDays != 14 || got.Notes != "a\nb" {
			t.Errorf("%+v", got)
		}
		sdkOne, err := s.SDK(t.Context(), made.ID)
		if err != nil || sdkOne.Number != 1 || sdkOne.Name() != "A B" || sdkOne.Address.Country != "US" {
			t.Errorf("%+v, %v", sdkOne, err)
		}
		if got := told(t, d, made.ID); !slices.Equal(got, []string{EventCreated, EventUpdated}) {
			t.Error(got)
		}
		if page, err := s.audit.List(t.Context(), audit.Filter{Customer: made.ID}); err != nil || len(page.Rows) != 2 || page.Rows[0].Action != "customer.update" ||
			!strings.Contains(page.Rows[0].Before, "Zoë") || !strings.Contains(page.Rows[0].After, "Austin") {
			t.Errorf("%+v, %v", page, err)
		}
	})
}

func TestUpdate(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, _ := service(d)
		n := anna()
		n.TaxID = "PL1234567890"
		made, err := s.Create(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		oops := errors.New("oops")
		for name, tt := range map[string]struct {
			change func(*Customer) error
			want   error
		}{
			"what decide refuses is refused":     {func(c *Customer) error { c.First = "X"; return oops }, oops},
			"a page of an older version":         {func(c *Customer) error { c.First = "X"; c.Version--; return nil }, ErrChanged},
			"a wrong field":                      {func(c *Customer) error { c.Email = "x"; return nil }, fault.New(fault.Invalid, "email_invalid", "")},
			"what changes nothing leaves no row": {func(c *Customer) error { c.First = " Anna "; return nil }, nil},
		} {
			if _, err := s.Update(t.Context(), made.ID, tt.change); !errors.Is(err, tt.want) {
				t.Errorf("%s: %v", name, err)
			}
			if got, err := s.Get(t.Context(), made.ID); err != nil || got != made {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		}
		if got := told(t, d, made.ID); len(got) != 1 {
			t.Error(got)
		}
		checked, err := s.Update(t.Context(), made.ID, func(c *Customer) error { c.TaxIDChecked = true; return nil })
		if err != nil || !checked.TaxIDChecked {
			t.Fatal(checked, err)
		}
		for _, change := range []func(*Customer){
			func(c *Customer) { c.TaxID = "PL0000000001" }, func(c *Customer) { c.Address.Country = "CZ" }, func(c *Customer) { c.TaxID = "" },
		} {
			if _, err := s.Update(t.Context(), made.ID, func(c *Customer) error { c.TaxIDChecked = c.TaxID != ""; return nil }); err != nil {
				t.Fatal(err)
			}
			got, err := s.Update(t.Context(), made.ID, func(c *Customer) error { change(c); return nil })
			if err != nil || got.TaxIDChecked {
				t.Errorf("another number is still checked: %+v, %v", got, err)
			}
		}
		if _, err := s.Update(t.Context(), ids.New[ids.Customer](), func(*Customer) error { return nil }); !errors.Is(err, ErrNotFound) {
			t.Error(err)
		}
		if _, err := s.Get(t.Context(), "cus_x' OR 1=1"); !errors.Is(err, ErrNotFound) {
			t.Error(err)
		}
		for range 2 { // twice is once
			if got, err := s.Close(t.Context(), made.ID); err != nil || got.Status != Closed {
				t.Fatal(got, err)
			}
		}
		if got, err := s.Reopen(t.Context(), made.ID); err != nil || got.Status != Active {
			t.Fatal(got, err)
		}
	})
}

// Two pages change one customer at once: neither change is lost.
func TestUpdatesAtOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, _ := service(d)
		made, err := s.Create(t.Context(), anna())
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if _, err := s.Update(t.Context(), made.ID, func(c *Customer) error { c.TermsDays++; return nil }); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if got, err := s.Get(t.Context(), made.ID); err != nil || got.TermsDays != 20 || got.Version != 21 {
			t.Fatalf("%+v, %v", got, err)
		}
	})
}

func TestNumbersAreUniqueAndAscend(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, _ := service(d)
		elsewhere, _ := service(dbtest.Again(t, d))
		var mu sync.Mutex
		var got []int64
		var wg sync.WaitGroup
		for i := range 40 {
			wg.Go(func() {
				use := s
				if i%2 == 1 {
					use = elsewhere
				}
				if i%4 == 0 { // one that is undone takes no number
					use.db.Tx(t.Context(), func(ctx context.Context) error {
						if _, err := use.Create(ctx, anna()); err != nil {
							return err
						}
						return errors.New("undo")
					})
				}
				c, err := use.Create(t.Context(), anna())
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				got = append(got, c.Number)
			})
		}
		wg.Wait()
		slices.Sort(got)
		for i, n := range got {
			if n != int64(i+1) {
				t.Fatal(got)
			}
		}
		last, err := s.Create(t.Context(), anna())
		if err != nil || last.Number != 41 {
			t.Fatal(last.Number, err)
		}
	})
}

func TestLists(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, c := service(d)
		names := []string{"Żuk", "Alba", "alba", "Öz", "100%", "A_B", "Alba", "Straße"}
		made := map[string]Customer{}
		for i, name := range names {
			n := anna()
			n.First, n.Last, n.Email = "Per", name, fmt.Sprintf("p%d@example.com", i)
			if i == 5 {
				n.Company = "ACME & Söhne"
			}
			one, err := s.Create(t.Context(), n)
			if err != nil {
				t.Fatal(err)
			}
			made[n.Email] = one
			if i%2 == 1 { // pairs share a time
				c.Add(time.Second)
			}
		}
		if _, err := s.Close(t.Context(), made["p3@example.com"].ID); err != nil {
			t.Fatal(err)
		}
		all := func(f Filter) (got []int64) {
			t.Helper()
			for range 20 {
				ctx, count := db.CountQueries(t.Context())
				page, err := s.List(ctx, f)
				if err != nil || count.N() != 2 {
					t.Fatalf("%+v: %v after %d statements", f, err, count.N())
				}
				for _, c := range page.List {
					got = append(got, c.Number)
				}
				if page.Next == "" {
					if page.Total != len(got) {
						t.Errorf("%+v: total %d, %d listed", f, page.Total, len(got))
					}
					return got
				}
				f.After = page.Next
			}
			t.Fatalf("%+v has no end", f)
			return nil
		}
		for name, tt := range map[string]struct {
			f    Filter
			want []int64
		}{
			"newest":                       {Filter{}, []int64{8, 7, 6, 5, 4, 3, 2, 1}},
			"oldest":                       {Filter{Sort: "oldest"}, []int64{1, 2, 3, 4, 5, 6, 7, 8}},
			"by number":                    {Filter{Sort: "number"}, []int64{1, 2, 3, 4, 5, 6, 7, 8}},
			"by name":                      {Filter{Sort: "name"}, []int64{6, 5, 2, 3, 7, 4, 8, 1}},
			"closed only":                  {Filter{Status: Closed}, []int64{4}},
			"part of a name, case ignored": {Filter{Query: "ALB"}, []int64{7, 3, 2}},
			"without its accents":          {Filter{Query: "zuk per"}, []int64{1}},
			"with them":                    {Filter{Query: "ŻUK"}, []int64{1}},
			"a letter that is two":         {Filter{Query: "strasse"}, []int64{8}},
			"a company":                    {Filter{Query: "sohne"}, []int64{6}},
			"the person of a company":      {Filter{Query: "a_b"}, []int64{6}},
			"part of a mail address":       {Filter{Query: "P2@EXAMPLE"}, []int64{3}},
			"a number":                     {Filter{Query: "#8 per"}, []int64{8}},
			"a whole ID":                   {Filter{Query: " " + string(made["p1@example.com"].ID)}, []int64{2}},
			"a percent sign is itself":     {Filter{Query: "%"}, []int64{5}},
			"an underscore too":            {Filter{Query: "_"}, []int64{6}},
			"a quote finds nothing":        {Filter{Query: `' OR "1"="1`}, nil},
		} {
			for _, limit := range []int{0, 1, 3} {
				tt.f.Limit = limit
				if got := all(tt.f); !slices.Equal(got, tt.want) {
					t.Errorf("%s, %d a page: %v, want %v", name, limit, got, tt.want)
				}
			}
		}
		for _, f := range []Filter{{Sort: "email"}, {Sort: "id; DROP TABLE customers"}, {After: "x"}, {After: "eA"}, {Sort: "number", After: "eAB5"}} {
			if _, err := s.List(t.Context(), f); fault.KindOf(err) != fault.Invalid {
				t.Errorf("%+v: %v", f, err)
			}
		}
		ctx, count := db.CountQueries(t.Context())
		var set []ids.Customer
		for _, one := range made {
			set = append(set, one.ID)
		}
		many, err := s.Many(ctx, append(set, ids.New[ids.Customer]()))
		if err != nil || len(many) != len(names) || count.N() != 1 || many[made["p0@example.com"].ID].Last != "Żuk" {
			t.Errorf("%d of many, %d statements, %v", len(many), count.N(), err)
		}
		if none, err := s.Many(t.Context(), nil); err != nil || len(none) != 0 {
			t.Error(none, err)
		}
	})
}
