package audit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/sdk/secret"
)

var noon = time.Date(2027, 3, 1, 12, 0, 0, 123456000, time.UTC)

func TestTrail(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := New(d, clock.At(noon))
		customer := ids.New[ids.Customer]()
		ctx := By(t.Context(), Who{Actor: "staff:stf_1", OnBehalf: "customer:x", Address: "192.0.2.1", RequestID: "r1\nforged"})
		if err := s.Add(ctx, Entry{Action: "customer.update", Subject: string(customer), Customer: customer,
			Before: map[string]any{"name": "A"}, After: map[string]any{"name": "Zoë", "key": secret.New("canary")}}); err != nil {
			t.Fatal(err)
		}
		for i := range 4 {
			if err := s.Add(t.Context(), Entry{Action: "invoice.issue", Subject: fmt.Sprint("inv", i)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Verify(t.Context()); err != nil {
			t.Fatal(err)
		}
		page, err := s.List(t.Context(), Filter{Customer: customer})
		if err != nil || len(page.Rows) != 1 {
			t.Fatalf("%+v, %v", page, err)
		}
		r := page.Rows[0]
		if r.Who.Actor != "staff:stf_1" || r.Who.RequestID != "r1forged" || r.Who.OnBehalf != "customer:x" || !r.At.Equal(noon) || strings.Contains(r.After, "canary") {
			t.Errorf("%+v", r)
		}
		page, err = s.List(t.Context(), Filter{Action: "invoice.", Limit: 3})
		if err != nil || len(page.Rows) != 3 || page.Rows[0].Subject != "inv3" || page.Next == 0 || page.Rows[0].Who.Actor != "system" {
			t.Fatalf("%+v, %v", page, err)
		}
		page, err = s.List(t.Context(), Filter{Action: "invoice.", Limit: 3, Before: page.Next})
		if err != nil || len(page.Rows) != 1 || page.Next != 0 {
			t.Fatalf("%+v, %v", page, err)
		}
		for _, edit := range []string{
			"UPDATE audit SET actor = 'nobody' WHERE subject = 'inv0'",
			"DELETE FROM audit WHERE subject = 'inv1'",
		} {
			undo := errors.New("undo")
			err := d.Tx(t.Context(), func(ctx context.Context) error {
				if _, err := d.Write(ctx).ExecContext(ctx, edit); err != nil {
					return err
				}
				if err := s.Verify(ctx); !errors.Is(err, ErrBroken) {
					t.Errorf("%s: %v", edit, err)
				}
				return undo
			})
			if !errors.Is(err, undo) {
				t.Error(err)
			}
		}
		if err := s.Verify(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestAddUndone(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := New(d, clock.At(noon))
		undo := errors.New("undo")
		if err := d.Tx(t.Context(), func(ctx context.Context) error {
			return errors.Join(s.Add(ctx, Entry{Action: "a.b", Subject: "x"}), undo)
		}); !errors.Is(err, undo) {
			t.Fatal(err)
		}
		if page, err := s.List(t.Context(), Filter{}); err != nil || len(page.Rows) != 0 {
			t.Errorf("%+v, %v", page, err)
		}
	})
}

func TestManyWriters(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := New(d, clock.At(noon))
		var wg sync.WaitGroup
		for i := range 12 {
			wg.Go(func() {
				for n := range 5 {
					if err := s.Add(t.Context(), Entry{Action: "a.b", Subject: fmt.Sprint(i, n)}, Entry{Action: "a.c", Subject: fmt.Sprint(i, n)}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if err := s.Verify(t.Context()); err != nil {
			t.Error(err)
		}
		var n int
		if err := d.Read(t.Context()).QueryRowContext(t.Context(), "SELECT COUNT(*) FROM audit").Scan(&n); err != nil || n != 120 {
			t.Errorf("%d rows, %v", n, err)
		}
	})
}
