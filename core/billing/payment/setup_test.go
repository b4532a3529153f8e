package payment_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/payment"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/core/data/lease"
	"github.com/ezscale/bursar/core/data/outbox"
	"github.com/ezscale/bursar/core/platform/secret"
	"github.com/ezscale/bursar/sdk/gateway"
	"github.com/ezscale/bursar/sdk/money"
)

const account = "stripe:acct_1:test"

var (
	t0    = time.Date(2027, 3, 10, 9, 0, 0, 0, time.UTC)
	today = period.Date(2027, 3, 10)
)

// desk is one customer and a service on a database. A row of the settings stands for the customer's.
type desk struct {
	*payment.Service
	t     *testing.T
	db    *db.DB
	clock *clock.Stopped
	cus   ids.Customer
}

func open(t *testing.T, d *db.DB) *desk {
	t.Helper()
	k := &desk{t: t, db: d, clock: clock.At(t0), cus: ids.New[ids.Customer]()}
	k.customer(k.cus)
	k.Service = service(t, d, k.clock)
	return k
}

func (k *desk) customer(id ids.Customer) {
	k.t.Helper()
	if err := k.db.InsertRows(k.t.Context(), "settings", []string{"name", "value", "version", "updated_at", "updated_by"}, [][]any{{id, "", 1, t0, ""}}); err != nil {
		k.t.Fatal(err)
	}
}

func service(t *testing.T, d *db.DB, c clock.Clock) *payment.Service {
	t.Helper()
	box, err := secret.New(bytes.Repeat([]byte{7}, secret.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return payment.NewService(payment.Deps{DB: d, Clock: c, Box: box, Outbox: outbox.New(d, c, lease.Options{}),
		LockCustomer: func(ctx context.Context, id ids.Customer) error {
			var v int
			return d.Write(ctx).QueryRowContext(ctx, "SELECT version FROM settings WHERE name = ?"+d.ForUpdate(), id).Scan(&v)
		}})
}

// again is the same desk in another process.
func (k *desk) again() *payment.Service { return service(k.t, dbtest.Again(k.t, k.db), k.clock) }

func eur(minor int64) money.Amount { return money.Of(minor, "EUR") }

func (k *desk) visit(invoices ...ids.Invoice) payment.New {
	return payment.New{Customer: k.cus, Gateway: "us", AccountKey: account, Purpose: payment.Visit, Amount: eur(3000), Return: "/return", Invoices: invoices}
}

// sent plans and sends a visit for a new invoice.
func (k *desk) sent() payment.Attempt {
	k.t.Helper()
	a, err := k.Plan(k.t.Context(), k.visit(ids.New[ids.Invoice]()))
	if err == nil {
		a, err = k.Send(k.t.Context(), a.ID)
	}
	if err != nil {
		k.t.Fatal(err)
	}
	return a
}

func report(a payment.Attempt, ref string) payment.Report {
	return payment.Report{AccountKey: a.AccountKey, Gateway: a.Gateway, Ref: ref, Key: string(a.ID), State: payment.Captured, Amount: a.Amount, On: today, Source: payment.FromGateway}
}

// paid is money that has come for a new invoice.
func (k *desk) paid(ref string) (payment.Payment, payment.Attempt) {
	k.t.Helper()
	a := k.sent()
	got, err := k.Receive(k.t.Context(), report(a, ref))
	if err != nil || !got.Fresh || got.Held {
		k.t.Fatalf("%+v, %v", got, err)
	}
	return got.Payment, *got.Attempt
}

func (k *desk) attempt(id ids.Attempt) payment.Attempt {
	k.t.Helper()
	a, err := k.Get(k.t.Context(), id)
	if err != nil {
		k.t.Fatal(err)
	}
	return a
}

func (k *desk) payment(id ids.Payment) payment.Payment {
	k.t.Helper()
	p, err := k.Payment(k.t.Context(), id)
	if err != nil {
		k.t.Fatal(err)
	}
	return p
}

func (k *desk) ok(err error) {
	k.t.Helper()
	if err != nil {
		k.t.Fatal(err)
	}
}

// events are what was told, oldest first.
func (k *desk) events(kind string) []payment.Fact {
	k.t.Helper()
	rows, err := k.db.Read(k.t.Context()).QueryContext(k.t.Context(), "SELECT payload FROM events WHERE kind = ? ORDER BY id", kind)
	k.ok(err)
	defer rows.Close()
	var out []payment.Fact
	for rows.Next() {
		var text string
		var f payment.Fact
		k.ok(rows.Scan(&text))
		k.ok(json.Unmarshal([]byte(text), &f))
		out = append(out, f)
	}
	k.ok(rows.Err())
	return out
}

func (k *desk) count(query string, args ...any) int {
	k.t.Helper()
	var n int
	k.ok(k.db.Read(k.t.Context()).QueryRowContext(k.t.Context(), query, args...).Scan(&n))
	return n
}

// together runs n functions at once and counts those that answered nil; every other error must be one that may be.
func together(t *testing.T, n int, may func(error) bool, run func(i int) error) (done int) {
	t.Helper()
	errs := make([]error, n)
	var start, all sync.WaitGroup
	start.Add(1)
	for i := range n {
		all.Go(func() {
			start.Wait()
			errs[i] = run(i)
		})
	}
	start.Done()
	all.Wait()
	for i, err := range errs {
		switch {
		case err == nil:
			done++
		case !may(err):
			t.Error(fmt.Errorf("number %d: %w", i, err))
		}
	}
	return done
}

func never(error) bool { return false }

func card(id string) gateway.Method {
	return gateway.Method{ID: id, Kind: "card", Brand: "visa", Last4: "4242", ExpYear: 2029, ExpMonth: 5, Notes: map[string]string{"secret": "canary-" + id}}
}
