package ledger_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/base/ids"
	"github.com/ezscale/bursar/core/base/period"
	"github.com/ezscale/bursar/core/billing/ledger"
	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/core/data/dbtest"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/money"
)

var now = time.Date(2027, 3, 10, 9, 0, 0, 0, time.UTC)

func service(d *db.DB) *ledger.Service {
	return ledger.New(ledger.Deps{DB: d, Clock: clock.At(now), Base: ledger.In("EUR")})
}

func head(cus ids.Customer, cause, currency string) ledger.Head {
	return ledger.Head{Cause: cause, Day: period.Date(2027, 3, 10), Currency: currency, Customer: cus}
}

func TestBalanceFollowsItsEntries(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, s, cus := context.Background(), service(d), ids.New[ids.Customer]()
		if err := s.Post(ctx, ledger.AddFunds(head(cus, "pay_1", "EUR"), "stripe", 5000)); err != nil {
			t.Fatal(err)
		}
		if err := s.Post(ctx, ledger.AddFunds(head(cus, "pay_1", "EUR"), "stripe", 5000)); !errors.Is(err, ledger.ErrPosted) {
			t.Fatalf("posted twice: %v", err)
		}
		err := s.Post(ctx, ledger.PayBalance(head(cus, "pay_2", "EUR"), []ledger.Part{{Invoice: "inv_1", Open: 5001}}))
		if !errors.Is(err, ledger.ErrBalance) {
			t.Fatalf("more than there is was taken: %v", err)
		}
		if err := s.Post(ctx, ledger.PayBalance(head(cus, "pay_3", "EUR"), []ledger.Part{{Invoice: "inv_1", Open: 1200}})); err != nil {
			t.Fatal(err)
		}
		got, err := s.BalanceIn(ctx, cus, "EUR")
		if err != nil || got != money.Of(3800, "EUR") {
			t.Fatalf("balance %s, %v", got, err)
		}
		moves, err := s.Moves(ctx, cus, "", 10)
		if err != nil || len(moves) != 2 || moves[0].Amount != money.Of(-1200, "EUR") || moves[1].Event != "add_funds" || moves[1].Cause != "pay_1" {
			t.Fatalf("moves %+v, %v", moves, err)
		}
		lines, err := s.TrialBalance(ctx, period.Date(2027, 12, 31))
		if err != nil {
			t.Fatal(err)
		}
		var sum int64
		for _, l := range lines {
			sum += l.Base.Minor()
		}
		if len(lines) != 3 || sum != 0 {
			t.Fatalf("trial balance %+v", lines)
		}
		if err := s.Post(ctx, ledger.Posting{Event: "x", Cause: "y", Currency: "EUR", Day: period.Date(2027, 3, 1), Entries: []ledger.Entry{{Account: ledger.Bank, Minor: 1}}}); fault.KindOf(err) != fault.Internal {
			t.Fatalf("an entry alone was posted: %v", err)
		}
	})
}

// TestBalanceIsNotSpentTwice is RC-2 at its root: twenty at once want all of it.
func TestBalanceIsNotSpentTwice(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, s, cus := context.Background(), service(d), ids.New[ids.Customer]()
		if err := s.Post(ctx, ledger.AddFunds(head(cus, "pay_1", "EUR"), "stripe", 1000)); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		results := make(chan error, 20)
		for range 20 {
			wg.Go(func() {
				results <- s.Post(ctx, ledger.PayBalance(head(cus, string(ids.New[ids.Payment]()), "EUR"), []ledger.Part{{Invoice: "inv_1", Open: 1000}}))
			})
		}
		wg.Wait()
		close(results)
		done := 0
		for err := range results {
			if err == nil {
				done++
			} else if !errors.Is(err, ledger.ErrBalance) {
				t.Error(err)
			}
		}
		if got, _ := s.BalanceIn(ctx, cus, "EUR"); done != 1 || !got.IsZero() {
			t.Fatalf("spent %d times, %s left", done, got)
		}
	})
}

func TestForeignCurrencyKeepsItsValue(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, s, cus := context.Background(), service(d), ids.New[ids.Customer]()
		if err := s.Post(ctx, ledger.AddFunds(head(cus, "pay_1", "USD"), "stripe", 100)); !errors.Is(err, ledger.ErrNoRate) {
			t.Fatalf("without a rate: %v", err)
		}
		rate := func(pico int64, from time.Time) {
			t.Helper()
			err := d.InsertRows(ctx, "exchange_rates", []string{"id", "currency", "base", "rate_pico", "valid_from", "source"},
				[][]any{{string(ids.New[ids.Rate]()), "USD", "EUR", pico, from, "test"}})
			if err != nil {
				t.Fatal(err)
			}
		}
		rate(900_000_000_000, now.Add(-time.Hour))
		rate(500_000_000_000, now.Add(time.Hour)) // not valid yet
		h := head(cus, "inv_1", "USD")
		h.RatePico = 920_000_000_000
		err := s.PostSet(ctx, []ledger.Posting{
			ledger.Issue(h, "inv_1", ledger.Sale{Deferred: []ledger.Amount{{Minor: 10_000}}}),
			ledger.PayGateway(head(cus, "pay_1", "USD"), "stripe", 3333, []ledger.Part{{Invoice: "inv_1", Open: 3333}}),
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Post(ctx, ledger.PayGateway(head(cus, "pay_2", "USD"), "stripe", 6667, []ledger.Part{{Invoice: "inv_1", Open: 6667}})); err != nil {
			t.Fatal(err)
		}
		lines, err := s.TrialBalance(ctx, period.Date(2027, 12, 31))
		if err != nil {
			t.Fatal(err)
		}
		got := map[ledger.Account][2]int64{}
		for _, l := range lines {
			got[l.Account] = [2]int64{l.Amount.Minor(), l.Base.Minor()}
		}
		if got[ledger.Receivable] != [2]int64{} || got[ledger.Clearing] != [2]int64{10_000, 9000} || got[ledger.ExchangeDifference] != [2]int64{0, 200} {
			t.Fatalf("%v", got)
		}
	})
}

func TestBooks(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, s := context.Background(), service(d)
		b, err := s.Books(ctx)
		if err != nil || b.Base != "EUR" || !b.ClosedTo.IsZero() {
			t.Fatalf("%+v, %v", b, err)
		}
		day := period.Date(2027, 3, 9)
		if err := s.Recognised(ctx, day); err != nil {
			t.Fatal(err)
		}
		later := ledger.New(ledger.Deps{DB: d, Clock: clock.At(now), Base: ledger.In("USD")}) // the settings changed
		if b, err := later.Books(ctx); err != nil || b.Base != "USD" || !b.RecognisedTo.IsZero() {
			t.Fatalf("looking has opened the books: %+v, %v", b, err)
		}
		if err := s.Post(ctx, ledger.AddFunds(head("cus_0", "pay_0", "EUR"), "stripe", 1)); err != nil {
			t.Fatal(err)
		}
		if b, err := later.Books(ctx); err != nil || b.Base != "EUR" {
			t.Fatalf("the first posting did not open them: %+v, %v", b, err)
		}
		for _, on := range []period.Day{day, day.Add(-3)} { // never back
			if err := s.Recognised(ctx, on); err != nil {
				t.Fatal(err)
			}
		}
		if b, err := s.Books(ctx); err != nil || b.RecognisedTo != day {
			t.Fatalf("%+v, %v", b, err)
		}
		if _, err := d.Write(ctx).ExecContext(ctx, "UPDATE ledger_books SET closed_to = ?", period.Date(2027, 3, 31)); err != nil {
			t.Fatal(err)
		}
		if err := s.Post(ctx, ledger.AddFunds(head("cus_1", "pay_1", "EUR"), "stripe", 1)); err != nil {
			t.Fatal(err)
		}
		moves, err := s.Moves(ctx, "cus_1", "", 1)
		if err != nil || len(moves) != 1 || moves[0].Day != period.Date(2027, 4, 1) {
			t.Fatalf("a closed day was posted into: %+v, %v", moves, err)
		}
	})
}
