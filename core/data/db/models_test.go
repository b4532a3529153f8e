package db_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/volatiletech/null/v8"
	"github.com/volatiletech/sqlboiler/v4/boil"
	"github.com/volatiletech/sqlboiler/v4/queries/qm"

	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/data/models"
)

// One set of generated models works on both databases: insert, find, change, lock, delete, keys made by
// the server, and NULL. An insert is one statement.
func TestModels(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, count := db.CountQueries(t.Context())
		day := period.Date(2027, 1, 31)
		at := time.Date(2027, 1, 31, 12, 0, 0, 123456000, time.UTC)
		order := &models.Order{
			ID: "ord_1", NumberNo: 1 << 60, CustomerID: "cus_1", Status: "pending", Currency: "EUR", Quote: `{"é":"€"}`,
			ExpiresOn: day, PlacedAt: at, PlacedBy: "customer", RequestKey: "k", TermsVersion: "1",
		}
		if err := order.Insert(ctx, d.Write(ctx), boil.Infer()); err != nil {
			t.Fatal(err)
		}
		if count.N() != 1 {
			t.Errorf("an insert took %q", count.Statements())
		}
		err := d.Tx(ctx, func(ctx context.Context) error {
			got, err := models.Orders(models.OrderWhere.ID.EQ("ord_1"), d.Lock()).One(ctx, d.Read(ctx))
			if err != nil {
				return err
			}
			if got.ExpiresOn != day || !got.PlacedAt.Equal(at) || got.InvoiceID.Valid || got.NumberNo != 1<<60 || got.Quote != order.Quote {
				t.Errorf("read %+v", got)
			}
			got.InvoiceID = null.StringFrom("inv_1")
			got.ExpiresOn = period.Day{}
			_, err = got.Update(ctx, d.Write(ctx), boil.Whitelist(models.OrderColumns.InvoiceID, models.OrderColumns.ExpiresOn))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := models.FindOrder(ctx, d.Read(ctx), "ord_1")
		if err != nil || got.InvoiceID.String != "inv_1" || !got.ExpiresOn.IsZero() {
			t.Fatalf("%+v, %v", got, err)
		}
		if n, err := models.Orders(models.OrderWhere.ExpiresOn.IsNull(), qm.OrderBy("id"), qm.Limit(5)).Count(ctx, d.Read(ctx)); err != nil || n != 1 {
			t.Fatal(n, err)
		}
		if err := order.Insert(ctx, d.Write(ctx), boil.Infer()); !db.IsDuplicate(err) {
			t.Fatalf("a second time: %v", err)
		}
		event := &models.Event{Kind: "k", Subject: "s", Payload: "{}", At: at, Pending: null.BoolFrom(true)}
		if err := event.Insert(ctx, d.Write(ctx), boil.Infer()); err != nil || event.ID == 0 {
			t.Fatal(event.ID, err)
		}
		if _, err := got.Delete(ctx, d.Write(ctx)); err != nil {
			t.Fatal(err)
		}
		if _, err := models.FindOrder(ctx, d.Read(ctx), "ord_1"); !errors.Is(err, sql.ErrNoRows) {
			t.Fatal(err)
		}
	})
}
