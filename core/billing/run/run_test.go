package run_test

import (
	"context"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/run"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
)

func TestARunThatDiedDoesNotCountAsTheDaysRun(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, s := context.Background(), run.New(d)
		day, at := period.Date(2027, 3, 1), time.Date(2027, 3, 1, 0, 10, 0, 0, time.UTC)
		died, ended := ids.New[ids.Run](), ids.New[ids.Run]()
		if err := s.Begin(ctx, died, day, at); err != nil {
			t.Fatal(err)
		}
		if ran, err := s.RanOn(ctx, day); err != nil || ran {
			t.Fatalf("a run that has not ended: %v, %v", ran, err)
		}
		if err := s.Begin(ctx, ended, day, at); err != nil {
			t.Fatal(err)
		}
		if err := s.End(ctx, ended, 5, map[string]string{"bill:b": "no price", "bill:a": "no items"}, at.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if ran, err := s.RanOn(ctx, day); err != nil || !ran {
			t.Fatalf("a run that has ended: %v, %v", ran, err)
		}
		list, err := s.List(ctx, 10)
		if err != nil || len(list) != 2 {
			t.Fatalf("%v, %v", list, err)
		}
		if r := list[0]; r.ID != ended || r.State != run.Done || r.Done != 5 || r.Failed != 2 || len(r.Failures) != 2 || r.Failures[0].Item != "bill:a" || r.Failures[1].Error != "no price" {
			t.Errorf("the newest run reads %+v", r)
		}
		if r := list[1]; r.ID != died || r.State != run.Running || !r.Ended.IsZero() || len(r.Failures) != 0 {
			t.Errorf("the run that died reads %+v", r)
		}
	})
}
